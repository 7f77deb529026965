//! Overload as health checks feel it: they are small requests, which wait like others but have no work of their own.

use crate::model::ids::ServiceId;
use crate::model::lifecycle::TaskStatus;
use crate::sim::event::RunError;
use crate::sim::services::{Health, Next, Plan};

impl Plan<'_> {
    /// Health checks wait as requests do: when the wait is longer than a check may take, they fail.
    pub fn feel_overload(&mut self, id: ServiceId) -> Result<(), RunError> {
        let now = self.queue.now();
        let service = &mut self.services.all[id];
        let since = service.meter.overloaded_since;
        let Some(quickest) = service.meter.quickest_check else { return Ok(()) };
        let load = service.load.as_mut().expect("only services with work are watched");
        if since.is_none() && !load.may_exceed(quickest) {
            return Ok(());
        }
        let generation = service.generation;
        let checks = self.services.checks(id, generation);
        let Some(timeout) = checks.timeout() else { return Ok(()) };
        let service = &mut self.services.all[id];
        let load = service.load.as_mut().expect("only services with work are watched");
        let is_slow = load.targets() > 0 && load.wait_estimate() > timeout;
        match (is_slow, since) {
            (true, None) => self.services.all[id].meter.overloaded_since = Some(now),
            (true, Some(since)) => {
                for slot in self.services.all[id].members.clone() {
                    let member = self.services.member(slot);
                    let started = self.tasks[slot].started;
                    let at = checks.unhealthy_at(started, since, member.phase, member.grace_until);
                    if member.health == Health::Healthy && at <= now {
                        self.becomes_unhealthy(slot)?;
                    }
                }
            }
            (false, Some(_)) => {
                self.services.all[id].meter.overloaded_since = None;
                for slot in self.services.all[id].members.clone() {
                    let member = self.services.member(slot);
                    let is_running = self.tasks[slot].status == TaskStatus::Running;
                    let recovers = member.health == Health::Unhealthy && !member.never_healthy;
                    if is_running && recovers && member.answers {
                        let at = checks.recovers_at(self.tasks[slot].started, now, member.phase);
                        self.change_at(slot, at, Next::Healthy);
                    }
                }
            }
            (false, None) => {}
        }
        Ok(())
    }
}
