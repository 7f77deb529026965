//! The health checks of a service's tasks, taken together: a task is as healthy as its worst check.

use crate::base::time::{SimSpan, SimTime};
use crate::model::service::{ContainerCheck, LoadBalancer};
use crate::policy::service::health::{self, Failing, FirstVerdicts};
use crate::sim::services::Next;

/// The checks of a deployment's tasks.
#[derive(Clone, Copy, Debug)]
pub struct Checks {
    /// The container's.
    pub container: Option<ContainerCheck>,
    /// The load balancer's.
    pub balancer: Option<LoadBalancer>,
    /// Without any: healthy so long after RUNNING.
    pub healthy_without_checks: SimSpan,
}

impl Checks {
    /// Whether there is any.
    pub fn are_there(&self) -> bool {
        self.container.is_some() || self.balancer.is_some()
    }

    /// The distance of checks, from which each task draws where its own stand.
    pub fn interval(&self) -> SimSpan {
        let balancer = self.balancer.map(|b| b.interval);
        balancer.or(self.container.map(|c| c.interval)).unwrap_or(SimSpan::ZERO)
    }

    /// How long the quickest of them waits for an answer.
    pub fn timeout(&self) -> Option<SimSpan> {
        let all = [self.balancer.map(|b| b.timeout), self.container.map(|c| c.timeout)];
        all.into_iter().flatten().min()
    }

    /// When a task that became RUNNING at `started` and answers from `ready` on (`None`: never) counts as healthy, and
    /// when it is first seen unhealthy, if that comes first; results before `grace` are ignored.
    pub fn first(
        &self,
        started: SimTime,
        ready: Option<SimTime>,
        phase: SimSpan,
        grace: SimTime,
    ) -> (Option<SimTime>, Option<(SimTime, Next)>) {
        if !self.are_there() {
            let at = started + self.healthy_without_checks;
            let at = ready.map_or(at, |ready| at.max(ready));
            return (Some(at), Some((at, Next::Healthy)));
        }
        let container = self.container.map(|c| health::container_first(&c, started, ready));
        let target = self.balancer.map(|b| health::target_first(&b, started, phase, ready));
        let verdicts: Vec<FirstVerdicts> = [container, target].into_iter().flatten().collect();
        let passes: Option<Vec<SimTime>> = verdicts.iter().map(|v| v.healthy_at).collect();
        let healthy = passes.and_then(|all| all.into_iter().max());
        let seen = verdicts.iter().filter_map(|v| v.unhealthy_at).min().map(|at| at.max(grace));
        let next = match (healthy, seen) {
            (Some(healthy), Some(seen)) if seen < healthy => Some((seen, Next::Unhealthy)),
            (Some(healthy), _) => Some((healthy, Next::Healthy)),
            (None, Some(seen)) => Some((seen, Next::Unhealthy)),
            (None, None) => None,
        };
        (healthy, next)
    }

    /// When a healthy task that hangs from `bad` on is seen unhealthy; [`SimTime::NEVER`] without checks.
    pub fn unhealthy_at(
        &self,
        started: SimTime,
        bad: SimTime,
        phase: SimSpan,
        grace: SimTime,
    ) -> SimTime {
        let container = self
            .container
            .map(|c| health::container_unhealthy_at(&c, started, bad, Failing::Hangs));
        let target = self
            .balancer
            .map(|b| health::target_unhealthy_at(&b, started, phase, bad, Failing::Hangs));
        let first = [container, target].into_iter().flatten().min();
        first.map_or(SimTime::NEVER, |at| at.max(grace))
    }

    /// When an unhealthy task that answers again from `ready` on is healthy.
    pub fn recovers_at(&self, started: SimTime, ready: SimTime, phase: SimSpan) -> SimTime {
        let target = self.balancer.map(|b| health::target_recovers_at(&b, started, phase, ready));
        let container = self.container.map(|c| ready + c.interval);
        [container, target].into_iter().flatten().max().unwrap_or(ready)
    }
}
