//! Runs a scenario of the folder `scenarios` and keeps its tables.

use super::Page;
use ecsim::engine::Pulse;
use ecsim::experiment::run_one;
use ecsim::metrics::service::ServiceReport;
use ecsim::scenario::load;
use ecsim::sim::outputs::Sinks;
use ecsim::sim::{RunResult, Watch};
use std::path::Path;

/// A shipped scenario that has been run.
pub struct Shipped {
    /// The result.
    pub result: RunResult,
    /// `tasks.csv`.
    pub tasks: String,
    /// `deployments.csv`.
    pub deployments: String,
    /// `scaling.csv`.
    pub scaling: String,
    /// `service_events.csv`.
    pub events: String,
    /// `capacity_scaling.csv`.
    pub capacity: String,
    /// `capacity_reservation.csv`.
    pub reservation: String,
    /// `fleet_events.csv`.
    pub fleet: String,
}

/// A row of a table, by name of its columns.
pub type Row = std::collections::BTreeMap<String, String>;

/// The rows of a table.
pub fn rows(table: &str) -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    reader.deserialize().map(|row| row.unwrap()).collect()
}

impl Shipped {
    /// Runs `scenarios/<name>.toml` with these keys set to other values and all its tables on.
    pub fn run(name: &str, set: &[(&str, &str)]) -> Shipped {
        Shipped::run_checked(name, set, true)
    }

    /// The same, with or without comparing all books after every event.
    pub fn run_checked(name: &str, set: &[(&str, &str)], check_every_event: bool) -> Shipped {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("scenarios/{name}.toml"));
        let set: Vec<(String, String)> =
            set.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        let scenario = load(&path, &set).unwrap_or_else(|problems| panic!("{problems}"));
        let pages: [Page; 7] = Default::default();
        let [tasks, deployments, scaling, events, capacity, reservation, fleet] = pages.clone();
        let sinks = Sinks {
            tasks: Some(Box::new(tasks)),
            deployments: Some(Box::new(deployments)),
            scaling: Some(Box::new(scaling)),
            service_events: Some(Box::new(events)),
            capacity_scaling: Some(Box::new(capacity)),
            capacity_reservation: Some(Box::new(reservation)),
            fleet_events: Some(Box::new(fleet)),
            picture: true, // with it the services keep their samples
            ..Sinks::default()
        };
        let watch = Watch { pulse: &Pulse::default(), check_every_event };
        let result = run_one(&scenario, scenario.setup.seed, sinks, watch).unwrap();
        let [tasks, deployments, scaling, events, capacity, reservation, fleet] =
            pages.map(|page| page.text());
        Shipped { result, tasks, deployments, scaling, events, capacity, reservation, fleet }
    }

    /// What is known about a service.
    pub fn service(&self, name: &str) -> &ServiceReport {
        self.result.services.iter().find(|service| service.name == name).unwrap()
    }

    /// A metric of the summary.
    pub fn number(&self, metric: &str) -> f64 {
        self.result.summary.get(metric).and_then(|value| value.as_f64()).unwrap()
    }

    /// Changes of the desired capacity of a provider's group: when, from, to.
    pub fn steps(&self, provider: &str) -> Vec<(f64, u32, u32)> {
        let is_step = |row: &Row| {
            row["capacity_provider"] == provider && row["from_capacity"] != row["to_capacity"]
        };
        let step = |row: Row| {
            let size = |column: &str| row[column].parse().unwrap();
            (row["time_s"].parse().unwrap(), size("from_capacity"), size("to_capacity"))
        };
        rows(&self.capacity).into_iter().filter(is_step).map(step).collect()
    }

    /// The last minute of a provider's managed scaling.
    pub fn last_minute(&self, provider: &str) -> Row {
        let mut own = rows(&self.reservation).into_iter();
        own.rfind(|row| row["capacity_provider"] == provider).unwrap()
    }

    /// The cells of a column of a table in the rows of a service.
    pub fn cells(&self, table: &str, service: &str, column: &str) -> Vec<String> {
        rows(table)
            .into_iter()
            .filter(|row| row.get("service").or(row.get("source")).unwrap() == service)
            .map(|mut row| row.remove(column).unwrap())
            .collect()
    }
}
