use super::*;
use crate::experiment::statistics::BILLION;

/// A variant with one metric, values in whole units by seed from 1 on.
fn variant(name: &str, metric: &str, values: &[i128]) -> Variant {
    let by_seed: BTreeMap<u64, Exact> =
        (1..).zip(values.iter().map(|value| Exact(value * BILLION))).collect();
    let seeds = by_seed.keys().copied().collect();
    let metrics = vec![Measured { name: metric.into(), unit: "USD".into(), by_seed }];
    Variant { name: name.into(), seeds, metrics }
}

fn of(variants: &[Variant], metric: &str) -> Row {
    compare(variants, &[metric.to_string()], Confidence::USUAL).rows.remove(0)
}

#[test]
fn pairs_are_by_seed_and_the_best_is_the_least_mean() {
    // Differences 2, 3, 4: mean 3, deviation 1, half 4.302653 / √3 = 2.484138; t = 3 · √3 = 5.196, of two degrees:
    // p = 1 − t / √(t² + 2) = 1 − 5.196152 / 5.385165 = 0.035098.
    let base = variant("a", "total_usd", &[10, 20, 30]);
    let row = of(&[base, variant("b", "total_usd", &[12, 23, 34])], "total_usd");
    let [a, b] = &row.cells[..] else { panic!("two cells") };
    let paired = b.paired.unwrap();
    assert_eq!(paired.difference.mean, 3.0);
    assert!((paired.difference.half_width.unwrap() - 2.484_138).abs() < 1e-6);
    assert!((b.p_holm.unwrap() - 0.035_098).abs() < 1e-6, "{b:?}");
    assert_eq!((b.is_significant, a.is_significant), (Some(true), None));
    assert!(a.is_best && !b.is_best && a.paired.is_none());
    // Unpaired the same means differ by 3 within ± 25: the seeds' own spread hides it.
    assert!((a.mean.unwrap().half_width.unwrap() - 24.841_377).abs() < 1e-6);
}

#[test]
fn a_second_test_weakens_the_first() {
    let base = variant("a", "total_usd", &[10, 20, 30]);
    let dearer = variant("b", "total_usd", &[12, 23, 34]);
    let noise = variant("c", "total_usd", &[11, 19, 30]);
    let row = of(&[base, dearer, noise], "total_usd");
    assert!((row.cells[1].p_holm.unwrap() - 2.0 * 0.035_098).abs() < 1e-5);
    assert_eq!(row.cells[1].is_significant, Some(false));
}

#[test]
fn seeds_that_only_one_side_has_are_not_paired() {
    let base = variant("a", "total_usd", &[10, 20, 30]);
    let mut other = variant("b", "total_usd", &[11, 22]);
    other.metrics[0].by_seed.insert(9, Exact(99 * BILLION));
    let row = of(&[base.clone(), other], "total_usd");
    let paired = row.cells[1].paired.unwrap();
    assert_eq!((paired.difference.count, paired.difference.mean), (2, 1.5));
    assert_eq!(row.cells[1].mean.unwrap().count, 3);
    let mut foreign = variant("c", "total_usd", &[]);
    foreign.metrics[0].by_seed.insert(9, Exact(1));
    let row = of(&[base, foreign], "total_usd");
    assert_eq!((row.cells[1].paired, row.cells[1].is_significant), (None, None));
}

#[test]
fn one_seed_and_equal_seeds_have_no_interval() {
    let one =
        of(&[variant("a", "total_usd", &[10]), variant("b", "total_usd", &[12])], "total_usd");
    assert_eq!((one.cells[1].p_holm, one.cells[1].is_significant), (None, None));
    assert!(one.cells[0].is_best);
    let [a, b] = [[10, 10], [12, 12]].map(|values| variant("v", "total_usd", &values));
    let exact = of(&[a.clone(), b], "total_usd");
    assert_eq!((exact.cells[1].p_holm, exact.cells[1].is_significant), (None, Some(true)));
    let same = of(&[a.clone(), a], "total_usd");
    assert_eq!(same.cells[1].is_significant, Some(false));
    assert!(same.cells.iter().all(|cell| !cell.is_best), "all are equal: none is best");
}

#[test]
fn metrics_are_chosen_by_name_and_pattern_and_by_what_differs() {
    let mut base = variant("a", "total_usd", &[10, 20]);
    let more = variant("a", "wait_s_p95", &[1, 2]).metrics;
    base.metrics.extend(more);
    let mut other = base.clone();
    assert!(metrics::that_differ(&[base.clone(), other.clone()]).is_empty());
    other.metrics[1].by_seed.insert(2, Exact(5));
    let both = [base, other];
    assert_eq!(metrics::that_differ(&both), ["wait_s_p95"]);
    let chosen = |patterns: &[&str]| {
        let patterns: Vec<String> = patterns.iter().map(|pattern| (*pattern).into()).collect();
        metrics::select(&both, &patterns)
    };
    assert_eq!(chosen(&["wait_*", "*_usd", "total_usd"]).unwrap(), ["wait_s_p95", "total_usd"]);
    let problem = chosen(&["total_uds"]).unwrap_err();
    assert!(problem.contains("no metric \"total_uds\"") && problem.contains("\"total_usd\"?"));
}
