//! Answers of scripts in Tyk's manner, and of virtual endpoints: they stand in for an upstream's, so they get what such
//! an answer gets (plugins reference 6.4 and 6.7).

use bytes::Bytes;
use chrono::Utc;
use http::{HeaderValue, header};
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

use super::{Gateway, cached, fault, key_saving, limit_headers, observe, reply, sniff};
use crate::{
    analytics::detail::Form,
    chain::{Answered, Ctx},
    error::{Error, HookError, Result},
    hook::ResponsePart,
};

/// Who Tyk says has answered.
const SERVER: HeaderValue = HeaderValue::from_static("tyk");

/// Sends the answer; through the response chain if it is to be `edited`.
pub(super) async fn send(
    gateway: &Gateway,
    session: &mut Session,
    ctx: &mut Ctx,
    (mut head, body): (ResponseHeader, Bytes),
    edited: bool,
    recorded: bool,
) -> pingora_core::Result<()> {
    head.insert_header(header::SERVER, SERVER)?;
    head.insert_header(header::DATE, Utc::now().format("%a, %d %b %Y %H:%M:%S GMT").to_string())?;
    let mut part = ResponsePart { head, body: Some(body) };
    if edited && let Err(error) = edit(session, ctx, &mut part).await {
        fault::note(session, ctx, &error, fault::class(&error));
        return reply::send_error(gateway, session, ctx, error.answer()).await;
    }
    let ResponsePart { mut head, body } = part;
    let body = body.unwrap_or_default();
    for name in [header::TRANSFER_ENCODING, header::CONTENT_LENGTH, header::CONNECTION] {
        head.remove_header(&name);
    }
    sniff::name_type(&mut head, &body)?;
    if edited {
        cached::begin(ctx, &head);
        cached::whole(ctx, &body, None);
    }
    limit_headers::on_upstream(ctx, &mut head);
    if gateway.config.close_connections {
        session.set_keepalive(None);
    }
    ctx.outcome.answered = if recorded { Answered::Hook } else { Answered::Mock };
    observe::own_answer(ctx, Form::Hook, &head, &body);
    reply::write(session, ctx, head, body).await
}

/// Runs the response chain.
///
/// # Errors
/// What ends the request, as on an upstream's answer; any other fault leaves the answer as it stands.
async fn edit(session: &mut Session, ctx: &mut Ctx, part: &mut ResponsePart) -> Result<()> {
    let Some(api) = ctx.api.clone() else { return Ok(()) };
    let done = api.chain.response(session, ctx, part).await;
    if done.is_err() {
        ctx.storing = None;
    }
    key_saving::save(ctx).await;
    match done {
        Err(error @ Error::Hook(HookError::NotLoaded { .. } | HookError::Answered { .. })) => Err(error),
        Err(error) => {
            let error = error.chain();
            let api_id = &*api.spec.api_id;
            tracing::error!(api_id, error, "response chain failed, the answer goes out as it stands");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}
