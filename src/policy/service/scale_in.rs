//! Which tasks go when some must: one after the other, each stop changing the counts for the next.
//!
//! 1. Unhealthy tasks, then those that are not RUNNING (assumed), then those not counted healthy.
//! 2. Tasks of none of the strategy's capacity providers: those that went to Fargate for want of room (beyond ECS), or were
//!    there by an earlier strategy (assumed). Then the provider that has the most tasks beyond its share of the strategy
//!    (assumed), the later one among equals.
//! 3. The Availability Zone with the most tasks of the service (documented).
//! 4. The strategies in the reverse sense (documented): `binpack` the instance that has the most of the resource left
//!    afterwards, `spread` the value with the most tasks of the service, `random` a draw.
//! 5. The instance with the most tasks of the service, random among equals (documented; not last in, first out).
//!
//! Protected tasks are the caller's to leave out. A choice of k among n costs O(n + k × (log n + zones + tasks of the
//! service on one instance)).

use super::ServiceTask;
use crate::base::random::Stream;
use crate::model::fleet::Fleet;
use crate::model::ids::{AttributeId, InstanceId, ZoneId};
use crate::model::resources::Resources;
use crate::policy::placement::{PackField, SpreadField, Strategy};
use std::collections::{BTreeMap, BinaryHeap};

/// What the choice depends on beyond the tasks.
#[derive(Clone, Copy)]
pub struct ScaleIn<'a> {
    /// The instances.
    pub fleet: &'a Fleet,
    /// Strategies of the service; none is the default order.
    pub strategies: &'a [Strategy],
    /// What one task gives back, for `binpack`.
    pub demand: Resources,
    /// The service's capacity provider strategy; none: providers do not matter.
    pub shares: &'a [Share],
}

/// One item of a capacity provider strategy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Share {
    /// Tasks that it gets first.
    pub base: u32,
    /// Its part of the rest.
    pub weight: u32,
}

/// Chooses `count` of the rows `candidates` of `tasks` (all of them where there are fewer), in the order of stopping.
/// Counts include every task that is not `gone`.
#[must_use]
pub fn choose(
    how: ScaleIn,
    tasks: &[ServiceTask],
    gone: &[bool],
    candidates: &[usize],
    count: u32,
    draws: &mut Stream,
) -> Vec<usize> {
    let count = (count as usize).min(candidates.len());
    if count == 0 {
        return Vec::new();
    }
    let mut rows = candidates.to_vec();
    rows.sort_by_key(|&row| tier(&tasks[row]));
    let mut tally = Tally::new(how, tasks, gone);
    let mut chosen = Vec::with_capacity(count);
    for rows in rows.chunk_by(|&a, &b| tier(&tasks[a]) == tier(&tasks[b])) {
        let wanted = count - chosen.len();
        if wanted == 0 {
            break;
        }
        for (rows, wanted) in tally.split(tasks, rows, wanted) {
            tally.choose_tier(tasks, &rows, wanted, draws, &mut chosen);
        }
    }
    chosen
}

/// The item with the largest surplus over its share of `total` tasks, among those with candidates left.
fn largest_surplus(shares: &[Share], have: &[u32], left: &[u32], total: u32) -> Option<usize> {
    let weights: i64 = shares.iter().map(|s| i64::from(s.weight)).sum::<i64>().max(1);
    let bases: i64 = shares.iter().map(|s| i64::from(s.base)).sum();
    let rest = (i64::from(total) - bases).max(0);
    let surplus = |&item: &usize| {
        let share = &shares[item];
        let base = i64::from(share.base.min(total));
        (i64::from(have[item]) - base) * weights - rest * i64::from(share.weight)
    };
    (0..shares.len()).filter(|&item| left[item] > 0).max_by_key(surplus)
}

fn tier(task: &ServiceTask) -> usize {
    match (task.is_unhealthy, task.is_running, task.counts_healthy) {
        (true, ..) => 0,
        (_, false, _) => 1,
        (_, _, false) => 2,
        _ => 3,
    }
}

/// One level of the order after the zone.
enum Level {
    Free(fn(&Fleet, InstanceId, Resources) -> u64),
    OnInstance,
    ByAttribute(Option<AttributeId>, BTreeMap<Option<u32>, u64>),
    Draw,
}

/// A task in a heap: the larger key goes first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    key: Vec<u64>,
    /// Random among equals.
    tie: u64,
    row: usize,
}

/// A candidate: its zone, its draw, its row.
type Drawn = (ZoneId, u64, usize);

/// Counts of the tasks that are left.
struct Tally<'a> {
    how: ScaleIn<'a>,
    levels: Vec<Level>,
    zones: BTreeMap<ZoneId, u64>,
    on_instance: BTreeMap<InstanceId, u64>,
    /// Rows that were chosen.
    taken: Vec<bool>,
    /// Tasks chosen on each instance.
    stops: BTreeMap<InstanceId, u32>,
}

impl<'a> Tally<'a> {
    fn new(how: ScaleIn<'a>, tasks: &[ServiceTask], gone: &[bool]) -> Self {
        let levels = how.strategies.iter().map(|strategy| level(how.fleet, strategy));
        let mut tally = Tally {
            how,
            levels: levels.chain([Level::OnInstance]).collect(),
            zones: BTreeMap::new(),
            on_instance: BTreeMap::new(),
            taken: gone.to_vec(),
            stops: BTreeMap::new(),
        };
        for (task, _) in tasks.iter().zip(gone).filter(|(_, gone)| !**gone) {
            tally.add(task, 1);
        }
        tally
    }

    /// Candidates by capacity provider, with how many of each go.
    fn split(
        &self,
        tasks: &[ServiceTask],
        rows: &[usize],
        wanted: usize,
    ) -> Vec<(Vec<usize>, usize)> {
        let shares = self.how.shares;
        let item = |row: usize| tasks[row].provider as usize;
        let is_foreign = |row: &usize| item(*row) >= shares.len();
        if shares.is_empty() || shares.len() == 1 && !rows.iter().any(is_foreign) {
            return vec![(rows.to_vec(), wanted)];
        }
        let (foreign, rows): (Vec<usize>, Vec<usize>) =
            rows.iter().partition(|row| is_foreign(row));
        let first = foreign.len().min(wanted);
        let mut groups = vec![(Vec::new(), 0); shares.len()];
        let (mut have, mut left) = (vec![0; shares.len()], vec![0; shares.len()]);
        for row in (0..tasks.len()).filter(|row| !self.taken[*row] && !is_foreign(row)) {
            have[item(row)] += 1;
        }
        for row in rows {
            groups[item(row)].0.push(row);
            left[item(row)] += 1;
        }
        let mut total: u32 = have.iter().sum();
        for _ in first..wanted {
            total = total.saturating_sub(1);
            let Some(item) = largest_surplus(shares, &have, &left, total) else { break };
            have[item] -= 1;
            left[item] -= 1;
            groups[item].1 += 1;
        }
        if first > 0 {
            groups.insert(0, (foreign, first));
        }
        groups
    }

    fn add(&mut self, task: &ServiceTask, change: i64) {
        let shift = |count: &mut u64| *count = count.wrapping_add_signed(change);
        shift(self.zones.entry(task.zone).or_default());
        let Some(instance) = task.instance else { return };
        shift(self.on_instance.entry(instance).or_default());
        for level in &mut self.levels {
            if let Level::ByAttribute(attribute, counts) = level {
                shift(counts.entry(value(self.how.fleet, *attribute, instance)).or_default());
            }
        }
    }

    fn key(&self, task: &ServiceTask, tie: u64) -> Vec<u64> {
        let Some(instance) = task.instance else { return Vec::new() };
        let back = self.stops.get(&instance).copied().unwrap_or(0) + 1;
        let freed = Resources {
            cpu: self.how.demand.cpu.saturating_mul(back),
            memory: self.how.demand.memory.saturating_mul(back),
            ..Resources::ZERO
        };
        let component = |level: &Level| match level {
            Level::Free(of) => of(self.how.fleet, instance, freed),
            Level::OnInstance => self.on_instance[&instance],
            Level::ByAttribute(attribute, counts) => {
                counts[&value(self.how.fleet, *attribute, instance)]
            }
            Level::Draw => tie,
        };
        self.levels.iter().map(component).collect()
    }

    fn choose_tier(
        &mut self,
        tasks: &[ServiceTask],
        rows: &[usize],
        wanted: usize,
        draws: &mut Stream,
        chosen: &mut Vec<usize>,
    ) {
        let draw = |&row: &usize| (tasks[row].zone, draws.next_u64(), row);
        let mut drawn: Vec<Drawn> = rows.iter().map(draw).collect();
        let wanted = wanted.min(rows.len());
        chosen.extend(match rows.iter().all(|&row| tasks[row].instance.is_none()) {
            true => self.choose_by_draw(tasks, &mut drawn, wanted),
            false => self.choose_by_key(tasks, &drawn, wanted),
        });
    }

    /// How full a zone is: of those with as many tasks the one of the least id is the fullest.
    fn fullness(&self, zone: ZoneId) -> (u64, u32) {
        (self.zones[&zone], zone.0 ^ u32::MAX)
    }

    /// A task goes.
    fn take(&mut self, tasks: &[ServiceTask], row: usize) {
        self.taken[row] = true;
        self.add(&tasks[row], -1);
    }

    /// In each zone those of the largest keys, which change as others go.
    fn choose_by_key(
        &mut self,
        tasks: &[ServiceTask],
        drawn: &[Drawn],
        wanted: usize,
    ) -> Vec<usize> {
        let mut chosen = Vec::with_capacity(wanted);
        let mut heaps: BTreeMap<ZoneId, (BinaryHeap<Entry>, usize)> = BTreeMap::new();
        let mut neighbours: BTreeMap<InstanceId, Vec<(usize, u64)>> = BTreeMap::new();
        for &(_, tie, row) in drawn {
            let task = &tasks[row];
            let empty = || (BinaryHeap::with_capacity(drawn.len()), 0);
            let (heap, left) = heaps.entry(task.zone).or_insert_with(empty);
            heap.push(Entry { key: self.key(task, tie), tie, row });
            *left += 1;
            if let Some(instance) = task.instance {
                neighbours.entry(instance).or_default().push((row, tie));
            }
        }
        for _ in 0..wanted {
            let fullest = heaps.keys().max_by_key(|&&zone| self.fullness(zone));
            let zone = *fullest.expect("every candidate is in a heap until it is chosen");
            let (heap, left) = heaps.get_mut(&zone).expect("the zone is one of the heaps");
            let row = self.pop(tasks, heap);
            let task = &tasks[row];
            chosen.push(row);
            self.take(tasks, row);
            *left -= 1;
            if let Some(instance) = task.instance {
                *self.stops.entry(instance).or_default() += 1;
                // What is left on the instance may have become more attractive to `binpack`: enter it anew.
                let others = neighbours.get_mut(&instance).expect("its own list holds it");
                others.retain(|(other, _)| *other != row);
                if self.has_free_level() {
                    let key = |&(row, tie): &(usize, u64)| self.key(&tasks[row], tie);
                    heap.extend(others.iter().map(|of| Entry {
                        key: key(of),
                        tie: of.1,
                        row: of.0,
                    }));
                }
            }
            if *left == 0 {
                heaps.remove(&zone);
            }
        }
        chosen
    }

    /// The same of tasks that are on no instance, whose keys are empty: in each zone those of the greatest draws.
    fn choose_by_draw(
        &mut self,
        tasks: &[ServiceTask],
        drawn: &mut [Drawn],
        wanted: usize,
    ) -> Vec<usize> {
        let mut chosen = Vec::with_capacity(wanted);
        drawn.sort_unstable();
        let mut zones: Vec<&[Drawn]> = drawn.chunk_by(|a, b| a.0 == b.0).collect();
        for _ in 0..wanted {
            let with_rows = zones.iter_mut().filter(|rows| !rows.is_empty());
            let fullest = with_rows.max_by_key(|rows| self.fullness(rows[0].0));
            let rows = fullest.expect("every candidate is there until it is chosen");
            let Some((&(.., row), left)) = rows.split_last() else { break };
            *rows = left;
            chosen.push(row);
            self.take(tasks, row);
        }
        chosen
    }

    fn has_free_level(&self) -> bool {
        self.levels.iter().any(|level| matches!(level, Level::Free(_)))
    }

    /// The row with the largest present key. An entry that is still right at the top wins; one that has become
    /// too large goes back with its present key, one that has become too small has been entered anew.
    fn pop(&self, tasks: &[ServiceTask], heap: &mut BinaryHeap<Entry>) -> usize {
        loop {
            let mut entry = heap.pop().expect("the heap of a zone with candidates is not empty");
            if self.taken[entry.row] {
                continue;
            }
            let key = self.key(&tasks[entry.row], entry.tie);
            if key == entry.key {
                return entry.row;
            }
            if key < entry.key {
                entry.key = key;
                heap.push(entry);
            }
        }
    }
}

fn value(fleet: &Fleet, attribute: Option<AttributeId>, instance: InstanceId) -> Option<u32> {
    attribute.and_then(|attribute| fleet.attributes[attribute].of[instance])
}

/// The reverse of a strategy: the larger, the earlier a task goes.
fn level(fleet: &Fleet, strategy: &Strategy) -> Level {
    match strategy {
        Strategy::Binpack(PackField::Cpu) => Level::Free(|fleet, instance, freed| {
            u64::from(fleet.free[instance].cpu) + u64::from(freed.cpu)
        }),
        Strategy::Binpack(PackField::Memory) => Level::Free(|fleet, instance, freed| {
            u64::from(fleet.free[instance].memory) + u64::from(freed.memory)
        }),
        Strategy::Spread(SpreadField::Instance) => Level::OnInstance,
        Strategy::Spread(SpreadField::Attribute(name)) => {
            Level::ByAttribute(fleet.attribute(name), BTreeMap::new())
        }
        Strategy::Random | Strategy::Own(_) => Level::Draw,
        Strategy::FirstFit => Level::Free(|_, instance, _| u64::from(instance.0)),
        Strategy::BestFit => Level::Free(|fleet, instance, freed| {
            let (cpu, memory) = shares(fleet, instance, freed);
            cpu + memory
        }),
        Strategy::WorstFit => Level::Free(|fleet, instance, freed| {
            let (cpu, memory) = shares(fleet, instance, freed);
            u64::MAX - cpu.min(memory)
        }),
    }
}

/// Free CPU and memory afterwards, in millionths of what the instance registered.
fn shares(fleet: &Fleet, instance: InstanceId, freed: Resources) -> (u64, u64) {
    let (free, all) = (fleet.free[instance], fleet.registered[instance]);
    let share = |free: u32, freed: u32, all: u32| {
        (u64::from(free) + u64::from(freed)) * 1_000_000 / u64::from(all.max(1))
    };
    (share(free.cpu, freed.cpu, all.cpu), share(free.memory, freed.memory, all.memory))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::{Purpose, Seed};
    use crate::base::time::SimTime;
    use crate::model::fleet::Registration;
    use crate::model::ids::{ClusterId, ProviderId};
    use crate::model::platform::{Architecture, OperatingSystem, Platform};
    use crate::model::ports::PortSet;
    use crate::random::drawn;
    use proptest::{prop_assert_eq, proptest};
    use std::cmp::Reverse;
    use std::sync::Arc;

    /// One instance for each pair of a zone and what is free of 4,096 CPU units; its attribute `rack` is `a` or `b`.
    fn fleet(of: &[(u32, u32)]) -> Fleet {
        let mut fleet = Fleet::new();
        for (number, (zone, free)) in of.iter().enumerate() {
            let all = Resources { cpu: 4_096, memory: 8_192, ..Resources::ZERO };
            let rack = if number % 2 == 0 { "a" } else { "b" };
            let id = fleet.register(Registration {
                name: format!("i-{number}"),
                instance_type: "m7g.xlarge".into(),
                cluster: ClusterId(0),
                provider: ProviderId(0),
                zone: ZoneId(*zone),
                platform: Platform {
                    os: OperatingSystem::Linux,
                    architecture: Architecture::Arm64,
                },
                resources: all,
                ports: PortSet::default(),
                attributes: Arc::new([("rack".to_string(), rack.to_string())].into()),
                registered_at: SimTime::ZERO,
            });
            fleet.free[id].cpu = *free;
        }
        fleet
    }

    /// One task for each instance number, in order.
    fn tasks(fleet: &Fleet, on: &[u32]) -> Vec<ServiceTask> {
        let task = |(key, instance): (u32, &u32)| ServiceTask {
            key,
            id: key.into(),
            generation: 1,
            is_running: true,
            counts_healthy: true,
            is_unhealthy: false,
            in_grace: false,
            is_protected: false,
            is_draining: false,
            provider: 0,
            zone: fleet.zone[InstanceId(*instance)],
            instance: Some(InstanceId(*instance)),
        };
        (0..).zip(on).map(task).collect()
    }

    /// The instances on which `count` tasks stop, in order.
    fn stops(fleet: &Fleet, on: &[u32], strategies: &[Strategy], count: u32) -> Vec<u32> {
        let tasks = tasks(fleet, on);
        let demand = Resources { cpu: 512, memory: 512, ..Resources::ZERO };
        let rows: Vec<usize> = (0..tasks.len()).collect();
        let gone = vec![false; tasks.len()];
        let how = ScaleIn { fleet, strategies, demand, shares: &[] };
        let mut draws = Seed(3).stream(Purpose::Test, "scale-in");
        let chosen = choose(how, &tasks, &gone, &rows, count, &mut draws);
        chosen.iter().map(|&row| on[row]).collect()
    }

    /// The rule read aloud, of tasks that are on no instance: each is looked at for each stop.
    fn one_by_one(tasks: &[ServiceTask], count: usize, draws: &mut Stream) -> Vec<usize> {
        let mut chosen = Vec::new();
        for of in 0..4 {
            if chosen.len() == count {
                break;
            }
            let own = (0..tasks.len()).filter(|&row| tier(&tasks[row]) == of);
            let mut left: Vec<(usize, u64)> = own.map(|row| (row, draws.next_u64())).collect();
            while chosen.len() < count && !left.is_empty() {
                let rank = |&(row, tie): &(usize, u64)| {
                    let zone = tasks[row].zone;
                    let stay = (0..tasks.len()).filter(|row| !chosen.contains(row));
                    (stay.filter(|&row| tasks[row].zone == zone).count(), Reverse(zone), tie, row)
                };
                let best =
                    (0..left.len()).max_by_key(|&at| rank(&left[at])).expect("some are left");
                chosen.push(left.remove(best).0);
            }
        }
        chosen
    }

    proptest! {
        #![proptest_config(drawn(256))]

        #[test]
        fn tasks_on_no_instance_go_by_health_zone_and_draw(
            of in proptest::collection::vec((0_u32..4, proptest::bool::weighted(0.8)), 0..30), count in 0_usize..40,
        ) {
            let fleet = fleet(&[(0, 0)]);
            let mut tasks = tasks(&fleet, &vec![0; of.len()]);
            for (task, &(zone, counts_healthy)) in tasks.iter_mut().zip(&of) {
                (task.zone, task.instance) = (ZoneId(zone), None);
                task.counts_healthy = counts_healthy;
            }
            let how = ScaleIn { fleet: &fleet, strategies: &[], demand: Resources::ZERO, shares: &[] };
            let (rows, gone): (Vec<usize>, _) = ((0..of.len()).collect(), vec![false; of.len()]);
            let draws = || Seed(3).stream(Purpose::Test, "scale-in");
            let chosen = choose(how, &tasks, &gone, &rows, count as u32, &mut draws());
            prop_assert_eq!(chosen, one_by_one(&tasks, count.min(of.len()), &mut draws()));
        }
    }

    #[test]
    fn the_zone_with_the_most_tasks_comes_first_then_the_instance() {
        let fleet = fleet(&[(0, 0), (0, 0), (1, 0)]);
        // Zone 0 has 3 + 1, zone 1 has 2.
        assert_eq!(stops(&fleet, &[0, 0, 0, 1, 2, 2], &[], 2), [0, 0]);
        // Then 2 and 2: the first zone, and there either instance; then the other zone.
        let all = stops(&fleet, &[0, 0, 0, 1, 2, 2], &[], 6);
        assert_eq!(all[3], 2);
        assert_eq!(all.len(), 6);
    }

    #[test]
    fn binpack_stops_where_most_is_left_afterwards() {
        let pack = [Strategy::Binpack(PackField::Cpu)];
        let fleet = fleet(&[(0, 1_024), (0, 3_072), (0, 2_048)]);
        // The emptiest instance is emptied first, then the next.
        assert_eq!(stops(&fleet, &[0, 0, 1, 1, 2], &pack, 4), [1, 1, 2, 0]);
    }

    #[test]
    fn spread_stops_in_the_value_with_the_most_tasks() {
        let fleet = fleet(&[(0, 0), (0, 0), (0, 0), (0, 0)]);
        let spread = [Strategy::Spread(SpreadField::Attribute("rack".into()))];
        // Rack a: instances 0 and 2 with three tasks; rack b: 1 and 3 with two, both on 3.
        let chosen = stops(&fleet, &[0, 0, 2, 3, 3], &spread, 1);
        assert_eq!(chosen, [0], "rack a, and there the instance with two");
    }

    #[test]
    fn random_reaches_every_task_and_zones_stay_balanced() {
        let fleet = fleet(&[(0, 0), (1, 0), (2, 0)]);
        let mut chosen = stops(&fleet, &[0, 0, 1, 1, 2, 2], &[Strategy::Random], 3);
        chosen.sort_unstable();
        assert_eq!(chosen, [0, 1, 2]);
    }

    #[test]
    fn unhealthy_and_pending_tasks_go_before_the_order_of_zones() {
        let fleet = fleet(&[(0, 0), (1, 0)]);
        let mut tasks = tasks(&fleet, &[0, 0, 0, 1, 1]);
        tasks[4].is_running = false;
        tasks[4].counts_healthy = false;
        tasks[3].is_unhealthy = true;
        let how = ScaleIn { fleet: &fleet, strategies: &[], demand: Resources::ZERO, shares: &[] };
        let mut draws = Seed(3).stream(Purpose::Test, "scale-in");
        let chosen = choose(how, &tasks, &[false; 5], &[0, 1, 2, 3, 4], 2, &mut draws);
        assert_eq!(chosen, [3, 4]);
    }

    #[test]
    fn tasks_by_another_strategy_go_first_and_count_for_no_share() {
        let fleet = fleet(&[(0, 0), (0, 0)]);
        let mut tasks = tasks(&fleet, &[0, 0, 0, 1, 1, 1]);
        // Two of the first item, two of the second, two of neither.
        for (task, provider) in tasks.iter_mut().zip([0, 0, u32::MAX, u32::MAX, 1, 1]) {
            task.provider = provider;
        }
        let shares = [Share { base: 0, weight: 1 }, Share { base: 0, weight: 3 }];
        let how =
            ScaleIn { fleet: &fleet, strategies: &[], demand: Resources::ZERO, shares: &shares };
        let mut draws = Seed(3).stream(Purpose::Test, "scale-in");
        let mut stops = |count: u32| {
            let rows = [0, 1, 2, 3, 4, 5];
            let mut all = choose(how, &tasks, &[false; 6], &rows, count, &mut draws);
            all.sort_unstable();
            all
        };
        assert_eq!(stops(2), [2, 3]);
        // Of the three that are left one in four is the first item's, which has two: one of them goes.
        let three = stops(3);
        assert!(three == [0, 2, 3] || three == [1, 2, 3], "{three:?}");
    }

    #[test]
    fn a_choice_of_many_is_the_same_as_choices_of_one() {
        let fleet = fleet(&[(0, 900), (1, 800), (2, 700), (0, 600), (1, 500), (2, 400)]);
        let on: Vec<u32> = (0..60).map(|n| (n * n + n / 7) % 6).collect();
        let tasks = tasks(&fleet, &on);
        let pack = [
            Strategy::Spread(SpreadField::Attribute("rack".into())),
            Strategy::Binpack(PackField::Cpu),
        ];
        let how =
            ScaleIn { fleet: &fleet, strategies: &pack, demand: Resources::ZERO, shares: &[] };
        let (mut gone, mut rows) = (vec![false; 60], (0..60).collect::<Vec<usize>>());
        let mut draws = Seed(5).stream(Purpose::Test, "many");
        let many = choose(how, &tasks, &gone, &rows, 40, &mut draws);
        let mut single = Vec::new();
        for _ in 0..40 {
            let row = choose(how, &tasks, &gone, &rows, 1, &mut draws)[0];
            gone[row] = true;
            rows.retain(|other| *other != row);
            single.push(on[row]);
        }
        // The tasks of one instance are alike, the instances are not.
        assert_eq!(many.iter().map(|&row| on[row]).collect::<Vec<u32>>(), single);
    }
}
