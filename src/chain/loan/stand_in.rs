//! The stand-in itself, as pingora's proxy sees it.

use std::{
    mem,
    sync::{Arc, PoisonError, atomic::Ordering::Relaxed},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;
use http::{HeaderMap, StatusCode};
use pingora_core::{
    Error as PingoraError, ErrorType, Result,
    protocols::{
        Digest,
        http::{
            HttpTask, ServerSession,
            custom::{CustomMessageWrite, server::Session as CustomSession},
        },
        l4::socket::SocketAddr,
    },
};
use pingora_http::{RequestHeader, ResponseHeader};

use super::{Back, CUT, HOLD, Held, PASS, Shared, nobody};
use crate::{chain::body::Gather, error::Error};

/// Everything is the client's own, but for a body that was read and an answer that is held.
pub(super) struct StandIn {
    client: Box<ServerSession>,
    body: Option<Bytes>,
    answer: Option<Answer>,
    shared: Arc<Shared>,
}

struct Answer {
    head: Option<Box<ResponseHeader>>,
    body: Gather,
    trailers: Option<Box<HeaderMap>>,
}

impl StandIn {
    /// Has this client's session. `body` and `hold` as for [`super::Loan::new`].
    pub(super) fn new(
        client: Box<ServerSession>,
        body: Option<Bytes>,
        hold: Option<usize>,
        shared: Arc<Shared>,
    ) -> Self {
        let answer = hold.map(|limit| Answer { head: None, body: Gather::new(limit, None), trailers: None });
        Self { client, body, answer, shared }
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.close();
        let client = mem::replace(&mut self.client, nobody());
        let held = self.answer.take().and_then(|answer| {
            Some(Held { head: answer.head?, body: answer.body.finish(), trailers: answer.trailers })
        });
        let back = Back { client, held: held.filter(|_| self.shared.mode() == HOLD) };
        *self.shared.back.lock().unwrap_or_else(PoisonError::into_inner) = Some(back);
    }
}

impl StandIn {
    /// Passes a wish to close on.
    fn close(&mut self) {
        if self.shared.closes.load(Relaxed) {
            self.client.set_keepalive(None);
        }
    }

    fn held(&mut self) -> Option<&mut Answer> {
        self.answer.as_mut().filter(|_| self.shared.mode() == HOLD)
    }
}

impl Answer {
    /// Takes a part of the answer; true at its end.
    fn take(&mut self, task: HttpTask) -> Result<bool> {
        match task {
            HttpTask::Header(head, end) => {
                self.head = Some(head);
                Ok(end)
            }
            HttpTask::Body(chunk, end) | HttpTask::UpgradedBody(chunk, end) => {
                if self.body.push(chunk.unwrap_or_default()).is_err() {
                    let ours = Error::Http {
                        status: 502,
                        message: "The upstream's answer is larger than pinhook.max_buffered_body".into(),
                    };
                    return Err(PingoraError::because(ErrorType::InternalError, "holding an answer", ours));
                }
                Ok(end)
            }
            HttpTask::Trailer(trailers) => {
                self.trailers = trailers;
                Ok(true)
            }
            HttpTask::Done => Ok(true),
            HttpTask::Failed(error) => Err(error),
        }
    }
}

fn is_interim(head: &ResponseHeader) -> bool {
    head.status.is_informational() && head.status != StatusCode::SWITCHING_PROTOCOLS
}

type Messages = Box<dyn Stream<Item = Result<Bytes>> + Unpin + Send + Sync + 'static>;

#[async_trait]
impl CustomSession for StandIn {
    fn is_body_empty(&mut self) -> bool {
        match &self.body {
            Some(body) => body.is_empty(),
            None => self.client.is_body_empty(),
        }
    }

    fn enable_retry_buffering(&mut self) {
        if self.body.is_none() {
            self.client.enable_retry_buffering();
        }
    }

    fn retry_buffer_truncated(&self) -> bool {
        self.body.is_none() && self.client.retry_buffer_truncated()
    }

    /// pingora sends this first and so takes the body for one that an earlier attempt has read.
    fn get_retry_buffer(&self) -> Option<Bytes> {
        match &self.body {
            Some(body) => Some(body.clone()).filter(|body| !body.is_empty()),
            None => self.client.get_retry_buffer(),
        }
    }

    async fn response_duplex_vec(&mut self, tasks: Vec<HttpTask>) -> Result<bool> {
        if self.shared.mode() == CUT {
            // For pingora this is the end: it does not wait for the rest.
            return Ok(true);
        }
        if self.held().is_none() {
            self.close();
            return self.client.response_duplex_vec(tasks).await;
        }
        let mut end = false;
        for task in tasks {
            match task {
                HttpTask::Header(head, _) if is_interim(&head) => {
                    self.client.write_response_header(head).await?;
                }
                task => {
                    if let Some(answer) = self.held() {
                        end |= answer.take(task)?;
                    }
                }
            }
        }
        Ok(end)
    }

    async fn finish(&mut self) -> Result<()> {
        match self.shared.mode() {
            PASS => self.client.finish_body().await,
            _ => Ok(()),
        }
    }

    fn req_header(&self) -> &RequestHeader {
        self.client.req_header()
    }

    fn req_header_mut(&mut self) -> &mut RequestHeader {
        self.client.req_header_mut()
    }

    #[expect(clippy::disallowed_methods, reason = "passes pingora's own reading on")]
    async fn read_body_bytes(&mut self) -> Result<Option<Bytes>> {
        self.client.read_request_body().await
    }

    async fn read_body_or_idle(&mut self, no_body_expected: bool) -> Result<Option<Bytes>> {
        self.client.read_body_or_idle(no_body_expected).await
    }

    fn is_body_done(&mut self) -> bool {
        self.client.is_body_done()
    }

    async fn drain_request_body(&mut self) -> Result<()> {
        self.client.drain_request_body().await
    }

    async fn write_response_header(&mut self, head: Box<ResponseHeader>, _end: bool) -> Result<()> {
        self.client.write_response_header(head).await
    }

    async fn write_response_header_ref(&mut self, head: &ResponseHeader, _end: bool) -> Result<()> {
        self.client.write_response_header_ref(head).await
    }

    async fn write_body(&mut self, data: Bytes, end: bool) -> Result<()> {
        self.client.write_response_body(data, end).await
    }

    async fn write_trailers(&mut self, trailers: HeaderMap) -> Result<()> {
        self.client.write_response_trailers(trailers).await
    }

    fn response_written(&self) -> Option<&ResponseHeader> {
        self.client.response_written()
    }

    fn set_read_timeout(&mut self, timeout: Option<Duration>) {
        self.client.set_read_timeout(timeout);
    }

    fn get_read_timeout(&self) -> Option<Duration> {
        self.client.get_read_timeout()
    }

    fn set_write_timeout(&mut self, timeout: Option<Duration>) {
        self.client.set_write_timeout(timeout);
    }

    fn get_write_timeout(&self) -> Option<Duration> {
        self.client.get_write_timeout()
    }

    fn set_total_drain_timeout(&mut self, timeout: Option<Duration>) {
        self.client.set_total_drain_timeout(timeout);
    }

    fn get_total_drain_timeout(&self) -> Option<Duration> {
        self.client.get_total_drain_timeout()
    }

    fn request_summary(&self) -> String {
        self.client.request_summary()
    }

    async fn shutdown(&mut self, _code: u32, _reason: &str) {
        self.client.shutdown().await;
    }

    fn body_bytes_sent(&self) -> usize {
        self.client.body_bytes_sent()
    }

    fn body_bytes_read(&self) -> usize {
        self.client.body_bytes_read()
    }

    fn digest(&self) -> Option<&Digest> {
        self.client.digest()
    }

    fn digest_mut(&mut self) -> Option<&mut Digest> {
        self.client.digest_mut()
    }

    fn client_addr(&self) -> Option<&SocketAddr> {
        self.client.client_addr()
    }

    fn server_addr(&self) -> Option<&SocketAddr> {
        self.client.server_addr()
    }

    fn pseudo_raw_h1_request_header(&self) -> Bytes {
        self.client.to_h1_raw()
    }

    fn is_upgrade_req(&self) -> bool {
        self.client.is_upgrade_req()
    }

    fn was_upgraded(&self) -> bool {
        self.client.was_upgraded()
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
