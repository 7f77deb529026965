//! `ecsim plan`: the cheapest settings that keep the limits of a scenario.

mod answer;
mod grid;
mod runs;

use super::compare::variants;
use super::run::FormatArg;
use super::study::StudyArgs;
use super::{Failure, complain, output, print, seeds};
use crate::base::random::Seed;
use crate::experiment::compare::limit::Limit;
use crate::experiment::plan::bounds::Bounds;
use crate::experiment::plan::{Candidate, Goal, LEAST_BUDGET, Outcome, Rules, race, standings};
use crate::experiment::statistics::Confidence;
use crate::report::charts;
use crate::report::folder::OutputFolder;
use crate::report::manifest::Manifest;
use crate::report::plan as tables;
use crate::report::summary::Style;
use crate::scenario::units;
use clap::Args;
use grid::Grid;
use runs::Runner;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The cheapest settings that keep the limits of a scenario
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:\n  \
    ecsim plan scenarios/01-batch-on-ec2.toml --choose capacity_provider.general.desired_capacity=4..12\n  \
    ecsim plan web.toml --choose service.web.scaling.min_capacity=2..10/2 --choose task_definition.web.cpu=256,512\n  \
    ecsim plan my.toml --expect 'wait_s_p95<=60' --budget 200 --choose \\\n      \
    'capacity_provider.general.instance_types=[\"m7g.large\"],[\"m7g.xlarge\"]'\n\n\
    Limits are the scenario's [[expect]]s and those of --expect, on means over seeds. Exit code 1 where nothing is shown to keep them.")]
pub struct PlanArgs {
    /// A scenario, TOML or JSON
    #[arg(value_name = "SCENARIO")]
    pub scenario: PathBuf,
    /// Values that a key may have, by dotted path as --set takes it; 1..8 and 10..100/30 are ranges. Several keys make every
    /// combination
    #[arg(long, value_name = "KEY=V1,V2", value_parser = variants::key_values, required = true)]
    pub choose: Vec<(String, Vec<String>)>,
    /// A limit beside the scenario's own, such as wait_s_p95<=60
    #[arg(long = "expect", value_name = "LIMIT", value_parser = Limit::parse)]
    pub limits: Vec<Limit>,
    /// Set a key in all settings; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = super::validate::key_value)]
    pub overrides: Vec<(String, String)>,
    /// Most runs, such as 200, or time, such as 10m: then another machine may come farther
    #[arg(long, value_name = "RUNS|TIME", value_parser = budget)]
    pub budget: Option<Budget>,
    /// Most seeds of settings in the race, and fresh ones that confirm the winner
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(3..=10_000))]
    pub replications: u32,
    /// How sure each verdict is, per cent
    #[arg(long, value_name = "PERCENT", default_value = "95", value_parser = Confidence::parse)]
    pub confidence: Confidence,
    /// Costs that differ by no more count as equal, per cent
    #[arg(long, value_name = "PERCENT", default_value = "1", value_parser = zone)]
    pub zone: u32,
    /// The metric that is shown against the cost [default: that of the limit that binds]
    #[arg(long, value_name = "METRIC")]
    pub against: Option<String>,
    /// First seed [default: the scenario's]
    #[arg(long, allow_hyphen_values = true)]
    pub seed: Option<u64>,
    /// Search grids of more than 1,000 settings, too
    #[arg(long, short)]
    pub yes: bool,
    /// Threads, folder, what is shown.
    #[command(flatten)]
    pub study: StudyArgs,
    /// Compare all books of the simulator after every event (slow)
    #[arg(long)]
    pub check: bool,
}

/// What a search may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Budget {
    /// So many runs.
    Runs(u64),
    /// So long.
    Time(Duration),
}

fn budget(text: &str) -> Result<Budget, String> {
    if let Ok(runs) = text.parse::<u64>() {
        return match runs {
            _ if runs >= LEAST_BUDGET => Ok(Budget::Runs(runs)),
            _ => Err(format!(
                "{runs} runs find nothing: at least {LEAST_BUDGET}, three to choose by and three to confirm the choice"
            )),
        };
    }
    let week = 7 * 86_400 * 1_000_000;
    let span = units::span(text, 1_000_000, week)
        .map_err(|why| format!("expected runs, such as 200, or time, such as 10m: {why}"))?;
    Ok(Budget::Time(Duration::from_micros(span.0)))
}

/// Per cent to parts per million.
fn zone(text: &str) -> Result<u32, String> {
    let of = crate::base::decimal::parse_scaled(text.as_bytes(), 4).ok();
    let of = of.filter(|of| *of <= 500_000).and_then(|of| u32::try_from(of).ok());
    of.ok_or_else(|| "expected per cent from 0 to 50, such as 1".into())
}

/// Does what `args` say.
///
/// # Errors
/// See [`Failure`].
pub fn run(args: &PlanArgs) -> Result<(), Failure> {
    let grid = Arc::new(Grid::load(args)?);
    let goals = goals(args, &grid)?;
    let base = grid.base();
    let first = args.seed.unwrap_or(base.setup.seed.0);
    let out = args.study.folder("plan", &base.setup.name);
    // Before the folder: whoever is interrupted from here on also cleans up.
    let pulse = seeds::interruptible();
    let folder = OutputFolder::create(&out, args.study.force)?;
    let candidates = bounded(args, &grid, &goals, first);
    let rules = Rules {
        replications: args.replications,
        confidence: args.confidence,
        zone_ppm: args.zone,
        budget: match args.budget {
            Some(Budget::Runs(runs)) => Some(runs),
            _ => None,
        },
    };
    let mut runner = Runner::new(args, Arc::clone(&grid), &goals, first, pulse);
    let raced = race(candidates, &goals, &rules, &mut |stage, asks| runner.run(stage, asks));
    let outcome = match raced {
        Ok(outcome) => outcome,
        Err(failure) => {
            folder.close();
            return Err(failure);
        }
    };
    refuse_if_nothing_runs(&outcome)?;
    let standings = standings(&outcome, args.confidence);
    let study = tables::Study::new(tables::Parts {
        name: &base.setup.name,
        settings: &grid.labels,
        goals: &goals,
        columns: &runner.columns,
        against: args.against.as_deref(),
        rules: &rules,
        outcome: &outcome,
        standings: &standings,
        trial: runner.trial,
    });
    publish(args, &grid, &study, &runner, (folder, &out))
}

/// All limits: the scenario's first.
fn goals(args: &PlanArgs, grid: &Grid) -> Result<Vec<Goal>, Failure> {
    let mut goals: Vec<Goal> = grid.base().expects.iter().flat_map(Goal::of).collect();
    for limit in &args.limits {
        let goal = Goal::of_limit(limit)
            .map_err(|why| Failure::Input(format!("error: --expect {}: {why}", limit.text)))?;
        goals.push(goal);
    }
    if goals.is_empty() {
        return Err(Failure::Input(format!(
            "error: {}: there is no limit to keep: without one the cheapest settings do nothing\n  = help: say what is \
             wanted, as in --expect 'wait_s_p95<=60' or\n\n    [[expect]]\n    metric = \"wait_s_p95\"\n    at_most = 60",
            args.scenario.display()
        )));
    }
    Ok(goals)
}

/// The candidates with what is known of each without a run.
fn bounded(args: &PlanArgs, grid: &Grid, goals: &[Goal], first: u64) -> Vec<Candidate> {
    let seeds = (0..u64::from(args.replications)).map(|index| Seed(first.wrapping_add(index)));
    let seeds: Vec<Seed> = seeds.collect();
    let mut bounds = Bounds::new(goals, &seeds);
    let one = |loaded: &Result<_, String>| match loaded {
        Ok(scenario) => Candidate::new(Ok(bounds.floor(scenario))),
        Err(why) => Candidate::new(Err(why.clone())),
    };
    grid.scenarios.iter().map(one).collect()
}

/// Refuses a study in which no settings ran at all, for the reason of the first.
fn refuse_if_nothing_runs(outcome: &Outcome) -> Result<(), Failure> {
    use crate::experiment::plan::Verdict;
    let impossible = |of: &Candidate| match &of.verdict {
        Verdict::Impossible(why) => Some(why.clone()),
        _ => None,
    };
    let all: Option<Vec<String>> = outcome.candidates.iter().map(impossible).collect();
    match all.as_deref() {
        Some([first, ..]) => {
            Err(Failure::Input(format!("error: none of the settings can run: {first}")))
        }
        _ => Ok(()),
    }
}

fn publish(
    args: &PlanArgs,
    grid: &Grid,
    study: &tables::Study<'_>,
    runner: &Runner,
    (folder, out): (OutputFolder, &Path),
) -> Result<(), Failure> {
    let format = args.study.charts.format();
    folder.write(tables::PLAN.file, &tables::to_csv(study))?;
    folder.write(tables::PLAN_METRICS.file, &tables::metrics_to_csv(study))?;
    if let Some((name, bytes)) = charts::render_plan(study, format) {
        folder.write(&name, &bytes)?;
    }
    let answer = study.outcome.answer;
    if let Some(text) = answer.and_then(|at| answer::scenario(args, grid, at, study, out)) {
        folder.write(answer::FILE, text.as_bytes())?;
    }
    let base = grid.base();
    let manifest = Manifest {
        event_digest: format!("{:016x}", runner.digest.value()),
        scenario_digest: grid.digest(),
        ..output::manifest(base, Seed(runner.first_seed), &[], "completed")
    };
    let outcome = if answer.is_some() { "completed" } else { "expectation_failed" };
    let published = folder.publish(Manifest { outcome: outcome.into(), ..manifest })?;
    published.notes.iter().for_each(|note| complain(&format!("note: {note}")));
    print(&match args.study.format {
        FormatArg::Human => tables::to_text(study, Style::detect()),
        FormatArg::Json => tables::to_json(study),
    })?;
    if let (false, Some(at)) = (args.study.quiet, answer) {
        answer::warnings(grid, at, study).iter().for_each(|text| complain(text));
    }
    if !args.study.quiet {
        complain(&format!("wrote {}", out.display()));
    }
    match answer {
        Some(_) => Ok(()),
        None => Err(Failure::Expectation(tables::why_none(study))),
    }
}
