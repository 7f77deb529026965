//! The one door to EC2 capacity: on random histories of instances that register, drain, lose their agent and go, with
//! tasks placed and released meanwhile, the index decides as the slow placement does (it is asked beside it), and the
//! integrals are what a plain sum over every step gives.

use crate::support::instance;
use ecsim::base::random::{Purpose, Seed, Stream};
use ecsim::base::time::{SimSpan, SimTime};
use ecsim::model::fleet::{InstanceStatus, Registration};
use ecsim::model::ids::{ClusterId, GroupId, InstanceId, PortSetId, ProviderId};
use ecsim::model::ports::PortSets;
use ecsim::model::resources::Resources;
use ecsim::policy::placement::{Ask, PackField, Rule, RuleId, SpreadField, Strategy, TieBreak};
use ecsim::sim::cluster::{Cluster, Promise};

/// A task with a promise.
struct Held {
    instance: InstanceId,
    demand: Resources,
    group: GroupId,
    since: SimTime,
}

/// Sums that are kept the plain way.
#[derive(Default, PartialEq, Debug)]
struct Sums {
    instance_time: u128,
    registered_cpu_time: u128,
    idle_time: u128,
    cpu_time: u128,
}

struct History {
    dice: Stream,
    now: SimTime,
    cluster: Cluster,
    rules: Vec<RuleId>,
    groups: Vec<GroupId>,
    held: Vec<Held>,
    sums: Sums,
    registered: u32,
    placed: u32,
}

fn rule(strategies: Vec<Strategy>) -> Rule {
    Rule {
        cluster: ClusterId(0),
        provider: Some(ProviderId(0)),
        zones: None,
        platform: None,
        strategies,
        distinct_instance: false,
        member_of: Vec::new(),
    }
}

impl History {
    /// Rules are compiled while there is no instance at all.
    fn new(case: u64) -> History {
        let draws = Seed(case).stream(Purpose::Placement, "default");
        let largest = [Resources { cpu: 4096, memory: 8192, gpus: 0, enis: 0 }];
        let tie_break = if case.is_multiple_of(3) { TieBreak::Uniform } else { TieBreak::Stable };
        let none = std::iter::empty::<Registration>();
        let mut cluster = Cluster::new(none, largest.into_iter(), tie_break, draws);
        let zone = SpreadField::Attribute("ecs.availability-zone".into());
        let chains = [
            vec![Strategy::Binpack(PackField::Cpu)],
            vec![Strategy::Random],
            vec![Strategy::Spread(zone), Strategy::Binpack(PackField::Memory)],
            vec![Strategy::Spread(SpreadField::Instance)],
        ];
        let rules = chains.map(|chain| cluster.add_rule(rule(chain))).to_vec();
        let groups = ["a", "b"].map(|name| cluster.group(name).0).to_vec();
        cluster.shadow();
        History {
            dice: Seed(case).stream(Purpose::Service, "history"),
            now: SimTime::ZERO,
            cluster,
            rules,
            groups,
            held: Vec::new(),
            sums: Sums::default(),
            registered: 0,
            placed: 0,
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.dice.below(bound as u64) as usize
    }

    /// Time passes, and every sum grows by what stands.
    fn pass(&mut self) {
        let span = SimSpan(1 + self.below(1_000_000) as u64);
        let fleet = self.cluster.fleet();
        for id in fleet.ids().filter(|&id| fleet.is_registered(id)) {
            self.sums.instance_time += u128::from(span.0);
            self.sums.registered_cpu_time +=
                u128::from(fleet.registered[id].cpu) * u128::from(span.0);
            let is_idle = !self.held.iter().any(|held| held.instance == id);
            self.sums.idle_time += u128::from(is_idle) * u128::from(span.0);
        }
        let cpu: u128 = self.held.iter().map(|held| u128::from(held.demand.cpu)).sum();
        self.sums.cpu_time += cpu * u128::from(span.0);
        self.now = self.now + span;
    }

    fn step(&mut self) {
        self.pass();
        let count = self.cluster.fleet().len();
        match self.below(10) {
            0 | 1 => self.register(),
            2 if count > 0 => self.change(count),
            3 if count > 0 => self.leave(count),
            4 | 5 if !self.held.is_empty() => self.release(),
            _ => self.place(),
        }
        self.cluster.check_index();
    }

    fn register(&mut self) {
        let (cpu, memory) = [(1024, 4096), (2048, 2048), (4096, 8192)][self.below(3)];
        let mut new = instance(&format!("i-{}", self.registered), cpu, memory).registration;
        new.registered_at = self.now;
        let zone = format!("az{}", self.below(3));
        new.attributes = std::sync::Arc::new([("ecs.availability-zone".to_string(), zone)].into());
        self.cluster.register(self.now, new);
        self.registered += 1;
    }

    fn change(&mut self, count: usize) {
        let instance = InstanceId(self.below(count) as u32);
        if !self.cluster.fleet().is_registered(instance) {
            return;
        }
        match self.below(4) {
            0 => self.cluster.set_agent(instance, false),
            1 => self.cluster.set_agent(instance, true),
            2 => self.cluster.set_status(instance, InstanceStatus::Draining),
            _ => self.cluster.set_status(instance, InstanceStatus::Active),
        }
    }

    /// Tasks stop before their instance goes.
    fn leave(&mut self, count: usize) {
        let instance = InstanceId(self.below(count) as u32);
        if self.cluster.fleet().is_registered(instance) {
            while let Some(at) = self.held.iter().position(|held| held.instance == instance) {
                self.release_at(at);
            }
            self.cluster.deregister(self.now, instance);
        }
    }

    fn release(&mut self) {
        let at = self.below(self.held.len());
        self.release_at(at);
    }

    fn release_at(&mut self, at: usize) {
        let held = self.held.swap_remove(at);
        let ports = PortSets::default();
        let Held { instance, demand, group, since } = held;
        let ports = ports.get(PortSets::NONE);
        let promise = Promise { instance, demand, ports, group, is_uncounted: false };
        self.cluster.release(self.now, since, &promise);
    }

    fn place(&mut self) {
        let at = self.below(self.rules.len());
        let rule = self.rules[at];
        let at = self.below(self.groups.len());
        let group = self.groups[at];
        let demand = Resources {
            cpu: [128, 512, 1024, 3000][self.below(4)],
            memory: [256, 1024, 4096][self.below(3)],
            gpus: 0,
            enis: 0,
        };
        let ports: PortSetId = PortSets::NONE;
        let ask = Ask { rule, demand, ports, group };
        let all = PortSets::default();
        let Some(instance) = self.cluster.choose(&ask, &all) else {
            let _ = self.cluster.refusals(&ask, &all); // compared with the slow ones, too
            return;
        };
        assert!(
            self.cluster.fleet().is_registered(instance),
            "R3: a task on an instance that is there"
        );
        self.cluster.promise(self.now, instance, demand, all.get(PortSets::NONE), group);
        self.held.push(Held { instance, demand, group, since: self.now });
        self.placed += 1;
    }

    fn finish(mut self) -> u32 {
        for held in &self.held {
            self.cluster.still_promised(self.now, held.since, held.instance, held.demand);
        }
        self.cluster.finish(self.now);
        let provider = &self.cluster.capacity().providers[ProviderId(0)];
        let found = Sums {
            instance_time: provider.instance_time,
            registered_cpu_time: provider.registered_cpu_time,
            idle_time: provider.idle_time,
            cpu_time: self.cluster.capacity().uses.iter().map(|usage| usage.cpu_time).sum(),
        };
        assert_eq!(found, self.sums, "integrals are plain sums");
        self.placed
    }
}

#[test]
fn instances_come_and_go_by_one_door_and_nothing_disagrees() {
    let mut placed = 0;
    for case in 0..200 {
        let mut history = History::new(case);
        (0..150).for_each(|_| history.step());
        placed += history.finish();
    }
    assert!(placed > 2_000, "the histories place tasks: {placed}");
}

#[test]
#[should_panic(expected = "an instance that goes holds no task")]
fn an_instance_with_a_promise_cannot_go() {
    let mut history = History::new(1);
    while history.held.is_empty() {
        history.register();
        history.place();
    }
    let instance = history.held[0].instance;
    history.cluster.deregister(history.now, instance);
}
