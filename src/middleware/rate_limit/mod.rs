//! The limits of a key: its rate, those of single endpoints, its quota (sessions reference 5 and 6).

mod pattern;
mod variables;

use std::{
    borrow::Cow,
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use pingora_proxy::Session;

pub(super) use self::variables::LimitVariables;
use crate::{
    chain::{Blueprint, Ctx, Denial, Flow, ListenPath, Middleware, PathStyle, key_failure},
    error::Result,
    event::{EventKind, Monitor, Usage},
    hook::Spec,
    limit::{Ask, Checked, EndpointRates, KeyLimits, Limiter, QuotaAsk, RateAsk, Refusal, Run},
    session::{ApiLifetime, KeyState, QuotaLeft, RateLimit as EndpointRate, Sessions},
};

const OVER_RATE: Denial = Denial::new(429, "Rate Limit Exceeded");
const OVER_QUOTA: Denial = Denial::new(403, "Quota exceeded");
/// A fixed window whose store does not answer.
const NO_WINDOW: Denial = Denial::new(500, "there was a problem proxying the request");

struct KeyLimit {
    spec: Arc<Spec>,
    rate: bool,
    quota: bool,
    limiter: Arc<Limiter>,
    sessions: Arc<Sessions>,
    monitor: Arc<Monitor>,
    lifetime: ApiLifetime,
    listen_path: ListenPath,
    style: PathStyle,
    /// Made for the first key that has any.
    endpoints: OnceLock<EndpointRates>,
    variables: Option<LimitVariables>,
    /// Patterns of keys may name context variables.
    has_context: bool,
}

pub(super) fn build(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn Middleware>> {
    let definition = blueprint.definition;
    let (rate, quota) = (!definition.disable_rate_limit, !definition.disable_quota);
    if definition.use_keyless || !(rate || quota) {
        return None;
    }
    Some(Box::new(KeyLimit {
        spec: blueprint.spec.clone(),
        rate,
        quota,
        limiter: blueprint.services.limiter.clone(),
        sessions: blueprint.services.sessions.clone(),
        monitor: blueprint.services.monitor.clone(),
        lifetime: definition.into(),
        listen_path: blueprint.listen_path.clone(),
        style: PathStyle { ignore_case: false, ..blueprint.path_style() },
        endpoints: OnceLock::new(),
        variables: LimitVariables::build(blueprint),
        has_context: definition.enable_context_vars,
    }))
}

/// True if no limit applies to this run of the chain: a loop that does not ask for it.
pub(super) fn is_exempt(ctx: &Ctx) -> bool {
    ctx.looped() && !ctx.loops.check_limits
}

#[async_trait]
impl Middleware for KeyLimit {
    async fn request(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Flow> {
        if is_exempt(ctx) {
            return Ok(Flow::Next);
        }
        let Some(key) = ctx.state.clone() else { return Ok(Flow::Next) };
        let Some(limits) = KeyLimits::of(&key.state, &self.spec.api_id) else {
            return Ok(over_rate(session, ctx, &key));
        };
        let own = match pattern::of(&key.state) {
            Some(text) => {
                Some(pattern::print(text, &key.state.meta_data, self.has_context, session, ctx).await?)
            }
            None => None,
        };
        let own = own.filter(|text| !text.is_empty());
        let endpoint = self.endpoint(&key, session, ctx);
        let (rate, endpoint) = match &endpoint {
            Some((rate, hash)) => ((rate.rate, rate.per, rate.smoothing.as_ref()), hash.as_str()),
            None => ((limits.rate, limits.per, limits.smoothing), ""),
        };
        let rate = RateAsk {
            rate: rate.0,
            per: rate.1,
            smoothing: rate.2,
            endpoint,
            // A bucket that keys share is nobody's to begin anew.
            generation: if own.is_some() { "" } else { &key.state.last_updated },
        };
        let ask = Ask {
            scope: limits.scope,
            id: own.as_deref().unwrap_or(&key.hash),
            rate: self.rate.then_some(rate),
            quota: self
                .quota
                .then_some(QuotaAsk { limit: limits.quota_max, renewal: limits.quota_renewal_rate }),
        };
        Ok(self.run(&ask, &limits, &key, session, ctx).await)
    }
}

impl KeyLimit {
    /// Counts the request; while it is over its rate, waits and looks again as often as the key allows.
    async fn run(
        &self,
        ask: &Ask<'_>,
        limits: &KeyLimits<'_>,
        key: &KeyState,
        session: &mut Session,
        ctx: &mut Ctx,
    ) -> Flow {
        let pause = Duration::try_from_secs_f64(limits.throttle_interval).unwrap_or_default();
        let mut tries = 0;
        loop {
            let checked = self.limiter.check(ask, Run::Real).await;
            self.note(&checked, ask, key, ctx);
            match checked.refused {
                None => return Flow::Next,
                Some(Refusal::Fault(_)) => return Flow::Deny(NO_WINDOW),
                Some(Refusal::Quota) => {
                    let message = "Key Quota Limit Exceeded";
                    key_failure(session, ctx, EventKind::QuotaExceeded, message, &key.id);
                    return Flow::Deny(OVER_QUOTA);
                }
                Some(Refusal::Rate) => {}
            }
            let denied = over_rate(session, ctx, key);
            if limits.throttle_retry_limit <= 0 {
                return denied;
            }
            loop {
                tries += 1;
                tokio::time::sleep(pause).await;
                let looked = self.limiter.check(ask, Run::Dry).await;
                self.note(&looked, ask, key, ctx);
                if tries > limits.throttle_retry_limit {
                    return denied;
                }
                if looked.refused.is_none() {
                    break;
                }
            }
        }
    }

    /// The rate that the key has on the endpoint.
    fn endpoint<'k>(
        &self,
        key: &'k KeyState,
        session: &Session,
        ctx: &Ctx,
    ) -> Option<(&'k EndpointRate, String)> {
        let endpoints = key.state.rights(&self.spec.api_id)?.endpoints.as_slice();
        if endpoints.is_empty() || !self.rate {
            return None;
        }
        let style = self.style;
        let rates = self.endpoints.get_or_init(|| EndpointRates::new(move |path| style.regex(path).ok()));
        let path: Cow<'_, str> = self.listen_path.strip(ctx.url.path());
        rates.find(endpoints, session.req_header().method.as_str(), &path)
    }

    /// Keeps the numbers for headers and variables, and hands those of the quota on to the key's state.
    fn note(&self, checked: &Checked, ask: &Ask<'_>, key: &KeyState, ctx: &mut Ctx) {
        if checked.rate.is_some() {
            ctx.limits.rate = checked.rate;
        }
        if let Some(quota) = checked.quota {
            ctx.limits.quota = Some(quota);
            if checked.refused.is_none() {
                let left = QuotaLeft { scope: ask.scope, remaining: quota.remaining, renews: quota.renews };
                self.sessions.quota_used(key, self.lifetime, left);
                self.monitor.key(Usage {
                    org_id: &key.state.org_id,
                    key: &key.id,
                    max: quota.limit,
                    remaining: quota.remaining,
                    renews: quota.renews,
                    limits: &key.state.monitor.trigger_limits,
                });
            }
        }
        if let Some(moved) = checked.moved {
            variables::tell(moved, ask.id, key, ctx);
        }
        if let Some(variables) = &self.variables {
            variables.set(ctx);
        }
    }
}

fn over_rate(session: &Session, ctx: &Ctx, key: &KeyState) -> Flow {
    key_failure(session, ctx, EventKind::RateLimitExceeded, &OVER_RATE.message, &key.id);
    Flow::Deny(OVER_RATE)
}

#[cfg(test)]
mod tests;
