use std::{
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::{sync::mpsc, time::sleep};

use crate::{
    error::{Error, Result},
    store::{Count, Counted, If, MemoryStore, Store},
};

/// A store whose answers can be held back for ever, or refused.
#[derive(Default)]
pub(super) struct Faulty {
    pub(super) inner: MemoryStore,
    pub(super) stalled: AtomicBool,
    pub(super) refusing: AtomicBool,
}

impl Faulty {
    async fn pass(&self) -> Result<()> {
        while self.stalled.load(SeqCst) {
            sleep(Duration::from_millis(5)).await;
        }
        if self.refusing.load(SeqCst) { Err(Error::Store("refused".into())) } else { Ok(()) }
    }
}

#[async_trait]
impl Store for Faulty {
    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        self.inner.get_many(keys).await
    }
    async fn set(&self, key: &str, value: &[u8], ttl: Option<Duration>, when: If) -> Result<bool> {
        self.inner.set(key, value, ttl, when).await
    }
    async fn delete(&self, keys: &[&str]) -> Result<u64> {
        self.inner.delete(keys).await
    }
    async fn scan(&self, prefix: &str) -> Result<Vec<String>> {
        self.inner.scan(prefix).await
    }
    async fn list(&self, list: &str) -> Result<Vec<Bytes>> {
        self.inner.list(list).await
    }
    async fn list_remove(&self, list: &str, item: &[u8]) -> Result<u64> {
        self.inner.list_remove(list, item).await
    }
    async fn set_add(&self, set: &str, member: &[u8]) -> Result<()> {
        self.inner.set_add(set, member).await
    }
    async fn set_members(&self, set: &str) -> Result<Vec<Bytes>> {
        self.inner.set_members(set).await
    }
    async fn set_remove(&self, set: &str, member: &[u8]) -> Result<()> {
        self.inner.set_remove(set, member).await
    }
    async fn sorted_add(&self, set: &str, member: &[u8], score: f64) -> Result<()> {
        self.inner.sorted_add(set, member, score).await
    }
    async fn sorted_range(&self, set: &str, from: f64, to: f64) -> Result<Vec<(Bytes, f64)>> {
        self.inner.sorted_range(set, from, to).await
    }
    async fn sorted_remove(&self, set: &str, from: f64, to: f64) -> Result<u64> {
        self.inner.sorted_remove(set, from, to).await
    }
    async fn count(&self, counts: &[Count<'_>]) -> Result<Vec<Counted>> {
        self.inner.count(counts).await
    }
    async fn publish(&self, channel: &str, message: &[u8]) -> Result<()> {
        self.inner.publish(channel, message).await
    }
    async fn subscribe(&self, channel: &str) -> Result<mpsc::Receiver<Bytes>> {
        self.inner.subscribe(channel).await
    }
    async fn push(&self, list: &str, items: &[Bytes]) -> Result<()> {
        self.pass().await?;
        self.inner.push(list, items).await
    }
    async fn ttl(&self, key: &str) -> Result<Option<Duration>> {
        self.pass().await?;
        self.inner.ttl(key).await
    }
    async fn expire(&self, key: &str, after: Duration) -> Result<bool> {
        self.pass().await?;
        self.inner.expire(key, after).await
    }
    async fn ping(&self) -> Result<()> {
        self.pass().await
    }
}
