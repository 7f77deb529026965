//! A rule's strategies, resolved against a fleet: what can be kept in order, and what is compared on the way.

use super::super::strategy::{InstanceKey, Ranking};
use super::super::{Rule, Strategy, TieBreak};
use super::counts::Counts;
use crate::model::fleet::Fleet;
use crate::model::ids::{GroupId, InstanceId};

/// Most links of a chain (API reference, `CreateService`; documented).
pub const MAX_STRATEGIES: usize = 5;

/// The keys of all links, for comparison; links that a chain lacks are zero.
pub(super) type LinkKeys = [u32; MAX_STRATEGIES];

/// One strategy.
#[derive(Clone, Copy)]
pub(super) enum Link {
    /// A key of the instance alone.
    Instance(InstanceKey),
    /// The group's tasks on the instance.
    Tasks,
    /// The group's tasks in the value of this field; the number counts the fields of the chain.
    Field(usize),
}

/// The strategies of a rule.
#[derive(Clone)]
pub(super) struct Chain {
    /// Without repetitions, and without what follows a strategy that leaves one instance. Equal chains share an index.
    pub(super) strategies: Vec<Strategy>,
    pub(super) links: Vec<Link>,
    /// The fields in `Counts` that the chain spreads over, in order.
    pub(super) fields: Vec<usize>,
    /// How many fields stand before every other link.
    pub(super) leading_fields: usize,
    /// Whether one of those that remain is drawn; else the stable tie-break decides.
    pub(super) is_drawn: bool,
}

impl Chain {
    pub(super) fn new(
        rule: &Rule,
        tie_break: TieBreak,
        counts: &mut Counts,
        fleet: &Fleet,
    ) -> Self {
        assert!(rule.strategies.len() <= MAX_STRATEGIES, "a rule has at most five strategies");
        let is_drawn = tie_break == TieBreak::Uniform;
        let (strategies, links, fields) = (Vec::new(), Vec::new(), Vec::new());
        let mut chain = Chain { strategies, links, fields, leading_fields: 0, is_drawn };
        for strategy in &rule.strategies {
            if chain.strategies.contains(strategy) {
                continue;
            }
            let link = match strategy.ranking() {
                Ranking::Instance(key) => Link::Instance(key),
                Ranking::TasksOnInstance => Link::Tasks,
                Ranking::TasksByAttribute(name) => {
                    chain.fields.push(counts.field(rule.cluster, name, fleet));
                    chain.leading_fields +=
                        usize::from(chain.fields.len() == chain.links.len() + 1);
                    Link::Field(chain.fields.len() - 1)
                }
                Ranking::Draw => {
                    chain.is_drawn = true;
                    break;
                }
                Ranking::Task(_) => continue, // such a rule keeps no order
            };
            chain.links.push(link);
            chain.strategies.push(strategy.clone());
            if *strategy == Strategy::FirstFit {
                chain.is_drawn = false;
                break;
            }
        }
        chain
    }

    /// The links that tell the instances of one cell apart: all but the fields.
    pub(super) fn within_cell(&self) -> Vec<Link> {
        self.links.iter().copied().filter(|link| !matches!(link, Link::Field(_))).collect()
    }

    /// The keys of an instance whose fields have these values.
    pub(super) fn keys(
        &self,
        fleet: &Fleet,
        counts: &Counts,
        values: &[u32],
        group: GroupId,
        instance: InstanceId,
    ) -> LinkKeys {
        let mut keys = LinkKeys::default();
        for (key, link) in keys.iter_mut().zip(&self.links) {
            *key = match link {
                Link::Field(field) => counts.in_value(self.fields[*field], values[*field], group),
                link => link.key(fleet, counts, group, instance),
            };
        }
        keys
    }
}

impl Link {
    /// The key within a cell, in which fields are all the same.
    #[inline]
    pub(super) fn key(
        self,
        fleet: &Fleet,
        counts: &Counts,
        group: GroupId,
        instance: InstanceId,
    ) -> u32 {
        match self {
            Link::Instance(key) => (key.of)(fleet, instance),
            Link::Tasks => counts.tasks(instance, group),
            Link::Field(_) => 0,
        }
    }
}
