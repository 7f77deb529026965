//! What is used beside compute, as the run goes on.

use super::World;
use crate::base::time::SimTime;
use crate::engine::{Class, Queue};
use crate::sim::event::{Event, RunError};

/// The next look at what has been used, where the bill wants one.
pub(super) fn next(world: &World, queue: &mut Queue<Event>) {
    let side = world.books.spending.side.as_ref();
    if let Some(at) = side.and_then(|side| side.next_look(queue.now())) {
        queue.schedule(at, Class::Sample, Event::Meter);
    }
}

/// Meters what has been used up to `now`, which may be the end. Changes nothing but the bill.
///
/// # Errors
/// Traffic cannot be read further.
pub fn meter(world: &mut World, now: SimTime, is_end: bool) -> Result<(), RunError> {
    let Some(side) = &world.books.spending.side else { return Ok(()) };
    let counts_requests = is_end || side.is_hour(now);
    world.flow().meter_hosts(now)?;
    if counts_requests {
        world.flow().meter_requests(now)?;
    }
    let World { cluster, groups, books, .. } = world;
    let Some(side) = &mut books.spending.side else { return Ok(()) };
    if let Some(credits) = &mut side.credits {
        let warmed = |id| groups.behind(id).and_then(|machine| groups.warmed(machine));
        credits.settle(now, cluster.fleet(), &mut side.usage, warmed);
    }
    Ok(())
}
