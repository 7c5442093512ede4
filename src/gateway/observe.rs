//! What a request leaves behind: metrics, a record, a line in the access log. Bodies are sampled while they pass;
//! the rest runs once per request, after the answer.

use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::{Method, StatusCode, header};
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

use super::{Gateway, access_log::Visit, reply};
use crate::{
    analytics::{
        Detail, Observed,
        detail::{Form, RequestHead, ResponseHead},
    },
    chain::{Answered, Api, Base, Ctx, Tracking, peer_ip, real_ip},
    metrics::Times,
    upstream::Target,
    url::Url,
};

/// The request has come to `api`: makes room for what its record wants to know.
pub(super) fn begin(api: &Api, session: &Session, ctx: &mut Ctx) {
    ctx.detail = ctx.detail.take().filter(|_| api.detailed);
    if api.detailed {
        make_room(session, ctx);
    }
}

/// The chain has run: its caller may want details, too.
pub(super) fn caller_known(api: &Api, session: &Session, ctx: &mut Ctx) {
    let wanted = ctx.detail.is_none() && ctx.state.as_ref().is_some_and(|key| key.state.is_detailed());
    if wanted && api.is_recorded {
        make_room(session, ctx);
    }
}

fn make_room(session: &Session, ctx: &mut Ctx) {
    if !may_be_detailed(session) {
        ctx.detail = None;
        return;
    }
    let room = ctx.snapshot.services.config.pinhook.max_recorded_body;
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    ctx.detail.get_or_insert_with(|| Box::new(Detail::new(room)));
}

/// Upgrades and gRPC streams are never recorded in detail (analytics reference 2.5).
fn may_be_detailed(session: &Session) -> bool {
    let headers = &session.req_header().headers;
    let grpc = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
        && !headers.contains_key(header::CONTENT_LENGTH);
    !grpc && !headers.contains_key(header::UPGRADE)
}

/// The request is about to be sent, perhaps once more: its body starts anew.
pub(super) fn attempt(ctx: &mut Ctx) {
    ctx.outcome.upstream_started = Some(Instant::now());
    ctx.outcome.received = 0;
    if let Some(detail) = &mut ctx.detail {
        detail.request_body.restart();
    }
}

/// A piece of the request's body passes.
pub(super) fn request_chunk(ctx: &mut Ctx, chunk: Option<&Bytes>) {
    if let (Some(detail), Some(chunk)) = (&mut ctx.detail, chunk) {
        detail.request_body.add(chunk);
    }
}

/// The head of an upstream's answer is about to be sent, as the response steps left it.
pub(super) fn upstream_head(session: &Session, ctx: &mut Ctx, head: &ResponseHeader) {
    let decode = session.req_header().headers.contains_key(header::ACCEPT_ENCODING);
    if let Some(detail) = &mut ctx.detail {
        detail.response = Some(response_head(Form::Upstream { version: head.version, decode }, head));
    }
}

/// A piece of the answer's body passes.
pub(super) fn response_chunk(ctx: &mut Ctx, chunk: Option<&Bytes>) {
    if let (Some(detail), Some(chunk)) = (&mut ctx.detail, chunk) {
        detail.response_body.add(chunk);
    }
}

/// An answer that was held is about to be sent with this body, whatever passed before.
pub(super) fn held_body(ctx: &mut Ctx, body: &Bytes) {
    if let Some(detail) = &mut ctx.detail {
        detail.response_body.restart();
        detail.response_body.add(body);
    }
}

/// The gateway or a hook gives this answer. Length and framing are not in it yet.
pub(super) fn own_answer(ctx: &mut Ctx, form: Form, head: &ResponseHeader, body: &Bytes) {
    if let Some(detail) = &mut ctx.detail {
        detail.response = Some(response_head(form, head));
    }
    held_body(ctx, body);
}

fn response_head(form: Form, head: &ResponseHeader) -> ResponseHead {
    ResponseHead {
        form,
        status: head.status.as_u16(),
        reason: head.get_reason_phrase().map(str::to_owned),
        headers: head.headers.clone(),
    }
}

/// No API takes the request, and the config wants to know (`track_404_logs`).
pub(super) fn not_found(session: &Session, ctx: &mut Ctx) {
    let head = session.req_header();
    let path = received_path(session, ctx);
    let request = format!("{} {path} {:?}", head.method, head.version);
    let origin = session.client_addr().map(ToString::to_string).unwrap_or_default();
    tracing::error!(request, origin, request_id = %ctx.request_id(), "Not Found");
}

/// The status of the answer, once its head has been sent; 100 and its like are none.
pub(super) fn status_sent(session: &Session) -> Option<u16> {
    let head = session.response_written()?;
    let answer = !head.status.is_informational() || head.status == StatusCode::SWITCHING_PROTOCOLS;
    answer.then_some(head.status.as_u16())
}

/// Counts the request, hands its record over and writes it to the access log.
pub(super) fn finished(
    gateway: &Gateway,
    session: &mut Session,
    error: Option<&pingora_core::Error>,
    ctx: &mut Ctx,
) {
    let total = ctx.started.elapsed();
    let status = status_sent(session).unwrap_or(ctx.outcome.status);
    ctx.outcome.status = status;
    if let (Some(error), None) = (error, &ctx.outcome.error) {
        ctx.outcome.error = Some(error.to_string());
    }
    let method = ctx.outcome.method.as_ref().unwrap_or(&session.req_header().method);
    let times = Times { total, upstream: ctx.outcome.upstream };
    // Nobody looks for it any more: this runs last.
    let Some(api) = ctx.api.take() else {
        gateway.unmatched.request(method, status, times);
        return;
    };
    api.metrics.request(method, status, times);
    if let (Some(samples), Some(upstream)) = (&api.samples, ctx.outcome.upstream) {
        samples.answered(upstream);
    }
    let records = gateway.records.as_ref().filter(|_| is_recorded(&api, ctx));
    if records.is_none() && gateway.access_log.is_none() {
        return;
    }
    let end = End::of(&api, session, ctx, total);
    if let Some(log) = &gateway.access_log {
        let request_id = ctx.request_id();
        log.write(&visit(&api, session, ctx, &end, request_id));
    }
    if let Some(records) = records {
        records.record(observed(&api, session, ctx, end));
    }
}

fn is_recorded(api: &Api, ctx: &Ctx) -> bool {
    !api.definition.do_not_track
        && !matches!(ctx.tracking, Tracking::Untracked)
        && ctx.outcome.answered != Answered::Mock
}

/// What the record and the access log have in common: how the request ended.
struct End {
    at: SystemTime,
    method: Method,
    path: String,
    original_path: String,
    total: Duration,
    upstream: Duration,
    client: Option<std::net::IpAddr>,
}

impl End {
    fn of(api: &Api, session: &Session, ctx: &Ctx, elapsed: Duration) -> Self {
        let head = session.req_header();
        let depth = ctx.snapshot.services.config.http_server_options.xff_depth;
        let sent = ctx.outbound.as_deref().and_then(|out| out.method.as_ref());
        let (total, upstream) = match ctx.outcome.answered {
            Answered::Upstream => (elapsed, ctx.outcome.upstream.unwrap_or_default()),
            Answered::Hook | Answered::Cache => (ctx.outcome.hook.unwrap_or(elapsed), Duration::ZERO),
            Answered::Gateway | Answered::Mock => (elapsed, Duration::ZERO),
        };
        Self {
            at: SystemTime::now(),
            method: sent.or(ctx.outcome.method.as_ref()).unwrap_or(&head.method).clone(),
            path: path(api, ctx),
            original_path: received_path(session, ctx),
            total,
            upstream,
            client: real_ip(&head.headers, peer_ip(session), depth),
        }
    }
}

/// Path of the upstream URL if the upstream answered; else it is stripped of the listen path (once more, if it
/// was on its way). A hook's answer has the whole request path (analytics reference 2.4).
fn path(api: &Api, ctx: &Ctx) -> String {
    let (path, whole) = match (&ctx.outbound, ctx.outcome.answered) {
        (Some(out), answered) => (out.path.as_str(), answered == Answered::Upstream),
        (None, answered) => {
            (ctx.url.path(), matches!(answered, Answered::Hook | Answered::Cache | Answered::Mock))
        }
    };
    if whole || !api.definition.proxy.strip_listen_path {
        return path.to_owned();
    }
    api.listen_path.strip(path).into_owned()
}

/// Where the request went, or would have gone.
fn target<'a>(api: &'a Api, ctx: &'a Ctx) -> Option<&'a Target> {
    match (&ctx.outbound, &api.base) {
        (Some(out), _) => Some(&out.target),
        (None, Base::Upstream(target)) => Some(target),
        (None, Base::Api(_)) => None,
    }
}

fn observed(api: &Api, session: &Session, ctx: &mut Ctx, end: End) -> Observed {
    let head = session.req_header();
    let mut detail = ctx.detail.take();
    if let Some(detail) = &mut detail {
        detail.request = Some(request_head(api, session, ctx, &end.method));
    }
    Observed {
        api: api.recorded.clone(),
        at: end.at,
        method: end.method,
        host: target(api, ctx).map_or_else(|| "".into(), |target| target.name.clone()),
        path: end.path,
        tracked: match &ctx.tracking {
            Tracking::Tracked(path) => Some(path.clone()),
            Tracking::Plain | Tracking::Untracked => None,
        },
        original_path: end.original_path,
        content_length: content_length(session),
        user_agent: head.headers.get(header::USER_AGENT).cloned(),
        status: ctx.outcome.status,
        caller: ctx.state.take(),
        version: None,
        total: end.total,
        upstream: end.upstream,
        client: end.client,
        tags: api.tag_headers.values(&head.headers),
        cached: ctx.outcome.answered == Answered::Cache,
        detail,
    }
}

fn request_head(api: &Api, session: &Session, ctx: &Ctx, method: &Method) -> RequestHead {
    let head = session.req_header();
    let skip_escaping = ctx.snapshot.services.config.http_server_options.skip_target_path_escaping;
    let uri = match &ctx.outbound {
        Some(out) => String::from_utf8_lossy(&out.uri).into_owned(),
        None => {
            let mut url = ctx.url.clone();
            if api.definition.proxy.strip_listen_path && ctx.outcome.answered == Answered::Gateway {
                url.map_path(|path| api.listen_path.strip(path));
            }
            url.upstream_uri(skip_escaping).into_owned()
        }
    };
    RequestHead {
        method: method.clone(),
        uri,
        host: reply::host(session).to_owned(),
        version: head.version,
        headers: head.headers.clone(),
        proxied: ctx.outcome.answered == Answered::Upstream,
    }
}

fn visit<'a>(
    api: &'a Api,
    session: &'a Session,
    ctx: &'a Ctx,
    end: &'a End,
    request_id: uuid::Uuid,
) -> Visit<'a> {
    let head = session.req_header();
    Visit {
        at: end.at,
        api: &api.recorded,
        key: ctx.state.as_ref().map_or("", |key| &key.id),
        client: end.client,
        host: reply::host(session),
        method: &end.method,
        path: &end.path,
        original_path: &end.original_path,
        protocol: head.version,
        remote: session.client_addr().and_then(|addr| addr.as_inet()).copied(),
        request_id,
        status: ctx.outcome.status,
        total: end.total,
        upstream: end.upstream,
        target: target(api, ctx),
        user_agent: head.headers.get(header::USER_AGENT),
        fault: ctx.outcome.fault,
        upstream_status: ctx.outcome.upstream_status,
    }
}

/// The path as it came. The session's own URI is never changed.
pub(super) fn received_path(session: &Session, ctx: &Ctx) -> String {
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
