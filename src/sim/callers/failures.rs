//! What a caller does about tasks that found no place: gives up, calls again, or waits for ever if it may.

use super::Calls;
use crate::base::time::SimSpan;
use crate::engine::Class;
use crate::sim::books::Change;
use crate::sim::event::{Event, RunError};
use crate::sim::request::{Failure, Request, Target};
use crate::sim::setup::OnFailure;

impl Calls<'_> {
    /// The caller reacts to tasks that could not be placed.
    pub(super) fn after_failure(
        &mut self,
        mut request: Request,
        target: Target,
        failure: &Failure,
    ) -> Result<(), RunError> {
        self.failed(&mut request, failure)?;
        if !failure.may_pass() {
            return self.refuse(&request, failure);
        }
        let setup = &self.callers.all[request.source].setup;
        match setup.on_failure {
            OnFailure::GiveUp => self.refuse(&request, failure),
            OnFailure::Retry { attempts: Some(most), .. } if request.attempts >= most => {
                self.refuse(&request, failure)
            }
            OnFailure::Retry { attempts, .. } => {
                if attempts.is_none() && !self.could_ever_fit(&request, target)? {
                    return self.refuse(&request, failure);
                }
                self.park(request);
                Ok(())
            }
            OnFailure::Queue => {
                unreachable!("a queueing caller's requests never pass through a call")
            }
        }
    }

    /// A placement has failed: counts it and writes it down.
    pub(super) fn failed(
        &mut self,
        request: &mut Request,
        failure: &Failure,
    ) -> Result<(), RunError> {
        let present = self.life.capacity_version();
        let (version, times) = request.refused;
        request.refused = (present, if version == present { times + 1 } else { 1 });
        let now = self.now();
        self.life.books.recorder.failed(now, request, failure)
    }

    /// Calls again after a delay.
    fn park(&mut self, request: Request) {
        let at = self.now() + self.retry_delay(&request);
        let callers = &mut *self.callers;
        let parked = callers.parked.len() as u32;
        let slot = callers.free_parked.pop().unwrap_or(parked);
        if slot == parked {
            callers.parked.push(None);
        }
        callers.parked[slot as usize] = Some(request);
        self.life.queue.schedule(at, Class::Demand, Event::Retry(slot));
    }

    fn retry_delay(&self, request: &Request) -> SimSpan {
        let caller = &self.callers.all[request.source];
        let OnFailure::Retry { first_delay, growth_percent, max_delay, jitter_percent, .. } =
            caller.setup.on_failure
        else {
            return SimSpan::ZERO;
        };
        let mut delay = first_delay.min(max_delay);
        for _ in 1..request.attempts {
            if delay >= max_delay {
                break;
            }
            delay = SimSpan(delay.0.saturating_mul(u64::from(growth_percent)) / 100).min(max_delay);
        }
        if jitter_percent > 0 {
            let key = request.own_number().wrapping_mul(1_000_003) + u64::from(request.attempts);
            let width = delay.0 / 100 * u64::from(jitter_percent.min(100));
            delay = SimSpan(delay.0 - caller.jitter.member(key).below(width + 1));
        }
        delay
    }

    /// A parked request tries again.
    ///
    /// # Errors
    /// As [`Calls::request_row`].
    pub fn retry(&mut self, slot: u32) -> Result<(), RunError> {
        let request = self.callers.parked[slot as usize].take();
        self.callers.free_parked.push(slot);
        self.submit(request.expect("a parked request wakes once"))
    }

    /// Tasks that will never be placed: a row each, so that every task of the trace has one.
    pub(super) fn refuse(&mut self, request: &Request, failure: &Failure) -> Result<(), RunError> {
        self.life.tasks.wanted -= u64::from(request.remaining);
        self.life.books.saw(Change::Refused(request, failure));
        Ok(self.life.books.recorder.tasks.unplaced(request, failure.reason())?)
    }

    /// Whether a task that does not fit now could fit an empty fleet. A caller that waits for ever for a task
    /// that never can is an error, or a refusal where the scenario says so.
    pub(super) fn could_ever_fit(
        &self,
        request: &Request,
        target: Target,
    ) -> Result<bool, RunError> {
        if self.life.fits_when_empty(request, target) {
            return Ok(true);
        }
        if self.callers.all[request.source].setup.oversized_is_error {
            return Err(RunError::Oversized(self.oversized_message(request, target)));
        }
        Ok(false)
    }

    fn oversized_message(&self, request: &Request, target: Target) -> String {
        let setup = &self.callers.all[request.source].setup;
        let why = match target {
            Target::Fargate(_) => {
                "needs more vCPUs than the account's quota of Fargate has".to_string()
            }
            Target::Instances(_) | Target::Named(_) => {
                let all = self.life.cluster.fleet().registered.iter();
                let largest = all.max_by_key(|r| (r.cpu, r.memory)).map_or_else(
                    || "there is no container instance".to_string(),
                    |r| format!("the largest container instance registers {r}"),
                );
                format!(
                    "fits no container instance even when it is empty, so its caller would wait for \
                     ever; {largest}"
                )
            }
        };
        format!(
            "run_task `{}`: task {} (arrival {} s) asks for {} and {why}\n  = help: set `on_oversized = \
             \"refuse\"` to count such tasks as refused, or choose larger instances",
            setup.name, request.first_id, request.arrival, request.demand
        )
    }
}
