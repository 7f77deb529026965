//! Tasks that a service wants and does not have a place for: each has waited since the look that wanted it first.
//!
//! A task that is placed fulfils the oldest wish; a lower desired count takes back the newest ones.

use crate::model::ids::ServiceId;
use crate::policy::service::Pass;
use crate::sim::books::Change;
use crate::sim::services::{Drive, Kind, Service};

impl Drive<'_> {
    /// The scheduler wants what these passes say. While the launch throttle holds they say less than it would like to
    /// have: then nothing new is wished for, and nothing is forgotten that is still missing.
    pub fn wish_for(&mut self, id: ServiceId, passes: &[Pass]) {
        let now = self.now();
        let service = &self.services.all[id];
        let started = passes.iter().flat_map(|pass| &pass.start);
        let mut wanted: u32 = started.clone().map(|(_, count)| count).sum();
        let unknown = service.crashed.iter().filter(|crashed| {
            crashed.at > now && started.clone().any(|&(of, _)| of == crashed.generation)
        });
        wanted = wanted.saturating_sub(unknown.count() as u32);
        if service.throttle.blocked_until(now).is_some() {
            wanted = wanted.max(missing(service).min(service.wishes.len() as u32));
        }
        self.wish(id, wanted);
    }

    /// So many tasks are wanted now and have no place yet.
    pub fn wish(&mut self, id: ServiceId, wanted: u32) {
        let now = self.now();
        let wishes = &mut self.services.all[id].wishes;
        let known = wishes.len() as u32;
        wishes.resize(wanted as usize, now);
        if wanted > known {
            self.tasks.wanted += u64::from(wanted - known);
            self.books.saw(Change::Wanted(wanted - known));
        } else if wanted < known {
            self.tasks.wanted -= u64::from(known - wanted);
            self.books.saw(Change::Unwanted(known - wanted));
        }
    }
}

/// Tasks that a service may lack: of the newest revision while it is rolled out, of each set otherwise.
fn missing(service: &Service) -> u32 {
    let is_rolling = service.deployments.iter().all(|of| matches!(of.kind, Kind::Rolling));
    let counted =
        service.deployments.iter().filter(|of| !is_rolling || of.generation == service.generation);
    counted.map(|of| of.wants(service.desired).saturating_sub(of.tasks())).sum()
}
