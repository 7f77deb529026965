//! The launch throttle: how long a service waits after tasks that could not start.
//!
//! Documented: only tasks that stop before RUNNING, or cannot be placed, count; a task that ran and then crashed is
//! replaced at once; the delay grows to 27 minutes; a new task definition ends it. Assumed: the steps
//! ([`SchedulerSettings`]), and that a task that starts properly ends it, too.

use crate::base::time::{SimSpan, SimTime};
use crate::model::service::SchedulerSettings;

/// The throttle of one service.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Throttle {
    launch_failures: u32,
    placement_failures: u32,
    until: SimTime,
}

impl Throttle {
    /// A task of the service stopped before RUNNING. While the throttle holds, further failures belong to the attempt
    /// that made it hold, and neither count nor lengthen it (assumed).
    pub fn failed_to_start(&mut self, now: SimTime, settings: &SchedulerSettings) {
        if self.blocked_until(now).is_some() {
            return;
        }
        self.launch_failures = self.launch_failures.saturating_add(1);
        if let Some(beyond) = self.launch_failures.checked_sub(settings.throttle_after.max(1)) {
            self.until = now + delay(&settings.throttle_delays, beyond);
        }
    }

    /// An attempt to place a task found no room. While the throttle holds it does not count.
    pub fn could_not_place(&mut self, now: SimTime, settings: &SchedulerSettings) {
        if self.blocked_until(now).is_some() {
            return;
        }
        self.until = now + delay(&settings.placement_delays, self.placement_failures);
        self.placement_failures = self.placement_failures.saturating_add(1);
    }

    /// A task reached RUNNING.
    pub fn started(&mut self) {
        *self = Throttle::default();
    }

    /// The service got a new task definition.
    pub fn reset(&mut self) {
        *self = Throttle::default();
    }

    /// An instance registered: ends the present wait where the settings say so; the next failure waits longer.
    pub fn instance_registered(&mut self, settings: &SchedulerSettings) {
        if settings.new_instance_wakes {
            self.until = SimTime::ZERO;
        }
    }

    /// Until when no task may start; `None`: tasks may start now.
    #[must_use]
    pub fn blocked_until(&self, now: SimTime) -> Option<SimTime> {
        (self.until > now).then_some(self.until)
    }

    /// Whether launch failures have made the throttle hold: the service event "unable to consistently start tasks
    /// successfully" (documented).
    #[must_use]
    pub fn is_impaired(&self, settings: &SchedulerSettings) -> bool {
        self.launch_failures >= settings.throttle_after.max(1)
    }
}

/// The delay at `index`, the last one for ever; none without delays.
fn delay(delays: &[SimSpan], index: u32) -> SimSpan {
    let at = delays.get(index as usize).or(delays.last());
    at.copied().unwrap_or(SimSpan::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(minutes: u64) -> SimTime {
        SimTime::ZERO + SimSpan::from_secs(minutes * 60)
    }

    #[test]
    fn launch_failures_wait_longer_and_longer_up_to_27_minutes() {
        let settings = SchedulerSettings::default();
        let (mut throttle, mut now, mut waits) = (Throttle::default(), SimTime::ZERO, Vec::new());
        for _ in 0..9 {
            throttle.failed_to_start(now, &settings);
            let until = throttle.blocked_until(now).unwrap_or(now);
            waits.push(until.since(now).0 / 60_000_000);
            now = until;
        }
        assert_eq!(waits, [0, 0, 1, 2, 4, 8, 16, 27, 27]);
        throttle.started();
        throttle.failed_to_start(now, &settings);
        assert_eq!(throttle.blocked_until(now), None, "a proper start begins anew");
    }

    #[test]
    fn failed_placements_wait_15_seconds_three_times_and_then_minutes() {
        let settings = SchedulerSettings::default();
        let (mut throttle, mut now, mut waits) = (Throttle::default(), SimTime::ZERO, Vec::new());
        for _ in 0..8 {
            throttle.could_not_place(now, &settings);
            let until = throttle.blocked_until(now).unwrap_or(now);
            waits.push(until.since(now).0 / 1_000_000);
            now = until;
        }
        assert_eq!(waits, [15, 15, 15, 300, 600, 1_200, 1_620, 1_620]);
        throttle.reset();
        assert_eq!(throttle.blocked_until(now), None);
    }

    #[test]
    fn failures_of_one_attempt_count_once() {
        let settings = SchedulerSettings::default();
        let mut throttle = Throttle::default();
        (0..10).for_each(|_| throttle.failed_to_start(SimTime::ZERO, &settings));
        assert_eq!(throttle.blocked_until(SimTime::ZERO), Some(after(1)));
    }
}
