//! What ECS charges for an instance beside EC2: the fee of Managed Instances, by type, and that of ECS Anywhere.

use super::invoice::Category;
use crate::base::money::HourlyRate;
use crate::model::ids::ProviderId;
use std::collections::BTreeMap;

/// A fee for each hour that an instance runs; by the second, at least a minute (documented).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fee {
    /// Its lines on the bill.
    pub category: Category,
    /// An hour.
    pub rate: HourlyRate,
}

/// All fees, by provider and instance type.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Fees(BTreeMap<ProviderId, BTreeMap<String, Fee>>);

impl Fees {
    /// Instances of this type cost a fee with this provider.
    pub fn add(&mut self, provider: ProviderId, instance_type: &str, fee: Fee) {
        self.0.entry(provider).or_default().insert(instance_type.to_owned(), fee);
    }

    /// Whether nothing has a fee.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fee of a type, if there is one.
    #[must_use]
    pub fn of(&self, provider: ProviderId, instance_type: &str) -> Option<Fee> {
        self.0.get(&provider)?.get(instance_type).copied()
    }
}
