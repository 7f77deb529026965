//! Tasks that wait in PROVISIONING for capacity, of callers and of services alike: they are placed when there is some,
//! or stop.

use super::Drive;
use crate::model::lifecycle::StopReason;
use crate::policy::placement::Ask;
use crate::sim::event::RunError;
use crate::sim::task::Slot;
use crate::sim::tasks::Kind;

impl Drive<'_> {
    /// Capacity has changed: those who wait are tried in order, each kind until one of it finds no room.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn place_waiting(&mut self) -> Result<(), RunError> {
        let mut in_vain: Vec<Ask> = Vec::new();
        let providers = &self.rules.providers;
        let may = |kind: &Kind, in_vain: &[Ask]| {
            providers[kind.provider].batch_window.is_none() && !in_vain.contains(&kind.ask)
        };
        while let Some((slot, ask)) = self.tasks.line.first(|kind| may(kind, &in_vain)) {
            if !self.life().place_waiting(slot, ask) {
                in_vain.push(ask);
            }
        }
        for provider in self.tasks.line.providers() {
            self.life().call_for_batch(provider);
        }
        self.start_ready()
    }

    /// The first of the line may have waited for too long.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn waited_enough(&mut self) -> Result<(), RunError> {
        while let Some(slot) = self.life().next_timed_out() {
            self.times_out(slot)?;
        }
        self.life().watch_the_line();
        Ok(())
    }

    /// Tasks that have waited long enough for EC2 go to Fargate, unless there is room now.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn overflow(&mut self) -> Result<(), RunError> {
        self.life().overflow_is_due();
        self.place_waiting()?;
        while let Some(slot) = self.life().next_overflow() {
            self.tell_overflow(slot)?;
        }
        self.start_ready()
    }

    /// The service event of a task that is on Fargate since EC2 had no room for it; ECS has no such event.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn tell_overflow(&mut self, slot: Slot) -> Result<(), RunError> {
        let task = &self.tasks[slot];
        if !task.has_overflowed || !self.rules.is_service(task.source) {
            return Ok(());
        }
        let member = self.services.member(slot);
        let service = &self.services.all[member.service];
        let waited = task.placed.since(task.accepted);
        let text = format!(
            "(service {}) has started a task on {} because no container instance of its capacity provider strategy had \
             room for it within {} seconds.",
            service.setup.name,
            self.rules.providers[task.provider].name,
            waited.0 / 1_000_000,
        );
        let (id, now) = (member.service, self.queue.now());
        self.books.service_event(id, now, "INFO", "SERVICE_TASK_OVERFLOWED", &text)
    }

    fn times_out(&mut self, slot: Slot) -> Result<(), RunError> {
        let task = &mut self.tasks[slot];
        (task.stop_reason, task.exit_code) = (StopReason::ProvisioningTimeout, 1);
        if self.rules.is_service(self.tasks[slot].source) {
            let service = self.services.member(slot).service;
            self.plan().leave(slot)?;
            self.plan().look_soon(service); // a new one takes its place
        }
        self.life().stop_early(slot)
    }
}
