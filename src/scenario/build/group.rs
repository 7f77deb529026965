//! Auto Scaling groups: the sizes, what they may launch, what changes them.

use super::Build;
use super::fleet::{FleetSpec, NewInstance};
use super::instance_refresh::health_check_grace;
use super::instance_requirements::Selected;
use super::mixed_instances::{on_demand_allocation, requirements};
use crate::base::distribution::Distribution;
use crate::base::time::{SimSpan, SimTime};
use crate::model::group::{
    Allocation, CapacityChange, Draining, InstanceTiming, TerminationPolicy,
};
use crate::policy::capacity::ManagedScaling;
use crate::policy::capacity::need::{Estimator, Packing};
use crate::scenario::settings::{Settings, Value};
use crate::sim::setup::{GroupSetup, InstanceSetup, ManagedSetup};

/// Keys that only an Auto Scaling group has.
const GROUP_KEYS: &[&str] = &[
    "min_size",
    "allocation_strategy",
    "capacity_distribution_strategy",
    "availability_zone_impairment_policy",
    "mixed_instances",
    "interruption",
    "shortages",
    "termination_policies",
    "protect_from_scale_in",
    "health_check_grace_period",
    "managed_draining",
    "drain_timeout",
    "scheduled_actions",
    "lifecycle_hooks",
    "managed_scaling",
    "scaling",
    "warm_pool",
    "instance_refreshes",
    "max_instance_lifetime",
    "max_instance_lifetime_pause",
    "managed_termination_protection",
];
/// What a scheduled action may change.
const CHANGES: &[&str] = &["min_size", "max_size", "desired_capacity", "launch_template_version"];
/// The longest that managed draining holds an instance (documented).
const LONGEST_DRAIN: SimSpan = SimSpan::from_secs(48 * 3_600);
/// The same for Managed Instances (documented).
pub(super) const LONGEST_DRAIN_OF_MANAGED: SimSpan = SimSpan::from_secs(7 * 86_400);

impl Build<'_> {
    /// What a fixed fleet does not have, and a group does not take.
    pub(super) fn check_group_keys(&mut self, settings: &Settings) {
        if settings.is_given("max_size") {
            if settings.is_given("inventory") {
                let message = "`inventory` and `max_size` exclude each other: a group launches from `instance_types`";
                self.error(settings.place_of("inventory"), message);
            }
            return;
        }
        let is_managed = settings.is_given("managed_instances");
        let of_managed = ["drain_timeout", "shortages", "interruption"];
        let has_too = |key: &&str| is_managed && of_managed.contains(key);
        let given = GROUP_KEYS.iter().filter(|key| settings.is_given(key) && !has_too(key));
        for key in given {
            let message = format!("`{key}` without `max_size`");
            let help = "`max_size` makes the capacity provider an Auto Scaling group";
            self.error_with_help(settings.place_of(key), message, help);
        }
    }

    /// The group of a capacity provider, and its first instances.
    pub(super) fn read_group(&mut self, fleet: &mut FleetSpec<'_>) {
        let settings = fleet.settings;
        let requirements = requirements(settings);
        if !settings.is_given("instance_types") && requirements.is_none() {
            let message =
                format!("the Auto Scaling group of {:?} needs `instance_types`", fleet.name);
            self.error(settings.place, message);
        }
        let size = |key: &str| settings.whole32(key);
        let (min, max) = (size("min_size").unwrap_or(0), size("max_size").unwrap_or(0));
        let desired = size("desired_capacity").unwrap_or(min);
        if min > max {
            let message = format!("`min_size` {min} is above `max_size` {max}");
            self.error(settings.value_place("min_size"), message);
        } else if desired < min || desired > max {
            let message = format!(
                "`desired_capacity` {desired} is outside of `min_size` {min} and `max_size` {max}"
            );
            self.error(settings.value_place("desired_capacity"), message);
        }
        let changes = self.group_changes(settings, min, max);
        let types = match requirements {
            Some(of) => self.types_by_attributes(fleet, of),
            None => self.listed_types(settings),
        };
        let Some(offers) = self.offers(fleet, &types) else { return };
        let mixed = self.mixed_instances(fleet, &offers, &types);
        if mixed.is_none() && settings.is_given("mixed_instances") {
            return; // it was refused
        }
        let mixed = mixed.or_else(|| self.all_spot(fleet, &offers, &types));
        let names: Vec<String> = types.iter().map(|one| one.name.clone()).collect();
        let mut group = GroupSetup {
            provider: fleet.provider,
            min,
            max,
            desired: desired.min(max),
            zones: fleet.zones.clone(),
            zoning: self.zoning(settings),
            offers,
            purchase: fleet.purchase,
            allocation: on_demand_allocation(settings),
            warm_pool: self.warm_pool(fleet, mixed.as_ref()),
            mixed,
            shortages: self.shortages(fleet, &names),
            termination: termination_policies(settings),
            lifetime: self.lifetime(settings),
            refreshes: self.refreshes(settings),
            is_protected: settings.flag("protect_from_scale_in"),
            health_check_grace: health_check_grace(settings),
            draining: Draining {
                is_on: !settings.is_given("managed_draining") || settings.flag("managed_draining"),
                longest: settings.span("drain_timeout").unwrap_or(LONGEST_DRAIN),
            },
            timing: timing(&Settings::empty(&crate::scenario::sections::LATENCY, settings.place)),
            changes,
            hooks: self.lifecycle_hooks(settings),
            managed: self.read_managed_scaling(settings),
            scaling: self.read_group_scaling(settings),
            instances: None,
        };
        group.changes.sort_by_key(|change| change.at);
        if group.mixed.is_none() {
            self.first_instances(&group, &fleet.name);
        }
        self.groups.push(group);
    }

    /// Managed scaling, and what ECS refuses of it.
    fn read_managed_scaling(&mut self, settings: &Settings) -> Option<ManagedSetup> {
        let protects = settings.flag("managed_termination_protection");
        let place = settings.place_of("managed_termination_protection");
        if protects && !settings.flag("protect_from_scale_in") {
            let message = "`managed_termination_protection` needs `protect_from_scale_in`";
            let help = "ECS takes away a protection that the group has set";
            self.error_with_help(place, message, help);
        }
        let Some(table) = enabled(settings) else {
            if protects {
                self.error(place, "`managed_termination_protection` needs `managed_scaling`");
            }
            return None;
        };
        if settings.whole32("max_size") == Some(0) {
            let message = "`max_size` 0 with `managed_scaling`: a group that ECS scales must be able to have instances";
            self.error(settings.value_place("max_size"), message);
        }
        let scaling = managed_scaling(table);
        if scaling.min_step > scaling.max_step {
            let message = format!(
                "`minimum_scaling_step_size` {} is above `maximum_scaling_step_size` {}",
                scaling.min_step, scaling.max_step
            );
            self.error(table.value_place("minimum_scaling_step_size"), message);
        }
        let counts_unregistered = table.text("counted_instances") != Some("registered");
        Some(ManagedSetup { scaling, protects, counts_unregistered })
    }

    /// The types of a list: each may be bought either way.
    fn listed_types(&mut self, settings: &Settings) -> Vec<Selected> {
        let types = self.types_of(settings).into_iter();
        types
            .map(|(name, facts, place)| Selected { name, facts, place, bought: [true; 2] })
            .collect()
    }

    /// What a group may launch: each type in each zone.
    fn offers(
        &mut self,
        fleet: &mut FleetSpec<'_>,
        types: &[Selected],
    ) -> Option<Vec<InstanceSetup>> {
        if types.is_empty() || fleet.zones.is_empty() {
            return None;
        }
        let mut offers = Vec::new();
        for zone in fleet.zones.clone() {
            for one in types {
                let new = NewInstance {
                    name: format!("{}-{}", fleet.name, offers.len()),
                    type_name: &one.name,
                    facts: &one.facts,
                    zone,
                    price: None,
                    attributes: &[],
                    place: one.place,
                };
                offers.push(self.new_instance(fleet, &new)?);
            }
        }
        Some(offers)
    }

    /// The instances at the beginning: dealt to the zones in turn, of the type that the group would launch.
    fn first_instances(&mut self, group: &GroupSetup, name: &str) {
        let types = group.offers.len() / group.zones.len();
        for index in 0..group.desired as usize {
            let own = &group.offers[index % group.zones.len() * types..][..types];
            let chosen = match group.allocation {
                Allocation::Prioritized => own.first(),
                Allocation::LowestPrice => own.iter().min_by_key(|o| o.price.at(SimTime::ZERO)),
            };
            let mut instance = chosen.expect("a group has a type").clone();
            instance.registration.name = format!("{name}-{index}");
            self.instances.push(instance);
        }
    }

    fn group_changes(&mut self, settings: &Settings, min: u32, max: u32) -> Vec<CapacityChange> {
        let mut list: Vec<&Settings> = settings.tables("scheduled_actions").collect();
        list.sort_by_key(|change| change.span("at").unwrap_or(SimSpan::ZERO));
        let (mut min, mut max) = (min, max);
        let mut changes = Vec::new();
        for change in list {
            let Some(at) = change.span("at") else { continue };
            let size = |key: &str| change.whole32(key);
            let desired = size("desired_capacity");
            (min, max) = (size("min_size").unwrap_or(min), size("max_size").unwrap_or(max));
            if min > max {
                let message = format!("`min_size` {min} is above `max_size` {max} from then on");
                self.error(change.place, message);
            } else if let Some(desired) = desired.filter(|d| *d < min || *d > max) {
                let message = format!(
                    "`desired_capacity` {desired} is outside of `min_size` {min} and `max_size` {max}, as they are then"
                );
                self.error(change.value_place("desired_capacity"), message);
            }
            if CHANGES.iter().all(|key| size(key).is_none()) {
                let message = "a scheduled action needs `min_size`, `max_size`, `desired_capacity` or \
                               `launch_template_version`";
                self.error(change.place, message);
            }
            let (min, max) = (size("min_size"), size("max_size"));
            let template = size("launch_template_version");
            changes.push(CapacityChange { at: SimTime(at.0), min, max, desired, template });
        }
        changes
    }

    /// How long launches take, once `[latency]` can be read.
    pub(super) fn read_group_timing(&mut self, root: &Settings) {
        if let Some(settings) = root.table("latency") {
            let (timing, settings) = (timing(settings), settings.clone());
            self.groups.iter_mut().for_each(|group| group.timing = timing.clone());
            self.read_managed_timing(&settings);
        }
    }
}

fn timing(latency: &Settings) -> InstanceTiming {
    let get = |key: &str, (min, max): (f64, f64)| {
        latency.distribution(key).cloned().unwrap_or(Distribution::Uniform { min, max })
    };
    let launch = latency.distribution("instance_launch").cloned();
    InstanceTiming {
        launch: launch.unwrap_or(Distribution::Constant(5.0)),
        pending: get("instance_pending", (16.0, 18.0)),
        boot: get("instance_boot", (25.0, 80.0)),
        register: get("instance_register", (5.0, 10.0)),
    }
}

/// The `managed_scaling` of a capacity provider that is ENABLED.
pub(super) fn enabled(settings: &Settings) -> Option<&Settings> {
    settings.table("managed_scaling").filter(|table| table.text("status") != Some("DISABLED"))
}

fn managed_scaling(table: &Settings) -> ManagedScaling {
    let or = ManagedScaling::default();
    let whole = |key: &str, default: u32| table.whole32(key).unwrap_or(default);
    let span = |key: &str, default: SimSpan| table.span(key).unwrap_or(default);
    ManagedScaling {
        target_capacity: whole("target_capacity", or.target_capacity),
        min_step: whole("minimum_scaling_step_size", or.min_step),
        max_step: whole("maximum_scaling_step_size", or.max_step),
        warm_up: span("instance_warmup_period", or.warm_up),
        packing: match table.text("packing") {
            Some("per_resource") => Packing::PerResource,
            _ => Packing::PerTask,
        },
        estimator: match table.text("estimator") {
            Some("legacy") => Estimator::Legacy,
            _ => Estimator::ByGroup,
        },
        metric_delay: span("metric_delay", or.metric_delay),
        high_periods: whole("high_periods", or.high_periods),
        low_periods: whole("low_periods", or.low_periods),
        low_percent: whole("low_percent", or.low_percent),
        scale_in_percent: whole("scale_in_percent", or.scale_in_percent),
        scale_in_interval: span("scale_in_interval", or.scale_in_interval),
    }
}

fn termination_policies(settings: &Settings) -> Vec<TerminationPolicy> {
    let known = |name: &str| {
        TerminationPolicy::ALL.iter().find(|(_, known)| *known == name).map(|(policy, _)| *policy)
    };
    let named = settings.list("termination_policies").iter().filter_map(|item| match &item.value {
        Value::Text(name) => known(name),
        _ => None,
    });
    let named: Vec<TerminationPolicy> = named.collect();
    if named.is_empty() { vec![TerminationPolicy::Default] } else { named }
}
