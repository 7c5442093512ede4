//! Key sets behind URLs: fetched when a token first needs one, kept for a while, one fetch at a time.
//!
//! A set is fetched anew in the background once three quarters of its time are over, so that requests wait for the first
//! fetch only. When its time is over and the issuer does not answer, tokens are refused as in Tyk: a key that was
//! withdrawn must not live on because its issuer is away.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use tokio::task::AbortHandle;

use super::key_set::KeySet;
use crate::upstream::{Call, Client};

/// How long an issuer may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a fetch that failed stands for the next ones, so that a flood of tokens is not passed on.
const PAUSE: Duration = Duration::from_secs(1);

/// One URL of a key set.
pub(super) struct RemoteKeys {
    url: String,
    keep: Duration,
    verify: bool,
    client: Arc<Client>,
    /// A set that was fetched in an earlier epoch does not count.
    epoch: Arc<AtomicU64>,
    held: ArcSwapOption<Held>,
    fetch: Mutex<Fetch>,
}

/// A set that has come.
pub(super) struct Held {
    pub(super) keys: KeySet,
    at: Instant,
    epoch: u64,
}

#[derive(Default)]
struct Fetch {
    running: Option<(AbortHandle, Shared<BoxFuture<'static, ()>>)>,
    failed: Option<Instant>,
}

impl RemoteKeys {
    pub(super) fn new(
        url: String,
        keep: Duration,
        verify: bool,
        client: Arc<Client>,
        epoch: Arc<AtomicU64>,
    ) -> Self {
        Self { url, keep, verify, client, epoch, held: ArcSwapOption::empty(), fetch: Mutex::default() }
    }

    /// The set as it counts now; nothing when it cannot be had.
    pub(super) async fn get(self: &Arc<Self>) -> Option<Arc<Held>> {
        if let Some(held) = self.current() {
            if held.at.elapsed() > self.keep / 4 * 3 {
                drop(self.fetch());
            }
            return Some(held);
        }
        if let Some(fetch) = self.fetch() {
            fetch.await;
        }
        self.current()
    }

    /// True if this is the set that counts now.
    pub(super) fn is_current(&self, held: &Arc<Held>) -> bool {
        self.current().is_some_and(|current| Arc::ptr_eq(&current, held))
    }

    fn current(&self) -> Option<Arc<Held>> {
        let epoch = self.epoch.load(Ordering::Relaxed);
        self.held.load_full().filter(|held| held.epoch == epoch && held.at.elapsed() < self.keep)
    }

    /// The fetch that runs, or a new one; nothing shortly after one that failed. It goes on when nobody waits.
    fn fetch(self: &Arc<Self>) -> Option<Shared<BoxFuture<'static, ()>>> {
        let mut fetch = self.fetch.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((task, done)) = &fetch.running
            && !task.is_finished()
        {
            return Some(done.clone());
        }
        if fetch.failed.is_some_and(|at| at.elapsed() < PAUSE) {
            return None;
        }
        let keys = self.clone();
        let task = tokio::spawn(async move { keys.run().await });
        let handle = task.abort_handle();
        let done = task.map(|_| ()).boxed().shared();
        fetch.running = Some((handle, done.clone()));
        Some(done)
    }

    async fn run(&self) {
        let epoch = self.epoch.load(Ordering::Relaxed);
        let mut call = Call::get(&self.url);
        call.timeout = TIMEOUT;
        call.verify = self.verify;
        let failed = match self.client.send(call).await {
            Err(error) => Some(error.chain()),
            Ok(reply) if !reply.status.is_success() => Some(format!("status {}", reply.status)),
            Ok(reply) => match KeySet::parse(&reply.body) {
                Err(error) => Some(error.to_string()),
                Ok(keys) => {
                    self.held.store(Some(Arc::new(Held { keys, at: Instant::now(), epoch })));
                    None
                }
            },
        };
        if let Some(error) = &failed {
            tracing::warn!(
                url = self.url,
                error,
                "a key set could not be fetched: its tokens cannot be checked"
            );
        }
        let mut fetch = self.fetch.lock().unwrap_or_else(PoisonError::into_inner);
        fetch.failed = failed.map(|_| Instant::now());
    }
}
