//! Auto Scaling groups as pure functions: shares of On-Demand (AS-20 to AS-24), pools by allocation strategy, zones,
//! termination policies.

use crate::support::random::drawn;
use ecsim::base::money::HourlyRate;
use ecsim::base::random::{Purpose, Seed};
use ecsim::base::time::{SimSpan, SimTime};
use ecsim::model::platform::Purchase;
use ecsim::model::scaling::{
    AdjustmentType, Aggregation, AlarmSpec, Comparison, MetricDelays, MetricValue, MissingData,
    ScalableTarget, ScalingMetric, ScheduledAction, Step as ScalingStep, StepScaling,
};
use ecsim::policy::capacity::fargate::{self, EventWindow, RetirementWait};
use ecsim::policy::capacity::group_scaling;
use ecsim::policy::capacity::mixed::{
    self, OnDemandAllocation, OnDemandShare, Pool, SpotAllocation,
};
use ecsim::policy::capacity::terminate::{self, Candidate, Group, TerminationPolicy};
use ecsim::policy::capacity::warm_pool;
use ecsim::policy::capacity::zones::{self, Distribution, Step, Zone};
use ecsim::policy::scaling::{Point, Scaler, ServiceState, check};
use proptest::prelude::*;

fn on_demand(base: u32, percent: u32) -> [u32; 4] {
    [10, 20, 30, 40].map(|total| OnDemandShare { base, percent }.of(total))
}

#[test]
fn as_20_to_24_how_many_instances_are_on_demand() {
    assert_eq!(on_demand(10, 50), [10, 15, 20, 25], "AS-20");
    assert_eq!(on_demand(0, 0), [0, 0, 0, 0], "AS-21");
    assert_eq!(on_demand(0, 100), [10, 20, 30, 40], "AS-23");
    assert_eq!(on_demand(12, 0), [10, 12, 12, 12], "AS-24");
    // Fractions round up in favour of On-Demand: 30 % of 5 are 1.5.
    assert_eq!(OnDemandShare { base: 0, percent: 30 }.of(5), 2);
    assert_eq!(OnDemandShare::default().of(7), 7, "the API's default is On-Demand alone");
}

#[test]
fn launches_and_ends_keep_the_share() {
    let share = OnDemandShare { base: 2, percent: 50 };
    let (mut on_demand, mut spot) = (0, 0);
    let mut bought = String::new();
    for _ in 0..8 {
        match share.launch(on_demand, spot) {
            Purchase::OnDemand => on_demand += 1,
            _ => spot += 1,
        }
        bought.push_str(&format!("{on_demand}/{spot} "));
    }
    assert_eq!(bought, "1/0 2/0 3/0 3/1 4/1 4/2 5/2 5/3 ");
    for total in (1..8).rev() {
        match share.end(on_demand, spot) {
            Purchase::OnDemand => on_demand -= 1,
            _ => spot -= 1,
        }
        assert_eq!((on_demand, spot), (share.of(total), total - share.of(total)));
    }
}

fn pool(price: &str, score: u32, instances: u32) -> Pool {
    Pool { price: HourlyRate::parse(price).unwrap(), score, is_open: true, instances }
}

#[test]
fn on_demand_follows_the_list_or_the_price() {
    let mut pools = [pool("0.20", 1, 0), pool("0.10", 1, 0), pool("0.10", 1, 0)];
    let choose = |pools: &[Pool], strategy| mixed::on_demand_pool(pools, strategy);
    assert_eq!(choose(&pools, OnDemandAllocation::Prioritized), Some(0));
    assert_eq!(choose(&pools, OnDemandAllocation::LowestPrice), Some(1));
    assert_eq!(mixed::on_demand_ranks(&pools, OnDemandAllocation::LowestPrice), [2, 0, 1]);
    pools[0].is_open = false;
    assert_eq!(choose(&pools, OnDemandAllocation::Prioritized), Some(1), "the next of the list");
    assert_eq!(choose(&[], OnDemandAllocation::Prioritized), None);
}

#[test]
fn lowest_price_spreads_over_the_cheapest_pools() {
    let mut pools = [pool("0.05", 9, 0), pool("0.03", 1, 0), pool("0.04", 2, 0)];
    let mut chosen = Vec::new();
    for _ in 0..4 {
        let index = mixed::spot_pool(&pools, SpotAllocation::default(), None).unwrap();
        pools[index].instances += 1;
        chosen.push(index);
    }
    assert_eq!(chosen, [1, 2, 1, 2], "two pools by default");
    let one = SpotAllocation::LowestPrice { pools: 1 };
    assert_eq!(mixed::spot_pool(&pools, one, None), Some(1));
    assert_eq!(mixed::spot_ranks(&pools, SpotAllocation::default()), [2, 0, 0]);
    pools[1].is_open = false;
    assert_eq!(mixed::spot_pool(&pools, one, None), Some(2), "no capacity in the cheapest");
    let most = HourlyRate::parse("0.035").unwrap();
    assert_eq!(mixed::spot_pool(&pools, one, Some(most)), None, "SpotMaxPrice");
}

#[test]
fn the_other_spot_strategies_look_at_capacity() {
    let pools = [pool("0.09", 8, 0), pool("0.05", 9, 0), pool("0.07", 9, 0), pool("0.01", 3, 0)];
    let choose = |strategy| mixed::spot_pool(&pools, strategy, None);
    assert_eq!(choose(SpotAllocation::CapacityOptimized), Some(1));
    assert_eq!(
        choose(SpotAllocation::PriceCapacityOptimized),
        Some(1),
        "the cheapest is too scarce"
    );
    let listed = [pools[2], pools[1], pools[0]];
    let prioritized = SpotAllocation::CapacityOptimizedPrioritized;
    assert_eq!(mixed::spot_pool(&listed, prioritized, None), Some(0), "the first of equal ones");
    let near = [pool("0.05", 9, 0), pool("0.04", 8, 0), pool("0.03", 7, 0)];
    assert_eq!(mixed::spot_pool(&near, SpotAllocation::PriceCapacityOptimized, None), Some(1));
    assert_eq!(mixed::spot_ranks(&near, SpotAllocation::CapacityOptimized), [0, 1, 2]);
}

#[test]
fn price_protection_is_a_fifth_above_the_reference_by_default() {
    let price = |text| HourlyRate::parse(text).unwrap();
    assert!(mixed::is_price_protected(price("0.12"), price("0.10"), 20));
    assert!(!mixed::is_price_protected(price("0.1201"), price("0.10"), 20));
}

fn zone(instances: u32) -> Zone {
    Zone { instances, is_used: true, has_capacity: true }
}

#[test]
fn the_zone_with_fewest_instances_gets_the_next_one() {
    let full = |instances| Zone { has_capacity: false, ..zone(instances) };
    let out = |instances| Zone { is_used: false, ..zone(instances) };
    let (effort, only) = (Distribution::BestEffort, Distribution::BalancedOnly);
    assert_eq!(zones::launch(&[zone(2), zone(1), zone(1)], effort), Some(1));
    assert_eq!(zones::launch(&[zone(2), full(1), zone(3)], effort), Some(0), "best effort");
    assert_eq!(zones::launch(&[zone(2), full(1), zone(3)], only), None, "it waits");
    assert_eq!(zones::launch(&[zone(2), full(1), zone(1)], only), Some(2), "as few there");
    assert_eq!(zones::launch(&[zone(2), out(0), zone(3)], only), Some(0), "an outage counts not");
    assert_eq!(zones::launch(&[], effort), None);
}

#[test]
fn rebalancing_launches_first_and_ends_then() {
    let lost = Zone { is_used: false, ..zone(0) };
    assert_eq!(zones::rebalance(&[zone(3), zone(3), lost]), None, "while the zone is out");
    assert_eq!(zones::rebalance(&[zone(3), zone(3), zone(0)]), Some(Step { to: 2, from: 0 }));
    assert_eq!(zones::rebalance(&[zone(2), zone(3), zone(2)]), None);
    let full = Zone { has_capacity: false, ..zone(0) };
    assert_eq!(zones::rebalance(&[zone(3), zone(2), full]), None, "nothing can start there");
    assert_eq!([5, 10, 35].map(zones::above_max), [1, 1, 3]);
}

#[test]
fn a_warm_pool_fills_up_to_what_is_prepared() {
    assert_eq!(warm_pool::size(10, 6, 0), 4, "max 10, desired 6");
    assert_eq!(warm_pool::size(8, 6, 0), 2, "prepared 8");
    assert_eq!(warm_pool::size(6, 8, 0), 0);
    assert_eq!(warm_pool::size(8, 8, 3), 3, "its own minimum");
}

fn candidate(zone: usize, launched_min: u64, number: u64) -> Candidate {
    let launched = SimTime(launched_min * 60_000_000);
    Candidate { zone, purchase: Purchase::OnDemand, launched, number, template: 1, rank: 0 }
}

/// The number of the candidate that ends at minute 600.
fn ends(candidates: &[Candidate], group: &Group) -> Option<u64> {
    let mut dice = Seed(1).stream(Purpose::Test, "terminate");
    let index = terminate::choose(candidates, group, SimTime(600 * 60_000_000), &mut dice)?;
    Some(candidates[index].number)
}

#[test]
fn the_policies_narrow_the_choice_in_their_order() {
    use TerminationPolicy::*;
    // At minute 600: number 1 is 50 min into its hour, 2 is 5 min, 3 is 59 min; 0 is alone in its zone.
    let all = [
        Candidate { template: 0, rank: 9, ..candidate(0, 1, 0) },
        candidate(1, 10, 1),
        Candidate { rank: 1, ..candidate(1, 55, 2) },
        Candidate { template: 2, ..candidate(1, 61, 3) },
    ];
    let by = |policies| ends(&all, &Group { zones: &[1, 3], mixed: None, policies });
    assert_eq!(by(&[OldestInstance]), Some(1));
    assert_eq!(by(&[NewestInstance]), Some(3));
    assert_eq!(by(&[ClosestToNextInstanceHour]), Some(3));
    assert_eq!(by(&[AllocationStrategy]), Some(2));
    assert_eq!(by(&[OldestLaunchTemplate, NewestInstance]), Some(2), "1 and 2 have the older one");
    assert_eq!(by(&[Default]), Some(1), "the older template, then 50 min into the hour");
    assert_eq!(by(&[]), Some(1), "the default is Default");
    let group = Group { zones: &[4, 3], mixed: None, policies: &[OldestInstance] };
    assert_eq!(ends(&all, &group), Some(0), "three protected ones count for their zone");
    assert_eq!(ends(&[], &group), None);
}

#[test]
fn a_mixed_group_ends_what_is_above_its_share_first() {
    let spot = |zone, number| Candidate { purchase: Purchase::Spot, ..candidate(zone, 10, number) };
    let all = [candidate(0, 10, 0), candidate(0, 10, 1), spot(1, 2), spot(1, 3), spot(0, 4)];
    let by = |share, zones| {
        let group = Group {
            zones,
            mixed: Some((share, 2, 3)),
            policies: &[TerminationPolicy::OldestInstance],
        };
        ends(&all, &group)
    };
    let half = OnDemandShare { base: 0, percent: 50 };
    assert_eq!(by(half, &[3, 2]), Some(4), "2 of 4 On-Demand: a Spot instance, in the fuller zone");
    let few = OnDemandShare { base: 1, percent: 0 };
    assert_eq!(by(few, &[3, 2]), Some(0));
    // Default: aligned with the allocation strategy, before templates and hours.
    let ranked = [Candidate { rank: 2, ..spot(0, 0) }, Candidate { template: 0, ..spot(0, 1) }];
    let mixed = Some((OnDemandShare { base: 0, percent: 0 }, 0, 2));
    assert_eq!(ends(&ranked, &Group { zones: &[2], mixed, policies: &[] }), Some(0));
}

/// A group of ten with the policies of `target`; the desired capacities after each of `minutes` of one metric.
fn scaled(target: &ScalableTarget, metric: ScalingMetric, minutes: &[u64]) -> Vec<u32> {
    check(target).unwrap();
    let mut scaler = Scaler::new(target, MetricDelays::default(), 0);
    assert!(scaler.wants(metric));
    let mut desired = 10;
    let mut steps = Vec::new();
    for (minute, percent) in (1..).zip(minutes) {
        let end = SimTime(minute * 60_000_000);
        let mut points = [None; ScalingMetric::COUNT];
        points[metric as usize] = Some(Point::level(MetricValue(percent * 1_000_000)));
        scaler.observe(end, SimSpan::from_secs(60), &points);
        let state = ServiceState { desired, running: desired, deploying: false };
        let decision = scaler.evaluate(end + SimSpan::from_secs(120), state);
        if let Some(to) = decision.and_then(|decision| decision.to) {
            desired = to;
            steps.push(to);
        }
    }
    steps
}

fn group_of(min: u32, max: u32) -> ScalableTarget {
    ScalableTarget {
        min_capacity: min,
        max_capacity: max,
        target_tracking: vec![],
        step_scaling: vec![],
        scheduled: vec![],
        predictive: vec![],
        own: None,
        scale_in_suspended: false,
        scale_out_suspended: false,
        scheduled_suspended: false,
    }
}

#[test]
fn a_group_tracks_the_reservation_of_its_cluster() {
    let metric = ScalingMetric::ClusterCpuReservation;
    let target = MetricValue(50_000_000);
    let warm_up = group_scaling::DEFAULT_COOLDOWN;
    let policy = group_scaling::target_tracking("cpu", metric, target, warm_up);
    let group = ScalableTarget { target_tracking: vec![policy], ..group_of(1, 100) };
    // 80 % of a target of 50 on ten instances: sixteen.
    assert_eq!(scaled(&group, metric, &[80; 3]), [16]);
    // The low alarm is below 35 and not below 45.
    assert_eq!(scaled(&group, metric, &[40; 30]), [0_u32; 0]);
    assert_eq!(scaled(&group, metric, &[30; 14]), [0_u32; 0]);
    assert_eq!(scaled(&group, metric, &[30; 15]), [9], "six are wanted, a tenth goes");
}

#[test]
fn a_group_steps_on_memory_and_follows_a_schedule() {
    let alarm = AlarmSpec {
        comparison: Comparison::Above,
        threshold: MetricValue(75_000_000),
        period: SimSpan::from_secs(60),
        evaluation_periods: 1,
        datapoints_to_alarm: 1,
        missing: MissingData::Missing,
    };
    let policy = StepScaling {
        name: "memory".into(),
        metric: ScalingMetric::ClusterMemoryReservation,
        aggregation: Aggregation::Average,
        alarm,
        adjustment_type: AdjustmentType::ChangeInCapacity,
        steps: vec![ScalingStep { lower: Some(0), upper: None, adjustment: 2 }],
        min_magnitude: 0,
        cooldown: SimSpan::from_secs(300),
    };
    let group = ScalableTarget { step_scaling: vec![policy], ..group_of(1, 100) };
    assert_eq!(scaled(&group, ScalingMetric::ClusterMemoryReservation, &[80]), [12]);
    let night = ScheduledAction {
        name: "night".into(),
        schedule: "cron(0 1 * * ? *)".into(),
        timezone: "UTC".into(),
        min_capacity: None,
        max_capacity: Some(4),
    };
    let group = ScalableTarget { scheduled: vec![night], ..group_of(1, 100) };
    let mut scaler = Scaler::new(&group, MetricDelays::default(), 0);
    let at = scaler.next_action().unwrap();
    assert_eq!(at, SimTime(3_600_000_000));
    let state = ServiceState { desired: 10, running: 10, deploying: false };
    assert_eq!(scaler.act(at, state)[0].to, Some(4));
}

#[test]
fn only_the_cpu_of_a_group_has_points_of_20_seconds() {
    let warm_up = SimSpan::from_secs(60);
    let fine = |metric| {
        let target = MetricValue(50_000_000);
        let plain = group_scaling::target_tracking("fine", metric, target, warm_up);
        let policy = ecsim::model::scaling::TargetTracking { high_resolution: true, ..plain };
        check(&ScalableTarget { target_tracking: vec![policy], ..group_of(1, 9) })
    };
    assert_eq!(fine(ScalingMetric::GroupCpu), Ok(()));
    let refused = fine(ScalingMetric::ClusterCpuReservation).unwrap_err();
    assert!(refused[0].1.contains("`CPUReservation` has no high-resolution variant"));
}

#[test]
fn reservations_are_sums_over_instances_and_missing_without_any() {
    // AS-47: c4.4xlarge and c4.large, 10 tasks of 1024 CPU units and 2048 MiB, 8 on the larger one.
    let large = ([16_384, 30_158], [8 * 1_024, 9 * 2_048]);
    let small = ([2_048, 3_768], [2 * 1_024, 2_048]);
    let (cpu, memory) = group_scaling::reservations([large, small]).unwrap();
    assert_eq!((cpu.0 / 10_000, memory.0 / 10_000), (5_555, 6_036));
    assert_eq!(group_scaling::reservations([]), None);
}

#[test]
fn fargate_retires_after_the_wait_and_in_a_window_that_is_open() {
    let day = |days: u64| SimTime(days * 86_400_000_000);
    let hours = |hours: u64| SimSpan::from_secs(hours * 3_600);
    // 5 January 2026, a Monday.
    let retires = |notice, wait, windows: &[EventWindow]| {
        fargate::retires_at(notice, wait, windows, 1_767_571_200)
    };
    let default = RetirementWait::default();
    assert_eq!(retires(day(10), default, &[]), day(17));
    assert_eq!(retires(day(10), RetirementWait::None, &[]), day(10));
    assert_eq!(retires(day(10), RetirementWait::Days14, &[]), day(24));
    // From Saturday 22:00 on for four hours; day 17 is a Thursday.
    let saturday = EventWindow { from: 5 * 24 + 22, hours: 4 };
    assert_eq!(retires(day(10), default, &[saturday]), day(19) + hours(22));
    let (inside, behind) = (day(13) + hours(1), day(13) + hours(2));
    assert_eq!(
        retires(inside, default, &[saturday]),
        day(20) + hours(1),
        "it is open on Sunday at 1:00"
    );
    assert_eq!(retires(behind, default, &[saturday]), day(26) + hours(22), "and not at 2:00");
    let tuesday = EventWindow { from: 24, hours: 2 };
    assert_eq!(retires(behind, default, &[saturday, tuesday]), day(22), "whichever is first");
}

#[test]
fn fargate_spot_interrupts_a_share_by_month() {
    let hazard = fargate::spot_hazard_per_hour(5.0);
    let mut dice = Seed(1).stream(Purpose::Test, "fargate spot");
    let month = SimTime(730 * 3_600_000_000);
    let mut warned = 0;
    for _ in 0..20_000 {
        let at = fargate::spot_warning(SimTime::ZERO, hazard, &mut dice).unwrap();
        warned += u32::from(at < month);
    }
    // 5 % of 20,000 are 1,000; three standard deviations are 92.
    assert!((908..=1_092).contains(&warned), "{warned}");
    assert_eq!(fargate::spot_warning(SimTime::ZERO, 0.0, &mut dice), None);
}

proptest! {
    #![proptest_config(drawn(256))]

    #[test]
    fn a_launch_keeps_zones_within_one_of_each_other(count in 0_u32..50, list in 1_usize..5) {
        let mut zones = vec![zone(0); list];
        for _ in 0..count {
            let next = zones::launch(&zones, Distribution::BalancedOnly).unwrap();
            zones[next].instances += 1;
        }
        prop_assert_eq!(zones::rebalance(&zones), None);
        prop_assert_eq!(zones.iter().map(|zone| zone.instances).sum::<u32>(), count);
    }

    #[test]
    fn shares_hold_at_every_size(base in 0_u32..20, percent in 0_u32..=100, count in 0_u32..60) {
        let share = OnDemandShare { base, percent };
        let (mut on_demand, mut spot) = (0, 0);
        for _ in 0..count {
            match share.launch(on_demand, spot) {
                Purchase::OnDemand => on_demand += 1,
                _ => spot += 1,
            }
            prop_assert_eq!(on_demand, share.of(on_demand + spot));
        }
    }
}
