//! Which kind of capacity wins, and at which load that turns.

use super::{Cell, Kind, Quick, Said};

/// Where two kinds of capacity cost the same.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Crossing {
    /// The kind that is compared with Fargate.
    pub kind: Kind,
    /// Whether it is the cheaper one above.
    pub wins_above: bool,
    /// The load, in the mean over the seeds.
    pub load: f64,
    /// The least and the greatest over the seeds that cross between the same loads; equal where there is one seed.
    pub range: (f64, f64),
    /// How many seeds cross between the same two loads, of how many.
    pub seeds: (usize, usize),
}

/// The cheapest variant of a kind at a load: of all that place the tasks, or of those that are as quick as the limit says.
#[must_use]
pub fn cheapest(cells: &[Cell], load: f64, kind: Kind, as_quick: bool) -> Option<&Cell> {
    cheapest_by(cells, (load, kind, as_quick), |said| said.usd)
}

/// The same by another bill than the one at list prices.
pub fn cheapest_by(
    cells: &[Cell],
    (load, kind, as_quick): (f64, Kind, bool),
    bill: impl Fn(&Said) -> f64,
) -> Option<&Cell> {
    let usd = |cell: &Cell| cell.mean(&bill);
    let of_it = cells.iter().filter(|cell| cell.load == load && cell.variant.kind == kind);
    let serves = |cell: &&Cell| match as_quick {
        true => cell.is_as_quick(),
        false => cell.quick != Quick::RefusesMore, // what runs nothing costs nothing
    };
    let can = of_it.filter(|cell| usd(cell).is_some()).filter(serves);
    can.min_by(|a, b| usd(a).unwrap_or(0.0).total_cmp(&usd(b).unwrap_or(0.0)))
}

/// How full the instances of `cell` would have to be, percent by money, to cost what `usd` says: their own packing times the
/// ratio of the bills. That is exact where the bill is instances that are on average as full as they are, and says so for
/// side costs as if those went with the instances. Above 100 no packing is enough.
#[must_use]
pub fn level_percent(packed_percent: f64, bill: f64, other: f64) -> f64 {
    packed_percent * bill / other
}

/// Every load at which `kind`, at an equal start or not, becomes cheaper than Fargate, or dearer: between two loads of the
/// study the ratio of the two costs is taken as a straight line over the logarithm of the load.
#[must_use]
pub fn crossings(cells: &[Cell], loads: &[f64], kind: Kind, as_quick: bool) -> Vec<Crossing> {
    let pair = |load: f64| -> Option<(&Cell, &Cell)> {
        let fargate = cheapest(cells, load, Kind::Fargate, as_quick)?;
        Some((cheapest(cells, load, kind, as_quick)?, fargate))
    };
    let mut found = Vec::new();
    for step in loads.windows(2) {
        let (Some(below), Some(above)) = (pair(step[0]), pair(step[1])) else { continue };
        let usd = |said: &Said| said.usd;
        let mean = |(one, fargate): (&Cell, &Cell)| Some(ratio(one.mean(usd)?, fargate.mean(usd)?));
        let (Some(low), Some(high)) = (mean(below), mean(above)) else { continue };
        let Some(load) = zero(step, low, high) else { continue };
        let by_seed =
            seeds(below).zip(seeds(above)).filter_map(|(low, high)| zero(step, low, high));
        let by_seed: Vec<f64> = by_seed.collect();
        let least = by_seed.iter().copied().fold(load, f64::min);
        let most = by_seed.iter().copied().fold(load, f64::max);
        let all = seeds(below).count().min(seeds(above).count());
        let wins_above = high < low;
        let range = (least, most);
        found.push(Crossing { kind, wins_above, load, range, seeds: (by_seed.len(), all) });
    }
    found
}

/// Logarithm of a ratio: below zero where `one` is the cheaper.
fn ratio(one: f64, other: f64) -> f64 {
    libm::log(one / other)
}

fn seeds<'a>((one, other): (&'a Cell, &'a Cell)) -> impl Iterator<Item = f64> + 'a {
    let said = |cell: &'a Cell| cell.said.iter().flatten();
    said(one).zip(said(other)).map(|(one, other)| ratio(one.usd, other.usd))
}

/// The load between two at which a line through both values is zero; nothing where it is not between them.
fn zero(step: &[f64], low: f64, high: f64) -> Option<f64> {
    let is_between = (low < 0.0) != (high < 0.0) && low.is_finite() && high.is_finite();
    if !is_between {
        return None;
    }
    let share = low / (low - high);
    let (from, to) = (libm::log(step[0]), libm::log(step[1]));
    Some(libm::exp(from + share * (to - from)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::breakeven::{Placement, Variant};

    fn cell(load: f64, kind: Kind, usd: [f64; 2], is_as_quick: bool) -> Cell {
        let said = usd.map(|usd| Said { usd, ..Said::default() }).to_vec();
        let variant = Variant {
            kind,
            instance_types: Vec::new(),
            target_capacity: None,
            placement: Placement::Own,
            mix: None,
            on_ec2: Vec::new(),
        };
        let quick = if is_as_quick { Quick::AsQuick } else { Quick::Later };
        Cell { load, variant, said: Ok(said), quick }
    }

    #[test]
    fn two_costs_cross_where_their_ratio_is_one() {
        // EC2 costs twice as much at a load of 1, and half as much at 4: equal at 2, the middle of the logarithms. One
        // seed has 4 and 1/2: two thirds of the way.
        let cells = [
            cell(1.0, Kind::Fargate, [1.0, 1.0], true),
            cell(4.0, Kind::Fargate, [4.0, 4.0], true),
            cell(1.0, Kind::Ec2, [2.0, 2.0], true),
            cell(1.0, Kind::Ec2, [0.5, 0.5], false), // cheaper, and too slow
            cell(4.0, Kind::Ec2, [2.0, 2.0], true),
        ];
        let found = crossings(&cells, &[1.0, 4.0], Kind::Ec2, true);
        assert_eq!(found.len(), 1);
        assert!((found[0].load - 2.0).abs() < 1e-12 && found[0].wins_above);
        assert!((found[0].range.0 - 2.0).abs() < 1e-12);
        let mut uneven = cells;
        uneven[2] = cell(1.0, Kind::Ec2, [4.0, 1.0], true);
        let found = crossings(&uneven, &[1.0, 4.0], Kind::Ec2, true);
        assert!((found[0].range.1 - libm::exp(libm::log(4.0) * 2.0 / 3.0)).abs() < 1e-12);
        assert_eq!(crossings(&uneven, &[1.0, 4.0], Kind::Ec2Spot, true), []);
        assert!(cheapest(&uneven, 1.0, Kind::Ec2, false).is_some_and(|c| !c.is_as_quick()));
        // Where tasks may wait, EC2 is cheaper at both loads.
        assert_eq!(crossings(&uneven, &[1.0, 4.0], Kind::Ec2, false), []);
    }
}
