//! A plan as JSON.

use super::{Study, kept};
use crate::experiment::plan::Stopped;
use crate::report::manifest::SCHEMA;
use serde_json::{Value, json};

/// One JSON document, also what `--format json` prints. What is not defined is `null`. Ends with a newline.
#[must_use]
pub fn to_json(study: &Study<'_>) -> String {
    let of = study.outcome;
    let goals = |at: usize| -> Vec<Value> {
        let looks = study.goals.iter().enumerate().map(|(goal, limit)| {
            let look = limit.look(&of.candidates[at].values(goal + 1), of.sure);
            json!({
                "metric": limit.metric,
                "unit": study.columns[goal + 1].unit,
                "at_most": limit.is_at_most.then(|| limit.limit.to_f64()),
                "at_least": (!limit.is_at_most).then(|| limit.limit.to_f64()),
                "mean": look.mean.map(|mean| mean.mean),
                "half_width": look.mean.and_then(|mean| mean.half_width),
                "kept": kept(look.kept),
                "seeds_kept": look.seeds_kept,
                "binds": study.bindings.iter().any(|binding| binding.goal == goal),
            })
        });
        looks.collect()
    };
    let candidates = (0..of.candidates.len()).map(|at| {
        let (standing, usd) = (study.standings[at], study.mean(at, 0));
        let candidate = &of.candidates[at];
        json!({
            "settings": study.settings[at],
            "verdict": study.verdict(at),
            "why": study.why(at),
            "seeds": candidate.seen.len(),
            "fresh_seeds": candidate.fresh.len(),
            "usd": usd.map(|mean| mean.mean),
            "usd_half_width": usd.and_then(|mean| mean.half_width),
            "difference_usd": standing.difference.map(|mean| mean.mean),
            "difference_half_width": standing.difference.and_then(|mean| mean.half_width),
            "limits": if candidate.seen.is_empty() { Vec::new() } else { goals(at) },
            "on_front": study.front.contains(&at),
        })
    });
    let document = json!({
        "schema": SCHEMA,
        "scenario": study.name,
        "answer": of.answer,
        "confidence_percent": of.sure.share() * 100.0,
        "zone_percent": f64::from(study.rules.zone_ppm) / 1e4,
        "bound_usd": study.bound_usd(),
        "against": study.columns[study.against].name,
        "race_runs": of.race_runs,
        "fresh_runs": of.fresh_runs,
        "grid_runs": of.candidates.len() as u64 * u64::from(study.rules.replications),
        "stopped": of.stopped.map(|stopped| match stopped {
            Stopped::Runs => "runs",
            Stopped::Time => "time",
        }),
        "simulated_cluster_hours": study.trial.hours,
        "simulated_usd": study.trial.usd,
        "candidates": candidates.collect::<Vec<_>>(),
    });
    let text = serde_json::to_string_pretty(&document);
    text.expect("text keys and finite numbers only") + "\n"
}
