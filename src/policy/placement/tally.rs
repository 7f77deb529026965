//! How many tasks of which group run where, as `spread`, `distinctInstance` and `task:group` ask.

use crate::base::id::Column;
use crate::model::fleet::Fleet;
use crate::model::ids::{GroupId, InstanceId};

/// The names of task groups, for `task:group`.
pub(super) type GroupNames = Column<GroupId, String>;

/// The tasks that hold a promise, by group.
pub(super) trait Tally {
    /// Tasks of the group on the instance.
    fn on_instance(&self, instance: InstanceId, group: GroupId) -> u32;

    /// Tasks of the group on instances of `instance`'s cluster with the same value of the attribute, or, where
    /// `instance` lacks it, on those that lack it as well.
    fn beside(&self, fleet: &Fleet, attribute: &str, instance: InstanceId, group: GroupId) -> u32;

    /// Whether any group with a task on the instance passes `test`.
    fn any_group(&self, instance: InstanceId, test: &mut dyn FnMut(GroupId) -> bool) -> bool;
}
