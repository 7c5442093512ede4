//! Signals, and the end of the process in order.
//!
//! | Signal | Effect |
//! | --- | --- |
//! | SIGTERM, SIGINT | not ready, an optional delay, no new connections, requests to their end or the timeout, records flushed |
//! | SIGQUIT | hands the sockets to the successor that waits for them, then as above; nobody there: goes on serving |
//! | SIGUSR2 | starts a successor: its own program and arguments, with `--upgrade` |
//! | SIGHUP | reloads |
//! | SIGUSR1 | nothing, as in Tyk |

use std::{io, sync::Arc, time::Duration};

use async_trait::async_trait;
use pingora_core::server::{ShutdownSignal, ShutdownSignalWatch};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    time::{Instant, sleep},
};

use super::{
    Gateway, access_log,
    listen::ListenerSet,
    upgrade::{Handover, Successor},
};
use crate::{analytics::Flusher, error::Error, event};

/// How long each flush, of quotas, of analytics and of the access log, may hold up the exit.
const FLUSH: Duration = Duration::from_secs(5);
/// The same for events that have not been delivered: a web hook may never answer.
const EVENTS: Duration = Duration::from_secs(2);
/// How long a client of an idle connection may still send the request that it was about to send. An idle gateway
/// ends within a second.
const LAST_REQUEST: Duration = Duration::from_millis(400);
/// The same when a successor serves already and nobody waits for our end.
const LAST_REQUEST_AFTER_HANDOVER: Duration = Duration::from_secs(3);

/// Waits for the signal that ends the process, then ends it in order.
pub(super) struct Drain {
    pub(super) gateway: Arc<Gateway>,
    pub(super) set: Arc<ListenerSet>,
    pub(super) flusher: Option<Flusher>,
    pub(super) events: event::Flusher,
    pub(super) access_log: Option<access_log::Flusher>,
    pub(super) handover: Handover,
    /// What keeps a started process from serving, which ends it.
    pub(super) failure: watch::Receiver<bool>,
}

/// Why the process ends.
enum Ending {
    Told,
    HandedOver,
    Failed,
}

#[async_trait]
impl ShutdownSignalWatch for Drain {
    async fn recv(&self) -> ShutdownSignal {
        let ending = match Signals::new() {
            Ok(mut signals) => self.ending(&mut signals).await,
            Err(error) => {
                tracing::error!(%error, "signals cannot be received; only SIGKILL ends the process");
                std::future::pending().await
            }
        };
        match ending {
            Ending::Told => self.run().await,
            Ending::HandedOver => self.end(LAST_REQUEST_AFTER_HANDOVER).await,
            Ending::Failed => {}
        }
        ShutdownSignal::GracefulTerminate
    }
}

impl Drain {
    async fn ending(&self, signals: &mut Signals) -> Ending {
        let mut successor = Successor::new(&self.handover);
        let mut failure = self.failure.clone();
        loop {
            tokio::select! {
                () = told(&mut signals.terminate, &mut signals.interrupt) => return Ending::Told,
                () = failed(&mut failure) => return Ending::Failed,
                _ = signals.child.recv() => successor.reap(),
                _ = signals.user2.recv() => successor.start(),
                _ = signals.user1.recv() => {}
                _ = signals.hangup.recv() => {
                    tracing::info!("SIGHUP: reloading");
                    self.gateway.reloads.request();
                }
                _ = signals.quit.recv() => tokio::select! {
                    handed = self.handover.hand_over(&self.set) => match handed {
                        Ok(()) => return Ending::HandedOver,
                        Err(error) => not_handed_over(&error),
                    },
                    () = told(&mut signals.terminate, &mut signals.interrupt) => return Ending::Told,
                },
            }
        }
    }

    /// Ends as SIGTERM does.
    pub(super) async fn run(&self) {
        self.gateway.health.set_stopping();
        sleep(self.gateway.config.shutdown_delay()).await;
        self.end(LAST_REQUEST).await;
    }

    async fn end(&self, last_request: Duration) {
        tracing::info!(connections = self.open(), "stopping");
        let deadline = Instant::now() + self.gateway.config.shutdown_timeout();
        self.gateway.health.set_closing();
        self.set.stop(last_request.min(self.gateway.config.shutdown_timeout())).await;
        while self.open() > 0 && Instant::now() < deadline {
            sleep(Duration::from_millis(5)).await;
        }
        self.gateway.services.sessions.flush(FLUSH).await;
        self.events.flush(EVENTS).await;
        if let Some(flusher) = &self.flusher {
            flusher.flush(FLUSH).await;
        }
        if let Some(access_log) = &self.access_log {
            access_log.flush(FLUSH).await;
        }
        tracing::info!(cut = self.open(), "stopped");
    }

    fn open(&self) -> i64 {
        self.set.connections().load(std::sync::atomic::Ordering::Relaxed)
    }
}

async fn told(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

async fn failed(failure: &mut watch::Receiver<bool>) {
    if failure.wait_for(|failed| *failed).await.is_err() {
        // Whoever could fail is gone.
        std::future::pending::<()>().await;
    }
}

fn not_handed_over(error: &Error) {
    tracing::error!(
        error = error.chain(),
        "SIGQUIT: no successor took the sockets, this process goes on serving; SIGTERM ends it"
    );
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    hangup: Signal,
    user1: Signal,
    user2: Signal,
    child: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            hangup: signal(SignalKind::hangup())?,
            user1: signal(SignalKind::user_defined1())?,
            user2: signal(SignalKind::user_defined2())?,
            child: signal(SignalKind::child())?,
        })
    }
}
