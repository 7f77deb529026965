//! Keys of commitments: Reserved Instances, Savings Plans, capacity reservations.

use super::{ANY_SPAN, Kind, SPAN_FROM_1S, Section, optional, required, with_default};

/// Most Reserved Instances of one purchase.
const MOST_INSTANCES: u64 = 1_000_000;
/// Terms that AWS sells.
const TERMS: Kind = Kind::Choice(&["1y", "3y"]);

/// `[[reserved_instances]]`.
pub static RESERVED_INSTANCES: Section = Section::new(
    "reserved_instances",
    "Reserved Instances, that were bought before the run began and last beyond it. They are paid every hour, used or not.",
    &[
        optional(
            "name",
            Kind::Name(""),
            "`reserved-1` and so on",
            "Name in `commitments.csv`.",
            "ecsim",
        ),
        required("instance_type", Kind::Text, "`InstanceType`.", "API"),
        with_default(
            "instance_count",
            Kind::Whole(1, MOST_INSTANCES),
            "1",
            "`InstanceCount`: how many.",
            "API",
        ),
        optional(
            "availability_zone",
            Kind::Text,
            "none: regional",
            "`AvailabilityZone` of a zonal reservation, which covers its own type there. A regional one covers all sizes of \
             its family, the smallest first.",
            "API",
        ),
        with_default(
            "term",
            TERMS,
            "\"1y\"",
            "How long they last; decides the default price.",
            "API",
        ),
        optional(
            "usd_per_hour",
            Kind::Usd,
            "On-Demand less 37 % for a year, 58 % for three",
            "What each costs an hour, its part of an upfront payment included.",
            "assumed",
        ),
    ],
);

/// `[[capacity_reservation]]`.
pub static CAPACITY_RESERVATION: Section = Section::new(
    "capacity_reservation",
    "A capacity reservation: slots for instances of a type in a zone, which are paid with or without an instance. It decides \
     what is billed; what can be launched for Managed Instances with a `reservation_preference` and for groups with \
     `distribution_segments`. An On-Demand one takes any On-Demand instance of its type and zone. In a Capacity Block or an \
     interruptible reservation are only instances of such groups, and they end with it.",
    &[
        optional(
            "name",
            Kind::Name(""),
            "`capacity-1` and so on",
            "Name in `commitments.csv`.",
            "ecsim",
        ),
        with_default(
            "type",
            Kind::Choice(&[
                "on-demand-capacity-reservation",
                "capacity-block",
                "interruptible-capacity-reservation",
            ]),
            "\"on-demand-capacity-reservation\"",
            "Which kind it is, as distribution segments name it.",
            "API",
        ),
        required("instance_type", Kind::Text, "`InstanceType`.", "API"),
        required("availability_zone", Kind::Text, "`AvailabilityZone`.", "API"),
        with_default(
            "instance_count",
            Kind::Whole(1, MOST_INSTANCES),
            "1",
            "`InstanceCount`: how many slots.",
            "API",
        ),
        with_default("from", ANY_SPAN, "\"0s\"", "When it becomes active.", "ecsim"),
        optional(
            "until",
            SPAN_FROM_1S,
            "beyond the end of the run; required of a Capacity Block",
            "`EndDate`; of an interruptible reservation when its owner has it back.",
            "API",
        ),
        optional(
            "usd_per_hour",
            Kind::Usd,
            "the On-Demand price; required of a Capacity Block",
            "What a slot without an instance costs an hour; 0 of an interruptible reservation that another account owns. Of \
             a Capacity Block its upfront fee, an instance and an hour: all of it is paid, and its instances cost nothing \
             beside it.",
            "documented",
        ),
        optional(
            "instances_end_before",
            ANY_SPAN,
            "\"30m\" of a Capacity Block, \"0s\" of an interruptible reservation",
            "How long before `until` the instances in it end; nothing is launched into it from then on.",
            "documented",
        ),
        optional(
            "notice",
            ANY_SPAN,
            "\"10m\" of a Capacity Block, \"2m\" of an interruptible reservation",
            "How long before that they have their notice.",
            "documented",
        ),
        optional(
            "drain_at_notice",
            Kind::Flag,
            "false",
            "Whether they are DRAINING from the notice on: somebody acts on the event, as ECS's agent does for Spot.",
            "assumed",
        ),
    ],
);

/// `[[savings_plan]]`.
pub static SAVINGS_PLAN: Section = Section::new(
    "savings_plan",
    "A Savings Plan, that was bought before the run began and lasts beyond it: so many dollars of each clock hour are paid, \
     used or not. Never used on Spot, fees, storage.",
    &[
        optional(
            "name",
            Kind::Name(""),
            "`savings-plan-1` and so on",
            "Name in `commitments.csv`.",
            "ecsim",
        ),
        required(
            "type",
            Kind::Choice(&["Compute", "EC2Instance"]),
            "`SavingsPlanType`: `Compute` covers EC2 and Fargate, `EC2Instance` one family of instances.",
            "API",
        ),
        optional(
            "instance_family",
            Kind::Text,
            "none; required with `EC2Instance`",
            "The family that an `EC2Instance` plan covers, such as `m5`.",
            "API",
        ),
        required(
            "usd_per_hour",
            Kind::Usd,
            "`Commitment`: dollars an hour; 0 only asks what would have been best.",
            "API",
        ),
        with_default(
            "term",
            TERMS,
            "\"1y\"",
            "How long it lasts; decides the default discounts.",
            "API",
        ),
        optional(
            "discount_percent",
            Kind::Number(0.0, 99.0),
            "`Compute` 27 % for a year and 45 % for three, `EC2Instance` 37 % and 58 %",
            "Discount on instances, percent of their On-Demand price.",
            "assumed",
        ),
        optional(
            "fargate_discount_percent",
            Kind::Number(0.0, 99.0),
            "20 % for a year, 45 % for three",
            "Discount of a `Compute` plan on vCPUs and memory of Fargate.",
            "assumed",
        ),
        optional(
            "rate",
            Kind::Tables(&SAVINGS_PLAN_RATE),
            "the discount",
            "What instances of a type cost under the plan.",
            "API",
        ),
        optional(
            "fargate_vcpu_usd_per_hour",
            Kind::Usd,
            "the discount",
            "What a vCPU of Fargate costs under the plan, Linux on x86.",
            "API",
        ),
        optional(
            "fargate_gb_usd_per_hour",
            Kind::Usd,
            "the discount",
            "What a GB of Fargate costs under the plan, Linux on x86.",
            "API",
        ),
        optional(
            "fargate_arm_vcpu_usd_per_hour",
            Kind::Usd,
            "the discount",
            "What a vCPU of Fargate costs under the plan, Linux on ARM. Windows has the discount.",
            "API",
        ),
        optional(
            "fargate_arm_gb_usd_per_hour",
            Kind::Usd,
            "the discount",
            "What a GB of Fargate costs under the plan, Linux on ARM.",
            "API",
        ),
    ],
);

/// `[[savings_plan.rate]]`.
static SAVINGS_PLAN_RATE: Section = Section::new(
    "rate",
    "What one instance type costs under a Savings Plan.",
    &[
        required("instance_type", Kind::Text, "The type.", "API"),
        required("usd_per_hour", Kind::Usd, "What it costs an hour.", "API"),
    ],
);
