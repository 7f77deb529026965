//! ECS Managed Instances: which types a provider may launch, its fee, what ECS refuses.

use super::Build;
use super::fleet::{FleetSpec, NewInstance};
use super::group::LONGEST_DRAIN_OF_MANAGED;
use super::instance_requirements::Selected;
use super::mixed_instances::spot_of;
use crate::base::distribution::Distribution;
use crate::base::time::SimSpan;
use crate::catalog::assumed::{managed_fee_percent, share_of};
use crate::model::definition::NetworkMode;
use crate::model::group::{Allocation, Draining, InstanceTiming};
use crate::model::ids::{DefinitionId, ProviderId};
use crate::model::platform::{OperatingSystem, Purchase};
use crate::policy::capacity::repair;
use crate::policy::query::Expression;
use crate::pricing::{Category, Fee};
use crate::scenario::book::{TypeFacts, Wanted};
use crate::scenario::diagnostic::quoted;
use crate::scenario::settings::Settings;
use crate::scenario::tree::Place;
use crate::sim::setup::{
    GroupSetup, InstanceSetup, InterruptionSetup, Launch, ManagedInstancesSetup, ManagedSpot,
    RepairSetup, ZoningSetup,
};

/// What `memberOf` may ask for on Managed Instances (developer guide; documented).
const CONSTRAINED_BY: [&str; 4] =
    ["ecs.subnet-id", "ecs.availability-zone", "ecs.instance-type", "ecs.cpu-architecture"];
const CONSTRAINED_OTHERWISE: &str = "Managed Instances take `memberOf` over four attributes only";
const ALLOWED_CONSTRAINTS: &str = "ecs.subnet-id, ecs.availability-zone, ecs.instance-type, ecs.cpu-architecture; \
                                   others could keep a task waiting for ever";
/// Keys of fleets that somebody else sizes.
const NOT_FOR_MANAGED: [&str; 3] = ["max_size", "desired_capacity", "inventory"];

/// Keys of `interruption` that only Auto Scaling groups have.
const ONLY_OF_GROUPS: [&str; 6] = [
    "above_max_price",
    "reclaims_per_pool_hour",
    "reclaim_percent",
    "availability",
    "capacity_rebalancing",
    "spot_instance_draining",
];

/// A type that may be launched, and where it was named.
type Candidate = (String, TypeFacts, Place);

impl Build<'_> {
    /// The Managed Instances of a capacity provider.
    pub(super) fn read_managed_instances(&mut self, fleet: &mut FleetSpec<'_>, table: &Settings) {
        let settings = fleet.settings;
        for key in NOT_FOR_MANAGED.into_iter().filter(|key| settings.is_given(key)) {
            let message = format!("`{key}` and `managed_instances` exclude each other");
            let help = "ECS chooses, launches and ends Managed Instances by itself";
            self.error_with_help(settings.place_of(key), message, help);
        }
        if fleet.os == OperatingSystem::Windows {
            let message = "Managed Instances run Linux only";
            self.error(settings.value_place("operating_system_family"), message);
        }
        let types = self.managed_types(fleet, table);
        let Some(offers) = self.managed_offers(fleet, &types) else { return };
        for (name, facts, place) in &types {
            self.fee_of(fleet, table, name, facts, *place);
        }
        let names: Vec<String> = types.iter().map(|(name, ..)| name.clone()).collect();
        let shortages = self.shortages(fleet, &names);
        let spot = self.managed_spot(fleet, &names);
        let reservations = self.reservation_use(fleet, table);
        let longest_drain = settings.span("drain_timeout").unwrap_or(LONGEST_DRAIN_OF_MANAGED);
        self.check_repair(table);
        let scale_in_after = table.span("scale_in_after");
        let or = |key: &str, default: u64| table.span(key).unwrap_or(SimSpan::from_secs(default));
        self.groups.push(GroupSetup {
            zoning: ZoningSetup::default(),
            provider: fleet.provider,
            min: 0,
            max: u32::MAX,
            desired: 0,
            zones: fleet.zones.clone(),
            offers,
            purchase: fleet.purchase,
            mixed: None,
            warm_pool: None,
            lifetime: None,
            refreshes: Vec::new(),
            shortages,
            allocation: Allocation::LowestPrice,
            termination: Vec::new(),
            is_protected: false,
            health_check_grace: SimSpan::ZERO,
            draining: Draining { is_on: true, longest: longest_drain },
            timing: managed_timing(&Settings::empty(
                &crate::scenario::sections::LATENCY,
                settings.place,
            )),
            changes: Vec::new(),
            hooks: Vec::new(),
            managed: None,
            scaling: None,
            instances: Some(ManagedInstancesSetup {
                scale_in_after,
                retry_after: or("retry_after", 300),
                lifetime: or("lifetime", 14 * 86_400),
                patience: or("patience", 60),
                rebalancing_pause: or("rebalancing_pause", 3_600),
                spot,
                reservations,
                repair: RepairSetup {
                    is_on: table.text("auto_repair") != Some("DISABLED"),
                    at_once_percent: table
                        .whole32("repair_at_once_percent")
                        .unwrap_or(repair::AT_ONCE_PERCENT),
                    longest: table.span("repair_drain_timeout").unwrap_or(longest_drain),
                },
            }),
        });
        let batch_window = or("batch_window", 1);
        let provider = &mut self.providers[fleet.provider];
        (provider.is_managed, provider.batch_window) = (true, Some(batch_window));
    }

    /// Keys that would say nothing without auto-repair.
    fn check_repair(&mut self, table: &Settings) {
        let is_off = table.text("auto_repair") == Some("DISABLED");
        let without = ["repair_at_once_percent", "repair_drain_timeout"];
        for key in without.into_iter().filter(|key| is_off && table.is_given(key)) {
            let message = format!("`{key}` is about repairs, and `auto_repair` is \"DISABLED\"");
            self.error(table.place_of(key), message);
        }
    }

    /// How EC2 takes Managed Instances back that are bought as Spot.
    fn managed_spot(&mut self, fleet: &FleetSpec<'_>, types: &[String]) -> Option<ManagedSpot> {
        let settings = fleet.settings;
        let table = settings.table("interruption")?;
        if fleet.purchase != Purchase::Spot {
            let message = "`interruption` is about Spot instances";
            self.error_with_help(settings.place_of("interruption"), message, "purchase = \"spot\"");
        }
        for key in ONLY_OF_GROUPS.into_iter().filter(|key| table.is_given(key)) {
            let message = format!("`{key}` is about the Spot instances of Auto Scaling groups");
            let help = "ECS drains Managed Instances at their notice by itself";
            self.error_with_help(table.place_of(key), message, help);
        }
        let usual = InterruptionSetup { agent_drains: true, ..Default::default() };
        let lead = table.distribution("rebalance_recommendation").cloned();
        let hazards: Vec<f64> = types.iter().map(|name| self.hazard(settings, name)).collect();
        // Each zone has all types in the same order.
        let offers = hazards.len() * fleet.zones.len();
        Some(ManagedSpot {
            hazards_per_hour: hazards.into_iter().cycle().take(offers).collect(),
            interruption: InterruptionSetup {
                notice: table.span("notice").unwrap_or(usual.notice),
                recommendation: lead.unwrap_or_else(|| usual.recommendation.clone()),
                ..usual
            },
        })
    }

    /// The types: a list, or attributes.
    fn managed_types(&mut self, fleet: &FleetSpec<'_>, table: &Settings) -> Vec<Candidate> {
        let settings = fleet.settings;
        let requirements = table.table("instance_requirements");
        if settings.is_given("instance_types") {
            if requirements.is_some() {
                let message = "`instance_requirements` and `instance_types` exclude each other";
                self.error(table.place_of("instance_requirements"), message);
            }
            return self.types_of(settings);
        }
        let place = table.place;
        if let Some(of) = requirements {
            let selected = self.select_types(of, true, spot_of(settings));
            let purchase = fleet.purchase as usize;
            let own: Vec<Selected> =
                selected.into_iter().filter(|one| one.bought[purchase]).collect();
            self.note_selected(&fleet.name, &own, false);
            return own.into_iter().map(|one| (one.name, one.facts, place)).collect();
        }
        let wanted = Wanted { allowed: vec!["m*".to_string()], ..Wanted::default() };
        let found = self.book.types_that_are(&self.region, &wanted);
        if found.is_empty() {
            let message =
                format!("no M type of the current generation has a price in {}", self.region);
            self.error_with_help(place, message, "list `instance_types`");
        }
        found.into_iter().map(|one| (one.name, one.facts, place)).collect()
    }

    /// Each type in each zone.
    fn managed_offers(
        &mut self,
        fleet: &mut FleetSpec<'_>,
        types: &[Candidate],
    ) -> Option<Vec<InstanceSetup>> {
        if types.is_empty() || fleet.zones.is_empty() {
            return None;
        }
        let mark = [(crate::sim::setup::MANAGED_INSTANCE.to_string(), "true".to_string())];
        let mut offers = Vec::new();
        for zone in fleet.zones.clone() {
            for (type_name, facts, place) in types {
                let new = NewInstance {
                    name: format!("{}-{}", fleet.name, offers.len()),
                    type_name,
                    facts,
                    zone,
                    price: None,
                    attributes: &mark,
                    place: *place,
                };
                offers.push(self.new_instance(fleet, &new)?);
            }
        }
        Some(offers)
    }

    fn fee_of(
        &mut self,
        fleet: &FleetSpec<'_>,
        table: &Settings,
        name: &str,
        facts: &TypeFacts,
        place: Place,
    ) {
        let given = table.number("fee_percent");
        let percent = given.unwrap_or_else(|| managed_fee_percent(name));
        let on_demand = fleet.settings.rate("usd_per_hour").or(facts.on_demand);
        // What the scenario says outranks the price file, and this what is assumed.
        let booked = match given {
            Some(_) => None,
            None => self.book.managed_fee(&self.region, name),
        };
        let share = || on_demand.map(|rate| share_of(rate, percent));
        let Some(rate) = table.rate("fee_usd_per_hour").or(booked).or_else(share) else {
            let message = format!("no On-Demand price of {} is known for its fee", quoted(name));
            let help = "set `fee_usd_per_hour` in `managed_instances`";
            self.error_with_help(place, message, help);
            return;
        };
        if rate.0 > 0 {
            let fee = Fee { category: Category::ManagedInstancesFee, rate };
            self.fees.add(fleet.provider, name, fee);
        }
    }

    /// The providers of Managed Instances that a launch names.
    pub(super) fn managed_of(&self, launch: &Launch) -> Option<ProviderId> {
        let Launch::Providers(shares) = launch else { return None };
        let is_managed = |id: &ProviderId| self.providers[*id].batch_window.is_some();
        shares.iter().map(|share| share.provider).find(is_managed)
    }

    /// What Managed Instances refuse of a caller or a service.
    pub(super) fn check_managed_launch(
        &mut self,
        settings: &Settings,
        launch: &Launch,
        definition: Option<DefinitionId>,
        member_of: &[Expression],
    ) {
        if self.managed_of(launch).is_some() && settings.is_given("placement_strategy") {
            let message = "placement strategies are not supported with Managed Instances: ECS spreads tasks over the \
                           Availability Zones by itself";
            self.error(settings.place_of("placement_strategy"), message);
        }
        let place = settings.place_of("capacity_provider_strategy");
        self.check_managed_task(settings, (launch, place), definition, member_of);
    }

    /// What Managed Instances refuse of a task definition, and of the constraints of a caller or service. `place` is that
    /// of the strategy.
    pub(super) fn check_managed_task(
        &mut self,
        settings: &Settings,
        (launch, place): (&Launch, Place),
        definition: Option<DefinitionId>,
        member_of: &[Expression],
    ) {
        let Some(provider) = self.managed_of(launch) else { return };
        let name = self.providers[provider].name.clone();
        if !member_of.iter().all(|of| of.asks_only_for(&CONSTRAINED_BY)) {
            let constraints = settings.place_of("placement_constraints");
            self.error_with_help(constraints, CONSTRAINED_OTHERWISE, ALLOWED_CONSTRAINTS);
        }
        let Some(id) = definition else { return };
        let definition = &self.definitions[id.0 as usize].definition;
        let own = definition.placement_constraints.iter();
        let mut own = own.filter_map(|text| Expression::parse(text).ok());
        if !own.all(|of| of.asks_only_for(&CONSTRAINED_BY)) {
            let family = quoted(&definition.family);
            let message =
                format!("{CONSTRAINED_OTHERWISE}, those of the task definition {family} too");
            self.error_with_help(place, message, ALLOWED_CONSTRAINTS);
        }
        let definition = &self.definitions[id.0 as usize].definition;
        if definition.network_mode == NetworkMode::Bridge {
            let message = format!(
                "the task definition {} has the network mode bridge, which Managed Instances ({}) do not support",
                quoted(&definition.family),
                quoted(&name)
            );
            let help = "write network_mode = \"awsvpc\", \"host\" or \"none\"";
            self.error_with_help(place, message, help);
        }
    }

    /// What a DAEMON service may not ask for. On Managed Instances it is a managed daemon, of one provider.
    pub(super) fn check_daemon_launch(
        &mut self,
        settings: &Settings,
        launch: &Launch,
        fargate: bool,
    ) {
        let Launch::Providers(shares) = launch else { return };
        if fargate || (self.managed_of(launch).is_some() && shares.len() == 1) {
            return;
        }
        let message = "a DAEMON service takes no capacity provider strategy: it runs on every instance, or on those \
                       of one provider of Managed Instances";
        self.error(settings.place_of("capacity_provider_strategy"), message);
    }

    /// How long launches take, once `[latency]` can be read.
    pub(super) fn read_managed_timing(&mut self, latency: &Settings) {
        let own = self.groups.iter_mut().filter(|group| group.instances.is_some());
        own.for_each(|group| group.timing = managed_timing(latency));
    }
}

/// From the decision to ACTIVE: the same EC2, and an operating system made for containers.
fn managed_timing(latency: &Settings) -> InstanceTiming {
    let get = |key: &str, (min, max): (f64, f64)| {
        latency.distribution(key).cloned().unwrap_or(Distribution::Uniform { min, max })
    };
    InstanceTiming {
        launch: get("managed_instance_launch", (1.0, 3.0)),
        pending: get("instance_pending", (16.0, 18.0)),
        boot: get("managed_instance_boot", (8.0, 14.0)),
        register: get("managed_instance_register", (2.0, 4.0)),
    }
}
