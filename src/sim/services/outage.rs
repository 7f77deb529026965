//! Something that a service's tasks depend on is slow or gone for a while: a database, another service.

use super::health::Checks;
use super::{Flow, Health, Next, Plan};
use crate::base::time::{SimSpan, SimTime};
use crate::engine::Class;
use crate::model::ids::ServiceId;
use crate::model::lifecycle::TaskStatus;
use crate::sim::event::{Event, RunError};
use crate::sim::setup::Outage;
use crate::sim::task::Slot;

/// All requests, in parts per million.
const ALL: u32 = 1_000_000;

impl Plan<'_> {
    /// The dependency of a service's tasks fails. Checks that ask for it notice as they do when a task hangs.
    pub fn begin_outage(&mut self, id: ServiceId, outage: Outage) -> Result<(), RunError> {
        let now = self.queue.now();
        let until = now + outage.lasts;
        self.flow().set_dependency(id, Some((until, outage)), now)?;
        self.queue.schedule(until, Class::Supply, Event::OutageEnds(id));
        for slot in self.running_members(id) {
            let member = *self.services.member(slot);
            let Some(failing) = self.failing_checks(id, member.generation) else { continue };
            let started = self.tasks[slot].started;
            match member.health {
                Health::Healthy => {
                    let at = failing.unhealthy_at(started, now, member.phase, member.grace_until);
                    if at <= until && at != SimTime::NEVER {
                        self.change_at(slot, at, Next::Unhealthy);
                    }
                }
                Health::Unknown if !member.never_healthy => {
                    let ready = self.answers_from(slot);
                    self.await_first_verdict(slot, Some(ready));
                }
                _ => self.change_at(slot, SimTime::NEVER, Next::Healthy), // not before the outage is over
            }
        }
        self.look_soon(id);
        Ok(())
    }

    /// The dependency is back.
    pub fn end_outage(&mut self, id: ServiceId) -> Result<(), RunError> {
        let now = self.queue.now();
        let slots = self.running_members(id);
        let failed: Vec<bool> = slots
            .iter()
            .map(|&s| self.failing_checks(id, self.services.member(s).generation).is_some())
            .collect();
        self.flow().set_dependency(id, None, now)?;
        for (slot, _) in slots.into_iter().zip(failed).filter(|(_, failed)| *failed) {
            let member = *self.services.member(slot);
            let checks = self.services.checks(id, member.generation);
            let waits_for_bad =
                matches!(member.change, Some((_, Next::Unhealthy))) && member.slow_since.is_none();
            match member.health {
                Health::Healthy if member.answers && waits_for_bad => self.hang_as_drawn(slot, now),
                Health::Unhealthy if member.answers && !member.never_healthy => {
                    let at = checks.recovers_at(self.tasks[slot].started, now, member.phase);
                    self.change_at(slot, at, Next::Healthy);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// RUNNING tasks of a service, in order of number.
    fn running_members(&self, id: ServiceId) -> Vec<Slot> {
        let members = self.services.all[id].members.iter().copied();
        let is_running = |slot: &Slot| self.tasks[*slot].status == TaskStatus::Running;
        let mut slots: Vec<Slot> = members.filter(is_running).collect();
        slots.sort_by_key(|&slot| self.tasks[slot].id);
        slots
    }

    /// The checks of a deployment's tasks that fail now because they ask for the dependency: all of them where it does
    /// not answer, else those that do not wait so long.
    pub fn failing_checks(&self, id: ServiceId, generation: u32) -> Option<Checks> {
        let (_, outage) = self.services.all[id].outage?;
        let mut checks = self.services.checks(id, generation);
        if !outage.fails_checks {
            return None;
        }
        let fails = |timeout: SimSpan| outage.error_ppm == ALL || outage.latency > timeout;
        checks.container = checks.container.filter(|check| fails(check.timeout));
        checks.balancer = checks.balancer.filter(|balancer| fails(balancer.timeout));
        checks.are_there().then_some(checks)
    }

    /// When a service's checks pass at the earliest: after an outage that they feel.
    pub fn checks_pass_from(&self, id: ServiceId, generation: u32) -> SimTime {
        let until = self.services.all[id].outage.map_or(SimTime::ZERO, |(until, _)| until);
        self.failing_checks(id, generation).map_or(SimTime::ZERO, |_| until)
    }
}

impl Flow<'_> {
    /// What a service's requests depend on becomes slow, fails, or is well again (`None`).
    fn set_dependency(
        &mut self,
        id: ServiceId,
        outage: Option<(SimTime, Outage)>,
        now: SimTime,
    ) -> Result<(), RunError> {
        self.disturb(id)?;
        self.services.all[id].outage = outage;
        let members = self.services.all[id].members.clone();
        let in_load = members.into_iter().filter(|&slot| self.services.member(slot).in_load);
        let errors: Vec<(u64, u32)> =
            in_load.map(|slot| (self.tasks[slot].id, self.error_ppm(slot))).collect();
        if let Some(load) = &mut self.services.all[id].load {
            load.advance(now)?;
            load.set_delay(outage.map_or(SimSpan::ZERO, |(_, outage)| outage.latency));
            for (task, ppm) in errors {
                load.set_errors(task, ppm);
            }
        }
        Ok(())
    }

    /// Share of a task's answers that are errors: its own and those of what it depends on.
    pub fn error_ppm(&self, slot: Slot) -> u32 {
        let member = self.services.member(slot);
        let service = &self.services.all[member.service];
        let own = match member.answers {
            true => service.revision_of(member.generation).behaviour.error_ppm,
            false => ALL,
        };
        let of_outage = service.outage.map_or(0, |(_, outage)| outage.error_ppm);
        let rest = u64::from(ALL - own) * u64::from(of_outage) / u64::from(ALL);
        own + u32::try_from(rest).unwrap_or(0)
    }
}
