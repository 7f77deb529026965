//! What a run costs beside compute and is known when it ends: volumes and addresses of instances.

use super::moved;
use crate::base::id::Column;
use crate::base::time::SimTime;
use crate::metrics::summary::{Metric, Value};
use crate::model::fleet::Registration;
use crate::model::ids::{InstanceId, ProviderId, ServiceId, ZoneId};
use crate::model::network::Route;
use crate::model::platform::Purchase;
use crate::pricing::Closed;
use crate::pricing::side::{SideCost, SideKey};
use crate::sim::books::credits::credit_metrics;
use crate::sim::books::side::{SideBooks, address_key, volume};
use crate::sim::cluster::{Network, SUBNET};
use crate::sim::world::World;

/// From when until when.
type Span = (SimTime, SimTime);

/// An instance as volumes and addresses see it.
struct Life {
    provider: ProviderId,
    /// From its first start until it is terminated, stopped in a warm pool or not.
    exists: Span,
    /// When it runs.
    runs: [Span; 2],
    /// Whether its subnet leads to an internet gateway.
    is_public: bool,
}

/// The bill of a run that ends at `end`, and the metrics of what it has beside compute; `None` where that is nothing.
pub fn close(
    world: &mut World,
    names: &Column<ServiceId, String>,
    end: SimTime,
) -> (Closed, Option<Vec<Metric>>) {
    let side = world.books.spending.side.take();
    let mut closed = world.books.spending.close(names, end);
    let Some(mut side) = side else { return (closed, None) };
    if end > SimTime::ZERO {
        instances(world, &mut side, end);
        moved::bill(&mut side, end);
    }
    side.usage.append(&mut closed, names);
    let named = side.setup.askers.iter().filter(|of| of.bytes != Default::default()).count();
    let metrics = side.credits.iter().flat_map(|credits| credit_metrics(&credits.totals()));
    let mut metrics: Vec<Metric> = metrics.collect();
    metrics.push(Metric {
        name: "bill_names_bytes".into(),
        unit: "–",
        meaning: "callers and services that say how many bytes they move; of others the bill has no transfer and no logs",
        section: "Cost",
        value: Value::Count(named as u64),
    });
    (closed, Some(metrics))
}

/// Adds what instances used beside compute until `end`.
fn instances(world: &World, side: &mut SideBooks, end: SimTime) {
    let (volumes, addresses) = (side.setup.volumes, side.setup.addresses);
    for life in lives(world, end) {
        if let Some(price) = volumes
            && life.exists.0 < life.exists.1
        {
            let key = SideKey {
                provider: Some(life.provider),
                cost: SideCost::Volume,
                item: "gp3".to_string(),
                rate: price.gb_month,
                service: None,
            };
            side.usage.add_billed(key, life.exists, price.gb.into());
        }
        let data = side.setup.data_volumes.get(life.provider).copied().flatten();
        if let (Some(shape), Some(rates)) = (data, side.setup.volume_rates)
            && life.exists.0 < life.exists.1
        {
            let whose = (Some(life.provider), None);
            volume(&mut side.usage, whose, "gp3 data", (shape, rates), life.exists);
        }
        let Some(price) = addresses.filter(|p| p.of_instances.unwrap_or(life.is_public)) else {
            continue;
        };
        for span in life.runs.into_iter().filter(|(from, until)| from < until) {
            let key = address_key(Some(life.provider), "instance", price.rate, None);
            side.usage.add_billed(key, span, 1);
        }
    }
}

/// All instances of EC2 that have run: fixed fleets, then those of groups.
fn lives(world: &World, end: SimTime) -> Vec<Life> {
    let fleet = world.cluster.fleet();
    let network = world.cluster.network.as_deref();
    let subnet = |instance: InstanceId| {
        let name = fleet.attribute_value(fleet.attribute(SUBNET)?, instance)?;
        Some(network?.subnet_called(name)?.route)
    };
    let is_public = |instance| subnet(instance) == Some(Route::InternetGateway);
    let never: Span = (SimTime::NEVER, SimTime::NEVER);
    let mut lives = Vec::new();
    for id in fleet.ids().filter(|id| world.groups.behind(*id).is_none()) {
        let provider = fleet.provider[id];
        if world.rules.providers[provider].purchase != Purchase::External {
            let exists = (fleet.running_at[id], fleet.deregistered_at[id].min(end));
            lives.push(Life { provider, exists, runs: [exists, never], is_public: is_public(id) });
        }
    }
    for (machine, kind) in world.groups.machines_and_kinds() {
        let gone = machine.instance.map_or(SimTime::NEVER, |id| fleet.deregistered_at[id]);
        let until = machine.ended.min(gone).min(end);
        let runs = (machine.running.min(until), until);
        // One that was stopped in a warm pool ran before, and exists since then.
        let warmed = machine
            .pool
            .filter(|pool| pool.ready < until)
            .map_or(never, |pool| (SimTime(pool.ready.0 - pool.billed().0), pool.ready));
        let before = if warmed.0 < runs.0 { warmed } else { never };
        let Registration { provider, zone, .. } = *kind;
        let public =
            machine.instance.map_or_else(|| leads_out(network, (provider, zone)), is_public);
        lives.push(Life {
            provider,
            exists: (before.0.min(runs.0), until),
            runs: [before, runs],
            is_public: public,
        });
    }
    lives
}

/// Whether the first subnet of a provider in a zone leads to an internet gateway.
fn leads_out(network: Option<&Network>, (provider, zone): (ProviderId, ZoneId)) -> bool {
    network.is_some_and(|network| {
        let first = network.of_instances(provider, zone).next();
        first.is_some_and(|id| network.subnet(id).route == Route::InternetGateway)
    })
}
