//! The tables that are streamed out while a run goes on, and the encoding of their rows.
//!
//! Rows are concatenations of integers and of names that were quoted once: no formatting machinery, no
//! allocation per row.

use crate::base::money::NanoUsd;
use crate::base::spreadsheet::free_text;
use crate::base::time::{MICROS_PER_SECOND, SimSpan, SimTime};
use crate::base::{calendar, decimal};
use crate::metrics::table::{ColumnSpec, TableSpec, column};
use std::io::{self, Write};

/// What is written while a run goes on, and where to; what is off costs nothing.
#[derive(Default)]
pub struct Sinks {
    /// `tasks.csv`.
    pub tasks: Option<Box<dyn Write + Send>>,
    /// `timeseries.csv`.
    pub timeseries: Option<Box<dyn Write + Send>>,
    /// `placement_failures.csv`.
    pub placement_failures: Option<Box<dyn Write + Send>>,
    /// `services.csv`.
    pub services: Option<Box<dyn Write + Send>>,
    /// `deployments.csv`.
    pub deployments: Option<Box<dyn Write + Send>>,
    /// `scaling.csv`.
    pub scaling: Option<Box<dyn Write + Send>>,
    /// `service_events.csv`.
    pub service_events: Option<Box<dyn Write + Send>>,
    /// `connections.csv`.
    pub connections: Option<Box<dyn Write + Send>>,
    /// `fleet_events.csv`.
    pub fleet_events: Option<Box<dyn Write + Send>>,
    /// `capacity_reservation.csv`.
    pub capacity_reservation: Option<Box<dyn Write + Send>>,
    /// `capacity_scaling.csv`.
    pub capacity_scaling: Option<Box<dyn Write + Send>>,
    /// `subnets.csv`.
    pub subnets: Option<Box<dyn Write + Send>>,
    /// Whether somebody will draw: the picture of the fleet is made, and services keep samples for their charts.
    pub picture: bool,
    /// Whether the bill is kept by the hour.
    pub hourly: bool,
    /// Whether the whole bill is allocated to those whose it is.
    pub allocation: bool,
    /// Whether rows may be read and written by threads beside the run. The bytes are the same.
    pub beside: bool,
    /// Time zero, seconds since 1970, where the tables are to have the calendar; a run takes it from its setup.
    pub epoch: Option<i64>,
}

/// The column of the calendar; the last, so that the others stay where they are in runs without one.
pub const UTC: ColumnSpec = column(
    "utc",
    "instant",
    "–",
    "the same on the calendar, RFC 3339, whole seconds; empty where `simulation.start` is the default",
);

const TASK_COLUMNS: &[ColumnSpec] = &[
    column("task_id", "integer", "–", "number of the task in order of arrival, from 0"),
    column("source", "text", "–", "the `[[run_task]]` entry that asked for it"),
    column("group", "text", "–", "task group"),
    column("task_definition", "text", "–", "family:revision"),
    column("launch", "text", "–", "EC2 or FARGATE"),
    column("capacity_provider", "text", "–", "capacity provider that it was placed on"),
    column("availability_zone", "text", "–", "Availability Zone that it was placed in"),
    column("instance_id", "text", "–", "container instance; empty on Fargate"),
    column("cpu", "integer", "CPU units", "what it was promised; on Fargate its size"),
    column("memory_mib", "integer", "MiB", "what it was promised; on Fargate its size"),
    column("gpus", "integer", "GPUs", "whole GPUs that it was promised"),
    column("arrival_s", "decimal", "s", "when its caller wanted it"),
    column(
        "accepted_s",
        "decimal",
        "s",
        "when the API first accepted the call; in a queue `arrival_s` and the time for which the API held it back",
    ),
    column("placed_s", "decimal", "s", "when it was placed: PROVISIONING"),
    column("pending_s", "decimal", "s", "when its ENI was there: PENDING"),
    column("pull_started_s", "decimal", "s", "start of the image pull: ACTIVATING"),
    column("pull_stopped_s", "decimal", "s", "end of the image pull"),
    column("started_s", "decimal", "s", "RUNNING"),
    column("stopping_s", "decimal", "s", "essential container exited, or StopTask was called"),
    column("execution_stopped_s", "decimal", "s", "last container exited: DEPROVISIONING"),
    column("stopped_s", "decimal", "s", "STOPPED; empty while it lives at the end of the run"),
    column("stop_code", "text", "–", "as the API names it"),
    column("stopped_reason", "text", "–", "why it stopped, or why it was refused"),
    column("exit_code", "integer", "–", "exit code of the essential container"),
    column("wait_s", "decimal", "s", "from acceptance to placement"),
    column(
        "usd",
        "decimal",
        "USD",
        "Fargate: its bill; EC2: its share of the instance's price, a fraction of a nano-dollar cut off, so that shares \
         never exceed it; a Spot instance that EC2 takes back in its first hour costs nothing, which rows of tasks that \
         had stopped before do not know; whatever was committed to, at list prices",
    ),
    column("refused_s", "decimal", "s", "when its caller gave it up, if it did"),
    column(
        "ephemeral_gib",
        "integer",
        "GiB",
        "task storage; on Fargate what exceeds 20 GiB is billed",
    ),
    column(
        "waited_decision_s",
        "decimal",
        "s",
        "in PROVISIONING for capacity: while nobody had asked for more instances. The four add up to that time; empty \
         where the task never waited so",
    ),
    column("waited_launch_s", "decimal", "s", "… while instances were on their way"),
    column(
        "waited_max_size_s",
        "decimal",
        "s",
        "… while its group was as large as it may be, and none was on its way",
    ),
    column(
        "waited_no_capacity_s",
        "decimal",
        "s",
        "… while none was on its way, since a launch had failed and was to be tried again",
    ),
    column(
        "deactivating_s",
        "decimal",
        "s",
        "DEACTIVATING: no longer wanted, and out of its load balancer from here on; `stopping_s` where that takes no time",
    ),
];

/// `tasks.csv`.
pub const TASKS: TableSpec = TableSpec {
    file: "tasks.csv",
    row: "task, in order of stopping; then those alive at the end, in order of `task_id`",
    columns: TASK_COLUMNS,
};

const TIMESERIES_COLUMNS: &[ColumnSpec] = &[
    column("time_s", "decimal", "s", "when; the row sees the instant after all have acted"),
    column("capacity_provider", "text", "–", "capacity provider, or `total`"),
    column("instances", "integer", "instances", "registered container instances"),
    column("idle_instances", "integer", "instances", "of these, without a task"),
    column("needed_instances", "integer", "instances", "lower bound for the promised tasks"),
    column("provisioning", "integer", "tasks", "tasks in PROVISIONING"),
    column("pending", "integer", "tasks", "tasks in PENDING"),
    column("activating", "integer", "tasks", "tasks in ACTIVATING"),
    column("running", "integer", "tasks", "tasks in RUNNING"),
    column("deactivating", "integer", "tasks", "tasks in DEACTIVATING"),
    column("stopping", "integer", "tasks", "tasks in STOPPING"),
    column("deprovisioning", "integer", "tasks", "tasks in DEPROVISIONING"),
    column("waiting", "integer", "tasks", "tasks that wait for placement; only in `total`"),
    column("registered_cpu", "integer", "CPU units", "registered by instances"),
    column("reserved_cpu", "integer", "CPU units", "promised to tasks; on Fargate their sizes"),
    column(
        "used_cpu",
        "integer",
        "CPU units",
        "held by tasks that have taken their resources on the host",
    ),
    column("registered_memory_mib", "integer", "MiB", "registered by instances"),
    column("reserved_memory_mib", "integer", "MiB", "promised to tasks; on Fargate their sizes"),
    column(
        "used_memory_mib",
        "integer",
        "MiB",
        "held by tasks that have taken their resources on the host",
    ),
    column("usd_per_hour", "decimal", "USD/h", "rate of spending at this instant"),
    column(
        "desired_instances",
        "integer",
        "instances",
        "desired capacity of the Auto Scaling group; of a fixed fleet its instances",
    ),
    column("launching_instances", "integer", "instances", "launched and not registered yet"),
    column("draining_instances", "integer", "instances", "registered ones that are DRAINING"),
    column("warm_instances", "integer", "instances", "in warm pools, or on their way there"),
    UTC,
];

/// `timeseries.csv`.
pub const TIMESERIES: TableSpec = TableSpec {
    file: "timeseries.csv",
    row: "sample and capacity provider, then the total",
    columns: TIMESERIES_COLUMNS,
};

const FAILURE_COLUMNS: &[ColumnSpec] = &[
    column("time_s", "decimal", "s", "when placement failed"),
    column("source", "text", "–", "the `[[run_task]]` entry"),
    column("task_id", "integer", "–", "first of the tasks that the row stands for"),
    column("tasks", "integer", "tasks", "equal tasks that failed together"),
    column("attempt", "integer", "–", "which call of the caller, from 1; 0 in a queue"),
    column("reason", "text", "–", "as ECS names it"),
    column("instances", "integer", "instances", "instances that were turned down for this reason"),
    UTC,
];

/// `placement_failures.csv`.
pub const PLACEMENT_FAILURES: TableSpec = TableSpec {
    file: "placement_failures.csv",
    row: "failed placement × reason; a task that waits is written at most once per sample interval",
    columns: FAILURE_COLUMNS,
};

/// A name as a CSV field, quoted where needed.
#[must_use]
pub fn field(name: &str) -> Box<[u8]> {
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    writer.write_record([name]).expect("memory takes a field");
    let mut bytes = writer.into_inner().expect("memory takes a field");
    bytes.pop(); // the line end
    if name.is_empty() {
        bytes.clear(); // a lone empty field would be quoted
    }
    bytes.into_boxed_slice()
}

/// Rows on their way to a sink, written in blocks.
pub struct RowWriter {
    sink: Option<Box<dyn Write + Send>>,
    buffer: Vec<u8>,
    epoch: Option<i64>,
}

/// Rows are handed on in blocks of this many bytes: whole pages, of which a file system begins none twice, and few enough
/// to stay in a near cache.
const BLOCK: usize = 1 << 16;

impl RowWriter {
    /// A writer that begins with the header of `table`.
    #[must_use]
    pub fn new(sink: Option<Box<dyn Write + Send>>, table: &TableSpec) -> Self {
        let mut buffer = Vec::new();
        if sink.is_some() {
            buffer.reserve(BLOCK + (BLOCK >> 3));
            buffer.extend_from_slice(table.header().as_bytes());
        }
        RowWriter { sink, buffer, epoch: None }
    }

    /// With time zero for [`Row::utc`].
    #[must_use]
    pub fn dated(self, epoch: Option<i64>) -> Self {
        RowWriter { epoch, ..self }
    }

    /// Whether rows go anywhere. Callers do no work for a table that is off.
    #[inline]
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.sink.is_some()
    }

    /// Begins a row.
    #[inline]
    pub fn row(&mut self) -> Row<'_> {
        Row { bytes: &mut self.buffer, last: None, epoch: self.epoch }
    }

    /// Hands full blocks to the sink.
    ///
    /// # Errors
    /// What the sink says.
    #[inline]
    pub fn settle(&mut self) -> io::Result<()> {
        if self.buffer.len() < BLOCK { Ok(()) } else { self.hand_on() }
    }

    fn hand_on(&mut self) -> io::Result<()> {
        let full = self.buffer.len() / BLOCK * BLOCK;
        if let Some(sink) = &mut self.sink {
            sink.write_all(&self.buffer[..full])?;
        }
        self.buffer.drain(..full);
        Ok(())
    }

    /// Hands everything to the sink.
    ///
    /// # Errors
    /// What the sink says.
    pub fn flush(&mut self) -> io::Result<()> {
        if let Some(sink) = &mut self.sink {
            sink.write_all(&self.buffer)?;
        }
        self.buffer.clear();
        Ok(())
    }

    /// Hands everything to the sink and flushes it.
    ///
    /// # Errors
    /// What the sink says.
    pub fn finish(&mut self) -> io::Result<()> {
        self.flush()?;
        self.sink.as_mut().map_or(Ok(()), |sink| sink.flush())
    }
}

/// A row that is being written; fields follow each other, [`Row::end`] closes it.
pub struct Row<'a> {
    bytes: &'a mut Vec<u8>,
    /// The instant written last, and how: stages of no length repeat it.
    last: Option<(SimTime, decimal::Written)>,
    epoch: Option<i64>,
}

impl Row<'_> {
    /// A name that [`field`] has quoted.
    #[inline]
    pub fn name(&mut self, field: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(field);
        self.bytes.push(b',');
        self
    }

    /// A whole number.
    #[inline]
    pub fn int(&mut self, value: u64) -> &mut Self {
        decimal::write_field(self.bytes, value, 0);
        self
    }

    /// Nothing.
    #[inline]
    pub fn empty(&mut self) -> &mut Self {
        self.bytes.push(b',');
        self
    }

    /// An instant in seconds; [`SimTime::NEVER`] is empty.
    #[inline]
    pub fn time(&mut self, at: SimTime) -> &mut Self {
        if at == SimTime::NEVER {
            return self.empty();
        }
        if let Some((last, written)) = &self.last
            && *last == at
        {
            written.append_to(self.bytes);
            return self;
        }
        self.last = decimal::Written::millionths(at.0).map(|written| (at, written));
        match &self.last {
            Some((_, written)) => written.append_to(self.bytes),
            None => decimal::write_field(self.bytes, at.0, 6),
        }
        self
    }

    /// Several instants, each as [`Row::time`] writes it.
    #[inline]
    pub fn times<const N: usize>(&mut self, all: [SimTime; N]) -> &mut Self {
        for at in all {
            self.time(at);
        }
        self
    }

    /// An instant on the calendar, in [`UTC`]; empty without one.
    pub fn utc(&mut self, at: SimTime) -> &mut Self {
        let seconds = i64::try_from(at.0 / MICROS_PER_SECOND).unwrap_or(i64::MAX);
        if let Some(epoch) = self.epoch {
            calendar::write_utc(self.bytes, epoch.saturating_add(seconds));
        }
        self.empty()
    }

    /// A span in seconds.
    #[inline]
    pub fn span(&mut self, span: SimSpan) -> &mut Self {
        self.time(SimTime(span.0))
    }

    /// A decimal in millionths, without trailing zeros.
    #[inline]
    pub fn millionths(&mut self, value: u64) -> &mut Self {
        decimal::write_field(self.bytes, value, 6);
        self
    }

    /// Several of them in one field, separated by blanks; `missing` for what is not there.
    pub fn all_millionths(&mut self, values: impl Iterator<Item = Option<u64>>) -> &mut Self {
        for (index, value) in values.enumerate() {
            if index > 0 {
                self.bytes.push(b' ');
            }
            match value {
                Some(value) => decimal::write_scaled(self.bytes, value, 6),
                None => self.bytes.extend_from_slice(b"missing"),
            }
        }
        self.bytes.push(b',');
        self
    }

    /// A percentage with six decimals; empty where it is not defined.
    pub fn percent(&mut self, value: Option<f64>) -> &mut Self {
        if let Some(value) = value.filter(|value| value.is_finite()) {
            write!(self.bytes, "{value:.6}").expect("memory takes a number");
        }
        self.bytes.push(b',');
        self
    }

    /// Free text, safe for spreadsheets and quoted where needed.
    pub fn text(&mut self, text: &str) -> &mut Self {
        let text = free_text(text);
        let is_plain = |byte: &u8| !matches!(byte, b',' | b'"' | b'\n' | b'\r');
        if text.as_bytes().iter().all(is_plain) {
            return self.name(text.as_bytes());
        }
        self.name(&field(&text))
    }

    /// Dollars, without trailing zeros.
    #[inline]
    pub fn usd(&mut self, usd: NanoUsd) -> &mut Self {
        if usd.0 < 0 {
            self.bytes.push(b'-');
        }
        let nanos = usd.0.unsigned_abs();
        match u64::try_from(nanos) {
            Ok(nanos) => decimal::write_field(self.bytes, nanos, 9),
            Err(_) => {
                let text = NanoUsd(nanos as i128).to_string();
                let text = text.trim_end_matches('0').trim_end_matches('.');
                self.bytes.extend_from_slice(text.as_bytes());
                self.bytes.push(b',');
            }
        }
        self
    }

    /// Ends the row.
    #[inline]
    pub fn end(&mut self) {
        let last = self.bytes.last_mut().expect("a row has fields");
        *last = b'\n';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_once_and_only_where_needed() {
        assert_eq!(&*field("plain"), b"plain");
        assert_eq!(&*field(""), b"");
        assert_eq!(&*field("a,\"b\""), b"\"a,\"\"b\"\"\"");
    }

    #[test]
    fn a_row_ends_with_a_line_end_in_place_of_the_last_comma() {
        let mut bytes = Vec::new();
        Row { bytes: &mut bytes, last: None, epoch: None }
            .int(7)
            .empty()
            .time(SimTime(1_500_000))
            .time(SimTime::NEVER)
            .usd(NanoUsd(-5))
            .end();
        assert_eq!(bytes, b"7,,1.5,,-0.000000005\n");
    }
}
