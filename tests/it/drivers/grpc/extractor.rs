//! The ID extractor: whom the server is asked about, and whom not.

use std::time::{SystemTime, UNIX_EPOCH};

use pinhook::hook::drivers::grpc::proto::{Object, SessionState};
use serde_json::{Value, json};

use super::{gateway, grpc, with_auth};
use crate::support::{
    client::Request,
    definition::Definition,
    gateway::Gateway,
    plugin_server::{PluginServer, Reply},
    upstream::Upstream,
};

const MISSING: &str = "Authorization field missing";

/// Lets everybody in, for as many seconds as the header `X-For` says.
fn admit(mut object: Object) -> Reply {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let request = object.request.as_ref().unwrap();
    let rest: i64 = request.headers.get("X-For").map_or(60, |rest| rest.parse().unwrap());
    object.session = Some(Box::new(SessionState {
        rate: 1000.0,
        per: 1.0,
        quota_max: -1,
        id_extractor_deadline: i64::try_from(now).unwrap() + rest,
        ..SessionState::default()
    }));
    object.metadata.insert("token".to_owned(), "anybody".to_owned());
    Reply::Object(Box::new(object))
}

fn extracting(id: &str, upstream: &Upstream, from: &str, with: &str, config: Value) -> Definition {
    let extractor = json!({ "extract_from": from, "extract_with": with, "extractor_config": config });
    with_auth(grpc(id, upstream), "Admit").set("custom_middleware.id_extractor", extractor)
}

async fn start(definition: Definition) -> (Gateway, PluginServer) {
    let server = PluginServer::start(admit).await;
    let gateway = gateway(server.target()).config(|config| config.allow_master_keys = true);
    (gateway.api(definition).start().await, server)
}

async fn passes(request: Request) {
    let answer = request.send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_known_caller_is_not_asked_about_until_the_deadline() {
    let upstream = Upstream::named("up").await;
    let definition = extracting("x", &upstream, "header", "value", json!({ "header_name": "X-Key" }));
    let (gateway, server) = start(definition).await;
    let call = |key: &str, rest: &str| gateway.get("/x/y").header("X-Key", key).header("X-For", rest);
    for (key, rest, calls) in [
        ("one", "60", 1),
        ("one", "60", 1),
        ("two", "60", 2),
        ("one", "60", 2),
        // A deadline that has passed is none.
        ("past", "-5", 3),
        ("past", "-5", 4),
    ] {
        passes(call(key, rest)).await;
        assert_eq!(server.calls(), calls, "{key} {rest}");
    }
    assert_eq!(gateway.get("/x/y").send().await.error(), (400, MISSING.to_owned()));
    assert_eq!((server.calls(), upstream.count()), (4, 6));
}

/// What is asked; bodies are forms.
struct Ask(&'static str, Option<&'static str>, &'static str);

impl Ask {
    fn of(&self, gateway: &Gateway) -> Request {
        let Self(query, header, body) = *self;
        let mut request = gateway.request("POST", &format!("/x/y{query}"));
        if let Some(value) = header {
            request = request.header("X-Key", value);
        }
        request.header("Content-Type", "application/x-www-form-urlencoded").body(body)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_are_told_apart_by_what_is_extracted() {
    let upstream = Upstream::named("up").await;
    let regex = |name: &str| json!({ name: "key", "regex_expression": "k[0-9]+", "regex_match_index": 1 });
    let xpath = |name: &str| json!({ name: "X-Key", "xpath_expression": "/a/b" });
    let form = json!({ "param_name": "key" });
    // The first two are the same caller, the third is nobody.
    let cases = [
        (
            "form",
            "value",
            form.clone(),
            [Ask("?key=k1", None, ""), Ask("", None, "key=k1"), Ask("", None, "k=1")],
        ),
        // Values of the body go first.
        (
            "form",
            "value",
            form,
            [Ask("?key=b", None, "key=a"), Ask("", None, "key=a&key=b"), Ask("?key=", None, "")],
        ),
        (
            "form",
            "regex",
            regex("param_name"),
            [Ask("?key=k1-k2", None, ""), Ask("?key=k7-k2", None, ""), Ask("?key=k1", None, "")],
        ),
        ("body", "regex", regex("x"), [Ask("", None, "k1 k2"), Ask("", None, "k3,k2,k4"), Ask("", None, "")]),
        (
            "header",
            "xpath",
            xpath("header_name"),
            [
                Ask("", Some("<a><b>1</b></a>"), ""),
                Ask("", Some("<a><b>1</b><c/></a>"), ""),
                Ask("", Some("<a/>"), ""),
            ],
        ),
        (
            "body",
            "xpath",
            xpath("x"),
            [Ask("", None, "<a><b>1</b></a>"), Ask("", None, "<a><b>1</b></a> "), Ask("", None, "<a><b>")],
        ),
    ];
    for (from, with, config, [first, again, nobody]) in cases {
        let (gateway, server) = start(extracting("x", &upstream, from, with, config)).await;
        passes(first.of(&gateway)).await;
        passes(again.of(&gateway)).await;
        assert_eq!(server.calls(), 1, "{from} {with}");
        assert_eq!(nobody.of(&gateway).send().await.error(), (400, MISSING.to_owned()), "{from} {with}");
        assert_eq!(server.calls(), 1, "{from} {with}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_extractor_that_cannot_work_is_named() {
    let upstream = Upstream::named("up").await;
    for (from, with, config, status, reason) in [
        ("header", "value", json!({}), 400, "extractor_config.header_name"),
        ("form", "value", json!({}), 400, "extractor_config.param_name"),
        ("cookie", "value", json!({}), 400, "expected header, form or body"),
        ("header", "regex", json!({ "header_name": "X-Key" }), 400, "extractor_config.regex_expression"),
        (
            "header",
            "regex",
            json!({ "header_name": "X-Key", "regex_expression": "(" }),
            400,
            "regex_expression",
        ),
        ("header", "xpath", json!({ "header_name": "X-Key" }), 400, "is no XPath"),
        // As in Tyk the server is asked for every request.
        ("header", "jsonpath", json!({ "header_name": "X-Key" }), 200, "expected value, regex or xpath"),
    ] {
        let (gateway, server) = start(extracting("x", &upstream, from, with, config)).await;
        for turn in 1..=2 {
            let answer = gateway.get("/x/y").header("X-Key", "k").send().await;
            assert_eq!(answer.status, status, "{from} {with}: {}", answer.text());
            assert_eq!(server.calls(), if status == 200 { turn } else { 0 }, "{from} {with}");
        }
        let told = gateway.control("GET", "/tyk/apis/x/status").send().await.text();
        assert!(told.contains(reason), "{from} {with}: {told}");
    }
}
