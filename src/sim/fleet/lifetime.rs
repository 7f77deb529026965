//! `MaxInstanceLifetime`: instances that have been in service for as long as they may are replaced, one after the other.
//!
//! A group ends one and launches another at the same time (documented: it replaces by *terminate and launch*). The next
//! go comes after a pause, and when the group has as many in service as it should again (assumed: this is how it
//! replaces no faster than it can). Protection from scale-in holds an instance back until it has none.

use super::{Groups, Stage, Supply};
use crate::base::time::{SimSpan, SimTime};
use crate::engine::Class;
use crate::model::group::{EndCause, LaunchCause};
use crate::model::ids::MachineId;
use crate::policy::capacity::lifetime;
use crate::sim::event::{Event, RunError};
use crate::sim::setup::{GroupSetup, LifetimeSetup};

/// Instances of a group that are as old as they may be.
pub struct Ageing {
    setup: LifetimeSetup,
    /// In the order in which they became so.
    due: Vec<MachineId>,
    /// No other one is replaced before.
    not_before: SimTime,
}

impl Ageing {
    pub(super) fn of(setup: &GroupSetup) -> Option<Ageing> {
        Some(Ageing { setup: setup.lifetime?, due: Vec::new(), not_before: SimTime::ZERO })
    }
}

impl Groups {
    /// Whether an instance is a member of its group and in service.
    pub(super) fn is_in_service(&self, id: MachineId) -> bool {
        let machine = &self.machines[id];
        machine.stage == Stage::InService
            && self.all[machine.group].members.binary_search(&id).is_ok()
    }
}

impl Supply<'_> {
    /// An instance is in service: it will grow old, where its group has a highest age. It counts from the state `running`,
    /// or from when it left the warm pool.
    pub(super) fn arrange_old_age(&mut self, id: MachineId) {
        let machine = &self.groups.machines[id];
        let Some(ageing) = &self.groups.all[machine.group].renewal.ageing else { return };
        let at = machine.launched.max(machine.running) + ageing.setup.longest;
        let at = at.max(self.drive.now() + SimSpan(1));
        let event = Event::Machine(id);
        let ticket = self.drive.queue.schedule_cancellable(at, Class::Control, event);
        self.groups.machines[id].ticket = Some(ticket);
    }

    /// An instance has been in service for as long as it may.
    pub(super) fn is_too_old(&mut self, id: MachineId) {
        let now = self.now();
        let group = &mut self.groups.all[self.groups.machines[id].group];
        let Some(ageing) = &mut group.renewal.ageing else { return };
        if ageing.due.is_empty() {
            // Those of the same age come at the same instant: all of them are known then.
            self.drive.queue.schedule(now, Class::Control, Event::Renew(group.setup.provider));
        }
        ageing.due.push(id);
    }

    /// Replaces instances that are too old, as many as may be now.
    pub(super) fn replace_old(&mut self, index: usize) -> Result<(), RunError> {
        let now = self.now();
        let renewal = &mut self.groups.all[index].renewal;
        if renewal.is_in_progress() {
            return Ok(());
        }
        let Some(ageing) = &mut renewal.ageing else { return Ok(()) };
        let mut due = std::mem::take(&mut ageing.due);
        due.retain(|&id| self.groups.is_in_service(id));
        let free = if due.is_empty() { due.clone() } else { self.may_scale_in(index) };
        let group = &mut self.groups.all[index];
        let is_whole = group.active >= group.desired;
        let Some(ageing) = &mut group.renewal.ageing else { return Ok(()) };
        let go = if is_whole && ageing.not_before <= now {
            let at_once =
                lifetime::at_once(group.desired, ageing.setup.longest, ageing.setup.pause);
            let free = due.iter().copied().filter(|id| free.binary_search(id).is_ok());
            free.take(at_once as usize).collect()
        } else {
            Vec::new()
        };
        due.retain(|id| !go.contains(id));
        ageing.due = due;
        if go.is_empty() {
            return Ok(());
        }
        ageing.not_before = now + ageing.setup.pause;
        let (next, provider) = (ageing.not_before, group.setup.provider);
        self.drive.queue.schedule(next, Class::Control, Event::Renew(provider));
        for id in go {
            self.drive.books.tally.too_old += 1;
            self.end(id, EndCause::Lifetime)?;
        }
        self.reconcile(index, LaunchCause::Lifetime)
    }
}
