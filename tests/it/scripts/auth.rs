//! Custom auth in JavaScript.

use super::*;

fn protected(up: &Upstream, auth: Value) -> Definition {
    api("a")
        .target(up)
        .set("use_keyless", false)
        .set("custom_plugin_auth_enabled", true)
        .set("custom_middleware", json!({ "driver": "otto", "auth_check": auth }))
}

#[tokio::test]
async fn a_session_is_stored_under_its_auth_value() {
    let up = Upstream::named("up").await;
    let sessions =
        json!({ "tokens": { "s3cret": { "alias": "alice", "quota_max": 2, "quota_renewal_rate": 60 } } });
    let definition = protected(&up, json!({ "name": "checkToken", "path": example("check_token.js") }))
        .set("config_data", sessions);
    let gateway = build().api(definition).start().await;
    let call = async |token: &str| gateway.get("/a/x").header("X-Token", token).send().await;
    assert_eq!(gateway.get("/a/x").send().await.error(), (401, "X-Token is missing".to_owned()));
    assert_eq!(call("other").await.error(), (403, "unknown token".to_owned()));
    assert_eq!(call("s3cret").await.status, 200);
    let stored = gateway.control("GET", "/tyk/keys/s3cret?org_id=org").send().await;
    assert_eq!((stored.status, &stored.json()["alias"]), (200, &json!("alice")));
    assert_eq!(call("s3cret").await.status, 200);
    assert_eq!(call("s3cret").await.status, 403, "its quota counts");
    assert_eq!(up.count(), 2);
}

#[tokio::test]
async fn a_session_without_auth_value_is_stored_nowhere() {
    let up = Upstream::named("up").await;
    let builder = build();
    let named =
        "return m.ReturnAuthData(request, { alias: 'x', access_rights: { other: { api_id: 'other' } } });";
    let silent = "return m.ReturnData(request, {});";
    let with = |id: &str, body: &str| {
        let file = script(&builder, &format!("{id}.js"), &hook(body));
        protected(&up, json!({ "name": "m", "path": file }))
            .set("api_id", id)
            .set("name", id)
            .set("proxy.listen_path", format!("/{id}/"))
    };
    let (one, two) = (with("one", named), with("two", silent));
    let gateway = builder.api(one).api(two).start().await;
    assert_eq!(gateway.get("/one/x").send().await.status, 403, "its rights count");
    assert_eq!(gateway.get("/two/x").send().await.status, 200, "as in Tyk");
    let keys = gateway.control("GET", "/tyk/keys").send().await.json();
    assert_eq!(keys["keys"], json!([]), "{keys}");
}
