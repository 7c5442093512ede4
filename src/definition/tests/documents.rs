use std::fs;

use serde_json::{Value, json};

use super::load::{api, folder, load, load_with};

#[test]
fn an_oas_half_that_asks_for_validation_closes_the_api() {
    let mut twin = api("twin");
    twin["is_oas"] = json!(true);
    let document = |operation: Value| {
        json!({ "openapi": "3.0.3", "x-tyk-api-gateway": { "middleware": { "operations": { "op": operation } } } })
            .to_string()
    };
    let loaded = |oas: Option<&str>| {
        let folder = folder(&[("x.json", &twin.to_string())]);
        if let Some(oas) = oas {
            fs::write(folder.path().join("x-oas.json"), oas).unwrap();
        }
        load(folder.path())
    };
    let validating = loaded(Some(&document(json!({ "validateRequest": { "enabled": true } }))));
    assert!(validating.definitions[0].refuses);
    assert!(validating.definitions[0].problems[0].path.ends_with("operations.op.validateRequest"));
    let mocking = loaded(Some(&document(json!({ "mockResponse": { "enabled": true } }))));
    assert!(!mocking.definitions[0].refuses);
    assert_eq!(mocking.definitions[0].problems.len(), 1);
    let idle = loaded(Some(&document(json!({ "validateRequest": { "enabled": false } }))));
    assert!(idle.definitions[0].problems.is_empty());
    assert_ne!(idle.definitions[0].checksum, mocking.definitions[0].checksum);
    for oas in [None, Some("{"), Some("{}")] {
        assert!(loaded(oas).definitions.is_empty());
    }
}

/// A document that is an API of its own.
fn document(members: &[(&str, Value)]) -> Value {
    let mut document = json!({
        "openapi": "3.0.3", "info": { "title": "t", "version": "1" }, "paths": {},
        "x-tyk-api-gateway": {
            "info": { "id": "doc", "name": "d", "state": { "active": true } },
            "upstream": { "url": "http://env://HOST" },
            "server": { "listenPath": { "value": "/doc/", "strip": true } },
        },
    });
    for (pointer, value) in members {
        let (owner, name) = pointer.rsplit_once('/').unwrap();
        document["x-tyk-api-gateway"].pointer_mut(owner).unwrap()[name] = value.clone();
    }
    document
}

#[test]
fn a_document_alone_is_an_api() {
    let folder = folder(&[("d.json", &document(&[]).to_string())]);
    let loaded = load_with(folder.path(), &|_| Some("h.test".to_owned()));
    let source = &loaded.definitions[0];
    assert_eq!(source.definition.proxy.target_url, "http://h.test");
    assert!(source.definition.is_oas && source.definition.use_keyless);
    assert!(source.problems.is_empty(), "{:?}", source.problems);
    assert!(source.oas.as_ref().unwrap().contains("env://HOST"), "kept as it was written");
    let other = load_with(folder.path(), &|_| Some("i.test".to_owned()));
    assert_ne!(source.checksum, other.definitions[0].checksum);
}

#[test]
fn what_is_wrong_with_a_document_names_the_place_in_it() {
    let folder = folder(&[
        ("a.json", &document(&[("/server/cors", json!({ "enabled": true }))]).to_string()),
        (
            "b.json",
            &document(&[
                ("/info/id", json!("b")),
                ("/middleware", json!({ "global": { "cors": { "enabled": true } } })),
                ("/upstream/certificatePinning", json!({
                    "enabled": true, "domainToPublicKeysMapping": [{ "domain": "d", "publicKeys": ["k"] }],
                })),
                ("/server/authentication", json!({ "enabled": true, "securityProcessingMode": "compliant" })),
            ])
            .to_string(),
        ),
        ("c.json", &document(&[("/info/id", json!("c")), ("/upstream/url", json!("::"))]).to_string()),
    ]);
    let loaded = load(folder.path());
    let paths = |index: usize| -> Vec<String> {
        let problems = loaded.definitions[index].problems.iter();
        let paths = problems.map(|problem| problem.path.clone()).filter(|path| !path.is_empty());
        paths.map(|path| path.replacen("x-tyk-api-gateway.", "", 1)).collect()
    };
    assert_eq!(paths(0), ["server.cors"]);
    let second = paths(1);
    for path in ["middleware.global.cors.enabled", "upstream.certificatePinning.domainToPublicKeysMapping"] {
        assert!(second.contains(&path.to_owned()), "{second:?}");
    }
    assert!(loaded.definitions[1].refuses && !loaded.definitions[0].refuses);
    let broken = &loaded.broken[0];
    assert_eq!(
        (broken.api_id.as_deref(), broken.problems[0].path.as_str()),
        (Some("c"), "x-tyk-api-gateway.upstream.url")
    );
}

#[test]
fn what_only_a_document_can_ask_for_is_named_in_both_forms() {
    let several = json!([{ "t": [] }, { "u": [] }]);
    let schemes = json!({ "t": { "enabled": true, "allowedIssuers": ["i"] } });
    let wish = json!({ "enabled": true, "securityProcessingMode": "compliant", "securitySchemes": schemes });
    let mut asks = document(&[
        ("/server/authentication", wish),
        ("/upstream/url", json!("http://u.test")),
        ("/middleware", json!({ "operations": { "op": { "scopeCheck": { "enabled": true } } } })),
    ]);
    asks["paths"] = json!({ "/p": { "get": { "operationId": "op" } } });
    let jwt = json!({ "type": "http", "scheme": "bearer" });
    asks["components"] = json!({ "securitySchemes": { "t": jwt, "u": jwt } });
    asks["security"] = several;
    let mut twin = api("twin");
    twin["is_oas"] = json!(true);
    let folder = folder(&[
        ("alone.json", &asks.to_string()),
        ("x.json", &twin.to_string()),
        ("x-oas.json", &asks.to_string()),
    ]);
    let loaded = load(folder.path());
    for source in &loaded.definitions {
        assert!(source.refuses, "{}", source.path.display());
        for end in ["op.scopeCheck", "securityProcessingMode", "securitySchemes.t.allowedIssuers"] {
            let named = source.problems.iter().any(|problem| problem.path.ends_with(end));
            assert!(named, "{end} in {}: {:?}", source.path.display(), source.problems);
        }
    }
    assert_eq!(loaded.definitions.len(), 2);
}
