//! What `/hello` and `/ready` say: whether the store answers, whether a load has succeeded, whether the process
//! is stopping.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwapOption;

use super::Gateway;

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
    /// Why the store did not answer; `None` if it did.
    pub fault: Option<String>,
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

/// Looks at the store every `liveness_check.check_duration`; the first look comes after one such time, as Tyk's.
pub(super) async fn watch(gateway: &Gateway) {
    let Some(store) = &gateway.store else { return };
    let pause = gateway.config.liveness_check.check_duration.get();
    loop {
        tokio::time::sleep(pause).await;
        let fault = match tokio::time::timeout(Duration::from_secs(5), store.ping()).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.chain()),
            Err(_) => Some("health check timed out".to_owned()),
        };
        gateway.health.store.store(Some(std::sync::Arc::new(StoreCheck { at: SystemTime::now(), fault })));
    }
}
