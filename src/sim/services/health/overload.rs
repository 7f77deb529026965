//! Overload as health checks feel it: they are small requests, which wait like others but have no work of their own.
//! Each task is judged by its own wait, once a minute and again when its checks are about to give up on it; checks
//! fail one by one, each task's where they stand in its interval. Whoever takes messages answers its checks beside.

use crate::model::ids::ServiceId;
use crate::model::lifecycle::TaskStatus;
use crate::sim::event::RunError;
use crate::sim::services::{Health, Member, Next, Plan};
use crate::sim::task::Slot;

impl Plan<'_> {
    /// Health checks wait as requests do: when the wait is longer than a check may take, they fail.
    pub fn feel_overload(&mut self, id: ServiceId) -> Result<(), RunError> {
        let service = &mut self.services.all[id];
        let Some(quickest) = service.meter.quickest_check else { return Ok(()) };
        let load = service.load.as_mut().expect("only services with work are watched");
        if service.meter.overloaded == 0 && !load.may_exceed(quickest) {
            return Ok(());
        }
        let mut slots = service.members.clone();
        slots.retain(|&slot| self.tasks[slot].status == TaskStatus::Running);
        slots.sort_unstable_by_key(|&slot| self.tasks[slot].id);
        for slot in slots {
            match (self.is_too_slow(slot), self.services.member(slot).slow_since) {
                (true, None) => self.becomes_slow(slot),
                (false, Some(_)) => self.is_quick_again(slot),
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether a task's checks wait longer now than they may take.
    fn is_too_slow(&mut self, slot: Slot) -> bool {
        let Member { service: id, generation, in_load, answers, .. } = *self.services.member(slot);
        let Some(timeout) = self.services.checks(id, generation).timeout() else { return false };
        let load = self.services.all[id].load.as_mut().filter(|_| in_load && answers);
        load.is_some_and(|load| load.wait_at(self.tasks[slot].id) > timeout)
    }

    /// From now on its checks fail.
    fn becomes_slow(&mut self, slot: Slot) {
        let now = self.queue.now();
        let member = self.services.member_mut(slot);
        member.slow_since = Some(now);
        let Member { service: id, generation, phase, grace_until, health, .. } = *member;
        self.services.all[id].meter.overloaded += 1;
        // Checks that an outage makes fail give up on it in any case.
        if health == Health::Healthy && self.failing_checks(id, generation).is_none() {
            let checks = self.services.checks(id, generation);
            let started = self.tasks[slot].started;
            let at = checks.unhealthy_at(started, now, phase, grace_until);
            self.change_at(slot, at, Next::Unhealthy);
        }
    }

    /// Its checks pass again.
    fn is_quick_again(&mut self, slot: Slot) {
        let now = self.queue.now();
        self.forget_overload(slot);
        let Member { service: id, generation, phase, health, answers, never_healthy, .. } =
            *self.services.member(slot);
        match health {
            Health::Healthy if answers && self.failing_checks(id, generation).is_none() => {
                self.hang_as_drawn(slot, now)
            }
            Health::Unhealthy if answers && !never_healthy => {
                let checks = self.services.checks(id, generation);
                let at = checks.recovers_at(self.tasks[slot].started, now, phase);
                self.change_at(slot, at.max(self.checks_pass_from(id, generation)), Next::Healthy);
            }
            _ => {}
        }
    }

    /// It is no longer counted among the overloaded ones.
    pub fn forget_overload(&mut self, slot: Slot) {
        let member = self.services.member_mut(slot);
        let id = member.service;
        if member.slow_since.take().is_some() {
            self.services.all[id].meter.overloaded -= 1;
        }
    }

    /// The checks of a task are about to give up on it. Gives `true` where it was for overload that is over.
    pub fn was_overload_only(&mut self, slot: Slot) -> Result<bool, RunError> {
        let now = self.queue.now();
        let Member { service: id, generation, slow_since, answers, .. } =
            *self.services.member(slot);
        let fails_anyway = !answers || self.failing_checks(id, generation).is_some();
        if slow_since.is_none() || fails_anyway {
            return Ok(false);
        }
        self.flow().come_to(id, now)?;
        let is_over = !self.is_too_slow(slot);
        if is_over {
            self.is_quick_again(slot);
        }
        Ok(is_over)
    }
}
