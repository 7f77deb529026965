//! `aws pricing get-products` and the bulk offer files: what is listed.

use super::{Described, Thing, Update, side, transfer};
use crate::base::money::HourlyRate;
use crate::model::platform::{Architecture, OperatingSystem, Purchase};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Products {
    #[serde(rename = "PriceList")]
    list: Vec<Listed>,
}

/// The API gives each product as JSON within JSON; whoever has unpacked it gives it plain.
#[derive(Deserialize)]
#[serde(untagged)]
enum Listed {
    Text(String),
    Plain(Box<Offer>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Offer {
    product: Product,
    terms: Option<Terms<BTreeMap<String, Term>>>,
    publication_date: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfferFile {
    products: BTreeMap<String, Product>,
    terms: Option<Terms<BTreeMap<String, BTreeMap<String, Term>>>>,
    publication_date: Option<String>,
}

#[derive(Deserialize)]
struct Terms<T> {
    #[serde(rename = "OnDemand")]
    on_demand: Option<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Term {
    #[serde(default)]
    price_dimensions: BTreeMap<String, Dimension>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dimension {
    unit: Option<String>,
    begin_range: Option<String>,
    price_per_unit: BTreeMap<String, String>,
}

impl Dimension {
    /// From how much on it holds.
    fn begin(&self) -> u64 {
        let begin = self.begin_range.as_deref().and_then(|begin| begin.parse::<f64>().ok());
        begin.unwrap_or(0.0) as u64
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Product {
    pub product_family: Option<String>,
    #[serde(default)]
    pub attributes: Attributes,
}

#[derive(Deserialize, Default, Debug)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Attributes {
    pub servicecode: String,
    region_code: String,
    from_region_code: String,
    location_type: String,
    from_location_type: String,
    pub transfer_type: String,
    instance_type: String,
    pub operating_system: String,
    tenancy: String,
    pre_installed_sw: String,
    capacitystatus: String,
    marketoption: String,
    pub usagetype: String,
    pub operation: String,
    vcpu: String,
    memory: String,
    physical_processor: String,
    gpu: String,
}

/// What of a product a run could use.
enum Use {
    Instance,
    Fargate(Part, OperatingSystem, Architecture, Purchase),
    /// The fee of a Managed Instance.
    Fee(String),
    /// An item of the book, and the units in which the list may price it.
    Side(&'static str, &'static [&'static str]),
    /// Transfer out to the internet.
    Internet,
}

impl Attributes {
    /// Where the product is sold: transfer is by the region that it leaves.
    fn region(&self) -> &str {
        if self.region_code.is_empty() { &self.from_region_code } else { &self.region_code }
    }
}

/// Units of what is priced by the hour, in lower case.
const HOURLY: &[&str] = &["hrs", "hours", "gb-hours", "vcpu-hours"];

/// A part of Fargate's price.
enum Part {
    Vcpu,
    Memory,
    Storage,
    Licence,
}

impl Update {
    /// Takes the answer of the price list API.
    pub(super) fn get_products(&mut self, name: &str, text: &[u8]) -> serde_json::Result<()> {
        let file: Products = serde_json::from_slice(text)?;
        let mut newest: Option<String> = None;
        for (index, listed) in file.list.into_iter().enumerate() {
            let place = format!("{name}: PriceList[{index}]");
            let offer = match listed {
                Listed::Plain(offer) => *offer,
                Listed::Text(inner) => match serde_json::from_str(&inner) {
                    Ok(offer) => offer,
                    Err(error) => {
                        self.problem(&place, format!("cannot be read: {error}"), None);
                        continue;
                    }
                },
            };
            newest = newest.max(offer.publication_date);
            let terms = offer.terms.and_then(|terms| terms.on_demand).unwrap_or_default();
            self.offer(&offer.product, &terms, &place);
        }
        self.day(newest.as_deref());
        Ok(())
    }

    /// Takes a bulk offer file.
    pub(super) fn offer_file(&mut self, name: &str, text: &[u8]) -> serde_json::Result<()> {
        let file: OfferFile = serde_json::from_slice(text)?;
        let terms = file.terms.and_then(|terms| terms.on_demand).unwrap_or_default();
        let none = BTreeMap::new();
        for (sku, product) in &file.products {
            let place = format!("{name}: products.{sku}");
            self.offer(product, terms.get(sku).unwrap_or(&none), &place);
        }
        self.day(file.publication_date.as_deref());
        Ok(())
    }

    fn offer(&mut self, product: &Product, terms: &BTreeMap<String, Term>, place: &str) {
        let of = &product.attributes;
        let use_of = match self.use_of(product) {
            Ok(use_of) => use_of,
            Err(reason) => return self.skip(reason),
        };
        let units = match use_of {
            Use::Side(_, units) => units,
            Use::Internet => side::GB,
            _ => HOURLY,
        };
        let may_be_free = matches!(use_of, Use::Fargate(..) | Use::Fee(_));
        let is_free = |rate: HourlyRate| rate.0 == 0 && !may_be_free;
        let mut rates = Vec::new();
        for dimension in self.dimensions(terms, &use_of) {
            match self.dimension(dimension, units, place) {
                Some(rate) if is_free(rate) => self.skip("prices of nothing"),
                Some(rate) => rates.push((dimension.begin(), rate)),
                None => {}
            }
        }
        if matches!(use_of, Use::Internet) {
            return self.internet(rates, of.region(), place);
        }
        for (_, rate) in rates {
            let region = of.region().to_string();
            let thing = match &use_of {
                Use::Instance => {
                    self.describe_product(of, place);
                    Thing::Instance(region, of.instance_type.clone(), Purchase::OnDemand)
                }
                Use::Fargate(part, os, arch, purchase) => match part {
                    Part::Vcpu => Thing::FargateVcpu(region, *os, *arch, *purchase),
                    Part::Memory => Thing::FargateMemory(region, *os, *arch, *purchase),
                    Part::Storage => Thing::FargateStorage(region),
                    Part::Licence => Thing::FargateLicence(region),
                },
                Use::Fee(name) => Thing::ManagedFee(region, name.clone()),
                Use::Side(item, _) => Thing::Side(region, item),
                Use::Internet => return,
            };
            self.price(thing, rate, place);
        }
    }

    /// A price in one of these units.
    fn dimension(&mut self, of: &Dimension, units: &[&str], place: &str) -> Option<HourlyRate> {
        let Some(price) = of.price_per_unit.get("USD") else {
            let found: Vec<&str> = of.price_per_unit.keys().map(String::as_str).collect();
            let message = format!("a price in {}", found.join(", "));
            let hint = "prices are in USD; AWS's regions in China have other books";
            self.problem(place, message, Some(hint));
            return None;
        };
        let unit = of.unit.as_deref().unwrap_or(units[0]).to_ascii_lowercase();
        if !units.contains(&unit.as_str()) {
            self.skip("prices in other units than the book's");
            return None;
        }
        let rate = self.rate(place, price)?;
        // Rounded half up to a nano-dollar.
        let parts = side::share(&unit);
        Some(HourlyRate((rate.0 + parts / 2) / parts))
    }

    /// Takes the tiers of transfer out to the internet.
    fn internet(&mut self, listed: Vec<(u64, HourlyRate)>, region: &str, place: &str) {
        if listed.is_empty() {
            return;
        }
        let Some(tiers) = transfer::tiers(listed) else {
            return self.skip("products of transfer whose tiers begin elsewhere than the book's");
        };
        for (item, rate) in tiers {
            self.price(Thing::Side(region.to_string(), item), rate, place);
        }
    }

    /// The prices of a product; of an item with tiers the first tier that costs anything.
    fn dimensions<'t>(
        &mut self,
        terms: &'t BTreeMap<String, Term>,
        use_of: &Use,
    ) -> Vec<&'t Dimension> {
        let all = terms.values().flat_map(|term| term.price_dimensions.values());
        let mut all: Vec<&Dimension> = all.collect();
        if !matches!(use_of, Use::Side(..)) {
            return all;
        }
        let is_free = |of: &Dimension| {
            let usd = of.price_per_unit.get("USD").and_then(|usd| usd.parse::<f64>().ok());
            usd == Some(0.0)
        };
        if all.iter().any(|of| !is_free(of)) {
            let listed = all.len();
            all.retain(|of| !is_free(of));
            (all.len()..listed).for_each(|_| self.skip("prices of nothing"));
        }
        let first = all.iter().map(|of| of.begin()).min().unwrap_or(0);
        let later = all.iter().filter(|of| of.begin() > first).count();
        (0..later).for_each(|_| self.skip("prices of later tiers of what the book prices once"));
        all.retain(|of| of.begin() <= first);
        all
    }

    fn use_of(&self, product: &Product) -> Result<Use, &'static str> {
        let of = &product.attributes;
        let is_region = |kind: &str| kind.is_empty() || kind == "AWS Region";
        if !is_region(&of.location_type) || !is_region(&of.from_location_type) {
            return Err("products of local zones and others that are no region");
        }
        if of.usagetype.contains("Fargate-") {
            return fargate(of).ok_or("products of Fargate for others than ECS");
        }
        if let Some(name) = side::fee(of) {
            return Ok(Use::Fee(name.to_string()));
        }
        if transfer::is_internet(of) || transfer::is_between_zones(of) {
            if of.region().is_empty() {
                return Err("products of transfer that name no region by its code");
            }
            if transfer::is_internet(of) {
                return Ok(Use::Internet);
            }
        }
        if let Some((item, units)) = side::item(of) {
            return Ok(Use::Side(item, units));
        }
        let family = product.product_family.as_deref().unwrap_or_default();
        if of.instance_type.is_empty() || !family.starts_with("Compute Instance") {
            return Err(side::other(product));
        }
        let may_be = |found: &str, wanted: &str| found.is_empty() || found == wanted;
        if !may_be(&of.operating_system, "Linux") || !may_be(&of.pre_installed_sw, "NA") {
            return Err("instances with other systems or software than Linux");
        }
        let is_plain = may_be(&of.tenancy, "Shared") && may_be(&of.capacitystatus, "Used");
        if !is_plain || !may_be(&of.marketoption, "OnDemand") {
            return Err("instances of other tenancies, and reserved capacity");
        }
        Ok(Use::Instance)
    }

    /// What a product says of its type, for one that the catalogue lacks.
    fn describe_product(&mut self, of: &Attributes, place: &str) {
        if self.catalogue.instance_type(&of.instance_type).is_some() {
            return;
        }
        let gib = of.memory.trim_end_matches("GiB").trim().replace(',', "");
        let (Ok(vcpus), Ok(gib)) = (of.vcpu.parse::<u32>(), gib.parse::<f64>()) else { return };
        let is_arm = of.physical_processor.contains("Graviton");
        let described = Described {
            vcpus,
            memory_mib: (gib * 1_024.0).round() as u32,
            architecture: if is_arm { Architecture::Arm64 } else { Architecture::X86_64 },
            gpus: of.gpu.parse().unwrap_or(0),
            max_enis: None,
        };
        self.describe(of.instance_type.clone(), described, place);
    }
}

/// Which part of Fargate a usage type is, such as `EUW1-Fargate-ARM-vCPU-Hours:perCPU`.
fn fargate(of: &Attributes) -> Option<Use> {
    if !of.servicecode.is_empty() && of.servicecode != "AmazonECS" || of.usagetype.contains("EKS") {
        return None;
    }
    let (before, rest) = of.usagetype.split_once("Fargate-")?;
    let purchase = if before.contains("Spot") { Purchase::Spot } else { Purchase::OnDemand };
    let (linux, windows) = (OperatingSystem::Linux, OperatingSystem::Windows);
    let (x86, arm) = (Architecture::X86_64, Architecture::Arm64);
    let (part, os, arch) = match rest {
        "vCPU-Hours:perCPU" => (Part::Vcpu, linux, x86),
        "GB-Hours" => (Part::Memory, linux, x86),
        "ARM-vCPU-Hours:perCPU" => (Part::Vcpu, linux, arm),
        "ARM-GB-Hours" => (Part::Memory, linux, arm),
        "EphemeralStorage-GB-Hours" => (Part::Storage, linux, x86),
        "Windows-vCPU-Hours:perCPU" => (Part::Vcpu, windows, x86),
        "Windows-GB-Hours" => (Part::Memory, windows, x86),
        "Windows-OS-Hours:perCPU" => (Part::Licence, windows, x86),
        _ => return None,
    };
    Some(Use::Fargate(part, os, arch, purchase))
}
