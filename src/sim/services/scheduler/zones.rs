//! Availability Zone rebalancing: a task more in the least loaded zone, then one less in the most loaded.

use crate::base::time::SimTime;
use crate::model::ids::{ProviderId, ServiceId, ZoneId};
use crate::model::platform::LaunchType;
use crate::policy::service::rebalance;
use crate::sim::event::RunError;
use crate::sim::request::Target;
use crate::sim::services::{Drive, Health, Look};
use crate::sim::setup::Launch;

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
    /// Its tasks on Fargate are even; not looked at again before some come or go, or the service is not steady (as it is not
    /// while a deployment gives them other zones or capacity providers).
    Even,
}

impl Rebalancing {
    /// Tasks have come or gone.
    pub fn members_changed(&mut self) {
        if *self == Rebalancing::Even {
            *self = Rebalancing::Idle;
        }
    }

    /// There may be room now.
    pub fn try_again(&mut self) {
        if *self == Rebalancing::Stuck {
            *self = Rebalancing::Idle;
        }
    }
}

impl Look<'_> {
    /// The next step, and where its task goes. On Fargate the tasks of each capacity provider are balanced by themselves,
    /// since they are spread so (documented): a service on FARGATE and FARGATE_SPOT would else never be even.
    pub fn next_step(&self, id: ServiceId) -> Option<(rebalance::Step, Target)> {
        let service = &self.services.all[id];
        if service.way(self.rules, service.generation).launch == LaunchType::Ec2 {
            let step = rebalance::step(&self.tasks_by_zone(id, None))?;
            return Some((step, self.next_target_of(id, service.generation)));
        }
        let providers: Vec<ProviderId> = match service.launch(service.generation) {
            Launch::Providers(shares) => shares.iter().map(|share| share.provider).collect(),
            _ => vec![self.fargate.on_demand()],
        };
        let step = |of: ProviderId| {
            let step = rebalance::step(&self.tasks_by_zone(id, Some(of)))?;
            Some((step, Target::Fargate(of)))
        };
        providers.into_iter().find_map(step)
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
        if matches!(service.rebalancing, Rebalancing::Stuck | Rebalancing::Even) {
            return Ok(());
        }
        let Some((step, target)) = self.look().next_step(id) else {
            let service = &self.services.all[id];
            if !service.uses_ec2(self.rules) {
                self.services.all[id].rebalancing = Rebalancing::Even;
            }
            return Ok(());
        };
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
        if !self.is_target_in(id, target, step.start_in, now) {
            self.services.all[id].rebalancing = Rebalancing::Stuck;
            return self.tell_rebalancing(id, now, "SERVICE_REBALANCING_STOPPED", "has no room");
        }
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

    /// Whether a task more would be placed in the zone, on what is there now (documented: no capacity is asked for).
    fn is_target_in(&mut self, id: ServiceId, target: Target, zone: ZoneId, now: SimTime) -> bool {
        let generation = self.services.all[id].generation;
        let (request, _) = self.look().ask_for_member(id, generation, now);
        let network = &self.rules.askers[request.source].network;
        if request.demand.enis > 0 && self.cluster.sees_no_address(network, zone) {
            return false;
        }
        match target {
            Target::Fargate(provider) => {
                let purchase = self.rules.providers[provider].purchase;
                let asker = &self.rules.askers[request.source];
                let zones = asker.zones.as_deref();
                let open =
                    zones.and_then(|all| self.cluster.zones_with_addresses(&asker.network, all));
                let subnets = open.as_deref().or(zones);
                self.fargate.zone_for(purchase, provider, request.group, subnets) == Some(zone)
            }
            Target::Instances(item) => {
                let ask = self.life().ask(&request, item);
                let ask = self.life().ask_with_address(ask, request.source);
                let chosen = self.cluster.choose(&ask, &self.rules.port_sets);
                chosen.is_some_and(|instance| self.cluster.fleet().zone[instance] == zone)
            }
            Target::Named(_) => false,
        }
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
