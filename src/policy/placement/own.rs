//! A rule of the program that uses this library: any key of an instance and the task that is to go there. It is asked of
//! every instance that qualifies, so a placement costs a walk over the fleet.

use super::Ask;
use crate::base::time::SimTime;
use crate::model::fleet::Fleet;
use crate::model::ids::InstanceId;
use crate::model::resources::Resources;
use std::fmt;
use std::hash::{Hash, Hasher};

/// What a rule of one's own sees of an instance that qualifies. The task's resources fit into [`Candidate::free`].
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// What the task asks for.
    pub demand: Resources,
    /// What placement may still promise on the instance.
    pub free: Resources,
    /// What the instance has registered.
    pub registered: Resources,
    /// Tasks with a promise there.
    pub tasks: u32,
    /// When it registered.
    pub registered_at: SimTime,
}

/// A placement strategy from outside the crate.
///
/// Equal names are equal strategies. A score may depend on nothing but the candidate: then a run is as reproducible as
/// with any other strategy. Tasks that scale-in takes away are drawn, since a score of a task to come says nothing of them.
#[derive(Clone, Copy)]
pub struct Own {
    /// Its name.
    pub name: &'static str,
    /// Lower is better; equals go on to the next strategy, or to the tie-break.
    pub score: fn(&Candidate) -> u64,
}

impl Own {
    pub(super) fn key(self, fleet: &Fleet, ask: &Ask, instance: InstanceId) -> u64 {
        (self.score)(&Candidate {
            demand: ask.demand,
            free: fleet.free[instance],
            registered: fleet.registered[instance],
            tasks: fleet.tasks[instance],
            registered_at: fleet.registered_at[instance],
        })
    }
}

impl PartialEq for Own {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Own {}

impl Hash for Own {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Own({:?})", self.name)
    }
}
