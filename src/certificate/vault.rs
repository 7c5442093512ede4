//! [`Vault`]: the certificates that are kept in the store.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use quick_cache::sync::Cache;

use super::{
    Entry, FINGERPRINT,
    entry::{Parts, check_pair},
    secret, split_id,
};
use crate::{
    config::{Config, Secret},
    error::Result,
    store::{If, Store, keys},
};

/// How long a look-up counts, found or not: so long another gateway's change takes at most.
const FRESH: Duration = Duration::from_secs(10);
/// Look-ups that are kept.
const ENTRIES: usize = 4096;

/// The certificates of the store, with a local cache. An id is organisation and fingerprint.
pub struct Vault {
    store: Arc<dyn Store>,
    secret: Secret,
    cache: Cache<String, Known>,
}

#[derive(Clone)]
struct Known {
    entry: Option<Arc<Entry>>,
    read: Instant,
}

/// Why a text was not kept.
#[derive(Debug)]
pub enum AddError {
    /// It is not what can be kept; why, in Tyk's words.
    Refused(String),
    /// The store did not take it.
    Store(crate::error::Error),
}

impl Vault {
    /// Certificates in `store`. Private keys are encrypted with `security.private_certificate_encoding_secret`, or
    /// `secret` where that is empty.
    pub fn new(config: &Config, store: Arc<dyn Store>) -> Self {
        let own = &config.security.private_certificate_encoding_secret;
        let secret = if own.is_empty() { &config.secret } else { own };
        Self { store, secret: secret.clone(), cache: Cache::new(ENTRIES) }
    }

    /// The certificate or public key with this id; nothing when there is none, it cannot be read, or the store does not
    /// answer and did not know it a moment ago.
    pub async fn get(&self, id: &str) -> Option<Arc<Entry>> {
        split_id(id)?;
        let known = self.cache.get(id);
        if let Some(known) = known.as_ref().filter(|known| known.read.elapsed() < FRESH) {
            return known.entry.clone();
        }
        let entry = match self.store.get_many(&[&keys::certificate(id)]).await {
            Ok(values) => values.into_iter().next().flatten().and_then(|text| {
                Entry::read(&text)
                    .inspect_err(|error| tracing::warn!(id, error, "a stored certificate cannot be read"))
                    .ok()
            }),
            Err(error) => {
                tracing::debug!(id, error = error.chain(), "a certificate could not be looked up");
                return known?.entry;
            }
        };
        let entry = entry.map(Arc::new);
        self.cache.insert(id.to_owned(), Known { entry: entry.clone(), read: Instant::now() });
        entry
    }

    /// Keeps a text of PEM for an organisation: a chain, perhaps with its private key, or a public key. Its id.
    ///
    /// # Errors
    /// What is wrong with the text, that it is there already, or a store that does not answer.
    pub async fn add(&self, text: &[u8], org_id: &str) -> Result<String, AddError> {
        let parts = Parts::read(text).map_err(AddError::Refused)?;
        let entry = Entry::of(&parts).map_err(AddError::Refused)?;
        if let Some(private) = &parts.private {
            if parts.chain.is_empty() {
                let message = "tls: failed to find any PEM data in certificate input";
                return Err(AddError::Refused(message.to_owned()));
            }
            check_pair(&parts.chain, private).map_err(AddError::Refused)?;
        }
        if entry.is_certificate() && entry.details().not_after < chrono::Utc::now().timestamp() {
            return Err(AddError::Refused("certificate is expired".to_owned()));
        }
        let id = [org_id, entry.fingerprint()].concat();
        let text = self.text(&parts).map_err(AddError::Store)?;
        let name = keys::certificate(&id);
        let written = self.store.set(&name, text.as_bytes(), None, If::Absent).await;
        if !written.map_err(AddError::Store)? {
            return Err(AddError::Refused(format!("Certificate with {id} id already exists")));
        }
        self.cache.remove(&id);
        if !org_id.is_empty() {
            let item = Bytes::from(keys::certificate_item(&id));
            let indexed = self.store.push(&keys::certificate_index(org_id), &[item]).await;
            indexed.map_err(AddError::Store)?;
        }
        Ok(id)
    }

    /// What is stored: the chain, then its private key, encrypted.
    fn text(&self, parts: &Parts) -> Result<String> {
        let mut blocks: Vec<String> = parts.chain.iter().chain(&parts.public).map(|b| b.print()).collect();
        if let Some(private) = &parts.private {
            blocks.push(secret::encrypt(&private.bytes, self.secret.as_bytes())?.print());
        }
        Ok(blocks.join("\n"))
    }

    /// Forgets a certificate of an organisation.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn delete(&self, id: &str, org_id: &str) -> Result<()> {
        let deleted = self.store.delete(&[&keys::certificate(id)]).await;
        self.cache.remove(id);
        deleted?;
        if !org_id.is_empty() {
            let item = keys::certificate_item(id);
            self.store.list_remove(&keys::certificate_index(org_id), item.as_bytes()).await?;
        }
        Ok(())
    }

    /// The ids of an organisation's certificates, or of all of them without one; sorted.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn ids(&self, org_id: &str) -> Result<Vec<String>> {
        if org_id.is_empty() {
            return self.scan("").await;
        }
        let index = keys::certificate_index(org_id);
        let items = self.store.list(&index).await?;
        let mut ids: Vec<String> = items
            .iter()
            .filter_map(|item| std::str::from_utf8(item).ok()?.strip_prefix("raw-"))
            .map(str::to_owned)
            .collect();
        let marker = keys::certificate_index_marker(org_id);
        if self.store.set(&marker, b"1", None, If::Absent).await? {
            // Certificates from before there was an index.
            let found = self.scan(org_id).await?;
            let missing: Vec<String> = found.into_iter().filter(|id| !ids.contains(id)).collect();
            let items: Vec<Bytes> =
                missing.iter().map(|id| Bytes::from(keys::certificate_item(id))).collect();
            if !items.is_empty() {
                self.store.push(&index, &items).await?;
            }
            ids.extend(missing);
        }
        ids.sort();
        ids.dedup();
        Ok(ids)
    }

    async fn scan(&self, org_id: &str) -> Result<Vec<String>> {
        let names = self.store.scan(&keys::certificate(org_id)).await?;
        let all = names.iter().filter_map(|name| name.strip_prefix("cert-raw-"));
        let own = all.filter(|id| org_id.is_empty() || id.len() == org_id.len() + FINGERPRINT);
        let mut ids: Vec<String> = own.map(str::to_owned).collect();
        ids.sort();
        Ok(ids)
    }
}
