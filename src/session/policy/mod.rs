//! Policies: templates that are merged into the states of keys (sessions reference 2).

mod definition;

use std::{collections::HashMap, sync::Arc};

pub use definition::{Partitions, Policy};

use super::SessionState;

/// Every loaded policy. Part of the snapshot, swapped with it.
#[derive(Debug, Default)]
pub struct Policies {
    by_org: HashMap<(String, String), Arc<Policy>>,
}

impl Policies {
    /// The policy of an organisation with this id.
    pub fn get(&self, org_id: &str, id: &str) -> Option<&Arc<Policy>> {
        self.by_org.get(&(org_id.to_owned(), id.to_owned()))
    }

    /// Merges a key's policies into its state. `org_id` is the API's, for keys that name none.
    ///
    /// # Errors
    /// Why the key counts as unknown.
    pub fn apply(&self, _org_id: &str, _state: &mut SessionState) -> Result<(), PolicyError> {
        Ok(())
    }
}

/// Why a key's policies cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The only policy of the key is not loaded.
    #[error("policy not found: {0:?}")]
    Missing(String),
}
