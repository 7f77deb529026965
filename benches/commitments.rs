//! The bill of a year under Savings Plans: 10,000 instances of three types that come and go in three zones, a task on each, and
//! two plans that are applied hour by hour.

use criterion::{Criterion, Throughput};
use ecsim::base::id::Column;
use ecsim::base::money::{HourlyRate, NanoUsd};
use ecsim::base::time::{SimSpan, SimTime};
use ecsim::model::ids::{ProviderId, ZoneId};
use ecsim::model::platform::Purchase;
use ecsim::pricing::commitments::{Commitments, PlanKind, SavingsPlan};
use ecsim::pricing::hourly::HourlyUsage;
use ecsim::pricing::reservations::Reservations;
use ecsim::pricing::settle::{Closed, close};
use ecsim::pricing::{Bill, CpuMemory, EndedPromise, Fees, Price, SplitWeights, UsageByService};

/// Microseconds in an hour.
const HOUR: u64 = 3_600_000_000;
/// Type, nano-dollars an hour.
const TYPES: [(&str, u64); 3] =
    [("m5.large", 96_000_000), ("m5.xlarge", 192_000_000), ("c5.large", 85_000_000)];

/// A year's bill: usage is added life by life, then all hours are closed.
fn year(instances: u64, hours: u64) -> Closed {
    let mut hourly = HourlyUsage::new(SimSpan(0), Reservations::new(Vec::new(), Vec::new()));
    let (mut bill, mut by_service) = (Bill::new(), UsageByService::default());
    let numbers = TYPES.map(|(name, _)| by_service.number_of_type(name));
    let (provider, purchase) = (ProviderId(0), Purchase::OnDemand);
    for instance in 0..instances {
        let kind = (instance % 3) as usize;
        let price = Price::Fixed(HourlyRate(TYPES[kind].1));
        let zone = ZoneId((instance / 3 % 3) as u32);
        // Lives begin all over the first half, at odd seconds, and last from a tenth of the run to half of it.
        let from = SimTime(instance * 7_919 % (hours / 2) * HOUR + instance % 3_600 * 1_000_000);
        let until = from + SimSpan((hours / 10 + instance * 104_729 % (hours * 2 / 5)) * HOUR);
        bill.instance(provider, TYPES[kind].0, purchase, &price, from, until);
        hourly.instance((provider, purchase, zone), (TYPES[kind].0, None), &price, (from, until));
        let promise = EndedPromise {
            provider,
            instance_type: numbers[kind],
            purchase,
            instance: CpuMemory { cpu: 2_048, memory: 8_192 },
            task: CpuMemory { cpu: 1_024, memory: 2_048 },
            from,
            until,
            young: None,
        };
        by_service.promise(SplitWeights::default(), &price, &promise, None);
        hourly.promise(SplitWeights::default(), &price, &promise, (zone, None));
    }
    let plan = |name: &str, kind, dollars| SavingsPlan {
        name: name.into(),
        kind,
        commitment: HourlyRate(dollars * instances * 1_000_000),
        ..SavingsPlan::of_a_year()
    };
    // A hundred dollars an hour each for the full fleet, which at list prices costs a few times as much.
    let plans = vec![
        plan("family", PlanKind::Ec2Instance("m5".into()), 10),
        plan("all", PlanKind::Compute, 10),
    ];
    let commitments = Commitments { plans, ..Commitments::default() };
    let parts = (&bill, &by_service, &Fees::default());
    close(parts, (&commitments, Some(&hourly)), &Column::new(), SimTime(hours * HOUR))
}

/// `commitments/year` in hours of the clock per second.
pub fn benches(c: &mut Criterion) {
    let is_test = std::env::args().any(|argument| argument == "--test");
    let (instances, hours) = if is_test { (100, 200) } else { (10_000, 8_760) };
    let mut group = c.benchmark_group("commitments");
    group.sample_size(10).throughput(Throughput::Elements(hours));
    group.bench_function("year", |b| {
        b.iter(|| {
            let closed = year(instances, hours);
            let settlement = closed.settlement.expect("usage was kept by the hour");
            assert_eq!(settlement.reports.len(), 2);
            assert!(settlement.reports.iter().all(|plan| plan.used > NanoUsd::ZERO));
            let by_hour: NanoUsd =
                closed.by_hour.iter().flat_map(|of| &of.lines).flatten().copied().sum();
            assert_eq!(by_hour, closed.invoice.total(), "the hours add up to the bill");
            by_hour
        });
    });
    group.finish();
}
