//! L5, scenarios: a TOML (or JSON) file becomes a [`Setup`], or the list of everything that is wrong with it.
//!
//! ```text
//! file ─► tree ─► set ─► check ─► build ─► Scenario
//!  text    values   --set   types,    references,
//!          + places         defaults  ECS's rules
//! ```
//!
//! All errors of a scenario are found in one pass and shown in the order of the file. What keys there are is declared
//! once, in [`sections`]; `ecsim schema`, `validate --show resolved` and `scenarios/README.md` follow from it.
//! Traces are named here, not opened.

pub mod book;
mod build;
pub mod check;
pub mod diagnostic;
pub mod distribution;
pub mod file;
pub mod json;
pub mod keys;
pub mod market;
pub mod resolved;
pub mod schema;
pub mod sections;
pub mod set;
pub mod settings;
pub mod tags;
pub mod template;
pub mod tree;
pub mod units;

use crate::base::time::SimSpan;
use crate::model::arrival::RowCounts;
use crate::model::definition::TaskDefinition;
use crate::model::fault::Fault;
use crate::model::outage::OutageFormat;
use crate::model::workload::Workload;
use crate::sim::setup::{Failure, Setup};
pub use diagnostic::Diagnostics;
pub use market::MarketTrace;
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
pub use tags::Tags;

/// A scenario, ready to run.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What the simulation needs.
    pub setup: Setup,
    /// Where the rows of each source come from, in the order of `setup.sources`.
    pub workloads: Vec<Workload>,
    /// What goes wrong, in order of time.
    pub failures: Vec<Failure>,
    /// Files that say what else goes wrong.
    pub failure_traces: Vec<FailureTrace>,
    /// Files that say what Spot costs and how much of it there is.
    pub markets: Vec<MarketTrace>,
    /// The tables that were read with the scenario: inventories and prices.
    pub tables: Vec<TableRows>,
    /// What its files say that is not simulated: `file:line:column: text`, for people.
    pub notes: Vec<String>,
    /// What is right as a scenario, and hardly what anybody wants: services that can never have a task.
    pub warnings: Vec<String>,
    /// Which files a run writes.
    pub outputs: Outputs,
    /// Limits on metrics.
    pub expects: Vec<Expect>,
    /// Tags for cost allocation.
    pub tags: Tags,
    /// The price book: version, newest day of the embedded prices, oldest day that the user's price file names.
    pub book: (String, String, Option<String>),
    /// SHA-256 of [`Scenario::resolved`] and of the small files that the scenario names (task definitions,
    /// inventories, prices; not traces, whose digests are taken when they are read).
    pub digest: String,
    /// Every key with its value, defaults included, as TOML that loads to the same scenario.
    pub resolved: String,
}

impl Scenario {
    /// Whether a run says whose all of the bill is.
    #[must_use]
    pub fn is_allocated(&self) -> bool {
        self.outputs.cost_allocation || !self.tags.is_empty()
    }
}

/// Format of the charts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Charts {
    /// SVG.
    Svg,
    /// PNG.
    Png,
    /// No charts.
    None,
}

/// Which files a run writes beside the summary.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outputs {
    /// `tasks.csv`.
    pub tasks: bool,
    /// `timeseries.csv`.
    pub timeseries: bool,
    /// `instances.csv`.
    pub instances: bool,
    /// `placement_failures.csv`.
    pub placement_failures: bool,
    /// Time that a row of `placement_failures.csv` sums up.
    pub placement_failures_interval: SimSpan,
    /// `services.csv`; as the three below, only where the scenario has services.
    pub services: bool,
    /// `deployments.csv`.
    pub deployments: bool,
    /// `scaling.csv`.
    pub scaling: bool,
    /// `service_events.csv`.
    pub service_events: bool,
    /// `fleet_events.csv`; only where the fleet or Fargate's capacity can change.
    pub fleet_events: bool,
    /// `capacity_reservation.csv`; as the next, only with managed scaling.
    pub capacity_reservation: bool,
    /// `capacity_scaling.csv`.
    pub capacity_scaling: bool,
    /// `subnets.csv`; only with `[network]`.
    pub subnets: bool,
    /// `cost_hourly.csv`.
    pub cost_hourly: bool,
    /// `cost_allocation.csv`.
    pub cost_allocation: bool,
    /// Whether `cost.csv` has the columns of FOCUS.
    pub is_focus: bool,
    /// The account that FOCUS rows name.
    pub account_id: String,
    /// Charts.
    pub charts: Charts,
}

/// A trace of failures, not opened yet.
#[derive(Clone, PartialEq, Debug)]
pub struct FailureTrace {
    /// The file as it is opened.
    pub path: PathBuf,
    /// The file as the user wrote it.
    pub display: String,
    /// What it is a trace of; `None`: of services.
    pub machines: Option<MachineTrace>,
}

/// A trace of machines that are down for a while.
#[derive(Clone, Debug, PartialEq)]
pub struct MachineTrace {
    /// Its layout.
    pub format: OutageFormat,
    /// The instant that becomes zero, in microseconds since 1970; `None`: the first event.
    pub start: Option<i64>,
    /// What each outage does; its trigger is the trace.
    pub fault: Fault,
}

/// What became of the rows of a table that is part of the scenario.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TableRows {
    /// What it is for, such as `capacity_provider.general.inventory`.
    pub name: String,
    /// The file as the user wrote it.
    pub file: String,
    /// Its rows.
    pub rows: RowCounts,
}

/// A limit on a metric of the summary.
#[derive(Clone, PartialEq, Debug)]
pub struct Expect {
    /// Name of the metric.
    pub metric: String,
    /// Largest right value.
    pub at_most: Option<f64>,
    /// Smallest right value.
    pub at_least: Option<f64>,
    /// `file:line:column` of the metric's name, for messages.
    pub place: String,
}

/// Reads a scenario from a file, `-` from standard input: then paths begin at the current folder. `overrides` are the
/// pairs of `--set KEY=VALUE`, in order.
///
/// # Errors
/// Everything that is wrong with the file, with the files that it names and with the overrides.
pub fn load(path: &Path, overrides: &[(String, String)]) -> Result<Scenario, Diagnostics> {
    let mut problems = Diagnostics::new();
    let Some((display, text)) = read(path, &mut problems) else { return Err(problems) };
    let base = path.parent().unwrap_or(Path::new(""));
    load_into(&text, &display, base, overrides, problems)
}

/// Reads a scenario from text; `name` is the file's name for messages, `base` the folder of its paths.
///
/// # Errors
/// As [`load`].
pub fn load_text(
    text: &str,
    name: &str,
    base: &Path,
    overrides: &[(String, String)],
) -> Result<Scenario, Diagnostics> {
    load_into(text, name, base, overrides, Diagnostics::new())
}

/// A task definition that was read by itself.
#[derive(Clone, Debug)]
pub struct LoneDefinition {
    /// The definition.
    pub definition: TaskDefinition,
    /// Whether it has CPU and memory at task level, without which Fargate refuses it.
    pub has_task_size: bool,
    /// What its file says that is not simulated, for people.
    pub notes: Vec<String>,
}

/// Reads a task definition as the key `file` of `[[task_definition]]` does; `-` is standard input.
///
/// # Errors
/// Everything that is wrong with it, in the order of the file.
pub fn load_task_definition(path: &Path) -> Result<LoneDefinition, Diagnostics> {
    let mut problems = Diagnostics::new();
    let Some((display, text)) = read(path, &mut problems) else { return Err(problems) };
    task_definition_text(&display, &text)
}

/// The same from text; `name` is the file's name for messages.
///
/// # Errors
/// As [`load_task_definition`].
pub fn task_definition_text(name: &str, text: &str) -> Result<LoneDefinition, Diagnostics> {
    let mut problems = Diagnostics::new();
    build::lone((name, text), &mut problems).ok_or_else(|| {
        problems.sort();
        problems
    })
}

/// The name and the text of a file, or of standard input for `-`.
fn read(path: &Path, problems: &mut Diagnostics) -> Option<(String, String)> {
    if path == Path::new("-") {
        return Some((file::STDIN.to_string(), file::read_stdin(problems)?));
    }
    let display = path.display().to_string();
    let text = file::read_text(path, &display, problems)?;
    Some((display, text))
}

fn load_into(
    text: &str,
    name: &str,
    base: &Path,
    overrides: &[(String, String)],
    mut problems: Diagnostics,
) -> Result<Scenario, Diagnostics> {
    let source = problems.add_source(name, text);
    let Some(mut root) = file::parse(name, text, source, &mut problems) else {
        problems.sort();
        return Err(problems);
    };
    for (key, value) in overrides {
        set::apply(&mut root, key, value, &mut problems);
    }
    finish(&root, name, base, problems)
}

/// From the tree with everything set to the scenario.
fn finish(
    root: &tree::Node,
    name: &str,
    base: &Path,
    mut problems: Diagnostics,
) -> Result<Scenario, Diagnostics> {
    let settings = check::check(root, &sections::ROOT, &mut problems);
    let named = Some(Path::new(name)).filter(|_| name != file::STDIN);
    let stem = named.and_then(Path::file_stem).map(|stem| stem.to_string_lossy().into_owned());
    let fallback =
        stem.filter(|stem| build::folder_name(stem).is_ok()).unwrap_or_else(|| "scenario".into());
    let built = build::build(&settings, &fallback, base, &mut problems);
    let Some(built) = built.filter(|_| problems.is_empty()) else {
        problems.sort();
        return Err(problems);
    };
    let resolved = resolved::to_toml(&settings, &built.setup.name);
    let mut hasher = Sha256::new();
    let plain = resolved.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    plain.for_each(|line| hasher.update(format!("{line}\n")));
    built.files.iter().for_each(|(file, digest)| hasher.update(format!("{file} {digest}\n")));
    let digest = build::hex(&hasher.finalize());
    let build::Built {
        setup,
        workloads,
        failures,
        failure_traces,
        markets,
        tables,
        notes,
        outputs,
        expects,
        tags,
        book,
        files: _,
    } = built;
    let warnings = crate::sim::misfits(setup.clone());
    Ok(Scenario {
        setup,
        warnings,
        workloads,
        failures,
        failure_traces,
        markets,
        tables,
        notes,
        outputs,
        expects,
        tags,
        book,
        digest,
        resolved,
    })
}

/// The variable of [`expand`].
const SHARED: &str = "${ECSIM_SHARED}";

/// A path with `${ECSIM_SHARED}` replaced, the one variable that paths may hold: the folder of shared traces. Where
/// the environment has no such variable it is `shared` two or three folders above `base`, the scenario's own: beside the
/// project whose `scenarios` it lies in.
fn expand(written: &str, base: &Path) -> String {
    if !written.contains(SHARED) {
        return written.to_string();
    }
    let beside = || {
        let usual = ["../../shared", "../../../shared"];
        let found = usual.iter().find(|folder| base.join(folder).is_dir());
        (*found.unwrap_or(&usual[0])).to_string()
    };
    written.replace(SHARED, &std::env::var("ECSIM_SHARED").unwrap_or_else(|_| beside()))
}
