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

use crate::base::money::HourlyRate;
use crate::model::resources::Resources;

/// A type that the provider may launch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Offer {
    /// What tasks may have: EC2's total less the agent's reserve.
    pub resources: Resources,
    /// Price.
    pub price: HourlyRate,
}

/// A task that runs or waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Task {
    /// What it asks for.
    pub demand: Resources,
    /// Whose it is: tasks with equal numbers are spread over zones together.
    pub owner: usize,
}

/// An instance of the provider, oldest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Host {
    /// Index of its zone.
    pub zone: usize,
    /// Its type.
    pub offer: Offer,
    /// Its tasks.
    pub tasks: Vec<Task>,
    /// Whether it is being drained.
    pub is_draining: bool,
}

impl Host {
    fn free(&self) -> Resources {
        let used = self.tasks.iter().map(|task| task.demand);
        used.fold(self.offer.resources, |free, demand| {
            free.checked_sub(demand).unwrap_or(Resources::ZERO)
        })
    }
}

/// An instance to be launched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Launch {
    /// Index of its zone.
    pub zone: usize,
    /// Index of its type in the offers.
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
    /// Tasks that fit on no allowed type.
    pub too_large: Vec<usize>,
}

/// Plans for the tasks that wait. `zones`: how many zones there are.
#[must_use]
pub fn plan(waiting: &[Task], hosts: &[Host], offers: &[Offer], zones: usize) -> Plan {
    let mut plan = Plan::default();
    let mut free: Vec<Resources> = hosts.iter().map(Host::free).collect();
    let mut by_zone: Vec<Vec<usize>> = vec![Vec::new(); zones];
    for index in decreasing(waiting, offers) {
        let Task { demand, owner } = waiting[index];
        let room = (0..hosts.len()).find(|&h| !hosts[h].is_draining && demand.fits_into(free[h]));
        if let Some(host) = room {
            free[host] = free[host].checked_sub(demand).unwrap_or(Resources::ZERO);
            plan.onto.push((index, host));
        } else if cheapest(demand, offers).is_none() {
            plan.too_large.push(index);
        } else {
            // The zone with fewest tasks of the owner, then with fewest new tasks at all.
            let load = |zone: usize| {
                let running = hosts.iter().filter(|host| host.zone == zone && !host.is_draining);
                let running = running.flat_map(|host| &host.tasks).filter(|t| t.owner == owner);
                let new = by_zone[zone].iter().filter(|&&task| waiting[task].owner == owner);
                let onto = plan.onto.iter().filter(|&&(task, host)| {
                    waiting[task].owner == owner && hosts[host].zone == zone
                });
                (running.count() + new.count() + onto.count(), by_zone[zone].len(), zone)
            };
            if let Some(zone) = (0..zones).min_by_key(|&zone| load(zone)) {
                by_zone[zone].push(index);
            }
        }
    }
    for (zone, tasks) in by_zone.into_iter().enumerate() {
        plan.launches.extend(
            bins(&tasks, waiting, offers).into_iter().map(|(offer, tasks)| Launch {
                zone,
                offer,
                tasks,
            }),
        );
    }
    plan
}

/// First Fit of tasks that are in decreasing order: each bin as large as some type holds, then the cheapest such type.
fn bins(tasks: &[usize], waiting: &[Task], offers: &[Offer]) -> Vec<(usize, Vec<usize>)> {
    let mut bins: Vec<(Resources, usize, Vec<usize>)> = Vec::new();
    for &task in tasks {
        let demand = waiting[task].demand;
        let mut fitting = bins.iter_mut().find_map(|bin| {
            let sum = bin.0.checked_add(demand)?;
            cheapest(sum, offers).map(|offer| (bin, sum, offer))
        });
        if let Some((bin, sum, offer)) = &mut fitting {
            (bin.0, bin.1) = (*sum, *offer);
            bin.2.push(task);
        } else if let Some(offer) = cheapest(demand, offers) {
            bins.push((demand, offer, vec![task]));
        }
    }
    bins.into_iter().map(|(_, offer, tasks)| (offer, tasks)).collect()
}

/// The cheapest type that holds `demand`, the first of equal ones.
fn cheapest(demand: Resources, offers: &[Offer]) -> Option<usize> {
    let fitting = (0..offers.len()).filter(|&index| demand.fits_into(offers[index].resources));
    fitting.min_by_key(|&index| (offers[index].price, index))
}

/// Indices of tasks, the largest first; among equal ones as they came.
fn decreasing(tasks: &[Task], offers: &[Offer]) -> Vec<usize> {
    let largest =
        offers.iter().fold(Resources::ZERO, |most, offer| most.largest_of_each(offer.resources));
    let share = |amount: u32, of: u32| u64::from(amount) * 1_000_000 / u64::from(of.max(1));
    let size = |demand: Resources| {
        share(demand.cpu, largest.cpu).max(share(demand.memory, largest.memory))
    };
    let mut order: Vec<usize> = (0..tasks.len()).collect();
    order.sort_by_key(|&index| (u64::MAX - size(tasks[index].demand), index));
    order
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
        /// The zone.
        zone: usize,
        /// The host there with room; `None`: an instance is launched.
        onto: Option<usize>,
        /// Index of the type that is launched.
        offer: usize,
    },
}

/// The next step; `None` where nothing is left to do, or a drain goes on: there are never two.
#[must_use]
pub fn consolidate(hosts: &[Host], offers: &[Offer], zones: usize) -> Option<Step> {
    if hosts.iter().any(|host| host.is_draining) {
        return None;
    }
    if let Some(idle) = hosts.iter().position(|host| host.tasks.is_empty()) {
        return Some(Step::Deregister(idle));
    }
    let mut order: Vec<usize> = (0..hosts.len()).collect();
    order.sort_by_key(|&index| (std::cmp::Reverse(hosts[index].offer.price), hosts.len() - index));
    let step = order.into_iter().find_map(|index| {
        let cheaper = cheaper(&hosts[index], offers);
        let room = into_room(index, hosts, offers).filter(|onto| {
            // What rebalancing would undo is done for an instance that is too large, and not onto a cheaper one.
            let is_worth_it = |&(_, other): &(usize, usize)| {
                cheaper.is_some() && hosts[other].offer.price >= hosts[index].offer.price
            };
            onto.iter().all(is_worth_it) || !unbalances(index, onto, hosts, zones)
        });
        let drain = room.map(|onto| Step::Drain { host: index, onto });
        drain.or_else(|| cheaper.map(|offer| Step::Replace { host: index, offer }))
    });
    step.or_else(|| rebalance(hosts, offers, zones))
}

/// All tasks of a host onto the room of others, the largest first.
fn into_room(index: usize, hosts: &[Host], offers: &[Offer]) -> Option<Vec<(usize, usize)>> {
    let mut free: Vec<Resources> = hosts.iter().map(Host::free).collect();
    let mut onto = Vec::new();
    for task in decreasing(&hosts[index].tasks, offers) {
        let demand = hosts[index].tasks[task].demand;
        let other = (0..hosts.len()).find(|&h| h != index && demand.fits_into(free[h]))?;
        free[other] = free[other].checked_sub(demand)?;
        onto.push((task, other));
    }
    Some(onto)
}

/// The type that holds a host's tasks for less.
fn cheaper(host: &Host, offers: &[Offer]) -> Option<usize> {
    let sum = |sum: Resources, task: &Task| sum.checked_add(task.demand);
    let offer = cheapest(host.tasks.iter().try_fold(Resources::ZERO, sum)?, offers)?;
    (offers[offer].price < host.offer.price).then_some(offer)
}

/// Whether moving a host's tasks makes zones differ more than before.
fn unbalances(index: usize, onto: &[(usize, usize)], hosts: &[Host], zones: usize) -> bool {
    let mut after = hosts.to_vec();
    for &(task, other) in onto {
        after[other].tasks.push(hosts[index].tasks[task]);
    }
    after[index].tasks.clear();
    imbalance(&after, zones) > imbalance(hosts, zones)
}

/// By how many tasks zones differ, over the owners for which it is more than one.
fn imbalance(hosts: &[Host], zones: usize) -> usize {
    let gap = |owner: usize| {
        let counts = (0..zones).map(|zone| count(hosts, owner, zone));
        let (least, most) = counts.fold((usize::MAX, 0), |(l, m), c| (l.min(c), m.max(c)));
        most.saturating_sub(least)
    };
    owners(hosts).into_iter().map(gap).filter(|&gap| gap > 1).sum()
}

fn owners(hosts: &[Host]) -> Vec<usize> {
    let mut owners: Vec<usize> =
        hosts.iter().flat_map(|host| &host.tasks).map(|task| task.owner).collect();
    owners.sort_unstable();
    owners.dedup();
    owners
}

/// Tasks of an owner in a zone.
fn count(hosts: &[Host], owner: usize, zone: usize) -> usize {
    let there = hosts.iter().filter(|host| host.zone == zone);
    there.flat_map(|host| &host.tasks).filter(|task| task.owner == owner).count()
}

/// The first owner whose zones differ by more than one task: from the fullest zone to the emptiest.
fn rebalance(hosts: &[Host], offers: &[Offer], zones: usize) -> Option<Step> {
    owners(hosts).into_iter().find_map(|owner| {
        let count = |zone: usize| count(hosts, owner, zone);
        let zone = (0..zones).min_by_key(|&zone| (count(zone), zone))?;
        let most = (0..zones).max_by_key(|&zone| (count(zone), usize::MAX - zone))?;
        if count(most) - count(zone) < 2 {
            return None;
        }
        let host = (0..hosts.len()).find(|&h| {
            hosts[h].zone == most && hosts[h].tasks.iter().any(|task| task.owner == owner)
        })?;
        let task = hosts[host].tasks.iter().position(|task| task.owner == owner)?;
        let demand = hosts[host].tasks[task].demand;
        let has_room = |&h: &usize| hosts[h].zone == zone && demand.fits_into(hosts[h].free());
        let onto = (0..hosts.len()).find(has_room);
        Some(Step::Rebalance { from: (host, task), zone, onto, offer: cheapest(demand, offers)? })
    })
}
