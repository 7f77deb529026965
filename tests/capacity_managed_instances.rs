//! ECS Managed Instances as a pure policy: the published example AS-60 step by step, and what must hold for any fleet.

use crate::support::random::drawn;
use ecsim::base::money::HourlyRate;
use ecsim::model::resources::Resources;
use ecsim::policy::capacity::managed_instances::{
    Host, Kind, Launch, Market, Offer, Plan, Step, Task, consolidate, plan,
};
use proptest::prelude::*;

fn offer(vcpu: u32, mib: u32, price: &str) -> Offer {
    let resources = Resources { cpu: vcpu * 1_024, memory: mib, ..Resources::ZERO };
    Offer {
        resources,
        price: HourlyRate::parse(price).unwrap(),
        is_available: true,
        slots: 0,
        needs_slot: false,
    }
}

/// r7a.medium, r5a.large, r7a.large and m5.xlarge in us-west-2, less what an agent keeps: in each zone.
fn offers(zones: usize) -> Vec<Offer> {
    let types = [
        offer(1, 7_700, "0.07608"),
        offer(2, 15_700, "0.113"),
        offer(2, 15_700, "0.15215"),
        offer(4, 15_700, "0.192"),
    ];
    types.repeat(zones)
}

fn market(offers: &[Offer]) -> Market<'_> {
    Market { offers, zones: offers.len() / 4, kinds: &[] }
}

fn task(owner: usize, mib: u32) -> Task {
    let demand = Resources { cpu: 1_024, memory: mib, ..Resources::ZERO };
    Task { owner, demand, kind: owner, is_balanced: true }
}

fn host(offer: usize, tasks: Vec<Task>) -> Host {
    let mut free = offers(1)[offer % 4].resources;
    tasks.iter().for_each(|task| free = free.checked_sub(task.demand).unwrap());
    Host {
        offer,
        free,
        tasks,
        is_draining: false,
        is_ripe: true,
        is_movable: true,
        has_slot: false,
    }
}

/// With other tasks.
fn with(old: &Host, tasks: Vec<Task>) -> Host {
    host(old.offer, tasks)
}

/// The hosts when the plan is carried out.
fn launched(plan: &Plan, waiting: &[Task]) -> Vec<Host> {
    let of = |launch: &Launch| {
        host(launch.offer, launch.tasks.iter().map(|&task| waiting[task]).collect())
    };
    plan.launches.iter().map(of).collect()
}

fn put(onto: &mut Host, task: Task) {
    let mut tasks = onto.tasks.clone();
    tasks.push(task);
    *onto = with(onto, tasks);
}

/// Carries a step out.
fn apply(hosts: &mut Vec<Host>, step: &Step) {
    match step {
        Step::Deregister(host) => drop(hosts.remove(*host)),
        Step::Drain { host, onto } => {
            for &(task, other) in onto {
                let task = hosts[*host].tasks[task];
                put(&mut hosts[other], task);
            }
            hosts[*host] = with(&hosts[*host], Vec::new());
        }
        Step::Replace { host: old, offer } => {
            let tasks = hosts[*old].tasks.clone();
            hosts[*old] = with(&hosts[*old], Vec::new());
            hosts.push(host(*offer, tasks));
        }
        Step::Rebalance { from, onto, offer } => {
            let mut left = hosts[from.0].tasks.clone();
            let task = left.remove(from.1);
            hosts[from.0] = with(&hosts[from.0], left);
            match onto {
                Some(host) => put(&mut hosts[*host], task),
                None => hosts.push(host(*offer, vec![task])),
            }
        }
    }
}

#[test]
fn as_60_two_large_instances_become_two_medium_ones() {
    let offers = offers(2);
    let market = market(&offers);
    let (a, b) = (task(0, 9_728), task(1, 5_632));
    let waiting = [a, a, b, b];
    let first = plan(&waiting, &[], &market);
    let mut hosts = launched(&first, &waiting);
    assert_eq!(hosts.len(), 2);
    for (zone, host) in hosts.iter().enumerate() {
        assert_eq!((host.offer, &*host.tasks), (4 * zone + 1, &[a, b][..]), "r5a.large");
    }
    // A goes to zero.
    for host in &mut hosts {
        *host = with(host, vec![b]);
    }
    let mut steps = Vec::new();
    while let Some(step) = consolidate(&hosts, &market) {
        apply(&mut hosts, &step);
        steps.push(step);
        assert!(steps.len() < 10, "{steps:?}");
    }
    assert_eq!(
        steps,
        [
            Step::Drain { host: 1, onto: vec![(0, 0)] },
            Step::Deregister(1),
            Step::Rebalance { from: (0, 0), onto: None, offer: 4 },
            Step::Replace { host: 0, offer: 0 },
            Step::Deregister(0),
        ]
    );
    let mut ends: Vec<usize> = hosts.iter().map(|host| host.offer).collect();
    ends.sort_unstable();
    assert_eq!(ends, [0, 4], "2 × r7a.medium, one in each zone");
}

#[test]
fn there_are_never_two_drains_at_once() {
    let offers = offers(1);
    let of = |is_draining| Host { is_draining, ..host(1, vec![task(0, 100)]) };
    assert!(consolidate(&[of(false), of(false)], &market(&offers)).is_some());
    assert_eq!(consolidate(&[of(true), of(false)], &market(&offers)), None);
}

#[test]
fn what_is_not_ripe_stays_and_what_may_not_move_goes_only_when_idle() {
    let offers = offers(1);
    let fresh = Host { is_ripe: false, ..host(1, vec![]) };
    assert_eq!(consolidate(std::slice::from_ref(&fresh), &market(&offers)), None);
    let standalone = Host { is_movable: false, ..host(1, vec![task(0, 100)]) };
    assert_eq!(consolidate(&[standalone.clone(), fresh], &market(&offers)), None);
    let idle = Host { is_movable: false, ..host(1, vec![]) };
    assert_eq!(consolidate(&[standalone, idle], &market(&offers)), Some(Step::Deregister(1)));
}

#[test]
fn room_comes_first_and_what_fits_nowhere_is_named() {
    let offers = offers(2);
    let there = host(5, vec![task(0, 100)]);
    let waiting = [task(0, 200), task(0, 20_000), task(0, 8_000)];
    let plan = plan(&waiting, &[there], &market(&offers));
    assert_eq!(plan.onto, [(2, 0)], "the larger one of the two that fit");
    assert_eq!(plan.too_large, [1]);
    assert_eq!(
        plan.launches,
        [Launch { offer: 0, tasks: vec![0] }],
        "the other zone, the cheapest"
    );
}

/// Kind 0 may not be where kind 0 is, and is barred from the cheapest type of the only zone.
#[test]
fn constraints_bar_types_and_keep_tasks_apart() {
    let offers = offers(1);
    let kinds = [Kind { barred: vec![0], conflicts: vec![0] }, Kind::default()];
    let market = Market { kinds: &kinds, ..market(&offers) };
    let waiting = [task(0, 100), task(0, 100), task(1, 100)];
    let made = plan(&waiting, &[], &market);
    let launch = |offer, tasks: &[usize]| Launch { offer, tasks: tasks.to_vec() };
    assert_eq!(made.launches, [launch(1, &[0, 2]), launch(1, &[1])]);
    // Without capacity of r5a.large the next type is the cheapest.
    let mut short = offers.clone();
    short[1].is_available = false;
    let made = plan(&waiting, &[], &Market { offers: &short, ..market });
    assert_eq!(made.launches, [launch(2, &[0, 2]), launch(2, &[1])]);
}

proptest! {
    #![proptest_config(drawn(256))]

    #[test]
    fn plans_hold_what_they_promise_and_consolidation_ends(
        sizes in prop::collection::vec((0_usize..3, 100_u32..15_000), 1..25), zones in 1_usize..4
    ) {
        let offers = offers(zones);
        let market = market(&offers);
        let waiting: Vec<Task> = sizes.iter().map(|&(owner, mib)| task(owner, mib)).collect();
        let plan = plan(&waiting, &[], &market);
        let mut tasks: Vec<usize> = plan.launches.iter().flat_map(|l| l.tasks.clone()).collect();
        tasks.sort_unstable();
        prop_assert_eq!(tasks, (0..waiting.len()).collect::<Vec<_>>(), "each task once");
        let mut hosts = launched(&plan, &waiting);
        let fits = |host: &Host| {
            let sum = host.tasks.iter().map(|task| task.demand);
            let sum = sum.fold(Resources::ZERO, |sum, demand| sum.checked_add(demand).unwrap());
            sum.fits_into(offers[host.offer].resources)
        };
        for _ in 0..400 {
            prop_assert!(hosts.iter().all(fits));
            let Some(step) = consolidate(&hosts, &market) else { break };
            apply(&mut hosts, &step);
            prop_assert_eq!(hosts.iter().map(|host| host.tasks.len()).sum::<usize>(), waiting.len());
        }
        prop_assert_eq!(consolidate(&hosts, &market), None, "it ends");
    }
}

/// An instance without tasks is kept for somebody, or goes by itself: nothing is drained onto it.
#[test]
fn nothing_moves_onto_an_instance_that_has_no_task() {
    let offers = offers(1);
    let mut kept = host(0, vec![]);
    kept.is_ripe = false;
    let hosts = [host(0, vec![task(0, 1_024)]), kept];
    assert_eq!(consolidate(&hosts, &market(&offers)), None);
}
