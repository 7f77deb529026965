//! What tasks in PROVISIONING wait for, as far as their group knows.

use super::Groups;
use crate::base::time::SimTime;
use crate::model::ids::ProviderId;
use crate::model::provisioning::WaitCause;

impl Groups {
    /// Why a task that waits for a provider has had no place until `now`. What is on its way comes first, then what keeps
    /// the group from launching more.
    #[must_use]
    pub fn why_waits(&self, provider: ProviderId, now: SimTime) -> WaitCause {
        // A fleet that does not grow: only who may overflow to Fargate waits for it.
        let Some(index) = self.of_provider(provider) else { return WaitCause::MaxSize };
        let group = &self.all[index];
        let there = group.members.len() as u32;
        let is_short = group.instances.as_ref().is_some_and(|of| of.tries_again(now));
        if there > group.active {
            WaitCause::Launch
        } else if group.waits() || is_short {
            WaitCause::NoCapacity
        } else if group.instances.is_none() && group.desired >= group.max {
            WaitCause::MaxSize
        } else {
            WaitCause::Decision
        }
    }
}
