//! OAS documents: through the control API and as files.

use std::fs;

use serde_json::{Value, json};

use super::{ask, call, done, error};
use crate::support::{definition::api, gateway::Gateway, program, upstream::Upstream};

const EXTENSION: &str = "x-tyk-api-gateway";

fn document(id: &str, target: impl Into<String>) -> Value {
    json!({
        "openapi": "3.0.3",
        "info": {"title": format!("Title of {id}"), "version": "1"},
        "paths": {"/p/{id}": {"get": {"operationId": "byId"}}},
        (EXTENSION): {
            "info": {"id": id, "orgId": "org", "name": id, "state": {"active": true}},
            "upstream": {"url": target.into()},
            "server": {"listenPath": {"value": format!("/{id}/"), "strip": true}},
            "middleware": {"operations": {"byId": {"transformResponseHeaders": {
                "enabled": true, "add": [{"name": "X-Op", "value": "byId"}],
            }}}},
        },
    })
}

#[tokio::test]
async fn a_document_is_made_changed_and_removed() {
    let (blue, green) = (Upstream::named("blue").await, Upstream::named("green").await);
    let gateway = Gateway::build().start().await;
    let path = "/tyk/apis/oas/one";
    let first = call(&gateway, "POST", "/tyk/apis/oas", document("one", blue.url())).await;
    assert_eq!(first, done("one", "added"));
    assert_eq!(ask(&gateway, "GET", path).await, error(404, "API not found"), "before the reload");
    assert!(gateway.reload().await.problems.is_empty());
    let answer = gateway.get("/one/p/7").send().await;
    assert_eq!((answer.text().as_str(), answer.header("x-op")), ("blue", Some("byId")));
    assert_eq!(gateway.get("/one/other").send().await.header("x-op"), None);

    let shown = ask(&gateway, "GET", path).await.1;
    assert_eq!(shown["servers"][1], json!({"url": "/one"}));
    assert_eq!(shown["components"], json!({}));
    assert_eq!(ask(&gateway, "GET", "/tyk/apis/oas").await.1, json!([shown]));
    let classic = ask(&gateway, "GET", "/tyk/apis/one").await.1;
    assert_eq!((&classic["is_oas"], &classic["use_keyless"]), (&json!(true), &json!(true)));
    let files: Vec<Value> = ["one.json", "one-oas.json"]
        .map(|name| serde_json::from_slice(&fs::read(gateway.file(name)).unwrap()).unwrap())
        .into();
    assert_eq!(files, [classic, shown]);

    let changed = document("one", green.url());
    assert_eq!(call(&gateway, "PUT", path, changed).await, done("one", "modified"));
    gateway.reload().await;
    assert_eq!(gateway.get("/one/p/7").send().await.text(), "green");

    let pair = ["one.json", "one-oas.json"].map(|name| (name, fs::read(gateway.file(name)).unwrap()));
    let mut again = Gateway::build();
    for (name, text) in pair {
        again = again.file(name, text);
    }
    let again = again.start().await;
    assert_eq!(again.get("/one/p/7").send().await.text(), "green", "after a restart");

    assert_eq!(ask(&gateway, "DELETE", path).await, done("one", "deleted"));
    gateway.reload().await;
    assert_eq!(gateway.get("/one/p/7").send().await.status, 404);
    assert_eq!(fs::read_dir(gateway.file(".")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_patch_takes_another_document_and_keeps_the_extension() {
    let (blue, green) = (Upstream::named("blue").await, Upstream::named("green").await);
    let gateway = Gateway::build().start().await;
    call(&gateway, "POST", "/tyk/apis/oas", document("one", blue.url())).await;
    gateway.reload().await;
    let mut plain = document("one", "");
    plain.as_object_mut().unwrap().remove(EXTENSION);
    plain["info"]["title"] = json!("Second");
    let path = format!("/tyk/apis/oas/one?upstreamURL={}&listenPath=/moved/&allowList=true", green.url());
    assert_eq!(call(&gateway, "PATCH", &path, plain.clone()).await, done("one", "modified"));
    assert!(gateway.reload().await.problems.is_empty());
    let answer = gateway.get("/moved/p/7").send().await;
    assert_eq!((answer.text().as_str(), answer.header("x-op")), ("green", Some("byId")));
    assert_eq!(gateway.get("/moved/other").send().await.status, 403, "only what the document lists");
    let shown = ask(&gateway, "GET", "/tyk/apis/oas/one").await.1;
    assert_eq!(shown["info"]["title"], "Second");
    let servers: Vec<&str> =
        shown["servers"].as_array().unwrap().iter().map(|server| server["url"].as_str().unwrap()).collect();
    assert_eq!((servers.len(), servers[1]), (2, "/moved"));
    let (status, said) = call(&gateway, "PATCH", "/tyk/apis/oas/one?allowList=perhaps", plain).await;
    assert_eq!((status, &said["message"]), (400, &json!("allowList: expected true or false")));
}

#[tokio::test]
async fn a_plain_document_is_imported() {
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build().start().await;
    let mut plain = document("one", "");
    let own = plain.as_object_mut().unwrap().remove(EXTENSION);
    let nowhere = call(&gateway, "POST", "/tyk/apis/oas/import", plain.clone()).await;
    assert_eq!(nowhere, error(400, "servers: the document names no server, and no upstreamURL is given"));
    plain["servers"] = json!([{"url": upstream.url()}]);
    let (status, made) =
        call(&gateway, "POST", "/tyk/apis/oas/import?listenPath=/imported/", plain.clone()).await;
    assert_eq!(
        (status, made["action"].as_str(), made["key"].as_str().unwrap().len()),
        (200, Some("added"), 32)
    );
    gateway.reload().await;
    assert_eq!(gateway.get("/imported/x").send().await.text(), "up");
    plain[EXTENSION] = own.unwrap();
    let refused = call(&gateway, "POST", "/tyk/apis/oas/import", plain).await;
    assert_eq!(refused, error(400, "the import payload should not contain x-tyk-api-gateway"));
}

#[tokio::test]
async fn a_document_is_exported_with_and_without_the_gateways_part() {
    let gateway = Gateway::build().start().await;
    call(&gateway, "POST", "/tyk/apis/oas", document("one", "http://127.0.0.1:9")).await;
    gateway.reload().await;
    for (path, name, extended) in [
        ("/tyk/apis/oas/one/export", "TykOasApiDef-one.json", true),
        ("/tyk/apis/oas/one/export?mode=public", "oas-one.json", false),
        ("/tyk/apis/oas/export", "TykOasApiDef.json", true),
    ] {
        let answer = gateway.control("GET", path).send().await;
        let disposition = format!("attachment; filename=\"{name}\"");
        assert_eq!(answer.header("content-disposition"), Some(disposition.as_str()));
        assert!(answer.text().contains("\n  "), "indented");
        let mut shown = answer.json();
        if shown.is_array() {
            shown = shown[0].take();
        }
        assert_eq!(
            (shown.get(EXTENSION).is_some(), &shown["openapi"]),
            (extended, &json!("3.0.3")),
            "{path}"
        );
    }
    let public = ask(&gateway, "GET", "/tyk/apis/oas?mode=public").await.1;
    assert!(public[0].get(EXTENSION).is_none());
}

#[tokio::test]
async fn what_is_wrong_with_a_document_is_told_and_nothing_is_written() {
    let gateway = Gateway::build().api(api("classic")).start().await;
    call(&gateway, "POST", "/tyk/apis/oas", document("one", "http://127.0.0.1:9")).await;
    gateway.reload().await;
    let mut bare = document("new", "http://u.test");
    bare.as_object_mut().unwrap().remove(EXTENSION);
    let mut unnamed = document("new", "http://u.test");
    unnamed[EXTENSION]["info"]["name"] = json!("");
    let mut outside = document("../x", "http://u.test");
    outside[EXTENSION]["info"]["name"] = json!("x");
    let mut address = document("new", "http://u.test");
    address[EXTENSION]["server"]["ipAccessControl"] = json!({"enabled": true, "allow": ["x"]});
    let without = "the payload should contain x-tyk-api-gateway";
    let ip = r#"Validation of API Definition failed. Reason: invalid IP/CIDR "x"."#;
    let name = r"x-tyk-api-gateway.info.name: Does not match pattern '\S+'";
    let other = "Request APIID does not match that in Definition! For Update operations these must match.";
    let old = "the requested API definition is in Tyk classic format, please use old api endpoint";
    let classic =
        "the supplied API definition is in OAS format, please use the Tyk classic format for this API";
    let wrong =
        "this API endpoint only supports Tyk Classic APIs; please use the appropriate Tyk OAS API endpoint";
    let (new, post) = (document("new", "http://u.test"), "/tyk/apis/oas");
    for (method, path, body, expected) in [
        ("POST", post, json!([]), error(400, "request malformed")),
        ("POST", post, bare.clone(), error(400, without)),
        ("POST", post, unnamed, error(400, name)),
        ("POST", post, outside, error(400, "Invalid API ID")),
        ("POST", post, address, error(400, ip)),
        ("PUT", "/tyk/apis/oas/one", bare, error(400, without)),
        ("PUT", "/tyk/apis/oas/one", new.clone(), error(400, other)),
        ("PUT", "/tyk/apis/oas/none", new.clone(), error(404, "API not found")),
        ("PUT", "/tyk/apis/oas/classic", new.clone(), error(400, classic)),
        ("PATCH", "/tyk/apis/oas/classic", new.clone(), error(400, classic)),
        ("PUT", "/tyk/apis/one", json!({}), error(400, wrong)),
        ("GET", "/tyk/apis/oas/classic", Value::Null, error(400, old)),
        ("GET", "/tyk/apis/oas/classic/export", Value::Null, error(400, old)),
        ("GET", "/tyk/apis/oas/none", Value::Null, error(404, "API not found")),
    ] {
        assert_eq!(call(&gateway, method, path, body).await, expected, "{method} {path}");
    }
    let version = "/tyk/apis/oas?base_api_id=one&new_version_name=v2";
    assert_eq!(call(&gateway, "POST", version, new).await.0, 501);
    assert_eq!(fs::read_dir(gateway.file(".")).unwrap().count(), 3);
}

#[tokio::test]
async fn a_broken_document_leaves_healthy_ones_alone() {
    let upstream = Upstream::named("up").await;
    let alone = document("alone", upstream.url());
    let mut broken = document("broken", upstream.url());
    broken[EXTENSION]["server"] = json!({"listenPath": "/broken/"});
    let gateway = Gateway::build()
        .api(api("classic").target(&upstream))
        .file("alone.json", alone.to_string())
        .file("broken.json", broken.to_string())
        .start()
        .await;
    for (path, status) in [("/classic/", 200), ("/alone/p/1", 200), ("/broken/", 404)] {
        assert_eq!(gateway.get(path).send().await.status, status, "{path}");
    }
    let problems = gateway.reload().await.problems;
    let named: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert!(
        named.iter().any(|line| line.contains("broken.json")
            && line.contains("x-tyk-api-gateway.server.listenPath")
            && line.contains("Expected: object, given: string")),
        "{named:?}"
    );
    gateway.write("alone.json", broken.to_string().replace("broken", "alone"));
    gateway.reload().await;
    assert_eq!(gateway.get("/alone/p/1").send().await.text(), "up", "the last good version");
    let changed = document("alone", "http://127.0.0.1:9");
    assert_eq!(call(&gateway, "PUT", "/tyk/apis/oas/alone", changed).await, done("alone", "modified"));
    gateway.reload().await;
    assert_eq!(gateway.get("/alone/p/1").send().await.status, 500, "the new upstream is not there");
}

#[test]
fn lint_reads_documents() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("d.json");
    let mut asks = document("one", "http://u.test");
    asks[EXTENSION]["middleware"]["global"] = json!({"cors": {"enabled": true}, "unheardOf": 1});
    fs::write(&file, asks.to_string()).unwrap();
    let output = program::pinhook().arg("lint").arg(&file).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    for line in [
        "x-tyk-api-gateway.middleware.global.cors.enabled: not built yet",
        "x-tyk-api-gateway.middleware.global.unheardOf: unknown member",
    ] {
        assert!(said.contains(line), "{said}");
    }
    asks[EXTENSION]["upstream"] = json!({});
    fs::write(&file, asks.to_string()).unwrap();
    let output = program::pinhook().arg("lint").arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("x-tyk-api-gateway.upstream: url is required"), "{said}");
}
