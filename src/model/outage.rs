//! Outages of machines over time.

use crate::base::time::{SimSpan, SimTime};
use crate::model::arrival::RowCounts;

/// What took a machine down, as the logs of Los Alamos sort it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum OutageCause {
    /// Power, cooling.
    Facilities,
    /// Hardware.
    Hardware,
    /// A human error.
    HumanError,
    /// Network.
    Network,
    /// Software.
    Software,
    /// Nobody knows, or the log does not say.
    #[default]
    Undetermined,
}

impl OutageCause {
    /// The name in outputs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            OutageCause::Facilities => "facilities",
            OutageCause::Hardware => "hardware",
            OutageCause::HumanError => "human_error",
            OutageCause::Network => "network",
            OutageCause::Software => "software",
            OutageCause::Undetermined => "undetermined",
        }
    }
}

/// Layout of a trace of outages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OutageFormat {
    /// Native CSV.
    #[default]
    Native,
    /// Los Alamos National Laboratory, LA-UR-05-7318.
    Lanl,
    /// The event table of the Failure Trace Archive.
    FailureTraceArchive,
}

impl OutageFormat {
    /// All of them, with their names in scenarios.
    pub const ALL: [(OutageFormat, &'static str); 3] = [
        (OutageFormat::Native, "native"),
        (OutageFormat::Lanl, "lanl"),
        (OutageFormat::FailureTraceArchive, "failure_trace_archive"),
    ];
}

/// A machine is down for a while.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outage {
    /// When it goes down.
    pub at: SimTime,
    /// For how long.
    pub duration: SimSpan,
    /// Index of the machine.
    pub machine: usize,
    /// Why.
    pub cause: OutageCause,
}

/// Outages of some machines over time.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct OutageTrace {
    /// Names of machines, in order; only those with an event.
    pub machines: Vec<String>,
    /// Outages in order of time and machine. Those of one machine neither overlap nor touch.
    pub outages: Vec<Outage>,
    /// What became of the rows.
    pub counts: RowCounts,
}
