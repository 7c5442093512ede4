//! Answers of scripts.

use super::*;

/// Answers as the query asks.
const OVERRIDE: &str = "var o = request.ReturnOverrides, p = request.Params;\
    o.ResponseCode = parseInt(p.code[0]); o.ResponseBody = p.body ? p.body[0] : '';\
    o.ResponseHeaders = { 'X-Js': 'yes' }; if (p.raw) { o.OverrideError = true; }\
    return m.ReturnData(request, {});";

async fn gateway(list: &str, up: &Upstream) -> Gateway {
    let builder = build();
    let file = script(&builder, "m.js", &hook(OVERRIDE));
    let hooks = json!({ "driver": "otto", list: [{ "name": "m", "path": file }] });
    let definition = api("a")
        .target(up)
        .set("custom_middleware", hooks)
        .set("version_data.versions.Default.global_response_headers", json!({ "X-Chain": "ran" }));
    builder.api(definition).start().await
}

#[tokio::test]
async fn a_forced_answer_looks_like_tyks() {
    let up = Upstream::named("up").await;
    let gateway = gateway("pre", &up).await;
    let answer = gateway.get("/a/x?code=201&body=%7B%7D").send().await;
    assert_eq!((answer.status, answer.text().as_str()), (201, "{}"));
    for (name, value) in [
        ("server", "tyk"),
        ("content-type", "text/plain; charset=utf-8"),
        ("x-js", "yes"),
        ("x-ratelimit-limit", "0"),
        ("x-ratelimit-remaining", "0"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    assert!(answer.header("date").is_some_and(|date| date.ends_with(" GMT")));
    assert_eq!(answer.header("x-chain"), None, "the response chain waits until the caller is known");
    assert_eq!(answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("date")).count(), 1);

    let raw = gateway.get("/a/x?code=418&body=tea&raw=1").send().await;
    assert_eq!((raw.status, raw.text().as_str(), raw.header("server")), (418, "tea", Some("tyk")));
    let refused = gateway.get("/a/x?code=403&body=no").send().await;
    assert_eq!(refused.error(), (403, "no".to_owned()));
    assert_eq!((refused.header("x-js"), refused.header("server")), (Some("yes"), None));
    assert_eq!(refused.header("content-type"), Some("application/json"));
    assert_eq!(up.count(), 0);
}

#[tokio::test]
async fn behind_auth_the_response_chain_runs_on_it() {
    let up = Upstream::named("up").await;
    let gateway = gateway("post", &up).await;
    let answer = gateway.get("/a/x?code=200&body=x").send().await;
    assert_eq!((answer.status, answer.header("x-chain")), (200, Some("ran")));
    assert_eq!(up.count(), 0);
}
