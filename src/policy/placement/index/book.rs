//! The index of one chain of strategies over one pool of instances.
//!
//! `spread` over attributes is dealt with by *cells*: instances with equal values of all the chain's fields. Within a
//! cell those links are the same for everyone, so a cell is kept in the order of the other links, its best instance is
//! found there, and the best of the cells are compared by the whole chain. Where fields lead the chain, cells are
//! visited in ascending count of tasks, and the first that has room ends the search.
//!
//! `spread` over instances and `distinctInstance` depend on the group, and an order for every group would cost too
//! much. Instances without a task of the group all rank the same, so the common order serves them: those with a task
//! are passed over, and only when no other has room they are compared one by one. A group that is on many instances
//! of the pool is *heavy* and gets a shelf of its own, ordered by its tasks.

use super::super::{Ask, random};
use super::cells::Cells;
use super::chain::{Chain, Link, LinkKeys};
use super::roster::Roster;
use super::shelf::{ABSENT, Best, Look, Shelf};
use crate::base::id::Column;
use crate::base::random::Stream;
use crate::model::ids::{GroupId, InstanceId};

/// A group on at least so many instances may be heavy,
const HEAVY_LEAST: usize = 8;
/// if it is on more than this part of the pool; it ceases to be below a quarter of that.
const HEAVY_PART: usize = 4;
/// Most heavy groups of a book: each costs an update per placement.
const HEAVY_MOST: usize = 4;

/// The cell of an instance that is not in the pool.
const OUTSIDE: u32 = u32::MAX;

/// The index of a chain over a pool.
pub(super) struct Book {
    pub(super) pool: usize,
    pub(super) chain: Chain,
    /// Whether some rule of this book ranks or refuses by the group's tasks on the instance before all else.
    pub(super) is_grouped: bool,
    cells: Cells,
    cell_of: Column<InstanceId, u32>,
    common: Shelf,
    heavy: Vec<(GroupId, Shelf)>,
}

/// One search: the ask, whether the group's instances are out of the question, and what else an instance must pass.
pub(super) struct Search<'a> {
    pub(super) ask: &'a Ask,
    pub(super) look: Look<'a>,
    pub(super) is_distinct: bool,
    pub(super) passes: &'a dyn Fn(InstanceId) -> bool,
    /// `passes` takes all: saves a call per candidate.
    pub(super) passes_all: bool,
}

impl Search<'_> {
    #[inline]
    fn accepts(&self, instance: InstanceId) -> bool {
        self.passes_all || (self.passes)(instance)
    }

    #[inline]
    fn tasks(&self, instance: InstanceId) -> u32 {
        self.look.counts.tasks(instance, self.ask.group)
    }

    fn has_room(&self, instance: InstanceId) -> bool {
        self.ask.demand.fits_into(self.look.fleet.free[instance])
    }
}

impl Book {
    pub(super) fn new(pool: usize, chain: Chain) -> Self {
        let mut links = chain.within_cell();
        let is_grouped = matches!(links.first(), Some(Link::Tasks));
        if is_grouped {
            links.remove(0);
        }
        let common = Shelf::new(&links, !chain.is_drawn, None);
        let (cells, cell_of) = (Cells::default(), Column::new());
        Book { pool, chain, is_grouped, cells, cell_of, common, heavy: Vec::new() }
    }

    /// Adds the fleet's next instance.
    pub(super) fn register(
        &mut self,
        instance: InstanceId,
        is_member: bool,
        seat: u32,
        look: Look<'_>,
    ) {
        let cell = if is_member {
            let fields = self.chain.fields.iter();
            self.cells.enter(
                fields.map(|&field| look.counts.value(field, look.fleet, instance)).collect(),
            )
        } else {
            OUTSIDE
        };
        self.cell_of.push(cell);
        self.common.grow(self.cell_of.len(), self.cells.len());
        for (_, shelf) in &mut self.heavy {
            shelf.grow(self.cell_of.len(), self.cells.len());
        }
        self.update(instance, seat, look);
    }

    /// Forgets an instance that has left.
    pub(super) fn forget(&mut self, instance: InstanceId) {
        let cell = std::mem::replace(&mut self.cell_of[instance], OUTSIDE);
        if cell == OUTSIDE {
            return;
        }
        self.common.take_away(cell as usize, instance);
        for (_, shelf) in &mut self.heavy {
            shelf.take_away(cell as usize, instance);
        }
        self.cells.leave(cell);
    }

    /// See [`super::Placer::look_ahead`].
    #[inline]
    pub(super) fn look_ahead(&self, instance: InstanceId) {
        self.cell_of.ask_for(instance);
        self.common.look_ahead(instance);
    }

    /// Tasks came to the instance, or went: it will be put where it belongs when that matters.
    #[inline]
    pub(super) fn note(&mut self, instance: InstanceId) {
        if self.cell_of[instance] == OUTSIDE {
            return;
        }
        self.common.note(instance);
        for (_, shelf) in &mut self.heavy {
            shelf.note(instance);
        }
    }

    /// Puts an instance where it belongs that may have begun or ceased to take tasks.
    pub(super) fn update(&mut self, instance: InstanceId, seat: u32, look: Look<'_>) {
        let cell = self.cell_of[instance];
        if cell == OUTSIDE {
            return;
        }
        let takes_tasks = super::super::pipeline::takes_tasks(look.fleet, instance);
        let shelves =
            std::iter::once(&mut self.common).chain(self.heavy.iter_mut().map(|(_, shelf)| shelf));
        for shelf in shelves {
            let key = if takes_tasks {
                shelf.key(look.fleet, look.counts, instance, seat)
            } else {
                ABSENT
            };
            shelf.set(cell as usize, instance, key, look.fleet.free[instance]);
        }
    }

    /// Gives a group that has become heavy a shelf of its own, or takes it away.
    pub(super) fn weigh(&mut self, group: GroupId, members: usize, look: Look<'_>) {
        if !self.is_grouped {
            return;
        }
        let on = look.counts.instances(group).len();
        match self.heavy.iter().position(|(heavy, _)| *heavy == group) {
            Some(at) if on * HEAVY_PART * 4 < members || on < HEAVY_LEAST / 2 => {
                self.heavy.remove(at);
            }
            None if on >= HEAVY_LEAST
                && on * HEAVY_PART > members
                && self.heavy.len() < HEAVY_MOST =>
            {
                let shelf = self.heavy_shelf(group, look);
                self.heavy.push((group, shelf));
            }
            _ => {}
        }
    }

    fn heavy_shelf(&self, group: GroupId, look: Look<'_>) -> Shelf {
        let mut links = self.chain.within_cell();
        links.retain(|link| !matches!(link, Link::Tasks));
        links.insert(0, Link::Tasks);
        let mut shelf = Shelf::new(&links, !self.chain.is_drawn, Some(group));
        shelf.grow(self.cell_of.len(), self.cells.len());
        for (seat, &instance) in look.seats.by_seat.iter().enumerate() {
            if self.common.has(instance) {
                let key = shelf.key(look.fleet, look.counts, instance, seat as u32);
                let cell = self.cell_of[instance] as usize;
                shelf.set(cell, instance, key, look.fleet.free[instance]);
            }
        }
        shelf
    }

    /// The best instance by chain and tie-break; where one is drawn, some instance with the best keys.
    pub(super) fn first(&mut self, search: &Search<'_>) -> Option<InstanceId> {
        if self.cells.len() == 1 {
            return self.best_of_cell(0, search).map(|best| best.instance);
        }
        let group = search.ask.group;
        let mut above: Option<LinkKeys> = None;
        loop {
            let levels = (0..self.cells.len()).map(|cell| self.level(cell, search.look, group));
            let level = levels.filter(|level| above.is_none_or(|above| *level > above)).min()?;
            let mut best: Option<(LinkKeys, u64, InstanceId)> = None;
            for cell in 0..self.cells.len() {
                if self.level(cell, search.look, group) != level {
                    continue;
                }
                if let Some(found) = self.best_of_cell(cell, search) {
                    let keys = self.keys(cell, search, found.instance);
                    let found = (keys, found.key as u64, found.instance);
                    best = Some(best.map_or(found, |best| best.min(found)));
                }
            }
            if let Some((_, _, instance)) = best {
                return Some(instance);
            }
            above = Some(level);
        }
    }

    /// One of the instances with the best keys, drawn as [`random`] says.
    pub(super) fn draw(
        &mut self,
        search: &Search<'_>,
        pool: &Roster,
        stream: &mut Stream,
        scratch: &mut Vec<InstanceId>,
    ) -> Option<InstanceId> {
        let target = if self.chain.links.is_empty() {
            None
        } else {
            let best = self.first(search)?;
            Some(self.keys(self.cell_of[best] as usize, search, best))
        };
        let before = stream.clone();
        let drawn =
            random::try_pool(stream, pool, |instance| self.remains(instance, target, search));
        if drawn.is_some() {
            return drawn;
        }
        scratch.clear();
        self.gather(target, search, scratch);
        scratch.sort_unstable();
        let drawn = random::pick(stream, scratch);
        if drawn.is_none() {
            *stream = before;
        }
        drawn
    }

    fn remains(&self, instance: InstanceId, target: Option<LinkKeys>, search: &Search<'_>) -> bool {
        self.common.has(instance)
            && search.has_room(instance)
            && search.accepts(instance)
            && !(search.is_distinct && search.tasks(instance) > 0)
            && target.is_none_or(|target| {
                self.keys(self.cell_of[instance] as usize, search, instance) == target
            })
    }

    /// All instances that remain, in any order.
    fn gather(
        &mut self,
        target: Option<LinkKeys>,
        search: &Search<'_>,
        found: &mut Vec<InstanceId>,
    ) {
        self.common.settle(&self.cell_of, search.look);
        for cell in 0..self.cells.len() {
            let mut order = std::mem::take(&mut self.common.cells[cell]);
            order.search(0, search.ask.demand, search.look.seats, |_, instance| {
                if self.remains(instance, target, search) {
                    found.push(instance);
                }
                std::ops::ControlFlow::<()>::Continue(())
            });
            self.common.cells[cell] = order;
        }
    }

    fn keys(&self, cell: usize, search: &Search<'_>, instance: InstanceId) -> LinkKeys {
        let Look { fleet, counts, .. } = search.look;
        self.chain.keys(fleet, counts, self.cells.values(cell), search.ask.group, instance)
    }

    /// The tasks of the group in the cell's values of the leading fields.
    fn level(&self, cell: usize, look: Look<'_>, group: GroupId) -> LinkKeys {
        let mut level = LinkKeys::default();
        let leading = self.chain.fields[..self.chain.leading_fields].iter();
        for ((key, &field), &value) in level.iter_mut().zip(leading).zip(self.cells.values(cell)) {
            *key = look.counts.in_value(field, value, group);
        }
        level
    }

    #[inline]
    fn best_of_cell(&mut self, cell: usize, search: &Search<'_>) -> Option<Best> {
        let Search { ask, look, is_distinct, .. } = *search;
        let is_first = self.ranks_by_tasks_first();
        if !is_first && !is_distinct {
            let accepts = |instance| search.accepts(instance);
            self.common.settle(&self.cell_of, look);
            return self.common.best(cell, look, ask.demand, ask.group, u32::MAX, accepts);
        }
        let heavy = self.heavy.iter_mut().find(|(group, _)| *group == ask.group);
        if let Some((_, shelf)) = heavy {
            let most = if is_distinct { 0 } else { u32::MAX };
            let accepts = |instance| search.accepts(instance);
            shelf.settle(&self.cell_of, look);
            return shelf.best(cell, look, ask.demand, ask.group, most, accepts);
        }
        let is_free = |instance| search.tasks(instance) == 0 && search.accepts(instance);
        self.common.settle(&self.cell_of, look);
        let free = self.common.best(cell, look, ask.demand, ask.group, u32::MAX, is_free);
        if free.is_some() || is_distinct {
            return free;
        }
        self.best_of_occupied(cell, search)
    }

    fn best_of_occupied(&self, cell: usize, search: &Search<'_>) -> Option<Best> {
        let occupied = search.look.counts.instances(search.ask.group).iter().copied();
        let in_cell = occupied.filter(|&instance| {
            self.cell_of[instance] as usize == cell
                && self.common.has(instance)
                && search.has_room(instance)
                && search.accepts(instance)
        });
        let rank = |instance| {
            let key = self.common.key_of(cell, instance);
            (self.keys(cell, search, instance), key as u64)
        };
        let instance = in_cell.min_by_key(|&instance| rank(instance))?;
        Some(Best::alone(self.common.key_of(cell, instance), instance))
    }

    fn ranks_by_tasks_first(&self) -> bool {
        let mut within = self.chain.links.iter().filter(|link| !matches!(link, Link::Field(_)));
        matches!(within.next(), Some(Link::Tasks))
    }

    /// Panics where the index is not what a fresh one would be. For checks.
    pub(super) fn check(&self, look: Look<'_>, is_member: impl Fn(InstanceId) -> bool) {
        let cell_of = |instance: InstanceId| {
            assert_eq!(self.cell_of[instance] != OUTSIDE, is_member(instance));
            let takes_tasks = super::super::pipeline::takes_tasks(look.fleet, instance);
            (is_member(instance) && takes_tasks).then(|| self.cell_of[instance] as usize)
        };
        self.common.check(look, cell_of);
        for (_, shelf) in &self.heavy {
            shelf.check(look, cell_of);
        }
    }
}
