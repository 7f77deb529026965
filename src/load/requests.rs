//! Every request on its own: arrivals at random instants, service times of their own, one private calendar.
//!
//! Time is in nanoseconds here, since answers at a million requests a second lie closer than a microsecond. The
//! calendar is the earliest of three: the next station ([`Tournament`], one entry per target), the next timeout (the
//! oldest request alive), the next arrival. Events of one instant go in this order, stations by index. A request's
//! draws depend on its number alone, so policies do not move them.
//!
//! The whole requests of a segment are uniform instants in order: with `n` left until the end, the next one is the
//! least of `n` uniform numbers. What is left of a whole request is carried on, and counted as unfinished at the end.

use super::arrivals::{Arrivals, mul_div};
use super::connections;
use super::latency::{Asker, LatencyMeter, LatencySummary};
use super::ledger::{Ledger, Loss};
use super::work::Cost;
use super::{LoadSetup, Target, Waits};
use crate::base::distribution::{Distribution, standard_exponential};
use crate::base::random::{Family, Purpose, Seed, Stream};
use crate::base::time::{SimSpan, SimTime};
use crate::model::arrival::TraceProblem;
use crate::model::traffic::{MICRO, Work, WorkKind};
use delivery::Timeouts;
use route::Router;
use slab::{Place, Slab};
use station::Station;
use std::collections::{BTreeMap, VecDeque};
pub(in crate::load) use tournament::Tournament;

mod asked;
mod connected;
mod delivery;
mod route;
mod slab;
mod station;
mod tournament;

/// Requests and targets of one service, one by one.
pub(super) struct Requests {
    pub arrivals: Arrivals,
    pub ledger: Ledger,
    pub latency: LatencyMeter,
    pub cost: Cost,
    pub events: u64,
    pub waits: Waits,
    name: String,
    work: Work,
    slab: Slab,
    stations: Vec<Option<Station>>,
    free: Vec<usize>,
    index: BTreeMap<u64, usize>,
    serving: usize,
    calendar: Tournament<u64>,
    router: Router,
    central: VecDeque<u32>,
    timeouts: Timeouts,
    /// What requests take longer now, nanoseconds.
    delay: u64,
    queued: u64,
    /// Nanoseconds.
    now: u64,
    instants: Stream,
    draws: Family,
    numbered: u64,
    /// Of the present segment: requests to come, and when the next one does.
    left: u64,
    next_arrival: Option<u64>,
    /// Millionths that do not make a whole request yet.
    carry: u64,
    /// CPU in use, and used so far in thousandths of a vCPU times nanoseconds.
    busy: u64,
    used: u128,
    /// Long connections by which requests come, of the same targets as `stations`.
    connections: Option<Box<connections::Book>>,
}

impl Requests {
    pub fn new(setup: &LoadSetup, seed: Seed, name: &str, arrivals: Arrivals) -> Requests {
        Requests {
            arrivals,
            ledger: Ledger::default(),
            latency: LatencyMeter::default(),
            cost: Cost::of(&setup.work),
            events: 0,
            waits: Waits::default(),
            name: name.to_string(),
            work: setup.work.clone(),
            slab: Slab::new(),
            stations: Vec::new(),
            free: Vec::new(),
            index: BTreeMap::new(),
            serving: 0,
            calendar: Tournament::new(1),
            router: Router::new(setup),
            central: VecDeque::new(),
            timeouts: Timeouts::new(setup.work.delivery),
            delay: 0,
            queued: 0,
            now: 0,
            instants: seed.stream(Purpose::RequestArrival, name),
            draws: seed.family(Purpose::RequestWork, name),
            numbered: 0,
            left: 0,
            next_arrival: None,
            carry: 0,
            busy: 0,
            used: 0,
            connections: connections::Book::drawn(setup, seed.family(Purpose::RequestClient, name)),
        }
    }

    pub fn advance(&mut self, to: SimTime) -> Result<(), TraceProblem> {
        let limit = to.0.saturating_mul(1_000);
        self.settle_connections();
        while self.now < limit {
            let end = self.arrivals.segment().end.0.saturating_mul(1_000);
            let tick = self.next_tick();
            self.run(limit.min(end).min(tick))?;
            if self.now == tick {
                self.tick();
            }
            if self.now < limit && self.now >= end {
                self.arrivals.next()?;
                let whole = self.carry + self.arrivals.segment().micro;
                self.left = whole / MICRO;
                self.carry = whole % MICRO;
                self.draw_arrival();
            }
        }
        Ok(())
    }

    /// Handles all events up to `limit`, which lies in the present segment.
    fn run(&mut self, limit: u64) -> Result<(), TraceProblem> {
        let timeout = self.work.timeout.0.saturating_mul(1_000);
        loop {
            let station = self.calendar.least();
            let oldest = self.slab.oldest();
            let expiry = oldest.map(|slot| self.slab.get(slot).arrival.saturating_add(timeout));
            let at_station = station.map_or(u64::MAX, |(at, _)| at);
            let at_expiry = expiry.unwrap_or(u64::MAX);
            let at_arrival = self.next_arrival.unwrap_or(u64::MAX);
            let at_timeout = self.timeouts.next(&self.slab).unwrap_or(u64::MAX);
            let at = at_station.min(at_expiry).min(at_timeout).min(at_arrival);
            if at > limit || at == u64::MAX {
                break;
            }
            self.pass(at);
            self.events += 1;
            match (station, oldest) {
                (Some((_, index)), _) if at == at_station => self.go_on(index),
                (_, Some(slot)) if at == at_expiry => self.expire(slot),
                _ if at == at_timeout => self.reappear(),
                _ if self.arrivals.bounds.has_room(self.slab.alive()) => self.arrive(),
                _ => {
                    let now = SimTime(self.now / 1_000);
                    return Err(self.arrivals.bounds.crowded(&self.name, now));
                }
            }
        }
        self.pass(limit.max(self.now));
        Ok(())
    }

    fn pass(&mut self, at: u64) {
        self.used += u128::from(self.busy) * u128::from(at - self.now);
        self.now = at;
    }

    fn draw_arrival(&mut self) {
        if self.left == 0 {
            self.next_arrival = None;
            return;
        }
        let end = self.arrivals.segment().end.0.saturating_mul(1_000);
        // The least of n uniform numbers is 1 − e^(−E/n).
        let x = standard_exponential(&mut self.instants) / self.left as f64;
        let part = if x < 1e-3 { x * (1.0 - x * (0.5 - x / 6.0)) } else { -libm::expm1(-x) };
        let last = self.now;
        self.next_arrival = Some((last + ((end - last) as f64 * part).round() as u64).min(end));
        self.left -= 1;
    }

    fn arrive(&mut self) {
        let slot = self.slab.add(self.numbered, self.now);
        self.numbered += 1;
        self.draw_arrival();
        if self.work.kind == WorkKind::Messages {
            self.central.push_back(slot);
            self.dispatch();
            return;
        }
        let (pool, chosen) = match &self.connections {
            Some(_) => (0, self.by_connection()),
            None => {
                let pool = self.router.pool();
                (pool, self.router.choose(pool, self.now, &mut self.stations))
            }
        };
        let Some(index) = chosen else {
            self.slab.remove(slot);
            self.ledger.dropped(pool, Loss::NoTarget, MICRO);
            return;
        };
        let room = self.work.queue_limit.map_or(u64::MAX, u64::from);
        let station = self.stations[index as usize].as_mut().expect("routed to a live one");
        if station.target.cpu_millis == 0 {
            self.slab.remove(slot);
            self.ledger.dropped(pool, Loss::TaskLost, MICRO); // nobody is there any more
        } else if self.work.workers.is_none_or(|workers| station.working < u64::from(workers)) {
            self.start(slot, index as usize);
        } else if (station.queue.len() as u64) < room {
            station.queue.push_back(slot);
            self.queued += 1;
            let request = self.slab.get_mut(slot);
            request.place = Place::Queued;
            request.station = index;
            self.router.tell(station);
        } else {
            self.slab.remove(slot);
            self.ledger.dropped(pool, Loss::QueueFull, MICRO);
        }
    }

    /// Gives messages to free workers.
    fn dispatch(&mut self) {
        while let Some(&slot) = self.central.front() {
            let Some(index) = self.router.choose(0, self.now, &mut self.stations) else { return };
            let station = self.stations[index as usize].as_ref().expect("routed to a live one");
            if self.work.workers.is_some_and(|workers| station.working >= u64::from(workers)) {
                return;
            }
            self.central.pop_front();
            if self.receive(slot) {
                self.start(slot, index as usize);
            }
        }
    }

    /// A request gets a worker.
    fn start(&mut self, slot: u32, index: usize) {
        let station = self.stations[index].as_mut().expect("a live station");
        let request = self.slab.get_mut(slot);
        let waited = self.now - request.arrival;
        self.waits.spans.add(SimSpan(waited / 1_000));
        self.waits.waited += u64::from(waited > 0);
        // A message that is received again takes its own time anew.
        let again = u64::from(request.receives.saturating_sub(1)) << 44;
        let mut draws = self.draws.member(request.number | again);
        let cpu = draw(&self.work.cpu_ms, &mut draws);
        let cpu = mul_div(cpu, u64::from(station.target.cost_percent), 100);
        request.io = draw(&self.work.io_ms, &mut draws) + self.delay;
        let error_ppm = u64::from(station.target.error_ppm);
        request.is_error = error_ppm > 0 && draws.below(MICRO) < error_ppm;
        request.station = index as u32;
        request.place = if cpu > 0 { Place::Cpu } else { Place::Io };
        let (number, io) = (request.number, request.io);
        let before = station.usage();
        station.wind(self.now);
        station.working += 1;
        if cpu > 0 {
            station.enter_cpu(cpu, number, slot);
        } else {
            station.enter_io(self.now + io, number, slot);
        }
        self.settle(index, before);
    }

    /// Calendar, router and CPU in use follow a change of a station, which used `before` until now.
    fn settle(&mut self, index: usize, before: u64) {
        let station = self.stations[index].as_mut().expect("a live station");
        self.busy = self.busy + station.usage() - before;
        self.calendar.set(index, station.next(&self.slab));
        self.router.tell(station);
    }

    /// Something is done at a station.
    fn go_on(&mut self, index: usize) {
        let station = self.stations[index].as_mut().expect("a live station");
        let before = station.usage();
        station.wind(self.now);
        let Some((slot, place)) = station.take(&self.slab) else {
            self.settle(index, before);
            return;
        };
        let request = self.slab.get_mut(slot);
        if place == Place::Cpu && request.io > 0 {
            request.place = Place::Io;
            let (until, number) = (self.now + request.io, request.number);
            station.enter_io(until, number, slot);
            self.settle(index, before);
            return;
        }
        let (pool, arrival, is_error) = (station.target.pool, request.arrival, request.is_error);
        if self.answers(slot) {
            self.ledger.served(pool, MICRO, if is_error { MICRO } else { 0 });
            self.latency.add(self.since(arrival), MICRO);
            self.slab.remove(slot);
        }
        self.release(index, before);
    }

    /// How long ago a request came.
    fn since(&self, arrival: u64) -> SimSpan {
        SimSpan((self.now - arrival) / 1_000)
    }

    /// A worker is free: the next request of the queue gets it.
    fn release(&mut self, index: usize, before: u64) {
        let station = self.stations[index].as_mut().expect("a live station");
        station.working -= 1;
        let next = station.queue.pop_front();
        self.settle(index, before);
        if let Some(slot) = next {
            self.queued -= 1;
            self.start(slot, index);
        } else if !self.central.is_empty() {
            self.dispatch();
        }
    }

    /// A request has waited too long, wherever it is.
    fn expire(&mut self, slot: u32) {
        let request = *self.slab.get(slot);
        self.slab.remove(slot);
        if request.place == Place::Central {
            // The oldest is at the front, or near it where messages have come back.
            if let Some(at) = self.central.iter().position(|waiting| *waiting == slot) {
                self.central.remove(at);
            }
            self.ledger.dropped(0, Loss::Timeout, MICRO);
            return;
        }
        if request.place == Place::Hidden {
            self.ledger.dropped(0, Loss::Timeout, MICRO);
            return;
        }
        let index = request.station as usize;
        let station = self.stations[index].as_mut().expect("a live station");
        self.ledger.dropped(station.target.pool, Loss::Timeout, MICRO);
        let before = station.usage();
        station.wind(self.now);
        if request.place == Place::Queued {
            if let Some(at) = station.queue.iter().position(|waiting| *waiting == slot) {
                station.queue.remove(at);
            }
            self.queued -= 1;
            self.settle(index, before);
            return;
        }
        station.sharing -= u64::from(request.place == Place::Cpu);
        self.release(index, before);
    }

    pub fn add(&mut self, target: Target) {
        let index = self.free.pop().unwrap_or_else(|| {
            self.stations.push(None);
            self.stations.len() - 1
        });
        self.stations[index] = Some(Station::new(target, self.now));
        assert!(self.index.insert(target.task, index).is_none(), "a task is added once");
        if let Some(book) = &mut self.connections {
            book.add(&target, SimTime(self.now / 1_000));
        }
        self.serving += 1;
        self.router.is_stale = true;
        self.dispatch();
    }

    pub fn drain(&mut self, task: u64) {
        let Some(&index) = self.index.get(&task) else { return };
        let station = self.stations[index].as_mut().expect("known stations live");
        if !station.is_draining {
            station.is_draining = true;
            self.serving -= 1;
            self.router.is_stale = true;
            self.drains(task, true);
        }
    }

    pub fn resume(&mut self, task: u64) {
        let Some(&index) = self.index.get(&task) else { return };
        let station = self.stations[index].as_mut().expect("known stations live");
        if station.is_draining {
            station.is_draining = false;
            self.serving += 1;
            self.router.is_stale = true;
            self.drains(task, false);
            self.dispatch();
        }
    }

    pub fn remove(&mut self, task: u64) {
        let Some(index) = self.index.remove(&task) else { return };
        let station = self.stations[index].take().expect("known stations live");
        self.cut(task);
        self.free.push(index);
        self.serving -= usize::from(!station.is_draining);
        self.router.is_stale = true;
        self.busy -= station.usage();
        self.calendar.set(index, None);
        self.queued -= station.queue.len() as u64;
        let lost = station.all(&self.slab);
        if self.work.kind == WorkKind::Messages {
            self.give_back(lost);
        } else {
            for slot in lost {
                self.slab.remove(slot);
                self.ledger.dropped(station.target.pool, Loss::TaskLost, MICRO);
            }
        }
        self.dispatch();
    }

    pub fn set_cpu(&mut self, task: u64, cpu_millis: u32) {
        let Some(&index) = self.index.get(&task) else { return };
        let left = self.connections.as_mut().map(|book| book.set_limit(task, cpu_millis));
        self.give_cpu(index, left.unwrap_or(cpu_millis));
    }

    fn give_cpu(&mut self, index: usize, cpu_millis: u32) {
        let station = self.stations[index].as_mut().expect("known stations live");
        let before = station.usage();
        station.wind(self.now);
        station.target.cpu_millis = cpu_millis;
        self.settle(index, before);
    }

    pub fn set_errors(&mut self, task: u64, error_ppm: u32) {
        let station = self.index.get(&task).and_then(|index| self.stations[*index].as_mut());
        if let Some(station) = station {
            station.target.error_ppm = error_ppm;
        }
    }

    pub fn set_delay(&mut self, delay: SimSpan) {
        self.delay = delay.0.saturating_mul(1_000);
        self.cost = Cost::of(&self.work).later(delay);
    }

    pub fn set_weights(&mut self, weights: [u64; 4]) {
        self.router.weights = weights;
        if let Some(book) = &mut self.connections {
            book.set_weights(weights, SimTime(self.now / 1_000));
        }
    }

    pub fn pending_micro(&self) -> u64 {
        self.slab.alive() * MICRO
    }

    pub fn cpu_nanos(&self) -> u128 {
        self.used / 1_000
    }

    /// Whether a target works on anything.
    pub fn is_busy(&self, task: u64) -> bool {
        let station = self.index.get(&task).and_then(|index| self.stations[*index].as_ref());
        station.is_some_and(|station| station.working > 0)
    }

    /// How long a target needs for what it works on, if it gets nothing more.
    pub fn time_to_finish(&mut self, task: u64) -> SimSpan {
        let Some(&index) = self.index.get(&task) else { return SimSpan::ZERO };
        let Some(station) = self.stations[index].as_mut() else { return SimSpan::ZERO };
        station.wind(self.now);
        SimSpan(station.time_to_finish(&self.slab).div_ceil(1_000))
    }

    pub fn take_latency(&mut self, asker: Asker) -> LatencySummary {
        self.latency.take(asker)
    }

    /// Stations count what they use in any case.
    pub fn measure_targets(&mut self) {}

    pub fn cpu_nanos_of(&self, task: u64) -> u128 {
        let station = self.index.get(&task).and_then(|index| self.stations[*index].as_ref());
        let connects = self.connections.as_ref().map_or(0, |book| book.spent_by(task));
        connects + station.map_or(0, |station| station.used_by(self.now) / 1_000)
    }

    pub fn in_flight_micro(&self) -> u64 {
        self.pending_micro()
    }

    pub fn in_memory_at(&self, task: u64) -> u64 {
        let station = self.index.get(&task).and_then(|&index| self.stations[index].as_ref());
        station.map_or(0, |station| station.outstanding() * MICRO)
    }

    pub fn backlog_micro(&self) -> u64 {
        (self.central.len() as u64 + self.queued) * MICRO
    }

    fn capacity_of(&self, target: &Target) -> u64 {
        let (percent, workers) = (target.cost_percent, self.work.workers);
        let station =
            super::queueing::Station::new(&self.cost, target.cpu_millis, percent, workers, 1);
        (station.capacity() * 1e6).round() as u64
    }

    pub fn capacity_micro_per_s(&mut self) -> u64 {
        let serving = self.stations.iter().flatten().filter(|station| !station.is_draining);
        let mut known: Option<((u32, u32), u64)> = None;
        let mut sum = 0;
        for station in serving {
            let key = (station.target.cpu_millis, station.target.cost_percent);
            let capacity = match known {
                Some((of, capacity)) if of == key => capacity,
                _ => self.capacity_of(&station.target),
            };
            known = Some((key, capacity));
            sum += capacity;
        }
        sum
    }

    /// Requests at a task, without messages that wait in the queue.
    pub fn in_flight_at(&self, task: u64) -> u64 {
        let station = self.index.get(&task).and_then(|&index| self.stations[index].as_ref());
        station.map_or(0, |station| station.outstanding())
    }

    pub fn may_exceed(&mut self, span: SimSpan) -> bool {
        // Where each of them alone is quick, nobody need be asked for its capacity.
        let all = self.stations.iter().flatten();
        let tasks: Vec<u64> =
            all.filter(|of| of.outstanding() > 1).map(|of| of.target.task).collect();
        tasks.into_iter().any(|task| self.wait_at(task) > span)
    }

    /// See [`crate::load::Load::wait_at`]: how long those that are at this target take.
    pub fn wait_at(&mut self, task: u64) -> SimSpan {
        let station = self.index.get(&task).and_then(|&index| self.stations[index].as_ref());
        let is_queue = self.work.kind == WorkKind::Messages;
        let Some(station) = station.filter(|_| !is_queue) else { return SimSpan::ZERO };
        let here = station.outstanding() * MICRO;
        let capacity = self.capacity_of(&station.target);
        let all = if capacity == 0 { u64::MAX } else { mul_div(here, 1_000_000, capacity) };
        SimSpan(all.saturating_sub(self.alone().0)).min(self.work.timeout)
    }

    pub fn targets(&self) -> usize {
        self.serving
    }

    pub fn finish(&mut self, end: SimTime) -> Result<(), TraceProblem> {
        self.advance(end)?;
        self.burn();
        let tasks: Vec<u64> = self.index.keys().copied().collect();
        for task in tasks {
            let index = self.index[&task];
            let station = self.stations[index].as_mut().expect("known stations live");
            let pool = station.target.pool;
            let here = station.all(&self.slab);
            let before = station.usage();
            station.wind(self.now);
            station.queue.clear();
            station.working = 0;
            station.sharing = 0;
            for slot in here {
                let is_ghost = self.slab.get(slot).is_ghost;
                self.slab.remove(slot);
                self.ledger.dropped(pool, Loss::Unfinished, if is_ghost { 0 } else { MICRO });
            }
            self.settle(index, before);
        }
        for slot in self.central.drain(..) {
            self.slab.remove(slot);
            self.ledger.dropped(0, Loss::Unfinished, MICRO);
        }
        Self::finish_hidden(&mut self.slab, &mut self.ledger);
        self.queued = 0;
        let rest = std::mem::take(&mut self.carry);
        self.ledger.dropped(0, Loss::Unfinished, rest);
        self.latency.settle();
        Ok(())
    }
}

/// Draws milliseconds as whole nanoseconds.
#[inline]
fn draw(distribution: &Distribution, stream: &mut Stream) -> u64 {
    (distribution.sample(stream) * 1e6).round() as u64
}
