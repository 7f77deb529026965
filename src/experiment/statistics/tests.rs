use super::*;
use crate::base::money::NanoUsd;
use crate::base::time::SimSpan;

fn exact(values: &[f64]) -> Vec<Exact> {
    values.iter().map(|value| Exact::parse(&format!("{value:.9}")).unwrap()).collect()
}

fn near(left: f64, right: f64) -> bool {
    (left - right).abs() < 1e-6 * right.abs().max(1e-3)
}

#[test]
fn quantiles_of_student_are_the_published_ones() {
    // NIST/SEMATECH e-Handbook, table 1.3.6.7.2, and more digits from R's `qt`.
    for (percent, freedom, quantile) in [
        ("95", 1, 12.706_204_736),
        ("95", 2, 4.302_652_730),
        ("95", 4, 2.776_445_105),
        ("95", 9, 2.262_157_163),
        ("95", 30, 2.042_272_456),
        ("95", 99, 1.984_216_952),
        ("95", 99_999, 1.959_987_708),
        ("90", 9, 1.833_112_933),
        ("99", 9, 3.249_835_542),
        ("99.9", 4, 8.610_301_581),
    ] {
        let found = student(Confidence::parse(percent).unwrap(), freedom);
        assert!(near(found, quantile), "{percent} % with {freedom}: {found}");
        // The chance is the quantile's inverse.
        let beyond = 1.0 - percent.parse::<f64>().unwrap() / 100.0;
        assert!((chance_beyond(found, freedom) - beyond).abs() < 1e-9);
    }
    // With one degree of freedom t is Cauchy's: P(|t| > 1) = 1/2; with two, P(|t| > √2) = 1 − √2/2.
    assert!(near(chance_beyond(-1.0, 1), 0.5));
    assert!(near(chance_beyond(2f64.sqrt(), 2), 1.0 - 0.5f64.sqrt()));
}

#[test]
fn the_mean_of_three_has_its_interval() {
    // Mean 12, deviation 2: 12 ± 4.302653 · 2 / √3.
    let mean = Mean::of(&exact(&[10.0, 12.0, 14.0]), Confidence::USUAL).unwrap();
    assert_eq!((mean.count, mean.sum, mean.mean), (3, Exact(36 * BILLION), 12.0));
    assert!(near(mean.deviation.unwrap(), 2.0) && near(mean.half_width.unwrap(), 4.968_275));
    assert!(!mean.is_constant && near(mean.ends().1, 16.968_275));
    assert_eq!(Mean::of(&[], Confidence::USUAL), None);
}

#[test]
fn equal_values_and_one_value_have_no_interval() {
    let same = Mean::of(&exact(&[0.1, 0.1, 0.1]), Confidence::USUAL).unwrap();
    assert!(same.is_constant && same.half_width.is_none() && same.deviation == Some(0.0));
    let one = Mean::of(&exact(&[5.0]), Confidence::USUAL).unwrap();
    assert!(!one.is_constant && one.half_width.is_none() && one.deviation.is_none());
    assert_eq!(one.ends(), (5.0, 5.0));
}

#[test]
fn sleep_of_students_own_ten_patients() {
    // Student, The probable error of a mean, Biometrika 6 (1908): hours of sleep gained by two drugs. R's `sleep`,
    // t.test(paired): mean difference 1.58, t = 4.0621, p = 0.002833, interval 0.7001142 to 2.4598858.
    let one = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
    let two = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
    let pairs: Vec<_> = exact(&one).into_iter().zip(exact(&two)).collect();
    let paired = Paired::of(&pairs, Confidence::USUAL).unwrap();
    assert!(near(paired.difference.mean, 1.58), "{paired:?}");
    let (low, high) = paired.difference.ends();
    assert!((low - 0.700_114_2).abs() < 1e-6 && (high - 2.459_885_8).abs() < 1e-6, "{paired:?}");
    assert!((paired.p_value.unwrap() - 0.002_833).abs() < 1e-6, "{paired:?}");
    assert!((paired.correlation.unwrap() - 0.795_170_2).abs() < 1e-6, "{paired:?}");
}

#[test]
fn a_difference_that_is_the_same_in_every_seed_is_not_tested() {
    // 0.1 and 0.3 have no exact floats; the differences are equal all the same.
    let pairs: Vec<_> = exact(&[0.1, 0.2, 1.7]).into_iter().zip(exact(&[0.4, 0.5, 2.0])).collect();
    let paired = Paired::of(&pairs, Confidence::USUAL).unwrap();
    assert!(paired.difference.is_constant && near(paired.difference.mean, 0.3));
    assert!(paired.p_value.is_none() && near(paired.correlation.unwrap(), 1.0));
    let constant: Vec<_> = exact(&[1.0, 1.0]).into_iter().zip(exact(&[1.0, 2.0])).collect();
    assert_eq!(Paired::of(&constant, Confidence::USUAL).unwrap().correlation, None);
}

#[test]
fn holm_corrects_as_in_the_textbook() {
    // R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") is 0.03 0.06 0.06 0.02.
    let found = holm(&[Some(0.01), Some(0.04), None, Some(0.03), Some(0.005)]);
    let expected = [Some(0.03), Some(0.06), None, Some(0.06), Some(0.02)];
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.zip(expected).is_none_or(|(f, e)| near(f, e)), "{found:?} {expected:?}");
        assert_eq!(found.is_some(), expected.is_some());
    }
    assert_eq!(holm(&[Some(0.9), Some(0.8)]), [Some(1.0), Some(1.0)]);
    assert_eq!(holm(&[]), []);
}

#[test]
fn values_are_exact_as_files_have_them() {
    assert_eq!(Exact::of(&Value::Count(3)), Some(Exact(3 * BILLION)));
    assert_eq!(Exact::of(&Value::Seconds(SimSpan(1_500_000))), Some(Exact(1_500_000_000)));
    assert_eq!(Exact::of(&Value::Usd(NanoUsd(-7))), Some(Exact(-7)));
    assert_eq!(Exact::of(&Value::Millionths(5)), Some(Exact(5_000)));
    assert_eq!(Exact::of(&Value::Ratio(12.345_678_9)), Some(Exact(12_345_679_000)));
    assert_eq!(Exact::of(&Value::Ratio(f64::NAN)), None);
    assert_eq!(Exact::of(&Value::Count(u64::MAX)), None);
    for (text, value) in [("12", 12 * BILLION), ("-0.000000007", -7), (".5", 500_000_000)] {
        assert_eq!(Exact::parse(text), Some(Exact(value)), "{text}");
    }
    for text in ["", ".", "-", "1e3", "0.0000000001", "--1", "1.2.3", "NaN", "99999999999999999"] {
        assert_eq!(Exact::parse(text), None, "{text}");
    }
}

#[test]
fn confidence_is_per_cent() {
    assert_eq!(Confidence::parse("95"), Ok(Confidence::USUAL));
    assert_eq!(Confidence::parse("99.9").unwrap().to_string(), "99.9 %");
    for wrong in ["", "100", "49", "0.95", "-95", "95%", "x"] {
        assert!(Confidence::parse(wrong).is_err(), "{wrong}");
    }
    assert!(Confidence::USUAL.is_reached(0.05) && !Confidence::USUAL.is_reached(0.050_001));
}
