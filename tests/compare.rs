//! `ecsim compare` as a program: what it prints and writes, as a gate, from finished folders, and what it refuses.

use crate::support::program::{Desk, Done, SMALL};
use std::process::Command;
use std::time::{Duration, Instant};

const SPREAD: &str = r#"run_task.jobs.placement_strategy=[{ type = "spread", field = "instanceId" }],[{ type = "binpack", field = "memory" }]"#;
const FLEETS: &str = "--vary capacity_provider.general.desired_capacity=3,4,6";

/// The program with arguments split at blanks, then others that hold blanks.
fn run(desk: &Desk, arguments: &str, more: &[&str]) -> Done {
    let mut command = desk.command(arguments);
    command.args(more);
    Done::of(&format!("{arguments} {more:?}"), command.output().unwrap())
}

/// Two scenarios of one work: three instances, and four.
fn two() -> Desk {
    let desk = Desk::with(SMALL);
    let larger = SMALL.replace("\"small\"", "\"larger\"");
    desk.write("larger.toml", larger.replace("desired_capacity = 3", "desired_capacity = 4"));
    desk
}

/// The cells of a row of `compare.csv` by column.
fn row(csv: &str, variant: &str, metric: &str) -> std::collections::BTreeMap<String, String> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header: Vec<String> = reader.headers().unwrap().iter().map(String::from).collect();
    let rows = reader.records().map(Result::unwrap);
    let found = rows.filter(|row| &row[0] == variant && &row[1] == metric).collect::<Vec<_>>();
    assert_eq!(found.len(), 1, "{variant} {metric} in {csv}");
    header.into_iter().zip(found[0].iter().map(String::from)).collect()
}

#[test]
fn two_scenarios_are_one_table_and_a_folder() {
    let desk = two();
    let done = desk.ok("compare small.toml larger.toml --replications 3 --charts none");
    let shown =
        "compare small.toml larger.toml --replications 3 --charts none --out shown --metrics ";
    let shown = desk.ok(&format!("{shown}total_usd,wait_s_p95,packing_efficiency_percent")).stdout;
    let words: Vec<String> =
        shown.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        words,
        [
            "mean difference relative correlation p (Holm) verdict",
            "total_usd",
            "small $0.78 ± $0.28 base, best",
            "larger $1.05 ± $0.38 +$0.261 ± $0.094 +33.3 % 1.000 0.014 worse",
            "wait_s_p95",
            "small 59 s ± 1 m 52 s base",
            "larger 0 s in all -59 s ± 1 m 52 s -100.0 % 0.153 may be chance, best",
            "packing_efficiency_percent, %",
            "small 70.7 ± 23.6 base, best",
            "larger 54.3 ± 19.3 -16.4 ± 4.4 -23.2 % 0.999 0.011 worse",
            "",
            "3 seeds; ± is half of a 95 % interval; differences are to small, paired by seed.",
            "Better, worse and differs hold at 95 % over 3 tests, corrected by Holm.",
            "\"In all\": every seed gives the same value; there is no interval.",
        ]
    );
    assert_eq!(done.stderr.lines().last(), Some("wrote output/compare-small"));
    let files = desk.files("output/compare-small");
    assert_eq!(
        files.names(),
        [
            "compare.csv",
            "compare_runs.csv",
            "manifest.json",
            "scenarios/variant-1.toml",
            "scenarios/variant-2.toml"
        ]
    );
    // The mean and the difference are those of three runs by themselves.
    let usd = |scenario: &str, seed: u64| -> f64 {
        let run = format!("run {scenario}.toml --seed {seed} --charts none --force --quiet");
        desk.ok(&run);
        let summary = desk.read(&format!("output/{scenario}/summary.json"));
        let value: serde_json::Value = serde_json::from_str(&summary).unwrap();
        value["metrics"]["total_usd"]["value"].as_f64().unwrap()
    };
    let [small, larger] = ["small", "larger"].map(|name| [7, 8, 9].map(|seed| usd(name, seed)));
    let found = row(files.text("compare.csv"), "larger", "total_usd");
    let number = |name: &str| found[name].parse::<f64>().unwrap();
    assert!((number("mean") - larger.iter().sum::<f64>() / 3.0).abs() < 1e-8);
    let differences = [0, 1, 2].map(|at| larger[at] - small[at]);
    let mean = differences.iter().sum::<f64>() / 3.0;
    assert!((number("difference") - mean).abs() < 1e-8, "{found:?}");
    // Half of the interval: t of two degrees by the deviation of the three differences.
    let squares = differences.iter().map(|d| (d - mean) * (d - mean)).sum::<f64>();
    let half = 4.302_652_73 * (squares / 2.0 / 3.0).sqrt();
    assert!((number("difference_half_width") - half).abs() < 1e-7, "{found:?}");
}

#[test]
fn variants_of_one_scenario_are_every_combination_with_the_first_as_base() {
    let desk = Desk::with(SMALL);
    let two_keys = "compare small.toml --replications 2 --charts none --format json --quiet \
                    --vary capacity_provider.general.desired_capacity=3,4 \
                    --vary task_definition.job.cpu=512,256 --metrics total_usd";
    let value: serde_json::Value = serde_json::from_str(&desk.ok(two_keys).stdout).unwrap();
    let names: Vec<&str> = value["metrics"][0]["variants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|variant| variant["variant"].as_str().unwrap())
        .collect();
    let of = |capacity: u32, cpu: u32| {
        format!("desired_capacity={capacity}, cpu={cpu}") // the last of each path, since they differ
    };
    assert_eq!(names, [of(3, 512), of(3, 256), of(4, 512), of(4, 256)]);
    assert_eq!(value["base"], names[0]);
    assert_eq!(value["schema"], "ecsim/1");
    // Values with commas and blanks of their own.
    let done =
        run(&desk, "compare small.toml --out s --charts none --vary", &[SPREAD]).ends_with(0);
    assert!(done.stderr.contains("ran 2 variants under 10 seeds"), "{}", done.stderr);
    let name = &SPREAD["run_task.jobs.".len()..SPREAD.find(",[").unwrap()];
    assert!(desk.read("s/compare_runs.csv").contains(&name.replace('"', "\"\"")));
}

#[test]
fn one_thread_and_two_write_the_same_bytes() {
    let desk = Desk::with(SMALL);
    let compare = format!("compare small.toml {FLEETS} --replications 4");
    let one = desk.ok(&format!("{compare} --threads 1 --out one"));
    let two = desk.ok(&format!("{compare} --threads 2 --out two"));
    desk.files("one").are_same_as(&desk.files("two"), "threads");
    assert_eq!(one.stdout, two.stdout);
}

#[test]
fn what_seeds_do_not_touch_is_said_exactly_and_has_no_interval() {
    let desk = Desk::with(SMALL);
    let arguments = format!("compare small.toml {FLEETS} --metrics instances,tasks_submitted");
    let done = desk.ok(&format!("{arguments} --replications 3 --charts none"));
    assert!(done.stdout.contains("3.000 in all"), "{}", done.stdout);
    assert!(done.stdout.contains("+1.000 in all"), "{}", done.stdout);
    assert!(done.stdout.contains("\"In all\": every seed gives the same value"));
    let csv = desk.read("output/compare-small/compare.csv");
    let name = "desired_capacity=4";
    let found = row(&csv, name, "instances");
    let cell = |column: &str| found[column].as_str();
    assert_eq!(
        [cell("mean"), cell("half_width"), cell("difference")],
        ["4.000000000", "", "1.000000000"]
    );
    assert_eq!([cell("p_value"), cell("is_significant"), cell("is_best")], ["", "true", "false"]);
    // The same tasks arrive whatever the fleet is: common random numbers.
    let found = row(&csv, name, "tasks_submitted");
    assert_eq!(
        (found["difference"].as_str(), found["is_significant"].as_str()),
        ("0.000000000", "false")
    );
    assert_ne!(found["half_width"], "", "seeds do move the number of tasks");
    assert_eq!(found["correlation"], "1.000000000");
}

#[test]
fn one_replication_has_no_interval_and_says_so() {
    let desk = Desk::with(SMALL);
    let done = desk.ok(&format!("compare small.toml {FLEETS} --replications 1 --charts none"));
    assert!(done.stderr.contains("note: one replication: "), "{}", done.stderr);
    assert!(done.stdout.contains("One seed: differences to ") && !done.stdout.contains('±'));
    let csv = desk.read("output/compare-small/compare.csv");
    let found = row(&csv, "desired_capacity=4", "total_usd");
    assert_eq!(
        (found["difference_half_width"].as_str(), found["is_significant"].as_str()),
        ("", "")
    );
    assert_ne!(found["difference"], "");
}

#[test]
fn the_gate_ends_with_0_1_and_2() {
    let desk = two();
    let gate = |limit: &str| {
        let arguments =
            "compare small.toml larger.toml --replications 3 --charts none --force --expect";
        run(&desk, arguments, &[limit])
    };
    // Four instances of the same type and life cost about a third more than three.
    gate("total_usd<=+50%").ends_with(0);
    let dearer = gate("total_usd<=+5%").ends_with(1);
    let says = "expectation failed: --expect total_usd<=+5%: larger: total_usd is ";
    assert!(dearer.stderr.lines().last().unwrap().starts_with(says), "{}", dearer.stderr);
    assert!(desk.read("output/compare-small/manifest.json").contains("expectation_failed"));
    gate("instances<=+1").ends_with(0);
    gate("instances<=+0.9").ends_with(1).says("instances is 0.1 above the limit");
    // Absolute: the base is judged, too.
    gate("instances>=4").ends_with(1).says(": small: instances is 1 below the limit");
    gate("total_uds<=+5%").ends_with(2).says("did you mean \"total_usd\"?");
    gate("total_usd<=5%").ends_with(2).says("against the base");
}

#[test]
fn expectations_of_the_scenarios_are_on_the_mean_of_the_seeds() {
    let desk = Desk::new();
    let expecting = |limit: &str| format!("{SMALL}\n[[expect]]\nmetric = \"instances\"\n{limit}\n");
    desk.write("small.toml", expecting("at_most = 3"));
    let compare = |desk: &Desk| {
        desk.run(&format!("compare small.toml {FLEETS} --replications 2 --charts none --force"))
    };
    let done = compare(&desk).ends_with(1);
    let says =
        "desired_capacity=4: instances is 4.000000 as the mean of 2 seeds, expected at most 3";
    assert!(done.stderr.contains(says) && done.stderr.contains("expectation failed: small.toml:"));
    assert!(!done.stderr.contains("desired_capacity=3: instances"), "{}", done.stderr);
    desk.write("small.toml", expecting("at_most = 6"));
    compare(&desk).ends_with(0);
    desk.write("small.toml", expecting("at_most = 6").replace("\"instances\"", "\"instanzes\""));
    compare(&desk).ends_with(2).says("did you mean \"instances\"?");
}

#[test]
fn finished_folders_are_compared_as_runs_are() {
    let desk = two();
    for (scenario, folder) in [("small", "main"), ("larger", "pr")] {
        let run =
            format!("run {scenario}.toml --out {folder} --seed 7 --replications 3 --charts none");
        desk.ok(&run);
    }
    let names_off = |text: &str| text.replace("main", "small").replace("pr", "larger");
    let folders = desk.ok("compare --base main --head pr --format json");
    let again = "compare small.toml larger.toml --replications 3 --charts none --format json";
    let runs = desk.ok(again);
    let [of_folders, of_runs]: [serde_json::Value; 2] =
        [&folders.stdout, &runs.stdout].map(|text| serde_json::from_str(text).unwrap());
    let (found, expected) = (of_folders["metrics"].to_string(), of_runs["metrics"].to_string());
    assert_eq!(names_off(&found).replace("clargerec", "cprec"), expected.clone());
    // Nothing is written unless a folder is named.
    assert_eq!(desk.names(), ["larger.toml", "main", "output", "pr", "small.toml"]);
    let markdown =
        desk.ok("compare --base main --head pr --format markdown --out diff --charts none").stdout;
    assert!(markdown.starts_with("| metric | variant | mean | difference | "), "{markdown}");
    assert_eq!(desk.files("diff").names(), ["compare.csv", "compare_runs.csv", "manifest.json"]);
    run(&desk, "compare --base main --head pr --expect", &["instances<=+0%"]).ends_with(1);
    // One seed against several: paired where both have it.
    desk.ok("run larger.toml --out one --seed 8 --charts none");
    let done = desk.ok("compare --base main --head one --metrics total_usd");
    assert!(done.stdout.contains("1 to 3 seeds"), "{}", done.stdout);
    desk.ok("run larger.toml --out other --seed 99 --charts none");
    desk.ok("compare --base main --head other").says("no seed in common");
}

#[test]
fn folders_that_are_not_of_run_are_refused() {
    let desk = Desk::with(SMALL);
    desk.ok("run small.toml --out main --charts none");
    std::fs::create_dir(desk.path("mine")).unwrap();
    desk.write("mine/metrics.csv", "metric,value,unit\ntotal_usd,1,USD\n");
    for (arguments, says) in [
        (
            "compare --base main --head mine",
            "`mine` is no output folder of `ecsim run`: it holds no",
        ),
        ("compare --base absent --head main", "`absent` is no output folder"),
        ("compare --base main --head main", "the folder `main` is named twice"),
        ("compare --base main --head ./main", "named twice"),
        ("compare --base main", "--head"),
        ("compare --head main", "--base"),
        ("compare small.toml --base main --head mine", "cannot be used with"),
    ] {
        desk.run(arguments).ends_with(2).says(says);
    }
    desk.ok("run small.toml --out edited --charts none");
    desk.write("edited/metrics.csv", "metric,value,unit\ntotal_usd,1,USD\n");
    desk.run("compare --base main --head edited").ends_with(2).says("was changed or removed since");
    desk.ok(&format!("compare small.toml {FLEETS} --replications 2 --out c --charts none"));
    desk.run("compare --base main --head c")
        .ends_with(2)
        .says("its manifest lists no `metrics.csv`");
}

#[test]
fn bad_usage_says_what_is_wrong_and_what_to_do() {
    let desk = two();
    desk.write("again.toml", SMALL);
    let fleet = "capacity_provider.general.desired_capacity";
    for (arguments, says) in [
        ("compare", "SCENARIO"),
        ("compare small.toml", "one scenario is nothing to compare"),
        ("compare small.toml small.toml", "the scenario `small.toml` is named twice"),
        ("compare small.toml ./small.toml", "named twice"),
        ("compare small.toml again.toml", "are the same scenario"),
        (
            "compare small.toml larger.toml --vary simulation.seed=1,2",
            "--vary makes the variants of one",
        ),
        (&format!("compare small.toml --vary {fleet}=3"), "is one variant"),
        (&format!("compare small.toml --vary {fleet}=3,3"), "are the same scenario"),
        (&format!("compare small.toml --vary {fleet}=3, --quiet"), "without an empty one"),
        (&format!("compare small.toml --vary {fleet}"), "expected KEY=VALUE"),
        (&format!("compare small.toml --vary {fleet}=3,4 --vary {fleet}=5,6"), "is given twice"),
        (
            "compare small.toml --vary capacity_provider.general.desired_capacty=3,4",
            "desired_capacity",
        ),
        ("compare small.toml --vary capacity_provider.general.desired_capacty=3,4", "--vary:1:"),
        ("compare small.toml --set simulation.sed=4 --vary simulation.seed=1,2", "--set:1:"),
        ("compare - --vary simulation.seed=1,2", "not standard input"),
        (
            &format!("compare small.toml {FLEETS} --metrics total_uds"),
            "did you mean \"total_usd\"?",
        ),
        (&format!("compare small.toml {FLEETS} --metrics wait*z"), "there is no metric \"wait*z\""),
        (&format!("compare small.toml {FLEETS} --confidence 100"), "from 50 to 99.9999"),
        (&format!("compare small.toml {FLEETS} --expect total_usd"), "expected METRIC<=LIMIT"),
        (&format!("compare small.toml {FLEETS} --replications 0"), "0"),
        ("compare small.toml absent.toml", "absent.toml"),
    ] {
        let done = desk.run(arguments).ends_with(2).says(says);
        assert_eq!(done.stdout, "", "`{arguments}` has no results");
    }
    let many: Vec<String> = (1..=201).map(|count| count.to_string()).collect();
    let many = format!("compare small.toml --vary {fleet}={}", many.join(","));
    desk.run(&many).ends_with(2).says("201 variants are too many");
    // Which metrics there are is known when the runs have ended; nothing is left of them.
    assert_eq!(desk.names(), ["again.toml", "larger.toml", "small.toml"]);
}

#[test]
fn a_folder_that_is_not_ours_is_never_touched() {
    let desk = Desk::with(SMALL);
    std::fs::create_dir(desk.path("mine")).unwrap();
    desk.write("mine/letter.txt", "dear");
    let compare = format!("compare small.toml {FLEETS} --replications 2 --out mine --force");
    desk.run(&compare).ends_with(2).says("mine`: it exists and was not written by ecsim");
    assert_eq!(desk.files("mine").names(), ["letter.txt"]);
}

#[cfg(unix)]
#[test]
fn an_interrupted_comparison_ends_with_130_and_leaves_nothing() {
    let desk = Desk::new();
    let endless =
        SMALL.replace("per_second = 0.03, until = \"2h\"", "per_second = 1, until = \"3650d\"");
    desk.write("endless.toml", endless);
    let arguments = format!("compare endless.toml {FLEETS} --out results");
    let child = desk.command(&arguments).spawn().unwrap();
    let begun = Instant::now();
    while !desk.names().iter().any(|name| name.starts_with(".ecsim-results-")) {
        assert!(begun.elapsed() < Duration::from_secs(20), "the comparison does not begin");
        std::thread::sleep(Duration::from_millis(5));
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let done = Done::of(&arguments, child.wait_with_output().unwrap());
    done.ends_with(130).says("interrupted; nothing was written");
    assert_eq!(desk.names(), ["endless.toml"]);
}

/// A sweep of two axes over `small.toml`, by `text` in place of its seeds.
fn sweep_of(seeds: &str) -> String {
    format!(
        "[sweep]\nscenario = \"small.toml\"\nmetrics = [\"total_usd\", \"wait_s_mean\"]\n{seeds}\n\
         [[axis]]\nname = \"strategy\"\n[axis.variants.packed]\n\
         \"run_task.jobs.placement_strategy\" = [{{ type = \"binpack\", field = \"memory\" }}]\n\
         [axis.variants.spread]\n\
         \"run_task.jobs.placement_strategy\" = [{{ type = \"spread\", field = \"instanceId\" }}]\n"
    )
}

#[test]
fn the_settings_of_a_sweep_are_variants_with_names_of_ones_own() {
    let desk = Desk::with(SMALL);
    desk.write("grid.toml", sweep_of("seeds = 4"));
    let done = desk.ok("compare grid.toml --charts none");
    assert!(done.stderr.contains("ran 2 variants under 4 seeds"), "{}", done.stderr);
    let metrics: Vec<&str> =
        done.stdout.lines().filter(|line| line.starts_with(" total")).collect();
    assert_eq!(metrics.len(), 1, "{}", done.stdout);
    // The same by --vary, but for the names.
    let both = run(
        &desk,
        "compare small.toml --replications 4 --charts none --quiet --metrics total_usd --out vary --vary",
        &[&{
            let (key, values) = SPREAD.split_once('=').unwrap();
            let (spread, packed) = values.split_once("],[").unwrap();
            format!("{key}=[{packed},{spread}]")
        }],
    );
    assert_eq!(both.code, Some(0), "{}", both.stderr);
    let (of_sweep, of_vary) =
        (desk.read("output/compare-small/compare.csv"), desk.read("vary/compare.csv"));
    let packed = row(&of_sweep, "packed", "total_usd");
    let by_key =
        of_vary.lines().find(|line| line.contains("binpack") && line.contains(",total_usd,"));
    assert!(by_key.unwrap().contains(&packed["mean"]), "{by_key:?} {packed:?}");
    let spread = row(&of_sweep, "spread", "total_usd");
    assert_eq!(spread["replications"], "4");
    // What the command line says goes before what the file says.
    let done =
        desk.ok("compare grid.toml --charts none --force --replications 3 --metrics wait_s_p95");
    assert!(done.stderr.contains("under 3 seeds") && done.stdout.contains("wait_s_p95"));
    assert!(!done.stdout.contains("total_usd"), "{}", done.stdout);
    // Two axes name their variants by both.
    let two = sweep_of("")
        + "[[axis]]\nname = \"fleet\"\nkey = \"capacity_provider.general.desired_capacity\"\nvalues = [3, 4]\n";
    desk.write("two.toml", two);
    let done = desk.ok("compare two.toml --charts none --force --replications 2");
    assert!(done.stdout.contains("strategy=packed, fleet=4"), "{}", done.stdout);
}

#[test]
fn what_cannot_be_compared_of_a_sweep_is_refused_before_anything_is_run() {
    let desk = Desk::with(SMALL);
    desk.write("odd.toml", sweep_of("seeds = [1, 5]"));
    let done = desk.run("compare odd.toml --charts none").ends_with(2);
    done.says("the seeds of odd.toml do not follow each other").says("--replications 10");
    desk.write("list.toml", sweep_of("seeds = [5, 6, 7]"));
    let done = desk.ok("compare list.toml --charts none");
    assert!(done.stderr.contains("under 3 seeds"), "{}", done.stderr);
    assert!(desk.read("output/compare-small/compare_runs.csv").contains(",7,"));
    let vary = "compare list.toml --vary run_task.jobs.tasks_per_call=1,2 --charts none";
    desk.run(vary).ends_with(2).says("list.toml is a sweep").says("give it another `[[axis]]`");
    let one = "[sweep]\nscenario = \"small.toml\"\n[[axis]]\nname = \"a\"\nkey = \"simulation.seed\"\nvalues = [3]\n";
    desk.write("one.toml", one);
    desk.run("compare one.toml").ends_with(2).says("one settings: there is nothing to compare");
    desk.write("wrong.toml", sweep_of("seeds = 2").replace("spread\", field", "spred\", field"));
    desk.run("compare wrong.toml").ends_with(2).says("spred");
}

/// A mistyped metric is refused at once, not after an hour of runs: nothing is run, and no folder is made.
#[test]
fn metrics_that_nobody_has_are_refused_before_anything_is_run() {
    let desk = two();
    for (asked, says) in [
        ("--metrics total_use", "--metrics: there is no metric \"total_use\""),
        ("--expect total_use<=5", "there is no metric \"total_use\""),
    ] {
        let done =
            desk.run(&format!("compare small.toml larger.toml {asked}")).ends_with(2).says(says);
        let done = done.says("did you mean \"total_usd\"?").stderr;
        assert!(!done.contains("ran 2 variants"), "{done}");
        assert!(!desk.path("output").exists(), "{asked}");
    }
}

#[test]
fn a_replication_may_be_a_seed_and_its_mirror_image() {
    let desk = two();
    let done = desk.ok("compare small.toml larger.toml --replications 3 --charts none --antithetic --metrics total_usd");
    assert!(
        done.stderr.contains("ran 2 variants under 3 seeds and their mirror images"),
        "{}",
        done.stderr
    );
    assert!(done.stderr.contains("arrivals and failures are the same"), "{}", done.stderr);
    let csv = desk.read("output/compare-small/compare_runs.csv");
    let usd = |seed: u64| -> f64 {
        desk.ok(&format!("run small.toml --seed {seed} --charts none --force --quiet"));
        let value: serde_json::Value =
            serde_json::from_str(&desk.read("output/small/summary.json")).unwrap();
        value["metrics"]["total_usd"]["value"].as_f64().unwrap()
    };
    let first: u64 = csv.lines().nth(1).unwrap().split(',').nth(1).unwrap().parse().unwrap();
    let (one, image) = (usd(first), usd(first + (1 << 63)));
    assert_ne!(one, image);
    let row =
        csv.lines().find(|line| line.starts_with(&format!("small,{first},total_usd,"))).unwrap();
    let mean: f64 = row.rsplit(',').next().unwrap().parse().unwrap();
    assert!((mean - (one + image) / 2.0).abs() < 1e-8, "{row} {one} {image}");
}
