//! F2: the bill once more, from the text of `tasks.csv` and the prices, as a fold over lives into groups of seconds.

use super::make::Case;
use super::tables::{Written, expected, scaled};
use ecsim::base::money::NanoUsd;
use ecsim::model::fargate::FargateRate;
use ecsim::model::platform::Purchase;
use ecsim::pricing::Price;
use ecsim::sim::RunResult;
use std::collections::BTreeMap;

const MICROS: u64 = 1_000_000;

/// Provider, category, item, price: parts of a unit times seconds or microseconds, and what makes a unit-hour of it.
type Lines = BTreeMap<(String, &'static str, String, u64), (u128, u128)>;

/// Panics where a line of `cost.csv` differs from the second bill.
pub fn compare(case: &Case, result: &RunResult, written: &Written) {
    let end = result.end.0;
    let mut lines = Lines::new();
    if end > 0 {
        bill_instances(case, end, &mut lines);
    }
    bill_tasks(case, end, written, &mut lines);
    lines.retain(|_, (amount, _)| *amount > 0);

    if let Some(rows) = &result.allocation {
        let total = result.invoice.total();
        assert_eq!(rows.iter().map(|row| row.usd).sum::<NanoUsd>(), total, "F2: idle apart");
        assert_eq!(rows.iter().map(|row| row.split()).sum::<NanoUsd>(), total, "F2: split");
        let negative = rows.iter().find(|row| row.usd.0 < 0 || row.split().0 < 0);
        assert_eq!(negative, None, "F2: nobody is paid");
    }
    let cost = &written.cost;
    // Services, callers and what is idle have lines of their own: together they are the line that is billed.
    let mut sums = BTreeMap::new();
    for row in &cost.rows {
        let text = |name| cost.cell(row, name).to_string();
        let rate = u64::try_from(scaled(cost.cell(row, "usd_per_hour"), 9)).unwrap();
        let key = (text("capacity_provider"), text("category"), text("item"), rate);
        *sums.entry(key).or_insert(0) += scaled(cost.cell(row, "usd"), 9);
    }
    let found: Vec<_> = sums
        .into_iter()
        .map(|((provider, category, item, rate), usd)| (provider, category, item, rate, usd))
        .collect();
    let mut expected: Vec<_> = lines
        .into_iter()
        .map(|((provider, category, item, rate), (amount, unit_hour))| {
            let usd = half_to_even(amount * u128::from(rate), unit_hour);
            (provider, category.to_string(), item, rate, usd)
        })
        .collect();
    expected.sort();
    assert_eq!(found, expected, "F2: cost.csv against the second bill");
}

/// `amount / by`, halves to the even neighbour.
fn half_to_even(amount: u128, by: u128) -> i64 {
    let (whole, rest) = (amount / by, amount % by);
    let up = rest * 2 > by || (rest * 2 == by && whole % 2 == 1);
    i64::try_from(whole + u128::from(up)).unwrap()
}

fn bill_instances(case: &Case, end: u64, lines: &mut Lines) {
    // Rounded up to a second, a minute at least; what is added lies behind the end.
    let until = (end.div_ceil(MICROS) * MICROS).max(60 * MICROS);
    for instance in &case.setup.instances {
        let of = &instance.registration;
        let provider = &case.setup.providers[of.provider];
        let category = match provider.purchase {
            Purchase::OnDemand => "ec2_on_demand",
            Purchase::Spot => "ec2_spot",
            Purchase::External => "external_host",
            Purchase::CapacityBlock => "ec2_capacity_block",
            Purchase::Interruptible => "ec2_on_demand",
        };
        let steps: Vec<(u64, u64)> = match &instance.price {
            Price::Fixed(rate) => vec![(0, rate.0)],
            Price::Steps(steps) => steps.iter().map(|(at, rate)| (at.0, rate.0)).collect(),
        };
        for (index, &(from, rate)) in steps.iter().enumerate() {
            let from = if index == 0 { 0 } else { from };
            let to = steps.get(index + 1).map_or(until, |next| next.0).min(until);
            let key = (provider.name.clone(), category, of.instance_type.clone(), rate);
            let line = lines.entry(key).or_insert((0, u128::from(3600 * MICROS)));
            line.0 += u128::from(to.saturating_sub(from));
        }
    }
}

fn bill_tasks(case: &Case, end: u64, written: &Written, lines: &mut Lines) {
    let rows = expected(case, end);
    for task in written.tasks.iter().filter(|task| task.launch == "FARGATE") {
        let Some(from) = task.stages[3] else { continue };
        let definitions = &case.setup.definitions;
        let named = |d: &&ecsim::model::definition::TaskDefinition| {
            format!("{}:{}", d.family, d.revision) == task.definition
        };
        let definition = definitions.iter().find(named).unwrap();
        let is_spot = task.provider == "FARGATE_SPOT";
        let is_rate = |rate: &&FargateRate| {
            rate.os == definition.platform.os
                && rate.architecture == definition.platform.architecture
                && (rate.purchase == Purchase::Spot) == is_spot
        };
        let rate = case.setup.fargate.rates.iter().find(is_rate).unwrap();
        let os = rate.os.attribute_value();
        let item = format!("{os}/{}", rate.architecture.attribute_value());
        let minimum = if os == "windows" { 300 } else { 60 };
        let span = task.stages[6].unwrap_or(end) - from;
        let seconds = u128::from(span.div_ceil(MICROS).max(minimum));
        let storage = rows[task.id].1.ephemeral_gib.unwrap_or(definition.ephemeral_gib);
        let mut add = |category, rate: u64, parts: u64, per_unit: u128| {
            let key = (task.provider.clone(), category, item.clone(), rate);
            lines.entry(key).or_insert((0, 3600 * per_unit)).0 += seconds * u128::from(parts);
        };
        let names = if is_spot {
            ["fargate_spot_vcpu", "fargate_spot_memory", "fargate_spot_ephemeral"]
        } else {
            ["fargate_vcpu", "fargate_memory", "fargate_ephemeral"]
        };
        add(names[0], rate.vcpu.0, task.cpu, 1024);
        add(names[1], rate.memory_gb.0, task.memory, 1024);
        add(names[2], rate.ephemeral_gb.0, u64::from(storage.saturating_sub(20)), 1);
        if os == "windows" {
            add("fargate_windows_licence", rate.licence_vcpu.0, task.cpu, 1024);
        }
    }
}
