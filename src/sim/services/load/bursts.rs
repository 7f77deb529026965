//! Idle CPU: tasks on EC2 without a CPU limit use what others leave on their hosts.

use crate::base::id::{Column, Id as _};
use crate::base::time::SimTime;
use crate::model::ids::{InstanceId, ServiceId, SourceId};
use crate::model::lifecycle::TaskStatus;
use crate::sim::event::RunError;
use crate::sim::services::Flow;
use crate::sim::task::Place;
use std::collections::BTreeMap;

/// Fewest CPU shares of a container (API: null and 0 become 2).
const MIN_SHARES: u32 = 2;

/// What a task wants of its host's CPU.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Need {
    host: InstanceId,
    /// CPU that it would use, thousandths of a vCPU; with a limit at most that.
    demand: u64,
    /// CPU units, by which a host that is full is divided.
    shares: u64,
    /// The service, where it may use more than its own.
    bursts: Option<ServiceId>,
}

impl Flow<'_> {
    /// Tasks on EC2 without a CPU limit may use what the others of their hosts do not, divided by CPU units among
    /// those that want more (CFS shares): a host with work to do is never idle. A service's tasks all get the mean of
    /// what they would find (assumed: keeps a service one queueing station).
    pub fn share_idle_cpu(&mut self, now: SimTime) -> Result<(), RunError> {
        if !self.services.has_bursting {
            return Ok(()); // a walk over all settings every minute would cost more than the minute
        }
        let mut needs = self.cpu_needs(now)?;
        // By how soon they have enough when a host fills.
        let soon = |a: &Need, b: &Need| (a.demand * b.shares).cmp(&(b.demand * a.shares));
        sort_by_host(&mut needs, self.cluster.fleet().len());
        for host in needs.chunk_by_mut(|a, b| a.host == b.host) {
            host.sort_unstable_by(|a, b| soon(a, b).then(a.bursts.cmp(&b.bursts)));
        }
        // Of each service: CPU that its tasks may use, how many they are, the most that one of them wants.
        let mut found: Column<ServiceId, (u64, u64, u64)> =
            self.services.all.iter().map(|_| (0, 0, 0)).collect();
        for host in needs.chunk_by(|a, b| a.host == b.host) {
            let whole = u64::from(self.cluster.fleet().registered[host[0].host].cpu);
            let whole = whole * 1_000 / 1_024;
            for alike in host.chunk_by(|a, b| a == b) {
                let Some(id) = alike[0].bursts else { continue };
                let (sum, tasks, most) = &mut found[id];
                *sum += available(whole, host, alike[0]) * alike.len() as u64;
                *tasks += alike.len() as u64;
                *most = (*most).max(alike[0].demand);
            }
        }
        for id in self.services.all.ids() {
            let (sum, tasks, demand) = found[id];
            if let Some(mean) = sum.checked_div(tasks) {
                let now = self.services.all[id].meter.burst_millis;
                self.give_burst(id, rounded(mean, demand, now));
            }
        }
        Ok(())
    }

    /// What every task of a service on an instance wants.
    fn cpu_needs(&mut self, now: SimTime) -> Result<Vec<Need>, RunError> {
        let mut needs = Vec::new();
        for id in self.services.all.ids() {
            let service = &mut self.services.all[id];
            let Some(load) = &mut service.load else { continue };
            load.advance(now)?;
            for &slot in &service.members {
                let task = &self.tasks[slot];
                let Place::Instance(host) = task.place else { continue };
                let generation = self.services.members[slot.0 as usize].map(|m| m.generation);
                let is_limited = generation.is_none_or(|of| {
                    let deployment = service.deployments.iter().find(|d| d.generation == of);
                    deployment.is_none_or(|d| service.setup.revisions[d.revision].cpu_is_limited)
                });
                let shares = u64::from(task.demand.cpu.max(MIN_SHARES));
                let starting = u64::from(service.meter.start_of(task.id));
                let demand = u64::from(load.demand_cpu_millis(task.id)) + starting;
                needs.push(Need {
                    host,
                    demand: if is_limited { demand.min(shares * 1_000 / 1_024) } else { demand },
                    shares,
                    bursts: (!is_limited).then_some(id),
                });
            }
        }
        Ok(needs)
    }

    /// CPU that the tasks of each host use, thousandths of a vCPU: those of services with work what they have to do, all
    /// others that run what they hold (assumed).
    pub fn cpu_by_host(&mut self, now: SimTime) -> Result<BTreeMap<InstanceId, u64>, RunError> {
        let mut used: BTreeMap<InstanceId, u64> = BTreeMap::new();
        for need in self.cpu_needs(now)? {
            *used.entry(need.host).or_default() += need.demand;
        }
        let with_work = self.services.all.iter().filter(|service| service.load.is_some());
        let mut with_work: Vec<SourceId> = with_work.map(|service| service.source).collect();
        with_work.sort_unstable();
        for task in self.tasks.live() {
            let works = with_work.binary_search(&task.source).is_ok();
            if let (false, TaskStatus::Running, Some(host)) = (works, task.status, task.instance())
            {
                *used.entry(host).or_default() += u64::from(task.demand.cpu) * 1_000 / 1_024;
            }
        }
        Ok(used)
    }

    fn give_burst(&mut self, id: ServiceId, millis: u32) {
        let service = &mut self.services.all[id];
        if millis == service.meter.burst_millis {
            return;
        }
        service.meter.burst_millis = millis;
        for index in 0..service.members.len() {
            let slot = self.services.all[id].members[index];
            let Some(member) = self.services.members[slot.0 as usize] else { continue };
            let service = &mut self.services.all[id];
            let is_limited = service.revision_of(member.generation).cpu_is_limited;
            if let Some(load) = service.load.as_mut().filter(|_| member.in_load && !is_limited) {
                let task = self.tasks[slot].id;
                load.set_cpu(task, millis - service.meter.start_of(task).min(millis / 2));
            }
        }
    }
}

/// By counting: a fleet has thousands of tasks, and each of its hosts a few.
fn sort_by_host(needs: &mut Vec<Need>, hosts: usize) {
    let mut next = vec![0; hosts + 1];
    for need in needs.iter() {
        next[need.host.index() + 1] += 1;
    }
    for host in 0..hosts {
        next[host + 1] += next[host];
    }
    let Some(&first) = needs.first() else { return };
    let mut sorted = vec![first; needs.len()];
    for need in needs.iter() {
        let at: &mut usize = &mut next[need.host.index()];
        sorted[*at] = *need;
        *at += 1;
    }
    *needs = sorted;
}

/// What `one` of the tasks of a host would get of it, thousandths of a vCPU, if it wanted all: the others have what
/// they want as long as that is less than their part of the rest. `all` come in order of demand by shares.
fn available(whole: u64, all: &[Need], one: Need) -> u64 {
    let (mut rest, mut shares) = (whole, all.iter().map(|need| need.shares).sum::<u64>());
    let mut is_seen = false;
    for need in all {
        if !is_seen && *need == one {
            is_seen = true;
            continue;
        }
        if need.demand * shares > rest * need.shares {
            break;
        }
        rest -= need.demand;
        shares -= need.shares;
    }
    rest * one.shares / shares.max(1)
}

/// In steps of less than a hundredth; what a service has `now` stays where it is nearly that and more than enough for
/// `demand`, since the load keeps what it has worked out for a speed.
fn rounded(millis: u64, demand: u64, now: u32) -> u32 {
    let is_near = u64::from(now).abs_diff(millis) <= millis / 32;
    if is_near && u64::from(now) / 8 * 7 > demand {
        return now;
    }
    let step = (millis / 128).max(1).next_power_of_two();
    u32::try_from((millis + step / 2) / step * step).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(demand: u64, shares: u64) -> Need {
        Need { host: InstanceId(0), demand, shares, bursts: Some(ServiceId(0)) }
    }

    #[test]
    fn a_host_is_divided_by_shares_among_those_that_want_more() {
        const ALL: u64 = 1_000_000;
        // Alone: the whole host, whatever it wants.
        for demand in [0, 500, ALL] {
            assert_eq!(available(2_000, &[need(demand, 256)], need(demand, 256)), 2_000);
        }
        // 300 and 100 have what they want; what is left goes 1:3.
        let all = [need(100, 512), need(300, 512), need(ALL, 256), need(ALL, 768)];
        assert_eq!(available(2_000, &all, all[2]), 400);
        assert_eq!(available(2_000, &all, all[3]), 1_200);
        // The first would get 512 of 2,048 shares, and the second's 300 is less than its part.
        assert_eq!(available(2_000, &all, all[0]), (2_000 - 300) * 512 / 1_536);
        // Equals are told apart by being counted.
        let all = [need(ALL, 256), need(ALL, 256)];
        assert_eq!(available(2_000, &all, all[0]), 1_000);
    }

    #[test]
    fn what_a_service_finds_is_told_within_a_hundredth_or_kept() {
        assert_eq!(rounded(2_000, 500, 0), 2_000);
        assert_eq!(rounded(2_000, 500, 1_950), 1_950, "near enough, and more than it wants");
        assert_eq!(rounded(2_000, 1_900, 1_950), 2_000, "every bit of it counts");
        assert_eq!(rounded(2_000, 500, 1_900), 2_000);
        assert_eq!(rounded(250, 250, 0), 250);
        assert_eq!(rounded(1_999, u64::from(u32::MAX), 0), 2_000);
        assert_eq!(rounded(0, 0, 0), 1);
    }
}
