//! Capacity provider strategies: how tasks are shared among providers.
//!
//! The base is filled first, by service or call; what is above it follows the weights (documented). Where the shares
//! are not whole, the largest remainders get what is left, ties in the order of the list (assumed; it agrees with every
//! published example).

/// The most providers of a strategy (documented).
pub const MOST_PROVIDERS: usize = 20;
/// The largest base (documented).
pub const MOST_BASE: u32 = 100_000;
/// The largest weight (documented).
pub const MOST_WEIGHT: u32 = 1_000;

/// An item of a strategy, without its provider: the index in the list stands for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Share {
    /// So many tasks at least.
    pub base: u32,
    /// Its share of what is above the base.
    pub weight: u32,
}

/// Whether a strategy is one that ECS takes. Who mixes kinds of providers is not seen here.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn check(shares: &[Share]) -> Result<(), String> {
    if shares.is_empty() || shares.len() > MOST_PROVIDERS {
        return Err(format!(
            "a strategy has 1 to {MOST_PROVIDERS} providers, not {}",
            shares.len()
        ));
    }
    for (number, share) in (1..).zip(shares) {
        if share.base > MOST_BASE {
            return Err(format!(
                "provider {number}: base must be 0 to {MOST_BASE}, not {}",
                share.base
            ));
        }
        if share.weight > MOST_WEIGHT {
            let weight = share.weight;
            return Err(format!(
                "provider {number}: weight must be 0 to {MOST_WEIGHT}, not {weight}"
            ));
        }
    }
    if shares.iter().filter(|share| share.base > 0).count() > 1 {
        return Err("only one provider may have a base".into());
    }
    if shares.iter().all(|share| share.weight == 0) {
        return Err("at least one provider must have a weight above 0".into());
    }
    Ok(())
}

/// How many of `count` tasks each provider gets.
#[must_use]
pub fn split(shares: &[Share], count: u32) -> Vec<u32> {
    let mut left = count;
    let mut got: Vec<u32> = Vec::with_capacity(shares.len());
    for share in shares {
        // A provider of weight 0 places no tasks (documented), its base included.
        let base = if share.weight > 0 { share.base.min(left) } else { 0 };
        left -= base;
        got.push(base);
    }
    let weights: u64 = shares.iter().map(|share| u64::from(share.weight)).sum();
    if weights == 0 {
        return got;
    }
    let rest = u64::from(left);
    let mut remainders: Vec<(u64, usize)> = Vec::with_capacity(shares.len());
    for (index, share) in shares.iter().enumerate() {
        let ideal = rest * u64::from(share.weight);
        let whole = (ideal / weights) as u32; // at most `left`
        got[index] += whole;
        left -= whole;
        remainders.push((ideal % weights, index));
    }
    remainders.sort_by_key(|&(remainder, index)| (u64::MAX - remainder, index));
    for &(_, index) in remainders.iter().take(left as usize) {
        got[index] += 1;
    }
    got
}

/// Which provider the next task goes to, when each has `current` tasks: the one that is furthest below its share of
/// one task more; ties in the order of the list.
#[must_use]
pub fn next(shares: &[Share], current: &[u32]) -> Option<usize> {
    let count = current.iter().sum::<u32>().checked_add(1)?;
    let wanted = split(shares, count);
    let short = wanted.iter().zip(current).map(|(wanted, current)| wanted.saturating_sub(*current));
    first_largest(short)
}

/// Which provider gives a task up, when each has `current` tasks: the one that is furthest above its share of one task
/// fewer. Not documented; the rule that keeps the ratio.
#[must_use]
pub fn surplus(shares: &[Share], current: &[u32]) -> Option<usize> {
    let count = current.iter().sum::<u32>().checked_sub(1)?;
    let wanted = split(shares, count);
    let over = wanted.iter().zip(current).map(|(wanted, current)| current.saturating_sub(*wanted));
    first_largest(over)
}

/// The first of the largest numbers above zero.
fn first_largest(numbers: impl Iterator<Item = u32>) -> Option<usize> {
    let by_size = numbers.enumerate().filter(|&(_, number)| number > 0);
    by_size.min_by_key(|&(index, number)| (u32::MAX - number, index)).map(|(index, _)| index)
}
