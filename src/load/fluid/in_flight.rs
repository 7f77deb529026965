//! What a target works on, and what is left of it when nothing more arrives: lost when the task stops.

use crate::base::time::SimSpan;
use crate::load::queueing::{POINTS, slice_weight};

/// Requests in flight at a target.
#[derive(Clone, Copy, Default)]
pub(in crate::load) struct InFlight {
    /// Requests per second that it got.
    pub rate: f64,
    /// How long they take, microseconds.
    pub points: [f64; POINTS],
    /// None is older than this, microseconds.
    pub most: f64,
}

impl InFlight {
    /// Those that are not answered when nothing has arrived for `span`, millionths: of each point the requests that came
    /// within its latency.
    pub fn after(&self, span: SimSpan) -> u64 {
        let left = |(point, micros): (usize, &f64)| {
            (micros.min(self.most + span.0 as f64) - span.0 as f64).max(0.0)
                * slice_weight(point) as f64
                / 1e3
        };
        (self.rate * self.points.iter().enumerate().map(left).sum::<f64>()) as u64
    }
}
