//! Merging policies into a state (sessions reference 2.3 and 2.4): which policies count, what of the key's own is
//! cleared first, and what holds at the end. [`super::merge`] merges a single policy.

use std::{borrow::Cow, sync::Arc};

use serde_json::{Map, Value};

use super::{Policies, Policy, PolicyError, merge::Merge};
use crate::session::{AccessDefinition, SessionState};

/// Meta data that holds whole policies instead of ids.
const CUSTOM: &str = "policies";

impl Policies {
    /// Merges a key's policies into its state. `org_id` is the API's: that of keys which name none, and the only one
    /// whose policies count.
    ///
    /// # Errors
    /// Why the key counts as unknown.
    pub fn apply(&self, org_id: &str, state: &mut SessionState) -> Result<(), PolicyError> {
        let custom = custom(&state.meta_data);
        let policies: Vec<Option<Cow<'_, Policy>>> = match custom {
            Some(policies) => policies.into_iter().map(|policy| Some(Cow::Owned(policy))).collect(),
            None => {
                let owner = if state.org_id.is_empty() { org_id } else { &state.org_id };
                let named: Vec<Option<&Arc<Policy>>> =
                    state.policies().iter().map(|id| self.get(owner, id)).collect();
                if let ([None], [missing]) = (named.as_slice(), state.policies()) {
                    return Err(PolicyError::Missing(missing.clone()));
                }
                named.iter().map_while(|policy| *policy).for_each(|policy| clear(policy, state));
                named.into_iter().map(|policy| policy.map(|policy| Cow::Borrowed(&**policy))).collect()
            }
        };
        if policies.is_empty() {
            own_counters(state);
            return Ok(());
        }
        // Only its policies decide whether it is active (trap 9).
        state.is_inactive = false;
        let mut merge = Merge::default();
        let mut tags = Vec::new();
        // One that is missing among several is passed over (trap 12).
        for policy in policies.iter().flatten() {
            check(org_id, policy, &merge)?;
            merge.add(policy, state);
            tags.extend(policy.tags.iter().cloned());
            inherit(policy, state);
        }
        tags.append(&mut state.tags);
        state.tags = union(Vec::new(), tags);
        merge.finish(state).then_some(()).ok_or(PolicyError::NoneValid)
    }
}

/// The policies that a key brings along. Anything that is no list of policies means that its ids count.
fn custom(meta_data: &Map<String, Value>) -> Option<Vec<Policy>> {
    let policies = meta_data.get(CUSTOM)?.as_array()?;
    policies.iter().map(|policy| serde_json::from_value(policy.clone()).ok()).collect()
}

/// What a policy decides, the key does not.
fn clear(policy: &Policy, state: &mut SessionState) {
    let owns = policy.partitions.owned();
    if owns.quota {
        state.quota_max = 0;
        state.quota_remaining = 0;
    }
    if owns.rate_limit {
        state.rate = 0.0;
        state.per = 0.0;
        state.smoothing = None;
        state.throttle_interval = 0.0;
        state.throttle_retry_limit = 0;
    }
    if owns.complexity {
        state.max_query_depth = 0;
    }
}

fn check(org_id: &str, policy: &Policy, merge: &Merge) -> Result<(), PolicyError> {
    if policy.org_id != org_id {
        return Err(PolicyError::OtherOrganisation);
    }
    let flags = &policy.partitions;
    if flags.per_api && flags.is_partitioned() {
        return Err(PolicyError::PerApiAndPartitions(policy.id.clone()));
    }
    let mixed = (flags.per_api && merge.saw_partitions) || (flags.is_partitioned() && merge.saw_per_api);
    if mixed { Err(PolicyError::Mixed) } else { Ok(()) }
}

/// What a policy says besides rights and limits.
fn inherit(policy: &Policy, state: &mut SessionState) {
    state.is_inactive |= policy.is_inactive;
    for (name, value) in &policy.meta_data {
        state.meta_data.insert(name.clone(), value.clone());
    }
    if policy.last_updated > state.last_updated {
        state.last_updated.clone_from(&policy.last_updated);
    }
    if !policy.post_expiry_action.is_empty() {
        state.post_expiry_action.clone_from(&policy.post_expiry_action);
    }
    if policy.post_expiry_grace_period != 0 {
        state.post_expiry_grace_period = policy.post_expiry_grace_period;
    }
}

/// Without policies, an API with limits of its own counts for itself.
fn own_counters(state: &mut SessionState) {
    let limited = |rights: &AccessDefinition| !rights.limit.is_empty();
    for (api_id, rights) in state.access_rights.iter_mut().filter(|(_, rights)| limited(rights)) {
        rights.allowance_scope.clone_from(api_id);
    }
}

/// Both lists, each text once, in the order in which they first come.
pub(super) fn union(mut list: Vec<String>, more: impl IntoIterator<Item = String>) -> Vec<String> {
    for text in more {
        if !list.contains(&text) {
            list.push(text);
        }
    }
    list
}
