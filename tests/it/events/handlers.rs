//! Handlers of an API.

use std::time::{Duration, Instant};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{guarded, hook};
use crate::support::{
    definition::api,
    gateway::Gateway,
    redis::Redis,
    until,
    upstream::{Answer, Upstream},
};

#[tokio::test]
async fn a_refused_key_is_told_with_the_request_as_it_came() {
    let (upstream, listener) = (Upstream::named("up").await, Upstream::named("thanks").await);
    let builder = Gateway::build();
    let template = builder.folder().join("hook.tpl.json");
    let text = "{\"kind\": \"{{.Type}}\", \"raw\": \"{{.Meta.OriginatingRequest}}\", \"path\": \"{{.Meta.Path}}\", \
                \"from\": \"{{.Meta.Origin}}\", \"key\": \"{{.Meta.Key}}\", \"at\": \"{{.TimeStamp}}\"}";
    std::fs::write(&template, text).unwrap();
    let settings = json!({ "template_path": template, "header_map": { "X-Team": "ops" } });
    let gateway = builder.api(guarded(&upstream, json!([hook(&listener.url(), settings)]))).start().await;

    // A key that tries to write a member of its own.
    let key = "x\", \"path\": \"/forged";
    let answer = gateway.get("/a/secret?q=1").header("authorization", key).header("x-b", "2").send().await;
    assert_eq!(answer.error(), (403, "Access to this API has been disallowed".to_owned()));
    until("the web hook", async || listener.count() == 1).await;

    let told = listener.last();
    assert_eq!((told.method.as_str(), told.header("user-agent").as_deref()), ("POST", Some("Tyk-Hookshot")));
    assert_eq!(told.header("content-type").as_deref(), Some("application/json"));
    assert_eq!(told.header("x-team").as_deref(), Some("ops"));
    let body: Value = serde_json::from_slice(&told.body).unwrap();
    assert_eq!((&body["kind"], &body["path"]), (&json!("AuthFailure"), &json!("/a/secret")));
    assert_eq!((&body["from"], &body["key"]), (&json!("127.0.0.1"), &json!(key)));
    let raw = String::from_utf8(STANDARD.decode(body["raw"].as_str().unwrap()).unwrap()).unwrap();
    assert!(raw.starts_with("GET /a/secret?q=1 HTTP/1.1\r\nHost: gateway.test\r\n"), "{raw}");
    assert!(raw.contains("\r\nX-B: 2\r\n") && raw.ends_with("\r\n\r\n"), "{raw}");
    assert_eq!(upstream.count(), 0);
}

#[tokio::test]
async fn a_closed_endpoint_is_told_and_a_missing_key_is_not() {
    let (upstream, listener) = (Upstream::named("up").await, Upstream::named("thanks").await);
    let closed = api("v")
        .target(&upstream)
        .endpoints(
            "black_list",
            json!([{ "path": "/shut", "method_actions": { "GET": { "action": "no_action" } } }]),
        )
        .set("event_handlers.events.VersionFailure", json!([hook(&listener.url(), json!({}))]));
    let guarded = guarded(&upstream, json!([hook(&listener.url(), json!({}))]));
    let gateway = Gateway::build().api(closed).api(guarded).start().await;

    assert_eq!(gateway.get("/a/x").send().await.status, 401);
    assert_eq!(gateway.get("/v/open").send().await.status, 200);
    assert_eq!(gateway.get("/v/shut").send().await.status, 403);
    until("the web hook", async || listener.count() == 1).await;
    let body: Value = serde_json::from_slice(&listener.last().body).unwrap();
    let expected = json!({
        "event": "VersionFailure", "message": "Attempted access to disallowed version / path.",
        "path": "/v/shut", "origin": "127.0.0.1", "key": "",
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn gateways_that_share_a_redis_send_equal_messages_once() {
    let redis = Redis::start();
    let (upstream, listener) = (Upstream::named("up").await, Upstream::named("thanks").await);
    let start = async || {
        let definition = guarded(&upstream, json!([hook(&listener.url(), json!({}))]));
        Gateway::build().config(|config| config.storage = redis.storage()).api(definition).start().await
    };
    let (one, other) = (start().await, start().await);
    for key in ["first", "first", "second"] {
        for gateway in [&one, &other] {
            assert_eq!(gateway.get("/a/x").header("authorization", key).send().await.status, 403);
        }
    }
    until("both web hooks", async || listener.count() == 2).await;
    one.stop().await;
    other.stop().await;
    assert_eq!(listener.count(), 2);
    let marks: Vec<String> = redis.ask(&["KEYS", "webhook.cache.*"]);
    assert_eq!(marks.len(), 2, "{marks:?}");
    let left: i64 = redis.ask(&["TTL", &marks[0]]);
    assert!((1..=60).contains(&left), "{left}");
}

#[tokio::test]
async fn a_hook_that_never_answers_disturbs_neither_requests_nor_other_hooks_nor_the_end() {
    let (upstream, listener) = (Upstream::named("up").await, Upstream::named("thanks").await);
    let silent = Upstream::answering(Answer::Hang).await;
    let handlers = json!([hook(&silent.url(), json!({})), hook(&listener.url(), json!({}))]);
    let gateway = Gateway::build().api(guarded(&upstream, handlers)).start().await;
    for number in 0..20 {
        let answer = gateway.get("/a/x").header("authorization", format!("none-{number}")).send().await;
        assert_eq!(answer.status, 403);
    }
    until("the other web hook", async || listener.count() == 20).await;
    let started = Instant::now();
    gateway.stop().await;
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[tokio::test]
async fn what_was_fired_before_the_end_is_delivered() {
    let (upstream, listener) = (Upstream::named("up").await, Upstream::named("thanks").await);
    let gateway =
        Gateway::build().api(guarded(&upstream, json!([hook(&listener.url(), json!({}))]))).start().await;
    for number in 0..50 {
        gateway.get("/a/x").header("authorization", format!("none-{number}")).send().await;
    }
    gateway.stop().await;
    assert_eq!(listener.count(), 50);
}

#[tokio::test]
async fn a_handler_that_cannot_work_is_named_and_its_api_stays() {
    let (upstream, listener) = (Upstream::named("up").await, Upstream::named("thanks").await);
    let handlers = json!([hook("nowhere", json!({})), hook(&listener.url(), json!({}))]);
    let gateway = Gateway::build().api(guarded(&upstream, handlers)).start().await;
    let report = gateway.reload().await;
    let named = report.problems.iter().find(|problem| problem.path.ends_with("AuthFailure[0].handler_meta"));
    assert!(
        named.is_some_and(|problem| problem.message.contains("Failed to init event handler")),
        "{report:?}"
    );
    gateway.get("/a/x").header("authorization", "none").send().await;
    until("the web hook that works", async || listener.count() == 1).await;
}

#[tokio::test]
async fn a_refused_call_is_counted() {
    let (upstream, listener) =
        (Upstream::named("up").await, Upstream::raw("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n").await);
    let gateway =
        Gateway::build().api(guarded(&upstream, json!([hook(&listener.url(), json!({}))]))).start().await;
    gateway.get("/a/x").header("authorization", "none").send().await;
    until("the count", async || gateway.metric("pinhook_webhook_failures_total") == Some(1.0)).await;
}
