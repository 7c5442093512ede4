//! One suite over all stores: what holds for Redis, of whatever kind, holds for memory.

mod kinds;
mod verbs;

use std::time::Duration;

use bytes::Bytes;
use pinhook::store::{MemoryStore, RedisStore, Store};
use tokio::time::{Instant, sleep};

use crate::support::{redis::Redis, until};

fn items(texts: &[&'static str]) -> Vec<Bytes> {
    texts.iter().map(|text| Bytes::from_static(text.as_bytes())).collect()
}

async fn lists_expire(store: &dyn Store) {
    store.ping().await.unwrap();
    assert!(!store.expire("list", Duration::from_secs(60)).await.unwrap(), "a missing key");
    assert_eq!(store.ttl("list").await.unwrap(), None);

    store.push("list", &items(&["a", "b"])).await.unwrap();
    assert_eq!(store.ttl("list").await.unwrap(), None);
    assert!(store.expire("list", Duration::from_secs(60)).await.unwrap());
    store.push("list", &items(&["c"])).await.unwrap();
    let left = store.ttl("list").await.unwrap().unwrap();
    assert!(left > Duration::from_secs(50) && left <= Duration::from_secs(60), "{left:?}");

    store.push("short", &items(&["a"])).await.unwrap();
    assert!(store.expire("short", Duration::from_secs(1)).await.unwrap());
    let deadline = Instant::now() + Duration::from_secs(10);
    while store.ttl("short").await.unwrap().is_some() {
        assert!(Instant::now() < deadline, "never expired");
        sleep(Duration::from_millis(50)).await;
    }
    assert!(!store.expire("short", Duration::from_secs(1)).await.unwrap(), "it is gone");
}

#[tokio::test]
async fn lists_expire_in_memory() {
    let store = MemoryStore::default();
    lists_expire(&store).await;
    assert_eq!(store.take("list"), items(&["a", "b", "c"]));
}

#[tokio::test]
async fn lists_expire_in_redis() {
    let redis = Redis::start();
    lists_expire(&RedisStore::new(&redis.storage()).unwrap()).await;
    assert_eq!(redis.ask::<Vec<String>>(&["LRANGE", "list", "0", "-1"]), ["a", "b", "c"]);
}

#[tokio::test]
async fn an_acl_user_and_a_database_are_used() {
    let redis = Redis::start();
    redis.ask::<()>(&["ACL", "SETUSER", "gate", "on", ">secret", "~*", "+@all"]);
    let mut storage = redis.storage();
    (storage.username, storage.database) = ("gate".to_owned(), 3);
    storage.password = pinhook::config::Secret::new("secret");
    let store = RedisStore::new(&storage).unwrap();
    store.push("list", &items(&["a"])).await.unwrap();
    assert_eq!(redis.ask::<String>(&["INFO", "keyspace"]).matches("db3:keys=1").count(), 1);

    storage.password = pinhook::config::Secret::new("wrong");
    assert!(RedisStore::new(&storage).unwrap().ping().await.is_err());
}

#[tokio::test]
async fn redis_comes_back_after_a_restart() {
    let mut redis = Redis::start();
    let store = RedisStore::new(&redis.storage()).unwrap();
    store.ping().await.unwrap();
    redis.kill();
    assert!(store.ping().await.is_err());
    redis.restart();
    until("it is back", async || store.ping().await.is_ok()).await;
}

#[tokio::test]
async fn a_frozen_redis_fails_in_time_and_comes_back() {
    let redis = Redis::start();
    let store = RedisStore::new(&redis.storage()).unwrap();
    store.ping().await.unwrap();
    redis.freeze();
    let start = Instant::now();
    assert!(store.ping().await.is_err());
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert!(!store.answers());
    let start = Instant::now();
    for _ in 0..100 {
        assert!(store.get_many(&["a"]).await.is_err());
    }
    assert!(start.elapsed() < Duration::from_millis(500), "calls fail at once: {:?}", start.elapsed());
    redis.thaw();
    until("it is back", async || store.ping().await.is_ok()).await;
    assert!(store.answers());
}
