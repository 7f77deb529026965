//! `spread`: the instance, or the value of an attribute, with the fewest tasks of the group.
//! Source: API reference, `PlacementStrategy` (documented). Only values with a candidate compete, because only
//! candidates are ranked. The index keeps these counts in another shape and must agree.

use super::tally::Tally;
use crate::model::fleet::Fleet;
use crate::model::ids::{GroupId, InstanceId};

/// Field `instanceId`, or `host`.
pub(super) fn by_instance(tally: &dyn Tally, instance: InstanceId, group: GroupId) -> u32 {
    tally.on_instance(instance, group)
}

/// Field `attribute:NAME`.
pub(super) fn by_attribute(
    tally: &dyn Tally,
    fleet: &Fleet,
    attribute: &str,
    instance: InstanceId,
    group: GroupId,
) -> u32 {
    tally.beside(fleet, attribute, instance, group)
}
