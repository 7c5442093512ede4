//! Which limits of a key count for an API (sessions reference 4.4).

use crate::session::{SessionState, Smoothing};

/// The limits of one key on one API: those of its entry for the API, unless that has none, else the key's own.
#[derive(Debug, Clone, Copy)]
pub struct KeyLimits<'a> {
    /// Whose counters; empty shares them over APIs.
    pub scope: &'a str,
    /// Requests in `per` seconds; nothing above zero is no limit.
    pub rate: f64,
    /// Seconds.
    pub per: f64,
    /// Rate that follows the traffic.
    pub smoothing: Option<&'a Smoothing>,
    /// Seconds between retries.
    pub throttle_interval: f64,
    /// Retries; nothing above zero is none.
    pub throttle_retry_limit: i64,
    /// Requests in a period; nothing above zero is no quota.
    pub quota_max: i64,
    /// Seconds; nothing above zero never renews.
    pub quota_renewal_rate: i64,
    /// What the state says is left; for information.
    pub quota_remaining: i64,
    /// What the state says of the period's end; for information.
    pub quota_renews: i64,
    /// They are the entry's own and not the key's.
    pub of_api: bool,
}

impl<'a> KeyLimits<'a> {
    /// `None` if the key has rights and none on this API.
    pub fn of(state: &'a SessionState, api_id: &str) -> Option<Self> {
        let rights = state.rights(api_id);
        if rights.is_none() && !state.access_rights.is_empty() {
            return None;
        }
        let scope = rights.map_or("", |rights| rights.allowance_scope.as_str());
        let Some(limit) = rights.map(|rights| &rights.limit).filter(|limit| !limit.is_empty()) else {
            return Some(Self {
                scope,
                rate: state.rate,
                per: state.per,
                smoothing: state.smoothing.as_ref(),
                throttle_interval: state.throttle_interval,
                throttle_retry_limit: state.throttle_retry_limit,
                quota_max: state.quota_max,
                quota_renewal_rate: state.quota_renewal_rate,
                quota_remaining: state.quota_remaining,
                quota_renews: state.quota_renews,
                of_api: false,
            });
        };
        Some(Self {
            scope,
            rate: limit.rate,
            per: limit.per,
            smoothing: limit.smoothing.as_ref().or(state.smoothing.as_ref()),
            throttle_interval: limit.throttle_interval,
            throttle_retry_limit: limit.throttle_retry_limit,
            quota_max: limit.quota_max,
            quota_renewal_rate: limit.quota_renewal_rate,
            quota_remaining: limit.quota_remaining,
            quota_renews: limit.quota_renews,
            of_api: true,
        })
    }
}
