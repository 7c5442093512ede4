//! One policy after the other, merged into what their key may do (sessions reference 2.4).
//!
//! A policy is full (no flag), partitioned (some of four flags) or `per_api`. The first two give numbers to the whole
//! key and only rights to each API; the last gives each API limits of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::{Partitions, Policy, limits, rights};
use crate::session::{AccessDefinition, SessionState};

/// What the policies have given so far.
#[derive(Debug, Default)]
pub(super) struct Merge {
    apis: BTreeMap<String, Given>,
    pub(super) saw_per_api: bool,
    pub(super) saw_partitions: bool,
}

/// What they have given for one API.
#[derive(Debug, Default)]
struct Given {
    rights: AccessDefinition,
    /// Who gave the right to call it last: a policy, or the API itself where its own limits came along.
    granted_by: Option<String>,
    /// Which of the numbers came from a policy.
    set: Partitions,
}

impl Partitions {
    /// True if some of the four flags is set.
    pub(super) fn is_partitioned(&self) -> bool {
        self.quota || self.rate_limit || self.complexity || self.acl
    }

    /// What of its policy counts: without any of the four flags all of it.
    pub(super) fn owned(&self) -> Self {
        if self.is_partitioned() {
            return self.clone();
        }
        Self { quota: true, rate_limit: true, complexity: true, acl: true, ..Self::default() }
    }
}

impl Merge {
    /// Merges one policy. Limits that hold for the whole key go into `state` at once.
    pub(super) fn add(&mut self, policy: &Policy, state: &mut SessionState) {
        if policy.partitions.per_api {
            self.saw_per_api = true;
            for (api_id, rights) in &policy.access_rights {
                self.add_api(policy, api_id, rights, state);
            }
            return;
        }
        self.saw_partitions |= policy.partitions.is_partitioned();
        let owns = policy.partitions.owned();
        if policy.access_rights.is_empty() {
            overwrite(policy, &owns, state);
        }
        for (api_id, rights) in &policy.access_rights {
            let given = self.apis.entry(api_id.clone()).or_default();
            given.add_shared(policy, &owns, api_id, rights, state);
        }
        state.hmac_enabled |= policy.hmac_enabled;
        state.enable_http_signature_validation |= policy.enable_http_signature_validation;
    }

    /// One API of a `per_api` policy. What an earlier policy said of it counts on in its limits alone.
    fn add_api(&mut self, policy: &Policy, api_id: &str, rights: &AccessDefinition, state: &SessionState) {
        let mut rights = rights.clone();
        rights.allowance_scope = if rights.limit.is_empty() {
            rights.limit = limits::of_policy(policy);
            policy.id.clone()
        } else {
            api_id.to_owned()
        };
        if let Some(own) = state.access_rights.get(api_id) {
            keep_renewal(own, &mut rights);
            rights.disable_introspection |= own.disable_introspection;
        }
        if let Some(earlier) = self.apis.get(api_id) {
            let earlier = &earlier.rights;
            if limits::keep_better(&earlier.limit, &mut rights.limit) {
                rights.allowance_scope.clone_from(&earlier.allowance_scope);
            }
            rights.endpoints = limits::endpoints(&rights.endpoints, &earlier.endpoints);
            rights::merge_protocols(&earlier.extra, &mut rights.extra);
        }
        let granted_by = Some(rights.allowance_scope.clone());
        let set = Partitions::default().owned();
        self.apis.insert(api_id.to_owned(), Given { rights, granted_by, set });
    }

    /// Settles what holds at the end. False when the policies give nothing.
    pub(super) fn finish(mut self, state: &mut SessionState) -> bool {
        let lone = self.lone_api();
        let sources: BTreeSet<String> =
            self.apis.values().filter_map(|given| given.granted_by.clone()).collect();
        self.apis.retain(|_, given| given.granted_by.is_some());
        for given in self.apis.values_mut() {
            given.fill(state);
            if sources.len() > 1 && given.rights.allowance_scope.is_empty() {
                given.rights.allowance_scope = given.granted_by.clone().unwrap_or_default();
            }
        }
        if let Some(only) = lone.and_then(|api_id| self.apis.get(&api_id)) {
            limits::to_root(&only.rights.limit, state);
        }
        if self.apis.is_empty() {
            return false;
        }
        state.access_rights = self.apis.into_iter().map(|(api_id, given)| (api_id, given.rights)).collect();
        true
    }

    /// The API that alone was given quota, rate and query depth: its numbers are the key's as well.
    fn lone_api(&self) -> Option<String> {
        let only = |set: fn(&Partitions) -> bool| {
            let mut found = self.apis.iter().filter(|(_, given)| set(&given.set)).map(|(api_id, _)| api_id);
            let first = found.next()?;
            found.next().is_none().then_some(first)
        };
        let quota = only(|set| set.quota)?;
        let same = only(|set| set.rate_limit) == Some(quota) && only(|set| set.complexity) == Some(quota);
        same.then(|| quota.clone())
    }
}

impl Given {
    /// One API of a full or partitioned policy. The limits that the policy gives to this API are of no effect (trap 11).
    fn add_shared(
        &mut self,
        policy: &Policy,
        owns: &Partitions,
        api_id: &str,
        rights: &AccessDefinition,
        state: &mut SessionState,
    ) {
        if self.rights.api_id.is_empty() {
            self.rights.api_name.clone_from(&rights.api_name);
            self.rights.api_id.clone_from(&rights.api_id);
        }
        if owns.acl {
            rights::merge(rights, &mut self.rights);
            self.granted_by = Some(policy.id.clone());
        }
        if owns.quota {
            limits::raise_quota(policy, &mut self.rights.limit, state);
            self.set.quota = true;
        }
        if owns.rate_limit {
            limits::raise_rate(policy, &mut self.rights.limit, state);
            self.rights.endpoints = limits::endpoints(&rights.endpoints, &self.rights.endpoints);
            self.set.rate_limit = true;
        }
        if owns.complexity {
            limits::raise_depth(policy, &mut self.rights.limit, state);
            self.set.complexity = true;
        }
        if let Some(own) = state.access_rights.get(api_id) {
            keep_renewal(own, &mut self.rights);
        }
    }

    /// Takes from the key what no policy set.
    fn fill(&mut self, state: &SessionState) {
        let limit = &mut self.rights.limit;
        if !self.set.rate_limit {
            limit.rate = state.rate;
            limit.per = state.per;
            limit.smoothing.clone_from(&state.smoothing);
            limit.throttle_interval = state.throttle_interval;
            limit.throttle_retry_limit = state.throttle_retry_limit;
            self.rights.endpoints.clear();
        }
        if !self.set.complexity {
            limit.max_query_depth = state.max_query_depth;
        }
        if !self.set.quota {
            limit.quota_max = state.quota_max;
            limit.quota_renewal_rate = state.quota_renewal_rate;
            limit.quota_renews = state.quota_renews;
        }
    }
}

/// The period that a key is in goes on.
fn keep_renewal(own: &AccessDefinition, rights: &mut AccessDefinition) {
    if !own.limit.is_empty() {
        rights.limit.quota_renews = own.limit.quota_renews;
    }
}

/// A policy for every API gives its numbers to the key.
fn overwrite(policy: &Policy, owns: &Partitions, state: &mut SessionState) {
    if owns.rate_limit {
        state.rate = policy.rate;
        state.per = policy.per;
        state.smoothing.clone_from(&policy.smoothing);
        state.throttle_interval = policy.throttle_interval;
        state.throttle_retry_limit = policy.throttle_retry_limit;
    }
    if owns.complexity {
        state.max_query_depth = policy.max_query_depth;
    }
    if owns.quota {
        state.quota_max = policy.quota_max;
        state.quota_renewal_rate = policy.quota_renewal_rate;
    }
}
