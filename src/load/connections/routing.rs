//! Which target a new connection goes to: pools by weight, zones alike, then in turn or to whoever holds fewest.

use super::Book;
use crate::model::service::Routing;

impl Book {
    /// Whether a new connection finds anybody.
    pub(super) fn can_connect(&self) -> bool {
        self.holders.iter().any(|h| h.is_open() && self.weights[usize::from(h.pool)] > 0)
    }

    /// So many connections are made, as far as pools have targets, each for `cpu_ns` of CPU; gives how many.
    pub(super) fn connect(&mut self, count: u64, cpu_ns: u64) -> u64 {
        if count == 0 || !self.can_connect() {
            return 0;
        }
        let mut made = 0;
        for (pool, own) in self.by_pool(count).into_iter().enumerate() {
            let groups = self.groups_of(pool as u8);
            let zones = groups.len() as u64;
            for (zone, group) in groups.iter().enumerate() {
                let turn = self.turns[pool];
                let own = even(own, zones, zone as u64, turn);
                let turn = turn / zones;
                self.fill(group, own, turn, cpu_ns);
                made += own;
            }
            if zones > 0 {
                self.turns[pool] = self.turns[pool].wrapping_add(own);
            }
        }
        made
    }

    /// Shares of the pools by weight; what does not divide goes to those that have gone short so far.
    fn by_pool(&mut self, count: u64) -> [u64; 4] {
        let mut own = self.weights.map(|weight| count * weight / 1_000);
        for (credit, weight) in self.credits.iter_mut().zip(self.weights) {
            *credit += (count * weight % 1_000) as i64;
        }
        for _ in own.iter().sum::<u64>()..count {
            let order = |&pool: &usize| (self.weights[pool] > 0, self.credits[pool]);
            let best = (0..4).rev().max_by_key(order).unwrap_or(0);
            self.credits[best] -= 1_000;
            own[best] += 1;
        }
        own
    }

    /// Places of the targets of a pool that get new connections, by zone where zones are apart.
    fn groups_of(&self, pool: u8) -> Vec<Vec<usize>> {
        let mut groups: Vec<(u32, Vec<usize>)> = Vec::new();
        for (index, holder) in self.holders.iter().enumerate() {
            if holder.pool != pool || !holder.is_open() {
                continue;
            }
            let zone = if self.splits_zones { holder.zone } else { 0 };
            match groups.iter_mut().find(|(known, _)| *known == zone) {
                Some((_, group)) => group.push(index),
                None => groups.push((zone, vec![index])),
            }
        }
        groups.into_iter().map(|(_, group)| group).collect()
    }

    /// Gives `count` connections to the targets of a group.
    fn fill(&mut self, group: &[usize], count: u64, turn: u64, cpu_ns: u64) {
        let shares = match self.routing {
            Routing::RoundRobin => {
                let size = group.len() as u64;
                (0..size).map(|place| even(count, size, place, turn)).collect()
            }
            Routing::LeastOutstanding => {
                let held: Vec<u64> = group.iter().map(|&index| self.holders[index].held).collect();
                level(&held, count)
            }
        };
        for (&index, own) in group.iter().zip(shares) {
            let holder = &mut self.holders[index];
            holder.held += own;
            holder.debt = holder.debt.saturating_add(own.saturating_mul(cpu_ns));
        }
    }
}

/// What the one at `place` of `size` gets of `count`, when turns go round from `turn` on.
fn even(count: u64, size: u64, place: u64, turn: u64) -> u64 {
    let after = (place + size - turn % size) % size;
    count / size + u64::from(after < count % size)
}

/// What each gets of `count` where it always goes to whoever holds fewest, the first of equal ones.
fn level(held: &[u64], count: u64) -> Vec<u64> {
    let mut order: Vec<usize> = (0..held.len()).collect();
    order.sort_by_key(|&place| held[place]);
    // As many as come up to one level: those below it, and what it takes to raise them.
    let (mut raised, mut sum) = (0u64, 0u64);
    for &place in &order {
        if raised > 0 && held[place] * raised - sum >= count {
            break;
        }
        raised += 1;
        sum += held[place];
    }
    let mut shares = vec![0; held.len()];
    let (height, mut over) = match raised {
        0 => (0, 0),
        raised => ((sum + count) / raised, (sum + count) % raised),
    };
    let mut low: Vec<usize> = order[..raised as usize].to_vec();
    low.sort_unstable();
    for place in low {
        shares[place] = height - held[place] + u64::from(over > 0);
        over = over.saturating_sub(1);
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_go_round_from_where_they_stopped() {
        let shares =
            |count, turn| -> Vec<u64> { (0..4).map(|p| even(count, 4, p, turn)).collect() };
        assert_eq!(shares(10, 0), [3, 3, 2, 2]);
        assert_eq!(shares(10, 10), [2, 2, 3, 3]);
        assert_eq!(shares(1, 7), [0, 0, 0, 1]);
        assert_eq!(shares(0, 3), [0; 4]);
    }

    #[test]
    fn whoever_holds_fewest_is_raised_first() {
        // One by one: the plain way.
        let slow = |held: &[u64], count: u64| {
            let mut now = held.to_vec();
            for _ in 0..count {
                let least = (0..now.len()).min_by_key(|&place| now[place]).unwrap();
                now[least] += 1;
            }
            now.iter().zip(held).map(|(after, before)| after - before).collect::<Vec<_>>()
        };
        for held in [vec![5, 0, 0, 3], vec![1], vec![7, 7, 7], vec![9, 2, 4, 4, 1]] {
            for count in 0..40 {
                assert_eq!(level(&held, count), slow(&held, count), "{held:?} and {count}");
            }
        }
        assert_eq!(level(&[1_000, 1_000, 0, 0], 500), [0, 0, 250, 250]);
    }
}
