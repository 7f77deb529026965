//! L3, the load: how requests meet the tasks of one service. Advanced only when somebody asks; nothing of it is in
//! the event queue.
//!
//! [`Load`] is one service's load in one of two fidelities of the same model, which [`Work`] defines. `fluid`
//! integrates piecewise constant rates exactly and takes latency from `table` and `rehearsal`; `requests` gives every
//! request events of its own in a private calendar. The simulation tells who may serve ([`Load::add`],
//! [`Load::drain`], [`Load::remove`]), always at the instant that [`Load::advance`] has reached, and reads what came of
//! it.
//!
//! Invariants: offered = served + dropped at every instant, and what has arrived = offered + [`Load::pending_micro`],
//! in whole millionths of a request. Advancing in one step or in many gives the same totals to the last millionth.
//! Deliberately not here: health, scaling, hosts, money; whoever may serve is decided above.

mod ahead;
mod arrivals;
mod bounds;
mod calm;
mod connections;
mod fluid;
mod latency;
mod ledger;
mod queueing;
mod rehearsal;
mod requests;
mod table;
mod work;

pub use bounds::{MOST_ALIVE, REQUEST_BYTES};
pub use calm::{Calm, Level};
pub use latency::{Asker, LatencySummary};

use crate::base::hint::Before;
use crate::base::histogram::SpanHistogram;
use crate::base::random::Seed;
use crate::base::time::{SimSpan, SimTime};
use crate::model::arrival::{RowCounts, TraceProblem};
use crate::model::connection::ConnectionState;
use crate::model::ids::ZoneId;
use crate::model::service::{LoadBalancer, Permille};
use crate::model::traffic::{Fidelity, RateSegment, RateStream, RequestTotals, Work};
use arrivals::Arrivals;
use fluid::Fluid;
pub use fluid::Library;
use requests::Requests;

/// What a load is made of.
#[derive(Clone, Debug)]
pub struct LoadSetup {
    /// Requests and what they cost; says the fidelity.
    pub work: Work,
    /// Routing, zones and slow start; `None`: round robin over all tasks.
    pub balancer: Option<LoadBalancer>,
    /// Availability Zones of the service.
    pub zones: usize,
    /// What the loads of a run have in common.
    pub library: Library,
}

/// A task that may serve, as the load sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Target {
    /// The task; unique among those present. Round robin goes in ascending order.
    pub task: u64,
    /// Its Availability Zone.
    pub zone: ZoneId,
    /// Revision group for weighted traffic, 0 to 3.
    pub pool: u8,
    /// CPU that it may use, thousandths of a vCPU; 0: it is dead, and what is sent to it is lost.
    pub cpu_millis: u32,
    /// CPU that a request costs here, in percent of the service's figure.
    pub cost_percent: u32,
    /// Share of served requests that are answered with an error, parts per million.
    pub error_ppm: u32,
    /// Slow start counts from here.
    pub since: SimTime,
}

/// How long requests waited for a worker.
#[derive(Clone, Debug, Default)]
pub struct Waits {
    /// Waits of all requests that got a worker, zero where there was none.
    pub spans: SpanHistogram,
    /// Requests that had to wait.
    pub waited: u64,
}

/// What one of several steps of a load has come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stride {
    /// Its end.
    pub end: SimTime,
    /// [`Load::cpu_nanos`] then.
    pub cpu_nanos: u128,
    /// The segment of the traffic then.
    pub segment: RateSegment,
}

impl Stride {
    /// [`Load::offered_micro_per_s`] then.
    #[must_use]
    pub fn rate(&self) -> u64 {
        arrivals::rate_of(&self.segment)
    }
}

/// Requests and tasks of one service.
pub struct Load {
    kind: Kind,
}

enum Kind {
    Fluid(Box<Fluid>),
    Requests(Box<Requests>),
}

/// Calls the same method of either fidelity.
macro_rules! either {
    ($self:ident, $load:ident => $call:expr) => {
        match &$self.kind {
            Kind::Fluid($load) => $call,
            Kind::Requests($load) => $call,
        }
    };
    (mut $self:ident, $load:ident => $call:expr) => {
        match &mut $self.kind {
            Kind::Fluid($load) => $call,
            Kind::Requests($load) => $call,
        }
    };
}

impl Load {
    /// Asks memory for what an advance looks at.
    pub fn look_ahead(&self, before: Before) {
        if let Kind::Fluid(load) = &self.kind {
            load.look_ahead(before);
        }
    }

    /// A load without targets at time zero. Equal `name` and `seed` meet equal requests.
    #[must_use]
    pub fn new(
        setup: LoadSetup,
        seed: Seed,
        name: &str,
        stream: Box<dyn RateStream + Send>,
    ) -> Load {
        let arrivals = Arrivals::new(stream, setup.library.bounds.clone());
        let kind = match setup.work.fidelity {
            Fidelity::Fluid => Kind::Fluid(Box::new(Fluid::new(&setup, arrivals))),
            Fidelity::Requests => {
                Kind::Requests(Box::new(Requests::new(&setup, seed, name, arrivals)))
            }
        };
        Load { kind }
    }

    /// Goes on to `to`: everything at or before it has happened. Does nothing where `to` has been reached.
    ///
    /// # Errors
    /// The traffic cannot be read further.
    #[inline]
    pub fn advance(&mut self, to: SimTime) -> Result<(), TraceProblem> {
        either!(mut self, load => load.advance(to))
    }

    /// As [`Load::advance`] to `from + step`, `from + 2 · step` and so on, as far as `to`; of each `tell` hears. Steps that end
    /// before what has been reached change nothing. A quiet time is dealt with at once.
    ///
    /// # Errors
    /// As [`Load::advance`].
    #[inline]
    pub fn advance_by(
        &mut self,
        from: SimTime,
        step: SimSpan,
        to: SimTime,
        mut tell: impl FnMut(Stride),
    ) -> Result<(), TraceProblem> {
        let mut at = from;
        loop {
            if let Kind::Fluid(load) = &mut self.kind {
                at = load.pass_segments(at, step, to, &mut tell)?;
            }
            if at + step > to {
                return Ok(());
            }
            at = at + step;
            self.advance(at)?;
            let segment = either!(self, load => *load.arrivals.segment());
            tell(Stride { end: at, cpu_nanos: self.cpu_nanos(), segment });
        }
    }

    /// A target begins to serve.
    ///
    /// # Panics
    /// Where the task is present already, or its pool is above 3.
    pub fn add(&mut self, target: Target) {
        assert!(target.pool < 4, "there are four pools");
        either!(mut self, load => load.add(target));
    }

    /// A target gets no new requests; those in flight go on. Unknown tasks are ignored.
    pub fn drain(&mut self, task: u64) {
        either!(mut self, load => load.drain(task));
    }

    /// A target that got no new requests gets some again. Unknown tasks and those that serve are ignored.
    pub fn resume(&mut self, task: u64) {
        either!(mut self, load => load.resume(task));
    }

    /// A target is gone: requests in flight or queued there are dropped (`task_lost`); messages go back to the head
    /// of the queue. Unknown tasks are ignored.
    pub fn remove(&mut self, task: u64) {
        either!(mut self, load => load.remove(task));
    }

    /// The CPU that a target may use has changed. Unknown tasks are ignored.
    pub fn set_cpu(&mut self, task: u64, cpu_millis: u32) {
        either!(mut self, load => load.set_cpu(task, cpu_millis));
    }

    /// The share of errors among a target's answers has changed, parts per million. Unknown tasks are ignored.
    pub fn set_errors(&mut self, task: u64, error_ppm: u32) {
        either!(mut self, load => load.set_errors(task, error_ppm));
    }

    /// Requests that begin from now on take this much longer, without CPU; zero: as they do.
    pub fn set_delay(&mut self, delay: SimSpan) {
        either!(mut self, load => load.set_delay(delay));
    }

    /// Shares of the traffic by pool; they sum to 1,000. At first everything goes to pool 0. Messages know no shares.
    pub fn set_weights(&mut self, weights: [Permille; 4]) {
        assert_eq!(weights.iter().map(|w| u32::from(w.0)).sum::<u32>(), 1_000, "all the traffic");
        either!(mut self, load => load.set_weights(weights.map(|w| u64::from(w.0))));
    }

    /// Requests by what became of them.
    #[must_use]
    #[inline]
    pub fn totals(&self) -> &RequestTotals {
        either!(self, load => &load.ledger.all)
    }

    /// Requests of one pool. Messages that nobody took count for pool 0.
    #[must_use]
    pub fn pool_totals(&self, pool: u8) -> &RequestTotals {
        either!(self, load => &load.ledger.pools[usize::from(pool)])
    }

    /// Requests that have arrived and whose fate is not known yet, millionths: arrived = offered + pending.
    #[must_use]
    pub fn pending_micro(&self) -> u64 {
        either!(self, load => load.pending_micro())
    }

    /// CPU time used since the start by all targets, nanoseconds of a vCPU.
    #[must_use]
    #[inline]
    pub fn cpu_nanos(&self) -> u128 {
        either!(self, load => load.cpu_nanos())
    }

    /// Latency since the start; weights are millionths of a request. Complete after [`Load::finish`]; before it the fluid
    /// holds back what was answered without a wait.
    #[must_use]
    pub fn latency(&self) -> &SpanHistogram {
        either!(self, load => load.latency.total())
    }

    /// The latency of a load that has come to its end.
    #[must_use]
    pub fn into_latency(self) -> SpanHistogram {
        match self.kind {
            Kind::Fluid(load) => load.latency.into_total(),
            Kind::Requests(load) => load.latency.into_total(),
        }
    }

    /// Latency since the last call by `asker`; the first call: since the start. Costs nothing if never called.
    pub fn take_latency(&mut self, asker: Asker) -> LatencySummary {
        either!(mut self, load => load.take_latency(asker))
    }

    /// Whether a target works on a message or request now.
    #[must_use]
    pub fn is_busy(&self, task: u64) -> bool {
        either!(self, load => load.is_busy(task))
    }

    /// How long a target needs to finish what it works on, if it gets nothing more; zero for unknown tasks.
    #[must_use]
    pub fn time_to_finish(&mut self, task: u64) -> SimSpan {
        either!(mut self, load => load.time_to_finish(task))
    }

    /// From now on the CPU of each target is measured, for [`Load::cpu_nanos_of`].
    pub fn measure_targets(&mut self) {
        either!(mut self, load => load.measure_targets());
    }

    /// CPU time used by one target since it was added, nanoseconds of a vCPU; 0 for unknown tasks, and where nobody
    /// measures.
    #[must_use]
    pub fn cpu_nanos_of(&self, task: u64) -> u128 {
        either!(self, load => load.cpu_nanos_of(task))
    }

    /// Long connections now; `None` where requests come without.
    #[must_use]
    pub fn connections(&self) -> Option<ConnectionState> {
        either!(self, load => load.connection_state())
    }

    /// Requests being worked on or waiting now, millionths. The fluid adds a mean by Little's law.
    #[must_use]
    pub fn in_flight_micro(&mut self) -> u64 {
        either!(mut self, load => load.in_flight_micro())
    }

    /// Requests in memory at one target now, millionths; 0 of unknown tasks. The fluid knows the mean of targets that are
    /// alike.
    #[must_use]
    pub fn in_memory_at(&mut self, task: u64) -> u64 {
        either!(mut self, load => load.in_memory_at(task))
    }

    /// Requests waiting now, millionths; messages: visible in the queue.
    #[must_use]
    pub fn backlog_micro(&self) -> u64 {
        either!(self, load => load.backlog_micro())
    }

    /// Requests in flight or waiting at a target in service, on average, millionths; 0 without targets.
    #[must_use]
    pub fn in_flight_per_target(&mut self) -> u64 {
        self.in_flight_micro().checked_div(self.targets() as u64).unwrap_or(0)
    }

    /// Requests being worked on or waiting at one task; `None` for the fluid, which knows the mean only.
    #[must_use]
    pub fn in_flight_at(&self, task: u64) -> Option<u64> {
        match &self.kind {
            Kind::Fluid(_) => None,
            Kind::Requests(load) => Some(load.in_flight_at(task)),
        }
    }

    /// What the targets in service could answer, millionths of a request per second.
    #[must_use]
    pub fn capacity_micro_per_s(&mut self) -> u64 {
        either!(mut self, load => load.capacity_micro_per_s())
    }

    /// The rate of arrivals now, millionths of a request per second.
    #[must_use]
    pub fn offered_micro_per_s(&self) -> u64 {
        either!(self, load => load.arrivals.rate())
    }

    /// Mean CPU time of a request at a target of 100 percent, nanoseconds of a vCPU.
    #[must_use]
    pub fn cpu_ns_per_request_mean(&self) -> u64 {
        either!(self, load => load.cost.cpu_ns)
    }

    /// CPU that the requests offered now need, nanoseconds of a vCPU per second, at a cost of 100 percent.
    #[must_use]
    pub fn needed_cpu_nanos_per_s(&self) -> u64 {
        arrivals::mul_div(self.offered_micro_per_s(), self.cpu_ns_per_request_mean(), 1_000_000)
    }

    /// CPU that `task` would use now if it had no limit, thousandths of a vCPU; 0 for unknown tasks. What waits
    /// counts as one vCPU for each request, up to the workers.
    #[must_use]
    pub fn demand_cpu_millis(&mut self, task: u64) -> u32 {
        either!(mut self, load => load.demand_cpu_millis(task))
    }

    /// Mean latency of a request that arrives now, the wait in queues included; the timeout where nobody serves.
    #[must_use]
    pub fn response_estimate(&mut self) -> SimSpan {
        either!(mut self, load => load.response_estimate())
    }

    /// Mean wait of a request that arrives at this target now, without its own work: what a health check, which has next
    /// to none, takes. Zero for unknown tasks, and where messages are taken: they wait outside. Targets that are alike
    /// share the wait in the fluid.
    #[must_use]
    pub fn wait_at(&mut self, task: u64) -> SimSpan {
        either!(mut self, load => load.wait_at(task))
    }

    /// Steps from now on that end by `until`, as long as no queue can form, utilisation stays below 85 % and nothing is
    /// dropped, if the targets do not change. Single requests are never known ahead. The traffic is read up to there.
    #[must_use]
    pub fn calm(&mut self, step: SimSpan, until: SimTime) -> Calm<'_> {
        match &mut self.kind {
            Kind::Fluid(load) => load.calm(step, until),
            Kind::Requests(_) => Calm::UNKNOWN,
        }
    }

    /// Whether requests may wait longer than `span` at any target now: quick, and never `false` where they do.
    #[must_use]
    #[inline]
    pub fn may_exceed(&mut self, span: SimSpan) -> bool {
        either!(mut self, load => load.may_exceed(span))
    }

    /// Targets in service: added and neither drained nor removed.
    #[must_use]
    pub fn targets(&self) -> usize {
        either!(self, load => load.targets())
    }

    /// Goes on to `end`; what is unfinished then is dropped. Now offered = served + dropped = all that arrived.
    ///
    /// # Errors
    /// As [`Load::advance`].
    pub fn finish(&mut self, end: SimTime) -> Result<(), TraceProblem> {
        either!(mut self, load => load.finish(end))
    }

    /// Request events handled; 0 for the fluid.
    #[must_use]
    pub fn events(&self) -> u64 {
        either!(self, load => load.events)
    }

    /// Waits for a worker; `None` for the fluid, which knows no single requests.
    #[must_use]
    pub fn waits(&self) -> Option<&Waits> {
        match &self.kind {
            Kind::Fluid(_) => None,
            Kind::Requests(load) => Some(&load.waits),
        }
    }

    /// The run has ended: rows of the traffic that are still to come are left out.
    pub fn end_of_traffic(&mut self) {
        either!(mut self, load => load.arrivals.end());
    }

    /// What became of the rows of the traffic.
    #[must_use]
    pub fn counts(&self) -> &RowCounts {
        either!(self, load => load.arrivals.counts())
    }
}
