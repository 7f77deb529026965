//! ECS Managed Instances as a pure policy: the published example AS-60 step by step, and what must hold for any fleet.

use ecsim::base::money::HourlyRate;
use ecsim::model::resources::Resources;
use ecsim::policy::capacity::managed_instances::{
    Host, Offer, Plan, Step, Task, consolidate, plan,
};
use proptest::prelude::*;

fn offer(vcpu: u32, mib: u32, price: &str) -> Offer {
    let resources = Resources { cpu: vcpu * 1_024, memory: mib, ..Resources::ZERO };
    Offer { resources, price: HourlyRate::parse(price).unwrap() }
}

/// r7a.medium, r5a.large, r7a.large and m5.xlarge in us-west-2, less what an agent keeps.
fn offers() -> [Offer; 4] {
    [
        offer(1, 7_700, "0.07608"),
        offer(2, 15_700, "0.113"),
        offer(2, 15_700, "0.15215"),
        offer(4, 15_700, "0.192"),
    ]
}

fn task(owner: usize, mib: u32) -> Task {
    Task { owner, demand: Resources { cpu: 1_024, memory: mib, ..Resources::ZERO } }
}

/// The hosts when the plan is carried out.
fn launched(plan: &Plan, waiting: &[Task], offers: &[Offer]) -> Vec<Host> {
    let host = |launch: &ecsim::policy::capacity::managed_instances::Launch| Host {
        zone: launch.zone,
        offer: offers[launch.offer],
        tasks: launch.tasks.iter().map(|&task| waiting[task]).collect(),
        is_draining: false,
    };
    plan.launches.iter().map(host).collect()
}

/// Carries a step out.
fn apply(hosts: &mut Vec<Host>, step: &Step, offers: &[Offer]) {
    match step {
        Step::Deregister(host) => drop(hosts.remove(*host)),
        Step::Drain { host, onto } => {
            for &(task, other) in onto {
                let task = hosts[*host].tasks[task];
                hosts[other].tasks.push(task);
            }
            hosts[*host].tasks.clear();
        }
        Step::Replace { host, offer } => {
            let tasks = std::mem::take(&mut hosts[*host].tasks);
            let zone = hosts[*host].zone;
            hosts.push(Host { zone, offer: offers[*offer], tasks, is_draining: false });
        }
        Step::Rebalance { from, zone, onto, offer } => {
            let task = hosts[from.0].tasks.remove(from.1);
            match onto {
                Some(host) => hosts[*host].tasks.push(task),
                None => hosts.push(Host {
                    zone: *zone,
                    offer: offers[*offer],
                    tasks: vec![task],
                    is_draining: false,
                }),
            }
        }
    }
}

#[test]
fn as_60_two_large_instances_become_two_medium_ones() {
    let offers = offers();
    let (a, b) = (task(0, 9_728), task(1, 5_632));
    let waiting = [a, a, b, b];
    let first = plan(&waiting, &[], &offers, 2);
    let mut hosts = launched(&first, &waiting, &offers);
    assert_eq!(hosts.len(), 2);
    for (zone, host) in hosts.iter().enumerate() {
        assert_eq!((host.zone, host.offer, &*host.tasks), (zone, offers[1], &[a, b][..]));
    }
    // A goes to zero.
    hosts.iter_mut().for_each(|host| host.tasks.retain(|task| task.owner == 1));
    let mut steps = Vec::new();
    while let Some(step) = consolidate(&hosts, &offers, 2) {
        apply(&mut hosts, &step, &offers);
        steps.push(step);
        assert!(steps.len() < 10, "{steps:?}");
    }
    assert_eq!(
        steps,
        [
            Step::Drain { host: 1, onto: vec![(0, 0)] },
            Step::Deregister(1),
            Step::Rebalance { from: (0, 0), zone: 1, onto: None, offer: 0 },
            Step::Replace { host: 0, offer: 0 },
            Step::Deregister(0),
        ]
    );
    let mut ends: Vec<(usize, Offer)> = hosts.iter().map(|host| (host.zone, host.offer)).collect();
    ends.sort_by_key(|end| end.0);
    assert_eq!(ends, [(0, offers[0]), (1, offers[0])], "2 × r7a.medium, one in each zone");
}

#[test]
fn there_are_never_two_drains_at_once() {
    let offers = offers();
    let host =
        |is_draining| Host { zone: 0, offer: offers[1], tasks: vec![task(0, 100)], is_draining };
    assert!(consolidate(&[host(false), host(false)], &offers, 1).is_some());
    assert_eq!(consolidate(&[host(true), host(false)], &offers, 1), None);
}

#[test]
fn room_comes_first_and_what_fits_nowhere_is_named() {
    let offers = offers();
    let host = Host { zone: 1, offer: offers[1], tasks: vec![task(0, 100)], is_draining: false };
    let waiting = [task(0, 200), task(0, 20_000), task(0, 8_000)];
    let plan = plan(&waiting, &[host], &offers, 2);
    assert_eq!(plan.onto, [(2, 0)], "the larger one of the two that fit");
    assert_eq!(plan.too_large, [1]);
    assert_eq!(plan.launches.len(), 1);
    assert_eq!(
        (plan.launches[0].zone, plan.launches[0].offer),
        (0, 0),
        "the other zone, the cheapest"
    );
}

proptest! {
    #[test]
    fn plans_hold_what_they_promise_and_consolidation_ends(
        sizes in prop::collection::vec((0_usize..3, 100_u32..15_000), 1..25), zones in 1_usize..4
    ) {
        let offers = offers();
        let waiting: Vec<Task> = sizes.iter().map(|&(owner, mib)| task(owner, mib)).collect();
        let plan = plan(&waiting, &[], &offers, zones);
        let mut tasks: Vec<usize> = plan.launches.iter().flat_map(|l| l.tasks.clone()).collect();
        tasks.sort_unstable();
        prop_assert_eq!(tasks, (0..waiting.len()).collect::<Vec<_>>(), "each task once");
        let mut hosts = launched(&plan, &waiting, &offers);
        let fits = |host: &Host| {
            let sum = host.tasks.iter().map(|task| task.demand);
            let sum = sum.fold(Resources::ZERO, |sum, demand| sum.checked_add(demand).unwrap());
            sum.fits_into(host.offer.resources)
        };
        for _ in 0..400 {
            prop_assert!(hosts.iter().all(fits));
            let Some(step) = consolidate(&hosts, &offers, zones) else { break };
            apply(&mut hosts, &step, &offers);
            prop_assert_eq!(hosts.iter().map(|host| host.tasks.len()).sum::<usize>(), waiting.len());
        }
        prop_assert_eq!(consolidate(&hosts, &offers, zones), None, "it ends");
    }
}
