//! Named random streams. Every draw of the project goes through this module and `distribution`.
//!
//! A stream is keyed by (seed, purpose, name) through SHA-256, not by order of creation: a new draw in one place
//! moves no number elsewhere, and two policies under one seed meet the same arrivals. The generator is
//! xoshiro256++, named and pinned by known-answer tests; `StdRng` and thread generators are not reproducible
//! across versions and are not used.

use rand::rand_core::{Rng as _, SeedableRng, TryRng};
use rand::rngs::Xoshiro256PlusPlus;
use sha2::{Digest as _, Sha256};
use std::convert::Infallible;

/// What a stream of random numbers is for. The text of the name is part of the key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Sizes, times and durations of generated traces.
    Workload,
    /// The `random` placement strategy and the `uniform` tie-break.
    Placement,
    /// Attaching a network interface to an `awsvpc` task.
    EniAttach,
    /// Pulling a container image.
    ImagePull,
    /// Creating and starting containers.
    ContainerStart,
    /// Stopping containers after SIGTERM.
    ContainerStop,
    /// Detaching a network interface.
    EniDetach,
    /// Preparing a Fargate host before the pull.
    FargatePrepare,
    /// How long a task works when the trace does not say.
    Duration,
    /// The jitter of a caller's retries.
    Retry,
    /// When the single requests of a service arrive.
    RequestArrival,
    /// What a single request of a service costs, and whether it is answered with an error.
    RequestWork,
    /// By which client's long connection a single request comes.
    RequestClient,
    /// When the service scheduler reacts, and what it chooses at random.
    Service,
    /// How the tasks of a service behave: crashes, health.
    Behaviour,
    /// How long an instance takes until it is ACTIVE.
    Instance,
    /// Which instance of a group ends, among equals.
    Termination,
    /// When hosts fail and which, and for how long.
    Fault,
    /// When EC2 takes a Spot instance back.
    Interruption,
    /// When a Spot pool takes back many instances at once, and which.
    Reclaim,
    /// Random scenarios of the project's own tests.
    Test,
    /// Where a screening of levers begins, and in which order it changes them.
    Screening,
}

/// A scenario's seed, from which all streams are derived.
///
/// Seeds from 2⁶³ on are the [mirror images](Seed::mirrored) of those below.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seed(pub u64);

/// The bit of a mirror image.
const MIRROR: u64 = 1 << 63;

impl Seed {
    /// The seed whose streams are those of this one with every random bit turned: where this one draws the uniform number u,
    /// that one draws 1 − u. The mean of the two varies less than that of two seeds that know nothing of each other wherever
    /// more of a draw means more (or less) of the result: antithetic variates (Hammersley and Morton, 1956).
    #[must_use]
    pub fn mirrored(self) -> Seed {
        Seed(self.0 ^ MIRROR)
    }

    /// The stream for `purpose` in the hands of the entity called `name`.
    #[must_use]
    pub fn stream(self, purpose: Purpose, name: &str) -> Stream {
        let key = format!("ecsim/1\n{}\n{purpose:?}\n{name}", self.0 & !MIRROR);
        let generator = Xoshiro256PlusPlus::from_seed(Sha256::digest(key.as_bytes()).into());
        Stream { generator, turned: self.turned() }
    }

    /// The family of streams for `purpose` in the hands of `name`.
    #[must_use]
    pub fn family(self, purpose: Purpose, name: &str) -> Family {
        let mut first = Seed(self.0 & !MIRROR).stream(purpose, name);
        Family { key: first.next_u64(), turned: self.turned() }
    }

    /// The bits that are turned: all or none.
    fn turned(self) -> u64 {
        if self.0 & MIRROR == 0 { 0 } else { u64::MAX }
    }
}

/// A family of streams, one per member: a task's draws depend on its number, not on who was served before it.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    key: u64,
    turned: u64,
}

impl Family {
    /// The stream of member `index`. Cheap: a few nanoseconds.
    #[inline]
    #[must_use]
    pub fn member(self, index: u64) -> Stream {
        // An odd multiplier keeps members apart; `seed_from_u64` spreads the bits with SplitMix64.
        let key = self.key ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Stream { generator: Xoshiro256PlusPlus::seed_from_u64(key), turned: self.turned }
    }
}

/// A stream of random numbers. Equal keys give equal streams on every platform.
#[derive(Clone, Debug)]
pub struct Stream {
    generator: Xoshiro256PlusPlus,
    turned: u64,
}

impl Stream {
    /// The next 64 random bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.generator.next_u64() ^ self.turned
    }

    /// A uniform whole number in `0..bound`, without bias. Panics on a bound of zero.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "an empty range has no numbers");
        // Lemire's multiply-and-reject.
        loop {
            let wide = u128::from(self.next_u64()) * u128::from(bound);
            let low = wide as u64;
            if low >= bound || low >= bound.wrapping_neg() % bound {
                return (wide >> 64) as u64;
            }
        }
    }

    /// A uniform float in `[0, 1)` with 53 random bits.
    #[inline]
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// For `rand_distr`.
impl TryRng for Stream {
    type Error = Infallible;

    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.generator.next_u32() ^ self.turned as u32)
    }

    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.generator.next_u64() ^ self.turned)
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        self.generator.fill_bytes(to);
        to.iter_mut().for_each(|byte| *byte ^= self.turned as u8);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_give_known_answers() {
        let mut stream = Seed(42).stream(Purpose::Placement, "default");
        let drawn: Vec<u64> = (0..3).map(|_| stream.next_u64()).collect();
        assert_eq!(drawn, KNOWN);
    }
    const KNOWN: [u64; 3] =
        [6_815_615_768_715_470_324, 13_287_563_917_230_263_277, 16_024_982_158_923_542_821];

    #[test]
    fn members_of_a_family_give_known_answers() {
        let family = Seed(42).family(Purpose::Duration, "batch");
        let drawn: Vec<u64> = (0..3).map(|i| family.member(i).next_u64()).collect();
        assert_eq!(
            drawn,
            [8_516_156_533_060_212_063, 7_326_048_844_034_724_400, 772_848_703_062_273_661]
        );
    }

    #[test]
    fn another_purpose_name_or_seed_is_another_stream() {
        let first = |seed: u64, purpose, name| Seed(seed).stream(purpose, name).next_u64();
        let base = first(1, Purpose::Workload, "a");
        assert_eq!(base, first(1, Purpose::Workload, "a"));
        assert_ne!(base, first(2, Purpose::Workload, "a"));
        assert_ne!(base, first(1, Purpose::ImagePull, "a"));
        assert_ne!(base, first(1, Purpose::Workload, "b"));
    }

    #[test]
    fn a_mirrored_seed_draws_what_is_missing_to_one() {
        let mut one = Seed(42).stream(Purpose::Workload, "a");
        let mut other = Seed(42).mirrored().stream(Purpose::Workload, "a");
        assert_eq!(Seed(42).mirrored().mirrored(), Seed(42));
        for _ in 0..1_000 {
            let sum = one.unit() + other.unit();
            assert!((sum - 1.0).abs() < 1e-15, "{sum}");
        }
        let member = |seed: Seed| seed.family(Purpose::Duration, "b").member(7).next_u64();
        assert_eq!(member(Seed(42)), !member(Seed(42).mirrored()));
    }

    #[test]
    fn below_stays_below_and_reaches_every_number() {
        let mut stream = Seed(7).stream(Purpose::Test, "below");
        let mut seen = [0u32; 7];
        for _ in 0..7_000 {
            seen[stream.below(7) as usize] += 1;
        }
        assert!(seen.iter().all(|&n| (850..1150).contains(&n)), "{seen:?}");
    }
}
