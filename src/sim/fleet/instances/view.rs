//! A provider of Managed Instances as the pure policy sees it.

use super::super::{Stage, Supply};
use super::slots::Slots;
use super::{ManagedInstances, Meant};
use crate::base::id::Id as _;
use crate::base::money::HourlyRate;
use crate::base::time::SimSpan;
use crate::model::ids::{InstanceId, MachineId, ServiceId};
use crate::model::platform::Purchase;
use crate::model::resources::Resources;
use crate::policy::capacity::managed_instances::{Host, Kind, Market, Offer, Task};
use crate::policy::placement::Ask;
use crate::sim::task::{Slot, Task as Live};

/// A provider at an instant.
pub(super) struct View {
    /// Its instances, oldest first.
    pub ids: Vec<MachineId>,
    /// The same for the policy.
    pub hosts: Vec<Host>,
    /// Tasks that wait and have no instance on its way, in order.
    pub waiting: Vec<Meant>,
    /// The same for the policy.
    pub tasks: Vec<Task>,
    offers: Vec<Offer>,
    zones: usize,
    kinds: Vec<Kind>,
    /// Slots of capacity reservations.
    slots: Slots,
    /// When the first instance that may not go yet may.
    pub next_ripe: Option<crate::base::time::SimTime>,
}

impl View {
    pub(super) fn market(&self) -> Market<'_> {
        Market { offers: &self.offers, zones: self.zones, kinds: &self.kinds }
    }
}

impl Supply<'_> {
    /// Looks at a provider.
    pub(super) fn view(&mut self, index: usize) -> View {
        let mut asks: Vec<Ask> = Vec::new();
        let mut on = self.tasks_by_instance(index, &mut asks);
        let waiting = self.without_instance(index);
        let mut tasks = Vec::new();
        for meant in &waiting {
            tasks.push(self.as_task(&self.drive.tasks[meant.slot], &mut asks));
        }
        let daemons = self.demands_of_daemons(index);
        let reserve = sum_of(daemons.iter().map(|(_, demand)| *demand));
        let slots = self.slots(index);
        let mut view = View {
            ids: Vec::new(),
            hosts: Vec::new(),
            waiting,
            tasks,
            offers: self.offers(index, reserve, &slots),
            slots,
            zones: self.groups.all[index].setup.zones.len(),
            kinds: Vec::new(),
            next_ripe: None,
        };
        for id in self.groups.all[index].members.clone() {
            if let Some(instance) = self.open(id) {
                let here = std::mem::take(&mut on[instance.index()]);
                self.see_instance(&mut view, (id, instance), here, &daemons);
            } else if self.groups.machines[id].stage != Stage::InService
                && !self.groups.machines[id].is_noticed()
            {
                self.see_launch(&mut view, id, &mut asks);
            }
        }
        view.kinds = self.kinds(index, &asks);
        view
    }

    fn see_instance(
        &self,
        view: &mut View,
        (id, instance): (MachineId, InstanceId),
        here: Here,
        daemons: &[(ServiceId, Resources)],
    ) {
        let machine = &self.groups.machines[id];
        let of = &self.groups.all[machine.group];
        let fleet = self.drive.cluster.fleet();
        let missing = daemons.iter().filter(|(id, _)| !here.daemons.contains(id));
        let missing = sum_of(missing.map(|(_, demand)| *demand));
        let touched = self.drive.cluster.touched(instance);
        let own = of.instances.as_ref().map(|of| &of.setup);
        let after = own.and_then(|own| own.scale_in_after);
        let patience = own.map_or(SimSpan::ZERO, |own| own.patience);
        let ripe_at = after.map(|mut after| {
            if here.tasks.is_empty() && touched == fleet.registered_at[instance] {
                let settings = &self.drive.services.settings;
                after = after.max(SimSpan(settings.rebalancing_delay.0 + patience.0));
            }
            touched + after
        });
        let now = self.now();
        let is_ripe = ripe_at.is_some_and(|at| at <= now);
        if let Some(at) = ripe_at.filter(|_| !is_ripe) {
            view.next_ripe = Some(view.next_ripe.map_or(at, |first| first.min(at)));
        }
        let is_spot = of.setup.purchase == Purchase::Spot;
        view.ids.push(id);
        view.hosts.push(Host {
            offer: machine.offer,
            free: fleet.free[instance].checked_sub(missing).unwrap_or(Resources::ZERO),
            tasks: here.tasks,
            is_draining: false,
            is_ripe,
            is_movable: !is_spot && !here.has_standalone,
            has_slot: view.slots.taken.binary_search(&id).is_ok(),
        });
    }

    /// An instance on its way, with the tasks that it is meant for.
    fn see_launch(&self, view: &mut View, id: MachineId, asks: &mut Vec<Ask>) {
        let machine = &self.groups.machines[id];
        let (group, offer) = (machine.group, machine.offer);
        let of = self.groups.all[group].instances.as_ref();
        let meant = of.and_then(|of| of.meant.get(&id).cloned()).unwrap_or_default();
        let mut free = view.offers[offer].resources;
        let mut tasks = Vec::new();
        for meant in meant {
            if self.is_waiting(meant) {
                let task = self.as_task(&self.drive.tasks[meant.slot], asks);
                free = free.checked_sub(task.demand).unwrap_or(Resources::ZERO);
                tasks.push(task);
            }
        }
        view.ids.push(id);
        view.hosts.push(Host {
            offer,
            free,
            tasks,
            is_draining: false,
            is_ripe: false,
            is_movable: false,
            has_slot: view.slots.taken.binary_search(&id).is_ok(),
        });
    }

    /// Tasks for which no instance is on its way, in the order in which they came.
    fn without_instance(&self, index: usize) -> Vec<Meant> {
        let group = &self.groups.all[index];
        let Some(of) = &group.instances else { return Vec::new() };
        let mut on_its_way: Vec<u64> = of.meant.values().flatten().map(|of| of.task).collect();
        on_its_way.sort_unstable();
        let has_one = |wanted: &Meant| on_its_way.binary_search(&wanted.task).is_ok();
        let mut all: Vec<(u32, Meant)> = Vec::new();
        for kind in self.drive.tasks.line.of_provider(group.setup.provider) {
            let meant = |slot: Slot| Meant { slot, task: self.drive.tasks[slot].id };
            all.extend(kind.tasks().map(|(place, slot)| (place, meant(slot))));
        }
        all.sort_unstable_by_key(|(place, _)| *place);
        all.into_iter().map(|(_, meant)| meant).filter(|meant| !has_one(meant)).collect()
    }

    /// Tasks by number of the instance, each in order of id.
    fn tasks_by_instance(&self, index: usize, asks: &mut Vec<Ask>) -> Vec<Here> {
        let provider = self.groups.all[index].setup.provider;
        let own = |task: &&Live| task.provider == provider && task.holds_promise();
        let mut placed: Vec<&Live> = self.drive.tasks.live().filter(own).collect();
        placed.sort_unstable_by_key(|task| task.id);
        let mut on = vec![Here::default(); self.drive.cluster.fleet().len()];
        for live in placed {
            let Some(instance) = live.instance() else { continue };
            let here = &mut on[instance.index()];
            if self.drive.is_daemon_task(live) {
                here.daemons.extend(self.drive.service_of(live.source));
                continue;
            }
            here.has_standalone |= !self.drive.rules.is_service(live.source);
            let task = self.as_task(live, asks);
            here.tasks.push(task);
        }
        on
    }

    fn as_task(&self, live: &Live, asks: &mut Vec<Ask>) -> Task {
        let ask = self.drive.rules.ask_of(live);
        let kind = asks.iter().position(|known| *known == ask).unwrap_or_else(|| {
            asks.push(ask);
            asks.len() - 1
        });
        let service = self.drive.service_of(live.source);
        let keeps = service.is_some_and(|id| self.drive.services.all[id].setup.rebalances_zones);
        Task {
            demand: live.demand,
            owner: live.group.0 as usize,
            kind,
            is_balanced: keeps && !live.is_uncounted,
        }
    }

    /// What the task of each daemon takes of each instance.
    fn demands_of_daemons(&self, index: usize) -> Vec<(ServiceId, Resources)> {
        let demand = |id: ServiceId| {
            let service = &self.drive.services.all[id];
            let definition = service.revision_of(service.generation).definition;
            (id, self.drive.rules.definitions[definition].demand)
        };
        self.daemons_of(index).into_iter().map(demand).collect()
    }

    fn offers(&self, index: usize, reserve: Resources, slots: &Slots) -> Vec<Offer> {
        let now = self.now();
        let group = &self.groups.all[index];
        let Some(of) = &group.instances else { return Vec::new() };
        let spending = &self.drive.books.spending;
        let offer = |(nth, kind): (usize, &crate::sim::setup::InstanceSetup)| {
            let fee = spending.fee(group.setup.provider, &kind.registration.instance_type);
            let rate = kind.price.at(now).0.saturating_add(fee.0);
            Offer {
                resources: kind
                    .registration
                    .resources
                    .checked_sub(reserve)
                    .unwrap_or(Resources::ZERO),
                price: HourlyRate(rate),
                is_available: of.short_until[nth] <= now && !group.out[group.zone_of(nth)],
                slots: slots.free(nth),
                needs_slot: slots.needs_slot,
            }
        };
        group.setup.offers.iter().enumerate().map(offer).collect()
    }

    /// The offers that do not take an ask, reckoned once.
    fn refusing(&mut self, index: usize, ask: &Ask) -> Vec<usize> {
        let known = |of: &ManagedInstances| of.barred.iter().position(|(known, _)| known == ask);
        let of = self.groups.all[index].instances.as_deref();
        if let Some((at, of)) = of.and_then(|of| known(of).map(|at| (at, of))) {
            return of.barred[at].1.clone();
        }
        let before = self.groups.all[..index].iter().map(|group| group.setup.offers.len());
        let first: usize = before.sum();
        let offers = self.groups.all[index].setup.offers.len();
        let (cluster, ports) = (&self.drive.cluster, &self.drive.rules.port_sets);
        let refuses = |offer: &usize| !cluster.new_one_takes(ask, first + offer, ports);
        let barred: Vec<usize> = (0..offers).filter(refuses).collect();
        if let Some(of) = &mut self.groups.all[index].instances {
            of.barred.push((*ask, barred.clone()));
        }
        barred
    }

    fn kinds(&mut self, index: usize, asks: &[Ask]) -> Vec<Kind> {
        let mut barred: Vec<Vec<usize>> =
            asks.iter().map(|ask| self.refusing(index, ask)).collect();
        let (cluster, ports) = (&self.drive.cluster, &self.drive.rules.port_sets);
        let conflicts = |one: &Ask, other: &Ask| {
            let is_distinct = cluster.is_distinct(one.rule) || cluster.is_distinct(other.rule);
            (is_distinct && one.group == other.group)
                || !ports.get(one.ports).is_disjoint(ports.get(other.ports))
        };
        let kind = |(ask, barred): (&Ask, Vec<usize>)| Kind {
            barred,
            conflicts: (0..asks.len()).filter(|&other| conflicts(ask, &asks[other])).collect(),
        };
        asks.iter().zip(barred.drain(..)).map(kind).collect()
    }
}

fn sum_of(demands: impl Iterator<Item = Resources>) -> Resources {
    demands.fold(Resources::ZERO, |sum, demand| sum.checked_add(demand).unwrap_or(sum))
}

/// What is on an instance.
#[derive(Clone, Default)]
pub(super) struct Here {
    tasks: Vec<Task>,
    daemons: Vec<ServiceId>,
    has_standalone: bool,
}
