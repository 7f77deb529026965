//! The deployment circuit breaker: how many failures make a rolling deployment FAILED.
//!
//! Counted are tasks that stop before RUNNING and tasks that are replaced after failing health checks (documented:
//! developer guide, "How the Amazon ECS deployment circuit breaker detects failures"), launches that cannot be made
//! (documented: API, `failedTasks`), and tasks that stop by themselves before they were ever healthy (measured).

use super::rolling::percent_of;
use crate::model::service::{BreakerThreshold, CircuitBreaker};

/// Failures at which a deployment has failed.
#[must_use]
pub fn threshold(of: BreakerThreshold, desired: u32) -> u32 {
    match of {
        BreakerThreshold::BoundedPercent(percent) => percent_of(desired, percent).clamp(3, 200),
        BreakerThreshold::UnboundedPercent(percent) => percent_of(desired, percent).max(1),
        BreakerThreshold::Count(count) => count.max(1),
    }
}

/// The failures of one deployment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Breaker {
    config: CircuitBreaker,
    failures: u32,
}

impl Breaker {
    /// No failures yet.
    #[must_use]
    pub fn new(config: CircuitBreaker) -> Self {
        Breaker { config, failures: 0 }
    }

    /// `failedTasks`, as far as they count.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether a failed deployment goes back to the last completed one.
    #[must_use]
    pub fn rolls_back(&self) -> bool {
        self.config.rollback
    }

    /// A task of the deployment failed.
    pub fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// A task of the deployment became healthy.
    pub fn became_healthy(&mut self) {
        if self.config.reset_on_healthy_task {
            self.failures = 0;
        }
    }

    /// Whether the deployment has failed, by the latest desired count.
    #[must_use]
    pub fn is_open(&self, desired: u32) -> bool {
        self.failures >= threshold(self.config.threshold, desired)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_desired_count_at_least_3_at_most_200() {
        for (desired, failures) in [(1, 3), (25, 13), (400, 200), (800, 200)] {
            assert_eq!(threshold(BreakerThreshold::default(), desired), failures);
        }
        assert_eq!(threshold(BreakerThreshold::UnboundedPercent(50), 800), 400);
        assert_eq!(threshold(BreakerThreshold::Count(7), 800), 7);
    }

    #[test]
    fn a_healthy_task_resets_the_count_only_where_it_is_told_to() {
        for (resets, opens) in [(true, false), (false, true)] {
            let mut breaker = Breaker::new(CircuitBreaker {
                rollback: true,
                threshold: BreakerThreshold::default(),
                reset_on_healthy_task: resets,
            });
            breaker.failed();
            breaker.failed();
            breaker.became_healthy();
            breaker.failed();
            assert_eq!(breaker.is_open(1), opens);
            assert!(!breaker.is_open(25), "the latest desired count decides");
        }
    }
}
