//! Zones of groups that are out or shifted away from: launches go elsewhere, and when a zone is back the group balances
//! again.

use super::{Group, Groups, Stage, Supply};
use crate::base::time::SimTime;
use crate::engine::Class;
use crate::model::group::LaunchCause;
use crate::model::ids::{InstanceId, MachineId, ProviderId, ZoneId};
use crate::policy::capacity::zones::{self, Distribution, Zone};
use crate::sim::event::{Event, RunError};

impl Group {
    /// Whether nothing is launched in one of its zones: it is out, or shifted away from.
    pub(super) fn is_out(&self, zone: usize) -> bool {
        self.out[zone] || self.shifted == Some(zone)
    }

    /// Whether one of its zones is shifted away from.
    pub(super) fn is_shifted(&self) -> bool {
        self.shifted.is_some()
    }

    /// Its zones as its policies see them, with so many instances each.
    pub(super) fn zones_with(&self, instances: &[u32]) -> Vec<Zone> {
        let view = |(zone, &instances): (usize, &u32)| {
            let is_used = !self.is_out(zone);
            Zone { instances, is_used, has_capacity: is_used }
        };
        instances.iter().enumerate().map(view).collect()
    }

    /// The zone of the next launch. A group with `balanced-only` goes on trying where a zone is out, and does not where
    /// one is shifted away from (documented).
    pub(super) fn zone_to_launch_in(&self, mut zones: Vec<Zone>) -> Option<usize> {
        let distribution = self.setup.zoning.distribution;
        if distribution == Distribution::BalancedOnly {
            for (index, zone) in zones.iter_mut().enumerate() {
                zone.is_used = self.shifted != Some(index);
            }
        }
        zones::launch(&zones, distribution)
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
                self.zone_is_back(group)?;
                self.zone_may_be_used(group);
            }
        }
        Ok(())
    }

    fn zone_is_back(&mut self, group: usize) -> Result<(), RunError> {
        self.try_now(group);
        self.reconcile(group, LaunchCause::Replacement)?;
        self.rebalance(group)
    }

    /// The begin or the end of a group's next zonal shift is arranged.
    pub(super) fn arrange_shift(&mut self, group: usize) {
        let of = &self.groups.all[group];
        if let Some(shift) = of.setup.zoning.shifts.get(of.shifts_done) {
            let at = if of.is_shifted() { shift.until } else { shift.from };
            let (at, provider) = (at.max(self.now()), of.setup.provider);
            self.drive.queue.schedule(at, Class::Control, Event::ZonalShift(provider));
        }
    }

    /// A zonal shift of a group begins: it launches nothing there, and policies do not scale it in. Or it is over: the
    /// group balances its zones.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn group_shifts(&mut self, provider: ProviderId) -> Result<(), RunError> {
        let Some(index) = self.groups.of_provider(provider) else { return Ok(()) };
        let group = &mut self.groups.all[index];
        let Some(shift) = group.setup.zoning.shifts.get(group.shifts_done) else { return Ok(()) };
        let is_over = group.is_shifted();
        if is_over {
            group.shifted = None;
            group.shifts_done += 1;
        } else {
            group.shifted = group.setup.zones.iter().position(|&zone| zone == shift.zone);
        }
        let event = if is_over { "zonal_shift_ends" } else { "zonal_shift_begins" };
        let zone = self.drive.rules.zones[shift.zone].clone();
        self.arrange_shift(index);
        self.tell_group(index, event, &zone)?;
        if is_over { self.zone_is_back(index) } else { Ok(()) }
    }

    /// Until when the group of an instance does not look at its health: its grace period.
    #[must_use]
    pub fn in_grace_until(&self, instance: InstanceId) -> Option<SimTime> {
        let group = &self.groups.all[self.groups.machines[self.groups.behind(instance)?].group];
        let registered = self.drive.cluster.fleet().registered_at[instance];
        let until = registered + group.setup.health_check_grace;
        (until > self.now()).then_some(until)
    }

    /// Until when the group of an instance does not replace it, however unhealthy it is.
    #[must_use]
    pub fn ignored_until(&self, instance: InstanceId) -> Option<SimTime> {
        let machine = &self.groups.machines[self.groups.behind(instance)?];
        let group = &self.groups.all[machine.group];
        let is_there = group.shifted == Some(group.zone_of(machine.offer));
        let shift = group.setup.zoning.shifts.get(group.shifts_done)?;
        let waits = is_there && group.setup.zoning.ignores_unhealthy && shift.until > self.now();
        waits.then_some(shift.until)
    }

    /// Launches in zones with too few instances, so many at once as a group may have above its limit; for each one that
    /// registers another one ends where there are too many (documented: launch first).
    pub(super) fn rebalance(&mut self, group: usize) -> Result<(), RunError> {
        loop {
            let of = &self.groups.all[group];
            let protects = of.managed.as_ref().is_some_and(|managed| managed.protects);
            let is_kept = of.setup.is_protected || protects || of.instances.is_some();
            let is_kept = is_kept || of.has_segments();
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
