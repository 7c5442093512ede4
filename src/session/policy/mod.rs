//! Policies: templates that are merged into the states of keys (sessions reference 2).

mod apply;
mod definition;
mod limits;
mod load;
mod merge;
mod rights;

mod template;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::Arc};

pub use definition::{Partitions, Policy};

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
}

/// Why a key's policies cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The only policy of the key is not loaded.
    #[error("policy not found: {0:?}")]
    Missing(String),
    /// A policy that the key brings along belongs to another organisation than the API.
    #[error("attempting to apply policy from different organisation to key, skipping")]
    OtherOrganisation,
    /// A policy that contradicts itself.
    #[error("cannot apply policy {0} which has per_api and any of partitions set")]
    PerApiAndPartitions(String),
    /// Policies that contradict each other.
    #[error("cannot apply multiple policies when some have per_api set and some are partitioned")]
    Mixed,
    /// None of them gives access to anything.
    #[error("key has no valid policies to be applied")]
    NoneValid,
}
