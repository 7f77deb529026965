//! Once a minute: what CloudWatch measures, what overload does to tasks, what alarms and scaling policies decide.
//!
//! All services are visited by one event, in order; a service without work and without scaling is passed over.

use crate::base::hint::Before;
use crate::base::id::{Column, Id as _};
use crate::base::time::{SimSpan, SimTime};
use crate::engine::Class;
use crate::model::ids::ServiceId;
use crate::sim::books::Ledger;
use crate::sim::event::{Event, RunError, Tick};
use crate::sim::services::load::{
    MINUTE, TWENTY, is_high_resolution, measure_capacity, measure_elasticity, note_drops, observe,
};
use crate::sim::services::{Drive, Services};

/// The next services that a minute visits: memory is asked for them while another one is dealt with.
#[derive(Default)]
struct Ahead([Option<usize>; 3]);

impl Ahead {
    fn look(
        &mut self,
        index: usize,
        services: &Services,
        ledgers: &Column<ServiceId, Ledger>,
        now: SimTime,
    ) {
        let at = ServiceId::from_index;
        let behind =
            |index| (index + 1..services.all.len()).find(|&index| services.due[at(index)] <= now);
        let Ahead([first, second, third]) = *self;
        let known = [second, third, None].map(|known| known.filter(|_| first == Some(index)));
        let first = known[0].or_else(|| behind(index));
        let second = known[1].or_else(|| first.and_then(behind));
        let third = second.and_then(behind);
        self.0 = [first, second, third];
        for (next, before) in self.0.iter().zip([Before::First, Before::Second, Before::Third]) {
            next.iter().for_each(|&next| services.all[at(next)].look_ahead(before));
        }
        third.iter().for_each(|&third| ledgers[at(third)].look_ahead());
    }
}

impl Drive<'_> {
    /// A tick is due.
    pub fn tick(&mut self, tick: Tick) -> Result<(), RunError> {
        let now = self.now();
        let period = match tick {
            Tick::Minute | Tick::Alarms => MINUTE,
            Tick::TwentySeconds | Tick::HighResolutionAlarms => TWENTY,
        };
        if tick == Tick::Minute {
            self.flow().share_idle_cpu(now)?;
            self.services.minute_done = self.queue.now();
        }
        let mut ahead = Ahead::default();
        for index in 0..self.services.all.len() {
            let id = ServiceId::from_index(index);
            match tick {
                Tick::Minute if self.services.due[id] <= now => {
                    ahead.look(index, self.services, &self.books.services, now);
                    self.minute(id)?;
                }
                Tick::TwentySeconds if is_high_resolution(&self.services.all[id]) => {
                    observe(&mut self.services.all[id], TWENTY, now)?;
                }
                Tick::Alarms => self.plan().evaluate(id)?,
                Tick::HighResolutionAlarms if is_high_resolution(&self.services.all[id]) => {
                    self.plan().evaluate(id)?;
                }
                _ => {}
            }
        }
        self.queue.schedule(self.queue.now() + period, Class::Control, Event::Tick(tick));
        Ok(())
    }

    /// The end of a minute, where the service must be looked at, and how long it need not be looked at then.
    pub fn minute(&mut self, id: ServiceId) -> Result<(), RunError> {
        let now = self.queue.now();
        let service = &self.services.all[id];
        if service.load.is_none() && service.scaler.is_none() {
            self.services.due[id] = SimTime::NEVER;
            return Ok(());
        }
        self.flow().make_up(id, SimTime(now.0 - MINUTE.0))?;
        observe(&mut self.services.all[id], MINUTE, now)?;
        self.services.all[id].meter.minute_done = now;
        if self.services.all[id].load.is_some() {
            let service = &mut self.services.all[id];
            let ledger = &mut self.books.services[id];
            measure_capacity(service, ledger);
            measure_elasticity(service, ledger, now);
            note_drops(service, ledger, now);
            if self.services.all[id].meter.has_alarms {
                self.plan().watch_deployment_alarms(id)?;
            }
            self.plan().feel_overload(id)?;
            if self.services.all[id].meter.memory_kib > 0 {
                self.run_out_of_memory(id)?;
            }
        }
        if self.plan().points_show_on_the_minute() {
            self.plan().evaluate(id)?;
            let minutes = self.flow().quiet_minutes(id, now);
            self.services.due[id] = now + SimSpan(MINUTE.0 * (1 + u64::from(minutes)));
        }
        Ok(())
    }
}
