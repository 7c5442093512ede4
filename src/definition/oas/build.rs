//! The extension as the gateway makes or changes it: for a plain OpenAPI document that is imported, and for a document
//! in place of another (sessions-and-control reference 8.3).

use serde_json::{Map, Value, json};

use super::{EXTENSION, Fault, operations};
use crate::url::Url;

/// What a caller wants the extension to say. What is absent stays as it is.
#[derive(Debug, Default)]
pub struct Wishes {
    /// Upstream; else that of the document, else its first server.
    pub upstream: Option<String>,
    /// Listen path; else that of the document, else `/`.
    pub listen_path: Option<String>,
    /// Host of the API.
    pub domain: Option<String>,
    /// Id of the API.
    pub api_id: Option<String>,
    /// Serves only the operations of the document, or no longer only these.
    pub allow_list: Option<bool>,
    /// Validates requests.
    pub validate: Option<bool>,
    /// Answers with examples.
    pub mock: Option<bool>,
    /// Asks for the credentials that the document's `security` names.
    pub authentication: Option<bool>,
}

/// Makes the extension, or changes that which is there.
///
/// # Errors
/// There is no upstream, or not one that could be asked.
pub fn extend(document: &mut Value, wishes: &Wishes) -> Result<(), Fault> {
    let server = first_server(document);
    name_operations(document);
    let (operations, schemes) = (operations::list(document), required_schemes(document));
    let title = document.pointer("/info/title").cloned().unwrap_or_else(|| "".into());
    let root = document.as_object_mut().ok_or_else(|| Fault::new("(root)", "expected an object"))?;
    let is_new = !root.contains_key(EXTENSION);
    let extension = root.entry(EXTENSION).or_insert_with(|| fresh(&title));
    if let Some(id) = &wishes.api_id {
        set(extension, &["info", "id"], id.as_str());
    }
    let upstream = extension.pointer("/upstream/url").and_then(Value::as_str).map(str::to_owned);
    let balanced = extension.pointer("/upstream/loadBalancing").is_some();
    match wishes.upstream.clone().or(upstream.filter(|url| !url.is_empty())) {
        Some(url) => set(extension, &["upstream", "url"], url),
        None if balanced => {}
        None => set(extension, &["upstream", "url"], server?),
    }
    if let Some(path) = &wishes.listen_path {
        set(extension, &["server", "listenPath", "value"], path.as_str());
    }
    if let Some(domain) = &wishes.domain {
        set(extension, &["server", "customDomain"], json!({"enabled": true, "name": domain}));
    }
    if is_new {
        set(extension, &["server", "listenPath", "strip"], true);
    }
    for operation in operations {
        let Some(id) = operation.id else { continue };
        let rules: [(&str, Option<bool>, Value); 3] = [
            ("allow", wishes.allow_list, json!({})),
            ("validateRequest", wishes.validate, json!({"errorResponseCode": 422})),
            ("mockResponse", wishes.mock, json!({"fromOASExamples": {"enabled": true}})),
        ];
        for (rule, wish, settings) in rules {
            if let Some(on) = wish {
                let at = ["middleware", "operations", &id, rule];
                if at_path(extension, &at).is_none() {
                    set(extension, &at, settings);
                }
                set(extension, &["middleware", "operations", &id, rule, "enabled"], on);
            }
        }
    }
    if let Some(on) = wishes.authentication {
        set(extension, &["server", "authentication", "enabled"], on);
        for (name, settings) in schemes {
            let at = ["server", "authentication", "securitySchemes", &name];
            if at_path(extension, &at).is_none() {
                set(extension, &at, settings);
            }
            set(extension, &["server", "authentication", "securitySchemes", &name, "enabled"], on);
        }
    }
    Ok(())
}

/// The extension of an imported document (api-definition reference 9.7).
fn fresh(title: &Value) -> Value {
    json!({
        "info": {"name": title, "state": {"active": true, "internal": false}},
        "upstream": {},
        "server": {"listenPath": {"value": "/", "strip": true}},
        "middleware": {"global": {
            "contextVariables": {"enabled": true}, "trafficLogs": {"enabled": true},
        }},
    })
}

/// The schemes of the first requirement, each with the settings that it starts with.
fn required_schemes(document: &Value) -> Vec<(String, Value)> {
    let required = document.pointer("/security/0").and_then(Value::as_object);
    let declared = document.pointer("/components/securitySchemes");
    let names = required.into_iter().flat_map(Map::keys);
    let settings = |name: &String| {
        let kind = declared.and_then(|declared| declared.get(name)?.get("type")).and_then(Value::as_str);
        match kind {
            Some("apiKey") => json!({}),
            _ => json!({"header": {"enabled": true, "name": "Authorization"}}),
        }
    };
    names.map(|name| (name.clone(), settings(name))).collect()
}

/// Rules find their operation by its id: one that has none is called by path and method.
fn name_operations(document: &mut Value) {
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else { return };
    for (path, item) in paths {
        for method in operations::METHODS {
            let Some(operation) = item.get_mut(method).and_then(Value::as_object_mut) else { continue };
            let id = format!("{}{method}", path.trim_start_matches('/'));
            operation.entry("operationId").or_insert_with(|| id.into());
        }
    }
}

/// The address of the first server, its variables filled in.
fn first_server(document: &Value) -> Result<String, Fault> {
    let Some(server) = document.pointer("/servers/0") else {
        return Err(Fault::new("servers", "the document names no server, and no upstreamURL is given"));
    };
    let mut url = server.get("url").and_then(Value::as_str).unwrap_or_default().to_owned();
    let variables = server.get("variables").and_then(Value::as_object);
    for (name, variable) in variables.into_iter().flatten() {
        if let Some(value) = variable.get("default").and_then(Value::as_str) {
            url = url.replace(&format!("{{{name}}}"), value);
        }
    }
    let absolute = url.contains("://") && !url.contains(['{', '}']) && Url::parse(&url).is_ok();
    if absolute {
        Ok(url)
    } else {
        Err(Fault::new("servers[0].url", format!("{url:?} is no absolute URL, and no upstreamURL is given")))
    }
}

fn at_path<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, name| value.get(name))
}

/// Sets a member; what is no object on the way becomes one.
fn set(value: &mut Value, path: &[&str], to: impl Into<Value>) {
    let Some((first, rest)) = path.split_first() else { return *value = to.into() };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    if let Some(members) = value.as_object_mut() {
        set(members.entry(*first).or_insert(Value::Null), rest, to);
    }
}
