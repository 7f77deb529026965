//! `ecsim sensitivity`: which stage and which setting buys what, with the real program.

use crate::support::program::{Desk, SMALL};

/// Tasks of a service on Fargate, whose starts are nothing but stages: each takes what its key says.
const STARTS: &str = r#"
[simulation]
name = "starts"
duration = "1h"
seed = 3
[latency]
fargate_eni = "10s"
fargate_prepare = "4s"
fargate_pull_mib_per_s = 50
fargate_start = "2s"
[[task_definition]]
family = "web"
cpu = 256
memory = 512
network_mode = "awsvpc"
image_mib = 100
[[run_task]]
name = "jobs"
task_definition = "web"
launch_type = "FARGATE"
generate = { per_second = 0.05, until = "40m", duration = "2m" }
"#;

fn rows(csv: &str) -> Vec<std::collections::BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header: Vec<String> = reader.headers().unwrap().iter().map(String::from).collect();
    let rows = reader.records().map(Result::unwrap);
    rows.map(|row| header.iter().cloned().zip(row.iter().map(String::from)).collect()).collect()
}

#[test]
fn half_a_stage_buys_half_of_its_time_alone_and_among_others() {
    let desk = Desk::with(STARTS);
    let done = desk.ok(
        "sensitivity small.toml --replications 3 --trajectories 6 --metrics start_s_mean,total_usd",
    );
    let files = desk.files("output/sensitivity-starts");
    let names = ["charts/sensitivity-start_s_mean.svg", "charts/sensitivity-total_usd.svg"];
    assert_eq!(
        files.names(),
        [names[0], names[1], "manifest.json", "scenario.toml", "sensitivity.csv"]
    );
    let table = rows(files.text("sensitivity.csv"));
    // What each stage takes: 10 s, 4 s, 100 MiB at 50 MiB/s, 2 s. Half of it, and as much again.
    for (key, seconds) in [
        ("latency.fargate_eni", 10.0),
        ("latency.fargate_prepare", 4.0),
        ("latency.fargate_pull_mib_per_s", 2.0),
        ("latency.fargate_start", 2.0),
    ] {
        let of: Vec<_> = table
            .iter()
            .filter(|row| row["lever"] == key && row["metric"] == "start_s_mean")
            .collect();
        assert_eq!(of.len(), 2, "{key}");
        for (row, expected) in of.iter().zip([-seconds / 2.0, seconds]) {
            let found: f64 = row["difference"].parse().unwrap();
            assert!((found - expected).abs() < 0.01, "{key}: {found}, {expected}");
            assert_eq!(row["is_significant"], "true", "{row:?}");
        }
        // Stages add up, so that it makes no difference what else is changed.
        let among: f64 = of[0]["among_others"].parse().unwrap();
        assert!((among + seconds / 2.0).abs() < 0.01, "{key}: {among}");
    }
    // Nothing of EC2, no health check, no scaling is named where there is none.
    let keys: std::collections::BTreeSet<&str> =
        table.iter().map(|row| row["lever"].as_str()).collect();
    assert_eq!(keys.len(), 4, "{keys:?}");
    // The largest is told first.
    let first = done.stdout.lines().nth(2).unwrap();
    assert!(
        first.contains("latency.fargate_eni") && first.contains("10s to 5s"),
        "{}",
        done.stdout
    );
}

#[test]
fn settings_can_be_tried_and_threads_do_not_matter() {
    let desk = Desk::with(SMALL);
    let asked = "sensitivity small.toml --replications 4 --trajectories 3 --try capacity_provider.general.desired_capacity=4";
    let one = desk.ok(&format!("{asked} --threads 1 --out one"));
    let two = desk.ok(&format!("{asked} --threads 2 --out two"));
    desk.files("one").are_same_as(&desk.files("two"), "threads");
    assert_eq!(one.stdout, two.stdout);
    // A fourth instance costs a third more, exactly.
    let table = rows(&desk.read("one/sensitivity.csv"));
    let row = table.iter().find(|row| row["metric"] == "total_usd" && row["stage"] == "as asked");
    let row = row.unwrap();
    let number = |name: &str| row[name].parse::<f64>().unwrap();
    assert!((number("difference") / number("base") - 1.0 / 3.0).abs() < 0.02, "{row:?}");
    let json = desk.ok(&format!("{asked} --format json --charts none --out three"));
    let value: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(value["schema"], "ecsim/1");
}

#[test]
fn what_cannot_be_told_is_refused() {
    let desk = Desk::with(SMALL);
    for (arguments, text) in [
        ("sensitivity", "SCENARIO"),
        ("sensitivity -", "must be a file"),
        ("sensitivity absent.toml", "absent.toml"),
        ("sensitivity small.toml --factor 1", "from 0.01 to below 1"),
        ("sensitivity small.toml --factor x", "not a number"),
        ("sensitivity small.toml --replications 1", "1 is not in 2..=10000"),
        ("sensitivity small.toml --metrics wait_p95", "there is no metric \"wait_p95\""),
        ("sensitivity small.toml --try capacity_provider.general.desired=4", "unknown key"),
        (
            "sensitivity small.toml --try capacity_provider.general.desired_capacity=3",
            "changes nothing",
        ),
        ("sensitivity small.toml --replications 10000", "with --yes only"),
    ] {
        desk.run(arguments).ends_with(2).says(text);
        assert!(!desk.path("output/sensitivity-small").exists(), "{arguments}");
    }
}
