//! Whose the whole bill is: every dollar to a caller, a service, or to what is idle, by AWS's split cost allocation.
//!
//! | Rule | Source |
//! | --- | --- |
//! | a vCPU weighs 9, a GB 1, a GPU 90 | documented, Data Exports user guide |
//! | by instance and clock hour a task has what it reserved or used, whichever is more | documented |
//! | what nobody had is given to the hour's tasks in proportion, a resource at a time | documented |
//! | it is the amortised cost that is shared: what commitments cover costs what it does under them | documented |
//! | an hour of an instance without a task, and what of commitments nobody used, stay by themselves | documented, in part inferred |
//!
//! Both views come of one sharing. With idle apart, a task has what it used; with AWS's method also its part of the unused.
//! In either the rows add up to the bill to the nano-dollar: what an hour's lines cost is spread over weights.
//!
//! It is kept where somebody asks for it only: memory grows with the hours of instances and with who had them.

mod split;

pub use split::{Amounts, HourSplit, split_hour};

use super::hourly::WHOLE;
use super::invoice::{Category, FargateAccount, Line, fargate_lines, platform_name};
use super::meter::{FargateTask, FargateUsage, fargate_billed};
use super::price::Price;
use super::settle::{Closed, spread};
use crate::base::money::{HourlyRate, MICROS_PER_HOUR, NanoUsd};
use crate::base::time::{SimSpan, SimTime};
use crate::model::fargate::FargateRate;
use crate::model::ids::{InstanceId, ProviderId, SourceId};
use std::collections::BTreeMap;

/// Microseconds in a clock hour.
const HOUR: u64 = MICROS_PER_HOUR as u64;

/// What a row of the allocation is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Use {
    /// What tasks had.
    Tasks,
    /// What nobody had of instances.
    Idle,
    /// What of commitments nobody used.
    Commitments,
    /// What is charged beside compute and is nobody's alone.
    Shared,
}

/// A part of the bill.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Allocated {
    /// Capacity provider.
    pub provider: Option<ProviderId>,
    /// Caller or service: callers have the first numbers.
    pub owner: Option<SourceId>,
    /// What it is.
    pub use_of: Use,
    /// With idle apart.
    pub usd: NanoUsd,
    /// What AWS's method adds to it of what nobody had; it takes that from what is idle.
    pub unused: NanoUsd,
}

impl Allocated {
    /// By AWS's method.
    #[must_use]
    pub fn split(&self) -> NanoUsd {
        self.usd + self.unused
    }
}

/// Who had what of an hour, of one kind of line.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Part {
    Used(SourceId),
    Unused(SourceId),
    Idle,
}

/// Parts of an hour's instances, in microseconds in fixed point.
type Parts = BTreeMap<Part, u128>;

/// Instances that are priced alike: provider, category, type, price.
type Kind = (ProviderId, Category, String, HourlyRate);

/// An instance while it was there.
#[derive(Clone, Copy, Debug)]
pub struct InstanceSpan {
    /// When EC2 began to bill it.
    pub from: SimTime,
    /// Until when it was billed.
    pub until: SimTime,
    /// What it registered.
    pub whole: Amounts,
}

/// What is allocated, as it grows.
#[derive(Clone, Debug, Default)]
pub struct Allocation {
    /// How much of the first clock hour was over when the run began, microseconds.
    offset: u64,
    /// Who had what of each instance, by the clock hour.
    had: BTreeMap<InstanceId, BTreeMap<u64, BTreeMap<SourceId, Amounts>>>,
    /// The same as parts of its lines, when an instance's bill is made.
    parts: BTreeMap<Kind, BTreeMap<u64, Parts>>,
    /// Fargate's usage by who asked for it.
    fargate: Vec<(ProviderId, FargateRate, BTreeMap<SourceId, FargateUsage>)>,
    /// How long Fargate tasks lasted, microseconds.
    lasted: BTreeMap<ProviderId, BTreeMap<SourceId, u128>>,
}

impl Allocation {
    /// Of a run that begins `into_hour` after a full hour of the clock.
    #[must_use]
    pub fn new(into_hour: SimSpan) -> Allocation {
        Allocation { offset: into_hour.0 % HOUR, ..Allocation::default() }
    }

    fn hours(&self, from: SimTime, until: SimTime) -> impl Iterator<Item = (u64, u64)> + use<> {
        let (from, until) = (from.0 + self.offset, until.0 + self.offset);
        (from / HOUR..until.div_ceil(HOUR)).map(move |hour| {
            let (begin, end) = (from.max(hour * HOUR), until.min((hour + 1) * HOUR));
            (hour, end.saturating_sub(begin))
        })
    }

    /// How long an instance was there in an hour, microseconds.
    fn within(&self, hour: u64, span: &InstanceSpan) -> u64 {
        let (from, until) = (span.from.0 + self.offset, span.until.0 + self.offset);
        until.min((hour + 1) * HOUR).saturating_sub(from.max(hour * HOUR))
    }

    fn add(&mut self, instance: InstanceId, hour: u64, owner: SourceId, amounts: Amounts) {
        let hours = self.had.entry(instance).or_default();
        hours.entry(hour).or_default().entry(owner).or_default().add(amounts);
    }

    /// A task of `owner` was promised `size` of an instance.
    pub fn promise(
        &mut self,
        (instance, owner): (InstanceId, SourceId),
        size: Amounts,
        (from, until): (SimTime, SimTime),
    ) {
        for (hour, micros) in self.hours(from, until) {
            self.add(instance, hour, owner, size.over(micros));
        }
    }

    /// A task of `owner` used so much more than it reserved, in part-microseconds, in the clock hour before `until`.
    pub fn excess(
        &mut self,
        (instance, owner): (InstanceId, SourceId),
        more: Amounts,
        until: SimTime,
    ) {
        let hour = (until.0 + self.offset).saturating_sub(1) / HOUR;
        self.add(instance, hour, owner, more);
    }

    /// The clock hour that an instant falls into.
    #[must_use]
    pub fn hour_of(&self, at: SimTime) -> u64 {
        (at.0 + self.offset) / HOUR
    }

    /// Adds a Fargate task.
    pub fn fargate_task(
        &mut self,
        (provider, owner): (ProviderId, SourceId),
        rate: &FargateRate,
        task: &FargateTask,
    ) {
        let known = self.fargate.iter().position(|(of, at, _)| *of == provider && at == rate);
        let index = known.unwrap_or_else(|| {
            self.fargate.push((provider, *rate, BTreeMap::new()));
            self.fargate.len() - 1
        });
        self.fargate[index].2.entry(owner).or_default().add(rate.os, task);
        let lasted = self.lasted.entry(provider).or_default();
        *lasted.entry(owner).or_default() += u128::from(fargate_billed(rate.os, task).0);
    }

    /// The bill of an instance is made: whose each of its hours is. One that never registered has no tasks.
    pub fn instance(
        &mut self,
        id: Option<InstanceId>,
        (provider, category, item): (ProviderId, Category, &str),
        price: &Price,
        span: InstanceSpan,
    ) {
        let had = id.and_then(|id| self.had.remove(&id)).unwrap_or_default();
        let mut at = span.from;
        let none = BTreeMap::new();
        for (rate, length) in price.pieces(span.from, span.until) {
            let kind = (provider, category, item.to_string(), rate);
            for (hour, micros) in self.hours(at, at + length) {
                let whole = u128::from(micros) * u128::from(WHOLE);
                // Where the price changes within an hour, each piece has the hour's owners.
                let there = span.whole.over(self.within(hour, &span));
                let split = split_hour(whole, there, had.get(&hour).unwrap_or(&none));
                let parts = self.parts.entry(kind.clone()).or_default().entry(hour).or_default();
                for (owner, (used, unused)) in split.owned {
                    *parts.entry(Part::Used(owner)).or_default() += used;
                    *parts.entry(Part::Unused(owner)).or_default() += unused;
                }
                *parts.entry(Part::Idle).or_default() += split.rest;
            }
            at = at + length;
        }
    }

    /// The rows of a closed bill, in order of provider, owner and use. `owner_of` finds a service by its name.
    #[must_use]
    pub fn rows(
        &self,
        closed: &Closed,
        owner_of: impl Fn(&str) -> Option<SourceId>,
    ) -> Vec<Allocated> {
        let mut sums = Sums::default();
        let mut of_instances: BTreeMap<Kind, Vec<NanoUsd>> = BTreeMap::new();
        let nothing = Vec::new();
        for (index, line) in closed.invoice.lines.iter().enumerate() {
            let hours = closed.by_hour.as_ref().map_or(&nothing, |by_hour| &by_hour.lines[index]);
            match line.provider {
                Some(provider) if line.category.is_of_instances() && !hours.is_empty() => {
                    let kind = (provider, line.category, line.item.clone(), line.rate);
                    let all = of_instances
                        .entry(kind)
                        .or_insert_with(|| vec![NanoUsd::ZERO; hours.len()]);
                    all.iter_mut().zip(hours).for_each(|(sum, usd)| *sum += *usd);
                }
                _ => self.direct(line, owner_of(&line.service), &mut sums),
            }
        }
        for (kind, hours) in &of_instances {
            for (hour, parts) in self.weights(kind, hours.len()).into_iter().enumerate() {
                sums.share(kind.0, hours[hour], &parts);
            }
        }
        sums.into_rows()
    }

    /// What is charged for tasks, and what is nobody's.
    fn direct(&self, line: &Line, owner: Option<SourceId>, sums: &mut Sums) {
        let provider = line.provider;
        if owner.is_some() {
            return sums.add((provider, owner, Use::Tasks), line.usd);
        }
        let Some(id) = provider else {
            let use_of = if line.is_idle { Use::Commitments } else { Use::Shared };
            return sums.add((None, None, use_of), line.usd);
        };
        // Tasks of callers: by what each of them used.
        let weights = match line.category {
            Category::Side(_) => self.lasted.get(&id).cloned().unwrap_or_default(),
            _ => self.fargate_weights(id, line),
        };
        if weights.values().all(|weight| *weight == 0) {
            let use_of = if line.is_idle { Use::Idle } else { Use::Shared };
            return sums.add((provider, None, use_of), line.usd);
        }
        let amounts: Vec<u128> = weights.values().copied().collect();
        for (owner, usd) in weights.keys().zip(spread(line.usd, &amounts)) {
            sums.add((provider, Some(*owner), Use::Tasks), usd);
        }
    }

    /// What each caller used of a line of Fargate, whatever it came to cost.
    fn fargate_weights(&self, provider: ProviderId, line: &Line) -> BTreeMap<SourceId, u128> {
        let listed = match line.category {
            Category::FargateVcpuSavingsPlan => Category::FargateVcpu,
            Category::FargateMemorySavingsPlan => Category::FargateMemory,
            other => other,
        };
        let mut weights = BTreeMap::new();
        for (of, rate, by_owner) in self.fargate.iter().filter(|(of, ..)| *of == provider) {
            if platform_name(rate) != line.item {
                continue;
            }
            for (&owner, &usage) in by_owner {
                let account = FargateAccount { provider: *of, rate: *rate, usage };
                let own = fargate_lines(&account)
                    .into_iter()
                    .filter(|(category, ..)| *category == listed);
                *weights.entry(owner).or_default() += own.map(|(.., amount)| amount).sum::<u128>();
            }
        }
        weights
    }

    /// Parts of each hour of instances of a kind of line.
    fn weights(&self, kind: &Kind, hours: usize) -> Vec<Parts> {
        let mut all = vec![Parts::new(); hours];
        let (provider, category, item, _) = kind;
        let is_same = |of: &Kind| match category {
            Category::Ec2OnDemand
            | Category::Ec2Spot
            | Category::ExternalHost
            | Category::Ec2CapacityBlock => of == kind,
            Category::Ec2Reserved | Category::Ec2SavingsPlan => {
                (of.0, of.1, &of.2) == (*provider, Category::Ec2OnDemand, item)
            }
            // Fees are for instances however they are bought.
            _ => (of.0, &of.2) == (*provider, item),
        };
        for by_hour in self.parts.iter().filter(|(of, _)| is_same(of)).map(|(_, by_hour)| by_hour) {
            for (&hour, parts) in by_hour {
                let Some(to) = all.get_mut(hour as usize) else { continue };
                parts.iter().for_each(|(part, weight)| *to.entry(*part).or_default() += weight);
            }
        }
        all
    }
}

/// A row: provider, owner, use.
type RowKey = (Option<ProviderId>, Option<SourceId>, Use);

/// Rows as they add up: with idle apart, and what of the unused each is given.
#[derive(Default)]
struct Sums(BTreeMap<RowKey, (NanoUsd, NanoUsd)>);

impl Sums {
    fn add(&mut self, row: RowKey, usd: NanoUsd) {
        self.0.entry(row).or_default().0 += usd;
    }

    /// What an hour's instances cost, to those who had them.
    fn share(&mut self, provider: ProviderId, usd: NanoUsd, parts: &Parts) {
        let provider = Some(provider);
        let idle = (provider, None, Use::Idle);
        if parts.values().all(|weight| *weight == 0) {
            return self.add(idle, usd);
        }
        let weights: Vec<u128> = parts.values().copied().collect();
        for (part, usd) in parts.keys().zip(spread(usd, &weights)) {
            match *part {
                Part::Used(owner) => self.add((provider, Some(owner), Use::Tasks), usd),
                Part::Idle => self.add(idle, usd),
                Part::Unused(owner) => {
                    self.0.entry((provider, Some(owner), Use::Tasks)).or_default().1 += usd;
                    let nobody = self.0.entry(idle).or_default();
                    nobody.0 += usd;
                    nobody.1 -= usd;
                }
            }
        }
    }

    fn into_rows(self) -> Vec<Allocated> {
        let is_there = |(_, (usd, unused)): &(_, (NanoUsd, NanoUsd))| {
            *usd != NanoUsd::ZERO || *unused != NanoUsd::ZERO
        };
        let row = |((provider, owner, use_of), (usd, unused))| Allocated {
            provider,
            owner,
            use_of,
            usd,
            unused,
        };
        self.0.into_iter().filter(is_there).map(row).collect()
    }
}
