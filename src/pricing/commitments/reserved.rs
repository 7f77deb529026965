//! Reserved Instances.

use super::units::{family, is_flexible, normalization_units};
use super::{Commitment, Offer, Outcome, Subject, Usage, of_hours, spend};
use crate::base::money::{HourlyRate, MICROS_PER_HOUR};
use crate::base::time::SimSpan;
use crate::model::ids::ZoneId;

/// A reservation of some instances of a type, in a zone or in the region.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReservedInstances {
    /// Name in outputs.
    pub name: String,
    /// Instance type, such as `m5.large`.
    pub instance_type: String,
    /// How many.
    pub count: u32,
    /// The zone of a zonal reservation; `None` for a regional one.
    pub zone: Option<ZoneId>,
    /// What each costs an hour, its part of an upfront payment included.
    pub rate: HourlyRate,
    /// Its vCPUs, by which `metal` is measured.
    pub vcpus: Option<u32>,
}

impl ReservedInstances {
    /// Kinds of usage that it covers, instances before unused slots, the smallest sizes first: number, and size in the
    /// measure of the reservation.
    fn targets(&self, usage: &[Usage], own: u64) -> Vec<(usize, u64)> {
        // Of an unknown size nobody can say how much of another it is.
        let is_sized = normalization_units(&self.instance_type, self.vcpus).is_some();
        let flexible = self.zone.is_none() && is_sized && is_flexible(family(&self.instance_type));
        let size = |one: &Usage| {
            let (name, zone, is_slot) = match &one.subject {
                Subject::Instances(name, zone) => (name, zone, false),
                Subject::UnusedSlots(name, zone) if self.zone.is_none() => (name, zone, true),
                _ => return None,
            };
            if self.zone.is_some() && *zone != self.zone {
                return None;
            }
            if *name == self.instance_type {
                return Some((is_slot, own));
            }
            let is_kin = flexible && family(name) == family(&self.instance_type);
            // A metal size is as large as what has its vCPUs; nobody knows them of another type here.
            normalization_units(name, None).filter(|_| is_kin).map(|size| (is_slot, size))
        };
        let sized = usage.iter().enumerate().filter_map(|(index, one)| Some((index, size(one)?)));
        let mut targets: Vec<(usize, (bool, u64))> = sized.collect();
        targets.sort_by_key(|&(_, order)| order);
        targets.into_iter().map(|(usage, (_, size))| (usage, size)).collect()
    }

    pub(super) fn apply<'a>(
        &self,
        commitment: Commitment<'a>,
        usage: &[Usage],
        left: &mut [Vec<u128>],
        lengths: &[SimSpan],
    ) -> Outcome<'a> {
        // Where sizes are unknown, it covers its own type alone, which is one unit of itself.
        let own = normalization_units(&self.instance_type, self.vcpus).unwrap_or(1);
        let each = u128::from(own) * u128::from(self.count);
        let rate = |size: u64| {
            let rate = u128::from(self.rate.0) * u128::from(size) / u128::from(own);
            HourlyRate(u64::try_from(rate).unwrap_or(u64::MAX))
        };
        let targets = self.targets(usage, own).into_iter();
        let offers: Vec<Offer> = targets
            .map(|(usage, size)| Offer { usage, rate: rate(size), weight: size.into() })
            .collect();
        let (covered, unused) = spend(each, &offers, left, lengths);
        let price = (self.rate.0.into(), u128::from(own) * MICROS_PER_HOUR);
        let hours = of_hours(lengths);
        Outcome::new(commitment, (each * hours, unused), covered, (price, hours))
    }
}
