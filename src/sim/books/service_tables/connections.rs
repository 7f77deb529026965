//! `connections.csv`: the long connections of services that have some.

use super::super::outputs::{Sinks, UTC};
use super::super::rows::RowWriter;
use crate::base::time::{SimSpan, SimTime};
use crate::metrics::table::{ColumnSpec, TableSpec, column};
use crate::model::connection::{ConnectionState, ConnectionTotals};
use crate::model::ids::ServiceId;
use std::collections::BTreeMap;
use std::io;

const COLUMNS: &[ColumnSpec] = &[
    column("time_s", "decimal", "s", "when; the row sees the instant after all have acted"),
    column("service", "text", "–", "name of the service"),
    column(
        "open",
        "integer",
        "connections",
        "open ones: those of the row before + connects − ended − cut",
    ),
    column(
        "away",
        "integer",
        "clients",
        "without a connection: on their way back, or with nobody to connect to",
    ),
    column("open_least", "integer", "connections", "fewest of a task that gets new connections"),
    column("open_most", "integer", "connections", "most of a task that gets new connections"),
    column(
        "open_draining",
        "integer",
        "connections",
        "of the open ones, those of tasks in their deregistration delay",
    ),
    column("connects", "integer", "connections", "made since the row before"),
    column("ended", "integer", "connections", "ended by their clients since the row before"),
    column(
        "cut",
        "integer",
        "connections",
        "lost since the row before: their task stopped, crashed, or left its load balancer",
    ),
    column(
        "connect_cpu_s",
        "decimal",
        "s",
        "vCPU time that connects have used since the row before",
    ),
    UTC,
];

/// `connections.csv`.
pub const CONNECTIONS: TableSpec = TableSpec {
    file: "connections.csv",
    row: "sample and service with long connections",
    columns: COLUMNS,
};

/// The table on its way out, and what its last rows had counted.
pub struct ConnectionTable {
    rows: RowWriter,
    last: BTreeMap<ServiceId, ConnectionTotals>,
}

impl ConnectionTable {
    pub(super) fn new(sinks: &mut Sinks) -> ConnectionTable {
        let rows = RowWriter::new(sinks.connections.take(), &CONNECTIONS).dated(sinks.epoch);
        ConnectionTable { rows, last: BTreeMap::new() }
    }

    /// Writes a sample of a service whose name is as [`field`](crate::sim::rows::field) gives it.
    ///
    /// # Errors
    /// What the sink says.
    pub fn sample(
        &mut self,
        (id, service): (ServiceId, &[u8]),
        at: SimTime,
        state: &ConnectionState,
    ) -> io::Result<()> {
        if !self.rows.is_on() {
            return Ok(());
        }
        let totals = state.totals;
        let first = ConnectionTotals { first: totals.first, ..ConnectionTotals::default() };
        let before = self.last.insert(id, totals).unwrap_or(first);
        let mut row = self.rows.row();
        row.time(at).name(service);
        for count in [state.open, state.away, state.least, state.most, state.draining] {
            row.int(count);
        }
        row.int(totals.connects - before.connects);
        row.int(totals.ended - before.ended).int(totals.cut - before.cut);
        let micros = (totals.cpu_nanos / 1_000) - (before.cpu_nanos / 1_000);
        row.span(SimSpan(u64::try_from(micros).unwrap_or(u64::MAX)));
        row.utc(at).end();
        self.rows.settle()
    }

    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.rows.finish()
    }
}
