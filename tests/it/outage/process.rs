//! The gateway itself: its start, probes, reloads, and records.

use std::time::Duration;

use pinhook::config::{Config, GoDuration};
use serde_json::json;
use tokio::time::Instant;

use super::{AT_ONCE, call, open, with_apis};
use crate::support::{definition::api, gateway::Gateway, in_time, redis::Redis, until, upstream::Upstream};

fn reloads(gateway: &Gateway) -> f64 {
    gateway.metric("pinhook_reloads_total{result=\"ok\"}").unwrap_or_default()
}

async fn ready(gateway: &Gateway) -> (u16, String) {
    let response = gateway.get("/ready").send().await;
    let body = response.json();
    let said = body["message"].as_str().or(body["status"].as_str()).unwrap_or_default().to_owned();
    (response.status, said)
}

const UNREADY: &str = "Redis connection not available";

/// Traps 29 (a reload is a GET) and 40 (`/hello` is 200 whatever it says, and passes before its first look).
#[tokio::test]
async fn absent_at_the_start() {
    let mut redis = Redis::start();
    let storage = redis.storage();
    redis.kill();
    let upstream = Upstream::named("up").await;
    let late = |config: &mut Config| {
        config.liveness_check.check_duration = GoDuration::from_nanos(1_500_000_000);
    };
    let start = Instant::now();
    let gateway = with_apis(storage, &upstream, late).start().await;
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    let hello = gateway.get("/hello").send().await;
    assert_eq!((hello.status, &hello.json()["status"]), (200, &json!("pass")), "nobody has looked yet");
    assert_eq!(ready(&gateway).await, (503, UNREADY.to_owned()), "but there is no connection");
    assert_eq!(open(&gateway).await, 200);
    assert_eq!(call(&gateway, "unknown key").await.status, 403);
    let failing = async || gateway.get("/hello").send().await.json()["status"] == "fail";
    until("the first look", failing).await;
    let hello = gateway.get("/hello").send().await;
    assert_eq!((hello.status, &hello.json()["details"]["redis"]["status"]), (200, &json!("fail")));

    assert_eq!(reloads(&gateway), 1.0);
    redis.restart();
    until("it is ready", async || ready(&gateway).await.0 == 200).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(reloads(&gateway), 1.0, "a first connection brings no news");
    assert_eq!(redis.ask::<Vec<String>>(&["PUBSUB", "CHANNELS"]), ["tyk.cluster.notifications"]);
}

#[tokio::test]
async fn killed_and_back() {
    let mut redis = Redis::start();
    let upstream = Upstream::named("up").await;
    let gateway = with_apis(redis.storage(), &upstream, |_| {}).start().await;
    until("it is ready", async || ready(&gateway).await.0 == 200).await;
    redis.kill();
    until("the loss is seen", async || ready(&gateway).await == (503, UNREADY.to_owned())).await;

    gateway.put(&api("new").target(&upstream));
    for (path, id) in [("/tyk/reload?block=true", "new"), ("/tyk/reload/group", "newer")] {
        gateway.put(&api(id).target(&upstream));
        let start = Instant::now();
        let answer = gateway.control("GET", path).send().await;
        assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("ok")), "{path}");
        assert!(start.elapsed() < AT_ONCE, "{path}: {:?}", start.elapsed());
        let target = format!("/{id}/x");
        until("the reload", async || gateway.get(&target).send().await.status == 200).await;
    }

    gateway.put(&api("meanwhile").target(&upstream));
    redis.restart();
    until("it is ready", async || ready(&gateway).await.0 == 200).await;
    until("news that were missed", async || gateway.get("/meanwhile/x").send().await.status == 200).await;
}

#[tokio::test]
async fn silent_and_back() {
    let redis = Redis::start();
    let upstream = Upstream::named("up").await;
    let gateway = with_apis(redis.storage(), &upstream, |_| {}).start().await;
    until("it is ready", async || ready(&gateway).await.0 == 200).await;
    redis.freeze();
    let start = Instant::now();
    for _ in 0..20 {
        assert_eq!(open(&gateway).await, 200);
    }
    assert!(start.elapsed() < AT_ONCE, "keyless traffic does not wait: {:?}", start.elapsed());
    until("the loss is seen", async || ready(&gateway).await.0 == 503).await;
    gateway.put(&api("new").target(&upstream));
    let start = Instant::now();
    in_time("a reload", gateway.control("GET", "/tyk/reload?block=true").send()).await;
    assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
    assert_eq!(gateway.get("/new/x").send().await.status, 200);
    redis.thaw();
    until("it is ready", async || ready(&gateway).await.0 == 200).await;
}

#[tokio::test]
async fn records_are_dropped_and_delay_nobody() {
    let mut redis = Redis::start();
    let upstream = Upstream::named("up").await;
    let records = |config: &mut Config| {
        config.enable_analytics = true;
        config.pinhook.analytics.sink = pinhook::config::SinkKind::Redis;
    };
    let gateway = with_apis(redis.storage(), &upstream, records).start().await;
    assert_eq!(open(&gateway).await, 200);
    let list = ["LLEN", "analytics-tyk-system-analytics"];
    until("a record", async || redis.ask::<u64>(&list) == 1).await;
    redis.kill();
    let start = Instant::now();
    for _ in 0..50 {
        assert_eq!(open(&gateway).await, 200);
    }
    assert!(start.elapsed() < AT_ONCE * 2, "{:?}", start.elapsed());
    let dropped =
        || gateway.metric("pinhook_analytics_records_dropped_total{reason=\"sink\"}").unwrap_or_default();
    until("they are given up and counted", async || dropped() == 50.0).await;
    redis.restart();
    until("records are written again", async || {
        open(&gateway).await;
        redis.ask::<u64>(&list) > 0
    })
    .await;
}

/// In Tyk any Redis that is away marks all as away. Here one for records alone costs records alone.
#[tokio::test]
async fn a_separate_redis_fails_alone() {
    let (redis, mut other) = (Redis::start(), Redis::start());
    let upstream = Upstream::named("up").await;
    let storage = other.storage();
    let apart = |config: &mut Config| {
        config.enable_analytics = true;
        config.pinhook.analytics.sink = pinhook::config::SinkKind::Redis;
        config.enable_separate_analytics_store = true;
        config.analytics_storage = storage.clone();
        config.enable_separate_cache_store = true;
        config.cache_storage = storage;
    };
    let gateway = with_apis(redis.storage(), &upstream, apart).start().await;
    let token = super::key(&gateway, json!({})).await;
    assert_eq!(call(&gateway, &token).await.status, 200);
    until("its record is in the other", async || {
        other.ask::<u64>(&["LLEN", "analytics-tyk-system-analytics"]) == 1
    })
    .await;
    other.ask::<()>(&["SET", "cache-keyedhash", "an answer"]);
    assert_eq!(gateway.control("DELETE", "/tyk/cache/keyed").send().await.status, 200);
    assert!(!other.ask::<bool>(&["EXISTS", "cache-keyedhash"]));

    other.kill();
    let hello = async || gateway.get("/hello").send().await.json();
    until("its loss is seen", async || hello().await["status"] == "fail").await;
    let why = hello().await["details"]["redis"]["output"].as_str().unwrap().to_owned();
    assert!(why.contains("analytics_storage: ") && why.contains("cache_storage: "), "{why}");
    assert_eq!(ready(&gateway).await.0, 200, "every request can still be served");
    assert_eq!(call(&gateway, &token).await.status, 200);
}
