//! The fleet at one instant: one column an instance, filled by its tasks.

use crate::base::time::SimTime;
use crate::model::resources::Resources;

/// An instance and what its tasks were promised.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PictureColumn {
    /// Name of the instance.
    pub name: String,
    /// Its instance type.
    pub instance_type: String,
    /// What it registered.
    pub registered: Resources,
    /// Promises in order of task id: (index into [`FleetPicture::families`], demand).
    pub tasks: Vec<(u32, Resources)>,
}

/// The packing of the fleet at one instant: of a run, at the first of its samples with most tasks on the
/// instances. Beyond 2,000 live tasks a new picture is taken only when there are over 5 % more than on the last one, since
/// it costs a walk over all of them; the one that is kept may then miss the maximum by that much.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FleetPicture {
    /// When.
    pub at: SimTime,
    /// Families of the task definitions.
    pub families: Vec<String>,
    /// Instances in order of id; at most [`MOST_COLUMNS`], evenly chosen from a larger fleet.
    pub columns: Vec<PictureColumn>,
    /// Instances of the whole fleet.
    pub fleet: usize,
}

/// Most instances that a picture shows.
pub const MOST_COLUMNS: usize = 400;
