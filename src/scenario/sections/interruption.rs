//! Keys of how Spot instances are taken back, and of capacity that is not to be had.

use super::shared::{
    AVAILABILITY_GAP, AVAILABILITY_MEANING, AVAILABILITY_TRACE, RECLAIM_PERCENT, SHORTAGE_AT,
    SHORTAGE_DURATION, SHORTAGE_PURCHASE,
};
use super::timing::SECONDS;
use super::{ANY_SPAN, Kind, Section, optional, required, with_default};

/// `[capacity_provider.mixed_instances.interruption]`.
pub(super) static INTERRUPTION: Section = Section::new(
    "interruption",
    "How EC2 takes the group's Spot instances back; several causes may be given. An instance that is taken back within \
     its first hour costs nothing.",
    &[
        optional(
            "per_instance_hour",
            Kind::Number(0.0, 3_600.0),
            "none",
            "Interruptions of each instance in an hour, at random.",
            "ecsim",
        ),
        with_default(
            "spot_advisor",
            Kind::Flag,
            "false",
            "Interruptions at the rate of the Spot Advisor's band of each type: the middle of the band, 25 % a month above \
             20 %.",
            "assumed",
        ),
        with_default(
            "above_max_price",
            Kind::Flag,
            "false",
            "The market before 2018: instances are taken back when their pool costs more than `spot_max_price`.",
            "documented",
        ),
        optional(
            "reclaims_per_pool_hour",
            Kind::Number(0.0, 3_600.0),
            "none",
            "How often in an hour a pool takes back many of its instances at once, at random.",
            "ecsim",
        ),
        RECLAIM_PERCENT,
        optional(
            "availability",
            Kind::Tables(&AVAILABILITY),
            "none",
            "How many Spot instances some pools can hold over time: more than that are taken back, and none are launched.",
            "ecsim",
        ),
        with_default(
            "notice",
            ANY_SPAN,
            "\"2m\"",
            "From the interruption notice to the end of the instance.",
            "documented",
        ),
        optional(
            "rebalance_recommendation",
            SECONDS,
            "uniform from 0 to 15 min",
            "How long before the notice EC2 recommends to rebalance, where instances are taken back one by one; otherwise \
             both come together.",
            "assumed",
        ),
        with_default(
            "capacity_rebalancing",
            Kind::Flag,
            "false",
            "`CapacityRebalance`: on the recommendation the group launches another instance, and ends the one at risk when \
             that one is ACTIVE.",
            "API",
        ),
        with_default(
            "spot_instance_draining",
            Kind::Flag,
            "false",
            "Agent setting `ECS_ENABLE_SPOT_INSTANCE_DRAINING`: an instance that has its notice is DRAINING.",
            "documented",
        ),
    ],
);

static AVAILABILITY: Section = Section::new(
    "availability",
    "How many Spot instances can be had over time.",
    &[
        required(
            "availability_zone",
            Kind::Text,
            "One of the group's Availability Zones.",
            "ecsim",
        ),
        optional(
            "instance_type",
            Kind::Text,
            "all of them together",
            "One of `instance_types`.",
            "ecsim",
        ),
        AVAILABILITY_TRACE,
        AVAILABILITY_MEANING,
        AVAILABILITY_GAP,
    ],
);

/// `[[capacity_provider.shortages]]`.
pub(super) static SHORTAGE: Section = Section::new(
    "shortage",
    "For a while EC2 has no capacity for launches of an Auto Scaling group; what runs stays.",
    &[
        SHORTAGE_AT,
        SHORTAGE_DURATION,
        optional(
            "availability_zone",
            Kind::Text,
            "all of the group's",
            "One of the group's Availability Zones.",
            "ecsim",
        ),
        optional("instance_type", Kind::Text, "all", "One of `instance_types`.", "ecsim"),
        SHORTAGE_PURCHASE,
    ],
);
