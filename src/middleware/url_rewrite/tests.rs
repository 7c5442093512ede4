use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    middleware::tests::{Bench, fault, passed},
    session::KeyState,
};

const CONTEXT: &str = "enable_context_vars";

fn bench(rewrites: Value) -> Bench {
    Bench::new(json!({ "extended_paths": { "url_rewrites": rewrites } }), json!({ CONTEXT: true }))
}

/// One entry for `GET` on any path.
fn rule(pattern: &str, to: &str) -> Bench {
    bench(json!([{ "path": "", "method": "GET", "match_pattern": pattern, "rewrite_to": to }]))
}

/// An entry for `/t` with this one trigger; `/default` is its own template.
fn trigger(on: &str, options: Value, to: &str) -> Bench {
    bench(json!([{ "path": "/t", "method": "GET", "match_pattern": "/t", "rewrite_to": "/default",
        "triggers": [{ "on": on, "options": options, "rewrite_to": to }] }]))
}

async fn url(bench: &Bench, path: &str, headers: &str) -> Option<String> {
    let (request, flow) = bench.get(path, headers).await;
    assert!(passed(&flow), "{flow:?}");
    request.rewritten()
}

#[tokio::test]
async fn the_template_is_the_whole_new_url() {
    for (pattern, to, path, expected) in [
        (
            r"users/(\w+)/posts/(\w+)",
            "/v2/posts/$2/of/$1",
            "/app/users/7/posts/99?x=1",
            Some("/v2/posts/99/of/7"),
        ),
        (r"find/(\w+)", "/search?q=$1", "/app/find/abc?z=9", Some("/search?q=abc")),
        (r"keep/(\w+)(.*)", "/search/$1$2", "/app/keep/abc?z=9", Some("/search/abc?z=9")),
        ("(.*)", "$1&n=1", "/app/x?p=1", Some("/app/x?p=1&n=1")),
        ("test/val/(.*)", "change/to/$1", "/app/test/val/VALUE", Some("change/to/VALUE")),
        ("/a", "/$0/$7/b", "/app/a", Some("//a//b")),
        ("zzz(.*)", "/b/$1", "/app/a/c", None),
        ("^/app/a$", "/whole", "/app/a", Some("/whole")),
    ] {
        assert_eq!(url(&rule(pattern, to), path, "").await.as_deref(), expected, "{pattern} {path}");
    }
}

#[tokio::test]
async fn captures_keep_the_clients_encoding() {
    for (pattern, to, path, expected) in [
        ("/e/(.*)", "/out/$1", "/app/e/a%20b", "/out/a%20b"),
        ("/e/(.*)", "/out/$1", "/app/e/a%2Fb", "/out/a%2Fb"),
        ("/e/(.*)", "/out/$1", "/app/e/caf%C3%A9", "/out/caf%C3%A9"),
        ("/e/(.*)", "/out/$1", "/app/e/VALUE%2C?a=te%2Cst", "/out/VALUE%2C?a=te%2Cst"),
        (r"/q\?v=(.*)", "/out?w=$1", "/app/q?v=a%26b", "/out?w=a%26b"),
        (r"/q\?v=(.*)", "/out?w=$1", "/app/q?v=a+b", "/out?w=a+b"),
    ] {
        assert_eq!(url(&rule(pattern, to), path, "").await.as_deref(), Some(expected), "{path}");
    }
}

#[tokio::test]
async fn the_decoded_uri_is_tried_when_the_raw_one_does_not_match() {
    let encoded = "/app/payment%2Dintents";
    assert_eq!(url(&rule("/payment-intents", "/hit"), encoded, "").await.as_deref(), Some("/hit"));
    assert_eq!(url(&rule("/payment%2Dintents", "/hit"), encoded, "").await.as_deref(), Some("/hit"));
    assert_eq!(url(&rule("/nothing", "/hit"), encoded, "").await, None);
    let (status, text) = fault(rule("/nothing", "/hit").get("/app/x?a=%zz", "").await.1);
    assert_eq!((status, text.starts_with("failed to decode URL path: ")), (500, true));
    assert_eq!(url(&rule("x", "/hit"), "/app/x?a=%zz", "").await.as_deref(), Some("/hit"));
}

#[tokio::test]
async fn the_first_entry_with_the_method_is_the_only_one() {
    let bench = bench(json!([
        { "path": "/a", "method": "GET", "match_pattern": "/a", "rewrite_to": "/off", "disabled": true },
        { "path": "/a", "method": "GET", "match_pattern": "p/a(.*)", "rewrite_to": "/first$1" },
        { "path": "/a/b", "method": "GET", "match_pattern": "/a/b(.*)", "rewrite_to": "/second$1" },
    ]));
    assert_eq!(url(&bench, "/app/a/b/c", "").await.as_deref(), Some("/first/b/c"));
    let (request, flow) = bench.send("POST /app/a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n").await;
    assert!(passed(&flow) && request.rewritten().is_none());
}

#[tokio::test]
async fn an_absolute_url_of_another_host_is_final() {
    for (to, expected, retain_host) in [
        ("http://other:81/landed", "http://other:81/landed", true),
        ("https://other", "https://other", true),
        ("/relative", "/relative", false),
        // A missing variable leaves no host: it goes to the default target.
        ("https://$tyk_context.nope/x", "https:///x", false),
        ("tyk://my api__1/x?a_b=1", "tyk://my-api-1/x?a_b=1", false),
        ("tyk://self", "tyk://self", false),
    ] {
        let (request, _) = rule("go", to).get("/app/go", "").await;
        let rewrite = request.ctx.rewrite.unwrap();
        assert_eq!((rewrite.url.to_string().as_str(), rewrite.retain_host), (expected, retain_host), "{to}");
    }
}

#[tokio::test]
async fn what_cannot_be_used() {
    let bench = rule("(", "/x");
    assert_eq!(fault(bench.get("/app/a", "").await.1), (500, "URLRewrite regexp error (".into()));
    let at = "version_data.versions.Default.extended_paths.url_rewrites[0].match_pattern";
    assert!(bench.problem_at(at).contains("no regex"));
    // No URL: the request goes on as it came.
    assert_eq!(url(&rule("go", "http://[::1/x"), "/app/go", "").await, None);
}

#[tokio::test]
async fn a_path_before_the_rewrite_is_kept_for_the_response() {
    let matching = rule("go", "/x").get("/app/go", "").await.0;
    assert_eq!(matching.ctx.path_before_rewrite.as_deref(), Some("/app/go"));
    assert_eq!(matching.ctx.url.path(), "/app/go");
    assert_eq!(rule("no", "/x").get("/app/go", "").await.0.ctx.path_before_rewrite, None);
}

#[tokio::test]
async fn variables_are_escaped_and_clients_name_none() {
    let to = "/c/$tyk_context.headers_X_In/$1";
    let bench = rule("/a/(.*)", to);
    let evil = "/app/a/$tyk_context.path$secret_env.key";
    assert_eq!(
        url(&bench, evil, "X-In: a/b c\r\n").await.as_deref(),
        Some("/c/a%2Fb+c/$tyk_context.path$secret_env.key")
    );
    assert_eq!(
        url(&bench, "/app/a/x", "X-In: $secret_env.key\r\n").await.as_deref(),
        Some("/c/%24secret_env.key/x")
    );
    // Nor where the pattern does not match.
    assert_eq!(url(&rule("zzz", "/x"), evil, "").await, None);
}

#[tokio::test]
async fn the_sticky_target_of_section_0() {
    let bench = bench(json!([{
        "path": "/v1/{.*}", "method": "GET", "match_pattern": "/(.*)", "rewrite_to": "http://lb:8080/$1",
        "triggers": [{ "on": "all", "options": { "header_matches": { "Service-Address": { "match_rx": ".*" } } },
            "rewrite_to": "$tyk_context.trigger-0-Service-Address-0/$1" }],
    }]));
    let path = "/app/v1/hello?x=1";
    for (headers, expected) in [
        ("", "http://lb:8080/app/v1/hello?x=1"),
        ("Service-Address: http://10.0.0.7:9000\r\n", "http://10.0.0.7:9000/app/v1/hello?x=1"),
        ("Service-Address: http://a/base\r\nService-Address: http://b\r\n", "http://a/base/app/v1/hello?x=1"),
        ("Service-Address: h:1\r\n", "h%3A1/app/v1/hello?x=1"),
        ("Service-Address:\r\n", "/app/v1/hello?x=1"),
    ] {
        assert_eq!(url(&bench, path, headers).await.as_deref(), Some(expected), "{headers}");
    }
    assert_eq!(url(&bench, "/app/other", "Service-Address: http://a\r\n").await, None);
}

#[tokio::test]
async fn triggers_need_any_or_all() {
    let both = json!({ "header_matches": { "X-A": { "match_rx": "1" } }, "query_val_matches": { "b": { "match_rx": "2" } } });
    for (on, path, headers, expected) in [
        ("all", "/app/t", "X-A: 1\r\n", "/default"),
        ("all", "/app/t?b=2", "", "/default"),
        ("all", "/app/t?b=2", "X-A: 1\r\n", "/hit"),
        ("", "/app/t?b=2", "X-A: 1\r\n", "/hit"),
        ("any", "/app/t", "X-A: 1\r\n", "/hit"),
        ("any", "/app/t?b=2", "", "/hit"),
        ("any", "/app/t?b=3", "X-A: 2\r\n", "/default"),
    ] {
        let bench = trigger(on, both.clone(), "/hit");
        assert_eq!(url(&bench, path, headers).await.as_deref(), Some(expected), "{on} {path} {headers}");
    }
    assert_eq!(url(&trigger("all", json!({}), "/hit"), "/app/t", "").await.as_deref(), Some("/hit"));
    assert_eq!(url(&trigger("any", json!({}), "/hit"), "/app/t", "").await.as_deref(), Some("/default"));
}

#[tokio::test]
async fn matches_are_counted_by_value_not_by_key() {
    let two = json!({ "header_matches": { "X-A": { "match_rx": "1" }, "X-B": { "match_rx": "1" } } });
    let bench = trigger("all", two, "/hit");
    assert_eq!(url(&bench, "/app/t", "X-A: 1\r\n").await.as_deref(), Some("/default"));
    assert_eq!(url(&bench, "/app/t", "X-A: 1\r\nX-A: 1\r\n").await.as_deref(), Some("/hit"));
}

#[tokio::test]
async fn a_reverse_match_needs_presence_and_makes_no_variable() {
    let options = json!({ "header_matches": { "X-A": { "match_rx": "^1$", "reverse": true } } });
    let bench = trigger("all", options, "/hit/$tyk_context.trigger-0-X-A-0");
    assert_eq!(url(&bench, "/app/t", "X-A: 1\r\n").await.as_deref(), Some("/default"));
    assert_eq!(url(&bench, "/app/t", "X-A: 2\r\n").await.as_deref(), Some("/hit/"));
    assert_eq!(url(&bench, "/app/t", "").await.as_deref(), Some("/default"));
}

#[tokio::test]
async fn triggers_make_variables() {
    let kind = "$tyk_context.trigger-0-X-Kind-0";
    for (options, to, path, headers, expected) in [
        (
            json!({ "header_matches": { "x-test": { "match_rx": "hello-(\\w+)" } } }),
            "/c/$tyk_context.trigger-0-X-Test-0-0".to_owned(),
            "/app/t",
            "x-test: hello-world\r\n",
            "/c/world",
        ),
        (
            json!({ "header_matches": { "X-Kind": { "match_rx": "^(\\w+)-(\\w+)$" } } }),
            format!("/hit/{kind}-0/{kind}-1/{kind}-2"),
            "/app/t",
            "X-Kind: ab-cd\r\n",
            "/hit/ab/cd/",
        ),
        (
            json!({ "header_matches": { "X-Kind": { "match_rx": "^b.*" } } }),
            format!("/hit/{kind}/$tyk_context.trigger-0-X-Kind-1"),
            "/app/t",
            "X-Kind: a1\r\nX-Kind: b2\r\n",
            "/hit//b2",
        ),
        (
            json!({ "query_val_matches": { "culture": { "match_rx": "^en.*" } } }),
            "/hit/$tyk_context.trigger-0-culture-0".into(),
            "/app/t?culture=fr&culture=en-GB",
            "",
            "/hit/",
        ),
        (
            json!({ "path_part_matches": { "pathpart": { "match_rx": "foo" } } }),
            "/$tyk_context.trigger-0-pathpart-0/biz/$tyk_context.trigger-0-pathpart-1".into(),
            "/app/t/foo/rewrite/foo2",
            "",
            "/foo/biz/foo",
        ),
        (
            json!({ "request_context_matches": { "headers_X_Kind": { "match_rx": "^v(.)" } } }),
            "/$tyk_context.trigger-0-headers_X_Kind-0/$tyk_context.trigger-0-headers_X_Kind".into(),
            "/app/t",
            "X-Kind: v9\r\n",
            "/9/v9",
        ),
        (
            json!({ "request_context_matches": { "path_parts": { "match_rx": ".*" } } }),
            "/hit".into(),
            "/app/t",
            "",
            "/default",
        ),
    ] {
        let bench = trigger("all", options, &to);
        assert_eq!(url(&bench, path, headers).await.as_deref(), Some(expected), "{to}");
    }
}

#[tokio::test]
async fn variables_of_a_failed_trigger_stay() {
    let bench = bench(json!([{ "path": "/t", "method": "GET", "match_pattern": "/t",
        "rewrite_to": "/d/$tyk_context.trigger-0-X-A-0",
        "triggers": [{ "on": "all", "rewrite_to": "/one", "options": {
            "header_matches": { "X-A": { "match_rx": ".*" } }, "query_val_matches": { "no": { "match_rx": "." } } } }] }]));
    assert_eq!(url(&bench, "/app/t", "X-A: v\r\n").await.as_deref(), Some("/d/v"));
}

#[tokio::test]
async fn the_meta_data_of_the_key_chooses_and_prints() {
    let gold = json!({ "tier": "gold-7", "n": 7 });
    let key = |meta: &serde_json::Value| {
        let state = serde_json::from_value(json!({ "meta_data": meta })).unwrap();
        KeyState { id: "k".into(), hash: "k".into(), state: Arc::new(state), stored: true, modified: false }
    };
    let to = "/$tyk_meta.tier/$tyk_context.trigger-0-tier/$tyk_context.trigger-0-tier-0";
    for (on, matches, meta, expected) in [
        ("all", json!({ "tier": { "match_rx": "gold-(.)" } }), Some(&gold), "/gold-7/gold-7/7"),
        ("any", json!({ "tier": { "match_rx": "gold-(.)" } }), Some(&gold), "/gold-7/gold-7/7"),
        ("all", json!({ "tier": { "match_rx": "silver" } }), Some(&gold), "/default"),
        ("all", json!({ "tier": { "match_rx": "silver", "reverse": true } }), Some(&gold), "/gold-7//"),
        ("all", json!({ "n": { "match_rx": "7" } }), Some(&gold), "/default"),
        ("all", json!({ "absent": { "match_rx": ".", "reverse": true } }), Some(&gold), "/default"),
        ("all", json!({ "tier": { "match_rx": "." } }), None, "/default"),
    ] {
        let bench = trigger(on, json!({ "session_meta_matches": matches }), to);
        let mut request = bench.request("GET /app/t HTTP/1.1\r\nHost: h\r\n\r\n").await;
        request.ctx.state = meta.map(key);
        bench.chain.request(&mut request.session, &mut request.ctx).await.unwrap();
        assert_eq!(request.rewritten().as_deref(), Some(expected), "{matches}");
    }
}

#[tokio::test]
async fn conditions_that_never_match_are_named() {
    let at = "version_data.versions.Default.extended_paths.url_rewrites[0].triggers[0].options";
    for (options, path) in [
        (json!({ "header_matches": { "X-A": { "match_rx": "(" } } }), "header_matches.X-A.match_rx"),
        (json!({ "header_matches": { "Host": { "match_rx": ".*" } } }), "header_matches.Host"),
        (
            json!({ "session_meta_matches": { "tier": { "match_rx": "(" } } }),
            "session_meta_matches.tier.match_rx",
        ),
        (json!({ "payload_matches": { "match_rx": "(" } }), "payload_matches.match_rx"),
    ] {
        let bench = trigger("all", options, "/hit");
        assert_eq!(url(&bench, "/app/t", "X-A: (\r\n").await.as_deref(), Some("/default"));
        bench.problem_at(&format!("{at}.{path}"));
    }
}

#[tokio::test]
async fn without_context_variables_only_triggers_make_some() {
    let version = json!({ "extended_paths": { "url_rewrites": [{ "path": "/c", "method": "GET", "match_pattern": "/c",
        "rewrite_to": "/ctx?h=$tyk_context.headers_X_Tenant" }] } });
    let bench = Bench::new(version, json!({}));
    assert_eq!(url(&bench, "/app/c", "X-Tenant: acme\r\n").await.as_deref(), Some("/ctx?h="));
}

#[tokio::test]
async fn a_payload_is_searched_whole() {
    let body = "{\"foo\":\"barxxx\",\"fooble\":\"baryyy\"}";
    let first = "$tyk_context.trigger-0-payload";
    for (matched, reverse, body, to, expected) in [
        (
            "bar(\\w*)",
            false,
            body,
            format!("/{first}/{first}-1/{first}-0-0/{first}-1-0"),
            "/barxxx/baryyy/xxx/yyy",
        ),
        ("bar(\\w*)", false, body, format!("/hit{first}-2/{first}-0-1"), "/hit/"),
        ("bar(\\w*)", false, "", "/hit".into(), "/default"),
        ("bar(\\w*)", true, body, "/hit".into(), "/default"),
        ("bar(\\w*)", true, "", "/hit".into(), "/hit"),
        ("^none$", true, body, format!("/hit{first}"), "/hit"),
    ] {
        let options = json!({ "payload_matches": { "match_rx": matched, "reverse": reverse } });
        let bench =
            bench(json!([{ "path": "/t", "method": "POST", "match_pattern": "/t", "rewrite_to": "/default",
            "triggers": [{ "on": "all", "options": options, "rewrite_to": to }] }]));
        let raw = format!("POST /app/t HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let (request, flow) = bench.send(&raw).await;
        assert!(flow.is_ok());
        assert_eq!(request.rewritten().as_deref(), Some(expected), "{matched} {reverse} {to}");
        assert_eq!(request.ctx.body.as_deref(), (!body.is_empty()).then_some(body.as_bytes()));
    }
}

#[tokio::test]
async fn other_endpoints_leave_bodies_alone() {
    let bench = bench(json!([
        { "path": "/t", "method": "POST", "match_pattern": "/t", "rewrite_to": "/d",
          "triggers": [{ "on": "all", "options": { "payload_matches": { "match_rx": "x" } }, "rewrite_to": "/x" }] },
        { "path": "/u", "method": "POST", "match_pattern": "/u", "rewrite_to": "/e" },
    ]));
    let (request, _) = bench.send("POST /app/u HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx").await;
    assert_eq!((request.rewritten().as_deref(), request.ctx.body), (Some("/e"), None));
}
