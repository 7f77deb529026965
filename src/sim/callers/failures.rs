//! What a caller does about tasks that found no place: gives up, calls again, or waits for ever if it may.

use super::Calls;
use super::calls::Missing;
use crate::base::time::SimSpan;
use crate::engine::Class;
use crate::model::ids::InstanceId;
use crate::model::platform::LaunchType;
use crate::sim::books::Change;
use crate::sim::event::{Event, RunError};
use crate::sim::request::{Failure, Request};
use crate::sim::setup::{Launch, OnFailure};

impl Calls<'_> {
    /// The caller reacts to the tasks of a call that could not be placed: some are given up, and there is one call more
    /// for all the others, which shares them out anew.
    pub(super) fn after_call(
        &mut self,
        mut request: Request,
        missing: Vec<Missing>,
    ) -> Result<(), RunError> {
        let mut parts = Vec::with_capacity(missing.len());
        for part in missing {
            parts.push((self.is_given_up(&request, &part.failure)?, part));
        }
        parts.sort_by_key(|(is_given_up, _)| !is_given_up); // those that go on keep numbers without a gap
        let whole = request.clone();
        for (is_given_up, part) in parts {
            let mut of_part = Request { remaining: part.tasks, ..whole.clone() };
            of_part.first_id = request.first_id;
            self.failed(&mut of_part, &part.failure)?;
            if is_given_up {
                self.refuse(&of_part, &part.failure)?;
                request.first_id += u64::from(part.tasks);
                request.remaining -= part.tasks;
            } else {
                (request.reported, request.refused) = (of_part.reported, of_part.refused);
            }
        }
        if request.remaining > 0 {
            self.park(request);
        }
        Ok(())
    }

    /// Whether the caller gives up tasks that could not be placed.
    fn is_given_up(&self, request: &Request, failure: &Failure) -> Result<bool, RunError> {
        Ok(match self.callers.all[request.source].setup.on_failure {
            _ if !failure.may_pass() => true,
            OnFailure::GiveUp => true,
            OnFailure::Retry { attempts: Some(most), .. } => request.attempts >= most,
            OnFailure::Retry { attempts: None, .. } => !self.could_ever_fit(request)?,
            OnFailure::Queue => {
                unreachable!("a queueing caller's requests never pass through a call")
            }
        })
    }

    /// A placement has failed: counts it and writes it down.
    pub(super) fn failed(
        &mut self,
        request: &mut Request,
        failure: &Failure,
    ) -> Result<(), RunError> {
        let present = match self.callers.all[request.source].launch {
            LaunchType::Ec2 => self.life.cluster.version(),
            LaunchType::Fargate => self.life.fargate.version(),
        };
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
        self.serve_woken()?;
        let request = self.callers.parked[slot as usize].take();
        self.callers.free_parked.push(slot);
        self.submit(request.expect("a parked request wakes once"))
    }

    /// Tasks that will never be placed: a row each, so that every task of the trace has one.
    pub(super) fn refuse(&mut self, request: &Request, failure: &Failure) -> Result<(), RunError> {
        self.life.tasks.wanted -= u64::from(request.remaining);
        self.life.books.saw(Change::Refused(request, failure));
        let now = self.now();
        let tasks = &mut self.life.books.recorder.tasks;
        Ok(tasks.unplaced(request, failure.reason(), now)?)
    }

    /// Whether a task that does not fit now could fit an empty fleet, at any place that its caller allows. A caller that
    /// waits for ever for a task that never can is an error, or a refusal where the scenario says so.
    pub(super) fn could_ever_fit(&self, request: &Request) -> Result<bool, RunError> {
        let caller = &self.callers.all[request.source];
        let items = match &caller.setup.launch {
            Launch::Type(_) => 1,
            Launch::Providers(shares) => shares.len(),
            Launch::Start(_) => caller.named.len(),
        };
        // A provider with neither base nor weight is never given a task.
        let is_used = |item: &usize| match &caller.setup.launch {
            Launch::Providers(shares) => shares[*item].base > 0 || shares[*item].weight > 0,
            _ => true,
        };
        let mut targets = (0..items).filter(is_used).map(|i| self.target(request.source, i));
        if targets.any(|target| self.life.fits_when_empty(request, target)) {
            return Ok(true);
        }
        if caller.setup.oversized_is_error {
            return Err(RunError::Oversized(self.oversized_message(request)));
        }
        Ok(false)
    }

    fn oversized_message(&self, request: &Request) -> String {
        let caller = &self.callers.all[request.source];
        let setup = &caller.setup;
        let fleet = self.life.cluster.fleet();
        let (place, candidates): (String, Vec<InstanceId>) = match &setup.launch {
            Launch::Providers(shares) => {
                let names = shares.iter().map(|s| &self.life.rules.providers[s.provider].name);
                let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
                let is_of =
                    |i: &InstanceId| shares.iter().any(|s| s.provider == fleet.provider[*i]);
                (format!(" of {}", names.join(" or ")), fleet.ids().filter(is_of).collect())
            }
            Launch::Start(names) => (format!(" of {}", names.join(", ")), caller.named.clone()),
            Launch::Type(_) => (String::new(), fleet.ids().collect()),
        };
        let why = if caller.launch == LaunchType::Fargate {
            "needs more vCPUs than the account's quota of Fargate has".to_string()
        } else {
            let largest = candidates.iter().map(|i| fleet.registered[*i]);
            let largest = largest.max_by_key(|r| (r.cpu, r.memory)).map_or_else(
                || "there is no container instance".to_string(),
                |r| format!("the largest container instance{place} registers {r}"),
            );
            let ports = self.life.rules.ports(request.definition);
            let is_port = candidates.iter().any(|i| request.demand.fits_into(fleet.registered[*i]))
                && !ports.is_empty();
            let more = if is_port { "; a host port of it may be reserved by each" } else { "" };
            format!(
                "fits no container instance{place} even when it is empty, so its caller would wait for \
                 ever; {largest}{more}"
            )
        };
        // The row may have been read long ago: a throttled call, or a task that waits behind others.
        let place = match &caller.file {
            Some(file) if request.line > 0 => format!("{file}:{}: ", request.line),
            _ => String::new(),
        };
        format!(
            "{place}run_task `{}`: task {} (arrival {} s) asks for {} and {why}\n  = help: set `on_oversized = \
             \"refuse\"` to count such tasks as refused, or choose larger instances",
            setup.name, request.first_id, request.arrival, request.demand
        )
    }
}
