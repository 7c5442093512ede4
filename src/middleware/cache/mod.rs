//! Answers out of the response cache, and what is to be kept of the rest (api-definition reference 3.14): the last step
//! before something answers. Steps before it, auth and limits above all, run on a hit as on any request; those behind
//! it and the response chain do not.
//!
//! A cache that does not answer costs its requests nothing but the wait: they go upstream and are not kept.

mod key;

use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

use async_trait::async_trait;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use pingora_http::RequestHeader;
use pingora_proxy::Session;

use self::key::KeyPart;
use crate::{
    chain::{
        Blueprint, CacheRule, CachedAnswer, Ctx, EndpointPaths, Endpoints, Flow, Middleware, Origin,
        PerVersion, Place, Response, Storing, peer_ip, real_ip,
    },
    definition::{CacheEntry, VersionInfo, re2},
    error::Result,
    metrics::CacheEvent,
    store::{Responses, keys},
};

/// Where the upstream says for how long, unless `cache_control_ttl_header` names another.
const TTL: HeaderName = HeaderName::from_static("x-tyk-cache-action-set-ttl");
/// Tyk's own name for GET, HEAD and OPTIONS, which an entry may use as its method.
const SAFE: &str = "SAFE_METHODS";

struct ResponseCache {
    responses: Arc<Responses>,
    api_id: Box<str>,
    /// For every safe request, whatever the endpoints say.
    everywhere: Option<Arc<CacheRule>>,
    general: Arc<CacheRule>,
    by_headers: Box<[KeyPart]>,
    paths: EndpointPaths,
    endpoints: Option<PerVersion<Places>>,
    /// Bytes of a body: of a request's for its key, of an answer's to be kept.
    limit: usize,
}

/// The entries of a version. Plain ones come first, as in Tyk.
struct Places {
    plain: Option<Endpoints<()>>,
    own: Option<Endpoints<Own>>,
}

/// An entry with settings.
struct Own {
    rule: Arc<CacheRule>,
    /// The part of a body that counts; all of it without.
    body: Option<regex::bytes::Regex>,
}

pub(super) fn build(blueprint: &mut Blueprint<'_>) -> Option<Box<dyn Middleware>> {
    let options = &blueprint.definition.cache_options;
    if !options.enable_cache {
        warn_unused(blueprint);
        return None;
    }
    let general = Arc::new(CacheRule {
        codes: options.cache_response_codes.clone().into(),
        timeout: options.cache_timeout,
        control: options
            .enable_upstream_cache_control
            .then(|| ttl_header(&options.cache_control_ttl_header, blueprint)),
    });
    let versions = blueprint.versions;
    let endpoints = PerVersion::build(versions, |_, version| places(version, &general, blueprint));
    let everywhere = options.cache_all_safe_requests.then(|| general.clone());
    if everywhere.is_none() && endpoints.is_none() {
        blueprint.warn(
            "cache_options.enable_cache",
            "nothing is cached: cache_all_safe_requests is off and no endpoint is to be cached",
        );
        return None;
    }
    if options.cache_timeout <= 0 && general.control.is_none() {
        blueprint.warn("cache_options.cache_timeout", "answers are kept for no time, that is not at all");
    }
    Some(Box::new(ResponseCache {
        responses: blueprint.services.cache.clone(),
        api_id: blueprint.definition.api_id.as_str().into(),
        everywhere,
        general,
        by_headers: options.cache_by_headers.iter().map(|name| KeyPart::new(name)).collect(),
        paths: blueprint.paths(),
        endpoints,
        limit: blueprint.services.config.pinhook.buffered_body(),
    }))
}

fn ttl_header(name: &str, blueprint: &mut Blueprint<'_>) -> HeaderName {
    if name.is_empty() {
        return TTL;
    }
    name.to_ascii_lowercase().parse().unwrap_or_else(|_| {
        blueprint
            .refuse("cache_options.cache_control_ttl_header", format!("{name:?} is no header; {TTL} counts"));
        TTL
    })
}

/// Endpoints that somebody wants cached while the switch is off.
fn warn_unused(blueprint: &mut Blueprint<'_>) {
    let versions = blueprint.versions;
    let wanted = |version: &VersionInfo| {
        let paths = &version.extended_paths;
        let own = paths.advance_cache_config.iter().any(|entry| !entry.disabled);
        version.use_extended_paths && (own || !paths.cache.is_empty())
    };
    if versions.iter().any(wanted) {
        let message = "is off, so nothing is cached, whatever cache and advance_cache_config say";
        blueprint.warn("cache_options.enable_cache", message);
    }
}

fn places(version: &VersionInfo, general: &CacheRule, blueprint: &mut Blueprint<'_>) -> Option<Places> {
    version.use_extended_paths.then_some(())?;
    let style = blueprint.path_style();
    let paths = &version.extended_paths;
    let plain = blueprint.endpoints(
        version,
        "cache",
        &paths.cache,
        |path| Some(Place { path, method: SAFE, style }),
        |_, _, _| Some(()),
    );
    let own = blueprint.endpoints(
        version,
        "advance_cache_config",
        &paths.advance_cache_config,
        |entry| (!entry.disabled).then_some(Place { path: &entry.path, method: &entry.method, style }),
        |blueprint, entry, at| own(entry, general, at, blueprint),
    );
    (plain.is_some() || own.is_some()).then_some(Places { plain, own })
}

fn own(entry: &CacheEntry, general: &CacheRule, at: &str, blueprint: &mut Blueprint<'_>) -> Option<Own> {
    let mut rule = general.clone();
    if !entry.cache_response_codes.is_empty() {
        rule.codes = entry.cache_response_codes.clone().into();
    }
    if entry.timeout > 0 {
        rule.timeout = entry.timeout;
    }
    let mut body = None;
    if !entry.cache_key_regex.is_empty() {
        // Bodies need not be UTF-8.
        let compiled =
            re2::compile(&entry.cache_key_regex).and_then(|regex| regex::bytes::Regex::new(regex.as_str()));
        match compiled {
            Ok(regex) => body = Some(regex),
            Err(error) => {
                let message = format!("no regex: {error}; the endpoint is not cached");
                blueprint.refuse(format!("{at}.cache_key_regex"), message);
                return None;
            }
        }
    }
    Some(Own { rule: Arc::new(rule), body })
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

#[async_trait]
impl Middleware for ResponseCache {
    async fn request(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Flow> {
        let Some((rule, body)) = self.find(session.req_header(), ctx) else { return Ok(Flow::Next) };
        if session.is_upgrade_req() {
            return Ok(Flow::Next);
        }
        let started = Instant::now();
        let Some(key) = self.key(body, session, ctx).await? else { return Ok(Flow::Next) };
        let stored = match self.responses.get(&key).await {
            Ok(stored) => stored,
            Err(error) => {
                tracing::debug!(
                    api_id = &*self.api_id,
                    error = error.chain(),
                    "the response cache does not answer"
                );
                count(ctx, CacheEvent::Miss);
                return Ok(Flow::Next);
            }
        };
        let head = session.req_header();
        let is_head = head.method == Method::HEAD;
        let found = stored.and_then(|stored| CachedAnswer::decode(&stored, is_head, SystemTime::now()));
        let Some(answer) = found.filter(|answer| is_readable(answer, head)) else {
            count(ctx, CacheEvent::Miss);
            ctx.storing = Some(Box::new(Storing::new(rule.clone(), key, is_head, self.limit)));
            return Ok(Flow::Next);
        };
        count(ctx, CacheEvent::Hit);
        let response = respond(answer, head);
        ctx.outcome.hook = Some(started.elapsed());
        Ok(Flow::Respond(Box::new(response)))
    }
}

impl ResponseCache {
    /// The rule for this request, and what of its body counts; nothing if it is not cached.
    fn find<'s>(
        &'s self,
        head: &RequestHeader,
        ctx: &Ctx,
    ) -> Option<(&'s Arc<CacheRule>, Option<&'s regex::bytes::Regex>)> {
        let is_safe = is_safe(&head.method);
        if let Some(rule) = self.everywhere.as_ref().filter(|_| is_safe) {
            return Some((rule, None));
        }
        let places = self.endpoints.as_ref()?.of(ctx)?;
        let candidates = self.paths.for_endpoints(ctx.url.path());
        let plain = places.plain.as_ref().filter(|_| is_safe);
        if plain.is_some_and(|plain| plain.matches(&candidates).next().is_some()) {
            return Some((&self.general, None));
        }
        let mut own = places.own.as_ref()?.matches(&candidates);
        let (_, Own { rule, body }) =
            own.find(|(method, _)| *method == head.method.as_str() || (*method == SAFE && is_safe))?;
        Some((rule, body.as_ref()))
    }

    /// The name of the answer in the store; nothing where the body that it depends on is not to be had.
    async fn key(
        &self,
        wanted: Option<&regex::bytes::Regex>,
        session: &mut Session,
        ctx: &mut Ctx,
    ) -> Result<Option<String>> {
        let mut body = None;
        if matches!(session.req_header().method, Method::POST | Method::PUT | Method::PATCH) {
            let declared = session.req_header().headers.get(header::CONTENT_LENGTH);
            let declared = declared.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
            if declared.is_some_and(|length| length > self.limit) {
                return Ok(None);
            }
            body = ctx.body(session).await?;
            if body.is_none() {
                return Ok(None);
            }
        }
        let head = session.req_header();
        let token = ctx.state.as_ref().map(|key| &*key.id).filter(|token| !token.is_empty());
        let address = match token {
            Some(_) => String::new(),
            None => {
                let depth = ctx.snapshot.services.config.http_server_options.xff_depth;
                let address = real_ip(&head.headers, peer_ip(session), depth);
                address.map(|ip| ip.to_canonical().to_string()).unwrap_or_default()
            }
        };
        let hash = key::hash(head, &ctx.url.request_uri(), &self.by_headers, body.as_deref(), wanted);
        Ok(Some(keys::response(&self.api_id, token.unwrap_or(&address), &hash)))
    }
}

fn count(ctx: &Ctx, event: CacheEvent) {
    if let Some(api) = &ctx.api {
        api.metrics.cache(event);
    }
}

/// Tyk hands a compressed answer to whoever asks next. A client that did not name the coding gets one of its own.
fn is_readable(answer: &CachedAnswer, head: &RequestHeader) -> bool {
    let Some(coding) = answer.head.headers.get(header::CONTENT_ENCODING) else { return true };
    let Ok(coding) = coding.to_str() else { return true };
    let coding = coding.trim();
    let names = |value: &HeaderValue| {
        let text = value.to_str().unwrap_or_default().to_ascii_lowercase();
        text.split(',').any(|item| {
            let name = item.split(';').next().unwrap_or_default().trim();
            name == "*" || name.eq_ignore_ascii_case(coding)
        })
    };
    coding.eq_ignore_ascii_case("identity") || head.headers.get_all(header::ACCEPT_ENCODING).iter().any(names)
}

/// The answer, or that the client has it already.
fn respond(answer: CachedAnswer, head: &RequestHeader) -> Response {
    let CachedAnswer { head: mut answer, mut body } = answer;
    let text = |value: Option<&HeaderValue>| value.map(|value| value.as_bytes().to_vec()).unwrap_or_default();
    let known = text(head.headers.get(header::IF_NONE_MATCH));
    let tag = text(answer.headers.get(header::ETAG));
    if !tag.is_empty() && known.windows(tag.len()).any(|part| part == tag) {
        let reset = answer.set_status(StatusCode::NOT_MODIFIED).and_then(|()| answer.set_reason_phrase(None));
        if let Err(error) = reset {
            tracing::error!(%error, "a status of ours was refused");
        }
        body.clear();
    }
    Response { head: answer, body, origin: Origin::Cache }
}
