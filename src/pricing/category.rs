//! What the lines of a bill charge for.

use super::commitments::Commitment;
use super::meter::PARTS;
use super::side::{Per, SideCost};
use crate::base::money::MICROS_PER_HOUR;
use crate::model::platform::Purchase;

/// What a line charges for. The order of the variants is the order of the lines of a provider.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Category {
    /// On-Demand instances.
    Ec2OnDemand,
    /// Spot instances.
    Ec2Spot,
    /// Instances in Capacity Blocks, at the price of the block.
    Ec2CapacityBlock,
    /// What ECS charges for its Managed Instances, on top of EC2.
    ManagedInstancesFee,
    /// What hosts of the user's own cost.
    ExternalHost,
    /// What ECS charges for external instances (ECS Anywhere).
    AnywhereFee,
    /// vCPUs of Fargate tasks.
    FargateVcpu,
    /// Memory of Fargate tasks.
    FargateMemory,
    /// Task storage above the included 20 GB.
    FargateEphemeral,
    /// Windows licence of Fargate tasks.
    FargateWindowsLicence,
    /// vCPUs of Fargate Spot tasks.
    FargateSpotVcpu,
    /// Memory of Fargate Spot tasks.
    FargateSpotMemory,
    /// Task storage of Fargate Spot tasks above the included 20 GB.
    FargateSpotEphemeral,
    /// Instances that Reserved Instances cover, at their price.
    Ec2Reserved,
    /// Instances that a Savings Plan covers, at its rate.
    Ec2SavingsPlan,
    /// vCPUs of Fargate tasks that a Savings Plan covers.
    FargateVcpuSavingsPlan,
    /// Memory of Fargate tasks that a Savings Plan covers.
    FargateMemorySavingsPlan,
    /// Slots of capacity reservations that nobody was in.
    CapacityUnused,
    /// The same that Reserved Instances cover, at their price.
    CapacityUnusedReserved,
    /// The same that a Savings Plan covers, at its rate.
    CapacityUnusedSavingsPlan,
    /// Places of Capacity Blocks that nobody was in.
    CapacityBlockUnused,
    /// What of Reserved Instances nobody used.
    ReservedUnused,
    /// What of a Savings Plan nobody used.
    SavingsPlanUnused,
    /// What is charged beside compute.
    Side(SideCost),
}

impl Category {
    /// All but those beside compute, in order.
    pub const COMPUTE: [Category; 23] = [
        Category::Ec2OnDemand,
        Category::Ec2Spot,
        Category::Ec2CapacityBlock,
        Category::ManagedInstancesFee,
        Category::ExternalHost,
        Category::AnywhereFee,
        Category::FargateVcpu,
        Category::FargateMemory,
        Category::FargateEphemeral,
        Category::FargateWindowsLicence,
        Category::FargateSpotVcpu,
        Category::FargateSpotMemory,
        Category::FargateSpotEphemeral,
        Category::Ec2Reserved,
        Category::Ec2SavingsPlan,
        Category::FargateVcpuSavingsPlan,
        Category::FargateMemorySavingsPlan,
        Category::CapacityUnused,
        Category::CapacityUnusedReserved,
        Category::CapacityUnusedSavingsPlan,
        Category::CapacityBlockUnused,
        Category::ReservedUnused,
        Category::SavingsPlanUnused,
    ];

    /// The name in `cost.csv`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Category::Ec2OnDemand => "ec2_on_demand",
            Category::Ec2Spot => "ec2_spot",
            Category::Ec2CapacityBlock => "ec2_capacity_block",
            Category::ManagedInstancesFee => "managed_instances_fee",
            Category::ExternalHost => "external_host",
            Category::AnywhereFee => "ecs_anywhere_fee",
            Category::FargateVcpu => "fargate_vcpu",
            Category::FargateMemory => "fargate_memory",
            Category::FargateEphemeral => "fargate_ephemeral",
            Category::FargateWindowsLicence => "fargate_windows_licence",
            Category::FargateSpotVcpu => "fargate_spot_vcpu",
            Category::FargateSpotMemory => "fargate_spot_memory",
            Category::FargateSpotEphemeral => "fargate_spot_ephemeral",
            Category::Ec2Reserved => "ec2_reserved_instances",
            Category::Ec2SavingsPlan => "ec2_savings_plan",
            Category::FargateVcpuSavingsPlan => "fargate_vcpu_savings_plan",
            Category::FargateMemorySavingsPlan => "fargate_memory_savings_plan",
            Category::CapacityUnused => "capacity_reservation_unused",
            Category::CapacityUnusedReserved => "capacity_reservation_unused_reserved_instances",
            Category::CapacityUnusedSavingsPlan => "capacity_reservation_unused_savings_plan",
            Category::CapacityBlockUnused => "capacity_block_unused",
            Category::ReservedUnused => "reserved_instances_unused",
            Category::SavingsPlanUnused => "savings_plan_unused",
            Category::Side(cost) => cost.name(),
        }
    }

    /// The name in charts.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Category::Ec2OnDemand => "EC2 On-Demand",
            Category::Ec2Spot => "EC2 Spot",
            Category::Ec2CapacityBlock => "EC2 Capacity Blocks",
            Category::ManagedInstancesFee => "Managed Instances fee",
            Category::ExternalHost => "External hosts",
            Category::AnywhereFee => "ECS Anywhere fee",
            Category::FargateVcpu => "Fargate vCPU",
            Category::FargateMemory => "Fargate memory",
            Category::FargateEphemeral => "Fargate storage",
            Category::FargateWindowsLicence => "Fargate Windows licence",
            Category::FargateSpotVcpu => "Fargate Spot vCPU",
            Category::FargateSpotMemory => "Fargate Spot memory",
            Category::FargateSpotEphemeral => "Fargate Spot storage",
            Category::Ec2Reserved => "EC2 Reserved Instances",
            Category::Ec2SavingsPlan => "EC2 by Savings Plan",
            Category::FargateVcpuSavingsPlan => "Fargate vCPU by Savings Plan",
            Category::FargateMemorySavingsPlan => "Fargate memory by Savings Plan",
            Category::CapacityUnused => "Capacity reservations, unused",
            Category::CapacityUnusedReserved => "The same by Reserved Instances",
            Category::CapacityUnusedSavingsPlan => "The same by Savings Plan",
            Category::CapacityBlockUnused => "Capacity Blocks, unused",
            Category::ReservedUnused => "Reserved Instances, unused",
            Category::SavingsPlanUnused => "Savings Plan, unused",
            Category::Side(cost) => cost.label(),
        }
    }

    /// The unit of the quantity: a second of the unit that the price is for, or bytes.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Category::Ec2OnDemand
            | Category::Ec2Spot
            | Category::Ec2CapacityBlock
            | Category::ManagedInstancesFee
            | Category::ExternalHost
            | Category::AnywhereFee
            | Category::Ec2Reserved
            | Category::Ec2SavingsPlan
            | Category::CapacityUnused
            | Category::CapacityUnusedReserved
            | Category::CapacityUnusedSavingsPlan
            | Category::CapacityBlockUnused
            | Category::ReservedUnused => "instance-seconds",
            Category::FargateVcpu
            | Category::FargateSpotVcpu
            | Category::FargateVcpuSavingsPlan
            | Category::FargateWindowsLicence => "vcpu-seconds",
            Category::SavingsPlanUnused => "commitment-seconds",
            Category::Side(cost) => cost.unit(),
            Category::FargateMemory
            | Category::FargateMemorySavingsPlan
            | Category::FargateSpotMemory
            | Category::FargateEphemeral
            | Category::FargateSpotEphemeral => "gb-seconds",
        }
    }

    /// What instances bought so are charged as.
    #[must_use]
    pub fn of_instances(purchase: Purchase) -> Category {
        match purchase {
            Purchase::OnDemand | Purchase::Interruptible => Category::Ec2OnDemand,
            Purchase::Spot => Category::Ec2Spot,
            Purchase::External => Category::ExternalHost,
            Purchase::CapacityBlock => Category::Ec2CapacityBlock,
        }
    }

    /// Whether it charges for instances, which can be idle; Fargate charges for tasks.
    #[must_use]
    pub fn is_of_instances(self) -> bool {
        match self {
            Category::Ec2OnDemand
            | Category::Ec2Spot
            | Category::Ec2CapacityBlock
            | Category::ManagedInstancesFee
            | Category::ExternalHost
            | Category::AnywhereFee
            | Category::Ec2Reserved
            | Category::Ec2SavingsPlan
            | Category::CapacityUnused
            | Category::CapacityUnusedReserved
            | Category::CapacityUnusedSavingsPlan
            | Category::CapacityBlockUnused
            | Category::ReservedUnused => true,
            Category::FargateVcpu
            | Category::FargateMemory
            | Category::FargateEphemeral
            | Category::FargateWindowsLicence
            | Category::FargateSpotVcpu
            | Category::FargateSpotMemory
            | Category::FargateSpotEphemeral
            | Category::FargateVcpuSavingsPlan
            | Category::FargateMemorySavingsPlan
            | Category::SavingsPlanUnused
            | Category::Side(_) => false,
        }
    }

    /// What usage of this category is charged as where a commitment covers it.
    pub(super) fn covered_by(self, commitment: Commitment<'_>) -> Category {
        match (self, commitment) {
            (Category::Ec2OnDemand, Commitment::Reserved(_)) => Category::Ec2Reserved,
            (Category::Ec2OnDemand, Commitment::Plan(_)) => Category::Ec2SavingsPlan,
            (Category::CapacityUnused, Commitment::Reserved(_)) => Category::CapacityUnusedReserved,
            (Category::CapacityUnused, Commitment::Plan(_)) => Category::CapacityUnusedSavingsPlan,
            (Category::FargateVcpu, _) => Category::FargateVcpuSavingsPlan,
            (Category::FargateMemory, _) => Category::FargateMemorySavingsPlan,
            (other, _) => other,
        }
    }

    /// What usage that a commitment covers would be charged as without it.
    #[must_use]
    pub fn uncovered(self) -> Category {
        match self {
            Category::Ec2Reserved | Category::Ec2SavingsPlan => Category::Ec2OnDemand,
            Category::CapacityUnusedReserved | Category::CapacityUnusedSavingsPlan => {
                Category::CapacityUnused
            }
            Category::FargateVcpuSavingsPlan => Category::FargateVcpu,
            Category::FargateMemorySavingsPlan => Category::FargateMemory,
            other => other,
        }
    }

    /// How many parts of usage are one priced unit: CPU units in a vCPU, MiB in a GB, else 1.
    pub(super) fn parts(self) -> u128 {
        match self {
            Category::FargateVcpu
            | Category::FargateSpotVcpu
            | Category::FargateWindowsLicence
            | Category::FargateMemory
            | Category::FargateVcpuSavingsPlan
            | Category::FargateMemorySavingsPlan
            | Category::FargateSpotMemory => PARTS,
            Category::Ec2OnDemand
            | Category::Ec2Spot
            | Category::Ec2CapacityBlock
            | Category::ManagedInstancesFee
            | Category::ExternalHost
            | Category::AnywhereFee
            | Category::FargateEphemeral
            | Category::FargateSpotEphemeral
            | Category::Ec2Reserved
            | Category::Ec2SavingsPlan
            | Category::CapacityUnused
            | Category::CapacityUnusedReserved
            | Category::CapacityUnusedSavingsPlan
            | Category::CapacityBlockUnused
            | Category::ReservedUnused
            | Category::SavingsPlanUnused
            | Category::Side(_) => 1,
        }
    }

    /// Whether its price is for a month, not for an hour.
    #[must_use]
    pub fn is_by_month(self) -> bool {
        matches!(self, Category::Side(cost) if cost.per() == Per::Month)
    }

    /// How much usage one price is for.
    pub(super) fn divisor(self) -> u128 {
        match self {
            Category::Side(cost) => cost.divisor(),
            other => other.parts() * MICROS_PER_HOUR,
        }
    }
}
