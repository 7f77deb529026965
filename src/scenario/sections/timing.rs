//! Keys of latencies, limits and Fargate prices.

use super::fargate::{EVENT_WINDOW, FARGATE_SHORTAGE, FARGATE_SPOT, RETIREMENT};
use super::shared::{CPU_ARCHITECTURE, OPERATING_SYSTEM};
use super::{Kind, Section, optional, required, with_default};
use crate::base::time::LATEST;
use crate::scenario::keys::Unit;

pub(super) const SECONDS: Kind = Kind::Distribution(Unit::Seconds);
const SPAN: Kind = Kind::Span(0, LATEST.0);
const PLAIN: Kind = Kind::Distribution(Unit::Plain);

/// `[latency]`.
pub static LATENCY: Section = Section::new(
    "latency",
    "How long each stage of a task takes. None of it is published; the defaults follow third-party measurements.",
    &[
        with_default(
            "profile",
            Kind::Choice(&["fast", "typical", "slow"]),
            "\"typical\"",
            "Defaults of the Fargate stages: 20 s + 80 MiB/s, 30 s + 40 MiB/s, 45 s + 15 MiB/s.",
            "assumed",
        ),
        with_default(
            "eni_attach",
            SECONDS,
            "\"6s\"",
            "EC2: attaching the ENI of an `awsvpc` task.",
            "assumed",
        ),
        with_default("eni_detach", SECONDS, "\"2s\"", "EC2: detaching the ENI.", "assumed"),
        with_default(
            "ec2_start",
            SECONDS,
            "\"2s\"",
            "EC2: creating and starting the containers.",
            "measured (1 to 3 s)",
        ),
        with_default(
            "ec2_pull_mib_per_s",
            PLAIN,
            "60",
            "EC2: rate of an image pull, MiB per second.",
            "documented (55 to 65 MB/s)",
        ),
        with_default(
            "ec2_disk_mib_per_s",
            Kind::WordOr(OFF, &Kind::Whole(1, 1_000_000)),
            "125",
            "EC2: what the disk of an instance writes for all pulls together, one after the other, MiB per second; or \
             \"off\".",
            "documented (gp3 volumes); one after the other assumed",
        ),
        with_default(
            "image_pull_behavior",
            Kind::Choice(&["default", "always", "once", "prefer-cached"]),
            "\"default\"",
            "EC2: whether the agent asks the registry for an image that the instance has, which matters while it is down: \
             it does, and takes what is there where it gets no answer; does, and without an answer the task fails; does \
             not; does not, and never removes one.",
            "documented",
        ),
        with_default(
            "image_cleanup_interval",
            SPAN,
            "\"30m\"",
            "EC2: how often the agent removes images that nobody uses; 0 is never.",
            "documented",
        ),
        with_default(
            "image_minimum_cleanup_age",
            SPAN,
            "\"1h\"",
            "EC2: it removes only those pulled so long ago.",
            "documented",
        ),
        with_default(
            "task_cleanup_wait",
            SPAN,
            "\"3h\"",
            "EC2: how long a stopped task's containers hold their image.",
            "documented",
        ),
        with_default(
            "images_deleted_per_cycle",
            Kind::Whole(1, 1_000),
            "5",
            "EC2: images removed at a time, those unused for longest first.",
            "documented",
        ),
        with_default(
            "container_stop",
            SECONDS,
            "\"1s\"",
            "From SIGTERM to the exit of a container, cut at `stop_timeout`.",
            "assumed",
        ),
        with_default(
            "instance_launch",
            SECONDS,
            "\"5s\"",
            "Auto Scaling group: from the need of an instance to the call of RunInstances.",
            "measured",
        ),
        with_default(
            "managed_instance_launch",
            SECONDS,
            "{ type = \"uniform\", min = \"1s\", max = \"3s\" }",
            "Managed Instances: from the decision to RunInstances.",
            "assumed",
        ),
        with_default(
            "managed_instance_boot",
            SECONDS,
            "{ type = \"uniform\", min = \"8s\", max = \"14s\" }",
            "Managed Instances: from `running` to the start of the container agent.",
            "fitted (from nothing to the first log line in about 40 s)",
        ),
        with_default(
            "managed_instance_register",
            SECONDS,
            "{ type = \"uniform\", min = \"2s\", max = \"4s\" }",
            "Managed Instances: from there to the registration with the cluster.",
            "fitted (the same)",
        ),
        with_default(
            "instance_pending",
            SECONDS,
            "{ type = \"uniform\", min = \"16s\", max = \"18s\" }",
            "From RunInstances to the state `running`, at which the bill begins.",
            "measured (16 to 18 s)",
        ),
        with_default(
            "instance_boot",
            SECONDS,
            "{ type = \"uniform\", min = \"25s\", max = \"80s\" }",
            "From there to the start of the container agent.",
            "assumed (30 to 90 s with the registration)",
        ),
        with_default(
            "instance_register",
            SECONDS,
            "{ type = \"uniform\", min = \"5s\", max = \"10s\" }",
            "From there to ACTIVE: the agent registers with the cluster.",
            "assumed",
        ),
        optional(
            "fargate_eni",
            SECONDS,
            "by profile: \"10s\"",
            "Fargate: creating the ENI.",
            "measured",
        ),
        optional(
            "fargate_prepare",
            SECONDS,
            "by profile: \"5s\", \"15s\", \"28s\"",
            "Fargate: from the ENI to the start of the pull.",
            "assumed",
        ),
        optional(
            "fargate_pull_mib_per_s",
            PLAIN,
            "by profile: 80, 40, 15",
            "Fargate: rate of an image pull, MiB per second.",
            "assumed",
        ),
        optional(
            "fargate_start",
            SECONDS,
            "by profile: \"5s\", \"5s\", \"7s\"",
            "Fargate: from the end of the pull to RUNNING.",
            "assumed",
        ),
        with_default(
            "fargate_eni_detach",
            SECONDS,
            "\"10s\"",
            "Fargate: deleting the ENI.",
            "assumed",
        ),
    ],
);

static BUCKET: Section = Section::new(
    "bucket",
    "A token bucket: a rate that allows bursts.",
    &[
        required("burst", Kind::Whole(1, 1_000_000), "Tokens at the start, and at most.", "API"),
        required(
            "per_second",
            Kind::Whole(1, 1_000_000),
            "Tokens that come back each second.",
            "API",
        ),
    ],
);

const OFF: &[&str] = &["off"];
const RATE: Kind = Kind::WordOr(OFF, &Kind::Table(&BUCKET));
const COUNT: Kind = Kind::WordOr(OFF, &Kind::Whole(1, 10_000_000));
const VCPUS: Kind = Kind::WordOr(OFF, &Kind::Whole(1, 10_000_000));

/// `[limits]`.
pub static LIMITS: Section = Section::new(
    "limits",
    "Quotas and rates of the account in the region; `\"off\"` switches one off.",
    &[
        with_default(
            "run_task_calls",
            RATE,
            "{ burst = 100, per_second = 40 }",
            "RunTask and StartTask calls.",
            "documented",
        ),
        with_default(
            "fargate_launches",
            RATE,
            "{ burst = 100, per_second = 20 }",
            "Fargate On-Demand task launches (25 and 5 in smaller regions).",
            "documented",
        ),
        with_default(
            "fargate_spot_launches",
            RATE,
            "{ burst = 100, per_second = 20 }",
            "Fargate Spot task launches (25 and 5 in smaller regions).",
            "documented",
        ),
        with_default(
            "fargate_calls",
            RATE,
            "{ burst = 20, per_second = 20 }",
            "RunTask calls for Fargate: 20 a second; the burst is assumed.",
            "documented",
        ),
        with_default(
            "fargate_vcpus",
            VCPUS,
            "\"off\"",
            "vCPUs of all Fargate On-Demand tasks together. New accounts have 6; the quota is raised on request.",
            "documented",
        ),
        with_default(
            "fargate_spot_vcpus",
            VCPUS,
            "\"off\"",
            "vCPUs of all Fargate Spot tasks together.",
            "documented",
        ),
        with_default(
            "provisioning_tasks_per_cluster",
            COUNT,
            "500",
            "Tasks of a cluster that wait in PROVISIONING for capacity of providers with managed scaling.",
            "documented",
        ),
        with_default(
            "provisioning_timeout",
            Kind::Span(1, LATEST.0),
            "\"30m\"",
            "For how long each of them waits before it is STOPPED.",
            "documented (10 to 30 min)",
        ),
        with_default("services_per_cluster", COUNT, "5000", "Services of a cluster.", "documented"),
        with_default("tasks_per_service", COUNT, "5000", "Tasks of a service.", "documented"),
    ],
);

/// `[fargate]`.
pub static FARGATE: Section = Section::new(
    "fargate",
    "Fargate in this region, where it differs from the catalogue.",
    &[
        optional(
            "availability_zones",
            Kind::List(&Kind::Text, 26),
            "all zones of the scenario",
            "Availability Zones that Fargate tasks spread over.",
            "ecsim",
        ),
        optional(
            "spot_discount_percent",
            Kind::Number(0.0, 100.0),
            "the catalogue's Spot rates",
            "Fargate Spot rates as a discount on the On-Demand rates.",
            "ecsim",
        ),
        with_default(
            "billed_until",
            Kind::Choice(&["containers_exited", "stopped"]),
            "\"containers_exited\"",
            "When the bill of a task ends: when its last container has exited, or when it is STOPPED and its network \
             interface is gone. AWS says \"until the task terminates\".",
            "assumed",
        ),
        optional(
            "rates",
            Kind::List(&Kind::Table(&FARGATE_RATE), 40),
            "the catalogue's",
            "Rates that replace the catalogue's.",
            "ecsim",
        ),
        optional(
            "spot",
            Kind::Table(&FARGATE_SPOT),
            "none is taken back",
            "How tasks of FARGATE_SPOT are taken back.",
            "ecsim",
        ),
        optional(
            "shortages",
            Kind::Tables(&FARGATE_SHORTAGE),
            "none",
            "When Fargate has no capacity for new tasks.",
            "ecsim",
        ),
        optional(
            "retirements",
            Kind::Tables(&RETIREMENT),
            "none",
            "When AWS announces that revisions of the platform are retired: the tasks on Fargate that have started by then \
             are stopped after the wait. A service replaces its own within its minimum and maximum percent; a task of \
             RunTask is stopped, and nobody starts another one.",
            "documented",
        ),
        with_default(
            "task_retirement_wait_days",
            Kind::Choice(&["0", "7", "14"]),
            "\"7\"",
            "Account setting `fargateTaskRetirementWaitPeriod`: from the announcement to the retirement.",
            "API",
        ),
        optional(
            "event_windows",
            Kind::Tables(&EVENT_WINDOW),
            "none",
            "Account setting `fargateEventWindows`: weekly windows; tasks are retired in the first that is open after the \
             wait.",
            "API",
        ),
    ],
);

static FARGATE_RATE: Section = Section::new(
    "fargate rate",
    "Fargate rates of one platform and purchase option.",
    &[
        OPERATING_SYSTEM,
        CPU_ARCHITECTURE,
        with_default(
            "purchase",
            Kind::Choice(&["on_demand", "spot"]),
            "\"on_demand\"",
            "On-Demand or Spot.",
            "ecsim",
        ),
        required("usd_per_vcpu_hour", Kind::Usd, "One vCPU for an hour.", "ecsim"),
        required("usd_per_gb_hour", Kind::Usd, "One GB of memory for an hour.", "ecsim"),
        with_default(
            "usd_per_ephemeral_gb_hour",
            Kind::Usd,
            "0.000111",
            "One GB of ephemeral storage above 20 for an hour.",
            "documented (us-east-1)",
        ),
        with_default(
            "usd_per_licence_vcpu_hour",
            Kind::Usd,
            "0",
            "Windows licence of one vCPU for an hour.",
            "documented",
        ),
    ],
);
