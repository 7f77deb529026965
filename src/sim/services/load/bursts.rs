//! Idle CPU: tasks on EC2 without a CPU limit use what others leave on their hosts.

use crate::base::id::Id as _;
use crate::base::time::SimTime;
use crate::model::ids::{InstanceId, ServiceId};
use crate::sim::event::RunError;
use crate::sim::services::Flow;
use crate::sim::task::Place;

/// Fewest CPU shares of a container (API: null and 0 become 2).
const MIN_SHARES: u32 = 2;

impl Flow<'_> {
    /// Tasks on EC2 without a CPU limit share what is idle on their hosts, by their CPU units (CFS shares). A
    /// service's tasks all get the mean of what they would find (assumed: keeps a service one queueing station).
    pub fn share_idle_cpu(&mut self, now: SimTime) -> Result<(), RunError> {
        if !self.services.has_bursting {
            return Ok(()); // a walk over all settings every minute would cost more than the minute
        }
        let bursting: Vec<ServiceId> =
            self.services.all.ids().filter(|&id| self.services.all[id].bursts).collect();
        let mut used = vec![0u64; self.cluster.fleet().len()];
        let mut hungry = vec![0u64; self.cluster.fleet().len()];
        for id in self.services.all.ids() {
            let is_bursting = self.services.all[id].bursts;
            let service = &mut self.services.all[id];
            let Some(load) = &mut service.load else { continue };
            load.advance(now)?;
            let demand = service
                .members
                .first()
                .map_or(0, |&slot| u64::from(load.demand_cpu_millis(self.tasks[slot].id)));
            for &slot in &service.members {
                let task = &self.tasks[slot];
                let Place::Instance(instance) = task.place else { continue };
                let units = u64::from(task.demand.cpu.max(MIN_SHARES));
                let own = units * 1_000 / 1_024;
                used[instance.index()] += if is_bursting { demand } else { demand.min(own) };
                used[instance.index()] += u64::from(service.meter.start_of(task.id));
                hungry[instance.index()] += if is_bursting { units } else { 0 };
            }
        }
        for id in bursting {
            self.give_burst(id, &used, &hungry);
        }
        Ok(())
    }

    fn give_burst(&mut self, id: ServiceId, used: &[u64], hungry: &[u64]) {
        let service = &mut self.services.all[id];
        let (mut sum, mut tasks) = (0u64, 0u64);
        for &slot in &service.members {
            let task = &self.tasks[slot];
            let Place::Instance(instance) = task.place else { continue };
            let at: InstanceId = instance;
            let units = u64::from(task.demand.cpu.max(MIN_SHARES));
            let whole = u64::from(self.cluster.fleet().registered[at].cpu) * 1_000 / 1_024;
            let idle = whole.saturating_sub(used[at.index()]);
            let own = units * 1_000 / 1_024;
            let fair = whole * units / hungry[at.index()].max(1);
            sum += (own + idle * units / hungry[at.index()].max(1)).max(fair.min(own)).min(whole);
            tasks += 1;
        }
        let Some(mean) = sum.checked_div(tasks) else { return };
        // Steps of a sixteenth: the load keeps what it has worked out for a speed.
        let step = (mean / 16).max(1).next_power_of_two();
        let millis = u32::try_from(mean / step * step).unwrap_or(u32::MAX).max(1);
        if millis == service.meter.burst_millis {
            return;
        }
        service.meter.burst_millis = millis;
        if let Some(load) = &mut service.load {
            for &slot in &service.members {
                if self.services.members[slot.0 as usize].is_some_and(|m| m.in_load) {
                    let task = self.tasks[slot].id;
                    load.set_cpu(task, millis - service.meter.start_of(task).min(millis / 2));
                }
            }
        }
    }
}
