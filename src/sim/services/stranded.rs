//! Tasks whose host stands still while ECS still takes them for RUNNING.

use super::health::Checks;
use super::{Drive, Member, Next, Plan, Services};
use crate::base::time::SimTime;
use crate::model::ids::{InstanceId, ServiceId};
use crate::model::lifecycle::TaskStatus;
use crate::sim::event::RunError;
use crate::sim::task::Slot;

impl Services {
    /// Requests of a service that were dropped and that were answered with an error so far, in millionths.
    #[must_use]
    pub fn failed_requests(&self, id: ServiceId) -> [u64; 2] {
        let totals = self.all[id].load.as_ref().map(|load| *load.totals());
        totals.map_or([0; 2], |totals| [totals.dropped(), totals.errors])
    }
}

impl Drive<'_> {
    /// The same up to this instant.
    ///
    /// # Errors
    /// What requests meet.
    pub fn failed_requests_now(&mut self, id: ServiceId) -> Result<[u64; 2], RunError> {
        let now = self.now();
        self.flow().disturb(id)?;
        if let Some(load) = &mut self.services.all[id].load {
            load.advance(now)?;
        }
        Ok(self.services.failed_requests(id))
    }
}

impl Plan<'_> {
    /// Services that have tasks on an instance which are to go on.
    #[must_use]
    pub fn services_on(&self, instance: InstanceId) -> Vec<ServiceId> {
        let on = self.cluster.fleet().tasks[instance];
        self.owners(if on == 0 { Vec::new() } else { self.tasks.on(instance) })
    }

    /// Services that have tasks among these which are to go on.
    #[must_use]
    pub fn owners(&self, slots: Vec<Slot>) -> Vec<ServiceId> {
        let goes_on = |slot: &Slot| self.tasks[*slot].status < TaskStatus::Deactivating;
        let is_service = |slot: &Slot| self.rules.is_service(self.tasks[*slot].source);
        let members = slots.into_iter().filter(|slot| is_service(slot) && goes_on(slot));
        let mut owners: Vec<ServiceId> =
            members.map(|slot| self.services.member(slot).service).collect();
        owners.sort_unstable();
        owners.dedup();
        owners
    }

    /// A host stands still: its tasks answer nothing any more. Load balancers notice by their checks; what containers say
    /// of their own health stays as it was, since nobody hears them (documented).
    ///
    /// # Errors
    /// What requests meet.
    pub fn host_stands_still(&mut self, instance: InstanceId) -> Result<(), RunError> {
        for slot in self.tasks.on(instance) {
            let task = &self.tasks[slot];
            let is_up = matches!(task.status, TaskStatus::Running | TaskStatus::Deactivating);
            if is_up && self.rules.is_service(task.source) {
                self.stands_still(slot)?;
            }
        }
        Ok(())
    }

    /// A zone is back: services that balance their zones look whether they can.
    pub fn zone_recovers(&mut self) {
        let ids: Vec<ServiceId> = self.services.all.ids().collect();
        for id in ids {
            let service = &mut self.services.all[id];
            service.rebalancing.try_again();
            if service.setup.rebalances_zones || !service.wishes.is_empty() {
                self.look_soon(id);
            }
        }
    }

    fn stands_still(&mut self, slot: Slot) -> Result<(), RunError> {
        let now = self.queue.now();
        let Member { service, generation, phase, grace_until, in_load, .. } =
            *self.services.member(slot);
        let member = self.services.member_mut(slot);
        (member.answers, member.never_healthy, member.heals_at) = (false, true, None);
        if in_load && self.tasks[slot].status == TaskStatus::Running {
            self.flow().remove_from_load(slot, now)?;
            self.flow().put_into_load(slot, now)?;
        } else if in_load {
            self.ceases_to_answer(slot)?;
        }
        let task = &self.tasks[slot];
        if task.status == TaskStatus::Running {
            let checks = Checks { container: None, ..self.services.checks(service, generation) };
            let at = checks.unhealthy_at(task.started, now, phase, grace_until);
            let is_known = self.services.member(slot).health == super::Health::Unhealthy;
            self.change_at(slot, if is_known { SimTime::NEVER } else { at }, Next::Unhealthy);
        }
        Ok(())
    }
}
