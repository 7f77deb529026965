//! Registries of images and metrics are out for a while: an incident each. What that does to tasks is in `tasks/pull.rs`,
//! to metrics where they are published; here it is written down.
//!
//! An outage of a registry concerns a service from its first pull on that is slower or fails; one of metrics those whose
//! own metrics are missing, and those that have tasks on a group whose are.

use super::{Due, Faults, Mishap};
use crate::base::time::SimTime;
use crate::engine::Class;
use crate::model::blackout::{Blackouts, MetricsOf};
use crate::model::ids::{ServiceId, SourceId};
use crate::sim::event::RunError;
use std::collections::BTreeSet;

/// What is out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Registry,
    Metrics(MetricsOf),
}

/// An outage, before it begins and later.
pub(super) struct Blackout {
    kind: Kind,
    what: String,
    from: SimTime,
    until: SimTime,
    incident: Option<usize>,
    /// Who has met it before it has begun: their pulls will run into it.
    early: BTreeSet<SourceId>,
}

impl Faults {
    /// What will be out: registries first, by number, then metrics.
    pub fn know_blackouts(&mut self, all: &Blackouts) {
        let one = |kind, what: &str, (from, until)| {
            let (what, incident, early) = (what.to_string(), None, BTreeSet::new());
            Blackout { kind, what, from, until, incident, early }
        };
        let registries =
            all.registries.iter().map(|of| one(Kind::Registry, &of.what, (of.from, of.until)));
        let metrics = all.metrics.iter();
        let metrics = metrics.map(|of| one(Kind::Metrics(of.of), &of.what, (of.from, of.until)));
        self.blackouts = registries.chain(metrics).collect();
    }
}

impl Mishap<'_> {
    /// Time zero: the beginnings are arranged.
    pub(super) fn arrange_blackouts(&mut self) {
        for blackout in 0..self.faults.blackouts.len() {
            let from = self.faults.blackouts[blackout].from;
            self.schedule(from, Class::Release, Due::BlackoutBegins { blackout });
        }
    }

    pub(super) fn blackout_begins(&mut self, blackout: usize) -> Result<(), RunError> {
        let of = &mut self.faults.blackouts[blackout];
        let (kind, what, until) = (of.kind, of.what.clone(), of.until);
        let early = std::mem::take(&mut of.early);
        let name = match kind {
            Kind::Registry => "registry_outage",
            Kind::Metrics(_) => "metrics_outage",
        };
        let incident = self.incident_opens(name, what, super::incidents::Ends::WhenTold(false));
        self.faults.blackouts[blackout].incident = Some(incident);
        let concerned = match kind {
            Kind::Registry => self.services_among(early),
            Kind::Metrics(of) => self.services_without_metrics(of),
        };
        self.incident_concerns(incident, concerned)?;
        self.schedule(until, Class::Release, Due::BlackoutEnds { incident });
        Ok(())
    }

    /// Tasks have met outages of registries.
    ///
    /// # Errors
    /// What requests meet.
    pub(super) fn registry_was_met(&mut self) -> Result<(), RunError> {
        for met in self.supply.drive.tasks.take_met() {
            let Some(incident) = self.faults.blackouts[met.outage].incident else {
                self.faults.blackouts[met.outage].early.insert(met.source);
                continue;
            };
            let concerned = self.services_among([met.source].into());
            self.incident_concerns(incident, concerned)?;
            self.faults.count_lost(incident, u32::from(met.has_failed));
        }
        Ok(())
    }

    /// Those who ask for tasks that are services.
    fn services_among(&self, sources: BTreeSet<SourceId>) -> Vec<ServiceId> {
        let all = &self.supply.drive.services.all;
        all.ids().filter(|&id| sources.contains(&all[id].source)).collect()
    }

    /// Whose metrics are missing: services that scale or watch alarms by their own, or have tasks on such a group.
    fn services_without_metrics(&self, of: MetricsOf) -> Vec<ServiceId> {
        let drive = &self.supply.drive;
        let all = &drive.services.all;
        let looks = |id: &ServiceId| all[*id].setup.looks_at_metrics() || all[*id].meter.has_alarms;
        let is_on = |id: &ServiceId| {
            let groups = &self.supply.groups.all;
            let is_dark = |provider| match of {
                MetricsOf::Provider(one) => one == provider,
                _ => groups
                    .iter()
                    .any(|group| group.setup.provider == provider && group.looks_at_metrics()),
            };
            all[*id].members.iter().any(|&slot| is_dark(drive.tasks[slot].provider))
        };
        match of {
            MetricsOf::Service(id) => vec![id],
            MetricsOf::All => all.ids().filter(|id| looks(id) || is_on(id)).collect(),
            MetricsOf::Provider(_) => all.ids().filter(is_on).collect(),
        }
    }
}
