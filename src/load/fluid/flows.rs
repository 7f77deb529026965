//! Flows: targets that are alike and share one backlog, and how the traffic is split between them.

mod grouping;
mod part;

use super::failing::Failing;
use super::in_flight::InFlight;
use super::quiet::Quiet;
use super::returns::Tries;
use super::stations::Stations;
use super::view::Kinds;
use crate::base::hint::ask_for;
use crate::base::time::{SimSpan, SimTime};
use crate::load::arrivals::mul_div;
use crate::load::ledger::Loss;
use crate::load::queueing::Profile;
use crate::load::work::Cost;
use crate::load::{LoadSetup, Target};
use crate::model::service::Routing;
use crate::model::traffic::{Delivery, MICRO, WorkKind};
pub(in crate::load) use grouping::group;
use grouping::key_of;
use part::kind_of;
pub(in crate::load) use part::{Part, Taken};
use smallvec::SmallVec;

/// Weight of the whole traffic; a flow's share is a whole part of it.
const WHOLE: u64 = 1 << 22;
/// Steps of slow start (assumed: the balancer's ramp is linear; here it is a staircase).
const SLOW_STEPS: u64 = 16;
/// Utilisation up to which a bound of the latency is kept, so that it need not be worked out.
const QUIET: f64 = 0.85;
/// A capacity that nothing reaches: 10⁹ requests per second.
const MOST: f64 = 1e15;

/// What the setup says, in this module's units.
pub(in crate::load) struct Rules {
    kind: WorkKind,
    routing: Routing,
    splits_zones: bool,
    pub slow_start: SimSpan,
    pub timeout: SimSpan,
    pub workers: Option<u32>,
    queue_limit: Option<u32>,
    pub delivery: Option<Delivery>,
    /// Whether requests come by long connections: each client sends by itself.
    scatters: bool,
    /// Whether targets that are alike get all that comes, as it comes.
    pub is_plain: bool,
}

impl Rules {
    pub fn of(setup: &LoadSetup) -> Rules {
        // With connections the balancer routes these, and not requests.
        let scatters = setup.work.connections.is_some();
        let balancer = setup.balancer.as_ref().filter(|_| !scatters);
        Rules {
            scatters,
            is_plain: !scatters && setup.work.kind != WorkKind::Messages,
            kind: setup.work.kind,
            routing: balancer.map_or(Routing::RoundRobin, |b| b.routing),
            splits_zones: balancer.is_some_and(|b| !b.cross_zone) && setup.zones > 1,
            slow_start: balancer.map_or(SimSpan::ZERO, |b| b.slow_start),
            timeout: setup.work.timeout,
            workers: setup.work.workers,
            queue_limit: setup.work.queue_limit,
            delivery: setup.work.delivery,
        }
    }

    pub fn is_queue(&self) -> bool {
        self.kind == WorkKind::Messages
    }

    /// Whether requests go to whoever has least to do, so that targets behave as one station.
    pub fn is_pooled(&self) -> bool {
        self.is_queue() || self.routing == Routing::LeastOutstanding
    }

    /// The step of slow start that a target is in at `at`; `None` when it is over.
    fn slow_step(&self, target: &Target, at: SimTime) -> Option<u64> {
        if self.slow_start == SimSpan::ZERO || self.is_pooled() {
            return None;
        }
        let step = mul_div(at.since(target.since).0, SLOW_STEPS, self.slow_start.0);
        (step < SLOW_STEPS).then_some(step)
    }

    /// When the next target changes its step after `at`.
    pub fn next_slow_step(&self, members: &[Member], at: SimTime) -> SimTime {
        if self.slow_start == SimSpan::ZERO {
            return SimTime::NEVER;
        }
        let next = |member: &Member| {
            let step = self.slow_step(&member.target, at)?;
            let after = ((step + 1) * self.slow_start.0).div_ceil(SLOW_STEPS);
            (!member.is_draining).then(|| member.target.since + SimSpan(after))
        };
        members.iter().filter_map(next).min().unwrap_or(SimTime::NEVER)
    }
}

/// A target, and what it holds while flows are made anew. No larger than a cache line: services look at all of theirs again
/// and again.
pub(in crate::load) struct Member {
    pub target: Target,
    pub backlog: u64,
    /// Since when it drains, and what it had in flight then.
    pub leaves_behind: Option<Box<(SimTime, InFlight)>>,
    /// The number of its flow, or [`NO_FLOW`].
    flow: u32,
    pub is_draining: bool,
}

/// No flow of a target has this number: of those there are not more than targets.
const NO_FLOW: u32 = u32::MAX;

impl Member {
    pub fn new(target: Target) -> Member {
        Member { target, is_draining: false, backlog: 0, flow: NO_FLOW, leaves_behind: None }
    }

    pub fn set_flow(&mut self, flow: Option<usize>) {
        self.flow = flow.map_or(NO_FLOW, |flow| flow as u32);
    }

    /// The number of its flow.
    pub fn flow(&self) -> Option<usize> {
        (self.flow != NO_FLOW).then_some(self.flow as usize)
    }
}

/// What makes targets alike.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key {
    is_draining: bool,
    pool: u8,
    zone: u32,
    part: Option<(u32, u32, u32)>,
    slow: Option<(u64, SimTime)>,
    /// Long connections, roughly.
    held: u32,
}

/// What became of a flow's arrivals in a step.
pub(in crate::load) struct Step {
    pub served: u64,
    pub dropped: u64,
}

/// How segments are answered at once, by one part.
pub(in crate::load) struct Pass {
    pub pool: u8,
    pub cpu_ns: u64,
    pub error_ppm: u64,
    /// The most that one may bring.
    pub possible: u64,
}

/// Tells rate and utilisation of a flow by what comes in an epoch.
#[derive(Clone, Copy)]
pub(in crate::load) struct Gauge {
    /// Microseconds.
    length: f64,
    /// Millionths of a request per second.
    capacity: f64,
}

impl Gauge {
    /// Requests per second, and utilisation, where so many millionths come.
    #[inline]
    pub fn of(self, arriving: u64) -> (f64, f64) {
        // Millionths per microsecond are requests per second.
        let rate = arriving as f64 / self.length;
        (rate, if self.capacity == 0.0 { 1.0 } else { rate * 1e6 / self.capacity })
    }
}

impl Pass {
    /// Of so many answers, those that are errors.
    #[inline]
    pub fn errors(&self, micro: u64) -> u64 {
        if self.error_ppm == 0 { 0 } else { mul_div(micro, self.error_ppm, MICRO) }
    }
}

/// Targets with one backlog.
pub(in crate::load) struct Flow {
    key: Key,
    pub pool: u8,
    pub members: u64,
    /// Gets new requests.
    pub is_open: bool,
    /// Has no targets: what arrives is dropped at once.
    pub is_void: bool,
    /// Share of what is left when the flows before have taken theirs: weight by rest.
    pub weight: u64,
    rest: u64,
    pub capacity: u64,
    pub limit: Option<(u64, Loss)>,
    pub parts: SmallVec<[Part; 1]>,
    /// Messages: when they are done with, as the first kind of its targets has it.
    pub tries: Tries,
    pub backlog: u64,
    /// Of the epoch: backlog at its start, arrivals and answers that would be possible by its end, what is published.
    held: u64,
    arriving: u64,
    possible: u64,
    length: u64,
    served: u64,
    dropped: u64,
    /// Members that have not taken their share of the backlog.
    left: u64,
    /// Answers per second of the profile's arrivals, and the utilisation of it.
    profiled: Option<(u64, u64)>,
    pub profile: Profile,
    /// Seconds that a request takes in a full station once it has a worker.
    pub served_in: f64,
    rate: f64,
    /// Utilisation at that rate.
    pub rho: f64,
    /// Answered without a backlog and not recorded: since the start, and since somebody asked.
    pub total: Quiet,
    pub recent: Quiet,
    station: Option<usize>,
    /// Where latencies come from, once they were asked for.
    pub view: Option<usize>,
    /// Bound of the mean latency up to the utilisation [`QUIET`], microseconds.
    quiet_micros: f64,
}

impl Flow {
    /// Asks memory for what [`Flow::pass`] looks at.
    pub fn look_ahead(&self) {
        ask_for(&self.parts);
        ask_for(&self.total);
        ask_for(&self.weight);
        ask_for(&self.served);
        ask_for(&self.profile);
        ask_for(&self.rho);
    }

    fn new(key: Key, pool: u8) -> Flow {
        Flow {
            key,
            pool,
            members: 0,
            is_open: !key.is_draining,
            is_void: false,
            weight: 0,
            rest: 0,
            capacity: 0,
            limit: None,
            parts: SmallVec::new(),
            tries: Tries::default(),
            backlog: 0,
            held: 0,
            arriving: 0,
            possible: 0,
            length: 0,
            served: 0,
            dropped: 0,
            left: 0,
            profiled: None,
            profile: Profile::default(),
            served_in: 0.0,
            rate: 0.0,
            rho: 0.0,
            total: Quiet::default(),
            recent: Quiet::default(),
            station: None,
            view: None,
            quiet_micros: 0.0,
        }
    }

    fn join(&mut self, target: &Target) {
        self.members += 1;
        self.left += 1;
        match self.parts.iter_mut().find(|part| part.is_of(target)) {
            Some(part) => part.count += 1,
            None => self.parts.push(Part::new(kind_of(target), target.pool, 1)),
        }
    }

    /// Whether a member that is there from now on belongs here, where there is no slow start.
    pub fn is_of(&self, rules: &Rules, member: &Member) -> bool {
        self.key == key_of(rules, member, SimTime::ZERO)
    }

    /// A flow of so many members that has the key and the share of the traffic that this one has.
    pub fn anew(&self, members: u64) -> Flow {
        let Flow { weight, rest, .. } = *self;
        Flow { members, left: members, weight, rest, ..Flow::new(self.key, self.pool) }
    }

    /// CPU that each target like this one has used since the flow was made, nanoseconds.
    pub fn cpu_nanos_of_one(&self, target: &Target) -> u128 {
        let part = self.parts.iter().find(|part| part.is_of(target));
        part.map_or(0, |part| {
            part.worked * u128::from(part.cpu_ns) / 1_000_000 / u128::from(part.count)
        })
    }

    /// Capacity and limits, from the formulas.
    pub fn equip(&mut self, stations: &mut Stations, cost: &Cost, rules: &Rules) {
        let pooled = rules.is_pooled();
        let mut full = 0.0;
        for part in &mut self.parts {
            let (cpu, percent, _) = part.kind;
            let one = stations.find(cost, cpu, percent, rules.workers, 1);
            let station = &stations.list[one].1;
            full = station.full().max(full);
            self.quiet_micros = (station.slowest(QUIET) * 1e6).max(self.quiet_micros);
            part.capacity = (station.capacity() * part.count as f64 * 1e6).min(MOST).round() as u64;
            part.cpu_ns = mul_div(cost.cpu_ns, u64::from(percent), 100);
            if let Some(delivery) = rules.delivery.filter(|_| rules.is_queue()) {
                let workers = self.members * u64::from(rules.workers.unwrap_or(u32::MAX));
                part.failing = Failing::of(delivery, cost, (workers, station.full()), part.kind.2);
            } else if !rules.is_queue() && cpu > 0 {
                // A request runs on one vCPU at most.
                let slow = (1_000.0 / f64::from(cpu)).max(1.0) * f64::from(percent) / 100.0;
                part.failing = Failing::given_up(cost, slow, rules.timeout.0);
            }
            self.capacity += part.capacity;
            self.station = Some(one);
        }
        if pooled && self.members > 1 {
            let cpu = self.parts.iter().map(|p| u64::from(p.kind.0) * p.count).sum::<u64>()
                / self.members;
            let percent = self.parts[0].kind.1;
            let found = stations.find(cost, cpu as u32, percent, rules.workers, self.members);
            self.station = Some(found);
        }
        if rules.is_queue() || self.is_void {
            return;
        }
        let patience = rules.timeout.0.saturating_sub((full.min(1e9) * 1e6) as u64);
        let by_time = mul_div(self.capacity, patience, 1_000_000);
        let by_room =
            rules.workers.and(rules.queue_limit).map(|room| u64::from(room) * MICRO * self.members);
        self.limit = Some(match by_room {
            Some(room) if room <= by_time => (room, Loss::QueueFull),
            _ if self.parts.iter().all(|part| part.kind.0 == 0) => (0, Loss::TaskLost), // dead
            _ => (by_time, Loss::Timeout),
        });
    }

    /// Takes this flow's part of `rest`, the arrivals that no flow before has taken. A function of `rest` that never
    /// decreases, and what it leaves does not either.
    #[inline]
    pub fn share_of(&self, rest: &mut u64) -> u64 {
        if self.weight == 0 {
            return 0;
        }
        let own =
            if self.weight == self.rest { *rest } else { mul_div(*rest, self.weight, self.rest) };
        *rest -= own;
        own
    }

    /// Begins an epoch of `length` microseconds in which `arriving` come.
    pub fn begin(&mut self, arriving: u64, length: u64) {
        self.held = self.backlog;
        self.arriving = arriving;
        if length != self.length {
            self.possible = mul_div(self.capacity, length, 1_000_000);
            self.length = length;
        }
        self.served = 0;
        self.dropped = 0;
        for part in &mut self.parts {
            part.served = 0;
            part.taken = 0;
            part.owed -= part.lost;
            part.lost = 0;
            part.errors = 0;
            part.failed = 0;
        }
    }

    /// What it does with segments of `length` microseconds of which none brings more than it can answer, where this is the
    /// only flow, its targets are alike, and nothing waits; `None` elsewhere.
    #[inline]
    pub fn passes(&self, length: u64) -> Option<Pass> {
        let is_plain = self.is_open && self.weight == self.rest && self.backlog == 0;
        let [part] = self.parts.as_slice() else { return None };
        let all_are_answered = part.owed == 0 && part.failing.ppm == 0;
        (is_plain && all_are_answered && length == self.length).then_some(Pass {
            pool: part.pool,
            cpu_ns: part.cpu_ns,
            error_ppm: u64::from(part.kind.2),
            possible: self.possible,
        })
    }

    /// As [`Flow::begin`] and [`Flow::step`] to the end, of a segment that [passes](Flow::passes).
    #[inline]
    pub fn pass(&mut self, arriving: u64, errors: u64) {
        (self.held, self.arriving, self.served, self.dropped) = (0, arriving, arriving, 0);
        for part in &mut self.parts {
            (part.served, part.taken, part.lost, part.errors) = (arriving, arriving, 0, errors);
        }
        self.meet_rate();
    }

    /// So much was answered without a backlog at this utilisation.
    #[inline]
    pub fn answered(&mut self, (rho, weight): (f64, u64), is_asked: bool) {
        self.total.add(rho, weight);
        if is_asked {
            self.recent.add(rho, weight);
        }
    }

    /// Goes on to the instant `passed` microseconds after the epoch's start, by which `arrived` have come.
    ///
    /// With `A` arrivals, a backlog `B` at the start and room for `U` answers by then, `min(U, A + B)` are answered.
    /// Where more arrive than can be answered, `U` is taken as `A`'s share of the whole epoch, so that `A − U` grows
    /// steadily, and what it grows beyond the limit is dropped; a backlog that is above the limit already stays.
    #[inline]
    pub fn step(&mut self, arrived: u64, passed: u64) -> Step {
        let there = self.held + arrived;
        let (served, dropped) = if self.is_void {
            (0, arrived)
        } else if self.arriving > self.possible {
            let answered = mul_div(arrived, self.possible, self.arriving);
            let most = self.limit.map_or(u64::MAX, |(limit, _)| limit.max(self.held));
            (answered, (there - answered).saturating_sub(most))
        } else {
            let answered = if passed == self.length {
                self.possible
            } else {
                mul_div(self.capacity, passed, 1_000_000)
            };
            // Without a backlog, arrivals never exceed what is possible but for the last millionth.
            (if self.held == 0 { there } else { answered.min(there) }, 0)
        };
        let step = Step { served: served - self.served, dropped: dropped - self.dropped };
        self.served = served;
        self.dropped = dropped;
        self.backlog = there - served - dropped;
        let (mut rest, mut capacity) = (served, self.capacity);
        for part in &mut self.parts {
            part.served = if part.capacity == capacity {
                rest
            } else {
                mul_div(rest, part.capacity, capacity)
            };
            rest -= part.served;
            capacity -= part.capacity;
        }
        step
    }

    /// An equal share of the backlog for each member in turn; all together they get everything.
    pub fn take_share(&mut self) -> u64 {
        let share = self.backlog.checked_div(self.left).unwrap_or(0);
        self.left = self.left.saturating_sub(1);
        self.backlog -= share;
        share
    }

    /// Of `served` answers, in which the backlog went from `from` to what it is, those before it was full or empty.
    pub fn served_on_the_way(&self, from: u64, served: u64) -> u64 {
        let gap = self.arriving.abs_diff(self.possible);
        if gap == 0 {
            return served;
        }
        mul_div(from.abs_diff(self.backlog), self.possible, gap).min(served)
    }

    /// The epoch's rate, and the utilisation that it makes.
    #[inline]
    pub fn meet_rate(&mut self) {
        (self.rate, self.rho) = self.gauge().of(self.arriving);
    }

    /// What tells rate and utilisation in epochs as long as this.
    pub fn gauge(&self) -> Gauge {
        Gauge { length: self.length.max(1) as f64, capacity: self.capacity as f64 }
    }

    /// Its targets by what makes their latency.
    pub fn kinds(&self) -> Kinds {
        let mut kinds = Kinds::new();
        for part in &self.parts {
            let (cpu, percent, _) = part.kind;
            match kinds.iter_mut().find(|kind| (kind.0, kind.1) == (cpu, percent)) {
                Some(kind) => kind.2 += part.count,
                None => kinds.push((cpu, percent, part.count)),
            }
        }
        kinds.sort_unstable();
        kinds
    }

    /// Of how many requests of the whole traffic a target (of a pool: all its targets together) gets one.
    pub fn streams(&self, rules: &Rules) -> u64 {
        if rules.scatters {
            return u64::from(self.weight > 0);
        }
        let share = if rules.is_pooled() { self.weight } else { self.weight / self.members.max(1) };
        (WHOLE + share / 2).checked_div(share).unwrap_or(0)
    }

    /// `ca²` of a target's arrivals.
    pub fn smoothness(&self, rules: &Rules) -> f64 {
        let is_alone = rules.is_pooled() || rules.scatters || self.members == 0;
        let share = self.weight as f64 / WHOLE as f64;
        if is_alone { 1.0 } else { share / self.members as f64 }
    }

    /// Latency at the epoch's rate, worked out where it is not known.
    pub fn renew_profile(&mut self, stations: &mut Stations, cost: &Cost, rules: &Rules) {
        if self.profiled == Some((self.arriving, self.length)) {
            return;
        }
        self.profiled = Some((self.arriving, self.length));
        let Some(station) = self.station else { return };
        let smooth = self.smoothness(rules);
        let station = &mut stations.list[station].1;
        self.profile = station.profile(cost, self.rho, smooth);
        self.served_in = station.full();
    }

    /// Requests in service or in the random part of the queue, by Little's law, millionths.
    pub fn steady_in_flight(&mut self, stations: &mut Stations, cost: &Cost, rules: &Rules) -> u64 {
        self.renew_profile(stations, cost, rules);
        let rate = self.rate.min(self.capacity as f64 / 1e6);
        (rate * self.profile.mean * 1e6) as u64
    }

    /// What one of its targets has in flight, millionths: no request is older than the target or than the timeout.
    pub fn in_flight_at_one(
        &mut self,
        age: SimSpan,
        stations: &mut Stations,
        cost: &Cost,
        rules: &Rules,
    ) -> InFlight {
        self.renew_profile(stations, cost, rules);
        let rate = self.rate.min(self.capacity as f64 / 1e6) / self.members.max(1) as f64;
        InFlight { rate, points: self.profile.points, most: age.min(rules.timeout).0 as f64 }
    }

    /// The greatest rate of the whole traffic at which this flow stays quiet; `None` where it is not now, or some of what it
    /// answers is given up whatever the rate.
    pub fn calm_rate(&self) -> Option<u64> {
        if self.weight == 0 {
            return Some(u64::MAX);
        }
        if self.parts.iter().any(|part| part.failing.ppm > 0) {
            return None;
        }
        let own = self.capacity as f64 * QUIET;
        (self.is_open && own > 0.0).then(|| (own * WHOLE as f64 / self.weight as f64) as u64)
    }

    /// Whether answers may take longer than `span`, by a bound that costs nothing: they may where something waits, where
    /// utilisation is high, or where even a single server would be as slow.
    #[inline]
    pub fn may_exceed(&self, span: SimSpan) -> bool {
        self.backlog > 0 || self.rho > QUIET || self.quiet_micros > span.0 as f64
    }

    /// Workers that are busy, of all targets.
    pub fn in_work(&self, rules: &Rules) -> f64 {
        let workers = rules.workers.map_or(1.0, f64::from) * self.members as f64;
        if self.backlog > 0 { workers } else { workers * self.rho.min(1.0) }
    }

    /// See [`crate::load::Load::demand_cpu_millis`].
    pub fn demand(&self, target: &Target, cost: &Cost, workers: Option<u32>) -> u32 {
        if self.members == 0 {
            return 0;
        }
        let each =
            self.rate / self.members as f64 * cost.cpu * f64::from(target.cost_percent) / 100.0;
        let waiting = (self.backlog / self.members).div_ceil(MICRO);
        let millis = (each * 1_000.0).ceil() as u64 + waiting.saturating_mul(1_000);
        let most = workers.map_or(u64::MAX, |w| u64::from(w) * 1_000);
        u32::try_from(millis.min(most)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_no_larger_than_a_cache_line() {
        assert!(size_of::<Member>() <= 64, "{}", size_of::<Member>());
    }
}
