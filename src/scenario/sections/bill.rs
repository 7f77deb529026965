//! Keys of what is on the bill beside compute.

use super::{Kind, Section, optional, with_default};

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
    ],
);
