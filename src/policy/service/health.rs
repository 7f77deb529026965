//! Instants of health: when checks see that a task works, and when they see that it does not.
//!
//! Each function gives the instant of a transition, so that a simulation has one event for each and none for each
//! check. A check passes from the instant at which the application answers, and fails before it; answers take no
//! time (assumed), and a check that is not answered takes its timeout.
//!
//! Docker runs the first check one interval after the start of the container and the next one interval after the
//! last has ended; one pass makes HEALTHY, `retries` failures in a row make UNHEALTHY, and failures in the start
//! period do not count until a check has passed (documented: Docker, `HEALTHCHECK`). A load balancer checks at a fixed
//! distance, with a phase of its own for each target.

use crate::base::time::{SimSpan, SimTime};
use crate::model::service::{ContainerCheck, LoadBalancer, SchedulerSettings};

/// Health of a task, by one check or by all. The worst one is the largest (documented: UNHEALTHY before UNKNOWN
/// before HEALTHY).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Health {
    /// HEALTHY.
    Healthy,
    /// UNKNOWN: no verdict yet.
    Unknown,
    /// UNHEALTHY.
    Unhealthy,
}

/// The health of a task with these checks; HEALTHY without any.
#[must_use]
pub fn worst(checks: impl IntoIterator<Item = Health>) -> Health {
    checks.into_iter().max().unwrap_or(Health::Healthy)
}

/// How a check fails.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Failing {
    /// At once, such as by a refused connection.
    AtOnce,
    /// Without an answer, at its timeout.
    Hangs,
}

/// The first verdicts on a new task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FirstVerdicts {
    /// UNHEALTHY because the application was not there soon enough; before `healthy_at`, if both happen.
    pub unhealthy_at: Option<SimTime>,
    /// HEALTHY; `None`: never.
    pub healthy_at: Option<SimTime>,
}

/// When a task without any check counts as healthy (documented: 40 s after RUNNING).
#[must_use]
pub fn without_checks(running_at: SimTime, settings: &SchedulerSettings) -> SimTime {
    running_at + settings.healthy_without_checks
}

/// From when unhealthy results are acted upon: `healthCheckGracePeriodSeconds` after RUNNING.
#[must_use]
pub fn grace_ends(running_at: SimTime, grace: SimSpan) -> SimTime {
    running_at + grace
}

/// First verdicts of a container's check. `ready_at`: when the application begins to answer; `None`: never.
#[must_use]
pub fn container_first(
    check: &ContainerCheck,
    started_at: SimTime,
    ready_at: Option<SimTime>,
) -> FirstVerdicts {
    let first = started_at + check.interval;
    let healthy_at = ready_at.map(|ready| check_from(first, check.interval, ready));
    // Failures count once the start period is over.
    let counted = check_from(first, check.interval, started_at + check.start_period);
    let unhealthy = counted + times(check.interval, check.retries.max(1) - 1);
    let unhealthy_at = healthy_at.is_none_or(|healthy| unhealthy < healthy).then_some(unhealthy);
    FirstVerdicts { unhealthy_at, healthy_at }
}

/// When a container that has been HEALTHY and fails from `fails_from` on is seen UNHEALTHY.
#[must_use]
pub fn container_unhealthy_at(
    check: &ContainerCheck,
    started_at: SimTime,
    fails_from: SimTime,
    failing: Failing,
) -> SimTime {
    let takes = takes(failing, check.timeout);
    let first = check_from(started_at + check.interval, check.interval, fails_from);
    first + times(check.interval + takes, check.retries.max(1) - 1) + takes
}

/// First verdicts of a load balancer on a target registered at `registered_at`. `phase`: from when checks could begin
/// to the first one, drawn from 0 to the interval. A target whose first checks fail is unhealthy, and then needs
/// `healthy_threshold` passes in place of `initial_checks`.
#[must_use]
pub fn target_first(
    balancer: &LoadBalancer,
    registered_at: SimTime,
    phase: SimSpan,
    ready_at: Option<SimTime>,
) -> FirstVerdicts {
    let first = registered_at + balancer.registration + phase;
    let unhealthy = first + times(balancer.interval, balancer.unhealthy_threshold.max(1) - 1);
    let first_pass = ready_at.map(|ready| check_from(first, balancer.interval, ready));
    let is_late = first_pass.is_none_or(|pass| unhealthy < pass);
    let passes = if is_late { balancer.healthy_threshold } else { balancer.initial_checks };
    FirstVerdicts {
        unhealthy_at: is_late.then_some(unhealthy),
        healthy_at: first_pass.map(|pass| pass + times(balancer.interval, passes.max(1) - 1)),
    }
}

/// When a healthy target that fails from `fails_from` on is seen unhealthy.
#[must_use]
pub fn target_unhealthy_at(
    balancer: &LoadBalancer,
    registered_at: SimTime,
    phase: SimSpan,
    fails_from: SimTime,
    failing: Failing,
) -> SimTime {
    let first = registered_at + balancer.registration + phase;
    let seen = check_from(first, balancer.interval, fails_from);
    let failures = balancer.unhealthy_threshold.max(1) - 1;
    seen + times(balancer.interval, failures) + takes(failing, balancer.timeout)
}

/// When an unhealthy target that answers from `ready_at` on is healthy again.
#[must_use]
pub fn target_recovers_at(
    balancer: &LoadBalancer,
    registered_at: SimTime,
    phase: SimSpan,
    ready_at: SimTime,
) -> SimTime {
    let first = registered_at + balancer.registration + phase;
    let seen = check_from(first, balancer.interval, ready_at);
    seen + times(balancer.interval, balancer.healthy_threshold.max(1) - 1)
}

/// The first check at `from` or later, of those at `first`, one interval later, and so on.
fn check_from(first: SimTime, interval: SimSpan, from: SimTime) -> SimTime {
    let missed = from.since(first).0.div_ceil(interval.0.max(1));
    first + SimSpan(missed.saturating_mul(interval.0))
}

fn takes(failing: Failing, timeout: SimSpan) -> SimSpan {
    match failing {
        Failing::AtOnce => SimSpan::ZERO,
        Failing::Hangs => timeout,
    }
}

fn times(span: SimSpan, count: u32) -> SimSpan {
    SimSpan(span.0.saturating_mul(u64::from(count)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::service::{BalancerKind, Routing};

    fn s(seconds: u64) -> SimSpan {
        SimSpan::from_secs(seconds)
    }

    fn at(seconds: u64) -> SimTime {
        SimTime::ZERO + s(seconds)
    }

    const CHECK: ContainerCheck = ContainerCheck {
        interval: SimSpan::from_secs(30),
        timeout: SimSpan::from_secs(5),
        retries: 3,
        start_period: SimSpan::ZERO,
    };

    const ALB: LoadBalancer = LoadBalancer {
        kind: BalancerKind::Application,
        routing: Routing::RoundRobin,
        cross_zone: true,
        interval: SimSpan::from_secs(30),
        timeout: SimSpan::from_secs(5),
        healthy_threshold: 5,
        unhealthy_threshold: 2,
        initial_checks: 1,
        registration: SimSpan::ZERO,
        slow_start: SimSpan::ZERO,
        failover: SimSpan::ZERO,
        deregistration: SimSpan::ZERO,
        deregistration_delay: SimSpan::from_secs(300),
    };

    #[test]
    fn without_checks_a_task_counts_40_seconds_after_running() {
        assert_eq!(without_checks(at(100), &SchedulerSettings::default()), at(140));
    }

    #[test]
    fn a_container_is_healthy_at_its_first_check_that_passes() {
        let first = container_first(&CHECK, at(0), Some(at(0)));
        assert_eq!(first, FirstVerdicts { unhealthy_at: None, healthy_at: Some(at(30)) });
        let slow = container_first(&CHECK, at(0), Some(at(95)));
        assert_eq!(slow.unhealthy_at, Some(at(90)), "checks at 30, 60 and 90 s fail");
        assert_eq!(slow.healthy_at, Some(at(120)));
        let patient = ContainerCheck { start_period: s(60), ..CHECK };
        assert_eq!(container_first(&patient, at(0), Some(at(95))).unhealthy_at, None);
        assert_eq!(container_first(&patient, at(0), None).unhealthy_at, Some(at(120)));
    }

    #[test]
    fn a_dead_container_is_detected_within_90_seconds_at_defaults() {
        // Dead right after the check at 300 s: those at 330, 360 and 390 s fail.
        let soon = SimTime(at(300).0 + 1);
        assert_eq!(container_unhealthy_at(&CHECK, at(0), soon, Failing::AtOnce), at(390));
        assert_eq!(container_unhealthy_at(&CHECK, at(0), at(330), Failing::AtOnce), at(390));
        // Checks that hang: 330 to 335, 365 to 370, 400 to 405 s.
        assert_eq!(container_unhealthy_at(&CHECK, at(0), soon, Failing::Hangs), at(405));
    }

    #[test]
    fn a_target_is_healthy_within_one_interval_at_defaults() {
        for phase in [0, 13, 29] {
            let first = target_first(&ALB, at(100), s(phase), Some(at(0)));
            assert_eq!(first.healthy_at, Some(at(100 + phase)));
            assert_eq!(first.unhealthy_at, None);
        }
        let nlb = LoadBalancer { registration: s(120), kind: BalancerKind::Network, ..ALB };
        assert_eq!(target_first(&nlb, at(0), s(0), Some(at(0))).healthy_at, Some(at(120)));
    }

    #[test]
    fn a_late_target_is_unhealthy_first_and_then_needs_the_healthy_threshold() {
        let late = target_first(&ALB, at(0), s(10), Some(at(60)));
        assert_eq!(late.unhealthy_at, Some(at(40)), "checks at 10 and 40 s fail");
        assert_eq!(late.healthy_at, Some(at(70 + 4 * 30)));
    }

    #[test]
    fn a_target_that_fails_is_unhealthy_after_the_unhealthy_threshold() {
        let seen = target_unhealthy_at(&ALB, at(0), s(10), at(71), Failing::AtOnce);
        assert_eq!(seen, at(130), "checks at 100 and 130 s fail");
        let seen = target_unhealthy_at(&ALB, at(0), s(10), at(71), Failing::Hangs);
        assert_eq!(seen, at(135));
        assert_eq!(target_recovers_at(&ALB, at(0), s(10), at(131)), at(160 + 4 * 30));
    }

    #[test]
    fn the_worst_check_is_the_health_of_the_task() {
        use Health::{Healthy, Unhealthy, Unknown};
        assert_eq!(worst([Healthy, Unknown]), Unknown);
        assert_eq!(worst([Unknown, Unhealthy, Healthy]), Unhealthy);
        assert_eq!(worst([]), Healthy);
        assert_eq!(grace_ends(at(10), s(60)), at(70));
    }
}
