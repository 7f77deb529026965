//! What failed is followed until all is as it should be: for `incidents.csv`. Nobody decides by it.

use super::{Faults, Mishap};
use crate::base::time::SimTime;
use crate::metrics::incident::Incident;
use crate::model::fault::{FaultKind, Victims};
use crate::model::fleet::InstanceStatus;
use crate::model::ids::{InstanceId, ServiceId};
use crate::sim::event::RunError;
use crate::sim::services::Services;
use std::collections::BTreeMap;

/// An incident, and what is watched until it is over.
pub(super) struct Followed {
    incident: Incident,
    /// Its instances that are out.
    out: Vec<InstanceId>,
    /// Services that had tasks there, with their requests dropped and failed by then.
    services: BTreeMap<ServiceId, [u64; 2]>,
    is_zone: bool,
}

/// All incidents.
#[derive(Default)]
pub(super) struct Incidents {
    all: Vec<Followed>,
    /// Those that are open, by number.
    open: Vec<usize>,
    /// Whether something has happened that may close one.
    is_due: bool,
}

impl Faults {
    /// Something has happened that may end an incident.
    #[inline]
    pub fn notice(&mut self) {
        self.incidents.is_due = !self.incidents.open.is_empty();
    }

    /// Whether incidents are to be looked at.
    #[inline]
    #[must_use]
    pub fn is_noticed(&self) -> bool {
        self.incidents.is_due
    }

    /// The run is over: what came of all incidents.
    pub fn close(&mut self, services: &Services) -> Vec<Incident> {
        let incidents = std::mem::take(&mut self.incidents);
        let mut all: Vec<Incident> = Vec::new();
        for mut followed in incidents.all {
            if followed.incident.recovered == SimTime::NEVER {
                followed.count(|id| services.failed_requests(id));
            }
            all.push(followed.incident);
        }
        all
    }

    /// Tasks were lost in an incident.
    pub(super) fn count_lost(&mut self, incident: usize, tasks: u32) {
        self.incidents.all[incident].incident.tasks_lost += u64::from(tasks);
    }

    /// An incident was reacted to.
    pub(super) fn count_found(&mut self, incident: usize, now: SimTime) {
        let of = &mut self.incidents.all[incident].incident;
        of.found = of.found.min(now);
    }

    /// The zone of an incident is back.
    pub(super) fn zone_incident_ends(&mut self, incident: usize, now: SimTime) {
        self.incidents.all[incident].incident.over = now;
    }
}

impl Followed {
    fn count(&mut self, of: impl Fn(ServiceId) -> [u64; 2]) {
        let sums = self.services.iter().map(|(&id, before)| (of(id), before));
        let (mut dropped, mut errors) = (0, 0);
        for (after, before) in sums {
            dropped += after[0].saturating_sub(before[0]);
            errors += after[1].saturating_sub(before[1]);
        }
        (self.incident.dropped, self.incident.errors) = (dropped, errors);
    }
}

impl Mishap<'_> {
    /// Something fails: an incident begins. Returns its number.
    pub(super) fn incident_begins(&mut self, fault: usize, victims: &[InstanceId]) -> usize {
        let of = &self.faults.list[fault];
        let fleet = self.supply.drive.cluster.fleet();
        let is_zone = of.kind == FaultKind::ZoneOutage;
        let what = match (&of.victims, victims) {
            (Victims::Zone(zone), _) => self.supply.drive.rules.zones[*zone].clone(),
            (_, [one]) => fleet.name[*one].clone(),
            (_, many) => format!("{} instances", many.len()),
        };
        let incident = Incident {
            kind: of.kind.name(),
            what,
            start: self.now(),
            found: SimTime::NEVER,
            over: SimTime::NEVER,
            recovered: SimTime::NEVER,
            instances: 0,
            tasks_lost: 0,
            services: 0,
            dropped: 0,
            errors: 0,
        };
        let number = self.faults.incidents.all.len();
        let (out, services) = (Vec::new(), BTreeMap::new());
        self.faults.incidents.all.push(Followed { incident, out, services, is_zone });
        self.faults.incidents.open.push(number);
        number
    }

    /// An instance has failed in an incident.
    pub(super) fn incident_strikes(
        &mut self,
        number: usize,
        instance: InstanceId,
    ) -> Result<(), RunError> {
        let ids = self.supply.drive.plan().services_on(instance);
        self.incident_concerns(number, ids)?;
        let followed = &mut self.faults.incidents.all[number];
        followed.incident.instances += 1;
        followed.out.push(instance);
        Ok(())
    }

    /// Services have tasks where something has failed.
    pub(super) fn incident_concerns(
        &mut self,
        number: usize,
        ids: Vec<ServiceId>,
    ) -> Result<(), RunError> {
        for id in ids {
            if !self.faults.incidents.all[number].services.contains_key(&id) {
                let before = self.supply.drive.failed_requests_now(id)?;
                let followed = &mut self.faults.incidents.all[number];
                followed.services.insert(id, before);
                followed.incident.services += 1;
            }
        }
        Ok(())
    }

    /// Closes incidents after which all is as it should be.
    ///
    /// # Errors
    /// What requests meet.
    pub fn look_at_incidents(&mut self) -> Result<(), RunError> {
        self.faults.incidents.is_due = false;
        let now = self.now();
        let mut closed = Vec::new();
        let Mishap { supply, faults } = self;
        let fleet = supply.drive.cluster.fleet();
        for &number in &faults.incidents.open {
            let followed = &mut faults.incidents.all[number];
            let out = &faults.out;
            let is_out = |instance: &InstanceId| {
                fleet.status[*instance] != InstanceStatus::Inactive
                    && out.get(instance).is_some_and(|out| out.incident == number)
            };
            followed.out.retain(is_out);
            if !followed.out.is_empty() {
                continue;
            }
            if followed.incident.over == SimTime::NEVER && !followed.is_zone {
                followed.incident.over = now;
            }
            let all = &supply.drive.services.all;
            if followed.services.keys().all(|&id| all[id].running >= all[id].desired) {
                followed.incident.recovered = now;
                closed.push(number);
            }
        }
        faults.incidents.open.retain(|number| !closed.contains(number));
        for number in closed {
            let ids: Vec<ServiceId> =
                self.faults.incidents.all[number].services.keys().copied().collect();
            for id in ids {
                self.supply.drive.failed_requests_now(id)?;
            }
            let services = &*self.supply.drive.services;
            self.faults.incidents.all[number].count(|id| services.failed_requests(id));
        }
        Ok(())
    }
}
