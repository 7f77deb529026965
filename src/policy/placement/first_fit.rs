//! First fit: the lowest instance id. Not a strategy of ECS; the yardstick of the vector-packing literature.

use super::strategy::InstanceKey;

pub(super) const KEY: InstanceKey = InstanceKey { of: |_, instance| instance.0, least: |_| 0 };
