//! Whose the lines of a bill are: each line is cut into the parts of services, of callers, and of nobody.
//!
//! Fargate usage belongs to the task that it was metered for. An instance's time belongs to its tasks by what they were
//! promised of its CPU and memory (see [`super::split`]); the rest is idle. The parts of a line add up to it exactly, in
//! usage and in dollars: each is charged as the difference of two running totals.

use super::fees::Fees;
use super::hourly::Holder;
use super::invoice::{Category, FargateAccount, Invoice, Line, fargate_lines, platform_name};
use super::meter::{FargateTask, FargateUsage};
use super::price::Price;
use super::settle::{Covers, name_of};
use super::split::{CpuMemory, SplitWeights};
use crate::base::id::Column;
use crate::base::money::HourlyRate;
use crate::base::sums::Sums;
use crate::base::time::SimTime;
use crate::model::fargate::FargateRate;
use crate::model::ids::{InstanceId, ProviderId, ServiceId};
use crate::model::platform::Purchase;
use std::collections::BTreeMap;

/// Which line of a bill.
pub(super) type LineKey = (Option<ProviderId>, Category, String, HourlyRate);

/// Whose promises: provider, number of the type, how the instance is bought, its price, service.
type PromiseKey = (ProviderId, u32, Purchase, HourlyRate, Option<ServiceId>);

/// Usage by whom: a service, or `None` for the tasks of callers.
type Parts = BTreeMap<Option<ServiceId>, u128>;

/// Usage by service while a run goes on. Memory grows with the lines of the bill and the services, not with tasks.
#[derive(Clone, Debug, Default)]
pub struct UsageByService {
    /// Names of instance types, and their numbers here.
    types: BTreeMap<String, u32>,
    /// Instance-microseconds that promises cover.
    promised: Sums<PromiseKey, u128>,
    /// The same of instances in their first hour: should EC2 take them back, they cost nothing.
    young: BTreeMap<InstanceId, BTreeMap<PromiseKey, u128>>,
    fargate: BTreeMap<(ProviderId, u32, Option<ServiceId>), FargateUsage>,
    /// Prices of Fargate by their numbers above: a handful.
    rates: Vec<FargateRate>,
}

/// A promise that has ended.
#[derive(Clone, Copy, Debug)]
pub struct EndedPromise {
    /// The instance's provider.
    pub provider: ProviderId,
    /// Number of its type; see [`UsageByService::number_of_type`].
    pub instance_type: u32,
    /// How the instance is bought.
    pub purchase: Purchase,
    /// What the instance registered.
    pub instance: CpuMemory,
    /// What the task was promised of it.
    pub task: CpuMemory,
    /// From when.
    pub from: SimTime,
    /// Until when.
    pub until: SimTime,
    /// The instance, where it may turn out to cost nothing yet.
    pub young: Option<InstanceId>,
}

impl UsageByService {
    /// The number of an instance type for [`EndedPromise`].
    pub fn number_of_type(&mut self, name: &str) -> u32 {
        if let Some(&known) = self.types.get(name) {
            return known;
        }
        let number = self.types.len() as u32;
        self.types.insert(name.to_owned(), number);
        number
    }

    /// Adds a promise on an instance at `price`.
    pub fn promise(
        &mut self,
        weights: SplitWeights,
        price: &Price,
        promise: &EndedPromise,
        service: Option<ServiceId>,
    ) {
        let weigh = |size: CpuMemory| weights.weigh(size.cpu.into(), size.memory.into());
        let (part, whole) = (weigh(promise.task), weigh(promise.instance));
        for (rate, span) in price.pieces(promise.from, promise.until) {
            let share = (u128::from(span.0) * part).checked_div(whole).unwrap_or(0);
            let key = (promise.provider, promise.instance_type, promise.purchase, rate, service);
            *self.promised.at(key) += share;
            if let Some(instance) = promise.young {
                *self.young.entry(instance).or_default().entry(key).or_default() += share;
            }
        }
    }

    /// An instance is old enough, or gone: it will be paid for.
    pub fn is_paid(&mut self, instance: InstanceId) {
        self.young.remove(&instance);
    }

    /// An instance costs nothing: its promises were at no price.
    pub fn forgive(&mut self, instance: InstanceId) {
        for (key, share) in self.young.remove(&instance).unwrap_or_default() {
            if let Some(usage) = self.promised.get_mut(&key) {
                *usage -= share;
            }
            let (provider, kind, purchase, _, service) = key;
            let free = (provider, kind, purchase, HourlyRate::default(), service);
            *self.promised.at(free) += share;
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
        let number = self.rates.iter().position(|known| known == rate).unwrap_or_else(|| {
            self.rates.push(*rate);
            self.rates.len() - 1
        });
        self.fargate.entry((provider, number as u32, service)).or_default().add(rate.os, task);
    }

    /// The names of instance types by their numbers.
    #[must_use]
    pub fn names_of_types(&self) -> Vec<&str> {
        let mut names = vec![""; self.types.len()];
        for (name, &number) in &self.types {
            names[number as usize] = name;
        }
        names
    }

    /// The lines of `invoice`, cut into parts: callers first, then services in their order, what is idle last. What
    /// `covers` takes from a line comes on lines behind all others.
    #[must_use]
    pub(super) fn split(
        &self,
        invoice: Invoice,
        fees: &Fees,
        names: &Column<ServiceId, String>,
        covers: Option<&Covers<'_>>,
    ) -> Invoice {
        let mut parts = self.parts(fees);
        let mut lines = Vec::new();
        for line in invoice.lines {
            let key = (line.provider, line.category, line.item.clone(), line.rate);
            let mut holders = holders(&line, parts.remove(&key).unwrap_or_default());
            if let Some(covers) = covers {
                covers.take_from(&key, &mut holders);
            }
            lines.extend(cut(&line, &holders, names));
        }
        if let Some(covers) = covers {
            lines.extend(covers.lines(names));
        }
        Invoice { lines }
    }

    fn parts(&self, fees: &Fees) -> BTreeMap<LineKey, Parts> {
        let mut parts: BTreeMap<LineKey, Parts> = BTreeMap::new();
        let names = self.names_of_types();
        for &((provider, kind, purchase, rate, service), usage) in self.promised.in_order() {
            let name = names[kind as usize];
            let category = Category::of_instances(purchase);
            let key = (Some(provider), category, name.to_owned(), rate);
            *parts.entry(key).or_default().entry(service).or_default() += usage;
            if let Some(fee) = fees.of(provider, name) {
                // A fee belongs to whom the instance belongs, whatever EC2 charges for it.
                let key = (Some(provider), fee.category, name.to_owned(), fee.rate);
                *parts.entry(key).or_default().entry(service).or_default() += usage;
            }
        }
        for (&(provider, number, service), &usage) in &self.fargate {
            let account = FargateAccount { provider, rate: self.rates[number as usize], usage };
            let item = platform_name(&account.rate);
            for (category, rate, amount) in fargate_lines(&account) {
                let key = (Some(provider), category, item.clone(), rate);
                *parts.entry(key).or_default().entry(service).or_default() += amount;
            }
        }
        parts
    }
}

/// Who has how much of a line: together all of it, what nobody has last.
fn holders(line: &Line, parts: Parts) -> Vec<(Holder, u128)> {
    let mut left = line.usage;
    let mut holders = Vec::with_capacity(parts.len() + 1);
    for (service, usage) in parts {
        // Shares are rounded down, so together they are never more than there is.
        let usage = usage.min(left);
        left -= usage;
        holders.push((service.into(), usage));
    }
    let rest = if line.category.is_of_instances() { Holder::Idle } else { Holder::Callers };
    holders.push((rest, left));
    holders
}

/// A line as the parts of its holders, each charged as the difference of two running totals.
fn cut(line: &Line, holders: &[(Holder, u128)], names: &Column<ServiceId, String>) -> Vec<Line> {
    let mut upto = 0;
    let mut lines = Vec::new();
    for &(holder, usage) in holders.iter().filter(|(_, usage)| *usage > 0) {
        let usd = line.charge(upto + usage) - line.charge(upto);
        let (service, is_idle) = (name_of(holder, names), holder == Holder::Idle);
        lines.push(Line { service, is_idle, usage, usd, ..line.clone() });
        upto += usage;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::money::{MICROS_PER_HOUR, NanoUsd};
    use crate::base::time::SimSpan;
    use crate::pricing::Bill;

    #[test]
    fn the_parts_of_a_line_add_up_to_it_and_what_no_promise_covers_is_idle() {
        let price = Price::Fixed(HourlyRate::parse("0.1").unwrap());
        let end = SimTime::ZERO + SimSpan::from_secs(3_600);
        let mut bill = Bill::new();
        bill.instance(ProviderId(0), "m5.large", Purchase::OnDemand, &price, SimTime::ZERO, end);
        let invoice = bill.invoice();
        let mut usage = UsageByService::default();
        let instance_type = usage.number_of_type("m5.large");
        let instance = CpuMemory { cpu: 2_048, memory: 8_192 };
        for (service, cpu, memory) in
            [(Some(ServiceId(0)), 1_024, 4_096), (Some(ServiceId(1)), 512, 2_048), (None, 0, 100)]
        {
            let task = CpuMemory { cpu, memory };
            let promise = EndedPromise {
                provider: ProviderId(0),
                instance_type,
                purchase: Purchase::OnDemand,
                instance,
                task,
                from: SimTime::ZERO,
                until: end,
                young: None,
            };
            usage.promise(SplitWeights::default(), &price, &promise, service);
        }
        let names = ["api", "web"].map(String::from).into_iter().collect();
        let total = invoice.total();
        let split = usage.split(invoice, &Fees::default(), &names, None);
        assert_eq!(split.total(), total);
        let told: Vec<_> =
            split.lines.iter().map(|l| (l.service.as_str(), l.is_idle, l.usd)).collect();
        // Half, a quarter, and 100 MiB of an instance that weighs 2 · 9 + 8 = 26: 0.09765625 ÷ 26 of 0.1 $.
        assert_eq!(
            told,
            [
                ("", false, NanoUsd(375_601)),
                ("api", false, NanoUsd(50_000_000)),
                ("web", false, NanoUsd(25_000_000)),
                ("", true, NanoUsd(24_624_399)),
            ]
        );
        assert_eq!(split.lines.iter().map(|l| l.usage).sum::<u128>(), MICROS_PER_HOUR);
    }
}
