//! Events about keys that the control API changed: they go to the gateway's handlers, not to an API's.

use serde_json::{Map, Value};

use crate::{event::EventKind, gateway::Gateway};

/// Tells that a key was made, changed or removed. `key` is its token, or the hash that the call named.
pub(super) fn tell(gateway: &Gateway, kind: EventKind, message: &str, org_id: &str, key: &str) {
    let snapshot = gateway.snapshot();
    let events = &snapshot.services.events;
    if events.wants(kind) {
        let meta = [("Message", message), ("Org", org_id), ("Key", key)];
        let meta = meta.into_iter().map(|(name, text)| (name.to_owned(), Value::from(text)));
        events.fire(kind, meta.collect::<Map<_, _>>());
    }
}
