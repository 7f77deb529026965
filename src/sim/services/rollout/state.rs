//! What a deployment is, and how far.

use super::stages::POOLS;
use crate::base::time::SimTime;
use crate::model::service::{Permille, Stage};
use crate::policy::deployment::breaker::Breaker;
use crate::policy::deployment::daemon::Step;
use crate::policy::deployment::stages::Stages;
use crate::policy::deployment::task_set;
use crate::policy::scaling::alarm::Alarm;
use crate::policy::service::OldRevision;
use crate::sim::services::Service;

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
    /// Tasks that are no longer wanted and not STOPPED yet.
    pub leaving: u32,
    /// Of these, in their deregistration delay, another to come in their place.
    pub draining: u32,
    /// `failedTasks`.
    pub failed_tasks: u32,
    /// How far it is, where it is a managed daemon's.
    pub step: Step,
    /// Circuit breaker.
    pub breaker: Option<Breaker>,
    /// Whether it starts nothing any more: failed, with nothing to go back to.
    pub is_stalled: bool,
    /// Whether it brings back an earlier revision.
    pub is_rollback: bool,
    /// Whether it has been completed once.
    pub has_served: bool,
    /// Its alarms, each with its points.
    pub alarms: Vec<Alarm>,
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

    /// Whether any task of it is still there, if only on its way out.
    pub fn has_tasks(&self) -> bool {
        self.tasks() + self.leaving > 0
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
            (Kind::Rolling, RolloutState::InProgress) => match self.step {
                Step::Bakes { until } => Some(until),
                Step::Ready | Step::UnderWay => None,
            },
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

    /// Tasks of other deployments than this one that are still there, those on their way out included.
    pub fn others_than(&self, generation: u32) -> u32 {
        let others = self.deployments.iter().filter(|d| d.generation != generation);
        others.map(|d| d.tasks() + d.leaving).sum()
    }

    /// Whether a generation's tasks go since another deployment stays: blue after its bake time, green of a rollback, a
    /// task set that was deleted.
    pub fn is_replaced(&self, generation: u32) -> bool {
        self.deployment(generation).is_some_and(|own| own.wants == Wants::Nothing)
    }

    /// Tasks that are no longer wanted and not STOPPED yet.
    pub fn leaving(&self) -> u32 {
        self.deployments.iter().map(|d| d.leaving).sum()
    }

    /// Whether a deployment is kept though it may have no tasks.
    pub fn needs(&self, deployment: &Deployment) -> bool {
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
    pub fn deployment_in_clean_up(&self) -> Option<u32> {
        let newest = self.deployment(self.generation)?;
        match &newest.kind {
            Kind::Staged(stages) if stages.stage() == Some(Stage::CleanUp) => {
                Some(newest.generation)
            }
            _ => None,
        }
    }

    /// A target group that no deployment uses; with more deployments than target groups, the next one.
    pub fn free_pool(&self) -> u8 {
        let next = |step: u8| (self.pool + step) % POOLS as u8;
        let is_free = |pool: &u8| self.deployments.iter().all(|d| d.pool != *pool);
        (1..POOLS as u8).map(next).find(is_free).unwrap_or(next(1))
    }

    /// Share of the production traffic that the newest deployment's target group gets, percent; nothing without requests.
    pub fn newest_traffic_percent(&self) -> Option<f64> {
        let newest = self.deployment(self.generation).filter(|_| self.load.is_some())?;
        let share = self.weights[usize::from(newest.pool)];
        Some(100.0 * f64::from(share.0) / f64::from(Permille::ALL.0))
    }

    /// The revision that served before, of which failed tasks are replaced by its own.
    pub fn old_revision(&self) -> Option<OldRevision> {
        let completed = |d: &&super::Deployment| d.state == RolloutState::Completed;
        let old = self.deployments.iter().rev().find(completed)?;
        (old.generation != self.generation)
            .then_some(OldRevision { generation: old.generation, desired: self.old_desired })
    }
}
