//! DAEMON services: one task on each instance that is eligible.

use crate::base::id::Id as _;
use crate::model::ids::{InstanceId, ServiceId, SourceId};
use crate::model::lifecycle::StopReason;
use crate::policy::service::StopReason as ServiceStop;
use crate::policy::service::daemon::{self, DaemonInput};
use crate::sim::event::RunError;
use crate::sim::request::Target;
use crate::sim::services::Drive;
use crate::sim::task::{Slot, Task};

impl Drive<'_> {
    /// The service of one who asks for tasks, if it is one.
    #[must_use]
    pub fn service_of(&self, source: SourceId) -> Option<ServiceId> {
        let index = source.0.checked_sub(self.rules.first_service)?;
        Some(ServiceId::from_index(index as usize))
    }

    /// Whether a task is a DAEMON service's.
    #[must_use]
    pub fn is_daemon_task(&self, task: &Task) -> bool {
        self.service_of(task.source).is_some_and(|id| self.services.all[id].is_daemon())
    }

    /// One look at a DAEMON service. Says whether anything was done.
    pub fn reconcile_daemons(&mut self, id: ServiceId) -> Result<bool, RunError> {
        let now = self.queue.now();
        let generation = self.services.all[id].generation;
        let eligible = self.look().eligible_for_daemon(id);
        // The instances decide how many tasks a DAEMON service wants.
        self.services.all[id].desired = u32::try_from(eligible.len()).unwrap_or(u32::MAX);
        let mut tasks = self.look().views(id, now);
        self.look_at_daemons(id, &mut tasks);
        let service = &self.services.all[id];
        let minimum = service.setup.deployment.minimum_healthy_percent;
        let is_otherwise_empty = |instance: InstanceId| {
            let own = tasks.iter().filter(|task| task.instance == Some(instance)).count();
            self.cluster.fleet().tasks[instance] as usize <= own
        };
        let plan = daemon::pass(&DaemonInput {
            eligible: &eligible,
            generation,
            minimum_healthy_percent: minimum,
            tasks: &tasks,
            is_otherwise_empty: &is_otherwise_empty,
        });
        let is_stalled = service.deployment(generation).is_some_and(|d| d.is_stalled);
        if plan.stop.iter().any(|(_, reason)| *reason == ServiceStop::ScaleIn) {
            let text = format!(
                "(service {}) stops daemon tasks where placement constraints no longer hold.",
                service.setup.name
            );
            self.books.service_event(
                id,
                now,
                "ERROR",
                "SERVICE_DAEMON_PLACEMENT_CONSTRAINT_VIOLATED",
                &text,
            )?;
        }
        let mut did = self.daemon_steps(id, &eligible)?;
        for &(key, reason) in &plan.stop {
            let slot = Slot(key);
            if self.services.member(slot).place == u32::MAX {
                continue; // a stop before it made room for it, and it failed to start
            }
            let reason = match reason {
                ServiceStop::Deployment if is_stalled => continue,
                ServiceStop::Deployment => StopReason::Deployed,
                ServiceStop::Draining => StopReason::Draining,
                ServiceStop::ScaleIn => StopReason::ScaledIn,
                ServiceStop::Unhealthy => {
                    let generation = self.services.member(slot).generation;
                    self.plan().task_failed(id, generation)?;
                    self.services.unhealthy_reason(slot)
                }
            };
            self.stop_member(slot, reason)?;
            did = true;
        }
        let service = &self.services.all[id];
        let has_failed = service.generation != generation
            || service.deployment(generation).is_some_and(|d| d.is_stalled);
        let is_held = service.throttle.blocked_until(now).is_some();
        self.forget_crashes(id, now);
        // Where a task has crashed of which it does not know yet, it starts none.
        let crashed: Vec<_> = self.services.all[id].crashed.iter().map(|of| of.instance).collect();
        let starts = plan.start.iter().filter(|instance| !crashed.contains(&Some(**instance)));
        let given_up = &self.services.all[id].given_up;
        let starts = starts.filter(|instance| !given_up.contains(instance));
        let starts: Vec<InstanceId> = starts.copied().collect();
        if has_failed || is_held {
            return Ok(did);
        }
        self.wish(id, starts.len() as u32);
        let mut failed = None;
        for instance in starts {
            let target = Target::Named(instance);
            match self.place_member_at(id, generation, target)? {
                Ok(()) => did = true,
                Err(failure) => failed = Some(failure),
            }
        }
        if let Some(failure) = failed {
            self.could_not_place(id, generation, &failure)?;
        }
        Ok(did)
    }
}
