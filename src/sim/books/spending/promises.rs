//! Promises on instances that have ended, on their way to the bill: some at a time, since code that bills and code that
//! simulates do not fit the processor's first cache together.

use super::{Spending, amounts};
use crate::base::time::SimTime;
use crate::model::fleet::Fleet;
use crate::model::ids::{InstanceId, ServiceId, SourceId, ZoneId};
use crate::model::platform::Purchase;
use crate::model::resources::Resources;
use crate::pricing::{CpuMemory, EndedPromise, Price};
use crate::sim::task::Task;

/// Promises that are put on the bill together: some kilobytes of them.
const BATCH: usize = 128;

/// A promise that has ended, and all that the bill asks of it.
pub(super) struct Ended {
    promise: EndedPromise,
    instance: InstanceId,
    zone: ZoneId,
    demand: Resources,
    source: SourceId,
    service: Option<ServiceId>,
}

impl Spending {
    /// An EC2 promise ended at `until`.
    #[inline]
    pub fn promise_ended(
        &mut self,
        task: &Task,
        instance: InstanceId,
        until: SimTime,
        fleet: &Fleet,
        service: Option<ServiceId>,
    ) {
        let terms = &self.terms[instance];
        let promise = EndedPromise {
            provider: task.provider,
            instance_type: terms.instance_type,
            purchase: terms.purchase,
            young: self.may_be_forgiven(instance, until, fleet).then_some(instance),
            instance: size(fleet.registered[instance]),
            task: size(task.demand),
            from: task.placed,
            until,
        };
        let (zone, demand, source) = (fleet.zone[instance], task.demand, task.source);
        self.ended.push(Ended { promise, instance, zone, demand, source, service });
        if self.ended.len() >= BATCH {
            self.settle_promises();
        }
    }

    /// Puts all promises that have ended on the bill. Before it is read, and before what they cost changes.
    pub fn settle_promises(&mut self) {
        let mut ended = std::mem::take(&mut self.ended);
        ended.iter().for_each(|ended| self.settle_promise(ended));
        ended.clear();
        self.ended = ended;
    }

    fn settle_promise(&mut self, ended: &Ended) {
        let Ended { promise, instance, zone, demand, source, service } = ended;
        if promise.purchase == Purchase::Spot && promise.young.is_none() {
            self.by_service.is_paid(*instance);
            if let Some(hourly) = &mut self.hourly {
                hourly.is_paid(*instance);
            }
            self.young_costs.remove(instance);
        }
        let (weights, price) = (self.weights, &self.terms[*instance].price);
        self.by_service.promise(weights, price, promise, *service);
        if let Some(hourly) = &mut self.hourly {
            hourly.promise(weights, price, promise, (*zone, *service));
        }
        if let Some(allocation) = &mut self.allocation {
            let span = (promise.from, promise.until);
            allocation.promise((*instance, *source), amounts(*demand), span);
        }
        if matches!(price, Price::Steps(_)) {
            let span = (promise.from, promise.until);
            let share = self.share(*instance, (promise.instance, promise.task), span);
            self.shares[*instance] += share;
        }
    }
}

/// What split cost allocation weighs of resources.
pub(super) fn size(of: Resources) -> CpuMemory {
    CpuMemory { cpu: of.cpu, memory: of.memory }
}
