//! What AWS publishes, and a CSV of one's own, as one price file.
//!
//! | Input, told by its content | Taken from it |
//! | --- | --- |
//! | `aws pricing get-products` (`PriceList`), bulk offer files (`products`, `terms`) | On-Demand prices of Linux instances with shared tenancy; Fargate; fees of Managed Instances; what is charged beside compute, see `side` and `transfer` |
//! | `aws ec2 describe-instance-types` (`InstanceTypes`) | what a type holds that the catalogue lacks |
//! | `aws ec2 describe-spot-price-history` (`SpotPriceHistory`) | Spot: the mean over the zones of each one's newest price |
//! | `aws savingsplans describe-savings-plans-offering-rates` (`searchResults`) | rates of Savings Plans, as tables of a scenario |
//! | a price file, CSV | its rows, which outrank all others, the last file's the others' |
//!
//! Unknown keys are ignored. Everything that is wrong is found at once, with its place: another currency than USD, a price
//! without its region, two prices for one thing, a price below zero. What is left out is counted by reason.

mod offers;
mod plans;
mod side;
mod spot;
mod transfer;
mod types;

use super::book::{Catalogue, FargatePrice};
use super::price_file::{PriceFile, PriceFileProblem};
use crate::base::calendar;
use crate::base::money::HourlyRate;
use crate::model::fargate::FargateRate;
use crate::model::platform::{Architecture, OperatingSystem, Purchase};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The largest file that is read: AWS's offer of EC2 for one region has some hundred megabytes.
pub const MAX_BYTES: u64 = 2 << 30;
/// Past this many problems the rest is only counted.
const MAX_PROBLEMS: usize = 100;

const EC2_HEADER: &str =
    "region,instance_type,usd_per_hour,purchase,vcpus,memory_mib,arch,registered_mib,gpus,max_enis";
const FARGATE_HEADER: &str = "region,os,arch,purchase,usd_per_vcpu_hour,usd_per_gb_hour,usd_per_ephemeral_gb_hour,\
                              usd_licence_per_vcpu_hour";

/// What is wrong, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// File, and place in it.
    pub place: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<&'static str>,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.place, self.message)?;
        self.hint.map_or(Ok(()), |hint| write!(f, "\n  = help: {hint}"))
    }
}

/// A price and where it stands.
#[derive(Clone, Debug)]
struct Found {
    rate: HourlyRate,
    place: String,
}

/// What is priced: a region, and in it a type or a part of Fargate.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Thing {
    Instance(String, String, Purchase),
    FargateVcpu(String, OperatingSystem, Architecture, Purchase),
    FargateMemory(String, OperatingSystem, Architecture, Purchase),
    FargateStorage(String),
    FargateLicence(String),
    ManagedFee(String, String),
    Side(String, &'static str),
}

impl Thing {
    fn name(&self) -> String {
        match self {
            Thing::Instance(region, name, purchase) => format!("{name} in {region} ({purchase})"),
            Thing::FargateVcpu(region, ..) => format!("a vCPU of Fargate in {region}"),
            Thing::FargateMemory(region, ..) => format!("a GB of Fargate in {region}"),
            Thing::FargateStorage(region) => format!("storage of Fargate in {region}"),
            Thing::FargateLicence(region) => format!("the Windows licence of Fargate in {region}"),
            Thing::ManagedFee(region, name) => format!("the fee of {name} in {region}"),
            Thing::Side(region, item) => format!("{item} in {region}"),
        }
    }

    fn instance_type(&self) -> Option<&str> {
        match self {
            Thing::Instance(_, name, _) | Thing::ManagedFee(_, name) => Some(name),
            _ => None,
        }
    }

    fn region(&self) -> &str {
        match self {
            Thing::Instance(region, ..)
            | Thing::FargateVcpu(region, ..)
            | Thing::FargateMemory(region, ..)
            | Thing::FargateStorage(region)
            | Thing::FargateLicence(region)
            | Thing::ManagedFee(region, _)
            | Thing::Side(region, _) => region,
        }
    }
}

/// What a type holds.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Described {
    vcpus: u32,
    memory_mib: u32,
    architecture: Architecture,
    gpus: u32,
    max_enis: Option<u32>,
}

/// Everything that was read so far.
#[derive(Debug, Default)]
pub struct Update {
    catalogue: Catalogue,
    prices: BTreeMap<Thing, Found>,
    types: BTreeMap<String, Described>,
    spot: spot::Newest,
    plans: plans::Plans,
    own: PriceFile,
    /// The newest day of each file that has days.
    days: Vec<String>,
    files: Vec<String>,
    problems: Vec<Problem>,
    /// Problems beyond those that are kept.
    more: usize,
    /// What was left out, by reason.
    pub skipped: BTreeMap<&'static str, u64>,
}

/// A price file, and what goes with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written {
    /// The price file.
    pub csv: String,
    /// How many prices it has.
    pub prices: usize,
    /// Savings Plans as tables of a scenario; empty without rates of any.
    pub plans: String,
    /// What was left out or is odd, for people.
    pub notes: Vec<String>,
}

/// The keys by which files are told apart.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "PriceList")]
    price_list: Option<IgnoredAny>,
    products: Option<IgnoredAny>,
    #[serde(rename = "InstanceTypes")]
    instance_types: Option<IgnoredAny>,
    #[serde(rename = "SpotPriceHistory")]
    spot: Option<IgnoredAny>,
    #[serde(rename = "searchResults")]
    plans: Option<IgnoredAny>,
}

impl Update {
    /// Nothing read yet.
    #[must_use]
    pub fn new() -> Update {
        Update::default()
    }

    /// Reads a file; `name` is what messages call it. What is wrong with it is kept for [`Update::finish`].
    pub fn read(&mut self, name: &str, bytes: &[u8]) {
        self.files.push(name.to_string());
        let text = bytes.trim_ascii_start();
        if text.starts_with(b"[") {
            let message = "is a JSON list, and nothing that AWS publishes about prices is one";
            let hint = "take the whole answer, without --query: known are PriceList, products, InstanceTypes, \
                        SpotPriceHistory, searchResults";
            return self.problem(name, message.into(), Some(hint));
        }
        if !text.starts_with(b"{") {
            return self.own_prices(name, bytes);
        }
        let head: Head = match serde_json::from_slice(text) {
            Ok(head) => head,
            Err(error) => return self.not_json(name, &error),
        };
        let read = match head {
            Head { price_list: Some(_), .. } => self.get_products(name, text),
            Head { products: Some(_), .. } => self.offer_file(name, text),
            Head { instance_types: Some(_), .. } => self.instance_types(name, text),
            Head { spot: Some(_), .. } => self.spot_history(name, text),
            Head { plans: Some(_), .. } => self.plan_rates(name, text),
            _ => {
                let hint = "known: PriceList, products, InstanceTypes, SpotPriceHistory, searchResults; or a CSV";
                return self.problem(
                    name,
                    "is nothing that AWS publishes about prices".into(),
                    Some(hint),
                );
            }
        };
        if let Err(error) = read {
            self.not_json(name, &error);
        }
    }

    fn not_json(&mut self, name: &str, error: &serde_json::Error) {
        let place = format!("{name}:{}:{}", error.line(), error.column());
        let text = error.to_string();
        let what = text.split(" at line").next().unwrap_or_default();
        self.problem(&place, format!("cannot be read: {what}"), None);
    }

    fn problem(&mut self, place: &str, message: String, hint: Option<&'static str>) {
        if self.problems.len() == MAX_PROBLEMS {
            self.more += 1;
            return;
        }
        self.problems.push(Problem { place: place.to_string(), message, hint });
    }

    fn skip(&mut self, reason: &'static str) {
        *self.skipped.entry(reason).or_default() += 1;
    }

    /// A price as AWS writes it, in the only currency that is taken.
    fn rate(&mut self, place: &str, text: &str) -> Option<HourlyRate> {
        if text.trim_start().starts_with('-') {
            let message = format!("the price {text} is below zero");
            self.problem(place, message, None);
            return None;
        }
        let parsed = HourlyRate::parse(text);
        if let Err(error) = &parsed {
            self.problem(place, format!("the price {text:?}: {error}"), None);
        }
        parsed.ok()
    }

    /// Takes a price; two different ones of one thing are a problem.
    fn price(&mut self, thing: Thing, rate: HourlyRate, place: &str) {
        if thing.region().is_empty() {
            let hint = "ask for products with a regionCode";
            return self.problem(place, "a price without its region".into(), Some(hint));
        }
        let name = thing.instance_type().unwrap_or("x");
        if ![thing.region(), name].into_iter().all(is_plain) {
            let message = format!("{:?} is no name that a price file takes", thing.name());
            return self.problem(place, message, None);
        }
        let known = self.prices.get(&thing).filter(|known| known.rate != rate);
        if let Some(Found { rate: other, place: there }) = known {
            let name = thing.name();
            let message = format!("{name} costs {rate} here and {other} at {there}");
            let hint = "leave one of them out: a price file has one price for a thing";
            return self.problem(place, message, Some(hint));
        }
        self.prices.insert(thing, Found { rate, place: place.to_string() });
    }

    fn own_prices(&mut self, name: &str, bytes: &[u8]) {
        let catalogue = std::mem::take(&mut self.catalogue);
        match PriceFile::parse(name, bytes, &catalogue) {
            Ok(file) => {
                self.days.extend(file.as_of().map(str::to_string));
                self.own.put_above(file);
            }
            Err(problems) => problems.iter().for_each(|problem| self.own_problem(problem)),
        }
        self.catalogue = catalogue;
    }

    fn own_problem(&mut self, of: &PriceFileProblem) {
        let place = format!("{}:{}:{}", of.file, of.line, of.column);
        let hint = of.hint.as_ref().map(|hint| format!("\n  = help: {hint}")).unwrap_or_default();
        self.problem(&place, format!("{}{hint}", of.message), None);
    }

    /// The price file of everything that was read, for these regions or for all.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the files; also where a region that was asked for has no price.
    pub fn finish(mut self, regions: &[String]) -> Result<Written, Vec<Problem>> {
        self.add_spot();
        let is_wanted = |region: &str| regions.is_empty() || regions.iter().any(|r| r == region);
        let instances = self.instance_lines(&is_wanted);
        let (fargate, odd) = self.fargate_lines(&is_wanted);
        let fees = self.fee_lines(&instances, &is_wanted);
        let tables = [
            (EC2_HEADER, instances),
            (FARGATE_HEADER, fargate),
            ("region,item,usd", self.side_lines(&is_wanted)),
            ("region,instance_type,managed_fee_usd_per_hour", fees),
        ];
        let lines = || tables.iter().flat_map(|(_, lines)| lines);
        for region in regions {
            let begins = format!("{region},");
            if !lines().any(|line| line.starts_with(&begins)) {
                let hint = "name a file with its prices, or leave out its --region";
                let files = self.files.join(", ");
                self.problem(&files, format!("no price of {region}"), Some(hint));
            }
        }
        let prices = lines().count();
        if prices == 0 && self.problems.is_empty() && self.plans.is_empty() {
            let files = self.files.join(", ");
            self.problem(&files, "no price that a run could use".into(), None);
        }
        if self.more > 0 {
            let more = self.more;
            let last = &mut self.problems[MAX_PROBLEMS - 1].message;
            let _ = write!(last, " (and {more} more problems)");
        }
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        let mut notes: Vec<String> =
            self.skipped.iter().map(|(why, count)| format!("left out: {count} {why}")).collect();
        notes.extend(odd);
        Ok(Written { csv: self.text(&tables), prices, plans: self.plans.toml(&is_wanted), notes })
    }

    /// Rows of instances, those of the user's own files above AWS's.
    fn instance_lines(&mut self, is_wanted: &dyn Fn(&str) -> bool) -> Vec<String> {
        let mut rates: BTreeMap<(String, String, Purchase), HourlyRate> = BTreeMap::new();
        for (thing, found) in &self.prices {
            if let Thing::Instance(region, name, purchase) = thing {
                rates.insert((region.clone(), name.clone(), *purchase), found.rate);
            }
        }
        rates.extend(self.own.ec2_rows().map(|(key, rate)| (key.clone(), rate)));
        let mut lines = Vec::new();
        let mut unknown = 0;
        for ((region, name, purchase), rate) in rates {
            if !is_wanted(&region) {
                continue;
            }
            let head = format!("{region},{name},{rate},{}", word(purchase));
            if self.catalogue.instance_type(&name).is_some() {
                lines.push(format!("{head},,,,,,"));
            } else if let Some(of) = self.described(&name) {
                lines.push(format!("{head},{of}"));
            } else {
                unknown += 1;
            }
        }
        if unknown > 0 {
            let why = "prices of types that neither the catalogue nor any file describes";
            self.skipped.insert(why, unknown);
        }
        lines
    }

    /// Rows of what is charged beside compute, those of the user's own files above AWS's.
    fn side_lines(&self, is_wanted: &dyn Fn(&str) -> bool) -> Vec<String> {
        let mut rates: BTreeMap<(&str, &str), HourlyRate> = BTreeMap::new();
        for (thing, found) in &self.prices {
            if let Thing::Side(region, item) = thing {
                rates.insert((region, item), found.rate);
            }
        }
        let own = self.own.side_rows().map(|((region, item), rate)| ((&**region, &**item), rate));
        rates.extend(own);
        let wanted = rates.into_iter().filter(|((region, _), _)| is_wanted(region));
        wanted.map(|((region, item), rate)| format!("{region},{item},{rate}")).collect()
    }

    /// Rows of fees of Managed Instances, likewise; of types that the catalogue knows or `instances` describe.
    fn fee_lines(&mut self, instances: &[String], is_wanted: &dyn Fn(&str) -> bool) -> Vec<String> {
        let mut rates: BTreeMap<(String, String), HourlyRate> = BTreeMap::new();
        for (thing, found) in &self.prices {
            if let Thing::ManagedFee(region, name) = thing {
                rates.insert((region.clone(), name.clone()), found.rate);
            }
        }
        rates.extend(self.own.fee_rows().map(|(key, rate)| (key.clone(), rate)));
        let described: BTreeSet<&str> =
            instances.iter().filter_map(|line| line.split(',').nth(1)).collect();
        let mut lines = Vec::new();
        let mut unknown = 0;
        for ((region, name), rate) in rates.into_iter().filter(|((region, _), _)| is_wanted(region))
        {
            if described.contains(&*name) || self.catalogue.instance_type(&name).is_some() {
                lines.push(format!("{region},{name},{rate}"));
            } else {
                unknown += 1;
            }
        }
        if unknown > 0 {
            let why = "fees of types that neither the catalogue nor any priced row describes";
            self.skipped.insert(why, unknown);
        }
        lines
    }

    /// Cells from `vcpus` on, of a type that the catalogue lacks.
    fn described(&self, name: &str) -> Option<String> {
        if let Some(own) = self.own.instance_types.get(name) {
            let arch = own.architecture.attribute_value();
            let sizes = format!("{},{},{arch}", own.vcpus, own.memory_mib);
            return Some(format!("{sizes},{},{},{}", own.registered_mib, own.gpus, own.max_enis));
        }
        let of = self.types.get(name)?;
        let enis = of.max_enis.map_or(String::new(), |enis| enis.to_string());
        let arch = of.architecture.attribute_value();
        Some(format!("{},{},{arch},,{},{enis}", of.vcpus, of.memory_mib, of.gpus))
    }

    /// Rows of Fargate, and what of it is odd.
    fn fargate_lines(&self, is_wanted: &dyn Fn(&str) -> bool) -> (Vec<String>, Vec<String>) {
        type Key = (String, OperatingSystem, Architecture, Purchase);
        let mut rows: BTreeMap<Key, FargateRate> = BTreeMap::new();
        let mut odd = Vec::new();
        let rate = |thing: Thing| self.prices.get(&thing).map(|found| found.rate);
        for thing in self.prices.keys() {
            let (Thing::FargateVcpu(region, os, architecture, purchase)
            | Thing::FargateMemory(region, os, architecture, purchase)) = thing
            else {
                continue;
            };
            let (os, architecture, purchase) = (*os, *architecture, *purchase);
            let key = (region.clone(), os, architecture, purchase);
            let vcpu = rate(Thing::FargateVcpu(region.clone(), os, architecture, purchase));
            let memory = rate(Thing::FargateMemory(region.clone(), os, architecture, purchase));
            let licence = match os {
                OperatingSystem::Linux => Some(HourlyRate::default()),
                OperatingSystem::Windows => rate(Thing::FargateLicence(region.clone())),
            };
            let known = self.known_fargate(&key);
            let storage = rate(Thing::FargateStorage(region.clone()));
            let storage = storage.or(known.map(|known| known.ephemeral_gb));
            let (Some(vcpu), Some(memory_gb), Some(ephemeral_gb), Some(licence_vcpu)) =
                (vcpu, memory, storage, licence)
            else {
                let (os, arch) = (os.attribute_value(), architecture.attribute_value());
                odd.push(format!(
                    "left out: Fargate {os}/{arch} in {region}, of which not every price was found"
                ));
                continue;
            };
            let all = FargateRate {
                os,
                architecture,
                purchase,
                vcpu,
                memory_gb,
                ephemeral_gb,
                licence_vcpu,
            };
            rows.insert(key, all);
        }
        odd.dedup();
        for (region, FargatePrice { rate, .. }) in self.own.fargate_rows() {
            rows.insert((region.to_string(), rate.os, rate.architecture, rate.purchase), *rate);
        }
        let line = |((region, ..), of): (Key, FargateRate)| {
            let (os, arch) = (of.os.attribute_value(), of.architecture.attribute_value());
            let licence = match of.os {
                OperatingSystem::Windows => of.licence_vcpu.to_string(),
                OperatingSystem::Linux => String::new(),
            };
            let rates = format!("{},{},{},{licence}", of.vcpu, of.memory_gb, of.ephemeral_gb);
            format!("{region},{os},{arch},{},{rates}", word(of.purchase))
        };
        let lines = rows.into_iter().filter(|(key, _)| is_wanted(&key.0)).map(line);
        (lines.collect(), odd)
    }

    fn known_fargate(
        &self,
        (region, os, architecture, purchase): &(String, OperatingSystem, Architecture, Purchase),
    ) -> Option<FargateRate> {
        let all = self.catalogue.fargate_rates(region).into_iter();
        let is_it = |of: &FargateRate| {
            of.os == *os && of.architecture == *architecture && of.purchase == *purchase
        };
        all.clone().find(is_it).or_else(|| all.clone().next())
    }

    fn text(&self, tables: &[(&str, Vec<String>)]) -> String {
        let mut text = String::from("# made by ecsim catalog update\n");
        if let Some(day) = self.days.iter().min() {
            let _ = writeln!(text, "# as of: {day}");
        }
        for (header, lines) in tables.iter().filter(|(_, lines)| !lines.is_empty()) {
            let _ = writeln!(text, "{header}");
            lines.iter().for_each(|line| text += &format!("{line}\n"));
        }
        text
    }

    /// Notes the newest day of a file.
    fn day(&mut self, text: Option<&str>) {
        let day = text.and_then(|text| text.get(..10)).filter(|day| calendar::is_day(day));
        self.days.extend(day.map(str::to_string));
    }
}

/// Whether a usage type is this one: alone, or behind the code of a region, as `EUW1-` is. Whatever has more in front is
/// something else (another service's, a local zone's).
fn is_usage(usage_type: &str, wanted: &str) -> bool {
    let Some(before) = usage_type.strip_suffix(wanted) else { return false };
    let code = |code: &str| code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    before.is_empty() || before.strip_suffix('-').is_some_and(|of| !of.is_empty() && code(of))
}

/// Whether a name can stand in a price file.
fn is_plain(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    !name.is_empty() && name.len() <= 64 && name.chars().all(fits)
}

fn word(purchase: Purchase) -> &'static str {
    match purchase {
        Purchase::Spot => "spot",
        _ => "on_demand",
    }
}

/// An instant as AWS's clients write it: text, or seconds since 1970.
#[derive(Deserialize)]
#[serde(untagged)]
enum Moment {
    Text(String),
    Seconds(f64),
}

impl Moment {
    /// RFC 3339, which sorts by time within one file.
    fn text(&self) -> String {
        match self {
            Moment::Text(text) => text.clone(),
            Moment::Seconds(seconds) => {
                let mut text = Vec::new();
                calendar::write_utc(&mut text, *seconds as i64);
                String::from_utf8_lossy(&text).into_owned()
            }
        }
    }
}
