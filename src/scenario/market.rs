//! Traces of Spot prices and of Spot capacity that a scenario names; whoever runs it opens them.

use crate::base::time::SimSpan;
use crate::model::ids::ProviderId;
use std::path::PathBuf;

/// A trace of a Spot market, not opened yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MarketTrace {
    /// The capacity provider that buys there; `None`: Fargate.
    pub provider: Option<ProviderId>,
    /// What it is for, such as `capacity_provider.general.availability.1`.
    pub name: String,
    /// The file as it is opened.
    pub path: PathBuf,
    /// The file as the user wrote it.
    pub display: String,
    /// What it says.
    pub file: MarketFile,
}

/// What a trace of a Spot market says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MarketFile {
    /// Prices in a format of AWS.
    Prices {
        /// The instant that is time zero, microseconds since 1970; `None`: its first record.
        start: Option<i64>,
        /// Type of a file that does not say it.
        instance_type: Option<String>,
    },
    /// How many instances can be had.
    Availability {
        /// Which limit of the group's.
        limit: usize,
        /// Whether its numbers say how many can be had.
        is_available: bool,
        /// Distance of samples, where the file's is not taken.
        gap: Option<SimSpan>,
    },
}
