//! Which second to work on: what each stage of a start, and each setting, buys of waits, drops and cost.
//!
//! Two looks. *Alone*: one lever is moved to either side and all others stay, under the same seeds, paired. *Among others*:
//! elementary effects (Morris): from a random half of the levers moved, each is moved in random order, one after the other,
//! under a seed of its own trajectory. Where both agree a lever acts by itself; where they differ, it matters what else is
//! changed.
//!
//! Source: M. D. Morris, Factorial sampling plans for preliminary computational experiments, Technometrics 33 (1991).

mod levers;

pub use levers::{Change, Lever, Side, apply, levers};

use super::cells::Cell;
use super::statistics::{Confidence, Exact, Mean, Paired, holm};
use crate::base::random::{Purpose, Seed};

/// What is run: which side of which levers is taken, under which seed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Of each settings, by lever, the side that it is moved to.
    pub settings: Vec<Vec<Option<usize>>>,
    /// The runs: all seeds of the base, then those of every side of every lever, then trajectories.
    pub cells: Vec<Cell>,
    seeds: usize,
    /// Of each trajectory the levers in the order in which they are changed, and whether each is moved or moved back.
    trajectories: Vec<Vec<(usize, bool)>>,
}

/// Numbers of sides by lever: `(lever, side)` in the order of the settings after the base.
fn sides(levers: &[Lever]) -> Vec<(usize, usize)> {
    let of = |(at, lever): (usize, &Lever)| (0..lever.sides.len()).map(move |side| (at, side));
    levers.iter().enumerate().flat_map(of).collect()
}

impl Plan {
    /// `seeds` for each lever alone and `trajectories` among others, from seed `first` on.
    #[must_use]
    pub fn new(levers: &[Lever], first: u64, seeds: u32, trajectories: u32) -> Plan {
        let base = vec![None; levers.len()];
        let moved = sides(levers).into_iter().map(|(lever, side)| {
            let mut settings = base.clone();
            settings[lever] = Some(side);
            settings
        });
        let mut settings: Vec<Vec<Option<usize>>> =
            std::iter::once(base.clone()).chain(moved).collect();
        let seed = |index: u32| Seed(first.wrapping_add(u64::from(index)));
        let alone = 0..settings.len();
        let mut cells: Vec<Cell> = alone
            .flat_map(|settings| (0..seeds).map(move |index| Cell { settings, seed: seed(index) }))
            .collect();
        let mut all = Vec::new();
        for number in 0..trajectories {
            // The seeds after those of the first look.
            let seed = seed(seeds + number);
            let mut stream = seed.stream(Purpose::Screening, "");
            let mut at: Vec<Option<usize>> =
                base.iter().map(|_| (stream.below(2) == 1).then_some(0)).collect();
            let mut order: Vec<usize> = (0..levers.len()).collect();
            for last in (1..order.len()).rev() {
                order.swap(last, stream.below(last as u64 + 1) as usize);
            }
            let mut trajectory = Vec::new();
            cells.push(Cell { settings: settings.len(), seed });
            settings.push(at.clone());
            for lever in order {
                let is_moved = at[lever].is_none();
                at[lever] = is_moved.then_some(0);
                cells.push(Cell { settings: settings.len(), seed });
                settings.push(at.clone());
                trajectory.push((lever, is_moved));
            }
            all.push(trajectory);
        }
        Plan { settings, cells, seeds: seeds as usize, trajectories: all }
    }
}

/// What a side of a lever does to a metric by itself.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Alone {
    /// Which lever.
    pub lever: usize,
    /// Which of its sides.
    pub side: usize,
    /// Its metric less that of the base, paired by seed; `None` where neither is defined.
    pub paired: Option<Paired>,
    /// The p value after Holm's correction over all sides and metrics.
    pub p_holm: Option<f64>,
    /// Whether the difference is more than chance.
    pub is_significant: bool,
}

/// What the first side of a lever does to a metric while others are moved or not.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Among {
    /// The mean of the elementary effects and its interval: what moving it does.
    pub effect: Mean,
    /// The mean of their magnitudes (Morris's μ*): how much it matters, whichever way.
    pub magnitude: f64,
}

/// What all levers do to a metric.
#[derive(Clone, PartialEq, Debug)]
pub struct Effects {
    /// Name of the metric.
    pub metric: String,
    /// Its mean without any change.
    pub base: Option<Mean>,
    /// Every side of every lever, in their order.
    pub alone: Vec<Alone>,
    /// By lever; `None` without a screening.
    pub among: Vec<Option<Among>>,
}

/// What runs say: `values` has those of `plan.cells` in order, of each by metric.
#[must_use]
pub fn effects(
    levers: &[Lever],
    plan: &Plan,
    metrics: &[String],
    values: &[Vec<Option<Exact>>],
    sure: Confidence,
) -> Vec<Effects> {
    let mut all: Vec<Effects> = metrics
        .iter()
        .enumerate()
        .map(|(at, metric)| of_metric(levers, plan, metric, &|cell: usize| values[cell][at], sure))
        .collect();
    let alone = || all.iter().flat_map(|of| &of.alone);
    let p_values: Vec<Option<f64>> =
        alone().map(|of| of.paired.and_then(|paired| paired.p_value)).collect();
    let corrected = holm(&p_values);
    for (of, p_holm) in all.iter_mut().flat_map(|of| &mut of.alone).zip(corrected) {
        of.p_holm = p_holm;
        of.is_significant = match (of.paired, p_holm) {
            (_, Some(p)) => sure.is_reached(p),
            (Some(paired), None) => paired.difference.is_constant && paired.difference.sum.0 != 0,
            (None, None) => false,
        };
    }
    all
}

fn of_metric(
    levers: &[Lever],
    plan: &Plan,
    metric: &str,
    value: &dyn Fn(usize) -> Option<Exact>,
    sure: Confidence,
) -> Effects {
    let seeds = plan.seeds;
    let base: Vec<Exact> = (0..seeds).filter_map(value).collect();
    let alone = sides(levers).into_iter().enumerate().map(|(number, (lever, side))| {
        let first = seeds * (number + 1);
        let pairs = (0..seeds).filter_map(|seed| Some((value(seed)?, value(first + seed)?)));
        let paired = Paired::of(&pairs.collect::<Vec<_>>(), sure);
        Alone { lever, side, paired, p_holm: None, is_significant: false }
    });
    let alone: Vec<Alone> = alone.collect();
    let mut elementary: Vec<Vec<Exact>> = vec![Vec::new(); levers.len()];
    let mut cell = seeds * (alone.len() + 1);
    for trajectory in &plan.trajectories {
        for (lever, is_moved) in trajectory {
            if let (Some(before), Some(after)) = (value(cell), value(cell + 1)) {
                let change = after.0 - before.0;
                elementary[*lever].push(Exact(if *is_moved { change } else { -change }));
            }
            cell += 1;
        }
        cell += 1;
    }
    let among = elementary.iter().map(|effects| {
        let magnitudes: f64 = effects.iter().map(|effect| effect.to_f64().abs()).sum();
        let magnitude = magnitudes / effects.len() as f64;
        Mean::of(effects, sure).map(|effect| Among { effect, magnitude })
    });
    Effects { metric: metric.into(), base: Mean::of(&base, sure), alone, among: among.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::statistics::BILLION;

    fn lever(name: &str) -> Lever {
        let side =
            |to: &str| Side { to: to.into(), change: levers::Change::Set(name.into(), to.into()) };
        Lever { key: name.into(), stage: "", from: "1".into(), sides: vec![side("0"), side("2")] }
    }

    /// y = 10 a + 3 b + 2 a·b, where a lever is 1 at its base, 0 and 2 at its sides; seeds add what all share.
    fn value(settings: &[Option<usize>], seed: u64) -> Vec<Option<Exact>> {
        let of = |side: Option<usize>| side.map_or(1, |side| 2 * side as i128);
        let (a, b) = (of(settings[0]), of(settings[1]));
        vec![Some(Exact((10 * a + 3 * b + 2 * a * b + 7 * i128::from(seed % 5)) * BILLION))]
    }

    #[test]
    fn effects_are_those_of_a_formula_worked_by_hand() {
        let levers = [lever("a"), lever("b")];
        let plan = Plan::new(&levers, 1, 4, 40);
        assert_eq!(plan.cells.len(), 4 * 5 + 40 * 3);
        let values: Vec<_> = plan
            .cells
            .iter()
            .map(|cell| value(&plan.settings[cell.settings], cell.seed.0))
            .collect();
        let all = effects(&levers, &plan, &["y".into()], &values, Confidence::USUAL);
        let alone: Vec<f64> =
            all[0].alone.iter().map(|of| of.paired.unwrap().difference.mean).collect();
        // With b = 1 a is worth 10 + 2 a unit; with a = 1 b is worth 3 + 2.
        assert_eq!(alone, [-12.0, 12.0, -5.0, 5.0]);
        assert!(all[0].alone.iter().all(|of| of.is_significant));
        // Among others b is 1 or 0 as often: a is worth 12 or 10, and b 5 or 3. Seeds drop out.
        let among: Vec<Among> = all[0].among.iter().map(|of| of.unwrap()).collect();
        for (of, (low, high)) in among.iter().zip([(-12.0, -10.0), (-5.0, -3.0)]) {
            let middle = (low + high) / 2.0;
            assert!((of.effect.mean - middle).abs() < 0.5, "{of:?}");
            assert!(of.effect.deviation.unwrap() > 0.5, "interaction is seen: {of:?}");
            assert!((of.magnitude + of.effect.mean).abs() < 1e-9);
        }
    }
}
