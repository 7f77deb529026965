//! Keys of how Fargate's capacity fails.

use super::shared::{
    AVAILABILITY_GAP, AVAILABILITY_MEANING, AVAILABILITY_TRACE, RECLAIM_PERCENT, SHORTAGE_AT,
    SHORTAGE_DURATION, SHORTAGE_PURCHASE,
};
use super::{ANY_SPAN, Key, Kind, Section, optional, required};

/// `[fargate.spot]`.
pub(super) static FARGATE_SPOT: Section = Section::new(
    "fargate spot",
    "How Fargate takes tasks of FARGATE_SPOT back; several causes may be given. A task that is taken back gets SIGTERM at \
     once, leaves its load balancer at the same time, and has its `stop_timeout`; a service starts another one on what \
     its strategy says. AWS publishes no rates.",
    &[
        optional(
            "interruptions_per_task_hour",
            Kind::Number(0.0, 3_600.0),
            "none",
            "Interruptions of each RUNNING task in an hour, at random.",
            "ecsim",
        ),
        optional(
            "interrupted_percent_per_month",
            Kind::Number(0.0, 99.9),
            "none",
            "The same as a share of the tasks that run all month (730 hours) and are interrupted in it.",
            "ecsim",
        ),
        optional(
            "reclaims_per_zone_hour",
            Kind::Number(0.0, 3_600.0),
            "none",
            "How often in an hour an Availability Zone takes back many of its tasks at once, at random.",
            "ecsim",
        ),
        RECLAIM_PERCENT,
        optional(
            "interruptions",
            Kind::Tables(&INTERRUPTION),
            "none",
            "Interruptions at known instants.",
            "ecsim",
        ),
        optional(
            "availability",
            Kind::Tables(&AVAILABILITY),
            "none",
            "How many Spot tasks there is capacity for over time: more than that are taken back, and none are placed.",
            "ecsim",
        ),
    ],
);

const ONE_ZONE: Key = optional(
    "availability_zone",
    Kind::Text,
    "all",
    "One of Fargate's Availability Zones.",
    "ecsim",
);

static INTERRUPTION: Section = Section::new(
    "fargate interruption",
    "Spot tasks on Fargate are taken back at an instant, drawn at random among those that are not on their way out.",
    &[
        required("at", ANY_SPAN, "When.", "ecsim"),
        ONE_ZONE,
        optional("tasks", Kind::Whole(1, 1_000_000), "by `percent`", "How many.", "ecsim"),
        optional(
            "percent",
            Kind::Whole(1, 100),
            "100, without `tasks`",
            "Which share of them, rounded up.",
            "ecsim",
        ),
    ],
);

static AVAILABILITY: Section = Section::new(
    "fargate availability",
    "How many Spot tasks there is capacity for over time.",
    &[
        optional(
            "availability_zone",
            Kind::Text,
            "all zones together",
            "One of Fargate's Availability Zones.",
            "ecsim",
        ),
        AVAILABILITY_TRACE,
        AVAILABILITY_MEANING,
        AVAILABILITY_GAP,
    ],
);

/// `[[fargate.shortages]]`.
pub(super) static FARGATE_SHORTAGE: Section = Section::new(
    "fargate shortage",
    "For a while Fargate has no capacity for new tasks; what runs stays. RunTask fails with FARGATE_CAPACITY; a service \
     tries again as its launch throttle has it. Nothing falls back to another provider (documented).",
    &[SHORTAGE_AT, SHORTAGE_DURATION, ONE_ZONE, SHORTAGE_PURCHASE],
);

/// `[[fargate.retirements]]`.
pub(super) static RETIREMENT: Section = Section::new(
    "fargate retirement",
    "The retirement of a revision of Fargate's platform.",
    &[required("announced_at", ANY_SPAN, "When AWS sends the notice.", "ecsim")],
);

/// `[[fargate.event_windows]]`.
pub(super) static EVENT_WINDOW: Section = Section::new(
    "fargate event window",
    "A weekly window, UTC. What a service has not been able to replace when the window ends in which its tasks are \
     retired is stopped then (assumed).",
    &[
        required("weekday", Kind::Choice(WEEKDAYS), "The day on which it begins.", "API"),
        required("start_hour", Kind::Whole(0, 23), "The hour at which it begins.", "API"),
        required("hours", Kind::Whole(2, 168), "How long it is.", "API"),
    ],
);

/// Weekdays as EC2 names them, in order.
pub const WEEKDAYS: &[&str] =
    &["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
