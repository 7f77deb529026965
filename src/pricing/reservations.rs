//! Capacity reservations: slots that are paid whether an instance is in them or not.
//!
//! | Rule | Source |
//! | --- | --- |
//! | a slot is billed at the On-Demand price, by the second, while the reservation lasts | documented, EC2 user guide |
//! | instances of its type and zone use its slots and are billed as instances; slots without one are billed as unused | documented |
//! | Savings Plans and regional Reserved Instances cover unused slots, too, after instances; zonal ones do not | documented |
//! | of several reservations of one type and zone the first has the instances first | assumed |
//! | a Capacity Block is paid as a whole, at a price of its own; Savings Plans and Reserved Instances do not cover it | documented |
//! | instances in an interruptible reservation are billed as On-Demand ones; slots without one are its owner's | documented |
//! | of Capacity Blocks and interruptible reservations only those instances are in slots that were launched into them | documented |
//!
//! Spot instances use no slots, nor do instances of capacity providers that are to keep out of them. Who may launch because a
//! slot is free is decided elsewhere: here it is only billed.

use super::Category;
use crate::base::money::HourlyRate;
use crate::base::time::SimTime;
use crate::model::ids::{ProviderId, ZoneId};
use std::collections::BTreeMap;

/// Which kind of reservation it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReservationKind {
    /// On-Demand: any instance of its type and zone may be in it, and stays when it ends.
    OnDemand,
    /// A Capacity Block: paid upfront, and its instances end before it does.
    Block(Return),
    /// Interruptible: its owner takes the capacity back, and the instances in it end.
    Interruptible(Return),
}

/// When capacity is given back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Return {
    /// When the instances in it have their notice.
    pub notice: SimTime,
    /// When they end; nothing is launched into it from then on.
    pub at: SimTime,
    /// Whether they are DRAINING from the notice on.
    pub drains: bool,
}

impl ReservationKind {
    /// When its instances end with it; `None`: they stay.
    #[must_use]
    pub fn returns(self) -> Option<Return> {
        match self {
            ReservationKind::OnDemand => None,
            ReservationKind::Block(at) | ReservationKind::Interruptible(at) => Some(at),
        }
    }

    /// What its slots are charged as while nobody is in them.
    #[must_use]
    pub fn unused(self) -> Category {
        match self {
            ReservationKind::Block(_) => Category::CapacityBlockUnused,
            ReservationKind::OnDemand | ReservationKind::Interruptible(_) => {
                Category::CapacityUnused
            }
        }
    }
}

/// A reservation of capacity.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CapacityReservation {
    /// Name in outputs.
    pub name: String,
    /// Which kind it is.
    pub kind: ReservationKind,
    /// Instance type.
    pub instance_type: String,
    /// Its Availability Zone.
    pub zone: ZoneId,
    /// How many slots.
    pub count: u32,
    /// Since when it is active.
    pub from: SimTime,
    /// Until when; `NEVER`: beyond the end of the run.
    pub until: SimTime,
    /// What a slot costs without an instance; of a Capacity Block, with one, too.
    pub rate: HourlyRate,
}

/// Slots that nobody was in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unused {
    /// Number of the reservation.
    pub reservation: usize,
    /// From when.
    pub from: SimTime,
    /// Until when.
    pub until: SimTime,
    /// How many.
    pub slots: u64,
}

/// Slots that the same instances may be in.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Slots {
    /// Those of On-Demand reservations of a type in a zone.
    Open(String, ZoneId),
    /// Those of one reservation, for what is launched into it.
    Of(usize),
}

/// Reservations, and the instances that may be in their slots.
#[derive(Clone, Debug, Default)]
pub struct Reservations {
    all: Vec<CapacityReservation>,
    /// Instances that come (1) or go (-1).
    moves: BTreeMap<Slots, BTreeMap<SimTime, i64>>,
    /// Capacity providers whose instances are in no slots.
    excluded: Vec<ProviderId>,
}

impl Reservations {
    /// Of a run that has these.
    #[must_use]
    pub fn new(all: Vec<CapacityReservation>, excluded: Vec<ProviderId>) -> Reservations {
        let slots = |(index, one): (usize, &CapacityReservation)| match one.kind {
            ReservationKind::OnDemand => Slots::Open(one.instance_type.clone(), one.zone),
            _ => Slots::Of(index),
        };
        let keys = all.iter().enumerate().map(|one| (slots(one), BTreeMap::new()));
        Reservations { moves: keys.collect(), all, excluded }
    }

    /// The reservations, in the order of the scenario.
    #[must_use]
    pub fn all(&self) -> &[CapacityReservation] {
        &self.all
    }

    /// Whether instances of a capacity provider may be in slots.
    #[must_use]
    pub fn are_for(&self, provider: ProviderId) -> bool {
        !self.excluded.contains(&provider)
    }

    /// An On-Demand instance was billed from `from` until `until`.
    pub fn instance(&mut self, instance_type: &str, zone: ZoneId, billed: (SimTime, SimTime)) {
        if !self.moves.is_empty() {
            self.moves_in(&Slots::Open(instance_type.to_string(), zone), billed);
        }
    }

    /// An instance that was launched into a reservation was billed from `from` until `until`.
    pub fn instance_of(&mut self, reservation: usize, billed: (SimTime, SimTime)) {
        self.moves_in(&Slots::Of(reservation), billed);
    }

    fn moves_in(&mut self, slots: &Slots, (from, until): (SimTime, SimTime)) {
        if let Some(moves) = self.moves.get_mut(slots).filter(|_| from < until) {
            *moves.entry(from).or_default() += 1;
            *moves.entry(until).or_default() -= 1;
        }
    }

    /// Slot-microseconds that a reservation has in a run that ends at `end`.
    #[must_use]
    pub fn reserved(&self, reservation: usize, end: SimTime) -> u128 {
        let of = &self.all[reservation];
        u128::from(of.until.min(end).since(of.from.min(end)).0) * u128::from(of.count)
    }

    /// The slots that nobody was in until `end`, in order of type, zone and time.
    #[must_use]
    pub fn unused(&self, end: SimTime) -> Vec<Unused> {
        self.moves.iter().flat_map(|(key, moves)| self.sweep(key, moves, end)).collect()
    }

    fn sweep(&self, slots: &Slots, moves: &BTreeMap<SimTime, i64>, end: SimTime) -> Vec<Unused> {
        let of_kind = |(index, one): &(usize, &CapacityReservation)| match slots {
            Slots::Of(own) => index == own,
            Slots::Open(instance_type, zone) => {
                one.kind == ReservationKind::OnDemand
                    && (&one.instance_type, one.zone) == (instance_type, *zone)
            }
        };
        let own = || self.all.iter().enumerate().filter(of_kind);
        let bounds = own().flat_map(|(_, one)| [one.from, one.until]);
        let mut instants: Vec<SimTime> = bounds.chain(moves.keys().copied()).collect();
        instants.iter_mut().for_each(|at| *at = (*at).min(end));
        instants.push(end);
        instants.sort_unstable();
        instants.dedup();
        let mut running = 0;
        let mut unused: Vec<Unused> = Vec::new();
        for pair in instants.windows(2) {
            let (from, until) = (pair[0], pair[1]);
            running += moves.get(&from).copied().unwrap_or(0);
            let mut left = u64::try_from(running).unwrap_or(0);
            for (reservation, one) in own() {
                if one.from > from || one.until <= from {
                    continue;
                }
                let used = left.min(one.count.into());
                left -= used;
                let slots = u64::from(one.count) - used;
                if slots > 0 {
                    unused.push(Unused { reservation, from, until, slots });
                }
            }
        }
        unused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::SimSpan;

    fn minutes(minutes: u64) -> SimTime {
        SimTime::ZERO + SimSpan::from_secs(60 * minutes)
    }

    fn of(count: u32, from: u64, until: u64) -> CapacityReservation {
        CapacityReservation {
            name: String::new(),
            kind: ReservationKind::OnDemand,
            instance_type: "m4.large".into(),
            zone: ZoneId(0),
            count,
            from: minutes(from),
            until: minutes(until),
            rate: HourlyRate::parse("0.10").unwrap(),
        }
    }

    /// Slot-minutes that are unused, by reservation.
    fn unused(reservations: &Reservations, end: u64) -> Vec<u64> {
        let mut sums = vec![0; reservations.all().len()];
        for one in reservations.unused(minutes(end)) {
            sums[one.reservation] += one.until.since(one.from).0 / 60_000_000 * one.slots;
        }
        sums
    }

    #[test]
    fn pr_48_a_day_and_a_quarter_of_an_hour_are_24_25_hours() {
        let reservations = Reservations::new(vec![of(1, 10, 10 + 24 * 60 + 15)], Vec::new());
        assert_eq!(unused(&reservations, 10_000), [24 * 60 + 15]);
        assert_eq!(reservations.reserved(0, minutes(10_000)), 87_300_000_000);
        // It ends with the run, if not before.
        assert_eq!(unused(&reservations, 70), [60]);
        assert_eq!(unused(&reservations, 5), [0]);
    }

    #[test]
    fn pr_49_of_twenty_reserved_fifteen_are_used() {
        let mut reservations = Reservations::new(vec![of(20, 0, 60)], Vec::new());
        (0..15)
            .for_each(|_| reservations.instance("m4.large", ZoneId(0), (minutes(0), minutes(60))));
        // Of another type, in another zone: they use none.
        reservations.instance("m4.xlarge", ZoneId(0), (minutes(0), minutes(60)));
        reservations.instance("m4.large", ZoneId(1), (minutes(0), minutes(60)));
        assert_eq!(unused(&reservations, 60), [5 * 60]);
    }

    #[test]
    fn pr_50_a_slot_is_empty_for_an_hour_and_then_occupied() {
        let mut reservations = Reservations::new(vec![of(1, 0, 300)], Vec::new());
        reservations.instance("m4.large", ZoneId(0), (minutes(60), minutes(300)));
        assert_eq!(unused(&reservations, 300), [60]);
    }

    #[test]
    fn the_first_reservation_has_the_instances_first_and_none_has_more_than_it_reserves() {
        let mut reservations = Reservations::new(vec![of(1, 0, 60), of(2, 30, 90)], Vec::new());
        (0..2)
            .for_each(|_| reservations.instance("m4.large", ZoneId(0), (minutes(0), minutes(80))));
        // The first is full for its hour. The second has the other one from 30 to 60, both until 80, none for ten more.
        assert_eq!(unused(&reservations, 120), [0, 30 + 20]);
    }
}
