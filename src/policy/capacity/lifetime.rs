//! `MaxInstanceLifetime`: how many instances that have reached it are replaced at once.
//!
//! Documented: usually one at a time, with a pause in between; where that does not give every instance its turn within
//! the lifetime, several, up to 10 % of the current capacity. How long the pause is AWS does not say.

use crate::base::time::SimSpan;

/// The shortest lifetime (documented).
pub const SHORTEST: SimSpan = SimSpan::from_secs(86_400);

/// How many of a group's `capacity` instances are replaced in one go, when there is a `pause` from each go to the next.
#[must_use]
pub fn at_once(capacity: u32, lifetime: SimSpan, pause: SimSpan) -> u32 {
    let goes = (lifetime.0 / pause.0.max(1)).max(1);
    let needed = u64::from(capacity).div_ceil(goes);
    let most = (capacity / 10).max(1);
    u32::try_from(needed).unwrap_or(most).clamp(1, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_unless_time_is_short_then_up_to_a_tenth() {
        let (day, pause) = (SHORTEST, SimSpan::from_secs(300));
        // 288 pauses are in a day.
        assert_eq!(at_once(3, day, pause), 1);
        assert_eq!(at_once(288, day, pause), 1);
        assert_eq!(at_once(289, day, pause), 2);
        assert_eq!(at_once(1_000, day, pause), 4, "250 goes");
        // Two goes in a day would need half of them; a tenth is the most, and one is always allowed.
        let half_day = SimSpan::from_secs(43_200);
        assert_eq!(at_once(100, day, half_day), 10);
        assert_eq!(at_once(9, day, half_day), 1);
        assert_eq!(at_once(0, day, pause), 1);
        assert_eq!(at_once(10, day, SimSpan::ZERO), 1);
    }
}
