//! Callers that keep a first-come, first-served queue of their own, as a batch scheduler does.

use super::Calls;
use super::api::gate_of;
use crate::engine::Class;
use crate::model::ids::SourceId;
use crate::sim::event::{Event, RunError};
use crate::sim::request::{Failure, Target};

impl Calls<'_> {
    /// Capacity has come back: one Control event at the end of the instant serves those who wait for it.
    pub fn capacity_came_back(&mut self) {
        let now = self.now();
        if self.callers.served_at != now && self.callers.has_queues() {
            self.callers.served_at = now;
            self.life.queue.schedule(now, Class::Control, Event::Control);
        }
    }

    /// The settled state of an instant: every waiting queue is served, in order of caller.
    ///
    /// # Errors
    /// As [`Calls::request_row`].
    pub fn serve_queues(&mut self) -> Result<(), RunError> {
        for source in self.callers.all.ids() {
            let caller = &self.callers.all[source];
            if !caller.queue.is_empty() && !caller.held {
                self.serve_queue(source)?;
            }
        }
        Ok(())
    }

    /// Serves a caller's own queue from its head until something does not fit.
    pub(super) fn serve_queue(&mut self, source: SourceId) -> Result<(), RunError> {
        let gate = gate_of(self.callers.all[source].launch);
        while let Some(head) = self.callers.all[source].queue.front() {
            let tasks = head.remaining.min(self.callers.all[source].setup.tasks_per_call);
            let at = self.ready_at(gate, self.launch_tokens(source, tasks));
            if at > self.now() {
                self.callers.all[source].held = true;
                self.open_gate_at(gate, at);
                return Ok(());
            }
            if !self.serve_head(source, gate, tasks)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// One call for the head of a queue; says whether the queue goes on.
    fn serve_head(&mut self, source: SourceId, gate: usize, tasks: u32) -> Result<bool, RunError> {
        let mut request = self.callers.all[source].queue.pop_front().expect("the head is there");
        let mut started = 0;
        let mut blocked: Option<(Target, Failure)> = None;
        let mut placed = Vec::new();
        while started < tasks {
            let target = self.next_target(source, tasks, &mut placed);
            if let Err(failure) = self.place_first(&request, target) {
                blocked = Some((target, failure));
                break;
            }
            request.first_id += 1;
            request.remaining -= 1;
            started += 1;
        }
        if started > 0 {
            self.take_tokens(gate, self.launch_tokens(source, started));
        }
        if let Some((target, failure)) = blocked {
            self.failed(&mut request, &failure)?;
            if !failure.may_pass() || !self.could_ever_fit(&request, target)? {
                self.refuse(&request, &failure)?;
                return Ok(true);
            }
            self.callers.all[source].queue.push_front(request);
            return Ok(false);
        }
        if request.remaining > 0 {
            self.callers.all[source].queue.push_front(request);
        }
        Ok(true)
    }
}
