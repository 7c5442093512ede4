//! The keys behind tokens: how they are made, and how they follow what their tokens say.

use super::*;

/// The stored key of a subject.
async fn stored(gateway: &Gateway, subject: &str) -> Value {
    let id = md5_hex(subject);
    let response = gateway.control("GET", &format!("/tyk/keys/org{id}")).send().await;
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()
}

fn md5_hex(text: &str) -> String {
    use md5::Digest;

    md5::Md5::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_new_subject_gets_a_key_made_of_its_policy() {
    let upstream = Upstream::named("up").await;
    let gateway = gateway(guarded(&upstream).set("jwt_identity_base_field", "app.user")).await;
    let until = now() + 500;
    let claims = json!({"sub": "s", "app": {"user": "ann"}, "pol": "p2", "exp": until});
    assert_eq!(outcome(&gateway, &token(claims)).await, PASSED);
    let key = stored(&gateway, "ann").await;
    assert_eq!(key["apply_policies"], json!(["p2"]));
    assert_eq!((&key["rate"], &key["alias"]), (&json!(102), &json!("ann")));
    assert_eq!(key["expires"], json!(until));
    let id = format!("org{}", md5_hex("ann"));
    assert_eq!(key["meta_data"]["TykJWTSessionID"], json!(id));

    // A token that ends later makes it last longer; one that ends sooner changes nothing.
    for (exp, expected) in [(until + 100, until + 100), (until + 50, until + 100)] {
        let claims = json!({"app": {"user": "ann"}, "pol": "p2", "exp": exp});
        assert_eq!(outcome(&gateway, &token(claims)).await, PASSED);
        assert_eq!(stored(&gateway, "ann").await["expires"], json!(expected));
    }
}

#[tokio::test]
async fn a_key_follows_the_policy_that_its_token_names() {
    let upstream = Upstream::named("up").await;
    let gateway = gateway(guarded(&upstream)).await;
    for (policy, expected) in [("p2", "p2"), ("p3", "p3"), ("p3", "p3")] {
        assert_eq!(outcome(&gateway, &token(json!({"sub": "ann", "pol": policy}))).await, PASSED);
        assert_eq!(stored(&gateway, "ann").await["apply_policies"], json!([expected]));
    }
    let unknown = token(json!({"sub": "ann", "pol": "nosuch"}));
    assert_eq!(outcome(&gateway, &unknown).await, refused(403, "key not authorized: no matching policy"));
    let bad = token(json!({"sub": "ann", "pol": "lost"}));
    assert_eq!(outcome(&gateway, &bad).await, refused(403, "key not authorized: could not apply new policy"));
    assert_eq!(stored(&gateway, "ann").await["apply_policies"], json!(["p3"]));
}

#[tokio::test]
async fn default_policies_count_together_and_keys_follow_their_list() {
    let upstream = Upstream::named("up").await;
    let definition = |ids: Value| guarded(&upstream).set("jwt_default_policies", ids);
    let gateway = gateway(definition(json!(["p1", "p2"]))).await;
    let ann = token(json!({"sub": "ann"}));
    assert_eq!(outcome(&gateway, &ann).await, PASSED);
    assert_eq!(stored(&gateway, "ann").await["apply_policies"], json!(["p1", "p2"]));
    gateway.put(&definition(json!(["p2", "p3"])));
    gateway.reload().await;
    assert_eq!(outcome(&gateway, &ann).await, PASSED);
    assert_eq!(stored(&gateway, "ann").await["apply_policies"], json!(["p2", "p3"]));
}

#[tokio::test]
async fn a_key_without_policies_is_not_a_subjects() {
    let upstream = Upstream::named("up").await;
    let gateway = gateway(guarded(&upstream)).await;
    let key = json!({"org_id": "org", "access_rights": {"a": {"api_id": "a"}}});
    let path = format!("/tyk/keys/org{}", md5_hex("ann"));
    assert_eq!(gateway.control("POST", &path).body(key.to_string()).send().await.status, 200);
    let ann = token(json!({"sub": "ann"}));
    assert_eq!(outcome(&gateway, &ann).await, refused(403, "key not authorized: no matching policy found"));
}

#[tokio::test]
async fn scopes_give_policies_in_the_place_of_default_ones() {
    let upstream = Upstream::named("up").await;
    let mapping = json!({"read": "p2", "write": "p3", "broken": "nosuch"});
    let definition = guarded(&upstream).set("scopes.jwt.scope_to_policy", mapping);
    let gateway = gateway(definition.clone()).await;
    for (claims, expected) in [
        (json!({"sub": "ann", "scope": "read write other"}), json!(["p2", "p3"])),
        (json!({"sub": "ann", "scope": "write"}), json!(["p3"])),
        (json!({"sub": "ann", "scope": ["read"], "pol": "p1"}), json!(["p1", "p2"])),
        (json!({"sub": "ann"}), json!(["p1"])),
    ] {
        assert_eq!(outcome(&gateway, &token(claims.clone())).await, PASSED, "{claims}");
        assert_eq!(stored(&gateway, "ann").await["apply_policies"], expected, "{claims}");
    }
    let nothing = refused(403, "key not authorized: no matching policy found in scope claim");
    let several = refused(403, "key not authorized: could not apply several policies");
    for subject in ["ann", "new"] {
        let with = |scope: &str| token(json!({"sub": subject, "scope": scope}));
        assert_eq!(outcome(&gateway, &with("other")).await, nothing, "{subject}");
        assert_eq!(outcome(&gateway, &with("broken")).await, several, "{subject}");
    }
    gateway.put(&definition.set("jwt_default_policies", json!([])));
    gateway.reload().await;
    let bare = |subject: &str| token(json!({"sub": subject}));
    let found = refused(403, "key not authorized: no matching policy found");
    assert_eq!(outcome(&gateway, &bare("new")).await, found);
    assert_eq!(
        outcome(&gateway, &bare("ann")).await,
        refused(403, "key not authorized: no scope or policy in token")
    );
}

#[tokio::test]
async fn a_claim_may_name_a_key_whose_policy_is_taken() {
    let upstream = Upstream::named("up").await;
    let definition = guarded(&upstream)
        .set("jwt_policy_field_name", "")
        .set("jwt_client_base_field", "app")
        .set("jwt_default_policies", json!([]));
    let gateway = gateway(definition).await;
    let key = json!({"org_id": "org", "apply_policies": ["p3"], "access_rights": {"a": {"api_id": "a"}}});
    assert_eq!(gateway.control("POST", "/tyk/keys/partner").body(key.to_string()).send().await.status, 200);
    assert_eq!(outcome(&gateway, &token(json!({"sub": "ann", "app": "partner"}))).await, PASSED);
    assert_eq!(stored(&gateway, "ann").await["apply_policies"], json!(["p3"]));
    let nothing = refused(403, "key not authorized: no matching policy found");
    assert_eq!(outcome(&gateway, &token(json!({"sub": "bob", "app": "stranger"}))).await, nothing);
}

#[tokio::test]
async fn a_client_gives_its_tags_and_developer_to_the_key() {
    let upstream = Upstream::named("up").await;
    let gateway = gateway(guarded(&upstream)).await;
    let client = json!({
        "client_id": "app", "secret": "s", "policy_id": "p1", "redirect_uri": "",
        "meta_data": {"tyk_developer_id": "dev", "tags": ["gold"], "other": 1},
    });
    let made = gateway.control("POST", "/tyk/oauth/clients/create").body(client.to_string()).send().await;
    assert_eq!(made.status, 200, "{}", made.text());
    for claims in [json!({"sub": "ann", "cid": "app"}), json!({"sub": "bob", "client_id": 7})] {
        assert_eq!(outcome(&gateway, &token(claims)).await, PASSED);
    }
    let key = stored(&gateway, "ann").await;
    assert_eq!(key["oauth_client_id"], json!("app"));
    assert_eq!((&key["meta_data"]["tyk_developer_id"], &key["tags"]), (&json!("dev"), &json!(["gold"])));
    assert_eq!(key["meta_data"]["other"], Value::Null);
    assert_eq!(stored(&gateway, "bob").await["oauth_client_id"], Value::Null);

    gateway.put(&guarded(&upstream).set("idp_client_id_mapping_disabled", true));
    gateway.reload().await;
    assert_eq!(outcome(&gateway, &token(json!({"sub": "cat", "cid": "app"}))).await, PASSED);
    assert_eq!(stored(&gateway, "cat").await["oauth_client_id"], Value::Null);
}

#[tokio::test]
async fn keys_come_from_a_set_behind_a_url() {
    let upstream = Upstream::named("up").await;
    let set = |secret: &str| {
        json!({"keys": [{"kty": "oct", "kid": "k", "k": URL_SAFE_NO_PAD.encode(secret)}]}).to_string()
    };
    let (one, two) = (Upstream::named(&set(SECRET)).await, Upstream::named(&set("second")).await);
    let by =
        |kid: &str, secret: &str| signed(json!({"alg": "HS256", "kid": kid}), json!({"sub": "ann"}), secret);
    let invalid = refused(403, "Key not authorized");
    for source in [one.url(), STANDARD.encode(one.url())] {
        let gateway = gateway(guarded(&upstream).set("jwt_source", source)).await;
        assert_eq!(outcome(&gateway, &by("k", SECRET)).await, PASSED);
        assert_eq!(outcome(&gateway, &by("k", "second")).await, invalid);
        assert_eq!(outcome(&gateway, &by("x", SECRET)).await, invalid, "an unknown kid");
        assert_eq!(outcome(&gateway, &token(json!({"sub": "ann"}))).await, invalid, "no kid");
    }
    assert_eq!(one.count(), 2, "one fetch per gateway: an unknown kid is no reason for another");
    let uris = json!([{"url": one.url()}, {"url": two.url(), "cache_timeout": "1m"}]);
    let gateway = gateway(guarded(&upstream).set("jwt_jwks_uris", uris)).await;
    for secret in [SECRET, "second"] {
        assert_eq!(outcome(&gateway, &by("k", secret)).await, PASSED, "{secret}");
    }
}
