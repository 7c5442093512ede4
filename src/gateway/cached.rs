//! The response cache around the exchange: answers out of it, and answers on their way into it. What is kept and under
//! which name is `middleware/cache.rs`' business.

use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

use super::{Gateway, answer, exchange, hook_headers, limit_headers, observe, rest};
use crate::{
    analytics::detail::Form,
    chain::{Answered, Ctx},
    metrics::CacheEvent,
};

const MARK: HeaderName = HeaderName::from_static("x-tyk-cached-response");

/// Sends an answer out of the cache.
pub(super) async fn send(
    gateway: &Gateway,
    session: &mut Session,
    ctx: &mut Ctx,
    (mut head, body): (ResponseHeader, Bytes),
) -> pingora_core::Result<()> {
    // Tyk stores some of them.
    answer::drop_hop_by_hop(&mut head);
    limit_headers::on_upstream(ctx, &mut head);
    head.insert_header(MARK, HeaderValue::from_static("1"))?;
    hook_headers::on_upstream(ctx, &mut head);
    if gateway.config.close_connections {
        session.set_keepalive(None);
    }
    ctx.outcome.answered = Answered::Cache;
    ctx.outcome.status = head.status.as_u16();
    observe::own_answer(ctx, Form::Hook, &head, &body);
    let is_head = session.req_header().method == Method::HEAD;
    let bodiless = matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if bodiless {
        head.remove_header(&header::CONTENT_LENGTH);
    } else if !is_head || !body.is_empty() {
        head.set_content_length(body.len())?;
    }
    if head.status == StatusCode::NOT_MODIFIED {
        head.remove_header(&header::CONTENT_TYPE);
    }
    rest::announce(session);
    let ends = is_head || bodiless || body.is_empty();
    session.write_response_header(Box::new(head), ends).await?;
    if !ends {
        session.write_response_body(Some(body), true).await?;
    }
    Ok(())
}

/// The response chain is done with an answer that begins so.
pub(super) fn begin(ctx: &mut Ctx, head: &ResponseHeader) {
    let Some(storing) = &mut ctx.storing else { return };
    if exchange::is_never_held(head) || !storing.begin(head) {
        ctx.storing = None;
    }
}

/// A piece of the answer's body passes.
pub(super) fn add(ctx: &mut Ctx, chunk: Option<&Bytes>) {
    if let (Some(storing), Some(chunk)) = (&mut ctx.storing, chunk)
        && !storing.add(chunk)
    {
        ctx.storing = None;
        count(ctx, CacheEvent::Unstored);
    }
}

/// This is the whole body, in this coding if it was not asked for before.
pub(super) fn whole(ctx: &mut Ctx, body: &Bytes, coding: Option<&HeaderValue>) {
    if let Some(storing) = &mut ctx.storing {
        storing.whole(body.clone(), coding.cloned());
    }
}

/// The exchange has ended: keeps the answer if all of it came and was sent. The client has it by now, and the store is
/// not waited for.
pub(super) fn end(ctx: &mut Ctx, failed: bool) {
    let Some(storing) = ctx.storing.take().filter(|_| !failed) else { return };
    let (Some(entry), Some(api)) = (storing.finish(), &ctx.api) else { return };
    let responses = ctx.snapshot.services.cache.clone();
    let metrics = api.metrics.clone();
    let Some(room) = responses.room(entry.size()) else {
        metrics.cache(CacheEvent::Unstored);
        return;
    };
    let api_id = api.spec.api_id.clone();
    tokio::spawn(async move {
        let value = entry.encode(SystemTime::now());
        let kept = responses.set(entry.key, value, entry.ttl).await;
        drop(room);
        match kept {
            Ok(()) => metrics.cache(CacheEvent::Stored),
            Err(error) => {
                metrics.cache(CacheEvent::Unstored);
                tracing::debug!(api_id = &*api_id, error = error.chain(), "an answer was not cached");
            }
        }
    });
}

fn count(ctx: &Ctx, event: CacheEvent) {
    if let Some(api) = &ctx.api {
        api.metrics.cache(event);
    }
}
