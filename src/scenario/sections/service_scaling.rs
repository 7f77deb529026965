//! Keys of service auto scaling (`scaling` of a service): those of Application Auto Scaling in snake_case.

use super::service::TASKS;
use super::{ANY_SPAN, Key, Kind, SECOND, Section, optional, required, with_default};

/// Metrics: the names in outputs, then short ones.
pub const METRICS: &[&str] = &[
    "ECSServiceAverageCPUUtilization",
    "ECSServiceAverageMemoryUtilization",
    "ALBRequestCountPerTarget",
    "BacklogPerTask",
    "ConcurrencyPerTarget",
    "LatencyMs",
    "RequestCount",
    "ApproximateNumberOfMessagesVisible",
    "cpu",
    "memory",
    "requests_per_target",
    "backlog_per_task",
    "concurrency_per_target",
    "latency_ms",
    "request_count",
    "messages_visible",
];
const STATISTICS: Kind =
    Kind::Choice(&["Average", "Minimum", "Maximum", "Sum", "p50", "p90", "p95", "p99"]);
const METRIC: Kind = Kind::Choice(METRICS);
/// Whole millionths of a metric.
const METRIC_VALUE: Kind = Kind::Number(0.0, 1e12);
pub(super) const TARGET: Kind = Kind::Number(1e-6, 1e12);
pub(super) const PERIODS: Kind = Kind::Whole(1, 8_640);
pub(super) const UNNAMED: &str = "by kind and number, such as `target-tracking-1`";

static A_STEP: Kind = Kind::Table(&STEP);

// Keys that groups of instances have, too.
pub(super) const DISABLE_SCALE_IN: Key = with_default(
    "disable_scale_in",
    Kind::Flag,
    "false",
    "Whether the policy only scales out.",
    "API",
);
pub(super) const HIGH_PERIODS: Key = with_default(
    "high_periods",
    PERIODS,
    "3",
    "Points above the target that scale out.",
    "measured",
);
pub(super) const ALARM_OF_STEPS: Key =
    required("alarm", Kind::Table(&SCALING_ALARM), "The alarm that calls the policy.", "API");
pub(super) const ADJUSTMENT_TYPE: Key = with_default(
    "adjustment_type",
    Kind::Choice(&["ChangeInCapacity", "ExactCapacity", "PercentChangeInCapacity"]),
    "\"ChangeInCapacity\"",
    "How adjustments are meant.",
    "API",
);
pub(super) const STEP_ADJUSTMENTS: Key = required(
    "step_adjustments",
    Kind::List(&A_STEP, usize::MAX),
    "Steps, at most 20, without gaps or overlaps.",
    "documented",
);
pub(super) const LEAST_ADJUSTMENT: Key = with_default(
    "min_adjustment_magnitude",
    Kind::Whole(0, 1_000_000),
    "0",
    "Least change of `PercentChangeInCapacity`, tasks or instances.",
    "API",
);
pub(super) const MODE_OF_FORECASTS: Key = with_default(
    "mode",
    Kind::Choice(&["ForecastOnly", "ForecastAndScale"]),
    "\"ForecastOnly\"",
    "Whether the forecast changes the capacity.",
    "API",
);
pub(super) const BUFFER_OF_FORECASTS: Key = with_default(
    "scheduling_buffer_time",
    Kind::Span(0, 3_600 * SECOND),
    "\"300s\"",
    "How much earlier than forecast capacity starts.",
    "API",
);

/// `scaling` of a service.
pub static SCALING: Section = Section::new(
    "scaling",
    "Service auto scaling: the scalable target and its policies; at most 50 policies and 200 scheduled actions.",
    &[
        required("min_capacity", TASKS, "Fewest tasks.", "API"),
        required("max_capacity", TASKS, "Most tasks.", "API"),
        optional(
            "target_tracking",
            Kind::List(&Kind::Table(&TARGET_TRACKING), usize::MAX),
            "none",
            "Target tracking policies.",
            "API",
        ),
        optional(
            "step_scaling",
            Kind::List(&Kind::Table(&STEP_SCALING), usize::MAX),
            "none",
            "Step scaling policies with their alarms.",
            "API",
        ),
        optional(
            "scheduled",
            Kind::List(&Kind::Table(&SCHEDULED), usize::MAX),
            "none",
            "Scheduled actions.",
            "API",
        ),
        optional(
            "predictive",
            Kind::List(&Kind::Table(&PREDICTIVE), usize::MAX),
            "none",
            "Predictive scaling policies.",
            "API",
        ),
        optional(
            "suspended_state",
            Kind::Table(&SUSPENDED),
            "nothing is suspended",
            "Suspended kinds of scaling.",
            "API",
        ),
    ],
);

static TARGET_TRACKING: Section = Section::new(
    "target_tracking",
    "Keeps a metric near a target.",
    &[
        optional("name", Kind::Text, UNNAMED, "Name.", "API"),
        required("metric", METRIC, "Metric.", "API"),
        optional(
            "statistic",
            STATISTICS,
            "`Average`; of requests counted `Sum`",
            "Statistic of a customized metric: of CPU over the tasks, of latency over the requests.",
            "API",
        ),
        required("target_value", TARGET, "Target, in the unit of the metric.", "API"),
        with_default(
            "scale_out_cooldown",
            ANY_SPAN,
            "\"300s\"",
            "After a scale-out only larger ones follow.",
            "documented",
        ),
        with_default(
            "scale_in_cooldown",
            ANY_SPAN,
            "\"300s\"",
            "Time between scale-ins.",
            "documented",
        ),
        DISABLE_SCALE_IN,
        with_default(
            "high_resolution",
            Kind::Flag,
            "false",
            "Whether 20-second points of CPU or memory are used.",
            "documented",
        ),
        HIGH_PERIODS,
        optional(
            "low_periods",
            PERIODS,
            "15; high resolution: 45",
            "Points below the low threshold that scale in.",
            "measured; high resolution assumed",
        ),
        with_default(
            "low_percent",
            Kind::Whole(1, 100),
            "90",
            "Low threshold in percent of the target.",
            "measured",
        ),
        with_default(
            "scale_in_percent",
            Kind::Whole(1, 100),
            "10",
            "Most that a scale-in takes away, in percent of the desired count, but at least one task; 100: all at once.",
            "gradual documented; share assumed",
        ),
    ],
);

static STEP_SCALING: Section = Section::new(
    "step_scaling",
    "Changes the capacity by steps, as far as an alarm is breached.",
    &[
        optional("name", Kind::Text, UNNAMED, "Name.", "API"),
        required("metric", METRIC, "Metric of the alarm.", "API"),
        with_default(
            "metric_aggregation_type",
            Kind::Choice(&["Average", "Minimum", "Maximum"]),
            "\"Average\"",
            "How the policy takes points together; the alarm's statistic where the metric has it and `statistic` is not given.",
            "API",
        ),
        optional(
            "statistic",
            STATISTICS,
            "`metric_aggregation_type`; of requests counted `Sum`",
            "Statistic of the alarm: of CPU over the tasks, of latency over the requests of a minute. Percentiles by the minute only.",
            "API",
        ),
        ALARM_OF_STEPS,
        ADJUSTMENT_TYPE,
        STEP_ADJUSTMENTS,
        LEAST_ADJUSTMENT,
        with_default("cooldown", ANY_SPAN, "\"300s\"", "Time between changes.", "documented"),
    ],
);

static SCALING_ALARM: Section = Section::new(
    "alarm",
    "A CloudWatch alarm.",
    &[
        with_default(
            "comparison_operator",
            Kind::Choice(&[
                "GreaterThanThreshold",
                "GreaterThanOrEqualToThreshold",
                "LessThanThreshold",
                "LessThanOrEqualToThreshold",
            ]),
            "\"GreaterThanOrEqualToThreshold\"",
            "How it compares.",
            "API",
        ),
        required("threshold", METRIC_VALUE, "Threshold, in the unit of the metric.", "API"),
        with_default(
            "period",
            Kind::Span(10 * SECOND, 86_400 * SECOND),
            "\"60s\"",
            "Length of a period: 10, 20 or 30 s, or whole minutes.",
            "documented",
        ),
        with_default("evaluation_periods", PERIODS, "1", "Points looked at.", "API"),
        optional(
            "datapoints_to_alarm",
            PERIODS,
            "`evaluation_periods`",
            "Points that must breach.",
            "API",
        ),
        with_default(
            "treat_missing_data",
            Kind::Choice(&["missing", "ignore", "breaching", "notBreaching"]),
            "\"missing\"",
            "Periods without a point.",
            "API",
        ),
    ],
);

static STEP: Section = Section::new(
    "step_adjustment",
    "A step: bounds count from the alarm's threshold.",
    &[
        optional(
            "metric_interval_lower_bound",
            Kind::Number(-1e12, 1e12),
            "open",
            "Lower bound.",
            "API",
        ),
        optional(
            "metric_interval_upper_bound",
            Kind::Number(-1e12, 1e12),
            "open",
            "Upper bound.",
            "API",
        ),
        required(
            "scaling_adjustment",
            Kind::Number(-1_000_000.0, 1_000_000.0),
            "Tasks or percent, a whole number; negative scales in.",
            "API",
        ),
    ],
);

static SCHEDULED: Section = Section::new(
    "scheduled",
    "A scheduled action: new limits of the capacity at certain times.",
    &[
        optional("name", Kind::Text, UNNAMED, "Name.", "API"),
        required(
            "schedule",
            Kind::Text,
            "`at(yyyy-mm-ddThh:mm:ss)`, `rate(5 minutes)` or `cron(minute hour day month weekday year)`.",
            "API",
        ),
        with_default("timezone", Kind::Text, "\"UTC\"", "IANA time zone.", "API"),
        optional("min_capacity", TASKS, "as it is", "New fewest tasks.", "API"),
        optional("max_capacity", TASKS, "as it is", "New most tasks.", "API"),
    ],
);

static PREDICTIVE: Section = Section::new(
    "predictive",
    "Raises the capacity ahead of a forecast.",
    &[
        optional("name", Kind::Text, UNNAMED, "Name.", "API"),
        required("metric", METRIC, "Metric.", "API"),
        required("target_value", TARGET, "Target, in the unit of the metric.", "API"),
        MODE_OF_FORECASTS,
        BUFFER_OF_FORECASTS,
        with_default(
            "max_capacity_breach_behavior",
            Kind::Choice(&["HonorMaxCapacity", "IncreaseMaxCapacity"]),
            "\"HonorMaxCapacity\"",
            "What happens when the forecast is above the maximum.",
            "API",
        ),
        with_default(
            "max_capacity_buffer",
            Kind::Whole(0, 100),
            "0",
            "`IncreaseMaxCapacity`: percent above the forecast.",
            "API",
        ),
    ],
);

static SUSPENDED: Section = Section::new(
    "suspended_state",
    "Kinds of scaling that are suspended from beginning to end.",
    &[
        with_default(
            "dynamic_scaling_in_suspended",
            Kind::Flag,
            "false",
            "No policy scales in.",
            "API",
        ),
        with_default(
            "dynamic_scaling_out_suspended",
            Kind::Flag,
            "false",
            "No policy scales out.",
            "API",
        ),
        with_default(
            "scheduled_scaling_suspended",
            Kind::Flag,
            "false",
            "No scheduled action.",
            "API",
        ),
    ],
);
