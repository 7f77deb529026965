//! Which cell comes next: the longest, as far as is known.

use super::Cell;
use crate::model::traffic::Fidelity;
use crate::model::workload::Workload;
use crate::scenario::Scenario;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of a row of a trace, compressed or not, to the nearest order of magnitude.
const ROW_BYTES: u64 = 40;
/// Minutes that a scenario without an end is taken to last.
const MINUTES_WITHOUT_END: u64 = 1_440;

/// How long a run of some settings may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Load {
    /// What [`foreseen`] says.
    pub foreseen: u64,
    /// Events of a run under another seed, where there was one.
    pub measured: Option<u64>,
}

/// A rough guess of the work in a scenario, for nothing but the order of runs: rows of tasks, and minutes of services.
#[must_use]
pub fn foreseen(scenario: &Scenario) -> u64 {
    let tasks = scenario.workloads.iter().map(|workload| match workload {
        Workload::Trace(trace) => {
            let rows = trace.path.metadata().map_or(0, |meta| meta.len()) / ROW_BYTES;
            rows.min(trace.limit.unwrap_or(u64::MAX))
        }
        Workload::Generated(of) => {
            // A float that is negative, not a number or too large becomes the nearest whole one.
            let rows = (of.rate.per_second * of.until.to_secs_f64()) as u64;
            rows.min(of.limit.unwrap_or(u64::MAX))
        }
    });
    let setup = &scenario.setup;
    let minutes = setup.horizon.map_or(MINUTES_WITHOUT_END, |end| end.0 / 60_000_000);
    let services = setup.services.iter().map(|service| {
        // Single requests are events, of which a minute has hundreds.
        let is_fine = service.work.as_ref().is_some_and(|w| w.fidelity == Fidelity::Requests);
        minutes.saturating_mul(if is_fine { 1_000 } else { 1 })
    });
    tasks.chain(services).fold(0, u64::saturating_add)
}

/// The cells that wait for a thread: first one of each settings, so that their work is known, then those with the most
/// work. So no long run begins when the others have ended.
pub(super) struct Queue {
    waiting: BTreeSet<Rank>,
    /// Where in the list of cells those of some settings are that wait, while nothing was measured.
    unmeasured: BTreeMap<usize, Vec<usize>>,
    loads: Vec<Load>,
}

/// Order of the queue: whether the work is known (and another cell of these settings has begun), most work first, then
/// the grid's own order.
type Rank = (bool, Reverse<u64>, usize);

impl Queue {
    /// All `cells` wait; `loads` is by number of the settings.
    pub(super) fn new(cells: &[Cell], loads: &[Load]) -> Queue {
        let mut queue =
            Queue { waiting: BTreeSet::new(), unmeasured: BTreeMap::new(), loads: loads.to_vec() };
        for (index, cell) in cells.iter().enumerate() {
            let load = loads.get(cell.settings).copied().unwrap_or_default();
            match load.measured {
                Some(events) => queue.waiting.insert((true, Reverse(events), index)),
                None => {
                    let others = queue.unmeasured.entry(cell.settings).or_default();
                    others.push(index);
                    queue.waiting.insert((others.len() > 1, Reverse(load.foreseen), index))
                }
            };
        }
        queue
    }

    /// Takes the next.
    pub(super) fn next(&mut self) -> Option<usize> {
        self.waiting.pop_first().map(|(_, _, index)| index)
    }

    /// A run of these settings had so many events.
    pub(super) fn learn(&mut self, settings: usize, events: u64) {
        let Some(cells) = self.unmeasured.remove(&settings) else { return };
        let foreseen = self.loads.get(settings).copied().unwrap_or_default().foreseen;
        for index in cells {
            let is_waiting = self.waiting.remove(&(true, Reverse(foreseen), index))
                || self.waiting.remove(&(false, Reverse(foreseen), index));
            if is_waiting {
                self.waiting.insert((true, Reverse(events), index));
            }
        }
    }
}
