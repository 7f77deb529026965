//! Best fit: the candidate whose remaining shares of CPU and of memory have the smallest sum.
//! Not a strategy of ECS; the literature's packing in two dimensions.

use super::share::remaining;
use super::strategy::InstanceKey;

pub(super) const KEY: InstanceKey = InstanceKey {
    of: |fleet, instance| {
        let (cpu, memory) = remaining(fleet, instance);
        cpu + memory
    },
    least: |_| 0,
};
