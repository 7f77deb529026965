//! Zones of groups that are out: launches go elsewhere, and when a zone is back the group balances again.

use super::{Group, Groups, Stage, Supply};
use crate::model::group::LaunchCause;
use crate::model::ids::{MachineId, ZoneId};
use crate::policy::capacity::zones::{self, Zone};
use crate::sim::event::RunError;

impl Group {
    /// Whether one of its zones is out.
    pub(super) fn is_out(&self, zone: usize) -> bool {
        self.out[zone]
    }

    /// Its zones as its policies see them, with so many instances each.
    pub(super) fn zones_with(&self, instances: &[u32]) -> Vec<Zone> {
        let view = |(&is_out, &instances): (&bool, &u32)| Zone {
            instances,
            is_used: !is_out,
            has_capacity: !is_out,
        };
        self.out.iter().zip(instances).map(view).collect()
    }
}

impl Groups {
    fn set_out(&mut self, zone: ZoneId, is_out: bool) {
        for group in &mut self.all {
            let zones = group.setup.zones.iter().zip(&mut group.out);
            zones.filter(|(known, _)| **known == zone).for_each(|(_, out)| *out = is_out);
        }
    }
}

impl Supply<'_> {
    /// A zone is out: what is on its way there fails, and groups launch elsewhere.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn zone_fails(&mut self, zone: ZoneId) -> Result<(), RunError> {
        self.groups.set_out(zone, true);
        let groups = &*self.groups;
        let is_coming = |&id: &MachineId| {
            let machine = &groups.machines[id];
            let group = &groups.all[machine.group];
            let is_there = group.setup.zones[group.zone_of(machine.offer)] == zone;
            is_there && machine.instance.is_none() && machine.stage != Stage::Terminated
        };
        let members = groups.all.iter().flat_map(|group| group.members.iter().copied());
        let mut coming: Vec<MachineId> = members.filter(is_coming).collect();
        coming.extend(self.warming_in(zone));
        coming.into_iter().try_for_each(|id| self.replace_failed(id))
    }

    /// A zone is back: groups that could launch nowhere do so, and those that use it balance their zones.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn zone_recovers(&mut self, zone: ZoneId) -> Result<(), RunError> {
        self.groups.set_out(zone, false);
        for group in 0..self.groups.all.len() {
            if self.groups.all[group].setup.zones.contains(&zone) {
                self.try_now(group);
                self.reconcile(group, LaunchCause::Replacement)?;
                self.rebalance(group)?;
                self.zone_may_be_used(group);
            }
        }
        Ok(())
    }

    /// Launches in zones with too few instances, so many at once as a group may have above its limit; for each one that
    /// registers another one ends where there are too many (documented: launch first).
    pub(super) fn rebalance(&mut self, group: usize) -> Result<(), RunError> {
        loop {
            let of = &self.groups.all[group];
            let protects = of.managed.as_ref().is_some_and(|managed| managed.protects);
            let is_kept = of.setup.is_protected || protects || of.instances.is_some();
            if is_kept || of.moving >= zones::above_max(of.max) {
                return Ok(());
            }
            let mut instances = of.by_zone.clone();
            for _ in 0..of.moving {
                // Those that are to end come from where most are.
                if let Some(most) = instances.iter_mut().max() {
                    *most = most.saturating_sub(1);
                }
            }
            let now = self.now();
            self.see_addresses(group);
            let of = &mut self.groups.all[group];
            of.moving += 1;
            let offer = of.lacks().and_then(|purchase| {
                let (zones, picks) = of.zones_to_launch_in(&instances, purchase, now);
                let step = zones::rebalance(&zones)?;
                Some((picks[step.to]?, purchase))
            });
            let Some((offer, purchase)) = offer else {
                of.moving -= 1;
                return Ok(());
            };
            let id = self.launch_offer(group, (offer, purchase), LaunchCause::Rebalance)?;
            self.groups.machines[id].is_extra = true;
            self.count(group);
        }
    }

    /// An instance beyond the desired capacity is so no longer: it has registered, or failed. Says whether it was one.
    pub(super) fn is_extra_no_more(&mut self, id: MachineId) -> bool {
        let machine = &mut self.groups.machines[id];
        let was = std::mem::take(&mut machine.is_extra);
        self.groups.all[machine.group].moving -= u32::from(was);
        was
    }
}
