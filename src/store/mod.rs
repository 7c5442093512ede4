//! The shared state behind a gateway: bytes under keys, moved in batches. What a key means is for others to know;
//! how it is spelt is `keys`' business alone.

mod count;
pub mod keys;
mod memory;
mod redis;
mod responses;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{mpsc, watch};

pub use self::{
    count::{Count, Counted},
    memory::MemoryStore,
    redis::{RedisStore, redis_problems},
    responses::Responses,
};
use crate::error::Result;

/// When a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum If {
    /// Whether the key exists or not.
    Always,
    /// Only over a value.
    Exists,
    /// Only where there is none.
    Absent,
}

/// Where gateways keep what they share.
///
/// Every verb ends within the store's own timeout, and one that fails says nothing about how much of it was done.
#[async_trait]
pub trait Store: Send + Sync {
    /// The values of several keys, in one round trip.
    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>>;

    /// Writes a value. Without `ttl` it never expires, even if what it replaces did. False when `when` held it back.
    async fn set(&self, key: &str, value: &[u8], ttl: Option<Duration>, when: If) -> Result<bool>;

    /// Removes keys of any kind; how many of them existed.
    async fn delete(&self, keys: &[&str]) -> Result<u64>;

    /// Every key that begins so. Not for the path of a request.
    async fn scan(&self, prefix: &str) -> Result<Vec<String>>;

    /// Appends items to a list, in order, in one round trip. The list is made when it is missing and keeps its
    /// expiry when it is not.
    async fn push(&self, list: &str, items: &[Bytes]) -> Result<()>;

    /// All items of a list.
    async fn list(&self, list: &str) -> Result<Vec<Bytes>>;

    /// Removes an item from a list, wherever it stands; how often it stood there.
    async fn list_remove(&self, list: &str, item: &[u8]) -> Result<u64>;

    /// Adds a member to a set.
    async fn set_add(&self, set: &str, member: &[u8]) -> Result<()>;

    /// All members of a set.
    async fn set_members(&self, set: &str) -> Result<Vec<Bytes>>;

    /// Removes a member from a set.
    async fn set_remove(&self, set: &str, member: &[u8]) -> Result<()>;

    /// Adds a member to a sorted set, or moves it to this score.
    async fn sorted_add(&self, set: &str, member: &[u8], score: f64) -> Result<()>;

    /// Members of a sorted set whose scores lie in a range (both ends in it), lowest first.
    async fn sorted_range(&self, set: &str, from: f64, to: f64) -> Result<Vec<(Bytes, f64)>>;

    /// Removes those members; how many they were.
    async fn sorted_remove(&self, set: &str, from: f64, to: f64) -> Result<u64>;

    /// Time until a key expires; `None` when it never does or does not exist.
    async fn ttl(&self, key: &str) -> Result<Option<Duration>>;

    /// Makes a key expire after this time, in whole seconds. False when it does not exist.
    async fn expire(&self, key: &str, after: Duration) -> Result<bool>;

    /// Counts in order, each count as a whole; the first that does not pass ends it and is the last of the answer. One
    /// round trip, except on a Redis Cluster, where it is one per count.
    async fn count(&self, counts: &[Count<'_>]) -> Result<Vec<Counted>>;

    /// Sends a message to all who listen right now.
    async fn publish(&self, channel: &str, message: &[u8]) -> Result<()>;

    /// Listens to a channel. The receiver ends when the subscription is lost; subscribing anew is the caller's
    /// business, and what was sent meanwhile is lost.
    async fn subscribe(&self, channel: &str) -> Result<mpsc::Receiver<Bytes>>;

    /// Whether it answers, as far as is known without asking.
    fn answers(&self) -> bool {
        true
    }

    /// Counts how often it answered again after it had not. Ended from the start where that cannot happen.
    fn comebacks(&self) -> watch::Receiver<u64> {
        watch::channel(0).1
    }

    /// Succeeds when the store answers.
    async fn ping(&self) -> Result<()>;
}
