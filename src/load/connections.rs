//! Long connections: who holds how many, how they end, who comes back when.
//!
//! A book beside the load of a service whose requests come by connections. A connection goes to a target when it is
//! made and stays there; requests go where connections are, each client sending alike. Everything happens at *ticks*:
//! whole seconds while clients are on their way back or connects wait for CPU, else whole minutes where connections
//! end or follow the traffic, else never. Only cuts happen when a target goes. So it does not matter in how many
//! steps a load is advanced.
//!
//! Invariant: first + connects = open + ended + cut. Clients are whole numbers; what ends in a stretch of time is the
//! mean of the exponential law, with its fraction carried on (no randomness).
//!
//! Assumed: a connect that finds no target is tried again by the same backoff; one that meets a dead target is tried
//! elsewhere at once; a connection is open while its connect still waits for CPU; connects and requests share the CPU of
//! a task, either gets the half where both need it. Not here: memory of a connection, TLS at the balancer, connections
//! that the server ends in good order.

mod routing;

use super::arrivals::mul_div;
use super::{LoadSetup, Target};
use crate::base::random::Family;
use crate::base::time::{SimSpan, SimTime};
use crate::model::connection::{Clients, ConnectionState, ConnectionTotals, Connections};
use crate::model::service::Routing;

/// Microseconds.
const SECOND: u64 = 1_000_000;
const MINUTE: u64 = 60 * SECOND;
/// Fractions of a connection that ends.
const WHOLE: u64 = 1 << 32;
/// CPU that connects take from requests is rounded to this part of a task's: few stations to work out.
const PARTS: u32 = 64;

/// A target with its connections.
#[derive(Clone, Copy)]
pub(super) struct Holder {
    task: u64,
    pool: u8,
    zone: u32,
    /// CPU of the task, thousandths of a vCPU; 0: dead.
    limit: u32,
    is_draining: bool,
    held: u64,
    /// What has ended of the next connection to end, of [`WHOLE`].
    carry: u64,
    /// CPU that connects still need, nanoseconds of a vCPU, and what they get of it, thousandths of a vCPU.
    debt: u64,
    burning: u32,
    /// What they have used.
    spent: u128,
}

impl Holder {
    /// Whether new connections may come here.
    fn is_open(&self) -> bool {
        !self.is_draining && self.limit > 0
    }

    /// CPU that connects leave for requests.
    pub fn left(&self) -> u32 {
        if self.limit == 0 {
            return 0;
        }
        // Rounded down: what requests need is left to them.
        let part = u64::from(self.burning) * u64::from(PARTS) / u64::from(self.limit);
        let taken = u64::from(self.limit) * part / u64::from(PARTS);
        self.limit.saturating_sub(taken as u32).max(1)
    }
}

/// Clients that lost their connections at one instant.
struct Wave {
    since: SimTime,
    count: u64,
    /// Of these, back.
    back: u64,
}

/// Connections of one service.
pub(super) struct Book {
    rules: Connections,
    routing: Routing,
    splits_zones: bool,
    weights: [u64; 4],
    credits: [i64; 4],
    /// Connections routed so far, by pool: whose turn it is.
    turns: [u64; 4],
    /// The targets, ascending by task.
    holders: Vec<Holder>,
    /// Open connections up to and with each holder.
    sums: Vec<u64>,
    waves: Vec<Wave>,
    /// Clients that have nobody to connect to.
    waiting: u64,
    /// The last tick, and the next one.
    since: SimTime,
    pub next: SimTime,
    /// Until when CPU is counted.
    burnt: SimTime,
    /// Until when open connections are integrated.
    seen: SimTime,
    totals: ConnectionTotals,
    /// Whose connections requests come by, where each is simulated by itself.
    draws: Option<Family>,
}

impl Book {
    /// `None` for a service without connections.
    pub fn of(setup: &LoadSetup) -> Option<Box<Book>> {
        let balancer = setup.balancer.as_ref();
        let rules = **setup.work.connections.as_ref()?;
        Some(Box::new(Book {
            rules,
            routing: balancer.map_or(Routing::RoundRobin, |b| b.routing),
            splits_zones: setup.zones > 1 && balancer.is_some_and(|b| !b.cross_zone),
            weights: [1_000, 0, 0, 0],
            credits: [0; 4],
            turns: [0; 4],
            holders: Vec::new(),
            sums: Vec::new(),
            waves: Vec::new(),
            waiting: 0,
            since: SimTime::ZERO,
            next: SimTime::NEVER,
            burnt: SimTime::ZERO,
            seen: SimTime::ZERO,
            totals: ConnectionTotals::default(),
            draws: None,
        }))
    }

    /// The same, for requests each of which comes by a connection of its own.
    pub fn drawn(setup: &LoadSetup, draws: Family) -> Option<Box<Book>> {
        let mut book = Book::of(setup)?;
        book.draws = Some(draws);
        Some(book)
    }

    fn find(&self, task: u64) -> Result<usize, usize> {
        self.holders.binary_search_by_key(&task, |holder| holder.task)
    }

    /// The targets, ascending by task.
    pub fn holders(&self) -> &[Holder] {
        &self.holders
    }

    /// Open connections.
    pub fn open(&self) -> u64 {
        self.sums.last().copied().unwrap_or(0)
    }

    /// Clients without a connection.
    pub fn away(&self) -> u64 {
        self.waiting + self.waves.iter().map(|wave| wave.count - wave.back).sum::<u64>()
    }

    /// Open connections of the target at this place.
    pub fn held(&self, index: usize) -> u64 {
        self.holders[index].held
    }

    /// Of all clients, those that are connected to this task: its share of the requests.
    pub fn share_of(&self, task: u64) -> f64 {
        let held = self.find(task).map_or(0, |index| self.holders[index].held);
        held as f64 / (self.open() + self.away()).max(1) as f64
    }

    /// CPU that connects of a task have used, nanoseconds of a vCPU.
    pub fn spent_by(&self, task: u64) -> u128 {
        self.find(task).map_or(0, |index| self.holders[index].spent)
    }

    /// The task to whose connection a request of this number comes, any client being as likely; `None`: it has none.
    pub fn draw(&self, number: u64) -> Option<u64> {
        let clients = self.open() + self.away();
        let client = self.draws?.member(number).below(clients.max(1));
        let index = self.sums.partition_point(|sum| *sum <= client);
        self.holders.get(index).map(|holder| holder.task)
    }

    /// The sums follow what the targets hold.
    fn renew(&mut self) {
        self.sums.clear();
        let mut sum = 0;
        for holder in &self.holders {
            sum += holder.held;
            self.sums.push(sum);
            self.totals.most_at_a_task = self.totals.most_at_a_task.max(holder.held);
        }
    }

    /// Integrates what is open up to `now`; before anything changes.
    fn see(&mut self, now: SimTime) {
        let passed = now.since(self.seen).0;
        self.totals.open_area += u128::from(self.open()) * u128::from(passed);
        self.seen = now;
    }

    /// A target begins to serve.
    pub fn add(&mut self, target: &Target, now: SimTime) {
        self.see(now);
        let at = self.find(target.task).unwrap_or_else(|at| at);
        let holder = Holder {
            task: target.task,
            pool: target.pool,
            zone: target.zone.0,
            limit: target.cpu_millis,
            is_draining: false,
            held: 0,
            carry: WHOLE / 2,
            debt: 0,
            burning: 0,
            spent: 0,
        };
        self.holders.insert(at, holder);
        self.renew();
        self.look_soon(now);
    }

    /// A target gets no new connections, or gets some again; those that it has stay.
    pub fn set_draining(&mut self, task: u64, is_draining: bool, now: SimTime) {
        if let Ok(index) = self.find(task) {
            self.holders[index].is_draining = is_draining;
            self.look_soon(now);
        }
    }

    /// A target is gone: its connections are cut. Gives the CPU that connects have used since the last time.
    pub fn remove(&mut self, task: u64, now: SimTime) -> u64 {
        let Ok(index) = self.find(task) else { return 0 };
        let used = self.burn(now);
        self.see(now);
        let cut = self.holders.remove(index).held;
        self.totals.cut += cut;
        self.lose(cut, now);
        self.renew();
        used
    }

    /// So many clients are without a connection from now on.
    fn lose(&mut self, count: u64, now: SimTime) {
        if count > 0 {
            self.waves.push(Wave { since: now, count, back: 0 });
            self.next = self.next.min(next_of(now, SECOND));
        }
    }

    /// Clients that wait for a target may have found one.
    fn look_soon(&mut self, now: SimTime) {
        if self.waiting > 0 && self.can_connect() {
            self.next = self.next.min(next_of(now, SECOND));
        }
    }

    /// The CPU of a task has changed: what connects leave of it now.
    pub fn set_limit(&mut self, task: u64, limit: u32) -> u32 {
        let Ok(index) = self.find(task) else { return limit };
        let holder = &mut self.holders[index];
        holder.limit = limit;
        holder.burning = holder.burning.min(limit);
        holder.left()
    }

    /// The CPU of the task at this place, with what connects take of it.
    pub fn limit(&self, index: usize) -> u32 {
        self.holders[index].limit
    }

    /// New connections go to pools by these shares, thousandths.
    pub fn set_weights(&mut self, weights: [u64; 4], now: SimTime) {
        if self.weights != weights {
            self.weights = weights;
            self.credits = [0; 4];
            self.look_soon(now);
        }
    }

    fn wanted(&self, rate: u64) -> u64 {
        match self.rules.clients {
            Clients::Constant(clients) => clients,
            Clients::Each(each) => rate.div_ceil(each.max(1)),
        }
    }

    /// Time zero, again for every target that is there then: a service that runs has had its connections for long.
    pub fn settle(&mut self, rate: u64) {
        (self.waves, self.waiting, self.turns) = (Vec::new(), 0, [0; 4]);
        (self.credits, self.totals) = ([0; 4], ConnectionTotals::default());
        self.holders.iter_mut().for_each(|holder| (holder.held, holder.debt) = (0, 0));
        let clients = self.wanted(rate);
        let made = self.connect(clients, 0);
        self.waiting = clients - made;
        self.totals.first = made;
        self.renew();
        self.next = self.next_after(SimTime::ZERO, false);
    }

    /// A tick: connections end, clients come and go, come back, connect. `rate` is that of the requests from now on,
    /// `needs` what requests need of each target's CPU. Gives the CPU that connects have used since the last time, and
    /// whether any target is concerned.
    pub fn tick(&mut self, now: SimTime, rate: u64, needs: &[u32]) -> (u64, bool) {
        let shares = |of: &Book| -> Vec<(u64, u32)> {
            of.holders.iter().map(|holder| (holder.held, holder.left())).collect()
        };
        let before = (self.away(), shares(self));
        let used = self.burn(now);
        self.see(now);
        let passed = now.since(self.since);
        self.since = now;
        let lags = self.holders.iter().any(|holder| holder.debt > 0);
        let ended = self.end_old(passed);
        let mut coming = self.follow(rate, ended);
        let back = self.come_back(now);
        coming += back;
        let made = self.connect(coming, self.rules.cpu_ns);
        self.totals.connects += made;
        // Those who come back have come in the last second.
        let over = if back > 0 { SECOND } else { passed.0.max(SECOND) };
        let per_second = mul_div(made, SECOND, over);
        self.totals.connects_per_s_max = self.totals.connects_per_s_max.max(per_second);
        match self.can_connect() {
            true => self.lose(coming - made, now),
            false => self.waiting += coming - made,
        }
        self.next = self.next_after(now, lags);
        self.share_cpu(now, needs);
        self.renew();
        (used, before != (self.away(), shares(self)))
    }

    /// When something happens by itself after `now`; `lags`: connects could not be done with until now.
    fn next_after(&self, now: SimTime, lags: bool) -> SimTime {
        let by_minute =
            self.rules.lifetime.is_some() || matches!(self.rules.clients, Clients::Each(_));
        let is_busy = !self.waves.is_empty() || (self.waiting > 0 && self.can_connect());
        let owes = self.holders.iter().any(|holder| holder.debt > 0);
        if is_busy || lags || (owes && !by_minute) {
            next_of(now, SECOND)
        } else if by_minute {
            next_of(now, MINUTE)
        } else {
            SimTime::NEVER
        }
    }

    /// Connections whose time is over; their clients make others.
    fn end_old(&mut self, passed: SimSpan) -> u64 {
        let Some(lifetime) = self.rules.lifetime else { return 0 };
        let share = -libm::expm1(-(passed.0 as f64) / lifetime.0.max(1) as f64);
        let share = (share * WHOLE as f64).round() as u64;
        let mut ended = 0;
        for holder in &mut self.holders {
            let over = u128::from(holder.held) * u128::from(share) + u128::from(holder.carry);
            let own = ((over / u128::from(WHOLE)) as u64).min(holder.held);
            holder.carry = (over % u128::from(WHOLE)) as u64;
            holder.held -= own;
            ended += own;
        }
        self.totals.ended += ended;
        ended
    }

    /// As many clients as the traffic stands for. Of `ended` ones who make another connection now, and of new ones: how many
    /// do. Clients that go end their connections first, and are no longer waited for then.
    fn follow(&mut self, rate: u64, ended: u64) -> u64 {
        let held: u64 = self.holders.iter().map(|holder| holder.held).sum();
        let (wanted, there) = (self.wanted(rate), held + ended + self.away());
        if wanted >= there {
            return ended + (wanted - there);
        }
        let mut rest = there - wanted;
        let own = rest.min(held);
        self.end_some(own, held);
        rest -= own;
        let waiting = rest.min(self.waiting);
        self.waiting -= waiting;
        rest -= waiting;
        for wave in &mut self.waves {
            let own = rest.min(wave.count - wave.back);
            wave.count -= own;
            rest -= own;
        }
        ended.saturating_sub(rest)
    }

    /// `count` of `held` connections end, of each target its share.
    fn end_some(&mut self, count: u64, held: u64) {
        let (mut rest, mut of) = (count, held);
        let first = usize::try_from(self.turns[0] % self.holders.len().max(1) as u64).unwrap_or(0);
        let (before, from) = self.holders.split_at_mut(first);
        for holder in from.iter_mut().chain(before) {
            if of == 0 {
                break;
            }
            let own = mul_div(rest, holder.held, of);
            of -= holder.held;
            holder.held -= own;
            rest -= own;
        }
        self.turns[0] = self.turns[0].wrapping_add(count);
        self.totals.ended += count;
    }

    /// How many of those who lost their connections try again by now.
    fn come_back(&mut self, now: SimTime) -> u64 {
        let span = self.rules.reconnect.0;
        let mut coming = 0;
        for wave in &mut self.waves {
            let passed = now.since(wave.since).0.min(span);
            let back = if passed == span { wave.count } else { mul_div(wave.count, passed, span) };
            coming += back.saturating_sub(wave.back);
            wave.back = wave.back.max(back);
        }
        self.waves.retain(|wave| wave.back < wave.count);
        if self.waiting > 0 && self.can_connect() {
            let waiting = std::mem::take(&mut self.waiting);
            if span == 0 {
                coming += waiting;
            } else {
                self.lose(waiting, now);
            }
        }
        coming
    }

    /// Counts the CPU of connects up to `now`, and gives what is new of it.
    pub fn burn(&mut self, now: SimTime) -> u64 {
        let passed = now.since(self.burnt).0;
        self.burnt = now;
        let mut used = 0;
        for holder in self.holders.iter_mut().filter(|holder| holder.debt > 0) {
            let own = holder.debt.min(u64::from(holder.burning).saturating_mul(passed));
            holder.debt -= own;
            holder.spent += u128::from(own);
            used += own;
        }
        self.totals.cpu_nanos += u128::from(used);
        used
    }

    /// Of each target's CPU what connects get until the next tick: as much as they need, at most what requests leave,
    /// and the half in any case.
    fn share_cpu(&mut self, now: SimTime, needs: &[u32]) {
        let until = self.next.since(now).0.clamp(1, MINUTE);
        for (index, holder) in self.holders.iter_mut().enumerate() {
            let wanted = holder.debt.div_ceil(until).min(u64::from(holder.limit)) as u32;
            let needed = needs.get(index).copied().unwrap_or(0);
            let most = holder.limit.saturating_sub(needed).max(holder.limit / 2);
            let most = most.min(holder.limit - holder.limit / PARTS).max(1);
            holder.burning = wanted.min(most);
        }
    }

    /// What is there at `now`.
    pub fn state(&self, now: SimTime) -> ConnectionState {
        let held =
            || self.holders.iter().filter(|holder| holder.is_open()).map(|holder| holder.held);
        let mut totals = self.totals;
        totals.open_area += u128::from(self.open()) * u128::from(now.since(self.seen).0);
        ConnectionState {
            open: self.open(),
            away: self.away(),
            least: held().min().unwrap_or(0),
            most: held().max().unwrap_or(0),
            draining: self.open() - held().sum::<u64>(),
            totals,
        }
    }
}

/// The first whole multiple of `step` after `now`.
fn next_of(now: SimTime, step: u64) -> SimTime {
    SimTime((now.0 / step + 1) * step)
}
