//! The `[[expect]]`s of the scenarios and the limits of `--expect`, against the means over seeds.

use super::{CompareArgs, Named};
use crate::cli::Failure;
use crate::cli::expect::{Verdict, limits};
use crate::experiment::compare::limit::Limit;
use crate::experiment::compare::{Variant, metrics};
use crate::experiment::statistics::{Confidence, Exact, Mean};
use crate::scenario::Expect;
use std::fmt::Write as _;

/// Every `[[expect]]` of every variant, against its mean over seeds.
pub fn of_scenarios(named: &[Named], variants: &[Variant]) -> Verdict {
    let mut verdict = Verdict::default();
    for (named, variant) in named.iter().zip(variants) {
        for expect in &named.scenario.expects {
            let Some(measured) = variant.metric(&expect.metric) else {
                let known = metrics::known(std::slice::from_ref(variant));
                let why = metrics::unknown(&expect.metric, &known);
                let text = format!("error: {}: {why}\n", expect.place);
                // A key that is varied does not make it another mistake.
                if !verdict.unknown.contains(&text) {
                    verdict.unknown.push_str(&text);
                }
                continue;
            };
            let values: Vec<Exact> = measured.by_seed.values().copied().collect();
            let mean = Mean::of(&values, Confidence::USUAL);
            if let Some(text) = problem(expect, mean) {
                let (place, name) = (&expect.place, &variant.name);
                let _ = writeln!(verdict.failed, "expectation failed: {place}: {name}: {text}");
            }
        }
    }
    verdict
}

/// How a mean misses what is expected of it, if it does.
fn problem(expect: &Expect, mean: Option<Mean>) -> Option<String> {
    let holds = mean.is_some_and(|mean| {
        expect.at_most.is_none_or(|most| mean.mean <= most)
            && expect.at_least.is_none_or(|least| mean.mean >= least)
    });
    if holds {
        return None;
    }
    let limits = limits(expect);
    let metric = &expect.metric;
    Some(match mean {
        Some(mean) if mean.count > 1 => {
            format!(
                "{metric} is {:.6} as the mean of {} seeds, expected {limits}",
                mean.mean, mean.count
            )
        }
        Some(mean) => format!("{metric} is {:.6}, expected {limits}", mean.mean),
        None => format!("{metric} is not defined in any seed, expected {limits}"),
    })
}

/// The limits of `--expect` on every variant; those against the base on all others.
///
/// # Errors
/// A metric that there is not.
pub fn of_limits(args: &CompareArgs, variants: &[Variant]) -> Result<Verdict, Failure> {
    let mut verdict = Verdict::default();
    for limit in &args.limits {
        known_in(limit, variants)?;
        for variant in variants.iter().skip(usize::from(limit.is_relative())) {
            if let Some(text) = limit.problem(&variants[0], variant, args.confidence) {
                let (of, name) = (&limit.text, &variant.name);
                let _ = writeln!(
                    verdict.failed,
                    "expectation failed: --expect {of}: {name}: {} {text}",
                    limit.metric
                );
            }
        }
    }
    Ok(verdict)
}

fn known_in(limit: &Limit, variants: &[Variant]) -> Result<(), Failure> {
    let known = metrics::known(variants);
    if known.contains(&limit.metric.as_str()) {
        return Ok(());
    }
    let why = metrics::unknown(&limit.metric, &known);
    Err(Failure::Input(format!("error: --expect {}: {why}", limit.text)))
}
