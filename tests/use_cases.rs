//! The scenarios of services from 30 on: what each of them is there to show, and the numbers that can be worked out by
//! hand.

use crate::support::shipped::{Shipped, rows};
use ecsim::metrics::service::ServiceSample;
use ecsim::model::traffic::MICRO;

/// Seconds since the start.
fn seconds(sample: &ServiceSample) -> u64 {
    sample.at.0 / 1_000_000
}

#[test]
fn a_flash_crowd_is_dropped_until_target_tracking_has_seen_it_and_then_served() {
    let run = Shipped::run("30-web-service", &[]);
    let web = run.service("web");
    let crowd = 18 * 3_600;
    let dropping: Vec<u64> =
        web.samples.iter().filter(|s| s.requests.dropped() > 0).map(seconds).collect();
    // Three points above the target, seen two minutes late, then new tasks; over after a quarter of an hour.
    assert!(dropping.first().unwrap() > &crowd && dropping.last().unwrap() < &(crowd + 900));
    let first = rows(&run.scaling)
        .into_iter()
        .find(|row| row["time_s"].parse::<f64>().unwrap() > crowd as f64)
        .unwrap();
    assert_eq!((first["time_s"].as_str(), first["from"].as_str()), ("65100", "7"));
    // 120 · (1 + 0.6 cos 45°) · 4 = 684 a second · 12 ms = 8.2 vCPUs; at 60 % of half a vCPU each: 28 tasks. The seven
    // fail their health checks; six replacements run beside them when the alarm fires: 13 · 85.7/60 = 19, after the
    // cooldown of five minutes 19 · 84.5/60 = 27, and 19 · 86.7/60 = 28 of it is still seen.
    assert_eq!(web.samples.iter().map(|s| s.desired).max(), Some(28));
    assert!(web.samples.last().unwrap().desired <= 5, "and back again");
}

#[test]
fn a_rolling_update_keeps_between_five_and_fifteen_tasks() {
    let run = Shipped::run("31-rolling-update", &[]);
    let api = run.service("api");
    assert_eq!(api.deployments, [1, 0]);
    let tasks = || api.samples.iter().map(|s| (s.running + s.pending, s.healthy));
    assert_eq!((tasks().map(|t| t.0).max(), tasks().map(|t| t.1).min()), (Some(13), Some(5)));
    // Old ones that drain keep their places: never are more than 15 there before they stop.
    assert_eq!(api.requests.dropped(), 0);
}

#[test]
fn four_services_share_a_fleet_and_drop_nothing() {
    let run = Shipped::run("32-microservices", &[]);
    for service in &run.result.services {
        assert_eq!(service.requests.dropped(), 0, "{}", service.name);
        assert!(service.scaling[0] > 0 && service.scaling[1] > 0, "{}", service.name);
    }
    // 600 · 1.7 = 1,020 a second at noon, 75 to a task: 14 tasks, and one more for the noise.
    let catalogue = run.service("catalogue").samples.iter().map(|s| s.desired).max().unwrap();
    assert!((14..=15).contains(&catalogue), "{catalogue}");
}

#[test]
fn the_burst_of_a_queue_is_worked_off_and_no_message_is_lost() {
    let run = Shipped::run("33-queue-workers", &[]);
    let workers = run.service("thumbnails");
    assert_eq!(workers.requests.dropped(), 0);
    // From 3:00 on 40 a second come and ten workers take 5: 300 s until the third point above 30 is seen.
    let out = &rows(&run.scaling)[1];
    assert_eq!(
        (out["time_s"].as_str(), out["from"].as_str(), out["to"].as_str()),
        ("11100", "10", "100")
    );
    // About 35 · 337 s = 11,800 wait when the new workers are there; they take 10 a second more than come.
    let most = workers.samples.iter().map(|s| s.backlog_micro / MICRO).max().unwrap();
    assert!((11_000..12_500).contains(&most), "{most}");
    // A tenth at a time: 100, 90, 81, 73, 66, ... 10, 9, ... to what is needed.
    assert_eq!(workers.scaling, [1, 26]);
}

#[test]
fn batch_waits_at_night_and_the_service_never_does() {
    let run = Shipped::run_checked("34-scheduled-batch", &[], false);
    let shop = run.service("shop");
    assert_eq!(shop.requests.dropped(), 0);
    assert!(run.number("wait_s_p95") > 600.0, "batch tasks queue for room");
    let scheduled = |name: &str| {
        let at = rows(&run.scaling).into_iter().filter(|r| r["policy"] == name);
        at.map(|r| r["time_s"].parse::<f64>().unwrap() as u64 % 86_400).collect::<Vec<u64>>()
    };
    // Seven o'clock in Berlin is six o'clock UTC in January, each day of the week.
    assert_eq!(scheduled("morning"), vec![6 * 3_600; 7]);
    assert_eq!(scheduled("evening"), vec![21 * 3_600; 7]);
}

#[test]
fn ci_runners_come_from_nothing_and_no_build_is_killed() {
    let run = Shipped::run("35-ci-runners", &[]);
    let runners = run.service("runners");
    assert_eq!(runners.requests.task_lost, 0);
    assert_eq!(runners.requests.timeout, 0);
    let none = runners.samples.iter().filter(|s| s.running == 0).count();
    assert!(none > 0, "at night there are none");
    assert!(runners.requests.served > runners.requests.offered / 1_000 * 999);
}

#[test]
fn a_bad_canary_costs_a_thousand_errors_and_is_rolled_back() {
    let run = Shipped::run("36-blue-green", &[]);
    let api = run.service("api");
    assert_eq!(api.deployments, [1, 1]);
    let deployments = rows(&run.deployments);
    let at = |deployment: &str, event: &str, stage: &str| -> f64 {
        let of = |row: &&crate::support::shipped::Row| {
            row["deployment"] == deployment && row["event"] == event && row["stage"] == stage
        };
        let row = deployments.iter().find(of);
        row.unwrap_or_else(|| panic!("no {event} {stage}"))["time_s"].parse().unwrap()
    };
    // The hook takes two minutes, the canary's bake ten, the bake time after the shift fifteen.
    let shift = at("2", "STAGE", "PRODUCTION_TRAFFIC_SHIFT");
    let bake = at("2", "STAGE", "BAKE_TIME");
    assert_eq!((shift - at("2", "STAGE", "POST_SCALE_UP")).round(), 120.0);
    assert_eq!((bake - shift).round(), 600.0);
    assert_eq!((at("2", "STAGE", "CLEAN_UP") - bake).round(), 900.0);
    // 400 a second · 10 % · 25 % = 10 errors a second, and the alarm wants two minutes of them.
    let seen = at("3", "FAILED", "") - at("3", "STAGE", "PRODUCTION_TRAFFIC_SHIFT");
    assert!((120.0..=300.0).contains(&seen), "{seen} s");
    let errors = api.requests.errors / MICRO;
    assert!(errors.abs_diff((seen * 10.0) as u64) <= 20, "{errors} in {seen} s");
    assert_eq!(api.samples.iter().map(|s| s.running).max(), Some(16), "all tasks are there twice");
}
