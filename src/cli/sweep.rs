//! `ecsim sweep`: a grid of settings under seeds, in parallel, resumable, in shards.

mod arrays;
mod finish;
mod merge;
mod run;
mod status;

use super::Failure;
use super::run::ChartsArg;
use crate::experiment::statistics::Confidence;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Arguments of `ecsim sweep`.
#[derive(Args, Clone, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:\n  \
        ecsim sweep scenarios/sweeps/fleet-size.toml\n  \
        ecsim sweep grid.toml --dry-run\n  \
        ecsim sweep grid.toml --shard 3/16 --out shards/3\n  \
        ecsim sweep status output/sweep-grid\n  \
        ecsim sweep merge shards/* --out output/sweep-grid\n\n\
        A sweep that was stopped or killed goes on where it was: run the same command again.\n\
        Exit codes: 0 done; 1 a cell failed (it is a row with its error), or merge misses cells; 2 bad usage or input; \
        3 an invariant of the simulator broke; 130 interrupted."
)]
pub struct SweepArgs {
    /// What to do with folders of sweeps; nothing: run one.
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// What is run.
    #[command(flatten)]
    pub grid: GridArgs,
}

/// The verbs below `sweep`.
#[derive(Subcommand, Clone, Debug)]
pub enum Verb {
    /// How many cells of a sweep are done, failed, missing
    Status(status::StatusArgs),
    /// Join the folders of shards, or finish one folder that all shards have written to
    Merge(merge::MergeArgs),
}

/// What is run.
#[derive(Args, Clone, Debug)]
pub struct GridArgs {
    /// A sweep, a TOML file: a scenario, axes, seeds
    #[arg(value_name = "SWEEP.toml", required = true)]
    pub sweep: Option<PathBuf>,
    /// Set a key in every cell, after the axes; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = super::validate::key_value)]
    pub overrides: Vec<(String, String)>,
    /// First seed [default: the scenario's]
    #[arg(long, allow_hyphen_values = true)]
    pub seed: Option<u64>,
    /// Seeds of each cell, in place of the file's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub replications: Option<u32>,
    /// Run this part of the grid only, the first is 1/N; `auto`: as Slurm, AWS Batch or Kubernetes says
    #[arg(long, value_name = "I/N")]
    pub shard: Option<String>,
    /// Run a grid of more than 10,000 cells
    #[arg(long)]
    pub yes: bool,
    /// Threads [default: one a core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
    /// Output folder [default: output/sweep-NAME]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Take over the folder of another sweep; cells that both have are kept
    #[arg(long)]
    pub force: bool,
    /// Say what would run, and run nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Compare all books of the simulator after every event (slow)
    #[arg(long)]
    pub check: bool,
    /// No progress and no notes on stderr
    #[arg(long, short)]
    pub quiet: bool,
    /// What is shown of the results.
    #[command(flatten)]
    pub show: ShowArgs,
}

/// What is shown of the results.
#[derive(Args, Clone, Debug)]
pub struct ShowArgs {
    /// Metrics of the table and the charts, by name, `*` for any text [default: those of the sweep's file, or the usual
    /// ones that differ]
    #[arg(long, alias = "metric", value_name = "NAME,...", value_delimiter = ',')]
    pub metrics: Vec<String>,
    /// How sure intervals are, per cent
    #[arg(long, value_name = "PERCENT", default_value = "95", value_parser = Confidence::parse)]
    pub confidence: Confidence,
    /// The charts [default: svg]
    #[arg(long)]
    pub charts: Option<ChartsArg>,
    /// What stdout gets
    #[arg(long, value_enum, default_value_t = FormatArg::Human)]
    pub format: FormatArg,
    /// Write sweep.parquet, too: sweep.csv with types
    #[cfg(feature = "parquet")]
    #[arg(long)]
    pub parquet: bool,
}

/// `--format`.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum FormatArg {
    /// A table for a terminal.
    Human,
    /// JSON with `"schema": "ecsim/1"`.
    Json,
}

/// Does what `args` say.
///
/// # Errors
/// See [`Failure`].
pub fn run(args: &SweepArgs) -> Result<(), Failure> {
    match &args.verb {
        Some(Verb::Status(args)) => status::run(args),
        Some(Verb::Merge(args)) => merge::run(args),
        None => run::run(&args.grid),
    }
}
