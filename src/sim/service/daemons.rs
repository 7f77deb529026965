//! DAEMON services: one task on each instance that is eligible.

use super::super::callers::Target;
use super::super::task::Slot;
use super::super::world::{Event, RunError, World};
use crate::engine::Queue;
use crate::model::fleet::InstanceStatus;
use crate::model::ids::{InstanceId, ServiceId};
use crate::model::lifecycle::StopReason;
use crate::policy::service::daemon::{self, DaemonInput};

impl World {
    /// One look at a DAEMON service. Says whether anything was done.
    pub(super) fn reconcile_daemons(
        &mut self,
        id: ServiceId,
        queue: &mut Queue<Event>,
    ) -> Result<bool, RunError> {
        let now = queue.now();
        let generation = self.services.all[id].generation;
        let eligible = self.eligible_for_daemon(id);
        // The instances decide how many tasks a DAEMON service wants.
        self.services.all[id].desired = u32::try_from(eligible.len()).unwrap_or(u32::MAX);
        let service = &self.services.all[id];
        let tasks = self.views(id, now);
        let minimum = service.setup.deployment.minimum_healthy_percent;
        let is_otherwise_empty = |instance: InstanceId| {
            let own = tasks.iter().filter(|task| task.instance == Some(instance)).count();
            self.fleet.tasks[instance] as usize <= own
        };
        let plan = daemon::pass(&DaemonInput {
            eligible: &eligible,
            generation,
            minimum_healthy_percent: minimum,
            tasks: &tasks,
            is_otherwise_empty: &is_otherwise_empty,
        });
        let mut did = false;
        for &(key, reason) in &plan.stop {
            let slot = Slot(key);
            let reason = match reason {
                crate::policy::service::StopReason::Deployment => StopReason::Deployed,
                crate::policy::service::StopReason::Draining => StopReason::Draining,
                crate::policy::service::StopReason::ScaleIn => StopReason::ScaledIn,
                crate::policy::service::StopReason::Unhealthy => {
                    let generation = self.services.member(slot).generation;
                    self.task_failed(id, generation, queue)?;
                    self.unhealthy_reason(slot)
                }
            };
            self.stop_member(slot, reason, queue)?;
            did = true;
        }
        if self.services.all[id].throttle.blocked_until(now).is_some() {
            return Ok(did);
        }
        let mut failed = None;
        for instance in plan.start {
            let target = Target::Named(instance);
            match self.place_member_at(id, generation, target, queue)? {
                Ok(()) => did = true,
                Err(failure) => failed = Some(failure),
            }
        }
        if let Some(failure) = failed {
            self.could_not_place(id, &failure, queue)?;
        }
        Ok(did)
    }

    /// ACTIVE instances of the service's cluster and providers that meet its constraints.
    fn eligible_for_daemon(&self, id: ServiceId) -> Vec<InstanceId> {
        let service = &self.services.all[id];
        let cluster = service.setup.cluster;
        let definition = service.revision_of(service.generation).definition;
        let rules = &self.callers[service.source].rules;
        let rule = rules.of(0, definition);
        let takes = |&instance: &InstanceId| {
            self.fleet.cluster[instance] == cluster
                && self.fleet.status[instance] == InstanceStatus::Active
                && self.placer.takes(rule, instance, &self.fleet)
        };
        self.fleet.ids().filter(takes).collect()
    }
}
