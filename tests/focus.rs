//! `cost.csv` in the columns of FOCUS 1.2, from end to end.

use crate::support::fleet::errors;
use crate::support::program::{Desk, SMALL};
use crate::support::services::{Cells, rows};

/// The columns that FOCUS 1.2 calls mandatory.
const MANDATORY: [&str; 21] = [
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
];

/// A service over the end of a month, with a plan, Reserved Instances of which some are unused, and tags.
const MONTHS: &str = r#"
[simulation]
name = "shop"
region = "eu-west-1"
start = "2026-01-30T18:30:00Z"
duration = "60h"
[outputs]
cost_format = "focus"
account_id = "123456789012"
charts = "none"
[[capacity_provider]]
name = "boxes"
instance_types = ["m5.large"]
desired_capacity = 3
tags = { team = "platform" }
[[task_definition]]
family = "web"
cpu = 1024
memory = 1024
network_mode = "bridge"
[[service]]
name = "web"
task_definition = "web"
desired_count = 2
tags = { team = "shop" }
[[reserved_instances]]
instance_type = "m5.large"
instance_count = 1
usd_per_hour = 0.06
[[reserved_instances]]
name = "elsewhere"
instance_type = "r5.large"
usd_per_hour = 0.08
[[savings_plan]]
type = "Compute"
usd_per_hour = 0.05
discount_percent = 50
[[capacity_reservation]]
instance_type = "c5.large"
availability_zone = "eu-west-1a"
"#;

fn table(desk: &Desk, folder: &str) -> Vec<Cells> {
    rows(&std::fs::read_to_string(desk.path(&format!("{folder}/cost.csv"))).unwrap())
}

fn nano(row: &Cells, column: &str) -> i128 {
    row[column].replace('.', "").parse().unwrap()
}

#[test]
fn billed_and_effective_cost_are_the_bill_and_commitments_are_purchases() {
    let desk = Desk::with(MONTHS);
    desk.ok("run small.toml --out focus");
    desk.ok("run small.toml --out own --set outputs.cost_format=ecsim");
    let focus = table(&desk, "focus");
    let total: i128 = table(&desk, "own").iter().map(|row| nano(row, "usd")).sum();
    for column in ["BilledCost", "EffectiveCost"] {
        let sum: i128 = focus.iter().map(|row| nano(row, column)).sum();
        assert_eq!(sum, total, "{column}");
    }
    // Two reservations and a plan: 60 h at 0.06, 0.08 and 0.05 $.
    let bought = |name: &str| -> i128 {
        let own = |row: &&Cells| {
            row["ChargeCategory"] == "Purchase" && row["CommitmentDiscountId"] == name
        };
        focus.iter().filter(own).map(|row| nano(row, "BilledCost")).sum()
    };
    assert_eq!(bought("reserved-1"), 3_600_000_000);
    assert_eq!(bought("elsewhere"), 4_800_000_000);
    assert_eq!(bought("savings-plan-1"), 3_000_000_000);
    // Nobody used the reservation of another type.
    let unused: Vec<&Cells> = focus
        .iter()
        .filter(|row| row["CommitmentDiscountStatus"] == "Unused")
        .filter(|row| row["CommitmentDiscountId"] == "elsewhere")
        .collect();
    assert_eq!(unused.iter().map(|row| nano(row, "EffectiveCost")).sum::<i128>(), 4_800_000_000);
    // What is covered is told at list prices, too: an m5.large costs 0.107 $ in eu-west-1.
    let covered: Vec<&Cells> = focus
        .iter()
        .filter(|row| {
            row["CommitmentDiscountId"] == "reserved-1" && row["CommitmentDiscountStatus"] == "Used"
        })
        .collect();
    assert!(covered.iter().all(|row| row["ListUnitPrice"] == "0.107"));
    let list: f64 = covered.iter().map(|row| row["ListCost"].parse::<f64>().unwrap()).sum();
    assert!((list - 60.0 * 0.107).abs() < 1e-6, "{list}");
    let slots: Vec<&Cells> =
        focus.iter().filter(|row| row["CapacityReservationStatus"] == "Unused").collect();
    assert!(!slots.is_empty());
    assert!(
        slots.iter().all(|row| row["CapacityReservationId"] == "capacity-reservation/c5.large")
    );
}

/// What was agreed on: less off Reserved Instances, more off plans, nothing off what nobody uses.
const AGREED: &str = r#"
[invoice]
currency = "EUR"
per_usd = 0.873291
discount = [
  { category = "all", percent = 7.25 },
  { category = "ec2_savings_plan", percent = 12 },
  { category = "ec2_reserved_instances", percent = 3 },
  { category = "reserved_instances_unused", percent = 0 },
]
"#;

/// The columns of an invoice: category, and nano-euros.
fn invoiced(desk: &Desk) -> std::collections::BTreeMap<String, i128> {
    let text = std::fs::read_to_string(desk.path("focus/invoice.csv")).unwrap();
    rows(&text).iter().map(|row| (row["category"].clone(), nano(row, "invoiced"))).collect()
}

#[test]
fn private_discounts_are_contracted_and_costs_are_in_the_currency() {
    let desk = Desk::with(&format!("{MONTHS}{AGREED}"));
    desk.ok("run small.toml --out focus");
    desk.ok("run small.toml --out own --set outputs.cost_format=ecsim");
    let (focus, invoiced) = (table(&desk, "focus"), invoiced(&desk));
    let sum = |column: &str| -> i128 { focus.iter().map(|row| nano(row, column)).sum() };
    let paid: i128 = invoiced.values().sum();
    assert_eq!([sum("BilledCost"), sum("EffectiveCost")], [paid, paid]);
    assert!(invoiced.len() >= 5, "{invoiced:?}");
    for (category, nanos) in &invoiced {
        let own = focus.iter().filter(|row| row["SkuMeter"] == *category);
        assert_eq!(own.map(|row| nano(row, "EffectiveCost")).sum::<i128>(), *nanos, "{category}");
    }
    // What is billed in dollars, at the rate: up to the rounding of each category.
    let usd: i128 = table(&desk, "own").iter().map(|row| nano(row, "usd")).sum();
    assert!((usd as f64 * 0.873291 - paid as f64).abs() <= invoiced.len() as f64);
    for row in &focus {
        let number = |column: &str| row[column].parse::<f64>().unwrap();
        assert_eq!(row["BillingCurrency"], "EUR");
        assert_eq!(row["PricingCurrency"], "USD");
        if row["CommitmentDiscountStatus"] == "Unused" {
            // Costs of nothing by list have no unit price: wherever there is one, it times the quantity is the cost.
            let prices =
                ["ListUnitPrice", "ContractedUnitPrice"].map(|column| row[column].as_str());
            assert_eq!(prices, ["", ""], "{row:?}");
            continue;
        }
        for (price, cost) in
            [("ListUnitPrice", "ListCost"), ("ContractedUnitPrice", "ContractedCost")]
        {
            let product = number("PricingQuantity") * number(price);
            assert!((product - number(cost)).abs() < 4e-9, "{price}: {row:?}");
        }
        // Instances under a commitment would cost 7.25 % less than listed without it.
        let off = match (row["ChargeCategory"].as_str(), row["CommitmentDiscountId"].as_str()) {
            ("Purchase", "savings-plan-1") => 12.0,
            ("Purchase", "reserved-1") => 3.0,
            ("Purchase", "elsewhere") => 0.0,
            _ => 7.25,
        };
        let of_list = number("ContractedUnitPrice") / number("ListUnitPrice");
        assert!((of_list - (1.0 - off / 100.0)).abs() < 1e-9, "{row:?}");
    }
    // An m5.large costs 0.107 $ in eu-west-1.
    let boxes = |row: &&Cells| row["SkuMeter"] == "ec2_on_demand" && row["x_Item"] == "m5.large";
    let prices: Vec<&str> =
        focus.iter().filter(boxes).map(|row| row["ListUnitPrice"].as_str()).collect();
    assert!(!prices.is_empty() && prices.iter().all(|price| *price == "0.093442137"));
}

#[test]
fn every_row_has_the_mandatory_columns_and_lies_in_a_day_of_its_month() {
    let desk = Desk::with(MONTHS);
    desk.ok("run small.toml --out focus");
    let focus = table(&desk, "focus");
    for row in &focus {
        for column in MANDATORY {
            let may_be_empty = column == "ChargeClass"; // empty where nothing is corrected
            assert!(row.contains_key(column), "{column}");
            assert!(may_be_empty || !row[column].is_empty(), "{column}: {row:?}");
        }
        let of = |column: &str| row[column].as_str();
        assert!(of("BillingPeriodStart") <= of("ChargePeriodStart"));
        assert!(of("ChargePeriodStart") < of("ChargePeriodEnd"));
        assert!(of("ChargePeriodEnd") <= of("BillingPeriodEnd"));
        assert_eq!(of("BillingAccountId"), "123456789012");
        assert_eq!(of("RegionId"), "eu-west-1");
        let number = |column: &str| of(column).parse::<f64>().unwrap();
        if of("ChargeCategory") == "Usage" && of("CommitmentDiscountStatus") != "Unused" {
            let cost = number("PricingQuantity") * number("ContractedUnitPrice");
            assert!((cost - number("ContractedCost")).abs() < 2e-9, "{row:?}");
        }
    }
    let days: std::collections::BTreeSet<&str> =
        focus.iter().map(|row| &row["ChargePeriodStart"][..10]).collect();
    assert_eq!(
        days.into_iter().collect::<Vec<_>>(),
        ["2026-01-30", "2026-01-31", "2026-02-01", "2026-02-02"]
    );
    let tags: std::collections::BTreeSet<&str> =
        focus.iter().map(|row| row["Tags"].as_str()).collect();
    assert_eq!(
        tags.into_iter().collect::<Vec<_>>(),
        ["", "{\"team\":\"platform\"}", "{\"team\":\"shop\"}"]
    );
    // 2 vCPUs of 6 are the shop's.
    let shop = focus.iter().filter(|row| row["x_Service"] == "web" && row["x_Use"] == "tasks");
    assert!(shop.clone().count() > 0 && shop.clone().all(|row| row["Tags"].contains("shop")));
}

#[test]
fn the_format_changes_no_result_and_an_account_has_twelve_digits() {
    let desk = Desk::with(SMALL);
    desk.ok("run small.toml --out own");
    desk.ok("run small.toml --out focus --set outputs.cost_format=focus");
    let read = |name: &str| std::fs::read(desk.path(name)).unwrap();
    for name in ["tasks.csv", "summary.csv", "cost_hourly.csv"] {
        assert_eq!(read(&format!("own/{name}")), read(&format!("focus/{name}")), "{name}");
    }
    let said = errors(&format!("{SMALL}\n[outputs]\naccount_id = \"12345\"\n"));
    assert!(said.contains("no id of an AWS account") && said.contains("test.toml:"), "{said}");
    let said = errors(&format!("{SMALL}\n[outputs]\ncost_format = \"parquet\"\n"));
    assert!(said.contains("\"focus\""), "{said}");
}
