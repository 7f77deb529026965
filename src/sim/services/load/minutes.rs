//! The points of a service's minutes: observed when they end, or made up for later where nothing could be decided.

use super::meter::{
    MINUTE, Utilisation, counted, cpu_percent, in_memory_micro, is_high_resolution,
};
use crate::base::time::{SimSpan, SimTime};
use crate::load::{Asker, LatencySummary};
use crate::model::ids::ServiceId;
use crate::model::scaling::{METRICS, MetricValue, ScalingMetric};
use crate::model::traffic::RateSegment;
use crate::policy::scaling::{AT_ONCE, Point, Scaler};
use crate::sim::books::Ledger;
use crate::sim::event::RunError;
use crate::sim::services::{Flow, Service};
use crate::sim::task::Slot;

/// 100 % in millionths of a percent.
const WHOLE: u64 = 100_000_000;
/// How far is looked ahead.
const HOUR: SimSpan = SimSpan(60 * MINUTE.0);

impl Flow<'_> {
    /// A task of a service begins or ends to be RUNNING.
    pub fn meter_running(&mut self, slot: Slot, now: SimTime, joins: bool) -> Result<(), RunError> {
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
            meter.task_joins(self.tasks[slot].id, cpu, now);
            let task = &self.tasks[slot];
            if let (Some(excess), Some(instance)) = (&mut meter.excess, task.instance()) {
                excess.joins((task.id, instance), task.demand, now);
            }
        } else {
            meter.task_leaves(self.tasks[slot].id);
            if let Some(excess) = &mut meter.excess {
                excess.leaves(self.tasks[slot].id);
            }
            meter.running -= 1;
            meter.reserved_cpu -= cpu;
            meter.reserved_memory -= memory;
            meter.idle_memory -= idle;
        }
        Ok(())
    }

    /// How many of the next minutes can pass without anything to decide, if nothing changes: no queue can form, no alarm
    /// can fire, and those that fire get nothing. They are made up for later, all at once, which is what makes a quiet service cheap.
    pub fn quiet_minutes(&mut self, id: ServiceId, now: SimTime) -> u32 {
        // Who has idle CPU is looked at every minute; and a run that checks itself passes nothing over, so that a test
        // can hold the two ways together.
        let is_busy = self.services.has_bursting || is_high_resolution(&self.services.all[id]);
        if is_busy || self.services.is_checked {
            return 0;
        }
        let state = self.services.all[id].scaling_state();
        let service = &mut self.services.all[id];
        let meter = &service.meter;
        let is_watched = meter.has_alarms
            || meter.memory_kib > 0
            || meter.overloaded > 0
            || !meter.starting.is_empty()
            || service.running == 0
            || meter.dark.iter().any(|&(from, until)| now < until && from <= now + HOUR + MINUTE);
        let Some(load) = service.load.as_mut().filter(|_| !is_watched) else { return 0 };
        if meter.quickest_check.is_some_and(|timeout| load.may_exceed(timeout)) {
            return 0;
        }
        let Some(outlook) = meter.outlook(load) else { return 0 };
        let calm = load.calm(MINUTE, now + HOUR).map(|level| outlook.bounds(level));
        match &service.scaler {
            Some(scaler) => scaler.quiet_minutes(now, state, calm),
            None => u32::try_from(calm.count()).unwrap_or(u32::MAX),
        }
    }

    /// Looks at the minutes up to `upto` that were passed over, in order: the same points, later.
    pub fn make_up(&mut self, id: ServiceId, upto: SimTime) -> Result<(), RunError> {
        let service = &mut self.services.all[id];
        let ledger = &mut self.books.services[id];
        let from = service.meter.minute_done;
        if from + MINUTE > upto {
            return Ok(());
        }
        if is_simple(service, from) {
            return pass_minutes(service, ledger, from, upto);
        }
        let mut passed = 0;
        loop {
            let next = service.meter.minute_done + MINUTE;
            if next > upto {
                return Ok(());
            }
            observe(service, MINUTE, next)?;
            service.meter.minute_done = next;
            if passed == 0 {
                measure_capacity(service, ledger); // nobody comes or goes in minutes that are passed over
            }
            passed += 1;
            measure_elasticity(service, ledger, next);
            if let Some(scaler) = &mut service.scaler
                && (next + MINUTE > upto || passed % scaler.minutes_at_once() == 0)
            {
                scaler.pass_over(next, service.running);
            }
        }
    }

    /// Brings the metrics of a service up to the last whole minute, before its load goes on.
    pub fn catch_up(&mut self, id: ServiceId) -> Result<(), RunError> {
        let service = &self.services.all[id];
        if service.load.is_some() && service.meter.minute_done < self.services.minute_done {
            self.make_up(id, self.services.minute_done)?;
        }
        Ok(())
    }

    /// The same before something about the service changes: from then on every minute counts again.
    pub fn disturb(&mut self, id: ServiceId) -> Result<(), RunError> {
        self.catch_up(id)?;
        self.services.due[id] = SimTime::ZERO;
        Ok(())
    }
}

/// Whether all that its minutes from `from` on are asked for is the CPU of its tasks together.
fn is_simple(service: &Service, from: SimTime) -> bool {
    let scaler = service.scaler.as_ref();
    service.load.is_some()
        && service.meter.is_simple(from)
        && scaler.is_none_or(|scaler| scaler.wants_only(ScalingMetric::Cpu))
}

/// As [`observe`] of each minute up to `upto`, which were passed over, and what follows from it, of a [simple](is_simple)
/// service: in one loop, since nobody comes or goes in them.
fn pass_minutes(
    service: &mut Service,
    ledger: &mut Ledger,
    from: SimTime,
    upto: SimTime,
) -> Result<(), RunError> {
    measure_capacity(service, ledger);
    let (running, healthy) = (service.running, u64::from(service.healthy));
    let (bursts, meter) = (service.bursts, &mut service.meter);
    let area = u128::from(meter.reserved_cpu) * u128::from(MINUTE.0);
    let utilisation = Utilisation::of(area, bursts);
    let Service { load: Some(load), scaler, .. } = service else { return Ok(()) };
    let at_once = scaler.as_ref().map_or(1, Scaler::minutes_at_once);
    let (mut values, mut seen) = ([None; AT_ONCE], 0);
    let (mut told, per_target) = (None, (ledger.per_target, cpu_target(ledger)));
    load.advance_by(from, MINUTE, upto, |stride| {
        let end = stride.end;
        let nanos = stride.cpu_nanos + meter.startup_nanos;
        let cpu = utilisation.percent(nanos - meter.minute.cpu_nanos);
        meter.minute.cpu_nanos = nanos;
        meter.cpu_of_last_minute = cpu.map(|value| value.0);
        if !told.is_some_and(|told: SameNeed| told.holds(&stride.segment)) {
            let needed = needed(stride.rate(), per_target);
            needed.iter().for_each(|&needed| ledger.elasticity.push(end, needed, healthy));
            told = Some(SameNeed::of(needed, per_target, &stride.segment));
        }
        if let Some(scaler) = scaler {
            values[seen] = cpu;
            seen += 1;
            if end + MINUTE > upto || seen == at_once {
                scaler.pass_over_cpu(&values[..seen], end, running);
                seen = 0;
            }
        }
    })?;
    meter.integrate(upto);
    meter.minute.cpu_area = meter.cpu_area;
    meter.minute_done = upto;
    Ok(())
}

/// The points of the period that ends now.
pub fn observe(service: &mut Service, period: SimSpan, now: SimTime) -> Result<(), RunError> {
    let meter = &mut service.meter;
    let (memory_kib, is_queue) = (meter.memory_kib, meter.is_queue);
    meter.integrate(now);
    let Some(load) = &mut service.load else { return Ok(()) };
    load.advance(now)?;
    let before = if period == MINUTE { &mut meter.minute } else { &mut meter.twenty };
    let (nanos, area) = (load.cpu_nanos() + meter.startup_nanos, meter.cpu_area);
    let passed = area - before.cpu_area;
    let used = counted(nanos - before.cpu_nanos, passed, service.bursts);
    let cpu = cpu_percent(used, passed).map(|value| value.0);
    (before.cpu_nanos, before.cpu_area) = (nanos, area);
    let of_tasks = (period == MINUTE && meter.wants_tasks).then(|| meter.cpu_point(cpu, load, now));
    let meter = &mut service.meter;
    if period == MINUTE {
        let memory = meter.memory_of_one();
        if let Some(excess) = &mut meter.excess {
            excess.minute(load, memory, now);
        }
        meter.cpu_of_last_minute = cpu;
        if meter.wants_latency {
            meter.latency = load.take_latency(Asker::Minutes);
        }
    }
    let before = if period == MINUTE { &mut meter.minute } else { &mut meter.twenty };
    let Some(scaler) = &mut service.scaler else { return Ok(()) };
    if period == MINUTE && of_tasks.is_none() && scaler.wants_only(ScalingMetric::Cpu) {
        let cpu = cpu.filter(|_| !meter.is_dark(now));
        scaler.observe_cpu(now, cpu.map(MetricValue));
        return Ok(());
    }
    let is_wanted = |metric| match period {
        MINUTE => scaler.wants(metric),
        _ => scaler.wants_high_resolution(metric),
    };
    let mut values = [None; METRICS];
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
    if is_wanted(ScalingMetric::RequestCountPerTarget) || is_wanted(ScalingMetric::RequestCount) {
        let requests = load.totals().since(&before.requests);
        before.requests = *load.totals();
        let per_minute = (requests.offered - requests.no_target) * (MINUTE.0 / period.0);
        let has_targets = !is_queue && requests.offered > requests.no_target;
        set(
            ScalingMetric::RequestCountPerTarget,
            per_minute.checked_div(targets).filter(|_| has_targets),
        );
        // A balancer that got nothing says nothing (documented: metrics are reported when requests flow).
        set(ScalingMetric::RequestCount, has_targets.then_some(per_minute));
    }
    if is_queue {
        set(ScalingMetric::MessagesVisible, Some(load.backlog_micro()));
        // Without tasks it is the whole backlog, so that messages can wake a service that has scaled to zero.
        set(ScalingMetric::BacklogPerTask, Some(load.backlog_micro() / running.max(1)));
    }
    if is_wanted(ScalingMetric::ConcurrencyPerTarget) {
        let in_flight = load.in_flight_micro();
        set(ScalingMetric::ConcurrencyPerTarget, in_flight.checked_div(targets));
    }
    if is_wanted(ScalingMetric::LatencyMs) {
        values[ScalingMetric::LatencyMs as usize] = latency_point(&service.meter.latency);
    }
    if let Some(point) = of_tasks {
        values[ScalingMetric::Cpu as usize] = point;
    }
    if service.meter.is_dark(now) {
        values = [None; METRICS];
    }
    scaler.observe(now, period, &values);
    Ok(())
}

/// Latency of what was answered in a minute, milliseconds; nothing where nothing was answered.
fn latency_point(latency: &LatencySummary) -> Option<Point> {
    let millis = |span: Option<SimSpan>| span.map(|span| MetricValue(span.0 * 1_000));
    let of = [latency.p50, latency.p90, latency.p95, latency.p99].map(millis);
    let [Some(p50), Some(p90), Some(p95), Some(p99)] = of else { return None };
    let point = Point::level(millis(latency.mean)?);
    Some(Point { percentiles: [p50, p90, p95, p99], ..point })
}

/// What one of the present targets could answer.
pub fn measure_capacity(service: &mut Service, ledger: &mut Ledger) {
    let Some(load) = &mut service.load else { return };
    let targets = load.targets() as u64;
    if let Some(per_target) = load.capacity_micro_per_s().checked_div(targets) {
        ledger.per_target = per_target;
    }
}

/// Whether requests were dropped since the last look, in the minute that ends now.
pub fn note_drops(service: &Service, ledger: &mut Ledger, now: SimTime) {
    let dropped = service.load.as_ref().map_or(0, |load| load.totals().dropped());
    if dropped > ledger.drops.0 {
        ledger.drops = (dropped, Some(now));
    }
}

/// Tasks that the load needs now, at the target utilisation, against tasks that are healthy.
pub fn measure_elasticity(service: &Service, ledger: &mut Ledger, now: SimTime) {
    let Some(load) = &service.load else { return };
    let needed = needed(load.offered_micro_per_s(), (ledger.per_target, cpu_target(ledger)));
    if let Some(needed) = needed {
        ledger.elasticity.push(now, needed, u64::from(service.healthy));
    }
}

/// The utilisation that a target is to have, millionths of a percent.
fn cpu_target(ledger: &Ledger) -> u64 {
    ledger.cpu_target.map_or(WHOLE, |target| target.0.clamp(1, WHOLE))
}

/// Tasks that so much needs where one answers `per_target` of it at full utilisation, and is to have a `target`; `None`
/// where nobody knows what one answers.
#[inline]
fn needed(offered: u64, (per_target, target): (u64, u64)) -> Option<u64> {
    if per_target == 0 {
        return None;
    }
    Some(match (per_target.checked_mul(target), offered.checked_mul(WHOLE)) {
        (Some(useful), Some(offered)) => offered.div_ceil(useful),
        _ => {
            let useful = u128::from(per_target) * u128::from(target);
            let offered = u128::from(offered) * u128::from(WHOLE);
            u64::try_from(offered.div_ceil(useful)).unwrap_or(u64::MAX)
        }
    })
}

/// Segments of a length that need as many tasks as another one: by what comes in them, millionths of a request.
#[derive(Clone, Copy)]
struct SameNeed {
    length: u64,
    from: u64,
    to: u64,
}

impl SameNeed {
    /// Those that need what a segment does, which is [`needed`] of its rate.
    fn of(
        needed: Option<u64>,
        (per_target, target): (u64, u64),
        segment: &RateSegment,
    ) -> SameNeed {
        let length = segment.end.0 - segment.start.0;
        let Some(needed) = needed else { return SameNeed { length, from: 0, to: u64::MAX } };
        let useful = u128::from(per_target) * u128::from(target);
        // The least rate that needs more than so many tasks, and the least count whose rate is that, since rates are rounded
        // down.
        let more_than = |tasks: u64| {
            let rate = (u128::from(tasks) * useful / u128::from(WHOLE)).checked_add(1)?;
            u64::try_from(rate.checked_mul(u128::from(length))?.div_ceil(1_000_000)).ok()
        };
        let from = needed.checked_sub(1).map_or(Some(0), more_than);
        match (from, more_than(needed)) {
            (Some(from), Some(above)) => SameNeed { length, from, to: above - 1 },
            _ => SameNeed { length, from: segment.micro, to: segment.micro }, // beyond numbers
        }
    }

    #[inline]
    fn holds(&self, segment: &RateSegment) -> bool {
        let is_within = self.from <= segment.micro && segment.micro <= self.to;
        is_within && segment.end.0 - segment.start.0 == self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::drawn;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(drawn(1_024))]

        #[test]
        fn what_comes_within_the_same_need_needs_as_many_tasks_and_what_comes_beyond_others(
            per_target in prop::sample::select(vec![0_u64, 1, 999, 25_000_000, u64::MAX / 3]), noise in 0_u64..9_000,
            target in 1_u64..=WHOLE, length in 1_u64..200_000_000, tasks in 0_u64..70, part in 0_u64..=1_000,
        ) {
            let per_target = (per_target.saturating_add(noise), target);
            let rate = |micro: u64| u64::try_from(u128::from(micro) * 1_000_000 / u128::from(length)).ok();
            let of = |micro: u64| rate(micro).and_then(|rate| needed(rate, per_target));
            let useful = u128::from(per_target.0) * u128::from(target) / u128::from(WHOLE);
            let micro = (useful * u128::from(tasks) + useful * u128::from(part) / 1_000) * u128::from(length) / 1_000_000;
            let micro = u64::try_from(micro).unwrap_or(u64::MAX / 2);
            let segment = RateSegment { start: SimTime(7), end: SimTime(7 + length), micro };
            let same = SameNeed::of(of(micro), per_target, &segment);
            prop_assert!(same.holds(&segment));
            prop_assert_eq!((of(same.from), of(same.to)), (of(micro), of(micro)));
            let is_narrow = same.from < same.to;
            if is_narrow && of(micro).is_some() {
                prop_assert!(same.from == 0 || of(same.from - 1) != of(micro));
                prop_assert!(of(same.to + 1) != of(micro));
            }
            let longer = RateSegment { end: SimTime(8 + length), ..segment };
            prop_assert!(!same.holds(&longer));
        }
    }
}
