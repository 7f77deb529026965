//! A time series in bounded memory, for charts: when it is full, neighbours are merged and the step doubles.

use crate::base::time::SimTime;
use crate::model::lifecycle::STATUS_COUNT;

/// What a sample sees: the instant after all events of its instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sample {
    /// When.
    pub at: SimTime,
    /// Registered container instances.
    pub instances: u32,
    /// Of these, without any task.
    pub idle_instances: u32,
    /// Fewest instances of the largest type that could hold the promised tasks (lower bound).
    pub needed_instances: u32,
    /// Tasks by `lastStatus`, STOPPED not counted, EC2 and Fargate together.
    pub tasks: [u32; STATUS_COUNT - 1],
    /// Tasks on Fargate, in any state but STOPPED.
    pub fargate_tasks: u32,
    /// Tasks that wait for placement.
    pub waiting: u64,
    /// Registered CPU units.
    pub registered_cpu: u64,
    /// Promised CPU units.
    pub reserved_cpu: u64,
    /// Registered MiB.
    pub registered_memory: u64,
    /// Promised MiB.
    pub reserved_memory: u64,
    /// CPU units of Fargate tasks.
    pub fargate_cpu: u64,
    /// MiB of Fargate tasks.
    pub fargate_memory: u64,
    /// Spending rate now, nano-dollars an hour.
    pub nano_usd_per_hour: u64,
}

/// At most this many points are kept.
const MOST_POINTS: usize = 2_048;

/// Samples thinned to at most 2,048: of `2^k` neighbours the last is kept.
#[derive(Clone, Debug, Default)]
pub struct Series {
    points: Vec<Sample>,
    /// Samples per kept point.
    stride: u64,
    seen: u64,
    last: Option<Sample>,
}

impl Series {
    /// Adds a sample, later than the one before.
    pub fn push(&mut self, sample: Sample) {
        self.stride = self.stride.max(1);
        if self.seen.is_multiple_of(self.stride) {
            if self.points.len() == MOST_POINTS {
                let mut index = 0;
                self.points.retain(|_| {
                    index += 1;
                    index % 2 == 1
                });
                self.stride *= 2;
            }
            if self.seen.is_multiple_of(self.stride) {
                self.points.push(sample);
            }
        }
        self.seen += 1;
        self.last = Some(sample);
    }

    /// The kept samples in order of time, the newest always among them.
    #[must_use]
    pub fn points(&self) -> Vec<Sample> {
        let mut points = self.points.clone();
        if let Some(last) = self.last.filter(|last| points.last() != Some(last)) {
            points.push(last);
        }
        points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_series_keeps_its_first_and_last_sample_and_stays_small() {
        let mut series = Series::default();
        for i in 0..1_000_001u64 {
            series.push(Sample { at: SimTime(i), ..Sample::default() });
        }
        let points = series.points();
        assert!(points.len() <= MOST_POINTS + 1);
        assert_eq!((points[0].at.0, points[points.len() - 1].at.0), (0, 1_000_000));
        assert!(points.windows(2).all(|pair| pair[0].at < pair[1].at));
    }
}
