//! The better of two limits: -1 is the largest quota and depth, and the faster of two rates is the one with less time
//! between requests. A rate that is not set has none, and so counts as fastest.

use std::collections::BTreeMap;

use super::Policy;
use crate::session::{ApiLimit, EndpointLimits, EndpointMethod, RateLimit, SessionState};

/// The numbers of a policy as those of one API.
pub(super) fn of_policy(policy: &Policy) -> ApiLimit {
    ApiLimit {
        rate: policy.rate,
        per: policy.per,
        smoothing: policy.smoothing.clone(),
        throttle_interval: policy.throttle_interval,
        throttle_retry_limit: policy.throttle_retry_limit,
        max_query_depth: policy.max_query_depth,
        quota_max: policy.quota_max,
        quota_renewal_rate: policy.quota_renewal_rate,
        ..ApiLimit::default()
    }
}

/// Seconds between two requests.
fn interval(rate: f64, per: f64) -> f64 {
    if rate <= 0.0 || per <= 0.0 { 0.0 } else { per / rate }
}

fn is_unset(rate: f64, per: f64) -> bool {
    rate == 0.0 || per == 0.0
}

fn is_larger(one: i64, other: i64) -> bool {
    other != -1 && (one == -1 || one > other)
}

fn raise(number: &mut i64, to: i64) {
    if is_larger(to, *number) {
        *number = to;
    }
}

/// Takes over what `earlier` has that is better than `limit`. True if rate or quota is.
pub(super) fn keep_better(earlier: &ApiLimit, limit: &mut ApiLimit) -> bool {
    let mut kept = false;
    if interval(limit.rate, limit.per) > interval(earlier.rate, earlier.per) {
        limit.rate = earlier.rate;
        limit.per = earlier.per;
        limit.smoothing.clone_from(&earlier.smoothing);
        kept = true;
    }
    if is_larger(earlier.quota_max, limit.quota_max) {
        limit.quota_max = earlier.quota_max;
        kept = true;
    }
    limit.quota_renewal_rate = limit.quota_renewal_rate.max(earlier.quota_renewal_rate);
    if limit.quota_max == -1 {
        limit.quota_renewal_rate = 0;
    }
    kept
}

/// Raises the quota of one API, and that of the key, to the policy's.
pub(super) fn raise_quota(policy: &Policy, limit: &mut ApiLimit, state: &mut SessionState) {
    raise(&mut limit.quota_max, policy.quota_max);
    raise(&mut state.quota_max, policy.quota_max);
    limit.quota_renewal_rate = limit.quota_renewal_rate.max(policy.quota_renewal_rate);
    state.quota_renewal_rate = state.quota_renewal_rate.max(policy.quota_renewal_rate);
}

/// Raises the rate of one API, and that of the key, to the policy's if that has one.
pub(super) fn raise_rate(policy: &Policy, limit: &mut ApiLimit, state: &mut SessionState) {
    let ours = interval(policy.rate, policy.per);
    let is_better = |rate: f64, per: f64| is_unset(rate, per) || interval(rate, per) > ours;
    if !is_unset(policy.rate, policy.per) {
        if is_better(limit.rate, limit.per) {
            limit.rate = policy.rate;
            limit.per = policy.per;
            limit.smoothing.clone_from(&policy.smoothing);
        }
        if is_better(state.rate, state.per) {
            state.rate = policy.rate;
            state.per = policy.per;
            state.smoothing.clone_from(&policy.smoothing);
        }
    }
    limit.throttle_retry_limit = limit.throttle_retry_limit.max(policy.throttle_retry_limit);
    state.throttle_retry_limit = state.throttle_retry_limit.max(policy.throttle_retry_limit);
    limit.throttle_interval = limit.throttle_interval.max(policy.throttle_interval);
    state.throttle_interval = state.throttle_interval.max(policy.throttle_interval);
}

/// Raises the query depth of one API, and that of the key, to the policy's.
pub(super) fn raise_depth(policy: &Policy, limit: &mut ApiLimit, state: &mut SessionState) {
    raise(&mut limit.max_query_depth, policy.max_query_depth);
    raise(&mut state.max_query_depth, policy.max_query_depth);
}

/// Makes the numbers of the only limited API those of the key.
pub(super) fn to_root(limit: &ApiLimit, state: &mut SessionState) {
    state.rate = limit.rate;
    state.per = limit.per;
    state.smoothing.clone_from(&limit.smoothing);
    state.throttle_interval = limit.throttle_interval;
    state.throttle_retry_limit = limit.throttle_retry_limit;
    state.max_query_depth = limit.max_query_depth;
    state.quota_max = limit.quota_max;
    state.quota_renewal_rate = limit.quota_renewal_rate;
}

/// Both lists, the faster rate where both limit the same method of a path; sorted by path, then method (sessions
/// reference 2.5). Tyk loses paths with a colon here; a limit that somebody wrote is kept.
pub(super) fn endpoints(one: &[EndpointLimits], other: &[EndpointLimits]) -> Vec<EndpointLimits> {
    let mut paths: BTreeMap<&str, BTreeMap<&str, &RateLimit>> = BTreeMap::new();
    for endpoint in other.iter().chain(one) {
        let methods = paths.entry(&endpoint.path).or_default();
        for method in &endpoint.methods {
            methods
                .entry(&method.name)
                .and_modify(|limit| {
                    if is_faster(&method.limit, limit) {
                        *limit = &method.limit;
                    }
                })
                .or_insert(&method.limit);
        }
    }
    let named = |(name, limit): (&str, &RateLimit)| EndpointMethod {
        name: name.to_owned(),
        limit: limit.clone(),
        ..EndpointMethod::default()
    };
    let of_path = |(path, methods): (&str, BTreeMap<&str, &RateLimit>)| EndpointLimits {
        path: path.to_owned(),
        methods: methods.into_iter().map(named).collect(),
        ..EndpointLimits::default()
    };
    paths.into_iter().map(of_path).collect()
}

fn is_faster(one: &RateLimit, other: &RateLimit) -> bool {
    let (ours, theirs) = (interval(one.rate, one.per), interval(other.rate, other.per));
    ours < theirs || (ours == theirs && one.rate > other.rate)
}
