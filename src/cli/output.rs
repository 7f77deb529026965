//! From a finished run to the files of its output folder.

use super::Failure;
use crate::base::random::Seed;
use crate::metrics::incident::INCIDENTS;
use crate::model::traffic::RateOrigin;
use crate::model::workload::Workload;
use crate::pricing::Line;
use crate::report::bill_view::{BillView, Owner};
use crate::report::charts::{self, ChartInput, Format};
use crate::report::error::OutputError;
use crate::report::folder::{FileWriter, FolderWriter};
use crate::report::manifest::{Manifest, PricesAsOf, TraceRows};
use crate::report::{allocation_tables, bill_tables, focus};
use crate::report::{summary, tables};
use crate::scenario::{FailureTrace, Scenario};
use crate::sim::RunResult;
use crate::sim::capacity_tables::{CAPACITY_RESERVATION, CAPACITY_SCALING, SUBNETS};
use crate::sim::fleet_table::FLEET_EVENTS;
use crate::sim::outputs::{PLACEMENT_FAILURES, Sinks, TASKS, TIMESERIES};
use crate::sim::service_tables::connections::CONNECTIONS;
use crate::sim::service_tables::{DEPLOYMENTS, SCALING, SERVICE_EVENTS, SERVICES};
use crate::sim::setup::{FargateRisks, ServiceSetup};
use crate::trace::{AFTER_END, UNIX_TIME};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Self {
        Failure::Input(format!("error: {error}"))
    }
}

/// A file that the simulation streams into and that the command line finishes.
#[derive(Clone)]
struct Shared(Arc<Mutex<Option<FileWriter>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let file = file.as_mut().ok_or_else(|| io::Error::other("the file is finished"))?;
        file.put(bytes).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The streamed files of one run.
pub struct StreamedFiles(Vec<Shared>);

impl StreamedFiles {
    /// Opens the tables that are on (those of services only where the scenario has some), under `prefix` in the
    /// folder, and gives the ends that the simulation writes.
    ///
    /// # Errors
    /// The file system says no.
    pub fn open(
        folder: &FolderWriter,
        prefix: &str,
        scenario: &Scenario,
        picture: bool,
    ) -> Result<(StreamedFiles, Sinks), Failure> {
        let outputs = &scenario.outputs;
        let has_services = !scenario.setup.services.is_empty();
        let is_connected = scenario.setup.services.iter().any(ServiceSetup::is_connected);
        let has_network = scenario.setup.network.is_some();
        let has_groups = !scenario.setup.groups.is_empty();
        let groups = &scenario.setup.groups;
        let is_managed = groups.iter().any(|group| group.managed.is_some());
        let is_scaled = is_managed || groups.iter().any(|group| group.scaling.is_some());
        let of_machines = |trace: &FailureTrace| trace.machines.is_some();
        let fails =
            !scenario.setup.faults.is_empty() || scenario.failure_traces.iter().any(of_machines);
        let moves = has_groups || fails || scenario.setup.fargate.risks != FargateRisks::default();
        let mut files = Vec::new();
        let mut sink = |wanted: bool, name: &str| -> Result<_, Failure> {
            if !wanted {
                return Ok(None);
            }
            let file = Shared(Arc::new(Mutex::new(Some(folder.file(&format!("{prefix}{name}"))?))));
            files.push(file.clone());
            Ok(Some(Box::new(file) as Box<dyn Write + Send>))
        };
        let sinks = Sinks {
            tasks: sink(outputs.tasks, TASKS.file)?,
            timeseries: sink(outputs.timeseries, TIMESERIES.file)?,
            placement_failures: sink(outputs.placement_failures, PLACEMENT_FAILURES.file)?,
            services: sink(has_services && outputs.services, SERVICES.file)?,
            deployments: sink(has_services && outputs.deployments, DEPLOYMENTS.file)?,
            scaling: sink(has_services && outputs.scaling, SCALING.file)?,
            service_events: sink(has_services && outputs.service_events, SERVICE_EVENTS.file)?,
            connections: sink(is_connected && outputs.services, CONNECTIONS.file)?,
            fleet_events: sink(moves && outputs.fleet_events, FLEET_EVENTS.file)?,
            capacity_reservation: sink(
                is_managed && outputs.capacity_reservation,
                CAPACITY_RESERVATION.file,
            )?,
            capacity_scaling: sink(is_scaled && outputs.capacity_scaling, CAPACITY_SCALING.file)?,
            subnets: sink(has_network && outputs.subnets, SUBNETS.file)?,
            picture,
            hourly: outputs.cost_hourly || outputs.is_focus,
            allocation: scenario.is_allocated(),
            beside: false,
            epoch: None,
        };
        Ok((StreamedFiles(files), sinks))
    }

    /// Brings every file to the medium.
    ///
    /// # Errors
    /// The file system says no.
    pub fn finish(self) -> Result<(), Failure> {
        for shared in self.0 {
            let file = shared.0.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(file) = file {
                file.finish()?;
            }
        }
        Ok(())
    }
}

/// Writes what is not streamed: summary, instances, bill, charts.
///
/// # Errors
/// The file system says no.
pub fn write_result(
    folder: &FolderWriter,
    prefix: &str,
    scenario: &Scenario,
    result: &RunResult,
    format: Format,
) -> Result<(), Failure> {
    let write = |name: &str, bytes: &[u8]| folder.write(&format!("{prefix}{name}"), bytes);
    write("summary.csv", &summary::to_csv(&result.summary))?;
    write(summary::METRICS.file, &summary::to_rows(&result.summary))?;
    write("summary.json", summary::to_json(&result.summary).as_bytes())?;
    let cost = match scenario.outputs.is_focus {
        true => focus::cost(scenario, result),
        false => bill_tables::cost(result),
    };
    write(bill_tables::COST.file, &cost)?;
    if let Some(bytes) = bill_tables::commitments(result) {
        write(bill_tables::COMMITMENTS.file, &bytes)?;
    }
    if let Some(bytes) = bill_tables::invoice(result) {
        write(bill_tables::INVOICE.file, &bytes)?;
    }
    let epoch = scenario.setup.is_dated.then_some(scenario.setup.epoch_s);
    let by_hour = scenario.outputs.cost_hourly.then(|| bill_tables::cost_hourly(result, epoch));
    if let Some(bytes) = by_hour.flatten() {
        write(bill_tables::COST_HOURLY.file, &bytes)?;
    }
    if let Some(rows) = &result.allocation {
        let bytes = allocation_tables::cost_allocation(scenario, result, rows);
        write(allocation_tables::COST_ALLOCATION.file, &bytes)?;
        if !scenario.tags.is_empty() {
            let bytes = allocation_tables::cost_by_tag(&scenario.tags, rows);
            write(allocation_tables::COST_BY_TAG.file, &bytes)?;
        }
    }
    if scenario.outputs.instances {
        let zones: Vec<String> = scenario.setup.zones.iter().cloned().collect();
        write(tables::INSTANCES.file, &tables::instances(result, &zones))?;
    }
    if !result.incidents.is_empty() {
        write(INCIDENTS.file, &tables::incidents(result))?;
    }
    if format != Format::None {
        for (name, bytes) in charts::render(&chart_input(scenario, result), format) {
            write(&name, &bytes)?;
        }
    }
    Ok(())
}

fn chart_input<'a>(scenario: &Scenario, result: &'a RunResult) -> ChartInput<'a> {
    // Where there are services, whose the bill is says more than what AWS calls it.
    let has_services = !result.services.is_empty();
    let name = |line: &Line| match has_services {
        true => Owner::of(line).label().to_string(),
        false => line.category.label().to_string(),
    };
    let costs = result.invoice.sum_by(name);
    ChartInput {
        title: scenario.setup.name.clone(),
        start: scenario.setup.is_dated.then_some(scenario.setup.epoch_s),
        series: result.series.clone(),
        waits: &result.waits,
        costs: costs.into_iter().collect(),
        costs_by: if has_services { "service" } else { "category" },
        bill: BillView::of(scenario, result),
        picture: (!result.fleet.is_empty()).then(|| result.picture.clone()),
        lives: result.lives.clone(),
        reservations: result.reservations.clone(),
        incidents: &result.incidents,
        services: &result.services,
        summary: &result.summary,
    }
}

/// The manifest of a run of one or several seeds; the file list is filled in by the folder.
#[must_use]
pub fn manifest(
    scenario: &Scenario,
    seed: Seed,
    results: &[(Seed, RunResult)],
    outcome: &str,
) -> Manifest {
    let traces = results.first().map(|(_, first)| traces(scenario, first)).unwrap_or_default();
    let digest = |of: fn(&RunResult) -> u64| match results {
        [(_, one)] => digest_text(of(one)),
        _ => digests_text(results.iter().map(|(_, result)| of(result))),
    };
    Manifest {
        scenario: scenario.setup.name.clone(),
        scenario_digest: scenario.digest.clone(),
        seed: seed.0,
        catalog_version: scenario.book.0.clone(),
        prices_as_of: PricesAsOf {
            catalog: scenario.book.1.clone(),
            price_file: scenario.book.2.clone(),
        },
        outcome: outcome.to_string(),
        event_digest: digest(|result| result.digest),
        input_digest: digest(|result| result.input_digest),
        traces,
        ..Manifest::default()
    }
}

/// A digest as a manifest has it.
fn digest_text(digest: u64) -> String {
    format!("{digest:016x}")
}

/// One digest of several, in their order.
pub fn digests_text(digests: impl Iterator<Item = u64>) -> String {
    let mut all = crate::base::digest::Digest::default();
    digests.for_each(|digest| all.add(digest));
    digest_text(all.value())
}

/// What became of the rows of everything that was read.
pub fn traces(scenario: &Scenario, result: &RunResult) -> BTreeMap<String, TraceRows> {
    let mut traces = BTreeMap::new();
    for ((source, workload), rows) in
        scenario.setup.sources.iter().zip(&scenario.workloads).zip(&result.rows.tasks)
    {
        let rows = match workload {
            Workload::Trace(input) => TraceRows::of_file(&input.display, rows),
            Workload::Generated(_) => TraceRows::from(rows),
        };
        traces.insert(source.name.clone(), rows);
    }
    for (service, rows) in scenario.setup.services.iter().zip(&result.rows.traffic) {
        let origin = service.work.as_ref().map(|work| &work.source.origin);
        if let (Some(RateOrigin::Trace(trace)), Some(rows)) = (origin, rows) {
            let rows = TraceRows::of_file(&trace.display, rows);
            traces.insert(format!("service.{}", service.name), rows);
        }
    }
    for (index, (trace, rows)) in
        scenario.failure_traces.iter().zip(&result.rows.failures).enumerate()
    {
        let rows = TraceRows::of_file(&trace.display, rows);
        traces.insert(format!("failure_trace.{}", index + 1), rows);
    }
    let of_machines = scenario.failure_traces.iter().enumerate();
    let of_machines = of_machines.filter(|(_, trace)| trace.machines.is_some());
    for ((index, trace), counts) in of_machines.zip(&result.rows.outages) {
        let outages = TraceRows::of_file(&trace.display, counts);
        traces.insert(format!("failure_trace.{}.outages", index + 1), outages);
    }
    for (market, rows) in scenario.markets.iter().zip(&result.rows.markets) {
        traces.insert(market.name.clone(), TraceRows::of_file(&market.display, rows));
    }
    for table in &scenario.tables {
        traces.insert(table.name.clone(), TraceRows::of_file(&table.file, &table.rows));
    }
    traces
}

/// What a user should hear about the inputs without opening the manifest: what was cut off, and a clock that was
/// guessed.
#[must_use]
pub fn notes_on_inputs(manifest: &Manifest) -> Vec<String> {
    let mut notes = Vec::new();
    for (name, rows) in &manifest.traces {
        let Some(file) = &rows.file else { continue };
        if let Some(&late) = rows.skipped.get(AFTER_END) {
            let share = late as f64 * 100.0 / rows.read as f64;
            notes.push(format!(
                "note: {name}: {late} of {} rows of {file} ({share:.1} %) are {AFTER_END}",
                rows.read
            ));
        }
        if rows.adjusted.contains_key(UNIX_TIME) {
            notes.push(format!("note: {name}: {file} has {UNIX_TIME}"));
        }
    }
    notes
}
