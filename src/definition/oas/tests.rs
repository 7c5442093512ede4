mod auth;
mod documents;
mod faults;
mod members;
mod operations;

use serde_json::{Map, Value, json};

use super::{Converted, EXTENSION, Fault, convert};

/// The smallest document, with its extension.
fn plain() -> Value {
    json!({
        "openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "paths": {},
        (EXTENSION): {
            "info": {"id": "a", "name": "a", "state": {"active": true}},
            "upstream": {"url": "http://upstream.test"},
            "server": {"listenPath": {"value": "/a/", "strip": true}},
        },
    })
}

/// `plain` with members of the extension set, by paths with dots.
fn with(members: &[(&str, Value)]) -> Value {
    let mut document = plain();
    for (path, value) in members {
        let mut place = &mut document[EXTENSION];
        for name in path.split('.') {
            if !place.is_object() {
                *place = Value::Object(Map::new());
            }
            place = &mut place[name];
        }
        *place = value.clone();
    }
    document
}

fn made(document: &Value) -> Converted {
    convert(document, "test").unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// What the extension's members become, as Classic JSON.
fn classic(members: &[(&str, Value)]) -> Value {
    json!(made(&with(members)).definition)
}

fn faults(document: &Value) -> Vec<String> {
    convert(document, "test").unwrap_err().iter().map(Fault::to_string).collect()
}

/// Path below the extension and message of what is said about a document.
fn remarks(document: &Value) -> Vec<(String, String)> {
    let shorten = |path: &str| path.strip_prefix(&format!("{EXTENSION}.")).unwrap_or(path).to_owned();
    made(document).problems.into_iter().map(|problem| (shorten(&problem.path), problem.message)).collect()
}
