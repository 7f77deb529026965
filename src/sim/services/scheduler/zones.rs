//! Availability Zone rebalancing: a task more in the least loaded zone, then one less in the most loaded.

use crate::base::time::SimTime;
use crate::model::ids::{ServiceId, ZoneId};
use crate::model::platform::LaunchType;
use crate::policy::service::rebalance;
use crate::sim::event::RunError;
use crate::sim::request::Target;
use crate::sim::services::{Drive, Health};

/// How far the rebalancing of a service is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Rebalancing {
    /// Nothing to do, or not looked at yet.
    #[default]
    Idle,
    /// A task more has been started; one less comes when it is healthy.
    Started,
    /// The least loaded zone has no room; not tried again before the service or the fleet has changed.
    Stuck,
}

impl Rebalancing {
    /// There may be room now.
    pub fn try_again(&mut self) {
        if *self == Rebalancing::Stuck {
            *self = Rebalancing::Idle;
        }
    }
}

impl Drive<'_> {
    /// One step of rebalancing, where the service has been steady for long enough.
    pub fn rebalance_zones(&mut self, id: ServiceId) -> Result<(), RunError> {
        let now = self.queue.now();
        let service = &self.services.all[id];
        if !service.setup.rebalances_zones {
            return Ok(());
        }
        if service.rebalancing == Rebalancing::Started {
            return self.end_step(id);
        }
        let Some(since) = service.steady_since else {
            self.services.all[id].rebalancing = Rebalancing::Idle;
            return Ok(());
        };
        if service.rebalancing == Rebalancing::Stuck {
            return Ok(());
        }
        let Some(step) = rebalance::step(&self.look().tasks_by_zone(id)) else { return Ok(()) };
        let due = since + self.services.settings.rebalancing_delay;
        if now < due {
            self.plan().look_at(id, due);
            return Ok(());
        }
        if !self.look().has_room_for_one_more(id) {
            let cycle = self.services.settings.cycle;
            self.plan().look_at(id, now + cycle); // when those that drain are gone
            return Ok(());
        }
        let Some(target) = self.target_in_zone(id, step.start_in, now) else {
            self.services.all[id].rebalancing = Rebalancing::Stuck;
            return self.tell_rebalancing(id, now, "SERVICE_REBALANCING_STOPPED", "has no room");
        };
        let generation = self.services.all[id].generation;
        if self.place_member_at(id, generation, target)?.is_ok() {
            self.services.all[id].rebalancing = Rebalancing::Started;
            self.services.all[id].steady_since = None;
            self.tell_rebalancing(id, now, "SERVICE_REBALANCING_STARTED", "gets a task")?;
        }
        Ok(())
    }

    /// A deployment or a change of the desired count ends a step; else it ends when the new task is healthy.
    pub fn end_step(&mut self, id: ServiceId) -> Result<(), RunError> {
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
            let now = self.now();
            self.tell_rebalancing(id, now, event, "has its task")?;
            self.plan().look_soon(id);
        }
        Ok(())
    }

    /// A place in the zone, among the instances that are there (documented: none are asked for).
    pub fn target_in_zone(&mut self, id: ServiceId, zone: ZoneId, now: SimTime) -> Option<Target> {
        let target = self.next_target_of(id);
        if self.rules.askers[self.services.all[id].source].launch == LaunchType::Fargate {
            return Some(target); // Fargate takes the zone with the fewest tasks
        }
        let Target::Instances(item) = target else { return None };
        let generation = self.services.all[id].generation;
        let (request, _) = self.look().ask_for_member(id, generation, now);
        let ask = self.life().ask(&request, item);
        let instance = self.cluster.choose(&ask, &self.rules.port_sets)?;
        (self.cluster.fleet().zone[instance] == zone).then_some(Target::Instances(item))
    }

    pub fn tell_rebalancing(
        &mut self,
        id: ServiceId,
        now: SimTime,
        event: &'static str,
        what: &str,
    ) -> Result<(), RunError> {
        let name = &self.services.all[id].setup.name;
        let text =
            format!("(service {name}) rebalancing: the least loaded Availability Zone {what}.");
        self.books.service_event(id, now, "INFO", event, &text)
    }
}
