//! The store in Redis: one node, one multiplexed connection that comes back by itself.
//!
//! Nothing is opened before the first verb, which therefore must run on a runtime that lives as long as the store:
//! a gateway may fork between its making and its use. A connection is tried twice per verb that needs it and never
//! in the background, so the pace of retries is the callers'. Cluster, Sentinel and TLS are refused by name.

mod count;

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use redis::{
    Client, Cmd, ConnectionAddr, FromRedisValue, IntoConnectionInfo, RedisConnectionInfo, RedisError,
    RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig},
    cmd,
};

use tokio::sync::mpsc;

use super::{Count, Counted, If, Store};
use crate::{
    config::Storage,
    error::{Error, Problem, Result, Severity},
};

const DEFAULT_PORT: u16 = 6379;
/// Messages that a slow listener may leave waiting before the connection is left unread.
const BACKLOG: usize = 1024;

/// A Redis server.
pub struct RedisStore {
    client: Client,
    timeout: Duration,
    connection: ArcSwapOption<ConnectionManager>,
    counting: count::Counting,
    /// Keys lie on several servers: a command may not name two of them.
    clustered: bool,
}

impl RedisStore {
    /// Checks the config; opens nothing. Refuses what [`redis_problems`] calls an error.
    pub fn new(config: &Storage) -> Result<Self> {
        let problems = redis_problems(config, "config", "storage");
        if let Some(problem) = problems.into_iter().find(|problem| problem.severity == Severity::Error) {
            return Err(Error::Input(problem));
        }
        let address = config.addrs.first().cloned().unwrap_or_else(|| {
            let host = if config.host.is_empty() { "127.0.0.1" } else { &config.host };
            format!("{host}:{}", if config.port == 0 { DEFAULT_PORT } else { config.port })
        });
        let address = address.as_str();
        let (host, port) = split(address).ok_or_else(|| {
            let message = format!("{address:?} is not an address, expected host:port");
            Error::Input(Problem::error("config", "storage.addrs", message))
        })?;
        let mut login = RedisConnectionInfo::default().set_db(config.database).set_skip_set_lib_name();
        if !config.username.is_empty() {
            login = login.set_username(&config.username);
        }
        if !config.password.is_empty() {
            login = login.set_password(&*config.password);
        }
        let info = ConnectionAddr::Tcp(host, port).into_connection_info().map_err(fault)?;
        let client = Client::open(info.set_redis_settings(login)).map_err(fault)?;
        let timeout = config.timeout();
        let timeout = if timeout.is_zero() { Duration::from_secs(5) } else { timeout };
        Ok(Self {
            client,
            timeout,
            connection: ArcSwapOption::empty(),
            counting: count::Counting::default(),
            clustered: config.enable_cluster,
        })
    }

    fn connection(&self) -> Result<ConnectionManager> {
        if let Some(open) = &*self.connection.load() {
            return Ok(ConnectionManager::clone(open));
        }
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_max_delay(Duration::from_secs(1))
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(Some(self.timeout));
        let made = ConnectionManager::new_lazy_with_config(self.client.clone(), config).map_err(fault)?;
        self.connection.store(Some(Arc::new(made.clone())));
        Ok(made)
    }

    /// The manager reopens a connection that broke but keeps one that fell silent, which behind a dead network
    /// stays silent for a quarter of an hour. So a timeout gives the connection up.
    fn done<T>(&self, answer: RedisResult<T>) -> Result<T> {
        if answer.as_ref().is_err_and(RedisError::is_timeout) {
            self.connection.store(None);
        }
        answer.map_err(fault)
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T> {
        let answer = command.query_async(&mut self.connection()?).await;
        self.done(answer)
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
        let pattern = format!("{}*", escaped(prefix));
        let (mut found, mut cursor) = (Vec::new(), 0u64);
        loop {
            let mut scan = cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(1000);
            let (next, keys): (u64, Vec<String>) = self.ask(&scan).await?;
            found.extend(keys);
            if next == 0 {
                return Ok(found);
            }
            cursor = next;
        }
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
        let mut listener = self.client.get_async_pubsub().await.map_err(fault)?;
        listener.subscribe(channel).await.map_err(fault)?;
        let (sender, receiver) = mpsc::channel(BACKLOG);
        tokio::spawn(async move {
            let mut messages = listener.into_on_message();
            while let Some(message) = messages.next().await {
                if sender.send(Bytes::from(message.get_payload_bytes().to_vec())).await.is_err() {
                    return;
                }
            }
        });
        Ok(receiver)
    }

    async fn ping(&self) -> Result<()> {
        self.ask(&cmd("PING")).await
    }
}

/// What a storage of type Redis asks for and does not get. `place` is the config file, `path` the object in it.
pub fn redis_problems(config: &Storage, place: &str, path: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (wanted, member, what) in [
        (config.enable_cluster, "enable_cluster", "Redis Cluster"),
        (!config.master_name.is_empty(), "master_name", "Redis Sentinel"),
        (config.use_ssl, "use_ssl", "TLS to Redis"),
    ] {
        if wanted {
            let problem =
                Problem::error(place, format!("{path}.{member}"), format!("{what} is not supported yet"));
            problems.push(problem.hint("use a single Redis node without TLS"));
        }
    }
    if problems.is_empty() && config.addrs.len() > 1 {
        let message = "several addresses, but neither Cluster nor Sentinel: only the first is used";
        problems.push(Problem::warning(place, format!("{path}.addrs"), message));
    }
    problems
}

/// A text in which nothing stands for anything else in a pattern of Redis.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '^' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// Host and port of `host:port`, `[v6]:port` or `host`.
fn split(address: &str) -> Option<(String, u16)> {
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port.parse().ok()?),
        _ => (address, DEFAULT_PORT),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

fn fault(error: RedisError) -> Error {
    Error::Store(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_split() {
        for (address, host, port) in [
            ("redis:7000", "redis", 7000),
            ("redis", "redis", 6379),
            ("[::1]:7000", "::1", 7000),
            ("::1", "::1", 6379),
        ] {
            assert_eq!(split(address), Some((host.to_owned(), port)), "{address}");
        }
        assert_eq!(split("redis:port"), None);
        assert_eq!(split(":6379"), None);
    }

    #[test]
    fn what_is_not_built_is_refused_by_name() {
        let config = Storage { enable_cluster: true, ..Storage::default() };
        let Err(Error::Input(problem)) = RedisStore::new(&config) else { panic!("accepted") };
        assert_eq!(problem.path, "storage.enable_cluster");

        let config = Storage { addrs: vec!["a:1".to_owned(), "b:2".to_owned()], ..Storage::default() };
        let problems = redis_problems(&config, "tyk.conf", "analytics_storage");
        assert_eq!(problems.iter().map(|p| p.path.as_str()).collect::<Vec<_>>(), ["analytics_storage.addrs"]);
        assert!(RedisStore::new(&config).is_ok());
    }
}
