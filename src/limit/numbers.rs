//! What the limiters found, for response headers and context variables.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The numbers of one request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Numbers {
    /// Of the first rate limit that looked at it.
    pub rate: Option<RateNumbers>,
    /// Of its key's quota.
    pub quota: Option<QuotaNumbers>,
}

/// Where a request stands in a rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateNumbers {
    /// Requests in a period.
    pub limit: i64,
    /// How many may follow now; 0 where the algorithm does not know.
    pub remaining: i64,
    /// How long until there is room again.
    pub wait: Duration,
}

impl RateNumbers {
    /// Unix seconds from which there is room again.
    pub fn reset(&self) -> i64 {
        let at = (SystemTime::now() + self.wait).duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(at.as_secs()).unwrap_or(i64::MAX)
    }
}

/// Where a key stands in its quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaNumbers {
    /// Requests in a period.
    pub limit: i64,
    /// How many are left.
    pub remaining: i64,
    /// Unix seconds at which the period ends.
    pub renews: i64,
}
