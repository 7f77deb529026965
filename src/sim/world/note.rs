//! Events in the digest of a run.

use super::World;
use crate::base::time::SimTime;
use crate::sim::event::Event;

/// The event as two words of the digest: its kind and whom it concerns, by numbers that do not depend on
/// how memory is reused.
#[inline]
pub(super) fn note(world: &mut World, at: SimTime, event: Event) {
    let (kind, whom) = match event {
        Event::Attached(slot) => (1, world.tasks[slot].id),
        Event::Prepared(slot) => (2, world.tasks[slot].id),
        Event::Running(slot) => (3, world.tasks[slot].id),
        Event::Exit(slot) => (4, world.tasks[slot].id),
        Event::ExecutionStopped(slot) => (5, world.tasks[slot].id),
        Event::Detached(slot) => (6, world.tasks[slot].id),
        Event::Retry(parked) => (7, world.callers.parked_task(parked)),
        Event::Gate => (8, 0),
        Event::Control => (9, 0),
        Event::Health(slot) => (10, world.tasks[slot].id),
        Event::Deregistered(slot) => (11, world.tasks[slot].id),
        Event::Reconcile(service) => (12, u64::from(service.0)),
        Event::Update(service) => (13, u64::from(service.0)),
        Event::ScalingAction(service) => (14, u64::from(service.0)),
        Event::Tick(tick) => (15, tick as u64),
        Event::Failure => (0, 0),
        Event::SidecarExit(slot) => (0, world.tasks[slot].id << 2 | 1 << 56),
        Event::OutageEnds(service) => (0, u64::from(service.0) << 2 | 2),
        Event::StartIsOver(slot) => (0, world.tasks[slot].id << 2 | 1), // four bits are all taken
        Event::Known(service) => (0, u64::from(service.0) << 2 | 3),
        Event::Memory(service) => (0, u64::from(service.0) << 2 | 1 << 42),
        Event::Machine(machine) => (0, u64::from(machine.0) << 2 | 1 << 41),
        Event::GroupChange(provider) => (0, u64::from(provider.0) << 2 | 1 << 40),
        Event::WaitedEnough => (0, 1 << 51),
        Event::Overflow => (0, 1 << 57),
        Event::Reservation(provider) => (0, u64::from(provider.0) << 2 | 1 << 43),
        Event::ManagedScaling(provider) => (0, u64::from(provider.0) << 2 | 1 << 44),
        Event::Fault(fault) => (0, u64::from(fault) << 2 | 1 << 45),
        Event::Spot(machine) => (0, u64::from(machine.0) << 2 | 1 << 46),
        Event::Renew(provider) => (0, u64::from(provider.0) << 2 | 1 << 54),
        Event::Pools(provider) => (0, u64::from(provider.0) << 2 | 1 << 47),
        Event::LaunchAgain(provider, purchase) => {
            (0, u64::from(provider.0) << 3 | (purchase as u64) << 2 | 1 << 48)
        }
        Event::Fargate => (0, 1 << 52),
        Event::FargateWarning(number) => (0, u64::from(number) << 2 | 1 << 53),
        Event::ZonalShift(provider) => (0, u64::from(provider.0) << 2 | 1 << 54),
        Event::TrafficShift(service) => (0, u64::from(service.0) << 2 | 1 << 55),
        Event::Batch(provider) => (0, u64::from(provider.0) << 2 | 1 << 50),
        Event::Optimise(provider) => (0, u64::from(provider.0) << 2 | 1 << 49),
        Event::Sample | Event::Meter => return, // they observe: with another interval the digest is the same
    };
    world.books.digest.add(at.0);
    world.books.digest.add(whom << 4 | kind);
}
