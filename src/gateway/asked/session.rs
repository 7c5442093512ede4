//! The session of such a request, as pingora's proxy sees it: a body that is here already, an answer that is kept.

use std::{net, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http::{HeaderMap, Method, StatusCode, header};
use pingora_core::{
    Error as PingoraError, ErrorType, Result,
    protocols::{
        Digest,
        http::{
            HttpTask,
            custom::{CustomMessageWrite, server::Session as CustomSession},
        },
        l4::socket::SocketAddr,
        raw_connect::ProxyDigest,
    },
};
use pingora_http::{RequestHeader, ResponseHeader};
use tokio::sync::oneshot;

use super::Asked;
use crate::upstream::Reply;

/// Where the answer goes; nothing instead of one that is too large.
type Asker = oneshot::Sender<Option<Reply>>;

/// A request of a hook.
pub(super) struct Asking {
    head: RequestHeader,
    body: Bytes,
    taken: bool,
    client: Option<SocketAddr>,
    digest: Digest,
    answer: Option<ResponseHeader>,
    gathered: BytesMut,
    limit: usize,
    too_large: bool,
    /// The answer has come to its end.
    whole: bool,
    asker: Option<Asker>,
    timeouts: Timeouts,
}

/// What is set on a connection; there is none, so they are only kept.
#[derive(Default)]
struct Timeouts {
    read: Option<Duration>,
    write: Option<Duration>,
    drain: Option<Duration>,
}

impl Asking {
    pub(super) fn new(
        head: RequestHeader,
        body: Bytes,
        client: Option<net::SocketAddr>,
        asked: Asked,
        limit: usize,
        asker: Asker,
    ) -> Self {
        // The digest of a proxy is the one place of a session where anything may be kept.
        let no_proxy = Box::new(blank());
        let proxy_digest = Some(Arc::new(ProxyDigest::new(no_proxy, Some(Box::new(asked)))));
        Self {
            head,
            body,
            taken: false,
            client: client.map(SocketAddr::from),
            digest: Digest { proxy_digest, ..Digest::default() },
            answer: None,
            gathered: BytesMut::new(),
            limit,
            too_large: false,
            whole: false,
            asker: Some(asker),
            timeouts: Timeouts::default(),
        }
    }

    fn begin(&mut self, head: &ResponseHeader, end: bool) {
        if head.status.is_informational() && head.status != StatusCode::SWITCHING_PROTOCOLS {
            return;
        }
        self.whole = end || self.has_no_body(head);
        self.answer = Some(head.clone());
    }

    fn has_no_body(&self, head: &ResponseHeader) -> bool {
        self.head.method == Method::HEAD
            || matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
            || head.headers.get(header::CONTENT_LENGTH).is_some_and(|length| length.as_bytes() == b"0")
    }

    fn push(&mut self, chunk: &[u8], end: bool) -> Result<()> {
        let bodiless = self.answer.as_ref().is_some_and(|head| self.has_no_body(head));
        if !bodiless {
            if self.gathered.len() + chunk.len() > self.limit {
                self.too_large = true;
                return PingoraError::e_explain(ErrorType::WriteError, "an answer larger than a hook takes");
            }
            self.gathered.extend_from_slice(chunk);
        }
        self.whole |= end;
        Ok(())
    }

    /// All that came, if it is all.
    fn reply(&mut self) -> Option<Reply> {
        let mut head = self.answer.take()?;
        let length = head.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        let as_long = length.and_then(|length| length.parse().ok()) == Some(self.gathered.len());
        if !self.whole && !as_long {
            return None;
        }
        for name in [header::TRANSFER_ENCODING, header::CONNECTION] {
            head.remove_header(&name);
        }
        let body = std::mem::take(&mut self.gathered).freeze();
        let head = head.as_owned_parts();
        Some(Reply { status: head.status, headers: head.headers, body })
    }
}

/// pingora lets go of a session when its request is through, logging and all.
impl Drop for Asking {
    fn drop(&mut self) {
        let reply = self.reply();
        if let Some(asker) = self.asker.take()
            && (self.too_large || reply.is_some())
        {
            // A hook that gave up hears nothing.
            let _ = asker.send(reply.filter(|_| !self.too_large));
        }
    }
}

type Messages = Box<dyn Stream<Item = Result<Bytes>> + Unpin + Send + Sync + 'static>;

#[async_trait]
impl CustomSession for Asking {
    fn req_header(&self) -> &RequestHeader {
        &self.head
    }

    fn req_header_mut(&mut self) -> &mut RequestHeader {
        &mut self.head
    }

    async fn read_body_bytes(&mut self) -> Result<Option<Bytes>> {
        if self.is_body_done() {
            return Ok(None);
        }
        self.taken = true;
        Ok(Some(self.body.clone()))
    }

    async fn read_body_or_idle(&mut self, no_body_expected: bool) -> Result<Option<Bytes>> {
        if !no_body_expected && !self.is_body_done() {
            return self.read_body_bytes().await;
        }
        match &mut self.asker {
            Some(asker) => asker.closed().await,
            None => std::future::pending().await,
        }
        PingoraError::e_explain(ErrorType::ConnectionClosed, "the hook gave up")
    }

    async fn drain_request_body(&mut self) -> Result<()> {
        self.taken = true;
        Ok(())
    }

    fn is_body_done(&mut self) -> bool {
        self.taken || self.body.is_empty()
    }

    fn is_body_empty(&mut self) -> bool {
        self.body.is_empty()
    }

    fn enable_retry_buffering(&mut self) {}

    fn retry_buffer_truncated(&self) -> bool {
        false
    }

    fn get_retry_buffer(&self) -> Option<Bytes> {
        (self.taken && !self.body.is_empty()).then(|| self.body.clone())
    }

    async fn write_response_header(&mut self, head: Box<ResponseHeader>, end: bool) -> Result<()> {
        self.begin(&head, end);
        Ok(())
    }

    async fn write_response_header_ref(&mut self, head: &ResponseHeader, end: bool) -> Result<()> {
        self.begin(head, end);
        Ok(())
    }

    async fn write_body(&mut self, data: Bytes, end: bool) -> Result<()> {
        self.push(&data, end)
    }

    async fn write_trailers(&mut self, _trailers: HeaderMap) -> Result<()> {
        self.whole = true;
        Ok(())
    }

    async fn response_duplex_vec(&mut self, tasks: Vec<HttpTask>) -> Result<bool> {
        let mut ended = false;
        for task in tasks {
            match task {
                HttpTask::Header(head, end) => {
                    self.begin(&head, end);
                    ended |= end;
                }
                HttpTask::Body(chunk, end) | HttpTask::UpgradedBody(chunk, end) => {
                    self.push(&chunk.unwrap_or_default(), end)?;
                    ended |= end;
                }
                HttpTask::Trailer(_) | HttpTask::Done => {
                    self.whole = true;
                    ended = true;
                }
                HttpTask::Failed(error) => return Err(error),
            }
        }
        Ok(ended)
    }

    async fn finish(&mut self) -> Result<()> {
        Ok(())
    }

    async fn shutdown(&mut self, _code: u32, _reason: &str) {}

    fn response_written(&self) -> Option<&ResponseHeader> {
        self.answer.as_ref()
    }

    fn set_read_timeout(&mut self, timeout: Option<Duration>) {
        self.timeouts.read = timeout;
    }

    fn get_read_timeout(&self) -> Option<Duration> {
        self.timeouts.read
    }

    fn set_write_timeout(&mut self, timeout: Option<Duration>) {
        self.timeouts.write = timeout;
    }

    fn get_write_timeout(&self) -> Option<Duration> {
        self.timeouts.write
    }

    fn set_total_drain_timeout(&mut self, timeout: Option<Duration>) {
        self.timeouts.drain = timeout;
    }

    fn get_total_drain_timeout(&self) -> Option<Duration> {
        self.timeouts.drain
    }

    fn request_summary(&self) -> String {
        format!("{} {} of a hook", self.head.method, self.head.uri.path())
    }

    fn body_bytes_sent(&self) -> usize {
        self.gathered.len()
    }

    fn body_bytes_read(&self) -> usize {
        if self.taken { self.body.len() } else { 0 }
    }

    fn digest(&self) -> Option<&Digest> {
        Some(&self.digest)
    }

    fn digest_mut(&mut self) -> Option<&mut Digest> {
        Some(&mut self.digest)
    }

    fn client_addr(&self) -> Option<&SocketAddr> {
        self.client.as_ref()
    }

    fn server_addr(&self) -> Option<&SocketAddr> {
        None
    }

    fn pseudo_raw_h1_request_header(&self) -> Bytes {
        raw(&self.head)
    }

    async fn finish_custom(&mut self) -> Result<()> {
        Ok(())
    }

    fn take_custom_message_reader(&mut self) -> Option<Messages> {
        None
    }

    fn restore_custom_message_reader(&mut self, _reader: Messages) -> Result<()> {
        Ok(())
    }

    fn take_custom_message_writer(&mut self) -> Option<Box<dyn CustomMessageWrite>> {
        None
    }

    fn restore_custom_message_writer(&mut self, _writer: Box<dyn CustomMessageWrite>) -> Result<()> {
        Ok(())
    }
}

/// The head as a client would have sent it, for records that keep it.
fn raw(head: &RequestHeader) -> Bytes {
    let mut text = BytesMut::new();
    text.extend_from_slice(format!("{} ", head.method).as_bytes());
    text.extend_from_slice(head.raw_path());
    text.extend_from_slice(b" HTTP/1.1\r\n");
    for (name, value) in &head.headers {
        text.extend_from_slice(format!("{name}: ").as_bytes());
        text.extend_from_slice(value.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    text.freeze()
}

/// Stands where a proxy's answer would.
fn blank() -> ResponseHeader {
    http::Response::new(()).into_parts().0.into()
}
