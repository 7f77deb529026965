//! What is billed of all that has moved in a run, of balancers, gateways, images and of watching it all.

use crate::base::id::{Column, Id as _};
use crate::base::money::{HourlyRate, MICROS_PER_HOUR};
use crate::base::time::SimTime;
use crate::model::ids::{ServiceId, SourceId};
use crate::pricing::balancer::{Traffic, Used, billed, used};
use crate::pricing::side::{HOURS_PER_MONTH, SideCost, SideKey, SideUsage};
use crate::pricing::transfer::Tiers;
use crate::sim::books::flows::MovedByHour;
use crate::sim::books::side::{SideBooks, address_key};
use crate::sim::setup::{BalancerSetup, BillSetup, Exit, LogsSetup};

/// Millionths of a request.
const MICRO: u128 = 1_000_000;
/// Hours in a month as transfer is counted.
const MONTH: usize = HOURS_PER_MONTH as usize;

/// Amounts of each hour.
type Amounts = Vec<u128>;

/// Bills all that is there from the beginning to `end`, and what has moved until then.
pub fn bill(side: &mut SideBooks, end: SimTime) {
    let hours = side.usage.hour_of(SimTime(end.0 - 1)) + 1;
    let first = side.first_service;
    let moved = match &side.flows {
        Some(flows) => flows.by_hour(hours),
        None => side.setup.askers.iter().map(|_| nothing(hours)).collect(),
    };
    let SideBooks { setup, usage, .. } = side;
    let mut bill = Bill { setup, usage, moved, first, hours, end };
    bill.standing();
    if bill.setup.bills_balancers {
        (0..bill.setup.balancers.len()).for_each(|index| bill.balancer(index));
    }
    bill.bytes();
}

fn nothing(hours: usize) -> MovedByHour {
    let zero = || vec![0; hours];
    let pulled = [zero(), zero()];
    MovedByHour { arrived: zero(), served: zero(), pulled, running: zero(), connections: None }
}

struct Bill<'a> {
    setup: &'a BillSetup,
    usage: &'a mut SideUsage,
    moved: Column<SourceId, MovedByHour>,
    /// The first number of a service among the askers.
    first: usize,
    hours: usize,
    end: SimTime,
}

impl Bill<'_> {
    fn key(cost: SideCost, item: &str, rate: HourlyRate, service: Option<ServiceId>) -> SideKey {
        SideKey { provider: None, cost, item: item.to_string(), rate, service }
    }

    fn put(&mut self, key: &SideKey, amounts: &[u128]) {
        for (hour, &amount) in amounts.iter().enumerate() {
            if amount > 0 {
                self.usage.put(key.clone(), hour, amount);
            }
        }
    }

    fn source_of(&self, service: ServiceId) -> SourceId {
        SourceId::from_index(self.first + service.index())
    }

    /// What is there all the time.
    fn standing(&mut self) {
        let always = (SimTime::ZERO, self.end);
        let setup = self.setup;
        for (gateway, cost, item) in [
            (setup.nat, SideCost::NatGateway, "nat gateway"),
            (setup.endpoints, SideCost::VpcEndpoint, "interface endpoint"),
        ] {
            let Some(gateway) = gateway else { continue };
            let key = Self::key(cost, item, gateway.rate, None);
            self.usage.add_hours(key, always, gateway.count.into());
        }
        if let (Some(gateway), Some(price)) = (setup.nat, setup.addresses) {
            let key = address_key(None, "nat gateway", price.rate, None);
            self.usage.add_billed(key, always, gateway.count.into());
        }
        if let Some((bytes, rate)) = setup.images {
            self.usage.add(Self::key(SideCost::ImageStorage, "ecr", rate, None), always, bytes);
        }
        for watched in &setup.watched {
            let key = Self::key(watched.cost, watched.item, watched.rate, watched.service);
            self.usage.add(key, always, watched.count.into());
        }
        if let Some(insights) = setup.insights {
            let key = |item, service| {
                Self::key(SideCost::ContainerInsights, item, insights.rate, service)
            };
            let of_clusters = u64::from(insights.per_cluster) * u64::from(setup.clusters);
            self.usage.add(key("clusters", None), always, of_clusters);
            for index in self.first..self.setup.askers.len() {
                let service = Some(ServiceId::from_index(index - self.first));
                self.usage.add(key("services", service), always, insights.per_service.into());
            }
            for source in self.setup.askers.ids() {
                let each = u128::from(insights.per_task);
                let micros: Amounts =
                    self.moved[source].running.iter().map(|of| of * each).collect();
                self.put(&key("tasks", self.service_of(source)), &micros);
            }
        }
    }

    fn service_of(&self, source: SourceId) -> Option<ServiceId> {
        source.index().checked_sub(self.first).map(ServiceId::from_index)
    }

    /// A load balancer: its hours, its addresses, its capacity units.
    fn balancer(&mut self, index: usize) {
        let balancer = &self.setup.balancers[index];
        let always = (SimTime::ZERO, self.end);
        let alone = match balancer.services.as_slice() {
            [one] => Some(one.service),
            _ => None,
        };
        let item = format!("{} {}", kind(balancer), balancer.name);
        let key = Self::key(SideCost::LoadBalancer, &item, balancer.rate, alone);
        self.usage.add_hours(key, always, 1);
        if let Some(price) = self.setup.addresses.filter(|_| balancer.is_public) {
            let key = address_key(None, "load balancer", price.rate, alone);
            self.usage.add_billed(key, always, balancer.zones.into());
        }
        let each: Vec<Vec<Used>> = balancer
            .services
            .iter()
            .map(|of| {
                let source = self.source_of(of.service);
                let (moved, bytes) = (&self.moved[source], self.setup.askers[source].bytes);
                let processed = sum(
                    &carried(&moved.arrived, bytes.request),
                    &carried(&moved.served, bytes.response),
                );
                let hour = |(hour, (requests_micro, bytes)): (usize, (&u128, u128))| {
                    let long = moved.connections.as_ref();
                    let traffic = Traffic {
                        long: long.map(|[made, open]| (made[hour], open[hour])),
                        requests_micro: *requests_micro,
                        bytes,
                        requests_per_connection: of.requests_per_connection,
                        connection: of.connection,
                        rules: of.rules,
                    };
                    used(balancer.unit, &traffic)
                };
                moved.arrived.iter().zip(processed).enumerate().map(hour).collect()
            })
            .collect();
        for hour in 0..self.hours {
            let mut all = Used::default();
            for of in &each {
                all.iter_mut().zip(of[hour]).for_each(|(all, own)| *all += own);
            }
            let dimension = billed(&all);
            for (of, used) in balancer.services.iter().zip(&each) {
                let rate = balancer.unit_rate;
                let cost = SideCost::LoadBalancerCapacity;
                let key = Self::key(cost, &item, rate, Some(of.service));
                self.usage.put(key, hour, used[hour][dimension]);
            }
        }
    }

    /// What has moved, by asker.
    fn bytes(&mut self) {
        let mut out: Vec<Amounts> = Vec::new();
        for source in self.setup.askers.ids() {
            let (asker, moved) = (self.setup.askers[source], self.moved[source].clone());
            let (bytes, service) = (asker.bytes, self.service_of(source));
            let logs = self.logs_of(source);
            if let Some(setup) = self.setup.logs {
                self.bill_logs(setup, &logs, service);
            }
            let sent = carried(&moved.served, bytes.sent);
            let received = carried(&moved.served, bytes.received);
            let of_ecr = match self.setup.has_s3_gateway {
                true => vec![0; self.hours],
                false => moved.pulled[0].clone(),
            };
            let aws = sum(&carried(&moved.served, bytes.endpoints), &logs);
            let outside = sum(&sum(&sent, &received), &moved.pulled[1]);
            let (nat, endpoints) = match asker.exit {
                Exit::Nat if self.setup.endpoints.is_some() => (sum(&outside, &of_ecr), aws),
                Exit::Nat => (sum(&sum(&outside, &of_ecr), &aws), vec![0; self.hours]),
                Exit::Endpoints => (vec![0; self.hours], sum(&aws, &of_ecr)),
                Exit::Free if self.setup.endpoints.is_some() => (vec![0; self.hours], aws),
                Exit::Free => (vec![0; self.hours], vec![0; self.hours]),
            };
            for (gateway, cost, amounts) in [
                (self.setup.nat, SideCost::NatGatewayData, nat),
                (self.setup.endpoints, SideCost::VpcEndpointData, endpoints),
            ] {
                if let Some(gateway) = gateway {
                    self.put(&Self::key(cost, "processed", gateway.gb, service), &amounts);
                }
            }
            self.zones(source);
            let answers = carried(&moved.served, bytes.response);
            out.push(if self.is_public(service) { sum(&sent, &answers) } else { sent });
        }
        self.internet(&out);
    }

    /// Whether answers of a service go out to the internet.
    fn is_public(&self, service: Option<ServiceId>) -> bool {
        let behind =
            |of: &&BalancerSetup| of.services.iter().any(|one| Some(one.service) == service);
        self.setup.balancers.iter().find(behind).is_some_and(|of| of.is_public)
    }

    /// Logged bytes of an asker.
    fn logs_of(&self, source: SourceId) -> Amounts {
        let (bytes, moved) = (self.setup.askers[source].bytes, &self.moved[source]);
        let by_time = scaled(&moved.running, bytes.logs_per_task_hour.into(), MICROS_PER_HOUR);
        sum(&carried(&moved.served, bytes.logs), &by_time)
    }

    fn bill_logs(&mut self, setup: LogsSetup, logs: &[u128], service: Option<ServiceId>) {
        let key = Self::key(SideCost::LogIngestion, "logs", setup.ingest, service);
        self.put(&key, logs);
        let key = Self::key(SideCost::LogArchive, "logs", setup.archive, service);
        let (offset, end) = (u128::from(self.usage.offset()), u128::from(self.end.0));
        let mut kept = 0;
        // What came in an hour is kept from its end on.
        for (hour, bytes) in logs.iter().enumerate() {
            let from = (hour as u128 * MICROS_PER_HOUR).max(offset);
            let until = ((hour as u128 + 1) * MICROS_PER_HOUR).min(end + offset);
            self.usage.put(key.clone(), hour, kept * until.saturating_sub(from));
            kept += bytes * u128::from(setup.archived_percent) / 100;
        }
    }

    /// What of an asker's bytes crosses zones: out of the one and into the other.
    fn zones(&mut self, source: SourceId) {
        let Some(transfer) = self.setup.transfer else { return };
        let (asker, service) = (self.setup.askers[source], self.service_of(source));
        let moved = &self.moved[source];
        let mut all: Vec<(&str, Amounts, u32)> =
            vec![("peers", carried(&moved.served, asker.bytes.peers), asker.zones)];
        for balancer in self.setup.balancers.iter().filter(|of| of.is_network) {
            for of in balancer.services.iter().filter(|of| Some(of.service) == service) {
                let (request, response) = (asker.bytes.request, asker.bytes.response);
                let to = carried(&moved.arrived, request);
                let back = carried(&moved.served, response);
                let zones = if of.cross_zone { balancer.zones } else { 1 };
                all.push(("load balancer", sum(&to, &back), zones));
            }
        }
        for (what, bytes, zones) in all {
            let zones = u128::from(zones.max(1));
            let crossing = scaled(&bytes, zones - 1, zones);
            for way in ["out", "in"] {
                let item = format!("{what} {way}");
                let key = Self::key(SideCost::ZoneTransfer, &item, transfer.zone_gb, service);
                self.put(&key, &crossing);
            }
        }
    }

    /// What goes out to the internet: the tiers of a month are everybody's, in order of time and then of askers.
    fn internet(&mut self, out: &[Amounts]) {
        let Some(transfer) = self.setup.transfer else { return };
        let mut tiers = Tiers::new(transfer.internet_gb, transfer.free_gb);
        for hour in 0..self.hours {
            if hour % MONTH == 0 {
                tiers.begin_month();
            }
            for (index, amounts) in out.iter().enumerate() {
                let service = self.service_of(SourceId::from_index(index));
                for (tier, rate, bytes) in tiers.send(amounts[hour]) {
                    let item = format!("tier {tier}");
                    let key = Self::key(SideCost::InternetTransfer, &item, rate, service);
                    self.usage.put(key, hour, bytes);
                }
            }
        }
    }
}

fn kind(balancer: &BalancerSetup) -> &'static str {
    if balancer.is_network { "network" } else { "application" }
}

/// Bytes that millionths of requests carry, hour by hour; fractions of a byte come with the next ones.
fn carried(requests_micro: &[u128], bytes: u64) -> Amounts {
    scaled(requests_micro, bytes.into(), MICRO)
}

/// `amounts · factor / divisor`, rounded down in sum: what an hour loses the next one has.
fn scaled(amounts: &[u128], factor: u128, divisor: u128) -> Amounts {
    let mut rest = 0;
    let each = |amount: &u128| {
        let whole = amount * factor + rest;
        rest = whole % divisor;
        whole / divisor
    };
    amounts.iter().map(each).collect()
}

fn sum(one: &[u128], other: &[u128]) -> Amounts {
    one.iter().zip(other).map(|(one, other)| one + other).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_of_a_byte_come_with_the_next_ones() {
        // A third of a request an hour, at ten bytes each.
        assert_eq!(carried(&[333_333, 333_333, 333_334, 0, 1], 10), [3, 3, 4, 0, 0]);
        assert_eq!(scaled(&[5, 5], 2, 3), [3, 3]);
    }
}
