//! Metrics of commitments: how well they were used, what they saved, and what would have been best; and of what is paid after
//! private discounts.

use crate::base::money::{HourlyRate, NanoUsd};
use crate::metrics::summary::{Metric, Value};
use crate::pricing::{CommitmentReport, Invoiced, Settlement};

/// The metrics of a run with commitments; none without.
#[must_use]
pub fn commitment_metrics(of: &Settlement) -> Vec<Metric> {
    if of.reports.is_empty() {
        return reservation_metrics(of);
    }
    let sum = |amount: fn(&CommitmentReport) -> NanoUsd| -> NanoUsd {
        of.reports.iter().map(amount).sum()
    };
    let committed = sum(|report| report.committed);
    let (used, list) = (sum(|report| report.used), sum(|report| report.list));
    let best = of.best.filter(|best| best.commitment > HourlyRate(0));
    let best_rate = Value::Ratio(best.map_or(0.0, |best| best.commitment.0 as f64 / 1e9));
    let best_saves = best.map_or(NanoUsd::ZERO, |best| best.without - best.usd);
    let row = |name: &'static str, unit, meaning, value| Metric {
        name: name.into(),
        unit,
        meaning,
        section: "Commitments",
        value,
    };
    let dollars = |name, meaning, usd| row(name, "USD", meaning, Value::Usd(usd));
    let share = |name, meaning, part: NanoUsd, whole: NanoUsd| {
        let is_there = whole != NanoUsd::ZERO;
        let ratio = || Value::Ratio(100.0 * part.to_f64() / whole.to_f64());
        row(name, "%", meaning, if is_there { ratio() } else { Value::Missing })
    };
    vec![
        dollars("commitments_usd", "what commitments cost, used or not", committed),
        share(
            "commitments_utilization_percent",
            "what was used of the commitments, of what they cost",
            used,
            committed,
        ),
        share(
            "commitments_coverage_percent",
            "share of On-Demand usage that they covered, at list prices, of all that some commitment could cover",
            list,
            of.eligible,
        ),
        dollars(
            "commitments_saved_usd",
            "what the covered usage would have cost without, less what the commitments cost",
            list - committed,
        ),
        row(
            "best_savings_plan_usd_per_hour",
            "USD/h",
            "the Compute Savings Plan that would have made this run cheapest, on top of Reserved Instances and EC2 Instance \
             plans, in dollars an hour: at the rates of the first that is given, or at the default ones of a year",
            best_rate,
        ),
        dollars("best_savings_plan_saved_usd", "what it would have saved", best_saves),
    ]
    .into_iter()
    .chain(reservation_metrics(of))
    .collect()
}

/// The metrics of a run with capacity reservations.
fn reservation_metrics(of: &Settlement) -> Vec<Metric> {
    if of.reservations.is_empty() {
        return Vec::new();
    }
    let reserved: NanoUsd = of.reservations.iter().map(|report| report.committed).sum();
    let used: NanoUsd = of.reservations.iter().map(|report| report.used).sum();
    let section = "Commitments";
    let share = || Value::Ratio(100.0 * used.to_f64() / reserved.to_f64());
    let is_there = reserved != NanoUsd::ZERO;
    vec![
        Metric {
            name: "capacity_reservations_utilization_percent".into(),
            unit: "%",
            meaning: "slots of capacity reservations with an instance, of all, at the price of a slot",
            section,
            value: if is_there { share() } else { Value::Missing },
        },
        Metric {
            name: "capacity_reservations_unused_usd".into(),
            unit: "USD",
            meaning: "what slots without an instance cost",
            section,
            value: Value::Usd(reserved - used),
        },
    ]
}

/// What private discounts take off the bill, and what it is in its currency; none where nothing was agreed on.
#[must_use]
pub fn invoice_metrics(of: &Invoiced) -> Vec<Metric> {
    let row = |name: &'static str, unit, meaning, value| Metric {
        name: name.into(),
        unit,
        meaning,
        section: "Cost",
        value,
    };
    let public = "what the bill would be without private discounts";
    let discounts = "what private discounts take off it; the rest is `total_usd`";
    let mut metrics = vec![
        row("undiscounted_usd", "USD", public, Value::Usd(of.public())),
        row("private_discount_usd", "USD", discounts, Value::Usd(of.off())),
    ];
    if let Some(currency) = of.currency {
        let amount = Value::Ratio(NanoUsd(of.nanos()).to_f64());
        let meaning = "`total_usd` in the currency that is paid in; `invoice.csv` has it exactly";
        metrics.push(row("total_in_currency", currency.code, meaning, amount));
    }
    metrics
}
