//! Events: who is told of what, and that nobody else notices.

mod handlers;
mod system;

use serde_json::{Value, json};

use crate::support::{
    definition::{Definition, api},
    upstream::Upstream,
};

/// A web hook at `to`, with these members of its settings too.
fn hook(to: &str, more: Value) -> Value {
    let mut meta = json!({ "method": "POST", "target_path": to, "event_timeout": 60 });
    meta.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "handler_name": "eh_web_hook_handler", "handler_meta": meta })
}

/// An API `a` that needs a key and tells of those that are none.
fn guarded(upstream: &Upstream, handlers: Value) -> Definition {
    api("a").target(upstream).set("use_keyless", false).set("event_handlers.events.AuthFailure", handlers)
}
