//! Random scenarios whose fleet moves: the same fleets, callers and rows as [`super::make`], and an Auto Scaling group
//! behind each EC2 provider that changes at random. Each runs under all checks after every event with the slow placement
//! beside the fast one; its bill is made a second time from `instances.csv`.

use super::make::{Case, Dice, seconds};
use super::run;
use ecsim::base::distribution::Distribution;
use ecsim::base::money::HourlyRate;
use ecsim::base::random::{Purpose, Seed};
use ecsim::base::time::{SimSpan, SimTime};
use ecsim::model::arrival::RowCounts;
use ecsim::model::fault::{Fault, FaultKind, Reaction, Trigger, Victims};
use ecsim::model::fleet::Registration;
use ecsim::model::group::{
    Allocation, CapacityChange, Draining, InstanceTiming, PoolState, PoolTiming,
    ProtectedInstances, TerminationPolicy,
};
use ecsim::model::ids::ZoneId;
use ecsim::model::outage::{Outage, OutageCause, OutageTrace};
use ecsim::model::platform::{LaunchType, Purchase};
use ecsim::model::spot::Availability;
use ecsim::policy::capacity::ManagedScaling;
use ecsim::policy::capacity::mixed::{OnDemandShare, SpotAllocation};
use ecsim::policy::capacity::need::{Estimator, Packing};
use ecsim::pricing::{Category, Fee, Fees};
use ecsim::report::tables;
use ecsim::sim::RunResult;
use ecsim::sim::setup::{
    GroupSetup, InstanceSetup, InterruptionSetup, Launch, LifetimeSetup, ManagedInstancesSetup,
    ManagedSetup, ManagedSpot, MixedSetup, PoolLimit, Price, RefreshSetup, RepairSetup,
    ReservationPreference, ReservationUse, Setup, Shortage, SpotPool, WarmPoolSetup,
};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Puts a group behind each EC2 provider that has instances.
fn moving(seed: u64) -> Case {
    let mut case = Case::new(seed);
    let mut dice = Dice(Seed(seed).stream(Purpose::Test, "moving"));
    let setup = &mut case.setup;
    // Callers of StartTask name instances, which would be gone.
    for provider in setup.providers.ids().collect::<Vec<_>>() {
        let own = |i: &&InstanceSetup| i.registration.provider == provider;
        let first: Vec<InstanceSetup> = setup.instances.iter().filter(own).cloned().collect();
        let of = &setup.providers[provider];
        let may_move = of.launch == LaunchType::Ec2 && of.purchase != Purchase::External;
        if !may_move || first.is_empty() {
            continue;
        }
        let kinds: Vec<InstanceSetup> = (0..=dice.below(2)).map(|_| dice.pick(&first)).collect();
        let zones: Vec<ZoneId> = (0..=dice.below(3) as u32).map(ZoneId).collect();
        let offer = |zone: ZoneId, kind: &InstanceSetup| InstanceSetup {
            registration: Registration { zone, ..kind.registration.clone() },
            price: kind.price.clone(),
            subnet: None,
        };
        let offers: Vec<InstanceSetup> = zones
            .iter()
            .flat_map(|&zone| kinds.iter().map(move |kind| offer(zone, kind)))
            .collect();
        let desired = first.len() as u32;
        let shortages = shortages(&mut dice, offers.len());
        let is_named = setup.sources.iter().any(|source| matches!(source.launch, Launch::Start(_)));
        let mixed = mixed(&mut dice, &offers).filter(|_| !is_named);
        if mixed.is_some() {
            setup.instances.retain(|instance| instance.registration.provider != provider);
        }
        // The first instances are ones that the group could have launched.
        let mut number = 0;
        for instance in &mut setup.instances {
            if instance.registration.provider == provider {
                let name = instance.registration.name.clone();
                *instance = dice.pick(&offers);
                instance.registration.name = name;
                number += 1;
            }
        }
        assert!(number == desired || mixed.is_some());
        let (mut at, mut changes) = (0, Vec::new());
        for _ in 0..dice.below(6) {
            at += dice.below(600);
            let wanted = Some(dice.below(14) as u32);
            changes.push(CapacityChange {
                at: SimTime(seconds(at).0),
                min: None,
                max: None,
                desired: wanted,
                template: dice.one_in(2).then(|| 1 + dice.below(3) as u32),
            });
        }
        let stage =
            |dice: &mut Dice| Distribution::Uniform { min: 0.0, max: dice.below(90) as f64 };
        let largest = offers.iter().map(|o| o.registration.resources);
        setup.providers[provider].largest =
            largest.reduce(ecsim::model::resources::Resources::largest_of_each).unwrap();
        let zoning = super::zones::at_random(seed, provider, &zones);
        setup.groups.push(GroupSetup {
            zoning,
            hooks: super::zones::hooks(seed, provider),
            provider,
            min: 0,
            max: 14,
            desired,
            zones,
            offers,
            purchase: setup.providers[provider].purchase,
            mixed,
            shortages,
            allocation: dice.pick(&[Allocation::Prioritized, Allocation::LowestPrice]),
            termination: vec![dice.pick(&TerminationPolicy::ALL).0],
            health_check_grace: SimSpan::ZERO,
            is_protected: dice.one_in(6),
            draining: Draining { is_on: !dice.one_in(3), longest: seconds(1 + dice.below(400)) },
            timing: InstanceTiming {
                launch: stage(&mut dice),
                pending: stage(&mut dice),
                boot: stage(&mut dice),
                register: stage(&mut dice),
            },
            changes,
            warm_pool: None,
            lifetime: None,
            refreshes: Vec::new(),
            managed: managed(&mut dice),
            scaling: None,
            instances: None,
        });
        let group = setup.groups.last_mut().unwrap();
        setup.providers[provider].is_managed = group.managed.is_some();
        if dice.one_in(3) && may_have_pool(group) {
            group.warm_pool = Some(warm_pool(&mut dice, group.managed.is_some()));
        }
        if dice.one_in(3) {
            let (longest, pause) = (seconds(1 + dice.below(3_000)), seconds(1 + dice.below(200)));
            group.lifetime = Some(LifetimeSetup { longest, pause });
        }
        if dice.one_in(3) {
            group.refreshes = refreshes(&mut dice);
        }
        if dice.one_in(3) {
            let window = managed_instances(&mut dice, group, &mut setup.fees);
            let provider = &mut setup.providers[provider];
            (provider.is_managed, provider.batch_window) = (true, Some(window));
        }
    }
    if !dice.one_in(3) {
        setup.faults = faults(&mut dice, setup);
    }
    if !dice.one_in(3) {
        setup.fargate.risks = super::fargate_risks::at_random(&mut dice, &setup.fargate.zones);
    }
    reserve(seed, setup);
    super::overflow::at_random(seed, setup);
    super::network::at_random(setup);
    if !dice.one_in(3) {
        super::blackouts::at_random(&mut dice, setup);
    }
    case
}

/// Some Managed Instances use capacity reservations: on random numbers of their own. The slots are not billed here.
fn reserve(seed: u64, setup: &mut Setup) {
    let mut dice = Dice(Seed(seed).stream(Purpose::Test, "reservations"));
    for group in &mut setup.groups {
        let Some(instances) = &mut group.instances else { continue };
        if group.purchase != Purchase::OnDemand || dice.one_in(2) {
            continue;
        }
        let slot = |dice: &mut Dice| {
            let from = SimTime(seconds(dice.below(600)).0);
            (from, from + seconds(1 + dice.below(2_000)), 1 + dice.below(3) as u32)
        };
        let mut slots = Vec::new();
        for _ in &group.offers {
            slots.push((0..dice.below(3)).map(|_| slot(&mut dice)).collect());
        }
        instances.reservations = Some(ReservationUse {
            slots,
            preference: dice.pick(&[
                ReservationPreference::Only,
                ReservationPreference::First,
                ReservationPreference::Excluded,
            ]),
        });
    }
}

/// A warm pool is On-Demand.
fn may_have_pool(group: &GroupSetup) -> bool {
    let all_on_demand = |mixed: &MixedSetup| mixed.share.percent == 100;
    match &group.mixed {
        Some(mixed) => all_on_demand(mixed),
        None => group.purchase == Purchase::OnDemand,
    }
}

fn warm_pool(dice: &mut Dice, is_managed: bool) -> WarmPoolSetup {
    let span = |dice: &mut Dice| Distribution::Uniform { min: 0.0, max: dice.below(60) as f64 };
    WarmPoolSetup {
        state: dice.pick(&PoolState::ALL).0,
        min: dice.below(4) as u32,
        prepared: dice.one_in(2).then(|| dice.below(14) as u32),
        reuses: !is_managed && dice.one_in(2),
        timing: PoolTiming { start: span(dice), boot: span(dice) },
    }
}

/// Instance refreshes in order of time; some begin while another is in progress.
fn refreshes(dice: &mut Dice) -> Vec<RefreshSetup> {
    let (mut at, count) = (SimTime::ZERO, 1 + dice.below(3));
    let one = |_| {
        at = at + seconds(dice.below(900));
        let min = dice.pick(&[0, 50, 90, 90, 100]);
        RefreshSetup {
            at,
            template: dice.one_in(2).then(|| 1 + dice.below(4) as u32),
            min,
            max: (min + dice.below(101) as u32).max(100),
            warm_up: seconds(dice.below(120)),
            checkpoints: dice.pick(&[vec![], vec![], vec![30, 60, 100], vec![50]]),
            checkpoint_delay: seconds(dice.below(400)),
            skip_matching: dice.one_in(2),
            protected: dice.pick(&ProtectedInstances::ALL).0,
            bake: seconds(dice.below(2) * dice.below(200)),
            cancel: dice.one_in(4).then(|| at + seconds(1 + dice.below(600))),
            alarm: dice.one_in(4).then(|| at + seconds(1 + dice.below(600))),
            rolls_back: dice.one_in(2),
        }
    };
    (0..count).map(one).collect()
}

/// Managed scaling of one group in two, with delays that a short run can feel.
fn managed(dice: &mut Dice) -> Option<ManagedSetup> {
    if dice.one_in(2) {
        return None;
    }
    let min_step = 1 + dice.below(3) as u32;
    let scaling = ManagedScaling {
        target_capacity: dice.pick(&[100, 100, 80, 50]),
        min_step,
        max_step: min_step + dice.below(9) as u32,
        warm_up: seconds(dice.below(200)),
        packing: dice.pick(&[Packing::PerTask, Packing::PerResource]),
        estimator: dice.pick(&[Estimator::ByGroup, Estimator::ByGroup, Estimator::Legacy]),
        metric_delay: seconds(dice.below(90)),
        high_periods: 1 + dice.below(2) as u32,
        low_periods: 1 + dice.below(4) as u32,
        low_percent: dice.pick(&[100, 90]),
        scale_in_percent: dice.pick(&[50, 100, 5]),
        scale_in_interval: seconds(1 + dice.below(100)),
    };
    let (protects, counts_unregistered) = (dice.one_in(2), dice.one_in(2));
    Some(ManagedSetup { scaling, protects, counts_unregistered })
}

/// Hosts that fail at random, alone, at once and by trace.
fn faults(dice: &mut Dice, setup: &Setup) -> Vec<Fault> {
    let span = |dice: &mut Dice, most: usize| {
        let (min, max) = (0.0, dice.below(most) as f64);
        Distribution::Uniform { min, max }
    };
    let kinds = [FaultKind::Failure, FaultKind::AgentDisconnect, FaultKind::Impaired];
    let reactions = [
        Reaction::Terminate,
        Reaction::Drain,
        Reaction::Nothing,
        Reaction::ByOwner,
        Reaction::ByOwner,
    ];
    let one = |dice: &mut Dice| {
        let trigger = match dice.below(3) {
            0 => Trigger::At(SimTime(seconds(dice.below(900)).0)),
            1 => {
                Trigger::Each(Distribution::Exponential { mean: 100.0 + dice.below(2_000) as f64 })
            }
            _ => Trigger::Trace(outages(dice)),
        };
        let reaction = dice.pick(&reactions);
        let is_reacted_to = matches!(reaction, Reaction::Terminate | Reaction::Drain);
        let is_for_good = is_reacted_to && dice.one_in(3);
        let lasts = span(dice, 400);
        Fault {
            kind: dice.pick(&kinds),
            trigger,
            victims: Victims::Random(
                dice.one_in(2).then(|| dice.pick(&setup.providers.ids().collect::<Vec<_>>())),
                1 + dice.below(4) as u32,
            ),
            lasts: (!is_for_good).then_some(lasts),
            found_after: span(dice, 300),
            reaction,
            silent_after: span(dice, 100),
        }
    };
    let mut faults: Vec<Fault> = (0..1 + dice.below(3)).map(|_| one(dice)).collect();
    if dice.one_in(3) {
        faults.push(Fault {
            kind: FaultKind::NeverRegisters,
            trigger: Trigger::Launch(dice.below(500_000) as u32),
            victims: Victims::Random(None, 1),
            lasts: None,
            reaction: Reaction::Terminate,
            ..one(dice)
        });
    }
    while dice.one_in(2) {
        faults.push(Fault {
            kind: FaultKind::ZoneOutage,
            trigger: Trigger::At(SimTime(seconds(dice.below(900)).0)),
            victims: Victims::Zone(dice.pick(&setup.zones.ids().collect::<Vec<_>>())),
            lasts: Some(span(dice, 400)),
            ..one(dice)
        });
    }
    faults
}

fn outages(dice: &mut Dice) -> OutageTrace {
    let (mut at, mut outages) = (0, Vec::new());
    for _ in 0..dice.below(12) {
        at += dice.below(300);
        outages.push(Outage {
            at: SimTime(seconds(at).0),
            duration: seconds(1 + dice.below(200)),
            machine: dice.below(6),
            cause: OutageCause::default(),
        });
    }
    let machines = (0..6).map(|n| format!("node-{n}")).collect();
    OutageTrace { machines, outages, counts: RowCounts::default() }
}

/// A mixed instances policy, for half of the groups.
fn mixed(dice: &mut Dice, offers: &[InstanceSetup]) -> Option<MixedSetup> {
    if dice.one_in(2) {
        return None;
    }
    let price = |dice: &mut Dice| HourlyRate(1 + dice.below(2_000_000_000) as u64);
    let pool = |dice: &mut Dice| {
        let steps = (0..=dice.below(4)).map(|step| (SimTime(seconds(step * 500).0), price(dice)));
        SpotPool {
            price: Price::Steps(steps.collect()),
            score: dice.below(4) as u32,
            hazard_per_hour: dice.below(40) as f64,
            bought: [!dice.one_in(8), !dice.one_in(8)],
        }
    };
    Some(MixedSetup {
        share: OnDemandShare { base: dice.below(4) as u32, percent: dice.below(101) as u32 },
        spot: dice.pick(&SpotAllocation::ALL).0,
        max_price: dice.one_in(3).then(|| price(dice)),
        pools: offers.iter().map(|_| pool(dice)).collect(),
        interruption: interruption(dice, offers.len()),
        segments: None,
    })
}

/// How Spot instances are taken back: every way at random, with delays that a short run can feel.
fn interruption(dice: &mut Dice, offers: usize) -> InterruptionSetup {
    let limits = (0..dice.below(3)).map(|_| PoolLimit {
        offers: (0..offers).filter(|_| !dice.one_in(3)).collect(),
        changes: (0..1 + dice.below(5))
            .map(|step| Availability {
                at: SimTime(seconds(step * 300).0),
                instances: dice.below(8) as u32,
            })
            .collect(),
    });
    let limits = limits.collect();
    InterruptionSetup {
        above_max_price: dice.one_in(2),
        reclaims: dice.one_in(3).then(|| (1.0 + dice.below(10) as f64, 1 + dice.below(100) as u32)),
        notice: seconds(dice.below(200)),
        recommendation: Distribution::Uniform { min: 0.0, max: dice.below(300) as f64 },
        rebalances: dice.one_in(2),
        agent_drains: dice.one_in(2),
        limits,
    }
}

/// When nothing can be had of some offers.
fn shortages(dice: &mut Dice, offers: usize) -> Vec<Shortage> {
    let one = |_| {
        let from = SimTime(seconds(dice.below(1_500)).0);
        Shortage {
            offers: (0..offers).filter(|_| !dice.one_in(3)).collect(),
            purchase: dice.pick(&[None, Some(Purchase::OnDemand), Some(Purchase::Spot)]),
            from,
            until: from + seconds(1 + dice.below(900)),
        }
    };
    (0..2).map(one).collect()
}

/// Makes a group the Managed Instances of its provider; how long a batch is collected.
fn managed_instances(dice: &mut Dice, group: &mut GroupSetup, fees: &mut Fees) -> SimSpan {
    (group.min, group.max, group.managed, group.mixed) = (0, u32::MAX, None, None);
    (group.warm_pool, group.lifetime) = (None, None);
    group.refreshes.clear();
    group.changes.clear();
    group.instances = Some(ManagedInstancesSetup {
        scale_in_after: (!dice.one_in(6)).then(|| seconds(dice.below(200))),
        retry_after: seconds(1 + dice.below(300)),
        lifetime: seconds(1 + dice.below(3_000)),
        patience: seconds(dice.below(120)),
        rebalancing_pause: seconds(dice.below(600)),
        spot: (group.purchase == Purchase::Spot && !dice.one_in(3)).then(|| ManagedSpot {
            hazards_per_hour: group.offers.iter().map(|_| dice.below(8) as f64).collect(),
            interruption: InterruptionSetup { agent_drains: true, ..Default::default() },
        }),
        reservations: None,
        repair: RepairSetup {
            is_on: !dice.one_in(4),
            at_once_percent: dice.pick(&[1, 20, 50, 100]),
            longest: seconds(1 + dice.below(400)),
        },
    });
    for offer in group.offers.iter().filter(|_| !dice.one_in(3)) {
        let rate = HourlyRate(12_345_678);
        let fee = Fee { category: Category::ManagedInstancesFee, rate };
        fees.add(group.provider, &offer.registration.instance_type, fee);
    }
    seconds(dice.below(20))
}

/// The bill of instances from `instances.csv`, and no charge without an instance.
fn bill(case: &Case, result: &RunResult) -> f64 {
    let zones: Vec<String> = case.setup.zones.iter().cloned().collect();
    let text = tables::instances(result, &zones);
    let mut reader = csv::Reader::from_reader(text.as_slice());
    let names = reader.headers().unwrap().clone();
    let at = |name: &str| names.iter().position(|known| known == name).unwrap();
    let warm = at("warm_pool_usd");
    let (running, usd, end) = (at("running_s"), at("usd"), at("terminated_s"));
    let mut sum = 0.0;
    for row in reader.records() {
        let row = row.unwrap();
        let cost: f64 = row[usd].parse().unwrap();
        // One that was stopped in a warm pool has only what it cost to prepare it.
        let in_pool: f64 = row[warm].parse().unwrap_or(0.0);
        assert!(in_pool <= cost, "{row:?}");
        let is_charged = !row[running].is_empty() || cost == in_pool;
        assert!(is_charged, "no charge without an instance: {row:?}");
        if let (Ok(from), Ok(until)) = (row[running].parse::<f64>(), row[end].parse::<f64>()) {
            assert!(from <= until, "{row:?}");
        }
        sum += cost;
    }
    sum
}

fn one(seed: u64, sums: &mut [f64; 11]) {
    let case = moving(seed);
    let Some((result, _)) = run(&case, true) else { return };
    let number = |metric: &str| result.summary.get(metric).unwrap().as_f64().unwrap();
    let billed = bill(&case, &result);
    assert!((billed - number("ec2_usd")).abs() < 1e-6, "{billed} is not {}", number("ec2_usd"));
    let names = ["instances_launched", "instances_ended", "tasks_lost", "tasks_completed"];
    let of_refreshes =
        ["instances_refreshed", "instances_too_old", "refreshes_successful", "refreshes_failed"];
    // Those of a network are there where there is one.
    let of_network = ["tasks_without_address", "launches_without_address", "tasks_without_access"];
    let all = names.into_iter().chain(of_refreshes).chain(of_network);
    for (sum, name) in sums.iter_mut().zip(all) {
        *sum += result.summary.get(name).and_then(|value| value.as_f64()).unwrap_or(0.0);
    }
}

#[test]
fn invariants_hold_while_instances_come_and_go() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seeds = match number("ECSIM_SWARM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("ECSIM_SWARM_CASES").unwrap_or(2_000),
    };
    let (mut sums, cases) = ([0.0; 11], seeds.end - seeds.start);
    for seed in seeds {
        if catch_unwind(AssertUnwindSafe(|| one(seed, &mut sums))).is_err() {
            panic!(
                "scenario {seed} failed, see above; to replay it:\n  \
                 ECSIM_SWARM_SEED={seed} cargo test --test ecsim_tests swarm::moving"
            );
        }
    }
    let [launched, ended, lost, completed, refreshed, old, successful, failed, refused @ ..] = sums;
    println!(
        "{cases}: {launched} launched, {ended} ended, {lost} tasks lost, {completed} completed, \
         {refreshed} refreshed, {old} too old, {successful} refreshes successful, {failed} failed; \
         for want of an address, of a place for an instance, of access: {refused:?}"
    );
    if cases >= 2_000 {
        let least = cases as f64;
        assert!(launched > least && ended > least && lost > least / 4.0 && completed > least);
        assert!(refused.iter().all(|&count| count > least / 20.0), "{refused:?}");
        assert!(refreshed > least / 4.0 && old > least / 4.0 && successful > least / 10.0);
    }
}

/// Its callers ask for ever for a type that the group does not launch, oftener than tokens come: there is always
/// somebody in line, and the run must end all the same.
#[test]
fn calls_that_wait_for_tokens_keep_no_run_alive() {
    one(524, &mut [0.0; 11]);
}

/// A refresh begins while an instance of the old version drains, which its warm pool expects back.
#[test]
fn a_warm_pool_is_filled_where_a_refresh_keeps_an_instance_from_returning() {
    one(6_641, &mut [0.0; 11]);
}

#[test]
fn checks_change_no_byte_while_instances_come_and_go() {
    for seed in 0..100 {
        let case = moving(seed);
        let texts = |check| run(&case, check).map(|(_, texts)| texts);
        assert!(texts(true) == texts(false), "scenario {seed}");
    }
}
