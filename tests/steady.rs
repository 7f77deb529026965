//! `ecsim steady`: warm-up and long-run means of one run, by the program.

use crate::support::program::Desk;

/// Requests that a station with one server serves one by one, 80 % busy, for a long time: M/M/1. No balancer looks at its
/// health, which long waits would cost it.
const STATION: &str = r#"
[simulation]
name = "station"
duration = "14d"
sample_interval = "10m"
[[task_definition]]
family = "web"
cpu = 1024
memory = 2048
network_mode = "awsvpc"
[[service]]
name = "web"
task_definition = "web"
launch_type = "FARGATE"
desired_count = 1
[service.traffic]
generate = { per_second = 0.8 }
cpu_ms_per_request = { type = "exponential", mean = 1000 }
workers = 1
timeout = "10m"
fidelity = "requests"
"#;

fn steady(desk: &Desk, arguments: &str) -> serde_json::Value {
    let done = desk.ok(&format!("steady {arguments} --format json"));
    serde_json::from_str(&done.stdout).unwrap()
}

fn series<'v>(of: &'v serde_json::Value, name: &str) -> &'v serde_json::Value {
    let all = of["series"].as_array().unwrap();
    all.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name} in {of}"))
}

#[test]
fn the_mean_time_in_a_station_lies_in_its_interval() {
    let desk = Desk::with(STATION);
    desk.ok("run small.toml --charts none --out station");
    let told = steady(
        &desk,
        "station --series service.web.latency_mean_s,service.web.cpu_utilization_percent",
    );
    // M/M/1: 1 s / (1 − 0.8) = 5 s; means of samples are not weighted by requests, which takes some per cent of it.
    let latency = series(&told, "service.web.latency_mean_s");
    assert_eq!(latency["verdict"], "steady", "{latency}");
    let (mean, half) =
        (latency["mean_after"].as_f64().unwrap(), latency["half_width"].as_f64().unwrap());
    assert!((mean - 5.0).abs() < half + 0.3 && half < 0.6, "{mean} ± {half}");
    let cpu = series(&told, "service.web.cpu_utilization_percent");
    let (mean, half) = (cpu["mean_after"].as_f64().unwrap(), cpu["half_width"].as_f64().unwrap());
    assert!((mean - 80.0).abs() < half && half < 1.5, "{mean} ± {half}");
    // Days as batches are too few, and that is said.
    let days = steady(&desk, "station --series service.web.latency_mean_s --batch 24h");
    let days = series(&days, "service.web.latency_mean_s");
    assert_eq!(days["verdict"], "fewer than 20 batches: a longer run");
    let text = desk.ok("steady station").stdout;
    assert!(text.contains("Warm-up by MSER-5"), "{text}");
}

#[test]
fn what_is_no_run_and_what_it_does_not_have_are_refused() {
    let desk = Desk::with(STATION);
    desk.ok("run small.toml --charts none --out short --set simulation.duration=1h");
    for (arguments, text) in [
        ("nowhere", "`nowhere` is no output folder of `ecsim run`"),
        ("short --series service.web.latency_mean", "did you mean \"service.web.latency_mean_s\"?"),
        ("short --batch 0s", "longer than nothing"),
        ("short --batch 5", "--batch: "),
    ] {
        let done = desk.run(&format!("steady {arguments}")).ends_with(2);
        assert!(done.stderr.contains(text), "{arguments}: {}", done.stderr);
        assert!(done.stdout.is_empty());
    }
    // Six samples are nothing to judge by.
    let told = steady(&desk, "short --series total.running");
    assert_eq!(series(&told, "total.running")["half_width"], serde_json::Value::Null);
    // A table that was changed is not read.
    desk.write("short/services.csv", desk.read("short/services.csv") + "\n");
    let done = desk.run("steady short").ends_with(2);
    assert!(done.stderr.contains("was changed or removed since"), "{}", done.stderr);
}
