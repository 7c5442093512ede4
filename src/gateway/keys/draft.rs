//! [`Draft`]: a state on its way into the store (sessions reference 1.5, 1.6, 8.4).

use std::{sync::Arc, time::SystemTime};

use super::{find, password};
use crate::{
    analytics,
    chain::{Api, Snapshot},
    error::{Error, Result as Done},
    session::{PolicyError, SessionState, unix_now as now},
    store::{If, keys},
};

/// A state that is about to be written, its policies applied.
pub(crate) struct Draft<'a> {
    snapshot: &'a Snapshot,
    /// What will be written.
    pub(crate) state: SessionState,
    policies: Option<PolicyError>,
}

/// Why a key was not written.
pub(crate) enum SaveError {
    /// A policy of it cannot be applied.
    Policy(PolicyError),
    /// It would be a master key.
    Master,
    /// The store did not do it.
    Store,
}

fn not_saved(error: Error) -> SaveError {
    tracing::error!(error = error.chain(), "a key was not saved");
    SaveError::Store
}

impl<'a> Draft<'a> {
    /// Applies the policies of `state`; where that fails it stays as it is, and cannot be saved.
    pub(crate) fn new(snapshot: &'a Snapshot, state: SessionState) -> Self {
        let mut applied = state.clone();
        match snapshot.policies.apply(&state.org_id, &mut applied) {
            Ok(()) => Self { snapshot, state: applied, policies: None },
            Err(error) => Self { snapshot, state, policies: Some(error) },
        }
    }

    /// Sets when it was made: now.
    pub(crate) fn date(&mut self) {
        self.state.date_created = analytics::rfc3339(SystemTime::now());
    }

    /// True if it would expire before it begins.
    pub(crate) fn is_over(&self) -> bool {
        self.state.expires > 1 && self.state.expires < now()
    }

    /// Takes over when the periods of `old` end.
    pub(crate) fn keep_periods(&mut self, old: &SessionState) {
        self.state.quota_renews = old.quota_renews;
        self.state.last_updated.clone_from(&old.last_updated);
        for (api_id, rights) in &old.access_rights {
            if let Some(new) = self.state.access_rights.get_mut(api_id)
                && !rights.limit.is_empty()
                && !new.limit.is_empty()
            {
                new.limit.quota_renews = rights.limit.quota_renews;
            }
        }
    }

    /// Hashes its password, if it has one.
    pub(crate) async fn hash_password(&mut self) -> Done<()> {
        let data = &mut self.state.basic_auth_data;
        if !data.password.is_empty() {
            *data =
                password::hash(&self.snapshot.services.config, std::mem::take(&mut data.password)).await?;
        }
        Ok(())
    }

    /// Writes it under `hash`. With `reset` counters and periods begin anew.
    pub(crate) async fn save(&mut self, hash: &str, reset: bool) -> Result<(), SaveError> {
        let services = &self.snapshot.services;
        if reset {
            self.state.last_updated = now().to_string();
        }
        let master = self.state.access_rights.is_empty();
        if master && !services.config.allow_master_keys {
            tracing::warn!("a key without access rights was refused: allow_master_keys is off");
            return Err(SaveError::Master);
        }
        if let Some(error) = self.policies.take() {
            return Err(SaveError::Policy(error));
        }
        let apis = self.apis();
        if master && apis.is_empty() {
            return Ok(());
        }
        self.end_trial(hash).await.map_err(not_saved)?;
        let unknown = self.state.access_rights.len() > apis.len();
        if reset && (unknown || apis.iter().any(|api| !api.definition.dont_set_quota_on_create)) {
            find::reset_counters(services, hash, &self.state).await;
            self.state.quota_renews = now() + self.state.quota_renewal_rate;
        }
        let spans = apis.iter().map(|api| services.sessions.lifetime(&self.state, &*api.definition));
        let lifetime = spans.max().unwrap_or_default();
        find::write(services, hash, &self.state, lifetime, If::Always).await.map_err(not_saved)
    }

    /// The live APIs that it is for.
    fn apis(&self) -> Vec<Arc<Api>> {
        let rights = &self.state.access_rights;
        let its = |api: &&Arc<Api>| rights.is_empty() || rights.contains_key(&*api.spec.api_id);
        self.snapshot.apis.iter().filter(its).cloned().collect()
    }

    /// Policies may limit how long a key lives that does not exist yet.
    async fn end_trial(&mut self, hash: &str) -> Done<()> {
        let policies = self.state.policies().iter();
        let spans = policies.filter_map(|id| self.snapshot.policies.get(&self.state.org_id, id));
        let Some(span) = spans.map(|policy| policy.key_expires_in).rfind(|span| *span > 0) else {
            return Ok(());
        };
        let key = keys::session(hash);
        if self.snapshot.services.store.get_many(&[&key]).await?.iter().all(Option::is_none) {
            self.state.expires = now() + span;
        }
        Ok(())
    }
}
