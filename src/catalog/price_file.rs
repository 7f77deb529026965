//! A user's own price file: rows that outrank the embedded ones, and instance types of the user's own.
//!
//! CSV with a header line; columns in any order; `#` starts a comment; no quotes. Four layouts, told by the header; a file may
//! have several, each under its header. A line `# as of: 2026-10-27` says how old the prices are:
//!
//! | Layout | Columns (required, *optional*) |
//! | --- | --- |
//! | EC2 | `region, instance_type, usd_per_hour`, *`purchase` (`on_demand` or `spot`), `vcpus, memory_mib, arch, registered_mib, gpus, max_enis`* |
//! | Fargate | `region, os, arch, purchase, usd_per_vcpu_hour, usd_per_gb_hour`, *`usd_per_ephemeral_gb_hour`, `usd_licence_per_vcpu_hour`* (required where the catalogue has no such platform; the licence on Windows only) |
//! | beside compute | `region, item, usd`: items and what their prices are for as in `data/side.csv` |
//! | Managed Instances | `region, instance_type, managed_fee_usd_per_hour`: what ECS charges for an instance of a type |
//!
//! An instance type that the catalogue does not know must be described by `vcpus` and `memory_mib`; a known one must
//! not be, since two truths about one type would be one too many. A region that the catalogue does not know is
//! accepted with a warning: AWS opens regions more often than we print the book. All errors are reported at once.

mod fees;
mod reader;
mod rows;
mod side;

use super::book::{Catalogue, FargatePrice};
use super::instance::InstanceType;
use crate::base::money::HourlyRate;
use crate::model::platform::{Architecture, OperatingSystem, Purchase};
use std::collections::BTreeMap;
use std::fmt;

/// The largest price file that is read.
pub const MAX_BYTES: usize = 64 << 20;
/// What is wrong, or only odd, in a price file, and where.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct PriceFileProblem {
    /// The file as the user wrote it.
    pub file: String,
    /// Line, from 1.
    pub line: u64,
    /// Column in bytes, from 1.
    pub column: u64,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl fmt::Display for PriceFileProblem {
    /// `file:line:column: message`, and the hint on a line of its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  = help: {hint}"),
            None => Ok(()),
        }
    }
}

/// Prices and instance types of the user's own.
#[derive(Clone, Debug, Default)]
pub struct PriceFile {
    ec2: BTreeMap<(String, String, Purchase), HourlyRate>,
    fargate: BTreeMap<(String, OperatingSystem, Architecture, Purchase), FargatePrice>,
    pub(super) instance_types: BTreeMap<String, InstanceType>,
    side: BTreeMap<(String, String), HourlyRate>,
    fees: BTreeMap<(String, String), HourlyRate>,
    digest: Option<String>,
    /// The day of its oldest prices, where it says so.
    as_of: Option<String>,
    /// What is odd but accepted, in order of lines.
    pub warnings: Vec<PriceFileProblem>,
}

impl PriceFile {
    /// Reads a price file that lies in memory; `file` is its name for messages, `catalogue` what is known so far.
    ///
    /// # Errors
    /// Every problem of the file, in order of lines (past a hundred the rest is only counted).
    pub fn parse(
        file: &str,
        bytes: &[u8],
        catalogue: &Catalogue,
    ) -> Result<PriceFile, Vec<PriceFileProblem>> {
        reader::Reader::new(file, catalogue).read(bytes)
    }

    /// How many prices there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ec2.len() + self.fargate.len() + self.side.len() + self.fees.len()
    }

    /// How many prices there are of a region.
    #[must_use]
    pub fn len_of(&self, region: &str) -> usize {
        self.regions().filter(|one| *one == region).count()
    }

    /// The warning that none of its prices is of a region, where that is so; `name` is the file's for messages.
    #[must_use]
    pub fn lacks(&self, name: &str, region: &str) -> Option<String> {
        let lacks = !self.is_empty() && self.len_of(region) == 0;
        lacks.then(|| format!("{name} has no price of {region}: the book's are used"))
    }

    /// Whether there is no price.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn put_above(&mut self, above: PriceFile) {
        self.ec2.extend(above.ec2);
        self.fargate.extend(above.fargate);
        self.instance_types.extend(above.instance_types);
        self.side.extend(above.side);
        self.fees.extend(above.fees);
        self.warnings.extend(above.warnings);
        self.as_of = match (self.as_of.take(), above.as_of) {
            (Some(below), Some(above)) => Some(below.min(above)),
            (below, above) => below.or(above),
        };
        self.digest = match (self.digest.take(), above.digest) {
            (Some(below), Some(above)) => Some(format!("{below}+{above}")),
            (below, above) => above.or(below),
        };
    }

    /// The day of its oldest prices, from a line `# as of: 2026-10-27`.
    #[must_use]
    pub fn as_of(&self) -> Option<&str> {
        self.as_of.as_deref()
    }

    /// Prices of instances: region, type, purchase.
    pub(super) fn ec2_rows(
        &self,
    ) -> impl Iterator<Item = (&(String, String, Purchase), HourlyRate)> {
        self.ec2.iter().map(|(key, &rate)| (key, rate))
    }

    /// Prices of Fargate by region.
    pub(super) fn fargate_rows(&self) -> impl Iterator<Item = (&str, &FargatePrice)> {
        self.fargate.iter().map(|(key, price)| (key.0.as_str(), price))
    }

    pub(super) fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    pub(super) fn ec2_price(
        &self,
        region: &str,
        instance_type: &str,
        purchase: Purchase,
    ) -> Option<&HourlyRate> {
        // Most runs have no price file: do not allocate a key for them.
        if self.ec2.is_empty() {
            return None;
        }
        self.ec2.get(&(region.to_owned(), instance_type.to_owned(), purchase))
    }

    pub(super) fn fargate_prices(&self, region: &str) -> impl Iterator<Item = &FargatePrice> {
        self.fargate.iter().filter(move |(key, _)| key.0 == region).map(|(_, price)| price)
    }

    /// Prices of what is charged beside compute: region, item.
    pub(super) fn side_rows(&self) -> impl Iterator<Item = (&(String, String), HourlyRate)> {
        self.side.iter().map(|(key, &rate)| (key, rate))
    }

    pub(super) fn side_price(&self, region: &str, item: &str) -> Option<&HourlyRate> {
        self.side.get(&(region.to_owned(), item.to_owned()))
    }

    /// Fees of Managed Instances: region, type.
    pub(super) fn fee_rows(&self) -> impl Iterator<Item = (&(String, String), HourlyRate)> {
        self.fees.iter().map(|(key, &rate)| (key, rate))
    }

    pub(super) fn managed_fee(&self, region: &str, instance_type: &str) -> Option<HourlyRate> {
        self.fees.get(&(region.to_owned(), instance_type.to_owned())).copied()
    }

    /// The region of every price: each as often as it has prices.
    pub(super) fn regions(&self) -> impl Iterator<Item = &str> {
        let ec2 = self.ec2.keys().map(|key| key.0.as_str());
        let side = self.side.keys().chain(self.fees.keys()).map(|key| key.0.as_str());
        ec2.chain(self.fargate.keys().map(|key| key.0.as_str())).chain(side)
    }
}
