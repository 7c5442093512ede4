//! Events about keys that a request fails with.

use base64::{Engine, engine::general_purpose::STANDARD};
use pingora_proxy::Session;
use serde_json::{Map, Value};

use super::{Ctx, peer_ip, real_ip};
use crate::{event::EventKind, metrics::Refused};

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
    let Some(api) = ctx.api.as_ref().filter(|api| api.events.wants(kind)) else { return };
    let head = session.req_header();
    let depth = ctx.snapshot.services.config.http_server_options.xff_depth;
    let origin = real_ip(&head.headers, peer_ip(session), depth);
    let mut request = format!("{} {} HTTP/1.1\r\n", head.method, ctx.url.path());
    for (name, value) in &head.headers {
        request.push_str(&format!("{name}: {}\r\n", String::from_utf8_lossy(value.as_bytes())));
    }
    request.push_str("\r\n");
    let meta = [
        ("Message", message.to_owned()),
        ("OriginatingRequest", STANDARD.encode(request)),
        ("Path", ctx.url.path().to_owned()),
        ("Origin", origin.map(|ip| ip.to_string()).unwrap_or_default()),
        ("Key", key.to_owned()),
    ];
    let meta = meta.into_iter().map(|(name, text)| (name.to_owned(), Value::String(text)));
    api.events.fire(kind, meta.collect::<Map<_, _>>());
}
