//! L3, the catalogue: what each instance type holds, and what EC2 and Fargate list as their prices.
//!
//! Its one job is to answer questions about facts that are embedded in the program (`data/`, whose README says where
//! each figure comes from) or that a user's own price file adds or overrides. It reads no files itself, computes no
//! bill, and guesses nothing silently: what no source gives is `None`, and the shares of the On-Demand price that
//! stand in for unknown Spot prices are named parameters in [`assumed`].
//!
//! The tables are sorted text, searched by bisection where they lie: the program pays for what it asks and nothing
//! at its start.

pub mod assumed;
pub mod book;
pub mod burstable;
pub mod instance;
pub mod price_file;
pub mod side;
pub mod spot_advisor;
mod table;
pub mod update;

pub use book::{Basis, Catalogue, FargatePrice, FargateSize, OnDemandPrice};
pub use burstable::{Burstable, burstable};
pub use instance::{InstanceType, MemoryBasis};
pub use price_file::{PriceFile, PriceFileProblem};
pub use side::{SidePrice, side_items};
pub use spot_advisor::{InterruptionBand, SpotAdvice};

/// Version of the embedded tables: the newest date in them and the start of the SHA-256 of them all.
pub const CATALOGUE_VERSION: &str = include_str!("data/VERSION").trim_ascii_end();
