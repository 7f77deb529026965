//! What the policies see of a service, and what they make of it.

use crate::base::random::Stream;
use crate::base::time::{SimSpan, SimTime};
use crate::model::fleet::InstanceStatus;
use crate::model::ids::{InstanceId, ProviderId, ServiceId, ZoneId};
use crate::model::lifecycle::TaskStatus;
use crate::model::platform::LaunchType;
use crate::policy::deployment::rolling;
use crate::policy::service::{self as policy, Pass, PassInput, ScaleIn, ServiceTask};
use crate::sim::services::capacity::shares_of;
use crate::sim::services::{Deployment, Health, Kind, Look, Rebalancing};
use crate::sim::task::Slot;

impl Look<'_> {
    /// The same without consequences.
    pub fn passes_with(&self, id: ServiceId, now: SimTime, dice: &mut Stream) -> Vec<Pass> {
        let of = &self.services.all[id];
        let is_settled = self.is_settled(id);
        let mut tasks = if is_settled { Vec::new() } else { self.views(id, now) };
        let Some(newest) = of.deployment(of.generation) else { return Vec::new() };
        let is_throttled = of.throttle.blocked_until(now).is_some();
        let is_held = newest.is_stalled || is_throttled;
        let definition = of.revision_of(of.generation).definition;
        let demand = self.rules.definitions[definition].demand;
        let setup = &of.setup;
        let (low, high) =
            (setup.deployment.minimum_healthy_percent, setup.deployment.maximum_percent);
        let shares = shares_of(of.launch(of.generation));
        let scale_in = ScaleIn {
            fleet: self.cluster.fleet(),
            strategies: &setup.strategies,
            demand,
            shares: &shares,
        };
        let counts = self.services.settings.draining_tasks_count;
        let delay = setup.balancer.map_or(SimSpan::ZERO, |b| b.deregistration_delay);
        let stops_drain = counts && delay > SimSpan::ZERO;
        let draining = |d: &Deployment| if counts { d.draining } else { 0 };
        let mut passes = Vec::new();
        if of.deployments.iter().all(|d| matches!(d.kind, Kind::Rolling)) {
            self.count_by_newest(of, &mut tasks);
            let is_moving = of.rebalancing == Rebalancing::Started && !of.is_rolling();
            let desired = of.desired + u32::from(is_moving);
            let input = PassInput {
                desired,
                bounds: rolling::bounds(of.desired, low, high),
                generation: of.generation,
                draining: of.deployments.iter().map(draining).sum(),
                stops_drain,
                tasks: &tasks,
                scale_in,
                is_rolling: of.is_rolling(),
                old: of.old_revision(),
                is_held,
            };
            passes.push(match is_settled {
                true => policy::fill_up(&input, of.members.len() as u32),
                false => policy::pass(&input, dice),
            });
        } else {
            for deployment in &of.deployments {
                let own: Vec<ServiceTask> = tasks
                    .iter()
                    .copied()
                    .filter(|task| task.generation == deployment.generation)
                    .collect();
                let desired = deployment.wants(of.desired);
                let shares = shares_of(of.launch(deployment.generation));
                let scale_in = ScaleIn { shares: &shares, ..scale_in };
                // The failed starts of green are no reason not to replace a task of blue.
                let is_own = matches!(deployment.kind, Kind::TaskSet { .. })
                    || deployment.generation == of.generation;
                let input = PassInput {
                    desired,
                    bounds: rolling::bounds(desired, low, high.max(100)),
                    generation: deployment.generation,
                    draining: draining(deployment),
                    stops_drain,
                    tasks: &own,
                    scale_in,
                    is_rolling: false,
                    old: None,
                    is_held: is_throttled && is_own,
                };
                passes.push(policy::pass(&input, dice));
            }
        }
        passes
    }

    /// Whether a pass could do no more than start tasks, whoever is there: all are of one deployment that rolls no more, no
    /// more than desired, none is unhealthy, and none is to make room for another.
    fn is_settled(&self, id: ServiceId) -> bool {
        let service = &self.services.all[id];
        let [only] = service.deployments.as_slice() else { return false };
        matches!(only.kind, Kind::Rolling)
            && only.generation == service.generation
            && only.tasks() as usize == service.members.len()
            && service.members.len() <= service.desired as usize
            && !service.is_rolling()
            && !self.services.is_sick(id)
            && !self.has_draining_task(id)
    }

    /// The service's tasks as the policies see them, in order of number.
    pub fn views(&self, id: ServiceId, now: SimTime) -> Vec<ServiceTask> {
        let service = &self.services.all[id];
        for &slot in &service.members {
            self.tasks.look_ahead(slot);
            self.services.look_ahead_to_member(slot);
        }
        let mut views: Vec<ServiceTask> =
            service.members.iter().map(|&slot| self.view(slot, now)).collect();
        views.sort_unstable_by_key(|view| view.id);
        views
    }

    pub fn view(&self, slot: Slot, now: SimTime) -> ServiceTask {
        let member = self.services.member(slot);
        let task = &self.tasks[slot];
        let (zone, instance) = (task.zone(self.cluster.fleet()), task.instance());
        ServiceTask {
            key: slot.0,
            id: member.task,
            generation: member.generation,
            is_running: task.status == TaskStatus::Running,
            counts_healthy: member.health == Health::Healthy,
            is_unhealthy: member.health == Health::Unhealthy,
            in_grace: now < member.grace_until,
            is_protected: now < member.protected_until || self.works(slot),
            provider: self.item_of(slot),
            is_draining: self.fargate.is_retired(task)
                || instance
                    .is_some_and(|i| self.cluster.fleet().status[i] == InstanceStatus::Draining),
            zone,
            instance,
        }
    }

    /// Whether a task is protected because it works on a message.
    pub fn works(&self, slot: Slot) -> bool {
        let service = &self.services.all[self.services.member(slot).service];
        let is_such = service.setup.protection.is_some_and(|protection| protection.while_busy);
        is_such && service.load.as_ref().is_some_and(|load| load.is_busy(self.tasks[slot].id))
    }

    /// ACTIVE instances of the service's cluster and providers that meet its constraints.
    pub fn eligible_for_daemon(&self, id: ServiceId) -> Vec<InstanceId> {
        let service = &self.services.all[id];
        let cluster = service.setup.cluster;
        let definition = service.revision_of(service.generation).definition;
        let rule = self.rules.askers[service.source].table.of(0, definition);
        let takes = |&instance: &InstanceId| {
            self.cluster.fleet().cluster[instance] == cluster
                && self.cluster.fleet().status[instance] == InstanceStatus::Active
                && self.cluster.takes(rule, instance)
        };
        self.cluster.fleet().ids().filter(takes).collect()
    }

    /// Tasks of a service by AZ, over the AZs that it may use: all of them, or those of one capacity provider.
    pub fn tasks_by_zone(&self, id: ServiceId, of: Option<ProviderId>) -> Vec<(ZoneId, u32)> {
        let service = &self.services.all[id];
        let all: Vec<ZoneId> = match service.way(self.rules, service.generation).launch {
            LaunchType::Fargate => self.fargate.zones().to_vec(),
            LaunchType::Ec2 => {
                let cluster = service.setup.cluster;
                let is_there = |&i: &InstanceId| {
                    self.cluster.fleet().cluster[i] == cluster
                        && self.cluster.fleet().status[i] == InstanceStatus::Active
                };
                let own = self.cluster.fleet().ids().filter(is_there);
                own.map(|i| self.cluster.fleet().zone[i]).collect()
            }
        };
        let mut zones = service.setup.zones.clone().unwrap_or(all);
        zones.sort_unstable();
        zones.dedup();
        let mut counts: Vec<(ZoneId, u32)> = zones.into_iter().map(|zone| (zone, 0)).collect();
        service.members.iter().for_each(|&slot| self.tasks.look_ahead_to_place(slot));
        let is_own = |provider: ProviderId| of.is_none_or(|only| only == provider);
        for &slot in service.members.iter().filter(|&&slot| is_own(self.tasks[slot].provider)) {
            let zone = self.tasks[slot].zone(self.cluster.fleet());
            if let Some((_, count)) = counts.iter_mut().find(|(of, _)| *of == zone) {
                *count += 1;
            }
        }
        counts
    }
}
