//! CPU that services use on instances with CPU credits.

use crate::base::time::SimTime;
use crate::model::ids::ServiceId;
use crate::sim::books::credits::CreditBooks;
use crate::sim::event::RunError;
use crate::sim::services::Flow;
use crate::sim::task::Slot;

impl Flow<'_> {
    fn credits(&mut self) -> Option<&mut CreditBooks> {
        self.books.spending.side.as_mut()?.credits.as_mut()
    }

    /// Tells what the tasks of services have used up to `now` on instances that have CPU credits.
    pub fn meter_hosts(&mut self, now: SimTime) -> Result<(), RunError> {
        if self.credits().is_none() {
            return Ok(());
        }
        for id in self.services.all.ids() {
            let service = &self.services.all[id];
            if service.load.is_some() && self.uses_credits(id) {
                self.meter_service(id, now)?;
            }
        }
        Ok(())
    }

    /// Tells how many requests have come to services and were served up to `now`.
    pub fn meter_requests(&mut self, now: SimTime) -> Result<(), RunError> {
        for id in self.services.all.ids() {
            let flows = self.books.spending.side.as_ref().and_then(|side| side.flows.as_ref());
            let Some(flows) = flows else { return Ok(()) };
            if self.services.all[id].load.is_none() || !flows.wants_requests(id) {
                continue;
            }
            self.come_to(id, now)?;
            let Some(load) = &self.services.all[id].load else { continue };
            let all = load.totals();
            let counts = (all.offered + load.pending_micro(), all.served);
            let flows = self.books.spending.side.as_mut().and_then(|side| side.flows.as_mut());
            let Some(flows) = flows else { continue };
            flows.requests(id, now, counts);
            if let Some(state) = load.connections() {
                flows.connections(id, now, &state.totals);
            }
        }
        Ok(())
    }

    fn uses_credits(&mut self, id: ServiceId) -> bool {
        let service = &self.services.all[id];
        let Some(side) = &self.books.spending.side else { return false };
        let Some(credits) = &side.credits else { return false };
        !service.meter.burnt.is_empty()
            || !service.meter.starting.is_empty()
            || service.members.iter().any(|&slot| credits.host(&self.tasks[slot]).is_some())
    }

    fn meter_service(&mut self, id: ServiceId, now: SimTime) -> Result<(), RunError> {
        self.come_to(id, now)?;
        let service = &mut self.services.all[id];
        service.meter.integrate(now);
        let burnt = std::mem::take(&mut service.meter.burnt);
        let Some(side) = &mut self.books.spending.side else { return Ok(()) };
        let Some(credits) = &mut side.credits else { return Ok(()) };
        for (host, nanos) in burnt {
            credits.burns(host, nanos);
        }
        let Some(load) = &service.load else { return Ok(()) };
        for &slot in &service.members {
            let task = &self.tasks[slot];
            if let Some(host) = credits.host(task) {
                let nanos = load.cpu_nanos_of(task.id);
                credits.task_works((slot, task.id), host, nanos, false);
            }
        }
        Ok(())
    }

    /// A task is about to leave its load, which has come to this instant.
    pub fn meter_leaving(&mut self, slot: Slot) {
        let id = self.services.member(slot).service;
        let Some(side) = &mut self.books.spending.side else { return };
        let Some(credits) = &mut side.credits else { return };
        let task = &self.tasks[slot];
        if let (Some(host), Some(load)) = (credits.host(task), &self.services.all[id].load) {
            let nanos = load.cpu_nanos_of(task.id);
            credits.task_works((slot, task.id), host, nanos, true);
        }
    }
}
