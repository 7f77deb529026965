//! A task's health: when its checks pass, when they fail, and so when the load balancer sends it requests.
//!
//! No check is an event: the instants at which checks change their mind follow from their interval, their threshold
//! and where they stand in their interval, so that a healthy task costs nothing.

mod checks;
mod overload;

use super::members::{BAD, DRAWS, NEVER, PHASE, READY, happens};
use super::{Health, Member, Next, Plan};
use crate::base::time::{SimSpan, SimTime};
use crate::engine::Class;
use crate::sim::event::{Event, RunError};
use crate::sim::task::Slot;
pub use checks::Checks;

impl Plan<'_> {
    /// A task runs: the changes of its health to come are drawn, the first one is scheduled.
    pub fn begin_checks(&mut self, slot: Slot) -> Result<(), RunError> {
        let now = self.queue.now();
        let Member { service: id, generation, number, .. } = *self.services.member(slot);
        let service = &self.services.all[id];
        let behaviour = &service.revision_of(generation).behaviour;
        let draws = |purpose| service.behaviour.member(number * DRAWS + purpose);
        let never = happens(behaviour.never_healthy_ppm, &mut draws(NEVER));
        let ready = now + behaviour.ready_after.sample_span(&mut draws(READY));
        let ready = ready.max(self.checks_pass_from(id, generation));
        let checks = self.services.checks(id, generation);
        let phase = SimSpan(draws(PHASE).below(checks.interval().0.max(1)));
        let is_settled = self.services.starts_settled;
        let member = self.services.member_mut(slot);
        member.phase = phase;
        if is_settled {
            member.grace_until = now; // it has run for long, and passed its checks
            return self.becomes_healthy(slot);
        }
        let never = never && checks.are_there();
        member.never_healthy = never;
        if checks.balancer.is_none() && !never {
            if ready > now {
                let grace = member.grace_until;
                let (_, first) = checks.first(now, Some(ready), phase, grace);
                // A check may give up on it before it answers; then it gets work once it is healthy.
                if !matches!(first, Some((at, Next::Unhealthy)) if at < ready) {
                    self.change_at(slot, ready, Next::Ready);
                    return Ok(());
                }
            } else {
                self.flow().add_to_load(slot, now)?;
            }
        }
        self.await_first_verdict(slot, (!never).then_some(ready));
        Ok(())
    }

    /// From when on a RUNNING task answers its checks, as it was drawn.
    pub fn answers_from(&self, slot: Slot) -> SimTime {
        let Member { service: id, generation, number, .. } = *self.services.member(slot);
        let service = &self.services.all[id];
        let mut draws = service.behaviour.member(number * DRAWS + READY);
        let after = service.revision_of(generation).behaviour.ready_after.sample_span(&mut draws);
        let ready = self.tasks[slot].started + after;
        ready.max(self.checks_pass_from(id, generation))
    }

    /// Arranges what a new task's checks say first. Where that is UNHEALTHY though it will answer in the end, it is
    /// healthy later, if it is still there.
    pub fn await_first_verdict(&mut self, slot: Slot, ready: Option<SimTime>) {
        let Member { service, generation, phase, grace_until, .. } = *self.services.member(slot);
        let started = self.tasks[slot].started;
        let checks = self.services.checks(service, generation);
        let (heals, next) = checks.first(started, ready, phase, grace_until);
        self.services.member_mut(slot).heals_at = heals;
        if let Some((at, next)) = next {
            self.change_at(slot, at, next);
        }
    }

    pub fn change_at(&mut self, slot: Slot, at: SimTime, next: Next) {
        let member = self.services.member_mut(slot);
        if let Some((ticket, _)) = member.change.take() {
            self.queue.cancel(ticket);
        }
        if at == SimTime::NEVER {
            return;
        }
        let at = at.max(self.queue.now() + SimSpan(1));
        let ticket = self.queue.schedule_cancellable(at, Class::Supply, Event::Health(slot));
        member.change = Some((ticket, next));
    }

    /// A change of health is due.
    pub fn health_changes(&mut self, slot: Slot) -> Result<(), RunError> {
        let now = self.queue.now();
        let change = self.services.member_mut(slot).change.take();
        let (_, next) = change.expect("a change of health was scheduled");
        match next {
            Next::Ready => {
                self.flow().add_to_load(slot, now)?;
                self.await_first_verdict(slot, Some(now));
                Ok(())
            }
            Next::Healthy => self.becomes_healthy(slot),
            Next::Returns => self.returns(slot),
            Next::GoesBad => self.goes_bad(slot),
            Next::Unhealthy if self.was_overload_only(slot)? => Ok(()),
            Next::Unhealthy => self.becomes_unhealthy(slot),
        }
    }

    pub fn becomes_healthy(&mut self, slot: Slot) -> Result<(), RunError> {
        let now = self.queue.now();
        let id = self.services.member(slot).service;
        self.flow().disturb(id)?;
        self.forget_overload(slot); // the next minute judges it anew
        let member = self.services.member_mut(slot);
        let Member { service: id, generation, health: before, .. } = *member;
        member.health = Health::Healthy;
        member.was_healthy = true;
        member.heals_at = None;
        let service = &mut self.services.all[id];
        service.healthy += 1;
        service.unhealthy -= u32::from(before == Health::Unhealthy);
        if let Some(deployment) = service.deployment_mut(generation) {
            deployment.healthy += 1;
            deployment.task_is_healthy();
        }
        self.flow().add_to_load(slot, now)?;
        self.hang_as_drawn(slot, now);
        self.look_soon(id);
        Ok(())
    }

    /// A healthy task's next change of health, from `now` on: it hangs one day, or never.
    pub fn hang_as_drawn(&mut self, slot: Slot, now: SimTime) {
        let Member { service: id, generation, number, .. } = *self.services.member(slot);
        let service = &self.services.all[id];
        let distribution = &service.revision_of(generation).behaviour.time_to_unhealthy;
        let mut draws = service.behaviour.member(number * DRAWS + BAD);
        let span = distribution.as_ref().map(|lasts| lasts.sample_span(&mut draws));
        let at = span.map_or(SimTime::NEVER, |span| (self.tasks[slot].started + span).max(now));
        self.change_at(slot, at, Next::GoesBad);
    }

    /// It stops answering. It still gets requests, and fails them, until its checks have noticed.
    pub fn goes_bad(&mut self, slot: Slot) -> Result<(), RunError> {
        let now = self.queue.now();
        let Member { service, generation, phase, grace_until, in_load, .. } =
            *self.services.member(slot);
        self.services.member_mut(slot).answers = false;
        if in_load {
            self.flow().remove_from_load(slot, now)?;
            self.flow().put_into_load(slot, now)?;
        }
        let started = self.tasks[slot].started;
        let at = self.services.checks(service, generation).unhealthy_at(
            started,
            now,
            phase,
            grace_until,
        );
        self.change_at(slot, at, Next::Unhealthy);
        Ok(())
    }

    /// Its checks have failed often enough: no requests any more, and the scheduler will replace it.
    pub fn becomes_unhealthy(&mut self, slot: Slot) -> Result<(), RunError> {
        let now = self.queue.now();
        let id = self.services.member(slot).service;
        self.flow().disturb(id)?;
        let member = self.services.member_mut(slot);
        let Member { service: id, generation, health: before, heals_at, .. } = *member;
        member.health = Health::Unhealthy;
        if let Some(at) = heals_at {
            self.change_at(slot, at, Next::Healthy);
        }
        let service = &mut self.services.all[id];
        service.unhealthy += u32::from(before != Health::Unhealthy);
        if before == Health::Healthy {
            service.healthy -= 1;
            if let Some(deployment) = service.deployment_mut(generation) {
                deployment.healthy -= 1;
            }
        }
        if self.services.all[id].setup.balancer.is_some() {
            self.flow().remove_from_load(slot, now)?;
            self.flow().fail_open(id, now)?;
        }
        self.look_soon(id);
        self.tell_unhealthy(slot, now)
    }

    /// A line for every task: whoever reads why tasks were replaced finds each of them.
    fn tell_unhealthy(&mut self, slot: Slot, now: SimTime) -> Result<(), RunError> {
        if !self.books.tables.wants_events() {
            return Ok(());
        }
        let id = self.services.member(slot).service;
        let name = &self.services.all[id].setup.name;
        let why = self.services.unhealthy_reason(slot).text();
        let text = format!("(service {name}) has an unhealthy task: {why}.");
        self.books.service_event_each(id, now, "WARN", "SERVICE_TASK_UNHEALTHY", &text)
    }
}
