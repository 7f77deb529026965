//! What is told of instances when the run has ended.

use super::{Group, Groups, Machine};
use crate::base::money::NanoUsd;
use crate::base::time::{SimSpan, SimTime};
use crate::metrics::capacity_track::{InstanceLife, ReservationTrack};
use crate::model::fleet::{Fleet, Registration};
use crate::model::group::{EndCause, LaunchCause};
use crate::model::ids::{InstanceId, MachineId, ZoneId};
use crate::pricing::Price;

/// An instance that was launched and never registered.
#[derive(Clone, Debug)]
pub struct Unregistered<'a> {
    /// Its number among all of them.
    pub id: MachineId,
    /// It.
    pub machine: &'a Machine,
    /// Its name.
    pub name: String,
    /// What it was to become.
    pub kind: &'a Registration,
    /// What it cost by hour.
    pub price: &'a Price,
}

impl Groups {
    /// Why each container instance came and went.
    #[must_use]
    pub fn causes(&self, instance: InstanceId) -> (LaunchCause, Option<EndCause>) {
        match self.behind(instance) {
            Some(id) => (self.machines[id].cause, self.machines[id].end),
            None => self.fixed.get(&instance).copied().unwrap_or((LaunchCause::Initial, None)),
        }
    }

    /// The version of an instance's launch template; Managed Instances have none.
    #[must_use]
    pub fn template_of(&self, id: MachineId) -> Option<u32> {
        let machine = &self.machines[id];
        self.all[machine.group].instances.is_none().then_some(machine.template)
    }

    /// Since when each container instance was in a warm pool, and what it cost there until `end`.
    #[must_use]
    pub fn in_pool(&self, instance: InstanceId, end: SimTime) -> Option<(SimTime, NanoUsd)> {
        let id = self.behind(instance)?;
        Some((self.machines[id].pool?.since, self.warm_usd(id, end)))
    }

    /// What all instances cost in warm pools.
    #[must_use]
    pub fn warm_pools_usd(&self, end: SimTime) -> NanoUsd {
        self.machines.ids().map(|id| self.warm_usd(id, end)).sum()
    }

    /// For how long a single task kept each container instance, by the minute; zero without managed scaling.
    #[must_use]
    pub fn lonely(&self, instance: InstanceId) -> SimSpan {
        let minutes = self.behind(instance).map_or(0, |id| self.machines[id].lonely_minutes);
        SimSpan::from_secs(60 * u64::from(minutes))
    }

    /// Time for which instances of groups were billed by `end`, and the part of it before they had registered. What was
    /// there at the beginning is not counted.
    #[must_use]
    pub fn time_before_useful(&self, fleet: &Fleet, end: SimTime) -> (u128, u128) {
        let launched = self.machines.iter().filter(|m| m.cause != LaunchCause::Initial);
        launched.fold((0, 0), |(before, all), machine| {
            let until = machine.ended.min(end);
            let registered = machine.instance.map_or(until, |i| fleet.registered_at[i].min(until));
            let span = |from: SimTime, to: SimTime| u128::from(to.0.saturating_sub(from.0));
            let warm = machine.pool.map_or(0, |pool| u128::from(pool.billed().0));
            let (booting, running) = match machine.running < end {
                true => (span(machine.running, registered), span(machine.running, until)),
                false => (0, 0),
            };
            (before + warm + booting, all + warm + running)
        })
    }

    /// The life of each instance, for charts.
    #[must_use]
    pub fn lives(&self, fleet: &Fleet) -> Vec<InstanceLife> {
        let taken = |machine: &Machine, at: SimTime| match machine.pool {
            Some(pool) if pool.left == SimTime::NEVER => SimTime::NEVER,
            _ => at.max(machine.launched),
        };
        let life = |(id, machine): (MachineId, &Machine)| InstanceLife {
            name: self.name_of(id),
            launched: taken(machine, machine.launched),
            running: taken(machine, machine.running),
            warm: machine.pool.map_or(SimTime::NEVER, |pool| pool.since),
            registered: machine.instance.map_or(SimTime::NEVER, |i| fleet.registered_at[i]),
            draining: machine.draining,
            ended: machine.ended,
            end: machine.end,
        };
        self.machines.enumerate().map(life).collect()
    }

    /// The metric of each provider with managed scaling, for charts.
    #[must_use]
    pub fn reservations(&self) -> Vec<ReservationTrack> {
        let track = |group: &Group| {
            let managed = group.managed.as_ref()?;
            Some(managed.track(&group.name)).filter(|of| !of.track.extents.is_empty())
        };
        self.all.iter().filter_map(track).collect()
    }

    /// All instances with what they were launched as.
    pub fn machines_and_kinds(&self) -> impl Iterator<Item = (&Machine, &Registration)> {
        self.machines.iter().map(|machine| {
            (machine, &self.all[machine.group].setup.offers[machine.offer].registration)
        })
    }

    /// Instances that have run and never registered.
    pub fn unregistered(&self) -> impl Iterator<Item = Unregistered<'_>> {
        let is_one = |machine: &Machine| machine.instance.is_none();
        self.machines.enumerate().filter(move |(_, machine)| is_one(machine)).map(
            |(id, machine)| Unregistered {
                id,
                machine,
                name: self.name_of(id),
                kind: &self.all[machine.group].setup.offers[machine.offer].registration,
                price: self.price_of(id),
            },
        )
    }
}

impl Groups {
    /// What it costs.
    pub(super) fn price_of(&self, id: MachineId) -> &Price {
        let machine = &self.machines[id];
        let of_block = self.reserved.block_price(machine.reservation);
        of_block
            .unwrap_or_else(|| self.all[machine.group].price_of(machine.offer, machine.purchase))
    }

    /// The zone that it was launched in.
    pub(super) fn zone_of_machine(&self, id: MachineId) -> ZoneId {
        let machine = &self.machines[id];
        self.all[machine.group].setup.offers[machine.offer].registration.zone
    }

    /// Its type.
    pub(super) fn type_of(&self, id: MachineId) -> &str {
        let machine = &self.machines[id];
        &self.all[machine.group].setup.offers[machine.offer].registration.instance_type
    }
}
