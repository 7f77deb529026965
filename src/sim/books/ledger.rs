//! Counters and series of a service, for tables and reports only.

use super::rows::field;
use crate::base::hint::ask_for;
use crate::base::money::NanoUsd;
use crate::base::time::{SimSpan, SimTime};
use crate::metrics::elasticity::ElasticityMeter;
use crate::metrics::series::ServiceSeries;
use crate::metrics::service::{Mark, RequestTotals};
use crate::model::scaling::{MetricValue, ScalingMetric};
use crate::model::traffic::WorkKind;
use crate::sim::setup::ServiceSetup;
use std::collections::BTreeMap;

/// Counters and series of a service, for tables and reports only. In the order written here: what a minute looks at lies
/// together.
#[repr(C)]
pub struct Ledger {
    /// Tasks against need.
    pub elasticity: ElasticityMeter,
    /// What one target could answer when there was one, millionths a second.
    pub per_target: u64,
    /// Target of its first target tracking policy over CPU.
    pub cpu_target: Option<MetricValue>,
    /// Requests dropped up to the last minute that was looked at, and the end of the last one in which there were any.
    pub drops: (u64, Option<SimTime>),
    /// Name.
    pub title: String,
    /// The same as a CSV field.
    pub name: Box<[u8]>,
    /// Whether it takes messages.
    pub is_queue: bool,
    /// The same over memory.
    pub memory_target: Option<MetricValue>,
    /// Tasks that reached RUNNING.
    pub tasks_started: u64,
    /// Tasks that crashed, did not start, or failed health checks.
    pub tasks_failed: u64,
    /// Of these, crashed.
    pub crashes: u64,
    /// Of these, killed for their memory.
    pub out_of_memory: u64,
    /// Containers that were started again in place.
    pub restarts: u64,
    /// Scale-outs and scale-ins.
    pub scaling: [u64; 2],
    /// Deployments completed and failed.
    pub deployments: [u64; 2],
    /// Σ of the costs of its stopped tasks.
    pub usd: NanoUsd,
    /// When each event was last told, for repeated ones.
    told: BTreeMap<&'static str, SimTime>,
    /// Marks for charts.
    pub marks: Vec<Mark>,
    /// Samples.
    pub series: ServiceSeries,
    /// At the sample before.
    pub last: Option<(SimTime, RequestTotals, u128, u128)>,
}

impl Ledger {
    /// Asks memory for what a minute looks at.
    pub fn look_ahead(&self) {
        ask_for(&self.cpu_target);
        ask_for(&self.elasticity);
        ask_for(&self.per_target);
        ask_for(&self.drops);
    }

    /// What makes the ledger of one of so many services.
    pub fn one_of(services: usize) -> impl Fn(&ServiceSetup) -> Ledger {
        move |setup| Ledger::new(setup, services)
    }

    /// Nothing has happened.
    fn new(setup: &ServiceSetup, services: usize) -> Ledger {
        let target_of = |metric: ScalingMetric| {
            let mut all = setup.scaling.iter().flat_map(|scaling| &scaling.target_tracking);
            all.find(|policy| policy.metric == metric).map(|policy| policy.target)
        };
        Ledger {
            title: setup.name.clone(),
            name: field(&setup.name),
            is_queue: setup.work.as_ref().is_some_and(|w| w.kind == WorkKind::Messages),
            cpu_target: target_of(ScalingMetric::Cpu),
            memory_target: target_of(ScalingMetric::Memory),
            tasks_started: 0,
            tasks_failed: 0,
            crashes: 0,
            out_of_memory: 0,
            restarts: 0,
            scaling: [0; 2],
            deployments: [0; 2],
            usd: NanoUsd::ZERO,
            told: BTreeMap::new(),
            marks: Vec::new(),
            series: ServiceSeries::of(services),
            elasticity: ElasticityMeter::default(),
            drops: (0, None),
            per_target: 0,
            last: None,
        }
    }

    /// Whether a warning may be told: not again within `repeat`. Remembers that it was.
    pub fn may_tell(&mut self, event: &'static str, now: SimTime, repeat: SimSpan) -> bool {
        if self.told.get(event).is_some_and(|&last| now.since(last) < repeat) {
            return false;
        }
        self.told.insert(event, now);
        true
    }

    /// The service is steady: whatever comes next is news.
    pub fn forget_what_was_told(&mut self) {
        self.told.clear();
    }
}
