//! `random`, and the `uniform` tie-break: one of the instances that remain, each with the same chance.
//!
//! The draw is defined to the last number, since two implementations must agree on it. The *pool* of a rule is every
//! instance that is registered and passes what can never change (cluster, provider, AZs, platform, `memberOf` over
//! attributes), in ascending order of id. Where nothing remains no number is drawn. Else a number below the size of the pool is drawn
//! up to [`TRIES`] times, and the first that names an instance that remains is the choice: rejection sampling, which is
//! uniform. When all tries missed, one number below the count of those that remain picks among them by ascending id.

use super::index::Roster;
use crate::base::random::Stream;
use crate::model::ids::InstanceId;

/// Draws from the pool before those that remain are counted.
const TRIES: u32 = 8;

/// Rejection sampling; `None` when all tries missed.
#[inline]
pub(super) fn try_pool(
    stream: &mut Stream,
    pool: &Roster,
    mut remains: impl FnMut(InstanceId) -> bool,
) -> Option<InstanceId> {
    let size = pool.len();
    if size == 0 {
        return None;
    }
    for _ in 0..TRIES {
        let instance = pool.nth(stream.below(size as u64) as usize);
        if remains(instance) {
            return Some(instance);
        }
    }
    None
}

/// One of those that remain, in ascending order of id; `None` when there is none.
pub(super) fn pick(stream: &mut Stream, remaining: &[InstanceId]) -> Option<InstanceId> {
    if remaining.is_empty() {
        return None;
    }
    Some(remaining[stream.below(remaining.len() as u64) as usize])
}
