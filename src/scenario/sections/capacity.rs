//! Keys of clusters, instance types and capacity providers.

use super::bill::VOLUME_OF_INSTANCES;
use super::group_scaling::GROUP_SCALING;
use super::instance_refresh::{
    INSTANCE_REFRESHES, LAUNCH_TEMPLATE_VERSION, MAX_INSTANCE_LIFETIME, MAX_INSTANCE_LIFETIME_PAUSE,
};
use super::interruption::{INTERRUPTION, SHORTAGE};
use super::lifecycle_hook::LIFECYCLE_HOOK;
use super::mixed_instances::MIXED_INSTANCES;
use super::shared::{A_SHARE, STREAM, TAGS};
use super::spot_prices::{
    SPOT_DISCOUNT, SPOT_HISTORY, SPOT_HISTORY_START, SPOT_HISTORY_TYPE, SPOT_PRICE, SPOT_PRICES,
};
use super::zonal_shift::IMPAIRMENT_POLICY;
use super::{
    ANY_SPAN, Kind, MOST_CPU, MOST_MEMORY, SECOND, Section, optional, required, with_default,
};

/// Operating system families as `runtimePlatform.operatingSystemFamily` names them.
pub(super) const OPERATING_SYSTEMS: &[&str] = &[
    "LINUX",
    "WINDOWS_SERVER_2019_FULL",
    "WINDOWS_SERVER_2019_CORE",
    "WINDOWS_SERVER_2016_FULL",
    "WINDOWS_SERVER_2004_CORE",
    "WINDOWS_SERVER_2022_CORE",
    "WINDOWS_SERVER_2022_FULL",
    "WINDOWS_SERVER_2025_CORE",
    "WINDOWS_SERVER_2025_FULL",
    "WINDOWS_SERVER_20H2_CORE",
];
/// CPU architectures as `runtimePlatform.cpuArchitecture` names them.
pub(super) const ARCHITECTURES: &[&str] = &["X86_64", "ARM64"];

/// `[cluster]` or `[[cluster]]`.
pub static CLUSTER: Section = Section::new(
    "cluster",
    "A cluster and the network of its tasks.",
    &[
        with_default("name", Kind::Name(""), "\"default\"", "Name.", "API"),
        optional(
            "availability_zones",
            Kind::List(&Kind::Text, 26),
            "the zones that its capacity providers name, or the region's first three",
            "Availability Zones that its instances and Fargate tasks use.",
            "ecsim",
        ),
        optional(
            "subnets",
            Kind::List(&Kind::Table(&SUBNET), 200),
            "none",
            "Subnets; instances get the attribute `ecs.subnet-id` of the first one in their zone.",
            "API",
        ),
        optional(
            "default_capacity_provider_strategy",
            Kind::List(&A_SHARE, usize::MAX),
            "none",
            "`defaultCapacityProviderStrategy`: of callers and REPLICA services that name neither a launch type nor a strategy.",
            "API",
        ),
        with_default(
            "awsvpc_trunking",
            Kind::Flag,
            "false",
            "Account setting `awsvpcTrunking`: more `awsvpc` tasks on instance types that support it.",
            "API",
        ),
        with_default(
            "ecs_reserved_memory",
            Kind::Memory(0, MOST_MEMORY),
            "0",
            "Agent setting `ECS_RESERVED_MEMORY` in MiB, taken from what each instance registers.",
            "documented",
        ),
    ],
);

static SUBNET: Section = Section::new(
    "subnet",
    "A subnet.",
    &[
        required("id", Kind::Name(""), "Its id, such as `subnet-0a1b`.", "API"),
        required("availability_zone", Kind::Text, "Its Availability Zone.", "API"),
    ],
);

/// `[[instance_type]]`.
pub static INSTANCE_TYPE: Section = Section::new(
    "instance_type",
    "An instance type of your own: a type that is not in the catalogue, or a machine that is no EC2 instance.",
    &[
        required("name", Kind::Name("."), "Name.", "ecsim"),
        required(
            "vcpus",
            Kind::Whole(1, MOST_CPU / 1_024),
            "vCPUs; 1,024 CPU units each.",
            "documented",
        ),
        required("memory", Kind::Memory(1, MOST_MEMORY), "Nominal memory in MiB.", "ecsim"),
        optional(
            "registered_memory",
            Kind::Memory(1, MOST_MEMORY),
            "97 % of `memory` below 16 GiB, 98 % from there",
            "MiB that the instance registers.",
            "assumed",
        ),
        with_default(
            "max_enis",
            Kind::Whole(1, 512),
            "4",
            "Network interfaces at most.",
            "assumed",
        ),
        optional(
            "awsvpc_tasks",
            Kind::Whole(0, 1_024),
            "`max_enis` - 1",
            "`awsvpc` tasks that fit at most.",
            "documented",
        ),
        with_default("gpus", Kind::Whole(0, 64), "0", "Whole GPUs.", "ecsim"),
        with_default(
            "architecture",
            Kind::Choice(ARCHITECTURES),
            "\"X86_64\"",
            "CPU architecture.",
            "API",
        ),
        optional(
            "usd_per_hour",
            Kind::Usd,
            "the capacity provider's `usd_per_hour`",
            "On-Demand price in US dollars an hour.",
            "ecsim",
        ),
    ],
);

/// Termination policies as the API names them, launch configurations apart: a group has a launch template here.
const TERMINATION_POLICIES: &[&str] = &[
    "Default",
    "AllocationStrategy",
    "OldestLaunchTemplate",
    "OldestInstance",
    "NewestInstance",
    "ClosestToNextInstanceHour",
];

/// `[[capacity_provider.scheduled_actions]]`.
static GROUP_CHANGE: Section = Section::new(
    "scheduled_action",
    "A change of an Auto Scaling group by schedule or by hand; what is not given stays.",
    &[
        required("at", ANY_SPAN, "When.", "ecsim"),
        optional("min_size", Kind::Whole(0, 1_000_000), "as it is", "`MinSize`.", "API"),
        optional("max_size", Kind::Whole(0, 1_000_000), "as it is", "`MaxSize`.", "API"),
        optional(
            "desired_capacity",
            Kind::Whole(0, 1_000_000),
            "as it is, brought inside the limits",
            "`DesiredCapacity`.",
            "API",
        ),
        LAUNCH_TEMPLATE_VERSION,
    ],
);

/// `managed_scaling` of a capacity provider.
static MANAGED_SCALING: Section = Section::new(
    "managed_scaling",
    "Managed scaling: a target tracking policy of ECS on `CapacityProviderReservation`; what AWS does not publish is a key here.",
    &[
        with_default(
            "status",
            Kind::Choice(&["ENABLED", "DISABLED"]),
            "\"ENABLED\"",
            "`status`: DISABLED is as if the table were not there.",
            "API",
        ),
        with_default(
            "target_capacity",
            Kind::Whole(1, 100),
            "100",
            "`targetCapacity` in percent: below 100 instances without tasks are kept.",
            "API",
        ),
        with_default(
            "minimum_scaling_step_size",
            STEP_SIZE,
            "1",
            "Instances that a scale-out adds at least.",
            "API",
        ),
        with_default(
            "maximum_scaling_step_size",
            STEP_SIZE,
            "10000",
            "Instances that a scale-out adds at most.",
            "API",
        ),
        with_default(
            "instance_warmup_period",
            Kind::Span(0, 10_000 * SECOND),
            "\"300s\"",
            "No scale-out while the youngest instance was launched less than so long ago.",
            "API",
        ),
        with_default(
            "packing",
            Kind::Choice(&["per_task", "per_resource"]),
            "\"per_task\"",
            "How waiting tasks are packed when instances are counted: tasks whole, or each resource summed by itself.",
            "assumed",
        ),
        with_default(
            "estimator",
            Kind::Choice(&["by_group", "legacy"]),
            "\"by_group\"",
            "Who counts them: by groups of equal tasks; or as until 2020, the smallest step more with several zones or types.",
            "documented",
        ),
        with_default(
            "counted_instances",
            Kind::Choice(&["in_service", "registered"]),
            "\"in_service\"",
            "What N counts: instances that run, as their group calls them InService, or those that have registered.",
            "assumed",
        ),
        with_default(
            "metric_delay",
            Kind::Span(0, 3_600 * SECOND),
            "\"30s\"",
            "From the end of a minute to the evaluation of its point.",
            "assumed (30 to 60 s)",
        ),
        with_default(
            "high_periods",
            Kind::Whole(1, 60),
            "1",
            "Minutes above the target until the group scales out.",
            "measured",
        ),
        with_default(
            "low_periods",
            Kind::Whole(1, 1_440),
            "15",
            "Minutes below it until the group scales in.",
            "documented",
        ),
        with_default(
            "low_percent",
            Kind::Whole(1, 100),
            "100",
            "What \"below\" means, in percent of the target.",
            "assumed",
        ),
        with_default(
            "scale_in_percent",
            Kind::Whole(1, 100),
            "50",
            "Share of the desired capacity that a step of scale-in takes at most; 5 to 10 before September 2022.",
            "documented",
        ),
        with_default(
            "scale_in_interval",
            Kind::Span(SECOND, 86_400 * SECOND),
            "\"200s\"",
            "Between two such steps.",
            "assumed (fits 334 to 34 instances in 10 min)",
        ),
    ],
);
const STEP_SIZE: Kind = Kind::Whole(1, 10_000);

/// `[[capacity_provider]]`.
pub static CAPACITY_PROVIDER: Section = Section::new(
    "capacity_provider",
    "Container instances: a fixed fleet that is registered from the beginning to the end or, with `max_size`, an Auto Scaling group.",
    &[
        required(
            "name",
            Kind::Name(""),
            "Name; not one that begins with `aws`, `ecs` or `fargate`.",
            "API",
        ),
        STREAM,
        optional(
            "cluster",
            Kind::Text,
            "the first cluster",
            "Cluster that the instances register with.",
            "API",
        ),
        optional(
            "instance_types",
            Kind::List(&Kind::Text, 100),
            "none; needs `inventory` then",
            "Instance types: of a fixed fleet dealt in turn, in equal numbers, over Availability Zones alike; of an Auto Scaling \
             group by priority.",
            "API",
        ),
        optional(
            "desired_capacity",
            Kind::Whole(0, 1_000_000),
            "none; needs `inventory` then; of an Auto Scaling group `min_size`",
            "Number of instances, at the beginning.",
            "API",
        ),
        optional(
            "min_size",
            Kind::Whole(0, 1_000_000),
            "0",
            "Auto Scaling group: `MinSize`.",
            "API",
        ),
        optional(
            "max_size",
            Kind::Whole(0, 1_000_000),
            "none: a fixed fleet",
            "`MaxSize`; makes the fleet an Auto Scaling group, which keeps to its desired capacity.",
            "API",
        ),
        optional(
            "allocation_strategy",
            Kind::Choice(&["prioritized", "lowest-price"]),
            "\"prioritized\"",
            "Auto Scaling group: whether it launches the first of `instance_types`, or the one that is cheapest in the zone then.",
            "API",
        ),
        optional(
            "mixed_instances",
            Kind::Table(&MIXED_INSTANCES),
            "none: all are bought as `purchase` says",
            "Auto Scaling group: On-Demand and Spot instances side by side.",
            "API",
        ),
        optional(
            "interruption",
            Kind::Table(&INTERRUPTION),
            "none: EC2 takes no Spot instance back",
            "Auto Scaling group or Managed Instances with `purchase = \"spot\"`: how EC2 takes them back. Managed Instances \
             drain at their notice by themselves, and take `per_instance_hour`, `spot_advisor`, `notice` and \
             `rebalance_recommendation` of its keys.",
            "ecsim",
        ),
        optional(
            "shortages",
            Kind::Tables(&SHORTAGE),
            "none",
            "Auto Scaling group: when it finds no capacity. It takes another type or zone, or tries again after 1, 2, 4 … 15 \
             minutes.",
            "ecsim",
        ),
        optional(
            "termination_policies",
            Kind::List(&Kind::Choice(TERMINATION_POLICIES), 5),
            "[\"Default\"]",
            "Auto Scaling group: which instance ends first in the zone with most; one policy after the other, then at random.",
            "API",
        ),
        optional(
            "protect_from_scale_in",
            Kind::Flag,
            "false",
            "Auto Scaling group: `NewInstancesProtectedFromScaleIn`, for all of its instances.",
            "API",
        ),
        optional(
            "health_check_grace_period",
            Kind::Span(0, 2_147_483_647 * SECOND),
            "\"0s\"",
            "Auto Scaling group: `HealthCheckGracePeriod`: it replaces no instance that it finds unhealthy sooner after its \
             registration (AWS: after it is InService); the console's default is 300 s. An agent that is lost is no health \
             check of the group.",
            "API; its begin is assumed",
        ),
        optional(
            "managed_draining",
            Kind::Flag,
            "true",
            "Auto Scaling group: an instance that it ends is DRAINING until it holds no task; otherwise its tasks are lost.",
            "API",
        ),
        optional(
            "managed_scaling",
            Kind::Table(&MANAGED_SCALING),
            "none: nobody scales the group",
            "Auto Scaling group: managed scaling of the capacity provider; tasks that find no room wait in PROVISIONING.",
            "API",
        ),
        optional(
            "scaling",
            Kind::Table(&GROUP_SCALING),
            "none",
            "Auto Scaling group: policies of its own in place of managed scaling.",
            "API",
        ),
        optional(
            "managed_instances",
            Kind::Table(&super::managed_instances::MANAGED_INSTANCES),
            "none",
            "ECS Managed Instances in place of a fleet or an Auto Scaling group, with `instance_types` as the allowed ones.",
            "API",
        ),
        optional(
            "warm_pool",
            Kind::Table(&super::warm_pool::WARM_POOL),
            "none",
            "Auto Scaling group: instances that wait until they are needed.",
            "API",
        ),
        INSTANCE_REFRESHES,
        MAX_INSTANCE_LIFETIME,
        MAX_INSTANCE_LIFETIME_PAUSE,
        optional(
            "managed_termination_protection",
            Kind::Flag,
            "false",
            "With managed scaling and `protect_from_scale_in`: ECS takes the protection from instances with no task but daemons'.",
            "API",
        ),
        optional(
            "drain_timeout",
            ANY_SPAN,
            "\"48h\"; of Managed Instances \"7d\"",
            "For how long it drains at most.",
            "documented",
        ),
        with_default(
            "external",
            Kind::Flag,
            "false",
            "ECS Anywhere: a fixed fleet of hosts of your own, in no Availability Zone and no strategy; their tasks have \
             the launch type EXTERNAL.",
            "documented",
        ),
        optional(
            "anywhere_fee_usd_per_hour",
            Kind::Usd,
            "0.01025",
            "What ECS charges for each external instance, in US dollars an hour; `usd_per_hour` is what the host costs, \
             0 by default.",
            "documented",
        ),
        optional(
            "lifecycle_hooks",
            Kind::Tables(&LIFECYCLE_HOOK),
            "none but that of managed draining",
            "Auto Scaling group: what instances wait for before they register, and before they end. The hooks of a transition \
             begin together. Instances that have failed do not wait (but with `reaction = \"drain\"` they do), and neither do \
             those that EC2 takes back. One that enters a warm pool waits for the hooks of its launch before it is ready \
             there, and again when it leaves; one that returns waits for those of its end alone (assumed), and one that ends in \
             the pool for none.",
            "API",
        ),
        optional(
            "scheduled_actions",
            Kind::Tables(&GROUP_CHANGE),
            "none",
            "Auto Scaling group: changes of its sizes, in order of time.",
            "API",
        ),
        optional(
            "inventory",
            Kind::Path,
            "none",
            "CSV with the instances, in place of `instance_types` and `desired_capacity`.",
            "ecsim",
        ),
        with_default(
            "inventory_format",
            Kind::Choice(&["native", "openb"]),
            "\"native\"",
            "Layout of the inventory.",
            "ecsim",
        ),
        optional(
            "availability_zones",
            Kind::List(&Kind::Text, 26),
            "the cluster's",
            "Availability Zones, dealt in turn.",
            "API",
        ),
        optional(
            "subnets",
            Kind::List(&Kind::Text, 200),
            "all in its zones",
            "With `[network]`: ids of the subnets that its instances are in; their zones are its zones. Of several in a \
             zone an Auto Scaling group draws one for each launch, and looks in another zone where that one is full; at the \
             beginning, and for Managed Instances (assumed), the emptiest is taken.",
            "API; documented",
        ),
        optional(
            "capacity_distribution_strategy",
            Kind::Choice(&["balanced-best-effort", "balanced-only"]),
            "\"balanced-best-effort\"",
            "Auto Scaling group: whether it launches in another zone where one has no capacity or is out, or waits for it.",
            "API",
        ),
        optional(
            "availability_zone_impairment_policy",
            Kind::Table(&IMPAIRMENT_POLICY),
            "none: it obeys no zonal shift",
            "Auto Scaling group: what it does in a zonal shift.",
            "API",
        ),
        optional(
            "attributes",
            Kind::Attributes,
            "none",
            "Custom attributes of every instance.",
            "API",
        ),
        TAGS,
        with_default(
            "purchase",
            Kind::Choice(&["on_demand", "spot"]),
            "\"on_demand\"",
            "How the instances are bought.",
            "ecsim",
        ),
        optional(
            "usd_per_hour",
            Kind::Usd,
            "the instance type's, or the catalogue's On-Demand price",
            "On-Demand price of every instance in US dollars an hour.",
            "ecsim",
        ),
        SPOT_PRICE,
        SPOT_DISCOUNT,
        SPOT_PRICES,
        SPOT_HISTORY,
        SPOT_HISTORY_START,
        SPOT_HISTORY_TYPE,
        VOLUME_OF_INSTANCES,
        optional(
            "cpu_credits",
            Kind::Choice(&["standard", "unlimited"]),
            "unlimited; of T2 standard",
            "`CpuCredits` of instances of the T families: what they do without credits, borrow and pay, or slow down to their \
             baseline. For the bill alone, with `[bill]`: no task is slowed down; the summary says how much CPU was used that a \
             standard instance would not have had.",
            "API",
        ),
        optional(
            "registered_memory",
            Kind::Memory(1, MOST_MEMORY),
            "as measured for the instance type, less `ecs_reserved_memory`",
            "MiB that each instance registers.",
            "measured",
        ),
        with_default(
            "operating_system_family",
            Kind::Choice(OPERATING_SYSTEMS),
            "\"LINUX\"",
            "Operating system of the instances.",
            "API",
        ),
        optional(
            "reserved_ports",
            Kind::List(&Kind::Whole(1, 65_535), 100),
            "the agent's: 22, 2375, 2376, 51678, 51679 on Linux",
            "Agent setting `ECS_RESERVED_PORTS`: TCP host ports that no task gets.",
            "documented",
        ),
        with_default(
            "reserved_ports_udp",
            Kind::List(&Kind::Whole(1, 65_535), 100),
            "[]",
            "Agent setting `ECS_RESERVED_PORTS_UDP`.",
            "documented",
        ),
    ],
);
