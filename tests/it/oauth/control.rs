//! The control calls of sessions reference 8.9, and revocation.

use super::*;

async fn call(gateway: &Gateway, method: &str, path: &str, body: Value) -> Response {
    gateway.control(method, &format!("/tyk/oauth/{path}")).body(body.to_string()).send().await
}

#[tokio::test]
async fn bad_input_is_refused_with_tyks_texts() {
    let upstream = Upstream::named("up").await;
    let gateway = with_policies(Gateway::build()).api(guarded(&upstream)).api(api("plain")).start().await;
    create(&gateway, json!({"client_id": "cli", "secret": "s", "redirect_uri": BACK, "api_id": "a"})).await;
    for (method, path, body, expected) in [
        ("POST", "clients/create", json!("x"), (500, "Unmarshalling failed")),
        ("POST", "clients/create", json!({"api_id": "nope"}), (400, "API doesn't exist")),
        ("POST", "clients/create", json!({"api_id": "plain"}), (400, "API is not OAuth2")),
        (
            "POST",
            "clients/create",
            json!({"api_id": "a", "policy_id": "nope"}),
            (400, "Policy doesn't exist"),
        ),
        ("POST", "clients/create", json!({}), (400, "Policy doesn't exist")),
        ("PUT", "clients/a/cli", json!("x"), (500, "Unmarshalling failed")),
        ("PUT", "clients/nope/cli", json!({}), (404, "API doesn't exist")),
        ("PUT", "clients/a/cli", json!({"policy_id": "nope"}), (404, "Policy doesn't exist")),
        (
            "PUT",
            "clients/a/cli",
            json!({"policy_id": "away"}),
            (400, "Policy access rights doesn't contain API this OAuth client belongs to"),
        ),
        ("PUT", "clients/a/nobody", json!({}), (404, "OAuth Client ID not found")),
        ("GET", "clients/a/nobody", json!({}), (404, "OAuth Client ID not found")),
        ("GET", "clients/nope/cli", json!({}), (404, "OAuth Client ID not found")),
        ("DELETE", "clients/a/nobody", json!({}), (404, "OAuth Client ID not found")),
        ("PUT", "clients/a/nobody/rotate", json!({}), (404, "OAuth Client ID not found")),
        ("GET", "clients/a/nobody/tokens", json!({}), (404, "OAuth Client ID not found")),
        ("DELETE", "refresh/x", json!({}), (400, "Missing parameter api_id")),
        ("DELETE", "refresh/x?api_id=nope", json!({}), (404, "API for this refresh token not found")),
        ("DELETE", "refresh/x?api_id=plain", json!({}), (400, "OAuth is not enabled on this API")),
        ("DELETE", "tokens", json!({}), (422, "scope parameter is required")),
        ("DELETE", "tokens?scope=x", json!({}), (400, "unknown scope")),
    ] {
        let response = call(&gateway, method, path, body.clone()).await;
        assert_eq!(message(&response), (expected.0, expected.1.to_owned()), "{method} {path} {body}");
    }
    for (path, form, expected) in [
        ("revoke", "client_id=cli", (400, "token is required")),
        ("revoke", "token=t", (400, "client_id is required")),
        ("revoke", "token=t&client_id=nobody", (400, "oauth client doesn't exist")),
        ("revoke", "token=t&client_id=cli&org_id=elsewhere", (400, "oauth client doesn't exist")),
        ("revoke_all", "client_secret=s", (401, "client_id is required")),
        ("revoke_all", "client_id=cli", (401, "client_secret is required")),
        ("revoke_all", "client_id=nobody&client_secret=s", (404, "oauth client doesn't exist")),
    ] {
        let response = gateway.control("POST", &format!("/tyk/oauth/{path}")).body(form).send().await;
        assert_eq!(message(&response), (expected.0, expected.1.to_owned()), "{path} {form}");
    }
    let nowhere = call(&gateway, "GET", "clients/nope", json!({})).await;
    assert_eq!((nowhere.status, nowhere.text()), (404, "null\n".to_owned()));
    assert_eq!(message(&call(&gateway, "DELETE", "tokens?scope=lapsed", json!({})).await).0, 200);
}

#[tokio::test]
async fn clients_are_made_listed_changed_and_removed() {
    let upstream = Upstream::named("up").await;
    let second = guarded(&upstream).set("api_id", "b").set("name", "b").listen("/b/");
    let builder = with_policies(Gateway::build()).api(guarded(&upstream)).api(second);
    let gateway = builder.start().await;
    let made =
        create(&gateway, json!({"policy_id": "other", "meta_data": {"x": 1}, "description": "d"})).await;
    let id = made["client_id"].as_str().unwrap();
    assert!(id.len() == 32 && !made["secret"].as_str().unwrap().is_empty());
    let mut apis = call(&gateway, "GET", &format!("clients/apis/{id}?orgID="), json!({})).await.json();
    apis.as_array_mut().unwrap().sort_by_key(|id| id.to_string());
    assert_eq!(apis, json!(["a", "b"]));
    let elsewhere = call(&gateway, "GET", &format!("clients/apis/{id}?orgID=elsewhere"), json!({})).await;
    assert_eq!(elsewhere.json(), json!([]));

    let changed = json!({"redirect_uri": BACK, "policy_id": "pol", "secret": "mine", "client_id": "other"});
    let after = call(&gateway, "PUT", &format!("clients/a/{id}"), changed).await.json();
    assert_eq!((&after["client_id"], &after["secret"]), (&made["client_id"], &made["secret"]));
    assert_eq!((&after["redirect_uri"], &after["policy_id"]), (&json!(BACK), &json!("pol")));
    assert_eq!(call(&gateway, "GET", "clients/a", json!({})).await.json(), json!([after]));
    assert_eq!(call(&gateway, "GET", "clients/b", json!({})).await.json(), json!([made]));

    let rotated = call(&gateway, "PUT", &format!("clients/a/{id}/rotate"), json!({})).await.json();
    assert_ne!(rotated["secret"], after["secret"]);
    assert_eq!(call(&gateway, "GET", &format!("clients/a/{id}"), json!({})).await.json(), rotated);

    let gone = call(&gateway, "DELETE", &format!("clients/a/{id}"), json!({})).await;
    assert_eq!(gone.json(), json!({"key": id, "status": "ok", "action": "deleted"}));
    assert_eq!(call(&gateway, "GET", "clients/a", json!({})).await.json(), json!([]));
}

#[tokio::test]
async fn tokens_are_listed_by_pages_and_end_with_another_policy() {
    let upstream = Upstream::named("up").await;
    let gateway = gateway(guarded(&upstream)).await;
    let tokens = [easy_token(&gateway).await, easy_token(&gateway).await, easy_token(&gateway).await];
    let listed = call(&gateway, "GET", "clients/a/cli/tokens", json!({})).await.json();
    assert_eq!(listed.as_array().unwrap().len(), 3);
    assert!(tokens.iter().all(|token| !listed.to_string().contains(token.as_str())), "hashes alone are kept");
    let page = |number: &str| format!("clients/a/cli/tokens?page={number}");
    let first = call(&gateway, "GET", &page("1"), json!({})).await.json();
    assert_eq!(first["Pagination"], json!({"page_num": 1, "page_total": 1, "page_size": 100}));
    assert_eq!(first["Tokens"], listed);
    assert_eq!(call(&gateway, "GET", &page("2"), json!({})).await.json()["Tokens"], json!([]));

    let same = json!({"redirect_uri": BACK, "policy_id": "pol"});
    assert_eq!(call(&gateway, "PUT", "clients/a/cli", same).await.status, 200);
    assert_eq!(status(&gateway, &tokens[0]).await, 200);
    let other = json!({"redirect_uri": BACK, "policy_id": "other"});
    assert_eq!(call(&gateway, "PUT", "clients/a/cli", other).await.status, 200);
    for token in &tokens {
        assert_eq!(status(&gateway, token).await, 403);
    }
    assert_eq!(call(&gateway, "GET", "clients/a/cli/tokens", json!({})).await.json(), json!([]));
}

#[tokio::test]
async fn one_token_is_taken_away_and_the_others_of_its_second_stay() {
    let upstream = Upstream::named("up").await;
    let gateway = gateway(guarded(&upstream)).await;
    let (one, two) = (easy_token(&gateway).await, easy_token(&gateway).await);
    let gone = post(&gateway, "oauth/revoke", &format!("token={one}")).await;
    assert_eq!(message(&gone), (200, "token revoked successfully".into()));
    assert_eq!((status(&gateway, &one).await, status(&gateway, &two).await), (403, 200));
    let listed = call(&gateway, "GET", "clients/a/cli/tokens", json!({})).await.json();
    assert_eq!(listed.as_array().unwrap().len(), 1);

    // The control API says 200 to a wrong secret, and does nothing.
    for (secret, expected) in [("bad", 200), ("sec", 403)] {
        let form = format!("client_id=cli&client_secret={secret}");
        let response = gateway.control("POST", "/tyk/oauth/revoke_all").body(form).send().await;
        assert_eq!(message(&response), (200, "tokens revoked successfully".into()));
        assert_eq!(status(&gateway, &two).await, expected, "{secret}");
    }
}

#[tokio::test]
async fn a_refresh_token_can_be_taken_away_by_itself() {
    let upstream = Upstream::named("up").await;
    let gateway = gateway(guarded(&upstream)).await;
    let form = format!("grant_type=authorization_code&code={}", code(&gateway).await);
    let given = token(&gateway, &form).await.json();
    let refresh = given["refresh_token"].as_str().unwrap();
    let gone = call(&gateway, "DELETE", &format!("refresh/{refresh}?api_id=a"), json!({})).await;
    assert_eq!(gone.json(), json!({"key": refresh, "status": "ok", "action": "deleted"}));
    let again = token(&gateway, &format!("grant_type=refresh_token&refresh_token={refresh}")).await;
    assert_eq!(fault(&again), (403, "invalid_grant".into()));
    assert_eq!(status(&gateway, given["access_token"].as_str().unwrap()).await, 200);
}

#[tokio::test]
async fn what_is_stored_has_tyks_names_and_forms() {
    let upstream = Upstream::named("up").await;
    let redis = crate::support::redis::Redis::start();
    let storage = redis.storage();
    let builder = with_policies(Gateway::build()).api(guarded(&upstream));
    let gateway = builder.config(move |config| config.storage = storage).start().await;
    create(
        &gateway,
        json!({"client_id": "cli", "secret": "sec", "redirect_uri": BACK, "api_id": "a", "policy_id": "pol"}),
    )
    .await;
    let client: String = redis.ask(&["GET", "oauth-data.a.oauth-clientid.cli"]);
    let client: Value = serde_json::from_str(&client).unwrap();
    let expected =
        json!({"id": "cli", "secret": "sec", "redirecturi": BACK, "policyid": "pol", "description": ""});
    assert_eq!(client, expected);
    let index: Vec<String> = redis.ask(&["LRANGE", "oauth-data.a.oauth-client-index.org", "0", "-1"]);
    assert_eq!(index, ["oauth-clientid.cli"]);
    let set: Vec<String> = redis.ask(&["SMEMBERS", "oauth-data.a.oauth-clientset.oauth-clientid."]);
    assert_eq!(set.len(), 1);

    let form = format!("grant_type=authorization_code&code={}", code(&gateway).await);
    let given = token(&gateway, &form).await.json();
    let refresh = format!("oauth-data.a.oauth-refresh.{}", given["refresh_token"].as_str().unwrap());
    let kept: String = redis.ask(&["GET", &refresh]);
    let kept: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(kept["Client"], expected);
    assert_eq!((&kept["AccessToken"], &kept["ExpiresIn"]), (&given["access_token"], &json!(3600)));
    assert_eq!((&kept["AccessData"], &kept["AuthorizeData"]), (&Value::Null, &Value::Null));
    let ttl: i64 = redis.ask(&["TTL", &refresh]);
    assert!((1_209_590..=1_209_600).contains(&ttl), "{ttl}");
    let tokens: Vec<String> = redis.ask(&["ZRANGE", "oauth-data.a.oauth-client-tokens.cli", "0", "-1"]);
    let access: i64 = redis.ask(&["TTL", &format!("oauth-data.a.oauth-access.{}", tokens[0])]);
    assert!((3590..=3600).contains(&access), "{access}");
    let key: i64 = redis.ask(&["EXISTS", &format!("apikey-{}", tokens[0])]);
    assert_eq!(key, 1);
    let codes: Vec<String> = redis.ask(&["KEYS", "oauth-data.a.oauth-authorize.*"]);
    assert!(codes.is_empty(), "a code is gone once it was used");
}
