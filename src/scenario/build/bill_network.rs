//! What the network costs: load balancers, gateways, transfer, and how the bytes of each asker leave.

use super::Build;
use crate::base::id::{Column, Id as _};
use crate::base::time::SimSpan;
use crate::model::ids::{ServiceId, SourceId, ZoneId};
use crate::model::network::{Route, TaskNetwork};
use crate::model::service::BalancerKind;
use crate::pricing::balancer::{
    APPLICATION, APPLICATION_MUTUAL_TLS, CapacityUnit, NETWORK_TCP, NETWORK_TLS, NETWORK_UDP,
};
use crate::scenario::diagnostic::quoted;
use crate::scenario::settings::Settings;
use crate::sim::setup::{
    AskerBill, BalancedService, BalancerSetup, Bytes, Exit, GatewaySetup, ServiceSetup,
    TransferSetup, VolumeShape,
};

/// Interface endpoints that tasks need to start without another way out: ecr.api, ecr.dkr, logs (documented).
const NEEDED_ENDPOINTS: u32 = 3;

impl Build<'_> {
    /// The load balancers of services, in the order in which they are named first.
    pub(super) fn balancers(&mut self, root: &Settings) -> Vec<BalancerSetup> {
        let mut all: Vec<(BalancerSetup, Vec<ZoneId>)> = Vec::new();
        for settings in root.tables("service") {
            let Some(table) = settings.table("load_balancer") else { continue };
            let Some(&service) =
                settings.text("name").and_then(|name| self.service_names.get(name))
            else {
                continue;
            };
            self.check_balancer_keys(table);
            // A service with a mistake of its own has a name, and nothing behind it.
            let Some(setup) = self.services.get(service.index()) else { continue };
            let mut new = self.balancer_of(table, service, setup);
            let cluster = &self.clusters[setup.cluster.index()];
            let zones = setup.zones.clone().unwrap_or_else(|| cluster.zones.clone());
            let known = all.iter_mut().find(|(known, _)| known.name == new.name);
            let Some((known, of_known)) = known else {
                all.push((new, zones));
                continue;
            };
            let alike = |of: &BalancerSetup| (of.is_network, of.unit, of.is_public);
            if alike(known) != alike(&new) {
                let message = format!(
                    "the load balancer {} has another type, scheme or protocol in an earlier service",
                    quoted(&new.name)
                );
                let help = "give it another `name`, or the same `type`, `scheme`, `protocol` and `mutual_tls`";
                self.error_with_help(table.value_place("name"), message, help);
                continue;
            }
            known.services.append(&mut new.services);
            of_known.extend(zones);
        }
        let with_zones = all.into_iter().map(|(of, mut zones)| {
            zones.sort_unstable();
            zones.dedup();
            BalancerSetup { zones: count(zones.len()), ..of }
        });
        with_zones.collect()
    }

    fn check_balancer_keys(&mut self, table: &Settings) {
        let is_network = table.text("type") == Some("network");
        let wrong: &[&str] = if is_network { &["rules", "mutual_tls"] } else { &["protocol"] };
        // The default may be written out, as a resolved scenario does.
        let is_default = |key: &str| match key {
            "rules" => table.whole32(key) == Some(1),
            "mutual_tls" => !table.flag(key),
            _ => table.text(key) == Some("TCP"),
        };
        for key in wrong.iter().filter(|key| table.is_given(key) && !is_default(key)) {
            let (kind, other) = match is_network {
                true => ("a Network Load Balancer", "application"),
                false => ("an Application Load Balancer", "network"),
            };
            let message = format!("{kind} has no `{key}`");
            let help = format!("leave it out, or set `type = \"{other}\"`");
            self.error_with_help(table.place_of(key), message, help);
        }
    }

    fn balancer_of(
        &self,
        table: &Settings,
        service: ServiceId,
        setup: &ServiceSetup,
    ) -> BalancerSetup {
        let is_network = setup.balancer.as_ref().is_some_and(|of| of.kind == BalancerKind::Network);
        let item = if is_network { "nlb" } else { "alb" };
        BalancerSetup {
            name: table.text("name").unwrap_or(&setup.name).to_string(),
            is_network,
            unit: unit_of(table, is_network),
            zones: 0,
            is_public: table.text("scheme") != Some("internal"),
            services: vec![BalancedService {
                service,
                rules: table.whole32("rules").unwrap_or(1),
                requests_per_connection: table.whole32("requests_per_connection").unwrap_or(1),
                connection: table.span("connection_duration").unwrap_or(SimSpan::from_secs(60)),
                cross_zone: setup.balancer.as_ref().is_some_and(|of| of.cross_zone),
            }],
            rate: self.side_rate(item),
            unit_rate: self.side_rate(&format!("{item}_lcu")),
        }
    }

    /// Zones with a subnet that leads there.
    fn zones_with(&self, route: Route) -> u32 {
        let subnets = self.network.iter().flat_map(|plan| plan.setup.subnets.iter());
        let mut zones: Vec<ZoneId> =
            subnets.filter(|subnet| subnet.route == route).map(|subnet| subnet.zone).collect();
        zones.sort_unstable();
        zones.dedup();
        count(zones.len())
    }

    /// NAT gateways and interface endpoints; `None` where there are none.
    pub(super) fn gateways(&self, settings: &Settings) -> [Option<GatewaySetup>; 2] {
        let needed =
            [self.zones_with(Route::Nat), NEEDED_ENDPOINTS * self.zones_with(Route::Endpoints)];
        let of = |key: &str, item: &str, needed: u32| {
            let (rate, gb) = (self.side_rate(item), self.side_rate(&format!("{item}_gb")));
            let gateway = GatewaySetup { count: settings.whole32(key).unwrap_or(needed), rate, gb };
            (gateway.count > 0).then_some(gateway)
        };
        [
            of("nat_gateways", "nat_gateway", needed[0]),
            of("vpc_endpoints", "vpc_endpoint", needed[1]),
        ]
    }

    /// Prices of transfer.
    pub(super) fn transfer(&self, settings: &Settings) -> Option<TransferSetup> {
        settings.flag("transfer").then(|| TransferSetup {
            zone_gb: self.side_rate("zone_gb"),
            internet_gb: [1, 2, 3, 4].map(|tier| self.side_rate(&format!("internet_gb_{tier}"))),
            free_gb: settings.whole32("internet_free_gb").unwrap_or(0),
        })
    }

    /// What is billed of callers, then of services.
    pub(super) fn askers(
        &self,
        root: &Settings,
        gateways: [bool; 2],
    ) -> Column<SourceId, AskerBill> {
        let callers = self.sources.iter().map(|of| (&of.network, of.cluster, &of.zones));
        let services = self.services.iter().map(|of| (&of.network, of.cluster, &of.zones));
        let asker =
            |(network, cluster, zones): (_, crate::model::ids::ClusterId, &Option<Vec<ZoneId>>)| {
                let of_cluster = self.clusters[cluster.index()].zones.len();
                let zones = zones.as_ref().map_or(of_cluster, Vec::len);
                AskerBill {
                    exit: self.exit(network, gateways),
                    zones: count(zones),
                    ..AskerBill::default()
                }
            };
        let mut askers: Vec<AskerBill> = callers.chain(services).map(asker).collect();
        let first = self.sources.len();
        for settings in root.tables("run_task") {
            let name = settings.text("name").unwrap_or_default();
            let index = self.sources.iter().position(|source| source.name == name);
            index.into_iter().for_each(|index| moves(&mut askers[index], settings));
        }
        for settings in root.tables("service") {
            let id = settings.text("name").and_then(|name| self.service_names.get(name));
            let asker = id.and_then(|id| askers.get_mut(first + id.index()));
            asker.into_iter().for_each(|asker| moves(asker, settings));
        }
        askers.into_iter().collect()
    }

    /// How bytes leave: as the subnets say; without a network by the NAT gateways or endpoints that the bill has.
    fn exit(&self, network: &TaskNetwork, [nat, endpoints]: [bool; 2]) -> Exit {
        if let Some(plan) = &self.network {
            let mut routes = network.subnets.iter().map(|id| plan.setup.subnets[*id].route);
            let all =
                || plan.setup.subnets.iter().map(|subnet| subnet.route).max_by_key(|r| rank(*r));
            return match routes.next().or_else(all) {
                Some(Route::Nat) if nat => Exit::Nat,
                Some(Route::Endpoints) if endpoints => Exit::Endpoints,
                _ => Exit::Free,
            };
        }
        match (nat && !network.public_ip, endpoints) {
            (true, _) => Exit::Nat,
            (false, true) => Exit::Endpoints,
            (false, false) => Exit::Free,
        }
    }
}

/// Of subnets that tasks do not choose among: those by which most leaves.
fn rank(route: Route) -> u8 {
    match route {
        Route::Nat => 3,
        Route::Endpoints => 2,
        Route::InternetGateway => 1,
        Route::Nowhere => 0,
    }
}

pub(super) fn count(number: usize) -> u32 {
    u32::try_from(number).expect("fewer than 2^32 zones")
}

fn unit_of(table: &Settings, is_network: bool) -> CapacityUnit {
    match (is_network, table.text("protocol")) {
        (false, _) if table.flag("mutual_tls") => APPLICATION_MUTUAL_TLS,
        (false, _) => APPLICATION,
        (true, Some("UDP")) => NETWORK_UDP,
        (true, Some("TLS")) => NETWORK_TLS,
        (true, _) => NETWORK_TCP,
    }
}

fn moves(asker: &mut AskerBill, settings: &Settings) {
    asker.volume = settings.table("ebs_volume").map(volume_shape);
    let Some(table) = settings.table("bytes") else { return };
    let of = |key| table.whole(key).unwrap_or(0);
    asker.bytes = Bytes {
        request: of("request"),
        response: of("response"),
        peers: of("peers"),
        sent: of("sent"),
        received: of("received"),
        endpoints: of("endpoints"),
        logs: of("logs"),
        logs_per_task_hour: of("logs_per_task_hour"),
    };
}

/// An EBS volume.
pub(super) fn volume_shape(table: &Settings) -> VolumeShape {
    let above = |key, held: u32| table.whole32(key).unwrap_or(held).saturating_sub(held);
    VolumeShape {
        gb: table.whole32("size_gib").unwrap_or(0),
        more_iops: above("iops", 3_000),
        more_mbps: above("throughput", 125),
    }
}
