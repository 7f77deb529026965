//! What fails by script.

use super::Drive;
use crate::engine::Class;
use crate::model::ids::ServiceId;
use crate::model::lifecycle::{StopReason, TaskStatus};
use crate::sim::event::{Event, RunError};
use crate::sim::setup::FailureKind;
use crate::sim::task::Slot;

impl Drive<'_> {
    pub fn schedule_next_failure(&mut self) {
        if let Some(failure) = self.services.failures.get(self.services.failures_done) {
            let at = failure.at.max(self.now());
            self.queue.schedule(at, Class::Demand, Event::Failure);
        }
    }

    /// A scripted failure is due.
    pub fn failure_strikes(&mut self) -> Result<(), RunError> {
        let failure = self.services.failures[self.services.failures_done];
        self.services.failures_done += 1;
        match failure.kind {
            FailureKind::TaskCrash { service, tasks } => self.crash_some(service, tasks)?,
            FailureKind::StopTask { service, tasks } => {
                for slot in self.draw_running(service, tasks) {
                    self.daemon_ends(slot);
                    self.stop_member(slot, StopReason::UserInitiated)?;
                }
            }
            FailureKind::DependencyOutage { service, outage } => {
                self.plan().begin_outage(service, outage)?;
            }
        }
        self.schedule_next_failure();
        Ok(())
    }

    /// RUNNING tasks crash, drawn without replacement.
    pub fn crash_some(&mut self, id: ServiceId, tasks: u32) -> Result<(), RunError> {
        for slot in self.draw_running(id, tasks) {
            let generation = self.services.member(slot).generation;
            let exit_code = self.services.all[id].revision_of(generation).behaviour.crash_exit_code;
            self.crash(slot, StopReason::EssentialContainerExited, exit_code)?;
        }
        Ok(())
    }

    /// So many RUNNING tasks, drawn without replacement.
    fn draw_running(&mut self, id: ServiceId, tasks: u32) -> Vec<Slot> {
        let service = &self.services.all[id];
        let is_running = |slot: &Slot| self.tasks[*slot].status == TaskStatus::Running;
        let mut running: Vec<Slot> = service.members.iter().copied().filter(is_running).collect();
        running.sort_by_key(|&slot| self.tasks[slot].id);
        let mut drawn = Vec::new();
        for _ in 0..tasks.min(running.len() as u32) {
            let index = self.services.all[id].crash_dice.below(running.len() as u64) as usize;
            drawn.push(running.swap_remove(index));
        }
        drawn
    }
}
