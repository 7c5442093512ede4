use std::collections::HashSet;

use serde_json::{Value, json};

use super::{
    super::{convert, document},
    EXTENSION, faults, made, plain, with,
};

#[test]
fn what_a_document_lacks_is_named_by_its_place() {
    let mut bare = plain();
    bare.as_object_mut().unwrap().remove(EXTENSION);
    assert_eq!(faults(&bare), ["the payload should contain x-tyk-api-gateway"]);
    for (path, value, expected) in [
        ("info.name", json!(" "), "x-tyk-api-gateway.info.name: Does not match pattern '\\S+'"),
        (
            "info.name",
            json!(5),
            "x-tyk-api-gateway.info.name: Invalid type. Expected: string, given: integer",
        ),
        ("info", json!({"name": "a"}), "x-tyk-api-gateway.info: state is required"),
        ("info.state", json!({"internal": true}), "x-tyk-api-gateway.info.state: active is required"),
        ("upstream", json!(null), "x-tyk-api-gateway: upstream is required"),
        ("upstream", json!({"rateLimit": {"enabled": false}}), "x-tyk-api-gateway.upstream: url is required"),
        (
            "server.listenPath",
            json!({"strip": true}),
            "x-tyk-api-gateway.server.listenPath: value is required",
        ),
        (
            "server.listenPath",
            json!("/a/"),
            "x-tyk-api-gateway.server.listenPath: Invalid type. Expected: object, given: string",
        ),
        ("server.port", json!(70_000), "x-tyk-api-gateway.server.port: Must be less than or equal to 65535"),
        (
            "server.protocol",
            json!("ftp"),
            "x-tyk-api-gateway.server.protocol: must be one of the following: \"http\", \"https\", \"h2c\"",
        ),
        (
            "upstream.loadBalancing",
            json!({"enabled": true, "targets": []}),
            "x-tyk-api-gateway.upstream.loadBalancing.targets: Array must have at least 1 items",
        ),
        (
            "info.versioning",
            json!({"enabled": true}),
            "x-tyk-api-gateway.info.versioning: location is required",
        ),
        (
            "middleware.global.prePlugins",
            json!([{"enabled": "yes", "functionName": "f"}]),
            "x-tyk-api-gateway.middleware.global.prePlugins[0].enabled: Invalid type. Expected: boolean, given: string",
        ),
        (
            "server.eventHandlers",
            json!([{"enabled": true, "type": "fax", "trigger": "X"}]),
            "x-tyk-api-gateway.server.eventHandlers[0].type: must be one of the following: \"webhook\", \"custom\", \"log\"",
        ),
        (
            "upstream.loadBalancing",
            json!({"targets": [{"url": "http://a", "weight": 1_000_000_000}]}),
            "x-tyk-api-gateway.upstream.loadBalancing.targets[0].weight: Must be from 0 to 1000",
        ),
    ] {
        assert!(faults(&with(&[(path, value)])).contains(&expected.to_owned()), "{path}: {expected}");
    }
}

#[test]
fn the_openapi_part_is_checked_too() {
    for (name, value, expected) in [
        ("openapi", json!("2.0"), "openapi: Does not match pattern '^3\\.'"),
        ("paths", json!(null), "(root): paths is required"),
        ("paths", json!([]), "paths: Invalid type. Expected: object, given: array"),
        ("info", json!({"title": "t"}), "info: version is required"),
        ("definitions", json!({}), "(root): Additional property definitions is not allowed"),
    ] {
        let mut document = plain();
        document[name] = value;
        assert!(faults(&document).contains(&expected.to_owned()), "{:?}", faults(&document));
    }
    let mut own = plain();
    own["x-anything"] = json!(1);
    made(&own);
}

#[test]
fn a_classic_definition_is_no_document() {
    assert!(document(&plain().to_string()).is_some());
    assert!(document(r#"{"swagger": "2.0"}"#).is_some());
    for text in ["{", "{}", r#"{"openapi": ""}"#, r#"{"openapi": "3.0.3", "proxy": {}}"#] {
        assert!(document(text).is_none(), "{text}");
    }
}

/// The documents of all recorded cases.
fn recorded() -> Vec<Value> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/cases/oas");
    let mut documents = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let case: Value = serde_json::from_slice(&std::fs::read(entry.unwrap().path()).unwrap()).unwrap();
        let bodies = case["steps"].as_array().unwrap().iter().map(|step| &step["request"]["json"]);
        let halves = case["apis"].as_array().unwrap().iter().map(|api| &api["oas"]);
        let whole = bodies.chain(halves).filter(|body| body.get(EXTENSION).is_some());
        documents.extend(whole.filter(|body| body[EXTENSION]["info"]["name"] != "").cloned());
    }
    assert!(documents.len() > 20);
    documents
}

/// Every place of a value, as a pointer.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                places(value, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, value)| places(value, &format!("{at}/{index}"), found));
        }
        _ => {}
    }
}

#[test]
fn recorded_documents_are_understood_in_full() {
    for document in recorded() {
        for problem in made(&document).problems {
            assert!(!problem.message.contains("unknown member"), "{problem}");
        }
    }
}

#[test]
fn no_value_in_any_place_makes_it_panic() {
    let mut known = HashSet::new();
    for document in recorded() {
        let mut found = Vec::new();
        places(&document, "", &mut found);
        // What most documents have is tried once.
        for place in found.into_iter().filter(|place| known.insert(place.clone())) {
            for other in [json!(null), json!(-5), json!(1e300), json!("x"), json!([[]]), json!({"": {"": 1}})]
            {
                let mut changed = document.clone();
                *changed.pointer_mut(&place).unwrap() = other;
                if let Err(faults) = convert(&changed, "test") {
                    assert!(!faults.is_empty(), "{place}");
                }
            }
        }
    }
}
