//! Histories of Spot prices.
//!
//! | Format | Told by | Time |
//! | --- | --- | --- |
//! | native CSV `time_s, instance_type, availability_zone, usd_per_hour` | its header | seconds from the beginning |
//! | JSON of `aws ec2 describe-spot-price-history` | `{` | calendar |
//! | CSV with the names of that JSON, some may miss: `Timestamp, InstanceType, AvailabilityZone, Region, SpotPrice` | its header | calendar |
//!
//! A price holds until the next one of its market. Published histories are newest first: they are sorted. Where a file
//! lacks the type, it must be given; where it has a region and no zone, the region stands for the zone, and prices of
//! several zones may be mixed.

use super::super::columns::{Column, Unknown, optional, other_separator, required, resolve};
use super::super::lines;
use super::super::problem::{Fault, Faulty, problem, shown};
use super::super::records::{Fields, Records, Separator, bad_number};
use super::super::stream::count;
use super::super::traffic::calendar;
use super::json::{self, Text};
use super::{BEFORE_START, Reading, Verdict, each_row, input, since};
use crate::base::money::HourlyRate;
use crate::base::time::SimTime;
use crate::model::arrival::{RowCounts, TraceProblem};
use crate::model::spot::{PriceChange, PriceHistory, SpotMarket};
use crate::model::workload::{OnRowError, TraceInput};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

const NATIVE: [Column; 4] = [
    required("time_s"),
    required("instance_type"),
    required("availability_zone"),
    required("usd_per_hour"),
];
const OF_AWS: [Column; 6] = [
    required("Timestamp"),
    optional("InstanceType"),
    optional("AvailabilityZone"),
    required("SpotPrice"),
    optional("Region"),
    optional("ProductDescription"),
];

const EXPECTED: &str = "expected the output of `aws ec2 describe-spot-price-history`";
const TWICE: &str = "the same instant twice";
/// A record of another `ProductDescription`.
const OTHER_PRODUCT: &str = "another product than Linux";
const MIXED: &str = "a region stands for its zones";
/// Highest price, dollars an hour: far above any instance.
const MOST: HourlyRate = HourlyRate(100_000 * 1_000_000_000);

/// How a history is read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Where it begins, and bad rows.
    pub reading: Reading,
    /// Type of files that do not say it.
    pub instance_type: Option<String>,
    /// Zone of files that do not say it, instead of their region.
    pub zone: Option<String>,
}

/// Reads the history at `path`; messages call it `display`.
///
/// # Errors
/// The file cannot be read, or a record cannot be used.
pub fn open(path: &Path, display: &str, options: &Options) -> Result<PriceHistory, TraceProblem> {
    let input = input(path, display, options.reading);
    read(lines::open_bytes(&input)?, &input, options)
}

/// As [`open`], from memory or any other reader.
///
/// # Errors
/// As [`open`].
pub fn open_bytes(
    bytes: impl std::io::Read + Send + 'static,
    display: &str,
    options: &Options,
) -> Result<PriceHistory, TraceProblem> {
    let input = input(Path::new(display), display, options.reading);
    read(lines::decompressed(Box::new(bytes), display)?, &input, options)
}

/// Records as they are found; instants are microseconds since 1970, or from the beginning in a native file.
#[derive(Default)]
struct Found {
    markets: BTreeMap<SpotMarket, usize>,
    records: Vec<(i64, usize, HourlyRate)>,
    counts: RowCounts,
}

impl Found {
    fn add(&mut self, at: i64, market: SpotMarket, price: HourlyRate) {
        let next = self.markets.len();
        let market = *self.markets.entry(market).or_insert(next);
        self.records.push((at, market, price));
    }
}

fn read(
    mut bytes: lines::Bytes,
    input: &TraceInput,
    options: &Options,
) -> Result<PriceHistory, TraceProblem> {
    let start = lines::read_start(&mut bytes, 512, &input.display)?;
    let is_json = start.trim_ascii_start().first() == Some(&b'{');
    let bytes: lines::Bytes = Box::new(std::io::Cursor::new(start).chain(bytes));
    let mut found = Found::default();
    let zero = if is_json {
        read_json(bytes, input, options, &mut found)?;
        options.reading.start
    } else {
        let is_native = read_csv(bytes, input, options, &mut found)?;
        if is_native { Some(0) } else { options.reading.start }
    };
    if found.records.is_empty() && input.on_error == OnRowError::Fail {
        return Err(problem(&input.display, "has no price", None));
    }
    Ok(history(found, zero))
}

/// Sorts what was found and counts it from `zero` on, or from the first record.
fn history(mut found: Found, zero: Option<i64>) -> PriceHistory {
    // Markets are numbered by their names, not by who came first.
    let mut number = vec![0; found.markets.len()];
    for (index, &market) in found.markets.values().enumerate() {
        number[market] = index;
    }
    for record in &mut found.records {
        record.1 = number[record.1];
    }
    found.records.sort_by_key(|&(at, market, _)| (at, market));
    let zero = zero.unwrap_or_else(|| found.records.first().map_or(0, |record| record.0));
    let markets: Vec<SpotMarket> = found.markets.into_keys().collect();
    let mut counts = found.counts;
    let mut in_force: Vec<Option<HourlyRate>> = vec![None; markets.len()];
    let mut changes: Vec<PriceChange> = Vec::new();
    let mut skip = |reason| {
        counts.used -= 1;
        count(&mut counts.skipped, reason);
    };
    let mut last: Option<(i64, usize)> = None;
    for &(at, market, price) in &found.records {
        if last == Some((at, market)) {
            skip(TWICE);
            continue;
        }
        last = Some((at, market));
        match since(zero, at) {
            Some(at) => changes.push(PriceChange { at, market, price }),
            None => {
                if in_force[market].replace(price).is_some() {
                    skip(BEFORE_START);
                }
            }
        }
    }
    // What was in force at the start holds from there on, unless a record is of that very instant.
    for (market, price) in in_force.into_iter().enumerate() {
        let Some(price) = price else { continue };
        let has_own =
            changes.iter().take_while(|c| c.at == SimTime::ZERO).any(|c| c.market == market);
        if has_own {
            skip(BEFORE_START);
        } else {
            changes.push(PriceChange { at: SimTime::ZERO, market, price });
        }
    }
    changes.sort_by_key(|change| (change.at, change.market));
    PriceHistory { markets, changes, counts }
}

/// Reads CSV; whether it is native.
fn read_csv(
    bytes: lines::Bytes,
    input: &TraceInput,
    options: &Options,
    found: &mut Found,
) -> Result<bool, TraceProblem> {
    let mut records = Records::new(bytes, input, Separator::Comma)?;
    let (columns, width, is_native) = super::super::header(&mut records, |header| {
        let is_aws = (0..header.len()).any(|index| header.get(index) == b"SpotPrice");
        if let Some(fault) = other_separator(header, &OF_AWS) {
            return Err(fault);
        }
        let at = if is_aws {
            resolve(header, &OF_AWS, Unknown::Ignore)?
        } else {
            resolve(header, &NATIVE, Unknown::Refuse)?
        };
        Ok((at, header.len(), !is_aws))
    })?;
    let mut counts = std::mem::take(&mut found.counts);
    each_row(&mut records, input, &mut counts, |fields, counts| {
        fields.expect_len(width, "the header")?;
        let price = price_of(fields, columns[3].unwrap_or(usize::MAX))?;
        let at = instant_of(fields, columns[0].unwrap_or(usize::MAX), is_native)?;
        if is_other_product(columns.get(5).copied().flatten().map(|index| fields.get(index))) {
            return Ok(Verdict::Skipped(OTHER_PRODUCT));
        }
        let market = market_of(fields, &columns, options)?;
        if !is_native && columns[2].is_none() && options.zone.is_none() {
            count(&mut counts.adjusted, MIXED);
        }
        found.add(at, market, price);
        Ok(Verdict::Used)
    })?;
    found.counts = counts;
    Ok(is_native)
}

fn is_other_product(product: Option<&[u8]>) -> bool {
    product.is_some_and(|product| !product.is_empty() && !product.starts_with(b"Linux/UNIX"))
}

fn market_of(
    fields: Fields<'_>,
    columns: &[Option<usize>],
    options: &Options,
) -> Faulty<SpotMarket> {
    let text = |column: Option<Option<usize>>| {
        let field = column.flatten().map(|index| fields.get(index)).filter(|f| !f.is_empty());
        field.map(|field| String::from_utf8_lossy(field).into_owned())
    };
    let missing = |what: &str, help: &str| {
        Fault::line("a value is missing", format!("the row has no {what}")).help(help)
    };
    let instance_type = text(columns.get(1).copied())
        .or_else(|| options.instance_type.clone())
        .ok_or_else(|| missing("instance type", "say which type the file is of"))?;
    let zone = text(columns.get(2).copied())
        .or_else(|| options.zone.clone())
        .or_else(|| text(columns.get(4).copied()))
        .ok_or_else(|| missing("zone", "say which zone the file is of"))?;
    Ok(SpotMarket { instance_type, zone })
}

fn price_of(fields: Fields<'_>, index: usize) -> Faulty<HourlyRate> {
    let price = HourlyRate(fields.scaled(index, "the price", 9)?);
    if price > MOST {
        let text = format!("the price is {}: more than {MOST} an hour", shown(fields.get(index)));
        return Err(Fault::field(index, "a value is too large", text));
    }
    Ok(price)
}

fn instant_of(fields: Fields<'_>, index: usize, is_native: bool) -> Faulty<i64> {
    let text = fields.get(index);
    if is_native {
        let at = SimTime::parse_seconds(text)
            .map_err(|error| bad_number(index, "time_s", text, error))?;
        return Ok(at.0 as i64); // at most 100 years
    }
    calendar(text, true).map_err(|help| {
        let text = format!("Timestamp is {}: not an instant", shown(text));
        Fault::field(index, "not an instant", text).help(help)
    })
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow, rename = "SpotPriceHistory")]
    records: Vec<Record<'a>>,
}

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow, rename = "Timestamp")]
    timestamp: &'a RawValue,
    #[serde(rename = "InstanceType")]
    instance_type: String,
    #[serde(rename = "AvailabilityZone")]
    zone: String,
    #[serde(borrow, rename = "SpotPrice")]
    price: &'a RawValue,
    #[serde(rename = "ProductDescription")]
    product: Option<String>,
}

fn read_json(
    bytes: lines::Bytes,
    input: &TraceInput,
    options: &Options,
    found: &mut Found,
) -> Result<(), TraceProblem> {
    let all = json::text(bytes, &input.display, EXPECTED)?;
    let text = Text { file: &input.display, all: &all };
    let answer: Answer<'_> = text.parse(EXPECTED)?;
    for record in answer.records {
        found.counts.read += 1;
        if is_other_product(record.product.as_deref().map(str::as_bytes)) {
            count(&mut found.counts.skipped, OTHER_PRODUCT);
            continue;
        }
        match of_record(&record) {
            Ok((at, price)) => {
                let zone = options.zone.clone().unwrap_or(record.zone);
                found.add(at, SpotMarket { instance_type: record.instance_type, zone }, price);
                found.counts.used += 1;
            }
            Err((_, _, reason)) if input.on_error == OnRowError::Skip => {
                count(&mut found.counts.skipped, reason);
            }
            Err((raw, what, _)) => return Err(text.problem(raw, &what, None)),
        }
    }
    Ok(())
}

/// A part that is wrong, what is, and the reason in short.
type BadPart<'a> = (&'a RawValue, String, &'static str);

fn of_record<'a>(record: &Record<'a>) -> Result<(i64, HourlyRate), BadPart<'a>> {
    let (time, price) = (record.timestamp, record.price);
    let at = json::plain(time).and_then(|text| calendar(text.as_bytes(), true).ok());
    let at = at.ok_or_else(|| {
        let shown = shown(time.get().as_bytes());
        (time, format!("Timestamp is {shown}: not an instant"), "not an instant")
    })?;
    let text = json::plain(price).unwrap_or(price.get());
    match HourlyRate::parse(text) {
        Ok(rate) if rate <= MOST => Ok((at, rate)),
        _ => {
            let what = format!("SpotPrice is {}: not dollars an hour", shown(text.as_bytes()));
            Err((price, what, "not a number"))
        }
    }
}
