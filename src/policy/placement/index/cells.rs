//! The cells of a book: which values of its fields there are, and how many instances have them.

use std::collections::BTreeMap;

/// Cells by the values of the fields. The number of a cell that the last instance has left is used again.
#[derive(Clone, Debug, Default)]
pub(super) struct Cells {
    cells: Vec<Cell>,
    by_values: BTreeMap<Vec<u32>, u32>,
    unused: Vec<u32>,
}

#[derive(Clone, Debug)]
struct Cell {
    /// The value of each field.
    values: Vec<u32>,
    members: u32,
}

impl Cells {
    /// How many numbers of cells there are; a cell may be without instances.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }

    /// The value of each field.
    #[inline]
    pub(super) fn values(&self, cell: usize) -> &[u32] {
        &self.cells[cell].values
    }

    /// The cell with these values, which now has one more instance.
    pub(super) fn enter(&mut self, values: Vec<u32>) -> u32 {
        let known = self.by_values.get(&values).copied();
        let cell = known.unwrap_or_else(|| self.add(values));
        self.cells[cell as usize].members += 1;
        cell
    }

    /// An instance has left the cell.
    pub(super) fn leave(&mut self, cell: u32) {
        let of = &mut self.cells[cell as usize];
        of.members -= 1;
        if of.members == 0 {
            self.by_values.remove(&of.values);
            self.unused.push(cell);
        }
    }

    fn add(&mut self, values: Vec<u32>) -> u32 {
        let cell = Cell { values: values.clone(), members: 0 };
        let number = match self.unused.pop() {
            Some(number) => {
                self.cells[number as usize] = cell;
                number
            }
            None => {
                self.cells.push(cell);
                u32::try_from(self.cells.len() - 1).expect("fewer cells than instances")
            }
        };
        self.by_values.insert(values, number);
        number
    }
}
