//! Auto Scaling groups and the life of their instances: launched, running, registered, DRAINING, terminated.
//!
//! | File | Its part |
//! | --- | --- |
//! | `mod.rs` | the state of groups and of instances |
//! | `supply.rs` | [`Supply`]: what this room may touch; what it writes down |
//! | `choose.rs` | how the next instance is bought, in which zone, of which type |
//! | `addresses.rs` | each instance takes an address of a subnet |
//! | `launch.rs` | a group gets what it lacks; the stages until an instance is ACTIVE |
//! | `segments.rs` | distribution segments: launches into capacity reservations, what ends with them |
//! | `retry.rs` | what finds no capacity is tried again |
//! | `pools.rs` | what can be had over time: shortages, limits and prices of Spot pools, reclaims |
//! | `spot.rs` | the end of a Spot instance: recommendation, notice, loss |
//! | `retire.rs` | a group loses what it has too much of: the choice, draining, the end of an instance |
//! | `fail.rs` | instances that fail are replaced |
//! | `hooks.rs` | lifecycle hooks: what waits before it registers, and before it ends |
//! | `register.rs` | instances that never register |
//! | `warm.rs` | warm pools |
//! | `refresh/`, `lifetime.rs` | instances are renewed: by a refresh, for their age |
//! | `zones.rs` | zones that are out, and balance when they are back |
//! | `changes.rs` | limits and desired capacity change |
//! | `managed.rs` | managed scaling: the metric, the decisions |
//! | `record.rs` | what is told of instances when the run has ended |
//! | `scaled.rs` | policies of a group's own |
//! | `instances/` | ECS Managed Instances: batches, consolidation, age |
//!
//! An instance is a *machine* from its launch on, and a container instance when it has registered. A fixed fleet has no
//! group and no machines, and costs nothing here.

mod addresses;
mod changes;
mod choose;
mod fail;
mod hooks;
mod instances;
mod launch;
mod lifetime;
mod managed;
mod pools;
mod record;
mod refresh;
mod register;
mod retire;
mod retry;
mod scaled;
mod segments;
mod spot;
mod supply;
mod waits;
mod warm;
mod zones;

use super::books::GroupCounts;
use super::setup::{GroupSetup, InstanceSetup, ProviderSetup};
use crate::base::id::{Column, Id as _};
use crate::base::random::{Family, Purpose, Seed, Stream};
use crate::base::time::SimTime;
use crate::engine::Ticket;
use crate::model::fleet::Fleet;
use crate::model::group::{EndCause, LaunchCause};
use crate::model::ids::{InstanceId, MachineId, ProviderId, ZoneId};
use crate::model::platform::Purchase;
pub use record::Unregistered;
use retry::Retry;
use std::collections::{BTreeMap, VecDeque};
pub use supply::Supply;

/// Where an instance stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// It is needed; RunInstances has not been called yet.
    Requested,
    /// EC2 says `pending`.
    Pending,
    /// EC2 says `running`: it boots, and is billed.
    Booting,
    /// Its agent registers.
    Registering,
    /// ACTIVE.
    InService,
    /// DRAINING: its group counts it no longer.
    Draining,
    /// Gone.
    Terminated,
    /// In the warm pool of its group, where hooks hold it.
    Held,
    /// In the warm pool of its group, and ready.
    Warm,
}

/// An EC2 instance of a group, from its launch on.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Index of its group.
    pub group: usize,
    /// Index of its kind among the group's offers.
    pub offer: usize,
    /// How it is bought.
    pub purchase: Purchase,
    /// Its number in the group.
    pub number: u64,
    /// The version of the launch template that it has.
    template: u32,
    /// Where it stands.
    pub stage: Stage,
    /// When it was asked for; of one from a warm pool, when it was taken.
    pub launched: SimTime,
    /// When its bill began; `NEVER` before.
    pub running: SimTime,
    /// Since when it drains; `NEVER` before.
    pub draining: SimTime,
    /// When it ended; `NEVER` before.
    pub ended: SimTime,
    /// Minutes of managed scaling at whose end a single task kept it.
    pub lonely_minutes: u32,
    /// The container instance that it has become.
    pub instance: Option<InstanceId>,
    /// Why it was launched.
    pub cause: LaunchCause,
    /// Why it ends.
    pub end: Option<EndCause>,
    /// The place of its capacity type among its group's distribution segments.
    segment: usize,
    /// The capacity reservation that it was launched into, where only such instances are in it.
    pub reservation: Option<usize>,
    /// What is to become of it, where it is a Spot instance, or its reservation ends.
    pub fate: spot::Fate,
    /// Its time in the warm pool of its group, where it was ever there.
    pub pool: Option<warm::InPool>,
    /// Whether it costs nothing: EC2 has taken it back within its first hour.
    pub is_free: bool,
    /// Whether its group has it beyond its desired capacity until another one ends.
    is_extra: bool,
    /// Whether its agent never registers.
    never_registers: bool,
    /// Whether the hooks of its launch give up.
    is_abandoned: bool,
    /// Until when hooks hold it before it ends.
    held_until: SimTime,
    /// The next stage, or the longest that it may drain.
    ticket: Option<Ticket>,
}

/// An Auto Scaling group in the middle of a run.
pub struct Group {
    /// Its settings.
    pub setup: GroupSetup,
    /// Name of its capacity provider.
    pub name: String,
    /// `MinSize`.
    pub min: u32,
    /// `MaxSize`.
    pub max: u32,
    /// `DesiredCapacity`.
    pub desired: u32,
    /// Its instances, oldest first: launched, and neither leaving nor gone.
    pub members: Vec<MachineId>,
    /// How many of these are in each of its zones.
    pub by_zone: Vec<u32>,
    /// How many of these are bought On-Demand and as Spot.
    pub bought: [u32; 2],
    /// The same by offer.
    pub by_offer: Vec<[u32; 2]>,
    /// What it chose to begin with, where it is a mixed group.
    first: Vec<segments::First>,
    /// What its distribution segments offer, as it last looked.
    openings: segments::Openings,
    /// The desired capacity that it last launched for.
    tried: u32,
    /// Instances that it replaces before EC2 takes them, oldest recommendation first.
    pub at_risk: Vec<MachineId>,
    /// What can be had.
    pools: pools::Pools,
    /// When instances are interrupted, by offer and number.
    fates: Vec<Family>,
    /// What it waits with, by purchase option.
    retries: [Retry; 2],
    /// How many of these are ACTIVE.
    pub active: u32,
    /// Instances that drain: they are no members any more.
    pub draining: u32,
    /// Instances on their way beyond the desired capacity: zones are balanced.
    pub moving: u32,
    /// Those that drain, in order of their leaving: they run, and EC2 may still take them back.
    pub leaving: Vec<MachineId>,
    /// The Spot instances among them, by offer.
    leaving_spot: Vec<u32>,
    /// Which of its zones are out.
    out: Vec<bool>,
    /// Which of its zones have no address for an instance, as it last looked.
    full: Vec<bool>,
    /// Which of its zones is shifted away from.
    shifted: Option<usize>,
    /// Zonal shifts that are over.
    shifts_done: usize,
    /// Changes that have happened.
    changes_done: usize,
    /// The number of the next instance.
    next_number: u64,
    /// Its warm pool, if it has one.
    pub pool: Option<warm::Pool>,
    /// How long each instance takes, by its number.
    draws: Family,
    /// How long its hooks take, by the same.
    hooks: Family,
    /// Which subnets its instances get, by the same.
    subnets: Family,
    /// Which instance ends among equals.
    dice: Stream,
    /// Managed scaling, if it has it.
    pub managed: Option<managed::Managed>,
    /// Policies of its own, if it has some.
    scaled: Option<scaled::Scaled>,
    /// When a policy last changed the desired capacity.
    last_scaled: Option<SimTime>,
    /// How its instances are renewed.
    pub renewal: refresh::Renewal,
    /// ECS Managed Instances, if that is what it is.
    pub instances: Option<Box<instances::ManagedInstances>>,
}

impl Group {
    fn new(
        mut setup: GroupSetup,
        providers: &Column<ProviderId, ProviderSetup>,
        zones: &Column<ZoneId, String>,
        (seed, epoch_s): (Seed, i64),
    ) -> Group {
        setup.zoning.shifts.retain(|shift| setup.zones.contains(&shift.zone));
        let ProviderSetup { name, stream, .. } = &providers[setup.provider];
        Group {
            min: setup.min,
            max: setup.max,
            desired: setup.desired,
            members: Vec::new(),
            by_zone: vec![0; setup.zones.len()],
            bought: [0; 2],
            by_offer: vec![[0; 2]; setup.offers.len()],
            first: Vec::new(),
            openings: segments::Openings::default(),
            tried: setup.desired,
            at_risk: Vec::new(),
            pools: pools::Pools::new(&setup, stream, zones, seed),
            fates: spot::fates(&setup, stream, zones, seed),
            retries: Default::default(),
            active: 0,
            draining: 0,
            moving: 0,
            leaving: Vec::new(),
            leaving_spot: vec![0; setup.offers.len()],
            out: vec![false; setup.zones.len()],
            full: vec![false; setup.zones.len()],
            shifted: None,
            shifts_done: 0,
            changes_done: 0,
            next_number: 0,
            pool: warm::Pool::of(&setup, stream, seed),
            draws: seed.family(Purpose::Instance, stream),
            hooks: seed.family(Purpose::Instance, &format!("{stream} hooks")),
            dice: seed.stream(Purpose::Termination, stream),
            subnets: seed.family(Purpose::Instance, &format!("{stream} subnets")),
            name: name.clone(),
            managed: setup.managed.as_ref().map(managed::Managed::new),
            scaled: setup.scaling.as_ref().map(|scaling| scaled::Scaled::new(scaling, epoch_s)),
            last_scaled: None,
            renewal: refresh::Renewal::of(&setup),
            instances: instances::ManagedInstances::of(&setup),
            setup,
        }
    }

    /// Whether it waits with a launch that found no capacity.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.retries.iter().any(|retry| !retry.is_free())
    }

    /// Least, most and desired capacity; Managed Instances have none.
    fn sizes(&self) -> Option<[u32; 3]> {
        self.instances.is_none().then_some([self.min, self.max, self.desired])
    }

    /// What there is of it.
    #[must_use]
    pub fn counts(&self) -> GroupCounts {
        GroupCounts {
            desired: self.desired,
            launching: self.members.len() as u32 - self.active,
            active: self.active,
            draining: self.draining,
            warm: self.pool.as_ref().map_or(0, |pool| pool.members.len() as u32),
        }
    }
}

/// All groups and their instances.
pub struct Groups {
    /// The groups.
    pub all: Vec<Group>,
    /// Every instance that a group ever launched.
    pub machines: Column<MachineId, Machine>,
    /// The machine behind each container instance; instances of fixed fleets have none.
    machine_of: Vec<Option<MachineId>>,
    /// Why instances without a group came and went, where it was not as it is for a fixed fleet.
    fixed: BTreeMap<InstanceId, (LaunchCause, Option<EndCause>)>,
    /// Instances that have registered, where somebody wants to know.
    newcomers: Option<VecDeque<InstanceId>>,
    misfits: Vec<register::Misfits>,
    /// Capacity reservations.
    pub reserved: segments::Reserved,
}

impl Groups {
    /// The groups of a setup.
    #[must_use]
    pub fn new(
        setups: Vec<GroupSetup>,
        providers: &Column<ProviderId, ProviderSetup>,
        zones: &Column<ZoneId, String>,
        (seed, epoch_s): (Seed, i64),
    ) -> Groups {
        let group = |setup| Group::new(setup, providers, zones, (seed, epoch_s));
        Groups {
            all: setups.into_iter().map(group).collect(),
            machines: Column::new(),
            machine_of: Vec::new(),
            fixed: BTreeMap::new(),
            newcomers: None,
            misfits: Vec::new(),
            reserved: segments::Reserved::default(),
        }
    }

    /// The instances that groups have at the beginning are ACTIVE.
    pub fn begin(&mut self, fleet: &Fleet) {
        for index in 0..self.all.len() {
            let provider = self.all[index].setup.provider;
            for instance in fleet.ids().filter(|&i| fleet.provider[i] == provider) {
                let group = &self.all[index];
                let is_kind = |offer: &InstanceSetup| {
                    offer.registration.zone == fleet.zone[instance]
                        && offer.registration.instance_type == fleet.instance_type[instance]
                };
                let plain = || {
                    let offer = group.setup.offers.iter().position(is_kind).unwrap_or(0);
                    (offer, group.setup.purchase)
                };
                let chosen = group.first.get(group.members.len()).copied();
                let kind = chosen.map_or_else(plain, |first| (first.offer, first.purchase));
                let id = self.add(index, kind, SimTime::ZERO, LaunchCause::Initial);
                self.put_in(id, chosen.map(|first| first.place).unwrap_or_default());
                let machine = &mut self.machines[id];
                (machine.stage, machine.running) = (Stage::InService, SimTime::ZERO);
                self.all[index].active += 1;
                self.bind(id, instance);
            }
        }
    }

    fn add(
        &mut self,
        group: usize,
        (offer, purchase): (usize, Purchase),
        now: SimTime,
        cause: LaunchCause,
    ) -> MachineId {
        let id = self.create(group, (offer, purchase), now, cause);
        self.all[group].members.push(id);
        self.all[group].enters(offer, purchase, 1);
        self.all[group].renewal.has_changed(id);
        id
    }

    /// An instance of a group that is in none of its lists yet.
    fn create(
        &mut self,
        group: usize,
        (offer, purchase): (usize, Purchase),
        now: SimTime,
        cause: LaunchCause,
    ) -> MachineId {
        let of = &mut self.all[group];
        let id = self.machines.push(Machine {
            group,
            offer,
            purchase,
            number: of.next_number,
            template: of.renewal.template,
            stage: Stage::Requested,
            launched: now,
            running: SimTime::NEVER,
            draining: SimTime::NEVER,
            ended: SimTime::NEVER,
            lonely_minutes: 0,
            instance: None,
            cause,
            end: None,
            segment: 0,
            reservation: None,
            fate: Default::default(),
            pool: None,
            is_free: false,
            is_extra: false,
            never_registers: false,
            is_abandoned: false,
            held_until: SimTime::ZERO,
            ticket: None,
        });
        of.next_number += 1;
        id
    }

    fn bind(&mut self, id: MachineId, instance: InstanceId) {
        self.machines[id].instance = Some(instance);
        if self.machine_of.len() <= instance.index() {
            self.machine_of.resize(instance.index() + 1, None);
        }
        self.machine_of[instance.index()] = Some(id);
        if let Some(newcomers) = &mut self.newcomers {
            newcomers.push_back(instance);
        }
    }

    /// The machine behind a container instance.
    #[must_use]
    pub fn behind(&self, instance: InstanceId) -> Option<MachineId> {
        self.machine_of.get(instance.index()).copied().flatten()
    }

    /// The group of a capacity provider.
    #[must_use]
    pub fn of_provider(&self, provider: ProviderId) -> Option<usize> {
        self.all.iter().position(|group| group.setup.provider == provider)
    }

    /// The name of a machine.
    #[must_use]
    pub fn name_of(&self, id: MachineId) -> String {
        let machine = &self.machines[id];
        format!("{}-{}", self.all[machine.group].name, machine.number)
    }
}
