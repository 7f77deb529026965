//! Rates drawn from shapes and distributions: piecewise constant on a grid. Equal specifications and seeds give
//! equal rates on every platform.
//!
//! A step's requests are the mean rate times the factors of the step. The daily wave and the weekend are taken at
//! the middle of a step; ramps, steps, flash crowds and bursts by their exact mean over it, so that none is too
//! short to be seen. Noise has the mean 1. Bursts, noise and counts have a random stream each, so that a change of
//! one leaves the draws of the others alone. All instants are those of the scenario, also where the traffic begins
//! later.

use super::super::shape::{self, BurstClock, DAY_S};
use super::span::{MAX_REQUESTS, Span, Spans};
use crate::base::distribution::{poisson, standard_normal};
use crate::base::hint::ask_for;
use crate::base::random::{Purpose, Seed, Stream};
use crate::base::time::{LATEST, SimSpan, SimTime};
use crate::model::arrival::{RowCounts, TraceProblem};
use crate::model::traffic::{MICRO, RateEvent, RateGenerator};

/// Largest mean rate, requests per second.
const MAX_RATE: f64 = 1e9;
/// Largest factor of an event.
const MAX_FACTOR: f64 = 1e6;

/// The steps of a [`RateGenerator`].
pub(super) struct Generator {
    spec: RateGenerator,
    events: Vec<Event>,
    bursts: BurstClock,
    noise: Stream,
    requests: Stream,
    /// The scenario's midnight-based clock at instant zero, seconds since 1970.
    epoch_s: f64,
    /// Where the traffic begins, microseconds of the scenario.
    begin: u64,
    until: u64,
    at: u64,
    /// A part of a millionth of a request that is left over.
    rest: f64,
    counts: RowCounts,
}

/// An event in seconds.
#[derive(Clone, Copy)]
enum Event {
    Ramp { at: f64, end: f64, factor: f64 },
    Step { at: f64, end: f64, factor: f64 },
    Crowd { at: f64, full: f64, falls: f64, decay: f64, factor: f64 },
}

impl Event {
    fn new(event: &RateEvent) -> Event {
        let seconds = SimTime::to_secs_f64;
        match *event {
            RateEvent::Ramp { at, over, factor } => {
                Event::Ramp { at: seconds(at), end: seconds(at) + over.to_secs_f64(), factor }
            }
            RateEvent::Step { at, factor, lasts } => {
                let lasts = lasts.map_or(f64::INFINITY, SimSpan::to_secs_f64);
                Event::Step { at: seconds(at), end: seconds(at) + lasts, factor }
            }
            RateEvent::FlashCrowd { at, factor, rise, holds, decay } => {
                let full = seconds(at) + rise.to_secs_f64();
                let falls = full + holds.to_secs_f64();
                Event::Crowd { at: seconds(at), full, falls, decay: decay.to_secs_f64(), factor }
            }
        }
    }

    /// The mean factor from `a` to `b`.
    fn mean(self, a: f64, b: f64) -> f64 {
        let (Event::Ramp { at, .. } | Event::Step { at, .. } | Event::Crowd { at, .. }) = self;
        if b <= at {
            return 1.0;
        }
        let overlap = |from: f64, to: f64| (b.min(to) - a.max(from)).max(0.0);
        // What the factor adds to 1, summed over the time.
        let added = match self {
            Event::Ramp { at, end, factor } => {
                (factor - 1.0) * (slope(a, b, at, end) + overlap(end, f64::INFINITY))
            }
            Event::Step { at, end, factor } => (factor - 1.0) * overlap(at, end),
            Event::Crowd { at, full, falls, decay, factor } => {
                let decline = if decay > 0.0 && b > falls {
                    let left = |t: f64| libm::exp(-(t.max(falls) - falls) / decay);
                    decay * (left(a) - left(b))
                } else {
                    0.0
                };
                (factor - 1.0) * (slope(a, b, at, full) + overlap(full, falls) + decline)
            }
        };
        1.0 + added / (b - a)
    }
}

/// The integral, from `a` to `b`, of a line that goes from 0 at `from` to 1 at `to`; only what lies between the two.
fn slope(a: f64, b: f64, from: f64, to: f64) -> f64 {
    let (left, right) = (a.max(from), b.min(to));
    if left >= right {
        return 0.0;
    }
    let height = |t: f64| (t - from) / (to - from);
    (height(left) + height(right)) / 2.0 * (right - left)
}

impl Generator {
    /// Checks `spec` and prepares its streams. The traffic lies between `begin` and `until`, microseconds.
    ///
    /// # Errors
    /// A number outside its range.
    pub fn new(
        spec: &RateGenerator,
        begin: u64,
        until: Option<SimTime>,
        epoch_s: i64,
        seed: Seed,
    ) -> Result<Self, TraceProblem> {
        check(spec).map_err(|text| TraceProblem(format!("generator \"{}\": {text}", spec.name)))?;
        let stream =
            |part: &str| seed.stream(Purpose::Workload, &format!("traffic {}/{part}", spec.name));
        Ok(Generator {
            events: spec.events.iter().map(Event::new).collect(),
            bursts: BurstClock::new(spec.bursts.clone(), stream("bursts")),
            noise: stream("noise"),
            requests: stream("requests"),
            epoch_s: epoch_s as f64,
            begin,
            until: until.unwrap_or(LATEST).0,
            at: begin,
            rest: 0.0,
            counts: RowCounts::default(),
            spec: spec.clone(),
        })
    }

    /// The mean rate from `a` to `b`, seconds, requests per second.
    #[inline]
    fn rate(&mut self, a: f64, b: f64) -> f64 {
        let spec = &self.spec;
        let mut rate = spec.per_second;
        let middle = self.epoch_s + (a + b) / 2.0;
        if spec.daily_depth > 0.0 {
            rate *= shape::daily(spec.daily_depth, spec.daily_peak_s, middle);
        }
        // 1970 began on a Thursday: three days after a Monday.
        if spec.weekend_factor != 1.0 && ((middle / DAY_S).floor() as i64 + 3).rem_euclid(7) >= 5 {
            rate *= spec.weekend_factor;
        }
        for event in &self.events {
            rate *= event.mean(a, b);
        }
        if spec.bursts.is_some() {
            rate *= self.mean_burst(a, b);
        }
        if self.spec.noise_sigma > 0.0 {
            let sigma = self.spec.noise_sigma;
            rate *= libm::exp(sigma * standard_normal(&mut self.noise) - sigma * sigma / 2.0);
        }
        rate
    }

    fn mean_burst(&mut self, a: f64, b: f64) -> f64 {
        let (mut sum, mut at) = (0.0, a);
        // Bursts that lie before the traffic begins are passed over.
        while self.bursts.switch_at() <= a {
            self.bursts.go_to(self.bursts.switch_at());
        }
        while at < b {
            let end = self.bursts.switch_at().min(b);
            sum += self.bursts.factor() * (end - at);
            self.bursts.go_to(end);
            at = end;
        }
        sum / (b - a)
    }
}

impl Spans for Generator {
    #[inline]
    fn next_span(&mut self) -> Result<Option<Span>, TraceProblem> {
        if self.at >= self.until {
            return Ok(None);
        }
        let (start, end) = (self.at, self.at + self.spec.step.0);
        self.at = end;
        let (a, b) = (SimTime(start).to_secs_f64(), SimTime(end).to_secs_f64());
        let mean = (self.rate(a, b) * (b - a)).min(MAX_REQUESTS as f64);
        let micro = if self.spec.poisson {
            poisson(mean, &mut self.requests).min(MAX_REQUESTS) * MICRO
        } else {
            let exact = mean * MICRO as f64 + self.rest;
            let micro = exact as u64; // rounds down
            self.rest = exact - micro as f64;
            micro
        };
        self.counts.read += 1;
        self.counts.used += 1;
        Ok(Some(Span { start: start - self.begin, end: end - self.begin, micro }))
    }

    fn look_ahead(&self) {
        ask_for(&self.spec.per_second);
        ask_for(&self.spec.step);
        ask_for(&self.noise);
        ask_for(&self.requests);
        ask_for(&self.at);
        ask_for(&self.counts);
    }

    fn counts(&self) -> &RowCounts {
        &self.counts
    }
}

fn check(spec: &RateGenerator) -> Result<(), String> {
    let RateGenerator { per_second, daily_depth, daily_peak_s, weekend_factor, .. } = *spec;
    if !(0.0..=MAX_RATE).contains(&per_second) {
        return Err(format!("the rate is {per_second}; it must be from 0 to {MAX_RATE}"));
    }
    shape::check(daily_depth, daily_peak_s, weekend_factor, spec.bursts.as_ref())?;
    if !(0.0..=10.0).contains(&spec.noise_sigma) {
        return Err(format!("the noise is {}; it must be from 0 to 10", spec.noise_sigma));
    }
    if !(SimSpan::from_millis(1)..=SimSpan::from_secs(366 * 86_400)).contains(&spec.step) {
        return Err(format!("the step is {} s; it must be from 1 ms to 366 days", spec.step));
    }
    for event in &spec.events {
        let (RateEvent::Ramp { factor, .. }
        | RateEvent::Step { factor, .. }
        | RateEvent::FlashCrowd { factor, .. }) = event;
        if !(0.0..=MAX_FACTOR).contains(factor) {
            return Err(format!(
                "the factor of an event is {factor}; it must be from 0 to {MAX_FACTOR}"
            ));
        }
    }
    Ok(())
}
