//! Everything that only listens: counts, tables, series, the bill, the digest. Leave it out and nothing moves.
//!
//! What happens to tasks and instances comes in by one entrance, [`Books::saw`]; a new observer is a field here and a line
//! there. Rows that a room makes itself (samples, deployments, scaling, events of services) are handed to the table that
//! they belong to.
//!
//! | File | Its part |
//! | --- | --- |
//! | `mod.rs`, `change.rs` | [`Change`], and who hears of it |
//! | `recorder.rs` | waits, failed placements, samples |
//! | `task_table.rs`, `task_rows.rs` | `tasks.csv`, written here or by a thread beside the run |
//! | `tally.rs` | counts of tasks |
//! | `commitments.rs` | metrics of Reserved Instances and Savings Plans |
//! | `side.rs`, `credits.rs`, `flows.rs` | what is charged beside compute: CPU credits; requests, pulls, time of tasks by the hour |
//! | `spending.rs`, `spending/` | the bill as the run goes on, and the rate of spending now |
//! | `fleet_table.rs` | `fleet_events.csv` |
//! | `capacity_tables.rs` | `capacity_reservation.csv`, `capacity_scaling.csv`, `subnets.csv` |
//! | `ledger.rs` | counters and series of a service |
//! | `outputs.rs`, `service_tables.rs`, `rows.rs` | the columns, and the encoding of rows |

pub mod capacity_tables;
pub mod commitments;
pub mod credits;
pub mod fleet_table;
pub mod flows;
pub mod outputs;
pub mod rows;
pub mod service_tables;
pub mod side;

mod change;
mod ledger;
mod recorder;
mod spending;
mod tally;
pub mod task_rows;
mod task_table;
mod telling;

use self::capacity_tables::CapacityTables;
use self::fleet_table::FleetTable;
use self::outputs::Sinks;
use self::service_tables::ServiceTables;
use super::event::RunError;
use super::setup::Setup;
use super::task::Task;
use crate::base::digest::Digest;
use crate::base::id::{Column, Id as _};
use crate::base::time::{SimSpan, SimTime};
use crate::metrics::picture::FleetPicture;
use crate::metrics::series::Series;
use crate::model::definition::TaskDefinition;
use crate::model::fleet::Fleet;
use crate::model::ids::{GroupId, ServiceId, SourceId};
pub use change::Change;
pub use ledger::Ledger;
use recorder::Names;
pub use recorder::Recorder;
pub use spending::Spending;
pub use tally::{GroupCounts, Tally};

/// All observers.
pub struct Books {
    /// Tables of tasks, histograms of waits.
    pub recorder: Recorder,
    /// Counts of tasks.
    pub tally: Tally,
    /// The bill.
    pub spending: Spending,
    /// Tables of services.
    pub tables: ServiceTables,
    /// What happens to instances.
    pub fleet_events: FleetTable,
    /// Tables of managed scaling.
    pub capacity: CapacityTables,
    /// What is known about each service.
    pub services: Column<ServiceId, Ledger>,
    /// Samples for charts.
    pub series: Series,
    /// The fleet at its fullest.
    pub picture: FleetPicture,
    /// Tasks on that picture.
    pub picture_tasks: usize,
    /// Events that were samples.
    pub samples: u64,
    /// When the last sample was taken.
    pub last_sample: Option<SimTime>,
    /// All events but samples, in order.
    pub digest: Digest,
    /// A repeated service event is told again after so long.
    event_repeat: SimSpan,
    /// The first number of a service among those who ask for tasks.
    first_service: u32,
    /// Task groups so far.
    groups: u32,
}

impl Books {
    /// Nothing has happened. `setup` has its definitions and providers still.
    #[must_use]
    pub fn new(setup: &Setup, mut sinks: Sinks) -> Books {
        sinks.epoch = setup.is_dated.then_some(setup.epoch_s);
        let tables = ServiceTables::new(&mut sinks);
        let fleet_events = FleetTable::new(sinks.fleet_events.take());
        let capacity = CapacityTables::new(&mut sinks);
        Books {
            spending: Spending::new(setup, (sinks.hourly, sinks.allocation)),
            tables,
            fleet_events,
            capacity,
            services: setup.services.iter().map(Ledger::one_of(setup.services.len())).collect(),
            recorder: Recorder::new(sinks, Names::of(setup), setup.sample_interval),
            tally: Tally::new(setup.providers.len()),
            series: Series::default(),
            picture: FleetPicture::default(),
            picture_tasks: 0,
            samples: 0,
            last_sample: None,
            digest: Digest::default(),
            event_repeat: setup.scheduler.event_repeat,
            first_service: u32::try_from(setup.sources.len()).expect("fewer than 2^32 callers"),
            groups: 0,
        }
    }

    /// Everybody hears of a change. Inlined, so that each place keeps the one arm that it needs.
    #[inline(always)]
    pub fn saw(&mut self, change: Change<'_>) {
        let Books { recorder, tally, spending, services, first_service, .. } = self;
        match change {
            Change::Registered { instance, purchase, price, reservation, fleet } => {
                recorder.registered(instance, fleet);
                spending.registered(instance, (purchase, price, reservation), fleet);
            }
            Change::Forgiven { instance } => {
                for (service, usd) in spending.forgive(instance) {
                    services[service].usd -= usd;
                }
            }
            Change::InstanceRuns { provider, price } => spending.instance_runs(provider, price),
            Change::Fee { provider, instance_type, begins } => {
                spending.fee_runs(provider, instance_type, begins);
            }
            Change::InstanceEnds { provider, price } => {
                tally.ended += 1;
                spending.instance_ends(provider, price);
            }
            Change::Group { provider, counts } => tally.groups[provider] = Some(counts),
            Change::Lost => tally.lost += 1,
            Change::Wanted(tasks) => tally.submitted += u64::from(tasks),
            Change::Unwanted(tasks) => tally.submitted -= u64::from(tasks),
            Change::Refused(request, failure) => {
                tally.refuse(failure.reason(), u64::from(request.remaining));
                recorder.was_throttled(request, request.arrival);
            }
            Change::Waits { provider } => tally.waits(provider, true),
            Change::WaitsNoMore { provider } => tally.waits(provider, false),
            Change::Overflows { waited } => tally.overflows(waited),
            Change::GivenUp { task, reason } => {
                tally.refuse(reason, 1);
                if task.source.0 < *first_service {
                    recorder.throttled.add(task.accepted.since(task.arrival));
                }
            }
            Change::Placed { task, asked } => {
                tally.placed(task, asked);
                recorder.waits.add(task.placed.since(task.accepted));
                if task.source.0 < *first_service {
                    recorder.throttled.add(task.accepted.since(task.arrival));
                }
            }
            Change::Status { provider, from, to } => tally.status_changes(provider, from, to),
            Change::Occupied { task } => tally.live[task.provider].held.add(task.demand),
            Change::FargateStarts { task, definition } => {
                spending.fargate_starts(definition, task);
            }
            Change::Started { task } => {
                tally.started += 1;
                recorder.starts.add(task.started.since(task.accepted));
                if let Some(side) = &mut spending.side {
                    side.task_holds(task, task.started, true);
                }
            }
            Change::StopsRunning { ran, has_overflowed } => tally.ran(ran, has_overflowed),
            Change::Killed => tally.killed += 1,
            Change::PromiseEnded { task, instance, now, fleet } => {
                let service = service_of(*first_service, task.source);
                spending.promise_ended(task, instance, now, fleet, service);
            }
            Change::Vacated { task } => {
                tally.live[task.provider].held.sub(task.demand);
                if let Some(side) = &mut spending.side {
                    side.task_holds(task, task.execution_stopped, false);
                }
            }
            Change::FargateStops { task, definition } => {
                let service = service_of(*first_service, task.source);
                spending.fargate_exits(definition, task, service);
            }
        }
    }

    /// A task has stopped: its row, and its part of the bill of its service.
    ///
    /// # Errors
    /// What the sink says.
    #[inline]
    pub fn task_stopped(
        &mut self,
        now: SimTime,
        task: &Task,
        definition: &TaskDefinition,
        fleet: &Fleet,
    ) -> Result<(), RunError> {
        if !task.waits() {
            self.tally.stopped(task);
        }
        let service = self.service_of(task.source);
        if let Some(side) = &mut self.spending.side {
            side.task_ends(task, now, service, true);
        }
        self.spending.fargate_stopped(now, definition, task, service);
        if !self.recorder.tasks.is_on() && service.is_none() && !task.has_overflowed {
            return Ok(());
        }
        let usd = self.spending.task_cost(task, now, definition, fleet);
        self.tally.overflow.cost(task, usd);
        if let Some(service) = service {
            self.services[service].usd += usd;
            self.spending.remember_young(task, service, (now, fleet));
        }
        if self.recorder.tasks.is_on() {
            self.recorder.tasks.task(task, now, usd)?;
        }
        Ok(())
    }

    /// A task lives on when the run ends.
    ///
    /// # Errors
    /// What the sink says.
    pub fn task_lives_on(
        &mut self,
        end: SimTime,
        task: &Task,
        definition: &TaskDefinition,
        fleet: &Fleet,
    ) -> Result<(), RunError> {
        let usd = self.spending.task_cost(task, end, definition, fleet);
        self.tally.overflow.cost(task, usd);
        let service = self.service_of(task.source);
        if let Some(side) = &mut self.spending.side {
            side.task_ends(task, end, service, false);
        }
        if task.started != SimTime::NEVER && task.holds_promise() {
            self.tally.ran(end.since(task.started), task.has_overflowed);
        }
        match task.instance() {
            Some(instance) if task.holds_promise() => {
                self.spending.promise_ended(task, instance, end, fleet, service);
            }
            None if task.pull_started != SimTime::NEVER => {
                self.spending.fargate_until(end, definition, task, service);
            }
            _ => {}
        }
        if let Some(service) = service {
            self.services[service].usd += usd;
        }
        if self.recorder.tasks.is_on() {
            self.recorder.tasks.task(task, SimTime::NEVER, usd)?;
        }
        Ok(())
    }

    /// A task group has got a name; groups have one numbering.
    pub fn name_group(&mut self, name: &str, group: GroupId) {
        debug_assert_eq!(group.index(), self.groups as usize, "groups have one numbering");
        self.groups += 1;
        self.recorder.tasks.add_group(name);
    }

    /// Whether anybody looks at samples of services.
    #[must_use]
    pub fn wants_samples_of_services(&self) -> bool {
        self.recorder.picture || self.tables.wants_services()
    }

    /// Hands all rows to their sinks.
    ///
    /// # Errors
    /// What a sink says.
    pub fn close_tables(&mut self) -> Result<(), RunError> {
        self.tables.finish()?;
        self.fleet_events.finish()?;
        self.capacity.finish()?;
        self.recorder.tasks.finish()?;
        self.recorder.timeseries.finish()?;
        self.recorder.failures.finish()?;
        Ok(())
    }

    #[inline]
    fn service_of(&self, source: SourceId) -> Option<ServiceId> {
        service_of(self.first_service, source)
    }
}

#[inline]
fn service_of(first_service: u32, source: SourceId) -> Option<ServiceId> {
    let index = source.0.checked_sub(first_service)?;
    Some(ServiceId::from_index(index as usize))
}
