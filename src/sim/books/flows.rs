//! What moves, by whom and by the clock hour: requests, pulls of images, the time that tasks run.

use crate::base::id::{Column, Id as _};
use crate::base::time::SimTime;
use crate::model::connection::ConnectionTotals;
use crate::model::ids::{ServiceId, SourceId};
use crate::pricing::hourly::Hours;
use crate::sim::setup::{BillSetup, Setup};
use std::collections::BTreeMap;

/// Millionths of a request.
const MICRO: u128 = 1_000_000;

/// What one asker has moved.
#[derive(Clone, Debug, Default)]
struct Moved {
    arrived: Hours,
    served: Hours,
    /// Bytes of images from ECR, and from elsewhere.
    pulled: [Hours; 2],
    /// Tasks times microseconds.
    running: Hours,
}

/// Long connections of a service: made, and open ones times microseconds, and what of both had been counted.
#[derive(Clone, Debug, Default)]
struct Connected {
    hours: [Hours; 2],
    last: [u128; 2],
}

/// What moves in a run; only of those whose bytes cost something.
#[derive(Clone, Debug)]
pub struct FlowBooks {
    moved: Column<SourceId, Moved>,
    /// Whether requests of each service are looked at.
    wants_requests: Column<ServiceId, bool>,
    wants_pulls: bool,
    /// Whether the time that tasks run is wanted, of callers, then of services.
    wants_time: Column<SourceId, bool>,
    /// Requests of each service that had arrived and were served at the last look, millionths.
    last: Column<ServiceId, (u64, u64)>,
    /// Of services with long connections, these.
    connected: BTreeMap<ServiceId, Connected>,
    first_service: usize,
    /// How much of the first clock hour was over when the run began, microseconds.
    offset: u64,
}

/// What one asker has moved in each clock hour.
#[derive(Clone, Debug, Default)]
pub struct MovedByHour {
    /// Requests that came, millionths.
    pub arrived: Vec<u128>,
    /// Requests that were served, millionths; tasks of a caller that have stopped.
    pub served: Vec<u128>,
    /// Bytes of images from ECR, and from elsewhere.
    pub pulled: [Vec<u128>; 2],
    /// Tasks that ran times microseconds.
    pub running: Vec<u128>,
    /// Long connections, where there are some: made, and open ones times microseconds.
    pub connections: Option<[Vec<u128>; 2]>,
}

impl FlowBooks {
    /// Nothing has moved; `None` where nothing of it costs anything.
    #[must_use]
    pub fn new(setup: &Setup, bill: &BillSetup, offset: u64) -> Option<FlowBooks> {
        let first = setup.sources.len();
        let is_behind = |id: ServiceId| {
            bill.bills_balancers
                && bill.balancers.iter().any(|of| of.services.iter().any(|one| one.service == id))
        };
        let mut wants_requests = Column::new();
        for id in setup.services.ids() {
            let bytes = bill.askers[SourceId::from_index(first + id.index())].bytes;
            let of_requests = crate::sim::setup::Bytes { logs_per_task_hour: 0, ..bytes };
            wants_requests.push(is_behind(id) || of_requests != Default::default());
        }
        let wants_pulls = bill.nat.is_some() || bill.endpoints.is_some();
        let is_insights = bill.insights.is_some_and(|of| of.per_task > 0);
        let wants_time: Column<SourceId, bool> =
            bill.askers.iter().map(|of| is_insights || of.bytes != Default::default()).collect();
        let wants = wants_requests.iter().chain(wants_time.iter()).any(|wants| *wants);
        (wants || wants_pulls).then(|| FlowBooks {
            moved: bill.askers.iter().map(|_| Moved::default()).collect(),
            last: setup.services.iter().map(|_| (0, 0)).collect(),
            wants_requests,
            wants_pulls,
            wants_time,
            connected: BTreeMap::new(),
            first_service: first,
            offset,
        })
    }

    /// Whether the requests of a service are looked at.
    #[must_use]
    pub fn wants_requests(&self, id: ServiceId) -> bool {
        self.wants_requests[id]
    }

    /// Whether requests of any service are.
    #[must_use]
    pub fn wants_any_requests(&self) -> bool {
        self.wants_requests.iter().any(|wants| *wants)
    }

    /// Whether pulls of images are.
    #[must_use]
    pub fn wants_pulls(&self) -> bool {
        self.wants_pulls
    }

    fn hour_before(&self, now: SimTime) -> usize {
        let hour = crate::base::money::MICROS_PER_HOUR;
        usize::try_from(u128::from((now.0 + self.offset).saturating_sub(1)) / hour)
            .expect("an hour's number")
    }

    /// Requests that have come to a service and were served until now, millionths: what is new falls into the hour that
    /// ends now or goes on.
    pub fn requests(&mut self, id: ServiceId, now: SimTime, (arrived, served): (u64, u64)) {
        let hour = self.hour_before(now);
        let before = std::mem::replace(&mut self.last[id], (arrived, served));
        let moved = &mut self.moved[SourceId::from_index(self.first_service + id.index())];
        moved.arrived.put(hour, arrived.saturating_sub(before.0).into());
        moved.served.put(hour, served.saturating_sub(before.1).into());
    }

    /// Long connections of a service until now: what is new falls into the same hour.
    pub fn connections(&mut self, id: ServiceId, now: SimTime, totals: &ConnectionTotals) {
        let hour = self.hour_before(now);
        let of = self.connected.entry(id).or_default();
        let counts = [u128::from(totals.connects), totals.open_area];
        for ((hours, last), count) in of.hours.iter_mut().zip(&mut of.last).zip(counts) {
            hours.put(hour, count - std::mem::replace(last, count));
        }
    }

    /// A task has pulled its images.
    pub fn pulled(&mut self, source: SourceId, now: SimTime, mib: u32, is_ecr: bool) {
        let hour = self.hour_before(SimTime(now.0 + 1));
        let bytes = u128::from(mib) << 20;
        self.moved[source].pulled[usize::from(!is_ecr)].put(hour, bytes);
    }

    /// A task has run; those of callers are work that is done.
    pub fn task_ran(&mut self, source: SourceId, (from, until): (SimTime, SimTime), is_over: bool) {
        if !self.wants_time[source] {
            return;
        }
        let hour = self.hour_before(until);
        let moved = &mut self.moved[source];
        moved.running.add(from.0 + self.offset, until.0 + self.offset, 1);
        if is_over && source.index() < self.first_service {
            moved.served.put(hour, MICRO);
        }
    }

    /// All of it, hour by hour.
    #[must_use]
    pub fn by_hour(&self, hours: usize) -> Column<SourceId, MovedByHour> {
        let all_of = |from: &Hours| {
            let mut all = vec![0; hours];
            from.add_to(&mut all);
            all
        };
        let first = self.first_service;
        let connected = |source: usize| {
            let id = source.checked_sub(first).map(ServiceId::from_index)?;
            let of = self.connected.get(&id)?;
            Some([all_of(&of.hours[0]), all_of(&of.hours[1])])
        };
        let moved = self.moved.iter().enumerate().map(|(source, moved)| MovedByHour {
            connections: connected(source),
            arrived: all_of(&moved.arrived),
            served: all_of(&moved.served),
            pulled: [all_of(&moved.pulled[0]), all_of(&moved.pulled[1])],
            running: all_of(&moved.running),
        });
        moved.collect()
    }
}
