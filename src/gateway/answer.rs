//! The response side of a proxied request: what is put on an upstream's head before the client sees it
//! (api-definition reference 6.4).

use std::mem;

use http::{HeaderName, HeaderValue, Method, StatusCode, Version, header};
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

use super::{cached, exchange, hook_headers, key_saving, limit_headers, observe};
use crate::{
    chain::{Answered, Ctx},
    error::{Error, HookError, Result},
    hook::ResponsePart,
};

const ZERO: HeaderValue = HeaderValue::from_static("0");

/// Names that end at each hop, besides those that `Connection` lists and pingora's own framing.
const HOP_BY_HOP: [HeaderName; 4] = [
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::TE,
];

/// Makes an upstream's head ours and runs the response chain over it, unless it is held until its body is there.
pub(super) async fn from_upstream(
    session: &mut Session,
    ctx: &mut Ctx,
    head: &mut ResponseHeader,
) -> Result<()> {
    ctx.outcome.upstream = ctx.outcome.upstream_started.map(|started| started.elapsed());
    ctx.outcome.upstream_status = Some(head.status.as_u16());
    if exchange::holds(ctx, head) {
        return Ok(());
    }
    let mut part = ResponsePart { head: mem::replace(head, empty_head()), body: None };
    let done = finish(session, ctx, &mut part).await;
    match &mut ctx.loan {
        Some(loan) if part.body.is_some() => loan.replace(part),
        _ => *head = part.head,
    }
    done
}

/// Makes an upstream's answer ours.
///
/// # Errors
/// A response hook could not be loaded. Any other that fails leaves the answer as it stands (plugins reference 1.4).
pub(super) async fn finish(session: &mut Session, ctx: &mut Ctx, part: &mut ResponsePart) -> Result<()> {
    let api = ctx.api.clone();
    let done = match &api {
        Some(api) => api.chain.response(session, ctx, part).await,
        None => Ok(()),
    };
    // Response hooks see the upstream's own headers, and what they leave of them is treated like these.
    if part.head.status != StatusCode::SWITCHING_PROTOCOLS {
        drop_hop_by_hop(&mut part.head);
    }
    let Some(api) = api else { return Ok(()) };
    match &done {
        Ok(()) => cached::begin(ctx, &part.head),
        Err(_) => ctx.storing = None,
    }
    limit_headers::on_upstream(ctx, &mut part.head);
    hook_headers::on_upstream(ctx, &mut part.head);
    key_saving::save(ctx).await;
    match done {
        Ok(()) => {}
        Err(error @ Error::Hook(HookError::NotLoaded { .. } | HookError::Answered { .. })) => {
            return Err(error);
        }
        Err(error) => {
            let error = error.chain();
            tracing::error!(
                api_id = &*api.spec.api_id,
                error,
                "response chain failed, the answer goes out as it stands"
            );
        }
    }
    if ctx.snapshot.services.config.close_connections {
        exchange::close(session, ctx);
    }
    frame_changed_method(session, ctx, &mut part.head);
    ctx.outcome.status = part.head.status.as_u16();
    ctx.outcome.answered = Answered::Upstream;
    observe::upstream_head(session, ctx, &part.head);
    Ok(())
}

/// Stands in for a head for a moment; allocates nothing.
fn empty_head() -> ResponseHeader {
    http::Response::new(()).into_parts().0.into()
}

/// The upstream answered a HEAD that the client did not ask with: there is a length, but no body will come.
fn frame_changed_method(session: &Session, ctx: &Ctx, head: &mut ResponseHeader) {
    let sent_head = ctx.outbound.as_ref().is_some_and(|out| out.method == Some(Method::HEAD));
    if sent_head && session.req_header().method != Method::HEAD {
        insert(head, header::CONTENT_LENGTH, ZERO);
    }
}

pub(super) fn drop_hop_by_hop(head: &mut ResponseHeader) {
    let nominated: Vec<HeaderName> = head
        .headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .filter(|name| *name != header::CONTENT_LENGTH && *name != header::TRANSFER_ENCODING)
        .collect();
    for name in nominated.iter().chain(&HOP_BY_HOP).chain([&header::CONNECTION]) {
        head.remove_header(name);
    }
    // pingora reads HTTP/1 trailers and drops them, so none may be announced.
    if head.version != Version::HTTP_2 {
        head.remove_header(&header::TRAILER);
    }
}

fn insert(head: &mut ResponseHeader, name: HeaderName, value: HeaderValue) {
    if let Err(error) = head.insert_header(name, value) {
        tracing::error!(%error, "a header of ours was refused");
    }
}
