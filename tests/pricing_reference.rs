//! Billing against a second implementation of it, written as a fold over rows and in another style on purpose, and
//! the money invariants M1 to M4.
//!
//! The reference knows no accumulators, no pieces and no helper of the program: it makes one charge row per second of
//! a task and per slice of an instance's life, groups equal rows, and rounds each group with signed arithmetic.

use crate::support::random::drawn;
use ecsim::base::money::{HourlyRate, NanoUsd};
use ecsim::base::time::SimTime;
use ecsim::model::fargate::FargateRate;
use ecsim::model::ids::ProviderId;
use ecsim::model::platform::{Architecture, OperatingSystem, Purchase};
use ecsim::pricing::split::split_cost;
use ecsim::pricing::{
    Bill, CpuMemory, FargateTask, Invoice, Price, SplitWeights, fargate_task_cost, instance_cost,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// An entry of the log that both implementations read.
#[derive(Clone, Debug)]
enum Life {
    Task { provider: u32, list: usize, task: FargateTask },
    Instance { provider: u32, kind: usize, spot: bool, price: Price, from: u64, until: u64 },
}

const TYPES: [&str; 3] = ["c5.large", "m5.large", "m7g.xlarge"];

/// Four price lists: Linux on two architectures, Linux Spot, Windows.
fn lists(factor: u64) -> [FargateRate; 4] {
    let list = |os, architecture, purchase, prices: [u64; 4]| {
        let [vcpu, memory_gb, ephemeral_gb, licence_vcpu] = prices.map(|p| HourlyRate(p * factor));
        FargateRate { os, architecture, purchase, vcpu, memory_gb, ephemeral_gb, licence_vcpu }
    };
    use {Architecture::*, OperatingSystem::*, Purchase::*};
    [
        list(Linux, X86_64, OnDemand, [40_480_000, 4_445_000, 111_000, 0]),
        list(Linux, Arm64, OnDemand, [32_380_000, 3_560_000, 111_000, 0]),
        list(Linux, X86_64, Spot, [12_643_550, 1_388_350, 111_000, 0]),
        list(Windows, X86_64, OnDemand, [46_552_000, 5_111_700, 111_000, 46_000_000]),
    ]
}

fn bill(log: &[Life], factor: u64) -> Bill {
    let mut bill = Bill::new();
    for life in log {
        match life {
            Life::Task { provider, list, task } => {
                bill.fargate_task(ProviderId(*provider), &lists(factor)[*list], task);
            }
            Life::Instance { provider, kind, spot, price, from, until } => {
                let purchase = if *spot { Purchase::Spot } else { Purchase::OnDemand };
                let (from, until) = (SimTime(*from), SimTime(*until));
                let price = times(price, factor);
                bill.instance(ProviderId(*provider), TYPES[*kind], purchase, &price, from, until);
            }
        }
    }
    bill
}

fn times(price: &Price, factor: u64) -> Price {
    match price {
        Price::Fixed(rate) => Price::Fixed(HourlyRate(rate.0 * factor)),
        Price::Steps(steps) => {
            Price::Steps(steps.iter().map(|(at, r)| (*at, HourlyRate(r.0 * factor))).collect())
        }
    }
}

/// Provider, category, item, price an hour.
type Group = (u32, &'static str, String, u64);

/// `SELECT provider, category, item, rate, round(sum(amount) * rate) GROUP BY 1, 2, 3, 4`, where an amount is in
/// 1/1024 unit-microseconds.
fn reference(log: &[Life]) -> BTreeMap<Group, i128> {
    let mut amounts: BTreeMap<Group, i128> = BTreeMap::new();
    for (group, amount) in log.iter().flat_map(charge_rows) {
        *amounts.entry(group).or_default() += amount;
    }
    let mut lines = BTreeMap::new();
    for (group, amount) in amounts.into_iter().filter(|(_, amount)| *amount > 0) {
        let rate = i128::from(group.3);
        let hour = 1024 * 3_600_000_000_i128;
        // Round half up, then step back where it was a tie that landed on an odd number.
        let mut nano = (2 * amount * rate + hour) / (2 * hour);
        if (2 * amount * rate + hour) % (2 * hour) == 0 && nano % 2 == 1 {
            nano -= 1;
        }
        lines.insert(group, nano);
    }
    lines
}

fn charge_rows(life: &Life) -> Vec<(Group, i128)> {
    match life {
        Life::Task { provider, list, task } => task_rows(*provider, *list, task),
        Life::Instance { provider, kind, spot, price, from, until } => {
            let category = if *spot { "ec2_spot" } else { "ec2_on_demand" };
            // Count whole seconds up until the life and the minute are both covered.
            let mut end = *from;
            while end < *until || end < from + 60_000_000 {
                end += 1_000_000;
            }
            let mut cuts = vec![*from, end];
            if let Price::Steps(steps) = price {
                cuts.extend(steps.iter().map(|s| s.0.0).filter(|t| (*from..end).contains(t)));
            }
            cuts.sort_unstable();
            let row = |slice: &[u64]| {
                let group =
                    (*provider, category, TYPES[*kind].to_owned(), price_at(price, slice[0]));
                (group, 1024 * i128::from(slice[1] - slice[0]))
            };
            cuts.windows(2).map(row).collect()
        }
    }
}

fn price_at(price: &Price, instant: u64) -> u64 {
    match price {
        Price::Fixed(rate) => rate.0,
        Price::Steps(steps) => {
            let mut now = steps[0].1.0;
            for (at, rate) in steps.iter() {
                if at.0 <= instant {
                    now = rate.0;
                }
            }
            now
        }
    }
}

fn task_rows(provider: u32, list: usize, task: &FargateTask) -> Vec<(Group, i128)> {
    let rate = lists(1)[list];
    let windows = list == 3;
    let item = ["linux/x86_64", "linux/arm64", "linux/x86_64", "windows/x86_64"][list];
    let spot = list == 2;
    let minimum = if windows { 300 } else { 60 };
    let second = 1_000_000_i128;
    let storage = i128::from(task.ephemeral_gib.max(20) - 20);
    let mut rows = Vec::new();
    let mut seconds = 0;
    while seconds < minimum || task.pull_started.0 + seconds * 1_000_000 < task.stopped.0 {
        let mut charge = |category, price: HourlyRate, amount: i128| {
            rows.push(((provider, category, item.to_owned(), price.0), amount * second));
        };
        let names = if spot {
            ["fargate_spot_vcpu", "fargate_spot_memory", "fargate_spot_ephemeral"]
        } else {
            ["fargate_vcpu", "fargate_memory", "fargate_ephemeral"]
        };
        charge(names[0], rate.vcpu, i128::from(task.cpu));
        charge(names[1], rate.memory_gb, i128::from(task.memory));
        charge(names[2], rate.ephemeral_gb, storage * 1024);
        if windows {
            charge("fargate_windows_licence", rate.licence_vcpu, i128::from(task.cpu));
        }
        seconds += 1;
    }
    rows
}

fn lines(invoice: &Invoice) -> BTreeMap<Group, i128> {
    let line = |l: &ecsim::pricing::Line| {
        ((l.provider.unwrap().0, l.category.name(), l.item.clone(), l.rate.0), l.usd.0)
    };
    invoice.lines.iter().map(line).collect()
}

fn any_price() -> impl Strategy<Value = Price> {
    let rate = (0u64..20_000_000_000).prop_map(HourlyRate);
    // Prices repeat, instants coincide, and the first step may come late.
    let few = (0u64..4).prop_map(|n| HourlyRate(n * 33_333_333));
    let steps = prop::collection::vec((0u64..400_000_000, few), 1..12).prop_map(|mut steps| {
        steps.sort_by_key(|s| s.0);
        Price::Steps(steps.into_iter().map(|(at, rate)| (SimTime(at), rate)).collect())
    });
    prop_oneof![rate.prop_map(Price::Fixed), steps]
}

fn any_task() -> impl Strategy<Value = FargateTask> {
    let sizes = prop_oneof![
        Just((256, 512)),
        Just((1024, 3072)),
        Just((8192, 61_440)),
        (1u32..40_000, 1u32..300_000)
    ];
    (sizes, 0u16..200, 0u64..1_000_000_000, 0u64..400_000_000).prop_map(
        |((cpu, memory), ephemeral_gib, start, length)| FargateTask {
            cpu,
            memory,
            ephemeral_gib,
            pull_started: SimTime(start),
            stopped: SimTime(start + length),
        },
    )
}

fn any_life() -> impl Strategy<Value = Life> {
    let task = (0u32..2, 0usize..4, any_task()).prop_map(|(provider, list, task)| Life::Task {
        provider,
        list,
        task,
    });
    let instance =
        (0u32..2, 0usize..3, any::<bool>(), any_price(), 0u64..300_000_000, 0u64..400_000_000)
            .prop_map(|(provider, kind, spot, price, from, length)| Life::Instance {
                provider,
                kind,
                spot,
                price,
                from,
                until: from + length,
            });
    prop_oneof![task, instance]
}

proptest! {
    #![proptest_config(drawn(256))]

    #[test]
    fn the_bill_equals_the_reference_in_every_line(log in prop::collection::vec(any_life(), 0..10)) {
        prop_assert_eq!(lines(&bill(&log, 1).invoice()), reference(&log));
    }

    #[test]
    fn m1_every_grouping_of_the_lines_sums_to_the_total(log in prop::collection::vec(any_life(), 0..10)) {
        let invoice = bill(&log, 1).invoice();
        let total = invoice.total();
        prop_assert_eq!(invoice.sum_by(|l| l.provider).into_values().sum::<NanoUsd>(), total);
        prop_assert_eq!(invoice.sum_by(|l| l.category).into_values().sum::<NanoUsd>(), total);
        prop_assert_eq!(invoice.sum_by(|l| l.service.clone()).into_values().sum::<NanoUsd>(), total);
    }

    #[test]
    fn m2_usage_is_the_same_for_any_split_on_billing_boundaries(
        price in any_price(), task in any_task(), from in 0u64..300_000_000, parts in prop::collection::vec(60u64..200, 1..5),
    ) {
        let seconds: u64 = parts.iter().sum();
        let end = |start: u64, s: u64| SimTime(start + s * 1_000_000);
        let whole_task = FargateTask { stopped: end(task.pull_started.0, seconds), ..task };
        let instance = |bill: &mut Bill, from: SimTime, until| {
            bill.instance(ProviderId(0), "m5.large", Purchase::Spot, &price, from, until);
        };
        let mut whole = Bill::new();
        whole.fargate_task(ProviderId(1), &lists(1)[0], &whole_task);
        instance(&mut whole, SimTime(from), end(from, seconds));
        let mut split = Bill::new();
        let mut done = 0;
        for part in parts {
            let mut piece = Bill::new();
            let (start, stop) = (end(whole_task.pull_started.0, done), end(whole_task.pull_started.0, done + part));
            piece.fargate_task(ProviderId(1), &lists(1)[0], &FargateTask { pull_started: start, stopped: stop, ..task });
            instance(&mut piece, end(from, done), end(from, done + part));
            split.merge(&piece);
            done += part;
        }
        prop_assert_eq!(whole.invoice(), split.invoice());
    }

    #[test]
    fn m2_doubled_prices_double_the_bill_up_to_the_rounding_of_each_line(log in prop::collection::vec(any_life(), 0..8)) {
        let (once, twice) = (bill(&log, 1).invoice(), bill(&log, 2).invoice());
        prop_assert_eq!(once.lines.len(), twice.lines.len());
        for (a, b) in once.lines.iter().zip(&twice.lines) {
            prop_assert_eq!((&a.item, a.usage, 2 * a.rate.0), (&b.item, b.usage, b.rate.0));
            // A line is rounded once: by at most half a nano-dollar, which doubling makes one.
            prop_assert!((2 * a.usd.0 - b.usd.0).abs() <= 1, "{} {}", a.usd, b.usd);
        }
        // Where a line comes out even to the nano-dollar, as over whole hours, doubling is exact.
        let hours: Vec<Life> = log.iter().map(over_whole_hours).collect();
        let (once, twice) = (bill(&hours, 1).invoice(), bill(&hours, 2).invoice());
        prop_assert_eq!(2 * once.total().0, twice.total().0);
    }

    #[test]
    fn m2_the_order_of_lives_does_not_matter(log in prop::collection::vec(any_life(), 0..10)) {
        let backwards: Vec<Life> = log.iter().rev().cloned().collect();
        prop_assert_eq!(bill(&log, 1).invoice(), bill(&backwards, 1).invoice());
    }

    #[test]
    fn m3_billed_time_is_lived_time_with_the_minimum_and_never_twice(log in prop::collection::vec(any_life(), 0..10)) {
        let mut lived: u128 = 0;
        for life in &log {
            if let Life::Instance { from, until, .. } = life {
                lived += u128::from((until - from).div_ceil(1_000_000).max(60)) * 1_000_000;
            }
        }
        let invoice = bill(&log, 1).invoice();
        let billed = invoice.lines.iter().filter(|l| l.category.name().starts_with("ec2")).map(|l| l.usage).sum::<u128>();
        prop_assert_eq!(billed, lived);
    }

    #[test]
    fn m4_no_line_is_negative_and_none_is_without_usage(log in prop::collection::vec(any_life(), 0..10)) {
        for line in bill(&log, 1).invoice().lines {
            prop_assert!(line.usd.0 >= 0 && line.usage > 0);
        }
    }

    #[test]
    fn a_life_alone_costs_what_its_bill_says_up_to_the_rounding_of_lines(life in any_life()) {
        let invoice = bill(std::slice::from_ref(&life), 1).invoice();
        let alone = match &life {
            Life::Task { list, task, .. } => fargate_task_cost(&lists(1)[*list], task),
            Life::Instance { price, from, until, .. } => instance_cost(price, SimTime(*from), SimTime(*until)),
        };
        let lines = invoice.lines.len() as i128;
        prop_assert!((alone.0 - invoice.total().0).abs() <= 1 + lines / 2, "{alone} {}", invoice.total());
    }

    #[test]
    fn shares_of_an_instance_and_its_idle_rest_are_its_cost(
        cost in 0i128..1_000_000_000_000, cpu in 1024u32..200_000, memory in 512u32..2_000_000, cuts in prop::collection::vec(1u32..50, 0..20),
    ) {
        // Tasks of a 50th, two 50ths, ... of the instance for as long as they fit.
        let mut left = 50;
        let fitting = cuts.into_iter().filter(|cut| {
            let fits = *cut <= left;
            left -= if fits { *cut } else { 0 };
            fits
        });
        let tasks: Vec<CpuMemory> =
            fitting.map(|cut| CpuMemory { cpu: cpu / 50 * cut, memory: memory / 50 * cut }).collect();
        let instance = CpuMemory { cpu, memory };
        let (shares, idle) = split_cost(SplitWeights::default(), NanoUsd(cost), instance, &tasks);
        prop_assert_eq!(shares.iter().copied().sum::<NanoUsd>() + idle, NanoUsd(cost));
        prop_assert!(idle.0 >= 0 && shares.iter().all(|s| s.0 >= 0));
    }
}

proptest! {
    #![proptest_config(drawn(256))]

    #[test]
    fn shares_over_time_never_exceed_what_the_instance_costs(
        price in any_price(), from in 0u64..300_000_000, gaps in prop::collection::vec((0u64..50_000_000, 0u64..50_000_000), 0..8),
    ) {
        // Two tasks that together fill the instance come and go, side by side, with gaps between.
        let instance = CpuMemory { cpu: 2048, memory: 7617 };
        let tasks = [CpuMemory { cpu: 1000, memory: 3000 }, CpuMemory { cpu: 1048, memory: 4617 }];
        let mut now = from;
        let mut shares = NanoUsd::ZERO;
        for (gap, held) in gaps {
            let (start, end) = (SimTime(now + gap), SimTime(now + gap + held));
            for task in tasks {
                shares += SplitWeights::default().task_share(price.unrounded(start, end), instance, task);
            }
            now = end.0;
        }
        let cost = instance_cost(&price, SimTime(from), SimTime(now));
        prop_assert!(shares <= cost, "{shares} of {cost}");
    }
}

/// The same life, begun on an hour and as long as whole hours, in whole vCPUs and GB, at one price.
fn over_whole_hours(life: &Life) -> Life {
    const HOUR: u64 = 3_600_000_000;
    match life.clone() {
        Life::Task { provider, list, task } => {
            let hours = 1 + task.stopped.0 % 5;
            let task = FargateTask {
                cpu: task.cpu.next_multiple_of(1024),
                memory: task.memory.next_multiple_of(1024),
                pull_started: SimTime(0),
                stopped: SimTime(hours * HOUR),
                ..task
            };
            Life::Task { provider, list, task }
        }
        Life::Instance { provider, kind, spot, price, until, .. } => {
            let price = Price::Fixed(price.at(SimTime(0)));
            Life::Instance { provider, kind, spot, price, from: 0, until: (1 + until % 5) * HOUR }
        }
    }
}
