//! The obvious placement: scan the fleet, filter, rank. Slow on purpose; a reader can hold it against the developer
//! guide line by line. Tests compare [`super::index`] with it; simulations use the index.

use super::index::Roster;
use super::pipeline::{Member, Pipeline, belongs, has_platform, is_in_zones};
use super::strategy::Ranking;
use super::tally::{GroupNames, Tally};
use super::{Ask, Choice, Rule, RuleId, Strategy, TieBreak, random, spread};
use crate::base::id::Column;
use crate::base::random::Stream;
use crate::model::fleet::Fleet;
use crate::model::ids::{GroupId, InstanceId};
use crate::model::ports::PortSets;

/// The slow placement, with the list of tasks that it needs to count groups.
#[derive(Clone, Debug)]
pub struct Reference {
    rules: Column<RuleId, Rule>,
    tasks: PlainTally,
    names: GroupNames,
    tie_break: TieBreak,
    stream: Stream,
}

impl Reference {
    /// A placement without rules.
    #[must_use]
    pub fn new(tie_break: TieBreak, stream: Stream) -> Self {
        let (rules, names) = (Column::new(), Column::new());
        Reference { rules, tasks: PlainTally::default(), names, tie_break, stream }
    }

    /// Adds a rule.
    pub fn add_rule(&mut self, rule: Rule) -> RuleId {
        self.rules.push(rule)
    }

    /// Names the next group, for `task:group`.
    pub fn name_group(&mut self, name: &str) -> GroupId {
        self.names.push(name.into())
    }

    /// Where the task goes, or why nowhere.
    pub fn choose(&mut self, ask: &Ask, fleet: &Fleet, ports: &PortSets) -> Choice {
        let Reference { rules, tasks, names, tie_break, stream } = self;
        let rule = &rules[ask.rule];
        let pipeline = Pipeline { rule, ask, fleet, ports, tally: tasks, names };

        let qualifies = |&instance: &InstanceId| {
            belongs(rule, fleet, instance) && pipeline.refusal(instance).is_none()
        };
        let remaining: Vec<InstanceId> = fleet.ids().filter(qualifies).collect();
        if remaining.is_empty() {
            return Choice::Nowhere(pipeline.refusals(fleet.ids()));
        }

        let pool = pool(rule, fleet, names);
        Choice::On(decide(&pipeline, remaining, *tie_break, stream, &pool))
    }

    /// A task was promised resources of the instance.
    pub fn placed(&mut self, instance: InstanceId, group: GroupId) {
        self.tasks.0.push((instance, group));
    }

    /// A task began to stop.
    pub fn released(&mut self, instance: InstanceId, group: GroupId) {
        let at = self.tasks.0.iter().position(|task| *task == (instance, group));
        self.tasks.0.swap_remove(at.expect("only what was placed is released"));
    }
}

/// Steps 3 and 4: which of those that qualify, at least one, gets the task; a draw begins with `pool`.
pub(super) fn decide(
    pipeline: &Pipeline<'_>,
    mut remaining: Vec<InstanceId>,
    tie_break: TieBreak,
    stream: &mut Stream,
    pool: &Roster,
) -> InstanceId {
    let Pipeline { rule, ask, fleet, tally, .. } = *pipeline;
    let keep_lowest = |remaining: &mut Vec<InstanceId>, key: &dyn Fn(InstanceId) -> u64| {
        let lowest = remaining.iter().map(|&instance| key(instance)).min();
        remaining.retain(|&instance| Some(key(instance)) == lowest);
    };
    let mut is_drawn = tie_break == TieBreak::Uniform;
    for strategy in &rule.strategies {
        match strategy.ranking() {
            Ranking::Instance(key) => keep_lowest(&mut remaining, &|i| (key.of)(fleet, i).into()),
            Ranking::Task(own) => keep_lowest(&mut remaining, &|i| own.key(fleet, ask, i)),
            Ranking::TasksOnInstance => {
                keep_lowest(&mut remaining, &|i| spread::by_instance(tally, i, ask.group).into());
            }
            Ranking::TasksByAttribute(name) => {
                keep_lowest(&mut remaining, &|i| {
                    spread::by_attribute(tally, fleet, name, i, ask.group).into()
                });
            }
            Ranking::Draw => {
                is_drawn = true;
                break;
            }
        }
        if *strategy == Strategy::FirstFit {
            return remaining[0]; // one instance is left: there is nothing to draw
        }
    }
    let chosen = if is_drawn {
        random::try_pool(stream, pool, |instance| remaining.contains(&instance))
            .or_else(|| random::pick(stream, &remaining))
    } else {
        remaining.into_iter().min_by_key(|&i| (fleet.tasks[i], fleet.registered_at[i], i))
    };
    chosen.expect("what remains is not empty")
}

/// The pool of a draw, see [`super::random`].
fn pool(rule: &Rule, fleet: &Fleet, names: &GroupNames) -> Roster {
    let nothing = PlainTally::default();
    let in_pool = |&instance: &InstanceId| {
        let member = Member { fleet, instance, tally: &nothing, names };
        belongs(rule, fleet, instance)
            && is_in_zones(rule, fleet, instance)
            && has_platform(rule, fleet, instance)
            && rule.member_of.iter().filter(|e| e.is_static()).all(|e| e.holds(&member))
    };
    Roster::new(fleet.ids().filter(in_pool).collect())
}

/// Every task with a promise: where it is, and its group.
#[derive(Clone, Debug, Default)]
struct PlainTally(Vec<(InstanceId, GroupId)>);

impl Tally for PlainTally {
    fn on_instance(&self, instance: InstanceId, group: GroupId) -> u32 {
        self.0.iter().filter(|task| **task == (instance, group)).count() as u32
    }

    fn beside(&self, fleet: &Fleet, attribute: &str, instance: InstanceId, group: GroupId) -> u32 {
        let value = |instance| {
            let attribute = fleet.attribute(attribute)?;
            fleet.attribute_value(attribute, instance)
        };
        let is_beside = |other: InstanceId| {
            fleet.cluster[other] == fleet.cluster[instance] && value(other) == value(instance)
        };
        self.0.iter().filter(|&&(other, of)| of == group && is_beside(other)).count() as u32
    }

    fn any_group(&self, instance: InstanceId, test: &mut dyn FnMut(GroupId) -> bool) -> bool {
        self.0.iter().any(|&(on, group)| on == instance && test(group))
    }
}
