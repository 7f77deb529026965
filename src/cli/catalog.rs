//! `ecsim catalog list` and `ecsim catalog show`: what the price and instance book says, for people as a table
//! and for programs as JSON. Results go to the writer that the caller gives; nothing else is printed.

mod json;
mod side;
mod update;

use super::screen::{align_right, table};
use crate::base::money::HourlyRate;
use crate::catalog::{
    Catalogue, FargatePrice, InstanceType, OnDemandPrice, PriceFile, price_file::MAX_BYTES,
};
use crate::model::platform::Architecture;
use comfy_table::Table;
use std::fmt::Write as _;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

/// Region of prices where the user names none.
const DEFAULT_REGION: &str = "us-east-1";

/// The price and instance book
#[derive(clap::Args, Clone, Debug)]
#[command(
    after_help = "Examples:\n  ecsim catalog list --family m7g\n  ecsim catalog show m7g.xlarge"
)]
pub struct CatalogArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: CatalogVerb,
}

/// What to do with the book.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum CatalogVerb {
    /// List instance types with their On-Demand price in one region
    #[command(after_help = "Examples:\n  ecsim catalog list --family m7g\n  \
        ecsim catalog list --region eu-west-1 --arch arm64 --min-vcpus 4 --format json")]
    List(ListArgs),
    /// Make a price file from what AWS publishes, and from price files of your own
    #[command(after_help = "Examples:\n  \
        aws pricing get-products --service-code AmazonECS --region us-east-1 > ecs.json\n  \
        ecsim catalog update ecs.json offers/*.json spot.json -o prices.csv\n  \
        ecsim catalog update ec2.json mine.csv --region eu-west-1 -o prices.csv --plans plans.toml\n\n\
        Takes: aws pricing get-products, bulk offer files, aws ec2 describe-instance-types,\n\
        aws ec2 describe-spot-price-history, aws savingsplans describe-savings-plans-offering-rates, and\n\
        price files (CSV), which outrank the others. A scenario uses the result as [prices] file = ...")]
    Update(update::UpdateArgs),
    /// Show everything about one instance type, about Fargate, or what is charged beside compute
    #[command(after_help = "Examples:\n  ecsim catalog show m7g.xlarge\n  \
        ecsim catalog show m7g.xlarge --region sa-east-1\n  ecsim catalog show fargate --format json\n  \
        ecsim catalog show side --region eu-west-1")]
    Show(ShowArgs),
}

/// Arguments of `catalog list`.
#[derive(clap::Args, Clone, Debug)]
pub struct ListArgs {
    /// Region of the prices [default: us-east-1]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// Only this family, such as m7g
    #[arg(long, value_name = "FAMILY")]
    pub family: Option<String>,
    /// Only this CPU architecture
    #[arg(long, value_name = "ARCH")]
    pub arch: Option<ArchArg>,
    /// Only types with at least this many vCPUs
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub min_vcpus: u32,
    /// Only types with at most this many vCPUs
    #[arg(long, value_name = "N", default_value_t = u32::MAX, hide_default_value = true)]
    pub max_vcpus: u32,
    /// Only types with at least this much memory, GiB
    #[arg(long, value_name = "GIB", default_value_t = 0)]
    pub min_memory: u32,
    /// Only types with at most this much memory, GiB
    #[arg(long, value_name = "GIB", default_value_t = u32::MAX, hide_default_value = true)]
    pub max_memory: u32,
    /// Only types with GPUs
    #[arg(long)]
    pub gpu: bool,
    /// Only types of the current generation
    #[arg(long)]
    pub current: bool,
    /// Only types that cost at most this much an hour
    #[arg(long, value_name = "USD", value_parser = usd)]
    pub max_usd: Option<HourlyRate>,
    /// In which order; what has no price comes last
    #[arg(long, value_enum, default_value_t)]
    pub sort: SortArg,
    /// What they have in common with `show`.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// Arguments of `catalog show`.
#[derive(clap::Args, Clone, Debug)]
pub struct ShowArgs {
    /// An instance type such as m7g.xlarge; or fargate; or side, for volumes, addresses, balancers, transfer, logs
    #[arg(value_name = "TYPE")]
    pub name: String,
    /// Only the prices of this region [default: every region]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// What they have in common with `list`.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// Arguments of both verbs.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct CommonArgs {
    /// A price file of your own, above the book; the last one wins
    #[arg(long = "price-file", value_name = "FILE")]
    pub price_files: Vec<PathBuf>,
    /// What stdout gets
    #[arg(long, value_enum, default_value_t)]
    pub format: CatalogFormat,
}

/// What stdout gets.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CatalogFormat {
    /// A table for people.
    #[default]
    Human,
    /// JSON for programs.
    Json,
}

/// Orders of the list.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SortArg {
    /// By family, then size.
    #[default]
    Family,
    /// By vCPUs.
    Vcpus,
    /// By memory.
    Memory,
    /// By price.
    Price,
    /// By price of a vCPU.
    VcpuPrice,
    /// By price of a GB.
    GbPrice,
}

/// Dollars an hour on the command line.
fn usd(text: &str) -> Result<HourlyRate, String> {
    HourlyRate::parse(text).map_err(|error| error.to_string())
}

/// A CPU architecture on the command line.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArchArg {
    /// 64-bit x86.
    #[value(name = "x86_64", alias = "X86_64")]
    X86,
    /// 64-bit ARM (Graviton).
    #[value(name = "arm64", alias = "ARM64")]
    Arm,
}

/// Why the verb failed.
#[derive(Debug, thiserror::Error)]
pub enum CatalogFailure {
    /// The user's mistake: exit code 2.
    #[error("{0}")]
    Input(String),
    /// The results could not be written.
    #[error("cannot write the results: {0}")]
    Output(#[from] io::Error),
}

/// Answers `args` on `out`. A reader that closed the pipe early is no error. What is odd but accepted in a price
/// file is returned as warnings, for stderr.
///
/// # Errors
/// [`CatalogFailure::Input`] for an unknown type, region or family, or a bad price file;
/// [`CatalogFailure::Output`] where `out` cannot take the results.
pub fn run(args: &CatalogArgs, out: &mut dyn Write) -> Result<Vec<String>, CatalogFailure> {
    let (common, region) = match &args.verb {
        CatalogVerb::List(list) => (&list.common, list.region.as_deref().or(Some(DEFAULT_REGION))),
        CatalogVerb::Show(show) => (&show.common, show.region.as_deref()),
        CatalogVerb::Update(args) => return update::run(args, out),
    };
    let (catalogue, warnings) = open(&common.price_files, region)?;
    let text = match &args.verb {
        CatalogVerb::List(list) => list_text(&catalogue, list)?,
        CatalogVerb::Show(show) if show.name.eq_ignore_ascii_case("fargate") => {
            fargate_text(&catalogue, show)?
        }
        CatalogVerb::Show(show) if show.name.eq_ignore_ascii_case("side") => {
            side::text(&catalogue, show)?
        }
        CatalogVerb::Show(show) => type_text(&catalogue, show)?,
        CatalogVerb::Update(_) => unreachable!("it returned above"),
    };
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(warnings),
    }
}

/// The embedded book under the user's price files, and what is odd about these where prices of `region` are asked for;
/// `None`: of every region.
pub(super) fn open(
    paths: &[PathBuf],
    region: Option<&str>,
) -> Result<(Catalogue, Vec<String>), CatalogFailure> {
    let mut catalogue = Catalogue::embedded();
    let mut warnings = Vec::new();
    for path in paths {
        let name = path.display().to_string();
        let bytes = read_limited(path)
            .map_err(|error| CatalogFailure::Input(format!("cannot read {name}: {error}")))?;
        let file = PriceFile::parse(&name, &bytes, &catalogue).map_err(|problems| {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            CatalogFailure::Input(lines.join("\n"))
        })?;
        warnings.extend(file.warnings.iter().map(ToString::to_string));
        warnings.extend(region.and_then(|region| file.lacks(&name, region)));
        catalogue = catalogue.with_price_file(file);
    }
    Ok((catalogue, warnings))
}

/// A file's bytes, and no more than one past the limit, which the parser then refuses.
fn read_limited(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = MAX_BYTES as u64 + 1;
    std::fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

pub(super) fn known_region(catalogue: &Catalogue, region: &str) -> Result<(), CatalogFailure> {
    if catalogue.has_region(region) {
        return Ok(());
    }
    let near = catalogue.nearest_regions(region);
    let hint = if near.is_empty() {
        format!("known: {}", catalogue.regions().join(", "))
    } else {
        format!("did you mean {}?", near.join(" or "))
    };
    Err(CatalogFailure::Input(format!("unknown region {region:?}\n  = help: {hint}")))
}

fn list_text(catalogue: &Catalogue, args: &ListArgs) -> Result<String, CatalogFailure> {
    let region = args.region.as_deref().unwrap_or(DEFAULT_REGION);
    known_region(catalogue, region)?;
    let all = catalogue.instance_types();
    if let Some(family) = &args.family {
        known_family(&all, family)?;
    }
    let architecture = args.arch.map(|arch| match arch {
        ArchArg::X86 => Architecture::X86_64,
        ArchArg::Arm => Architecture::Arm64,
    });
    let mut kept: Vec<InstanceType> = all
        .into_iter()
        .filter(|kind| args.family.as_ref().is_none_or(|family| kind.family() == family))
        .filter(|kind| architecture.is_none_or(|arch| kind.architecture == arch))
        .filter(|kind| (args.min_vcpus..=args.max_vcpus).contains(&kind.vcpus))
        .filter(|kind| has_memory(args, kind))
        .filter(|kind| (!args.gpu || kind.gpus > 0) && (!args.current || kind.current_generation))
        .collect();
    let priced = |kind: &InstanceType| catalogue.on_demand_price(region, &kind.name);
    if let Some(most) = args.max_usd {
        kept.retain(|kind| priced(kind).is_some_and(|price| price.rate <= most));
    }
    let rate = |kind: &InstanceType| priced(kind).map(|price| price.rate);
    kept.sort_by_cached_key(|kind| {
        let order = order_of(args.sort, kind, rate(kind));
        (order, kind.family().to_owned(), kind.vcpus, kind.memory_mib, kind.name.clone())
    });
    if args.common.format == CatalogFormat::Json {
        let types = kept.into_iter().map(|kind| {
            let prices = priced(&kind).map(|price| (region.to_owned(), price));
            (kind, prices.into_iter().collect())
        });
        return Ok(json::types(catalogue, types));
    }
    let price_header = format!("USD/h {region}");
    let mut table = table(&[
        "type",
        "arch",
        "vCPU",
        "memory MiB",
        "registered MiB",
        "GPU",
        "awsvpc tasks",
        "trunked",
        &price_header,
    ]);
    for kind in &kept {
        table.add_row([
            kind.name.clone(),
            kind.architecture.attribute_value().to_owned(),
            kind.vcpus.to_string(),
            kind.memory_mib.to_string(),
            kind.registered_mib.to_string(),
            kind.gpus.to_string(),
            kind.awsvpc_tasks.to_string(),
            or_dash(kind.awsvpc_tasks_trunked.map(|n| n.to_string())),
            or_dash(priced(kind).map(|price| price.rate.to_string())),
        ]);
    }
    align_right(&mut table, 2..9);
    Ok(format!("{table}\n{} instance types, catalogue {}\n", kept.len(), catalogue.version()))
}

fn has_memory(args: &ListArgs, kind: &InstanceType) -> bool {
    let mib = |gib: u32| u64::from(gib) << 10;
    (mib(args.min_memory)..=mib(args.max_memory)).contains(&kind.memory_mib.into())
}

/// What a list is sorted by; what has no price is last.
fn order_of(sort: SortArg, kind: &InstanceType, rate: Option<HourlyRate>) -> u128 {
    // Prices of a part, times a million: no two that differ in a nano-dollar an hour are alike.
    let part = |parts: u32| {
        rate.map_or(u128::MAX, |rate| u128::from(rate.0) * 1_000_000 / u128::from(parts.max(1)))
    };
    match sort {
        SortArg::Family => 0,
        SortArg::Vcpus => kind.vcpus.into(),
        SortArg::Memory => kind.memory_mib.into(),
        SortArg::Price => part(1),
        SortArg::VcpuPrice => part(kind.vcpus),
        SortArg::GbPrice => part(kind.memory_mib),
    }
}

fn known_family(all: &[InstanceType], family: &str) -> Result<(), CatalogFailure> {
    if all.iter().any(|kind| kind.family() == family) {
        return Ok(());
    }
    let near = crate::base::suggest::nearest(family, all.iter().map(InstanceType::family));
    let hint = near.map_or_else(
        || "a family is the part of a type before the point, such as m7g".to_owned(),
        |near| format!("did you mean {near}?"),
    );
    Err(CatalogFailure::Input(format!("unknown family {family:?}\n  = help: {hint}")))
}

fn type_text(catalogue: &Catalogue, args: &ShowArgs) -> Result<String, CatalogFailure> {
    let kind = catalogue.instance_type(&args.name).ok_or_else(|| {
        let near = catalogue.nearest_instance_types(&args.name);
        let hint = if near.is_empty() {
            "`ecsim catalog list` shows every type".to_owned()
        } else {
            format!("did you mean {}?", near.join(" or "))
        };
        CatalogFailure::Input(format!("unknown instance type {:?}\n  = help: {hint}", args.name))
    })?;
    let regions = regions_of(catalogue, args.region.as_deref())?;
    let prices: Vec<(String, OnDemandPrice)> = regions
        .into_iter()
        .filter_map(|region| catalogue.on_demand_price(&region, &kind.name).map(|p| (region, p)))
        .collect();
    if args.common.format == CatalogFormat::Json {
        return Ok(json::types(catalogue, std::iter::once((kind, prices))));
    }
    let mut text = facts(&kind);
    if prices.is_empty() {
        text.push_str("no On-Demand price is known\n");
    } else {
        let _ = writeln!(text, "{}", prices_table(catalogue, &kind, &prices));
    }
    let _ = writeln!(text, "catalogue {}", catalogue.version());
    Ok(text)
}

/// Prices of a type, one region a row; what is assumed of them says so.
fn prices_table(
    catalogue: &Catalogue,
    kind: &InstanceType,
    prices: &[(String, OnDemandPrice)],
) -> Table {
    let told = |rate: Option<(HourlyRate, bool)>| {
        or_dash(rate.map(
            |(rate, is_assumed)| {
                if is_assumed { format!("{rate} assumed") } else { rate.to_string() }
            },
        ))
    };
    let mut table = table(&[
        "region",
        "USD/h On-Demand, Linux",
        "as of",
        "origin",
        "USD/h Spot",
        "USD/h fee of Managed Instances",
    ]);
    for (region, price) in prices {
        table.add_row([
            region.clone(),
            price.rate.to_string(),
            or_dash(Some(price.as_of.to_owned())),
            price.origin.to_owned(),
            told(catalogue.ec2_spot_of(region, kind)),
            told(catalogue.managed_fee_of(region, &kind.name)),
        ]);
    }
    align_right(&mut table, 1..2);
    table
}

/// What a type holds, as a table of two columns.
fn facts(kind: &InstanceType) -> String {
    let registered = kind.resources(false);
    let traits: Vec<&str> = [
        (kind.burstable, "burstable"),
        (kind.bare_metal, "bare metal"),
        (!kind.current_generation, "older generation"),
        (kind.retired, "retired"),
        (!kind.spot_supported, "no Spot"),
    ]
    .into_iter()
    .filter_map(|(on, name)| on.then_some(name))
    .collect();
    let mut table = table(&["instance type", &kind.name]);
    for (name, value) in [
        ("architecture", kind.architecture.attribute_value().to_owned()),
        ("vCPUs", kind.vcpus.to_string()),
        ("memory advertised, MiB", kind.memory_mib.to_string()),
        ("CPU units registered", registered.cpu.to_string()),
        (
            "memory registered, MiB",
            format!("{} ({})", registered.memory, kind.registered_basis.name()),
        ),
        ("GPUs", kind.gpus.to_string()),
        ("Neuron devices", kind.neuron_devices.to_string()),
        ("network interfaces", kind.max_enis.to_string()),
        ("awsvpc tasks", kind.awsvpc_tasks.to_string()),
        ("awsvpc tasks, trunking", or_dash(kind.awsvpc_tasks_trunked.map(|n| n.to_string()))),
        ("baseline bandwidth, Mbit/s", kind.baseline_bandwidth_mbps.to_string()),
        ("traits", or_dash((!traits.is_empty()).then(|| traits.join(", ")))),
    ] {
        table.add_row([name.to_owned(), value]);
    }
    format!("{table}\n")
}

fn fargate_text(catalogue: &Catalogue, args: &ShowArgs) -> Result<String, CatalogFailure> {
    let regions = regions_of(catalogue, args.region.as_deref())?;
    let prices: Vec<(String, FargatePrice)> = regions
        .iter()
        .flat_map(|region| {
            catalogue.fargate_prices(region).into_iter().map(|price| (region.clone(), price))
        })
        .collect();
    if args.common.format == CatalogFormat::Json {
        return Ok(json::fargate(catalogue, &prices));
    }
    let mut text = String::new();
    if prices.is_empty() {
        text.push_str("no Fargate price is known there; a --price-file can give one\n");
    } else {
        let headers = [
            "region",
            "platform",
            "purchase",
            "vCPU-h",
            "GB-h",
            "storage GB-h",
            "licence vCPU-h",
            "basis",
            "as of",
        ];
        let mut table = table(&headers);
        for (region, price) in &prices {
            let rate = &price.rate;
            let (os, arch) = (rate.os.attribute_value(), rate.architecture.attribute_value());
            table.add_row([
                region.clone(),
                format!("{os}/{arch}"),
                rate.purchase.to_string(),
                rate.vcpu.to_string(),
                rate.memory_gb.to_string(),
                rate.ephemeral_gb.to_string(),
                rate.licence_vcpu.to_string(),
                price.basis.name().to_owned(),
                or_dash(Some(price.as_of.to_owned())),
            ]);
        }
        align_right(&mut table, 3..7);
        let _ = writeln!(text, "{table}");
    }
    let _ = writeln!(text, "{}\ncatalogue {}", sizes_table(catalogue), catalogue.version());
    Ok(text)
}

/// One row per vCPU count with all of its memory sizes.
fn sizes_table(catalogue: &Catalogue) -> Table {
    let sizes = catalogue.fargate_sizes();
    let mut table = table(&["CPU units", "memory GB", "Windows"]);
    for row in sizes.chunk_by(|a, b| a.cpu == b.cpu) {
        let memory: Vec<String> =
            row.iter().map(|size| format!("{}", f64::from(size.memory_mib) / 1024.0)).collect();
        let windows = if row[0].windows { "yes" } else { "no" };
        table.add_row([row[0].cpu.to_string(), memory.join(" "), windows.to_owned()]);
    }
    align_right(&mut table, 0..1);
    table
}

/// The one region asked for, or all of them.
fn regions_of(catalogue: &Catalogue, region: Option<&str>) -> Result<Vec<String>, CatalogFailure> {
    match region {
        Some(region) => {
            known_region(catalogue, region)?;
            Ok(vec![region.to_owned()])
        }
        None => Ok(catalogue.regions().into_iter().map(str::to_owned).collect()),
    }
}

fn or_dash(text: Option<String>) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or_else(|| "-".to_owned())
}
