//! Events about requests that are refused.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::header;
use pingora_proxy::Session;
use serde_json::{Map, Value};

use super::{Ctx, peer_ip, real_ip};
use crate::{
    analytics::{Detail, detail::RequestHead, request_image},
    event::EventKind,
    metrics::Refused,
};

/// Counts the refusal for `/tyk/health`.
fn sample(ctx: &Ctx, kind: EventKind) {
    let Some(samples) = ctx.api.as_ref().and_then(|api| api.samples.as_ref()) else { return };
    match kind {
        EventKind::AuthFailure | EventKind::KeyExpired => samples.refused(Refused::Key),
        EventKind::QuotaExceeded => samples.refused(Refused::Quota),
        EventKind::RateLimitExceeded => samples.refused(Refused::Throttled),
        _ => {}
    }
}

/// Tells who wants to hear of it that a request failed for its key. `message` and `key` are Tyk's
/// (sessions reference 3.10); nothing is put together when nobody listens.
pub fn key_failure(session: &Session, ctx: &Ctx, kind: EventKind, message: &str, key: &str) {
    sample(ctx, kind);
    tell(session, ctx, kind, &[("Message", message), ("Key", key)]);
}

/// Tells who wants to hear of it that a version, or an endpoint of it, is not served; `reason` is what the client
/// is told.
pub fn version_failure(session: &Session, ctx: &Ctx, reason: &str) {
    const MESSAGE: &str = "Attempted access to disallowed version / path.";
    tell(session, ctx, EventKind::VersionFailure, &[("Message", MESSAGE), ("Key", ""), ("Reason", reason)]);
}

fn tell(session: &Session, ctx: &Ctx, kind: EventKind, said: &[(&str, &str)]) {
    let Some(api) = ctx.api.as_ref().filter(|api| api.events.wants(kind)) else { return };
    let head = session.req_header();
    let depth = ctx.snapshot.services.config.http_server_options.xff_depth;
    let origin = real_ip(&head.headers, peer_ip(session), depth);
    let mut meta: Map<_, _> =
        said.iter().map(|(name, text)| ((*name).to_owned(), Value::from(*text))).collect();
    meta.insert("OriginatingRequest".into(), STANDARD.encode(image(session, ctx)).into());
    meta.insert("Path".into(), ctx.url.path().into());
    meta.insert("Origin".into(), origin.map(|ip| ip.to_string()).unwrap_or_default().into());
    api.events.fire(kind, meta);
}

/// The request in wire form, with the body if a step has read it: nobody waits for one that is refused.
fn image(session: &Session, ctx: &Ctx) -> Vec<u8> {
    let head = session.req_header();
    let host = match head.uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => head.headers.get(header::HOST).and_then(|host| host.to_str().ok()),
    };
    let body = ctx.body.clone().unwrap_or_default();
    let mut detail = Detail::new(body.len());
    detail.request_body.add(&body);
    detail.request = Some(RequestHead {
        method: head.method.clone(),
        uri: ctx.url.request_uri().into_owned(),
        host: host.unwrap_or_default().to_owned(),
        version: head.version,
        headers: head.headers.clone(),
        proxied: false,
    });
    request_image(&detail)
}
