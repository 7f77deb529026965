//! Worst fit: the candidate with the largest remaining share of its scarcer resource, CPU or memory.
//! Not a strategy of ECS; the literature's way of levelling load.

use super::share::{WHOLE, remaining};
use super::strategy::InstanceKey;

pub(super) const KEY: InstanceKey = InstanceKey {
    of: |fleet, instance| {
        let (cpu, memory) = remaining(fleet, instance);
        WHOLE - cpu.min(memory)
    },
    least: |_| 0,
};
