//! From what was answered without a backlog to latencies: since the start, and since somebody asked.

use super::Fluid;
use super::flows::Flow;
use super::library::lock;
use super::quiet::Book;
use super::returns::Tries;
use super::waits::spread;
use crate::load::latency::{Asker, LatencySummary};

impl Fluid {
    pub fn take_latency(&mut self, asker: Asker) -> LatencySummary {
        if self.latency.is_asked() {
            (0..self.flows.len()).for_each(|index| self.flush(index, Book::Recent));
        }
        if !self.latency.is_asked_by(asker) {
            (0..self.flows.len()).for_each(|index| self.flush(index, Book::Total));
            self.tell_latencies();
        }
        self.latency.take(asker)
    }

    /// Hands on what a flow answered without a backlog since the last time: what is of the whole run to those who share
    /// its view, where the receive at which messages are done with does not matter, and all else to the latencies.
    pub(super) fn flush(&mut self, index: usize, book: Book) {
        let Fluid { flows, answered, cost, rules, latency, setup, stations, .. } = self;
        let flow = &mut flows[index];
        let quiet = if book == Book::Total { &flow.total } else { &flow.recent };
        if quiet.is_empty() {
            return;
        }
        let (views, stage) = (&mut lock(stations).views, &setup.library.stage);
        if flow.view.is_none() {
            flow.view = views.find(flow, rules, cost, setup, &mut lock(stage));
        }
        let Some(view) = flow.view else { return };
        let most = rules.timeout.0 as f64;
        let Flow { total, recent, tries, .. } = flow;
        if book == Book::Total && tries.are_alike() {
            total.take().for_each(|(step, weight)| answered.add(view, step, weight));
            return;
        }
        let quiet = if book == Book::Total { total } else { recent };
        for (step, weight) in quiet.take() {
            let profile = views.profile(view, step, stage);
            spread((&profile, tries), weight, |_| 0.0, most, book, latency);
        }
    }

    /// The latencies of what was answered without a backlog, as far as flows have handed it on. To be told before the
    /// stations become others: views are theirs.
    pub(super) fn tell_latencies(&mut self) {
        let Fluid { answered, rules, latency, setup, stations, .. } = self;
        let (views, most) = (&mut lock(stations).views, rules.timeout.0 as f64);
        for ((view, step), weight) in answered.take() {
            let profile = views.profile(view, step, &setup.library.stage);
            spread((&profile, &Tries::default()), weight, |_| 0.0, most, Book::Total, latency);
        }
    }
}
