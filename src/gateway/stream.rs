//! The connection type that pingora reads requests from and writes answers to.
//!
//! pingora's own listener gives its streams buffers through a private setter; a stream that is made outside has
//! none, so head and body of an answer leave in two sends. [`Buffered`] gathers small writes until pingora
//! flushes. It holds memory only while bytes wait in it: an idle kept connection has no buffer at all.

mod head;
mod hello;
mod life;
mod linger;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    io::{self, IoSlice},
    mem::MaybeUninit,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use async_trait::async_trait;
use pingora_core::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, IO, Peek, Shutdown, SocketDigest, Ssl,
    TimingDigest, UniqueID, UniqueIDType,
    l4::stream::Stream as L4Stream,
    raw_connect::ProxyDigest,
    tls::{SslDigest, TlsRef, TlsStream},
};
use pingora_proxy::Session;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::chain::Ctx;

pub(super) use life::Life;
use life::Timer;
use linger::Linger;

/// Bytes of small writes that are gathered before a send without a flush.
const WRITE_BUFFER: usize = 4 * 1024;
/// Bytes that one read below TLS fetches: about a full TLS record, of which rustls asks for 4 KiB at a time.
const READ_BUFFER: usize = 16 * 1024;
/// Slices that go into one vectored send, the gathered bytes included.
const SLICES: usize = 16;
/// How an HTTP/2 connection without TLS begins (RFC 9113 section 3.4).
pub(super) const H2_PREFACE: [u8; 24] = *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Patience with a connection that sends nothing, unless its app says otherwise.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// The state of the HTTP/1 connection that a request came by; `None` for HTTP/2.
pub(super) fn life(session: &Session) -> Option<&Arc<Life>> {
    life_of_stream(&**session.as_downstream().stream()?)
}

/// The same of a stream; `None` for one that is none of ours.
pub(super) fn life_of_stream(stream: &dyn IO) -> Option<&Arc<Life>> {
    let stream = stream.as_any();
    match stream.downcast_ref::<Buffered<L4Stream>>() {
        Some(plain) => Some(&plain.life),
        None => stream.downcast_ref::<Buffered<TlsStream<Buffered<L4Stream>>>>().map(|tls| &tls.life),
    }
}

/// The same while the session may be on loan.
pub(super) fn life_of<'a>(session: &'a Session, ctx: &'a Ctx) -> Option<&'a Life> {
    match &ctx.loan {
        Some(loan) => loan.kept(),
        None => life(session).map(|life| &**life),
    }
}

/// A connection that gathers writes, or, below TLS, reads ahead.
///
/// It never holds a byte back over a flush: pingora flushes after a head without body, after each chunk of a
/// streamed body and at the end of a body.
pub struct Buffered<S: IO> {
    inner: S,
    fetched: Vec<u8>,
    taken: usize,
    read_ahead: bool,
    gathered: Vec<u8>,
    sent: usize,
    gather: usize,
    /// It carries HTTP/1, as far as is known.
    heads: bool,
    /// The head in `fetched` is not complete.
    holds_head: bool,
    patience: Duration,
    timer: Timer,
    life: Arc<Life>,
    /// It is being closed, and what the client still sends is read.
    lingers: Option<Box<Linger>>,
}

impl<S: IO> Buffered<S> {
    /// Gathers writes; reads go straight through, since pingora's HTTP/1 and HTTP/2 sessions buffer themselves.
    /// A head may take `patience` from its first byte to its last.
    pub fn writes(inner: S, patience: Duration) -> Self {
        let heads = inner.selected_alpn_proto() != Some(ALPN::H2);
        let mut stream = Self::new(inner, false, WRITE_BUFFER);
        stream.heads = heads;
        stream.patience = patience;
        stream
    }

    /// Fetches more per read than is asked for: below TLS, which reads a record in small pieces.
    pub fn reads(inner: S) -> Self {
        Self::new(inner, true, 0)
    }

    fn new(inner: S, read_ahead: bool, gather: usize) -> Self {
        Self {
            inner,
            fetched: Vec::new(),
            taken: 0,
            read_ahead,
            gathered: Vec::new(),
            sent: 0,
            gather,
            heads: false,
            holds_head: false,
            patience: PATIENCE,
            timer: Timer::default(),
            life: Arc::default(),
            lingers: None,
        }
    }

    fn poll_in_time(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.holds_head {
            return self.poll_held(cx, buf);
        }
        let before = buf.filled().len();
        match self.poll_bytes(cx, buf) {
            Poll::Ready(Ok(())) if self.heads && !self.life.serving() => self.poll_head(cx, buf, before),
            Poll::Pending if self.heads => self.poll_late(cx),
            other => other,
        }
    }

    fn unread(&self) -> &[u8] {
        self.fetched.get(self.taken..).unwrap_or_default()
    }

    fn unsent(&self) -> &[u8] {
        self.gathered.get(self.sent..).unwrap_or_default()
    }

    /// Reads from the socket into `buf` and keeps what `buf` has no room for; 0 is the end of the stream. The space is
    /// on the stack, so that a request which fits `buf`, and a wait for one, allocate nothing.
    fn poll_fetch(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        let mut space = [MaybeUninit::uninit(); READ_BUFFER];
        let mut read = ReadBuf::uninit(&mut space);
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut read))?;
        let (now, later) = read.filled().split_at(read.filled().len().min(buf.remaining()));
        buf.put_slice(now);
        self.fetched.extend_from_slice(later);
        Poll::Ready(Ok(read.filled().len()))
    }

    fn deliver(&mut self, buf: &mut ReadBuf<'_>) {
        let unread = self.unread();
        let count = unread.len().min(buf.remaining());
        buf.put_slice(unread.get(..count).unwrap_or_default());
        self.taken += count;
        if self.taken == self.fetched.len() {
            self.fetched = Vec::new();
            self.taken = 0;
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.gathered.capacity() == 0 {
            self.gathered.reserve_exact(self.gather);
        }
        self.gathered.extend_from_slice(bytes);
    }

    fn drop_sent(&mut self, count: usize) -> usize {
        let waiting = self.unsent().len();
        if count < waiting {
            self.sent += count;
            return 0;
        }
        self.gathered = Vec::new();
        self.sent = 0;
        count - waiting
    }

    /// Sends what was gathered and `bufs` in one call; ready with the count of bytes taken from `bufs`, over 0.
    fn poll_send(&mut self, cx: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        loop {
            let Self { inner, gathered, sent, .. } = self;
            let mut slices = [IoSlice::new(&[]); SLICES];
            let waiting = gathered.get(*sent..).unwrap_or_default();
            let all =
                std::iter::once(IoSlice::new(waiting)).filter(|s| !s.is_empty()).chain(bufs.iter().copied());
            let used = slices.iter_mut().zip(all).map(|(slot, slice)| *slot = slice).count();
            let slices = slices.get(..used).unwrap_or_default();
            let count = ready!(Pin::new(inner).poll_write_vectored(cx, slices))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            let taken = self.drop_sent(count);
            if taken > 0 {
                return Poll::Ready(Ok(taken));
            }
        }
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent().is_empty() {
            let Self { inner, gathered, sent, .. } = self;
            let waiting = gathered.get(*sent..).unwrap_or_default();
            let count = ready!(Pin::new(inner).poll_write(cx, waiting))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.drop_sent(count);
        }
        Poll::Ready(Ok(()))
    }

    /// Waits for the first bytes of the connection, so far that they tell HTTP/2 from HTTP/1, and keeps them for the
    /// next read. The caller limits the time.
    pub async fn begun(&mut self) -> io::Result<()> {
        loop {
            let unread = self.unread();
            let compared = unread.len().min(H2_PREFACE.len());
            if compared == H2_PREFACE.len() || unread.get(..compared) != H2_PREFACE.get(..compared) {
                return Ok(());
            }
            if std::future::poll_fn(|cx| self.poll_fetch(cx, &mut ReadBuf::new(&mut []))).await? == 0 {
                return if self.unread().is_empty() {
                    Err(io::ErrorKind::UnexpectedEof.into())
                } else {
                    Ok(())
                };
            }
        }
    }
}

impl<S: IO> fmt::Debug for Buffered<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffered").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// pingora drops a connection after a fault without a flush; what was written until then still goes out if the
/// socket takes it at once.
impl<S: IO> Drop for Buffered<S> {
    fn drop(&mut self) {
        if !self.unsent().is_empty() {
            let _ = Pin::new(self).poll_flush(&mut Context::from_waker(Waker::noop()));
        }
    }
}

impl<S: IO> AsyncRead for Buffered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = self.poll_in_time(cx, buf);
        if self.heads && polled.is_ready() {
            self.life.handed(buf.filled().get(before..).unwrap_or_default());
        }
        polled
    }
}

impl<S: IO> AsyncWrite for Buffered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.heads
            && !self.life.serving()
            && let Some(refusal) = head::refusal(buf, self.life.head())
        {
            self.keep(&refusal);
            return Poll::Ready(Ok(buf.len()));
        }
        if self.unsent().len() + buf.len() <= self.gather {
            self.keep(buf);
            return Poll::Ready(Ok(buf.len()));
        }
        self.poll_send(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let total: usize = bufs.iter().map(|buf| buf.len()).sum();
        if self.unsent().len() + total <= self.gather {
            bufs.iter().for_each(|buf| self.keep(buf));
            return Poll::Ready(Ok(total));
        }
        self.poll_send(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingers.is_none() {
            ready!(self.poll_drain(cx))?;
            ready!(Pin::new(&mut self.inner).poll_shutdown(cx))?;
        }
        self.poll_linger(cx, false).map(Ok)
    }
}

#[async_trait]
impl<S: IO> Peek for Buffered<S> {
    /// Fills `buf` with the first unread bytes as far as they tell HTTP/2 from HTTP/1; the rest of `buf` stays as
    /// it was. Unlike pingora's, it does not wait for a request that is shorter than the HTTP/2 preface to grow.
    async fn try_peek(&mut self, buf: &mut [u8]) -> io::Result<bool> {
        self.begun().await?;
        for (to, from) in buf.iter_mut().zip(self.unread()) {
            *to = *from;
        }
        Ok(true)
    }
}

#[async_trait]
impl<S: IO> Shutdown for Buffered<S> {
    async fn shutdown(&mut self) {
        if let Err(error) = std::future::poll_fn(|cx| self.poll_drain(cx)).await {
            tracing::debug!(%error, "last bytes of a connection were not sent");
        }
        self.inner.shutdown().await;
        std::future::poll_fn(|cx| self.poll_linger(cx, true)).await;
    }
}

impl<S: IO> UniqueID for Buffered<S> {
    fn id(&self) -> UniqueIDType {
        self.inner.id()
    }
}

impl<S: IO> Ssl for Buffered<S> {
    fn get_ssl(&self) -> Option<&TlsRef> {
        self.inner.get_ssl()
    }

    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.inner.get_ssl_digest()
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.inner.selected_alpn_proto()
    }
}

impl<S: IO> GetTimingDigest for Buffered<S> {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        self.inner.get_timing_digest()
    }

    fn get_read_pending_time(&self) -> Duration {
        self.inner.get_read_pending_time()
    }

    fn get_write_pending_time(&self) -> Duration {
        self.inner.get_write_pending_time()
    }
}

impl<S: IO> GetProxyDigest for Buffered<S> {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.inner.get_proxy_digest()
    }

    fn set_proxy_digest(&mut self, digest: ProxyDigest) {
        self.inner.set_proxy_digest(digest);
    }
}

impl<S: IO> GetSocketDigest for Buffered<S> {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.inner.get_socket_digest()
    }

    fn set_socket_digest(&mut self, socket_digest: SocketDigest) {
        self.inner.set_socket_digest(socket_digest);
    }
}
