//! Deployments of a service: a revision comes, takes over, is completed, fails, goes back.

use super::super::world::{Event, RunError, World};
use super::Service;
use super::alarms::alarms_firing;
use super::stages::POOLS;
use crate::base::time::{SimSpan, SimTime};
use crate::engine::Queue;
use crate::model::ids::ServiceId;
use crate::model::service::{Permille, Stage};
use crate::policy::deployment::breaker::Breaker;
use crate::policy::deployment::rolling::{self, Progress};
use crate::policy::deployment::stages::Stages;
use crate::policy::deployment::task_set;
use crate::policy::service::OldRevision;

/// How a deployment's tasks come in.
#[derive(Clone, Debug)]
pub enum Kind {
    /// In place of the old ones, between the two percents. Also what every completed deployment is.
    Rolling,
    /// Beside the old ones, with stages: blue/green, canary, linear, CodeDeploy.
    Staged(Box<Stages>),
    /// A task set of the EXTERNAL controller.
    TaskSet {
        /// Name.
        name: String,
        /// Percent of the desired count.
        scale: Permille,
    },
}

/// How many tasks a deployment wants that stands beside others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wants {
    /// The desired count.
    All,
    /// None (any more).
    Nothing,
}

/// `rolloutState`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RolloutState {
    /// Under way.
    InProgress,
    /// Done but for the time that alarms or blue are kept.
    Baking {
        /// Its end.
        until: SimTime,
    },
    /// Done.
    Completed,
    /// It did not make it.
    Failed,
}

impl RolloutState {
    /// The name in the API.
    pub fn api_name(self) -> &'static str {
        match self {
            RolloutState::InProgress | RolloutState::Baking { .. } => "IN_PROGRESS",
            RolloutState::Completed => "COMPLETED",
            RolloutState::Failed => "FAILED",
        }
    }
}

/// A deployment, or a task set.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Its number in the service, from 1.
    pub generation: u32,
    /// Index of its revision.
    pub revision: usize,
    /// How it goes.
    pub kind: Kind,
    /// How far it is.
    pub state: RolloutState,
    /// Tasks that it wants beside others.
    pub wants: Wants,
    /// Target group of its tasks.
    pub pool: u8,
    /// Its tasks before RUNNING.
    pub pending: u32,
    /// Its tasks in RUNNING.
    pub running: u32,
    /// Of these, healthy.
    pub healthy: u32,
    /// `failedTasks`.
    pub failed_tasks: u32,
    /// Circuit breaker.
    breaker: Option<Breaker>,
    /// Whether it starts nothing any more: failed, with nothing to go back to.
    pub is_stalled: bool,
    /// Whether it brings back an earlier revision.
    is_rollback: bool,
    /// Whether it has been completed once.
    has_served: bool,
    /// Points of each alarm, newest in the lowest bit, and how many there are.
    pub alarm_points: Vec<(u64, u32)>,
    /// Alarms that were in ALARM when it began, which do not count for it.
    pub alarms_ignored: u64,
}

impl Deployment {
    /// Tasks that it should have, where it stands beside others.
    pub fn wants(&self, desired: u32) -> u32 {
        match (&self.kind, self.wants) {
            (_, Wants::Nothing) => 0,
            (Kind::TaskSet { scale, .. }, Wants::All) => {
                task_set::computed_desired(desired, *scale)
            }
            (_, Wants::All) => desired,
        }
    }

    /// All of its tasks whose desired status is RUNNING.
    pub fn tasks(&self) -> u32 {
        self.pending + self.running
    }

    /// A task of it has become healthy.
    pub fn task_is_healthy(&mut self) {
        if let Some(breaker) = &mut self.breaker {
            breaker.became_healthy();
        }
    }

    /// When it must be looked at again though nothing has changed.
    pub fn wakes_at(&self) -> Option<SimTime> {
        match (&self.kind, self.state) {
            (_, RolloutState::Baking { until }) => Some(until),
            (Kind::Staged(stages), RolloutState::InProgress) => stages.wakes_at(),
            _ => None,
        }
    }

    /// Whether it is neither done nor failed.
    pub fn is_under_way(&self) -> bool {
        matches!(self.state, RolloutState::InProgress | RolloutState::Baking { .. })
    }
}

impl Service {
    /// Whether a deployment goes on: scale-in by policies waits (documented).
    pub fn is_deploying(&self) -> bool {
        self.deployments.iter().any(|d| d.is_under_way() && !matches!(d.kind, Kind::TaskSet { .. }))
    }

    /// Whether tasks of several revisions are there, or the newest is not complete.
    pub fn is_rolling(&self) -> bool {
        self.deployments.len() > 1 || self.is_deploying()
    }

    /// Whether a deployment is kept though it may have no tasks.
    fn needs(&self, deployment: &Deployment) -> bool {
        if deployment.generation == self.generation {
            return true;
        }
        let is_under_way = |d: &Deployment| matches!(d.kind, Kind::Staged(_)) && d.is_under_way();
        match deployment.kind {
            Kind::TaskSet { .. } => deployment.wants == Wants::All,
            // Blue, to which traffic may have to go back.
            Kind::Rolling if self.deployments.iter().any(is_under_way) => {
                deployment.wants == Wants::All
            }
            // The revision that served before, whose failed tasks are replaced by its own.
            Kind::Rolling => self
                .old_revision()
                .is_some_and(|old| old.generation == deployment.generation && old.desired > 0),
            Kind::Staged(_) => false,
        }
    }

    /// The staged deployment whose blue tasks are on their way out: nothing is left to go back to.
    fn deployment_in_clean_up(&self) -> Option<u32> {
        let newest = self.deployment(self.generation)?;
        match &newest.kind {
            Kind::Staged(stages) if stages.stage() == Some(Stage::CleanUp) => {
                Some(newest.generation)
            }
            _ => None,
        }
    }

    /// A target group that no deployment uses; with more deployments than target groups, the next one.
    fn free_pool(&self) -> u8 {
        let next = |step: u8| (self.pool + step) % POOLS as u8;
        let is_free = |pool: &u8| self.deployments.iter().all(|d| d.pool != *pool);
        (1..POOLS as u8).map(next).find(is_free).unwrap_or(next(1))
    }

    /// The revision that served before, of which failed tasks are replaced by its own.
    pub fn old_revision(&self) -> Option<OldRevision> {
        let completed = |d: &&super::Deployment| d.state == RolloutState::Completed;
        let old = self.deployments.iter().rev().find(completed)?;
        (old.generation != self.generation)
            .then_some(OldRevision { generation: old.generation, desired: self.ledger.old_desired })
    }
}

impl World {
    /// A new deployment becomes PRIMARY.
    pub(super) fn create_deployment(
        &mut self,
        id: ServiceId,
        revision: usize,
        kind: Kind,
        reason: &str,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let now = queue.now();
        self.disturb(id)?; // a deployment changes what alarms can do
        self.supersede_unfinished(id, now)?;
        let service = &mut self.services.all[id];
        service.last_generation += 1;
        let before = service.deployment(service.generation).map(|d| d.revision);
        if before != Some(revision) {
            service.throttle.reset();
        }
        service.ledger.old_desired = service.desired;
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
        let alarms = configuration.alarms.as_ref().map_or(0, |alarms| alarms.alarms.len());
        let earlier = service.deployment(service.generation);
        let alarm_points = earlier.map_or(vec![(0, 0); alarms], |d| d.alarm_points.clone());
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
            breaker: configuration.circuit_breaker.map(Breaker::new),
            is_stalled: false,
            is_rollback: reason == ROLLBACK,
            has_served: false,
            alarm_points,
            alarms_ignored: 0,
        };
        deployment.alarms_ignored = alarms_firing(service, &deployment.alarm_points);
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
            self.event(id, now, "INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS", &text)?;
        }
        self.look_soon(id, queue);
        Ok(())
    }

    /// A newer deployment takes the place of an unfinished one.
    fn supersede_unfinished(&mut self, id: ServiceId, now: SimTime) -> Result<(), RunError> {
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
    pub(super) fn settle_first_deployments(
        &mut self,
        id: ServiceId,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let service = &self.services.all[id];
        let is_there = service.members.len() == service.desired as usize || service.is_daemon();
        let is_task_set = |d: &Deployment| matches!(d.kind, Kind::TaskSet { .. });
        if service.deployments.iter().any(is_task_set) {
            return Ok(());
        }
        if is_there && service.healthy as usize == service.members.len() {
            let newest = service.generation;
            self.complete(id, newest, queue.now())?;
        }
        Ok(())
    }

    /// A task of a deployment failed: it did not start, or its health checks failed. The circuit breaker counts.
    pub(super) fn task_failed(
        &mut self,
        id: ServiceId,
        generation: u32,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let service = &mut self.services.all[id];
        service.ledger.tasks_failed += 1;
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
        self.fail_rolling(id, generation, &reason, rolls_back, queue)
    }

    pub(super) fn fail_rolling(
        &mut self,
        id: ServiceId,
        generation: u32,
        reason: &str,
        rolls_back: bool,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let now = queue.now();
        let service = &mut self.services.all[id];
        service.ledger.deployments[1] += 1;
        let back_to = service.completed_revision.filter(|_| rolls_back);
        let Some(deployment) = service.deployment_mut(generation) else { return Ok(()) };
        deployment.state = RolloutState::Failed;
        let was_rollback = deployment.is_rollback;
        let back_to = back_to.filter(|_| !was_rollback);
        deployment.is_stalled = back_to.is_none();
        self.record_deployment(id, generation, "FAILED", None, reason, now)?;
        let text =
            format!("(service {}) deployment failed: {reason}.", self.services.all[id].setup.name);
        self.event(id, now, "ERROR", "SERVICE_DEPLOYMENT_FAILED", &text)?;
        if let Some(revision) = back_to {
            self.record_deployment(id, generation, "ROLLING_BACK", None, reason, now)?;
            self.roll_back(id, revision, queue)?;
        }
        Ok(())
    }

    /// The last completed deployment is PRIMARY again, with the tasks that it still has (documented: the state reason
    /// "rolling back to deploymentId"); where it is gone, a new one of its revision.
    fn roll_back(
        &mut self,
        id: ServiceId,
        revision: usize,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let now = queue.now();
        let service = &mut self.services.all[id];
        let is_it = |d: &&Deployment| {
            let has_served = d.state == RolloutState::Completed && d.revision == revision;
            has_served && matches!(d.kind, Kind::Rolling)
        };
        let found = service.deployments.iter().rev().find(is_it).map(|d| d.generation);
        let Some(generation) = found else {
            return self.create_deployment(id, revision, Kind::Rolling, ROLLBACK, queue);
        };
        let failed = service.revision_of(service.generation).definition;
        if failed != service.setup.revisions[revision].definition {
            service.throttle.reset();
        }
        service.steady_since = None;
        service.generation = generation;
        let breaker = service.setup.deployment.circuit_breaker.map(Breaker::new);
        let points = service.deployment(generation).map(|d| d.alarm_points.clone());
        let firing = alarms_firing(service, &points.unwrap_or_default());
        if let Some(deployment) = service.deployment_mut(generation) {
            deployment.state = RolloutState::InProgress;
            deployment.is_rollback = true;
            deployment.breaker = breaker;
            deployment.alarms_ignored = firing;
        }
        self.record_deployment(id, generation, "IN_PROGRESS", None, ROLLBACK, now)?;
        self.mark_deployment(id, generation, now);
        let text = format!(
            "(service {}) rolling back to deployment {generation}.",
            self.services.all[id].setup.name
        );
        self.event(id, now, "INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS", &text)?;
        self.look_soon(id, queue);
        Ok(())
    }

    /// Whether rolling deployments are done, and whether the tasks of earlier ones are gone.
    pub(super) fn judge_deployments(
        &mut self,
        id: ServiceId,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let now = queue.now();
        let service = &mut self.services.all[id];
        let generation = service.generation;
        let is_gone = |d: &Deployment| d.tasks() == 0 && !service.needs(d);
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
        let daemons = service.is_daemon().then(|| self.eligible_for_daemon(id).len() as u32);
        match deployment.state {
            RolloutState::InProgress => {
                let old = service.members.len() as u32 - deployment.tasks();
                let desired = daemons.unwrap_or(service.desired);
                let progress = Progress {
                    desired,
                    new: deployment.tasks(),
                    new_healthy: deployment.healthy,
                    old,
                };
                if rolling::is_complete(progress, service.setup.deployment.early_success) {
                    self.bake(id, generation, queue)?;
                }
                Ok(())
            }
            RolloutState::Baking { until } if until <= now => self.complete(id, generation, now),
            _ => Ok(()),
        }
    }

    fn bake(
        &mut self,
        id: ServiceId,
        generation: u32,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let configuration = &self.services.all[id].setup.deployment;
        let default = match &configuration.alarms {
            Some(_) => self.services.settings.alarm_bake,
            None => SimSpan::ZERO,
        };
        let span = configuration.bake.unwrap_or(default);
        if span == SimSpan::ZERO {
            return self.complete(id, generation, queue.now());
        }
        let until = queue.now() + span;
        if let Some(deployment) = self.services.all[id].deployment_mut(generation) {
            deployment.state = RolloutState::Baking { until };
        }
        self.record_deployment(id, generation, "STAGE", Some(Stage::BakeTime), "", queue.now())?;
        self.look_at(id, until, queue);
        Ok(())
    }

    pub(super) fn complete(
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
            service.ledger.deployments[0] += 1;
        }
        self.record_deployment(id, generation, "COMPLETED", None, "", now)?;
        let text = format!(
            "(service {}) deployment {generation} completed.",
            self.services.all[id].setup.name
        );
        self.event(id, now, "INFO", "SERVICE_DEPLOYMENT_COMPLETED", &text)
    }
}

/// The reason of a deployment that goes back.
pub(super) const ROLLBACK: &str = "rollback";
