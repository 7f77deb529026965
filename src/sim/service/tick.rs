//! Once a minute: what CloudWatch measures, what overload does to tasks, what alarms and scaling policies decide.
//!
//! All services are visited by one event, in order; a service without work and without scaling is passed over.

use super::super::setup::ServiceSetup;
use super::super::task::Slot;
use super::super::world::{Event, RunError, World};
use super::{Health, Next, Service};
use crate::base::id::Id as _;
use crate::base::time::{SimSpan, SimTime};
use crate::engine::{Class, Queue};
use crate::load::{Calm, Load};
use crate::metrics::service::RequestTotals;
use crate::model::ids::ServiceId;
use crate::model::lifecycle::{StopReason, TaskStatus};
use crate::model::scaling::{MetricValue, ScalingMetric};
use crate::model::traffic::WorkKind;
use crate::policy::scaling::{Decision, Point, Scaler, ServiceState};

/// What is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tick {
    /// The end of a one-minute period.
    Minute,
    /// The end of a 20-second period, for services with high-resolution metrics.
    TwentySeconds,
    /// One-minute points are visible: alarms are evaluated.
    Alarms,
    /// 20-second points are visible.
    HighResolutionAlarms,
}

/// Length of a standard period.
const MINUTE: SimSpan = SimSpan::from_secs(60);
/// Length of a high-resolution period.
const TWENTY: SimSpan = SimSpan::from_secs(20);
/// How many minutes are passed over at once: the next more where all of them can be.
const REACHES: [u32; 4] = [4, 12, 30, 60];
/// More than rounding makes of a rate (millionths a second) or of a point (millionths of a percent).
const ROUNDED: u64 = 10;
/// Exit code of a container that the kernel killed (128 + 9).
const KILLED: u8 = 137;

/// The state of a service's counters when a period began.
#[derive(Clone, Copy, Debug, Default)]
struct Since {
    cpu_nanos: u128,
    cpu_area: u128,
    requests: RequestTotals,
}

/// Running sums behind a service's metrics.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    /// Memory of a request in flight, KiB.
    memory_kib: u32,
    /// Whether it takes messages.
    is_queue: bool,
    /// Whether deployments watch alarms.
    has_alarms: bool,
    /// Smallest and greatest cost of a request among the revisions, percent.
    cost_percents: (u32, u32),
    /// How long the quickest health check of any revision waits.
    quickest_check: Option<SimSpan>,
    /// CPU units of RUNNING tasks.
    pub reserved_cpu: u64,
    /// MiB of RUNNING tasks.
    pub reserved_memory: u64,
    /// MiB that RUNNING tasks use without requests.
    pub idle_memory: u64,
    /// ∫ `reserved_cpu` dt, CPU units × microseconds.
    pub cpu_area: u128,
    /// RUNNING tasks, the most of them at a time, and ∫ of them dt, tasks × microseconds.
    running: u32,
    pub most_running: u32,
    pub running_area: u128,
    /// Until when it is integrated.
    since: SimTime,
    minute: Since,
    twenty: Since,
    /// The last minute that was looked at; those up to the present one are made up for before anything changes.
    minute_done: SimTime,
    /// CPU that a task without a limit may use: its own and its share of what is idle on the hosts.
    pub burst_millis: u32,
    /// Whether unhealthy tasks get requests because no healthy one is there.
    pub is_open: bool,
    /// Requests when the last minute began, for the alarms of deployments.
    pub alarm_requests: RequestTotals,
    /// CPU utilisation of the last minute, millionths of a percent.
    pub cpu_of_last_minute: Option<u64>,
    /// Since when health checks take too long.
    pub overloaded_since: Option<SimTime>,
}

impl Meter {
    /// What a minute needs to know of the settings.
    pub fn of(setup: &ServiceSetup) -> Meter {
        let work = setup.work.as_ref();
        let container = setup.revisions.iter().filter_map(|revision| revision.check);
        let timeouts = container.map(|check| check.timeout);
        let costs = || setup.revisions.iter().map(|revision| revision.behaviour.cost_percent);
        Meter {
            memory_kib: work.map_or(0, |work| work.memory_kib),
            is_queue: work.is_some_and(|work| work.kind == WorkKind::Messages),
            has_alarms: setup.deployment.alarms.is_some(),
            cost_percents: (costs().min().unwrap_or(100), costs().max().unwrap_or(100)),
            quickest_check: timeouts.chain(setup.balancer.map(|b| b.timeout)).min(),
            ..Meter::default()
        }
    }

    /// The least and the most CPU utilisation of a minute in a calm stretch, if the tasks stay as they are: by rate, and
    /// by what requests cost at the revisions that are there. Rates and points are rounded, which is allowed for.
    fn utilisation(&self, load: &Load, calm: &Calm) -> (MetricValue, MetricValue) {
        let cost = |percent: u32| u128::from(load.cpu_ns_per_request_mean()) * u128::from(percent);
        let area = u128::from(self.reserved_cpu) * 1_000_000;
        let percent = |nanos: u128| cpu_percent(nanos, area).unwrap_or_default().0;
        let (least, most) = (calm.least.saturating_sub(ROUNDED), calm.most + ROUNDED);
        let least = u128::from(least) * (cost(self.cost_percents.0) / 100) / 1_000_000;
        let most =
            (u128::from(most) * cost(self.cost_percents.1).div_ceil(100)).div_ceil(1_000_000);
        let (least, most) = (percent(least), percent(most));
        (MetricValue(least.saturating_sub(ROUNDED)), MetricValue(most.saturating_add(ROUNDED)))
    }

    /// Integrates up to `now`.
    pub fn integrate(&mut self, now: SimTime) {
        let passed = u128::from(now.since(self.since).0);
        self.cpu_area += u128::from(self.reserved_cpu) * passed;
        self.running_area += u128::from(self.running) * passed;
        self.since = now;
    }
}

/// Requests that tasks hold in memory, millionths: those in flight; messages that wait in the queue take none.
pub(super) fn in_memory_micro(load: &mut Load, is_queue: bool) -> u64 {
    let outside = if is_queue { load.backlog_micro() } else { 0 };
    load.in_flight_micro().saturating_sub(outside)
}

/// Millionths of a percent: `used` nanoseconds of a vCPU by `area` CPU units × microseconds.
fn cpu_percent(used: u128, area: u128) -> Option<MetricValue> {
    // 1,024 units are 1,000 ns of CPU a microsecond. Half a dozen vCPUs for a minute fit into short numbers, which are
    // several times faster to divide.
    let short = u64::try_from(used).ok().and_then(|used| used.checked_mul(100_000));
    if let (Some(short), Ok(area)) = (short, u64::try_from(area))
        && area > 0
        && area.is_multiple_of(1_024)
    {
        return Some(MetricValue(short / (area / 1_024)));
    }
    let value = (used * 1_024 * 100_000).checked_div(area)?;
    Some(MetricValue(u64::try_from(value).unwrap_or(u64::MAX)))
}

impl World {
    /// A task of a service begins or ends to be RUNNING.
    pub(super) fn meter_running(
        &mut self,
        slot: Slot,
        now: SimTime,
        joins: bool,
    ) -> Result<(), RunError> {
        let member = *self.services.member(slot);
        self.disturb(member.service)?;
        let (cpu, memory) = {
            let demand = self.tasks[slot].demand;
            (u64::from(demand.cpu), u64::from(demand.memory))
        };
        let service = &mut self.services.all[member.service];
        let idle = u64::from(service.revision_of(member.generation).behaviour.idle_memory_mib);
        let meter = &mut service.meter;
        meter.integrate(now);
        if joins {
            meter.running += 1;
            meter.most_running = meter.most_running.max(meter.running);
            meter.reserved_cpu += cpu;
            meter.reserved_memory += memory;
            meter.idle_memory += idle;
        } else {
            meter.running -= 1;
            meter.reserved_cpu -= cpu;
            meter.reserved_memory -= memory;
            meter.idle_memory -= idle;
        }
        Ok(())
    }

    pub(super) fn schedule_ticks(&mut self, queue: &mut Queue<Event>) {
        let services = &self.services;
        let has_work = |s: &Service| s.load.is_some() || s.scaler.is_some();
        if !services.all.iter().any(has_work) {
            return;
        }
        let after = |period: SimSpan, delay: SimSpan| SimTime(period.0 + delay.0 % period.0);
        let delays = services.delays;
        let at = |at, tick| (at, Event::Tick(tick));
        let mut all = vec![at(SimTime(MINUTE.0), Tick::Minute)];
        if !self.points_show_on_the_minute() {
            all.push(at(after(MINUTE, delays.standard), Tick::Alarms));
        }
        if services.all.iter().any(is_high_resolution) {
            all.push(at(SimTime(TWENTY.0), Tick::TwentySeconds));
            all.push(at(after(TWENTY, delays.high_resolution), Tick::HighResolutionAlarms));
        }
        for (at, event) in all {
            queue.schedule(at, Class::Control, event);
        }
    }

    /// Whether one-minute points become visible at whole minutes: a service's alarms are then looked at together with
    /// its new points, which makes one visit of two. Services do not look at each other, so the order is the same.
    fn points_show_on_the_minute(&self) -> bool {
        self.services.delays.standard.0.is_multiple_of(MINUTE.0)
    }

    /// A tick is due.
    pub(in super::super) fn tick(
        &mut self,
        tick: Tick,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let period = match tick {
            Tick::Minute | Tick::Alarms => MINUTE,
            Tick::TwentySeconds | Tick::HighResolutionAlarms => TWENTY,
        };
        if tick == Tick::Minute {
            self.share_idle_cpu(queue.now())?;
            self.services.minute_done = queue.now();
        }
        for index in 0..self.services.all.len() {
            let id = ServiceId::from_index(index);
            match tick {
                Tick::Minute if self.services.due[id] <= queue.now() => self.minute(id, queue)?,
                Tick::TwentySeconds if is_high_resolution(&self.services.all[id]) => {
                    observe(&mut self.services.all[id], TWENTY, queue.now())?;
                }
                Tick::Alarms => self.evaluate(id, queue)?,
                Tick::HighResolutionAlarms if is_high_resolution(&self.services.all[id]) => {
                    self.evaluate(id, queue)?;
                }
                _ => {}
            }
        }
        queue.schedule(queue.now() + period, Class::Control, Event::Tick(tick));
        Ok(())
    }

    /// The end of a minute, where the service must be looked at, and how long it need not be looked at then.
    fn minute(&mut self, id: ServiceId, queue: &mut Queue<Event>) -> Result<(), RunError> {
        let now = queue.now();
        let service = &self.services.all[id];
        if service.load.is_none() && service.scaler.is_none() {
            self.services.due[id] = SimTime::NEVER;
            return Ok(());
        }
        self.make_up(id, SimTime(now.0 - MINUTE.0))?;
        observe(&mut self.services.all[id], MINUTE, now)?;
        self.services.all[id].meter.minute_done = now;
        if self.services.all[id].load.is_some() {
            self.services.all[id].measure_capacity();
            self.services.all[id].measure_elasticity(now);
            if self.services.all[id].meter.has_alarms {
                self.watch_deployment_alarms(id, queue)?;
            }
            self.feel_overload(id, queue)?;
            if self.services.all[id].meter.memory_kib > 0 {
                self.run_out_of_memory(id, queue)?;
            }
        }
        if self.points_show_on_the_minute() {
            self.evaluate(id, queue)?;
            let minutes = self.quiet_minutes(id, now);
            self.services.due[id] = now + SimSpan(MINUTE.0 * (1 + u64::from(minutes)));
        }
        Ok(())
    }

    /// How many of the next minutes can pass without anything to decide, if nothing changes: no queue can form, no alarm
    /// can fire, and those that fire get nothing. They are made up for later, all at once, which is what makes a quiet service cheap.
    fn quiet_minutes(&mut self, id: ServiceId, now: SimTime) -> u32 {
        // Who has idle CPU is looked at every minute; and a run that checks itself passes nothing over, so that a test
        // can hold the two ways together.
        let is_busy = self.services.has_bursting || is_high_resolution(&self.services.all[id]);
        if is_busy || self.checked {
            return 0;
        }
        let state = self.scaling_state(id);
        let service = &mut self.services.all[id];
        let meter = &service.meter;
        let is_watched = meter.has_alarms
            || meter.memory_kib > 0
            || meter.overloaded_since.is_some()
            || service.running == 0;
        let Some(load) = service.load.as_mut().filter(|_| !is_watched) else { return 0 };
        if meter.quickest_check.is_some_and(|timeout| load.may_exceed(timeout)) {
            return 0;
        }
        let (mut quiet, mut harmless, mut calm) = (0, 0, None);
        for minutes in REACHES {
            calm = load.calm(calm, now + SimSpan(MINUTE.0 * u64::from(minutes)));
            let Some(stretch) = &calm else { break };
            let reach = (stretch.until.since(now).0 / MINUTE.0).min(u64::from(minutes)) as u32;
            let of_scaler = service.scaler.as_ref().map_or(u32::MAX, |scaler| {
                scaler.quiet_minutes(now, state, harmless, meter.utilisation(load, stretch))
            });
            quiet = quiet.max(of_scaler.min(reach));
            if of_scaler <= reach || reach < minutes {
                break;
            }
            if of_scaler == u32::MAX {
                harmless = reach;
            }
        }
        quiet
    }

    /// Looks at the minutes up to `upto` that were passed over, in order: the same points, later.
    fn make_up(&mut self, id: ServiceId, upto: SimTime) -> Result<(), RunError> {
        let service = &mut self.services.all[id];
        let mut is_first = true;
        loop {
            let next = service.meter.minute_done + MINUTE;
            if next > upto {
                return Ok(());
            }
            observe(service, MINUTE, next)?;
            service.meter.minute_done = next;
            if is_first {
                service.measure_capacity(); // nobody comes or goes in minutes that are passed over
                is_first = false;
            }
            service.measure_elasticity(next);
            if let Some(scaler) = &mut service.scaler {
                scaler.pass_over(next, service.running);
            }
        }
    }

    /// Brings the metrics of a service up to the last whole minute, before its load goes on.
    pub(super) fn catch_up(&mut self, id: ServiceId) -> Result<(), RunError> {
        let service = &self.services.all[id];
        if service.load.is_some() && service.meter.minute_done < self.services.minute_done {
            self.make_up(id, self.services.minute_done)?;
        }
        Ok(())
    }

    /// The same before something about the service changes: from then on every minute counts again.
    pub(super) fn disturb(&mut self, id: ServiceId) -> Result<(), RunError> {
        self.catch_up(id)?;
        self.services.due[id] = SimTime::ZERO;
        Ok(())
    }

    fn evaluate(&mut self, id: ServiceId, queue: &mut Queue<Event>) -> Result<(), RunError> {
        let state = self.scaling_state(id);
        let Some(scaler) = &mut self.services.all[id].scaler else { return Ok(()) };
        match scaler.evaluate(queue.now(), state) {
            Some(decision) => self.scale(id, decision, queue),
            None => Ok(()),
        }
    }

    fn scaling_state(&self, id: ServiceId) -> ServiceState {
        let service = &self.services.all[id];
        ServiceState {
            desired: service.desired,
            running: service.running,
            deploying: service.is_deploying(),
        }
    }

    pub(super) fn schedule_scaling_action(&mut self, id: ServiceId, queue: &mut Queue<Event>) {
        let scaler = self.services.all[id].scaler.as_ref();
        if let Some(at) = scaler.and_then(Scaler::next_action) {
            queue.schedule(at.max(queue.now()), Class::Control, Event::ScalingAction(id));
        }
    }

    /// A scheduled action, or a step of predictive scaling, is due.
    pub(in super::super) fn scaling_action(
        &mut self,
        id: ServiceId,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        self.disturb(id)?;
        let state = self.scaling_state(id);
        let Some(scaler) = &mut self.services.all[id].scaler else { return Ok(()) };
        for decision in scaler.act(queue.now(), state) {
            self.scale(id, decision, queue)?;
        }
        self.schedule_scaling_action(id, queue);
        Ok(())
    }

    fn scale(
        &mut self,
        id: ServiceId,
        decision: Decision,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        self.record_scaling(id, &decision, queue.now())?;
        let Some(to) = decision.to else { return Ok(()) };
        let service = &mut self.services.all[id];
        let direction = usize::from(to < service.desired);
        if to != service.desired {
            service.ledger.scaling[direction] += 1;
        }
        self.set_desired(id, to, "Application Auto Scaling", queue)
    }

    /// Health checks are requests, too: when answers take longer than a check may, checks fail.
    fn feel_overload(&mut self, id: ServiceId, queue: &mut Queue<Event>) -> Result<(), RunError> {
        let now = queue.now();
        let service = &mut self.services.all[id];
        let since = service.meter.overloaded_since;
        let Some(quickest) = service.meter.quickest_check else { return Ok(()) };
        let load = service.load.as_mut().expect("only services with work are watched");
        if since.is_none() && !load.may_exceed(quickest) {
            return Ok(());
        }
        let generation = service.generation;
        let checks = self.checks(id, generation);
        let Some(timeout) = checks.timeout() else { return Ok(()) };
        let service = &mut self.services.all[id];
        let load = service.load.as_mut().expect("only services with work are watched");
        let is_slow = load.targets() > 0 && load.response_estimate() > timeout;
        match (is_slow, since) {
            (true, None) => self.services.all[id].meter.overloaded_since = Some(now),
            (true, Some(since)) => {
                for slot in self.services.all[id].members.clone() {
                    let member = self.services.member(slot);
                    let started = self.tasks[slot].started;
                    let at = checks.unhealthy_at(started, since, member.phase, member.grace_until);
                    if member.health == Health::Healthy && at <= now {
                        self.becomes_unhealthy(slot, queue)?;
                    }
                }
            }
            (false, Some(_)) => {
                self.services.all[id].meter.overloaded_since = None;
                for slot in self.services.all[id].members.clone() {
                    let member = self.services.member(slot);
                    let is_running = self.tasks[slot].status == TaskStatus::Running;
                    let recovers = member.health == Health::Unhealthy && !member.never_healthy;
                    if is_running && recovers && member.answers {
                        let at = checks.recovers_at(self.tasks[slot].started, now, member.phase);
                        self.change_at(slot, at, Next::Healthy, queue);
                    }
                }
            }
            (false, None) => {}
        }
        Ok(())
    }

    /// Requests in flight take memory; above its limit the kernel kills the task.
    fn run_out_of_memory(
        &mut self,
        id: ServiceId,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let service = &mut self.services.all[id];
        let kib = service.meter.memory_kib;
        let load = service.load.as_mut().expect("only services with work are watched");
        if kib == 0 || load.targets() == 0 {
            return Ok(());
        }
        let in_flight = in_memory_micro(load, service.meter.is_queue) / load.targets() as u64;
        let requests = u128::from(in_flight) * u128::from(kib) / 1_024 / 1_000_000;
        let service = &self.services.all[id];
        let revision = service.revision_of(service.generation);
        let used = u128::from(revision.behaviour.idle_memory_mib) + requests;
        if revision.memory_limit_mib == 0 || used <= u128::from(revision.memory_limit_mib) {
            return Ok(());
        }
        let mut slots = service.members.clone();
        slots.retain(|&slot| self.services.member(slot).in_load);
        slots.sort_by_key(|&slot| self.tasks[slot].id);
        for slot in slots {
            self.services.all[id].ledger.out_of_memory += 1;
            self.crash(slot, StopReason::OutOfMemory, KILLED, queue)?;
        }
        Ok(())
    }
}

/// The points of the period that ends now.
fn observe(service: &mut Service, period: SimSpan, now: SimTime) -> Result<(), RunError> {
    let meter = &mut service.meter;
    let (memory_kib, is_queue) = (meter.memory_kib, meter.is_queue);
    meter.integrate(now);
    let Some(load) = &mut service.load else { return Ok(()) };
    load.advance(now)?;
    let before = if period == MINUTE { &mut meter.minute } else { &mut meter.twenty };
    let (nanos, area) = (load.cpu_nanos(), meter.cpu_area);
    let cpu = cpu_percent(nanos - before.cpu_nanos, area - before.cpu_area).map(|value| value.0);
    (before.cpu_nanos, before.cpu_area) = (nanos, area);
    if period == MINUTE {
        meter.cpu_of_last_minute = cpu;
    }
    let Some(scaler) = &mut service.scaler else { return Ok(()) };
    let is_wanted = |metric| match period {
        MINUTE => scaler.wants(metric),
        _ => scaler.wants_high_resolution(metric),
    };
    let mut values = [None; 6];
    let mut set = |metric: ScalingMetric, value: Option<u64>| {
        values[metric as usize] = value.map(|value| Point::level(MetricValue(value)));
    };
    let running = u64::from(service.running);
    let targets = load.targets() as u64;
    set(ScalingMetric::Cpu, cpu);
    if is_wanted(ScalingMetric::Memory) {
        let in_flight = in_memory_micro(load, is_queue);
        // Millionths of a KiB by MiB: one percent is 10.24 KiB a MiB.
        let used = u128::from(meter.idle_memory) * 1_024_000_000
            + u128::from(in_flight) * u128::from(memory_kib);
        let share = (used * 100).checked_div(u128::from(meter.reserved_memory) * 1_024);
        set(ScalingMetric::Memory, share.map(|v| u64::try_from(v).unwrap_or(u64::MAX)));
    }
    if is_wanted(ScalingMetric::RequestCountPerTarget) {
        let requests = load.totals().since(&before.requests);
        before.requests = *load.totals();
        let per_minute = (requests.offered - requests.no_target) * (MINUTE.0 / period.0);
        let has_targets = !is_queue && requests.offered > requests.no_target;
        set(
            ScalingMetric::RequestCountPerTarget,
            per_minute.checked_div(targets).filter(|_| has_targets),
        );
    }
    if is_queue {
        // Without tasks it is the whole backlog, so that messages can wake a service that has scaled to zero.
        set(ScalingMetric::BacklogPerTask, Some(load.backlog_micro() / running.max(1)));
    }
    if is_wanted(ScalingMetric::ConcurrencyPerTarget) {
        let in_flight = load.in_flight_micro();
        set(ScalingMetric::ConcurrencyPerTarget, in_flight.checked_div(targets));
    }
    if is_wanted(ScalingMetric::LatencyMs) {
        set(ScalingMetric::LatencyMs, Some(load.response_estimate().0 * 1_000));
    }
    scaler.observe(now, period, &values);
    Ok(())
}

fn is_high_resolution(service: &Service) -> bool {
    let metrics = [ScalingMetric::Cpu, ScalingMetric::Memory];
    service.scaler.as_ref().is_some_and(|s| metrics.iter().any(|m| s.wants_high_resolution(*m)))
}
