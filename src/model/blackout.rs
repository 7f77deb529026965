//! Outages of what a cluster depends on and does not run itself: registries of images, and the metrics that alarms and
//! scaling policies look at.

use crate::base::time::SimTime;
use crate::model::ids::{DefinitionId, ProviderId, ServiceId, ZoneId};

/// A million millionths.
pub const WHOLE: u32 = 1_000_000;

/// Images cannot be pulled as usual, from an instant on and until another one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RegistryOutage {
    /// What it is called in `incidents.csv`.
    pub what: String,
    /// From when.
    pub from: SimTime,
    /// Until when, exclusive.
    pub until: SimTime,
    /// How long pulls take, percent of what they usually do, at least 100; `None`: none comes to its end.
    pub time_percent: Option<u32>,
    /// Definitions that have images there, in order, and how much of all that they pull these are, in millionths; `None`:
    /// all of all.
    pub definitions: Option<Vec<(DefinitionId, u32)>>,
    /// The capacity providers whose tasks feel it; `None`: all.
    pub providers: Option<Vec<ProviderId>>,
    /// The Availability Zone that has no way there; `None`: all.
    pub zone: Option<ZoneId>,
}

/// Who pulls an image.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Puller {
    /// What it is a task of.
    pub definition: DefinitionId,
    /// By which capacity provider it was placed.
    pub provider: ProviderId,
    /// Where.
    pub zone: ZoneId,
}

impl RegistryOutage {
    /// Whether a task feels it.
    #[must_use]
    pub fn concerns(&self, puller: Puller) -> bool {
        self.share_of(puller.definition).is_some()
            && self.providers.as_ref().is_none_or(|all| all.contains(&puller.provider))
            && self.zone.is_none_or(|zone| zone == puller.zone)
    }

    /// How much of what a task pulls comes from there, in millionths; `None`: nothing.
    fn share_of(&self, definition: DefinitionId) -> Option<u32> {
        let Some(all) = &self.definitions else { return Some(WHOLE) };
        let found = all.binary_search_by_key(&definition, |&(id, _)| id);
        found.ok().map(|index| all[index].1)
    }

    /// How long all pulls of a task take that feels it, one after the other, in millionths of what they usually do: only
    /// those from there take longer. `None`: none comes to its end.
    #[must_use]
    pub fn time_of(&self, puller: Puller) -> Option<u128> {
        let more = u128::from(self.time_percent?.saturating_sub(100)) * 10_000;
        let share = u128::from(self.share_of(puller.definition).unwrap_or(0));
        Some(u128::from(WHOLE) + more * share / u128::from(WHOLE))
    }
}

/// Of whom no metrics are published.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MetricsOf {
    /// Of nobody at all.
    All,
    /// Of this service.
    Service(ServiceId),
    /// Of this capacity provider and its group.
    Provider(ProviderId),
}

/// Periods that end in this time have no point.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MetricsOutage {
    /// What it is called in `incidents.csv`.
    pub what: String,
    /// From when.
    pub from: SimTime,
    /// Until when, exclusive.
    pub until: SimTime,
    /// Of whom.
    pub of: MetricsOf,
}

/// All of a run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Blackouts {
    /// Of registries.
    pub registries: Vec<RegistryOutage>,
    /// Of metrics.
    pub metrics: Vec<MetricsOutage>,
}

impl Blackouts {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.registries.is_empty() && self.metrics.is_empty()
    }

    /// When a service has no metrics: from, and until.
    #[must_use]
    pub fn of_service(&self, service: ServiceId) -> Vec<(SimTime, SimTime)> {
        let concerns = |of: &&MetricsOutage| match of.of {
            MetricsOf::All => true,
            MetricsOf::Service(id) => id == service,
            MetricsOf::Provider(_) => false,
        };
        self.metrics.iter().filter(concerns).map(|of| (of.from, of.until)).collect()
    }

    /// Whether a period that ends now has no points of a capacity provider.
    #[must_use]
    pub fn is_dark(&self, provider: ProviderId, now: SimTime) -> bool {
        let concerns = |of: MetricsOf| match of {
            MetricsOf::All => true,
            MetricsOf::Provider(id) => id == provider,
            MetricsOf::Service(_) => false,
        };
        self.metrics.iter().any(|of| of.from <= now && now < of.until && concerns(of.of))
    }
}
