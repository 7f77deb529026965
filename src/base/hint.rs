//! Hints to the processor. Their only effect is time.

use prefetch_index::prefetch_index;

/// How many turns before somebody's own memory is asked for a part of what belongs to him. What is asked for is there a
/// turn later, so that what it points to can be asked for then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Before {
    /// Three turns before: for the record itself.
    Third,
    /// Two turns before: for what it points to.
    Second,
    /// One turn before: for what that points to.
    First,
}

/// Asks memory for the cache line in which `what` begins, which is wanted soon.
#[inline]
pub fn ask_for<T>(what: &T) {
    prefetch_index(std::slice::from_ref(what), 0);
}

/// The same of a row of a table, whether it is there or not.
#[inline]
pub fn ask_for_row<T>(rows: &[T], index: usize) {
    prefetch_index(rows, index);
}
