//! Keys of what goes wrong: failures one by one, and traces of them.

use super::{ANY_SPAN, Kind, Section, optional, required, with_default};
use crate::base::time::LATEST;

/// `[[failure]]`.
pub static FAILURE: Section = Section::new(
    "failure",
    "Something that goes wrong at an instant.",
    &[
        required("at", ANY_SPAN, "When.", "ecsim"),
        with_default(
            "kind",
            Kind::Choice(&["task_crash", "stop_task", "dependency_outage"]),
            "\"task_crash\"",
            "RUNNING tasks of a service crash or are stopped by StopTask, drawn at random; or what all of its tasks \
             depend on, such as a database, is slow or gone.",
            "ecsim",
        ),
        required("service", Kind::Text, "Service.", "ecsim"),
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
            "How long an outage lasts.",
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
    ],
);

/// `[[failure_trace]]`.
pub static FAILURE_TRACE: Section = Section::new(
    "failure_trace",
    "Failures from a file.",
    &[required(
        "trace",
        Kind::Path,
        "CSV with columns `time_s, kind, target, duration_s`; the target of a `task_crash` is a service.",
        "ecsim",
    )],
);
