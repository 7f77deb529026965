//! Keys of the policies of an Auto Scaling group that ECS does not manage (`scaling` of a capacity provider).

use super::service_scaling::{
    ADJUSTMENT_TYPE, ALARM_OF_STEPS, BUFFER_OF_FORECASTS, DISABLE_SCALE_IN, HIGH_PERIODS,
    LEAST_ADJUSTMENT, MODE_OF_FORECASTS, PERIODS, STEP_ADJUSTMENTS, TARGET, UNNAMED,
};
use super::{Kind, SECOND, Section, optional, required, with_default};

/// Metrics of fleets: those of the cluster, then the group's own.
pub const FLEET_METRICS: &[&str] =
    &["CPUReservation", "MemoryReservation", "ASGAverageCPUUtilization"];
const METRIC: Kind = Kind::Choice(FLEET_METRICS);
const WARM_UP: Kind = Kind::Span(0, 10_000 * SECOND);

/// `scaling` of a capacity provider.
pub static GROUP_SCALING: Section = Section::new(
    "group_scaling",
    "Policies of EC2 Auto Scaling for a group without managed scaling; at most 50. Tasks that find no room do not wait.",
    &[
        optional(
            "target_tracking",
            Kind::List(&Kind::Table(&TRACKING), usize::MAX),
            "none",
            "Target tracking policies.",
            "API",
        ),
        optional(
            "step_scaling",
            Kind::List(&Kind::Table(&STEPS), usize::MAX),
            "none",
            "Step scaling policies with their alarms.",
            "API",
        ),
        optional(
            "predictive",
            Kind::List(&Kind::Table(&PREDICTIVE), usize::MAX),
            "none",
            "Predictive scaling policies: forecasts that only scale out.",
            "API",
        ),
        with_default(
            "metric_delay",
            Kind::Span(0, 3_600 * SECOND),
            "\"120s\"",
            "From the end of a minute to the evaluation of its point.",
            "measured",
        ),
    ],
);

static TRACKING: Section = Section::new(
    "group_target_tracking",
    "Keeps a metric of the fleet near a target.",
    &[
        optional("name", Kind::Text, UNNAMED, "Name.", "API"),
        required(
            "metric",
            METRIC,
            "Percent of the cluster's registered CPU or memory that tasks hold, or of the group's CPU that is used.",
            "API",
        ),
        required("target_value", TARGET, "Target in percent.", "API"),
        with_default(
            "estimated_instance_warmup",
            WARM_UP,
            "\"300s\"",
            "After a change only larger scale-outs follow for so long.",
            "documented",
        ),
        DISABLE_SCALE_IN,
        HIGH_PERIODS,
        with_default(
            "low_periods",
            PERIODS,
            "15",
            "Points below the low threshold that scale in.",
            "measured",
        ),
        with_default(
            "low_percent",
            Kind::Whole(1, 100),
            "70",
            "Low threshold in percent of the target.",
            "measured",
        ),
        with_default(
            "scale_in_percent",
            Kind::Whole(1, 100),
            "10",
            "Most that a scale-in takes away, in percent of the desired capacity, but at least one.",
            "assumed",
        ),
    ],
);

static STEPS: Section = Section::new(
    "group_step_scaling",
    "Changes the desired capacity by steps, as far as an alarm is breached.",
    &[
        optional("name", Kind::Text, UNNAMED, "Name.", "API"),
        required("metric", METRIC, "Metric of the alarm.", "API"),
        ALARM_OF_STEPS,
        ADJUSTMENT_TYPE,
        STEP_ADJUSTMENTS,
        LEAST_ADJUSTMENT,
        with_default(
            "estimated_instance_warmup",
            WARM_UP,
            "\"300s\"",
            "Time between changes; a larger scale-out passes.",
            "documented",
        ),
    ],
);

static PREDICTIVE: Section = Section::new(
    "group_predictive",
    "Forecasts by the hour from a day of data on; a seasonal model of ours, AWS's is not published.",
    &[
        optional("name", Kind::Text, UNNAMED, "Name.", "API"),
        required("metric", METRIC, "Metric whose need is forecast.", "API"),
        required("target_value", TARGET, "Target in percent.", "API"),
        MODE_OF_FORECASTS,
        BUFFER_OF_FORECASTS,
    ],
);
