//! The race against made-up costs of which the truth is known.

use super::*;
use crate::experiment::compare::limit::Limit;
use crate::experiment::statistics::BILLION;

const RULES: Rules =
    Rules { replications: 20, confidence: Confidence::USUAL, zone_ppm: 10_000, budget: None };

fn goals() -> Vec<Goal> {
    vec![Goal::of_limit(&Limit::parse("wait<=60").unwrap()).unwrap()]
}

/// Noise from −1 to 1 that depends on its keys only.
fn noise(keys: [u64; 2]) -> f64 {
    let mut state = keys[0].wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ keys[1].wrapping_mul(0xD1B5_4A32);
    state ^= state >> 31;
    state = state.wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^= state >> 29;
    (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

fn exact(value: f64) -> Option<Exact> {
    Some(Exact((value * BILLION as f64) as i128))
}

/// Candidates with a mean cost and a mean wait; what seeds have in common moves all alike, and each has some noise alone.
fn run(truth: &[(f64, f64)], ask: Ask) -> Ran {
    let (cost, wait) = truth[ask.candidate];
    let common = noise([0, ask.seed.into()]);
    let own = noise([ask.candidate as u64 + 1, ask.seed.into()]);
    Ok(vec![
        exact(cost * (1.0 + 0.1 * common + 0.005 * own)),
        exact(wait * (1.0 + 0.2 * common + 0.1 * own)),
    ])
}

fn candidates(count: usize) -> Vec<Candidate> {
    (0..count).map(|_| Candidate::new(Ok(Floor::default()))).collect()
}

fn outcome(truth: &[(f64, f64)], candidates: Vec<Candidate>, rules: &Rules) -> Outcome {
    let mut runner = |_: Stage, asks: &[Ask]| -> Result<Option<Vec<Ran>>, ()> {
        Ok(Some(asks.iter().map(|ask| run(truth, *ask)).collect()))
    };
    race(candidates, &goals(), rules, &mut runner).unwrap()
}

/// Fleets of 1 to 40: each costs a dollar more, and its tasks wait the less.
fn fleets() -> Vec<(f64, f64)> {
    (1..=40).map(|n| (f64::from(n), 600.0 / f64::from(n))).collect()
}

#[test]
fn the_cheapest_that_keeps_the_limit_wins_with_few_runs() {
    let truth = fleets();
    let done = outcome(&truth, candidates(40), &RULES);
    // 10 costs 10 and waits 60: on the limit, which is not shown. 11 waits 54.5.
    let answer = done.answer.unwrap();
    assert_eq!(truth[answer].0, 11.0, "{:?}", done.candidates[answer]);
    assert!(done.race_runs + done.fresh_runs < 40 * 20 / 4, "{}", done.race_runs);
    assert_eq!(done.fresh_runs, 20);
    assert!(matches!(done.candidates[0].verdict, Verdict::Misses { goal: 0 }));
    assert!(matches!(done.candidates[39].verdict, Verdict::NotCheaper { .. }));
    let standings = standings(&done, RULES.confidence);
    let binding = bindings(&done, &goals(), &standings);
    assert_eq!((binding[0].goal, binding[0].without), (0, 0)); // without the limit the smallest would do
    let front = front(&done, &standings, 1, 1.0);
    assert!(front.len() > 20 && front.is_sorted(), "{front:?}");
}

#[test]
fn no_seed_of_the_confirmation_is_one_of_the_race() {
    let truth = fleets();
    let mut stages: Vec<(Stage, u32)> = Vec::new();
    let mut runner = |stage: Stage, asks: &[Ask]| -> Result<Option<Vec<Ran>>, ()> {
        stages.extend(asks.iter().map(|ask| (stage, ask.seed)));
        Ok(Some(asks.iter().map(|ask| run(&truth, *ask)).collect()))
    };
    race(candidates(40), &goals(), &RULES, &mut runner).unwrap();
    for (stage, seed) in stages {
        assert_eq!(stage == Stage::Confirmation, seed >= RULES.replications, "{stage:?} {seed}");
    }
}

#[test]
fn a_budget_is_never_exceeded_and_what_it_left_open_is_said() {
    let truth = fleets();
    for budget in [LEAST_BUDGET, 20, 60, 100] {
        let done = outcome(&truth, candidates(40), &Rules { budget: Some(budget), ..RULES });
        assert!(done.race_runs + done.fresh_runs <= budget, "{budget}: {}", done.race_runs);
        if done.race_runs + done.fresh_runs == budget {
            assert_eq!(done.stopped, Some(Stopped::Runs));
            assert!(done.candidates.iter().any(|of| of.verdict == Verdict::Open));
        }
    }
}

#[test]
fn when_nothing_keeps_the_limit_there_is_no_answer_but_a_nearest() {
    let truth: Vec<(f64, f64)> = (1..=5).map(|n| (f64::from(n), 900.0 / f64::from(n))).collect();
    let done = outcome(&truth, candidates(5), &RULES);
    assert_eq!((done.answer, done.fresh_runs), (None, 0));
    assert_eq!(nearest(&done, &goals()), Some((4, 0)));
    assert!(done.candidates.iter().all(|of| matches!(of.verdict, Verdict::Misses { .. })));
}

#[test]
fn a_winner_by_luck_is_not_confirmed_and_whom_it_beat_comes_back() {
    // The first keeps the limit in all seeds of the race and in none of the confirmation.
    let mut runner = |stage: Stage, asks: &[Ask]| -> Result<Option<Vec<Ran>>, ()> {
        let one = |ask: &Ask| {
            let lucky = ask.candidate == 0 && stage == Stage::Race;
            let wait = if lucky || ask.candidate > 0 { 10.0 } else { 100.0 };
            Ok(vec![exact(1.0 + ask.candidate as f64), exact(wait)])
        };
        Ok(Some(asks.iter().map(one).collect()))
    };
    let done = race(candidates(3), &goals(), &RULES, &mut runner).unwrap();
    assert_eq!(done.answer, Some(1));
    assert_eq!(done.candidates[0].verdict, Verdict::NotConfirmed { goal: 0 });
    assert_eq!(done.candidates[2].verdict, Verdict::NotCheaper { than: 1 });
    assert_eq!(done.sure.to_string(), "97.5 %"); // surer, since it is the second try
}

#[test]
fn bounds_spare_runs_and_change_no_answer() {
    let truth = fleets();
    let bare = outcome(&truth, candidates(40), &RULES);
    let floors = truth.iter().map(|(cost, wait)| {
        let of = |value: f64| (0..20).map(|_| exact(value).unwrap()).collect::<Vec<_>>();
        let floor = Floor { usd: of(cost * 0.85), metrics: vec![of(wait * 0.7)], why: Vec::new() };
        Candidate::new(Ok(floor))
    });
    let bounded = outcome(&truth, floors.collect(), &RULES);
    assert_eq!(bare.answer, bounded.answer);
    assert!(bounded.race_runs < bare.race_runs, "{} {}", bounded.race_runs, bare.race_runs);
    // Whoever is dear may be tried before a best is known: waves go on while it is being shown.
    assert!(bounded.candidates[0].seen.is_empty());
    assert_eq!(bounded.candidates[0].verdict, Verdict::MissesByBound { goal: 0 });
    assert!(matches!(bounded.candidates[39].verdict, Verdict::AboveByBound { .. }));
}

#[test]
fn over_many_races_the_answer_is_within_the_zone_and_keeps_the_limit() {
    // Sixty candidates at random; the truth is known. An answer that breaks the limit may happen in 5 % of the races.
    let (mut broken, mut dear) = (0, 0);
    for number in 0..100u64 {
        let truth: Vec<(f64, f64)> = (0..60)
            .map(|at| {
                let of = |key: u64| 0.5 + 0.5 * noise([1_000 + number, 2 * at + key]);
                (5.0 + 10.0 * of(0), 20.0 + 100.0 * of(1))
            })
            .collect();
        let done = outcome(&truth, candidates(60), &RULES);
        let answer = truth[done.answer.unwrap()];
        // Whoever is within a tenth of the limit cannot be told with 20 seeds and counts as neither.
        let clear = truth.iter().filter(|of| of.1 < 54.0).map(|of| of.0);
        let least = clear.fold(f64::INFINITY, f64::min);
        broken += u32::from(answer.1 > 60.0);
        dear += u32::from(answer.0 > least * 1.011);
    }
    assert!(broken <= 5, "{broken} of 100 answers break the limit");
    assert!(dear <= 5, "{dear} of 100 answers are dearer than the zone allows");
}
