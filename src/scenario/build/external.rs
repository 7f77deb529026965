//! External instances (ECS Anywhere): hosts of the user's own, what ECS charges for them, and what it refuses there.

use super::Build;
use super::fleet::FleetSpec;
use crate::base::id::Id as _;
use crate::base::money::HourlyRate;
use crate::model::definition::NetworkMode;
use crate::model::ids::{ClusterId, DefinitionId, ZoneId};
use crate::policy::query::Expression;
use crate::pricing::{Category, Fee};
use crate::scenario::diagnostic::quoted;
use crate::scenario::settings::Settings;
use crate::scenario::tree::Place;
use crate::sim::setup::Launch;

/// The attribute that every external instance registers with (developer guide; documented).
pub(super) const EXTERNAL: &str = "ecs.capability.external";
/// What ECS charges an external instance an hour (price page; documented).
const FEE: HourlyRate = HourlyRate(10_250_000);
/// The place of all of them: they are in no Availability Zone.
pub(super) const NOWHERE: &str = "external";
/// Keys that say nothing of hosts that are no EC2 instances.
const NOT_FOR_EXTERNAL: [&str; 5] =
    ["max_size", "managed_instances", "availability_zones", "subnets", "purchase"];

/// Whether a caller or a service asks for external instances.
pub(super) fn is_external(settings: &Settings) -> bool {
    settings.text("launch_type") == Some("EXTERNAL")
}

impl Build<'_> {
    /// The place of external instances.
    pub(super) fn nowhere(&mut self) -> ZoneId {
        let known = self.zones.enumerate().find(|(_, name)| *name == NOWHERE).map(|(id, _)| id);
        known.unwrap_or_else(|| self.zones.push(NOWHERE.to_string()))
    }

    /// What cannot be said of external instances.
    pub(super) fn check_external(&mut self, settings: &Settings) {
        if !settings.flag("external") {
            if settings.is_given("anywhere_fee_usd_per_hour") {
                let message = "`anywhere_fee_usd_per_hour` without `external = true`";
                self.error(settings.place_of("anywhere_fee_usd_per_hour"), message);
            }
            return;
        }
        for key in NOT_FOR_EXTERNAL.into_iter().filter(|key| settings.is_given(key)) {
            let message = format!("`{key}` and `external` exclude each other");
            let help = "external instances are hosts of your own, in no Availability Zone; nobody launches them";
            self.error_with_help(settings.place_of(key), message, help);
        }
        let names: Vec<(String, Place)> =
            settings.texts("instance_types").map(|(name, at)| (name.to_string(), at)).collect();
        for (name, place) in names {
            if !self.types.contains_key(&name) && self.known_type(&name).is_some() {
                let message =
                    format!("{} is a type of EC2: no external instance is one", quoted(&name));
                self.error_with_help(place, message, "declare your hosts as `[[instance_type]]`");
            }
        }
    }

    /// What ECS charges for a fleet of external instances.
    pub(super) fn anywhere_fee(&mut self, fleet: &FleetSpec<'_>) {
        let rate = fleet.settings.rate("anywhere_fee_usd_per_hour").unwrap_or(FEE);
        if rate == HourlyRate::default() {
            return;
        }
        let fee = Fee { category: Category::AnywhereFee, rate };
        for instance in &self.instances[fleet.first..] {
            self.fees.add(fleet.provider, &instance.registration.instance_type, fee);
        }
    }

    /// What a launch type adds to `memberOf`: EXTERNAL goes to external instances only, EC2 to others only.
    pub(super) fn keep_apart(
        &self,
        settings: &Settings,
        (launch, cluster): (&Launch, ClusterId),
        member_of: &mut Vec<Expression>,
    ) {
        if !matches!(launch, Launch::Type(_)) || !self.clusters[cluster.index()].has_external {
            return;
        }
        let not = if is_external(settings) { "" } else { "!" };
        let text = format!("attribute:{EXTERNAL} {not}exists");
        member_of.extend(Expression::parse(&text));
    }

    /// What external instances refuse of a task definition.
    pub(super) fn check_external_task(&mut self, id: DefinitionId, place: Place) {
        let definition = &self.definitions[id.index()].definition;
        if definition.network_mode == NetworkMode::Awsvpc {
            let family = quoted(&definition.family);
            let message = format!(
                "the task definition {family} has the network mode awsvpc, which external instances do not support"
            );
            let help = "write network_mode = \"bridge\", \"host\" or \"none\"";
            self.error_with_help(place, message, help);
        }
    }

    /// What external instances refuse of a service.
    pub(super) fn check_external_service(&mut self, settings: &Settings) {
        if is_external(settings) && settings.is_given("load_balancer") {
            let message = "services on external instances cannot have a load balancer";
            self.error(settings.place_of("load_balancer"), message);
        }
    }
}
