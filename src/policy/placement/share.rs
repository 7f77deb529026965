//! Remaining shares as whole numbers, for strategies that weigh CPU against memory.

use crate::model::fleet::Fleet;
use crate::model::ids::InstanceId;

/// A share of one. A power of two so large that shares of different amounts of CPU units or MiB differ, and so small
/// that the sum of two shares fits into a key.
pub(super) const WHOLE: u32 = 1 << 30;

/// What remains of CPU and of memory, in parts of [`WHOLE`] of what the instance registered, rounded down.
pub(super) fn remaining(fleet: &Fleet, instance: InstanceId) -> (u32, u32) {
    let (free, registered) = (fleet.free[instance], fleet.registered[instance]);
    (share(free.cpu, registered.cpu), share(free.memory, registered.memory))
}

/// `part / of`; nothing of nothing is nothing.
fn share(part: u32, of: u32) -> u32 {
    let parts = u64::from(part) * u64::from(WHOLE);
    // `part` is at most `of`, so the quotient is at most `WHOLE`.
    parts.checked_div(u64::from(of)).map_or(0, |share| share.min(u64::from(WHOLE)) as u32)
}
