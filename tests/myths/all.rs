//! The ten myths, what a calculator says of each, and what contradicts it.

use super::{Exact, Myth, REGION, Reckoned, Runs, Trial, dollars, found};
use ecsim::report::human;

/// The placement that packs, and ECS's default for services.
const PACKED: &str = r#"[{type="binpack",field="memory"}]"#;
const DEFAULT: &str = "[]";

pub(super) const MYTHS: [Myth; 10] = [
    Myth {
        file: "01-two-small-or-one-large",
        said: "Two small instances cost what a large one does",
        quantity: "a task-hour on m5.large",
        vary: &[(
            "capacity_provider.group.instance_types",
            &[r#"["m5.large"]"#, r#"["m5.xlarge"]"#, r#"["m5.4xlarge"]"#],
        )],
        variants: &["m5.large", "m5.xlarge", "m5.4xlarge"],
        metrics: &["usd_per_task_hour", "cpu_reservation_percent", "stranded_cpu_percent"],
        trial: Trial::Of(0),
        reckon: two_small,
    },
    Myth {
        file: "02-room-to-spare",
        said: "A tenth of room to spare costs a tenth more",
        quantity: "a day at a target capacity of 90 %",
        vary: &[
            ("capacity_provider.group.managed_scaling.target_capacity", &["100", "90"]),
            ("service.api.placement_strategy", &[PACKED, DEFAULT]),
        ],
        variants: &["100 %, binpack", "100 %, default", "90 %, binpack", "90 %, default"],
        metrics: &["total_usd", "cpu_reservation_percent", "wait_s_p95"],
        trial: Trial::Of(3),
        reckon: room_to_spare,
    },
    Myth {
        file: "03-spread-is-free",
        said: "Spread is free",
        quantity: "two days, tasks spread",
        vary: &[("service.web.placement_strategy", &[PACKED, DEFAULT])],
        variants: &["binpack", "default: spread"],
        metrics: &["total_usd", "service.web.running_tasks_mean", "packing_efficiency_percent"],
        trial: Trial::Of(1),
        reckon: spread,
    },
    Myth {
        file: "04-spot-saves-70-percent",
        said: "Spot saves 70 %",
        quantity: "a week with Fargate Spot",
        vary: &[(
            "service.api.capacity_provider_strategy",
            &[
                r#"[{capacity_provider="FARGATE",weight=1}]"#,
                r#"[{capacity_provider="FARGATE",base=2,weight=1},{capacity_provider="FARGATE_SPOT",weight=3}]"#,
            ],
        )],
        variants: &["FARGATE", "with FARGATE_SPOT"],
        metrics: &["total_usd", "fargate_usd", "fargate_interrupted"],
        trial: Trial::Of(1),
        reckon: spot,
    },
    Myth {
        file: "05-scale-in-gives-back",
        said: "Scale-in gives back what scale-out took",
        quantity: "what a crowd of five minutes adds",
        vary: &[(
            "service.web.traffic.generate.flash_crowd",
            &["[]", r#"[{at="2h",factor=1.6,rise="2m",holds="5m",decay="5m"}]"#],
        )],
        variants: &["no crowd", "a crowd"],
        metrics: &["total_usd", "service.web.running_tasks_max", "requests_dropped_percent"],
        trial: Trial::Difference(1),
        reckon: crowd,
    },
    Myth {
        file: "06-the-average-says-how-many",
        said: "Average CPU says how many tasks are needed",
        quantity: "requests dropped in a week",
        vary: &[("service.web.desired_count", &["30", "14"])],
        variants: &["30 tasks", "14 tasks"],
        metrics: &["requests_dropped_percent", "cpu_utilization_percent", "service_tasks_failed"],
        trial: Trial::Of(1),
        reckon: average,
    },
    Myth {
        file: "07-fargate-by-what-is-used",
        said: "On Fargate a task costs what it uses",
        quantity: "an hour of tasks of 20 s",
        vary: &[("run_task.thumbnails.generate.duration.mean", &["20s", "10m"])],
        variants: &["tasks of 20 s", "tasks of 10 min"],
        metrics: &["usd_per_task_hour", "fargate_minimum_usd", "total_usd"],
        trial: Trial::Of(0),
        reckon: fargate,
    },
    Myth {
        file: "08-a-plan-for-the-average",
        said: "A Savings Plan for the average load is best",
        quantity: "a week under that plan",
        vary: &[("savings_plan.average.usd_per_hour", &["0", "0.09", "0.357"])],
        variants: &["no plan", "$0.09 an hour", "the average"],
        metrics: &["total_usd", "best_savings_plan_usd_per_hour"],
        trial: Trial::Of(2),
        reckon: plan,
    },
    Myth {
        file: "09-t3-is-cheaper",
        said: "T3 is cheaper than M5",
        quantity: "a week of six t3.large",
        vary: &[(
            "capacity_provider.fleet.instance_types",
            &[r#"["m5.large"]"#, r#"["t3.large"]"#],
        )],
        variants: &["m5.large", "t3.large"],
        metrics: &["total_usd", "cpu_utilization_percent"],
        trial: Trial::Of(1),
        reckon: burstable,
    },
    Myth {
        file: "10-the-rest-is-small-change",
        said: "Beside the tasks there is small change",
        quantity: "a week of a small service",
        vary: &[("bill.nat_gateways", &["3", "1", "0"])],
        variants: &["3 NAT gateways", "1 NAT gateway", "none"],
        metrics: &["total_usd", "fargate_usd", "service.api.running_tasks_mean"],
        trial: Trial::Of(0),
        reckon: beside,
    },
];

/// Two tasks of 1 vCPU and 4 GiB are all that an m5.large is sold with.
fn two_small(runs: &Runs) -> Reckoned {
    let (small, large) = (runs.ec2("m5.large"), runs.ec2("m5.xlarge"));
    let value = small / 2.0;
    assert!((large / 4.0 - value).abs() < 1e-9);
    let how = format!(
        "an m5.large has 2 vCPUs and 8 GiB for ${small:.3} an hour, two tasks of 1 vCPU and 4 GiB: ${value:.4} a task-hour; an \
         m5.xlarge has twice as much for ${large:.3}, the same."
    );
    Runs::always(value, how)
}

/// So many instances as are needed, by 90 %.
fn room_to_spare(runs: &Runs) -> Reckoned {
    let full = runs.of(1, "total_usd");
    let by_seed: Vec<Exact> = full.iter().map(|usd| Exact(usd.0 * 100 / 90)).collect();
    let (usd, most) = (runs.mean(1, "total_usd"), runs.mean(1, "total_usd") * 100.0 / 90.0);
    let how = format!("the bill at 100 %, ${usd:.2}, × 100 ÷ 90 = ${most:.2}.");
    Reckoned { by_seed, how }
}

/// Where tasks are placed is no input.
fn spread(runs: &Runs) -> Reckoned {
    let how = format!(
        "as many tasks on as many instances, however they are placed: ${:.2}, as with binpack.",
        runs.mean(0, "total_usd")
    );
    Reckoned { by_seed: runs.of(0, "total_usd"), how }
}

/// The bill less 70 %.
fn spot(runs: &Runs) -> Reckoned {
    let by_seed = runs.of(0, "total_usd").iter().map(|usd| Exact(usd.0 * 3 / 10)).collect();
    let usd = runs.mean(0, "total_usd");
    let how = format!("${usd:.2} × (1 − 0.7) = ${:.2}.", usd * 0.3);
    Reckoned { by_seed, how }
}

/// The CPU of the crowd's requests, at 60 %, on tasks with 2 GB for each vCPU.
fn crowd(runs: &Runs) -> Reckoned {
    let (vcpu, gb) = runs.fargate();
    let requests = 960.0 * (1.6 - 1.0) * (120.0 / 2.0 + 300.0 + 300.0);
    let vcpu_hours = requests * 0.012 / 0.6 / 3_600.0;
    let value = vcpu_hours * (vcpu + 2.0 * gb);
    let how = format!(
        "960/s × 0.6 × (120 s ÷ 2 + 300 s + 300 s) = {} requests more; × 12 ms ÷ 60 % = {vcpu_hours:.2} vCPU-hours \
         more, each with 2 GB ${:.5}: ${value:.3}.",
        human::decimal(requests, 0),
        vcpu + 2.0 * gb
    );
    Runs::always(value, how)
}

/// As many tasks as run at 60 % in the mean: nothing is dropped at 60 %.
fn average(runs: &Runs) -> Reckoned {
    let used = runs.mean(0, "cpu_utilization_percent");
    let needed = 30.0 * used / 60.0;
    assert_eq!(needed.ceil(), 14.0, "the scenario's other count");
    let how = format!(
        "30 tasks × {used:.1} % ÷ 60 % = {needed:.1}, so 14 tasks; they run below 60 %, and drop 0 % of the requests."
    );
    Runs::always(0.0, how)
}

/// 300 CPU units and 1,100 MiB for an hour.
fn fargate(runs: &Runs) -> Reckoned {
    let (vcpu, gb) = runs.fargate();
    let value = 300.0 / 1_024.0 * vcpu + 1_100.0 / 1_024.0 * gb;
    let how = format!(
        "300 ÷ 1,024 vCPU × ${vcpu} + 1,100 ÷ 1,024 GB × ${gb} = ${value:.4} for each hour that tasks run."
    );
    Runs::always(value, how)
}

/// What the hour costs in the mean, less the discount, covers everything.
fn plan(runs: &Runs) -> Reckoned {
    let (usd, hours) = (runs.mean(0, "total_usd"), runs.hours);
    let commitment = usd / hours * 0.8;
    assert!((commitment - 0.357).abs() < 0.001, "{commitment}: the scenario's plan");
    let value = 0.357 * hours;
    let how = format!(
        "${usd:.2} ÷ {hours} h × (1 − 0.2) = $0.357 an hour, which covers all that runs: × {hours} h = ${value:.2}."
    );
    Runs::always(value, how)
}

/// List prices; and where they meet with what credits cost: T3 earns those of 30 % of its two vCPUs.
fn burstable(runs: &Runs) -> Reckoned {
    let (t3, m5, hours) = (runs.ec2("t3.large"), runs.ec2("m5.large"), runs.hours);
    let credits = dollars(runs.book.side_price(REGION, "cpu_credits_t3").unwrap().usd);
    let value = 6.0 * t3 * hours;
    let how = format!(
        "6 × ${t3:.4} × {hours} h = ${value:.2}, and of m5.large 6 × ${m5:.3} × {hours} h = ${:.2}. (With a vCPU-hour of credits \
         at ${credits:.2} both cost the same at 30 % + (${m5:.4} − ${t3:.4}) ÷ 2 ÷ ${credits:.2} = {:.1} % CPU.)",
        6.0 * m5 * hours,
        30.0 + (m5 - t3) / 2.0 / credits * 100.0
    );
    Runs::always(value, how)
}

/// Task-hours, of tasks of 0.5 vCPU and 1 GB.
fn beside(runs: &Runs) -> Reckoned {
    let (vcpu, gb) = runs.fargate();
    let (task, hours) = (0.5 * vcpu + gb, runs.hours);
    let tasks = runs.of(0, "service.api.running_tasks_mean");
    let usd =
        |tasks: &Exact| Exact::parse(&format!("{:.9}", tasks.to_f64() * task * hours)).unwrap();
    let mean = runs.mean(0, "service.api.running_tasks_mean");
    let how = format!(
        "{mean:.2} tasks of 0.5 vCPU and 1 GB in the mean × ${task:.6} × {hours} h = ${:.2}.",
        mean * task * hours
    );
    Reckoned { by_seed: tasks.iter().map(usd).collect(), how }
}

#[test]
fn two_small_instances_hold_less_than_a_large_one() {
    let runs = found(1).contradicts();
    // One of two, three of four, fifteen of sixteen: a task-hour is the cheaper, the larger the type.
    let usd = |variant| runs.mean(variant, "usd_per_task_hour");
    assert!(usd(0) > 1.4 * usd(1) && usd(1) > usd(2));
    let left = |variant| runs.mean(variant, "stranded_cpu_percent");
    assert!(left(0) > left(1) && left(1) > left(2));
}

#[test]
fn spare_instances_fill_up_where_tasks_are_spread() {
    let runs = found(2).contradicts();
    // Packed, the calculator is right to a twentieth of the bill.
    let usd = |variant| runs.mean(variant, "total_usd");
    assert!((usd(2) / usd(0) * 0.9 - 1.0).abs() < 0.05, "{} {}", usd(0), usd(2));
    assert!(usd(3) > 2.0 * usd(1));
    // And yes: full is the cheapest, and waits.
    assert!(usd(1) < usd(3) && usd(0) < usd(2) && usd(0) < usd(1));
    assert!(runs.mean(0, "wait_s_p95") > runs.mean(2, "wait_s_p95"));
}

#[test]
fn spread_keeps_instances_that_binpack_gives_back() {
    let runs = found(3).contradicts();
    let tasks = |variant| runs.mean(variant, "service.web.running_tasks_mean");
    assert!((tasks(0) - tasks(1)).abs() < 0.1, "the same work");
}

#[test]
fn spot_takes_70_percent_off_a_part_of_the_bill() {
    let runs = found(4).contradicts();
    // All of what is saved is saved on tasks.
    let saved = |metric| runs.mean(0, metric) - runs.mean(1, metric);
    assert!((saved("total_usd") / saved("fargate_usd") - 1.0).abs() < 0.05);
    assert!(saved("total_usd") < 0.3 * runs.mean(0, "total_usd"));
}

#[test]
fn scale_in_gives_back_late() {
    let runs = found(5).contradicts();
    assert!(found(5).factor() > 2.0);
    assert_eq!(runs.mean(1, "requests_dropped_percent"), 0.0, "all of the crowd is served");
}

#[test]
fn the_average_of_a_week_is_too_few_for_its_peaks() {
    let runs = found(6).contradicts();
    assert_eq!(runs.mean(0, "requests_dropped_percent"), 0.0);
    // Tasks that are only busy fail their health checks.
    assert_eq!(runs.mean(0, "service_tasks_failed"), 0.0);
    assert!(runs.mean(1, "service_tasks_failed") > 1_000.0);
}

#[test]
fn short_tasks_on_fargate_pay_for_sizes_pulls_and_minutes() {
    let runs = found(7).contradicts();
    // Of ten minutes the size is all but everything: 0.5 vCPU and 2 GB.
    let (vcpu, gb) = runs.fargate();
    let size = 0.5 * vcpu + 2.0 * gb;
    let long = runs.mean(1, "usd_per_task_hour");
    assert!(long > size && long < 1.05 * size, "{long} {size}");
}

#[test]
fn a_plan_for_the_average_costs_more_than_none() {
    let runs = found(8).contradicts();
    let usd = |variant| runs.mean(variant, "total_usd");
    assert!(usd(2) > usd(0) && usd(1) < usd(0));
    let best = runs.mean(0, "best_savings_plan_usd_per_hour");
    assert!((best - 0.09).abs() < 0.003, "{best}");
}

#[test]
fn t3_costs_more_than_m5_at_60_percent() {
    let runs = found(9).contradicts();
    assert!(runs.mean(1, "total_usd") > runs.mean(0, "total_usd"));
    assert!((runs.mean(1, "cpu_utilization_percent") - 60.0).abs() < 0.1);
}

#[test]
fn what_is_beside_the_tasks_is_most_of_a_small_bill() {
    let runs = found(10).contradicts();
    // The calculator's task-hours are right: they are the line of Fargate.
    let tasks = runs.mean(0, "fargate_usd");
    assert!((found(10).calculator.mean / tasks - 1.0).abs() < 0.01);
    let gateways = runs.mean(0, "total_usd") - runs.mean(2, "total_usd");
    assert!(gateways > tasks, "{gateways} {tasks}");
}
