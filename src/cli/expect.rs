//! The `[[expect]]`s of a scenario against the results of its runs.

use super::Failure;
use crate::base::random::Seed;
use crate::metrics::summary::{SERVICE_PREFIX, Value};
use crate::scenario::Expect;
use crate::sim::RunResult;
use std::fmt::Write as _;

/// What became of the expectations, one problem a line.
#[derive(Default)]
pub struct Verdict {
    /// What was not kept.
    pub failed: String,
    /// What could not be looked at.
    pub unknown: String,
}

impl Verdict {
    /// Whether every expectation holds in every run.
    pub fn holds(&self) -> bool {
        self.failed.is_empty() && self.unknown.is_empty()
    }

    /// Takes over what another found.
    pub fn add(&mut self, other: Verdict) {
        self.failed.push_str(&other.failed);
        self.unknown.push_str(&other.unknown);
    }

    /// Expectations that failed, unless one could not be looked at.
    pub fn into_result(self) -> Result<(), Failure> {
        match self {
            verdict if verdict.holds() => Ok(()),
            Verdict { failed, unknown } if unknown.is_empty() => Err(Failure::Expectation(failed)),
            Verdict { failed, unknown } => Err(Failure::Input(failed + &unknown)),
        }
    }
}

/// Compares every expectation with every run.
pub fn compare(expects: &[Expect], results: &[(Seed, RunResult)]) -> Verdict {
    let mut verdict = Verdict::default();
    for expect in expects {
        for (index, (seed, result)) in results.iter().enumerate() {
            let Some(value) = result.summary.get(&expect.metric) else {
                // Every run has the same metrics: once is enough.
                if index == 0 {
                    let hint = hint_for(&expect.metric, result);
                    let _ = writeln!(
                        verdict.unknown,
                        "error: {}: there is no metric \"{}\"\n  = help: {hint}",
                        expect.place, expect.metric
                    );
                }
                continue;
            };
            let of = if results.len() > 1 { format!(" of seed {}", seed.0) } else { String::new() };
            if let Some(text) = problem(expect, value, &of) {
                let _ = writeln!(verdict.failed, "expectation failed: {}: {text}", expect.place);
            }
        }
    }
    verdict
}

/// How `value` misses what is expected of it, if it does.
fn problem(expect: &Expect, value: &Value, of: &str) -> Option<String> {
    let holds = value.as_f64().is_some_and(|number| {
        expect.at_most.is_none_or(|most| number <= most)
            && expect.at_least.is_none_or(|least| number >= least)
    });
    if holds {
        return None;
    }
    let limits = limits(expect);
    let found = match value {
        Value::Missing => "not defined in this run".to_string(),
        value => value.to_string(),
    };
    Some(format!("{}{of} is {found}, expected {limits}", expect.metric))
}

/// What is expected, in words.
pub fn limits(expect: &Expect) -> String {
    let limits = [("at most", expect.at_most), ("at least", expect.at_least)];
    let limits = limits.iter().filter_map(|(word, limit)| limit.map(|l| format!("{word} {l}")));
    limits.collect::<Vec<_>>().join(" and ")
}

/// What may have been meant by a metric that the summary does not have.
fn hint_for(metric: &str, result: &RunResult) -> String {
    let service = metric.strip_prefix(SERVICE_PREFIX).and_then(|rest| rest.split('.').next());
    if let Some(service) = service.filter(|name| !result.services.iter().any(|s| s.name == *name)) {
        let names = result.services.iter().map(|report| report.name.as_str());
        let near = crate::base::suggest::nearest(service, names)
            .map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"));
        return format!("the scenario has no service \"{service}\"{near}");
    }
    let known = result.summary.0.iter().map(|metric| metric.name.as_ref());
    crate::base::suggest::nearest(metric, known).map_or_else(
        || "`summary.csv` of any run lists the metrics".to_string(),
        |near| format!("did you mean \"{near}\"?"),
    )
}
