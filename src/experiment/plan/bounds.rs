//! What settings cost at the least, and how badly they must miss a limit, by closed forms and without a run.
//!
//! A bound holds under each seed by itself, for what the simulator says and not for AWS, or it is not given: where anything
//! could make it wrong (failures, prices that change, commitments, tasks that overflow to Fargate), nothing is known. Tests
//! run random scenarios against it.
//!
//! - An instance of a fleet that stays as it is costs its price for as long as arrivals go on.
//! - A group that scales never has fewer instances than its minimum, which cost the cheapest of its prices at the least.
//! - Who serves requests uses their CPU: no request costs less than that much of the cheapest vCPU that its service may use.
//! - A fleet that stays as it is serves no more requests than its CPU can: the rest is dropped.
//! - Nor does it hold more tasks than it has room for: those of a busy stretch must wait (`bounds/waits.rs`).

mod waits;

use super::{Floor, Goal};
use crate::base::random::Seed;
use crate::base::time::{SimSpan, SimTime};
use crate::experiment::statistics::{BILLION, Exact};
use crate::model::fargate::fargate_size_for;
use crate::model::ids::ProviderId;
use crate::model::platform::{LaunchType, Purchase};
use crate::model::traffic::{Fidelity, MICRO, WorkKind};
use crate::pricing::Price;
use crate::scenario::Scenario;
use crate::sim::setup::{GroupSetup, InstanceSetup, Launch, ServiceSetup};
use waits::Arrivals;

/// What metric bounds can be given of.
const DROPS: &str = "requests_dropped_percent";
/// Stretches in which drops are counted: whoever has waited longer than its timeout at the end of one is dropped.
const STRETCH: SimSpan = SimSpan::from_secs(3_600);
/// Microseconds in an hour.
const HOUR: f64 = 3.6e9;
/// Bounds are stated this much lower than they are: rates are floats, quantiles of histograms are rounded.
const CAUTION: f64 = 0.999;

/// Makes bounds; settings that leave arrivals as they are share what was read of them.
pub struct Bounds<'a> {
    goals: &'a [Goal],
    seeds: &'a [Seed],
    read: Option<(String, Vec<Demand>)>,
}

/// What a seed asks for.
#[derive(Clone, Default)]
struct Demand {
    /// Tasks of callers; `None` where not all is known of them.
    tasks: Option<Arrivals>,
    /// The last instant at which tasks are asked for.
    last: SimTime,
    /// Requests of each service by stretch, in the order of the services.
    requests: Vec<Vec<f64>>,
}

impl<'a> Bounds<'a> {
    /// For these goals, under these seeds.
    #[must_use]
    pub fn new(goals: &'a [Goal], seeds: &'a [Seed]) -> Bounds<'a> {
        Bounds { goals, seeds, read: None }
    }

    /// What is known of `scenario`. Where its arrivals cannot be read nothing is: the run will say why.
    #[must_use]
    pub fn floor(&mut self, scenario: &Scenario) -> Floor {
        let setup = &scenario.setup;
        let is_plain = setup.faults.is_empty()
            && scenario.failures.is_empty()
            && scenario.failure_traces.is_empty()
            && scenario.markets.is_empty()
            && setup.commitments.is_empty()
            && !setup.overflows();
        let mut floor = Floor { metrics: vec![Vec::new(); self.goals.len()], ..Floor::default() };
        if !is_plain || self.read(scenario).is_none() {
            return floor;
        }
        let demands = self.read.as_ref().map(|(_, demands)| demands.as_slice()).unwrap_or_default();
        let fleet = Fleet::of(scenario);
        let usd: Vec<f64> = demands
            .iter()
            .map(|demand| fleet.usd(scenario, demand).max(self.serving(scenario, demand)))
            .map(|usd| usd * setup.terms.least_share())
            .collect();
        if usd.iter().any(|usd| *usd > 0.0) {
            floor.usd = usd.iter().map(|usd| exact(*usd * CAUTION)).collect();
            floor.why.push("what stays, or the CPU of the requests that must be served");
        }
        for (goal, of) in self.goals.iter().enumerate().filter(|(_, of)| of.is_at_most) {
            let least = |demand: &Demand| match of.metric.as_str() {
                DROPS => fleet.dropped_percent(scenario, demand),
                metric => fleet.wait_s(scenario, demand, metric),
            };
            let values: Option<Vec<f64>> = demands.iter().map(least).collect();
            let values = values.filter(|values| values.iter().any(|value| *value > 0.0));
            if let Some(values) = values {
                floor.metrics[goal] = values.iter().map(|v| exact(*v * CAUTION)).collect();
                floor.why.push("the work is more than the fleet can do");
            }
        }
        floor
    }

    /// Reads what every seed asks for, unless the last settings asked for the same.
    fn read(&mut self, scenario: &Scenario) -> Option<()> {
        let setup = &scenario.setup;
        let works = setup.services.iter().map(|service| &service.work);
        let durations = setup.sources.iter().map(|source| (&source.duration, &source.stop_after));
        let sizes = setup.definitions.iter().map(|definition| definition.demand);
        let key = format!(
            "{:?} {:?} {:?} {:?} {:?} {}",
            scenario.workloads,
            setup.horizon,
            works.collect::<Vec<_>>(),
            durations.collect::<Vec<_>>(),
            sizes.collect::<Vec<_>>(),
            setup.epoch_s,
        );
        if self.read.as_ref().is_none_or(|(known, _)| *known != key) {
            let demands: Option<Vec<Demand>> =
                self.seeds.iter().map(|seed| demand(scenario, *seed)).collect();
            self.read = Some((key, demands?));
        }
        Some(())
    }

    /// The least that it costs to serve as many requests as the goals ask for, dollars.
    fn serving(&self, scenario: &Scenario, demand: &Demand) -> f64 {
        let limit = self.goals.iter().filter(|goal| goal.is_at_most && goal.metric == DROPS);
        let Some(percent) = limit.map(|goal| goal.limit.to_f64()).reduce(f64::min) else {
            return 0.0;
        };
        // Dollars of each request, and how many of them.
        let mut kinds: Vec<(f64, f64)> = Vec::new();
        for (service, requests) in scenario.setup.services.iter().zip(&demand.requests) {
            let Some(work) = &service.work else { continue };
            let hours = work.cpu_ms.mean() * 1_000.0 / HOUR;
            let is_known = work.kind == WorkKind::Requests && work.fidelity == Fidelity::Fluid;
            let price = if is_known { vcpu_hour(scenario, service) } else { 0.0 };
            kinds.push((hours * price, requests.iter().sum()));
        }
        // The dearest may be the ones that are dropped.
        kinds.sort_by(|l, r| r.0.total_cmp(&l.0));
        let offered: f64 = kinds.iter().map(|kind| kind.1).sum();
        let mut may_drop = offered * percent.clamp(0.0, 100.0) / 100.0;
        let mut usd = 0.0;
        for (price, count) in kinds {
            let dropped = count.min(may_drop);
            may_drop -= dropped;
            usd += price * (count - dropped);
        }
        usd
    }
}

fn exact(value: f64) -> Exact {
    Exact((value * BILLION as f64).floor() as i128)
}

/// What a seed asks for; nothing where a trace cannot be read.
fn demand(scenario: &Scenario, seed: Seed) -> Option<Demand> {
    let setup = &scenario.setup;
    let mut inputs = crate::experiment::open(scenario, seed).ok()?;
    let horizon = setup.horizon.unwrap_or(SimTime::NEVER);
    let (tasks, last) = waits::read(scenario, &mut inputs.tasks, horizon)?;
    let mut requests = Vec::new();
    for stream in &mut inputs.traffic {
        let mut stretches: Vec<f64> = Vec::new();
        if let (Some(stream), Some(end)) = (stream, setup.horizon) {
            while let Some(segment) = stream.next_segment().ok()? {
                if segment.start >= end {
                    break;
                }
                spread(&mut stretches, (segment.start, segment.end), end, segment.micro);
            }
        }
        requests.push(stretches);
    }
    Some(Demand { tasks, last, requests })
}

/// Adds the requests of a segment to the stretches that it touches.
fn spread(stretches: &mut Vec<f64>, (start, end): (SimTime, SimTime), until: SimTime, micro: u64) {
    let rate = micro as f64 / MICRO as f64 / (end.0 - start.0) as f64;
    let (mut at, end) = (start.0, end.min(until).0);
    while at < end {
        let stretch = at / STRETCH.0;
        let next = ((stretch + 1) * STRETCH.0).min(end);
        let index = stretch as usize;
        if stretches.len() <= index {
            stretches.resize(index + 1, 0.0);
        }
        stretches[index] += rate * (next - at) as f64;
        at = next;
    }
}

/// The least that a vCPU costs for an hour where a service may run, dollars; zero where that is not known.
fn vcpu_hour(scenario: &Scenario, service: &ServiceSetup) -> f64 {
    let setup = &scenario.setup;
    let fargate = |purchase: Option<Purchase>| {
        let definitions = service.revisions.iter().map(|of| &setup.definitions[of.definition]);
        let rates = setup.fargate.rates.iter();
        let rates = rates.filter(move |rate| purchase.is_none_or(|of| rate.purchase == of));
        let prices = definitions.flat_map(|definition| {
            let (cpu, memory) = definition.fargate_request;
            let size = fargate_size_for(&setup.fargate.sizes, cpu, memory).unwrap_or((1_024, 0));
            let gb_a_vcpu = f64::from(size.1) / f64::from(size.0);
            rates.clone().map(move |rate| {
                (rate.vcpu.0 as f64 + rate.memory_gb.0 as f64 * gb_a_vcpu) / BILLION as f64
            })
        });
        prices.fold(f64::INFINITY, f64::min)
    };
    let ec2 = || {
        let offers = setup.groups.iter().flat_map(|group| &group.offers);
        let all = setup.instances.iter().chain(offers);
        let is_mixed = setup.groups.iter().any(|group| group.mixed.is_some());
        let prices = all.map(|of| match (&of.price, of.registration.resources.cpu) {
            (Price::Fixed(rate), cpu) if cpu > 0 && !is_mixed => {
                rate.0 as f64 / BILLION as f64 * 1_024.0 / f64::from(cpu)
            }
            _ => 0.0,
        });
        prices.fold(f64::INFINITY, f64::min)
    };
    let price = |launch: &Launch| match launch {
        Launch::Type(LaunchType::Fargate) => fargate(Some(Purchase::OnDemand)),
        Launch::Type(LaunchType::Ec2) => ec2(),
        Launch::Providers(shares) => {
            let of = |provider: ProviderId| match setup.providers[provider].launch {
                LaunchType::Fargate => fargate(Some(setup.providers[provider].purchase)),
                LaunchType::Ec2 => ec2(),
            };
            shares.iter().map(|share| of(share.provider)).fold(f64::INFINITY, f64::min)
        }
        Launch::Start(_) => 0.0,
    };
    let price = service.launches.iter().map(price).fold(f64::INFINITY, f64::min);
    if price.is_finite() { price } else { 0.0 }
}

/// What stays as it is for the whole run.
struct Fleet<'a> {
    /// Instances that nothing launches or ends.
    stays: Vec<&'a InstanceSetup>,
    /// Whether that is all of the fleet.
    is_all: bool,
}

impl<'a> Fleet<'a> {
    fn of(scenario: &'a Scenario) -> Fleet<'a> {
        let setup = &scenario.setup;
        let group = |provider| setup.groups.iter().find(|group| group.provider == provider);
        let stays = setup.instances.iter().filter(|of| {
            let provider = of.registration.provider;
            let is_bought = setup.providers[provider].purchase == Purchase::OnDemand;
            is_bought && group(provider).is_none_or(is_still)
        });
        let stays: Vec<_> = stays.collect();
        let is_all = stays.len() == setup.instances.len() && setup.groups.iter().all(is_still);
        Fleet { stays, is_all }
    }

    /// What it costs at the least, dollars.
    fn usd(&self, scenario: &Scenario, demand: &Demand) -> f64 {
        let setup = &scenario.setup;
        let end = match setup.horizon {
            // Services go on to the horizon; without any, a run ends with its last task.
            Some(horizon) if !setup.services.is_empty() => horizon,
            Some(horizon) => horizon.min(demand.last),
            None => demand.last,
        };
        let price = |of: &&InstanceSetup| match &of.price {
            Price::Fixed(rate) => rate.0 as f64 / BILLION as f64,
            Price::Steps(_) => 0.0,
        };
        let least =
            |group: &GroupSetup| match group.offers.iter().map(|of| price(&of)).reduce(f64::min) {
                Some(price) if keeps_its_minimum(group) => f64::from(group.min) * price,
                _ => 0.0,
            };
        let hourly =
            self.stays.iter().map(price).sum::<f64>() + setup.groups.iter().map(least).sum::<f64>();
        hourly * end.0 as f64 / HOUR
    }

    /// Whether tasks of these launches run on this fleet and nowhere else.
    fn holds_all<'l>(
        &self,
        scenario: &Scenario,
        mut launches: impl Iterator<Item = &'l Launch>,
    ) -> bool {
        let is_here = |launch: &Launch| match launch {
            Launch::Type(kind) => *kind == LaunchType::Ec2,
            Launch::Start(_) => true,
            Launch::Providers(shares) => shares
                .iter()
                .all(|share| scenario.setup.providers[share.provider].launch == LaunchType::Ec2),
        };
        self.is_all && launches.all(is_here)
    }

    /// The least share of requests that is dropped, per cent; zero where nothing is known.
    fn dropped_percent(&self, scenario: &Scenario, demand: &Demand) -> Option<f64> {
        let setup = &scenario.setup;
        let services = || setup.services.iter();
        let works = services().filter_map(|service| service.work.as_ref());
        let is_known = works.clone().all(|work| {
            work.kind == WorkKind::Requests
                && work.fidelity == Fidelity::Fluid
                && work.timeout <= STRETCH
        });
        let least_cpu = works.clone().map(|work| work.cpu_ms.mean()).fold(f64::INFINITY, f64::min);
        let timeout = works.map(|work| work.timeout.0).max()?;
        if !is_known || !self.holds_all(scenario, services().flat_map(|service| &service.launches))
        {
            return None;
        }
        let cpu: u64 = self.stays.iter().map(|of| u64::from(of.registration.resources.cpu)).sum();
        let horizon = setup.horizon?.0;
        let stretches = demand.requests.iter().map(Vec::len).max()?;
        let (mut offered, mut dropped) = (0.0, 0.0);
        for stretch in 0..stretches {
            let start = stretch as u64 * STRETCH.0;
            let until = (start + STRETCH.0 + timeout).min(horizon);
            let cpu_ms = cpu as f64 / 1_024.0 * (until - start) as f64 / 1_000.0;
            let mut work = 0.0;
            for (service, requests) in services().zip(&demand.requests) {
                let count = requests.get(stretch).copied().unwrap_or(0.0);
                let Some(of) = &service.work else { continue };
                offered += count;
                work += count * of.cpu_ms.mean();
            }
            // The work that is left over, in requests of the costliest kind: the fewest.
            let most_cpu = services().filter_map(|service| service.work.as_ref());
            let most_cpu = most_cpu.map(|work| work.cpu_ms.mean()).fold(least_cpu, f64::max);
            dropped += (work - cpu_ms).max(0.0) / most_cpu;
        }
        (offered > 0.0 && dropped.is_finite()).then(|| 100.0 * dropped / offered)
    }

    /// The least of a metric of waiting, seconds; zero where nothing is known.
    fn wait_s(&self, scenario: &Scenario, demand: &Demand, metric: &str) -> Option<f64> {
        let setup = &scenario.setup;
        let launches = setup.sources.iter().map(|source| &source.launch);
        if !setup.services.is_empty() || !self.holds_all(scenario, launches) {
            return None;
        }
        let room = self.stays.iter().fold((0u64, 0u64), |(cpu, memory), of| {
            let has = of.registration.resources;
            (cpu + u64::from(has.cpu), memory + u64::from(has.memory))
        });
        demand.tasks.as_ref()?.least_wait_s(metric, room)
    }
}

/// Whether a group keeps the instances that it begins with, and gets no others.
fn is_still(group: &GroupSetup) -> bool {
    group.managed.is_none() && group.scaling.is_none() && is_left_alone(group)
}

/// Whether a group scales, and never below its minimum.
fn keeps_its_minimum(group: &GroupSetup) -> bool {
    !is_still(group) && is_left_alone(group)
}

/// Whether nothing but policies of scaling changes a group of On-Demand instances.
fn is_left_alone(group: &GroupSetup) -> bool {
    group.instances.is_none()
        && group.mixed.is_none()
        && group.purchase == Purchase::OnDemand
        && group.changes.is_empty()
        && group.refreshes.is_empty()
        && group.lifetime.is_none()
        && group.shortages.is_empty()
        && group.zoning.shifts.is_empty()
        && group.warm_pool.is_none()
}
