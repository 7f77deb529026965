//! Worked bills that AWS and others have published, by the id of their vector.
//!
//! Sources: `FARG` the Fargate pricing page, `LIFE` the EC2 user guide on the instance life cycle, `INFRA` the golden
//! files of infracost, `Defang` its documentation and source. Published amounts are dollars rounded to cents per
//! line, so lines are compared to ± 0.01; amounts marked *computed* are ours, by the formula in the comment.

use ecsim::base::money::{HourlyRate, NanoUsd};
use ecsim::base::time::{SimSpan, SimTime};
use ecsim::catalog::{Catalogue, assumed};
use ecsim::model::fargate::FargateRate;
use ecsim::model::ids::ProviderId;
use ecsim::model::platform::{Architecture, OperatingSystem, Purchase};
use ecsim::pricing::meter::{self, FARGATE_LINUX_MINIMUM, FARGATE_WINDOWS_MINIMUM};
use ecsim::pricing::{
    Bill, Category, FargateTask, Invoice, Price, fargate_task_cost, instance_cost,
};

const HOUR: u64 = 3600;
const MONTH: u64 = 730 * HOUR;
const FARGATE: ProviderId = ProviderId(0);

fn at(seconds: u64) -> SimTime {
    SimTime(SimSpan::from_secs(seconds).0)
}

fn dollars(text: &str) -> HourlyRate {
    HourlyRate::parse(text).unwrap()
}

/// The price of an hour from a published price of a second.
fn per_second(text: &str) -> HourlyRate {
    HourlyRate(ecsim::base::decimal::parse_scaled(text.as_bytes(), 12).unwrap() * HOUR / 1_000)
}

fn rate(vcpu: HourlyRate, memory_gb: HourlyRate, ephemeral_gb: HourlyRate) -> FargateRate {
    FargateRate {
        os: OperatingSystem::Linux,
        architecture: Architecture::X86_64,
        purchase: Purchase::OnDemand,
        vcpu,
        memory_gb,
        ephemeral_gb,
        licence_vcpu: HourlyRate::default(),
    }
}

fn listed(region: &str, architecture: Architecture) -> FargateRate {
    let rates = Catalogue::embedded().fargate_rates(region);
    let wanted = |rate: &&FargateRate| {
        rate.os == OperatingSystem::Linux
            && rate.architecture == architecture
            && rate.purchase == Purchase::OnDemand
    };
    *rates.iter().find(wanted).unwrap()
}

/// A task of `vcpu` quarters of a vCPU and `gb` halves of a GB that is billed for `seconds`.
fn task(quarter_vcpus: u32, half_gbs: u32, ephemeral_gib: u16, seconds: u64) -> FargateTask {
    FargateTask {
        cpu: quarter_vcpus * 256,
        memory: half_gbs * 512,
        ephemeral_gib,
        pull_started: at(7),
        stopped: at(7 + seconds),
    }
}

fn bill(rate: &FargateRate, task: &FargateTask, count: u32) -> Invoice {
    let mut bill = Bill::new();
    (0..count).for_each(|_| bill.fargate_task(FARGATE, rate, task));
    bill.invoice()
}

fn line(invoice: &Invoice, category: Category) -> NanoUsd {
    invoice.lines.iter().filter(|l| l.category == category).map(|l| l.usd).sum()
}

#[track_caller]
fn near(amount: NanoUsd, cents: i128) {
    assert!((amount.0 - cents * 10_000_000).abs() <= 10_000_000, "{amount} is not {cents} cents");
}

/// vCPU, memory, storage and total in cents.
#[track_caller]
fn lines_are(invoice: &Invoice, vcpu: i128, memory: i128, ephemeral: i128, total: i128) {
    near(line(invoice, Category::FargateVcpu), vcpu);
    near(line(invoice, Category::FargateMemory), memory);
    near(line(invoice, Category::FargateEphemeral), ephemeral);
    near(invoice.total(), total);
}

/// FARG: 5 tasks a day for 30 days, 10 min each, 1 vCPU, 2 GB, 30 GB of storage.
#[test]
fn pr_01_five_linux_tasks_a_day_with_30_gb_of_storage() {
    let published =
        rate(per_second("0.000011244"), per_second("0.000001235"), per_second("0.0000000308"));
    for rate in [published, listed("us-east-1", Architecture::X86_64)] {
        let invoice = bill(&rate, &task(4, 4, 30, 600), 150);
        lines_are(&invoice, 101, 22, 3, 126);
        // The edition of the page from before storage was priced.
        lines_are(&bill(&rate, &task(4, 4, 20, 600), 150), 101, 22, 0, 123);
    }
}

/// FARG: the same on ARM.
#[test]
fn pr_02_five_arm_tasks_a_day_with_30_gb_of_storage() {
    let published =
        rate(per_second("0.0000089944"), per_second("0.0000009889"), per_second("0.0000000308"));
    for rate in [published, listed("us-east-1", Architecture::Arm64)] {
        lines_are(&bill(&rate, &task(4, 4, 30, 600), 150), 81, 18, 3, 102);
    }
}

/// FARG: 10 pods an hour a day for 30 days, 0.25 vCPU, 1 GB.
#[test]
fn pr_03_ten_small_pods_for_an_hour_a_day() {
    let published = rate(per_second("0.000011244"), per_second("0.000001235"), dollars("0"));
    for rate in [published, listed("us-east-1", Architecture::X86_64)] {
        lines_are(&bill(&rate, &task(1, 2, 20, HOUR), 300), 304, 133, 0, 437);
    }
}

/// FARG: Windows, 10 tasks an hour a day for 30 days, 1 vCPU, 2 GB, at the prices of that example. The catalogue
/// holds newer Windows prices, so it takes no part.
#[test]
fn pr_04_ten_windows_tasks_for_an_hour_a_day() {
    let windows = FargateRate {
        os: OperatingSystem::Windows,
        licence_vcpu: per_second("0.0000127778"),
        ..rate(per_second("0.0000254167"), per_second("0.0000027778"), dollars("0"))
    };
    let invoice = bill(&windows, &task(4, 4, 20, HOUR), 300);
    lines_are(&invoice, 2745, 600, 0, 4725);
    near(line(&invoice, Category::FargateWindowsLicence), 1380);
}

/// A month on demand, and how much less it is at the assumed Spot price (30 percent).
fn month_and_spot_discount(size: FargateTask) -> [NanoUsd; 4] {
    let on_demand = listed("us-west-2", Architecture::X86_64);
    let percent = assumed::FARGATE_SPOT_PERCENT_OF_ON_DEMAND;
    let spot = FargateRate {
        purchase: Purchase::Spot,
        vcpu: assumed::percent_of(on_demand.vcpu, percent),
        memory_gb: assumed::percent_of(on_demand.memory_gb, percent),
        ..on_demand
    };
    assert_eq!((spot.vcpu, spot.memory_gb), (dollars("0.012144"), dollars("0.0013335")));
    let (full, cheap) = (bill(&on_demand, &size, 1), bill(&spot, &size, 1));
    let vcpu = line(&full, Category::FargateVcpu);
    let memory = line(&full, Category::FargateMemory);
    let less_vcpu = line(&cheap, Category::FargateSpotVcpu) - vcpu;
    let less_memory = line(&cheap, Category::FargateSpotMemory) - memory;
    [vcpu, memory, less_vcpu, less_memory]
}

/// Defang: us-west-2, a month of 0.25 vCPU and 0.5 GB, and the Spot discount on it.
#[test]
fn pr_07_a_month_of_the_smallest_task_and_its_spot_discount() {
    let amounts = month_and_spot_discount(task(1, 1, 20, MONTH));
    for (amount, cents) in amounts.into_iter().zip([739, 162, -517, -114]) {
        near(amount, cents);
    }
}

/// Defang: the same for 1 vCPU and 2 GB.
#[test]
fn pr_08_a_month_of_one_vcpu_and_its_spot_discount() {
    let amounts = month_and_spot_discount(task(4, 4, 20, MONTH));
    for (amount, cents) in amounts.into_iter().zip([2955, 649, -2069, -454]) {
        near(amount, cents);
    }
}

/// INFRA: us-east-1, 1 to 5 tasks of 1 vCPU and 2 GB for a month.
#[test]
fn pr_09_one_to_five_tasks_for_a_month() {
    let rate = listed("us-east-1", Architecture::X86_64);
    let published = [(2955, 649), (5910, 1298), (8865, 1947), (11820, 2596), (14775, 3245)];
    for (count, (vcpu, memory)) in (1..).zip(published) {
        let invoice = bill(&rate, &task(4, 4, 20, MONTH), count);
        lines_are(&invoice, vcpu, memory, 0, vcpu + memory);
    }
}

/// Quarters of a vCPU, halves of a GB.
const SIZES: [(u32, u32); 13] = [
    (1, 1),
    (1, 2),
    (2, 2),
    (4, 4),
    (4, 8),
    (8, 8),
    (8, 16),
    (16, 16),
    (16, 32),
    (16, 60),
    (32, 32),
    (64, 64),
    (64, 240),
];

/// Computed: 730 h · (vCPU · 0.04048 + GB · 0.004445).
#[test]
fn pr_10_a_month_of_each_size_on_x86() {
    let rate = listed("us-east-1", Architecture::X86_64);
    let cents = [901, 1063, 1802, 3604, 4253, 7208, 8506, 14416, 17012, 21555, 28832, 57664, 86219];
    for ((quarter_vcpus, half_gbs), cents) in SIZES.into_iter().zip(cents) {
        near(fargate_task_cost(&rate, &task(quarter_vcpus, half_gbs, 20, MONTH)), cents);
    }
}

/// Computed: 730 h · (vCPU · 0.03238 + GB · 0.00356).
#[test]
fn pr_11_a_month_of_each_size_on_arm() {
    let rate = listed("us-east-1", Architecture::Arm64);
    let cents = [721, 851, 1442, 2884, 3403, 5767, 6807, 11534, 13613, 17251, 23068, 46136, 69005];
    for ((quarter_vcpus, half_gbs), cents) in SIZES.into_iter().zip(cents) {
        near(fargate_task_cost(&rate, &task(quarter_vcpus, half_gbs, 20, MONTH)), cents);
    }
}

/// FARG's rule: rounded up to a second, at least a minute on Linux and five on Windows.
#[test]
fn pr_12_billed_time_of_short_tasks() {
    let span = SimSpan::from_secs;
    assert_eq!(meter::billed(span(61), FARGATE_LINUX_MINIMUM), span(61));
    assert_eq!(meter::billed(span(30), FARGATE_LINUX_MINIMUM), span(60));
    assert_eq!(meter::billed(span(90), FARGATE_WINDOWS_MINIMUM), span(300));
    // One vCPU at 3.6 dollars an hour costs a tenth of a cent a second, and shows which minimum applied.
    let linux = rate(dollars("3.6"), dollars("0"), dollars("0"));
    let windows = FargateRate { os: OperatingSystem::Windows, ..linux };
    let short = task(4, 4, 20, 90);
    assert_eq!(fargate_task_cost(&linux, &short), NanoUsd(90_000_000));
    assert_eq!(fargate_task_cost(&windows, &short), NanoUsd(300_000_000));
}

/// FARG: 20 GB of storage are included, so they make no line at all.
#[test]
fn pr_13_the_included_storage_costs_nothing() {
    let rate = listed("us-east-1", Architecture::X86_64);
    for ephemeral_gib in [0, 20] {
        let invoice = bill(&rate, &task(4, 4, ephemeral_gib, HOUR), 1);
        assert!(invoice.lines.iter().all(|l| l.category != Category::FargateEphemeral));
    }
    let invoice = bill(&rate, &task(4, 4, 21, HOUR), 1);
    assert_eq!(line(&invoice, Category::FargateEphemeral), NanoUsd(111_000));
}

/// LIFE: 20 s cost 60 s; 3 min 40 s cost 220 s; each start has the minimum anew.
#[test]
fn pr_20_an_instance_is_billed_by_the_second_from_a_minute_on() {
    // 3.6 dollars an hour: a tenth of a cent a second.
    let price = Price::Fixed(dollars("3.6"));
    for (ran, billed) in [(20, 60), (220, 220)] {
        assert_eq!(instance_cost(&price, at(5), at(5 + ran)), NanoUsd(billed * 1_000_000));
    }
    let mut bill = Bill::new();
    for start in [at(0), at(100)] {
        let stop = start + SimSpan::from_secs(20);
        bill.instance(ProviderId(0), "m5.large", Purchase::OnDemand, &price, start, stop);
    }
    let invoice = bill.invoice();
    assert_eq!(invoice.lines[0].quantity(), "120");
    assert_eq!(invoice.total(), NanoUsd(120_000_000));
}

/// Computed, section 3.1 of the dossier: the share of an instance that tasks must reserve before it beats Fargate,
/// `EC2 price / (vCPU · vCPU price + GB · GB price)`, in tenths of a percent.
#[test]
fn break_even_reservations_follow_from_the_catalogue() {
    for (name, gb, per_mille) in [
        ("t3.small", 2, 231),
        ("t3.medium", 4, 421),
        ("t3.large", 8, 714),
        ("t4g.medium", 4, 425),
        ("t4g.large", 8, 721),
        ("m5.large", 8, 824),
        ("m6i.large", 8, 824),
        ("m6a.large", 8, 742),
        ("m7i.large", 8, 865),
        ("m6g.large", 8, 826),
        ("m7g.large", 8, 875),
        ("m8g.large", 8, 963),
        ("c5.large", 4, 861),
        ("c6a.large", 4, 775),
        ("c6g.large", 4, 861),
        ("c7g.large", 4, 918),
        ("r5.large", 16, 829),
        ("r6g.large", 16, 828),
    ] {
        let book = Catalogue::embedded();
        let kind = book.instance_type(name).unwrap();
        let rate = listed("us-east-1", kind.architecture);
        let fargate = fargate_task_cost(&rate, &task(8, 2 * gb, 20, HOUR));
        let ec2 = book.on_demand("us-east-1", name).unwrap().0;
        let measured = (ec2 as f64 / fargate.0 as f64 * 1000.0).round() as i64;
        assert_eq!(measured, per_mille, "{name}");
    }
}

/// What a running task of `vcpu` quarters of a vCPU and `gb` halves of a GB costs for so many hours in us-east-1.
fn fargate(quarter_vcpus: u32, half_gbs: u32, hours: u64) -> NanoUsd {
    let rate = listed("us-east-1", Architecture::X86_64);
    bill(&rate, &task(quarter_vcpus, half_gbs, 20, hours * HOUR), 1).total()
}

/// What an instance costs for so many hours in us-east-1.
fn ec2(instance_type: &str, hours: u64) -> NanoUsd {
    let rate = Catalogue::embedded().on_demand("us-east-1", instance_type).unwrap();
    instance_cost(&Price::Fixed(rate), at(0), at(hours * HOUR))
}

fn times(of: NanoUsd, count: i128) -> NanoUsd {
    NanoUsd(of.0 * count)
}

/// c3x: 1 vCPU and 2 GB for 0.04937 an hour, 36.04 a month; a c6i.large for 62.05.
#[test]
fn pr_61_a_task_of_one_vcpu_for_a_month_beside_a_c6i_large() {
    near(fargate(4, 4, 730), 3_604);
    near(ec2("c6i.large", 730), 6_205);
}

/// rafay: ten t3a.2xlarge for 2,195.84 a month, against a hundred tasks of 4 vCPUs and 8 GB for 14,416 (0.19748 an hour).
#[test]
fn pr_62_ten_large_instances_are_not_a_hundred_large_tasks() {
    near(times(ec2("t3a.2xlarge", 730), 10), 219_584);
    near(times(fargate(16, 16, 730), 100), 1_441_604);
    // Unequal capacity: 80 vCPUs against 400. For each vCPU Fargate is a third dearer, not six times.
    let of_vcpu = |usd: NanoUsd, vcpus: i128| usd.0 / vcpus;
    let (of_ec2, of_fargate) = (
        of_vcpu(times(ec2("t3a.2xlarge", 730), 10), 80),
        of_vcpu(times(fargate(16, 16, 730), 100), 400),
    );
    assert_eq!(of_fargate * 100 / of_ec2, 131);
}

/// Mallesh: ten tasks of 1 vCPU and 2 GB for 360 a month, two t3.xlarge for 242 (to the dollar).
#[test]
fn pr_63_ten_tasks_against_two_t3_xlarge() {
    near(times(fargate(4, 4, 730), 10), 36_040);
    near(times(ec2("t3.xlarge", 730), 2), 24_294);
}

/// fortem: three tasks of 0.5 vCPU and 1 GB for 54 a month, eight for 144, twenty of 1 vCPU and 4 GB for 850; an m7g.large
/// for 60, an m7g.xlarge for 119 (to the dollar).
#[test]
fn pr_65_small_tasks_against_graviton() {
    near(times(fargate(2, 2, 730), 3), 5_406);
    near(times(fargate(2, 2, 730), 8), 14_416);
    near(times(fargate(4, 8, 730), 20), 85_060);
    near(ec2("m7g.large", 730), 5_957);
    near(ec2("m7g.xlarge", 730), 11_914);
}

/// zop claims 0.1346 for what an m5.large has and 0.2337 for what a c5.xlarge has; it is 0.11652 and 0.19748. A t3.medium's
/// is 0.09874, as it says, which is 137 % more than the instance and not 375 %.
#[test]
fn pr_67_what_the_sizes_of_instances_cost_on_fargate() {
    assert_eq!(fargate(8, 16, 1), NanoUsd(116_520_000));
    assert_eq!(fargate(16, 16, 1), NanoUsd(197_480_000));
    assert_eq!(fargate(8, 8, 1), NanoUsd(98_740_000));
    assert_eq!(fargate(8, 16, 1).0 * 100 / ec2("m5.large", 1).0, 121);
    assert_eq!(fargate(8, 8, 1).0 * 100 / ec2("t3.medium", 1).0, 237);
}

/// factualminds: 0.25 vCPU and 0.5 GB for about 9 a month; 4 vCPUs and 16 GB are 170.12, and not 145.
#[test]
fn pr_68_the_smallest_size_and_a_large_one_for_a_month() {
    near(fargate(1, 1, 730), 901);
    near(fargate(16, 32, 730), 17_012);
}

/// wring: 42, 84 and 168 for 720 to 730 hours of 1 vCPU and 4 GB, twice and four times that; exactly 42.53, 85.06, 170.12.
#[test]
fn pr_69_three_sizes_for_a_month() {
    for (times, cents) in [(1, 4_253), (2, 8_506), (4, 17_012)] {
        near(fargate(4 * times, 8 * times, 730), cents);
    }
}

/// JhamelT: the smallest size for eight hours a day, thirty days: 2.97 (exactly 2.96).
#[test]
fn pr_71_the_smallest_size_for_eight_hours_a_day() {
    near(fargate(1, 1, 240), 296);
}
