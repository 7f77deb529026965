//! `ecsim run --dry-run`: what would run, and how much memory and disk it would take.

use super::Failure;
use crate::base::random::Seed;
use crate::base::time::{SimSpan, SimTime};
use crate::metrics::service::ServiceSample;
use crate::model::arrival::TraceProblem;
use crate::model::service::SchedulingStrategy;
use crate::report::manifest::SCHEMA;
use crate::scenario::Scenario;
use crate::sim::setup::Setup;
use std::fmt::Write as _;
use std::path::Path;

/// About this many bytes is a row of `tasks.csv`.
const TASK_ROW_BYTES: u64 = 220;
/// About this many bytes is a row of `timeseries.csv`.
const SAMPLE_ROW_BYTES: u64 = 110;
/// About this many bytes is a row of `services.csv`.
const SERVICE_ROW_BYTES: u64 = 160;
/// A live task with its event in the queue, and an instance with its places in the indexes.
const LIVE_TASK_BYTES: u64 = 160;
const INSTANCE_BYTES: u64 = 1_500;
/// A service with its load and its metrics; a sample that is kept for its charts, and how many are kept at most.
const SERVICE_BYTES: u64 = 48_000;
const SAMPLE_BYTES: u64 = size_of::<ServiceSample>() as u64;
const SAMPLES_KEPT: u64 = 2_048;
/// A row of `scaling.csv` with its row of `service_events.csv`, and how often a scaled service writes one.
const SCALING_ROW_BYTES: u64 = 350;
const SCALING_INTERVAL: SimSpan = SimSpan::from_secs(15 * 60);
/// Services that are named one by one.
const SERVICES_SHOWN: usize = 20;
/// The program itself, its buffers and the charts.
const BASE_BYTES: u64 = 24 << 20;

/// What is known beforehand: label and text. A label that is empty goes on with the one before.
pub type Facts = Vec<(String, String)>;

/// The facts for people, or as one JSON document.
pub fn told(facts: &Facts, as_json: bool) -> String {
    if as_json {
        let facts = facts.iter().map(|(label, text)| {
            let label = if label.is_empty() { "note" } else { label };
            (label.to_string(), serde_json::Value::from(text.trim_end()))
        });
        let facts: serde_json::Map<_, _> = facts.collect();
        return format!("{}\n", serde_json::json!({ "schema": SCHEMA, "dry_run": facts }));
    }
    facts.iter().fold(String::new(), |mut text, (label, fact)| {
        let _ = writeln!(text, "{label:<22}{fact}");
        text
    })
}

/// Reads the traces to their end, counts, and describes; `draws` says whether there are to be charts.
///
/// # Errors
/// A trace that cannot be read.
pub fn describe(
    scenario: &Scenario,
    seed: Seed,
    replications: u32,
    draws: bool,
    folder: &Path,
) -> Result<Facts, Failure> {
    let setup = &scenario.setup;
    let mut out = Facts::new();
    let mut line = |label: &str, text: String| out.push((label.to_string(), text));
    line("scenario", setup.name.clone());
    line("output folder", folder.display().to_string());
    line("digest", scenario.digest.clone());
    line("seeds", format!("{} to {}", seed.0, seed.0 + u64::from(replications) - 1));
    line("container instances", setup.instances.len().to_string());
    let (mut tasks, mut last, mut alive) = (0u64, SimTime::ZERO, 0u128);
    for (source, workload) in setup.sources.iter().zip(&scenario.workloads) {
        let input = |problem: TraceProblem| Failure::Input(format!("error: {problem}"));
        let mut stream = crate::trace::open(workload, seed).map_err(input)?;
        let mut of_source = 0u64;
        while let Some(row) = stream.next_row().map_err(input)? {
            if setup.horizon.is_some_and(|horizon| row.arrival >= horizon) {
                break;
            }
            of_source += u64::from(row.count);
            last = last.max(row.arrival);
            let work = row.duration.unwrap_or_default();
            alive += u128::from(work.0) * u128::from(row.count);
        }
        let counts = stream.counts();
        let text = format!("{of_source} tasks from {} rows read", counts.read);
        line(&format!("run_task {}", source.name), text);
        tasks += of_source;
    }
    let kept = services_of(setup, &mut line);
    let span = setup.horizon.unwrap_or(last);
    line("tasks", format!("{tasks} of callers, {kept} of services at once at most"));
    line(
        "simulated time",
        match setup.horizon {
            Some(_) => format!("{span} s"),
            None => format!("{span} s and until the last task has stopped"),
        },
    );
    let samples = span.0 / setup.sample_interval.0.max(1) + 1;
    let services = setup.services.len() as u64;
    let disk = disk_bytes(scenario, tasks + kept, samples, span);
    let providers = match setup.providers.len() {
        1 => "1 provider".to_string(),
        count => format!("{count} providers"),
    };
    line("samples", format!("{samples} at {providers}"));
    line("disk, about", format!("{} MiB for each seed", (disk >> 20) + 1));
    // Offered load: the tasks that would live at once if none waited.
    let at_once = (alive / u128::from(last.0.max(1))).min(u128::from(tasks)) as u64;
    let drawn = if draws { samples.min(SAMPLES_KEPT) } else { 0 };
    let memory = BASE_BYTES
        + (at_once + kept) * LIVE_TASK_BYTES
        + setup.instances.len() as u64 * INSTANCE_BYTES
        + services * (SERVICE_BYTES + drawn * SAMPLE_BYTES);
    line("memory, about", format!("{} MiB for each thread", (memory >> 20) + 1));
    Ok(out)
}

/// What the tables of one seed take on disk.
fn disk_bytes(scenario: &Scenario, tasks: u64, samples: u64, span: SimTime) -> u64 {
    let setup = &scenario.setup;
    let rows = samples * (setup.providers.len() as u64 + 1);
    let mut disk = 0;
    if scenario.outputs.tasks {
        // How often tasks of services are replaced is known only afterwards: each once, to begin with.
        disk += tasks * TASK_ROW_BYTES;
    }
    if scenario.outputs.timeseries {
        disk += rows * SAMPLE_ROW_BYTES;
    }
    if scenario.outputs.services {
        disk += samples * setup.services.len() as u64 * SERVICE_ROW_BYTES;
    }
    let scaled = setup.services.iter().filter(|service| service.scaling.is_some()).count() as u64;
    if scenario.outputs.scaling {
        disk += span.0 / SCALING_INTERVAL.0 * scaled * SCALING_ROW_BYTES;
    }
    disk
}

/// Describes the services; how many tasks they keep at once at most.
fn services_of(setup: &Setup, line: &mut impl FnMut(&str, String)) -> u64 {
    let mut kept = 0u64;
    for (index, service) in setup.services.iter().enumerate() {
        let most = service.scaling.as_ref().map_or(service.desired_count, |s| s.max_capacity);
        let is_daemon = service.scheduling == SchedulingStrategy::Daemon;
        // One on each instance at most: placement constraints are not looked at here.
        let most = if is_daemon { setup.instances.len() as u64 } else { u64::from(most) };
        let text = match service.scaling {
            _ if is_daemon => format!("one task on each eligible instance, at most {most}"),
            Some(_) => format!("{} tasks at the start, at most {most}", service.desired_count),
            None => format!("{} tasks", service.desired_count),
        };
        if index < SERVICES_SHOWN {
            line(&format!("service {}", service.name), text);
        }
        kept += most;
    }
    let hidden = setup.services.len().saturating_sub(SERVICES_SHOWN);
    if hidden > 0 {
        line("", format!("and {hidden} more services"));
    }
    kept
}
