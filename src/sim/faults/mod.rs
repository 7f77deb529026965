//! Hosts and zones that fail: who is struck when, what is done about it, when they are back.
//!
//! | File | Its part |
//! | --- | --- |
//! | `mod.rs` | the state: faults, instances that are out, what is due |
//! | `strike.rs` | victims are found and struck |
//! | `zone.rs` | a whole zone is out, and back |
//! | `fargate.rs` | Fargate takes tasks back, and has none to give |
//! | `blackouts.rs` | registries of images and metrics are out |
//! | `incidents.rs` | what became of it, for `incidents.csv` |
//! | `after.rs` | ECS and groups notice; the host comes back, or another one does |
//!
//! A host that is out *stands still* or is *silent* until somebody reacts: its tasks are RUNNING for ECS, and hold what
//! they hold. They are lost when the instance is terminated, or when it comes back from its reboot.

mod after;
mod blackouts;
mod fargate;
mod incidents;
mod strike;
mod zone;

use super::event::Event;
use super::fleet::Supply;
use super::setup::InstanceSetup;
use crate::base::id::{Column, Id as _};
use crate::base::random::{Family, Purpose, Seed, Stream};
use crate::base::time::{SimSpan, SimTime};
use crate::engine::Class;
use crate::model::arrival::RowCounts;
use crate::model::fault::{Fault, FaultKind, Trigger, Victims};
use crate::model::fleet::{Fleet, InstanceStatus};
use crate::model::ids::{InstanceId, ProviderId, ZoneId};
use std::collections::BTreeMap;

/// Something that is due.
#[derive(Clone, Copy, Debug)]
enum Due {
    /// A fault at its instant.
    Strike { fault: usize },
    /// A fault on an instance of its own: its n-th draw.
    Hazard { fault: usize, instance: InstanceId, number: u64 },
    /// The next outage of a trace.
    Outage { fault: usize, next: usize },
    /// ECS knows that the agent is gone.
    Silent(Spell),
    /// The fault is found, and reacted to.
    Found(Spell),
    /// The fault is over.
    Over(Spell),
    /// A machine of a fixed fleet is there again.
    Returns { was: InstanceId },
    /// A registry or metrics are out.
    BlackoutBegins { blackout: usize },
    /// They are there again.
    BlackoutEnds { incident: usize },
    /// A zone is back.
    ZoneOver { zone: ZoneId, incident: usize },
}

/// One fault of one instance, from beginning to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Spell {
    instance: InstanceId,
    number: u64,
}

/// An instance that is out.
#[derive(Clone, Copy, Debug)]
struct Out {
    number: u64,
    fault: usize,
    kind: FaultKind,
    /// When it is over; `NEVER`: not by itself.
    until: SimTime,
    /// Which draw of the fault's it was.
    draw: u64,
    incident: usize,
}

/// All that goes wrong with hosts.
pub struct Faults {
    list: Vec<Fault>,
    /// What is due, by the number in its event.
    due: Vec<Due>,
    free: Vec<u32>,
    out: BTreeMap<InstanceId, Out>,
    spells: u64,
    /// What is still to come of those that are out: until then nobody is stuck.
    pending: u32,
    draws: Vec<Family>,
    dice: Vec<Stream>,
    /// The first instances, and what each instance that came back was at first.
    kinds: Vec<InstanceSetup>,
    origins: BTreeMap<InstanceId, (usize, u32)>,
    /// Who sits where: machines of a trace are seats.
    seats: Vec<InstanceId>,
    /// What became of the outages of each trace.
    counts: Vec<Option<RowCounts>>,
    /// Zones that are out, and until when.
    zones: BTreeMap<ZoneId, SimTime>,
    blackouts: Vec<blackouts::Blackout>,
    incidents: incidents::Incidents,
    failed_in_incidents: [u64; 2],
    /// Failures at an instant that found nobody to strike.
    missed: u64,
}

/// The host stood still already.
const ALREADY_OUT: &str = "the instance was out already";
/// More machines in the trace than instances.
const NO_INSTANCE: &str = "no instance for the machine";

impl Faults {
    /// The faults of a setup; `instances` are those at the beginning, `name` says what a provider is called and `zones`
    /// what zones are.
    #[must_use]
    pub fn new(
        list: Vec<Fault>,
        instances: &[InstanceSetup],
        stream: impl Fn(ProviderId) -> String,
        zones: &Column<ZoneId, String>,
        seed: Seed,
    ) -> Faults {
        let names = names(&list, stream, zones);
        let is_trace = |fault: &Fault| matches!(fault.trigger, Trigger::Trace(_));
        let kinds = if list.is_empty() { Vec::new() } else { instances.to_vec() };
        Faults {
            due: Vec::new(),
            free: Vec::new(),
            out: BTreeMap::new(),
            spells: 0,
            pending: 0,
            draws: names.iter().map(|name| seed.family(Purpose::Fault, name)).collect(),
            dice: names.iter().map(|name| seed.stream(Purpose::Fault, name)).collect(),
            kinds,
            origins: BTreeMap::new(),
            seats: Vec::new(),
            zones: BTreeMap::new(),
            blackouts: Vec::new(),
            incidents: incidents::Incidents::default(),
            failed_in_incidents: [0; 2],
            missed: 0,
            counts: list.iter().map(|f| is_trace(f).then(RowCounts::default)).collect(),
            list,
        }
    }

    /// Whether nothing can go wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && self.blackouts.is_empty()
    }

    /// What may come back: one of each of the first instances, where any of them can.
    pub fn may_come_back(&self) -> impl Iterator<Item = &InstanceSetup> {
        let returns =
            |fault: &Fault| fault.lasts.is_some() || matches!(fault.trigger, Trigger::Trace(_));
        self.kinds.iter().filter(move |_| self.list.iter().any(returns))
    }

    /// Which launched instances never register, each with its draws.
    pub fn at_launches(&self) -> impl Iterator<Item = (&Fault, Family)> {
        let all = self.list.iter().zip(self.draws.iter().copied());
        all.filter(|(fault, _)| matches!(fault.trigger, Trigger::Launch(_)))
    }

    /// Whether something is still to come of an instance that is out.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.pending > 0
    }

    /// What became of the outages of each trace, in the order of the setup.
    pub fn counts(&self) -> impl Iterator<Item = &RowCounts> {
        self.counts.iter().flatten()
    }

    fn has_seats(&self) -> bool {
        self.counts.iter().any(Option::is_some)
    }

    /// An instance sits down where one has gone, or beside the others.
    fn sits_down(&mut self, instance: InstanceId, fleet: &Fleet) {
        if !self.has_seats() {
            return;
        }
        let provider = fleet.provider[instance];
        let is_vacant = |&seat: &InstanceId| {
            fleet.provider[seat] == provider && fleet.status[seat] == InstanceStatus::Inactive
        };
        match self.seats.iter().position(is_vacant) {
            Some(at) => self.seats[at] = instance,
            None => self.seats.push(instance),
        }
    }

    /// Who sits on the n-th seat of a provider, or of all.
    fn on_seat(&self, n: usize, of: Option<ProviderId>, fleet: &Fleet) -> Option<InstanceId> {
        let own = |seat: &&InstanceId| of.is_none_or(|of| fleet.provider[**seat] == of);
        self.seats.iter().filter(own).nth(n).copied()
    }

    /// Failures at an instant that found nobody to strike.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// Whether an instance is the one of this name, or has come back in its place.
    fn is_called(&self, instance: InstanceId, name: &str, fleet: &Fleet) -> bool {
        let first = |&(kind, _): &(usize, u32)| self.kinds[kind].registration.name == name;
        fleet.name[instance] == name || self.origins.get(&instance).is_some_and(first)
    }

    /// The first instance behind this one, and how often it has come back.
    fn origin(&self, instance: InstanceId) -> (usize, u32) {
        self.origins.get(&instance).copied().unwrap_or((instance.index(), 0))
    }
}

/// What the random streams of faults are called: after what fails and whom it strikes, so that another fault before or
/// after leaves them as they are; the n-th of the same after its number.
fn names(
    list: &[Fault],
    stream: impl Fn(ProviderId) -> String,
    zones: &Column<ZoneId, String>,
) -> Vec<String> {
    let mut known: BTreeMap<String, u32> = BTreeMap::new();
    let mut names = Vec::new();
    for fault in list {
        let when = match fault.trigger {
            Trigger::At(_) => "at",
            Trigger::Each(_) => "each",
            Trigger::Launch(_) => "launch",
            Trigger::Trace(_) => "trace",
        };
        let whom = match &fault.victims {
            Victims::Named(name) => format!("instance {name}"),
            Victims::Random(of, _) => of.map_or("all".into(), |of| format!("of {}", stream(of))),
            Victims::Zone(zone) => format!("zone {}", zones[*zone]),
        };
        let of = format!("{} {when} {whom}", fault.kind.name());
        let times = known.entry(of.clone()).or_default();
        names.push(format!("{of} {times}"));
        *times += 1;
    }
    names
}

/// Hosts fail: what this room may touch.
pub struct Mishap<'a> {
    /// Instances of groups, and all that they may touch.
    pub supply: Supply<'a>,
    /// The faults.
    pub faults: &'a mut Faults,
}

impl Mishap<'_> {
    fn now(&self) -> SimTime {
        self.supply.now()
    }

    fn schedule(&mut self, at: SimTime, class: Class, due: Due) {
        let faults = &mut *self.faults;
        faults.pending += u32::from(is_aftermath(due));
        let slot = match faults.free.pop() {
            Some(slot) => {
                faults.due[slot as usize] = due;
                slot
            }
            None => {
                faults.due.push(due);
                (faults.due.len() - 1) as u32
            }
        };
        self.supply.drive.queue.schedule(at, class, Event::Fault(slot));
    }

    fn schedule_after(&mut self, span: SimSpan, class: Class, due: Due) {
        // What follows from an event comes after it.
        self.schedule(self.now() + SimSpan(span.0.max(1)), class, due);
    }
}

/// Whether it follows from a fault that has struck.
fn is_aftermath(due: Due) -> bool {
    match due {
        Due::Strike { .. } | Due::Hazard { .. } | Due::Outage { .. } => false,
        Due::BlackoutBegins { .. } | Due::BlackoutEnds { .. } => false, // no instance waits for it
        _ => true,
    }
}
