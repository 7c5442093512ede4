//! What a document must have (api-definition reference 9.1, 10.2). The texts are those of Tyk's schema check.

use serde_json::Value;

use super::{
    EXTENSION,
    read::{Fault, Node},
};

/// Members of an OpenAPI document; others start with `x-`.
const KNOWN: [&str; 10] = [
    "openapi",
    "info",
    "servers",
    "paths",
    "components",
    "security",
    "tags",
    "externalDocs",
    "webhooks",
    "jsonSchemaDialect",
];

/// Members that must be there, by the place of their owner below the extension.
const REQUIRED: [(&str, &[&str]); 5] = [
    ("", &["info", "upstream", "server"]),
    ("info", &["name", "state"]),
    ("info.state", &["active"]),
    ("server", &["listenPath"]),
    ("server.listenPath", &["value"]),
];

/// Checks what stands outside the extension.
pub(super) fn document(document: &Node<'_>, root: &Value) -> Vec<Fault> {
    let mut faults = Vec::new();
    for name in ["openapi", "info", "paths"] {
        if !document.member(name).exists() {
            faults.push(Fault::new("(root)", format!("{name} is required")));
        }
    }
    if document.member("openapi").text().is_some_and(|version| !version.starts_with("3.")) {
        faults.push(Fault::new("openapi", "Does not match pattern '^3\\.'"));
    }
    let info = document.member("info");
    for name in ["title", "version"] {
        if info.exists() && info.member(name).text().is_none() {
            faults.push(Fault::new("info", format!("{name} is required")));
        }
    }
    document.member("paths").members();
    let names = root.as_object().into_iter().flat_map(serde_json::Map::keys);
    for name in names.filter(|name| !name.starts_with("x-") && !KNOWN.contains(&name.as_str())) {
        faults.push(Fault::new("(root)", format!("Additional property {name} is not allowed")));
    }
    faults.extend(schemes(document));
    faults
}

/// Checks the extension.
pub(super) fn extension(extension: &Node<'_>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut fault = |path: &str, message: String| faults.push(Fault::new(path, message));
    for (owner, names) in REQUIRED {
        let owner = if owner.is_empty() { extension.clone() } else { extension.at(owner) };
        for name in names.iter().filter(|name| owner.exists() && !owner.member(name).exists()) {
            fault(owner.path(), format!("{name} is required"));
        }
    }
    let name = extension.at("info.name");
    if name.text().is_some_and(|text| text.trim().is_empty()) {
        fault(name.path(), "Does not match pattern '\\S+'".into());
    }
    let upstream = extension.member("upstream");
    if upstream.exists() && !upstream.member("url").exists() && !upstream.member("loadBalancing").exists() {
        fault(upstream.path(), "url is required".into());
    }
    let protocol = extension.at("server.protocol");
    if protocol.text().is_some_and(|text| !["", "http", "https", "h2c"].contains(&text.as_str())) {
        fault(protocol.path(), "must be one of the following: \"http\", \"https\", \"h2c\"".into());
    }
    let port = extension.at("server.port");
    match port.whole() {
        Some(number) if number < 1 => fault(port.path(), "Must be greater than or equal to 1".into()),
        Some(number) if number > 65_535 => fault(port.path(), "Must be less than or equal to 65535".into()),
        _ => {}
    }
    let balancing = upstream.member("loadBalancing");
    if balancing.member("enabled").is_on() && balancing.member("targets").items().is_empty() {
        fault(balancing.member("targets").path(), "Array must have at least 1 items".into());
    }
    faults.extend(versioning(&extension.at("info.versioning")));
    faults
}

fn versioning(wish: &Node<'_>) -> Option<Fault> {
    if !wish.member("enabled").is_on() {
        return None;
    }
    let location = wish.member("location");
    let missing = |name: &str| Some(Fault::new(wish.path(), format!("{name} is required")));
    match location.text().as_deref() {
        None => missing("location"),
        Some("header" | "url-param") if !wish.member("key").exists() => missing("key"),
        Some("header" | "url-param" | "url") => None,
        Some(_) => Some(Fault::new(
            location.path(),
            "must be one of the following: \"header\", \"url-param\", \"url\"",
        )),
    }
}

/// Every scheme that `security` names has to be declared.
fn schemes(document: &Node<'_>) -> Option<Fault> {
    let declared = document.at("components.securitySchemes");
    let wanted = document.member("security").items();
    let mut names = wanted.iter().flat_map(|one| one.members().into_iter().map(|(name, _)| name)).peekable();
    if names.peek().is_some() && !declared.exists() {
        return Some(Fault::new("", "No components or security schemes present in OAS"));
    }
    let missing = names.find(|name| !declared.member(name).exists())?;
    let message = format!("Missing required Security Scheme '{missing}' in Components.SecuritySchemes.");
    Some(Fault::new("", message))
}

/// What is said of a document without the extension.
pub(super) fn no_extension() -> Fault {
    Fault::new("", format!("the payload should contain {EXTENSION}"))
}
