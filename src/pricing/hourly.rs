//! Usage by the clock hour: what commitments are applied to, and what `cost_hourly.csv` spreads the bill over.
//!
//! Adding a life is a few additions, however long it lasts: the hours that it begins and ends in get their part, and the
//! whole hours between are marked as a step up and a step down. Memory grows with hours and lines, not with tasks.

use super::by_service::EndedPromise;
use super::invoice::Category;
use super::invoice::{FargateAccount, fargate_lines, platform_name};
use super::meter::{FargateTask, FargateUsage, ec2_billed, fargate_billed};
use super::price::Price;
use super::reservations::{ReservationKind, Reservations};
use super::split::{CpuMemory, SplitWeights};
use crate::base::money::{HourlyRate, MICROS_PER_HOUR};
use crate::base::sums::Sums;
use crate::base::time::{SimSpan, SimTime};
use crate::model::fargate::FargateRate;
use crate::model::ids::{InstanceId, ProviderId, ServiceId, ZoneId};
use crate::model::platform::Purchase;
use std::collections::BTreeMap;

/// Microseconds in a clock hour.
const HOUR: u64 = MICROS_PER_HOUR as u64;
/// A whole instance in the fixed-point shares of [`HourlyUsage::promise`].
pub(super) const WHOLE: u64 = 1 << 32;

/// Amounts by the clock hour, as they grow.
#[derive(Clone, Debug, Default)]
pub struct Hours {
    /// What falls into an hour by itself.
    parts: Vec<u128>,
    /// How much more, or less, every hour has from this one on.
    steps: Vec<i128>,
}

impl Hours {
    /// Adds `weight` a microsecond for `[from, until)`, in microseconds since the first clock hour began.
    pub fn add(&mut self, from: u64, until: u64, weight: u64) {
        if from >= until {
            return;
        }
        let (first, last) = ((from / HOUR) as usize, ((until - 1) / HOUR) as usize);
        if self.parts.len() <= last {
            self.parts.resize(last + 1, 0);
            self.steps.resize(last + 1, 0);
        }
        let weigh = |micros: u64| u128::from(micros) * u128::from(weight);
        if first == last {
            self.parts[first] += weigh(until - from);
            return;
        }
        self.parts[first] += weigh(HOUR - from % HOUR);
        self.parts[last] += weigh(until - last as u64 * HOUR);
        if last > first + 1 {
            self.steps[first + 1] += weigh(HOUR) as i128;
            self.steps[last] -= weigh(HOUR) as i128;
        }
    }

    /// Adds an amount to one hour.
    pub fn put(&mut self, hour: usize, amount: u128) {
        if self.parts.len() <= hour {
            self.parts.resize(hour + 1, 0);
            self.steps.resize(hour + 1, 0);
        }
        self.parts[hour] += amount;
    }

    /// Adds the amounts of each hour to `to`; what lies behind its end falls into the last.
    pub fn add_to(&self, to: &mut [u128]) {
        let Some(end) = to.len().checked_sub(1) else { return };
        let mut level = 0;
        for (hour, (part, step)) in self.parts.iter().zip(&self.steps).enumerate() {
            level += step;
            to[hour.min(end)] += part + level as u128;
        }
    }
}

/// Whose usage an amount is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Holder {
    /// Tasks of callers.
    Callers,
    /// Tasks of a service.
    Service(ServiceId),
    /// Time of instances that no task was promised.
    Idle,
}

impl From<Option<ServiceId>> for Holder {
    fn from(service: Option<ServiceId>) -> Holder {
        service.map_or(Holder::Callers, Holder::Service)
    }
}

/// Usage that is priced alike in one zone: a line of the bill, by zone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct UsageKey {
    /// Capacity provider; none for slots of capacity reservations.
    pub provider: Option<ProviderId>,
    /// What is charged for.
    pub category: Category,
    /// Instance type or platform.
    pub item: String,
    /// Price of a unit for an hour.
    pub rate: HourlyRate,
    /// Availability Zone of instances.
    pub zone: Option<ZoneId>,
}

/// One key's usage: of each hour, in all and by holder.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HourlyLine {
    /// Part-microseconds of each hour.
    pub usage: Vec<u128>,
    /// What of it each holder has, in weights that are the same over the key; of instances the rest is idle.
    pub held: BTreeMap<Holder, Vec<u128>>,
}

/// Instances that are priced alike in one zone: provider, type, purchase, price, zone.
type InstanceKey = (ProviderId, u32, Purchase, HourlyRate, ZoneId);

/// What a promise was worth, kept while its instance may turn out to cost nothing.
#[derive(Clone, Copy, Debug)]
struct Young {
    key: InstanceKey,
    service: Option<ServiceId>,
    from: u64,
    until: u64,
    weight: u64,
}

/// Size of a Fargate task: CPU units, MiB, GiB of storage.
type Size = (u32, u32, u16);

/// How long whose tasks of which size ran.
type BySize = BTreeMap<(Option<ServiceId>, Size), Hours>;

/// Usage by the clock hour while a run goes on.
#[derive(Clone, Debug)]
pub struct HourlyUsage {
    /// How much of the first clock hour was over when the run began, microseconds.
    offset: u64,
    promised: Sums<(InstanceKey, Option<ServiceId>), Hours>,
    young: BTreeMap<InstanceId, Vec<Young>>,
    instances: BTreeMap<UsageKey, Hours>,
    /// By price list: whose tasks of which size (CPU units, MiB, GiB of storage) ran for how long.
    fargate: Vec<(ProviderId, FargateRate, BySize)>,
    /// Slots of capacity that are paid with or without an instance.
    reservations: Reservations,
}

impl HourlyUsage {
    /// Of a run that begins `into_hour` after a full hour of the clock.
    #[must_use]
    pub fn new(into_hour: SimSpan, reservations: Reservations) -> HourlyUsage {
        HourlyUsage {
            offset: into_hour.0 % HOUR,
            promised: Sums::default(),
            young: BTreeMap::new(),
            instances: BTreeMap::new(),
            fargate: Vec::new(),
            reservations,
        }
    }

    fn clock(&self, at: SimTime) -> u64 {
        at.0 + self.offset
    }

    /// Length of each clock hour of a run that ends at `end`: the first and the last may be cut.
    #[must_use]
    pub fn lengths(&self, end: SimTime) -> Vec<SimSpan> {
        let (begin, end) = (self.offset, self.clock(end));
        let hours = end.div_ceil(HOUR);
        let length = |hour: u64| (end.min((hour + 1) * HOUR)) - begin.max(hour * HOUR);
        (0..hours).map(|hour| SimSpan(length(hour))).collect()
    }

    /// When each clock hour began, as the run sees it; the first may have begun before the run, which is time zero.
    #[must_use]
    pub fn begins(&self, hour: usize) -> SimTime {
        SimTime((hour as u64 * HOUR).saturating_sub(self.offset))
    }

    /// Adds one start of an instance, billed as [`super::Bill::instance`] does; with the reservation that it was launched
    /// into, if it was.
    pub fn instance(
        &mut self,
        (provider, purchase, zone): (ProviderId, Purchase, ZoneId),
        (instance_type, reservation): (&str, Option<usize>),
        price: &Price,
        (running, until): (SimTime, SimTime),
    ) {
        let mut at = running;
        let billed = (running, running + ec2_billed(running, until));
        if let Some(reservation) = reservation {
            self.reservations.instance_of(reservation, billed);
        } else if purchase == Purchase::OnDemand && self.reservations.are_for(provider) {
            self.reservations.instance(instance_type, zone, billed);
        }
        for (rate, span) in price.pieces(running, running + ec2_billed(running, until)) {
            let (from, until) = (self.clock(at), self.clock(at + span));
            let (category, item) = (Category::of_instances(purchase), instance_type.to_string());
            let key = UsageKey { provider: Some(provider), category, item, rate, zone: Some(zone) };
            self.instances.entry(key).or_default().add(from, until, 1);
            at = at + span;
        }
    }

    /// Adds a promise on an instance in a zone.
    pub fn promise(
        &mut self,
        weights: SplitWeights,
        price: &Price,
        promise: &EndedPromise,
        (zone, service): (ZoneId, Option<ServiceId>),
    ) {
        let weigh = |size: CpuMemory| weights.weigh(size.cpu.into(), size.memory.into());
        let (part, whole) = (weigh(promise.task), weigh(promise.instance));
        let weight = (part * u128::from(WHOLE)).checked_div(whole).unwrap_or(0) as u64;
        let mut at = promise.from;
        for (rate, span) in price.pieces(promise.from, promise.until) {
            let key = (promise.provider, promise.instance_type, promise.purchase, rate, zone);
            let (from, until) = (self.clock(at), self.clock(at + span));
            self.promised.at((key, service)).add(from, until, weight);
            if let Some(instance) = promise.young {
                let one = Young { key, service, from, until, weight };
                self.young.entry(instance).or_default().push(one);
            }
            at = at + span;
        }
    }

    /// An instance is old enough, or gone: it will be paid for.
    pub fn is_paid(&mut self, instance: InstanceId) {
        self.young.remove(&instance);
    }

    /// An instance costs nothing: its promises were at no price.
    pub fn forgive(&mut self, instance: InstanceId) {
        for Young { key, service, from, until, weight } in
            self.young.remove(&instance).unwrap_or_default()
        {
            let mut taken = Hours::default();
            taken.add(from, until, weight);
            let (provider, kind, purchase, _, zone) = key;
            let free = (provider, kind, purchase, HourlyRate::default(), zone);
            self.promised.at((free, service)).add(from, until, weight);
            if let Some(hours) = self.promised.get_mut(&(key, service)) {
                for (hour, (part, step)) in taken.parts.iter().zip(&taken.steps).enumerate() {
                    hours.parts[hour] -= part;
                    hours.steps[hour] -= step;
                }
            }
        }
    }

    /// Adds a Fargate task.
    pub fn fargate_task(
        &mut self,
        provider: ProviderId,
        rate: &FargateRate,
        task: &FargateTask,
        service: Option<ServiceId>,
    ) {
        let known = self.fargate.iter().position(|(of, at, _)| *of == provider && at == rate);
        let index = known.unwrap_or_else(|| {
            self.fargate.push((provider, *rate, BTreeMap::new()));
            self.fargate.len() - 1
        });
        let from = self.clock(task.pull_started);
        let until = from + fargate_billed(rate.os, task).0;
        let size = (task.cpu, task.memory, task.ephemeral_gib);
        self.fargate[index].2.entry((service, size)).or_default().add(from, until, 1);
    }

    /// Capacity reservations of the run.
    #[must_use]
    pub fn reservations(&self) -> &Reservations {
        &self.reservations
    }

    /// Slots that nobody was in are idle, and belong to no capacity provider.
    fn add_unused_slots(&self, end: SimTime, lines: &mut BTreeMap<UsageKey, HourlyLine>) {
        let mut unused: BTreeMap<UsageKey, Hours> = BTreeMap::new();
        for piece in self.reservations.unused(end) {
            let of = &self.reservations.all()[piece.reservation];
            if of.kind != ReservationKind::OnDemand && of.rate == HourlyRate(0) {
                continue; // somebody else's
            }
            let (category, item) = (of.kind.unused(), of.instance_type.clone());
            let (rate, zone) = (of.rate, Some(of.zone));
            let key = UsageKey { provider: None, category, item, rate, zone };
            let (from, until) = (self.clock(piece.from), self.clock(piece.until));
            unused.entry(key).or_default().add(from, until, piece.slots);
        }
        for (key, of) in unused {
            let line = line_of(lines, key, self.lengths(end).len());
            of.add_to(&mut line.usage);
            let idle = line.usage.iter().map(|micros| micros * u128::from(WHOLE)).collect();
            line.held.insert(Holder::Idle, idle);
        }
    }

    /// All lines, hour by hour, of a run that ends at `end`; `types` are the names of instance types by their numbers.
    #[must_use]
    pub fn lines(&self, end: SimTime, types: &[&str]) -> BTreeMap<UsageKey, HourlyLine> {
        let hours = self.lengths(end).len();
        let mut lines: BTreeMap<UsageKey, HourlyLine> = BTreeMap::new();
        for (key, of) in &self.instances {
            let line = line_of(&mut lines, key.clone(), hours);
            of.add_to(&mut line.usage);
            let idle = line.usage.iter().map(|micros| micros * u128::from(WHOLE)).collect();
            line.held.insert(Holder::Idle, idle);
        }
        for &(((provider, kind, purchase, rate, zone), service), ref of) in self.promised.in_order()
        {
            let item = types[kind as usize].to_string();
            let category = Category::of_instances(purchase);
            let key = UsageKey { provider: Some(provider), category, item, rate, zone: Some(zone) };
            let line = line_of(&mut lines, key, hours);
            let mut held = vec![0; hours];
            of.add_to(&mut held);
            if let Some(idle) = line.held.get_mut(&Holder::Idle) {
                // Promises may be above what is there by what rounding adds.
                idle.iter_mut()
                    .zip(&held)
                    .for_each(|(idle, held)| *idle = idle.saturating_sub(*held));
            }
            line.held.insert(service.into(), held);
        }
        self.add_unused_slots(end, &mut lines);
        for (provider, rate, by_size) in &self.fargate {
            for (&(service, size), of) in by_size {
                let mut micros = vec![0; hours];
                of.add_to(&mut micros);
                let (cpu, memory, ephemeral_gib) = size;
                let task = FargateTask {
                    cpu,
                    memory,
                    ephemeral_gib,
                    pull_started: SimTime::ZERO,
                    stopped: SimTime::ZERO,
                };
                let mut usage = FargateUsage::default();
                usage.add_span(1, &task);
                let account = FargateAccount { provider: *provider, rate: *rate, usage };
                for (category, price, each) in fargate_lines(&account) {
                    let (provider, item) = (Some(*provider), platform_name(rate));
                    let key = UsageKey { provider, category, item, rate: price, zone: None };
                    let line = line_of(&mut lines, key, hours);
                    let held = line.held.entry(service.into()).or_insert_with(|| vec![0; hours]);
                    for ((held, all), micros) in held.iter_mut().zip(&mut line.usage).zip(&micros) {
                        *held += micros * each;
                        *all += micros * each;
                    }
                }
            }
        }
        lines
    }
}

fn line_of(
    lines: &mut BTreeMap<UsageKey, HourlyLine>,
    key: UsageKey,
    hours: usize,
) -> &mut HourlyLine {
    let empty = || HourlyLine { usage: vec![0; hours], held: BTreeMap::new() };
    lines.entry(key).or_insert_with(empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against adding each hour's part by itself.
    #[test]
    fn a_life_falls_into_the_hours_that_it_touches() {
        for (from, until) in
            [(0, 1), (0, HOUR), (5, HOUR + 7), (HOUR - 1, 3 * HOUR + 1), (HOUR, 4 * HOUR)]
        {
            let mut hours = Hours::default();
            hours.add(from, until, 3);
            let mut found = [0; 5];
            hours.add_to(&mut found);
            let slow: Vec<u128> = (0..5)
                .map(|h| (until.min((h + 1) * HOUR)).saturating_sub(from.max(h * HOUR)))
                .map(|micros| u128::from(micros) * 3)
                .collect();
            assert_eq!(found.to_vec(), slow, "{from} to {until}");
        }
    }
}
