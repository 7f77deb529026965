//! The instances of a pool in order, apart by cell: for each cell (see `book`) one ordered list.
//!
//! A change of what an instance has free is only noted; the next search of this shelf puts the instances that were
//! noted where they belong. So shelves that nobody searches cost next to nothing: those of rules that are not asked for,
//! the common shelf where one group has all tasks, the order behind a draw that hardly ever needs it.

use super::chain::{Link, LinkKeys};
use super::counts::Counts;
use super::order::{self, Key, Order, Seats, Spot, Spots};
use crate::base::id::Column;
use crate::model::fleet::Fleet;
use crate::model::ids::{GroupId, InstanceId};
use crate::model::resources::Resources;
use std::ops::ControlFlow;

/// The key of an instance that is not on the shelf.
pub(super) const ABSENT: Key = order::NONE;

/// Ordered lists with one sort of key.
#[derive(Clone)]
pub(super) struct Shelf {
    /// The links that the order holds, at most two.
    ordered: Vec<Link>,
    /// The links that follow; they are compared among instances that are equal in the ordered ones.
    later: Vec<Link>,
    /// Whether the fewest tasks win among equals; else (where one is drawn) the order does not need them.
    by_tasks: bool,
    /// The group whose tasks `Link::Tasks` counts in the order; orders of all groups hold no such link.
    group: GroupId,
    /// Where each instance stands.
    spots: Spots,
    pub(super) cells: Vec<Order>,
    /// Instances that may stand wrong since the last search,
    noted: Vec<InstanceId>,
    /// each once.
    is_noted: Column<InstanceId, bool>,
}

/// The best instance of a cell.
#[derive(Clone, Copy)]
pub(super) struct Best {
    pub(super) key: Key,
    pub(super) instance: InstanceId,
    later: LinkKeys,
}

impl Best {
    fn is_before(&self, other: &Best) -> bool {
        (self.later, self.key as u64) < (other.later, other.key as u64)
    }
}

impl Shelf {
    /// An empty shelf for `links` in this order; `group` is the one whose tasks are ordered by, where any is.
    pub(super) fn new(links: &[Link], by_tasks: bool, group: Option<GroupId>) -> Self {
        let may_be_ordered = |link: &&Link| !matches!(link, Link::Tasks) || group.is_some();
        let split = links.iter().take(2).take_while(may_be_ordered).count();
        Shelf {
            ordered: links[..split].to_vec(),
            later: links[split..].to_vec(),
            by_tasks,
            group: group.unwrap_or(GroupId(u32::MAX)),
            spots: Column::new(),
            cells: Vec::new(),
            noted: Vec::new(),
            is_noted: Column::new(),
        }
    }

    /// Makes room for instances and cells that have come since.
    pub(super) fn grow(&mut self, instances: usize, cells: usize) {
        while self.spots.len() < instances {
            self.spots.push(Spot::NONE);
            self.is_noted.push(false);
        }
        self.cells.resize_with(cells, Order::default);
    }

    /// Whether the instance is here: in the pool, ACTIVE, and its agent is connected.
    #[inline]
    pub(super) fn has(&self, instance: InstanceId) -> bool {
        self.spots[instance] != Spot::NONE
    }

    /// The key of an instance that takes tasks.
    #[inline]
    pub(super) fn key(
        &self,
        fleet: &Fleet,
        counts: &Counts,
        instance: InstanceId,
        seat: u32,
    ) -> Key {
        let rank = |i: usize| {
            self.ordered.get(i).map_or(0, |link| link.key(fleet, counts, self.group, instance))
        };
        let tasks = if self.by_tasks { fleet.tasks[instance] } else { 0 };
        order::key([rank(0), rank(1)], tasks, seat)
    }

    /// Puts the instance where `key` says, or takes it away.
    #[inline]
    pub(super) fn set(&mut self, cell: usize, instance: InstanceId, key: Key, free: Resources) {
        let is_here = self.has(instance);
        let (order, spots) = (&mut self.cells[cell], &mut self.spots);
        match (is_here, key != ABSENT) {
            (true, true) => order.replace(instance, key, free, spots),
            (true, false) => order.remove(instance, spots),
            (false, true) => order.insert(instance, key, free, spots),
            (false, false) => {}
        }
    }

    /// See [`super::Placer::look_ahead`].
    #[inline]
    pub(super) fn look_ahead(&self, instance: InstanceId) {
        self.spots.ask_for(instance);
        self.is_noted.ask_for(instance);
    }

    /// What the instance has free, or its tasks, changed.
    #[inline]
    pub(super) fn note(&mut self, instance: InstanceId) {
        if !std::mem::replace(&mut self.is_noted[instance], true) {
            self.noted.push(instance);
        }
    }

    /// Puts all instances that were noted where they belong.
    #[inline]
    pub(super) fn settle(&mut self, cell_of: &Column<InstanceId, u32>, look: Look<'_>) {
        while let Some(instance) = self.noted.pop() {
            self.is_noted[instance] = false;
            if self.has(instance) {
                let cell = cell_of[instance] as usize;
                let seat = order::seat(self.cells[cell].key_of(self.spots[instance])) as u32;
                let key = self.key(look.fleet, look.counts, instance, seat);
                self.set(cell, instance, key, look.fleet.free[instance]);
            }
        }
    }

    /// Takes the instance away, where it is.
    pub(super) fn take_away(&mut self, cell: usize, instance: InstanceId) {
        self.set(cell, instance, ABSENT, Resources::ZERO);
    }

    /// The first of the cell's instances, by the links of this shelf and the tie-break, that has room and that
    /// `accepts` takes. The shelf is settled. With `stop_above` the search ends at a first rank above it.
    #[inline]
    pub(super) fn best(
        &mut self,
        cell: usize,
        look: Look<'_>,
        demand: Resources,
        group: GroupId,
        stop_above: u32,
        mut accepts: impl FnMut(InstanceId) -> bool,
    ) -> Option<Best> {
        let least = match self.ordered.first() {
            Some(Link::Instance(key)) => (key.least)(demand),
            _ => 0,
        };
        let from = order::key([least, 0], 0, 0);
        let later = &self.later;
        let mut best: Option<Best> = None;
        let found = self.cells[cell].search(from, demand, look.seats, |key, instance| {
            let ends_run = best.as_ref().is_some_and(|b| order::ranks(b.key) != order::ranks(key));
            if ends_run || (key >> 96) as u32 > stop_above {
                return ControlFlow::Break(None);
            }
            if !accepts(instance) {
                return ControlFlow::Continue(());
            }
            let mut candidate = Best { key, instance, later: LinkKeys::default() };
            if later.is_empty() {
                return ControlFlow::Break(Some(candidate));
            }
            for (key, link) in candidate.later.iter_mut().zip(later) {
                *key = link.key(look.fleet, look.counts, group, instance);
            }
            if best.as_ref().is_none_or(|best| candidate.is_before(best)) {
                best = Some(candidate);
            }
            ControlFlow::Continue(())
        });
        found.flatten().or(best)
    }

    /// The key under which an instance of this shelf stands. The shelf is settled.
    pub(super) fn key_of(&self, cell: usize, instance: InstanceId) -> Key {
        self.cells[cell].key_of(self.spots[instance])
    }

    /// Panics where the shelf is not what a fresh one would be. For checks.
    pub(super) fn check(&self, look: Look<'_>, cell_of: impl Fn(InstanceId) -> Option<usize>) {
        let mut expected: Vec<Vec<Key>> = vec![Vec::new(); self.cells.len()];
        for (seat, &instance) in look.seats.by_seat.iter().enumerate() {
            let cell = cell_of(instance);
            let key =
                cell.map_or(ABSENT, |_| self.key(look.fleet, look.counts, instance, seat as u32));
            assert_eq!(self.has(instance), cell.is_some(), "who is here is known");
            let stands = cell.map_or(ABSENT, |cell| self.key_of(cell, instance));
            if self.is_noted[instance] && key != ABSENT {
                assert_eq!(order::seat(stands), seat, "a place in order of registration stays");
            } else {
                assert_eq!(stands, key, "the key of {instance:?} is up to date");
            }
            if let Some(cell) = cell {
                expected[cell].push(stands);
            }
        }
        let is_noted = |instance: &InstanceId| self.is_noted[*instance];
        assert_eq!(self.is_noted.ids().filter(is_noted).count(), self.noted.len());
        assert!(self.noted.iter().all(is_noted), "what is noted is marked");
        for (cell, mut expected) in self.cells.iter().zip(expected) {
            cell.check(look.seats, &self.spots, |instance| !self.is_noted[instance]);
            expected.sort_unstable();
            assert_eq!(cell.keys(), expected, "a cell has all its instances");
        }
    }
}

/// What searches look up.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) fleet: &'a Fleet,
    pub(super) counts: &'a Counts,
    pub(super) seats: Seats<'a>,
}

impl Best {
    /// The best of a search that did not go through a shelf.
    pub(super) fn alone(key: Key, instance: InstanceId) -> Self {
        Best { key, instance, later: LinkKeys::default() }
    }
}
