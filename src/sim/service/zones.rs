//! Availability Zone rebalancing: a task more in the least loaded zone, then one less in the most loaded.

use super::super::callers::Target;
use super::super::task::Place;
use super::super::world::{Event, RunError, World};
use super::Health;
use crate::base::time::SimTime;
use crate::engine::Queue;
use crate::model::fleet::InstanceStatus;
use crate::model::ids::{InstanceId, ServiceId, ZoneId};
use crate::model::platform::LaunchType;
use crate::policy::service::rebalance;

/// How far the rebalancing of a service is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Rebalancing {
    /// Nothing to do, or not looked at yet.
    #[default]
    Idle,
    /// A task more has been started; one less comes when it is healthy.
    Started,
    /// The least loaded zone has no room; not tried again before the service has changed.
    Stuck,
}

impl World {
    /// One step of rebalancing, where the service has been steady for long enough.
    pub(super) fn rebalance_zones(
        &mut self,
        id: ServiceId,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let now = queue.now();
        let service = &self.services.all[id];
        if !service.setup.rebalances_zones {
            return Ok(());
        }
        if service.rebalancing == Rebalancing::Started {
            return self.end_step(id, queue);
        }
        let Some(since) = service.steady_since else {
            self.services.all[id].rebalancing = Rebalancing::Idle;
            return Ok(());
        };
        if service.rebalancing == Rebalancing::Stuck {
            return Ok(());
        }
        let Some(step) = rebalance::step(&self.tasks_by_zone(id)) else { return Ok(()) };
        let due = since + self.services.settings.rebalancing_delay;
        if now < due {
            self.look_at(id, due, queue);
            return Ok(());
        }
        let Some(target) = self.target_in_zone(id, step.start_in, now) else {
            self.services.all[id].rebalancing = Rebalancing::Stuck;
            return self.tell_rebalancing(id, now, "SERVICE_REBALANCING_STOPPED", "has no room");
        };
        let generation = self.services.all[id].generation;
        if self.place_member_at(id, generation, target, queue)?.is_ok() {
            self.services.all[id].rebalancing = Rebalancing::Started;
            self.services.all[id].steady_since = None;
            self.tell_rebalancing(id, now, "SERVICE_REBALANCING_STARTED", "gets a task")?;
        }
        Ok(())
    }

    /// A deployment or a change of the desired count ends a step; else it ends when the new task is healthy.
    fn end_step(&mut self, id: ServiceId, queue: &mut Queue<Event>) -> Result<(), RunError> {
        let service = &self.services.all[id];
        let is_new = |&slot: &_| self.services.member(slot).health == Health::Unknown;
        let is_healthy = !service.members.iter().any(is_new);
        if is_healthy || service.is_rolling() {
            let event = if is_healthy {
                "SERVICE_REBALANCING_COMPLETED"
            } else {
                "SERVICE_REBALANCING_STOPPED"
            };
            self.services.all[id].rebalancing = Rebalancing::Idle;
            self.tell_rebalancing(id, queue.now(), event, "has its task")?;
            self.look_soon(id, queue);
        }
        Ok(())
    }

    /// A place in the zone, among the instances that are there (documented: none are asked for).
    fn target_in_zone(&mut self, id: ServiceId, zone: ZoneId, now: SimTime) -> Option<Target> {
        let target = self.next_target_of(id);
        if self.callers[self.services.all[id].source].launch == LaunchType::Fargate {
            return Some(target); // Fargate takes the zone with the fewest tasks
        }
        let Target::Instances(item) = target else { return None };
        let generation = self.services.all[id].generation;
        let (request, _) = self.ask_for_member(id, generation, now);
        let ask = self.ask(&request, item);
        let instance = self.placer.choose(&ask, &self.fleet, &self.port_sets)?;
        (self.fleet.zone[instance] == zone).then_some(Target::Instances(item))
    }

    /// Tasks of a service by AZ, over the AZs that it may use.
    fn tasks_by_zone(&self, id: ServiceId) -> Vec<(ZoneId, u32)> {
        let service = &self.services.all[id];
        let all: Vec<ZoneId> = match self.callers[service.source].launch {
            LaunchType::Fargate => self.fargate_zones.clone(),
            LaunchType::Ec2 => {
                let cluster = service.setup.cluster;
                let is_there = |&i: &InstanceId| {
                    self.fleet.cluster[i] == cluster
                        && self.fleet.status[i] == InstanceStatus::Active
                };
                let own = self.fleet.ids().filter(is_there);
                own.map(|i| self.fleet.zone[i]).collect()
            }
        };
        let mut zones = service.setup.zones.clone().unwrap_or(all);
        zones.sort_unstable();
        zones.dedup();
        let mut counts: Vec<(ZoneId, u32)> = zones.into_iter().map(|zone| (zone, 0)).collect();
        for &slot in &service.members {
            let zone = match self.tasks[slot].place {
                Place::Instance(instance) => self.fleet.zone[instance],
                Place::Fargate(zone) => zone,
            };
            if let Some((_, count)) = counts.iter_mut().find(|(of, _)| *of == zone) {
                *count += 1;
            }
        }
        counts
    }

    fn tell_rebalancing(
        &mut self,
        id: ServiceId,
        now: SimTime,
        event: &'static str,
        what: &str,
    ) -> Result<(), RunError> {
        let name = &self.services.all[id].setup.name;
        let text =
            format!("(service {name}) rebalancing: the least loaded Availability Zone {what}.");
        self.event(id, now, "INFO", event, &text)
    }
}
