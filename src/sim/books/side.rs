//! What is charged beside compute while a run goes on.

use super::Books;
use super::credits::{CreditBooks, PERIOD};
use super::flows::FlowBooks;
use crate::base::id::Column;
use crate::base::money::MICROS_PER_HOUR;
use crate::base::time::{SimSpan, SimTime};
use crate::model::definition::TaskDefinition;
use crate::model::ids::{ProviderId, ServiceId, SourceId};
use crate::pricing::FargateTask;
use crate::pricing::side::{SideCost, SideKey, SideUsage};
use crate::sim::setup::{BillSetup, Setup, VolumeRates, VolumeShape};
use crate::sim::task::Task;

/// Microseconds in an hour.
const HOUR: u64 = MICROS_PER_HOUR as u64;

/// Side costs of a run that has some.
#[derive(Clone, Debug)]
pub struct SideBooks {
    /// What is billed, at which prices.
    pub setup: BillSetup,
    /// Usage so far.
    pub usage: SideUsage,
    /// Whose tasks have public addresses: callers, then services.
    public: Column<SourceId, bool>,
    /// CPU credits, where instances have some.
    pub credits: Option<CreditBooks>,
    /// What moves, where that costs something.
    pub flows: Option<FlowBooks>,
    /// The first number of a service among those who ask for tasks.
    pub first_service: usize,
    /// How much of the first clock hour was over when the run began.
    into_hour: SimSpan,
}

impl SideBooks {
    /// Nothing used yet; `None` where only compute is billed.
    pub fn new(setup: &Setup, into_hour: SimSpan) -> Option<Box<SideBooks>> {
        let bill = setup.bill.clone()?;
        let callers = setup.sources.iter().map(|source| source.network.public_ip);
        let public = callers.chain(setup.services.iter().map(|service| service.network.public_ip));
        let usage = SideUsage::new(into_hour);
        let (public, credits) = (public.collect(), CreditBooks::new(setup));
        let flows = FlowBooks::new(setup, &bill, usage.offset());
        let first_service = setup.sources.len();
        let setup = bill;
        let books = SideBooks { setup, usage, public, credits, flows, first_service, into_hour };
        Some(Box::new(books))
    }

    /// When what has been used is looked at next; `None` where it is enough to do so at the end.
    #[must_use]
    pub fn next_look(&self, now: SimTime) -> Option<SimTime> {
        let period = match (&self.credits, &self.flows) {
            (Some(_), _) => PERIOD.0,
            (None, Some(flows)) if flows.wants_any_requests() => HOUR,
            (None, _) => return None,
        };
        let clock = now.0 + self.into_hour.0;
        Some(SimTime(now.0 + period - clock % period))
    }

    /// Whether requests are counted at this instant: at the end of each clock hour.
    #[must_use]
    pub fn is_hour(&self, now: SimTime) -> bool {
        (now.0 + self.into_hour.0).is_multiple_of(HOUR)
    }

    /// A task has stopped; or the run ends before it has.
    pub fn task_ends(
        &mut self,
        task: &Task,
        until: SimTime,
        service: Option<ServiceId>,
        is_over: bool,
    ) {
        if let Some(flows) = &mut self.flows
            && task.started != SimTime::NEVER
        {
            let ran = (task.started, task.execution_stopped.min(until));
            flows.task_ran(task.source, ran, is_over);
        }
        let Some(asker) = self.setup.askers.get(task.source) else { return };
        if let (Some(shape), Some(rates)) = (asker.volume, self.setup.volume_rates)
            && !task.waits()
        {
            let whose = (Some(task.provider), service);
            volume(&mut self.usage, whose, "gp3 of tasks", (shape, rates), (task.placed, until));
        }
    }

    /// A task of which only is known what it holds is RUNNING, or its containers have exited.
    pub fn task_holds(&mut self, task: &Task, now: SimTime, begins: bool) {
        if let Some(credits) = &mut self.credits {
            credits.task_holds(task, now, begins);
        }
    }

    /// A Fargate task whose bill has ended.
    pub fn fargate_task(&mut self, task: &Task, metered: &FargateTask, service: Option<ServiceId>) {
        let Some(price) = self.setup.addresses else { return };
        if self.public.get(task.source).copied().unwrap_or(false) {
            let key = address_key(Some(task.provider), "fargate task", price.rate, service);
            self.usage.add_billed(key, (metered.pull_started, metered.stopped), 1);
        }
    }
}

impl Books {
    /// A task has pulled its images from their registry.
    #[inline]
    pub fn pulled(&mut self, task: &Task, now: SimTime, definition: &TaskDefinition) {
        let flows = self.spending.side.as_mut().and_then(|side| side.flows.as_mut());
        if let Some(flows) = flows.filter(|flows| flows.wants_pulls()) {
            let is_ecr = definition.needs.private_image;
            flows.pulled(task.source, now, definition.image_mib, is_ecr);
        }
    }
}

/// Adds the lines of a volume.
pub fn volume(
    usage: &mut SideUsage,
    (provider, service): (Option<ProviderId>, Option<ServiceId>),
    item: &str,
    (shape, rates): (VolumeShape, VolumeRates),
    span: (SimTime, SimTime),
) {
    for (cost, rate, units) in [
        (SideCost::Volume, rates.gb, shape.gb),
        (SideCost::VolumeIops, rates.iops, shape.more_iops),
        (SideCost::VolumeThroughput, rates.mbps, shape.more_mbps),
    ] {
        if units > 0 {
            let key = SideKey { provider, cost, item: item.to_string(), rate, service };
            usage.add_billed(key, span, units.into());
        }
    }
}

/// The line of public addresses.
pub fn address_key(
    provider: Option<ProviderId>,
    item: &str,
    rate: crate::base::money::HourlyRate,
    service: Option<ServiceId>,
) -> SideKey {
    SideKey { provider, cost: SideCost::PublicIpv4, item: item.to_string(), rate, service }
}
