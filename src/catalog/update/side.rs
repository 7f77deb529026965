//! What AWS's price list says of things beside compute, and of the fees of Managed Instances.
//!
//! Usage types are those of AWS's bills and price list, behind the code of the region (`EUW1-EBS:VolumeUsage.gp3`). They and
//! their units were read in public programs that parse real answers of the API (October 2026), not in an answer itself.
//! Transfer out to the internet, whose price has tiers, is in `transfer`.

use super::offers::{Attributes, Product};
use super::{is_usage, transfer};

/// A price of the list that is one of the book's items.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Listed {
    service: &'static str,
    usage: &'static str,
    /// What `operation` must be, where the usage type alone does not tell; empty: anything.
    operation: &'static str,
    item: &'static str,
    /// In lower case; without what the list divides by.
    units: &'static [&'static str],
}

const HOURS: &[&str] = &["hrs", "hours"];
const LCU_HOURS: &[&str] = &["lcu-hrs", "lcu-hours", "hrs", "hours"];
const VCPU_HOURS: &[&str] = &["vcpu-hours", "hrs"];
/// Units of a GB that is moved.
pub(super) const GB: &[&str] = &["gb", "gigabytes"];
const GB_MONTHS: &[&str] = &["gb-mo", "gb-month", "gb-months"];
const ALB: &str = "LoadBalancing:Application";
const NLB: &str = "LoadBalancing:Network";

const LISTED: [Listed; 24] = [
    of("AmazonEC2", "EBS:VolumeUsage.gp3", "", "gp3_gb", GB_MONTHS),
    of("AmazonEC2", "EBS:VolumeP-IOPS.gp3", "", "gp3_iops", &["iops-mo", "iops-month"]),
    // A GiB/s is 1,024 of the item's MiB/s: see `share`.
    of("AmazonEC2", "EBS:VolumeP-Throughput.gp3", "", "gp3_mbps", &["gibps-mo", "mibps-mo"]),
    of("AmazonEC2", "CPUCredits:t2", "", "cpu_credits_t2", VCPU_HOURS),
    of("AmazonEC2", "CPUCredits:t3", "", "cpu_credits_t3", VCPU_HOURS),
    of("AmazonEC2", "CPUCredits:t3a", "", "cpu_credits_t3a", VCPU_HOURS),
    of("AmazonEC2", "CPUCredits:t4g", "", "cpu_credits_t4g", VCPU_HOURS),
    of("AmazonEC2", "NatGateway-Hours", "NatGateway", "nat_gateway", HOURS),
    of("AmazonEC2", "NatGateway-Bytes", "NatGateway", "nat_gateway_gb", GB),
    of("AmazonVPC", "NatGateway-Hours", "NatGateway", "nat_gateway", HOURS),
    of("AmazonVPC", "NatGateway-Bytes", "NatGateway", "nat_gateway_gb", GB),
    of("AmazonVPC", "PublicIPv4:InUseAddress", "", "public_ipv4", HOURS),
    of("AmazonVPC", "VpcEndpoint-Hours", "VpcEndpoint", "vpc_endpoint", HOURS),
    of("AmazonVPC", "VpcEndpoint-Bytes", "VpcEndpoint", "vpc_endpoint_gb", GB),
    of("AWSELB", "LoadBalancerUsage", ALB, "alb", HOURS),
    of("AWSELB", "LCUUsage", ALB, "alb_lcu", LCU_HOURS),
    of("AWSELB", "LoadBalancerUsage", NLB, "nlb", HOURS),
    of("AWSELB", "LCUUsage", NLB, "nlb_lcu", LCU_HOURS),
    of("AmazonECR", "TimedStorage-ByteHrs", "", "ecr_gb", GB_MONTHS),
    of("AmazonCloudWatch", "DataProcessing-Bytes", "", "log_ingest_gb", GB),
    of("AmazonCloudWatch", "TimedStorage-ByteHrs", "", "log_archive_gb", GB_MONTHS),
    of("AmazonCloudWatch", "CW:AlarmMonitorUsage", "", "alarm_standard", &["alarms"]),
    of("AmazonCloudWatch", "CW:HighResAlarmMonitorUsage", "", "alarm_high_resolution", &["alarms"]),
    of("AmazonCloudWatch", "CW:MetricMonitorUsage", "", "custom_metric", &["metrics"]),
];

const fn of(
    service: &'static str,
    usage: &'static str,
    operation: &'static str,
    item: &'static str,
    units: &'static [&'static str],
) -> Listed {
    Listed { service, usage, operation, item, units }
}

/// The item of the book that a product is, with the units that its price may have, in lower case.
pub(super) fn item(of: &Attributes) -> Option<(&'static str, &'static [&'static str])> {
    let is_linux = ["", "Linux"].contains(&&*of.operating_system);
    let is_it = |listed: &&Listed| {
        let may_be =
            |found: &str, wanted: &str| found.is_empty() || wanted.is_empty() || found == wanted;
        is_usage(&of.usagetype, listed.usage)
            && may_be(&of.servicecode, listed.service)
            && (listed.operation.is_empty() || of.operation == listed.operation)
    };
    if transfer::is_between_zones(of) {
        return Some(("zone_gb", GB));
    }
    let found = LISTED.iter().find(is_it)?;
    match (found.item.starts_with("cpu_credits"), &*of.operating_system) {
        (true, "Windows") => Some(("cpu_credits_windows", found.units)),
        (true, _) if !is_linux => None,
        _ => Some((found.item, found.units)),
    }
}

/// How many of an item's units are one of the list's.
pub(super) fn share(unit: &str) -> u64 {
    if unit == "gibps-mo" { 1_024 } else { 1 }
}

/// The instance type whose fee a product is: `EUW1-ECS-Managed-Instances:c6a.2xlarge-management-hours`.
pub(super) fn fee(of: &Attributes) -> Option<&str> {
    let (before, rest) = of.usagetype.split_once("ECS-Managed-Instances:")?;
    let name = rest.strip_suffix("-management-hours")?;
    is_usage(&format!("{before}x"), "x").then_some(name)
}

/// What a product is that no run could use, for people.
pub(super) fn other(product: &Product) -> &'static str {
    let family = product.product_family.as_deref().unwrap_or_default();
    let usage = &product.attributes.usagetype;
    if family == "Data Transfer"
        || usage.contains("DataTransfer-")
        || usage.ends_with("-AWS-Out-Bytes")
    {
        "products of transfer that no run is charged for: between regions, into AWS and the like"
    } else if usage.contains("EBS:") {
        "volumes of other kinds than gp3, snapshots and their like"
    } else {
        "products that no run is charged for"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::side::{INTERNET_TIERS, side_items};

    #[test]
    fn every_item_is_of_the_book_and_only_what_is_said_is_not_read() {
        let mut left: Vec<&str> = side_items().collect();
        for listed in LISTED {
            assert!(side_items().any(|item| item == listed.item), "{}", listed.item);
            left.retain(|item| *item != listed.item);
        }
        let mut others = vec!["container_insights_metric", "cpu_credits_windows", "zone_gb"];
        others.extend(INTERNET_TIERS.iter().map(|(_, item)| *item));
        others.sort_unstable();
        assert_eq!(left, others);
    }

    #[test]
    fn a_usage_type_is_taken_alone_or_behind_a_region_and_nothing_else() {
        let of = |usagetype: &str, operation: &str| {
            let mut one = Attributes::default();
            (one.usagetype, one.operation) = (usagetype.into(), operation.into());
            item(&one).map(|(item, _)| item)
        };
        assert_eq!(of("LoadBalancerUsage", ALB), Some("alb"));
        assert_eq!(of("EUW1-LCUUsage", NLB), Some("nlb_lcu"));
        assert_eq!(of("EU-NatGateway-Bytes", "NatGateway"), Some("nat_gateway_gb"));
        assert_eq!(of("EU-DataTransfer-Regional-Bytes", ""), Some("zone_gb"));
        for (usage, operation) in [
            ("USE1-TS-LoadBalancerUsage", ALB),
            ("USE1-LAX1-EBS:VolumeUsage.gp3", ""),
            ("LoadBalancerUsage", ""),
            ("LoadBalancerUsage", "LoadBalancing"),
            ("EU-ReservedLCUUsage", ALB),
            ("EU-Outposts-LCUUsage", ALB),
            ("EU-RegionalNatGateway-Bytes", "RegionalNatGateway"),
            ("USE1-DataTransfer-xAZ-Out-Bytes", ""),
            ("EUW1-EBS:VolumeUsage.gp2", ""),
            ("xEBS:VolumeUsage.gp3", ""),
        ] {
            assert_eq!(of(usage, operation), None, "{usage}");
        }
    }
}
