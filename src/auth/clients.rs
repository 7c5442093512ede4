//! Clients of the OAuth 2 server as they are stored, per API. JWT reads them too: a token may name one.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    error::{Error, Result},
    store::{If, Store, keys::oauth as keys},
};

/// How long a request relies on what an earlier one found, as in Tyk.
const KEEP: Duration = Duration::from_secs(1);
/// Clients remembered per API.
const REMEMBERED: usize = 256;

/// One client, in Tyk's form.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Client {
    /// Its id.
    #[serde(default)]
    pub id: String,
    /// Its secret.
    #[serde(default)]
    pub secret: String,
    /// Where its users are sent back to; without one it gets no token.
    #[serde(rename = "redirecturi", default)]
    pub redirect_uri: String,
    /// Anything. The keys of its tokens get the members of an object, unless they have them.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub meta_data: Value,
    /// The policy of its tokens.
    #[serde(rename = "policyid", default)]
    pub policy_id: String,
    /// For people.
    #[serde(default)]
    pub description: String,
}

/// The clients of one API.
#[derive(Clone)]
pub struct Clients {
    store: Arc<dyn Store>,
    api_id: Arc<str>,
}

impl Clients {
    /// Those of this API.
    pub fn new(store: Arc<dyn Store>, api_id: &str) -> Self {
        Self { store, api_id: api_id.into() }
    }

    /// The client of this id.
    ///
    /// # Errors
    /// The store did not answer, or holds something else there.
    pub async fn get(&self, id: &str) -> Result<Option<Client>> {
        let value = self.store.get_many(&[&keys::client(&self.api_id, id)]).await?;
        let Some(text) = value.into_iter().next().flatten().filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        serde_json::from_slice(&text).map(Some).map_err(|error| Error::Store(error.into()))
    }

    /// Adds a client, or replaces the one of its id.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn put(&self, org_id: &str, client: &Client) -> Result<()> {
        let text = serde_json::to_vec(client).map_err(|error| Error::Internal(error.into()))?;
        self.store.set(&keys::client(&self.api_id, &client.id), &text, None, If::Always).await?;
        let (index, item) = (keys::client_index(&self.api_id, org_id), keys::client_item(&client.id));
        self.store.list_remove(&index, item.as_bytes()).await?;
        self.store.push(&index, &[item.into_bytes().into()]).await?;
        self.drop_from_set(&client.id).await?;
        self.store.set_add(&keys::client_set(&self.api_id), &text).await
    }

    /// Removes a client; false if there was none.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn delete(&self, org_id: &str, id: &str) -> Result<bool> {
        let removed = self.store.delete(&[&keys::client(&self.api_id, id)]).await?;
        let index = keys::client_index(&self.api_id, org_id);
        self.store.list_remove(&index, keys::client_item(id).as_bytes()).await?;
        self.drop_from_set(id).await?;
        Ok(removed > 0)
    }

    /// All clients of an organisation: those of its list, or where there is none yet those of the set.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn list(&self, org_id: &str) -> Result<Vec<Client>> {
        let items = self.store.list(&keys::client_index(&self.api_id, org_id)).await?;
        if items.is_empty() {
            let all = self.store.set_members(&keys::client_set(&self.api_id)).await?;
            return Ok(all.iter().filter_map(|text| serde_json::from_slice(text).ok()).collect());
        }
        let prefix = keys::client_item("");
        let names: Vec<String> = items
            .iter()
            .filter_map(|item| str::from_utf8(item).ok()?.strip_prefix(&*prefix))
            .map(|id| keys::client(&self.api_id, id))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let found = self.store.get_many(&names).await?;
        Ok(found.iter().flatten().filter_map(|text| serde_json::from_slice(text).ok()).collect())
    }

    /// Takes every form of a client out of the set. Tyk looks for the id anywhere in the text and so takes out clients
    /// whose ids hold this one, too.
    async fn drop_from_set(&self, id: &str) -> Result<()> {
        let set = keys::client_set(&self.api_id);
        for text in self.store.set_members(&set).await? {
            let same = serde_json::from_slice::<Client>(&text).is_ok_and(|client| client.id == id);
            if same {
                self.store.set_remove(&set, &text).await?;
            }
        }
        Ok(())
    }
}

/// The clients of one API, as requests look at them: what was found counts for a second.
pub(super) struct ClientCache {
    clients: Clients,
    /// Made with the first look: most APIs of a gateway have no clients.
    known: OnceLock<Cache<String, Known>>,
}

/// When a client was looked for, and what was found.
type Known = (Instant, Option<Arc<Client>>);

impl ClientCache {
    pub(super) fn new(store: Arc<dyn Store>, api_id: &str) -> Self {
        Self { clients: Clients::new(store, api_id), known: OnceLock::new() }
    }

    /// The client, unless it is gone or the store does not answer.
    pub(super) async fn get(&self, id: &str) -> Option<Arc<Client>> {
        let known = self.known.get_or_init(|| Cache::new(REMEMBERED));
        if let Some((at, client)) = known.get(id)
            && at.elapsed() < KEEP
        {
            return client;
        }
        match self.clients.get(id).await {
            Ok(client) => {
                let client = client.map(Arc::new);
                known.insert(id.to_owned(), (Instant::now(), client.clone()));
                client
            }
            Err(error) => {
                tracing::warn!(error = error.chain(), "an OAuth client could not be looked up");
                None
            }
        }
    }
}
