//! What is on the bill beside compute, as a run is told of it. What is `None` is not billed.

use crate::base::money::HourlyRate;

/// Side costs of a run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BillSetup {
    /// Root volumes of instances.
    pub volumes: Option<VolumePrice>,
    /// Public IPv4 addresses.
    pub addresses: Option<AddressPrice>,
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
