//! Lifecycle hooks of groups: an instance waits before it registers, and before it ends.

use super::{Group, Stage, Supply};
use crate::base::random::Family;
use crate::base::time::{SimSpan, SimTime};
use crate::engine::Class;
use crate::model::ids::MachineId;
use crate::policy::capacity::hooks::{Begun, Outcome, outcome};
use crate::sim::event::{Event, RunError};
use crate::sim::setup::{HookSetup, Transition};

/// Hooks of a group at most: draws of an instance are numbered, so many for each transition.
const MOST: u64 = 64;

impl Group {
    fn hooks_of(&self, transition: Transition, number: u64, draws: &Family) -> Outcome {
        let own = self.setup.hooks.iter().enumerate();
        let own = own.filter(|(_, hook)| hook.transition == transition);
        outcome(own.map(|(index, hook): (usize, &HookSetup)| Begun {
            takes: hook.takes.sample_span(&mut draws.member(number * MOST + index as u64)),
            heartbeat: hook.heartbeat,
            default: hook.default,
        }))
    }

    /// Whether its instances wait before they end.
    pub(super) fn has_termination_hooks(&self) -> bool {
        self.has_hooks(Transition::Terminating)
    }

    fn has_hooks(&self, transition: Transition) -> bool {
        self.setup.hooks.iter().any(|hook| hook.transition == transition)
    }
}

impl Supply<'_> {
    fn hooks(&self, id: MachineId, transition: Transition) -> Option<Outcome> {
        let machine = &self.groups.machines[id];
        let group = &self.groups.all[machine.group];
        let draws = match &group.pool {
            Some(pool) if machine.is_in_pool() => &pool.hooks,
            _ => &group.hooks,
        };
        group.has_hooks(transition).then(|| group.hooks_of(transition, machine.number, draws))
    }

    /// An instance has booted for its warm pool: it is ready when the hooks of its launch let it, or they abandon it.
    pub(super) fn waits_for_pool(&mut self, id: MachineId) -> Result<(), RunError> {
        let Some(outcome) = self.hooks(id, Transition::Launching) else {
            return self.has_warmed(id);
        };
        let machine = &mut self.groups.machines[id];
        (machine.stage, machine.is_abandoned) = (Stage::Held, outcome.is_abandoned);
        self.stage_ends_in(id, outcome.after);
        Ok(())
    }

    /// An instance has booted: its agent registers when its hooks let it, or they abandon it.
    pub(super) fn waits_for_launch(&mut self, id: MachineId, register: SimSpan) {
        let outcome = self.hooks(id, Transition::Launching).unwrap_or_default();
        self.groups.machines[id].is_abandoned = outcome.is_abandoned;
        let after = if outcome.is_abandoned { SimSpan::ZERO } else { register };
        self.stage_ends_in(id, outcome.after + after);
    }

    /// The hooks of a launch have given up: the instance ends, and another one is launched.
    pub(super) fn launch_abandoned(&mut self, id: MachineId) -> Result<(), RunError> {
        self.tell(id, "launch_abandoned", None)?;
        self.replace_failed(id)
    }

    /// An instance is to end: its hooks begin. Says until when it may take at most, tasks or not; `None` without hooks.
    pub(super) fn termination_begins(&mut self, id: MachineId, drains: SimSpan) -> Option<SimTime> {
        let outcome = self.hooks(id, Transition::Terminating)?;
        let now = self.now();
        let until = now + SimSpan(outcome.after.0.max(1));
        self.groups.machines[id].held_until = until;
        Some(if outcome.is_abandoned { until } else { until.max(now + drains) })
    }

    /// Whether a termination hook still holds an instance; then the end of that is arranged.
    pub(super) fn is_held(&mut self, id: MachineId) -> bool {
        let now = self.now();
        let machine = &mut self.groups.machines[id];
        if machine.held_until <= now {
            return false;
        }
        if let Some(ticket) = machine.ticket.take() {
            self.drive.queue.cancel(ticket);
        }
        let (at, event) = (machine.held_until, Event::Machine(id));
        let ticket = self.drive.queue.schedule_cancellable(at, Class::Release, event);
        self.groups.machines[id].ticket = Some(ticket);
        true
    }
}
