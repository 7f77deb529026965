//! The tables that are streamed out while a run goes on, and where they go.

use crate::metrics::table::{ColumnSpec, TableSpec, column};
use std::io::Write;

/// What is written while a run goes on, and where to; what is off costs nothing.
#[derive(Default)]
pub struct Sinks {
    /// `tasks.csv`.
    pub tasks: Option<Box<dyn Write + Send>>,
    /// `timeseries.csv`.
    pub timeseries: Option<Box<dyn Write + Send>>,
    /// `placement_failures.csv`.
    pub placement_failures: Option<Box<dyn Write + Send>>,
    /// `services.csv`.
    pub services: Option<Box<dyn Write + Send>>,
    /// `deployments.csv`.
    pub deployments: Option<Box<dyn Write + Send>>,
    /// `scaling.csv`.
    pub scaling: Option<Box<dyn Write + Send>>,
    /// `service_events.csv`.
    pub service_events: Option<Box<dyn Write + Send>>,
    /// `connections.csv`.
    pub connections: Option<Box<dyn Write + Send>>,
    /// `fleet_events.csv`.
    pub fleet_events: Option<Box<dyn Write + Send>>,
    /// `capacity_reservation.csv`.
    pub capacity_reservation: Option<Box<dyn Write + Send>>,
    /// `capacity_scaling.csv`.
    pub capacity_scaling: Option<Box<dyn Write + Send>>,
    /// `subnets.csv`.
    pub subnets: Option<Box<dyn Write + Send>>,
    /// Whether somebody will draw: the picture of the fleet is made, and services keep samples for their charts.
    pub picture: bool,
    /// Whether the bill is kept by the hour.
    pub hourly: bool,
    /// Whether the whole bill is allocated to those whose it is.
    pub allocation: bool,
    /// Whether rows may be read and written by threads beside the run. The bytes are the same.
    pub beside: bool,
    /// Time zero, seconds since 1970, where the tables are to have the calendar; a run takes it from its setup.
    pub epoch: Option<i64>,
}

/// The column of the calendar; the last, so that the others stay where they are in runs without one.
pub const UTC: ColumnSpec = column(
    "utc",
    "instant",
    "–",
    "the same on the calendar, RFC 3339, whole seconds; empty where `simulation.start` is the default",
);

const TASK_COLUMNS: &[ColumnSpec] = &[
    column("task_id", "integer", "–", "number of the task in order of arrival, from 0"),
    column("source", "text", "–", "the `[[run_task]]` entry that asked for it"),
    column("group", "text", "–", "task group"),
    column("task_definition", "text", "–", "family:revision"),
    column("launch", "text", "–", "EC2 or FARGATE"),
    column("capacity_provider", "text", "–", "capacity provider that it was placed on"),
    column("availability_zone", "text", "–", "Availability Zone that it was placed in"),
    column("instance_id", "text", "–", "container instance; empty on Fargate"),
    column("cpu", "integer", "CPU units", "what it was promised; on Fargate its size"),
    column("memory_mib", "integer", "MiB", "what it was promised; on Fargate its size"),
    column("gpus", "integer", "GPUs", "whole GPUs that it was promised"),
    column("arrival_s", "decimal", "s", "when its caller wanted it"),
    column(
        "accepted_s",
        "decimal",
        "s",
        "when the API first accepted the call; in a queue `arrival_s` and the time for which the API held it back",
    ),
    column("placed_s", "decimal", "s", "when it was placed: PROVISIONING"),
    column("pending_s", "decimal", "s", "when its ENI was there: PENDING"),
    column("pull_started_s", "decimal", "s", "start of the image pull: ACTIVATING"),
    column("pull_stopped_s", "decimal", "s", "end of the image pull"),
    column("started_s", "decimal", "s", "RUNNING"),
    column("stopping_s", "decimal", "s", "essential container exited, or StopTask was called"),
    column("execution_stopped_s", "decimal", "s", "last container exited: DEPROVISIONING"),
    column("stopped_s", "decimal", "s", "STOPPED; empty while it lives at the end of the run"),
    column("stop_code", "text", "–", "as the API names it"),
    column("stopped_reason", "text", "–", "why it stopped, or why it was refused"),
    column("exit_code", "integer", "–", "exit code of the essential container"),
    column("wait_s", "decimal", "s", "from acceptance to placement"),
    column(
        "usd",
        "decimal",
        "USD",
        "Fargate: its bill; EC2: its share of the instance's price, a fraction of a nano-dollar cut off, so that shares \
         never exceed it; a Spot instance that EC2 takes back in its first hour costs nothing, which rows of tasks that \
         had stopped before do not know; whatever was committed to, at list prices",
    ),
    column("refused_s", "decimal", "s", "when its caller gave it up, if it did"),
    column(
        "ephemeral_gib",
        "integer",
        "GiB",
        "task storage; on Fargate what exceeds 20 GiB is billed",
    ),
    column(
        "waited_decision_s",
        "decimal",
        "s",
        "in PROVISIONING for capacity: while nobody had asked for more instances. The four add up to that time; empty \
         where the task never waited so",
    ),
    column("waited_launch_s", "decimal", "s", "… while instances were on their way"),
    column(
        "waited_max_size_s",
        "decimal",
        "s",
        "… while its group was as large as it may be, and none was on its way",
    ),
    column(
        "waited_no_capacity_s",
        "decimal",
        "s",
        "… while none was on its way, since a launch had failed and was to be tried again",
    ),
    column(
        "deactivating_s",
        "decimal",
        "s",
        "DEACTIVATING: no longer wanted, and out of its load balancer from here on; `stopping_s` where that takes no time",
    ),
];

/// `tasks.csv`.
pub const TASKS: TableSpec = TableSpec {
    file: "tasks.csv",
    row: "task, in order of stopping; then those alive at the end, in order of `task_id`",
    columns: TASK_COLUMNS,
};

const TIMESERIES_COLUMNS: &[ColumnSpec] = &[
    column("time_s", "decimal", "s", "when; the row sees the instant after all have acted"),
    column("capacity_provider", "text", "–", "capacity provider, or `total`"),
    column("instances", "integer", "instances", "registered container instances"),
    column("idle_instances", "integer", "instances", "of these, without a task"),
    column("needed_instances", "integer", "instances", "lower bound for the promised tasks"),
    column("provisioning", "integer", "tasks", "tasks in PROVISIONING"),
    column("pending", "integer", "tasks", "tasks in PENDING"),
    column("activating", "integer", "tasks", "tasks in ACTIVATING"),
    column("running", "integer", "tasks", "tasks in RUNNING"),
    column("deactivating", "integer", "tasks", "tasks in DEACTIVATING"),
    column("stopping", "integer", "tasks", "tasks in STOPPING"),
    column("deprovisioning", "integer", "tasks", "tasks in DEPROVISIONING"),
    column("waiting", "integer", "tasks", "tasks that wait for placement; only in `total`"),
    column("registered_cpu", "integer", "CPU units", "registered by instances"),
    column("reserved_cpu", "integer", "CPU units", "promised to tasks; on Fargate their sizes"),
    column(
        "used_cpu",
        "integer",
        "CPU units",
        "held by tasks that have taken their resources on the host",
    ),
    column("registered_memory_mib", "integer", "MiB", "registered by instances"),
    column("reserved_memory_mib", "integer", "MiB", "promised to tasks; on Fargate their sizes"),
    column(
        "used_memory_mib",
        "integer",
        "MiB",
        "held by tasks that have taken their resources on the host",
    ),
    column("usd_per_hour", "decimal", "USD/h", "rate of spending at this instant"),
    column(
        "desired_instances",
        "integer",
        "instances",
        "desired capacity of the Auto Scaling group; of a fixed fleet its instances",
    ),
    column("launching_instances", "integer", "instances", "launched and not registered yet"),
    column("draining_instances", "integer", "instances", "registered ones that are DRAINING"),
    column("warm_instances", "integer", "instances", "in warm pools, or on their way there"),
    UTC,
];

/// `timeseries.csv`.
pub const TIMESERIES: TableSpec = TableSpec {
    file: "timeseries.csv",
    row: "sample and capacity provider, then the total",
    columns: TIMESERIES_COLUMNS,
};

const FAILURE_COLUMNS: &[ColumnSpec] = &[
    column("time_s", "decimal", "s", "when placement failed"),
    column("source", "text", "–", "the `[[run_task]]` entry"),
    column("task_id", "integer", "–", "first of the tasks that the row stands for"),
    column("tasks", "integer", "tasks", "equal tasks that failed together"),
    column("attempt", "integer", "–", "which call of the caller, from 1; 0 in a queue"),
    column("reason", "text", "–", "as ECS names it"),
    column("instances", "integer", "instances", "instances that were turned down for this reason"),
    UTC,
];

/// `placement_failures.csv`.
pub const PLACEMENT_FAILURES: TableSpec = TableSpec {
    file: "placement_failures.csv",
    row: "failed placement × reason; a task that waits is written at most once per sample interval",
    columns: FAILURE_COLUMNS,
};
