//! Rolling deployments step by step against the published table, and properties of the service scheduler's pass.
//!
//! The harness applies each pass to a cluster where started tasks are healthy in the next round.

use crate::support::random::drawn;
use ecsim::base::random::{Purpose, Seed, Stream};
use ecsim::model::fleet::Fleet;
use ecsim::model::ids::ZoneId;
use ecsim::model::resources::Resources;
use ecsim::policy::deployment::rolling::{Bounds, bounds};
use ecsim::policy::service::{
    OldRevision, Pass, PassInput, ScaleIn, ServiceTask, StopReason, pass,
};
use proptest::prelude::*;

const OLD: u32 = 1;
const NEW: u32 = 2;

fn task(key: u32, generation: u32) -> ServiceTask {
    ServiceTask {
        key,
        id: u64::from(key),
        generation,
        is_running: true,
        counts_healthy: true,
        is_unhealthy: false,
        in_grace: false,
        is_protected: false,
        is_draining: false,
        provider: 0,
        zone: ZoneId(key % 3),
        instance: None,
    }
}

/// The same task, gone bad.
fn sick(task: ServiceTask) -> ServiceTask {
    ServiceTask { counts_healthy: false, is_unhealthy: true, ..task }
}

/// The same task, not RUNNING yet.
fn pending(task: ServiceTask) -> ServiceTask {
    ServiceTask { counts_healthy: false, is_running: false, ..task }
}

fn protected(task: ServiceTask) -> ServiceTask {
    ServiceTask { is_protected: true, ..task }
}

fn draining(task: ServiceTask) -> ServiceTask {
    ServiceTask { is_draining: true, ..task }
}

/// A service in a cluster.
struct Cluster {
    tasks: Vec<ServiceTask>,
    desired: u32,
    bounds: Bounds,
    room: usize,
    old: Option<OldRevision>,
    next_key: u32,
    draws: Stream,
}

impl Cluster {
    fn new(tasks: Vec<ServiceTask>, desired: u32, minimum: u32, maximum: u32) -> Cluster {
        let is_old = |task: &ServiceTask| task.generation != NEW;
        let old = tasks.iter().any(is_old).then_some(OldRevision { generation: OLD, desired });
        Cluster {
            next_key: 1_000,
            tasks,
            desired,
            bounds: bounds(desired, minimum, maximum),
            room: usize::MAX,
            old,
            draws: Seed(1).stream(Purpose::Test, "deployment"),
        }
    }

    fn decide(&mut self) -> Pass {
        let fleet = Fleet::new();
        let input = PassInput {
            desired: self.desired,
            bounds: self.bounds,
            generation: NEW,
            draining: 0,
            stops_drain: false,
            tasks: &self.tasks,
            scale_in: ScaleIn {
                fleet: &fleet,
                strategies: &[],
                demand: Resources::ZERO,
                shares: &[],
            },
            is_rolling: self.old.is_some(),
            old: self.old,
            is_held: false,
        };
        pass(&input, &mut self.draws)
    }

    /// Applies a pass and says what changed, such as `-2, +2`.
    fn round(&mut self) -> Vec<String> {
        let decided = self.decide();
        let mut steps = Vec::new();
        self.tasks.retain(|task| decided.stop.iter().all(|(key, _)| *key != task.key));
        if !decided.stop.is_empty() {
            steps.push(format!("-{}", decided.stop.len()));
        }
        let mut started = 0;
        for (generation, count) in decided.start {
            for _ in 0..count {
                if self.tasks.len() < self.room {
                    self.tasks.push(pending(task(self.next_key, generation)));
                    self.next_key += 1;
                    started += 1;
                }
            }
        }
        if started > 0 {
            steps.push(format!("+{started}"));
        }
        if let Some(old) = &mut self.old {
            old.desired = decided.old_desired;
        }
        steps
    }

    /// What is on its way arrives. Whether anything was.
    fn settle(&mut self) -> bool {
        let mut changes = false;
        for task in self.tasks.iter_mut().filter(|task| !task.is_unhealthy) {
            changes |= !task.is_running || !task.counts_healthy;
            task.is_running = true;
            task.counts_healthy = true;
        }
        changes
    }

    /// Steps until nothing happens any more.
    fn run(&mut self) -> String {
        let mut steps = Vec::new();
        for _ in 0..1_000 {
            let round = self.round();
            let is_idle = round.is_empty();
            steps.extend(round);
            if !self.settle() && is_idle {
                return steps.join(", ");
            }
        }
        panic!("does not end: {}", steps.join(", "));
    }

    fn count(&self, test: impl Fn(&ServiceTask) -> bool) -> usize {
        self.tasks.iter().filter(|task| test(task)).count()
    }

    fn is_done(&self) -> bool {
        let good = |task: &ServiceTask| {
            task.generation == NEW && !task.is_sick() && !task.is_draining && task.counts_healthy
        };
        self.count(good) == self.tasks.len() && self.tasks.len() == self.desired as usize
    }
}

fn of(generation: u32, count: u32) -> Vec<ServiceTask> {
    (0..count).map(|key| task(key, generation)).collect()
}

fn rolling(desired: u32, minimum: u32, maximum: u32, room: usize) -> String {
    let mut cluster = Cluster::new(of(OLD, desired), desired, minimum, maximum);
    cluster.room = room;
    let steps = cluster.run();
    if cluster.is_done() { steps } else { format!("stuck {steps}").trim_end().to_string() }
}

macro_rules! rows {
    ($($name:ident: $desired:expr, $min:expr, $max:expr => $low:expr, $high:expr, $steps:expr;)+) => {$(
        #[test]
        fn $name() {
            assert_eq!(bounds($desired, $min, $max), Bounds { low: $low, high: $high });
            assert_eq!(rolling($desired, $min, $max, usize::MAX), $steps);
        }
    )+};
}

rows! {
    rolling_1_min_100_max_200_starts_waits_and_stops: 1, 100, 200 => 1, 2, "+1, -1";
    rolling_1_min_100_max_100_is_stuck: 1, 100, 100 => 1, 1, "stuck";
    rolling_1_min_0_max_100_has_an_outage: 1, 0, 100 => 0, 1, "-1, +1";
    rolling_2_min_75_max_200_doubles: 2, 75, 200 => 2, 4, "+2, -2";
    rolling_3_min_100_max_125_is_stuck: 3, 100, 125 => 3, 3, "stuck";
    rolling_3_min_66_max_133_goes_one_by_one: 3, 66, 133 => 2, 3, "-1, +1, -1, +1, -1, +1";
    rolling_4_min_50_max_100_halves: 4, 50, 100 => 2, 4, "-2, +2, -2, +2";
    rolling_4_min_100_max_200_doubles: 4, 100, 200 => 4, 8, "+4, -4";
    rolling_5_min_50_max_150: 5, 50, 150 => 3, 7, "-2, +4, -3, +1";
    rolling_6_min_100_max_150: 6, 100, 150 => 6, 9, "+3, -3, +3, -3";
    rolling_7_min_50_max_125: 7, 50, 125 => 4, 8, "-3, +4, -4, +3";
    rolling_10_min_90_max_110_goes_by_twos: 10, 90, 110 => 9, 11,
        "-1, +2, -2, +2, -2, +2, -2, +2, -2, +2, -1";
    rolling_10_min_100_max_110_goes_one_by_one: 10, 100, 110 => 10, 11,
        ["+1, -1"; 10].join(", ");
}

#[test]
fn six_tasks_with_room_for_eight_at_100_and_200_go_by_twos() {
    assert_eq!(rolling(6, 100, 200, 8), "+2, -2, +2, -2, +2, -2");
}

#[test]
fn six_tasks_with_room_for_eight_at_50_and_200_halve_first() {
    assert_eq!(rolling(6, 50, 200, 8), "-3, +5, -3, +1");
}

/// One pass over these tasks: what stops, by key and reason, and what starts.
fn one(tasks: Vec<ServiceTask>, desired: u32, minimum: u32, maximum: u32) -> Pass {
    Cluster::new(tasks, desired, minimum, maximum).decide()
}

#[test]
fn an_unhealthy_task_is_replaced_before_it_stops_where_there_is_room() {
    let mut tasks = of(NEW, 4);
    tasks[1] = sick(tasks[1]);
    let mut cluster = Cluster::new(tasks, 4, 100, 200);
    assert_eq!(cluster.round(), ["+1"]);
    assert_eq!(cluster.round(), Vec::<String>::new(), "the replacement is not healthy yet");
    cluster.settle();
    let decided = cluster.decide();
    assert_eq!(decided.stop, [(1, StopReason::Unhealthy)]);
    assert!(decided.start.is_empty());
}

#[test]
fn an_unhealthy_replacement_brings_the_count_back_to_desired() {
    let mut tasks = of(NEW, 5);
    tasks[1] = sick(tasks[1]);
    tasks[4] = sick(tasks[4]);
    let decided = one(tasks, 4, 100, 200);
    assert_eq!(decided.stop.len(), 1, "either one");
    assert!([1, 4].contains(&decided.stop[0].0));
    assert_eq!(decided.start, [(NEW, 1)]);
}

#[test]
fn without_room_unhealthy_tasks_stop_one_at_a_time_above_the_floor() {
    let mut tasks = of(NEW, 4);
    tasks[0] = sick(tasks[0]);
    tasks[1] = sick(tasks[1]);
    tasks[2] = sick(tasks[2]);
    let mut cluster = Cluster::new(tasks.clone(), 4, 50, 100);
    assert_eq!(cluster.round(), ["-1", "+1"]);
    assert_eq!(cluster.round(), ["-1", "+1"]);
    assert!(cluster.round().is_empty(), "two settled tasks are the floor");
    assert!(one(tasks, 4, 100, 100).is_idle(), "100/100 blocks");
}

#[test]
fn unhealthy_results_in_the_grace_period_do_not_count() {
    let mut tasks = of(NEW, 3);
    tasks[0] = ServiceTask { in_grace: true, ..sick(tasks[0]) };
    assert!(one(tasks.clone(), 3, 100, 200).is_idle());
    let stops = one(tasks, 2, 100, 200).stop;
    assert_eq!(stops, [(0, StopReason::ScaleIn)], "but it goes first on scale-in");
}

#[test]
fn scale_in_spares_protected_tasks_and_stays_above_desired() {
    let tasks: Vec<ServiceTask> = of(NEW, 6).into_iter().map(protected).collect();
    assert!(one(tasks.clone(), 2, 100, 200).is_idle());
    let mut some = tasks;
    some[5].is_protected = false;
    assert_eq!(one(some, 2, 100, 200).stop, [(5, StopReason::ScaleIn)]);
}

#[test]
fn a_deployment_leaves_protected_old_tasks() {
    let mut tasks = of(OLD, 4);
    tasks[2] = protected(tasks[2]);
    let mut cluster = Cluster::new(tasks, 4, 100, 200);
    assert_eq!(cluster.run(), "+4, -3");
    assert_eq!(cluster.count(|task| task.generation == OLD), 1);
}

#[test]
fn pending_tasks_on_draining_instances_stop_at_once_and_running_ones_are_replaced_first() {
    let mut tasks = of(NEW, 3);
    tasks[0] = draining(pending(tasks[0]));
    tasks[1] = draining(tasks[1]);
    let mut cluster = Cluster::new(tasks, 3, 100, 200);
    let decided = cluster.decide();
    assert_eq!(decided.stop, [(0, StopReason::Draining)]);
    assert_eq!(decided.start, [(NEW, 2)]);
    assert_eq!(cluster.run(), "-1, +2, -1");
    assert!(cluster.is_done());
    let drained = of(NEW, 2).into_iter().map(draining).collect();
    assert!(one(drained, 2, 100, 100).is_idle(), "100/100 blocks draining");
}

#[test]
fn a_newer_deployment_replaces_all_earlier_ones() {
    // Generation 0 was completed, 1 was on its way.
    let mut tasks = of(0, 4);
    tasks.extend((4..8).map(|key| pending(task(key, OLD))));
    let mut cluster = Cluster::new(tasks, 4, 100, 200);
    cluster.old = Some(OldRevision { generation: 0, desired: 4 });
    assert_eq!(cluster.run(), "-4, +4, -4");
    assert!(cluster.is_done());
}

#[test]
fn failed_old_tasks_are_replaced_with_the_old_revision_while_the_new_one_comes() {
    let mut tasks = of(OLD, 3);
    tasks.extend((4..8).map(|key| pending(task(key, NEW))));
    let decided = one(tasks.clone(), 4, 100, 200);
    assert_eq!(decided.start, [(OLD, 1)]);
    assert_eq!(decided.old_desired, 4);
    // At 50 % the loss is within what the deployment would have stopped anyway.
    let decided = one(tasks, 4, 50, 200);
    assert_eq!(decided.start, []);
}

#[test]
fn a_fix_comes_in_where_the_old_revision_cannot_stay_up() {
    // 4 desired, 100/125: one place beyond the four, and the old tasks crash in every round.
    let mut cluster = Cluster::new(of(OLD, 4), 4, 100, 125);
    for _ in 0..40 {
        cluster.tasks.retain(|task| task.generation == NEW);
        cluster.round();
        cluster.settle();
    }
    cluster.run();
    assert!(cluster.is_done());
}

#[test]
fn a_broken_revision_leaves_the_old_one_at_its_count() {
    let mut cluster = Cluster::new(of(OLD, 4), 4, 100, 150);
    for _ in 0..40 {
        cluster.round();
        cluster.tasks.retain(|task| task.generation == OLD);
        cluster.settle();
        assert_eq!(cluster.count(|task| task.counts_healthy), 4);
    }
}

#[derive(Debug, Clone)]
struct Case {
    desired: u32,
    minimum: u32,
    maximum: u32,
    tasks: Vec<ServiceTask>,
}

fn cases(with_protection: bool) -> impl Strategy<Value = Case> {
    let one = (0..3u32, 0..10u32, 0..8u32, any::<bool>());
    (0..20u32, 0..=100u32, 100..=250u32, prop::collection::vec(one, 0..40)).prop_map(
        move |(desired, minimum, maximum, drawn)| {
            let make = |(key, (generation, state, place, is_protected))| {
                let mut made = task(key, generation);
                made = match state {
                    0 | 1 => pending(made),
                    2 => sick(made),
                    3 => ServiceTask { counts_healthy: false, ..made },
                    4 => ServiceTask { in_grace: true, ..sick(made) },
                    _ => made,
                };
                made.is_draining = place == 0;
                made.is_protected = with_protection && is_protected;
                made
            };
            Case { desired, minimum, maximum, tasks: (0..).zip(drawn).map(make).collect() }
        },
    )
}

proptest! {
    #![proptest_config(drawn(256))]

    #[test]
    fn a_pass_keeps_to_its_bounds_and_to_protection(case in cases(true)) {
        let mut cluster = Cluster::new(case.tasks.clone(), case.desired, case.minimum, case.maximum);
        let decided = cluster.decide();
        let bounds = cluster.bounds;
        let find = |key: u32| case.tasks.iter().find(|task| task.key == key).unwrap();
        for (key, _) in &decided.stop {
            prop_assert!(!find(*key).is_protected);
        }
        let mut keys: Vec<u32> = decided.stop.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        keys.dedup();
        prop_assert_eq!(keys.len(), decided.stop.len(), "each task once");
        let healthy = case.tasks.iter().filter(|task| task.counts_healthy).count() as u32;
        let lost = keys.iter().filter(|key| find(**key).counts_healthy).count() as u32;
        prop_assert!(healthy - lost >= healthy.min(bounds.low), "{decided:?}");
        let started: u32 = decided.start.iter().map(|(_, count)| count).sum();
        let total = case.tasks.len() as u32 - keys.len() as u32 + started;
        prop_assert!(started == 0 || total <= bounds.high, "{decided:?}");
        prop_assert!(decided.start.iter().all(|(_, count)| *count > 0));
    }

    #[test]
    fn passes_end_and_end_well_unless_the_bounds_leave_no_room(case in cases(false)) {
        let mut tasks = case.tasks.clone();
        tasks.iter_mut().for_each(|task| task.in_grace = false);
        let mut cluster = Cluster::new(tasks, case.desired, case.minimum, case.maximum);
        cluster.run();
        let Bounds { low, high } = cluster.bounds;
        prop_assert!(cluster.is_done() || low == high, "{:?} {:?}", cluster.bounds, cluster.tasks);
    }
}
