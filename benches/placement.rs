//! Placing a task and taking it away again, on fleets in the steady state of the common workload: 14 sizes, 75 % of
//! the CPU taken. One iteration is one placement and one release, of the task that has run longest.

use criterion::{BenchmarkId, Criterion, Throughput};
use ecsim::base::random::{Purpose, Seed, Stream};
use ecsim::base::time::SimTime;
use ecsim::model::fleet::{Fleet, Registration};
use ecsim::model::ids::{ClusterId, GroupId, InstanceId, ProviderId, ZoneId};
use ecsim::model::platform::Platform;
use ecsim::model::ports::{PortSet, PortSets};
use ecsim::model::resources::Resources;
use ecsim::policy::placement::{
    Ask, PackField, Placer, Rule, RuleId, SpreadField, Strategy, TieBreak,
};
use ecsim::policy::query::Expression;
use std::hint::black_box;

/// CPU units, MiB, weight: common sizes of ECS tasks.
const MIX: [(u32, u32, u64); 14] = [
    (256, 512, 20),
    (256, 1024, 14),
    (256, 2048, 6),
    (512, 1024, 14),
    (512, 2048, 10),
    (512, 4096, 4),
    (1024, 2048, 10),
    (1024, 4096, 6),
    (1024, 8192, 3),
    (2048, 4096, 5),
    (2048, 8192, 3),
    (2048, 16384, 1),
    (4096, 8192, 3),
    (4096, 16384, 1),
];

const INSTANCE: Resources = Resources { cpu: 16_384, memory: 65_536, gpus: 0, enis: 0 };

struct Task {
    instance: InstanceId,
    demand: Resources,
    group: GroupId,
}

/// A fleet in its steady state: tasks end in random order, each followed by a new one.
struct Load {
    fleet: Fleet,
    placer: Placer,
    ports: PortSets,
    tasks: Vec<Task>,
    /// Sizes by chance, drawn beforehand so that drawing is not measured.
    asks: Vec<(Resources, GroupId, u32)>,
    next: usize,
}

fn registration(index: usize) -> Registration {
    let zone = index % 3;
    let attributes = [
        ("ecs.availability-zone".to_owned(), format!("us-east-1{}", ["a", "b", "c"][zone])),
        ("rack".to_owned(), format!("r{}", index % 100)),
    ];
    Registration {
        name: format!("i-{index}"),
        instance_type: "m7g.4xlarge".into(),
        cluster: ClusterId(0),
        provider: ProviderId(0),
        zone: ZoneId(zone as u32),
        platform: Platform::default(),
        resources: INSTANCE,
        ports: PortSet::default(),
        attributes: std::sync::Arc::new(attributes.into_iter().collect()),
        registered_at: SimTime::ZERO,
    }
}

fn demand(dice: &mut Stream) -> Resources {
    let mut ticket = dice.below(MIX.iter().map(|size| size.2).sum());
    for (cpu, memory, weight) in MIX {
        if ticket < weight {
            return Resources { cpu, memory, gpus: 0, enis: 0 };
        }
        ticket -= weight;
    }
    unreachable!("the ticket is below the sum of the weights")
}

impl Load {
    fn new(instances: usize, rule: Rule, groups: u64) -> Self {
        let mut fleet = Fleet::new();
        for index in 0..instances {
            fleet.register(registration(index));
        }
        let mut dice = Seed(20_260_701).stream(Purpose::Test, "bench");
        let stream = Seed(1).stream(Purpose::Placement, "default");
        let mut placer = Placer::new(&fleet, TieBreak::Stable, stream);
        // A selective rule gets its share of the load.
        let share = if rule.member_of.is_empty() { 1 } else { 10 };
        placer.add_rule(rule, &fleet);
        let (tasks, next) = (Vec::new(), 0);
        let mut load =
            Load { fleet, placer, ports: PortSets::default(), tasks, asks: Vec::new(), next };
        load.draw(&mut dice, groups);
        let (mut cpu, full) = (0, instances as u64 * u64::from(INSTANCE.cpu) * 3 / 4 / share);
        while cpu < full {
            cpu += u64::from(load.asks[load.next].0.cpu);
            load.place();
        }
        // Three generations of tasks, so that the fleet forgets how it was filled.
        for _ in 0..3 * load.tasks.len() {
            load.turn();
        }
        load
    }

    fn draw(&mut self, dice: &mut Stream, groups: u64) {
        let ask = |_| {
            let group = GroupId(dice.below(groups) as u32);
            (demand(dice), group, dice.next_u64() as u32)
        };
        self.asks = (0..1 << 16).map(ask).collect();
    }

    fn place(&mut self) -> Option<InstanceId> {
        let (demand, group, _) = self.asks[self.next];
        let ask = Ask { rule: RuleId(0), demand, ports: PortSets::NONE, group };
        let chosen = self.placer.choose(&ask, &self.fleet, &self.ports);
        if let Some(instance) = chosen {
            self.fleet.promise(instance, demand, self.ports.get(PortSets::NONE));
            self.placer.placed(instance, group, &self.fleet);
            self.tasks.push(Task { instance, demand, group });
        }
        self.next = (self.next + 1) % self.asks.len();
        chosen
    }

    /// One task ends, another begins.
    fn turn(&mut self) -> Option<InstanceId> {
        if !self.tasks.is_empty() {
            let random = u64::from(self.asks[self.next].2);
            let at = ((random * self.tasks.len() as u64) >> 32) as usize;
            let task = self.tasks.swap_remove(at);
            self.fleet.release(task.instance, task.demand, self.ports.get(PortSets::NONE));
            self.placer.released(task.instance, task.group, &self.fleet);
        }
        self.place()
    }
}

fn rule(strategies: Vec<Strategy>, member_of: &[&str]) -> Rule {
    let parse = |text: &&str| Expression::parse(text).expect("the benches' expressions are right");
    Rule {
        cluster: ClusterId(0),
        provider: None,
        zones: None,
        platform: None,
        strategies,
        distinct_instance: false,
        member_of: member_of.iter().map(parse).collect(),
    }
}

/// All benches of placement. Names are `placement/<rule>/<instances>`.
pub fn benches(c: &mut Criterion) {
    let zone = || Strategy::Spread(SpreadField::Attribute("ecs.availability-zone".into()));
    let by_instance = || Strategy::Spread(SpreadField::Instance);
    let (cpu, memory) =
        (|| Strategy::Binpack(PackField::Cpu), || Strategy::Binpack(PackField::Memory));
    let rack = &["attribute:rack =~ r[0-9]"];
    let cases: [(&str, Vec<Strategy>, &[&str], u64); 13] = [
        ("binpack_cpu", vec![cpu()], &[], 1),
        ("binpack_memory", vec![memory()], &[], 1),
        ("spread_az", vec![zone()], &[], 1),
        ("spread_az_binpack_cpu", vec![zone(), cpu()], &[], 1),
        ("spread_instance_one_group", vec![by_instance()], &[], 1),
        ("spread_instance_many_groups", vec![by_instance()], &[], 5_000),
        ("service_default_many_groups", Strategy::default_for_service(), &[], 5_000),
        ("spread_instance_binpack", vec![by_instance(), cpu()], &[], 1),
        ("random", vec![Strategy::Random], &[], 1),
        ("member_of_binpack_cpu", vec![cpu()], rack, 1),
        ("first_fit", vec![Strategy::FirstFit], &[], 1),
        ("worst_fit", vec![Strategy::WorstFit], &[], 1),
        ("best_fit", vec![Strategy::BestFit], &[], 1),
    ];
    // `cargo bench -- --test` asks whether it works, not how fast: the smallest fleet will do.
    let is_test = std::env::args().any(|argument| argument == "--test");
    let sizes: &[usize] = if is_test { &[1_000] } else { &[4_000, 10_000, 100_000] };
    let mut group = c.benchmark_group("placement");
    group.throughput(Throughput::Elements(1)).sample_size(20);
    for (name, strategies, member_of, groups) in cases {
        for &instances in sizes {
            let mut load = None;
            group.bench_function(BenchmarkId::new(name, instances), |b| {
                let load = load.get_or_insert_with(|| {
                    Load::new(instances, rule(strategies.clone(), member_of), groups)
                });
                b.iter(|| {
                    let chosen = black_box(load.turn());
                    // A quarter of the CPU is free: the task that does not fit anywhere is a bug.
                    assert!(chosen.is_some(), "a task fits into a fleet that is 75 % full");
                });
            });
            if let Some(load) = load {
                load.placer.check(&load.fleet);
            }
        }
    }
    group.finish();
}
