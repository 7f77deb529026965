//! Long connections of a service (WebSocket, gRPC streams, pools of a database's clients), as plain data: who holds
//! some, how they end, and what was counted of them.

use crate::base::time::SimSpan;

/// How many clients want to hold a connection each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Clients {
    /// Always so many, from 1.
    Constant(u64),
    /// As many as the traffic stands for, where each sends so many millionths of a request per second (from 1).
    Each(u64),
}

/// Connections of a service: its requests come by them.
///
/// A connection goes to a target by the balancer's routing when it is made and stays there, whoever comes meanwhile
/// (documented for WebSocket: after the upgrade the balancer forwards to the same target).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Connections {
    /// Who holds them.
    pub clients: Clients,
    /// Mean of the exponential time after which a client ends its connection and makes another; `None`: never.
    pub lifetime: Option<SimSpan>,
    /// CPU time that a new connection costs its task, nanoseconds of a vCPU (assumed, therefore a parameter).
    pub cpu_ns: u64,
    /// Clients whose connection was cut come back evenly over this span (assumed: their backoff).
    pub reconnect: SimSpan,
}

/// Connections by what became of them, since time zero: `first` + `connects` = open + `ended` + `cut`, always.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ConnectionTotals {
    /// Open when the run began: those of a service that had run for long.
    pub first: u64,
    /// Made since.
    pub connects: u64,
    /// Ended by their clients.
    pub ended: u64,
    /// Cut: their task stopped, crashed, or left its load balancer for good.
    pub cut: u64,
    /// CPU that connects have used, nanoseconds of a vCPU.
    pub cpu_nanos: u128,
    /// ∫ open dt, connections × microseconds.
    pub open_area: u128,
    /// Most connects in a second.
    pub connects_per_s_max: u64,
    /// Most open connections of a task.
    pub most_at_a_task: u64,
}

/// Connections of a service at an instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ConnectionState {
    /// Open ones.
    pub open: u64,
    /// Clients without a connection: on their way back, or without anybody to connect to.
    pub away: u64,
    /// Fewest of a task that gets new connections; 0 without such a task.
    pub least: u64,
    /// Most of a task that gets new connections.
    pub most: u64,
    /// Of the open ones, those of tasks that get no new connections: in their deregistration delay.
    pub draining: u64,
    /// What has become of all so far.
    pub totals: ConnectionTotals,
}
