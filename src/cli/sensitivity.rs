//! `ecsim sensitivity`: what each stage of a start, and each setting, buys of waits, drops and cost.

use super::run::FormatArg;
use super::seeds::{broken, gather, interruptible, replay};
use super::study::{StudyArgs, known_metrics, refuse_unknown};
use super::{Failure, complain, output, print};
use crate::base::digest::Digest;
use crate::base::random::Seed;
use crate::engine::Pulse;
use crate::experiment::cells::{self, Cell, Outcome};
use crate::experiment::compare::metrics;
use crate::experiment::sensitivity::{Change, Lever, Plan, apply, effects, levers};
use crate::experiment::statistics::{Confidence, Exact};
use crate::metrics::summary::{Summary, Value};
use crate::report::charts;
use crate::report::folder::OutputFolder;
use crate::report::human;
use crate::report::manifest::Manifest;
use crate::report::sensitivity::{SENSITIVITY, Study, to_csv, to_json, to_text};
use crate::report::summary::Style;
use crate::scenario::{self, Scenario};
use clap::Args;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

/// Metrics that are looked at where a scenario has them.
const USUAL: [&str; 4] = ["start_s_p95", "wait_s_p95", "requests_dropped_percent", "total_usd"];
/// Most runs without `--yes`.
const MANY: usize = 10_000;

/// What each stage of a start, and each setting, buys of waits, drops and cost
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:\n  \
    ecsim sensitivity scenarios/30-web-service.toml\n  \
    ecsim sensitivity my.toml --try capacity_provider.general.desired_capacity=9 --metrics wait_s_p99,total_usd\n  \
    ecsim sensitivity my.toml --factor 0.9 --trajectories 0\n\n\
    Every stage that the scenario has is halved and doubled (--factor), alone and among others.")]
pub struct SensitivityArgs {
    /// A scenario, TOML or JSON
    #[arg(value_name = "SCENARIO")]
    pub scenario: PathBuf,
    /// A setting to try beside the stages that the scenario has; may be given several times
    #[arg(long = "try", value_name = "KEY=VALUE", value_parser = super::validate::key_value)]
    pub tries: Vec<(String, String)>,
    /// Times of stages are multiplied by this, and divided by it
    #[arg(long, value_name = "FACTOR", default_value = "0.5", value_parser = factor)]
    pub factor: f64,
    /// Metrics, by name, `*` for any text [default: start_s_p95, wait_s_p95, requests_dropped_percent, total_usd]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub metrics: Vec<String>,
    /// Set a key in all runs; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = super::validate::key_value)]
    pub overrides: Vec<(String, String)>,
    /// Seeds of each change alone
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    pub replications: u32,
    /// Elementary effects of each stage among others; 0: none
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub trajectories: u32,
    /// How sure intervals and verdicts are, per cent
    #[arg(long, value_name = "PERCENT", default_value = "95", value_parser = Confidence::parse)]
    pub confidence: Confidence,
    /// First seed [default: the scenario's]
    #[arg(long, allow_hyphen_values = true)]
    pub seed: Option<u64>,
    /// Do more than 10,000 runs, too
    #[arg(long, short)]
    pub yes: bool,
    /// Threads, folder, what is shown.
    #[command(flatten)]
    pub study: StudyArgs,
    /// Compare all books of the simulator after every event (slow)
    #[arg(long)]
    pub check: bool,
}

fn factor(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_string())?;
    let is_good = (0.01..1.0).contains(&number);
    is_good.then_some(number).ok_or_else(|| "from 0.01 to below 1".into())
}

/// What the threads share.
struct Shared {
    args: SensitivityArgs,
    levers: Vec<Lever>,
    plan: Plan,
    pulse: Arc<Pulse>,
    ended: Arc<AtomicUsize>,
}

/// Does what `args` say.
///
/// # Errors
/// See [`Failure`].
pub fn run(args: &SensitivityArgs) -> Result<(), Failure> {
    let (base, levers) = read(args)?;
    let first = args.seed.unwrap_or(base.setup.seed.0);
    let plan = Plan::new(&levers, first, args.replications, args.trajectories);
    let runs = plan.cells.len();
    if runs > MANY && !args.yes {
        return Err(Failure::Input(format!(
            "error: {runs} runs may take very long: more than {MANY} are done with --yes only\n  = help: fewer --replications \
             or --trajectories"
        )));
    }
    let out = args.study.folder("sensitivity", &base.setup.name);
    check_metrics(args, &base)?;
    // Before the folder: whoever is interrupted from here on also cleans up.
    let pulse = interruptible();
    let folder = OutputFolder::create(&out, args.study.force)?;
    let ended = Arc::new(AtomicUsize::new(0));
    let shared = Arc::new(Shared { args: args.clone(), levers, plan, pulse, ended });
    let summaries = match run_all(&shared) {
        Ok(summaries) => summaries,
        Err(failure) => {
            folder.close();
            return Err(failure);
        }
    };
    let chosen = chosen(args, &summaries[0].0)?;
    let values: Vec<Vec<Option<Exact>>> = summaries
        .iter()
        .map(|(of, _)| chosen.iter().map(|name| of.get(name).and_then(Exact::of)).collect())
        .collect();
    let effects = effects(&shared.levers, &shared.plan, &chosen, &values, args.confidence);
    let unit = |name: &String| {
        let metric = summaries[0].0.0.iter().find(|metric| metric.name == *name);
        metric.map_or_else(String::new, |metric| metric.unit_or_nothing().to_string())
    };
    let study = Study {
        name: &base.setup.name,
        levers: &shared.levers,
        effects: &effects,
        units: &chosen.iter().map(unit).collect::<Vec<_>>(),
        seeds: args.replications,
        trajectories: args.trajectories,
        confidence: args.confidence,
    };
    let mut digest = Digest::default();
    summaries.iter().for_each(|(_, events)| digest.add(*events));
    folder.write(SENSITIVITY.file, &to_csv(&study))?;
    folder.write("scenario.toml", base.resolved.as_bytes())?;
    for (name, bytes) in charts::render_sensitivity(&study, args.study.charts.format()) {
        folder.write(&name, &bytes)?;
    }
    let manifest = Manifest {
        event_digest: format!("{:016x}", digest.value()),
        ..output::manifest(&base, Seed(first), &[], "completed")
    };
    let published = folder.publish(manifest)?;
    published.notes.iter().for_each(|note| complain(&format!("note: {note}")));
    print(&match args.study.format {
        FormatArg::Human => to_text(&study, Style::detect()),
        FormatArg::Json => to_json(&study),
    })?;
    if !args.study.quiet {
        complain(&format!("ran {}", human::counted(runs, "run")));
        complain(&format!("wrote {}", out.display()));
    }
    Ok(())
}

/// The scenario, and what can be moved in it.
fn read(args: &SensitivityArgs) -> Result<(Scenario, Vec<Lever>), Failure> {
    if args.scenario == Path::new("-") {
        return Err(Failure::Input(
            "error: sensitivity reads its scenario many times: it must be a file, not standard input".into(),
        ));
    }
    let load = |more: &[(String, String)]| {
        let all: Vec<(String, String)> = args.overrides.iter().chain(more).cloned().collect();
        scenario::load(&args.scenario, &all).map_err(|mut problems| {
            problems.call_sets(args.overrides.len(), "--try");
            Failure::Input(problems.to_string())
        })
    };
    let base = load(&[])?;
    for tried in &args.tries {
        let changed = load(std::slice::from_ref(tried))?;
        if changed.digest == base.digest {
            let (key, value) = tried;
            return Err(Failure::Input(format!("error: --try {key}={value} changes nothing")));
        }
    }
    load(&args.tries)?;
    let levers = levers(&base.setup, args.factor, &args.tries);
    if levers.is_empty() {
        return Err(Failure::Input(format!(
            "error: {}: nothing in it takes time to start, and nothing scales\n  = help: name a setting, as in --try \
             capacity_provider.general.desired_capacity=9",
            args.scenario.display()
        )));
    }
    if !args.study.quiet {
        base.warnings.iter().for_each(|text| complain(&format!("warning: {text}")));
        base.notes.iter().for_each(|note| complain(&format!("note: {note}")));
    }
    Ok((base, levers))
}

/// Whether the metrics that are asked for are there: known before the first run.
fn check_metrics(args: &SensitivityArgs, base: &Scenario) -> Result<(), Failure> {
    if args.metrics.is_empty() {
        return Ok(());
    }
    let known = known_metrics(base)?;
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let asked = args.metrics.iter().map(String::as_str);
    refuse_unknown("--metrics", asked, &known, metrics::matches)
}

/// The metrics that were asked for, or those of the usual that the scenario defines.
fn chosen(args: &SensitivityArgs, first: &Summary) -> Result<Vec<String>, Failure> {
    if args.metrics.is_empty() {
        let is_there = |name: &&&str| !matches!(first.get(name), None | Some(Value::Missing));
        return Ok(USUAL.iter().filter(is_there).map(|name| (*name).to_string()).collect());
    }
    let variant = crate::experiment::compare::Variant::of("", &[(0, first)]);
    metrics::select(&[variant], &args.metrics)
        .map_err(|why| Failure::Input(format!("error: --metrics: {why}")))
}

/// A run that has ended: its metrics and the digest of its events.
type One = (Summary, u64);

/// Every run, in the order of the plan.
fn run_all(shared: &Arc<Shared>) -> Result<Vec<One>, Failure> {
    let cells = shared.plan.cells.len();
    let _bar =
        super::progress::Runs::follow(Arc::clone(&shared.ended), cells, shared.args.study.quiet);
    let of_thread = Arc::clone(shared);
    let mut ended = gather(&shared.pulse, move |report| {
        let shared = of_thread;
        let runner = cells::Runner {
            threads: shared.args.study.threads,
            pulse: &shared.pulse,
            check_every_event: shared.args.check,
        };
        let done = |index: usize, outcome: Outcome| {
            shared.ended.fetch_add(1, Ordering::Relaxed);
            // After an interruption nobody listens any more.
            let _ = report.send((index as u32, shared.told(shared.plan.cells[index], outcome)));
        };
        runner.run(&shared.plan.cells, &[], |cell| shared.scenario(cell), done).map(drop)
    })?;
    let interrupted = || Failure::Interrupted("interrupted; nothing was written".into());
    (0..cells as u32).map(|index| ended.remove(&index).ok_or_else(interrupted)?).collect()
}

impl Shared {
    /// What is moved in the settings of a cell.
    fn changes(&self, cell: Cell) -> Vec<&Change> {
        let sides = self.levers.iter().zip(&self.plan.settings[cell.settings]);
        sides.filter_map(|(lever, side)| Some(&lever.sides[(*side)?].change)).collect()
    }

    fn overrides(&self, cell: Cell) -> Vec<(String, String)> {
        let mut all = self.args.overrides.clone();
        for change in self.changes(cell) {
            if let Change::Set(key, value) = change {
                all.push((key.clone(), value.clone()));
            }
        }
        all
    }

    fn scenario(&self, cell: Cell) -> Result<Scenario, String> {
        let mut scenario = scenario::load(&self.args.scenario, &self.overrides(cell))
            .map_err(|problems| problems.to_string())?;
        self.changes(cell).into_iter().for_each(|change| apply(&mut scenario.setup, change));
        Ok(scenario)
    }

    fn told(&self, cell: Cell, outcome: Outcome) -> Result<One, Failure> {
        match outcome {
            Outcome::Done(of) => Ok((of.summary, of.event_digest)),
            Outcome::Failed(why) => Err(Failure::Input(format!("error: {why}"))),
            Outcome::Broken => {
                let command = replay(&self.args.scenario, cell.seed, &self.overrides(cell));
                Err(broken(&command))
            }
        }
    }
}
