//! Without the store of the cache requests go upstream, and nothing is kept.

use std::time::{Duration, Instant};

use super::*;
use crate::support::redis::Redis;

async fn gateway(redis: &Redis, up: &Upstream) -> Gateway {
    let builder = Gateway::build().config(|config| config.storage = redis.storage());
    builder.api(cached("c", up, json!({}))).start().await
}

#[tokio::test]
async fn a_store_that_is_gone_is_a_miss() {
    let mut redis = Redis::start();
    let up = counting("HTTP/1.1 200 OK").await;
    let gateway = gateway(&redis, &up).await;
    assert!(twice(&gateway, "c", "/a").await);
    redis.kill();
    for _ in 0..3 {
        let answer = gateway.get("/c/a").send().await;
        assert_eq!((answer.status, is_hit(&answer)), (200, false));
    }
    assert_eq!((up.count(), count(&gateway, "c", "stored")), (4, 1));
    redis.restart();
    until("hits again", async || is_hit(&gateway.get("/c/a").send().await)).await;
}

#[tokio::test]
async fn no_client_waits_until_its_answer_is_kept() {
    let redis = Redis::start();
    let up = counting("HTTP/1.1 200 OK").await;
    up.close();
    let gateway = gateway(&redis, &up).await;
    let answer = gateway.get("/c/a").send();
    let while_frozen = async {
        until("the request is upstream", async || up.count() == 1).await;
        redis.freeze();
        up.open();
        Instant::now()
    };
    let (answer, opened) = tokio::join!(answer, while_frozen);
    assert_eq!(answer.status, 200);
    assert!(opened.elapsed() < Duration::from_millis(700), "{:?}", opened.elapsed());
    redis.thaw();
}
