//! User and password.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::*;

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn user(password: &str) -> Value {
    json!({ "basic_auth_data": { "password": password } })
}

async fn call(gateway: &Gateway, target: &str, credential: &str) -> Response {
    gateway.get(target).header("Authorization", credential).send().await
}

#[tokio::test]
async fn a_user_with_the_right_password_gets_in() {
    let up = Upstream::named("up").await;
    let gateway =
        gateway([protected("a", &up).set("use_basic_auth", true).set("strip_auth_data", true)]).await;
    key(&gateway, "alice", user("s3cret")).await;
    for _ in 0..2 {
        assert_eq!(call(&gateway, "/a/x", &basic("alice", "s3cret")).await.status, 200);
        assert_eq!(up.last().header("authorization"), None);
    }
    for (name, password) in [("alice", "wrong"), ("alice", ""), ("bob", "s3cret"), ("al", "s3cret")] {
        let response = call(&gateway, "/a/x", &basic(name, password)).await;
        assert_eq!(response.header("www-authenticate"), Some("Basic realm=\"a\""));
        assert_eq!(response.error(), refused(401, "User not authorised"), "{name}");
    }
    let missing = gateway.get("/a/x").send().await;
    assert_eq!(missing.header("www-authenticate"), Some("Basic realm=\"a\""));
    assert_eq!(missing.error(), refused(401, "Authorization field missing"));
    let malformed = call(&gateway, "/a/x", &basic("alice", "s3:cret")).await;
    assert_eq!(malformed.header("www-authenticate"), None);
    assert_eq!(malformed.status, 400);
    // A key that is no user has no password, not even the empty one.
    key(&gateway, "token", json!({})).await;
    assert_eq!(call(&gateway, "/a/x", &basic("token", "")).await.status, 401);
}

#[tokio::test]
async fn the_body_is_asked_when_the_header_does_not_tell() {
    let up = Upstream::named("up").await;
    let patterns = json!({ "extract_from_body": true, "body_user_regexp": "<u>(.*)</u>",
        "body_password_regexp": "<p>(.*)</p>" });
    let without = json!({ "extract_from_body": true, "body_user_regexp": "<u>(.*)</u>" });
    let gateway = gateway([
        protected("a", &up).set("use_basic_auth", true).set("basic_auth", patterns),
        protected("b", &up).set("use_basic_auth", true).set("basic_auth", without),
    ])
    .await;
    let token = key(&gateway, "alice", user("s3cret")).await;
    let body = "<u>alice</u><p>s3cret</p>";
    let sent = gateway.request("POST", "/a/x").body(body).send().await;
    assert_eq!((sent.status, up.last().body), (200, body.as_bytes().to_vec()));
    let both = gateway.request("POST", "/a/x").header("Authorization", "nonsense").body(body);
    assert_eq!(status(both).await, 200);
    let header = gateway.request("POST", "/a/x").header("Authorization", basic("alice", "s3cret")).body("-");
    assert_eq!(status(header).await, 200);
    let nobody = gateway.request("POST", "/a/x").body("-").send().await;
    assert_eq!(nobody.header("www-authenticate"), None);
    assert_eq!(nobody.error(), refused(400, "Body do not contain username"));
    // Without both patterns there is no such method, and auth tokens are asked for.
    assert_eq!(call(&gateway, "/b/x", &basic("alice", "s3cret")).await.status, 403);
    assert_eq!(call(&gateway, "/b/x", &token).await.status, 200);
}

#[tokio::test]
async fn users_of_the_old_form_are_found_where_tokens_have_the_new_one() {
    let up = Upstream::named("up").await;
    let api = || protected("a", &up).set("use_basic_auth", true);
    let change = |config: &mut Config| {
        config.hash_keys = true;
        config.hash_key_function = "murmur64".to_owned();
    };
    let gateway = gateway_with([api()], change).await;
    key(&gateway, "alice", user("s3cret")).await;
    assert_eq!(call(&gateway, "/a/x", &basic("alice", "s3cret")).await.status, 200);
    assert_eq!(call(&gateway, "/a/x", &basic("orgalice", "s3cret")).await.status, 200);
    assert_eq!(call(&gateway, "/a/x", &basic("bob", "s3cret")).await.status, 401);
}

#[tokio::test]
async fn other_requests_go_on_while_passwords_are_checked() {
    let up = Upstream::named("up").await;
    let uncached = json!({ "disable_caching": true });
    let gateway = gateway([
        protected("a", &up).set("use_basic_auth", true).set("basic_auth", uncached),
        api("open").target(&up),
    ])
    .await;
    key(&gateway, "alice", user("s3cret")).await;
    let mut checks = Vec::new();
    for _ in 0..4 {
        let request = gateway.get("/a/x").header("Authorization", basic("alice", "s3cret"));
        checks.push(tokio::spawn(async move { request.send().await.status }));
    }
    assert_eq!(status(gateway.get("/open/x")).await, 200);
    for check in checks {
        assert_eq!(check.await.unwrap(), 200);
    }
}
