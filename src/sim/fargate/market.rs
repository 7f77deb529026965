//! Fargate's capacity over time: shortages, limits of Spot, what is taken back at known instants and at random.

use crate::base::id::Column;
use crate::base::random::{Family, Purpose, Seed, Stream};
use crate::base::time::{LATEST, SimTime};
use crate::model::ids::ZoneId;
use crate::model::platform::Purchase;
use crate::policy::capacity::fargate::spot_warning;
use crate::sim::setup::{FargateRisks, SpotLimit, SpotReclaim};
use crate::sim::task::{Slot, Task};
use std::collections::BTreeMap;

/// Something about Fargate's capacity changes.
#[derive(Clone, Copy, Debug)]
pub enum Turn {
    /// A shortage begins.
    Closes(usize),
    /// A shortage ends.
    Opens(usize),
    /// A limit of Spot is now this.
    Limit(usize, u32),
    /// Spot tasks are taken back by script.
    Takes(usize),
    /// Tasks are retired.
    Retires(usize),
    /// The window of a retirement ends.
    Forces(usize),
}

/// Why many Spot tasks are taken back at once.
#[derive(Clone, Copy, Debug)]
pub enum Cause {
    /// A zone does so at random.
    Reclaim(usize),
    /// There are more than this limit.
    Limit(usize),
    /// By script.
    Script(usize),
}

impl Cause {
    /// Its name in `fleet_events.csv`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Cause::Reclaim(_) => "reclaim",
            Cause::Limit(_) => "availability",
            Cause::Script(_) => "script",
        }
    }
}

/// Fargate's capacity in the middle of a run.
pub struct Market {
    /// What is set up.
    pub risks: FargateRisks,
    /// What is to come, in order of time.
    agenda: Vec<(SimTime, Turn)>,
    done: usize,
    /// Shortages by zone and purchase option.
    closed: Vec<[u32; 2]>,
    /// What each limit is now.
    pub limits: Vec<Option<u32>>,
    /// Spot tasks that hold capacity, by zone.
    pub spot: Vec<u32>,
    /// When each zone takes back many Spot tasks next.
    reclaims: Vec<(SimTime, ZoneId, Stream)>,
    /// Which tasks each zone, limit and line of the script takes back: their own, so that nothing else moves with them.
    picks: [Vec<Stream>; 3],
    /// When single tasks are taken back.
    draws: Family,
    /// Tasks whose warning is known, by the number in their event: the slot, and the task that had it.
    warnings: Vec<(Slot, u64)>,
    free: Vec<u32>,
    /// Tasks that had started by then are retired.
    pub retired_to: Option<SimTime>,
}

impl Market {
    /// The beginning of a run.
    #[must_use]
    pub fn new(
        risks: FargateRisks,
        zones: &[ZoneId],
        names: &Column<ZoneId, String>,
        seed: Seed,
    ) -> Market {
        let mut agenda = Vec::new();
        for (index, shortage) in risks.shortages.iter().enumerate() {
            agenda.push((shortage.from, Turn::Closes(index)));
            agenda.push((shortage.until, Turn::Opens(index)));
        }
        for (index, limit) in risks.limits.iter().enumerate() {
            let turn = |change: &crate::model::spot::Availability| {
                (change.at, Turn::Limit(index, change.instances))
            };
            agenda.extend(limit.changes.iter().map(turn));
        }
        agenda.extend(risks.scripted.iter().enumerate().map(|(i, of)| (of.at, Turn::Takes(i))));
        let retires = risks.retirements.iter().enumerate();
        for (index, of) in retires {
            agenda.push((of.at, Turn::Retires(index)));
            agenda.extend(of.until.map(|until| (until, Turn::Forces(index))));
        }
        agenda.sort_by_key(|&(at, _)| at);
        let mut reclaims = Vec::new();
        if let Some((per_hour, _)) = risks.spot_reclaims {
            for &zone in zones {
                let name = format!("FARGATE_SPOT/{}", names[zone]);
                let mut stream = seed.stream(Purpose::Reclaim, &name);
                let at = spot_warning(SimTime::ZERO, per_hour, &mut stream);
                reclaims.push((at.unwrap_or(SimTime::NEVER), zone, stream));
            }
        }
        Market {
            limits: vec![None; risks.limits.len()],
            picks: picks(&risks, zones, names, seed),
            risks,
            agenda,
            done: 0,
            closed: vec![[0; 2]; names.len()],
            spot: vec![0; names.len()],
            reclaims,
            draws: seed.family(Purpose::Interruption, "FARGATE_SPOT"),
            warnings: Vec::new(),
            free: Vec::new(),
            retired_to: None,
        }
    }

    /// When something changes next.
    #[must_use]
    pub fn next(&self) -> Option<SimTime> {
        let turn = self.agenda.get(self.done).map(|&(at, _)| at);
        let reclaims = self.reclaims.iter().map(|&(at, ..)| at).filter(|&at| at < LATEST);
        turn.into_iter().chain(reclaims).min()
    }

    /// The next change that is due.
    pub fn next_turn(&mut self, now: SimTime) -> Option<Turn> {
        let (_, turn) = *self.agenda.get(self.done).filter(|&&(at, _)| at <= now)?;
        self.done += 1;
        Some(turn)
    }

    /// A zone that takes back many Spot tasks now, and the share in percent; the next time is drawn.
    pub fn next_reclaim(&mut self, now: SimTime) -> Option<(Cause, ZoneId, u32)> {
        let (per_hour, percent) = self.risks.spot_reclaims?;
        let index = self.reclaims.iter().position(|&(at, ..)| at <= now)?;
        let (at, zone, stream) = &mut self.reclaims[index];
        *at = spot_warning(now, per_hour, stream).unwrap_or(SimTime::NEVER);
        Some((Cause::Reclaim(index), *zone, percent))
    }

    /// What chooses among tasks that may be taken back.
    pub fn dice(&mut self, cause: Cause) -> &mut Stream {
        let (kind, index) = match cause {
            Cause::Reclaim(index) => (0, index),
            Cause::Limit(index) => (1, index),
            Cause::Script(index) => (2, index),
        };
        &mut self.picks[kind][index]
    }

    /// Whether there may be more capacity later than there is now.
    #[must_use]
    pub fn may_open(&self) -> bool {
        let opens = |turn: &Turn| matches!(turn, Turn::Opens(_) | Turn::Limit(..));
        self.agenda[self.done..].iter().any(|(_, turn)| opens(turn))
    }

    /// A shortage begins, or is over.
    pub fn close(&mut self, shortage: usize, begins: bool) {
        let of = self.risks.shortages[shortage];
        for (zone, closed) in self.closed.iter_mut().enumerate() {
            if of.zone.is_some_and(|only| only.0 as usize != zone) {
                continue;
            }
            for how in Purchase::ALL {
                if of.purchase.is_none_or(|only| only == how) {
                    let count = &mut closed[how as usize];
                    *count = if begins { *count + 1 } else { count.saturating_sub(1) };
                }
            }
        }
    }

    /// Whether a zone has capacity for one task more.
    #[must_use]
    pub fn is_open(&self, zone: ZoneId, purchase: Purchase) -> bool {
        if self.closed[zone.0 as usize][purchase as usize] > 0 {
            return false;
        }
        let limits = self.risks.limits.iter().zip(&self.limits);
        purchase == Purchase::OnDemand
            || limits
                .filter(|(limit, _)| limit.zone.is_none_or(|only| only == zone))
                .all(|(limit, most)| most.is_none_or(|most| self.spot_in(limit.zone) < most))
    }

    /// Spot tasks that hold capacity in a zone, or everywhere.
    fn spot_in(&self, zone: Option<ZoneId>) -> u32 {
        match zone {
            Some(zone) => self.spot[zone.0 as usize],
            None => self.spot.iter().sum(),
        }
    }

    /// When a task that runs from now on is warned, and the number in its event; it needs none where its work ends before.
    pub fn draw_warning(
        &mut self,
        task: &Task,
        slot: Slot,
        ends: SimTime,
    ) -> Option<(SimTime, u32)> {
        let mut stream = self.draws.member(task.draws);
        let at = spot_warning(task.started, self.risks.spot_per_task_hour, &mut stream)?;
        if at >= ends.min(LATEST) {
            return None;
        }
        let number = self.free.pop().unwrap_or_else(|| {
            self.warnings.push((slot, task.id));
            (self.warnings.len() - 1) as u32
        });
        self.warnings[number as usize] = (slot, task.id);
        Some((at, number))
    }

    /// Whom a warning is for: the slot, and the number of the task that had it.
    pub fn warned(&mut self, number: u32) -> (Slot, u64) {
        self.free.push(number);
        self.warnings[number as usize]
    }
}

/// The streams that choose tasks, named after what takes them and where.
fn picks(
    risks: &FargateRisks,
    zones: &[ZoneId],
    names: &Column<ZoneId, String>,
    seed: Seed,
) -> [Vec<Stream>; 3] {
    let stream = |name: String| seed.stream(Purpose::Reclaim, &format!("FARGATE_SPOT/{name}"));
    let place = |zone: Option<ZoneId>| zone.map_or("all zones", |zone| names[zone].as_str());
    let by_zone = |&zone: &ZoneId| stream(format!("{}/tasks", names[zone]));
    // The n-th of the same, so that others elsewhere leave them as they are.
    let mut known: BTreeMap<String, u32> = BTreeMap::new();
    let mut number = |of: &str| {
        let times = known.entry(of.to_string()).or_default();
        *times += 1;
        *times - 1
    };
    let mut by_limit = |of: &SpotLimit| {
        let place = place(of.zone);
        stream(format!("limit {} of {place}", number(place)))
    };
    let limits = risks.limits.iter().map(&mut by_limit).collect();
    let by_script = |of: &SpotReclaim| {
        let of = format!("at {} in {}", of.at.0, place(of.zone));
        match number(&of) {
            0 => stream(of),
            times => stream(format!("{of} {times}")),
        }
    };
    let zones = if risks.spot_reclaims.is_some() { zones } else { &[] };
    [zones.iter().map(by_zone).collect(), limits, risks.scripted.iter().map(by_script).collect()]
}
