//! Clusters, instance types of the user's own, capacity providers and their instances.

use super::external::EXTERNAL;
use super::{Build, Cluster, architecture, operating_system};
use crate::base::id::Id as _;
use crate::base::money::HourlyRate;
use crate::base::time::SimTime;
use crate::model::fleet::Registration;
use crate::model::ids::{ClusterId, ProviderId, ZoneId};
use crate::model::platform::{LaunchType, OperatingSystem, Platform, Purchase};
use crate::model::ports::{HostPort, PortSet, Protocol, RESERVED_LINUX_TCP};
use crate::model::resources::Resources;
use crate::scenario::book::TypeFacts;
use crate::scenario::diagnostic::quoted;
use crate::scenario::sections;
use crate::scenario::settings::{Settings, Value};
use crate::scenario::tree::Place;
use crate::sim::setup::{InstanceSetup, MANAGED_INSTANCE, Price, ProviderSetup};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Ports that the agent keeps for itself on Windows (agent README; documented).
const RESERVED_WINDOWS_TCP: [u16; 11] =
    [53, 135, 139, 445, 2375, 2376, 3389, 5985, 5986, 51678, 51679];
/// Attributes that the simulator sets by itself.
const BUILT_IN: [&str; 7] = [
    EXTERNAL,
    "ecs.availability-zone",
    "ecs.instance-type",
    "ecs.os-type",
    "ecs.cpu-architecture",
    "ecs.subnet-id",
    MANAGED_INSTANCE,
];

/// What the instances of a provider have in common.
pub(super) struct FleetSpec<'s> {
    pub settings: &'s Settings,
    pub name: String,
    pub provider: ProviderId,
    pub cluster: ClusterId,
    pub zones: Vec<ZoneId>,
    pub os: OperatingSystem,
    pub purchase: Purchase,
    pub ports: PortSet,
    pub spot_prices: SpotPrices,
    /// Whether nothing was wrong with their file.
    pub prices_are_whole: bool,
    /// Index of its first instance.
    pub first: usize,
    /// Attribute sets by (type, zone, own attributes): instances with equal ones share them.
    pub shared: BTreeMap<Vec<(String, String)>, SharedAttributes>,
}

/// Attributes that several instances have.
type SharedAttributes = Arc<BTreeMap<String, String>>;

/// Spot prices over time, by zone and instance type.
pub(super) type SpotPrices = BTreeMap<(String, String), Arc<[(SimTime, HourlyRate)]>>;

/// One instance to be.
pub(super) struct NewInstance<'t> {
    pub name: String,
    pub type_name: &'t str,
    pub facts: &'t TypeFacts,
    pub zone: ZoneId,
    pub price: Option<HourlyRate>,
    pub attributes: &'t [(String, String)],
    /// Where its type was named.
    pub place: Place,
}

/// `[cluster]`, or every `[[cluster]]`.
fn clusters(root: &Settings) -> Vec<Settings> {
    match root.table("cluster") {
        Some(one) => vec![one.clone()],
        None => root.tables("cluster").cloned().collect(),
    }
}

impl Build<'_> {
    pub(super) fn read_clusters(&mut self, root: &Settings) {
        let mut list = clusters(root);
        if list.is_empty() {
            list.push(Settings::empty(&sections::CLUSTER, root.place));
        }
        let mut taken = BTreeMap::new();
        for settings in &list {
            let name = settings.text("name").unwrap_or("default").to_string();
            self.take_name(&mut taken, &name, settings.value_place("name"), "cluster");
            let zones_are_given = settings.is_given("availability_zones");
            let mut zones = self.zone_list(settings, "availability_zones");
            if zones.is_empty() {
                zones = self.network_zones();
            }
            if zones.is_empty() {
                let names = self.book.zones(&self.region);
                zones = names.iter().filter_map(|name| self.zone(name, settings.place)).collect();
            }
            let subnets = self.subnets_of_cluster(settings, &zones);
            self.clusters.push(Cluster {
                name,
                zones,
                zones_are_given,
                subnets,
                trunking: settings.flag("awsvpc_trunking"),
                reserved_memory: settings.whole32("ecs_reserved_memory").unwrap_or(0),
                has_instances: false,
                has_external: false,
                default_strategy: None,
            });
        }
    }

    /// Default strategies, once there are providers.
    pub(super) fn read_default_strategies(&mut self, root: &Settings) {
        let key = "default_capacity_provider_strategy";
        for (index, settings) in clusters(root).iter().enumerate() {
            if settings.is_given(key) {
                let cluster = ClusterId(u32::try_from(index).expect("few clusters"));
                let shares = self.provider_shares(settings, key, cluster);
                self.clusters[index].default_strategy = Some(shares);
            }
        }
    }

    pub(super) fn read_subnets(&mut self, settings: &Settings) -> Vec<(String, ZoneId)> {
        let mut subnets = Vec::new();
        let mut taken = BTreeMap::new();
        for subnet in settings.tables("subnets") {
            let (Some(id), Some(zone)) = (subnet.text("id"), subnet.text("availability_zone"))
            else {
                continue;
            };
            let free = self.take_name(&mut taken, id, subnet.value_place("id"), "subnet");
            let zone = self.zone(zone, subnet.value_place("availability_zone"));
            if let (true, Some(zone)) = (free, zone) {
                subnets.push((id.to_string(), zone));
            }
        }
        subnets
    }

    pub(super) fn read_instance_types(&mut self, root: &Settings) {
        let mut taken = BTreeMap::new();
        for settings in root.tables("instance_type") {
            let (Some(name), Some(vcpus), Some(memory)) =
                (settings.text("name"), settings.whole32("vcpus"), settings.whole32("memory"))
            else {
                continue;
            };
            self.take_name(&mut taken, name, settings.value_place("name"), "instance type");
            let assumed = u64::from(memory) * if memory < 16 * 1_024 { 97 } else { 98 } / 100;
            let registered = settings.whole32("registered_memory");
            let registered = registered.unwrap_or(u32::try_from(assumed).unwrap_or(memory));
            if registered > memory {
                let message = format!(
                    "`registered_memory` {registered} is above `memory` {memory}: an instance cannot register more than it has"
                );
                self.error(settings.value_place("registered_memory"), message);
            }
            let max_enis = settings.whole16("max_enis").unwrap_or(4);
            let facts = TypeFacts {
                cpu_units: vcpus.saturating_mul(1_024),
                registered_memory: registered,
                gpus: settings.whole16("gpus").unwrap_or(0),
                awsvpc_tasks: settings.whole16("awsvpc_tasks").unwrap_or(max_enis - 1),
                awsvpc_tasks_trunked: None,
                architecture: architecture(settings.text("architecture")),
                on_demand: settings.rate("usd_per_hour"),
                spot: None,
            };
            self.types.insert(name.to_string(), facts);
        }
    }

    /// The facts of an instance type, the user's own or the catalogue's; asked once for each name.
    pub(super) fn known_type(&mut self, name: &str) -> Option<TypeFacts> {
        if let Some(facts) = self.types.get(name).or_else(|| self.catalogue_types.get(name)) {
            return Some(facts.clone());
        }
        let facts = self.book.type_facts(&self.region, name)?;
        self.catalogue_types.insert(name.to_string(), facts.clone());
        Some(facts)
    }

    /// As [`Build::known_type`]; an unknown name is reported at `place`.
    pub(super) fn type_facts(&mut self, name: &str, place: Place) -> Option<TypeFacts> {
        if let Some(facts) = self.known_type(name) {
            return Some(facts);
        }
        let mut near = self.book.nearest_types(name);
        let own = self.types.keys().map(String::as_str);
        near.extend(crate::base::suggest::nearest(name, own).map(str::to_string));
        let help = if near.is_empty() {
            "`ecsim catalog list` shows the known ones; declare others as `[[instance_type]]`"
                .into()
        } else {
            let near: Vec<String> = near.iter().map(|name| quoted(name)).collect();
            format!("did you mean {}?", near.join(" or "))
        };
        self.error_with_help(place, format!("unknown instance type {}", quoted(name)), help);
        None
    }

    pub(super) fn read_providers(&mut self, root: &Settings) {
        let mut taken = BTreeMap::new();
        for settings in root.tables("capacity_provider") {
            let Some(name) = settings.text("name").map(str::to_string) else {
                // Its name was reported; that the others have no instances then is no fault of theirs.
                let cluster = self.cluster_of(settings);
                self.clusters[cluster.index()].has_instances = true;
                continue;
            };
            let place = settings.value_place("name");
            self.take_name(&mut taken, &name, place, "capacity provider");
            let lower = name.to_ascii_lowercase();
            if ["aws", "ecs", "fargate"].iter().any(|prefix| lower.starts_with(prefix)) {
                let help = "`FARGATE` and `FARGATE_SPOT` are built in: name them in a `capacity_provider_strategy` without declaring them";
                let message = format!(
                    "the name {} is refused: names of capacity providers must not begin with aws, ecs or fargate",
                    quoted(&name)
                );
                self.error_with_help(place, message, help);
            }
            self.read_provider(settings, name);
        }
    }

    fn read_provider(&mut self, settings: &Settings, name: String) {
        let cluster = self.cluster_of(settings);
        self.check_external(settings);
        let is_external = settings.flag("external");
        let subnets = self.provider_subnets(settings);
        let zones = match self.zones_of(subnets.as_deref()) {
            _ if is_external => vec![self.nowhere()],
            Some(zones) => zones,
            None => self.provider_zones(settings, cluster),
        };
        let purchase = match settings.text("purchase") {
            _ if is_external => Purchase::External,
            Some("spot") => Purchase::Spot,
            _ => Purchase::OnDemand,
        };
        let provider = self.providers.push(ProviderSetup {
            name: name.clone(),
            stream: super::calls::stream_name(settings, &name),
            launch: LaunchType::Ec2,
            is_managed: super::group::enabled(settings).is_some(),
            batch_window: None,
            purchase,
            cluster,
            largest: Resources::ZERO,
        });
        self.network_of_provider(subnets, &zones, settings.place);
        let of_cluster = &mut self.clusters[cluster.index()];
        of_cluster.has_instances |= !is_external;
        of_cluster.has_external |= is_external;
        self.provider_names.get_or_insert_with(name.clone(), || provider);
        self.check_spot_keys(settings, purchase);
        self.check_attribute_names(settings);
        self.read_spot_history(settings, provider, &name);
        let os = operating_system(settings.text("operating_system_family"));
        let before = self.problems.len();
        let spot_prices = match settings.text("spot_prices").map(str::to_string) {
            Some(path) => self.read_spot_prices(&name, &path, settings.value_place("spot_prices")),
            None => SpotPrices::new(),
        };
        let prices_are_whole = self.problems.len() == before;
        let mut fleet = FleetSpec {
            settings,
            name,
            provider,
            cluster,
            zones,
            os,
            purchase,
            ports: reserved_ports(settings, os),
            spot_prices,
            prices_are_whole,
            first: self.instances.len(),
            shared: BTreeMap::new(),
        };
        self.check_group_keys(settings);
        if let Some(table) = settings.table("managed_instances") {
            self.read_managed_instances(&mut fleet, table);
        } else if settings.is_given("max_size") {
            self.read_group(&mut fleet);
        } else if settings.is_given("inventory") {
            for key in ["instance_types", "desired_capacity"] {
                if settings.is_given(key) {
                    let message = format!("`{key}` and `inventory` exclude each other");
                    self.error(settings.place_of(key), message);
                }
            }
            self.read_inventory(&mut fleet);
        } else {
            self.deal_instances(&mut fleet);
        }
        if is_external {
            self.anywhere_fee(&fleet);
        }
        let of_group = self.groups.iter().filter(|group| group.provider == provider);
        let offered = of_group.flat_map(|group| &group.offers);
        let largest = self.instances[fleet.first..]
            .iter()
            .chain(offered)
            .map(|instance| instance.registration.resources)
            .reduce(Resources::largest_of_each);
        if let Some(largest) = largest {
            self.providers[provider].largest = largest;
        }
    }

    fn provider_zones(&mut self, settings: &Settings, cluster: ClusterId) -> Vec<ZoneId> {
        let zones = self.zone_list(settings, "availability_zones");
        let of_cluster = &self.clusters[cluster.index()];
        if zones.is_empty() {
            return of_cluster.zones.clone();
        }
        let allowed = of_cluster.zones_are_given.then(|| of_cluster.zones.clone());
        let stranger = allowed.and_then(|known| zones.iter().find(|z| !known.contains(z)).copied());
        if let Some(zone) = stranger {
            let message = format!(
                "{} is not among the `availability_zones` of the cluster {}",
                quoted(&self.zones[zone]),
                quoted(&self.clusters[cluster.index()].name)
            );
            self.error(settings.value_place("availability_zones"), message);
        }
        zones
    }

    fn check_attribute_names(&mut self, settings: &Settings) {
        for attribute in settings.attributes("attributes") {
            if BUILT_IN.contains(&attribute.name.as_str()) {
                let message = format!(
                    "the attribute {} is set by the instance itself",
                    quoted(&attribute.name)
                );
                self.error(attribute.place, message);
            }
        }
    }

    fn deal_instances(&mut self, fleet: &mut FleetSpec<'_>) {
        let settings = fleet.settings;
        for key in ["instance_types", "desired_capacity"] {
            if !settings.is_given(key) {
                let message = format!(
                    "capacity provider {} needs `{key}` or `inventory`",
                    quoted(&fleet.name)
                );
                self.error(settings.place, message);
            }
        }
        let types = self.types_of(settings);
        let count = settings.whole("desired_capacity").unwrap_or(0);
        if types.is_empty() || fleet.zones.is_empty() {
            return;
        }
        if count == 0 {
            // The fleet is empty, but its types are still the unit of the packing bound.
            let trunking = self.clusters[fleet.cluster.index()].trunking;
            let sizes = types.iter().map(|(_, facts, _)| resources(facts, trunking));
            let largest = sizes.reduce(Resources::largest_of_each).unwrap_or_default();
            self.providers[fleet.provider].largest = largest;
        }
        let attributes: Vec<(String, String)> = Vec::new();
        // Zones and types in turn, one type further whenever both begin anew: with one counter for both, three types over
        // three zones would put each type into a zone of its own, and a spread over zones would be one over types. However
        // many instances there are, no type has two more than another.
        let anew = lcm(fleet.zones.len(), types.len());
        for index in 0..count as usize {
            let (type_name, facts, place) = &types[(index + index / anew) % types.len()];
            let instance = NewInstance {
                name: format!("{}-{index}", fleet.name),
                type_name,
                facts,
                zone: fleet.zones[index % fleet.zones.len()],
                price: None,
                attributes: &attributes,
                place: *place,
            };
            if !self.add_instance(fleet, &instance) {
                return;
            }
        }
    }

    /// The types that a provider lists, each once.
    pub(super) fn types_of(&mut self, settings: &Settings) -> Vec<(String, TypeFacts, Place)> {
        let mut types: Vec<(String, TypeFacts, Place)> = Vec::new();
        for (name, place) in settings.texts("instance_types") {
            if types.iter().any(|(known, ..)| known == name) {
                self.error(place, format!("{} is listed twice", quoted(name)));
            } else if let Some(facts) = self.type_facts(name, place) {
                types.push((name.to_string(), facts, place));
            }
        }
        if settings.is_empty_list("instance_types") {
            let message = "`instance_types` needs at least one type";
            self.error(settings.value_place("instance_types"), message);
        }
        types
    }

    /// Adds one instance; `false` where it was refused, so that a fleet of equal ones is refused once.
    pub(super) fn add_instance(
        &mut self,
        fleet: &mut FleetSpec<'_>,
        new: &NewInstance<'_>,
    ) -> bool {
        let Some(instance) = self.new_instance(fleet, new) else { return false };
        self.instances.push(instance);
        true
    }

    /// One instance, or `None` where it was refused.
    pub(super) fn new_instance(
        &mut self,
        fleet: &mut FleetSpec<'_>,
        new: &NewInstance<'_>,
    ) -> Option<InstanceSetup> {
        let price = self.instance_price(fleet, new)?;
        let cluster = &self.clusters[fleet.cluster.index()];
        // Trunking is always on there (documented).
        let trunking = cluster.trunking || fleet.settings.is_given("managed_instances");
        let mut resources = resources(new.facts, trunking);
        if fleet.purchase == Purchase::External {
            resources.enis = 0; // `awsvpc` is not supported there (documented)
        }
        match fleet.settings.whole32("registered_memory") {
            Some(memory) => resources.memory = memory,
            None => resources.memory = resources.memory.saturating_sub(cluster.reserved_memory),
        }
        if resources.memory == 0 {
            let message = format!(
                "`ecs_reserved_memory` leaves instances of type {} without memory",
                quoted(new.type_name)
            );
            self.error(new.place, message);
            return None;
        }
        let platform = Platform { os: fleet.os, architecture: new.facts.architecture };
        let attributes = self.instance_attributes(fleet, new, platform);
        Some(InstanceSetup {
            registration: Registration {
                name: new.name.clone(),
                instance_type: new.type_name.to_string(),
                cluster: fleet.cluster,
                provider: fleet.provider,
                zone: new.zone,
                platform,
                resources,
                ports: fleet.ports.clone(),
                attributes,
                registered_at: SimTime::ZERO,
            },
            price,
            subnet: None,
        })
    }

    fn instance_attributes(
        &self,
        fleet: &mut FleetSpec<'_>,
        new: &NewInstance<'_>,
        platform: Platform,
    ) -> Arc<BTreeMap<String, String>> {
        let mut list: Vec<(String, String)> = Vec::with_capacity(8);
        let mut add = |name: &str, value: &str| list.push((name.to_string(), value.to_string()));
        for attribute in fleet.settings.attributes("attributes") {
            add(&attribute.name, &attribute.value);
        }
        new.attributes.iter().for_each(|(name, value)| add(name, value));
        match fleet.purchase {
            Purchase::External => add(EXTERNAL, "true"),
            _ => add("ecs.availability-zone", &self.zones[new.zone]),
        }
        add("ecs.instance-type", new.type_name);
        add("ecs.os-type", platform.os.attribute_value());
        add("ecs.cpu-architecture", platform.architecture.attribute_value());
        let subnets = &self.clusters[fleet.cluster.index()].subnets;
        if let Some(subnet) = self.first_subnet(fleet.provider, new.zone) {
            add("ecs.subnet-id", &subnet.id);
        } else if let Some((subnet, _)) = subnets.iter().find(|(_, zone)| *zone == new.zone) {
            add("ecs.subnet-id", subnet);
        }
        let shared = fleet.shared.entry(list.clone());
        shared.or_insert_with(|| Arc::new(list.into_iter().collect())).clone()
    }

    pub(super) fn instance_price(
        &mut self,
        fleet: &FleetSpec<'_>,
        new: &NewInstance<'_>,
    ) -> Option<Price> {
        let settings = fleet.settings;
        let linux = fleet.os == OperatingSystem::Linux;
        let listed =
            new.facts.on_demand.filter(|_| linux || self.types.contains_key(new.type_name));
        let on_demand = new.price.or(settings.rate("usd_per_hour")).or(listed);
        if fleet.purchase == Purchase::Spot {
            if let Some(rate) = settings.rate("spot_price_usd_per_hour") {
                return Some(Price::Fixed(rate));
            }
            if settings.is_given("spot_price_history") {
                return Some(Price::Fixed(HourlyRate::default())); // until the files are opened
            }
            if settings.is_given("spot_prices") {
                let key = (self.zones[new.zone].clone(), new.type_name.to_string());
                if let Some(steps) = fleet.spot_prices.get(&key) {
                    return Some(Price::Steps(steps.clone()));
                }
                if !fleet.prices_are_whole {
                    return None;
                }
                let message =
                    format!("`spot_prices` has no price of {} in {}", quoted(&key.1), key.0);
                self.error(settings.value_place("spot_prices"), message);
                return None;
            }
            if let (Some(percent), Some(rate)) =
                (settings.number("spot_discount_percent"), on_demand)
            {
                return Some(Price::Fixed(discounted(rate, percent)));
            }
            if let Some(rate) =
                new.facts.spot.filter(|_| linux && !settings.is_given("usd_per_hour"))
            {
                return Some(Price::Fixed(rate));
            }
        }
        if fleet.purchase == Purchase::OnDemand && on_demand.is_some() {
            return on_demand.map(Price::Fixed);
        }
        let (what, key) = match fleet.purchase {
            // A host of the user's own costs what the user says.
            Purchase::External => return Some(Price::Fixed(on_demand.unwrap_or_default())),
            Purchase::Spot => ("Spot", "spot_price_usd_per_hour"),
            _ => ("On-Demand", "usd_per_hour"),
        };
        let windows = if linux { "" } else { " with Windows" };
        let message = format!(
            "no {what} price of {}{windows} in {} is known",
            quoted(new.type_name),
            self.region
        );
        self.error_with_help(new.place, message, format!("set `{key}` of the capacity provider"));
        None
    }
}

/// A rate less a discount in percent (to a millionth of a percent), rounded to a nano-dollar.
pub(super) fn discounted(rate: HourlyRate, percent: f64) -> HourlyRate {
    let keep = 100_000_000 - (percent * 1e6).round() as u128;
    let scaled = (u128::from(rate.0) * keep + 50_000_000) / 100_000_000;
    HourlyRate(u64::try_from(scaled).unwrap_or(rate.0))
}

/// The least number that both divide.
fn lcm(one: usize, other: usize) -> usize {
    let (mut a, mut b) = (one, other);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    one / a.max(1) * other
}

fn resources(facts: &TypeFacts, trunking: bool) -> Resources {
    Resources {
        cpu: facts.cpu_units,
        memory: facts.registered_memory,
        gpus: facts.gpus,
        enis: facts.awsvpc_tasks_trunked.filter(|_| trunking).unwrap_or(facts.awsvpc_tasks),
    }
}

fn reserved_ports(settings: &Settings, os: OperatingSystem) -> PortSet {
    let listed = |key: &str, protocol: Protocol| -> Vec<HostPort> {
        let port = |value: &Value| match value {
            Value::Whole(port) => u16::try_from(*port).ok().map(|port| HostPort { protocol, port }),
            _ => None,
        };
        settings.list(key).iter().filter_map(|item| port(&item.value)).collect()
    };
    let mut ports = listed("reserved_ports_udp", Protocol::Udp);
    if settings.is_given("reserved_ports") {
        ports.extend(listed("reserved_ports", Protocol::Tcp));
    } else {
        let default: &[u16] = match os {
            OperatingSystem::Linux => &RESERVED_LINUX_TCP,
            OperatingSystem::Windows => &RESERVED_WINDOWS_TCP,
        };
        ports.extend(default.iter().map(|&port| HostPort { protocol: Protocol::Tcp, port }));
    }
    PortSet::new(ports)
}
