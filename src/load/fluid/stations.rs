//! The stations of one cost, kept for the services that share it.

use super::view::Views;
use crate::load::queueing::Station;
use crate::load::work::Cost;

/// Stations that were needed so far: a service often goes back to where it was.
#[derive(Default)]
pub(in crate::load) struct Stations {
    pub list: Vec<(StationKey, Station)>,
    pub views: Views,
}

/// CPU thousandths, percent of the cost, workers, tasks.
type StationKey = (u32, u32, Option<u32>, u64);

impl Stations {
    pub fn find(
        &mut self,
        cost: &Cost,
        cpu: u32,
        percent: u32,
        workers: Option<u32>,
        tasks: u64,
    ) -> usize {
        let key = (cpu, percent, workers, tasks);
        if let Some(index) = self.list.iter().position(|(known, _)| *known == key) {
            return index;
        }
        self.list.push((key, Station::new(cost, cpu, percent, workers, tasks)));
        self.list.len() - 1
    }
}
