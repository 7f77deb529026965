//! `--precision`: how many seeds are run, and what is said of it.

use super::{Failure, study};
use crate::experiment::compare::Variant;
use crate::experiment::statistics::precision::{FIRST, Next, Precision};
use crate::experiment::statistics::{Confidence, Exact, Mean, Paired};
use crate::metrics::summary::Summary;
use crate::scenario::Scenario;

/// Seeds at most where nothing is said.
pub const MOST: u32 = 200;

/// An interval that is to be narrow.
pub struct Seen {
    /// Which precision it is about.
    of: usize,
    /// Whose difference it is; `None`: a mean.
    variant: Option<String>,
    /// Its mean; `None` where no seed defines it.
    found: Option<Mean>,
    /// The mean of which the width is a part.
    by: f64,
    confidence: Confidence,
}

/// Whether what is asked for can be found in a scenario: the metrics are there, and there are seeds enough.
///
/// # Errors
/// All that is wrong.
pub fn check(asked: &[Precision], most: u32, scenario: &Scenario) -> Result<(), Failure> {
    refuse_few(asked, most)?;
    if asked.is_empty() {
        return Ok(());
    }
    refuse_unknown(asked, &study::known_metrics(scenario)?)
}

/// Refuses fewer seeds than are needed for a first look.
///
/// # Errors
/// How many are.
pub fn refuse_few(asked: &[Precision], most: u32) -> Result<(), Failure> {
    if asked.is_empty() || most >= FIRST {
        return Ok(());
    }
    Err(Failure::Input(format!(
        "error: --precision looks at {FIRST} seeds first, and --replications allows {most}\n  \
         = help: leave --replications away, or give it {FIRST} or more"
    )))
}

/// Refuses metrics that are not `known`.
///
/// # Errors
/// Each of them.
pub fn refuse_unknown(asked: &[Precision], known: &[String]) -> Result<(), Failure> {
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let names = asked.iter().map(|one| one.metric.as_str());
    study::refuse_unknown("--precision", names, &known, str::eq)
}

/// How many seeds are run before the first look, at most `most`.
pub fn first(asked: &[Precision], most: u32) -> u32 {
    if asked.is_empty() { most } else { FIRST.min(most) }
}

/// How many seeds are wanted in all where there are `have`.
pub fn wanted(asked: &[Precision], seen: &[Seen], have: u32) -> u32 {
    let next = seen.iter().filter_map(|one| {
        let found = one.found.as_ref()?;
        match asked[one.of].next(found, one.by, one.confidence) {
            Next::Run(wanted) => Some(wanted),
            Next::Enough => None,
        }
    });
    next.max().unwrap_or(have)
}

/// The means over these runs.
pub fn of_means(asked: &[Precision], summaries: &[&Summary]) -> Vec<Seen> {
    let confidence = Confidence::USUAL;
    let of = |(of, precision): (usize, &Precision)| {
        let values = summaries.iter().filter_map(|one| one.get(&precision.metric));
        let values: Vec<Exact> = values.filter_map(Exact::of).collect();
        let found = Mean::of(&values, confidence);
        Seen { of, variant: None, found, by: found.map_or(0.0, |mean| mean.mean), confidence }
    };
    asked.iter().enumerate().map(of).collect()
}

/// The differences of all variants to the first.
pub fn of_differences(
    asked: &[Precision],
    variants: &[Variant],
    confidence: Confidence,
) -> Vec<Seen> {
    let Some((base, others)) = variants.split_first() else { return Vec::new() };
    let mut seen = Vec::new();
    for (of, precision) in asked.iter().enumerate() {
        for other in others {
            let pairs = base.pairs_with(other, &precision.metric);
            let of_base: Vec<Exact> = pairs.iter().map(|pair| pair.0).collect();
            let by = Mean::of(&of_base, confidence).map_or(0.0, |mean| mean.mean);
            let found = Paired::of(&pairs, confidence).map(|paired| paired.difference);
            seen.push(Seen { of, variant: Some(other.name.clone()), found, by, confidence });
        }
    }
    seen
}

/// What came of it, a line an interval.
pub fn told(asked: &[Precision], seen: &[Seen]) -> Vec<String> {
    let line = |one: &Seen| {
        let precision = &asked[one.of];
        let whose = one
            .variant
            .as_ref()
            .map_or_else(String::new, |name| format!(" of `{name}` against the base"));
        let what = format!("{}{whose}", precision.metric);
        let Some(found) = &one.found else {
            return format!("note: no seed defines {what}: it has no interval");
        };
        let (count, asked_for) = (found.count, precision.half_width(one.by));
        let wide = |half: f64| match precision.is_percent() && one.by != 0.0 {
            true => format!("± {:.3} %", 100.0 * half / one.by.abs()),
            false => format!("± {half:.6}"),
        };
        let Some(half) = found.half_width else {
            return format!("{what}: {count} seeds agree");
        };
        if half <= asked_for {
            return format!("{what}: {} after {count} seeds", wide(half));
        }
        let needed = precision.needed(found, one.by, one.confidence);
        format!(
            "note: {what}: {} after {count} seeds, and {} was asked for: about {needed} seeds would do\n  \
             = help: --replications N allows more",
            wide(half),
            wide(asked_for)
        )
    };
    seen.iter().map(line).collect()
}
