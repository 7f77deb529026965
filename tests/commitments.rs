//! Reserved Instances and Savings Plans from end to end: scenarios as text, bills worked out by hand.

use crate::support::fleet::{BOXES, FARGATE, HEAD, LATENCY, Moved, WEB, cost_lines, errors, run};
use crate::support::program::Desk;
use crate::support::random::drawn;
use crate::support::services::{Cells, rows};
use ecsim::base::money::{HourlyRate, NanoUsd};
use ecsim::base::time::SimSpan;
use ecsim::model::ids::ZoneId;
use ecsim::pricing::commitments::{
    Commitments, PlanKind, PlanRates, ReservedInstances, SavingsPlan, Subject, Usage, apply,
};
use ecsim::report::bill_tables;
use ecsim::report::bill_view::{BillView, Discounts};
use proptest::prelude::*;

/// Three boxes at 3.60 $ an hour, a tenth of a cent a second.
fn three_boxes(more: &str) -> String {
    format!(
        "{HEAD}{BOXES}{WEB}{LATENCY}\n[[capacity_provider]]\nname = \"boxes\"\n\
         instance_types = [\"box.large\"]\ndesired_capacity = 3\n{more}"
    )
}

fn cost(ran: &Moved) -> Vec<Cells> {
    rows(&String::from_utf8(bill_tables::cost(&ran.result)).unwrap())
}

const TWO_RESERVED: &str = "[[reserved_instances]]\ninstance_type = \"box.large\"\ninstance_count = 2\n\
     usd_per_hour = 1.8\n";
const PLAN: &str = "[[savings_plan]]\ntype = \"Compute\"\nusd_per_hour = 0.9\n\
     discount_percent = 50\n";

#[test]
fn reservations_then_a_plan_then_on_demand() {
    let ran = run(&three_boxes(&format!("{PLAN}{TWO_RESERVED}")));
    // 3,000 s of instances. Two are reserved: 2,000 s at half price, 1.00 $. A thousand seconds of the plan are 0.25 $, which
    // at 1.80 $ an hour cover 500 s. 500 s stay On-Demand: 0.50 $.
    assert_eq!(
        cost_lines(&ran),
        [
            "ec2_on_demand idle 500 0.5",
            "ec2_reserved_instances idle 2000 1",
            "ec2_savings_plan idle 500 0.25",
        ]
    );
    assert_eq!(ran.number("total_usd"), 1.75);
    assert_eq!(ran.number("commitments_usd"), 1.25);
    assert_eq!(ran.number("commitments_utilization_percent"), 100.0);
    // 2,500 of 3,000 s.
    assert!((ran.number("commitments_coverage_percent") - 250.0 / 3.0).abs() < 1e-6);
    assert_eq!(ran.number("commitments_saved_usd"), 1.25);
    // The instance that is not reserved runs all the time: a plan for the whole of it, 1.80 $ an hour, saves half a dollar.
    assert_eq!(ran.number("best_savings_plan_usd_per_hour"), 1.8);
    assert_eq!(ran.number("best_savings_plan_saved_usd"), 0.5);
    let table = bill_tables::commitments(&ran.result).unwrap();
    assert_eq!(
        String::from_utf8(table).unwrap().lines().skip(1).collect::<Vec<_>>(),
        [
            "reserved-1,regional_reserved_instances,box.large,1.000000000,1.000000000,100.0000,2.000000000,1.000000000",
            "savings-plan-1,compute_savings_plan,,0.250000000,0.250000000,100.0000,0.500000000,0.250000000",
        ]
    );
}

#[test]
fn the_bill_is_told_from_list_prices_down() {
    let told = |text: &str| {
        let scenario = ecsim::scenario::load_text(text, "t.toml", std::path::Path::new("."), &[]);
        BillView::of(&scenario.unwrap(), &run(text).result).unwrap()
    };
    let dollars = |of: Discounts| {
        [of.list, of.spot, of.reserved, of.plans, of.unused, of.bill].map(NanoUsd::to_f64)
    };
    // 3,000 s at 3.60 $ an hour: 2,000 s are reserved and 500 s covered by the plan, each at half price.
    let of = told(&three_boxes(&format!("{PLAN}{TWO_RESERVED}")));
    assert_eq!(dollars(of.discounts), [3.0, 0.0, 1.0, 0.25, 0.0, 1.75]);
    // Five are paid, three run; the plan's 0.25 $ find nothing to cover.
    let five = TWO_RESERVED.replace("instance_count = 2", "instance_count = 5");
    let of = told(&three_boxes(&format!("{five}{PLAN}")));
    assert_eq!(dollars(of.discounts), [3.0, 0.0, 1.5, 0.0, 1.25, 2.75]);
    let [used, unused] = ["idle instances", "commitments, unused"].map(|name| {
        let part = of.by_use.iter().find(|part| part.0 == name).unwrap();
        part.1.iter().copied().sum::<NanoUsd>().to_f64()
    });
    assert_eq!((used, unused, of.by_service.len()), (1.5, 1.25, 0));
}

#[test]
fn private_discounts_and_a_currency_are_the_last_steps() {
    let agreed = "[invoice]\ncurrency = \"EUR\"\nper_usd = 0.92\ndiscount = [{ category = \"all\", percent = 10 }, \
         { category = \"ec2_savings_plan\", percent = 20 }, { category = \"ec2_reserved_instances\", percent = 0 }]\n";
    let text = three_boxes(&format!("{agreed}{PLAN}{TWO_RESERVED}"));
    let ran = run(&text);
    // A tenth of 0.50 $, nothing of 1.00 $, a fifth of 0.25 $.
    let table = String::from_utf8(bill_tables::invoice(&ran.result).unwrap()).unwrap();
    assert_eq!(
        table.lines().collect::<Vec<_>>(),
        [
            "category,undiscounted_usd,discount_percent,discount_usd,usd,invoiced,currency",
            "ec2_on_demand,0.500000000,10,0.050000000,0.450000000,0.414000000,EUR",
            "ec2_reserved_instances,1.000000000,0,0.000000000,1.000000000,0.920000000,EUR",
            "ec2_savings_plan,0.250000000,20,0.050000000,0.200000000,0.184000000,EUR",
        ]
    );
    assert_eq!(ran.number("undiscounted_usd"), 1.75);
    assert_eq!(ran.number("private_discount_usd"), 0.1);
    assert_eq!(ran.number("total_usd"), 1.65);
    assert_eq!(ran.number("ec2_usd"), 1.65);
    assert_eq!(ran.number("total_in_currency"), 1.518);
    let scenario = ecsim::scenario::load_text(&text, "t.toml", std::path::Path::new("."), &[]);
    let view = BillView::of(&scenario.unwrap(), &ran.result).unwrap();
    let steps = view.discounts;
    assert_eq!(
        (steps.list.to_f64(), steps.private.to_f64(), steps.bill.to_f64()),
        (3.0, 0.1, 1.65)
    );
    assert_eq!(view.paid_in, Some(("EUR", 1_518_000_000)));
    let plain = run(&three_boxes(PLAN));
    assert!(bill_tables::invoice(&plain.result).is_none());
    assert!(plain.result.summary.get("undiscounted_usd").is_none());
}

#[test]
fn what_was_not_agreed_on_is_refused() {
    let refused = |text: &str, why: &str| {
        let told = errors(&three_boxes(&format!("[invoice]\n{text}\n")));
        assert!(told.contains(why), "{text}: {told}");
    };
    let of = |category: &str, percent: &str| {
        format!("discount = [{{ category = \"{category}\", percent = {percent} }}]")
    };
    refused(&of("fargat", "1"), "did you mean \"fargate\"?");
    refused(&of("ec2_on", "1"), "the bill has no category \"ec2_on\"");
    refused(&of("ec2_on", "1"), "did you mean \"ec2_on_demand\"? valid: \"all\", \"ec2\"");
    refused(&of("", "1"), "`category` must not be empty");
    refused(&of("ec2", "100.5"), "percent");
    refused(&of("ec2", "-1"), "percent");
    let twice = "{ category = \"ec2\", percent = 1 }, { category = \"ec2\", percent = 2 }";
    refused(&format!("discount = [{twice}]"), "duplicate discount of \"ec2\"");
    refused("currency = \"EUR\"", "`currency` without `per_usd`");
    refused("per_usd = 0.92", "`per_usd` without `currency`");
    refused("currency = \"EURO\"\nper_usd = 0.92", "EURO");
    refused("currency = \"EUR\"\nper_usd = 0", "`per_usd` must be between");
    let told = errors(&three_boxes("[invoice]\ncurrency = \"EUR\"\nper_usd = 0\n"));
    assert!(!told.contains("without"), "{told}");
}

#[test]
fn what_nobody_uses_is_paid_all_the_same() {
    let more = TWO_RESERVED.replace("instance_count = 2", "instance_count = 5");
    let ran = run(&three_boxes(&format!("{more}{PLAN}")));
    // Five are paid, three run: 2,000 s at 1.80 $ an hour are a dollar, and the plan's 0.25 $ find nothing to cover.
    assert_eq!(
        cost_lines(&ran),
        [
            "ec2_reserved_instances idle 3000 1.5",
            "reserved_instances_unused idle 2000 1",
            "savings_plan_unused idle 1000 0.25",
        ]
    );
    assert_eq!(ran.number("total_usd"), 2.75);
    // 1.50 of 2.75 $.
    assert!((ran.number("commitments_utilization_percent") - 150.0 / 2.75).abs() < 1e-6);
    assert_eq!(ran.number("commitments_saved_usd"), 0.25);
    assert_eq!(ran.number("best_savings_plan_usd_per_hour"), 0.0);
}

#[test]
fn a_zonal_reservation_covers_its_zone_only() {
    // Boxes are spread over two zones: two in the first, one in the second.
    let zonal = format!("{TWO_RESERVED}availability_zone = \"us-east-1b\"\n");
    let ran = run(&three_boxes(&zonal));
    assert_eq!(
        cost_lines(&ran),
        [
            "ec2_on_demand idle 2000 2",
            "ec2_reserved_instances idle 1000 0.5",
            "reserved_instances_unused idle 1000 0.5",
        ]
    );
}

#[test]
fn a_plan_covers_fargate_memory_and_cpu_but_no_storage_and_belongs_to_whom_it_covers() {
    let text = format!(
        "{HEAD}{FARGATE}\n[[task_definition]]\nfamily = \"api\"\ncpu = 1024\nmemory = 2048\n\
         network_mode = \"awsvpc\"\nephemeral_storage_gib = 120\n[[service]]\nname = \"api\"\n\
         task_definition = \"api\"\nlaunch_type = \"FARGATE\"\ndesired_count = 1\n\
         [[savings_plan]]\ntype = \"Compute\"\nusd_per_hour = 1\nfargate_discount_percent = 25\n"
    );
    let ran = run(&text);
    let table = cost(&ran);
    let of = |category: &str| table.iter().find(|row| row["category"] == category).unwrap();
    // Services of the start of the run have been running before it: 1,000 s of a vCPU at 0.04048 · 0.75, 2 GB at
    // 0.004445 · 0.75 (0.00333375), 100 GB of storage at 0.000111.
    let vcpu = of("fargate_vcpu_savings_plan");
    let seconds: f64 = vcpu["quantity"].parse().unwrap();
    assert_eq!((vcpu["service"].as_str(), vcpu["usd_per_hour"].as_str()), ("api", "0.03036"));
    let usd = |row: &Cells| row["usd"].parse::<f64>().unwrap();
    assert!((usd(vcpu) - seconds * 0.03036 / 3_600.0).abs() < 2e-9);
    let memory = of("fargate_memory_savings_plan");
    assert_eq!(memory["usd_per_hour"], "0.00333375");
    assert!((usd(memory) - 2.0 * seconds * 0.00333375 / 3_600.0).abs() < 2e-9);
    let storage = of("fargate_ephemeral");
    assert!((usd(storage) - 100.0 * seconds * 0.000111 / 3_600.0).abs() < 2e-9);
    let all: f64 = table.iter().map(usd).sum();
    assert!((all - usd(storage) - 1_000.0 / 3_600.0).abs() < 2e-9, "a plan is paid in whole");
}

/// AWS lists what Fargate costs under a plan by architecture. A rate that is given for x86 says nothing of ARM, nor of Windows:
/// these have their own rate, or the discount on their own price.
#[test]
fn rates_of_fargate_under_a_plan_are_of_one_architecture() {
    let rates = |platform: &str, more: &str| -> [String; 2] {
        let text = format!(
            "{HEAD}{FARGATE}\n[[task_definition]]\nfamily = \"api\"\ncpu = 1024\nmemory = 2048\n\
             network_mode = \"awsvpc\"\nruntime_platform = {platform}\n[[service]]\nname = \"api\"\n\
             task_definition = \"api\"\nlaunch_type = \"FARGATE\"\ndesired_count = 1\n\
             [[savings_plan]]\ntype = \"Compute\"\nusd_per_hour = 1\nfargate_discount_percent = 50\n\
             fargate_vcpu_usd_per_hour = 0.03\nfargate_gb_usd_per_hour = 0.003\n{more}"
        );
        let table = cost(&run(&text));
        ["fargate_vcpu_savings_plan", "fargate_memory_savings_plan"].map(|category| {
            let row = table.iter().find(|row| row["category"] == category).unwrap();
            row["usd_per_hour"].clone()
        })
    };
    let arm = "{ cpu_architecture = \"ARM64\" }";
    assert_eq!(rates("{}", ""), ["0.03", "0.003"]);
    // Half of 0.03238 and 0.00356.
    assert_eq!(rates(arm, ""), ["0.01619", "0.00178"]);
    let own = "fargate_arm_vcpu_usd_per_hour = 0.025\nfargate_arm_gb_usd_per_hour = 0.0025\n";
    assert_eq!(rates(arm, own), ["0.025", "0.0025"]);
    assert_eq!(rates("{}", own), ["0.03", "0.003"]);
    // Half of what the book has for Windows, 0.046552 and 0.0051117; the licence is beside it.
    let windows = "{ operating_system_family = \"WINDOWS_SERVER_2022_CORE\" }";
    assert_eq!(rates(windows, own), ["0.023276", "0.00255585"]);
}

#[test]
fn the_bill_by_the_hour_adds_up_to_the_bill() {
    // A run over three clock hours, of which the first and the last are cut: it begins at 09:40 and lasts 95 min.
    let text = three_boxes(&format!("{TWO_RESERVED}{PLAN}"))
        .replace("duration = \"1000s\"", "duration = \"95m\"\nstart = \"2026-03-02T09:40:00Z\"");
    let scenario = ecsim::scenario::load_text(&text, "t.toml", std::path::Path::new("."), &[]);
    let scenario = scenario.unwrap();
    let sinks = ecsim::sim::outputs::Sinks { hourly: true, ..Default::default() };
    let pulse = ecsim::engine::Pulse::default();
    let watch = ecsim::sim::Watch { pulse: &pulse, check_every_event: true };
    let seed = scenario.setup.seed;
    let result = ecsim::experiment::run_one(&scenario, seed, sinks, watch).unwrap();
    let table = bill_tables::cost_hourly(&result, Some(scenario.setup.epoch_s)).unwrap();
    let table = rows(&String::from_utf8(table).unwrap());
    let of = |category: &str| -> Vec<String> {
        let own = table.iter().filter(|row| row["category"] == category);
        own.map(|row| format!("{} {}", &row["utc"][11..16], row["usd"])).collect()
    };
    // Two at 1.80 $ an hour: 20, 60 and 15 minutes.
    let reserved = ["09:40 1.200000000", "10:00 3.600000000", "11:00 0.900000000"];
    assert_eq!(of("ec2_reserved_instances"), reserved);
    assert_eq!(
        of("ec2_on_demand"),
        ["09:40 0.600000000", "10:00 1.800000000", "11:00 0.450000000"]
    );
    let all: NanoUsd = result.by_hour.unwrap().lines.into_iter().flatten().sum();
    assert_eq!(all, result.invoice.total());
}

#[test]
fn what_cannot_be_committed_to_is_refused() {
    let bad = three_boxes(
        "[[reserved_instances]]\ninstance_type = \"m5.lorge\"\n\
         [[reserved_instances]]\nname = \"x\"\ninstance_type = \"m5.large\"\navailability_zone = \"mars\"\n\
         [[savings_plan]]\nname = \"x\"\ntype = \"SageMaker\"\nusd_per_hour = 1\n\
         [[savings_plan]]\ntype = \"EC2Instance\"\nusd_per_hour = 1\n\
         [[savings_plan]]\ntype = \"EC2Instance\"\ninstance_family = \"m55\"\nusd_per_hour = 1\n\
         fargate_discount_percent = 20\n\
         [[savings_plan]]\ntype = \"Compute\"\ninstance_family = \"m5\"\nusd_per_hour = -1\n\
         rate = [{ instance_type = \"m5.large\", usd_per_hour = 0.1 }, { instance_type = \"m5.large\", usd_per_hour = 0.2 }]\n",
    );
    let said = errors(&bad);
    for wanted in [
        "unknown instance type \"m5.lorge\"",
        "\"mars\" is no Availability Zone of us-east-1",
        "unknown `type` \"SageMaker\"",
        "an EC2Instance plan without `instance_family`",
        "unknown instance family \"m55\"",
        "which does not cover Fargate",
        "`usd_per_hour`",
    ] {
        assert!(said.contains(wanted), "{wanted}\n{said}");
    }
    let twice = three_boxes(&format!(
        "{}{}",
        TWO_RESERVED.replace("[[reserved_instances]]\n", "[[reserved_instances]]\nname = \"x\"\n"),
        PLAN.replace(
            "[[savings_plan]]\n",
            "[[savings_plan]]\nname = \"x\"\ninstance_family = \"m5\"\n"
        )
    ));
    let said = errors(&twice);
    assert!(said.contains("duplicate commitment \"x\""), "{said}");
    assert!(said.contains("which covers all families"), "{said}");
}

/// Sizes of one family, with their units.
const SIZES: [(&str, u64); 3] = [("f.large", 4), ("f.xlarge", 8), ("f.2xlarge", 16)];

/// One hour, a millisecond of an instance at a time, in the order of the rules as they are written.
fn slow(
    reserved: &[(usize, u128, Option<u32>)],
    plans: &[(u64, u32)],
    usage: &mut [(usize, u32, u128)],
) -> Vec<u128> {
    let mut used = Vec::new();
    for zonal in [true, false] {
        for &(size, count, zone) in reserved.iter().filter(|one| one.2.is_some() == zonal) {
            let mut units = count * u128::from(SIZES[size].1) * 1_000;
            let all = units;
            for (of, &(_, each)) in SIZES.iter().enumerate() {
                if zonal && of != size {
                    continue;
                }
                let each = u128::from(each);
                for entry in usage.iter_mut().filter(|entry| entry.0 == of) {
                    let fits = zone.is_none_or(|zone| zone == entry.1);
                    while fits && entry.2 > 0 && units >= each {
                        entry.2 -= 1;
                        units -= each;
                    }
                }
            }
            used.push(all - units);
        }
    }
    for &(dollars, discount) in plans {
        // Prices are whole dollars a unit and an hour, and discounts whole percents: hundredths of a dollar.
        let mut budget = u128::from(dollars) * 100 * 1_000;
        let all = budget;
        // One discount on all: the lowest rate first.
        for (of, (_, units)) in SIZES.iter().enumerate() {
            let each = u128::from(*units) * u128::from(100 - discount);
            for entry in usage.iter_mut().filter(|entry| entry.0 == of) {
                while entry.2 > 0 && budget >= each {
                    entry.2 -= 1;
                    budget -= each;
                }
            }
        }
        used.push(all - budget);
    }
    used
}

proptest! {
    #![proptest_config(drawn(300))]

    /// Against the rules as they are written, a millisecond of an instance at a time.
    #[test]
    fn an_hour_is_covered_as_the_rules_say(
        reserved in prop::collection::vec((0usize..3, 1u128..4, prop::option::of(0u32..2)), 0..4),
        plans in prop::collection::vec((0u64..60, 1u32..60), 0..3),
        running in prop::collection::vec(0u128..4_000, 6),
    ) {
        const MILLI: u128 = 3_600_000; // a thousandth of an hour
        let mut left: Vec<(usize, u32, u128)> =
            running.iter().enumerate().map(|(at, amount)| (at % 3, (at / 3) as u32, *amount)).collect();
        let usage: Vec<Usage> = left.iter().map(|&(size, zone, amount)| Usage {
            subject: Subject::Instances(SIZES[size].0.into(), Some(ZoneId(zone))),
            list: HourlyRate(SIZES[size].1 * 1_000_000_000),
            parts: 1,
            amount: vec![amount * MILLI],
        }).collect();
        let commitments = Commitments {
            reserved: reserved.iter().map(|&(size, count, zone)| ReservedInstances {
                name: "r".into(),
                instance_type: SIZES[size].0.into(),
                count: count as u32,
                zone: zone.map(ZoneId),
                rate: HourlyRate(1),
                vcpus: None,
            }).collect(),
            plans: plans.iter().map(|&(dollars, discount)| SavingsPlan {
                name: "p".into(),
                kind: PlanKind::Compute,
                commitment: HourlyRate(dollars * 1_000_000_000),
                rates: PlanRates { instances: discount * 10_000, ..PlanRates::default() },
            }).collect(),
            ..Commitments::default()
        };
        let lengths = [SimSpan(3_600_000_000)];
        let outcomes = apply(&commitments, &usage, &lengths);
        let used = slow(&reserved, &plans, &mut left);
        let mut rest: Vec<u128> = usage.iter().map(|one| one.amount[0]).collect();
        for (outcome, used) in outcomes.iter().zip(used) {
            // A commitment's measure, of which so much is a thousandth of an hour of what the slow one counts in.
            let whole = outcome.pool;
            let share = outcome.used as f64 / whole.max(1) as f64;
            let reserved_units = match outcome.commitment {
                ecsim::pricing::commitments::Commitment::Reserved(one) => {
                    let size = SIZES.iter().find(|size| size.0 == one.instance_type).unwrap();
                    u128::from(one.count) * u128::from(size.1) * 1_000
                }
                ecsim::pricing::commitments::Commitment::Plan(one) => {
                    u128::from(one.commitment.0 / 1_000_000_000) * 100_000
                }
            };
            // The slow one cannot cover a part of a millisecond: less than one of the largest size is missing, of each
            // kind of usage that ends in the middle of one.
            let slow_share = used as f64 / reserved_units.max(1) as f64;
            let step = match outcome.commitment {
                ecsim::pricing::commitments::Commitment::Reserved(_) => 16.0,
                ecsim::pricing::commitments::Commitment::Plan(_) => 1_600.0,
            };
            let slack = step * 2.0 * outcomes.len() as f64 / reserved_units.max(1) as f64;
            prop_assert!((share - slow_share).abs() <= slack, "{share} {slow_share} {slack}");
            for covered in &outcome.covered {
                rest[covered.usage] -= covered.total();
            }
        }
        let fast: u128 = rest.iter().zip(&left).map(|(rest, of)| rest * u128::from(SIZES[of.0].1)).sum();
        let slow: u128 = left.iter().map(|of| of.2 * MILLI * u128::from(SIZES[of.0].1)).sum();
        let slack = 16 * 2 * (outcomes.len() as u128 + 1) * MILLI;
        prop_assert!(fast <= slow && slow - fast <= slack, "{fast} {slow}");
    }
}

#[test]
fn what_to_commit_over_several_seeds_is_told_with_its_regret() {
    let desk = Desk::new();
    // Runs differ: tasks come at random.
    let random = "[[task_definition]]\nfamily = \"job\"\ncpu = 1024\nmemory = 2048\nnetwork_mode = \"awsvpc\"\n\
                  [[run_task]]\nname = \"jobs\"\ntask_definition = \"job\"\nlaunch_type = \"FARGATE\"\n\
                  generate = { per_second = 0.002, until = \"12h\", duration = { type = \"exponential\", mean = \"1h\" } }\n";
    desk.write("jobs.toml", format!("[simulation]\nname = \"jobs\"\nseed = 5\n{random}{PLAN}"));
    let done = desk.ok("run jobs.toml --replications 4 --charts none --out out");
    let csv = desk.read("out/commitment_regret.csv");
    let mut rows = csv::Reader::from_reader(csv.as_bytes());
    let rows: Vec<Vec<f64>> = rows
        .records()
        .map(|row| row.unwrap().iter().map(|cell| cell.parse().unwrap()).collect())
        .collect();
    assert_eq!(rows.iter().map(|row| row[0]).collect::<Vec<_>>(), [5.0, 6.0, 7.0, 8.0]);
    let seeds = desk.read("out/seeds.csv");
    let best =
        seeds.lines().find(|line| line.starts_with("best_savings_plan_usd_per_hour,")).unwrap();
    let mean: f64 = best.split(',').nth(3).unwrap().parse().unwrap();
    let found = rows.iter().map(|row| row[1]).sum::<f64>() / 4.0;
    assert!((found - mean).abs() < 1e-6, "{found} {mean}");
    assert!(rows.iter().all(|row| 0.0 < row[4] && row[4] <= row[5]), "{csv}");
    assert!(
        done.stdout.contains("What to commit to, a Compute Savings Plan: $"),
        "{}",
        done.stdout
    );
    // Without a commitment nobody asks.
    desk.write("jobs.toml", format!("[simulation]\nname = \"jobs\"\nseed = 5\n{random}"));
    let done = desk.ok("run jobs.toml --replications 2 --charts none --out none");
    assert!(!done.stdout.contains("What to commit"), "{}", done.stdout);
    assert!(!desk.path("none/commitment_regret.csv").exists());
}
