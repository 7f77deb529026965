//! Hints to the processor. Their only effect is time.

use prefetch_index::prefetch_index;

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
