//! A sweep of a thousand small runs on one thread and on two, from the scenario's text to the file of each cell. One
//! thread's time over twice that of two is the efficiency on two cores.

use criterion::{Criterion, SamplingMode, Throughput};
use ecsim::base::random::Seed;
use ecsim::engine::Pulse;
use ecsim::experiment::cells::{Cell, Runner};
use ecsim::experiment::sweep::{Source, read};
use ecsim::report::sweep::{Record, SweepFolder};
use std::fmt::Write as _;
use std::path::Path;

const SCENARIO: &str = r#"
[simulation]
duration = "1d"

[[capacity_provider]]
name = "general"
instance_types = ["m5.2xlarge"]
desired_capacity = 6

[[run_task]]
name = "jobs"
on_failure = "queue"

[run_task.generate]
per_second = 0.03
duration = { type = "lognormal", mean = "10m", sigma = 1 }
sizes = [{ cpu = 512, memory = 1024, weight = 4 }, { cpu = 3072, memory = 8192 }]
"#;

/// Five sizes, four rates, and as many seeds as make `cells`.
fn grid(folder: &Path, cells: usize) -> Source {
    let mut text = format!("[sweep]\nscenario = \"jobs.toml\"\nseeds = {}\n", cells.div_ceil(20));
    for (key, values) in [
        ("capacity_provider.general.desired_capacity", "[4, 5, 6, 8, 10]"),
        ("run_task.jobs.generate.per_second", "[0.01, 0.02, 0.03, 0.04]"),
    ] {
        let _ = write!(text, "[[axis]]\nkey = \"{key}\"\nvalues = {values}\n");
    }
    let path = folder.join("grid.toml");
    std::fs::write(folder.join("jobs.toml"), SCENARIO).expect("a file");
    std::fs::write(&path, text).expect("a file");
    Source::new(read(&path).expect("a sweep"), Vec::new()).expect("a scenario")
}

/// Runs the whole grid into a new folder.
fn sweep(folder: &Path, source: &Source, threads: usize) -> usize {
    let drawn = source.plan(Some(Seed(1)), None).expect("a plan");
    let (cells, ids) = (drawn.plan.cells(), drawn.plan.ids());
    let out = tempfile::Builder::new().tempdir_in(folder).expect("a folder");
    let path = out.path().join("out");
    let (results, _) = SweepFolder::open(&path, &drawn.plan, false).expect("a folder");
    let pulse = Pulse::default();
    let runner = Runner { threads, pulse: &pulse, check_every_event: false };
    let scenario = |cell: Cell| source.scenario(&drawn.plan, cell);
    let ended = |index: usize, outcome| {
        let record = Record::of(&ids[index], cells[index].seed.0, &outcome, &[]);
        results.keep(&record).expect("a file");
    };
    let kept = runner.run(&cells, &drawn.loads, scenario, ended).expect("threads");
    kept.into_iter().flatten().count()
}

pub fn benches(criterion: &mut Criterion) {
    let is_test = std::env::args().any(|argument| argument == "--test");
    let cells = if is_test { 40 } else { 1_000 };
    let folder = tempfile::tempdir().expect("a folder");
    let source = grid(folder.path(), cells);
    let mut group = criterion.benchmark_group("sweep");
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.throughput(Throughput::Elements(cells as u64));
    for threads in [1, 2] {
        group.bench_function(format!("{cells} runs on {threads} threads"), |bencher| {
            bencher.iter(|| assert_eq!(sweep(folder.path(), &source, threads), cells));
        });
    }
    group.finish();
}
