//! The recorder: listens to what happens and writes it down. With every table off the events are the same.

use super::outputs::{PLACEMENT_FAILURES, RowWriter, Sinks, TASKS, TIMESERIES, field};
use crate::base::id::Column;
use crate::base::money::NanoUsd;
use crate::base::time::{SimSpan, SimTime};
use crate::metrics::histogram::SpanHistogram;
use crate::model::definition::TaskDefinition;
use crate::model::fleet::Fleet;
use crate::model::ids::{DefinitionId, GroupId, InstanceId, ProviderId, SourceId, ZoneId};
use crate::model::lifecycle::StopReason;
use crate::sim::event::RunError;
use crate::sim::request::{Failure, Request, reason_name};
use crate::sim::setup::Setup;
use crate::sim::task::{Place, Task};
use std::collections::BTreeMap;

/// Names as CSV fields, quoted once.
#[derive(Default)]
pub struct Names {
    /// Callers.
    pub sources: Column<SourceId, Box<[u8]>>,
    /// Task groups.
    pub groups: Column<GroupId, Box<[u8]>>,
    /// family:revision.
    pub definitions: Column<DefinitionId, Box<[u8]>>,
    /// Capacity providers.
    pub providers: Column<ProviderId, Box<[u8]>>,
    /// Availability Zones.
    pub zones: Column<ZoneId, Box<[u8]>>,
    /// `launch,capacity_provider,availability_zone,instance_id` of tasks on each container instance.
    pub places: Column<InstanceId, Box<[u8]>>,
}

impl Names {
    /// The names of a setup; instances and groups come later.
    #[must_use]
    pub fn of(setup: &Setup) -> Names {
        let revision = |d: &TaskDefinition| field(&format!("{}:{}", d.family, d.revision));
        let callers = setup.sources.iter().map(|source| field(&source.name));
        let services = setup.services.iter().map(|service| field(&service.name));
        Names {
            sources: callers.chain(services).collect(),
            groups: Column::new(),
            definitions: setup.definitions.iter().map(revision).collect(),
            providers: setup.providers.iter().map(|provider| field(&provider.name)).collect(),
            zones: setup.zones.iter().map(|zone| field(zone)).collect(),
            places: Column::new(),
        }
    }

    /// Adds a task group.
    pub fn add_group(&mut self, name: &str) -> GroupId {
        self.groups.push(field(name))
    }
}

/// Everything that is written down while the run goes on.
pub struct Recorder {
    /// `tasks.csv`.
    pub tasks: RowWriter,
    /// `timeseries.csv`.
    pub timeseries: RowWriter,
    /// `placement_failures.csv`.
    pub failures: RowWriter,
    /// Names as fields.
    pub names: Names,
    origins: LastOrigin,
    stop_texts: StopTexts,
    /// From acceptance to placement; of tasks that still wait at the end, to the end.
    pub waits: SpanHistogram,
    /// From acceptance to RUNNING.
    pub starts: SpanHistogram,
    /// From the wish of a caller to acceptance.
    pub throttled: SpanHistogram,
    /// Instances turned down, by reason, over all failed placements.
    pub refusals: BTreeMap<&'static str, u64>,
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
            tasks: RowWriter::new(sinks.tasks, &TASKS),
            timeseries: RowWriter::new(sinks.timeseries, &TIMESERIES),
            failures: RowWriter::new(sinks.placement_failures, &PLACEMENT_FAILURES),
            names,
            origins: LastOrigin::default(),
            stop_texts: StopTexts::default(),
            waits: SpanHistogram::default(),
            starts: SpanHistogram::default(),
            throttled: SpanHistogram::default(),
            refusals: BTreeMap::new(),
            failed_placements: 0,
            picture: sinks.picture,
            interval,
        }
    }

    /// An instance has registered.
    pub fn registered(&mut self, instance: InstanceId, fleet: &Fleet) {
        let names = &mut self.names;
        let provider = &names.providers[fleet.provider[instance]];
        let zone = &names.zones[fleet.zone[instance]];
        let own = field(&fleet.name[instance]);
        let place = [&b"EC2"[..], provider, zone, &own].join(&b',').into_boxed_slice();
        names.places.push(place);
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
        if let Failure::Refused(refusals) = failure {
            for (reason, count) in &refusals.0 {
                *self.refusals.entry(reason_name(*reason)).or_default() += u64::from(*count);
            }
        }
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

    /// A row for each task of a request that was never placed; `refused` is when its caller gave it up, if it did.
    ///
    /// # Errors
    /// What the sink says.
    pub fn unplaced(
        &mut self,
        request: &Request,
        why: &str,
        refused: Option<SimTime>,
    ) -> Result<(), RunError> {
        if !self.tasks.is_on() {
            return Ok(());
        }
        for id in request.first_id..request.first_id + u64::from(request.remaining) {
            let mut row = self.tasks.row();
            row.int(id)
                .name(&self.names.sources[request.source])
                .name(&self.names.groups[request.group])
                .name(&self.names.definitions[request.definition])
                .empty()
                .empty()
                .empty()
                .empty()
                .int(u64::from(request.demand.cpu))
                .int(u64::from(request.demand.memory))
                .int(u64::from(request.demand.gpus))
                .time(request.arrival)
                .time(request.accepted.unwrap_or(SimTime::NEVER));
            for _ in 0..9 {
                row.empty();
            }
            row.name(why.as_bytes()).empty().empty().empty();
            row.time(refused.unwrap_or(SimTime::NEVER)).int(u64::from(request.ephemeral_gib)).end();
            self.tasks.settle()?;
        }
        Ok(())
    }

    /// A task has stopped, or lives on at the end of the run (`stopped` is `None`).
    ///
    /// # Errors
    /// What the sink says.
    pub fn stopped(
        &mut self,
        task: &Task,
        stopped: Option<SimTime>,
        usd: NanoUsd,
    ) -> Result<(), RunError> {
        let mut row = self.tasks.row();
        row.int(task.id).name(self.origins.of(&self.names, task));
        match task.place {
            Place::Instance(instance) => {
                row.name(&self.names.places[instance]);
            }
            Place::Fargate(zone) => {
                row.name(b"FARGATE")
                    .name(&self.names.providers[task.provider])
                    .name(&self.names.zones[zone])
                    .empty();
            }
        }
        row.int(u64::from(task.demand.cpu))
            .int(u64::from(task.demand.memory))
            .int(u64::from(task.demand.gpus))
            .time(task.arrival)
            .time(task.accepted)
            .time(task.placed)
            .time(task.pending)
            .time(task.pull_started)
            .time(task.pull_stopped)
            .time(task.started)
            .time(task.stopping)
            .time(task.execution_stopped)
            .time(stopped.unwrap_or(SimTime::NEVER));
        if task.stopping == SimTime::NEVER {
            row.empty().empty().empty();
        } else {
            row.name(self.stop_texts.of(task.stop_reason)).int(u64::from(task.exit_code));
        }
        row.span(task.placed.since(task.accepted)).usd(usd);
        row.empty().int(u64::from(task.ephemeral_gib)).end();
        self.tasks.settle()?;
        Ok(())
    }
}

/// `stop_code,stopped_reason` of every reason, as fields.
struct StopTexts(BTreeMap<StopReason, Box<[u8]>>);

impl Default for StopTexts {
    fn default() -> Self {
        let fields =
            |reason: StopReason| [reason.code().to_string(), reason.text().into()].join(",");
        StopTexts(StopReason::ALL.map(|r| (r, fields(r).into_bytes().into_boxed_slice())).into())
    }
}

impl StopTexts {
    fn of(&self, reason: StopReason) -> &[u8] {
        &self.0[&reason]
    }
}

/// `source,group,task_definition` of the task that was written last: tasks come in runs of equal origin.
#[derive(Default)]
struct LastOrigin {
    key: Option<(SourceId, GroupId, DefinitionId)>,
    text: Vec<u8>,
}

impl LastOrigin {
    fn of(&mut self, names: &Names, task: &Task) -> &[u8] {
        let key = Some((task.source, task.group, task.definition));
        if self.key != key {
            self.key = key;
            let (source, group) = (&names.sources[task.source], &names.groups[task.group]);
            self.text = [&source[..], group, &names.definitions[task.definition]].join(&b',');
        }
        &self.text
    }
}
