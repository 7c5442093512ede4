//! The shared state behind a gateway: bytes under keys, moved in batches. What a key means is for others to know;
//! how it is spelt is `keys`' business alone.

pub mod keys;
mod memory;
mod redis;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

pub use self::{
    memory::MemoryStore,
    redis::{RedisStore, redis_problems},
};
use crate::error::Result;

/// Where gateways keep what they share.
///
/// Every verb ends within the store's own timeout, and one that fails says nothing about how much of it was done.
#[async_trait]
pub trait Store: Send + Sync {
    /// Appends items to a list, in order, in one round trip. The list is made when it is missing and keeps its
    /// expiry when it is not.
    async fn push(&self, list: &str, items: &[Bytes]) -> Result<()>;

    /// Time until a key expires; `None` when it never does or does not exist.
    async fn ttl(&self, key: &str) -> Result<Option<Duration>>;

    /// Makes a key expire after this time, in whole seconds. False when it does not exist.
    async fn expire(&self, key: &str, after: Duration) -> Result<bool>;

    /// Succeeds when the store answers.
    async fn ping(&self) -> Result<()>;
}
