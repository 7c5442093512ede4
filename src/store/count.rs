//! What limiters ask of a store: [`Count`], several of them in order, each of which happens as a whole or not at all.

use std::time::Duration;

/// One count. What it counts is the request that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count<'a> {
    /// A log of the moments of all requests in the last `per` seconds, those that did not pass among them (sessions
    /// reference 5.4). Passes while fewer than `limit` stand in it.
    Rolling {
        /// Key of the log, a sorted set whose members are moments as text.
        key: &'a str,
        /// The caller's clock, unix nanoseconds.
        now: u64,
        /// Seconds; 0 keeps nothing, so everything passes that `limit` lets.
        per: u64,
        /// Requests.
        limit: u64,
    },
    /// Counts nothing: passes unless the key exists.
    Flag {
        /// The key.
        key: &'a str,
    },
    /// A number that is gone after `rest`. Passes up to `limit`.
    Window {
        /// Key of the number, which names its window.
        key: &'a str,
        /// How long the window lasts from now on.
        rest: Duration,
        /// Requests.
        limit: u64,
    },
    /// A number that is gone `renewal` seconds after its first request (sessions reference 6); one without an expiry
    /// starts anew if there is a renewal. Passes up to `limit`; what does not pass is counted as well.
    Quota {
        /// Key of the number.
        key: &'a str,
        /// Requests in a period.
        limit: u64,
        /// Seconds; 0 never renews.
        renewal: u64,
    },
}

/// What came of a [`Count`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// The request may go on.
    pub passed: bool,
    /// Requests counted: by a rolling log those before this one, else this one included. 0 for a flag.
    pub value: u64,
    /// Until when: a log that is full has room again, a flag or a number is gone. Zero when nothing is awaited.
    pub left: Duration,
}

/// Longest expiry that is asked for, in seconds: a hundred years. Redis refuses what overflows its clock.
pub(super) const LONGEST: u64 = 100 * 365 * 24 * 3600;
