//! The ceiling of a deployment, held at every start in tests.

use crate::model::ids::ServiceId;
use crate::policy::deployment::rolling;
use crate::sim::services::{Deployment, Kind, Look, Rebalancing};

impl Look<'_> {
    /// Whether Availability Zone rebalancing may add a task: one more than desired, or what `maximumPercent` allows, with
    /// tasks that drain where they count.
    pub fn has_room_for_one_more(&self, id: ServiceId) -> bool {
        let service = &self.services.all[id];
        if !self.services.settings.draining_tasks_count {
            return true;
        }
        let draining: u32 = service.deployments.iter().map(|d| d.draining).sum();
        let maximum = service.setup.deployment.maximum_percent;
        let high = rolling::bounds(service.desired, 0, maximum).high.max(service.desired + 1);
        service.members.len() as u32 + draining < high
    }

    /// A start keeps to `maximumPercent`; Availability Zone rebalancing may add one.
    pub fn check_ceiling(&self, id: ServiceId, generation: u32) {
        let service = &self.services.all[id];
        if !self.services.is_checked || service.is_daemon() {
            return;
        }
        let maximum = service.setup.deployment.maximum_percent;
        let is_rolling = service.deployments.iter().all(|d| matches!(d.kind, Kind::Rolling));
        let rebalances =
            service.setup.rebalances_zones && service.rebalancing != Rebalancing::Stuck;
        let extra = u32::from(rebalances && is_rolling);
        let (wanted, there, maximum) = if is_rolling {
            (service.desired, service.members.len() as u32, maximum)
        } else {
            let Some(own) = service.deployment(generation) else { return };
            (own.wants(service.desired), own.tasks(), maximum.max(100))
        };
        let counts = self.services.settings.draining_tasks_count;
        let draining = |own: &&Deployment| is_rolling || own.generation == generation;
        let draining = service.deployments.iter().filter(draining).map(|d| d.draining);
        let there = there + if counts { draining.sum() } else { 0 };
        let high = rolling::bounds(wanted, 0, maximum).high + extra;
        assert!(there <= high, "T5: {there} tasks of {}, at most {high}", service.setup.name);
    }
}
