//! Keeps a wire to Redis open: looks at it every second, opens another one when it breaks, and makes calls fail at
//! once while there is none, so that no request waits for a Redis that is known to be away.
//!
//! One task per store does it, started by the first verb: a gateway may fork between the store's making and its
//! use. A wire that broke may be back at once (Redis restarted, a proxy closed an idle connection), so calls wait for
//! the first attempt to open another. A wire that fell silent has had its time: calls fail until Redis answers.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use redis::{RedisError, RedisResult, ServerErrorKind};
use tokio::{
    sync::{Notify, watch},
    task::AbortHandle,
    time::{sleep, timeout},
};

use super::wire::{Dialer, Wire};
use crate::error::{Error, Result};

/// Between two looks at an open wire.
const LOOK: Duration = Duration::from_secs(1);
/// Between two attempts to open one: at first, and at most.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How things are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// A wire is being opened, and it may well succeed.
    Trying,
    Up,
    /// Why not.
    Down(Arc<str>),
}

pub(super) struct Link {
    line: Arc<Line>,
    keeper: OnceLock<AbortHandle>,
}

struct Line {
    dialer: Dialer,
    timeout: Duration,
    open: ArcSwapOption<Open>,
    state: watch::Sender<State>,
    comebacks: watch::Sender<u64>,
    lost: Notify,
    doubted: AtomicBool,
}

struct Open {
    wire: Wire,
    /// Tells wires apart: an error of an old one says nothing about the present one.
    number: u64,
}

impl Link {
    pub(super) fn new(dialer: Dialer, timeout: Duration) -> Self {
        let line = Line {
            dialer,
            timeout,
            open: ArcSwapOption::empty(),
            state: watch::Sender::new(State::Trying),
            comebacks: watch::Sender::new(0),
            lost: Notify::new(),
            doubted: AtomicBool::new(false),
        };
        Self { line: Arc::new(line), keeper: OnceLock::new() }
    }

    pub(super) fn dialer(&self) -> &Dialer {
        &self.line.dialer
    }

    pub(super) fn timeout(&self) -> Duration {
        self.line.timeout
    }

    pub(super) fn is_up(&self) -> bool {
        *self.line.state.borrow() == State::Up
    }

    /// Follows how things are.
    pub(super) fn state(&self) -> watch::Receiver<State> {
        self.line.state.subscribe()
    }

    /// Counts how often Redis answered again after it did not.
    pub(super) fn comebacks(&self) -> watch::Receiver<u64> {
        self.line.comebacks.subscribe()
    }

    /// Does something over the wire, within the store's timeout, the wait for the wire included.
    pub(super) async fn over<T>(&self, work: impl AsyncFnOnce(Wire) -> RedisResult<T>) -> Result<T> {
        let mut number = None;
        let talk = async {
            let open = self.open().await?;
            number = Some(open.number);
            work(open.wire.clone()).await.map_err(|error| self.line.judge(&open, error))
        };
        match timeout(self.line.timeout, talk).await {
            Ok(answer) => answer,
            Err(_) => {
                if let Some(number) = number {
                    self.line.silent(number);
                }
                Err(Error::Store(format!("no answer within {:?}", self.line.timeout).into()))
            }
        }
    }

    async fn open(&self) -> Result<Arc<Open>> {
        if let Some(open) = self.line.open.load_full() {
            return Ok(open);
        }
        self.keeper.get_or_init(|| tokio::spawn(keep(self.line.clone())).abort_handle());
        let mut state = self.line.state.subscribe();
        // The sender lives as long as we do.
        let _ = state.wait_for(|state| *state != State::Trying).await;
        self.line.open.load_full().ok_or_else(|| {
            let why = match &*self.line.state.borrow() {
                State::Down(why) => why.to_string(),
                State::Trying | State::Up => "the connection was lost".to_owned(),
            };
            Error::Store(format!("Redis is away: {why}").into())
        })
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(keeper) = self.keeper.get() {
            keeper.abort();
        }
    }
}

impl Line {
    /// What an error says about the wire it came over.
    fn judge(&self, open: &Open, error: RedisError) -> Error {
        let demoted = error.kind() == redis::ErrorKind::Server(ServerErrorKind::ReadOnly);
        if matches!(open.wire, Wire::Cluster(_)) {
            // It mends its own connections, but asks nobody new about the slots.
            if error.is_timeout() || error.is_unrecoverable_error() {
                self.doubted.store(true, Ordering::Relaxed);
            }
        } else if error.is_timeout() {
            self.silent(open.number);
        } else if error.is_unrecoverable_error() || demoted {
            self.lose(open.number, State::Trying);
        }
        Error::Store(Box::new(error))
    }

    fn silent(&self, number: u64) {
        let cluster = |open: &Arc<Open>| matches!(open.wire, Wire::Cluster(_));
        if self.open.load().as_ref().is_some_and(cluster) {
            self.doubted.store(true, Ordering::Relaxed);
        } else {
            self.lose(number, State::Down("it does not answer".into()));
        }
    }

    fn lose(&self, number: u64, state: State) {
        if self.open.load().as_ref().is_some_and(|open| open.number == number) {
            self.open.store(None);
            self.state.send_replace(state);
            self.lost.notify_one();
        }
    }

    async fn dial(&self) -> Result<Wire, String> {
        match timeout(self.timeout, self.dialer.dial()).await {
            Ok(Ok(wire)) => Ok(wire),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {:?}", self.timeout)),
        }
    }

    /// Tries until it succeeds.
    async fn reopen(&self) -> Wire {
        let mut pause = PAUSE;
        loop {
            let why = match self.dial().await {
                Ok(wire) => return wire,
                Err(why) => why,
            };
            if pause == PAUSE {
                tracing::error!(why, "Redis is away: calls that need it fail until it answers");
            }
            self.state.send_replace(State::Down(why.into()));
            sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }

    /// Looks at the open wire until it is lost.
    async fn watch(&self, number: u64) {
        loop {
            let _ = timeout(LOOK, self.lost.notified()).await;
            let Some(open) = self.open.load_full() else { return };
            let mut wire = open.wire.clone();
            match timeout(self.timeout, self.dialer.look(&mut wire)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) if error.is_timeout() || matches!(wire, Wire::Cluster(_)) => {
                    self.lose(number, State::Down(error.to_string().into()));
                }
                Ok(Err(error)) => {
                    tracing::debug!(%error, "Redis does not answer as it should");
                    self.lose(number, State::Trying);
                }
                Err(_) => self.lose(number, State::Down("it does not answer".into())),
            }
            if self.doubted.swap(false, Ordering::Relaxed)
                && let Ok(wire) = self.dial().await
            {
                self.open.store(Some(Arc::new(Open { wire, number })));
            }
        }
    }
}

async fn keep(line: Arc<Line>) {
    for number in 0.. {
        let wire = line.reopen().await;
        line.open.store(Some(Arc::new(Open { wire, number })));
        line.state.send_replace(State::Up);
        if number > 0 {
            tracing::info!("Redis answers again");
            line.comebacks.send_modify(|times| *times += 1);
        }
        line.watch(number).await;
    }
}
