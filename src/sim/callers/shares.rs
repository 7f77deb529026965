//! Which provider of a capacity provider strategy gets the next task.

use crate::sim::setup::ProviderShare;

/// The largest deficit gets the next task (assumed; the rounding is unpublished): each provider's target is its
/// base plus its share of the rest by weight, ties go to list order.
#[must_use]
pub fn next_share(shares: &[ProviderShare], placed: &[u32], total: u32) -> usize {
    let deficit = deficits(shares, placed, total);
    (0..shares.len()).rev().max_by_key(|&i| deficit(i)).expect("a strategy has providers")
}

/// The providers that may take the next task, the largest deficit first. One of weight 0 takes its base and no more.
#[must_use]
pub fn by_preference(shares: &[ProviderShare], placed: &[u32], total: u32) -> Vec<usize> {
    let deficit = deficits(shares, placed, total);
    let mut items: Vec<usize> =
        (0..shares.len()).filter(|&i| shares[i].weight > 0 || placed[i] < shares[i].base).collect();
    items.sort_by_key(|&i| std::cmp::Reverse(deficit(i)));
    items
}

fn deficits(shares: &[ProviderShare], placed: &[u32], total: u32) -> impl Fn(usize) -> i64 {
    let weights: i64 = shares.iter().map(|s| i64::from(s.weight)).sum::<i64>().max(1);
    let bases: i64 = shares.iter().map(|s| i64::from(s.base)).sum();
    let rest = (i64::from(total) - bases).max(0);
    move |i: usize| {
        let share = &shares[i];
        let base = i64::from(share.base).min(i64::from(total));
        (base - i64::from(placed[i])) * weights + rest * i64::from(share.weight)
    }
}

/// How many tasks of a call of `total` go to each item of a capacity provider strategy: within one of its exact share.
/// As with all largest remainders, a larger call may give one item fewer; tasks that run are never taken away by it.
#[must_use]
pub fn split_by_strategy(shares: &[ProviderShare], total: u32) -> Vec<u32> {
    let mut placed = vec![0; shares.len()];
    for _ in 0..total {
        let item = next_share(shares, &placed, total);
        placed[item] += 1;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::ProviderId;

    fn share(provider: u32, base: u32, weight: u32) -> ProviderShare {
        ProviderShare { provider: ProviderId(provider), base, weight }
    }

    #[test]
    fn base_is_satisfied_first_and_the_rest_goes_by_weight() {
        // AWS's worked example: base 2 on FARGATE, weights 1:3, six tasks: three and three.
        assert_eq!(split_by_strategy(&[share(0, 2, 1), share(1, 0, 3)], 6), [3, 3]);
        assert_eq!(split_by_strategy(&[share(0, 2, 1), share(1, 0, 3)], 1), [1, 0]);
        assert_eq!(split_by_strategy(&[share(0, 0, 1), share(1, 0, 1)], 3), [2, 1]);
        assert_eq!(split_by_strategy(&[share(0, 0, 0), share(1, 0, 1)], 4), [0, 4]);
        assert_eq!(split_by_strategy(&[share(0, 1, 0), share(1, 0, 1)], 4), [1, 3]);
    }
}
