//! What users do to a service at set times.

use super::state::Kind;
use crate::base::time::SimTime;
use crate::engine::Class;
use crate::model::ids::ServiceId;
use crate::model::service::{Change, DeploymentController, DeploymentStrategy};
use crate::sim::event::{Event, RunError};
use crate::sim::services::Plan;

impl Plan<'_> {
    pub fn schedule_next_update(&mut self, id: ServiceId) {
        let service = &self.services.all[id];
        if let Some(update) = service.setup.updates.get(service.updates_done) {
            let at = update.at.max(self.now());
            self.queue.schedule(at, Class::Demand, Event::Update(id));
        }
    }

    /// An update of a service is due.
    pub fn update_service(&mut self, id: ServiceId) -> Result<(), RunError> {
        let service = &mut self.services.all[id];
        let change = service.setup.updates[service.updates_done].change.clone();
        service.updates_done += 1;
        match change {
            Change::Deploy { revision } => {
                let kind = self.kind_of_deployment(id, self.now());
                self.create_deployment(id, revision, kind, "UpdateService")?;
            }
            Change::DesiredCount(count) => self.set_desired(id, count, "UpdateService")?,
            Change::CreateTaskSet { name, revision, scale } => {
                self.create_deployment(id, revision, Kind::TaskSet { name, scale }, "")?;
            }
            Change::ScaleTaskSet { name, scale: to } => {
                for deployment in &mut self.services.all[id].deployments {
                    if let Kind::TaskSet { name: own, scale } = &mut deployment.kind
                        && *own == name
                    {
                        *scale = to;
                    }
                }
            }
            Change::PrimaryTaskSet { name } => self.make_primary(id, &name, self.now())?,
            Change::DeleteTaskSet { name } => self.delete_task_set(id, &name)?,
        }
        self.look_soon(id);
        self.schedule_next_update(id);
        Ok(())
    }

    /// How the next deployment of a service goes.
    pub fn kind_of_deployment(&self, id: ServiceId, now: SimTime) -> Kind {
        let setup = &self.services.all[id].setup;
        let is_rolling = setup.deployment.strategy == DeploymentStrategy::Rolling
            && setup.controller == DeploymentController::Ecs;
        if is_rolling || self.services.all[id].is_daemon() {
            return Kind::Rolling;
        }
        self.staged(id, now)
    }
}
