//! Tasks by group, kept up to date: per instance, and per value of every attribute that some rule spreads over.

use super::super::tally::Tally;
use crate::base::id::{Column, Id as _};
use crate::model::fleet::Fleet;
use crate::model::ids::{AttributeId, ClusterId, GroupId, InstanceId};
use smallvec::SmallVec;

/// A group on an instance.
#[derive(Clone, Copy, Debug)]
struct Entry {
    group: GroupId,
    tasks: u32,
    /// Where the instance stands in the group's list of instances.
    place: u32,
}

/// An attribute that a rule spreads over, in one cluster.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) cluster: ClusterId,
    pub(super) name: String,
    attribute: Option<AttributeId>,
    /// Per group, the tasks by value: 0 is "lacks it", `v + 1` is the attribute's value `v`.
    tasks: Vec<Vec<u32>>,
}

/// The counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    /// Whether `on` and `instances` are kept: some rule asks for tasks by instance.
    pub(super) by_instance: bool,
    /// Per instance the groups with tasks there, ascending; two of them without a further step in memory.
    on: Column<InstanceId, SmallVec<[Entry; 2]>>,
    /// Per group the instances with its tasks, in no order.
    instances: Vec<Vec<InstanceId>>,
    pub(super) fields: Vec<Field>,
}

impl Counts {
    /// Makes room for instances and attributes that have come since.
    pub(super) fn grow(&mut self, fleet: &Fleet) {
        while self.on.len() < fleet.len() {
            self.on.push(SmallVec::new());
        }
        for field in &mut self.fields {
            field.attribute = field.attribute.or_else(|| fleet.attribute(&field.name));
        }
    }

    /// See [`super::Placer::look_ahead`].
    #[inline]
    pub(super) fn look_ahead(&self, instance: InstanceId) {
        if self.by_instance {
            self.on.ask_for(instance);
        }
    }

    /// The instance has left, without tasks: nothing is kept for it.
    pub(super) fn forget(&mut self, instance: InstanceId) {
        assert!(self.on[instance].is_empty(), "no promise outlives its instance");
        self.on[instance] = SmallVec::new();
    }

    /// The index of the field, new or known.
    pub(super) fn field(&mut self, cluster: ClusterId, name: &str, fleet: &Fleet) -> usize {
        let known = self.fields.iter().position(|f| f.cluster == cluster && f.name == name);
        known.unwrap_or_else(|| {
            let attribute = fleet.attribute(name);
            let field = Field { cluster, name: name.into(), attribute, tasks: Vec::new() };
            self.fields.push(field);
            self.fields.len() - 1
        })
    }

    /// The value of a field on an instance, as [`Counts::in_value`] takes it.
    #[inline]
    pub(super) fn value(&self, field: usize, fleet: &Fleet, instance: InstanceId) -> u32 {
        self.fields[field].value(fleet, instance)
    }

    /// Tasks of the group in the value of the field.
    #[inline]
    pub(super) fn in_value(&self, field: usize, value: u32, group: GroupId) -> u32 {
        let tasks = &self.fields[field].tasks;
        tasks
            .get(group.index())
            .and_then(|by_value| by_value.get(value as usize))
            .copied()
            .unwrap_or(0)
    }

    /// The instances with tasks of the group.
    #[inline]
    pub(super) fn instances(&self, group: GroupId) -> &[InstanceId] {
        self.instances.get(group.index()).map_or(&[], Vec::as_slice)
    }

    /// Tasks of the group on the instance.
    #[inline]
    pub(super) fn tasks(&self, instance: InstanceId, group: GroupId) -> u32 {
        let entries = &self.on[instance];
        entries.iter().find(|entry| entry.group == group).map_or(0, |entry| entry.tasks)
    }

    #[inline]
    pub(super) fn placed(&mut self, fleet: &Fleet, instance: InstanceId, group: GroupId) {
        for field in &mut self.fields {
            if field.cluster == fleet.cluster[instance] {
                let value = field.value(fleet, instance);
                *field.tasks_mut(group, value) += 1;
            }
        }
        if self.by_instance {
            self.placed_on(instance, group);
        }
    }

    fn placed_on(&mut self, instance: InstanceId, group: GroupId) {
        let entries = &mut self.on[instance];
        let at = entries.partition_point(|entry| entry.group < group);
        if let Some(entry) = entries.get_mut(at).filter(|entry| entry.group == group) {
            entry.tasks += 1;
            return;
        }
        if self.instances.len() <= group.index() {
            self.instances.resize_with(group.index() + 1, Vec::new);
        }
        let list = &mut self.instances[group.index()];
        let place = u32::try_from(list.len()).expect("fewer than 2^32 instances");
        list.push(instance);
        entries.insert(at, Entry { group, tasks: 1, place });
    }

    #[inline]
    pub(super) fn released(&mut self, fleet: &Fleet, instance: InstanceId, group: GroupId) {
        for field in &mut self.fields {
            if field.cluster == fleet.cluster[instance] {
                let value = field.value(fleet, instance);
                let tasks = field.tasks_mut(group, value);
                *tasks = tasks.checked_sub(1).expect("only what was placed is released");
            }
        }
        if self.by_instance {
            self.released_on(instance, group);
        }
    }

    fn released_on(&mut self, instance: InstanceId, group: GroupId) {
        let entries = &mut self.on[instance];
        let at = entries.binary_search_by_key(&group, |entry| entry.group);
        let at = at.expect("only what was placed is released");
        entries[at].tasks -= 1;
        if entries[at].tasks > 0 {
            return;
        }
        let place = entries.remove(at).place;
        let list = &mut self.instances[group.index()];
        list.swap_remove(place as usize);
        if let Some(&moved) = list.get(place as usize) {
            let entries = &mut self.on[moved];
            let at = entries.binary_search_by_key(&group, |entry| entry.group);
            entries[at.expect("a listed instance has tasks of the group")].place = place;
        }
    }
}

impl Field {
    #[inline]
    fn value(&self, fleet: &Fleet, instance: InstanceId) -> u32 {
        let value = self.attribute.and_then(|attribute| fleet.attributes[attribute].of[instance]);
        value.map_or(0, |value| value + 1)
    }

    #[inline]
    fn tasks_mut(&mut self, group: GroupId, value: u32) -> &mut u32 {
        if self.tasks.len() <= group.index() {
            self.tasks.resize_with(group.index() + 1, Vec::new);
        }
        let by_value = &mut self.tasks[group.index()];
        if by_value.len() <= value as usize {
            by_value.resize(value as usize + 1, 0);
        }
        &mut by_value[value as usize]
    }
}

impl Tally for Counts {
    fn on_instance(&self, instance: InstanceId, group: GroupId) -> u32 {
        self.tasks(instance, group)
    }

    fn beside(&self, fleet: &Fleet, attribute: &str, instance: InstanceId, group: GroupId) -> u32 {
        let cluster = fleet.cluster[instance];
        let field = self.fields.iter().position(|f| f.cluster == cluster && f.name == attribute);
        field.map_or(0, |field| self.in_value(field, self.value(field, fleet, instance), group))
    }

    fn any_group(&self, instance: InstanceId, test: &mut dyn FnMut(GroupId) -> bool) -> bool {
        self.on[instance].iter().any(|entry| test(entry.group))
    }
}
