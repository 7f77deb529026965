//! Fargate: which task sizes exist, how a request is raised to one of them, and what a platform is charged.

use super::platform::{Architecture, OperatingSystem, Purchase};
use crate::base::money::HourlyRate;

/// Task storage in GiB that Fargate includes in the price (documented, Fargate pricing page).
pub const INCLUDED_EPHEMERAL_GIB: u16 = 20;

/// Fargate prices of one platform and purchase option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FargateRate {
    /// Operating system.
    pub os: OperatingSystem,
    /// Architecture.
    pub architecture: Architecture,
    /// On-Demand or Spot.
    pub purchase: Purchase,
    /// One vCPU for an hour.
    pub vcpu: HourlyRate,
    /// One GB (1,024³ bytes) of memory for an hour.
    pub memory_gb: HourlyRate,
    /// One GB of ephemeral storage above 20 for an hour.
    pub ephemeral_gb: HourlyRate,
    /// Windows licence of one vCPU for an hour; zero on Linux.
    pub licence_vcpu: HourlyRate,
}

/// The size that Fargate gives a task that asks for `cpu` CPU units and `memory` MiB: of the first vCPU row that
/// is not smaller than `cpu` and whose memory range reaches `memory`, the smallest memory that is enough. `None`
/// where the request is larger than every size.
///
/// `sizes` are (CPU units, MiB), ascending. ECS itself refuses a request between two sizes; trace rows ask for
/// anything, and raising them is what a user would do by hand (assumed).
#[must_use]
pub fn fargate_size_for(sizes: &[(u32, u32)], cpu: u32, memory: u32) -> Option<(u32, u32)> {
    debug_assert!(sizes.is_sorted(), "Fargate sizes ascend");
    sizes.iter().copied().find(|&(size_cpu, size_memory)| size_cpu >= cpu && size_memory >= memory)
}

#[cfg(test)]
mod tests {
    use super::fargate_size_for;

    #[test]
    fn a_request_between_sizes_is_raised_to_the_first_vcpu_row_that_reaches_its_memory() {
        let sizes = [(256, 512), (256, 1024), (256, 2048), (512, 1024), (512, 2048), (512, 4096)];
        for (request, size) in [
            ((256, 512), Some((256, 512))),
            ((1, 1), Some((256, 512))),
            ((0, 0), Some((256, 512))),
            ((256, 1025), Some((256, 2048))),
            ((257, 512), Some((512, 1024))),
            ((256, 2049), Some((512, 4096))),
            ((512, 4097), None),
            ((513, 1), None),
        ] {
            assert_eq!(fargate_size_for(&sizes, request.0, request.1), size, "{request:?}");
        }
    }
}
