//! What a cluster costs beside compute: volumes, addresses, load balancers, gateways, monitoring.
//!
//! Usage is added up while a run goes on and when it ends, exactly, by line and by the clock hour; the closed bill of
//! compute gets the lines behind its own. Commitments never cover any of it (documented).

use super::hourly::Hours;
use super::invoice::{Category, Line};
use super::meter::billed;
use super::settle::{Closed, spread};
use crate::base::id::Column;
use crate::base::money::{HourlyRate, MICROS_PER_HOUR, NanoUsd};
use crate::base::time::{SimSpan, SimTime};
use crate::model::ids::{ProviderId, ServiceId};
use std::collections::BTreeMap;

/// Hours in a month as AWS prices volumes and alarms.
pub const HOURS_PER_MONTH: u128 = 730;
/// The least that is billed of a volume, and of an address (documented).
pub const SIDE_MINIMUM: SimSpan = SimSpan::from_secs(60);

/// What a line of side costs charges for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SideCost {
    /// EBS volumes.
    Volume,
    /// Public IPv4 addresses.
    PublicIpv4,
    /// CPU that burstable instances borrowed and did not pay back.
    CpuCredits,
    /// IOPS of EBS volumes above what their price holds.
    VolumeIops,
    /// Throughput of EBS volumes above what their price holds.
    VolumeThroughput,
    /// Load balancers.
    LoadBalancer,
    /// Capacity units of load balancers.
    LoadBalancerCapacity,
    /// NAT gateways.
    NatGateway,
    /// What NAT gateways process.
    NatGatewayData,
    /// VPC interface endpoints.
    VpcEndpoint,
    /// What they process.
    VpcEndpointData,
    /// What crosses Availability Zones.
    ZoneTransfer,
    /// What goes out to the internet.
    InternetTransfer,
    /// Images in ECR.
    ImageStorage,
    /// Logs that CloudWatch takes in.
    LogIngestion,
    /// Logs that it keeps.
    LogArchive,
    /// Custom metrics.
    CustomMetric,
    /// Alarms.
    Alarm,
    /// Metrics of Container Insights.
    ContainerInsights,
}

/// What a price of side costs is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Per {
    /// A unit for an hour; usage in microseconds.
    Hour,
    /// A unit for a month of 730 hours; usage in microseconds.
    Month,
    /// A GB; usage in bytes.
    Gb,
    /// A GB for a month of 730 hours; usage in bytes times microseconds.
    GbMonth,
}

/// Bytes of a GB, as AWS counts transfer and storage.
pub const BYTES_PER_GB: u128 = 1 << 30;

impl SideCost {
    /// All, in order.
    pub const ALL: [SideCost; 19] = [
        SideCost::Volume,
        SideCost::PublicIpv4,
        SideCost::CpuCredits,
        SideCost::VolumeIops,
        SideCost::VolumeThroughput,
        SideCost::LoadBalancer,
        SideCost::LoadBalancerCapacity,
        SideCost::NatGateway,
        SideCost::NatGatewayData,
        SideCost::VpcEndpoint,
        SideCost::VpcEndpointData,
        SideCost::ZoneTransfer,
        SideCost::InternetTransfer,
        SideCost::ImageStorage,
        SideCost::LogIngestion,
        SideCost::LogArchive,
        SideCost::CustomMetric,
        SideCost::Alarm,
        SideCost::ContainerInsights,
    ];

    /// Name in `cost.csv`, name in charts, unit of the quantity, what the price is for.
    fn facts(self) -> (&'static str, &'static str, &'static str, Per) {
        match self {
            SideCost::Volume => ("ebs_volume", "EBS volumes", "gb-seconds", Per::Month),
            SideCost::PublicIpv4 => ("public_ipv4", "Public IPv4", "address-seconds", Per::Hour),
            SideCost::CpuCredits => ("cpu_credits", "CPU credits", "vcpu-seconds", Per::Hour),
            SideCost::VolumeIops => ("ebs_iops", "EBS IOPS", "iops-seconds", Per::Month),
            SideCost::VolumeThroughput => {
                ("ebs_throughput", "EBS throughput", "mbps-seconds", Per::Month)
            }
            SideCost::LoadBalancer => {
                ("load_balancer", "Load balancers", "balancer-seconds", Per::Hour)
            }
            SideCost::LoadBalancerCapacity => {
                ("load_balancer_capacity", "Balancer capacity units", "lcu-seconds", Per::Hour)
            }
            SideCost::NatGateway => ("nat_gateway", "NAT gateways", "gateway-seconds", Per::Hour),
            SideCost::NatGatewayData => ("nat_gateway_data", "NAT gateway data", "bytes", Per::Gb),
            SideCost::VpcEndpoint => {
                ("vpc_endpoint", "VPC endpoints", "endpoint-seconds", Per::Hour)
            }
            SideCost::VpcEndpointData => {
                ("vpc_endpoint_data", "VPC endpoint data", "bytes", Per::Gb)
            }
            SideCost::ZoneTransfer => ("zone_transfer", "Transfer between zones", "bytes", Per::Gb),
            SideCost::InternetTransfer => {
                ("internet_transfer", "Transfer to the internet", "bytes", Per::Gb)
            }
            SideCost::ImageStorage => ("ecr_storage", "ECR storage", "byte-seconds", Per::GbMonth),
            SideCost::LogIngestion => ("log_ingestion", "Log ingestion", "bytes", Per::Gb),
            SideCost::LogArchive => ("log_archive", "Log archive", "byte-seconds", Per::GbMonth),
            SideCost::CustomMetric => {
                ("custom_metric", "Custom metrics", "metric-seconds", Per::Month)
            }
            SideCost::Alarm => ("alarm", "Alarms", "alarm-seconds", Per::Month),
            SideCost::ContainerInsights => {
                ("container_insights", "Container Insights", "metric-seconds", Per::Month)
            }
        }
    }

    /// The name in `cost.csv`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.facts().0
    }

    /// The name in charts.
    #[must_use]
    pub fn label(self) -> &'static str {
        self.facts().1
    }

    /// The unit of the quantity.
    #[must_use]
    pub fn unit(self) -> &'static str {
        self.facts().2
    }

    /// What its price is for.
    #[must_use]
    pub fn per(self) -> Per {
        self.facts().3
    }

    /// How much usage one price is for.
    #[must_use]
    pub fn divisor(self) -> u128 {
        match self.per() {
            Per::Hour => MICROS_PER_HOUR,
            Per::Month => MICROS_PER_HOUR * HOURS_PER_MONTH,
            Per::Gb => BYTES_PER_GB,
            Per::GbMonth => MICROS_PER_HOUR * HOURS_PER_MONTH * BYTES_PER_GB,
        }
    }
}

/// A line of side costs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SideKey {
    /// Capacity provider, where it belongs to one.
    pub provider: Option<ProviderId>,
    /// What is charged for.
    pub cost: SideCost,
    /// What of that kind, such as `gp3`.
    pub item: String,
    /// Price of an hour or a month.
    pub rate: HourlyRate,
    /// Whose it is; nobody's, or a caller's.
    pub service: Option<ServiceId>,
}

/// Side costs as they grow. Memory grows with lines and hours.
#[derive(Clone, Debug, Default)]
pub struct SideUsage {
    /// How much of the first clock hour was over when the run began, microseconds.
    offset: u64,
    lines: BTreeMap<SideKey, (u128, Hours)>,
}

impl SideUsage {
    /// Of a run that begins `into_hour` after a full hour of the clock.
    #[must_use]
    pub fn new(into_hour: SimSpan) -> SideUsage {
        let offset = into_hour.0 % MICROS_PER_HOUR as u64;
        SideUsage { offset, lines: BTreeMap::new() }
    }

    /// Adds `units` of what is used in `[from, until)`.
    pub fn add(&mut self, key: SideKey, (from, until): (SimTime, SimTime), units: u64) {
        let line = self.lines.entry(key).or_default();
        let (from, until) = (from.0 + self.offset, until.0 + self.offset);
        line.0 += u128::from(until.saturating_sub(from)) * u128::from(units);
        line.1.add(from, until, units);
    }

    /// The same of what is billed by the hour, begun ones in full; the rest of the last one falls into the hour that it ends in.
    pub fn add_hours(&mut self, key: SideKey, (from, until): (SimTime, SimTime), units: u64) {
        let span = u128::from(until.since(from).0);
        let rest = span.next_multiple_of(MICROS_PER_HOUR) - span;
        let last = self.hour_of(SimTime(until.0.saturating_sub(1)));
        self.add(key.clone(), (from, until), units);
        self.put(key, last, rest * u128::from(units));
    }

    /// The same of what is billed by the second with a minimum, as volumes and addresses are.
    pub fn add_billed(&mut self, key: SideKey, (from, until): (SimTime, SimTime), units: u64) {
        let span = billed(until.since(from), SIDE_MINIMUM);
        self.add(key, (from, from + span), units);
    }

    /// How much of the first clock hour was over when the run began, microseconds.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The clock hour of the run that an instant is in, by its number.
    #[must_use]
    pub fn hour_of(&self, at: SimTime) -> usize {
        usize::try_from(u128::from(at.0 + self.offset) / MICROS_PER_HOUR).expect("an hour's number")
    }

    /// Adds an amount to a clock hour of the run, by its number.
    pub fn put(&mut self, key: SideKey, hour: usize, amount: u128) {
        if amount > 0 {
            let line = self.lines.entry(key).or_default();
            line.0 += amount;
            line.1.put(hour, amount);
        }
    }

    /// The lines behind those of a closed bill, and their dollars by the hour, where the bill has hours.
    pub fn append(&self, closed: &mut Closed, names: &Column<ServiceId, String>) {
        for (key, (usage, hours)) in self.lines.iter().filter(|(_, (usage, _))| *usage > 0) {
            let line = Line {
                provider: key.provider,
                service: key.service.map_or(String::new(), |id| names[id].clone()),
                is_idle: false,
                category: Category::Side(key.cost),
                item: key.item.clone(),
                usage: *usage,
                rate: key.rate,
                usd: key.rate.charge_by(*usage, key.cost.divisor()),
                off: NanoUsd::ZERO,
                under: None,
            };
            if let Some(by_hour) = &mut closed.by_hour {
                let mut weights = vec![0; by_hour.begins.len()];
                hours.add_to(&mut weights);
                by_hour.lines.push(spread(line.usd, &weights));
            }
            closed.invoice.lines.push(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pricing::HourlyBill;

    fn key(cost: SideCost, rate: &str) -> SideKey {
        let rate = HourlyRate::parse(rate).unwrap();
        SideKey { provider: None, cost, item: String::new(), rate, service: None }
    }

    fn at(seconds: u64) -> SimTime {
        SimTime(SimSpan::from_secs(seconds).0)
    }

    #[test]
    fn a_month_of_a_volume_costs_its_price_and_two_hours_are_spread() {
        // 30 GB for 730 h at 0.08 $: 2.40 $. Begun half an hour into the clock's hour.
        let mut usage = SideUsage::new(SimSpan::from_secs(1_800));
        usage.add_billed(key(SideCost::Volume, "0.08"), (at(0), at(730 * 3_600)), 30);
        // An address for an hour, half of it in the first clock hour: 0.005 $.
        usage.add_billed(key(SideCost::PublicIpv4, "0.005"), (at(0), at(3_600)), 1);
        // For a second: a minute is billed.
        usage.add_billed(key(SideCost::PublicIpv4, "3.6"), (at(0), at(1)), 1);
        // Ninety minutes of a gateway are two hours.
        usage.add_hours(key(SideCost::NatGateway, "0.045"), (at(0), at(5_400)), 1);
        let begins = (0..731).map(|hour| at(hour * 3_600)).collect();
        let by_hour = Some(HourlyBill { begins, lines: Vec::new(), off: Vec::new() });
        let mut closed = Closed { by_hour, ..Closed::default() };
        usage.append(&mut closed, &Column::new());
        let usd: Vec<_> = closed.invoice.lines.iter().map(|line| line.usd).collect();
        let nano = [2_400_000_000, 5_000_000, 60_000_000, 90_000_000].map(NanoUsd);
        assert_eq!(usd, nano);
        let hours = &closed.by_hour.unwrap().lines;
        assert_eq!(hours[1][..3], [NanoUsd(2_500_000), NanoUsd(2_500_000), NanoUsd(0)]);
        assert_eq!(hours[0].iter().copied().sum::<NanoUsd>(), usd[0]);
        assert_eq!(hours[0][0].0, 1_643_835, "half an hour of 1,460");
    }
}
