//! Outages of what a cluster depends on and does not run itself: registries of images, and the metrics that alarms and
//! scaling policies look at.

use crate::base::time::SimTime;
use crate::model::ids::{DefinitionId, ProviderId, ServiceId, ZoneId};

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
    /// Definitions that have images there, in order; `None`: all.
    pub definitions: Option<Vec<DefinitionId>>,
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
        self.definitions.as_ref().is_none_or(|all| all.binary_search(&puller.definition).is_ok())
            && self.providers.as_ref().is_none_or(|all| all.contains(&puller.provider))
            && self.zone.is_none_or(|zone| zone == puller.zone)
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
