//! Keys of what is on the bill beside compute.

use super::{Kind, Section, optional, with_default};

/// `[bill]`.
pub static BILL: Section = Section::new(
    "bill",
    "Root volumes and public IPv4 addresses on the bill. The table alone, even an empty one, turns on both at what AWS charges \
     in `us-east-1`; without it only compute is billed. Balancers, NAT gateways, transfer and logs are not billed.",
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
        with_default(
            "volume_usd_per_gb_month",
            Kind::Usd,
            "0.08",
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
        with_default(
            "address_usd_per_hour",
            Kind::Usd,
            "0.005",
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
    ],
);
