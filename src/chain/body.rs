//! The request's body, whole. [`Ctx::body`] is the one place that reads one (`clippy.toml` bans the calls): pingora
//! cannot stream what is gone, so a body that was read here goes upstream from here, through a [`Loan`](super::Loan).
//!
//! It is read when the first step asks and not before, so a request that is refused earlier costs no memory.

use std::time::Instant;

use bytes::{Bytes, BytesMut};
use http::{Version, header};
use pingora_core::{Error as PingoraError, ErrorType};
use pingora_http::RequestHeader;
use pingora_proxy::Session;

use super::Ctx;
use crate::error::{Error, Result};

/// Memory taken at once for a body on its promise to be long.
const PROMISED: usize = 1 << 20;

impl Ctx {
    /// The whole body as it is now; nothing for gRPC, whose messages flow both ways at once and are only streamed.
    ///
    /// # Errors
    /// 413 above `pinhook.max_buffered_body` or `max_request_body_size`; `Error::Body` when the client does not send
    /// what it promised, or not within `read_timeout`.
    pub async fn body(&mut self, session: &mut Session) -> Result<Option<Bytes>> {
        if let Some(body) = &self.body {
            return Ok(Some(body.clone()));
        }
        if is_grpc_call(session.req_header()) {
            return Ok(None);
        }
        if session.as_downstream_mut().is_body_empty() {
            return Ok(Some(Bytes::new()));
        }
        let config = &self.snapshot.services.config;
        let due = self.started + config.http_server_options.read_timeout();
        let body = read(session, self.body_limit(), due).await?;
        self.body = Some(body.clone());
        Ok(Some(body))
    }

    /// Sends this body instead of what came, which has been read before.
    ///
    /// # Errors
    /// pingora's, never seen: a length is always a header value.
    pub fn replace_body(&mut self, session: &mut Session, body: Bytes) -> Result<()> {
        let fault = |error: Box<PingoraError>| Error::Internal(error.into());
        let head = session.req_header_mut();
        head.remove_header(&header::TRANSFER_ENCODING);
        head.insert_header(header::CONTENT_LENGTH, body.len()).map_err(fault)?;
        self.body = Some(body);
        Ok(())
    }

    fn body_limit(&self) -> usize {
        let config = &self.snapshot.services.config;
        let general = config.http_server_options.max_request_body_size;
        let most = usize::try_from(config.pinhook.max_buffered_body).unwrap_or(usize::MAX);
        if general > 0 { most.min(usize::try_from(general).unwrap_or(usize::MAX)) } else { most }
    }
}

/// Calls of gRPC need HTTP/2 and declare no length; anything else under its name is an ordinary request, or hooks
/// that look into bodies could be got around with a header.
fn is_grpc_call(head: &RequestHeader) -> bool {
    head.version == Version::HTTP_2
        && !head.headers.contains_key(header::CONTENT_LENGTH)
        && head.headers.get(header::CONTENT_TYPE).is_some_and(|kind| is_grpc(kind.as_bytes()))
}

/// True if this `Content-Type` is gRPC's: `application/grpc` and its kin, but not for `grpc-web`, which is ordinary HTTP.
pub fn is_grpc(kind: &[u8]) -> bool {
    kind.strip_prefix(b"application/grpc")
        .is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';' | b' ')))
}

/// Tells a client that waits for it to send its body, before the upstream has a say: one that never says `100` must not
/// leave the client waiting. Go's server does it when the body is first read.
///
/// # Errors
/// pingora's, when the client is gone.
pub async fn invite_body(session: &mut Session) -> pingora_core::Result<()> {
    let expects = session.as_downstream().as_http1().is_some()
        && session
            .req_header()
            .headers
            .get(header::EXPECT)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    if expects && !session.as_downstream_mut().is_body_empty() {
        // pingora takes the 100 for an answer that comes too early, and would close.
        let keep_alive = session.get_keepalive();
        session.write_continue_response().await?;
        session.set_keepalive(keep_alive);
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads a request's body")]
async fn read(session: &mut Session, limit: usize, due: Instant) -> Result<Bytes> {
    let unread = |error: Box<PingoraError>| Error::Body(error.into_down());
    let head = session.req_header();
    let declared =
        head.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: usize| length > limit) {
        return Err(too_large(session));
    }
    invite_body(session).await.map_err(unread)?;
    let mut body = Gather::new(limit, declared);
    while let Some(chunk) = session.as_downstream_mut().read_request_body().await.map_err(unread)? {
        if body.push(chunk).is_err() {
            return Err(too_large(session));
        }
        // As where it is streamed: each read has its limit, and so has the whole.
        if Instant::now() > due && !session.as_downstream_mut().is_body_done() {
            return Err(unread(PingoraError::new_down(ErrorType::ReadTimedout)));
        }
    }
    Ok(body.finish())
}

fn too_large(session: &mut Session) -> Error {
    // What else comes is not worth its way.
    session.as_downstream_mut().set_keepalive(None);
    Error::Http { status: 413, message: "Request Entity Too Large".into() }
}

/// A body that is put together; one that came in one piece is not copied.
#[derive(Debug)]
pub(super) struct Gather {
    one: Bytes,
    many: BytesMut,
    limit: usize,
    declared: usize,
}

/// There is more than may be held.
#[derive(Debug)]
pub(super) struct TooLarge;

impl Gather {
    /// Takes up to `limit` bytes.
    pub(super) fn new(limit: usize, declared: Option<usize>) -> Self {
        let declared = declared.unwrap_or_default().min(PROMISED);
        Self { one: Bytes::new(), many: BytesMut::new(), limit, declared }
    }

    pub(super) fn push(&mut self, chunk: Bytes) -> Result<(), TooLarge> {
        if self.one.len() + self.many.len() + chunk.len() > self.limit {
            return Err(TooLarge);
        }
        if self.one.is_empty() && self.many.is_empty() {
            self.one = chunk;
            return Ok(());
        }
        if self.many.is_empty() {
            self.many.reserve(self.declared.max(self.one.len() + chunk.len()));
            self.many.extend_from_slice(&std::mem::take(&mut self.one));
        }
        self.many.extend_from_slice(&chunk);
        Ok(())
    }

    pub(super) fn finish(self) -> Bytes {
        if self.many.is_empty() { self.one } else { self.many.freeze() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_gathered_up_to_its_limit() {
        let whole = |limit, chunks: &[&'static str]| {
            let mut body = Gather::new(limit, None);
            let pushed: Result<Vec<()>, _> = chunks.iter().map(|chunk| body.push((*chunk).into())).collect();
            pushed.ok().map(|_| body.finish())
        };
        assert_eq!(whole(5, &[]), Some(Bytes::new()));
        assert_eq!(whole(5, &["ab", "", "cde"]), Some("abcde".into()));
        assert_eq!(whole(4, &["ab", "", "cde"]), None);
        assert_eq!(whole(2, &["abc"]), None);
    }

    #[test]
    fn grpc_is_told_by_its_type() {
        for (kind, expected) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc;x=y", true),
            ("application/grpc-web+proto", false),
            ("application/json", false),
        ] {
            assert_eq!(is_grpc(kind.as_bytes()), expected, "{kind}");
        }
    }
}
