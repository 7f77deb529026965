//! `ecsim compare --base measured.csv --head RUN` and `--series`: hours of a run beside hours that were measured.

use crate::support::program::Desk;
use serde_json::Value;

/// A service of two tasks for six hours, a sample every 20 minutes, on a calendar.
const WEB: &str = r#"
[simulation]
name = "web"
duration = "6h"
sample_interval = "20m"
start = "2026-01-05T09:00:00Z"
[[task_definition]]
family = "web"
cpu = 1024
memory = 2048
network_mode = "awsvpc"
[[service]]
name = "web"
task_definition = "web"
launch_type = "FARGATE"
desired_count = 2
[service.traffic]
generate = { per_second = 20, daily_depth = 0.5, daily_peak = "12h", poisson = false }
cpu_ms_per_request = 50
"#;
const CPU: &str = "service.web.cpu_utilization_percent";

fn told(desk: &Desk, arguments: &str) -> Vec<Value> {
    let done = desk.ok(&format!("compare {arguments} --format json"));
    let value: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(value["schema"], "ecsim/1");
    value["series"].as_array().unwrap().clone()
}

/// Values of a column of `services.csv` with their seconds.
fn column(desk: &Desk, file: &str, name: &str) -> Vec<(f64, f64)> {
    let mut reader = csv::Reader::from_path(desk.path(file)).unwrap();
    let header = reader.headers().unwrap().clone();
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    let (time, value) = (at("time_s"), at(name));
    let rows = reader.records().map(Result::unwrap);
    rows.filter_map(|row| Some((row[time].parse().unwrap(), row[value].parse().ok()?))).collect()
}

#[test]
fn hours_are_held_against_what_was_measured() {
    let desk = Desk::with(WEB);
    desk.ok("run small.toml --charts none --out web");
    let samples = column(&desk, "web/services.csv", "cpu_utilization_percent");
    let of_hour = |hour: f64| {
        let within = samples.iter().filter(|(at, _)| (at / 3_600.0).floor() == hour);
        let values: Vec<f64> = within.map(|(_, value)| *value).collect();
        values.iter().sum::<f64>() / values.len() as f64
    };
    // Measured: hour 1 as simulated, hour 2 twice as much, hour 3 nothing, hour 4 not measured, hour 30 beyond the run.
    let (one, two) = (of_hour(1.0), of_hour(2.0));
    let text = format!("time_s,{CPU}\n3600,{one}\n7200,{}\n10800,0\n14400,\n108000,1\n", 2.0 * two);
    desk.write("measured.csv", text);
    let lines = told(&desk, "--base measured.csv --head web --out told");
    assert_eq!(lines.len(), 1);
    let of = &lines[0];
    assert_eq!((of["hours"].as_u64(), of["hours_left_out"].as_u64()), (Some(3), Some(1)), "{of}");
    let near = |name: &str, wanted: f64| (of[name].as_f64().unwrap() - wanted).abs() < 1e-6;
    let three = of_hour(3.0);
    assert!(near("mape", 0.25) && near("within_10_percent", 1.0 / 3.0), "{of}");
    assert!(near("bias", (one + two + three) / (one + 2.0 * two) - 1.0), "{of}");
    assert!(near("wape", (two + three) / (one + 2.0 * two)), "{of}");
    assert!(near("rmse", ((two * two + three * three) / 3.0).sqrt()), "{of}");
    let csv = desk.read("told/calibration.csv");
    assert!(csv.lines().nth(1).unwrap().starts_with(&format!("web,{CPU},3,")), "{csv}");
}

#[test]
fn instants_may_be_of_the_calendar() {
    let desk = Desk::with(WEB);
    desk.ok("run small.toml --charts none --out web");
    let seconds = format!("time_s,{CPU}\n3600,10\n5400,20\n7200,40\n");
    let calendar = format!(
        "utc,{CPU}\n2026-01-05T10:00:00Z,10\n2026-01-05T11:30:00+01:00,20\n2026-01-05T11:00:00Z,40\n"
    );
    desk.write("seconds.csv", seconds);
    desk.write("calendar.csv", calendar);
    let by = |file: &str| told(&desk, &format!("--base {file} --head web"));
    assert_eq!(by("seconds.csv"), by("calendar.csv"));
    assert_eq!(by("seconds.csv")[0]["measured_mean"].as_f64(), Some(27.5)); // (10 + 20) ÷ 2 and 40
}

#[test]
fn two_runs_are_held_against_each_other_in_the_series_that_both_have() {
    let desk = Desk::with(WEB);
    desk.ok("run small.toml --charts none --out one");
    desk.ok("run small.toml --charts none --set service.web.desired_count=4 --out two");
    let lines = told(&desk, "--base one --head two --head one --series service.web.*");
    let of = |run: &str, series: &str| {
        let found = lines.iter().find(|line| line["run"] == run && line["series"] == series);
        found.unwrap_or_else(|| panic!("{run} {series} in {lines:?}")).clone()
    };
    // Twice the tasks, half the CPU of each.
    assert!((of("two", CPU)["bias"].as_f64().unwrap() + 0.5).abs() < 1e-3);
    assert_eq!(of("two", "service.web.running")["bias"].as_f64(), Some(1.0));
    let same = lines.iter().filter(|line| line["run"] == "one");
    for line in same {
        assert!(line["mape"].is_null() || line["mape"].as_f64() == Some(0.0), "{line}");
        assert_eq!(line["within_10_percent"].as_f64(), Some(1.0), "{line}");
    }
    let done = desk.ok(&format!("compare --base one --head two --series {CPU} --format markdown"));
    let row = done.stdout.lines().nth(2).unwrap();
    assert!(row.starts_with("| two | service.web.cpu\\_utilization\\_percent | 7 |"), "{row}");
    assert!(row.contains("| -50.0 % | 50.0 % | 50.0 % | 0.0 % |"), "{row}");
}

#[test]
fn what_cannot_be_held_against_a_run_is_refused_with_its_place() {
    let desk = Desk::with(WEB);
    desk.ok("run small.toml --charts none --out web");
    for (text, says) in [
        (
            "time_s,service.web.cpu_utilisation_percent\n0,1\n",
            "did you mean \"service.web.cpu_utilization_percent\"?",
        ),
        (
            "time_s,service.web.running\n0,two\n",
            "measured.csv:2:3: \"two\" in \"service.web.running\" is no number",
        ),
        (
            "time_s,service.web.running\nnoon,2\n",
            "measured.csv:2:1: \"noon\" in `time_s` is no number",
        ),
        (
            "utc,service.web.running\n5 o'clock,2\n",
            "measured.csv:2:1: \"5 o'clock\" in `utc` is no instant",
        ),
        ("when,service.web.running\n0,2\n", "measured.csv:1:1: there is no column `time_s`"),
        ("time_s\n0\n", "measured.csv:1:1: there is no column of values"),
        ("time_s,service.web.running\n999999,2\n", "no hour in common"),
        ("time_s,service.web.running\n0,nan\n", "\"nan\" in \"service.web.running\" is no number"),
        (
            "time_s;service.web.running\n0;1\n",
            "the fields are separated by semicolons, not by commas",
        ),
        ("time_s,a,a\n0,1,2\n", "measured.csv:1:10: there are two columns \"a\""),
        ("", "there is no column `time_s` or `utc`"),
        ("time_s,service.web.running\n0,1,2\n", "measured.csv"),
    ] {
        desk.write("measured.csv", text);
        let done = desk.run("compare --base measured.csv --head web").ends_with(2);
        done.says("error: ").says(says);
    }
    // All at once.
    desk.write("measured.csv", "time_s,service.web.running\nx,2\n0,y\n1,2\n2,z\n");
    let done = desk.run("compare --base measured.csv --head web").ends_with(2);
    done.says("measured.csv:2:1: ").says("measured.csv:3:3: ").says("measured.csv:5:3: ");
    desk.run("compare --base gone.csv --head web").ends_with(2).says("there is no `gone.csv`");
    desk.write("measured.csv", "time_s,service.web.running\n0,2\n");
    let done = desk.run("compare --base measured.csv --head nowhere").ends_with(2);
    done.says("is no output folder of `ecsim run`");
    let both = "compare --base measured.csv --head web --expect total_usd<=5 --out told";
    desk.run(both).ends_with(2).says("--metrics and --expect are about whole runs");
    assert!(!desk.path("told").exists());
    desk.run("compare small.toml --series total.running").ends_with(2).says("--base");
    let none = "compare --base web --head web --series nothing.*";
    desk.run(none).ends_with(2).says("there is no series");
    // A run without a calendar has no instants of one.
    let plain = WEB.replace("start = \"2026-01-05T09:00:00Z\"\n", "");
    desk.write("plain.toml", plain);
    desk.ok("run plain.toml --charts none --out plain");
    desk.write("measured.csv", "utc,service.web.running\n2026-01-05T10:00:00Z,2\n");
    desk.run("compare --base measured.csv --head plain")
        .ends_with(2)
        .says("set `simulation.start`");
}
