//! The tables of services: `services.csv`, `deployments.csv`, `scaling.csv`, `service_events.csv`; `connections.csv` in a
//! file of its own. Columns are declared
//! here once, and rows are written from plain values: nothing here knows the world.
//!
//! Amounts of requests and values of metrics are millionths, written as exact decimals. Free text is quoted and made
//! safe for spreadsheets.

pub mod connections;

use super::outputs::{Sinks, UTC};
use super::rows::RowWriter;
use crate::base::time::{MICROS_PER_SECOND, SimSpan, SimTime};
use crate::metrics::service::ServiceSample;
use crate::metrics::table::{ColumnSpec, TableSpec, column};
use crate::model::scaling::MetricValue;
use connections::ConnectionTable;
use std::io;

const SERVICE_COLUMNS: &[ColumnSpec] = &[
    column("time_s", "decimal", "s", "when; the row sees the instant after all have acted"),
    column("service", "text", "–", "name of the service"),
    column("desired", "integer", "tasks", "`desiredCount`"),
    column("running", "integer", "tasks", "tasks in RUNNING"),
    column("pending", "integer", "tasks", "tasks before RUNNING"),
    column("healthy", "integer", "tasks", "RUNNING tasks that count as healthy"),
    column(
        "draining",
        "integer",
        "tasks",
        "no longer wanted and not STOPPED: in the deregistration delay, or stopping",
    ),
    column("newest_revision", "integer", "tasks", "tasks of the newest revision, up to RUNNING"),
    column(
        "offered",
        "decimal",
        "requests",
        "arrived since the row before; all rows: served + dropped",
    ),
    column("served", "decimal", "requests", "answered since the row before, errors included"),
    column("errors", "decimal", "requests", "of the served ones, answered with an error"),
    column("dropped", "decimal", "requests", "dropped since the row before, for any reason"),
    column("dropped_no_target", "decimal", "requests", "dropped: no target was there"),
    column("dropped_queue_full", "decimal", "requests", "dropped: the task's queue was full"),
    column("dropped_timeout", "decimal", "requests", "dropped: waited too long"),
    column("dropped_task_lost", "decimal", "requests", "dropped: the task stopped or crashed"),
    column("dropped_dead_letter", "decimal", "requests", "dropped: message received too often"),
    column("dropped_unfinished", "decimal", "requests", "dropped: not finished at the end"),
    column("requests_per_s", "decimal", "requests/s", "offered ÷ time since the row before"),
    column(
        "capacity_per_s",
        "decimal",
        "requests/s",
        "what the tasks that get new requests could answer at this instant; those that drain still answer what they \
         have, so more may have been served",
    ),
    column(
        "backlog",
        "decimal",
        "requests",
        "in flight or waiting; messages: visible in the queue",
    ),
    column("cpu_utilization_percent", "decimal", "%", "CPU used by CPU reserved"),
    column("memory_utilization_percent", "decimal", "%", "memory used by memory reserved"),
    column("latency_mean_s", "decimal", "s", "of requests served since the row before"),
    column("latency_p50_s", "decimal", "s", "median of the same"),
    column("latency_p95_s", "decimal", "s", "95th percentile of the same"),
    column("latency_p99_s", "decimal", "s", "99th percentile of the same"),
    column("received_again", "decimal", "messages", "receives beside a message's first"),
    UTC,
];

/// `services.csv`.
pub const SERVICES: TableSpec =
    TableSpec { file: "services.csv", row: "service and sample", columns: SERVICE_COLUMNS };

const DEPLOYMENT_COLUMNS: &[ColumnSpec] = &[
    column("time_s", "decimal", "s", "when"),
    column("service", "text", "–", "name of the service"),
    column("deployment", "integer", "–", "number of the deployment in its service, from 1"),
    column("revision", "text", "–", "family:revision of the task definition"),
    column(
        "event",
        "text",
        "–",
        "CREATED, IN_PROGRESS, STAGE, TRAFFIC, COMPLETED, FAILED, ROLLING_BACK, SUPERSEDED, INACTIVE",
    ),
    column("stage", "text", "–", "lifecycle stage, where the strategy has stages"),
    column("status", "text", "–", "PRIMARY, ACTIVE or INACTIVE"),
    column("rollout_state", "text", "–", "`rolloutState`: IN_PROGRESS, COMPLETED or FAILED"),
    column("desired", "integer", "tasks", "tasks that it wants"),
    column("pending", "integer", "tasks", "its tasks before RUNNING"),
    column("running", "integer", "tasks", "its tasks in RUNNING"),
    column("healthy", "integer", "tasks", "its RUNNING tasks that count as healthy"),
    column("draining", "integer", "tasks", "its tasks that are no longer wanted and not STOPPED"),
    column("failed_tasks", "integer", "tasks", "`failedTasks`: what the circuit breaker counts"),
    column("traffic_percent", "integer", "%", "share of the traffic that its tasks get"),
    column("reason", "text", "–", "`rolloutStateReason`, or what else the event is due to"),
    UTC,
];

/// `deployments.csv`.
pub const DEPLOYMENTS: TableSpec = TableSpec {
    file: "deployments.csv",
    row: "event of a deployment",
    columns: DEPLOYMENT_COLUMNS,
};

const SCALING_COLUMNS: &[ColumnSpec] = &[
    column("time_s", "decimal", "s", "when"),
    column("service", "text", "–", "name of the service"),
    column("policy", "text", "–", "name of the policy or scheduled action"),
    column("policy_type", "text", "–", "TargetTrackingScaling, StepScaling, ScheduledAction, ..."),
    column("alarm", "text", "–", "name of the alarm that fired; empty without one"),
    column("metric", "text", "–", "metric that the alarm looks at"),
    column("value", "decimal", "of the metric", "newest point of the metric"),
    column("threshold", "decimal", "of the metric", "what the alarm compares with"),
    column("comparison", "text", "–", "`ComparisonOperator` of the alarm"),
    column(
        "datapoints",
        "text",
        "of the metric",
        "points that it judged, oldest first, separated by blanks; or `missing`",
    ),
    column("from", "integer", "tasks", "desired count before"),
    column("wanted", "integer", "tasks", "what the policy asked for"),
    column("to", "integer", "tasks", "desired count after limits and suspensions"),
    column("min_capacity", "integer", "tasks", "`MinCapacity` at that instant"),
    column("max_capacity", "integer", "tasks", "`MaxCapacity` at that instant"),
    column(
        "reason",
        "text",
        "–",
        "why `to` is what it is: `Scaled`, `Scheduled`, `Predictive`, or why it stays: one of the API's \
         `AutoScalingAnticipatedFlapping`, `AlreadyAtMaxCapacity`, `AlreadyAtMinCapacity`, `AlreadyAtDesiredCapacity`, \
         or, where the API records nothing, `ScaleOutCooldown`, `ScaleInCooldown`, `DeploymentInProgress`, \
         `DynamicScalingSuspended`, `ScaleInDisabled`, `OtherPolicyStays` (a low alarm fires, another policy's does not), \
         `ValidationException`",
    ),
    UTC,
];

/// `scaling.csv`.
pub const SCALING: TableSpec = TableSpec {
    file: "scaling.csv",
    row: "decision of service auto scaling",
    columns: SCALING_COLUMNS,
};

const EVENT_COLUMNS: &[ColumnSpec] = &[
    column("time_s", "decimal", "s", "when"),
    column("service", "text", "–", "name of the service"),
    column("level", "text", "–", "INFO, WARN or ERROR"),
    column(
        "event",
        "text",
        "–",
        "ECS's name of the event, such as SERVICE_STEADY_STATE; SERVICE_TASK_UNHEALTHY, one for each task whose health \
         checks failed, has no name in ECS, which tells it as a message only",
    ),
    column("message", "text", "–", "what happened, in a sentence"),
    UTC,
];

/// `service_events.csv`.
pub const SERVICE_EVENTS: TableSpec = TableSpec {
    file: "service_events.csv",
    row: "service event, in order of time",
    columns: EVENT_COLUMNS,
};

/// A row of `deployments.csv`; the fields are its columns.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs)]
pub struct DeploymentRow<'a> {
    pub at: SimTime,
    pub service: &'a str,
    pub deployment: u64,
    pub revision: &'a str,
    pub event: &'a str,
    pub stage: &'a str,
    pub status: &'a str,
    pub rollout_state: &'a str,
    pub desired: u32,
    pub pending: u32,
    pub running: u32,
    pub healthy: u32,
    pub draining: u32,
    pub failed_tasks: u32,
    /// `None` where the service has no load balancer that splits traffic.
    pub traffic_percent: Option<u32>,
    pub reason: &'a str,
}

/// A row of `scaling.csv`; the fields are its columns. What is not defined, as for a scheduled action, stays empty.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs)]
pub struct ScalingRow<'a> {
    pub at: SimTime,
    pub service: &'a str,
    pub policy: &'a str,
    pub policy_type: &'a str,
    pub alarm: &'a str,
    pub metric: &'a str,
    pub value: Option<MetricValue>,
    pub threshold: Option<MetricValue>,
    pub comparison: &'a str,
    /// Oldest first; a period without a point is `None` and written `missing`.
    pub datapoints: &'a [Option<MetricValue>],
    pub from: u32,
    pub wanted: u32,
    pub to: u32,
    pub min_capacity: u32,
    pub max_capacity: u32,
    pub reason: &'a str,
}

/// A row of `service_events.csv`; the fields are its columns.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs)]
pub struct EventRow<'a> {
    pub at: SimTime,
    pub service: &'a str,
    pub level: &'a str,
    pub event: &'a str,
    pub message: &'a str,
}

/// The tables on their way out. A table that is off costs nothing.
pub struct ServiceTables {
    services: RowWriter,
    deployments: RowWriter,
    scaling: RowWriter,
    events: RowWriter,
    /// `connections.csv`.
    pub connections: ConnectionTable,
}

impl ServiceTables {
    /// Takes the sinks of the tables.
    #[must_use]
    pub fn new(sinks: &mut Sinks) -> ServiceTables {
        ServiceTables {
            services: RowWriter::new(sinks.services.take(), &SERVICES).dated(sinks.epoch),
            deployments: RowWriter::new(sinks.deployments.take(), &DEPLOYMENTS).dated(sinks.epoch),
            scaling: RowWriter::new(sinks.scaling.take(), &SCALING).dated(sinks.epoch),
            events: RowWriter::new(sinks.service_events.take(), &SERVICE_EVENTS).dated(sinks.epoch),
            connections: ConnectionTable::new(sinks),
        }
    }

    /// Whether `services.csv` is written.
    #[must_use]
    pub fn wants_services(&self) -> bool {
        self.services.is_on()
    }

    /// Whether `deployments.csv` is written; where it is not, callers need not put a row together.
    #[must_use]
    pub fn wants_deployments(&self) -> bool {
        self.deployments.is_on()
    }

    /// Whether `scaling.csv` is written.
    #[must_use]
    pub fn wants_scaling(&self) -> bool {
        self.scaling.is_on()
    }

    /// Whether `service_events.csv` is written.
    #[must_use]
    pub fn wants_events(&self) -> bool {
        self.events.is_on()
    }

    /// Writes a sample. `service` is the name as [`field`](super::rows::field) gives it, `span` the time since the
    /// sample before.
    ///
    /// # Errors
    /// What the sink says.
    pub fn sample(
        &mut self,
        service: &[u8],
        sample: &ServiceSample,
        span: SimSpan,
    ) -> io::Result<()> {
        if !self.services.is_on() {
            return Ok(());
        }
        let requests = &sample.requests;
        let mut row = self.services.row();
        row.time(sample.at).name(service);
        let counts = [sample.desired, sample.running, sample.pending, sample.healthy];
        for count in counts.into_iter().chain([sample.draining, sample.newest]) {
            row.int(count.into());
        }
        for amount in [
            requests.offered,
            requests.served,
            requests.errors,
            requests.dropped(),
            requests.no_target,
            requests.queue_full,
            requests.timeout,
            requests.task_lost,
            requests.dead_letters,
            requests.unfinished,
        ] {
            row.millionths(amount);
        }
        match rate(requests.offered, span) {
            Some(rate) => row.millionths(rate),
            None => row.empty(),
        };
        row.millionths(sample.capacity_micro_per_s).millionths(sample.backlog_micro);
        row.percent(sample.cpu_percent).percent(sample.memory_percent);
        for latency in
            [sample.latency_mean, sample.latency_p50, sample.latency_p95, sample.latency_p99]
        {
            row.time(latency.map_or(SimTime::NEVER, |span| SimTime(span.0)));
        }
        row.millionths(requests.received_again);
        row.utc(sample.at).end();
        self.services.settle()
    }

    /// Writes an event of a deployment.
    ///
    /// # Errors
    /// What the sink says.
    pub fn deployment(&mut self, of: &DeploymentRow<'_>) -> io::Result<()> {
        if !self.deployments.is_on() {
            return Ok(());
        }
        let mut row = self.deployments.row();
        row.time(of.at).text(of.service).int(of.deployment).text(of.revision);
        row.text(of.event).text(of.stage).text(of.status).text(of.rollout_state);
        for count in [of.desired, of.pending, of.running, of.healthy, of.draining, of.failed_tasks]
        {
            row.int(count.into());
        }
        match of.traffic_percent {
            Some(percent) => row.int(percent.into()),
            None => row.empty(),
        };
        row.text(of.reason).utc(of.at).end();
        self.deployments.settle()
    }

    /// Writes a decision of service auto scaling.
    ///
    /// # Errors
    /// What the sink says.
    pub fn scaling(&mut self, of: &ScalingRow<'_>) -> io::Result<()> {
        if !self.scaling.is_on() {
            return Ok(());
        }
        let mut row = self.scaling.row();
        row.time(of.at).text(of.service).text(of.policy).text(of.policy_type);
        row.text(of.alarm).text(of.metric);
        for value in [of.value, of.threshold] {
            match value {
                Some(value) => row.millionths(value.0),
                None => row.empty(),
            };
        }
        row.text(of.comparison);
        row.all_millionths(of.datapoints.iter().map(|point| point.map(|value| value.0)));
        for count in [of.from, of.wanted, of.to, of.min_capacity, of.max_capacity] {
            row.int(count.into());
        }
        row.text(of.reason).utc(of.at).end();
        self.scaling.settle()
    }

    /// Writes a service event.
    ///
    /// # Errors
    /// What the sink says.
    pub fn event(&mut self, of: &EventRow<'_>) -> io::Result<()> {
        if !self.events.is_on() {
            return Ok(());
        }
        let mut row = self.events.row();
        row.time(of.at).text(of.service).text(of.level).text(of.event).text(of.message);
        row.utc(of.at).end();
        self.events.settle()
    }

    /// Hands everything to the sinks and flushes them.
    ///
    /// # Errors
    /// What a sink says.
    pub fn finish(&mut self) -> io::Result<()> {
        self.services.finish()?;
        self.deployments.finish()?;
        self.scaling.finish()?;
        self.connections.finish()?;
        self.events.finish()
    }
}

/// Millionths per second, to the nearest, half up; `None` where no time went by.
fn rate(amount: u64, span: SimSpan) -> Option<u64> {
    let scaled = u128::from(amount) * u128::from(MICROS_PER_SECOND) + u128::from(span.0 / 2);
    scaled.checked_div(span.0.into()).map(|rate| u64::try_from(rate).unwrap_or(u64::MAX))
}
