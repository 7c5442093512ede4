use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    chain::{Flow, Origin},
    config::Config,
    middleware::tests::{Bench, denied, passed},
};

const FORBIDDEN: (u16, &str) = (403, "Requested endpoint is forbidden");

fn lists(lists: Value) -> Bench {
    Bench::new(json!({ "extended_paths": lists }), json!({}))
}

/// What comes of a request: `pass`, `ignore`, a status with the body of a mock, or the status of a refusal.
async fn verdict(bench: &Bench, method: &str, path: &str) -> String {
    let (request, flow) = bench.send(&format!("{method} {path} HTTP/1.1\r\nHost: h\r\n\r\n")).await;
    match flow.unwrap() {
        Flow::Next if request.ctx.ignored => "ignore".into(),
        Flow::Next => "pass".into(),
        Flow::Deny(denial) => denial.status.to_string(),
        Flow::Respond(response) => {
            format!("{} {}", response.head.status.as_u16(), String::from_utf8_lossy(&response.body))
        }
    }
}

async fn check(bench: &Bench, cases: &[(&str, &str, &str)]) {
    for (method, path, expected) in cases {
        assert_eq!(verdict(bench, method, path).await, *expected, "{method} {path}");
    }
}

#[tokio::test]
async fn blocked_paths_are_refused() {
    let bench = lists(json!({ "black_list": [
        { "path": "/no" }, { "path": "/part/{x}/deny", "method": "GET" }, { "path": "/off", "disabled": true },
        { "path": "^/app/with/listen/path" }, { "path": "/Case", "ignore_case": true }, { "path": "/Strict" },
    ] }));
    check(
        &bench,
        &[
            ("GET", "/app/no", "403"),
            ("GET", "/app/no/sub", "403"),
            ("GET", "/app/nono", "403"),
            ("GET", "/app/yes", "pass"),
            ("GET", "/app/part/1/deny", "403"),
            ("POST", "/app/part/1/deny", "pass"),
            ("GET", "/app/off", "pass"),
            ("GET", "/app/with/listen/path", "403"),
            ("GET", "/app/cASE", "403"),
            ("GET", "/app/strict", "pass"),
        ],
    )
    .await;
    assert_eq!(denied(&bench.get("/app/no", "").await.1), FORBIDDEN);
}

#[tokio::test]
async fn one_allow_entry_closes_the_rest() {
    let bench = lists(json!({
        "white_list": [{ "path": "/ok", "method": "GET" }, { "path": "/items/{id}" }],
        "black_list": [{ "path": "/ok/not" }],
        "ignored": [{ "path": "/ok/not/really" }, { "path": "/free", "method": "GET" }],
    }));
    check(
        &bench,
        &[
            ("GET", "/app/ok/more", "pass"),
            ("POST", "/app/ok", "403"),
            ("PUT", "/app/items/5", "pass"),
            ("GET", "/app/items", "403"),
            ("GET", "/app/ok/not", "403"),
            ("GET", "/app/ok/not/really", "ignore"),
            ("GET", "/app/free", "ignore"),
            ("POST", "/app/free", "403"),
        ],
    )
    .await;
}

#[tokio::test]
async fn method_actions_and_mocks_answer_by_themselves() {
    let bench = lists(json!({
        "white_list": [
            { "path": "/act", "method_actions": { "GET": { "action": "no_action" } } },
            { "path": "/b", "method_actions": {
                "GET": { "action": "reply", "code": 203, "data": "canned", "headers": { "X-Canned": "1" } },
                "PUT": { "action": "dance" } } },
        ],
        "mock_response": [
            { "path": "/mock", "method": "GET", "code": 418, "body": "{}", "headers": { "Content-Type": "application/json" } },
            { "path": "/bad", "method": "GET", "code": 7 },
        ],
    }));
    check(
        &bench,
        &[
            ("GET", "/app/act", "pass"),
            ("POST", "/app/act", "403"),
            ("GET", "/app/b", "203 canned"),
            ("PUT", "/app/b", "403"),
            ("GET", "/app/mock", "418 {}"),
            ("POST", "/app/mock", "403"),
        ],
    )
    .await;
    let (_, flow) = bench.get("/app/b", "").await;
    let Ok(Flow::Respond(response)) = flow else { panic!("{flow:?}") };
    assert_eq!((response.origin, response.body), (Origin::Mock, Bytes::from("canned")));
    assert_eq!(response.head.headers["x-canned"], "1");
    assert_eq!(response.head.headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(bench.get("/app/bad", "").await.1.unwrap_err().status(), 500);
    let at = "version_data.versions.Default.extended_paths";
    assert!(bench.problem_at(&format!("{at}.mock_response[1].code")).contains("7 is no status"));
    assert!(bench.problem_at(&format!("{at}.white_list[1].method_actions.PUT.action")).contains("dance"));
}

#[tokio::test]
async fn internal_endpoints_are_for_loops() {
    let bench = lists(
        json!({ "internal": [{ "path": "/sec", "method": "GET" }], "white_list": [{ "path": "/ok" }] }),
    );
    check(&bench, &[("GET", "/app/sec", "403"), ("GET", "/app/ok/sec", "403"), ("GET", "/app/ok", "pass")])
        .await;
    for (path, passes) in [("/sec", true), ("/other", false)] {
        let mut request = bench.request(&format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n")).await;
        request.ctx.loops.count = 1;
        let flow = bench.chain.request(&mut request.session, &mut request.ctx).await;
        assert_eq!(passed(&flow), passes, "{path}");
    }
}

#[tokio::test]
async fn plain_lists_count_when_extended_paths_do_not() {
    let both = json!({
        "use_extended_paths": false, "extended_paths": { "black_list": [{ "path": "/ext" }] },
        "paths": { "ignored": ["/free"], "white_list": ["/white"], "black_list": ["/black"] },
    });
    let bench = Bench::new(both, json!({}));
    check(
        &bench,
        &[
            ("GET", "/app/free", "ignore"),
            ("GET", "/app/black", "403"),
            ("GET", "/app/white", "pass"),
            ("GET", "/app/zzz", "403"),
            ("GET", "/app/white/ext", "pass"),
        ],
    )
    .await;
    let off = json!({ "use_extended_paths": false, "extended_paths": { "black_list": [{ "path": "/no" }] } });
    assert_eq!(Bench::new(off, json!({})).chain.request_steps().count(), 0);
}

#[tokio::test]
async fn case_is_ignored_where_it_is_said() {
    let version = json!({ "ignore_endpoint_case": true, "extended_paths": {
        "black_list": [{ "path": "/No" }],
        "method_transforms": [{ "path": "/Mt", "method": "GET", "to_method": "POST" }] } });
    let bench = Bench::new(version.clone(), json!({}));
    check(&bench, &[("GET", "/app/nO", "403")]).await;
    assert_eq!(bench.get("/app/mt", "").await.0.ctx.method, None);
    let config = Config { ignore_endpoint_case: true, ..Config::default() };
    let bench = Bench::with(version, json!({}), config);
    assert!(bench.get("/app/mt", "").await.0.ctx.method.is_some());
}

#[tokio::test]
async fn preflight_requests_pass_as_ignored() {
    let version = json!({ "extended_paths": { "black_list": [{ "path": "/no" }] } });
    let preflight = "OPTIONS /app/no HTTP/1.1\r\nHost: h\r\nAccess-Control-Request-Method: GET\r\n\r\n";
    for (cors, passes) in [
        (json!({ "enable": true }), true),
        (json!({ "enable": true, "options_passthrough": true }), false),
        (json!({ "enable": false }), false),
    ] {
        let bench = Bench::new(version.clone(), json!({ "CORS": cors }));
        let (request, flow) = bench.send(preflight).await;
        assert_eq!((passed(&flow), request.ctx.ignored), (passes, passes));
        assert_eq!(verdict(&bench, "OPTIONS", "/app/no").await, "403");
    }
}

#[tokio::test]
async fn an_entry_that_closes_endpoints_is_never_left_out() {
    for kind in ["black_list", "internal"] {
        let bench = lists(json!({ kind: [{ "path": "/no(", "method": "GET" }] }));
        assert_eq!(denied(&bench.get("/app/yes", "").await.1).0, 500, "{kind}");
        let at = format!("version_data.versions.Default.extended_paths.{kind}[0].path");
        assert!(bench.problem_at(&at).contains("every request is answered 500"));
    }
    let bench = lists(json!({ "white_list": [{ "path": "/ok(" }] }));
    check(&bench, &[("GET", "/app/ok(", "403"), ("GET", "/app/x", "403")]).await;
}

#[tokio::test]
async fn an_api_ends_at_its_expiration() {
    let text = "API has expired, please check documentation or contact administrator";
    for (expiration, expired) in
        [("2020-01-02 03:04", true), ("no date", true), ("2099-01-02 03:04", false), ("-1", false)]
    {
        let bench = Bench::new(json!({}), json!({ "expiration": expiration }));
        let (_, flow) = bench.get("/app/x", "").await;
        if expired {
            assert_eq!(denied(&flow), (403, text), "{expiration}");
        } else {
            assert!(passed(&flow), "{expiration}");
        }
    }
}

#[tokio::test]
async fn an_api_without_a_usable_version_refuses_everything() {
    for (data, status, text) in [
        (
            json!({ "not_versioned": true, "versions": {} }),
            403,
            "No default API version for this non-versioned API found",
        ),
        (
            json!({ "not_versioned": true, "versions": { "Default": { "name": "a" }, "default": { "name": "b" } } }),
            403,
            "Ambiguous default API version for this non-versioned API",
        ),
        (
            json!({ "not_versioned": false, "versions": { "v1": { "name": "v1" } } }),
            500,
            "Internal Server Error",
        ),
    ] {
        let bench = Bench::new(json!({}), json!({ "version_data": data }));
        assert_eq!(denied(&bench.get("/app/x", "").await.1), (status, text));
        assert!(bench.problems.iter().any(|problem| problem.message.contains("every request is answered")));
    }
}
