//! The bill after commitments: what they cover leaves its line and stands on a line of its own, at the commitment's price;
//! what of a commitment nobody used is a line, too. And the same bill by the hour.

use super::by_service::{LineKey, UsageByService};
use super::commitments::{
    BestPlan, Commitment, Commitments, Outcome, PlanKind, SavingsPlan, Usage, apply, best_plan,
    by_holder, usage_of,
};
use super::fees::Fees;
use super::hourly::{Holder, HourlyLine, HourlyUsage, UsageKey, WHOLE};
use super::invoice::{Bill, Category, Covering, Invoice, Line};
use super::reservations::{CapacityReservation, ReservationKind, Reservations};
use crate::base::id::Column;
use crate::base::money::{HourlyRate, NanoUsd};
use crate::base::time::{SimSpan, SimTime};
use crate::model::ids::{ProviderId, ServiceId};
use std::collections::BTreeMap;

/// A bill that is closed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Closed {
    /// Its lines, cut into the parts of services.
    pub invoice: Invoice,
    /// What came of commitments; `None` where usage was not kept by the hour.
    pub settlement: Option<Settlement>,
    /// The same bill by the hour, likewise.
    pub by_hour: Option<HourlyBill>,
}

/// Closes the bill of a run that ends at `end`. Commitments, and the bill by the hour, need usage by the hour.
#[must_use]
pub fn close(
    (bill, by_service, fees): (&Bill, &UsageByService, &Fees),
    (commitments, hourly): (&Commitments, Option<&HourlyUsage>),
    names: &Column<ServiceId, String>,
    end: SimTime,
) -> Closed {
    let Some(hourly) = hourly else {
        let invoice = by_service.split(bill.invoice(), fees, names, None);
        return Closed { invoice, ..Closed::default() };
    };
    let lengths = hourly.lengths(end);
    let lines = hourly.lines(end, &by_service.names_of_types());
    let covers = Covers::new(commitments, &lines, &lengths);
    let mut invoice = bill.invoice();
    invoice.lines.extend(unused_slots(&lines));
    let invoice = by_service.split(invoice, fees, names, Some(&covers));
    let by_hour = HourlyBill {
        begins: (0..lengths.len()).map(|hour| hourly.begins(hour)).collect(),
        lines: by_hour(&invoice, &lines, &covers, names, &lengths),
        off: Vec::new(),
    };
    let mut settlement = covers.settlement(&lengths);
    settlement.reservations = reservation_reports(hourly.reservations(), end);
    Closed { invoice, settlement: Some(settlement), by_hour: Some(by_hour) }
}

/// Lines of slots of capacity reservations that nobody was in.
fn unused_slots(lines: &BTreeMap<UsageKey, HourlyLine>) -> Vec<Line> {
    let mut sums: BTreeMap<(Category, String, HourlyRate), u128> = BTreeMap::new();
    let unused = [Category::CapacityUnused, Category::CapacityBlockUnused];
    let is_it = |(key, _): &(&UsageKey, &HourlyLine)| unused.contains(&key.category);
    for (key, line) in lines.iter().filter(is_it) {
        let of = (key.category, key.item.clone(), key.rate);
        *sums.entry(of).or_default() += line.usage.iter().sum::<u128>();
    }
    let line = |((category, item, rate), usage): ((Category, String, HourlyRate), u128)| Line {
        provider: None,
        service: String::new(),
        is_idle: true,
        category,
        item,
        usage,
        rate,
        usd: rate.charge_parts(usage, 1),
        off: NanoUsd::ZERO,
        under: None,
    };
    sums.into_iter().filter(|(_, usage)| *usage > 0).map(line).collect()
}

/// What each capacity reservation came to, at the price of its slots.
fn reservation_reports(of: &Reservations, end: SimTime) -> Vec<CommitmentReport> {
    let mut unused = vec![0; of.all().len()];
    for piece in of.unused(end) {
        let micros = u128::from(piece.until.since(piece.from).0);
        unused[piece.reservation] += micros * u128::from(piece.slots);
    }
    let report = |(index, one): (usize, &CapacityReservation)| {
        let reserved = of.reserved(index, end);
        let used = one.rate.charge_parts(reserved - unused[index], 1);
        CommitmentReport {
            name: one.name.clone(),
            kind: match one.kind {
                ReservationKind::OnDemand => "capacity_reservation",
                ReservationKind::Block(_) => "capacity_block",
                ReservationKind::Interruptible(_) => "interruptible_capacity_reservation",
            },
            item: one.instance_type.clone(),
            committed: one.rate.charge_parts(reserved, 1),
            used,
            list: used,
        }
    };
    of.all().iter().enumerate().map(report).collect()
}

/// What one commitment came to, for `commitments.csv`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CommitmentReport {
    /// Its name.
    pub name: String,
    /// What it is, such as `regional_reserved_instances`.
    pub kind: &'static str,
    /// Instance type, family, or nothing.
    pub item: String,
    /// What it costs, used or not.
    pub committed: NanoUsd,
    /// What of that was used.
    pub used: NanoUsd,
    /// What the covered usage would have cost without it.
    pub list: NanoUsd,
}

impl CommitmentReport {
    /// What it saved; below zero where it cost more than it replaced.
    #[must_use]
    pub fn saved(&self) -> NanoUsd {
        self.list - self.committed
    }
}

/// All that commitments came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Settlement {
    /// Each commitment, in the order in which they are used.
    pub reports: Vec<CommitmentReport>,
    /// Each capacity reservation, in the order of the scenario.
    pub reservations: Vec<CommitmentReport>,
    /// On-Demand usage that a commitment could cover, at list prices.
    pub eligible: NanoUsd,
    /// A Compute Savings Plan, and what it could cover on top of Reserved Instances and EC2 Instance Savings Plans, at list
    /// prices less private discounts; nothing where that is nothing.
    pub offer: Option<(SavingsPlan, Vec<Usage>)>,
    /// What it would have done best.
    pub best: Option<BestPlan>,
    /// What no commitment covers, for whoever asks what else could have been bought.
    pub rest: Uncovered,
}

/// Usage that no commitment covers, at list prices less private discounts, by the hour.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Uncovered {
    /// What it is.
    pub usage: Vec<Usage>,
    /// How much of each clock hour the run covers.
    pub lengths: Vec<SimSpan>,
}

/// A part of a line that a commitment covers.
struct Cover {
    outcome: usize,
    /// What a unit costs an hour under the commitment, and what a part-microsecond takes of it.
    price: (HourlyRate, u128),
    /// Part-microseconds of each hour, by holder.
    parts: BTreeMap<Holder, Vec<u128>>,
}

/// Applied commitments while the bill is cut into parts.
pub(super) struct Covers<'a> {
    outcomes: Vec<Outcome<'a>>,
    usage: Vec<Usage>,
    lines: BTreeMap<LineKey, Vec<Cover>>,
}

fn line_key(key: &UsageKey) -> LineKey {
    (key.provider, key.category, key.item.clone(), key.rate)
}

impl<'a> Covers<'a> {
    /// Applies `commitments` to the usage of a run.
    pub fn new(
        commitments: &'a Commitments,
        lines: &BTreeMap<UsageKey, HourlyLine>,
        lengths: &[SimSpan],
    ) -> Covers<'a> {
        let (keys, usage) = usage_of(lines);
        let outcomes = apply(commitments, &usage, lengths);
        let mut covers: BTreeMap<LineKey, Vec<Cover>> = BTreeMap::new();
        for (number, outcome) in outcomes.iter().enumerate() {
            for covered in &outcome.covered {
                let key = keys[covered.usage];
                let line = &lines[key];
                let of_line = covers.entry(line_key(key)).or_default();
                let price = (covered.rate, covered.weight);
                // The same line of another zone may be here.
                let known = of_line.iter().position(|c| c.outcome == number && c.price == price);
                let index = known.unwrap_or_else(|| {
                    of_line.push(Cover { outcome: number, price, parts: BTreeMap::new() });
                    of_line.len() - 1
                });
                let parts = &mut of_line[index].parts;
                for (hour, &amount) in covered.amount.iter().enumerate().filter(|(_, a)| **a > 0) {
                    for (holder, part) in by_holder(amount, hour, line) {
                        let of = parts.entry(holder).or_insert_with(|| vec![0; lengths.len()]);
                        of[hour] += part;
                    }
                }
            }
        }
        Covers { outcomes, usage, lines: covers }
    }

    /// Takes what is covered of a line from those who have it.
    pub fn take_from(&self, key: &LineKey, holders: &mut [(Holder, u128)]) {
        let covers = self.lines.get(key).into_iter().flatten();
        for (holder, amounts) in covers.flat_map(|cover| &cover.parts) {
            let mut wanted: u128 = amounts.iter().sum();
            let own = holders.iter().position(|(of, _)| of == holder);
            // Shares by the hour and over the run are cut at a microsecond each: what one lacks another has.
            let order = own.into_iter().chain(0..holders.len());
            for index in order.collect::<Vec<_>>() {
                let taken = wanted.min(holders[index].1);
                holders[index].1 -= taken;
                wanted -= taken;
            }
        }
    }

    /// The lines of what is covered, and of what is unused; each commitment's lines add up to what it costs.
    pub fn lines(&self, names: &Column<ServiceId, String>) -> Vec<Line> {
        let mut lines = Vec::new();
        for (number, outcome) in self.outcomes.iter().enumerate() {
            let mut upto = 0;
            let mut charge = |measure: u128| {
                let before = outcome.usd(upto);
                upto += measure;
                outcome.usd(upto) - before
            };
            for (key, covers) in &self.lines {
                for cover in covers.iter().filter(|cover| cover.outcome == number) {
                    for (holder, amounts) in &cover.parts {
                        let usage: u128 = amounts.iter().sum();
                        let usd = charge(usage * cover.price.1);
                        let category = key.1.covered_by(outcome.commitment);
                        let line = Line {
                            provider: key.0,
                            service: name_of(*holder, names),
                            is_idle: *holder == Holder::Idle,
                            category,
                            item: key.2.clone(),
                            usage,
                            rate: cover.price.0,
                            usd,
                            off: NanoUsd::ZERO,
                            under: Some(covering(outcome.commitment, key.3)),
                        };
                        lines.push(line);
                    }
                }
            }
            let rest = outcome.usd(outcome.pool) - outcome.usd(upto);
            let unused = outcome.pool - outcome.used;
            if unused > 0 || rest != NanoUsd::ZERO {
                lines.push(unused_line(outcome, unused, rest));
            }
        }
        lines.retain(|line| line.usage > 0 || line.usd != NanoUsd::ZERO);
        lines
    }

    /// What came of it all.
    pub fn settlement(&self, lengths: &[SimSpan]) -> Settlement {
        let list = |one: &Usage| one.list.charge_parts(one.amount.iter().sum(), one.parts);
        let reports = self.outcomes.iter().map(|outcome| CommitmentReport {
            committed: outcome.usd(outcome.pool),
            used: outcome.usd(outcome.used),
            list: outcome.list_usd(&self.usage),
            ..described(outcome.commitment)
        });
        let offer = self.offer();
        let best = offer.as_ref().map(|(plan, usage)| best_plan(plan, usage, lengths));
        Settlement {
            reports: reports.collect(),
            reservations: Vec::new(),
            eligible: self.usage.iter().map(list).sum(),
            offer,
            best,
            rest: Uncovered { usage: self.uncovered(), lengths: lengths.to_vec() },
        }
    }

    fn uncovered(&self) -> Vec<Usage> {
        let mut usage = self.usage.clone();
        for covered in self.outcomes.iter().flat_map(|outcome| &outcome.covered) {
            let left = &mut usage[covered.usage].amount;
            left.iter_mut().zip(&covered.amount).for_each(|(left, taken)| *left -= taken);
        }
        usage
    }

    /// A Compute Savings Plan at the rates of the first one that is given, or at the default ones of a year; what Reserved
    /// Instances and EC2 Instance Savings Plans cover is not there for it.
    fn offer(&self) -> Option<(SavingsPlan, Vec<Usage>)> {
        let mut usage = self.usage.clone();
        let mut plan = SavingsPlan::of_a_year();
        for outcome in &self.outcomes {
            if let Commitment::Plan(given) = outcome.commitment
                && given.kind == PlanKind::Compute
            {
                plan = given.clone();
                break;
            }
            for covered in &outcome.covered {
                let left = &mut usage[covered.usage].amount;
                left.iter_mut().zip(&covered.amount).for_each(|(left, taken)| *left -= taken);
            }
        }
        (!usage.is_empty()).then_some((plan, usage))
    }
}

/// A commitment as lines name it.
fn covering(commitment: Commitment<'_>, list: HourlyRate) -> Covering {
    let CommitmentReport { name, kind, .. } = described(commitment);
    Covering { commitment: name, kind, list }
}

fn described(commitment: Commitment<'_>) -> CommitmentReport {
    let (name, kind, item) = match commitment {
        Commitment::Reserved(one) => {
            let kind = match one.zone {
                Some(_) => "zonal_reserved_instances",
                None => "regional_reserved_instances",
            };
            (&one.name, kind, one.instance_type.clone())
        }
        Commitment::Plan(one) => match &one.kind {
            PlanKind::Compute => (&one.name, "compute_savings_plan", String::new()),
            PlanKind::Ec2Instance(family) => {
                (&one.name, "ec2_instance_savings_plan", family.clone())
            }
        },
    };
    let (name, none) = (name.clone(), NanoUsd::ZERO);
    CommitmentReport { name, kind, item, committed: none, used: none, list: none }
}

/// What of a commitment nobody used: instance-seconds of a reservation, seconds of a plan's commitment.
fn unused_line(outcome: &Outcome<'_>, unused: u128, usd: NanoUsd) -> Line {
    let (category, item, rate, count) = match outcome.commitment {
        Commitment::Reserved(one) => {
            (Category::ReservedUnused, one.instance_type.clone(), one.rate, one.count)
        }
        Commitment::Plan(one) => (Category::SavingsPlanUnused, one.name.clone(), one.commitment, 1),
    };
    // What a microsecond of one of them measures.
    let each = outcome.pool.checked_div(outcome.micros_of(count.into())).unwrap_or(0);
    let usage = unused.checked_div(each).unwrap_or(0);
    let (service, provider) = (String::new(), None);
    let under = Some(covering(outcome.commitment, rate));
    let off = NanoUsd::ZERO;
    Line { provider, service, is_idle: true, category, item, usage, rate, usd, off, under }
}

/// The service that a holder is; nothing for callers and nobody.
pub(super) fn name_of(holder: Holder, names: &Column<ServiceId, String>) -> String {
    match holder {
        Holder::Service(id) => names[id].clone(),
        Holder::Callers | Holder::Idle => String::new(),
    }
}

/// A bill by the clock hour: of each line, the dollars of each hour, which add up to the line.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HourlyBill {
    /// When each hour begins, as the run sees it.
    pub begins: Vec<SimTime>,
    /// Of each line of the invoice.
    pub lines: Vec<Vec<NanoUsd>>,
    /// What private discounts take off each; empty without any.
    pub off: Vec<Vec<NanoUsd>>,
}

/// Spreads the lines of an invoice over the hours by what was used in each.
pub(super) fn by_hour(
    invoice: &Invoice,
    lines: &BTreeMap<UsageKey, HourlyLine>,
    covers: &Covers<'_>,
    names: &Column<ServiceId, String>,
    lengths: &[SimSpan],
) -> Vec<Vec<NanoUsd>> {
    let weights = Weights::new(lines, covers, names, lengths);
    invoice.lines.iter().map(|line| spread(line.usd, &weights.of(line))).collect()
}

/// Weights of hours: by provider, category, item, price, service, whether idle.
struct Weights {
    of_lines: BTreeMap<WeightKey, Vec<u128>>,
    /// Of instances, whatever they cost: what fees are spread by.
    of_types: BTreeMap<(ProviderId, String, String, bool), Vec<u128>>,
    lengths: Vec<u128>,
}

type WeightKey = (Option<ProviderId>, Category, String, HourlyRate, String, bool);

impl Weights {
    fn new(
        lines: &BTreeMap<UsageKey, HourlyLine>,
        covers: &Covers<'_>,
        names: &Column<ServiceId, String>,
        lengths: &[SimSpan],
    ) -> Weights {
        let mut weights = Weights {
            of_lines: BTreeMap::new(),
            of_types: BTreeMap::new(),
            lengths: lengths.iter().map(|length| length.0.into()).collect(),
        };
        let hours = lengths.len();
        for (key, line) in lines {
            for (&holder, held) in &line.held {
                let (service, idle) = (name_of(holder, names), holder == Holder::Idle);
                let own = (key.provider, key.category, key.item.clone(), key.rate);
                let own = (own.0, own.1, own.2, own.3, service.clone(), idle);
                add(weights.of_lines.entry(own).or_insert_with(|| vec![0; hours]), held);
                if let Some(provider) = key.provider.filter(|_| key.category.is_of_instances()) {
                    let own = (provider, key.item.clone(), service, idle);
                    add(weights.of_types.entry(own).or_insert_with(|| vec![0; hours]), held);
                }
            }
        }
        weights.take_covered(covers, names);
        weights.add_unused(covers);
        weights
    }

    /// What is covered has lines of its own.
    fn take_covered(&mut self, covers: &Covers<'_>, names: &Column<ServiceId, String>) {
        for ((provider, category, item, rate), of_line) in &covers.lines {
            // Instances' shares are in fixed point, all else in part-microseconds.
            let scale = if category.is_of_instances() { u128::from(WHOLE) } else { 1 };
            for cover in of_line {
                let commitment = covers.outcomes[cover.outcome].commitment;
                let category_covered = category.covered_by(commitment);
                for (&holder, amounts) in &cover.parts {
                    let (service, idle) = (name_of(holder, names), holder == Holder::Idle);
                    let base = (*provider, *category, item.clone(), *rate, service.clone(), idle);
                    if let Some(left) = self.of_lines.get_mut(&base) {
                        left.iter_mut()
                            .zip(amounts)
                            .for_each(|(left, taken)| *left = left.saturating_sub(taken * scale));
                    }
                    let (rate, item) = (cover.price.0, item.clone());
                    let own = (*provider, category_covered, item, rate, service, idle);
                    let hours = amounts.len();
                    add(self.of_lines.entry(own).or_insert_with(|| vec![0; hours]), amounts);
                }
            }
        }
    }

    /// What nobody used of a commitment belongs to the hours in which it was left.
    fn add_unused(&mut self, covers: &Covers<'_>) {
        for outcome in &covers.outcomes {
            let line = unused_line(outcome, 0, NanoUsd::ZERO);
            let key = (None, line.category, line.item, line.rate, line.service, line.is_idle);
            let hours = outcome.unused.len();
            add(self.of_lines.entry(key).or_insert_with(|| vec![0; hours]), &outcome.unused);
        }
    }

    fn of(&self, line: &Line) -> Vec<u128> {
        let (service, item) = (line.service.clone(), line.item.clone());
        let key = (line.provider, line.category, item, line.rate, service, line.is_idle);
        let known = self.of_lines.get(&key).or_else(|| {
            let provider = line.provider?;
            let (service, item) = (line.service.clone(), line.item.clone());
            self.of_types.get(&(provider, item, service, line.is_idle))
        });
        let known = known.filter(|weights| weights.iter().any(|weight| *weight > 0));
        known.unwrap_or(&self.lengths).clone()
    }
}

fn add(to: &mut [u128], amounts: &[u128]) {
    to.iter_mut().zip(amounts).for_each(|(to, amount)| *to += amount);
}

/// An amount spread by weights, so that the parts add up to it.
pub(super) fn spread(usd: NanoUsd, weights: &[u128]) -> Vec<NanoUsd> {
    let all: u128 = weights.iter().sum();
    let shift = (128 - all.leading_zeros()).saturating_sub(60);
    let all = (all >> shift).max(1);
    let (whole, sign) = (usd.0.unsigned_abs(), usd.0.signum());
    let (mut upto, mut given) = (0u128, 0);
    let mut parts: Vec<NanoUsd> = weights
        .iter()
        .map(|weight| {
            upto += weight;
            let at = (upto >> shift).min(all);
            let until = whole / all * at + whole % all * at / all;
            let part = until - given;
            given = until;
            NanoUsd(part as i128 * sign)
        })
        .collect();
    if let Some(last) = parts.last_mut() {
        *last += NanoUsd((whole - given) as i128 * sign);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_spread_by_weight_to_the_last_nano_dollar() {
        let parts = spread(NanoUsd(100), &[1, 1, 1, 0]);
        assert_eq!(parts, [NanoUsd(33), NanoUsd(33), NanoUsd(34), NanoUsd(0)]);
        let wide = [u128::MAX / 8, u128::MAX / 4, u128::MAX / 8];
        let parts = spread(NanoUsd(4_000_000_000_000_000_001), &wide);
        assert_eq!(parts.iter().copied().sum::<NanoUsd>(), NanoUsd(4_000_000_000_000_000_001));
        assert!((parts[1] - parts[0] - parts[2]).0.abs() <= 8, "{parts:?}");
    }
}
