//! Whose the bill is, when a run ends.

use crate::base::id::Id as _;
use crate::base::time::SimTime;
use crate::model::ids::SourceId;
use crate::pricing::Closed;
use crate::pricing::allocation::Allocated;
use crate::sim::world::World;
use std::collections::BTreeMap;

/// What tasks of services used beyond what they reserved, before their instances are billed.
pub fn measured(world: &mut World, end: SimTime) {
    let Some(allocation) = &mut world.books.spending.allocation else { return };
    for id in world.services.all.ids() {
        let service = &mut world.services.all[id];
        let memory = service.meter.memory_of_one();
        let Some(excess) = &mut service.meter.excess else { continue };
        if let Some(load) = &mut service.load {
            excess.minute(load, memory, end);
        }
        excess.finish();
        for &(instance, more, until) in &excess.found {
            allocation.excess((instance, service.source), more, until);
        }
    }
}

/// The rows of a closed bill, where somebody asked for them.
pub fn close(world: &World, closed: &Closed) -> Option<Vec<Allocated>> {
    let allocation = world.books.spending.allocation.as_ref()?;
    let names = world.books.services.iter().map(|ledger| ledger.title.as_str());
    let first = world.rules.first_service as usize;
    let numbers =
        names.enumerate().map(|(index, name)| (name, SourceId::from_index(first + index)));
    let owners: BTreeMap<&str, SourceId> = numbers.collect();
    Some(allocation.rows(closed, |name| owners.get(name).copied()))
}
