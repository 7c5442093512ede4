//! A store that can go away and counts what it is asked, with keys in it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::super::*;
use crate::{
    config::Config,
    error::{Error, Result},
    store::{Count, Counted, If, MemoryStore, Store, keys},
};

/// Memory behind a switch.
#[derive(Default)]
pub(super) struct Watched {
    pub(super) memory: MemoryStore,
    pub(super) reads: AtomicUsize,
    pub(super) writes: AtomicUsize,
    pub(super) down: AtomicBool,
}

impl Watched {
    fn up(&self) -> Result<()> {
        if self.down.load(Ordering::Relaxed) { Err(Error::Store("down".into())) } else { Ok(()) }
    }
}

#[async_trait]
impl Store for Watched {
    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.up()?;
        self.memory.get_many(keys).await
    }
    async fn set(&self, key: &str, value: &[u8], ttl: Option<Duration>, when: If) -> Result<bool> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.up()?;
        self.memory.set(key, value, ttl, when).await
    }
    async fn delete(&self, keys: &[&str]) -> Result<u64> {
        self.memory.delete(keys).await
    }
    async fn scan(&self, prefix: &str) -> Result<Vec<String>> {
        self.memory.scan(prefix).await
    }
    async fn count(&self, counts: &[Count<'_>]) -> Result<Vec<Counted>> {
        self.memory.count(counts).await
    }
    async fn push(&self, list: &str, items: &[Bytes]) -> Result<()> {
        self.memory.push(list, items).await
    }
    async fn list(&self, list: &str) -> Result<Vec<Bytes>> {
        self.memory.list(list).await
    }
    async fn list_remove(&self, list: &str, item: &[u8]) -> Result<u64> {
        self.memory.list_remove(list, item).await
    }
    async fn set_add(&self, set: &str, member: &[u8]) -> Result<()> {
        self.memory.set_add(set, member).await
    }
    async fn set_members(&self, set: &str) -> Result<Vec<Bytes>> {
        self.memory.set_members(set).await
    }
    async fn set_remove(&self, set: &str, member: &[u8]) -> Result<()> {
        self.memory.set_remove(set, member).await
    }
    async fn sorted_add(&self, set: &str, member: &[u8], score: f64) -> Result<()> {
        self.memory.sorted_add(set, member, score).await
    }
    async fn sorted_range(&self, set: &str, from: f64, to: f64) -> Result<Vec<(Bytes, f64)>> {
        self.memory.sorted_range(set, from, to).await
    }
    async fn sorted_remove(&self, set: &str, from: f64, to: f64) -> Result<u64> {
        self.memory.sorted_remove(set, from, to).await
    }
    async fn ttl(&self, key: &str) -> Result<Option<Duration>> {
        self.memory.ttl(key).await
    }
    async fn expire(&self, key: &str, after: Duration) -> Result<bool> {
        self.memory.expire(key, after).await
    }
    async fn publish(&self, channel: &str, message: &[u8]) -> Result<()> {
        self.memory.publish(channel, message).await
    }
    async fn subscribe(&self, channel: &str) -> Result<mpsc::Receiver<Bytes>> {
        self.memory.subscribe(channel).await
    }
    async fn ping(&self) -> Result<()> {
        self.up()
    }
}

/// The keys of a gateway and the store below.
pub(super) struct Bench {
    pub(super) store: Arc<Watched>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) policies: Policies,
}

/// A config with these members, filled as loading fills it.
pub(super) fn config(edit: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config { min_token_length: 3, ..Config::default() };
    edit(&mut config);
    config
}

impl Bench {
    pub(super) fn new(edit: impl FnOnce(&mut Config)) -> Self {
        let store = Arc::new(Watched::default());
        let sessions = Arc::new(Sessions::new(&config(edit), store.clone()));
        Self { store, sessions, policies: Policies::default() }
    }

    /// Puts a key into the store, past the gateway.
    pub(super) async fn put(&self, hash: &str, state: Value) {
        let text = state.to_string();
        self.store.memory.set(&keys::session(hash), text.as_bytes(), None, If::Always).await.unwrap();
    }

    pub(super) async fn find(&self, presented: &str) -> Option<KeyState> {
        self.sessions.find(&self.policies, "org1", presented).await
    }

    /// The alias of what is found.
    pub(super) async fn alias(&self, presented: &str) -> Option<String> {
        self.find(presented).await.map(|key| key.state.alias.clone())
    }

    pub(super) async fn stored(&self, hash: &str) -> Option<Value> {
        let found = self.store.memory.get_many(&[&keys::session(hash)]).await.unwrap().remove(0)?;
        Some(serde_json::from_slice(&found).unwrap())
    }

    pub(super) fn reads(&self) -> usize {
        self.store.reads.load(Ordering::Relaxed)
    }

    /// Policy `p` of the organisation, with access to one API, as a reload makes it.
    pub(super) fn with_policy(&self, members: Value) -> Policies {
        let mut policy = json!({ "p": { "org_id": "org1", "access_rights": { "x": {} } } });
        policy["p"].as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("policies.json");
        std::fs::write(&file, policy.to_string()).unwrap();
        let config = config(|config| config.policies.policy_record_name = file.display().to_string());
        Policies::load(&config).unwrap().policies
    }

    pub(super) fn set_down(&self, down: bool) {
        self.store.down.store(down, Ordering::Relaxed);
    }
}

/// A key that has only a name.
pub(super) fn named(alias: &str) -> Value {
    json!({ "org_id": "org1", "alias": alias })
}
