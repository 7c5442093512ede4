//! The two exchanges (decisions 8). A request is *streamed* by pingora unless somebody wants a body whole: then it is
//! *buffered*, which is the same round trip with the client's session on loan to a stand-in (`chain/loan.rs`) that
//! plays the request's body and holds the answer's. Both look alike from outside; `tests/it/exchange.rs` runs one list
//! of cases over both.
//!
//! An answer that was only wanted for its request's body is still streamed, so a hook that reads requests breaks
//! neither server-sent events nor downloads.

use std::io::Read;

use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::{HeaderValue, Method, StatusCode, header};
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

use super::{Gateway, answer, cached, fault, observe, reply, stream};
use crate::{
    chain::{Ctx, Held, Left, Loan, is_grpc},
    error::{Error, Result, UpstreamError},
    hook::ResponsePart,
};

/// Lends the session if this exchange has to be buffered. The last step before pingora connects.
pub(super) fn begin(session: &mut Session, ctx: &mut Ctx) {
    let Some(chain) = ctx.api.as_ref().map(|api| &api.chain) else { return };
    let holds = chain.needs().response_body;
    if ctx.body.is_none() && !chain.has_response_hooks() {
        return;
    }
    let limit = limit(ctx);
    let kept = stream::life(session).map(|life| life.clone() as _);
    ctx.loan = Some(Loan::new(session, ctx.body.clone(), holds.then_some(limit), kept));
}

/// Makes this answer the last one of its connection.
pub(super) fn close(session: &mut Session, ctx: &Ctx) {
    session.set_keepalive(None);
    // A stand-in does not know of keep-alive.
    if let Some(loan) = &ctx.loan {
        loan.close();
    }
}

/// Takes the session back for an answer of our own; what was held is of no use.
pub(super) fn abandon(session: &mut Session, ctx: &mut Ctx) {
    if let Some(loan) = ctx.loan.take() {
        loan.end(session);
    }
}

/// True if the answer that begins with `head` is being held: its head is dealt with together with its body.
pub(super) fn holds(ctx: &Ctx, head: &ResponseHeader) -> bool {
    let Some(loan) = ctx.loan.as_ref().filter(|loan| loan.holds()) else { return false };
    if is_never_held(head) {
        loan.pass_on();
        return false;
    }
    true
}

/// A switch of protocols, an event stream, gRPC: they may never end.
pub(super) fn is_never_held(head: &ResponseHeader) -> bool {
    let kind = head.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let is_events = kind.len() >= EVENTS.len()
        && kind.iter().zip(EVENTS).all(|(byte, wanted)| byte.eq_ignore_ascii_case(wanted));
    head.status == StatusCode::SWITCHING_PROTOCOLS || is_events || is_grpc(kind)
}

const EVENTS: &[u8] = b"text/event-stream";

/// Ends a buffered exchange that had no fault: an answer that was held goes through the response chain and out.
pub(super) async fn end(gateway: &Gateway, session: &mut Session, ctx: &mut Ctx) {
    let Some(left) = ctx.loan.take().map(|loan| loan.end(session)) else { return };
    reply::last_if_closing(gateway, session);
    let finished = match left {
        Left::Nothing => return,
        Left::Held(held) => finish(session, ctx, held).await,
        Left::Instead(instead) => {
            let ResponsePart { head, body } = *instead;
            let body = body.unwrap_or_default();
            cached::whole(ctx, &body, None);
            Ok(write(session, ctx, head, body, None).await)
        }
    };
    let sent = match finished {
        Ok(sent) => sent,
        Err(error) => {
            fault::note(session, ctx, &error, fault::class(&error));
            reply::send_error(gateway, session, ctx, error.answer()).await
        }
    };
    if let Err(error) = sent {
        let gone = UpstreamError::ClientGone(error).into();
        fault::note(session, ctx, &gone, fault::class(&gone));
    }
}

async fn finish(session: &mut Session, ctx: &mut Ctx, held: Held) -> Result<pingora_core::Result<()>> {
    let Held { head, body, trailers } = held;
    let (coding, decoded) = match decode(&head, &body, limit(ctx))? {
        Some(decoded) => (head.headers.get(header::CONTENT_ENCODING).cloned(), decoded),
        None => (None, body.clone()),
    };
    let mut part = ResponsePart { head: *head, body: Some(decoded.clone()) };
    if coding.is_some() {
        part.head.remove_header(&header::CONTENT_ENCODING);
    }
    answer::finish(session, ctx, &mut part).await?;
    let mut sent = part.body.unwrap_or_default();
    let untouched = sent.len() == decoded.len() && sent.as_ptr() == decoded.as_ptr();
    let mut kept = None;
    if let Some(coding) = coding
        && untouched
        && !part.head.headers.contains_key(header::CONTENT_ENCODING)
    {
        // Nobody touched it: the client gets what the upstream made for it.
        part.head
            .insert_header(header::CONTENT_ENCODING, coding.clone())
            .map_err(|error| Error::Internal(error.into()))?;
        sent = body;
        kept = Some(coding);
    }
    cached::whole(ctx, &sent, kept.as_ref());
    let trailers = trailers.filter(|_| session.is_http2());
    Ok(write(session, ctx, part.head, sent, trailers.map(|trailers| *trailers)).await)
}

async fn write(
    session: &mut Session,
    ctx: &mut Ctx,
    mut head: ResponseHeader,
    body: Bytes,
    trailers: Option<http::HeaderMap>,
) -> pingora_core::Result<()> {
    let bodiless = session.req_header().method == Method::HEAD
        || matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if !bodiless {
        head.remove_header(&header::TRANSFER_ENCODING);
        head.set_content_length(body.len())?;
    }
    observe::held_body(ctx, &body);
    let ends = (bodiless || body.is_empty()) && trailers.is_none();
    session.write_response_header(Box::new(head), ends).await?;
    if ends {
        return Ok(());
    }
    session.write_response_body(Some(body), trailers.is_none()).await?;
    match trailers {
        Some(trailers) => session.write_response_trailers(trailers).await,
        None => Ok(()),
    }
}

fn limit(ctx: &Ctx) -> usize {
    ctx.snapshot.services.config.pinhook.buffered_body()
}

/// The body as text is written; nothing if it is not compressed, in a way we do not know, or broken.
///
/// # Errors
/// 502 if it is larger than `limit` once decoded.
fn decode(head: &ResponseHeader, body: &Bytes, limit: usize) -> Result<Option<Bytes>> {
    let Some(coding) = head.headers.get(header::CONTENT_ENCODING).and_then(|value| value.to_str().ok())
    else {
        return Ok(None);
    };
    if body.is_empty() {
        return Ok(None);
    }
    let bytes = body.as_ref();
    let decoded = match coding.trim().to_ascii_lowercase().as_str() {
        "gzip" | "x-gzip" => inflate(MultiGzDecoder::new(bytes), limit),
        // The name means zlib's form; some servers send the bare one.
        "deflate" if bytes.first().is_some_and(|first| first & 0x0f == 8) => {
            inflate(ZlibDecoder::new(bytes), limit)
        }
        "deflate" => inflate(DeflateDecoder::new(bytes), limit),
        "br" => inflate(brotli_decompressor::Decompressor::new(bytes, 4096), limit),
        _ => return Ok(None),
    };
    match decoded {
        Some(decoded) if decoded.len() > limit => Err(Error::Http {
            status: 502,
            message: "The upstream's answer is larger than pinhook.max_buffered_body".into(),
        }),
        decoded => Ok(decoded.map(Bytes::from)),
    }
}

/// Everything, or one byte more than the limit.
fn inflate(from: impl Read, limit: usize) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    match from.take((limit as u64).saturating_add(1)).read_to_end(&mut all) {
        Ok(_) => Some(all),
        Err(error) => {
            tracing::warn!(%error, "a compressed answer cannot be read; hooks get it as it came");
            None
        }
    }
}

#[cfg(test)]
mod tests;
