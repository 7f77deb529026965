//! Events of services: who hears of them, and how often.

use super::Books;
use super::service_tables::EventRow;
use crate::base::time::SimTime;
use crate::model::ids::ServiceId;
use crate::sim::event::RunError;

impl Books {
    /// An event of a service. A repeated warning is suppressed until the service is steady again, or for six hours.
    ///
    /// # Errors
    /// What the sink says.
    pub fn service_event(
        &mut self,
        id: ServiceId,
        now: SimTime,
        level: &'static str,
        event: &'static str,
        message: &str,
    ) -> Result<(), RunError> {
        let ledger = &mut self.services[id];
        if level != "INFO" && !ledger.may_tell(event, now, self.event_repeat) {
            return Ok(());
        }
        self.service_event_each(id, now, level, event, message)
    }

    /// An event of a service that is told each time.
    ///
    /// # Errors
    /// What the sink says.
    pub fn service_event_each(
        &mut self,
        id: ServiceId,
        now: SimTime,
        level: &'static str,
        event: &'static str,
        message: &str,
    ) -> Result<(), RunError> {
        let service = &self.services[id].title;
        Ok(self.tables.event(&EventRow { at: now, service, level, event, message })?)
    }
}
