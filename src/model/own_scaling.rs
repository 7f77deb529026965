//! The seam for a scaling policy from outside the crate: what it sees, and how a scalable target names it.

use super::scaling::{MetricValue, ScalingMetric};
use crate::base::time::SimTime;
use std::fmt;

/// What a policy of one's own sees, once a minute, when CloudWatch shows the minute's points.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Now.
    pub now: SimTime,
    /// The desired count of the service; of an Auto Scaling group its desired capacity, here and below.
    pub desired: u32,
    /// Tasks in RUNNING: those that the points tell of.
    pub running: u32,
    /// `MinCapacity`.
    pub min_capacity: u32,
    /// `MaxCapacity`.
    pub max_capacity: u32,
    /// The newest point that is visible of each metric that the policy [looks at](OwnScaling::metrics), in that order;
    /// `None` where there is none.
    pub metrics: &'a [Option<MetricValue>],
}

impl Seen<'_> {
    /// A metric in its own unit, such as percent; `None` where there is no point.
    #[must_use]
    pub fn metric(&self, index: usize) -> Option<f64> {
        self.metrics.get(index).copied().flatten().map(|value| value.0 as f64 / 1e6)
    }
}

/// A scaling policy from outside the crate. It may remember what it likes in itself; a run makes one for each target.
///
/// What it wants may depend on nothing but what it has seen: then a run is as reproducible as with any other policy. The
/// bounds of its target, a deployment that goes on (no scale-in) and suspended directions hold for it as for any; cooldowns are
/// its own affair.
pub trait ScalingPolicy: Boxed + fmt::Debug + Send {
    /// The count that it wants. [`Seen::desired`]: nothing is to change.
    fn desired(&mut self, seen: &Seen<'_>) -> u32;
}

/// Copies a policy with its memory; there for whatever is `Clone`.
pub trait Boxed {
    /// The copy.
    fn boxed(&self) -> Box<dyn ScalingPolicy>;
}

impl<T: ScalingPolicy + Clone + 'static> Boxed for T {
    fn boxed(&self) -> Box<dyn ScalingPolicy> {
        Box::new(self.clone())
    }
}

impl Clone for Box<dyn ScalingPolicy> {
    fn clone(&self) -> Self {
        (**self).boxed()
    }
}

/// A policy of one's own as a scalable target has it. Equal names are equal policies.
#[derive(Clone, Copy)]
pub struct OwnScaling {
    /// Its name, as in `scaling.csv`.
    pub name: &'static str,
    /// The metrics that it looks at, by 60 s.
    pub metrics: &'static [ScalingMetric],
    /// Makes one, without memory.
    pub make: fn() -> Box<dyn ScalingPolicy>,
}

impl PartialEq for OwnScaling {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for OwnScaling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnScaling({:?})", self.name)
    }
}
