//! The same verbs on every kind of store, and what each kind of Redis does when a server goes away.

use std::time::Duration;

use pinhook::{
    config::{Secret, Storage},
    store::{If, MemoryStore, RedisStore, Store},
};
use tokio::time::Instant;

use super::verbs;
use crate::support::{
    in_time,
    redis::{Redis, cluster::Cluster, sentinel::Watched, tls::Secured},
    until,
};

fn open(storage: &Storage) -> RedisStore {
    RedisStore::new(storage).unwrap()
}

async fn written(store: &dyn Store, key: &str) -> bool {
    store.set(key, b"1", None, If::Always).await.is_ok()
}

#[tokio::test]
async fn every_verb_in_memory() {
    verbs::all(&MemoryStore::default()).await;
}

#[tokio::test]
async fn every_verb_on_one_node() {
    let redis = Redis::start();
    verbs::all(&open(&redis.storage())).await;
}

#[tokio::test]
async fn every_verb_on_a_cluster() {
    let cluster = Cluster::start();
    verbs::all(&open(&cluster.storage())).await;
}

#[tokio::test]
async fn every_verb_behind_sentinels() {
    let mut watched = Watched::start();
    let store = open(&watched.storage());
    verbs::all(&store).await;
    assert!(written(&store, "at the master").await);
    until("the replica has it", async || watched.at_second("at the master").is_some()).await;
    assert!(watched.first().port() > 0);
}

#[tokio::test]
async fn every_verb_over_tls() {
    let secured = Secured::start();
    verbs::all(&open(&secured.storage())).await;
}

#[tokio::test]
async fn tls_is_not_taken_on_trust() {
    let secured = Secured::start();
    let fails = async |edit: fn(&mut Storage)| {
        let mut storage = secured.storage();
        edit(&mut storage);
        open(&storage).ping().await.unwrap_err().chain()
    };
    let unknown = fails(|storage| storage.ca_file.clear()).await;
    assert!(unknown.contains("certificate"), "{unknown}");
    let other_name = fails(|storage| storage.host = "127.0.0.1".to_owned()).await;
    assert!(other_name.contains("certificate"), "{other_name}");
    fails(|storage| storage.use_ssl = false).await;
    fails(|storage| (storage.cert_file.clear(), storage.key_file.clear()).0).await;

    let mut trusting = secured.storage();
    (trusting.host, trusting.ssl_insecure_skip_verify) = ("127.0.0.1".to_owned(), true);
    trusting.ca_file.clear();
    open(&trusting).ping().await.unwrap();
}

#[tokio::test]
async fn a_password_that_is_wrong_is_an_error_and_no_loop() {
    let watched = Watched::start();
    let wrong: [fn(&mut Storage); 3] = [
        |storage| storage.password = Secret::new("wrong"),
        |storage| storage.sentinel_password = Secret::new("wrong"),
        |storage| storage.master_name = "other".to_owned(),
    ];
    for edit in wrong {
        let mut storage = watched.storage();
        edit(&mut storage);
        let store = open(&storage);
        let start = Instant::now();
        assert!(store.ping().await.is_err());
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        assert!(!store.answers());
    }
}

#[tokio::test]
async fn a_master_that_dies_is_followed_by_its_replica() {
    let mut watched = Watched::start();
    let store = open(&watched.storage());
    assert!(written(&store, "before").await);
    until("the replica has it", async || watched.at_second("before").is_some()).await;
    let mut heard = store.subscribe("channel").await.unwrap();

    watched.first().kill();
    until("the replica has taken over", async || written(&store, "after").await).await;
    assert!(watched.at_second("after").is_some());
    assert!(store.get_many(&["before"]).await.unwrap()[0].is_some());
    assert_eq!(*store.comebacks().borrow(), 1);
    assert_eq!(in_time("the end of the old subscription", heard.recv()).await, None);
    let mut heard = store.subscribe("channel").await.unwrap();
    store.publish("channel", b"x").await.unwrap();
    assert_eq!(heard.recv().await.unwrap(), "x");
}

#[tokio::test]
async fn a_master_that_is_voted_out_alive_is_left() {
    let watched = Watched::start();
    let store = open(&watched.storage());
    assert!(written(&store, "before").await);
    until("the replica has it", async || watched.at_second("before").is_some()).await;
    watched.swap();
    until("the new master is written to", async || {
        written(&store, "after").await && watched.at_second("after").is_some()
    })
    .await;
}

#[tokio::test]
async fn a_cluster_goes_on_without_a_master_and_follows_its_replica() {
    let mut cluster = Cluster::with_a_replica();
    let store = open(&cluster.storage());
    let names: Vec<String> = (0..30).map(|number| format!("key-{number}")).collect();
    for name in &names {
        assert!(written(&store, name).await);
    }
    cluster.node(0).kill();
    let all = async || {
        for name in &names {
            if !written(&store, name).await {
                return false;
            }
        }
        true
    };
    until("every key can be written again", all).await;
    assert!(store.scan("key-").await.is_ok());
    let mut heard = store.subscribe("channel").await.unwrap();
    store.publish("channel", b"x").await.unwrap();
    assert_eq!(heard.recv().await.unwrap(), "x", "any node that is left will do");
}

#[tokio::test]
async fn a_silent_node_of_a_cluster_leaves_the_keys_of_others_alone() {
    let mut cluster = Cluster::with_a_replica();
    let store = open(&cluster.storage());
    assert!(written(&store, "a").await);
    cluster.node(0).freeze();
    let names: Vec<String> = (0..10).map(|number| format!("key-{number}")).collect();
    let start = Instant::now();
    let mut fine = 0;
    for name in &names {
        let asked = Instant::now();
        fine += usize::from(written(&store, name).await);
        assert!(asked.elapsed() < Duration::from_secs(3), "never longer than the timeout");
    }
    assert!(fine > 0, "{:?}", start.elapsed());
    until("its replica has taken over", async || {
        for name in &names {
            if !written(&store, name).await {
                return false;
            }
        }
        true
    })
    .await;
    cluster.node(0).thaw();
}

#[tokio::test]
async fn a_cluster_that_is_gone_comes_back() {
    let mut cluster = Cluster::start();
    let store = open(&cluster.storage());
    store.ping().await.unwrap();
    for place in 0..3 {
        cluster.node(place).freeze();
    }
    until("the loss is seen", async || !store.answers()).await;
    let start = Instant::now();
    assert!(store.get_many(&["a"]).await.is_err());
    assert!(start.elapsed() < Duration::from_millis(200), "at once: {:?}", start.elapsed());
    for place in 0..3 {
        cluster.node(place).thaw();
    }
    until("it is back", async || written(&store, "a").await).await;
}

#[tokio::test]
async fn a_slow_redis_is_waited_for_and_a_lost_subscription_ends() {
    let mut redis = Redis::start();
    let store = open(&redis.storage());
    let mut heard = store.subscribe("channel").await.unwrap();
    redis.ask::<()>(&["CLIENT", "PAUSE", "400"]);
    let start = Instant::now();
    assert!(written(&store, "slow").await, "within the timeout slow is no fault");
    assert!(start.elapsed() > Duration::from_millis(200), "{:?}", start.elapsed());
    assert!(store.answers());

    redis.freeze();
    assert_eq!(in_time("the end of a silent subscription", heard.recv()).await, None);
    redis.thaw();
    until("it is back", async || store.ping().await.is_ok()).await;
    let mut heard = store.subscribe("channel").await.unwrap();
    redis.kill();
    assert_eq!(in_time("the end of a broken subscription", heard.recv()).await, None);
    let refused = store.subscribe("channel").await;
    assert!(refused.is_err());
}
