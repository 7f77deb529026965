//! Invariants of Auto Scaling groups: what they count is what there is, and nothing is promised where nothing may be.

use super::Parts;
use crate::model::fleet::InstanceStatus;
use crate::model::lifecycle::TaskStatus;
use crate::model::platform::Purchase;
use crate::sim::cluster::Taker;
use crate::sim::fleet::{Machine, Stage};
use crate::sim::task::{Place, Task};
use crate::sim::tasks::Refusal;
use std::collections::BTreeSet;

/// Compares what Fargate counts with its tasks.
pub fn check_fargate(parts: &Parts<'_>) {
    let Some(market) = &parts.fargate.market else { return };
    let mut spot = vec![0; market.spot.len()];
    for task in parts.tasks.live().filter(|task| task.status < TaskStatus::Deprovisioning) {
        if let Place::Fargate(zone) = task.place
            && parts.rules.providers[task.provider].purchase == Purchase::Spot
        {
            spot[zone.0 as usize] += 1;
        }
    }
    assert_eq!(market.spot, spot, "C6: Spot tasks that hold Fargate's capacity");
}

/// Compares the addresses that are taken with those who have one: all that live do, and nobody else.
pub fn check_network(parts: &Parts<'_>) {
    let Some(network) = &parts.cluster.network else { return };
    let has_interface = |task: &&Task| task.demand.enis > 0 && !task.waits();
    let mut wanted: BTreeSet<Taker> = BTreeSet::new();
    for task in parts.tasks.live().filter(has_interface) {
        if !matches!(parts.tasks.refused.get(&task.id), Some(Refusal::NoAddress(_))) {
            wanted.insert(Taker::Task(task.id));
        }
    }
    let machines = parts.groups.machines.enumerate();
    let alive = machines.filter(|(_, machine)| machine.stage != Stage::Terminated);
    wanted.extend(alive.map(|(id, _)| Taker::Machine(id)));
    let has: BTreeSet<Taker> = network.takers().map(|(taker, _)| taker).collect();
    assert_eq!(has, wanted, "N1: who lives has an address, and nobody else");
    for (id, subnet, held) in network.subnets() {
        let count = |is_task: bool| {
            let own = network.takers().filter(|&(_, of)| of == id);
            own.filter(|(taker, _)| matches!(taker, Taker::Task(_)) == is_task).count()
        };
        assert_eq!(held.tasks as usize, count(true), "N1: addresses of tasks");
        assert_eq!((held.instances - held.fixed) as usize, count(false), "N1: of instances");
        assert!(held.taken() <= subnet.room(), "N2: never more than there are");
    }
}

/// Compares groups with the fleet and with the books.
pub fn check(parts: &Parts<'_>) {
    let fleet = parts.cluster.fleet();
    let is_draining = |status: &&InstanceStatus| **status == InstanceStatus::Draining;
    let draining = fleet.status.iter().filter(is_draining).count();
    assert_eq!(parts.cluster.draining() as usize, draining, "C1: DRAINING instances are counted");
    for (index, group) in parts.groups.all.iter().enumerate() {
        let of_group = || parts.groups.machines.iter().filter(|machine| machine.group == index);
        let count = |stage: Stage| of_group().filter(|machine| machine.stage == stage).count();
        let (active, drains) = (count(Stage::InService), count(Stage::Draining));
        let ended = count(Stage::Terminated);
        assert_eq!(group.active as usize, active, "C2: ACTIVE instances of a group");
        assert_eq!(group.draining as usize, drains, "C2: DRAINING instances of a group");
        assert_eq!(
            group.members.len() + drains + ended + group.counts().warm as usize,
            of_group().count(),
            "C2: launched - ended"
        );
        let in_zones: u32 = group.by_zone.iter().sum();
        assert_eq!(in_zones as usize, group.members.len(), "C2: instances by zone");
        let members = || group.members.iter().map(|&id| &parts.groups.machines[id]);
        let bought = Purchase::ALL.map(|how| members().filter(|m| m.purchase == how).count());
        assert_eq!(group.bought.map(|n| n as usize), bought, "C2: instances by purchase option");
        assert!(group.min <= group.desired && group.desired <= group.max, "C3: sizes");
        let is_refreshed = group.renewal.is_in_progress();
        let on_their_way = group.members.len() as u32 - group.active;
        let is_right = is_refreshed || group.renewal.beyond() <= on_their_way;
        assert!(is_right, "C7: stand-ins of a refresh");
        // Nothing is launched beyond what is wanted, and only protection and what is on its way keep more.
        let protects = group.managed.as_ref().is_some_and(|managed| managed.protects);
        let keeps =
            group.setup.is_protected || protects || group.members.len() > group.active as usize;
        let there = group.members.len() as u32;
        let wanted = group.wanted();
        let has_all = there >= wanted || group.waits();
        assert!(has_all, "C3: {there} instances, {} wanted", group.desired);
        let is_even = keeps || there <= wanted || group.waits();
        assert!(is_even, "C3: {there} instances, {}", group.desired);
        if let Some((size, returning)) = group.warm_pool(&parts.groups.machines) {
            let warm = group.counts().warm;
            let in_pool = of_group().filter(|machine| machine.is_in_pool()).count();
            assert_eq!(in_pool, warm as usize, "C6: instances of a warm pool");
            assert!(warm <= size, "C6: {warm} in a warm pool of {size}");
            assert!(warm + returning >= size || group.waits(), "C6: a warm pool is filled");
        }
        assert_eq!(parts.books.tally.groups[group.setup.provider], Some(group.counts()), "C4");
    }
    for (number, (used, slots)) in parts.groups.reserved.used().enumerate() {
        let is_in = |machine: &&Machine| {
            machine.reservation == Some(number) && machine.stage != Stage::Terminated
        };
        let there = parts.groups.machines.iter().filter(is_in).count();
        assert_eq!(used as usize, there, "C8: instances in a capacity reservation");
        assert!(used <= slots, "C8: {used} instances in {slots} slots");
    }
    for machine in parts.groups.machines.iter() {
        let Some(instance) = machine.instance else { continue };
        let is_draining = fleet.status[instance] == InstanceStatus::Draining;
        let status = match machine.stage {
            Stage::InService if machine.is_noticed() && is_draining => InstanceStatus::Draining,
            Stage::InService => InstanceStatus::Active,
            Stage::Draining => InstanceStatus::Draining,
            _ => InstanceStatus::Inactive,
        };
        assert_eq!(fleet.status[instance], status, "C5: an instance is what its group knows");
        assert!(
            machine.running <= fleet.registered_at[instance],
            "C5: it runs before it registers"
        );
    }
}
