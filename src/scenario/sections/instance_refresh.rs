//! Keys of what replaces the instances of a group: refreshes, their highest age.

use super::{ANY_SPAN, Key, Kind, SECOND, Section, optional, required, with_default};

const DAY: u64 = 86_400 * SECOND;
/// The longest pause that the API takes.
const TWO_DAYS: Kind = Kind::Span(0, 2 * DAY);

/// A new version of the launch template.
pub(super) const LAUNCH_TEMPLATE_VERSION: Key = optional(
    "launch_template_version",
    Kind::Whole(1, 1_000_000),
    "as it is",
    "Version of the launch template, 1 at the beginning: what is launched from then on has it.",
    "API",
);

/// `[[capacity_provider.instance_refreshes]]`.
static INSTANCE_REFRESH: Section = Section::new(
    "instance_refresh",
    "`StartInstanceRefresh`: the group replaces its instances, some at a time. One is refused while another is in \
     progress. Instances that it ends drain as in a scale-in. Standby instances are not \
     modelled, nor alarms on metrics: `alarm_at` says when one fires.",
    &[
        required("at", ANY_SPAN, "When.", "ecsim"),
        optional(
            "launch_template_version",
            Kind::Whole(1, 1_000_000),
            "the next one",
            "Version of the launch template from then on; 1 at the beginning.",
            "API",
        ),
        with_default(
            "min_healthy_percentage",
            Kind::Whole(0, 100),
            "90",
            "`MinHealthyPercentage`: so much of the desired capacity, rounded up, stays in service and warm. Where nothing \
             could end, one instance does.",
            "API",
        ),
        with_default(
            "max_healthy_percentage",
            Kind::Whole(100, 200),
            "100",
            "`MaxHealthyPercentage`: above 100 new instances are launched before old ones end; at most 100 more than \
             `min_healthy_percentage`, which must be given, too.",
            "API",
        ),
        optional(
            "instance_warmup",
            Kind::Span(0, DAY),
            "the group's `health_check_grace_period`",
            "`InstanceWarmup`: a new instance counts as healthy so long after it has registered.",
            "API",
        ),
        optional(
            "checkpoint_percentages",
            Kind::List(&Kind::Whole(1, 100), 100),
            "none",
            "`CheckpointPercentages`, ascending: the refresh pauses when such a share has been replaced, and ends at the \
             last one.",
            "API",
        ),
        optional(
            "checkpoint_delay",
            TWO_DAYS,
            "\"1h\"",
            "`CheckpointDelay`: how long it pauses.",
            "API",
        ),
        with_default(
            "skip_matching",
            Kind::Flag,
            "false",
            "`SkipMatching`: instances that have the version of the launch template already are not replaced.",
            "API",
        ),
        with_default(
            "scale_in_protected_instances",
            Kind::Choice(&["Refresh", "Ignore", "Wait"]),
            "\"Wait\"",
            "`ScaleInProtectedInstances`: replace them, leave them, or wait an hour for the end of their protection and \
             fail. The console's default is Ignore.",
            "API",
        ),
        with_default(
            "bake_time",
            TWO_DAYS,
            "\"0s\"",
            "`BakeTime`: from the last replacement to the end of the refresh.",
            "API",
        ),
        optional(
            "cancel_at",
            ANY_SPAN,
            "never",
            "`CancelInstanceRefresh`: what has been replaced stays so.",
            "API",
        ),
        optional(
            "alarm_at",
            ANY_SPAN,
            "never",
            "When an alarm of `AlarmSpecification` goes into ALARM: a refresh that is in progress then, the bake time \
             included, fails.",
            "ecsim",
        ),
        with_default(
            "auto_rollback",
            Kind::Flag,
            "false",
            "`AutoRollback`: when it fails, the group has the version before again, and the instances that do not have it \
             are replaced in the same way, without checkpoints, bake time and alarm (assumed). Needs \
             `launch_template_version`.",
            "API",
        ),
    ],
);

/// The refreshes of a group.
pub(super) const INSTANCE_REFRESHES: Key = optional(
    "instance_refreshes",
    Kind::Tables(&INSTANCE_REFRESH),
    "none",
    "Auto Scaling group: instance refreshes, in order of time.",
    "API",
);

/// The highest age of a group's instances.
pub(super) const MAX_INSTANCE_LIFETIME: Key = optional(
    "max_instance_lifetime",
    Kind::Span(0, 365 * DAY),
    "none, as is \"0s\"",
    "Auto Scaling group: `MaxInstanceLifetime`, from 1 to 365 days: instances in service for so long are replaced, one after \
     the other, those that are protected from scale-in when they no longer are.",
    "API",
);

/// The pace of these replacements.
pub(super) const MAX_INSTANCE_LIFETIME_PAUSE: Key = optional(
    "max_instance_lifetime_pause",
    Kind::Span(SECOND, DAY),
    "\"5m\"",
    "From one such replacement to the next at least; where the lifetime is too short for that, up to 10 % of the instances \
     are replaced at once.",
    "assumed (AWS: \"a pause\")",
);
