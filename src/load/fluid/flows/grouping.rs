//! Which targets are alike and share one backlog, and the share of the traffic that each flow gets.

use super::{Flow, Key, Member, Rules, SLOW_STEPS, WHOLE};
use crate::base::time::SimTime;

/// Makes flows of the targets, with their shares of the traffic and the backlog that the targets hold.
pub(in crate::load) fn group(
    rules: &Rules,
    members: &mut [Member],
    weights: &[u64; 4],
    at: SimTime,
) -> Vec<Flow> {
    let mut flows: Vec<Flow> = Vec::new();
    if rules.is_queue() {
        let key = Key { is_draining: false, pool: 0, zone: 0, part: None, slow: None };
        flows.push(Flow::new(key, 0));
    }
    for member in members.iter_mut() {
        member.flow = None;
        if member.is_draining && (rules.is_queue() || member.backlog == 0) {
            continue;
        }
        let target = &member.target;
        let key = key_of(rules, member, at);
        let index = if rules.is_queue() {
            0
        } else {
            let known = flows.iter().rposition(|flow| flow.key == key);
            known.unwrap_or_else(|| {
                flows.push(Flow::new(key, target.pool));
                flows.len() - 1
            })
        };
        member.flow = Some(index);
        flows[index].join(target);
        flows[index].backlog += std::mem::take(&mut member.backlog);
    }
    if rules.is_queue() {
        flows[0].weight = WHOLE;
    } else {
        share_out(&mut flows, weights);
    }
    let mut rest = WHOLE;
    for flow in &mut flows {
        flow.rest = rest;
        rest -= flow.weight;
    }
    flows
}

fn key_of(rules: &Rules, member: &Member, at: SimTime) -> Key {
    let target = &member.target;
    let kind = (target.cpu_millis, target.cost_percent, target.error_ppm);
    let slow = if member.is_draining { None } else { rules.slow_step(target, at) };
    Key {
        is_draining: member.is_draining,
        pool: target.pool,
        zone: if rules.splits_zones { target.zone.0 } else { 0 },
        part: (!rules.is_pooled()).then_some(kind),
        slow: slow.map(|step| (step, target.since)),
    }
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
        let mut zones: Vec<(u32, u64)> = Vec::new();
        for flow in flows.iter_mut().filter(is_here) {
            match zones.iter_mut().find(|(zone, _)| *zone == flow.key.zone) {
                Some((_, sum)) => *sum += pull(flow),
                None => zones.push((flow.key.zone, pull(flow))),
            }
        }
        if zones.is_empty() {
            let key = Key { is_draining: false, pool, zone: 0, part: None, slow: None };
            let mut void = Flow::new(key, pool);
            void.is_void = true;
            void.is_open = false;
            void.weight = own;
            flows.push(void);
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
