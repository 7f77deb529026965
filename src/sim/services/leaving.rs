//! How a task leaves: SIGTERM, what it still finishes, how long its containers take.

use super::{Drive, Plan};
use crate::base::time::SimSpan;
use crate::sim::event::RunError;
use crate::sim::task::Slot;
use crate::sim::tasks::{Farewell, Leave, stop_timeout};

impl Drive<'_> {
    /// The containers of a task are told to stop. A worker that finishes its messages gets no new ones, and goes on with
    /// those that it has; others give theirs back at once.
    pub fn say_farewell(&mut self, slot: Slot) -> Result<(), RunError> {
        let now = self.now();
        let id = self.services.member(slot).service;
        let finishes =
            self.services.all[id].setup.work.as_ref().is_some_and(|work| work.finishes_on_stop);
        let in_load = self.services.member(slot).in_load;
        let mut work = SimSpan::ZERO;
        if finishes && in_load {
            self.flow().drain_from_load(slot, now)?;
            let task = self.tasks[slot].id;
            if let Some(load) = &mut self.services.all[id].load {
                load.advance(now)?;
                work = load.time_to_finish(task);
            }
        } else {
            self.flow().remove_from_load(slot, now)?;
        }
        let containers = self.containers_stop_in(slot, work);
        self.life().stopping(slot, Farewell { work, containers })
    }

    /// How long a task's containers take to stop, where its service says so: the longest of those that get SIGTERM.
    /// `work` is what the essential one has to finish first.
    pub fn containers_stop_in(&self, slot: Slot, work: SimSpan) -> Option<Leave> {
        let task = &self.tasks[slot];
        let stop = self.services.all[self.services.member(slot).service].stop.as_ref()?;
        let definition = &self.rules.definitions[task.definition];
        let (is_asked, timeout) = (task.stop_reason.is_signalled(), stop_timeout(definition, task));
        Some(stop.of_containers(definition, is_asked, task.draws, timeout, work))
    }

    /// A task's last container has exited. What it still worked on, it had no time for.
    pub fn has_left(&mut self, slot: Slot) -> Result<(), RunError> {
        if self.rules.is_service(self.tasks[slot].source) && self.services.member(slot).in_load {
            self.plan().ceases_to_answer(slot)?;
        }
        self.life().execution_stopped(slot)
    }
}

impl Plan<'_> {
    /// A target that leaves answers nothing more: what it worked on is lost, and what its load balancer sends it on.
    pub fn ceases_to_answer(&mut self, slot: Slot) -> Result<(), RunError> {
        let now = self.queue.now();
        let (task, id) = (self.tasks[slot].id, self.services.member(slot).service);
        let late = self.services.all[id].late.iter().find(|late| late.task == task);
        let until = late.map_or(now, |late| late.at);
        self.services.all[id].late.retain(|late| late.task != task);
        self.flow().remove_from_load(slot, now)?;
        self.not_known(slot, true, until.since(now))
    }
}
