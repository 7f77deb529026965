//! Rows of `deployments.csv`, and marks on charts.

use super::state::{Kind, Wants};
use crate::base::time::SimTime;
use crate::metrics::service::Mark;
use crate::model::ids::ServiceId;
use crate::model::service::{DeploymentController, DeploymentStrategy, Stage};
use crate::sim::books::service_tables::DeploymentRow;
use crate::sim::event::RunError;
use crate::sim::services::Plan;

impl Plan<'_> {
    /// A row of `deployments.csv`.
    pub fn record_deployment(
        &mut self,
        id: ServiceId,
        generation: u32,
        event: &str,
        stage: Option<Stage>,
        reason: &str,
        now: SimTime,
    ) -> Result<(), RunError> {
        if !self.books.tables.wants_deployments() {
            return Ok(());
        }
        let service = &self.services.all[id];
        let Some(deployment) = service.deployment(generation) else { return Ok(()) };
        let definition =
            &self.rules.definitions[service.setup.revisions[deployment.revision].definition];
        let revision = format!("{}:{}", definition.family, definition.revision);
        let stage = stage.or(match &deployment.kind {
            Kind::Staged(stages) => stages.stage(),
            _ => None,
        });
        let status = match (generation == service.generation, deployment.tasks(), event) {
            (true, ..) => "PRIMARY",
            (false, 0, "INACTIVE") => "INACTIVE",
            _ => "ACTIVE",
        };
        let is_rolling = service.setup.controller == DeploymentController::Ecs
            && service.setup.deployment.strategy == DeploymentStrategy::Rolling;
        let has_own_traffic = service.setup.balancer.is_some() && !is_rolling;
        let share = service.weights[usize::from(deployment.pool)].0;
        let desired = match deployment.wants {
            Wants::Nothing => 0,
            Wants::All if generation == service.generation => deployment.wants(service.desired),
            Wants::All => deployment.tasks(),
        };
        let row = DeploymentRow {
            at: now,
            service: &service.setup.name,
            deployment: u64::from(generation),
            revision: &revision,
            event,
            stage: stage.map_or("", Stage::api_name),
            status,
            rollout_state: deployment.state.api_name(),
            desired,
            pending: deployment.pending,
            running: deployment.running,
            healthy: deployment.healthy,
            draining: deployment.leaving,
            failed_tasks: deployment.failed_tasks,
            traffic_percent: has_own_traffic.then_some(u32::from(share) / 10),
            reason,
        };
        Ok(self.books.tables.deployment(&row)?)
    }

    /// Marks a deployment on the charts.
    pub fn mark_deployment(&mut self, id: ServiceId, generation: u32, now: SimTime) {
        let service = &self.services.all[id];
        let Some(deployment) = service.deployment(generation) else { return };
        let definition =
            &self.rules.definitions[service.setup.revisions[deployment.revision].definition];
        let (family, revision) = (&definition.family, definition.revision);
        let label = match generation {
            1 => format!("create {family}:{revision}"),
            _ => format!("deployment {generation}: {family}:{revision}"),
        };
        self.books.services[id].marks.push(Mark { at: now, label });
    }
}
