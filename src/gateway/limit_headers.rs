//! `X-RateLimit-…` on answers: by default numbers of the quota, on what comes from an upstream; with
//! `rate_limit_response_headers: rate_limits` those of the rate, on every answer to a request that a limiter has looked
//! at (sessions reference 5.8).

use http::{HeaderName, HeaderValue};
use pingora_http::ResponseHeader;

use crate::{chain::Ctx, limit::KeyLimits};

const NAMES: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit"),
    HeaderName::from_static("x-ratelimit-remaining"),
    HeaderName::from_static("x-ratelimit-reset"),
];

/// Puts them on an upstream's answer, whose own go.
pub(super) fn on_upstream(ctx: &Ctx, head: &mut ResponseHeader) {
    if !shows_rates(ctx) {
        set(head, quota(ctx));
        return;
    }
    for name in &NAMES {
        head.remove_header(name);
    }
    on_own(ctx, head);
}

/// Puts them on an answer of the gateway or of a hook.
pub(super) fn on_own(ctx: &Ctx, head: &mut ResponseHeader) {
    if let Some(rate) = ctx.limits.rate
        && shows_rates(ctx)
    {
        set(head, [rate.limit, rate.remaining, rate.reset()]);
    }
}

fn shows_rates(ctx: &Ctx) -> bool {
    ctx.snapshot.services.config.rate_limit_response_headers == "rate_limits"
}

/// Limit, rest and end of the period as the key's state has them, with what this request has just counted. Zeros without
/// a key.
fn quota(ctx: &Ctx) -> [i64; 3] {
    let (Some(key), Some(api)) = (&ctx.state, &ctx.api) else { return [0; 3] };
    let Some(limits) = KeyLimits::of(&key.state, &api.spec.api_id) else { return [0; 3] };
    // Counters of a scope never become the key's own numbers.
    match ctx.limits.quota.filter(|_| limits.of_api || limits.scope.is_empty()) {
        Some(counted) => [limits.quota_max, counted.remaining, counted.renews],
        None => [limits.quota_max, limits.quota_remaining, limits.quota_renews],
    }
}

fn set(head: &mut ResponseHeader, numbers: [i64; 3]) {
    for (name, number) in NAMES.into_iter().zip(numbers) {
        let value = if number == 0 { HeaderValue::from_static("0") } else { HeaderValue::from(number) };
        if let Err(error) = head.insert_header(name, value) {
            tracing::error!(%error, "a header of ours was refused");
        }
    }
}
