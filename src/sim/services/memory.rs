//! Out of memory: requests in flight take some, and above a container's limit the kernel kills it.
//!
//! Each task is judged by its own requests, at the end of a minute. The one that is furthest above its limit dies first;
//! what it leaves goes to the others, which are judged anew a second later (assumed: `next_out_of_memory`), and so on
//! until nobody is above.

use super::Drive;
use crate::engine::Class;
use crate::model::ids::ServiceId;
use crate::model::lifecycle::StopReason;
use crate::sim::event::{Event, RunError};
use crate::sim::task::Slot;
use std::cmp::Reverse;

/// Exit code of a container that the kernel killed (128 + 9).
const KILLED: u8 = 137;

impl Drive<'_> {
    /// Another look at a service's memory is due.
    pub fn look_at_memory(&mut self, id: ServiceId) -> Result<(), RunError> {
        let now = self.now();
        self.services.all[id].meter.looks_at_memory = false;
        self.flow().come_to(id, now)?;
        self.run_out_of_memory(id)
    }

    /// The task that is furthest above its limit is killed, if any is above.
    pub fn run_out_of_memory(&mut self, id: ServiceId) -> Result<(), RunError> {
        if self.services.all[id].meter.looks_at_memory {
            return Ok(());
        }
        let Some(slot) = self.furthest_above(id) else { return Ok(()) };
        self.books.services[id].out_of_memory += 1;
        self.crash(slot, StopReason::OutOfMemory, KILLED)?;
        self.services.all[id].meter.looks_at_memory = true;
        let at = self.now() + self.services.settings.next_out_of_memory;
        self.queue.schedule(at, Class::Release, Event::Memory(id));
        Ok(())
    }

    /// The task with the most memory above its limit; of equals the one that was started first.
    fn furthest_above(&mut self, id: ServiceId) -> Option<Slot> {
        let service = &mut self.services.all[id];
        let kib = u128::from(service.meter.memory_kib);
        let load = service.load.as_mut()?;
        if kib == 0 || load.targets() == 0 {
            return None;
        }
        let mut furthest = None;
        for &slot in &service.members {
            let Some(member) = self.services.members[slot.0 as usize] else { continue };
            let of = service.deployments.iter().find(|d| d.generation == member.generation);
            let revision = &service.setup.revisions[of.map_or(0, |of| of.revision)];
            let limit = u128::from(revision.memory_limit_mib) << 10;
            let task = self.tasks[slot].id;
            let requests = u128::from(load.in_memory_at(task)) * kib / 1_000_000;
            let used = (u128::from(revision.behaviour.idle_memory_mib) << 10) + requests;
            if member.in_load && limit > 0 && used > limit {
                furthest = furthest.max(Some((used - limit, Reverse(task), slot)));
            }
        }
        furthest.map(|(.., slot)| slot)
    }
}
