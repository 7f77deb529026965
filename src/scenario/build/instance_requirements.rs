//! Attribute-based selection of instance types, and its price protection: which types may be launched, and how.

use super::Build;
use super::architecture;
use crate::base::money::HourlyRate;
use crate::model::platform::{Architecture, Purchase};
use crate::policy::capacity::mixed::is_price_protected;
use crate::scenario::book::{Found, TypeFacts, Wanted};
use crate::scenario::sections::NO_PROTECTION;
use crate::scenario::settings::{Settings, Value};
use crate::scenario::tree::Place;

/// On-Demand price protection by default, percent above the cheapest type (documented).
const ON_DEMAND_PERCENT: u32 = 20;
/// The same of Spot (assumed: AWS gives no figure).
const SPOT_PERCENT: u32 = 100;

/// A type that meets the requirements, and how it may be bought.
pub(super) struct Selected {
    pub name: String,
    pub facts: TypeFacts,
    pub place: Place,
    /// Whether price protection lets it be launched On-Demand, and as Spot.
    pub bought: [bool; 2],
}

/// How dear an instance may be, in percent above the cheapest type; `None`: whatever it costs.
#[derive(Clone, Copy)]
struct Protection {
    on_demand: Option<u32>,
    spot: Option<u32>,
    /// Spot in percent of the On-Demand price of the cheapest type.
    spot_of_on_demand: Option<u32>,
}

impl Build<'_> {
    /// The types that meet requirements, in order of name, with what price protection leaves of them; empty where there
    /// are none, which has been reported then. `spot` says what a type costs as Spot, where that is known.
    pub(super) fn select_types(
        &mut self,
        of: &Settings,
        is_managed: bool,
        spot: impl Fn(&TypeFacts) -> Option<HourlyRate>,
    ) -> Vec<Selected> {
        let Some(wanted) = self.wanted(of, is_managed) else { return Vec::new() };
        let Some(protection) = self.protection_of(of, is_managed) else { return Vec::new() };
        let found = self.book.types_that_are(&self.region, &wanted);
        let on_demand = |one: &Found| one.facts.on_demand;
        let cheapest = cheapest(&found, on_demand);
        let cheapest_spot = cheapest_spot(&found, &spot);
        let may = |price: Option<HourlyRate>, reference: Option<HourlyRate>, percent| match percent
        {
            None => true,
            Some(percent) => {
                let known = price.zip(reference);
                known.is_some_and(|(price, known)| is_price_protected(price, known, percent))
            }
        };
        let bought = |one: &Found| {
            let price = spot(&one.facts);
            let by_on_demand = match protection.spot_of_on_demand {
                None => true,
                Some(percent) => price.zip(cheapest).is_none_or(|(price, known)| {
                    u128::from(price.0) * 100 <= u128::from(known.0) * u128::from(percent)
                }),
            };
            let as_spot = by_on_demand && may(price, cheapest_spot, protection.spot);
            [may(one.facts.on_demand, cheapest, protection.on_demand), as_spot]
        };
        let selected = found.iter().map(|one| Selected {
            name: one.name.clone(),
            facts: one.facts.clone(),
            place: of.place,
            bought: bought(one),
        });
        let selected: Vec<Selected> = selected.filter(|one| one.bought != [false; 2]).collect();
        if selected.is_empty() {
            let region = &self.region;
            let message = format!(
                "no instance type with a price in {region} meets the `instance_requirements`"
            );
            self.error(of.place, message);
        }
        selected
    }

    /// What the requirements say of types.
    fn wanted(&mut self, of: &Settings, is_managed: bool) -> Option<Wanted> {
        let whole = |key: &str, or: u32| of.whole32(key).unwrap_or(or);
        let names = |key: &str| of.texts(key).map(|(name, _)| name.to_string()).collect();
        let per_vcpu = |key: &str| of.number(key).map(|gib| (gib * 1_024.0).round() as u64);
        let given = |key: &str| -> Vec<String> {
            let text = |value: &Value| match value {
                Value::Text(text) => Some(text.clone()),
                _ => None,
            };
            of.list(key).iter().filter_map(|item| text(&item.value)).collect()
        };
        let generations = given("instance_generations");
        let is_wanted = |name: &str| match generations.is_empty() {
            true => !is_managed || name == "current",
            false => generations.iter().any(|known| known == name),
        };
        let architectures = given("cpu_architectures");
        let architectures = match architectures.is_empty() {
            true if is_managed => vec![Architecture::X86_64, Architecture::Arm64],
            true => vec![Architecture::X86_64],
            false => architectures.iter().map(|name| architecture(Some(name))).collect(),
        };
        let accelerators = whole("min_accelerators", 0);
        let most = if of.is_given("min_accelerators") { u32::MAX } else { 0 };
        let wanted = Wanted {
            vcpus: (whole("min_vcpus", 1), whole("max_vcpus", u32::MAX)),
            memory: (whole("min_memory", 1), whole("max_memory", u32::MAX)),
            mib_per_vcpu: (
                per_vcpu("min_memory_gib_per_vcpu").unwrap_or(0),
                per_vcpu("max_memory_gib_per_vcpu").unwrap_or(u64::MAX),
            ),
            allowed: names("allowed_instance_types"),
            excluded: names("excluded_instance_types"),
            generations: [is_wanted("current"), is_wanted("previous")],
            architectures,
            burstable: which(of, "burstable_performance"),
            bare_metal: which(of, "bare_metal"),
            accelerators: (accelerators, whole("max_accelerators", most)),
        };
        let before = self.problems.len();
        if !wanted.allowed.is_empty() && !wanted.excluded.is_empty() {
            let message =
                "`excluded_instance_types` and `allowed_instance_types` exclude each other";
            self.error(of.place_of("excluded_instance_types"), message);
        }
        let wide = |range: (u32, u32)| (u64::from(range.0), u64::from(range.1));
        for (low, high, range) in [
            ("min_vcpus", "max_vcpus", wide(wanted.vcpus)),
            ("min_memory", "max_memory", wide(wanted.memory)),
            ("min_memory_gib_per_vcpu", "max_memory_gib_per_vcpu", wanted.mib_per_vcpu),
            ("min_accelerators", "max_accelerators", wide(wanted.accelerators)),
        ] {
            if range.0 > range.1 {
                let (least, most) = match low {
                    "min_memory_gib_per_vcpu" => (range.0 / 1_024, range.1 / 1_024),
                    _ => range,
                };
                let message = format!("`{low}` {least} is above `{high}` {most}");
                self.error(of.place_of(low), message);
            }
        }
        (self.problems.len() == before).then_some(wanted)
    }

    fn protection_of(&mut self, of: &Settings, is_managed: bool) -> Option<Protection> {
        let [over, of_on_demand] = [
            "spot_max_price_percentage_over_lowest_price",
            "max_spot_price_as_percentage_of_optimal_on_demand_price",
        ];
        if of.is_given(over) && of.is_given(of_on_demand) {
            self.error(
                of.place_of(of_on_demand),
                format!("`{of_on_demand}` and `{over}` exclude each other"),
            );
            return None;
        }
        let percent = |key: &str, usual: Option<u32>| match of.whole32(key) {
            Some(percent) if u64::from(percent) == NO_PROTECTION => None,
            Some(percent) => Some(percent),
            None => usual.filter(|_| !is_managed),
        };
        let usual = Some(SPOT_PERCENT).filter(|_| !of.is_given(of_on_demand));
        Some(Protection {
            on_demand: percent(
                "on_demand_max_price_percentage_over_lowest_price",
                Some(ON_DEMAND_PERCENT),
            ),
            spot: percent(over, usual),
            spot_of_on_demand: percent(of_on_demand, None),
        })
    }

    /// Tells people which types were selected.
    pub(super) fn note_selected(&mut self, provider: &str, selected: &[Selected], is_mixed: bool) {
        let names = |how: Purchase| {
            let own = selected.iter().filter(|one| one.bought[how as usize]);
            let names: Vec<&str> = own.map(|one| one.name.as_str()).collect();
            match names.len() {
                0 => "none".to_string(),
                count => format!("{count} ({})", names.join(", ")),
            }
        };
        let note = match is_mixed {
            true => format!(
                "{provider}: instance types that meet the `instance_requirements`: On-Demand {}; Spot {}",
                names(Purchase::OnDemand),
                names(Purchase::Spot)
            ),
            false => format!(
                "{provider}: instance types that meet the `instance_requirements`: {}",
                names(Purchase::OnDemand)
            ),
        };
        self.notes.push(note);
    }
}

/// The price that protection counts from: of the cheapest C, M or R type of the current generation; where there is none
/// of the cheapest of the current generation, else of all (documented).
fn cheapest(
    found: &[Found],
    price: impl Fn(&Found) -> Option<HourlyRate> + Copy,
) -> Option<HourlyRate> {
    let least = |is_one: &dyn Fn(&&Found) -> bool| {
        found.iter().filter(|one| is_one(one)).filter_map(price).min()
    };
    least(&|one| one.is_current && one.is_general)
        .or_else(|| least(&|one| one.is_current))
        .or_else(|| least(&|_| true))
}

fn cheapest_spot(
    found: &[Found],
    spot: &impl Fn(&TypeFacts) -> Option<HourlyRate>,
) -> Option<HourlyRate> {
    cheapest(found, |one| spot(&one.facts))
}

/// Whether types with a property are wanted, and types without it.
fn which(of: &Settings, key: &str) -> [bool; 2] {
    match of.text(key) {
        Some("required") => [true, false],
        Some("included") => [true, true],
        _ => [false, true],
    }
}
