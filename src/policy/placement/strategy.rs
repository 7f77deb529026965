//! The strategies by name, and the key that each ranks by.

use super::own::Own;
use super::{best_fit, binpack, first_fit, worst_fit};
use crate::model::fleet::Fleet;
use crate::model::ids::InstanceId;
use crate::model::resources::Resources;

/// A resource that `binpack` fills.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PackField {
    /// Remaining CPU units.
    Cpu,
    /// Remaining memory.
    Memory,
}

/// What `spread` balances over.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum SpreadField {
    /// `instanceId`, or its synonym `host`.
    Instance,
    /// The value of an attribute, such as `ecs.availability-zone`; instances without it are a bucket of their own.
    Attribute(String),
}

/// One link of a strategy chain.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Strategy {
    /// Least remaining CPU or memory.
    Binpack(PackField),
    /// Fewest tasks of the group in the field's value.
    Spread(SpreadField),
    /// Uniform among the candidates.
    Random,
    /// Lowest instance id that fits (not ECS: vector-packing literature).
    FirstFit,
    /// Most remaining share of the scarcer resource, cpu and memory (not ECS).
    WorstFit,
    /// Least remaining, summed over the shares of CPU and memory (not ECS).
    BestFit,
    /// A rule of the program that uses this library (not ECS, and no scenario names it).
    Own(Own),
}

/// How a strategy ranks the candidates.
#[derive(Clone, Copy)]
pub(super) enum Ranking<'a> {
    /// By a key that depends on the instance alone.
    Instance(InstanceKey),
    /// By the tasks of the group on the instance.
    TasksOnInstance,
    /// By the tasks of the group on instances with the same value of the attribute.
    TasksByAttribute(&'a str),
    /// By a key that depends on the task, too.
    Task(Own),
    /// Not at all: one of those that remain is drawn, and nothing is left to rank.
    Draw,
}

/// A key that depends on the instance alone. Lower is better.
#[derive(Clone, Copy)]
pub(super) struct InstanceKey {
    /// The key. May change only when the instance's free resources do.
    pub(super) of: fn(&Fleet, InstanceId) -> u32,
    /// No instance with room for the demand has a lower key: where a search may begin.
    pub(super) least: fn(Resources) -> u32,
}

impl Strategy {
    /// The default of RunTask: `random` (developer guide, "Scheduling"; documented).
    #[must_use]
    pub fn default_for_run_task() -> Vec<Strategy> {
        vec![Strategy::Random]
    }

    /// The default of a service: the AZ with the fewest of its tasks, then the instance with the fewest
    /// (API reference, `UpdateService`; documented).
    #[must_use]
    pub fn default_for_service() -> Vec<Strategy> {
        let zone = SpreadField::Attribute("ecs.availability-zone".into());
        vec![Strategy::Spread(zone), Strategy::Spread(SpreadField::Instance)]
    }

    /// The one list of what ranks how.
    pub(super) fn ranking(&self) -> Ranking<'_> {
        match self {
            Strategy::Binpack(PackField::Cpu) => Ranking::Instance(binpack::CPU),
            Strategy::Binpack(PackField::Memory) => Ranking::Instance(binpack::MEMORY),
            Strategy::Spread(SpreadField::Instance) => Ranking::TasksOnInstance,
            Strategy::Spread(SpreadField::Attribute(name)) => Ranking::TasksByAttribute(name),
            Strategy::Random => Ranking::Draw,
            Strategy::FirstFit => Ranking::Instance(first_fit::KEY),
            Strategy::WorstFit => Ranking::Instance(worst_fit::KEY),
            Strategy::BestFit => Ranking::Instance(best_fit::KEY),
            Strategy::Own(own) => Ranking::Task(*own),
        }
    }
}
