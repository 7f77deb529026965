//! Do 95 % intervals hold what they say? A thousand repetitions of draws whose mean is known; and what common random numbers
//! are worth on a shipped scenario.

use ecsim::base::random::{Purpose, Seed, Stream};
use ecsim::engine::Pulse;
use ecsim::experiment::run_one;
use ecsim::experiment::statistics::precision::{FIRST, Next, Precision};
use ecsim::experiment::statistics::quantile::Quantile;
use ecsim::experiment::statistics::steady::{BatchMeans, warm_up};
use ecsim::experiment::statistics::{Confidence, Exact, Mean, Paired};
use ecsim::scenario::{Scenario, load, load_text};
use ecsim::sim::{Watch, outputs::Sinks};
use std::path::Path;

/// Repetitions, each of ten seeds.
const REPETITIONS: u64 = 1_000;
const SEEDS: u64 = 10;

/// A draw from the normal law with mean 0 and deviation 1: Box and Muller's.
fn normal(stream: &mut Stream) -> f64 {
    let radius = (-2.0 * (1.0 - stream.unit()).ln()).sqrt();
    radius * (std::f64::consts::TAU * stream.unit()).cos()
}

fn exact(value: f64) -> Exact {
    Exact::parse(&format!("{value:.9}")).unwrap()
}

/// How many of the repetitions' intervals hold their answer.
fn covered(holds: impl Fn(Seed) -> bool) -> usize {
    (0..REPETITIONS).filter(|repetition| holds(Seed(1_000 + repetition))).count()
}

#[test]
fn the_interval_of_a_mean_covers_95_of_100() {
    // Deviation 3 around 50. Of a thousand, 950 ± 3 · 6.9 are to be expected; 93 to 97 % are asked for.
    let count = covered(|seed| {
        let values: Vec<Exact> = (0..SEEDS)
            .map(|run| {
                exact(50.0 + 3.0 * normal(&mut seed.family(Purpose::Test, "mean").member(run)))
            })
            .collect();
        let (low, high) = Mean::of(&values, Confidence::USUAL).unwrap().ends();
        low <= 50.0 && 50.0 <= high
    });
    assert!((930..=970).contains(&count), "{count} of {REPETITIONS}");
}

#[test]
fn the_interval_of_a_paired_difference_covers_95_of_100() {
    // What a seed does to both sides has deviation 10, what it does to one alone 1; the difference is 2.
    let mut correlations = 0.0;
    let count = covered(|seed| {
        let pairs = pairs(seed);
        let paired = Paired::of(&pairs, Confidence::USUAL).unwrap();
        let (low, high) = paired.difference.ends();
        low <= 2.0 && 2.0 <= high
    });
    for repetition in 0..REPETITIONS {
        let paired = Paired::of(&pairs(Seed(1_000 + repetition)), Confidence::USUAL).unwrap();
        correlations += paired.correlation.unwrap() / REPETITIONS as f64;
    }
    assert!((930..=970).contains(&count), "{count} of {REPETITIONS}");
    // 100 / 101; that of ten pairs is a little less on average.
    assert!((0.98..0.992).contains(&correlations), "{correlations}");
}

fn pairs(seed: Seed) -> Vec<(Exact, Exact)> {
    let family = seed.family(Purpose::Test, "pairs");
    (0..SEEDS)
        .map(|run| {
            let mut stream = family.member(run);
            let common = 100.0 + 10.0 * normal(&mut stream);
            (exact(common + normal(&mut stream)), exact(common + 2.0 + normal(&mut stream)))
        })
        .collect()
}

#[test]
fn a_test_of_no_difference_is_wrong_five_times_of_100() {
    // The same pairs less the true difference: p ≤ 0.05 is a false alarm.
    let count = covered(|seed| {
        let none: Vec<(Exact, Exact)> = pairs(seed)
            .into_iter()
            .map(|(base, other)| (base, Exact(other.0 - 2_000_000_000)))
            .collect();
        Paired::of(&none, Confidence::USUAL).unwrap().p_value.unwrap() <= 0.05
    });
    assert!((30..=70).contains(&count), "{count} of {REPETITIONS}");
}

/// A metric of ten runs of a shipped scenario with a placement strategy, from a seed on.
fn ten(file: &str, key: &str, strategy: &str, metric: &str, first: u64) -> Vec<Exact> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(file);
    let set = [(key.to_string(), strategy.to_string())];
    ten_of(&load(&path, &set).unwrap(), metric, first)
}

fn ten_of(scenario: &Scenario, metric: &str, first: u64) -> Vec<Exact> {
    (first..first + SEEDS)
        .map(|seed| {
            let pulse = Pulse::default();
            let watch = Watch { pulse: &pulse, check_every_event: false };
            let result = run_one(scenario, Seed(seed), Sinks::default(), watch).unwrap();
            Exact::of(result.summary.get(metric).unwrap()).unwrap()
        })
        .collect()
}

#[test]
fn common_random_numbers_narrow_the_interval_of_binpack_against_spread() {
    let key = "run_task.reports.placement_strategy";
    let binpack = "[{ type = \"binpack\", field = \"memory\" }]";
    let spread = "[{ type = \"spread\", field = \"instanceId\" }]";
    let of = |strategy: &str, metric: &str, first: u64| {
        ten("01-batch-on-ec2.toml", key, strategy, metric, first)
    };
    let of_both = |metric: &str| {
        let base = of(binpack, metric, 1);
        [1, 101].map(|first| {
            let pairs: Vec<_> = base.iter().copied().zip(of(spread, metric, first)).collect();
            Paired::of(&pairs, Confidence::USUAL).unwrap()
        })
    };
    for (metric, least) in [("start_s_mean", 5.0), ("idle_instance_percent", 1.5)] {
        let [common, apart] = of_both(metric);
        let half = |paired: &Paired| paired.difference.half_width.unwrap();
        let factor = half(&apart) / half(&common);
        let told = format!("{metric}: {factor:.2} times narrower; {common:?}, apart {apart:?}");
        println!("{told}");
        assert!(factor >= least && common.correlation.unwrap() > 0.96, "{told}");
    }
    // A fleet that does not change costs the same whatever the rule is: pairs show just that, other seeds ± $2.47.
    let [common, apart] = of_both("total_usd");
    assert!(common.difference.is_constant && common.difference.sum == Exact(0), "{common:?}");
    assert!(apart.difference.half_width.unwrap() > 2.0, "{apart:?}");
}

/// Bursts of tasks on a group that managed scaling moves.
const BREATHES: &str = r#"
[simulation]
name = "breathes"
duration = "24h"
[[task_definition]]
family = "job"
cpu = 512
memory = 1024
image_mib = 100
[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
min_size = 0
max_size = 400
desired_capacity = 2
managed_scaling = { status = "ENABLED", target_capacity = 100 }
[[run_task]]
name = "jobs"
task_definition = "job"
capacity_provider_strategy = [{ capacity_provider = "general", weight = 1 }]
generate = { per_second = 0.02, bursts = { factor = 20, mean_gap = "12h", mean_length = "3h" }, duration = { type = "lognormal", mean = "10m", sigma = 0.5 } }
"#;

#[test]
fn common_random_numbers_narrow_the_interval_of_cost_on_a_fleet_that_breathes() {
    let with = |strategy: &str| {
        let set = [("run_task.jobs.placement_strategy".to_string(), strategy.to_string())];
        load_text(BREATHES, "breathes.toml", Path::new("."), &set).unwrap()
    };
    let binpack = ten_of(&with("[{ type = \"binpack\", field = \"memory\" }]"), "total_usd", 1);
    let spread = with("[{ type = \"spread\", field = \"instanceId\" }]");
    let [common, apart] = [1, 101].map(|first| {
        let pairs: Vec<_> =
            binpack.iter().copied().zip(ten_of(&spread, "total_usd", first)).collect();
        Paired::of(&pairs, Confidence::USUAL).unwrap()
    });
    let half = |paired: &Paired| paired.difference.half_width.unwrap();
    let factor = half(&apart) / half(&common);
    let told = format!("{factor:.2} times narrower; {common:?}, apart {apart:?}");
    println!("{told}");
    assert!(factor >= 5.0 && common.correlation.unwrap() > 0.96, "{told}");
    // As README says.
    let told = [&common, &apart].map(|of| (half(of), of.correlation.unwrap()));
    let told = told.map(|(half, correlation)| format!("{half:.2} {correlation:.3}"));
    assert_eq!(told, ["4.01 0.996", "24.13 0.010"]);
}

#[test]
fn the_interval_of_a_quantile_covers_95_of_100_whatever_the_law() {
    // The 90th percentile of 60 values, and the median of 10: of a normal law, and of an exponential one.
    let is_in = |found: Quantile, truth: f64| {
        found.low.is_some_and(|low| low <= truth) && found.high.is_some_and(|high| truth <= high)
    };
    let exponential = |stream: &mut Stream| -(1.0 - stream.unit()).ln();
    for (count, share, of_normal) in [(10, 0.5, 0.0), (60, 0.9, 1.281_551_565_545)] {
        let holds = |seed: Seed, draw: &dyn Fn(&mut Stream) -> f64, truth: f64| {
            let family = seed.family(Purpose::Test, "quantile");
            let values: Vec<f64> = (0..count).map(|run| draw(&mut family.member(run))).collect();
            is_in(Quantile::of(&values, share, Confidence::USUAL).unwrap(), truth)
        };
        let by_normal = covered(|seed| holds(seed, &normal, of_normal));
        let by_exponential = covered(|seed| holds(seed, &exponential, -(1.0 - share).ln()));
        for found in [by_normal, by_exponential] {
            assert!((930..=970).contains(&found), "{share} of {count}: {found} of {REPETITIONS}");
        }
    }
}

#[test]
fn to_stop_when_an_interval_is_narrow_enough_costs_no_more_than_two_of_100() {
    // Normal with deviation 1 around 10 to ± 2 %, about 97 seeds, where one stops early; exponential to ± 15 %, about 170.
    let normal_ten = |stream: &mut Stream| 10.0 + normal(stream);
    let exponential = |stream: &mut Stream| -(1.0 - stream.unit()).ln();
    let stops = |seed: Seed, draw: &dyn Fn(&mut Stream) -> f64, asked: &Precision| {
        let family = seed.family(Purpose::Test, "precision");
        let mut values: Vec<Exact> = Vec::new();
        let mut wanted = u64::from(FIRST);
        loop {
            values.extend(
                (values.len() as u64..wanted).map(|run| exact(draw(&mut family.member(run)))),
            );
            let mean = Mean::of(&values, Confidence::USUAL).unwrap();
            match asked.next(&mean, mean.mean, Confidence::USUAL) {
                Next::Run(more) => wanted = u64::from(more),
                Next::Enough => return mean,
            }
        }
    };
    for (draw, asked, truth) in
        [(&normal_ten as &dyn Fn(&mut Stream) -> f64, "m=2%", 10.0), (&exponential, "m=15%", 1.0)]
    {
        let asked = Precision::parse(asked).unwrap();
        let mut seeds = 0;
        let count = covered(|seed| {
            let mean = stops(seed, draw, &asked);
            let (low, high) = mean.ends();
            assert!(mean.half_width.unwrap() <= asked.half_width(mean.mean), "what was asked for");
            low <= truth && truth <= high
        });
        for repetition in 0..100 {
            seeds += stops(Seed(1_000 + repetition), draw, &asked).count;
        }
        println!("{}: {count} of {REPETITIONS}, about {} seeds", asked.text, seeds / 100);
        assert!((930..=970).contains(&count), "{}: {count} of {REPETITIONS}", asked.text);
    }
}

#[test]
fn the_interval_of_batch_means_covers_95_of_100_where_values_depend_on_each_other() {
    // Each value is 0.8 of the one before and noise: mean 0, begun far away at 20. 6,000 values a run.
    let mut means_of_all = 0;
    let count = covered(|seed| {
        let mut stream = seed.family(Purpose::Test, "steady").member(0);
        let mut at = 20.0;
        let values: Vec<f64> = (0..6_000)
            .map(|_| {
                at = 0.8 * at + normal(&mut stream);
                at
            })
            .collect();
        let cut = warm_up(&values).expect("it settles at once");
        assert!(cut < 600, "{cut}");
        let found = BatchMeans::of(&values[cut..], None, Confidence::USUAL).unwrap();
        found.mean.abs() <= found.half_width.unwrap()
    });
    for repetition in 0..REPETITIONS {
        // As if they were independent: deviation 1 / 0.6 of one value, 6,000 of them.
        let mut stream = Seed(1_000 + repetition).family(Purpose::Test, "steady").member(0);
        let mut at = 0.0;
        let sum: f64 = (0..6_000)
            .map(|_| {
                at = 0.8 * at + normal(&mut stream);
                at
            })
            .sum();
        means_of_all += u32::from((sum / 6_000.0).abs() <= 1.96 / 0.6 / 6_000.0_f64.sqrt());
    }
    println!("batch means {count}, taken for independent {means_of_all} of {REPETITIONS}");
    assert!((930..=970).contains(&count), "{count} of {REPETITIONS}");
    assert!(
        means_of_all < 600,
        "Student's interval of dependent values is no interval: {means_of_all}"
    );
}

/// The cost of a day of batch on a fleet that breathes under a seed: more work is dearer, so that draws push one way.
fn cost_of_a_day(seed: Seed) -> f64 {
    let text = "[simulation]\nduration = \"8h\"\n[[run_task]]\nname = \"jobs\"\nlaunch_type = \"FARGATE\"\n\
                [run_task.generate]\nper_second = 0.02\nuntil = \"6h\"\nduration = { type = \"exponential\", mean = \"10m\" }\n\
                sizes = [{ cpu = 1024, memory = 2048 }]\n";
    let scenario = load_text(text, "day.toml", Path::new("."), &[]).unwrap();
    let watch = Watch { pulse: &Pulse::default(), check_every_event: false };
    let summary = run_one(&scenario, seed, Sinks::default(), watch).unwrap().summary;
    summary.get("total_usd").unwrap().as_f64().unwrap()
}

fn variance(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64
}

/// Antithetic pairs: their means cover the known answer as often as they say, and vary less than means of two seeds that
/// know nothing of each other.
#[test]
fn mirror_images_cover_and_narrow() {
    // Of means of ten exponential numbers with mean 1: the pairs' mean has 1 in its interval 95 times of 100.
    let draws = |seed: Seed| {
        let ten = |seed: Seed, run: u64| {
            let mut stream = seed.family(Purpose::Test, "image").member(run);
            (0..10).map(|_| -(1.0 - stream.unit()).ln()).sum::<f64>() / 10.0
        };
        let pair = |run: u64| exact((ten(seed, run) + ten(seed.mirrored(), run)) / 2.0);
        (0..2 * SEEDS).map(pair).collect::<Vec<_>>()
    };
    let count = covered(|seed| {
        let (low, high) = Mean::of(&draws(seed), Confidence::USUAL).unwrap().ends();
        low <= 1.0 && 1.0 <= high
    });
    assert!((930..=970).contains(&count), "{count} of {REPETITIONS}");
    // Of a simulated day: arrivals, sizes and durations mirrored.
    let seeds = 200..400u64;
    let pairs: Vec<f64> = seeds
        .clone()
        .map(|seed| (cost_of_a_day(Seed(seed)) + cost_of_a_day(Seed(seed).mirrored())) / 2.0)
        .collect();
    let singles: Vec<f64> = seeds
        .map(|seed| (cost_of_a_day(Seed(seed)) + cost_of_a_day(Seed(seed + 1_000))) / 2.0)
        .collect();
    let (image, plain) = (variance(&pairs), variance(&singles));
    assert!(image < 0.6 * plain, "{image} {plain}");
    // And the mean is the same: mirrored days are days like others.
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let error = 3.0 * (image / pairs.len() as f64 + plain / singles.len() as f64).sqrt();
    assert!((mean(&pairs) - mean(&singles)).abs() < error, "{} {}", mean(&pairs), mean(&singles));
}
