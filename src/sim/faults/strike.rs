//! Victims are found and struck.

use super::{ALREADY_OUT, Due, Mishap, NO_INSTANCE, Out, Spell};
use crate::base::time::{SimSpan, SimTime};
use crate::engine::Class;
use crate::model::fault::{FaultKind, Reaction, Trigger, Victims};
use crate::model::fleet::InstanceStatus;
use crate::model::ids::InstanceId;
use crate::sim::books::fleet_table::FleetRow;
use crate::sim::event::{Event, RunError};

/// Draws of a fault are numbered: so many each.
const DRAWS: u64 = 4;
const TIME: u64 = 0;
const LASTS: u64 = 1;
const FOUND: u64 = 2;
const SILENT: u64 = 3;
/// Faults of one instance that have draws of their own.
pub(super) const MOST_FAULTS: u64 = 1 << 24;

impl Mishap<'_> {
    /// Time zero: what is known to come is arranged.
    pub fn begin(&mut self) {
        for fault in 0..self.faults.list.len() {
            match &self.faults.list[fault].trigger {
                Trigger::At(at) => {
                    let at = *at;
                    self.schedule(at, Class::Release, Due::Strike { fault });
                }
                Trigger::Trace(_) => self.arrange_outage(fault, 0),
                Trigger::Each(_) | Trigger::Launch(_) => {}
            }
        }
        self.arrange_blackouts();
        let first: Vec<InstanceId> = self.supply.drive.cluster.fleet().ids().collect();
        first.into_iter().for_each(|instance| self.instance_comes(instance));
        self.arrange_fargate();
    }

    /// An instance has registered: what may strike it is drawn.
    pub fn instance_comes(&mut self, instance: InstanceId) {
        self.faults.sits_down(instance, self.supply.drive.cluster.fleet());
        for fault in 0..self.faults.list.len() {
            self.arrange_hazard(fault, instance, 0);
        }
    }

    /// Instances that have registered since this was last called.
    pub fn take_newcomers(&mut self) {
        while let Some(instance) = self.supply.groups.next_newcomer() {
            self.instance_comes(instance);
        }
    }

    pub(super) fn arrange_hazard(&mut self, fault: usize, instance: InstanceId, number: u64) {
        let of = &self.faults.list[fault];
        let Trigger::Each(time) = &of.trigger else { return };
        let fleet = self.supply.drive.cluster.fleet();
        let is_victim = match &of.victims {
            Victims::Named(name) => self.faults.is_called(instance, name, fleet),
            Victims::Random(of, _) => of.is_none_or(|of| fleet.provider[instance] == of),
            Victims::Zone(zone) => fleet.zone[instance] == *zone,
        };
        if is_victim && number < MOST_FAULTS {
            let span = time.sample_span(&mut self.draw(fault, draw_of(instance, number), TIME));
            let due = Due::Hazard { fault, instance, number };
            self.schedule_after(span, Class::Release, due);
        }
    }

    fn draw(&self, fault: usize, number: u64, purpose: u64) -> crate::base::random::Stream {
        self.faults.draws[fault].member(number * DRAWS + purpose)
    }

    fn arrange_outage(&mut self, fault: usize, next: usize) {
        let Trigger::Trace(trace) = &self.faults.list[fault].trigger else { return };
        if let Some(outage) = trace.outages.get(next) {
            let at = outage.at.max(self.now());
            self.schedule(at, Class::Release, Due::Outage { fault, next });
        }
    }

    /// Something is due. What agents have to say that are heard again is returned.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn fault_is_due(&mut self, number: u32) -> Result<Vec<Event>, RunError> {
        let due = self.faults.due[number as usize];
        self.faults.free.push(number);
        self.faults.pending -= u32::from(super::is_aftermath(due));
        self.faults.notice_hosts();
        match due {
            Due::Strike { fault } => self.strikes(fault)?,
            Due::Hazard { fault, instance, number } => {
                let draw = draw_of(instance, number);
                let has_struck = self.strike_alone(fault, instance, draw, None)?;
                let status = self.supply.drive.cluster.fleet().status[instance];
                if !has_struck && status != InstanceStatus::Inactive {
                    self.arrange_hazard(fault, instance, number + 1);
                }
            }
            Due::Outage { fault, next } => self.outage(fault, next)?,
            Due::Silent(spell) => self.is_missed(spell)?,
            Due::Found(spell) => self.is_found(spell)?,
            Due::Over(spell) => return self.is_over(spell),
            Due::Returns { was } => self.returns(was)?,
            Due::BlackoutBegins { blackout } => self.blackout_begins(blackout)?,
            Due::BlackoutEnds { incident } => {
                self.faults.incident_ends(incident, self.supply.now());
                self.faults.notice_hosts();
            }
            Due::ZoneOver { zone, incident } => self.zone_is_back(zone, incident)?,
        }
        Ok(Vec::new())
    }

    fn strikes(&mut self, fault: usize) -> Result<(), RunError> {
        let fleet = self.supply.drive.cluster.fleet();
        let is_up = |i: &InstanceId| fleet.status[*i] != InstanceStatus::Inactive;
        let mut ids: Vec<InstanceId> = match &self.faults.list[fault].victims {
            Victims::Named(name) => {
                fleet.ids().filter(|&i| self.faults.is_called(i, name, fleet)).collect()
            }
            Victims::Zone(zone) => fleet.ids().filter(|&i| fleet.zone[i] == *zone).collect(),
            Victims::Random(of, _) => {
                let own = |&i: &InstanceId| of.is_none_or(|of| fleet.provider[i] == of);
                fleet.ids().filter(own).collect()
            }
        };
        ids.retain(is_up);
        if let Victims::Random(_, count) = self.faults.list[fault].victims {
            ids.retain(|instance| !self.faults.out.contains_key(instance));
            let dice = &mut self.faults.dice[fault];
            let mut drawn = Vec::new();
            for _ in 0..count.min(ids.len() as u32) {
                let index = dice.below(ids.len() as u64) as usize;
                drawn.push(ids.swap_remove(index));
            }
            ids = drawn;
        }
        if !matches!(self.faults.list[fault].victims, Victims::Zone(_)) {
            ids.retain(|instance| !self.faults.out.contains_key(instance));
            if ids.is_empty() {
                self.faults.missed += 1;
                return Ok(());
            }
        }
        let incident = self.incident_begins(fault, &ids);
        let lasts = self.begin_outage_of_zone(fault, incident)?;
        for instance in ids {
            self.strike(fault, instance, draw_of(instance, 0), lasts, incident)?;
        }
        Ok(())
    }

    /// An instance is struck by itself, unless it is out already or gone.
    fn strike_alone(
        &mut self,
        fault: usize,
        instance: InstanceId,
        draw: u64,
        lasts: Option<SimSpan>,
    ) -> Result<bool, RunError> {
        if !self.can_be_struck(instance) {
            return Ok(false);
        }
        let incident = self.incident_begins(fault, &[instance]);
        self.strike(fault, instance, draw, lasts, incident)?;
        Ok(true)
    }

    fn can_be_struck(&self, instance: InstanceId) -> bool {
        let status = self.supply.drive.cluster.fleet().status[instance];
        status != InstanceStatus::Inactive && !self.faults.out.contains_key(&instance)
    }

    /// Where a whole zone is struck: for how long.
    fn begin_outage_of_zone(
        &mut self,
        fault: usize,
        incident: usize,
    ) -> Result<Option<SimSpan>, RunError> {
        let of = &self.faults.list[fault];
        let (Victims::Zone(zone), Some(lasts)) = (&of.victims, &of.lasts) else { return Ok(None) };
        let zone = *zone;
        let lasts = lasts.sample_span(&mut self.draw(fault, 0, LASTS));
        let lasts = SimSpan(lasts.0.max(1));
        self.zone_is_out(zone, self.now() + lasts, incident)?;
        Ok(Some(lasts))
    }

    fn outage(&mut self, fault: usize, next: usize) -> Result<(), RunError> {
        let Trigger::Trace(trace) = &self.faults.list[fault].trigger else { return Ok(()) };
        let outage = trace.outages[next];
        let of = match self.faults.list[fault].victims {
            Victims::Random(of, _) => of,
            _ => None,
        };
        let fleet = self.supply.drive.cluster.fleet();
        let is_there = |i: &InstanceId| fleet.status[*i] != InstanceStatus::Inactive;
        let found = self.faults.on_seat(outage.machine, of, fleet);
        let reason = match found {
            None => Some(NO_INSTANCE),
            Some(instance) if !is_there(&instance) => Some(ALREADY_OUT),
            Some(instance) => {
                let has_struck =
                    self.strike_alone(fault, instance, next as u64, Some(outage.duration))?;
                (!has_struck).then_some(ALREADY_OUT)
            }
        };
        if let Some(counts) = &mut self.faults.counts[fault] {
            counts.read += 1;
            match reason {
                None => counts.used += 1,
                Some(reason) => *counts.skipped.entry(reason.into()).or_default() += 1,
            }
        }
        self.arrange_outage(fault, next + 1);
        Ok(())
    }

    /// An instance is struck, unless it is out already or gone.
    fn strike(
        &mut self,
        fault: usize,
        instance: InstanceId,
        draw: u64,
        lasts: Option<SimSpan>,
        incident: usize,
    ) -> Result<(), RunError> {
        if !self.can_be_struck(instance) {
            return Ok(());
        }
        self.incident_strikes(incident, instance)?;
        let of = &self.faults.list[fault];
        let (kind, reaction) = (of.kind, self.reaction(fault, instance));
        let sample = |distribution: &crate::base::distribution::Distribution, purpose| {
            distribution.sample_span(&mut self.draw(fault, draw, purpose))
        };
        let lasts = lasts.or_else(|| of.lasts.as_ref().map(|lasts| sample(lasts, LASTS)));
        let found = sample(&of.found_after, FOUND);
        let silent = sample(&of.silent_after, SILENT);
        let now = self.now();
        let until = lasts.map_or(SimTime::NEVER, |lasts| now + SimSpan(lasts.0.max(1)));
        self.faults.spells += 1;
        let number = self.faults.spells;
        self.faults.out.insert(instance, Out { number, fault, kind, until, draw, incident });
        let spell = Spell { instance, number };
        self.tell(instance, "failed", kind, None)?;
        if kind.is_silent() {
            self.supply.drive.tasks.hold(instance);
            self.schedule_after(silent, Class::Release, Due::Silent(spell));
        }
        if kind.is_dead() {
            let now = self.now();
            self.supply.drive.cluster.host(instance).stands_still(now);
            self.supply.drive.plan().host_stands_still(instance)?;
        }
        if reaction != Reaction::Nothing {
            self.schedule_after(found, Class::Release, Due::Found(spell));
        }
        if until != SimTime::NEVER {
            self.schedule(until, Class::Supply, Due::Over(spell));
        }
        Ok(())
    }

    /// Something has happened to an instance.
    pub(super) fn tell(
        &mut self,
        instance: InstanceId,
        event: &'static str,
        kind: FaultKind,
        tasks: Option<u32>,
    ) -> Result<(), RunError> {
        let at = self.now();
        let Mishap { supply, .. } = self;
        let drive = &mut supply.drive;
        let fleet = drive.cluster.fleet();
        let provider = fleet.provider[instance];
        let zone = &drive.rules.zones[fleet.zone[instance]];
        let sizes = supply.groups.of_provider(provider).map(|group| {
            let group = &supply.groups.all[group];
            [group.min, group.max, group.desired]
        });
        let own = drive.rules.providers[provider].purchase;
        let purchase = supply.groups.purchase_of(instance, own);
        let (name, kind_of) = (&fleet.name[instance], &fleet.instance_type[instance]);
        let row = FleetRow {
            at,
            provider: &drive.rules.providers[provider].name,
            event,
            instance: Some((name, kind_of, purchase, zone)),
            sizes,
            reason: kind.name(),
            tasks,
        };
        drive.books.fleet_events.write(&row)
    }
}

/// Draws follow the instance and how often it has failed, not who failed before it.
fn draw_of(instance: InstanceId, number: u64) -> u64 {
    u64::from(instance.0) * MOST_FAULTS + number
}
