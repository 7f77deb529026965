//! `ecsim run`: one scenario, one or several seeds.

use super::output::{StreamedFiles, joined_summaries, manifest, notes_on_inputs, write_result};
use super::progress::Progress;
use super::{Failure, complain, print};
use crate::base::random::Seed;
use crate::engine::{Outcome, Pulse};
use crate::experiment;
use crate::metrics::summary::{SERVICE_PREFIX, Summary, Value};
use crate::report::charts::Format;
use crate::report::folder::OutputFolder;
use crate::report::{services, summary};
use crate::scenario::{self, Charts, Expect, Scenario};
use crate::sim::outputs::Sinks;
use crate::sim::{RunError, RunResult, Watch};
use clap::{Args, ValueEnum};
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Arguments of `ecsim run`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    ecsim run scenarios/01-batch-on-ec2.toml\n  \
    ecsim run web.toml --seed 7 --replications 20 --out output/web\n  \
    ecsim run web.toml --set capacity_provider.general.desired_capacity=80 --force\n  \
    ecsim run web.toml --format json | jq .metrics.total_usd")]
pub struct RunArgs {
    /// The scenario, a TOML or JSON file
    pub scenario: PathBuf,
    /// Seed of all random streams [default: the scenario's]
    #[arg(long)]
    pub seed: Option<u64>,
    /// Runs with successive seeds, each in a folder of its own below the output folder
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub replications: u32,
    /// Output folder [default: output/SCENARIO-NAME]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Replace an output folder of ours; a folder that is not ours is never touched
    #[arg(long)]
    pub force: bool,
    /// Set any scenario key by its dotted path; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = super::validate::key_value)]
    pub overrides: Vec<(String, String)>,
    /// Threads for several seeds and for the charts [default: one a core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
    /// Charts [default: the scenario's, else svg]
    #[arg(long)]
    pub charts: Option<ChartsArg>,
    /// What stdout gets
    #[arg(long, value_enum, default_value_t = FormatArg::Human)]
    pub format: FormatArg,
    /// Say what would run and how much memory and disk it would take; write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// No progress and no notes on stderr
    #[arg(long, short)]
    pub quiet: bool,
    /// Compare all books of the simulator after every event (slow)
    #[arg(long)]
    pub check: bool,
}

/// `--charts`.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChartsArg {
    /// Vector graphics.
    Svg,
    /// Pixels.
    Png,
    /// No charts.
    None,
}

/// `--format`.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum FormatArg {
    /// A table.
    Human,
    /// JSON with `"schema": "ecsim/1"`.
    Json,
}

/// Does what `args` say.
///
/// # Errors
/// See [`Failure`].
pub fn run(args: &RunArgs) -> Result<(), Failure> {
    let scenario = scenario::load(&args.scenario, &args.overrides)
        .map_err(|problems| Failure::Input(problems.to_string()))?;
    if !args.quiet {
        scenario.notes.iter().for_each(|note| complain(&format!("note: {note}")));
    }
    let seed = args.seed.map_or(scenario.setup.seed, Seed);
    if args.dry_run {
        return print(&super::dry_run::describe(&scenario, seed, args.replications)?);
    }
    let default_out = || Path::new("output").join(&scenario.setup.name);
    let out = args.out.clone().unwrap_or_else(default_out);
    // Before the folder: whoever is interrupted from here on also cleans up.
    let pulse = interruptible();
    let folder = OutputFolder::create(&out, args.force)?;
    let results = simulate(args, &scenario, seed, &folder, &pulse)?;
    let failed = failed_expectations(&scenario.expects, &results)?;
    let outcome = match (&results[..], failed.is_empty()) {
        (_, false) => "expectation_failed",
        ([one], true) if one.outcome == Outcome::Horizon => "horizon",
        _ => "completed",
    };
    if args.replications > 1 {
        let summaries: Vec<&Summary> = results.iter().map(|r| &r.summary).collect();
        folder.write("summary.csv", &joined_summaries(&summaries))?;
    }
    let manifest = manifest(&scenario, seed, &results, outcome);
    let notes = notes_on_inputs(&manifest);
    folder.publish(manifest)?;
    show(args, &results)?;
    if !args.quiet {
        notes.iter().for_each(|note| complain(note));
        complain(&format!("wrote {}", out.display()));
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure::Expectation(failed)) }
}

/// A pulse that Ctrl-C and SIGTERM ask to stop.
fn interruptible() -> Arc<Pulse> {
    let pulse = Arc::new(Pulse::default());
    let raised = Arc::clone(&pulse);
    // Only the first handler of a process counts; a second `run` in one process keeps it.
    let _ = ctrlc::set_handler(move || raised.interrupt.store(true, Ordering::Relaxed));
    pulse
}

/// Runs every seed and writes its files; results in the order of the seeds.
fn simulate(
    args: &RunArgs,
    scenario: &Scenario,
    seed: Seed,
    folder: &OutputFolder,
    pulse: &Arc<Pulse>,
) -> Result<Vec<RunResult>, Failure> {
    let _progress = Progress::follow(Arc::clone(pulse), scenario.setup.horizon, args.quiet);
    let format = charts_of(args, scenario);
    let several = args.replications > 1;
    let one = |_: u32, seed: Seed| -> Result<RunResult, Failure> {
        let prefix = if several { format!("seed-{}/", seed.0) } else { String::new() };
        let (files, sinks) =
            StreamedFiles::open(folder, &prefix, scenario, format != Format::None)?;
        let watch = Watch { pulse, check_every_event: args.check };
        let result = guarded(args, scenario, seed, sinks, watch)?;
        if pulse.interrupt.load(Ordering::Relaxed) {
            return Err(Failure::Interrupted);
        }
        files.finish()?;
        write_result(folder, &prefix, scenario, &result, format)?;
        Ok(result)
    };
    experiment::replicate(seed, args.replications, args.threads, one)
        .map_err(|error| Failure::Input(format!("error: cannot start the threads: {error}")))?
        .into_iter()
        .collect()
}

/// A run whose panics are broken invariants: the message says how to repeat it.
fn guarded(
    args: &RunArgs,
    scenario: &Scenario,
    seed: Seed,
    sinks: Sinks,
    watch: Watch<'_>,
) -> Result<RunResult, Failure> {
    let run = || experiment::run_one(scenario, seed, sinks, watch);
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(RunError::Output(error))) => Err(Failure::Input(format!("error: {error}"))),
        Ok(Err(error)) => Err(Failure::Input(format!("error: {error}"))),
        Err(_) => {
            let mut replay = format!("ecsim run {} --seed {}", args.scenario.display(), seed.0);
            for (key, value) in &args.overrides {
                let _ = write!(replay, " --set '{key}={value}'");
            }
            Err(Failure::Invariant(format!(
                "error: an invariant of the simulator broke: this is a bug of ecsim, not of your \
                 scenario\n  = help: please report it with the scenario and this command: {replay} --check"
            )))
        }
    }
}

fn charts_of(args: &RunArgs, scenario: &Scenario) -> Format {
    match (args.charts, scenario.outputs.charts) {
        (Some(ChartsArg::Svg), _) | (None, Charts::Svg) => Format::Svg,
        (Some(ChartsArg::Png), _) | (None, Charts::Png) => Format::Png,
        (Some(ChartsArg::None), _) | (None, Charts::None) => Format::None,
    }
}

fn show(args: &RunArgs, results: &[RunResult]) -> Result<(), Failure> {
    let style = summary::Style::detect();
    for result in results {
        let text = match args.format {
            FormatArg::Json => summary::to_json(&result.summary),
            FormatArg::Human => {
                let services = services::to_text(&result.services, result.end, style);
                summary::to_text(&result.summary, style) + &services
            }
        };
        print(&text)?;
    }
    Ok(())
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

/// The expectations that do not hold, in any run, one a line; empty when all hold.
fn failed_expectations(expects: &[Expect], results: &[RunResult]) -> Result<String, Failure> {
    let mut failed = String::new();
    for expect in expects {
        for result in results {
            let Some(value) = result.summary.get(&expect.metric) else {
                let hint = hint_for(&expect.metric, result);
                return Err(Failure::Input(format!(
                    "error: {}: there is no metric \"{}\"\n  = help: {hint}",
                    expect.place, expect.metric
                )));
            };
            let holds = value.as_f64().is_some_and(|number| {
                expect.at_most.is_none_or(|most| number <= most)
                    && expect.at_least.is_none_or(|least| number >= least)
            });
            if !holds {
                let limits = [("at most", expect.at_most), ("at least", expect.at_least)];
                let limits: Vec<String> = limits
                    .iter()
                    .filter_map(|(word, limit)| limit.map(|limit| format!("{word} {limit}")))
                    .collect();
                let limits = limits.join(" and ");
                let found = match value {
                    Value::Missing => "not defined in this run".to_string(),
                    value => value.to_string(),
                };
                let _ = writeln!(
                    failed,
                    "expectation failed: {}: {} is {found}, expected {limits}",
                    expect.place, expect.metric
                );
            }
        }
    }
    Ok(failed)
}
