//! Policies: templates that are merged into the states of keys (sessions reference 2).

mod definition;
mod load;
mod template;

use std::{collections::HashMap, sync::Arc};

pub use definition::{Partitions, Policy};

use super::SessionState;

/// Every loaded policy. Part of the snapshot, swapped with it.
#[derive(Debug, Default)]
pub struct Policies {
    by_org: HashMap<String, HashMap<String, Arc<Policy>>>,
    /// The last one loaded of each id: control calls name no organisation.
    by_id: HashMap<String, Arc<Policy>>,
    mark: Mark,
}

/// Which [`Policies`] something was merged with.
#[derive(Debug, Clone, Default)]
pub(super) struct Mark(Arc<()>);

impl Mark {
    pub(super) fn is_of(&self, policies: &Policies) -> bool {
        Arc::ptr_eq(&self.0, &policies.mark.0)
    }
}

impl Policies {
    /// The policy of an organisation with this id.
    pub fn get(&self, org_id: &str, id: &str) -> Option<&Arc<Policy>> {
        self.by_org.get(org_id)?.get(id)
    }

    /// The policy with this id, whoever's it is.
    pub fn by_id(&self, id: &str) -> Option<&Arc<Policy>> {
        self.by_id.get(id)
    }

    /// Every policy, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Policy>> {
        self.by_org.values().flat_map(HashMap::values)
    }

    /// Adds one; the one that it takes the place of.
    fn add(&mut self, policy: Policy) -> Option<Arc<Policy>> {
        let policy = Arc::new(policy);
        self.by_id.insert(policy.id.clone(), policy.clone());
        self.by_org.entry(policy.org_id.clone()).or_default().insert(policy.id.clone(), policy)
    }

    pub(super) fn mark(&self) -> Mark {
        self.mark.clone()
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
