//! The pathologies that services are known for: each has a scenario from 40 on, and its outcome is held here.

use crate::support::shipped::{Shipped, rows};

#[test]
fn tasks_that_crash_are_replaced_at_once_and_tasks_that_never_start_after_27_minutes() {
    let run = Shipped::run("40-crash-loop-and-throttle", &[]);
    // 5 h 50 min of 2 tasks that start for 2 s, live for 20 s and are replaced after 14 s on average: 1,167.
    let crashes = run.service("crashes");
    assert!((1_120..1_215).contains(&crashes.tasks_failed), "{}", crashes.tasks_failed);
    let mut starts: Vec<f64> = run
        .cells(&run.tasks, "never-starts", "arrival_s")
        .iter()
        .map(|at| at.parse().unwrap())
        .filter(|at| *at > 0.0)
        .collect();
    starts.sort_by(f64::total_cmp);
    starts.dedup();
    // Each attempt takes 2 s until it has failed; the rest is the throttle.
    let minutes: Vec<u64> =
        starts.windows(2).map(|pair| ((pair[1] - pair[0] - 2.0) / 60.0).round() as u64).collect();
    assert_eq!(minutes[..8], [0, 1, 2, 4, 8, 16, 27, 27]);
    assert!(minutes[8..].iter().all(|wait| *wait == 27), "{minutes:?}");
    let told = run.cells(&run.events, "never-starts", "event");
    assert!(told.contains(&"SERVICE_TASK_START_IMPAIRED".to_string()));
    assert!(!run.cells(&run.events, "crashes", "event").contains(&told[told.len() - 1]));
    assert_eq!(run.service("never-starts").deployments, [0, 0], "it never gives up");
    assert_eq!(run.service("with-breaker").deployments, [1, 1], "failed, and rolled back");
}

#[test]
fn deployments_without_room_are_stuck_and_the_run_says_why() {
    let run = Shipped::run("41-deployment-that-cannot-move", &[]);
    for (service, completed) in [
        ("one-of-one", 0),
        ("three-at-125", 0),
        ("three-at-134", 1),
        ("no-room", 0),
        ("room-by-stopping", 1),
    ] {
        assert_eq!(run.service(service).deployments, [completed, 0], "{service}");
    }
    let said = |service: &str, event: &str| {
        let found = rows(&run.events)
            .into_iter()
            .find(|row| row["service"] == service && row["event"] == event)
            .unwrap_or_else(|| panic!("{service}: no {event}"));
        found["message"].clone()
    };
    assert!(said("one-of-one", "DEPLOYMENT_BLOCKED").contains("allows 1 of 1"));
    assert!(said("three-at-125", "DEPLOYMENT_BLOCKED").contains("allows 3 of 3"));
    assert!(said("no-room", "SERVICE_TASK_PLACEMENT_FAILURE").contains("unable to place a task"));
    // The old tasks go on: nothing is lost, nothing is won.
    for service in ["one-of-one", "three-at-125", "no-room"] {
        let last = run.service(service).samples.last().unwrap();
        assert_eq!((last.running, last.newest), (last.desired, 0), "{service}");
    }
}

#[test]
fn target_tracking_settles_on_cpu_and_never_on_latency_or_backlog() {
    let run = Shipped::run("42-target-tracking-oscillates", &[]);
    assert_eq!(run.service("by-cpu").scaling, [0, 0], "ten tasks at 60 % are what it takes");
    for service in ["by-latency", "by-backlog"] {
        let service = run.service(service);
        // The load never changes in twelve hours.
        assert!(service.scaling[0] >= 10 && service.scaling[1] >= 10, "{:?}", service.scaling);
        let desired = || service.samples.iter().map(|sample| sample.desired);
        assert!(desired().max().unwrap() >= 30 && desired().min().unwrap() <= 4);
        // Late in the run it swings as widely as before.
        let late = || desired().skip(service.samples.len() / 2);
        assert!(late().max().unwrap() >= 30 && late().min().unwrap() <= 4);
    }
    assert!(run.service("by-latency").requests.dropped() > 0);
    assert_eq!(run.service("by-cpu").requests.dropped(), 0);
}

#[test]
fn nothing_scales_in_while_a_deployment_goes_on() {
    let run = Shipped::run("43-scale-in-blocked-by-deployment", &[]);
    let (free, deploying) = (run.service("free"), run.service("deploying"));
    assert_eq!(free.samples.last().unwrap().desired, 2);
    assert!(deploying.samples.iter().all(|sample| sample.desired == 20));
    // From 20 to 2, a tenth at a time but one at least: 20, 18, 17, 16, ... 3, 2.
    assert_eq!((free.scaling[1], deploying.scaling[1]), (17, 0));
    let reasons = run.cells(&run.scaling, "deploying", "reason");
    assert!(reasons.contains(&"DeploymentInProgress".to_string()), "{reasons:?}");
    assert!(deploying.usd.0 > 2 * free.usd.0, "the tasks that nobody needs are paid for");
}

/// Tasks by AZ, the most first.
fn zones(run: &Shipped) -> Vec<usize> {
    let mut zones: Vec<String> =
        rows(&run.tasks).into_iter().map(|row| row["availability_zone"].clone()).collect();
    zones.sort();
    let mut counts: Vec<usize> =
        zones.chunk_by(|left, right| left == right).map(<[String]>::len).collect();
    counts.sort_by_key(|count| std::cmp::Reverse(*count));
    counts
}

#[test]
fn services_that_spread_over_zones_and_pack_put_their_odd_task_into_one_zone() {
    let run = Shipped::run("44-odd-task-in-one-zone", &[]);
    assert_eq!(zones(&run), [24, 12, 12]);
    // Drawn ties choose the zone once: then it has the fullest instance, and packing goes there.
    let drawn = Shipped::run("44-odd-task-in-one-zone", &[("simulation.tie_break", "uniform")]);
    assert_eq!(zones(&drawn), [24, 12, 12]);
    // Without packing the instance with the fewest tasks decides.
    let set: Vec<(String, &str)> = (1..=12)
        .map(|number| {
            let strategies = r#"[{type="spread",field="attribute:ecs.availability-zone"}]"#;
            (format!("service.service-{number:02}.placement_strategy"), strategies)
        })
        .collect();
    let set: Vec<(&str, &str)> = set.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    assert_eq!(zones(&Shipped::run("44-odd-task-in-one-zone", &set)), [16, 16, 16]);
}
