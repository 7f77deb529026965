//! Managed scaling, strategies and protection as pure policies: the published vectors by name, and every case of M.

use crate::support::random::drawn;
use ecsim::base::time::{SimSpan, SimTime};
use ecsim::model::ids::ProviderId;
use ecsim::model::ports::{HostPort, PortSet, Protocol};
use ecsim::model::resources::Resources;
use ecsim::model::scaling::{MetricValue, ScalingMetric};
use ecsim::policy::capacity::need::{self, Capacity, Estimator, Group, Packing, Room};
use ecsim::policy::capacity::protection::{self, Cause, Ending, Held};
use ecsim::policy::capacity::{GroupState, ManagedScaler, ManagedScaling, Reading, View, managed};
use ecsim::policy::scaling::alarm::AlarmState;
use ecsim::policy::scaling::{Decision, NotScaled, PolicyKind, Reason};
use ecsim::sim::setup::ProviderShare;
use ecsim::sim::split_by_strategy;
use proptest::prelude::*;

const NO_PORTS: &PortSet = &PortSet::NONE;

fn vcpu(cpu: u32, gib: u32) -> Resources {
    Resources { cpu: cpu * 1024, memory: gib * 1024, ..Resources::ZERO }
}

fn offer(resources: Resources) -> Capacity<'static> {
    Capacity { resources, ports: NO_PORTS }
}

fn waiting(count: u32, demand: Resources) -> Group<'static> {
    Group { count, demand, ports: NO_PORTS, distinct_instance: false, barred: &[] }
}

fn room(free: Resources, is_busy: bool) -> Room<'static> {
    Room { free, ports: NO_PORTS, is_busy }
}

fn view<'a>(
    (running, busy): (u32, u32),
    types: &'a [Capacity<'a>],
    rooms: &'a [Room<'a>],
    groups: &'a [Group<'a>],
) -> View<'a> {
    View { running, busy, zones: 1, types, rooms, groups }
}

fn at_target(target_capacity: u32) -> ManagedScaling {
    ManagedScaling { target_capacity, ..ManagedScaling::default() }
}

fn read(view: &View) -> Reading {
    need::read(view, ManagedScaling::default().estimate())
}

/// The metric in hundredths of a percent, to the nearest.
fn hundredths(reading: Reading) -> u64 {
    (reading.value.0 + 5_000) / 10_000
}

/// A group and its managed scaling, minute by minute.
struct Harness {
    scaler: ManagedScaler,
    now: SimTime,
    desired: u32,
    min: u32,
    max: u32,
    youngest_launch: Option<SimTime>,
    decisions: Vec<Decision>,
}

impl Harness {
    fn new(managed: ManagedScaling, desired: u32) -> Harness {
        managed::check(&managed).unwrap();
        let scaler = ManagedScaler::new(managed);
        let (now, decisions) = (SimTime::ZERO, Vec::new());
        Harness { scaler, now, desired, min: 0, max: 1_000, youngest_launch: None, decisions }
    }

    fn evaluate(&mut self, now: SimTime) {
        let (desired, min, max) = (self.desired, self.min, self.max);
        let state = GroupState { desired, min, max, youngest_launch: self.youngest_launch };
        if let Some(decision) = self.scaler.evaluate(now, state) {
            if let Some(to) = decision.to {
                assert!(to <= max && to >= min && to != desired);
                if to > desired {
                    self.youngest_launch = Some(now);
                }
                self.desired = to;
            }
            self.decisions.push(decision);
        }
    }

    /// A minute passes; at its end the metric is read from `view`, and what it says is acted on 30 s later.
    fn minute(&mut self, view: Option<&View>) {
        let end = self.now + SimSpan::from_secs(60);
        while let Some(step) = self.scaler.next_step(self.now).filter(|&step| step <= end) {
            self.now = step;
            self.evaluate(step);
        }
        self.now = end;
        self.scaler.publish(end, view);
        let visible = end + self.scaler.managed().metric_delay;
        while let Some(step) = self.scaler.next_step(self.now).filter(|&step| step < visible) {
            self.now = step;
            self.evaluate(step);
        }
        self.now = end;
        self.evaluate(visible);
    }

    /// Minutes in which all instances that are desired are up and `busy` of them have tasks.
    fn steady(&mut self, minutes: u32, busy: u32) {
        for _ in 0..minutes {
            self.minute(Some(&view((self.desired, busy.min(self.desired)), &[], &[], &[])));
        }
    }

    fn desired_steps(&self) -> Vec<u32> {
        self.decisions.iter().filter_map(|decision| decision.to).collect()
    }

    fn refusals(&self) -> Vec<NotScaled> {
        let why = |decision: &Decision| match decision.reason {
            Reason::NotScaled(why) => Some(why),
            _ => None,
        };
        self.decisions.iter().filter_map(why).collect()
    }
}

/// A provider to which nothing happens is passed over, and its points do not pile up: a month looked at each minute would
/// else be as many points squared.
#[test]
fn points_of_a_quiet_provider_do_not_pile_up() {
    let mut scaler = ManagedScaler::new(ManagedScaling::default());
    let state = GroupState { desired: 4, min: 0, max: 10, youngest_launch: None };
    let at_target = view((4, 4), &[], &[], &[]);
    for minute in 1..=30 * 24 * 60 {
        let end = SimTime(minute * 60_000_000);
        scaler.publish(end, Some(&at_target));
        assert!(scaler.is_quiet(state), "minute {minute}");
        scaler.pass_over(end);
        assert!(scaler.points_waiting() <= 1, "minute {minute}");
    }
    assert_eq!(scaler.alarms(), (AlarmState::Ok, AlarmState::Ok));
}

#[test]
fn as_01_two_of_three_in_use_go_to_two_after_a_quarter_of_an_hour() {
    let reading = read(&view((3, 2), &[], &[], &[]));
    assert_eq!((reading.needed, reading.running, hundredths(reading)), (2, 3, 6_667));
    let mut h = Harness::new(at_target(100), 3);
    h.steady(14, 2);
    assert!(h.decisions.is_empty(), "fourteen points are not enough");
    h.steady(1, 2);
    let decision = &h.decisions[0];
    assert_eq!((decision.from, decision.to, decision.kind), (3, Some(2), PolicyKind::Managed));
    assert_eq!(decision.at, SimTime(930_000_000), "the fifteenth point and its delay of 30 s");
    let alarm = decision.alarm.as_ref().unwrap();
    assert_eq!((alarm.datapoints.len(), alarm.threshold), (15, MetricValue(100_000_000)));
    assert_eq!(
        decision.metric,
        Some((ScalingMetric::ProviderReservation, MetricValue(66_666_666)))
    );
}

#[test]
fn as_02_a_target_of_50_wants_four_for_two() {
    let mut h = Harness::new(at_target(50), 3);
    h.steady(1, 2);
    assert_eq!(h.desired_steps(), [4]);
}

#[test]
fn as_03_an_idle_group_goes_to_zero_in_steps() {
    let reading = read(&view((2, 0), &[], &[], &[]));
    assert_eq!(hundredths(reading), 0);
    let mut h = Harness::new(at_target(100), 2);
    h.steady(25, 0);
    assert_eq!(h.desired_steps(), [1, 0]);
    assert_eq!(h.decisions[1].at.since(h.decisions[0].at), SimSpan::from_secs(200));
}

#[test]
fn as_04a_nothing_at_all_is_100_and_nothing_happens() {
    let reading = read(&view((0, 0), &[], &[], &[]));
    assert_eq!(hundredths(reading), 10_000);
    let mut h = Harness::new(at_target(100), 0);
    h.steady(60, 0);
    assert!(h.decisions.is_empty());
}

#[test]
fn as_04b_something_to_do_and_no_instance_is_200_and_starts_two() {
    let types = [offer(vcpu(4, 16))];
    let groups = [waiting(1, vcpu(1, 1))];
    let empty = view((0, 0), &types, &[], &groups);
    assert_eq!(hundredths(read(&empty)), 20_000);
    let mut h = Harness::new(at_target(100), 0);
    h.minute(Some(&empty));
    assert_eq!(h.desired_steps(), [2]);
}

#[test]
fn as_05_a_target_of_50_keeps_as_many_empty_instances() {
    for (busy, instances) in [(10, 20), (20, 40), (40, 80)] {
        let mut h = Harness::new(at_target(50), busy);
        h.steady(1, busy);
        assert_eq!(h.desired, instances);
        h.steady(60, busy);
        assert_eq!(h.desired_steps(), [instances], "and there it stays");
    }
}

#[test]
fn as_06_memory_needs_four_where_cpu_needs_two() {
    // 10 × (2 vCPU, 8 GB) on 16 vCPU, 24 GB: 8 by CPU, 3 by memory; ⌈10 / 3⌉ = 4, and as sums max(⌈20/16⌉, ⌈80/24⌉).
    let types = [offer(vcpu(16, 24))];
    let groups = [waiting(10, vcpu(2, 8))];
    let waits = view((1, 1), &types, &[], &groups);
    for packing in [Packing::PerTask, Packing::PerResource] {
        let by = ManagedScaling { packing, ..ManagedScaling::default() }.estimate();
        assert_eq!(need::read(&waits, by).needed, 1 + 4);
    }
    // 10 × 5 GB on 8 GB: one each, or 50/8 = 7 as sums.
    let (types, groups) = ([offer(vcpu(16, 8))], [waiting(10, vcpu(0, 5))]);
    let waits = view((1, 1), &types, &[], &groups);
    assert_eq!(read(&waits).needed, 1 + 10);
    let packing = Packing::PerResource;
    let by = ManagedScaling { packing, ..ManagedScaling::default() }.estimate();
    assert_eq!(need::read(&waits, by).needed, 1 + 7);
}

#[test]
fn as_07_two_tasks_by_instance() {
    let types = [offer(vcpu(2, 4))];
    assert_eq!(hundredths(read(&view((4, 4), &types, &[], &[]))), 10_000, "AS-07a");
    let groups = [waiting(2, vcpu(1, 1))];
    let rooms = [room(Resources::ZERO, true); 4];
    let ten = view((4, 4), &types, &rooms, &groups);
    assert_eq!((read(&ten).needed, hundredths(read(&ten))), (5, 12_500), "AS-07b");
    let mut h = Harness::new(at_target(100), 4);
    h.minute(Some(&ten));
    assert_eq!(h.desired_steps(), [5], "AS-07b");
    let mut h = Harness::new(at_target(50), 4);
    h.steady(1, 4);
    assert_eq!(h.desired_steps(), [8], "AS-07c");
}

#[test]
fn as_08a_base_two_and_one_to_three_from_zero_start_two_and_two() {
    assert_eq!(split(&[(2, 1), (0, 3)], 10), [4, 6]);
    let task = Resources { cpu: 420, memory: 1_680, ..Resources::ZERO };
    let types = [offer(vcpu(2, 8))];
    for tasks in [4, 6] {
        let groups = [waiting(tasks, task)];
        let reading = read(&view((0, 0), &types, &[], &groups));
        assert_eq!(reading.needed, tasks.div_ceil(4), "four tasks by instance");
        assert_eq!(hundredths(reading), 20_000);
    }
}

#[test]
fn as_09_from_334_to_34_in_four_steps_of_ten_minutes() {
    let mut h = Harness::new(at_target(100), 334);
    h.steady(40, 34);
    assert_eq!(h.desired_steps(), [167, 84, 42, 34]);
    let (first, last) = (h.decisions[0].at, h.decisions[3].at);
    assert_eq!(last.since(first), SimSpan::from_secs(600), "published: 10 min");
}

#[test]
fn as_09_with_the_rule_before_2022_it_takes_73_minutes() {
    let old = ManagedScaling { scale_in_percent: 10, ..at_target(100) };
    let mut h = Harness::new(old, 334);
    h.steady(150, 34);
    assert_eq!(h.desired, 34);
    let (first, last) = (h.decisions[0].at, h.decisions.last().unwrap().at);
    assert_eq!(h.decisions.len(), 23);
    assert_eq!(last.since(first), SimSpan::from_secs(22 * 200), "published: 80 min");
}

#[test]
fn as_10_twelve_more_come_in_one_step() {
    let types = [offer(vcpu(1, 1))];
    let groups = [waiting(12, vcpu(1, 1))];
    let mut h = Harness::new(at_target(100), 14);
    h.minute(Some(&view((14, 14), &types, &[], &groups)));
    assert_eq!(h.desired_steps(), [26]);
}

#[test]
fn as_11_one_task_from_zero_starts_two_and_gives_one_back() {
    let types = [offer(vcpu(4, 16))];
    let groups = [waiting(1, vcpu(1, 1))];
    let mut h = Harness::new(at_target(100), 0);
    h.minute(Some(&view((0, 0), &types, &[], &groups)));
    h.steady(30, 1);
    assert_eq!(h.desired_steps(), [2, 1]);
}

#[test]
fn as_13_a_computed_change_is_rounded_up() {
    // 3 instances at 150 %: 4.5, so +2; 3 at 50 %: 1.5, so −1.
    let mut h = Harness::new(at_target(100), 3);
    let types = [offer(vcpu(1, 1))];
    let half_more = [waiting(3, vcpu(1, 1))];
    let mut at_67 = Harness::new(at_target(67), 3);
    at_67.steady(1, 3);
    assert_eq!(at_67.desired_steps(), [5], "100/67 of 3 are 4.48");
    h.minute(Some(&view((3, 3), &types, &[], &half_more)));
    assert_eq!(h.desired_steps(), [6]);
    let mut at_67 = Harness::new(ManagedScaling { low_periods: 1, ..at_target(67) }, 3);
    at_67.steady(1, 1);
    assert_eq!(at_67.desired_steps(), [2], "1/0.67 are 1.49: one fewer and not two");
}

#[test]
fn as_14_a_task_larger_than_the_smallest_type_scales_nothing() {
    let types = [offer(vcpu(2, 4)), offer(vcpu(16, 64))];
    let groups = [waiting(5, vcpu(4, 8))];
    let mut h = Harness::new(at_target(100), 4);
    for _ in 0..40 {
        // Two of the four are empty, and yet nothing is scaled in while the tasks wait.
        let stuck = view((4, 2), &types, &[], &groups);
        let reading = read(&stuck);
        assert_eq!((hundredths(reading), reading.incompatible), (10_000, 5));
        h.minute(Some(&stuck));
    }
    assert!(h.decisions.is_empty());
    let reading = read(&view((0, 0), &types, &[], &groups));
    assert_eq!(hundredths(reading), 10_000, "nor from zero");
}

#[test]
fn as_14_a_group_that_fits_is_served_beside_one_that_does_not() {
    let types = [offer(vcpu(2, 4)), offer(vcpu(16, 64))];
    let groups = [waiting(5, vcpu(4, 8)), waiting(20, vcpu(1, 1))];
    let reading = read(&view((1, 1), &types, &[], &groups));
    // 20 × 1 vCPU on the largest, 16 vCPU: two.
    assert_eq!((reading.needed, reading.incompatible), (3, 5));
}

#[test]
fn as_15_a_step_of_two_for_a_demand_of_one() {
    let types = [offer(vcpu(2, 4))];
    let groups = [waiting(1, vcpu(1, 1))];
    let waits = view((4, 4), &types, &[], &groups);
    let managed = ManagedScaling { min_step: 2, ..at_target(100) };
    assert_eq!(hundredths(need::read(&waits, managed.estimate())), 15_000);
    let mut h = Harness::new(managed, 4);
    h.minute(Some(&waits));
    assert_eq!(h.desired_steps(), [6]);
}

/// How many of `count` tasks go to each (base, weight).
fn split(list: &[(u32, u32)], count: u32) -> Vec<u32> {
    let share =
        |&(base, weight): &(u32, u32)| ProviderShare { provider: ProviderId(0), base, weight };
    split_by_strategy(&list.iter().map(share).collect::<Vec<_>>(), count)
}

#[test]
fn as_30_to_33_a_strategy_is_split_by_base_and_weight() {
    assert_eq!(split(&[(0, 1), (0, 4)], 5), [1, 4], "AS-30");
    assert_eq!(split(&[(0, 1), (0, 1)], 2), [1, 1], "AS-31");
    assert_eq!(split(&[(2, 1), (0, 3)], 10), [4, 6], "AS-32");
    assert_eq!(split(&[(2, 1), (0, 3)], 22), [7, 15], "AS-32");
    assert_eq!(split(&[(0, 3), (0, 1)], 4), [3, 1], "AS-33");
    assert_eq!(split(&[(0, 1), (0, 1)], 3), [2, 1], "ties go to the first");
    assert_eq!(split(&[(5, 0), (0, 1)], 9), [5, 4], "weight 0 takes its base and no more");
    // The paradox of largest remainders: of 8 the two last get a task each, of 9 only one of them does.
    assert_eq!(split(&[(2, 4), (0, 4), (0, 1), (0, 1)], 8), [4, 2, 1, 1]);
    assert_eq!(split(&[(2, 4), (0, 4), (0, 1), (0, 1)], 9), [5, 3, 1, 0]);
}

#[test]
fn free_room_is_used_before_new_instances() {
    let types = [offer(vcpu(4, 16))];
    let groups = [waiting(10, vcpu(1, 1))];
    // Room for 3 on two instances in use, for none on the full ones; 7 tasks are left: two instances of 4.
    let rooms = [room(vcpu(2, 8), true), room(vcpu(1, 8), true), room(vcpu(0, 8), true)];
    assert_eq!(read(&view((3, 3), &types, &rooms, &groups)).needed, 3 + 2);
    // An empty instance takes 4 of 4: no scale-out, and it is no candidate for scale-in.
    let groups = [waiting(4, vcpu(1, 1))];
    let rooms = [room(vcpu(4, 16), false), room(vcpu(4, 16), false), room(vcpu(0, 8), true)];
    let reading = read(&view((3, 1), &types, &rooms, &groups));
    assert_eq!((reading.needed, hundredths(reading)), (2, 6_667));
}

#[test]
fn each_resource_and_each_constraint_counts() {
    let size = Resources { cpu: 65_536, memory: 65_536, gpus: 4, enis: 3 };
    let types = [offer(size)];
    let needed = |group: Group, rooms: &[Room], running| {
        read(&view((running, running), &types, rooms, &[group])).needed - running
    };
    let gpus = Resources { cpu: 1, gpus: 1, ..Resources::ZERO };
    assert_eq!(needed(waiting(9, gpus), &[], 1), 3, "4 GPUs by instance");
    let enis = Resources { cpu: 1, enis: 1, ..Resources::ZERO };
    assert_eq!(needed(waiting(9, enis), &[], 1), 3, "3 ENI slots by instance");
    let http = PortSet::new(vec![HostPort { protocol: Protocol::Tcp, port: 80 }]);
    let small = vcpu(1, 1);
    let ports = Group { ports: &http, ..waiting(4, small) };
    assert_eq!(needed(ports, &[], 1), 4, "a host port is taken once by instance");
    let taken = Room { ports: &http, ..room(vcpu(8, 8), true) };
    assert_eq!(needed(ports, &[taken, room(vcpu(8, 8), true)], 2), 3, "one has the port free");
    let distinct = Group { distinct_instance: true, ..waiting(4, small) };
    assert_eq!(needed(distinct, &[], 1), 4);
    let barred = Group { barred: &[0], ..distinct };
    let rooms = [room(vcpu(8, 8), true), room(vcpu(8, 8), true)];
    assert_eq!(needed(barred, &rooms, 2), 3, "one has a task of the group already");
    let kept = [Capacity { resources: size, ports: &http }];
    let reading = read(&view((1, 1), &kept, &[], &[ports]));
    assert_eq!(reading.incompatible, 4, "the instances keep the port for themselves");
    let none = [offer(size), offer(Resources { gpus: 0, ..size })];
    let reading = read(&view((1, 1), &none, &[], &[waiting(2, gpus)]));
    assert_eq!(reading.incompatible, 2, "the smallest type has no GPU");
}

#[test]
fn groups_are_not_added_up() {
    let types = [offer(vcpu(4, 16))];
    // Three and two instances: the larger answer counts, and the next minute asks anew.
    let groups = [waiting(12, vcpu(1, 1)), waiting(2, vcpu(3, 1))];
    assert_eq!(read(&view((1, 1), &types, &[], &groups)).needed, 1 + 3);
}

#[test]
fn steps_are_bounded_below_and_above() {
    let types = [offer(vcpu(1, 1))];
    let groups = [waiting(100, vcpu(1, 1))];
    let managed = ManagedScaling { max_step: 7, ..at_target(100) };
    let mut h = Harness::new(managed, 10);
    h.minute(Some(&view((10, 10), &types, &[], &groups)));
    assert_eq!(h.desired_steps(), [17]);
    let mut h = Harness::new(ManagedScaling { min_step: 5, ..at_target(100) }, 0);
    h.minute(Some(&view((0, 0), &types, &[], &groups)));
    assert_eq!(h.desired_steps(), [5], "from zero, too");
    let mut h = Harness::new(ManagedScaling { min_step: 5, ..at_target(100) }, 8);
    h.steady(15, 7);
    assert_eq!(h.desired_steps(), [7], "no effect on scale-in");
    let mut h = Harness::new(at_target(100), 8);
    h.max = 12;
    h.minute(Some(&view((8, 8), &types, &[], &groups)));
    h.youngest_launch = None;
    h.minute(Some(&view((8, 8), &types, &[], &groups)));
    assert_eq!((h.desired, h.refusals()), (12, vec![NotScaled::AlreadyAtMaxCapacity]));
}

#[test]
fn scale_out_waits_while_an_instance_warms_up() {
    let types = [offer(vcpu(1, 1))];
    let groups = [waiting(1, vcpu(1, 1))];
    let mut h = Harness::new(at_target(100), 1);
    // The instance that the first minute asks for never helps: five minutes later the next one is asked for.
    let mut running = 1;
    for _ in 0..8 {
        h.minute(Some(&view((running, running), &types, &[], &groups)));
        running = h.desired;
    }
    assert_eq!(h.desired_steps(), [2, 3]);
    assert_eq!(h.refusals(), [NotScaled::WarmingUp; 2], "told once by launch");
    let steps: Vec<_> = h.decisions.iter().filter(|d| d.to.is_some()).map(|d| d.at).collect();
    assert_eq!(steps[1].since(steps[0]), SimSpan::from_secs(300));
}

#[test]
fn instances_that_are_on_their_way_are_not_asked_for_again() {
    let types = [offer(vcpu(1, 1))];
    let groups = [waiting(3, vcpu(1, 1))];
    let mut h = Harness::new(ManagedScaling { warm_up: SimSpan::ZERO, ..at_target(100) }, 2);
    for _ in 0..5 {
        h.minute(Some(&view((2, 2), &types, &[], &groups)));
    }
    assert_eq!(h.desired_steps(), [5]);
    assert_eq!(h.refusals(), [NotScaled::AlreadyAtDesiredCapacity]);
}

#[test]
fn a_point_above_the_target_stops_scale_in_for_another_quarter_of_an_hour() {
    let types = [offer(vcpu(1, 1))];
    let groups = [waiting(1, vcpu(1, 1))];
    let mut h = Harness::new(at_target(100), 100);
    h.steady(16, 10);
    assert_eq!(h.desired_steps(), [50]);
    h.minute(Some(&view((50, 50), &types, &[], &groups)));
    assert_eq!(h.desired_steps(), [50, 51]);
    h.steady(14, 10);
    assert_eq!(h.desired, 51);
    h.steady(1, 10);
    assert_eq!(h.desired, 26);
}

#[test]
fn a_target_below_100_with_an_empty_group_goes_up_and_down_for_ever() {
    // RM#653: 100 % of nothing is above the target, so two start, idle, and go one by one.
    let mut h = Harness::new(at_target(50), 0);
    h.steady(45, 0);
    assert_eq!(h.desired_steps(), [2, 1, 0, 2, 1, 0, 2]);
}

#[test]
fn growth_is_proactive_with_a_target_below_100() {
    // Tasks go to the empty instances, so nothing waits: target 50, N = 20, M = 10 → 11.
    let mut h = Harness::new(at_target(50), 20);
    h.steady(5, 10);
    h.steady(1, 11);
    assert_eq!(h.desired_steps(), [22]);
}

#[test]
fn minutes_without_the_metric_change_nothing() {
    let mut h = Harness::new(at_target(100), 10);
    for _ in 0..40 {
        h.minute(None);
    }
    assert!(h.decisions.is_empty());
    h.steady(15, 5);
    assert_eq!(h.desired_steps(), [5]);
}

#[test]
fn the_minimum_holds_scale_in() {
    let mut h = Harness::new(at_target(100), 8);
    h.min = 6;
    h.steady(40, 0);
    assert_eq!((h.desired, h.refusals()), (6, vec![NotScaled::AlreadyAtMinCapacity]));
}

#[test]
fn the_legacy_estimator_adds_one_step_whatever_waits() {
    let legacy = ManagedScaling { estimator: Estimator::Legacy, min_step: 2, ..at_target(100) };
    let groups = [waiting(100, vcpu(1, 1))];
    let types = [offer(vcpu(1, 1))];
    let one_zone = view((10, 10), &types, &[], &groups);
    assert_eq!(need::read(&one_zone, legacy.estimate()).needed, 110, "one AZ, one type");
    let two_zones = View { zones: 2, ..one_zone };
    assert_eq!(need::read(&two_zones, legacy.estimate()).needed, 12);
    let types = [offer(vcpu(1, 1)), offer(vcpu(2, 2))];
    let two_types = view((10, 10), &types, &[], &groups);
    assert_eq!(need::read(&two_types, legacy.estimate()).needed, 12);
}

#[test]
fn protection_follows_tasks_and_stops_scale_in_alone() {
    let held = |instance, is_busy, is_protected| Held { instance, is_busy, is_protected };
    let change = protection::change([
        held('a', true, true),
        held('b', true, false),
        held('c', false, true),
        held('d', false, false),
    ]);
    assert_eq!((change.protect, change.release), (vec!['b'], vec!['c']));
    // All four combinations of protection and draining.
    use Ending::{Drains, Ends, Stays};
    let scale_in = |protected, draining| protection::ending(Cause::ScaleIn, protected, draining);
    assert_eq!(
        [
            scale_in(false, false),
            scale_in(false, true),
            scale_in(true, false),
            scale_in(true, true)
        ],
        [Ends, Drains, Stays, Stays]
    );
    for cause in [Cause::SpotReclaim, Cause::Unhealthy, Cause::ByHand] {
        assert_eq!(protection::ending(cause, true, false), Ends, "{cause:?}");
        assert_eq!(protection::ending(cause, true, true), Drains, "{cause:?}");
    }
}

#[test]
fn parameters_out_of_range_are_refused_by_name() {
    let names = |managed| -> Vec<&str> {
        managed::check(&managed).unwrap_err().into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names(at_target(0)), ["targetCapacity"]);
    assert_eq!(names(at_target(101)), ["targetCapacity"]);
    let base = at_target(100);
    assert_eq!(
        names(ManagedScaling { min_step: 0, max_step: 10_001, ..base }),
        ["minimumScalingStepSize", "maximumScalingStepSize"]
    );
    assert_eq!(
        names(ManagedScaling { min_step: 9, max_step: 8, ..base }),
        ["minimumScalingStepSize"]
    );
    let warm_up = SimSpan::from_secs(10_001);
    assert_eq!(names(ManagedScaling { warm_up, ..base }), ["instanceWarmupPeriod"]);
    assert_eq!(names(ManagedScaling { low_periods: 0, ..base }), ["low_periods"]);
}

proptest! {
    #![proptest_config(drawn(256))]

    #[test]
    fn a_split_hands_out_every_task_by_weight(
        list in prop::collection::vec(0_u32..5, 1..5), base in 0_u32..5, count in 0_u32..40
    ) {
        let mut shares: Vec<(u32, u32)> = list.iter().map(|&weight| (0, weight)).collect();
        shares[0] = (base, shares[0].1 + 1);
        let tasks = split(&shares, count);
        prop_assert_eq!(tasks.iter().sum::<u32>(), count);
        let weights: u32 = shares.iter().map(|share| share.1).sum();
        let rest = count.saturating_sub(base);
        for (&(base, weight), tasks) in shares.iter().zip(tasks) {
            let exact = f64::from(base.min(count)) + f64::from(rest * weight) / f64::from(weights);
            prop_assert!((f64::from(tasks) - exact).abs() < 1.0, "{tasks} for {exact}");
        }
    }

    #[test]
    fn m_is_a_lower_bound_that_lets_nothing_wait_for_nothing(
        counts in prop::collection::vec((1_u32..30, 1_u32..5, 1_u32..9), 1..4),
        running in 0_u32..20, busy in 0_u32..20,
    ) {
        let busy = busy.min(running);
        let types = [offer(vcpu(4, 8))];
        let groups: Vec<Group> =
            counts.iter().map(|&(count, cpu, gib)| waiting(count, vcpu(cpu, gib))).collect();
        let rooms: Vec<Room> =
            (0..running).map(|i| room(if i < busy { vcpu(1, 2) } else { vcpu(4, 8) }, i < busy)).collect();
        let reading = read(&view((running, busy), &types, &rooms, &groups));
        let cpu: u32 = counts.iter().map(|&(count, cpu, _)| count * cpu).max().unwrap();
        prop_assert!(reading.needed >= busy);
        prop_assert!(reading.needed <= running + cpu.max(30));
        if running == 0 {
            prop_assert!(reading.value == MetricValue(200_000_000));
        }
    }
}
