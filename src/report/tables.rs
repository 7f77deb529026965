//! The tables that are written when a run has ended: instances and incidents.

use super::allocation_tables::{COST_ALLOCATION, COST_BY_TAG};
use super::bill_tables::{COMMITMENTS, COST, COST_HOURLY, INVOICE};
use super::breakeven::{BREAKEVEN, BREAKEVEN_CROSSINGS, BREAKEVEN_PAIRS};
use super::breakeven_map::BREAKEVEN_MAP;
use super::breakeven_marks::BREAKEVEN_MARKS;
use super::calibration::CALIBRATION;
use super::compare::{COMPARE, COMPARE_RUNS};
use super::csv::TableWriter;
use super::focus::COST as FOCUS_COST;
use super::plan::{PLAN, PLAN_METRICS};
use super::regret::COMMITMENT_REGRET;
use super::replications::SEEDS;
use super::sensitivity::SENSITIVITY;
use super::summary::METRICS;
use crate::base::id::Id as _;
use crate::base::money::NanoUsd;
use crate::base::time::{SimSpan, SimTime};
use crate::metrics::incident::INCIDENTS;
use crate::metrics::table::{ColumnSpec, TableSpec, column};
use crate::sim::capacity_tables::{CAPACITY_RESERVATION, CAPACITY_SCALING, SUBNETS};
use crate::sim::fleet_table::FLEET_EVENTS;
use crate::sim::outputs::{PLACEMENT_FAILURES, TASKS, TIMESERIES};
use crate::sim::service_tables::connections::CONNECTIONS;
use crate::sim::service_tables::{DEPLOYMENTS, SCALING, SERVICE_EVENTS, SERVICES};
use crate::sim::{RunResult, Unregistered};

const INSTANCE_COLUMNS: &[ColumnSpec] = &[
    column("instance_id", "text", "–", "name of the container instance"),
    column("instance_type", "text", "–", "instance type"),
    column("capacity_provider", "text", "–", "capacity provider"),
    column("availability_zone", "text", "–", "Availability Zone"),
    column(
        "purchase",
        "text",
        "–",
        "on_demand, spot or external; of groups with distribution segments also capacity_block and interruptible_reservation",
    ),
    column("registered_cpu", "integer", "CPU units", "what tasks may be promised"),
    column("registered_memory_mib", "integer", "MiB", "what tasks may be promised"),
    column(
        "launched_s",
        "decimal",
        "s",
        "when the launch was asked for; of one from a warm pool, when it was taken",
    ),
    column(
        "running_s",
        "decimal",
        "s",
        "when it was running: the bill begins; one from a pool of running instances has run before it was taken",
    ),
    column("registered_s", "decimal", "s", "when its agent had registered"),
    column("terminated_s", "decimal", "s", "when it was terminated, or the end of the run"),
    column("tasks_hosted", "integer", "tasks", "tasks that were ever placed on it"),
    column("cpu_reserved_percent", "decimal", "%", "promised share of its CPU over its life"),
    column("memory_reserved_percent", "decimal", "%", "promised share of its memory over its life"),
    column(
        "usd",
        "decimal",
        "USD",
        "what it cost, rounded by itself; whatever was committed to, at list prices",
    ),
    column(
        "launch_cause",
        "text",
        "–",
        "initial, scale_out, replacement, rebalance, capacity_rebalancing, instance_refresh, max_lifetime, \
         warm_pool (it has not left it); \
         of Managed Instances tasks_waited, auto_repair and daemon_deployment (for tasks of an instance that is replaced), \
         zone_rebalancing",
    ),
    column(
        "end_cause",
        "text",
        "–",
        "scale_in, failure, rebalance, spot_interruption, capacity_rebalancing, instance_refresh, max_lifetime, \
         warm_pool (it was too large); \
         of Managed Instances idle, under_used, age, auto_repair, daemon_deployment; empty where it drains or lives at the end",
    ),
    column(
        "single_task_s",
        "integer",
        "s",
        "time for which a single task, daemons' not counted, kept it, by the minute; 0 without managed scaling",
    ),
    column(
        "warm_pool_since_s",
        "decimal",
        "s",
        "when it was launched for a warm pool, or returned to it; empty for others",
    ),
    column(
        "warm_pool_usd",
        "decimal",
        "USD",
        "what it cost before it left the pool; part of `usd`",
    ),
    column(
        "launch_template_version",
        "integer",
        "–",
        "version of its group's launch template when it was launched; empty without a group",
    ),
];

/// `instances.csv`.
pub const INSTANCES: TableSpec = TableSpec {
    file: "instances.csv",
    row: "container instance, in order of registration; then those that never registered",
    columns: INSTANCE_COLUMNS,
};

/// Every table of the output folder, in the order of `output/README.md`.
pub const ALL: [TableSpec; 35] = [
    TIMESERIES,
    TASKS,
    INSTANCES,
    PLACEMENT_FAILURES,
    SERVICES,
    DEPLOYMENTS,
    SCALING,
    SERVICE_EVENTS,
    CONNECTIONS,
    FLEET_EVENTS,
    CAPACITY_RESERVATION,
    CAPACITY_SCALING,
    SUBNETS,
    INCIDENTS,
    COST,
    FOCUS_COST,
    COST_HOURLY,
    COST_ALLOCATION,
    COST_BY_TAG,
    COMMITMENTS,
    INVOICE,
    METRICS,
    SEEDS,
    COMMITMENT_REGRET,
    BREAKEVEN,
    BREAKEVEN_CROSSINGS,
    BREAKEVEN_MAP,
    BREAKEVEN_PAIRS,
    BREAKEVEN_MARKS,
    COMPARE,
    COMPARE_RUNS,
    CALIBRATION,
    PLAN,
    PLAN_METRICS,
    SENSITIVITY,
];

/// `instances.csv` of a finished run.
#[must_use]
pub fn instances(result: &RunResult, zones: &[String]) -> Vec<u8> {
    let fleet = &result.fleet;
    let mut table = TableWriter::new(INSTANCES);
    for instance in fleet.ids() {
        let registered = fleet.registered[instance];
        let usage = &result.capacity.uses[instance];
        let provider = &result.providers[fleet.provider[instance]];
        let from = fleet.registered_at[instance];
        let until = fleet.deregistered_at[instance].min(result.end);
        let (launch, end) = result.causes[instance];
        let warm = in_pool(result.in_pool[instance]);
        let is_over = until < result.end || fleet.deregistered_at[instance] == until;
        table.row(&[
            fleet.name[instance].clone(),
            fleet.instance_type[instance].clone(),
            provider.name.clone(),
            zones[fleet.zone[instance].index()].clone(),
            result.purchases[instance].to_string(),
            registered.cpu.to_string(),
            registered.memory.to_string(),
            fleet.launched_at[instance].to_string(),
            fleet.running_at[instance].to_string(),
            from.to_string(),
            until.to_string(),
            usage.hosted.to_string(),
            share(usage.cpu_time, registered.cpu, until.since(from)),
            share(usage.memory_time, registered.memory, until.since(from)),
            result.instance_costs[instance].to_string(),
            launch.name().to_string(),
            end.filter(|_| is_over).map_or(String::new(), |end| end.name().to_string()),
            (result.lonely[instance].0 / 1_000_000).to_string(),
            warm[0].clone(),
            warm[1].clone(),
            template(result.templates[instance]),
        ]);
    }
    for one in &result.unregistered {
        table.row(&unregistered(one, result, zones));
    }
    table.into_bytes()
}

/// A row for an instance that was launched and never registered.
fn unregistered(one: &Unregistered, result: &RunResult, zones: &[String]) -> [String; 21] {
    let of = &one.registration;
    let provider = &result.providers[of.provider];
    let [since, usd] = in_pool(one.in_pool);
    let running = Some(one.running).filter(|&at| at != SimTime::NEVER);
    [
        of.name.clone(),
        of.instance_type.clone(),
        provider.name.clone(),
        zones[of.zone.index()].clone(),
        one.purchase.to_string(),
        of.resources.cpu.to_string(),
        of.resources.memory.to_string(),
        one.launched.to_string(),
        running.map_or(String::new(), |at| at.to_string()),
        String::new(),
        one.ended.min(result.end).to_string(),
        "0".to_string(),
        String::new(),
        String::new(),
        one.usd.to_string(),
        one.cause.name().to_string(),
        one.end.map_or(String::new(), |end| end.name().to_string()),
        "0".to_string(),
        since,
        usd,
        template(one.template),
    ]
}

fn template(version: Option<u32>) -> String {
    version.map_or(String::new(), |version| version.to_string())
}

/// Since when an instance was in a warm pool, and what it cost there.
fn in_pool(warm: Option<(SimTime, NanoUsd)>) -> [String; 2] {
    warm.map_or_else(Default::default, |(since, usd)| [since.to_string(), usd.to_string()])
}

/// `incidents.csv` of a finished run.
#[must_use]
pub fn incidents(result: &RunResult) -> Vec<u8> {
    let mut table = TableWriter::new(INCIDENTS);
    let at = |at: SimTime| if at == SimTime::NEVER { String::new() } else { at.to_string() };
    for (index, incident) in result.incidents.iter().enumerate() {
        table.row(&[
            (index + 1).to_string(),
            incident.kind.to_string(),
            incident.what.clone(),
            incident.start.to_string(),
            at(incident.found),
            at(incident.over),
            at(incident.recovered),
            incident.recovery().map_or(String::new(), |span| span.to_string()),
            incident.instances.to_string(),
            incident.tasks_lost.to_string(),
            incident.services.to_string(),
            SimSpan(incident.dropped).to_string(), // millionths, as of seconds
            SimSpan(incident.errors).to_string(),
            SimSpan(incident.shared_dropped).to_string(),
            SimSpan(incident.shared_errors).to_string(),
        ]);
    }
    table.into_bytes()
}

/// `100 · used / (capacity · life)` with four decimals; empty without capacity or life.
fn share(used: u128, capacity: u32, life: SimSpan) -> String {
    let whole = u128::from(capacity) * u128::from(life.0);
    if whole == 0 {
        return String::new();
    }
    format!("{:.4}", 100.0 * (used as f64) / (whole as f64))
}
