//! Lifecycle hooks: how long they hold an instance, and what becomes of it then.
//!
//! All hooks of a transition begin at once; an instance goes on when the last one has called back. One that has not when
//! its heartbeat is over has its default result: `CONTINUE`, as if it had called; or `ABANDON`, which ends a launch, and a
//! termination's waiting (documented).

use crate::base::time::SimSpan;

/// What a hook does that has not called back in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DefaultResult {
    /// The API's default.
    #[default]
    Abandon,
    /// As if it had called.
    Continue,
}

impl DefaultResult {
    /// Both with their names in the API.
    pub const ALL: [(DefaultResult, &'static str); 2] =
        [(DefaultResult::Abandon, "ABANDON"), (DefaultResult::Continue, "CONTINUE")];
}

/// A hook that has begun.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Begun {
    /// From its begin to its call.
    pub takes: SimSpan,
    /// `HeartbeatTimeout`.
    pub heartbeat: SimSpan,
    /// `DefaultResult`.
    pub default: DefaultResult,
}

/// What becomes of an instance that waits for its hooks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    /// For how long it waits.
    pub after: SimSpan,
    /// Whether it is abandoned then.
    pub is_abandoned: bool,
}

/// The outcome of hooks that begin together.
#[must_use]
pub fn outcome(hooks: impl Iterator<Item = Begun>) -> Outcome {
    let (mut last, mut abandoned) = (SimSpan::ZERO, None::<SimSpan>);
    for hook in hooks {
        if hook.takes <= hook.heartbeat {
            last = last.max(hook.takes);
        } else if hook.default == DefaultResult::Continue {
            last = last.max(hook.heartbeat);
        } else {
            let at = hook.heartbeat;
            abandoned = Some(abandoned.map_or(at, |known| known.min(at)));
        }
    }
    match abandoned {
        Some(after) => Outcome { after, is_abandoned: true },
        None => Outcome { after: last, is_abandoned: false },
    }
}
