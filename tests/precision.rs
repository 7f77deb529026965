//! `--precision`: seeds until an interval is narrow enough, in `run` and in `compare`.

use crate::support::program::{Desk, SMALL};

/// The cells of `metric` in `seeds.csv` by column.
fn over_seeds(csv: &str, metric: &str) -> impl Fn(&str) -> f64 + use<> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header = reader.headers().unwrap().clone();
    let row = reader.records().map(Result::unwrap).find(|row| &row[0] == metric).unwrap();
    move |column: &str| {
        let at = header.iter().position(|name| name == column).unwrap();
        row[at].parse().unwrap()
    }
}

#[test]
fn a_run_goes_on_until_the_interval_is_as_narrow_as_asked_for() {
    let desk = Desk::with(SMALL);
    let done = desk.ok("run small.toml --precision total_usd=5% --charts none --threads 2");
    let cell = over_seeds(&desk.read("output/small/seeds.csv"), "total_usd");
    let (seeds, half) = (cell("seeds"), (cell("high_95") - cell("low_95")) / 2.0);
    assert!(seeds > 10.0 && seeds < 200.0, "{seeds}: ten seeds are not enough here");
    assert!(half <= 0.05 * cell("mean"), "± {half} of {}", cell("mean"));
    let told = done.stderr.lines().find(|line| line.starts_with("total_usd: ± ")).unwrap();
    let percent = format!("± {:.3} % after {seeds} seeds", 100.0 * half / cell("mean"));
    assert!(told.ends_with(&percent), "{told}: {percent}");
    // Its first ten seeds are those of ten, and one thread finds the same.
    let again = "run small.toml --precision total_usd=5% --charts none --threads 1 --out again";
    desk.ok(again);
    let two = desk.files("output/small");
    let one = desk.files("again");
    assert_eq!(two.names(), one.names());
    assert_eq!(desk.read("output/small/seeds.csv"), desk.read("again/seeds.csv"));
    assert_eq!(desk.read("output/small/summary.csv"), desk.read("again/summary.csv"));
}

#[test]
fn what_cannot_be_reached_is_told_with_what_it_would_take() {
    let desk = Desk::with(SMALL);
    let done = desk.ok("run small.toml --precision total_usd=0.5% --replications 12 --charts none");
    let cell = over_seeds(&desk.read("output/small/seeds.csv"), "total_usd");
    assert_eq!(cell("seeds"), 12.0);
    // By the square of the ratio of the widths.
    let half = (cell("high_95") - cell("low_95")) / 2.0;
    let ratio = half / (0.005 * cell("mean"));
    let needed = (12.0 * ratio * ratio).ceil();
    let note = done.stderr.lines().find(|line| line.starts_with("note: total_usd: ")).unwrap();
    assert!(note.ends_with(&format!("about {needed} seeds would do")), "{note}: {needed}");
}

#[test]
fn a_comparison_goes_on_until_differences_are_narrow() {
    let desk = Desk::with(SMALL);
    let vary =
        "compare small.toml --vary capacity_provider.general.desired_capacity=3,4,6 --charts none";
    let done = desk.ok(&format!("{vary} --precision total_usd=4% --metrics total_usd"));
    let told: Vec<&str> =
        done.stderr.lines().filter(|line| line.starts_with("total_usd of ")).collect();
    assert_eq!(told.len(), 2, "a line a variant but the base: {}", done.stderr);
    let ran = done.stderr.lines().find(|line| line.starts_with("ran 3 variants under ")).unwrap();
    let seeds: u32 = ran.split_whitespace().nth(4).unwrap().parse().unwrap();
    assert!(seeds > 10, "{ran}");
    for line in told {
        let percent = line.split("± ").nth(1).unwrap().split(' ').next().unwrap();
        assert!(percent.parse::<f64>().unwrap() <= 4.0, "{line}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_before_the_first_run() {
    let desk = Desk::with(SMALL);
    for (arguments, text) in [
        ("--precision total_usd", "expected METRIC=HALF"),
        ("--precision total_usd=0", "above 0"),
        ("--precision total_usd=200%", "at most 100 %"),
        ("--precision total_us=1%", "did you mean \"total_usd\"?"),
        ("--precision service.web.usd=1%", "there is no metric \"service.web.usd\""),
        ("--precision total_usd=1% --replications 9", "looks at 10 seeds first"),
    ] {
        for verb in ["run", "compare"] {
            let vary = if verb == "run" { "" } else { "--vary simulation.duration=1h,2h" };
            let done = desk.run(&format!("{verb} small.toml {vary} {arguments} --charts none"));
            let done = done.ends_with(2);
            assert!(done.stderr.contains(text), "{verb} {arguments}: {}", done.stderr);
        }
    }
    assert!(!desk.path("output").exists(), "nothing was written");
}

/// The digest of what came from outside, in a manifest.
fn input_digest(desk: &Desk, folder: &str) -> String {
    let manifest: serde_json::Value =
        serde_json::from_str(&desk.read(&format!("{folder}/manifest.json"))).unwrap();
    manifest["input_digest"].as_str().unwrap().to_string()
}

#[test]
fn equal_input_digests_say_that_arrivals_and_failures_are_the_same() {
    let desk = Desk::with(SMALL);
    let digest = |name: &str, more: &[&str]| {
        let mut command =
            desk.command(&format!("run small.toml --charts none --quiet --out {name}"));
        assert!(command.args(more).output().unwrap().status.success(), "{more:?}");
        input_digest(&desk, name)
    };
    let base = digest("base", &[]);
    let more_instances = ["--set", "capacity_provider.general.desired_capacity=5"];
    assert_eq!(digest("larger", &more_instances), base, "settings change no arrivals");
    // With threads that read ahead or without, and where a run ends before its last arrival.
    assert_eq!(digest("alone", &["--threads", "1"]), base);
    let hour = |name: &str, instances: &str| {
        let set = format!("capacity_provider.general.desired_capacity={instances}");
        digest(name, &["--set", "simulation.duration=1h", "--set", &set])
    };
    assert_eq!(hour("hour", "3"), hour("larger_hour", "9"));
    assert_ne!(digest("seed", &["--seed", "8"]), base);
    assert_ne!(digest("busier", &["--set", "run_task.jobs.generate.per_second=0.04"]), base);
}

#[test]
fn a_comparison_says_whether_its_variants_met_the_same() {
    let desk = Desk::with(SMALL);
    let compare = |vary: &str| {
        desk.ok(&format!("compare small.toml --vary {vary} --replications 3 --charts none --force"))
            .stderr
    };
    let same = compare("capacity_provider.general.desired_capacity=3,4");
    assert!(same.contains("the same for all variants under each seed"), "{same}");
    let other = compare("run_task.jobs.generate.per_second=0.03,0.04");
    assert!(
        other.contains("met other arrivals or failures than the base under 3 of 3 seeds"),
        "{other}"
    );
    assert!(!other.contains("the same for all"), "{other}");
}

#[test]
fn what_is_refused_after_its_runs_leaves_no_empty_folder() {
    let desk = Desk::with(SMALL);
    let vary = "--vary capacity_provider.general.desired_capacity=3,4 --replications 2";
    let done =
        desk.run(&format!("compare small.toml {vary} --metrics nope --out a/b/c")).ends_with(2);
    assert!(done.stderr.contains("there is no metric"), "{}", done.stderr);
    assert_eq!(desk.names(), ["small.toml"]);
    // A folder that was there stays, and so does one that somebody has put something into.
    std::fs::create_dir(desk.path("a")).unwrap();
    desk.run(&format!("compare small.toml {vary} --metrics nope --out a/b/c")).ends_with(2);
    assert_eq!(desk.names(), ["a", "small.toml"]);
}
