//! What the colours in the picture of the fleet tell apart: task definitions or, where there is one only, sizes.

use super::drawing::{Color, palette};
use crate::metrics::picture::FleetPicture;
use crate::model::resources::Resources;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The first of these by which tasks differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum By {
    Family,
    Cpu,
    Memory,
}

/// Colours and names of the classes of tasks.
#[derive(Clone, Debug)]
pub struct Classes {
    by: By,
    /// Sizes are rounded up to powers of two, since there are more of them than colours.
    is_rounded: bool,
    /// Each family's first index: revisions of a family are one class.
    firsts: Vec<u32>,
    /// Those with most tasks get a colour of their own, the others share one.
    colors: BTreeMap<u32, Color>,
}

impl Classes {
    /// The classes of the tasks of `picture`.
    pub fn new(picture: &FleetPicture) -> Classes {
        let first = |name| picture.families.iter().position(|other| other == name).unwrap_or(0);
        let firsts = picture.families.iter().map(|name| first(name) as u32).collect();
        let mut classes =
            Classes { by: By::Family, is_rounded: false, firsts, colors: BTreeMap::new() };
        let mut counts = classes.counts(picture);
        for by in [By::Cpu, By::Memory] {
            if counts.len() <= 1 {
                classes.by = by;
                counts = classes.counts(picture);
            }
        }
        if counts.len() <= 1 {
            classes.by = By::Family;
            counts = classes.counts(picture);
        }
        if classes.by != By::Family && counts.len() > palette::PARTS.len() {
            classes.is_rounded = true;
            counts = classes.counts(picture);
        }
        let mut order: Vec<(u32, u64)> = counts.iter().map(|(&key, &count)| (key, count)).collect();
        order.sort_by_key(|&(key, count)| (Reverse(count), key));
        let mut own: Vec<u32> = order.iter().take(palette::PARTS.len()).map(|o| o.0).collect();
        if classes.by != By::Family {
            own.sort_unstable();
        }
        classes.colors = counts.keys().map(|&key| (key, palette::OTHERS)).collect();
        classes.colors.extend(own.into_iter().zip(palette::PARTS));
        classes
    }

    /// The colour of a task.
    pub fn color(&self, family: u32, demand: &Resources) -> Color {
        self.colors.get(&self.key(family, demand)).copied().unwrap_or(palette::OTHERS)
    }

    /// Colours and names, in the order of the palette.
    pub fn legend(&self, picture: &FleetPicture) -> Vec<(Color, String)> {
        let mut entries = Vec::new();
        for part in palette::PARTS {
            if let Some((&key, _)) = self.colors.iter().find(|(_, color)| **color == part) {
                entries.push((part, self.name(key, picture)));
            }
        }
        let others = self.colors.values().filter(|color| **color == palette::OTHERS).count();
        if others > 0 {
            let what = if self.by == By::Family { "task definitions" } else { "sizes" };
            entries.push((palette::OTHERS, format!("{others} other {what}")));
        }
        entries
    }

    fn counts(&self, picture: &FleetPicture) -> BTreeMap<u32, u64> {
        let mut counts = BTreeMap::new();
        for (family, demand) in picture.columns.iter().flat_map(|column| &column.tasks) {
            *counts.entry(self.key(*family, demand)).or_default() += 1;
        }
        counts
    }

    fn key(&self, family: u32, demand: &Resources) -> u32 {
        let size = match self.by {
            By::Family => return self.firsts[family as usize],
            By::Cpu => demand.cpu,
            By::Memory => demand.memory,
        };
        if self.is_rounded { size.checked_next_power_of_two().unwrap_or(u32::MAX) } else { size }
    }

    fn name(&self, key: u32, picture: &FleetPicture) -> String {
        let unit = match self.by {
            By::Family => return picture.families[key as usize].clone(),
            By::Cpu => "vCPU",
            By::Memory => "GiB",
        };
        let thousandths = (f64::from(key) * 1_000.0 / 1_024.0).round();
        let up_to = if self.is_rounded { "up to " } else { "" };
        format!("{up_to}{} {unit}", thousandths / 1_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::picture::PictureColumn;

    fn names(families: &[&str], tasks: &[(u32, u32, u32)]) -> Vec<String> {
        let task = |&(family, cpu, memory): &(u32, u32, u32)| {
            (family, Resources { cpu, memory, ..Resources::ZERO })
        };
        let column = PictureColumn {
            name: "i".into(),
            instance_type: "t".into(),
            registered: Resources::ZERO,
            tasks: tasks.iter().map(task).collect(),
        };
        let families = families.iter().map(|name| (*name).to_string()).collect();
        let picture = FleetPicture { families, columns: vec![column], ..FleetPicture::default() };
        let legend = Classes::new(&picture).legend(&picture);
        legend.into_iter().map(|(_, name)| name).collect()
    }

    #[test]
    fn tasks_are_told_apart_by_definition_else_by_cpu_else_by_memory() {
        assert_eq!(names(&["a", "b"], &[(0, 512, 1), (1, 1_024, 1), (1, 1_024, 1)]), ["b", "a"]);
        assert_eq!(names(&["a", "a"], &[(0, 2_048, 1), (1, 512, 1)]), ["0.5 vCPU", "2 vCPU"]);
        assert_eq!(names(&["a"], &[(0, 512, 2_048), (0, 512, 512)]), ["0.5 GiB", "2 GiB"]);
        assert_eq!(names(&["a"], &[(0, 512, 512)]), ["a"]);
    }

    #[test]
    fn more_sizes_than_colours_are_rounded_up() {
        let tasks: Vec<_> = (1..=12).map(|n| (0, n * 256, 1)).collect();
        let legend = ["0.25", "0.5", "1", "2", "4"].map(|size| format!("up to {size} vCPU"));
        assert_eq!(names(&["a"], &tasks), legend);
    }
}
