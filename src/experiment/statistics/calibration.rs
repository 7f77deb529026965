//! How far a simulated series is from a measured one: the error metrics by which models are calibrated.
//!
//! | Metric | Definition, over the hours that both have |
//! | --- | --- |
//! | bias | Σ simulated ÷ Σ measured − 1 |
//! | MAPE | mean of abs(simulated − measured) ÷ abs(measured), hours with nothing measured left out |
//! | WAPE | Σ abs(simulated − measured) ÷ Σ abs(measured), which such hours do not spoil |
//! | RMSE | √ of the mean squared difference |
//! | within a tenth | share of hours with abs(simulated − measured) at most a tenth of abs(measured) |
//!
//! MAPE and WAPE after Hyndman and Koehler, "Another look at measures of forecast accuracy", International Journal of
//! Forecasting 22 (2006).

/// What is near enough, as a part of what was measured.
const NEAR: f64 = 0.1;

/// Errors of a series.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Errors {
    /// Hours that both have.
    pub hours: usize,
    /// Mean of what was measured.
    pub measured: f64,
    /// Mean of what was simulated.
    pub simulated: f64,
    /// Relative difference of the sums, a part of 1; `None` where nothing was measured at all.
    pub bias: Option<f64>,
    /// Mean absolute relative error, a part of 1; `None` where every hour was left out.
    pub mape: Option<f64>,
    /// Hours that it leaves out, since nothing was measured in them.
    pub without: usize,
    /// Sum of absolute errors by sum of measured values, a part of 1; `None` where nothing was measured at all.
    pub wape: Option<f64>,
    /// Root of the mean squared error, in the unit of the series.
    pub rmse: f64,
    /// Share of hours within a tenth, 0 to 1.
    pub within: f64,
}

impl Errors {
    /// Of pairs (measured, simulated), one an hour; `None` without any.
    #[must_use]
    pub fn of(pairs: &[(f64, f64)]) -> Option<Errors> {
        if pairs.is_empty() {
            return None;
        }
        let count = pairs.len() as f64;
        let sum = |of: &dyn Fn(f64, f64) -> f64| pairs.iter().map(|&(m, s)| of(m, s)).sum::<f64>();
        let (measured, simulated) = (sum(&|m, _| m), sum(&|_, s| s));
        let (absolute, of_measured) = (sum(&|m, s| (s - m).abs()), sum(&|m, _| m.abs()));
        let relative: Vec<f64> =
            pairs.iter().filter(|(m, _)| *m != 0.0).map(|(m, s)| ((s - m) / m).abs()).collect();
        let near = pairs.iter().filter(|(m, s)| (s - m).abs() <= NEAR * m.abs()).count();
        let mape = relative.iter().sum::<f64>() / relative.len().max(1) as f64;
        Some(Errors {
            hours: pairs.len(),
            measured: measured / count,
            simulated: simulated / count,
            bias: (measured != 0.0).then(|| simulated / measured - 1.0),
            mape: (!relative.is_empty()).then_some(mape),
            without: pairs.len() - relative.len(),
            wape: (of_measured != 0.0).then(|| absolute / of_measured),
            rmse: (sum(&|m, s| (s - m).powi(2)) / count).sqrt(),
            within: near as f64 / count,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_by_hand() {
        // Off by +10 %, −50 %, 0; one hour with nothing measured.
        let of = Errors::of(&[(100.0, 110.0), (40.0, 20.0), (60.0, 60.0), (0.0, 5.0)]).unwrap();
        assert_eq!((of.hours, of.without, of.measured, of.simulated), (4, 1, 50.0, 48.75));
        let near = |value: Option<f64>, wanted: f64| (value.unwrap() - wanted).abs() < 1e-12;
        assert!(
            near(of.bias, -0.025) && near(of.mape, 0.2) && near(of.wape, 35.0 / 200.0),
            "{of:?}"
        );
        assert!((of.rmse - (525.0_f64 / 4.0).sqrt()).abs() < 1e-12 && of.within == 0.5, "{of:?}");
    }

    #[test]
    fn nothing_measured_has_no_relative_error() {
        let of = Errors::of(&[(0.0, 0.0), (0.0, 1.0)]).unwrap();
        assert_eq!((of.bias, of.mape, of.wape, of.without), (None, None, None, 2));
        assert_eq!(of.within, 0.5);
        assert_eq!(Errors::of(&[]), None);
    }
}
