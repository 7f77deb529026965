//! Published examples of Reserved Instances and Savings Plans, each by its name in the collection of facts.

use ecsim::base::money::{HourlyRate, NanoUsd};
use ecsim::base::time::SimSpan;
use ecsim::model::ids::ZoneId;
use ecsim::pricing::commitments::{
    Commitments, Outcome, PlanKind, PlanRates, ReservedInstances, SavingsPlan, Subject, Usage,
    apply,
};
use std::collections::BTreeMap;

const HOUR: u128 = 3_600_000_000;
const ONE_HOUR: [SimSpan; 1] = [SimSpan(HOUR as u64)];

fn rate(dollars: &str) -> HourlyRate {
    HourlyRate::parse(dollars).unwrap()
}

/// `quarters` of an instance-hour of a type in one clock hour.
fn running(instance_type: &str, zone: u32, list: &str, quarters: u128) -> Usage {
    Usage {
        subject: Subject::Instances(instance_type.into(), Some(ZoneId(zone))),
        list: rate(list),
        parts: 1,
        amount: vec![quarters * HOUR / 4],
    }
}

fn reserved(instance_type: &str, count: u32, zone: Option<u32>) -> ReservedInstances {
    ReservedInstances {
        name: format!("{count} of {instance_type}"),
        instance_type: instance_type.into(),
        count,
        zone: zone.map(ZoneId),
        rate: rate("0.06"),
        vcpus: (instance_type == "i3.metal").then_some(64),
    }
}

fn all(reserved: Vec<ReservedInstances>, plans: Vec<SavingsPlan>) -> Commitments {
    Commitments { reserved, plans, ..Commitments::default() }
}

/// Hundredths of an hour that are covered, of each usage.
fn covered(usage: &[Usage], outcomes: &[Outcome<'_>]) -> Vec<u128> {
    let mut hundredths = vec![0; usage.len()];
    for one in outcomes.iter().flat_map(|outcome| &outcome.covered) {
        hundredths[one.usage] += one.total() * 100 / HOUR;
    }
    hundredths
}

fn covered_by(commitments: &Commitments, usage: &[Usage]) -> Vec<u128> {
    covered(usage, &apply(commitments, usage, &ONE_HOUR))
}

#[test]
fn pr_30_one_reservation_covers_one_of_four_instances() {
    let usage = [running("m5.large", 0, "0.096", 16)];
    let commitments = all(vec![reserved("m5.large", 1, None)], vec![]);
    assert_eq!(covered_by(&commitments, &usage), [100]);
}

#[test]
fn pr_31_four_quarters_of_an_hour_are_one_hour_of_benefit() {
    let usage = [running("m5.large", 0, "0.096", 4)];
    let commitments = all(vec![reserved("m5.large", 1, None)], vec![]);
    let outcomes = apply(&commitments, &usage, &ONE_HOUR);
    assert_eq!(covered(&usage, &outcomes), [100]);
    assert_eq!(outcomes[0].used, outcomes[0].pool);
}

#[test]
fn pr_32_a_medium_covers_two_small_or_half_a_large() {
    let commitments = all(vec![reserved("t2.medium", 1, None)], vec![]);
    assert_eq!(covered_by(&commitments, &[running("t2.small", 0, "0.023", 8)]), [200]);
    assert_eq!(covered_by(&commitments, &[running("t2.large", 0, "0.0928", 4)]), [50]);
}

#[test]
fn pr_33_four_large_cover_two_xlarge() {
    let commitments = all(vec![reserved("m4.large", 4, None)], vec![]);
    assert_eq!(covered_by(&commitments, &[running("m4.xlarge", 0, "0.2", 8)]), [200]);
}

#[test]
fn pr_34_a_large_covers_half_an_xlarge() {
    let commitments = all(vec![reserved("c4.large", 1, None)], vec![]);
    assert_eq!(covered_by(&commitments, &[running("c4.xlarge", 0, "0.199", 4)]), [50]);
}

#[test]
fn pr_35_from_the_smallest_size_to_the_largest() {
    let commitments = all(vec![reserved("m3.2xlarge", 1, None)], vec![]);
    let usage = [running("m3.xlarge", 0, "0.266", 8), running("m3.large", 0, "0.133", 8)];
    assert_eq!(covered_by(&commitments, &usage), [100, 200]);
}

#[test]
fn pr_36_zonal_and_regional_reservations_together() {
    let commitments = all(
        vec![
            reserved("m4.large", 4, None),
            reserved("c4.large", 1, None),
            reserved("m3.large", 4, Some(0)),
        ],
        vec![],
    );
    let usage = [
        running("m3.large", 0, "0.133", 16),
        running("m4.xlarge", 0, "0.2", 8),
        running("c4.xlarge", 0, "0.199", 4),
    ];
    assert_eq!(covered_by(&commitments, &usage), [400, 200, 50]);
}

#[test]
fn pr_38_the_zonal_reservation_goes_first_and_leaves_the_other_zone_to_the_regional_one() {
    let commitments =
        all(vec![reserved("m4.xlarge", 1, None), reserved("m4.xlarge", 1, Some(0))], vec![]);
    let usage = [running("m4.xlarge", 0, "0.2", 4), running("m4.xlarge", 1, "0.2", 4)];
    assert_eq!(covered_by(&commitments, &usage), [100, 100]);
}

#[test]
fn pr_39_a_metal_size_counts_two_units_a_vcpu() {
    let commitments = all(vec![reserved("i3.metal", 1, None)], vec![]);
    for (size, count) in [("16xlarge", 1), ("8xlarge", 2), ("4xlarge", 4)] {
        let usage = [running(&format!("i3.{size}"), 0, "1", count * 4)];
        assert_eq!(covered_by(&commitments, &usage), [count * 100], "{size}");
    }
}

#[test]
fn a_zonal_reservation_and_a_rigid_family_cover_their_own_size_only() {
    for one in [reserved("m5.large", 4, Some(0)), reserved("g5.xlarge", 4, None)] {
        let family = one.instance_type.split('.').next().unwrap().to_string();
        let other = [running(&format!("{family}.4xlarge"), 0, "1", 4)];
        assert_eq!(covered_by(&all(vec![one], vec![]), &other), [0]);
    }
    let elsewhere = [running("m5.large", 1, "0.096", 4)];
    assert_eq!(covered_by(&all(vec![reserved("m5.large", 4, Some(0))], vec![]), &elsewhere), [0]);
}

/// The platform of the published hour.
const X86: &str = "linux/x86_64";

/// The published hour: 4 r5.4xlarge, 1 m5.24xlarge, 400 vCPUs and 1,600 GB of Fargate. What the example says of Lambda is
/// left out, since nothing of it runs here.
fn published_hour() -> [Usage; 4] {
    let fargate = |subject, list: &str, units: u128| Usage {
        subject,
        list: rate(list),
        parts: 1_024,
        amount: vec![units * 1_024 * HOUR],
    };
    [
        running("r5.4xlarge", 0, "1", 16),
        running("m5.24xlarge", 0, "10", 4),
        fargate(Subject::FargateVcpu(X86.into()), "0.04", 400),
        fargate(Subject::FargateMemory(X86.into()), "0.004", 1_600),
    ]
}

fn on_x86(usd: &str) -> BTreeMap<String, HourlyRate> {
    [(X86.to_string(), rate(usd))].into()
}

fn compute_plan(commitment: &str) -> SavingsPlan {
    let of_types = [("r5.4xlarge", "0.70"), ("m5.24xlarge", "8.20")];
    let of_types: BTreeMap<String, HourlyRate> =
        of_types.iter().map(|(name, of)| (name.to_string(), rate(of))).collect();
    SavingsPlan {
        name: "compute".into(),
        kind: PlanKind::Compute,
        commitment: rate(commitment),
        rates: PlanRates {
            of_types,
            fargate_vcpu: on_x86("0.03"),
            fargate_memory: on_x86("0.003"),
            ..PlanRates::default()
        },
    }
}

fn usd(outcome: &Outcome<'_>) -> String {
    format!("{:.2}", outcome.usd(outcome.used).to_f64())
}

/// What stays On-Demand of the published hour.
fn on_demand(usage: &[Usage], outcomes: &[Outcome<'_>]) -> NanoUsd {
    let list: NanoUsd =
        usage.iter().map(|one| one.list.charge_parts(one.amount[0], one.parts)).sum();
    list - outcomes.iter().map(|outcome| outcome.list_usd(usage)).sum()
}

/// 2.80 + 8.20 + 12.00 + 4.80 are used; with Lambda's 19.33 they were 47.13 of 50.
#[test]
fn pr_40_a_plan_that_is_large_enough_covers_everything() {
    let usage = published_hour();
    let commitments = all(vec![], vec![compute_plan("50")]);
    let outcomes = apply(&commitments, &usage, &ONE_HOUR);
    assert_eq!(usd(&outcomes[0]), "27.80");
    assert_eq!(outcomes[0].usd(outcomes[0].pool).to_string(), "50.000000000");
    assert_eq!(on_demand(&usage, &outcomes), NanoUsd::ZERO);
}

/// 2 ÷ 0.70 = 2.857 of four: 1.143 stay at a dollar, and all else: 10 + 16 + 6.40 (and 22.70 of Lambda there).
#[test]
fn pr_41_a_small_plan_covers_part_of_what_has_the_highest_discount() {
    let usage = published_hour();
    let commitments = all(vec![], vec![compute_plan("2")]);
    let outcomes = apply(&commitments, &usage, &ONE_HOUR);
    assert_eq!(covered(&usage, &outcomes), [285, 0, 0, 0]);
    assert_eq!(usd(&outcomes[0]), "2.00");
    let rest = on_demand(&usage, &outcomes).to_f64();
    assert_eq!(format!("{rest:.2}"), "33.54");
    assert_eq!(format!("{:.2}", rest + 22.70), "56.24");
}

#[test]
fn pr_42_reservations_go_first_and_equal_discounts_by_the_lower_rate() {
    let usage = published_hour();
    let commitments = all(vec![reserved("r5.4xlarge", 2, None)], vec![compute_plan("18.20")]);
    let outcomes = apply(&commitments, &usage, &ONE_HOUR);
    assert_eq!(usd(&outcomes[1]), "18.20");
    let amounts: Vec<(usize, u128)> = outcomes[1]
        .covered
        .iter()
        .map(|one| (one.usage, one.total() * 100 / HOUR / usage[one.usage].parts))
        .collect();
    // r5 (30 %), memory before vCPUs (25 % both), and nothing left for m5 (18 %).
    assert_eq!(amounts, [(0, 200), (3, 160_000), (2, 40_000), (1, 0)]);
    assert_eq!(on_demand(&usage, &outcomes), NanoUsd(10_000_000_000));
}

#[test]
fn an_instance_plan_covers_its_family_before_the_compute_plan_covers_all() {
    let usage = published_hour();
    let mut family = compute_plan("1.20");
    family.kind = PlanKind::Ec2Instance("r5".into());
    family.rates.of_types.insert("r5.4xlarge".into(), rate("0.60"));
    // Named last, used first: two of four at 0.60, then the other two at 0.70.
    let commitments = all(vec![], vec![compute_plan("1.40"), family]);
    let outcomes = apply(&commitments, &usage, &ONE_HOUR);
    assert_eq!(outcomes.iter().map(usd).collect::<Vec<_>>(), ["1.20", "1.40"]);
    assert_eq!(covered(&usage, &outcomes), [400, 0, 0, 0]);
}

/// The older example: c5.9xlarge 4 → 2, c5.24xlarge 10 → 8, 10 vCPUs 1.50 → 1.00, 5 GB 2.00 → 1.00.
#[test]
fn pr_44_the_older_example_is_covered_to_the_dollar() {
    let mut usage = published_hour();
    usage[0] = running("c5.9xlarge", 0, "4", 4);
    usage[1] = running("c5.24xlarge", 0, "10", 4);
    (usage[2].list, usage[2].amount) = (rate("1.50"), vec![10 * 1_024 * HOUR]);
    (usage[3].list, usage[3].amount) = (rate("2"), vec![5 * 1_024 * HOUR]);
    let mut plan = compute_plan("25");
    plan.rates.of_types =
        [("c5.9xlarge".into(), rate("2")), ("c5.24xlarge".into(), rate("8"))].into();
    (plan.rates.fargate_vcpu, plan.rates.fargate_memory) = (on_x86("1"), on_x86("1"));
    let commitments = all(vec![], vec![plan]);
    let outcomes = apply(&commitments, &usage, &ONE_HOUR);
    assert_eq!(usd(&outcomes[0]), "25.00");
    assert_eq!(outcomes[0].used, outcomes[0].pool);
    assert_eq!(on_demand(&usage, &outcomes), NanoUsd::ZERO);
}

#[test]
fn pr_45_utilisation_is_what_is_used_of_the_commitment() {
    // 14 hours of an instance at 0.70: 9.80 of 10.
    let usage = [running("r5.4xlarge", 0, "1", 56)];
    let commitments = all(vec![], vec![compute_plan("10")]);
    let outcomes = apply(&commitments, &usage, &ONE_HOUR);
    assert_eq!(outcomes[0].used * 100 / outcomes[0].pool, 98);
}

#[test]
fn a_commitment_is_paid_by_the_part_of_the_hour_and_nothing_of_it_is_carried_over() {
    // An hour without usage, then half an hour with twice what the plan covers.
    let mut usage = [running("r5.4xlarge", 0, "1", 4)];
    usage[0].amount = vec![0, 2 * HOUR / 2];
    let lengths = [SimSpan(HOUR as u64), SimSpan(HOUR as u64 / 2)];
    let commitments = all(vec![], vec![compute_plan("0.70")]);
    let outcomes = apply(&commitments, &usage, &lengths);
    assert_eq!(outcomes[0].covered[0].amount, [0, HOUR / 2]);
    assert_eq!(outcomes[0].usd(outcomes[0].pool).to_string(), "1.050000000");
    assert_eq!(usd(&outcomes[0]), "0.35");
}
