//! Keys, and the calls that make them.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::{AT_ONCE, call, gateway, key, open, state};
use crate::support::{in_time, redis::Redis, until, upstream::Upstream};

const UNKNOWN: (u16, &str) = (403, "Access to this API has been disallowed");

fn shown(response: &crate::support::client::Response) -> (u16, String) {
    response.error()
}

#[tokio::test]
async fn a_key_in_the_local_cache_works_on_and_any_other_is_unknown() {
    let mut redis = Redis::start();
    let upstream = Upstream::named("up").await;
    let gateway = gateway(redis.storage(), &upstream, |_| {}).await;
    let (used, unused) = (key(&gateway, json!({})).await, key(&gateway, json!({})).await);
    assert_eq!(call(&gateway, &used).await.text(), "up");

    redis.kill();
    assert_eq!(call(&gateway, &used).await.text(), "up", "it is in the local cache");
    assert_eq!(shown(&call(&gateway, &unused).await), (UNKNOWN.0, UNKNOWN.1.to_owned()), "no 5xx");
    assert_eq!(open(&gateway).await, 200);
}

#[tokio::test]
async fn calls_that_make_or_read_keys_say_so() {
    let mut redis = Redis::start();
    let upstream = Upstream::named("up").await;
    let gateway = gateway(redis.storage(), &upstream, |_| {}).await;
    let token = key(&gateway, json!({})).await;
    redis.kill();
    until("the loss is seen", async || gateway.get("/ready").send().await.status == 503).await;

    let body = state(&json!({})).to_string();
    let create = gateway.control("POST", "/tyk/keys/create").body(body.clone()).send().await;
    assert_eq!(create.status, 500, "{}", create.text());
    for (method, body) in [("GET", ""), ("PUT", body.as_str()), ("DELETE", "")] {
        let target = format!("/tyk/keys/{token}");
        let response = gateway.control(method, &target).body(body).send().await;
        assert!(response.status >= 400, "{method}: {} {}", response.status, response.text());
    }
    let org = gateway.control("POST", "/tyk/org/keys/org").body(body).send().await;
    assert_eq!(org.status, 500, "{}", org.text());
}

#[tokio::test]
async fn a_silent_redis_holds_a_request_for_its_timeout_once() {
    let redis = Redis::start();
    let upstream = Upstream::named("up").await;
    let gateway = gateway(redis.storage(), &upstream, |_| {}).await;
    let tokens = [key(&gateway, json!({})).await, key(&gateway, json!({})).await];
    redis.freeze();

    let start = Instant::now();
    assert_eq!(call(&gateway, &tokens[0]).await.status, UNKNOWN.0);
    assert!(start.elapsed() < Duration::from_secs(2), "the timeout is a second: {:?}", start.elapsed());
    let start = Instant::now();
    for _ in 0..20 {
        assert_eq!(call(&gateway, &tokens[1]).await.status, UNKNOWN.0);
    }
    assert!(start.elapsed() < AT_ONCE, "it is known to be silent: {:?}", start.elapsed());

    redis.thaw();
    until("keys are found again", async || call(&gateway, &tokens[1]).await.status == 200).await;
}

#[tokio::test]
async fn a_slow_redis_is_waited_for() {
    let redis = Redis::start();
    let upstream = Upstream::named("up").await;
    let gateway = gateway(redis.storage(), &upstream, |_| {}).await;
    let token = key(&gateway, json!({})).await;
    redis.ask::<()>(&["CLIENT", "PAUSE", "400"]);
    let slow = in_time("a slow answer", call(&gateway, &token)).await;
    assert_eq!(slow.status, 200);
}

#[tokio::test]
async fn keys_that_outlived_the_outage_work_again() {
    let mut redis = Redis::start();
    let upstream = Upstream::named("up").await;
    let gateway = gateway(redis.storage(), &upstream, |_| {}).await;
    let token = key(&gateway, json!({})).await;
    let name = redis.ask::<Vec<String>>(&["KEYS", "apikey-*"]).pop().unwrap();
    let stored: String = redis.ask(&["GET", &name]);
    redis.kill();
    assert_eq!(call(&gateway, &token).await.status, UNKNOWN.0);
    redis.restart();
    redis.ask::<()>(&["SET", &name, &stored]);
    until("it is found", async || call(&gateway, &token).await.status == 200).await;
}
