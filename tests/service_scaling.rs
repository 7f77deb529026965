//! Service auto scaling from end to end: a scenario's text goes in, the rows of `scaling.csv` and `services.csv` come
//! out. Published vectors are named after their numbers; every book is checked after every event.

use crate::support::Page;
use crate::swarm::tables::{Table, scaled};
use ecsim::engine::Pulse;
use ecsim::scenario::load_text;
use ecsim::sim::outputs::Sinks;
use ecsim::sim::{RunResult, Watch};
use std::path::Path;

/// A run and its tables.
struct Ran {
    result: RunResult,
    scaling: Table,
    services: Table,
    deployments: Table,
}

/// A change of the desired count: second, before, after.
type Change = (f64, u64, u64);

impl Ran {
    fn of(text: &str) -> Ran {
        let loaded = load_text(text, "test.toml", Path::new(""), &[]);
        let scenario = loaded.unwrap_or_else(|problems| panic!("{problems}"));
        let pages: [Page; 3] = std::array::from_fn(|_| Page::default());
        let [scaling, services, deployments] = pages.clone();
        let sinks = Sinks {
            scaling: Some(Box::new(scaling)),
            services: Some(Box::new(services)),
            deployments: Some(Box::new(deployments)),
            ..Sinks::default()
        };
        let watch = Watch { pulse: &Pulse::default(), check_every_event: true };
        let seed = scenario.setup.seed;
        let result = ecsim::experiment::run_one(&scenario, seed, sinks, watch).unwrap();
        let [scaling, services, deployments] = pages.map(|page| Table::of(&page.text()));
        Ran { result, scaling, services, deployments }
    }

    /// Changes of the desired count, in order.
    fn changes(&self) -> Vec<Change> {
        let table = &self.scaling;
        let row = |row: &csv::StringRecord| {
            let at = scaled(table.cell(row, "time_s"), 6) as f64 / 1e6;
            (at, table.int(row, "from"), table.int(row, "to"))
        };
        table.rows.iter().map(row).filter(|(_, from, to)| from != to).collect()
    }

    /// The decisions as they were written, for messages.
    fn rows(&self) -> Vec<String> {
        self.scaling.rows.iter().map(|row| row.iter().collect::<Vec<_>>().join(",")).collect()
    }

    /// Reasons of the decisions that changed nothing.
    fn refusals(&self) -> Vec<&str> {
        let table = &self.scaling;
        let stays = |row: &&csv::StringRecord| table.int(row, "from") == table.int(row, "to");
        table.rows.iter().filter(stays).map(|row| table.cell(row, "reason")).collect()
    }

    /// Cells of a column of `services.csv`, by second.
    fn column(&self, name: &str) -> Vec<(f64, f64)> {
        let table = &self.services;
        let number = |row, name: &str| table.cell(row, name).parse().unwrap_or(f64::NAN);
        table.rows.iter().map(|row| (number(row, "time_s"), number(row, name))).collect()
    }

    /// The cell of the last sample at `second` or before.
    fn at(&self, second: f64, name: &str) -> f64 {
        let column = self.column(name);
        column.iter().rev().find(|(at, _)| *at <= second).unwrap().1
    }
}

/// A service of whole vCPUs on Fargate: 10 ms of CPU a request, so that `n` tasks at `r` requests a second are at
/// `r / n` percent. `more` are further keys of the service, `events` those of its rate.
fn service(minutes: u32, tasks: u32, per_second: f64, events: &str, more: &str) -> String {
    format!(
        r#"
[simulation]
duration = "{minutes}m"
start = "2026-03-27T12:00:00Z"

[[task_definition]]
family = "api"
cpu = 1024
memory = 2048
network_mode = "awsvpc"

[[service]]
name = "api"
task_definition = "api"
launch_type = "FARGATE"
desired_count = {tasks}
{more}

[service.load_balancer]
deregistration_delay = "5s"

[service.traffic]
cpu_ms_per_request = 10
generate = {{ per_second = {per_second}, step = "1s", {events} }}
"#
    )
}

/// Target tracking of CPU at 60 percent.
fn tracking(min: u32, max: u32, more: &str) -> String {
    format!(
        r#"scaling = {{ min_capacity = {min}, max_capacity = {max}, target_tracking = [
  {{ name = "cpu", metric = "cpu", target_value = 60{more} }}] }}"#
    )
}

/// The rate becomes `factor` times as large at this second.
fn step(second: u32, factor: f64) -> String {
    format!("step_change = [{{ at = \"{second}s\", factor = {factor} }}]")
}

/// Seconds from a step of the load, from well below the target to just above it, to the scale-out.
fn reaction(phase: u32, more: &str) -> f64 {
    let begins = 600 + phase;
    let ran = Ran::of(&service(25, 4, 40.0, &step(begins, 6.1), &tracking(2, 20, more)));
    let changes = ran.changes();
    assert_eq!((changes[0].1, changes[0].2), (4, 5), "ceil(4 · 61 / 60)");
    changes[0].0 - f64::from(begins)
}

#[test]
fn a_step_in_load_scales_out_within_300_to_363_seconds_with_standard_metrics() {
    let all: Vec<f64> = [3, 15, 30, 45, 59].map(|phase| reaction(phase, "")).into();
    assert!(all.iter().all(|s| (300.0..=363.0).contains(s)), "{all:?}");
    // Three whole periods and the delay, and what was left of the period in which it began.
    assert_eq!(all, [357.0, 345.0, 330.0, 315.0, 301.0]);
}

#[test]
fn a_step_in_load_scales_out_within_80_to_100_seconds_with_high_resolution_metrics() {
    let all: Vec<f64> =
        [3, 6, 14, 25, 59].map(|phase| reaction(phase, ", high_resolution = true")).into();
    assert!(all.iter().all(|s| (80.0..=100.0).contains(s)), "{all:?}");
    assert!(all.contains(&86.0) || all.contains(&94.0), "AWS measured 86 s: {all:?}");
}

#[test]
fn the_scale_in_comes_after_15_low_points() {
    for phase in [0, 20, 50] {
        let begins = 600 + phase;
        let ran = Ran::of(&service(45, 4, 220.0, &step(begins, 0.3), &tracking(1, 20, "")));
        let changes = ran.changes();
        assert_eq!((changes[0].1, changes[0].2), (4, 3), "ceil(4 · 16.5 / 60) is 2: one at a time");
        let waited = changes[0].0 - f64::from(begins);
        // The first of the points is the one of the period in which the load fell.
        assert_eq!(waited, 15.0 * 60.0 + 120.0 - f64::from(phase));
    }
}

#[test]
fn the_minimum_and_the_maximum_bind() {
    // 390 a second at 100 each: 97.5 % of four tasks want seven, and five are allowed.
    let high = Ran::of(&service(40, 4, 390.0, "", &tracking(2, 5, "")));
    assert_eq!(high.changes().last().unwrap().2, 5);
    assert!(high.refusals().contains(&"AlreadyAtMaxCapacity"), "{:?}", high.refusals());
    let low = Ran::of(&service(60, 4, 1.0, "", &tracking(3, 9, "")));
    assert_eq!(low.changes().last().unwrap().2, 3);
    assert!(low.refusals().contains(&"AlreadyAtMinCapacity"), "{:?}", low.refusals());
}

/// A deployment that goes on for 40 minutes.
const LONG: &str = r#"
deployment_configuration = { bake_time = "40m" }
update = [{ at = "5m", force_new_deployment = true }]
"#;

#[test]
fn a_deployment_blocks_the_scale_in_and_not_the_scale_out() {
    let more = tracking(1, 20, "") + LONG;
    let low = Ran::of(&service(90, 6, 60.0, "", &more));
    let table = &low.deployments;
    let completed = |row: &&csv::StringRecord| table.cell(row, "event") == "COMPLETED";
    let end = table.rows.iter().filter(completed).map(|r| scaled(table.cell(r, "time_s"), 6)).max();
    let end = end.unwrap() as f64 / 1e6;
    assert!(end > 45.0 * 60.0, "the deployment is done at {end} s");
    let first = low.changes()[0];
    assert!(first.0 >= end && first.2 < first.1, "scale-in at {} s, before {end} s", first.0);
    assert!(low.refusals().contains(&"DeploymentInProgress"), "{:?}", low.refusals());

    let high = Ran::of(&service(40, 6, 330.0, &step(900, 1.5), &more));
    let first = high.changes()[0];
    assert!(first.0 < end && first.2 > first.1, "scale-out at {} s", first.0);
}

#[test]
fn steady_load_ends_in_a_steady_count_and_a_wave_faster_than_the_alarms_does_not() {
    let steady = Ran::of(&service(180, 2, 170.0, "", &tracking(1, 30, "")));
    // 85 percent on two become 57 on three, between the two alarms; points that are minutes old may add one first.
    let last = *steady.changes().last().unwrap();
    assert!(last.2 == 3 && last.0 < 3_600.0, "{:?}", steady.rows());

    // Crowds of 25 minutes: out by the time they are half over, in again when the next one comes.
    let crowd = |at: u32| format!("{{ at = \"{at}m\", factor = 4, lasts = \"25m\" }}");
    let crowds: Vec<String> = [30, 90, 150, 210].map(crowd).into();
    let events = format!("step_change = [{}]", crowds.join(", "));
    let wave = Ran::of(&service(270, 2, 100.0, &events, &tracking(1, 30, "")));
    let ups = wave.changes().iter().filter(|c| c.2 > c.1).count();
    let downs = wave.changes().iter().filter(|c| c.2 < c.1).count();
    assert!(ups >= 4 && downs >= 4, "{:?}", wave.changes());
}

#[test]
fn as_49a_twice_the_tasks_halve_the_utilisation() {
    // 100 requests a second of 16 ms on two tasks: 80 percent.
    let text = service(60, 2, 100.0, "", "update = [{ at = \"30m\", desired_count = 4 }]");
    let ran = Ran::of(&text.replace("cpu_ms_per_request = 10", "cpu_ms_per_request = 16"));
    let cpu = |minute: f64| ran.at(minute * 60.0, "cpu_utilization_percent");
    assert!((cpu(25.0) - 80.0).abs() < 0.1, "{}", cpu(25.0));
    assert!((cpu(55.0) - 40.0).abs() < 0.1, "{}", cpu(55.0));
}

#[test]
fn as_52_steps_up_and_down_as_documented() {
    let window = |at: u32, rate: u32| {
        format!("{{ at = \"{at}m\", factor = {}, lasts = \"20m\" }}", f64::from(rate) / 450.0)
    };
    let windows = [window(10, 620), window(30, 792), window(50, 532), window(70, 364)];
    let events = format!("step_change = [{}]", windows.join(", "));
    let bound = |name: &str, value: &str| match value {
        "" => String::new(),
        value => format!("metric_interval_{name}_bound = {value}, "),
    };
    let step = |(lower, upper, by): (&str, &str, i32)| {
        let bounds = bound("lower", lower) + &bound("upper", upper);
        format!("{{ {bounds}scaling_adjustment = {by} }}")
    };
    let policy = |name: &str, operator: &str, steps: [(&str, &str, i32); 3]| {
        format!(
            r#"{{ name = "{name}", metric = "cpu", adjustment_type = "PercentChangeInCapacity",
  alarm = {{ comparison_operator = "{operator}", threshold = 50 }},
  step_adjustments = [{}] }}"#,
            steps.map(step).join(", ")
        )
    };
    let out = [("0", "10", 0), ("10", "20", 10), ("20", "", 30)];
    let in_ = [("-10", "0", 0), ("-20", "-10", -10), ("", "-20", -30)];
    let scaling = format!(
        "scaling = {{ min_capacity = 1, max_capacity = 50, step_scaling = [{}, {}] }}",
        policy("out", "GreaterThanOrEqualToThreshold", out),
        policy("in", "LessThanOrEqualToThreshold", in_)
    );
    // Points that are seen at once: old ones would count once more for the new number of tasks, within the cooldown.
    let text = service(76, 10, 450.0, &events, &scaling);
    let ran = Ran::of(&(text + "[cloudwatch]\nmetric_delay = \"0s\"\n"));
    let path: Vec<(u64, u64)> = ran.changes().iter().map(|&(_, from, to)| (from, to)).collect();
    assert_eq!(path, [(10, 11), (11, 14), (14, 13), (13, 10)], "{:?}", ran.rows());
}

#[test]
fn as_40_of_several_policies_the_largest_wish_wins() {
    let policy = |name: &str, kind: &str, by: u32| {
        format!(
            r#"{{ name = "{name}", metric = "cpu", adjustment_type = "{kind}",
  alarm = {{ threshold = 70 }},
  step_adjustments = [{{ metric_interval_lower_bound = 0, scaling_adjustment = {by} }}] }}"#
        )
    };
    let scaling = format!(
        "scaling = {{ min_capacity = 1, max_capacity = 50, step_scaling = [{}, {}] }}",
        policy("few", "ChangeInCapacity", 3),
        policy("many", "PercentChangeInCapacity", 200)
    );
    let ran = Ran::of(&service(20, 10, 800.0, "", &scaling));
    assert_eq!((ran.changes()[0].1, ran.changes()[0].2), (10, 30));
}

#[test]
fn suspended_directions_stay_as_they_are() {
    let suspended = |what: &str| {
        tracking(1, 20, "")
            .replace("scaling = {", &format!("scaling = {{ suspended_state = {{ {what} = true }},"))
    };
    let out = Ran::of(&service(40, 4, 390.0, "", &suspended("dynamic_scaling_out_suspended")));
    assert!(out.changes().is_empty(), "{:?}", out.changes());
    assert!(out.refusals().contains(&"DynamicScalingSuspended"));
    let in_ = Ran::of(&service(40, 4, 10.0, "", &suspended("dynamic_scaling_in_suspended")));
    assert!(in_.changes().is_empty(), "{:?}", in_.changes());
    let other = Ran::of(&service(40, 4, 390.0, "", &suspended("dynamic_scaling_in_suspended")));
    assert!(!other.changes().is_empty(), "the other direction goes on");
}

/// Office hours in Berlin, over the night in which its clocks go forward (29 March 2026, 01:00 UTC).
fn office_hours(more: &str) -> Ran {
    let scaling = format!(
        r#"scaling = {{ min_capacity = 1, max_capacity = 10, scheduled = [
  {{ name = "morning", schedule = "cron(0 8 * * ? *)", timezone = "Europe/Berlin", min_capacity = 5, max_capacity = 10 }},
  {{ name = "evening", schedule = "cron(0 20 * * ? *)", timezone = "Europe/Berlin", min_capacity = 1, max_capacity = 1 }}]{more} }}"#
    );
    Ran::of(&service(60 * 60, 3, 1.0, "", &scaling))
}

#[test]
fn a_schedule_follows_the_clock_of_its_time_zone_over_a_change_of_the_hour() {
    // Time zero is 12:00 UTC on 27 March: 20:00 CET is 7 h later, 08:00 CET 19 h; then CEST, an hour earlier.
    let hours: Vec<(f64, u64)> =
        office_hours("").changes().iter().map(|&(at, _, to)| (at / 3_600.0, to)).collect();
    assert_eq!(hours, [(7.0, 1), (19.0, 5), (31.0, 1), (42.0, 5), (54.0, 1)]);
    let suspended = office_hours(", suspended_state = { scheduled_scaling_suspended = true }");
    assert!(suspended.changes().is_empty(), "{:?}", suspended.changes());
}

#[test]
fn as_43_a_backlog_of_150_messages_a_worker_for_100_adds_five() {
    let text = r#"
[simulation]
duration = "12m"

[[task_definition]]
family = "worker"
cpu = 1024
memory = 2048
network_mode = "awsvpc"

[[service]]
name = "workers"
task_definition = "worker"
launch_type = "FARGATE"
desired_count = 10
queue = { cpu_ms_per_message = 100, workers = 1, generate = { per_second = 100, step_change = [{ at = "60s", factor = 1.25, lasts = "60s" }] } }
scaling = { min_capacity = 1, max_capacity = 100, target_tracking = [{ metric = "backlog_per_task", target_value = 100 }] }
"#;
    let ran = Ran::of(text);
    assert_eq!(ran.at(300.0, "backlog"), 1_500.0, "what came too much is visible");
    assert_eq!((ran.changes()[0].1, ran.changes()[0].2), (10, 15));
}

#[test]
fn requests_by_target_cannot_wake_a_service_of_no_tasks() {
    let scaling = r#"scaling = { min_capacity = 0, max_capacity = 20, target_tracking = [
  { metric = "requests_per_target", target_value = 100 }] }"#;
    let asleep = Ran::of(&service(60, 0, 50.0, "", scaling));
    assert!(asleep.changes().is_empty(), "{:?}", asleep.changes());
    let totals = asleep.result.services[0].requests;
    assert_eq!(totals.no_target, totals.offered, "everybody is turned away");
    let awake = Ran::of(&service(60, 1, 50.0, "", scaling));
    assert_eq!(awake.changes().last().unwrap().2, 20, "3,000 a minute at 100 a target");
}

#[test]
fn a_forecast_raises_the_capacity_before_the_daily_peak_once_it_knows_a_day() {
    let scaling = |mode: &str| {
        format!(
            r#"scaling = {{ min_capacity = 2, max_capacity = 40, predictive = [
  {{ metric = "cpu", target_value = 50, mode = "{mode}" }}] }}"#
        )
    };
    let run = |mode: &str| {
        let text = service(
            3 * 24 * 60,
            2,
            200.0,
            "daily_depth = 0.9, daily_peak = \"12h\"",
            &scaling(mode),
        );
        // Ample CPU: what a task uses is the load, which a task at its limit would hide.
        Ran::of(&text.replace("\"1s\"", "\"5m\"").replace("per_second = 200", "per_second = 90"))
    };
    let ran = run("ForecastAndScale");
    // Time zero is 12:00, a peak; the next ones are a day and two days later.
    assert_eq!(ran.at(23.5 * 3_600.0, "desired"), 2.0, "no forecast within the first day");
    let before = ran.at(47.5 * 3_600.0, "desired");
    assert!(before > 2.0, "{before} tasks before the peak: {:?}", ran.changes());
    let at_night = ran.at(36.0 * 3_600.0, "desired");
    assert!(at_night <= before, "{at_night} at night");
    let first = ran.changes()[0];
    assert!(first.0 >= 24.0 * 3_600.0 && first.0 < 48.0 * 3_600.0, "{first:?}");
    assert!(run("ForecastOnly").changes().is_empty(), "a forecast alone changes nothing");
}

#[test]
fn requests_one_by_one_and_as_a_fluid_agree_on_service_and_utilisation() {
    let text = |fidelity: &str| {
        let plain = service(60, 4, 120.0, "", "update = [{ at = \"30m\", desired_count = 3 }]");
        plain.replace("[service.traffic]", &format!("[service.traffic]\nfidelity = \"{fidelity}\""))
    };
    let [fluid, single] = ["fluid", "requests"].map(|fidelity| Ran::of(&text(fidelity)).result);
    let (fluid, single) = (&fluid.services[0], &single.services[0]);
    let near = |what: &str, left: f64, right: f64| {
        assert!((left / right - 1.0).abs() < 0.01, "{what}: {left} and {right}");
    };
    near("offered", fluid.requests.offered as f64, single.requests.offered as f64);
    near("served", fluid.requests.served as f64, single.requests.served as f64);
    near("CPU", fluid.cpu_percent.unwrap(), single.cpu_percent.unwrap());
}
