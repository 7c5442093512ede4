//! What happens on an HTTP/1 connection, as far as its stream has to know: whether a head is awaited or a request is
//! served, and until when bytes must have come.
//!
//! pingora limits each read of a head, but neither a whole head nor, on a kept connection, anything at all; and its one
//! read timeout for upstreams cannot tell the wait for a head from a pause in a body. Both limits are kept here: a
//! read that has to wait looks at what it waits for. A read that need not wait, and an idle connection, look at
//! nothing and set no timer.

use std::{
    io,
    pin::Pin,
    sync::{
        LazyLock,
        atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use pingora::time::fast_timeout::fast_sleep;

/// Zero of the times in [`Life`].
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// State that the stream and the filters of a connection share. Both run in its one task, so nothing is ordered.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Life {
    serving: AtomicBool,
    /// Bytes of the head that is awaited; more when the client sent more.
    head: AtomicUsize,
    /// When that head must be complete, in milliseconds since `START`; 0 is not yet known.
    head_due: AtomicU64,
    /// When the upstream's head must have come; 0 is no limit.
    answer_due: AtomicU64,
    late: AtomicBool,
    /// The client may still be sending a body that nobody wants.
    rest: AtomicBool,
    /// What the reader was handed first since somebody last asked.
    handed: AtomicU8,
    /// Bytes behind that head.
    behind: AtomicU64,
    /// Bytes of the body of the request that is served.
    body: AtomicU64,
}

/// The reader was handed nothing.
const NOTHING: u8 = 0;
/// The first read gave the head of a request, whole.
const HEAD: u8 = 1;
/// Anything else.
const OTHER: u8 = 2;
/// How a head ends.
const HEAD_END: &[u8] = b"\r\n\r\n";
/// Bytes of a body that is not over before its end was read.
const UNKNOWN: u64 = u64::MAX;

impl Life {
    /// A head has been read: its request is served. `body` is how many bytes follow the head, where it says so.
    pub(in crate::gateway) fn begin(&self, body: Option<u64>) {
        self.body.store(body.unwrap_or(UNKNOWN), Relaxed);
        self.serving.store(true, Relaxed);
        self.rest.store(false, Relaxed);
        self.head.store(0, Relaxed);
        self.head_due.store(0, Relaxed);
    }

    /// The request is over: the next head is awaited.
    pub(in crate::gateway) fn end(&self) {
        self.serving.store(false, Relaxed);
        self.answer_due.store(0, Relaxed);
        self.late.store(false, Relaxed);
    }

    /// The request has been sent; without [`answered`](Self::answered) the next wait for the client fails after `limit`.
    pub(in crate::gateway) fn await_answer(&self, limit: Duration) {
        self.answer_due.store(now().saturating_add(milliseconds(limit)), Relaxed);
    }

    /// The upstream's head is here.
    pub(in crate::gateway) fn answered(&self) {
        self.answer_due.store(0, Relaxed);
    }

    /// True once the upstream's head did not come in time.
    pub(in crate::gateway) fn late(&self) -> bool {
        self.late.load(Relaxed)
    }

    /// The request is answered, and the client may still be sending a body that nobody wants; or not any more. The
    /// connection is closed with care then.
    pub(in crate::gateway) fn leaves_rest(&self, rest: bool) {
        self.rest.store(rest, Relaxed);
    }

    /// True if a body that nobody wants may still be coming.
    pub(in crate::gateway) fn has_rest(&self) -> bool {
        self.rest.load(Relaxed)
    }

    /// The reader was handed `bytes`.
    pub(super) fn handed(&self, bytes: &[u8]) {
        match self.handed.load(Relaxed) {
            NOTHING => {
                let behind = behind_head(bytes);
                self.behind.store(behind.unwrap_or_default(), Relaxed);
                self.handed.store(if behind.is_some() { HEAD } else { OTHER }, Relaxed);
            }
            HEAD => {
                let behind = self.behind.load(Relaxed).saturating_add(bytes.len() as u64);
                self.behind.store(behind, Relaxed);
            }
            _ => {}
        }
    }

    /// True if all that the reader was handed since the last call is one request: its head, whole, in the first read,
    /// and as many bytes as its body has.
    pub(in crate::gateway) fn was_sole_request(&self) -> bool {
        let body = self.body.swap(UNKNOWN, Relaxed);
        self.handed.swap(NOTHING, Relaxed) == HEAD && self.behind.load(Relaxed) == body
    }

    pub(super) fn serving(&self) -> bool {
        self.serving.load(Relaxed)
    }

    /// Bytes of the awaited head so far.
    pub(super) fn head(&self) -> usize {
        self.head.load(Relaxed)
    }

    pub(super) fn came(&self, count: usize) {
        self.head.store(self.head().saturating_add(count), Relaxed);
    }

    /// When a read that waits now has to fail. A head gets `patience` from its first byte on.
    fn due(&self, patience: Duration) -> Option<u64> {
        let due = if self.serving() {
            self.answer_due.load(Relaxed)
        } else if self.head() == 0 {
            0
        } else {
            if self.head_due.load(Relaxed) == 0 {
                self.head_due.store(now().saturating_add(milliseconds(patience)), Relaxed);
            }
            self.head_due.load(Relaxed)
        };
        (due > 0).then_some(due)
    }
}

/// How many bytes come after the first empty line.
fn behind_head(bytes: &[u8]) -> Option<u64> {
    memchr::memmem::find(bytes, HEAD_END).map(|at| (bytes.len() - at - HEAD_END.len()) as u64)
}

/// The timer of a connection, made only when a read has to wait for something that is due.
#[derive(Default)]
pub(super) struct Timer(Option<(u64, Sleep)>);

type Sleep = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

impl Timer {
    /// Fails a waiting read when its time is up.
    pub(super) fn poll(
        &mut self,
        life: &Life,
        patience: Duration,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(due) = life.due(patience) else {
            self.0 = None;
            return Poll::Pending;
        };
        let sleep = match &mut self.0 {
            Some((at, sleep)) if *at == due => sleep,
            slot => {
                let left = Duration::from_millis(due.saturating_sub(now()));
                &mut slot.insert((due, Box::pin(fast_sleep(left)))).1
            }
        };
        ready!(sleep.as_mut().poll(cx));
        self.0 = None;
        life.late.store(life.serving(), Relaxed);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

fn now() -> u64 {
    // One more, because 0 means "none".
    milliseconds(START.elapsed()).saturating_add(1)
}

fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
