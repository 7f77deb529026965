//! Scenarios whose fleet moves, as text: run under all checks, what happened to instances read back as rows.

use super::Page;
use super::services::{Cells, rows, seconds};
use ecsim::base::random::Seed;
use ecsim::engine::Pulse;
use ecsim::experiment::run_one;
use ecsim::report::{bill_tables, tables};
use ecsim::scenario::load_text;
use ecsim::sim::outputs::Sinks;
use ecsim::sim::{RunResult, Watch};
use std::path::Path;

/// Most tests last a thousand seconds, with schedulers that react after one.
pub const HEAD: &str = r#"
[simulation]
region = "us-east-1"
duration = "1000s"
sample_interval = "10s"

[service_scheduler]
reaction = "1s"
"#;

/// Stages of Fargate without chance, lines of `[latency]`: a task is RUNNING 30 s after it was placed, and takes 20 s from
/// SIGTERM to its end.
pub const FARGATE: &str = r#"
[latency]
fargate_eni = "5s"
fargate_prepare = "10s"
fargate_start = "15s"
fargate_eni_detach = "1s"
container_stop = "20s"
"#;

/// ECS Managed Instances: ACTIVE 30 s after a launch (1 + 15 + 10 + 4 s), billed from 16 s on; boxes for four tasks and for two.
pub const MANAGED: &str = r#"[latency]
ec2_start = "2s"
eni_attach = "0s"
eni_detach = "0s"
container_stop = "1s"
managed_instance_launch = "1s"
instance_pending = "15s"
managed_instance_boot = "10s"
managed_instance_register = "4s"

[service_scheduler]
reaction = "1s"

[[instance_type]]
name = "box.large"
vcpus = 4
memory = 8192
registered_memory = 8192
usd_per_hour = 3.6

[[instance_type]]
name = "box.small"
vcpus = 2
memory = 4096
registered_memory = 4096
usd_per_hour = 2.4
"#;

/// A cluster of one zone on [`MANAGED`] instances of these types (as a TOML list), with keys of `managed_instances`; stages
/// may be another text in place of [`MANAGED`]. The task definition `web` fills a quarter of a large box.
pub fn on_managed(stages: &str, types: &str, managed: &str, more: &str) -> String {
    format!(
        r#"
[simulation]
region = "us-west-2"
duration = "2000s"
sample_interval = "10s"

{stages}
[[cluster]]
availability_zones = ["us-west-2a"]

[[capacity_provider]]
name = "mi"
instance_types = {types}
[capacity_provider.managed_instances]
{managed}

[[task_definition]]
family = "web"
cpu = 1024
memory = 1024
network_mode = "host"

{more}
"#
    )
}

/// Rows of `fleet_events.csv` as time, event, instance and reason.
pub fn fleet_events(ran: &Moved) -> Vec<String> {
    let told = |row: &Cells| {
        format!("{} {} {} {}", row["time_s"], row["event"], row["instance_id"], row["reason"])
    };
    ran.fleet.iter().map(told).collect()
}

/// Stages without chance: an instance is ACTIVE 60 s after it was needed, a task RUNNING 2 s after it was placed.
pub const LATENCY: &str = r#"
[latency]
ec2_start = "2s"
container_stop = "1s"
instance_launch = "5s"
instance_pending = "15s"
instance_boot = "30s"
instance_register = "10s"
"#;

/// Boxes with room for two tasks of [`WEB`] each, a tenth of a cent and half of it a second, in two zones.
pub const BOXES: &str = r#"
[[instance_type]]
name = "box.large"
vcpus = 2
memory = 4096
registered_memory = 4096
usd_per_hour = 3.6

[[instance_type]]
name = "box.cheap"
vcpus = 2
memory = 4096
registered_memory = 4096
usd_per_hour = 1.8

[[cluster]]
availability_zones = ["us-east-1a", "us-east-1b"]
"#;

/// A task of one vCPU.
pub const WEB: &str = r#"
[[task_definition]]
family = "web"
cpu = 1024
memory = 1024
network_mode = "bridge"
"#;

/// Tasks of RunTask, asked for at 1 s, that wait in a queue.
pub fn jobs(count: u32, duration: &str) -> String {
    format!(
        "[[run_task]]\nname = \"jobs\"\ntask_definition = \"web\"\non_failure = \"queue\"\n\
         [run_task.generate]\nper_second = 1\nprocess = \"even\"\nlimit = 1\ncount = {count}\n\
         duration = \"{duration}\"\n"
    )
}

/// A finished run and its tables.
pub struct Moved {
    /// The result.
    pub result: RunResult,
    /// `tasks.csv`, in order of task id.
    pub tasks: Vec<Cells>,
    /// `fleet_events.csv`.
    pub fleet: Vec<Cells>,
    /// `instances.csv`.
    pub instances: Vec<Cells>,
    /// `timeseries.csv`.
    pub series: Vec<Cells>,
    /// `capacity_reservation.csv`.
    pub reservation: Vec<Cells>,
    /// `capacity_scaling.csv`.
    pub scaling: Vec<Cells>,
    /// `subnets.csv`.
    pub subnets: Vec<Cells>,
}

/// Runs a scenario from its text, every book checked after every event.
pub fn run(text: &str) -> Moved {
    let scenario = load_text(text, "test.toml", Path::new("."), &[])
        .unwrap_or_else(|errors| panic!("{errors}"));
    let pages: [Page; 6] = std::array::from_fn(|_| Page::default());
    let [tasks, fleet, series, reservation, scaling, subnets] = pages.clone();
    let sinks = Sinks {
        tasks: Some(Box::new(tasks)),
        fleet_events: Some(Box::new(fleet)),
        timeseries: Some(Box::new(series)),
        capacity_reservation: Some(Box::new(reservation)),
        capacity_scaling: Some(Box::new(scaling)),
        subnets: Some(Box::new(subnets)),
        allocation: scenario.is_allocated(),
        ..Sinks::default()
    };
    let watch = Watch { pulse: &Pulse::default(), check_every_event: true };
    let result = run_one(&scenario, Seed(1), sinks, watch).unwrap();
    let [mut tasks, fleet, series, reservation, scaling, subnets] =
        pages.map(|page| rows(&page.text()));
    tasks.sort_by_key(|row| row["task_id"].parse::<u64>().unwrap());
    let zones: Vec<String> = scenario.setup.zones.iter().cloned().collect();
    let instances = rows(&String::from_utf8(tables::instances(&result, &zones)).unwrap());
    Moved { result, tasks, fleet, instances, series, reservation, scaling, subnets }
}

/// Everything that is wrong with a scenario.
pub fn errors(text: &str) -> String {
    load_text(text, "test.toml", Path::new("."), &[]).expect_err("it is refused").to_string()
}

/// Category, use, quantity and dollars of each line of the bill.
pub fn cost_lines(ran: &Moved) -> Vec<String> {
    let line = |row: &Cells| {
        let usd = row["usd"].trim_end_matches('0').trim_end_matches('.');
        format!("{} {} {} {usd}", row["category"], row["use"], row["quantity"])
    };
    let cost = rows(&String::from_utf8(bill_tables::cost(&ran.result)).unwrap());
    cost.iter().map(line).collect()
}

impl Moved {
    /// Instants and instances of an event of the fleet.
    pub fn event(&self, name: &str) -> Vec<(f64, &str)> {
        let is_it = |row: &&Cells| row["event"] == name;
        let told = |row: &&Cells| seconds(row, "time_s").unwrap();
        let all = self.fleet.iter().filter(is_it);
        all.map(|row| (told(&row), row["instance_id"].as_str())).collect()
    }

    /// Cells of a column of `instances.csv`, by name of the instance.
    pub fn of_instances(&self, column: &str) -> Vec<(&str, &str)> {
        let cell = |row: &Cells| -> String { row[column].clone() };
        assert!(self.instances.iter().all(|row| !cell(row).contains('\n')));
        self.instances
            .iter()
            .map(|row| (row["instance_id"].as_str(), row[column].as_str()))
            .collect()
    }

    /// Cells of a column of `tasks.csv`, in order of task id.
    pub fn of_tasks(&self, column: &str) -> Vec<&str> {
        self.tasks.iter().map(|row| row[column].as_str()).collect()
    }

    /// The metric of managed scaling at an instant: percent, M, N, tasks in PROVISIONING.
    pub fn metric(&self, provider: &str, at: f64) -> [f64; 4] {
        let is_it = |row: &&Cells| {
            row["capacity_provider"] == provider && seconds(row, "time_s") == Some(at)
        };
        let row = self.reservation.iter().find(is_it).unwrap_or_else(|| panic!("no point at {at}"));
        let columns =
            ["reservation_percent", "needed_instances", "running_instances", "provisioning_tasks"];
        columns.map(|column| row[column].parse().unwrap())
    }

    /// Changes of the desired capacity by managed scaling: when, from, to.
    pub fn steps(&self, provider: &str) -> Vec<(f64, u32, u32)> {
        let own = self.scaling.iter().filter(|row| {
            row["capacity_provider"] == provider && row["from_capacity"] != row["to_capacity"]
        });
        own.map(|row| {
            let size = |column: &str| row[column].parse().unwrap();
            (seconds(row, "time_s").unwrap(), size("from_capacity"), size("to_capacity"))
        })
        .collect()
    }

    /// Decisions that changed nothing: when, and why not.
    pub fn refusals(&self, provider: &str) -> Vec<(f64, &str)> {
        let own = self.scaling.iter().filter(|row| {
            row["capacity_provider"] == provider && row["from_capacity"] == row["to_capacity"]
        });
        own.map(|row| (seconds(row, "time_s").unwrap(), row["reason"].as_str())).collect()
    }

    /// A number of the summary.
    pub fn number(&self, metric: &str) -> f64 {
        let value = self.result.summary.get(metric).unwrap_or_else(|| panic!("no metric {metric}"));
        value.as_f64().unwrap_or_else(|| panic!("{metric} is not a number"))
    }

    /// The total row of `timeseries.csv` at this instant.
    pub fn at(&self, at: f64) -> &Cells {
        let is_it = |row: &&Cells| {
            row["capacity_provider"] == "total" && seconds(row, "time_s") == Some(at)
        };
        self.series.iter().find(is_it).unwrap_or_else(|| panic!("no sample at {at}"))
    }
}
