//! The check of bearer tokens, and what stands before the server's paths.

use super::*;

#[tokio::test]
async fn a_bearer_token_is_asked_for() {
    let upstream = Upstream::named("up").await;
    let gateway = gateway(guarded(&upstream)).await;
    assert_eq!(gateway.get("/a/x").send().await.error(), (400, "Authorization field missing".into()));
    for (header, expected) in [
        ("token", (400, "Authorization field missing")),
        ("Basic abc", (400, "Bearer token malformed")),
        ("bearer unknown", (403, "Key not authorised")),
        ("Bearer  x", (403, "Key not authorised")),
    ] {
        let response = gateway.get("/a/x").header("Authorization", header).send().await;
        assert_eq!(response.error(), (expected.0, expected.1.to_owned()), "{header:?}");
    }
    let token = easy_token(&gateway).await;
    for header in [format!("bEaReR {token}"), format!("Bearer {token} and more")] {
        let response = gateway.get("/a/x").header("Authorization", &header).send().await;
        assert_eq!(response.status, 200, "{header}");
    }
}

#[tokio::test]
async fn an_ordinary_key_has_no_client_and_does_not_pass() {
    let upstream = Upstream::named("up").await;
    let gateway = gateway(guarded(&upstream)).await;
    let key = json!({"org_id": "org", "access_rights": {"a": {"api_id": "a"}}}).to_string();
    assert_eq!(gateway.control("POST", "/tyk/keys/mykey").body(key).send().await.status, 200);
    let response = gateway.get("/a/x").header("Authorization", "Bearer mykey").send().await;
    assert_eq!(response.error(), (403, "Key not authorised. OAuth client access was revoked".into()));
}

#[tokio::test]
async fn a_tokens_client_has_to_exist_still() {
    let upstream = Upstream::named("up").await;
    let gateway = gateway(guarded(&upstream)).await;
    let token = easy_token(&gateway).await;
    assert_eq!(status(&gateway, &token).await, 200);
    assert_eq!(gateway.control("DELETE", "/tyk/oauth/clients/a/cli").send().await.status, 200);
    crate::support::until("the client is missed", async || status(&gateway, &token).await == 403).await;
}

#[tokio::test]
async fn the_paths_belong_to_apis_with_oauth_alone_and_answer_below_both_names() {
    let upstream = Upstream::named("up").await;
    let plain = api("plain").target(&upstream);
    let builder = with_policies(Gateway::build()).api(guarded(&upstream).listen("/l/")).api(plain);
    let gateway = builder.start().await;
    for path in ["/l/oauth/token", "/l/oauth/token/", "/a/oauth/token"] {
        let response = gateway.request("POST", path).header("Content-Type", FORM).body("x=y").send().await;
        assert_eq!(fault(&response), (403, "unsupported_grant_type".into()), "{path}");
    }
    assert_eq!(gateway.request("POST", "/plain/oauth/token").send().await.text(), "up");
    for path in ["/l/oauth/tokens", "/l/oauth/revoke/", "/l/oauth/token/x", "/l/x/oauth/token"] {
        let response = gateway.request("POST", path).send().await;
        assert_eq!(response.error(), (400, "Authorization field missing".into()), "{path}");
    }
}

#[tokio::test]
async fn methods_and_the_secret_are_asked_for() {
    let upstream = Upstream::named("up").await;
    let gateway = gateway(guarded(&upstream)).await;
    for (method, path) in [("PUT", "oauth/token"), ("DELETE", "oauth/authorize/")] {
        let response = gateway.request(method, &format!("/a/{path}")).send().await;
        assert_eq!(message(&response), (405, "Method not supported".into()), "{path}");
    }
    let form = "response_type=code&client_id=cli";
    let refused = post(&gateway, "tyk/oauth/authorize-client/", form).await;
    assert_eq!(
        message(&refused),
        (403, "Attempted administrative access with invalid or missing key!".into())
    );
    let method = gateway.control("GET", "/a/tyk/oauth/authorize-client").send().await;
    assert_eq!(message(&method), (405, "Method not supported".into()));
    // A token is not given to a GET, though the method passes.
    let got = gateway.get("/a/oauth/token?grant_type=client_credentials").send().await;
    assert_eq!(fault(&got), (403, "invalid_request".into()));
}
