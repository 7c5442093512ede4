//! What `/hello` and `/ready` say: whether the store answers, whether a load has succeeded, whether the process
//! is stopping.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwapOption;
use futures_util::future::join_all;

use super::Gateway;
use crate::store::Store;

/// The setting of the Redis that holds keys and limits.
pub(super) const MAIN: &str = "storage";
/// How long a look may take, and the first one at the start.
const PATIENCE: Duration = Duration::from_secs(5);
const START: Duration = Duration::from_secs(1);
/// What a reload waits for Redis.
const GLANCE: Duration = Duration::from_millis(250);
/// From the start to the first look that `/hello` tells of, unless looks are more frequent.
const FIRST: Duration = Duration::from_secs(2);

/// The state of the process as probes see it.
#[derive(Debug, Default)]
pub struct Health {
    store: ArcSwapOption<StoreCheck>,
    loaded: AtomicBool,
    stopping: AtomicBool,
    closing: AtomicBool,
}

/// The last look at the store.
#[derive(Debug, Clone)]
pub struct StoreCheck {
    /// When it was made.
    pub at: SystemTime,
    /// It was made while the gateway started: `/ready` counts on it, `/hello` says nothing of it yet, as Tyk's.
    pub starting: bool,
    /// Why a store did not answer; `None` if all did.
    pub fault: Option<String>,
    /// The one that did not answer holds keys and limits, so that no request that needs them can be served. Without
    /// those of cached responses and analytics all can, so they are no reason to be taken out of service (in Tyk they
    /// are).
    pub needed: bool,
}

impl Health {
    /// The last look at the store; `None` before the first one, and without a store to look at.
    pub fn store(&self) -> Option<StoreCheck> {
        self.store.load().as_deref().cloned()
    }

    /// A load of definitions has succeeded.
    pub fn loaded(&self) -> bool {
        self.loaded.load(Ordering::Relaxed)
    }

    /// The process is on its way out.
    pub fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Sockets are closed; each connection ends with its next answer, which says so.
    pub(super) fn closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    pub(super) fn set_loaded(&self) {
        self.loaded.store(true, Ordering::Relaxed);
    }

    pub(super) fn set_stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    pub(super) fn set_closing(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }
}

/// Looks at every Redis each `liveness_check.check_duration`. Tyk's first look comes after one such time, ours soon after
/// the start.
pub(super) async fn watch(gateway: &Gateway) {
    if gateway.stores.is_empty() {
        return;
    }
    let pause = gateway.config.liveness_check.check_duration.get();
    tokio::time::sleep(pause.min(FIRST)).await;
    loop {
        look_at_all(gateway, PATIENCE, false).await;
        tokio::time::sleep(pause).await;
    }
}

/// Start-up waits a second for Redis and then goes on without: APIs that need none are served, and what needs one
/// works as soon as it answers.
pub(super) async fn await_store(gateway: &Gateway) {
    if gateway.stores.is_empty() {
        return;
    }
    for fault in look_at_all(gateway, START, true).await {
        tracing::error!(
            storage = fault.storage,
            why = fault.why,
            "Redis does not answer: starting without it"
        );
    }
}

/// A reload looks, too: `/hello` then tells of Redis, however young the gateway is. What takes longer than a glance says
/// nothing: the next look will tell.
pub(super) async fn look_again(gateway: &Gateway) {
    if !gateway.stores.is_empty() {
        let _ = tokio::time::timeout(GLANCE, look_at_all(gateway, PATIENCE, false)).await;
    }
}

async fn look_at_all(gateway: &Gateway, patience: Duration, starting: bool) -> Vec<Fault> {
    let faults = join_all(gateway.stores.iter().map(|named| look(named, patience))).await;
    let faults: Vec<Fault> = faults.into_iter().flatten().collect();
    let check = StoreCheck {
        at: SystemTime::now(),
        starting,
        needed: faults.iter().any(|fault| fault.storage == MAIN),
        fault: faults.iter().map(Fault::to_string).reduce(|all, one| all + "; " + &one),
    };
    gateway.health.store.store(Some(Arc::new(check)));
    faults
}

/// Why a Redis did not answer.
struct Fault {
    storage: &'static str,
    why: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.storage == MAIN {
            f.write_str(&self.why)
        } else {
            write!(f, "{}: {}", self.storage, self.why)
        }
    }
}

async fn look((storage, store): &(&'static str, Arc<dyn Store>), patience: Duration) -> Option<Fault> {
    let why = match tokio::time::timeout(patience, store.ping()).await {
        Ok(Ok(())) => return None,
        Ok(Err(error)) => error.chain(),
        Err(_) => "health check timed out".to_owned(),
    };
    Some(Fault { storage, why })
}
