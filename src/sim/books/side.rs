//! What is charged beside compute while a run goes on.

use crate::base::id::Column;
use crate::base::time::SimSpan;
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
}

impl SideBooks {
    /// Nothing used yet; `None` where only compute is billed.
    pub fn new(setup: &Setup, into_hour: SimSpan) -> Option<Box<SideBooks>> {
        let bill = setup.bill.clone()?;
        let callers = setup.sources.iter().map(|source| source.network.public_ip);
        let public = callers.chain(setup.services.iter().map(|service| service.network.public_ip));
        let usage = SideUsage::new(into_hour);
        Some(Box::new(SideBooks { setup: bill, usage, public: public.collect() }))
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
