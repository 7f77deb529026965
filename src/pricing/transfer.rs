//! Tiers of what goes out to the internet: the first bytes of a month cost most.

use super::side::BYTES_PER_GB;
use crate::base::money::HourlyRate;

const TB: u128 = 1_024 * BYTES_PER_GB;
/// Where each tier ends, bytes of a month: 10 TB, 40 more, 100 more (documented).
const ENDS: [u128; 4] = [10 * TB, 50 * TB, 150 * TB, u128::MAX];

/// What has gone out in a month so far.
#[derive(Clone, Debug)]
pub struct Tiers {
    rates: [HourlyRate; 4],
    /// Bytes of a month that cost nothing, at its beginning.
    free: u128,
    sent: u128,
}

impl Tiers {
    /// Prices of a GB by tier, and how many GB of a month are free.
    #[must_use]
    pub fn new(rates: [HourlyRate; 4], free_gb: u32) -> Tiers {
        Tiers { rates, free: u128::from(free_gb) * BYTES_PER_GB, sent: 0 }
    }

    /// A new month begins.
    pub fn begin_month(&mut self) {
        self.sent = 0;
    }

    /// `bytes` go out: tier (from 1), price of a GB, and bytes of each part that costs something.
    pub fn send(&mut self, bytes: u128) -> Vec<(usize, HourlyRate, u128)> {
        let mut parts = Vec::new();
        let mut left = bytes;
        while left > 0 {
            let tier = ENDS.iter().position(|end| self.sent < *end).unwrap_or(ENDS.len() - 1);
            let is_free = self.sent < self.free;
            let end = if is_free { ENDS[tier].min(self.free) } else { ENDS[tier] };
            let part = left.min(end - self.sent);
            if !is_free {
                parts.push((tier + 1, self.rates[tier], part));
            }
            self.sent += part;
            left -= part;
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiers(free: u32) -> Tiers {
        Tiers::new(
            ["0.09", "0.085", "0.07", "0.05"].map(|usd| HourlyRate::parse(usd).unwrap()),
            free,
        )
    }

    fn gb(parts: &[(usize, HourlyRate, u128)]) -> Vec<(usize, u128)> {
        parts.iter().map(|(tier, _, bytes)| (*tier, bytes / BYTES_PER_GB)).collect()
    }

    #[test]
    fn tiers_are_filled_one_after_the_other_and_empty_with_the_month() {
        let mut month = tiers(0);
        assert_eq!(gb(&month.send(9 * TB)), [(1, 9_216)]);
        assert_eq!(gb(&month.send(201 * TB)), [(1, 1_024), (2, 40_960), (3, 102_400), (4, 61_440)]);
        month.begin_month();
        assert_eq!(gb(&month.send(TB)), [(1, 1_024)]);
        assert_eq!(month.send(0), []);
    }

    #[test]
    fn free_bytes_come_first_and_count_for_the_tier() {
        let mut month = tiers(100);
        assert_eq!(month.send(60 * BYTES_PER_GB), []);
        assert_eq!(gb(&month.send(60 * BYTES_PER_GB)), [(1, 20)]);
        assert_eq!(gb(&month.send(10 * TB)), [(1, 10_120), (2, 120)]);
    }
}
