//! Incidents: what failed, until when, and what it cost.

use super::summary::{Metric, Value};
use super::table::{ColumnSpec, TableSpec, column};
use crate::base::time::{SimSpan, SimTime};

/// A failure of instances or of a zone, and what came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Incident {
    /// What kind of failure.
    pub kind: &'static str,
    /// What failed: an instance, a zone, or how many instances.
    pub what: String,
    /// When.
    pub start: SimTime,
    /// When it was first reacted to; `NEVER`: not before it was over.
    pub found: SimTime,
    /// When it was over: the zone was back; every instance was well again or had ended.
    pub over: SimTime,
    /// When no instance was out any more and each service concerned had as many tasks as it should: healthy ones where it
    /// has health checks, RUNNING ones where it has none.
    pub recovered: SimTime,
    /// Instances that failed.
    pub instances: u32,
    /// Tasks that were lost with them, or could not start for want of an image.
    pub tasks_lost: u64,
    /// Services that had tasks there.
    pub services: u32,
    /// Requests of these services dropped until then, in millionths.
    pub dropped: u64,
    /// Requests of these services answered with an error until then, in millionths.
    pub errors: u64,
    /// Of those dropped: while another incident was open that concerned the same service, and counts them too.
    pub shared_dropped: u64,
    /// Of those answered with an error: the same.
    pub shared_errors: u64,
}

impl Incident {
    /// From the failure until all was as it should be.
    #[must_use]
    pub fn recovery(&self) -> Option<SimSpan> {
        (self.recovered != SimTime::NEVER).then(|| self.recovered.since(self.start))
    }
}

const COLUMNS: &[ColumnSpec] = &[
    column("incident", "integer", "–", "number, in order of time"),
    column(
        "kind",
        "text",
        "–",
        "instance, agent_disconnect, impaired, az_outage, fargate_spot, fargate_retirement, registry_outage, metrics_outage",
    ),
    column(
        "what",
        "text",
        "–",
        "instance, Availability Zone, how many instances, FARGATE_SPOT and where, or whose images or metrics",
    ),
    column("start_s", "decimal", "s", "when it failed"),
    column("found_s", "decimal", "s", "when it was first reacted to; empty where it was not"),
    column(
        "over_s",
        "decimal",
        "s",
        "when the zone, registry or metrics were back, or each instance well again or ended; at once where Fargate took \
         tasks back; empty where it was not",
    ),
    column(
        "recovered_s",
        "decimal",
        "s",
        "when no instance, registry or metric was out and each service concerned had its desired count of tasks: healthy \
         where it has health checks, RUNNING where it has none; empty where it was not",
    ),
    column("recovery_s", "decimal", "s", "`recovered_s` less `start_s`"),
    column("instances", "integer", "instances", "instances that failed"),
    column(
        "tasks_lost",
        "integer",
        "tasks",
        "tasks that ended with them, or failed to start for want of an image",
    ),
    column(
        "services",
        "integer",
        "services",
        "services that had tasks there, pulled from there or had no metrics",
    ),
    column(
        "requests_dropped",
        "decimal",
        "requests",
        "requests of these services dropped from `start_s`, or their first slow or failed pull, to `recovered_s` or the \
         end, for whatever reason",
    ),
    column("requests_failed", "decimal", "requests", "answered with an error, in the same time"),
    column(
        "requests_dropped_shared",
        "decimal",
        "requests",
        "of those dropped: while another incident of the same service was open, whose row counts them too",
    ),
    column("requests_failed_shared", "decimal", "requests", "the same of those with an error"),
];

/// `incidents.csv`.
pub const INCIDENTS: TableSpec = TableSpec {
    file: "incidents.csv",
    row: "failure of instances, an Availability Zone, a registry or metrics, and tasks that Fargate took back at once, in \
          order of time; only with such failures, or with a `[fargate]` market",
    columns: COLUMNS,
};

/// The metrics of a run's incidents: `failed` are the requests dropped and answered with an error in any of them, in
/// millionths; `missed` failures by script found nobody.
#[must_use]
pub fn incident_metrics(incidents: &[Incident], failed: [u64; 2], missed: u64) -> Vec<Metric> {
    let spans = || incidents.iter().filter_map(Incident::recovery);
    let recovered = spans().count() as u64;
    let total: u128 = spans().map(|span| u128::from(span.0)).sum();
    let mean = (recovered > 0).then(|| SimSpan((total / u128::from(recovered)) as u64));
    let seconds = |span: Option<SimSpan>| span.map_or(Value::Missing, Value::Seconds);
    let metric = |name: &'static str, unit, meaning, value| Metric {
        name: name.into(),
        unit,
        meaning,
        section: "Incidents",
        value,
    };
    let lost = incidents.iter().map(|incident| incident.tasks_lost).sum();
    vec![
        metric(
            "incidents",
            "incidents",
            "failures of instances, zones, registries and metrics, and tasks that Fargate took back at once",
            Value::Count(incidents.len() as u64),
        ),
        metric(
            "incidents_recovered",
            "incidents",
            "of these, after which all was as it should be",
            Value::Count(recovered),
        ),
        metric("recovery_s_mean", "s", "mean time until then", seconds(mean)),
        metric("recovery_s_max", "s", "longest time until then", seconds(spans().max())),
        metric(
            "incident_tasks_lost",
            "tasks",
            "tasks that ended with them or got no image",
            Value::Count(lost),
        ),
        metric(
            "incident_requests_dropped",
            "requests",
            "requests dropped while an incident of their service was open, each once",
            Value::Millionths(failed[0]),
        ),
        metric(
            "incident_requests_failed",
            "requests",
            "the same of requests answered with an error",
            Value::Millionths(failed[1]),
        ),
        metric(
            "failures_missed",
            "failures",
            "failures at an instant that found no instance to strike",
            Value::Count(missed),
        ),
    ]
}
