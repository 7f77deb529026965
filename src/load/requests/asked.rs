//! What only some ask of single requests: what a task needs, how long an answer takes.

use super::{Requests, mul_div};
use crate::base::time::SimSpan;
use crate::model::traffic::MICRO;

/// Requests a vCPU up to which a task is busy and not behind.
const CROWD: u64 = 8;

impl Requests {
    pub fn demand_cpu_millis(&mut self, task: u64) -> u32 {
        let Some(&index) = self.index.get(&task) else { return 0 };
        let station = self.stations[index].as_ref().expect("known stations live");
        let rate = self.arrivals.rate() as f64 / 1e6;
        let share = match &self.connections {
            Some(book) => rate * book.share_of(task),
            None if station.is_draining => 0.0,
            None => rate / self.serving.max(1) as f64,
        };
        let each = share * self.cost.cpu * f64::from(station.target.cost_percent) / 100.0;
        let central = self.central.len() / self.serving.max(1);
        let waiting = (station.queue.len() + central) as u64 * 1_000;
        // A busy task has some requests that share its CPU; more of them are a backlog (assumed).
        let crowd = u64::from(station.target.cpu_millis).saturating_mul(CROWD);
        let waiting = waiting + (station.sharing * 1_000).saturating_sub(crowd);
        let millis = (each * 1_000.0).ceil() as u64 + waiting;
        let most = self.work.workers.map_or(u64::MAX, |w| u64::from(w) * 1_000);
        u32::try_from(millis.min(most)).unwrap_or(u32::MAX)
    }

    /// How long those that are here take; `None` where nobody serves.
    fn time_to_answer_all(&mut self) -> Option<SimSpan> {
        let capacity = self.capacity_micro_per_s();
        let is_served = capacity > 0;
        is_served.then(|| SimSpan(mul_div(self.slab.alive() * MICRO, 1_000_000, capacity)))
    }

    /// Time of a request with nobody else there.
    pub(super) fn alone(&self) -> SimSpan {
        SimSpan::from_secs_f64(self.cost.cpu + self.cost.io)
    }

    pub fn response_estimate(&mut self) -> SimSpan {
        let Some(by_queue) = self.time_to_answer_all() else { return self.work.timeout };
        by_queue.max(self.alone()).min(self.work.timeout)
    }
}
