//! [`Sessions`]: finding, keeping and changing the states of keys.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    ApiLifetime, KeyState, Lifetime, Policies, SessionState,
    cache::{Cache, Epoch, Epochs},
    hash,
    lifetime::{LifetimeRules, unix_now},
    policy::Mark,
    quota_writes::QuotaWrites,
    token,
};
use crate::{
    config::Config,
    error::{Error, Result},
    store::{If, Store, keys},
};

/// The keys of this gateway.
pub struct Sessions {
    pub(super) store: Arc<dyn Store>,
    pub(super) quotas: QuotaWrites,
    pub(super) epochs: Arc<Epochs>,
    pub(super) organisations: Cache<Option<Arc<SessionState>>>,
    tokens: TokenRules,
    lifetimes: LifetimeRules,
    cache: Option<Cache<Cached>>,
}

/// How tokens are read.
struct TokenRules {
    hashed: bool,
    function: String,
    fallback: Vec<String>,
    by_username: bool,
    min_length: usize,
}

/// A key as the cache keeps it. Its text is kept and not its parts: they are read again only when policies change.
struct Cached {
    found: Found,
    mark: Mark,
    /// Nothing while its policies cannot be applied.
    key: Option<KeyState>,
}

/// A key as it stands in the store.
#[derive(Clone)]
struct Found {
    id: Arc<str>,
    hash: Arc<str>,
    stored: Bytes,
}

impl Sessions {
    /// Keys in `store`, by the rules of the config. Starts nothing: [`Sessions::tend`] does the work beside requests.
    pub fn new(config: &Config, store: Arc<dyn Store>) -> Self {
        let epochs = Arc::new(Epochs::new());
        let entries = config.pinhook.session_cache_entries;
        let cached = !config.local_session_cache.disable_cached_session_state;
        Self {
            store,
            quotas: QuotaWrites::default(),
            organisations: Cache::new(entries.min(1000), epochs.clone()),
            tokens: TokenRules {
                hashed: config.hash_keys,
                function: config.hash_key_function.clone(),
                fallback: config.hash_key_function_fallback.clone(),
                by_username: !config.disable_key_actions_by_username,
                min_length: usize::try_from(config.min_token_length).unwrap_or_default(),
            },
            lifetimes: LifetimeRules::new(config),
            cache: (cached && entries > 0).then(|| Cache::new(entries, epochs.clone())),
            epochs,
        }
    }

    /// True if tokens are hashed before they become store keys.
    pub fn is_hashed(&self) -> bool {
        self.tokens.hashed
    }

    /// What stands for a token in store keys, counters and logs.
    pub fn hash(&self, token: &str) -> String {
        if self.tokens.hashed { hash::token(token) } else { token.to_owned() }
    }

    /// The token of an id that somebody chose.
    pub fn token(&self, org_id: &str, id: &str) -> String {
        token::generate(org_id, id, &self.tokens.function)
    }

    /// The tokens that a text may mean to an API of this organisation, best first (sessions reference 1.4).
    pub fn candidates(&self, org_id: &str, presented: &str) -> Vec<String> {
        if token::org_of(presented) == org_id {
            return vec![presented.to_owned()];
        }
        let rules = &self.tokens;
        let mut candidates = Vec::with_capacity(2 + rules.fallback.len());
        if rules.by_username {
            candidates.push(token::generate(org_id, presented, &rules.function));
        }
        candidates.push(presented.to_owned());
        candidates.extend(rules.fallback.iter().map(|older| token::generate(org_id, presented, older)));
        candidates
    }

    /// The key behind what a client presented to an API of `org_id`, its policies applied. `None` when there is none,
    /// when a policy of it cannot be applied, and when the store does not answer.
    pub async fn find(&self, policies: &Policies, org_id: &str, presented: &str) -> Option<KeyState> {
        if presented.len() < self.tokens.min_length {
            return None;
        }
        let Some(cache) = &self.cache else {
            let (found, _) = self.look_up(org_id, presented).await?;
            return self.apply(policies, org_id, &found);
        };
        let Some(entry) = cache.get(org_id, presented) else {
            let (found, epoch) = self.look_up(org_id, presented).await?;
            let key = self.apply(policies, org_id, &found);
            let cached = Cached { found, mark: policies.mark(), key: key.clone() };
            cache.put(org_id, presented, cached, epoch);
            return key;
        };
        if entry.value.mark.is_of(policies) {
            return entry.value.key.clone();
        }
        let found = entry.value.found.clone();
        let key = self.apply(policies, org_id, &found);
        cache.replace(org_id, presented, Cached { found, mark: policies.mark(), key: key.clone() }, &entry);
        key
    }

    /// One round trip, whatever the number of candidates.
    async fn look_up(&self, org_id: &str, presented: &str) -> Option<(Found, Epoch)> {
        let candidates = self.candidates(org_id, presented);
        let hashes: Vec<String> = candidates.iter().map(|token| self.hash(token)).collect();
        let epochs: Vec<Epoch> = hashes.iter().map(|hash| self.epochs.now(hash)).collect();
        let names: Vec<String> = hashes.iter().map(|hash| keys::session(hash)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let values = match self.store.get_many(&names).await {
            Ok(values) => values,
            Err(error) => {
                tracing::debug!(org_id, error = error.chain(), "a key could not be looked up");
                return None;
            }
        };
        let each = candidates.into_iter().zip(hashes).zip(epochs).zip(values);
        each.filter_map(|(((id, hash), epoch), value)| {
            let stored = value.filter(|value| !value.is_empty())?;
            Some((Found { id: id.into(), hash: hash.into(), stored }, epoch))
        })
        .next()
    }

    fn apply(&self, policies: &Policies, org_id: &str, found: &Found) -> Option<KeyState> {
        let key_hash = if self.tokens.hashed { &*found.hash } else { "" };
        let mut state = match SessionState::parse(&found.stored) {
            Ok(state) => state,
            Err(error) => {
                tracing::warn!(org_id, key_hash, %error, "a stored key cannot be read, so it counts as unknown");
                return None;
            }
        };
        if let Err(error) = policies.apply(org_id, &mut state) {
            tracing::warn!(org_id, key_hash, %error, "a key's policies cannot be applied, so it counts as unknown");
            return None;
        }
        Some(KeyState {
            id: found.id.clone(),
            hash: found.hash.clone(),
            state: Arc::new(state),
            stored: true,
            modified: false,
        })
    }

    /// A key that no store knows yet: one that a token or a hook describes.
    pub fn new_key(&self, id: &str, state: SessionState) -> KeyState {
        let hash = self.hash(id).into();
        KeyState { id: id.into(), hash, state: Arc::new(state), stored: false, modified: true }
    }

    /// How long a state is stored that an API writes.
    pub fn lifetime(&self, state: &SessionState, api: impl Into<ApiLifetime>) -> Lifetime {
        self.lifetimes.of(state, api.into(), unix_now())
    }

    /// Writes a key for an API. One that came from the store is written over what is there: false when it has been
    /// deleted meanwhile. Announcing it is the caller's business.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn save(&self, key: &KeyState, api: impl Into<ApiLifetime>) -> Result<bool> {
        let when = if key.stored { If::Exists } else { If::Always };
        self.write(&key.hash, &key.state, self.lifetime(&key.state, api), when).await
    }

    /// Forgets what the local cache knows of a key or an organisation, by its hash or id.
    pub fn forget(&self, hash: &str) {
        self.epochs.advance(hash);
    }

    /// The state under a hash as it is stored, without policies.
    ///
    /// # Errors
    /// The store did not answer, or what is there is no state.
    pub async fn read(&self, hash: &str) -> Result<Option<SessionState>> {
        self.read_at(&keys::session(hash)).await
    }

    pub(super) async fn read_at(&self, name: &str) -> Result<Option<SessionState>> {
        let value = self.store.get_many(&[name]).await?.into_iter().next().flatten();
        let Some(text) = value.filter(|text| !text.is_empty()) else { return Ok(None) };
        SessionState::parse(&text).map(Some).map_err(|error| Error::Store(error.into()))
    }

    /// Writes a state under a hash. False when `when` held it back.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn write(
        &self,
        hash: &str,
        state: &SessionState,
        lifetime: Lifetime,
        when: If,
    ) -> Result<bool> {
        let written = self.write_quietly(hash, state, lifetime, when).await;
        self.forget(hash);
        written
    }

    /// The same where nobody has to read it anew.
    pub(super) async fn write_quietly(
        &self,
        hash: &str,
        state: &SessionState,
        lifetime: Lifetime,
        when: If,
    ) -> Result<bool> {
        let text = serde_json::to_vec(state).map_err(|error| Error::Internal(error.into()))?;
        self.store.set(&keys::session(hash), &text, lifetime.ttl(), when).await
    }

    /// Deletes the states under these hashes; how many there were.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn delete(&self, hashes: &[&str]) -> Result<u64> {
        let names: Vec<String> = hashes.iter().map(|hash| keys::session(hash)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let deleted = self.store.delete(&names).await;
        hashes.iter().for_each(|hash| self.forget(hash));
        deleted
    }

    /// The hash of every stored key; with hashing off the tokens themselves. Reads all of the store's names.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn hashes(&self) -> Result<Vec<String>> {
        self.names_after(keys::SESSIONS).await
    }

    pub(super) async fn names_after(&self, prefix: &str) -> Result<Vec<String>> {
        let names = self.store.scan(prefix).await?;
        Ok(names.iter().filter_map(|name| name.strip_prefix(prefix)).map(str::to_owned).collect())
    }

    /// Keys in the cache.
    #[cfg(test)]
    pub(super) fn cached(&self) -> usize {
        self.cache.as_ref().map_or(0, Cache::len)
    }

    /// Gives back the memory of cached keys that do not count any more.
    pub(super) fn sweep(&self) {
        if let Some(cache) = &self.cache {
            cache.sweep();
        }
        self.organisations.sweep();
    }
}
