//! Commitments: Reserved Instances and Savings Plans, applied to a run's usage one clock hour at a time, as AWS does.
//!
//! | Rule | Source |
//! | --- | --- |
//! | zonal Reserved Instances first, then regional ones, then EC2 Instance Savings Plans, then Compute Savings Plans | documented, Savings Plans user guide |
//! | a regional Linux reservation covers its whole family, from the smallest size to the largest, by normalisation units | documented, EC2 user guide |
//! | no such flexibility: zonal reservations, Windows, and the families G4ad, G4dn, G5, G5g and Inf1 | documented, EC2 user guide |
//! | within a plan the highest percentage of discount first, ties the lowest rate of the plan; the rest of the hour's commitment covers a unit in part | documented, Savings Plans user guide |
//! | an hour's commitment is paid whether it is used or not, and nothing of it is carried over | documented |
//! | unused slots of capacity reservations are covered after instances, by all but zonal Reserved Instances | documented, EC2 user guide |
//! | never covered: Spot, fees of Managed Instances, storage, transfer, licences | documented, in part inferred |
//!
//! A clock hour that the run covers in part counts by that part (assumed: a run is a window on a longer life).
//!
//! Everything is exact: usage in part-microseconds, money as usage times price in 1,024ths; a unit that is covered in part is
//! cut at a part-microsecond.

mod best;
mod plan;
mod reserved;
mod units;

pub use best::{BestPlan, best_plan, plan_cost};
pub use plan::{
    COMPUTE_PLAN, FARGATE_PLAN, INSTANCE_PLAN, PlanKind, PlanRates, SavingsPlan, discounted,
};
pub use reserved::ReservedInstances;
pub use units::{family, is_flexible, normalization_units};

use super::hourly::{Holder, HourlyLine, UsageKey};
use super::invoice::Category;
use super::reservations::CapacityReservation;
use crate::base::money::{HourlyRate, MICROS_PER_HOUR, NanoUsd};
use crate::base::time::SimSpan;
use crate::model::ids::ZoneId;
use std::collections::BTreeMap;

/// Money is counted in nano-dollars times microseconds, in this many parts: all priced units divide by it.
const FINE: u128 = super::meter::PARTS;

/// What was committed to for a run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Commitments {
    /// Reserved Instances, in the order of the scenario.
    pub reserved: Vec<ReservedInstances>,
    /// Savings Plans, in the order of the scenario.
    pub plans: Vec<SavingsPlan>,
    /// Capacity that is paid whether it is used or not; the others may cover it.
    pub capacity: Vec<CapacityReservation>,
}

/// A commitment, of either kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Commitment<'a> {
    /// Reserved Instances.
    Reserved(&'a ReservedInstances),
    /// A Savings Plan.
    Plan(&'a SavingsPlan),
}

impl Commitments {
    /// Whether nothing is committed to.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.reserved.is_empty() && self.plans.is_empty() && self.capacity.is_empty()
    }

    /// All of them in the order in which they are used.
    fn in_order(&self) -> Vec<Commitment<'_>> {
        let mut reserved: Vec<&ReservedInstances> = self.reserved.iter().collect();
        reserved.sort_by_key(|one| one.zone.is_none());
        let mut plans: Vec<&SavingsPlan> = self.plans.iter().collect();
        plans.sort_by_key(|one| one.kind == PlanKind::Compute);
        let reserved = reserved.into_iter().map(Commitment::Reserved);
        reserved.chain(plans.into_iter().map(Commitment::Plan)).collect()
    }
}

/// One kind of usage that commitments may cover, hour by hour.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Usage {
    /// What it is.
    pub subject: Subject,
    /// The price that it has without a commitment.
    pub list: HourlyRate,
    /// Parts of a priced unit: 1, or 1,024 where CPU units or MiB are counted.
    pub parts: u128,
    /// Part-microseconds of each hour.
    pub amount: Vec<u128>,
}

/// What usage is, as far as commitments tell it apart.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Subject {
    /// On-Demand instances of a type, in a zone.
    Instances(String, Option<ZoneId>),
    /// Slots of capacity reservations for a type, in a zone, that nobody was in.
    UnusedSlots(String, Option<ZoneId>),
    /// vCPUs of Fargate, on a platform such as `linux/arm64`.
    FargateVcpu(String),
    /// Memory of Fargate, likewise.
    FargateMemory(String),
}

impl Subject {
    /// What commitments see of a line; `None` where none covers it.
    #[must_use]
    pub fn of(key: &UsageKey) -> Option<Subject> {
        match key.category {
            Category::Ec2OnDemand => Some(Subject::Instances(key.item.clone(), key.zone)),
            Category::CapacityUnused => Some(Subject::UnusedSlots(key.item.clone(), key.zone)),
            Category::FargateVcpu => Some(Subject::FargateVcpu(key.item.clone())),
            Category::FargateMemory => Some(Subject::FargateMemory(key.item.clone())),
            _ => None,
        }
    }

    /// The category that it is charged as.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Subject::Instances(..) => Category::Ec2OnDemand,
            Subject::UnusedSlots(..) => Category::CapacityUnused,
            Subject::FargateVcpu(_) => Category::FargateVcpu,
            Subject::FargateMemory(_) => Category::FargateMemory,
        }
    }
}

/// What one commitment came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome<'a> {
    /// Which one.
    pub commitment: Commitment<'a>,
    /// What there was of it, in its own measure; see [`Outcome::usd`].
    pub pool: u128,
    /// What was used of it.
    pub used: u128,
    /// What of it nobody used, by hour.
    pub unused: Vec<u128>,
    /// What it covered of each kind of usage, by hour: number of the usage, measure of a part-microsecond, amounts.
    pub covered: Vec<Covered>,
    /// A measure times the first, by the second, is nano-dollars.
    price: (u128, u128),
    /// Microseconds of the run.
    hours: u128,
}

/// What a commitment covered of one kind of usage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Covered {
    /// Number of the usage.
    pub usage: usize,
    /// What a part-microsecond takes of the commitment.
    pub weight: u128,
    /// What a unit costs an hour under the commitment.
    pub rate: HourlyRate,
    /// Part-microseconds of each hour.
    pub amount: Vec<u128>,
}

impl Covered {
    /// Part-microseconds in all.
    #[must_use]
    pub fn total(&self) -> u128 {
        self.amount.iter().sum()
    }
}

impl<'a> Outcome<'a> {
    fn new(
        commitment: Commitment<'a>,
        (pool, unused): (u128, Vec<u128>),
        covered: Vec<Covered>,
        (price, hours): ((u128, u128), u128),
    ) -> Outcome<'a> {
        let used = pool - unused.iter().sum::<u128>();
        Outcome { commitment, pool, used, unused, covered, price, hours }
    }

    /// Dollars of so much of the commitment, rounded once.
    #[must_use]
    pub fn usd(&self, measure: u128) -> NanoUsd {
        NanoUsd::from_ratio(measure * self.price.0, self.price.1)
    }

    /// Microseconds that `count` of its units last over the run.
    #[must_use]
    pub fn micros_of(&self, count: u128) -> u128 {
        self.hours * count
    }

    /// What the covered usage would have cost without the commitment.
    #[must_use]
    pub fn list_usd(&self, usage: &[Usage]) -> NanoUsd {
        let one = |covered: &Covered| {
            let of = &usage[covered.usage];
            of.list.charge_parts(covered.total(), of.parts)
        };
        self.covered.iter().map(one).sum()
    }
}

/// Applies all commitments to the usage; `lengths` are the clock hours as far as the run covers them. What is left of
/// `usage` afterwards is On-Demand: usage less what the outcomes cover.
#[must_use]
pub fn apply<'a>(
    commitments: &'a Commitments,
    usage: &[Usage],
    lengths: &[SimSpan],
) -> Vec<Outcome<'a>> {
    let mut left: Vec<Vec<u128>> = usage.iter().map(|one| one.amount.clone()).collect();
    let mut outcomes = Vec::new();
    for commitment in commitments.in_order() {
        outcomes.push(match commitment {
            Commitment::Reserved(one) => one.apply(commitment, usage, &mut left, lengths),
            Commitment::Plan(one) => one.apply(commitment, usage, &mut left, lengths),
        });
    }
    outcomes
}

/// Usage that a commitment can cover.
struct Offer {
    /// Number of the usage.
    usage: usize,
    /// What a unit costs an hour under the commitment.
    rate: HourlyRate,
    /// What a part-microsecond takes of the commitment.
    weight: u128,
}

/// Spends a commitment of `each` a microsecond on what is left of its offers, in their order, hour by hour: what each of
/// them got, and what nobody used.
fn spend(
    each: u128,
    offers: &[Offer],
    left: &mut [Vec<u128>],
    lengths: &[SimSpan],
) -> (Vec<Covered>, Vec<u128>) {
    let none = |offer: &Offer| Covered {
        usage: offer.usage,
        weight: offer.weight,
        rate: offer.rate,
        amount: vec![0; lengths.len()],
    };
    let mut covered: Vec<Covered> = offers.iter().map(none).collect();
    let mut unused = Vec::with_capacity(lengths.len());
    for (hour, length) in lengths.iter().enumerate() {
        let mut budget = each * u128::from(length.0);
        for (offer, covered) in offers.iter().zip(&mut covered) {
            let left = &mut left[offer.usage][hour];
            let taken = take(budget, offer.weight, left, &mut covered.amount[hour]);
            budget -= taken;
        }
        unused.push(budget);
    }
    (covered, unused)
}

/// Takes of `left` what a budget reaches for: the amounts that each of `offers` covers are added to `covered`. What is used.
fn take(budget: u128, weight: u128, left: &mut u128, covered: &mut u128) -> u128 {
    let whole = left.saturating_mul(weight);
    if whole <= budget {
        *covered += *left;
        *left = 0;
        return whole;
    }
    let part = budget / weight;
    *covered += part;
    *left -= part;
    budget // the rest would cover less than a part-microsecond
}

/// Usage in the run's lines that commitments may cover, and where it stands among them.
#[must_use]
pub fn usage_of(lines: &BTreeMap<UsageKey, HourlyLine>) -> (Vec<&UsageKey>, Vec<Usage>) {
    let known = lines.iter().filter_map(|(key, line)| {
        let parts = key.category.parts();
        let amount = line.usage.clone();
        let subject = Subject::of(key)?;
        Some((key, Usage { subject, list: key.rate, parts, amount }))
    });
    known.unzip()
}

/// An amount of one hour by who has it, so that the parts add up to it: rounded down, the rest to the last that has any.
#[must_use]
pub fn by_holder(amount: u128, hour: usize, line: &HourlyLine) -> Vec<(Holder, u128)> {
    let held = line.held.iter().map(|(&holder, of)| (holder, of.get(hour).copied().unwrap_or(0)));
    let held: Vec<(Holder, u128)> = held.filter(|(_, of)| *of > 0).collect();
    let all: u128 = held.iter().map(|(_, of)| of).sum();
    if all == 0 {
        return vec![(Holder::Idle, amount)];
    }
    // Weights are cut to 64 bits, so that no product overflows.
    let shift = (128 - all.leading_zeros()).saturating_sub(56);
    let all = all >> shift;
    let (mut given, mut upto) = (0, 0);
    let mut parts = Vec::with_capacity(held.len());
    for (holder, of) in held {
        upto += of >> shift;
        let until =
            if upto >= all { amount } else { amount / all * upto + amount % all * upto / all };
        parts.push((holder, until - given));
        given = until;
    }
    if let Some((_, last)) = parts.last_mut() {
        *last += amount - given;
    }
    parts
}

/// The pool of a commitment of `rate` dollars an hour over the hours of a run.
fn of_hours(lengths: &[SimSpan]) -> u128 {
    lengths.iter().map(|length| u128::from(length.0)).sum()
}

/// The denominator of money in [`FINE`] parts.
const FINE_HOUR: u128 = FINE * MICROS_PER_HOUR;
