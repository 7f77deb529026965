//! Essential containers beside the first: they crash by themselves, and are started again in place, or end their task.

use super::Drive;
use crate::base::random::{Purpose, Stream};
use crate::base::time::{SimSpan, SimTime};
use crate::engine::Class;
use crate::model::lifecycle::StopReason;
use crate::sim::event::{Event, RunError};
use crate::sim::task::{Place, Slot};

/// Numbers of a task's containers: ECS allows ten.
const CONTAINERS: u64 = 16;

/// A sidecar of a RUNNING task.
#[derive(Clone, Debug)]
pub struct RunningSidecar {
    /// When it was started last.
    since: SimTime,
    /// When it crashes.
    crashes: SimTime,
    /// Draws of how long it lives, one a start.
    dice: Stream,
}

impl Drive<'_> {
    /// A task runs, and so do its sidecars.
    pub fn sidecars_run(&mut self, slot: Slot) {
        let now = self.now();
        let definition = &self.rules.definitions[self.tasks[slot].definition];
        let count = definition.sidecars.len();
        if count == 0 {
            return;
        }
        let one = |index| {
            let mut dice = self.sidecar_dice(slot, index);
            RunningSidecar { since: now, crashes: self.crashes(slot, index, now, &mut dice), dice }
        };
        let all = (0..count).map(one).collect();
        self.services.sidecars.insert(slot.0, all);
        self.await_sidecar(slot);
    }

    /// The draws of a sidecar: its task's own.
    fn sidecar_dice(&self, slot: Slot, index: usize) -> Stream {
        let member = self.services.member(slot);
        let stream = &self.services.all[member.service].setup.stream;
        let family = self.rules.seed.family(Purpose::Behaviour, &format!("{stream}/sidecars"));
        family.member(member.number * CONTAINERS + index as u64)
    }

    /// When a sidecar that starts at `since` crashes.
    fn crashes(&self, slot: Slot, index: usize, since: SimTime, dice: &mut Stream) -> SimTime {
        let definition = &self.rules.definitions[self.tasks[slot].definition];
        since + definition.sidecars[index].lives.sample_span(dice).max(SimSpan(1))
    }

    fn await_sidecar(&mut self, slot: Slot) {
        let all = self.services.sidecars.get(&slot.0);
        let Some(at) = all.and_then(|all| all.iter().map(|one| one.crashes).min()) else { return };
        let event = Event::SidecarExit(slot);
        let ticket = self.queue.schedule_cancellable(at, Class::Release, event);
        self.services.member_mut(slot).sidecar = Some(ticket);
    }

    /// The sidecar that is due crashes.
    pub fn sidecar_exits(&mut self, slot: Slot) -> Result<(), RunError> {
        let now = self.now();
        let all = self.services.sidecars.get(&slot.0);
        let due = all.and_then(|all| all.iter().position(|one| one.crashes <= now));
        let (Some(all), Some(index)) = (all, due) else { return Ok(()) };
        let one = all[index].clone();
        let task = &self.tasks[slot];
        let sidecar = &self.rules.definitions[task.definition].sidecars[index];
        let exit_code = sidecar.exit_code;
        let starts_again = sidecar.restart.as_ref().is_some_and(|policy| {
            !policy.ignored_exit_codes.contains(&exit_code)
                && now.since(one.since) >= policy.attempt_period
        });
        self.services.member_mut(slot).sidecar = None;
        if !starts_again {
            if let Some(ticket) = self.services.member_mut(slot).crash.take() {
                self.queue.cancel(ticket);
            }
            let task = &mut self.tasks[slot];
            task.stop_reason = StopReason::EssentialContainerExited;
            task.exit_code = exit_code;
            return self.ends_by_crash(slot);
        }
        let stages = &self.tasks.stages;
        let start = match task.place {
            Place::Instance(_) => stages.ec2_start.span(task.draws),
            Place::Fargate(_) | Place::Waiting(_) => stages.fargate_start.span(task.draws),
        };
        let (since, mut dice) = (now + start, one.dice);
        let crashes = self.crashes(slot, index, since, &mut dice);
        if let Some(all) = self.services.sidecars.get_mut(&slot.0) {
            all[index] = RunningSidecar { since, crashes, dice };
        }
        let service = self.services.member(slot).service;
        self.books.services[service].restarts += 1;
        self.await_sidecar(slot);
        Ok(())
    }
}
