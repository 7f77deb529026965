//! A task's life in its service: it is started, runs, crashes, is stopped.

use super::super::task::Slot;
use super::super::world::{Event, RunError, World};
use super::{Health, Member};
use crate::base::time::{SimSpan, SimTime};
use crate::engine::{Class, Queue};
use crate::model::ids::ServiceId;
use crate::model::lifecycle::{StopReason, TaskStatus};

/// Whether a chance of `ppm` parts per million came true in this draw.
pub(super) fn happens(ppm: u32, stream: &mut crate::base::random::Stream) -> bool {
    ppm > 0 && stream.below(1_000_000) < u64::from(ppm)
}

impl World {
    /// Whether a task belongs to a service.
    #[inline]
    pub(in super::super) fn is_member(&self, slot: Slot) -> bool {
        self.tasks[slot].source.0 >= self.services.first_source
    }

    /// Whether a task no longer counts for `spread` and `distinctInstance` though it holds its promise.
    pub(in super::super) fn is_uncounted(&self, slot: Slot) -> bool {
        self.is_member(slot) && self.services.member(slot).is_uncounted
    }

    /// A placed task takes its place in its service, before its first step.
    pub(in super::super) fn adopt(&mut self, slot: Slot) {
        if !self.is_member(slot) {
            return;
        }
        let mut member = self.services.newborn.take().expect("a service's task was announced");
        let service = &mut self.services.all[member.service];
        member.place = service.members.len() as u32;
        service.members.push(slot);
        let members = &mut self.services.members;
        if members.len() <= slot.0 as usize {
            members.resize(slot.0 as usize + 1, None);
        }
        members[slot.0 as usize] = Some(member);
        self.count_generation(member.service, member.generation, 1, 0);
    }

    /// Whether a task that is about to run fails to, as its revision's chance has it. Tasks that have run for long
    /// at time zero did not.
    pub(in super::super) fn fails_to_start(&self, slot: Slot) -> bool {
        if self.starts_settled {
            return false;
        }
        let member = self.services.member(slot);
        let service = &self.services.all[member.service];
        let ppm = service.revision_of(member.generation).behaviour.start_failure_ppm;
        happens(ppm, &mut service.behaviour.member(member.number * DRAWS + START))
    }

    /// It never reached RUNNING.
    pub(in super::super) fn member_failed_to_start(
        &mut self,
        slot: Slot,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let Member { service, generation, .. } = *self.services.member(slot);
        self.leave(slot, queue)?;
        let task = &mut self.tasks[slot];
        task.stop_reason = StopReason::FailedToStart;
        task.exit_code = 1;
        let of = &mut self.services.all[service];
        of.throttle.failed_to_start(queue.now(), &self.services.settings);
        self.task_failed(service, generation, queue)?;
        self.fail_to_start(slot, queue)
    }

    /// It runs: its crash and its checks are arranged.
    pub(in super::super) fn member_runs(
        &mut self,
        slot: Slot,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let now = queue.now();
        let Member { service: id, generation, number, .. } = *self.services.member(slot);
        self.meter_running(slot, now, true);
        let service = &mut self.services.all[id];
        service.running += 1;
        service.throttle.started();
        let behaviour = &service.revision_of(generation).behaviour;
        let mut draws = service.behaviour.member(number * DRAWS + LIFE);
        let lives = behaviour.time_to_failure.as_ref().map(|d| d.sample_span(&mut draws));
        let exit_code = behaviour.crash_exit_code;
        let mut draws = service.behaviour.member(number * DRAWS + PROTECTION);
        let protected = service.setup.protection.filter(|p| happens(p.tasks_ppm, &mut draws));
        let grace = service.setup.grace_period;
        let member = self.services.member_mut(slot);
        member.grace_until = now + grace;
        if let Some(protection) = protected {
            member.protected_until =
                if protection.renewed { SimTime::NEVER } else { now + protection.expires_after };
        }
        if let Some(span) = lives {
            let at = now + SimSpan(span.0.max(1));
            let crash = queue.schedule_cancellable(at, Class::Release, Event::Exit(slot));
            self.services.member_mut(slot).crash = Some(crash);
            self.tasks[slot].exit_code = exit_code;
        }
        self.count_generation(id, generation, -1, 1);
        self.begin_checks(slot, queue)?;
        self.look_soon(id, queue);
        Ok(())
    }

    /// It crashes. Its essential container is gone, so are the requests that it worked on.
    pub(in super::super) fn member_exits(
        &mut self,
        slot: Slot,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let service = self.services.member(slot).service;
        self.services.member_mut(slot).crash = None;
        self.leave(slot, queue)?;
        self.services.all[service].ledger.crashes += 1;
        self.services.all[service].ledger.tasks_failed += 1;
        self.become_deactivating(slot);
        self.stopping(slot, queue)
    }

    /// It is made to crash now, with this exit code.
    pub(super) fn crash(
        &mut self,
        slot: Slot,
        reason: StopReason,
        exit_code: u8,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        if let Some(ticket) = self.services.member(slot).crash {
            queue.cancel(ticket);
        }
        let task = &mut self.tasks[slot];
        task.stop_reason = reason;
        task.exit_code = exit_code;
        self.member_exits(slot, queue)
    }

    /// The scheduler stops it: first out of the load balancer, then SIGTERM.
    pub(super) fn stop_member(
        &mut self,
        slot: Slot,
        reason: StopReason,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let service = self.services.member(slot).service;
        let was_running = self.tasks[slot].status == TaskStatus::Running;
        let delay = self.services.all[service].setup.balancer.map(|b| b.deregistration_delay);
        let was_registered = was_running && delay.is_some();
        self.tasks[slot].stop_reason = reason;
        self.tasks[slot].exit_code = 0;
        if !was_running {
            self.leave(slot, queue)?;
            return self.stop_early(slot, queue);
        }
        if was_registered {
            self.drain_from_load(slot, queue.now())?;
        }
        self.leave_members(slot, queue)?;
        self.fail_open(service, queue.now())?;
        self.become_deactivating(slot);
        match delay.filter(|delay| *delay > SimSpan::ZERO) {
            Some(delay) => {
                self.stop_counting(slot);
                self.services.member_mut(slot).is_uncounted = true;
                self.capacity_came_back(queue);
                let at = queue.now() + delay;
                queue.schedule(at, Class::Release, Event::Deregistered(slot));
                Ok(())
            }
            None => self.deregistered(slot, queue),
        }
    }

    /// The deregistration delay is over.
    pub(in super::super) fn deregistered(
        &mut self,
        slot: Slot,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        self.remove_from_load(slot, queue.now())?;
        self.stopping(slot, queue)
    }

    /// It is no longer wanted, and gets nothing more to do.
    fn leave(&mut self, slot: Slot, queue: &mut Queue<Event>) -> Result<(), RunError> {
        self.remove_from_load(slot, queue.now())?;
        self.leave_members(slot, queue)?;
        self.fail_open(self.services.member(slot).service, queue.now())
    }

    fn leave_members(&mut self, slot: Slot, queue: &mut Queue<Event>) -> Result<(), RunError> {
        let member = *self.services.member(slot);
        let was_running = self.tasks[slot].status == TaskStatus::Running;
        if was_running {
            self.meter_running(slot, queue.now(), false);
        }
        if let Some(ticket) = member.crash {
            queue.cancel(ticket);
        }
        if let Some((ticket, _)) = member.change {
            queue.cancel(ticket);
        }
        let service = &mut self.services.all[member.service];
        service.members.swap_remove(member.place as usize);
        let moved = service.members.get(member.place as usize).copied();
        service.running -= u32::from(was_running);
        service.healthy -= u32::from(member.health == Health::Healthy);
        if let Some(moved) = moved {
            self.services.member_mut(moved).place = member.place;
        }
        let gone = self.services.member_mut(slot);
        (gone.crash, gone.change, gone.place) = (None, None, u32::MAX);
        let step = if was_running { (0, -1) } else { (-1, 0) };
        self.count_generation(member.service, member.generation, step.0, step.1);
        if member.health == Health::Healthy
            && let Some(deployment) =
                self.services.all[member.service].deployment_mut(member.generation)
        {
            deployment.healthy -= 1;
        }
        self.look_soon(member.service, queue);
        Ok(())
    }

    fn count_generation(
        &mut self,
        service: ServiceId,
        generation: u32,
        pending: i32,
        running: i32,
    ) {
        if let Some(deployment) = self.services.all[service].deployment_mut(generation) {
            deployment.pending = deployment.pending.checked_add_signed(pending).expect("counted");
            deployment.running = deployment.running.checked_add_signed(running).expect("counted");
        }
    }
}

/// Draws of a task are numbered: so many each.
pub(super) const DRAWS: u64 = 8;
/// Whether it starts.
const START: u64 = 0;
/// How long it lives.
const LIFE: u64 = 1;
/// Whether it protects itself.
const PROTECTION: u64 = 2;
/// When it answers.
pub(super) const READY: u64 = 3;
/// Where its checks stand in their interval.
pub(super) const PHASE: u64 = 4;
/// Whether, and when, it stops answering.
pub(super) const BAD: u64 = 5;
/// Whether it never answers a check.
pub(super) const NEVER: u64 = 6;
