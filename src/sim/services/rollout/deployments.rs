//! Deployments of a service: a revision comes, takes over, is completed, fails, goes back.

use super::alarms::{alarms_firing, new_alarms};
use super::state::{Deployment, Kind, RolloutState, Wants};
use crate::base::time::{SimSpan, SimTime};
use crate::model::ids::ServiceId;
use crate::model::service::{Permille, Stage};
use crate::policy::deployment::breaker::Breaker;
use crate::policy::deployment::rolling::{self, Progress};
use crate::sim::event::RunError;
use crate::sim::services::Plan;

impl Plan<'_> {
    /// A new deployment becomes PRIMARY.
    pub fn create_deployment(
        &mut self,
        id: ServiceId,
        revision: usize,
        kind: Kind,
        reason: &str,
    ) -> Result<(), RunError> {
        let now = self.queue.now();
        self.flow().disturb(id)?; // a deployment changes what alarms can do
        self.supersede_unfinished(id, now)?;
        let service = &mut self.services.all[id];
        service.last_generation += 1;
        let before = service.deployment(service.generation).map(|d| d.revision);
        if before != Some(revision) {
            service.throttle.reset();
        }
        service.old_desired = service.desired;
        service.steady_since = None;
        let is_first = service.deployments.is_empty();
        let is_task_set = matches!(kind, Kind::TaskSet { .. });
        let (pool, wants) = match kind {
            Kind::Rolling => (service.pool, Wants::All),
            Kind::Staged(_) => (service.free_pool(), Wants::Nothing),
            Kind::TaskSet { .. } if is_first => (service.pool, Wants::All),
            Kind::TaskSet { .. } => (service.free_pool(), Wants::All),
        };
        let configuration = &service.setup.deployment;
        let earlier = service.deployment(service.generation);
        let alarms = earlier.map_or_else(|| new_alarms(configuration), |d| d.alarms.clone());
        let alarms_ignored = alarms_firing(&alarms);
        let mut deployment = Deployment {
            generation: service.last_generation,
            revision,
            kind,
            state: RolloutState::InProgress,
            wants,
            pool,
            pending: 0,
            running: 0,
            healthy: 0,
            failed_tasks: 0,
            step: Default::default(),
            breaker: configuration.circuit_breaker.map(Breaker::new),
            is_stalled: false,
            is_rollback: reason == ROLLBACK,
            has_served: false,
            alarms,
            alarms_ignored,
            leaving: 0,
            draining: 0,
        };
        let generation = deployment.generation;
        if is_task_set {
            deployment.state = RolloutState::Completed;
        }
        if is_first || !is_task_set {
            service.generation = generation; // a task set becomes PRIMARY when the caller says so
        }
        service.deployments.push(deployment);
        self.record_deployment(id, generation, "CREATED", None, reason, now)?;
        if !is_first {
            self.mark_deployment(id, generation, now);
            let text = format!(
                "(service {}) has started a deployment (number {generation}).",
                self.services.all[id].setup.name
            );
            self.books.service_event(id, now, "INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS", &text)?;
        }
        self.look_soon(id);
        Ok(())
    }

    /// A newer deployment takes the place of an unfinished one.
    pub fn supersede_unfinished(&mut self, id: ServiceId, now: SimTime) -> Result<(), RunError> {
        if let Some(serving) = self.services.all[id].deployment_in_clean_up() {
            self.complete(id, serving, now)?;
        }
        let service = &mut self.services.all[id];
        let mut superseded = Vec::new();
        let mut was_staged = false;
        for deployment in &mut service.deployments {
            if deployment.is_under_way() {
                was_staged |= matches!(deployment.kind, Kind::Staged(_));
                if matches!(deployment.kind, Kind::Staged(_)) {
                    deployment.wants = Wants::Nothing;
                }
                deployment.state = match deployment.has_served {
                    true => RolloutState::Completed, // it was on its way back, and is what served last
                    false => RolloutState::Failed,
                };
                superseded.push(deployment.generation);
            }
        }
        for generation in superseded {
            self.record_deployment(id, generation, "SUPERSEDED", None, "a newer deployment", now)?;
        }
        if was_staged {
            let pool = self.services.all[id].pool;
            self.set_traffic(id, pool, pool, Permille::ALL, now)?;
        }
        Ok(())
    }

    /// Services that run since before time zero: their first deployments are complete.
    pub fn settle_first_deployments(&mut self, id: ServiceId) -> Result<(), RunError> {
        let service = &self.services.all[id];
        let is_there = service.members.len() == service.desired as usize || service.is_daemon();
        let is_task_set = |d: &Deployment| matches!(d.kind, Kind::TaskSet { .. });
        if service.deployments.iter().any(is_task_set) {
            return Ok(());
        }
        if is_there && service.healthy as usize == service.members.len() {
            let newest = service.generation;
            self.complete(id, newest, self.now())?;
        }
        Ok(())
    }

    /// A task of a deployment failed: it did not start, or its health checks failed. The circuit breaker counts.
    pub fn task_failed(&mut self, id: ServiceId, generation: u32) -> Result<(), RunError> {
        self.books.services[id].tasks_failed += 1;
        self.launch_failed(id, generation)
    }

    /// The same for a launch that could not be made (documented: `failedTasks` counts it): there is no task to count.
    pub fn launch_failed(&mut self, id: ServiceId, generation: u32) -> Result<(), RunError> {
        let service = &mut self.services.all[id];
        let desired = service.desired;
        let Some(deployment) = service.deployment_mut(generation) else { return Ok(()) };
        deployment.failed_tasks += 1;
        let is_rolling = matches!(deployment.kind, Kind::Rolling);
        let is_judged = is_rolling && deployment.state == RolloutState::InProgress;
        let Some(breaker) = deployment.breaker.as_mut().filter(|_| is_judged) else {
            return Ok(());
        };
        breaker.failed();
        if !breaker.is_open(desired) {
            return Ok(());
        }
        let (failures, rolls_back) = (breaker.failures(), breaker.rolls_back());
        let reason = format!("tasks failed to start: circuit breaker after {failures} failures");
        self.fail_rolling(id, generation, &reason, rolls_back)
    }

    pub fn fail_rolling(
        &mut self,
        id: ServiceId,
        generation: u32,
        reason: &str,
        rolls_back: bool,
    ) -> Result<(), RunError> {
        let now = self.queue.now();
        let service = &mut self.services.all[id];
        self.books.services[id].deployments[1] += 1;
        let back_to = service.completed_revision.filter(|_| rolls_back);
        let Some(deployment) = service.deployment_mut(generation) else { return Ok(()) };
        deployment.state = RolloutState::Failed;
        let was_rollback = deployment.is_rollback;
        let back_to = back_to.filter(|_| !was_rollback);
        deployment.is_stalled = back_to.is_none();
        self.record_deployment(id, generation, "FAILED", None, reason, now)?;
        let text =
            format!("(service {}) deployment failed: {reason}.", self.services.all[id].setup.name);
        self.books.service_event(id, now, "ERROR", "SERVICE_DEPLOYMENT_FAILED", &text)?;
        if let Some(revision) = back_to {
            self.record_deployment(id, generation, "ROLLING_BACK", None, reason, now)?;
            self.roll_back(id, revision)?;
        }
        Ok(())
    }

    /// The last completed deployment is PRIMARY again, with the tasks that it still has (documented: the state reason
    /// "rolling back to deploymentId"); where it is gone, a new one of its revision.
    pub fn roll_back(&mut self, id: ServiceId, revision: usize) -> Result<(), RunError> {
        let now = self.queue.now();
        let service = &mut self.services.all[id];
        let is_it = |d: &&Deployment| {
            let has_served = d.state == RolloutState::Completed && d.revision == revision;
            has_served && matches!(d.kind, Kind::Rolling)
        };
        let found = service.deployments.iter().rev().find(is_it).map(|d| d.generation);
        let Some(generation) = found else {
            return self.create_deployment(id, revision, Kind::Rolling, ROLLBACK);
        };
        let (failed, back) =
            (service.revision_of(service.generation), &service.setup.revisions[revision]);
        if (failed.definition, failed.launch) != (back.definition, back.launch) {
            service.throttle.reset();
        }
        service.steady_since = None;
        service.generation = generation;
        let breaker = service.setup.deployment.circuit_breaker.map(Breaker::new);
        if let Some(deployment) = service.deployment_mut(generation) {
            deployment.state = RolloutState::InProgress;
            deployment.is_rollback = true;
            deployment.breaker = breaker;
            deployment.alarms_ignored = alarms_firing(&deployment.alarms);
        }
        self.record_deployment(id, generation, "IN_PROGRESS", None, ROLLBACK, now)?;
        self.mark_deployment(id, generation, now);
        let text = format!(
            "(service {}) rolling back to deployment {generation}.",
            self.services.all[id].setup.name
        );
        self.books.service_event(id, now, "INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS", &text)?;
        self.look_soon(id);
        Ok(())
    }

    /// Whether rolling deployments are done, and whether the tasks of earlier ones are gone.
    pub fn judge_deployments(&mut self, id: ServiceId) -> Result<(), RunError> {
        let now = self.queue.now();
        let service = &mut self.services.all[id];
        let generation = service.generation;
        let is_gone = |d: &Deployment| !d.has_tasks() && !service.needs(d);
        let gone: Vec<u32> =
            service.deployments.iter().filter(|d| is_gone(d)).map(|d| d.generation).collect();
        for old in gone {
            self.record_deployment(id, old, "INACTIVE", None, "", now)?;
            self.services.all[id].deployments.retain(|d| d.generation != old);
        }
        let service = &self.services.all[id];
        let Some(deployment) = service.deployment(generation) else { return Ok(()) };
        if !matches!(deployment.kind, Kind::Rolling) {
            return Ok(());
        }
        let daemons = service.is_daemon().then(|| self.look().eligible_for_daemon(id).len() as u32);
        match deployment.state {
            RolloutState::InProgress => {
                let desired = daemons.unwrap_or(service.desired);
                let progress = Progress {
                    desired,
                    new: deployment.tasks(),
                    new_healthy: deployment.healthy,
                    old: service.others_than(generation),
                };
                if rolling::is_complete(progress, service.setup.deployment.early_success) {
                    self.bake(id, generation)?;
                }
                Ok(())
            }
            RolloutState::Baking { until } if until <= now => self.complete(id, generation, now),
            _ => Ok(()),
        }
    }

    pub fn bake(&mut self, id: ServiceId, generation: u32) -> Result<(), RunError> {
        let configuration = &self.services.all[id].setup.deployment;
        let default = match &configuration.alarms {
            Some(_) => self.services.settings.alarm_bake,
            None => SimSpan::ZERO,
        };
        let span = configuration.bake.unwrap_or(default);
        if span == SimSpan::ZERO {
            return self.complete(id, generation, self.now());
        }
        let until = self.queue.now() + span;
        if let Some(deployment) = self.services.all[id].deployment_mut(generation) {
            deployment.state = RolloutState::Baking { until };
        }
        self.record_deployment(id, generation, "STAGE", Some(Stage::BakeTime), "", self.now())?;
        self.look_at(id, until);
        Ok(())
    }

    pub fn complete(
        &mut self,
        id: ServiceId,
        generation: u32,
        now: SimTime,
    ) -> Result<(), RunError> {
        let service = &mut self.services.all[id];
        let Some(deployment) = service.deployment_mut(generation) else { return Ok(()) };
        deployment.state = RolloutState::Completed;
        deployment.has_served = true;
        deployment.wants = Wants::All;
        if matches!(deployment.kind, Kind::Staged(_)) {
            deployment.kind = Kind::Rolling;
        }
        let revision = deployment.revision;
        service.completed_revision = Some(revision);
        let is_first = service.last_generation == 1;
        if !(is_first && service.setup.starts_running) {
            self.books.services[id].deployments[0] += 1;
        }
        self.record_deployment(id, generation, "COMPLETED", None, "", now)?;
        let text = format!(
            "(service {}) deployment {generation} completed.",
            self.services.all[id].setup.name
        );
        self.books.service_event(id, now, "INFO", "SERVICE_DEPLOYMENT_COMPLETED", &text)
    }
}

/// The reason of a deployment that goes back.
pub(super) const ROLLBACK: &str = "rollback";
