//! Warm pools: instances that have booted once and wait, stopped, hibernated or running, until their group needs them.
//!
//! They are not members of the group, and no container instances: neither N nor the desired capacity counts them
//! (documented: the agent asks where it is before it registers). A group takes what is ready before it launches
//! anything, and the pool is filled again after every change. Assumed: stopping takes no time, an instance that does not
//! run needs capacity when it starts, zones are rebalanced by launches alone. An instance that returns to the pool when
//! the group scales in is a new one from then on, with a row, a bill and a number of its own.

use super::{Groups, Machine, Stage, Supply};
use crate::base::distribution::Distribution;
use crate::base::id::Column;
use crate::base::money::NanoUsd;
use crate::base::random::{Family, Purpose, Seed};
use crate::base::time::{SimSpan, SimTime};
use crate::model::group::{EndCause, LaunchCause, PoolTiming};
use crate::model::ids::{MachineId, ZoneId};
use crate::model::platform::Purchase;
use crate::policy::capacity::warm_pool::{self, Warm};
use crate::pricing::instance_cost;
use crate::sim::event::RunError;
use crate::sim::setup::{GroupSetup, WarmPoolSetup};

/// Draws of an instance that leaves a pool: so many each.
const DRAWS: u64 = 2;

/// The warm pool of a group in the middle of a run.
pub struct Pool {
    setup: WarmPoolSetup,
    /// Its instances, oldest first.
    pub members: Vec<MachineId>,
    draws: Family,
    /// How long hooks take before an instance is ready there, by its number.
    pub(super) hooks: Family,
}

impl Pool {
    pub(super) fn of(setup: &GroupSetup, name: &str, seed: Seed) -> Option<Pool> {
        let key = format!("{name}/warm pool");
        let own = setup.warm_pool.clone()?;
        let draws = seed.family(Purpose::Instance, &key);
        let hooks = seed.family(Purpose::Instance, &format!("{key} hooks"));
        Some(Pool { setup: own, members: Vec::new(), draws, hooks })
    }
}

/// The time of an instance in the warm pool of its group; `NEVER` is what has not happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InPool {
    /// When it was launched for the pool, or returned to it.
    pub since: SimTime,
    /// When it was ready there.
    pub ready: SimTime,
    /// When its group took it.
    pub left: SimTime,
    /// What it has cost until it was stopped.
    usd: NanoUsd,
    /// How long it had run for that.
    billed: SimSpan,
}

impl InPool {
    fn since(now: SimTime) -> InPool {
        let (ready, left) = (SimTime::NEVER, SimTime::NEVER);
        InPool { since: now, ready, left, usd: NanoUsd::ZERO, billed: SimSpan::ZERO }
    }

    /// How long it had run before it was stopped.
    #[must_use]
    pub fn billed(&self) -> SimSpan {
        self.billed
    }
}

impl Machine {
    /// Whether it is in the warm pool of its group.
    #[must_use]
    pub fn is_in_pool(&self) -> bool {
        self.pool.is_some_and(|pool| pool.left == SimTime::NEVER) && self.stage != Stage::Terminated
    }

    /// Whether it has come out of it.
    pub(super) fn was_in_pool(&self) -> bool {
        self.pool.is_some_and(|pool| pool.left != SimTime::NEVER)
    }
}

impl super::Group {
    /// How many instances its warm pool should have, and how many come back to it: they drain.
    #[must_use]
    pub fn warm_pool(&self, machines: &Column<MachineId, Machine>) -> Option<(u32, u32)> {
        let pool = self.pool.as_ref()?;
        let prepared = pool.setup.prepared.unwrap_or(self.max);
        let size = warm_pool::size(prepared, self.desired, pool.setup.min);
        let returning = self.leaving.iter().filter(|id| self.wants_back(&machines[**id])).count();
        Some((size, returning as u32))
    }

    /// Whether an instance that it has given up is to return to its warm pool. A refresh wants no old ones there, and
    /// neither does a pool that has been refreshed.
    fn wants_back(&self, machine: &Machine) -> bool {
        self.pool.as_ref().is_some_and(|pool| pool.setup.reuses)
            && machine.end == Some(EndCause::ScaleIn)
            && machine.instance.is_some()
            && self.renewal.is_for_pool(machine.template)
    }
}

impl Groups {
    /// What an instance cost in the warm pool of its group; part of what it cost at all.
    #[must_use]
    pub fn warm_usd(&self, id: MachineId, end: SimTime) -> NanoUsd {
        let machine = &self.machines[id];
        let Some(pool) = machine.pool else { return NanoUsd::ZERO };
        let left = pool.left.min(machine.ended).min(end);
        if machine.running >= left {
            return pool.usd;
        }
        pool.usd + instance_cost(self.price_of(id), machine.running, left)
    }

    /// What it cost there and is on the bill already: it was stopped then.
    #[must_use]
    pub fn billed_in_pool(&self, id: MachineId) -> NanoUsd {
        self.machines[id].pool.map_or(NanoUsd::ZERO, |pool| pool.usd)
    }

    /// When an instance ran that was stopped in the warm pool of its group and has come out of it.
    #[must_use]
    pub fn warmed(&self, id: MachineId) -> Option<(SimTime, SimTime)> {
        let machine = &self.machines[id];
        let pool = machine.pool.filter(|pool| pool.billed > SimSpan::ZERO)?;
        (pool.ready < machine.running).then(|| (SimTime(pool.ready.0 - pool.billed.0), pool.ready))
    }

    /// Puts an instance into the warm pool of its group.
    fn add_warm(&mut self, group: usize, offer: usize, now: SimTime) -> MachineId {
        let kind = (offer, Purchase::OnDemand);
        let id = self.create(group, kind, now, LaunchCause::WarmPool);
        self.machines[id].pool = Some(InPool::since(now));
        if let Some(pool) = &mut self.all[group].pool {
            pool.members.push(id);
        }
        id
    }

    pub(super) fn leaves_pool(&mut self, id: MachineId) {
        if let Some(pool) = &mut self.all[self.machines[id].group].pool {
            pool.members.retain(|&other| other != id);
        }
    }
}

impl Supply<'_> {
    /// Time zero: warm pools are full.
    pub(super) fn begin_pool(&mut self, group: usize) -> Result<(), RunError> {
        while self.pool_lacks(group) > 0 {
            let Some(offer) = self.offer_for_pool(group) else { return Ok(()) };
            let id = self.groups.add_warm(group, offer, self.now());
            self.takes_address(id);
            self.groups.machines[id].running = self.now();
            self.bill_begins(id);
            self.is_ready(id, None)?;
        }
        Ok(())
    }

    /// By how much the warm pool of a group is too small, or too large.
    fn pool_lacks(&self, group: usize) -> i64 {
        let of = &self.groups.all[group];
        let there = of.pool.as_ref().map_or(0, |pool| pool.members.len());
        let wanted = of.warm_pool(&self.groups.machines);
        wanted.map_or(0, |(size, returning)| i64::from(size) - i64::from(returning) - there as i64)
    }

    /// The offer of the next instance of a warm pool, which is spread over the zones by itself.
    fn offer_for_pool(&mut self, group: usize) -> Option<usize> {
        self.see_addresses(group);
        let of = &self.groups.all[group];
        let mut in_zones = vec![0; of.by_zone.len()];
        for id in of.pool.iter().flat_map(|pool| &pool.members) {
            in_zones[of.zone_of(self.groups.machines[*id].offer)] += 1;
        }
        let (zones, picks) = of.zones_to_launch_in(&in_zones, Purchase::OnDemand, self.now());
        picks[of.zone_to_launch_in(zones)?]
    }

    /// Brings a warm pool to its size.
    pub(super) fn fill_pool(&mut self, group: usize) -> Result<(), RunError> {
        loop {
            let lacks = self.pool_lacks(group);
            if lacks == 0 {
                return Ok(());
            }
            if lacks < 0 {
                let Some(at) = warm_pool::drop(&self.pool_view(group)) else { return Ok(()) };
                let Some(pool) = &self.groups.all[group].pool else { return Ok(()) };
                self.end(pool.members[at], EndCause::WarmPool)?;
                continue;
            }
            if !self.groups.all[group].is_free(Purchase::OnDemand) {
                return Ok(());
            }
            let Some(offer) = self.offer_for_pool(group) else {
                let reason = self.why_not(group, Purchase::OnDemand);
                return self.back_off(group, Purchase::OnDemand, &reason);
            };
            self.has_launched(group, Purchase::OnDemand);
            let id = self.groups.add_warm(group, offer, self.now());
            self.takes_address(id);
            self.drive.books.tally.launched += 1;
            self.tell(id, "launch", None)?;
            self.next_stage_after(id, |timing| &timing.launch);
            self.count(group);
        }
    }

    fn pool_view(&self, group: usize) -> Vec<Warm> {
        let of = &self.groups.all[group];
        let Some(pool) = &of.pool else { return Vec::new() };
        let warm = |&id: &MachineId| {
            let machine = &self.groups.machines[id];
            let zone = of.zone_of(machine.offer);
            let has_room =
                pool.setup.state.is_billed() || of.is_open(machine.offer, Purchase::OnDemand);
            Warm {
                zone,
                is_ready: machine.stage == Stage::Warm,
                can_start: has_room && !of.is_out(zone),
            }
        };
        pool.members.iter().map(warm).collect()
    }

    /// A group takes an instance from its warm pool. Says whether there was one.
    pub(super) fn take_warm(&mut self, group: usize, cause: LaunchCause) -> Result<bool, RunError> {
        let now = self.now();
        let view = self.pool_view(group);
        let of = &mut self.groups.all[group];
        let Some(at) = warm_pool::take(&view, &of.by_zone) else { return Ok(false) };
        let Some(pool) = &mut of.pool else { return Ok(false) };
        let id = pool.members.remove(at);
        let machine = &mut self.groups.machines[id];
        (machine.launched, machine.cause, machine.stage) = (now, cause, Stage::Pending);
        if let Some(pool) = &mut machine.pool {
            pool.left = now;
        }
        let place = of.members.partition_point(|&other| other < id);
        of.members.insert(place, id);
        of.enters(machine.offer, machine.purchase, 1);
        of.renewal.has_changed(id);
        self.drive.books.tally.warm_starts += 1;
        self.tell(id, "leaves_warm_pool", None)?;
        self.pool_stage(id, 0, |timing| &timing.start);
        Ok(true)
    }

    /// An instance of a warm pool goes on at its own pace.
    pub(super) fn pool_stage(
        &mut self,
        id: MachineId,
        draw: u64,
        span: impl FnOnce(&PoolTiming) -> &Distribution,
    ) {
        let machine = &self.groups.machines[id];
        let Some(pool) = &self.groups.all[machine.group].pool else { return };
        let mut stream = pool.draws.member(machine.number * DRAWS + draw);
        let span = span(&pool.setup.timing).sample_span(&mut stream);
        self.stage_ends_in(id, span);
    }

    /// An instance has booted for its warm pool.
    pub(super) fn has_warmed(&mut self, id: MachineId) -> Result<(), RunError> {
        self.is_ready(id, Some("warmed"))?;
        // Its group may lack one since.
        self.reconcile(self.groups.machines[id].group, LaunchCause::ScaleOut)
    }

    /// It waits in the pool from now on; where it is stopped for that, its bill ends.
    fn is_ready(&mut self, id: MachineId, event: Option<&'static str>) -> Result<(), RunError> {
        let now = self.now();
        let machine = &mut self.groups.machines[id];
        machine.stage = Stage::Warm;
        let group = machine.group;
        let from = machine.running;
        if let Some(pool) = &mut machine.pool {
            pool.ready = now;
        }
        let stays = self.groups.all[group].pool.as_ref().is_some_and(|p| p.setup.state.is_billed());
        if !stays {
            let provider = self.groups.all[group].setup.provider;
            let price = self.groups.price_of(id);
            let books = &mut *self.drive.books;
            books.spending.instance_ends(provider, price);
            let mut usd = NanoUsd::ZERO;
            if from < now {
                let zone = self.groups.zone_of_machine(id);
                let (kind, how) = (self.groups.type_of(id), (Purchase::OnDemand, price, zone));
                usd = books.spending.bill_unregistered(provider, (kind, None), how, (from, now));
            }
            let machine = &mut self.groups.machines[id];
            machine.running = SimTime::NEVER;
            if let Some(pool) = &mut machine.pool {
                (pool.usd, pool.billed) = (usd, now.since(from));
            }
        }
        if let Some(event) = event {
            self.tell(id, event, None)?;
        }
        self.count(group);
        Ok(())
    }

    /// Whether an instance whose tasks are gone returns to the warm pool of its group.
    fn returns(&self, id: MachineId) -> bool {
        let machine = &self.groups.machines[id];
        let group = &self.groups.all[machine.group];
        let Some((size, _)) = group.warm_pool(&self.groups.machines) else { return false };
        let Some(pool) = &group.pool else { return false };
        (pool.members.len() as u32) < size && group.wants_back(machine)
    }

    /// The end of an instance that its group has given up: its warm pool may get it.
    pub(super) fn finish_or_return(&mut self, id: MachineId) -> Result<(), RunError> {
        if self.is_held(id) {
            return Ok(());
        }
        let machine = &self.groups.machines[id];
        let (group, offer, template) = (machine.group, machine.offer, machine.template);
        let of = &self.groups.all[group];
        let was_counted_on = machine.stage == Stage::Draining && of.wants_back(machine);
        let returns = self.returns(id);
        self.finish(id)?;
        if returns {
            let id = self.groups.add_warm(group, offer, self.now());
            self.takes_address(id);
            self.drive.books.tally.launched += 1;
            self.groups.machines[id].template = template;
            self.groups.machines[id].running = self.now();
            self.bill_begins(id);
            self.is_ready(id, Some("returns_to_warm_pool"))?;
        } else if was_counted_on || self.groups.all[group].renewal.is_in_progress() {
            self.fill_pool(group)?; // the pool had counted on it
        }
        Ok(())
    }

    /// Instances of warm pools of a zone that are on their way.
    pub(super) fn warming_in(&self, zone: ZoneId) -> Vec<MachineId> {
        let of_group = |group: &super::Group| group.pool.as_ref().map(|pool| pool.members.clone());
        let all = self.groups.all.iter().filter_map(of_group).flatten();
        let is_one = |id: &MachineId| {
            let machine = &self.groups.machines[*id];
            let group = &self.groups.all[machine.group];
            group.setup.zones[group.zone_of(machine.offer)] == zone && machine.stage != Stage::Warm
        };
        all.filter(is_one).collect()
    }
}
