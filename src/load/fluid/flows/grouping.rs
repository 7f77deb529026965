//! Which targets are alike and share one backlog, and the share of the traffic that each flow gets.

use super::part::kind_of;
use super::{Flow, Key, Member, Rules, SLOW_STEPS, WHOLE};
use crate::base::time::SimTime;
use crate::load::arrivals::mul_div;
use crate::load::connections::Book;
use smallvec::SmallVec;

/// What flows have in common that do not depend on targets.
const NOBODY: Key = Key { is_draining: false, pool: 0, zone: 0, part: None, slow: None, held: 0 };

/// Makes `flows` anew of the targets, with their shares of the traffic (by weights of pools, or by the long connections of
/// this book) and the backlog that the targets hold.
pub(in crate::load) fn group(
    rules: &Rules,
    members: &mut [Member],
    (weights, book): (&[u64; 4], Option<&Book>),
    at: SimTime,
    flows: &mut Vec<Flow>,
) {
    flows.clear();
    if rules.is_queue() {
        flows.push(Flow::new(NOBODY, 0));
    }
    for (index, member) in members.iter_mut().enumerate() {
        let held = book.map_or(0, |book| book.held(index));
        member.set_flow(None);
        if member.is_draining && held == 0 && (rules.is_queue() || member.backlog == 0) {
            continue;
        }
        let target = &member.target;
        let key = Key { held: roughly(held), ..key_of(rules, member, at) };
        let index = if rules.is_queue() {
            0
        } else {
            let known = flows.iter().rposition(|flow| flow.key == key);
            known.unwrap_or_else(|| {
                flows.push(Flow::new(key, target.pool));
                flows.len() - 1
            })
        };
        flows[index].join(target);
        member.set_flow(Some(index));
        flows[index].backlog += std::mem::take(&mut member.backlog);
    }
    match book {
        Some(book) => share_by_connections(flows, members, book),
        None if rules.is_queue() => flows[0].weight = WHOLE,
        None => share_out(flows, weights),
    }
    let mut rest = WHOLE;
    for flow in flows {
        flow.rest = rest;
        rest -= flow.weight;
    }
}

pub(super) fn key_of(rules: &Rules, member: &Member, at: SimTime) -> Key {
    let target = &member.target;
    let kind = kind_of(target);
    let slow = if member.is_draining { None } else { rules.slow_step(target, at) };
    Key {
        is_draining: member.is_draining,
        pool: target.pool,
        zone: if rules.splits_zones { target.zone.0 } else { 0 },
        part: (!rules.is_pooled()).then_some(kind),
        slow: slow.map(|step| (step, target.since)),
        held: 0,
    }
}

/// Equal for numbers that differ by less than a sixteenth or so: their targets share a backlog.
fn roughly(held: u64) -> u32 {
    let bits = (u64::BITS - held.leading_zeros()).saturating_sub(5);
    (bits << 5) + (held >> bits) as u32
}

/// Each flow has the share of the traffic that its targets have of all clients, those without a connection included:
/// what these send is dropped.
fn share_by_connections(flows: &mut Vec<Flow>, members: &[Member], book: &Book) {
    let mut pulls = vec![0; flows.len()];
    for (index, member) in members.iter().enumerate() {
        if let Some(flow) = member.flow() {
            pulls[flow] += book.held(index);
        }
    }
    let (mut left, mut clients) = (WHOLE, book.open() + book.away());
    for (flow, pull) in flows.iter_mut().zip(pulls) {
        flow.weight = mul_div(left, pull, clients.max(1));
        left -= flow.weight;
        clients -= pull;
    }
    if left > 0 {
        flows.push(void(0, left));
    }
}

/// A flow of nobody: what arrives there is dropped.
fn void(pool: u8, weight: u64) -> Flow {
    let mut void = Flow::new(Key { pool, ..NOBODY }, pool);
    void.is_void = true;
    void.is_open = false;
    void.weight = weight;
    void
}

/// Weights that sum to [`WHOLE`]: pools as told, zones of a pool alike, targets of a zone alike but for slow start.
fn share_out(flows: &mut Vec<Flow>, weights: &[u64; 4]) {
    let pull = |flow: &Flow| {
        let step = flow.key.slow.map_or(2 * SLOW_STEPS, |(step, _)| 2 * step + 1);
        step * flow.members
    };
    let mut left = WHOLE;
    let mut permille = 1_000;
    for pool in 0..4u8 {
        let weight = weights[usize::from(pool)];
        let mut own = (left * weight).checked_div(permille).unwrap_or(0);
        left -= own;
        permille -= weight;
        if own == 0 {
            continue;
        }
        let is_here = |flow: &&mut Flow| flow.is_open && flow.pool == pool && !flow.is_void;
        let mut zones: SmallVec<[(u32, u64); 4]> = SmallVec::new();
        for flow in flows.iter_mut().filter(is_here) {
            match zones.iter_mut().find(|(zone, _)| *zone == flow.key.zone) {
                Some((_, sum)) => *sum += pull(flow),
                None => zones.push((flow.key.zone, pull(flow))),
            }
        }
        if zones.is_empty() {
            flows.push(void(pool, own));
            continue;
        }
        let count = zones.len() as u64;
        for (index, (zone, mut sum)) in zones.into_iter().enumerate() {
            let mut of_zone = own / (count - index as u64);
            own -= of_zone;
            for flow in flows.iter_mut().filter(is_here).filter(|flow| flow.key.zone == zone) {
                flow.weight = of_zone * pull(flow) / sum;
                of_zone -= flow.weight;
                sum -= pull(flow);
            }
        }
    }
}
