//! One rule of ECS per test. Every choice is made by both ways.

use super::reference::Reference;
use super::*;
use crate::base::id::Id as _;
use crate::base::random::{Purpose, Seed};
use crate::base::time::SimTime;
use crate::model::fleet::{Fleet, InstanceStatus, Registration};
use crate::model::platform::Architecture;
use crate::model::ports::{HostPort, PortSet, PortSets, Protocol};

/// A fleet to fill, and rules to try on it.
struct Harness {
    fleet: Fleet,
    ports: PortSets,
    tasks: Vec<(InstanceId, GroupId)>,
}

fn cpu_and_mib(cpu: u32, memory: u32) -> Resources {
    Resources { cpu, memory, ..Resources::ZERO }
}

fn ranked(strategies: &[Strategy]) -> Rule {
    Rule {
        cluster: ClusterId(0),
        provider: None,
        zones: None,
        platform: None,
        strategies: strategies.to_vec(),
        distinct_instance: false,
        member_of: Vec::new(),
    }
}

const BINPACK_CPU: Strategy = Strategy::Binpack(PackField::Cpu);
const BINPACK_MEMORY: Strategy = Strategy::Binpack(PackField::Memory);

fn spread_az() -> Strategy {
    Strategy::Spread(SpreadField::Attribute("ecs.availability-zone".into()))
}

impl Harness {
    fn new() -> Self {
        Harness { fleet: Fleet::new(), ports: PortSets::default(), tasks: Vec::new() }
    }

    fn instance(&mut self, zone: u32, resources: Resources) -> InstanceId {
        self.fleet.register(Registration {
            name: format!("i-{}", self.fleet.len()),
            instance_type: "m7g.large".into(),
            cluster: ClusterId(0),
            provider: ProviderId(0),
            zone: ZoneId(zone),
            platform: Platform::default(),
            resources,
            ports: PortSet::default(),
            attributes: std::sync::Arc::new(
                [("ecs.availability-zone".to_owned(), format!("az{zone}"))].into(),
            ),
            registered_at: SimTime::ZERO,
        })
    }

    fn holding(&mut self, instance: InstanceId, group: u32, demand: Resources) {
        self.fleet.promise(instance, demand, &PortSet::default());
        self.tasks.push((instance, GroupId(group)));
    }

    /// Where a task of group 0 goes; both ways must say the same.
    fn choose(&mut self, rule: &Rule, demand: Resources, ports: &[(Protocol, u16)]) -> Choice {
        let ports = ports.iter().map(|&(protocol, port)| HostPort { protocol, port }).collect();
        let ports = self.ports.intern(PortSet::new(ports));
        let stream = || Seed(1).stream(Purpose::Placement, "default");
        let mut slow = Reference::new(TieBreak::Stable, stream());
        let mut fast = Placer::new(&self.fleet, TieBreak::Stable, stream());
        let id = fast.add_rule(rule.clone(), &self.fleet);
        assert_eq!(slow.add_rule(rule.clone()), id);
        for &(instance, group) in &self.tasks {
            slow.placed(instance, group);
            fast.placed(instance, group, &self.fleet);
        }
        fast.check(&self.fleet);
        let ask = Ask { rule: id, demand, ports, group: GroupId(0) };
        let choice = slow.choose(&ask, &self.fleet, &self.ports);
        let other = match fast.choose(&ask, &self.fleet, &self.ports) {
            Some(instance) => Choice::On(instance),
            None => Choice::Nowhere(fast.refusals(&ask, &self.fleet, &self.ports)),
        };
        assert_eq!(other, choice);
        choice
    }
}

fn refused(reasons: &[(Reason, u32)]) -> Choice {
    Choice::Nowhere(Refusals(reasons.iter().copied().collect()))
}

const SMALL: Resources = Resources { cpu: 512, memory: 512, gpus: 0, enis: 0 };

#[test]
fn binpack_takes_the_fullest_instance_that_still_fits() {
    let mut h = Harness::new();
    let half = h.instance(0, cpu_and_mib(2048, 8192));
    let idle = h.instance(0, cpu_and_mib(2048, 8192));
    h.holding(half, 1, cpu_and_mib(1024, 4096));
    for strategy in [BINPACK_CPU, BINPACK_MEMORY] {
        let rule = ranked(&[strategy]);
        assert_eq!(h.choose(&rule, cpu_and_mib(512, 1024), &[]), Choice::On(half));
        // `half` has 1,024 units left.
        assert_eq!(h.choose(&rule, cpu_and_mib(2048, 1024), &[]), Choice::On(idle));
        assert_eq!(h.choose(&rule, cpu_and_mib(4096, 1), &[]), refused(&[(Reason::Cpu, 2)]));
    }
}

#[test]
fn spread_counts_the_tasks_of_its_own_group_only() {
    let mut h = Harness::new();
    let (a, b) = (h.instance(0, cpu_and_mib(4096, 8192)), h.instance(1, cpu_and_mib(4096, 8192)));
    for _ in 0..3 {
        h.holding(a, 1, SMALL);
    }
    h.holding(b, 0, SMALL);
    assert_eq!(h.choose(&ranked(&[spread_az()]), SMALL, &[]), Choice::On(a));
    let by_instance = Strategy::Spread(SpreadField::Instance);
    assert_eq!(h.choose(&ranked(&[by_instance]), SMALL, &[]), Choice::On(a));
}

#[test]
fn a_chain_ranks_the_ties_of_the_link_before() {
    let mut h = Harness::new();
    let empty_az0 = h.instance(0, cpu_and_mib(4096, 8192));
    let fuller_az0 = h.instance(0, cpu_and_mib(4096, 8192));
    let az1 = h.instance(1, cpu_and_mib(4096, 8192));
    h.holding(fuller_az0, 1, SMALL);
    h.holding(az1, 0, cpu_and_mib(2048, 512));
    // AZ 1 has a task of the group; within AZ 0 the fuller one; binpack alone would take AZ 1.
    assert_eq!(h.choose(&ranked(&[spread_az(), BINPACK_CPU]), SMALL, &[]), Choice::On(fuller_az0));
    assert_eq!(h.choose(&ranked(&[BINPACK_CPU, spread_az()]), SMALL, &[]), Choice::On(az1));
    assert_eq!(
        h.choose(&ranked(&Strategy::default_for_service()), SMALL, &[]),
        Choice::On(empty_az0)
    );
}

#[test]
fn a_zone_without_room_does_not_compete() {
    let mut h = Harness::new();
    let full = h.instance(0, cpu_and_mib(256, 256));
    let other = h.instance(1, cpu_and_mib(4096, 8192));
    h.holding(other, 0, SMALL);
    assert_eq!(h.choose(&ranked(&[spread_az()]), SMALL, &[]), Choice::On(other));
    assert_ne!(full, other);
}

#[test]
fn ties_go_to_the_fewest_tasks_then_to_the_lowest_id() {
    let mut h = Harness::new();
    let (a, b, c) = (
        h.instance(0, cpu_and_mib(4096, 4096)),
        h.instance(0, cpu_and_mib(4096, 4096)),
        h.instance(0, cpu_and_mib(4096, 4096)),
    );
    assert_eq!(h.choose(&ranked(&[]), SMALL, &[]), Choice::On(a));
    h.holding(a, 1, SMALL);
    assert_eq!(h.choose(&ranked(&[]), SMALL, &[]), Choice::On(b));
    assert!(b < c);
}

#[test]
fn distinct_instance_ignores_tasks_that_stop() {
    let mut h = Harness::new();
    let only = h.instance(0, cpu_and_mib(4096, 4096));
    let rule = Rule { distinct_instance: true, ..ranked(&[BINPACK_CPU]) };
    h.holding(only, 0, SMALL);
    assert_eq!(h.choose(&rule, SMALL, &[]), refused(&[(Reason::DistinctInstance, 1)]));
    h.fleet.release(only, SMALL, &PortSet::default());
    h.tasks.clear();
    assert_eq!(h.choose(&rule, SMALL, &[]), Choice::On(only));
}

#[test]
fn host_ports_are_kept_by_protocol() {
    let mut h = Harness::new();
    let only = h.instance(0, cpu_and_mib(4096, 4096));
    let tcp = PortSet::new(vec![HostPort { protocol: Protocol::Tcp, port: 80 }]);
    h.fleet.promise(only, SMALL, &tcp);
    h.tasks.push((only, GroupId(1)));
    let rule = ranked(&[BINPACK_CPU]);
    assert_eq!(h.choose(&rule, SMALL, &[(Protocol::Tcp, 80)]), refused(&[(Reason::Ports, 1)]));
    assert_eq!(h.choose(&rule, SMALL, &[(Protocol::Udp, 80)]), Choice::On(only));
}

#[test]
fn gpus_and_eni_slots_are_whole_and_counted() {
    let mut h = Harness::new();
    let slots = Resources { gpus: 1, enis: 1, ..cpu_and_mib(4096, 4096) };
    let only = h.instance(0, slots);
    let rule = ranked(&[BINPACK_CPU]);
    let (gpu, eni) = (Resources { gpus: 1, ..SMALL }, Resources { enis: 1, ..SMALL });
    assert_eq!(h.choose(&rule, gpu, &[]), Choice::On(only));
    h.holding(only, 1, Resources { gpus: 1, enis: 1, ..SMALL });
    assert_eq!(h.choose(&rule, gpu, &[]), refused(&[(Reason::Gpu, 1)]));
    assert_eq!(h.choose(&rule, eni, &[]), refused(&[(Reason::Eni, 1)]));
    assert_eq!(h.choose(&rule, SMALL, &[]), Choice::On(only));
}

#[test]
fn the_first_failed_step_is_the_reason() {
    let mut h = Harness::new();
    for zone in 0..7 {
        h.instance(zone, cpu_and_mib(1024, 1024));
    }
    h.fleet.agent_connected[InstanceId::from_index(0)] = false;
    h.fleet.status[InstanceId::from_index(1)] = InstanceStatus::Draining;
    h.fleet.platform[InstanceId::from_index(3)].architecture = Architecture::Arm64;
    h.holding(InstanceId::from_index(4), 1, cpu_and_mib(1024, 1024));
    h.holding(InstanceId::from_index(5), 1, cpu_and_mib(0, 1024));
    let rule = Rule {
        // Zone 2 is not among the subnets.
        zones: Some([0, 1, 3, 4, 5, 6].map(ZoneId).to_vec()),
        platform: Some(Platform::default()),
        member_of: vec![Expression::parse("attribute:ecs.availability-zone != az6").unwrap()],
        ..ranked(&[Strategy::Random])
    };
    let expected = refused(&[
        (Reason::Agent, 2),
        (Reason::Location, 1),
        (Reason::Attribute, 1),
        (Reason::Cpu, 1),
        (Reason::Memory, 1),
        (Reason::MemberOf, 1),
    ]);
    assert_eq!(h.choose(&rule, SMALL, &[]), expected);
}

#[test]
fn first_worst_and_best_fit_do_as_the_literature_says() {
    let mut h = Harness::new();
    let a = h.instance(0, cpu_and_mib(4096, 4096));
    let b = h.instance(0, cpu_and_mib(4096, 4096));
    let c = h.instance(0, cpu_and_mib(4096, 4096));
    h.holding(a, 1, cpu_and_mib(1024, 1024));
    h.holding(b, 1, cpu_and_mib(2048, 1024));
    h.holding(c, 1, cpu_and_mib(0, 3072));
    // Remaining shares: a 75 % and 75 %, b 50 % and 75 %, c 100 % and 25 %.
    assert_eq!(h.choose(&ranked(&[Strategy::FirstFit]), SMALL, &[]), Choice::On(a));
    assert_eq!(h.choose(&ranked(&[Strategy::WorstFit]), SMALL, &[]), Choice::On(a));
    // Sums 150, 125, 125: b and c tie, have one task each, and b is lower.
    assert_eq!(h.choose(&ranked(&[Strategy::BestFit]), SMALL, &[]), Choice::On(b));
}
