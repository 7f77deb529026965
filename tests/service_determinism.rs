//! D1, D4 and S1 for services: the same bytes twice and on any number of threads; services that do not compete do not
//! notice each other, whether they come before or after each other in the file, or not at all.

use crate::support::Page;
use crate::support::program::{Desk, same_lines};
use ecsim::engine::Pulse;
use ecsim::scenario::load_text;
use ecsim::sim::Watch;
use ecsim::sim::outputs::Sinks;
use std::path::Path;

const HEAD: &str = r#"
[simulation]
name = "services"
duration = "3h"
seed = 11

[[task_definition]]
family = "small"
cpu = 256
memory = 512
network_mode = "awsvpc"
image_mib = 100
"#;

/// Draws at every turn: noise, crashes, failed starts, late and sick tasks, deployments that go back, scaling.
const WEB: &str = r#"
[[service]]
name = "web"
task_definition = "small"
launch_type = "FARGATE"
desired_count = 6
health_check_grace_period = "20s"
load_balancer = { deregistration_delay = "20s", health_check = { interval = "10s" } }
behaviour = { time_to_failure = { type = "exponential", mean = "40m" }, ready_after = { type = "uniform", min = "1s", max = "30s" } }
traffic = { cpu_ms_per_request = 8, generate = { per_second = 60, noise_sigma = 0.4, poisson = true } }
scaling = { min_capacity = 2, max_capacity = 20, target_tracking = [{ metric = "cpu", target_value = 50 }] }
deployment_configuration = { deployment_circuit_breaker = { enable = true, rollback = true } }
update = [{ at = "1h", behaviour = { start_failure_percent = 60 } }, { at = "2h", force_new_deployment = true }]
"#;

const QUEUE: &str = r#"
[[service]]
name = "workers"
task_definition = "small"
launch_type = "FARGATE"
desired_count = 3
starts_running = false
behaviour = { time_to_failure = { type = "exponential", mean = "25m" }, start_failure_percent = 10 }
queue = { cpu_ms_per_message = { type = "exponential", mean = 300 }, fidelity = "requests", generate = { per_second = 1.5, poisson = true } }
scaling = { min_capacity = 1, max_capacity = 12, target_tracking = [{ metric = "backlog_per_task", target_value = 20 }] }
"#;

/// Rows of `services.csv`, `deployments.csv`, `scaling.csv` and `service_events.csv` that name this service.
fn story(text: &str, service: &str) -> Vec<String> {
    let loaded = load_text(text, "test.toml", Path::new(""), &[]);
    let scenario = loaded.unwrap_or_else(|problems| panic!("{problems}"));
    let pages: [Page; 4] = std::array::from_fn(|_| Page::default());
    let [services, deployments, scaling, events] = pages.clone();
    let sinks = Sinks {
        services: Some(Box::new(services)),
        deployments: Some(Box::new(deployments)),
        scaling: Some(Box::new(scaling)),
        service_events: Some(Box::new(events)),
        ..Sinks::default()
    };
    let watch = Watch { pulse: &Pulse::default(), check_every_event: false };
    ecsim::experiment::run_one(&scenario, scenario.setup.seed, sinks, watch).unwrap();
    let texts = pages.map(|page| page.text());
    let own = |line: &&str| line.split(',').nth(1) == Some(service);
    texts.iter().flat_map(|text| text.lines()).filter(own).map(String::from).collect()
}

#[track_caller]
fn same(what: &str, left: &[String], right: &[String]) {
    assert!(left.len() > 180, "{what}: a story of {} rows", left.len());
    same_lines(what, left.join("\n").as_bytes(), right.join("\n").as_bytes());
}

#[test]
fn services_give_the_same_bytes_twice_and_on_any_number_of_threads() {
    let desk = Desk::new();
    desk.write("services.toml", [HEAD, WEB, QUEUE].concat());
    for (out, threads) in [("a", 1), ("b", 1), ("c", 3)] {
        let charts = "--replications 3 --charts none";
        desk.ok(&format!("run services.toml --out {out} {charts} --threads {threads}"));
    }
    desk.files("a").are_same_as(&desk.files("b"), "twice");
    desk.files("a").are_same_as(&desk.files("c"), "1 and 3 threads");
}

#[test]
fn the_order_of_services_that_do_not_compete_does_not_matter() {
    let forth = [HEAD, WEB, QUEUE].concat();
    let back = [HEAD, QUEUE, WEB].concat();
    for service in ["web", "workers"] {
        same(service, &story(&forth, service), &story(&back, service));
    }
}

#[test]
fn another_service_moves_no_draw_where_there_is_room_for_both() {
    let both = [HEAD, WEB, QUEUE].concat();
    same("web", &story(&both, "web"), &story(&[HEAD, WEB].concat(), "web"));
    same("workers", &story(&both, "workers"), &story(&[HEAD, QUEUE].concat(), "workers"));
}

#[test]
fn a_renamed_service_draws_anew_and_another_seed_does() {
    let plain = story(&[HEAD, WEB].concat(), "web");
    let renamed = story(&[HEAD, WEB].concat().replace("\"web\"", "\"net\""), "net");
    let seeded = story(&[HEAD, WEB].concat().replace("seed = 11", "seed = 12"), "web");
    let renamed: Vec<String> = renamed.iter().map(|row| row.replace("net", "web")).collect();
    assert!(plain != renamed && plain != seeded);
}

#[test]
fn a_renamed_service_draws_what_it_drew_where_its_stream_keeps_the_name() {
    for (text, name) in [(WEB, "web"), (QUEUE, "workers")] {
        let entry = format!("name = \"{name}\"");
        let renamed = text.replace(&entry, &format!("name = \"net\"\nstream = \"{name}\""));
        let renamed = story(&format!("{HEAD}{renamed}"), "net");
        let renamed: Vec<String> = renamed.iter().map(|row| row.replace("net", name)).collect();
        same(name, &story(&format!("{HEAD}{text}"), name), &renamed);
    }
}

#[test]
fn renamed_callers_and_fleets_draw_what_they_drew_where_their_streams_keep_the_names() {
    // A caller with random sizes of work on Spot instances that fail and are taken back: all of it draws.
    let text = r#"
[simulation]
duration = "6h"
seed = 5
[[capacity_provider]]
name = "fleet"
instance_types = ["m5.large", "m5a.large"]
min_size = 4
max_size = 12
desired_capacity = 6
spot_discount_percent = 60
[capacity_provider.mixed_instances]
on_demand_percentage_above_base_capacity = 0
[capacity_provider.mixed_instances.interruption]
per_instance_hour = 0.25
[[failure]]
capacity_provider = "fleet"
kind = "instance"
time_to_failure = { type = "exponential", mean = "6h" }
[[run_task]]
name = "jobs"
on_failure = { retry = {} }
[run_task.generate]
per_second = 0.05
duration = { type = "exponential", mean = "10m" }
sizes = [{ cpu = 256, memory = 512, weight = 1 }, { cpu = 1024, memory = 2048, weight = 1 }]
"#;
    let plain = outcome(text, false);
    let renamed = text.replace("\"fleet\"", "\"ponies\"").replace("\"jobs\"", "\"chores\"");
    let keeping = renamed
        .replace("name = \"ponies\"", "name = \"ponies\"\nstream = \"fleet\"")
        .replace("name = \"chores\"", "name = \"chores\"\nstream = \"jobs\"");
    let told = |text: &str| -> Vec<String> {
        let rows = outcome(text, false).into_iter();
        rows.map(|row| row.replace("ponies", "fleet").replace("chores", "jobs")).collect()
    };
    assert!(plain.len() > 1_000, "{} rows", plain.len());
    assert!(told(&renamed) != plain, "a new name is a new seed");
    same_lines("kept", plain.join("\n").as_bytes(), told(&keeping).join("\n").as_bytes());
}

/// The whole summary of a run with the rows of tasks, scaling, deployments and events, but without `services.csv`: minutes
/// without anything to decide are passed over and made up for later, unless every event is checked.
fn outcome(text: &str, check_every_event: bool) -> Vec<String> {
    let scenario = load_text(text, "test.toml", Path::new(""), &[]).unwrap();
    let watch = Watch { pulse: &Pulse::default(), check_every_event };
    let pages: [Page; 4] = std::array::from_fn(|_| Page::default());
    let [tasks, deployments, scaling, events] = pages.clone();
    let sinks = Sinks {
        tasks: Some(Box::new(tasks)),
        deployments: Some(Box::new(deployments)),
        scaling: Some(Box::new(scaling)),
        service_events: Some(Box::new(events)),
        ..Sinks::default()
    };
    let result = ecsim::experiment::run_one(&scenario, scenario.setup.seed, sinks, watch).unwrap();
    let line =
        |metric: &ecsim::metrics::summary::Metric| format!("{} {}", metric.name, metric.value);
    let rows = pages.map(|page| page.text());
    let rows = rows.iter().flat_map(|text| text.lines().map(String::from));
    result.summary.0.iter().map(line).chain(rows).collect()
}

#[track_caller]
fn passing_over_changes_nothing(services: &str, span: &str) {
    let text = format!("{HEAD}{services}").replace("\"3h\"", &format!("\"{span}\""));
    let (left, right) = (outcome(&text, false), outcome(&text, true));
    same_lines("passed over", left.join("\n").as_bytes(), right.join("\n").as_bytes());
}

/// A wave that leaves the band of target tracking now and then, and is quiet in between.
const QUIET: &str = r#"
[[service]]
name = "quiet"
task_definition = "small"
launch_type = "FARGATE"
desired_count = 6
load_balancer = {}
traffic = { cpu_ms_per_request = 8, generate = { per_second = 100, daily_depth = 0.4, daily_peak = "1h" } }
scaling = { min_capacity = 2, max_capacity = 20, target_tracking = [{ metric = "cpu", target_value = 60 }] }
"#;

#[test]
fn minutes_that_are_passed_over_change_no_metric() {
    passing_over_changes_nothing(QUIET, "12h");
    passing_over_changes_nothing(&format!("{QUIET}{WEB}"), "12h");
}

#[test]
fn the_last_minute_with_drops_is_found_though_nobody_need_look_at_it() {
    // Some requests take longer than anybody waits, however few come; at night none come.
    let traffic = "{ cpu_ms_per_request = 8, generate = { per_second = 100,";
    let late = "{ cpu_ms_per_request = { type = \"lognormal\", mean = 8, sigma = 2 }, timeout = \"900ms\", \
                generate = { per_second = 40, step_change = [{ at = \"8h 7m\", factor = 0 }],";
    let service = QUIET.replace(traffic, late).replace("load_balancer = {}\n", "");
    assert!(service.contains(late) && !service.contains("load_balancer"));
    passing_over_changes_nothing(&service, "12h");
    let without = service.split("scaling =").next().expect("all before it");
    passing_over_changes_nothing(without, "12h");
    let last = |line: &String| line.starts_with("requests_dropped_last_s");
    let lines = outcome(&format!("{HEAD}{without}").replace("\"3h\"", "\"12h\""), false);
    assert_eq!(
        lines.iter().filter(|line| last(line)).collect::<Vec<_>>(),
        ["requests_dropped_last_s 29220"]
    );
}

#[test]
fn minutes_in_which_an_alarm_fires_in_vain_are_passed_over_likewise() {
    // At its minimum, at its maximum, in cooldowns that are long and short: each refusal is told once.
    for scaling in [
        "min_capacity = 5, max_capacity = 20, target_tracking = [{ metric = \"cpu\", target_value = 60 }]",
        "min_capacity = 2, max_capacity = 5, target_tracking = [{ metric = \"cpu\", target_value = 60 }]",
        "min_capacity = 1, max_capacity = 20, target_tracking = [{ metric = \"cpu\", target_value = 60, \
         scale_in_cooldown = \"2h\", scale_out_cooldown = \"45m\" }]",
        "min_capacity = 1, max_capacity = 20, target_tracking = [{ metric = \"cpu\", target_value = 60, disable_scale_in = true }]",
    ] {
        let before = "min_capacity = 2, max_capacity = 20, target_tracking = [{ metric = \"cpu\", target_value = 60 }]";
        let service = QUIET
            .replace(before, scaling)
            .replace("0.4", "0.9")
            .replace("desired_count = 6", "desired_count = 5");
        assert!(service != QUIET && service.contains(scaling));
        passing_over_changes_nothing(&service, "30h");
        // What users do meanwhile, and a scheduled action, change what the alarm can do.
        let busy = service.replace(
            "load_balancer = {}",
            "load_balancer = {}\nupdate = [{ at = \"667m\", force_new_deployment = true }, \
             { at = \"13h\", desired_count = 9 }, { at = \"55830s\", desired_count = 3 }, \
             { at = \"20h\", force_new_deployment = true }]",
        );
        let scheduled = "{ scheduled = [{ name = \"noon\", schedule = \"cron(30 12 * * ? *)\", min_capacity = 1 }], min_";
        let busy = busy.replace("{ min_", scheduled);
        passing_over_changes_nothing(&busy, "30h");
    }
}
