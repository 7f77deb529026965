//! Managed daemons, which are DAEMON services of Managed Instances: a task that fails is its instance's failure, and an
//! update replaces the instances.
//!
//! Documented (developer guide, "Daemon auto repair", "Daemon deployments"): see [`crate::policy::deployment::daemon`].
//! Assumed: instances drain in the order of their registration; where auto-repair is off, and where the daemon is not
//! critical, its task is started again on its instance. ECS goes back to the last revision by itself (documented); here that
//! is asked for as of every service, by `deployment_circuit_breaker` and `alarms`.

use crate::model::fleet::InstanceStatus;
use crate::model::ids::{InstanceId, ServiceId};
use crate::policy::deployment::daemon::{self, View};
use crate::policy::service::ServiceTask;
use crate::sim::event::RunError;
use crate::sim::services::{Drive, RolloutState};
use crate::sim::task::Slot;

/// What a managed daemon means for an instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DaemonNews {
    /// The task of a critical daemon has stopped or is unhealthy there.
    Failed,
    /// It is to be replaced by one with the new revision.
    Update,
}

impl Drive<'_> {
    /// The task of a critical daemon has ended though it was wanted: the scheduler learns of it in a while.
    pub fn daemon_ends(&mut self, slot: Slot) {
        let service = self.services.member(slot).service;
        if self.services.all[service].setup.daemon.is_some_and(|of| of.is_critical) {
            self.plan().learn_of_crash(slot);
        }
    }

    /// A daemon's task runs: those that wait for it on its host may start.
    pub fn daemon_runs(&mut self, slot: Slot) {
        let task = &self.tasks[slot];
        if let Some(instance) = task.instance()
            && self.cluster.host(instance).daemon_runs(task.source)
        {
            self.life().serve_host_queue(instance);
        }
    }

    /// What becomes of instances by which tasks of a managed daemon have failed. Its tasks are as the pass is to see them.
    pub(super) fn look_at_daemons(&mut self, id: ServiceId, tasks: &mut [ServiceTask]) {
        let now = self.queue.now();
        let service = &self.services.all[id];
        let Some(of) = service.setup.daemon else { return };
        let generation = service.generation;
        let known = service.crashed.iter().filter(|crashed| crashed.at <= now);
        let mut failed: Vec<InstanceId> = known.filter_map(|crashed| crashed.instance).collect();
        for task in tasks {
            task.generation = generation; // each stays with its instance
            if of.is_critical && task.is_sick() {
                failed.extend(task.instance);
                task.is_unhealthy = !of.is_repaired;
            }
        }
        let fleet = self.cluster.fleet();
        let is_active = |instance: &InstanceId| fleet.status[*instance] == InstanceStatus::Active;
        let service = &mut self.services.all[id];
        service.given_up.retain(is_active);
        failed.retain(is_active);
        if !of.is_critical {
            return;
        }
        for instance in failed {
            if service.given_up.contains(&instance) {
                continue;
            }
            if of.is_repaired {
                service.given_up.push(instance);
            }
            self.services.daemon_news.push_back((instance, DaemonNews::Failed));
        }
    }

    /// The next step of a managed daemon's deployment. Says whether one is under way.
    pub(super) fn daemon_steps(
        &mut self,
        id: ServiceId,
        eligible: &[InstanceId],
    ) -> Result<bool, RunError> {
        let now = self.queue.now();
        let service = &self.services.all[id];
        let generation = service.generation;
        let Some(deployment) = service.deployment(generation) else { return Ok(false) };
        let is_going =
            service.setup.daemon.is_some() && deployment.state == RolloutState::InProgress;
        if !is_going {
            return Ok(false);
        }
        let is_old = |slot: &&Slot| self.services.member(**slot).generation != generation;
        let on = |slot: &Slot| self.tasks[*slot].instance();
        let old = service.members.iter().filter(is_old).filter_map(on);
        let (mut stay, leave): (Vec<InstanceId>, Vec<InstanceId>) =
            old.partition(|instance| eligible.binary_search(instance).is_ok());
        stay.sort_unstable();
        let others = service.deployments.iter().filter(|d| d.generation != generation);
        let leaving = leave.len() as u32 + others.map(|d| d.leaving).sum::<u32>();
        let view = View {
            instances: eligible.len() as u32,
            old: stay.len() as u32,
            leaving,
            is_settled: deployment.tasks() == deployment.healthy
                && deployment.healthy as usize + stay.len() == eligible.len(),
        };
        let configuration = &service.setup.deployment;
        let of = (configuration.drains_ppm, configuration.bake.unwrap_or_default());
        let (step, drains) = daemon::advance(deployment.step, view, of, now);
        if let Some(deployment) = self.services.all[id].deployment_mut(generation) {
            deployment.step = step;
        }
        let batch = stay.into_iter().take(drains as usize);
        self.services.daemon_news.extend(batch.map(|instance| (instance, DaemonNews::Update)));
        Ok(step == daemon::Step::UnderWay)
    }
}
