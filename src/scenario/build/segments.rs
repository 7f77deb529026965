//! Distribution segments of a mixed instances policy, and the capacity reservations that they name.

use super::Build;
use super::fleet::FleetSpec;
use crate::base::time::{SimSpan, SimTime};
use crate::policy::capacity::mixed::{CapacityType, OnDemandShare, SpotAllocation};
use crate::pricing::reservations::{CapacityReservation, ReservationKind, Return};
use crate::scenario::diagnostic::quoted;
use crate::scenario::settings::Settings;
use crate::scenario::tree::Place;
use crate::sim::setup::{InstanceSetup, InterruptionSetup, MixedSetup, SegmentsSetup, SpotPool};

const KEY: &str = "distribution_segments";
/// What a mixed instances policy has instead of segments; at their defaults, as a resolved scenario has them, all
/// instances are On-Demand, too.
const WITH_DEFAULTS: &[&str] = &[
    "on_demand_base_capacity",
    "on_demand_percentage_above_base_capacity",
    "spot_allocation_strategy",
];
/// What it has for Spot instances.
const OTHERS: &[&str] = &["spot_instance_pools", "spot_max_price", "interruption", "pools"];

/// When instances in a Capacity Block have their notice and end, before the end of the block (documented).
const OF_BLOCKS: [SimSpan; 2] = [SimSpan::from_secs(600), SimSpan::from_secs(1_800)];
/// The same of interruptible reservations (documented).
const OF_INTERRUPTIBLE: [SimSpan; 2] = [SimSpan::from_secs(120), SimSpan::from_secs(0)];

impl Build<'_> {
    /// A policy with distribution segments, where it has them: all On-Demand, in the order of the capacity types.
    pub(super) fn segments(
        &mut self,
        fleet: &FleetSpec<'_>,
        policy: &Settings,
        offers: &[InstanceSetup],
    ) -> Option<MixedSetup> {
        if !policy.is_given(KEY) {
            return None;
        }
        let of_on_demand = WITH_DEFAULTS.iter().filter(|key| policy.is_not_default(key));
        for key in of_on_demand.chain(OTHERS.iter().filter(|key| policy.is_given(key))) {
            let message = format!("`{key}` and `{KEY}` exclude each other");
            let help = "with segments a group launches On-Demand instances, in the order of the capacity types";
            self.error_with_help(policy.place_of(key), message, help);
        }
        if policy.text("on_demand_allocation_strategy") == Some("lowest-price") {
            let message = format!("\"lowest-price\" and `{KEY}` exclude each other");
            let help =
                "within a capacity type the types are tried in the order of `instance_types`";
            self.error_with_help(
                policy.value_place("on_demand_allocation_strategy"),
                message,
                help,
            );
        }
        for (given, key) in [(policy, "instance_requirements"), (fleet.settings, "warm_pool")] {
            if given.is_given(key) {
                let message = format!("`{key}` with `{KEY}` is not modelled");
                self.error(given.place_of(key), message);
            }
        }
        let types = self.capacity_types(policy)?;
        let pool = |offer: &InstanceSetup| SpotPool {
            price: offer.price.clone(),
            score: 0,
            hazard_per_hour: 0.0,
            bought: [true, false],
        };
        Some(MixedSetup {
            share: OnDemandShare::default(),
            spot: SpotAllocation::default(),
            max_price: None,
            pools: offers.iter().map(pool).collect(),
            interruption: InterruptionSetup::default(),
            segments: Some(SegmentsSetup { types, reservations: Vec::new() }),
        })
    }

    fn capacity_types(&mut self, policy: &Settings) -> Option<Vec<CapacityType>> {
        let mut segments = policy.tables(KEY);
        let (first, second) = (segments.next(), segments.next());
        let place = policy.place_of(KEY);
        let Some(first) = first else {
            let help = "such as [{ target_capacity_types = [\"capacity-block\", \"on-demand\"] }]";
            self.error_with_help(place, "no segment", help);
            return None;
        };
        if let Some(second) = second {
            let message =
                "a second segment: how several share a group's instances is not published";
            self.error_with_help(second.place, message, "write one, with all capacity types");
        }
        let key = "target_capacity_types";
        let names: Vec<(String, Place)> =
            first.texts(key).map(|(name, place)| (name.to_string(), place)).collect();
        if names.is_empty() && first.is_given(key) {
            self.error(first.place_of(key), "no capacity type");
        }
        let mut types = Vec::new();
        for (name, place) in names {
            let Some(capacity) = CapacityType::named(&name) else { continue };
            if types.contains(&capacity) {
                self.error(place, format!("{} twice", quoted(&name)));
                continue;
            }
            types.push(capacity);
        }
        Some(types)
    }

    /// Gives the offers of groups with segments their reservations.
    pub(super) fn give_reservations(&mut self, root: &Settings, all: &[CapacityReservation]) {
        let mut without = Vec::new();
        for group in &mut self.groups {
            let kinds = group.offers.iter().map(|offer| &offer.registration);
            let Some(of) = group.mixed.as_mut().and_then(|mixed| mixed.segments.as_mut()) else {
                continue;
            };
            let numbers = kinds.map(|kind| {
                let is_own = |one: &CapacityReservation| {
                    (one.zone, &one.instance_type) == (kind.zone, &kind.instance_type)
                };
                let own = all.iter().enumerate().filter(|(_, one)| is_own(one));
                own.map(|(number, _)| number).collect()
            });
            of.reservations = numbers.collect();
            if of.types.iter().any(|one| *one != CapacityType::OnDemand) && !finds_any(of, all) {
                without.push(group.provider);
            }
        }
        for provider in without {
            let name = &self.providers[provider].name;
            let settings =
                root.tables("capacity_provider").find(|of| of.text("name") == Some(name));
            let Some(policy) = settings.and_then(|of| of.table("mixed_instances")) else {
                continue;
            };
            let message = "no `[[capacity_reservation]]` is of a capacity type, an instance type and a zone of this group";
            let help =
                "declare one with its `type`, or leave the capacity types of reservations out";
            self.error_with_help(policy.place_of(KEY), message, help);
        }
    }

    /// What kind of reservation it is, and when it gives its capacity back.
    pub(super) fn reservation_kind(
        &mut self,
        settings: &Settings,
        (from, until): (SimTime, SimTime),
    ) -> Option<ReservationKind> {
        let given = CapacityType::named(settings.text("type")?)?;
        let [notice, end] = match given {
            CapacityType::CapacityBlock => OF_BLOCKS,
            CapacityType::InterruptibleReservation => OF_INTERRUPTIBLE,
            CapacityType::OnDemandReservation | CapacityType::OnDemand => {
                for key in ["notice", "instances_end_before", "drain_at_notice"] {
                    if settings.is_given(key) {
                        let message = format!("`{key}` of an On-Demand Capacity Reservation");
                        let help = "its instances stay when it ends";
                        self.error_with_help(settings.place_of(key), message, help);
                    }
                }
                return Some(ReservationKind::OnDemand);
            }
        };
        let is_block = given == CapacityType::CapacityBlock;
        for key in ["until", "usd_per_hour"] {
            if is_block && !settings.is_given(key) {
                let message = format!("a Capacity Block without `{key}`");
                let help = "its end is fixed and its price is for it alone: what it costs in all, an instance and an hour";
                self.error_with_help(settings.place, message, help);
            }
        }
        let end = settings.span("instances_end_before").unwrap_or(end);
        let notice = settings.span("notice").unwrap_or(notice);
        if until != SimTime::NEVER && from + end >= until {
            let message = "a reservation whose instances end before it begins";
            let help =
                "`instances_end_before` counts from `until` back: 30 min of a Capacity Block";
            self.error_with_help(settings.value_place("until"), message, help);
            return None;
        }
        let back = |span: SimSpan, at: SimTime| match at {
            SimTime::NEVER => at,
            at => SimTime(at.0.saturating_sub(span.0)),
        };
        let at = back(end, until);
        let returns =
            Return { at, notice: back(notice, at), drains: settings.flag("drain_at_notice") };
        Some(match is_block {
            true => ReservationKind::Block(returns),
            false => ReservationKind::Interruptible(returns),
        })
    }
}

/// Whether any of the reservations that a group could be in is of its capacity types.
fn finds_any(of: &SegmentsSetup, all: &[CapacityReservation]) -> bool {
    let numbers = of.reservations.iter().flatten();
    numbers.map(|&number| &all[number]).any(|one| {
        of.types.contains(&match one.kind {
            ReservationKind::OnDemand => CapacityType::OnDemandReservation,
            ReservationKind::Block(_) => CapacityType::CapacityBlock,
            ReservationKind::Interruptible(_) => CapacityType::InterruptibleReservation,
        })
    })
}
