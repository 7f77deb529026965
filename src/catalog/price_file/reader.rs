//! The checks of a price file: header, then row by row, collecting every problem.

use super::fees::{FEE, FEE_COLUMNS};
use super::rows::{Row, fields, lines, shown, too_long};
use super::side::SIDE_COLUMNS;
use super::{MAX_BYTES, PriceFile, PriceFileProblem};
use crate::base::calendar::is_day;
use crate::base::decimal;
use crate::base::money::HourlyRate;
use crate::base::suggest;
use crate::catalog::assumed;
use crate::catalog::book::{Basis, Catalogue, FargatePrice};
use crate::catalog::instance::{InstanceType, MemoryBasis};
use crate::model::fargate::FargateRate;
use crate::model::platform::{Architecture, OperatingSystem, Purchase};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// The highest price of an hour that is believed, in nano-dollars: 100,000 dollars.
const HIGHEST_RATE: u64 = 100_000 * 1_000_000_000;
/// Past this many problems the rest is only counted.
const MAX_PROBLEMS: usize = 100;

/// Mistakes of a header after which the rest of it is passed over.
const MOST_TOLD: usize = 10;

const EC2_COLUMNS: [&str; 10] = [
    "region",
    "instance_type",
    "usd_per_hour",
    "purchase",
    "vcpus",
    "memory_mib",
    "arch",
    "registered_mib",
    "gpus",
    "max_enis",
];
const FARGATE_COLUMNS: [&str; 8] = [
    "region",
    "os",
    "arch",
    "purchase",
    "usd_per_vcpu_hour",
    "usd_per_gb_hour",
    "usd_per_ephemeral_gb_hour",
    "usd_licence_per_vcpu_hour",
];

pub(super) struct Reader<'a> {
    file: &'a str,
    catalogue: &'a Catalogue,
    pub(super) out: PriceFile,
    problems: Vec<PriceFileProblem>,
    /// Problems beyond those that are kept.
    rest: usize,
    new_regions: BTreeSet<String>,
}

const IN_DOLLARS: &str =
    "prices are in US dollars: convert them; `[invoice] currency` tells a bill in another one";

/// Whether an unknown column says that prices are in another currency: `currency`, `eur_per_hour`.
fn is_of_a_currency(name: &str, known: &[&str]) -> bool {
    let name = name.to_ascii_lowercase();
    let Some((code, rest)) = name.split_once('_') else {
        return name == "currency" || name == "eur";
    };
    code == "currency"
        || (code.len() == 3 && code != "usd" && known.contains(&format!("usd_{rest}").as_str()))
}

/// The day that a comment `# as of: 2026-10-27` names; of several the earliest.
fn as_of(bytes: &[u8]) -> Option<String> {
    let text = bytes.split(|&byte| matches!(byte, b'\n' | b'\r'));
    let day = |line: &[u8]| {
        let line = std::str::from_utf8(line).ok()?.trim();
        let day = line.strip_prefix('#')?.trim().strip_prefix("as of:")?.trim();
        is_day(day).then(|| day.to_string())
    };
    text.filter_map(day).min()
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a str, catalogue: &'a Catalogue) -> Self {
        let out = PriceFile::default();
        Reader { file, catalogue, out, problems: Vec::new(), rest: 0, new_regions: BTreeSet::new() }
    }

    pub(super) fn read(mut self, bytes: &[u8]) -> Result<PriceFile, Vec<PriceFileProblem>> {
        if bytes.len() > MAX_BYTES {
            let message = format!("is larger than {} MiB", MAX_BYTES >> 20);
            self.problem(1, 1, message, Some("split it, or leave out what you do not use".into()));
            return Err(self.problems);
        }
        let mut columns: Option<Vec<String>> = None;
        let mut first_seen: BTreeMap<String, u64> = BTreeMap::new();
        for (line, text) in lines(bytes) {
            if let Some(message) = too_long(text) {
                self.problem(line, 1, message.to_owned(), None);
                if columns.is_none() {
                    return self.finish(bytes);
                }
                continue;
            }
            let fields = match fields(text) {
                Ok(fields) => fields,
                Err((column, message)) => {
                    self.problem(line, column, message.to_owned(), None);
                    continue;
                }
            };
            match &columns {
                None => {
                    let names = self.header(line, &fields);
                    if !self.problems.is_empty() {
                        return self.finish(bytes);
                    }
                    columns = Some(names);
                }
                // No region is called so: a second table begins.
                Some(_) if fields.iter().any(|(_, text)| *text == "region") => {
                    let before = self.found();
                    let names = self.header(line, &fields);
                    if self.found() > before {
                        return self.finish(bytes);
                    }
                    columns = Some(names);
                }
                Some(columns) => self.row(&Row { line, columns, fields }, &mut first_seen),
            }
        }
        if columns.is_none() && self.problems.is_empty() {
            let hint =
                format!("the first line must be, for example: {}", EC2_COLUMNS[..3].join(","));
            self.problem(1, 1, "has no header line".into(), Some(hint));
        }
        self.finish(bytes)
    }

    fn finish(mut self, bytes: &[u8]) -> Result<PriceFile, Vec<PriceFileProblem>> {
        if self.problems.is_empty() {
            self.out.as_of = as_of(bytes);
            let digest = Sha256::digest(bytes);
            self.out.digest = Some(digest[..6].iter().map(|byte| format!("{byte:02x}")).collect());
            return Ok(self.out);
        }
        let rest = self.rest;
        if rest > 0 {
            let last = &mut self.problems[MAX_PROBLEMS - 1];
            last.message = format!("{} (and {rest} more problems in this file)", last.message);
        }
        Err(self.problems)
    }

    fn header(&mut self, line: u64, fields: &[(u64, &str)]) -> Vec<String> {
        let names: Vec<String> = fields.iter().map(|(_, name)| (*name).to_owned()).collect();
        let has = |column: &str| names.iter().any(|name| name == column);
        let (known, required): (&[&str], &[&str]) = if has(FEE) {
            (&FEE_COLUMNS, &FEE_COLUMNS)
        } else if has("instance_type") {
            (&EC2_COLUMNS, &EC2_COLUMNS[..3])
        } else if has("item") {
            (&SIDE_COLUMNS, &SIDE_COLUMNS)
        } else {
            (&FARGATE_COLUMNS, &FARGATE_COLUMNS[..6])
        };
        let all = EC2_COLUMNS.into_iter().chain(FARGATE_COLUMNS).chain(SIDE_COLUMNS).chain([FEE]);
        if let [(_, name)] = fields
            && let Some(found) = suggest::other_separator(name, all)
        {
            let (message, hint) = suggest::put_commas(found);
            self.problem(line, 1, message, Some(hint));
            return names;
        }
        let mut wrong = 0;
        for (index, &(column, name)) in fields.iter().enumerate() {
            if wrong == MOST_TOLD {
                let message = "the columns from here on are not looked at".to_owned();
                self.problem(line, column, message, None);
                break;
            }
            let before = self.found();
            if !known.contains(&name) {
                // A name as long as a book is no misspelling, and too costly to compare.
                let near = (name.len() < 64).then(|| suggest::nearest(name, known.iter().copied()));
                let hint = if is_of_a_currency(name, known) {
                    IN_DOLLARS.to_owned()
                } else {
                    near.flatten()
                        .map_or_else(|| format!("known: {}", known.join(", ")), did_you_mean)
                };
                self.problem(line, column, format!("unknown column {}", shown(name)), Some(hint));
            } else if names[..index].iter().any(|earlier| earlier == name) {
                self.problem(line, column, format!("column {name:?} appears twice"), None);
            }
            wrong += self.found() - before;
        }
        for name in required.iter().filter(|name| !names.iter().any(|known| known == *name)) {
            let hint = format!("required: {}", required.join(", "));
            self.problem(line, 1, format!("column {name:?} is missing"), Some(hint));
        }
        names
    }

    fn row(&mut self, row: &Row<'_>, first_seen: &mut BTreeMap<String, u64>) {
        if row.fields.len() != row.columns.len() {
            let (found, expected) = (row.fields.len(), row.columns.len());
            let message = format!("has {found} fields where the header has {expected} columns");
            self.problem(row.line, 1, message, None);
            return;
        }
        let before = self.found();
        let region = self.region(row);
        let has = |column: &str| row.columns.iter().any(|name| name == column);
        let key = if has(FEE) {
            self.fee_row(row, region)
        } else if has("instance_type") {
            self.ec2_row(row, region)
        } else if has("item") {
            self.side_row(row, region)
        } else {
            self.fargate_row(row, region)
        };
        if self.found() > before {
            return;
        }
        if let Some(&earlier) = first_seen.get(&key) {
            let message = format!("{key} was already priced on line {earlier}");
            self.problem(row.line, 1, message, Some("keep one of the two lines".into()));
        } else {
            first_seen.insert(key, row.line);
        }
    }

    fn region(&mut self, row: &Row<'_>) -> String {
        let Some((column, region)) = self.required(row, "region") else { return String::new() };
        if !looks_like_a_region(region) {
            let near = self.catalogue.nearest_regions(region);
            let hint = near.first().map_or_else(
                || "regions look like us-east-1".to_owned(),
                |name| did_you_mean(name),
            );
            self.problem(
                row.line,
                column,
                format!("{} is not a region", shown(region)),
                Some(hint),
            );
        } else if !self.catalogue.has_region(region) && !self.new_regions.contains(region) {
            self.new_regions.insert(region.to_owned());
            let near = self.catalogue.nearest_regions(region);
            self.out.warnings.push(PriceFileProblem {
                file: self.file.to_owned(),
                line: row.line,
                column,
                message: format!("region {region:?} is not in the catalogue; its prices are used"),
                hint: near.first().map(|name| did_you_mean(name)),
            });
        }
        region.to_owned()
    }

    fn ec2_row(&mut self, row: &Row<'_>, region: String) -> String {
        let name = self.required(row, "instance_type");
        let rate = self.rate(row, "usd_per_hour");
        let purchase = self.purchase(row);
        let Some((column, name)) = name else { return String::new() };
        let described = ["vcpus", "memory_mib"].iter().any(|column| row.get(column).is_some());
        if let Some(known) = self.catalogue.instance_type(name) {
            if described {
                let message = format!("{name:?} is in the catalogue already");
                let hint = format!(
                    "leave its vcpus and memory_mib empty ({} vCPUs, {} MiB), or give your own type another name",
                    known.vcpus, known.memory_mib
                );
                self.problem(row.line, column, message, Some(hint));
            }
        } else if described && !is_a_plain_name(name) {
            let hint = "letters, digits, points and hyphens, at most 64".to_owned();
            let message = format!("{} cannot name an instance type", shown(name));
            self.problem(row.line, column, message, Some(hint));
        } else if described {
            self.own_type(row, name);
        } else if !self.knows_type(name) {
            self.unknown_type(row.line, column, name);
        }
        let key = format!("{name} in {region} ({purchase})");
        self.out.ec2.insert((region, name.to_owned(), purchase), rate);
        key
    }

    /// Whether the catalogue or an earlier line describes a type.
    pub(super) fn knows_type(&self, name: &str) -> bool {
        self.out.instance_types.contains_key(name) || self.catalogue.instance_type(name).is_some()
    }

    pub(super) fn unknown_type(&mut self, line: u64, column: u64, name: &str) {
        let near = self.catalogue.nearest_instance_types(name);
        let meant = near.first().map(|near| format!("{} ", did_you_mean(near)));
        let hint = format!(
            "{}A type that the catalogue lacks needs vcpus and memory_mib",
            meant.unwrap_or_default()
        );
        self.problem(line, column, format!("unknown instance type {}", shown(name)), Some(hint));
    }

    /// An instance type that only the user knows; what the file does not say is assumed small rather than large.
    fn own_type(&mut self, row: &Row<'_>, name: &str) {
        let vcpus = self.count(row, "vcpus", 1, 4096).unwrap_or(0);
        let memory_mib = self.count(row, "memory_mib", 1, u64::from(u32::MAX)).unwrap_or(0);
        let given = row.get("registered_mib").is_some();
        let registered = if given {
            self.count(row, "registered_mib", 1, u64::from(memory_mib)).unwrap_or(0)
        } else {
            assumed::registered_memory(memory_mib)
        };
        let has = |column| row.get(column).is_some();
        let gpus = if has("gpus") { self.count(row, "gpus", 0, 64).unwrap_or(0) } else { 0 };
        let max_enis =
            if has("max_enis") { self.count(row, "max_enis", 1, 256).unwrap_or(1) } else { 2 };
        let architecture = match row.get("arch") {
            Some(_) => self.architecture(row),
            None => Architecture::X86_64,
        };
        let small = |number: u32| u16::try_from(number).expect("limited above");
        let own = InstanceType {
            name: name.to_owned(),
            architecture,
            vcpus,
            memory_mib,
            registered_mib: registered,
            registered_basis: if given { MemoryBasis::Given } else { MemoryBasis::Assumed },
            gpus: small(gpus),
            neuron_devices: 0,
            max_enis: small(max_enis),
            awsvpc_tasks: small(max_enis - 1),
            awsvpc_tasks_trunked: None,
            baseline_bandwidth_mbps: 0,
            burstable: false,
            bare_metal: false,
            current_generation: true,
            retired: false,
            spot_supported: true,
        };
        match self.out.instance_types.get(name) {
            Some(earlier) if *earlier != own => {
                let message = format!("{name:?} is described differently on an earlier line");
                self.problem(row.line, 1, message, None);
            }
            _ => {
                self.out.instance_types.insert(name.to_owned(), own);
            }
        }
    }

    fn fargate_row(&mut self, row: &Row<'_>, region: String) -> String {
        let os = self.choice(
            row,
            "os",
            &[("linux", OperatingSystem::Linux), ("windows", OperatingSystem::Windows)],
        );
        let architecture = self.architecture(row);
        self.required(row, "purchase");
        let purchase = self.purchase(row);
        let known = self.catalogue.fargate_rates(&region).into_iter().find(|rate| {
            rate.os == os && rate.architecture == architecture && rate.purchase == purchase
        });
        // What the file leaves out stays as the catalogue has it; what nobody knows must be said.
        let ephemeral_gb = match known {
            Some(known) if row.get("usd_per_ephemeral_gb_hour").is_none() => known.ephemeral_gb,
            _ => self.rate(row, "usd_per_ephemeral_gb_hour"),
        };
        let licence_vcpu = match known {
            _ if os == OperatingSystem::Linux => HourlyRate::default(),
            Some(known) if row.get("usd_licence_per_vcpu_hour").is_none() => known.licence_vcpu,
            _ => self.rate(row, "usd_licence_per_vcpu_hour"),
        };
        let rate = FargateRate {
            os,
            architecture,
            purchase,
            vcpu: self.rate(row, "usd_per_vcpu_hour"),
            memory_gb: self.rate(row, "usd_per_gb_hour"),
            ephemeral_gb,
            licence_vcpu,
        };
        if os == OperatingSystem::Windows && purchase == Purchase::Spot {
            let message = "Fargate Spot has no Windows tasks".to_owned();
            self.problem(row.line, 1, message, Some("use purchase on_demand".into()));
        }
        let price = FargatePrice {
            rate,
            basis: Basis::Given,
            ephemeral_basis: Basis::Given,
            as_of: "",
            origin: "price file",
        };
        let (system, arch) = (os.attribute_value(), architecture.attribute_value());
        let key = format!("Fargate {system}/{arch} in {region} ({purchase})");
        self.out.fargate.insert((region, os, architecture, purchase), price);
        key
    }

    fn purchase(&mut self, row: &Row<'_>) -> Purchase {
        if row.get("purchase").is_none() {
            return Purchase::OnDemand;
        }
        let names = [("on_demand", Purchase::OnDemand), ("spot", Purchase::Spot)];
        self.choice(row, "purchase", &names)
    }

    fn architecture(&mut self, row: &Row<'_>) -> Architecture {
        let names = [("x86_64", Architecture::X86_64), ("arm64", Architecture::Arm64)];
        self.choice(row, "arch", &names)
    }

    /// One of a few names, in any case; the first one beside a problem.
    fn choice<T: Copy>(&mut self, row: &Row<'_>, name: &str, names: &[(&str, T)]) -> T {
        if let Some((column, text)) = self.required(row, name) {
            match names.iter().find(|(known, _)| known.eq_ignore_ascii_case(text)) {
                Some(&(_, value)) => return value,
                None => {
                    let known: Vec<&str> = names.iter().map(|(known, _)| *known).collect();
                    let hint = format!("valid: {}", known.join(", "));
                    self.problem(
                        row.line,
                        column,
                        format!("unknown {name} {}", shown(text)),
                        Some(hint),
                    );
                }
            }
        }
        names[0].1
    }

    pub(super) fn rate(&mut self, row: &Row<'_>, name: &str) -> HourlyRate {
        let Some((column, text)) = self.required(row, name) else { return HourlyRate::default() };
        match HourlyRate::parse(text) {
            Ok(_) if decimal::decimals(text.as_bytes()) > 9 => {
                let message = format!("{name} {} has more than nine decimals", shown(text));
                let hint = "write dollars such as 0.0416".to_owned();
                self.problem(row.line, column, message, Some(hint));
            }
            Ok(rate) if rate.0 <= HIGHEST_RATE => return rate,
            Ok(_) => {
                let hint = "at most 100000 dollars".to_owned();
                self.problem(
                    row.line,
                    column,
                    format!("{name} {} is too high", shown(text)),
                    Some(hint),
                );
            }
            Err(error) => {
                let hint = "write dollars such as 0.0416".to_owned();
                self.problem(
                    row.line,
                    column,
                    format!("{name} {}: {error}", shown(text)),
                    Some(hint),
                );
            }
        }
        HourlyRate::default()
    }

    fn count(&mut self, row: &Row<'_>, name: &str, min: u64, max: u64) -> Option<u32> {
        let (column, text) = self.required(row, name)?;
        let number = decimal::parse_whole(text.as_bytes(), max).ok().filter(|n| *n >= min);
        let number = number.and_then(|n| u32::try_from(n).ok());
        if number.is_none() {
            let hint = format!("a whole number from {min} to {max}");
            self.problem(
                row.line,
                column,
                format!("{name} {} is out of range", shown(text)),
                Some(hint),
            );
        }
        number
    }

    pub(super) fn required<'r>(&mut self, row: &Row<'r>, name: &str) -> Option<(u64, &'r str)> {
        let field = row.get(name);
        if field.is_none() {
            let index = row.columns.iter().position(|column| column == name);
            let column = index.and_then(|i| row.fields.get(i)).map_or(1, |(column, _)| *column);
            self.problem(row.line, column, format!("{name} is missing"), None);
        }
        field
    }

    /// Problems so far, kept or not.
    fn found(&self) -> usize {
        self.problems.len() + self.rest
    }

    pub(super) fn problem(
        &mut self,
        line: u64,
        column: u64,
        message: String,
        hint: Option<String>,
    ) {
        if self.problems.len() == MAX_PROBLEMS {
            self.rest += 1;
            return;
        }
        self.problems.push(PriceFileProblem {
            file: self.file.to_owned(),
            line,
            column,
            message,
            hint,
        });
    }
}

pub(super) fn did_you_mean(name: &str) -> String {
    format!("did you mean {name:?}?")
}

/// What an instance type of the user's own may be called: nothing that a table or a page could trip over.
fn is_a_plain_name(text: &str) -> bool {
    text.len() <= 64
        && !text.starts_with('-')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
}

/// Lower-case words and a number, joined by hyphens: `us-gov-west-1`.
fn looks_like_a_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let (Some(number), true) = (parts.last(), parts.len() >= 3) else { return false };
    let word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    text.len() <= 32
        && parts[..parts.len() - 1].iter().all(word)
        && !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
}
