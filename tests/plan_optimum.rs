//! `plan` against the truth: small scenarios at random are searched exhaustively with more seeds, and the race must find
//! the optimum up to its zone with a tenth of these runs. And bounds that no run of them ever beats.

use ecsim::base::random::Seed;
use ecsim::engine::Pulse;
use ecsim::experiment::compare::limit::Limit;
use ecsim::experiment::plan::bounds::Bounds;
use ecsim::experiment::plan::{Ask, Candidate, Goal, Kept, Outcome, Ran, Rules, race};
use ecsim::experiment::run_one;
use ecsim::experiment::statistics::{Confidence, Exact, Mean};
use ecsim::scenario::{Scenario, load_text};
use ecsim::sim::Watch;
use ecsim::sim::outputs::Sinks;
use rayon::prelude::*;
use std::path::Path;

const RULES: Rules =
    Rules { replications: 20, confidence: Confidence::USUAL, zone_ppm: 10_000, budget: None };
/// Seeds of the exhaustive search: others than the race's.
const EXHAUSTIVE: u64 = 70;
const FIRST_EXHAUSTIVE: u64 = 1_000_000;

/// A search at random.
struct Case {
    goal: Goal,
    candidates: Vec<Scenario>,
    labels: Vec<String>,
}

/// The `key`th draw of a case, from 0 to `below`.
fn draw(case: u64, key: u64, below: u64) -> u64 {
    let mut state = (case * 1_000 + key).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    state ^= state >> 31;
    state = state.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (state >> 33) % below
}

const TASK: &str = r#"
[simulation]
name = "case"
[[task_definition]]
family = "job"
cpu = 512
memory = 1024
image_mib = 100
"#;

/// Batch tasks on a fixed fleet: which instances, how many, packed how.
fn batch(case: u64) -> (String, String, Vec<Vec<String>>) {
    let rate = 20 + draw(case, 1, 30);
    let limit = 60 + 30 * draw(case, 2, 20);
    let text = format!(
        r#"{TASK}
[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3
[[run_task]]
name = "jobs"
task_definition = "job"
placement_strategy = [{{ type = "binpack", field = "memory" }}]
on_failure = "queue"
generate = {{ per_second = 0.0{rate}, until = "2h", duration = {{ type = "lognormal", mean = "5m", sigma = 0.8 }} }}
"#
    );
    let types = ["m5.large", "c5.large", "m6a.xlarge"];
    let types = types.map(|name| format!("capacity_provider.general.instance_types=[\"{name}\"]"));
    let counts = (1..=8).map(|n| format!("capacity_provider.general.desired_capacity={n}"));
    let packed = ["binpack", "spread"].map(|how| {
        let field = if how == "binpack" { "cpu" } else { "instanceId" };
        format!("run_task.jobs.placement_strategy=[{{ type = \"{how}\", field = \"{field}\" }}]")
    });
    (text, format!("wait_s_p95<={limit}"), vec![types.to_vec(), counts.collect(), packed.to_vec()])
}

/// Requests with a busy hour on Fargate: how large tasks are, and how many.
fn service(case: u64) -> (String, String, Vec<Vec<String>>) {
    let rate = 40 + 20 * draw(case, 1, 8);
    let limit = [0.5, 1.0, 2.0, 4.0][draw(case, 2, 4) as usize];
    let text = format!(
        r#"{}
[[service]]
name = "web"
task_definition = "job"
launch_type = "FARGATE"
desired_count = 24
[service.load_balancer]
type = "application"
[service.traffic]
cpu_ms_per_request = 12
timeout = "10s"
[service.traffic.generate]
per_second = {rate}
noise_sigma = 0.15
step_change = [{{ at = "1h", factor = 4, lasts = "30m" }}]
[service.scaling]
min_capacity = 2
max_capacity = 40
target_tracking = [{{ name = "cpu", metric = "ECSServiceAverageCPUUtilization", target_value = 60 }}]
"#,
        TASK.replace("image_mib", "network_mode = \"awsvpc\"\nimage_mib")
            .replace("name = \"case\"", "name = \"case\"\nduration = \"3h\"")
    );
    let least = (1..=8).map(|n| format!("service.web.scaling.min_capacity={}", 3 * n));
    let targets = [30, 50, 70, 90].map(|target| {
        let of = "metric = \"ECSServiceAverageCPUUtilization\"";
        format!("service.web.scaling.target_tracking=[{{ name = \"cpu\", {of}, target_value = {target} }}]")
    });
    (text, format!("requests_dropped_percent<={limit}"), vec![least.collect(), targets.to_vec()])
}

/// Tasks on a group with managed scaling: which instances, how many at the least, how full.
fn managed(case: u64) -> (String, String, Vec<Vec<String>>) {
    let rate = 20 + draw(case, 1, 30);
    let limit = 10 + 10 * draw(case, 2, 16);
    let text = format!(
        r#"{}
[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
min_size = 1
max_size = 20
desired_capacity = 4
managed_scaling = {{ status = "ENABLED", target_capacity = 100 }}
[[run_task]]
name = "jobs"
task_definition = "job"
capacity_provider_strategy = [{{ capacity_provider = "general", weight = 1 }}]
generate = {{ per_second = 0.0{rate}, until = "3h", duration = {{ type = "lognormal", mean = "5m", sigma = 0.8 }} }}
"#,
        TASK.replace("name = \"case\"", "name = \"case\"\nduration = \"4h\"")
    );
    let types = ["m5.large", "m5.xlarge", "c5.xlarge"];
    let types = types.map(|name| format!("capacity_provider.general.instance_types=[\"{name}\"]"));
    let least = [0, 2, 3, 4].map(|n| format!("capacity_provider.general.min_size={n}"));
    let full = [50, 70, 85, 100]
        .map(|n| format!("capacity_provider.general.managed_scaling.target_capacity={n}"));
    (text, format!("start_s_p95<={limit}"), vec![types.to_vec(), least.to_vec(), full.to_vec()])
}

fn case(number: u64) -> Case {
    let (text, limit, choices) = match number % 3 {
        0 => batch(number),
        1 => service(number),
        _ => managed(number),
    };
    let mut labels = vec![Vec::new()];
    for values in choices {
        let with = |settings: &Vec<String>| {
            let settings = settings.clone();
            let one = move |value: &String| [settings.clone(), vec![value.clone()]].concat();
            values.iter().map(one).collect::<Vec<_>>()
        };
        labels = labels.iter().flat_map(with).collect();
    }
    let load = |settings: &Vec<String>| {
        let pairs = settings.iter().map(|set| set.split_once('=').unwrap());
        let pairs: Vec<(String, String)> = pairs.map(|(k, v)| (k.into(), v.into())).collect();
        load_text(&text, "case.toml", Path::new(""), &pairs).unwrap_or_else(|e| panic!("{e}"))
    };
    Case {
        goal: Goal::of_limit(&Limit::parse(&limit).unwrap()).unwrap(),
        candidates: labels.par_iter().map(load).collect(),
        labels: labels.iter().map(|settings| settings.join(", ")).collect(),
    }
}

fn run(case: &Case, candidate: usize, seed: Seed) -> Vec<Option<Exact>> {
    let pulse = Pulse::default();
    let watch = Watch { pulse: &pulse, check_every_event: false };
    let done = run_one(&case.candidates[candidate], seed, Sinks::default(), watch).unwrap();
    let value = |name: &str| done.summary.get(name).and_then(Exact::of);
    vec![value("total_usd"), value(&case.goal.metric)]
}

fn search(case: &Case) -> Outcome {
    let goals = [case.goal.clone()];
    let seeds: Vec<Seed> = (0..RULES.replications).map(|seed| Seed(seed.into())).collect();
    let mut bounds = Bounds::new(&goals, &seeds);
    let candidates = case.candidates.iter().map(|of| Candidate::new(Ok(bounds.floor(of))));
    let mut runner = |_, asks: &[Ask]| -> Result<Option<Vec<Ran>>, ()> {
        let one = |ask: &Ask| Ok(run(case, ask.candidate, Seed(ask.seed.into())));
        Ok(Some(asks.par_iter().map(one).collect()))
    };
    race(candidates.collect(), &goals, &RULES, &mut runner).unwrap()
}

/// What the exhaustive search knows of settings.
struct Truth {
    costs: Vec<Exact>,
    /// Whether so many seeds as the race has can be expected to show that they keep the limit.
    is_clear: bool,
    /// Whether they are shown to miss it.
    is_broken: bool,
}

fn truth(case: &Case, candidate: usize) -> Truth {
    let runs: Vec<Vec<Option<Exact>>> =
        (0..EXHAUSTIVE).map(|seed| run(case, candidate, Seed(FIRST_EXHAUSTIVE + seed))).collect();
    let values: Vec<Option<Exact>> = runs.iter().map(|run| run[1]).collect();
    let look = case.goal.look(&values, Confidence::USUAL);
    let mean = look.mean.expect("defined in every run");
    // The interval of 20 seeds is 1.9 times as wide as that of 70, and their mean lies somewhere in it.
    let room = 2.0 * 1.9 * mean.half_width.unwrap_or(0.0);
    Truth {
        costs: runs.iter().map(|run| run[0].unwrap()).collect(),
        is_clear: mean.mean + room <= case.goal.limit.to_f64(),
        is_broken: look.kept == Kept::No,
    }
}

#[test]
fn the_race_finds_the_optimum_of_exhaustive_searches_with_a_tenth_of_their_runs() {
    let (mut searched, mut runs_of_race, mut runs_of_all) = (0, 0, 0);
    let mut told = String::new();
    let mut problems = Vec::new();
    for number in 0.. {
        if searched == 22 {
            break;
        }
        // Waits of groups with managed scaling are minutes or nothing: there is little to find.
        if number % 3 == 2 {
            continue;
        }
        let case = case(number);
        let all: Vec<usize> = (0..case.candidates.len()).collect();
        let keeps = |at: &usize| case.goal.excess(run(&case, *at, Seed(99))[1].unwrap()).0 <= 0;
        let kept = all.par_iter().filter(|at| keeps(at)).count();
        if kept == 0 || kept == all.len() {
            continue;
        }
        let truths: Vec<Truth> = all.par_iter().map(|at| truth(&case, *at)).collect();
        let cost = |at: usize| truths[at].costs.iter().map(|cost| cost.0).sum::<i128>();
        let best = all.iter().copied().filter(|at| truths[*at].is_clear).min_by_key(|at| cost(*at));
        // There must be something to find, and something to leave out.
        let Some(best) = best.filter(|_| truths.iter().any(|truth| truth.is_broken)) else {
            continue;
        };
        searched += 1;
        let done = search(&case);
        let runs = done.race_runs + done.fresh_runs;
        runs_of_race += runs;
        runs_of_all += all.len() as u64 * EXHAUSTIVE;
        let Some(answer) = done.answer else {
            problems.push(format!("case {number}: no answer, {} is one", case.labels[best]));
            continue;
        };
        let above = truths[answer].costs.iter().zip(&truths[best].costs);
        let above: Vec<Exact> = above.map(|(one, best)| Exact(one.0 - best.0)).collect();
        let above = Mean::of(&above, Confidence::USUAL).unwrap();
        let zone = cost(best) as f64 / EXHAUSTIVE as f64 / 1e9 / 100.0;
        let percent = above.mean / zone;
        told += &format!(
            "case {number}: {} of {} runs, {} seeds fresh, {percent:+.2} % of the optimum's cost: {}\n",
            runs,
            all.len() as u64 * EXHAUSTIVE,
            done.fresh_runs,
            case.labels[answer]
        );
        if truths[answer].is_broken {
            problems.push(format!("case {number}: {} breaks the limit", case.labels[answer]));
        }
        if above.ends().0 > zone {
            problems.push(format!(
                "case {number}: {} costs {percent:.2} % more than {}",
                case.labels[answer], case.labels[best]
            ));
        }
        if runs * 10 > all.len() as u64 * EXHAUSTIVE {
            problems.push(format!("case {number}: {runs} runs"));
        }
    }
    println!("{told}in all {runs_of_race} of {runs_of_all} runs");
    assert!(problems.is_empty(), "{problems:#?}\n{told}");
}

#[test]
fn no_run_ever_beats_a_bound() {
    let (mut costs, mut metrics, mut of_groups) = (0, 0, 0);
    for number in 0..60 {
        let mut case = case(number);
        if number % 3 == 0 && number % 2 == 0 {
            // All quantiles of waiting have bounds.
            case.goal.metric = ["wait_s_p50", "wait_s_p90", "wait_s_p99", "wait_s_max"]
                [draw(number, 3, 4) as usize]
                .into();
        }
        let goals = [case.goal.clone()];
        let seeds = [Seed(number), Seed(number + 1)];
        let mut bounds = Bounds::new(&goals, &seeds);
        for candidate in (0..case.candidates.len()).step_by(7) {
            let floor = bounds.floor(&case.candidates[candidate]);
            for (at, seed) in seeds.iter().enumerate() {
                let ran = run(&case, candidate, *seed);
                let [usd, metric] = [ran[0].unwrap(), ran[1].unwrap()];
                let label = &case.labels[candidate];
                let keeps = case.goal.excess(metric).0 <= 0;
                // What serving costs is a bound for those only that serve.
                if let Some(least) = floor.usd.get(at).filter(|least| least.0 > 0 && keeps) {
                    assert!(usd >= *least, "case {number} {label}: {usd:?} {least:?}");
                    costs += 1;
                    of_groups += u32::from(number % 3 == 2);
                }
                if let Some(least) = floor.metrics[0].get(at) {
                    assert!(metric >= *least, "case {number} {label}: {metric:?} {least:?}");
                    metrics += u32::from(least.0 > 0);
                }
            }
        }
    }
    println!("{costs} costs and {metrics} waits or drops");
    assert!(costs > 100 && metrics > 20, "{costs} costs and {metrics} metrics had bounds");
    assert!(of_groups > 20, "{of_groups} costs of groups that scale had bounds");
}
