//! How long tasks must wait on a fleet that stays as it is.
//!
//! Let the quantile q of the waits be x. Of the tasks that arrive in a stretch all but so many as may wait longer are placed
//! by x after the last of them, and each then holds what it asked for at least as long as it works. All of that fits between
//! the first arrival of the stretch and x + the latest end that there would be without any wait: it is at most the room of
//! the fleet times this time. So x is at least what is missing. The tasks that may wait longer are taken to be the largest.

use crate::base::time::{SimSpan, SimTime};
use crate::model::arrival::TaskStream;
use crate::scenario::Scenario;
use crate::sim::setup::OnFailure;

/// Most tasks that are looked at.
const MOST: usize = 200_000;
/// Stretches begin and end at this many places.
const PLACES: usize = 12;
/// Metrics of waiting, and the share of the tasks that wait no longer, per mille.
const QUANTILES: [(&str, usize); 5] = [
    ("wait_s_p50", 500),
    ("wait_s_p90", 900),
    ("wait_s_p95", 950),
    ("wait_s_p99", 990),
    ("wait_s_max", 1_000),
];
/// Quantiles come from a histogram: what it says may be this share of the value.
const ROUNDING: f64 = 0.95;

/// A task.
#[derive(Clone, Copy)]
struct Task {
    arrival: u64,
    end: u64,
    cpu: u128,
    memory: u128,
}

/// A stretch of arrivals under one quantile.
#[derive(Clone, Copy)]
struct Stretch {
    metric: &'static str,
    /// From the first arrival to the latest end without waiting, microseconds.
    length: u64,
    /// CPU units times microseconds of all tasks that may not wait longer.
    cpu: u128,
    /// MiB times microseconds.
    memory: u128,
}

/// The tasks of a run, as stretches.
#[derive(Clone, Default)]
pub struct Arrivals(Vec<Stretch>);

/// Reads all tasks of a run, and the last arrival before `horizon`. `None` within where not all is known of them; `None`
/// where a row cannot be read.
pub fn read(
    scenario: &Scenario,
    streams: &mut [Box<dyn TaskStream + Send>],
    horizon: SimTime,
) -> Option<(Option<Arrivals>, SimTime)> {
    let setup = &scenario.setup;
    let mut is_known = setup.horizon.is_none();
    let (mut tasks, mut last) = (Vec::new(), SimTime::ZERO);
    for (source, stream) in setup.sources.iter().zip(streams) {
        is_known &= source.on_failure == OnFailure::Queue && source.member_of.is_empty();
        let definition = &setup.definitions[source.definition];
        while let Some(row) = stream.next_row().ok()? {
            if row.arrival >= horizon {
                break;
            }
            last = last.max(row.arrival);
            is_known &= row.definition.is_none() && row.gpus.is_none();
            is_known &= row.duration.is_some() || source.duration.is_constant();
            if !is_known || tasks.len() + row.count as usize > MOST {
                is_known = false;
                continue;
            }
            let given = row.duration.unwrap_or(SimSpan::from_secs_f64(source.duration.least()));
            let length = source.stop_after.map_or(given, |most| given.min(most)).0;
            let cpu = u128::from(row.cpu.unwrap_or(definition.demand.cpu)) * u128::from(length);
            let memory = row.memory.unwrap_or(definition.demand.memory);
            let memory = u128::from(memory) * u128::from(length);
            let (arrival, end) = (row.arrival.0, row.arrival.0 + length);
            tasks.extend((0..row.count).map(|_| Task { arrival, end, cpu, memory }));
        }
    }
    tasks.sort_by_key(|task| task.arrival);
    let arrivals = (is_known && !tasks.is_empty()).then(|| Arrivals(stretches(&tasks)));
    Some((arrivals, last))
}

/// Stretches between a few places, for every quantile.
fn stretches(tasks: &[Task]) -> Vec<Stretch> {
    let places: Vec<usize> = (0..=PLACES).map(|place| place * tasks.len() / PLACES).collect();
    let mut all = Vec::new();
    for (at, from) in places.iter().enumerate() {
        for to in places[at + 1..].iter().filter(|to| *to > from) {
            let some = &tasks[*from..*to];
            let end = some.iter().map(|task| task.end).max().unwrap_or(0);
            let length = end - some[0].arrival;
            let mut cpu: Vec<u128> = some.iter().map(|task| task.cpu).collect();
            let mut memory: Vec<u128> = some.iter().map(|task| task.memory).collect();
            cpu.sort_unstable();
            memory.sort_unstable();
            for (metric, per_mille) in QUANTILES {
                // Of all tasks, wherever they are, so many may wait longer; one more for the rounding of ranks.
                let longer = match per_mille {
                    1_000 => 0,
                    _ => tasks.len() * (1_000 - per_mille) / 1_000 + 1,
                };
                let kept = some.len().saturating_sub(longer);
                let sum = |sorted: &[u128]| sorted[..kept].iter().sum::<u128>();
                all.push(Stretch { metric, length, cpu: sum(&cpu), memory: sum(&memory) });
            }
        }
    }
    all
}

impl Arrivals {
    /// The least of a metric where the fleet holds so many CPU units and MiB, seconds; `None` for other metrics.
    pub fn least_wait_s(&self, metric: &str, (cpu, memory): (u64, u64)) -> Option<f64> {
        QUANTILES.iter().find(|(name, _)| *name == metric)?;
        let needed = |of: &Stretch| {
            let cpu = of.cpu as f64 / cpu as f64;
            let memory = of.memory as f64 / memory as f64;
            cpu.max(memory) - of.length as f64
        };
        let all = self.0.iter().filter(|of| of.metric == metric);
        let most = all.map(needed).fold(0.0, f64::max);
        most.is_finite().then_some(most / 1e6 * ROUNDING)
    }
}
