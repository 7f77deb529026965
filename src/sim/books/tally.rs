//! Counts of tasks.

use crate::base::id::Column;
use crate::base::money::NanoUsd;
use crate::base::time::SimSpan;
use crate::metrics::capacity::Totals;
use crate::model::ids::ProviderId;
use crate::model::lifecycle::{STATUS_COUNT, TaskStatus};
use crate::model::provisioning::{WAIT_CAUSES, WaitSpans};
use crate::model::resources::Resources;
use crate::sim::task::{Place, Task};
use std::collections::BTreeMap;

/// Counts of tasks over the whole run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Tasks that callers wanted.
    pub submitted: u64,
    /// Tasks that were placed.
    pub placed: u64,
    /// Tasks that reached RUNNING.
    pub started: u64,
    /// Stopped tasks with exit code 0.
    pub completed: u64,
    /// Stopped tasks with another exit code.
    pub failed: u64,
    /// Tasks that SIGKILL had to end.
    pub killed: u64,
    /// Σ of the time that tasks were RUNNING, microseconds.
    pub running_micros: u128,
    /// Tasks that were never placed, by reason.
    pub refused: BTreeMap<&'static str, u64>,
    /// Live tasks by provider.
    pub live: Column<ProviderId, Live>,
    /// Fargate's rounding.
    pub rounding: Rounding,
    /// Σ of the time that tasks waited in PROVISIONING for capacity, by cause, microseconds.
    pub waited: [u128; WAIT_CAUSES],
    /// Σ of the time that placed tasks were in PROVISIONING, for their network interfaces, microseconds.
    pub interface_micros: u128,
    /// Tasks on Fargate because EC2 had no room for them.
    pub overflow: Overflowed,
    /// Tasks that ended with their instance.
    pub lost: u64,
    /// Auto Scaling groups by provider; `None` for a fixed fleet and for Fargate.
    pub groups: Column<ProviderId, Option<GroupCounts>>,
    /// Instances that were launched after the beginning.
    pub launched: u64,
    /// Instances that groups took from their warm pools.
    pub warm_starts: u64,
    /// Launches that found no capacity.
    pub launches_failed: u64,
    /// Tasks that could not reach what they need to start, or were denied it.
    pub without_access: u64,
    /// Spot instances that EC2 took back.
    pub interrupted: u64,
    /// Instances that ended with their capacity reservation.
    pub reclaimed: u64,
    /// Spot tasks that Fargate took back.
    pub fargate_interrupted: u64,
    /// Tasks that Fargate retired.
    pub fargate_retired: u64,
    /// Instances that refreshes ended.
    pub refreshed: u64,
    /// Instances that ended because they were as old as they may be.
    pub too_old: u64,
    /// Instance refreshes that have replaced what they were to replace.
    pub refreshes_successful: u64,
    /// Those that have failed.
    pub refreshes_failed: u64,
    /// Instances that ended.
    pub ended: u64,
}

impl Tally {
    /// Nothing counted, over so many providers.
    #[must_use]
    pub fn new(providers: usize) -> Tally {
        let live = (0..providers).map(|_| Live::default()).collect();
        let groups = (0..providers).map(|_| None).collect();
        Tally { live, groups, ..Tally::default() }
    }

    /// A task has waited for capacity, for this.
    pub fn has_waited(&mut self, spans: &WaitSpans) {
        for (sum, span) in self.waited.iter_mut().zip(spans) {
            *sum += u128::from(span.0);
        }
    }

    /// A task begins to wait in PROVISIONING for capacity, or waits no more.
    pub fn waits(&mut self, provider: ProviderId, begins: bool) {
        let count = &mut self.live[provider].by_status[TaskStatus::Provisioning as usize];
        *count = if begins { *count + 1 } else { *count - 1 };
    }

    /// A task goes to Fargate, since its EC2 capacity provider had no room for it.
    pub fn overflows(&mut self, waited: SimSpan) {
        self.overflow.tasks += 1;
        self.overflow.waited_micros += u128::from(waited.0);
    }

    /// A task was RUNNING for so long.
    #[inline]
    pub fn ran(&mut self, ran: SimSpan, has_overflowed: bool) {
        self.running_micros += u128::from(ran.0);
        if has_overflowed {
            self.overflow.running_micros += u128::from(ran.0);
        }
    }

    /// A task was placed and begins its life.
    #[inline]
    pub fn placed(&mut self, task: &Task, asked: Resources) {
        self.placed += 1;
        self.live[task.provider].by_status[task.status as usize] += 1;
        if let Place::Fargate(_) = task.place {
            self.rounding.asked_cpu += u64::from(asked.cpu);
            self.rounding.given_cpu += u64::from(task.demand.cpu);
            self.rounding.asked_memory += u64::from(asked.memory);
            self.rounding.given_memory += u64::from(task.demand.memory);
        }
    }

    /// A task went from one state to the next.
    #[inline]
    pub fn status_changes(&mut self, provider: ProviderId, from: TaskStatus, to: TaskStatus) {
        let counts = &mut self.live[provider].by_status;
        counts[from as usize] -= 1;
        if to != TaskStatus::Stopped {
            counts[to as usize] += 1;
        }
    }

    /// Tasks were refused for good.
    pub fn refuse(&mut self, reason: &'static str, tasks: u64) {
        *self.refused.entry(reason).or_default() += tasks;
    }

    /// A task has stopped.
    #[inline]
    pub fn stopped(&mut self, task: &Task) {
        if task.exit_code == 0 {
            self.completed += 1;
        } else {
            self.failed += 1;
        }
    }
}

/// Instances of a group by what they are doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GroupCounts {
    /// `DesiredCapacity`.
    pub desired: u32,
    /// Launched and not registered yet.
    pub launching: u32,
    /// ACTIVE.
    pub active: u32,
    /// DRAINING.
    pub draining: u32,
    /// In the warm pool, those on their way to it included.
    pub warm: u32,
}

/// Tasks that were to run on EC2 and are on Fargate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Overflowed {
    /// How many.
    pub tasks: u64,
    /// Σ of the time from the accepted request to Fargate, microseconds.
    pub waited_micros: u128,
    /// Σ of the time that they were RUNNING, microseconds.
    pub running_micros: u128,
    /// What they cost.
    pub usd: NanoUsd,
}

impl Overflowed {
    /// A task has stopped, or the run has, and it cost so much.
    #[inline]
    pub fn cost(&mut self, task: &Task, usd: NanoUsd) {
        if task.has_overflowed {
            self.usd += usd;
        }
    }
}

/// How much Fargate's sizes waste.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rounding {
    /// CPU units that tasks asked for.
    pub asked_cpu: u64,
    /// CPU units of their sizes.
    pub given_cpu: u64,
    /// MiB that tasks asked for.
    pub asked_memory: u64,
    /// MiB of their sizes.
    pub given_memory: u64,
}

/// Live tasks and held resources of one provider.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Live {
    /// Tasks by status, STOPPED not counted.
    pub by_status: [u32; STATUS_COUNT],
    /// Resources that tasks have taken on hosts or on Fargate.
    pub held: Totals,
}
