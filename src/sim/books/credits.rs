//! CPU credits of burstable instances, from the CPU that tasks use on them.
//!
//! What is used is added up as tasks come and go, and credits are settled every [`PERIOD`]: exactly, as long as use is even
//! within it. Instances that nobody uses are passed over, and earn for all that time at once when they are looked at again:
//! without use the result does not depend on how time is cut. Nothing here is asked for where no instance has credits.

use crate::base::id::{Column, Id as _};
use crate::base::money::HourlyRate;
use crate::base::time::{SimSpan, SimTime};
use crate::metrics::summary::{Metric, Value};
use crate::model::fleet::Fleet;
use crate::model::ids::{InstanceId, ProviderId, SourceId};
use crate::pricing::credits::{CreditAccount, CreditMode, Credits};
use crate::pricing::side::{SideCost, SideKey, SideUsage};
use crate::sim::setup::{CreditTerms, CreditsSetup, Setup};
use crate::sim::task::{Slot, Task};

/// Credits are settled so often, at full five minutes of the clock: as often as CloudWatch shows them (documented).
pub const PERIOD: SimSpan = SimSpan::from_secs(300);

/// When an instance ran before it was stopped in a warm pool.
pub type Warmed = (SimTime, SimTime);

/// What tasks use on an instance.
#[derive(Clone, Copy, Debug, Default)]
struct Use {
    /// CPU units of the tasks whose use is not simulated.
    units: u64,
    /// They are added up until then.
    since: SimTime,
    held: Credits,
    /// What requests have used.
    worked: Credits,
}

impl Use {
    fn upto(&mut self, now: SimTime) {
        self.held += Credits::of_units(self.units, now.since(self.since));
        self.since = now;
    }

    /// Whether nobody has used the instance since its credits were settled.
    fn is_none(&self) -> bool {
        self.units == 0 && self.held == Credits::ZERO && self.worked == Credits::ZERO
    }
}

/// A burstable instance.
#[derive(Clone, Debug)]
struct Host {
    id: InstanceId,
    provider: ProviderId,
    terms: CreditTerms,
    account: CreditAccount,
    /// Settled until then.
    since: SimTime,
    /// Whether nobody has used it from then until all were settled last.
    was_passed_over: bool,
    /// Charged, and less than can be billed.
    rest: Credits,
    was_denied: bool,
}

/// What became of standard instances.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CreditTotals {
    /// Burstable instances.
    pub instances: u64,
    /// Those that had no credits left when they were wanted.
    pub exhausted: u64,
    /// CPU that tasks used though their instance would have been held at its baseline, vCPU-microseconds.
    pub denied_micros: u128,
    /// What unlimited instances owed at the end and were not charged for, vCPU-microseconds.
    pub owed_micros: u128,
}

/// The credits of a run's instances.
#[derive(Clone, Debug)]
pub struct CreditBooks {
    setup: CreditsSetup,
    /// Which providers may have burstable instances.
    bursts: Column<ProviderId, bool>,
    /// Whose tasks have work that is simulated: callers, then services.
    works: Column<SourceId, bool>,
    /// Burstable instances that run, in order.
    hosts: Vec<Host>,
    /// What is used on each instance, by its number.
    uses: Vec<Use>,
    /// Instances that were looked at.
    known: usize,
    /// All were settled until then.
    settled: SimTime,
    /// Of tasks with work, by slot: which task, and its CPU when it was looked at last, nanoseconds.
    seen: Vec<(u64, u128)>,
    totals: CreditTotals,
    denied: Credits,
}

impl CreditBooks {
    /// Nothing used yet; `None` where no credits are counted.
    #[must_use]
    pub fn new(setup: &Setup) -> Option<CreditBooks> {
        let own = setup.bill.as_ref()?.credits.clone()?;
        let bursts = |provider| own.terms.keys().any(|(of, _)| *of == provider);
        let callers = setup.sources.iter().map(|_| false);
        let works = callers.chain(setup.services.iter().map(|service| service.work.is_some()));
        Some(CreditBooks {
            bursts: setup.providers.ids().map(bursts).collect(),
            works: works.collect(),
            setup: own,
            hosts: Vec::new(),
            uses: Vec::new(),
            known: 0,
            settled: SimTime::ZERO,
            seen: Vec::new(),
            totals: CreditTotals::default(),
            denied: Credits::ZERO,
        })
    }

    /// Where a task uses credits, if it does.
    #[must_use]
    pub fn host(&self, task: &Task) -> Option<InstanceId> {
        task.instance().filter(|_| self.bursts[task.provider])
    }

    /// A task of which only is known what it holds is RUNNING, or its containers have exited.
    pub fn task_holds(&mut self, task: &Task, now: SimTime, begins: bool) {
        let has_run = task.started != SimTime::NEVER;
        let Some(host) = self.host(task).filter(|_| has_run && !self.works[task.source]) else {
            return;
        };
        let used = self.used_on(host);
        used.upto(now);
        let units = u64::from(task.demand.cpu);
        used.units = if begins { used.units + units } else { used.units.saturating_sub(units) };
    }

    /// The CPU that a task's requests have used since it became a target; `leaves`: it is none from now on.
    pub fn task_works(
        &mut self,
        (slot, task): (Slot, u64),
        host: InstanceId,
        nanos: u128,
        leaves: bool,
    ) {
        let index = slot.0 as usize;
        if self.seen.len() <= index {
            self.seen.resize(index + 1, (u64::MAX, 0));
        }
        let kept = if leaves { 0 } else { nanos };
        let (of, before) = std::mem::replace(&mut self.seen[index], (task, kept));
        let before = if of == task { before } else { 0 };
        // One that left and came back counts anew.
        self.burns(host, nanos.checked_sub(before).unwrap_or(nanos));
    }

    fn used_on(&mut self, host: InstanceId) -> &mut Use {
        if self.uses.len() <= host.index() {
            self.uses.resize(host.index() + 1, Use::default());
        }
        &mut self.uses[host.index()]
    }

    /// CPU was used on an instance, nanoseconds.
    pub fn burns(&mut self, host: InstanceId, nanos: u128) {
        self.used_on(host).worked += Credits::of_nanos(nanos);
    }

    /// Settles up to `now`. `warmed`: when an instance ran before it was stopped in a warm pool.
    pub fn settle(
        &mut self,
        now: SimTime,
        fleet: &Fleet,
        usage: &mut SideUsage,
        warmed: impl Fn(InstanceId) -> Option<Warmed>,
    ) {
        self.meet(fleet, usage, warmed);
        self.uses.resize(self.uses.len().max(fleet.len()), Use::default());
        let (mut charges, mut have_gone) = (Charges::default(), false);
        for host in &mut self.hosts {
            let gone = fleet.deregistered_at[host.id];
            let used = &mut self.uses[host.id.index()];
            if gone > now && used.is_none() {
                host.was_passed_over = true;
                continue;
            }
            host.was_idle_until(self.settled);
            let until = gone.min(now);
            used.upto(until.max(used.since));
            let held = std::mem::take(&mut used.held).percent(self.setup.used_percent);
            let wanted = held + std::mem::take(&mut used.worked);
            let spent = host.account.run(until.since(host.since), wanted);
            let mut charged = spent.charged;
            if spent.denied > Credits::ZERO {
                self.totals.exhausted += u64::from(!host.was_denied);
                host.was_denied = true;
                self.denied += spent.denied;
            }
            if gone <= now {
                charged += host.account.stop();
                have_gone = true;
            }
            host.charge(charged, &mut charges, usage);
            host.since = until;
        }
        charges.put(usage);
        self.settled = now;
        if have_gone {
            self.hosts.retain(|host| fleet.deregistered_at[host.id] > now);
        }
    }

    /// Opens an account for each instance that has come.
    fn meet(
        &mut self,
        fleet: &Fleet,
        usage: &mut SideUsage,
        warmed: impl Fn(InstanceId) -> Option<Warmed>,
    ) {
        for index in self.known..fleet.len() {
            let id = InstanceId::from_index(index);
            let provider = fleet.provider[id];
            if !self.bursts[provider] {
                continue;
            }
            let key = (provider, fleet.instance_type[id].clone());
            let Some(&terms) = self.setup.terms.get(&key) else { continue };
            let mut account = CreditAccount::new(terms.kind, terms.mode);
            let since = fleet.running_at[id];
            if since == SimTime::ZERO {
                account.fill(self.setup.first_percent);
            }
            let mut charged = Credits::ZERO;
            if let Some((from, until)) = warmed(id).filter(|(_, until)| *until <= since) {
                account.run(until.since(from), Credits::ZERO);
                charged = account.stop();
                account.start(since.since(until));
            }
            let mut host = Host {
                id,
                provider,
                terms,
                account,
                since,
                was_passed_over: false,
                rest: Credits::ZERO,
                was_denied: false,
            };
            let mut charges = Charges::default();
            host.charge(charged, &mut charges, usage);
            charges.put(usage);
            self.hosts.push(host);
            self.totals.instances += 1;
        }
        self.known = fleet.len();
    }

    /// What became of it all.
    #[must_use]
    pub fn totals(&self) -> CreditTotals {
        let unlimited = |host: &&Host| host.terms.mode == CreditMode::Unlimited;
        let owes = |host: &Host| {
            let mut host = host.clone();
            host.was_idle_until(self.settled);
            host.account.surplus()
        };
        let owed: Credits = self.hosts.iter().filter(unlimited).map(owes).sum();
        CreditTotals {
            denied_micros: self.denied.vcpu_micros().0,
            owed_micros: owed.vcpu_micros().0,
            ..self.totals
        }
    }
}

impl Host {
    /// All were settled at `at`; one that was passed over earns for its time until then.
    fn was_idle_until(&mut self, at: SimTime) {
        if std::mem::take(&mut self.was_passed_over) {
            self.account.run(at.since(self.since), Credits::ZERO);
            self.since = at;
        }
    }

    /// Puts what is charged on the bill, in the hour that the stretch before it began in.
    fn charge(&mut self, charged: Credits, charges: &mut Charges, usage: &mut SideUsage) {
        if charged == Credits::ZERO {
            return;
        }
        let (micros, rest) = (self.rest + charged).vcpu_micros();
        self.rest = rest;
        let line = (self.provider, self.terms.family, self.terms.rate, usage.hour_of(self.since));
        if charges.line != Some(line) {
            charges.put(usage);
            charges.line = Some(line);
        }
        charges.micros += micros;
    }
}

/// Charges of one line and hour that come one after the other: the line is looked up once for all of them.
#[derive(Default)]
struct Charges {
    line: Option<(ProviderId, &'static str, HourlyRate, usize)>,
    micros: u128,
}

impl Charges {
    /// Puts them on the bill.
    fn put(&mut self, usage: &mut SideUsage) {
        let Some((provider, family, rate, hour)) = self.line.take() else { return };
        let (provider, item) = (Some(provider), family.to_string());
        let key = SideKey { provider, cost: SideCost::CpuCredits, item, rate, service: None };
        usage.put(key, hour, std::mem::take(&mut self.micros));
    }
}

/// What became of CPU credits, where burstable instances have run.
#[must_use]
pub fn credit_metrics(totals: &CreditTotals) -> Vec<Metric> {
    if totals.instances == 0 {
        return Vec::new();
    }
    let metric = |name: &'static str, unit, meaning, value| Metric {
        name: name.into(),
        unit,
        meaning,
        section: "Cost",
        value,
    };
    let hours = |micros: u128| Value::Ratio(micros as f64 / 3.6e9);
    let exhausted =
        "standard instances of the T families that had no CPU credits when tasks wanted some";
    let denied = "CPU that tasks used though such an instance would have been held at its baseline: the run does not slow them";
    let owed = "CPU that unlimited instances had borrowed at the end; not on the bill, and paid back by idle time";
    vec![
        metric("cpu_credits_exhausted", "instances", exhausted, Value::Count(totals.exhausted)),
        metric("cpu_credits_denied_vcpu_h", "vCPU-h", denied, hours(totals.denied_micros)),
        metric("cpu_credits_owed_vcpu_h", "vCPU-h", owed, hours(totals.owed_micros)),
    ]
}
