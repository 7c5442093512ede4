//! The document itself: what of it the gateway fills in, and the form in which it is kept and shown.

use serde_json::{Map, Value, json};

/// The member that makes an OpenAPI document an API of a gateway.
pub const EXTENSION: &str = "x-tyk-api-gateway";

/// The API's id; empty where the document has none.
pub fn api_id(document: &Value) -> &str {
    text(document, "info", "id")
}

/// The API's listen path; empty where the document has none.
pub fn listen_path(document: &Value) -> &str {
    document
        .get(EXTENSION)
        .and_then(|extension| extension.pointer("/server/listenPath/value"))
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn text<'a>(document: &'a Value, block: &str, name: &str) -> &'a str {
    let value = document.get(EXTENSION).and_then(|extension| extension.get(block)?.get(name));
    value.and_then(Value::as_str).unwrap_or_default()
}

/// Gives the API an id.
pub fn set_api_id(document: &mut Value, id: &str) {
    if let Some(info) = document.get_mut(EXTENSION).and_then(|extension| extension.get_mut("info"))
        && let Some(info) = info.as_object_mut()
    {
        info.insert("id".to_owned(), id.into());
    }
}

/// Puts the addresses of the API first among `servers`: absolute, then relative. Those of `old`, the document in whose
/// place this one comes, go.
pub fn set_servers(document: &mut Value, old: Option<&Value>, base: &str) {
    let addresses = |path: &str| {
        let path = format!("/{}", path.trim_matches('/'));
        [format!("{base}{path}"), path]
    };
    let own = addresses(listen_path(document));
    let gone = old.map(|old| addresses(listen_path(old)));
    let kept = document.get("servers").and_then(Value::as_array).cloned().unwrap_or_default();
    let kept = kept.into_iter().filter(|server| {
        let url = server.get("url").and_then(Value::as_str).unwrap_or_default();
        !own.iter().chain(gone.iter().flatten()).any(|address| address == url)
    });
    let servers: Vec<Value> = own.iter().map(|url| json!({"url": url})).chain(kept).collect();
    if let Some(root) = document.as_object_mut() {
        root.insert("servers".to_owned(), servers.into());
    }
}

/// The form in which Tyk keeps a document: components always, no empty middleware.
pub fn tidy(document: &mut Value) {
    let Some(root) = document.as_object_mut() else { return };
    root.entry("components").or_insert_with(|| Map::new().into());
    let Some(extension) = root.get_mut(EXTENSION).and_then(Value::as_object_mut) else { return };
    let empty = |value: &Value| value.as_object().is_some_and(Map::is_empty);
    if let Some(middleware) = extension.get_mut("middleware").and_then(Value::as_object_mut) {
        middleware.retain(|_, value| !empty(value));
    }
    if extension.get("middleware").is_some_and(empty) {
        extension.remove("middleware");
    }
}

/// The document without what is the gateway's business alone.
pub fn public(document: &Value) -> Value {
    let mut shown = document.clone();
    if let Some(root) = shown.as_object_mut() {
        root.retain(|name, _| name != EXTENSION && name != "x-pinhook");
    }
    shown
}
