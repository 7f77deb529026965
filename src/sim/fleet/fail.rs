//! Instances that fail: the group's health check ends them, and the group launches others.

use super::{Stage, Supply};
use crate::model::group::{EndCause, LaunchCause};
use crate::model::ids::MachineId;
use crate::sim::event::RunError;

impl Supply<'_> {
    /// A group has found an instance unhealthy: it is terminated, draining or not, and another one is launched. The
    /// desired capacity stays. Protection from scale-in does not matter here (assumed).
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn replace_failed(&mut self, id: MachineId) -> Result<(), RunError> {
        let machine = &mut self.groups.machines[id];
        let (index, stage) = (machine.group, machine.stage);
        if stage == Stage::Terminated {
            return Ok(());
        }
        if stage != Stage::Draining {
            machine.end = Some(EndCause::Failure);
            self.leaves(id);
        }
        self.finish(id)?;
        self.reconcile(index, LaunchCause::Replacement)
    }

    /// A group ends an instance as it does in a scale-in, hooks included, and launches another one.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn drain_failed(&mut self, id: MachineId) -> Result<(), RunError> {
        let index = self.groups.machines[id].group;
        self.end(id, EndCause::Failure)?;
        self.reconcile(index, LaunchCause::Replacement)
    }
}
