//! Fargate capacity: sizes, the account's quotas and launch rates, the spread over Availability Zones.

mod market;

use super::bucket::TokenBucket;
use super::request::Failure;
use super::setup::{FargateRisks, FargateSetup, Limits, ProviderSetup};
use super::task::{Place, Task};
use crate::base::id::Column;
use crate::base::lookup::Lookup;
use crate::base::random::Seed;
use crate::base::time::SimTime;
use crate::model::definition::TaskDefinition;
use crate::model::fargate::fargate_size_for;
use crate::model::ids::{GroupId, ProviderId, ZoneId};
use crate::model::platform::{LaunchType, OperatingSystem, Purchase};
use crate::model::resources::Resources;
pub use market::{Cause, Market, Turn};

/// What Fargate has, and what tasks take of it. Arrays of two are by [`Purchase`].
pub struct Fargate {
    /// Sizes by operating system: Linux has all, Windows 1, 2 and 4 vCPU (documented).
    linux: Vec<(u32, u32)>,
    windows: Vec<(u32, u32)>,
    /// Zones that tasks spread over.
    zones: Vec<ZoneId>,
    zone_count: usize,
    /// The provider of RunTask with launch type FARGATE; of no use where there is none.
    on_demand: ProviderId,
    /// Quotas of vCPUs; `None`: none.
    quotas: [Option<u32>; 2],
    /// CPU units of tasks.
    cpu: [u64; 2],
    spread: Lookup<(GroupId, ProviderId), Vec<u32>>,
    /// Launch rates: a token a task.
    launches: [Option<TokenBucket>; 2],
    version: u64,
    has_freed: bool,
    /// Zones that are out.
    out: Vec<ZoneId>,
    /// Capacity over time; `None`: there is always enough.
    pub market: Option<Box<Market>>,
}

impl Fargate {
    /// Fargate at time zero.
    #[must_use]
    pub fn new(
        setup: FargateSetup,
        limits: &Limits,
        providers: &Column<ProviderId, ProviderSetup>,
        (zone_names, seed): (&Column<ZoneId, String>, Seed),
    ) -> Fargate {
        let may_fail = setup.risks != FargateRisks::default();
        let market = || Market::new(setup.risks.clone(), &setup.zones, zone_names, seed);
        let market = may_fail.then(|| Box::new(market()));
        let is_windows = |(cpu, _): &(u32, u32)| (1024..=4096).contains(cpu);
        let mut all = providers.enumerate();
        let on_demand =
            all.find(|(_, p)| p.launch == LaunchType::Fargate && p.purchase == Purchase::OnDemand);
        Fargate {
            windows: setup.sizes.iter().copied().filter(is_windows).collect(),
            linux: setup.sizes,
            zones: setup.zones,
            zone_count: zone_names.len(),
            on_demand: on_demand.map_or(ProviderId(0), |(id, _)| id),
            quotas: [limits.fargate_vcpus, limits.fargate_spot_vcpus],
            cpu: [0; 2],
            spread: Lookup::new(),
            launches: [limits.fargate_launches, limits.fargate_spot_launches]
                .map(|limit| limit.map(TokenBucket::new)),
            version: 0,
            has_freed: false,
            out: Vec::new(),
            market,
        }
    }

    /// The provider of launch type FARGATE.
    #[must_use]
    pub fn on_demand(&self) -> ProviderId {
        self.on_demand
    }

    /// Zones that tasks spread over.
    #[must_use]
    pub fn zones(&self) -> &[ZoneId] {
        &self.zones
    }

    /// Equal versions mean that equally much is left.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The valid size that a task is raised to; `None` where Fargate cannot run it.
    #[must_use]
    pub fn size(&self, definition: &TaskDefinition, demand: Resources) -> Option<Resources> {
        if demand.gpus > 0 || definition.ephemeral_gib > 200 {
            return None;
        }
        let sizes = match definition.platform.os {
            OperatingSystem::Linux => &self.linux,
            OperatingSystem::Windows => &self.windows,
        };
        fargate_size_for(sizes, demand.cpu, demand.memory).map(|(cpu, memory)| Resources {
            cpu,
            memory,
            gpus: 0,
            enis: 1,
        })
    }

    /// Whether a task could be placed if nothing else ran.
    #[must_use]
    pub fn could_fit_when_empty(&self, size: Option<Resources>, purchase: Purchase) -> bool {
        self.quotas[purchase as usize]
            .is_none_or(|vcpus| size.is_some_and(|s| u64::from(s.cpu) <= u64::from(vcpus) * 1024))
    }

    /// Gives a task its size and its zone: that with the fewest tasks of the group on this provider, ties to the order of
    /// the subnets (best-effort AZ spread; FARGATE and FARGATE_SPOT spread separately; documented).
    ///
    /// # Errors
    /// The quota is used up, or no zone has capacity.
    pub fn take(
        &mut self,
        size: Resources,
        purchase: Purchase,
        provider: ProviderId,
        group: GroupId,
        subnets: Option<&[ZoneId]>,
    ) -> Result<ZoneId, Failure> {
        let used = self.cpu[purchase as usize] + u64::from(size.cpu);
        if self.quotas[purchase as usize].is_some_and(|vcpus| used > u64::from(vcpus) * 1024) {
            return Err(Failure::FargateVcpuLimit);
        }
        let zone = self.zone_for(purchase, provider, group, subnets);
        let zone = zone.ok_or(Failure::FargateCapacity)?;
        let counts = self.spread.get_or_insert_with((group, provider), || vec![0; self.zone_count]);
        counts[zone.0 as usize] += 1;
        self.cpu[purchase as usize] = used;
        if let Some(market) = self.market.as_deref_mut().filter(|_| purchase == Purchase::Spot) {
            market.spot[zone.0 as usize] += 1;
        }
        self.version += 1;
        Ok(zone)
    }

    /// The zone of the next task: `None` where no zone has capacity.
    #[must_use]
    pub fn zone_for(
        &self,
        purchase: Purchase,
        provider: ProviderId,
        group: GroupId,
        subnets: Option<&[ZoneId]>,
    ) -> Option<ZoneId> {
        let zones = subnets.unwrap_or(&self.zones);
        let counts = self.spread.get(&(group, provider));
        let market = self.market.as_deref();
        let is_open = |zone| market.is_none_or(|market| market.is_open(zone, purchase));
        let up = zones.iter().filter(|zone| !self.out.contains(zone) && is_open(**zone));
        up.min_by_key(|zone| counts.map_or(0, |counts| counts[zone.0 as usize])).copied()
    }

    /// A task no longer counts for the spread of its group.
    pub fn uncount(&mut self, zone: ZoneId, group: GroupId, provider: ProviderId) {
        let spread = self.spread.get_mut(&(group, provider));
        spread.expect("the group was counted when it was placed")[zone.0 as usize] -= 1;
    }

    /// A task begins to stop.
    pub fn release(&mut self, zone: ZoneId, group: GroupId, provider: ProviderId, counts: bool) {
        if counts {
            self.uncount(zone, group, provider);
        }
    }

    /// A task's containers have exited: its part of the quota is free.
    pub fn give_back(&mut self, size: Resources, purchase: Purchase, zone: ZoneId) {
        self.cpu[purchase as usize] -= u64::from(size.cpu);
        if let Some(market) = self.market.as_deref_mut().filter(|_| purchase == Purchase::Spot) {
            market.spot[zone.0 as usize] -= 1;
        }
        self.version += 1;
        self.has_freed = true;
    }

    /// A zone is out, or back.
    pub fn set_out(&mut self, zone: ZoneId, is_out: bool) {
        self.out.retain(|&known| known != zone);
        if is_out {
            self.out.push(zone);
        }
        self.version += 1;
        self.has_freed = true; // those who wait see less room, too
    }

    /// What can be had has changed.
    pub fn turns(&mut self) {
        self.version += 1;
        self.has_freed = true;
    }

    /// Whether what has no place now may have one later, though nothing runs.
    #[must_use]
    pub fn may_open(&self) -> bool {
        self.market.as_ref().is_some_and(|market| market.may_open())
    }

    /// Whether any revision of the platform has been retired.
    #[inline]
    #[must_use]
    pub fn has_retired(&self) -> bool {
        self.market.as_ref().is_some_and(|market| market.retired_to.is_some())
    }

    /// Whether a task is to make room because its revision of the platform is retired.
    #[must_use]
    pub fn is_retired(&self, task: &Task) -> bool {
        let to = self.market.as_ref().and_then(|market| market.retired_to);
        matches!(task.place, Place::Fargate(_)) && to.is_some_and(|to| task.started <= to)
    }

    /// Whether tasks may be stopped before their work is done.
    #[inline]
    #[must_use]
    pub fn stops_tasks(&self) -> bool {
        self.market.as_ref().is_some_and(|market| market.risks.stops_tasks())
    }

    /// Whether anything has come back since this was last asked.
    #[inline]
    pub fn take_freed(&mut self) -> bool {
        std::mem::take(&mut self.has_freed)
    }

    /// When tasks can be launched at the account's rates, by purchase option.
    #[must_use]
    pub fn launches_ready_at(&self, now: SimTime, tasks: [u32; 2]) -> SimTime {
        let buckets = self.launches.iter().zip(tasks);
        let ready = buckets.filter_map(|(bucket, n)| {
            bucket.as_ref().filter(|_| n > 0).map(|bucket| bucket.ready_at(now, n))
        });
        ready.max().unwrap_or(now)
    }

    /// Takes the tokens of launches that [`Fargate::launches_ready_at`] allows.
    pub fn take_launches(&mut self, now: SimTime, tasks: [u32; 2]) {
        for (bucket, n) in self.launches.iter_mut().zip(tasks) {
            if let Some(bucket) = bucket.as_mut().filter(|_| n > 0) {
                bucket.take(now, n);
            }
        }
    }

    /// The bucket of a purchase option, where its rate is limited.
    pub fn launch_bucket(&mut self, purchase: Purchase) -> Option<&mut TokenBucket> {
        self.launches[purchase as usize].as_mut()
    }
}
