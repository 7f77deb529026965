//! `ecsim compare`: scenarios, settings of one scenario, or finished folders, side by side with intervals.

mod hours;
mod runs;
pub mod variants;
mod verdict;

use super::output::{digests_text, manifest};
use super::run::ChartsArg;
use super::{Failure, complain, precision, print, seeds, study};
use crate::base::random::Seed;
use crate::experiment::compare::limit::Limit;
use crate::experiment::compare::{Comparison, Variant, compare, metrics};
use crate::experiment::statistics::Confidence;
use crate::experiment::statistics::precision::Precision;
use crate::report::charts::{self, Format};
use crate::report::compare as tables;
use crate::report::folder::OutputFolder;
use crate::report::manifest::Manifest;
use crate::report::summary::Style;
use clap::{Args, ValueEnum};
use runs::Study;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use variants::Named;

/// Seeds where nothing is said.
const USUAL_SEEDS: u32 = 10;

/// Arguments of `ecsim compare`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:\n  \
    ecsim compare binpack.toml spread.toml\n  \
    ecsim compare web.toml --vary capacity_provider.general.desired_capacity=6,7,8 --replications 20\n  \
    ecsim compare scenarios/strategies/hpc2n.toml\n  \
    ecsim compare web.toml new.toml --precision total_usd=0.5%\n  \
    ecsim compare web.toml new.toml --metrics '*_usd,wait_s_p95' --expect 'total_usd<=+5%'\n  \
    ecsim compare --base output/main --head output/pr --format markdown\n  \
    ecsim compare --base measured.csv --head output/web\n\n\
    The first scenario, the first value of every --vary, or the first settings of a sweep, is the base.")]
pub struct CompareArgs {
    /// Scenarios, TOML or JSON files; with --vary one; or a sweep, whose settings are the variants
    #[arg(value_name = "SCENARIO", required_unless_present = "base")]
    pub scenarios: Vec<PathBuf>,
    /// Values of a key, by dotted path as --set takes it; several keys make every combination
    #[arg(long, value_name = "KEY=V1,V2", value_parser = variants::key_values)]
    pub vary: Vec<(String, Vec<String>)>,
    /// Set a key in every scenario; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = super::validate::key_value)]
    pub overrides: Vec<(String, String)>,
    /// First seed [default: the base's]
    #[arg(long, allow_hyphen_values = true)]
    pub seed: Option<u64>,
    /// Runs of each variant with successive seeds, the same for all; with --precision so many at most
    /// [default: 10, with --precision 200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub replications: Option<u32>,
    /// Make each replication a pair: a seed, and its mirror image in which every random draw u is 1 - u; the mean of the two
    /// counts. Twice the runs; where draws push the result one way, more than twice as sure
    #[arg(long)]
    pub antithetic: bool,
    /// Run seeds until the interval of each variant's difference to the base is ± HALF at most, in the metric's unit or in % of
    /// the base's mean; at least 10
    #[arg(long, value_name = "METRIC=HALF", value_parser = Precision::parse)]
    pub precision: Vec<Precision>,
    /// Threads [default: one a core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
    /// Metrics to compare, by name, `*` for any text [default: those of cost, waits, drops, placement and fleet that differ]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub metrics: Vec<String>,
    /// How sure intervals and verdicts are, per cent
    #[arg(long, value_name = "PERCENT", default_value = "95", value_parser = Confidence::parse)]
    pub confidence: Confidence,
    /// A limit on every variant, such as total_usd<=600, or against the base, such as total_usd<=+5%
    #[arg(long = "expect", value_name = "LIMIT", value_parser = Limit::parse)]
    pub limits: Vec<Limit>,
    /// With --base and --head: hours of these series, `*` for any text, with MAPE and what lies within 10 %
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', requires = "base")]
    pub series: Vec<String>,
    /// Compare finished output folders of `run`: the base; or a CSV of what was measured, hour by hour
    #[arg(long, value_name = "DIR", requires = "heads",
          conflicts_with_all = ["scenarios", "vary", "overrides", "seed", "replications", "antithetic", "precision", "threads", "check"])]
    pub base: Option<PathBuf>,
    /// A folder to compare with it; may be given several times
    #[arg(long = "head", value_name = "DIR", requires = "base")]
    pub heads: Vec<PathBuf>,
    /// Output folder [default: output/compare-NAME of the base; of folders none]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Replace an output folder of ours; a folder that is not ours is never touched
    #[arg(long)]
    pub force: bool,
    /// The chart [default: svg]
    #[arg(long)]
    pub charts: Option<ChartsArg>,
    /// What stdout gets
    #[arg(long, value_enum, default_value_t = FormatArg::Text)]
    pub format: FormatArg,
    /// No progress and no notes on stderr
    #[arg(long, short)]
    pub quiet: bool,
    /// Compare all books of the simulator after every event (slow)
    #[arg(long)]
    pub check: bool,
}

/// `--format`.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum FormatArg {
    /// A table for a terminal.
    Text,
    /// A table for a comment on a pull request.
    Markdown,
    /// JSON with `"schema": "ecsim/1"`.
    Json,
}

impl CompareArgs {
    /// How many seeds each variant has at most.
    pub fn most_seeds(&self) -> u32 {
        let usual = if self.precision.is_empty() { USUAL_SEEDS } else { precision::MOST };
        self.replications.unwrap_or(usual)
    }
}

/// Does what `args` say.
///
/// # Errors
/// See [`Failure`].
pub fn run(args: &CompareArgs) -> Result<(), Failure> {
    match &args.base {
        Some(base) if is_table(base) && !base.exists() => Err(Failure::Input(format!(
            "error: there is no `{}`\n  = help: an output folder of `run`, or a CSV of what was measured",
            base.display()
        ))),
        Some(base) if hours::are_asked_for(args) => hours::run(args, base),
        Some(base) => of_folders(args, base),
        None => of_scenarios(args),
    }
}

/// Whether a path is called as a table is.
fn is_table(path: &Path) -> bool {
    path.extension().is_some_and(|end| end.eq_ignore_ascii_case("csv"))
}

fn of_folders(args: &CompareArgs, base: &Path) -> Result<(), Failure> {
    let folders: Vec<&Path> =
        std::iter::once(base).chain(args.heads.iter().map(PathBuf::as_path)).collect();
    variants::refuse_twins(&folders, "folder")?;
    let folder = match &args.out {
        Some(out) => Some(OutputFolder::create(out, args.force)?),
        None => None,
    };
    let read = folders.iter().map(|folder| tables::folders::read(folder));
    let (variants, manifests): (Vec<Variant>, Vec<Manifest>) = read
        .collect::<Result<Vec<_>, String>>()
        .map_err(|why| {
            let help = "name the folder that `run` says it wrote, as in --base output/main --head output/pr";
            Failure::Input(format!("error: {why}\n  = help: {help}"))
        })?
        .into_iter()
        .unzip();
    for variant in &variants[1..] {
        if !args.quiet && !variant.seeds.iter().any(|seed| variants[0].seeds.contains(seed)) {
            let (name, base) = (&variant.name, &variants[0].name);
            complain(&format!(
                "note: {name} and {base} have no seed in common: there are no pairs, and no differences"
            ));
        }
    }
    for (variant, manifest) in variants.iter().zip(&manifests).skip(1) {
        // A folder of a version before this digest has none.
        let (of_base, of_this) = (&manifests[0].input_digest, &manifest.input_digest);
        let (is_known, seeds) = (!of_base.is_empty() && !of_this.is_empty(), &variant.seeds);
        if !args.quiet && is_known && of_base != of_this && *seeds == variants[0].seeds {
            let (name, base) = (&variant.name, &variants[0].name);
            complain(&format!(
                "note: {name} met other arrivals or failures than {base}: differences are of these, too"
            ));
        }
    }
    let of = chosen(args, &variants)?;
    let verdict = verdict::of_limits(args, &variants)?;
    let digests = variants.iter().zip(&manifests);
    let digests = digests.map(|(v, m)| format!("{} {}\n", v.name, m.event_digest));
    let manifest = Manifest {
        scenario: manifests[0].scenario.clone(),
        scenario_digest: digest_of(&digests.collect::<String>()),
        seed: manifests[0].seed,
        catalog_version: manifests[0].catalog_version.clone(),
        prices_as_of: manifests[0].prices_as_of.clone(),
        ..Manifest::default()
    };
    publish(args, folder.map(|folder| (folder, manifest)), &variants, &of, verdict)
}

fn of_scenarios(args: &CompareArgs) -> Result<(), Failure> {
    let (named, args) = variants::load(args)?;
    let args = &args;
    variants::tell(&named, args);
    refuse_unknown_metrics(args, &named)?;
    let seed = args.seed.map_or(named[0].scenario.setup.seed, Seed);
    let default_out =
        || Path::new("output").join(format!("compare-{}", named[0].scenario.setup.name));
    let out = args.out.clone().unwrap_or_else(default_out);
    // Before the folder: whoever is interrupted from here on also cleans up.
    let pulse = seeds::interruptible();
    let folder = OutputFolder::create(&out, args.force)?;
    let study = Arc::new(Study { args: args.clone(), named, seed, pulse });
    let Some(results) = runs::run_all(&study)? else {
        return Err(Failure::Interrupted("interrupted; nothing was written".into()));
    };
    if !args.quiet {
        runs::tell_inputs(&results);
    }
    let variants: Vec<Variant> = results.iter().map(|of| of.variant.clone()).collect();
    let of = chosen(args, &variants)?;
    let mut verdict = verdict::of_scenarios(&study.named, &variants);
    verdict.add(verdict::of_limits(args, &variants)?);
    for (number, named) in (1..).zip(&study.named) {
        let name = format!("scenarios/variant-{number}.toml");
        folder.write(&name, named.scenario.resolved.as_bytes())?;
    }
    let manifest = study_manifest(&study, &results);
    let args = CompareArgs { out: Some(out), ..args.clone() };
    publish(&args, Some((folder, manifest)), &variants, &of, verdict)
}

/// Refuses metrics that are asked for and not there, before anything is run: those of `--precision` have to be there in
/// every variant, others in any.
fn refuse_unknown_metrics(args: &CompareArgs, named: &[Named]) -> Result<(), Failure> {
    precision::refuse_few(&args.precision, args.most_seeds())?;
    if args.metrics.is_empty() && args.limits.is_empty() && args.precision.is_empty() {
        return Ok(());
    }
    let known = named.iter().map(|one| study::known_metrics(&one.scenario));
    let known = known.collect::<Result<Vec<_>, Failure>>()?;
    for of in &known {
        precision::refuse_unknown(&args.precision, of)?;
    }
    let any: Vec<&str> = known.iter().flatten().map(String::as_str).collect();
    let asked = args.metrics.iter().map(String::as_str);
    study::refuse_unknown("--metrics", asked, &any, metrics::matches)?;
    let limits = args.limits.iter().map(|limit| limit.metric.as_str());
    study::refuse_unknown("--expect", limits, &any, str::eq)
}

/// The comparison in the metrics that were asked for.
fn chosen(args: &CompareArgs, variants: &[Variant]) -> Result<Comparison, Failure> {
    let names = match &args.metrics[..] {
        [] => metrics::that_differ(variants),
        patterns => metrics::select(variants, patterns)
            .map_err(|why| Failure::Input(format!("error: --metrics: {why}")))?,
    };
    Ok(compare(variants, &names, args.confidence))
}

/// What was compared: the digest of every scenario with its variant's name, of all events in order of variant and seed.
fn study_manifest(study: &Study, results: &[runs::Ran]) -> Manifest {
    let base = &study.named[0].scenario;
    let mut manifest = manifest(base, study.seed, &[], "completed");
    let mut text = String::new();
    for (index, (named, ran)) in study.named.iter().zip(results).enumerate() {
        let _ = writeln!(text, "{} {}", named.name, named.scenario.digest);
        for (name, rows) in &ran.traces {
            manifest.traces.insert(format!("variant-{}.{name}", index + 1), rows.clone());
        }
    }
    manifest.scenario_digest = digest_of(&text);
    manifest.event_digest =
        digests_text(results.iter().flat_map(|ran| ran.digests.iter().copied()));
    manifest.input_digest = digests_text(results.iter().flat_map(|ran| ran.inputs.iter().copied()));
    manifest
}

fn digest_of(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// Publishes the folder and shows the table; expectations come last, so that no comparison is lost to one.
fn publish(
    args: &CompareArgs,
    folder: Option<(OutputFolder, Manifest)>,
    variants: &[Variant],
    of: &Comparison,
    verdict: crate::cli::expect::Verdict,
) -> Result<(), Failure> {
    let mut notes = Vec::new();
    if let Some((folder, manifest)) = folder {
        folder.write(tables::COMPARE.file, &tables::to_csv(of))?;
        folder.write(tables::COMPARE_RUNS.file, &tables::runs_to_csv(variants))?;
        if let Some((name, bytes)) =
            charts::render_comparison(of, args.charts.map_or(Format::Svg, ChartsArg::format))
        {
            folder.write(&name, &bytes)?;
        }
        let outcome = if verdict.holds() { "completed" } else { "expectation_failed" };
        let published = folder.publish(Manifest { outcome: outcome.into(), ..manifest })?;
        notes = published.notes;
    }
    notes.iter().for_each(|note| complain(&format!("note: {note}")));
    print(&match args.format {
        FormatArg::Text => tables::to_text(of, Style::detect()),
        FormatArg::Markdown => tables::to_markdown(of),
        FormatArg::Json => tables::to_json(of),
    })?;
    if let Some(out) = args.out.as_ref().filter(|_| !args.quiet) {
        complain(&format!("wrote {}", out.display()));
    }
    verdict.into_result()
}
