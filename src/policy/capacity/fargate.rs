//! When Fargate takes a task away: retirement of old platform revisions, and interruption on Fargate Spot.
//!
//! Documented: a retirement is announced, and carried out 0, 7 (the default) or 14 days later, or in an event window, on
//! the tasks that run since before; a Spot task has SIGTERM at once, and SIGKILL after its `stopTimeout`, 30 s by default.
//! How often Spot is interrupted is unpublished: a Poisson process by task (assumed), at a rate that is given.

use crate::base::distribution::standard_exponential;
use crate::base::random::Stream;
use crate::base::time::{SimSpan, SimTime};

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

/// A weekly event window (`fargateEventWindows`), in hours from Monday 00:00 UTC on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EventWindow {
    /// Where it begins: 0 to 167.
    pub from: u32,
    /// How long it is: 2 at least (documented).
    pub hours: u32,
}

/// When tasks are retired of which notice is given at `notice`: after the wait, and where there are event windows in the
/// first of them that is open then or later (assumed: a window does not shorten the wait). Time zero is `epoch_s` seconds
/// after 1970. A task runs on the revision of its start: the notice is meant for those that have started by then.
#[must_use]
pub fn retires_at(
    notice: SimTime,
    wait: RetirementWait,
    windows: &[EventWindow],
    epoch_s: i64,
) -> SimTime {
    let at = notice + wait.span();
    let until_open = |window: &EventWindow| {
        let since = since_open(at, window, epoch_s);
        if since < u64::from(window.hours) * HOUR { 0 } else { WEEK - since }
    };
    let wait = windows.iter().map(until_open).min();
    at + SimSpan(wait.unwrap_or(0))
}

/// When the last of the event windows ends that are open at `at`; `None`: none is.
#[must_use]
pub fn retires_until(at: SimTime, windows: &[EventWindow], epoch_s: i64) -> Option<SimTime> {
    let until_end = |window: &EventWindow| {
        (u64::from(window.hours) * HOUR).checked_sub(since_open(at, window, epoch_s))
    };
    let last = windows.iter().filter_map(until_end).max()?;
    (last > 0).then(|| at + SimSpan(last))
}

/// Microseconds.
const HOUR: u64 = 3_600 * 1_000_000;
const WEEK: u64 = 7 * 24 * HOUR;

/// How long ago a window has begun at `at`, microseconds.
fn since_open(at: SimTime, window: &EventWindow, epoch_s: i64) -> u64 {
    // 1970 began on a Thursday: three days after a Monday.
    let week = (WEEK / 1_000_000) as i64;
    let second = (epoch_s + 3 * 86_400).rem_euclid(week) as u64;
    let into_week = (at.0 % WEEK + second * 1_000_000) % WEEK;
    (into_week + WEEK - u64::from(window.from) * HOUR) % WEEK
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
