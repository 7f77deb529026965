//! `ecsim run`: one scenario, one or several seeds.

use super::expect;
use super::output::{manifest, notes_on_inputs};
use super::precision;
use super::seeds::{self, Ended, Job};
use super::{Failure, complain, print};
use crate::base::random::Seed;
use crate::engine::Outcome;
use crate::experiment::regret::{Regret, regrets};
use crate::experiment::statistics::precision::Precision;
use crate::metrics::summary::Summary;
use crate::report::charts::Format;
use crate::report::folder::OutputFolder;
use crate::report::regret::{self, COMMITMENT_REGRET};
use crate::report::{answer, replications, services, summary};
use crate::scenario::{self, Charts, Scenario};
use crate::sim::RunResult;
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Arguments of `ecsim run`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:\n  \
    ecsim run scenarios/01-batch-on-ec2.toml\n  \
    ecsim run web.toml --seed 7 --replications 20 --out output/web\n  \
    ecsim run web.toml --precision total_usd=1% --precision wait_s_p95=2\n  \
    ecsim run web.toml --set capacity_provider.general.desired_capacity=80 --force\n  \
    ecsim run web.toml --format json | jq .metrics.total_usd")]
pub struct RunArgs {
    /// The scenario, a TOML or JSON file; `-` reads it from standard input
    pub scenario: PathBuf,
    /// Seed of all random streams [default: the scenario's]
    #[arg(long, allow_hyphen_values = true)]
    pub seed: Option<u64>,
    /// Runs with successive seeds, each in a folder of its own below the output folder; with --precision so many at most
    /// [default: 1, with --precision 200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub replications: Option<u32>,
    /// Run seeds until the 95 % interval of a metric's mean is ± HALF at most, in its unit or in % of the mean; at least 10
    #[arg(long, value_name = "METRIC=HALF", value_parser = Precision::parse)]
    pub precision: Vec<Precision>,
    /// Output folder [default: output/SCENARIO-NAME]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Replace an output folder of ours; a folder that is not ours is never touched
    #[arg(long)]
    pub force: bool,
    /// Set any scenario key by its dotted path; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = super::validate::key_value)]
    pub overrides: Vec<(String, String)>,
    /// Threads for several seeds, the charts, and reading and writing beside a run [default: one a core]
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

impl ChartsArg {
    /// The format of the charts.
    pub fn format(self) -> Format {
        match self {
            ChartsArg::Svg => Format::Svg,
            ChartsArg::Png => Format::Png,
            ChartsArg::None => Format::None,
        }
    }
}

/// `--format`.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum FormatArg {
    /// A table.
    Human,
    /// JSON with `"schema": "ecsim/1"`.
    Json,
}

impl RunArgs {
    /// How many seeds there are at most.
    pub fn most_seeds(&self) -> u32 {
        self.replications.unwrap_or(if self.precision.is_empty() { 1 } else { precision::MOST })
    }

    /// Whether each seed has a folder of its own.
    pub fn has_several(&self) -> bool {
        self.most_seeds() > 1
    }
}

/// Does what `args` say.
///
/// # Errors
/// See [`Failure`].
pub fn run(args: &RunArgs) -> Result<(), Failure> {
    let scenario = scenario::load(&args.scenario, &args.overrides)
        .map_err(|problems| Failure::Input(problems.to_string()))?;
    scenario.warnings.iter().for_each(|text| complain(&format!("warning: {text}")));
    if !args.quiet {
        scenario.notes.iter().for_each(|note| complain(&format!("note: {note}")));
    }
    precision::check(&args.precision, args.most_seeds(), &scenario)?;
    let seed = args.seed.map_or(scenario.setup.seed, Seed);
    let default_out = || Path::new("output").join(&scenario.setup.name);
    let out = args.out.clone().unwrap_or_else(default_out);
    if args.dry_run {
        let draws = charts_of(args, &scenario) != Format::None;
        let facts = super::dry_run::describe(&scenario, seed, args.most_seeds(), draws, &out)?;
        return print(&super::dry_run::told(&facts, args.format == FormatArg::Json));
    }
    // Before the folder: whoever is interrupted from here on also cleans up.
    let pulse = seeds::interruptible();
    let folder = OutputFolder::create(&out, args.force)?;
    let format = charts_of(args, &scenario);
    let (args, writer) = (args.clone(), folder.writer());
    let job = Arc::new(Job { args, scenario, seed, format, folder: writer, pulse });
    let ended = seeds::run_all(&job)?;
    publish(&job, folder, ended, &out)
}

/// Publishes what has ended and shows it; expectations come last, so that no run is lost to one.
fn publish(job: &Job, folder: OutputFolder, ended: Ended, out: &Path) -> Result<(), Failure> {
    let Ended { results, interrupted, seeds } = ended;
    let (args, scenario) = (&job.args, &job.scenario);
    if !interrupted.is_empty() {
        folder.close();
        if results.is_empty() {
            return Err(Failure::Interrupted("interrupted; nothing was written".into()));
        }
        interrupted.iter().try_for_each(|seed| folder.discard(&job.folder_of(*seed)))?;
    }
    let verdict = expect::compare(&scenario.expects, &results);
    let outcome = match &results[..] {
        _ if !interrupted.is_empty() => "interrupted",
        _ if !verdict.holds() => "expectation_failed",
        [(_, one)] if one.outcome == Outcome::Horizon => "horizon",
        _ => "completed",
    };
    let summaries: Vec<&Summary> = results.iter().map(|(_, result)| &result.summary).collect();
    if args.has_several() {
        folder.write("summary.csv", &replications::joined(&summaries))?;
        folder.write(replications::SEEDS.file, &replications::to_csv(&summaries))?;
    }
    let regrets = regrets_of(&results);
    if !regrets.is_empty() {
        folder.write(COMMITMENT_REGRET.file, &regret::to_csv(&regrets))?;
    }
    folder.write("scenario.toml", scenario.resolved.as_bytes())?;
    let manifest = manifest(scenario, job.seed, &results, outcome);
    let notes = notes_on_inputs(&manifest);
    let published = folder.publish(manifest)?;
    published.notes.iter().for_each(|note| complain(&format!("note: {note}")));
    show(args, &results, &regrets)?;
    if !args.quiet {
        notes.iter().for_each(|note| complain(note));
        let told =
            precision::told(&args.precision, &precision::of_means(&args.precision, &summaries));
        told.iter().for_each(|text| complain(text));
        complain(&format!("wrote {}", out.display()));
    }
    if !interrupted.is_empty() {
        let (done, all) = (results.len(), seeds);
        let text = format!("interrupted; {done} of {all} seeds had ended and were written");
        return Err(Failure::Interrupted(text));
    }
    verdict.into_result()
}

fn charts_of(args: &RunArgs, scenario: &Scenario) -> Format {
    args.charts.map_or(
        match scenario.outputs.charts {
            Charts::Svg => Format::Svg,
            Charts::Png => Format::Png,
            Charts::None => Format::None,
        },
        ChartsArg::format,
    )
}

/// What the best commitment of each seed comes to under the others.
fn regrets_of(results: &[(Seed, RunResult)]) -> Vec<Regret> {
    let all = results.iter().filter_map(|(seed, run)| Some((*seed, run.settlement.as_ref()?)));
    regrets(&all.collect::<Vec<_>>())
}

fn show(args: &RunArgs, results: &[(Seed, RunResult)], regrets: &[Regret]) -> Result<(), Failure> {
    let style = summary::Style::detect();
    let text = match (args.format, results) {
        (FormatArg::Json, [(_, one)]) if !args.has_several() => summary::to_json(&one.summary),
        (FormatArg::Human, [(_, one)]) if !args.has_several() => {
            let rest = services::Rest::of(&one.invoice);
            let services = services::to_text(&one.services, one.end, &rest, style);
            answer::to_text(&one.summary) + &summary::to_text(&one.summary, style) + &services
        }
        (format, several) => {
            let summaries: Vec<&Summary> = several.iter().map(|(_, run)| &run.summary).collect();
            match format {
                FormatArg::Json => replications::to_json(&summaries),
                FormatArg::Human => {
                    replications::to_text(&summaries, style) + &regret::to_text(regrets)
                }
            }
        }
    };
    print(&text)
}
