//! Several methods on one API: all must pass, and one of them says who calls.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::*;

fn both(id: &str, up: &Upstream, base: &str) -> Definition {
    protected(id, up)
        .set("use_basic_auth", true)
        .set("use_standard_auth", true)
        .set("auth_configs", json!({ "authToken": { "auth_header_name": "X-Key" } }))
        .set("base_identity_provided_by", base)
        .set("version_data.versions.Default.global_headers", json!({ "X-Who": "$tyk_meta.who" }))
}

#[tokio::test]
async fn all_methods_must_pass_and_one_names_the_caller() {
    let up = Upstream::named("up").await;
    let gateway = gateway([
        both("unset", &up, ""),
        both("token", &up, "auth_token"),
        both("basic", &up, "basic_auth_user"),
        both("other", &up, "jwt_claim"),
    ])
    .await;
    let token = key(&gateway, "token", json!({ "meta_data": { "who": "token" } })).await;
    key(
        &gateway,
        "user",
        json!({ "meta_data": { "who": "basic" }, "basic_auth_data": { "password": "pw" } }),
    )
    .await;
    let basic = format!("Basic {}", STANDARD.encode("user:pw"));
    for (api, expected) in [("unset", "token"), ("token", "token"), ("basic", "basic")] {
        let request =
            gateway.get(&format!("/{api}/x")).header("Authorization", &basic).header("X-Key", &token);
        assert_eq!(status(request).await, 200, "{api}");
        assert_eq!(up.last().header("x-who").as_deref(), Some(expected), "{api}");
    }
    let only_basic = gateway.get("/unset/x").header("Authorization", &basic);
    assert_eq!(error(only_basic).await, refused(401, "Authorization field missing"));
    let only_token = gateway.get("/unset/x").header("X-Key", &token);
    assert_eq!(error(only_token).await, refused(401, "Authorization field missing"));
    let wrong = gateway.get("/unset/x").header("Authorization", &basic).header("X-Key", "nobody");
    assert_eq!(error(wrong).await, refused(403, "Access to this API has been disallowed"));
    // No method of the API is the one that says who calls: nobody does.
    let nobody = gateway.get("/other/x").header("Authorization", &basic).header("X-Key", &token);
    assert_eq!(status(nobody).await, 400);
}
