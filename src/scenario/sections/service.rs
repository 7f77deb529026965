//! Keys of services (`[[service]]`): the API's of CreateService in snake_case, and how their tasks behave.

use super::bill::{BYTES_OF_WORK, VOLUME_OF_TASKS};
use super::calls::PLACEMENT_STRATEGY;
use super::service_deployment::{DEPLOYMENT, LOAD_BALANCER, TASK_SET};
use super::service_scaling::SCALING;
use super::service_traffic::{QUEUE, TRAFFIC};
use super::service_update::UPDATE;
use super::shared::{
    CLUSTER_OF_TASKS, LAUNCH_TYPE, OVERFLOW, PLACEMENT_CONSTRAINTS, PROVIDER_STRATEGY, PUBLIC_IP,
    STREAM, SUBNETS_OF_TASKS, TAGS, ZONES_OF_TASKS,
};
use super::{
    ANY_SPAN, Default, Key, Kind, MOST_MEMORY, SECOND, Section, optional, required, with_default,
};
use crate::base::time::LATEST;
use crate::scenario::keys::Unit;

const SECONDS: Kind = Kind::Distribution(Unit::Seconds);
const PERCENT: Kind = Kind::Number(0.0, 100.0);
/// Tasks of a service, before quotas.
pub(super) const TASKS: Kind = Kind::Whole(0, 1_000_000);
/// `healthCheckGracePeriodSeconds` (API reference; documented).
const GRACE: Kind = Kind::Span(0, 2_147_483_647 * SECOND);

/// `[[service]]`.
pub static SERVICE: Section = Section::new(
    "service",
    "A service: how many tasks ECS keeps, what they have to do, how they are checked, deployed and scaled.",
    &[
        required("name", Kind::Name(""), "Name.", "documented"),
        STREAM,
        CLUSTER_OF_TASKS,
        required(
            "task_definition",
            Kind::Text,
            "Family (its latest revision) or `family:revision` of the first deployment.",
            "API",
        ),
        LAUNCH_TYPE,
        PROVIDER_STRATEGY,
        OVERFLOW,
        with_default(
            "scheduling_strategy",
            Kind::Choice(&["REPLICA", "DAEMON"]),
            "\"REPLICA\"",
            "So many tasks, or one on each container instance.",
            "API",
        ),
        optional(
            "critical",
            Kind::Flag,
            "`true` for a managed daemon; others have none",
            "DAEMON on Managed Instances, a managed daemon: whether an instance is IMPAIRED where its task stops or is unhealthy \
             (`auto_repair`), and tasks on a new instance start when it runs; else only the task is replaced.",
            "API",
        ),
        optional(
            "desired_count",
            TASKS,
            "1; DAEMON: the instances decide",
            "Tasks to keep.",
            "API",
        ),
        with_default(
            "starts_running",
            Kind::Flag,
            "true",
            "Whether the service is in its steady state at time zero; else it is created then.",
            "ecsim",
        ),
        optional(
            "placement_strategy",
            Kind::List(&Kind::Table(&PLACEMENT_STRATEGY), usize::MAX),
            "the zone, then the instance with the fewest tasks of the service",
            "Placement strategies in order, at most 5; EC2 only.",
            "documented",
        ),
        PLACEMENT_CONSTRAINTS,
        SUBNETS_OF_TASKS,
        PUBLIC_IP,
        ZONES_OF_TASKS,
        TAGS,
        optional(
            "availability_zone_rebalancing",
            Kind::Choice(&["ENABLED", "DISABLED"]),
            "`ENABLED` where the service is eligible",
            "Whether tasks move to the zones with fewer of them. Eligible: REPLICA, no placement strategy or first \
             a spread over zones, `maximum_percent` above 100, no constraint on zones.",
            "documented",
        ),
        with_default(
            "health_check_grace_period",
            GRACE,
            "\"0s\"",
            "Time after a task has started in which failing health checks do not count.",
            "API",
        ),
        with_default(
            "deployment_controller",
            Kind::Choice(&["ECS", "CODE_DEPLOY", "EXTERNAL"]),
            "\"ECS\"",
            "Who deploys: the service scheduler, CodeDeploy, or the caller by task sets.",
            "API",
        ),
        optional(
            "deployment_configuration",
            Kind::Table(&DEPLOYMENT),
            "its defaults",
            "How a new revision comes in.",
            "API",
        ),
        optional("load_balancer", Kind::Table(&LOAD_BALANCER), "none", "Load balancer.", "API"),
        optional(
            "container_stop",
            SECONDS,
            "`latency.container_stop`",
            "Time from SIGTERM, or from its last message with `finish_on_stop`, until a container exits; at `stop_timeout` it is killed.",
            "ecsim",
        ),
        optional("protection", Kind::Table(&PROTECTION), "none", "Task protection.", "API"),
        optional(
            "behaviour",
            Kind::Table(&BEHAVIOUR),
            "its defaults",
            "How tasks of the first revision behave.",
            "ecsim",
        ),
        optional("traffic", Kind::Table(&TRAFFIC), "none", "Requests that come.", "ecsim"),
        optional(
            "queue",
            Kind::Table(&QUEUE),
            "none",
            "Messages that the tasks take from a queue, in place of `traffic`.",
            "ecsim",
        ),
        BYTES_OF_WORK,
        VOLUME_OF_TASKS,
        optional("scaling", Kind::Table(&SCALING), "none", "Service auto scaling.", "API"),
        optional("update", Kind::Tables(&UPDATE), "none", "Changes during the run.", "API"),
        optional(
            "task_set",
            Kind::Tables(&TASK_SET),
            "one with everything",
            "EXTERNAL: the task sets at the start; the first one is primary.",
            "API",
        ),
    ],
);

static PROTECTION: Section = Section::new(
    "protection",
    "Task scale-in protection, which the tasks set themselves: when they start, or while they work on a message.",
    &[
        with_default(
            "percent",
            PERCENT,
            "100",
            "Chance that a task protects itself, in percent.",
            "ecsim",
        ),
        with_default(
            "expires_in",
            Kind::Span(60 * SECOND, 2_880 * 60 * SECOND),
            "\"2h\"",
            "Time until protection ends: 1 to 2,880 minutes.",
            "documented",
        ),
        with_default(
            "renewed",
            Kind::Flag,
            "false",
            "Whether a task renews its protection as long as it runs.",
            "ecsim",
        ),
        with_default(
            "while_busy",
            Kind::Flag,
            "false",
            "Whether a task is protected just as long as it works on a message of the `queue`.",
            "ecsim",
        ),
    ],
);

static STARTUP_CPU: Section = Section::new(
    "startup_cpu",
    "CPU that a task burns while it starts. Requests that come meanwhile get the rest, at least the half.",
    &[
        required("vcpu", Kind::Number(0.001, 1_024.0), "vCPUs in use.", "ecsim"),
        required("duration", Kind::Span(1_000, LATEST.0), "For how long.", "ecsim"),
    ],
);

/// How the tasks of a revision behave.
pub static BEHAVIOUR: Section = Section::new(
    "behaviour",
    "How the tasks of a revision behave beyond what they have to do: crashes, health, what they cost.",
    &FIRST_BEHAVIOUR,
);

/// How the tasks of a later revision differ from the first one's.
pub static CHANGED_BEHAVIOUR: Section = Section::new(
    "behaviour of a later revision",
    "How the tasks of a later revision differ from the service's `behaviour`.",
    &LATER_BEHAVIOUR,
);

static FIRST_BEHAVIOUR: [Key; 11] = BEHAVIOURS;
static LATER_BEHAVIOUR: [Key; 11] = of_a_later_revision(BEHAVIOURS);

/// What a later revision leaves out is as the service says.
const fn of_a_later_revision(keys: [Key; 11]) -> [Key; 11] {
    const fn of(key: Key) -> Key {
        Key { default: Default::Words("the service's"), ..key }
    }
    let [a, b, c, d, e, f, g, h, i, j, k] = keys;
    [of(a), of(b), of(c), of(d), of(e), of(f), of(g), of(h), of(i), of(j), of(k)]
}

const BEHAVIOURS: [Key; 11] = [
    with_default(
        "start_failure_percent",
        PERCENT,
        "0",
        "Chance that a task never reaches RUNNING: a bad image, a bad configuration.",
        "ecsim",
    ),
    with_default(
        "start_failure_reason",
        Kind::Text,
        "\"CannotPullContainerError\"",
        "`stopped_reason` of such a task in `tasks.csv`.",
        "documented",
    ),
    optional(
        "time_to_failure",
        SECONDS,
        "never",
        "Time from RUNNING to a crash; `exponential` is a constant hazard rate.",
        "ecsim",
    ),
    with_default(
        "crash_exit_code",
        Kind::Whole(1, 255),
        "1",
        "Exit code of such a crash.",
        "ecsim",
    ),
    with_default(
        "never_healthy_percent",
        PERCENT,
        "0",
        "Chance that a task never passes a health check.",
        "ecsim",
    ),
    optional(
        "time_to_unhealthy",
        SECONDS,
        "never",
        "Time from RUNNING until health checks fail for good.",
        "ecsim",
    ),
    with_default(
        "ready_after",
        SECONDS,
        "\"0s\"",
        "Time from RUNNING until the application answers requests and checks.",
        "ecsim",
    ),
    with_default(
        "cost_percent",
        Kind::Whole(1, 10_000),
        "100",
        "CPU of a request, in percent of `cpu_ms_per_request`.",
        "ecsim",
    ),
    with_default(
        "error_percent",
        PERCENT,
        "0",
        "Share of the served requests that are answered with an error.",
        "ecsim",
    ),
    with_default(
        "idle_memory",
        Kind::Memory(0, MOST_MEMORY),
        "0",
        "MiB that a task uses without requests.",
        "assumed",
    ),
    optional(
        "startup_cpu",
        Kind::Table(&STARTUP_CPU),
        "none",
        "CPU that a task burns from RUNNING on, beside its requests: seen by the CPU metric, and never above its limit.",
        "assumed",
    ),
];

const DELAYS: Kind = Kind::List(&Kind::Span(0, LATEST.0), 100);

/// `[service_scheduler]`.
pub static SERVICE_SCHEDULER: Section = Section::new(
    "service_scheduler",
    "How the service scheduler paces itself. Little of it is published.",
    &[
        with_default(
            "cycle",
            Kind::Span(1_000, LATEST.0),
            "\"10s\"",
            "Distance of reconciliations of a service while there is something to do.",
            "assumed",
        ),
        with_default(
            "reaction",
            SECONDS,
            "{ type = \"uniform\", min = \"1s\", max = \"5s\" }",
            "From an event to the reconciliation that it causes.",
            "assumed",
        ),
        optional(
            "crash_reaction",
            SECONDS,
            "`reaction` where it is not its default, else uniform from 8 s to 20 s",
            "From the exit of an essential container to the start of the task that replaces it.",
            "assumed (measured on EC2: 12 to 25 s between the starts of a task that crashes at once)",
        ),
        with_default(
            "batch",
            Kind::WordOr(&["off"], &Kind::Whole(1, 1_000_000)),
            "10",
            "Tasks that are started or stopped in one reconciliation.",
            "assumed",
        ),
        with_default(
            "launches_per_minute",
            Kind::Whole(1, 1_000_000),
            "500",
            "Tasks that a service may start in a minute.",
            "documented",
        ),
        with_default(
            "throttle_after",
            Kind::Whole(1, 1_000_000),
            "3",
            "Failed starts in a row before the launch throttle holds.",
            "assumed",
        ),
        with_default(
            "throttle_delays",
            DELAYS,
            "[\"1m\", \"2m\", \"4m\", \"8m\", \"16m\", \"27m\"]",
            "Delays of the launch throttle, the last one for ever; none: no throttle.",
            "assumed; the last is documented",
        ),
        with_default(
            "placement_delays",
            DELAYS,
            "[\"15s\", \"15s\", \"15s\", \"5m\", \"10m\", \"20m\", \"27m\"]",
            "Delays after failed placements, the last one for ever; none: the next reconciliation.",
            "assumed",
        ),
        with_default(
            "new_instance_wakes",
            Kind::Flag,
            "false",
            "Whether a new container instance ends the wait of a service that cannot place.",
            "assumed",
        ),
        with_default(
            "healthy_without_checks",
            ANY_SPAN,
            "\"40s\"",
            "When a task without any health check counts as healthy after RUNNING.",
            "documented",
        ),
        with_default(
            "draining_tasks_count",
            Kind::Flag,
            "true",
            "Whether tasks in their deregistration delay count toward `maximum_percent`, unless scale-in took them away.",
            "assumed (timings of failing deployments)",
        ),
        with_default(
            "rebalancing_delay",
            ANY_SPAN,
            "\"60s\"",
            "Availability Zone rebalancing begins this long after the steady state.",
            "assumed",
        ),
        with_default(
            "alarm_bake",
            ANY_SPAN,
            "\"180s\"",
            "Bake time of a deployment with alarms that sets none.",
            "assumed (documented: below 5 minutes)",
        ),
        with_default(
            "event_repeat",
            ANY_SPAN,
            "\"6h\"",
            "How long a repeated service event is left out.",
            "documented",
        ),
        with_default(
            "next_out_of_memory",
            Kind::Span(1, 86_400 * SECOND),
            "\"1s\"",
            "From the death of a task for its memory to the next look at the others of its service.",
            "assumed",
        ),
    ],
);

/// `[cloudwatch]`.
pub static CLOUDWATCH: Section = Section::new(
    "cloudwatch",
    "How late CloudWatch is; fitted to the reaction times that AWS measured (363 s and 86 s).",
    &[
        with_default(
            "metric_delay",
            ANY_SPAN,
            "\"120s\"",
            "From the end of a period to the evaluation of its point.",
            "assumed",
        ),
        with_default(
            "high_resolution_delay",
            ANY_SPAN,
            "\"20s\"",
            "The same for high-resolution metrics.",
            "assumed",
        ),
    ],
);
