//! The numbers of README's first screen, made by the runs that it names. `UPDATE_README=1` renews them.

use ecsim::engine::Pulse;
use ecsim::experiment;
use ecsim::metrics::summary::{Summary, Value};
use ecsim::report::{answer, human};
use ecsim::scenario;
use ecsim::sim::Watch;
use ecsim::sim::outputs::Sinks;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The summary of a scenario with some keys set.
fn run(path: &Path, set: &[(&str, &str)]) -> Summary {
    let set: Vec<_> = set.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    let scenario = scenario::load(path, &set).unwrap_or_else(|problems| panic!("{problems}"));
    let (seed, pulse) = (scenario.setup.seed, Pulse::default());
    let watch = Watch { pulse: &pulse, check_every_event: false };
    experiment::run_one(&scenario, seed, Sinks::default(), watch).unwrap().summary
}

/// A metric as people read it.
fn told(summary: &Summary, name: &str) -> String {
    match summary.get(name) {
        Some(Value::Count(count)) => human::thousands(u128::from(*count)),
        Some(Value::Seconds(span)) => human::span(*span),
        Some(Value::Usd(usd)) => human::usd(*usd),
        Some(Value::Ratio(ratio)) => human::decimal(*ratio, 2),
        other => panic!("{name}: {other:?}"),
    }
}

/// One metric of several runs, as `a, b and c`.
fn each(runs: &[Summary], name: &str) -> String {
    let all: Vec<String> = runs.iter().map(|summary| told(summary, name)).collect();
    let (last, others) = all.split_last().unwrap();
    format!("{} and {last}", others.join(", "))
}

fn answers() -> String {
    let shipped = |file: &str, variants: &[(&str, &str)]| -> Vec<Summary> {
        let path = root().join("scenarios").join(file);
        variants.iter().map(|variant| run(&path, &[*variant])).collect()
    };
    let desired = "capacity_provider.general.desired_capacity";
    let fleets = shipped("01-batch-on-ec2.toml", &[(desired, "7"), (desired, "8"), (desired, "9")]);
    let strategy = "run_task.work.placement_strategy";
    let policies = shipped(
        "02-binpack-or-spread.toml",
        &[
            (strategy, r#"[{type="binpack",field="cpu"}]"#),
            (strategy, r#"[{type="spread",field="instanceId"}]"#),
        ],
    );
    let target = "service.web.scaling.target_tracking.cpu.target_value";
    let targets = shipped("30-web-service.toml", &[(target, "60"), (target, "40")]);
    let rows = [
        (
            "How small may the fleet be?",
            format!(
                "A day of {} batch tasks on 7, 8 and 9 m7g.xlarge",
                told(&fleets[0], "tasks_submitted")
            ),
            format!(
                "19 of 20 tasks wait at most {}, for {}",
                each(&fleets, "wait_s_p95"),
                each(&fleets, "total_usd")
            ),
        ),
        (
            "Pack or spread?",
            format!(
                "{} tasks on six m5.2xlarge, by `binpack` and by `spread`",
                told(&policies[0], "tasks_submitted")
            ),
            format!(
                "a task waits {} in the mean: spreading leaves a little room everywhere, and a large task waits until one \
                 instance is free",
                each(&policies, "wait_s_mean")
            ),
        ),
        (
            "Does auto scaling survive a flash crowd?",
            "A web service on Fargate that tracks 60 % and 40 % CPU; more than twice the traffic at 18:00".into(),
            format!(
                "{} % of the day's requests are dropped, for {}",
                each(&targets, "requests_dropped_percent").replace(" and", " % and"),
                each(&targets, "total_usd")
            ),
        ),
    ];
    let mut table = "| Question | Asked of | Answer |\n| --- | --- | --- |\n".to_string();
    for (question, of, answer) in rows {
        table += &format!("| {question} | {of} | {answer} |\n");
    }
    table
}

/// The scenario that README writes, and what the program says of it.
fn own_scenario(page: &str) -> String {
    let (_, rest) = page.split_once("```toml\n").expect("a scenario");
    let (text, _) = rest.split_once("```").expect("its end");
    let desk = crate::support::program::Desk::new();
    desk.write("api.toml", text);
    format!("```text\n{}\n```\n", answer::to_text(&run(&desk.path("api.toml"), &[])).trim_end())
}

/// What `ecsim breakeven` says of the first scenario.
fn break_even() -> String {
    let desk = crate::support::program::Desk::new();
    let scenario = root().join("scenarios/01-batch-on-ec2.toml");
    let asked = "--types m6a.2xlarge --on fargate,ec2 --load 1,4,16 --charts none --quiet";
    let done = desk.ok(&format!("breakeven {} {asked}", scenario.display()));
    format!("```text\n{}\n```\n", done.stdout.trim_end())
}

/// What `ecsim plan` says of the first scenario.
fn plan() -> String {
    let desk = crate::support::program::Desk::new();
    let scenario = root().join("scenarios/01-batch-on-ec2.toml");
    let asked = "--choose capacity_provider.general.desired_capacity=6..10 --charts none --quiet";
    let done = desk.ok(&format!("plan {} {asked}", scenario.display()));
    format!("```text\n{}\n```\n", done.stdout.trim_end())
}

/// `page` with `text` between two marks.
fn between(page: &str, begins: &str, ends: &str, text: &str) -> String {
    let at = page.find(begins).unwrap_or_else(|| panic!("README has no mark {begins}"));
    let from = at + page[at..].find("-->").expect("the mark ends") + 4;
    let to = from + page[from..].find(ends).unwrap_or_else(|| panic!("no mark {ends}"));
    format!("{}{text}{}", &page[..from], &page[to..])
}

#[test]
fn the_first_screen_has_the_numbers_of_its_runs() {
    let path = root().join("README.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let renewed = between(&page, "<!-- answers", "<!-- end of answers", &answers());
    let own = own_scenario(&renewed);
    let renewed = between(&renewed, "<!-- own scenario", "<!-- end of own scenario", &own);
    let even = break_even();
    let renewed = between(&renewed, "<!-- breakeven", "<!-- end of breakeven", &even);
    let renewed = between(&renewed, "<!-- plan", "<!-- end of plan", &plan());
    let myths = crate::myths::striking();
    let renewed = between(&renewed, "<!-- myths", "<!-- end of myths", &myths);
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(&path, &renewed).unwrap();
    } else {
        assert!(page == renewed, "README's numbers are old: run with UPDATE_README=1\n{renewed}");
    }
}

#[test]
fn the_page_of_myths_has_the_numbers_of_its_runs() {
    let path = root().join("scenarios/myths/README.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let renewed = crate::myths::texts().iter().fold(page.clone(), |page, (name, text)| {
        between(&page, &format!("<!-- {name}"), &format!("<!-- end of {name}"), text)
    });
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(&path, &renewed).unwrap();
    } else {
        assert!(page == renewed, "the page's numbers are old: run with UPDATE_README=1\n{renewed}");
    }
}

/// Paths of links and pictures in a page of markdown, without anchors and addresses.
fn links(page: &str) -> Vec<String> {
    let ends = page.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    let paths = ends.map(|(target, _)| target.split('#').next().unwrap_or_default().to_string());
    paths.filter(|path| !path.is_empty() && !path.contains("://")).collect()
}

#[test]
fn the_pages_lead_somewhere() {
    for page in [
        "README.md",
        "benches/README.md",
        "output/README.md",
        "scenarios/README.md",
        "scenarios/arrays/README.md",
        "scenarios/myths/README.md",
        "scenarios/pictures/README.md",
        "scenarios/strategies/README.md",
        "scenarios/sweeps/README.md",
        "src/README.md",
        "tests/README.md",
    ] {
        let path = root().join(page);
        let text = std::fs::read_to_string(&path).unwrap();
        let found = links(&text);
        for link in found {
            assert!(path.parent().unwrap().join(&link).exists(), "{page}: {link}");
        }
        let mut chapters = std::collections::BTreeSet::new();
        for line in text.lines().filter(|line| line.starts_with("## ")) {
            assert!(chapters.insert(line), "{page} has {line} twice");
        }
    }
}
