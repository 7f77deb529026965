//! Whole scenarios of services as text: run under all checks, their tables read back as rows.

use super::Page;
use ecsim::base::random::Seed;
use ecsim::engine::Pulse;
use ecsim::experiment::run_one;
use ecsim::scenario::load_text;
use ecsim::sim::outputs::Sinks;
use ecsim::sim::{RunResult, Watch};
use std::collections::BTreeMap;
use std::path::Path;

/// A row by column name.
pub type Cells = BTreeMap<String, String>;

/// A finished run and its streamed tables.
pub struct Told {
    /// `tasks.csv`, in order of task id.
    pub tasks: Vec<Cells>,
    /// `services.csv`.
    pub services: Vec<Cells>,
    /// `deployments.csv`.
    pub deployments: Vec<Cells>,
    /// `service_events.csv`.
    pub events: Vec<Cells>,
    /// `placement_failures.csv`.
    pub failures: Vec<Cells>,
    /// `scaling.csv`.
    pub scaling: Vec<Cells>,
    /// What the run knows at its end.
    pub result: RunResult,
}

/// Seconds in a cell; `None` where it is empty.
pub fn seconds(row: &Cells, column: &str) -> Option<f64> {
    let cell = row.get(column).unwrap_or_else(|| panic!("no column {column}"));
    (!cell.is_empty()).then(|| cell.parse().unwrap())
}

/// A whole number in a cell.
pub fn count(row: &Cells, column: &str) -> u32 {
    row[column].parse().unwrap_or_else(|_| panic!("{column} is {:?}", row[column]))
}

fn rows(text: &str) -> Vec<Cells> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names = reader.headers().unwrap().clone();
    let cells = |row: csv::StringRecord| {
        names.iter().map(String::from).zip(row.iter().map(String::from)).collect()
    };
    reader.records().map(|row| cells(row.unwrap())).collect()
}

/// Runs a scenario from its text, every book checked after every event.
pub fn tell(text: &str) -> Told {
    let scenario = load_text(text, "test.toml", Path::new("."), &[])
        .unwrap_or_else(|errors| panic!("{errors}"));
    let pages: [Page; 6] = std::array::from_fn(|_| Page::default());
    let [tasks, services, deployments, events, failures, scaling] = pages.clone();
    let sinks = Sinks {
        tasks: Some(Box::new(tasks)),
        services: Some(Box::new(services)),
        deployments: Some(Box::new(deployments)),
        service_events: Some(Box::new(events)),
        placement_failures: Some(Box::new(failures)),
        scaling: Some(Box::new(scaling)),
        ..Sinks::default()
    };
    let watch = Watch { pulse: &Pulse::default(), check_every_event: true };
    let result = run_one(&scenario, Seed(1), sinks, watch).unwrap();
    let [mut tasks, services, deployments, events, failures, scaling] =
        pages.map(|page| rows(&page.text()));
    tasks.sort_by_key(|row| row["task_id"].parse::<u64>().unwrap());
    Told { tasks, services, deployments, events, failures, scaling, result }
}

impl Told {
    /// Instant, value of the metric and new desired count of every scaling that was made.
    pub fn scaled(&self) -> Vec<(f64, f64, u32)> {
        let made = self.scaling.iter().filter(|row| row["from"] != row["to"]);
        made.map(|row| {
            (seconds(row, "time_s").unwrap(), row["value"].parse().unwrap(), count(row, "to"))
        })
        .collect()
    }

    /// Instants of the rows of `deployments.csv` with this number and event, and stage where one is given.
    pub fn deployment(&self, number: u32, event: &str, stage: &str) -> Vec<f64> {
        let is_it = |row: &&Cells| {
            row["deployment"] == number.to_string()
                && row["event"] == event
                && (stage.is_empty() || row["stage"] == stage)
        };
        self.deployments.iter().filter(is_it).map(|row| seconds(row, "time_s").unwrap()).collect()
    }

    /// The only such instant.
    pub fn once(&self, number: u32, event: &str, stage: &str) -> f64 {
        let all = self.deployment(number, event, stage);
        assert_eq!(all.len(), 1, "{number} {event} {stage}: {:#?}", self.deployments);
        all[0]
    }

    /// Instants and texts of an event of a service.
    pub fn event(&self, name: &str) -> Vec<(f64, String)> {
        let is_it = |row: &&Cells| row["event"] == name;
        let told = |row: &Cells| (seconds(row, "time_s").unwrap(), row["message"].clone());
        self.events.iter().filter(is_it).map(told).collect()
    }

    /// Tasks stopped and tasks started at each instant from `from` on, in order.
    pub fn steps(&self, from: f64) -> Vec<(f64, u32, u32)> {
        let mut steps: BTreeMap<u64, (u32, u32)> = BTreeMap::new();
        let micros = |at: f64| (at * 1e6).round() as u64;
        for task in &self.tasks {
            if let Some(at) = seconds(task, "stopping_s").filter(|&at| at >= from) {
                steps.entry(micros(at)).or_default().0 += 1;
            }
            if let Some(at) = seconds(task, "placed_s").filter(|&at| at >= from) {
                steps.entry(micros(at)).or_default().1 += 1;
            }
        }
        steps.into_iter().map(|(at, (stops, starts))| (at as f64 / 1e6, stops, starts)).collect()
    }

    /// Instants at which tasks were placed, ascending.
    pub fn placed(&self, from: f64) -> Vec<f64> {
        let mut all: Vec<f64> = self.tasks.iter().filter_map(|t| seconds(t, "placed_s")).collect();
        all.retain(|&at| at >= from);
        all.sort_by(f64::total_cmp);
        all
    }

    /// The row of `services.csv` at this instant.
    pub fn service_at(&self, at: f64) -> &Cells {
        let found = self.services.iter().find(|row| seconds(row, "time_s") == Some(at));
        found.unwrap_or_else(|| panic!("no sample at {at}"))
    }
}
