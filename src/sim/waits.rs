//! How long tasks wait in PROVISIONING, by cause.

use super::world::World;
use crate::base::time::{SimSpan, SimTime};

impl World {
    /// Nothing has changed until now: the time that tasks have waited counts for what they waited for.
    #[inline]
    pub(super) fn time_the_line(&mut self, now: SimTime) {
        if self.tasks.line.is_untimed(now) {
            let World { tasks, groups, .. } = self;
            tasks.line.time(now, |provider| groups.why_waits(provider, now));
        }
    }

    /// Time that tasks were in PROVISIONING, all of them together: for capacity by cause, and for network interfaces.
    /// After the run's end, when those who still wait are in the books.
    pub(super) fn provisioning_spans(&self) -> Vec<SimSpan> {
        let tally = &self.books.tally;
        let micros = tally.waited.iter().chain([&tally.interface_micros]);
        micros.map(|&micros| SimSpan(u64::try_from(micros).unwrap_or(u64::MAX))).collect()
    }
}
