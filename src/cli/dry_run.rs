//! `ecsim run --dry-run`: what would run, and how much memory and disk it would take.

mod disk;
pub(super) mod traffic;

use super::Failure;
use crate::base::random::Seed;
use crate::base::time::SimTime;
use crate::metrics::series::points_of_each;
use crate::metrics::service::ServiceSample;
use crate::model::arrival::TraceProblem;
use crate::model::service::SchedulingStrategy;
use crate::report::human;
use crate::report::manifest::SCHEMA;
use crate::scenario::Scenario;
use crate::sim::setup::Setup;
use std::fmt::Write as _;
use std::path::Path;

/// A live task with its event in the queue, and an instance with its places in the indexes.
const LIVE_TASK_BYTES: u64 = 160;
const INSTANCE_BYTES: u64 = 1_500;
/// A service with its load and its metrics; a sample that is kept for its charts.
const SERVICE_BYTES: u64 = 48_000;
const SAMPLE_BYTES: u64 = size_of::<ServiceSample>() as u64;
/// Services that are named one by one.
const SERVICES_SHOWN: usize = 20;
/// The program itself, its buffers and the charts.
const BASE_BYTES: u64 = 29 << 19;

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
    let (mut tasks, mut last, mut alive) = (Vec::new(), SimTime::ZERO, 0u128);
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
        let text = format!(
            "{} from {} read",
            human::counted(of_source, "task"),
            human::counted(counts.read, "row")
        );
        line(&format!("run_task {}", source.name), text);
        tasks.push(of_source);
    }
    let kept_each = services_of(setup, &mut line);
    let traffic = traffic::of(scenario, seed, &kept_each)?;
    for (service, foreseen) in setup.services.iter().zip(&traffic).take(SERVICES_SHOWN) {
        if let Some(foreseen) = foreseen {
            line(&format!("traffic of {}", service.name), foreseen.text.clone());
        }
    }
    let requests: u64 = traffic.iter().flatten().map(|foreseen| foreseen.bytes).sum();
    let (submitted, kept) = (tasks.iter().sum::<u64>(), kept_each.iter().sum::<u64>());
    let span = setup.horizon.unwrap_or(last);
    line("tasks", format!("{submitted} of callers, {kept} of services at once at most"));
    line(
        "simulated time",
        match setup.horizon {
            Some(_) => format!("{span} s"),
            None => format!("{span} s and until the last task has stopped"),
        },
    );
    let samples = span.0 / setup.sample_interval.0.max(1) + 1;
    let services = setup.services.len() as u64;
    let amounts = disk::Amounts { tasks: &tasks, kept: &kept_each, samples, span, draws };
    let disk = disk::bytes(scenario, &amounts);
    let providers = human::counted(setup.providers.len(), "provider");
    line("samples", format!("{samples} at {providers}"));
    line("disk, about", format!("{} for each seed", mebibytes(disk)));
    // Offered load: the tasks that would live at once if none waited.
    let at_once = (alive / u128::from(last.0.max(1))).min(u128::from(submitted)) as u64;
    let most = points_of_each(setup.services.len()) as u64;
    let drawn = if draws { samples.min(most) } else { 0 };
    let memory = BASE_BYTES
        + (at_once + kept) * LIVE_TASK_BYTES
        + setup.instances.len() as u64 * INSTANCE_BYTES
        + services * (SERVICE_BYTES + drawn * SAMPLE_BYTES)
        + requests;
    line("memory, about", format!("{} for each thread", mebibytes(memory)));
    Ok(out)
}

/// `0.7 MiB`, `17 MiB`.
fn mebibytes(bytes: u64) -> String {
    let mebibytes = bytes as f64 / f64::from(1 << 20);
    format!("{} MiB", human::decimal(mebibytes, if mebibytes < 9.95 { 1 } else { 0 }))
}

/// Describes the services; how many tasks each keeps at once at most.
fn services_of(setup: &Setup, line: &mut impl FnMut(&str, String)) -> Vec<u64> {
    let mut kept = Vec::new();
    let tasks = |count: u32| human::counted(count, "task");
    for (index, service) in setup.services.iter().enumerate() {
        let most = service.scaling.as_ref().map_or(service.desired_count, |s| s.max_capacity);
        let is_daemon = service.scheduling == SchedulingStrategy::Daemon;
        // One on each instance at most: placement constraints are not looked at here.
        let most = if is_daemon { setup.instances.len() as u64 } else { u64::from(most) };
        let text = match service.scaling {
            _ if is_daemon => format!("one task on each eligible instance, at most {most}"),
            Some(_) => format!("{} at the start, at most {most}", tasks(service.desired_count)),
            None => tasks(service.desired_count),
        };
        if index < SERVICES_SHOWN {
            line(&format!("service {}", service.name), text);
        }
        kept.push(most);
    }
    let hidden = setup.services.len().saturating_sub(SERVICES_SHOWN);
    if hidden > 0 {
        line("", format!("and {}", human::counted(hidden, "more service")));
    }
    kept
}
