//! The network: subnets, and which of them tasks and instances may use.

use super::{Build, NetworkPlan};
use crate::base::id::{Column, Id as _};
use crate::model::definition::NetworkMode;
use crate::model::ids::{ClusterId, DefinitionId, ProviderId, SubnetId, ZoneId};
use crate::model::network::{Cidr, Route, Subnet, TaskNetwork};
use crate::model::platform::Purchase;
use crate::scenario::diagnostic::{quoted, suggestion};
use crate::scenario::settings::Settings;
use crate::scenario::tree::Place;
use crate::sim::cluster::{Network, set_subnet};
use crate::sim::setup::{AccessSetup, NetworkSetup};
use std::collections::BTreeMap;

/// Prefixes that a subnet may have (VPC user guide; documented).
const PREFIXES: std::ops::RangeInclusive<u8> = 16..=28;

/// How long what cannot be had is asked for.
pub(super) fn access(root: &Settings) -> AccessSetup {
    let or = AccessSetup::default();
    let Some(settings) = root.table("network") else { return or };
    AccessSetup {
        unreachable: settings.span("unreachable_after").unwrap_or(or.unreachable),
        denied: settings.span("access_denied_after").unwrap_or(or.denied),
    }
}

impl Build<'_> {
    /// Reads the subnets, before anything that uses them.
    pub(super) fn read_network(&mut self, root: &Settings) {
        let Some(settings) = root.table("network") else { return };
        let mut taken = BTreeMap::new();
        let mut found: Vec<(Subnet, Place)> = Vec::new();
        for table in settings.tables("subnets") {
            if let Some(subnet) = self.read_subnet(table, &mut taken) {
                let place = table.value_place("cidr");
                let other = found.iter().find(|(known, _)| known.cidr.overlaps(subnet.cidr));
                if let Some((other, _)) = other {
                    let message = format!(
                        "the block {} overlaps {} of the subnet {}",
                        subnet.cidr,
                        other.cidr,
                        quoted(&other.id)
                    );
                    self.error(place, message);
                }
                found.push((subnet, place));
            }
        }
        if settings.tables("subnets").next().is_none() {
            self.error(settings.place, "`[network]` needs at least one of `subnets`");
        }
        self.network = Some(NetworkPlan {
            places: Vec::new(),
            running: BTreeMap::new(),
            setup: NetworkSetup {
                subnets: found.into_iter().map(|(subnet, _)| subnet).collect(),
                of_provider: Column::new(),
                avoids_full: settings.text("full_subnets") != Some("picked"),
            },
        });
    }

    fn read_subnet(
        &mut self,
        table: &Settings,
        taken: &mut BTreeMap<String, Place>,
    ) -> Option<Subnet> {
        let (id, zone, cidr) =
            (table.text("id")?, table.text("availability_zone")?, table.text("cidr")?);
        let is_free = self.take_name(taken, id, table.value_place("id"), "subnet");
        let zone = self.zone(zone, table.value_place("availability_zone"));
        let place = table.value_place("cidr");
        let Some(block) = Cidr::parse(cidr) else {
            let help = "an address and the length of its prefix, such as `10.0.1.0/24`";
            self.error_with_help(place, format!("{} is no IPv4 block", quoted(cidr)), help);
            return None;
        };
        if !PREFIXES.contains(&block.prefix()) {
            let message = format!("a subnet cannot be a /{}: AWS takes /16 to /28", block.prefix());
            let help = "a /28 has 11 addresses to give out, a /24 has 251";
            self.error_with_help(place, message, help);
            return None;
        }
        let used = table.whole32("used_addresses").unwrap_or(0);
        if used > block.usable() {
            let message = format!(
                "`used_addresses` {used} is more than the {} that {block} has to give out",
                block.usable()
            );
            self.error(table.value_place("used_addresses"), message);
        }
        let route = table.text("route").unwrap_or_default();
        let route = Route::ALL.into_iter().find(|known| known.name() == route);
        let route = route.unwrap_or(Route::Nat);
        let subnet = Subnet { id: id.to_string(), zone: zone?, cidr: block, route, used };
        is_free.then_some(subnet)
    }

    /// The subnets of a cluster: its own, or those of the network in its zones.
    pub(super) fn subnets_of_cluster(
        &mut self,
        settings: &Settings,
        zones: &[ZoneId],
    ) -> Vec<(String, ZoneId)> {
        let Some(network) = &self.network else { return self.read_subnets(settings) };
        let all = network.setup.subnets.iter();
        let own = all.filter(|subnet| zones.contains(&subnet.zone));
        let own: Vec<(String, ZoneId)> =
            own.map(|subnet| (subnet.id.clone(), subnet.zone)).collect();
        if settings.is_given("subnets") {
            let message = "`subnets` of a cluster and `[network]` exclude each other";
            let help = "`[network]` has the subnets of all clusters";
            self.error_with_help(settings.place_of("subnets"), message, help);
        }
        let bare = zones.iter().find(|zone| !own.iter().any(|(_, of)| of == *zone));
        if let Some(&zone) = bare {
            let message = format!("`[network]` has no subnet in {}", self.zones[zone]);
            let place = match settings.is_given("availability_zones") {
                true => settings.value_place("availability_zones"),
                false => settings.place,
            };
            self.error(place, message);
        }
        own
    }

    /// The zones of a cluster that names none: those of the network's subnets, if there is a network.
    pub(super) fn network_zones(&self) -> Vec<ZoneId> {
        let mut zones = Vec::new();
        for subnet in self.network.iter().flat_map(|network| network.setup.subnets.iter()) {
            if !zones.contains(&subnet.zone) {
                zones.push(subnet.zone);
            }
        }
        zones
    }

    fn subnet_called(&self, id: &str) -> Option<SubnetId> {
        let subnets = &self.network.as_ref()?.setup.subnets;
        subnets.enumerate().find(|(_, subnet)| subnet.id == id).map(|(id, _)| id)
    }

    /// The subnets of one who asks for tasks, in these zones; `None`: in all of its cluster's.
    pub(super) fn task_network(
        &mut self,
        settings: &Settings,
        cluster: ClusterId,
        zones: Option<&[ZoneId]>,
        (fargate, definition): (bool, Option<DefinitionId>),
    ) -> TaskNetwork {
        self.check_task_network(settings, fargate, definition);
        let mut ids: Vec<SubnetId> =
            settings.texts("subnets").filter_map(|(id, _)| self.subnet_called(id)).collect();
        if !settings.is_given("subnets") {
            let own = self.clusters[cluster.index()].subnets.iter();
            let used = own.filter(|(_, zone)| zones.is_none_or(|zones| zones.contains(zone)));
            ids = used.filter_map(|(id, _)| self.subnet_called(id)).collect();
        }
        if settings.is_given("assign_public_ip") && self.network.is_none() {
            let message = "`assign_public_ip` without `[network]`";
            let help = "`[[network.subnets]]` says where routes lead";
            self.error_with_help(settings.place_of("assign_public_ip"), message, help);
        }
        let zones = if settings.is_given("availability_zones") { zones } else { None };
        for &zone in zones.filter(|_| self.network.is_some()).into_iter().flatten() {
            let own = &self.clusters[cluster.index()];
            if !own.subnets.iter().any(|(_, of)| *of == zone) {
                let message = format!(
                    "`[network]` has no subnet of the cluster {} in {}",
                    quoted(&own.name),
                    self.zones[zone]
                );
                self.error(settings.value_place("availability_zones"), message);
            }
        }
        TaskNetwork { subnets: ids, public_ip: settings.flag("assign_public_ip") }
    }

    /// Keys of an `awsvpcConfiguration` that ECS would refuse, or that would say nothing.
    fn check_task_network(
        &mut self,
        settings: &Settings,
        fargate: bool,
        definition: Option<DefinitionId>,
    ) {
        if self.network.is_none() {
            return;
        }
        if settings.flag("assign_public_ip") && !fargate {
            let message = "`assign_public_ip` is for Fargate alone";
            let help = "tasks on instances reach what the subnet of their instance reaches";
            self.error_with_help(settings.place_of("assign_public_ip"), message, help);
        }
        if !settings.is_given("subnets") {
            return;
        }
        let of = definition.and_then(|id| self.definitions.get(id.index()));
        if of.is_some_and(|of| of.definition.network_mode != NetworkMode::Awsvpc) {
            let message = "`subnets` of tasks without `network_mode = \"awsvpc\"`";
            let help = "they have no interface of their own: ECS refuses a network configuration";
            self.error_with_help(settings.place_of("subnets"), message, help);
        }
        let listed: Vec<(String, Place)> =
            settings.texts("subnets").map(|(id, place)| (id.to_string(), place)).collect();
        for (at, (id, place)) in listed.iter().enumerate() {
            if listed[..at].iter().any(|(known, _)| known == id) {
                self.error(*place, "the subnet is listed twice");
            }
        }
    }

    /// The zones of these subnets, where there is a network.
    pub(super) fn zones_of(&self, subnets: Option<&[SubnetId]>) -> Option<Vec<ZoneId>> {
        let (plan, subnets) = (self.network.as_ref()?, subnets?);
        let mut zones = Vec::new();
        for &id in subnets {
            let zone = plan.setup.subnets[id].zone;
            if !zones.contains(&zone) {
                zones.push(zone);
            }
        }
        Some(zones)
    }

    /// The subnets that a capacity provider names for its instances; `None` where it names none.
    pub(super) fn provider_subnets(&mut self, settings: &Settings) -> Option<Vec<SubnetId>> {
        if !settings.is_given("subnets") {
            return None;
        }
        let place = settings.value_place("subnets");
        let Some(plan) = &self.network else {
            let message = "`subnets` of a capacity provider without `[network]`";
            let help = "declare them with their blocks in `[[network.subnets]]`";
            self.error_with_help(settings.place_of("subnets"), message, help);
            return None;
        };
        let names: Vec<String> =
            plan.setup.subnets.iter().map(|subnet| subnet.id.clone()).collect();
        if settings.is_given("availability_zones") {
            let message = "`availability_zones` and `subnets` exclude each other";
            self.error(settings.place_of("availability_zones"), message);
        }
        let mut ids = Vec::new();
        let listed: Vec<(String, Place)> =
            settings.texts("subnets").map(|(id, place)| (id.to_string(), place)).collect();
        for (id, place) in listed {
            match self.subnet_called(&id) {
                Some(id) if ids.contains(&id) => self.error(place, "the subnet is listed twice"),
                Some(id) => ids.push(id),
                None => {
                    let help = suggestion(&id, names.iter().map(String::as_str));
                    self.error_with_help(place, format!("unknown subnet {}", quoted(&id)), help);
                }
            }
        }
        if settings.is_empty_list("subnets") {
            self.error(place, "`subnets` needs at least one subnet");
        }
        Some(ids)
    }

    /// Takes in the subnets of the provider that is read now, which may be its own.
    pub(super) fn network_of_provider(
        &mut self,
        own: Option<Vec<SubnetId>>,
        zones: &[ZoneId],
        place: Place,
    ) {
        let Some(plan) = &mut self.network else { return };
        let all = plan.setup.subnets.enumerate();
        let in_zones = all.filter(|(_, subnet)| zones.contains(&subnet.zone)).map(|(id, _)| id);
        let ids = own.unwrap_or_else(|| in_zones.collect());
        let is_dead_end = |id: &&SubnetId| plan.setup.subnets[**id].route == Route::Nowhere;
        let dead_end = ids.iter().find(is_dead_end).map(|&id| plan.setup.subnets[id].id.clone());
        plan.setup.of_provider.push(ids);
        plan.places.push(place);
        if let Some(id) = dead_end {
            let message = format!(
                "instances in the subnet {} can never register: it leads nowhere, and so not to ECS",
                quoted(&id)
            );
            let help =
                "name other `subnets` for the capacity provider, or give this one another `route`";
            self.error_with_help(place, message, help);
        }
    }

    /// The first subnet of a provider in a zone.
    pub(super) fn first_subnet(&self, provider: ProviderId, zone: ZoneId) -> Option<&Subnet> {
        let plan = self.network.as_ref()?;
        let mut own =
            plan.setup.of_provider.get(provider)?.iter().map(|&id| &plan.setup.subnets[id]);
        own.find(|subnet| subnet.zone == zone)
    }

    /// The instances that are there from the beginning get their addresses.
    pub(super) fn give_first_addresses(&mut self) {
        let Some(plan) = &self.network else { return };
        let mut network = Network::new(plan.setup.clone());
        let mut short: BTreeMap<ProviderId, (ZoneId, u32)> = BTreeMap::new();
        for instance in &mut self.instances {
            let (provider, zone) = (instance.registration.provider, instance.registration.zone);
            if self.providers[provider].purchase == Purchase::External {
                continue; // they are in no VPC
            }
            let Some(id) = network.for_instance(provider, zone) else {
                short.entry(provider).or_insert((zone, 0)).1 += 1;
                continue;
            };
            network.take_for_good(id);
            instance.subnet = Some(id);
            set_subnet(&mut instance.registration, &network.subnet(id).id);
        }
        let places = plan.places.clone();
        for (provider, (zone, count)) in short {
            let message = format!(
                "{count} instances of the capacity provider {} find no address in its subnets in {}",
                quoted(&self.providers[provider].name),
                self.zones[zone]
            );
            let help = "a larger block, a further subnet or fewer instances at the beginning";
            self.error_with_help(places[provider.index()], message, help);
        }
    }

    /// A service on Fargate that runs from the beginning on needs so many addresses in these subnets.
    pub(super) fn runs_from_the_beginning(
        &mut self,
        network: &TaskNetwork,
        tasks: u32,
        place: Place,
    ) {
        let Some(plan) = &mut self.network else { return };
        let mut subnets = network.subnets.clone();
        subnets.sort_unstable();
        let of = plan.running.entry(subnets).or_insert((0, place));
        *of = (of.0 + u64::from(tasks), place);
    }

    /// Services cannot have run for long whose tasks find no addresses beside those of the instances: some would fail at
    /// time zero.
    pub(super) fn check_running_tasks(&mut self) {
        let Some(plan) = &self.network else { return };
        let mut taken: BTreeMap<SubnetId, u64> = BTreeMap::new();
        for subnet in self.instances.iter().filter_map(|instance| instance.subnet) {
            *taken.entry(subnet).or_default() += 1;
        }
        let mut short = Vec::new();
        for (subnets, (_, place)) in &plan.running {
            let is_within = |own: &[SubnetId]| own.iter().all(|id| subnets.contains(id));
            let within = plan.running.iter().filter(|(own, _)| is_within(own));
            let tasks: u64 = within.map(|(_, (tasks, _))| tasks).sum();
            let room = subnets.iter().map(|&id| {
                let taken = taken.get(&id).copied().unwrap_or(0);
                u64::from(plan.setup.subnets[id].room()).saturating_sub(taken)
            });
            let room: u64 = room.sum();
            if tasks > room {
                let ids = subnets.iter().map(|&id| quoted(&plan.setup.subnets[id].id));
                short.push((*place, tasks, room, ids.collect::<Vec<_>>().join(", ")));
            }
        }
        for (place, tasks, room, ids) in short {
            let message = format!(
                "{tasks} tasks run on Fargate from the beginning on in {ids}, with {room} addresses left"
            );
            let help = "larger blocks, further subnets, fewer tasks, or `starts_running = false`";
            self.error_with_help(place, message, help);
        }
    }
}
