//! Rows become requests, requests become calls: at most ten tasks each, through the API's gates in order.

use super::api::gate_of;
use super::{Calls, next_share, split_by_strategy};
use crate::base::suggest;
use crate::base::time::SimTime;
use crate::engine::Class;
use crate::model::arrival::{NameId, TaskRow};
use crate::model::ids::{DefinitionId, SourceId};
use crate::model::platform::{LaunchType, Purchase};
use crate::model::resources::Resources;
use crate::sim::books::Change;
use crate::sim::event::{Event, RunError};
use crate::sim::request::{Failure, Request, Target};
use crate::sim::setup::{Launch, OnFailure};

impl Calls<'_> {
    /// The clock.
    pub(super) fn now(&self) -> SimTime {
        self.life.queue.now()
    }

    /// A row has arrived: its tasks are wanted from now on. `names` are those of its trace.
    ///
    /// # Errors
    /// The row names a definition that the scenario does not have; an output cannot be written.
    pub fn request_row(
        &mut self,
        source: SourceId,
        row: TaskRow,
        names: &[String],
    ) -> Result<(), RunError> {
        let mut request = self.resolve(source, row, names)?;
        self.life.books.saw(Change::Wanted(request.remaining));
        self.life.tasks.wanted += u64::from(request.remaining);
        let caller = &mut self.callers.all[source];
        if caller.setup.on_failure == OnFailure::Queue {
            request.accepted = Some(request.arrival);
            caller.queue.push_back(request);
            return if caller.queue.len() == 1 { self.serve_queue(source) } else { Ok(()) };
        }
        self.submit(request)
    }

    /// Turns a trace row into a request.
    fn resolve(
        &mut self,
        source: SourceId,
        row: TaskRow,
        names: &[String],
    ) -> Result<Request, RunError> {
        let now = self.now();
        let definition = match row.definition {
            Some(name) => self.definition_of_row(source, name, names)?,
            None => self.callers.all[source].setup.definition,
        };
        let rules = self.life.rules;
        let group = match row.group {
            Some(name) => self.life.group(&names[name.0 as usize]),
            None => self.callers.all[source].group.unwrap_or(rules.family_groups[definition]),
        };
        let of_definition = &rules.definitions[definition];
        let own = of_definition.demand;
        let demand = Resources {
            cpu: row.cpu.unwrap_or(own.cpu),
            memory: row.memory.unwrap_or(own.memory),
            gpus: row.gpus.unwrap_or(own.gpus),
            enis: own.enis,
        };
        let caller = &mut self.callers.all[source];
        let next_id = &mut self.life.tasks.next_id;
        let request = Request {
            source,
            arrival: now,
            accepted: None,
            first_id: *next_id,
            others: *next_id - caller.wanted,
            remaining: row.count,
            attempts: 0,
            demand,
            work: row.duration,
            definition,
            group,
            ephemeral_gib: row.ephemeral_gib.unwrap_or(of_definition.ephemeral_gib),
            exit_code: row.exit_code,
            reported: None,
            refused: (0, 0),
        };
        *next_id += u64::from(row.count);
        caller.wanted += u64::from(row.count);
        if demand != own {
            self.life.cluster.knows_size(now, demand);
        }
        Ok(request)
    }

    fn definition_of_row(
        &self,
        source: SourceId,
        name: NameId,
        names: &[String],
    ) -> Result<DefinitionId, RunError> {
        let name = &names[name.0 as usize];
        let rules = self.life.rules;
        rules.definition_names.get(name.as_str()).copied().ok_or_else(|| {
            let known: Vec<&str> = rules.definitions.iter().map(|d| d.family.as_str()).collect();
            let hint = suggest::nearest(name, known.iter().copied())
                .map_or_else(String::new, |near| format!("did you mean \"{near}\"? "));
            RunError::Trace(format!(
                "run_task `{}`: its trace names the task definition `{name}`, which the scenario does not \
                 have\n  = help: {hint}known: {}",
                self.callers.all[source].setup.name,
                known.join(", ")
            ))
        })
    }

    /// Sends a request through the API, now or when it is let through.
    pub(super) fn submit(&mut self, request: Request) -> Result<(), RunError> {
        let gate = gate_of(self.callers.all[request.source].launch);
        if !self.callers.api.gates[gate].line.is_empty() {
            self.callers.api.gates[gate].line.push_back(request);
            return Ok(());
        }
        if let Some(rest) = self.pass(request, gate)? {
            self.callers.api.gates[gate].line.push_front(rest);
            self.open_gate_later(gate);
        }
        Ok(())
    }

    /// Makes the calls of a request that the API lets through now; returns what is left.
    fn pass(&mut self, mut request: Request, gate: usize) -> Result<Option<Request>, RunError> {
        let now = self.now();
        while request.remaining > 0 {
            let most = self.callers.all[request.source].setup.tasks_per_call;
            let tasks = request.remaining.min(most);
            let launches = self.launch_tokens(request.source, tasks);
            if self.ready_at(gate, launches) > now {
                return Ok(Some(request));
            }
            self.take_tokens(gate, launches);
            if tasks == request.remaining {
                // The usual case, one call: the request moves on without a copy.
                request.accepted.get_or_insert(now);
                self.call(request)?;
                return Ok(None);
            }
            let mut call = request.clone();
            call.remaining = tasks;
            call.accepted.get_or_insert(now);
            request.first_id += u64::from(tasks);
            request.remaining -= tasks;
            self.call(call)?;
        }
        Ok(None)
    }

    pub(super) fn ready_at(&self, gate: usize, launches: [u32; 2]) -> SimTime {
        self.callers.api.ready_at(self.now(), gate, launches, self.life.fargate)
    }

    pub(super) fn take_tokens(&mut self, gate: usize, launches: [u32; 2]) {
        let now = self.now();
        self.callers.api.take(now, gate, launches, self.life.fargate);
    }

    /// A gate may be open for the head of its line.
    ///
    /// # Errors
    /// As [`Calls::request_row`].
    pub fn gate_opens(&mut self, gate: usize) -> Result<(), RunError> {
        self.callers.api.gates[gate].scheduled = false;
        while let Some(request) = self.callers.api.gates[gate].line.pop_front() {
            if let Some(rest) = self.pass(request, gate)? {
                self.callers.api.gates[gate].line.push_front(rest);
                self.open_gate_later(gate);
                break;
            }
        }
        for source in self.callers.all.ids() {
            let caller = &mut self.callers.all[source];
            if caller.held && gate_of(caller.launch) == gate {
                caller.held = false;
                self.serve_queue(source)?;
            }
        }
        Ok(())
    }

    fn open_gate_later(&mut self, gate: usize) {
        let Some(head) = self.callers.api.gates[gate].line.front() else { return };
        let tasks = head.remaining.min(self.callers.all[head.source].setup.tasks_per_call);
        let launches = self.launch_tokens(head.source, tasks);
        let at = self.ready_at(gate, launches);
        self.open_gate_at(gate, at);
    }

    pub(super) fn open_gate_at(&mut self, gate: usize, at: SimTime) {
        if !std::mem::replace(&mut self.callers.api.gates[gate].scheduled, true) {
            self.life.queue.schedule(at, Class::Demand, Event::Gate(gate as u8));
        }
    }

    /// Fargate launch tokens that a call of `tasks` takes, by purchase option: none on EC2.
    pub(super) fn launch_tokens(&self, source: SourceId, tasks: u32) -> [u32; 2] {
        let caller = &self.callers.all[source];
        let mut tokens = [0; 2];
        if caller.launch == LaunchType::Ec2 {
            return tokens;
        }
        match &caller.setup.launch {
            Launch::Providers(shares) => {
                for (count, share) in split_by_strategy(shares, tasks).into_iter().zip(shares) {
                    let purchase = self.life.rules.providers[share.provider].purchase;
                    tokens[purchase as usize] += count;
                }
            }
            Launch::Type(_) | Launch::Start(_) => tokens[Purchase::OnDemand as usize] = tasks,
        }
        tokens
    }

    /// One accepted call.
    fn call(&mut self, mut request: Request) -> Result<(), RunError> {
        request.attempts += 1;
        let total = request.remaining;
        let mut placed = Vec::new();
        while request.remaining > 0 {
            let target = self.next_target(request.source, total, &mut placed);
            match self.place_first(&request, target) {
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
                    self.after_failure(failed, target, &failure)?;
                }
            }
        }
        Ok(())
    }

    /// Places the first task of a request; if it has started already, its work begins.
    pub(super) fn place_first(&mut self, request: &Request, target: Target) -> Result<(), Failure> {
        self.life.place_first(request, target)?;
        while let Some(slot) = self.life.tasks.next_ready() {
            self.life.runs_to_its_end(slot); // a placement makes no task ready but its own
        }
        Ok(())
    }

    pub(super) fn next_target(
        &mut self,
        source: SourceId,
        total: u32,
        placed: &mut Vec<u32>,
    ) -> Target {
        let caller = &mut self.callers.all[source];
        match &caller.setup.launch {
            Launch::Type(LaunchType::Ec2) => Target::Instances(0),
            Launch::Type(LaunchType::Fargate) => Target::Fargate(self.life.fargate.on_demand()),
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
}
