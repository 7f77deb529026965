//! What users do to a service at set times.

use super::alarms::new_alarms;
use super::state::Kind;
use crate::base::time::SimTime;
use crate::engine::Class;
use crate::model::ids::ServiceId;
use crate::model::service::{
    Change, DeploymentConfiguration, DeploymentController, DeploymentStrategy, Permille,
};
use crate::sim::event::{Event, RunError};
use crate::sim::services::Plan;
use crate::sim::services::load::Meter;

/// The reason of a deployment that somebody has stopped.
const STOPPED: &str = "stopped by StopServiceDeployment";

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
            Change::Configure(configuration) => self.configure(id, *configuration)?,
            Change::GracePeriod(grace) => self.services.all[id].setup.grace_period = grace,
            Change::Balancer(balancer) => {
                self.flow().disturb(id)?;
                let service = &mut self.services.all[id];
                service.setup.balancer = Some(balancer);
                service.meter.quickest_check = Meter::of(&service.setup).quickest_check;
            }
            Change::Capacity { min, max } => {
                self.flow().disturb(id)?;
                let now = self.queue.now();
                let service = &mut self.services.all[id];
                let state = service.scaling_state();
                if let Some(scaler) = &mut service.scaler {
                    let decision = scaler.register(min, max, now, state);
                    self.scale(id, decision)?;
                }
            }
            Change::StopDeployment { rolls_back } => self.stop_deployment(id, rolls_back)?,
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

    /// Deployments go differently from now on. Other alarms have no points yet.
    fn configure(
        &mut self,
        id: ServiceId,
        configuration: DeploymentConfiguration,
    ) -> Result<(), RunError> {
        self.flow().disturb(id)?;
        let service = &mut self.services.all[id];
        if service.setup.deployment.alarms != configuration.alarms {
            let alarms = new_alarms(&configuration);
            for deployment in &mut service.deployments {
                deployment.alarms.clone_from(&alarms);
                deployment.alarms_ignored = 0;
            }
            service.meter.alarm_values.clear();
        }
        service.setup.deployment = configuration;
        let meter = Meter::of(&service.setup);
        service.meter.has_alarms = meter.has_alarms;
        service.meter.wants_latency |= meter.wants_latency;
        Ok(())
    }

    /// StopServiceDeployment. Where none is under way there is nothing to stop.
    fn stop_deployment(&mut self, id: ServiceId, rolls_back: bool) -> Result<(), RunError> {
        let (service, now) = (&self.services.all[id], self.queue.now());
        let generation = service.generation;
        let Some(deployment) = service.deployment(generation).filter(|d| d.is_under_way()) else {
            return Ok(());
        };
        if matches!(deployment.kind, Kind::Staged(_)) {
            let blue = service.pool;
            if service.deployment_in_clean_up().is_some() {
                return Ok(()); // all traffic has gone, and nothing is left to go back to
            }
            self.set_traffic(id, blue, blue, Permille::ALL, now)?;
            return self.fail_staged(id, generation, STOPPED, now);
        }
        self.fail_rolling(id, generation, STOPPED, rolls_back)
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
