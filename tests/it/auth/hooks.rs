//! Auth by a native hook, and hooks that run once it is known who calls.

use super::*;
use crate::support::plugins::{build, build_example};

fn custom(id: &str, up: &Upstream, hook: Value) -> Definition {
    protected(id, up)
        .set("custom_plugin_auth_enabled", true)
        .set("custom_middleware", json!({ "driver": "goplugin", "auth_check": hook }))
}

fn check_token(id: &str, up: &Upstream) -> Definition {
    let sessions = json!({ "tokens": {
        "token-1": { "alias": "alice", "quota_max": -1, "meta_data": { "tier": "gold" } },
        "elsewhere": { "access_rights": { "other": { "api_id": "other" } } },
        "policed": { "apply_policies": ["gone"] },
        "old": { "expires": 1000000000 },
    } });
    custom(id, up, json!({ "name": "CheckToken", "path": build("check_token") })).set("config_data", sessions)
}

fn partner(id: &str, up: &Upstream) -> Definition {
    let library = build_example("cc", "partner/partner.c", &[]);
    custom(id, up, json!({ "name": "CheckPartner", "path": library })).hook(
        "post_key_auth",
        &library,
        "TagPartner",
    )
}

#[tokio::test]
async fn a_hook_says_who_calls() {
    let up = Upstream::named("up").await;
    let api = check_token("a", &up).set("enable_context_vars", true).set(
        "version_data.versions.Default.global_headers",
        json!({ "X-Tier": "$tyk_meta.tier", "X-Id": "$tyk_context.token" }),
    );
    let gateway = gateway([api]).await;
    let call = |token: &str| gateway.get("/a/x").header("X-Token", token);
    assert_eq!(status(call("token-1")).await, 200);
    assert_eq!(up.last().header("x-tier").as_deref(), Some("gold"));
    assert_eq!(up.last().header("x-id").as_deref(), Some("token-1"));
    // Its own answers go out as they are.
    let missing = gateway.get("/a/x").send().await;
    assert_eq!((missing.status, missing.text().as_str()), (401, "X-Token is missing\n"));
    let unknown = call("nobody").send().await;
    assert_eq!((unknown.status, unknown.text().as_str()), (403, "unknown token\n"));
    // What the session may do is checked like any other's.
    assert_eq!(status(call("elsewhere")).await, 403);
    assert_eq!(status(call("old")).await, 401);
    assert_eq!(status(call("policed")).await, 500);
    assert_eq!(up.count(), 1);
}

#[tokio::test]
async fn the_session_is_stored_under_its_key() {
    let up = Upstream::named("up").await;
    let gateway = gateway([check_token("a", &up), partner("b", &up)]).await;
    assert_eq!(status(gateway.get("/a/x").header("X-Token", "token-1")).await, 200);
    let stored = gateway.control("GET", "/tyk/keys/token-1?org_id=org").send().await.json();
    assert_eq!((&stored["alias"], &stored["meta_data"]["tier"]), (&json!("alice"), &json!("gold")));
    assert_eq!(status(gateway.get("/b/x").header("X-Partner", "acme")).await, 200);
    let stored = gateway.control("GET", "/tyk/keys/partner-acme?org_id=org").send().await.json();
    assert_eq!(stored["meta_data"], json!({ "tier": "partner", "level": 2, "seen": "yes" }));
}

#[tokio::test]
async fn hooks_after_auth_see_and_edit_the_session() {
    let up = Upstream::named("up").await;
    let library = build_example("cc", "partner/partner.c", &[]);
    let gateway = gateway([
        partner("a", &up),
        protected("b", &up).hook("post_key_auth", &library, "TagPartner"),
        protected("c", &up).hook("pre", &library, "TagPartner").hook("post", &library, "TagPartner"),
    ])
    .await;
    assert_eq!(status(gateway.get("/a/x").header("X-Partner", "acme")).await, 200);
    assert_eq!(up.last().header("x-tier").as_deref(), Some("partner"));
    assert_eq!(up.last().header("x-level").as_deref(), Some("2"));
    let token = key(&gateway, "alice", json!({ "meta_data": { "tier": "gold", "other": [1] } })).await;
    for api in ["b", "c"] {
        key(&gateway, "alice", json!({ "meta_data": { "tier": "gold", "other": [1] } })).await;
        assert_eq!(status(gateway.get(&format!("/{api}/x")).header("Authorization", &token)).await, 200);
        assert_eq!(up.last().header("x-tier").as_deref(), Some("gold"), "{api}");
        let stored = gateway.control("GET", "/tyk/keys/alice?org_id=org").send().await.json();
        assert_eq!(stored["meta_data"], json!({ "tier": "gold", "other": [1], "seen": "yes" }), "{api}");
    }
}

#[tokio::test]
async fn a_hook_that_says_nothing_lets_nobody_in() {
    let up = Upstream::named("up").await;
    let silent = json!({ "name": "AddFooHeader", "path": build("add_header") });
    let api = custom("a", &up, silent).hook("post_key_auth", &build("add_header"), "AddFooHeader");
    let gateway = gateway([api]).await;
    let text = "Session state is missing or unset! Please make sure that auth headers are properly applied";
    assert_eq!(error(gateway.get("/a/x")).await, refused(400, text));
    assert_eq!(up.count(), 0);
}

#[tokio::test]
async fn a_hook_that_cannot_be_called_opens_nothing() {
    let up = Upstream::named("up").await;
    let library = build("check_token");
    let hook = |more: Value| {
        let mut hook = json!({ "name": "CheckToken", "path": library });
        hook.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        hook
    };
    for (case, api) in [
        ("disabled", custom("a", &up, hook(json!({ "disabled": true })))),
        ("unnamed", custom("a", &up, hook(json!({ "name": "" })))),
        ("no file named", custom("a", &up, hook(json!({ "path": "" })))),
        ("no such file", custom("a", &up, hook(json!({ "path": "/no/such.so" })))),
        ("no such function", custom("a", &up, hook(json!({ "name": "Nothing" })))),
        ("nothing at all", protected("a", &up).set("custom_plugin_auth_enabled", true)),
        ("the old switch", protected("a", &up).set("use_go_plugin_auth", true)),
        ("coprocess off", custom("a", &up, hook(json!({}))).set("custom_middleware.driver", "grpc")),
        ("no driver", custom("a", &up, hook(json!({}))).set("custom_middleware.driver", "")),
        ("coprocess switch", protected("a", &up).set("enable_coprocess_auth", true)),
    ] {
        let gateway = gateway([api]).await;
        let token = key(&gateway, "alice", json!({})).await;
        let request = gateway.get("/a/x").header("X-Token", "token-1").header("Authorization", token);
        assert_eq!(error(request).await, refused(500, "Internal Server Error"), "{case}");
    }
    assert_eq!(up.count(), 0);
}

#[tokio::test]
async fn an_ignored_path_does_not_skip_the_hook() {
    let up = Upstream::named("up").await;
    let ignored = json!([{ "path": "/open", "method": "GET", "method_actions": {
        "GET": { "action": "no_action", "code": 200 } } }]);
    let gateway = gateway([
        check_token("a", &up).endpoints("ignored", ignored.clone()),
        check_token("b", &up).set("use_standard_auth", true).endpoints("ignored", ignored),
    ])
    .await;
    assert_eq!(status(gateway.get("/a/open")).await, 401);
    for api in ["a", "b"] {
        assert_eq!(
            status(gateway.get(&format!("/{api}/open")).header("X-Token", "token-1")).await,
            200,
            "{api}"
        );
    }
    // Elsewhere the auth token is asked for as well.
    assert_eq!(status(gateway.get("/b/shut").header("X-Token", "token-1")).await, 401);
}

#[tokio::test]
async fn a_reload_takes_a_new_auth_hook_along() {
    let up = Upstream::named("up").await;
    let gateway = gateway([check_token("a", &up)]).await;
    assert_eq!(status(gateway.get("/a/x").header("X-Token", "token-1")).await, 200);
    gateway.put(&partner("a", &up));
    gateway.reload().await;
    assert_eq!(status(gateway.get("/a/x").header("X-Token", "token-1")).await, 403);
    assert_eq!(status(gateway.get("/a/x").header("X-Partner", "acme")).await, 200);
}
