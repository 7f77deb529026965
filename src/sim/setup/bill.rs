//! What is on the bill beside compute, as a run is told of it. What is `None` is not billed.

use crate::base::money::HourlyRate;
use crate::model::ids::ProviderId;
use crate::pricing::credits::{CreditKind, CreditMode};
use std::collections::BTreeMap;

/// Side costs of a run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BillSetup {
    /// Root volumes of instances.
    pub volumes: Option<VolumePrice>,
    /// Public IPv4 addresses.
    pub addresses: Option<AddressPrice>,
    /// CPU credits of burstable instances.
    pub credits: Option<CreditsSetup>,
}

/// CPU credits of the burstable types that a run may have.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CreditsSetup {
    /// By capacity provider and instance type.
    pub terms: BTreeMap<(ProviderId, String), CreditTerms>,
    /// CPU that tasks use whose use is not simulated, in percent of what they hold.
    pub used_percent: u32,
    /// What instances that run at time zero have, in percent of the most that they keep.
    pub first_percent: u32,
}

/// Credits of the instances of a type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CreditTerms {
    /// What they earn and keep.
    pub kind: CreditKind,
    /// What they do without.
    pub mode: CreditMode,
    /// Family, such as `t3`.
    pub family: &'static str,
    /// A vCPU that was borrowed, for an hour.
    pub rate: HourlyRate,
}

/// The root volume of every instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VolumePrice {
    /// Its size.
    pub gb: u32,
    /// A GB for a month of 730 hours.
    pub gb_month: HourlyRate,
}

/// Public IPv4 addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AddressPrice {
    /// An address for an hour.
    pub rate: HourlyRate,
    /// Whether instances have one; `None`: those whose subnet leads to an internet gateway.
    pub of_instances: Option<bool>,
}
