//! Bugs on purpose, so that the checks can be seen to fail. Without the feature `canary` there are none.
//!
//! `cargo build --features canary` and `ECSIM_CANARY=ledger` give a program with one of the [`KINDS`] of bug; the tests
//! `canary::` hold that each is caught by what it is there for. A check that has never failed has not been tested.

/// What may be broken: the host's ledger, a placement, the bill, the account of requests.
pub const KINDS: [&str; 4] = ["ledger", "placement", "bill", "requests"];

/// Whether the bug of this kind was asked for.
#[cfg(feature = "canary")]
#[must_use]
pub fn breaks(kind: &str) -> bool {
    use std::sync::OnceLock;
    static ASKED: OnceLock<String> = OnceLock::new();
    debug_assert!(KINDS.contains(&kind));
    ASKED.get_or_init(|| std::env::var("ECSIM_CANARY").unwrap_or_default()) == kind
}

/// Never: this program was built without the feature `canary`.
#[cfg(not(feature = "canary"))]
#[inline(always)]
#[must_use]
pub const fn breaks(_: &str) -> bool {
    false
}
