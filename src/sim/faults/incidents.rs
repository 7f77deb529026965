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
    /// Services that had tasks there, and how their requests stood by then.
    services: BTreeMap<ServiceId, Standing>,
    ends: Ends,
}

/// When an incident is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ends {
    /// When none of its instances is out.
    WithHosts,
    /// When its zone is back, whatever its instances do: all may be as it should be before.
    WithZone,
    /// When that is told, and all cannot be as it should be before; whether it was told.
    WhenTold(bool),
}

/// Requests of a service, in millionths: dropped, and answered with an error.
type Failed = [u64; 2];

/// How the requests of a service stood when an incident began.
struct Standing {
    failed: Failed,
    shared: Failed,
}

/// The failed requests of a service that several incidents may concern at once.
#[derive(Default)]
struct Share {
    /// Incidents that concern it and are open.
    open: u32,
    /// What had failed when that was last looked at.
    seen: Failed,
    /// What has failed while any was open, and while several were.
    counted: Failed,
    shared: Failed,
}

impl Share {
    /// So much has failed by now.
    fn goes_on(&mut self, now: Failed) {
        for (which, now) in now.into_iter().enumerate() {
            let more = now.saturating_sub(self.seen[which]);
            self.counted[which] += if self.open > 0 { more } else { 0 };
            self.shared[which] += if self.open > 1 { more } else { 0 };
            self.seen[which] = now;
        }
    }
}

/// All incidents.
#[derive(Default)]
pub(super) struct Incidents {
    all: Vec<Followed>,
    /// Those whose instances are out, by number.
    out: Vec<usize>,
    /// Those that wait for a service to have its tasks again, whatever else they wait for.
    waiting: BTreeMap<ServiceId, Vec<usize>>,
    /// Whether something has happened that may close one.
    is_due: bool,
    /// The same of one whose instances are out.
    are_hosts_due: bool,
    shares: BTreeMap<ServiceId, Share>,
}

impl Faults {
    /// Tasks have started, are healthy or are wanted: a service may have all of its own again.
    #[inline]
    pub fn notice(&mut self) {
        self.incidents.is_due |= !self.incidents.waiting.is_empty();
    }

    /// Instances have come, gone or are well again.
    #[inline]
    pub fn notice_hosts(&mut self) {
        self.notice();
        self.incidents.are_hosts_due = !self.incidents.out.is_empty();
        self.incidents.is_due |= self.incidents.are_hosts_due;
    }

    /// Whether incidents are to be looked at.
    #[inline]
    #[must_use]
    pub fn is_noticed(&self) -> bool {
        self.incidents.is_due
    }

    /// The run is over: what came of all incidents.
    pub fn close(&mut self, services: &Services) -> Vec<Incident> {
        let mut incidents = std::mem::take(&mut self.incidents);
        for (&id, share) in &mut incidents.shares {
            share.goes_on(services.failed_requests(id));
        }
        let shares = &incidents.shares;
        for followed in &mut incidents.all {
            if followed.incident.recovered == SimTime::NEVER {
                followed.count(shares);
            }
        }
        self.failed_in_incidents = shares
            .values()
            .fold([0; 2], |sum, share| [sum[0] + share.counted[0], sum[1] + share.counted[1]]);
        incidents.all.into_iter().map(|followed| followed.incident).collect()
    }

    /// Requests dropped and answered with an error while an incident was open that concerned their service, in
    /// millionths, each once; after [`Faults::close`].
    #[must_use]
    pub fn failed_in_incidents(&self) -> [u64; 2] {
        self.failed_in_incidents
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

    /// What was out in an incident is back.
    pub(super) fn incident_ends(&mut self, incident: usize, now: SimTime) {
        let followed = &mut self.incidents.all[incident];
        followed.incident.over = now;
        if followed.ends == Ends::WhenTold(false) {
            followed.ends = Ends::WhenTold(true);
        }
    }
}

impl Followed {
    fn count(&mut self, shares: &BTreeMap<ServiceId, Share>) {
        let of = &mut self.incident;
        for (id, before) in &self.services {
            let Some(share) = shares.get(id) else { continue };
            of.dropped += share.seen[0] - before.failed[0];
            of.errors += share.seen[1] - before.failed[1];
            of.shared_dropped += share.shared[0] - before.shared[0];
            of.shared_errors += share.shared[1] - before.shared[1];
        }
    }
}

impl Mishap<'_> {
    /// Something fails: an incident begins. Returns its number.
    pub(super) fn incident_begins(&mut self, fault: usize, victims: &[InstanceId]) -> usize {
        let of = &self.faults.list[fault];
        let fleet = self.supply.drive.cluster.fleet();
        let kind = of.kind;
        let what = match (&of.victims, victims) {
            (Victims::Zone(zone), _) => self.supply.drive.rules.zones[*zone].clone(),
            (_, [one]) => fleet.name[*one].clone(),
            (_, many) => format!("{} instances", many.len()),
        };
        let ends = if kind == FaultKind::ZoneOutage { Ends::WithZone } else { Ends::WithHosts };
        self.incident_opens(kind.name(), what, ends)
    }

    /// An incident of a kind begins. Returns its number.
    pub(super) fn incident_opens(&mut self, kind: &'static str, what: String, ends: Ends) -> usize {
        let incident = Incident {
            kind,
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
            shared_dropped: 0,
            shared_errors: 0,
        };
        let number = self.faults.incidents.all.len();
        let (out, services) = (Vec::new(), BTreeMap::new());
        self.faults.incidents.all.push(Followed { incident, out, services, ends });
        let incidents = &mut self.faults.incidents;
        incidents.out.push(number);
        (incidents.are_hosts_due, incidents.is_due) = (true, true);
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
                let failed = self.supply.drive.failed_requests_now(id)?;
                let incidents = &mut self.faults.incidents;
                let share = incidents.shares.entry(id).or_default();
                share.goes_on(failed);
                share.open += 1;
                let followed = &mut incidents.all[number];
                followed.services.insert(id, Standing { failed, shared: share.shared });
                followed.incident.services += 1;
            }
        }
        Ok(())
    }

    /// Closes incidents after which all is as it should be. Each is looked at when what it waits for may have come: its
    /// instances, then one service after the other.
    ///
    /// # Errors
    /// What requests meet.
    pub fn look_at_incidents(&mut self) -> Result<(), RunError> {
        self.registry_was_met()?;
        for (instance, lost) in self.supply.drive.tasks.take_lost() {
            // Where the reaction to the fault has ended it, that has counted them.
            if let Some(out) = self.faults.out.get(&instance) {
                self.faults.count_lost(out.incident, lost);
                self.faults.notice_hosts();
            }
        }
        let incidents = &mut self.faults.incidents;
        incidents.is_due = false;
        let mut to_see = Vec::new();
        if std::mem::take(&mut incidents.are_hosts_due) {
            to_see = self.no_longer_out();
        }
        let services = &self.supply.drive.services;
        let has_all = |id: ServiceId| services.has_all(id);
        let waiting = &mut self.faults.incidents.waiting;
        waiting.retain(|&id, numbers| {
            let is_over = has_all(id);
            to_see.extend(numbers.drain(..if is_over { numbers.len() } else { 0 }));
            !is_over
        });
        let mut closed = Vec::new();
        for number in to_see {
            let incidents = &mut self.faults.incidents;
            let lacking = incidents.all[number].services.keys().find(|&&id| !has_all(id)).copied();
            match lacking {
                Some(id) => incidents.waiting.entry(id).or_default().push(number),
                None => closed.push(number),
            }
        }
        closed.into_iter().try_for_each(|number| self.close_incident(number))
    }

    /// Incidents of whose instances none is out any more.
    fn no_longer_out(&mut self) -> Vec<usize> {
        let now = self.now();
        let fleet = self.supply.drive.cluster.fleet();
        let Faults { incidents, out, .. } = &mut *self.faults;
        let all = &mut incidents.all;
        let is_well = |number: &mut usize| {
            let followed = &mut all[*number];
            let is_out = |instance: &InstanceId| {
                fleet.status[*instance] != InstanceStatus::Inactive
                    && out.get(instance).is_some_and(|out| out.incident == *number)
            };
            while followed.out.pop_if(|instance| !is_out(instance)).is_some() {}
            let is_well = followed.out.is_empty() && followed.ends != Ends::WhenTold(false);
            let is_known = followed.incident.over != SimTime::NEVER;
            if is_well && !is_known && followed.ends == Ends::WithHosts {
                followed.incident.over = now;
            }
            is_well
        };
        incidents.out.extract_if(.., is_well).collect()
    }

    fn close_incident(&mut self, number: usize) -> Result<(), RunError> {
        let services = &self.faults.incidents.all[number].services;
        let ids: Vec<ServiceId> = services.keys().copied().collect();
        for &id in &ids {
            let failed = self.supply.drive.failed_requests_now(id)?;
            self.faults.incidents.shares.entry(id).or_default().goes_on(failed);
        }
        let now = self.now();
        let incidents = &mut self.faults.incidents;
        incidents.all[number].incident.recovered = now;
        incidents.all[number].count(&incidents.shares);
        for id in ids {
            incidents.shares.entry(id).or_default().open -= 1;
        }
        Ok(())
    }
}
