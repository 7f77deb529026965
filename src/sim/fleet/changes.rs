//! Limits and desired capacity of groups change, by hand, by schedule or by a scaler.

use super::Supply;
use crate::engine::Class;
use crate::model::group::LaunchCause;
use crate::model::ids::ProviderId;
use crate::policy::scaling::Decision;
use crate::sim::books::capacity_tables::ScalingRow;
use crate::sim::event::{Event, RunError};

impl Supply<'_> {
    /// Time zero: the books know what groups have, and the first changes are arranged.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn begin(&mut self) -> Result<(), RunError> {
        for group in 0..self.groups.all.len() {
            self.arrange_change(group);
            self.arrange_shift(group);
            self.begin_scaling(group);
            self.arrange_pools(group);
            self.arrange_refreshes(group);
            for id in self.groups.all[group].members.clone() {
                self.draw_fate(id);
                self.arrange_return(id);
                self.arrange_old_age(id);
            }
            self.begin_pool(group)?;
            self.tell_sizes(group, "initial")?;
            self.count(group);
            // A mixed group may lack what it found no capacity for.
            self.reconcile(group, LaunchCause::ScaleOut)?;
        }
        Ok(())
    }

    fn arrange_change(&mut self, group: usize) {
        let of = &self.groups.all[group];
        if let Some(change) = of.setup.changes.get(of.changes_done) {
            let (at, provider) = (change.at.max(self.now()), of.setup.provider);
            self.drive.queue.schedule(at, Class::Control, Event::GroupChange(provider));
        }
    }

    /// A change by hand or by schedule is due. A desired capacity that the new limits leave outside is brought inside.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn group_changes(&mut self, provider: ProviderId) -> Result<(), RunError> {
        let Some(index) = self.groups.of_provider(provider) else { return Ok(()) };
        let group = &mut self.groups.all[index];
        let change = group.setup.changes[group.changes_done];
        group.changes_done += 1;
        group.renewal.template = change.template.unwrap_or(group.renewal.template);
        group.min = change.min.unwrap_or(group.min);
        group.max = change.max.unwrap_or(group.max);
        group.desired = change.desired.unwrap_or(group.desired).min(group.max).max(group.min);
        self.arrange_change(index);
        self.tell_sizes(index, "scheduled")?;
        self.reconcile(index, LaunchCause::ScaleOut)
    }

    /// A decision about the desired capacity is written down and carried out.
    pub(super) fn obey(&mut self, index: usize, decision: &Decision) -> Result<(), RunError> {
        self.tell_decision(index, decision)?;
        let now = self.now();
        let group = &mut self.groups.all[index];
        let Some(to) = decision.to.map(|to| to.clamp(group.min, group.max)) else { return Ok(()) };
        if to == group.desired || to < group.desired && group.is_shifted() {
            return Ok(()); // policies do not scale in while a zone is shifted away from (documented)
        }
        group.desired = to;
        group.last_scaled = Some(now);
        let reason = if group.managed.is_some() { "managed_scaling" } else { "scaling_policy" };
        self.tell_sizes(index, reason)?;
        self.reconcile(index, LaunchCause::ScaleOut)
    }

    fn tell_decision(&mut self, index: usize, decision: &Decision) -> Result<(), RunError> {
        let group = &self.groups.all[index];
        let last = group.last_scaled;
        let alarm = decision.alarm.as_ref();
        let row = ScalingRow {
            at: decision.at,
            provider: &group.name,
            policy: decision.kind.name(),
            alarm: alarm.map_or("", |alarm| &alarm.name),
            metric: decision.metric.map(|(metric, value)| (metric.name(), value)),
            threshold: alarm.map(|alarm| alarm.threshold),
            running: decision.running,
            wanted: decision.wanted,
            from: decision.from,
            to: decision.to.unwrap_or(decision.from),
            min: decision.min_capacity,
            max: decision.max_capacity,
            reason: decision.reason.name(),
            since_last: last.map(|last| decision.at.since(last)),
        };
        self.drive.books.capacity.scaling(&row)
    }
}
