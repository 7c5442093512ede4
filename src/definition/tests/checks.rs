use serde_json::{Value, json};

use super::{of, plain, read, with, with_rule};
use crate::{definition::lint, error::Severity};

const PATHS: &str = "version_data.versions.Default.extended_paths";

fn found(value: &Value, severity: Severity) -> Vec<String> {
    let lint = lint(&read(value), "t");
    of(&lint.problems, severity).into_iter().map(|(path, message)| format!("{path}: {message}")).collect()
}

/// The only problem of a definition, with its severity.
fn only(value: &Value, severity: Severity) -> String {
    let all = lint(&read(value), "t").problems;
    assert_eq!(all.len(), 1, "{all:?}");
    found(value, severity).pop().unwrap()
}

#[test]
fn unknown_members_are_named_with_the_nearest_known_one() {
    let mut value = plain();
    value["use_keyles"] = json!(true);
    value["proxy"]["targt_url"] = json!("x");
    value["config_data"] = json!({ "anything": { "goes": 1 } });
    value["event_handlers"] = json!({ "events": { "X": [{ "handler_meta": { "free": 1 }, "odd": 1 }] } });
    value["version_data"]["versions"]["Default"]["extended_paths"] =
        json!({ "white_list": [{ "path": "/x", "metod": "GET" }], "zzz": [] });
    value["custom_middleware"] = json!({ "pre": [{ "disabled": true, "pinhook": { "timeout": 5 } }] });
    value["pinhook"] = json!({ "driver": "lua" });
    let problems = lint(&read(&value), "t").problems;
    let mut unknown: Vec<_> = problems
        .iter()
        .filter(|problem| problem.message.starts_with("unknown member"))
        .map(|problem| (problem.path.as_str(), problem.hint.as_deref().unwrap_or("")))
        .collect();
    unknown.sort_unstable();
    assert_eq!(
        unknown,
        [
            ("custom_middleware.pre[0].pinhook.timeout", "did you mean timeout_ms?"),
            ("event_handlers.events.X[0].odd", ""),
            ("pinhook.driver", ""),
            ("proxy.targt_url", "did you mean target_url?"),
            ("use_keyles", "did you mean use_keyless?"),
            ("version_data.versions.Default.extended_paths.white_list[0].metod", "did you mean method?"),
            ("version_data.versions.Default.extended_paths.zzz", ""),
        ]
    );
}

#[test]
fn settings_of_an_api() {
    for (path, value, said) in [
        (
            "/proxy/target_url",
            json!("upstream.test/x"),
            "proxy.target_url: \"upstream.test/x\" has no scheme",
        ),
        ("/proxy/listen_path", json!("/a b/"), "proxy.listen_path: a listen path may not hold a space"),
        ("/protocol", json!("ftp"), "protocol: expected http"),
        ("/expiration", json!("tomorrow"), "expiration: expected a date"),
        ("/version_data/versions", json!({}), "version_data.versions: every request gets 403: No default"),
    ] {
        let message = only(&with(path, value), Severity::Error);
        assert!(message.starts_with(said), "{message}");
    }
    for (path, value, said) in [
        ("/api_id", json!(""), "api_id: empty"),
        ("/use_standard_auth", json!(true), "use_standard_auth: without effect"),
        (
            "/version_data/versions/Default/global_enforce_timeout",
            json!("5"),
            "version_data.versions.Default.global_enforce_timeout: expected a duration",
        ),
        (
            "/version_data/versions/Default/override_target",
            json!("http://x"),
            "version_data.versions.Default.override_target: without effect",
        ),
        ("/version_data/versions/v1", json!({ "name": "v1" }), "version_data.versions.v1: never used"),
    ] {
        let message = only(&with(path, value), Severity::Warning);
        assert!(message.starts_with(said), "{message}");
    }
    let same = with("/version_data/versions/v1", json!({ "name": "Default" }));
    assert!(found(&same, Severity::Warning).iter().any(|said| said.contains("overwrite each other")));
    let mut expired = with("/version_data/not_versioned", json!(false));
    expired["version_data"]["versions"]["Default"]["expires"] = json!("never");
    assert!(found(&expired, Severity::Error).iter().any(|said| said.contains("the version has expired")));
}

#[test]
fn endpoint_paths_and_methods() {
    let rule = |path: &str, method: &str| {
        with_rule("transform_headers", json!([{ "path": path, "method": method }]))
    };
    for path in ["/x/{id}", "/id/\\d{3}", "/items/*", "/a/*/b", "(?i)/x", "", "/{a:(}", "^/x$", "/{a"] {
        assert!(found(&rule(path, "GET"), Severity::Error).is_empty(), "{path}");
    }
    for path in ["/x(", "/[", "/(?=x)"] {
        let message = only(&rule(path, "GET"), Severity::Error);
        assert!(message.starts_with(&format!("{PATHS}.transform_headers[0].path: ")), "{message}");
        assert!(message.contains("this entry is left out"), "{message}");
    }
    assert!(only(&rule("/x", "G ET"), Severity::Error).contains("is no method"));
    assert!(only(&rule("/x", "get"), Severity::Warning).contains("compared as written"));
    assert!(only(&rule("/x", ""), Severity::Warning).contains("never matches"));
    assert!(found(&with_rule("white_list", json!([{ "path": "/x" }])), Severity::Warning).is_empty());
    let off = with_rule("transform_headers", json!([{ "path": "/(", "disabled": true }]));
    assert!(lint(&read(&off), "t").problems.is_empty());
    let to = with_rule("method_transforms", json!([{ "path": "/x", "method": "GET", "to_method": "" }]));
    assert!(only(&to, Severity::Error).starts_with(&format!("{PATHS}.method_transforms[0].to_method")));
    let mock = with_rule("mock_response", json!([{ "path": "/x", "method": "GET", "code": 0 }]));
    assert!(only(&mock, Severity::Error).contains("is no status"));
}

fn rewrite(pattern: &str, trigger: Option<Value>) -> Value {
    with_rule(
        "url_rewrites",
        json!([{
            "path": "/x", "method": "GET", "match_pattern": pattern, "rewrite_to": "/y",
            "triggers": trigger.into_iter().collect::<Vec<_>>()
        }]),
    )
}

#[test]
fn patterns_of_rewrites() {
    assert!(lint(&read(&rewrite("/(.*)", None)), "t").problems.is_empty());
    let message = only(&rewrite("(?=x)", None), Severity::Error);
    assert!(message.starts_with(&format!("{PATHS}.url_rewrites[0].match_pattern: ")), "{message}");
    assert!(message.contains("gets 500"), "{message}");
    assert!(only(&rewrite("^/orders", None), Severity::Warning).contains("begins with the listen path"));
    for fine in ["^/a/orders", "^/(.*)", "^.*$", "/orders"] {
        assert!(lint(&read(&rewrite(fine, None)), "t").problems.is_empty(), "{fine}");
    }
}

#[test]
fn triggers_that_do_not_do_what_they_say() {
    let header = |rule: Value| json!({ "header_matches": { "A": rule } });
    let trigger = |on: &str, options: Value, to: &str| {
        rewrite("x", Some(json!({ "on": on, "options": options, "rewrite_to": to })))
    };
    let matches = header(json!({ "match_rx": "x" }));
    assert!(lint(&read(&trigger("all", matches.clone(), "/y")), "t").problems.is_empty());
    assert!(only(&trigger("any", json!({}), "/y"), Severity::Warning).contains("never fires"));
    assert!(only(&trigger("all", json!({}), "/y"), Severity::Warning).contains("always fires"));
    assert!(only(&trigger("anny", matches.clone(), "/y"), Severity::Warning).contains("read as \"all\""));
    let bad = only(&trigger("all", header(json!({ "match_rx": "(" })), "/y"), Severity::Error);
    assert!(
        bad.contains("options.header_matches.A.match_rx: no valid regex") && bad.contains("never matches"),
        "{bad}"
    );
    let reverse = header(json!({ "match_rx": "x", "reverse": true }));
    assert!(
        only(&trigger("all", reverse, "/y"), Severity::Warning).contains("counts only when it is present")
    );
    let context = json!({ "request_context_matches": { "remote_addr": { "match_rx": "x" } } });
    assert!(only(&trigger("all", context, "/y"), Severity::Warning).contains("enable_context_vars is off"));
    let host = "$tyk_context.trigger-0-A-0/$1";
    assert!(only(&trigger("all", matches, host), Severity::Warning).contains("escaped and becomes a path"));
    let schemed = header(json!({ "match_rx": "^https?://.+" }));
    assert!(lint(&read(&trigger("all", schemed, host)), "t").problems.is_empty());
}
