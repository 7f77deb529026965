//! F1 and R2: on random clusters the fast placement decides as the slow one does, refusals included, and after every
//! step its indexes are what fresh ones would be; also where rules are compiled for an empty cluster, and instances come
//! and go. `ECSIM_SWARM_CASES` raises the number of scenarios.

#![allow(clippy::unwrap_used)]

use crate::support::Page;
use ecsim::base::id::{Column, Id as _};
use ecsim::base::random::{Purpose, Seed, Stream};
use ecsim::base::time::SimTime;
use ecsim::engine::Pulse;
use ecsim::experiment::run_one;
use ecsim::model::fleet::{Fleet, InstanceStatus, Registration};
use ecsim::model::ids::{ClusterId, GroupId, InstanceId, PortSetId, ProviderId, ZoneId};
use ecsim::model::platform::{Architecture, OperatingSystem, Platform};
use ecsim::model::ports::{HostPort, PortSet, PortSets, Protocol};
use ecsim::model::resources::Resources;
use ecsim::policy::placement::reference::Reference;
use ecsim::policy::placement::{
    Ask, Candidate, Choice, Own, PackField, Placer, Rule, RuleId, SpreadField, Strategy, TieBreak,
};
use ecsim::policy::query::Expression;
use ecsim::scenario::load_text;
use ecsim::sim::Watch;
use ecsim::sim::outputs::Sinks;
use std::path::Path;

const EXPRESSIONS: [&str; 10] = [
    "attribute:rack == r1",
    "attribute:rack exists or attribute:ecs.availability-zone == az0",
    "not (attribute:rack in [r0, r2])",
    "runningTasksCount < 3",
    "not (task:group == g0)",
    "task:group =~ 'g[12]' or runningTasksCount == 0",
    "registeredAt < 3 and agentConnected == true",
    "ec2InstanceId !~ i-.*3",
    "attribute:nobody.has.it exists",
    "attribute:nobody.has.it != yet",
];

struct Dice(Stream);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0.below(bound as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

struct Task {
    instance: InstanceId,
    ask: Ask,
}

struct Scenario {
    dice: Dice,
    fleet: Fleet,
    ports: PortSets,
    port_sets: Vec<PortSetId>,
    rules: Column<RuleId, Rule>,
    fast: Placer,
    slow: Reference,
    groups: usize,
    tasks: Vec<Task>,
    placed: u32,
    refused: u32,
    left: u32,
}

fn platform(index: usize) -> Platform {
    let architecture = [Architecture::X86_64, Architecture::Arm64][index % 2];
    Platform { os: OperatingSystem::Linux, architecture }
}

fn registration(dice: &mut Dice, index: usize, uniform: bool) -> Registration {
    let zone = dice.below(3);
    let mut attributes = std::collections::BTreeMap::new();
    attributes.insert("ecs.availability-zone".to_owned(), format!("az{zone}"));
    if !dice.one_in(4) {
        attributes.insert("rack".to_owned(), format!("r{}", dice.below(4)));
    }
    let size = if uniform { 4 } else { 1 + dice.below(6) as u32 };
    let reserved = HostPort { protocol: Protocol::Tcp, port: 22 };
    Registration {
        name: format!("i-{index}"),
        instance_type: "m7g.large".into(),
        cluster: ClusterId(u32::from(dice.one_in(6))),
        provider: ProviderId(dice.below(2) as u32),
        zone: ZoneId(zone as u32),
        platform: platform(usize::from(dice.one_in(5))),
        resources: Resources {
            cpu: 1024 * size,
            memory: 2048 * size,
            gpus: dice.below(3) as u16,
            enis: if uniform { 8 } else { dice.below(5) as u16 },
        },
        ports: PortSet::new(vec![reserved]),
        attributes: attributes.into(),
        registered_at: SimTime::parse_seconds(dice.below(4).to_string().as_bytes()).unwrap(),
    }
}

fn strategy(dice: &mut Dice) -> Strategy {
    match dice.below(12) {
        0 | 1 => Strategy::Binpack(PackField::Cpu),
        2 => Strategy::Binpack(PackField::Memory),
        3 | 4 => Strategy::Spread(SpreadField::Attribute("ecs.availability-zone".into())),
        5 => Strategy::Spread(SpreadField::Attribute("rack".into())),
        6 => Strategy::Spread(SpreadField::Attribute("nobody.has.it".into())),
        7 | 8 => Strategy::Spread(SpreadField::Instance),
        9 => Strategy::Random,
        10 if dice.one_in(3) => Strategy::FirstFit,
        10 => Strategy::WorstFit,

        _ => Strategy::BestFit,
    }
}

fn rule(dice: &mut Dice) -> Rule {
    let strategies = match dice.below(4) {
        0 => Strategy::default_for_service(),
        1 => vec![strategy(dice)],
        _ => (0..dice.below(6)).map(|_| strategy(dice)).collect(),
    };
    let member_of = if dice.one_in(3) {
        (0..=dice.below(2)).map(|_| Expression::parse(dice.pick(&EXPRESSIONS)).unwrap()).collect()
    } else {
        Vec::new()
    };
    Rule {
        cluster: ClusterId(u32::from(dice.one_in(8))),
        provider: dice.one_in(4).then(|| ProviderId(dice.below(2) as u32)),
        zones: dice.one_in(5).then(|| (0..2).map(|_| ZoneId(dice.below(3) as u32)).collect()),
        platform: dice.one_in(3).then(|| platform(usize::from(dice.one_in(4)))),
        strategies,
        distinct_instance: dice.one_in(5),
        member_of,
    }
}

impl Scenario {
    /// A cluster that grows at most, or one that begins with few instances or none, which then come and go.
    fn new(seed: u64, is_elastic: bool) -> Self {
        let mut dice = Dice(Seed(seed).stream(Purpose::Test, "placement"));
        let mut fleet = Fleet::new();
        let uniform = dice.one_in(2);
        let size = dice.pick(&[1, 3, 8, 20, 20, 40]);
        let size = if dice.one_in(25) { 300 } else { size };
        let size = if is_elastic { dice.pick(&[0, 0, 1, 8, size]) } else { size };
        for index in 0..size {
            fleet.register(registration(&mut dice, index, uniform));
        }
        let mut ports = PortSets::default();
        let mut port_sets = vec![PortSets::NONE; 4];
        for (protocol, port) in [(Protocol::Tcp, 80), (Protocol::Udp, 80), (Protocol::Tcp, 22)] {
            port_sets.push(ports.intern(PortSet::new(vec![HostPort { protocol, port }])));
        }
        let tie_break = dice.pick(&[TieBreak::Stable, TieBreak::Uniform]);
        let stream = || Seed(seed).stream(Purpose::Placement, "default");
        let mut fast = Placer::new(&fleet, tie_break, stream());
        let mut slow = Reference::new(tie_break, stream());
        let groups = dice.pick(&[1, 2, 5]);
        for group in 0..groups {
            assert_eq!(
                fast.name_group(&format!("g{group}")),
                slow.name_group(&format!("g{group}"))
            );
        }
        let mut rules = Column::new();
        for _ in 0..=dice.below(3) {
            let rule = rule(&mut dice);
            assert_eq!(fast.add_rule(rule.clone(), &fleet), slow.add_rule(rule.clone()));
            rules.push(rule);
        }
        let (tasks, placed, refused) = (Vec::new(), 0, 0);
        Scenario {
            dice,
            fleet,
            ports,
            port_sets,
            rules,
            fast,
            slow,
            groups,
            tasks,
            placed,
            refused,
            left: 0,
        }
    }

    fn step(&mut self) {
        match self.dice.below(20) {
            0..12 => self.place(),
            12..17 => self.release(),
            17 | 18 => self.disturb(),
            _ => self.register(),
        }
        self.fast.check(&self.fleet);
    }

    /// As [`Scenario::step`], with arrivals and departures; `mood` says which of them are many.
    fn elastic_step(&mut self, mood: usize) {
        match (self.dice.below(20), mood) {
            (0..8, _) => self.place(),
            (8..12, _) => self.release(),
            (12..14, _) => self.disturb(),
            (14..18, 0) | (14, _) => self.register(),
            (14..18, 1) | (18, _) => self.leave(),
            _ => self.place(),
        }
        self.fast.check(&self.fleet);
        self.compare_pools();
    }

    /// What the pools say against what the pipeline says of an ask that needs nothing.
    fn compare_pools(&mut self) {
        let rule = RuleId::from_index(self.dice.below(self.rules.len()));
        let Rule { member_of, distinct_instance, .. } = &self.rules[rule];
        let group = GroupId::from_index(self.dice.below(self.groups));
        let nothing = Ask { rule, demand: Resources::ZERO, ports: PortSets::NONE, group };
        let mut takes = Vec::new();
        for instance in self.fleet.ids() {
            let is_taken = self.fast.takes(rule, instance, &self.fleet);
            if is_taken {
                takes.push(instance);
            }
            let takes_tasks = self.fleet.status[instance] == InstanceStatus::Active
                && self.fleet.agent_connected[instance];
            let belongs = self.fleet.cluster[instance] == self.rules[rule].cluster
                && self.rules[rule].provider.is_none_or(|p| p == self.fleet.provider[instance]);
            if takes_tasks && belongs && !distinct_instance {
                let verdict = self.fast.verdict(&nothing, instance, &self.fleet, &self.ports);
                assert_eq!(
                    is_taken,
                    verdict.is_none(),
                    "{instance:?} under {:?}",
                    self.rules[rule]
                );
            }
        }
        let demand = Resources { cpu: 1024 * self.dice.below(8) as u32, ..Resources::ZERO };
        let could_fit =
            self.fast.could_fit_when_empty(&Ask { demand, ..nothing }, &self.fleet, &self.ports);
        let any = takes.iter().any(|&i| demand.fits_into(self.fleet.registered[i]));
        if member_of.iter().all(Expression::is_static) {
            assert_eq!(could_fit, any, "{demand} under {:?}", self.rules[rule]);
        }
        assert!(could_fit || !any);
    }

    /// An instance stops its tasks, some first while it drains, and goes.
    fn leave(&mut self) {
        let here: Vec<InstanceId> =
            self.fleet.ids().filter(|&i| self.fleet.is_registered(i)).collect();
        if here.is_empty() {
            return;
        }
        let instance = self.dice.pick(&here);
        if self.dice.one_in(2) {
            self.fleet.status[instance] = InstanceStatus::Draining;
            self.fast.instance_changed(instance, &self.fleet);
        }
        while let Some(at) = self.tasks.iter().position(|task| task.instance == instance) {
            self.release_task(at);
        }
        self.fleet.deregister(instance, SimTime::ZERO);
        self.fast.instance_left(instance, &self.fleet);
        self.left += 1;
    }

    fn place(&mut self) {
        let dice = &mut self.dice;
        let ask = Ask {
            rule: RuleId::from_index(dice.below(self.rules.len())),
            demand: Resources {
                cpu: 256 * dice.below(6) as u32,
                memory: 512 * dice.below(6) as u32,
                gpus: u16::from(dice.one_in(10)),
                enis: u16::from(dice.one_in(4)),
            },
            ports: dice.pick(&self.port_sets),
            group: GroupId::from_index(dice.below(self.groups)),
        };
        let fast = match self.fast.choose(&ask, &self.fleet, &self.ports) {
            Some(instance) => Choice::On(instance),
            None => Choice::Nowhere(self.fast.refusals(&ask, &self.fleet, &self.ports)),
        };
        let slow = self.slow.choose(&ask, &self.fleet, &self.ports);
        assert_eq!(fast, slow, "{ask:?} under {:?}", self.rules[ask.rule]);
        match fast {
            Choice::On(instance) => {
                self.placed += 1;
                self.fleet.promise(instance, ask.demand, self.ports.get(ask.ports));
                self.fast.placed(instance, ask.group, &self.fleet);
                self.slow.placed(instance, ask.group);
                self.tasks.push(Task { instance, ask });
            }
            Choice::Nowhere(_) => self.refused += 1,
        }
    }

    fn release(&mut self) {
        if self.tasks.is_empty() {
            return;
        }
        let at = self.dice.below(self.tasks.len());
        self.release_task(at);
    }

    fn release_task(&mut self, at: usize) {
        let Task { instance, ask } = self.tasks.swap_remove(at);
        self.fleet.release(instance, ask.demand, self.ports.get(ask.ports));
        self.fast.released(instance, ask.group, &self.fleet);
        self.slow.released(instance, ask.group);
    }

    fn disturb(&mut self) {
        let instance = InstanceId::from_index(self.dice.below(self.fleet.len().max(1)));
        if instance.index() >= self.fleet.len() || !self.fleet.is_registered(instance) {
            return;
        }
        if self.dice.one_in(2) {
            self.fleet.agent_connected[instance] ^= true;
        } else {
            self.fleet.status[instance] =
                self.dice.pick(&[InstanceStatus::Active, InstanceStatus::Draining]);
        }
        self.fast.instance_changed(instance, &self.fleet);
    }

    fn register(&mut self) {
        let mut registration = registration(&mut self.dice, self.fleet.len(), false);
        if !self.dice.one_in(3) {
            registration.registered_at = SimTime::parse_seconds(b"9").unwrap();
        }
        if self.dice.one_in(3) {
            std::sync::Arc::make_mut(&mut registration.attributes)
                .insert("nobody.has.it".into(), "yet".into());
        }
        let instance = self.fleet.register(registration);
        self.fast.instance_registered(instance, &self.fleet);
    }
}

fn cases() -> u64 {
    let cases = std::env::var("ECSIM_SWARM_CASES").ok().and_then(|text| text.parse().ok());
    cases.unwrap_or(2_000)
}

#[test]
fn fast_and_slow_placement_decide_alike_on_random_clusters() {
    let (mut placed, mut refused) = (0, 0);
    for seed in 0..cases() {
        let run = std::panic::catch_unwind(|| {
            let mut scenario = Scenario::new(seed, false);
            let steps = if scenario.fleet.len() > 100 { 400 } else { 100 };
            for _ in 0..steps {
                scenario.step();
            }
            (scenario.placed, scenario.refused)
        });
        let Ok((p, r)) = run else {
            panic!("placement scenario {seed} failed; see above");
        };
        placed += p;
        refused += r;
    }
    // The scenarios must exercise both outcomes.
    assert!(placed > 10_000 && refused > 1_000, "{placed} placed, {refused} refused");
}

#[test]
fn fast_and_slow_placement_decide_alike_while_instances_come_and_go() {
    let (mut placed, mut refused, mut left) = (0, 0, 0);
    for seed in 0..cases() {
        let run = std::panic::catch_unwind(|| {
            let mut scenario = Scenario::new(seed, true);
            // Growing, shrinking and neither, so that clusters run empty and fill again.
            for _ in 0..6 {
                let mood = scenario.dice.below(3);
                for _ in 0..40 {
                    scenario.elastic_step(mood);
                }
            }
            (scenario.placed, scenario.refused, scenario.left)
        });
        let Ok((p, r, l)) = run else {
            panic!("elastic placement scenario {seed} failed; see above");
        };
        placed += p;
        refused += r;
        left += l;
    }
    assert!(
        placed > 20_000 && refused > 5_000 && left > 10_000,
        "{placed} placed, {refused} refused, {left} left"
    );
}

/// Less where more is left of what the task needs most.
fn dot_product(of: &Candidate) -> u64 {
    let part = |need: u32, free: u32| u64::from(need) * u64::from(free);
    u64::MAX - part(of.demand.cpu, of.free.cpu) - part(of.demand.memory, of.free.memory)
}

#[test]
fn a_program_may_place_by_a_rule_of_its_own() {
    // 512 CPU units and 3,072 MiB: the dot product is larger on r5.large (16 GiB) than on c5.large (4 GiB), which binpack
    // by memory would fill. Four tasks on r5 leave as much memory there as a fifth needs; the rule is asked anew each time.
    let text = r#"
[simulation]
duration = "1h"
[[capacity_provider]]
name = "c"
instance_types = ["c5.large"]
desired_capacity = 1
[[capacity_provider]]
name = "r"
instance_types = ["r5.large"]
desired_capacity = 1
[[task_definition]]
family = "w"
cpu = 512
memory = 3072
[[service]]
name = "w"
task_definition = "w"
launch_type = "EC2"
desired_count = 2
"#;
    let mut scenario = load_text(text, "own.toml", Path::new("."), &[]).unwrap();
    let own = Strategy::Own(Own { name: "dot product", score: dot_product });
    for (rule, expected) in [(own, "r"), (Strategy::Binpack(PackField::Memory), "c")] {
        for service in scenario.setup.services.ids() {
            scenario.setup.services[service].strategies = vec![rule.clone()];
        }
        let page = Page::default();
        let sinks = Sinks { tasks: Some(Box::new(page.clone())), ..Sinks::default() };
        let watch = Watch { pulse: &Pulse::default(), check_every_event: true };
        run_one(&scenario, Seed(1), sinks, watch).unwrap();
        let tasks = page.text();
        let first = tasks.lines().nth(1).unwrap();
        assert!(first.contains(&format!(",EC2,{expected},")), "{rule:?}: {first}");
    }
}
