//! Which fetched key sets of token issuers still count. The sets themselves belong to the auth method that uses them;
//! the control API only says that they are out of date.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// An epoch per API: what was fetched in an earlier one does not count.
#[derive(Debug, Default)]
pub struct KeySets(Mutex<HashMap<String, Arc<AtomicU64>>>);

impl KeySets {
    /// The epoch of an API, shared by all who hold sets for it.
    pub fn of(&self, api_id: &str) -> Arc<AtomicU64> {
        let mut epochs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those of APIs that are gone would pile up.
        epochs.retain(|_, epoch| Arc::strong_count(epoch) > 1);
        epochs.entry(api_id.to_owned()).or_default().clone()
    }

    /// Begins a new epoch for an API, or for all: sets are fetched anew when they are next needed.
    pub fn forget(&self, api_id: Option<&str>) {
        let epochs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, epoch) in epochs.iter() {
            if api_id.is_none_or(|wanted| wanted == id) {
                epoch.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}
