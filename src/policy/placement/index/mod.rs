//! The fast placement: the decisions of [`super::reference`], without looking at every instance.
//!
//! - What never changes about a rule (cluster, provider, AZs, platform, `memberOf` over attributes) selects a *pool* of
//!   instances once; rules that select alike share it.
//! - For each pool and chain of strategies there is a `book`, which keeps the pool in the order of the chain.
//! - `counts` holds the tasks by group, as far as any rule asks.
//!
//! For tests and on request the slow placement decides everything once more beside it, see [`Placer::shadow`].
//!
//! Memory is about 50 bytes per instance and book. A placement changes every book whose pool holds the instance.

mod book;
mod cells;
mod chain;
mod counts;
mod order;
mod pool;
mod roster;
mod shelf;

use super::pipeline::{Member, Pipeline};
use super::reference::{Reference, decide};
use super::tally::GroupNames;
use super::{Ask, Choice, Reason, Refusals, Rule, RuleId, Strategy, TieBreak};
use crate::base::canary;
use crate::base::id::{Column, Id as _};
use crate::base::random::Stream;
use crate::model::fleet::Fleet;
use crate::model::ids::{GroupId, InstanceId};
use crate::model::ports::PortSets;
use crate::model::resources::Resources;
use crate::policy::query::Expression;
use book::{Book, Search};
pub use chain::MAX_STRATEGIES;
use chain::{Chain, Link};
use counts::Counts;
use order::Seats;
use pool::{Filter, Pool};
pub(super) use roster::Roster;
use shelf::Look;

struct CompiledRule {
    rule: Rule,
    /// Whether a strategy looks at the task, so that no order can be kept.
    scans: bool,
    book: usize,
    /// The expressions that look at what changes.
    changing: Vec<Expression>,
}

/// The fast placement.
///
/// The caller owns the fleet and tells the placer of every change after it was made: [`Placer::placed`] after
/// `Fleet::promise`, [`Placer::released`] after `Fleet::release`, [`Placer::amount_changed`] after
/// `Fleet::interface_gone`, [`Placer::instance_changed`] after a change of status or agent,
/// [`Placer::instance_registered`] after `Fleet::register`, [`Placer::instance_left`] after `Fleet::deregister`.
pub struct Placer {
    tie_break: TieBreak,
    stream: Stream,
    rules: Column<RuleId, CompiledRule>,
    names: GroupNames,
    pools: Vec<Pool>,
    books: Vec<Book>,
    counts: Counts,
    /// Instances by time of registration, then id; a *seat* is a place in this order.
    by_seat: Vec<InstanceId>,
    seat_of: Column<InstanceId, u32>,
    /// All that have not left.
    registered: Roster,
    has_placed: bool,
    scratch: Vec<InstanceId>,
    shadow: Option<Box<Reference>>,
}

impl Placer {
    /// A placer without rules for the instances of `fleet`. `stream` is for `random` and the uniform tie-break.
    #[must_use]
    pub fn new(fleet: &Fleet, tie_break: TieBreak, stream: Stream) -> Self {
        let mut placer = Placer {
            tie_break,
            stream,
            rules: Column::new(),
            names: Column::new(),
            pools: Vec::new(),
            books: Vec::new(),
            counts: Counts::default(),
            by_seat: Vec::new(),
            seat_of: Column::new(),
            registered: Roster::new(fleet.ids().filter(|&i| fleet.is_registered(i)).collect()),
            has_placed: false,
            scratch: Vec::new(),
            shadow: None,
        };
        placer.counts.grow(fleet);
        placer.seat_all(fleet);
        placer
    }

    /// Asks memory for what a change of this instance looks at: rows of a large fleet are not in the caches.
    #[inline]
    pub fn look_ahead(&self, instance: InstanceId) {
        self.counts.look_ahead(instance);
        self.books.iter().for_each(|book| book.look_ahead(instance));
    }

    /// From now on the slow placement makes every decision as well, and the first difference panics (F1). To be called
    /// after the rules were added and before the first choice.
    pub fn shadow(&mut self) {
        assert!(!self.has_placed, "the shadow must see every task");
        let mut shadow = Reference::new(self.tie_break, self.stream.clone());
        for compiled in self.rules.iter() {
            shadow.add_rule(compiled.rule.clone());
        }
        for name in self.names.iter() {
            shadow.name_group(name);
        }
        self.shadow = Some(Box::new(shadow));
    }

    /// Adds a rule. Panics where tasks were placed already and the rule counts by group what no rule has counted yet:
    /// rules are added before the first task.
    pub fn add_rule(&mut self, rule: Rule, fleet: &Fleet) -> RuleId {
        if let Some(shadow) = &mut self.shadow {
            shadow.add_rule(rule.clone());
        }
        let (fixed, changing) = rule.member_of.iter().cloned().partition(Expression::is_static);
        let filter = Filter {
            cluster: rule.cluster,
            provider: rule.provider,
            zones: rule.zones.clone(),
            platform: rule.platform,
            member_of: fixed,
        };
        let known = self.pools.iter().position(|pool| pool.filter == filter);
        let pool = known.unwrap_or_else(|| {
            let mut pool = Pool::new(filter);
            for instance in self.registered.iter() {
                pool.register(instance, &rule, fleet, &self.counts);
            }
            self.pools.push(pool);
            self.pools.len() - 1
        });

        let fields = self.counts.fields.len();
        let chain = Chain::new(&rule, self.tie_break, &mut self.counts, fleet);
        let asks_for_groups = rule.distinct_instance
            || chain.links.iter().any(|link| matches!(link, Link::Tasks))
            || changing.iter().any(Expression::asks_for_groups);
        let counts_more =
            self.counts.fields.len() > fields || (asks_for_groups && !self.counts.by_instance);
        assert!(!(self.has_placed && counts_more), "rules that count groups come before tasks");
        self.counts.by_instance |= asks_for_groups;

        let is_same = |book: &Book| {
            book.pool == pool
                && book.chain.strategies == chain.strategies
                && book.chain.is_drawn == chain.is_drawn
        };
        let known = self.books.iter().position(is_same);
        let book = known.unwrap_or_else(|| {
            self.books.push(Book::new(pool, chain));
            self.fill(self.books.len() - 1, fleet);
            self.books.len() - 1
        });
        self.books[book].is_grouped |= rule.distinct_instance;
        let scans = rule.strategies.iter().any(|of| matches!(of, Strategy::Own(_)));
        self.rules.push(CompiledRule { rule, scans, book, changing })
    }

    /// A rule that was added.
    #[must_use]
    pub fn rule(&self, rule: RuleId) -> &Rule {
        &self.rules[rule].rule
    }

    /// Names the next group, in order of id. Needed only where a rule's `memberOf` asks for `task:group`.
    pub fn name_group(&mut self, name: &str) -> GroupId {
        if let Some(shadow) = &mut self.shadow {
            shadow.name_group(name);
        }
        self.names.push(name.into())
    }

    /// Where the task goes; `None` when no instance qualifies.
    #[inline]
    pub fn choose(&mut self, ask: &Ask, fleet: &Fleet, all_ports: &PortSets) -> Option<InstanceId> {
        if self.rules[ask.rule].scans {
            return self.scan(ask, fleet, all_ports);
        }
        let Placer { rules, names, pools, books, counts, by_seat, scratch, stream, .. } = self;
        let CompiledRule { rule, book, changing, .. } = &rules[ask.rule];
        let look = Look { fleet, counts, seats: Seats { by_seat, free: &fleet.free } };
        let ports = all_ports.get(ask.ports);
        let passes = |instance: InstanceId| {
            let member = Member { fleet, instance, tally: counts, names };
            fleet.ports[instance].has_room_for(ports) && changing.iter().all(|e| e.holds(&member))
        };
        let passes_all = ports.is_empty() && changing.is_empty();
        let is_distinct = rule.distinct_instance;
        let search = Search { ask, look, is_distinct, passes: &passes, passes_all };
        let book = &mut books[*book];
        let chosen = if book.chain.is_drawn {
            book.draw(&search, &pools[book.pool].members, stream, scratch)
        } else {
            book.first(&search)
        };
        let chosen = chosen.filter(|&i| !canary::breaks("placement") || fleet.tasks[i] < 2);
        if self.shadow.is_some() {
            self.compare(ask, fleet, all_ports, chosen);
        }
        chosen
    }

    /// As [`Placer::choose`] for a rule that looks at the task: all of its pool are asked.
    #[cold]
    fn scan(&mut self, ask: &Ask, fleet: &Fleet, ports: &PortSets) -> Option<InstanceId> {
        let Placer { rules, names, pools, books, counts, stream, tie_break, .. } = self;
        let CompiledRule { rule, book, .. } = &rules[ask.rule];
        let pipeline = Pipeline { rule, ask, fleet, ports, tally: counts, names };
        let pool = &pools[books[*book].pool].members;
        let mut remaining: Vec<InstanceId> =
            pool.iter().filter(|&instance| pipeline.refusal(instance).is_none()).collect();
        remaining.sort_unstable();
        let chosen =
            (!remaining.is_empty()).then(|| decide(&pipeline, remaining, *tie_break, stream, pool));
        if self.shadow.is_some() {
            self.compare(ask, fleet, ports, chosen);
        }
        chosen
    }

    /// Panics where the slow placement decides otherwise.
    #[cold]
    fn compare(&mut self, ask: &Ask, fleet: &Fleet, ports: &PortSets, chosen: Option<InstanceId>) {
        let fast = match chosen {
            Some(instance) => Choice::On(instance),
            None => Choice::Nowhere(self.refusals(ask, fleet, ports)),
        };
        let shadow = self.shadow.as_mut().expect("only a shadow is compared with");
        let slow = shadow.choose(ask, fleet, ports);
        assert_eq!(fast, slow, "F1: {ask:?} under {:?}", self.rules[ask.rule].rule);
    }

    /// How many instances are refused, by reason. Looks at every registered instance; for those who ask why a task
    /// waits.
    pub fn refusals(&self, ask: &Ask, fleet: &Fleet, ports: &PortSets) -> Refusals {
        let rule = &self.rules[ask.rule].rule;
        let tally = &self.counts;
        Pipeline { rule, ask, fleet, ports, tally, names: &self.names }
            .refusals(self.registered.iter())
    }

    /// Why the task cannot go to this instance, for a caller that names it; `None` where it can.
    #[must_use]
    pub fn verdict(
        &self,
        ask: &Ask,
        instance: InstanceId,
        fleet: &Fleet,
        ports: &PortSets,
    ) -> Option<Reason> {
        let rule = &self.rules[ask.rule].rule;
        let tally = &self.counts;
        Pipeline { rule, ask, fleet, ports, tally, names: &self.names }.refusal(instance)
    }

    /// Whether a rule takes every instance of its cluster and provider that has room.
    #[must_use]
    pub fn is_unconstrained(&self, rule: RuleId) -> bool {
        let rule = &self.rules[rule].rule;
        let is_bound = rule.zones.is_some() || rule.platform.is_some() || rule.distinct_instance;
        !is_bound && rule.member_of.is_empty()
    }

    /// Whether each task of a group needs an instance of its own under the rule.
    #[must_use]
    pub fn is_distinct(&self, rule: RuleId) -> bool {
        self.rules[rule].rule.distinct_instance
    }

    /// Whether the rule selects the instance, whatever room it has.
    #[must_use]
    pub fn takes(&self, rule: RuleId, instance: InstanceId, fleet: &Fleet) -> bool {
        let CompiledRule { book, changing, .. } = &self.rules[rule];
        let pool = &self.pools[self.books[*book].pool];
        let member = Member { fleet, instance, tally: &self.counts, names: &self.names };
        pool.members.contains(instance) && changing.iter().all(|e| e.holds(&member))
    }

    /// Whether any registered instance that the rule selects is large enough when it is empty; for callers that would
    /// wait for ever.
    #[must_use]
    pub fn could_fit_when_empty(&self, ask: &Ask, fleet: &Fleet, ports: &PortSets) -> bool {
        let pool = &self.pools[self.books[self.rules[ask.rule].book].pool];
        // Only who asks for host ports must be held against each instance.
        let asks_for_ports = ask.ports != PortSets::NONE;
        let mut members = pool.members.iter();
        pool.could_fit(ask.demand)
            && (!asks_for_ports || members.any(|i| holds_when_empty(ask, i, fleet, ports)))
    }

    /// The same of one instance.
    #[must_use]
    pub fn could_take_when_empty(
        &self,
        ask: &Ask,
        instance: InstanceId,
        fleet: &Fleet,
        ports: &PortSets,
    ) -> bool {
        let pool = &self.pools[self.books[self.rules[ask.rule].book].pool];
        pool.members.contains(instance) && holds_when_empty(ask, instance, fleet, ports)
    }

    /// A task of `group` was promised resources of the instance.
    #[inline]
    pub fn placed(&mut self, instance: InstanceId, group: GroupId, fleet: &Fleet) {
        self.has_placed = true;
        self.counts.placed(fleet, instance, group);
        if let Some(shadow) = &mut self.shadow {
            shadow.placed(instance, group);
        }
        self.note(instance, group, fleet);
    }

    /// A task of `group` began to stop, and its promise was taken back.
    #[inline]
    pub fn released(&mut self, instance: InstanceId, group: GroupId, fleet: &Fleet) {
        self.counts.released(fleet, instance, group);
        if let Some(shadow) = &mut self.shadow {
            shadow.released(instance, group);
        }
        self.note(instance, group, fleet);
    }

    /// The status of the instance changed, or its agent was connected or disconnected.
    pub fn instance_changed(&mut self, instance: InstanceId, fleet: &Fleet) {
        let seats = Seats { by_seat: &self.by_seat, free: &fleet.free };
        let look = Look { fleet, counts: &self.counts, seats };
        for book in &mut self.books {
            book.update(instance, self.seat_of[instance], look);
        }
    }

    /// The instance has more free than `before`, and nothing else about it has changed.
    #[inline]
    pub fn amount_changed(&mut self, instance: InstanceId, before: Resources, fleet: &Fleet) {
        if order::cut(before) == order::cut(fleet.free[instance]) {
            return; // no order sees a difference
        }
        for book in &mut self.books {
            book.note(instance);
        }
    }

    /// The instance has left: it is in no pool and no draw any more.
    pub fn instance_left(&mut self, instance: InstanceId, fleet: &Fleet) {
        assert!(!fleet.is_registered(instance), "`Fleet::deregister` comes first");
        self.registered.remove(instance);
        self.counts.forget(instance);
        for pool in &mut self.pools {
            pool.forget(instance, fleet);
        }
        for book in &mut self.books {
            book.forget(instance);
        }
    }

    /// The fleet's next instance registered. Instances are told in order of id.
    pub fn instance_registered(&mut self, instance: InstanceId, fleet: &Fleet) {
        assert_eq!(instance.index(), self.seat_of.len(), "instances are told in order of id");
        self.counts.grow(fleet);
        self.registered.push(instance);
        for pool in &mut self.pools {
            let rule = pool.filter.rule();
            pool.register(instance, &rule, fleet, &self.counts);
        }
        let last = self.by_seat.last().map(|&last| fleet.registered_at[last]);
        if last.is_none_or(|last| last <= fleet.registered_at[instance]) {
            self.seat_of.push(instance.0);
            self.by_seat.push(instance);
            let seat = (self.by_seat.len() - 1) as u32;
            self.seat_of[instance] = seat;
            for book in &mut self.books {
                let is_member = self.pools[book.pool].members.contains(instance);
                let seats = Seats { by_seat: &self.by_seat, free: &fleet.free };
                book.register(
                    instance,
                    is_member,
                    seat,
                    Look { fleet, counts: &self.counts, seats },
                );
            }
        } else {
            // It registered before others that are known: every seat behind it moves.
            self.seat_all(fleet);
            for book in 0..self.books.len() {
                let Book { pool, chain, is_grouped, .. } = &self.books[book];
                let mut fresh = Book::new(*pool, chain.clone());
                fresh.is_grouped = *is_grouped;
                self.books[book] = fresh;
                self.fill(book, fleet);
            }
        }
    }

    /// Panics where an index is not what a fresh one would be (R2). For checks; looks at everything.
    pub fn check(&self, fleet: &Fleet) {
        let seats = Seats { by_seat: &self.by_seat, free: &fleet.free };
        let look = Look { fleet, counts: &self.counts, seats };
        let registered = fleet.ids().filter(|&instance| fleet.is_registered(instance));
        assert!(self.registered.iter().eq(registered), "who is registered is known");
        for pool in &self.pools {
            pool.check(fleet, &self.counts);
        }
        for book in &self.books {
            let members = &self.pools[book.pool].members;
            book.check(look, |instance| members.contains(instance));
        }
    }

    #[inline]
    fn note(&mut self, instance: InstanceId, group: GroupId, fleet: &Fleet) {
        let seats = Seats { by_seat: &self.by_seat, free: &fleet.free };
        let look = Look { fleet, counts: &self.counts, seats };
        for book in &mut self.books {
            book.note(instance);
            book.weigh(group, self.pools[book.pool].members.len(), look);
        }
    }

    fn seat_all(&mut self, fleet: &Fleet) {
        self.by_seat = fleet.ids().collect();
        self.by_seat.sort_by_key(|&instance| (fleet.registered_at[instance], instance));
        self.seat_of = fleet.ids().map(|_| 0).collect();
        for (seat, &instance) in self.by_seat.iter().enumerate() {
            self.seat_of[instance] = u32::try_from(seat).expect("fewer than 2^32 instances");
        }
    }

    fn fill(&mut self, book: usize, fleet: &Fleet) {
        let seats = Seats { by_seat: &self.by_seat, free: &fleet.free };
        let look = Look { fleet, counts: &self.counts, seats };
        let book = &mut self.books[book];
        let mut members = self.pools[book.pool].members.iter().peekable();
        for instance in self.seat_of.ids() {
            let is_member = members.next_if(|&member| member == instance).is_some();
            book.register(instance, is_member, self.seat_of[instance], look);
        }
    }
}

/// Whether an instance of the rule's pool is large enough when it is empty; a port that it keeps for itself is never free.
fn holds_when_empty(ask: &Ask, instance: InstanceId, fleet: &Fleet, ports: &PortSets) -> bool {
    ask.demand.fits_into(fleet.registered[instance])
        && fleet.reserved_ports[instance].has_room_for(ports.get(ask.ports))
}
