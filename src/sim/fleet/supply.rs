//! What this room may touch, and what it writes down.

use super::{Groups, Stage};
use crate::base::time::SimTime;
use crate::model::ids::MachineId;
use crate::sim::books::Change;
use crate::sim::books::fleet_table::FleetRow;
use crate::sim::event::RunError;
use crate::sim::services::Drive;

/// Groups launch and end instances: what they may touch.
pub struct Supply<'a> {
    /// Services, tasks, all capacity, books, events to come.
    pub drive: Drive<'a>,
    /// The groups.
    pub groups: &'a mut Groups,
}

impl Supply<'_> {
    /// The clock.
    pub fn now(&self) -> SimTime {
        self.drive.now()
    }

    /// The books are told what a group has.
    pub(super) fn count(&mut self, group: usize) {
        let group = &mut self.groups.all[group];
        if group.instances.is_some() {
            group.desired = group.members.len() as u32;
        }
        let (provider, counts) = (group.setup.provider, group.counts());
        self.drive.books.saw(Change::Group { provider, counts });
    }

    /// Something has happened to an instance.
    pub(super) fn tell(
        &mut self,
        id: MachineId,
        event: &'static str,
        tasks: Option<u32>,
    ) -> Result<(), RunError> {
        let machine = &self.groups.machines[id];
        let is_over = matches!(machine.stage, Stage::Draining | Stage::Terminated);
        let reason = match machine.end {
            Some(end) if is_over => end.name(),
            _ => machine.cause.name(),
        };
        self.tell_because(id, event, reason, tasks)
    }

    /// The same for a reason of its own.
    pub(super) fn tell_because(
        &mut self,
        id: MachineId,
        event: &'static str,
        reason: &str,
        tasks: Option<u32>,
    ) -> Result<(), RunError> {
        if !self.drive.books.fleet_events.is_on() {
            return Ok(());
        }
        let at = self.now();
        let machine = &self.groups.machines[id];
        let group = &self.groups.all[machine.group];
        let kind = &group.setup.offers[machine.offer].registration;
        let zone = &self.drive.rules.zones[kind.zone];
        let name = self.groups.name_of(id);
        let row = FleetRow {
            at,
            provider: &group.name,
            event,
            instance: Some((&name, &kind.instance_type, self.groups.bought(id), zone)),
            sizes: group.sizes(),
            reason,
            tasks,
        };
        self.drive.books.fleet_events.write(&row)
    }

    /// The sizes of a group have changed.
    pub(super) fn tell_sizes(&mut self, group: usize, reason: &str) -> Result<(), RunError> {
        self.tell_group(group, "capacity", reason)
    }

    /// Something has happened to a group.
    pub(super) fn tell_group(
        &mut self,
        group: usize,
        event: &'static str,
        reason: &str,
    ) -> Result<(), RunError> {
        let at = self.now();
        let group = &self.groups.all[group];
        if group.instances.is_some() {
            return Ok(());
        }
        let row = FleetRow {
            at,
            provider: &group.name,
            event,
            instance: None,
            sizes: group.sizes(),
            reason,
            tasks: None,
        };
        self.drive.books.fleet_events.write(&row)
    }
}
