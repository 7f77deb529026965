//! Managed scaling of capacity providers: the metric once a minute, its evaluation, what the group is told.
//!
//! Quiet minutes cost one event: where no alarm can say anything new, nothing is evaluated.

use super::{Group, Groups, Stage, Supply};
use crate::base::time::{SimSpan, SimTime};
use crate::engine::Class;
use crate::metrics::capacity_track::{ReservationTrack, Track};
use crate::model::fleet::InstanceStatus;
use crate::model::group::LaunchCause;
use crate::model::ids::{InstanceId, MachineId, ProviderId};
use crate::policy::capacity::need::{self, Capacity, Room, View};
use crate::policy::capacity::protection::{self, Held};
use crate::policy::capacity::{GroupState, ManagedScaler, Reading};
use crate::policy::placement::{Ask, Reason as Refusal};
use crate::policy::scaling::target_tracking::STANDARD_PERIOD;
use crate::sim::books::capacity_tables::ReservationRow;
use crate::sim::event::{Event, RunError};
use crate::sim::setup::ManagedSetup;

/// A metric is published so often (documented).
pub(super) const MINUTE: SimSpan = STANDARD_PERIOD;

/// Managed scaling of a group in the middle of a run.
pub struct Managed {
    scaler: ManagedScaler,
    /// Managed termination protection: only instances without tasks end when the group scales in.
    pub protects: bool,
    /// Whether N counts instances that run and have not registered.
    counts_unregistered: bool,
    /// The metric over time, where somebody will draw.
    seen: Track,
    /// When the next step between two points is due.
    step_at: Option<SimTime>,
}

impl Managed {
    pub(super) fn new(setup: &ManagedSetup) -> Managed {
        Managed {
            scaler: ManagedScaler::new(setup.scaling),
            protects: setup.protects,
            counts_unregistered: setup.counts_unregistered,
            seen: Track::default(),
            step_at: None,
        }
    }

    pub(super) fn track(&self, provider: &str) -> ReservationTrack {
        ReservationTrack {
            provider: provider.into(),
            target: self.scaler.managed().target_capacity,
            track: self.seen.clone(),
        }
    }
}

impl Group {
    /// Whether all of its instances are protected from scale-in for ever.
    pub(super) fn keeps_all(&self) -> bool {
        let protects = self.managed.as_ref().is_some_and(|managed| managed.protects);
        self.setup.is_protected && !protects
    }

    fn state(&self, groups: &Groups) -> GroupState {
        // Of those that come from a warm pool the youngest is not the last.
        let launches = self.members.iter().rev().map(|&id| &groups.machines[id]);
        let own = launches.filter(|machine| machine.cause != LaunchCause::Initial);
        let own = own.map(|machine| machine.launched);
        GroupState {
            desired: self.desired,
            min: self.min,
            max: self.max,
            youngest_launch: if self.pool.is_some() { own.max() } else { { own }.next() },
        }
    }
}

impl Supply<'_> {
    /// A group that somebody scales has a metric each minute.
    pub(super) fn begin_scaling(&mut self, group: usize) {
        let of = &self.groups.all[group];
        if of.managed.is_some() || of.scaled.is_some() {
            let event = Event::Reservation(of.setup.provider);
            self.drive.queue.schedule(SimTime(MINUTE.0), Class::Control, event);
        }
        self.schedule_forecast(group);
    }

    /// A minute has ended: the metric is published, and evaluated when it is visible.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn minute_ends(&mut self, provider: ProviderId) -> Result<(), RunError> {
        let Some(index) = self.groups.of_provider(provider) else { return Ok(()) };
        if self.groups.all[index].scaled.is_some() {
            return self.observe_group(index);
        }
        let now = self.now();
        self.drive.queue.schedule(now + MINUTE, Class::Control, Event::Reservation(provider));
        let hosts = self.hosts(index);
        for host in hosts.iter().filter(|host| host.tasks == 1) {
            self.groups.machines[host.machine].lonely_minutes += 1;
        }
        let is_dark = self.drive.rules.blackouts.is_dark(provider, now);
        let reading = self.read(index, &hosts).filter(|_| !is_dark);
        if let Some(managed) = &mut self.groups.all[index].managed {
            managed.scaler.publish_reading(now, reading);
            if let (true, Some(reading)) = (self.drive.books.recorder.picture, reading) {
                managed.seen.add(now, reading.value);
            }
        }
        let state = self.groups.all[index].state(self.groups);
        if let Some(managed) = &mut self.groups.all[index].managed {
            let delay = managed.scaler.managed().metric_delay;
            if managed.scaler.is_quiet(state) {
                managed.scaler.pass_over(now);
            } else {
                let event = Event::ManagedScaling(provider);
                self.drive.queue.schedule(now + delay, Class::Control, event);
            }
        }
        if let Some(reading) = reading {
            self.tell_reservation(index, reading, count_busy(&hosts))?;
        }
        // What ECS protects no longer may end now, where the group had more than it should.
        let of = &self.groups.all[index];
        if of.managed.as_ref().is_some_and(|m| m.protects) && of.members.len() as u32 > of.desired {
            return self.reconcile(index, LaunchCause::ScaleOut);
        }
        self.refresh_goes_on(index)?;
        self.replace_old(index)
    }

    /// M and N as they are now.
    fn read(&self, index: usize, hosts: &[HostView]) -> Option<Reading> {
        let of = &self.groups.all[index];
        let by = of.managed.as_ref()?.scaler.managed().estimate();
        let types = of.setup.offers.iter().take(of.types()).map(|offer| &offer.registration);
        let types: Vec<Capacity> =
            types.map(|of| Capacity { resources: of.resources, ports: &of.ports }).collect();
        let mut view = View {
            running: self.counted(index),
            busy: count_busy(hosts),
            zones: of.setup.zones.len() as u32,
            types: &types,
            rooms: &[],
            groups: &[],
        };
        let waiting: Vec<_> = self.drive.tasks.line.of_provider(of.setup.provider).collect();
        if waiting.is_empty() {
            return Some(need::read(&view, by)); // the usual case
        }
        let fleet = self.drive.cluster.fleet();
        let is_open = |host: &&HostView| {
            fleet.status[host.instance] == InstanceStatus::Active
                && fleet.agent_connected[host.instance]
        };
        let open: Vec<&HostView> = hosts.iter().filter(is_open).collect();
        let room = |host: &&HostView| Room {
            free: fleet.free[host.instance],
            ports: &fleet.ports[host.instance],
            is_busy: host.tasks > 0,
        };
        let rooms: Vec<Room> = open.iter().map(room).collect();
        let barred: Vec<Vec<u32>> =
            waiting.iter().map(|kind| self.barred(&kind.ask, &open)).collect();
        let of_kind = waiting.iter().zip(&barred).map(|(kind, barred)| need::Group {
            count: kind.count(),
            demand: kind.ask.demand,
            ports: self.drive.rules.port_sets.get(kind.ask.ports),
            distinct_instance: self.drive.cluster.is_distinct(kind.ask.rule),
            barred,
        });
        let groups: Vec<need::Group> = of_kind.collect();
        (view.rooms, view.groups) = (&rooms, &groups);
        Some(need::read(&view, by))
    }

    /// N.
    fn counted(&self, index: usize) -> u32 {
        let group = &self.groups.all[index];
        if !group.managed.as_ref().is_some_and(|managed| managed.counts_unregistered) {
            return group.active;
        }
        let runs = |id: &&MachineId| {
            matches!(self.groups.machines[**id].stage, Stage::Booting | Stage::Registering)
        };
        group.active + group.members.iter().filter(runs).count() as u32
    }

    /// The container instances of a group and their tasks, daemons' not counted.
    fn hosts(&self, index: usize) -> Vec<HostView> {
        let fleet = self.drive.cluster.fleet();
        let daemons = self.daemons();
        let daemons_on = |instance: InstanceId| {
            let until =
                |is_before: &dyn Fn(&InstanceId) -> bool| daemons.partition_point(is_before);
            (until(&|of| *of <= instance) - until(&|of| *of < instance)) as u32
        };
        let host = |&machine: &MachineId| {
            let instance = self.groups.machines[machine].instance?;
            let mut tasks = fleet.tasks[instance];
            if !daemons.is_empty() {
                tasks = tasks.saturating_sub(daemons_on(instance));
            }
            Some(HostView { machine, instance, tasks })
        };
        self.groups.all[index].members.iter().filter_map(host).collect()
    }

    /// The instance of each daemon's task, ascending.
    fn daemons(&self) -> Vec<InstanceId> {
        let services = self.drive.services.all.iter().filter(|service| service.is_daemon());
        let tasks = services.flat_map(|service| service.members.iter());
        let placed = tasks.map(|&slot| &self.drive.tasks[slot]).filter(|t| t.holds_promise());
        let mut on: Vec<InstanceId> = placed.filter_map(|task| task.instance()).collect();
        on.sort_unstable();
        on
    }

    pub(super) fn active_instances(&self, index: usize) -> impl Iterator<Item = InstanceId> + '_ {
        let members = self.groups.all[index].members.iter();
        members.filter_map(|&id| self.groups.machines[id].instance)
    }

    /// Those of `open` that a constraint keeps tasks away from, whatever room they have.
    fn barred(&self, ask: &Ask, open: &[&HostView]) -> Vec<u32> {
        let (cluster, ports) = (&self.drive.cluster, &self.drive.rules.port_sets);
        if cluster.is_unconstrained(ask.rule) {
            return Vec::new();
        }
        let is_distinct = cluster.is_distinct(ask.rule);
        let is_barred = |host: &HostView| {
            let verdict = || cluster.verdict(ask, host.instance, ports);
            !cluster.takes(ask.rule, host.instance)
                || is_distinct && verdict() == Some(Refusal::DistinctInstance)
        };
        (0..).zip(open).filter(|(_, host)| is_barred(host)).map(|(at, _)| at).collect()
    }

    /// Points are visible, or a step of scale-in is due.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn evaluate(&mut self, provider: ProviderId) -> Result<(), RunError> {
        let Some(index) = self.groups.of_provider(provider) else { return Ok(()) };
        if self.groups.all[index].scaled.is_some() {
            return self.evaluate_group(index);
        }
        let now = self.now();
        let state = self.groups.all[index].state(self.groups);
        let Some(managed) = &mut self.groups.all[index].managed else { return Ok(()) };
        if managed.step_at == Some(now) {
            managed.step_at = None;
        }
        let decision = managed.scaler.evaluate(now, state);
        if let Some(at) = managed.scaler.next_step(now).filter(|at| managed.step_at != Some(*at)) {
            managed.step_at = Some(at);
            let event = Event::ManagedScaling(provider);
            self.drive.queue.schedule(at, Class::Control, event);
        }
        match decision {
            Some(decision) => self.obey(index, &decision),
            None => Ok(()),
        }
    }

    fn tell_reservation(
        &mut self,
        index: usize,
        reading: Reading,
        busy: u32,
    ) -> Result<(), RunError> {
        if !self.drive.books.capacity.wants_reservation() {
            return Ok(());
        }
        let at = self.now();
        let group = &self.groups.all[index];
        let Some(managed) = &group.managed else { return Ok(()) };
        let (high, low) = managed.scaler.alarms();
        let row = ReservationRow {
            at,
            provider: &group.name,
            value: reading.value,
            target_percent: managed.scaler.managed().target_capacity,
            needed: reading.needed,
            running: reading.running,
            busy,
            provisioning: self.drive.tasks.line.count(group.setup.provider),
            incompatible: reading.incompatible,
            desired: group.desired,
            high: high.name(),
            low: low.name(),
        };
        self.drive.books.capacity.reservation(&row)
    }

    /// Instances that may end when their group scales in, oldest first. Those that are on their way are not among them
    /// (assumed): once ACTIVE they are.
    pub(super) fn may_scale_in(&self, index: usize) -> Vec<MachineId> {
        let group = &self.groups.all[index];
        if group.keeps_all() {
            return Vec::new();
        }
        if group.managed.as_ref().is_some_and(|managed| managed.protects) {
            let held = self.hosts(index).into_iter().map(|host| Held {
                instance: host.machine,
                is_busy: host.tasks > 0,
                is_protected: true,
            });
            return protection::change(held).release;
        }
        let is_in_service = |id: &MachineId| self.groups.machines[*id].stage == Stage::InService;
        group.members.iter().copied().filter(is_in_service).collect()
    }
}

/// A container instance of a group.
struct HostView {
    machine: MachineId,
    instance: InstanceId,
    /// Its tasks, daemons' not counted.
    tasks: u32,
}

fn count_busy(hosts: &[HostView]) -> u32 {
    hosts.iter().filter(|host| host.tasks > 0).count() as u32
}
