//! The stored form: shared with Tyk, so nothing may get lost on the way through.

use serde_json::{Value, json};

use super::super::*;

fn golden(name: &str) -> (Value, Value) {
    let path = format!("{}/tests/golden/cases/sessions/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let case: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    (case["keys"][0]["session"].clone(), case["steps"][0]["expect"]["json"].clone())
}

#[test]
fn recorded_states_come_out_as_they_went_in() {
    for name in ["stored-form", "stored-minimal"] {
        let (sent, stored) = golden(name);
        let read: SessionState = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), stored, "{name}");
        let made: SessionState = serde_json::from_value(sent).unwrap();
        assert_eq!(made, read, "{name}");
    }
}

#[test]
fn old_writers_write_everything_and_null() {
    let old = json!({
        "last_check": 0, "allowance": 0, "rate": 3, "access_rights": null, "oauth_keys": null, "tags": null,
        "apply_policies": null, "basic_auth_data": { "password": "", "hash_type": "" }, "monitor":
        { "trigger_limits": null }, "meta_data": null, "is_inactive": false, "smoothing": null,
    });
    let read: SessionState = serde_json::from_value(old).unwrap();
    assert_eq!(read, SessionState { rate: 3.0, ..SessionState::default() });
    assert_eq!(serde_json::to_value(&read).unwrap(), json!({ "rate": 3 }));
}
