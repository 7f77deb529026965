//! Typed indices and the columns that they index. An id is a row number, issued in order, never reused in a run.

use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

/// A type that is a row number.
pub trait Id: Copy {
    /// The id of row `index`.
    fn from_index(index: usize) -> Self;
    /// The row number.
    fn index(self) -> usize;
}

/// Declares newtypes over `u32` that index a [`Column`].
#[macro_export]
macro_rules! define_ids {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub u32);

        impl $crate::base::id::Id for $name {
            #[inline]
            fn from_index(index: usize) -> Self {
                $name(u32::try_from(index).expect("fewer than 2^32 rows"))
            }
            #[inline]
            fn index(self) -> usize {
                self.0 as usize
            }
        }
    )+};
}

/// One property of every entity of a kind: row `i` belongs to the id with index `i`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column<I, T> {
    rows: Vec<T>,
    id: PhantomData<I>,
}

impl<I, T> Default for Column<I, T> {
    fn default() -> Self {
        Column { rows: Vec::new(), id: PhantomData }
    }
}

impl<I: Id, T> Column<I, T> {
    /// An empty column.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a row and returns its id.
    pub fn push(&mut self, row: T) -> I {
        self.rows.push(row);
        I::from_index(self.rows.len() - 1)
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All ids in ascending order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = I> + use<I, T> {
        (0..self.rows.len()).map(I::from_index)
    }

    /// All rows in ascending order of id, to be changed.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.rows.iter_mut()
    }

    /// All rows in ascending order of id.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.rows.iter()
    }

    /// All rows with their ids, ascending.
    pub fn enumerate(&self) -> impl DoubleEndedIterator<Item = (I, &T)> {
        self.rows.iter().enumerate().map(|(i, row)| (I::from_index(i), row))
    }

    /// Asks memory for the row of `id`, which is wanted soon: a hint, whose only effect is time.
    #[inline]
    pub fn ask_for(&self, id: I) {
        super::hint::ask_for_row(&self.rows, id.index());
    }

    /// The row of `id`, or `None` where there is none.
    pub fn get(&self, id: I) -> Option<&T> {
        self.rows.get(id.index())
    }
}

impl<I: Id, T> FromIterator<T> for Column<I, T> {
    fn from_iter<S: IntoIterator<Item = T>>(rows: S) -> Self {
        Column { rows: rows.into_iter().collect(), id: PhantomData }
    }
}

impl<I: Id, T> Index<I> for Column<I, T> {
    type Output = T;
    #[inline]
    fn index(&self, id: I) -> &T {
        &self.rows[id.index()]
    }
}

impl<I: Id, T> IndexMut<I> for Column<I, T> {
    #[inline]
    fn index_mut(&mut self, id: I) -> &mut T {
        &mut self.rows[id.index()]
    }
}
