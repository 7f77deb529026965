//! What users do to a service at set times, and what fails by script.

use super::super::setup::FailureKind;
use super::super::task::Slot;
use super::super::world::{Event, RunError, World};
use super::deployments::Kind;
use crate::engine::{Class, Queue};
use crate::model::ids::ServiceId;
use crate::model::lifecycle::{StopReason, TaskStatus};
use crate::model::service::{Change, DeploymentController, DeploymentStrategy};

impl World {
    pub(super) fn schedule_next_update(&mut self, id: ServiceId, queue: &mut Queue<Event>) {
        let service = &self.services.all[id];
        if let Some(update) = service.setup.updates.get(service.updates_done) {
            queue.schedule(update.at.max(queue.now()), Class::Demand, Event::Update(id));
        }
    }

    /// An update of a service is due.
    pub(in super::super) fn update_service(
        &mut self,
        id: ServiceId,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let service = &mut self.services.all[id];
        let change = service.setup.updates[service.updates_done].change.clone();
        service.updates_done += 1;
        match change {
            Change::Deploy { revision } => {
                let kind = self.kind_of_deployment(id, queue.now());
                self.create_deployment(id, revision, kind, "UpdateService", queue)?;
            }
            Change::DesiredCount(count) => self.set_desired(id, count, "UpdateService", queue)?,
            Change::CreateTaskSet { name, revision, scale } => {
                self.create_deployment(id, revision, Kind::TaskSet { name, scale }, "", queue)?;
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
            Change::PrimaryTaskSet { name } => self.make_primary(id, &name, queue.now())?,
            Change::DeleteTaskSet { name } => self.delete_task_set(id, &name, queue)?,
        }
        self.look_soon(id, queue);
        self.schedule_next_update(id, queue);
        Ok(())
    }

    /// How the next deployment of a service goes.
    fn kind_of_deployment(&self, id: ServiceId, now: crate::base::time::SimTime) -> Kind {
        let setup = &self.services.all[id].setup;
        let is_rolling = setup.deployment.strategy == DeploymentStrategy::Rolling
            && setup.controller == DeploymentController::Ecs;
        if is_rolling || self.services.all[id].is_daemon() {
            return Kind::Rolling;
        }
        self.staged(id, now)
    }

    pub(super) fn schedule_next_failure(&mut self, queue: &mut Queue<Event>) {
        if let Some(failure) = self.services.failures.get(self.services.failures_done) {
            queue.schedule(failure.at.max(queue.now()), Class::Demand, Event::Failure);
        }
    }

    /// A scripted failure is due.
    pub(in super::super) fn failure_strikes(
        &mut self,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let failure = self.services.failures[self.services.failures_done];
        self.services.failures_done += 1;
        match failure.kind {
            FailureKind::TaskCrash { service, tasks } => self.crash_some(service, tasks, queue)?,
        }
        self.schedule_next_failure(queue);
        Ok(())
    }

    /// RUNNING tasks crash, drawn without replacement.
    fn crash_some(
        &mut self,
        id: ServiceId,
        tasks: u32,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let service = &self.services.all[id];
        let is_running = |slot: &Slot| self.tasks[*slot].status == TaskStatus::Running;
        let mut running: Vec<Slot> = service.members.iter().copied().filter(is_running).collect();
        running.sort_by_key(|&slot| self.tasks[slot].id);
        for _ in 0..tasks.min(running.len() as u32) {
            let drawn = self.services.all[id].dice.below(running.len() as u64) as usize;
            let slot = running.swap_remove(drawn);
            let generation = self.services.member(slot).generation;
            let exit_code = self.services.all[id].revision_of(generation).behaviour.crash_exit_code;
            self.crash(slot, StopReason::EssentialContainerExited, exit_code, queue)?;
        }
        Ok(())
    }
}
