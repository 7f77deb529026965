//! Reserved Instances and Savings Plans on what lives used, one clock hour and one commitment after the other.

use super::lives::{Charge, HOUR, Key, by_hour, half_to_even, percent};
use std::collections::BTreeMap;

/// How much of a measure a priced unit has at most: CPU units of a vCPU, MiB of a GB.
const PARTS: u128 = 1_024;

/// A commitment of a scenario.
#[derive(Clone, Debug)]
pub enum Commitment {
    Reserved {
        name: String,
        kind: String,
        count: u128,
        zone: Option<String>,
        rate: u64,
    },
    /// Of a family, or of all compute.
    Plan {
        name: String,
        family: Option<String>,
        rate: u64,
    },
}

/// Usage of an hour that is priced alike: its line, its zone.
pub type Usage = BTreeMap<(Key, String), Vec<u128>>;

/// What a commitment came to.
pub struct Outcome {
    pub commitment: Commitment,
    /// By line: the price under the commitment, and what of the line's usage it covers in each hour.
    pub covered: BTreeMap<Key, (u64, Vec<u128>)>,
    /// The amounts by zone, too.
    pub of_zones: Usage,
    /// What of its measure was used in each hour, and what there was.
    pub used: Vec<u128>,
    pub pool: Vec<u128>,
    weights: BTreeMap<Key, u128>,
    /// Nano-dollars of a measure: times the first, by the second.
    price: (u128, u128),
}

impl Outcome {
    pub fn usd(&self, measure: u128) -> i128 {
        half_to_even(measure * self.price.0, self.price.1)
    }

    /// Nano-dollars that each line has of it: running totals in the order of the lines, so that they add up.
    pub fn of_lines(&self) -> Vec<(&Key, u64, u128, i128)> {
        let mut upto = 0;
        let line = |(key, (rate, amounts)): (_, &(u64, Vec<u128>))| {
            let amount: u128 = amounts.iter().sum();
            let before = self.usd(upto);
            upto += amount * self.weights[key];
            (key, *rate, amount, self.usd(upto) - before)
        };
        self.covered.iter().map(line).collect()
    }

    /// Nano-dollars that nobody used.
    pub fn unused(&self) -> i128 {
        self.usd(self.pool.iter().sum()) - self.usd(self.used.iter().sum())
    }
}

/// Usage that a commitment may cover, from lives.
pub fn usage_of(charges: &[Charge], offset: u64, hours: usize) -> Usage {
    let mut usage = Usage::new();
    for charge in charges {
        if ["ec2_on_demand", "fargate_vcpu", "fargate_memory"].contains(&charge.key.category) {
            let key = (charge.key.clone(), charge.zone.clone());
            let of = usage.entry(key).or_insert_with(|| vec![0; hours]);
            let hours = by_hour((charge.from, charge.until), offset, hours);
            of.iter_mut()
                .zip(hours)
                .for_each(|(of, micros)| *of += u128::from(micros) * charge.units);
        }
    }
    usage
}

/// What is left of `usage` afterwards is On-Demand.
pub fn cover(commitments: &[Commitment], usage: &mut Usage, lengths: &[u64]) -> Vec<Outcome> {
    let turn = |of: &Commitment| match of {
        Commitment::Reserved { zone: Some(_), .. } => 0,
        Commitment::Reserved { zone: None, .. } => 1,
        Commitment::Plan { family: Some(_), .. } => 2,
        Commitment::Plan { family: None, .. } => 3,
    };
    let mut outcomes = Vec::new();
    for number in 0..4 {
        for commitment in commitments.iter().filter(|of| turn(of) == number) {
            outcomes.push(apply(commitment, usage, lengths));
        }
    }
    outcomes
}

fn family(kind: &str) -> &str {
    kind.split('.').next().unwrap()
}

/// Normalisation units.
fn units(kind: &str) -> u128 {
    match kind.split('.').next_back().unwrap() {
        "medium" => 2,
        "large" => 4,
        "xlarge" => 8,
        other => panic!("units of {other}"),
    }
}

/// Kinds of usage that a commitment covers, in its order: price under it, and what a microsecond takes of it.
fn offers(commitment: &Commitment, usage: &Usage) -> Vec<((Key, String), u64, u128)> {
    let mut offers = Vec::new();
    for (key, zone) in usage.keys() {
        let is_instance = key.category == "ec2_on_demand";
        match commitment {
            Commitment::Reserved { kind, zone: Some(of), rate, .. } => {
                if is_instance && key.item == *kind && zone == of {
                    offers.push(((key.clone(), zone.clone()), *rate, units(kind), (0, 0)));
                }
            }
            Commitment::Reserved { kind, zone: None, rate, .. } => {
                if is_instance && family(&key.item) == family(kind) {
                    let size = units(&key.item);
                    let rate = u128::from(*rate) * size / units(kind);
                    offers.push(((key.clone(), zone.clone()), rate as u64, size, (size, 0)));
                }
            }
            Commitment::Plan { family: of, .. } => {
                if of.as_deref().is_some_and(|of| !is_instance || family(&key.item) != of) {
                    continue;
                }
                let discount = if !is_instance {
                    20
                } else if of.is_some() {
                    37
                } else {
                    27
                };
                let rate = percent(key.rate, 100 - discount);
                let parts = if is_instance { PARTS } else { 1 };
                // The highest percentage first, then the lowest rate.
                let order = (100 - u128::from(discount), u128::from(rate));
                offers.push(((key.clone(), zone.clone()), rate, u128::from(rate) * parts, order));
            }
        }
    }
    offers.sort_by_key(|offer| offer.3);
    offers.into_iter().map(|(key, rate, weight, _)| (key, rate, weight)).collect()
}

fn apply(commitment: &Commitment, usage: &mut Usage, lengths: &[u64]) -> Outcome {
    let (each, price) = match commitment {
        Commitment::Reserved { kind, count, rate, .. } => {
            (count * units(kind), (u128::from(*rate), units(kind) * u128::from(HOUR)))
        }
        Commitment::Plan { rate, .. } => (u128::from(*rate) * PARTS, (1, PARTS * u128::from(HOUR))),
    };
    let offers = offers(commitment, usage);
    let (mut covered, mut of_zones, mut weights) = (BTreeMap::new(), Usage::new(), BTreeMap::new());
    let (mut used, mut pool) = (Vec::new(), Vec::new());
    for (hour, &length) in lengths.iter().enumerate() {
        let mut budget = each * u128::from(length);
        pool.push(budget);
        for (of, rate, weight) in &offers {
            let left = &mut usage.get_mut(of).unwrap()[hour];
            let taken = (*left).min(budget / weight);
            // What would cover a part of a microsecond is gone with it.
            budget = if *left * weight > budget { 0 } else { budget - taken * weight };
            *left -= taken;
            let none = || (*rate, vec![0; lengths.len()]);
            covered.entry(of.0.clone()).or_insert_with(none).1[hour] += taken;
            of_zones.entry(of.clone()).or_insert_with(|| vec![0; lengths.len()])[hour] += taken;
            weights.insert(of.0.clone(), *weight);
        }
        used.push(pool[hour] - budget);
    }
    let commitment = commitment.clone();
    Outcome { commitment, covered, of_zones, used, pool, weights, price }
}
