//! The real program in a fresh folder: what it prints where, its exit codes, and the files that it writes.

use crate::support::program::{Desk, Done, SMALL};
use std::process::Command;
use std::time::{Duration, Instant};

const VERBS: [&str; 10] = [
    "run",
    "compare",
    "sweep",
    "validate",
    "init",
    "schema",
    "completions",
    "catalog",
    "trace",
    "price",
];

const FILES: [&str; 18] = [
    "charts/bill-by-use.svg",
    "charts/costs.svg",
    "charts/fleet.svg",
    "charts/load.svg",
    "charts/reservation.svg",
    "charts/spending.svg",
    "charts/waits.svg",
    "cost.csv",
    "cost_hourly.csv",
    "instances.csv",
    "manifest.json",
    "metrics.csv",
    "placement_failures.csv",
    "scenario.toml",
    "summary.csv",
    "summary.json",
    "tasks.csv",
    "timeseries.csv",
];

/// A scenario that runs for many minutes.
fn endless() -> String {
    SMALL.replace("per_second = 0.03, until = \"2h\"", "per_second = 1, until = \"3650d\"")
        + "\n[outputs]\ntasks = false\ntimeseries = false\n"
}

#[test]
fn help_of_the_program_and_of_every_verb_shows_examples() {
    let desk = Desk::new();
    let help = desk.ok("--help").stdout;
    assert!(help.contains("Examples:\n  ecsim run "), "{help}");
    for verb in VERBS {
        assert!(help.contains(&format!("  {verb}")), "{help}");
        let help = desk.ok(&format!("{verb} --help")).stdout;
        assert!(help.contains("Example") && help.contains(&format!("\n  ecsim {verb}")), "{help}");
        assert!(help.lines().all(|line| line.chars().count() <= 110), "{help}");
    }
    for verb in ["catalog list", "catalog show", "trace inspect", "trace convert", "trace generate"]
    {
        let help = desk.ok(&format!("{verb} --help")).stdout;
        assert!(help.contains(&format!("\n  ecsim {verb}")), "{verb} without examples: {help}");
    }
    assert!(desk.ok("--version").stdout.starts_with("ecsim 0."));
}

#[test]
fn bad_usage_ends_with_2_and_says_so_on_stderr() {
    let desk = Desk::with(SMALL);
    for (arguments, says) in [
        ("", "Usage: ecsim"),
        ("simulate", "unrecognized subcommand"),
        ("run", "<SCENARIO>"),
        ("run small.toml --seed x", "invalid value 'x'"),
        ("run small.toml --replications 0", "invalid value '0'"),
        ("run small.toml --charts pdf", "svg, png, none"),
        ("run small.toml --set seed", "expected KEY=VALUE"),
        ("run small.toml --threads few", "invalid value 'few'"),
        ("init nothing", "unknown template \"nothing\""),
        ("completions cmd", "possible values"),
        ("run absent.toml", "absent.toml"),
        ("run .", "."),
        ("validate small.toml --set simulation.sed=1", "seed"),
    ] {
        let done = desk.run(arguments).ends_with(2).says(says);
        assert_eq!(done.stdout, "", "`{arguments}` has no results");
    }
    assert_eq!(desk.names(), ["small.toml"], "nothing was written");
}

#[test]
fn run_writes_exactly_the_promised_files_and_prints_a_summary() {
    let desk = Desk::with(SMALL);
    let done = desk.ok("run small.toml");
    assert_eq!(desk.names(), ["output", "small.toml"]);
    let files = desk.files("output");
    let expected: Vec<String> = FILES.iter().map(|name| format!("small/{name}")).collect();
    assert_eq!(files.names(), expected);
    for metric in ["total_usd", "tasks_completed", "wait_s_p95", "cpu_reservation_percent"] {
        assert!(done.stdout.contains(metric), "{}", done.stdout);
    }
    assert_eq!(done.stderr.lines().last(), Some("wrote output/small"));
}

#[test]
fn a_run_of_several_seeds_has_a_folder_for_each_and_one_table_of_them() {
    let desk = Desk::with(SMALL);
    desk.ok("run small.toml --out all --replications 2 --charts none --seed 11");
    let files = desk.files("all");
    let of_all = ["manifest.json", "scenario.toml"];
    let tables = FILES.into_iter().filter(|f| !f.contains('/') && !of_all.contains(f));
    let tables: Vec<&str> = tables.collect();
    let mut expected = of_all.map(String::from).to_vec();
    for seed in [11, 12] {
        expected.extend(tables.iter().map(|table| format!("seed-{seed}/{table}")));
    }
    expected.extend(["seeds.csv".to_string(), "summary.csv".to_string()]);
    assert_eq!(files.names(), expected);
    let mut rows = files.text("summary.csv").lines();
    let one = files.text("seed-12/summary.csv").lines().collect::<Vec<_>>();
    assert_eq!(rows.next(), Some(one[0]));
    assert_eq!(rows.nth(1), Some(one[1]));
    assert_eq!(rows.next(), None);
}

#[test]
fn several_seeds_are_one_table_and_one_json_document() {
    let desk = Desk::with(SMALL);
    let several = "run small.toml --replications 3 --charts none --quiet --force";
    let table = desk.ok(several).stdout;
    assert_eq!(table.lines().filter(|line| line.contains("  tasks_submitted ")).count(), 1);
    assert!(
        table.trim_start().starts_with("3 seeds ") && table.contains("95 % interval"),
        "{table}"
    );
    let json = desk.ok(&format!("{several} --format json")).stdout;
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["runs"].as_array().map(Vec::len), Some(3));
    let of = |run: usize| value["runs"][run]["metrics"]["tasks_submitted"]["value"].as_f64();
    let mean = (0..3).map(|run| of(run).unwrap()).sum::<f64>() / 3.0;
    let told = value["over_seeds"]["tasks_submitted"]["mean"].as_f64().unwrap();
    assert!((told - mean).abs() < 1e-9, "{told} for {mean}");
    let desk = expecting("metric = \"tasks_completed\"\nat_most = 3");
    let done = desk.run("run small.toml --seed 7 --replications 2").ends_with(1);
    assert!(done.says("tasks_completed of seed 7 is ").stderr.contains(" of seed 8 is "));
}

#[test]
fn the_folder_holds_the_scenario_as_it_was_run() {
    let desk = Desk::with(SMALL);
    desk.ok("run small.toml --set simulation.seed=5 --charts none");
    let resolved = desk.ok("validate small.toml --set simulation.seed=5 --show resolved").stdout;
    assert_eq!(desk.read("output/small/scenario.toml"), resolved);
    std::fs::copy(desk.path("output/small/scenario.toml"), desk.path("again.toml")).unwrap();
    desk.ok("run again.toml --out again --charts none");
    let [one, two] =
        ["output/small", "again"].map(|folder| desk.read(&format!("{folder}/tasks.csv")));
    assert_eq!(one, two);
}

#[cfg(unix)]
#[test]
fn a_limit_on_the_size_of_files_is_told_in_words() {
    let desk = Desk::with(SMALL);
    let program = desk.command("").get_program().to_owned();
    let limited = Command::new("sh")
        .args(["-c", "ulimit -f 1; exec \"$0\" run small.toml"])
        .arg(program)
        .current_dir(desk.path("."))
        .output()
        .unwrap();
    let done = Done::of("run under ulimit -f", limited).ends_with(2);
    assert!(done.says("cannot write").stderr.contains("too large"));
    assert!(!desk.path("output/small").exists());
    for output in ["out.csv", "out.csv.gz"] {
        let limited = Command::new("sh")
            .args(["-c", "ulimit -f 1; exec \"$0\" trace generate --rate 100 -o \"$1\""])
            .arg(desk.command("").get_program())
            .arg(output)
            .current_dir(desk.path("."))
            .output()
            .unwrap();
        let done = Done::of("trace generate under ulimit -f", limited).ends_with(2);
        assert!(done.says("cannot write").stderr.contains("too large"));
        assert!(!desk.path(output).exists());
    }
}

#[test]
fn json_is_one_object_with_the_metrics_of_the_summary_file() {
    let desk = Desk::with(SMALL);
    let done = desk.ok("run small.toml --format json --charts none");
    let value: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(value["schema"], "ecsim/1");
    assert!(value["metrics"]["total_usd"].is_object() || value["metrics"]["total_usd"].is_number());
    assert_eq!(done.stdout.trim(), desk.read("output/small/summary.json").trim());
}

#[test]
fn quiet_says_nothing_on_stderr_and_colour_is_for_terminals() {
    let desk = Desk::with(SMALL);
    let quiet = desk.ok("run small.toml --quiet --out a");
    assert_eq!(quiet.stderr, "");
    assert_eq!(quiet.stdout, desk.ok("run small.toml --out b").stdout, "the results are the same");
    assert!(!quiet.stdout.contains('\x1b'), "no terminal, no colour");
}

#[test]
fn a_dry_run_describes_and_writes_nothing() {
    let desk = Desk::with(SMALL);
    let json = desk.ok("run small.toml --dry-run --format json --out there").stdout;
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["dry_run"]["output folder"], "there");
    let done = desk.ok("run small.toml --dry-run --replications 3");
    assert!(done.stdout.contains("\noutput folder         output/small\n"), "{}", done.stdout);
    for line in ["container instances   3", "seeds                 7 to 9", "disk", "memory"] {
        assert!(done.stdout.contains(line), "{}", done.stdout);
    }
    assert_eq!(desk.names(), ["small.toml"]);
}

#[test]
fn set_reaches_any_key_and_the_seed_flag_goes_before_the_scenario() {
    let desk = Desk::with(SMALL);
    desk.ok(
        "run small.toml --charts none --out a --set capacity_provider.general.desired_capacity=5",
    );
    assert_eq!(desk.read("a/instances.csv").lines().count(), 6);
    desk.ok("run small.toml --charts none --out b --set simulation.seed=11 --seed 12");
    assert!(desk.read("b/manifest.json").contains("\"seed\": 12,"));
    desk.run("run small.toml --out c --set capacity_provider.general.desired_capacity=many")
        .ends_with(2)
        .says("desired_capacity");
    assert!(!desk.path("c").exists());
}

fn expecting(expect: &str) -> Desk {
    Desk::with(&format!("{SMALL}\n[[expect]]\n{expect}\n"))
}

#[test]
fn an_expectation_that_fails_ends_with_1_after_the_results_are_written() {
    let desk = expecting("metric = \"tasks_completed\"\nat_most = 3");
    let done = desk.run("run small.toml").ends_with(1);
    let last = done.stderr.lines().last().unwrap();
    assert!(
        last.starts_with("expectation failed: small.toml:25:10: tasks_completed is "),
        "{last}"
    );
    assert!(last.ends_with(", expected at most 3"), "{last}");
    assert!(done.stdout.contains("total_usd"), "the summary is shown all the same");
    assert!(desk.read("output/small/manifest.json").contains("\"expectation_failed\""));
    expecting("metric = \"tasks_completed\"\nat_least = 3").ok("run small.toml");
}

#[test]
fn an_expectation_of_a_metric_that_is_missing_in_this_run_fails() {
    // Without Fargate tasks there is no rounding, so it is not at most anything.
    let desk = expecting("metric = \"fargate_rounding_cpu_percent\"\nat_most = 100");
    desk.run("run small.toml")
        .ends_with(1)
        .says("fargate_rounding_cpu_percent is not defined in this run, expected at most 100");
}

#[test]
fn an_expectation_of_an_unknown_metric_ends_with_2_before_anything_runs() {
    let desk = expecting("metric = \"tasks_complete\"\nat_most = 3");
    let done = desk.run("run small.toml").ends_with(2);
    let done = done.says("small.toml:25:10: there is no metric \"tasks_complete\"");
    done.says("did you mean \"tasks_completed\"?");
    assert!(!desk.path("output/small").exists(), "nothing is written");
}

#[test]
fn an_expectation_of_a_service_that_is_not_there_says_so() {
    let desk = expecting("metric = \"service.api.requests_dropped_percent\"\nat_most = 0.1");
    let done = desk.run("run small.toml").ends_with(2);
    let done = done.says("there is no metric \"service.api.requests_dropped_percent\"");
    done.says("the scenario has no service \"api\"");
}

#[test]
fn results_are_replaced_only_with_force_and_foreign_folders_never() {
    let desk = Desk::with(SMALL);
    desk.ok("run small.toml --charts none");
    desk.run("run small.toml --charts none").ends_with(2).says("--force");
    desk.ok("run small.toml --charts none --force --seed 8");
    assert!(desk.read("output/small/manifest.json").contains("\"seed\": 8,"));
    std::fs::create_dir(desk.path("mine")).unwrap();
    desk.write("mine/letter.txt", "dear");
    desk.run("run small.toml --out mine --force").ends_with(2).says("was not written by ecsim");
    desk.write("output/small/notes.txt", "keep me");
    desk.run("run small.toml --force").ends_with(2).says("`notes.txt`");
    assert_eq!(desk.read("mine/letter.txt"), "dear");
    assert_eq!(desk.read("output/small/notes.txt"), "keep me");
    assert_eq!(desk.files("mine").names(), ["letter.txt"]);
}

#[test]
fn a_reader_that_closes_the_pipe_early_is_no_error() {
    let desk = Desk::with(SMALL);
    for arguments in [
        "--help",
        "run small.toml --charts none --quiet",
        "run small.toml --format json --charts none --quiet --force",
        "run small.toml --dry-run",
        "validate small.toml --show resolved",
        "init",
        "schema",
        "completions zsh",
        "catalog list",
        "trace generate --rate 5 --limit 20000 --duration 1m -o -",
    ] {
        let mut child = desk.command(arguments).spawn().unwrap();
        drop(child.stdout.take());
        let done = Done::of(arguments, child.wait_with_output().unwrap()).ends_with(0);
        assert_eq!(done.stderr, "", "`{arguments}`");
    }
    assert!(desk.path("output/small/manifest.json").exists(), "the run went to its end");
}

#[test]
fn a_full_standard_output_is_an_error() {
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else {
        return println!("no /dev/full here: skipped");
    };
    let desk = Desk::with(SMALL);
    for arguments in
        ["schema", "init", "completions fish", "catalog list", "run small.toml --dry-run"]
    {
        let output = desk.command(arguments).stdout(full.try_clone().unwrap()).output().unwrap();
        let done = Done::of(arguments, output).ends_with(2);
        assert!(done.stderr.contains("cannot write"), "`{arguments}`: {}", done.stderr);
    }
}

/// Sends a signal to a run in its middle; what it said, and how long it took to end.
fn interrupted_by(signal: &str, desk: &Desk) -> (Done, Duration) {
    desk.write("endless.toml", endless());
    let arguments = "run endless.toml --out results";
    let child = desk.command(arguments).spawn().unwrap();
    let begun = Instant::now();
    while !desk.names().iter().any(|name| name.starts_with(".ecsim-results-")) {
        assert!(begun.elapsed() < Duration::from_secs(20), "the run does not begin");
        std::thread::sleep(Duration::from_millis(5));
    }
    let sent = Instant::now();
    Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    (Done::of(arguments, output), sent.elapsed())
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_ends_with_130_soon_and_leaves_nothing() {
    for signal in ["-INT", "-TERM"] {
        let desk = Desk::new();
        let (done, took) = interrupted_by(signal, &desk);
        let done = done.ends_with(130).says("interrupted; nothing was written");
        assert!(took < Duration::from_secs(5), "{signal} took {took:?}");
        assert_eq!(done.stdout, "");
        assert_eq!(desk.names(), ["endless.toml"]);
    }
}

/// One event is a minute of ten thousand requests a second, which two tasks cannot keep up with.
const HEAVY: &str = r#"
[simulation]
name = "heavy"
duration = "30d"
[[task_definition]]
family = "api"
cpu = 512
memory = "1 GiB"
network_mode = "awsvpc"
[[service]]
name = "api"
task_definition = "api"
launch_type = "FARGATE"
desired_count = 2
[service.traffic]
cpu_ms_per_request = 5
timeout = "60s"
fidelity = "requests"
generate = { per_second = 10000 }
"#;

#[cfg(unix)]
#[test]
fn a_signal_is_heard_within_a_second_also_where_single_events_are_heavy() {
    let desk = Desk::new();
    desk.write("heavy.toml", HEAVY);
    desk.ok("validate heavy.toml");
    let child = desk.command("run heavy.toml --out results --charts none").spawn().unwrap();
    while !desk.names().iter().any(|name| name.starts_with(".ecsim-results-")) {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(1_500));
    let sent = Instant::now();
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let done = Done::of("run heavy.toml", child.wait_with_output().unwrap());
    let took = sent.elapsed();
    done.ends_with(130).says("interrupted; nothing was written");
    // A busy machine may take its time to end a process.
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert_eq!(desk.names(), ["heavy.toml"]);
}

#[cfg(unix)]
#[test]
fn of_several_seeds_those_that_had_ended_survive_an_interruption() {
    let desk = Desk::with(&SMALL.replace("until = \"2h\"", "until = \"20d\""));
    let several = "run small.toml --out results --charts none --replications 100000 --threads 1";
    let child = desk.command(several).spawn().unwrap();
    let begun = Instant::now();
    let is_second = |name: &str| {
        name.starts_with(".ecsim-results-")
            && std::fs::read_dir(desk.path(name)).is_ok_and(|d| d.count() > 2)
    };
    while !desk.names().iter().any(|name| is_second(name)) {
        assert!(begun.elapsed() < Duration::from_secs(60), "no seed ends");
        std::thread::sleep(Duration::from_millis(5));
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let done = Done::of(several, child.wait_with_output().unwrap()).ends_with(130);
    done.says(" of 100000 seeds had ended and were written");
    assert!(desk.read("results/manifest.json").contains("\"outcome\": \"interrupted\""));
    let results = desk.files("results");
    let folders = results.names();
    assert!(folders.iter().any(|name| name.ends_with("/summary.csv")), "{folders:?}");
    assert_eq!(ecsim::report::manifest::Manifest::verify(&desk.path("results")), Ok(vec![]));
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_leaves_the_old_results_as_they_were() {
    let desk = Desk::with(SMALL);
    desk.ok("run small.toml --out results");
    let before = desk.files("results");
    desk.write("endless.toml", endless());
    let child = desk.command("run endless.toml --out results --force").spawn().unwrap();
    while desk.names().len() < 4 {
        std::thread::sleep(Duration::from_millis(5));
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    Done::of("run --force", child.wait_with_output().unwrap()).ends_with(130);
    before.are_same_as(&desk.files("results"), "after the interruption");
    assert_eq!(desk.names(), ["endless.toml", "results", "small.toml"]);
}

#[test]
fn every_shell_gets_a_completion_script_that_knows_the_verbs() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = desk.ok(&format!("completions {shell}")).stdout;
        assert!(VERBS.iter().all(|verb| script.contains(verb)), "{shell}: {script}");
    }
}

#[test]
fn every_template_of_init_is_valid_as_it_is() {
    let desk = Desk::new();
    let list = desk.ok("init --list").stdout;
    assert!(list.lines().count() >= 3);
    for line in list.lines() {
        let name = line.split_whitespace().next().unwrap();
        let text = desk.ok(&format!("init {name}")).stdout;
        assert!(text.contains(&format!("\nname = \"my-{name}\"\n")), "results of its own: {text}");
        desk.write("new.toml", text);
        desk.ok("validate new.toml");
        desk.ok("run new.toml --dry-run");
    }
    assert_eq!(desk.ok("init batch").stdout, desk.ok("init").stdout);
}

#[test]
fn the_resolved_scenario_runs_to_the_same_bytes() {
    let desk = Desk::with(SMALL);
    desk.write("resolved.toml", desk.ok("validate small.toml --show resolved").stdout);
    desk.ok("run small.toml --out a");
    desk.ok("run resolved.toml --out b");
    desk.files("a").are_same_as(&desk.files("b"), "resolved");
}

#[test]
fn validate_shows_every_error_with_its_place_and_as_json() {
    let wrong = SMALL.replace("cpu = 512", "cpus = 512").replace("m5.large", "m5.lrge");
    let desk = Desk::with(&wrong);
    let done = desk.run("validate small.toml").ends_with(2);
    assert!(done.stderr.contains("small.toml:8:1"), "{}", done.stderr);
    assert!(done.stderr.contains("small.toml:14:19"), "{}", done.stderr);
    let json = desk.run("validate small.toml --format json").ends_with(2).stdout;
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["schema"], "ecsim/1");
    assert_eq!(value["errors"].as_array().unwrap().len(), 2, "{json}");
}

#[test]
fn a_trace_that_is_wrong_in_its_middle_ends_with_2_and_leaves_nothing() {
    let (head, _) = SMALL.split_once("generate").unwrap();
    let desk = Desk::with(&format!("{head}trace = \"jobs.csv\"\n"));
    desk.write("jobs.csv", "arrival_s,cpu,memory_mib,duration_s\n0,256,512,9\n1,256,NaN,9\n");
    let done = desk.run("run small.toml").ends_with(2);
    assert!(done.stderr.contains("jobs.csv:3:7"), "{}", done.stderr);
    assert!(!desk.path("output").exists(), "nothing is left");
}

#[test]
fn check_compares_all_books_and_changes_nothing() {
    let desk = Desk::with(SMALL);
    desk.ok("run small.toml --out a");
    desk.ok("run small.toml --out b --check");
    desk.files("a").are_same_as(&desk.files("b"), "checked");
}
