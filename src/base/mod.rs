//! L0, the ground floor: time, money, identifiers, randomness and exact decimal text. Knows neither ECS nor files.
//!
//! Everything that is summed, or compared to decide something, is a whole number here: microseconds, nano-dollars, row
//! numbers. Floats are left to [`distribution`], whose draws are rounded at once, and to ratios for people. [`lookup`]
//! cannot be iterated, so nothing comes to depend on hash order; [`random`] is the only source of randomness; there is
//! no wall clock.

pub mod calendar;
pub mod canary;
pub mod decimal;
pub mod digest;
pub mod distribution;
pub mod hint;
pub mod histogram;
pub mod id;
pub mod lookup;
pub mod money;
pub mod random;
pub mod spreadsheet;
pub mod suggest;
pub mod sums;
pub mod text;
pub mod time;
