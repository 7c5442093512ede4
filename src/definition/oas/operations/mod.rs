//! `middleware.operations`: endpoint rules, found by the operation's id under `paths` (api-definition reference 9.4).

mod rewrite;

use std::collections::HashMap;

use serde_json::Value;

use super::{
    draft::{Draft, VERSION},
    hooks::only_first,
    lines::{Line, Take::*, take},
    read::Node,
};

/// Methods that a path item may have.
pub(super) const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// What an operation may say: its name, the Classic list, and what an entry has besides its place and [`SWITCH`].
const KINDS: &[(&str, &str, &[Line])] = &[
    ("allow", "white_list", LIST),
    ("block", "black_list", LIST),
    ("ignoreAuthentication", "ignored", LIST),
    ("internal", "internal", &[]),
    ("trackEndpoint", "track_endpoints", &[]),
    ("doNotTrackEndpoint", "do_not_track_endpoints", &[]),
    ("transformRequestMethod", "method_transforms", &[Line("toMethod", "to_method", Text)]),
    ("transformRequestHeaders", "transform_headers", HEADERS),
    ("transformResponseHeaders", "transform_response_headers", HEADERS),
    ("transformRequestBody", "transform", BODY),
    ("transformResponseBody", "transform_response", BODY),
    (
        "cache",
        "advance_cache_config",
        &[
            Line("cacheByRegex", "cache_key_regex", Text),
            Line("cacheResponseCodes", "cache_response_codes", Wholes),
            Line("timeout", "timeout", Whole),
        ],
    ),
    (
        "enforceTimeout",
        "hard_timeouts",
        &[Line("value", "timeout", Whole), Line("duration", "duration", Text)],
    ),
    (
        "circuitBreaker",
        "circuit_breakers",
        &[
            Line("threshold", "threshold_percent", Number),
            Line("sampleSize", "samples", Whole),
            Line("coolDownPeriod", "return_to_service_after", Whole),
            Line("halfOpenStateEnabled", "disable_half_open_state", Not),
        ],
    ),
    ("requestSizeLimit", "size_limits", &[Line("value", "size_limit", Whole)]),
    ("rateLimit", "rate_limit", &[Line("rate", "rate", Number), Line("per", "per", Seconds)]),
    (
        "virtualEndpoint",
        "virtual",
        &[
            Line("name", "response_function_name", Text),
            Line("functionName", "response_function_name", Text),
            Line("proxyOnError", "proxy_on_error", Flag),
            Line("requireSession", "use_session", Flag),
            Line("pinhook", "pinhook", Raw),
        ],
    ),
    (
        "urlRewrite",
        "url_rewrites",
        &[Line("pattern", "match_pattern", Text), Line("rewriteTo", "rewrite_to", Text)],
    ),
];

/// What every entry has.
const SWITCH: &[Line] = &[Line("enabled", "disabled", Not)];
const LIST: &[Line] = &[Line("ignoreCase", "ignore_case", Flag)];
const HEADERS: &[Line] = &[Line("remove", "delete_headers", Texts), Line("add", "add_headers", Pairs)];
const BODY: &[Line] = &[Line("format", "template_data.input_type", Text)];
const HOOK: &[Line] = &[
    Line("name", "func_name", Text),
    Line("functionName", "func_name", Text),
    Line("path", "plugin_path", Text),
    Line("pinhook", "pinhook", Raw),
];

/// An operation of the document.
pub(super) struct Operation {
    /// Its path.
    pub(super) path: String,
    /// Its method, lower case.
    pub(super) method: &'static str,
    /// Its id, if it has one.
    pub(super) id: Option<String>,
}

/// All operations, in the order in which requests are tried on them.
pub(super) fn list(document: &Value) -> Vec<Operation> {
    let paths = document.get("paths").and_then(Value::as_object);
    let mut paths: Vec<(&String, &Value)> = paths.into_iter().flatten().collect();
    paths.sort_by_cached_key(|(path, _)| priority(path));
    let mut made = Vec::new();
    for (path, item) in paths {
        let item = resolved(document, item);
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                let id = operation.get("operationId").and_then(Value::as_str).map(str::to_owned);
                made.push(Operation { path: path.clone(), method, id });
            }
        }
    }
    made
}

/// A path item, or the one that it refers to in the same document.
fn resolved<'a>(document: &'a Value, item: &'a Value) -> &'a Value {
    let pointer = item.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
    pointer.and_then(|pointer| document.pointer(pointer)).unwrap_or(item)
}

/// More slashes first, then longer, then by the alphabet, all without what stands in braces; of two that are alike
/// then, the literal one first.
fn priority(path: &str) -> (std::cmp::Reverse<usize>, std::cmp::Reverse<usize>, String, bool) {
    let (mut blank, mut depth) = (String::new(), 0_usize);
    for letter in path.chars() {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ if depth == 0 => blank.push(letter),
            _ => {}
        }
    }
    let (slashes, length) = (blank.matches('/').count(), blank.len());
    (std::cmp::Reverse(slashes), std::cmp::Reverse(length), blank, path.contains('{'))
}

/// Converts the rules of all operations that the document has; any other is named.
pub(super) fn convert(document: &Value, rules: &Node<'_>, draft: &mut Draft) {
    draft.put(&format!("{VERSION}.name"), "", rules.path());
    draft.put(&format!("{VERSION}.use_extended_paths"), true, rules.path());
    let mut wanted: HashMap<String, Node<'_>> = rules.members().into_iter().collect();
    for operation in list(document) {
        let Some(rule) = operation.id.as_ref().and_then(|id| wanted.remove(id)) else { continue };
        for (name, list, table) in KINDS {
            let wish = rule.member(name);
            if wish.exists() {
                let mut entry = start(&operation, &wish);
                take(table, &wish, "", &mut entry);
                match *name {
                    "transformRequestBody" | "transformResponseBody" => template(&wish, &mut entry),
                    "virtualEndpoint" => source(&wish, &mut entry),
                    "urlRewrite" => rewrite::triggers(&wish, &mut entry),
                    _ => {}
                }
                add(list, entry, &wish, draft);
            }
        }
        let mut hooks = rule.member("postPlugins").items().into_iter();
        if let Some(hook) = hooks.next() {
            let mut entry = start(&operation, &hook);
            take(HOOK, &hook, "", &mut entry);
            add("go_plugin", entry, &hook, draft);
        }
        only_first(hooks, draft);
    }
    for rule in wanted.values() {
        rule.claim();
        draft.remark(rule, "has no effect: no operation below paths has this operationId");
    }
}

/// An entry with the place that it is for, and whether it is on.
fn start(operation: &Operation, wish: &Node<'_>) -> Draft {
    let mut entry = Draft::default();
    entry.put("path", operation.path.as_str(), wish.path());
    entry.put("method", operation.method.to_ascii_uppercase(), wish.path());
    take(SWITCH, wish, "", &mut entry);
    entry
}

fn add(list: &str, entry: Draft, wish: &Node<'_>, draft: &mut Draft) {
    draft.push(&format!("{VERSION}.extended_paths.{list}"), entry, wish.path());
}

/// The template of a body transform: base64 text, else a file.
fn template(wish: &Node<'_>, entry: &mut Draft) {
    let (mode, from) = code(wish);
    entry.put("template_data.template_mode", mode, from.path());
    entry.put("template_data.template_source", from.text().unwrap_or_default(), from.path());
    entry.put("template_data.enable_session", true, wish.path());
}

/// The script of a virtual endpoint: base64 text, else a file.
fn source(wish: &Node<'_>, entry: &mut Draft) {
    let (kind, from) = code(wish);
    entry.put("function_source_type", kind, from.path());
    entry.put("function_source_uri", from.text().unwrap_or_default(), from.path());
}

fn code<'a>(wish: &Node<'a>) -> (&'static str, Node<'a>) {
    let (body, path) = (wish.member("body"), wish.member("path"));
    if body.text().is_some_and(|text| !text.is_empty()) {
        path.claim();
        ("blob", body)
    } else {
        ("file", path)
    }
}
