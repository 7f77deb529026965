//! `ecsim sweep` as a program: grids, folders that go on, shards and their merge, what it refuses.

use crate::support::program::{Desk, Done, Files, SMALL};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Two axes of two points under three seeds: twelve cells of milliseconds.
const GRID: &str = r#"
[sweep]
scenario = "small.toml"
seeds = 3
metrics = ["total_usd", "wait_s_p95"]

[[axis]]
name = "size"
key = "capacity_provider.general.desired_capacity"
values = [3, 4]

[[axis]]
name = "strategy"

[axis.variants.pack]

[axis.variants.spread]
"run_task.jobs.placement_strategy" = [{ type = "spread", field = "instanceId" }]
"task_definition.job.cpu" = 500
"#;

fn desk() -> Desk {
    let desk = Desk::with(SMALL);
    desk.write("grid.toml", GRID);
    desk
}

/// The rows of a table as maps from column to cell.
fn rows(csv: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header: Vec<String> = reader.headers().unwrap().iter().map(String::from).collect();
    let rows = reader.records().map(Result::unwrap);
    rows.map(|row| header.iter().cloned().zip(row.iter().map(String::from)).collect()).collect()
}

/// The files of a sweep's folder that are cells.
fn cells(files: &Files) -> Vec<String> {
    files.0.keys().filter(|name| name.starts_with("cells/")).cloned().collect()
}

#[test]
fn a_grid_is_one_tidy_table_with_a_row_a_cell_and_seed_each_as_run_gives_it() {
    let desk = desk();
    let done = desk.ok("sweep grid.toml");
    let words: Vec<String> =
        done.stdout.lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(words[0], "size strategy total_usd wait_s_p95");
    assert!(words[1].starts_with("3 pack $0.78 ± $0.28"), "{}", words[1]);
    assert!(words[6].starts_with("3 seeds; ± is half of a 95 % interval."), "{}", words[6]);
    assert_eq!(done.stderr.lines().last(), Some("wrote output/sweep-grid"));
    let files = desk.files("output/sweep-grid");
    let others: Vec<&str> =
        files.names().into_iter().filter(|name| !name.starts_with("cells/")).collect();
    assert_eq!(
        others,
        [
            "charts/axis-size.svg",
            "charts/axis-strategy.svg",
            "charts/heat-size-strategy.svg",
            "manifest.json",
            "sweep.csv",
            "sweep.json",
            "sweep_means.csv"
        ]
    );
    let table = rows(files.text("sweep.csv"));
    // The last axis changes fastest, then come the seeds.
    let order: Vec<String> = table
        .iter()
        .map(|row| format!("{} {} {}", row["size"], row["strategy"], row["seed"]))
        .collect();
    assert_eq!(
        order[..7],
        ["3 pack 7", "3 pack 8", "3 pack 9", "3 spread 7", "3 spread 8", "3 spread 9", "4 pack 7"]
    );
    assert_eq!(table.len(), 12);
    // A row is what `run` says of the same settings and seed, metric by metric.
    let alone = "run small.toml --seed 8 --charts none --quiet --set \
                 capacity_provider.general.desired_capacity=4 --set task_definition.job.cpu=500 --set";
    let mut command = desk.command(alone);
    command.arg(r#"run_task.jobs.placement_strategy=[{type="spread",field="instanceId"}]"#);
    Done::of(alone, command.output().unwrap()).ends_with(0);
    let alone = &rows(&desk.read("output/small/summary.csv"))[0];
    let row = table
        .iter()
        .find(|row| row["size"] == "4" && row["strategy"] == "spread" && row["seed"] == "8");
    let row = row.unwrap();
    let mut compared = 0;
    for (name, value) in
        alone.iter().filter(|(name, _)| !["seed", "scenario"].contains(&name.as_str()))
    {
        if let Some(found) = row.get(name) {
            assert_eq!(found, value, "{name}");
            compared += 1;
        }
    }
    assert!(compared > 50, "{compared} metrics");
    // The mean and half of its interval, worked out from the rows.
    let usd: Vec<f64> = table[..3].iter().map(|row| row["total_usd"].parse().unwrap()).collect();
    let mean = usd.iter().sum::<f64>() / 3.0;
    let half =
        4.302_652_73 * (usd.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 2.0 / 3.0).sqrt();
    let means = &rows(files.text("sweep_means.csv"))[0];
    assert_eq!((means["metric"].as_str(), means["replications"].as_str()), ("total_usd", "3"));
    assert!((means["mean"].parse::<f64>().unwrap() - mean).abs() < 1e-8);
    assert!((means["half_width"].parse::<f64>().unwrap() - half).abs() < 1e-7);
    // The manifest has every file with its digest.
    let manifest: serde_json::Value = serde_json::from_str(files.text("manifest.json")).unwrap();
    assert_eq!(manifest["files"].as_object().unwrap().len(), files.names().len() - 1);
    assert_eq!(manifest["outcome"], "completed");
}

#[test]
fn ranges_factors_and_zips_make_the_points_that_they_say() {
    let desk = Desk::with(SMALL);
    desk.write(
        "grid.toml",
        r#"
        [sweep]
        scenario = "small.toml"
        set = { "run_task.jobs.generate.until" = "10m" }
        [[axis]]
        key = "task_definition.job.memory"
        range = { from = 256, to = 1100, factor = 2 }
        zip = "size"
        [[axis]]
        name = "units"
        key = "task_definition.job.cpu"
        values = [128, 256, 512]
        zip = "size"
        [[axis]]
        key = "run_task.jobs.generate.per_second"
        range = { from = 0.1, to = 0.3, step = 0.1 }
        [[axis]]
        key = "capacity_provider.general.desired_capacity"
        range = { from = 3, to = 2, step = -1 }
        "#,
    );
    desk.ok("sweep grid.toml --charts none --quiet");
    let table = rows(&desk.read("output/sweep-grid/sweep.csv"));
    let of = |name: &str| table.iter().map(|row| row[name].clone()).collect::<Vec<_>>();
    let pairs: BTreeSet<(String, String)> = of("memory").into_iter().zip(of("units")).collect();
    let expected = [("256", "128"), ("512", "256"), ("1024", "512")];
    assert_eq!(pairs, expected.map(|(a, b)| (a.to_string(), b.to_string())).into());
    // Tenths stay tenths: three of them are 0.3 and not 0.30000000000000004.
    assert_eq!(of("per_second")[..6], ["0.1", "0.1", "0.2", "0.2", "0.3", "0.3"]);
    assert_eq!(of("desired_capacity")[..2], ["3", "2"]);
    assert_eq!(table.len(), 3 * 3 * 2);
}

#[test]
fn threads_and_what_was_there_change_no_byte_and_nothing_is_computed_twice() {
    let desk = desk();
    desk.ok("sweep grid.toml --out one --threads 1 --quiet");
    desk.ok("sweep grid.toml --out two --threads 2 --quiet");
    let (one, two) = (desk.files("one"), desk.files("two"));
    one.are_same_as(&two, "two threads");
    // Some cells are gone, one is cut, one holds another cell: only these are run again.
    let names = cells(&two);
    std::fs::remove_file(desk.path(&format!("two/{}", names[0]))).unwrap();
    desk.write(&format!("two/{}", names[1]), &one.0[&names[1]][..200]);
    desk.write(&format!("two/{}", names[2]), &one.0[&names[3]]);
    let stamp =
        |name: &str| desk.path(&format!("two/{name}")).metadata().unwrap().modified().unwrap();
    let before: Vec<_> = names[3..].iter().map(|name| stamp(name)).collect();
    let done = desk.ok("sweep grid.toml --out two --threads 2");
    assert!(done.stderr.contains("9 of 12 cells are there already"), "{}", done.stderr);
    assert!(done.stderr.contains("moved `two/cells/"), "{}", done.stderr);
    assert_eq!(before, names[3..].iter().map(|name| stamp(name)).collect::<Vec<_>>());
    let again = desk.files("two").without(|name| name.ends_with(".bad"));
    again.are_same_as(&one, "after losses");
    assert_eq!(desk.files("two").0.len() - again.0.len(), 2, "two files moved aside");
    // A finished sweep is left as it is, manifest included.
    let manifest = stamp("manifest.json");
    desk.ok("sweep grid.toml --out two").says("12 of 12 cells are there already");
    assert_eq!(manifest, stamp("manifest.json"));
}

#[test]
fn a_longer_axis_keeps_the_cells_that_are_there() {
    let desk = desk();
    desk.ok("sweep grid.toml --out s --quiet");
    desk.write("grid.toml", GRID.replace("values = [3, 4]", "values = [3, 4, 6]"));
    desk.run("sweep grid.toml --out s --quiet")
        .ends_with(2)
        .says("it holds a sweep over other axes")
        .says("`--force` replaces it and keeps the cells that both have");
    let done = desk.ok("sweep grid.toml --out s --force");
    assert!(done.stderr.contains("12 of 18 cells are there already"), "{}", done.stderr);
    desk.ok("sweep grid.toml --out fresh --quiet");
    desk.files("s").are_same_as(&desk.files("fresh"), "grown and fresh");
    // And back: cells that the grid has no longer go.
    desk.write("grid.toml", GRID);
    desk.ok("sweep grid.toml --out s --force --quiet");
    assert_eq!(cells(&desk.files("s")).len(), 12);
    // What is not ours stays.
    desk.write("s/notes.txt", "mine");
    desk.run("sweep grid.toml --out s --replications 2 --force")
        .ends_with(2)
        .says("such as `notes.txt`");
    desk.write("mine.txt", "mine");
    std::fs::create_dir(desk.path("mine")).unwrap();
    desk.write("mine/a", "a");
    desk.run("sweep grid.toml --out mine --force")
        .ends_with(2)
        .says("was not written by `ecsim sweep`");
}

/// A grid of sixty cells that take some time together.
fn slow(desk: &Desk) {
    desk.write("small.toml", SMALL.replace("until = \"2h\"", "until = \"20d\""));
    let text = GRID.replace("seeds = 3", "seeds = 10");
    desk.write("grid.toml", text.replace("values = [3, 4]", "values = [6, 8, 10]"));
}

/// Kills the process at a few moments that a fixed sequence of numbers draws, and lets it go on each time.
#[cfg(unix)]
#[test]
fn a_sweep_that_is_killed_at_any_moment_goes_on_and_ends_with_the_same_bytes() {
    let desk = Desk::with(SMALL);
    slow(&desk);
    let whole = Instant::now();
    desk.ok("sweep grid.toml --out whole --threads 2 --quiet");
    let whole = whole.elapsed();
    let mut draw = 0x9e37_79b9_7f4a_7c15u64;
    let mut seen: BTreeMap<String, std::time::SystemTime> = BTreeMap::new();
    let mut killed = 0;
    for _ in 0..12 {
        draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let wait = whole.mul_f64((draw >> 40) as f64 / f64::from(1 << 24) * 0.3);
        let mut child =
            desk.command("sweep grid.toml --out killed --threads 2 --quiet").spawn().unwrap();
        std::thread::sleep(wait);
        let ended = child.try_wait().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        killed += usize::from(ended.is_none());
        let folder = desk.path("killed");
        if !folder.is_dir() {
            continue;
        }
        let files = desk.files("killed");
        assert!(
            ended.is_some() || !files.0.contains_key("manifest.json"),
            "unfinished folders say so"
        );
        // What is there is whole, and what was there has not been touched.
        for name in cells(&files) {
            let at = folder.join(&name).metadata().unwrap().modified().unwrap();
            assert_eq!(*seen.entry(name.clone()).or_insert(at), at, "{name} was computed twice");
        }
    }
    assert!(killed >= 3, "only {killed} processes were killed before their end");
    desk.ok("sweep grid.toml --out killed --threads 1 --quiet");
    let folder = desk.path("killed");
    for (name, at) in seen {
        assert_eq!(folder.join(&name).metadata().unwrap().modified().unwrap(), at, "{name}");
    }
    // Nothing of the dead is left, either.
    desk.files("killed").are_same_as(&desk.files("whole"), "killed and whole");
}

#[cfg(unix)]
#[test]
fn an_interrupted_sweep_says_how_to_go_on() {
    let desk = Desk::with(SMALL);
    slow(&desk);
    let child = desk.command("sweep grid.toml --threads 1").spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let cells = desk.path("output/sweep-grid/cells");
    let count = || std::fs::read_dir(&cells).map_or(0, Iterator::count);
    while count() < 3 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let done = Done::of("sweep", child.wait_with_output().unwrap()).ends_with(130);
    assert!(
        done.stderr.contains("cells are done and kept; run the same command again"),
        "{}",
        done.stderr
    );
    assert_eq!(done.stdout, "");
    let status = desk.ok("sweep status output/sweep-grid --format json").stdout;
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let done = status["done"].as_u64().unwrap();
    assert!((3..60).contains(&done), "{status}");
    assert_eq!(status["missing"].as_array().unwrap().len() as u64 + done, 60);
    assert_eq!(status["finished"], false);
}

#[test]
fn four_shards_merged_are_the_bytes_of_the_whole() {
    let desk = desk();
    desk.ok("sweep grid.toml --out whole --quiet");
    for shard in 1..=4 {
        let done = desk.ok(&format!("sweep grid.toml --shard {shard}/4 --out shards/{shard}"));
        assert!(
            done.stderr.contains(&format!("shard {shard}/4: 3 of 12 cells are done")),
            "{}",
            done.stderr
        );
        assert_eq!(done.stdout, "");
        assert_eq!(cells(&desk.files(&format!("shards/{shard}"))).len(), 3);
    }
    // One is missing: which cells, and nothing is written.
    let done = desk.run("sweep merge shards/1 shards/2 shards/4 --out merged").ends_with(1);
    let missing: BTreeSet<String> =
        cells(&desk.files("shards/3")).iter().map(|name| name[6..38].to_string()).collect();
    let named: BTreeSet<String> = done
        .stderr
        .lines()
        .filter_map(|line| {
            Some(line.strip_prefix("missing: ")?.split_once('(')?.1[..32].to_string())
        })
        .collect();
    assert_eq!(named, missing);
    assert!(done.stderr.contains("3 of 12 cells are missing"), "{}", done.stderr);
    assert!(!desk.path("merged").exists());
    let merged = desk.ok("sweep merge shards/4 shards/1 shards/3 shards/2 --out merged --quiet");
    desk.files("merged").are_same_as(&desk.files("whole"), "merged and whole");
    assert_eq!(merged.stdout, desk.ok("sweep grid.toml --out whole --quiet").stdout);
    // Shards may share a folder, and be run again.
    for shard in [2, 1, 2, 4, 3] {
        desk.ok(&format!("sweep grid.toml --shard {shard}/4 --out shared --quiet"));
    }
    desk.ok("sweep merge shared --quiet");
    desk.files("shared").are_same_as(&desk.files("whole"), "shared and whole");
}

#[test]
fn merge_refuses_what_does_not_belong_together() {
    let desk = desk();
    desk.ok("sweep grid.toml --shard 1/2 --out one --quiet");
    // Another scenario under the same name, and another trace behind the same scenario.
    desk.write("small.toml", SMALL.replace("image_mib = 100", "image_mib = 101"));
    desk.ok("sweep grid.toml --shard 2/2 --out two --quiet");
    desk.run("sweep merge one two --out merged")
        .ends_with(1)
        .says("`two` does not belong to `one`")
        .says("another scenario, or of one that was changed since");
    desk.write("small.toml", SMALL);
    desk.ok("sweep grid.toml --shard 2/2 --out good --quiet");
    // Another version of the program.
    let plan = desk.read("good/sweep.json");
    let version = format!("\"ecsim_version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(plan.contains(&version));
    desk.write("good/sweep.json", plan.replace(&version, "\"ecsim_version\": \"0.0.9\""));
    let done = desk.run("sweep merge one good --out merged").ends_with(1);
    assert!(done.stderr.contains("it holds cells of ecsim 0.0.9"), "{}", done.stderr);
    assert!(
        done.stderr.contains(&format!("and this is {}", env!("CARGO_PKG_VERSION"))),
        "{}",
        done.stderr
    );
    desk.write("good/sweep.json", plan);
    // A cell that was cut is missing, and merge says why.
    let name = cells(&desk.files("good"))[0].clone();
    let text = desk.read(&format!("good/{name}"));
    desk.write(&format!("good/{name}"), &text[..text.len() / 2]);
    desk.run("sweep merge one good --out merged")
        .ends_with(1)
        .says("in `good` it has no check sum");
    desk.write(&format!("good/{name}"), text);
    desk.ok("sweep merge one good --out merged --quiet");
    assert!(!desk.path("one/manifest.json").exists() && desk.path("merged/manifest.json").exists());
    desk.run("sweep merge one nowhere").ends_with(2).says("`nowhere` is not the folder of a sweep");
}

#[test]
fn the_content_of_a_trace_is_part_of_what_a_cell_is_called() {
    let desk = Desk::with(&SMALL.replace(
        "generate = { per_second = 0.03, until = \"2h\", duration = { type = \"lognormal\", mean = \"5m\", sigma = 1.0 } }",
        "trace = \"trace.csv\"",
    ));
    desk.write("grid.toml", GRID.replace("seeds = 3", "seeds = 1"));
    desk.write("trace.csv", "arrival_s,cpu,memory_mib,duration_s\n0,256,512,60\n");
    desk.ok("sweep grid.toml --out s --quiet --shard 1/2");
    desk.write("trace.csv", "arrival_s,cpu,memory_mib,duration_s\n0,256,512,61\n");
    desk.run("sweep grid.toml --out s --quiet --shard 2/2")
        .ends_with(2)
        .says("its text, its tables or its traces");
    desk.ok("sweep grid.toml --out t --quiet --shard 2/2");
    desk.run("sweep merge s t").ends_with(1).says("does not belong to");
}

#[test]
fn a_cell_that_fails_is_a_row_with_its_error_and_is_tried_again() {
    let desk = Desk::with(&SMALL.replace(
        "generate = { per_second = 0.03, until = \"2h\", duration = { type = \"lognormal\", mean = \"5m\", sigma = 1.0 } }",
        "trace = \"good.csv\"",
    ));
    desk.write(
        "grid.toml",
        "[sweep]\nscenario = \"small.toml\"\n[[axis]]\nkey = \"run_task.jobs.trace\"\nvalues = [\"good.csv\", \"bad.csv\", \"other.csv\"]\n",
    );
    let head = "arrival_s,cpu,memory_mib,duration_s\n";
    desk.write("good.csv", format!("{head}0,256,512,60\n"));
    desk.write("other.csv", format!("{head}0,256,512,90\n"));
    desk.write("bad.csv", format!("{head}0,256,512,x\n"));
    let done = desk.run("sweep grid.toml").ends_with(1);
    assert!(done.stderr.contains("failed: trace=bad.csv"), "{}", done.stderr);
    assert!(
        done.stderr.contains("1 cells failed; the same command tries them again"),
        "{}",
        done.stderr
    );
    assert!(
        done.stdout.contains("good.csv") && done.stdout.contains("other.csv"),
        "{}",
        done.stdout
    );
    let table = rows(&desk.read("output/sweep-grid/sweep.csv"));
    let status: Vec<&str> = table.iter().map(|row| row["status"].as_str()).collect();
    assert_eq!(status, ["done", "failed", "done"]);
    assert!(table[1]["error"].contains("bad.csv:2"), "{:?}", table[1]["error"]);
    assert_eq!((table[1]["total_usd"].as_str(), table[2]["total_usd"].is_empty()), ("", false));
    let manifest = desk.read("output/sweep-grid/manifest.json");
    assert!(manifest.contains("\"outcome\": \"cells_failed\""), "{manifest}");
    // Only the failed one is tried again.
    desk.run("sweep grid.toml").ends_with(1).says("2 of 3 cells are there already");
    let status = desk.ok("sweep status output/sweep-grid").stdout;
    assert!(
        status.contains("failed    1\n") && status.contains("failed: trace=bad.csv"),
        "{status}"
    );
}

#[test]
fn expectations_are_a_column() {
    let expect = "\n[[expect]]\nmetric = \"total_usd\"\nat_most = 0.8\n";
    let desk = Desk::with(&format!("{SMALL}{expect}"));
    desk.write("grid.toml", GRID.replace("seeds = 3", "seeds = [7, 11]"));
    let done = desk.ok("sweep grid.toml --charts none");
    let table = rows(&desk.read("output/sweep-grid/sweep.csv"));
    for row in &table {
        let holds = row["total_usd"].parse::<f64>().unwrap() <= 0.8;
        assert_eq!(row["expectations_hold"], holds.to_string(), "{row:?}");
    }
    let failed = table.iter().filter(|row| row["expectations_hold"] == "false").count();
    assert!(failed > 0 && failed < table.len());
    assert!(done.stderr.contains(&format!("fails in {failed} cells")), "{}", done.stderr);
    assert_eq!(table[1]["seed"], "11");
}

#[test]
fn a_shard_of_its_own_accord() {
    let desk = desk();
    let run = |variables: &[(&str, &str)]| {
        let mut command = desk.command("sweep grid.toml --shard auto --out auto");
        for name in ["SLURM_ARRAY_TASK_ID", "AWS_BATCH_JOB_ARRAY_INDEX", "JOB_COMPLETION_INDEX"] {
            command.env_remove(name);
        }
        command.envs(variables.iter().copied());
        Done::of("sweep --shard auto", command.output().unwrap())
    };
    run(&[]).ends_with(2).says("no array was found");
    run(&[("AWS_BATCH_JOB_ARRAY_INDEX", "1"), ("AWS_BATCH_JOB_ARRAY_SIZE", "4")])
        .ends_with(0)
        .says("shard 2/4, as AWS Batch says");
    run(&[("JOB_COMPLETION_INDEX", "4"), ("ECSIM_SHARDS", "4")])
        .ends_with(2)
        .says("there is no shard 5 of 4");
}

#[test]
fn what_is_wrong_is_told_at_once_with_its_place_before_anything_runs() {
    let desk = Desk::with(SMALL);
    let refused = |text: &str| {
        desk.write("grid.toml", text);
        let done = desk.run("sweep grid.toml").ends_with(2);
        assert!(!desk.path("output").exists(), "nothing is written");
        done
    };
    // Of the file itself.
    let head = "[sweep]\nscenario = \"small.toml\"\n";
    refused("x = 1\n").says("grid.toml:1:1: unknown key \"x\"").says("a sweep has a table [sweep]");
    refused(head).says("a sweep without an axis");
    refused(&format!("{head}seed = 3\n[[axis]]\nkey = \"a.b\"\nvalues = []\n"))
        .says("grid.toml:3:1: unknown key \"seed\"")
        .says("did you mean \"seeds\"?")
        .says("grid.toml:6:10: an axis without values");
    refused(&format!("{head}[[axis]]\nname = \"a\"\n")).says("an axis without points");
    refused(&format!("{head}[[axis]]\nvalues = [1]\n")).says("`values` without a `key`");
    refused(&format!("{head}[[axis]]\nkey = \"a.b\"\nrange = {{ from = 5, to = 1, step = 1 }}\n"))
        .says("grid.toml:5:26: this range holds nothing");
    refused(&format!("{head}[[axis]]\nkey = \"a.b\"\nrange = {{ from = 1, to = 5, step = 0 }}\n"))
        .says("a step of 0 goes nowhere");
    refused(&format!("{head}[[axis]]\nkey = \"a.b\"\nvalues = [1, 2, 1]\n"))
        .says("\"1\" is on this axis twice");
    let zipped = "[[axis]]\nkey = \"a.b\"\nvalues = [1, 2]\nzip = \"z\"\n[[axis]]\nkey = \"a.c\"\nvalues = [1, 2, 3]\nzip = \"z\"\n";
    refused(&format!("{head}{zipped}"))
        .says("grid.toml:8:1: \"c\" has 3 points, and \"b\", which it is zipped with, has 2");
    let twice = "[[axis]]\nkey = \"a.b\"\nvalues = [1]\n[[axis]]\nname = \"c\"\nkey = \"a.b\"\nvalues = [2]\n";
    refused(&format!("{head}{twice}")).says("\"a.b\" is set by the axis \"b\" already");
    // Of what the axes set: all of them, each once, with its place in the file of the sweep.
    let wrong = "[[axis]]\nkey = \"capacity_provider.general.desired_capacty\"\nvalues = [1, 2]\n\
                 [[axis]]\nkey = \"task_definition.job.cpu\"\nvalues = [256, \"many\", -1]\n\
                 [[axis]]\nkey = \"capacity_provider.genral.max_size\"\nvalues = [9]\n";
    let done = refused(&format!("{head}{wrong}"))
        .says("grid.toml:4:7: unknown key \"desired_capacty\"")
        .says("did you mean \"desired_capacity\"?")
        .says("grid.toml:8:16: ")
        .says("grid.toml:8:24: ")
        .says("no entry \"genral\" in `capacity_provider`")
        .says("did you mean \"general\"?");
    assert_eq!(
        done.stderr.matches("unknown key \"desired_capacty\"").count(),
        1,
        "{}",
        done.stderr
    );
    // A scenario that is not there, two cells that are one, and a grid that is too large.
    refused("[sweep]\nscenario = \"none.toml\"\n[[axis]]\nkey = \"a.b\"\nvalues = [1]\n")
        .says("grid.toml:2:12: there is no file `none.toml`");
    let same = "[[axis]]\nkey = \"run_task.jobs.generate.until\"\nvalues = [\"2h\", \"120m\"]\n";
    refused(&format!("{head}{same}")).says("`until=2h` and `until=120m` are the same scenario");
    let large = "seeds = 6000\n[[axis]]\nkey = \"capacity_provider.general.desired_capacity\"\nvalues = [3, 4]\n";
    refused(&format!("{head}{large}")).says("12000 cells, more than 10000").says("--yes");
    let dry = desk.ok("sweep grid.toml --dry-run");
    assert!(dry.stdout.contains(&format!("{:<22}12000 of 12000", "cells")), "{}", dry.stdout);
    let huge = large.replace("6000", "100000").replace("[3, 4]", "[1,2,3,4,5,6,7,8,9,10,11]");
    desk.write("grid.toml", format!("{head}{huge}"));
    desk.run("sweep grid.toml --yes").ends_with(2).says("at most 1000000");
    // Of the command line.
    desk.write("grid.toml", GRID);
    desk.run("sweep grid.toml --shard 5/4").ends_with(2).says("there is no shard 5 of 4");
    desk.run("sweep grid.toml --shard 0/4").ends_with(2).says("there is no shard 0 of 4");
    desk.run("sweep grid.toml --shard four").ends_with(2).says("expected I/N");
    desk.run("sweep").ends_with(2).says("SWEEP.toml");
    desk.run("sweep status .").ends_with(2).says("is not the folder of a sweep");
    desk.run("sweep grid.toml --set simulation.sead=1")
        .ends_with(2)
        .says("--set:1:12: unknown key \"sead\"");
    assert!(!desk.path("output").exists());
    // A metric that there is not is told when all is run; nothing is lost by it.
    desk.run("sweep grid.toml --metrics total_used")
        .ends_with(2)
        .says("did you mean \"total_usd\"?");
    desk.ok("sweep grid.toml --metrics total_usd").says("12 of 12 cells are there already");
}

#[test]
fn stdout_can_be_json() {
    let desk = desk();
    let text = desk.ok("sweep grid.toml --format json --quiet --charts none").stdout;
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["schema"], "ecsim/1");
    assert_eq!(value["settings"].as_array().unwrap().len(), 4);
    assert_eq!(value["settings"][3]["axes"]["strategy"], "spread");
    assert!(value["settings"][0]["metrics"]["total_usd"]["half_width"].as_f64().unwrap() > 0.0);
}

/// With the cargo feature `parquet` only.
#[cfg(feature = "parquet")]
#[test]
fn a_sweep_is_a_parquet_file_too_where_it_is_asked_for() {
    let desk = desk();
    desk.ok("sweep grid.toml --quiet --charts none");
    assert!(!desk.path("output/sweep-grid/sweep.parquet").exists());
    desk.ok("sweep grid.toml --quiet --charts none --parquet");
    let file = std::fs::read(desk.path("output/sweep-grid/sweep.parquet")).unwrap();
    assert!(file.starts_with(b"PAR1") && file.ends_with(b"PAR1"));
    // The same command without it gives the folder as it was.
    desk.ok("sweep grid.toml --quiet --charts none");
    desk.ok("sweep status output/sweep-grid");
}
