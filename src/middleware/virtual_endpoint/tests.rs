use http::StatusCode;
use serde_json::{Value, json};

use super::*;
use crate::{
    config::Config,
    middleware::tests::{Bench, fault, passed},
};

const FAILED: &str = "Error during virtual endpoint execution. Contact Administrator for more details.";
/// `function f() {}`.
const BLOB: &str = "ZnVuY3Rpb24gZigpIHt9";

fn bench(entries: Value, config: Config) -> Bench {
    Bench::with(json!({ "extended_paths": { "virtual": entries } }), json!({}), config)
}

fn on() -> Config {
    Config { enable_jsvm: true, ..Config::default() }
}

fn entry(path: &str, kind: &str, source: &str, more: Value) -> Value {
    let mut entry = json!({
        "path": path, "method": "GET", "response_function_name": "f",
        "function_source_type": kind, "function_source_uri": source,
    });
    entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    entry
}

#[tokio::test]
async fn one_that_cannot_be_loaded_answers_500_or_lets_its_requests_pass() {
    let missing = |path: &str, more: Value| entry(path, "file", "/nowhere/v.js", more);
    let bench = bench(
        json!([
            missing("/bad", json!({})),
            missing("/pass", json!({ "proxy_on_error": true })),
            missing("/off", json!({ "disabled": true })),
        ]),
        on(),
    );
    assert_eq!(bench.chain.request_steps().collect::<Vec<_>>(), ["virtual_endpoint"]);
    assert!(bench.chain.has_hooks() && bench.chain.lacks_code());
    assert_eq!(fault(bench.get("/app/bad", "").await.1), (500, FAILED.to_owned()));
    for path in ["/app/pass", "/app/off", "/app/other"] {
        assert!(passed(&bench.get(path, "").await.1), "{path}");
    }
    assert!(passed(&bench.send("POST /app/bad HTTP/1.1\r\nHost: h\r\n\r\n").await.1), "another method");
    let at = "version_data.versions.Default.extended_paths.virtual[0]";
    assert!(bench.problem_at(at).contains("are answered 500"));
}

#[tokio::test]
async fn code_that_may_not_be_run_is_named() {
    let strict = Config { disable_virtual_path_blobs: true, ..on() };
    for (entry, config, why) in [
        (entry("/v", "blob", BLOB, json!({})), strict, "disable_virtual_path_blobs"),
        (entry("/v", "url", "http://x", json!({})), on(), "expected file or blob"),
        (entry("/v", "blob", "%%", json!({})), on(), "no base64"),
        (entry("/v", "file", "v.x", json!({ "pinhook": { "driver": "brainfuck" } })), on(), "brainfuck"),
    ] {
        let bench = bench(json!([entry]), config);
        let message = bench.problem_at("version_data.versions.Default.extended_paths.virtual[0]");
        assert!(message.contains(why), "{message}");
        assert_eq!(fault(bench.get("/app/v", "").await.1).0, 500, "{why}");
    }
}

#[cfg(feature = "js")]
#[tokio::test]
async fn without_the_engine_there_are_no_endpoints() {
    let bench = bench(json!([entry("/v", "blob", BLOB, json!({}))]), Config::default());
    assert_eq!(bench.chain.request_steps().count(), 0);
    let message = bench.problem_at("version_data.versions.Default.extended_paths.virtual[0]");
    assert!(message.contains("enable_jsvm is off"), "{message}");
}

#[cfg(feature = "js")]
#[tokio::test]
async fn a_script_answers_in_the_upstreams_place() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let blob = |source: &str| STANDARD.encode(source);
    let answer = "function f(r, s, c) { return TykJsResponse({ Body: r.Params.q[0], Headers: { 'X-V': '1' }, Code: 203 }, {}) }";
    let silent = "function g() { }";
    let own = "function h() { return TykJsResponse({ Body: '', Headers: { Location: 'tyk://other/x' }, Code: 302 }, {}) }";
    let entries = json!([
        entry("/v", "blob", &blob(answer), json!({})),
        entry("/silent", "blob", &blob(silent), json!({ "response_function_name": "g" })),
        entry("/loop", "blob", &blob(own), json!({ "response_function_name": "h" })),
    ]);
    let bench = bench(entries, on());
    let (request, flow) = bench.get("/app/v?q=hi", "").await;
    let Ok(Flow::Respond(response)) = flow else { panic!("{flow:?}") };
    assert_eq!(
        (response.head.status, &*response.body),
        (StatusCode::NON_AUTHORITATIVE_INFORMATION, &b"hi"[..])
    );
    assert_eq!(response.head.headers["x-v"], "1");
    assert_eq!(response.origin, crate::chain::Origin::Script { edited: true, recorded: true });
    assert_eq!(request.ctx.url.to_string(), "/app/v?q=hi");
    assert_eq!(fault(bench.get("/app/silent", "").await.1), (500, FAILED.to_owned()));
    let (request, flow) = bench.get("/app/loop", "").await;
    assert!(passed(&flow));
    assert_eq!(request.rewritten().as_deref(), Some("tyk://other/x"));
}
