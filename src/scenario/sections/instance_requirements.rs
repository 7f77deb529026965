//! Keys of attribute-based instance type selection.

use super::capacity::ARCHITECTURES;
use super::{Kind, MOST_CPU, MOST_MEMORY, Section, optional, with_default};

/// No price protection, as the API says it.
pub const NO_PROTECTION: u64 = 999_999;

/// `instance_requirements` of Managed Instances and of `mixed_instances`.
pub(super) static INSTANCE_REQUIREMENTS: Section = Section::new(
    "instance_requirements",
    "`InstanceRequirements`: attributes of the types that may be launched, among those of the catalogue with a price in \
     the region. `ecsim validate` says which they are.",
    &[
        with_default("min_vcpus", Kind::Whole(1, MOST_CPU / 1_024), "1", "`VCpuCount.Min`.", "API"),
        optional(
            "max_vcpus",
            Kind::Whole(1, MOST_CPU / 1_024),
            "any number",
            "`VCpuCount.Max`.",
            "API",
        ),
        with_default("min_memory", Kind::Memory(1, MOST_MEMORY), "1", "`MemoryMiB.Min`.", "API"),
        optional(
            "max_memory",
            Kind::Memory(1, MOST_MEMORY),
            "any amount",
            "`MemoryMiB.Max`.",
            "API",
        ),
        optional(
            "min_memory_gib_per_vcpu",
            Kind::Number(0.0, 1e6),
            "any amount",
            "`MemoryGiBPerVCpu.Min`.",
            "API",
        ),
        optional(
            "max_memory_gib_per_vcpu",
            Kind::Number(0.0, 1e6),
            "any amount",
            "`MemoryGiBPerVCpu.Max`.",
            "API",
        ),
        optional(
            "allowed_instance_types",
            Kind::List(&Kind::Text, 400),
            "all",
            "`AllowedInstanceTypes`, such as `m7g.large` or `r7*`.",
            "API",
        ),
        with_default(
            "excluded_instance_types",
            Kind::List(&Kind::Text, 400),
            "[]",
            "`ExcludedInstanceTypes`, such as `*.metal*`; not together with `allowed_instance_types`.",
            "API",
        ),
        optional(
            "instance_generations",
            Kind::List(&Kind::Choice(&["current", "previous"]), 2),
            "both; of Managed Instances current",
            "`InstanceGenerations`.",
            "API",
        ),
        optional(
            "cpu_architectures",
            Kind::List(&Kind::Choice(ARCHITECTURES), 2),
            "X86_64; of Managed Instances both",
            "What the machine image of the launch template is made for.",
            "ecsim",
        ),
        with_default(
            "burstable_performance",
            Kind::Choice(&["included", "excluded", "required"]),
            "\"excluded\"",
            "`BurstablePerformance`: the T families.",
            "API",
        ),
        with_default(
            "bare_metal",
            Kind::Choice(&["included", "excluded", "required"]),
            "\"excluded\"",
            "`BareMetal`: types without a hypervisor.",
            "API",
        ),
        with_default(
            "min_accelerators",
            Kind::Whole(0, 64),
            "0",
            "`AcceleratorCount.Min`: GPUs, Inferentia and Trainium devices.",
            "API",
        ),
        optional(
            "max_accelerators",
            Kind::Whole(0, 64),
            "0; any number where `min_accelerators` is given",
            "`AcceleratorCount.Max`.",
            "assumed (the API has no limit by default)",
        ),
        optional(
            "on_demand_max_price_percentage_over_lowest_price",
            Kind::Whole(0, NO_PROTECTION),
            "20; of Managed Instances 999999",
            "Price protection: how many percent an On-Demand instance may cost above the cheapest C, M or R type of the \
             current generation that has the attributes, or above the cheapest type where there is none; 999999 is none.",
            "documented; of Managed Instances assumed",
        ),
        optional(
            "spot_max_price_percentage_over_lowest_price",
            Kind::Whole(0, NO_PROTECTION),
            "100; of Managed Instances 999999",
            "The same of Spot prices, at the beginning. AWS gives no figure of its own (\"optimal price protection\").",
            "assumed",
        ),
        optional(
            "max_spot_price_as_percentage_of_optimal_on_demand_price",
            Kind::Whole(1, NO_PROTECTION),
            "none",
            "Instead of it: how much of the On-Demand price of that type a Spot instance may cost, in percent.",
            "API",
        ),
    ],
);
