//! Task arrivals drawn from distributions. Equal specifications and seeds give equal rows on every platform.
//!
//! Arrivals, bursts, sizes, durations, counts and failures have a random stream each, so that a change of one
//! leaves the draws of the others alone. A Poisson process with a rate that changes is drawn by thinning: points
//! are proposed at the largest rate of the present stretch of time and kept with the probability that the rate
//! has of it, which is exact (Lewis and Shedler, 1979). Evenly spaced arrivals come each time the integral of
//! the rate has grown by one; the integral is taken in steps of at most a minute.

use super::limits::{MAX_COUNT, MAX_CPU, MAX_MEMORY_MIB};
use super::shape::{self, BurstClock, DAY_S};
use super::stream::{AFTER_END, count_more};
use crate::base::distribution::{Distribution, standard_exponential};
use crate::base::random::{Purpose, Seed, Stream};
use crate::base::time::{MICROS_PER_SECOND, SimTime};
use crate::model::arrival::{RowCounts, TaskRow, TaskStream, TraceProblem};
use crate::model::workload::{GeneratorSpec, RateShape, SizeShare};

/// Largest step of the integral of the rate, seconds.
const STEP_S: f64 = 60.0;
/// Largest mean rate, arrivals per second.
const MAX_RATE: f64 = 1e7;

/// The rows of a [`GeneratorSpec`].
pub(super) struct Generator {
    spec: GeneratorSpec,
    clock: RateClock,
    arrivals: Stream,
    sizes: Stream,
    durations: Stream,
    copies: Stream,
    failures: Stream,
    /// Running sums of the sizes' weights.
    cumulative: Vec<f64>,
    counts: RowCounts,
}

/// Where the process stands, and the rate there.
struct RateClock {
    shape: RateShape,
    bursts: BurstClock,
    /// Seconds since the beginning.
    now: f64,
}

impl Generator {
    /// Checks `spec` and prepares its streams.
    ///
    /// # Errors
    /// A number outside its range.
    pub fn new(spec: &GeneratorSpec, seed: Seed) -> Result<Self, TraceProblem> {
        check(spec).map_err(|text| TraceProblem(format!("generator \"{}\": {text}", spec.name)))?;
        let stream = |part: &str| seed.stream(Purpose::Workload, &format!("{}/{part}", spec.name));
        let bursts = BurstClock::new(spec.rate.bursts.clone(), stream("bursts"));
        let shape = spec.rate.clone();
        let mut sum = 0.0;
        let cumulative = spec.sizes.iter().map(|size| {
            sum += size.weight;
            sum
        });
        Ok(Generator {
            cumulative: cumulative.collect(),
            clock: RateClock { shape, bursts, now: 0.0 },
            arrivals: stream("arrivals"),
            sizes: stream("sizes"),
            durations: stream("durations"),
            copies: stream("counts"),
            failures: stream("failures"),
            spec: spec.clone(),
            counts: RowCounts::default(),
        })
    }

    fn size(&mut self) -> Option<SizeShare> {
        let total = *self.cumulative.last()?;
        let at = self.sizes.unit() * total;
        let index = self.cumulative.partition_point(|&upto| upto <= at);
        Some(self.spec.sizes[index.min(self.spec.sizes.len() - 1)])
    }

    fn row(&mut self, arrival: SimTime) -> TaskRow {
        let size = self.size();
        let duration = self.spec.duration.as_ref().map(|d| d.sample_span(&mut self.durations));
        let count = self.spec.count.sample(&mut self.copies).round();
        let fails = self.spec.failure_ppm > 0
            && self.failures.below(1_000_000) < u64::from(self.spec.failure_ppm);
        TaskRow {
            arrival,
            cpu: size.map(|s| s.cpu),
            memory: size.map(|s| s.memory),
            gpus: size.map(|s| s.gpus).filter(|&gpus| gpus > 0),
            duration,
            count: (count as u32).clamp(1, MAX_COUNT as u32),
            definition: None,
            group: None,
            ephemeral_gib: None,
            exit_code: u8::from(fails),
        }
    }
}

impl TaskStream for Generator {
    fn next_row(&mut self) -> Result<Option<TaskRow>, TraceProblem> {
        if self.spec.limit.is_some_and(|limit| self.counts.used >= limit) {
            return Ok(None);
        }
        let until = self.spec.until.0 as f64 / MICROS_PER_SECOND as f64;
        let next = if self.spec.poisson {
            self.clock.next_poisson(&mut self.arrivals, until)
        } else {
            self.clock.next_even(until)
        };
        let arrival = SimTime((next * MICROS_PER_SECOND as f64).round() as u64);
        if next > until || arrival > self.spec.until {
            return Ok(None);
        }
        self.counts.read += 1;
        self.counts.used += 1;
        Ok(Some(self.row(arrival)))
    }

    fn end(&mut self, untaken: u64) {
        self.counts.used -= untaken;
        count_more(&mut self.counts.skipped, AFTER_END, untaken);
    }

    fn names(&self) -> &[String] {
        &[]
    }

    fn counts(&self) -> &RowCounts {
        &self.counts
    }
}

impl RateClock {
    /// The next Poisson arrival, seconds; beyond `until` where there is none before.
    fn next_poisson(&mut self, stream: &mut Stream, until: f64) -> f64 {
        while self.now <= until {
            let largest = self.flat_rate() * (1.0 + self.shape.daily_depth);
            let end = self.stretch_end();
            let gap = standard_exponential(stream) / largest;
            // The process has no memory: at the end of a stretch it is drawn anew.
            let is_within = self.now + gap < end;
            if !is_within {
                self.go_to(end);
                continue;
            }
            self.now += gap;
            if self.shape.daily_depth == 0.0
                || stream.unit() * (1.0 + self.shape.daily_depth) < self.daily(self.now)
            {
                return self.now;
            }
        }
        f64::INFINITY
    }

    /// The next evenly spaced arrival, seconds; beyond `until` where there is none before.
    fn next_even(&mut self, until: f64) -> f64 {
        let mut missing = 1.0;
        while self.now <= until {
            let end = self.stretch_end();
            let step_end =
                if self.shape.daily_depth == 0.0 { end } else { end.min(self.now + STEP_S) };
            let rate = if self.shape.daily_depth == 0.0 {
                self.flat_rate()
            } else {
                self.flat_rate() * self.daily((self.now + step_end) / 2.0)
            };
            let gap = missing / rate;
            if self.now + gap < step_end {
                self.now += gap;
                return self.now;
            }
            missing -= rate * (step_end - self.now);
            self.go_to(step_end);
        }
        f64::INFINITY
    }

    /// The rate without the daily wave; it does not change before [`RateClock::stretch_end`].
    fn flat_rate(&self) -> f64 {
        let is_weekend = (self.now / DAY_S) as u64 % 7 >= 5;
        let weekly = if is_weekend { self.shape.weekend_factor } else { 1.0 };
        self.shape.per_second * self.bursts.factor() * weekly
    }

    fn daily(&self, at: f64) -> f64 {
        shape::daily(self.shape.daily_depth, self.shape.daily_peak_s, at)
    }

    fn stretch_end(&self) -> f64 {
        let day_end = if self.shape.weekend_factor == 1.0 {
            f64::INFINITY
        } else {
            ((self.now / DAY_S) as u64 + 1) as f64 * DAY_S
        };
        day_end.min(self.bursts.switch_at())
    }

    fn go_to(&mut self, at: f64) {
        self.now = at;
        self.bursts.go_to(at);
    }
}

fn check(spec: &GeneratorSpec) -> Result<(), String> {
    let RateShape { per_second, daily_depth, daily_peak_s, weekend_factor, bursts } = &spec.rate;
    if !(*per_second > 0.0 && *per_second <= MAX_RATE) {
        return Err(format!("the rate is {per_second}; it must be above 0 and at most {MAX_RATE}"));
    }
    shape::check(*daily_depth, *daily_peak_s, *weekend_factor, bursts.as_ref())?;
    if spec.failure_ppm > 1_000_000 {
        return Err(format!("{} failures in a million rows", spec.failure_ppm));
    }
    check_sizes(&spec.sizes)?;
    check_positive("count", &spec.count)?;
    spec.duration.as_ref().map_or(Ok(()), |duration| check_positive("duration", duration))
}

fn check_sizes(sizes: &[SizeShare]) -> Result<(), String> {
    for size in sizes {
        if u64::from(size.cpu) > MAX_CPU || u64::from(size.memory) > MAX_MEMORY_MIB {
            return Err(format!("the size {}:{} is too large", size.cpu, size.memory));
        }
        if !(0.0..=1e12).contains(&size.weight) {
            return Err(format!("the weight {} must be from 0 to 1e12", size.weight));
        }
    }
    if !sizes.is_empty() && sizes.iter().all(|size| size.weight == 0.0) {
        return Err("the weights of the sizes must not all be zero".into());
    }
    Ok(())
}

/// Refuses parameters that are not finite or below zero.
fn check_positive(what: &str, distribution: &Distribution) -> Result<(), String> {
    let in_range = |values: &[f64]| values.iter().all(|v| (0.0..=1e15).contains(v));
    let (is_ordered, is_good) = match distribution {
        Distribution::Constant(value) => (true, in_range(&[*value])),
        Distribution::Uniform { min, max } => (min <= max, in_range(&[*min, *max])),
        Distribution::Exponential { mean } => (true, in_range(&[*mean])),
        Distribution::Normal { mean, sd } => (true, in_range(&[*mean, *sd])),
        Distribution::LogNormal { mean, sigma } => (true, in_range(&[*mean, *sigma])),
        Distribution::Pareto { min, alpha } => (*alpha > 0.0, in_range(&[*min, *alpha])),
        Distribution::Weibull { scale, shape } => (*shape > 0.0, in_range(&[*scale, *shape])),
        Distribution::Empirical { values, .. } => (!values.is_empty(), in_range(values)),
    };
    if is_ordered && is_good {
        Ok(())
    } else {
        Err(format!("the {what} has a parameter out of range"))
    }
}
