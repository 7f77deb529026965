//! Deployments of a service: a revision comes, takes over, is completed, fails, goes back.

use super::super::world::{Event, RunError, World};
use super::Service;
use crate::base::time::{SimSpan, SimTime};
use crate::engine::Queue;
use crate::model::ids::ServiceId;
use crate::model::service::{DeploymentController, DeploymentMetric, Permille, Stage};
use crate::policy::deployment::breaker::Breaker;
use crate::policy::deployment::rolling::{self, Progress};
use crate::policy::deployment::stages::{
    self, RollBackReason, StageConfig, StageEffect, StageInput, Stages,
};
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
    /// Points of each alarm, newest in the lowest bit, and how many there are.
    alarm_points: Vec<(u64, u32)>,
    /// Alarms that were in ALARM when it began, which do not count for it.
    alarms_ignored: u64,
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

    fn is_under_way(&self) -> bool {
        matches!(self.state, RolloutState::InProgress | RolloutState::Baking { .. })
    }
}

/// A reason for going back, in words.
fn rolled_back(reason: RollBackReason) -> String {
    match reason {
        RollBackReason::Alarm => "an alarm is in ALARM".into(),
        RollBackReason::HookFailed(stage) => format!("a hook of {} failed", stage.api_name()),
        RollBackReason::PauseTimedOut(stage) => {
            format!("the pause of {} timed out", stage.api_name())
        }
        RollBackReason::StageTooLong(stage) => format!("{} took too long", stage.api_name()),
        RollBackReason::DeploymentTooLong => "the deployment took too long".into(),
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
        self.supersede_unfinished(id, now)?;
        let service = &mut self.services.all[id];
        service.last_generation += 1;
        let before = service.deployment(service.generation).map(|d| d.revision);
        let is_new_definition = before.is_none_or(|before| {
            let of = |revision: usize| service.setup.revisions[revision].definition;
            of(before) != of(revision)
        });
        if is_new_definition {
            service.throttle.reset();
        }
        service.ledger.old_desired = service.desired;
        service.steady_since = None;
        let is_first = service.deployments.is_empty();
        let (pool, wants) = match kind {
            Kind::Rolling => (service.pool, Wants::All),
            Kind::Staged(_) => ((service.pool + 1) % POOLS as u8, Wants::Nothing),
            Kind::TaskSet { .. } => ((service.last_generation - 1) as u8 % POOLS as u8, Wants::All),
        };
        let configuration = &service.setup.deployment;
        let alarms = configuration.alarms.as_ref().map_or(0, |alarms| alarms.alarms.len());
        let earlier = service.deployments.last();
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
            alarm_points,
            alarms_ignored: 0,
        };
        deployment.alarms_ignored = alarms_firing(service, &deployment.alarm_points);
        if matches!(deployment.kind, Kind::TaskSet { .. }) {
            deployment.state = RolloutState::Completed;
        }
        service.generation = deployment.generation;
        service.deployments.push(deployment);
        let generation = self.services.all[id].generation;
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
        let service = &mut self.services.all[id];
        let mut superseded = Vec::new();
        let mut was_staged = false;
        for deployment in &mut service.deployments {
            if deployment.is_under_way() {
                was_staged |= matches!(deployment.kind, Kind::Staged(_));
                if matches!(deployment.kind, Kind::Staged(_)) {
                    deployment.wants = Wants::Nothing;
                }
                deployment.state = RolloutState::Failed;
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

    /// A deployment beside the present one, at its first stage.
    pub(super) fn staged(&self, id: ServiceId, now: SimTime) -> Kind {
        let setup = &self.services.all[id].setup;
        let of = &setup.deployment;
        let (kind, bake) = match setup.controller {
            DeploymentController::CodeDeploy => {
                (stages::Kind::CodeDeploy, of.blue_termination_wait)
            }
            _ => (stages::Kind::Native, of.bake.unwrap_or(SimSpan::ZERO)),
        };
        let config = StageConfig::new(kind, of.strategy, of.hooks.clone(), bake);
        Kind::Staged(Box::new(Stages::new(config, now)))
    }

    /// Services that run since before time zero: their first deployments are complete.
    pub(super) fn settle_first_deployments(
        &mut self,
        id: ServiceId,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let service = &self.services.all[id];
        let is_there = service.members.len() == service.desired as usize || service.is_daemon();
        if is_there && service.healthy as usize == service.members.len() {
            let newest = service.generation;
            self.complete(id, newest, queue.now())?;
        }
        Ok(())
    }

    /// The stages of a blue/green, canary or linear deployment go on.
    pub(super) fn advance_stages(
        &mut self,
        id: ServiceId,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let now = queue.now();
        let service = &mut self.services.all[id];
        let desired = service.desired;
        let others: u32 = {
            let newest = service.generation;
            let of = |d: &&Deployment| d.generation != newest;
            service.deployments.iter().filter(of).map(Deployment::tasks).sum()
        };
        let generation = service.generation;
        let alarm = self.deployment_alarm(id, generation);
        let Some(deployment) = self.services.all[id].deployment_mut(generation) else {
            return Ok(());
        };
        let (running, healthy) = (deployment.running, deployment.healthy);
        if deployment.state != RolloutState::InProgress {
            return Ok(());
        }
        let Kind::Staged(stages) = &mut deployment.kind else { return Ok(()) };
        let input = StageInput {
            is_reconciled: true,
            desired,
            green_running: running,
            green_is_healthy: healthy >= desired && running >= desired,
            blue_is_gone: others == 0,
            alarm: alarm.is_some(),
        };
        let effects = stages.step(now, &input);
        for effect in effects {
            self.apply_stage(id, generation, &effect, queue)?;
        }
        Ok(())
    }

    fn apply_stage(
        &mut self,
        id: ServiceId,
        generation: u32,
        effect: &StageEffect,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let now = queue.now();
        let blue = self.services.all[id].pool;
        let green = self.services.all[id].deployment(generation).map_or(blue, |d| d.pool);
        match effect {
            StageEffect::Entered(stage) => {
                self.record_deployment(id, generation, "STAGE", Some(*stage), "", now)?;
            }
            StageEffect::ScaleUpGreen => {
                if let Some(deployment) = self.services.all[id].deployment_mut(generation) {
                    deployment.wants = Wants::All;
                }
            }
            StageEffect::ShiftTest => {
                self.record_deployment(id, generation, "TRAFFIC", None, "test traffic", now)?;
            }
            StageEffect::Shift(share) => {
                self.set_traffic(id, blue, green, *share, now)?;
                self.record_deployment(id, generation, "TRAFFIC", None, "production traffic", now)?;
            }
            StageEffect::CleanUpBlue => {
                let service = &mut self.services.all[id];
                service.pool = green;
                for deployment in &mut service.deployments {
                    if deployment.generation != generation {
                        deployment.wants = Wants::Nothing;
                    }
                }
            }
            StageEffect::Completed => self.complete(id, generation, now)?,
            StageEffect::RollBack(reason) => {
                self.set_traffic(id, blue, blue, Permille::ALL, now)?;
                self.fail_staged(id, generation, &rolled_back(*reason), now)?;
            }
        }
        self.look_soon(id, queue);
        Ok(())
    }

    /// A staged deployment goes back: blue is still there, green goes.
    fn fail_staged(
        &mut self,
        id: ServiceId,
        generation: u32,
        reason: &str,
        now: SimTime,
    ) -> Result<(), RunError> {
        let service = &mut self.services.all[id];
        service.ledger.deployments[1] += 1;
        if let Some(deployment) = service.deployment_mut(generation) {
            deployment.state = RolloutState::Failed;
            deployment.wants = Wants::Nothing;
        }
        let blue = |d: &&Deployment| d.generation != generation && d.wants == Wants::All;
        let back_to = service.deployments.iter().rev().find(blue).map(|d| d.generation);
        service.generation = back_to.unwrap_or(generation);
        self.record_deployment(id, generation, "FAILED", None, reason, now)?;
        self.record_deployment(
            id,
            generation,
            "ROLLING_BACK",
            None,
            "traffic is back on blue",
            now,
        )?;
        let text =
            format!("(service {}) deployment failed: {reason}.", self.services.all[id].setup.name);
        self.event(id, now, "ERROR", "SERVICE_DEPLOYMENT_FAILED", &text)
    }

    /// The share of production traffic that goes to green; blue gets the rest.
    fn set_traffic(
        &mut self,
        id: ServiceId,
        blue: u8,
        green: u8,
        share: Permille,
        now: SimTime,
    ) -> Result<(), RunError> {
        let mut weights = [Permille::NONE; POOLS];
        weights[blue as usize] = Permille(Permille::ALL.0 - share.0);
        weights[green as usize] = if blue == green { Permille::ALL } else { share };
        let service = &mut self.services.all[id];
        service.ledger.weights = weights;
        if let Some(load) = &mut service.load {
            load.advance(now)?;
            load.set_weights(weights);
        }
        Ok(())
    }

    /// EXTERNAL: production traffic goes to this task set.
    pub(super) fn make_primary(
        &mut self,
        id: ServiceId,
        name: &str,
        now: SimTime,
    ) -> Result<(), RunError> {
        let of =
            |d: &&Deployment| matches!(&d.kind, Kind::TaskSet { name: own, .. } if own == name);
        let found = self.services.all[id].deployments.iter().find(of);
        let Some((pool, generation)) = found.map(|d| (d.pool, d.generation)) else {
            return Ok(());
        };
        self.services.all[id].pool = pool;
        self.set_traffic(id, pool, pool, Permille::ALL, now)?;
        self.record_deployment(id, generation, "TRAFFIC", None, "primary task set", now)
    }

    /// EXTERNAL: a task set goes.
    pub(super) fn delete_task_set(
        &mut self,
        id: ServiceId,
        name: &str,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        for deployment in &mut self.services.all[id].deployments {
            if matches!(&deployment.kind, Kind::TaskSet { name: own, .. } if own == name) {
                deployment.wants = Wants::Nothing;
            }
        }
        self.look_soon(id, queue);
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

    fn fail_rolling(
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
            self.create_deployment(id, revision, Kind::Rolling, ROLLBACK, queue)?;
        }
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
        let is_gone = |d: &Deployment| {
            let is_wanted = matches!(d.kind, Kind::Staged(_) | Kind::TaskSet { .. });
            d.generation != generation && d.tasks() == 0 && !(is_wanted && d.wants == Wants::All)
        };
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
        match deployment.state {
            RolloutState::InProgress => {
                let old = service.members.len() as u32 - deployment.tasks();
                let desired =
                    if service.is_daemon() { deployment.tasks() } else { service.desired };
                let progress = Progress {
                    desired,
                    new: deployment.tasks(),
                    new_healthy: deployment.healthy,
                    old,
                };
                let has_tasks = !service.is_daemon() || desired > 0 || self.fleet.is_empty();
                if has_tasks
                    && rolling::is_complete(progress, service.setup.deployment.early_success)
                {
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

    fn complete(&mut self, id: ServiceId, generation: u32, now: SimTime) -> Result<(), RunError> {
        let service = &mut self.services.all[id];
        let Some(deployment) = service.deployment_mut(generation) else { return Ok(()) };
        deployment.state = RolloutState::Completed;
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

    /// One-minute points of the alarms that deployments watch.
    pub(super) fn watch_deployment_alarms(
        &mut self,
        id: ServiceId,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let service = &mut self.services.all[id];
        let Some(alarms) = service.setup.deployment.alarms.clone() else { return Ok(()) };
        let values: Vec<Option<u64>> =
            alarms.alarms.iter().map(|alarm| service.alarm_value(alarm.metric)).collect();
        service.meter.alarm_requests =
            service.load.as_ref().map(|l| *l.totals()).unwrap_or_default();
        let generation = service.generation;
        let Some(deployment) = service.deployment_mut(generation) else { return Ok(()) };
        for (index, (alarm, value)) in alarms.alarms.iter().zip(values).enumerate() {
            let (points, count) = &mut deployment.alarm_points[index];
            let breaches = value.is_some_and(|value| value > alarm.threshold_micro);
            *points = *points << 1 | u64::from(breaches);
            *count = (*count + 1).min(64);
        }
        let is_rolling = matches!(deployment.kind, Kind::Rolling);
        let is_watched = is_rolling && deployment.is_under_way();
        if let Some(name) = self.deployment_alarm(id, generation).filter(|_| is_watched) {
            let reason = format!("alarm {name} is in ALARM");
            return self.fail_rolling(id, generation, &reason, alarms.rollback, queue);
        }
        if !is_rolling && self.deployment_alarm(id, generation).is_some() {
            self.look_soon(id, queue);
        }
        Ok(())
    }

    /// The first alarm in ALARM that was not so when the deployment began.
    fn deployment_alarm(&self, id: ServiceId, generation: u32) -> Option<String> {
        let service = &self.services.all[id];
        let deployment = service.deployment(generation)?;
        let firing = alarms_firing(service, &deployment.alarm_points) & !deployment.alarms_ignored;
        let alarms = service.setup.deployment.alarms.as_ref()?;
        let first = (0..alarms.alarms.len()).find(|index| firing >> index & 1 == 1)?;
        Some(alarms.alarms[first].name.clone())
    }
}

impl Service {
    /// The last minute's value of what a deployment alarm looks at, millionths.
    fn alarm_value(&mut self, metric: DeploymentMetric) -> Option<u64> {
        let load = self.load.as_mut()?;
        let requests = load.totals().since(&self.meter.alarm_requests);
        let percent = |part: u64, whole: u64| {
            (u128::from(part) * 100_000_000).checked_div(u128::from(whole)).map(|v| v as u64)
        };
        match metric {
            DeploymentMetric::ErrorPercent => percent(requests.errors, requests.served),
            DeploymentMetric::DroppedPercent => percent(requests.dropped(), requests.offered),
            DeploymentMetric::LatencyMs => Some(load.response_estimate().0 * 1_000),
            DeploymentMetric::CpuPercent => self.meter.cpu_of_last_minute,
        }
    }
}

/// Bits of the alarms in ALARM.
fn alarms_firing(service: &Service, points: &[(u64, u32)]) -> u64 {
    let Some(alarms) = &service.setup.deployment.alarms else { return 0 };
    let fires = |(index, (seen, count)): (usize, &(u64, u32))| {
        let alarm = &alarms.alarms[index];
        let looked_at = alarm.evaluation_periods.min(64);
        let mask = if looked_at == 64 { u64::MAX } else { (1 << looked_at) - 1 };
        let breaching = (seen & mask).count_ones() >= alarm.datapoints_to_alarm;
        u64::from(breaching && *count >= alarm.datapoints_to_alarm) << index
    };
    points.iter().enumerate().map(fires).sum()
}

/// Target groups that a service's traffic can be split over.
const POOLS: usize = 4;

/// The reason of a deployment that goes back.
pub(super) const ROLLBACK: &str = "rollback";
