//! Definitions through the control API.

use std::fs;

use serde_json::{Value, json};

use super::{ask, call, done, error};
use crate::support::{
    definition::{Definition, api},
    gateway::Gateway,
    upstream::Upstream,
};

fn body(definition: &Definition) -> Value {
    serde_json::from_str(&definition.text()).unwrap()
}

#[tokio::test]
async fn a_definition_is_made_changed_and_removed() {
    let (blue, green) = (Upstream::named("blue").await, Upstream::named("green").await);
    let gateway = Gateway::build().start().await;
    let path = "/tyk/apis/one";
    assert_eq!(
        call(&gateway, "POST", "/tyk/apis", body(&api("one").target(&blue))).await,
        done("one", "added")
    );
    assert_eq!(ask(&gateway, "GET", path).await, error(404, "API not found"), "before the reload");
    gateway.reload().await;
    assert_eq!(gateway.get("/one/").send().await.text(), "blue");
    let shown = ask(&gateway, "GET", path).await.1;
    let file: Value = serde_json::from_slice(&fs::read(gateway.file("one.json")).unwrap()).unwrap();
    assert_eq!(file, shown);

    let changed = body(&api("one").target(&green).set("something_unknown", 5));
    assert_eq!(call(&gateway, "PUT", path, changed).await, done("one", "modified"));
    gateway.reload().await;
    assert_eq!(gateway.get("/one/").send().await.text(), "green");
    assert_eq!(ask(&gateway, "GET", path).await.1["something_unknown"], 5);

    assert_eq!(ask(&gateway, "DELETE", path).await, done("one", "deleted"));
    gateway.reload().await;
    assert_eq!(gateway.get("/one/").send().await.status, 404);
    assert_eq!(ask(&gateway, "DELETE", path).await, error(404, "API not found"));
}

#[tokio::test]
async fn a_definition_keeps_the_file_that_it_came_from() {
    let upstream = Upstream::named("up").await;
    let text = api("one").target(&upstream).text();
    let gateway = Gateway::build().file("other-name.json", text).start().await;
    for (method, path) in [("PUT", "/tyk/apis/one"), ("POST", "/tyk/apis")] {
        let body = body(&api("one").target(&upstream).listen("/moved/"));
        assert_eq!(call(&gateway, method, path, body).await.0, 200);
        assert!(gateway.reload().await.problems.is_empty());
        assert_eq!(gateway.get("/moved/").send().await.text(), "up", "{method}");
    }
    assert!(!gateway.file("one.json").exists());
    assert_eq!(ask(&gateway, "DELETE", "/tyk/apis/one").await.0, 200);
    assert!(!gateway.file("other-name.json").exists());
}

#[tokio::test]
async fn what_is_wrong_with_a_definition_is_told_and_nothing_is_written() {
    let gateway = Gateway::build().api(api("one")).start().await;
    let before = fs::read(gateway.file("one.json")).unwrap();
    let ip = r#"Validation of API Definition failed. Reason: invalid IP/CIDR "x"."#;
    let other = "Request APIID does not match that in Definition! For Update operations these must match.";
    for (method, path, body, expected) in [
        ("POST", "/tyk/apis", json!([]), error(400, "Request malformed")),
        ("POST", "/tyk/apis", json!({"api_id": 5}), error(400, "Request malformed")),
        ("POST", "/tyk/apis", json!({"api_id": "../x"}), error(400, "Invalid API ID")),
        ("POST", "/tyk/apis", body(&api("new").set("allowed_ips", json!(["x"]))), error(400, ip)),
        ("PUT", "/tyk/apis/one", json!([]), error(400, "Request malformed")),
        ("PUT", "/tyk/apis/one", body(&api("two")), error(400, other)),
        ("PUT", "/tyk/apis/two", body(&api("two")), error(404, "API not found")),
    ] {
        assert_eq!(call(&gateway, method, path, body).await, expected, "{method} {path}");
    }
    assert_eq!(fs::read(gateway.file("one.json")).unwrap(), before);
    assert_eq!(fs::read_dir(gateway.file(".")).unwrap().count(), 1);
}

#[tokio::test]
async fn an_id_is_made_where_none_is_given() {
    let gateway = Gateway::build().start().await;
    let (status, made) = call(&gateway, "POST", "/tyk/apis", json!({"name": "no id"})).await;
    let id = made["key"].as_str().unwrap();
    assert_eq!((status, id.len()), (200, 32));
    assert!(gateway.file(&format!("{id}.json")).exists());
}

#[tokio::test]
async fn a_dashboards_definitions_are_not_written() {
    let builder = Gateway::build().api(api("one")).config(|config| config.use_db_app_configs = true);
    let gateway = builder.start().await;
    let dashboard = error(500, "Due to enabled use_db_app_configs, please use the Dashboard API");
    assert_eq!(call(&gateway, "POST", "/tyk/apis", body(&api("two"))).await, dashboard);
    assert_eq!(call(&gateway, "PUT", "/tyk/apis/one", body(&api("one"))).await, dashboard);
    assert_eq!(ask(&gateway, "DELETE", "/tyk/apis/one").await, done("one", "deleted"));
}

#[tokio::test]
async fn versions_are_listed_from_any_of_them() {
    let versioning = json!({
        "enabled": true, "name": "v1", "default": "v2", "location": "header", "key": "x-version",
        "versions": {"v2": "two", "v3": "gone"},
    });
    let gateway = Gateway::build()
        .api(api("one").set("definition", versioning))
        .api(api("two").set("internal", true).set("expiration", "2030-01-02 15:04"))
        .api(api("three"))
        .start()
        .await;
    let base = json!({
        "id": "one", "name": "one", "versionName": "v1", "internal": false, "expirationDate": "",
        "isDefaultVersion": false,
    });
    let child = json!({
        "id": "two", "name": "two", "versionName": "v2", "internal": true,
        "expirationDate": "2030-01-02 15:04", "isDefaultVersion": true,
    });
    for (path, apis) in [
        ("one/versions", json!([base, child])),
        ("two/versions", json!([base, child])),
        ("one/versions?accessType=internal", json!([child])),
        ("one/versions?accessType=external", json!([base])),
        ("one/versions?searchText=V2", json!([child])),
    ] {
        let listed = ask(&gateway, "GET", &format!("/tyk/apis/{path}")).await;
        assert_eq!(listed, (200, json!({"status": "success", "apis": apis})), "{path}");
    }
    assert_eq!(ask(&gateway, "GET", "/tyk/apis/none/versions").await, error(404, "API not found"));
    let child = gateway.control("GET", "/tyk/apis/two").send().await;
    assert_eq!(child.header("x-tyk-base-api-id"), Some("one"));
    for id in ["one", "three"] {
        let base = gateway.control("GET", &format!("/tyk/apis/{id}")).send().await;
        assert_eq!(base.header("x-tyk-base-api-id"), None, "{id}");
    }
}

#[tokio::test]
async fn a_version_is_not_made_silently() {
    let gateway = Gateway::build().api(api("one")).start().await;
    let path = "/tyk/apis?base_api_id=one&new_version_name=v2";
    let (status, answer) = call(&gateway, "POST", path, body(&api("new"))).await;
    assert_eq!((status, &answer["status"]), (501, &json!("error")));
    assert_eq!(fs::read_dir(gateway.file(".")).unwrap().count(), 1);
}
