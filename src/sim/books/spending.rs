//! The bill as the run goes on: Fargate tasks when they stop, instances at the end, and the rate of spending now.

mod instances;
mod promises;

use std::collections::BTreeMap;

use self::promises::{Ended, size};
use super::side::SideBooks;
use crate::base::id::Column;
use crate::base::money::{HourlyRate, NanoUsd};
use crate::base::time::{SimSpan, SimTime};
use crate::metrics::capacity::InstanceUse;
use crate::model::definition::TaskDefinition;
use crate::model::fargate::{FargateRate, INCLUDED_EPHEMERAL_GIB};
use crate::model::fleet::Fleet;
use crate::model::ids::{InstanceId, ProviderId, ServiceId};
use crate::model::platform::{Platform, Purchase};
use crate::model::resources::Resources;
use crate::pricing::allocation::{Allocation, Amounts};
use crate::pricing::commitments::Commitments;
use crate::pricing::hourly::HourlyUsage;
use crate::pricing::reservations::Reservations;
use crate::pricing::{
    Bill, Closed, CpuMemory, FargateTask, FargateUsage, Fees, Price, SPOT_FREE_HOUR, SplitWeights,
    UsageByService, fargate_minimum, fargate_task_cost, fargate_usage_cost, settle,
};
use crate::sim::setup::{GroupSetup, ReservationPreference, Setup};
use crate::sim::task::{Place, Task};

/// What an instance is bought at: one record, since the end of every promise looks at all of it.
struct Terms {
    price: Price,
    /// Number of its type in [`UsageByService`].
    instance_type: u32,
    /// In a mixed group instances are bought both ways.
    purchase: Purchase,
}

/// Prices and usage of a run.
pub struct Spending {
    /// Usage so far.
    pub bill: Bill,
    rates: Vec<FargateRate>,
    purchases: Column<ProviderId, Purchase>,
    /// What each instance is bought at.
    terms: Column<InstanceId, Terms>,
    /// The capacity reservations that instances were launched into.
    reserved: BTreeMap<InstanceId, usize>,
    /// Nano-dollars an hour of the Fargate tasks that are billed now, by provider.
    fargate_now: Column<ProviderId, i128>,
    /// Nano-dollars an hour of the instances with a price that never changes, by provider.
    fixed: Column<ProviderId, i128>,
    /// The prices that do change, of those instances.
    changing: Column<ProviderId, Vec<Price>>,
    /// Σ of EC2 task shares on instances whose price changes; elsewhere it follows from the promises' integrals.
    shares: Column<InstanceId, NanoUsd>,
    weights: SplitWeights,
    /// Whose the lines of the bill are.
    by_service: UsageByService,
    /// Promises that have ended and are not in it, or in any other sum, yet.
    ended: Vec<Ended>,
    /// Whether Fargate bills until STOPPED.
    is_billed_until_stopped: bool,
    /// What the least billed time added to Fargate tasks, by price list.
    minimums: Vec<FargateUsage>,
    /// What ECS charges for instances.
    fees: Fees,
    /// The same of each instance; empty where there are none.
    fee_of: Column<InstanceId, HourlyRate>,
    /// What was committed to.
    commitments: Commitments,
    /// Usage by the clock hour, where somebody asks for it.
    hourly: Option<HourlyUsage>,
    /// What services were charged for tasks on Spot instances in their first hour.
    young_costs: BTreeMap<InstanceId, BTreeMap<ServiceId, NanoUsd>>,
    /// What is charged beside compute, where it is.
    pub side: Option<Box<SideBooks>>,
    /// Whose the whole bill is, where somebody asks for it.
    pub allocation: Option<Box<Allocation>>,
}

impl Spending {
    /// Nothing spent yet. Usage is kept by the hour where somebody asks for it, and where commitments need it; whose it all
    /// is only where it is asked for.
    #[must_use]
    pub fn new(setup: &Setup, (wants_hours, allocates): (bool, bool)) -> Self {
        let fargate = &setup.fargate;
        let purchases: Column<ProviderId, Purchase> =
            setup.providers.iter().map(|provider| provider.purchase).collect();
        let into_hour = SimSpan::from_secs(setup.epoch_s.rem_euclid(3_600).unsigned_abs());
        let wants_hours = wants_hours || allocates || !setup.commitments.is_empty();
        let reservations = Reservations::new(setup.commitments.capacity.clone(), excluded(setup));
        Spending {
            bill: Bill::new(),
            rates: fargate.rates.clone(),
            fargate_now: purchases.iter().map(|_| 0).collect(),
            fixed: purchases.iter().map(|_| 0).collect(),
            changing: purchases.iter().map(|_| Vec::new()).collect(),
            shares: Column::new(),
            terms: Column::new(),
            reserved: BTreeMap::new(),
            purchases,
            weights: SplitWeights::default(),
            by_service: UsageByService::default(),
            ended: Vec::new(),
            is_billed_until_stopped: fargate.is_billed_until_stopped,
            minimums: fargate.rates.iter().map(|_| FargateUsage::default()).collect(),
            fees: setup.fees.clone(),
            fee_of: Column::new(),
            commitments: setup.commitments.clone(),
            hourly: wants_hours.then(|| HourlyUsage::new(into_hour, reservations)),
            young_costs: BTreeMap::new(),
            side: SideBooks::new(setup, into_hour),
            allocation: allocates.then(|| Box::new(Allocation::new(into_hour))),
        }
    }

    /// An instance has registered.
    pub fn registered(
        &mut self,
        instance: InstanceId,
        (purchase, price, reservation): (Purchase, Price, Option<usize>),
        fleet: &Fleet,
    ) {
        if let Some(reservation) = reservation {
            self.reserved.insert(instance, reservation);
        }
        let name = &fleet.instance_type[instance];
        let instance_type = self.by_service.number_of_type(name);
        self.terms.push(Terms { price, instance_type, purchase });
        if !self.fees.is_empty() {
            self.fee_of.push(self.fee(fleet.provider[instance], name));
        }
        self.shares.push(NanoUsd::ZERO);
    }

    /// EC2 begins to bill an instance at this price.
    pub fn instance_runs(&mut self, provider: ProviderId, price: &Price) {
        match price {
            Price::Fixed(rate) => self.fixed[provider] += i128::from(rate.0),
            Price::Steps(_) => self.changing[provider].push(price.clone()),
        }
    }

    /// EC2 bills an instance at this price no longer.
    pub fn instance_ends(&mut self, provider: ProviderId, price: &Price) {
        if let Price::Fixed(rate) = price {
            self.fixed[provider] -= i128::from(rate.0);
            return;
        }
        let billed = &mut self.changing[provider];
        if let Some(index) = billed.iter().position(|known| known == price) {
            billed.swap_remove(index);
        }
    }

    /// EC2 charges nothing for an instance, from its beginning on; its fee stays. Returns what services were charged for it.
    #[must_use]
    pub fn forgive(&mut self, instance: InstanceId) -> BTreeMap<ServiceId, NanoUsd> {
        self.settle_promises();
        self.terms[instance].price = Price::Fixed(HourlyRate::default());
        self.shares[instance] = NanoUsd::ZERO;
        self.by_service.forgive(instance);
        if let Some(hourly) = &mut self.hourly {
            hourly.forgive(instance);
        }
        self.young_costs.remove(&instance).unwrap_or_default()
    }

    /// A service was charged for a task whose instance may turn out to cost nothing but its fee.
    pub fn remember_young(&mut self, task: &Task, service: ServiceId, at: (SimTime, &Fleet)) {
        let (now, fleet) = at;
        let Some(instance) = task.instance() else { return };
        if self.may_be_forgiven(instance, now, fleet) {
            let price = &self.terms[instance].price;
            let price = price.unrounded(task.placed, task.stopping.min(now));
            let (whole, part) = (size(fleet.registered[instance]), size(task.demand));
            let usd = self.weights.task_share(price, whole, part);
            let own = self.young_costs.entry(instance).or_default();
            *own.entry(service).or_default() += usd;
        }
    }

    /// What ECS charges an hour for instances of a type.
    #[must_use]
    pub fn fee(&self, provider: ProviderId, instance_type: &str) -> HourlyRate {
        self.fees.of(provider, instance_type).map_or(HourlyRate(0), |fee| fee.rate)
    }

    /// The fee for an instance begins, or ends.
    pub fn fee_runs(&mut self, provider: ProviderId, instance_type: &str, begins: bool) {
        if let Some(fee) = self.fees.of(provider, instance_type) {
            let rate = i128::from(fee.rate.0);
            self.fixed[provider] += if begins { rate } else { -rate };
        }
    }

    fn rate(&self, provider: ProviderId, platform: Platform) -> &FargateRate {
        let purchase = self.purchases[provider];
        let wanted = |rate: &&FargateRate| {
            rate.os == platform.os
                && rate.architecture == platform.architecture
                && rate.purchase == purchase
        };
        self.rates.iter().find(wanted).expect("a scenario has a Fargate price for what it runs")
    }

    fn hourly(rate: &FargateRate, task: &Task) -> i128 {
        let storage = task.ephemeral_gib.saturating_sub(INCLUDED_EPHEMERAL_GIB);
        let vcpu = (u128::from(rate.vcpu.0) + u128::from(rate.licence_vcpu.0))
            * u128::from(task.demand.cpu);
        let memory = u128::from(rate.memory_gb.0) * u128::from(task.demand.memory);
        let storage = u128::from(rate.ephemeral_gb.0) * u128::from(storage);
        ((vcpu + memory) / 1024 + storage) as i128
    }

    /// A Fargate task's bill begins.
    pub fn fargate_starts(&mut self, definition: &TaskDefinition, task: &Task) {
        let hourly = Self::hourly(self.rate(task.provider, definition.platform), task);
        self.fargate_now[task.provider] += hourly;
    }

    /// The last container of a Fargate task has exited, and its bill ends unless it goes on until STOPPED.
    pub fn fargate_exits(
        &mut self,
        definition: &TaskDefinition,
        task: &Task,
        service: Option<ServiceId>,
    ) {
        if !self.is_billed_until_stopped {
            self.fargate_bill_ends(definition, task, task.execution_stopped, service);
        }
    }

    /// A Fargate task that has run at all is STOPPED.
    pub fn fargate_stopped(
        &mut self,
        now: SimTime,
        definition: &TaskDefinition,
        task: &Task,
        service: Option<ServiceId>,
    ) {
        if self.is_billed_until_stopped && task.is_on_host() && task.instance().is_none() {
            self.fargate_bill_ends(definition, task, now, service);
        }
    }

    fn fargate_bill_ends(
        &mut self,
        definition: &TaskDefinition,
        task: &Task,
        at: SimTime,
        service: Option<ServiceId>,
    ) {
        let rate = *self.rate(task.provider, definition.platform);
        self.fargate_now[task.provider] -= Self::hourly(&rate, task);
        self.charge(task, &rate, &metered(task, at), service);
    }

    /// A Fargate task that has run lives on when the run ends: it is billed until then, unless its bill has ended.
    pub fn fargate_until(
        &mut self,
        end: SimTime,
        definition: &TaskDefinition,
        task: &Task,
        service: Option<ServiceId>,
    ) {
        if task.execution_stopped != SimTime::NEVER && !self.is_billed_until_stopped {
            return;
        }
        let rate = *self.rate(task.provider, definition.platform);
        self.charge(task, &rate, &metered(task, end), service);
    }

    fn charge(
        &mut self,
        task: &Task,
        rate: &FargateRate,
        metered: &FargateTask,
        service: Option<ServiceId>,
    ) {
        let added = fargate_minimum(rate.os, metered);
        if added.0 > 0
            && let Some(index) = self.rates.iter().position(|known| known == rate)
        {
            self.minimums[index].add_span(added.0.into(), metered);
        }
        self.bill.fargate_task(task.provider, rate, metered);
        if let Some(side) = &mut self.side {
            side.fargate_task(task, metered, service);
        }
        if let Some(allocation) = self.allocation.as_mut().filter(|_| service.is_none()) {
            allocation.fargate_task((task.provider, task.source), rate, metered);
        }
        self.by_service.fargate_task(task.provider, rate, metered, service);
        if let Some(hourly) = &mut self.hourly {
            hourly.fargate_task(task.provider, rate, metered, service);
        }
    }

    /// Whether an instance would cost nothing if EC2 took it back at this instant.
    fn may_be_forgiven(&self, instance: InstanceId, now: SimTime, fleet: &Fleet) -> bool {
        self.terms[instance].purchase == Purchase::Spot
            && now.since(fleet.running_at[instance]) < SPOT_FREE_HOUR
    }

    /// What a promise on an instance costs, the instance's fee included: a part of a whole over a span.
    fn share(
        &self,
        instance: InstanceId,
        sizes: (CpuMemory, CpuMemory),
        (from, until): (SimTime, SimTime),
    ) -> NanoUsd {
        let fee = Price::Fixed(self.fee_of(instance)).unrounded(from, until);
        let price = self.terms[instance].price.unrounded(from, until);
        self.weights.task_share(price + fee, sizes.0, sizes.1)
    }

    fn fee_of(&self, instance: InstanceId) -> HourlyRate {
        self.fee_of.get(instance).copied().unwrap_or_default()
    }

    /// What a task cost until `now`: its Fargate bill, or its share of its instance's price and fee.
    #[must_use]
    pub fn task_cost(
        &self,
        task: &Task,
        now: SimTime,
        definition: &TaskDefinition,
        fleet: &Fleet,
    ) -> NanoUsd {
        match task.place {
            Place::Instance(instance) => {
                let sizes = (size(fleet.registered[instance]), size(task.demand));
                self.share(instance, sizes, (task.placed, task.stopping.min(now)))
            }
            Place::Waiting(_) => NanoUsd::ZERO,
            Place::Fargate(_) if task.pull_started > now => NanoUsd::ZERO,
            Place::Fargate(_) => {
                let rate = self.rate(task.provider, definition.platform);
                let exited = task.execution_stopped.min(now);
                let until = if self.is_billed_until_stopped { now } else { exited };
                fargate_task_cost(rate, &metered(task, until))
            }
        }
    }

    /// What of the bill is Fargate's least time: what tasks were billed beyond the seconds that they lasted.
    #[must_use]
    pub fn fargate_minimum(&self) -> NanoUsd {
        let all = self.rates.iter().zip(&self.minimums);
        all.map(|(rate, usage)| fargate_usage_cost(rate, usage)).sum()
    }

    /// The bill of a run that ends at `end`.
    #[must_use]
    pub fn close(&self, services: &Column<ServiceId, String>, end: SimTime) -> Closed {
        assert!(self.ended.is_empty(), "all promises are on the bill when it is read");
        let usage = (&self.bill, &self.by_service, &self.fees);
        settle::close(usage, (&self.commitments, self.hourly.as_ref()), services, end)
    }

    /// The part of an instance's cost that its tasks' promises cover.
    #[must_use]
    pub fn covered(&self, instance: InstanceId, usage: &InstanceUse, fleet: &Fleet) -> NanoUsd {
        match &self.terms[instance].price {
            Price::Steps(_) => self.shares[instance],
            Price::Fixed(rate) => {
                let whole = size(fleet.registered[instance]);
                let rate = rate.0.saturating_add(self.fee_of(instance).0);
                self.weights.promised_share(rate, whole, usage.cpu_time, usage.memory_time)
            }
        }
    }

    /// Rate of spending of a provider at `now`, nano-dollars an hour.
    #[must_use]
    pub fn hourly_now(&self, provider: ProviderId, now: SimTime) -> i128 {
        let steps = self.changing[provider].iter();
        let changing: i128 = steps.map(|price| i128::from(price.at(now).0)).sum();
        self.fixed[provider] + changing + self.fargate_now[provider]
    }
}

/// Billed from the start of the pull until `until`. The end is the exit of the last container (assumed: AWS's
/// "until the task terminates" does not say whether deleting the ENI is billed).
fn metered(task: &Task, until: SimTime) -> FargateTask {
    FargateTask {
        cpu: task.demand.cpu,
        memory: task.demand.memory,
        ephemeral_gib: task.ephemeral_gib,
        pull_started: task.pull_started,
        stopped: until,
    }
}

/// What split cost allocation weighs.
fn amounts(of: Resources) -> Amounts {
    Amounts { cpu: of.cpu.into(), memory: of.memory.into(), gpus: of.gpus.into() }
}

/// Capacity providers whose instances keep out of capacity reservations.
fn excluded(setup: &Setup) -> Vec<ProviderId> {
    let excludes = |group: &&GroupSetup| {
        let of = group.instances.as_ref().and_then(|of| of.reservations.as_ref());
        of.is_some_and(|of| of.preference == ReservationPreference::Excluded)
    };
    setup.groups.iter().filter(excludes).map(|group| group.provider).collect()
}
