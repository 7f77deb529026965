//! The end of a run: those who still live are written, the bill is closed, the summary is drawn up.

mod allocation;
mod moved;
mod side;

use super::books::commitments::{commitment_metrics, invoice_metrics};
use super::books::outputs::Sinks;
use super::books::task_rows::STILL_WAITS;
use super::event::RunError;
use super::fleet;
use super::setup::{Inputs, Setup};
use super::summary;
use super::task::Place;
use super::world::World;
use super::world::meter::meter;
use crate::base::id::Column;
use crate::base::money::{HourlyRate, NanoUsd};
use crate::base::time::{SimSpan, SimTime};
use crate::engine::{self, Outcome, Pulse, Queue};
use crate::metrics::capacity::Capacity;
use crate::metrics::capacity_track::{InstanceLife, ReservationTrack};
use crate::metrics::histogram::SpanHistogram;
use crate::metrics::incident::{Incident, incident_metrics};
use crate::metrics::picture::FleetPicture;
use crate::metrics::series::Stretch;
use crate::metrics::service::ServiceReport;
use crate::metrics::service_summary::service_metrics;
use crate::metrics::summary::Summary;
use crate::model::arrival::RowCounts;
use crate::model::fleet::{Fleet, Registration};
use crate::model::group::{EndCause, LaunchCause};
use crate::model::ids::{InstanceId, ProviderId, ServiceId};
use crate::model::lifecycle::TaskStatus;
use crate::model::platform::Purchase;
use crate::pricing::allocation::Allocated;
use crate::pricing::{HourlyBill, Invoice, Invoiced, Price, Settlement, Terms};

/// What a run leaves behind, beside the tables that it has streamed out.
pub struct RunResult {
    /// How it ended.
    pub outcome: Outcome,
    /// When it ended: the horizon, or the last event.
    pub end: SimTime,
    /// Events handled, arrivals and samples included.
    pub events: u64,
    /// Digest of all events but samples, in order.
    pub digest: u64,
    /// Digest of what came from outside: arrivals, rates, failures. Filled in by whoever opened the inputs.
    pub input_digest: u64,
    /// All metrics.
    pub summary: Summary,
    /// The bill, after private discounts.
    pub invoice: Invoice,
    /// The same by category and in the currency, where private discounts or a currency are given.
    pub invoiced: Option<Invoiced>,
    /// What came of commitments, where usage was kept by the hour.
    pub settlement: Option<Settlement>,
    /// The bill by the hour, likewise.
    pub by_hour: Option<HourlyBill>,
    /// Whose all of it is, where somebody asked for it.
    pub allocation: Option<Vec<Allocated>>,
    /// Samples, thinned, for charts.
    pub series: Vec<Stretch>,
    /// From acceptance to placement, or to the end of the run.
    pub waits: SpanHistogram,
    /// From acceptance to RUNNING.
    pub starts: SpanHistogram,
    /// The fleet at the sample with most tasks on it; [`FleetPicture`] says how close to the maximum it is.
    pub picture: FleetPicture,
    /// The fleet at the end, for `instances.csv`.
    pub fleet: Fleet,
    /// What was promised on each instance.
    pub capacity: Capacity,
    /// What each instance cost.
    pub instance_costs: Column<InstanceId, NanoUsd>,
    /// How each instance was bought.
    pub purchases: Column<InstanceId, Purchase>,
    /// Since when each instance was in a warm pool, and what it cost there.
    pub in_pool: Column<InstanceId, Option<(SimTime, NanoUsd)>>,
    /// Why each instance came, and why it went where it did.
    pub causes: Column<InstanceId, (LaunchCause, Option<EndCause>)>,
    /// The version of the launch template that each instance has, where it is of an Auto Scaling group.
    pub templates: Column<InstanceId, Option<u32>>,
    /// For how long a single task kept each instance, by the minute; zero without managed scaling.
    pub lonely: Column<InstanceId, SimSpan>,
    /// Instances that were launched and had not registered when they or the run ended.
    pub unregistered: Vec<Unregistered>,
    /// The lives of instances of Auto Scaling groups, where somebody will draw.
    pub lives: Vec<InstanceLife>,
    /// The metric of each provider with managed scaling, likewise.
    pub reservations: Vec<ReservationTrack>,
    /// The capacity providers as they were set up.
    pub providers: Column<ProviderId, super::setup::ProviderSetup>,
    /// What became of the rows that were read.
    pub rows: InputRows,
    /// Every service, in the order of the setup.
    pub services: Vec<ServiceReport>,
    /// What failed, and what came of it; empty without failures of instances.
    pub incidents: Vec<Incident>,
}

/// An instance that was launched and never registered.
#[derive(Clone, Debug)]
pub struct Unregistered {
    /// What it was to become; `registered_at` means nothing.
    pub registration: Registration,
    /// When its launch was asked for.
    pub launched: SimTime,
    /// When its bill began; `NEVER` where it never ran.
    pub running: SimTime,
    /// When it ended; `NEVER` where it was on its way when the run ended.
    pub ended: SimTime,
    /// How it was bought.
    pub purchase: Purchase,
    /// Why it was launched.
    pub cause: LaunchCause,
    /// Why it ended.
    pub end: Option<EndCause>,
    /// What it cost.
    pub usd: NanoUsd,
    /// Since when it was in a warm pool, and what it cost there.
    pub in_pool: Option<(SimTime, NanoUsd)>,
    /// The version of its launch template, where it is of an Auto Scaling group.
    pub template: Option<u32>,
}

/// What became of the rows of a run's inputs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct InputRows {
    /// Of each caller, in the order of the setup.
    pub tasks: Vec<RowCounts>,
    /// Of each service's traffic, in the order of the setup; `None` for one without work.
    pub traffic: Vec<Option<RowCounts>>,
    /// Of each trace of failures, in the order of the scenario; whoever opens them fills this in.
    pub failures: Vec<RowCounts>,
    /// Of each trace of a Spot market, likewise.
    pub markets: Vec<RowCounts>,
    /// What became of the outages of each trace of machines, in the order of the setup's faults.
    pub outages: Vec<RowCounts>,
}

/// How a run is watched.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Shows how far the run is, and ends it early when asked; the result is then of no use.
    pub pulse: &'a Pulse,
    /// Compare all books after every event.
    pub check_every_event: bool,
}

/// Runs `setup` to its end.
///
/// # Errors
/// A trace that cannot be read, a task that can never be placed, an output that cannot be written.
pub fn run(
    setup: Setup,
    inputs: impl Into<Inputs>,
    sinks: Sinks,
    watch: Watch<'_>,
) -> Result<RunResult, RunError> {
    let mut queue = Queue::new();
    let terms = setup.terms.clone();
    let mut world = World::new(setup, inputs.into(), sinks);
    if watch.check_every_event {
        world.check_every_event();
    }
    world.begin(&mut queue)?;
    let horizon = world.rules.horizon;
    let last = horizon.unwrap_or(SimTime::NEVER);
    let (outcome, events) = engine::run(&mut world, &mut queue, last, watch.pulse)?;
    // Without a horizon the run ends with its last event; samples that were still to come do not count.
    let end = horizon.unwrap_or_else(|| queue.now());
    debug_assert!(queue.now() <= end, "nothing happened after the end");
    meter(&mut world, end, true)?;
    finish(world, (outcome, events), end, &terms)
}

/// The books of a world whose last event has been handled.
fn finish(
    mut world: World,
    (outcome, events): (Outcome, u64),
    end: SimTime,
    terms: &Terms,
) -> Result<RunResult, RunError> {
    // What only observes moves no metric but its own.
    let events = events - world.books.samples;
    world.flow().finish_services(end)?;
    if world.books.last_sample.is_none_or(|last| last < end) {
        world.sample(end)?;
    }
    world.check(end);
    world.time_the_line(end);
    write_living(&mut world, end)?;
    write_waiting(&mut world, end)?;
    world.cluster.finish(end);
    let instance_costs = bill_instances(&mut world, end);
    let unregistered = bill_unregistered(&mut world, end);
    let launching: NanoUsd = unregistered.iter().map(|one| one.usd).sum();
    let instances = instance_costs.iter().copied().sum::<NanoUsd>() + launching;
    let causes = world.cluster.fleet().ids().map(|id| world.groups.causes(id)).collect();
    let template = |id| world.groups.behind(id).and_then(|id| world.groups.template_of(id));
    let templates = world.cluster.fleet().ids().map(template).collect();
    let in_pool = world.cluster.fleet().ids().map(|id| world.groups.in_pool(id, end)).collect();
    let lonely = world.cluster.fleet().ids().map(|id| world.groups.lonely(id)).collect();
    let purchases = books_of_purchases(&world);
    let lives = if world.books.recorder.picture {
        world.groups.lives(world.cluster.fleet())
    } else {
        Vec::new()
    };
    let reservations = world.groups.reservations();
    let names = world.books.services.iter().map(|ledger| ledger.title.clone()).collect();
    let (mut closed, beside) = side::close(&mut world, &names, end);
    let invoiced = terms.apply(&mut closed);
    let (allocation, invoice) = (allocation::close(&world, &closed), closed.invoice);
    let rows = input_rows(&mut world);
    let fails = !world.faults.is_empty() || world.fargate.market.is_some();
    let incidents = world.faults.close(&world.services);
    let mut services = world.flow().service_reports(end);
    let has_commitments = closed.settlement.as_ref().is_some_and(|of| !of.reports.is_empty());
    if beside.is_some() || invoiced.is_some() || has_commitments {
        charge(&mut services, &invoice);
    }
    let mut summary = summary::of(&world, &invoice, instances, end, events);
    summary.add(beside.into_iter().flatten());
    summary.add(closed.settlement.iter().flat_map(commitment_metrics));
    summary.add(invoiced.iter().flat_map(invoice_metrics));
    if fails {
        let (failed, missed) = (world.faults.failed_in_incidents(), world.faults.missed());
        summary.0.extend(incident_metrics(&incidents, failed, missed));
    }
    summary.0.extend(service_metrics(&services, invoice.total()));
    world.books.close_tables()?;
    let World { books, cluster, rules, .. } = world;
    let (fleet, capacity) = cluster.into_parts();
    Ok(RunResult {
        outcome,
        end,
        events,
        digest: books.digest.value(),
        input_digest: 0,
        summary,
        invoice,
        invoiced,
        settlement: closed.settlement,
        by_hour: closed.by_hour,
        allocation,
        series: books.series.points(),
        waits: books.recorder.waits,
        starts: books.recorder.starts,
        picture: books.picture,
        fleet,
        capacity,
        instance_costs,
        in_pool,
        causes,
        templates,
        lonely,
        purchases,
        unregistered,
        lives,
        reservations,
        providers: rules.providers,
        rows,
        services,
        incidents,
    })
}

/// Charges services what is on the bill: until here they were charged list prices, and only compute.
fn charge(services: &mut [ServiceReport], invoice: &Invoice) {
    let mut sums = invoice.sum_by(|line| line.service.clone());
    services.iter_mut().for_each(|of| of.usd = sums.remove(&of.name).unwrap_or_default());
}

/// What each instance cost, its time in a warm pool included; the bill has all promises from here on.
fn bill_instances(world: &mut World, end: SimTime) -> Column<InstanceId, NanoUsd> {
    world.books.spending.settle_promises();
    allocation::measured(world, end);
    let fleet = world.cluster.fleet();
    let mut costs = world.books.spending.bill_instances(end, fleet);
    for id in fleet.ids() {
        let machine = world.groups.behind(id);
        costs[id] += machine.map_or(NanoUsd::ZERO, |m| world.groups.billed_in_pool(m));
    }
    costs
}

/// What became of the rows that were read.
fn input_rows(world: &mut World) -> InputRows {
    world.arrivals.end();
    for id in world.services.all.ids() {
        if let Some(load) = &mut world.services.all[id].load {
            load.end_of_traffic();
        }
    }
    let traffic = world.services.all.iter().map(|service| service.load.as_ref());
    InputRows {
        tasks: world.arrivals.counts().cloned().collect(),
        traffic: traffic.map(|load| load.map(|load| load.counts().clone())).collect(),
        failures: Vec::new(),
        markets: Vec::new(),
        outages: world.faults.counts().cloned().collect(),
    }
}

/// Tasks that live on: a row each in order of id, and their part of the bill.
fn write_living(world: &mut World, end: SimTime) -> Result<(), RunError> {
    let World { rules, cluster, tasks, books, .. } = world;
    for task in tasks.by_id() {
        let definition = &rules.definitions[task.definition];
        let mut task = task.clone();
        // What was only planned has not happened.
        if task.pull_stopped >= end {
            task.pull_stopped = SimTime::NEVER;
        }
        if let Some(instance) = task.instance().filter(|_| task.holds_promise()) {
            cluster.still_promised(end, task.placed, instance, task.demand);
        }
        if task.status == TaskStatus::Provisioning {
            books.tally.interface_micros += u128::from(end.since(task.placed).0);
        }
        if let Place::Waiting(place) = task.place
            && let Some(spans) = tasks.line.waited(task.provider, place)
        {
            books.tally.has_waited(&spans);
            books.recorder.tasks.waited(task.id, spans);
        }
        if task.waits() {
            books.recorder.waits.add(end.since(task.accepted)); // as those that wait elsewhere
        }
        books.task_lives_on(end, &task, definition, cluster.fleet())?;
    }
    Ok(())
}

/// Tasks that still wait for placement: a row each, in order of id. What they have waited so far is counted: a fleet that
/// is stuck must not report the shortest waits of all.
fn write_waiting(world: &mut World, end: SimTime) -> Result<(), RunError> {
    let mut waiting: Vec<_> = world.callers.waiting().cloned().collect();
    waiting.sort_by_key(|request| request.first_id);
    for mut request in waiting {
        request.accepted = world.callers.accepted(&request, end);
        world.books.recorder.still_waits(&request, end);
        let tasks = &mut world.books.recorder.tasks;
        tasks.unplaced(&request, STILL_WAITS, SimTime::NEVER)?;
    }
    let ids: Vec<ServiceId> = world.services.all.ids().collect();
    for id in ids {
        while !world.services.all[id].wishes.is_empty() {
            let generation = world.services.all[id].generation;
            let (request, _) = world.look_at_services().ask_for_member(id, generation, end);
            world.services.all[id].wishes.pop_front();
            world.services.all[id].tasks_so_far += 1;
            world.tasks.next_id += 1;
            world.books.recorder.still_waits(&request, end);
            world.books.recorder.tasks.unplaced(&request, STILL_WAITS, SimTime::NEVER)?;
        }
    }
    Ok(())
}

/// Instances that never registered: those that ran are on the bill, too.
fn bill_unregistered(world: &mut World, end: SimTime) -> Vec<Unregistered> {
    let World { groups, books, .. } = world;
    let bill = |of: fleet::Unregistered<'_>| {
        let machine = of.machine;
        let kind = of.kind;
        let mut usd = groups.billed_in_pool(of.id);
        if machine.running < end {
            let ran = (machine.running, machine.ended.min(end));
            let free = Price::Fixed(HourlyRate::default());
            let price = if machine.is_free { &free } else { of.price };
            let (provider, price) = (kind.provider, (groups.bought(of.id), price, kind.zone));
            let kind = (kind.instance_type.as_str(), machine.reservation);
            usd += books.spending.bill_unregistered(provider, kind, price, ran);
        }
        Unregistered {
            registration: Registration { name: of.name, ..kind.clone() },
            launched: machine.launched,
            running: machine.running,
            ended: machine.ended,
            purchase: groups.bought(of.id),
            cause: machine.cause,
            end: machine.end,
            usd,
            in_pool: machine.pool.map(|pool| (pool.since, groups.warm_usd(of.id, end))),
            template: groups.template_of(of.id),
        }
    };
    groups.unregistered().map(bill).collect()
}

/// How each instance was bought.
fn books_of_purchases(world: &World) -> Column<InstanceId, Purchase> {
    let fleet = world.cluster.fleet();
    let own = |id: InstanceId| world.rules.providers[fleet.provider[id]].purchase;
    fleet.ids().map(|id| world.groups.purchase_of(id, own(id))).collect()
}
