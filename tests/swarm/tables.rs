//! The tables of a run, read back from their text.

use super::make::Case;
use ecsim::base::money::NanoUsd;
use ecsim::model::arrival::TaskRow;
use ecsim::report::tables;
use ecsim::sim::RunResult;

/// Microseconds; `None` where the cell is empty.
pub type Instant = Option<u64>;

/// A row of `tasks.csv`.
pub struct TaskLine {
    pub id: usize,
    pub source: String,
    pub definition: String,
    pub launch: String,
    pub provider: String,
    pub instance: String,
    pub cpu: u64,
    pub memory: u64,
    pub gpus: u64,
    pub accepted: Instant,
    /// Arrival, placed, pending, pull started, started, stopping, execution stopped, stopped.
    pub stages: [Instant; 8],
    pub pull_stopped: Instant,
    pub reason: String,
    pub exit_code: String,
    pub wait: Instant,
    pub usd: i64,
}

impl TaskLine {
    pub fn arrival(&self) -> u64 {
        self.stages[0].unwrap()
    }

    pub fn placed(&self) -> Instant {
        self.stages[1]
    }

    /// When its promise ended, `end` at the latest; `None` where it never had one.
    pub fn promise(&self, end: u64) -> Option<(u64, u64)> {
        self.placed().map(|from| (from, self.stages[5].unwrap_or(end)))
    }

    /// When its ENI slot is free again.
    pub fn interface_end(&self, end: u64) -> u64 {
        self.stages[7].unwrap_or(end)
    }
}

/// A table with its header.
pub struct Table {
    header: csv::StringRecord,
    pub rows: Vec<csv::StringRecord>,
}

impl Table {
    pub fn of(text: &str) -> Table {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header = reader.headers().unwrap().clone();
        Table { header, rows: reader.records().map(|row| row.unwrap()).collect() }
    }

    pub fn cell<'a>(&self, row: &'a csv::StringRecord, name: &str) -> &'a str {
        let at = self.header.iter().position(|column| column == name);
        &row[at.unwrap_or_else(|| panic!("no column {name}"))]
    }

    pub fn int(&self, row: &csv::StringRecord, name: &str) -> u64 {
        self.cell(row, name).parse().unwrap_or_else(|_| panic!("{name}: {row:?}"))
    }
}

/// A decimal number of at most `places` places as a whole number of its last place.
pub fn scaled(cell: &str, places: usize) -> i64 {
    let (sign, digits) = cell.strip_prefix('-').map_or((1, cell), |rest| (-1, rest));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    assert!(part.len() <= places, "{cell} has too many places");
    let number = format!("{whole}{part:0<places$}");
    sign * number.parse::<i64>().unwrap_or_else(|_| panic!("{cell:?} is not a number"))
}

/// Everything that a run has written.
pub struct Written {
    pub tasks: Vec<TaskLine>,
    pub series: Table,
    pub failures: Table,
    pub instances: Table,
    pub cost: Table,
}

impl Written {
    /// Reads the tables back; instances and the bill are written first, as the command line does.
    pub fn of(case: &Case, result: &RunResult, [tasks, series, failures]: [&str; 3]) -> Written {
        let zones: Vec<String> = case.setup.zones.iter().cloned().collect();
        let instances = String::from_utf8(tables::instances(result, &zones)).unwrap();
        let cost = String::from_utf8(ecsim::report::bill_tables::cost(result)).unwrap();
        Written {
            tasks: task_lines(tasks),
            series: Table::of(series),
            failures: Table::of(failures),
            instances: Table::of(&instances),
            cost: Table::of(&cost),
        }
    }
}

fn task_lines(text: &str) -> Vec<TaskLine> {
    let table = Table::of(text);
    let line = |row: &csv::StringRecord| {
        let time = |name: &str| {
            let cell = table.cell(row, name);
            (!cell.is_empty()).then(|| u64::try_from(scaled(cell, 6)).unwrap())
        };
        let text = |name: &str| table.cell(row, name).to_string();
        let usd = table.cell(row, "usd");
        TaskLine {
            id: table.int(row, "task_id") as usize,
            source: text("source"),
            definition: text("task_definition"),
            launch: text("launch"),
            provider: text("capacity_provider"),
            instance: text("instance_id"),
            cpu: table.int(row, "cpu"),
            memory: table.int(row, "memory_mib"),
            gpus: table.int(row, "gpus"),
            accepted: time("accepted_s"),
            stages: [
                "arrival_s",
                "placed_s",
                "pending_s",
                "pull_started_s",
                "started_s",
                "stopping_s",
                "execution_stopped_s",
                "stopped_s",
            ]
            .map(time),
            pull_stopped: time("pull_stopped_s"),
            reason: text("stopped_reason"),
            exit_code: text("exit_code"),
            wait: time("wait_s"),
            usd: if usd.is_empty() { 0 } else { scaled(usd, 9) },
        }
    };
    let mut lines: Vec<TaskLine> = table.rows.iter().map(line).collect();
    lines.sort_by_key(|line| line.id);
    lines
}

/// The rows that became tasks, one for each task in order of its number.
pub fn expected(case: &Case, end: u64) -> Vec<(usize, TaskRow)> {
    let mut rows: Vec<(usize, TaskRow)> = Vec::new();
    for (source, of) in case.rows.iter().enumerate() {
        rows.extend(of.iter().map(|row| (source, *row)));
    }
    // Stable: rows of one caller stay in order.
    rows.sort_by_key(|(source, row)| (row.arrival, *source));
    if case.setup.horizon.is_some() {
        rows.retain(|(_, row)| row.arrival.0 < end);
    }
    let copies = |entry: &(usize, TaskRow)| vec![*entry; entry.1.count as usize];
    rows.iter().flat_map(copies).collect()
}

/// Nano-dollars of a summary's amount.
pub fn usd(result: &RunResult, metric: &str) -> NanoUsd {
    NanoUsd(scaled(&result.summary.get(metric).unwrap().to_string(), 9).into())
}
