//! The load balancer of a service, with what Elastic Load Balancing refuses.

use super::Build;
use crate::base::time::SimSpan;
use crate::model::service::{BalancerKind, LoadBalancer, Routing};
use crate::scenario::settings::Settings;
use crate::scenario::units::readable;

/// Shortest slow start (ELB API reference, target group attributes; documented).
const SHORTEST_SLOW_START: SimSpan = SimSpan::from_secs(30);

impl Build<'_> {
    /// The `load_balancer` of a service.
    pub(super) fn balancer(&mut self, service: &Settings) -> Option<LoadBalancer> {
        let settings = service.table("load_balancer")?;
        let network = settings.text("type") == Some("network");
        let least = settings.text("routing") == Some("least_outstanding_requests");
        let slow_start = settings.span("slow_start").unwrap_or_default();
        if network && least {
            let message = "a Network Load Balancer has no routing by outstanding requests";
            self.error(settings.value_place("routing"), message);
        }
        if slow_start > SimSpan::default() {
            let place = settings.value_place("slow_start");
            if slow_start < SHORTEST_SLOW_START {
                let message = "`slow_start` must be 0, or from 30 s to 900 s".to_string();
                self.error(place, message);
            }
            if network {
                self.error(place, "a Network Load Balancer has no slow start");
            } else if least {
                let message = "slow start is not supported with `least_outstanding_requests`";
                self.error(place, message);
            }
        }
        let check = settings.table("health_check");
        let interval = check.and_then(|c| c.span("interval")).unwrap_or(SimSpan::from_secs(30));
        let default_timeout = SimSpan::from_secs(if network { 10 } else { 5 });
        let timeout = check.and_then(|c| c.span("timeout"));
        if let (Some(check), Some(timeout)) = (check, timeout)
            && !network
            && timeout >= interval
        {
            let message = format!(
                "`timeout` {} must be below the `interval` {}",
                readable(timeout),
                readable(interval)
            );
            self.error(check.value_place("timeout"), message);
        }
        let threshold =
            |key: &str, otherwise| check.and_then(|c| c.whole32(key)).unwrap_or(otherwise);
        Some(LoadBalancer {
            kind: if network { BalancerKind::Network } else { BalancerKind::Application },
            routing: if least { Routing::LeastOutstanding } else { Routing::RoundRobin },
            cross_zone: match settings.item("cross_zone") {
                Some(_) => settings.flag("cross_zone"),
                None => !network,
            },
            interval,
            timeout: timeout.unwrap_or(default_timeout.min(interval)),
            healthy_threshold: threshold("healthy_threshold", 5),
            unhealthy_threshold: threshold("unhealthy_threshold", 2),
            initial_checks: settings.whole32("initial_checks").unwrap_or(1),
            registration: settings.span("registration").unwrap_or(SimSpan::from_secs(if network {
                120
            } else {
                0
            })),
            slow_start,
            failover: settings.span("failover").unwrap_or(SimSpan::from_secs(4)),
            deregistration: settings
                .span("deregistration")
                .unwrap_or(SimSpan::from_secs(if network { 120 } else { 0 })),
            deregistration_delay: settings.span("deregistration_delay").unwrap_or_default(),
        })
    }
}
