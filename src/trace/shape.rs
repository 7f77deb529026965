//! Shapes of a rate over time that generated tasks and generated requests have in common.

use crate::base::distribution::standard_exponential;
use crate::base::random::Stream;
use crate::base::time::LATEST;
use crate::model::workload::Bursts;

/// Seconds in a day.
pub(super) const DAY_S: f64 = 86_400.0;

/// The daily wave at `at_s` seconds on a clock whose zero is a midnight; its mean over a day is 1.
pub(super) fn daily(depth: f64, peak_s: f64, at_s: f64) -> f64 {
    let angle = (at_s - peak_s) / DAY_S * std::f64::consts::TAU;
    1.0 + depth * libm::cos(angle)
}

/// A process that switches between quiet and burst.
pub(super) struct BurstClock {
    shape: Option<Bursts>,
    stream: Stream,
    in_burst: bool,
    /// When the state changes next, seconds.
    switch_at: f64,
}

impl BurstClock {
    /// Quiet at instant zero; quiet for ever without a shape.
    pub fn new(shape: Option<Bursts>, mut stream: Stream) -> Self {
        let switch_at = match &shape {
            Some(shape) => shape.mean_gap_s * standard_exponential(&mut stream),
            None => f64::INFINITY,
        };
        BurstClock { shape, stream, in_burst: false, switch_at }
    }

    /// When the state changes next, seconds.
    pub fn switch_at(&self) -> f64 {
        self.switch_at
    }

    /// The factor of the present state.
    pub fn factor(&self) -> f64 {
        match &self.shape {
            Some(bursts) if self.in_burst => bursts.factor,
            _ => 1.0,
        }
    }

    /// Goes on to `at`, seconds, which is not beyond the next change of state.
    pub fn go_to(&mut self, at: f64) {
        if let Some(bursts) = &self.shape
            && at >= self.switch_at
        {
            self.in_burst = !self.in_burst;
            let mean = if self.in_burst { bursts.mean_length_s } else { bursts.mean_gap_s };
            self.switch_at = at + mean * standard_exponential(&mut self.stream);
        }
    }
}

/// Refuses numbers of a shape that are out of range.
pub(super) fn check(
    daily_depth: f64,
    daily_peak_s: f64,
    weekend_factor: f64,
    bursts: Option<&Bursts>,
) -> Result<(), String> {
    if !(0.0..=1.0).contains(&daily_depth) {
        return Err(format!("the daily depth is {daily_depth}; it must be from 0 to 1"));
    }
    if !(0.0..=DAY_S).contains(&daily_peak_s) {
        return Err(format!("the daily peak is at {daily_peak_s} s; it must be from 0 to 86400"));
    }
    if !(0.0..=1_000.0).contains(&weekend_factor) {
        return Err(format!("the weekend factor is {weekend_factor}; it must be from 0 to 1000"));
    }
    if let Some(Bursts { factor, mean_gap_s, mean_length_s }) = bursts
        && !((0.0..=10_000.0).contains(factor)
            && (1.0..=LATEST.to_secs_f64()).contains(mean_gap_s)
            && (1.0..=LATEST.to_secs_f64()).contains(mean_length_s))
    {
        let ranges = "the factor must be from 0 to 10000, gap and length from 1 s to 100 years";
        return Err(format!("bursts: {ranges}"));
    }
    Ok(())
}
