//! Random scenarios, whole: each runs under all checks after every event, with every placement made a second time by
//! the slow rule (F1), and its tables are then held against each other and against a second bill (F2).
//!
//! `ECSIM_SWARM_CASES` raises the number of scenarios; a failure prints how to replay its seed.

mod audit;
mod bill;
mod blackouts;
mod fargate_risks;
mod files;
mod ledger;
mod make;
mod make_services;
mod moving;
mod network;
mod overflow;
mod services;
pub mod tables;
mod zones;

use crate::support::Page;
use ecsim::engine::Pulse;
use ecsim::sim::outputs::Sinks;
use ecsim::sim::{RunError, RunResult, Watch};
use make::Case;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;
use tables::Written;

/// A sink that a run without end fills soon.
struct Bounded(Page, usize);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.1 = self.1.checked_sub(bytes.len()).ok_or_else(|| io::Error::other("no end"))?;
        self.0.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What came of a seed.
#[derive(Default)]
struct Tally {
    tasks: u64,
    placed: u64,
    refused: u64,
    events: u64,
    oversized: u64,
}

/// Runs a seed; `None` where a task fits no instance and its caller asked for an error.
fn run(case: &Case, check: bool) -> Option<(RunResult, [String; 3])> {
    let pages = [Page::default(), Page::default(), Page::default()];
    let sink = |index: usize| -> Option<Box<dyn Write + Send>> {
        Some(Box::new(Bounded(pages[index].clone(), 20 << 20)))
    };
    let sinks = Sinks {
        tasks: sink(0),
        timeseries: sink(1),
        placement_failures: sink(2),
        allocation: true,
        ..Sinks::default()
    };
    let watch = Watch { pulse: &Pulse::default(), check_every_event: check };
    match ecsim::sim::run(case.setup.clone(), case.streams(), sinks, watch) {
        Ok(result) => Some((result, pages.map(|page| page.text()))),
        Err(RunError::Oversized(_)) => None,
        Err(error) => {
            let tail = |page: &Page| {
                let text = page.text();
                text[text.len().saturating_sub(800)..].to_string()
            };
            let [tasks, series, failures] = pages.each_ref().map(tail);
            panic!("{error}\n{tasks}\n{series}\n{failures}\n{:#?}", case.setup.sources)
        }
    }
}

fn one(seed: u64, tally: &mut Tally) {
    let case = Case::new(seed);
    let Some((result, texts)) = run(&case, true) else {
        assert!(case.setup.sources.iter().any(|s| s.oversized_is_error), "nobody asked for errors");
        tally.oversized += 1;
        return;
    };
    let written = Written::of(&case, &result, texts.each_ref().map(String::as_str));
    audit::audit(&case, &result, &written);
    bill::compare(&case, &result, &written);
    let number = |metric| result.summary.get(metric).unwrap().as_f64().unwrap() as u64;
    tally.tasks += number("tasks_submitted");
    tally.placed += number("tasks_placed");
    tally.refused += number("tasks_refused");
    tally.events += result.events;
}

#[test]
fn invariants_hold_and_slow_and_fast_agree_on_random_scenarios() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seeds = match number("ECSIM_SWARM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("ECSIM_SWARM_CASES").unwrap_or(2_000),
    };
    let (begun, cases) = (Instant::now(), seeds.end - seeds.start);
    let mut tally = Tally::default();
    for seed in seeds {
        if catch_unwind(AssertUnwindSafe(|| one(seed, &mut tally))).is_err() {
            panic!(
                "scenario {seed} failed, see above; to replay it:\n  \
                 ECSIM_SWARM_SEED={seed} cargo test --test ecsim_tests swarm::invariants"
            );
        }
    }
    println!(
        "{cases} scenarios in {:.1} s: {} tasks, {} placed, {} refused, {} events, {} oversized",
        begun.elapsed().as_secs_f64(),
        tally.tasks,
        tally.placed,
        tally.refused,
        tally.events,
        tally.oversized
    );
    if cases >= 1_000 {
        // The scenarios must exercise both outcomes, and seldom end before their time.
        assert!(tally.placed > 20 * cases && tally.refused > 5 * cases, "too tame");
        assert!(tally.oversized < cases / 10, "too many end early");
    }
}

#[test]
fn checks_and_the_slow_placement_change_no_byte() {
    for seed in 0..100 {
        let case = Case::new(seed);
        let texts = |check| run(&case, check).map(|(_, texts)| texts);
        assert!(texts(true) == texts(false), "scenario {seed}");
    }
}

/// A battery that has never failed has not been tested: each of these lies must be caught.
#[test]
fn the_audit_would_notice() {
    type Lie = (&'static str, fn(&mut Written));
    let lies: [Lie; 8] = [
        ("nothing", |_| ()),
        ("a task is lost", |w| drop(w.tasks.pop())),
        ("a task was on another instance", |w| {
            let at = w.tasks.iter().position(|task| task.launch == "EC2").unwrap();
            w.tasks[at].instance = "i-unknown".into();
        }),
        ("a task was placed a microsecond later", |w| {
            let at = w.tasks.iter().position(|task| task.placed().is_some()).unwrap();
            w.tasks[at].stages[1] = w.tasks[at].placed().map(|placed| placed + 1);
        }),
        ("a task works for longer", |w| {
            let at = w.tasks.iter().position(|task| task.stages[7].is_some()).unwrap();
            w.tasks[at].stages[6..].fill(Some(u64::MAX));
        }),
        ("a task paid a millionth of a dollar more", |w| {
            let at = w.tasks.iter().position(|task| task.launch == "FARGATE").unwrap();
            w.tasks[at].usd += 1_000;
        }),
        ("a line of the bill is lost", |w| drop(w.cost.rows.pop())),
        ("a sample is of another instant", |w| {
            let has_tasks = |row: &csv::StringRecord| w.series.int(row, "running") > 0;
            let at = w.series.rows.iter().position(has_tasks).unwrap();
            let mut fields: Vec<String> = w.series.rows[at].iter().map(String::from).collect();
            fields[0] = "0".into();
            w.series.rows[at] = csv::StringRecord::from(fields);
        }),
    ];
    let (case, result, texts) = (0..)
        .map(Case::new)
        .filter_map(|case| run(&case, false).map(|(result, texts)| (case, result, texts)))
        .find(|(_, _, texts)| {
            [",EC2,", ",FARGATE,"].iter().all(|l| texts[0].matches(l).count() > 30)
        })
        .unwrap();
    for (what, lie) in lies {
        let mut written = Written::of(&case, &result, texts.each_ref().map(String::as_str));
        lie(&mut written);
        let found = catch_unwind(AssertUnwindSafe(|| {
            audit::audit(&case, &result, &written);
            bill::compare(&case, &result, &written);
        }));
        assert_eq!(found.is_ok(), what == "nothing", "{what}");
    }
}
