//! Axes: from values to pixels, and where the ticks go. Ranges are never empty and never infinite.

use crate::report::human;

/// A linear axis from pixels `start` to `end`.
#[derive(Clone, Debug)]
pub struct Axis {
    low: f64,
    high: f64,
    start: f64,
    end: f64,
    /// (value, label), ascending.
    pub ticks: Vec<(f64, String)>,
}

/// Where an axis may have ticks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Steps {
    /// 1, 2, 5 times a power of ten.
    Decimal,
    /// The same, whole numbers only.
    Whole,
    /// Powers of two, as the sizes of instances are.
    Binary,
}

impl Axis {
    /// The pixel of a value; values beyond the range stay at its end, what is not finite at its start.
    pub fn at(&self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low);
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
        self.start + share * (self.end - self.start)
    }

    /// From 0 (or a round number below the least value, where that is negative) to `max` or a little above.
    pub fn values(min: f64, max: f64, steps: Steps, most_ticks: u32, span: (f64, f64)) -> Axis {
        let (min, max) = (tame(min).min(0.0), tame(max).max(0.0));
        let range = if max - min > 0.0 { max - min } else { 1.0 };
        let rough = range / f64::from(most_ticks);
        let step = match steps {
            Steps::Decimal => round_step(rough),
            Steps::Whole => round_step(rough).max(1.0),
            Steps::Binary => libm::exp2(libm::log2(rough.max(1e-9)).ceil()),
        };
        let first = (min / step + 1e-9).floor();
        // A last tick just above the data closes the axis; one far above would waste room.
        let above = (max / step - 1e-9).ceil().max(first + 1.0);
        let is_near = above * step <= max * 1.12 || max < step;
        let last = if is_near { above } else { above - 1.0 };
        // A line at the greatest value is not to lie on the edge.
        let high = (max * 1.03).max(if is_near { above * step } else { 0.0 });
        let decimals = match steps {
            Steps::Binary => (-libm::log2(step)).clamp(0.0, 9.0) as usize,
            _ => (-libm::log10(step) - 1e-9).ceil().clamp(0.0, 9.0) as usize,
        };
        let count = (last - first) as u32;
        let ticks = (0..=count).map(|index| (first + f64::from(index)) * step);
        let ticks = ticks.map(|value| (value, human::decimal(value, decimals))).collect();
        Axis { low: first * step, high, start: span.0, end: span.1, ticks }
    }

    /// A span of time that starts at 0, in seconds; returns the unit of the labels too.
    pub fn time(seconds: f64, span: (f64, f64)) -> (Axis, &'static str) {
        const UNITS: [(&str, f64, f64, &[u32]); 4] = [
            ("seconds", 1.0, 180.0, &[1, 2, 5, 10, 15, 20, 30]),
            ("minutes", 60.0, 3.0 * 3_600.0, &[1, 2, 5, 10, 15, 20, 30]),
            ("hours", 3_600.0, 4.0 * 86_400.0, &[1, 2, 3, 4, 6, 12]),
            (
                "days",
                86_400.0,
                f64::INFINITY,
                &[1, 2, 5, 7, 14, 30, 60, 90, 180, 365, 730, 1_825, 3_650],
            ),
        ];
        const MOST_TICKS: f64 = 14.0;
        let seconds = tame(seconds).max(1.0);
        let unit = UNITS.iter().find(|unit| seconds < unit.2);
        let (name, length, _, steps) = unit.expect("days have no end");
        let range = seconds / length;
        let step = steps.iter().copied().map(f64::from).find(|step| range / step <= MOST_TICKS);
        let step = step.unwrap_or_else(|| round_step(range / 6.0));
        let count = (range / step + 1e-9).floor() as u32;
        let ticks = (0..=count)
            .map(|index| f64::from(index) * step)
            .map(|value| (value * length, human::decimal(value, 0)))
            .collect();
        (Axis { low: 0.0, high: seconds, start: span.0, end: span.1, ticks }, name)
    }

    /// Logarithms of spans between two lengths in seconds, both above 0; values are `log10` of seconds. The axis lies
    /// where `span` ascends, and stands where it descends.
    pub fn log_time(shortest: f64, longest: f64, span: (f64, f64)) -> Axis {
        /// Steps between landmarks up to which one above the data is worth its room.
        const FEW: usize = 4;
        const LANDMARKS: [(f64, &str); 38] = [
            (1e-6, "1 µs"),
            (2e-6, "2 µs"),
            (5e-6, "5 µs"),
            (1e-5, "10 µs"),
            (2e-5, "20 µs"),
            (5e-5, "50 µs"),
            (1e-4, "100 µs"),
            (2e-4, "200 µs"),
            (5e-4, "500 µs"),
            (1e-3, "1 ms"),
            (2e-3, "2 ms"),
            (5e-3, "5 ms"),
            (1e-2, "10 ms"),
            (2e-2, "20 ms"),
            (5e-2, "50 ms"),
            (0.1, "100 ms"),
            (0.2, "200 ms"),
            (0.5, "500 ms"),
            (1.0, "1 s"),
            (2.0, "2 s"),
            (5.0, "5 s"),
            (10.0, "10 s"),
            (20.0, "20 s"),
            (30.0, "30 s"),
            (60.0, "1 min"),
            (120.0, "2 min"),
            (300.0, "5 min"),
            (600.0, "10 min"),
            (1_800.0, "30 min"),
            (3_600.0, "1 h"),
            (7_200.0, "2 h"),
            (14_400.0, "4 h"),
            (43_200.0, "12 h"),
            (86_400.0, "1 day"),
            (172_800.0, "2 days"),
            (432_000.0, "5 days"),
            (864_000.0, "10 days"),
            (8_640_000.0, "100 days"),
        ];
        // From a landmark below the data, so that a single value does not stand at the left, to just above the data.
        let below = LANDMARKS.iter().rposition(|mark| mark.0 < shortest * 0.95).unwrap_or(0);
        let low = libm::log10(LANDMARKS[below].0);
        // An axis with one or two labels below its data tells no scale: where landmarks are few, one above closes it.
        let above = (below + 1..LANDMARKS.len()).find(|&at| LANDMARKS[at].0 >= longest);
        let closing = above.filter(|at| at - below <= FEW).map(|at| libm::log10(LANDMARKS[at].0));
        let high = libm::log10(longest * 1.1).max(closing.map_or(low + 0.1, |high| high + 1e-9));
        let mut axis = Axis { low, high, start: span.0, end: span.1, ticks: Vec::new() };
        let room = if span.0 < span.1 { 78.0 } else { 34.0 };
        let mut last_at = f64::NEG_INFINITY;
        for (seconds, label) in &LANDMARKS[below..] {
            let value = libm::log10(*seconds);
            if value > high {
                break;
            }
            // Landmarks that would crowd each other are left out.
            if (axis.at(value) - last_at).abs() >= room {
                last_at = axis.at(value);
                axis.ticks.push((value, (*label).to_string()));
            }
        }
        axis
    }
}

/// What is not finite counts as 0; what is beyond drawing is cut.
fn tame(value: f64) -> f64 {
    if value.is_finite() { value.clamp(-1e18, 1e18) } else { 0.0 }
}

/// The least of 1, 2, 5 times a power of ten that is not below `rough`.
fn round_step(rough: f64) -> f64 {
    let power = libm::pow(10.0, libm::log10(rough.max(1e-9)).floor());
    let nice = [1.0, 2.0, 5.0, 10.0].into_iter().find(|nice| nice * power >= rough * 0.999_999);
    nice.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_and_cover_the_values() {
        use Steps::{Binary, Decimal, Whole};
        let of = |max, steps| Axis::values(0.0, max, steps, 5, (0.0, 1.0));
        assert_eq!(labels(&of(37.0, Whole)), ["0", "10", "20", "30", "40"]);
        assert_eq!(labels(&of(0.0, Whole)), ["0", "1"]);
        assert_eq!(labels(&of(3.0, Whole)), ["0", "1", "2", "3"]);
        assert_eq!(labels(&of(0.7, Decimal)), ["0.0", "0.2", "0.4", "0.6"]);
        assert_eq!(labels(&of(16.0, Binary)), ["0", "4", "8", "12", "16"]);
        assert_eq!(labels(&of(12_345.0, Whole)), ["0", "5,000", "10,000"]);
    }

    #[test]
    fn an_axis_is_finite_whatever_it_is_given() {
        for max in [f64::NAN, f64::INFINITY, 1e308, -1.0, 0.0, 1e-300] {
            let axis = Axis::values(0.0, max, Steps::Decimal, 5, (0.0, 100.0));
            assert!(axis.ticks.len() < 20 && axis.at(max).is_finite(), "{max}");
            let (axis, _) = Axis::time(max, (0.0, 100.0));
            assert!(axis.ticks.len() < 100 && axis.at(max).is_finite(), "{max}");
        }
    }

    #[test]
    fn a_logarithmic_axis_has_two_labels_at_least() {
        for (shortest, longest) in [(0.024, 0.040), (0.001, 0.001), (3e-6, 4e-6), (700.0, 800.0)] {
            let axis = Axis::log_time(shortest, longest, (800.0, 100.0));
            assert!(axis.ticks.len() >= 2, "{shortest} to {longest}: {:?}", labels(&axis));
        }
        let marks = |shortest, longest| {
            let axis = Axis::log_time(shortest, longest, (800.0, 100.0));
            labels(&axis).iter().map(|label| label.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(
            marks(0.011, 0.036),
            ["10 ms", "20 ms", "50 ms"],
            "the greatest lies between labels"
        );
        assert_eq!(marks(0.011, 0.011), ["10 ms", "20 ms"]);
        assert_eq!(marks(0.011, 1.2).last().unwrap(), "1 s", "of many labels none is far above");
    }

    #[test]
    fn time_is_told_in_the_unit_that_fits_its_span() {
        let of = |seconds| Axis::time(seconds, (0.0, 1.0));
        for (seconds, unit, first) in [
            (60.0, "seconds", ["0", "5"]),
            (600.0, "minutes", ["0", "1"]),
            (172_800.0, "hours", ["0", "4"]),
            (31_536_000.0, "days", ["0", "30"]),
        ] {
            let (axis, found) = of(seconds);
            assert_eq!((found, &labels(&axis)[..2]), (unit, first.as_slice()));
        }
    }
}
