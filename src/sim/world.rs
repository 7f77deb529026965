//! The world of one run: its parts, and the dispatch of events to the rooms that may touch them.
//!
//! A part never holds another part. A handler gets a bundle of the parts that it may touch ([`Life`], [`Calls`],
//! [`Drive`] and what it hands on), so that its receiver says what it can change.

pub(super) mod meter;
mod note;

use super::arrivals::Arrivals;
use super::books::outputs::Sinks;
use super::books::{Books, Change};
use super::callers::{Callers, Calls};
use super::checks::{self, Parts};
use super::cluster::{Cluster, Network};
use super::event::{Event, RunError};
use super::fargate::Fargate;
use super::faults::{Faults, Mishap};
use super::fleet::{Groups, Supply};
use super::rules::Rules;
use super::sampling;
use super::services::{Drive, Flow, Look, Services, as_source};
use super::setup::{Inputs, ServiceSetup, Setup, SourceSetup};
use super::tasks::{Life, Stages, Tasks};
use crate::base::id::Column;
use crate::base::random::Purpose;
use crate::base::time::{SimSpan, SimTime};
use crate::engine::{Class, Model, Queue};
use crate::model::ids::{GroupId, ServiceId, SourceId};
use crate::model::traffic::RateStream;

/// A simulated cluster in the middle of a run.
pub struct World {
    pub(super) rules: Rules,
    pub(super) cluster: Cluster,
    pub(super) fargate: Fargate,
    pub(super) tasks: Tasks,
    pub(super) callers: Callers,
    pub(super) services: Services,
    pub(super) groups: Groups,
    pub(super) faults: Faults,
    pub(super) arrivals: Arrivals,
    pub(super) books: Books,
}

impl World {
    /// A world before time zero; [`World::begin`] brings it there.
    pub fn new(mut setup: Setup, inputs: Inputs, sinks: Sinks) -> World {
        let Inputs { tasks: streams, traffic, failures, faults } = inputs;
        setup.faults.extend(faults);
        assert_eq!(setup.sources.len(), streams.len(), "each caller has a stream");
        let mut books = Books::new(&setup, sinks);
        let mut instances = std::mem::take(&mut setup.instances);
        let largest: Vec<_> = setup.providers.iter().map(|provider| provider.largest).collect();
        let draws = setup.seed.stream(Purpose::Placement, "default");
        let offers = setup.groups.iter().flat_map(|group| group.offers.iter());
        let mut may_come: Vec<_> = offers.map(|offer| offer.registration.clone()).collect();
        let stream = |provider| setup.providers[provider].stream.clone();
        let mut groups = Groups::new(
            std::mem::take(&mut setup.groups),
            &setup.providers,
            &setup.zones,
            (setup.seed, setup.epoch_s),
        );
        let mut network = setup.network.clone().map(Network::new).map(Box::new);
        may_come.extend(groups.kinds_elsewhere(network.as_deref()));
        groups.know_reservations(&setup.commitments.capacity);
        groups.choose_first(&mut instances, network.as_deref(), &setup.providers);
        let subnets: Vec<_> = instances.iter().map(|instance| instance.subnet).collect();
        let faults = std::mem::take(&mut setup.faults);
        let mut faults = Faults::new(faults, &instances, stream, &setup.zones, setup.seed);
        faults.know_blackouts(&setup.blackouts);
        let (registrations, prices): (Vec<_>, Vec<_>) =
            instances.into_iter().map(|i| (i.registration, i.price)).unzip();
        let (registrations, largest) = (registrations.into_iter(), largest.into_iter());
        let mut cluster = Cluster::new(registrations, largest, setup.tie_break, draws);
        may_come.extend(faults.may_come_back().map(|offer| offer.registration.clone()));
        cluster.may_come(may_come.into_iter());
        if setup.providers.iter().any(|of| of.batch_window.is_some()) {
            cluster.watch_instances();
        }
        let fleet = cluster.fleet();
        groups.begin(fleet);
        if let Some(network) = &mut network {
            groups.take_first_addresses(network, &subnets);
            groups.draw_subnets(network);
        }
        if !faults.is_empty() {
            groups.know_misfits(faults.at_launches());
            groups.watch_newcomers();
        }
        for (instance, price) in fleet.ids().zip(prices) {
            let provider = fleet.provider[instance];
            books.saw(Change::InstanceRuns { provider, price: &price });
            let purchase = groups.purchase_of(instance, setup.providers[provider].purchase);
            let instance_type = &fleet.instance_type[instance];
            books.saw(Change::Fee { provider, instance_type, begins: true });
            let reservation = groups.reservation_of(instance);
            books.saw(Change::Registered { instance, purchase, price, reservation, fleet });
        }
        cluster.network = network;
        let fargate = std::mem::take(&mut setup.fargate);
        let by_name = (&setup.zones, setup.seed);
        let fargate = Fargate::new(fargate, &setup.limits, &setup.providers, by_name);
        let stages = Stages::new(&setup.latencies, &setup.blackouts, setup.seed);
        let (pace, delays) = (setup.scheduler.clone(), setup.metric_delays);
        let services = Services::new(setup.sources.len(), pace, delays, failures);
        let mut world = World {
            callers: Callers::new(&setup.limits),
            arrivals: Arrivals::new(streams),
            rules: Rules::new(&mut setup),
            tasks: Tasks::new(stages, setup.limits.provisioning),
            cluster,
            fargate,
            services,
            groups,
            faults,
            books,
        };
        world.know_definitions();
        world.know_callers(setup.sources);
        world.know_services(setup.services, traffic);
        if world.books.spending.allocation.is_some() {
            let into_hour = world.rules.epoch_s.rem_euclid(3_600).unsigned_abs();
            world.services.measure_excess(SimSpan::from_secs(into_hour).0);
        }
        world
    }

    /// Time zero: the first rows, the tasks of services, the first sample.
    ///
    /// # Errors
    /// The first row of a trace cannot be read.
    pub fn begin(&mut self, queue: &mut Queue<Event>) -> Result<(), RunError> {
        self.arrivals.begin()?;
        self.supply(queue).begin()?;
        self.drive(queue).start_services()?;
        self.mishap(queue).begin();
        queue.schedule(SimTime::ZERO, Class::Sample, Event::Sample);
        meter::next(self, queue);
        Ok(())
    }

    /// Compares all books after every event, and every placement with the slow one: for tests, and on request.
    pub fn check_every_event(&mut self) {
        self.services.is_checked = true;
        self.cluster.shadow();
    }

    /// Compares all books.
    pub fn check(&self, now: SimTime) {
        let World { rules, cluster, fargate, tasks, callers, services, groups, books, .. } = self;
        let parts = Parts { rules, cluster, fargate, tasks, callers, services, groups, books };
        checks::check(&parts, now);
    }

    fn group(&mut self, name: &str) -> GroupId {
        let (group, is_new) = self.cluster.group(name);
        if is_new {
            self.books.name_group(name, group);
        }
        group
    }

    fn know_definitions(&mut self) {
        for definition in self.rules.definitions.ids() {
            let of = &self.rules.definitions[definition];
            let (family, revision, demand) = (of.family.clone(), of.revision, of.demand);
            let group = self.group(&format!("family:{family}"));
            self.rules.family_groups.push(group);
            let names = &mut self.rules.definition_names;
            names.insert(format!("{family}:{revision}"), definition);
            // A family without revision means its newest: definitions come in order of revision.
            names.insert(family, definition);
            if demand != Default::default() {
                self.cluster.knows_size(SimTime::ZERO, demand);
            }
        }
    }

    fn know_callers(&mut self, sources: Column<SourceId, SourceSetup>) {
        let groups: Vec<Option<GroupId>> =
            sources.iter().map(|s| s.group.clone().map(|name| self.group(&name))).collect();
        for (setup, group) in sources.iter().zip(groups) {
            let all = self.rules.definitions.ids();
            let source = self.rules.add_asker(setup, &[], all, &mut self.cluster);
            let launch = self.rules.askers[source].ways[0].launch;
            self.callers.add(setup, launch, group, self.rules.seed, self.cluster.fleet());
        }
    }

    fn know_services(
        &mut self,
        services: Column<ServiceId, ServiceSetup>,
        traffic: Vec<Option<Box<dyn RateStream + Send>>>,
    ) {
        let mut traffic = traffic.into_iter();
        for setup in services.iter().cloned() {
            let stream = traffic.next().flatten();
            let group = self.group(&format!("service:{}", setup.name));
            let definitions = setup.revisions.iter().map(|revision| revision.definition);
            let later = &setup.launches[1..];
            let own = as_source(&setup);
            let source = self.rules.add_asker(&own, later, definitions, &mut self.cluster);
            self.services.add(setup, source, group, stream, &self.rules);
        }
    }

    fn life<'a>(&'a mut self, queue: &'a mut Queue<Event>) -> Life<'a> {
        let World { rules, cluster, fargate, tasks, books, .. } = self;
        Life { rules, cluster, fargate, tasks, books, queue }
    }

    fn calls<'a>(&'a mut self, queue: &'a mut Queue<Event>) -> Calls<'a> {
        let World { rules, cluster, fargate, tasks, books, callers, .. } = self;
        Calls { life: Life { rules, cluster, fargate, tasks, books, queue }, callers }
    }

    fn drive<'a>(&'a mut self, queue: &'a mut Queue<Event>) -> Drive<'a> {
        let World { rules, cluster, fargate, tasks, services, books, .. } = self;
        Drive { rules, cluster, fargate, tasks, services, books, queue }
    }

    fn supply<'a>(&'a mut self, queue: &'a mut Queue<Event>) -> Supply<'a> {
        let World { rules, cluster, fargate, tasks, services, groups, books, .. } = self;
        let drive = Drive { rules, cluster, fargate, tasks, services, books, queue };
        Supply { drive, groups }
    }

    fn mishap<'a>(&'a mut self, queue: &'a mut Queue<Event>) -> Mishap<'a> {
        let World { rules, cluster, fargate, tasks, services, groups, faults, books, .. } = self;
        let drive = Drive { rules, cluster, fargate, tasks, services, books, queue };
        Mishap { supply: Supply { drive, groups }, faults }
    }

    pub(super) fn look_at_services(&self) -> Look<'_> {
        let World { rules, cluster, fargate, tasks, services, .. } = self;
        Look { rules, cluster, fargate, tasks, services }
    }

    pub(super) fn flow(&mut self) -> Flow<'_> {
        let World { cluster, tasks, services, books, .. } = self;
        Flow { cluster, tasks, services, books }
    }

    /// What is there at `now` is written down.
    pub(super) fn sample(&mut self, now: SimTime) -> Result<(), RunError> {
        sampling::look(now, &self.rules, &self.cluster, &self.tasks, &mut self.books)?;
        sampling::look_at_subnets(now, &self.rules, &mut self.cluster, &mut self.books)?;
        self.flow().look_at_services(now)
    }

    fn dispatch(&mut self, event: Event, queue: &mut Queue<Event>) -> Result<(), RunError> {
        let is_service = |slot| self.rules.is_service(self.tasks[slot].source);
        match event {
            Event::Attached(slot) | Event::Prepared(slot) | Event::Running(slot)
                if self.tasks[slot].is_stopping() =>
            {
                self.life(queue).execution_stopped(slot)?; // it was asked to stop before it ran
            }
            Event::Attached(slot) => self.life(queue).attached(slot),
            Event::Prepared(slot) => self.life(queue).activate_on_fargate(slot),
            Event::Running(slot) => self.tasks.is_ready(slot),
            Event::Exit(slot) if is_service(slot) => self.drive(queue).member_exits(slot)?,
            Event::Exit(slot) => self.life(queue).exits(slot)?,
            Event::SidecarExit(slot) => self.drive(queue).sidecar_exits(slot)?,
            Event::ExecutionStopped(slot) => self.drive(queue).has_left(slot)?,
            Event::Detached(slot) => self.life(queue).stopped(slot)?,
            Event::Retry(parked) => self.calls(queue).retry(parked)?,
            Event::Gate => self.calls(queue).gate_opens()?,
            Event::Control => self.calls(queue).serve_queues()?,
            Event::Sample => {
                self.sample(queue.now())?;
                self.books.samples += 1;
                let next = queue.now() + self.rules.sample_interval;
                queue.schedule(next, Class::Sample, Event::Sample);
            }
            Event::Meter => {
                meter::meter(self, queue.now(), false)?;
                self.books.samples += 1;
                meter::next(self, queue);
            }
            Event::Health(slot) => {
                self.drive(queue).plan().health_changes(slot)?;
                self.faults.notice();
            }
            Event::OutageEnds(service) => self.drive(queue).plan().end_outage(service)?,
            Event::StartIsOver(slot) => self.drive(queue).plan().start_is_over(slot)?,
            Event::Deregistered(slot) => self.drive(queue).deregistered(slot)?,
            Event::Known(service) => {
                let now = queue.now();
                self.drive(queue).flow().stop_sending(service, now)?;
            }
            Event::Memory(service) => self.drive(queue).look_at_memory(service)?,
            Event::Reconcile(service) => {
                self.drive(queue).reconcile(service)?;
                if !self.services.daemon_news.is_empty() {
                    self.supply(queue).daemons_say()?;
                }
                self.faults.notice();
            }
            Event::Update(service) => self.drive(queue).plan().update_service(service)?,
            Event::ScalingAction(service) => self.drive(queue).plan().scaling_action(service)?,
            Event::TrafficShift(service) => self.drive(queue).plan().traffic_shifts(service)?,
            Event::Tick(tick) => self.drive(queue).tick(tick)?,
            Event::Failure => self.drive(queue).failure_strikes()?,
            Event::Machine(machine) => {
                self.supply(queue).machine_goes_on(machine)?;
                self.faults.notice_hosts();
            }
            Event::GroupChange(provider) => self.supply(queue).group_changes(provider)?,
            Event::ZonalShift(provider) => self.supply(queue).group_shifts(provider)?,
            Event::WaitedEnough => self.drive(queue).waited_enough()?,
            Event::Overflow => self.drive(queue).overflow()?,
            Event::Reservation(provider) => self.supply(queue).minute_ends(provider)?,
            Event::ManagedScaling(provider) => self.supply(queue).evaluate(provider)?,
            Event::Fault(fault) => {
                for told in self.mishap(queue).fault_is_due(fault)? {
                    if self.tasks.still_matters(told) {
                        self.dispatch(told, queue)?;
                    }
                }
            }
            Event::Spot(machine) => self.supply(queue).spot_goes_on(machine)?,
            Event::Renew(provider) => self.supply(queue).renew(provider)?,
            Event::Pools(provider) => self.supply(queue).pools_change(provider)?,
            Event::LaunchAgain(provider, purchase) => {
                self.supply(queue).launch_again(provider, purchase)?;
            }
            Event::Fargate => self.mishap(queue).fargate_changes()?,
            Event::FargateWarning(number) => self.mishap(queue).fargate_warns(number)?,
            Event::Batch(provider) => self.supply(queue).batch(provider)?,
            Event::Optimise(provider) => self.supply(queue).optimise(provider)?,
        }
        Ok(())
    }

    /// What an event has left to do at its instant: tasks that have started, and queues that wait for capacity.
    #[inline]
    fn settle(&mut self, queue: &mut Queue<Event>) -> Result<(), RunError> {
        if self.tasks.has_ready() {
            self.drive(queue).start_ready()?;
            self.faults.notice();
        }
        if self.tasks.has_any_stopped() {
            self.drive(queue).forget_stopped();
        }
        if self.cluster.has_eased() {
            self.supply(queue).drained()?;
            self.faults.notice_hosts();
        }
        if !self.tasks.line.is_empty() && self.cluster.has_freed() {
            self.drive(queue).place_waiting()?;
        }
        if self.faults.is_noticed() || self.tasks.has_news() {
            self.mishap(queue).look_at_incidents()?;
        }
        if self.groups.has_newcomers() {
            self.mishap(queue).take_newcomers();
        }
        if self.cluster.is_stirred() {
            self.supply(queue).stirred();
        }
        let woken = [self.cluster.take_freed(), self.fargate.take_freed()];
        if woken != [false; 2] {
            self.calls(queue).wake(woken);
        }
        if self.services.is_checked {
            self.check(queue.now());
        }
        Ok(())
    }
}

impl Model for World {
    type Event = Event;
    type Error = RunError;

    #[inline]
    fn next_arrival(&mut self) -> Result<Option<SimTime>, RunError> {
        Ok(self.arrivals.next().map(|(at, _)| at))
    }

    fn arrive(&mut self, queue: &mut Queue<Event>) -> Result<(), RunError> {
        self.time_the_line(queue.now());
        let (source, row) = self.arrivals.take();
        self.books.digest.add(queue.now().0);
        self.books.digest.add(self.tasks.next_id << 4);
        let World { rules, cluster, fargate, tasks, books, callers, arrivals, .. } = self;
        let life = Life { rules, cluster, fargate, tasks, books, queue };
        let (names, place) = (arrivals.names(source), arrivals.place(source));
        Calls { life, callers }.request_row(source, row, names, place)?;
        self.arrivals.read_on(source)?;
        self.settle(queue)
    }

    fn handle(
        &mut self,
        _class: Class,
        event: Event,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        self.time_the_line(queue.now());
        if self.tasks.has_ghosts() && event.task().is_some_and(|slot| self.tasks.lay_ghost(slot)) {
            return Ok(());
        }
        if self.tasks.holds_any() && self.tasks.hold_back(event) {
            return Ok(());
        }
        note::note(self, queue.now(), event);
        self.dispatch(event, queue)?;
        self.settle(queue)
    }

    #[inline]
    fn soon(&self, event: Event) {
        let Some(slot) = event.task() else { return };
        self.tasks.look_ahead(slot);
        // Where its instance is stands in the record that was just asked for: to read it may mean to wait.
        if self.cluster.is_large()
            && let Some(instance) = self.tasks.instance_of(slot)
        {
            self.cluster.look_ahead(instance);
        }
    }

    fn is_idle(&self) -> bool {
        let versions = || [self.cluster.version(), self.fargate.version()];
        self.rules.horizon.is_none()
            && self.tasks.is_empty()
            && (self.tasks.wanted == 0
                || self.callers.is_stuck(versions())
                    && !self.groups.may_grow(self.cluster.given_back())
                    && !self.faults.is_pending()
                    && !self.fargate.may_open())
    }
}
