//! What a finished request leaves behind: metrics and a record. Runs once per request, after the answer.

use std::time::{Duration, SystemTime};

use http::header;
use pingora_proxy::Session;

use super::Gateway;
use crate::{
    analytics::Observed,
    chain::{Api, Base, Ctx, Tracking, peer_ip, real_ip},
    metrics::Times,
    url::Url,
};

/// Counts the request and hands its record over.
pub(super) fn finished(
    gateway: &Gateway,
    session: &mut Session,
    error: Option<&pingora_core::Error>,
    ctx: &mut Ctx,
) {
    let total = ctx.started.elapsed();
    let status = session.response_written().map_or(ctx.outcome.status, |head| head.status.as_u16());
    ctx.outcome.status = status;
    if let (Some(error), None) = (error, &ctx.outcome.error) {
        ctx.outcome.error = Some(error.to_string());
    }
    let method = ctx.outcome.method.as_ref().unwrap_or(&session.req_header().method);
    let times = Times { total, upstream: ctx.outcome.upstream };
    let Some(api) = ctx.api.as_deref() else {
        gateway.unmatched.request(method, status, times);
        return;
    };
    api.metrics.request(method, status, times);
    if let Some(records) = &gateway.records
        && !api.definition.do_not_track
        && !matches!(ctx.tracking, Tracking::Untracked)
    {
        records.record(observed(api, session, ctx, total));
    }
}

fn observed(api: &Api, session: &Session, ctx: &Ctx, total: Duration) -> Observed {
    let head = session.req_header();
    let outbound = ctx.outbound.as_deref();
    let depth = ctx.snapshot.services.config.http_server_options.xff_depth;
    let sent_method = outbound.and_then(|out| out.method.as_ref()).or(ctx.outcome.method.as_ref());
    let target = outbound.map(|out| &out.target).or(match &api.base {
        Base::Upstream(target) => Some(target),
        Base::Api(_) => None,
    });
    Observed {
        api: api.recorded.clone(),
        at: SystemTime::now(),
        method: sent_method.unwrap_or(&head.method).clone(),
        host: target.map_or_else(|| "".into(), |target| target.name.clone()),
        path: match outbound {
            Some(out) => out.path.clone(),
            None if api.definition.proxy.strip_listen_path => {
                api.listen_path.strip(ctx.url.path()).into_owned()
            }
            None => ctx.url.path().to_owned(),
        },
        tracked: match &ctx.tracking {
            Tracking::Tracked(path) => Some(path.clone()),
            Tracking::Plain | Tracking::Untracked => None,
        },
        original_path: received_path(session, ctx),
        content_length: content_length(session),
        user_agent: head.headers.get(header::USER_AGENT).cloned(),
        status: ctx.outcome.status,
        key: String::new(),
        version: None,
        oauth_id: String::new(),
        alias: String::new(),
        total,
        upstream: ctx.outcome.upstream.unwrap_or_default(),
        client: real_ip(&head.headers, peer_ip(session), depth),
        tags: api.tag_headers.values(&head.headers),
        raw_request: bytes::Bytes::new(),
        raw_response: bytes::Bytes::new(),
    }
}

/// The path as it came. The session's own URI is never changed.
fn received_path(session: &Session, ctx: &Ctx) -> String {
    match Url::from_target(session.req_header().raw_path()) {
        Ok(url) => url.path().to_owned(),
        Err(_) => ctx.url.path().to_owned(),
    }
}

fn content_length(session: &Session) -> i64 {
    let headers = &session.req_header().headers;
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return -1;
    }
    headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok())
        .unwrap_or_default()
}
