//! L0, the ground floor: time, money, identifiers, randomness and exact decimal text. Knows neither ECS nor files.

pub mod decimal;
pub mod digest;
pub mod distribution;
pub mod id;
pub mod lookup;
pub mod money;
pub mod random;
pub mod suggest;
pub mod time;
