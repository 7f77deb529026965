//! The study of placement strategies: its summary says what its tables say (`.ci/run` makes those anew), and what the pages say of
//! them in words holds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const WORKLOADS: [(&str, &str); 5] = [
    ("hpc2n", "HPC2N, batch"),
    ("lcg", "LCG, a grid"),
    ("openb", "openb, GPUs"),
    ("shop", "shop, services"),
    ("worldcup98", "World Cup, service"),
];
const STRATEGIES: [(&str, &str); 5] = [
    ("binpack-memory", "`binpack` (memory)"),
    ("binpack-cpu", "`binpack` (CPU)"),
    ("zones-then-binpack", "`spread` (zones), `binpack` (memory)"),
    ("spread-instances", "`spread` (instances)"),
    ("random", "`random`"),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A row of a table.
#[derive(Clone, Debug)]
struct Row {
    mean: String,
    difference: String,
    relative: String,
    verdict: String,
}

/// By workload, metric and strategy.
type Tables = BTreeMap<(String, String, String), Row>;

fn tables(page: &str) -> Tables {
    let mut all = Tables::new();
    let (mut workload, mut metric) = (String::new(), String::new());
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("<!-- table compare-") {
            workload = rest.split(':').next().unwrap().into();
            continue;
        }
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        if cells.len() != 8 || cells[1] == "variant" || cells[1] == "---" {
            continue;
        }
        if !cells[0].is_empty() {
            metric = cells[0].replace('\\', "").split(',').next().unwrap().into();
        }
        let row = Row {
            mean: cells[2].into(),
            difference: cells[3].into(),
            relative: cells[4].into(),
            verdict: cells[7].into(),
        };
        all.insert((workload.clone(), metric.clone(), cells[1].into()), row);
    }
    all
}

/// The two numbers of `$43,336.32 ± $71.22`; no half where all seeds agree.
fn dollars(text: &str) -> (f64, f64) {
    let number = |text: &str| -> f64 {
        let kept: String =
            text.chars().filter(|c| c.is_ascii_digit() || "-.".contains(*c)).collect();
        kept.parse().unwrap()
    };
    match text.split_once('±') {
        Some((mean, half)) => (number(mean), number(half)),
        None => (number(text.trim_end_matches(" in all")), 0.0),
    }
}

fn page() -> String {
    std::fs::read_to_string(root().join("scenarios/strategies/README.md")).unwrap()
}

fn row(tables: &Tables, workload: &str, metric: &str, strategy: &str) -> Row {
    let key = (workload.to_string(), metric.to_string(), strategy.to_string());
    tables.get(&key).unwrap_or_else(|| panic!("no row {key:?}")).clone()
}

/// Cost by strategy and workload: the base's own, and of the others how much more they cost, in percent of it.
fn summary(tables: &Tables) -> String {
    let mut text = "| Cost |".to_string();
    WORKLOADS.iter().for_each(|(_, title)| text += &format!(" {title} |"));
    text += "\n| --- |";
    WORKLOADS.iter().for_each(|_| text += " ---: |");
    for (strategy, title) in STRATEGIES {
        text += &format!("\n| {title} |");
        for (workload, _) in WORKLOADS {
            let of = row(tables, workload, "total_usd", strategy);
            let base = dollars(&row(tables, workload, "total_usd", STRATEGIES[0].0).mean).0;
            let cell = match of.verdict.split(',').next().unwrap() {
                "base" => of.mean.clone(),
                "the same" => "the same".into(),
                verdict => {
                    let half = dollars(&of.difference).1 / base * 100.0;
                    let digits = of.relative.split_once('.').map_or(1, |(_, rest)| {
                        rest.chars().take_while(char::is_ascii_digit).count()
                    });
                    let told =
                        format!("{} ± {half:.digits$} %", of.relative.trim_end_matches(" %"));
                    if verdict == "may be chance" { told } else { format!("**{told}**") }
                }
            };
            text += &format!(" {cell} |");
        }
    }
    text + "\n"
}

/// Replaces what stands between the summary's marks.
fn with_summary(page: &str, summary: &str) -> String {
    let (begins, ends) = ("<!-- summary of strategies -->\n", "<!-- end of summary -->");
    let (head, rest) = page.split_once(begins).expect("a mark where the summary begins");
    let (_, tail) = rest.split_once(ends).expect("a mark where it ends");
    format!("{head}{begins}{summary}{ends}{tail}")
}

#[test]
fn the_summaries_say_what_the_tables_say() {
    let summary = summary(&tables(&page()));
    for name in ["scenarios/strategies/README.md", "README.md"] {
        let path = root().join(name);
        let before = std::fs::read_to_string(&path).unwrap();
        let wanted = with_summary(&before, &summary);
        if std::env::var_os("UPDATE_README").is_some() {
            std::fs::write(&path, wanted).unwrap();
        } else {
            assert_eq!(before, wanted, "{name}: UPDATE_README=1 cargo test renews the summary");
        }
    }
}

#[test]
fn what_the_page_says_in_words_is_in_its_tables() {
    let tables = tables(&page());
    let verdict = |workload, metric, strategy| {
        let verdict = row(&tables, workload, metric, strategy).verdict;
        verdict.split(',').next().unwrap().to_string()
    };
    // Spreading over instances is dearer where tasks live long, and cheaper where bursts of short ones come.
    for workload in ["hpc2n", "openb", "shop", "worldcup98"] {
        assert_eq!(verdict(workload, "total_usd", "spread-instances"), "worse", "{workload}");
    }
    assert_eq!(verdict("lcg", "total_usd", "spread-instances"), "better");
    // It waits less everywhere, since it leaves room everywhere.
    for workload in ["hpc2n", "lcg", "openb"] {
        assert_eq!(verdict(workload, "wait_s_mean", "spread-instances"), "better", "{workload}");
    }
    // Zones first costs a little in batch and much where the services are small.
    assert_eq!(verdict("hpc2n", "total_usd", "zones-then-binpack"), "worse");
    assert_eq!(verdict("shop", "total_usd", "zones-then-binpack"), "worse");
    assert_eq!(verdict("worldcup98", "total_usd", "zones-then-binpack"), "may be chance");
    // How much.
    let number = |workload, metric, strategy| {
        let text = row(&tables, workload, metric, strategy).mean;
        dollars(&text).0
    };
    let (of, lost) = ("shop", "incident_requests_dropped");
    let (packed, zones) =
        (number(of, lost, "binpack-memory"), number(of, lost, "zones-then-binpack"));
    assert!((15_000.0..17_000.0).contains(&packed) && zones < packed / 9.0, "{packed} {zones}");
    assert_eq!(row(&tables, of, "total_usd", "zones-then-binpack").relative, "+11.1 %");
    assert_eq!(row(&tables, of, "total_usd", "binpack-cpu").relative, "-1.4 %");
    let (of, launched) = ("lcg", "instances_launched");
    assert!(
        number(of, launched, "binpack-memory") > 2.0 * number(of, launched, "spread-instances")
    );
}

/// Every sweep of the folder can be read, and stands on a page with its table.
#[test]
fn every_sweep_of_the_study_has_its_table() {
    let folder = root().join("scenarios/strategies");
    let page = page();
    let mut found = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(stem) = name.strip_suffix(".toml").filter(|stem| stem.starts_with("compare-")) {
            let sweep = ecsim::experiment::sweep::read(&Path::new(&folder).join(&name)).unwrap();
            assert_eq!(sweep.grid.len(), STRATEGIES.len(), "{name}");
            assert!(page.contains(&format!("<!-- table {stem}:")), "{name} has no table");
            found += 1;
        }
    }
    assert_eq!(found, WORKLOADS.len());
}
