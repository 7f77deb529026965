//! Keys that stand in more than one section, once.

use super::calls::{BURSTS, PLACEMENT_CONSTRAINT, PROVIDER_SHARE};
use super::capacity::{ARCHITECTURES, OPERATING_SYSTEMS};
use super::{ANY_SPAN, Key, Kind, SECOND, SPAN_FROM_1S, Section, optional, required, with_default};

pub(super) static A_SHARE: Kind = Kind::Table(&PROVIDER_SHARE);
static A_CONSTRAINT: Kind = Kind::Table(&PLACEMENT_CONSTRAINT);

pub(super) const CLUSTER_OF_TASKS: Key =
    optional("cluster", Kind::Text, "the first cluster", "Cluster.", "API");

pub(super) const STREAM: Key = optional(
    "stream",
    Kind::Name(""),
    "`name`",
    "What its random streams are called. With the old name here a renamed entry draws what it drew before; \
     two entries with one draw alike.",
    "ecsim",
);

pub(super) const LAUNCH_TYPE: Key = optional(
    "launch_type",
    Kind::Choice(&["EC2", "FARGATE", "EXTERNAL"]),
    "`EC2` where the cluster has capacity providers of its own, else `FARGATE`",
    "Launch type.",
    "API",
);

pub(super) const PROVIDER_STRATEGY: Key = optional(
    "capacity_provider_strategy",
    Kind::List(&A_SHARE, usize::MAX),
    "none; the launch type decides",
    "Capacity providers in place of a launch type, at most 20.",
    "API",
);

pub(super) const OVERFLOW: Key = optional(
    "overflow_to_fargate",
    Kind::Table(&OVERFLOW_TO_FARGATE),
    "none, as ECS: tasks wait for their provider, or are refused",
    "Beyond ECS, and a wish of its users for years: EC2 first, and Fargate for tasks that find no room there.",
    "ecsim",
);

static OVERFLOW_TO_FARGATE: Section = Section::new(
    "overflow_to_fargate",
    "EC2 first, Fargate for what does not fit; ECS knows no such fallback. Needs a capacity provider strategy on EC2 and \
     task definitions that Fargate runs; there, placement strategies and constraints do not count. A task without room \
     waits in PROVISIONING, also for a fleet that does not grow. Until it leaves, managed scaling counts it; on Fargate it \
     does not. It stays there until it stops: a replacement is tried on EC2 first, and scale-in takes those on Fargate first.",
    &[
        with_default(
            "after",
            ANY_SPAN,
            "\"0s\"",
            "How long a task waits for room on EC2; at 0 managed scaling never sees it. Shorter than `provisioning_timeout`.",
            "ecsim",
        ),
        with_default(
            "capacity_provider",
            Kind::Choice(&["FARGATE", "FARGATE_SPOT"]),
            "\"FARGATE\"",
            "Where it goes then.",
            "ecsim",
        ),
        with_default(
            "again",
            SPAN_FROM_1S,
            "\"10s\"",
            "When Fargate is asked again that had no capacity or quota left for a task; meanwhile room on EC2 may come.",
            "ecsim",
        ),
    ],
);

pub(super) const PLACEMENT_CONSTRAINTS: Key = optional(
    "placement_constraints",
    Kind::List(&A_CONSTRAINT, usize::MAX),
    "none",
    "Placement constraints, at most 10 with those of the task definition; EC2 only.",
    "documented",
);

pub(super) const SUBNETS_OF_TASKS: Key = optional(
    "subnets",
    Kind::List(&Kind::Text, 16),
    "all",
    "Ids of the cluster's subnets that `awsvpc` tasks may use; only their zones are candidates.",
    "API",
);

pub(super) const PUBLIC_IP: Key = optional(
    "assign_public_ip",
    Kind::Flag,
    "false",
    "With `[network]`, on Fargate: whether tasks get a public address, without which a public subnet does not lead out.",
    "API",
);

pub(super) const TAGS: Key = optional(
    "tags",
    Kind::Attributes,
    "none",
    "`tags`: names with values, such as { team = \"a\" }, by which `cost_by_tag.csv` adds the bill up; at most 50.",
    "API",
);

pub(super) const ZONES_OF_TASKS: Key = optional(
    "availability_zones",
    Kind::List(&Kind::Text, 26),
    "all",
    "The zones of those subnets, in place of `subnets`.",
    "ecsim",
);

pub(super) const DAILY_DEPTH: Key = with_default(
    "daily_depth",
    Kind::Number(0.0, 1.0),
    "0",
    "Depth of a daily wave: 0 none, 1 down to nothing at night.",
    "ecsim",
);

pub(super) const BURSTS_OF_A_RATE: Key =
    optional("bursts", Kind::Table(&BURSTS), "none", "Bursts on top of the rate.", "ecsim");

pub(super) const CHECK_INTERVAL: Key = with_default(
    "interval",
    Kind::Span(5 * SECOND, 300 * SECOND),
    "\"30s\"",
    "Distance of checks.",
    "documented",
);

pub(super) const CPU_ARCHITECTURE: Key = with_default(
    "cpu_architecture",
    Kind::Choice(ARCHITECTURES),
    "\"X86_64\"",
    "CPU architecture.",
    "API",
);

pub(super) const OPERATING_SYSTEM: Key = with_default(
    "operating_system_family",
    Kind::Choice(OPERATING_SYSTEMS),
    "\"LINUX\"",
    "Operating system.",
    "API",
);

pub(super) const RECLAIM_PERCENT: Key = optional(
    "reclaim_percent",
    Kind::Whole(1, 100),
    "100",
    "Share of what is there that is taken back then, rounded up.",
    "ecsim",
);

/// How much Spot capacity there is over time, as SkyPilot's files say.
pub(super) const AVAILABILITY_TRACE: Key = required(
    "trace",
    Kind::Path,
    "JSON as SkyPilot published it: `{\"metadata\": {\"gap_seconds\": N}, \"data\": [counts]}`.",
    "ecsim",
);

pub(super) const AVAILABILITY_MEANING: Key = with_default(
    "meaning",
    Kind::Choice(&["available", "unavailable"]),
    "\"available\"",
    "What its numbers mean: so many can be had; or 0: one can, anything else: none.",
    "ecsim",
);

pub(super) const AVAILABILITY_GAP: Key =
    optional("gap", SPAN_FROM_1S, "the file's", "Distance of its samples.", "ecsim");

pub(super) const SHORTAGE_AT: Key = required("at", ANY_SPAN, "When it begins.", "ecsim");

pub(super) const SHORTAGE_DURATION: Key =
    required("duration", SPAN_FROM_1S, "How long it lasts.", "ecsim");

pub(super) const SHORTAGE_PURCHASE: Key = optional(
    "purchase",
    Kind::Choice(&["on_demand", "spot"]),
    "both",
    "What cannot be had: On-Demand or Spot.",
    "ecsim",
);
