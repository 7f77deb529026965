//! `binpack`: the candidate with the least remaining CPU or memory.
//! Source: API reference, `PlacementStrategy` (documented).

use super::strategy::InstanceKey;

/// Field `cpu`.
pub(super) const CPU: InstanceKey =
    InstanceKey { of: |fleet, instance| fleet.free[instance].cpu, least: |demand| demand.cpu };

/// Field `memory`.
pub(super) const MEMORY: InstanceKey = InstanceKey {
    of: |fleet, instance| fleet.free[instance].memory,
    least: |demand| demand.memory,
};
