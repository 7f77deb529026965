//! Keys of what goes wrong: failures one by one, and traces of them.

use super::{ANY_SPAN, Kind, Section, optional, required, with_default};
use crate::base::time::LATEST;
use crate::scenario::keys::Unit;

/// `[[failure]]`.
pub static FAILURE: Section = Section::new(
    "failure",
    "Something that goes wrong at an instant.",
    &[
        optional(
            "at",
            ANY_SPAN,
            "none; needed unless `time_to_failure` or `failures_per_year` is given",
            "When.",
            "ecsim",
        ),
        with_default(
            "kind",
            Kind::Choice(&[
                "task_crash",
                "stop_task",
                "dependency_outage",
                "instance",
                "agent_disconnect",
                "impaired",
                "az_outage",
                "never_registers",
                "registry_outage",
                "metrics_outage",
            ]),
            "\"task_crash\"",
            "RUNNING tasks of a service crash or are stopped by StopTask, drawn at random; or what all of its tasks \
             depend on, such as a database, is slow or gone. Or of instances: the host stands still; ECS hears nothing \
             of its agent, though its tasks run; EC2's status checks fail, though all runs (of Managed Instances: the container \
             runtime or an accelerated device is not well). Or a whole Availability Zone is \
             out, for hosts and for Fargate. Or instances that groups launch run and never register. Or registries of \
             images are slow or down: a pull is tried five times within 12.7 s, then its task fails. Or CloudWatch has no \
             points of periods that end in that time: alarms and policies see missing data.",
            "ecsim",
        ),
        optional(
            "service",
            Kind::Text,
            "none; needed where tasks or a dependency fail",
            "Service; of a `metrics_outage` the one that has no metrics, instead of all and all groups.",
            "ecsim",
        ),
        optional(
            "tasks",
            Kind::Whole(1, 1_000_000),
            "1",
            "How many crash or are stopped.",
            "ecsim",
        ),
        optional(
            "duration",
            Kind::Span(1_000, LATEST.0),
            "none; an outage needs it",
            "How long an outage lasts: of a dependency, an Availability Zone, registries or metrics.",
            "ecsim",
        ),
        optional(
            "slowdown",
            Kind::Number(1.0, 10_000.0),
            "none: registries are down",
            "How many times as long pulls take in a `registry_outage`, those that are under way included.",
            "ecsim",
        ),
        optional(
            "registry",
            Kind::Text,
            "all registries",
            "Only images that come from this host, such as \"quay.io\"; images without a host come from \"docker.io\". \
             `slowdown` stretches their share of what a task pulls, by `image_mib` (assumed).",
            "ecsim",
        ),
        optional(
            "latency",
            ANY_SPAN,
            "none",
            "What each request that begins in an outage takes longer, without CPU.",
            "ecsim",
        ),
        optional(
            "error_percent",
            Kind::Number(0.0, 100.0),
            "100; with `latency` 0",
            "Share of the answers in an outage that are errors.",
            "ecsim",
        ),
        optional(
            "health_checks",
            Kind::Flag,
            "true",
            "Whether health checks ask for what is out: they fail where all answers are errors, or `latency` is longer \
             than they wait.",
            "ecsim",
        ),
        optional(
            "capacity_provider",
            Kind::Text,
            "those of all",
            "Instances: those of this capacity provider. Of a `registry_outage` tasks that it was to run, of a \
             `metrics_outage` its reservation and its group's metrics, instead of all.",
            "ecsim",
        ),
        optional(
            "availability_zone",
            Kind::Text,
            "none; an `az_outage` needs it",
            "The zone that is out, or has no way to the registries.",
            "ecsim",
        ),
        optional("instance", Kind::Text, "none: drawn at random", "Instance by its name.", "ecsim"),
        optional(
            "instances",
            Kind::Whole(1, 1_000_000),
            "1",
            "How many instances fail at `at`, drawn at random.",
            "ecsim",
        ),
        optional(
            "time_to_failure",
            Kind::Distribution(Unit::Seconds),
            "none",
            "Instead of `at`: each instance fails so long after it has registered or is well again, on a random stream \
             of its own.",
            "ecsim",
        ),
        optional(
            "failures_per_year",
            Kind::Number(1e-6, 1e6),
            "none",
            "The same as a rate: an exponential `time_to_failure`; a year has 365 days.",
            "ecsim",
        ),
        optional(
            "percent",
            Kind::Number(0.0, 100.0),
            "none; `never_registers` needs it",
            "Share of the launches of which nothing comes.",
            "ecsim",
        ),
        optional(
            "repair",
            Kind::Distribution(Unit::Seconds),
            "none: it is never well again by itself",
            "Instances: from the failure until it is well again. A host that stood still and has not been ended by then \
             has lost its tasks; one of a fixed fleet that has been ended comes back as a new container instance.",
            "ecsim",
        ),
        optional(
            "reaction",
            Kind::Choice(&["terminate", "drain", "none"]),
            "\"terminate\"; of an `agent_disconnect` \"none\"; of Managed Instances that are \"impaired\" or \
             \"agent_disconnect\" their `auto_repair`",
            "What is done `found_after` the failure: the instance is terminated, by its group's health check or by hand; \
             its group ends it with managed draining; or nothing. A group launches another one.",
            "documented (on EC2 ECS itself does nothing about a lost agent)",
        ),
        optional(
            "found_after",
            Kind::Distribution(Unit::Seconds),
            "uniform from 60 s to 180 s; of an `agent_disconnect` 300 s, of `never_registers` 15 minutes",
            "From the failure to the reaction.",
            "assumed",
        ),
        optional(
            "agent_noticed_after",
            Kind::Distribution(Unit::Seconds),
            "uniform from 60 s to 120 s",
            "From the loss of an agent until ECS places nothing on its instance any more.",
            "assumed (heartbeats of one to two minutes)",
        ),
    ],
);

/// `[[failure_trace]]`.
pub static FAILURE_TRACE: Section = Section::new(
    "failure_trace",
    "Failures from a file.",
    &[
        required("trace", Kind::Path, "The file, or its gzip or zstd.", "ecsim"),
        with_default(
            "format",
            Kind::Choice(&["native", "outages", "lanl", "failure_trace_archive"]),
            "\"native\"",
            "Of services: CSV with columns `time_s, kind, target, duration_s` and, if need be, `count, latency_s, error_percent`; \
             kinds `task_crash`, `stop_task` and `dependency_outage`, which health checks feel, too; the target is a service. \
             Of machines: CSV with columns `time_s, machine, duration_s`; the node outages of Los Alamos \
             (LA-UR-05-7318); the event table of the Failure Trace Archive. The first machine by name is the first \
             instance, and so on: a machine that is down is an instance that fails.",
            "ecsim",
        ),
        optional(
            "start",
            Kind::Text,
            "the first event",
            "Machines: the instant of the trace that is the beginning of the run, RFC 3339; what was over by then is \
             left out. `outages` counts from the beginning.",
            "ecsim",
        ),
        optional(
            "capacity_provider",
            Kind::Text,
            "those of all",
            "Machines: they are instances of this capacity provider.",
            "ecsim",
        ),
        optional(
            "reaction",
            Kind::Choice(&["terminate", "drain", "none"]),
            "\"terminate\"",
            "Machines: as in `[[failure]]`.",
            "ecsim",
        ),
        optional(
            "found_after",
            Kind::Distribution(Unit::Seconds),
            "uniform from 60 s to 180 s",
            "Machines: from the failure to the reaction.",
            "assumed",
        ),
        optional(
            "agent_noticed_after",
            Kind::Distribution(Unit::Seconds),
            "uniform from 60 s to 120 s",
            "Machines: from the failure until ECS places nothing there any more.",
            "assumed (heartbeats of one to two minutes)",
        ),
    ],
);
