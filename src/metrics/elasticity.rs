//! How well the number of tasks follows the load: the elasticity metrics of the field, as exact integrals.
//!
//! Definitions (Herbst, Kounev, Reussner, "Elasticity in Cloud Computing", ICAC 2013; taken up by the SPEC Research
//! Group in "Ready for Rain? A View from SPEC Research on the Future of Cloud Metrics", SPEC-RG-2016-01), with d(t) the
//! tasks that the load needs, s(t) the healthy tasks, and T the time that was measured:
//!
//! | Metric | Definition |
//! | --- | --- |
//! | under-provisioning accuracy | ∫ max(0, d − s) dt ÷ T, tasks |
//! | over-provisioning accuracy | ∫ max(0, s − d) dt ÷ T, tasks |
//! | under-provisioning time share | time with d > s ÷ T |
//! | over-provisioning time share | time with s > d ÷ T |
//!
//! Both functions are piecewise constant, so that the integrals are sums of whole numbers: task-microseconds.

use super::service::Elasticity;
use crate::base::time::SimTime;

/// Integrates the tasks that a service needs against those it has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ElasticityMeter {
    /// Since when these hold: needed and healthy tasks. `None` before the first.
    now: Option<(SimTime, u64, u64)>,
    under: u128,
    over: u128,
    under_time: u64,
    over_time: u64,
    time: u64,
}

impl ElasticityMeter {
    /// From `at` on `needed` tasks are needed and `healthy` ones are there; what was pushed before held until `at`.
    ///
    /// # Panics
    /// Where `at` is earlier than the push before.
    pub fn push(&mut self, at: SimTime, needed: u64, healthy: u64) {
        if let Some((since, before, there)) = self.now
            && (before, there) == (needed, healthy)
        {
            assert!(since <= at, "time does not go back");
            return; // it goes on, and its integral is taken when it ends
        }
        self.close(at);
        self.now = Some((at, needed, healthy));
    }

    /// What was measured until `end`; `None` where no time went by.
    ///
    /// # Panics
    /// Where `end` is earlier than the last push.
    #[must_use]
    pub fn finish(mut self, end: SimTime) -> Option<Elasticity> {
        self.close(end);
        if self.time == 0 {
            return None;
        }
        let time = self.time as f64;
        Some(Elasticity {
            under_tasks: self.under as f64 / time,
            over_tasks: self.over as f64 / time,
            under_time_percent: 100.0 * self.under_time as f64 / time,
            over_time_percent: 100.0 * self.over_time as f64 / time,
        })
    }

    fn close(&mut self, at: SimTime) {
        let Some((since, needed, healthy)) = self.now else { return };
        assert!(since <= at, "time does not go back");
        let span = at.since(since).0;
        self.time += span;
        self.under += u128::from(needed.saturating_sub(healthy)) * u128::from(span);
        self.over += u128::from(healthy.saturating_sub(needed)) * u128::from(span);
        self.under_time += if needed > healthy { span } else { 0 };
        self.over_time += if healthy > needed { span } else { 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(s: u64) -> SimTime {
        SimTime(s * 1_000_000)
    }

    #[test]
    fn elasticity_is_that_of_an_example_worked_by_hand() {
        // From 10 s: needs 4, has 2: 2 too few for 30 s. From 40 s: needs 4, has 4: right for 20 s.
        // From 60 s: needs 1, has 4: 3 too many for 40 s. From 100 s: needs 0, has 1: 1 too many for 10 s. T = 100 s.
        let mut meter = ElasticityMeter::default();
        for (at, needed, healthy) in [(10, 4, 2), (40, 4, 4), (60, 1, 4), (100, 0, 1)] {
            meter.push(second(at), needed, healthy);
        }
        let found = meter.finish(second(110)).unwrap();
        let expected = Elasticity {
            under_tasks: 0.6,         // 2 · 30 ÷ 100
            over_tasks: 1.3,          // (3 · 40 + 1 · 10) ÷ 100
            under_time_percent: 30.0, // 30 ÷ 100
            over_time_percent: 50.0,  // (40 + 10) ÷ 100
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn the_last_word_at_an_instant_counts() {
        let mut meter = ElasticityMeter::default();
        meter.push(second(0), 9, 0);
        meter.push(second(0), 1, 1);
        assert_eq!(meter.finish(second(5)), Some(Elasticity::default()));
    }

    #[test]
    fn without_time_there_is_no_elasticity() {
        assert_eq!(ElasticityMeter::default().finish(second(5)), None);
        let mut meter = ElasticityMeter::default();
        meter.push(second(5), 1, 2);
        assert_eq!(meter.finish(second(5)), None);
    }
}
