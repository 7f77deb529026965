//! Fargate stops a task in the middle of what it does.

use super::{Drive, Member};
use crate::base::time::SimSpan;
use crate::model::lifecycle::{StopReason, TaskStatus};
use crate::sim::event::RunError;
use crate::sim::task::Slot;
use crate::sim::tasks::{Farewell, Leave, stop_timeout};

impl Drive<'_> {
    /// A task on Fargate gets SIGTERM at once, and leaves its load balancer at the same time: what it works on, it has its
    /// `stopTimeout` for and no deregistration delay (documented). Its service learns of it as of any other stop.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn interrupt(&mut self, slot: Slot, reason: StopReason) -> Result<(), RunError> {
        let task = &mut self.tasks[slot];
        if task.status >= TaskStatus::Deactivating {
            return Ok(());
        }
        task.stop_reason = reason;
        let is_running = task.status == TaskStatus::Running;
        let is_member = self.rules.is_service(task.source);
        match (is_member, is_running) {
            (true, true) => self.interrupt_member(slot),
            (true, false) => {
                self.plan().leave(slot)?;
                self.life().stop_early(slot)
            }
            (false, true) => self.life().break_off(slot),
            (false, false) => self.life().stop_early(slot),
        }
    }

    fn interrupt_member(&mut self, slot: Slot) -> Result<(), RunError> {
        let now = self.now();
        let Member { service: id, in_load, .. } = *self.services.member(slot);
        self.tasks[slot].exit_code = 0;
        let balancer = self.services.all[id].setup.balancer.filter(|_| in_load);
        let late = balancer.map_or(SimSpan::ZERO, |balancer| balancer.deregistration);
        if balancer.is_some() && late == SimSpan::ZERO {
            self.flow().drain_from_load(slot, now)?;
        }
        self.plan().leave_members(slot)?;
        self.plan().not_known(slot, false, late)?;
        self.flow().fail_open(id, now)?;
        self.life().become_deactivating(slot);
        let task = &self.tasks[slot];
        let definition = &self.rules.definitions[task.definition];
        if balancer.is_none() || definition.stop_timeout == SimSpan::ZERO {
            return self.say_farewell(slot);
        }
        // It serves on until its containers have exited: see `has_left`.
        let containers = self.containers_stop_in(slot, SimSpan::ZERO).unwrap_or_else(|| {
            let timeout = stop_timeout(definition, task);
            let stop = &self.tasks.stages.stop;
            stop.of_containers(definition, true, task.draws, timeout, SimSpan::ZERO)
        });
        let containers = Some(Leave { span: containers.span.max(SimSpan(1)), ..containers });
        self.life().stopping(slot, Farewell { work: SimSpan::ZERO, containers })
    }
}
