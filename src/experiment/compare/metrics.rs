//! Which metrics a comparison shows, and which way each is better.

use super::Variant;
use crate::base::suggest::nearest;
use crate::metrics::summary::SERVICE_PREFIX;
use std::collections::BTreeMap;

/// Which values of a metric are better.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sense {
    /// Cost, waiting, drops.
    Lower,
    /// Work that was done, how full the fleet is packed.
    Higher,
    /// A fact that is good or bad only with others, such as the number of instances.
    Neither,
}

/// What a comparison shows by itself, where it differs: cost, waits, drops, placement, fleet.
pub const USUAL: [&str; 28] = [
    "total_usd",
    "ec2_idle_usd",
    "usd_per_task_hour",
    "usd_per_million_requests",
    "wait_s_mean",
    "wait_s_p95",
    "wait_s_p99",
    "start_s_p95",
    "throttled_s_p95",
    "requests_dropped_percent",
    "incident_requests_dropped",
    "recovery_s_max",
    "request_latency_s_mean",
    "request_latency_s_p99",
    "under_provisioned_time_percent",
    "tasks_refused",
    "tasks_lost",
    "tasks_waiting_at_end",
    "service_tasks_failed",
    "deployments_failed",
    "packing_efficiency_percent",
    "stranded_cpu_percent",
    "stranded_memory_percent",
    "cpu_reservation_percent",
    "memory_reservation_percent",
    "idle_instance_percent",
    "instances_launched",
    "instances_interrupted",
];

/// How the names begin of what should be low.
const LOWER: [&str; 38] = [
    "wait_s_",
    "start_s_",
    "throttled_s_",
    "provisioning_",
    "tasks_refused",
    "tasks_lost",
    "tasks_killed",
    "tasks_failed",
    "tasks_waiting_at_end",
    "placement_failures",
    "requests_dropped",
    "requests_errors",
    "request_latency_s_",
    "messages_received_again",
    "under_provisioned_",
    "over_provisioned_",
    "stranded_",
    "idle_",
    "usd",
    "instances_interrupted",
    "instances_reclaimed",
    "launches_failed",
    "launching_time_percent",
    "single_task_s",
    "fargate_interrupted",
    "fargate_rounding_",
    "service_tasks_failed",
    "containers_restarted",
    "deployments_failed",
    "refreshes_failed",
    "recovery_s_",
    "incident_requests_",
    "incident_tasks_lost",
    "overflow_wait_s_",
    "connections_cut",
    "connections_of_a_task_max",
    "connects_per_s_max",
    "connect_cpu_s",
];

/// What should be high.
const HIGHER: [&str; 9] = [
    "tasks_completed",
    "requests_served",
    "packing_efficiency_percent",
    "deployments_completed",
    "refreshes_successful",
    "commitments_saved_usd",
    "best_savings_plan_saved_usd",
    "commitments_utilization_percent",
    "capacity_reservations_utilization_percent",
];

/// Sums of money that are good or bad only with others.
const OF_A_CONTRACT: [&str; 2] = ["undiscounted_usd", "private_discount_usd"];

/// Which way a metric is better; that of one service as that of all.
#[must_use]
pub fn sense(name: &str) -> Sense {
    let of_service = name.strip_prefix(SERVICE_PREFIX).and_then(|rest| rest.rsplit_once('.'));
    let plain = of_service.map_or(name, |(_, plain)| plain);
    if HIGHER.contains(&plain) {
        Sense::Higher
    } else if OF_A_CONTRACT.contains(&plain) {
        Sense::Neither
    } else if plain.ends_with("_usd") || LOWER.iter().any(|start| plain.starts_with(start)) {
        Sense::Lower
    } else {
        Sense::Neither
    }
}

/// The metrics of any variant, in the order of the first that has them.
#[must_use]
pub fn known(variants: &[Variant]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for metric in variants.iter().flat_map(|variant| &variant.metrics) {
        if seen.insert(metric.name.as_str()) {
            names.push(&metric.name);
        }
    }
    names
}

/// The usual metrics in which some variant differs from the base under a seed that both have, or which only one defines.
#[must_use]
pub fn that_differ(variants: &[Variant]) -> Vec<String> {
    let differs = |name: &&&str| {
        let of = |variant: &Variant| {
            variant.metric(name).map_or_else(BTreeMap::new, |metric| metric.by_seed.clone())
        };
        let Some((base, others)) = variants.split_first() else { return false };
        let in_base = of(base);
        others.iter().any(|other| {
            let in_other = of(other);
            let seeds = base.seeds.iter().filter(|seed| other.seeds.contains(seed));
            let mut seeds = seeds.peekable();
            match seeds.peek() {
                None => in_base != in_other,
                Some(_) => seeds.any(|seed| in_base.get(seed) != in_other.get(seed)),
            }
        })
    };
    USUAL.iter().filter(differs).map(|name| (*name).to_string()).collect()
}

/// The metrics that `patterns` name, in this order and each once; `*` stands for any text. What only a pattern with `*`
/// has found and no variant defines is left out.
///
/// # Errors
/// A message with a suggestion for the first pattern that finds nothing.
pub fn select(variants: &[Variant], patterns: &[String]) -> Result<Vec<String>, String> {
    let is_defined = |name: &str| {
        let mut of = variants.iter().filter_map(|variant| variant.metric(name));
        of.any(|metric| !metric.by_seed.is_empty())
    };
    select_of(&known(variants), is_defined, patterns)
}

/// As [`select`], of the names `known`.
///
/// # Errors
/// As [`select`].
pub fn select_of(
    known: &[&str],
    is_defined: impl Fn(&str) -> bool,
    patterns: &[String],
) -> Result<Vec<String>, String> {
    let mut chosen: Vec<String> = Vec::new();
    for pattern in patterns {
        let found = known.iter().filter(|name| matches(pattern, name));
        let found: Vec<&&str> = found.collect();
        if found.is_empty() {
            return Err(unknown(pattern, known));
        }
        for name in found {
            let is_wanted = is_defined(name) || !pattern.contains('*');
            if is_wanted && !chosen.iter().any(|one| one == name) {
                chosen.push((*name).to_string());
            }
        }
    }
    Ok(chosen)
}

/// What is said of a metric that there is not.
#[must_use]
pub fn unknown(name: &str, known: &[&str]) -> String {
    let help = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => "`summary.csv` of any run lists the metrics; `*` stands for any text".to_string(),
    };
    format!("there is no metric \"{name}\"\n  = help: {help}")
}

/// What is said of a series that there is not.
#[must_use]
pub fn unknown_series(name: &str, known: &[&str]) -> String {
    let help = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => "`*` stands for any text: --series '*' shows all".to_string(),
    };
    format!("there is no series \"{name}\"\n  = help: {help}")
}

/// Whether a name matches a pattern in which `*` stands for any text.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name, is_match) in [
            ("total_usd", "total_usd", true),
            ("total_usd", "total_usd_x", false),
            ("*_usd", "ec2_idle_usd", true),
            ("*_usd", "usd_per_task_hour", false),
            ("wait_*_p9*", "wait_s_p95", true),
            ("wait_*_p9*", "start_s_p95", false),
            ("*", "", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, name), is_match, "{pattern} {name}");
        }
    }

    #[test]
    fn cost_waits_and_drops_should_be_low_and_instances_are_neither() {
        for (name, expected) in [
            ("total_usd", Sense::Lower),
            ("usd_per_task_hour", Sense::Lower),
            ("wait_s_p95", Sense::Lower),
            ("service.web.requests_dropped_percent", Sense::Lower),
            ("service.web.usd", Sense::Lower),
            ("service.a.b.requests_served", Sense::Higher),
            ("packing_efficiency_percent", Sense::Higher),
            ("commitments_saved_usd", Sense::Higher),
            ("private_discount_usd", Sense::Neither),
            ("service.chat.connections_cut", Sense::Lower),
            ("overflow_usd", Sense::Lower),
            ("instances", Sense::Neither),
            ("tasks_submitted", Sense::Neither),
        ] {
            assert_eq!(sense(name), expected, "{name}");
        }
    }
}
