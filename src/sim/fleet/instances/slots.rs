//! Slots of capacity reservations: which are free, and which instances are in them.
//!
//! A slot takes any On-Demand instance of its type in its zone, whoever launched it (documented of open reservations; those of
//! a group of reservations are taken for open, too), unless its provider keeps out or it was launched into another kind of
//! reservation; the first launched ones have the slots
//! (assumed).

use super::super::{Groups, Supply};
use crate::base::time::SimTime;
use crate::model::ids::{MachineId, ProviderId, ZoneId};
use crate::model::platform::Purchase;
use crate::sim::setup::{ReservationPreference, ReservationUse};

/// The slots of a provider's offers at an instant.
#[derive(Default)]
pub(super) struct Slots {
    /// Whether it launches into slots only.
    pub needs_slot: bool,
    /// By offer: slots that nobody is in.
    pub free: Vec<usize>,
    /// Its own instances that are in slots, ascending.
    pub taken: Vec<MachineId>,
}

impl Slots {
    /// Free slots of an offer; none where reservations are not used.
    pub(super) fn free(&self, offer: usize) -> usize {
        self.free.get(offer).copied().unwrap_or(0)
    }
}

impl Groups {
    /// Whether instances of a group are in no slots of reservations.
    pub(in super::super) fn keeps_out(&self, index: usize) -> bool {
        let of = self.all[index].instances.as_ref().and_then(|of| of.setup.reservations.as_ref());
        of.is_some_and(|of| of.preference == ReservationPreference::Excluded)
    }

    /// On-Demand instances of a type in a zone that may be in slots, in the order of their launches.
    fn slot_takers(&self, instance_type: &str, zone: ZoneId) -> Vec<MachineId> {
        let mut takers: Vec<MachineId> = Vec::new();
        for (index, group) in self.all.iter().enumerate() {
            if self.keeps_out(index) {
                continue;
            }
            let is_one = |id: &MachineId| {
                let machine = &self.machines[*id];
                let of = &group.setup.offers[machine.offer].registration;
                machine.purchase == Purchase::OnDemand
                    && machine.reservation.is_none()
                    && of.zone == zone
                    && of.instance_type == instance_type
            };
            takers.extend(group.members.iter().chain(&group.leaving).copied().filter(is_one));
        }
        takers.sort_unstable();
        takers
    }
}

impl Supply<'_> {
    /// How the slots of a provider stand now.
    pub(super) fn slots(&self, index: usize) -> Slots {
        let group = &self.groups.all[index];
        let of = group.instances.as_ref().and_then(|of| of.setup.reservations.as_ref());
        let of = of.filter(|of| of.preference != ReservationPreference::Excluded);
        let Some(ReservationUse { preference, slots }) = of else { return Slots::default() };
        let now = self.now();
        let mut found = Slots {
            needs_slot: *preference == ReservationPreference::Only,
            free: vec![0; slots.len()],
            taken: Vec::new(),
        };
        for (offer, slots) in slots.iter().enumerate() {
            let is_active =
                |(from, until, _): &&(SimTime, SimTime, u32)| (*from..*until).contains(&now);
            let count: u32 = slots.iter().filter(is_active).map(|(.., count)| count).sum();
            if count == 0 {
                continue;
            }
            let kind = &group.setup.offers[offer].registration;
            // Fixed fleets were there first.
            let fixed = self.fixed_takers(&kind.instance_type, kind.zone);
            let left = (count as usize).saturating_sub(fixed);
            let takers = self.groups.slot_takers(&kind.instance_type, kind.zone);
            found.free[offer] = left.saturating_sub(takers.len());
            let own =
                takers.into_iter().take(left).filter(|id| self.groups.machines[*id].group == index);
            found.taken.extend(own);
        }
        found.taken.sort_unstable();
        found
    }

    /// On-Demand instances of fixed fleets of a type in a zone.
    pub(in super::super) fn fixed_takers(&self, instance_type: &str, zone: ZoneId) -> usize {
        let fleet = self.drive.cluster.fleet();
        let is_fixed = |of: ProviderId| {
            let is_on_demand = self.drive.rules.providers[of].purchase == Purchase::OnDemand;
            is_on_demand && self.groups.of_provider(of).is_none()
        };
        if !self.drive.rules.providers.ids().any(is_fixed) {
            return 0;
        }
        let is_one = |id: &crate::model::ids::InstanceId| {
            fleet.zone[*id] == zone
                && fleet.instance_type[*id] == instance_type
                && fleet.deregistered_at[*id] == SimTime::NEVER
                && is_fixed(fleet.provider[*id])
        };
        fleet.ids().filter(is_one).count()
    }
}
