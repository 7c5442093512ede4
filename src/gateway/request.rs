//! The request side: from a head to the API's chain, and on to the decision what goes upstream.

use bytes::Bytes;
use http::{Method, StatusCode, header};
use pingora_core::{Error as PingoraError, ErrorType, upstreams::peer::HttpPeer};
use pingora_http::RequestHeader;
use pingora_proxy::Session;
use std::{net::SocketAddr, sync::Arc};

use super::{
    Gateway, asked, control, exchange, fault, framing, key_saving, observe,
    proxy::Door,
    proxy_step::{self, Step},
    reply, stream,
};
use crate::{
    chain::{self, Api, Ctx, Denial, Flow},
    config::Config,
    error::{Cause, Error, Result, UpstreamError},
    url::Url,
};

/// Sets what holds for one request on its connection.
pub(super) fn begin(config: &Config, session: &mut Session) {
    if let Some(life) = stream::life(session) {
        life.begin(body_length(session.req_header()));
    }
    let options = &config.http_server_options;
    let downstream = session.as_downstream_mut();
    downstream.set_pipelining_enabled(true);
    downstream.set_total_drain_timeout(Some(reply::DRAIN));
    downstream.set_read_timeout(Some(options.read_timeout()));
    downstream.set_write_timeout(Some(options.write_timeout()));
    if downstream.get_keepalive().is_some() {
        downstream.set_keepalive(Some(config.idle_timeout().as_secs()));
    }
}

/// Bytes of the body, where its head says so.
fn body_length(head: &RequestHeader) -> Option<u64> {
    if head.headers.contains_key(header::TRANSFER_ENCODING) {
        return None;
    }
    match head.headers.get(header::CONTENT_LENGTH) {
        Some(length) => length.to_str().ok()?.parse().ok(),
        None => Some(0),
    }
}

/// Handles a request up to the point where pingora connects. True if it has been answered.
pub(super) async fn handle(
    gateway: &Arc<Gateway>,
    door: Door,
    session: &mut Session,
    ctx: &mut Ctx,
) -> pingora_core::Result<bool> {
    let client_method = session.req_header().method.clone();
    let decided = decide(gateway, door, session, ctx).await;
    key_saving::save(ctx).await;
    restore_method(session, ctx, client_method);
    match decided {
        Ok(Decision::Proxy) => {
            if ctx.body.is_none() {
                chain::invite_body(session).await?;
            }
            exchange::begin(session, ctx);
            Ok(false)
        }
        Err(Error::Body(cause)) if cause.is::<PingoraError>() => Err(unread(cause)),
        Err(error) if error.status() == 413 => {
            reply::send(gateway, session, ctx, reply::Answer::TooLarge).await.map(|()| true)
        }
        Ok(Decision::Answer(answer)) => reply::send(gateway, session, ctx, answer).await.map(|()| true),
        Err(error) => {
            fault::note(session, ctx, &error, fault::class(&error));
            reply::send_error(gateway, session, ctx, error.answer()).await.map(|()| true)
        }
    }
}

/// A body that broke off ends as it does where pingora streams it.
fn unread(cause: Cause) -> Box<PingoraError> {
    cause.downcast::<PingoraError>().unwrap_or_else(|cause| {
        PingoraError::because(ErrorType::ReadError, "reading the request's body", cause)
    })
}

enum Decision {
    Proxy,
    Answer(reply::Answer),
}

impl From<Denial> for Decision {
    fn from(denial: Denial) -> Self {
        Self::Answer(reply::Answer::Deny(denial))
    }
}

async fn decide(
    gateway: &Arc<Gateway>,
    door: Door,
    session: &mut Session,
    ctx: &mut Ctx,
) -> Result<Decision> {
    let config = &ctx.snapshot.services.config;
    if let Some(asked) = asked::of(session) {
        let api = asked.api.clone();
        ctx.url = asked.url.clone();
        ctx.depth = asked.depth;
        return enter(api, session, ctx).await;
    }
    if let Some(refusal) = framing::check(session, &config.pinhook) {
        return Ok(Decision::Answer(reply::Answer::Refuse(refusal)));
    }
    if framing::asks_about_server(session) {
        return Ok(Decision::Answer(reply::Answer::Server));
    }
    let Ok(url) = Url::from_target(session.req_header().raw_path()) else {
        return Ok(Decision::Answer(reply::Answer::Refuse(framing::BAD_REQUEST)));
    };
    ctx.url = url;
    if too_large(session, config.http_server_options.max_request_body_size) {
        return Ok(Decision::Answer(reply::Answer::TooLarge));
    }
    if !config.http_server_options.skip_url_cleaning
        && let Some(location) = ctx.url.redirect()
    {
        return Ok(Decision::Answer(reply::Answer::Moved(location)));
    }
    if door.control
        && let Some(answer) = control::answer(gateway, session, ctx).await?
    {
        return Ok(Decision::Answer(reply::Answer::Control(answer)));
    }
    if !door.traffic {
        return Ok(Decision::Answer(reply::Answer::NotFound));
    }
    let host = reply::host(session);
    let Some(api) = ctx.snapshot.router.find(door.port, host, ctx.url.path()).cloned() else {
        return Ok(Decision::Answer(reply::Answer::NotFound));
    };
    enter(api, session, ctx).await
}

/// Runs the chain of `api`, and of every API that it loops to.
async fn enter(mut api: Arc<Api>, session: &mut Session, ctx: &mut Ctx) -> Result<Decision> {
    loop {
        ctx.api = Some(api.clone());
        observe::begin(&api, session, ctx);
        if api.refuses {
            return Ok(Denial::new(500, "Internal Server Error").into());
        }
        let flow = api.chain.request(session, ctx).await;
        observe::caller_known(&api, session, ctx);
        match flow? {
            Flow::Next => {}
            Flow::Respond(response) => return Ok(Decision::Answer(reply::Answer::Response(response))),
            Flow::Deny(denial) => return Ok(denial.into()),
        }
        if api.chain.needs().request_body {
            ctx.body(session).await?;
        }
        match proxy_step::run(&api, session, ctx).await? {
            Step::Send(outbound) => {
                ctx.outbound = Some(outbound);
                return Ok(Decision::Proxy);
            }
            Step::Loop(next) => api = next,
            Step::Deny(denial) => return Ok(denial.into()),
        }
    }
}

/// A loop URL may change the method for the chains behind it. The session gets the client's back: how an answer
/// is framed depends on it. Upstream gets the changed one.
fn restore_method(session: &mut Session, ctx: &mut Ctx, client: Method) {
    if session.req_header().method == client {
        return;
    }
    if let Some(outbound) = &mut ctx.outbound {
        outbound.method.get_or_insert_with(|| session.req_header().method.clone());
    }
    ctx.outcome.method = Some(session.req_header().method.clone());
    session.req_header_mut().set_method(client);
}

/// The peer for the current attempt. Over HTTP/1 the wait for the upstream's head is limited by [`stream::Life`], so
/// that a body may pause for longer; HTTP/2 has one limit for both, the longer one where a long answer is asked for.
pub(super) fn peer(session: &Session, ctx: &Ctx) -> Result<HttpPeer> {
    let (Some(api), Some(outbound)) = (&ctx.api, &ctx.outbound) else {
        return Err(Error::Internal("a request without a target reached upstream_peer".into()));
    };
    let ip = outbound
        .addresses
        .attempt(outbound.attempt)
        .ok_or_else(|| UpstreamError::Connection("every address has been tried".into()))?;
    let mut peer = api.peer.peer(&outbound.target, SocketAddr::new(ip, outbound.target.port));
    if stream::life_of(session, ctx).is_some() || wants_stream(session) {
        peer.options.read_timeout = api.peer.pause;
    }
    Ok(peer)
}

fn too_large(session: &Session, limit: i64) -> bool {
    limit > 0
        && session
            .req_header()
            .headers
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse::<i64>().ok())
            .is_some_and(|length| length > limit)
}

/// True for calls whose answers may pause: gRPC and server-sent events.
fn wants_stream(session: &Session) -> bool {
    let headers = &session.req_header().headers;
    let begins = |name, text: &str| {
        headers.get(name).is_some_and(|value| value.as_bytes().starts_with(text.as_bytes()))
    };
    begins(header::CONTENT_TYPE, "application/grpc") || begins(header::ACCEPT, "text/event-stream")
}

/// Looks at what is sent upstream: at its size, its time, and its end.
pub(super) fn body(
    session: &Session,
    chunk: Option<&Bytes>,
    ended: bool,
    ctx: &mut Ctx,
) -> pingora_core::Result<()> {
    if let Some(life) = stream::life_of(session, ctx)
        && !session.was_upgraded()
    {
        let in_time = ctx.snapshot.services.config.http_server_options.read_timeout();
        if !ended && chunk.is_some() && ctx.started.elapsed() > in_time {
            return Err(pingora_core::Error::new_down(pingora_core::ErrorType::ReadTimedout));
        }
        if let (true, false, Some(api)) = (ended, observe::status_sent(session).is_some(), &ctx.api) {
            life.await_answer(api.peer.timeout);
        }
    }
    count_body(session, chunk, ctx)
}

/// The upstream's head is here. What follows a change of protocol is no request body: it may pause.
///
/// # Errors
/// A change of protocol that the client did not ask for: it would take raw bytes for an answer.
pub(super) fn answered(session: &mut Session, status: StatusCode, ctx: &Ctx) -> Result<()> {
    if let Some(life) = stream::life_of(session, ctx) {
        life.answered();
    }
    if let (StatusCode::SWITCHING_PROTOCOLS, Some(api)) = (status, &ctx.api) {
        if !session.is_upgrade_req() {
            return Err(UpstreamError::Connection("it changed the protocol unasked".into()).into());
        }
        session.set_read_timeout(api.peer.pause);
    }
    Ok(())
}

/// Holds a body of unknown length to `max_request_body_size`.
fn count_body(session: &Session, chunk: Option<&Bytes>, ctx: &mut Ctx) -> pingora_core::Result<()> {
    let limit = ctx.snapshot.services.config.http_server_options.max_request_body_size;
    if limit <= 0 || ctx.body.is_some() || session.req_header().headers.contains_key(header::CONTENT_LENGTH) {
        return Ok(());
    }
    ctx.outcome.received += chunk.map_or(0, |chunk| chunk.len() as u64);
    if ctx.outcome.received > limit.unsigned_abs() {
        return Err(pingora_core::Error::new_down(pingora_core::ErrorType::HTTPStatus(413)));
    }
    Ok(())
}
