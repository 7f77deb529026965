//! Keys of deployments: how a new revision comes in, the load balancer in front, task sets.

use super::service::CHANGED_BEHAVIOUR;
use super::shared::{A_SHARE, CHECK_INTERVAL};
use super::{ANY_SPAN, Kind, SECOND, Section, optional, required, with_default};

const MINUTE: u64 = 60 * SECOND;
const PERCENT: Kind = Kind::Whole(0, 100);
/// Bake times of the API: 0 to 1,440 minutes.
const BAKE: Kind = Kind::Span(0, 1_440 * MINUTE);
/// `scale` of a task set.
const SCALE: Kind = Kind::Number(0.0, 100.0);

/// Stages of a deployment, in order, as the API names them.
pub const STAGES: &[&str] = &[
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "SCALE_UP",
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
    "BAKE_TIME",
    "CLEAN_UP",
];

/// `deployment_configuration` of a service.
pub static DEPLOYMENT: Section = Section::new(
    "deployment_configuration",
    "How a new revision comes in.",
    &[
        with_default(
            "strategy",
            Kind::Choice(&["ROLLING", "BLUE_GREEN", "CANARY", "LINEAR"]),
            "\"ROLLING\"",
            "Controller ECS: tasks are replaced in place, or traffic moves to a second set of tasks.",
            "API",
        ),
        optional(
            "minimum_healthy_percent",
            PERCENT,
            "100; DAEMON: 0",
            "Healthy tasks kept, in percent of the desired count, rounded up.",
            "API",
        ),
        optional(
            "maximum_percent",
            Kind::Whole(100, 1_000),
            "200; DAEMON: 100",
            "RUNNING and PENDING tasks allowed, in percent of the desired count, rounded down.",
            "API",
        ),
        optional(
            "deployment_circuit_breaker",
            Kind::Table(&BREAKER),
            "off",
            "Circuit breaker; `ROLLING` only.",
            "API",
        ),
        optional("alarms", Kind::Table(&ALARMS), "off", "Alarms that fail a deployment.", "API"),
        optional(
            "early_success_criteria",
            Kind::Table(&EARLY_SUCCESS),
            "off",
            "When a deployment counts as done before all tasks are new; `ROLLING` only.",
            "API",
        ),
        optional(
            "bake_time",
            BAKE,
            "0; with alarms `service_scheduler.alarm_bake`, but 0 for a managed daemon",
            "Time that alarms are watched, and blue is kept, after the new revision serves; of a managed daemon after each \
             batch of instances.",
            "API",
        ),
        optional(
            "drain_percent",
            Kind::Number(0.0, 100.0),
            "25 for a managed daemon; others have none",
            "Managed daemons, which are DAEMON services of Managed Instances: which share of the instances drains at once, \
             rounded down, one at least; others with the new revision take their place.",
            "API (range), console (default); rounding assumed",
        ),
        optional("canary", Kind::Table(&CANARY), "its defaults", "Steps of `CANARY`.", "API"),
        optional("linear", Kind::Table(&LINEAR), "its defaults", "Steps of `LINEAR`.", "API"),
        optional(
            "lifecycle_hook",
            Kind::List(&Kind::Table(&HOOK), 100),
            "none",
            "Lifecycle hooks; not with `ROLLING`.",
            "API",
        ),
        optional(
            "code_deploy",
            Kind::Choice(&[
                "CodeDeployDefault.ECSAllAtOnce",
                "CodeDeployDefault.ECSLinear10PercentEvery1Minutes",
                "CodeDeployDefault.ECSLinear10PercentEvery3Minutes",
                "CodeDeployDefault.ECSCanary10Percent5Minutes",
                "CodeDeployDefault.ECSCanary10Percent15Minutes",
            ]),
            "`CodeDeployDefault.ECSAllAtOnce`",
            "Controller CODE_DEPLOY: its deployment configuration.",
            "API",
        ),
        optional(
            "termination_wait",
            Kind::Span(0, 2_880 * MINUTE),
            "\"1h\"",
            "Controller CODE_DEPLOY: how long blue is kept after the last shift.",
            "documented",
        ),
    ],
);

static BREAKER: Section = Section::new(
    "deployment_circuit_breaker",
    "Ends a deployment whose tasks fail.",
    &[
        with_default("enable", Kind::Flag, "true", "Whether it is on.", "API"),
        with_default(
            "rollback",
            Kind::Flag,
            "false",
            "Whether a failed deployment goes back to the last completed one.",
            "API",
        ),
        optional(
            "threshold",
            Kind::Table(&BREAKER_THRESHOLD),
            "50 percent, bounded",
            "Failed tasks that fail the deployment.",
            "API",
        ),
        with_default(
            "reset_on_healthy_task",
            Kind::Flag,
            "true",
            "Whether a task that becomes healthy sets the count of failures to 0.",
            "API",
        ),
    ],
);

static BREAKER_THRESHOLD: Section = Section::new(
    "threshold",
    "Failed tasks that fail a deployment.",
    &[
        with_default(
            "type",
            Kind::Choice(&["BOUNDED_PERCENT", "UNBOUNDED_PERCENT", "COUNT"]),
            "\"BOUNDED_PERCENT\"",
            "Percent of the desired count, from 3 to 200 tasks; percent as it comes out; a number.",
            "API",
        ),
        with_default(
            "value",
            Kind::Whole(1, 1_000_000),
            "50",
            "Percent (1 to 100), or tasks.",
            "API",
        ),
    ],
);

static ALARMS: Section = Section::new(
    "alarms",
    "Alarms that fail a deployment when any of them goes to ALARM.",
    &[
        with_default("enable", Kind::Flag, "true", "Whether they are watched.", "API"),
        with_default(
            "rollback",
            Kind::Flag,
            "false",
            "Whether a failed deployment goes back to the last completed one.",
            "API",
        ),
        required("alarm", Kind::List(&Kind::Table(&ALARM), 100), "The alarms.", "API"),
    ],
);

static ALARM: Section = Section::new(
    "alarm of a deployment",
    "A CloudWatch alarm on a service's own metrics, by the minute.",
    &[
        required("name", Kind::Text, "Name.", "API"),
        required(
            "metric",
            Kind::Choice(&[
                "error_percent",
                "dropped_percent",
                "latency_ms",
                "cpu_percent",
                "target_5xx_count",
                "elb_5xx_count",
                "unhealthy_host_count",
                "latency_p50_ms",
                "latency_p90_ms",
                "latency_p95_ms",
                "latency_p99_ms",
                "messages_visible",
            ]),
            "Of a minute: errors and drops in percent of the requests, mean latency, CPU utilisation; answers with an \
             error, requests dropped, tasks whose checks fail at its end; percentiles of latency; messages that wait at \
             its end.",
            "ecsim",
        ),
        required("threshold", Kind::Number(0.0, 1e12), "Breaches above this.", "API"),
        with_default("evaluation_periods", Kind::Whole(1, 1_440), "1", "Points looked at.", "API"),
        optional(
            "datapoints_to_alarm",
            Kind::Whole(1, 1_440),
            "`evaluation_periods`",
            "Points that must breach.",
            "API",
        ),
    ],
);

static EARLY_SUCCESS: Section = Section::new(
    "early_success_criteria",
    "When a rolling deployment counts as done before all tasks are new.",
    &[
        with_default("enable", Kind::Flag, "true", "Whether it is on.", "API"),
        with_default(
            "healthy_percent",
            PERCENT,
            "100",
            "Healthy new tasks, in percent of the desired count, rounded up; not below `minimum_healthy_percent`.",
            "API",
        ),
        with_default(
            "old_tasks",
            Kind::Choice(&["BLOCKING", "DEFERRED"]),
            "\"BLOCKING\"",
            "Whether the deployment waits until old tasks are gone.",
            "API",
        ),
    ],
);

static CANARY: Section = Section::new(
    "canary",
    "A first share of the traffic, a wait, then the rest.",
    &[
        with_default("percent", Kind::Number(0.1, 100.0), "5", "First share, to a tenth.", "API"),
        with_default("bake_time", BAKE, "\"10m\"", "Wait before the rest.", "API"),
    ],
);

static LINEAR: Section = Section::new(
    "linear",
    "Equal shares of the traffic, with a wait after each but the last.",
    &[
        with_default(
            "step_percent",
            Kind::Number(3.0, 100.0),
            "10",
            "Share of a step, to a tenth.",
            "API",
        ),
        with_default("step_bake_time", BAKE, "\"6m\"", "Wait after a step.", "API"),
    ],
);

static HOOK: Section = Section::new(
    "lifecycle_hook",
    "Something that a deployment waits for at some of its stages.",
    &[
        required(
            "lifecycle_stages",
            Kind::List(&Kind::Choice(STAGES), STAGES.len()),
            "Stages.",
            "API",
        ),
        with_default(
            "type",
            Kind::Choice(&["LAMBDA", "PAUSE"]),
            "\"LAMBDA\"",
            "A function that answers, or a person who goes on.",
            "API",
        ),
        optional(
            "takes",
            Kind::Span(0, 86_400 * SECOND),
            "\"1s\"",
            "LAMBDA: time until the answer, IN_PROGRESS included; a stage lasts 24 hours at most.",
            "assumed",
        ),
        optional(
            "result",
            Kind::Choice(&["SUCCEEDED", "FAILED"]),
            "`SUCCEEDED`",
            "LAMBDA: the answer.",
            "API",
        ),
        optional("resumed_after", ANY_SPAN, "never", "PAUSE: when somebody goes on.", "ecsim"),
        optional(
            "timeout",
            Kind::Span(MINUTE, 20_160 * MINUTE),
            "\"1d\"",
            "PAUSE: longest wait, at most 20,160 minutes; then the deployment is rolled back.",
            "documented",
        ),
    ],
);

/// `load_balancer` of a service.
pub static LOAD_BALANCER: Section = Section::new(
    "load_balancer",
    "A target group and the load balancer in front of it.",
    &[
        with_default(
            "type",
            Kind::Choice(&["application", "network"]),
            "\"application\"",
            "ALB or NLB.",
            "API",
        ),
        optional(
            "name",
            Kind::Name(""),
            "the service's: a load balancer of its own",
            "Name of the load balancer: services that give the same one share it, for the bill.",
            "API",
        ),
        with_default(
            "scheme",
            Kind::Choice(&["internet-facing", "internal"]),
            "\"internet-facing\"",
            "Whether clients come from the internet, for the bill.",
            "API",
        ),
        with_default(
            "rules",
            Kind::Whole(1, 1_000),
            "1",
            "Rules of its listener that a request is compared with, for the bill; the first ten are free. ALB only.",
            "documented",
        ),
        with_default(
            "requests_per_connection",
            Kind::Whole(1, 1_000_000),
            "1",
            "Requests that come by one connection, for the bill.",
            "assumed",
        ),
        with_default(
            "connection_duration",
            ANY_SPAN,
            "\"60s\"",
            "How long a connection is open, for the bill: ALB's idle timeout.",
            "assumed",
        ),
        with_default(
            "protocol",
            Kind::Choice(&["TCP", "UDP", "TLS"]),
            "\"TCP\"",
            "Protocol of an NLB's listener, for the bill.",
            "API",
        ),
        with_default(
            "mutual_tls",
            Kind::Flag,
            "false",
            "Whether an ALB verifies its clients' certificates: half as many connections for a capacity unit.",
            "documented",
        ),
        with_default(
            "routing",
            Kind::Choice(&["round_robin", "least_outstanding_requests"]),
            "\"round_robin\"",
            "How a target is chosen; the second with an ALB only.",
            "API",
        ),
        optional(
            "cross_zone",
            Kind::Flag,
            "true; network: false",
            "Whether a zone's requests may go to other zones; else each zone gets an equal share.",
            "documented",
        ),
        with_default(
            "zonal_shift",
            Kind::Flag,
            "false",
            "`zonal_shift.config.enabled`: in a `[[zonal_shift]]` targets of that zone get no new requests, as long as \
             there are others.",
            "documented",
        ),
        optional(
            "health_check",
            Kind::Table(&TARGET_CHECK),
            "its defaults",
            "Health checks of targets.",
            "API",
        ),
        with_default(
            "initial_checks",
            Kind::Whole(1, 10),
            "1",
            "Checks that a new target must pass.",
            "documented (ALB)",
        ),
        optional(
            "registration",
            ANY_SPAN,
            "\"0s\"; network: \"120s\"",
            "From RegisterTargets to the first check.",
            "assumed; network measured (90 to 180 s)",
        ),
        with_default(
            "slow_start",
            Kind::Span(0, 900 * SECOND),
            "\"0s\"",
            "A new target's share grows over this long: 0 is off, else 30 to 900 s.",
            "documented",
        ),
        with_default(
            "deregistration_delay",
            Kind::Span(0, 3_600 * SECOND),
            "\"300s\"",
            "How long a leaving target may finish its requests.",
            "documented",
        ),
        with_default(
            "failover",
            ANY_SPAN,
            "\"4s\"",
            "From a crash to DeregisterTargets: requests for the dead task are lost.",
            "measured (3 to 5 s)",
        ),
        optional(
            "deregistration",
            ANY_SPAN,
            "\"0s\"; network: \"120s\"",
            "From DeregisterTargets until the target gets no new requests; those for a stopped task are lost.",
            "assumed; network measured (up to 2 min)",
        ),
    ],
);

static TARGET_CHECK: Section = Section::new(
    "health_check of a load balancer",
    "Health checks of targets.",
    &[
        CHECK_INTERVAL,
        optional(
            "timeout",
            Kind::Span(2 * SECOND, 120 * SECOND),
            "\"5s\"; network: \"10s\"",
            "How long a check may take; an ALB's is below the interval.",
            "documented",
        ),
        with_default(
            "healthy_threshold",
            Kind::Whole(2, 10),
            "5",
            "Passes in a row until an unhealthy target is healthy.",
            "documented",
        ),
        with_default(
            "unhealthy_threshold",
            Kind::Whole(2, 10),
            "2",
            "Failures in a row until a target is unhealthy.",
            "documented",
        ),
    ],
);

/// `[[service.task_set]]`.
pub static TASK_SET: Section = Section::new(
    "task_set",
    "A task set of the controller EXTERNAL.",
    &[
        required("name", Kind::Text, "Name.", "ecsim"),
        optional(
            "task_definition",
            Kind::Text,
            "the service's",
            "Family or `family:revision`.",
            "API",
        ),
        optional(
            "behaviour",
            Kind::Table(&CHANGED_BEHAVIOUR),
            "the service's",
            "What differs from the service's `behaviour`.",
            "ecsim",
        ),
        optional(
            "capacity_provider_strategy",
            Kind::List(&A_SHARE, usize::MAX),
            "the service's",
            "Capacity providers of its tasks; `[]`: the launch type of the service.",
            "API",
        ),
        with_default(
            "scale_percent",
            SCALE,
            "100",
            "Tasks in percent of the desired count, to a tenth, rounded up.",
            "API",
        ),
    ],
);

pub(super) static TASK_SET_SCALE: Section = Section::new(
    "update_task_set",
    "A new scale of a task set.",
    &[
        required("name", Kind::Text, "Task set.", "ecsim"),
        required("scale_percent", SCALE, "Tasks in percent of the desired count.", "API"),
    ],
);
