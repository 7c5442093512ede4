//! The store in Redis: one node, a Cluster, or what Sentinels watch; with or without TLS.
//!
//! Nothing is opened before the first verb, which therefore must run on a runtime that lives as long as the store:
//! a gateway may fork between its making and its use. `settings` reads the config, `wire` opens connections, `link`
//! keeps one open, `listen` hears what is published, `scan` walks over keys.
//!
//! One multiplexed connection per node carries the calls of all threads, so there is no pool to run dry and
//! `optimisation_max_active` limits nothing.

mod count;
mod link;
mod listen;
mod scan;
mod settings;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use redis::{Cmd, FromRedisValue, RedisError, cmd};
use tokio::sync::{mpsc, watch};

use self::{
    link::Link,
    settings::{Settings, Unusable},
    wire::Dialer,
};
use super::{Count, Counted, If, Store};
use crate::{
    config::Storage,
    error::{Error, Problem, Result},
};

pub use self::settings::redis_problems;

/// A Redis, as one of its users.
pub struct RedisStore {
    link: Link,
    counting: count::Counting,
    /// Keys lie on several servers: a command may not name two of them.
    clustered: bool,
}

impl RedisStore {
    /// Checks the config; opens nothing. Refuses what [`redis_problems`] calls an error.
    ///
    /// # Errors
    /// The setting that cannot be used.
    pub fn new(config: &Storage) -> Result<Self> {
        let settings = Settings::new(config).map_err(|Unusable { member, message }| {
            Error::Input(Problem::error("config", format!("storage.{member}"), message))
        })?;
        let timeout = settings.timeout;
        Ok(Self {
            link: Link::new(Dialer::new(settings).map_err(fault)?, timeout),
            counting: count::Counting::default(),
            clustered: config.enable_cluster && config.master_name.is_empty(),
        })
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T> {
        self.link.over(async |mut wire| command.query_async(&mut wire).await).await
    }
}

#[async_trait]
impl Store for RedisStore {
    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        let found: Vec<Option<Vec<u8>>> = match keys {
            [] => return Ok(Vec::new()),
            [key] => vec![self.ask(cmd("GET").arg(key)).await?],
            keys => self.ask(cmd("MGET").arg(keys)).await?,
        };
        Ok(found.into_iter().map(|value| value.map(Bytes::from)).collect())
    }

    async fn set(&self, key: &str, value: &[u8], ttl: Option<Duration>, when: If) -> Result<bool> {
        let mut set = cmd("SET");
        set.arg(key).arg(value);
        if let Some(ttl) = ttl {
            set.arg("PX").arg(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1));
        }
        match when {
            If::Always => {}
            If::Exists => drop(set.arg("XX")),
            If::Absent => drop(set.arg("NX")),
        }
        let done: Option<String> = self.ask(&set).await?;
        Ok(done.is_some())
    }

    async fn delete(&self, keys: &[&str]) -> Result<u64> {
        if keys.is_empty() {
            return Ok(0);
        }
        self.ask(cmd("DEL").arg(keys)).await
    }

    async fn scan(&self, prefix: &str) -> Result<Vec<String>> {
        scan::keys(&self.link, prefix).await
    }

    async fn push(&self, list: &str, items: &[Bytes]) -> Result<()> {
        if items.is_empty() {
            return Ok(());
        }
        // One command for the batch: a command per item costs a reply per item here and a third more CPU in Redis.
        let mut push = cmd("RPUSH");
        push.arg(list);
        for item in items {
            push.arg(item.as_ref());
        }
        self.ask::<()>(&push).await
    }

    async fn list(&self, list: &str) -> Result<Vec<Bytes>> {
        let items: Vec<Vec<u8>> = self.ask(cmd("LRANGE").arg(list).arg(0).arg(-1)).await?;
        Ok(items.into_iter().map(Bytes::from).collect())
    }

    async fn list_remove(&self, list: &str, item: &[u8]) -> Result<u64> {
        self.ask(cmd("LREM").arg(list).arg(0).arg(item)).await
    }

    async fn set_add(&self, set: &str, member: &[u8]) -> Result<()> {
        self.ask(cmd("SADD").arg(set).arg(member)).await
    }

    async fn set_members(&self, set: &str) -> Result<Vec<Bytes>> {
        let members: Vec<Vec<u8>> = self.ask(cmd("SMEMBERS").arg(set)).await?;
        Ok(members.into_iter().map(Bytes::from).collect())
    }

    async fn set_remove(&self, set: &str, member: &[u8]) -> Result<()> {
        self.ask(cmd("SREM").arg(set).arg(member)).await
    }

    async fn sorted_add(&self, set: &str, member: &[u8], score: f64) -> Result<()> {
        self.ask(cmd("ZADD").arg(set).arg(score).arg(member)).await
    }

    async fn sorted_range(&self, set: &str, from: f64, to: f64) -> Result<Vec<(Bytes, f64)>> {
        let mut range = cmd("ZRANGEBYSCORE");
        range.arg(set).arg(from).arg(to).arg("WITHSCORES");
        let found: Vec<(Vec<u8>, f64)> = self.ask(&range).await?;
        Ok(found.into_iter().map(|(member, score)| (member.into(), score)).collect())
    }

    async fn sorted_remove(&self, set: &str, from: f64, to: f64) -> Result<u64> {
        self.ask(cmd("ZREMRANGEBYSCORE").arg(set).arg(from).arg(to)).await
    }

    async fn ttl(&self, key: &str) -> Result<Option<Duration>> {
        let seconds: i64 = self.ask(cmd("TTL").arg(key)).await?;
        Ok(u64::try_from(seconds).ok().map(Duration::from_secs))
    }

    async fn expire(&self, key: &str, after: Duration) -> Result<bool> {
        self.ask(cmd("EXPIRE").arg(key).arg(after.as_secs())).await
    }

    async fn count(&self, counts: &[Count<'_>]) -> Result<Vec<Counted>> {
        self.counted(counts).await
    }

    async fn publish(&self, channel: &str, message: &[u8]) -> Result<()> {
        self.ask(cmd("PUBLISH").arg(channel).arg(message)).await
    }

    async fn subscribe(&self, channel: &str) -> Result<mpsc::Receiver<Bytes>> {
        listen::subscribe(&self.link, channel).await
    }

    fn answers(&self) -> bool {
        self.link.is_up()
    }

    fn comebacks(&self) -> watch::Receiver<u64> {
        self.link.comebacks()
    }

    async fn ping(&self) -> Result<()> {
        self.ask(&cmd("PING")).await
    }
}

fn fault(error: RedisError) -> Error {
    Error::Store(Box::new(error))
}

#[cfg(test)]
mod tests;
