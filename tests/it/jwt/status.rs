//! Every row of the table of refusals (sessions reference 3.5), and what may not pass.

use super::*;

#[tokio::test]
async fn tokens_are_refused_with_tyks_statuses_and_texts() {
    let upstream = Upstream::named("up").await;
    let gateway = gateway(guarded(&upstream)).await;
    let missing = gateway.get("/a/x").send().await;
    assert_eq!(missing.error(), refused(400, "Authorization field missing"));

    let good = token(json!({"sub": "ann"}));
    let (cut, _) = good.split_at(good.len() - 4);
    let none = signed(json!({"alg": "none"}), json!({"sub": "ann"}), SECRET);
    let past = now() - 10;
    let future = now() + 1000;
    for (text, expected) in [
        ("garbage".to_owned(), refused(403, "Key not authorized")),
        ("abc.def.ghi".to_owned(), refused(403, "Key not authorized")),
        (cut.to_owned(), refused(403, "Key not authorized")),
        (signed(json!({"alg": "HS256"}), json!({"sub": "ann"}), "other"), refused(403, "Key not authorized")),
        (signed(json!({"alg": "HS999"}), json!({"sub": "ann"}), SECRET), refused(403, "Key not authorized")),
        (none, refused(403, "Key not authorized: Unexpected signing method")),
        (
            signed(json!({"alg": "RS256"}), json!({"sub": "ann"}), SECRET),
            refused(403, "Key not authorized: Unexpected signing method"),
        ),
        (token(json!({"sub": "ann", "exp": past})), refused(401, "Key not authorized: token has expired")),
        (
            token(json!({"sub": "ann", "iat": future})),
            refused(401, "Key not authorized: token used before issued"),
        ),
        (
            token(json!({"sub": "ann", "nbf": future})),
            refused(401, "Key not authorized: token is not valid yet"),
        ),
        (token(json!({})), refused(403, "no suitable claims for user ID were found")),
        (token(json!({"sub": ""})), refused(403, "found an empty user ID in sub claim")),
        (token(json!({"sub": "a", "pol": "nosuch"})), refused(403, "key not authorized: no matching policy")),
        (
            token(json!({"sub": "b", "pol": "foreign"})),
            refused(403, "key not authorized: no matching policy"),
        ),
        (
            token(json!({"sub": "c", "pol": "lost"})),
            refused(500, "failed to create key: key has no valid policies to be applied"),
        ),
        (good.clone(), PASSED),
    ] {
        assert_eq!(outcome(&gateway, &text).await, expected, "{text}");
    }
    assert_eq!(upstream.count(), 1);
}

#[tokio::test]
async fn without_a_policy_nobody_passes() {
    let upstream = Upstream::named("up").await;
    let gateway = gateway(guarded(&upstream).set("jwt_default_policies", json!([]))).await;
    let nothing = refused(403, "key not authorized: no matching policy found");
    assert_eq!(outcome(&gateway, &token(json!({"sub": "ann"}))).await, nothing);
    assert_eq!(outcome(&gateway, &token(json!({"sub": "ann", "pol": 7}))).await, nothing);
    assert_eq!(outcome(&gateway, &token(json!({"sub": "ann", "pol": "p2"}))).await, PASSED);
    // The key is there now, but the token has to go on naming something.
    assert_eq!(outcome(&gateway, &token(json!({"sub": "ann"}))).await, nothing);
}

#[tokio::test]
async fn a_known_token_is_refused_once_its_time_is_over() {
    let upstream = Upstream::named("up").await;
    let gateway = gateway(guarded(&upstream)).await;
    let short = token(json!({"sub": "ann", "exp": now() + 2}));
    assert_eq!(outcome(&gateway, &short).await, PASSED);
    assert_eq!(outcome(&gateway, &short).await, PASSED);
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    assert_eq!(outcome(&gateway, &short).await, refused(401, "Key not authorized: token has expired"));
}

#[tokio::test]
async fn without_a_source_the_token_names_the_key_with_its_secret() {
    let upstream = Upstream::named("up").await;
    let gateway = gateway(guarded(&upstream).set("jwt_source", "")).await;
    for (id, data) in [("holder", json!({"secret": SECRET})), ("keyless", json!({}))] {
        let key = json!({"org_id": "org", "jwt_data": data, "access_rights": {"a": {"api_id": "a"}}});
        let made = gateway.control("POST", &format!("/tyk/keys/{id}")).body(key.to_string()).send().await;
        assert_eq!(made.status, 200, "{}", made.text());
    }
    let by_kid = |kid: &str, secret: &str| signed(json!({"alg": "HS256", "kid": kid}), json!({}), secret);
    let invalid = refused(403, "Key not authorized");
    for (text, expected) in [
        (by_kid("holder", SECRET), PASSED),
        (token(json!({"sub": "holder"})), PASSED),
        (by_kid("holder", "other"), invalid.clone()),
        (by_kid("nobody", SECRET), invalid.clone()),
        (by_kid("keyless", ""), invalid.clone()),
        (token(json!({})), refused(404, "no suitable claims for user ID were found")),
        (
            signed(json!({"alg": "HS256", "kid": "holder"}), json!({"exp": 5}), SECRET),
            refused(401, "Key not authorized: token has expired"),
        ),
    ] {
        assert_eq!(outcome(&gateway, &text).await, expected, "{text}");
    }
    let source = "version_data.versions.Default.global_headers";
    gateway.put(
        &guarded(&upstream)
            .set("jwt_source", "")
            .set("jwt_skip_kid", true)
            .set("enable_context_vars", true)
            .set(
                source,
                json!({"X-Kid": "$tyk_context.jwt_claims_kid", "X-Sub": "$tyk_context.jwt_claims_sub"}),
            ),
    );
    gateway.reload().await;
    let both = signed(json!({"alg": "HS256", "kid": "nobody"}), json!({"sub": "holder"}), SECRET);
    assert_eq!(outcome(&gateway, &both).await, PASSED);
    let seen = upstream.last();
    assert_eq!((seen.header("x-kid"), seen.header("x-sub")), (Some("nobody".into()), Some("holder".into())));
}

#[tokio::test]
async fn a_source_that_is_no_key_lets_nobody_pass_and_is_named() {
    let upstream = Upstream::named("up").await;
    for (source, method) in [("***", "hmac"), ("cnViYmlzaA==", "rsa"), ("cnViYmlzaA==", "ecdsa")] {
        let definition = guarded(&upstream).set("jwt_source", source).set("jwt_signing_method", method);
        let gateway = gateway(definition).await;
        let status = gateway.control("GET", "/tyk/apis/a/status").send().await.json();
        let named =
            status["problems"].as_array().unwrap().iter().any(|problem| problem["path"] == "jwt_source");
        assert!(named, "{source}: {status}");
        let (status, _) = outcome(&gateway, &token(json!({"sub": "ann"}))).await;
        assert_eq!(status, 403, "{source}");
    }
    assert_eq!(upstream.count(), 0);
}

#[tokio::test]
async fn oidc_and_external_oauth_are_refused_by_name() {
    let upstream = Upstream::named("up").await;
    for (path, value) in [("use_openid", json!(true)), ("external_oauth", json!({"enabled": true}))] {
        let gateway = gateway(api("a").target(&upstream).set("use_keyless", false).set(path, value)).await;
        assert_eq!(gateway.get("/a/x").send().await.status, 500, "{path}");
        let status = gateway.control("GET", "/tyk/apis/a/status").send().await.json();
        let problems = status["problems"].as_array().unwrap();
        let named = problems.iter().any(|problem| problem["path"].as_str().unwrap().starts_with(path));
        assert!(named, "{path}: {status}");
    }
    assert_eq!(upstream.count(), 0);
}
