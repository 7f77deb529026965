//! The metrics of services: totals that every summary has, and the same for each service, for `[[expect]]`.
//!
//! Requests are exact decimals: offered = served + dropped holds to the last digit in the files. Ratios are made here,
//! from sums of whole numbers.

use super::histogram::SpanHistogram;
use super::service::{Elasticity, RequestTotals, ServiceReport};
use super::summary::{Metric, SERVICE_PREFIX, Value};
use crate::base::money::NanoUsd;
use crate::base::time::{SimSpan, SimTime};
use crate::model::connection::ConnectionState;

/// The heading of the totals.
pub const SECTION: &str = "Services";

/// What totals and single services have in common: name, unit, meaning, value.
struct Row(&'static str, &'static str, &'static str, Value);

/// What a metric is computed from: one service, or all together.
struct Books<'a> {
    requests: RequestTotals,
    last_drop: Option<SimTime>,
    latency: &'a SpanHistogram,
    cpu_percent: Option<f64>,
    elasticity: Option<Elasticity>,
    scaling: [u64; 2],
    deployments: [u64; 2],
    tasks_failed: u64,
    restarts: u64,
    usd: NanoUsd,
}

/// The metrics of all services together, then those of each as `service.<name>.<metric>`. The totals are there also
/// without services, so that the list of metrics is the same for every run; `total_usd` is the whole bill.
#[must_use]
pub fn service_metrics(reports: &[ServiceReport], total_usd: NanoUsd) -> Vec<Metric> {
    let latency = reports.iter().fold(SpanHistogram::default(), |mut all, report| {
        all.merge(&report.latency);
        all
    });
    let mut metrics = vec![metric(
        "",
        Row("services", "services", "services", Value::Count(reports.len() as u64)),
    )];
    metrics.extend(rows(&together(reports, &latency, total_usd)).map(|row| metric("", row)));
    for report in reports {
        let prefix = format!("{SERVICE_PREFIX}{}.", report.name);
        metrics.extend(rows(&alone(report)).map(|row| metric(&prefix, row)));
        metrics.extend(tasks(report).map(|row| metric(&prefix, row)));
        metrics.extend(connections(report).map(|row| metric(&prefix, row)));
    }
    metrics
}

/// The metrics that each service has: name after `service.<name>.`, unit, meaning; for the reference page.
#[must_use]
pub fn of_each_service() -> Vec<(&'static str, &'static str, &'static str)> {
    let connected = Some(ConnectionState::default());
    let report = ServiceReport { connections: connected, ..ServiceReport::default() };
    let rows = rows(&alone(&report)).chain(tasks(&report)).chain(connections(&report));
    rows.map(|Row(name, unit, meaning, _)| (name, unit, meaning)).collect()
}

fn metric(prefix: &str, Row(name, unit, meaning, value): Row) -> Metric {
    let name = if prefix.is_empty() { name.into() } else { format!("{prefix}{name}").into() };
    Metric { name, unit, meaning, section: SECTION, value }
}

fn alone(report: &ServiceReport) -> Books<'_> {
    Books {
        requests: report.requests,
        last_drop: report.last_drop,
        latency: &report.latency,
        cpu_percent: report.cpu_percent,
        elasticity: report.elasticity,
        scaling: report.scaling,
        deployments: report.deployments,
        tasks_failed: report.tasks_failed,
        restarts: report.restarts,
        usd: report.usd,
    }
}

fn together<'a>(
    reports: &[ServiceReport],
    latency: &'a SpanHistogram,
    total_usd: NanoUsd,
) -> Books<'a> {
    let pair = |of: fn(&ServiceReport) -> [u64; 2]| {
        [0, 1].map(|index| reports.iter().map(|report| of(report)[index]).sum())
    };
    let requests =
        reports.iter().fold(RequestTotals::default(), |sum, one| sum.plus(&one.requests));
    Books {
        requests,
        last_drop: reports.iter().filter_map(|report| report.last_drop).max(),
        latency,
        cpu_percent: cpu_percent(reports),
        elasticity: elasticity(reports),
        scaling: pair(|report| report.scaling),
        deployments: pair(|report| report.deployments),
        tasks_failed: reports.iter().map(|report| report.tasks_failed).sum(),
        restarts: reports.iter().map(|report| report.restarts).sum(),
        usd: total_usd,
    }
}

/// The mean over services, weighted by the CPU that their tasks reserved over time.
fn cpu_percent(reports: &[ServiceReport]) -> Option<f64> {
    let known = || reports.iter().filter_map(|one| one.cpu_percent.map(|cpu| (cpu, one)));
    let whole: u128 = known().map(|(_, one)| one.reserved_cpu_time).sum();
    let used: f64 = known().map(|(cpu, one)| cpu * one.reserved_cpu_time as f64).sum();
    (whole > 0).then(|| used / whole as f64)
}

/// Tasks add up; shares of time are the mean over the services that have work.
fn elasticity(reports: &[ServiceReport]) -> Option<Elasticity> {
    let known: Vec<Elasticity> = reports.iter().filter_map(|report| report.elasticity).collect();
    let sum = |of: fn(&Elasticity) -> f64| known.iter().map(of).sum::<f64>();
    let count = known.len() as f64;
    (!known.is_empty()).then(|| Elasticity {
        under_tasks: sum(|one| one.under_tasks),
        over_tasks: sum(|one| one.over_tasks),
        under_time_percent: sum(|one| one.under_time_percent) / count,
        over_time_percent: sum(|one| one.over_time_percent) / count,
    })
}

fn rows(books: &Books<'_>) -> impl Iterator<Item = Row> + use<> {
    requests(books).into_iter().chain(latency(books)).chain(scaling(books))
}

fn requests(books: &Books<'_>) -> Vec<Row> {
    let all = &books.requests;
    let amount = |name, meaning, value| Row(name, "requests", meaning, Value::Millionths(value));
    let dropped = ratio(100.0 * all.dropped() as f64, all.offered as f64);
    vec![
        amount(
            "requests_offered",
            "requests and messages that arrived: served + dropped",
            all.offered,
        ),
        amount("requests_served", "of the offered ones, answered, errors included", all.served),
        amount("requests_errors", "of the served ones, answered with an error", all.errors),
        amount("requests_dropped", "of the offered ones, not answered", all.dropped()),
        amount("requests_dropped_no_target", "dropped: no target was there", all.no_target),
        amount("requests_dropped_queue_full", "dropped: the task's queue was full", all.queue_full),
        amount("requests_dropped_timeout", "dropped: waited too long", all.timeout),
        amount("requests_dropped_task_lost", "dropped: the task stopped or crashed", all.task_lost),
        amount(
            "requests_dropped_dead_letter",
            "dropped: messages received more often than `max_receive_count`",
            all.dead_letters,
        ),
        amount(
            "requests_dropped_unfinished",
            "dropped: not finished at the end of the run",
            all.unfinished,
        ),
        amount(
            "messages_received_again",
            "receives of messages beside the first: not done within the visibility timeout, or in vain",
            all.received_again,
        ),
        Row("requests_dropped_percent", "%", "share of the offered requests", dropped),
        Row(
            "requests_dropped_last_s",
            "s",
            "end of the last minute in which requests were dropped, those unfinished at the end apart",
            books.last_drop.map_or(Value::Missing, |at| Value::Seconds(SimSpan(at.0))),
        ),
    ]
}

fn latency(books: &Books<'_>) -> Vec<Row> {
    let meaning = "latency of served requests; quantiles at most 1/256 too high";
    let quantiles = [
        ("request_latency_s_p50", 500),
        ("request_latency_s_p95", 950),
        ("request_latency_s_p99", 990),
    ];
    let seconds = |span: Option<_>| span.map_or(Value::Missing, Value::Seconds);
    let mean = Row("request_latency_s_mean", "s", meaning, seconds(books.latency.mean()));
    let quantile =
        |(name, per_mille)| Row(name, "s", meaning, seconds(books.latency.quantile(per_mille)));
    std::iter::once(mean).chain(quantiles.map(quantile)).collect()
}

fn scaling(books: &Books<'_>) -> Vec<Row> {
    let part = |of: fn(&Elasticity) -> f64| known(books.elasticity.as_ref().map(of));
    let count = |name, unit, meaning, value| Row(name, unit, meaning, Value::Count(value));
    vec![
        Row(
            "cpu_utilization_percent",
            "%",
            "CPU used by the CPU that tasks reserved, over time",
            known(books.cpu_percent),
        ),
        Row(
            "under_provisioned_tasks",
            "tasks",
            "tasks that the load needed and that were missing, mean over time; in total their sum",
            part(|one| one.under_tasks),
        ),
        Row(
            "over_provisioned_tasks",
            "tasks",
            "healthy tasks beyond what the load needed, mean over time; in total their sum",
            part(|one| one.over_tasks),
        ),
        Row(
            "under_provisioned_time_percent",
            "%",
            "share of time with too few tasks; in total the mean over services",
            part(|one| one.under_time_percent),
        ),
        Row(
            "over_provisioned_time_percent",
            "%",
            "share of time with more tasks than needed; in total the mean over services",
            part(|one| one.over_time_percent),
        ),
        count("scale_outs", "times", "scaling raised the desired count", books.scaling[0]),
        count("scale_ins", "times", "scaling lowered the desired count", books.scaling[1]),
        count("deployments_completed", "deployments", "completed", books.deployments[0]),
        count("deployments_failed", "deployments", "failed", books.deployments[1]),
        count(
            "service_tasks_failed",
            "tasks",
            "crashes, failed starts and failed health checks",
            books.tasks_failed,
        ),
        count(
            "containers_restarted",
            "containers",
            "crashes that a restart policy answered in place",
            books.restarts,
        ),
        Row(
            "usd_per_million_requests",
            "USD",
            "by million requests served: the whole bill; for a service its own cost",
            usd_per_million(books.usd, books.requests.served),
        ),
    ]
}

/// What only a single service has: totals have it under other names.
fn tasks(report: &ServiceReport) -> impl Iterator<Item = Row> + use<> {
    [
        Row(
            "tasks_started",
            "tasks",
            "tasks that reached RUNNING",
            Value::Count(report.tasks_started),
        ),
        Row(
            "running_tasks_mean",
            "tasks",
            "RUNNING tasks, mean over time",
            known(report.running_mean),
        ),
        Row(
            "running_tasks_max",
            "tasks",
            "most RUNNING tasks at a time",
            Value::Count(report.running_max.into()),
        ),
        Row(
            "usd",
            "USD",
            "its tasks: Fargate bills and shares of instances",
            Value::Usd(report.usd),
        ),
    ]
    .into_iter()
}

/// What a service with long connections has besides.
fn connections(report: &ServiceReport) -> impl Iterator<Item = Row> + use<> {
    let rows = |state: ConnectionState| {
        let all = state.totals;
        let count = |name, unit, meaning, value| Row(name, unit, meaning, Value::Count(value));
        let cpu = SimSpan(u64::try_from(all.cpu_nanos / 1_000).unwrap_or(u64::MAX));
        [
            count(
                "connections_open",
                "connections",
                "long connections that are open at the end",
                state.open,
            ),
            count(
                "connects",
                "connections",
                "made; those that were open at the beginning apart",
                all.connects,
            ),
            count(
                "connects_per_s_max",
                "connections/s",
                "most of them in a second",
                all.connects_per_s_max,
            ),
            count("connections_ended", "connections", "ended by their clients", all.ended),
            count(
                "connections_cut",
                "connections",
                "lost: their task stopped, crashed, or left its load balancer",
                all.cut,
            ),
            count(
                "connections_of_a_task_max",
                "connections",
                "most of one task at a time",
                all.most_at_a_task,
            ),
            Row("connect_cpu_s", "s", "vCPU time that connects have used", Value::Seconds(cpu)),
        ]
    };
    report.connections.map(rows).into_iter().flatten()
}

/// Dollars by million requests, to the nearest nano-dollar below; `served` is in millionths.
fn usd_per_million(usd: NanoUsd, served: u64) -> Value {
    let each = usd.0.checked_mul(1_000_000_000_000).and_then(|m| m.checked_div(served.into()));
    // What does not fit 128 bits is nobody's price.
    each.map_or(Value::Missing, |each| Value::Usd(NanoUsd(each)))
}

fn known(value: Option<f64>) -> Value {
    value.filter(|value| value.is_finite()).map_or(Value::Missing, Value::Ratio)
}

fn ratio(part: f64, whole: f64) -> Value {
    if whole > 0.0 { Value::Ratio(part / whole) } else { Value::Missing }
}
