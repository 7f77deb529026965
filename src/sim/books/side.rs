//! What is charged beside compute while a run goes on.

use super::credits::{CreditBooks, PERIOD};
use crate::base::id::Column;
use crate::base::time::{SimSpan, SimTime};
use crate::model::ids::{ProviderId, ServiceId, SourceId};
use crate::pricing::FargateTask;
use crate::pricing::side::{SideCost, SideKey, SideUsage};
use crate::sim::setup::{BillSetup, Setup};
use crate::sim::task::Task;

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
        Some(Box::new(SideBooks { setup: bill, usage, public, credits, into_hour }))
    }

    /// When what has been used is looked at next; `None` where it is enough to do so at the end.
    #[must_use]
    pub fn next_look(&self, now: SimTime) -> Option<SimTime> {
        self.credits.as_ref()?;
        let clock = now.0 + self.into_hour.0;
        Some(SimTime(now.0 + PERIOD.0 - clock % PERIOD.0))
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

/// The line of public addresses.
pub fn address_key(
    provider: Option<ProviderId>,
    item: &str,
    rate: crate::base::money::HourlyRate,
    service: Option<ServiceId>,
) -> SideKey {
    SideKey { provider, cost: SideCost::PublicIpv4, item: item.to_string(), rate, service }
}
