//! Requests answered without a backlog, by the utilisation at which they were: their latencies follow from the
//! formulas whenever somebody wants to know them, so that a steady minute costs one addition.

use crate::base::hint::ask_for_row;
use crate::load::latency::LatencyMeter;
use smallvec::SmallVec;

/// Steps of utilisation: 1/32 wide below a half, finer and finer towards 1, where latency changes fastest. Within a
/// step the middle stands for all (error of the mean: at most 0.1 % below 0.9 and 2 % at 0.98, if a whole step is
/// used evenly).
pub(super) const STEPS: usize = 96;

/// Where each range of steps begins, how many steps a whole has there, and the number of its first step.
const RANGES: [(f64, f64, usize); 5] =
    [(0.0, 32.0, 0), (0.5, 64.0, 16), (0.75, 128.0, 32), (0.875, 256.0, 48), (0.9375, 512.0, 64)];

/// The step of a utilisation.
#[inline]
fn step_of(rho: f64) -> usize {
    let range = RANGES.iter().rev().find(|range| rho >= range.0).unwrap_or(&RANGES[0]);
    (range.2 + ((rho - range.0).max(0.0) * range.1) as usize).min(STEPS - 1)
}

/// The middle of a step.
pub(super) fn middle(step: usize) -> f64 {
    let range = RANGES.iter().rev().find(|range| step >= range.2).unwrap_or(&RANGES[0]);
    range.0 + ((step - range.2) as f64 + 0.5) / range.1
}

/// From where to where a step reaches, the end not included.
fn reach_of(step: usize) -> (f64, f64) {
    let range = RANGES.iter().rev().find(|range| step >= range.2).unwrap_or(&RANGES[0]);
    let low = range.0 + (step - range.2) as f64 / range.1;
    (low, if step + 1 == STEPS { f64::INFINITY } else { low + 1.0 / range.1 })
}

/// Answers in a row at one step of utilisation, which often is that of the next minutes, too.
pub(in crate::load) struct Run {
    reach: (f64, f64),
    weight: u64,
}

impl Run {
    /// None.
    pub const EMPTY: Run = Run { reach: (0.0, 0.0), weight: 0 };

    /// `weight` requests more were answered at this utilisation; hands over those before, with theirs, where they belong to
    /// another step.
    #[inline]
    pub fn add(&mut self, rho: f64, weight: u64) -> Option<(f64, u64)> {
        if self.reach.0 <= rho && rho < self.reach.1 {
            self.weight += weight;
            return None;
        }
        let before = self.end();
        *self = Run { reach: reach_of(step_of(rho)), weight };
        before
    }

    /// Those that were not handed over.
    pub fn end(&self) -> Option<(f64, u64)> {
        (self.weight > 0).then_some((self.reach.0, self.weight))
    }
}

/// Weights of requests by step of utilisation: few steps, since flows are made anew whenever targets come or go.
#[derive(Default)]
pub(in crate::load) struct Quiet {
    /// Ascending by step.
    weights: SmallVec<[(u32, u64); 3]>,
    /// Place of the step of the last answers, which is that of the next ones as a rule.
    last: usize,
}

impl Quiet {
    /// `weight` requests were answered at this utilisation.
    #[inline]
    pub fn add(&mut self, rho: f64, weight: u64) {
        let step = step_of(rho) as u32;
        match self.weights.get_mut(self.last) {
            Some(last) if last.0 == step => last.1 += weight,
            _ => self.add_at(step, weight),
        }
    }

    fn add_at(&mut self, step: u32, weight: u64) {
        self.last = self.weights.partition_point(|&(other, _)| other < step);
        match self.weights.get_mut(self.last) {
            Some(known) if known.0 == step => known.1 += weight,
            _ => self.weights.insert(self.last, (step, weight)),
        }
    }

    /// Nothing was answered since it was handed on.
    pub fn is_empty(&self) -> bool {
        self.weights.iter().all(|&(_, weight)| weight == 0)
    }

    /// Hands everything on: how much was answered at which step.
    pub fn take(&mut self) -> impl Iterator<Item = (usize, u64)> {
        self.weights.drain(..).map(|(step, weight)| (step as usize, weight))
    }
}

/// Weights of requests by where their latencies come from and by step of utilisation: the latencies of a whole run are
/// worked out when somebody wants to know them.
#[derive(Default)]
pub(in crate::load) struct Answered {
    /// Ascending by view and step.
    weights: Vec<((u32, u32), u64)>,
    /// Place of the last ones: the next are near, since targets come and go a few at a time.
    last: usize,
}

/// How many places from the last one are looked at before all are: what lies together is asked of memory at once.
const NEAR: usize = 4;

impl Answered {
    /// `weight` requests of a view were answered at a step.
    pub fn add(&mut self, view: usize, step: usize, weight: u64) {
        let key = (view as u32, step as u32); // there are not more views than kinds of targets
        let from = self.last.saturating_sub(NEAR).min(self.weights.len());
        let near = &self.weights[from..self.weights.len().min(self.last + NEAR)];
        let is_near =
            near.first().is_some_and(|of| of.0 <= key) && near.last().is_some_and(|of| key <= of.0);
        let found = match is_near {
            true => place_of(near, key).map(|at| from + at).map_err(|at| from + at),
            false => place_of(&self.weights, key),
        };
        match found {
            Ok(at) => self.weights[at].1 += weight,
            Err(at) => self.weights.insert(at, (key, weight)),
        }
        let (Ok(at) | Err(at)) = found;
        self.last = at;
    }

    /// Asks memory for where the next ones belong.
    pub fn look_ahead(&self) {
        ask_for_row(&self.weights, self.last);
    }

    /// Hands everything on: how much of which view was answered at which step.
    pub fn take(&mut self) -> impl Iterator<Item = ((usize, usize), u64)> {
        self.last = 0;
        let all = std::mem::take(&mut self.weights);
        all.into_iter().map(|((view, step), weight)| ((view as usize, step as usize), weight))
    }
}

fn place_of(weights: &[((u32, u32), u64)], key: (u32, u32)) -> Result<usize, usize> {
    weights.binary_search_by_key(&key, |&(key, _)| key)
}

/// Which of the two books of latencies is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::load) enum Book {
    /// Since the start.
    Total,
    /// Since somebody last asked.
    Recent,
    /// Both.
    Both,
}

impl Book {
    /// Adds `weight` requests of this latency (microseconds).
    #[inline]
    pub fn add(self, latency: &mut LatencyMeter, micros: f64, weight: u64) {
        let span = crate::base::time::SimSpan(micros.round() as u64);
        match self {
            Book::Total => latency.add_to_total(span, weight),
            Book::Recent => latency.add_to_recent(span, weight),
            Book::Both => latency.add(span, weight),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::drawn;
    use proptest::prelude::*;

    #[test]
    fn the_middle_of_each_step_lies_in_it_and_steps_ascend() {
        for step in 0..STEPS {
            assert_eq!(step_of(middle(step)), step, "{step}");
        }
        assert!((1..STEPS).all(|step| middle(step) > middle(step - 1)));
        for step in 0..STEPS {
            let (low, high) = reach_of(step);
            assert_eq!((step_of(low), step_of(high.min(1e6).next_down())), (step, step));
            assert_eq!(high.is_infinite(), step + 1 == STEPS);
            assert!(high.is_infinite() || step_of(high) == step + 1);
        }
        assert_eq!(step_of(0.0), 0);
        assert_eq!(step_of(5.0), STEPS - 1);
    }

    proptest! {
        #![proptest_config(drawn(256))]

        #[test]
        fn both_books_hand_on_what_a_table_of_all_steps_would(
            answers in prop::collection::vec((0.0_f64..1.2, 1_u64..1_000, 0_usize..3), 0..60),
        ) {
            let (mut quiet, mut answered) = (Quiet::default(), Answered::default());
            let mut table = [[0; STEPS]; 3];
            let (mut run, mut of_runs) = (Run::EMPTY, Quiet::default());
            for &(rho, weight, _) in &answers {
                run.add(rho, weight).iter().for_each(|&(rho, weight)| of_runs.add(rho, weight));
            }
            run.end().iter().for_each(|&(rho, weight)| of_runs.add(rho, weight));
            for &(rho, weight, view) in &answers {
                quiet.add(rho, weight);
                answered.add(view, step_of(rho), weight);
                table[view][step_of(rho)] += weight;
            }
            prop_assert_eq!(quiet.is_empty(), answers.is_empty());
            let of_steps = (0..STEPS).map(|step| (step, (0..3).map(|view| table[view][step]).sum::<u64>()));
            let of_steps: Vec<_> = of_steps.filter(|&(_, weight)| weight > 0).collect();
            prop_assert_eq!(quiet.take().collect::<Vec<_>>(), of_steps.clone());
            prop_assert_eq!(of_runs.take().collect::<Vec<_>>(), of_steps);
            prop_assert!(quiet.is_empty());
            let of_views = (0..3).flat_map(|view| (0..STEPS).map(move |step| (view, step)));
            let of_views: Vec<_> = of_views
                .map(|(view, step)| ((view, step), table[view][step]))
                .filter(|&(_, weight)| weight > 0)
                .collect();
            prop_assert_eq!(answered.take().collect::<Vec<_>>(), of_views);
            prop_assert_eq!(answered.take().count(), 0);
        }
    }
}
