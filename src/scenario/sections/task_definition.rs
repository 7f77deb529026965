//! Keys of task definitions: the API's in snake_case, and sizes of images.

use super::shared::{CHECK_INTERVAL, CPU_ARCHITECTURE, OPERATING_SYSTEM};
use super::timing::SECONDS;
use super::{Kind, MOST_MEMORY, SECOND, Section, optional, required, with_default};

/// CPU units of a task on a container instance (API reference, RegisterTaskDefinition).
pub const TASK_CPU: (u64, u64) = (128, 196_608);
/// `stopTimeout` of a container: at least a second, at most what nobody waits for.
const STOP_TIMEOUT: Kind = Kind::Span(SECOND, 86_400 * SECOND);
/// Images up to a tebibyte.
const IMAGE: Kind = Kind::Memory(0, 1 << 20);

/// `[[task_definition]]`.
pub static TASK_DEFINITION: Section = Section::new(
    "task_definition",
    "What a task asks for: written here, or the JSON file that `aws ecs register-task-definition` takes.",
    &[
        optional(
            "family",
            Kind::Name(""),
            "the file's",
            "Family; the name by which callers and traces refer to it.",
            "API",
        ),
        optional(
            "file",
            Kind::Path,
            "none",
            "JSON as `register-task-definition` takes it or `describe-task-definition` prints it. Environment is not read, and \
             of secrets only whether there are some.",
            "API",
        ),
        optional("revision", Kind::Whole(1, 1_000_000_000), "1, or the file's", "Revision.", "API"),
        optional(
            "cpu",
            Kind::Cpu(TASK_CPU.0, TASK_CPU.1),
            "the sum over the containers",
            "CPU units of the task, a hard limit (a container's is a share); 1,024 are one vCPU. ECS takes 128 to 196,608 on instances.",
            "documented",
        ),
        optional(
            "memory",
            Kind::Memory(1, MOST_MEMORY),
            "the sum over the containers",
            "MiB of the task.",
            "documented",
        ),
        optional(
            "network_mode",
            Kind::Choice(&["bridge", "host", "awsvpc", "none"]),
            "`bridge`, or the file's",
            "Network mode; `awsvpc` takes one ENI slot of an instance. Fargate takes `awsvpc` only.",
            "API",
        ),
        optional(
            "image_mib",
            IMAGE,
            "the sum over the containers",
            "Compressed size in MiB of all images together; 0 pulls nothing.",
            "ecsim",
        ),
        optional(
            "image",
            Kind::Text,
            "the containers' images, or the family",
            "Name of the set of images: definitions with equal names share the layer cache of an instance.",
            "ecsim",
        ),
        optional(
            "ephemeral_storage_gib",
            Kind::Whole(20, 200),
            "20, or the file's",
            "Task storage on Fargate in GiB; 20 are included, 21 to 200 can be asked for.",
            "API",
        ),
        optional(
            "runtime_platform",
            Kind::Table(&RUNTIME_PLATFORM),
            "X86_64 and LINUX for prices; any instance for placement",
            "Platform; a definition that names none runs on instances of any architecture.",
            "API",
        ),
        optional(
            "requires_compatibilities",
            Kind::List(&Kind::Choice(&["EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"]), 4),
            "none",
            "Launch types that the definition is checked against when it is registered.",
            "API",
        ),
        optional(
            "gpus",
            Kind::Whole(0, 64),
            "the sum over the containers",
            "Whole GPUs of the task.",
            "API",
        ),
        optional(
            "stop_timeout",
            STOP_TIMEOUT,
            "the longest of the containers, else \"30s\"",
            "Time from SIGTERM to SIGKILL; at most 120 s on Fargate.",
            "documented",
        ),
        optional(
            "execution_role",
            Kind::Choice(&["allowed", "denied", "none"]),
            "`allowed`; with `[network]` of a file without `executionRoleArn` `none`",
            "The task execution role: there is one, there is one that may not do what is needed, there is none. Needed for \
             secrets, and but for EC2 for private ECR images and `awslogs`.",
            "API",
        ),
        optional(
            "registry",
            Kind::Choice(&["ecr", "public"]),
            "`public` where images are named and none is of a private ECR repository, else `ecr`",
            "Where images are: a private ECR repository, which VPC endpoints reach too, or a registry on the internet.",
            "ecsim",
        ),
        optional(
            "log_driver",
            Kind::Choice(&["awslogs", "other"]),
            "`other`, or the file's",
            "Whether a container logs by `awslogs`.",
            "API",
        ),
        optional(
            "secrets",
            Kind::Flag,
            "false, or the file's",
            "Whether it has secrets, or credentials of a private registry.",
            "API",
        ),
        optional(
            "placement_constraints",
            Kind::List(&Kind::Table(&MEMBER_OF), 10),
            "none",
            "Constraints of the definition; at most 10 together with the caller's.",
            "API",
        ),
        optional(
            "health_check",
            Kind::Table(&HEALTH_CHECK),
            "the containers'",
            "Container health check of the task, in place of the containers' own.",
            "API",
        ),
        optional(
            "container",
            Kind::Tables(&CONTAINER),
            "one essential container with the task's own size",
            "Containers, at most 10.",
            "API",
        ),
    ],
);

static RUNTIME_PLATFORM: Section = Section::new(
    "runtime_platform",
    "`runtimePlatform` of a task definition.",
    &[CPU_ARCHITECTURE, OPERATING_SYSTEM],
);

static MEMBER_OF: Section = Section::new(
    "task definition constraint",
    "A placement constraint of a task definition.",
    &[
        with_default(
            "type",
            Kind::Choice(&["memberOf"]),
            "\"memberOf\"",
            "The only type that a definition takes.",
            "API",
        ),
        required("expression", Kind::Text, "Expression in the cluster query language.", "API"),
    ],
);

static CONTAINER: Section = Section::new(
    "container",
    "A container definition.",
    &[
        required("name", Kind::Name(""), "Name.", "API"),
        with_default("cpu", Kind::Cpu(0, 262_144), "0", "CPU units: a share, no limit.", "API"),
        optional(
            "memory",
            Kind::Memory(6, MOST_MEMORY),
            "the task's",
            "Hard limit in MiB, at least 6.",
            "documented",
        ),
        optional(
            "memory_reservation",
            Kind::Memory(6, MOST_MEMORY),
            "none",
            "Soft limit in MiB: what placement counts where the task has no `memory`.",
            "documented",
        ),
        with_default(
            "essential",
            Kind::Flag,
            "true",
            "Whether the task stops when this container exits.",
            "API",
        ),
        optional(
            "port_mappings",
            Kind::List(&Kind::Table(&PORT_MAPPING), 100),
            "none",
            "Ports.",
            "API",
        ),
        with_default("gpus", Kind::Whole(0, 64), "0", "Whole GPUs.", "API"),
        optional(
            "stop_timeout",
            STOP_TIMEOUT,
            "\"30s\"",
            "Time from SIGTERM to SIGKILL.",
            "documented",
        ),
        with_default("image_mib", IMAGE, "0", "Compressed size of the image in MiB.", "ecsim"),
        optional("image", Kind::Text, "none", "Image, the key of the layer cache.", "API"),
        optional(
            "depends_on",
            Kind::List(&Kind::Table(&DEPENDENCY), 10),
            "all containers start together",
            "Containers that this one waits for; the task is RUNNING when the last has started. They stop in the reverse order, \
             each within its own `stop_timeout`.",
            "API",
        ),
        optional(
            "runs_for",
            Kind::Span(0, 86_400 * SECOND),
            "\"0s\"",
            "How long a container that is not essential runs, for those that wait until it has ended.",
            "ecsim",
        ),
        optional(
            "restart_policy",
            Kind::Table(&RESTART_POLICY),
            "off",
            "Whether an essential container is started again in place when it crashes, in tasks of services: the first by \
             `behaviour.time_to_failure` of its service, a further one by its own `time_to_failure`.",
            "API",
        ),
        optional(
            "time_to_failure",
            SECONDS,
            "it never crashes",
            "Essential containers beside the first, in tasks of services: time from each start to a crash, which ends the task \
             unless the restart policy starts the container again. Requests are served meanwhile (assumed).",
            "ecsim",
        ),
        optional(
            "crash_exit_code",
            Kind::Whole(1, 255),
            "1",
            "Exit code of such a crash.",
            "ecsim",
        ),
        optional(
            "health_check",
            Kind::Table(&HEALTH_CHECK),
            "none",
            "Container health check; only those of essential containers count.",
            "API",
        ),
    ],
);

static DEPENDENCY: Section = Section::new(
    "depends_on",
    "A container that another one waits for.",
    &[
        required("container", Kind::Text, "Name of the container.", "API"),
        with_default(
            "condition",
            Kind::Choice(&["START", "HEALTHY", "COMPLETE", "SUCCESS"]),
            "\"START\"",
            "Until it has started, passed its health check for the first time, or ended after `runs_for`.",
            "API",
        ),
    ],
);

static RESTART_POLICY: Section = Section::new(
    "restart_policy",
    "A container that is started again in place.",
    &[
        with_default("enabled", Kind::Flag, "true", "Whether it is.", "API"),
        optional(
            "ignored_exit_codes",
            Kind::List(&Kind::Whole(0, 255), 50),
            "none",
            "Exit codes with which it is not.",
            "API",
        ),
        with_default(
            "restart_attempt_period",
            Kind::Span(60 * SECOND, 1_800 * SECOND),
            "\"300s\"",
            "A container that has run for less is not started again: its task ends.",
            "documented",
        ),
    ],
);

static HEALTH_CHECK: Section = Section::new(
    "health_check",
    "A container health check; its command is not run.",
    &[
        CHECK_INTERVAL,
        with_default(
            "timeout",
            Kind::Span(2 * SECOND, 60 * SECOND),
            "\"5s\"",
            "How long a check may take.",
            "documented",
        ),
        with_default(
            "retries",
            Kind::Whole(1, 10),
            "3",
            "Failures in a row until the container is UNHEALTHY.",
            "documented",
        ),
        with_default(
            "start_period",
            Kind::Span(0, 300 * SECOND),
            "\"0s\"",
            "Time from the start of the container in which failures do not count.",
            "documented",
        ),
    ],
);

static PORT_MAPPING: Section = Section::new(
    "port_mapping",
    "A port of a container.",
    &[
        required("container_port", Kind::Whole(1, 65_535), "Port in the container.", "API"),
        optional(
            "host_port",
            Kind::Whole(0, 65_535),
            "0 (dynamic) in `bridge` mode, else the container's",
            "Port on the instance; 0 is dynamic and not counted by placement.",
            "API",
        ),
        with_default("protocol", Kind::Choice(&["tcp", "udp"]), "\"tcp\"", "Protocol.", "API"),
    ],
);
