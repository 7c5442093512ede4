mod checks;
mod decode;
mod documents;
mod golden;
mod load;
mod re2;
mod support;
mod values;

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{ApiDefinition, parse};
use crate::error::{Problem, Severity};

/// The smallest definition that is served without a word.
fn plain() -> Value {
    json!({
        "name": "a", "api_id": "a", "use_keyless": true,
        "proxy": { "listen_path": "/a/", "target_url": "http://upstream.test" },
        "version_data": {
            "not_versioned": true,
            "versions": { "Default": { "name": "Default", "use_extended_paths": true } }
        }
    })
}

/// `plain` with a member set; the pointer's objects are made as needed.
fn with(pointer: &str, value: Value) -> Value {
    let mut root = plain();
    let mut here = &mut root;
    let mut steps = pointer.split('/').skip(1).peekable();
    while let Some(step) = steps.next() {
        if here.is_null() {
            *here = json!({});
        }
        here = here.as_object_mut().unwrap().entry(step).or_insert(Value::Null);
        if steps.peek().is_none() {
            *here = value.clone();
        }
    }
    root
}

/// `plain` with one kind of endpoint rule.
fn with_rule(kind: &str, entries: Value) -> Value {
    with(&format!("/version_data/versions/Default/extended_paths/{kind}"), entries)
}

fn read(value: &Value) -> ApiDefinition {
    parse(&value.to_string(), "test").unwrap()
}

fn fixture(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/definitions").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// Path and message of the problems of a severity.
fn of(problems: &[Problem], severity: Severity) -> Vec<(&str, &str)> {
    let matching = problems.iter().filter(|problem| problem.severity == severity);
    matching.map(|problem| (problem.path.as_str(), problem.message.as_str())).collect()
}
