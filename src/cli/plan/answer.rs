//! The answer as a scenario that `run` takes, and what whoever takes it should know.

use super::{Grid, PlanArgs};
use crate::report::plan::Study;
use crate::scenario::resolved::relocated;
use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

/// The file of the answer.
pub const FILE: &str = "answer.toml";

/// The scenario of settings `at`, to be run from the folder `out`: its paths lead to where those of the original do.
pub fn scenario(
    args: &PlanArgs,
    grid: &Grid,
    at: usize,
    study: &Study<'_>,
    out: &Path,
) -> Option<String> {
    let scenario = grid.scenarios[at].as_ref().ok()?;
    let folder = args.scenario.parent().unwrap_or(Path::new(""));
    let resolved = relocated(&scenario.resolved, &way(out, folder))?;
    let chosen = &grid.overrides[at][args.overrides.len()..];
    let mut text =
        String::from("# The cheapest settings that keep the limits, found by `ecsim plan`:\n");
    chosen.iter().for_each(|(key, value)| {
        let _ = writeln!(text, "#   {key} = {value}");
    });
    text.push('\n');
    text.push_str(&resolved);
    for goal in study.goals.iter().filter(|goal| goal.place.starts_with("--expect")) {
        let side = if goal.is_at_most { "at_most" } else { "at_least" };
        let (metric, limit) = (&goal.metric, goal.limit.to_f64());
        let _ = write!(text, "\n[[expect]]\nmetric = \"{metric}\"\n{side} = {limit}\n");
    }
    Some(text)
}

/// What the answer leaves undone that no limit speaks of, and what its scenario has to say.
pub fn warnings(grid: &Grid, at: usize, study: &Study<'_>) -> Vec<String> {
    let mut texts = Vec::new();
    if let Ok(scenario) = &grid.scenarios[at] {
        texts.extend(scenario.warnings.iter().map(|text| format!("warning: {text}")));
    }
    for (name, what) in [
        ("tasks_refused", "tasks are refused"),
        ("tasks_waiting_at_end", "tasks still wait at the end"),
    ] {
        let mean = study.mean_of(at, name).unwrap_or(0.0);
        let limits = |goal: &crate::experiment::plan::Goal| {
            goal.metric == name || goal.metric.starts_with("tasks_completed")
        };
        if mean > 0.0 && !study.goals.iter().any(limits) {
            texts.push(format!(
                "warning: with these settings {} {what} in the mean, and no limit speaks of them: work that is not done costs \
                 nothing\n  = help: --expect '{name}<=0'",
                crate::report::human::decimal(mean, 1)
            ));
        }
    }
    texts
}

/// The way from one folder to another, with `/`; empty where both are the same.
fn way(from: &Path, to: &Path) -> String {
    let (from, to) = (whole(from), whole(to));
    let (from, to): (Vec<Component>, Vec<Component>) =
        (from.components().collect(), to.components().collect());
    let shared = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
    let up = from[shared..].iter().map(|_| "..".to_string());
    let down = to[shared..].iter().map(|part| part.as_os_str().to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}

/// A path without links and dots, as far as it exists.
fn whole(path: &Path) -> PathBuf {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    if let Ok(found) = path.canonicalize() {
        return found;
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => whole(parent).join(name),
        _ => path.to_path_buf(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_goes_up_and_down() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("scenarios/traces")).unwrap();
        assert_eq!(way(&at("output/plan-a"), &at("scenarios")), "../../scenarios");
        assert_eq!(way(&at("scenarios"), &at("scenarios/traces")), "traces");
        assert_eq!(way(&at("new"), &at("new")), "");
    }
}
