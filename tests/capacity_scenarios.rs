//! The shipped scenarios of capacity: published measurements, each with its deviation (scenarios 50 to 59), and what
//! cluster auto scaling is known to go wrong by (from 60 on).

use crate::support::program::Desk;
use crate::support::shipped::{Row, Shipped, rows};

/// Seconds at which tasks began to run, ascending.
fn starts(run: &Shipped) -> Vec<f64> {
    let told = rows(&run.tasks).into_iter().filter_map(|row| row["started_s"].parse().ok());
    let mut starts: Vec<f64> = told.collect();
    starts.sort_by(f64::total_cmp);
    starts
}

/// How far a figure is off what was published, in percent; within 9.
fn is_near(found: f64, published: f64) -> f64 {
    let deviation = (found - published) / published * 100.0;
    assert!(deviation.abs() <= 9.0, "{found} for {published}: {deviation:+.1} %");
    deviation
}

/// README's table of measurements has these cells, which follow what was published.
fn readme_says(cells: &str) {
    let readme = include_str!("../README.md");
    assert!(readme.contains(cells), "README's table of measurements lacks `{cells}`");
}

#[test]
fn from_zero_on_ec2_the_first_runs_after_2_5_minutes_and_all_after_10() {
    let run = Shipped::run_checked("50-from-zero-on-ec2", &[], false);
    let starts = starts(&run);
    assert_eq!(starts.len(), 3_500);
    let (first, last) = (starts[0], starts[3_499]);
    let off = [is_near(first, 150.0), is_near(last, 600.0)];
    readme_says(&format!("| {first:.0} s, {last:.0} s | {:+.1} %, {:+.1} % |", off[0], off[1]));
    readme_says(&format!("100 instances, ${:.2} |", run.number("total_usd")));
}

#[test]
fn from_zero_on_fargate_the_first_runs_after_half_a_minute_and_all_after_4_5() {
    let run = Shipped::run_checked("51-from-zero-on-fargate", &[], false);
    let starts = starts(&run);
    assert_eq!(starts.len(), 3_500);
    let (first, last) = (starts[0], starts[3_499]);
    let off = [is_near(first, 30.0), is_near(last, 270.0)];
    readme_says(&format!("| {first:.1} s, {last:.0} s | {:+.1} %, {:+.1} % |", off[0], off[1]));
    readme_says(&format!("3,500 tasks, ${:.2} |", run.number("total_usd")));
}

#[test]
fn from_334_instances_to_34_in_10_minutes_and_in_80_before_2022() {
    let run = Shipped::run_checked("52-scale-in-by-halves", &[], false);
    let halves = run.steps("halves");
    let sizes: Vec<(u32, u32)> = halves.iter().map(|(_, from, to)| (*from, *to)).collect();
    assert_eq!(sizes, [(334, 167), (167, 84), (84, 42), (42, 34)], "AS-09");
    let today = (halves[3].0 - halves[0].0) / 60.0;
    is_near(today, 10.0);
    let tenths = run.steps("tenths");
    let minutes = (tenths[tenths.len() - 1].0 - tenths[0].0) / 60.0;
    assert_eq!(tenths[tenths.len() - 1].2, 34);
    assert!((73.0..=80.0).contains(&minutes.round()), "{minutes}");
    let off = is_near(minutes, 80.0);
    readme_says(&format!("| {today:.1} min; {minutes:.1} min | 0 %; {off:+.1} % |"));
    readme_says(&format!("668 instances for 2 h, ${:.2} |", run.number("total_usd")));
    assert_eq!(run.number("tasks_lost"), 0.0);
}

#[test]
fn one_task_from_zero_starts_two_instances_and_gives_one_back() {
    let run = Shipped::run("53-one-task-from-zero", &[]);
    let sizes: Vec<(u32, u32)> =
        run.steps("ec2").iter().map(|(_, from, to)| (*from, *to)).collect();
    assert_eq!(sizes, [(0, 2), (2, 1), (1, 0)], "AS-11");
}

#[test]
fn managed_instances_from_zero_log_their_first_line_after_40_seconds() {
    let run = Shipped::run_checked("54-managed-instances-from-zero", &[], true);
    let first = starts(&run)[0] - 1.0; // the task is asked for at 1 s
    let off = is_near(first, 40.0);
    readme_says(&format!("| {first:.1} s | {off:+.1} % |"));
    readme_says(&format!("one instance, ${:.2} |", run.number("total_usd")));
}

#[test]
fn settings_of_a_load_balancer_alone_are_worth_140_seconds() {
    let run = Shipped::run("55-healthy-in-ten-seconds", &[]);
    let healthy_after = |service: &str| {
        let samples = &run.service(service).samples;
        let first = |is_so: &dyn Fn(u32, u32) -> bool| {
            let found = samples.iter().find(|sample| is_so(sample.running, sample.healthy));
            found.unwrap().at.0 as f64 / 1e6
        };
        first(&|_, healthy| healthy == 40) - first(&|running, _| running == 40)
    };
    let (slow, quick) = (healthy_after("defaults"), healthy_after("quick"));
    is_near(slow, 150.0);
    is_near(quick, 10.0);
    readme_says(&format!("| {slow:.0} s, {quick:.0} s | 0 %, 0 % |"));
    readme_says(&format!("80 tasks, ${:.2} |", run.number("total_usd")));
}

#[test]
fn spread_leaves_a_task_on_each_instance_and_nothing_is_given_back() {
    let run = Shipped::run("60-spread-keeps-every-instance", &[]);
    let left = |provider: &str| run.last_minute(provider)["running_instances"].clone();
    assert_eq!((left("for-spread"), left("for-binpack")), ("9".into(), "3".into()));
    assert_eq!(run.last_minute("for-spread")["reservation_percent"], "100");
}

#[test]
fn scattered_long_tasks_keep_a_fleet_that_a_third_of_it_could_serve() {
    let run = Shipped::run_checked("61-fragments-block-scale-in", &[], false);
    let last = run.last_minute("ec2");
    let left: u32 = last["running_instances"].parse().unwrap();
    assert_eq!(last["busy_instances"], last["running_instances"], "none is empty");
    assert!((20..=36).contains(&left), "36 tasks, of which 9 instances could hold all: {left}");
}

#[test]
fn a_job_each_half_hour_from_zero_flaps_and_costs_more_than_an_instance_that_stays() {
    let run = Shipped::run("62-metric-flaps", &[]);
    // 47 jobs, two instances each.
    assert_eq!(run.number("instances_launched"), 94.0);
    assert!(run.steps("one").is_empty());
    let waits = |source: &str| run.cells(&run.tasks, source, "wait_s");
    assert!(waits("on-one").iter().all(|wait| wait == "0"));
    assert!(waits("on-zero").iter().all(|wait| wait.parse::<f64>().unwrap() > 90.0));
    let stays = 24.0 * 0.096;
    assert!(run.number("ec2_usd") - stays > stays, "{}", run.number("ec2_usd"));
}

#[test]
fn a_group_is_starved_by_the_smallest_of_its_types() {
    let run = Shipped::run("63-starved-by-its-smallest-type", &[]);
    assert!(run.steps("with-fallback").is_empty());
    let reason = run.cells(&run.tasks, "starved", "stopped_reason");
    assert_eq!(reason, ["Timed out in PROVISIONING: no capacity"]);
    let wait: f64 = run.cells(&run.tasks, "fed", "wait_s")[0].parse().unwrap();
    assert!((120.0..240.0).contains(&wait), "{wait}");
}

#[test]
fn at_its_maximum_a_service_makes_new_tasks_that_time_out_for_ever() {
    let run = Shipped::run("64-provisioning-times-out", &[]);
    // Four wait at any time; they are stopped each half hour, seven times in four hours.
    let reasons = run.cells(&run.tasks, "web", "stopped_reason");
    let timed_out = reasons.iter().filter(|reason| reason.starts_with("Timed out")).count();
    assert_eq!(timed_out, 28);
    assert_eq!(run.last_minute("ec2")["provisioning_tasks"], "4");
}

#[test]
fn daemons_hold_no_instance_and_protected_instances_never_go() {
    let run = Shipped::run("65-daemons-and-protection", &[]);
    let left = |provider: &str| {
        let last = run.last_minute(provider);
        [last["desired_capacity"].clone(), last["running_instances"].clone()]
    };
    assert_eq!(left("daemons"), ["1", "1"]);
    assert_eq!(left("protected"), ["1", "4"]);
    assert_eq!(left("one-task"), ["1", "1"]);
}

#[test]
fn a_refresh_that_meets_protected_instances_fails_or_says_that_all_is_well() {
    let run = Shipped::run("56-refresh-meets-protected-instances", &[]);
    let events = rows(&run.fleet);
    let of = |provider: &str, is_it: &dyn Fn(&str) -> bool| {
        let own = |row: &&Row| row["capacity_provider"] == provider && is_it(&row["event"]);
        events.iter().filter(own).cloned().collect::<Vec<Row>>()
    };
    let over = |provider: &str| {
        let told = of(provider, &|event| event.starts_with("refresh_"));
        let last = told.last().unwrap();
        (last["event"].clone(), last["reason"].clone())
    };
    let told = |event: &str, reason: &str| (event.to_string(), reason.to_string());
    assert_eq!(over("waits"), told("refresh_failed", "protected_from_scale_in 2 of 4"));
    assert_eq!(over("ignores"), told("refresh_successful", "2 of 4"));
    assert_eq!(over("refreshes"), told("refresh_successful", "4 of 4"));
    // An hour lies between the last thing that it could do and the failure.
    let at = |provider: &str, event: &str| -> f64 {
        of(provider, &|name| name == event)[0]["time_s"].parse().unwrap()
    };
    let waited = at("waits", "refresh_failed") - at("waits", "refresh_waiting");
    assert_eq!(waited, 3_600.0);
    let ended = |provider: &str| of(provider, &|event| event == "terminated").len();
    assert_eq!(["waits", "ignores", "refreshes"].map(ended), [2, 2, 4]);
    // Two tasks are moved by the refresh, one of them to an instance that is old itself.
    let tasks = |service: &str| run.cells(&run.tasks, service, "task_id").len();
    assert_eq!(["waits", "ignores", "refreshes"].map(tasks), [2, 2, 5]);
    assert_eq!(run.number("tasks_lost"), 0.0);
}

#[test]
fn a_provider_for_each_zone_holds_a_deployment_up_when_a_zone_is_taken_out() {
    let run = Shipped::run("66-provider-by-zone", &[]);
    let last = run.service("web").samples.last().unwrap();
    // Six new ones, of which two wait; two of the old ones must stay.
    assert_eq!((last.newest, last.pending, last.running), (6, 2, 6));
    assert_eq!(run.service("web").deployments, [0, 0]);
    assert_eq!(run.last_minute("zone-a")["provisioning_tasks"], "2");
    // One provider over all zones places the same tasks: the others have room.
    let free = run.last_minute("zone-b")["busy_instances"].clone();
    assert_eq!(free, "1");
}

#[test]
fn a_warm_pool_has_instances_there_in_half_of_the_time() {
    let run = Shipped::run("68-warm-pool", &[]);
    let waits = |source: &str| -> Vec<f64> {
        let mut waits: Vec<f64> = run
            .cells(&run.tasks, source, "wait_s")
            .iter()
            .map(|wait| wait.parse().unwrap())
            .collect();
        waits.sort_by(f64::total_cmp);
        waits
    };
    let (cold, warm) = (waits("on-cold"), waits("on-warm"));
    // Two jobs have room at once. ECS decides after 30 s; a stopped instance runs after 17 to 19 s and boots in 5 to 15 s,
    // then it registers: no warm one can be later than the earliest cold one.
    assert_eq!((cold[1], warm[1]), (0.0, 0.0));
    assert!(warm[2] >= 30.0 + 17.0 + 5.0 && warm[19] < cold[2], "{warm:?} {cold:?}");
    let mean = |waits: &[f64]| waits[2..].iter().sum::<f64>() / 18.0;
    assert!(mean(&cold) - 30.0 > 1.8 * (mean(&warm) - 30.0), "{} {}", mean(&cold), mean(&warm));
    assert_eq!(run.number("warm_starts"), 9.0);
    // Nine launches of each group: of the cold one when it grows, of the pool when the group has shrunk.
    assert_eq!(run.number("instances_launched"), 18.0);
    assert!(run.number("warm_pool_usd") > 0.0);
}

#[test]
fn reserved_slots_first_then_lent_ones_then_on_demand() {
    let run = Shipped::run("72-distribution-segments", &[]);
    let told: Vec<(String, String)> = rows(&run.fleet)
        .iter()
        .filter(|row| row["event"] == "terminated")
        .map(|row| (row["instance_id"].clone(), row["reason"].clone()))
        .collect();
    let of = |number: u32, why: &str| (format!("hosts-{number}"), why.to_string());
    let returned = |number| of(number, "capacity_reservation_ended");
    assert_eq!(told[..2], [returned(2), returned(3)]);
    let mut last = told[2..].to_vec();
    last.sort();
    assert_eq!(last, [of(4, "scale_in"), of(5, "scale_in")], "On-Demand, the oldest first");
    assert_eq!(run.number("instances_reclaimed"), 2.0);
    // By its first choice alone the group leaves both reserved slots empty for four hours.
    let key = "capacity_provider.hosts.mixed_instances.distribution_segments";
    let set = [(key, "[{target_capacity_types=[\"on-demand\"]}]"), ("expect", "[]")];
    let alone = Shipped::run("72-distribution-segments", &set);
    let more = alone.number("total_usd") - run.number("total_usd");
    assert!((more - 2.0 * 4.0 * 0.077).abs() < 0.1, "{more}");
}

#[test]
fn a_base_on_fargate_is_what_is_left_when_spot_is_taken_back() {
    let run = Shipped::run("69-fargate-spot-taken-back", &[]);
    let back_at_two = |run: &Shipped| {
        let of_task = rows(&run.tasks);
        let reclaimed = of_task
            .iter()
            .filter(|row| row["stop_code"] == "SpotInterruption" && row["stopping_s"] == "50400");
        reclaimed.count()
    };
    // 14 tasks: 2 + 12 / 4 on FARGATE, 9 on FARGATE_SPOT, 60 % of them are 5.4: six go.
    assert_eq!(back_at_two(&run), 6);
    assert!(run.number("requests_dropped") > 100_000.0);
    // With a base of 6: 8 on FARGATE, 6 on FARGATE_SPOT, four go, and ten tasks of half a vCPU serve a peak of 4.16.
    let strategy = r#"[{ capacity_provider = "FARGATE", base = 6, weight = 1 },
                       { capacity_provider = "FARGATE_SPOT", weight = 3 }]"#;
    let safe = Shipped::run(
        "69-fargate-spot-taken-back",
        &[("service.api.capacity_provider_strategy", strategy)],
    );
    assert_eq!(back_at_two(&safe), 4);
    assert_eq!(safe.number("requests_dropped"), 0.0);
    assert!(safe.number("fargate_usd") > run.number("fargate_usd"));
}

#[test]
fn an_outage_of_the_registry_goes_on_for_as_long_as_the_throttle_holds() {
    let run = Shipped::run("59-registry-outage-meets-scale-out", &[]);
    let [incident] = run.result.incidents.as_slice() else { panic!("one outage") };
    assert_eq!(incident.over.0, 36 * 60 * 1_000_000);
    // Six tasks an attempt on two new instances; four attempts until the registry is back. The last fails some 21 s
    // before that, and eight minutes later all goes well.
    assert_eq!(incident.tasks_lost, 24);
    let late = incident.recovered.since(incident.over).0 / 1_000_000;
    assert!((8 * 60 - 30..12 * 60).contains(&late), "{late}");
    assert!(incident.dropped > 90_000_000_000);
    let reasons = run.cells(&run.tasks, "web", "stopped_reason");
    let unpulled = reasons.iter().filter(|why| why.starts_with("CannotPullContainerError"));
    assert_eq!(unpulled.count(), 24);
    let ready = [("service.web.scaling.min_capacity", "24"), ("service.web.desired_count", "24")];
    let run = Shipped::run("59-registry-outage-meets-scale-out", &ready);
    assert_eq!(run.service("web").requests.dropped(), 0);
    assert_eq!(run.result.incidents[0].tasks_lost, 0);
}

#[test]
fn the_page_of_outputs_names_every_event_of_the_fleet() {
    let page = include_str!("../output/README.md");
    let line =
        page.lines().find(|line| line.starts_with("| `event` | text | – | capacity (a limit"));
    let words: Vec<&str> =
        line.unwrap().split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    for name in [
        "56-refresh-meets-protected-instances",
        "67-az-outage-drill",
        "68-warm-pool",
        "69-fargate-spot-taken-back",
        "70-spot-pool-taken-back",
    ] {
        let desk = Desk::new();
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let path = path.join(format!("{name}.toml")).display().to_string();
        desk.ok(&format!("run {path} --out out --quiet --charts none"));
        for row in rows(&desk.read("out/fleet_events.csv")) {
            assert!(words.contains(&row["event"].as_str()), "{name}: {}", row["event"]);
        }
    }
}
