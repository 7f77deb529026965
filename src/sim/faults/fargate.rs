//! Fargate takes tasks back, one by one or many at once, retires old revisions of its platform, and has no capacity for a
//! while. ECS asks for what a strategy says and for nothing else: a Spot task that finds none waits for Spot (documented).

use super::Mishap;
use super::incidents::Ends;
use crate::base::time::SimTime;
use crate::engine::Class;
use crate::model::ids::ZoneId;
use crate::model::lifecycle::{StopReason, TaskStatus};
use crate::model::platform::Purchase;
use crate::sim::books::fleet_table::FleetRow;
use crate::sim::event::{Event, RunError};
use crate::sim::fargate::{Cause, Turn};
use crate::sim::setup::Amount;
use crate::sim::task::{Place, Slot};

impl Mishap<'_> {
    /// The next change of Fargate's capacity is arranged.
    pub fn arrange_fargate(&mut self) {
        let next = self.supply.drive.fargate.market.as_ref().and_then(|market| market.next());
        if let Some(at) = next {
            let at = at.max(self.now());
            self.supply.drive.queue.schedule(at, Class::Release, Event::Fargate);
        }
    }

    /// What was to change by now has changed.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn fargate_changes(&mut self) -> Result<(), RunError> {
        let now = self.now();
        while let Some(turn) =
            self.supply.drive.fargate.market.as_mut().and_then(|m| m.next_turn(now))
        {
            self.fargate_turns(turn)?;
        }
        while let Some((cause, zone, percent)) =
            self.supply.drive.fargate.market.as_mut().and_then(|market| market.next_reclaim(now))
        {
            self.take_back(Some(zone), Amount::Percent(percent), cause)?;
        }
        self.arrange_fargate();
        self.faults.notice();
        Ok(())
    }

    fn fargate_turns(&mut self, turn: Turn) -> Result<(), RunError> {
        let Some(market) = self.supply.drive.fargate.market.as_mut() else { return Ok(()) };
        match turn {
            Turn::Closes(index) | Turn::Opens(index) => {
                let begins = matches!(turn, Turn::Closes(_));
                market.close(index, begins);
                let of = market.risks.shortages[index];
                self.supply.drive.fargate.turns();
                if !begins {
                    self.supply.drive.plan().zone_recovers();
                }
                for how in Purchase::ALL {
                    if of.purchase.is_none_or(|only| only == how) {
                        let event = if begins { "shortage_begins" } else { "shortage_ends" };
                        self.tell_fargate(event, how, of.zone, "insufficient_capacity", None)?;
                    }
                }
                Ok(())
            }
            Turn::Limit(index, most) => {
                let before = market.limits[index].replace(most);
                let zone = market.risks.limits[index].zone;
                self.supply.drive.fargate.turns();
                if before.is_some_and(|before| before < most) {
                    self.supply.drive.plan().zone_recovers();
                }
                let there = self.spot_tasks(zone).len();
                let excess = there.saturating_sub(most as usize) as u32;
                self.take_back(zone, Amount::Tasks(excess), Cause::Limit(index))
            }
            Turn::Takes(index) => {
                let of = market.risks.scripted[index];
                self.take_back(of.zone, of.amount, Cause::Script(index))
            }
            Turn::Retires(index) => {
                let notice = market.risks.retirements[index].notice;
                market.retired_to = market.retired_to.max(Some(notice));
                self.retire()
            }
            Turn::Forces(index) => {
                let notice = market.risks.retirements[index].notice;
                self.force_out(notice)
            }
        }
    }

    /// Spot tasks that go on, in a zone or everywhere, in order of id.
    fn spot_tasks(&self, zone: Option<ZoneId>) -> Vec<Slot> {
        let drive = &self.supply.drive;
        let zones = match zone {
            Some(zone) => vec![zone],
            None => drive.rules.zones.ids().collect(),
        };
        let goes_on = |slot: &Slot| {
            let task = &drive.tasks[*slot];
            drive.rules.providers[task.provider].purchase == Purchase::Spot
                && task.status < TaskStatus::Deactivating
        };
        let all = zones.into_iter().flat_map(|zone| drive.tasks.on_fargate(zone));
        let mut there: Vec<Slot> = all.filter(goes_on).collect();
        there.sort_unstable_by_key(|&slot| drive.tasks[slot].id);
        there
    }

    /// Fargate takes some of its Spot tasks back at once.
    fn take_back(
        &mut self,
        zone: Option<ZoneId>,
        amount: Amount,
        cause: Cause,
    ) -> Result<(), RunError> {
        let mut there = self.spot_tasks(zone);
        let count = amount.of(there.len());
        if count == 0 {
            return Ok(());
        }
        let Some(market) = self.supply.drive.fargate.market.as_mut() else { return Ok(()) };
        let dice = market.dice(cause);
        let mut taken: Vec<Slot> = Vec::with_capacity(count);
        for _ in 0..count {
            taken.push(there.swap_remove(dice.below(there.len() as u64) as usize));
        }
        taken.sort_unstable_by_key(|&slot| self.supply.drive.tasks[slot].id);
        let what = match zone {
            Some(zone) => format!("FARGATE_SPOT in {}", self.supply.drive.rules.zones[zone]),
            None => "FARGATE_SPOT".to_string(),
        };
        self.stop_on_fargate(&taken, ("fargate_spot", what), StopReason::SpotInterruption)?;
        self.supply.drive.books.tally.fargate_interrupted += count as u64;
        self.tell_fargate(
            "interruption_notice",
            Purchase::Spot,
            zone,
            cause.name(),
            Some(count as u32),
        )
    }

    /// Tasks on Fargate are stopped together: an incident.
    fn stop_on_fargate(
        &mut self,
        slots: &[Slot],
        (kind, what): (&'static str, String),
        reason: StopReason,
    ) -> Result<(), RunError> {
        let incident = self.incident_opens(kind, what, Ends::WithHosts);
        let owners = self.supply.drive.plan().owners(slots.to_vec());
        self.incident_concerns(incident, owners)?;
        self.faults.count_lost(incident, slots.len() as u32);
        self.faults.count_found(incident, self.now());
        for &slot in slots {
            self.supply.drive.interrupt(slot, reason)?;
        }
        Ok(())
    }

    /// A Spot task is taken back by itself, unless it has gone.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn fargate_warns(&mut self, number: u32) -> Result<(), RunError> {
        let drive = &mut self.supply.drive;
        let Some(market) = drive.fargate.market.as_mut() else { return Ok(()) };
        let (slot, id) = market.warned(number);
        let goes_on =
            drive.tasks.get(slot).filter(|t| t.id == id && t.status == TaskStatus::Running);
        let Some(Place::Fargate(zone)) = goes_on.map(|task| task.place) else { return Ok(()) };
        drive.books.tally.fargate_interrupted += 1;
        drive.interrupt(slot, StopReason::SpotInterruption)?;
        self.tell_fargate("interruption_notice", Purchase::Spot, Some(zone), "rate", Some(1))
    }

    /// Tasks of callers that run on a retired revision are stopped; services replace theirs as they do in a deployment.
    fn retire(&mut self) -> Result<(), RunError> {
        let drive = &mut self.supply.drive;
        let zones = drive.rules.zones.ids();
        let all: Vec<Slot> = zones.flat_map(|zone| drive.tasks.on_fargate(zone)).collect();
        let is_retired = |slot: &Slot| {
            let task = &drive.tasks[*slot];
            task.status == TaskStatus::Running && drive.fargate.is_retired(task)
        };
        let mut retired: Vec<Slot> = all.into_iter().filter(is_retired).collect();
        retired.sort_unstable_by_key(|&slot| drive.tasks[slot].id);
        let count = retired.len() as u32;
        let owners = drive.plan().owners(retired.clone());
        owners.into_iter().for_each(|id| drive.plan().look_soon(id));
        retired.retain(|&slot| !drive.rules.is_service(drive.tasks[slot].source));
        if !retired.is_empty() {
            let what = ("fargate_retirement", "FARGATE".to_string());
            self.stop_on_fargate(&retired, what, StopReason::Retired)?;
            self.supply.drive.books.tally.fargate_retired += retired.len() as u64;
        }
        self.tell_fargate("retirement", Purchase::OnDemand, None, "maintenance", Some(count))
    }

    /// The window of a retirement is over: what has not been replaced is stopped (assumed; AWS says that it retires tasks
    /// within the window).
    fn force_out(&mut self, notice: SimTime) -> Result<(), RunError> {
        let drive = &mut self.supply.drive;
        let all = drive.rules.zones.ids().flat_map(|zone| drive.tasks.on_fargate(zone));
        let is_late = |slot: &Slot| {
            let task = &drive.tasks[*slot];
            task.status == TaskStatus::Running && task.started <= notice
        };
        let mut late: Vec<Slot> = all.filter(is_late).collect();
        if late.is_empty() {
            return Ok(());
        }
        late.sort_unstable_by_key(|&slot| drive.tasks[slot].id);
        let what = ("fargate_retirement", "FARGATE".to_string());
        self.stop_on_fargate(&late, what, StopReason::Retired)?;
        let count = late.len() as u32;
        self.supply.drive.books.tally.fargate_retired += u64::from(count);
        self.tell_fargate("retirement", Purchase::OnDemand, None, "window_ends", Some(count))
    }

    fn tell_fargate(
        &mut self,
        event: &'static str,
        purchase: Purchase,
        zone: Option<ZoneId>,
        reason: &'static str,
        tasks: Option<u32>,
    ) -> Result<(), RunError> {
        let at = self.now();
        let drive = &mut self.supply.drive;
        let zone = zone.map_or("", |zone| drive.rules.zones[zone].as_str());
        let provider = match purchase {
            Purchase::Spot => "FARGATE_SPOT",
            _ => "FARGATE",
        };
        let instance = Some(("", "", purchase, zone));
        let row = FleetRow { at, provider, event, instance, sizes: None, reason, tasks };
        drive.books.fleet_events.write(&row)
    }
}
