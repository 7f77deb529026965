//! The end of a run: those who still live are written, the bill is closed, the summary is drawn up.

use super::setup::{Inputs, Setup};
use super::task::Place;
use super::world::{Event, RunError, World};
use super::{outputs::Sinks, summary};
use crate::base::id::Column;
use crate::base::money::NanoUsd;
use crate::base::time::SimTime;
use crate::engine::{self, Outcome, Pulse, Queue};
use crate::metrics::capacity::Capacity;
use crate::metrics::histogram::SpanHistogram;
use crate::metrics::picture::FleetPicture;
use crate::metrics::series::Sample;
use crate::metrics::service::ServiceReport;
use crate::metrics::service_summary::service_metrics;
use crate::metrics::summary::Summary;
use crate::model::arrival::RowCounts;
use crate::model::fleet::Fleet;
use crate::model::ids::{InstanceId, ProviderId};
use crate::pricing::Invoice;

/// What a run leaves behind, beside the tables that it has streamed out.
pub struct RunResult {
    /// How it ended.
    pub outcome: Outcome,
    /// When it ended: the horizon, or the last event.
    pub end: SimTime,
    /// Events handled, arrivals and samples included.
    pub events: u64,
    /// Digest of all events but samples, in order.
    pub digest: u64,
    /// All metrics.
    pub summary: Summary,
    /// The bill.
    pub invoice: Invoice,
    /// Samples, thinned, for charts.
    pub series: Vec<Sample>,
    /// From acceptance to placement.
    pub waits: SpanHistogram,
    /// From acceptance to RUNNING.
    pub starts: SpanHistogram,
    /// The fleet at the sample with most tasks on it; [`FleetPicture`] says how close to the maximum it is.
    pub picture: FleetPicture,
    /// The fleet at the end, for `instances.csv`.
    pub fleet: Fleet,
    /// What was promised on each instance.
    pub capacity: Capacity,
    /// What each instance cost.
    pub instance_costs: Column<InstanceId, NanoUsd>,
    /// The capacity providers as they were set up.
    pub providers: Column<ProviderId, super::setup::ProviderSetup>,
    /// What became of each caller's trace rows, then of each service's traffic rows.
    pub rows: Vec<RowCounts>,
    /// Every service, in the order of the setup.
    pub services: Vec<ServiceReport>,
}

/// How a run is watched.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Shows how far the run is, and ends it early when asked; the result is then of no use.
    pub pulse: &'a Pulse,
    /// Compare all books after every event.
    pub check_every_event: bool,
}

/// Runs `setup` to its end.
///
/// # Errors
/// A trace that cannot be read, a task that can never be placed, an output that cannot be written.
pub fn run(
    setup: Setup,
    inputs: impl Into<Inputs>,
    sinks: Sinks,
    watch: Watch<'_>,
) -> Result<RunResult, RunError> {
    let mut queue = Queue::new();
    let mut world = World::new(setup, inputs.into(), sinks);
    if watch.check_every_event {
        world.check_every_event();
    }
    world.begin(&mut queue)?;
    let horizon = world.horizon.unwrap_or(SimTime::NEVER);
    let (outcome, events) = engine::run(&mut world, &mut queue, horizon, watch.pulse)?;
    // Without a horizon the run ends with its last event; samples that were still to come do not count.
    let end = world.horizon.unwrap_or_else(|| queue.now());
    world.finish(outcome, events, end, &mut queue)
}

impl World {
    fn finish(
        mut self,
        outcome: Outcome,
        events: u64,
        end: SimTime,
        queue: &mut Queue<Event>,
    ) -> Result<RunResult, RunError> {
        self.finish_services(end)?;
        if self.last_sample.is_none_or(|last| last < end) {
            self.look(end)?;
            self.look_at_services(end)?;
        }
        self.check(end);
        self.write_living(end)?;
        self.write_waiting()?;
        self.capacity.finish(end);
        let instance_costs = self.spending.bill_instances(end, &self.fleet);
        let invoice = self.spending.bill.invoice();
        debug_assert!(queue.now() <= end, "nothing happened after the end");
        let traffic = self.services.all.iter().filter_map(|service| service.load.as_ref());
        let traffic = traffic.map(|load| load.counts().clone());
        let rows = self.streams.iter().map(|s| s.counts().clone()).chain(traffic).collect();
        let services = self.service_reports(end);
        let mut summary = summary::of(&self, &invoice, &instance_costs, end, events);
        summary.0.extend(service_metrics(&services, invoice.total()));
        self.tables.finish()?;
        self.recorder.tasks.finish()?;
        self.recorder.timeseries.finish()?;
        self.recorder.failures.finish()?;
        Ok(RunResult {
            outcome,
            end,
            events,
            digest: self.digest.value(),
            summary,
            invoice,
            series: self.series.points(),
            waits: self.recorder.waits,
            starts: self.recorder.starts,
            picture: self.picture,
            fleet: self.fleet,
            capacity: self.capacity,
            instance_costs,
            providers: self.providers,
            rows,
            services,
        })
    }

    /// Tasks that live on: a row each in order of id, and their part of the bill.
    fn write_living(&mut self, end: SimTime) -> Result<(), RunError> {
        for task in self.tasks.by_id() {
            let definition = &self.definitions[task.definition];
            let mut task = task.clone();
            // What was only planned has not happened.
            if task.pull_stopped > end {
                task.pull_stopped = SimTime::NEVER;
            }
            let usd = self.spending.task_cost(&task, end, definition, &self.fleet);
            if task.started != SimTime::NEVER && task.holds_promise() {
                self.tally.running_micros += u128::from(end.since(task.started).0);
            }
            match task.place {
                Place::Instance(instance) => {
                    if task.holds_promise() {
                        self.spending.promise_ended(&task, instance, end, &self.fleet);
                        self.capacity.still_promised(end, task.placed, instance, task.demand);
                    }
                }
                Place::Fargate(_) => {
                    let billed = task.pull_started != SimTime::NEVER
                        && task.execution_stopped == SimTime::NEVER;
                    if billed {
                        self.spending.fargate_until(end, definition, &task);
                    }
                }
            }
            self.services.task_cost(task.source, usd);
            if self.recorder.tasks.is_on() {
                self.recorder.stopped(&task, None, usd)?;
            }
        }
        Ok(())
    }

    /// Tasks that still wait for placement: a row each, in order of id.
    fn write_waiting(&mut self) -> Result<(), RunError> {
        let lines = self.api.gates.iter_mut().flat_map(|gate| gate.line.drain(..));
        let queues = self.callers.iter().flat_map(|caller| caller.queue.iter().cloned());
        let parked = self.parked.drain(..).flatten();
        let mut waiting: Vec<_> = lines.chain(queues).chain(parked).collect();
        waiting.sort_by_key(|request| request.first_id);
        for request in waiting {
            self.recorder.unplaced(&request, "waiting at the end of the run")?;
        }
        Ok(())
    }
}
