//! Auth tokens.

use sha2::{Digest, Sha256};

use super::*;
use crate::support::{client::Request, gateway::SECRET, program::Program};

const DISALLOWED: &str = "Access to this API has been disallowed";
const MISSING: &str = "Authorization field missing";

#[tokio::test]
async fn a_key_opens_from_its_places_and_nothing_else_does() {
    let up = Upstream::named("up").await;
    let places = json!({ "authToken": {
        "auth_header_name": "X-Key", "use_param": true, "param_name": "k", "use_cookie": true, "cookie_name": "c",
    } });
    let only_query = json!({ "authToken": { "use_param": true, "disable_header": true } });
    let gateway = gateway([
        protected("plain", &up),
        protected("places", &up).set("auth_configs", places),
        protected("query", &up).set("auth_configs", only_query),
        protected("old", &up).set("auth.auth_header_name", "X-Old"),
    ])
    .await;
    let token = key(&gateway, "alice", json!({})).await;
    let bearer = format!("bEaReR {token}");
    for (target, header, value, expected) in [
        ("/plain/x", "Authorization", &*token, 200),
        ("/plain/x", "Authorization", &bearer, 200),
        ("/plain/x", "Authorization", "alice", 200),
        ("/places/x", "X-Key", &bearer, 200),
        ("/places/x?k=alice", "X-Key", "nobody", 200),
        ("/places/x?k=nobody", "X-Key", &token, 403),
        ("/places/x?k=nobody", "Cookie", "b=1; c=alice", 200),
        ("/places/x", "Authorization", &token, 401),
        ("/query/x?Authorization=alice", "X", "-", 200),
        ("/query/x", "Authorization", &token, 401),
        ("/old/x", "X-Old", &token, 200),
        ("/old/x", "Authorization", &token, 401),
    ] {
        assert_eq!(status(gateway.get(target).header(header, value)).await, expected, "{target} {header}");
    }
    let form = gateway
        .request("POST", "/places/x")
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body("k=alice");
    assert_eq!(error(form).await, refused(401, MISSING));
}

#[tokio::test]
async fn refusals_of_auth_tokens() {
    let up = Upstream::named("up").await;
    let gateway = gateway([protected("a", &up).set("use_standard_auth", true)]).await;
    assert_eq!(error(gateway.get("/a/x")).await, refused(401, MISSING));
    assert_eq!(error(gateway.get("/a/x").header("Authorization", "")).await, refused(401, MISSING));
    for unknown in ["nobody", "al", "Bearer nobody"] {
        let request = gateway.get("/a/x").header("Authorization", unknown);
        assert_eq!(error(request).await, refused(403, DISALLOWED), "{unknown}");
    }
    assert_eq!(up.count(), 0);
}

#[tokio::test]
async fn a_site_may_change_what_refusals_say_but_has_to_say_so_twice() {
    let up = Upstream::named("up").await;
    for honoured in [true, false] {
        let change = |config: &mut Config| {
            config.pinhook.override_messages = honoured;
            let change = serde_json::from_value(json!({ "code": 418, "message": "no token" })).unwrap();
            config.override_messages.insert("auth.auth_field_missing".to_owned(), change);
        };
        let gateway = gateway_with([protected("a", &up)], change).await;
        let expected = if honoured { refused(418, "no token") } else { refused(401, MISSING) };
        assert_eq!(error(gateway.get("/a/x")).await, expected);
    }
}

#[tokio::test]
async fn ignored_paths_and_keyless_apis_ask_nobody() {
    let up = Upstream::named("up").await;
    let ignored = json!([{ "path": "/open", "method": "GET", "method_actions": {
        "GET": { "action": "no_action", "code": 200 } } }]);
    let gateway = gateway([
        protected("a", &up).endpoints("ignored", ignored),
        protected("b", &up).set("use_keyless", true).set("use_basic_auth", true).set("use_openid", true),
    ])
    .await;
    assert_eq!(status(gateway.get("/a/open")).await, 200);
    assert_eq!(status(gateway.get("/a/shut")).await, 401);
    assert_eq!(status(gateway.get("/b/x")).await, 200);
}

#[tokio::test]
async fn methods_that_are_not_built_keep_the_api_shut() {
    let up = Upstream::named("up").await;
    for (member, value) in [("use_openid", json!(true)), ("external_oauth.enabled", json!(true))] {
        let gateway = gateway([protected("a", &up).set(member, value)]).await;
        let token = key(&gateway, "alice", json!({})).await;
        assert_eq!(status(gateway.get("/a/x").header("Authorization", token)).await, 500, "{member}");
    }
    assert_eq!(up.count(), 0);
}

#[tokio::test]
async fn a_request_that_its_api_sends_to_itself_is_asked_once() {
    let up = Upstream::named("up").await;
    let rewrite =
        json!([{ "path": "/in", "method": "GET", "match_pattern": "/in", "rewrite_to": "tyk://self/a/out" }]);
    let api = protected("a", &up).set("strip_auth_data", true).endpoints("url_rewrites", rewrite);
    let gateway = gateway([api]).await;
    let token = key(&gateway, "alice", json!({})).await;
    let response = gateway.get("/a/in").header("Authorization", &token).send().await;
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(up.last().header("authorization"), None);
    assert_eq!(error(gateway.get("/a/in")).await, refused(401, MISSING));
}

#[tokio::test]
async fn templates_print_the_key_and_its_metadata() {
    let up = Upstream::named("up").await;
    let headers = json!({ "X-Token": "$tyk_context.token", "X-Tier": "$tyk_meta.tier" });
    let api = protected("a", &up)
        .set("enable_context_vars", true)
        .set("version_data.versions.Default.global_headers", headers);
    let gateway = gateway([api]).await;
    let token = key(&gateway, "alice", json!({ "meta_data": { "tier": "gold" } })).await;
    assert_eq!(status(gateway.get("/a/x").header("Authorization", "alice")).await, 200);
    assert_eq!(up.last().header("x-token"), Some(token));
    assert_eq!(up.last().header("x-tier").as_deref(), Some("gold"));
}

#[tokio::test]
async fn signatures_of_tokens_are_checked() {
    let up = Upstream::named("up").await;
    let signature = |more: Value| {
        let mut signature = json!({ "algorithm": "MasherySHA256", "header": "X-Sig", "secret": "$tyk_meta.secret",
            "allowed_clock_skew": 20 });
        signature.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "authToken": { "validate_signature": true, "signature": signature } })
    };
    let gateway = gateway([
        protected("a", &up).set("auth_configs", signature(json!({}))),
        protected("b", &up).set(
            "auth_configs",
            signature(json!({ "param_name": "sig", "error_code": 402, "error_message": "sign it" })),
        ),
        protected("c", &up).set("auth_configs", signature(json!({ "algorithm": "what" }))),
    ])
    .await;
    key(&gateway, "alice", json!({ "meta_data": { "secret": "s" } })).await;
    key(&gateway, "none", json!({})).await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let sign = |key: &str, secret: &str| {
        let hash = Sha256::digest(format!("{key}{secret}{now}"));
        hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let call = |target: &str, key: &str, sig: &str| {
        gateway.get(target).header("Authorization", key).header("X-Sig", sig)
    };
    assert_eq!(status(call("/a/x", "alice", &sign("alice", "s"))).await, 200);
    assert_eq!(status(call("/a/x", "orgalice", &sign("orgalice", "s"))).await, 200);
    let failed = refused(401, "Request signature verification failed");
    assert_eq!(error(call("/a/x", "alice", &sign("alice", "t"))).await, failed);
    assert_eq!(error(call("/a/x", "none", &sign("none", ""))).await, failed);
    assert_eq!(error(gateway.get("/a/x").header("Authorization", "alice")).await, failed);
    assert_eq!(error(call("/a/x", "nobody", "x")).await, refused(403, DISALLOWED));
    let good = sign("alice", "s");
    assert_eq!(status(call(&format!("/b/x?sig={good}"), "alice", "bad")).await, 200);
    assert_eq!(error(call("/b/x?sig=bad", "alice", &good)).await, refused(402, "sign it"));
    assert_eq!(error(call("/c/x", "alice", &good)).await, refused(500, "internal server error"));
}

#[tokio::test]
async fn no_log_ever_holds_a_key() {
    let up = Upstream::named("up").await;
    let basic = protected("b", &up).set("use_basic_auth", true);
    let signed = protected("h", &up).set("enable_signature_checking", true);
    let program = Program::build()
        .set("log_level", "debug")
        .set("allow_master_keys", true)
        .set("access_logs", json!({ "enabled": true }))
        .api(protected("a", &up))
        .api(basic)
        .api(signed)
        .start()
        .await;
    let control =
        |path: &str| Request::new(program.address(), "POST", path).header("X-Tyk-Authorization", SECRET);
    let session =
        json!({ "org_id": "org", "quota_max": -1, "basic_auth_data": { "password": "pass-word-5" } });
    let made = control("/tyk/keys/secret-key-1").body(session.to_string()).send().await;
    assert_eq!(made.status, 200, "{}", made.text());
    for (target, credential, expected) in [
        ("/a/x", "secret-key-1", 200),
        ("/a/x", "secret-key-2", 403),
        // secret-key-1:pass-word-5, secret-key-1:wrong-word-6
        ("/b/x", "Basic c2VjcmV0LWtleS0xOnBhc3Mtd29yZC01", 200),
        ("/b/x", "Basic c2VjcmV0LWtleS0xOndyb25nLXdvcmQtNg==", 401),
        ("/h/x", "Signature keyId=\"secret-key-1\",signature=\"signature-7\"", 400),
    ] {
        let request = Request::new(program.address(), "GET", target).header("Authorization", credential);
        assert_eq!(status(request).await, expected, "{target} {credential}");
    }
    let log = program.log();
    assert!(log.contains("/a/x") || log.contains("api_id"), "there is a log to look at: {log}");
    for secret in ["secret-key", "pass-word", "wrong-word", "c2VjcmV0", "signature-7"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}
