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
