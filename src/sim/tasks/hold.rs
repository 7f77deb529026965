//! Hosts that stand still, or that nobody hears: what their agents would report next is held back.

use super::Tasks;
use crate::model::ids::InstanceId;
use crate::model::lifecycle::TaskStatus;
use crate::sim::event::Event;
use crate::sim::task::Slot;
use std::collections::{BTreeMap, BTreeSet};

/// Instances whose agents say nothing, and what they would have said.
#[derive(Default)]
pub struct Held {
    instances: BTreeSet<InstanceId>,
    /// The last event of each task that came meanwhile; an earlier one is void by then.
    events: BTreeMap<Slot, Event>,
}

impl Tasks {
    /// From now on nothing is heard of the tasks on this instance.
    pub fn hold(&mut self, instance: InstanceId) {
        self.held.instances.insert(instance);
    }

    /// Whether any instance is held.
    #[inline]
    #[must_use]
    pub fn holds_any(&self) -> bool {
        !self.held.instances.is_empty()
    }

    /// Whether this instance is held.
    #[inline]
    #[must_use]
    pub fn is_held(&self, instance: InstanceId) -> bool {
        self.holds_any() && self.held.instances.contains(&instance)
    }

    /// Keeps an event that only the agent of a held instance could have brought; says whether it was one.
    pub fn hold_back(&mut self, event: Event) -> bool {
        let (Event::Attached(slot)
        | Event::Running(slot)
        | Event::Exit(slot)
        | Event::SidecarExit(slot)
        | Event::ExecutionStopped(slot)) = event
        else {
            return false;
        };
        let is_held = self[slot].instance().is_some_and(|at| self.held.instances.contains(&at));
        if is_held {
            self.held.events.insert(slot, event);
        }
        is_held
    }

    /// Nothing is held back on this instance any more: its tasks' events, in order of task.
    pub fn let_go(&mut self, instance: InstanceId) -> Vec<Event> {
        if !self.held.instances.remove(&instance) {
            return Vec::new();
        }
        let on = |slot: &Slot| self[*slot].instance() == Some(instance);
        let mut slots: Vec<Slot> = self.held.events.keys().copied().filter(on).collect();
        slots.sort_unstable_by_key(|&slot| self[slot].id);
        slots.into_iter().filter_map(|slot| self.held.events.remove(&slot)).collect()
    }

    /// Whether the event of a task that was to come next has come and was held back. It is forgotten.
    pub(super) fn forget_held(&mut self, slot: Slot) -> bool {
        let status = self[slot].status;
        match self.held.events.remove(&slot) {
            // A task that is asked to stop meanwhile has another event on its way.
            Some(Event::Exit(_) | Event::SidecarExit(_)) => status == TaskStatus::Running,
            event => event.is_some(),
        }
    }

    /// Whether an event that was held back still means something.
    #[must_use]
    pub fn still_matters(&self, event: Event) -> bool {
        match event {
            Event::Exit(slot) | Event::SidecarExit(slot) => {
                self[slot].status == TaskStatus::Running
            }
            _ => true,
        }
    }
}
