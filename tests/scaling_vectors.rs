//! The published vectors of service auto scaling by name, the rules of bounds, cooldowns and several policies, reaction
//! times, and schedules under daylight saving.

use crate::support::random::drawn;
use ecsim::base::time::{SimSpan, SimTime};
use ecsim::model::scaling::*;
use ecsim::policy::scaling::alarm::{Alarm, AlarmState};
use ecsim::policy::scaling::{
    Decision, NotScaled, Point, PolicyKind, Reason, Scaler, ServiceState, check, metric,
    predictive, schedule, step, target_tracking,
};
use proptest::prelude::*;

const MINUTE: SimSpan = SimSpan::from_secs(60);

fn at(seconds: u64) -> SimTime {
    SimTime(seconds * 1_000_000)
}

/// Whole units as a metric value.
fn units(value: u64) -> MetricValue {
    MetricValue(value * 1_000_000)
}

fn target() -> ScalableTarget {
    ScalableTarget {
        own: None,
        min_capacity: 1,
        max_capacity: 100,
        target_tracking: vec![],
        step_scaling: vec![],
        scheduled: vec![],
        predictive: vec![],
        scale_in_suspended: false,
        scale_out_suspended: false,
        scheduled_suspended: false,
    }
}

fn tracking(metric: ScalingMetric, target: u64) -> TargetTracking {
    TargetTracking {
        name: format!("{}-{target}", metric.name()),
        metric,
        statistic: metric.statistics()[0],
        high_resolution: false,
        target: units(target),
        scale_out_cooldown: SimSpan::from_secs(300),
        scale_in_cooldown: SimSpan::from_secs(300),
        disable_scale_in: false,
        high_periods: 3,
        low_periods: 15,
        low_percent: 90,
        scale_in_percent: 100,
    }
}

fn steps(
    name: &str,
    comparison: Comparison,
    threshold: u64,
    kind: AdjustmentType,
    steps: &[(Option<i64>, Option<i64>, i32)],
) -> StepScaling {
    StepScaling {
        name: name.into(),
        metric: ScalingMetric::Cpu,
        aggregation: Aggregation::Average,
        alarm: AlarmSpec {
            comparison,
            threshold: units(threshold),
            period: MINUTE,
            evaluation_periods: 1,
            datapoints_to_alarm: 1,
            missing: MissingData::Missing,
        },
        adjustment_type: kind,
        steps: steps
            .iter()
            .map(|&(lower, upper, adjustment)| Step {
                lower: lower.map(|b| b * 1_000_000),
                upper: upper.map(|b| b * 1_000_000),
                adjustment,
            })
            .collect(),
        min_magnitude: 0,
        cooldown: SimSpan::from_secs(300),
    }
}

/// A service that obeys at once, minute by minute.
struct Harness {
    scaler: Scaler,
    state: ServiceState,
    minute: u64,
}

impl Harness {
    fn new(target: &ScalableTarget, tasks: u32) -> Harness {
        let scaler = Scaler::new(target, MetricDelays::default(), 0);
        let state = ServiceState { desired: tasks, running: tasks, deploying: false };
        Harness { scaler, state, minute: 0 }
    }

    /// One minute with whole units of (metric, value); the decision is taken when its point is visible. Time is asked with
    /// the delay, so one call is one point.
    fn minute(&mut self, values: &[(ScalingMetric, u64)]) -> Option<Decision> {
        self.minute += 1;
        let mut points = [None; METRICS];
        for &(metric, value) in values {
            points[metric as usize] = Some(Point::level(units(value)));
        }
        self.scaler.observe(at(60 * self.minute), MINUTE, &points);
        let decision = self.scaler.evaluate(at(60 * self.minute + 120), self.state);
        if let Some(to) = decision.as_ref().and_then(|d| d.to) {
            self.state.desired = to;
        }
        decision
    }

    fn cpu(&mut self, percent: u64) -> Option<Decision> {
        self.minute(&[(ScalingMetric::Cpu, percent)])
    }

    /// All decisions of `count` minutes.
    fn minutes(&mut self, count: usize, percent: u64) -> Vec<Decision> {
        (0..count).filter_map(|_| self.cpu(percent)).collect()
    }

    fn start_tasks(&mut self) {
        self.state.running = self.state.desired;
    }
}

fn to(decision: Option<Decision>) -> Option<u32> {
    decision.and_then(|d| d.to)
}

fn reasons(decisions: &[Decision]) -> Vec<&'static str> {
    decisions.iter().map(|d| d.reason.name()).collect()
}

fn always(name: &str, change: i32) -> StepScaling {
    let kind = AdjustmentType::ChangeInCapacity;
    steps(name, Comparison::Above, 50, kind, &[(Some(0), None, change)])
}

#[test]
fn as_40_the_largest_capacity_wins() {
    let percent = AdjustmentType::PercentChangeInCapacity;
    let two = vec![
        always("three", 3),
        steps("triple", Comparison::Above, 50, percent, &[(Some(0), None, 200)]),
    ];
    let mut h = Harness::new(&ScalableTarget { step_scaling: two, ..target() }, 10);
    let decision = h.cpu(60).unwrap();
    assert_eq!((decision.to, &*decision.policy_name), (Some(30), "triple"));
}

#[test]
fn as_41_capacity_already_added_counts_during_the_cooldown() {
    let kind = AdjustmentType::ChangeInCapacity;
    let policy =
        steps("p", Comparison::Above, 50, kind, &[(Some(0), Some(20), 2), (Some(20), None, 3)]);
    let mut h = Harness::new(&ScalableTarget { step_scaling: vec![policy], ..target() }, 10);
    assert_eq!(to(h.cpu(60)), Some(12));
    h.start_tasks();
    assert_eq!(to(h.cpu(80)), Some(13), "three are wanted, two are there: one more");
    h.start_tasks();
    assert_eq!(reasons(&h.minutes(3, 80)), ["ScaleOutCooldown"], "told once");
    assert_eq!(
        to(Some(h.minutes(3, 80).remove(0))),
        Some(16),
        "after the cooldown it starts from what runs"
    );
}

#[test]
fn as_43_backlog_per_task() {
    let wanted = metric::acceptable_backlog(10_000, 100).unwrap();
    assert_eq!(wanted, units(100));
    let backlog = metric::per_task(1_500, 10).unwrap();
    assert_eq!(target_tracking::wanted(10, backlog, wanted), 15);
}

#[test]
fn as_44_concurrency_per_target() {
    assert_eq!(metric::per_task(1_000, 10), Some(units(100)));
    assert_eq!(metric::per_task(1_000, 0), None);
}

#[test]
fn as_45_utilisation_may_exceed_100_percent() {
    assert_eq!(metric::utilisation(2_048, 512), Some(units(400)));
    assert_eq!(metric::utilisation(512, 1_024), Some(units(50)));
}

#[test]
fn as_46_utilisation_is_of_the_reservation() {
    assert_eq!(metric::utilisation(128, 512), Some(units(25)));
    assert_eq!(metric::utilisation(128, 1_024), Some(MetricValue(12_500_000)));
}

#[test]
fn as_47_reservation_of_a_cluster() {
    // 10,240 of 18,432 units are 55.6 %; 20,480 of 33,926 MiB are 60.4 %.
    assert_eq!(metric::utilisation(10 * 1_024, 16_384 + 2_048).unwrap().0 / 1_000_000, 55);
    assert_eq!(metric::utilisation(10 * 2_048, 30_158 + 3_768).unwrap().0 / 1_000_000, 60);
}

#[test]
fn as_48_target_tracking_rounds_up() {
    assert_eq!(target_tracking::wanted(3, units(84), units(60)), 5);
    let mut h = Harness::new(
        &ScalableTarget { target_tracking: vec![tracking(ScalingMetric::Cpu, 60)], ..target() },
        3,
    );
    assert_eq!(to(h.minutes(3, 84).pop()), Some(5));
}

#[test]
fn as_49a_twice_the_tasks_have_half_the_utilisation() {
    let used_by_all = 80 * 10;
    assert_eq!(metric::utilisation(used_by_all, 10 * 100), Some(units(80)));
    assert_eq!(metric::utilisation(used_by_all, 20 * 100), Some(units(40)));
}

#[test]
fn as_49b_headroom_for_the_loss_of_a_zone() {
    assert_eq!(metric::tasks_with_headroom(10, 2), Some(20));
    assert_eq!(metric::tasks_with_headroom(10, 3), Some(15));
    assert_eq!(metric::tasks_with_headroom(5, 3), Some(8), "ceil(7.5)");
    assert_eq!(metric::tasks_with_headroom(5, 1), None);
}

#[test]
fn as_50_percentages_round_towards_zero_but_not_to_zero() {
    for (running, percent, change) in
        [(127, 10, 12), (67, 1, 1), (58, -1, -1), (667, -1, -6), (9, 0, 0)]
    {
        assert_eq!(step::percent_of(running, percent), change, "{percent} % of {running}");
    }
}

#[test]
fn as_51_a_percentage_has_a_least_magnitude() {
    assert_eq!(step::adjusted(AdjustmentType::PercentChangeInCapacity, 2, 4, 25), 6);
    assert_eq!(step::adjusted(AdjustmentType::PercentChangeInCapacity, 2, 4, -25), 2);
}

#[test]
fn adjustment_types_change_set_and_scale_the_capacity() {
    assert_eq!(step::adjusted(AdjustmentType::ChangeInCapacity, 0, 3, 5), 8);
    assert_eq!(step::adjusted(AdjustmentType::ExactCapacity, 0, 3, 5), 5);
    assert_eq!(step::adjusted(AdjustmentType::PercentChangeInCapacity, 0, 10, 10), 11);
}

#[test]
fn as_52_the_documented_sequence_of_steps() {
    let percent = AdjustmentType::PercentChangeInCapacity;
    let out = steps(
        "out",
        Comparison::AtLeast,
        50,
        percent,
        &[(Some(0), Some(10), 0), (Some(10), Some(20), 10), (Some(20), None, 30)],
    );
    let into = steps(
        "in",
        Comparison::AtMost,
        50,
        percent,
        &[(None, Some(-20), -30), (Some(-20), Some(-10), -10), (Some(-10), Some(0), 0)],
    );
    for policy in [&out, &into] {
        assert_eq!(step::check(&policy.steps), Ok(()));
    }
    let mut h = Harness::new(&ScalableTarget { step_scaling: vec![out, into], ..target() }, 10);
    for (metric, expected) in [(60, 11), (70, 14), (40, 13), (30, 10)] {
        assert_eq!(to(h.cpu(metric)), Some(expected), "metric {metric}");
        h.start_tasks();
        // Ten minutes at a metric without an adjustment let every cooldown end.
        h.minutes(10, 51);
    }
}

#[test]
fn as_55_the_maximum_may_be_raised_above_the_forecast() {
    let raise = BreachBehaviour::IncreaseMaxCapacity { buffer_percent: 10 };
    assert_eq!(predictive::effective_max(50, 40, raise), 55);
    assert_eq!(predictive::effective_max(50, 40, BreachBehaviour::HonorMaxCapacity), 40);
}

/// The state after `points` (oldest first: `0` in order, `X` breaching, `-` missing), when it was ALARM and when it was
/// INSUFFICIENT_DATA before.
fn states(points: &str, m: u32, missing: MissingData) -> [AlarmState; 2] {
    [AlarmState::Alarm, AlarmState::InsufficientData].map(|before| {
        let mut alarm = Alarm::new(AlarmSpec {
            comparison: Comparison::Above,
            threshold: units(50),
            period: MINUTE,
            evaluation_periods: 3,
            datapoints_to_alarm: m,
            missing,
        });
        if before == AlarmState::Alarm {
            (0..3).for_each(|_| alarm.push(Some(units(60))));
            alarm.evaluate();
        }
        for point in points.split(' ') {
            alarm.push((point != "-").then(|| units(if point == "X" { 60 } else { 50 })));
        }
        assert_eq!(alarm.state(), before);
        alarm.evaluate()
    })
}

/// One row: letters of the states for missing, ignore, breaching, notBreaching; `r` retains.
fn row(points: &str, m: u32, expected: &str) {
    let all = [
        MissingData::Missing,
        MissingData::Ignore,
        MissingData::Breaching,
        MissingData::NotBreaching,
    ];
    for (missing, letter) in all.into_iter().zip(expected.chars()) {
        let expected = match letter {
            'O' => [AlarmState::Ok; 2],
            'A' => [AlarmState::Alarm; 2],
            'I' => [AlarmState::InsufficientData; 2],
            _ => [AlarmState::Alarm, AlarmState::InsufficientData],
        };
        assert_eq!(states(points, m, missing), expected, "{points} {missing:?}");
    }
}

macro_rules! missing_data_rows {
    ($($name:ident: $points:literal, $m:literal => $expected:literal;)*) => {
        $(#[test] fn $name() { row($points, $m, $expected); })*
    };
}

missing_data_rows! {
    missing_data_3_of_3_row_1_ok_gap_breach_gap_breach: "0 - X - X", 3 => "OOOO";
    missing_data_3_of_3_row_2_ok_and_four_gaps: "0 - - - -", 3 => "OOOO";
    missing_data_3_of_3_row_3_nothing: "- - - - -", 3 => "IrAO";
    missing_data_3_of_3_row_4_three_breaches: "0 X X - X", 3 => "AAAA";
    missing_data_3_of_3_row_5_premature: "- - X - -", 3 => "ArAO";
    missing_data_2_of_3_row_1_two_breaches: "0 - X - X", 2 => "AAAA";
    missing_data_2_of_3_row_2_two_of_the_newest_three: "0 0 X 0 X", 2 => "AAAA";
    missing_data_2_of_3_row_3_one_breach: "0 - X - -", 2 => "OOAO";
    missing_data_2_of_3_row_4_one_in_order: "- - - - 0", 2 => "OOAO";
    missing_data_2_of_3_row_5_premature: "- - - X -", 2 => "ArAO";
}

fn tracked(policies: Vec<TargetTracking>) -> ScalableTarget {
    ScalableTarget { target_tracking: policies, ..target() }
}

#[test]
fn scale_in_waits_for_15_points_and_then_for_its_cooldown() {
    let mut h = Harness::new(&tracked(vec![tracking(ScalingMetric::Cpu, 60)]), 10);
    assert!(h.minutes(14, 30).is_empty());
    assert_eq!(to(h.cpu(30)), Some(5));
    h.start_tasks();
    assert_eq!(reasons(&h.minutes(4, 30)), ["ScaleInCooldown"]);
    assert_eq!(to(h.cpu(30)), Some(3), "ceil(2.5), 300 s later");
}

#[test]
fn a_scale_out_interrupts_the_cooldown_of_a_scale_in() {
    let mut h = Harness::new(&tracked(vec![tracking(ScalingMetric::Cpu, 60)]), 10);
    assert_eq!(to(h.minutes(15, 30).pop()), Some(5));
    h.start_tasks();
    assert_eq!(to(h.minutes(3, 120).pop()), Some(10));
}

#[test]
fn several_target_tracking_policies_scale_in_only_together() {
    let two = vec![tracking(ScalingMetric::Cpu, 60), tracking(ScalingMetric::Memory, 60)];
    let mut h = Harness::new(&tracked(two.clone()), 10);
    for _ in 0..30 {
        assert_eq!(h.minute(&[(ScalingMetric::Cpu, 30), (ScalingMetric::Memory, 58)]), None);
    }
    let last = (0..15)
        .filter_map(|_| h.minute(&[(ScalingMetric::Cpu, 12), (ScalingMetric::Memory, 48)]))
        .last();
    assert_eq!(to(last), Some(8), "the larger of 2 and 8");
    let mut h = Harness::new(&tracked(two), 10);
    for _ in 0..30 {
        assert_eq!(h.cpu(30), None, "no data is no consent");
    }
}

#[test]
fn one_target_tracking_policy_is_enough_to_scale_out() {
    let two = vec![tracking(ScalingMetric::Cpu, 60), tracking(ScalingMetric::Memory, 60)];
    let mut h = Harness::new(&tracked(two), 10);
    let last = (0..20)
        .filter_map(|_| h.minute(&[(ScalingMetric::Cpu, 90), (ScalingMetric::Memory, 10)]))
        .next();
    assert_eq!(to(last), Some(15));
}

#[test]
fn scale_in_disabled_neither_scales_in_nor_is_asked() {
    let off = TargetTracking { disable_scale_in: true, ..tracking(ScalingMetric::Memory, 60) };
    let mut h = Harness::new(&tracked(vec![off.clone()]), 10);
    assert!((0..30).all(|_| h.minute(&[(ScalingMetric::Memory, 1)]).is_none()));
    let mut h = Harness::new(&tracked(vec![tracking(ScalingMetric::Cpu, 60), off]), 10);
    assert_eq!(to(h.minutes(15, 30).pop()), Some(5));
}

#[test]
fn a_lower_count_that_would_breach_again_is_flapping() {
    let mut h = Harness::new(&tracked(vec![tracking(ScalingMetric::Cpu, 60)]), 2);
    // ceil(2 · 50 / 60) = 2: one task would have 100 %.
    assert_eq!(reasons(&h.minutes(40, 50)), ["AutoScalingAnticipatedFlapping"]);
}

#[test]
fn bounds_hold_and_are_told_once() {
    let mut h = Harness::new(&tracked(vec![tracking(ScalingMetric::Cpu, 60)]), 100);
    assert_eq!(reasons(&h.minutes(20, 90)), ["AlreadyAtMaxCapacity"]);
    let mut h = Harness::new(&tracked(vec![tracking(ScalingMetric::Cpu, 60)]), 1);
    assert_eq!(reasons(&h.minutes(40, 10)), ["AlreadyAtMinCapacity"]);
}

#[test]
fn a_count_below_the_minimum_goes_to_it_first_and_never_further_down() {
    let bounds =
        ScalableTarget { min_capacity: 5, ..tracked(vec![tracking(ScalingMetric::Cpu, 60)]) };
    let mut h = Harness::new(&bounds, 2);
    assert_eq!(to(h.minutes(3, 240).pop()), Some(5));
    assert_eq!(to(h.cpu(240)), Some(8), "then as computed from the two that run");
    let mut h = Harness::new(&bounds, 2);
    assert_eq!(reasons(&h.minutes(20, 1)), ["AlreadyAtMinCapacity"]);
}

#[test]
fn a_count_above_the_maximum_goes_to_it_first_and_never_further_up() {
    let bounds =
        ScalableTarget { max_capacity: 5, ..tracked(vec![tracking(ScalingMetric::Cpu, 60)]) };
    let mut h = Harness::new(&bounds, 9);
    assert_eq!(to(h.minutes(15, 20).pop()), Some(5));
    assert_eq!(to(h.cpu(20)), Some(3), "then as computed from the nine that run");
    let mut h = Harness::new(&bounds, 9);
    assert_eq!(reasons(&h.minutes(5, 200)), ["AlreadyAtMaxCapacity"]);
}

#[test]
fn computation_starts_from_running_tasks_and_so_does_not_run_away() {
    let mut h = Harness::new(&tracked(vec![tracking(ScalingMetric::Cpu, 60)]), 10);
    assert_eq!(to(h.minutes(3, 90).pop()), Some(15));
    // The five new ones cannot be placed for an hour.
    assert_eq!(reasons(&h.minutes(60, 90)), ["ScaleOutCooldown", "AlreadyAtDesiredCapacity"]);
}

#[test]
fn a_deployment_blocks_scale_in_and_not_scale_out() {
    let mut h = Harness::new(&tracked(vec![tracking(ScalingMetric::Cpu, 60)]), 10);
    h.state.deploying = true;
    assert_eq!(reasons(&h.minutes(30, 30)), ["DeploymentInProgress"]);
    assert_eq!(to(h.minutes(3, 90).pop()), Some(15));
    let mut h = Harness::new(&tracked(vec![tracking(ScalingMetric::Cpu, 60)]), 10);
    h.state.deploying = true;
    h.minutes(30, 30);
    h.state.deploying = false;
    assert_eq!(to(h.cpu(30)), Some(5), "at once when it ends");
}

#[test]
fn suspended_directions_do_nothing() {
    let base = tracked(vec![tracking(ScalingMetric::Cpu, 60)]);
    let mut h = Harness::new(&ScalableTarget { scale_in_suspended: true, ..base.clone() }, 10);
    assert_eq!(reasons(&h.minutes(30, 30)), ["DynamicScalingSuspended"]);
    assert_eq!(to(h.minutes(3, 90).pop()), Some(15));
    let mut h = Harness::new(&ScalableTarget { scale_out_suspended: true, ..base }, 10);
    assert_eq!(reasons(&h.minutes(10, 90)), ["DynamicScalingSuspended"]);
}

#[test]
fn without_tasks_one_point_above_the_target_wakes_the_service() {
    let zero = ScalableTarget {
        min_capacity: 0,
        ..tracked(vec![tracking(ScalingMetric::BacklogPerTask, 10)])
    };
    let mut h = Harness::new(&zero, 0);
    assert_eq!(h.minute(&[]), None);
    assert_eq!(to(h.minute(&[(ScalingMetric::BacklogPerTask, 500)])), Some(1));
}

#[test]
fn a_decision_says_which_alarm_fired_on_which_numbers() {
    let mut h = Harness::new(&tracked(vec![tracking(ScalingMetric::Cpu, 60)]), 3);
    h.minutes(2, 70);
    let decision = h.cpu(84).unwrap();
    let alarm = decision.alarm.unwrap();
    assert_eq!(&*alarm.name, "TargetTracking-ECSServiceAverageCPUUtilization-60-AlarmHigh");
    assert_eq!(alarm.datapoints, [(at(60), units(70)), (at(120), units(70)), (at(180), units(84))]);
    assert_eq!((decision.kind, decision.reason), (PolicyKind::TargetTracking, Reason::Scaled));
    assert_eq!(
        (decision.wanted, decision.metric),
        (Some(5), Some((ScalingMetric::Cpu, units(84))))
    );
}

/// Seconds from a step in load to the decision. Points are means over their period.
fn reaction(step_s: u64, period_s: u64, delay_s: u64) -> u64 {
    let policy =
        TargetTracking { high_resolution: period_s == 20, ..tracking(ScalingMetric::Cpu, 60) };
    let mut scaler = Scaler::new(&tracked(vec![policy]), MetricDelays::default(), 0);
    let state = ServiceState { desired: 10, running: 10, deploying: false };
    let span = SimSpan::from_secs(period_s);
    for now in 0..step_s + 1_000 {
        if now > 0 && now % period_s == 0 {
            let after = now.saturating_sub(step_s).min(period_s);
            // 10 % before the step; after it 60.5 %, little enough for a period that is not wholly after it.
            let mean = (10_000_000 * (period_s - after) + 60_500_000 * after) / period_s;
            let mut points = [None; METRICS];
            points[0] = Some(Point::level(MetricValue(mean)));
            scaler.observe(at(now), span, &points);
        }
        if now % period_s == delay_s % period_s
            && scaler.evaluate(at(now), state).is_some_and(|d| d.to == Some(11))
        {
            return now - step_s;
        }
    }
    unreachable!("it reacts in the end")
}

#[test]
fn standard_metrics_react_within_300_to_360_s() {
    let times: Vec<u64> = (600..660).map(|step| reaction(step, 60, 120)).collect();
    assert_eq!((times.iter().min(), times.iter().max()), (Some(&300), Some(&359)));
}

#[test]
fn high_resolution_metrics_react_within_80_to_100_s() {
    let times: Vec<u64> = (600..660).map(|step| reaction(step, 20, 20)).collect();
    assert_eq!((times.iter().min(), times.iter().max()), (Some(&80), Some(&99)));
}

/// Unix seconds of a local time with its offset.
fn unix(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_second()
}

/// The first due times after an instant.
fn due(expression: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
    let schedule = schedule::parse(expression, zone).unwrap();
    let mut now = unix(after);
    let next = || {
        now = schedule.next(now, unix(after))?;
        Some(jiff::Timestamp::from_second(now).unwrap().to_string())
    };
    std::iter::from_fn(next).take(count).collect()
}

#[test]
fn cron_examples_match_their_documented_meaning() {
    let start = "2026-01-01T00:00:00Z";
    for (expression, expected) in [
        // 1 January 2026 is a Thursday.
        (
            "cron(30 7 ? * MON-FRI *)",
            ["2026-01-01T07:30:00Z", "2026-01-02T07:30:00Z", "2026-01-05T07:30:00Z"],
        ),
        (
            "cron(0 1 L * ? *)",
            ["2026-01-31T01:00:00Z", "2026-02-28T01:00:00Z", "2026-03-31T01:00:00Z"],
        ),
        (
            "cron(0 10 ? * 2#1 *)",
            ["2026-01-05T10:00:00Z", "2026-02-02T10:00:00Z", "2026-03-02T10:00:00Z"],
        ),
        (
            "cron(0 18 ? * 6L *)",
            ["2026-01-30T18:00:00Z", "2026-02-27T18:00:00Z", "2026-03-27T18:00:00Z"],
        ),
        // 15 February and 15 March are Sundays.
        (
            "cron(15 10 15W * ? *)",
            ["2026-01-15T10:15:00Z", "2026-02-16T10:15:00Z", "2026-03-16T10:15:00Z"],
        ),
        (
            "cron(0/15 * * * ? *)",
            ["2026-01-01T00:15:00Z", "2026-01-01T00:30:00Z", "2026-01-01T00:45:00Z"],
        ),
        (
            "cron(0 9 ? * 1 *)",
            ["2026-01-04T09:00:00Z", "2026-01-11T09:00:00Z", "2026-01-18T09:00:00Z"],
        ),
        (
            "rate(5 minutes)",
            ["2026-01-01T00:05:00Z", "2026-01-01T00:10:00Z", "2026-01-01T00:15:00Z"],
        ),
    ] {
        assert_eq!(due(expression, "UTC", start, 3), expected, "{expression}");
    }
    let years = due("cron(0 9 1 1 ? 2027-2028)", "", start, 9);
    assert_eq!(years, ["2027-01-01T09:00:00Z", "2028-01-01T09:00:00Z"]);
    assert_eq!(due("at(2026-06-01T12:00:00)", "Europe/Berlin", start, 9), ["2026-06-01T10:00:00Z"]);
    assert_eq!(due("cron(0 0 30 2 ? *)", "UTC", start, 9), [""; 0], "30 February never comes");
    assert_eq!(due("cron(0 0 29 2 ? *)", "UTC", start, 1), ["2028-02-29T00:00:00Z"]);
}

#[test]
fn a_skipped_local_time_is_due_at_the_next_existing_one() {
    // 8 March 2026: 02:00 EST becomes 03:00 EDT, which is 07:00 UTC.
    let found = due("cron(30 2 * * ? *)", "America/New_York", "2026-03-07T00:00:00Z", 3);
    assert_eq!(found, ["2026-03-07T07:30:00Z", "2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"]);
    // One that runs on this day anyway has no need to: 1:30 EST, 3:30 EDT.
    let found = due("cron(30 * * * ? *)", "America/New_York", "2026-03-08T06:00:00Z", 3);
    assert_eq!(found, ["2026-03-08T06:30:00Z", "2026-03-08T07:30:00Z", "2026-03-08T08:30:00Z"]);
    let found = due("at(2026-03-08T02:30:00)", "America/New_York", "2026-03-07T00:00:00Z", 3);
    assert_eq!(found, ["2026-03-08T07:00:00Z"]);
}

#[test]
fn a_repeated_local_time_is_due_once() {
    // 1 November 2026: 02:00 EDT becomes 01:00 EST, so 01:30 comes at 05:30 and at 06:30 UTC.
    let found = due("cron(30 1 * * ? *)", "America/New_York", "2026-10-31T12:00:00Z", 2);
    assert_eq!(found, ["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"]);
}

#[test]
fn schedules_that_are_wrong_are_refused_in_words() {
    for (expression, zone, part) in [
        ("cron(0 9 * * ? *)", "Mars/Olympus", "unknown time zone `Mars/Olympus`"),
        ("cron(0 9 * * ?)", "UTC", "six fields"),
        ("cron(0 9 * * * *)", "UTC", "must be `?`"),
        ("cron(0 9 ? * ? *)", "UTC", "only one of"),
        ("cron(60 9 * * ? *)", "UTC", "`60` is wrong in the field minutes (0 to 59)"),
        ("cron(0 9 ? * FRI-MON *)", "UTC", "a range goes up"),
        ("cron(0/0 9 * * ? *)", "UTC", "a step is a number above 0"),
        ("cron(0 9 ? * 2#6 *)", "UTC", "1 to 5"),
        ("rate(0 minutes)", "UTC", "at least 1"),
        ("rate(5 weeks)", "UTC", "minutes, hours or days"),
        ("at(2026-02-30T00:00:00)", "UTC", "yyyy-mm-ddThh:mm:ss"),
        ("every day", "UTC", "is no schedule"),
    ] {
        let error = schedule::parse(expression, zone).unwrap_err();
        assert!(error.contains(part), "{expression}: {error}");
    }
}

#[test]
fn steps_with_gaps_overlaps_or_too_many_are_refused() {
    let step = |lower: Option<i64>, upper: Option<i64>| Step { lower, upper, adjustment: 1 };
    let says = |steps: &[Step]| step::check(steps).unwrap_err();
    assert!(says(&[]).contains("1 to 20"));
    assert!(says(&[step(None, None); 21]).contains("not 21"));
    assert!(says(&[step(Some(0), Some(5)), step(Some(6), None)]).contains("a gap"));
    assert!(says(&[step(Some(0), Some(5)), step(Some(4), None)]).contains("overlap"));
    assert!(says(&[step(Some(0), None), step(Some(4), None)]).contains("overlap"));
    assert!(says(&[step(Some(5), Some(5))]).contains("below the upper bound"));
}

fn action(schedule: &str, min: Option<u32>, max: Option<u32>) -> ScheduledAction {
    ScheduledAction {
        name: "a".into(),
        schedule: schedule.into(),
        timezone: "UTC".into(),
        min_capacity: min,
        max_capacity: max,
    }
}

#[test]
fn scheduled_actions_set_bounds_and_the_count_follows() {
    let scheduled = vec![
        action("at(1970-01-01T01:00:00)", Some(20), None),
        action("at(1970-01-01T02:00:00)", Some(1), Some(8)),
        action("at(1970-01-01T03:00:00)", Some(50), None),
    ];
    let with = ScalableTarget { scheduled, ..target() };
    let mut h = Harness::new(&with, 10);
    assert_eq!(h.scaler.next_action(), Some(at(3_600)));
    let decisions = h.scaler.act(at(3_600), h.state);
    assert_eq!((decisions[0].to, h.scaler.min_max()), (Some(20), (20, 100)));
    h.state.desired = 20;
    let decisions = h.scaler.act(at(7_200), h.state);
    assert_eq!((decisions[0].to, h.scaler.min_max()), (Some(8), (1, 8)));
    h.state.desired = 8;
    let decisions = h.scaler.act(at(10_800), h.state);
    assert_eq!(decisions[0].reason, Reason::NotScaled(NotScaled::ValidationException));
    assert_eq!((h.scaler.min_max(), h.scaler.next_action()), ((1, 8), None));
    let mut h = Harness::new(&ScalableTarget { scheduled_suspended: true, ..with }, 10);
    assert_eq!(h.scaler.act(at(3_600), h.state), []);
}

/// Decisions of predictive scaling over `days` of a load of 40 tasks' worth from 09:00 to 17:00 and of 10 otherwise.
fn predicted(policy: PredictiveScaling, days: u64) -> Vec<(u64, u32)> {
    let mut scaler = Scaler::new(
        &ScalableTarget { predictive: vec![policy], ..target() },
        MetricDelays::default(),
        0,
    );
    let mut state = ServiceState { desired: 10, running: 10, deploying: false };
    let mut raised = Vec::new();
    for minute in 1..days * 1_440 {
        while scaler.next_action().is_some_and(|next| next <= at(60 * minute)) {
            let now = scaler.next_action().unwrap();
            raised
                .extend(scaler.act(now, state).iter().map(|d| (now.0 / 1_000_000, d.to.unwrap())));
        }
        let is_day = (9..17).contains(&((minute - 1) / 60 % 24));
        let load = if is_day { 40 } else { 10 };
        state = ServiceState { desired: load, running: load, ..state };
        let mut points = [None; METRICS];
        points[0] = Some(Point::level(units(60)));
        scaler.observe(at(60 * minute), MINUTE, &points);
        scaler.evaluate(at(60 * minute), state);
    }
    raised
}

#[test]
fn predictive_scaling_raises_capacity_ahead_of_the_hour_after_a_day_of_data() {
    let policy = PredictiveScaling {
        name: "forecast".into(),
        metric: ScalingMetric::Cpu,
        target: units(60),
        scales: true,
        scheduling_buffer: SimSpan::from_secs(300),
        breach: BreachBehaviour::HonorMaxCapacity,
    };
    let raised = predicted(policy.clone(), 4);
    let second_morning = 2 * 86_400 + 9 * 3_600 - 300;
    assert!(raised.iter().all(|&(when, _)| when >= 86_400), "{raised:?}");
    assert!(raised.contains(&(second_morning, 40)), "{raised:?}");
    assert_eq!(predicted(PredictiveScaling { scales: false, ..policy }, 4), []);
}

#[test]
fn a_target_is_checked_as_a_whole() {
    let wrong = ScalableTarget {
        min_capacity: 5,
        max_capacity: 4,
        target_tracking: vec![tracking(ScalingMetric::Cpu, 0); 51],
        scheduled: vec![action("soon", None, None)],
        ..target()
    };
    let problems = check(&wrong).unwrap_err();
    assert_eq!(problems.len(), 2 + 51 + 2);
    assert_eq!(check(&tracked(vec![tracking(ScalingMetric::Cpu, 60)])), Ok(()));
}

fn mixed(min: u32, max: u32) -> ScalableTarget {
    let percent = AdjustmentType::PercentChangeInCapacity;
    ScalableTarget {
        min_capacity: min,
        max_capacity: max,
        step_scaling: vec![
            steps(
                "out",
                Comparison::Above,
                80,
                percent,
                &[(Some(0), Some(10), 20), (Some(10), None, 100)],
            ),
            steps(
                "in",
                Comparison::Below,
                20,
                AdjustmentType::ChangeInCapacity,
                &[(None, Some(0), -2)],
            ),
        ],
        ..tracked(vec![tracking(ScalingMetric::Cpu, 60), tracking(ScalingMetric::Memory, 50)])
    }
}

proptest! {
    #![proptest_config(drawn(64))]

    #[test]
    fn decisions_stay_within_the_bounds(
        min in 0_u32..10, above in 0_u32..30, desired in 0_u32..50,
        history in prop::collection::vec((prop::option::weighted(0.9, 0_u64..200), any::<bool>(), 0_u32..50), 1..120),
    ) {
        let max = min + above;
        let mut h = Harness::new(&mixed(min, max), desired);
        for (value, deploying, running) in history {
            (h.state.deploying, h.state.running) = (deploying, running);
            let from = h.state.desired;
            let values = value.map(|v| [(ScalingMetric::Cpu, v), (ScalingMetric::Memory, v / 2)]);
            if let Some(decision) = h.minute(values.as_ref().map_or(&[], |v| v)) {
                prop_assert_eq!(decision.from, from);
                if let Some(to) = decision.to {
                    prop_assert!((min..=max).contains(&to), "{} in {}..={}", to, min, max);
                    prop_assert!(to != from && !(deploying && to < from));
                }
            }
        }
    }

    #[test]
    fn points_that_are_not_visible_change_nothing(
        history in prop::collection::vec(0_u64..200, 4..60), hidden in 0_u64..1_000,
    ) {
        // Of two scalers one knows two points more, which are younger than the delay.
        let ask = |extra: Option<u64>| {
            let mut h = Harness::new(&mixed(1, 50), 10);
            let mut found: Vec<_> = history.iter().map(|&v| h.cpu(v)).collect();
            let now = 60 * h.minute + 120 + 30;
            if let Some(value) = extra {
                let mut points = [None; METRICS];
                points[0] = Some(Point::level(units(value)));
                h.scaler.observe(at(60 * (h.minute + 1)), MINUTE, &points);
            }
            found.push(h.scaler.evaluate(at(now), h.state));
            found
        };
        prop_assert_eq!(ask(None), ask(Some(hidden)));
    }

    #[test]
    fn the_next_due_time_is_later_and_on_the_grid(
        minute in 0_u32..60, hour in 0_u32..24, day in prop::sample::select(vec!["*", "L", "LW", "31", "30", "1W", "31W", "1/7", "5,29"]),
        zone in prop::sample::select(vec!["UTC", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kathmandu"]),
        after in 1_500_000_000_i64..3_000_000_000,
    ) {
        let schedule = schedule::parse(&format!("cron({minute}/7 {hour} {day} * ? *)"), zone).unwrap();
        let mut now = after;
        for _ in 0..20 {
            let next = schedule.next(now, 0).unwrap();
            prop_assert!(next > now && next % 60 == 0);
            prop_assert_eq!(schedule.next(next - 1, 0), Some(next));
            now = next;
        }
    }
}
