//! The response cache from outside: what is a hit, what is kept, and what becomes of it.

mod outage;
mod records;
mod storage;
mod whole;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::support::{
    client::Response,
    definition::{Definition, api},
    gateway::{Builder, Gateway},
    until,
    upstream::{Answer, Seen, Upstream},
};

/// An API with this cache.
fn cached(id: &str, upstream: &Upstream, options: Value) -> Definition {
    let mut all = json!({ "enable_cache": true, "cache_timeout": 60, "cache_all_safe_requests": true });
    all.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    api(id).target(upstream).set("cache_options", all)
}

/// An upstream that answers with these lines of a head, and with a body that counts its answers.
async fn counting(head: &'static str) -> Upstream {
    let count = AtomicUsize::new(0);
    answering(move |seen| {
        let body = format!("answer {}", count.fetch_add(1, Relaxed));
        let body = if seen.method == "HEAD" { "" } else { &body };
        format!("{head}\r\nContent-Length: 8\r\nConnection: close\r\n\r\n{body}").into_bytes()
    })
    .await
}

async fn answering(answer: impl Fn(&Seen) -> Vec<u8> + Send + Sync + 'static) -> Upstream {
    Upstream::answering(Answer::By(Arc::new(answer))).await
}

fn count(gateway: &Gateway, id: &str, result: &str) -> u64 {
    let series = format!("pinhook_response_cache_total{{api=\"{id}\",result=\"{result}\"}}");
    gateway.metric(&series).unwrap_or_default() as u64
}

/// Waits until so many answers of the API have been kept: nobody else waits for it.
async fn stored(gateway: &Gateway, id: &str, times: u64) {
    until("an answer is kept", async || count(gateway, id, "stored") == times).await;
}

fn is_hit(response: &Response) -> bool {
    response.header("x-tyk-cached-response") == Some("1")
}

/// Asks twice and says whether the second answer came out of the cache.
async fn twice(gateway: &Gateway, id: &str, path: &str) -> bool {
    let target = format!("/{id}{path}");
    let first = gateway.get(&target).send().await;
    assert!(!is_hit(&first), "{target}");
    // What is not kept is so at once; what is kept takes a moment.
    for _ in 0..40 {
        if count(gateway, id, "stored") > 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let second = gateway.get(&target).send().await;
    if is_hit(&second) {
        assert_eq!((second.status, &second.body), (first.status, &first.body), "{target}");
    }
    is_hit(&second)
}

#[tokio::test]
async fn a_hit_is_the_first_answer_marked() {
    let up = counting("HTTP/1.1 203 Fine\r\nX-Up: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2").await;
    let gateway = Gateway::build().api(cached("c", &up, json!({}))).start().await;
    let first = gateway.get("/c/a?x=1").send().await;
    stored(&gateway, "c", 1).await;
    let hit = gateway.get("/c/a?x=1").header("X-Other", "1").send().await;

    assert!(!is_hit(&first) && is_hit(&hit));
    assert_eq!((hit.status, hit.text()), (203, "answer 0".to_owned()));
    assert_eq!((hit.header("x-up"), hit.header("x-ratelimit-limit")), (Some("1"), Some("0")));
    let cookies = hit.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    assert_eq!(cookies.map(|(_, value)| value.as_str()).collect::<Vec<_>>(), ["a=1", "b=2"]);
    for (method, target) in [("GET", "/c/a"), ("GET", "/c/a?x=2"), ("HEAD", "/c/a?x=1"), ("POST", "/c/a?x=1")]
    {
        assert!(!is_hit(&gateway.request(method, target).send().await), "{method} {target}");
    }
    assert_eq!((count(&gateway, "c", "hit"), count(&gateway, "c", "miss")), (1, 4));
}

#[tokio::test]
async fn an_answer_to_head_has_its_length_and_no_body() {
    let up = counting("HTTP/1.1 200 OK").await;
    let gateway = Gateway::build().api(cached("c", &up, json!({}))).start().await;
    let mut connection = gateway.connect().await;
    for hit in [false, true] {
        connection.send("HEAD /c/a HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let answer = connection.head_response().await;
        assert_eq!((answer.status, answer.header("content-length")), (200, Some("8")));
        assert_eq!(is_hit(&answer), hit);
        stored(&gateway, "c", 1).await;
    }
    assert_eq!(up.count(), 1);
}

#[tokio::test]
async fn headers_may_belong_to_the_key() {
    let up = counting("HTTP/1.1 200 OK").await;
    let options = json!({ "cache_by_headers": ["X-Lang"] });
    let gateway = Gateway::build().api(cached("c", &up, options)).start().await;
    for (lang, hit) in [("en", false), ("de", false), ("en", true), ("de", true)] {
        let answer = gateway.get("/c/a").header("X-Lang", lang).send().await;
        assert_eq!(is_hit(&answer), hit, "{lang}");
        stored(&gateway, "c", up.count() as u64).await;
    }
}

#[tokio::test]
async fn endpoints_have_rules_of_their_own() {
    let up = counting("HTTP/1.1 404 Not Found").await;
    let entry = |path: &str, more: Value| {
        let mut entry = json!({ "path": path, "method": "POST" });
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        entry
    };
    let options = json!({ "cache_all_safe_requests": false, "cache_response_codes": [200] });
    let definition = cached("c", &up, options).endpoints("cache", json!(["/plain"])).endpoints(
        "advance_cache_config",
        json!([
            entry("/keyed", json!({ "cache_key_regex": "id=[0-9]+", "cache_response_codes": [404] })),
            entry("/whole", json!({ "cache_response_codes": [404] })),
            entry("/general", json!({})),
            entry("/off", json!({ "cache_response_codes": [404], "disabled": true })),
        ]),
    );
    let gateway = Gateway::build().api(definition).start().await;
    let mut kept = 0;
    for (path, body, hit) in [
        ("/c/keyed", "id=1&n=a", false),
        ("/c/keyed", "id=1&n=b", true),
        ("/c/keyed", "id=2", false),
        ("/c/whole", "a", false),
        ("/c/whole", "b", false),
        ("/c/whole", "a", true),
    ] {
        let answer = gateway.request("POST", path).body(body).send().await;
        assert_eq!(is_hit(&answer), hit, "{path} {body}");
        kept += u64::from(!hit);
        stored(&gateway, "c", kept).await;
    }
    for path in ["/c/general", "/c/off", "/c/none"] {
        for _ in 0..2 {
            assert!(!is_hit(&gateway.request("POST", path).body("a").send().await), "{path}");
        }
    }
    assert!(!is_hit(&gateway.get("/c/keyed").send().await), "another method");
    assert_eq!(up.last().target, "/keyed");
    let before = up.count();
    gateway.get("/c/plain").send().await;
    gateway.get("/c/plain").send().await;
    assert_eq!(up.count(), before + 2, "404 is not among the codes of the API");
    assert_eq!(count(&gateway, "c", "stored"), kept);
}

#[tokio::test]
async fn statuses_and_the_upstream_decide() {
    let codes = json!({ "cache_response_codes": [200] });
    let control =
        json!({ "cache_response_codes": [200], "enable_upstream_cache_control": true, "cache_timeout": 0 });
    for (head, options, hit) in [
        ("HTTP/1.1 404 Not Found", json!({}), true),
        ("HTTP/1.1 404 Not Found", codes.clone(), false),
        ("HTTP/1.1 200 OK", codes, true),
        ("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-7/99", json!({}), false),
        ("HTTP/1.1 200 OK", json!({ "cache_timeout": 0 }), false),
        ("HTTP/1.1 200 OK\r\nx-tyk-cache-action-set-ttl: 60", control.clone(), true),
        (
            "HTTP/1.1 404 Not Found\r\nx-tyk-cache-action-set: 1\r\nx-tyk-cache-action-set-ttl: 60",
            control.clone(),
            true,
        ),
        ("HTTP/1.1 404 Not Found\r\nx-tyk-cache-action-set-ttl: 60", control, false),
        ("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream", json!({}), false),
    ] {
        let up = counting(head).await;
        let gateway = Gateway::build().api(cached("c", &up, options.clone())).start().await;
        assert_eq!(twice(&gateway, "c", "/a").await, hit, "{head} {options}");
    }
}

#[tokio::test]
async fn a_client_that_has_the_answer_is_told_so() {
    let up = counting("HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nContent-Type: text/x").await;
    let gateway = Gateway::build().api(cached("c", &up, json!({}))).start().await;
    gateway.get("/c/a").send().await;
    stored(&gateway, "c", 1).await;
    for (known, status) in [("\"v1\"", 304), ("\"v0\", \"v1\"", 304), ("\"v2\"", 200)] {
        let answer = gateway.get("/c/a").header("If-None-Match", known).send().await;
        assert_eq!((answer.status, answer.body.is_empty()), (status, status == 304), "{known}");
        assert_eq!((is_hit(&answer), answer.header("etag")), (true, Some("\"v1\"")));
        assert_eq!(answer.header("content-type").is_none(), status == 304);
    }
    assert_eq!(up.count(), 1);
}

#[tokio::test]
async fn keys_do_not_share_answers() {
    let up = counting("HTTP/1.1 200 OK").await;
    let definition = cached("c", &up, json!({})).set("use_keyless", false);
    let gateway =
        Gateway::build().api(definition.set("auth.auth_header_name", "Authorization")).start().await;
    let state = json!({
        "org_id": "org", "quota_max": 5, "quota_renewal_rate": 60,
        "access_rights": { "c": { "api_id": "c", "api_name": "c", "versions": ["Default"] } },
    });
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let made = gateway.control("POST", "/tyk/keys/create").body(state.to_string()).send().await.json();
        tokens.push(made["key"].as_str().unwrap().to_owned());
    }
    let ask = async |token: &str| gateway.get("/c/a").header("Authorization", token).send().await;
    assert!(!is_hit(&ask(&tokens[0]).await) && !is_hit(&ask(&tokens[1]).await));
    stored(&gateway, "c", 2).await;
    let hits = [ask(&tokens[0]).await, ask(&tokens[1]).await];
    assert_eq!(
        hits.each_ref().map(|hit| (is_hit(hit), hit.text())),
        [(true, "answer 0".into()), (true, "answer 1".into())]
    );
    assert_eq!(hits[0].header("x-ratelimit-remaining"), Some("3"), "a hit counts");
    assert_eq!(gateway.get("/c/a").send().await.status, 401, "auth runs before");
}

#[tokio::test]
async fn a_compressed_answer_is_not_for_everybody() {
    let up = answering(|seen| {
        let coding = seen.header("accept-encoding").map_or("", |_| "Content-Encoding: gzip\r\n");
        format!("HTTP/1.1 200 OK\r\n{coding}Content-Length: 1\r\nConnection: close\r\n\r\nx").into_bytes()
    });
    let up = up.await;
    let gateway = Gateway::build().api(cached("c", &up, json!({}))).start().await;
    let compressed = async || gateway.get("/c/a").header("Accept-Encoding", "br, gzip;q=0.5").send().await;
    assert!(!is_hit(&compressed().await));
    stored(&gateway, "c", 1).await;
    let hit = compressed().await;
    assert_eq!((is_hit(&hit), hit.header("content-encoding")), (true, Some("gzip")));
    let plain = gateway.get("/c/a").send().await;
    assert_eq!((is_hit(&plain), plain.header("content-encoding")), (false, None));
    stored(&gateway, "c", 2).await;
    assert!(is_hit(&gateway.get("/c/a").send().await));
}

#[tokio::test]
async fn a_response_hooks_edits_are_kept_and_it_does_not_run_on_a_hit() {
    let up = counting("HTTP/1.1 200 OK").await;
    let source = "function Edit(request, response, session, metadata, spec)\n\
        response.raw_body = response.raw_body .. ' edited'\n return response\nend\n";
    let builder = Gateway::build().config(|config| config.coprocess_options.enable_coprocess = true);
    let path = builder.folder().join("hook.lua");
    let definition = cached("c", &up, json!({})).set("custom_middleware.driver", "lua");
    let definition = definition.entry("response", json!({ "name": "Edit", "path": path }));
    let gateway = builder.file("hook.lua", source).api(definition).start().await;
    let first = gateway.get("/c/a").send().await;
    assert_eq!(first.text(), "answer 0 edited");
    stored(&gateway, "c", 1).await;
    let hit = gateway.get("/c/a").send().await;
    assert_eq!((is_hit(&hit), hit.text()), (true, "answer 0 edited".to_owned()));
    assert_eq!(count(&gateway, "c", "stored"), 1);
}

#[tokio::test]
async fn the_answer_of_a_virtual_endpoint_is_kept() {
    let up = Upstream::named("up").await;
    let source =
        "function v(request) { return TykJsResponse({ Body: String(Math.random()), Code: 203 }, {}); }";
    let entry = json!([{
        "path": "/v", "method": "GET", "response_function_name": "v",
        "function_source_type": "blob", "function_source_uri": STANDARD.encode(source),
    }]);
    let definition = cached("c", &up, json!({})).endpoints("virtual", entry);
    let builder = Gateway::build().config(|config| config.enable_jsvm = true);
    let gateway = builder.api(definition).start().await;
    let first = gateway.get("/c/v").send().await;
    stored(&gateway, "c", 1).await;
    let hit = gateway.get("/c/v").send().await;
    assert_eq!((is_hit(&hit), hit.status, hit.text()), (true, 203, first.text()));
    for name in ["server", "content-type"] {
        assert_eq!(hit.header(name), first.header(name), "{name}");
    }
}

#[tokio::test]
async fn endpoints_that_are_cached_without_the_switch_are_named() {
    let up = Upstream::named("up").await;
    let definition = api("c").target(&up).endpoints("cache", json!(["/a"]));
    let gateway = Gateway::build().api(definition).start().await;
    let status = gateway.control("GET", "/tyk/apis/c/status").send().await;
    assert!(status.text().contains("cache_options.enable_cache"), "{}", status.text());
    assert!(!twice(&gateway, "c", "/a").await);
}
