//! What services have in common: requests of equal cost have equal sizes and meet equal queueing stations, which are
//! worked out once for all services of a run.

use super::stations::Stations;
use super::view::Stage;
use crate::base::distribution::Distribution;
use crate::load::bounds::Bounds;
use crate::load::work::Cost;
use crate::model::traffic::Work;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Costs and stations that are shared by the loads of one run. Clones share, too.
#[derive(Clone, Default)]
pub struct Library {
    shelves: Arc<Mutex<Vec<Shelf>>>,
    /// Rehearsals, which services of different cost may share.
    pub(in crate::load) stage: Arc<Mutex<Stage>>,
    /// How much they may hold and count.
    pub(in crate::load) bounds: Bounds,
}

/// All that is known about one cost.
#[derive(Clone)]
struct Shelf {
    key: (Distribution, Distribution),
    cost: Arc<Cost>,
    stations: Arc<Mutex<Stations>>,
}

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Library")
    }
}

/// Nothing panics while it holds the lock but for a bug, which ends the run anyway.
pub(in crate::load) fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Library {
    /// The same one for a service that may have `most_alive` requests at once where each is simulated by itself.
    #[must_use]
    pub fn within(&self, most_alive: u64) -> Library {
        Library { bounds: self.bounds.clone().within(most_alive), ..self.clone() }
    }

    /// The cost of this work, and its stations.
    pub(in crate::load) fn find(&self, work: &Work) -> (Arc<Cost>, Arc<Mutex<Stations>>) {
        let mut shelves = lock(&self.shelves);
        let is_same = |shelf: &&Shelf| shelf.key.0 == work.cpu_ms && shelf.key.1 == work.io_ms;
        if let Some(shelf) = shelves.iter().find(is_same) {
            return (shelf.cost.clone(), shelf.stations.clone());
        }
        let shelf = Shelf {
            key: (work.cpu_ms.clone(), work.io_ms.clone()),
            cost: Arc::new(Cost::of(work)),
            stations: Arc::default(),
        };
        shelves.push(shelf.clone());
        (shelf.cost, shelf.stations)
    }
}
