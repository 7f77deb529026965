//! Mixed instances policies: shares, strategies, and the Spot side of what a group may launch.

use super::Build;
use super::fleet::{FleetSpec, NewInstance, discounted};
use super::instance_requirements::Selected;
use crate::base::money::HourlyRate;
use crate::model::group::Allocation;
use crate::model::platform::Purchase;
use crate::policy::capacity::mixed::{DEFAULT_POOLS, OnDemandShare, SpotAllocation};
use crate::scenario::book::TypeFacts;
use crate::scenario::diagnostic::{quoted, suggestion};
use crate::scenario::settings::Settings;
use crate::sim::setup::{InstanceSetup, MixedSetup, SpotPool};

/// Score of a pool of which nothing is known: the middle of what the Spot Advisor's bands give.
const UNKNOWN_SCORE: u32 = 3;

impl Build<'_> {
    /// The mixed instances policy of a group, where it has one.
    pub(super) fn mixed_instances(
        &mut self,
        fleet: &mut FleetSpec<'_>,
        offers: &[InstanceSetup],
        types: &[Selected],
    ) -> Option<MixedSetup> {
        let policy = fleet.settings.table("mixed_instances")?;
        for (key, instead) in [
            ("purchase", "the policy says how many are On-Demand and how many Spot"),
            ("allocation_strategy", "use its `on_demand_allocation_strategy`"),
        ] {
            let is_said = match key {
                "purchase" => fleet.purchase == Purchase::Spot,
                _ => fleet.settings.is_given(key),
            };
            if is_said {
                let message = format!("`{key}` and `mixed_instances` exclude each other");
                self.error_with_help(fleet.settings.place_of(key), message, instead);
            }
        }
        if policy.is_given("distribution_segments") {
            return self.segments(fleet, policy, offers);
        }
        let spot = self.spot_allocation(policy);
        let known = self.known_pools(fleet, policy, types);
        let interruption =
            self.interruption(fleet, (policy, policy.is_given("spot_max_price")), types);
        let mut pools = Vec::with_capacity(offers.len());
        for (index, offer) in offers.iter().enumerate() {
            let price = self.spot_price_of(fleet, offer)?;
            let (score, hazard_per_hour) = known[index];
            let bought = types[index % types.len()].bought;
            pools.push(SpotPool { price, score, hazard_per_hour, bought });
        }
        Some(MixedSetup {
            share: OnDemandShare {
                base: policy.whole32("on_demand_base_capacity").unwrap_or(0),
                percent: policy.whole32("on_demand_percentage_above_base_capacity").unwrap_or(100),
            },
            spot,
            max_price: policy.rate("spot_max_price"),
            pools,
            interruption,
            segments: None,
        })
    }

    /// A group that is all Spot, of which EC2 takes instances back: the same as a policy without On-Demand instances.
    pub(super) fn all_spot(
        &mut self,
        fleet: &FleetSpec<'_>,
        offers: &[InstanceSetup],
        types: &[Selected],
    ) -> Option<MixedSetup> {
        let settings = fleet.settings;
        settings.table("interruption")?;
        if fleet.purchase != Purchase::Spot || settings.is_given("mixed_instances") {
            let message = "`interruption` is about a group with `purchase = \"spot\"`";
            let help = "with `mixed_instances` write it there";
            self.error_with_help(settings.place_of("interruption"), message, help);
            return None;
        }
        let hazards: Vec<f64> = types.iter().map(|one| self.hazard(settings, &one.name)).collect();
        let pool = |(offer, &hazard_per_hour): (&InstanceSetup, &f64)| SpotPool {
            price: offer.price.clone(),
            score: 0,
            hazard_per_hour,
            bought: [true; 2],
        };
        Some(MixedSetup {
            share: OnDemandShare { base: 0, percent: 0 },
            spot: match on_demand_allocation(settings) {
                Allocation::LowestPrice => SpotAllocation::LowestPrice { pools: 1 },
                // All scores are equal, so that the order of the list decides.
                Allocation::Prioritized => SpotAllocation::CapacityOptimizedPrioritized,
            },
            max_price: None,
            // Each zone has all types in the same order.
            pools: offers.iter().zip(hazards.iter().cycle()).map(pool).collect(),
            interruption: self.interruption(fleet, (settings, false), types),
            segments: None,
        })
    }

    /// The types that a group selects by attributes, and what is refused with them.
    pub(super) fn types_by_attributes(
        &mut self,
        fleet: &FleetSpec<'_>,
        of: &Settings,
    ) -> Vec<Selected> {
        let settings = fleet.settings;
        for key in ["instance_types", "usd_per_hour", "spot_prices", "spot_price_history"] {
            if settings.is_given(key) {
                let message = format!("`{key}` and `instance_requirements` exclude each other");
                let help = "types and prices are the catalogue's; list `instance_types` otherwise";
                self.error_with_help(settings.place_of(key), message, help);
            }
        }
        let Some(policy) = settings.table("mixed_instances") else { return Vec::new() };
        for (key, refused) in [
            ("on_demand_allocation_strategy", "prioritized"),
            ("spot_allocation_strategy", "capacity-optimized-prioritized"),
        ] {
            if policy.is_given(key) && policy.text(key) == Some(refused) {
                let message =
                    format!("{refused:?} needs a list of types: attributes have no order");
                self.error(policy.value_place(key), message);
            }
        }
        let selected = self.select_types(of, false, spot_of(settings));
        self.note_selected(&fleet.name, &selected, true);
        selected
    }

    fn spot_allocation(&mut self, policy: &Settings) -> SpotAllocation {
        let name = policy.text("spot_allocation_strategy").unwrap_or("lowest-price");
        let known = SpotAllocation::ALL.iter().find(|(_, known)| *known == name);
        let strategy = known.map_or(SpotAllocation::default(), |(strategy, _)| *strategy);
        let pools = policy.whole32("spot_instance_pools");
        match strategy {
            SpotAllocation::LowestPrice { .. } => {
                SpotAllocation::LowestPrice { pools: pools.unwrap_or(DEFAULT_POOLS) }
            }
            other => {
                if pools.is_some() {
                    let message =
                        format!("`spot_instance_pools` is about \"lowest-price\", not {name:?}");
                    self.error(policy.place_of("spot_instance_pools"), message);
                }
                other
            }
        }
    }

    /// The score of each offer, and interruptions of an instance in an hour.
    fn known_pools(
        &mut self,
        fleet: &FleetSpec<'_>,
        policy: &Settings,
        types: &[Selected],
    ) -> Vec<(u32, f64)> {
        let types: Vec<String> = types.iter().map(|one| one.name.clone()).collect();
        let mut given = Vec::new();
        for pool in policy.tables("pools") {
            let Some(name) = pool.text("instance_type") else { continue };
            if !types.iter().any(|known| known == name) {
                let message = format!("{} is not among the `instance_types`", quoted(name));
                let help = suggestion(name, types.iter().map(String::as_str));
                self.error_with_help(pool.value_place("instance_type"), message, help);
                continue;
            }
            let zone = pool.text("availability_zone").map(str::to_string);
            let zones: Vec<&str> = fleet.zones.iter().map(|&z| self.zones[z].as_str()).collect();
            if let Some(zone) = zone.as_deref().filter(|zone| !zones.contains(zone)) {
                let message =
                    format!("{} is not among the group's Availability Zones", quoted(zone));
                let help = suggestion(zone, zones.iter().copied());
                self.error_with_help(pool.value_place("availability_zone"), message, help);
                continue;
            }
            let hazard = pool.number("interruptions_per_instance_hour");
            given.push((name.to_string(), zone, (pool.whole32("score"), hazard)));
        }
        let mut found = Vec::new();
        let mut usual: Vec<Option<f64>> = vec![None; types.len()]; // asked for where nobody says otherwise
        for &zone in &fleet.zones {
            for (name, usual) in types.iter().zip(&mut usual) {
                let own = Some(self.zones[zone].as_str());
                let score = said(&given, name, own, |(score, _)| *score);
                let hazard = said(&given, name, own, |(_, hazard)| *hazard);
                let score = score.unwrap_or_else(|| self.known_score(name));
                let hazard = hazard
                    .unwrap_or_else(|| *usual.get_or_insert_with(|| self.hazard(policy, name)));
                found.push((score, hazard));
            }
        }
        found
    }

    fn known_score(&self, instance_type: &str) -> u32 {
        let advice = self.book.spot_advice(&self.region, instance_type);
        advice.map_or(UNKNOWN_SCORE, |advice| advice.band.score())
    }

    /// What an offer costs as Spot.
    fn spot_price_of(
        &mut self,
        fleet: &mut FleetSpec<'_>,
        offer: &InstanceSetup,
    ) -> Option<crate::sim::setup::Price> {
        let of = &offer.registration;
        let facts = self.known_type(&of.instance_type)?;
        let new = NewInstance {
            name: of.name.clone(),
            type_name: &of.instance_type,
            facts: &facts,
            zone: of.zone,
            price: None,
            attributes: &[],
            place: fleet.settings.place_of("mixed_instances"),
        };
        let own = std::mem::replace(&mut fleet.purchase, Purchase::Spot);
        let price = self.instance_price(fleet, &new);
        fleet.purchase = own;
        price
    }
}

/// What a type costs as Spot at the beginning: as its provider says, or as the catalogue does.
pub(super) fn spot_of(provider: &Settings) -> impl Fn(&TypeFacts) -> Option<HourlyRate> {
    let fixed = provider.rate("spot_price_usd_per_hour");
    let discount = provider.number("spot_discount_percent");
    move |facts: &TypeFacts| match (fixed, discount) {
        (Some(rate), _) => Some(rate),
        (None, Some(percent)) => facts.on_demand.map(|rate| discounted(rate, percent)),
        (None, None) => facts.spot,
    }
}

/// What is given of a pool: its type, its zone, its score and its rate of interruptions.
type Known = (String, Option<String>, (Option<u32>, Option<f64>));

/// What the last entry about a pool says; one with its zone goes before one without.
fn said<T>(
    given: &[Known],
    name: &str,
    zone: Option<&str>,
    what: impl Fn(&(Option<u32>, Option<f64>)) -> Option<T>,
) -> Option<T> {
    let of = |zone: Option<&str>| {
        let own = given.iter().rev().filter(|(kind, of, _)| kind == name && of.as_deref() == zone);
        own.filter_map(|(.., known)| what(known)).next()
    };
    of(zone).or_else(|| of(None))
}

/// Attributes that a group's types are selected by.
pub(super) fn requirements(settings: &Settings) -> Option<&Settings> {
    settings.table("mixed_instances")?.table("instance_requirements")
}

/// The On-Demand strategy of a group.
pub(super) fn on_demand_allocation(settings: &Settings) -> Allocation {
    let own = settings.text("allocation_strategy");
    let of_policy = settings
        .table("mixed_instances")
        .and_then(|policy| policy.text("on_demand_allocation_strategy"));
    match of_policy.or(own) {
        Some("lowest-price") => Allocation::LowestPrice,
        None if requirements(settings).is_some() => Allocation::LowestPrice,
        _ => Allocation::Prioritized,
    }
}
