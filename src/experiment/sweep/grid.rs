//! Axes as a grid: products of axes, those with one `zip` walked together.

use super::axis::{Axis, Point};
use crate::scenario::diagnostic::{Diagnostics, quoted};
use crate::scenario::set::Setting;

/// A grid of settings. The last dimension changes fastest.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Grid {
    axes: Vec<Axis>,
    /// Numbers of the axes of each dimension: one, or those that are zipped.
    dimensions: Vec<Vec<usize>>,
}

impl Grid {
    /// A grid of `axes`; nothing where axes of one zip have not the same number of points.
    pub(super) fn new(axes: Vec<Axis>, problems: &mut Diagnostics) -> Option<Grid> {
        let mut dimensions: Vec<Vec<usize>> = Vec::new();
        let mut is_even = true;
        for (index, axis) in axes.iter().enumerate() {
            let zip = axis.zip.as_ref().map(|zip| &zip.0);
            let with = zip.and_then(|zip| {
                let is_with =
                    |of: &&mut Vec<usize>| axes[of[0]].zip.as_ref().map(|zip| &zip.0) == Some(zip);
                dimensions.iter_mut().find(is_with)
            });
            let Some(with) = with else {
                dimensions.push(vec![index]);
                continue;
            };
            let first = &axes[with[0]];
            if first.points.len() != axis.points.len() {
                let (one, other) = (first.points.len(), axis.points.len());
                let message = format!(
                    "{} has {other} points, and {}, which it is zipped with, has {one}",
                    quoted(&axis.name),
                    quoted(&first.name)
                );
                let help = "axes of one `zip` are walked together, point by point; without it they make every pair";
                problems.error_with_help(axis.place, message, help);
                is_even = false;
            }
            with.push(index);
        }
        is_even.then_some(Grid { axes, dimensions })
    }

    /// The axes, in the order of the file.
    #[must_use]
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// Numbers of the axes of each dimension.
    #[must_use]
    pub fn dimensions(&self) -> &[Vec<usize>] {
        &self.dimensions
    }

    /// How many settings it has; as many as a number can hold where there are more.
    #[must_use]
    pub fn len(&self) -> usize {
        let lengths = self.dimensions.iter().map(|of| self.axes[of[0]].points.len());
        lengths.fold(1, usize::saturating_mul)
    }

    /// Whether an axis is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The point of every axis in the settings with this number.
    #[must_use]
    pub fn points(&self, number: usize) -> Vec<&Point> {
        let mut rest = number;
        let mut points: Vec<Option<&Point>> = vec![None; self.axes.len()];
        for dimension in self.dimensions.iter().rev() {
            let length = self.axes[dimension[0]].points.len();
            for &axis in dimension {
                points[axis] = self.axes[axis].points.get(rest % length);
            }
            rest /= length;
        }
        points.into_iter().flatten().collect()
    }

    /// What the settings with this number set, in the order of the axes.
    #[must_use]
    pub fn settings(&self, number: usize) -> Vec<Setting> {
        self.points(number).into_iter().flat_map(|point| point.settings.iter().cloned()).collect()
    }
}
