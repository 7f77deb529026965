//! Tasks whose host stands still while ECS still takes them for RUNNING.

use super::health::Checks;
use super::{Member, Next, Plan};
use crate::base::time::SimTime;
use crate::model::ids::InstanceId;
use crate::model::lifecycle::TaskStatus;
use crate::sim::event::RunError;
use crate::sim::task::Slot;

impl Plan<'_> {
    /// A host stands still: its tasks answer nothing any more. Load balancers notice by their checks; what containers say
    /// of their own health stays as it was, since nobody hears them (documented).
    ///
    /// # Errors
    /// What requests meet.
    pub fn host_stands_still(&mut self, instance: InstanceId) -> Result<(), RunError> {
        for slot in self.tasks.on(instance) {
            let task = &self.tasks[slot];
            let is_up = matches!(task.status, TaskStatus::Running | TaskStatus::Deactivating);
            if is_up && self.rules.is_service(task.source) {
                self.stands_still(slot)?;
            }
        }
        Ok(())
    }

    fn stands_still(&mut self, slot: Slot) -> Result<(), RunError> {
        let now = self.queue.now();
        let Member { service, generation, phase, grace_until, in_load, .. } =
            *self.services.member(slot);
        let member = self.services.member_mut(slot);
        (member.answers, member.never_healthy, member.heals_at) = (false, true, None);
        if in_load {
            self.flow().remove_from_load(slot, now)?;
            self.flow().put_into_load(slot, now)?;
        }
        let task = &self.tasks[slot];
        if task.status == TaskStatus::Running {
            let checks = Checks { container: None, ..self.services.checks(service, generation) };
            let at = checks.unhealthy_at(task.started, now, phase, grace_until);
            let is_known = self.services.member(slot).health == super::Health::Unhealthy;
            self.change_at(slot, if is_known { SimTime::NEVER } else { at }, Next::Unhealthy);
        }
        Ok(())
    }
}
