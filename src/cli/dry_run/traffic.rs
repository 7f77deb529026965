//! What is known of the traffic beforehand: its mean, its peak, and how many requests are alive at once at most.

use super::Failure;
use crate::base::random::Seed;
use crate::base::time::{MICROS_PER_SECOND, SimTime};
use crate::load::REQUEST_BYTES;
use crate::model::arrival::TraceProblem;
use crate::model::service::Change;
use crate::model::traffic::{Fidelity, MICRO, RateOrigin, RateSegment, RateStream, Work, WorkKind};
use crate::report::human;
use crate::scenario::Scenario;
use crate::sim::setup::{ServiceSetup, Setup};

/// A message takes less than a request: it waits in no station.
const MESSAGE_BYTES: u64 = 56;

/// The traffic of one service.
pub(super) struct Foreseen {
    /// Its mean and its peak, for people.
    pub text: String,
    /// Memory of its requests, where each is simulated by itself.
    pub bytes: u64,
}

/// Reads the traffic of every service to the end of the run; `kept` are the tasks that each has at most.
pub(super) fn of(
    scenario: &Scenario,
    seed: Seed,
    kept: &[u64],
) -> Result<Vec<Option<Foreseen>>, Failure> {
    let input = |problem: TraceProblem| Failure::Input(format!("error: {problem}"));
    let setup = &scenario.setup;
    let sources: Vec<_> =
        setup.services.iter().map(|service| service.work.as_ref().map(|w| &w.source)).collect();
    let streams = crate::trace::open_traffic(&sources, setup.horizon, setup.epoch_s, seed);
    let services = setup.services.iter().zip(kept);
    let each = services.zip(streams.map_err(input)?).map(|((service, &tasks), stream)| {
        let (Some(work), Some(mut stream)) = (&service.work, stream) else { return Ok(None) };
        let crowd = Crowd::of(setup, service, work, tasks);
        foresee(&mut *stream, setup.horizon, work, crowd).map(Some).map_err(input)
    });
    each.collect()
}

/// Mean and peak of the traffic that services generate, a line each: of at most so many that a screen shows them. Traces
/// are not opened for it.
pub(in crate::cli) fn generated(scenario: &Scenario) -> String {
    let setup = &scenario.setup;
    let is_generated = |work: &&Work| matches!(work.source.origin, RateOrigin::Generated(_));
    let of_each = setup.services.iter().map(|service| service.work.as_ref().filter(is_generated));
    let shown =
        of_each.zip(setup.services.iter()).filter_map(|(work, service)| Some((work?, service)));
    let mut text = String::new();
    for (work, service) in shown.take(super::SERVICES_SHOWN) {
        let streams = crate::trace::open_traffic(
            &[Some(&work.source)],
            setup.horizon,
            setup.epoch_s,
            setup.seed,
        );
        let Ok(Some(Some(mut stream))) = streams.map(|mut all| all.pop()) else { continue };
        let crowd = Crowd::of(setup, service, work, 0);
        if let Ok(foreseen) = foresee(&mut *stream, setup.horizon, work, crowd) {
            text.push_str(&format!("traffic of {}: {}\n", service.name, foreseen.text));
        }
    }
    text
}

fn foresee(
    stream: &mut dyn RateStream,
    horizon: Option<SimTime>,
    work: &Work,
    mut crowd: Crowd,
) -> Result<Foreseen, TraceProblem> {
    let until = horizon.unwrap_or(SimTime::NEVER);
    let (mut end, mut sum, mut peak) = (SimTime::ZERO, 0.0, 0.0f64);
    while let Some(segment) = stream.next_segment()? {
        if segment.start >= until {
            break;
        }
        let (rate, seconds) = rate_of(&segment, until);
        end = segment.end.min(until);
        sum += rate * seconds;
        peak = peak.max(rate);
        crowd.meets(rate, seconds);
    }
    let span = horizon.unwrap_or(end).to_secs_f64();
    let mean = if span > 0.0 { sum / span } else { 0.0 };
    let what = match work.kind {
        WorkKind::Requests => "requests",
        WorkKind::Messages => "messages",
    };
    let text = format!(
        "{} {what} a second on average, {} at the peak",
        human::decimal(mean, 2),
        human::decimal(peak, 2)
    );
    let each = if work.kind == WorkKind::Messages { MESSAGE_BYTES } else { REQUEST_BYTES };
    let is_counted = work.fidelity == Fidelity::Requests;
    Ok(Foreseen { text, bytes: if is_counted { crowd.most as u64 * each } else { 0 } })
}

/// Requests a second in the part of a segment before `until`, and how many seconds that is.
fn rate_of(segment: &RateSegment, until: SimTime) -> (f64, f64) {
    let length = segment.end.since(segment.start).to_secs_f64();
    let part = segment.end.min(until).since(segment.start).to_secs_f64();
    (segment.micro as f64 / MICRO as f64 / length.max(1.0 / MICROS_PER_SECOND as f64), part)
}

/// How many requests are alive: those that a fluid would have left over, and those that are worked on.
struct Crowd {
    /// Requests a second that all tasks together can serve.
    capacity: f64,
    /// Seconds that one takes by itself.
    alone: f64,
    /// Seconds after which one is given up.
    patience: f64,
    /// Requests that the tasks let in at once.
    room: f64,
    left: f64,
    most: f64,
}

impl Crowd {
    /// The fewest tasks that a service has serve what the most of them let in.
    fn of(setup: &Setup, service: &ServiceSetup, work: &Work, most: u64) -> Crowd {
        let (cpu, io) = (work.cpu_ms.mean() / 1e3, work.io_ms.mean() / 1e3);
        let definition = service.revisions.first().map(|first| first.definition);
        let units = definition.map_or(0, |id| setup.definitions[id].demand.cpu);
        let (tasks, most) = (fewest(service).min(most) as f64, most as f64);
        let by_cpu = tasks * f64::from(units) / 1_024.0 / cpu.max(1e-12);
        let workers = work.workers.map_or(f64::INFINITY, f64::from);
        let by_workers = tasks * workers / (cpu + io).max(1e-12);
        let queue = work.queue_limit.map_or(f64::INFINITY, f64::from);
        Crowd {
            capacity: by_cpu.min(by_workers),
            alone: cpu + io,
            patience: work.timeout.to_secs_f64(),
            room: if work.workers.is_some() { most * (workers + queue) } else { f64::INFINITY },
            left: 0.0,
            most: 0.0,
        }
    }

    /// `seconds` in which `rate` requests a second arrive.
    fn meets(&mut self, rate: f64, seconds: f64) {
        let left = (self.left + (rate - self.capacity) * seconds).max(0.0);
        // Whoever arrived longer ago than this has been given up.
        self.left = left.min((rate * self.patience).max(self.left)).min(self.room);
        self.most = self.most.max(self.left + rate.min(self.capacity) * self.alone);
    }
}

/// Tasks that a service may get down to, as far as scaling and updates say.
fn fewest(service: &ServiceSetup) -> u64 {
    let wanted = service.updates.iter().filter_map(|update| match update.change {
        Change::DesiredCount(count) => Some(count),
        _ => None,
    });
    let scaled = service.scaling.iter().map(|scaling| scaling.min_capacity);
    let all = wanted.chain(scaled).chain([service.desired_count]);
    all.min().unwrap_or(0).into()
}
