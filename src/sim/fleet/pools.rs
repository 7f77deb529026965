//! What can be had of a group's offers over time: shortages, limits of Spot pools, prices above the highest, and reclaims
//! of many instances of a pool at once.

use super::{Group, Supply};
use crate::base::distribution::Distribution;
use crate::base::id::Column;
use crate::base::money::HourlyRate;
use crate::base::random::{Purpose, Seed, Stream};
use crate::base::time::{LATEST, SimTime};
use crate::engine::Class;
use crate::model::ids::{MachineId, ProviderId, ZoneId};
use crate::model::platform::Purchase;
use crate::model::spot::Availability;
use crate::pricing::Price;
use crate::sim::event::{Event, RunError};
use crate::sim::setup::{GroupSetup, MixedSetup, PoolLimit};
use std::collections::BTreeMap;

/// Something about the pools changes.
#[derive(Clone, Copy, Debug)]
enum Turn {
    /// The price of a pool rises above the highest that is paid.
    Above(usize),
    /// A limit is now this.
    Limit(usize, u32),
    /// A shortage begins.
    Closes(usize),
    /// A shortage ends.
    Opens(usize),
}

/// The pools of a group in the middle of a run.
pub struct Pools {
    /// What is to come, in order of time.
    agenda: Vec<(SimTime, Turn)>,
    done: usize,
    /// Shortages of each offer, by purchase option.
    closed: Vec<[u32; 2]>,
    /// What each limit is now.
    limits: Vec<Option<u32>>,
    /// When each pool takes back many instances next.
    reclaims: Vec<(SimTime, Stream)>,
    /// Which: its own, so that how many are there does not move when the next time is.
    reclaimed: Vec<Stream>,
    /// Which instances each limit takes back.
    dice: Vec<Stream>,
}

impl Pools {
    pub(super) fn new(
        setup: &GroupSetup,
        name: &str,
        zones: &Column<ZoneId, String>,
        seed: Seed,
    ) -> Pools {
        let mut agenda = Vec::new();
        for (index, shortage) in setup.shortages.iter().enumerate() {
            agenda.push((shortage.from, Turn::Closes(index)));
            agenda.push((shortage.until, Turn::Opens(index)));
        }
        let mut limits = Vec::new();
        if let Some(mixed) = &setup.mixed {
            agenda.extend(rises(mixed));
            // What holds from the beginning on is known when the first instances are chosen.
            let at_once = |limit: &PoolLimit| {
                let first = limit.changes.first().filter(|change| change.at == SimTime::ZERO);
                first.map(|change| change.instances)
            };
            limits = mixed.interruption.limits.iter().map(at_once).collect();
            for (index, limit) in mixed.interruption.limits.iter().enumerate() {
                let turn =
                    |change: &Availability| (change.at, Turn::Limit(index, change.instances));
                agenda.extend(limit.changes.iter().map(turn));
            }
        }
        agenda.sort_by_key(|&(at, _)| at);
        let (mut reclaims, mut reclaimed) = (Vec::new(), Vec::new());
        if let Some((per_hour, _)) = setup.mixed.as_ref().and_then(|m| m.interruption.reclaims) {
            for offer in &setup.offers {
                let of = &offer.registration;
                let key = format!("{name}/{}/{}", zones[of.zone], of.instance_type);
                let mut stream = seed.stream(Purpose::Reclaim, &key);
                reclaims.push((after(SimTime::ZERO, per_hour, &mut stream), stream));
                reclaimed.push(seed.stream(Purpose::Reclaim, &format!("{key}/instances")));
            }
        }
        let dice = |limit: String| seed.stream(Purpose::Reclaim, &format!("{name}/{limit}"));
        Pools {
            dice: names(setup, zones).into_iter().map(dice).collect(),
            agenda,
            done: 0,
            closed: vec![[0; 2]; setup.offers.len()],
            limits,
            reclaims,
            reclaimed,
        }
    }

    /// When something changes next.
    fn next(&self) -> Option<SimTime> {
        let turn = self.agenda.get(self.done).map(|&(at, _)| at);
        let reclaim = self.reclaims.iter().map(|&(at, _)| at).filter(|&at| at < LATEST);
        turn.into_iter().chain(reclaim).min()
    }

    /// Whether a shortage ends or a limit changes later.
    pub(super) fn may_open(&self) -> bool {
        self.agenda[self.done..].iter().any(|(_, turn)| !matches!(turn, Turn::Above(_)))
    }
}

/// When prices rise above the highest, where that ends instances.
fn rises(mixed: &MixedSetup) -> Vec<(SimTime, Turn)> {
    let Some(most) = mixed.max_price.filter(|_| mixed.interruption.above_max_price) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (offer, pool) in mixed.pools.iter().enumerate() {
        let Price::Steps(steps) = &pool.price else { continue };
        let is_rise = |pair: &&[(SimTime, HourlyRate)]| pair[0].1 <= most && pair[1].1 > most;
        found.extend(steps.windows(2).filter(is_rise).map(|pair| (pair[1].0, Turn::Above(offer))));
    }
    found
}

fn after(now: SimTime, per_hour: f64, stream: &mut Stream) -> SimTime {
    let span = Distribution::Exponential { mean: 3_600.0 / per_hour }.sample_span(stream);
    now + span
}

impl Group {
    /// Whether a launch of an offer would succeed, the price aside.
    pub(super) fn is_open(&self, offer: usize, purchase: Purchase) -> bool {
        let mut mixed = self.setup.mixed.iter();
        mixed.all(|mixed| mixed.pools[offer].bought[purchase as usize])
            && self.pools.closed[offer][purchase as usize] == 0
            && (purchase == Purchase::OnDemand || self.has_room(offer))
    }

    /// Spot instances of an offer that run or will, those that drain too.
    fn spot_running(&self, offer: usize) -> u32 {
        self.by_offer[offer][Purchase::Spot as usize] + self.leaving_spot[offer]
    }

    /// Whether the limits of a Spot pool leave room for an instance.
    fn has_room(&self, offer: usize) -> bool {
        let Some(mixed) = &self.setup.mixed else { return true };
        let limits = mixed.interruption.limits.iter().zip(&self.pools.limits);
        limits.filter(|(limit, _)| limit.offers.contains(&offer)).all(|(limit, most)| {
            let there = limit.offers.iter().map(|&o| self.spot_running(o));
            most.is_none_or(|most| there.sum::<u32>() < most)
        })
    }
}

impl Supply<'_> {
    pub(super) fn arrange_pools(&mut self, index: usize) {
        let group = &self.groups.all[index];
        if let Some(at) = group.pools.next() {
            let event = Event::Pools(group.setup.provider);
            self.drive.queue.schedule(at.max(self.drive.queue.now()), Class::Release, event);
        }
    }

    /// What was to change about a group's pools by now has changed.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn pools_change(&mut self, provider: ProviderId) -> Result<(), RunError> {
        let Some(index) = self.groups.of_provider(provider) else { return Ok(()) };
        let now = self.now();
        let is_more = self.turn_pools(index)?;
        for offer in 0..self.groups.all[index].pools.reclaims.len() {
            if self.groups.all[index].pools.reclaims[offer].0 <= now {
                self.reclaim(index, offer)?;
            }
        }
        self.arrange_pools(index);
        // Capacity that is back is a cause to balance zones (documented).
        if is_more { self.rebalance(index) } else { Ok(()) }
    }

    /// What stands on the agenda until now is done. Says whether there may be more capacity than before.
    pub(super) fn turn_pools(&mut self, index: usize) -> Result<bool, RunError> {
        let now = self.now();
        let mut is_more = false;
        loop {
            let group = &mut self.groups.all[index];
            let next = group.pools.agenda.get(group.pools.done).copied();
            let Some((_, turn)) = next.filter(|&(at, _)| at <= now) else { return Ok(is_more) };
            group.pools.done += 1;
            match turn {
                Turn::Above(offer) => {
                    for id in self.spot_of(index, &[offer]) {
                        self.interrupt(id)?;
                    }
                }
                Turn::Limit(limit, most) => {
                    is_more |= group.pools.limits[limit].is_some_and(|before| most > before);
                    self.limit(index, limit, most)?;
                }
                Turn::Closes(shortage) => self.close(index, shortage, 1)?,
                Turn::Opens(shortage) => {
                    is_more = true;
                    self.close(index, shortage, -1)?;
                }
            }
        }
    }

    fn close(&mut self, index: usize, shortage: usize, by: i32) -> Result<(), RunError> {
        let group = &mut self.groups.all[index];
        let of = &group.setup.shortages[shortage];
        for &offer in &of.offers {
            for how in Purchase::ALL {
                if of.purchase.is_none_or(|only| only == how) {
                    let closed = &mut group.pools.closed[offer][how as usize];
                    *closed = closed.saturating_add_signed(by);
                }
            }
        }
        let event = if by > 0 { "shortage_begins" } else { "shortage_ends" };
        self.tell_group(index, event, "insufficient_capacity")
    }

    /// Some pools hold so many Spot instances from now on: more than that are taken back.
    fn limit(&mut self, index: usize, limit: usize, most: u32) -> Result<(), RunError> {
        self.groups.all[index].pools.limits[limit] = Some(most);
        let Some(mixed) = &self.groups.all[index].setup.mixed else { return Ok(()) };
        let offers = mixed.interruption.limits[limit].offers.clone();
        let there = self.spot_of(index, &offers);
        let excess = there.len().saturating_sub(most as usize);
        let mut dice = self.groups.all[index].pools.dice[limit].clone();
        let done = self.interrupt_some(there, excess, &mut dice);
        self.groups.all[index].pools.dice[limit] = dice;
        done
    }

    /// A pool takes back its share of instances.
    fn reclaim(&mut self, index: usize, offer: usize) -> Result<(), RunError> {
        let now = self.now();
        let group = &mut self.groups.all[index];
        let reclaims = group.setup.mixed.as_ref().and_then(|mixed| mixed.interruption.reclaims);
        let Some((per_hour, percent)) = reclaims else { return Ok(()) };
        let (at, stream) = &mut group.pools.reclaims[offer];
        *at = after(now, per_hour, stream);
        let there = self.spot_of(index, &[offer]);
        let count = (there.len() * percent as usize).div_ceil(100);
        let mut dice = self.groups.all[index].pools.reclaimed[offer].clone();
        let done = self.interrupt_some(there, count, &mut dice);
        self.groups.all[index].pools.reclaimed[offer] = dice;
        done
    }

    /// Spot instances of some offers that have no notice yet, in order of their launch.
    fn spot_of(&self, index: usize, offers: &[usize]) -> Vec<MachineId> {
        let is_one = |id: &MachineId| {
            let machine = &self.groups.machines[*id];
            machine.is_spot() && !machine.is_noticed() && offers.contains(&machine.offer)
        };
        let group = &self.groups.all[index];
        let mut there: Vec<MachineId> =
            group.members.iter().chain(&group.leaving).copied().filter(is_one).collect();
        there.sort_unstable();
        there
    }

    fn interrupt_some(
        &mut self,
        mut there: Vec<MachineId>,
        count: usize,
        dice: &mut Stream,
    ) -> Result<(), RunError> {
        for _ in 0..count.min(there.len()) {
            let id = there.remove(dice.below(there.len() as u64) as usize);
            self.interrupt(id)?;
        }
        Ok(())
    }
}

/// What the random streams of limits are called: after their pools, so that another limit of other pools leaves them as
/// they are; the n-th of the same after its number.
fn names(setup: &GroupSetup, zones: &Column<ZoneId, String>) -> Vec<String> {
    let limits = setup.mixed.iter().flat_map(|mixed| &mixed.interruption.limits);
    let mut known: BTreeMap<String, u32> = BTreeMap::new();
    let name = |limit: &PoolLimit| {
        let offers = limit.offers.iter().map(|&offer| &setup.offers[offer].registration);
        let pools = offers.map(|of| format!("{}/{}", zones[of.zone], of.instance_type));
        let of = pools.collect::<Vec<_>>().join(", ");
        let times = known.entry(of.clone()).or_default();
        *times += 1;
        format!("limit {} of {of}", *times - 1)
    };
    limits.map(name).collect()
}
