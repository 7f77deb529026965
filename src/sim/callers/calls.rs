//! Rows become requests, requests become calls: at most ten tasks each, through the API's gates in order.

use super::api::{Waiting, gate_of};
use super::{Calls, next_share};
use crate::base::suggest;
use crate::base::time::SimTime;
use crate::engine::Class;
use crate::model::arrival::{NameId, TaskRow};
use crate::model::ids::{DefinitionId, SourceId};
use crate::model::platform::{LaunchType, Purchase};
use crate::model::resources::Resources;
use crate::sim::books::Change;
use crate::sim::event::{Event, RunError};
use crate::sim::request::{Call, Failure, Request, Target};
use crate::sim::setup::{Launch, OnFailure};

impl Calls<'_> {
    /// The clock.
    pub(super) fn now(&self) -> SimTime {
        self.life.queue.now()
    }

    /// A row has arrived: its tasks are wanted from now on. `names` are those of its trace, `place` is where it stands.
    ///
    /// # Errors
    /// The row names a definition that the scenario does not have; an output cannot be written.
    pub fn request_row(
        &mut self,
        source: SourceId,
        row: TaskRow,
        names: &[String],
        place: Option<(&str, u64)>,
    ) -> Result<(), RunError> {
        // Capacity of this very instant is for those who have waited, not for a newcomer.
        self.serve_woken()?;
        let mut request = self.resolve(source, row, names).map_err(|error| error.at(place))?;
        if let Some((file, line)) = place {
            request.line = line;
            self.callers.all[source].file.get_or_insert_with(|| file.into());
        }
        self.life.books.saw(Change::Wanted(request.remaining));
        self.life.tasks.wanted += u64::from(request.remaining);
        let caller = &mut self.callers.all[source];
        if caller.setup.on_failure == OnFailure::Queue {
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
            throttled_before: caller.throttled_until(now),
            call: Call::default(),
            line: 0,
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
    pub(super) fn submit(&mut self, mut request: Request) -> Result<(), RunError> {
        let gate = gate_of(self.callers.all[request.source].launch);
        if self.callers.api.is_clear() {
            // The usual case: nobody waits, and the call passes without a stop in the line.
            if self.pass(&mut request, gate)? {
                return Ok(());
            }
        }
        self.callers.api.join(gate, Waiting::Calls(request));
        self.serve_lines()
    }

    /// Makes the calls of a request that the API lets through now; whether these were all.
    fn pass(&mut self, request: &mut Request, gate: usize) -> Result<bool, RunError> {
        let now = self.now();
        while request.remaining > 0 {
            let most = self.callers.all[request.source].setup.tasks_per_call;
            let tasks = request.remaining.min(most);
            let launches = self.launch_tokens(request.source, &[], tasks, tasks);
            if self.ready_at(gate, launches) > now {
                return Ok(false);
            }
            self.take_tokens(gate, launches);
            if tasks == request.remaining {
                // The usual case, one call: the request moves on without a copy.
                request.accepted.get_or_insert(now);
                self.call(request)?;
                return Ok(true);
            }
            let mut call = request.clone();
            call.remaining = tasks;
            call.accepted.get_or_insert(now);
            request.first_id += u64::from(tasks);
            request.remaining -= tasks;
            self.call(&mut call)?;
        }
        Ok(true)
    }

    pub(super) fn ready_at(&self, gate: usize, launches: [u32; 2]) -> SimTime {
        self.callers.api.ready_at(self.now(), gate, launches, self.life.fargate)
    }

    pub(super) fn take_tokens(&mut self, gate: usize, launches: [u32; 2]) {
        let now = self.now();
        self.callers.api.take(now, gate, launches, self.life.fargate);
    }

    /// The lines may have a head that can pass.
    ///
    /// # Errors
    /// As [`Calls::request_row`].
    pub fn gate_opens(&mut self) -> Result<(), RunError> {
        if self.callers.api.due.is_some_and(|due| due <= self.now()) {
            self.callers.api.due = None;
        }
        self.serve_lines()
    }

    /// Lets through whoever may pass, the earlier of the two heads first: a head that waits for a limit of Fargate's own
    /// does not hold up EC2, and neither is passed by a later call where both want tokens of one bucket.
    pub(super) fn serve_lines(&mut self) -> Result<(), RunError> {
        loop {
            let now = self.now();
            let ready = |(gate, head): (usize, &Waiting)| (self.head_ready_at(gate, head), gate);
            let ready: Vec<(SimTime, usize)> =
                self.callers.api.heads().into_iter().map(ready).collect();
            let Some(&(_, gate)) = ready.iter().find(|(at, _)| *at <= now) else {
                let next = ready.into_iter().map(|(at, _)| at).min();
                if let Some(at) = next.filter(|at| self.callers.api.due.is_none_or(|due| *at < due))
                {
                    self.callers.api.due = Some(at);
                    self.life.queue.schedule(at, Class::Demand, Event::Gate);
                }
                return Ok(());
            };
            match self.callers.api.leave(gate) {
                (ticket, Waiting::Calls(mut request)) => {
                    if !self.pass(&mut request, gate)? {
                        self.callers.api.come_back(gate, ticket, Waiting::Calls(request));
                    }
                }
                (_, Waiting::Queue(source)) => self.queue_calls(source)?,
            }
        }
    }

    fn head_ready_at(&self, gate: usize, head: &Waiting) -> SimTime {
        let launches = match head {
            Waiting::Calls(request) => {
                let most = self.callers.all[request.source].setup.tasks_per_call;
                let tasks = request.remaining.min(most);
                self.launch_tokens(request.source, &[], tasks, tasks)
            }
            Waiting::Queue(source) => self.launch_tokens_of_queue(*source),
        };
        self.ready_at(gate, launches)
    }

    /// Fargate launch tokens that `tasks` of a call of `total` take, by purchase option, where `placed` of it have gone to
    /// each item of the strategy: none on EC2.
    pub(super) fn launch_tokens(
        &self,
        source: SourceId,
        placed: &[u32],
        total: u32,
        tasks: u32,
    ) -> [u32; 2] {
        let caller = &self.callers.all[source];
        let mut tokens = [0; 2];
        if caller.launch == LaunchType::Ec2 {
            return tokens;
        }
        match &caller.setup.launch {
            Launch::Providers(shares) => {
                let mut placed = placed.to_vec();
                placed.resize(shares.len(), 0);
                for _ in 0..tasks {
                    let item = next_share(shares, &placed, total);
                    placed[item] += 1;
                    let purchase = self.life.rules.providers[shares[item].provider].purchase;
                    tokens[purchase as usize] += 1;
                }
            }
            Launch::Type(_) | Launch::Start(_) => tokens[Purchase::OnDemand as usize] = tasks,
        }
        tokens
    }

    /// One accepted call: its tasks are shared out, those that find a place are placed, and the caller hears of the others
    /// once. The tasks are equal, so that those which fail are the last ones, whichever provider had no room.
    fn call(&mut self, request: &mut Request) -> Result<(), RunError> {
        request.attempts += 1;
        let total = request.remaining;
        let mut placed = Vec::new();
        let mut missing: Vec<Missing> = Vec::new();
        for _ in 0..total {
            let target = self.next_target(request.source, total, &mut placed);
            let version = self.life.capacity_version();
            let at = missing.iter().position(|known| known.target == target);
            if let Some(known) = at.map(|at| &mut missing[at]).filter(|m| m.version == version) {
                known.tasks += 1; // nothing has changed since another one found no place there
                continue;
            }
            match self.place_first(request, target) {
                Ok(()) => {
                    request.first_id += 1;
                    request.remaining -= 1;
                }
                Err(failure) => {
                    let tasks = 1 + at.map_or(0, |at| missing.remove(at).tasks);
                    missing.push(Missing { target, failure, tasks, version });
                }
            }
        }
        if request.remaining > 0 { self.after_call(request.clone(), missing) } else { Ok(()) }
    }

    /// Places the first task of a request; if it has started already, its work begins.
    pub(super) fn place_first(&mut self, request: &Request, target: Target) -> Result<(), Failure> {
        self.life.place_first(request, target)?;
        while let Some(slot) = self.life.tasks.next_ready() {
            self.life.runs_to_its_end(slot); // a placement makes no task ready but its own
        }
        Ok(())
    }

    fn next_target(&mut self, source: SourceId, total: u32, placed: &mut Vec<u32>) -> Target {
        let caller = &mut self.callers.all[source];
        let mut item = 0;
        match &caller.setup.launch {
            Launch::Type(_) => {}
            Launch::Providers(shares) => {
                placed.resize(shares.len(), 0);
                item = next_share(shares, placed, total);
                placed[item] += 1;
            }
            Launch::Start(_) => {
                item = caller.turn % caller.named.len();
                caller.turn += 1;
            }
        }
        self.target(source, item)
    }

    /// The place that an item of a caller's list stands for.
    pub(super) fn target(&self, source: SourceId, item: usize) -> Target {
        let caller = &self.callers.all[source];
        match (&caller.setup.launch, caller.launch) {
            (Launch::Type(LaunchType::Fargate), _) => {
                Target::Fargate(self.life.fargate.on_demand())
            }
            (Launch::Providers(shares), LaunchType::Fargate) => {
                Target::Fargate(shares[item].provider)
            }
            (Launch::Start(_), _) => Target::Named(caller.named[item]),
            (Launch::Type(_) | Launch::Providers(_), _) => Target::Instances(item),
        }
    }
}

/// Tasks of a call that found no place.
pub(super) struct Missing {
    /// Where they were to go.
    pub target: Target,
    /// Why they did not.
    pub failure: Failure,
    /// How many.
    pub tasks: u32,
    /// The state of capacity in which they were turned down.
    version: u64,
}
