//! Variants side by side: each metric's mean, and its difference to the first variant, paired by seed.
//!
//! Under one seed every variant meets the same arrivals, failures and latencies (random streams are keyed by purpose and
//! name), so that what seeds have in common drops out of a difference. How much that was worth is its correlation.

pub mod limit;
pub mod metrics;

use super::statistics::{Confidence, Exact, Mean, Paired, holm};
use crate::metrics::summary::{Summary, Value};
use metrics::Sense;
use std::collections::BTreeMap;

/// A metric of a variant, by seed; seeds in which it is not defined are not there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Measured {
    /// Name, as in `summary.csv`.
    pub name: String,
    /// Unit, empty where it has none.
    pub unit: String,
    /// Values.
    pub by_seed: BTreeMap<u64, Exact>,
}

/// What is compared: a scenario, or the settings of one, under one or several seeds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Variant {
    /// What it is called in every table.
    pub name: String,
    /// Its seeds, rising.
    pub seeds: Vec<u64>,
    /// Its metrics that are numbers, in the order of the summary.
    pub metrics: Vec<Measured>,
}

impl Variant {
    /// From the summaries of its seeds.
    #[must_use]
    pub fn of(name: &str, runs: &[(u64, &Summary)]) -> Variant {
        let mut metrics: Vec<Measured> = Vec::new();
        if let Some((_, first)) = runs.first() {
            for metric in first.0.iter().filter(|metric| metric.name != "seed") {
                if matches!(metric.value, Value::Text(_)) {
                    continue;
                }
                let value = |summary: &Summary| summary.get(&metric.name).and_then(Exact::of);
                let by_seed = runs.iter().filter_map(|(seed, run)| Some((*seed, value(run)?)));
                metrics.push(Measured {
                    name: metric.name.to_string(),
                    unit: metric.unit_or_nothing().to_string(),
                    by_seed: by_seed.collect(),
                });
            }
        }
        let mut seeds: Vec<u64> = runs.iter().map(|(seed, _)| *seed).collect();
        seeds.sort_unstable();
        Variant { name: name.into(), seeds, metrics }
    }

    /// From the summaries of pairs of mirror images: each pair is one seed, with the mean of the two. A metric that one of the
    /// two does not define, the pair does not.
    #[must_use]
    pub fn of_pairs(name: &str, pairs: &[(u64, [&Summary; 2])]) -> Variant {
        let half = |index: usize| {
            Variant::of(
                name,
                &pairs.iter().map(|(seed, of)| (*seed, of[index])).collect::<Vec<_>>(),
            )
        };
        let (mut one, other) = (half(0), half(1));
        for metric in &mut one.metrics {
            let mirrored = other.metric(&metric.name).map(|of| &of.by_seed);
            metric.by_seed.retain(|seed, _| mirrored.is_some_and(|of| of.contains_key(seed)));
            for (seed, value) in &mut metric.by_seed {
                let twice = value.0 + mirrored.map_or(value.0, |of| of[seed].0);
                value.0 = twice / 2; // half a billionth is cut
            }
        }
        one
    }

    /// A metric's values under the seeds that both define it in, in order of the seeds: its own, and the other's.
    #[must_use]
    pub fn pairs_with(&self, other: &Variant, metric: &str) -> Vec<(Exact, Exact)> {
        let both = self.metric(metric).zip(other.metric(metric));
        both.map_or_else(Vec::new, |(own, other)| pairs(own, other))
    }

    /// One of its metrics.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<&Measured> {
        self.metrics.iter().find(|metric| metric.name == name)
    }
}

/// What is said of a variant's metric.
#[derive(Clone, PartialEq, Debug)]
pub struct Cell {
    /// Its mean over seeds; `None` where no seed defines it.
    pub mean: Option<Mean>,
    /// Its difference to the base over the seeds that both have; `None` for the base itself, and where none has both.
    pub paired: Option<Paired>,
    /// The difference's p value after Holm's correction over all cells of the comparison.
    pub p_holm: Option<f64>,
    /// Whether the difference is more than chance; `None` where one seed alone cannot tell, and for the base.
    pub is_significant: Option<bool>,
    /// Whether no variant's mean is better; of a metric that is neither good nor bad, and where all are equal, none is.
    pub is_best: bool,
}

/// A metric of all variants.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// Name.
    pub metric: String,
    /// Unit, empty where it has none.
    pub unit: String,
    /// What is better.
    pub sense: Sense,
    /// A cell a variant, the base first.
    pub cells: Vec<Cell>,
}

/// A finished comparison.
#[derive(Clone, PartialEq, Debug)]
pub struct Comparison {
    /// Names of the variants, the base first.
    pub variants: Vec<String>,
    /// How many seeds each has.
    pub seeds: Vec<usize>,
    /// How sure its intervals are.
    pub confidence: Confidence,
    /// Metrics, in the order asked for.
    pub rows: Vec<Row>,
}

/// Compares `variants` with the first of them in the metrics of these names.
#[must_use]
pub fn compare(variants: &[Variant], names: &[String], confidence: Confidence) -> Comparison {
    let mut rows: Vec<Row> = names.iter().map(|name| row(variants, name, confidence)).collect();
    let cells = || rows.iter().flat_map(|row| &row.cells);
    let p_values: Vec<Option<f64>> =
        cells().map(|cell| cell.paired.and_then(|paired| paired.p_value)).collect();
    let corrected = holm(&p_values);
    for (cell, p_holm) in rows.iter_mut().flat_map(|row| &mut row.cells).zip(corrected) {
        cell.p_holm = p_holm;
        cell.is_significant = cell.paired.and_then(|paired| match p_holm {
            Some(p) => Some(confidence.is_reached(p)),
            // The same in every seed: there is no chance in it.
            None if paired.difference.is_constant => Some(paired.difference.sum.0 != 0),
            None => None,
        });
    }
    Comparison {
        variants: variants.iter().map(|variant| variant.name.clone()).collect(),
        seeds: variants.iter().map(|variant| variant.seeds.len()).collect(),
        confidence,
        rows,
    }
}

fn row(variants: &[Variant], name: &str, confidence: Confidence) -> Row {
    let measured: Vec<Option<&Measured>> =
        variants.iter().map(|variant| variant.metric(name)).collect();
    let base = measured.first().copied().flatten();
    let mut cells = Vec::new();
    for (index, of) in measured.iter().enumerate() {
        let values: Vec<Exact> =
            of.map_or_else(Vec::new, |of| of.by_seed.values().copied().collect());
        let both = base.zip(*of).filter(|_| index > 0);
        let pairs = both.map_or_else(Vec::new, |(base, of)| pairs(base, of));
        cells.push(Cell {
            mean: Mean::of(&values, confidence),
            paired: Paired::of(&pairs, confidence),
            p_holm: None,
            is_significant: None,
            is_best: false,
        });
    }
    let sense = metrics::sense(name);
    mark_best(&mut cells, sense);
    let unit = measured.iter().flatten().next().map_or_else(String::new, |of| of.unit.clone());
    Row { metric: name.into(), unit, sense, cells }
}

/// Values of the seeds that both have, in order of the seeds.
fn pairs(base: &Measured, other: &Measured) -> Vec<(Exact, Exact)> {
    let both = base.by_seed.iter();
    both.filter_map(|(seed, value)| Some((*value, *other.by_seed.get(seed)?))).collect()
}

/// Marks the cells whose mean is the best, by exact comparison.
fn mark_best(cells: &mut [Cell], sense: Sense) {
    // sum / count against sum / count, without dividing.
    let is_less = |left: &Mean, right: &Mean| {
        left.sum.0 * right.count as i128 <= right.sum.0 * left.count as i128
    };
    let means: Vec<Mean> = cells.iter().filter_map(|cell| cell.mean).collect();
    let is_best = |mean: &Mean| match sense {
        Sense::Lower => means.iter().all(|other| is_less(mean, other)),
        Sense::Higher => means.iter().all(|other| is_less(other, mean)),
        Sense::Neither => false,
    };
    let best: Vec<bool> =
        cells.iter().map(|cell| cell.mean.as_ref().is_some_and(is_best)).collect();
    if best.iter().filter(|is_best| **is_best).count() < means.len() {
        cells.iter_mut().zip(best).for_each(|(cell, is_best)| cell.is_best = is_best);
    }
}

#[cfg(test)]
mod tests;
