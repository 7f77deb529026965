//! An Availability Zone is out: hosts stand still, Fargate's tasks are gone, nothing can be launched there.
//!
//! Who acts then, in this order: load balancers see their targets fail; groups launch elsewhere what was on its way;
//! ECS misses the agents and places elsewhere; groups' health checks find the instances and replace them in other zones;
//! services replace what they have lost. When the zone is back groups balance their zones, launching first, and services
//! with Availability Zone rebalancing theirs.

use super::{Due, Mishap};
use crate::base::time::SimTime;
use crate::engine::Class;
use crate::model::ids::ZoneId;
use crate::model::lifecycle::{StopReason, TaskStatus};
use crate::sim::event::RunError;

impl Mishap<'_> {
    /// A zone is out from now on.
    pub(super) fn zone_is_out(
        &mut self,
        zone: ZoneId,
        until: SimTime,
        incident: usize,
    ) -> Result<(), RunError> {
        let known = self.faults.zones.get(&zone).copied().unwrap_or(SimTime::ZERO);
        self.faults.zones.insert(zone, until.max(known));
        self.schedule(until, Class::Release, Due::ZoneOver { zone, incident });
        self.supply.drive.fargate.set_out(zone, true);
        let now = self.now();
        let slots = self.supply.drive.tasks.on_fargate(zone);
        let owners = self.supply.drive.plan().owners(slots.clone());
        self.incident_concerns(incident, owners)?;
        for slot in slots {
            let drive = &mut self.supply.drive;
            let goes_on = drive.tasks[slot].status < TaskStatus::Deactivating;
            drive.lose_task(slot, StopReason::EssentialContainerExited, now)?;
            self.faults.count_lost(incident, u32::from(goes_on));
        }
        self.supply.zone_fails(zone)
    }

    /// Until when a zone is out.
    pub(super) fn out_until(&self, zone: ZoneId) -> Option<SimTime> {
        self.faults.zones.get(&zone).copied()
    }

    /// A zone is back, unless another outage of it goes on.
    pub(super) fn zone_is_back(&mut self, zone: ZoneId, incident: usize) -> Result<(), RunError> {
        self.faults.incident_ends(incident, self.now());
        if self.out_until(zone).is_none_or(|until| until > self.now()) {
            return Ok(());
        }
        self.faults.zones.remove(&zone);
        self.supply.drive.fargate.set_out(zone, false);
        self.supply.drive.plan().zone_recovers();
        self.supply.zone_recovers(zone)
    }
}
