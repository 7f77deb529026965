//! Distribution segments: launches go into the first capacity type of the list that has room; instances in Capacity Blocks
//! and interruptible reservations end when these are given back.
//!
//! | Rule | Source |
//! | --- | --- |
//! | the capacity types are tried in order, within each the types of the group's list | documented |
//! | a capacity type goes before balance between zones; such a group moves no instance to balance them | assumed |
//! | a reservation has room while fewer instances are in it than it has slots; those on their way and those that drain count | assumed |
//! | into Capacity Blocks and interruptible reservations nothing is launched from the end of their instances on | documented |
//! | in a scale-in those of the last capacity type of the list end first, within the zone with most | assumed |

use super::{Group, Groups, Supply};
use crate::base::id::Column;
use crate::base::time::{LATEST, SimSpan, SimTime};
use crate::model::fleet::Registration;
use crate::model::ids::{InstanceId, MachineId, ProviderId};
use crate::model::platform::Purchase;
use crate::policy::capacity::mixed::CapacityType;
use crate::pricing::Price;
use crate::pricing::reservations::{CapacityReservation, ReservationKind, Return};
use crate::sim::setup::{InstanceSetup, ProviderSetup, SegmentsSetup};

/// Where a launch goes.
#[derive(Clone, Copy, Default, Debug)]
pub struct Place {
    /// The place of its capacity type in the list.
    pub segment: usize,
    /// The reservation, where only what is launched into it is in it.
    pub reservation: Option<usize>,
}

/// What the segments of a group offer.
#[derive(Default)]
pub struct Openings {
    /// By capacity type and offer: where a launch would go, if it would succeed.
    by_type: Vec<Vec<Option<Place>>>,
    /// Whether a reservation begins later.
    pub may_open: bool,
}

/// An instance that a mixed group has chosen to begin with.
#[derive(Clone, Copy)]
pub(super) struct First {
    pub offer: usize,
    pub purchase: Purchase,
    pub place: Place,
}

/// A capacity reservation in the middle of a run.
struct One {
    of: CapacityReservation,
    /// What each instance in it costs, where it is a Capacity Block.
    price: Option<Price>,
    /// Instances that were launched into it and have not ended.
    used: u32,
}

impl One {
    fn is_of(&self, capacity: CapacityType) -> bool {
        match self.of.kind {
            ReservationKind::OnDemand => capacity == CapacityType::OnDemandReservation,
            ReservationKind::Block(_) => capacity == CapacityType::CapacityBlock,
            ReservationKind::Interruptible(_) => capacity == CapacityType::InterruptibleReservation,
        }
    }

    fn is_active(&self, now: SimTime) -> bool {
        let until = self.of.kind.returns().map_or(self.of.until, |back| back.at);
        (self.of.from..until).contains(&now)
    }
}

/// The capacity reservations of a run.
#[derive(Default)]
pub struct Reserved(Vec<One>);

impl Reserved {
    /// When the instances of a place end, if they do.
    fn returns(&self, reservation: usize) -> Option<Return> {
        self.0[reservation].of.kind.returns()
    }

    /// What an instance there costs, where the place says so.
    pub(super) fn block_price(&self, reservation: Option<usize>) -> Option<&Price> {
        self.0[reservation?].price.as_ref()
    }

    fn take(&mut self, place: Place) {
        if let Some(at) = place.reservation {
            self.0[at].used += 1;
        }
    }

    /// Whether instances may end because their reservation does.
    #[must_use]
    pub fn may_return(&self) -> bool {
        self.0.iter().any(|one| one.of.kind.returns().is_some())
    }

    /// Instances that were launched into each reservation and have not ended, and its slots.
    pub fn used(&self) -> impl Iterator<Item = (u32, u32)> {
        self.0.iter().map(|one| (one.used, one.of.count))
    }
}

impl Group {
    fn segments(&self) -> Option<&SegmentsSetup> {
        self.setup.mixed.as_ref()?.segments.as_ref()
    }

    /// Whether it has distribution segments.
    pub(super) fn has_segments(&self) -> bool {
        self.segments().is_some()
    }

    /// The offer of its next instance: the zone of the first capacity type that has room in one.
    pub(super) fn choose_by_segment(&self, instances: &[u32]) -> Option<usize> {
        self.openings.by_type.iter().find_map(|open| {
            let first = |zone: usize| {
                let own = zone * self.types()..(zone + 1) * self.types();
                own.into_iter().find(|&offer| open[offer].is_some() && !self.full[zone])
            };
            let picks: Vec<Option<usize>> = (0..self.by_zone.len()).map(first).collect();
            let mut zones = self.zones_with(instances);
            for (zone, pick) in zones.iter_mut().zip(&picks) {
                zone.has_capacity &= pick.is_some();
            }
            picks[self.zone_to_launch_in(zones)?]
        })
    }

    /// Where an offer that it has chosen is launched.
    pub(super) fn place_of(&self, offer: usize) -> Place {
        self.openings.by_type.iter().find_map(|open| open[offer]).unwrap_or_default()
    }
}

impl Groups {
    /// The reservations of the run.
    pub fn know_reservations(&mut self, all: &[CapacityReservation]) {
        let one = |of: &CapacityReservation| One {
            price: matches!(of.kind, ReservationKind::Block(_)).then_some(Price::Fixed(of.rate)),
            of: of.clone(),
            used: 0,
        };
        self.reserved = Reserved(all.iter().map(one).collect());
    }

    /// What a group's segments offer, where so many instances are in slots of On-Demand reservations for an offer.
    fn openings(
        &self,
        index: usize,
        now: SimTime,
        takers: impl Fn(&Registration) -> usize,
    ) -> Openings {
        let group = &self.all[index];
        let Some(of) = group.segments() else { return Openings::default() };
        let own = |offer: usize, capacity: CapacityType| {
            let numbers = of.reservations[offer].iter().map(|&at| (at, &self.reserved.0[at]));
            numbers.filter(move |(_, one)| one.is_of(capacity))
        };
        let open = |segment: usize, capacity: CapacityType, offer: usize| {
            let mut active = own(offer, capacity).filter(|(_, one)| one.is_active(now));
            let unbound = Place { segment, reservation: None };
            match capacity {
                CapacityType::OnDemand => {
                    group.is_open(offer, Purchase::OnDemand).then_some(unbound)
                }
                CapacityType::OnDemandReservation => {
                    let slots: usize = active.map(|(_, one)| one.of.count as usize).sum();
                    let kind = &group.setup.offers[offer].registration;
                    (slots > 0 && takers(kind) < slots).then_some(unbound)
                }
                CapacityType::CapacityBlock | CapacityType::InterruptibleReservation => {
                    let (at, _) = active.find(|(_, one)| one.used < one.of.count)?;
                    Some(Place { segment, reservation: Some(at) })
                }
            }
        };
        let offers = group.setup.offers.len();
        let types = || of.types.iter().copied().enumerate();
        let by_type = types()
            .map(|(segment, capacity)| (0..offers).map(|o| open(segment, capacity, o)).collect());
        let begins_later = |(_, capacity): (usize, CapacityType)| {
            (0..offers).any(|offer| own(offer, capacity).any(|(_, one)| one.of.from > now))
        };
        Openings { by_type: by_type.collect(), may_open: types().any(begins_later) }
    }

    /// What a group's segments offer while groups choose the instances that they have at the beginning.
    pub(super) fn see_first_openings(
        &mut self,
        index: usize,
        instances: &[InstanceSetup],
        providers: &Column<ProviderId, ProviderSetup>,
    ) {
        let mixed = |of: ProviderId| {
            self.all.iter().find(|group| group.setup.provider == of && group.setup.mixed.is_some())
        };
        let takers = |kind: &Registration| {
            let is_one = |of: &Registration| {
                (of.zone, &of.instance_type) == (kind.zone, &kind.instance_type)
            };
            let is_plain = |of: &&InstanceSetup| {
                let provider = of.registration.provider;
                is_one(&of.registration)
                    && providers[provider].purchase == Purchase::OnDemand
                    && mixed(provider).is_none()
            };
            let chosen = self.all.iter().flat_map(|group| {
                group.first.iter().filter(|first| {
                    first.purchase == Purchase::OnDemand
                        && first.place.reservation.is_none()
                        && is_one(&group.setup.offers[first.offer].registration)
                })
            });
            instances.iter().filter(is_plain).count() + chosen.count()
        };
        let openings = self.openings(index, SimTime::ZERO, takers);
        self.all[index].openings = openings;
    }

    /// One that a group begins with is chosen: it holds its place, and costs what that does.
    pub(super) fn hold_first(&mut self, place: Place, instance: &mut InstanceSetup) {
        if let Some(price) = self.reserved.block_price(place.reservation) {
            instance.price = price.clone();
        }
        self.reserved.take(place);
    }

    /// Places are taken anew by the instances when these are known.
    pub(super) fn forget_places(&mut self) {
        self.reserved.0.iter_mut().for_each(|one| one.used = 0);
    }

    /// An instance is launched there.
    pub(super) fn put_in(&mut self, id: MachineId, place: Place) {
        self.reserved.take(place);
        let machine = &mut self.machines[id];
        (machine.segment, machine.reservation) = (place.segment, place.reservation);
    }

    /// An instance is gone, and its place is free.
    pub(super) fn gives_place_back(&mut self, id: MachineId) {
        if let Some(at) = self.machines[id].reservation {
            self.reserved.0[at].used -= 1;
        }
    }

    /// How an instance is bought, as bills see it.
    #[must_use]
    pub fn bought(&self, id: MachineId) -> Purchase {
        let machine = &self.machines[id];
        match machine.reservation.map(|at| self.reserved.0[at].of.kind) {
            Some(ReservationKind::Block(_)) => Purchase::CapacityBlock,
            Some(ReservationKind::Interruptible(_)) => Purchase::Interruptible,
            Some(ReservationKind::OnDemand) | None => machine.purchase,
        }
    }

    /// How a container instance of a capacity provider is bought.
    #[must_use]
    pub fn purchase_of(&self, instance: InstanceId, own: Purchase) -> Purchase {
        self.behind(instance).map_or(own, |id| self.bought(id))
    }

    /// The reservation that a container instance was launched into.
    #[must_use]
    pub fn reservation_of(&self, instance: InstanceId) -> Option<usize> {
        self.machines[self.behind(instance)?].reservation
    }

    /// Instances of groups that are in slots of On-Demand reservations for a kind, or could be.
    fn open_takers(&self, kind: &Registration) -> usize {
        let is_one =
            |of: &Registration| (of.zone, &of.instance_type) == (kind.zone, &kind.instance_type);
        let of_group = |(index, group): (usize, &Group)| {
            if self.keeps_out(index) {
                return 0;
            }
            let offers = group.setup.offers.iter().zip(&group.by_offer);
            let own = offers.filter(|(offer, _)| is_one(&offer.registration));
            let members: u32 = own.map(|(_, by)| by[Purchase::OnDemand as usize]).sum();
            let leaves = |id: &&MachineId| {
                let machine = &self.machines[**id];
                machine.purchase == Purchase::OnDemand
                    && is_one(&group.setup.offers[machine.offer].registration)
            };
            members as usize + group.leaving.iter().filter(leaves).count()
        };
        let all: usize = self.all.iter().enumerate().map(of_group).sum();
        let bound =
            self.reserved.0.iter().filter(|one| {
                (one.of.zone, &one.of.instance_type) == (kind.zone, &kind.instance_type)
            });
        all.saturating_sub(bound.map(|one| one.used as usize).sum())
    }
}

impl Supply<'_> {
    /// A group looks what its segments offer.
    pub(super) fn see_openings(&mut self, index: usize) {
        if !self.groups.all[index].has_segments() {
            return;
        }
        let takers = |kind: &Registration| {
            self.fixed_takers(&kind.instance_type, kind.zone) + self.groups.open_takers(kind)
        };
        let openings = self.groups.openings(index, self.now(), takers);
        self.groups.all[index].openings = openings;
    }

    /// An instance that was launched into a reservation ends with it, if that ends before the run.
    pub(super) fn arrange_return(&mut self, id: MachineId) {
        if let Some(back) = self.given_back(id).filter(|back| back.notice < LATEST) {
            // What is launched after the notice has it at once.
            self.fate_goes_on_at(id, back.notice.max(self.now() + SimSpan(1)));
        }
    }

    /// When an instance is given back with its reservation.
    pub(super) fn given_back(&self, id: MachineId) -> Option<Return> {
        self.groups.reserved.returns(self.groups.machines[id].reservation?)
    }
}
