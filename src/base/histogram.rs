//! Distribution of spans in bounded memory: exact count, sum, largest; quantiles to one part in 256.

use super::time::SimSpan;

/// Sub-buckets per power of two: a bucket is at most 1/256 of its value wide.
const SUB_BITS: u32 = 8;

/// Counts of spans in buckets that grow with the value. Memory: at most 57 × 256 counters of 8 bytes, and only
/// up to the largest value seen.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SpanHistogram {
    counts: Vec<u64>,
    count: u64,
    sum: u128,
    max: SimSpan,
}

impl SpanHistogram {
    /// Adds one span.
    #[inline]
    pub fn add(&mut self, span: SimSpan) {
        self.add_many(span, 1);
    }

    /// Adds one span `times` times.
    #[inline]
    pub fn add_many(&mut self, span: SimSpan, times: u64) {
        let bucket = Self::bucket(span.0);
        if bucket >= self.counts.len() {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += times;
        self.count += times;
        self.sum += u128::from(span.0) * u128::from(times);
        self.max = self.max.max(span);
    }

    /// Adds every span of `other`.
    pub fn merge(&mut self, other: &SpanHistogram) {
        if other.counts.len() > self.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.count += other.count;
        self.sum += other.sum;
        self.max = self.max.max(other.max);
    }

    /// How many spans were added.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Exact sum in microseconds.
    #[must_use]
    pub fn sum_micros(&self) -> u128 {
        self.sum
    }

    /// Mean to the nearest microsecond; `None` without spans.
    #[must_use]
    pub fn mean(&self) -> Option<SimSpan> {
        let count = u128::from(self.count);
        (count > 0).then(|| SimSpan(((self.sum + count / 2) / count) as u64))
    }

    /// Largest span; `None` without spans.
    #[must_use]
    pub fn max(&self) -> Option<SimSpan> {
        (self.count > 0).then_some(self.max)
    }

    /// The smallest bucket bound that at least `per_mille`/1000 of the spans do not exceed, and never more than
    /// the largest span; `None` without spans. Above 256 µs it is up to 1/256 too high, never too low.
    #[must_use]
    pub fn quantile(&self, per_mille: u64) -> Option<SimSpan> {
        let rank = (u128::from(self.count) * u128::from(per_mille)).div_ceil(1000).max(1) as u64;
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Some(SimSpan(Self::upper(bucket)).min(self.max));
            }
        }
        None
    }

    /// Non-empty buckets as (largest value in it, count), ascending: the shape, for charts.
    pub fn buckets(&self) -> impl Iterator<Item = (SimSpan, u64)> + '_ {
        let full = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        full.map(|(bucket, count)| (SimSpan(Self::upper(bucket)).min(self.max), *count))
    }

    fn bucket(value: u64) -> usize {
        if value < 1 << SUB_BITS {
            return value as usize;
        }
        let shift = 63 - value.leading_zeros() - SUB_BITS;
        (((u64::from(shift) + 1) << SUB_BITS) + ((value >> shift) - (1 << SUB_BITS))) as usize
    }

    fn upper(bucket: usize) -> u64 {
        let bucket = bucket as u64;
        if bucket < 1 << SUB_BITS {
            return bucket;
        }
        let shift = (bucket >> SUB_BITS) - 1;
        let lower = ((bucket & ((1 << SUB_BITS) - 1)) + (1 << SUB_BITS)) << shift;
        lower + ((1 << shift) - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::drawn;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(drawn(256))]

        #[test]
        fn merging_is_adding_one_by_one(
            spans in proptest::collection::vec((0..(1u64 << 40), 1..9u64, any::<bool>()), 0..50),
        ) {
            let mut parts = [SpanHistogram::default(), SpanHistogram::default()];
            let mut whole = SpanHistogram::default();
            for (span, times, second) in spans {
                parts[usize::from(second)].add_many(SimSpan(span), times);
                whole.add_many(SimSpan(span), times);
            }
            let [mut first, second] = parts;
            first.merge(&second);
            prop_assert_eq!(first, whole);
        }

        #[test]
        fn quantiles_are_never_too_low_and_at_most_one_part_in_256_too_high(
            mut values in proptest::collection::vec(0..(1u64 << 48), 1..200), per_mille in 1..1000u64,
        ) {
            let mut histogram = SpanHistogram::default();
            values.iter().for_each(|&v| histogram.add(SimSpan(v)));
            values.sort_unstable();
            let rank = (values.len() as u64 * per_mille).div_ceil(1000).max(1) as usize;
            let exact = values[rank - 1];
            let found = histogram.quantile(per_mille).unwrap().0;
            prop_assert!(found >= exact && found <= exact + exact / 256, "{found} against {exact}");
        }
    }
}
