//! The fluid: rates integrated exactly between changes, in whole millionths of a request.
//!
//! Time is cut into *epochs* in which nothing changes: the end of a rate segment, a step of slow start and every
//! change of targets begin a new one. Targets that are alike form a [`Flow`] with one backlog, so the cost of an
//! epoch does not depend on the number of tasks. Within an epoch everything that has become of a flow's arrivals is a
//! closed form of the instant, never decreasing: so advancing in many steps gives the same totals as in one, and a
//! backlog that empties or fills needs no event.
//!
//! What the fluid leaves out (assumed): random overflow of a queue below capacity; the CPU that requests had used
//! when they timed out. Requests are counted as served when they leave the backlog, not at the end of their service;
//! those in flight at a task that is lost are an estimate, taken from the next answers of its pool. A request that
//! would wait longer than the timeout is dropped when it arrives. Messages are dropped at arrival when the queue holds
//! the retention period's worth of the greatest rate seen, of arrivals or of capacity.

use super::arrivals::{Arrivals, mul_div};
use super::calm::Calm;
use super::connections;
use super::latency::LatencyMeter;
use super::ledger::{Ledger, Loss};
use super::work::{self, Cost};
use super::{LoadSetup, Target};
use crate::base::distribution::Distribution;
use crate::base::time::{SimSpan, SimTime};
use crate::model::arrival::TraceProblem;
use crate::model::traffic::RateSegment;
use flows::{Flow, Member, Rules, Taken};
use in_flight::InFlight;
pub use library::Library;
use library::lock;
use line::Line;
use quiet::{Answered, Book};
use returns::Returns;
use smallvec::SmallVec;
use stations::Stations;
use std::sync::{Arc, Mutex};
use waits::record_waits;

mod alike;
mod asked;
mod connected;
mod failing;
mod flows;
mod in_flight;
mod latencies;
mod library;
mod line;
mod quiet;
mod returns;
mod stations;
mod strides;
mod view;
mod waits;

/// The stretch of time in which nothing changes.
#[derive(Clone, Copy)]
struct Epoch {
    start: SimTime,
    end: SimTime,
    /// Arrivals of the segment before the epoch.
    before: u64,
}

/// Requests and targets of one service as a fluid. In the order written here: what an advance looks at lies together.
#[repr(C)]
pub(super) struct Fluid {
    /// CPU used, nanoseconds, and millionths of one.
    cpu: (u128, u64),
    now: SimTime,
    /// When a target goes on in its slow start.
    next_slow_step: SimTime,
    epoch: Epoch,
    flows: Vec<Flow>,
    /// The flows no longer describe the targets.
    is_stale: bool,
    /// Whether there is one flow of targets that are alike, and those that came or went since it was made are, too.
    are_alike: bool,
    /// Whether the CPU of each target is wanted.
    measures: bool,
    /// Requests that lost tasks had in flight and that the ledger already has as served.
    owed: [u64; 4],
    pub arrivals: Arrivals,
    rules: Rules,
    /// The traffic could not be read when somebody asked for the present: told by the next advance.
    problem: Option<TraceProblem>,
    pub latency: LatencyMeter,
    pub ledger: Ledger,
    /// Ascending by task.
    members: Vec<Member>,
    /// Of these, not draining.
    open: usize,
    /// Tasks that were added or began to drain since flows were made.
    moved: SmallVec<[u64; 2]>,
    pub cost: Arc<Cost>,
    stations: Arc<Mutex<Stations>>,
    /// Answered without a backlog by flows that are no more.
    answered: Answered,
    weights: [u64; 4],
    /// Backlog without a flow: the queue of messages while targets change.
    central: u64,
    /// When the messages that wait came.
    line: Line,
    /// Messages that come back after a visibility timeout.
    returns: Option<Returns>,
    /// Greatest rate of messages seen, arriving or taken.
    greatest_rate: u64,
    /// What each of `members` has used in flows that are no more, nanoseconds, where it is wanted.
    spent: Vec<u128>,
    /// Long connections by which requests come, of the same targets as `members`.
    connections: Option<Box<connections::Book>>,
    pub events: u64,
    /// Time without CPU as it usually is.
    io_ms: Distribution,
    setup: LoadSetup,
}

impl Fluid {
    pub fn new(setup: &LoadSetup, arrivals: Arrivals) -> Fluid {
        let start = SimTime::ZERO;
        let (cost, stations) = setup.library.find(&setup.work);
        Fluid {
            arrivals,
            ledger: Ledger::default(),
            latency: LatencyMeter::default(),
            answered: Answered::default(),
            cost,
            events: 0,
            rules: Rules::of(setup),
            setup: setup.clone(),
            io_ms: setup.work.io_ms.clone(),
            stations,
            open: 0,
            now: start,
            epoch: Epoch { start, end: start, before: 0 },
            members: Vec::new(),
            weights: [1_000, 0, 0, 0],
            flows: Vec::new(),
            is_stale: true,
            are_alike: false,
            moved: SmallVec::new(),
            next_slow_step: SimTime::NEVER,
            problem: None,
            central: 0,
            line: Line::default(),
            returns: setup.work.delivery.map(|rules| Returns::new(rules, setup.work.timeout)),
            greatest_rate: 0,
            owed: [0; 4],
            cpu: (0, 0),
            measures: false,
            spent: Vec::new(),
            connections: connections::Book::of(setup),
        }
    }

    #[inline]
    pub fn advance(&mut self, to: SimTime) -> Result<(), TraceProblem> {
        while self.now < to {
            if let Some(problem) = self.problem.take() {
                return Err(problem);
            }
            if self.is_stale || self.now >= self.epoch.end {
                if self.now >= self.arrivals.segment().end {
                    self.arrivals.next()?;
                    if self.pass_segment(to) {
                        continue;
                    }
                }
                self.begin_epoch();
            }
            let upto = to.min(self.epoch.end);
            self.publish(upto);
            self.now = upto;
            if upto == self.next_slow_step {
                self.tick();
            }
        }
        Ok(())
    }

    /// Goes on to the end of a segment that begins now, if it lies within `to` and the one flow of all targets answers
    /// whatever comes: the usual minute, and all that an epoch and its publication come to then.
    #[inline]
    fn pass_segment(&mut self, to: SimTime) -> bool {
        let RateSegment { start, end, micro } = *self.arrivals.segment();
        let is_plain = self.is_plain() && end <= to && end <= self.next_slow_step;
        let [flow] = self.flows.as_mut_slice() else { return false };
        let pass = flow.passes(end.0 - start.0).filter(|pass| is_plain && micro <= pass.possible);
        let Some(pass) = pass else { return false };
        let errors = pass.errors(micro);
        flow.pass(micro, errors);
        self.epoch = Epoch { start, end, before: 0 };
        self.now = end;
        if micro > 0 {
            self.ledger.served(pass.pool, micro, errors);
            self.cpu = add_work(self.cpu, micro, pass.cpu_ns);
            if self.measures {
                flow.parts.iter_mut().for_each(|part| part.work(micro));
            }
            flow.answered((flow.rho, micro), self.latency.is_asked());
        }
        true
    }

    /// Whether the flows describe the targets and get all that comes, as it comes.
    #[inline]
    fn is_plain(&self) -> bool {
        !self.is_stale && self.owed == [0; 4] && self.rules.is_plain
    }

    /// Begins an epoch at `now`.
    fn begin_epoch(&mut self) {
        if !self.is_stale && self.next_slow_step <= self.now {
            self.scatter();
        }
        self.regroup();
        let again = self.begin_returns();
        let end = self.arrivals.segment().end.min(self.next_slow_step).min(again);
        let before = self.arrivals.within(self.now);
        self.epoch = Epoch { start: self.now, end, before };
        let mut rest = self.arrivals.within(end) - before;
        let length = end.0 - self.now.0;
        if self.rules.is_queue() {
            self.greatest_rate = self.greatest_rate.max(self.arrivals.rate());
        }
        self.note_tries(end, rest);
        let visible = self.returns.as_ref().map_or(0, |returns| returns.visible_by(end));
        for flow in &mut self.flows {
            let arriving = flow.share_of(&mut rest) + visible;
            flow.begin(arriving, length);
            for part in flow.parts.iter_mut().filter(|part| flow.is_open && part.can_pay()) {
                part.owed += std::mem::take(&mut self.owed[usize::from(part.pool)]);
            }
            if self.rules.is_queue() {
                self.greatest_rate = self.greatest_rate.max(flow.capacity);
                let most = mul_div(self.greatest_rate, self.rules.timeout.0, 1_000_000);
                flow.limit = Some((most.max(1), Loss::Timeout));
            }
            flow.meet_rate();
        }
    }

    /// Brings ledger, CPU and latency to `at`, which lies in the epoch.
    fn publish(&mut self, at: SimTime) {
        let mut rest = self.arrivals.within(at) - self.epoch.before;
        let passed = at.0 - self.epoch.start.0;
        let visible = self.returns.as_ref().map_or(0, |returns| returns.visible_by(at));
        for flow in &mut self.flows {
            let arrived = flow.share_of(&mut rest) + visible;
            let from = flow.backlog;
            let step = flow.step(arrived, passed);
            let mut first = (step.served, flow.backlog);
            if let Some(returns) = &mut self.returns {
                let back = returns.go_on(at, step.served);
                self.ledger.received_again(back.received);
                self.ledger.dropped(flow.pool, returns.loss, back.over);
                first =
                    (step.served - back.received, flow.backlog.saturating_sub(returns.waiting()));
            }
            if step.dropped > 0 {
                let loss = flow.limit.map_or(Loss::NoTarget, |(_, loss)| loss);
                self.ledger.dropped(
                    flow.pool,
                    if flow.is_void { Loss::NoTarget } else { loss },
                    step.dropped,
                );
            }
            // Messages: how long those who are answered have waited.
            let waits = self.rules.is_queue().then(|| self.line.goes_on(at, first.0, first.1));
            if step.served == 0 {
                continue;
            }
            let mut answered = step.served;
            for part in &mut flow.parts {
                let Taken { served, errors, lost, failed } = part.take();
                self.ledger.dropped(part.pool, Loss::TaskLost, lost);
                self.ledger.served(part.pool, served, errors);
                match &mut self.returns {
                    Some(returns) => returns.fail(failed),
                    None => self.ledger.dropped(part.pool, Loss::Timeout, failed),
                }
                answered -= failed;
                self.cpu = add_work(self.cpu, served + lost + failed, part.cpu_ns);
                if self.measures {
                    part.work(served + lost + failed);
                }
            }
            if from == 0 && flow.backlog == 0 {
                flow.answered((flow.rho, answered), self.latency.is_asked());
            } else {
                flow.renew_profile(&mut lock(&self.stations), &self.cost, &self.rules);
                let per_micro = 1e6 / flow.capacity.max(1) as f64;
                let of_backlog = (from as f64 * per_micro, flow.backlog as f64 * per_micro);
                // A backlog that has emptied or filled stays so for the rest of the stretch.
                let moving = match waits {
                    Some(_) => step.served,
                    None => flow.served_on_the_way(from, step.served),
                };
                let most = self.rules.timeout.0 as f64;
                let moving = mul_div(moving, answered, step.served);
                let of = (moving, answered - moving);
                record_waits(flow, waits.unwrap_or(of_backlog), of, most, &mut self.latency);
            }
        }
    }

    /// Messages that come back, up to the end of their cell: then others do.
    fn begin_returns(&mut self) -> SimTime {
        let (Some(returns), [flow]) = (&mut self.returns, self.flows.as_slice()) else {
            return SimTime::NEVER;
        };
        let fails = flow.parts.iter().any(|part| part.failing.ppm > 0);
        returns.begin(self.now, flow.backlog, fails).unwrap_or(SimTime::NEVER)
    }

    /// At which receive messages are done with in an epoch that ends at `end`, in which `fresh` come for the first time.
    fn note_tries(&mut self, end: SimTime, fresh: u64) {
        let Some(returns) = &self.returns else { return };
        let Some(flow) = self.flows.first() else { return };
        let fresh = fresh + flow.backlog.saturating_sub(returns.waiting());
        let possible = mul_div(flow.capacity, end.since(self.now).0, 1_000_000);
        let tries = returns.tries(end, fresh, possible);
        if flow.tries != tries {
            self.flush(0, Book::Total);
            self.flush(0, Book::Recent);
            self.flows[0].tries = tries;
        }
    }

    /// Gives each target its share of its flow's backlog, so that targets may change flows.
    fn scatter(&mut self) {
        for index in 0..self.flows.len() {
            self.flush(index, Book::Total);
            self.flush(index, Book::Recent);
            let flow = &mut self.flows[index];
            for part in &flow.parts {
                self.owed[usize::from(part.pool)] += part.unpaid();
            }
            if self.rules.is_queue() {
                self.central += flow.backlog;
                flow.backlog = 0;
            }
        }
        if self.measures {
            for (member, spent) in self.members.iter().zip(&mut self.spent) {
                if let Some(flow) = member.flow().and_then(|index| self.flows.get(index)) {
                    *spent += flow.cpu_nanos_of_one(&member.target);
                }
            }
        }
        if self.flows.iter().any(|flow| flow.backlog > 0) {
            self.are_alike = false;
            for member in &mut self.members {
                if let Some(flow) = member.flow().and_then(|index| self.flows.get_mut(index)) {
                    member.backlog += flow.take_share();
                }
            }
        }
        self.is_stale = true;
    }

    /// Makes flows of the targets where they have changed.
    fn regroup(&mut self) {
        if !self.is_stale {
            return;
        }
        self.is_stale = false;
        if self.are_alike {
            self.count_anew();
            return;
        }
        let at = self.now;
        self.settle_connections();
        let book = self.connections.as_deref();
        let weights = (&self.weights, book);
        flows::group(&self.rules, &mut self.members, weights, at, &mut self.flows);
        for flow in &mut self.flows {
            flow.equip(&mut lock(&self.stations), &self.cost, &self.rules);
        }
        if self.rules.is_queue() {
            self.flows[0].backlog = std::mem::take(&mut self.central);
        }
        self.next_slow_step = match &self.connections {
            None => self.rules.next_slow_step(&self.members, at),
            Some(book) => book.next,
        };
        self.are_alike = self.are_flows_alike();
        self.moved.clear();
    }

    fn find(&self, task: u64) -> Result<usize, usize> {
        self.members.binary_search_by_key(&task, |member| member.target.task)
    }

    fn change(&mut self) {
        if !self.is_stale {
            self.scatter();
        }
    }

    pub fn add(&mut self, target: Target) {
        self.change();
        let at = self.find(target.task).expect_err("a task is added once");
        if let Some(book) = &mut self.connections {
            book.add(&target, self.now);
        }
        let member = Member::new(target);
        self.are_alike &= self.flows.first().is_some_and(|flow| flow.takes(&self.rules, &member));
        self.moved.push(target.task);
        self.members.insert(at, member);
        if self.measures {
            self.spent.insert(at, 0);
        }
        self.open += 1;
    }

    pub fn drain(&mut self, task: u64) {
        if let Ok(at) = self.find(task)
            && !self.members[at].is_draining
        {
            let left = self.in_flight_at(at);
            self.change();
            self.open -= 1;
            self.are_alike &= self.open > 0;
            self.moved.push(task);
            self.members[at].is_draining = true;
            match &mut self.connections {
                None => self.members[at].leaves_behind = Some(Box::new((self.now, left))),
                Some(book) => book.set_draining(task, true, self.now),
            }
        }
    }

    pub fn remove(&mut self, task: u64) {
        let Ok(at) = self.find(task) else { return };
        let in_flight = match self.members[at].leaves_behind.as_deref() {
            Some((since, left)) => left.after(self.now.since(*since)),
            None => self.in_flight_at(at).after(SimSpan::ZERO),
        };
        self.change();
        let member = self.members.remove(at);
        if self.measures {
            self.spent.remove(at);
        }
        self.cut(task);
        self.open -= usize::from(!member.is_draining);
        self.are_alike &= self.open > 0;
        if self.rules.is_queue() {
            return;
        }
        let pool = member.target.pool;
        self.ledger.dropped(pool, Loss::TaskLost, member.backlog);
        self.owed[usize::from(pool)] += in_flight;
    }

    /// What a member has in flight now beside its backlog.
    fn in_flight_at(&mut self, at: usize) -> InFlight {
        let age = self.now.since(self.members[at].target.since);
        let Fluid { flows, stations, cost, rules, .. } = self;
        let flow = self.members[at].flow().and_then(|flow| flows.get_mut(flow));
        flow.map(|flow| flow.in_flight_at_one(age, &mut lock(stations), cost, rules))
            .unwrap_or_default()
    }

    pub fn set_cpu(&mut self, task: u64, cpu_millis: u32) {
        if let Ok(at) = self.find(task)
            && self.cpu_of(at) != cpu_millis
        {
            self.change();
            self.are_alike = false;
            let left = self.connections.as_mut().map(|book| book.set_limit(task, cpu_millis));
            self.members[at].target.cpu_millis = left.unwrap_or(cpu_millis);
        }
    }

    pub fn set_weights(&mut self, weights: [u64; 4]) {
        if self.weights != weights {
            self.change();
            self.are_alike = false;
            self.weights = weights;
            if let Some(book) = &mut self.connections {
                book.set_weights(weights, self.now);
            }
        }
    }

    pub fn pending_micro(&self) -> u64 {
        self.backlog_micro() + self.returns.as_ref().map_or(0, Returns::hidden)
    }

    pub fn backlog_micro(&self) -> u64 {
        let members = if self.is_stale { self.members.as_slice() } else { &[] };
        let held: u64 = members.iter().map(|member| member.backlog).sum();
        self.central + held + self.flows.iter().map(|flow| flow.backlog).sum::<u64>()
    }

    pub fn cpu_nanos(&self) -> u128 {
        self.cpu.0
    }

    pub fn in_flight_micro(&mut self) -> u64 {
        let waiting = self.backlog_micro();
        let Fluid { flows, stations, cost, rules, .. } = self;
        let mut stations = lock(stations);
        let steady = flows.iter_mut().map(|flow| flow.steady_in_flight(&mut stations, cost, rules));
        waiting + steady.sum::<u64>()
    }

    /// Whether what waits could make answers slower than `span`: where it says no, the latency need not be worked out.
    #[inline]
    pub fn may_exceed(&mut self, span: SimSpan) -> bool {
        self.fresh();
        self.flows.iter().any(|flow| flow.is_open && flow.may_exceed(span)) || self.flows.is_empty()
    }

    /// Flows for the present targets, also where time has not gone on since they changed.
    fn fresh(&mut self) {
        if self.is_stale {
            if self.now >= self.arrivals.segment().end {
                self.problem = self.arrivals.next().err();
            }
            self.begin_epoch();
        }
    }

    pub fn capacity_micro_per_s(&mut self) -> u64 {
        self.fresh();
        self.flows.iter().filter(|flow| flow.is_open).map(|flow| flow.capacity).sum()
    }

    pub fn demand_cpu_millis(&mut self, task: u64) -> u32 {
        self.fresh();
        let Ok(at) = self.find(task) else { return 0 };
        let member = &self.members[at];
        let Some(flow) = member.flow().map(|index| &self.flows[index]) else { return 0 };
        flow.demand(&member.target, &self.cost, self.rules.workers)
    }

    /// See [`crate::load::Load::calm`].
    pub fn calm(&mut self, step: SimSpan, until: SimTime) -> Calm<'_> {
        self.fresh();
        let is_simple = self.next_slow_step == SimTime::NEVER
            && self.problem.is_none()
            && !self.rules.is_queue()
            && self.pending_micro() == 0
            && self.owed == [0; 4];
        let mut rates = self.flows.iter().map(Flow::calm_rate);
        let most = rates.try_fold(u64::MAX, |most, rate| Some(most.min(rate?)));
        match most.filter(|_| is_simple) {
            Some(most) => self.arrivals.calm((self.now, step, until), most),
            None => Calm::UNKNOWN,
        }
    }

    pub fn targets(&self) -> usize {
        self.open
    }

    pub fn finish(&mut self, end: SimTime) -> Result<(), TraceProblem> {
        self.advance(end)?;
        self.burn();
        self.change();
        for member in &mut self.members {
            let left = std::mem::take(&mut member.backlog);
            self.ledger.dropped(member.target.pool, Loss::Unfinished, left);
        }
        let hidden = self.returns.take().map_or(0, |returns| returns.hidden());
        let left = std::mem::take(&mut self.central) + hidden;
        self.ledger.dropped(0, Loss::Unfinished, left);
        self.tell_latencies();
        self.latency.settle();
        Ok(())
    }
}

/// `cpu` plus the work of `micro` millionths of a request of `nanos` each.
#[inline]
fn add_work(cpu: (u128, u64), micro: u64, nanos: u64) -> (u128, u64) {
    let work = u128::from(micro) * u128::from(nanos) + u128::from(cpu.1);
    match u64::try_from(work) {
        // Short numbers are several times faster to divide.
        Ok(work) => (cpu.0 + u128::from(work / 1_000_000), work % 1_000_000),
        Err(_) => (cpu.0 + work / 1_000_000, (work % 1_000_000) as u64),
    }
}
