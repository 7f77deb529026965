//! Services through the real program: their files and books, their keys on the command line, bad traffic, and the same
//! bytes wherever it runs.

use crate::support::program::{Desk, Files};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A shipped scenario.
fn shipped(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// What stands above the services of a small scenario.
const HEAD: &str = r#"
[simulation]
duration = "1h"
seed = 7
[[task_definition]]
family = "app"
cpu = 256
memory = 512
network_mode = "awsvpc"
"#;

/// Most kinds of services at once: chances, health, crashes, deployments, scaling, both fidelities, both launch types.
pub const MIXED: &str = r#"
[simulation]
duration = "90m"
seed = 7
[[task_definition]]
family = "app"
cpu = 256
memory = 512
network_mode = "awsvpc"
[[task_definition]]
family = "api"
cpu = 512
memory = 1024
network_mode = "bridge"
health_check = { interval = "10s" }
[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 4
[[service]]
name = "api"
task_definition = "api"
launch_type = "EC2"
desired_count = 3
behaviour = { time_to_failure = { type = "exponential", mean = "20m" } }
load_balancer = { deregistration_delay = "30s" }
traffic = { cpu_ms_per_request = 20, generate = { per_second = 60, noise_sigma = 0.2 } }
scaling = { min_capacity = 2, max_capacity = 9, target_tracking = [{ name = "cpu", metric = "ECSServiceAverageCPUUtilization", target_value = 50 }] }
[[service.update]]
at = "40m"
behaviour = { start_failure_percent = 30 }
[[service]]
name = "worker"
task_definition = "app"
launch_type = "FARGATE"
starts_running = false
queue = { cpu_ms_per_message = 100, generate = { per_second = 3 } }
scaling = { min_capacity = 1, max_capacity = 5, target_tracking = [{ name = "backlog", metric = "BacklogPerTask", target_value = 50 }] }
[[service]]
name = "exact"
task_definition = "app"
launch_type = "FARGATE"
desired_count = 2
load_balancer = { deregistration_delay = "30s" }
deployment_configuration = { strategy = "CANARY", bake_time = "2m", canary = { percent = 20, bake_time = "5m" } }
traffic = { fidelity = "requests", cpu_ms_per_request = 30, timeout = "5s", generate = { per_second = 12 } }
[[service.update]]
at = "20m"
behaviour = { cost_percent = 130 }
[[service]]
name = "agent"
task_definition = "api"
scheduling_strategy = "DAEMON"
[[failure]]
at = "50m"
service = "agent"
tasks = 2
"#;

/// Rows of a table as maps from column to field.
fn rows(files: &Files, table: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(files.text(table).as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

/// A decimal of the tables in billionths.
fn nano(text: &str) -> i128 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{part:0<9}").parse().unwrap()
}

/// The value of a metric in `summary.json`, as text.
fn metric(files: &Files, name: &str) -> String {
    let summary: serde_json::Value = serde_json::from_str(files.text("summary.json")).unwrap();
    summary["metrics"][name]["value"].to_string()
}

#[test]
fn the_tables_of_services_agree_with_each_other_and_with_the_summary() {
    let desk = Desk::with(MIXED);
    desk.ok("run small.toml --out a --charts none");
    let files = desk.files("a");
    let mut cost: BTreeMap<String, i128> = BTreeMap::new();
    for row in rows(&files, "tasks.csv") {
        let service = row["group"].strip_prefix("service:").unwrap();
        *cost.entry(service.into()).or_default() += nano(&row["usd"]);
    }
    let mut sums: BTreeMap<String, [i128; 3]> = BTreeMap::new();
    for row in rows(&files, "services.csv") {
        let sum = sums.entry(row["service"].clone()).or_default();
        for (sum, column) in sum.iter_mut().zip(["offered", "served", "dropped"]) {
            *sum += nano(&row[column]);
        }
        let reasons = row.iter().filter(|(name, _)| name.starts_with("dropped_"));
        assert_eq!(reasons.map(|(_, v)| nano(v)).sum::<i128>(), nano(&row["dropped"]), "{row:?}");
        assert!(nano(&row["healthy"]) <= nano(&row["running"]), "{row:?}");
        if row["service"] == "agent" {
            assert_eq!(row["desired"], "4", "one task on each instance");
        }
    }
    assert_eq!(sums.len(), 4);
    for (service, [offered, served, dropped]) in sums {
        assert_eq!(offered, served + dropped, "{service}");
        let of = |name: &str| nano(&metric(&files, &format!("service.{service}.{name}")));
        assert_eq!([offered, served], [of("requests_offered"), of("requests_served")], "{service}");
        assert_eq!(cost[&service], of("usd"), "{service}");
    }
    let traffic: Vec<_> = rows(&files, "deployments.csv")
        .into_iter()
        .filter(|row| row["event"] == "TRAFFIC")
        .collect();
    let shifts = traffic.iter().filter(|row| row["reason"] == "production traffic");
    let shares: Vec<_> = shifts.map(|row| (&*row["stage"], &*row["traffic_percent"])).collect();
    assert_eq!(shares, [("PRODUCTION_TRAFFIC_SHIFT", "20"), ("PRODUCTION_TRAFFIC_SHIFT", "100")]);
}

#[test]
fn messages_count_as_offered_when_they_arrive_and_not_when_their_fate_is_known() {
    let queue = format!(
        "{HEAD}[[service]]\nname = \"q\"\ntask_definition = \"app\"\nlaunch_type = \"FARGATE\"\ndesired_count = 0\n\
         queue = {{ generate = {{ per_second = 10 }} }}\n"
    );
    let desk = Desk::with(&queue);
    desk.ok("run small.toml --out a --charts none");
    let files = desk.files("a");
    let all = rows(&files, "services.csv");
    assert!(all[1..].iter().all(|row| row["offered"] == "600" && row["requests_per_s"] == "10"));
    assert_eq!(all[30]["backlog"], "18000");
    assert_eq!(all.last().unwrap()["dropped_unfinished"], "36000");
}

#[test]
fn services_give_the_same_bytes_twice_on_any_threads_and_anywhere() {
    let desk = Desk::with(MIXED);
    desk.ok("run small.toml --out a");
    let expected = desk.files("a");
    desk.ok("run small.toml --out b");
    expected.are_same_as(&desk.files("b"), "twice");
    for threads in [1, 2, 3] {
        let out = format!("t{threads}");
        desk.ok(&format!(
            "run small.toml --charts none --out {out} --replications 3 --threads {threads}"
        ));
        desk.files("t1").are_same_as(&desk.files(&out), "threads");
    }
    std::fs::create_dir(desk.path("elsewhere")).unwrap();
    let mut command = desk.command("run ../small.toml --out ../moved");
    command.current_dir(desk.path("elsewhere"));
    command.env_clear().env("TZ", "Pacific/Kiritimati").env("LC_ALL", "tr_TR.UTF-8");
    assert!(command.status().unwrap().success());
    desk.files("moved").are_same_as(&expected, "another folder, zone and language");
    desk.ok("run small.toml --out c --seed 8 --charts none");
    assert_ne!(desk.files("c").text("services.csv"), expected.text("services.csv"));
}

#[test]
fn tables_of_services_that_are_off_change_no_file_that_remains() {
    let desk = Desk::with(MIXED);
    desk.ok("run small.toml --out all --charts none");
    let all = desk.files("all");
    for table in ["services", "deployments", "scaling", "service_events", "tasks"] {
        desk.ok(&format!("run small.toml --out {table} --charts none --set outputs.{table}=false"));
        let gone = format!("{table}.csv");
        // The manifest lists what is there, and the scenario says what was asked for.
        let asked = |name: &str| name == "manifest.json" || name == "scenario.toml";
        let rest = all.clone().without(|name| name == gone || asked(name));
        let found = desk.files(table).without(asked);
        found.are_same_as(&rest, table);
    }
}

#[test]
fn a_dry_run_counts_what_services_keep_and_write() {
    let desk = Desk::with(MIXED);
    let done = desk.ok("run small.toml --dry-run").stdout;
    for line in [
        "service api           3 tasks at the start, at most 9",
        "service agent         one task on each eligible instance, at most 4",
        "tasks                 0 of callers, 20 of services at once at most",
        "simulated time        5400 s\n",
    ] {
        assert!(done.contains(line), "{line:?} is not in {done}");
    }
    let mut many = HEAD.to_string();
    for i in 0..400 {
        many += &format!(
            "[[service]]\nname = \"s{i}\"\ntask_definition = \"app\"\nlaunch_type = \"FARGATE\"\n"
        );
    }
    desk.write("many.toml", many + "[outputs]\ntasks = false\n");
    let done = desk.ok("run many.toml --dry-run --set simulation.duration=1d").stdout;
    assert!(done.contains("and 380 more services"), "{done}");
    let said = done.lines().find_map(|line| line.strip_prefix("disk, about")).unwrap();
    let mib: f64 = said.split_whitespace().next().unwrap().parse().unwrap();
    // 400 services × 1,441 samples of 40 bytes and more where nothing happens.
    assert!((22.0..300.0).contains(&mib), "{mib} MiB");
}

#[test]
fn keys_and_metrics_of_a_service_are_reached_by_its_name() {
    let desk = Desk::with(MIXED);
    let run = "run small.toml --out a --force --charts none --quiet";
    let resolved =
        desk.ok("validate small.toml --show resolved --set service.worker.desired_count=2").stdout;
    assert!(resolved.contains("desired_count = 2"), "{resolved}");
    desk.run(&format!("{run} --set service.nobody.desired_count=2")).ends_with(2).says("nobody");
    let expect = |metric: &str, limit: &str| {
        desk.write("small.toml", format!("{MIXED}[[expect]]\nmetric = \"{metric}\"\n{limit}\n"));
        desk.run(run)
    };
    expect("service.worker.requests_offered", "at_least = 1").ends_with(0);
    expect("requests_offered", "at_least = 1").ends_with(0);
    expect("service.worker.requests_offered", "at_most = 1")
        .ends_with(1)
        .says("service.worker.requests_offered is ");
    expect("requests_dropped_percent", "at_least = 101").ends_with(1);
    expect("service.nobody.usd", "at_most = 1").ends_with(2).says("no service \"nobody\"");
    expect("service.worker.colour", "at_most = 1").ends_with(2);
    // A service without work has no latency: there is nothing to hold against a limit.
    expect("service.agent.request_latency_s_p99", "at_most = 1").ends_with(1);
}

#[test]
fn the_service_that_init_writes_runs_as_it_is() {
    let desk = Desk::new();
    desk.write("new.toml", desk.ok("init service").stdout);
    desk.ok("validate new.toml");
    desk.ok("run new.toml --out a --charts none");
    assert!(desk.ok("schema").stdout.contains("target_tracking"));
}

#[test]
fn a_reader_that_closes_the_pipe_early_is_no_error_with_services() {
    let desk = Desk::with(MIXED);
    for arguments in ["run small.toml --charts none --quiet", "run small.toml --dry-run"] {
        let mut child = desk.command(arguments).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr), (Some(0), vec![]), "`{arguments}`");
    }
}

#[test]
fn bad_traffic_is_an_error_with_its_line_and_leaves_no_folder() {
    let service = "[[service]]\nname = \"web\"\ntask_definition = \"app\"\nlaunch_type = \"FARGATE\"\n\
                   traffic = { trace = \"t.csv\" FIDELITY }\n";
    for fidelity in ["", ", fidelity = \"requests\""] {
        let desk = Desk::with(&format!("{HEAD}{}", service.replace("FIDELITY", fidelity)));
        desk.run("run small.toml --out a").ends_with(2).says("\"t.csv\" does not exist");
        for (rows, says) in [
            ("", "is empty"),
            ("time_s,rate\n0,1\n", "t.csv:1:8: bad header"),
            ("time_s,requests_per_s\n0,10\n60,20\n30,5\n", "t.csv:4"),
            ("time_s,requests_per_s\n0,10\n60,2\n60,5\n", "t.csv:4"),
            ("time_s,requests_per_s\n0,10\n60\n", "t.csv:3"),
            ("time_s,requests_per_s\n0,10\n60,\n", "t.csv:3"),
            ("time_s,requests_per_s\n0,10\n60,-1\n", "t.csv:3"),
            ("time_s,requests_per_s\n0,10\n60,nan\n", "t.csv:3"),
            ("time_s,requests_per_s\n0,10\n60,99999999999999999999\n", "t.csv:3"),
            ("time_s,requests_per_s\n0,10\n99999999999999999999,1\n", "t.csv:3"),
            ("time_s,requests_per_s\n0,inf\n", "t.csv:2"),
            ("\0\u{7f}\n", "NUL"),
        ] {
            desk.write("t.csv", rows);
            let done = desk.run("run small.toml --out a").ends_with(2).says(says);
            assert!(!done.stderr.contains("panicked"), "{rows:?}: {}", done.stderr);
            assert_eq!(desk.names(), ["small.toml", "t.csv"], "after {rows:?}");
        }
    }
}

#[test]
fn traffic_that_ends_early_or_has_no_rows_leaves_the_service_without_requests() {
    let service = "[[service]]\nname = \"web\"\ntask_definition = \"app\"\nlaunch_type = \"FARGATE\"\n\
                   traffic = { trace = \"t.csv\" }\n";
    let desk = Desk::with(&format!("{HEAD}{service}"));
    for (rows, offered) in [
        ("time_s,requests_per_s\n", "0"),
        ("time_s,requests_per_s\n0,10\n60,0\n", "600"),
        ("time_s,requests_per_s\n600,1\n1200,0", "600"),
    ] {
        desk.write("t.csv", rows);
        desk.ok("run small.toml --out a --force --charts none");
        assert_eq!(metric(&desk.files("a"), "requests_offered"), offered, "{rows:?}");
    }
}

#[test]
fn a_hundred_thousand_services_are_refused_at_the_quota_and_at_once() {
    let mut many = HEAD.to_string();
    for i in 0..100_000 {
        many += &format!(
            "[[service]]\nname = \"s{i}\"\ntask_definition = \"app\"\nlaunch_type = \"FARGATE\"\n\
             traffic = {{ generate = {{ per_second = 1 }} }}\n"
        );
    }
    let desk = Desk::with(&many);
    let begun = Instant::now();
    let done = desk.run("run small.toml --out a").ends_with(2).says("more than 5,000 services");
    assert_eq!(done.stderr.matches("error: ").count(), 1, "{}", done.stderr);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert_eq!(desk.names(), ["small.toml"]);
}

#[test]
fn zero_of_everything_runs() {
    let zero = r#"
[[service]]
name = "nothing"
task_definition = "app"
launch_type = "FARGATE"
desired_count = 0
load_balancer = { deregistration_delay = "0s" }
traffic = { cpu_ms_per_request = 0, generate = { per_second = 0 } }
scaling = { min_capacity = 0, max_capacity = 0, target_tracking = [{ name = "c", metric = "ECSServiceAverageCPUUtilization", target_value = 50, scale_out_cooldown = "0s", scale_in_cooldown = "0s" }] }
[[service]]
name = "free"
task_definition = "app"
launch_type = "FARGATE"
traffic = { cpu_ms_per_request = 0, generate = { per_second = 100 } }
[[service]]
name = "nobody"
task_definition = "app"
launch_type = "FARGATE"
desired_count = 0
traffic = { generate = { per_second = 10 } }
"#;
    let desk = Desk::with(&format!("{HEAD}{zero}"));
    desk.ok("run small.toml --out a");
    let files = desk.files("a");
    assert_eq!(metric(&files, "service.nothing.requests_offered"), "0");
    assert_eq!(metric(&files, "service.free.requests_served"), "360000");
    assert_eq!(metric(&files, "service.nobody.requests_dropped_no_target"), "36000");
    desk.run("run small.toml --out b --set service.free.traffic.timeout=0s").ends_with(2);
    assert_eq!(desk.names(), ["a", "small.toml"]);
}

/// The fields of a table without those that hold names.
fn without_names(files: &Files, table: &str) -> Vec<String> {
    files.text(table).replace("second", "first").lines().map(String::from).collect()
}

#[test]
fn other_names_change_nothing_but_names_where_nothing_is_drawn() {
    // Without chances: a fixed reaction of the scheduler, no checks at drawn phases. Which of equal tasks stops first is
    // drawn, so that tables of single tasks are left out.
    let text = shipped("31-rolling-update.toml") + "\n[service_scheduler]\nreaction = \"2s\"\n";
    let is_checked = ["health_check", "[service.load_balancer]", "deregistration_delay"];
    let kept = text.lines().filter(|line| !is_checked.iter().any(|key| line.starts_with(key)));
    let text = kept.collect::<Vec<_>>().join("\n");
    let desk = Desk::with(&text.replace("name = \"api\"", "name = \"first\""));
    desk.write("other.toml", text.replace("name = \"api\"", "name = \"second\""));
    desk.ok("run small.toml --out a --charts none");
    desk.ok("run other.toml --out b --charts none");
    for table in ["services.csv", "deployments.csv", "service_events.csv"] {
        let [a, b] = ["a", "b"].map(|out| without_names(&desk.files(out), table));
        assert_eq!(a, b, "{table}");
    }
}
