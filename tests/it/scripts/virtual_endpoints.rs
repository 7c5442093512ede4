//! Virtual endpoints, and scripts that hear of events.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::*;

const FAILED: &str = "Error during virtual endpoint execution. Contact Administrator for more details.";

#[tokio::test]
async fn a_function_answers_in_the_upstreams_place() {
    let up = Upstream::named("up").await;
    let builder = build();
    let source = "function v(request, session, config) {\n\
        return TykJsResponse({ Body: request.Params.q[0] + config.APIID, Headers: { 'X-V': '1' }, Code: 203 }, {});\n}";
    let file = script(&builder, "v.js", source);
    let blob = json!({ "function_source_type": "blob", "function_source_uri": STANDARD.encode(source) });
    let definition = api("a")
        .target(&up)
        .endpoints(
            "virtual",
            json!([endpoint("/file", "v", &file, json!({})), endpoint("/blob", "v", &file, blob)]),
        )
        .set("version_data.versions.Default.global_response_headers", json!({ "X-Chain": "ran" }));
    let gateway = builder.api(definition).start().await;
    for path in ["/a/file?q=hi-", "/a/blob?q=hi-"] {
        let answer = gateway.get(path).send().await;
        assert_eq!((answer.status, answer.text().as_str()), (203, "hi-a"), "{path}");
        for (name, value) in [
            ("server", "tyk"),
            ("x-v", "1"),
            ("x-chain", "ran"),
            ("content-type", "text/plain; charset=utf-8"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path} {name}");
        }
    }
    assert_eq!(gateway.request("POST", "/a/file?q=x").body("").send().await.status, 200, "another method");
    assert_eq!(up.count(), 1);
}

#[tokio::test]
async fn one_that_fails_answers_500_or_lets_the_request_pass() {
    let up = Upstream::named("up").await;
    let builder = build();
    let file = script(&builder, "v.js", "function bad() { throw 'x' }\nfunction silent() { }");
    let definition = api("a").target(&up).endpoints(
        "virtual",
        json!([
            endpoint("/bad", "bad", &file, json!({})),
            endpoint("/silent", "silent", &file, json!({})),
            endpoint("/nameless", "nobody", &file, json!({})),
            endpoint("/pass", "bad", &file, json!({ "proxy_on_error": true })),
        ]),
    );
    let gateway = builder.api(definition).start().await;
    for path in ["/a/bad", "/a/silent", "/a/nameless"] {
        assert_eq!(gateway.get(path).send().await.error(), (500, FAILED.to_owned()), "{path}");
    }
    assert_eq!(up.count(), 0);
    assert_eq!(gateway.get("/a/pass?a=1").header("X-In", "1").send().await.status, 200);
    assert_eq!((up.last().target.as_str(), up.last().header("x-in").as_deref()), ("/pass?a=1", Some("1")));
}

#[tokio::test]
async fn without_the_engine_there_is_none() {
    let up = Upstream::named("up").await;
    let builder = build().config(|config| config.enable_jsvm = false);
    let file = script(&builder, "v.js", "function v() { return TykJsResponse({ Body: '', Code: 200 }, {}) }");
    let definition =
        api("a").target(&up).endpoints("virtual", json!([endpoint("/v", "v", &file, json!({}))]));
    let gateway = builder.api(definition).start().await;
    assert_eq!(gateway.get("/a/v").send().await.status, 200);
    assert_eq!(up.count(), 1);
}

#[tokio::test]
async fn metadata_that_it_returns_is_kept_with_the_key() {
    let up = Upstream::named("up").await;
    let builder = build();
    let source = "function v(r, session) { var n = (session.meta_data || {}).n || 0;\n\
        return TykJsResponse({ Body: String(n), Code: 200 }, { n: n + 1 }) }";
    let file = script(&builder, "v.js", source);
    let definition = api("a")
        .target(&up)
        .set("use_keyless", false)
        .set("use_standard_auth", true)
        .set("auth", json!({ "auth_header_name": "Authorization" }))
        .endpoints("virtual", json!([endpoint("/v", "v", &file, json!({ "use_session": true }))]));
    let gateway = builder.api(definition).start().await;
    let key =
        json!({ "org_id": "org", "access_rights": { "a": { "api_id": "a", "versions": ["Default"] } } });
    let made = gateway.control("POST", "/tyk/keys").body(key.to_string()).send().await.json();
    let key = made["key"].as_str().unwrap();
    for count in ["0", "1", "2"] {
        let answer = gateway.get("/a/v").header("Authorization", key).send().await;
        assert_eq!((answer.status, answer.text().as_str()), (200, count));
    }
}

#[tokio::test]
async fn a_script_hears_of_an_event() {
    let (up, told) = (Upstream::named("up").await, Upstream::named("told").await);
    let builder = build();
    let source = format!(
        "var h = new TykJS.TykEventHandlers.NewEventHandler({{}});\n\
         h.NewHandler(function (event, context) {{\n\
           TykMakeHttpRequest(JSON.stringify({{ Method: 'POST', Domain: '{}', Resource: '/event',\n\
             Body: JSON.stringify({{ type: event.Type, path: event.Meta.Path, api: context.APIID }}) }}));\n\
         }});\n",
        told.url()
    );
    let file = script(&builder, "h.js", &source);
    let handler = |name: &str| json!({ "handler_name": "eh_dynamic_handler", "handler_meta": { "name": name, "path": file } });
    let definition = api("a")
        .target(&up)
        .set("use_keyless", false)
        .set("use_standard_auth", true)
        .set("auth", json!({ "auth_header_name": "Authorization" }))
        .set("event_handlers.events.AuthFailure", json!([handler("h"), handler("nobody")]));
    let gateway = builder.api(definition).start().await;
    assert_eq!(gateway.get("/a/x").header("Authorization", "wrong").send().await.status, 403);
    until("the event", async || told.count() == 1).await;
    let heard: Value = serde_json::from_slice(&told.last().body).unwrap();
    assert_eq!(heard, json!({ "type": "AuthFailure", "path": "/a/x", "api": "a" }));
    let report = gateway.reload().await;
    let named = |text: &str| report.problems.iter().any(|problem| problem.message.contains(text));
    assert!(named("Failed to init event handler"), "{:?}", report.problems);
}
