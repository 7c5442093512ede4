//! Closing a connection whose client is still sending: a close over unread bytes resets it, and takes the answer away
//! from the client. So the gateway stops writing first, and what comes is read for a while.

use std::{
    future::Future as _,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use pingora_core::protocols::IO;
use tokio::{
    io::ReadBuf,
    time::{Sleep, sleep},
};

use super::Buffered;

/// How long, and how many bytes, the rest of a request is read whose connection is closed (Go's net/http waits as long).
const LINGER: (Duration, usize) = (Duration::from_millis(500), 256 * 1024);
/// The same for a request that was answered before its body came: many clients send all of it first.
const LINGER_OVER_BODY: (Duration, usize) = (Duration::from_secs(5), 64 << 20);

/// A connection that is being closed with care.
pub(super) struct Linger {
    end: Pin<Box<Sleep>>,
    left: usize,
}

impl<S: IO> Buffered<S> {
    /// Reads what comes until the client closes or its time is up. Without a body that nobody wants it does so only
    /// where `unread` says to look, and something is there.
    pub(super) fn poll_linger(&mut self, cx: &mut Context<'_>, unread: bool) -> Poll<()> {
        let rest = self.life.has_rest();
        if !self.heads || !(rest || unread) {
            return Poll::Ready(());
        }
        let mut space = [0; 4096];
        loop {
            let mut buf = ReadBuf::new(&mut space);
            let read = Pin::new(&mut self.inner).poll_read(cx, &mut buf);
            if read.is_pending() && self.lingers.is_none() && !rest {
                return Poll::Ready(());
            }
            let linger = self.lingers.get_or_insert_with(|| {
                let (patience, most) = if rest { LINGER_OVER_BODY } else { LINGER };
                Box::new(Linger { end: Box::pin(sleep(patience)), left: most })
            });
            match read {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() && linger.left > 0 => {
                    linger.left = linger.left.saturating_sub(buf.filled().len());
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return linger.end.as_mut().poll(cx),
            }
        }
    }
}
