//! Keys of what is on the bill beside compute.

use super::{Key, Kind, Section, optional, required, with_default};

/// Bytes of a request or message; of callers: of a task.
const BYTES: Kind = Kind::Whole(0, 1 << 50);

/// What moves, of services and callers.
pub(super) const BYTES_OF_WORK: Key = optional(
    "bytes",
    Kind::Table(&MOVES),
    "none: nothing of it is on the bill",
    "With `[bill]`: bytes that each request or message moves; of callers each task.",
    "ecsim",
);
/// A volume of its own.
pub(super) const VOLUME_OF_TASKS: Key = optional(
    "ebs_volume",
    Kind::Table(&EBS_VOLUME),
    "none",
    "With `[bill]`: the EBS volume that ECS attaches to each task (`managedEBSVolume`), and deletes with it.",
    "API",
);
/// The same of instances.
pub(super) const VOLUME_OF_INSTANCES: Key = optional(
    "data_volume",
    Kind::Table(&EBS_VOLUME),
    "none",
    "With `[bill]`: the EBS volume that each instance has beside its root volume.",
    "API",
);

static MOVES: Section = Section::new(
    "bytes",
    "Bytes that a served request or message moves (the request itself of all that come), or a task of a caller: what transfer, \
     gateways, capacity units and logs are billed by.",
    &[
        with_default("request", BYTES, "0", "From its client, through the load balancer.", "ecsim"),
        with_default(
            "response",
            BYTES,
            "0",
            "To its client: out to the internet behind an internet-facing load balancer.",
            "ecsim",
        ),
        with_default(
            "peers",
            BYTES,
            "0",
            "Exchanged with other tasks and databases of the VPC, both ways together. Of n zones all but an nth crosses one \
             (assumed: peers are as many in each).",
            "ecsim",
        ),
        with_default("sent", BYTES, "0", "Sent by the task to the internet.", "ecsim"),
        with_default("received", BYTES, "0", "Received by it from there.", "ecsim"),
        with_default(
            "endpoints",
            BYTES,
            "0",
            "Exchanged with AWS's services by interface endpoints.",
            "ecsim",
        ),
        with_default("logs", BYTES, "0", "Logged.", "ecsim"),
        with_default(
            "logs_per_task_hour",
            BYTES,
            "0",
            "Logged by a running task in an hour beside that.",
            "ecsim",
        ),
    ],
);

static EBS_VOLUME: Section = Section::new(
    "EBS volume",
    "A gp3 volume.",
    &[
        required("size_gib", Kind::Whole(1, 65_536), "GiB.", "API"),
        with_default(
            "iops",
            Kind::Whole(3_000, 80_000),
            "3000",
            "IOPS; those above 3,000 cost more.",
            "documented",
        ),
        with_default(
            "throughput",
            Kind::Whole(125, 2_000),
            "125",
            "MiB a second; those above 125 cost more.",
            "documented",
        ),
    ],
);

/// `[bill]`.
pub static BILL: Section = Section::new(
    "bill",
    "What is on the bill beside compute. The table alone, even an empty one, turns on every category that says so, at the prices \
     of the book (`us-east-1`'s where the region's are not known) or of the `[prices]` file; without it only compute is billed.",
    &[
        with_default(
            "volumes",
            Kind::Flag,
            "true",
            "Whether the root volume of each EC2 instance is billed: by the second, at least a minute, from its first start \
             until it is terminated, stopped in a warm pool or not. Fargate has none.",
            "documented",
        ),
        with_default(
            "volume_gb",
            Kind::Whole(1, 16_384),
            "30",
            "GB of a root volume.",
            "documented (ECS-optimized AMI)",
        ),
        optional(
            "volume_usd_per_gb_month",
            Kind::Usd,
            "the book's: 0.08",
            "A GB for a month of 730 hours (gp3).",
            "documented",
        ),
        with_default(
            "addresses",
            Kind::Flag,
            "true",
            "Whether public IPv4 addresses are billed, by the second, at least a minute: of Fargate tasks with \
             `assign_public_ip`, of instances while they run.",
            "documented",
        ),
        optional(
            "address_usd_per_hour",
            Kind::Usd,
            "the book's: 0.005",
            "A public IPv4 address for an hour.",
            "documented",
        ),
        optional(
            "public_instances",
            Kind::Flag,
            "those whose subnet of `[network]` leads to an internet gateway",
            "Whether instances have a public address.",
            "assumed",
        ),
        with_default(
            "cpu_credits",
            Kind::Flag,
            "true",
            "Whether CPU that unlimited instances of the T families borrow beyond what 24 hours earn is billed, and what they \
             owe when they end. Credits are counted every five minutes from the CPU that tasks use (CloudWatch shows them as \
             often). What an instance still owes when the run ends is not charged. See `cpu_credits` of a capacity provider.",
            "documented",
        ),
        with_default(
            "task_cpu_percent",
            Kind::Whole(0, 100),
            "100",
            "For CPU credits: CPU that tasks use whose use is not simulated (tasks of callers, and of services without `traffic` \
             and `queue`), in percent of what they hold. Others use what their requests cost.",
            "assumed",
        ),
        with_default(
            "first_credits_percent",
            Kind::Whole(0, 100),
            "0",
            "CPU credits that instances have which run at the beginning, in percent of the most that they keep; 0: as if they \
             had been launched then.",
            "assumed",
        ),
        with_default(
            "data_volumes",
            Kind::Flag,
            "true",
            "Whether data volumes of instances (`data_volume` of a capacity provider) and volumes of tasks (`ebs_volume`) are \
             billed, as root volumes are; a task's from its placement until it has stopped.",
            "documented",
        ),
        with_default(
            "load_balancers",
            Kind::Flag,
            "true",
            "Whether the load balancers of services are billed: each hour, begun ones in full, and of each clock hour the \
             dimension of their capacity units of which most was used, at its mean over the hour. Internet-facing ones also \
             have a public IPv4 address in each of their zones.",
            "documented",
        ),
        optional(
            "nat_gateways",
            Kind::Whole(0, 1_000),
            "one in each zone with a subnet of `[network]` whose route is `nat`",
            "NAT gateways, billed by the hour, begun ones in full, with a public IPv4 address each, and by the GB: what tasks \
             exchange with the internet, logs and images from ECR, both ways. 0 switches them off.",
            "assumed",
        ),
        optional(
            "vpc_endpoints",
            Kind::Whole(0, 1_000),
            "3 (ecr.api, ecr.dkr, logs) in each zone with a subnet of `[network]` whose route is `endpoints`",
            "Interface endpoints in all zones together, billed by the hour, begun ones in full, and by the GB. 0 switches them off.",
            "assumed",
        ),
        optional(
            "s3_gateway_endpoint",
            Kind::Flag,
            "true where there are interface endpoints",
            "Whether layers of images of ECR come by a gateway endpoint of S3, which costs nothing, not by NAT gateways.",
            "documented",
        ),
        with_default(
            "transfer",
            Kind::Flag,
            "true",
            "Whether transfer is billed: out to the internet by the tiers of a month (730 hours from the beginning on, where AWS \
             goes by the calendar's), and between zones, out of the one and into the other.",
            "documented",
        ),
        with_default(
            "internet_free_gb",
            Kind::Whole(0, 1_000_000),
            "0",
            "GB of a month that go out to the internet for nothing. AWS gives an account 100; others of the account may have \
             used them.",
            "assumed",
        ),
        with_default(
            "ecr",
            Kind::Flag,
            "true",
            "Whether the images of task definitions with `registry = \"ecr\"` are billed as they lie in ECR, by `image_mib`.",
            "documented",
        ),
        with_default(
            "logs",
            Kind::Flag,
            "true",
            "Whether logs are billed: what CloudWatch takes in, and what it has kept since the beginning of the run.",
            "documented",
        ),
        with_default(
            "log_archived_percent",
            Kind::Whole(0, 100),
            "15",
            "What CloudWatch keeps of logs, in percent of what it takes in: it compresses them.",
            "assumed",
        ),
        with_default(
            "alarms",
            Kind::Flag,
            "true",
            "Whether alarms are billed: two of each target tracking policy, of services as of capacity providers, one of each \
             step scaling policy, those of deployments, and `other_alarms`.",
            "documented",
        ),
        with_default(
            "other_alarms",
            Kind::Whole(0, 1_000_000),
            "0",
            "Alarms beside these.",
            "ecsim",
        ),
        with_default(
            "other_high_resolution_alarms",
            Kind::Whole(0, 1_000_000),
            "0",
            "The same with periods of 10 or 30 seconds.",
            "ecsim",
        ),
        with_default(
            "custom_metrics",
            Kind::Whole(0, 100_000_000),
            "0",
            "Metrics of your own, at the price of the first 10,000.",
            "ecsim",
        ),
        with_default(
            "high_resolution_metrics",
            Kind::Whole(0, 100_000_000),
            "0",
            "The same with points every second: they cost as much.",
            "documented",
        ),
        with_default(
            "container_insights",
            Kind::Choice(&["disabled", "enabled", "enhanced"]),
            "\"disabled\"",
            "`containerInsights` of the clusters: `enabled` has the price of custom metrics, `enhanced` one of its own.",
            "API",
        ),
        with_default(
            "insights_metrics_per_cluster",
            Kind::Whole(0, 10_000),
            "20",
            "Metrics that Container Insights keeps of a cluster.",
            "assumed",
        ),
        with_default(
            "insights_metrics_per_service",
            Kind::Whole(0, 10_000),
            "15",
            "The same of a service.",
            "assumed",
        ),
        with_default(
            "insights_metrics_per_task",
            Kind::Whole(0, 10_000),
            "10",
            "The same of a running task, with its containers; with `enhanced` only.",
            "assumed",
        ),
    ],
);
