//! How many instances a capacity provider needs: M, N and `CapacityProviderReservation`.
//!
//! N are the group's instances that are up. While nothing waits in PROVISIONING, M are those with a task that is not a
//! daemon's. Otherwise tasks that wait are grouped by identical requirements; a group that does not fit on the
//! smallest type is left out (smallest and largest are taken resource by resource, as if there were a type with all of
//! them: documented); each other group says how many of the largest type it needs beyond the free room, and
//! M = N + the largest of these answers, within the step sizes (documented). It is a lower bound, and asked anew every
//! minute until nothing waits.
//!
//! Assumed: a host port is taken once by instance; `distinctInstance` takes one task of a group by instance; what
//! waits and has room counts the empty instances that it will take.

use crate::model::ports::PortSet;
use crate::model::resources::Resources;
use crate::model::scaling::MetricValue;
use crate::policy::scaling::metric;

/// A hundred percent.
pub const FULL: MetricValue = MetricValue(100_000_000);

/// What a fresh instance of one of the group's types offers.
#[derive(Clone, Copy, Debug)]
pub struct Capacity<'a> {
    /// What it registers: CPU, memory, GPUs, ENI slots (without the primary interface).
    pub resources: Resources,
    /// Host ports that it keeps for itself.
    pub ports: &'a PortSet,
}

/// What is free on an instance that takes tasks.
#[derive(Clone, Copy, Debug)]
pub struct Room<'a> {
    /// Registered less promised.
    pub free: Resources,
    /// Host ports in use.
    pub ports: &'a PortSet,
    /// Whether it has a task that is not a daemon's.
    pub is_busy: bool,
}

/// Tasks in PROVISIONING with identical requirements and constraints.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    /// How many.
    pub count: u32,
    /// What each asks for.
    pub demand: Resources,
    /// Host ports of each.
    pub ports: &'a PortSet,
    /// Each on an instance of its own.
    pub distinct_instance: bool,
    /// Rooms that none of them may use, by ascending index in [`View::rooms`]: a constraint is not met there, or a task
    /// of the group is there already where each wants an instance of its own.
    pub barred: &'a [u32],
}

/// What the metric is computed from.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// N: instances of the group that are up, in service.
    pub running: u32,
    /// Those of them with a task that is not a daemon's.
    pub busy: u32,
    /// AZs of the group; only the legacy estimator looks at it.
    pub zones: u32,
    /// Types of the group.
    pub types: &'a [Capacity<'a>],
    /// Instances that take tasks. Not looked at while `groups` is empty, and may then be empty, too.
    pub rooms: &'a [Room<'a>],
    /// Tasks in PROVISIONING that came through a strategy to this provider.
    pub groups: &'a [Group<'a>],
}

/// How many instances a group of tasks needs, if all were empty. Unpublished: "bin packing", "a lower bound".
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Packing {
    /// Tasks by instance are whole: the default.
    #[default]
    PerTask,
    /// Each resource is summed up by itself, as if tasks could be split; the shortfall is met a warm-up later.
    PerResource,
}

/// Who estimates.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Estimator {
    /// By groups of identical requirements.
    #[default]
    ByGroup,
    /// Until 2020: with several AZs or types M = N + the smallest step, whatever waits.
    Legacy,
}

/// What of managed scaling's parameters decides about M.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Estimate {
    /// `targetCapacity`, percent.
    pub target: u32,
    /// `minimumScalingStepSize`.
    pub min_step: u32,
    /// `maximumScalingStepSize`.
    pub max_step: u32,
    /// How tasks are packed.
    pub packing: Packing,
    /// Who estimates.
    pub estimator: Estimator,
}

/// A point of `CapacityProviderReservation`, and what it was made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reading {
    /// M. Where N is 0 this is what the waiting tasks need, and the metric is 200 all the same.
    pub needed: u32,
    /// N.
    pub running: u32,
    /// The metric, percent.
    pub value: MetricValue,
    /// Tasks in PROVISIONING that fit on none of the group's types, so that nothing is scaled for them.
    pub incompatible: u32,
}

/// Reads the metric.
#[must_use]
pub fn read(view: &View, by: Estimate) -> Reading {
    let reading = |needed, value, incompatible| Reading {
        needed,
        running: view.running,
        value,
        incompatible,
    };
    let waiting: u32 = view.groups.iter().map(|group| group.count).sum();
    if waiting == 0 {
        // Without instances the metric is full (documented), which with a target below 100 starts some.
        let value = ratio(view.busy, view.running).unwrap_or(FULL);
        return reading(view.busy, value, 0);
    }
    let legacy = by.estimator == Estimator::Legacy && (view.zones > 1 || view.types.len() > 1);
    if legacy {
        let needed = view.running.saturating_add(by.min_step);
        let value = ratio(needed, view.running).unwrap_or(MetricValue(2 * FULL.0));
        return reading(needed, value, 0);
    }
    let (needed, incompatible) = by_group(view, by);
    let target = MetricValue(u64::from(by.target) * 1_000_000);
    if incompatible == waiting {
        // Nothing is scaled for them, and nothing scaled in while they wait (documented at a target of 100).
        let value = ratio(view.busy, view.running).unwrap_or(target).max(target);
        return reading(view.busy, value, incompatible);
    }
    reading(needed, ratio(needed, view.running).unwrap_or(MetricValue(2 * FULL.0)), incompatible)
}

fn ratio(needed: u32, running: u32) -> Option<MetricValue> {
    metric::utilisation(u64::from(needed), u64::from(running))
}

/// M, and how many tasks fit on no type.
fn by_group(view: &View, by: Estimate) -> (u32, u32) {
    let Some((smallest, largest)) = sizes(view.types) else {
        return (view.busy, view.groups.iter().map(|group| group.count).sum());
    };
    let mut incompatible = 0;
    let (mut additional, mut filled) = (0, 0);
    for group in view.groups.iter().filter(|group| group.count > 0) {
        let fits = group.demand.fits_into(smallest)
            && view.types.iter().all(|offer| group.ports.is_disjoint(offer.ports));
        if !fits {
            incompatible += group.count;
            continue;
        }
        let (left, newly_busy) = into_rooms(group, view.rooms);
        filled = filled.max(newly_busy);
        additional = additional.max(instances_for(group, left, largest, by.packing));
    }
    if additional == 0 {
        return (view.busy.saturating_add(filled).min(view.running.max(view.busy)), incompatible);
    }
    let step = additional.max(by.min_step).min(by.max_step);
    (view.running.saturating_add(step), incompatible)
}

/// The smallest and the largest amount of each resource over all types.
fn sizes(types: &[Capacity]) -> Option<(Resources, Resources)> {
    let first = types.first()?.resources;
    Some(types.iter().fold((first, first), |(smallest, largest), offer| {
        let offer = offer.resources;
        let least = Resources {
            cpu: smallest.cpu.min(offer.cpu),
            memory: smallest.memory.min(offer.memory),
            gpus: smallest.gpus.min(offer.gpus),
            enis: smallest.enis.min(offer.enis),
        };
        (least, largest.largest_of_each(offer))
    }))
}

/// How many tasks of the group are left when the free rooms have taken theirs, and how many empty instances they use.
fn into_rooms(group: &Group, rooms: &[Room]) -> (u32, u32) {
    let mut left = group.count;
    let mut newly_busy = 0;
    // Rooms in use first: a lower bound leaves empty instances empty.
    for is_busy in [true, false] {
        for (index, room) in (0_u32..).zip(rooms) {
            if left == 0 {
                return (0, newly_busy);
            }
            let is_barred = group.barred.binary_search(&index).is_ok();
            if room.is_busy != is_busy || is_barred || !group.ports.is_disjoint(room.ports) {
                continue;
            }
            let taken = on_one(group, room.free).min(left);
            left -= taken;
            newly_busy += u32::from(taken > 0 && !is_busy);
        }
    }
    (left, newly_busy)
}

/// How many tasks of the group fit into `free` together; its ports are free there.
fn on_one(group: &Group, free: Resources) -> u32 {
    let one = |asked: u32, free: u32| free.checked_div(asked).unwrap_or(u32::MAX);
    let by_amount = one(group.demand.cpu, free.cpu)
        .min(one(group.demand.memory, free.memory))
        .min(one(u32::from(group.demand.gpus), u32::from(free.gpus)))
        .min(one(u32::from(group.demand.enis), u32::from(free.enis)));
    let is_single = group.distinct_instance || !group.ports.is_empty();
    if is_single { by_amount.min(1) } else { by_amount }
}

/// Instances of the largest size for `count` tasks of the group.
fn instances_for(group: &Group, count: u32, size: Resources, packing: Packing) -> u32 {
    let each = on_one(group, size).max(1);
    if packing == Packing::PerTask || each == 1 && group.distinct_instance {
        return count.div_ceil(each);
    }
    let sum = |asked: u32, size: u32| {
        (u64::from(asked) * u64::from(count)).div_ceil(u64::from(size.max(1)))
    };
    let by_amount = sum(group.demand.cpu, size.cpu)
        .max(sum(group.demand.memory, size.memory))
        .max(sum(u32::from(group.demand.gpus), u32::from(size.gpus)))
        .max(sum(u32::from(group.demand.enis), u32::from(size.enis)))
        .max(u64::from(count > 0));
    let by_ports = if group.ports.is_empty() { 0 } else { u64::from(count) };
    u32::try_from(by_amount.max(by_ports)).unwrap_or(u32::MAX)
}
