//! Policies of the program that uses the library, for scaling: what they see, and to what they are held.

use ecsim::base::random::Seed;
use ecsim::base::time::{SimSpan, SimTime};
use ecsim::engine::Pulse;
use ecsim::experiment::compare::{Variant, compare};
use ecsim::experiment::statistics::Confidence;
use ecsim::experiment::{replicate, run_one};
use ecsim::metrics::summary::Summary;
use ecsim::model::own_scaling::{OwnScaling, ScalingPolicy, Seen};
use ecsim::model::scaling::{MetricDelays, MetricValue, ScalableTarget, ScalingMetric};
use ecsim::policy::scaling::{NotScaled, Point, Reason, Scaler, ServiceState, check};
use ecsim::scenario::{Scenario, load_text};
use ecsim::sim::{Watch, outputs::Sinks};
use std::path::Path;

/// Follows 50 % of CPU in proportion, and remembers how often it was asked.
#[derive(Clone, Debug, Default)]
struct Proportional {
    asked: u32,
}

impl ScalingPolicy for Proportional {
    fn desired(&mut self, seen: &Seen<'_>) -> u32 {
        self.asked += 1;
        match seen.metric(0) {
            Some(cpu) => (f64::from(seen.running) * cpu / 50.0).ceil() as u32,
            None => seen.desired,
        }
    }
}

/// One task more with each minute, whatever is measured.
#[derive(Clone, Debug)]
struct Growing(u32);

impl ScalingPolicy for Growing {
    fn desired(&mut self, _: &Seen<'_>) -> u32 {
        self.0 += 1;
        self.0
    }
}

const PROPORTIONAL: OwnScaling = OwnScaling {
    name: "proportional",
    metrics: &[ScalingMetric::Cpu],
    make: || Box::new(Proportional::default()),
};
const GROWING: OwnScaling =
    OwnScaling { name: "growing", metrics: &[], make: || Box::new(Growing(0)) };

fn target(own: OwnScaling) -> ScalableTarget {
    ScalableTarget {
        min_capacity: 2,
        max_capacity: 10,
        target_tracking: vec![],
        step_scaling: vec![],
        scheduled: vec![],
        predictive: vec![],
        own: Some(own),
        scale_in_suspended: false,
        scale_out_suspended: false,
        scheduled_suspended: false,
    }
}

fn state(desired: u32, deploying: bool) -> ServiceState {
    ServiceState { desired, running: desired, deploying }
}

/// One minute of CPU, and the decision when it is visible.
fn minute(
    scaler: &mut Scaler,
    number: u64,
    cpu: u64,
    state: ServiceState,
) -> Option<(Option<u32>, Reason)> {
    let end = SimTime(number * 60_000_000);
    let point = Point::level(MetricValue(cpu * 1_000_000));
    let mut values = [None; 16];
    values[ScalingMetric::Cpu as usize] = Some(point);
    scaler.observe(end, SimSpan::from_secs(60), &values);
    let decision = scaler.evaluate(end + MetricDelays::default().standard, state);
    decision.map(|decision| (decision.to, decision.reason))
}

#[test]
fn a_policy_of_ones_own_sees_the_newest_point_and_is_held_to_its_bounds() {
    let mut scaler = Scaler::new(&target(PROPORTIONAL), MetricDelays::default(), 0);
    let scaled = |to| Some((Some(to), Reason::Scaled));
    assert_eq!(minute(&mut scaler, 1, 75, state(4, false)), scaled(6)); // 4 · 75 ÷ 50
    assert_eq!(minute(&mut scaler, 2, 50, state(6, false)), None, "it wants what there is");
    assert_eq!(
        minute(&mut scaler, 3, 100, state(6, false)),
        scaled(10),
        "12, and the maximum is 10"
    );
    let at_max = Some((None, Reason::NotScaled(NotScaled::AlreadyAtMaxCapacity)));
    assert_eq!(minute(&mut scaler, 4, 100, state(10, false)), at_max);
    assert_eq!(minute(&mut scaler, 5, 100, state(10, false)), None, "a refusal is told once");
    let deploys = Some((None, Reason::NotScaled(NotScaled::DeploymentInProgress)));
    assert_eq!(minute(&mut scaler, 6, 10, state(10, true)), deploys, "no scale-in in a deployment");
    assert_eq!(minute(&mut scaler, 7, 1, state(10, false)), scaled(2), "1, and the minimum is 2");
    let at_min = Some((None, Reason::NotScaled(NotScaled::AlreadyAtMinCapacity)));
    assert_eq!(minute(&mut scaler, 8, 1, state(2, false)), at_min);
    let suspended = ScalableTarget { scale_out_suspended: true, ..target(PROPORTIONAL) };
    let mut scaler = Scaler::new(&suspended, MetricDelays::default(), 0);
    let told = Some((None, Reason::NotScaled(NotScaled::Suspended)));
    assert_eq!(minute(&mut scaler, 1, 99, state(4, false)), told);
}

#[test]
fn it_decides_alone_and_remembers_for_itself() {
    let mut target = target(GROWING);
    assert_eq!(check(&target), Ok(()));
    let mut one = Scaler::new(&target, MetricDelays::default(), 0);
    let first = minute(&mut one, 1, 0, state(2, false));
    assert_eq!(
        first,
        Some((None, Reason::NotScaled(NotScaled::AlreadyAtMinCapacity))),
        "it wants 1"
    );
    let mut copy = one.clone();
    assert_eq!(minute(&mut one, 2, 0, state(2, false)), None, "and 2");
    assert_eq!(minute(&mut one, 3, 0, state(2, false)), Some((Some(3), Reason::Scaled)));
    assert_eq!(
        minute(&mut copy, 2, 0, state(2, false)),
        None,
        "a copy goes on from where it was made"
    );
    target.step_scaling = load(STEPS)
        .setup
        .services
        .iter()
        .next()
        .unwrap()
        .scaling
        .as_ref()
        .unwrap()
        .step_scaling
        .clone();
    let problem = check(&target).unwrap_err();
    assert_eq!(problem[0].1, "\"growing\" decides alone: there are 1 policies beside it");
}

const STEPS: &str = r#"
scaling = { min_capacity = 2, max_capacity = 30, step_scaling = [{ name = "out", metric = "ECSServiceAverageCPUUtilization", alarm = { comparison_operator = "GreaterThanThreshold", threshold = 70, evaluation_periods = 1 }, adjustment_type = "ChangeInCapacity", step_adjustments = [{ metric_interval_lower_bound = 0, scaling_adjustment = 2 }] }] }
"#;
const TRACKING: &str = r#"
scaling = { min_capacity = 2, max_capacity = 30, target_tracking = [{ metric = "ECSServiceAverageCPUUtilization", target_value = 50 }] }
"#;

fn load(scaling: &str) -> Scenario {
    let text = format!(
        "[simulation]\nduration = \"6h\"\nseed = 3\n[[task_definition]]\nfamily = \"web\"\ncpu = 1024\nmemory = 2048\n\
         network_mode = \"awsvpc\"\n[[service]]\nname = \"web\"\ntask_definition = \"web\"\nlaunch_type = \"FARGATE\"\n\
         desired_count = 4\nload_balancer = {{}}\ntraffic = {{ generate = {{ per_second = 100, daily_depth = 0.8, \
         daily_peak = \"4h\" }}, cpu_ms_per_request = 20 }}\n{scaling}"
    );
    load_text(&text, "web.toml", Path::new("."), &[])
        .unwrap_or_else(|problems| panic!("{problems}"))
}

fn run(scenario: &Scenario, seed: Seed, check_every_event: bool) -> (Summary, u64) {
    let pulse = Pulse::default();
    let watch = Watch { pulse: &pulse, check_every_event };
    let result = run_one(scenario, seed, Sinks::default(), watch).unwrap();
    (result.summary, result.digest)
}

#[test]
fn a_run_with_it_is_compared_with_target_tracking() {
    let tracked = load(TRACKING);
    let mut own = load(TRACKING);
    for id in own.setup.services.ids() {
        let target = own.setup.services[id].scaling.as_mut().unwrap();
        target.target_tracking.clear();
        target.own = Some(PROPORTIONAL);
    }
    let variants = [("ECS", &tracked), ("own", &own)].map(|(name, scenario)| {
        let runs =
            replicate(scenario.setup.seed, 4, 2, |_, seed| (seed.0, run(scenario, seed, true).0));
        let runs = runs.unwrap(); // threads can be started
        Variant::of(name, &runs.iter().map(|(seed, summary)| (*seed, summary)).collect::<Vec<_>>())
    });
    let metrics = ["scale_outs", "requests_dropped_percent", "total_usd"].map(String::from);
    let of = compare(&variants, &metrics, Confidence::USUAL);
    let outs = &of.rows.iter().find(|row| row.metric == "scale_outs").unwrap().cells;
    let mean = |index: usize| outs[index].mean.unwrap().mean;
    assert!(mean(0) > 0.0 && mean(1) > 0.0 && mean(0) != mean(1), "{outs:?}");
    let digest = run(&own, Seed(3), false).1;
    assert_eq!(run(&own, Seed(3), true).1, digest, "the same events with all checks on");
}
