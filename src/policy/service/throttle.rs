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
