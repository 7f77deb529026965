//! What only some ask of a fluid: the CPU of single targets, who is busy and for how long; and what is out of order.

use super::flows::{Flow, Rules};
use super::library::lock;
use super::{Fluid, work};
use crate::base::hint::{Before, ask_for};
use crate::base::time::SimSpan;
use crate::load::arrivals::mul_div;

/// A service has one flow as a rule; hints for more would come in each other's way.
const HINTED: usize = 2;

impl Fluid {
    /// Asks memory for what an advance looks at.
    pub fn look_ahead(&self, before: Before) {
        self.arrivals.look_ahead(before);
        if before == Before::First {
            self.flows.iter().take(HINTED).for_each(Flow::look_ahead);
            self.answered.look_ahead();
        }
        if before != Before::Second {
            return;
        }
        ask_for(&self.cpu);
        ask_for(&self.flows);
        ask_for(&self.rules);
        ask_for(&self.latency);
        ask_for(&self.ledger);
        ask_for(&self.ledger.pools);
        ask_for(&self.members);
        ask_for(&self.answered);
    }

    pub fn set_errors(&mut self, task: u64, error_ppm: u32) {
        if let Ok(at) = self.find(task)
            && self.members[at].target.error_ppm != error_ppm
        {
            self.change();
            self.are_alike = false;
            self.members[at].target.error_ppm = error_ppm;
        }
    }

    /// See [`crate::load::Load::resume`].
    pub fn resume(&mut self, task: u64) {
        if let Ok(at) = self.find(task)
            && self.members[at].is_draining
        {
            self.change();
            self.are_alike = false;
            self.open += 1;
            self.members[at].is_draining = false;
            self.members[at].leaves_behind = None;
            if let Some(book) = &mut self.connections {
                book.set_draining(task, false, self.now);
            }
        }
    }

    /// Another work, as far as formulas see it.
    pub fn set_delay(&mut self, delay: SimSpan) {
        self.change();
        self.tell_latencies();
        self.setup.work.io_ms = work::later(&self.io_ms, delay);
        (self.cost, self.stations) = self.setup.library.find(&self.setup.work);
    }

    /// Whether a target works on anything: messages go to whoever has the least, so as many tasks are busy as there are
    /// messages in work, by Little's law.
    pub fn is_busy(&self, task: u64) -> bool {
        let Ok(at) = self.find(task) else { return false };
        let open = self.members[..at].iter().filter(|member| !member.is_draining).count() as f64;
        let flow = self.members[at].flow().and_then(|index| self.flows.get(index));
        flow.is_some_and(|flow| flow.backlog > 0 || open < flow.in_work(&self.rules).ceil())
    }

    /// How long a target needs for what it works on, if it gets nothing more: of each worker that is busy the rest of its
    /// message, half of it on average, and of several the longest.
    pub fn time_to_finish(&mut self, task: u64) -> SimSpan {
        self.fresh();
        let Ok(at) = self.find(task) else { return SimSpan::ZERO };
        let Fluid { flows, stations, cost, rules, .. } = self;
        let flow = self.members[at].flow().and_then(|index| flows.get_mut(index));
        let Some(flow) = flow else { return SimSpan::ZERO };
        flow.renew_profile(&mut lock(stations), cost, rules);
        let workers = flow.in_work(rules) / flow.members.max(1) as f64;
        let longest = flow.served_in * workers / (workers + 1.0);
        SimSpan::from_secs_f64(longest)
    }

    pub fn measure_targets(&mut self) {
        self.measures = true;
        self.spent.resize(self.members.len(), 0);
    }

    pub fn cpu_nanos_of(&self, task: u64) -> u128 {
        let Ok(at) = self.find(task) else { return 0 };
        let member = &self.members[at];
        let flow = member.flow().filter(|_| !self.is_stale).map(|index| &self.flows[index]);
        let connects = self.connections.as_ref().map_or(0, |book| book.spent_by(task));
        let spent = self.spent.get(at).copied().unwrap_or(0);
        connects + spent + flow.map_or(0, |flow| flow.cpu_nanos_of_one(&member.target))
    }
}

impl Flow {
    /// How long what waits here takes, microseconds; the timeout where nobody serves.
    pub fn behind(&self, rules: &Rules) -> u64 {
        match (self.backlog, self.capacity) {
            (0, _) => 0,
            (_, 0) => rules.timeout.0,
            (backlog, capacity) => mul_div(backlog, 1_000_000, capacity),
        }
    }
}

impl Fluid {
    /// See [`crate::load::Load::wait_at`]: the mean without what a request takes once it has a worker.
    pub fn wait_at(&mut self, task: u64) -> SimSpan {
        self.fresh();
        let found = self.find(task).ok().and_then(|at| self.members[at].flow());
        let Fluid { flows, stations, cost, rules, .. } = self;
        let flow = found.and_then(|index| flows.get_mut(index)).filter(|_| !rules.is_queue());
        let Some(flow) = flow else { return SimSpan::ZERO };
        flow.renew_profile(&mut lock(stations), cost, rules);
        let random = (flow.profile.mean - flow.served_in).max(0.0);
        SimSpan(flow.behind(rules).saturating_add((random * 1e6) as u64).min(rules.timeout.0))
    }

    /// See [`crate::load::Load::in_memory_at`].
    pub fn in_memory_at(&mut self, task: u64) -> u64 {
        self.fresh();
        let found = self.find(task).ok().and_then(|at| self.members[at].flow());
        let Fluid { flows, stations, cost, rules, .. } = self;
        let Some(flow) = found.and_then(|index| flows.get_mut(index)) else { return 0 };
        let waiting = if rules.is_queue() { 0 } else { flow.backlog };
        (flow.steady_in_flight(&mut lock(stations), cost, rules) + waiting) / flow.members.max(1)
    }

    /// The time of a request that arrives now: behind what waits, then its mean.
    pub fn response_estimate(&mut self) -> SimSpan {
        self.fresh();
        let (mut sum, mut weight) = (0u128, 0u128);
        for flow in self.flows.iter_mut().filter(|flow| flow.is_open && flow.capacity > 0) {
            flow.renew_profile(&mut lock(&self.stations), &self.cost, &self.rules);
            let wait = flow.behind(&self.rules);
            let span =
                wait.saturating_add((flow.profile.mean * 1e6) as u64).min(self.rules.timeout.0);
            sum += u128::from(span) * u128::from(flow.weight.max(1));
            weight += u128::from(flow.weight.max(1));
        }
        sum.checked_div(weight).map_or(self.rules.timeout, |mean| SimSpan(mean as u64))
    }
}
