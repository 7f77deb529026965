//! Reserved Instances, Savings Plans and capacity reservations of a scenario.

use super::Build;
use crate::base::time::SimTime;
use crate::pricing::commitments::{
    COMPUTE_PLAN, FARGATE_PLAN, INSTANCE_PLAN, PlanKind, PlanRates, ReservedInstances, SavingsPlan,
    discounted,
};
use crate::pricing::reservations::CapacityReservation;
use crate::scenario::diagnostic::quoted;
use crate::scenario::settings::Settings;
use crate::scenario::tree::Place;
use crate::sim::setup::Commitments;
use std::collections::BTreeMap;

impl Build<'_> {
    /// What was committed to.
    pub(super) fn commitments(&mut self, root: &Settings) -> Commitments {
        let mut taken = BTreeMap::new();
        let reserved: Vec<&Settings> = root.tables("reserved_instances").collect();
        let plans: Vec<&Settings> = root.tables("savings_plan").collect();
        let mut commitments = Commitments::default();
        for (index, settings) in reserved.into_iter().enumerate() {
            let name = self.commitment_name(settings, &mut taken, "reserved", index);
            commitments.reserved.extend(self.reserved_instances(settings, name));
        }
        for (index, settings) in plans.into_iter().enumerate() {
            let name = self.commitment_name(settings, &mut taken, "savings-plan", index);
            commitments.plans.extend(self.savings_plan(settings, name));
        }
        for (index, settings) in root.tables("capacity_reservation").enumerate() {
            let name = self.commitment_name(settings, &mut taken, "capacity", index);
            commitments.capacity.extend(self.capacity_reservation(settings, name));
        }
        self.give_slots(root, &commitments.capacity);
        self.give_reservations(root, &commitments.capacity);
        commitments
    }

    fn commitment_name(
        &mut self,
        settings: &Settings,
        taken: &mut BTreeMap<String, Place>,
        prefix: &str,
        index: usize,
    ) -> String {
        let own = settings.text("name").map(str::to_string);
        let name = own.unwrap_or_else(|| format!("{prefix}-{}", index + 1));
        let place = match settings.is_given("name") {
            true => settings.value_place("name"),
            false => settings.place,
        };
        self.take_name(taken, &name, place, "commitment");
        name
    }

    fn reserved_instances(
        &mut self,
        settings: &Settings,
        name: String,
    ) -> Option<ReservedInstances> {
        let place = settings.value_place("instance_type");
        let instance_type = settings.text("instance_type")?;
        let facts = self.type_facts(instance_type, place);
        let zone = match settings.text("availability_zone") {
            Some(zone) => Some(self.zone(zone, settings.value_place("availability_zone"))?),
            None => None,
        };
        let facts = facts?;
        let rate = settings
            .rate("usd_per_hour")
            .or_else(|| Some(discounted(facts.on_demand?, INSTANCE_PLAN[term(settings)])));
        let Some(rate) = rate else {
            let message =
                format!("{} has no On-Demand price to take a discount from", quoted(instance_type));
            self.error_with_help(place, message, "write `usd_per_hour`");
            return None;
        };
        Some(ReservedInstances {
            name,
            instance_type: instance_type.to_string(),
            count: settings.whole32("instance_count")?,
            zone,
            rate,
            vcpus: Some(facts.cpu_units / 1_024),
        })
    }

    fn capacity_reservation(
        &mut self,
        settings: &Settings,
        name: String,
    ) -> Option<CapacityReservation> {
        let place = settings.value_place("instance_type");
        let instance_type = settings.text("instance_type")?;
        let facts = self.type_facts(instance_type, place);
        let zone = settings.text("availability_zone").map(str::to_string);
        let zone = self.zone(&zone?, settings.value_place("availability_zone"));
        let from = SimTime(settings.span("from").unwrap_or_default().0);
        let until = settings.span("until").map_or(SimTime::NEVER, |span| SimTime(span.0));
        if until <= from {
            let message = "a capacity reservation that ends before it begins";
            let help = "`until` is after `from`; both count from the start of the run";
            self.error_with_help(settings.value_place("until"), message, help);
            return None;
        }
        let kind = self.reservation_kind(settings, (from, until));
        let (facts, zone, kind) = (facts?, zone?, kind?);
        let Some(rate) = settings.rate("usd_per_hour").or(facts.on_demand) else {
            let message = format!("{} has no On-Demand price", quoted(instance_type));
            self.error_with_help(place, message, "write `usd_per_hour`");
            return None;
        };
        let count = settings.whole32("instance_count")?;
        let instance_type = instance_type.to_string();
        Some(CapacityReservation { name, kind, instance_type, zone, count, from, until, rate })
    }

    fn savings_plan(&mut self, settings: &Settings, name: String) -> Option<SavingsPlan> {
        let kind = self.plan_kind(settings)?;
        let of_instances = match kind {
            PlanKind::Compute => COMPUTE_PLAN,
            PlanKind::Ec2Instance(_) => INSTANCE_PLAN,
        };
        let discount = |key: &str, otherwise: [u32; 2]| match settings.number(key) {
            Some(percent) => (percent * 10_000.0).round() as u32,
            None => otherwise[term(settings)],
        };
        let commitment = settings.rate("usd_per_hour")?;
        let mut of_types = BTreeMap::new();
        for one in settings.tables("rate") {
            let (Some(name), Some(rate)) = (one.text("instance_type"), one.rate("usd_per_hour"))
            else {
                continue;
            };
            let place = one.value_place("instance_type");
            self.type_facts(name, place);
            if of_types.insert(name.to_string(), rate).is_some() {
                self.error(place, format!("two rates of {} in one plan", quoted(name)));
            }
        }
        let by_platform = |part: &str| {
            let given = FARGATE_PLATFORMS.map(|(platform, key)| {
                let rate = settings.rate(&format!("fargate_{key}{part}_usd_per_hour"))?;
                Some((platform.to_string(), rate))
            });
            given.into_iter().flatten().collect()
        };
        Some(SavingsPlan {
            name,
            kind,
            commitment,
            rates: PlanRates {
                instances: discount("discount_percent", of_instances),
                fargate: discount("fargate_discount_percent", FARGATE_PLAN),
                of_types,
                fargate_vcpu: by_platform("vcpu"),
                fargate_memory: by_platform("gb"),
            },
        })
    }

    fn plan_kind(&mut self, settings: &Settings) -> Option<PlanKind> {
        let family = settings.text("instance_family");
        if settings.text("type")? == "Compute" {
            if family.is_some() {
                let message = "`instance_family` of a Compute plan, which covers all families";
                self.error(settings.place_of("instance_family"), message);
            }
            return Some(PlanKind::Compute);
        }
        for key in OF_FARGATE {
            if settings.is_given(key) {
                let message =
                    format!("`{key}` of an EC2Instance plan, which does not cover Fargate");
                self.error(settings.place_of(key), message);
            }
        }
        let Some(family) = family else {
            let message = "an EC2Instance plan without `instance_family`";
            self.error_with_help(settings.place, message, "such as instance_family = \"m5\"");
            return None;
        };
        self.check_family(family, settings.value_place("instance_family"));
        Some(PlanKind::Ec2Instance(family.to_string()))
    }

    fn check_family(&mut self, family: &str, place: Place) {
        let begins = |name: &str| name.split_once('.').is_some_and(|(of, _)| of == family);
        let is_own = self.types.keys().any(|name| begins(name));
        let large = ["large", "xlarge", "2xlarge", "metal", "medium", "micro"];
        let is_known =
            large.iter().any(|size| self.known_type(&format!("{family}.{size}")).is_some());
        if is_own || is_known {
            return;
        }
        let message = format!("unknown instance family {}", quoted(family));
        let near = self.book.nearest_types(&format!("{family}.large"));
        let help = near.first().and_then(|name| name.split('.').next());
        match help {
            Some(known) => {
                self.error_with_help(place, message, format!("did you mean \"{known}\"?"))
            }
            None => self.error(place, message),
        }
    }
}

/// Keys that say what Fargate costs under a plan.
const OF_FARGATE: [&str; 5] = [
    "fargate_discount_percent",
    "fargate_vcpu_usd_per_hour",
    "fargate_gb_usd_per_hour",
    "fargate_arm_vcpu_usd_per_hour",
    "fargate_arm_gb_usd_per_hour",
];

/// Platforms as on the bill whose rates a plan may give, and what their keys have before the part of a task.
const FARGATE_PLATFORMS: [(&str, &str); 2] = [("linux/x86_64", ""), ("linux/arm64", "arm_")];

/// Number of a term in the tables of discounts.
fn term(settings: &Settings) -> usize {
    usize::from(settings.text("term") == Some("3y"))
}
