//! What may come: one instance of each kind that a group may launch, to say whether a task that fits nothing now may
//! ever find a place.

use crate::base::id::Id as _;
use crate::base::random::{Purpose, Seed};
use crate::model::fleet::{Fleet, Registration};
use crate::model::ids::InstanceId;
use crate::model::ports::PortSets;
use crate::policy::placement::{Ask, Placer, Rule, TieBreak};

/// A fleet of empty instances, and the same rules over it.
pub struct Future {
    pub(super) fleet: Fleet,
    placer: Placer,
}

impl Future {
    /// One instance of each kind.
    pub fn of(kinds: impl Iterator<Item = Registration>) -> Future {
        let mut fleet = Fleet::new();
        kinds.for_each(|kind| {
            fleet.register(kind);
        });
        // Nothing is ever placed here, and so nothing is drawn.
        let unused = Seed(0).stream(Purpose::Placement, "future");
        Future { placer: Placer::new(&fleet, TieBreak::Stable, unused), fleet }
    }

    /// Rules have the same numbers as over the real fleet.
    pub fn add_rule(&mut self, rule: Rule) {
        self.placer.add_rule(rule, &self.fleet);
    }

    /// So have groups.
    pub fn name_group(&mut self, name: &str) {
        self.placer.name_group(name);
    }

    /// Whether an instance of this kind could take a task.
    pub fn kind_fits(&self, ask: &Ask, kind: usize, ports: &PortSets) -> bool {
        let instance = InstanceId::from_index(kind);
        self.placer.could_take_when_empty(ask, instance, &self.fleet, ports)
    }

    /// Whether an instance that may come could take a task.
    pub fn could_fit(&self, ask: &Ask, ports: &PortSets) -> bool {
        self.placer.could_fit_when_empty(ask, &self.fleet, ports)
    }
}
