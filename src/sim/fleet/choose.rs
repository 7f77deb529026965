//! What a group launches next: how it is bought, in which zone, of which type; and how it likes what it has.

use super::addresses::Plan;
use super::segments::First;
use super::{Group, Groups};
use crate::base::id::Column;
use crate::base::time::SimTime;
use crate::model::group::Allocation;
use crate::model::ids::{MachineId, ProviderId};
use crate::model::platform::Purchase;
use crate::policy::capacity::mixed::{self, OnDemandAllocation, Pool};
use crate::policy::capacity::zones::{self, Distribution, Zone};
use crate::pricing::Price;
use crate::sim::cluster::Network;
use crate::sim::setup::{InstanceSetup, MixedSetup, ProviderSetup};

impl Group {
    /// How many types it may launch.
    pub(super) fn types(&self) -> usize {
        (self.setup.offers.len() / self.setup.zones.len().max(1)).max(1)
    }

    /// The zone of an offer, as an index among the group's.
    pub(super) fn zone_of(&self, offer: usize) -> usize {
        offer / self.types()
    }

    /// What an offer costs that is bought so.
    pub(super) fn price_of(&self, offer: usize, purchase: Purchase) -> &Price {
        match (&self.setup.mixed, purchase) {
            (Some(mixed), Purchase::Spot) => &mixed.pools[offer].price,
            _ => &self.setup.offers[offer].price,
        }
    }

    /// How many instances it wants now: beside its desired capacity, for those at risk, while it balances its zones and in a refresh.
    #[must_use]
    pub fn wanted(&self) -> u32 {
        // Others may stand in beyond `MaxSize` as far as when zones are rebalanced (assumed of those at risk).
        let most = self.desired.max(self.max.saturating_add(zones::above_max(self.max)));
        (self.desired + self.at_risk.len() as u32).min(most) + self.moving + self.renewal.beyond()
    }

    /// How the next instance that it lacks is bought: On-Demand ones come first. `None` where it lacks none, or waits with
    /// all that it lacks.
    pub(super) fn lacks(&self) -> Option<Purchase> {
        let there = self.members.len() as u32;
        let lacking = self.wanted().saturating_sub(there);
        let [of_on_demand, of_spot] = match &self.setup.mixed {
            Some(mixed) => {
                let all = self.desired + self.moving + self.renewal.beyond();
                let there = self.bought[Purchase::OnDemand as usize];
                // Those that a refresh ends next are no part of what the group is to be.
                let [there, all] = self.renewal.stays(there, all);
                let on_demand = mixed.share.of(all).saturating_sub(there);
                [on_demand.min(lacking), lacking.saturating_sub(on_demand)]
            }
            None if self.setup.purchase == Purchase::Spot => [0, lacking],
            None => [lacking, 0],
        };
        if of_on_demand > 0 && self.is_free(Purchase::OnDemand) {
            Some(Purchase::OnDemand)
        } else if of_spot > 0 && self.is_free(Purchase::Spot) {
            Some(Purchase::Spot)
        } else {
            None
        }
    }

    /// Whether it does not wait with launches that are bought so.
    pub(super) fn is_free(&self, purchase: Purchase) -> bool {
        self.retries[purchase as usize].is_free()
    }

    /// The offer of the next instance that is bought so; `None` where no zone has any.
    pub(super) fn choose(&self, purchase: Purchase, now: SimTime) -> Option<usize> {
        let instances = match self.renewal.beyond() {
            0 => &self.by_zone,
            _ => &self.renewal.missing_in(&self.by_zone),
        };
        if self.has_segments() {
            return self.choose_by_segment(instances);
        }
        let (zones, picks) = self.zones_to_launch_in(instances, purchase, now);
        picks[self.zone_to_launch_in(zones)?]
    }

    /// Its zones with so many instances each, and what it would take in each.
    pub(super) fn zones_to_launch_in(
        &self,
        instances: &[u32],
        purchase: Purchase,
        now: SimTime,
    ) -> (Vec<Zone>, Vec<Option<usize>>) {
        let picks: Vec<Option<usize>> =
            (0..self.by_zone.len()).map(|zone| self.pick(zone, purchase, now)).collect();
        let mut zones = self.zones_with(instances);
        for (zone, pick) in zones.iter_mut().zip(&picks) {
            zone.has_capacity &= pick.is_some();
        }
        (zones, picks)
    }

    /// The offer that the group takes in a zone.
    pub(super) fn pick(&self, zone: usize, purchase: Purchase, now: SimTime) -> Option<usize> {
        if self.full[zone] {
            return None;
        }
        let first = zone * self.types();
        let pools = self.pools(zone, purchase, now);
        let pool = match (&self.setup.mixed, purchase) {
            (Some(mixed), Purchase::Spot) => mixed::spot_pool(&pools, mixed.spot, mixed.max_price),
            _ => mixed::on_demand_pool(&pools, self.on_demand_strategy()),
        };
        pool.map(|pool| first + pool)
    }

    fn on_demand_strategy(&self) -> OnDemandAllocation {
        match self.setup.allocation {
            Allocation::Prioritized => OnDemandAllocation::Prioritized,
            Allocation::LowestPrice => OnDemandAllocation::LowestPrice,
        }
    }

    /// The types of a zone as the choice among them sees them.
    fn pools(&self, zone: usize, purchase: Purchase, now: SimTime) -> Vec<Pool> {
        let first = zone * self.types();
        let score = |offer: usize| self.setup.mixed.as_ref().map_or(0, |m| m.pools[offer].score);
        let pool = |offer: usize| Pool {
            price: self.price_of(offer, purchase).at(now),
            score: score(offer),
            is_open: self.is_open(offer, purchase),
            instances: self.by_offer[offer][purchase as usize],
        };
        (first..first + self.types()).map(pool).collect()
    }

    /// Why [`Group::choose`] has found nothing.
    pub(super) fn why_not(&self, purchase: Purchase) -> &'static str {
        let zones = 0..self.by_zone.len();
        if self.setup.zoning.distribution == Distribution::BalancedOnly {
            let used = zones.filter(|&zone| self.shifted != Some(zone));
            let least = used.min_by_key(|&zone| (self.by_zone[zone], zone));
            if least.is_none_or(|zone| self.out[zone]) {
                return "availability_zone_out";
            }
        } else if zones.clone().all(|zone| self.is_out(zone)) {
            return "availability_zone_out";
        }
        let most = self.setup.mixed.as_ref().and_then(|mixed| mixed.max_price);
        let is_there = |offer: &usize| !self.is_out(self.zone_of(*offer));
        let mut offers = (0..self.setup.offers.len()).filter(is_there);
        let is_dear = purchase == Purchase::Spot
            && most.is_some()
            && offers.any(|offer| self.is_open(offer, purchase));
        if is_dear { "price_above_spot_max_price" } else { "insufficient_capacity" }
    }

    /// Per offer and purchase option how many types of the same zone the allocation strategy likes better.
    pub(super) fn ranks(&self, now: SimTime) -> Vec<[u32; 2]> {
        let mut ranks = Vec::with_capacity(self.setup.offers.len());
        for zone in 0..self.by_zone.len() {
            match &self.setup.mixed {
                Some(mixed) => ranks.extend(self.mixed_ranks(mixed, zone, now)),
                None => ranks.extend(self.plain_ranks(zone, now)),
            }
        }
        ranks
    }

    fn mixed_ranks(&self, of: &MixedSetup, zone: usize, now: SimTime) -> Vec<[u32; 2]> {
        let on_demand = self.pools(zone, Purchase::OnDemand, now);
        let on_demand = mixed::on_demand_ranks(&on_demand, self.on_demand_strategy());
        let spot = mixed::spot_ranks(&self.pools(zone, Purchase::Spot, now), of.spot);
        on_demand.into_iter().zip(spot).map(|(on_demand, spot)| [on_demand, spot]).collect()
    }

    fn plain_ranks(&self, zone: usize, now: SimTime) -> Vec<[u32; 2]> {
        let first = zone * self.types();
        let own = || first..first + self.types();
        let price = |offer: usize| self.setup.offers[offer].price.at(now);
        let rank = |offer: usize| match self.setup.allocation {
            Allocation::Prioritized => (offer - first) as u32,
            Allocation::LowestPrice => {
                own().filter(|&other| price(other) < price(offer)).count() as u32
            }
        };
        own().map(|offer| [rank(offer); 2]).collect()
    }

    /// Whether what the group lacks may be had later: the price of a pool changes after `now`.
    pub(super) fn may_find(&self, purchase: Purchase, now: SimTime) -> bool {
        let changes = |price: &Price| match price {
            Price::Fixed(_) => false,
            Price::Steps(steps) => steps.last().is_some_and(|&(at, _)| at > now),
        };
        let mixed = self.setup.mixed.iter().filter(|_| purchase == Purchase::Spot);
        let mut prices = mixed.flat_map(|mixed| &mixed.pools).map(|pool| &pool.price);
        self.pools.may_open() || self.openings.may_open || prices.any(changes)
    }
}

impl Groups {
    /// Mixed groups choose the instances that they have at the beginning.
    pub fn choose_first(
        &mut self,
        instances: &mut Vec<InstanceSetup>,
        network: Option<&Network>,
        providers: &Column<ProviderId, ProviderSetup>,
    ) {
        let mut plan = Plan::new(network, instances);
        for index in 0..self.all.len() {
            if self.all[index].setup.mixed.is_none() {
                continue;
            }
            while let Some(purchase) = self.all[index].lacks() {
                plan.show(&mut self.all[index]);
                self.see_first_openings(index, instances, providers);
                let group = &mut self.all[index];
                let Some(offer) = group.choose(purchase, SimTime::ZERO) else { break };
                let place = group.place_of(offer);
                let mut instance = group.setup.offers[offer].clone();
                instance.registration.name = format!("{}-{}", group.name, group.first.len());
                instance.price = group.price_of(offer, purchase).clone();
                plan.give_one(&mut instance);
                group.first.push(First { offer, purchase, place });
                group.members.push(MachineId(0)); // counted only, until they are known
                group.enters(offer, purchase, 1);
                self.hold_first(place, &mut instance);
                instances.push(instance);
            }
            let group = &mut self.all[index];
            group.members.clear();
            (group.bought, group.by_offer) = ([0; 2], vec![[0; 2]; group.by_offer.len()]);
            group.by_zone.fill(0);
        }
        self.forget_places(); // until the instances are known
    }
}
