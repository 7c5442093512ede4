//! The two things about a request's head that pingora decides before any filter runs, made Tyk's: its answer to a head
//! that it cannot take, and an absolute-form target beside another `Host`.
//!
//! Both look only at what came while no request was served, and cost a request a copy of its first bytes.

use std::{
    cell::RefCell,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use pingora_core::protocols::IO;
use tokio::io::{AsyncReadExt, ReadBuf};

use super::{Buffered, LINGER, LINGER_OVER_BODY};
use crate::gateway::framing;

/// Bytes of the last read that are kept for the answer to a bad head.
const KEPT: usize = 4 * 1024;
/// Longest head with an absolute-form target that is rewritten; beyond it pingora decides.
const LONGEST: usize = 64 * 1024;
/// Bytes within which a method and the first byte of its target are looked for.
const LONGEST_METHOD: usize = 24;
/// How pingora's own refusal begins.
const REFUSAL: &[u8] = b"HTTP/1.1 400 ";

thread_local! {
    /// What this thread read last. pingora parses it, and refuses it, before the thread reads anything else.
    static LAST: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl<S: IO> Buffered<S> {
    /// Reads without a thought for what the bytes mean.
    pub(super) fn poll_bytes(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.unread().is_empty() {
            self.deliver(buf);
            return Poll::Ready(Ok(()));
        }
        if self.read_ahead {
            ready!(self.poll_fetch(cx, buf))?;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }

    /// Looks at what has been read into `buf` from `before` on, which belongs to a head.
    pub(super) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        before: usize,
    ) -> Poll<io::Result<()>> {
        let came = buf.filled().get(before..).unwrap_or_default();
        let first = self.life.head() == 0;
        self.life.came(came.len());
        if first && came.starts_with(b"PRI ") {
            self.heads = false;
        } else if first && may_be_absolute(came) {
            let held = [came, self.unread()].concat();
            self.fetched = held;
            self.taken = 0;
            buf.set_filled(before);
            self.holds_head = true;
            return self.poll_held(cx, buf);
        } else {
            keep(came);
        }
        Poll::Ready(Ok(()))
    }

    /// Waits for the rest of a head with an absolute-form target, then lets go of it.
    pub(super) fn poll_held(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.fetched.len() < LONGEST && !host_from_target(&mut self.fetched) {
            match self.poll_fetch(cx, &mut ReadBuf::new(&mut [])) {
                Poll::Ready(Ok(0)) => break,
                Poll::Ready(Ok(count)) => self.life.came(count),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return self.poll_late(cx),
            }
        }
        self.holds_head = false;
        keep(self.unread());
        self.deliver(buf);
        Poll::Ready(Ok(()))
    }

    /// A read has to wait; fails when that has taken too long.
    pub(super) fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.timer.poll(&self.life, self.patience, cx)
    }

    /// Reads what is there, or is still to come, until the client closes or its time is up.
    pub(super) async fn linger(&mut self) {
        let rest = self.life.has_rest();
        let (patience, most) = if rest { LINGER_OVER_BODY } else { LINGER };
        // Late or not, the connection ends here.
        let _ = tokio::time::timeout(patience, self.read_unread(rest, most)).await;
    }

    async fn read_unread(&mut self, wait: bool, mut left: usize) {
        let mut space = [0; 4096];
        let there = wait || {
            let mut read = std::pin::pin!(self.inner.read(&mut space));
            std::future::poll_fn(|cx| match read.as_mut().poll(cx) {
                Poll::Ready(Ok(count)) => Poll::Ready(count > 0),
                Poll::Ready(Err(_)) | Poll::Pending => Poll::Ready(false),
            })
            .await
        };
        while there && left > 0 {
            match self.inner.read(&mut space).await {
                Ok(0) | Err(_) => return,
                Ok(count) => left = left.saturating_sub(count),
            }
        }
    }
}

/// Keeps what was read.
fn keep(bytes: &[u8]) {
    LAST.with_borrow_mut(|last| {
        last.clear();
        last.extend_from_slice(bytes.get(..KEPT).unwrap_or(bytes));
    });
}

/// What is sent instead of `answer`, which pingora gave to a head of `length` bytes, the last of which were kept.
pub(super) fn refusal(answer: &[u8], length: usize) -> Option<Bytes> {
    if !answer.starts_with(REFUSAL) {
        return None;
    }
    let reason = LAST.with_borrow(|last| framing::reason(last, length));
    Some(reason.message())
}

/// True if a request that begins with `bytes` may have an absolute-form target, also when there are too few of them.
fn may_be_absolute(bytes: &[u8]) -> bool {
    let start = bytes.get(..LONGEST_METHOD).unwrap_or(bytes);
    match memchr::memchr(b' ', start) {
        Some(space) => start.get(space + 1).is_none_or(u8::is_ascii_alphabetic),
        None => start.len() < LONGEST_METHOD && !start.contains(&b'\n'),
    }
}

/// Puts the target's authority into the `Host` header of the head that `bytes` begin with (RFC 9112 section 3.2.2:
/// what `Host` says is ignored). False if the head is not complete.
///
/// Heads with no or several `Host` headers stay as they are, so that they are refused.
fn host_from_target(bytes: &mut Vec<u8>) -> bool {
    let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else { return false };
    let head = bytes.get(..end).unwrap_or_default();
    let Some(authority) = authority(head).map(<[u8]>::to_vec) else { return true };
    let mut hosts = hosts(head);
    if let (Some(place), None) = (hosts.next(), hosts.next()) {
        drop(hosts);
        bytes.splice(place, authority);
    }
    true
}

/// The authority of an `http` or `https` target.
fn authority(head: &[u8]) -> Option<&[u8]> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let target = line.split(|byte| *byte == b' ').nth(1)?;
    let rest = [&b"http://"[..], b"https://"].iter().find_map(|scheme| {
        let (start, rest) = target.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    })?;
    rest.split(|byte| matches!(byte, b'/' | b'?' | b'#')).next().filter(|authority| !authority.is_empty())
}

/// Where the values of `Host` headers are.
fn hosts(head: &[u8]) -> impl Iterator<Item = std::ops::Range<usize>> {
    let mut at = 0;
    let lines = head.split(|byte| *byte == b'\n').map(move |line| {
        let start = at;
        at += line.len() + 1;
        (start, line.strip_suffix(b"\r").unwrap_or(line))
    });
    lines.filter_map(|(start, line)| {
        let (name, value) = line.split_at_checked(5)?;
        let blanks = value.len() - value.trim_ascii_start().len();
        let from = start + name.len() + blanks;
        name.eq_ignore_ascii_case(b"host:").then(|| from..from + value.trim_ascii().len())
    })
}
