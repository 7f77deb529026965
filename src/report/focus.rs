//! `cost.csv` in the columns of FOCUS 1.2, the FinOps Open Cost and Usage Specification.
//!
//! All 21 columns that the specification calls mandatory are there, those of the conditional ones that a simulation can fill,
//! and columns of our own that begin with `x_`, as it asks. A row is a line of the bill on a calendar day (UTC).
//!
//! As FOCUS has it, usage under a commitment is billed 0 and effectively costs its part of it; the commitment is a purchase
//! of its own, billed and effectively 0. Private discounts are in all but what is listed, and costs and prices are in the
//! currency of the invoice. So `BilledCost` and `EffectiveCost` both sum to `total_usd`, or to the column `invoiced` of
//! `invoice.csv` where there is one, exactly.

use super::csv::TableWriter;
use crate::base::calendar;
use crate::base::money::{HourlyRate, NanoUsd};
use crate::base::spreadsheet::free_text;
use crate::base::time::MICROS_PER_SECOND;
use crate::metrics::table::{ColumnSpec, TableSpec, column};
use crate::model::ids::SourceId;
use crate::pricing::terms::Exchange;
use crate::pricing::{Category, Covering, Line};
use crate::scenario::Scenario;
use crate::sim::RunResult;
use std::collections::BTreeMap;

/// Seconds in a day.
const DAY: i64 = 86_400;

const fn text(name: &'static str, meaning: &'static str) -> ColumnSpec {
    column(name, "text", "–", meaning)
}

const fn money(name: &'static str, meaning: &'static str) -> ColumnSpec {
    column(name, "decimal", "see `BillingCurrency`", meaning)
}

const fn at(name: &'static str, meaning: &'static str) -> ColumnSpec {
    column(name, "instant", "–", meaning)
}

const COLUMNS: &[ColumnSpec] = &[
    money(
        "BilledCost",
        "what is invoiced: 0 for what a commitment covers, which its purchase pays; in sum `total_usd`, or what `invoice.csv` has",
    ),
    text("BillingAccountId", "`outputs.account_id`"),
    text("BillingAccountName", "name of the scenario"),
    text("BillingCurrency", "USD, or `invoice.currency`"),
    at("BillingPeriodEnd", "first instant after the calendar month"),
    at("BillingPeriodStart", "first instant of the calendar month"),
    text(
        "CapacityReservationId",
        "slots of a capacity reservation that nobody was in: `capacity-reservation/` and the type",
    ),
    text("CapacityReservationStatus", "Unused with such slots, else empty"),
    text("ChargeCategory", "Usage; Purchase for a commitment"),
    text("ChargeClass", "empty: nothing is corrected"),
    text("ChargeDescription", "what is charged for, in words"),
    text("ChargeFrequency", "Usage-Based, or Recurring for a commitment"),
    at("ChargePeriodEnd", "end of the calendar day"),
    at("ChargePeriodStart", "beginning of the calendar day"),
    text("CommitmentDiscountCategory", "Usage for Reserved Instances, Spend for a Savings Plan"),
    text("CommitmentDiscountId", "name of the commitment"),
    text("CommitmentDiscountName", "the same"),
    text("CommitmentDiscountStatus", "Used or Unused"),
    text("CommitmentDiscountType", "which kind of commitment"),
    column(
        "ConsumedQuantity",
        "decimal",
        "see `ConsumedUnit`",
        "what was used; empty for purchases and what is unused",
    ),
    text("ConsumedUnit", "unit of it"),
    money("ContractedCost", "at list prices less private discounts"),
    money("ContractedUnitPrice", "list price of a unit less its private discount"),
    money("EffectiveCost", "with commitments spread over what they cover; the same sum"),
    text("InvoiceIssuerName", "AWS"),
    money("ListCost", "at list prices"),
    money("ListUnitPrice", "list price of a unit"),
    text("PricingCategory", "Standard, Dynamic (Spot), Committed"),
    text("PricingCurrency", "USD: what AWS lists prices in"),
    column(
        "PricingQuantity",
        "decimal",
        "see `PricingUnit`",
        "how many priced units, to twelve decimals",
    ),
    text("PricingUnit", "what the price is for"),
    text("ProviderName", "AWS"),
    text("PublisherName", "AWS"),
    text("RegionId", "region of the run"),
    text("RegionName", "the same"),
    text("ServiceCategory", "as FOCUS has them, such as Compute"),
    text("ServiceName", "the AWS service"),
    text("ServiceSubcategory", "as FOCUS has them, such as Virtual Machines"),
    text("SkuId", "made up: category and item"),
    text("SkuMeter", "category in ecsim's `cost.csv`"),
    text("SkuPriceId", "made up: category, item and price"),
    text("SubAccountId", "`outputs.account_id`"),
    text("SubAccountName", "name of the scenario"),
    text("Tags", "JSON: tags of the service, above those of the capacity provider"),
    text("x_CapacityProvider", "capacity provider"),
    text("x_Service", "service of ECS; empty for callers and nobody"),
    text("x_Item", "instance type, platform or name"),
    text("x_Use", "tasks, or idle"),
];

/// `cost.csv` with `outputs.cost_format = "focus"`.
pub const COST: TableSpec = TableSpec {
    file: "cost.csv (FOCUS)",
    row: "line of the bill and calendar day, in the columns of FOCUS 1.2: `cost.csv` with `outputs.cost_format = \"focus\"`",
    columns: COLUMNS,
};

/// The bill of a finished run that was kept by the hour.
#[must_use]
pub fn cost(scenario: &Scenario, result: &RunResult) -> Vec<u8> {
    let mut focus = Focus {
        scenario,
        result,
        table: TableWriter::new(COST),
        purchases: BTreeMap::new(),
        exchange: Exchange::new(&scenario.setup.terms),
    };
    for (index, line) in result.invoice.lines.iter().enumerate() {
        focus.line(index, line);
    }
    focus.purchases();
    focus.table.into_bytes()
}

/// Dollars of a line: at public prices, and what is paid of them.
#[derive(Clone, Copy, Default)]
struct Amount {
    public: NanoUsd,
    paid: NanoUsd,
}

/// What of a commitment was billed on a day: in dollars at public prices, and in the currency.
#[derive(Clone, Copy, Default)]
struct Bought {
    public: NanoUsd,
    billed: NanoUsd,
}

/// Name and kind of commitments, with the private discount on it, by day.
type Purchases = BTreeMap<(String, &'static str, u32), BTreeMap<i64, Bought>>;

struct Focus<'a> {
    scenario: &'a Scenario,
    result: &'a RunResult,
    table: TableWriter,
    purchases: Purchases,
    exchange: Exchange<'a>,
}

/// Cells by name; what is not named is empty.
type Row = BTreeMap<&'static str, String>;

impl Focus<'_> {
    /// A line's dollars by day, in seconds since 1970.
    fn days(&self, index: usize, line: &Line) -> BTreeMap<i64, Amount> {
        let epoch = self.scenario.setup.epoch_s;
        let day_of = |seconds: i64| seconds.div_euclid(DAY) * DAY;
        let mut days: BTreeMap<i64, Amount> = BTreeMap::new();
        let Some(by_hour) = &self.result.by_hour else {
            let all = Amount { public: line.public_usd(), paid: line.usd };
            return BTreeMap::from([(day_of(epoch), all)]);
        };
        let off = by_hour.off.get(index).map_or(&[][..], |off| off);
        for (hour, (begin, usd)) in by_hour.begins.iter().zip(&by_hour.lines[index]).enumerate() {
            let at = epoch.saturating_add_unsigned(begin.0 / MICROS_PER_SECOND);
            let day = days.entry(day_of(at)).or_default();
            day.paid += *usd;
            day.public += *usd + off.get(hour).copied().unwrap_or_default();
        }
        days
    }

    fn line(&mut self, index: usize, line: &Line) {
        let (mut upto, mut given) = (NanoUsd::ZERO, 0);
        let days = self.days(index, line);
        for (number, (&day, &usd)) in days.iter().enumerate() {
            upto += usd.public;
            // Usage follows the dollars; what is free is told on the first day.
            let until = match (u128::try_from(upto.0), u128::try_from(line.public_usd().0)) {
                (Ok(part), Ok(whole)) if whole > 0 => {
                    line.usage / whole * part + line.usage % whole * part / whole
                }
                _ if number == 0 => line.usage,
                _ => given,
            };
            let usage = until - given;
            given = until;
            if usage > 0 || usd.public != NanoUsd::ZERO {
                self.usage_row(line, day, (usage, usd));
            }
        }
    }

    fn usage_row(&mut self, line: &Line, day: i64, (usage, usd): (u128, Amount)) {
        let terms = &self.scenario.setup.terms;
        let category = line.category;
        let list_rate = line.under.as_ref().map_or(line.rate, |under| under.list);
        let unused = matches!(category, Category::ReservedUnused | Category::SavingsPlanUnused);
        let paid = self.exchange.next(category, usd.paid);
        let in_currency = |usd| NanoUsd(terms.exchanged(usd));
        let (list, contracted) = match () {
            () if unused => (NanoUsd::ZERO, NanoUsd::ZERO),
            () if line.under.is_some() => {
                let list = Line { rate: list_rate, ..line.clone() }.charge(usage);
                let contracted = terms.discounted(category.uncovered(), list);
                (in_currency(list), in_currency(contracted))
            }
            () if usd.public == usd.paid => (paid, paid),
            () => (in_currency(usd.public), paid),
        };
        let mut row = self.common(line, day, list_rate);
        let billed = match &line.under {
            None => paid,
            Some(under) => {
                let key = (under.commitment.clone(), under.kind, terms.parts_of(category));
                let bought = self.purchases.entry(key).or_default().entry(day).or_default();
                bought.public += usd.public;
                bought.billed += paid;
                committed(&mut row, under, if unused { "Unused" } else { "Used" });
                NanoUsd::ZERO
            }
        };
        let quantity = Line::priced(usage, category);
        if unused {
            // Nothing was used that has a list price: a cost is its unit price times the quantity, wherever there are both.
            row.remove("ListUnitPrice");
            row.remove("ContractedUnitPrice");
        } else {
            row.insert("ConsumedQuantity", quantity.clone());
            row.insert("ConsumedUnit", unit(category));
        }
        if is_unused_slot(category) {
            row.insert("CapacityReservationId", format!("capacity-reservation/{}", line.item));
            row.insert("CapacityReservationStatus", "Unused".into());
        }
        row.extend([
            ("BilledCost", billed.to_string()),
            ("ChargeCategory", "Usage".into()),
            ("ChargeFrequency", "Usage-Based".into()),
            ("ContractedCost", contracted.to_string()),
            ("EffectiveCost", paid.to_string()),
            ("ListCost", list.to_string()),
            ("PricingCategory", pricing(line).into()),
            ("PricingQuantity", quantity),
        ]);
        self.put(&row);
    }

    /// The commitments, bought day by day.
    fn purchases(&mut self) {
        /// A dollar's worth of a commitment costs a dollar.
        const DOLLAR: HourlyRate = HourlyRate(1_000_000_000);
        let terms = &self.scenario.setup.terms;
        for ((commitment, kind, parts), days) in std::mem::take(&mut self.purchases) {
            let list = HourlyRate::default();
            let under = Covering { commitment: commitment.clone(), kind, list };
            for (day, Bought { public, billed }) in days {
                let mut row = self.dated(day);
                committed(&mut row, &under, "");
                let words = kind.replace('_', " ");
                // Without a discount it costs what is listed, to the last rounding.
                let list = if parts == 0 { billed } else { NanoUsd(terms.exchanged(public)) };
                row.extend([
                    ("BilledCost", billed.to_string()),
                    ("ChargeCategory", "Purchase".into()),
                    ("ChargeDescription", format!("{words} {commitment}")),
                    ("ChargeFrequency", "Recurring".into()),
                    ("ContractedCost", billed.to_string()),
                    ("ContractedUnitPrice", terms.unit_price(DOLLAR, parts)),
                    ("EffectiveCost", NanoUsd::ZERO.to_string()),
                    ("ListCost", list.to_string()),
                    ("ListUnitPrice", terms.unit_price(DOLLAR, 0)),
                    ("PricingCategory", "Standard".into()),
                    ("PricingQuantity", public.to_string()),
                    ("PricingUnit", "USD".into()),
                    ("ServiceCategory", "Compute".into()),
                    ("ServiceName", service_of_commitment(kind).into()),
                    ("SkuId", format!("{kind}/{commitment}")),
                    ("SkuMeter", kind.into()),
                    ("SkuPriceId", format!("{kind}/{commitment}/1")),
                ]);
                self.put(&row);
            }
        }
    }

    /// What every row of a day has.
    fn dated(&self, day: i64) -> Row {
        let setup = &self.scenario.setup;
        let (month, next) = month_of(day);
        let account = self.scenario.outputs.account_id.clone();
        Row::from([
            ("BillingAccountId", account.clone()),
            ("BillingAccountName", setup.name.clone()),
            ("BillingCurrency", setup.terms.code().into()),
            ("BillingPeriodEnd", next),
            ("BillingPeriodStart", month),
            ("ChargePeriodEnd", instant(day + DAY)),
            ("ChargePeriodStart", instant(day)),
            ("InvoiceIssuerName", "AWS".into()),
            ("PricingCurrency", "USD".into()),
            ("ProviderName", "AWS".into()),
            ("PublisherName", "AWS".into()),
            ("RegionId", setup.region.clone()),
            ("RegionName", setup.region.clone()),
            ("SubAccountId", account),
            ("SubAccountName", setup.name.clone()),
        ])
    }

    fn common(&self, line: &Line, day: i64, list: HourlyRate) -> Row {
        let provider = line.provider.map_or("", |id| &self.result.providers[id].name);
        let (category, service) = (line.category.name(), free_text(&line.service).into_owned());
        let whose = match (line.is_idle, line.service.as_str()) {
            (true, _) => ", idle".to_string(),
            (false, "") => String::new(),
            (false, name) => format!(", service {name}"),
        };
        let (of, name, sub) = service_of(line.category);
        let terms = &self.scenario.setup.terms;
        let parts = terms.parts_of(line.category.uncovered());
        let mut row = self.dated(day);
        row.extend([
            ("ChargeDescription", format!("{}: {}{whose}", line.category.label(), line.item)),
            ("ContractedUnitPrice", terms.unit_price(list, parts)),
            ("ListUnitPrice", terms.unit_price(list, 0)),
            ("PricingUnit", unit(line.category)),
            ("ServiceCategory", of.into()),
            ("ServiceName", name.into()),
            ("ServiceSubcategory", sub.into()),
            ("SkuId", format!("{category}/{}", line.item)),
            ("SkuMeter", category.into()),
            ("SkuPriceId", format!("{category}/{}/{list}", line.item)),
            ("Tags", self.tags(line)),
            ("x_CapacityProvider", provider.to_string()),
            ("x_Service", service),
            ("x_Item", line.item.clone()),
            ("x_Use", if line.is_idle { "idle" } else { "tasks" }.into()),
        ]);
        row
    }

    /// Tags of a line as a JSON object; nothing without any.
    fn tags(&self, line: &Line) -> String {
        let (tags, setup) = (&self.scenario.tags, &self.scenario.setup);
        let callers = setup.sources.len();
        let service = setup.services.iter().position(|of| of.name == line.service);
        let owner = service.and_then(|at| u32::try_from(callers + at).ok()).map(SourceId);
        let value = |key| Some((key, tags.value(key, owner, line.provider)?));
        let all: BTreeMap<&str, &str> = tags.keys().into_iter().filter_map(value).collect();
        if all.is_empty() {
            return String::new();
        }
        serde_json::to_string(&all).expect("texts are JSON")
    }

    fn put(&mut self, row: &Row) {
        let cell = |column: &ColumnSpec| row.get(column.name).cloned().unwrap_or_default();
        let cells: Vec<String> = COLUMNS.iter().map(cell).collect();
        self.table.row(&cells);
    }
}

fn committed(row: &mut Row, under: &Covering, status: &str) {
    let is_reserved = under.kind.ends_with("reserved_instances");
    row.extend([
        ("CommitmentDiscountCategory", if is_reserved { "Usage" } else { "Spend" }.into()),
        ("CommitmentDiscountId", under.commitment.clone()),
        ("CommitmentDiscountName", under.commitment.clone()),
        ("CommitmentDiscountStatus", status.into()),
        ("CommitmentDiscountType", under.kind.replace('_', " ")),
    ]);
}

fn service_of_commitment(kind: &str) -> &'static str {
    if kind.ends_with("reserved_instances") {
        "Amazon Elastic Compute Cloud"
    } else {
        "Savings Plans for AWS Compute usage"
    }
}

fn is_unused_slot(category: Category) -> bool {
    matches!(
        category,
        Category::CapacityUnused
            | Category::CapacityBlockUnused
            | Category::CapacityUnusedReserved
            | Category::CapacityUnusedSavingsPlan
    )
}

fn pricing(line: &Line) -> &'static str {
    match line.category {
        _ if line.under.is_some() => "Committed",
        Category::Ec2Spot
        | Category::FargateSpotVcpu
        | Category::FargateSpotMemory
        | Category::FargateSpotEphemeral => "Dynamic",
        _ => "Standard",
    }
}

/// `FOCUS` category, AWS service, `FOCUS` subcategory.
fn service_of(category: Category) -> (&'static str, &'static str, &'static str) {
    const EC2: &str = "Amazon Elastic Compute Cloud";
    const ECS: &str = "Amazon Elastic Container Service";
    match category {
        Category::Side(cost) => service_of_side(cost.name()),
        Category::SavingsPlanUnused => ("Compute", service_of_commitment(""), "Other (Compute)"),
        Category::ManagedInstancesFee | Category::AnywhereFee => ("Compute", ECS, "Containers"),
        of if of.is_of_instances() => ("Compute", EC2, "Virtual Machines"),
        _ => ("Compute", ECS, "Containers"),
    }
}

/// The same of what is charged beside compute, by its name in `cost.csv`.
fn service_of_side(name: &str) -> (&'static str, &'static str, &'static str) {
    const NETWORK: &str = "Networking";
    match name {
        "cpu_credits" => ("Compute", "Amazon Elastic Compute Cloud", "Virtual Machines"),
        name if name.starts_with("ebs_") => {
            ("Storage", "Amazon Elastic Compute Cloud", "Block Storage")
        }
        name if name.starts_with("load_balancer") => {
            (NETWORK, "Elastic Load Balancing", "Application Networking")
        }
        name if name.ends_with("_transfer") => {
            (NETWORK, "AWS Data Transfer", "Network Connectivity")
        }
        "public_ipv4" => (NETWORK, "Amazon Virtual Private Cloud", "Network Infrastructure"),
        name if name.starts_with("nat_") || name.starts_with("vpc_") => {
            (NETWORK, "Amazon Virtual Private Cloud", "Network Routing")
        }
        name if name.starts_with("ecr_") => {
            ("Compute", "Amazon Elastic Container Registry", "Containers")
        }
        _ => ("Management and Governance", "AmazonCloudWatch", "Observability"),
    }
}

/// Unit of the price: `Instance-Hours` of `instance-seconds`, months where the price is for one.
fn unit(category: Category) -> String {
    let unit = category.unit();
    if unit == "bytes" || unit == "byte-seconds" {
        return if unit == "bytes" { "GB" } else { "GB-Months" }.to_string();
    }
    let Some(of) = unit.strip_suffix("-seconds") else { return unit.to_string() };
    let of = match of {
        "gb" => "GB".to_string(),
        "vcpu" => "vCPU".to_string(),
        other => other[..1].to_uppercase() + &other[1..],
    };
    format!("{of}-{}", if category.is_by_month() { "Months" } else { "Hours" })
}

/// RFC 3339 of so many seconds since 1970.
fn instant(seconds: i64) -> String {
    let mut text = Vec::new();
    calendar::write_utc(&mut text, seconds);
    String::from_utf8_lossy(&text).into_owned()
}

/// The first instant of the month that a day is in, and of the next.
fn month_of(day: i64) -> (String, String) {
    let text = instant(day);
    let (Some(year), Some(month)) = (text.get(..4), text.get(5..7)) else {
        return (String::new(), String::new());
    };
    let (year, month): (u32, u32) = (year.parse().unwrap_or(0), month.parse().unwrap_or(1));
    let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    let first = |(year, month): (u32, u32)| format!("{year:04}-{month:02}-01T00:00:00Z");
    (first((year, month)), first(next))
}
