//! The recorder: listens to what happens and writes it down. With every table off the events are the same.

use super::outputs::{PLACEMENT_FAILURES, Sinks, TIMESERIES};
use super::rows::{RowWriter, field};
use super::task_table::TaskTable;
use crate::base::id::Column;
use crate::base::time::{SimSpan, SimTime};
use crate::metrics::histogram::SpanHistogram;
use crate::model::definition::TaskDefinition;
use crate::model::fleet::Fleet;
use crate::model::ids::{DefinitionId, InstanceId, ProviderId, SourceId, ZoneId};
use crate::sim::event::RunError;
use crate::sim::request::{Failure, Request, reason_name};
use crate::sim::setup::Setup;
use std::collections::BTreeMap;

/// Names as CSV fields, quoted once.
#[derive(Clone)]
pub struct Names {
    /// Callers.
    pub sources: Column<SourceId, Box<[u8]>>,
    /// family:revision.
    pub definitions: Column<DefinitionId, Box<[u8]>>,
    /// Capacity providers.
    pub providers: Column<ProviderId, Box<[u8]>>,
    /// Availability Zones.
    pub zones: Column<ZoneId, Box<[u8]>>,
}

impl Names {
    /// The names of a setup.
    #[must_use]
    pub fn of(setup: &Setup) -> Names {
        let revision = |d: &TaskDefinition| field(&format!("{}:{}", d.family, d.revision));
        let callers = setup.sources.iter().map(|source| field(&source.name));
        let services = setup.services.iter().map(|service| field(&service.name));
        Names {
            sources: callers.chain(services).collect(),
            definitions: setup.definitions.iter().map(revision).collect(),
            providers: setup.providers.iter().map(|provider| field(&provider.name)).collect(),
            zones: setup.zones.iter().map(|zone| field(zone)).collect(),
        }
    }
}

/// Everything that is written down while the run goes on.
pub struct Recorder {
    /// `tasks.csv`.
    pub tasks: TaskTable,
    /// `timeseries.csv`.
    pub timeseries: RowWriter,
    /// `placement_failures.csv`.
    pub failures: RowWriter,
    /// Names as fields.
    pub names: Names,
    /// From acceptance to placement; of tasks that still wait at the end, to the end.
    pub waits: SpanHistogram,
    /// From acceptance to RUNNING.
    pub starts: SpanHistogram,
    /// From the wish of a caller to acceptance.
    pub throttled: SpanHistogram,
    /// Failed placements by reason: that of the instance that came closest.
    pub reasons: BTreeMap<&'static str, u64>,
    /// Failed placements.
    pub failed_placements: u64,
    /// Whether the picture of the fleet is wanted.
    pub picture: bool,
    /// A waiting task's failures are written at most this often.
    pub interval: SimSpan,
}

impl Recorder {
    /// A recorder with these names that writes to these sinks.
    #[must_use]
    pub fn new(sinks: Sinks, names: Names, interval: SimSpan) -> Self {
        Recorder {
            tasks: TaskTable::new(sinks.tasks, &names, sinks.beside),
            timeseries: RowWriter::new(sinks.timeseries, &TIMESERIES).dated(sinks.epoch),
            failures: RowWriter::new(sinks.placement_failures, &PLACEMENT_FAILURES)
                .dated(sinks.epoch),
            names,
            waits: SpanHistogram::default(),
            starts: SpanHistogram::default(),
            throttled: SpanHistogram::default(),
            reasons: BTreeMap::new(),
            failed_placements: 0,
            picture: sinks.picture,
            interval,
        }
    }

    /// An instance has registered.
    pub fn registered(&mut self, instance: InstanceId, fleet: &Fleet) {
        let names = &self.names;
        let provider = &names.providers[fleet.provider[instance]];
        let zone = &names.zones[fleet.zone[instance]];
        let own = field(&fleet.name[instance]);
        let place = [&b"EC2"[..], provider, zone, &own].join(&b',').into_boxed_slice();
        self.tasks.add_place(place);
    }

    /// Placement of a request's tasks failed.
    ///
    /// # Errors
    /// What the sink says.
    pub fn failed(
        &mut self,
        now: SimTime,
        request: &mut Request,
        failure: &Failure,
    ) -> Result<(), RunError> {
        self.failed_placements += u64::from(request.remaining);
        *self.reasons.entry(failure.reason()).or_default() += u64::from(request.remaining);
        let silent = request.reported.is_some_and(|last| now.since(last) < self.interval);
        if !self.failures.is_on() || silent {
            return Ok(());
        }
        request.reported = Some(now);
        let rows: Vec<(&'static str, u32)> = match failure {
            Failure::Refused(refusals) => {
                refusals.0.iter().map(|(reason, count)| (reason_name(*reason), *count)).collect()
            }
            other => vec![(other.reason(), 0)],
        };
        for (reason, instances) in rows {
            self.failures
                .row()
                .time(now)
                .name(&self.names.sources[request.source])
                .int(request.first_id)
                .int(u64::from(request.remaining))
                .int(u64::from(request.attempts))
                .name(reason.as_bytes())
                .int(u64::from(instances))
                .utc(now)
                .end();
        }
        self.failures.settle()?;
        Ok(())
    }

    /// Tasks that are not placed when the run ends have waited at least until then.
    pub fn still_waits(&mut self, request: &Request, end: SimTime) {
        if let Some(accepted) = request.accepted {
            self.waits.add_many(end.since(accepted), u64::from(request.remaining));
        }
        self.was_throttled(request, end);
    }

    /// Tasks leave the waiting without having been placed: the API had held them back until it accepted a call for them,
    /// or until `now`.
    pub fn was_throttled(&mut self, request: &Request, now: SimTime) {
        let span = request.accepted.unwrap_or(now).since(request.arrival);
        self.throttled.add_many(span, u64::from(request.remaining));
    }
}
