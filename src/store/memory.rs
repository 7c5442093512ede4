//! The store of one process: nothing to install, gone with it. Same contract as Redis.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;

use super::Store;
use crate::error::Result;

/// Keys in memory. An expired one is removed when it is next looked at.
#[derive(Default)]
pub struct MemoryStore {
    lists: Mutex<HashMap<String, List>>,
}

#[derive(Default)]
struct List {
    items: Vec<Bytes>,
    expires: Option<Instant>,
}

impl MemoryStore {
    /// Takes all items off a list, as Tyk Pump does, and deletes it.
    pub fn take(&self, list: &str) -> Vec<Bytes> {
        self.live(list).remove(list).map(|list| list.items).unwrap_or_default()
    }

    fn live(&self, key: &str) -> MutexGuard<'_, HashMap<String, List>> {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let expired = lists.get(key).and_then(|list| list.expires).is_some_and(|at| at <= Instant::now());
        if expired {
            lists.remove(key);
        }
        lists
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn push(&self, list: &str, items: &[Bytes]) -> Result<()> {
        if !items.is_empty() {
            self.live(list).entry(list.to_owned()).or_default().items.extend_from_slice(items);
        }
        Ok(())
    }

    async fn ttl(&self, key: &str) -> Result<Option<Duration>> {
        let expires = self.live(key).get(key).and_then(|list| list.expires);
        Ok(expires.map(|at| at.saturating_duration_since(Instant::now())))
    }

    async fn expire(&self, key: &str, after: Duration) -> Result<bool> {
        let mut lists = self.live(key);
        let Some(list) = lists.get_mut(key) else { return Ok(false) };
        list.expires = Instant::now().checked_add(Duration::from_secs(after.as_secs()));
        Ok(true)
    }

    async fn ping(&self) -> Result<()> {
        Ok(())
    }
}
