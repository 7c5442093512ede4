//! Refuses requests for endpoints that a key may not call: `allowed_urls` of its rights (sessions reference 4.3).
//!
//! The patterns come with keys, so they cannot be compiled when the API is. Each API keeps those that it has met;
//! mostly they are a policy's, and few.

use std::sync::Arc;

use async_trait::async_trait;
use pingora_proxy::Session;
use quick_cache::sync::Cache;
use regex::Regex;

use crate::{
    chain::{Blueprint, Ctx, Denial, Flow, ListenPath, Middleware, PathStyle},
    error::Result,
};

const DISALLOWED: Denial = Denial::new(403, "Access to this resource has been disallowed");
/// Patterns that an API keeps.
const PATTERNS: usize = 1000;

struct GranularAccess {
    api_id: Arc<str>,
    listen_path: ListenPath,
    style: PathStyle,
    /// Nothing for a pattern that is no regex: it allows nothing.
    patterns: Cache<Box<str>, Option<Arc<Regex>>>,
}

pub(super) fn build(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn Middleware>> {
    if blueprint.definition.use_keyless {
        return None;
    }
    Some(Box::new(GranularAccess {
        api_id: blueprint.spec.api_id.clone(),
        listen_path: blueprint.listen_path.clone(),
        style: PathStyle { ignore_case: false, ..blueprint.path_style() },
        patterns: Cache::new(PATTERNS),
    }))
}

impl GranularAccess {
    fn pattern(&self, url: &str) -> Option<Arc<Regex>> {
        if let Some(known) = self.patterns.get(url) {
            return known;
        }
        let compiled = self.style.regex(url);
        if let Err(error) = &compiled {
            tracing::error!(
                api_id = &*self.api_id,
                "allowed_urls of a key: {url:?} is no regex, so it allows nothing: {error}"
            );
        }
        let compiled = compiled.ok().map(Arc::new);
        self.patterns.insert(url.into(), compiled.clone());
        compiled
    }

    /// The whole path counts, with prefix matching the one behind the listen path as well.
    fn matches(&self, url: &str, path: &str) -> bool {
        let Some(pattern) = self.pattern(url) else { return false };
        pattern.is_match(path) || self.style.prefix && pattern.is_match(&self.listen_path.strip(path))
    }
}

#[async_trait]
impl Middleware for GranularAccess {
    async fn request(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Flow> {
        let Some(rights) = ctx.state.as_ref().and_then(|key| key.state.rights(&self.api_id)) else {
            return Ok(Flow::Next);
        };
        let method = session.req_header().method.as_str();
        let path = ctx.url.path();
        let allowed = rights.allowed_urls.is_empty()
            || rights.allowed_urls.iter().any(|allowed| {
                allowed.methods.iter().any(|name| name == method) && self.matches(&allowed.url, path)
            });
        Ok(if allowed { Flow::Next } else { Flow::Deny(DISALLOWED) })
    }
}
