//! The book that is asked: embedded facts under the user's own price files.

use super::instance::InstanceType;
use super::price_file::PriceFile;
use super::table::Table;
use super::{CATALOGUE_VERSION, assumed};
use crate::base::money::HourlyRate;
use crate::model::fargate::FargateRate;
use crate::model::platform::{Architecture, OperatingSystem, Purchase};
use std::collections::BTreeSet;

/// How a figure came to be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Basis {
    /// Read in a source.
    Seen,
    /// Computed from figures that were seen, by a rule of `data/README.md`.
    Derived,
    /// Given by the user's price file.
    Given,
}

impl Basis {
    /// The name in outputs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Basis::Seen => "seen",
            Basis::Derived => "derived",
            Basis::Given => "given",
        }
    }
}

/// An On-Demand price and where it was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OnDemandPrice {
    /// Linux, shared tenancy, nothing pre-installed.
    pub rate: HourlyRate,
    /// The day for which it is known to hold; empty for the user's own.
    pub as_of: &'static str,
    /// Where it was read, a key of `data/README.md`; `price file` for the user's own.
    pub origin: &'static str,
}

/// Fargate prices of one platform and purchase option, and where they come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FargatePrice {
    /// The prices.
    pub rate: FargateRate,
    /// How the vCPU and memory prices came to be.
    pub basis: Basis,
    /// How the storage price came to be.
    pub ephemeral_basis: Basis,
    /// The day of reading; empty where derived or given.
    pub as_of: &'static str,
    /// Where it was read, a key of `data/README.md`.
    pub origin: &'static str,
}

/// A valid Fargate task size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FargateSize {
    /// CPU units.
    pub cpu: u32,
    /// MiB.
    pub memory_mib: u32,
    /// Whether Windows tasks may have it.
    pub windows: bool,
    /// Whether it is newer than the guide that the other sizes were read from.
    pub newer: bool,
}

/// The price and instance book. Making one costs nothing; each question searches the embedded text.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    own: PriceFile,
}

impl Catalogue {
    /// The embedded facts alone.
    #[must_use]
    pub fn embedded() -> Catalogue {
        Catalogue::default()
    }

    /// The embedded facts under the rows of price files, of which a later one outranks an earlier one.
    #[must_use]
    pub fn with_price_file(mut self, file: PriceFile) -> Catalogue {
        self.own.put_above(file);
        self
    }

    /// The user's own prices.
    pub(super) fn own(&self) -> &PriceFile {
        &self.own
    }

    /// The version for a run's manifest: [`CATALOGUE_VERSION`], and a digest of the price files where there are any.
    #[must_use]
    pub fn version(&self) -> String {
        match self.own.digest() {
            Some(digest) => format!("{CATALOGUE_VERSION}+{digest}"),
            None => CATALOGUE_VERSION.to_owned(),
        }
    }

    /// The newest day of the embedded prices, and the oldest day that price files name.
    #[must_use]
    pub fn as_of(&self) -> (&'static str, Option<&str>) {
        (CATALOGUE_VERSION.get(..10).unwrap_or(CATALOGUE_VERSION), self.own.as_of())
    }

    /// The instance type called `name`, exactly.
    #[must_use]
    pub fn instance_type(&self, name: &str) -> Option<InstanceType> {
        let own = self.own.instance_types.get(name).cloned();
        own.or_else(|| types_table().find(name).map(InstanceType::from_row))
    }

    /// Every instance type, in order of name.
    #[must_use]
    pub fn instance_types(&self) -> Vec<InstanceType> {
        let own = &self.own.instance_types;
        let embedded = types_table().rows().map(InstanceType::from_row);
        let mut all: Vec<InstanceType> = embedded.filter(|t| !own.contains_key(&t.name)).collect();
        all.extend(own.values().cloned());
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// At most three names that are near enough to an unknown `name` to be meant, nearest first.
    #[must_use]
    pub fn nearest_instance_types(&self, name: &str) -> Vec<String> {
        let embedded = types_table().rows().filter_map(|row| row.split(',').next());
        nearest(name, embedded.chain(self.own.instance_types.keys().map(String::as_str)))
    }

    /// The On-Demand price of an instance type in a region; `None` where no source gives one.
    #[must_use]
    pub fn on_demand(&self, region: &str, instance_type: &str) -> Option<HourlyRate> {
        self.on_demand_price(region, instance_type).map(|price| price.rate)
    }

    /// As [`Catalogue::on_demand`], with the day and the origin of the price.
    #[must_use]
    pub fn on_demand_price(&self, region: &str, instance_type: &str) -> Option<OnDemandPrice> {
        if let Some(&rate) = self.own.ec2_price(region, instance_type, Purchase::OnDemand) {
            return Some(OnDemandPrice { rate, as_of: "", origin: "price file" });
        }
        let table = on_demand_table();
        let column = table.columns().skip(1).position(|name| name == region)?;
        let cell = table.find(instance_type)?.split(',').nth(column + 1)?;
        let (price, source) = cell.split_at_checked(cell.len().checked_sub(1)?)?;
        let source = sources_table().find(source).expect("every price names a known source");
        let mut fields = source.split(',').skip(1);
        let mut field = || fields.next().expect("a source has a day and an origin");
        let rate = HourlyRate::parse(price).expect("embedded prices are decimal numbers");
        Some(OnDemandPrice { rate, as_of: field(), origin: field() })
    }

    /// The Spot price of an instance type: the user's own where a price file gives one, else
    /// [`assumed::EC2_SPOT_PERCENT_OF_ON_DEMAND`] of On-Demand.
    #[must_use]
    pub fn ec2_spot(&self, region: &str, instance_type: &str) -> Option<HourlyRate> {
        let own = self.own.ec2_price(region, instance_type, Purchase::Spot).copied();
        own.or_else(|| {
            let on_demand = self.on_demand(region, instance_type)?;
            Some(assumed::percent_of(on_demand, assumed::EC2_SPOT_PERCENT_OF_ON_DEMAND))
        })
    }

    /// As [`Catalogue::ec2_spot`], and whether it is assumed; `None` also where EC2 has no Spot of the type and no price
    /// file says otherwise.
    #[must_use]
    pub fn ec2_spot_of(&self, region: &str, kind: &InstanceType) -> Option<(HourlyRate, bool)> {
        let is_given = self.own.ec2_price(region, &kind.name, Purchase::Spot).is_some();
        let rate = self.ec2_spot(region, &kind.name).filter(|_| is_given || kind.spot_supported)?;
        Some((rate, !is_given))
    }

    /// What ECS charges an hour for a Managed Instance of a type, where a price file says so; see
    /// [`Catalogue::managed_fee_of`].
    #[must_use]
    pub fn managed_fee(&self, region: &str, instance_type: &str) -> Option<HourlyRate> {
        self.own.managed_fee(region, instance_type)
    }

    /// As [`Catalogue::managed_fee`], else what is assumed of the On-Demand price; and whether it is assumed.
    #[must_use]
    pub fn managed_fee_of(&self, region: &str, instance_type: &str) -> Option<(HourlyRate, bool)> {
        let given = self.managed_fee(region, instance_type).map(|fee| (fee, false));
        given.or_else(|| {
            let percent = assumed::managed_fee_percent(instance_type);
            Some((assumed::share_of(self.on_demand(region, instance_type)?, percent), true))
        })
    }

    /// Every region with an On-Demand or Fargate price, in order of name.
    #[must_use]
    pub fn regions(&self) -> Vec<&str> {
        let fargate = fargate_table().rows().filter_map(|row| row.split(',').next());
        let mut all: BTreeSet<&str> = self.own.regions().collect();
        for region in on_demand_table().columns().skip(1).chain(fargate) {
            all.insert(region);
        }
        all.into_iter().collect()
    }

    /// Whether the catalogue knows a region.
    #[must_use]
    pub fn has_region(&self, region: &str) -> bool {
        on_demand_table().columns().skip(1).any(|known| known == region)
            || fargate_table().find(region).is_some()
            || self.own.regions().any(|known| known == region)
    }

    /// At most three names that are near enough to an unknown region to be meant, nearest first.
    #[must_use]
    pub fn nearest_regions(&self, region: &str) -> Vec<String> {
        nearest(region, self.regions())
    }

    /// Names of Availability Zones that a cluster in `region` spans unless it says otherwise: `us-east-1a`, `b`, `c`.
    /// See [`assumed::ZONE_LETTERS`].
    #[must_use]
    pub fn availability_zones(&self, region: &str) -> Vec<String> {
        assumed::ZONE_LETTERS.iter().map(|letter| format!("{region}{letter}")).collect()
    }

    /// Fargate prices of a region, one per platform and purchase option; empty where no source gives any.
    #[must_use]
    pub fn fargate_rates(&self, region: &str) -> Vec<FargateRate> {
        self.fargate_prices(region).into_iter().map(|price| price.rate).collect()
    }

    /// As [`Catalogue::fargate_rates`], with day, origin and basis; in order of system, architecture, purchase.
    ///
    /// Where a user's file gives On-Demand but not Spot to a Linux platform that the catalogue does not know, Spot is
    /// [`assumed::FARGATE_SPOT_PERCENT_OF_ON_DEMAND`] of it. Windows has no Spot (documented).
    #[must_use]
    pub fn fargate_prices(&self, region: &str) -> Vec<FargatePrice> {
        let mut prices: Vec<FargatePrice> =
            fargate_table().find_all(region).map(FargatePrice::from_row).collect();
        for own in self.own.fargate_prices(region) {
            prices.retain(|price| platform(price) != platform(own));
            prices.push(*own);
        }
        for on_demand in prices.clone() {
            let spot = spot_of(&on_demand);
            let is_linux = on_demand.rate.os == OperatingSystem::Linux;
            if is_linux && !prices.iter().any(|price| platform(price) == platform(&spot)) {
                prices.push(spot);
            }
        }
        prices.sort_by_key(platform);
        prices
    }

    /// Every valid Fargate size, ascending by CPU and then memory.
    #[must_use]
    pub fn fargate_sizes(&self) -> Vec<FargateSize> {
        Table::new(include_str!("data/fargate_sizes.csv"))
            .rows()
            .map(FargateSize::from_row)
            .collect()
    }

    /// The sizes of one operating system as (CPU units, MiB), ascending, as
    /// [`crate::model::fargate::fargate_size_for`] wants them.
    #[must_use]
    pub fn fargate_sizes_of(&self, os: OperatingSystem) -> Vec<(u32, u32)> {
        let sizes = self.fargate_sizes().into_iter();
        let fits = sizes.filter(|size| os == OperatingSystem::Linux || size.windows);
        fits.map(|size| (size.cpu, size.memory_mib)).collect()
    }
}

fn types_table() -> Table {
    Table::new(include_str!("data/instance_types.csv"))
}

fn on_demand_table() -> Table {
    Table::new(include_str!("data/on_demand.csv"))
}

fn sources_table() -> Table {
    Table::new(include_str!("data/sources.csv"))
}

fn fargate_table() -> Table {
    Table::new(include_str!("data/fargate.csv"))
}

/// The names that a typing slip or two away from `name`, nearest first, at most three.
fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let wanted = name.trim().to_ascii_lowercase();
    let limit = 1 + wanted.len() / 5;
    let mut near: Vec<(usize, &str)> = known
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(wanted.len()) <= limit)
        .map(|candidate| (strsim::damerau_levenshtein(&wanted, candidate), candidate))
        .filter(|&(distance, _)| distance <= limit)
        .collect();
    near.sort_unstable();
    near.into_iter().take(3).map(|(_, candidate)| candidate.to_owned()).collect()
}

fn platform(price: &FargatePrice) -> (OperatingSystem, Architecture, Purchase) {
    (price.rate.os, price.rate.architecture, price.rate.purchase)
}

/// The assumed Spot price of a platform whose On-Demand price is known.
fn spot_of(on_demand: &FargatePrice) -> FargatePrice {
    let percent = assumed::FARGATE_SPOT_PERCENT_OF_ON_DEMAND;
    let rate = FargateRate {
        purchase: Purchase::Spot,
        vcpu: assumed::percent_of(on_demand.rate.vcpu, percent),
        memory_gb: assumed::percent_of(on_demand.rate.memory_gb, percent),
        ..on_demand.rate
    };
    FargatePrice { rate, basis: Basis::Derived, as_of: "", origin: "assumed", ..*on_demand }
}

impl FargatePrice {
    fn from_row(row: &'static str) -> FargatePrice {
        let mut fields = row.split(',').skip(1);
        let mut field = || fields.next().expect("an embedded row has every column");
        let os = match field() {
            "windows" => OperatingSystem::Windows,
            _ => OperatingSystem::Linux,
        };
        let architecture = match field() {
            "arm64" => Architecture::Arm64,
            _ => Architecture::X86_64,
        };
        let purchase = match field() {
            "spot" => Purchase::Spot,
            _ => Purchase::OnDemand,
        };
        let price = |text| HourlyRate::parse(text).expect("embedded prices are decimal numbers");
        let rate = FargateRate {
            os,
            architecture,
            purchase,
            vcpu: price(field()),
            memory_gb: price(field()),
            ephemeral_gb: price(field()),
            licence_vcpu: price(field()),
        };
        let basis = |text| if text == "seen" { Basis::Seen } else { Basis::Derived };
        let (basis, ephemeral_basis) = (basis(field()), basis(field()));
        FargatePrice { rate, basis, ephemeral_basis, as_of: field(), origin: field() }
    }
}

impl FargateSize {
    fn from_row(row: &str) -> FargateSize {
        let mut fields = row.split(',');
        let mut field = || fields.next().expect("an embedded row has every column");
        let number = |text: &str| text.parse().expect("embedded sizes are whole numbers");
        FargateSize {
            cpu: number(field()),
            memory_mib: number(field()),
            windows: field() == "true",
            newer: field() == "newer",
        }
    }
}
