//! What a refresh counts of its group's instances. It looks whenever something about the group has changed, and a group may
//! have thousands: so the numbers are kept, and only what has changed since is looked at anew.

use super::super::{Group, Groups, Stage};
use crate::base::time::{SimSpan, SimTime};
use crate::model::fleet::Fleet;
use crate::model::ids::MachineId;
use std::collections::{BTreeMap, BTreeSet};

/// What an instance of the group is to the refresh.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Class {
    /// To be replaced, and on its way.
    OldComing,
    /// To be replaced, and in service.
    OldInService,
    /// A new one on its way.
    Coming,
    /// A new one in service that is not warm.
    Warming,
    /// A new one that is warm.
    Warm,
}

/// The instances of a group in a refresh.
#[derive(Default)]
pub(super) struct Counts {
    warm_up: SimSpan,
    classes: BTreeMap<MachineId, Class>,
    /// Those that have come, gone or gone into service since it last looked.
    changed: Vec<MachineId>,
    /// New ones that are not warm, by when they will be.
    warm_at: BTreeSet<(SimTime, MachineId)>,
    /// Old ones in service, by zone.
    in_service: Vec<BTreeSet<MachineId>>,
    old_coming: u32,
    coming: u32,
    warming: u32,
    warm: u32,
}

impl Counts {
    /// Of a refresh that begins: these of the group's instances are to be replaced.
    pub(super) fn new(group: &Group, old: &[MachineId], warm_up: SimSpan) -> Counts {
        let mut counts = Counts { warm_up, ..Counts::default() };
        counts.in_service = group.by_zone.iter().map(|_| BTreeSet::new()).collect();
        counts.old_coming = old.len() as u32;
        counts.classes.extend(old.iter().map(|&id| (id, Class::OldComing)));
        counts.changed.extend(&group.members);
        counts
    }

    /// Something has happened to an instance.
    pub(super) fn has_changed(&mut self, id: MachineId) {
        self.changed.push(id);
    }

    /// Looks at what has changed.
    pub(super) fn look(&mut self, groups: &Groups, group: &Group, (now, fleet): (SimTime, &Fleet)) {
        let mut ids = std::mem::take(&mut self.changed);
        while let Some(&(at, id)) = self.warm_at.first().filter(|(at, _)| *at <= now) {
            self.warm_at.remove(&(at, id));
            ids.push(id);
        }
        for id in ids.drain(..) {
            self.look_at(id, groups, group, (now, fleet));
        }
        self.changed = ids;
    }

    fn look_at(
        &mut self,
        id: MachineId,
        groups: &Groups,
        group: &Group,
        (now, fleet): (SimTime, &Fleet),
    ) {
        let machine = &groups.machines[id];
        let zone = group.zone_of(machine.offer);
        let was = self.classes.remove(&id);
        if let Some(was) = was {
            self.count(id, was, zone, -1);
        }
        if group.members.binary_search(&id).is_err() {
            return;
        }
        let is_old = matches!(was, Some(Class::OldComing | Class::OldInService));
        let in_service = machine.stage == Stage::InService;
        let since = machine.instance.map(|instance| fleet.registered_at[instance]);
        let warm_at = since.map_or(SimTime::NEVER, |since| since + self.warm_up);
        let class = match (is_old, in_service) {
            (true, true) => Class::OldInService,
            (true, false) => Class::OldComing,
            (false, true) if warm_at <= now => Class::Warm,
            (false, true) => {
                self.warm_at.insert((warm_at, id));
                Class::Warming
            }
            (false, false) => Class::Coming,
        };
        self.classes.insert(id, class);
        self.count(id, class, zone, 1);
    }

    fn count(&mut self, id: MachineId, class: Class, zone: usize, by: i32) {
        let number = match class {
            Class::OldInService => {
                let of_zone = &mut self.in_service[zone];
                let _ = if by > 0 { of_zone.insert(id) } else { of_zone.remove(&id) };
                return;
            }
            Class::OldComing => &mut self.old_coming,
            Class::Coming => &mut self.coming,
            Class::Warming => &mut self.warming,
            Class::Warm => &mut self.warm,
        };
        *number = number.saturating_add_signed(by);
    }

    /// Whether an instance is to be replaced.
    pub(super) fn is_old(&self, id: MachineId) -> bool {
        matches!(self.classes.get(&id), Some(Class::OldComing | Class::OldInService))
    }

    /// Old ones in service, by zone, oldest first.
    pub(super) fn old_in_service(&self) -> &[BTreeSet<MachineId>] {
        &self.in_service
    }

    /// How many of them there are.
    pub(super) fn number_in_service(&self) -> u32 {
        self.in_service.iter().map(|of_zone| of_zone.len() as u32).sum()
    }

    /// Old ones on their way.
    pub(super) fn old_on_their_way(&self) -> u32 {
        self.old_coming
    }

    /// All old ones.
    pub(super) fn old(&self) -> u32 {
        self.old_coming + self.number_in_service()
    }

    /// Old ones in service and new ones that are warm.
    pub(super) fn healthy(&self) -> u32 {
        self.number_in_service() + self.warm
    }

    /// New ones that are not warm; those of them that are in service.
    pub(super) fn coming_and_warming(&self) -> (u32, u32) {
        (self.coming + self.warming, self.warming)
    }
}
