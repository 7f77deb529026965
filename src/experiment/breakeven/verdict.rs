//! Which kind of capacity wins, and at which load that turns.

use super::{Cell, Kind, Quick, Said, estimate};

/// How often a step is halved in search of an end of an interval: to a billionth of it.
const HALVINGS: usize = 30;

/// Where two kinds of capacity cost the same.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Crossing {
    /// The kind that is compared with Fargate.
    pub kind: Kind,
    /// Whether it is the cheaper one above.
    pub wins_above: bool,
    /// The load, in the mean over the seeds.
    pub load: f64,
    /// Its 95 % interval; `None` where there is one seed, or all say the same.
    pub interval: Option<Interval>,
}

/// The loads around a crossing at which the seeds cannot tell who is cheaper: Student's 95 % interval of the logarithm of the
/// ratio of the bills, paired by seed, has 0 in it. An end is `None` where that holds up to the last load of the study.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Interval {
    /// The least of them.
    pub low: Option<f64>,
    /// The greatest.
    pub high: Option<f64>,
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
/// study the logarithm of the ratio of the two bills is taken, for each seed, as a straight line over that of the load.
#[must_use]
pub fn crossings(cells: &[Cell], loads: &[f64], kind: Kind, as_quick: bool) -> Vec<Crossing> {
    let of = |&load: &f64| point(cells, load, kind, as_quick);
    let points: Vec<Option<Point>> = loads.iter().map(of).collect();
    let mut found = Vec::new();
    for stretch in points.split(Option::is_none) {
        let line: Vec<&Point> = stretch.iter().flatten().collect();
        for (index, step) in line.windows(2).enumerate() {
            let (low, high) = (mean(&step[0].ratios), mean(&step[1].ratios));
            let is_between = (low < 0.0) != (high < 0.0) && low.is_finite() && high.is_finite();
            if !is_between {
                continue;
            }
            let position = index as f64 + low / (low - high);
            let load = load_at(&line, position);
            let interval = interval(&line, position);
            found.push(Crossing { kind, wins_above: high < low, load, interval });
        }
    }
    found
}

/// A load of the study, and what its seeds say there.
struct Point {
    load: f64,
    /// Logarithms of the ratios of the bills, by seed: below zero where the kind is cheaper than Fargate.
    ratios: Vec<f64>,
}

fn point(cells: &[Cell], load: f64, kind: Kind, as_quick: bool) -> Option<Point> {
    let fargate = cheapest(cells, load, Kind::Fargate, as_quick)?;
    let one = cheapest(cells, load, kind, as_quick)?;
    let both = one.said.iter().flatten().zip(fargate.said.iter().flatten());
    let ratios = both.map(|(one, other)| libm::log(one.usd / other.usd)).collect();
    Some(Point { load, ratios })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The points at a place of a line, such as 1.5 halfway between the second and the third, and how far it is to the latter.
fn around<'a>(line: &[&'a Point], position: f64) -> (&'a Point, &'a Point, f64) {
    let index = (position as usize).min(line.len() - 2);
    (line[index], line[index + 1], position - index as f64)
}

fn load_at(line: &[&Point], position: f64) -> f64 {
    let (below, above, share) = around(line, position);
    let (from, to) = (libm::log(below.load), libm::log(above.load));
    libm::exp(from + share * (to - from))
}

/// The ratios at a place of a line of two points or more, by seed.
fn ratios_at(line: &[&Point], position: f64) -> impl Iterator<Item = f64> {
    let (below, above, share) = around(line, position);
    let both = below.ratios.iter().zip(&above.ratios);
    both.map(move |(low, high)| low + share * (high - low))
}

/// The interval around a crossing at `position`.
fn interval(line: &[&Point], position: f64) -> Option<Interval> {
    estimate(ratios_at(line, position))?.half_width?;
    let is_told = |position: f64| {
        estimate(ratios_at(line, position)).is_some_and(|ratio| {
            let (low, high) = ratio.ends();
            low > 0.0 || high < 0.0
        })
    };
    // Outward, load by load; within the step that has the end by halving.
    let edge = |ends: &mut dyn Iterator<Item = usize>| {
        let mut inside = position;
        for end in ends {
            let mut outside = end as f64;
            if !is_told(outside) {
                inside = outside;
                continue;
            }
            for _ in 0..HALVINGS {
                let middle = (inside + outside) / 2.0;
                let end = if is_told(middle) { &mut outside } else { &mut inside };
                *end = middle;
            }
            return Some(load_at(line, inside));
        }
        None
    };
    let below = position as usize;
    Some(Interval { low: edge(&mut (0..=below).rev()), high: edge(&mut (below + 1..line.len())) })
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
        // EC2 costs twice as much at a load of 1, and half as much at 4: equal at 2, the middle of the logarithms.
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
        assert_eq!(found[0].interval, None, "the seeds agree");
        let mut uneven = cells;
        uneven[2] = cell(1.0, Kind::Ec2, [4.0, 1.0], true);
        assert_eq!(crossings(&uneven, &[1.0, 4.0], Kind::Ec2Spot, true), []);
        assert!(cheapest(&uneven, 1.0, Kind::Ec2, false).is_some_and(|c| !c.is_as_quick()));
        // Where tasks may wait, EC2 is cheaper at both loads.
        assert_eq!(crossings(&uneven, &[1.0, 4.0], Kind::Ec2, false), []);
    }
    /// Two seeds, Student's t of one degree of freedom: 12.706205. Halves of the difference of two logarithms times t are half
    /// of the interval, the mean falls from ln 2 at a load of 1 to -ln 2 at 4.
    #[test]
    fn the_interval_of_a_crossing_is_where_seeds_cannot_tell() {
        let t = 12.706_204_736_432_095;
        let spread = 0.02;
        let pair = |usd: f64| [usd * libm::exp(spread), usd * libm::exp(-spread)];
        let mut cells = vec![
            cell(1.0, Kind::Fargate, [1.0, 1.0], true),
            cell(4.0, Kind::Fargate, [4.0, 4.0], true),
            cell(1.0, Kind::Ec2, pair(2.0), true),
            cell(4.0, Kind::Ec2, pair(2.0), true),
        ];
        let found = crossings(&cells, &[1.0, 4.0], Kind::Ec2, true)[0];
        let Interval { low: Some(low), high: Some(high) } = found.interval.unwrap() else {
            panic!("{found:?}")
        };
        // Two values that are `spread` above and below their mean have its t-fold as half of an interval; the logarithm of
        // the ratio falls as fast as that of the load grows.
        assert!((libm::log(low / 2.0) + t * spread).abs() < 1e-6, "{low}");
        assert!((libm::log(high / 2.0) - t * spread).abs() < 1e-6, "{high}");
        // Where the seeds differ by more, the interval ends beyond the loads; a load further up shows its end.
        let wide = |usd: f64| [usd * 1.2, usd / 1.2];
        cells[2] = cell(1.0, Kind::Ec2, wide(2.0), true);
        cells[3] = cell(4.0, Kind::Ec2, wide(2.0), true);
        let open = Interval { low: None, high: None };
        assert_eq!(crossings(&cells, &[1.0, 4.0], Kind::Ec2, true)[0].interval, Some(open));
        cells.push(cell(16.0, Kind::Fargate, [16.0, 16.0], true));
        cells.push(cell(16.0, Kind::Ec2, [1.0, 1.0], true));
        let found = crossings(&cells, &[1.0, 4.0, 16.0], Kind::Ec2, true)[0];
        let interval = found.interval.unwrap();
        assert!(
            interval.low.is_none() && interval.high.is_some_and(|high| high > 4.0 && high < 16.0)
        );
    }
}
