//! The limits of an API, which all its callers share: `global_rate_limit`, and for single endpoints
//! `extended_paths.rate_limit`, which there takes its place (sessions reference 5.1).

use std::sync::Arc;

use async_trait::async_trait;
use pingora_proxy::Session;

use super::rate_limit::{LimitVariables, is_exempt};
use crate::{
    chain::{
        Blueprint, Ctx, Denial, EndpointPaths, Endpoints, Flow, Middleware, PerVersion, Place, key_failure,
    },
    error::Result,
    event::EventKind,
    limit::{Ask, Limiter, RateAsk, Refusal, Run},
    session::hash::HashFunction,
};

const OVER: Denial = Denial::new(429, "API Rate Limit Exceeded");

struct ApiLimit {
    limiter: Arc<Limiter>,
    /// What events call it.
    name: String,
    /// What its counters are called.
    id: String,
    /// Its buckets in memory begin anew with it.
    generation: String,
    global: Option<Rate>,
    paths: EndpointPaths,
    endpoints: Option<PerVersion<Endpoints<Rate>>>,
    variables: Option<LimitVariables>,
}

struct Rate {
    rate: f64,
    per: f64,
    /// Hash of the endpoint.
    endpoint: String,
}

pub(super) fn build(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn Middleware>> {
    let definition = blueprint.definition;
    if definition.disable_rate_limit {
        return None;
    }
    let limit = &definition.global_rate_limit;
    let global = (!limit.disabled && limit.rate != 0.0).then(|| Rate {
        rate: limit.rate,
        per: limit.per,
        endpoint: String::new(),
    });
    let style = blueprint.path_style();
    let versions = blueprint.versions;
    let endpoints = PerVersion::build(versions, |_, version| {
        version.use_extended_paths.then_some(())?;
        blueprint.endpoints(
            version,
            "rate_limit",
            &version.extended_paths.rate_limit,
            |entry| {
                let counts = !entry.disabled && entry.rate != 0.0 && entry.per > 0.0;
                counts.then_some(Place { path: &entry.path, method: &entry.method, style })
            },
            |_, entry, _| {
                let name = format!("{}:{}", entry.method, entry.path);
                let endpoint = HashFunction::Murmur32.hex(name.as_bytes());
                Some(Rate { rate: entry.rate, per: entry.per, endpoint })
            },
        )
    });
    if global.is_none() && endpoints.is_none() {
        return None;
    }
    let name = format!("apilimiter-{}{}", definition.org_id, definition.api_id);
    let services = blueprint.services;
    Some(Box::new(ApiLimit {
        limiter: services.limiter.clone(),
        id: services.sessions.hash(&name),
        name,
        generation: services.limiter.generation(),
        global,
        paths: blueprint.paths(),
        endpoints,
        variables: LimitVariables::build(blueprint),
    }))
}

#[async_trait]
impl Middleware for ApiLimit {
    async fn request(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Flow> {
        if is_exempt(ctx) {
            return Ok(Flow::Next);
        }
        let endpoint = self.endpoints.as_ref().and_then(|all| all.of(ctx)).and_then(|all| {
            all.find(session.req_header().method.as_str(), &self.paths.for_endpoints(ctx.url.path()))
        });
        let Some(limit) = endpoint.or(self.global.as_ref()) else { return Ok(Flow::Next) };
        let rate = RateAsk {
            rate: limit.rate,
            per: limit.per,
            smoothing: None,
            endpoint: &limit.endpoint,
            generation: &self.generation,
        };
        let ask = Ask { scope: "", id: &self.id, rate: Some(rate), quota: None };
        let checked = self.limiter.check(&ask, Run::Real).await;
        // The key's numbers are nearer to the caller.
        ctx.limits.rate = ctx.limits.rate.or(checked.rate);
        if let Some(variables) = &self.variables {
            variables.set(ctx);
        }
        match checked.refused {
            Some(Refusal::Rate) => {
                key_failure(session, ctx, EventKind::RateLimitExceeded, &OVER.message, &self.name);
                Ok(Flow::Deny(OVER))
            }
            // A window that cannot be counted holds nobody back here.
            _ => Ok(Flow::Next),
        }
    }
}
