//! Where both exchanges meet: a client's session on loan to a stand-in.
//!
//! Decided 2026-11-22: the buffered exchange does not make round trips by itself, as decisions 8 had it. It lends the
//! client's session to a stand-in of pingora's own kind (`HttpSession::Custom`), which plays a body that was read
//! before as if it were still to come, and holds an answer that hooks want whole. pingora proxies as ever: its
//! header policy, pools, retries, timeouts, HTTP/2 and watch over the client are the same lines of code in both
//! exchanges. A round trip of our own would have to follow each of them by hand, release for release. The price is
//! that pingora does not document the trait; a release that changes it does not compile.

use std::{
    mem,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU8, Ordering::Relaxed},
    },
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
use pingora_proxy::Session;

use super::body::Gather;
use crate::{error::Error, hook::ResponsePart};

/// A client's session that a stand-in has. [`Loan::end`] brings it back.
#[derive(Debug)]
pub struct Loan {
    shared: Arc<Shared>,
    instead: Option<Box<ResponsePart>>,
}

/// What a loan leaves to be sent.
#[derive(Debug)]
pub enum Left {
    /// Nothing: the client has had its answer.
    Nothing,
    /// The upstream's answer, which was held.
    Held(Held),
    /// An answer that takes the place of the upstream's.
    Instead(Box<ResponsePart>),
}

/// An upstream's whole answer.
#[derive(Debug)]
pub struct Held {
    /// Status and headers as they came.
    pub head: Box<ResponseHeader>,
    /// The body as it came.
    pub body: Bytes,
    /// Trailers, of which HTTP/1.1 clients see none.
    pub trailers: Option<Box<HeaderMap>>,
}

#[derive(Debug)]
struct Shared {
    mode: AtomicU8,
    closes: AtomicBool,
    back: Mutex<Option<Back>>,
}

struct Back {
    client: Box<ServerSession>,
    held: Option<Held>,
}

/// The answer goes to the client as it comes.
const PASS: u8 = 0;
/// The answer is kept until it is whole.
const HOLD: u8 = 1;
/// The answer ends here: the client gets another.
const CUT: u8 = 2;

impl Shared {
    fn mode(&self) -> u8 {
        self.mode.load(Relaxed)
    }
}

impl std::fmt::Debug for Back {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Back").field("held", &self.held).finish_non_exhaustive()
    }
}

impl Loan {
    /// Puts a stand-in into the place of the client's session. `body` is what goes upstream, if it has been read;
    /// `hold` the most bytes of an answer that may be held, if it is wanted whole.
    pub fn new(session: &mut Session, body: Option<Bytes>, hold: Option<usize>) -> Self {
        let mode = AtomicU8::new(if hold.is_some() { HOLD } else { PASS });
        let shared = Arc::new(Shared { mode, closes: AtomicBool::new(false), back: Mutex::default() });
        let client = mem::replace(&mut session.downstream_session, nobody());
        let answer = hold.map(|limit| Answer { head: None, body: Gather::new(limit, None), trailers: None });
        let stand_in = StandIn { client, body, answer, shared: shared.clone() };
        *session.downstream_session = ServerSession::Custom(Box::new(stand_in));
        Self { shared, instead: None }
    }

    /// True while the answer is not passed on but held.
    pub fn holds(&self) -> bool {
        self.shared.mode() == HOLD
    }

    /// The connection ends with this answer, of which nothing has come yet.
    pub fn close(&self) {
        self.shared.closes.store(true, Relaxed);
    }

    /// From now on the answer, of which nothing has come yet, is passed on.
    pub fn pass_on(&self) {
        self.shared.mode.store(PASS, Relaxed);
    }

    /// Breaks the upstream's answer off, of which nothing has been passed on, in favour of this one.
    pub fn replace(&mut self, answer: ResponsePart) {
        self.shared.mode.store(CUT, Relaxed);
        self.instead = Some(Box::new(answer));
    }

    /// Gives the session back, and what the client is still to get.
    pub fn end(self, session: &mut Session) -> Left {
        // The stand-in leaves both when it goes.
        drop(mem::replace(&mut session.downstream_session, nobody()));
        let back = self.shared.back.lock().unwrap_or_else(PoisonError::into_inner).take();
        let held = back.and_then(|back| {
            session.downstream_session = back.client;
            back.held
        });
        match (self.instead, held) {
            (Some(instead), _) => Left::Instead(instead),
            (None, Some(held)) => Left::Held(held),
            (None, None) => Left::Nothing,
        }
    }
}

/// Fills a place from one statement to the next.
fn nobody() -> Box<ServerSession> {
    Box::new(ServerSession::Custom(Box::new(())))
}

struct StandIn {
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

/// Everything is the client's own, but for a body that was read and an answer that is held.
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
