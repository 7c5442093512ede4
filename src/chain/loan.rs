//! Where both exchanges meet: a client's session on loan to a stand-in.
//!
//! Decided 2026-11-22: the buffered exchange does not make round trips by itself, as decisions 8 had it. It lends the
//! client's session to a stand-in of pingora's own kind (`HttpSession::Custom`), which plays a body that was read
//! before as if it were still to come, and holds an answer that hooks want whole. pingora proxies as ever: its
//! header policy, pools, retries, timeouts, HTTP/2 and watch over the client are the same lines of code in both
//! exchanges. A round trip of our own would have to follow each of them by hand, release for release. The price is
//! that pingora does not document the trait; a release that changes it does not compile.

mod stand_in;

use std::{
    any::Any,
    mem,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU8, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use http::HeaderMap;
use pingora_core::protocols::http::ServerSession;
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

use crate::hook::ResponsePart;
use stand_in::StandIn;

/// A client's session that a stand-in has. [`Loan::end`] brings it back.
#[derive(Debug)]
pub struct Loan {
    shared: Arc<Shared>,
    instead: Option<Box<ResponsePart>>,
    kept: Option<Arc<dyn Any + Send + Sync>>,
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
    /// `hold` the most bytes of an answer that may be held, if it is wanted whole; `kept` something of the connection
    /// that is to be found while the session is away.
    pub fn new(
        session: &mut Session,
        body: Option<Bytes>,
        hold: Option<usize>,
        kept: Option<Arc<dyn Any + Send + Sync>>,
    ) -> Self {
        let mode = AtomicU8::new(if hold.is_some() { HOLD } else { PASS });
        let shared = Arc::new(Shared { mode, closes: AtomicBool::new(false), back: Mutex::default() });
        let client = mem::replace(&mut session.downstream_session, nobody());
        let stand_in = StandIn::new(client, body, hold, shared.clone());
        *session.downstream_session = ServerSession::Custom(Box::new(stand_in));
        Self { shared, instead: None, kept }
    }

    /// What was kept, if it is of this type.
    pub fn kept<T: 'static>(&self) -> Option<&T> {
        self.kept.as_deref()?.downcast_ref()
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
