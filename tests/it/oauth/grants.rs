//! Grants: how tokens are got, and who gets none.

use super::*;

#[tokio::test]
async fn a_code_gives_one_token_however_many_ask() {
    let upstream = Upstream::named("up").await;
    let gateway = gateway(guarded(&upstream)).await;
    let form = format!("grant_type=authorization_code&redirect_uri={BACK}&code={}", code(&gateway).await);
    let all = futures_util::future::join_all((0..10).map(|_| token(&gateway, &form))).await;
    let given: Vec<_> = all.iter().filter(|response| response.status == 200).collect();
    assert_eq!(given.len(), 1);
    for response in all.iter().filter(|response| response.status != 200) {
        assert_eq!(fault(response), (403, "invalid_grant".into()));
    }
    let body = given[0].json();
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("bearer"), &json!(3600)));
    assert_eq!(status(&gateway, body["access_token"].as_str().unwrap()).await, 200);
}

#[tokio::test]
async fn a_code_is_bound_to_its_client_and_its_address() {
    let upstream = Upstream::named("up").await;
    let gateway = gateway(guarded(&upstream)).await;
    create(
        &gateway,
        json!({"client_id": "two", "secret": "s2", "redirect_uri": BACK, "api_id": "a", "policy_id": "pol"}),
    )
    .await;
    let code = code(&gateway).await;
    let form = |uri: &str| format!("grant_type=authorization_code&redirect_uri={uri}&code={code}");
    assert_eq!(fault(&token_as(&gateway, "two", "s2", &form(BACK)).await), (403, "invalid_grant".into()));
    for uri in ["http://evil.example/", "http://client.example/back/deeper"] {
        assert_eq!(fault(&token(&gateway, &form(uri)).await), (403, "invalid_request".into()), "{uri}");
    }
    assert_eq!(fault(&token(&gateway, "grant_type=authorization_code").await), (403, "invalid_grant".into()));
    assert_eq!(token(&gateway, &form(BACK)).await.status, 200, "none of these spent it");
}

#[tokio::test]
async fn clients_show_their_secret_in_the_header_alone() {
    let upstream = Upstream::named("up").await;
    let gateway = gateway(guarded(&upstream)).await;
    create(&gateway, json!({"client_id": "homeless", "secret": "s", "redirect_uri": "", "api_id": "a", "policy_id": "pol"})).await;
    let form = "grant_type=client_credentials";
    let in_body = post(&gateway, "oauth/token", &format!("{form}&client_id=cli&client_secret=sec")).await;
    assert_eq!(fault(&in_body), (403, "invalid_request".into()));
    for (id, secret, expected) in [
        ("cli", "bad", "unauthorized_client"),
        ("cli", "", "unauthorized_client"),
        ("nobody", "sec", "server_error"),
        ("homeless", "s", "unauthorized_client"),
    ] {
        let response = token_as(&gateway, id, secret, form).await;
        assert_eq!(fault(&response), (403, expected.to_owned()), "{id}");
        assert_eq!(response.header("cache-control"), Some("no-cache, no-store, must-revalidate"));
    }
    let given = token(&gateway, form).await.json();
    assert_eq!(given["refresh_token"], Value::Null);
}

#[tokio::test]
async fn a_client_without_a_policy_gets_no_token() {
    let upstream = Upstream::named("up").await;
    let gateway = gateway(guarded(&upstream)).await;
    create(&gateway, json!({"client_id": "poor", "secret": "s", "redirect_uri": BACK, "api_id": "a"})).await;
    let response = token_as(&gateway, "poor", "s", "grant_type=client_credentials").await;
    assert_eq!(fault(&response), (403, "server_error".into()));
}

#[tokio::test]
async fn refreshing_takes_the_old_tokens_away() {
    let upstream = Upstream::named("up").await;
    let gateway = gateway(guarded(&upstream)).await;
    let form = format!("grant_type=authorization_code&code={}", code(&gateway).await);
    let first = token(&gateway, &form).await.json();
    let refresh =
        format!("grant_type=refresh_token&refresh_token={}", first["refresh_token"].as_str().unwrap());
    let wider = token(&gateway, &format!("{refresh}&scope=all")).await;
    assert_eq!(fault(&wider), (403, "access_denied".into()));
    let second = token(&gateway, &refresh).await.json();
    assert_eq!(status(&gateway, first["access_token"].as_str().unwrap()).await, 403);
    assert_eq!(status(&gateway, second["access_token"].as_str().unwrap()).await, 200);
    assert_eq!(fault(&token(&gateway, &refresh).await), (403, "invalid_grant".into()));
}

#[tokio::test]
async fn a_password_is_checked_before_anything_happens() {
    let upstream = Upstream::named("up").await;
    let gateway = gateway(guarded(&upstream)).await;
    let user = json!({
        "org_id": "org", "access_rights": {"a": {"api_id": "a"}},
        "basic_auth_data": {"password": "right", "hash_type": ""},
    });
    let made = gateway.control("POST", "/tyk/keys/ann").body(user.to_string()).send().await;
    assert_eq!(made.status, 200, "{}", made.text());
    let form = |password: &str| format!("grant_type=password&username=ann&password={password}");
    let first = token(&gateway, &form("right")).await;
    assert_eq!(first.status, 200, "{}", first.text());
    let first = first.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(status(&gateway, &first).await, 200);

    assert_eq!(fault(&token(&gateway, &form("wrong")).await), (403, "access_denied".into()));
    assert_eq!(status(&gateway, &first).await, 200, "a wrong password takes nothing away");
    assert_eq!(fault(&token(&gateway, &form("")).await), (403, "invalid_grant".into()));
    let nobody = token(&gateway, "grant_type=password&username=nobody&password=right").await;
    assert_eq!(fault(&nobody), (403, "access_denied".into()));

    let second = token(&gateway, &form("right")).await.json();
    assert_eq!(status(&gateway, second["access_token"].as_str().unwrap()).await, 200);
    assert_eq!(status(&gateway, &first).await, 403, "one token per user and client");
}

#[tokio::test]
async fn the_login_page_gets_what_its_user_agreed_to() {
    let upstream = Upstream::named("up").await;
    let gateway = gateway(guarded(&upstream)).await;
    let given = agreed(&gateway, "response_type=code&client_id=cli&state=s%20t").await;
    let code = given.json()["code"].as_str().unwrap().to_owned();
    assert_eq!(given.json()["redirect_to"], json!(format!("{BACK}?code={code}&state=s+t")));
    assert_eq!(given.json()["state"], json!("s t"));

    let rules =
        "%7B%22org_id%22%3A%22org%22%2C%22access_rights%22%3A%7B%22b%22%3A%7B%22api_id%22%3A%22b%22%7D%7D%7D";
    let form = format!("response_type=token&client_id=cli&key_rules={rules}");
    let implicit = agreed(&gateway, &form).await.json();
    let token = implicit["access_token"].as_str().unwrap();
    assert!(implicit["redirect_to"].as_str().unwrap().starts_with(&format!("{BACK}#access_token=")));
    assert_eq!(status(&gateway, token).await, 403, "key_rules count, and they give rights on another API");

    for (form, expected) in [
        ("response_type=id&client_id=cli", "unsupported_response_type"),
        ("response_type=code&client_id=nobody", "server_error"),
        ("response_type=code&client_id=cli&redirect_uri=http%3A%2F%2Fevil.example", "invalid_request"),
    ] {
        assert_eq!(fault(&agreed(&gateway, form).await), (403, expected.to_owned()), "{form}");
    }
}

#[tokio::test]
async fn several_addresses_need_a_separator() {
    let upstream = Upstream::named("up").await;
    let builder = with_policies(Gateway::build()).api(guarded(&upstream));
    let gateway = builder.config(|config| config.oauth_redirect_uri_separator = ",".to_owned()).start().await;
    let both = format!("{BACK},http://second.example/");
    create(
        &gateway,
        json!({"client_id": "cli", "secret": "sec", "redirect_uri": both, "api_id": "a", "policy_id": "pol"}),
    )
    .await;
    for (uri, expected) in
        [(BACK, 200), ("http://second.example/x", 200), ("", 403), ("http://third.example/", 403)]
    {
        let response =
            agreed(&gateway, &format!("response_type=code&client_id=cli&redirect_uri={uri}")).await;
        assert_eq!(response.status, expected, "{uri}");
    }
}

#[tokio::test]
async fn the_owner_hears_of_tokens() {
    let (upstream, owner) = (Upstream::named("up").await, Upstream::named("ok").await);
    let definition = guarded(&upstream)
        .set("notifications.shared_secret", "sss")
        .set("notifications.oauth_on_keychange_url", format!("{}/told", owner.url()));
    let gateway = gateway(definition).await;
    let token = easy_token(&gateway).await;
    crate::support::until("the owner is told", async || owner.count() == 1).await;
    let told = owner.last();
    assert_eq!(told.header("x-tyk-shared-secret").as_deref(), Some("sss"));
    assert!(String::from_utf8_lossy(&told.body).contains(&token), "{told:?}");
}
