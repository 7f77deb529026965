//! The world of one run: the model, the policies and the books, and the dispatch of events to them.
//!
//! Handlers of placed tasks are in `lifecycle`, of callers in `callers`; `place` applies placement decisions;
//! `end` closes the books. After every event, in tests and on request, `checks` compares the books.

use super::api::Api;
use super::callers::{Caller, Request, Rules};
use super::lifecycle::{Host, Latency, Stages};
use super::outputs::{Sinks, field};
use super::place::LastRefusal;
use super::recorder::{Names, Recorder, Tally};
use super::service::{Services, Tick};
use super::service_tables::ServiceTables;
use super::setup::{Inputs, InstanceSetup, Launch, Limits, Price, ProviderSetup, Setup};
use super::spending::{FixedRates, Spending};
use super::task::{Slot, Tasks};
use crate::base::digest::Digest;
use crate::base::distribution::Distribution;
use crate::base::id::{Column, Id as _};
use crate::base::lookup::Lookup;
use crate::base::random::{Purpose, Seed};
use crate::base::time::{SimSpan, SimTime};
use crate::engine::{Class, Model, Queue};
use crate::metrics::capacity::Capacity;
use crate::metrics::picture::FleetPicture;
use crate::metrics::series::Series;
use crate::model::arrival::{TaskRow, TaskStream, TraceProblem};
use crate::model::definition::TaskDefinition;
use crate::model::fleet::{Fleet, Registration};
use crate::model::ids::{
    DefinitionId, GroupId, InstanceId, PortSetId, ProviderId, ServiceId, SourceId, ZoneId,
};
use crate::model::lifecycle::TaskStatus;
use crate::model::platform::{LaunchType, Purchase};
use crate::model::ports::PortSets;
use crate::policy::placement::Placer;
use std::io;

/// Everything that can wake the simulation, arrivals apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A task's ENI is attached: it becomes PENDING.
    Attached(Slot),
    /// Fargate has prepared a task: the pull starts.
    Prepared(Slot),
    /// A task's containers have started.
    Running(Slot),
    /// A task's essential container exits, or StopTask is called.
    Exit(Slot),
    /// A task's last container has exited.
    ExecutionStopped(Slot),
    /// A task's ENI is gone.
    Detached(Slot),
    /// A caller tries a parked request again.
    Retry(u32),
    /// The API lets the next call through.
    Gate(u8),
    /// Schedulers act on the settled state of the instant.
    Control,
    /// Metrics look at the instant.
    Sample,
    /// A service task's health changes.
    Health(Slot),
    /// A service task's deregistration delay is over.
    Deregistered(Slot),
    /// The service scheduler looks at a service.
    Reconcile(ServiceId),
    /// A user changes a service.
    Update(ServiceId),
    /// A scheduled action or forecast of a service is due.
    ScalingAction(ServiceId),
    /// A period of CloudWatch ends, or its points are visible.
    Tick(Tick),
    /// A scripted failure strikes.
    Failure,
}

/// What ends a run before its time.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A trace cannot be read further.
    #[error("{0}")]
    Trace(String),
    /// A task can never be placed, and its caller would wait for ever.
    #[error("{0}")]
    Oversized(String),
    /// An output cannot be written.
    #[error("cannot write an output: {0}")]
    Output(#[from] io::Error),
}

impl From<TraceProblem> for RunError {
    fn from(problem: TraceProblem) -> Self {
        RunError::Trace(problem.0)
    }
}

/// Fargate sizes by operating system.
pub struct FargateSizes {
    /// All.
    pub linux: Vec<(u32, u32)>,
    /// 1, 2 and 4 vCPU (documented).
    pub windows: Vec<(u32, u32)>,
}

impl FargateSizes {
    fn of(linux: Vec<(u32, u32)>) -> Self {
        let windows = linux.iter().copied().filter(|(cpu, _)| (1024..=4096).contains(cpu));
        FargateSizes { windows: windows.collect(), linux }
    }
}

/// A simulated cluster in the middle of a run.
pub struct World {
    pub(super) name: String,
    pub(super) seed: Seed,
    pub(super) horizon: Option<SimTime>,
    pub(super) sample_interval: SimSpan,
    pub(super) limits: Limits,
    pub(super) providers: Column<ProviderId, ProviderSetup>,
    pub(super) zone_count: usize,
    pub(super) definitions: Column<DefinitionId, TaskDefinition>,
    pub(super) definition_names: Lookup<String, DefinitionId>,
    pub(super) definition_ports: Column<DefinitionId, PortSetId>,
    pub(super) family_groups: Column<DefinitionId, GroupId>,
    /// Key of each definition's image in the hosts' caches.
    pub(super) images: Column<DefinitionId, u32>,
    pub(super) group_names: Lookup<String, GroupId>,
    pub(super) port_sets: PortSets,
    pub(super) fleet: Fleet,
    pub(super) hosts: Column<InstanceId, Host>,
    pub(super) placer: Placer,
    /// Counts promises and releases, on Fargate too: equal versions mean an equal cluster.
    pub(super) fleet_version: u64,
    pub(super) last_refusal: LastRefusal,
    pub(super) tasks: Tasks,
    pub(super) next_task_id: u64,
    /// Tasks that are wanted and neither placed nor refused.
    pub(super) wanted: u64,
    pub(super) callers: Column<SourceId, Caller>,
    pub(super) api: Api,
    pub(super) parked: Vec<Option<Request>>,
    pub(super) free_parked: Vec<u32>,
    pub(super) control_at: SimTime,
    pub(super) fargate_sizes: FargateSizes,
    pub(super) fargate_zones: Vec<ZoneId>,
    pub(super) fargate_on_demand: ProviderId,
    /// CPU units of Fargate tasks by purchase option, for the account's quota.
    pub(super) fargate_cpu: [u64; 2],
    pub(super) fargate_spread: Lookup<(GroupId, ProviderId), Vec<u32>>,
    pub(super) stages: Stages,
    pub(super) capacity: Capacity,
    pub(super) spending: Spending,
    pub(super) fixed_rates: FixedRates,
    pub(super) services: Services,
    /// The tables of services.
    pub(super) tables: ServiceTables,
    /// Whether services are being put into their steady state, at time zero.
    pub(super) starts_settled: bool,
    /// Time zero on the calendar, seconds since 1970.
    pub(super) epoch_s: i64,
    pub(super) recorder: Recorder,
    pub(super) tally: Tally,
    pub(super) series: Series,
    pub(super) picture: FleetPicture,
    pub(super) picture_tasks: usize,
    pub(super) last_sample: Option<SimTime>,
    pub(super) digest: Digest,
    pub(super) streams: Vec<Box<dyn TaskStream + Send>>,
    heads: Vec<Option<TaskRow>>,
    next: Option<(SimTime, SourceId)>,
    /// Checks every book after every event.
    pub(super) checked: bool,
}

impl World {
    /// A world before time zero; [`World::begin`] brings it there.
    pub fn new(mut setup: Setup, inputs: Inputs, mut sinks: Sinks) -> World {
        let Inputs { tasks: streams, traffic, failures } = inputs;
        assert_eq!(setup.sources.len(), streams.len(), "each caller has a stream");
        let mut names = names_of(&setup);
        let instances = std::mem::take(&mut setup.instances);
        let (fleet, capacity, prices) = fleet_of(instances, &setup, &mut names);
        let mut port_sets = PortSets::default();
        let definition_ports =
            setup.definitions.iter().map(|d| port_sets.intern(d.ports.clone())).collect();
        let purchases: Column<ProviderId, Purchase> =
            setup.providers.iter().map(|p| p.purchase).collect();
        let spending = Spending::new(&setup.fargate, purchases, prices);
        let fixed_rates = spending.fixed_rates(&fleet);
        let placement = setup.seed.stream(Purpose::Placement, "default");
        let placer = Placer::new(&fleet, setup.tie_break, placement);
        let host = Host { waiting: None, images: Vec::new() };
        let seed = setup.seed;
        let mut world = World {
            name: setup.name,
            seed,
            horizon: setup.horizon,
            sample_interval: setup.sample_interval,
            limits: setup.limits,
            zone_count: setup.zones.len(),
            definition_names: Lookup::new(),
            definition_ports,
            family_groups: Column::new(),
            images: Column::new(),
            group_names: Lookup::new(),
            port_sets,
            hosts: fleet.ids().map(|_| host.clone()).collect(),
            placer,
            fleet_version: 0,
            last_refusal: LastRefusal::default(),
            tasks: Tasks::default(),
            next_task_id: 0,
            wanted: 0,
            callers: Column::new(),
            api: Api::new(&setup.limits),
            parked: Vec::new(),
            free_parked: Vec::new(),
            control_at: SimTime::NEVER,
            fargate_sizes: FargateSizes::of(setup.fargate.sizes),
            fargate_zones: setup.fargate.zones,
            fargate_on_demand: fargate_on_demand(&setup.providers),
            fargate_cpu: [0; 2],
            fargate_spread: Lookup::new(),
            stages: stages_of(&setup.latencies, seed),
            capacity,
            spending,
            fixed_rates,
            services: Services::new(
                setup.sources.len(),
                setup.scheduler,
                setup.metric_delays,
                failures,
            ),
            tables: ServiceTables::new(&mut sinks),
            starts_settled: false,
            epoch_s: setup.epoch_s,
            recorder: Recorder::new(sinks, names, setup.sample_interval),
            tally: Tally::default(),
            series: Series::default(),
            picture: FleetPicture::default(),
            picture_tasks: 0,
            last_sample: None,
            digest: Digest::default(),
            heads: Vec::new(),
            next: None,
            checked: false,
            providers: setup.providers,
            definitions: setup.definitions,
            fleet,
            streams,
        };
        world.know_definitions();
        world.know_callers(setup.sources);
        world.know_services(setup.services, traffic);
        world
    }

    /// Time zero: the first rows, the tasks of services, the first sample.
    ///
    /// # Errors
    /// The first row of a trace cannot be read.
    pub fn begin(&mut self, queue: &mut Queue<Event>) -> Result<(), RunError> {
        for index in 0..self.streams.len() {
            let row = self.streams[index].next_row()?;
            self.heads.push(row);
        }
        self.find_next();
        self.start_services(queue)?;
        queue.schedule(SimTime::ZERO, Class::Sample, Event::Sample);
        Ok(())
    }

    /// Compares all books after every event, and every placement with the slow one: for tests, and on request.
    pub fn check_every_event(&mut self) {
        self.checked = true;
        self.placer.shadow();
    }

    fn know_definitions(&mut self) {
        let mut images: Vec<&str> = Vec::new();
        let mut keys = Column::new();
        for definition in self.definitions.iter() {
            let known = images.iter().position(|image| *image == definition.image);
            let key = known.unwrap_or_else(|| {
                images.push(&definition.image);
                images.len() - 1
            });
            keys.push(u32::try_from(key).expect("fewer than 2^32 images"));
        }
        self.images = keys;
        for definition in self.definitions.ids() {
            let of = &self.definitions[definition];
            let (family, revision, demand) = (of.family.clone(), of.revision, of.demand);
            let group = self.group(&format!("family:{family}"));
            self.family_groups.push(group);
            self.definition_names.insert(format!("{family}:{revision}"), definition);
            // A family without revision means its newest: definitions come in order of revision.
            self.definition_names.insert(family, definition);
            if !self.fleet.is_empty() && demand != Default::default() {
                self.capacity.knows_size(SimTime::ZERO, demand, &self.fleet);
            }
        }
    }

    fn know_callers(&mut self, sources: Column<SourceId, super::setup::SourceSetup>) {
        for setup in sources.iter().cloned() {
            let launch = match &setup.launch {
                Launch::Type(launch) => *launch,
                Launch::Providers(shares) => {
                    shares.first().map_or(LaunchType::Ec2, |s| self.providers[s.provider].launch)
                }
                Launch::Start(_) => LaunchType::Ec2,
            };
            let group = setup.group.clone().map(|name| self.group(&name));
            self.callers.push(Caller {
                launch,
                queue: Default::default(),
                named: self.named_instances(&setup.launch),
                turn: 0,
                wanted: 0,
                durations: self.seed.family(Purpose::Duration, &setup.name),
                jitter: self.seed.family(Purpose::Retry, &setup.name),
                rules: Rules::over(self.definitions.ids()),
                group,
                held: false,
                setup,
            });
        }
        for source in self.callers.ids() {
            if self.callers[source].launch == LaunchType::Ec2 {
                self.compile_rules(source);
            }
        }
    }

    /// The earliest head among the streams; the lower caller first at equal instants.
    fn find_next(&mut self) {
        let heads = self.heads.iter().enumerate();
        let arrivals = heads.filter_map(|(i, head)| head.as_ref().map(|row| (row.arrival, i)));
        self.next = arrivals.min().map(|(at, index)| (at, SourceId::from_index(index)));
    }

    fn dispatch(&mut self, event: Event, queue: &mut Queue<Event>) -> Result<(), RunError> {
        match event {
            Event::Attached(slot) | Event::Prepared(slot) | Event::Running(slot)
                if self.tasks[slot].status == TaskStatus::Stopping =>
            {
                self.execution_stopped(slot, queue) // it was asked to stop before it ran
            }
            Event::Attached(slot) => self.attached(slot, queue),
            Event::Prepared(slot) => self.activate_on_fargate(slot, queue),
            Event::Running(slot) => self.running(slot, queue),
            Event::Exit(slot) => self.exit(slot, queue),
            Event::ExecutionStopped(slot) => self.execution_stopped(slot, queue),
            Event::Detached(slot) => self.stopped(slot, queue),
            Event::Retry(parked) => self.retry(parked, queue),
            Event::Gate(gate) => self.gate_opens(usize::from(gate), queue),
            Event::Control => self.control(queue),
            Event::Sample => self.sample(queue),
            Event::Health(slot) => self.health_changes(slot, queue),
            Event::Deregistered(slot) => self.deregistered(slot, queue),
            Event::Reconcile(service) => self.reconcile(service, queue),
            Event::Update(service) => self.update_service(service, queue),
            Event::ScalingAction(service) => self.scaling_action(service, queue),
            Event::Tick(tick) => self.tick(tick, queue),
            Event::Failure => self.failure_strikes(queue),
        }
    }

    /// The event as two words of the digest: its kind and whom it concerns, by numbers that do not depend on
    /// how memory is reused.
    fn note(&mut self, at: SimTime, event: Event) {
        let (kind, whom) = match event {
            Event::Attached(slot) => (1, self.tasks[slot].id),
            Event::Prepared(slot) => (2, self.tasks[slot].id),
            Event::Running(slot) => (3, self.tasks[slot].id),
            Event::Exit(slot) => (4, self.tasks[slot].id),
            Event::ExecutionStopped(slot) => (5, self.tasks[slot].id),
            Event::Detached(slot) => (6, self.tasks[slot].id),
            Event::Retry(parked) => {
                (7, self.parked[parked as usize].as_ref().map_or(0, |request| request.first_id))
            }
            Event::Gate(gate) => (8, u64::from(gate)),
            Event::Control => (9, 0),
            Event::Health(slot) => (10, self.tasks[slot].id),
            Event::Deregistered(slot) => (11, self.tasks[slot].id),
            Event::Reconcile(service) => (12, u64::from(service.0)),
            Event::Update(service) => (13, u64::from(service.0)),
            Event::ScalingAction(service) => (14, u64::from(service.0)),
            Event::Tick(tick) => (15, tick as u64),
            Event::Failure => (0, 0),
            Event::Sample => return, // samples observe: with another interval the digest is the same
        };
        self.digest.add(at.0);
        self.digest.add(whom << 4 | kind);
    }
}

impl Model for World {
    type Event = Event;
    type Error = RunError;

    #[inline]
    fn next_arrival(&mut self) -> Result<Option<SimTime>, RunError> {
        Ok(self.next.map(|(at, _)| at))
    }

    fn arrive(&mut self, queue: &mut Queue<Event>) -> Result<(), RunError> {
        let (at, source) = self.next.expect("an arrival was announced");
        let row = self.heads[source.index()].take().expect("the head of the stream is there");
        self.digest.add(at.0);
        self.digest.add(self.next_task_id << 4);
        self.request_row(source, row, queue)?;
        self.heads[source.index()] = self.streams[source.index()].next_row()?;
        self.find_next();
        if self.checked {
            self.check(queue.now());
        }
        Ok(())
    }

    fn handle(
        &mut self,
        _class: Class,
        event: Event,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        self.note(queue.now(), event);
        self.dispatch(event, queue)?;
        if self.checked {
            self.check(queue.now());
        }
        Ok(())
    }

    fn is_idle(&self) -> bool {
        self.horizon.is_none() && self.tasks.is_empty() && (self.wanted == 0 || self.is_stuck())
    }
}

/// The provider of RunTask with launch type FARGATE; of no use where there is none.
fn fargate_on_demand(providers: &Column<ProviderId, ProviderSetup>) -> ProviderId {
    let mut all = providers.enumerate();
    all.find(|(_, p)| p.launch == LaunchType::Fargate && p.purchase == Purchase::OnDemand)
        .map_or(ProviderId(0), |(id, _)| id)
}

/// The fixed fleets, with their books.
fn fleet_of(
    instances: Vec<InstanceSetup>,
    setup: &Setup,
    names: &mut Names,
) -> (Fleet, Capacity, Column<InstanceId, Price>) {
    let mut fleet = Fleet::new();
    let mut capacity = Capacity::new(setup.providers.iter().map(|p| p.largest));
    let mut prices = Column::new();
    for instance in instances {
        names.places.push(place_fields(names, &instance.registration));
        let id = fleet.register(instance.registration);
        prices.push(instance.price);
        capacity.registered(SimTime::ZERO, id, &fleet);
    }
    (fleet, capacity, prices)
}

fn names_of(setup: &Setup) -> Names {
    let revision = |d: &TaskDefinition| field(&format!("{}:{}", d.family, d.revision));
    Names {
        sources: setup
            .sources
            .iter()
            .map(|source| field(&source.name))
            .chain(setup.services.iter().map(|service| field(&service.name)))
            .collect(),
        groups: Column::new(),
        definitions: setup.definitions.iter().map(revision).collect(),
        providers: setup.providers.iter().map(|provider| field(&provider.name)).collect(),
        zones: setup.zones.iter().map(|zone| field(zone)).collect(),
        places: Column::new(),
    }
}

fn place_fields(names: &Names, instance: &Registration) -> Box<[u8]> {
    let (provider, zone) = (&names.providers[instance.provider], &names.zones[instance.zone]);
    [&b"EC2"[..], provider, zone, &field(&instance.name)].join(&b',').into_boxed_slice()
}

fn stages_of(latencies: &super::setup::Latencies, seed: Seed) -> Stages {
    let stage = |distribution: &Distribution, purpose, name: &str| {
        Latency::new(distribution.clone(), seed.family(purpose, name))
    };
    Stages {
        eni_attach: stage(&latencies.eni_attach, Purpose::EniAttach, "ec2"),
        eni_detach: stage(&latencies.eni_detach, Purpose::EniDetach, "ec2"),
        ec2_start: stage(&latencies.ec2_start, Purpose::ContainerStart, "ec2"),
        ec2_pull: stage(&latencies.ec2_pull_mib_per_s, Purpose::ImagePull, "ec2"),
        stop: stage(&latencies.container_stop, Purpose::ContainerStop, "all"),
        fargate_eni: stage(&latencies.fargate_eni, Purpose::EniAttach, "fargate"),
        fargate_prepare: stage(&latencies.fargate_prepare, Purpose::FargatePrepare, "fargate"),
        fargate_pull: stage(&latencies.fargate_pull_mib_per_s, Purpose::ImagePull, "fargate"),
        fargate_start: stage(&latencies.fargate_start, Purpose::ContainerStart, "fargate"),
        fargate_eni_detach: stage(&latencies.fargate_eni_detach, Purpose::EniDetach, "fargate"),
    }
}
