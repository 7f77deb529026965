//! When Fargate takes a task away: retirement of old platform revisions, and interruption on Fargate Spot.
//!
//! Documented: a retirement is announced, and carried out 0, 7 (the default) or 14 days later on the tasks that run
//! since before; a Spot task has a warning of 120 s with SIGTERM at once, and SIGKILL after its `stopTimeout`, 30 s by
//! default. How often Spot is interrupted is unpublished: a Poisson process by task (assumed), at a share by month.

use crate::base::distribution::standard_exponential;
use crate::base::random::Stream;
use crate::base::time::{SimSpan, SimTime};

/// The warning before a Fargate Spot task has to be gone (documented).
pub const SPOT_WARNING: SimSpan = SimSpan::from_secs(120);

/// Share of Fargate Spot tasks that are interrupted over a month, percent. Assumed.
pub const MONTHLY_PERCENT: f64 = 5.0;

const HOURS_OF_MONTH: f64 = 730.0;
const SECONDS_OF_HOUR: f64 = 3_600.0;

/// `fargateTaskRetirementWaitPeriod`, an account setting.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RetirementWait {
    /// At once.
    None,
    /// Seven days.
    #[default]
    Days7,
    /// Fourteen days.
    Days14,
}

impl RetirementWait {
    /// All of them with their values in the API, days.
    pub const ALL: [(RetirementWait, &'static str); 3] =
        [(RetirementWait::None, "0"), (RetirementWait::Days7, "7"), (RetirementWait::Days14, "14")];

    /// How long it is.
    #[must_use]
    pub fn span(self) -> SimSpan {
        let days = match self {
            RetirementWait::None => 0,
            RetirementWait::Days7 => 7,
            RetirementWait::Days14 => 14,
        };
        SimSpan::from_secs(days * 86_400)
    }
}

/// When a task that started at `started` is retired, with notices at `notices` in order: it runs on the revision of its
/// start, so the first notice from there on is meant for it. `None`: it is not.
#[must_use]
pub fn retirement(started: SimTime, notices: &[SimTime], wait: RetirementWait) -> Option<SimTime> {
    let index = notices.partition_point(|&notice| notice < started);
    notices.get(index).map(|&notice| notice + wait.span())
}

/// The rate of interruptions by task and hour at which `monthly_percent` of tasks are interrupted over a month.
#[must_use]
pub fn spot_hazard_per_hour(monthly_percent: f64) -> f64 {
    -libm::log1p(-(monthly_percent / 100.0).clamp(0.0, 0.999_999)) / HOURS_OF_MONTH
}

/// When a Spot task that started at `started` is warned; `None`: never.
#[must_use]
pub fn spot_warning(started: SimTime, per_hour: f64, dice: &mut Stream) -> Option<SimTime> {
    if per_hour <= 0.0 {
        return None;
    }
    let seconds = standard_exponential(dice) / per_hour * SECONDS_OF_HOUR;
    Some(started + SimSpan::from_secs_f64(seconds))
}

/// How long containers have from the warning, with SIGTERM at once, to SIGKILL.
#[must_use]
pub fn spot_grace(stop_timeout: SimSpan) -> SimSpan {
    stop_timeout.min(SPOT_WARNING)
}
