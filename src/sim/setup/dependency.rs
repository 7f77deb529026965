//! Outages of what services depend on, kept apart.

use super::FailureKind;
use crate::base::time::SimTime;
use crate::model::ids::ServiceId;
use std::collections::BTreeMap;

/// Outages so far of what each service depends on: begin and end.
#[derive(Default)]
pub struct Outages(BTreeMap<ServiceId, BTreeMap<SimTime, SimTime>>);

impl Outages {
    /// Adds an outage; whether it overlaps one that is there.
    pub fn overlap(&mut self, at: SimTime, kind: &FailureKind) -> bool {
        let FailureKind::DependencyOutage { service, outage } = kind else { return false };
        let (of, end) = (self.0.entry(*service).or_default(), at + outage.lasts);
        // Those that are there do not overlap, so the last one to begin is the last one to end.
        let before = of.range(..=end).next_back().is_some_and(|(_, &over)| at <= over);
        of.insert(at, end);
        before
    }
}
