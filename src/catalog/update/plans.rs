//! `aws savingsplans describe-savings-plans-offering-rates`: what usage costs under a plan.

use super::{Update, is_usage};
use crate::base::money::HourlyRate;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Seconds of the two terms.
const YEAR: u64 = 31_536_000;

#[derive(Deserialize)]
struct File {
    #[serde(rename = "searchResults")]
    results: Vec<Offering>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Offering {
    savings_plan_offering: Plan,
    rate: String,
    #[serde(default)]
    product_type: String,
    #[serde(default)]
    usage_type: String,
    #[serde(default)]
    properties: Vec<Property>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Plan {
    payment_option: String,
    plan_type: String,
    duration_seconds: u64,
    currency: Option<String>,
}

#[derive(Deserialize)]
struct Property {
    name: Option<String>,
    value: Option<String>,
}

/// Region, type of plan, family, years, payment.
type Key = (String, String, String, u64, String);

/// What costs what under a plan: an instance type, or a part of Fargate.
type Rates = BTreeMap<String, (HourlyRate, String)>;

/// Rates of all plans.
#[derive(Clone, Debug, Default)]
pub(super) struct Plans(BTreeMap<Key, Rates>);

/// How a usage type of Fargate ends, and the key of a plan that it is.
const FARGATE: [(&str, &str); 4] = [
    ("Fargate-vCPU-Hours:perCPU", "fargate_vcpu_usd_per_hour"),
    ("Fargate-GB-Hours", "fargate_gb_usd_per_hour"),
    ("Fargate-ARM-vCPU-Hours:perCPU", "fargate_arm_vcpu_usd_per_hour"),
    ("Fargate-ARM-GB-Hours", "fargate_arm_gb_usd_per_hour"),
];

impl Update {
    /// Takes the rates of plans on Linux instances with shared tenancy, and on Fargate.
    pub(super) fn plan_rates(&mut self, name: &str, text: &[u8]) -> serde_json::Result<()> {
        let file: File = serde_json::from_slice(text)?;
        for (index, of) in file.results.iter().enumerate() {
            let place = format!("{name}: searchResults[{index}]");
            self.plan_rate(of, &place);
        }
        Ok(())
    }

    fn plan_rate(&mut self, of: &Offering, place: &str) {
        let plan = &of.savings_plan_offering;
        if let Some(currency) = plan.currency.as_ref().filter(|currency| *currency != "USD") {
            let message = format!("a rate in {currency}");
            return self.problem(
                place,
                message,
                Some("prices are in USD; ask for them with currency USD"),
            );
        }
        let property = |name: &str| {
            let own = of.properties.iter().find(|own| own.name.as_deref() == Some(name));
            own.and_then(|own| own.value.clone())
        };
        let is_linux = property("productDescription").is_none_or(|of| of == "Linux/UNIX");
        let is_shared = property("tenancy").is_none_or(|of| of == "shared");
        let what = match of.product_type.as_str() {
            "EC2" if is_linux && is_shared => property("instanceType"),
            "Fargate" => fargate_part(&of.usage_type).map(str::to_string),
            _ => None,
        };
        let plan_type = match plan.plan_type.as_str() {
            "Compute" => "Compute",
            "EC2Instance" => "EC2Instance",
            _ => return self.skip("rates of plans that are neither Compute nor EC2Instance"),
        };
        let Some(what) = what else {
            return self.skip("rates of other systems, tenancies and services than Linux runs use");
        };
        let Some(region) = property("region").filter(|region| !region.is_empty()) else {
            return self.problem(place, "a rate without its region".into(), None);
        };
        let Some(rate) = self.rate(place, &of.rate) else { return };
        let words = [region.as_str(), what.as_str(), plan.payment_option.as_str()];
        let is_plain =
            |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "._- ".contains(c));
        if !words.into_iter().all(is_plain) {
            return self.problem(
                place,
                format!("{words:?} are no names that a scenario takes"),
                None,
            );
        }
        let years = plan.duration_seconds / YEAR;
        let family = match plan_type {
            "Compute" => String::new(),
            _ => what.split('.').next().unwrap_or_default().to_string(),
        };
        let key = (region, plan_type.to_string(), family, years, plan.payment_option.clone());
        let rates = self.plans.0.entry(key).or_default();
        let known = rates.get(&what).filter(|(known, _)| *known != rate);
        if let Some((known, there)) = known {
            let message = format!("{what} costs {rate} here and {known} at {there}");
            return self.problem(place, message, Some("leave one of them out"));
        }
        rates.insert(what, (rate, place.to_string()));
    }
}

/// Which key of a plan a usage type of Fargate on Linux is. Tasks of EKS have usage types of their own.
fn fargate_part(usage_type: &str) -> Option<&'static str> {
    let is_it = |end: &&(&str, &str)| is_usage(usage_type, end.0);
    FARGATE.iter().find(is_it).map(|&(_, key)| key)
}

impl Plans {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each plan as a table of a scenario that commits to nothing yet.
    pub fn toml(&self, is_wanted: &dyn Fn(&str) -> bool) -> String {
        let mut text = String::new();
        for ((region, kind, family, years, payment), rates) in &self.0 {
            if !is_wanted(region) {
                continue;
            }
            let slug = payment.to_lowercase().replace(' ', "-");
            let of_family = if family.is_empty() { String::new() } else { format!("-{family}") };
            let _ = write!(
                text,
                "# {region}, {payment}; write how many dollars an hour you commit to\n[[savings_plan]]\n\
                 name = \"{}{of_family}-{years}y-{slug}-{region}\"\ntype = \"{kind}\"\n",
                kind.to_lowercase()
            );
            if !family.is_empty() {
                let _ = writeln!(text, "instance_family = \"{family}\"");
            }
            let _ = writeln!(
                text,
                "term = \"{}\"\nusd_per_hour = 0",
                if *years == 3 { "3y" } else { "1y" }
            );
            for (_, key) in FARGATE {
                if let Some((rate, _)) = rates.get(key) {
                    let _ = writeln!(text, "{key} = {rate}");
                }
            }
            for (name, (rate, _)) in rates.iter().filter(|(name, _)| name.contains('.')) {
                let _ = writeln!(
                    text,
                    "[[savings_plan.rate]]\ninstance_type = \"{name}\"\nusd_per_hour = {rate}"
                );
            }
            text.push('\n');
        }
        text
    }
}
