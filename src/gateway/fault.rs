//! Faults on their way between pingora's errors and ours, and the answers they get.

use pingora_core::{Error as PingoraError, ErrorSource, ErrorType};
use pingora_proxy::Session;

use super::{
    Gateway,
    reply::{self, Answer},
};
use crate::{
    chain::Ctx,
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
    if *error.esource() == ErrorSource::Downstream && ctx.api.is_none() {
        // The head could not be read; nothing of ours has run.
        log_unsent(reply::send(gateway, session, ctx, Answer::BadRequest).await);
        return 400;
    }
    let ours = from_pingora(error);
    note(ctx, &ours);
    let (status, message) = ours.answer();
    if session.response_written().is_some() {
        return status;
    }
    ctx.outcome.status = status;
    session.set_keepalive(None);
    if status != 499 {
        log_unsent(reply::send_error(gateway, session, ctx, (status, message)).await);
    }
    status
}

fn log_unsent(written: pingora_core::Result<()>) {
    if let Err(error) = written {
        tracing::debug!(%error, "an error answer did not reach the client");
    }
}

/// Keeps a fault for the record, counts it, and writes it to the log with all its causes.
pub(super) fn note(ctx: &mut Ctx, error: &Error) {
    let text = error.chain();
    let api = ctx.api.as_deref();
    if let (Some(api), Error::Upstream(fault)) = (api, error) {
        api.metrics.upstream_fault(fault);
    }
    let api_id = api.map(|api| &*api.spec.api_id).unwrap_or_default();
    let peer = ctx.outbound.as_ref().map(|out| &*out.target.name).unwrap_or_default();
    if matches!(error, Error::Upstream(UpstreamError::ClientGone(_))) {
        tracing::debug!(api_id, peer, error = text, "client closed the request");
    } else {
        tracing::error!(api_id, peer, error = text, "request failed");
    }
    ctx.outcome.error = Some(text);
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

/// Finds our error behind pingora's, or reads its type (api-definition reference 6.6).
fn from_pingora(error: &PingoraError) -> Error {
    if let Some(ours) = ours(error) {
        let (status, message) = ours.answer();
        return Error::Http { status, message };
    }
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
