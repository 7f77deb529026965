//! What the files of one seed take on disk, from the lengths of names and of what stands beside them in a row.
//!
//! The constants are measured lengths of rows without their names; `first_hour::a_dry_run_…` holds the sum to a run.

use crate::base::time::{SimSpan, SimTime};
use crate::model::platform::LaunchType;
use crate::scenario::Scenario;
use crate::sim::setup::{Launch, Setup};

/// A row of `tasks.csv`: instants, sizes, and how a task usually ends.
const TASK_ROW: u64 = 260;
/// A row of `timeseries.csv`.
const SAMPLE_ROW: u64 = 73;
/// A row of `services.csv` where there is traffic, and without.
const SERVICE_ROW: u64 = 150;
const IDLE_SERVICE_ROW: u64 = 60;
/// A row of `scaling.csv` with its row of `service_events.csv`, and how often a service that follows a wave writes one.
const SCALING_ROW: u64 = 420;
const SCALING_INTERVAL: SimSpan = SimSpan::from_secs(60 * 60);
/// A row of `instances.csv`.
const INSTANCE_ROW: u64 = 100;
/// An instant of the calendar.
const UTC: u64 = 20;
/// Summary, manifest and scenario; for each service its metrics and keys.
const SMALL_FILES: u64 = 24 << 10;
const SMALL_FILES_OF_SERVICE: u64 = 13 << 10;
/// The charts of the run, a task in the picture of the fleet, and the charts of a service.
const CHARTS: u64 = 100 << 10;
const CHARTS_OF_SERVICE: u64 = 80 << 10;
const MOST_SERVICES: u64 = 12;

/// How much a run will write.
pub struct Amounts<'a> {
    /// Tasks of each caller.
    pub tasks: &'a [u64],
    /// Tasks that each service keeps.
    pub kept: &'a [u64],
    pub samples: u64,
    pub span: SimTime,
    pub draws: bool,
}

/// The bytes of one seed's files.
pub fn bytes(scenario: &Scenario, of: &Amounts<'_>) -> u64 {
    let (setup, outputs) = (&scenario.setup, &scenario.outputs);
    let services = setup.services.len() as u64;
    let utc = if setup.is_dated { UTC } else { 0 };
    let mut disk = SMALL_FILES + services * SMALL_FILES_OF_SERVICE;
    if outputs.tasks {
        disk += tasks(setup, of);
    }
    if outputs.timeseries {
        let names: u64 = setup.providers.iter().map(|provider| provider.name.len() as u64).sum();
        let rows = setup.providers.len() as u64 + 1;
        disk += of.samples * (rows * (SAMPLE_ROW + utc) + names);
    }
    if outputs.services {
        let row = |work: bool| utc + if work { SERVICE_ROW } else { IDLE_SERVICE_ROW };
        let rows = setup.services.iter().map(|s| row(s.work.is_some()) + s.name.len() as u64);
        disk += of.samples * rows.sum::<u64>();
    }
    let scaled = setup.services.iter().filter(|service| service.scaling.is_some());
    if outputs.scaling {
        let row = |name: &String| SCALING_ROW + 2 * (name.len() as u64 + utc);
        disk += of.span.0 / SCALING_INTERVAL.0 * scaled.map(|s| row(&s.name)).sum::<u64>();
    }
    if outputs.instances {
        disk += setup.instances.len() as u64 * INSTANCE_ROW;
    }
    if of.draws {
        disk += CHARTS + services.min(MOST_SERVICES) * CHARTS_OF_SERVICE;
    }
    disk
}

/// `tasks.csv`. How often tasks of services are replaced is known only afterwards: each once, to begin with.
fn tasks(setup: &Setup, of: &Amounts<'_>) -> u64 {
    let family = |definition| setup.definitions[definition].family.len() as u64;
    let callers = setup.sources.iter().zip(of.tasks).map(|(source, tasks)| {
        let group = source.group.as_ref().map_or(7 + family(source.definition), |g| g.len() as u64);
        let names = source.name.len() as u64 + group + family(source.definition) + 2;
        tasks * (TASK_ROW + names + place(setup, &source.launch))
    });
    let services = setup.services.iter().zip(of.kept).map(|(service, tasks)| {
        let first = service.revisions.first().map_or(0, |revision| family(revision.definition));
        let names = 2 * service.name.len() as u64 + 8 + first + 2;
        let places = service.launches.iter().map(|launch| place(setup, launch));
        tasks * (TASK_ROW + names + places.max().unwrap_or(0))
    });
    callers.chain(services).sum()
}

/// Capacity provider and instance of a task, in the mean of those that it may go to.
fn place(setup: &Setup, launch: &Launch) -> u64 {
    let all = |wanted: LaunchType| -> Vec<_> {
        setup.providers.ids().filter(|&id| setup.providers[id].launch == wanted).collect()
    };
    let providers = match launch {
        Launch::Providers(shares) => shares.iter().map(|share| share.provider).collect(),
        Launch::Type(launch) => all(*launch),
        Launch::Start(_) => all(LaunchType::Ec2),
    };
    let length = |&id: &_| {
        let name = setup.providers[id].name.len() as u64;
        // An instance is called after its provider, with a number.
        if setup.providers[id].launch == LaunchType::Ec2 { 2 * name + 4 } else { name }
    };
    providers.iter().map(length).sum::<u64>() / (providers.len() as u64).max(1)
}
