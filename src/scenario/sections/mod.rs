//! Every key of a scenario, declared once: the root table here, the larger tables in files of their own.

mod bill;
mod calls;
mod capacity;
mod commitment;
mod failure;
mod fargate;
mod group_scaling;
mod instance_refresh;
mod instance_requirements;
mod interruption;
mod invoice;
mod lifecycle_hook;
mod managed_instances;
mod mixed_instances;
mod network;
mod service;
mod service_deployment;
mod service_scaling;
mod service_traffic;
mod service_update;
mod shared;
mod spot_prices;
mod task_definition;
mod timing;
mod warm_pool;
mod zonal_shift;

use super::keys::{Default, Key, Kind, Section};
use crate::base::time::LATEST;

pub use bill::BILL;
pub use calls::{EXPECT, RETRY, RUN_TASK, TRACE_KEYS};
pub use capacity::{CAPACITY_PROVIDER, CLUSTER, INSTANCE_TYPE};
pub use commitment::{CAPACITY_RESERVATION, RESERVED_INSTANCES, SAVINGS_PLAN};
pub use failure::{FAILURE, FAILURE_TRACE};
pub use fargate::WEEKDAYS;
pub use instance_requirements::NO_PROTECTION;
pub use invoice::{CURRENCIES, INVOICE};
pub use network::NETWORK;
pub use service::{BEHAVIOUR, CLOUDWATCH, SERVICE, SERVICE_SCHEDULER};
pub use service_deployment::DEPLOYMENT;
pub use service_scaling::METRICS;
pub use service_traffic::RATE_TRACE_KEYS;
pub use task_definition::TASK_DEFINITION;
pub use timing::{FARGATE, LATENCY, LIMITS};
pub use zonal_shift::ZONAL_SHIFT;

/// Microseconds in a second, for ranges.
const SECOND: u64 = 1_000_000;
/// Any duration.
const ANY_SPAN: Kind = Kind::Span(0, LATEST.0);
/// A duration of at least a second.
const SPAN_FROM_1S: Kind = Kind::Span(SECOND, LATEST.0);
/// Largest amount of memory of an instance or a task: 64 TiB, twice the largest instance type there is.
pub const MOST_MEMORY: u64 = 64 << 20;
/// Most CPU units of an instance: 1,024 vCPUs.
pub const MOST_CPU: u64 = 1 << 20;

const fn required(name: &'static str, kind: Kind, doc: &'static str, source: &'static str) -> Key {
    Key { name, kind, default: Default::Required, doc, source }
}

const fn with_default(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    doc: &'static str,
    source: &'static str,
) -> Key {
    Key { name, kind, default: Default::Value(default), doc, source }
}

const fn optional(
    name: &'static str,
    kind: Kind,
    otherwise: &'static str,
    doc: &'static str,
    source: &'static str,
) -> Key {
    Key { name, kind, default: Default::Words(otherwise), doc, source }
}

/// Time zero where a scenario says nothing: a Monday.
pub const DEFAULT_START: &str = "2026-01-05T00:00:00Z";
const DEFAULT_START_TOML: &str = "\"2026-01-05T00:00:00Z\"";

/// Keys that the product's plan names and that this version refuses, with what to do instead.
pub const NOT_SIMULATED: &[(&str, &str)] = &[
    (
        "sweep",
        "this is the file of a sweep: `ecsim sweep` runs it, `ecsim compare` sets its settings side by side",
    ),
    ("distribution_segments", "it is a key of a capacity provider's `mixed_instances`"),
    (
        "weighted_capacity",
        "instance weights are not simulated, each instance counts as one; ECS refuses them with managed scaling",
    ),
    (
        "desired_capacity_type",
        "a group counts in instances here; ECS refuses units of vCPU or memory with managed scaling",
    ),
    (
        "default_instance_warmup",
        "`instance_warmup_period` of `managed_scaling`, `estimated_instance_warmup` of a policy and `instance_warmup` \
         of a refresh say it",
    ),
    ("default_cooldown", "only simple scaling policies obey it, and a group has none here"),
    (
        "instance_maintenance_policy",
        "not simulated; an instance refresh has `min_healthy_percentage` and `max_healthy_percentage` of its own",
    ),
];

/// The whole scenario.
pub static ROOT: Section = Section::new(
    "",
    "A scenario: TOML, or JSON of the same shape.",
    &[
        optional("simulation", Kind::Table(&SIMULATION), "its defaults", "The run.", "ecsim"),
        optional(
            "outputs",
            Kind::Table(&OUTPUTS),
            "its defaults",
            "Which files are written.",
            "ecsim",
        ),
        optional(
            "cluster",
            Kind::TableOrTables(&CLUSTER),
            "one cluster called `default`",
            "Clusters.",
            "API",
        ),
        optional(
            "network",
            Kind::Table(&NETWORK),
            "none: addresses do not run out, and everything can be reached",
            "Subnets, their addresses and routes.",
            "API",
        ),
        optional(
            "instance_type",
            Kind::Tables(&INSTANCE_TYPE),
            "none",
            "Instance types that the catalogue lacks, or that replace its own.",
            "ecsim",
        ),
        optional(
            "capacity_provider",
            Kind::Tables(&CAPACITY_PROVIDER),
            "none; `FARGATE` and `FARGATE_SPOT` are built in",
            "Fleets of container instances.",
            "API",
        ),
        optional(
            "task_definition",
            Kind::Tables(&TASK_DEFINITION),
            "none",
            "Task definitions.",
            "API",
        ),
        optional(
            "run_task",
            Kind::Tables(&RUN_TASK),
            "none",
            "Callers of RunTask and StartTask.",
            "API",
        ),
        optional("service", Kind::Tables(&SERVICE), "none", "Services.", "API"),
        optional("failure", Kind::Tables(&FAILURE), "none", "What goes wrong.", "ecsim"),
        optional(
            "failure_trace",
            Kind::Tables(&FAILURE_TRACE),
            "none",
            "Files that say what goes wrong.",
            "ecsim",
        ),
        optional(
            "zonal_shift",
            Kind::Tables(&ZONAL_SHIFT),
            "none",
            "When Availability Zones are shifted away from; one at a time.",
            "API",
        ),
        optional(
            "service_scheduler",
            Kind::Table(&SERVICE_SCHEDULER),
            "its defaults",
            "Pace of the service scheduler.",
            "ecsim",
        ),
        optional(
            "cloudwatch",
            Kind::Table(&CLOUDWATCH),
            "its defaults",
            "Delays of metrics.",
            "ecsim",
        ),
        optional(
            "latency",
            Kind::Table(&LATENCY),
            "its defaults",
            "How long each stage takes.",
            "ecsim",
        ),
        optional("limits", Kind::Table(&LIMITS), "its defaults", "Quotas and rates.", "API"),
        optional(
            "fargate",
            Kind::Table(&FARGATE),
            "its defaults",
            "Fargate prices and zones.",
            "ecsim",
        ),
        optional(
            "prices",
            Kind::Table(&PRICES),
            "the built-in catalogue",
            "A price file.",
            "ecsim",
        ),
        optional(
            "reserved_instances",
            Kind::Tables(&RESERVED_INSTANCES),
            "none",
            "Reserved Instances.",
            "API",
        ),
        optional("savings_plan", Kind::Tables(&SAVINGS_PLAN), "none", "Savings Plans.", "API"),
        optional(
            "capacity_reservation",
            Kind::Tables(&CAPACITY_RESERVATION),
            "none",
            "On-Demand Capacity Reservations.",
            "API",
        ),
        optional(
            "bill",
            Kind::Table(&BILL),
            "none: only compute is billed",
            "What is on the bill beside compute.",
            "ecsim",
        ),
        optional(
            "invoice",
            Kind::Table(&INVOICE),
            "none: what is on the bill",
            "Private discounts, and the currency.",
            "ecsim",
        ),
        optional(
            "expect",
            Kind::Tables(&EXPECT),
            "none",
            "Limits that decide the exit code.",
            "ecsim",
        ),
    ],
);

/// `[simulation]`.
pub static SIMULATION: Section = Section::new(
    "simulation",
    "The run as a whole.",
    &[
        optional(
            "name",
            Kind::Text,
            "the file's name",
            "Name of the scenario and of its output folder.",
            "ecsim",
        ),
        with_default(
            "region",
            Kind::Text,
            "\"us-east-1\"",
            "Region, for prices and zone names.",
            "API",
        ),
        optional(
            "duration",
            SPAN_FROM_1S,
            "until the last task has stopped",
            "Length of the run; nothing at or after its end happens.",
            "ecsim",
        ),
        with_default(
            "seed",
            Kind::Whole(0, i64::MAX as u64),
            "42",
            "Seed of all random numbers.",
            "ecsim",
        ),
        with_default(
            "start",
            Kind::Text,
            DEFAULT_START_TOML,
            "Time zero on the calendar, RFC 3339: for schedules, weekdays and daily waves. The default is a Monday; with \
             another one tables and charts show the calendar.",
            "ecsim",
        ),
        with_default(
            "sample_interval",
            SPAN_FROM_1S,
            "\"60s\"",
            "Distance of the samples in `timeseries.csv`.",
            "ecsim",
        ),
        with_default(
            "max_requests_alive",
            Kind::Whole(1, 4_000_000_000),
            "20_000_000",
            "With `fidelity = \"requests\"`: requests or messages that a service may have alive at once, each of which takes \
             72 bytes; one more ends the run with an error.",
            "ecsim",
        ),
        with_default(
            "tie_break",
            Kind::Choice(&["stable", "uniform"]),
            "\"stable\"",
            "Who wins among equal instances: fewest tasks, then earliest registration (`stable`), or a seeded draw (`uniform`).",
            "assumed",
        ),
    ],
);

/// `[outputs]`.
pub static OUTPUTS: Section = Section::new(
    "outputs",
    "Which files a run writes beside the summary. Switching a file off changes no result.",
    &[
        with_default("tasks", Kind::Flag, "true", "`tasks.csv`, one row per task.", "ecsim"),
        with_default(
            "timeseries",
            Kind::Flag,
            "true",
            "`timeseries.csv`, one row per sample.",
            "ecsim",
        ),
        with_default(
            "instances",
            Kind::Flag,
            "true",
            "`instances.csv`, one row per instance.",
            "ecsim",
        ),
        with_default(
            "placement_failures",
            Kind::Flag,
            "true",
            "`placement_failures.csv`.",
            "ecsim",
        ),
        with_default(
            "placement_failures_interval",
            SPAN_FROM_1S,
            "\"60s\"",
            "Length of time that a row of `placement_failures.csv` sums up.",
            "ecsim",
        ),
        with_default(
            "services",
            Kind::Flag,
            "true",
            "`services.csv`, one row per service and sample; only with services.",
            "ecsim",
        ),
        with_default(
            "deployments",
            Kind::Flag,
            "true",
            "`deployments.csv`; only with services.",
            "ecsim",
        ),
        with_default("scaling", Kind::Flag, "true", "`scaling.csv`; only with services.", "ecsim"),
        with_default(
            "service_events",
            Kind::Flag,
            "true",
            "`service_events.csv`; only with services.",
            "ecsim",
        ),
        with_default(
            "fleet_events",
            Kind::Flag,
            "true",
            "`fleet_events.csv`; only with Auto Scaling groups, or failures of instances or of Fargate's capacity.",
            "ecsim",
        ),
        with_default(
            "capacity_reservation",
            Kind::Flag,
            "true",
            "`capacity_reservation.csv`; only with managed scaling.",
            "ecsim",
        ),
        with_default(
            "capacity_scaling",
            Kind::Flag,
            "true",
            "`capacity_scaling.csv`; only where a policy scales a group.",
            "ecsim",
        ),
        with_default(
            "cost_hourly",
            Kind::Flag,
            "true",
            "`cost_hourly.csv`, the bill by the hour.",
            "ecsim",
        ),
        with_default(
            "cost_format",
            Kind::Choice(&["ecsim", "focus"]),
            "\"ecsim\"",
            "Columns of `cost.csv`: ecsim's own, a row a line of the bill; or those of FOCUS 1.2, a row a line and calendar day.",
            "documented (FinOps Open Cost and Usage Specification)",
        ),
        with_default(
            "account_id",
            Kind::Text,
            "\"000000000000\"",
            "`BillingAccountId` and `SubAccountId` in the FOCUS columns: made up, twelve digits.",
            "ecsim",
        ),
        with_default(
            "cost_allocation",
            Kind::Flag,
            "false",
            "`cost_allocation.csv`, the bill by service, caller and capacity provider as AWS's split cost allocation has it; \
             also where anything has `tags`.",
            "documented",
        ),
        with_default(
            "subnets",
            Kind::Flag,
            "true",
            "`subnets.csv`, one row per subnet and sample; only with `[network]`.",
            "ecsim",
        ),
        with_default(
            "charts",
            Kind::Choice(&["svg", "png", "none"]),
            "\"svg\"",
            "Format of the charts.",
            "ecsim",
        ),
    ],
);

/// `[prices]`.
pub static PRICES: Section = Section::new(
    "prices",
    "Prices of your own, such as negotiated ones.",
    &[
        required(
            "file",
            Kind::Path,
            "CSV with columns `region`, `instance_type`, `usd_per_hour`; its rows of the run's region go before the catalogue's.",
            "ecsim",
        ),
        optional(
            "side_file",
            Kind::Path,
            "none",
            "CSV with columns `region`, `item`, `usd`: prices of what is charged beside compute, of items of \
             `src/catalog/data/side.csv`. `file` may be such a one, too.",
            "ecsim",
        ),
    ],
);
