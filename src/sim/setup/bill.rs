//! What is on the bill beside compute, as a run is told of it. What is `None` is not billed.

use crate::base::id::Column;
use crate::base::money::HourlyRate;
use crate::base::time::SimSpan;
use crate::model::ids::{ProviderId, ServiceId, SourceId};
use crate::pricing::balancer::CapacityUnit;
use crate::pricing::credits::{CreditKind, CreditMode};
use crate::pricing::side::SideCost;
use std::collections::BTreeMap;

/// Side costs of a run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BillSetup {
    /// Root volumes of instances.
    pub volumes: Option<VolumePrice>,
    /// Public IPv4 addresses.
    pub addresses: Option<AddressPrice>,
    /// CPU credits of burstable instances.
    pub credits: Option<CreditsSetup>,
    /// Load balancers.
    pub balancers: Vec<BalancerSetup>,
    /// Whether they are billed themselves.
    pub bills_balancers: bool,
    /// How many clusters there are.
    pub clusters: u32,
    /// NAT gateways.
    pub nat: Option<GatewaySetup>,
    /// Interface endpoints.
    pub endpoints: Option<GatewaySetup>,
    /// Whether layers of images come from ECR by a gateway endpoint of S3, which is free.
    pub has_s3_gateway: bool,
    /// Transfer between zones and to the internet.
    pub transfer: Option<TransferSetup>,
    /// Bytes of images in ECR, and what a GB of them costs a month.
    pub images: Option<(u64, HourlyRate)>,
    /// Logs.
    pub logs: Option<LogsSetup>,
    /// Metrics and alarms.
    pub watched: Vec<WatchedSetup>,
    /// Container Insights.
    pub insights: Option<InsightsSetup>,
    /// Prices of data volumes and of volumes of tasks; `None`: they are not billed.
    pub volume_rates: Option<VolumeRates>,
    /// The data volume that each instance of a provider has.
    pub data_volumes: Column<ProviderId, Option<VolumeShape>>,
    /// Callers, then services.
    pub askers: Column<SourceId, AskerBill>,
}

/// CPU credits of the burstable types that a run may have.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CreditsSetup {
    /// By capacity provider and instance type.
    pub terms: BTreeMap<(ProviderId, String), CreditTerms>,
    /// CPU that tasks use whose use is not simulated, in percent of what they hold.
    pub used_percent: u32,
    /// What instances that run at time zero have, in percent of the most that they keep.
    pub first_percent: u32,
}

/// Credits of the instances of a type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CreditTerms {
    /// What they earn and keep.
    pub kind: CreditKind,
    /// What they do without.
    pub mode: CreditMode,
    /// Family, such as `t3`.
    pub family: &'static str,
    /// A vCPU that was borrowed, for an hour.
    pub rate: HourlyRate,
}

/// The root volume of every instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VolumePrice {
    /// Its size.
    pub gb: u32,
    /// A GB for a month of 730 hours.
    pub gb_month: HourlyRate,
}

/// Public IPv4 addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AddressPrice {
    /// An address for an hour.
    pub rate: HourlyRate,
    /// Whether instances have one; `None`: those whose subnet leads to an internet gateway.
    pub of_instances: Option<bool>,
}

/// A size of EBS volumes, gp3.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VolumeShape {
    /// GB.
    pub gb: u32,
    /// IOPS above the 3,000 that the price of a GB holds.
    pub more_iops: u32,
    /// MB a second above the 125 that it holds.
    pub more_mbps: u32,
}

/// Prices of volumes beside those of instances' roots.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct VolumeRates {
    /// A GB for a month.
    pub gb: HourlyRate,
    /// An IOPS above those for a month.
    pub iops: HourlyRate,
    /// A MB/s above those for a month.
    pub mbps: HourlyRate,
}

/// A load balancer, which several services may share.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BalancerSetup {
    /// Its name.
    pub name: String,
    /// Whether it is a Network Load Balancer.
    pub is_network: bool,
    /// What a capacity unit of it holds.
    pub unit: CapacityUnit,
    /// Availability Zones, in each of which it has a node.
    pub zones: u32,
    /// Whether it is internet-facing: each node has a public address, and answers go out to the internet.
    pub is_public: bool,
    /// Its services.
    pub services: Vec<BalancedService>,
    /// An hour of it.
    pub rate: HourlyRate,
    /// A capacity unit for an hour.
    pub unit_rate: HourlyRate,
}

/// A service behind a load balancer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BalancedService {
    /// It.
    pub service: ServiceId,
    /// Rules that a request for it is compared with.
    pub rules: u32,
    /// Requests that come by one connection.
    pub requests_per_connection: u32,
    /// How long a connection is open.
    pub connection: SimSpan,
    /// Whether requests may go to targets in other zones.
    pub cross_zone: bool,
}

/// NAT gateways, or interface endpoints.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GatewaySetup {
    /// How many, in all zones together.
    pub count: u32,
    /// An hour of one.
    pub rate: HourlyRate,
    /// A GB that goes through.
    pub gb: HourlyRate,
}

/// Prices of transfer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TransferSetup {
    /// A GB into, or out of, another zone.
    pub zone_gb: HourlyRate,
    /// A GB out to the internet, by tier.
    pub internet_gb: [HourlyRate; 4],
    /// GB of a month that are free.
    pub free_gb: u32,
}

/// Logs of CloudWatch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogsSetup {
    /// A GB taken in.
    pub ingest: HourlyRate,
    /// A GB kept for a month.
    pub archive: HourlyRate,
    /// What is kept of a GB taken in, percent: it is compressed.
    pub archived_percent: u32,
}

/// Metrics or alarms that are there all the time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WatchedSetup {
    /// Metrics or alarms.
    pub cost: SideCost,
    /// Which kind.
    pub item: &'static str,
    /// Whose.
    pub service: Option<ServiceId>,
    /// How many.
    pub count: u32,
    /// One for a month.
    pub rate: HourlyRate,
}

/// Metrics of Container Insights.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InsightsSetup {
    /// Of each cluster.
    pub per_cluster: u32,
    /// Of each service.
    pub per_service: u32,
    /// Of each running task, its containers' included.
    pub per_task: u32,
    /// One for a month.
    pub rate: HourlyRate,
}

/// How what a task sends leaves its subnet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Exit {
    /// By a way that costs nothing by itself: with a public address, or in no VPC that is described.
    #[default]
    Free,
    /// By a NAT gateway.
    Nat,
    /// By interface endpoints.
    Endpoints,
}

/// Bytes that one request or message moves, and tasks by themselves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Bytes {
    /// From its client.
    pub request: u64,
    /// To its client.
    pub response: u64,
    /// Exchanged with other tasks and databases of the VPC, both ways together.
    pub peers: u64,
    /// Sent by the task to the internet.
    pub sent: u64,
    /// Received by it from there.
    pub received: u64,
    /// Exchanged with AWS's services by interface endpoints.
    pub endpoints: u64,
    /// Logged.
    pub logs: u64,
    /// Logged by a task in an hour, beside requests.
    pub logs_per_task_hour: u64,
}

/// What is billed of those who ask for tasks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AskerBill {
    /// What moves.
    pub bytes: Bytes,
    /// How it leaves.
    pub exit: Exit,
    /// In how many zones its tasks are.
    pub zones: u32,
    /// The EBS volume that each task has.
    pub volume: Option<VolumeShape>,
}
