//! Limits and quotas: which of them let through and which stop without the Redis that counts.

use pinhook::config::Config;
use serde_json::{Value, json};

use super::{call, gateway, key};
use crate::support::{redis::Redis, upstream::Upstream};

/// The answer to a key that was used once, after Redis went away.
async fn after_the_loss(members: Value, edit: fn(&mut Config)) -> (u16, String) {
    let mut redis = Redis::start();
    let upstream = Upstream::named("up").await;
    let gateway = gateway(redis.storage(), &upstream, edit).await;
    let token = key(&gateway, members).await;
    assert_eq!(call(&gateway, &token).await.status, 200, "while Redis is there");
    redis.kill();
    let response = call(&gateway, &token).await;
    let text = response.text();
    let said = if response.status == 200 { text } else { response.error().1 };
    (response.status, said)
}

fn rate() -> Value {
    json!({ "rate": 1000, "per": 1 })
}

#[tokio::test]
async fn the_local_limiter_works_on() {
    assert_eq!(after_the_loss(rate(), |_| {}).await, (200, "up".to_owned()));
}

#[tokio::test]
async fn the_rolling_window_blocks() {
    let rolling = |config: &mut Config| config.enable_redis_rolling_limiter = true;
    assert_eq!(after_the_loss(rate(), rolling).await, (429, "Rate Limit Exceeded".to_owned()));
}

#[tokio::test]
async fn the_sentinel_passes() {
    let sentinel = |config: &mut Config| config.enable_sentinel_rate_limiter = true;
    assert_eq!(after_the_loss(rate(), sentinel).await, (200, "up".to_owned()));
}

#[tokio::test]
async fn the_fixed_window_fails() {
    let fixed = |config: &mut Config| config.enable_fixed_window_rate_limiter = true;
    let failed = "there was a problem proxying the request";
    assert_eq!(after_the_loss(rate(), fixed).await, (500, failed.to_owned()));
}

#[tokio::test]
async fn a_quota_blocks() {
    let quota = json!({ "quota_max": 100, "quota_renewal_rate": 60 });
    assert_eq!(after_the_loss(quota, |_| {}).await, (403, "Quota exceeded".to_owned()));
    let none = json!({ "quota_max": -1 });
    assert_eq!(after_the_loss(none, |_| {}).await, (200, "up".to_owned()));
}
