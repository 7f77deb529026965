//! A load balancer that is neither late nor slow, for tests of the load alone.

use ecsim::base::time::SimSpan;
use ecsim::model::service::{BalancerKind, LoadBalancer, Routing};

/// An Application Load Balancer with cross-zone routing and the API's health checks.
pub fn balancer(routing: Routing) -> LoadBalancer {
    LoadBalancer {
        kind: BalancerKind::Application,
        routing,
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
    }
}
