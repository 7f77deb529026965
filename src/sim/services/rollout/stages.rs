//! Deployments beside the old tasks: the stages of blue/green, canary and linear, task sets, and whose the traffic is.

use super::state::{Deployment, Kind, RolloutState, Wants};
use crate::base::time::{SimSpan, SimTime};
use crate::model::ids::ServiceId;
use crate::model::service::{DeploymentController, Permille, Stage};
use crate::policy::deployment::stages::{
    self, RollBackReason, StageConfig, StageEffect, StageInput, Stages,
};
use crate::sim::event::RunError;
use crate::sim::services::Plan;

/// Target groups that a service's traffic can be split over.
pub(super) const POOLS: usize = 4;

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

impl Plan<'_> {
    /// A deployment beside the present one, at its first stage.
    pub fn staged(&self, id: ServiceId, now: SimTime) -> Kind {
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

    /// The stages of a blue/green, canary or linear deployment go on.
    pub fn advance_stages(&mut self, id: ServiceId) -> Result<(), RunError> {
        let now = self.queue.now();
        let service = &mut self.services.all[id];
        let desired = service.desired;
        let others = service.others_than(service.generation);
        let is_reconciled = {
            let newest = service.generation;
            let is_ending = |d: &Deployment| d.generation != newest && d.wants == Wants::Nothing;
            !service.deployments.iter().any(|d| is_ending(d) && d.tasks() > 0)
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
            is_reconciled,
            desired,
            green_running: running,
            green_is_healthy: healthy >= desired && running >= desired,
            blue_is_gone: others == 0,
            alarm: alarm.is_some(),
        };
        // The step runs ahead through stages that take no time: a row names the stage that it belongs to.
        let mut stage = stages.stage();
        let effects = stages.step(now, &input);
        for effect in effects {
            if let StageEffect::Entered(entered) = effect {
                stage = Some(entered);
            }
            self.apply_stage(id, generation, &effect, stage)?;
        }
        Ok(())
    }

    pub fn apply_stage(
        &mut self,
        id: ServiceId,
        generation: u32,
        effect: &StageEffect,
        stage: Option<Stage>,
    ) -> Result<(), RunError> {
        let now = self.queue.now();
        let blue = self.services.all[id].pool;
        let green = self.services.all[id].deployment(generation).map_or(blue, |d| d.pool);
        match effect {
            StageEffect::Entered(_) => {
                self.record_deployment(id, generation, "STAGE", stage, "", now)?;
            }
            StageEffect::ScaleUpGreen => {
                if let Some(deployment) = self.services.all[id].deployment_mut(generation) {
                    deployment.wants = Wants::All;
                }
            }
            StageEffect::ShiftTest => {
                self.record_deployment(id, generation, "TRAFFIC", stage, "test traffic", now)?;
            }
            StageEffect::Shift(share) => {
                self.set_traffic(id, blue, green, *share, now)?;
                let why = "production traffic";
                self.record_deployment(id, generation, "TRAFFIC", stage, why, now)?;
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
        self.look_soon(id);
        Ok(())
    }

    /// A staged deployment goes back: blue is still there, green goes.
    pub fn fail_staged(
        &mut self,
        id: ServiceId,
        generation: u32,
        reason: &str,
        now: SimTime,
    ) -> Result<(), RunError> {
        let service = &mut self.services.all[id];
        self.books.services[id].deployments[1] += 1;
        if let Some(deployment) = service.deployment_mut(generation) {
            deployment.state = RolloutState::Failed;
            deployment.wants = Wants::Nothing;
        }
        let blue = |d: &&Deployment| d.generation != generation && d.wants == Wants::All;
        let back_to = service.deployments.iter().rev().find(blue).map(|d| d.generation);
        service.generation = back_to.unwrap_or(generation);
        if let Some(blue) = back_to.and_then(|blue| service.deployment_mut(blue))
            && blue.state == RolloutState::Failed
        {
            blue.state = RolloutState::InProgress; // it was superseded, and goes on
        }
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
        self.books.service_event(id, now, "ERROR", "SERVICE_DEPLOYMENT_FAILED", &text)
    }

    /// The share of production traffic that goes to green; blue gets the rest.
    pub fn set_traffic(
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
        self.flow().disturb(id)?;
        let service = &mut self.services.all[id];
        service.weights = weights;
        if let Some(load) = &mut service.load {
            load.advance(now)?;
            load.set_weights(weights);
        }
        Ok(())
    }

    /// EXTERNAL: production traffic goes to this task set.
    pub fn make_primary(
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
        self.services.all[id].generation = generation;
        self.set_traffic(id, pool, pool, Permille::ALL, now)?;
        self.record_deployment(id, generation, "TRAFFIC", None, "primary task set", now)
    }

    /// EXTERNAL: a task set goes.
    pub fn delete_task_set(&mut self, id: ServiceId, name: &str) -> Result<(), RunError> {
        for deployment in &mut self.services.all[id].deployments {
            if matches!(&deployment.kind, Kind::TaskSet { name: own, .. } if own == name) {
                deployment.wants = Wants::Nothing;
            }
        }
        self.look_soon(id);
        Ok(())
    }
}
