//! A task's life in its service: it is started, runs, crashes, is stopped.

use super::{Drive, Health, Member, Plan};
use crate::base::time::{SimSpan, SimTime};
use crate::engine::Class;
use crate::model::ids::ServiceId;
use crate::model::lifecycle::{StopReason, TaskStatus};
use crate::sim::event::{Event, RunError};
use crate::sim::task::Slot;
use crate::sim::tasks::Farewell;

/// Whether a chance of `ppm` parts per million came true in this draw.
pub fn happens(ppm: u32, stream: &mut crate::base::random::Stream) -> bool {
    ppm > 0 && stream.below(1_000_000) < u64::from(ppm)
}

impl Drive<'_> {
    /// A placed task takes its place in its service.
    pub fn adopt(&mut self, slot: Slot, mut member: Member) {
        self.forget_stopped(); // one of them may have had this slot
        debug_assert_eq!(member.task, self.tasks[slot].id);
        let service = &mut self.services.all[member.service];
        member.place = service.members.len() as u32;
        service.members.push(slot);
        service.rebalancing.members_changed();
        let members = &mut self.services.members;
        if members.len() <= slot.0 as usize {
            members.resize(slot.0 as usize + 1, None);
        }
        members[slot.0 as usize] = Some(member);
        self.services.count_tasks(member.service, member.generation, 1, 0);
    }

    /// Tasks that are STOPPED are gone from their deployments. The last one of an old deployment may be all that the
    /// end of a new one waits for.
    pub fn forget_stopped(&mut self) {
        while let Some(slot) = self.tasks.next_stopped() {
            let Member { service: id, generation, .. } = *self.services.member(slot);
            let service = &mut self.services.all[id];
            let Some(deployment) = service.deployment_mut(generation) else { continue };
            deployment.leaving = deployment.leaving.saturating_sub(1);
            if deployment.leaving == 0 && service.is_rolling() {
                self.plan().look_soon(id);
            }
        }
    }

    /// Tasks whose containers have started begin to run, or fail to.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn start_ready(&mut self) -> Result<(), RunError> {
        while let Some(slot) = self.tasks.next_ready() {
            if !self.rules.is_service(self.tasks[slot].source) {
                self.life().is_ready_to_work(slot)?;
            } else if let Some(why) = self.life().why_it_fails(slot) {
                self.member_failed_to_start(slot, Some(&why))?;
            } else if self.fails_to_start(slot) {
                self.member_failed_to_start(slot, None)?;
            } else {
                self.life().becomes_running(slot);
                self.member_runs(slot)?;
            }
        }
        Ok(())
    }

    /// Whether a task that is about to run fails to, as its revision's chance has it. Tasks that have run for long
    /// at time zero did not.
    pub fn fails_to_start(&self, slot: Slot) -> bool {
        if self.services.starts_settled {
            return false;
        }
        let member = self.services.member(slot);
        let service = &self.services.all[member.service];
        let ppm = service.revision_of(member.generation).behaviour.start_failure_ppm;
        happens(ppm, &mut service.behaviour.member(member.number * DRAWS + START))
    }

    /// It never reached RUNNING; `None`: for the reason that its revision gives.
    fn member_failed_to_start(&mut self, slot: Slot, why: Option<&str>) -> Result<(), RunError> {
        let Member { service, generation, .. } = *self.services.member(slot);
        self.plan().leave(slot)?;
        let task = &mut self.tasks[slot];
        task.stop_reason = StopReason::FailedToStart;
        task.exit_code = 1;
        let of = &mut self.services.all[service];
        let own = &of.revision_of(generation).behaviour.start_failure_reason;
        let why = why.unwrap_or(own);
        self.books.recorder.tasks.not_started(task.id, why);
        of.throttle.failed_to_start(self.queue.now(), &self.services.settings);
        self.daemon_ends(slot);
        self.plan().task_failed(service, generation)?;
        self.life().fail_to_start(slot)
    }

    /// It runs: its crash and its checks are arranged.
    pub fn member_runs(&mut self, slot: Slot) -> Result<(), RunError> {
        let now = self.queue.now();
        let Member { service: id, generation, number, .. } = *self.services.member(slot);
        self.flow().meter_running(slot, now, true)?;
        let service = &mut self.services.all[id];
        self.books.services[id].tasks_started += 1;
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
        member.container_since = now;
        if let Some(protection) = protected {
            member.protected_until =
                if protection.renewed { SimTime::NEVER } else { now + protection.expires_after };
        }
        if let Some(span) = lives {
            let at = now + SimSpan(span.0.max(1));
            let crash = self.queue.schedule_cancellable(at, Class::Release, Event::Exit(slot));
            self.services.member_mut(slot).crash = Some(crash);
            self.tasks[slot].exit_code = exit_code;
        }
        self.services.count_tasks(id, generation, -1, 1);
        self.sidecars_run(slot);
        self.daemon_runs(slot);
        self.plan().begin_start(slot);
        self.plan().begin_checks(slot)?;
        self.plan().look_soon(id);
        Ok(())
    }

    /// It crashes. Its essential container is gone, so are the requests that it worked on. One that was never healthy
    /// is a failure of its deployment: a container that exits at once would else be replaced for ever.
    pub fn member_exits(&mut self, slot: Slot) -> Result<(), RunError> {
        if self.restarts(slot)? {
            return Ok(());
        }
        self.ends_by_crash(slot)
    }

    /// An essential container is gone for good, and with it the task.
    pub fn ends_by_crash(&mut self, slot: Slot) -> Result<(), RunError> {
        let Member { service, generation, was_healthy, .. } = *self.services.member(slot);
        self.services.member_mut(slot).crash = None;
        let balancer = self.services.all[service].setup.balancer;
        let was_target = self.services.member(slot).in_load;
        self.plan().leave(slot)?;
        if let Some(balancer) = balancer.filter(|_| was_target) {
            self.plan().not_known(slot, true, balancer.failover + balancer.deregistration)?;
        }
        self.books.services[service].crashes += 1;
        self.plan().learn_of_crash(slot);
        if was_healthy {
            self.books.services[service].tasks_failed += 1;
        } else {
            self.plan().task_failed(service, generation)?; // counts it in the books, too
        }
        self.life().become_deactivating(slot);
        let containers = self.containers_stop_in(slot, SimSpan::ZERO);
        self.life().stopping(slot, Farewell { work: SimSpan::ZERO, containers })
    }

    /// It is made to crash now, with this exit code.
    pub fn crash(&mut self, slot: Slot, reason: StopReason, exit_code: u8) -> Result<(), RunError> {
        if let Some(ticket) = self.services.member_mut(slot).crash.take() {
            self.queue.cancel(ticket);
        }
        let task = &mut self.tasks[slot];
        task.stop_reason = reason;
        task.exit_code = exit_code;
        // Of a crash on a host that nobody hears ECS learns when its agent is back.
        if self.tasks.holds_any() && self.tasks.hold_back(Event::Exit(slot)) {
            return Ok(());
        }
        self.member_exits(slot)
    }

    /// The scheduler stops it: first out of the load balancer, then SIGTERM.
    pub fn stop_member(&mut self, slot: Slot, reason: StopReason) -> Result<(), RunError> {
        let service = self.services.member(slot).service;
        let now = self.now();
        let was_running = self.tasks[slot].status == TaskStatus::Running;
        let delay = self.services.all[service].setup.balancer.map(|b| b.deregistration_delay);
        let was_registered = was_running && delay.is_some();
        self.tasks[slot].stop_reason = reason;
        self.tasks[slot].exit_code = 0;
        if !was_running {
            self.plan().leave(slot)?;
            return self.life().stop_early(slot);
        }
        let late = self.late_by(service).min(delay.unwrap_or(SimSpan::ZERO));
        let gets_more =
            was_registered && self.services.member(slot).in_load && late > SimSpan::ZERO;
        if was_registered && !gets_more {
            self.flow().drain_from_load(slot, now)?;
        }
        self.plan().leave_members(slot)?;
        if gets_more {
            self.plan().not_known(slot, false, late)?;
        }
        if delay.is_some_and(|delay| delay > SimSpan::ZERO) && reason != StopReason::ScaledIn {
            self.plan().count_draining(slot, true);
        }
        self.flow().fail_open(service, now)?;
        self.life().become_deactivating(slot);
        match delay.filter(|delay| *delay > SimSpan::ZERO) {
            Some(delay) => {
                self.life().stop_counting(slot);
                let (task, now) = (self.tasks[slot].id, self.queue.now());
                self.books.recorder.tasks.deactivates(task, now);
                let at = now + delay;
                self.queue.schedule(at, Class::Release, Event::Deregistered(slot));
                Ok(())
            }
            None => self.deregistered(slot),
        }
    }

    /// How long a load balancer sends requests to a target that was deregistered.
    fn late_by(&self, id: ServiceId) -> SimSpan {
        self.services.all[id].setup.balancer.map_or(SimSpan::ZERO, |b| b.deregistration)
    }

    /// The deregistration delay is over.
    pub fn deregistered(&mut self, slot: Slot) -> Result<(), RunError> {
        let now = self.now();
        let Member { service: id, in_load, .. } = *self.services.member(slot);
        if let Some(balancer) = self.services.all[id].setup.balancer {
            let task = self.tasks[slot].id;
            self.services.all[id].late.retain(|late| late.task != task);
            self.flow().remove_from_load(slot, now)?;
            let late = balancer.deregistration.0.saturating_sub(balancer.deregistration_delay.0);
            if in_load {
                self.plan().not_known(slot, true, SimSpan(late))?;
            }
        }
        if self.services.member(slot).drains {
            self.plan().count_draining(slot, false);
        }
        self.say_farewell(slot)
    }
}

impl Plan<'_> {
    /// A load balancer goes on for so long to send requests to a target, which is dead or no longer wanted.
    pub fn not_known(&mut self, slot: Slot, is_dead: bool, span: SimSpan) -> Result<(), RunError> {
        let id = self.services.member(slot).service;
        if span == SimSpan::ZERO || self.services.all[id].load.is_none() {
            return Ok(());
        }
        let (now, until) = (self.now(), self.now() + span);
        self.flow().send_on(slot, is_dead, until, now)?;
        self.queue.schedule(until, Class::Release, Event::Known(id));
        Ok(())
    }

    /// It is no longer wanted, and gets nothing more to do.
    pub fn leave(&mut self, slot: Slot) -> Result<(), RunError> {
        let now = self.now();
        self.flow().remove_from_load(slot, now)?;
        self.leave_members(slot)?;
        let service = self.services.member(slot).service;
        self.flow().fail_open(service, now)
    }

    /// A task whose place another is to take begins its deregistration delay, or has come to its end.
    pub fn count_draining(&mut self, slot: Slot, begins: bool) {
        let member = self.services.member_mut(slot);
        member.drains = begins;
        let Member { service: id, generation, .. } = *member;
        let service = &mut self.services.all[id];
        if let Some(deployment) = service.deployment_mut(generation) {
            deployment.draining = if begins {
                deployment.draining + 1
            } else {
                deployment.draining.saturating_sub(1)
            };
        }
        let has_work = !service.is_as_wanted() || service.may_be_sick();
        if !begins && (has_work || self.look().has_draining_task(id)) {
            self.look_soon(id); // there may be room now
        }
    }

    pub fn leave_members(&mut self, slot: Slot) -> Result<(), RunError> {
        let member = *self.services.member(slot);
        let was_running = self.tasks[slot].status == TaskStatus::Running;
        if was_running {
            let now = self.now();
            self.flow().meter_running(slot, now, false)?;
        }
        if let Some(ticket) = member.crash {
            self.queue.cancel(ticket);
        }
        if let Some(ticket) = member.start {
            self.queue.cancel(ticket);
        }
        if let Some(ticket) = member.sidecar {
            self.queue.cancel(ticket);
        }
        self.services.sidecars.remove(&slot.0);
        if let Some((ticket, _)) = member.change {
            self.queue.cancel(ticket);
        }
        self.forget_overload(slot);
        let service = &mut self.services.all[member.service];
        service.members.swap_remove(member.place as usize);
        let moved = service.members.get(member.place as usize).copied();
        service.running -= u32::from(was_running);
        service.healthy -= u32::from(member.health == Health::Healthy);
        service.unhealthy -= u32::from(member.health == Health::Unhealthy);
        service.rebalancing.members_changed();
        if let Some(moved) = moved {
            self.services.member_mut(moved).place = member.place;
        }
        let gone = self.services.member_mut(slot);
        (gone.crash, gone.start, gone.change, gone.place) = (None, None, None, u32::MAX);
        gone.sidecar = None;
        let step = if was_running { (0, -1) } else { (-1, 0) };
        self.services.count_tasks(member.service, member.generation, step.0, step.1);
        if let Some(deployment) =
            self.services.all[member.service].deployment_mut(member.generation)
        {
            deployment.leaving += 1;
        }
        if member.health == Health::Healthy
            && let Some(deployment) =
                self.services.all[member.service].deployment_mut(member.generation)
        {
            deployment.healthy -= 1;
        }
        self.look_soon(member.service);
        let now = self.now();
        self.flow().keep_away(member.service, now)
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
/// What becomes of it when its container is started again.
pub(super) const AGAIN: u64 = 7;
/// Whether it never answers a check.
pub(super) const NEVER: u64 = 6;
