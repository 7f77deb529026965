//! Who wins by how much, by load and by the share of the day in which the workload runs.

use super::{Cell, Kind, Said, cheapest};
use crate::experiment::statistics::Mean;

/// The study of a workload that runs for a share of each day.
#[derive(Clone, PartialEq, Debug)]
pub struct Day {
    /// The share, percent.
    pub percent: u32,
    /// The answer.
    pub cells: Vec<Cell>,
}

/// A place of the map.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Field<'a> {
    /// Share of the day, percent.
    pub percent: u32,
    /// Factor on the load.
    pub load: f64,
    /// Whether any variant counts, or only those where tasks start as soon and as surely as on Fargate.
    pub tasks_may_wait: bool,
    /// The cheapest.
    pub winner: &'a Cell,
    /// The cheapest of another kind, and how much the winner saves, percent of its bill, paired by seed.
    pub second: Option<(&'a Cell, Mean)>,
}

impl Field<'_> {
    /// Whether the seeds agree on who wins, as far as Student's 95 % interval tells; without a spread they do.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.second.is_none_or(|(_, saves)| saves.ends().0 > 0.0)
    }
}

/// The place of the map at a share and a load; nothing where no kind can run, or serve as well.
#[must_use]
pub fn field<'a>(
    day: &'a Day,
    kinds: &[Kind],
    load: f64,
    tasks_may_wait: bool,
) -> Option<Field<'a>> {
    let usd = |said: &Said| said.usd;
    let best = |&kind: &Kind| {
        let cell = cheapest(&day.cells, load, kind, !tasks_may_wait)?;
        Some((cell.mean(usd)?, cell))
    };
    let mut best: Vec<(f64, &Cell)> = kinds.iter().filter_map(best).collect();
    best.sort_by(|a, b| a.0.total_cmp(&b.0)); // stable: the kind that is named first
    let (_, winner) = *best.first()?;
    let second = best.get(1).and_then(|&(second_usd, second)| {
        let saves = second.estimate_with(winner, |second, winner| {
            100.0 * (second.usd - winner.usd) / second_usd
        })?;
        Some((second, saves))
    });
    Some(Field { percent: day.percent, load, tasks_may_wait, winner, second })
}
