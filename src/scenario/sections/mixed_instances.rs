//! Keys of On-Demand and Spot instances in one Auto Scaling group.

use super::instance_requirements::INSTANCE_REQUIREMENTS;
use super::interruption::INTERRUPTION;
use super::{Kind, Section, optional, required, with_default};

/// `[capacity_provider.mixed_instances]`.
pub(super) static MIXED_INSTANCES: Section = Section::new(
    "mixed_instances",
    "`MixedInstancesPolicy` of an Auto Scaling group: On-Demand and Spot instances of the types of `instance_types`. \
     Spot prices are the capacity provider's.",
    &[
        with_default(
            "on_demand_base_capacity",
            Kind::Whole(0, 1_000_000),
            "0",
            "`OnDemandBaseCapacity`: so many of its instances are On-Demand first of all.",
            "API",
        ),
        with_default(
            "on_demand_percentage_above_base_capacity",
            Kind::Whole(0, 100),
            "100",
            "`OnDemandPercentageAboveBaseCapacity`: share of On-Demand above the base, rounded up.",
            "API",
        ),
        optional(
            "on_demand_allocation_strategy",
            Kind::Choice(&["prioritized", "lowest-price"]),
            "\"prioritized\"; with `instance_requirements` \"lowest-price\", and nothing else",
            "`OnDemandAllocationStrategy`: the first of `instance_types`, or the cheapest.",
            "API",
        ),
        with_default(
            "spot_allocation_strategy",
            Kind::Choice(&[
                "lowest-price",
                "capacity-optimized",
                "capacity-optimized-prioritized",
                "price-capacity-optimized",
            ]),
            "\"lowest-price\"",
            "`SpotAllocationStrategy`. AWS recommends `price-capacity-optimized`: the cheapest of the pools whose score is \
             at most 1 below the best.",
            "API",
        ),
        optional(
            "spot_instance_pools",
            Kind::Whole(1, 20),
            "2",
            "`SpotInstancePools`: over how many of the cheapest pools of a zone `lowest-price` spreads.",
            "API",
        ),
        optional(
            "spot_max_price",
            Kind::Usd,
            "none: whatever Spot costs",
            "`SpotMaxPrice` in US dollars an hour: nothing is launched from a pool that costs more; what is launched pays \
             the price in force.",
            "API",
        ),
        optional(
            "interruption",
            Kind::Table(&INTERRUPTION),
            "none: EC2 takes no Spot instance back",
            "How EC2 takes Spot instances back.",
            "ecsim",
        ),
        optional(
            "instance_requirements",
            Kind::Table(&INSTANCE_REQUIREMENTS),
            "none; needs `instance_types` then",
            "Attribute-based selection in place of `instance_types`.",
            "API",
        ),
        optional(
            "distribution_segments",
            Kind::Tables(&DISTRIBUTION_SEGMENT),
            "none: shares of On-Demand and Spot",
            "`DistributionSegments` in place of base, percentage and everything of Spot: capacity reservations, and \
             On-Demand beside them.",
            "API",
        ),
        optional("pools", Kind::Tables(&POOL), "none", "What is known of pools.", "ecsim"),
    ],
);

/// `[[capacity_provider.mixed_instances.distribution_segments]]`.
static DISTRIBUTION_SEGMENT: Section = Section::new(
    "distribution_segment",
    "The capacity types of which a group launches: a launch goes into the first one that has room in a zone, within it into \
     the first of `instance_types`. With room in none it has found no capacity. A capacity type goes before balance between \
     zones (assumed), and on scale-in those of the last one end first within a zone (assumed). One segment.",
    &[required(
        "target_capacity_types",
        Kind::List(&Kind::Choice(CAPACITY_TYPES), CAPACITY_TYPES.len()),
        "`TargetCapacityTypes`, first things first. The reservations are all `[[capacity_reservation]]` of that `type` for \
         types and zones of the group; without `on-demand` nothing is launched beside them.",
        "API",
    )],
);

/// Capacity types as the API names them.
const CAPACITY_TYPES: &[&str] = &[
    "on-demand-capacity-reservation",
    "capacity-block",
    "interruptible-capacity-reservation",
    "on-demand",
];

/// `[[capacity_provider.mixed_instances.pools]]`.
static POOL: Section = Section::new(
    "pool",
    "A Spot pool: an instance type in one Availability Zone or in all; an entry with a zone goes before one without.",
    &[
        required("instance_type", Kind::Text, "One of `instance_types`.", "ecsim"),
        optional(
            "availability_zone",
            Kind::Text,
            "all of the group's",
            "One of the group's Availability Zones.",
            "ecsim",
        ),
        optional(
            "score",
            Kind::Whole(0, 100),
            "5 to 1 by the Spot Advisor's band of interruptions, 3 where it has none",
            "Capacity as the `capacity-optimized` strategies see it, more is better; AWS shows it to nobody.",
            "assumed",
        ),
        optional(
            "interruptions_per_instance_hour",
            Kind::Number(0.0, 3_600.0),
            "what `interruption` says",
            "Interruptions of each of its instances in an hour, at random.",
            "ecsim",
        ),
    ],
);
