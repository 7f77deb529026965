//! Keys of what goes wrong: failures one by one, and traces of them.

use super::{ANY_SPAN, Kind, Section, required, with_default};

/// `[[failure]]`.
pub static FAILURE: Section = Section::new(
    "failure",
    "Something that goes wrong at an instant.",
    &[
        required("at", ANY_SPAN, "When.", "ecsim"),
        with_default(
            "kind",
            Kind::Choice(&["task_crash"]),
            "\"task_crash\"",
            "RUNNING tasks of a service crash, drawn at random.",
            "ecsim",
        ),
        required("service", Kind::Text, "Service.", "ecsim"),
        with_default("tasks", Kind::Whole(1, 1_000_000), "1", "How many.", "ecsim"),
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
