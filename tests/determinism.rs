//! D1, D4, S1 and S2: the same bytes from the same scenario, whatever the machine, the threads, the surroundings and
//! the order of what has no order; other numbers from another seed.

use crate::support::program::{Desk, Files, SMALL, same_lines};
use std::collections::BTreeMap;

/// Two launch types, chances at every stage, two callers: everything that could be drawn or ordered.
const RICH: &str = r#"
[simulation]
name = "rich"
seed = 3
tie_break = "uniform"

[cluster]
availability_zones = ["us-east-1a", "us-east-1b"]

[[task_definition]]
family = "web"
cpu = 256
memory = 512
network_mode = "awsvpc"
image_mib = 200

[[task_definition]]
family = "job"
cpu = 1024
memory = 2048
image_mib = 50

[[capacity_provider]]
name = "old"
instance_types = ["m5.large", "c5.xlarge"]
desired_capacity = 4

[[capacity_provider]]
name = "new"
instance_types = ["m5.xlarge"]
desired_capacity = 2
purchase = "spot"
spot_discount_percent = 60

[[run_task]]
name = "first"
task_definition = "job"
capacity_provider_strategy = [{ capacity_provider = "old", base = 1, weight = 2 }, { capacity_provider = "new", weight = 1 }]
placement_strategy = [{ type = "spread", field = "attribute:ecs.availability-zone" }, { type = "random" }]
on_failure = { retry = { attempts = 4, first_delay = "5s", jitter_percent = 50 } }
duration = { type = "exponential", mean = "4m" }
generate = { per_second = 0.05, until = "1h" }

[[run_task]]
name = "second"
task_definition = "web"
capacity_provider_strategy = [{ capacity_provider = "FARGATE", weight = 1 }, { capacity_provider = "FARGATE_SPOT", weight = 3 }]
duration = { type = "exponential", mean = "4m" }
generate = { per_second = 0.05, until = "1h" }

[latency]
eni_attach = { type = "uniform", min = "2s", max = "9s" }
container_stop = { type = "exponential", mean = "1s" }
"#;

fn rich() -> Desk {
    let desk = Desk::new();
    desk.write("rich.toml", RICH);
    desk
}

fn is_chart(name: &str) -> bool {
    name.contains("charts/")
}

/// Runs a scenario text without charts.
fn files_of(scenario: &str) -> Files {
    let desk = Desk::new();
    desk.write("rich.toml", scenario);
    desk.ok("run rich.toml --out a --charts none");
    desk.files("a")
}

#[test]
fn the_same_run_twice_gives_the_same_bytes() {
    let desk = rich();
    desk.ok("run rich.toml --out a");
    desk.ok("run rich.toml --out b");
    desk.files("a").are_same_as(&desk.files("b"), "twice");
    desk.ok("run rich.toml --out c --charts png");
    desk.ok("run rich.toml --out d --charts png");
    desk.files("c").are_same_as(&desk.files("d"), "twice, as png");
}

#[test]
fn several_seeds_give_the_same_bytes_on_any_number_of_threads() {
    let desk = rich();
    for threads in [1, 2, 8] {
        desk.ok(&format!("run rich.toml --out t{threads} --replications 3 --threads {threads}"));
    }
    desk.files("t1").are_same_as(&desk.files("t2"), "1 and 2 threads");
    desk.files("t1").are_same_as(&desk.files("t8"), "1 and 8 threads");
    // And each is what a run of that seed alone gives.
    desk.ok("run rich.toml --out alone --seed 4");
    let alone = desk.files("alone").without(|name| name == "manifest.json");
    let mut of_many = BTreeMap::new();
    for (name, bytes) in desk.files("t1").0 {
        if let Some(name) = name.strip_prefix("seed-4/") {
            of_many.insert(name.to_string(), bytes);
        }
    }
    alone.are_same_as(&Files(of_many), "seed 4 alone");
}

/// A trace with two sizes, groups and rows that are left out: what a reader beside the run must count alike.
#[test]
fn threads_that_read_and_write_beside_a_run_change_no_byte() {
    let desk = rich();
    let mut trace = String::from("arrival_s,cpu,memory_mib,duration_s,group\n");
    for row in 0..5_000 {
        let bad = if row % 700 == 3 { "x" } else { "512" };
        trace.push_str(&format!("{},256,{bad},{},g{}\n", row, 60 + row % 977, row % 7));
    }
    desk.write("rows.csv", trace);
    let replay = SMALL.replace(
        "generate = { per_second = 0.03, until = \"2h\", duration = { type = \"lognormal\", mean = \"5m\", sigma = 1.0 } }",
        "trace = \"rows.csv\"\non_error = \"skip\"",
    );
    desk.write("replay.toml", &replay);
    desk.write("cut.toml", replay.replace("seed = 7", "seed = 7\nduration = \"40m\""));
    for scenario in ["rich", "replay", "cut"] {
        for threads in [1, 2] {
            desk.ok(&format!("run {scenario}.toml --out {scenario}-{threads} --threads {threads}"));
        }
        let files = |threads: u32| desk.files(&format!("{scenario}-{threads}"));
        files(1).are_same_as(&files(2), scenario);
    }
}

#[test]
fn charts_change_no_other_file() {
    let desk = rich();
    for charts in ["svg", "png", "none"] {
        desk.ok(&format!("run rich.toml --out {charts} --charts {charts}"));
    }
    let rest = |charts| desk.files(charts).without(|n| is_chart(n) || n == "manifest.json");
    rest("svg").are_same_as(&rest("none"), "svg and none");
    rest("svg").are_same_as(&rest("png"), "svg and png");
}

#[test]
fn tables_that_are_off_change_no_file_that_remains() {
    let desk = rich();
    desk.ok("run rich.toml --out all");
    let all = desk.files("all");
    for (number, table) in
        ["tasks", "timeseries", "instances", "placement_failures"].iter().enumerate()
    {
        desk.ok(&format!("run rich.toml --out off{number} --set outputs.{table}=false"));
        let gone = format!("{table}.csv");
        let rest = all.clone().without(|name| name == gone || name == "manifest.json");
        let found = desk.files(&format!("off{number}"));
        found.without(|name| name == "manifest.json").are_same_as(&rest, table);
    }
}

#[test]
fn the_surroundings_change_nothing() {
    let desk = rich();
    desk.ok("run rich.toml --out a");
    let expected = desk.files("a");
    std::fs::create_dir(desk.path("elsewhere")).unwrap();
    let surroundings: [&[(&str, &str)]; 5] = [
        &[("TZ", "Pacific/Kiritimati")],
        &[("LANG", "tr_TR.UTF-8"), ("LC_ALL", "tr_TR.UTF-8")],
        &[("LC_ALL", "C"), ("RAYON_NUM_THREADS", "1")],
        &[("NO_COLOR", "1"), ("TERM", "dumb"), ("COLUMNS", "20")],
        &[("CLICOLOR_FORCE", "1"), ("RUST_BACKTRACE", "full")],
    ];
    for (number, variables) in surroundings.into_iter().enumerate() {
        let out = format!("env{number}");
        let mut command = desk.command(&format!("run rich.toml --out {out}"));
        command.env_clear().envs(variables.iter().copied());
        assert!(command.status().unwrap().success(), "{variables:?}");
        desk.files(&out).are_same_as(&expected, &format!("{variables:?}"));
    }
    let mut command = desk.command("run ../rich.toml --out ../moved");
    assert!(command.current_dir(desk.path("elsewhere")).status().unwrap().success());
    desk.files("moved").are_same_as(&expected, "another working directory");
}

#[test]
fn nothing_written_names_the_machine() {
    let desk = rich();
    desk.ok("run rich.toml --out a");
    let here = desk.path("").display().to_string();
    for (name, bytes) in desk.files("a").0 {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(&here), "{name} holds the path of the folder");
    }
}

#[test]
fn other_seeds_give_other_numbers() {
    let desk = rich();
    desk.ok("run rich.toml --out a --charts none --seed 1");
    desk.ok("run rich.toml --out b --charts none --seed 2");
    for table in ["tasks.csv", "timeseries.csv", "cost.csv"] {
        assert_ne!(desk.files("a").text(table), desk.files("b").text(table), "{table}");
    }
}

/// Arrival, start and end of the tasks of one caller.
fn lives_of(files: &Files, source: &str) -> Vec<[String; 3]> {
    let mut reader = csv::Reader::from_reader(files.text("tasks.csv").as_bytes());
    let header = reader.headers().unwrap().clone();
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    let columns = ["arrival_s", "started_s", "stopping_s"].map(at);
    let rows = reader.records().map(|row| row.unwrap());
    let own = rows.filter(|row| &row[at("source")] == source);
    let mut lives: Vec<_> = own.map(|row| columns.map(|column| row[column].to_string())).collect();
    lives.sort();
    lives
}

#[test]
fn a_caller_without_tasks_moves_no_number_of_another() {
    let idle = r#"
[[task_definition]]
family = "idle"
cpu = 256
memory = 512

[[run_task]]
name = "idle"
task_definition = "idle"
trace = "empty.csv"
"#;
    let desk = rich();
    desk.write("empty.csv", "arrival_s,cpu,memory_mib,duration_s\n");
    desk.write("more.toml", format!("{RICH}{idle}"));
    desk.ok("run rich.toml --out a --charts none");
    desk.ok("run more.toml --out b --charts none --set simulation.name=rich");
    let (one, two) = (desk.files("a"), desk.files("b"));
    for table in
        ["tasks.csv", "timeseries.csv", "instances.csv", "cost.csv", "placement_failures.csv"]
    {
        same_lines(table, one.text(table).as_bytes(), two.text(table).as_bytes());
    }
}

#[test]
fn the_tasks_of_a_caller_move_no_duration_of_another() {
    // The new caller has Fargate to itself, so that nobody has to wait for it.
    let busy = r#"
[[run_task]]
name = "busy"
task_definition = "web"
launch_type = "FARGATE"
duration = { type = "exponential", mean = "4m" }
generate = { per_second = 0.02, until = "1h" }
"#;
    let (one, two) = (files_of(RICH), files_of(&format!("{RICH}{busy}")));
    let (one, two) = (lives_of(&one, "first"), lives_of(&two, "first"));
    assert!(one.len() > 100);
    assert_eq!(one, two);
}

#[test]
fn the_order_of_definitions_and_providers_in_the_file_does_not_matter() {
    // The definitions and the providers change places; the callers stay, since arrivals at one instant are theirs.
    let sections = |text: &str| -> Vec<String> {
        let mut sections: Vec<String> = Vec::new();
        for line in text.lines() {
            if line.starts_with('[') || sections.is_empty() {
                sections.push(String::new());
            }
            *sections.last_mut().unwrap() += &format!("{line}\n");
        }
        sections
    };
    let mut swapped = sections(RICH);
    let at = |sections: &[String], name: &str| -> Vec<usize> {
        (0..sections.len()).filter(|&i| sections[i].starts_with(name)).collect()
    };
    let places = at(&swapped, "[[task_definition]]");
    swapped.swap(places[0], places[1]);
    let (one, two) = (files_of(RICH), files_of(&swapped.concat()));
    for table in ["tasks.csv", "summary.csv", "timeseries.csv", "instances.csv", "cost.csv"] {
        same_lines(table, one.text(table).as_bytes(), two.text(table).as_bytes());
    }
    // Providers: the rows of the tables change places with them, so rows are compared as sets. Instances are numbered
    // in order of registration, which is part of the stable tie-break: each provider is asked for by name here.
    let places = at(&swapped, "[[capacity_provider]]");
    swapped.swap(places[0], places[1]);
    let stable = |text: &str| {
        text.replace("\"uniform\"\n", "\"stable\"\n").replace(", { type = \"random\" }", "")
    };
    let (one, two) = (files_of(&stable(RICH)), files_of(&stable(&swapped.concat())));
    for table in ["tasks.csv", "timeseries.csv", "instances.csv", "cost.csv"] {
        let sorted = |files: &Files| {
            let mut rows: Vec<String> = files.text(table).lines().map(String::from).collect();
            rows.sort();
            rows.join("\n")
        };
        same_lines(table, sorted(&one).as_bytes(), sorted(&two).as_bytes());
    }
    same_lines("summary", one.text("summary.csv").as_bytes(), two.text("summary.csv").as_bytes());
}

/// A native trace with fixed arrivals and durations, and a scenario that replays it.
fn replay(shift_s: u64) -> Desk {
    let mut trace = String::from("arrival_s,cpu,memory_mib,duration_s,count\n");
    for i in 0..200u64 {
        let (size, count) = (256 << (i % 3), 1 + i % 4);
        trace +=
            &format!("{},{size},{},{},{count}\n", shift_s + i * 17, 2 * size, 30 + i * 7 % 400);
    }
    let (head, _) = SMALL.split_once("generate").unwrap();
    let desk = Desk::with(&format!("{head}trace = \"jobs.csv\"\n"));
    desk.write("jobs.csv", trace);
    desk
}

#[test]
fn renaming_everything_changes_no_number() {
    let desk = replay(0);
    let mut renamed = std::fs::read_to_string(desk.path("small.toml")).unwrap();
    for (from, to) in [("small", "grand"), ("\"job\"", "\"zebra\""), ("\"general\"", "\"pool\"")] {
        renamed = renamed.replace(from, to);
    }
    renamed = renamed.replace("\"jobs\"", "\"alpha\"");
    desk.write("grand.toml", renamed);
    desk.ok("run small.toml --out a --charts none");
    desk.ok("run grand.toml --out b --charts none");
    let numbers = |out: &str, table: &str| -> String {
        let files = desk.files(out);
        let mut text = files.text(table).to_string();
        for (name, to) in
            [("general", "pool"), ("family:job", "family:zebra"), ("job:1", "zebra:1")]
        {
            text = text.replace(name, to);
        }
        text.replace(",jobs,", ",alpha,").replace("small", "grand")
    };
    for table in ["tasks.csv", "summary.csv", "timeseries.csv", "instances.csv", "cost.csv"] {
        same_lines(table, numbers("a", table).as_bytes(), numbers("b", table).as_bytes());
    }
}

#[test]
fn shifting_all_arrivals_by_whole_sampling_intervals_shifts_the_outputs() {
    const SHIFT_S: u64 = 3 * 60;
    let (early, late) = (replay(0), replay(SHIFT_S));
    early.ok("run small.toml --out a --charts none");
    late.ok("run small.toml --out a --charts none");
    let (early, late) = (early.files("a"), late.files("a"));
    assert_eq!(times_of(&early, "tasks.csv", SHIFT_S), times_of(&late, "tasks.csv", 0));
    // The first rows of the late series are those of an idle fleet.
    let (early, late) =
        (times_of(&early, "timeseries.csv", SHIFT_S), times_of(&late, "timeseries.csv", 0));
    let skipped = late.len() - early.len();
    assert_eq!(early, late[skipped..]);
    assert!(skipped > 0);
}

/// The rows of a table with `shift` seconds added to every instant.
fn times_of(files: &Files, table: &str, shift_s: u64) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_reader(files.text(table).as_bytes());
    let header = reader.headers().unwrap().clone();
    let is_instant = |name: &str| name.ends_with("_s") && name != "wait_s";
    let shifted = |name: &str, cell: &str| -> String {
        if cell.is_empty() || !is_instant(name) {
            return cell.to_string();
        }
        let (whole, rest) = cell.split_once('.').map_or((cell, None), |(w, r)| (w, Some(r)));
        let whole = whole.parse::<u64>().unwrap() + shift_s;
        rest.map_or(whole.to_string(), |rest| format!("{whole}.{rest}"))
    };
    reader
        .records()
        .map(|row| header.iter().zip(row.unwrap().iter()).map(|(n, c)| shifted(n, c)).collect())
        .collect()
}
