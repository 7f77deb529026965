//! For tests of the load alone: a load balancer that is neither late nor slow, and traffic that the test makes itself.

use ecsim::base::time::SimSpan;
use ecsim::model::service::{BalancerKind, LoadBalancer, Routing};
use ecsim::model::traffic::{RateGenerator, RateOrigin, RateSource};

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

/// A source that nobody reads: the test hands the load a stream of its own.
pub fn no_traffic() -> RateSource {
    let generator = RateGenerator {
        name: "unused".into(),
        per_second: 0.0,
        daily_depth: 0.0,
        daily_peak_s: 0.0,
        weekend_factor: 1.0,
        events: Vec::new(),
        poisson: false,
        noise_sigma: 0.0,
        bursts: None,
        step: SimSpan::from_secs(60),
    };
    RateSource {
        origin: RateOrigin::Generated(generator),
        scale_ppm: 1_000_000,
        shift: SimSpan::ZERO,
        resample: None,
    }
}
