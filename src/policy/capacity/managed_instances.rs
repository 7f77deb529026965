//! ECS Managed Instances: which instances a batch of waiting tasks gets, and how a provider consolidates.
//!
//! Published (AWS, Nov 2025): room on existing instances is used first; the rest is spread over the zones, then packed
//! by First Fit Decreasing, and the cheapest allowed type that holds a bin wins. Consolidation drains one instance at a
//! time: an idle one goes, the tasks of an under-used one go to existing room, else to one new right-sized instance;
//! then zones are rebalanced, which may launch one; all that is repeated until nothing changes.
//!
//! Assumed: "larger" is by the larger share of CPU or memory of the largest type; of under-used instances the dearest
//! moves first, then the newest; an instance is under-used where its tasks fit elsewhere, or on one that is cheaper.
//! Tasks do not move where rebalancing would move them back, unless their instance is too large for them.
//!
//! Capacity reservations: a provider launches into free slots only, or into those first and then On-Demand (published). In
//! which order is not: assumed is that types with a free slot come before others, the cheapest first, that a bin which has a
//! slot is not made larger than types with slots are, and that instances outside of slots move first, those in slots to others
//! in slots only.

use crate::base::money::HourlyRate;
use crate::model::resources::Resources;
use std::collections::BTreeMap;

/// A type in a zone that the provider may launch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Offer {
    /// What tasks may have: EC2's total less the agent's reserve, and what daemons take.
    pub resources: Resources,
    /// Price, the fee included.
    pub price: HourlyRate,
    /// Whether EC2 has capacity of it, as far as is known.
    pub is_available: bool,
    /// Slots of capacity reservations that nobody is in; 0 where the provider does not use them.
    pub slots: usize,
    /// Whether the provider launches into slots only.
    pub needs_slot: bool,
}

/// The instances that are planned for a zone, by their offers: they are in slots already.
type Planned<'a> = &'a [usize];

/// Which of two offers is better: slots come first, then the price.
type Rank = (bool, HourlyRate);

/// Tasks that are equal to placement.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Kind {
    /// Offers that a constraint keeps them away from, ascending.
    pub barred: Vec<usize>,
    /// Kinds that no instance holds beside them: the same host ports, or instances of their own.
    pub conflicts: Vec<usize>,
}

/// What can be bought, and for whom.
#[derive(Clone, Copy, Debug)]
pub struct Market<'a> {
    /// By zone, then by type: as many types in each zone.
    pub offers: &'a [Offer],
    /// How many zones there are.
    pub zones: usize,
    /// Kinds of tasks.
    pub kinds: &'a [Kind],
}

impl Market<'_> {
    fn types(&self) -> usize {
        self.offers.len() / self.zones.max(1)
    }

    /// The zone of an offer.
    #[must_use]
    pub fn zone(&self, offer: usize) -> usize {
        offer / self.types().max(1)
    }

    fn takes(&self, offer: usize, kind: usize) -> bool {
        self.kinds.get(kind).is_none_or(|kind| kind.barred.binary_search(&offer).is_err())
    }

    fn conflict(&self, one: usize, other: usize) -> bool {
        self.kinds.get(one).is_some_and(|kind| kind.conflicts.contains(&other))
    }

    /// Whether an offer has a slot left beside what is planned.
    fn has_slot(&self, offer: usize, planned: Planned) -> bool {
        let slots = self.offers[offer].slots;
        slots > 0 && slots > planned.iter().filter(|&&other| other == offer).count()
    }

    fn rank(&self, offer: usize, planned: Planned) -> Rank {
        (!self.has_slot(offer, planned), self.offers[offer].price)
    }

    /// The cheapest type in a zone that holds `demand` and takes all these kinds, the first of equal ones; those with a
    /// slot first.
    fn cheapest(
        &self,
        zone: usize,
        demand: Resources,
        kinds: &[usize],
        planned: Planned,
    ) -> Option<usize> {
        let own = zone * self.types()..(zone + 1) * self.types();
        let fits = |&index: &usize| {
            let offer = &self.offers[index];
            offer.is_available
                && (!offer.needs_slot || self.has_slot(index, planned))
                && demand.fits_into(offer.resources)
                && kinds.iter().all(|&kind| self.takes(index, kind))
        };
        own.filter(fits).min_by_key(|&index| (self.rank(index, planned), index))
    }

    /// Indices of tasks, the largest first; among equal ones as they came.
    fn decreasing(&self, tasks: &[Task]) -> Vec<usize> {
        let most = |most: Resources, offer: &Offer| most.largest_of_each(offer.resources);
        let largest = self.offers.iter().fold(Resources::ZERO, most);
        let share = |amount: u32, of: u32| u64::from(amount) * 1_000_000 / u64::from(of.max(1));
        let size = |demand: Resources| {
            share(demand.cpu, largest.cpu).max(share(demand.memory, largest.memory))
        };
        let mut order: Vec<usize> = (0..tasks.len()).collect();
        order.sort_by_key(|&index| (u64::MAX - size(tasks[index].demand), index));
        order
    }
}

/// A task that runs or waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Task {
    /// What it asks for.
    pub demand: Resources,
    /// Whose it is: tasks with equal numbers are spread over zones together.
    pub owner: usize,
    /// Its kind, by number.
    pub kind: usize,
    /// Whether its owner keeps zones balanced.
    pub is_balanced: bool,
}

/// An instance of the provider, oldest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Host {
    /// Index of its type and zone among the offers.
    pub offer: usize,
    /// What it has left for more tasks.
    pub free: Resources,
    /// Its tasks, daemons not counted.
    pub tasks: Vec<Task>,
    /// Whether it is being drained.
    pub is_draining: bool,
    /// Whether it has been quiet for as long as it must be before it may go.
    pub is_ripe: bool,
    /// Whether its tasks may be moved.
    pub is_movable: bool,
    /// Whether it is in a slot of a capacity reservation that the provider uses.
    pub has_slot: bool,
}

impl Host {
    fn takes(&self, task: &Task, market: &Market) -> bool {
        market.takes(self.offer, task.kind)
            && !self.tasks.iter().any(|other| market.conflict(task.kind, other.kind))
    }
}

/// An instance to be launched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Launch {
    /// Index of its type and zone in the offers.
    pub offer: usize,
    /// Tasks that it is for, by their index.
    pub tasks: Vec<usize>,
}

/// What becomes of a batch.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Plan {
    /// Task and host: room that is there.
    pub onto: Vec<(usize, usize)>,
    /// New instances.
    pub launches: Vec<Launch>,
    /// Tasks for which no allowed type is large enough, or to be had, or has slots left.
    pub too_large: Vec<usize>,
}

/// Plans for the tasks that wait.
#[must_use]
pub fn plan(waiting: &[Task], hosts: &[Host], market: &Market) -> Plan {
    let mut plan = Plan::default();
    let mut free: Vec<Resources> = hosts.iter().map(|host| host.free).collect();
    let mut hosts = hosts.to_vec();
    let mut by_zone: Vec<Vec<usize>> = vec![Vec::new(); market.zones];
    // Tasks by owner and zone, of those who wait: those that run, and those of this batch.
    let mut count: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    let mut owners: Vec<usize> = waiting.iter().map(|task| task.owner).collect();
    owners.sort_unstable();
    owners.dedup();
    let waits = |task: &&Task| owners.binary_search(&task.owner).is_ok();
    for host in hosts.iter().filter(|host| !host.is_draining) {
        for task in host.tasks.iter().filter(waits) {
            *count.entry((task.owner, market.zone(host.offer))).or_default() += 1;
        }
    }
    for index in market.decreasing(waiting) {
        let task = waiting[index];
        let has_room = |&h: &usize| {
            !hosts[h].is_draining && task.demand.fits_into(free[h]) && hosts[h].takes(&task, market)
        };
        let zone = if let Some(host) = (0..hosts.len()).find(has_room) {
            free[host] = free[host].checked_sub(task.demand).unwrap_or(Resources::ZERO);
            hosts[host].tasks.push(task);
            plan.onto.push((index, host));
            market.zone(hosts[host].offer)
        } else {
            // The zone with fewest tasks of the owner, then with fewest new tasks at all.
            let load = |&zone: &usize| {
                let own = count.get(&(task.owner, zone)).copied().unwrap_or(0);
                (own, by_zone[zone].len(), zone)
            };
            let fits =
                |&zone: &usize| market.cheapest(zone, task.demand, &[task.kind], &[]).is_some();
            let Some(zone) = (0..market.zones).filter(fits).min_by_key(load) else {
                plan.too_large.push(index);
                continue;
            };
            by_zone[zone].push(index);
            zone
        };
        *count.entry((task.owner, zone)).or_default() += 1;
    }
    for (zone, tasks) in by_zone.into_iter().enumerate() {
        plan.launches.extend(bins(zone, &tasks, (waiting, market), &mut plan.too_large));
    }
    plan
}

/// Tasks that share a new instance.
struct Bin {
    sum: Resources,
    kinds: Vec<usize>,
    launch: Launch,
}

/// First Fit of tasks that are in decreasing order: each bin as large as some type holds, then the cheapest such type. Those
/// for which no slots are left are `homeless`.
fn bins(
    zone: usize,
    tasks: &[usize],
    (waiting, market): (&[Task], &Market),
    homeless: &mut Vec<usize>,
) -> Vec<Launch> {
    let mut bins: Vec<Bin> = Vec::new();
    let uses_slots = market.offers.iter().any(|offer| offer.slots > 0 || offer.needs_slot);
    for &index in tasks {
        let Task { demand, kind, .. } = waiting[index];
        let planned: Vec<usize> = match uses_slots {
            true => bins.iter().map(|bin| bin.launch.offer).collect(),
            false => Vec::new(),
        };
        let mut fitting = bins.iter_mut().enumerate().find_map(|(nth, bin)| {
            if bin.kinds.iter().any(|&other| market.conflict(kind, other)) {
                return None;
            }
            let sum = bin.sum.checked_add(demand)?;
            let mut kinds = bin.kinds.clone();
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
            let mut others = planned.clone();
            if uses_slots {
                others.remove(nth);
            }
            let offer = market.cheapest(zone, sum, &kinds, &others)?;
            let loses_slot =
                market.has_slot(bin.launch.offer, &others) && !market.has_slot(offer, &others);
            (!loses_slot).then_some((bin, sum, kinds, offer))
        });
        if let Some((bin, sum, kinds, offer)) = &mut fitting {
            (bin.sum, bin.launch.offer) = (*sum, *offer);
            bin.kinds = std::mem::take(kinds);
            bin.launch.tasks.push(index);
        } else if let Some(offer) = market.cheapest(zone, demand, &[kind], &planned) {
            let launch = Launch { offer, tasks: vec![index] };
            bins.push(Bin { sum: demand, kinds: vec![kind], launch });
        } else {
            homeless.push(index);
        }
    }
    bins.into_iter().map(|bin| bin.launch).collect()
}

/// The next step of consolidation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// An idle instance goes.
    Deregister(usize),
    /// An instance is drained, its tasks go to room that is there: task of the host and host.
    Drain {
        /// The host.
        host: usize,
        /// Where its tasks go.
        onto: Vec<(usize, usize)>,
    },
    /// An instance is drained, its tasks go to a new and cheaper one in its zone.
    Replace {
        /// The host.
        host: usize,
        /// Index of the new type.
        offer: usize,
    },
    /// A task moves to a zone that has too few of its owner: to a host with room, or a new instance.
    Rebalance {
        /// The host and the index of the task on it.
        from: (usize, usize),
        /// The host there with room; `None`: an instance is launched.
        onto: Option<usize>,
        /// Index of the type that is launched, and of its zone.
        offer: usize,
    },
}

/// The next step; `None` where nothing is left to do, or a drain goes on: there are never two.
#[must_use]
pub fn consolidate(hosts: &[Host], market: &Market) -> Option<Step> {
    if hosts.iter().any(|host| host.is_draining) {
        return None;
    }
    if let Some(idle) = hosts.iter().position(|host| host.is_ripe && host.tasks.is_empty()) {
        return Some(Step::Deregister(idle));
    }
    let price = |host: usize| market.offers[hosts[host].offer].price;
    let may_move = |&host: &usize| {
        hosts[host].is_ripe && hosts[host].is_movable && !hosts[host].tasks.is_empty()
    };
    let mut order: Vec<usize> = (0..hosts.len()).filter(may_move).collect();
    order.sort_by_key(|&index| {
        (hosts[index].has_slot, std::cmp::Reverse(price(index)), hosts.len() - index)
    });
    let counts = Counts::of(hosts, market);
    let step = order.into_iter().find_map(|index| {
        let cheaper = cheaper(&hosts[index], market);
        let room = into_room(index, hosts, market).filter(|onto| {
            // What rebalancing would undo is done for an instance that is too large, and not onto a cheaper one.
            let is_worth_it =
                |&(_, other): &(usize, usize)| cheaper.is_some() && price(other) >= price(index);
            // A slot is paid all the same.
            let leaves_slot =
                |&(_, other): &(usize, usize)| hosts[index].has_slot && !hosts[other].has_slot;
            if onto.iter().any(leaves_slot) {
                return false;
            }
            onto.iter().all(is_worth_it) || !counts.worse(index, onto, hosts, market)
        });
        let drain = room.map(|onto| Step::Drain { host: index, onto });
        drain.or_else(|| cheaper.map(|offer| Step::Replace { host: index, offer }))
    });
    step.or_else(|| rebalance(&counts, hosts, market))
}

/// All tasks of a host onto the room of others, the largest first.
fn into_room(index: usize, hosts: &[Host], market: &Market) -> Option<Vec<(usize, usize)>> {
    let mut free: Vec<Resources> = hosts.iter().map(|host| host.free).collect();
    let mut onto: Vec<(usize, usize)> = Vec::new();
    for task in market.decreasing(&hosts[index].tasks) {
        let moved = &hosts[index].tasks[task];
        let conflicts = |host: usize| {
            let before = onto.iter().filter(|(_, other)| *other == host);
            before
                .into_iter()
                .any(|&(other, _)| market.conflict(moved.kind, hosts[index].tasks[other].kind))
        };
        let has_room = |&h: &usize| {
            h != index
                && !hosts[h].tasks.is_empty() // an empty one goes by itself, or is kept for somebody
                && moved.demand.fits_into(free[h])
                && hosts[h].takes(moved, market)
                && !conflicts(h)
        };
        let other = (0..hosts.len()).find(has_room)?;
        free[other] = free[other].checked_sub(moved.demand)?;
        onto.push((task, other));
    }
    Some(onto)
}

/// The type that holds a host's tasks for less.
fn cheaper(host: &Host, market: &Market) -> Option<usize> {
    let sum = |sum: Resources, task: &Task| sum.checked_add(task.demand);
    let sum = host.tasks.iter().try_fold(Resources::ZERO, sum)?;
    let kinds: Vec<usize> = host.tasks.iter().map(|task| task.kind).collect();
    let offer = market.cheapest(market.zone(host.offer), sum, &kinds, &[])?;
    let own = (!host.has_slot, market.offers[host.offer].price);
    (market.rank(offer, &[]) < own).then_some(offer)
}

/// Tasks by owner and zone, of owners that keep zones balanced.
struct Counts(BTreeMap<usize, Vec<usize>>);

impl Counts {
    fn of(hosts: &[Host], market: &Market) -> Counts {
        let mut counts = Counts(BTreeMap::new());
        for host in hosts {
            for task in host.tasks.iter().filter(|task| task.is_balanced) {
                let own = counts.0.entry(task.owner).or_insert_with(|| vec![0; market.zones]);
                own[market.zone(host.offer)] += 1;
            }
        }
        counts
    }

    /// Whether moving a host's tasks makes zones differ more than before.
    fn worse(&self, from: usize, onto: &[(usize, usize)], hosts: &[Host], market: &Market) -> bool {
        let mut after: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for &(task, other) in onto {
            let Task { owner, is_balanced, .. } = hosts[from].tasks[task];
            let Some(before) = self.0.get(&owner).filter(|_| is_balanced) else { continue };
            let own = after.entry(owner).or_insert_with(|| before.clone());
            own[market.zone(hosts[from].offer)] -= 1;
            own[market.zone(hosts[other].offer)] += 1;
        }
        let before: usize =
            after.keys().filter_map(|owner| self.0.get(owner)).map(|c| gap(c)).sum();
        after.values().map(|counts| gap(counts)).sum::<usize>() > before
    }
}

/// By how many tasks zones differ, where it is more than one.
fn gap(counts: &[usize]) -> usize {
    let most = counts.iter().max().copied().unwrap_or(0);
    let gap = most - counts.iter().min().copied().unwrap_or(0);
    if gap > 1 { gap } else { 0 }
}

/// The first owner whose zones differ by more than one task: from the fullest zone to the emptiest.
fn rebalance(counts: &Counts, hosts: &[Host], market: &Market) -> Option<Step> {
    counts.0.iter().find_map(|(&owner, counts)| {
        let least = (0..market.zones).min_by_key(|&zone| (counts[zone], zone))?;
        let most = (0..market.zones).max_by_key(|&zone| (counts[zone], usize::MAX - zone))?;
        if counts[most] - counts[least] < 2 {
            return None;
        }
        let is_own = |task: &Task| task.owner == owner && task.is_balanced;
        let is_in = |host: &Host| market.zone(host.offer) == most;
        let host = hosts.iter().position(|host| is_in(host) && host.tasks.iter().any(is_own))?;
        let task = hosts[host].tasks.iter().position(is_own)?;
        let moved = hosts[host].tasks[task];
        let has_room = |host: &Host| {
            market.zone(host.offer) == least
                && moved.demand.fits_into(host.free)
                && host.takes(&moved, market)
        };
        let onto = hosts.iter().position(has_room);
        let offer = market.cheapest(least, moved.demand, &[moved.kind], &[])?;
        Some(Step::Rebalance { from: (host, task), onto, offer })
    })
}
