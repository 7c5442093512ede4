//! Hooks that ask: URLs, and APIs of this gateway, several at once.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{
    definition::{Definition, api},
    gateway::Gateway,
    plugins::{build, build_c},
    until,
    upstream::Upstream,
};

/// An API whose endpoint `/all` is the example `aggregate`.
fn aggregator(id: &str, parts: Value) -> Definition {
    let entry = json!([{ "path": "/all", "method": "GET", "plugin_path": build("aggregate"), "func_name": "Aggregate" }]);
    api(id)
        .endpoints("go_plugin", entry)
        .set("config_data", json!({ "aggregate": { "parts": parts, "forward": ["Authorization"] } }))
}

#[tokio::test]
async fn one_answer_is_made_of_several() {
    let (users, orders) = (Upstream::named("users").await, Upstream::named("orders").await);
    let gateway = Gateway::build()
        .api(api("hidden").target(&users).set("internal", true))
        .api(api("open").target(&orders).set("name", "The Orders"))
        .api(aggregator(
            "sum",
            json!({
                "by_id": "tyk://hidden/hidden/one?a=1",
                "by_name": "tyk://The-Orders/two",
                "by_url": format!("{}/three", orders.url()),
                "missing": "tyk://nobody/",
                "dead": "http://127.0.0.1:9/",
            }),
        ))
        .start()
        .await;
    let answer = gateway.get("/sum/all?b=2").header("Authorization", "me").send().await;
    let got = answer.json();
    assert_eq!((answer.status, &got["by_id"]), (200, &json!("users")), "{got}");
    assert_eq!(
        (&got["by_name"], &got["by_url"], &got["dead"]),
        (&json!("orders"), &json!("orders"), &Value::Null)
    );
    let missing = got["errors"]["missing"].as_str().unwrap();
    assert!(missing.contains("no API \"nobody\""), "{missing}");
    assert!(got["errors"]["dead"].as_str().unwrap().contains("127.0.0.1:9"), "{got}");

    let seen = users.last();
    assert_eq!((&*seen.target, seen.header("authorization").as_deref()), ("/one?a=1&b=2", Some("me")));
    assert_eq!(
        seen.header("x-forwarded-for").as_deref(),
        Some("127.0.0.1"),
        "the client of the request that asks"
    );
    assert_eq!(gateway.get("/hidden/one").send().await.status, 404, "clients cannot");
}

#[tokio::test]
async fn an_api_that_is_asked_keeps_its_rules_and_its_counts() {
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build()
        .api(api("shut").target(&upstream).set("use_keyless", false))
        .api(api("calm").target(&upstream).set("global_rate_limit", json!({ "rate": 1, "per": 60 })))
        .api(aggregator("sum", json!({ "shut": "tyk://shut/", "first": "tyk://calm/" })))
        .start()
        .await;
    let got = gateway.get("/sum/all").send().await.json();
    assert_eq!(
        (&got["errors"]["shut"], &got["first"]),
        (&json!("it answered with status 401"), &json!("up")),
        "{got}"
    );
    let got = gateway.get("/sum/all").send().await.json();
    assert_eq!(got["errors"]["first"], "it answered with status 429");
    let asked = gateway.metrics().lines().any(|line| {
        line.starts_with("pinhook_requests_total{") && line.contains("api=\"shut\"") && line.ends_with(" 2")
    });
    assert!(asked, "{}", gateway.metrics());
}

#[tokio::test]
async fn what_asks_itself_for_ever_is_too_deep() {
    let gateway =
        Gateway::build().api(aggregator("round", json!({ "self": "tyk://round/all" }))).start().await;
    let mut got = gateway.get("/round/all").send().await.json();
    let mut depth = 0;
    while !got["self"].is_null() {
        got = got["self"].take();
        depth += 1;
    }
    assert_eq!(depth, 10);
    assert!(got["errors"]["self"].as_str().unwrap().starts_with("too deep"), "{got}");
}

#[tokio::test]
async fn an_answer_that_is_too_large_or_too_late_is_none() {
    let huge =
        Upstream::raw(&format!("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{}", "x".repeat(5000))).await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let late = format!("http://{}", silent.local_addr().unwrap());
    let gateway = Gateway::build()
        .config(|config| config.pinhook.max_buffered_body = 1000)
        .api(api("huge").target(&huge))
        .api(api("late").target_url(&late))
        .api(
            aggregator("sum", json!({ "a": "tyk://huge/", "b": huge.url(), "c": "tyk://late/", "d": late }))
                .set("config_data.aggregate.timeout_ms", 200),
        )
        .start()
        .await;
    let started = Instant::now();
    let errors = gateway.get("/sum/all").send().await.json()["errors"].take();
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    for (part, why) in [("a", "larger than 1000 bytes"), ("b", "larger than 1000 bytes")] {
        assert!(errors[part].as_str().unwrap().contains(why), "{errors}");
    }
    for part in ["c", "d"] {
        assert!(errors[part].as_str().unwrap().contains("did not answer within 200ms"), "{errors}");
    }
}

#[tokio::test]
async fn bodies_and_methods_go_both_ways() {
    let upstream = Upstream::named("up").await;
    let library = build_c("calls.c", &[]);
    let gateway = Gateway::build()
        .api(api("asked").target(&upstream))
        .api(api("asks").hook("pre", &library, "PostsTwice"))
        .start()
        .await;
    let answer = gateway.get("/asks/").send().await;
    assert_eq!((answer.status, answer.text()), (200, "200 up 0 event".to_owned()));
    let seen = upstream.last();
    assert_eq!(
        (&*seen.method, &*seen.body, seen.header("x-two").as_deref()),
        ("POST", &b"the body"[..], Some("2"))
    );
}

/// `tyk_compat.h`: code for Tyk's C API. And what a native handler of events is told.
#[tokio::test]
async fn c_code_for_tyks_gateway_api_runs_as_it_is() {
    let (upstream, listener) = (Upstream::named("up").await, Upstream::named("thanks").await);
    let library = build_c("tyk_api.c", &["-std=c99"]);
    let mine = json!([{ "handler_name": "eh_web_hook_handler", "handler_meta": {
        "method": "POST", "target_path": listener.url(), "template_path": "", "event_timeout": 0 } }]);
    let failed = json!([{ "handler_name": "cp_dynamic_handler", "handler_meta": { "name": "OnFailure", "path": library } }]);
    let gateway = Gateway::build()
        .config(|config| {
            config.event_handlers.events = [("Mine".to_owned(), mine)].into();
        })
        .api(api("hooked").target(&upstream).hook("pre", &library, "MyPreMiddleware"))
        .api(
            api("shut")
                .target(&upstream)
                .set("custom_middleware.driver", "goplugin")
                .set("use_keyless", false)
                .set("use_standard_auth", true)
                .set("event_handlers.events.AuthFailure", failed),
        )
        .start()
        .await;
    assert_eq!(gateway.get("/shut/x").header("Authorization", "guess").send().await.status, 403);
    until("the event is kept", async || {
        assert_eq!(gateway.get("/hooked/").send().await.status, 200);
        upstream.last().header("x-event").is_some_and(|event| event.contains("\"Type\":\"AuthFailure\""))
    })
    .await;
    assert_eq!(upstream.last().header("x-kept").as_deref(), Some("kept"));
    until("the web hook", async || listener.count() > 0).await;
    assert!(String::from_utf8_lossy(&listener.last().body).contains("my payload"));
}

#[tokio::test]
async fn a_hook_that_never_waits_is_told_so() {
    let library = build_c("calls.c", &[]);
    let gateway = Gateway::build().api(api("asks").hook("pre", &library, "NeverWaits")).start().await;
    assert_eq!(gateway.get("/asks/").send().await.text(), "-4 -4");
}

/// How long hooks may take where the question is whether they block each other: only a deadlock takes as long.
const PATIENCE_MS: u64 = 60_000;

/// Both APIs need a thread of the pool: the answers are there all the same.
#[test]
fn sixty_four_hooks_that_ask_this_gateway_do_not_wait_for_one_another() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let upstream = Upstream::named("up").await;
        let gateway = Gateway::build()
            .config(|config| {
                config.pinhook.hook_threads = 64;
                config.pinhook.plugin_timeout_ms = PATIENCE_MS;
            })
            .api(api("up").target(&upstream))
            .api(aggregator("sum", json!({ "a": "tyk://up/", "b": "tyk://up/" })))
            .start()
            .await;
        let asked = (0..64).map(|_| gateway.get("/sum/all").send());
        let started = Instant::now();
        for answer in futures_util::future::join_all(asked).await {
            assert_eq!(answer.json(), json!({ "a": "up", "b": "up", "errors": {} }));
        }
        assert!(started.elapsed().as_millis() < u128::from(PATIENCE_MS / 2), "{:?}", started.elapsed());
    });
}

#[tokio::test]
async fn a_reload_and_a_stop_wait_for_what_hooks_have_asked() {
    let upstream = Upstream::named("up").await;
    upstream.close();
    let gateway = Gateway::build()
        .api(api("up").target(&upstream))
        .api(aggregator("sum", json!({ "a": "tyk://up/" })))
        .start()
        .await;
    let waits = tokio::spawn(gateway.get("/sum/all").send());
    crate::support::until("the upstream is asked", async || upstream.connections() > 0).await;
    gateway.put(&api("up").target_url("http://127.0.0.1:9"));
    gateway.reload().await;
    upstream.open();
    assert_eq!(waits.await.unwrap().json()["a"], "up");
    gateway.stop().await;
}

#[tokio::test]
async fn without_a_store_data_is_refused_and_the_request_goes_on() {
    let library = build_c("calls.c", &[]);
    let gateway = Gateway::build()
        .config(|config| {
            config.storage.kind = pinhook::config::StorageKind::Redis;
            config.storage.port = 1;
        })
        .api(api("asks").hook("pre", &library, "Stores"))
        .start()
        .await;
    assert_eq!(gateway.get("/asks/").send().await.text(), "-5 none");
}

/// The virtual endpoint of each request asks another of the same gateway: twice as many scripts as requests wait.
#[cfg(feature = "js")]
#[test]
fn sixty_four_virtual_endpoints_that_ask_this_gateway_do_not_deadlock() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let script = r#"
        function outer(request, session, config) {
            var replies = callAll([{url: "tyk://v/inner"}, {url: "tyk://v/inner"}]);
            return TykJsResponse({Body: (replies[0].error || replies[0].body) + (replies[1].error || replies[1].body), Headers: {}, Code: 200}, {});
        }
        function inner(request, session, config) {
            var reply = call("tyk://up/");
            return TykJsResponse({Body: reply.error || reply.body, Headers: {}, Code: 200}, {});
        }"#;
    let endpoint = |name: &str| {
        json!({ "path": format!("/{name}"), "method": "GET", "response_function_name": name,
            "function_source_type": "blob", "function_source_uri": STANDARD.encode(script) })
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let upstream = Upstream::named("up").await;
        let gateway = Gateway::build()
            .config(|config| {
                config.enable_jsvm = true;
                config.jsvm_timeout = 60;
            })
            .api(api("up").target(&upstream))
            .api(api("v").endpoints("virtual", json!([endpoint("outer"), endpoint("inner")])))
            .start()
            .await;
        let asked = (0..64).map(|_| gateway.get("/v/outer").send());
        for answer in futures_util::future::join_all(asked).await {
            assert_eq!((answer.status, answer.text()), (200, "upup".to_owned()));
        }
    });
}
