//! The states of organisations: limits that all keys of one share. They are never hashed and have no policies.

use std::sync::Arc;

use super::{Lifetime, SessionState, Sessions};
use crate::{
    error::{Error, Result},
    store::{If, keys},
};

impl Sessions {
    /// An organisation's state, from the local cache if that knows it; that there is none is remembered as long.
    ///
    /// # Errors
    /// The store did not answer, or what is there is no state.
    pub async fn find_organisation(&self, org_id: &str) -> Result<Option<Arc<SessionState>>> {
        if let Some(entry) = self.organisations.get(org_id, "") {
            return Ok(entry.value.clone());
        }
        let epoch = self.epochs.now(org_id);
        let state = self.organisation(org_id).await?.map(Arc::new);
        self.organisations.put(org_id, "", state.clone(), epoch);
        Ok(state)
    }

    /// An organisation's state as it is stored.
    ///
    /// # Errors
    /// The store did not answer, or what is there is no state.
    pub async fn organisation(&self, org_id: &str) -> Result<Option<SessionState>> {
        self.read_at(&keys::organisation(org_id)).await
    }

    /// Writes an organisation's state. False when `when` held it back.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn write_organisation(
        &self,
        org_id: &str,
        state: &SessionState,
        lifetime: Lifetime,
        when: If,
    ) -> Result<bool> {
        let text = serde_json::to_vec(state).map_err(|error| Error::Internal(error.into()))?;
        let written = self.store.set(&keys::organisation(org_id), &text, lifetime.ttl(), when).await;
        self.forget(org_id);
        written
    }

    /// Deletes an organisation's state; false when there was none.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn delete_organisation(&self, org_id: &str) -> Result<bool> {
        let deleted = self.store.delete(&[&keys::organisation(org_id)]).await;
        self.forget(org_id);
        Ok(deleted? > 0)
    }

    /// The ids of all organisations that have a state. Reads all of the store's names.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn organisations(&self) -> Result<Vec<String>> {
        self.names_after(keys::ORGANISATIONS).await
    }
}
