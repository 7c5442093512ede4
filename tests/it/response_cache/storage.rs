//! Where answers are kept: names and form in Redis, other gateways, invalidation.

use pinhook::{
    cluster::{CHANNEL, Command, Notices},
    config::{Config, Secret},
    store::MemoryStore,
};

use super::*;
use crate::support::redis::Redis;

const NAME: &str = "cache-crdcrd127.0.0.16de32630ad34a1b1e5610f7e207a6af1";

fn member(redis: &Redis) -> Builder {
    Gateway::build().config(|config| {
        config.storage = redis.storage();
        config.node_secret = Secret::new("shared");
    })
}

async fn names(redis: &Redis) -> Vec<String> {
    redis.ask(&["KEYS", "cache-*"])
}

fn keep(redis: &Redis, text: &str) {
    let expires = chrono::Utc::now().timestamp() + 60;
    let value = format!("{}|{expires}", STANDARD.encode(text));
    redis.ask::<()>(&["SET", NAME, &value, "EX", "60"]);
}

#[tokio::test]
async fn an_answer_lies_in_redis_as_tyk_keeps_it() {
    let redis = Redis::start();
    let up = counting("HTTP/1.1 200 OK\r\nx-up: 1").await;
    let gateway = member(&redis).api(cached("crd", &up, json!({}))).start().await;
    gateway.get("/crd/a").send().await;
    stored(&gateway, "crd", 1).await;

    assert_eq!(names(&redis).await, [NAME]);
    let ttl: i64 = redis.ask(&["TTL", NAME]);
    assert!((55..=60).contains(&ttl), "{ttl}");
    let value: String = redis.ask(&["GET", NAME]);
    let (text, expires) = value.split_once('|').unwrap();
    let left = expires.parse::<i64>().unwrap() - chrono::Utc::now().timestamp();
    assert!((55..=60).contains(&left), "{left}");
    let text = String::from_utf8(STANDARD.decode(text).unwrap()).unwrap();
    // The numbers of a key's limits come after the cache's writer (plugins reference 1.4): they are another's on a hit.
    assert_eq!(text, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\nX-Up: 1\r\n\r\nanswer 0");
}

#[tokio::test]
async fn what_another_gateway_kept_is_served_and_garbage_is_a_miss() {
    let redis = Redis::start();
    let up = counting("HTTP/1.1 200 OK").await;
    let gateway = member(&redis).api(cached("crd", &up, json!({}))).start().await;
    keep(
        &redis,
        "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\nX-From: tyk\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    );
    let hit = gateway.get("/crd/a").send().await;
    assert_eq!((is_hit(&hit), hit.status, hit.text()), (true, 201, "abc".to_owned()));
    assert_eq!(hit.header("x-from"), Some("tyk"));

    for garbage in ["HTTP/1.1 200", "\0\u{1}", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"] {
        keep(&redis, garbage);
        let asked = up.count();
        let answer = gateway.get("/crd/a").send().await;
        assert_eq!((answer.status, is_hit(&answer), up.count()), (200, false, asked + 1), "{garbage:?}");
        stored(&gateway, "crd", up.count() as u64).await;
        assert!(is_hit(&gateway.get("/crd/a").send().await), "it has been replaced");
    }
    redis.ask::<()>(&["DEL", NAME]);
    redis.ask::<()>(&["LPUSH", NAME, "another type"]);
    assert_eq!(gateway.get("/crd/a").send().await.status, 200);
}

#[tokio::test]
async fn the_control_api_and_other_gateways_empty_it() {
    let redis = Redis::start();
    let up = counting("HTTP/1.1 200 OK").await;
    let apis =
        |builder: Builder| builder.api(cached("ab", &up, json!({}))).api(cached("abc", &up, json!({})));
    let apis = |builder| apis(builder).api(cached("other", &up, json!({})));
    let (one, two) = (apis(member(&redis)).start().await, apis(member(&redis)).start().await);
    let fill = async || {
        let mut kept = 0;
        for id in ["ab", "abc", "other"] {
            let answer = one.get(&format!("/{id}/a")).send().await;
            kept += usize::from(!is_hit(&answer));
        }
        until("all are kept", async || names(&redis).await.len() == 3).await;
        kept
    };
    assert_eq!(fill().await, 3);
    assert!(is_hit(&two.get("/ab/a").send().await), "both have one cache");

    let answer = two.control("DELETE", "/tyk/cache/ab").send().await;
    assert_eq!(answer.json(), json!({ "status": "ok", "message": "cache invalidated" }));
    assert_eq!(names(&redis).await.len(), 1, "ids that begin so go, too");
    assert!(!is_hit(&one.get("/ab/a").send().await));
    assert_eq!(two.control("DELETE", "/tyk/cache/nobody").send().await.status, 200);

    assert_eq!(fill().await, 1);
    let mut config = Config::built_in();
    config.node_secret = Secret::new("shared");
    let notices = Notices::new(&config, Arc::new(MemoryStore::default()), &mut Vec::new());
    redis.ask::<u64>(&["PUBLISH", CHANNEL, &notices.encode(&Command::DeleteApiCache, "ab")]);
    until("the notice is heard", async || names(&redis).await.len() == 1).await;
}

#[tokio::test]
async fn the_cache_may_have_a_store_of_its_own() {
    let (redis, apart) = (Redis::start(), Redis::start());
    let up = counting("HTTP/1.1 200 OK").await;
    let builder = member(&redis).config(|config| {
        config.enable_separate_cache_store = true;
        config.cache_storage = apart.storage();
    });
    let gateway = builder.api(cached("crd", &up, json!({}))).start().await;
    assert!(twice(&gateway, "crd", "/a").await);
    assert_eq!((names(&redis).await.len(), names(&apart).await.len()), (0, 1));
}

#[tokio::test]
async fn an_answer_expires_and_outlives_a_reload() {
    let redis = Redis::start();
    let up = counting("HTTP/1.1 200 OK").await;
    let gateway = member(&redis).api(cached("crd", &up, json!({ "cache_timeout": 1 }))).start().await;
    assert!(twice(&gateway, "crd", "/a").await);
    until("it has expired", async || !is_hit(&gateway.get("/crd/a").send().await)).await;

    gateway.put(&cached("crd", &up, json!({ "cache_timeout": 60 })));
    gateway.reload().await;
    until("it is kept", async || is_hit(&gateway.get("/crd/a").send().await)).await;
    gateway.reload().await;
    assert!(is_hit(&gateway.get("/crd/a").send().await));
    gateway.put(&cached("crd", &up, json!({ "enable_cache": false })));
    gateway.reload().await;
    assert!(!is_hit(&gateway.get("/crd/a").send().await), "switched off");
}
