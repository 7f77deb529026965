use super::*;
use crate::experiment::compare::{Measured, compare};
use crate::experiment::statistics::{BILLION, Confidence, Exact, Mean};
use crate::report::summary::Style;

fn measured(name: &str, unit: &str, values: &[i128]) -> Measured {
    let by_seed = (1..).zip(values.iter().map(|value| Exact(value * BILLION))).collect();
    Measured { name: name.into(), unit: unit.into(), by_seed }
}

/// Two variants with known pairs: dollars 2, 3, 4 dearer, waits 60 s shorter in every seed, instances by chance.
fn known() -> (Vec<Variant>, Comparison) {
    let variant = |name: &str, usd: &[i128], wait: &[i128], fleet: &[i128]| Variant {
        name: name.into(),
        seeds: vec![1, 2, 3],
        metrics: vec![
            measured("total_usd", "USD", usd),
            measured("wait_s_p95", "s", wait),
            measured("instances", "instances", fleet),
        ],
    };
    let variants = vec![
        variant("=pack", &[10, 20, 30], &[90, 100, 200], &[5, 5, 5]),
        variant("spread|it", &[12, 23, 34], &[30, 40, 140], &[5, 6, 4]),
    ];
    let names: Vec<String> = variants[0].metrics.iter().map(|metric| metric.name.clone()).collect();
    let of = compare(&variants, &names, Confidence::USUAL);
    (variants, of)
}

#[test]
fn the_tidy_table_has_every_figure() {
    let csv = String::from_utf8(to_csv(&known().1)).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    // As worked out in the tests of the comparison; two tests are corrected for.
    let base = "'=pack,total_usd,USD,3,20.000000000,24.841377118,,,,,,,true";
    let other = "spread|it,total_usd,USD,3,23.000000000,27.325514829,3.000000000,2.484137712,1.000000000,0.035098";
    assert_eq!(lines.len(), 7);
    assert_eq!(lines[1], base);
    assert!(lines[2].starts_with(other) && lines[2].ends_with(",false,false"), "{}", lines[2]);
    assert!(lines[4].contains(",-60.000000000,,1.000000000,,,true,true"), "{}", lines[4]);
}

#[test]
fn every_run_is_kept_exactly() {
    let (mut variants, _) = known();
    variants.truncate(1);
    variants[0].metrics.truncate(1);
    variants[0].metrics[0].by_seed.insert(2, Exact(-1_050_000_000));
    let csv = String::from_utf8(runs_to_csv(&variants)).unwrap();
    let rows = ["'=pack,1,total_usd,10", "'=pack,2,total_usd,-1.05", "'=pack,3,total_usd,30"];
    assert_eq!(csv, format!("variant,seed,metric,value\n{}\n", rows.join("\n")));
    assert_eq!([exact(7), exact(-BILLION), exact(0)], ["0.000000007", "-1", "0"]);
}

#[test]
fn people_get_a_table_with_a_verdict() {
    let text = to_text(&known().1, Style::default());
    assert!(text.contains("+$3.00 ± $2.48") && text.contains("may be chance"), "{text}");
    assert!(text.contains("-1 m 00 s in all") && text.contains("better, best"), "{text}");
}

#[test]
fn pull_requests_get_markdown() {
    let text = to_markdown(&known().1);
    assert!(text.starts_with("| metric | variant | mean | difference | "), "{text}");
    assert!(text.contains("| total\\_usd | =pack | $20.00 ± $24.84 |"), "{text}");
    assert!(text.contains("|  | spread\\|it | "), "{text}");
}

#[test]
fn programs_get_json() {
    let value: serde_json::Value = serde_json::from_str(&to_json(&known().1)).unwrap();
    assert_eq!(value["schema"], "ecsim/1");
    assert_eq!(value["metrics"][0]["variants"][1]["difference"], 3.0);
    assert_eq!(value["metrics"][0]["better"], "lower");
    assert_eq!(value["metrics"][1]["variants"][1]["difference_is_constant"], true);
    assert!(value["metrics"][0]["variants"][0]["difference"].is_null());
}

#[test]
fn a_mean_and_its_half_width_have_the_same_digits() {
    let told = |mean: f64, half: f64, unit: &str| {
        let count = 5;
        let sum = Exact::default();
        let of =
            Mean { count, sum, mean, deviation: None, half_width: Some(half), is_constant: false };
        with_half(&of, unit)
    };
    assert_eq!(told(1_234.5, 12.345, "USD"), "$1,234.50 ± $12.35");
    assert_eq!(told(0.031_24, 0.001_04, "USD"), "$0.0312 ± $0.0010");
    assert_eq!(told(-0.000_362_667, 1e-17, "USD"), "-$0.000363 ± $0.000000");
    assert_eq!(told(-0.034, 0.012, "%"), "-0.034 ± 0.012");
    assert_eq!(told(53.84, 2.04, "%"), "53.8 ± 2.0");
    assert_eq!(told(5.5, 0.25, "tasks"), "5.50 ± 0.25");
}
