//! Which target a request goes to: pools by weight, zones in turn, then round robin or the fewest outstanding.

use super::station::Station;
use super::tournament::Tournament;
use crate::base::time::SimSpan;
use crate::load::LoadSetup;
use crate::model::service::Routing;
use crate::model::traffic::WorkKind;

/// Thousandths: a target that is past its slow start may take one request each time round.
const WHOLE: u64 = 1_000;

/// Targets of one pool and zone, ascending by task.
struct Ring {
    pool: u8,
    zone: u32,
    stations: Vec<u32>,
    next: usize,
    /// Fewest outstanding first, then whoever was chosen longest ago.
    outstanding: Tournament<(u64, u64)>,
    chosen: Vec<u64>,
}

pub(super) struct Router {
    is_pooled: bool,
    is_queue: bool,
    splits_zones: bool,
    slow_start: SimSpan,
    pub weights: [u64; 4],
    credits: [i64; 4],
    next_zone: [usize; 4],
    rings: Vec<Ring>,
    turn: u64,
    pub is_stale: bool,
}

impl Router {
    pub fn new(setup: &LoadSetup) -> Router {
        let balancer = setup.balancer.as_ref();
        let is_queue = setup.work.kind == WorkKind::Messages;
        Router {
            is_pooled: is_queue || balancer.is_some_and(|b| b.routing == Routing::LeastOutstanding),
            is_queue,
            splits_zones: !is_queue && setup.zones > 1 && balancer.is_some_and(|b| !b.cross_zone),
            slow_start: balancer.map_or(SimSpan::ZERO, |b| b.slow_start),
            weights: [1_000, 0, 0, 0],
            credits: [0; 4],
            next_zone: [0; 4],
            rings: Vec::new(),
            turn: 0,
            is_stale: true,
        }
    }

    /// The pool of the next request, in smooth weighted turn.
    pub fn pool(&mut self) -> u8 {
        if self.is_queue || self.weights[0] == 1_000 {
            return 0;
        }
        let mut best = 0;
        for pool in 0..4 {
            self.credits[pool] += self.weights[pool] as i64;
            if self.weights[pool] > 0
                && (self.weights[best] == 0 || self.credits[pool] > self.credits[best])
            {
                best = pool;
            }
        }
        self.credits[best] -= 1_000;
        best as u8
    }

    /// The target of the next request of `pool` at `at` nanoseconds.
    pub fn choose(&mut self, pool: u8, at: u64, stations: &mut [Option<Station>]) -> Option<u32> {
        self.refresh(stations);
        let from = self.rings.partition_point(|ring| ring.pool < pool);
        let count = self.rings[from..].iter().take_while(|ring| ring.pool == pool).count();
        if count == 0 {
            return None;
        }
        let turn = &mut self.next_zone[usize::from(pool)];
        let ring = from + *turn % count;
        *turn = (*turn + 1) % count;
        self.turn += 1;
        let ring = &mut self.rings[ring];
        if self.is_pooled {
            let (_, seat) = ring.outstanding.least()?;
            ring.chosen[seat] = self.turn;
            return Some(ring.stations[seat]);
        }
        loop {
            let chosen = ring.stations[ring.next];
            ring.next = (ring.next + 1) % ring.stations.len();
            if self.slow_start == SimSpan::ZERO {
                return Some(chosen);
            }
            let station = stations[chosen as usize].as_mut().expect("rings hold live stations");
            let age = (at / 1_000).saturating_sub(station.target.since.0).min(self.slow_start.0);
            station.credit += (age * WHOLE / self.slow_start.0).max(WHOLE / 32);
            if station.credit >= WHOLE {
                station.credit -= WHOLE;
                return Some(chosen);
            }
        }
    }

    /// Tells how many requests a target has outstanding now.
    pub fn tell(&mut self, station: &Station) {
        if let Some((ring, seat)) = station.seat
            && self.is_pooled
            && !self.is_stale
        {
            let ring = &mut self.rings[ring];
            let key = (station.outstanding(), ring.chosen[seat]);
            ring.outstanding.set(seat, Some(key));
        }
    }

    /// Makes the rings anew where targets have changed. Round robin goes on behind the target chosen last.
    fn refresh(&mut self, stations: &mut [Option<Station>]) {
        if !self.is_stale {
            return;
        }
        self.is_stale = false;
        let task = |station: u32, all: &[Option<Station>]| {
            all[station as usize].as_ref().map_or(0, |s| s.target.task)
        };
        let old: Vec<(u8, u32, u64)> = self
            .rings
            .iter()
            .map(|ring| {
                (
                    ring.pool,
                    ring.zone,
                    ring.stations.get(ring.next).map_or(0, |s| task(*s, stations)),
                )
            })
            .collect();
        let mut seats: Vec<(u8, u32, u64, u32)> = Vec::new();
        for (index, station) in stations.iter_mut().enumerate() {
            let Some(station) = station else { continue };
            station.seat = None;
            if !station.is_draining {
                let zone = if self.splits_zones { station.target.zone.0 } else { 0 };
                let pool = if self.is_queue { 0 } else { station.target.pool };
                seats.push((pool, zone, station.target.task, index as u32));
            }
        }
        seats.sort_unstable();
        self.rings.clear();
        for group in seats.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let (pool, zone, ..) = group[0];
            let next_task = old.iter().find(|o| (o.0, o.1) == (pool, zone)).map_or(0, |o| o.2);
            let mut ring = Ring {
                pool,
                zone,
                stations: group.iter().map(|seat| seat.3).collect(),
                next: group.partition_point(|seat| seat.2 < next_task) % group.len(),
                outstanding: Tournament::new(group.len()),
                chosen: vec![0; group.len()],
            };
            for (seat, (.., index)) in group.iter().enumerate() {
                let station = stations[*index as usize].as_mut().expect("just found");
                station.seat = Some((self.rings.len(), seat));
                ring.outstanding.set(seat, Some((station.outstanding(), 0)));
            }
            self.rings.push(ring);
        }
    }
}
