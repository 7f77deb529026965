//! Metrics of what only some scenarios have.

use crate::base::time::SimSpan;
use crate::metrics::summary::{Metric, Value};
use crate::sim::world::World;

/// The metrics of tasks that go to Fargate for want of room on EC2.
pub fn overflow(world: &World) -> Vec<Metric> {
    if !world.rules.askers.iter().any(|asker| asker.overflow.is_some()) {
        return Vec::new();
    }
    let metric = |name: &'static str, unit, meaning, value| Metric {
        name: name.into(),
        unit,
        meaning,
        section: "Overflow to Fargate",
        value,
    };
    let of = &world.books.tally.overflow;
    let span = |micros: u128| SimSpan(u64::try_from(micros).unwrap_or(u64::MAX));
    let mean = of.waited_micros.checked_div(u128::from(of.tasks));
    vec![
        metric(
            "tasks_overflowed",
            "tasks",
            "tasks placed on Fargate because their EC2 capacity providers had no room for them",
            Value::Count(of.tasks),
        ),
        metric(
            "overflow_wait_s_mean",
            "s",
            "from the accepted request to the place on Fargate, of those tasks",
            mean.map_or(Value::Missing, |micros| Value::Seconds(span(micros))),
        ),
        metric(
            "overflow_running_s",
            "s",
            "time that those tasks were RUNNING, all of them together",
            Value::Seconds(span(of.running_micros)),
        ),
        metric(
            "overflow_usd",
            "USD",
            "what those tasks cost; part of `fargate_usd`",
            Value::Usd(of.usd),
        ),
    ]
}

/// The metrics of a network, and of roles that lack something.
pub fn network(world: &World) -> Vec<Metric> {
    if !world.rules.may_refuse {
        return Vec::new();
    }
    let metric = |name: &'static str, unit, meaning, value| Metric {
        name: name.into(),
        unit,
        meaning,
        section: "Network",
        value,
    };
    let network = world.cluster.network.as_deref();
    let subnets = || network.into_iter().flat_map(|network| network.subnets());
    let least = subnets().map(|(_, of, held)| of.room().saturating_sub(held.peak)).min();
    let tasks = subnets().map(|(.., held)| held.refused_tasks).sum();
    let launches = subnets().map(|(.., held)| held.refused_launches).sum();
    vec![
        metric(
            "free_addresses_min",
            "addresses",
            "fewest free addresses that any subnet ever had",
            least.map_or(Value::Missing, |least| Value::Count(least.into())),
        ),
        metric(
            "tasks_without_address",
            "tasks",
            "tasks that failed to start because their subnets had no free address",
            Value::Count(tasks),
        ),
        metric(
            "launches_without_address",
            "launches",
            "launches of instances that found no free address",
            Value::Count(launches),
        ),
        metric(
            "tasks_without_access",
            "tasks",
            "tasks that failed to start because they could not reach the registry, secrets or logs, or were denied them",
            Value::Count(world.books.tally.without_access),
        ),
    ]
}
