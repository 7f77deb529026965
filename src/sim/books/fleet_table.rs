//! `fleet_events.csv`: what happens to Auto Scaling groups and their instances.

use super::rows::RowWriter;
use crate::base::time::SimTime;
use crate::metrics::table::{ColumnSpec, TableSpec, column};
use crate::model::platform::Purchase;
use crate::sim::event::RunError;
use std::io::Write;

const COLUMNS: &[ColumnSpec] = &[
    column("time_s", "decimal", "s", "when"),
    column("capacity_provider", "text", "–", "capacity provider"),
    column(
        "event",
        "text",
        "–",
        "capacity (a limit or the desired capacity changed), launch, running, registered, draining, terminated, failed, \
         agent_lost, impaired (of Managed Instances: ECS has found it so), recovered, never_registered, launch_abandoned, \
         launch_failed; of a warm pool warmed, leaves_warm_pool, \
         returns_to_warm_pool; of Spot rebalance_recommendation, interruption_notice, as of FARGATE_SPOT; of \
         Fargate retirement; of an instance refresh refresh_started, refresh_progress, \
         refresh_checkpoint, refresh_waiting, refresh_bakes, refresh_successful, refresh_cancelled, refresh_failed, \
         refresh_rolls_back, refresh_rolled_back, refresh_rollback_failed, \
         refresh_refused; shortage_begins, shortage_ends, \
         zonal_shift_begins, zonal_shift_ends",
    ),
    column(
        "instance_id",
        "text",
        "–",
        "container instance; empty where the row is about the group",
    ),
    column("instance_type", "text", "–", "instance type"),
    column("purchase", "text", "–", "how the instance is bought: on_demand, spot or external"),
    column("availability_zone", "text", "–", "Availability Zone"),
    column("min_size", "integer", "instances", "`MinSize` of the group; empty without a group"),
    column("max_size", "integer", "instances", "`MaxSize`"),
    column("desired_capacity", "integer", "instances", "`DesiredCapacity`"),
    column("reason", "text", "–", "why; of a refresh how many instances it has replaced"),
    column(
        "tasks",
        "integer",
        "tasks",
        "tasks on the instance; where it is terminated, those lost",
    ),
];

/// `fleet_events.csv`.
pub const FLEET_EVENTS: TableSpec = TableSpec {
    file: "fleet_events.csv",
    row: "event of an Auto Scaling group or an instance, in order of time",
    columns: COLUMNS,
};

/// A row; the fields are its columns.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct FleetRow<'a> {
    pub at: SimTime,
    pub provider: &'a str,
    pub event: &'static str,
    /// Name, type, purchase option and zone; `None` where the row is about the group.
    pub instance: Option<(&'a str, &'a str, Purchase, &'a str)>,
    /// Least, most and desired capacity; `None` without a group.
    pub sizes: Option<[u32; 3]>,
    pub reason: &'a str,
    pub tasks: Option<u32>,
}

/// The table on its way to its sink.
pub struct FleetTable(RowWriter);

impl FleetTable {
    /// A table that is written there, if anywhere.
    #[must_use]
    pub fn new(sink: Option<Box<dyn Write + Send>>) -> FleetTable {
        FleetTable(RowWriter::new(sink, &FLEET_EVENTS))
    }

    /// Whether anybody wants rows.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.is_on()
    }

    /// Writes a row.
    ///
    /// # Errors
    /// What the sink says.
    pub fn write(&mut self, of: &FleetRow<'_>) -> Result<(), RunError> {
        if !self.0.is_on() {
            return Ok(());
        }
        let mut row = self.0.row();
        row.time(of.at).text(of.provider).text(of.event);
        match of.instance {
            Some((name, kind, purchase, zone)) => {
                row.text(name).text(kind).text(purchase.name()).text(zone);
            }
            None => (0..4).for_each(|_| {
                row.empty();
            }),
        }
        match of.sizes {
            Some(sizes) => sizes.iter().for_each(|&size| {
                row.int(u64::from(size));
            }),
            None => (0..3).for_each(|_| {
                row.empty();
            }),
        }
        row.text(of.reason);
        match of.tasks {
            Some(tasks) => row.int(u64::from(tasks)),
            None => row.empty(),
        };
        row.end();
        Ok(self.0.settle()?)
    }

    /// Hands all rows to the sink.
    ///
    /// # Errors
    /// What it says.
    pub fn finish(&mut self) -> Result<(), RunError> {
        Ok(self.0.finish()?)
    }
}
