//! API definitions as users write them: Classic JSON, made of a plain start and what a test is about.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::upstream::Upstream;

/// A keyless API that listens on `/{id}/` and strips that.
pub(crate) fn api(id: &str) -> Definition {
    Definition(json!({
        "name": id,
        "api_id": id,
        "org_id": "org",
        "active": true,
        "use_keyless": true,
        "proxy": {
            "listen_path": format!("/{id}/"),
            "target_url": "http://127.0.0.1:9",
            "strip_listen_path": true,
        },
        "version_data": {
            "not_versioned": true,
            "versions": { "Default": { "name": "Default", "use_extended_paths": true, "extended_paths": {} } },
        },
    }))
}

#[derive(Debug, Clone)]
pub(crate) struct Definition(Value);

impl Definition {
    pub(crate) fn id(&self) -> &str {
        self.0["api_id"].as_str().unwrap()
    }

    /// Sets a member by its dotted path; objects on the way are made.
    pub(crate) fn set(mut self, path: &str, value: impl Into<Value>) -> Self {
        let place = path.split('.').fold(&mut self.0, |at, name| {
            if !at.is_object() {
                *at = Value::Object(Map::new());
            }
            at.as_object_mut().unwrap().entry(name).or_insert(Value::Null)
        });
        *place = value.into();
        self
    }

    pub(crate) fn target(self, upstream: &Upstream) -> Self {
        self.target_url(upstream.url())
    }

    pub(crate) fn target_url(self, url: impl Into<String>) -> Self {
        self.set("proxy.target_url", url.into())
    }

    pub(crate) fn listen(self, path: &str) -> Self {
        self.set("proxy.listen_path", path)
    }

    pub(crate) fn keep_listen_path(self) -> Self {
        self.set("proxy.strip_listen_path", false)
    }

    /// Adds a native hook to a list of `custom_middleware`.
    pub(crate) fn hook(self, list: &str, library: &Path, function: &str) -> Self {
        self.entry(list, json!({ "name": function, "path": library }))
    }

    /// Adds an entry to a list of `custom_middleware`.
    pub(crate) fn entry(mut self, list: &str, entry: Value) -> Self {
        if self.0["custom_middleware"].is_null() {
            self = self.set("custom_middleware.driver", "goplugin");
        }
        match &mut self.0["custom_middleware"][list] {
            Value::Array(entries) => entries.push(entry),
            none => *none = json!([entry]),
        }
        self
    }

    /// Sets a list of endpoints, such as `url_rewrites`.
    pub(crate) fn endpoints(self, list: &str, entries: Value) -> Self {
        self.set(&format!("version_data.versions.Default.extended_paths.{list}"), entries)
    }

    pub(crate) fn text(&self) -> String {
        self.0.to_string()
    }
}
