//! What one task costs before anybody simulates anything: on Fargate, and on instances that hold nothing but such tasks.

use crate::base::money::{HourlyRate, NanoUsd};
use crate::base::time::SimTime;
use crate::catalog::{Basis, Catalogue, FargatePrice, InstanceType};
use crate::model::definition::TaskDefinition;
use crate::model::fargate::{FargateRate, INCLUDED_EPHEMERAL_GIB, fargate_size_for};
use crate::model::platform::{Architecture, OperatingSystem, Purchase};
use crate::model::resources::Resources;
use crate::policy::query::{Expression, InstanceView};
use crate::pricing::meter::PARTS;
use std::collections::BTreeMap;

/// Hours of a month in comparisons, as AWS's own calculator counts (documented).
pub const HOURS_PER_MONTH: u128 = 730;

/// What is asked beside the task.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// Region of the prices.
    pub region: &'a str,
    /// Share of the tasks that would fit that an instance holds in the mean, 1 to 100 percent.
    pub packing_percent: u32,
    /// Whether to look at types whose CPU is bought with credits.
    pub with_burstable: bool,
    /// Whether instances have ENI trunking, which lets more `awsvpc` tasks fit.
    pub with_trunking: bool,
}

/// The answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quote {
    /// The size that Fargate gives, in CPU units and MiB; or why it has none.
    pub fargate_size: Result<(u32, u32), String>,
    /// What Fargate costs, architecture by architecture, On-Demand before Spot.
    pub fargate: Vec<OnFargate>,
    /// Placement constraints of the definition that ask for what no instance type has, such as custom attributes: they
    /// were not looked at.
    pub open_constraints: Vec<String>,
    /// What instances cost, cheapest when full first; `None` where the catalogue has no prices for the operating system.
    pub instances: Option<Vec<OnInstance>>,
}

/// A task on Fargate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OnFargate {
    /// CPU architecture.
    pub architecture: Architecture,
    /// On-Demand or Spot.
    pub purchase: Purchase,
    /// How the price came to be.
    pub basis: Basis,
    /// The task, an hour.
    pub cost: Cost,
    /// The part of it that pays for what the size has above the request.
    pub wasted: Cost,
}

/// A task on instances of one type.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OnInstance {
    /// The type.
    pub kind: InstanceType,
    /// An instance, On-Demand.
    pub price: HourlyRate,
    /// Such tasks that fit on an empty instance.
    pub tasks: u32,
    /// What they run out of first.
    pub binds: &'static str,
    /// The task where every place is taken.
    pub full: Cost,
    /// The task at the stated packing.
    pub packed: Cost,
    /// The same on Spot.
    pub packed_spot: Option<Cost>,
    /// From which packing on it is cheaper than Fargate On-Demand on its architecture, in tenths of a percent, rounded up;
    /// above 1,000 it never is. `None` without Fargate.
    pub break_even_permille: Option<u64>,
}

/// What something costs an hour: an exact fraction of a nano-dollar.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cost {
    nanos: u128,
    of: u128,
}

impl Cost {
    /// So many hours of it, rounded once.
    #[must_use]
    pub fn hours(self, hours: u128) -> NanoUsd {
        NanoUsd::from_ratio(self.nanos * hours, self.of)
    }

    fn cmp(self, other: Cost) -> std::cmp::Ordering {
        (self.nanos * other.of).cmp(&(other.nanos * self.of))
    }
}

impl Quote {
    /// Of each family of an architecture the smallest type whose tasks cost at most 2 % more than its cheapest one's:
    /// larger ones waste less at their edges, and more where the last of them is half empty.
    #[must_use]
    pub fn families(&self, architecture: Architecture) -> Vec<&OnInstance> {
        let of_it = || {
            let all = self.instances.iter().flatten();
            all.filter(|offer| offer.kind.architecture == architecture)
        };
        let mut best: BTreeMap<&str, Cost> = BTreeMap::new();
        for offer in of_it() {
            best.entry(offer.kind.family()).or_insert(offer.full); // the first is the cheapest
        }
        let mut kept: BTreeMap<&str, &OnInstance> = BTreeMap::new();
        for offer in of_it() {
            let limit = best[offer.kind.family()];
            let limit = Cost { nanos: limit.nanos * 102, of: limit.of * 100 };
            if offer.full.cmp(limit).is_le() {
                let smallest = kept.entry(offer.kind.family()).or_insert(offer);
                if offer.kind.vcpus < smallest.kind.vcpus {
                    *smallest = offer;
                }
            }
        }
        let mut kept: Vec<&OnInstance> = kept.into_values().collect();
        kept.sort_by(|a, b| a.order(b));
        kept
    }
}

impl OnInstance {
    /// Cheapest when full first, then the smallest.
    fn order(&self, other: &OnInstance) -> std::cmp::Ordering {
        let by_cost = self.full.cmp(other.full);
        let by_size = by_cost.then_with(|| self.kind.vcpus.cmp(&other.kind.vcpus));
        by_size.then_with(|| self.kind.name.cmp(&other.kind.name))
    }
}

/// Answers `question` for tasks of a definition.
#[must_use]
pub fn quote(catalogue: &Catalogue, task: &TaskDefinition, question: &Question<'_>) -> Quote {
    let fargate_size = fargate_size(catalogue, task);
    let prices = catalogue.fargate_prices(question.region);
    let mut of_os: Vec<&FargatePrice> =
        prices.iter().filter(|price| price.rate.os == task.platform.os).collect();
    // The architecture of the definition first.
    of_os.sort_by_key(|price| price.rate.architecture != task.platform.architecture);
    let fargate: Vec<OnFargate> = match fargate_size {
        Ok(raised) => of_os.iter().map(|price| on_fargate(price, task, raised)).collect(),
        Err(_) => Vec::new(),
    };
    let is_priced = task.platform.os == OperatingSystem::Linux;
    let (constraints, open_constraints) = constraints_of(task);
    let instances = is_priced.then(|| {
        let mut all = instances(catalogue, task, question, &fargate);
        all.retain(|offer| constraints.iter().all(|of| of.holds(&AsInstance(&offer.kind))));
        all
    });
    Quote { fargate_size, fargate, open_constraints, instances }
}

/// What a type says of itself.
const OF_TYPES: [&str; 3] = ["ecs.instance-type", "ecs.cpu-architecture", "ecs.os-type"];

/// The `memberOf` expressions of a definition that types can answer, and the text of the others.
fn constraints_of(task: &TaskDefinition) -> (Vec<Expression>, Vec<String>) {
    let (mut answered, mut open) = (Vec::new(), Vec::new());
    for text in &task.placement_constraints {
        match Expression::parse(text) {
            Ok(expression) if expression.asks_only_for(&OF_TYPES) => answered.push(expression),
            _ => open.push(text.clone()),
        }
    }
    (answered, open)
}

/// An instance of a type, of which nothing else is known.
struct AsInstance<'a>(&'a InstanceType);

impl InstanceView for AsInstance<'_> {
    fn agent_connected(&self) -> bool {
        true
    }
    fn agent_version(&self) -> Option<&str> {
        None
    }
    fn attribute(&self, name: &str) -> Option<&str> {
        match name {
            "ecs.instance-type" => Some(&self.0.name),
            "ecs.cpu-architecture" => Some(self.0.architecture.attribute_value()),
            "ecs.os-type" => Some(OperatingSystem::Linux.attribute_value()),
            _ => None,
        }
    }
    fn ec2_instance_id(&self) -> &str {
        ""
    }
    fn registered_at(&self) -> SimTime {
        SimTime::ZERO
    }
    fn running_tasks_count(&self) -> u32 {
        0
    }
    fn any_group(&self, _test: &mut dyn FnMut(&str) -> bool) -> bool {
        false
    }
}

fn fargate_size(catalogue: &Catalogue, task: &TaskDefinition) -> Result<(u32, u32), String> {
    if task.demand.gpus > 0 {
        return Err("Fargate has no GPUs".into());
    }
    let (cpu, memory) = task.fargate_request;
    let sizes = catalogue.fargate_sizes_of(task.platform.os);
    let none = || format!("no Fargate size holds {cpu} CPU units and {memory} MiB");
    fargate_size_for(&sizes, cpu, memory).ok_or_else(none)
}

fn on_fargate(price: &FargatePrice, task: &TaskDefinition, raised: (u32, u32)) -> OnFargate {
    let storage = task.ephemeral_gib.saturating_sub(INCLUDED_EPHEMERAL_GIB);
    let cost = fargate_cost(&price.rate, raised, storage);
    let exact = fargate_cost(&price.rate, task.fargate_request, storage);
    OnFargate {
        architecture: price.rate.architecture,
        purchase: price.rate.purchase,
        basis: price.basis,
        cost,
        wasted: Cost { nanos: cost.nanos.saturating_sub(exact.nanos), of: cost.of },
    }
}

fn fargate_cost(rate: &FargateRate, (cpu, memory): (u32, u32), storage_gib: u16) -> Cost {
    let of = |rate: HourlyRate, parts: u32| u128::from(rate.0) * u128::from(parts);
    let nanos = of(rate.vcpu, cpu)
        + of(rate.licence_vcpu, cpu)
        + of(rate.memory_gb, memory)
        + of(rate.ephemeral_gb, u32::from(storage_gib)) * PARTS;
    Cost { nanos, of: PARTS }
}

/// Every type that EC2 sells, holds a task and has a price, cheapest when full first. Not those without a
/// hypervisor and those for HPC, which no capacity provider is made of.
fn instances(
    catalogue: &Catalogue,
    task: &TaskDefinition,
    question: &Question<'_>,
    fargate: &[OnFargate],
) -> Vec<OnInstance> {
    let is_offered = |kind: &InstanceType| {
        let has_gpus = kind.gpus > 0 || kind.neuron_devices > 0;
        !kind.retired
            && !kind.family().starts_with("hpc")
            && !kind.bare_metal
            && (question.with_burstable || !kind.burstable)
            && has_gpus == (task.demand.gpus > 0)
    };
    let types = catalogue.instance_types().into_iter().filter(is_offered);
    let mut found: Vec<OnInstance> =
        types.filter_map(|kind| on_instance(catalogue, kind, task, question, fargate)).collect();
    found.sort_by(|a, b| a.order(b));
    found
}

fn on_instance(
    catalogue: &Catalogue,
    kind: InstanceType,
    task: &TaskDefinition,
    question: &Question<'_>,
    fargate: &[OnFargate],
) -> Option<OnInstance> {
    let price = catalogue.on_demand(question.region, &kind.name)?;
    let (tasks, binds) = places(kind.resources(question.with_trunking), task)?;
    let packed = |rate: HourlyRate| Cost {
        nanos: u128::from(rate.0) * 100,
        of: u128::from(tasks) * u128::from(question.packing_percent),
    };
    let spot = catalogue.ec2_spot(question.region, &kind.name).filter(|_| kind.spot_supported);
    let rival = fargate.iter().find(|offer| {
        offer.architecture == kind.architecture && offer.purchase == Purchase::OnDemand
    });
    let break_even = rival.map(|rival| {
        let of = u128::from(tasks) * rival.cost.nanos;
        let permille = (u128::from(price.0) * rival.cost.of * 1_000).div_ceil(of.max(1));
        u64::try_from(permille).unwrap_or(u64::MAX)
    });
    Some(OnInstance {
        price,
        tasks,
        binds,
        full: Cost { nanos: u128::from(price.0), of: u128::from(tasks) },
        packed: packed(price),
        packed_spot: spot.map(packed),
        break_even_permille: break_even,
        kind,
    })
}

/// How many tasks an empty instance holds, and what they run out of first; `None` where not one fits.
fn places(room: Resources, task: &TaskDefinition) -> Option<(u32, &'static str)> {
    let of = |room: u32, task: u32| room.checked_div(task);
    let ports = (!task.ports.is_empty()).then_some(1); // a host has each port once
    let task = task.demand;
    let kinds = [
        (ports, "host ports"),
        (of(room.cpu, task.cpu), "CPU"),
        (of(room.memory, task.memory), "memory"),
        (of(room.gpus.into(), task.gpus.into()), "GPUs"),
        (of(room.enis.into(), task.enis.into()), "interfaces"),
    ];
    let limits = kinds.into_iter().filter_map(|(places, name)| Some((places?, name)));
    limits.min_by_key(|&(places, _)| places).filter(|&(places, _)| places > 0)
}
