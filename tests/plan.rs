//! `ecsim plan` as a program: its answer and folder, budgets, what cannot be kept, and what it refuses.

use crate::support::program::{Desk, Done, SMALL};

const FLEETS: &str = "plan small.toml --choose capacity_provider.general.desired_capacity=1..8";
const WAITS: &str = "--expect wait_s_p95<=60";

/// The rows of a table by column.
fn rows(csv: &str) -> Vec<std::collections::BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header: Vec<String> = reader.headers().unwrap().iter().map(String::from).collect();
    let rows = reader.records().map(Result::unwrap);
    rows.map(|row| header.iter().cloned().zip(row.iter().map(String::from)).collect()).collect()
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or_else(|_| panic!("{text:?}"))
}

#[test]
fn the_cheapest_fleet_that_keeps_the_limit_is_found_told_and_can_be_run() {
    let desk = Desk::with(SMALL);
    let done = desk.ok(&format!("{FLEETS} {WAITS}"));
    let files = desk.files("output/plan-small");
    assert_eq!(
        files.names(),
        ["answer.toml", "charts/plan.svg", "manifest.json", "plan.csv", "plan_metrics.csv"]
    );
    let table = rows(files.text("plan.csv"));
    assert_eq!(table.len(), 8);
    let best: Vec<_> = table.iter().filter(|row| row["verdict"] == "best").collect();
    assert_eq!(best.len(), 1, "{table:?}");
    let best = best[0];
    assert_eq!(best["settings"], "desired_capacity=4");
    // Fewer instances are cheaper and miss the limit or are not shown to keep it; more keep it and cost more.
    for row in &table {
        let count = number(&row["candidate"]);
        let lost = row["verdict"].as_str();
        match count {
            n if n < 4.0 => {
                assert!(["misses", "misses_by_bound", "not_shown"].contains(&lost), "{row:?}")
            }
            n if n > 4.0 => assert!(["not_cheaper", "above_by_bound"].contains(&lost), "{row:?}"),
            _ => {}
        }
        if !row["usd"].is_empty() {
            assert!(number(&row["bound_usd"]) <= number(&row["usd"]), "{row:?}");
        }
    }
    assert!(done.stdout.contains("costs $"), "{}", done.stdout);
    assert!(
        done.stdout.contains("wait_s_p95 binds: without it desired_capacity="),
        "{}",
        done.stdout
    );
    assert!(
        done.stdout.contains("the full grid of 8 settings × 20 seeds has 160."),
        "{}",
        done.stdout
    );

    // The fresh seeds are the 20 after the 20 of the race: the answer, run by itself, costs and waits as the plan says.
    let answer = "run output/plan-small/answer.toml --seed 27 --replications 20 --charts none --out own --quiet";
    let own = desk.run(answer);
    assert!(own.code == Some(0) || own.code == Some(1), "{}", own.stderr);
    let seeds = rows(&desk.read("own/seeds.csv"));
    let of =
        |metric: &str| seeds.iter().find(|row| row["metric"] == metric).unwrap()["mean"].clone();
    assert!((number(&of("total_usd")) - number(&best["usd"])).abs() < 1e-6);
    let metrics = rows(files.text("plan_metrics.csv"));
    let waits = metrics.iter().find(|row| row["candidate"] == "4" && row["metric"] == "wait_s_p95");
    let waits = waits.unwrap();
    assert_eq!((waits["kept"].as_str(), number(&waits["at_most"])), ("yes", 60.0));
    assert!((number(&of("wait_s_p95")) - number(&waits["mean"])).abs() < 1e-6);
}

#[test]
fn one_thread_and_two_write_the_same_bytes_and_the_same_words() {
    let desk = Desk::with(SMALL);
    let both = "--choose task_definition.job.cpu=256,512";
    let one = desk.ok(&format!("{FLEETS} {both} {WAITS} --threads 1 --out one"));
    let two = desk.ok(&format!("{FLEETS} {both} {WAITS} --threads 2 --out two"));
    desk.files("one").are_same_as(&desk.files("two"), "threads");
    assert_eq!(one.stdout, two.stdout);
}

#[test]
fn paths_of_the_answer_lead_to_the_files_of_the_original() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("in")).unwrap();
    let rows: String = (0..200).map(|at| format!("{},512,1024,300\n", at * 30)).collect();
    desk.write("in/jobs.csv", format!("arrival_s,cpu,memory_mib,duration_s\n{rows}"));
    let from = SMALL.find("generate = ").unwrap();
    desk.write("in/small.toml", format!("{}trace = \"jobs.csv\"\n", &SMALL[..from]));
    let choose = "plan in/small.toml --choose capacity_provider.general.desired_capacity=1..6";
    let done = desk.ok(&format!("{choose} --expect wait_s_p95<=30 --format json --charts none"));
    let value: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(value["schema"], "ecsim/1");
    let answer = value["answer"].as_u64().unwrap() as usize;
    assert_eq!(value["candidates"][answer]["verdict"], "best");
    // Nothing is random in it: the answer alone keeps the limit in every run.
    desk.ok("run output/plan-small/answer.toml --quiet --charts none --out own");
}

#[test]
fn where_nothing_keeps_the_limit_the_nearest_is_said_with_exit_code_1() {
    let desk = Desk::with(SMALL);
    let few = "plan small.toml --choose capacity_provider.general.desired_capacity=1,2";
    let done = desk.run(&format!("{few} {WAITS} --charts none")).ends_with(1);
    assert!(
        done.stdout.contains("none of 2 settings is shown to keep the limit"),
        "{}",
        done.stdout
    );
    assert!(done.stdout.contains("Nearest: desired_capacity=2 with wait_s_p95"), "{}", done.stdout);
    assert!(
        done.stderr.ends_with("none of 2 settings is shown to keep the limits\n"),
        "{}",
        done.stderr
    );
    let files = desk.files("output/plan-small");
    assert_eq!(files.names(), ["manifest.json", "plan.csv", "plan_metrics.csv"]);
    assert!(files.text("manifest.json").contains("expectation_failed"));
}

#[test]
fn a_budget_of_runs_is_kept_and_one_of_time_says_that_it_may_differ() {
    let desk = Desk::with(SMALL);
    let done: Done = desk.run(&format!("{FLEETS} {WAITS} --budget 20 --charts none"));
    assert!(done.stdout.contains("The budget was spent with"), "{}", done.stdout);
    let runs: usize = rows(&desk.read("output/plan-small/plan.csv"))
        .iter()
        .map(|row| (number(&row["seeds"]) + number(&row["fresh_seeds"])) as usize)
        .sum();
    assert!(runs <= 20, "{runs}");
    // A second is enough for a few of these, or for all.
    let done = desk.run(&format!("{FLEETS} {WAITS} --budget 1s --charts none --out timed"));
    let is_whole = done.stdout.contains("costs $") && !done.stdout.contains("The time was over");
    let says = done.stdout.contains("a repetition may come to another answer");
    assert!(is_whole || says, "{}", done.stdout);
}

#[test]
fn work_that_is_left_undone_is_warned_of() {
    let desk = Desk::with(&SMALL.replace("\"queue\"", "\"give_up\""));
    let done = desk.ok(&format!("{FLEETS} --expect wait_s_p95<=60 --charts none"));
    assert!(
        done.stderr.contains("tasks are refused in the mean, and no limit speaks of them"),
        "{}",
        done.stderr
    );
}

#[test]
fn what_cannot_be_planned_is_refused() {
    let desk = Desk::with(SMALL);
    let with_limit = |rest: &str| format!("plan small.toml {WAITS} {rest}");
    let fleet = "--choose capacity_provider.general.desired_capacity";
    for (arguments, text) in [
        (format!("plan small.toml {fleet}=1..3"), "there is no limit to keep"),
        (with_limit(""), "--choose"),
        (with_limit(&format!("{fleet}=1..3 --budget 0")), "0 runs find nothing: at least 6"),
        (with_limit(&format!("{fleet}=1..3 --budget x")), "expected runs, such as 200, or time"),
        (with_limit(&format!("{fleet}=1..3 --replications 2")), "2 is not in 3..=10000"),
        (with_limit(&format!("{fleet}=")), "without an empty one"),
        (with_limit(&format!("{fleet}=3..1")), "is an empty range"),
        (with_limit(&format!("{fleet}=3")), "nothing to choose"),
        (with_limit(&format!("{fleet}=3,3")), "`3` is named twice"),
        (with_limit(&format!("{fleet}=3,4 {fleet}=5")), "is given twice"),
        (with_limit(&format!("{fleet}=1..1001")), "searched with --yes only"),
        (with_limit("--choose capacity_provider.general.desired=1,2"), "unknown key"),
        (
            with_limit(
                "--choose capacity_provider.general.instance_types=[\"m5.lorge\"],[\"m5.large\"]",
            ),
            "m5.lorge",
        ),
        (format!("plan small.toml {fleet}=1,2 --expect wait_s_p95<=+5%"), "a plan has no base"),
        (
            format!("plan small.toml {fleet}=1,2 --expect wait_p95<=5"),
            "there is no metric \"wait_p95\"",
        ),
        (with_limit(&format!("{fleet}=1,2 --against wait_p95")), "--against wait_p95"),
        (format!("plan - {WAITS} {fleet}=1,2"), "must be a file"),
        (format!("plan absent.toml {WAITS} {fleet}=1,2"), "absent.toml"),
    ] {
        desk.run(&arguments).ends_with(2).says(text);
        assert!(!desk.path("output/plan-small").exists(), "{arguments}");
    }
}
