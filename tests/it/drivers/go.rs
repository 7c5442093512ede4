//! Go plugins in a whole gateway, with the examples as fixtures. What every driver has in
//! common is tested by the matrix.

mod build;

use std::fs;

use pinhook::config::SinkKind;
use serde_json::{Value, json};

use crate::support::{
    client::Response,
    definition::{Definition, api},
    gateway::Gateway,
    plugins::{build_go, temporary},
    program::pinhook,
    until,
    upstream::{Answer, Upstream},
};

fn go(id: &str, upstream: &Upstream) -> Definition {
    api(id).target(upstream).set("custom_middleware.driver", "goplugin")
}

fn example(name: &str) -> std::path::PathBuf {
    build_go(&format!("plugins/examples/go/{name}"))
}

fn faults() -> std::path::PathBuf {
    build_go("tests/fixtures/go/faults")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_examples() {
    let (upstream, elsewhere) = (Upstream::named("up").await, Upstream::named("elsewhere").await);
    let parts =
        json!({ "parts": { "one": upstream.url(), "two": "tyk://inner/x", "three": "http://127.0.0.1:1/" } });
    let page = json!([{ "path": "/page", "method": "GET", "plugin_path": example("dashboard"), "func_name": "Dashboard" }]);
    let gateway = Gateway::build()
        .api(go("add", &upstream).hook("pre", &example("add_header"), "AddHeader"))
        .api(
            go("sticky", &upstream)
                .hook("pre", &example("sticky"), "Sticky")
                .set("config_data", json!({ "upstreams": [elsewhere.url()] })),
        )
        .api(go("envelope", &upstream).hook("post", &example("envelope"), "Envelope"))
        .api(go("inner", &elsewhere).set("internal", true))
        .api(api("board").target(&upstream).set("config_data", parts).endpoints("go_plugin", page))
        .start()
        .await;

    gateway.get("/add/x").header("foo", "old").header("x-many", "1").header("x-internal", "1").send().await;
    let seen = upstream.last();
    assert_eq!((seen.header("foo").as_deref(), seen.header("x-internal")), (Some("Bar"), None));

    assert_eq!(gateway.get("/sticky/x").send().await.text(), "up");
    assert_eq!(gateway.get("/sticky/x").header("Cookie", "sid=1").send().await.text(), "elsewhere");
    assert_eq!(
        gateway.get("/sticky/x").header("Service-Address", elsewhere.url()).send().await.text(),
        "elsewhere"
    );

    let sent = gateway.request("PATCH", "/envelope/x?debug=1&a=b").body(r#"{"n":1}"#).send().await;
    assert_eq!(sent.status, 200, "{}", sent.text());
    let seen = upstream.last();
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/x?a=b&via=gateway"));
    assert_eq!(&*seen.body, br#"{"api":"envelope","data":{"n":1}}"#);
    let refused = gateway.request("POST", "/envelope/x").body("no JSON").send().await;
    assert_eq!((refused.status, refused.text().as_str()), (400, "a JSON body is needed\n"));

    let page = gateway.get("/board/page").send().await;
    assert_eq!(page.header("content-type"), Some("application/json"));
    assert_eq!(page.json(), json!({ "one": "up", "two": "elsewhere", "three": { "error": "no answer" } }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auth_response_and_analytics_examples() {
    let upstream = Upstream::answering(Answer::By(std::sync::Arc::new(|_| {
        b"HTTP/1.1 200 OK\r\nContent-Length: 21\r\nConnection: close\r\n\r\ncard 4111111111111111".to_vec()
    })))
    .await;
    let records = tempfile::tempdir().unwrap();
    let file = records.path().join("records.jsonl");
    let path = file.display().to_string();
    let hook = json!({ "enable": true, "plugin_path": example("anonymise"), "func_name": "Anonymise" });
    let checked = go("auth", &upstream)
        .set("use_keyless", false)
        .set("custom_plugin_auth_enabled", true)
        .set("custom_middleware.auth_check", json!({ "name": "CheckToken", "path": example("check_token") }))
        .hook("post_key_auth", &example("check_token"), "TellCaller");
    let gateway = Gateway::build()
        .config(|config| {
            config.enable_analytics = true;
            config.pinhook.analytics.sink = SinkKind::File;
            config.pinhook.analytics.path = path;
        })
        .api(checked)
        .api(
            go("res", &upstream)
                .hook("response", &example("stamp_response"), "StampResponse")
                .set("analytics_plugin", hook),
        )
        .start()
        .await;

    let refused = gateway.get("/auth/x").header("Authorization", "nobody").send().await;
    assert_eq!((refused.status, refused.text().as_str()), (403, "who are you?\n"));
    for expected in [200, 200, 200, 200, 200, 429] {
        assert_eq!(
            gateway.get("/auth/x").header("Authorization", "let-ann-in").send().await.status,
            expected
        );
    }
    let seen = upstream.last();
    assert_eq!(
        (seen.header("x-caller").as_deref(), seen.header("x-tier").as_deref()),
        (Some("ann"), Some("gold"))
    );

    let stamped = gateway.get("/res/x").send().await;
    assert_eq!((stamped.text().as_str(), stamped.header("x-stamped")), ("card ****", Some("GET /x")));
    let record = || {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let mut records = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        records.find(|record| record["api_id"] == "res")
    };
    until("the record", async || record().is_some()).await;
    let record = record().unwrap();
    assert_eq!((&record["ip_address"], &record["api_key"]), (&json!(""), &json!("hidden")));
}

async fn fault(gateway: &Gateway, api: &str, what: &str) -> Response {
    gateway.get(&format!("/{api}/x")).header("X-Fault", what).send().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_hook_does_wrong_fails_its_request_and_no_other() {
    let upstream = Upstream::named("up").await;
    let hook = json!({ "name": "Fault", "path": faults(), "pinhook": { "timeout_ms": 700 } });
    let gateway = Gateway::build()
        .config(|config| config.pinhook.max_buffered_body = 1 << 20)
        .api(go("f", &upstream).entry("pre", hook))
        .api(go("res", &upstream).hook("response", &faults(), "FaultResponse"))
        .start()
        .await;

    assert_eq!(fault(&gateway, "f", "none").await.text(), "up");
    for what in ["panic", "nil", "goexit", "bad-header", "bad-method", "large"] {
        assert_eq!(
            fault(&gateway, "f", what).await.error(),
            (500, "Internal Server Error".to_owned()),
            "{what}"
        );
        assert_eq!(fault(&gateway, "f", "none").await.text(), "up", "after {what}");
    }
    assert_eq!(
        upstream.last().header("x-calls").as_deref(),
        Some("13"),
        "the worker lived through all of it"
    );
    let masked = gateway.get("/res/x").send().await;
    assert_eq!((masked.status, masked.text().contains("up")), (500, false));

    // Go ends a process whose code races or exits, the gateway one that does nothing but hang: a new worker takes over.
    for what in ["exit", "race", "hang"] {
        assert_eq!(fault(&gateway, "f", what).await.status, 500, "{what}");
        until("the next worker", async || fault(&gateway, "f", "none").await.status == 200).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hooks_of_a_request_share_its_context() {
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build()
        .api(go("c", &upstream).hook("pre", &faults(), "Leave").hook("pre", &faults(), "Find").hook(
            "response",
            &faults(),
            "FindResponse",
        ))
        .api(go("e", &upstream).hook("pre", &faults(), "Edges"))
        .start()
        .await;
    for keep in ["", "", "1"] {
        let answer = gateway.get("/c/x").header("X-Keep", keep).send().await;
        assert_eq!(answer.header("x-found"), Some("of an earlier hook two"), "{}", answer.text());
        let seen = upstream.last();
        assert_eq!(seen.header("x-found").as_deref(), Some("of an earlier hook"));
        assert_eq!(seen.header("x-token").as_deref(), Some("first"));
    }

    assert_eq!(gateway.get("/e/x?flush").send().await.text(), "up", "a flush is no answer");
    assert_eq!(gateway.get("/e/x?relative").send().await.status, 200);
    assert_eq!(upstream.last().target, "/no/slash?relative");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plugins_keep_data_in_the_gateways_store() {
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build().api(go("f", &upstream).hook("pre", &faults(), "Fault")).start().await;
    assert_eq!(fault(&gateway, "f", "store").await.status, 200);
    assert_eq!(upstream.last().header("x-store").as_deref(), Some("kept true true"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_file_is_one_worker_and_new_code_is_taken_at_a_reload() {
    let upstream = Upstream::named("up").await;
    let file = temporary("replaced.so");
    fs::copy(faults(), &file).unwrap();
    let calls = || upstream.last().header("x-calls");
    let gateway = Gateway::build()
        .api(go("a", &upstream).hook("pre", &file, "Fault"))
        .api(go("b", &upstream).hook("pre", &file, "Fault"))
        .start()
        .await;
    for (api, expected) in [("a", "1"), ("b", "2"), ("a", "3")] {
        gateway.get(&format!("/{api}/x")).send().await;
        assert_eq!(calls().as_deref(), Some(expected), "two APIs share the package");
    }
    gateway.reload().await;
    gateway.get("/a/x").send().await;
    assert_eq!(calls().as_deref(), Some("4"), "a reload leaves it running");

    fs::copy(example("add_header"), &file).unwrap();
    gateway.put(&go("a", &upstream).hook("pre", &file, "AddHeader"));
    gateway.reload().await;
    gateway.get("/a/x").send().await;
    assert_eq!(upstream.last().header("foo").as_deref(), Some("Bar"));
    gateway.get("/b/x").send().await;
    assert_eq!(calls().as_deref(), Some("5"), "an API whose function is gone keeps the code that has it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_that_is_not_there_or_of_another_shape_never_opens_the_gate() {
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build()
        .api(go("missing", &upstream).hook("pre", &faults(), "Nothing"))
        .api(go("shape", &upstream).hook("pre", &faults(), "FaultResponse"))
        .api(go("response", &upstream).hook("response", &faults(), "Fault"))
        .start()
        .await;
    for api in ["missing", "shape", "response"] {
        assert_eq!(gateway.get(&format!("/{api}/x")).send().await.status, 500, "{api}");
    }
}

#[test]
fn a_check_starts_plugins_and_names_what_is_wrong_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("apps")).unwrap();
    let config = json!({ "secret": "something", "app_path": at("apps") });
    fs::write(at("conf.json"), config.to_string()).unwrap();
    let check = |function: &str| {
        let definition = api("checked")
            .target_url("http://127.0.0.1:1")
            .set("custom_middleware.driver", "goplugin")
            .hook("pre", &example("add_header"), function);
        fs::write(at("apps/checked.json"), definition.text()).unwrap();
        let output = pinhook().args(["check", "--conf"]).arg(at("conf.json")).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, text) = check("AddHeader");
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = check("Missing");
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("it has no function \"Missing\"; it has AddHeader"), "{text}");
}
