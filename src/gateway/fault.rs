//! Faults on their way between pingora's errors and ours, and the answers they get.

use pingora_core::{Error as PingoraError, ErrorSource, ErrorType};
use pingora_proxy::Session;

use super::{
    Gateway,
    framing::{self, Refusal},
    observe,
    reply::{self, Answer},
    stream,
};
use crate::{
    chain::{Ctx, Fault},
    error::{Error, UpstreamError},
};

/// Carries one of our errors through pingora to `fail_to_proxy`.
pub(super) fn into_pingora(error: Error) -> Box<PingoraError> {
    PingoraError::because(ErrorType::InternalError, "pinhook", error)
}

/// After a failed connect: lets pingora try the target's next address, if it has one.
pub(super) fn next_address(ctx: &mut Ctx, mut error: Box<PingoraError>) -> Box<PingoraError> {
    if let Some(outbound) = &mut ctx.outbound {
        outbound.attempt += 1;
        if outbound.addresses.attempt(outbound.attempt).is_some() {
            error.set_retry(true);
        }
    }
    error
}

/// Answers a request that could not be proxied, unless its answer has begun. Returns the status for the log.
pub(super) async fn answer(
    gateway: &Gateway,
    session: &mut Session,
    ctx: &mut Ctx,
    error: &PingoraError,
) -> u16 {
    if matches!(error.etype(), ErrorType::HTTPStatus(413)) {
        let written = reply::send(gateway, session, ctx, Answer::TooLarge).await;
        log_unsent(written);
        return 413;
    }
    if let Some(refusal) = bad_body(session, error) {
        ctx.outcome.status = refusal.status;
        ctx.outcome.error = Some(error.to_string());
        log_unsent(reply::send(gateway, session, ctx, Answer::Refuse(refusal)).await);
        return refusal.status;
    }
    let late = || stream::life(session).is_some_and(|life| life.late());
    let made;
    let ours = match ours(error) {
        Some(ours) => ours,
        None if late() => {
            made = UpstreamError::Timeout("no answer in time".into()).into();
            &made
        }
        None => {
            made = from_pingora(error);
            &made
        }
    };
    note(session, ctx, ours, class_of(error).or_else(|| class(ours)));
    let (status, message) = ours.answer();
    if observe::status_sent(session).is_some() {
        return status;
    }
    ctx.outcome.status = status;
    session.set_keepalive(None);
    if status != 499 {
        log_unsent(reply::send_error(gateway, session, ctx, (status, message)).await);
    }
    status
}

/// What is wrong with the client's body, as long as that can be answered.
fn bad_body(session: &Session, error: &PingoraError) -> Option<Refusal> {
    if *error.esource() != ErrorSource::Downstream || observe::status_sent(session).is_some() {
        return None;
    }
    match error.etype() {
        ErrorType::ReadTimedout => Some(Refusal::SLOW_BODY),
        // pingora's name for it, which it does not export.
        ErrorType::Custom("InvalidChunk") => Some(framing::BAD_REQUEST),
        _ => None,
    }
}

fn log_unsent(written: pingora_core::Result<()>) {
    if let Err(error) = written {
        tracing::debug!(%error, "an error answer did not reach the client");
    }
}

/// Keeps a fault for the record, counts it, and writes it to the log with all its causes.
pub(super) fn note(session: &Session, ctx: &mut Ctx, error: &Error, class: Option<Fault>) {
    let text = error.chain();
    let request_id = ctx.request_id();
    let api = ctx.api.as_deref();
    if let (Some(api), Error::Upstream(fault)) = (api, error) {
        api.metrics.upstream_fault(fault);
    }
    let api_id = api.map(|api| &*api.spec.api_id).unwrap_or_default();
    let peer = ctx.outbound.as_ref().map(|out| &*out.target.name).unwrap_or_default();
    // Without the query, which may hold keys.
    let (method, path) = (session.req_header().method.as_str(), observe::received_path(session, ctx));
    if matches!(error, Error::Upstream(UpstreamError::ClientGone(_))) {
        tracing::debug!(api_id, peer, %request_id, method, path, error = text, "client closed the request");
    } else {
        tracing::error!(api_id, peer, %request_id, method, path, error = text, "request failed");
    }
    ctx.outcome.error = Some(text);
    ctx.outcome.fault = class;
}

const fn fault(flag: &'static str, details: &'static str) -> Option<Fault> {
    Some(Fault { flag, details })
}

/// The class of one of our errors, if it has one.
pub(super) fn class(error: &Error) -> Option<Fault> {
    let Error::Upstream(error) = error else { return None };
    match error {
        UpstreamError::Unresolved { .. } => fault("DNS", "upstream name has no address"),
        UpstreamError::Timeout(_) => fault("URT", "upstream response timeout"),
        UpstreamError::ClientGone(_) => fault("CDC", "client disconnected"),
        UpstreamError::Connection(_) => fault("UCF", "upstream connection failed"),
    }
}

/// The class of an error that pingora had with the upstream.
fn class_of(error: &PingoraError) -> Option<Fault> {
    if *error.esource() != ErrorSource::Upstream {
        return None;
    }
    match error.etype() {
        ErrorType::ConnectTimedout => fault("UCT", "upstream connection timeout"),
        ErrorType::ConnectNoRoute => fault("NRH", "no route to upstream"),
        ErrorType::TLSHandshakeFailure | ErrorType::TLSHandshakeTimedout => {
            fault("TLH", "upstream TLS handshake failed")
        }
        ErrorType::InvalidCert => fault("TLI", "upstream certificate not accepted"),
        ErrorType::InvalidHTTPHeader | ErrorType::H2Error | ErrorType::InvalidH2 => {
            fault("UPE", "upstream protocol error")
        }
        ErrorType::ConnectionClosed | ErrorType::ReadError | ErrorType::WriteError => {
            fault("URR", "upstream connection reset")
        }
        _ => None,
    }
}

/// Our error behind pingora's, which wraps what it hands on once more.
fn ours(error: &PingoraError) -> Option<&Error> {
    let mut cause = error.cause.as_ref()?;
    loop {
        if let Some(ours) = cause.downcast_ref() {
            return Some(ours);
        }
        cause = cause.downcast_ref::<Box<PingoraError>>()?.cause.as_ref()?;
    }
}

/// Reads the type of one of pingora's errors (api-definition reference 6.6).
fn from_pingora(error: &PingoraError) -> Error {
    let cause = || -> crate::error::Cause { error.to_string().into() };
    if *error.esource() == ErrorSource::Downstream {
        return UpstreamError::ClientGone(cause()).into();
    }
    match error.etype() {
        // A dial that stalls is a failed connection, as for Tyk; an answer that stalls is a timeout.
        ErrorType::ReadTimedout => UpstreamError::Timeout(cause()).into(),
        _ => UpstreamError::Connection(cause()).into(),
    }
}
