//! Policies as files and as what they make of keys; a test per rule of the merge.

mod load;
mod partitions;
mod per_api;
mod whole;

use serde_json::{Value, json};

use super::{Policies, PolicyError};
use crate::session::SessionState;

/// Policies of `org1` by id, each with these members.
fn policies(all: Value) -> Policies {
    let mut loaded = Policies::default();
    for (id, members) in all.as_object().unwrap() {
        let mut policy = json!({ "id": id, "org_id": "org1" });
        policy.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        loaded.add(serde_json::from_value(policy).unwrap());
    }
    loaded
}

fn try_merge(all: Value, state: Value) -> Result<SessionState, String> {
    let mut state: SessionState = serde_json::from_value(state).unwrap();
    let merged = policies(all).apply("org1", &mut state);
    merged.map(|()| state).map_err(|error: PolicyError| error.to_string())
}

/// The state that a key with these members has in the end.
fn merge(all: Value, state: Value) -> Value {
    serde_json::to_value(try_merge(all, state).unwrap()).unwrap()
}

/// A part of a state, or null.
fn at(state: &Value, path: &str) -> Value {
    state.pointer(path).cloned().unwrap_or_default()
}

/// Rights on one API with nothing special.
fn plain(api_id: &str) -> Value {
    json!({ "api_id": api_id, "api_name": api_id, "versions": ["Default"] })
}
