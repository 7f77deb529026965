//! Operating system, CPU architecture, launch type, purchase option.

use std::fmt;

/// CPU architecture (`runtimePlatform.cpuArchitecture`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Architecture {
    /// 64-bit x86.
    #[default]
    X86_64,
    /// 64-bit ARM (Graviton).
    Arm64,
}

impl Architecture {
    /// The name in a task definition: `X86_64`, `ARM64`.
    #[must_use]
    pub fn api_name(self) -> &'static str {
        match self {
            Architecture::X86_64 => "X86_64",
            Architecture::Arm64 => "ARM64",
        }
    }

    /// The value of the attribute `ecs.cpu-architecture`: `x86_64`, `arm64`.
    #[must_use]
    pub fn attribute_value(self) -> &'static str {
        match self {
            Architecture::X86_64 => "x86_64",
            Architecture::Arm64 => "arm64",
        }
    }
}

/// Operating system family (`runtimePlatform.operatingSystemFamily`), as far as placement and price differ.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum OperatingSystem {
    /// Linux.
    #[default]
    Linux,
    /// Any Windows Server family.
    Windows,
}

impl OperatingSystem {
    /// The value of the attribute `ecs.os-type`: `linux`, `windows`.
    #[must_use]
    pub fn attribute_value(self) -> &'static str {
        match self {
            OperatingSystem::Linux => "linux",
            OperatingSystem::Windows => "windows",
        }
    }
}

/// What a task runs on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Platform {
    /// Operating system.
    pub os: OperatingSystem,
    /// CPU architecture.
    pub architecture: Architecture,
}

/// Where a task runs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LaunchType {
    /// On a container instance.
    Ec2,
    /// On Fargate.
    Fargate,
}

impl fmt::Display for LaunchType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LaunchType::Ec2 => "EC2",
            LaunchType::Fargate => "FARGATE",
        })
    }
}

/// How capacity is bought.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Purchase {
    /// On-Demand.
    #[default]
    OnDemand,
    /// Spot.
    Spot,
    /// Not at all: an external instance, a host of the user's own.
    External,
    /// In a Capacity Block: an Auto Scaling group buys it On-Demand, and the block has paid for it.
    CapacityBlock,
    /// On-Demand in an interruptible capacity reservation, whose owner takes it back.
    Interruptible,
}

impl Purchase {
    /// Both that AWS sells to everybody.
    pub const ALL: [Purchase; 2] = [Purchase::OnDemand, Purchase::Spot];

    /// Its name in scenarios and outputs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Purchase::OnDemand => "on_demand",
            Purchase::Spot => "spot",
            Purchase::External => "external",
            Purchase::CapacityBlock => "capacity_block",
            Purchase::Interruptible => "interruptible_reservation",
        }
    }
}

impl fmt::Display for Purchase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
