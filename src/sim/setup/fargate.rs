//! How Fargate's capacity fails: what is set up of it.

use crate::base::time::{SimSpan, SimTime};
use crate::model::ids::{ProviderId, ZoneId};
use crate::model::platform::Purchase;
use crate::model::spot::Availability;

/// Tasks that find no room with their EC2 capacity provider start on Fargate (beyond ECS, which knows no such fallback).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Overflow {
    /// FARGATE or FARGATE_SPOT of the cluster.
    pub provider: ProviderId,
    /// How long a task waits in PROVISIONING for room on EC2 first; zero: not at all.
    pub after: SimSpan,
    /// When Fargate is asked again that had no capacity for it; above zero.
    pub again: SimSpan,
}

/// How Fargate takes tasks away and has none to give.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct FargateRisks {
    /// Interruptions of each Spot task in an hour.
    pub spot_per_task_hour: f64,
    /// A zone takes back many Spot tasks at once: so often an hour, and such a share of them in percent.
    pub spot_reclaims: Option<(f64, u32)>,
    /// Spot tasks that are taken back at known instants.
    pub scripted: Vec<SpotReclaim>,
    /// How many Spot tasks some zones can hold, over time.
    pub limits: Vec<SpotLimit>,
    /// When there is no capacity for new tasks.
    pub shortages: Vec<FargateShortage>,
    /// When tasks are retired, in order of time.
    pub retirements: Vec<Retirement>,
}

impl FargateRisks {
    /// Whether tasks of callers may be stopped before their work is done.
    #[must_use]
    pub fn stops_tasks(&self) -> bool {
        self.spot_per_task_hour > 0.0
            || self.spot_reclaims.is_some()
            || !self.scripted.is_empty()
            || !self.limits.is_empty()
            || !self.retirements.is_empty()
    }
}

/// Spot tasks are taken back at an instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SpotReclaim {
    /// When.
    pub at: SimTime,
    /// Where; `None`: in all zones together.
    pub zone: Option<ZoneId>,
    /// How many.
    pub amount: Amount,
}

/// How many of the tasks that are there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Amount {
    /// So many at most.
    Tasks(u32),
    /// Such a share in percent, rounded up.
    Percent(u32),
}

impl Amount {
    /// How many of `there`.
    #[must_use]
    pub fn of(self, there: usize) -> usize {
        match self {
            Amount::Tasks(tasks) => there.min(tasks as usize),
            Amount::Percent(percent) => (there * percent as usize).div_ceil(100).min(there),
        }
    }
}

/// How many Spot tasks a zone can hold, or all zones together.
#[derive(Clone, PartialEq, Debug)]
pub struct SpotLimit {
    /// Where; `None`: in all zones together.
    pub zone: Option<ZoneId>,
    /// How many, from each instant on.
    pub changes: Vec<Availability>,
}

/// No task can be placed for a while.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FargateShortage {
    /// Where; `None`: everywhere.
    pub zone: Option<ZoneId>,
    /// How tasks are not to be had; `None`: neither way.
    pub purchase: Option<Purchase>,
    /// From when on.
    pub from: SimTime,
    /// Until when.
    pub until: SimTime,
}

/// A revision of the platform is retired: tasks that had started by the notice are stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retirement {
    /// When it is announced.
    pub notice: SimTime,
    /// When the tasks are stopped; services begin to replace theirs.
    pub at: SimTime,
    /// When the event window ends: what a service has not replaced by then is stopped all the same.
    pub until: Option<SimTime>,
}
