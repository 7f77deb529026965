//! `capacity_reservation.csv` and `capacity_scaling.csv`: the metric of managed scaling, and what came of it;
//! `subnets.csv`: addresses over time.

use super::outputs::Sinks;
use super::rows::RowWriter;
use crate::base::time::{SimSpan, SimTime};
use crate::metrics::table::{ColumnSpec, TableSpec, column};
use crate::model::scaling::MetricValue;
use crate::sim::event::RunError;

const RESERVATION_COLUMNS: &[ColumnSpec] = &[
    column("time_s", "decimal", "s", "end of the minute"),
    column("capacity_provider", "text", "–", "capacity provider"),
    column("reservation_percent", "decimal", "%", "`CapacityProviderReservation`: 100 · M / N"),
    column("target_percent", "integer", "%", "`targetCapacity`"),
    column(
        "needed_instances",
        "integer",
        "instances",
        "M: instances that running and waiting tasks need; where N is 0 what the waiting tasks need, and the metric is 200",
    ),
    column(
        "running_instances",
        "integer",
        "instances",
        "N: instances of the group that run, registered or not (`counted_instances`)",
    ),
    column("busy_instances", "integer", "instances", "those with a task that is not a daemon's"),
    column(
        "provisioning_tasks",
        "integer",
        "tasks",
        "tasks in PROVISIONING that wait for capacity of the provider",
    ),
    column(
        "incompatible_tasks",
        "integer",
        "tasks",
        "those that do not fit on the smallest of the group's types: nothing is launched for them",
    ),
    column("desired_capacity", "integer", "instances", "`DesiredCapacity` of the group"),
    column(
        "alarm_high",
        "text",
        "–",
        "state of the alarm that scales out, before this point is visible",
    ),
    column("alarm_low", "text", "–", "state of the alarm that scales in, likewise"),
];

/// `capacity_reservation.csv`.
pub const CAPACITY_RESERVATION: TableSpec = TableSpec {
    file: "capacity_reservation.csv",
    row: "minute of a capacity provider with managed scaling",
    columns: RESERVATION_COLUMNS,
};

const SUBNET_COLUMNS: &[ColumnSpec] = &[
    column("time_s", "decimal", "s", "when"),
    column("subnet", "text", "–", "its id"),
    column("availability_zone", "text", "–", "its Availability Zone"),
    column("cidr", "text", "–", "its block"),
    column("addresses", "integer", "addresses", "all of the block, less the five that AWS keeps"),
    column("used_addresses", "integer", "addresses", "those that others have all the time"),
    column("task_addresses", "integer", "addresses", "those of tasks"),
    column("instance_addresses", "integer", "addresses", "those of instances"),
    column("free_addresses", "integer", "addresses", "those that can be had"),
    column("least_free_addresses", "integer", "addresses", "the fewest since the row before"),
    column(
        "tasks_refused",
        "integer",
        "tasks",
        "tasks so far that failed to start for want of one",
    ),
    column(
        "launches_refused",
        "integer",
        "launches",
        "launches of instances so far that found none",
    ),
];

/// `subnets.csv`.
pub const SUBNETS: TableSpec = TableSpec {
    file: "subnets.csv",
    row: "subnet of `[network]` and sample",
    columns: SUBNET_COLUMNS,
};

/// A row of `subnets.csv`; the fields are its columns.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct SubnetRow<'a> {
    pub at: SimTime,
    pub subnet: &'a str,
    pub zone: &'a str,
    pub cidr: &'a str,
    /// From `addresses` to `least_free_addresses`.
    pub addresses: [u32; 6],
    /// `tasks_refused`, `launches_refused`.
    pub refused: [u64; 2],
}

const SCALING_COLUMNS: &[ColumnSpec] = &[
    column("time_s", "decimal", "s", "when"),
    column("capacity_provider", "text", "–", "capacity provider"),
    column("policy_type", "text", "–", "kind of the policy that decided, such as ManagedScaling"),
    column("alarm", "text", "–", "the alarm that fired"),
    column("metric", "text", "–", "its metric"),
    column("value", "decimal", "of the metric", "the newest value"),
    column("threshold", "decimal", "of the metric", "the alarm's threshold"),
    column("running_instances", "integer", "instances", "N at that point"),
    column(
        "wanted_capacity",
        "integer",
        "instances",
        "what brings the metric to its target, before steps, limits and warm-up",
    ),
    column("from_capacity", "integer", "instances", "`DesiredCapacity` before"),
    column("to_capacity", "integer", "instances", "`DesiredCapacity` after"),
    column("min_size", "integer", "instances", "`MinSize`"),
    column("max_size", "integer", "instances", "`MaxSize`"),
    column(
        "reason",
        "text",
        "–",
        "Scaled, or why not: AlreadyAtMaxCapacity, AlreadyAtMinCapacity, AlreadyAtDesiredCapacity, InstanceWarmup",
    ),
    column(
        "since_last_s",
        "decimal",
        "s",
        "time since a policy last changed the desired capacity; empty the first time",
    ),
];

/// `capacity_scaling.csv`.
pub const CAPACITY_SCALING: TableSpec = TableSpec {
    file: "capacity_scaling.csv",
    row: "decision about the desired capacity of an Auto Scaling group; a refusal that repeats is told once",
    columns: SCALING_COLUMNS,
};

/// A row; the fields are its columns.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct ReservationRow<'a> {
    pub at: SimTime,
    pub provider: &'a str,
    pub value: MetricValue,
    pub target_percent: u32,
    pub needed: u32,
    pub running: u32,
    pub busy: u32,
    pub provisioning: u32,
    pub incompatible: u32,
    pub desired: u32,
    pub high: &'static str,
    pub low: &'static str,
}

/// A row; the fields are its columns.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct ScalingRow<'a> {
    pub at: SimTime,
    pub provider: &'a str,
    pub policy: &'a str,
    pub alarm: &'a str,
    pub metric: Option<(&'static str, MetricValue)>,
    pub threshold: Option<MetricValue>,
    pub running: u32,
    pub wanted: Option<u32>,
    pub from: u32,
    pub to: u32,
    pub min: u32,
    pub max: u32,
    pub reason: &'a str,
    pub since_last: Option<SimSpan>,
}

/// The tables on their way to their sinks.
pub struct CapacityTables {
    subnets: RowWriter,
    reservation: RowWriter,
    scaling: RowWriter,
}

impl CapacityTables {
    /// Takes their sinks.
    #[must_use]
    pub fn new(sinks: &mut Sinks) -> CapacityTables {
        CapacityTables {
            subnets: RowWriter::new(sinks.subnets.take(), &SUBNETS),
            reservation: RowWriter::new(sinks.capacity_reservation.take(), &CAPACITY_RESERVATION),
            scaling: RowWriter::new(sinks.capacity_scaling.take(), &CAPACITY_SCALING),
        }
    }

    /// Whether anybody wants the metric.
    #[must_use]
    pub fn wants_reservation(&self) -> bool {
        self.reservation.is_on()
    }

    /// Writes a minute.
    ///
    /// # Errors
    /// What the sink says.
    pub fn reservation(&mut self, of: &ReservationRow<'_>) -> Result<(), RunError> {
        let mut row = self.reservation.row();
        row.time(of.at).text(of.provider).millionths(of.value.0);
        for count in [of.target_percent, of.needed, of.running, of.busy] {
            row.int(count.into());
        }
        for count in [of.provisioning, of.incompatible, of.desired] {
            row.int(count.into());
        }
        row.text(of.high).text(of.low).end();
        Ok(self.reservation.settle()?)
    }

    /// Writes a subnet.
    ///
    /// # Errors
    /// What the sink says.
    pub fn subnet(&mut self, of: &SubnetRow<'_>) -> Result<(), RunError> {
        if !self.subnets.is_on() {
            return Ok(());
        }
        let mut row = self.subnets.row();
        row.time(of.at).text(of.subnet).text(of.zone).text(of.cidr);
        for count in of.addresses {
            row.int(count.into());
        }
        for count in of.refused {
            row.int(count);
        }
        row.end();
        Ok(self.subnets.settle()?)
    }

    /// Writes a decision.
    ///
    /// # Errors
    /// What the sink says.
    pub fn scaling(&mut self, of: &ScalingRow<'_>) -> Result<(), RunError> {
        if !self.scaling.is_on() {
            return Ok(());
        }
        let mut row = self.scaling.row();
        row.time(of.at).text(of.provider).text(of.policy).text(of.alarm);
        match of.metric {
            Some((name, value)) => row.text(name).millionths(value.0),
            None => row.empty().empty(),
        };
        match of.threshold {
            Some(threshold) => row.millionths(threshold.0),
            None => row.empty(),
        };
        row.int(of.running.into());
        match of.wanted {
            Some(wanted) => row.int(wanted.into()),
            None => row.empty(),
        };
        for size in [of.from, of.to, of.min, of.max] {
            row.int(size.into());
        }
        row.text(of.reason);
        match of.since_last {
            Some(span) => row.span(span),
            None => row.empty(),
        };
        row.end();
        Ok(self.scaling.settle()?)
    }

    /// Hands all rows to the sinks.
    ///
    /// # Errors
    /// What they say.
    pub fn finish(&mut self) -> Result<(), RunError> {
        self.subnets.finish()?;
        self.reservation.finish()?;
        Ok(self.scaling.finish()?)
    }
}
