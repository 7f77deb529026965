//! What providers of Managed Instances do with capacity reservations.

use super::Build;
use super::fleet::FleetSpec;
use crate::model::platform::Purchase;
use crate::pricing::reservations::{CapacityReservation, ReservationKind};
use crate::scenario::settings::Settings;
use crate::sim::setup::{ReservationPreference, ReservationUse};

const KEY: &str = "reservation_preference";

impl Build<'_> {
    /// The preference; which slots there are is known later.
    pub(super) fn reservation_use(
        &mut self,
        fleet: &FleetSpec<'_>,
        table: &Settings,
    ) -> Option<ReservationUse> {
        let preference = match table.text(KEY)? {
            "RESERVATIONS_ONLY" => ReservationPreference::Only,
            "RESERVATIONS_FIRST" => ReservationPreference::First,
            _ => ReservationPreference::Excluded,
        };
        if fleet.purchase == Purchase::Spot {
            let message =
                "`capacityOptionType` is either SPOT or RESERVED: Spot instances are in no slots";
            let help = "remove `purchase` of the capacity provider, or this";
            self.error_with_help(table.place_of(KEY), message, help);
        }
        Some(ReservationUse { preference, slots: Vec::new() })
    }

    /// Gives each offer of these providers its slots.
    pub(super) fn give_slots(&mut self, root: &Settings, all: &[CapacityReservation]) {
        for group in &mut self.groups {
            let offers = group.offers.iter().map(|offer| &offer.registration);
            let Some(of) = group.instances.as_mut().and_then(|of| of.reservations.as_mut()) else {
                continue;
            };
            let slots = offers.map(|kind| {
                let own = all
                    .iter()
                    .filter(|one| one.zone == kind.zone && one.instance_type == kind.instance_type)
                    .filter(|one| one.kind == ReservationKind::OnDemand);
                own.map(|one| (one.from, one.until, one.count)).collect()
            });
            of.slots = slots.collect();
        }
        let declared: Vec<&Settings> = root.tables("capacity_provider").collect();
        for settings in declared {
            let Some(table) = settings.table("managed_instances").filter(|of| of.is_given(KEY))
            else {
                continue;
            };
            let name = settings.text("name").unwrap_or_default();
            let is_own = |group: &&crate::sim::setup::GroupSetup| {
                self.providers[group.provider].name == name
            };
            let group = self.groups.iter().find(is_own);
            let of =
                group.and_then(|of| of.instances.as_ref()).and_then(|of| of.reservations.as_ref());
            let lacks = |of: &ReservationUse| {
                of.preference != ReservationPreference::Excluded
                    && of.slots.iter().all(Vec::is_empty)
            };
            if of.is_some_and(lacks) {
                let message = "no `[[capacity_reservation]]` is of a type and a zone that this provider may launch";
                let help = "declare one, or allow its `instance_type` and `availability_zone` here";
                self.error_with_help(table.place_of(KEY), message, help);
            }
        }
    }
}
