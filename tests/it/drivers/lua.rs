//! Lua hooks in a whole gateway, with the examples as fixtures. What every driver has in common is tested by the matrix.

use std::{path::PathBuf, time::Duration};

use pinhook::config::SinkKind;
use serde_json::{Value, json};

use crate::support::{
    definition::{Definition, api},
    gateway::{Builder, Gateway},
    until,
    upstream::{Answer, Upstream},
};

fn example(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("plugins/examples/lua").join(name)
}

fn build() -> Builder {
    Gateway::build().config(|config| config.coprocess_options.enable_coprocess = true)
}

fn lua(id: &str, upstream: &Upstream) -> Definition {
    api(id).target(upstream).set("custom_middleware.driver", "lua")
}

fn hook(definition: Definition, list: &str, file: &str, function: &str) -> Definition {
    definition.entry(list, json!({ "name": function, "path": example(file) }))
}

/// A gateway with a pre hook whose source is `text`.
async fn with_script(upstream: &Upstream, text: &str) -> Gateway {
    let builder = build();
    let path = builder.folder().join("hook.lua");
    let definition = lua("a", upstream).entry("pre", json!({ "name": "F", "path": path }));
    builder.file("hook.lua", text).api(definition).start().await
}

#[tokio::test]
async fn request_examples() {
    let (upstream, elsewhere) = (Upstream::named("up").await, Upstream::named("elsewhere").await);
    let sticky =
        json!({ "sticky": { "cookie": "at", "header": "X-At", "targets": { "b": elsewhere.url() } } });
    let closed = json!({ "maintenance": { "on": true, "retry_after": 120, "message": "Back at noon." } });
    let gateway = build()
        .api(hook(lua("add", &upstream), "pre", "add_header.lua", "AddHeader"))
        .api(hook(lua("sticky", &upstream), "pre", "sticky.lua", "Sticky").set("config_data", sticky))
        .api(hook(lua("shut", &upstream), "pre", "maintenance.lua", "Maintenance").set("config_data", closed))
        .api(hook(lua("open", &upstream), "pre", "maintenance.lua", "Maintenance"))
        .api(hook(lua("post", &upstream), "post", "envelope.lua", "Envelope"))
        .start()
        .await;

    gateway.get("/add/x").header("foo", "old").send().await;
    assert_eq!(upstream.last().header("foo").as_deref(), Some("Bar"));

    assert_eq!(gateway.get("/sticky/x").header("Cookie", "q=1; at=b").send().await.text(), "elsewhere");
    assert_eq!(gateway.get("/sticky/x").header("X-At", "b").send().await.text(), "elsewhere");
    assert_eq!(gateway.get("/sticky/x").header("X-At", "z").send().await.text(), "up");

    let shut = gateway.get("/shut/x").send().await;
    assert_eq!((shut.status, shut.text().as_str()), (503, "Back at noon."));
    assert_eq!((shut.header("retry-after"), shut.header("content-type")), (Some("120"), Some("text/plain")));
    assert_eq!(gateway.get("/open/x").send().await.text(), "up");

    gateway.request("POST", "/post/x?debug=1&a=b").body(r#"{"n":1}"#).send().await;
    let seen = upstream.last();
    assert_eq!((seen.target.as_str(), &*seen.body), ("/x?a=b&source=gateway", &br#"{"order":{"n":1}}"#[..]));
}

#[tokio::test]
async fn auth_examples() {
    let upstream = Upstream::named("up").await;
    let tokens = json!({ "tokens": { "s3cret": { "alias": "alice", "rate": 2, "per": 60, "quota_max": -1, "tier": "gold" } } });
    let definition = lua("a", &upstream)
        .set("use_keyless", false)
        .set("custom_plugin_auth_enabled", true)
        .set(
            "custom_middleware.auth_check",
            json!({ "name": "CheckToken", "path": example("check_token.lua") }),
        )
        .set("config_data", tokens);
    let gateway =
        build().api(hook(definition, "post_key_auth", "tag_partner.lua", "TagPartner")).start().await;
    let call = |token: &str| gateway.get("/a/x").header("X-Token", token);

    assert_eq!(call("s3cret").send().await.status, 200);
    let seen = upstream.last();
    assert_eq!(
        (seen.header("x-alias").as_deref(), seen.header("x-tier").as_deref()),
        (Some("alice"), Some("gold"))
    );
    let stored = gateway.control("GET", "/tyk/keys/s3cret?org_id=org").send().await.json();
    assert_eq!((&stored["alias"], &stored["meta_data"]["token"]), (&json!("alice"), &json!("s3cret")));
    for (response, status, text) in [
        (gateway.get("/a/x").send().await, 401, "X-Token is missing"),
        (call("other").send().await, 403, "unknown token"),
    ] {
        assert_eq!((response.status, response.json()["error"].as_str()), (status, Some(text)));
    }
    assert_eq!(call("s3cret").send().await.status, 200);
    assert_eq!(call("s3cret").send().await.status, 429, "its rate counts");
}

#[tokio::test]
async fn a_response_is_masked() {
    let body = br#"{"user":{"iban":"DE12","name":"x"}}"#;
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let answer = [answer.as_bytes(), body].concat();
    let upstream = Upstream::answering(Answer::By(std::sync::Arc::new(move |_| answer.clone()))).await;
    let definition = hook(lua("a", &upstream), "response", "mask_json.lua", "MaskJson");
    let gateway = build().api(definition.set("config_data", json!({ "mask": ["iban"] }))).start().await;

    let response = gateway.get("/a/x").send().await;

    assert_eq!(response.json(), json!({ "user": { "iban": "****", "name": "x" } }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_aggregator_asks_two_apis_at_once() {
    let upstream = Upstream::answering(Answer::By(std::sync::Arc::new(|seen| {
        let body = format!("\"{}\"", seen.header("x-user").unwrap_or_default());
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
            .into_bytes()
    })))
    .await;
    let page = json!([{
        "path": "/dashboard", "method": "GET", "response_function_name": "Dashboard",
        "function_source_type": "file", "function_source_uri": example("dashboard.lua"), "pinhook": { "driver": "lua" },
    }]);
    let front = |id: &str, stock: &str| {
        let config = json!({ "dashboard": { "orders": "tyk://orders/", "stock": stock } });
        lua(id, &upstream).set("config_data", config).endpoints("virtual", page.clone())
    };
    let gateway = build()
        .api(front("a", "tyk://stock/"))
        .api(front("b", "tyk://nowhere/"))
        .api(api("orders").target(&upstream).set("internal", true))
        .api(api("stock").target(&upstream))
        .start()
        .await;

    let whole = gateway.get("/a/dashboard").header("X-User", "bob").send().await;
    assert_eq!(
        (whole.status, whole.json()),
        (200, json!({ "user": "bob", "orders": "bob", "stock": "bob", "missing": [] }))
    );
    let part = gateway.get("/b/dashboard").send().await.json();
    assert_eq!((&part["orders"], &part["missing"]), (&json!("nobody"), &json!(["stock"])));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_is_kept_for_later_requests() {
    let upstream = Upstream::named("up").await;
    let text = "function F(request)
        local seen = tonumber(tyk.get_data('seen') or '0') + 1
        TykGateway.store_data('seen', tostring(seen), 60)
        request.set_header('X-Seen', seen)
    end";
    let gateway = with_script(&upstream, text).await;
    for seen in ["1", "2", "3"] {
        gateway.get("/a/x").send().await;
        assert_eq!(upstream.last().header("x-seen").as_deref(), Some(seen));
    }
}

#[tokio::test]
async fn records_are_edited() {
    let upstream = Upstream::named("up").await;
    let records = tempfile::tempdir().unwrap();
    let path = records.path().join("records.jsonl");
    let wish = json!({ "enable": true, "plugin_path": example("anonymise.lua"), "func_name": "Anonymise",
        "pinhook": { "driver": "lua" } });
    let shown = path.display().to_string();
    let gateway = build()
        .config(|config| {
            config.enable_analytics = true;
            config.pinhook.analytics.sink = SinkKind::File;
            config.pinhook.analytics.path = shown;
        })
        .api(api("a").target(&upstream).set("analytics_plugin", wish))
        .start()
        .await;
    gateway.get("/a/x").send().await;
    let read = || {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        text.lines().find_map(|line| serde_json::from_str::<Value>(line).ok())
    };
    until("the record", async || read().is_some()).await;
    let record = read().unwrap();
    assert_eq!((&record["ip_address"], &record["tags"][0]), (&json!("127.0.0.0"), &json!("anonymised")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_scripts_cost_their_request_alone() {
    let upstream = Upstream::named("up").await;
    let text = "function F(request)
        local what = request.headers['X-What']
        if what == 'error' then error('on purpose') end
        if what == 'loop' then while true do end end
        if what == 'memory' then local t = {} while true do t[#t + 1] = ('x'):rep(100000) .. #t end end
        if what == 'deep' then local function f() return 1 + f() end f() end
        if what == 'type' then return 7 end
        if what == 'header' then request.set_header('a b', 'c') end
        if what == 'status' then request.return_overrides.response_code = 42 end
        if what == 'pollute' then string.upper, stray = nil, 1 end
        request.set_header('X-Out', ('x'):upper() .. tostring(stray) .. type(string.upper))
    end";
    let builder = build().config(|config| config.pinhook.script_memory = 8 << 20);
    let path = builder.folder().join("hook.lua");
    let entry = json!({ "name": "F", "path": path, "pinhook": { "timeout_ms": 400 } });
    let gateway = builder.file("hook.lua", text).api(lua("a", &upstream).entry("pre", entry)).start().await;
    for what in ["error", "loop", "memory", "deep", "type", "header", "status", "pollute"] {
        let bad = gateway.get("/a/x").header("X-What", what).send().await;
        if what != "pollute" {
            assert_eq!((bad.status, bad.json()["error"].as_str()), (500, Some("Middleware error")), "{what}");
        }
        assert_eq!(gateway.get("/a/x").send().await.text(), "up", "after {what}");
        assert_eq!(upstream.last().header("x-out").as_deref(), Some("Xnilfunction"), "after {what}");
    }
}

#[tokio::test]
async fn what_cannot_be_loaded_answers_500_until_it_is_mended() {
    let upstream = Upstream::named("up").await;
    for text in ["function F(", "function G() end", "error('no')"] {
        let gateway = with_script(&upstream, text).await;
        let broken = gateway.get("/a/x").send().await;
        assert_eq!(
            (broken.status, broken.json()["error"].as_str()),
            (500, Some("Internal Server Error")),
            "{text}"
        );
        gateway.write("hook.lua", "function F(request) request.set_header('X-Out', 'mended') end");
        gateway.reload().await;
        gateway.get("/a/x").send().await;
        assert_eq!(upstream.last().header("x-out").as_deref(), Some("mended"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_while_a_script_runs_lets_it_end() {
    let upstream = Upstream::named("up").await;
    let script = |mark: &str| {
        format!(
            "function F(request) local t = os.clock() while os.clock() - t < 0.3 do end request.set_header('X-Out', '{mark}') end"
        )
    };
    let gateway = with_script(&upstream, &script("old")).await;
    let request = gateway.get("/a/x");
    let running = tokio::spawn(request.send());
    tokio::time::sleep(Duration::from_millis(100)).await;
    gateway.write("hook.lua", script("new"));
    gateway.reload().await;
    assert_eq!(running.await.unwrap().status, 200);
    assert_eq!(upstream.last().header("x-out").as_deref(), Some("old"));
    gateway.get("/a/x").send().await;
    assert_eq!(upstream.last().header("x-out").as_deref(), Some("new"));
}

#[tokio::test]
async fn a_parked_rewrite_is_what_post_hooks_see_and_edit() {
    let upstream = Upstream::named("up").await;
    let builder = build();
    let path = builder.folder().join("hook.lua");
    let rewrites =
        json!([{ "path": "/from", "method": "GET", "match_pattern": "/from", "rewrite_to": "/to?r=1" }]);
    let definition = lua("a", &upstream)
        .entry("post", json!({ "name": "F", "path": path }))
        .endpoints("url_rewrites", rewrites)
        .endpoints("method_transforms", json!([{ "path": "/from", "method": "GET", "to_method": "PUT" }]));
    let text = "function F(request)
        request.set_header('X-Out', request.method .. ' ' .. request.url)
        request.url = request.url:gsub('/to', '/there')
    end";
    let gateway = builder.file("hook.lua", text).api(definition).start().await;
    gateway.get("/a/from").send().await;
    let seen = upstream.last();
    assert_eq!(seen.header("x-out").as_deref(), Some("PUT /to?r=1"));
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("PUT", "/there?r=1"));
}

/// What the gateway puts on an answer and takes off it comes after the hooks (plugins reference 1.4).
#[tokio::test]
async fn a_response_hook_sees_the_upstreams_own_headers() {
    let upstream = Upstream::raw(
        "HTTP/1.1 200 OK\r\nX-RateLimit-Limit: 7\r\nConnection: X-Hop\r\nX-Hop: 1\r\nContent-Length: 2\r\n\r\nup",
    )
    .await;
    let builder = build();
    let path = builder.folder().join("hook.lua");
    let text = "function F(request, response)
        local headers = response.headers
        headers['X-Seen'] = tostring(headers['X-Ratelimit-Limit']) .. ' ' .. tostring(headers['X-Hop'])
        headers['X-Ratelimit-Limit'], headers['X-Ratelimit-Remaining'] = '9', '9'
        headers['Proxy-Connection'] = 'close'
        return response
    end";
    let definition = lua("a", &upstream).entry("response", json!({ "name": "F", "path": path }));
    let gateway = builder.file("hook.lua", text).api(definition).start().await;
    let answer = gateway.get("/a/").send().await;
    assert_eq!(answer.header("x-seen"), Some("7 1"));
    assert_eq!(
        (answer.header("x-ratelimit-limit"), answer.header("x-ratelimit-remaining")),
        (Some("0"), Some("0"))
    );
    assert_eq!(
        (answer.header("x-hop"), answer.header("proxy-connection"), answer.text()),
        (None, None, "up".into())
    );
}
