//! Callers of RunTask and StartTask: API rates, calls of at most ten tasks, and what happens when a task does
//! not fit.
//!
//! A throttled call waits for its token in order (assumed: the caller's SDK retries until the API lets it
//! through). A call is accepted as a whole; each of its tasks is then placed or refused by itself.

use super::api::gate_of;
use super::setup::{Launch, OnFailure, ProviderShare, SourceSetup};
use super::world::{Event, RunError, World};
use crate::base::id::Id as _;
use crate::base::random::Family;
use crate::base::time::{SimSpan, SimTime};
use crate::engine::{Class, Queue};
use crate::model::arrival::TaskRow;
use crate::model::ids::{DefinitionId, GroupId, InstanceId, ProviderId, SourceId};
use crate::model::platform::{LaunchType, Purchase};
use crate::model::resources::Resources;
use crate::policy::placement::RuleId;
use std::collections::VecDeque;

/// Equal tasks that one caller still wants.
#[derive(Clone, Debug)]
pub struct Request {
    /// Caller.
    pub source: SourceId,
    /// When they were wanted.
    pub arrival: SimTime,
    /// When the API first accepted a call for them; for a caller's own queue, when they were wanted.
    pub accepted: Option<SimTime>,
    /// Number of the first of them.
    pub first_id: u64,
    /// Tasks of other callers with lower numbers, see [`Request::own_number`].
    pub others: u64,
    /// How many.
    pub remaining: u32,
    /// Calls so far.
    pub attempts: u32,
    /// What each asks for, before Fargate rounds it up.
    pub demand: Resources,
    /// How long each works; `None`: drawn for each.
    pub work: Option<SimSpan>,
    /// Task definition.
    pub definition: DefinitionId,
    /// Task group.
    pub group: GroupId,
    /// Task storage in GiB.
    pub ephemeral_gib: u16,
    /// Exit code.
    pub exit_code: u8,
    /// When a failure of theirs was last written to `placement_failures.csv`.
    pub reported: Option<SimTime>,
    /// How often they were refused in the cluster's present state: its version, and the number of times.
    pub refused: (u64, usize),
}

impl Request {
    /// Number of the first of them among its caller's own tasks: the key of the caller's draws, which another
    /// caller's tasks must not move.
    pub fn own_number(&self) -> u64 {
        self.first_id - self.others
    }
}

/// Where one task of a call goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// Container instances, under this item of the caller's capacity provider strategy; 0 for a launch type.
    Instances(usize),
    /// One container instance that the caller named.
    Named(InstanceId),
    /// Fargate.
    Fargate(ProviderId),
}

/// Placement rules of a caller: for each item of its strategy one a task definition.
#[derive(Default)]
pub struct Rules {
    /// Definitions that its tasks may have, ascending.
    pub definitions: Vec<DefinitionId>,
    /// By item, then definition.
    pub ids: Vec<RuleId>,
}

impl Rules {
    /// Rules to be compiled for these definitions.
    #[must_use]
    pub fn over(definitions: impl Iterator<Item = DefinitionId>) -> Rules {
        let mut definitions: Vec<DefinitionId> = definitions.collect();
        definitions.sort_unstable();
        definitions.dedup();
        Rules { definitions, ids: Vec::new() }
    }

    /// The rule of an item and a definition, which must be one of the caller's.
    #[inline]
    #[must_use]
    pub fn of(&self, item: usize, definition: DefinitionId) -> RuleId {
        // A caller that knows all definitions finds its own by number.
        let at = match self.definitions.get(definition.index()) {
            Some(&found) if found == definition => definition.index(),
            _ => self.definitions.binary_search(&definition).expect("a rule for each definition"),
        };
        self.ids[item * self.definitions.len() + at]
    }
}

/// What a caller remembers.
pub struct Caller {
    /// Its settings.
    pub setup: SourceSetup,
    /// Where its calls go.
    pub launch: LaunchType,
    /// Its own first-come queue.
    pub queue: VecDeque<Request>,
    /// Instances that StartTask names, and whose turn it is.
    pub named: Vec<InstanceId>,
    /// Index into `named`.
    pub turn: usize,
    /// Tasks that it has wanted so far.
    pub wanted: u64,
    /// Draws of durations, one stream a task.
    pub durations: Family,
    /// Jitter of retries, one stream a request.
    pub jitter: Family,
    /// Placement rules.
    pub rules: Rules,
    /// Group of rows that name none, where the caller sets it.
    pub group: Option<GroupId>,
    /// Whether it waits for the API to let a queued call through.
    pub held: bool,
}

/// The largest deficit gets the next task (assumed; the rounding is unpublished): each provider's target is its
/// base plus its share of the rest by weight, ties go to list order.
pub(super) fn next_share(shares: &[ProviderShare], placed: &[u32], total: u32) -> usize {
    let weights: i64 = shares.iter().map(|s| i64::from(s.weight)).sum::<i64>().max(1);
    let bases: i64 = shares.iter().map(|s| i64::from(s.base)).sum();
    let rest = (i64::from(total) - bases).max(0);
    let deficit = |i: usize| {
        let share = &shares[i];
        let base = i64::from(share.base).min(i64::from(total));
        (base - i64::from(placed[i])) * weights + rest * i64::from(share.weight)
    };
    (0..shares.len()).rev().max_by_key(|&i| deficit(i)).expect("a strategy has providers")
}

/// How many tasks of a call of `total` go to each item of a capacity provider strategy.
#[must_use]
pub fn split_by_strategy(shares: &[ProviderShare], total: u32) -> Vec<u32> {
    let mut placed = vec![0; shares.len()];
    for _ in 0..total {
        let item = next_share(shares, &placed, total);
        placed[item] += 1;
    }
    placed
}

impl World {
    /// A row has arrived: its tasks are wanted from now on.
    pub(super) fn request_row(
        &mut self,
        source: SourceId,
        row: TaskRow,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let request = self.resolve(source, row, queue.now())?;
        self.tally.submitted += u64::from(request.remaining);
        self.wanted += u64::from(request.remaining);
        let caller = &mut self.callers[source];
        if caller.setup.on_failure == OnFailure::Queue {
            let mut request = request;
            request.accepted = Some(request.arrival);
            caller.queue.push_back(request);
            return if self.callers[source].queue.len() == 1 {
                self.serve_queue(source, queue)
            } else {
                Ok(())
            };
        }
        self.submit(request, queue)
    }

    /// Sends a request through the API, now or when it is let through.
    fn submit(&mut self, request: Request, queue: &mut Queue<Event>) -> Result<(), RunError> {
        let gate = gate_of(self.callers[request.source].launch);
        if !self.api.gates[gate].line.is_empty() {
            self.api.gates[gate].line.push_back(request);
            return Ok(());
        }
        if let Some(rest) = self.pass(request, gate, queue)? {
            self.api.gates[gate].line.push_front(rest);
            self.open_gate_later(gate, queue);
        }
        Ok(())
    }

    /// Makes the calls of a request that the API lets through now; returns what is left.
    fn pass(
        &mut self,
        mut request: Request,
        gate: usize,
        queue: &mut Queue<Event>,
    ) -> Result<Option<Request>, RunError> {
        let now = queue.now();
        while request.remaining > 0 {
            let tasks = request.remaining.min(self.callers[request.source].setup.tasks_per_call);
            let launches = self.launch_tokens(request.source, tasks);
            if self.api.ready_at(now, gate, launches) > now {
                return Ok(Some(request));
            }
            self.api.take(now, gate, launches);
            if tasks == request.remaining {
                // The usual case, one call: the request moves on without a copy.
                request.accepted.get_or_insert(now);
                self.call(request, queue)?;
                return Ok(None);
            }
            let mut call = request.clone();
            call.remaining = tasks;
            call.accepted.get_or_insert(now);
            request.first_id += u64::from(tasks);
            request.remaining -= tasks;
            self.call(call, queue)?;
        }
        Ok(None)
    }

    /// A gate may be open for the head of its line.
    pub(super) fn gate_opens(
        &mut self,
        gate: usize,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        self.api.gates[gate].scheduled = false;
        while let Some(request) = self.api.gates[gate].line.pop_front() {
            if let Some(rest) = self.pass(request, gate, queue)? {
                self.api.gates[gate].line.push_front(rest);
                self.open_gate_later(gate, queue);
                break;
            }
        }
        for index in 0..self.services.first_source as usize {
            let source = SourceId::from_index(index);
            if self.callers[source].held && gate_of(self.callers[source].launch) == gate {
                self.callers[source].held = false;
                self.serve_queue(source, queue)?;
            }
        }
        Ok(())
    }

    fn open_gate_later(&mut self, gate: usize, queue: &mut Queue<Event>) {
        let Some(head) = self.api.gates[gate].line.front() else { return };
        let tasks = head.remaining.min(self.callers[head.source].setup.tasks_per_call);
        let launches = self.launch_tokens(head.source, tasks);
        let at = self.api.ready_at(queue.now(), gate, launches);
        if !self.api.gates[gate].scheduled {
            self.api.gates[gate].scheduled = true;
            queue.schedule(at, Class::Demand, Event::Gate(gate as u8));
        }
    }

    /// Fargate launch tokens that a call of `tasks` takes, by purchase option: none on EC2.
    fn launch_tokens(&self, source: SourceId, tasks: u32) -> [u32; 2] {
        let caller = &self.callers[source];
        let mut tokens = [0; 2];
        if caller.launch == LaunchType::Ec2 {
            return tokens;
        }
        match &caller.setup.launch {
            Launch::Providers(shares) => {
                for (count, share) in split_by_strategy(shares, tasks).into_iter().zip(shares) {
                    tokens[self.providers[share.provider].purchase as usize] += count;
                }
            }
            Launch::Type(_) | Launch::Start(_) => tokens[Purchase::OnDemand as usize] = tasks,
        }
        tokens
    }

    /// One accepted call.
    fn call(&mut self, mut request: Request, queue: &mut Queue<Event>) -> Result<(), RunError> {
        request.attempts += 1;
        let total = request.remaining;
        let mut placed = Vec::new();
        while request.remaining > 0 {
            let target = self.next_target(request.source, total, &mut placed);
            match self.place_first(&request, target, queue)? {
                Ok(()) => {
                    request.first_id += 1;
                    request.remaining -= 1;
                }
                Err(failure) => {
                    // With one target nothing has been freed for the tasks behind: they fail alike.
                    let alike = placed.is_empty() && !matches!(target, Target::Named(_));
                    let mut failed = request.clone();
                    failed.remaining = if alike { request.remaining } else { 1 };
                    request.first_id += u64::from(failed.remaining);
                    request.remaining -= failed.remaining;
                    self.after_failure(failed, target, &failure, queue)?;
                }
            }
        }
        Ok(())
    }

    fn next_target(&mut self, source: SourceId, total: u32, placed: &mut Vec<u32>) -> Target {
        let fargate_on_demand = self.fargate_on_demand;
        let caller = &mut self.callers[source];
        match &caller.setup.launch {
            Launch::Type(LaunchType::Ec2) => Target::Instances(0),
            Launch::Type(LaunchType::Fargate) => Target::Fargate(fargate_on_demand),
            Launch::Providers(shares) => {
                placed.resize(shares.len(), 0);
                let item = next_share(shares, placed, total);
                placed[item] += 1;
                match caller.launch {
                    LaunchType::Ec2 => Target::Instances(item),
                    LaunchType::Fargate => Target::Fargate(shares[item].provider),
                }
            }
            Launch::Start(_) => {
                let instance = caller.named[caller.turn % caller.named.len()];
                caller.turn += 1;
                Target::Named(instance)
            }
        }
    }

    /// The caller reacts to tasks that could not be placed.
    fn after_failure(
        &mut self,
        mut request: Request,
        target: Target,
        failure: &super::place::Failure,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        self.failed(queue.now(), &mut request, failure)?;
        if !failure.may_pass() {
            return self.refuse(&request, failure);
        }
        let setup = &self.callers[request.source].setup;
        match setup.on_failure {
            OnFailure::GiveUp => self.refuse(&request, failure),
            OnFailure::Retry { attempts: Some(most), .. } if request.attempts >= most => {
                self.refuse(&request, failure)
            }
            OnFailure::Retry { attempts, .. } => {
                if attempts.is_none() && !self.could_ever_fit(&request, target)? {
                    return self.refuse(&request, failure);
                }
                let delay = self.retry_delay(&request);
                let parked = self.parked.len();
                let slot = self.free_parked.pop().unwrap_or(parked as u32);
                if slot as usize == parked {
                    self.parked.push(None);
                }
                let at = queue.now() + delay;
                self.parked[slot as usize] = Some(request);
                queue.schedule(at, Class::Demand, Event::Retry(slot));
                Ok(())
            }
            OnFailure::Queue => unreachable_queue(),
        }
    }

    /// A placement has failed: counts it and writes it down.
    fn failed(
        &mut self,
        now: SimTime,
        request: &mut Request,
        failure: &super::place::Failure,
    ) -> Result<(), RunError> {
        let (version, times) = request.refused;
        let is_same = version == self.fleet_version;
        request.refused = (self.fleet_version, if is_same { times + 1 } else { 1 });
        self.recorder.failed(now, request, failure)
    }

    /// Whether nothing that waits can ever be placed, once no task lives and no row is to come: everyone who could
    /// be next has been refused in the very state that the cluster is in. A queue calls again only after a change;
    /// who retries StartTask has named each of its instances by then.
    pub(super) fn is_stuck(&self) -> bool {
        let refusals = |request: &Request| match request.refused {
            (version, times) if version == self.fleet_version => times,
            _ => 0,
        };
        let mut heads = self.callers.iter().filter_map(|caller| caller.queue.front());
        let mut parked = self.parked.iter().flatten();
        let names = |request: &Request| self.callers[request.source].named.len().max(1);
        self.api.gates.iter().all(|gate| gate.line.is_empty())
            && heads.all(|request| refusals(request) > 0)
            && parked.all(|request| refusals(request) >= names(request))
    }

    fn retry_delay(&self, request: &Request) -> SimSpan {
        let caller = &self.callers[request.source];
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
    pub(super) fn retry(&mut self, slot: u32, queue: &mut Queue<Event>) -> Result<(), RunError> {
        let request = self.parked[slot as usize].take().expect("a parked request wakes once");
        self.free_parked.push(slot);
        self.submit(request, queue)
    }

    /// Tasks that will never be placed.
    pub(super) fn refuse(
        &mut self,
        request: &Request,
        failure: &super::place::Failure,
    ) -> Result<(), RunError> {
        self.wanted -= u64::from(request.remaining);
        self.tally.refuse(failure.reason(), u64::from(request.remaining));
        self.recorder.refused(request, failure)
    }

    /// Serves a caller's own queue from its head until something does not fit.
    pub(super) fn serve_queue(
        &mut self,
        source: SourceId,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let gate = gate_of(self.callers[source].launch);
        while let Some(head) = self.callers[source].queue.front() {
            let tasks = head.remaining.min(self.callers[source].setup.tasks_per_call);
            let launches = self.launch_tokens(source, tasks);
            let at = self.api.ready_at(queue.now(), gate, launches);
            if at > queue.now() {
                self.callers[source].held = true;
                if !self.api.gates[gate].scheduled {
                    self.api.gates[gate].scheduled = true;
                    queue.schedule(at, Class::Demand, Event::Gate(gate as u8));
                }
                return Ok(());
            }
            let mut request = self.callers[source].queue.pop_front().expect("the head is there");
            let (mut started, mut placed) = (0, Vec::new());
            let mut blocked = None;
            while started < tasks {
                let target = self.next_target(source, tasks, &mut placed);
                match self.place_first(&request, target, queue)? {
                    Ok(()) => {
                        request.first_id += 1;
                        request.remaining -= 1;
                        started += 1;
                    }
                    Err(failure) => {
                        blocked = Some((target, failure));
                        break;
                    }
                }
            }
            if started > 0 {
                self.api.take(queue.now(), gate, self.launch_tokens(source, started));
            }
            if let Some((target, failure)) = blocked {
                self.failed(queue.now(), &mut request, &failure)?;
                if !failure.may_pass() || !self.could_ever_fit(&request, target)? {
                    self.refuse(&request, &failure)?;
                    continue;
                }
                self.callers[source].queue.push_front(request);
                return Ok(());
            }
            if request.remaining > 0 {
                self.callers[source].queue.push_front(request);
            }
        }
        Ok(())
    }

    /// Whether a task that does not fit now could fit an empty fleet. A caller that waits for ever for a task
    /// that never can is an error, or a refusal where the scenario says so.
    fn could_ever_fit(&mut self, request: &Request, target: Target) -> Result<bool, RunError> {
        if self.fits_when_empty(request, target) {
            return Ok(true);
        }
        if self.callers[request.source].setup.oversized_is_error {
            return Err(RunError::Oversized(self.oversized_message(request, target)));
        }
        Ok(false)
    }

    fn oversized_message(&self, request: &Request, target: Target) -> String {
        let setup = &self.callers[request.source].setup;
        let why = match target {
            Target::Fargate(_) => {
                "needs more vCPUs than the account's quota of Fargate has".to_string()
            }
            Target::Instances(_) | Target::Named(_) => {
                let all = self.fleet.ids().map(|instance| self.fleet.registered[instance]);
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

    /// Whose queues wait for capacity: one Control event at the end of the instant serves them.
    pub(super) fn capacity_came_back(&mut self, queue: &mut Queue<Event>) {
        let own = self.services.first_source as usize; // services have no queues
        if self.control_at != queue.now()
            && self.callers.iter().take(own).any(|c| !c.queue.is_empty())
        {
            self.control_at = queue.now();
            queue.schedule(queue.now(), Class::Control, Event::Control);
        }
    }

    /// The settled state of an instant: every waiting queue is served, in order of caller.
    pub(super) fn control(&mut self, queue: &mut Queue<Event>) -> Result<(), RunError> {
        for index in 0..self.services.first_source as usize {
            let source = SourceId::from_index(index);
            if !self.callers[source].queue.is_empty() && !self.callers[source].held {
                self.serve_queue(source, queue)?;
            }
        }
        Ok(())
    }
}

/// Requests of a queueing caller never pass through `call`.
fn unreachable_queue() -> Result<(), RunError> {
    debug_assert!(false, "a queueing caller keeps its requests in its own queue");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(provider: u32, base: u32, weight: u32) -> ProviderShare {
        ProviderShare { provider: ProviderId(provider), base, weight }
    }

    #[test]
    fn base_is_satisfied_first_and_the_rest_goes_by_weight() {
        // AWS's worked example: base 2 on FARGATE, weights 1:3, six tasks: three and three.
        assert_eq!(split_by_strategy(&[share(0, 2, 1), share(1, 0, 3)], 6), [3, 3]);
        assert_eq!(split_by_strategy(&[share(0, 2, 1), share(1, 0, 3)], 1), [1, 0]);
        assert_eq!(split_by_strategy(&[share(0, 0, 1), share(1, 0, 1)], 3), [2, 1]);
        assert_eq!(split_by_strategy(&[share(0, 0, 0), share(1, 0, 1)], 4), [0, 4]);
        assert_eq!(split_by_strategy(&[share(0, 1, 0), share(1, 0, 1)], 4), [1, 3]);
    }
}
