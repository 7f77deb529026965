//! Keys of callers (`[[run_task]]`), of generated workloads, and of expectations.

use super::bill::{BYTES_OF_WORK, VOLUME_OF_TASKS};
use super::shared::{
    BURSTS_OF_A_RATE, CLUSTER_OF_TASKS, DAILY_DEPTH, LAUNCH_TYPE, OVERFLOW, PLACEMENT_CONSTRAINTS,
    PROVIDER_STRATEGY, PUBLIC_IP, STREAM, SUBNETS_OF_TASKS, TAGS, ZONES_OF_TASKS,
};
use super::{
    ANY_SPAN, Kind, MOST_CPU, MOST_MEMORY, SECOND, SPAN_FROM_1S, Section, optional, required,
    with_default,
};
use crate::base::time::LATEST;
use crate::scenario::keys::Unit;

const SECONDS: Kind = Kind::Distribution(Unit::Seconds);

/// Keys that say how a trace is read, which a generator has no use for.
pub const TRACE_KEYS: [&str; 13] = [
    "format",
    "on_error",
    "order",
    "time_scale",
    "limit",
    "cpu_of_one",
    "memory_of_one",
    "default_cpu",
    "default_memory",
    "default_duration",
    "swf_task_per_processor",
    "max_expanded_gib",
    "max_rows",
];

/// `[[run_task]]`.
pub static RUN_TASK: Section = Section::new(
    "run_task",
    "A caller of RunTask (or StartTask): where its tasks come from, where they go, what it does on failure.",
    &[
        optional(
            "name",
            Kind::Name(""),
            "`run-task-1`, `run-task-2`, ...",
            "Name; also the family of tasks without a definition.",
            "ecsim",
        ),
        STREAM,
        optional(
            "task_definition",
            Kind::Text,
            "one without image, in network mode `bridge` on EC2, `awsvpc` on Fargate and Managed Instances",
            "Family (or `family:revision`) of rows that name none.",
            "API",
        ),
        CLUSTER_OF_TASKS,
        LAUNCH_TYPE,
        PROVIDER_STRATEGY,
        OVERFLOW,
        optional(
            "start_task",
            Kind::Table(&START_TASK),
            "none",
            "StartTask in place of RunTask: the caller names the instances.",
            "API",
        ),
        optional(
            "placement_strategy",
            Kind::List(&Kind::Table(&PLACEMENT_STRATEGY), usize::MAX),
            "`random`, as RunTask",
            "Placement strategies in order, at most 5; EC2 only.",
            "documented",
        ),
        PLACEMENT_CONSTRAINTS,
        optional(
            "group",
            Kind::Name(":./"),
            "`family:<family>`",
            "Task group, for `spread` and `distinctInstance`.",
            "API",
        ),
        SUBNETS_OF_TASKS,
        PUBLIC_IP,
        BYTES_OF_WORK,
        VOLUME_OF_TASKS,
        ZONES_OF_TASKS,
        TAGS,
        with_default(
            "tasks_per_call",
            Kind::Whole(1, 10),
            "10",
            "Copies of a row that one call asks for, at most.",
            "documented (limit 10)",
        ),
        with_default(
            "on_failure",
            Kind::WordOr(&["give_up", "queue", "retry"], &Kind::Table(&ON_FAILURE)),
            "\"give_up\"",
            "What the caller does when a task cannot be placed: nothing, as ECS; keep a first-come, first-served queue; call again.",
            "documented (ECS queues nothing)",
        ),
        with_default(
            "on_oversized",
            Kind::Choice(&["error", "refuse"]),
            "\"error\"",
            "A task that fits no instance even when it is empty, and whose caller would \
             wait for ever: end the run with an error, or count the task as refused.",
            "ecsim",
        ),
        with_default(
            "duration",
            SECONDS,
            "\"60s\"",
            "How long tasks run whose row does not say.",
            "ecsim",
        ),
        optional(
            "stop_after",
            SPAN_FROM_1S,
            "never",
            "StopTask is called when a task has run this long.",
            "ecsim",
        ),
        optional(
            "trace",
            Kind::Path,
            "none; needs `generate` then",
            "Trace of tasks, CSV or as its `format` says, also gzip.",
            "ecsim",
        ),
        with_default(
            "format",
            Kind::Choice(&[
                "native",
                "swf",
                "alibaba_v2017_batch",
                "alibaba_v2018_batch",
                "openb",
                "google_2011",
                "azure_packing_2020",
            ]),
            "\"native\"",
            "Layout of the trace.",
            "ecsim",
        ),
        with_default(
            "on_error",
            Kind::Choice(&["fail", "skip"]),
            "\"fail\"",
            "What happens to a row that cannot be used; skipped rows are counted by reason.",
            "ecsim",
        ),
        optional(
            "order",
            Kind::Choice(&["strict", "sort"]),
            "`strict` for native traces, else as the format is published",
            "Whether rows out of order are an error, or the trace is sorted in memory first.",
            "ecsim",
        ),
        with_default(
            "time_scale",
            Kind::Number(1e-6, 1e6),
            "1",
            "Factor on arrival times: 0.5 doubles the load.",
            "ecsim",
        ),
        optional(
            "limit",
            Kind::Whole(1, 1_000_000_000_000),
            "all",
            "Rows that are used at most.",
            "ecsim",
        ),
        with_default(
            "cpu_of_one",
            Kind::Cpu(1, MOST_CPU),
            "65536",
            "CPU units that 1.0 means in a trace with normalised CPU.",
            "assumed",
        ),
        with_default(
            "memory_of_one",
            Kind::Memory(1, MOST_MEMORY),
            "262144",
            "MiB that 1.0 means in a trace with normalised memory.",
            "assumed",
        ),
        with_default(
            "default_cpu",
            Kind::Cpu(0, MOST_CPU),
            "1024",
            "CPU units of a row that does not say.",
            "assumed",
        ),
        with_default(
            "default_memory",
            Kind::Memory(1, MOST_MEMORY),
            "1024",
            "MiB of a row that does not say.",
            "assumed",
        ),
        optional(
            "default_duration",
            ANY_SPAN,
            "drawn from `duration`",
            "Duration of a row of a foreign trace that does not say.",
            "ecsim",
        ),
        with_default(
            "swf_task_per_processor",
            Kind::Flag,
            "false",
            "SWF: one task a processor in place of one a job.",
            "ecsim",
        ),
        with_default(
            "max_expanded_gib",
            Kind::Whole(1, 1 << 20),
            "64",
            "GiB that a compressed trace may expand to.",
            "ecsim",
        ),
        with_default(
            "max_rows",
            Kind::Whole(1, 1_000_000_000_000),
            "1000000000",
            "Rows that a trace may have.",
            "ecsim",
        ),
        optional(
            "generate",
            Kind::Table(&GENERATE),
            "none; needs `trace` then",
            "Task arrivals drawn from distributions.",
            "ecsim",
        ),
    ],
);

pub(super) static PROVIDER_SHARE: Section = Section::new(
    "capacity_provider_strategy",
    "An item of a capacity provider strategy.",
    &[
        required(
            "capacity_provider",
            Kind::Text,
            "Name; `FARGATE` and `FARGATE_SPOT` are built in.",
            "API",
        ),
        with_default(
            "base",
            Kind::Whole(0, 100_000),
            "0",
            "Tasks of a call that it gets first; on one item only. Of a service those that it has, also on DRAINING instances \
             until they stop (assumed): the replacement of such a task is launched by the weights.",
            "API",
        ),
        with_default(
            "weight",
            Kind::Whole(0, 1_000),
            "0",
            "Share of the tasks beyond the base.",
            "API",
        ),
    ],
);

static START_TASK: Section = Section::new(
    "start_task",
    "StartTask.",
    &[required(
        "container_instances",
        Kind::List(&Kind::Text, 1_000_000),
        "Names of instances (`<capacity provider>-<number from 0>`, or the inventory's `instance_id`), used one \
         after the other; a caller that queues tries each of them. StartTask knows neither placement strategies \
         nor constraints, so that those of the task definition do not hold (decided: ECS's documents do not say).",
        "API",
    )],
);

pub(super) static PLACEMENT_STRATEGY: Section = Section::new(
    "placement_strategy",
    "A placement strategy.",
    &[
        required(
            "type",
            Kind::Choice(&["binpack", "spread", "random", "first_fit", "worst_fit", "best_fit"]),
            "ECS has `binpack`, `spread` and `random`. For comparison: `first_fit` takes the instance that registered \
             first, `best_fit` the one with the least sum of free shares of CPU and of memory, `worst_fit` the one \
             with the largest free share of its scarcer resource.",
            "API",
        ),
        optional(
            "field",
            Kind::Text,
            "none; `binpack` and `spread` need one",
            "`binpack`: `cpu` or `memory`. `spread`: `instanceId`, `host` or `attribute:<name>`.",
            "API",
        ),
    ],
);

pub(super) static PLACEMENT_CONSTRAINT: Section = Section::new(
    "placement_constraint",
    "A placement constraint.",
    &[
        required("type", Kind::Choice(&["distinctInstance", "memberOf"]), "Type.", "API"),
        optional(
            "expression",
            Kind::Text,
            "none; `memberOf` needs one",
            "Expression in the cluster query language.",
            "API",
        ),
    ],
);

static ON_FAILURE: Section = Section::new(
    "on_failure",
    "What a caller does when ECS cannot place a task.",
    &[required("retry", Kind::Table(&RETRY), "Call again, with growing delays.", "ecsim")],
);

/// The parameters of `on_failure = { retry = {...} }`.
pub static RETRY: Section = Section::new(
    "retry",
    "Calls again with growing delays.",
    &[
        optional("attempts", Kind::Whole(1, 1_000_000), "until it works", "Calls in all.", "ecsim"),
        with_default(
            "first_delay",
            Kind::Span(1_000, LATEST.0),
            "\"1s\"",
            "Delay before the second call.",
            "assumed",
        ),
        with_default(
            "growth_percent",
            Kind::Whole(100, 10_000),
            "200",
            "Next delay in percent of the last one.",
            "assumed",
        ),
        with_default(
            "max_delay",
            Kind::Span(1_000, LATEST.0),
            "\"60s\"",
            "Longest delay.",
            "assumed",
        ),
        with_default(
            "jitter_percent",
            Kind::Whole(0, 100),
            "0",
            "Each delay is drawn from this share below it.",
            "assumed",
        ),
    ],
);

static GENERATE: Section = Section::new(
    "generate",
    "Task arrivals drawn from distributions.",
    &[
        required(
            "per_second",
            Kind::Number(1e-9, 1e6),
            "Mean arrivals a second; a daily wave peaks at `per_second` × (1 + `daily_depth`).",
            "ecsim",
        ),
        optional(
            "until",
            Kind::Span(SECOND, LATEST.0),
            "`simulation.duration`",
            "Last instant of an arrival.",
            "ecsim",
        ),
        optional("limit", Kind::Whole(1, 1_000_000_000_000), "none", "Rows at most.", "ecsim"),
        with_default(
            "process",
            Kind::Choice(&["poisson", "even"]),
            "\"poisson\"",
            "Random arrivals, or evenly spaced at the current rate.",
            "ecsim",
        ),
        DAILY_DEPTH,
        with_default(
            "daily_peak",
            Kind::Span(0, 86_400 * SECOND),
            "\"14h\"",
            "Time of day of the peak; the run begins at midnight of a Monday.",
            "ecsim",
        ),
        with_default(
            "weekend_factor",
            Kind::Number(0.0, 1e3),
            "1",
            "Factor on days 6 and 7 of each week.",
            "ecsim",
        ),
        BURSTS_OF_A_RATE,
        optional(
            "sizes",
            Kind::List(&Kind::Table(&SIZE), 10_000),
            "as the task definition says",
            "Sizes of tasks and their weights.",
            "ecsim",
        ),
        optional("duration", SECONDS, "the caller's `duration`", "How long tasks run.", "ecsim"),
        with_default(
            "count",
            Kind::Distribution(Unit::Plain),
            "1",
            "Copies of a row, rounded to a whole number from 1; they share the row's drawn `duration`, where copies \
             that take the caller's have a draw each.",
            "ecsim",
        ),
        with_default(
            "failure_percent",
            Kind::Number(0.0, 100.0),
            "0",
            "Chance of an exit code other than 0.",
            "ecsim",
        ),
    ],
);

pub(super) static BURSTS: Section = Section::new(
    "bursts",
    "A rate that switches between quiet and burst.",
    &[
        required("factor", Kind::Number(0.0, 1e4), "Factor on the rate during a burst.", "ecsim"),
        required("mean_gap", SPAN_FROM_1S, "Mean time between two bursts.", "ecsim"),
        required("mean_length", SPAN_FROM_1S, "Mean length of a burst.", "ecsim"),
    ],
);

static SIZE: Section = Section::new(
    "size",
    "A size of task and how often it is drawn.",
    &[
        required("cpu", Kind::Cpu(0, MOST_CPU), "CPU units.", "ecsim"),
        required("memory", Kind::Memory(1, MOST_MEMORY), "MiB.", "ecsim"),
        with_default("gpus", Kind::Whole(0, 64), "0", "Whole GPUs.", "ecsim"),
        with_default("weight", Kind::Number(0.0, 1e9), "1", "Weight among the sizes.", "ecsim"),
    ],
);

/// `[[expect]]`.
pub static EXPECT: Section = Section::new(
    "expect",
    "A limit on a metric of the summary; a run that breaks one ends with exit code 1.",
    &[
        required("metric", Kind::Text, "Name of the metric in `summary.csv`.", "ecsim"),
        optional(
            "at_most",
            Kind::Number(-1e18, 1e18),
            "none",
            "Largest value that is right.",
            "ecsim",
        ),
        optional(
            "at_least",
            Kind::Number(-1e18, 1e18),
            "none",
            "Smallest value that is right.",
            "ecsim",
        ),
    ],
);
