use serde_json::{Value, json};

use super::{super::operations, made, remarks, with};

/// A document whose only operation, `POST /t/{id}`, has this rule.
fn document(rule: &str, value: Value) -> Value {
    let mut document = with(&[(&format!("middleware.operations.op.{rule}"), value)]);
    document["paths"] = json!({"/t/{id}": {"post": {"operationId": "op"}}});
    document
}

/// The first entry of a Classic list that a rule becomes.
fn entry(rule: &str, value: Value, list: &str) -> Value {
    let made = json!(made(&document(rule, value)).definition);
    let mut entry = made["version_data"]["versions"][""]["extended_paths"][list][0].clone();
    assert_eq!((&entry["path"], &entry["method"]), (&json!("/t/{id}"), &json!("POST")), "{rule}");
    entry.as_object_mut().unwrap().retain(|name, _| name != "path" && name != "method");
    entry
}

#[test]
fn each_rule_becomes_an_entry_of_its_list() {
    let on = json!({"enabled": true});
    let case = json!({"enabled": true, "ignoreCase": true});
    for (rule, value, list, expected) in [
        (
            "allow",
            on.clone(),
            "white_list",
            json!({"disabled": false, "ignore_case": false, "method_actions": null}),
        ),
        (
            "block",
            case,
            "black_list",
            json!({"disabled": false, "ignore_case": true, "method_actions": null}),
        ),
        (
            "ignoreAuthentication",
            json!({"enabled": false}),
            "ignored",
            json!({"disabled": true, "ignore_case": false, "method_actions": null}),
        ),
        ("internal", on.clone(), "internal", json!({"disabled": false})),
        ("trackEndpoint", on.clone(), "track_endpoints", json!({"disabled": false})),
        ("doNotTrackEndpoint", on, "do_not_track_endpoints", json!({"disabled": false})),
        (
            "transformRequestMethod",
            json!({"enabled": true, "toMethod": "DELETE"}),
            "method_transforms",
            json!({"disabled": false, "to_method": "DELETE"}),
        ),
        (
            "transformResponseHeaders",
            json!({"enabled": true, "remove": ["A"], "add": [{"name": "X", "value": "1"}]}),
            "transform_response_headers",
            json!({"disabled": false, "delete_headers": ["A"], "add_headers": {"X": "1"}, "act_on": false}),
        ),
        (
            "cache",
            json!({"enabled": true, "cacheByRegex": "r", "cacheResponseCodes": [200], "timeout": 5}),
            "advance_cache_config",
            json!({"disabled": false, "cache_key_regex": "r", "cache_response_codes": [200], "timeout": 5}),
        ),
    ] {
        assert_eq!(entry(rule, value.clone(), list), expected, "{rule}");
        assert_eq!(remarks(&document(rule, value)), [], "{rule}");
    }
}

#[test]
fn limits_and_code_become_entries_too() {
    for (rule, value, list, expected) in [
        (
            "enforceTimeout",
            json!({"enabled": true, "value": 1, "duration": "1500ms"}),
            "hard_timeouts",
            json!({"disabled": false, "timeout": 1, "duration": "1.5s"}),
        ),
        (
            "circuitBreaker",
            json!({"enabled": true, "threshold": 0.5, "sampleSize": 4, "coolDownPeriod": 9, "halfOpenStateEnabled": true}),
            "circuit_breakers",
            json!({
                "disabled": false, "threshold_percent": 0.5, "samples": 4, "return_to_service_after": 9,
                "disable_half_open_state": false,
            }),
        ),
        (
            "requestSizeLimit",
            json!({"enabled": true, "value": 4}),
            "size_limits",
            json!({"disabled": false, "size_limit": 4}),
        ),
        (
            "rateLimit",
            json!({"enabled": true, "rate": 2, "per": "1m"}),
            "rate_limit",
            json!({"disabled": false, "rate": 2, "per": 60}),
        ),
        (
            "transformRequestBody",
            json!({"enabled": true, "format": "json", "body": "e30=", "path": "unused"}),
            "transform",
            json!({"disabled": false, "template_data": {
                "input_type": "json", "template_mode": "blob", "enable_session": true, "template_source": "e30="}}),
        ),
        (
            "virtualEndpoint",
            json!({"enabled": true, "functionName": "f", "path": "v.js", "requireSession": true}),
            "virtual",
            json!({
                "disabled": false, "response_function_name": "f", "function_source_type": "file",
                "function_source_uri": "v.js", "use_session": true, "proxy_on_error": false,
            }),
        ),
        (
            "postPlugins",
            json!([{"enabled": true, "functionName": "F", "path": "p.so"}]),
            "go_plugin",
            json!({"disabled": false, "plugin_path": "p.so", "func_name": "F"}),
        ),
    ] {
        assert_eq!(entry(rule, value.clone(), list), expected, "{rule}");
        assert_eq!(remarks(&document(rule, value)), [], "{rule}");
    }
}

#[test]
fn a_rewrite_keeps_its_triggers_and_the_last_rule_of_a_name() {
    let rules = json!([
        {"in": "header", "name": "X.y", "pattern": "first"}, {"in": "header", "name": "X.y", "pattern": "last", "negate": true},
        {"in": "query", "name": "q", "pattern": "1"}, {"in": "path", "name": "p", "pattern": "2"},
        {"in": "sessionMetadata", "name": "m", "pattern": "3"}, {"in": "requestContext", "name": "c", "pattern": "4"},
        {"in": "requestBody", "pattern": "5"},
    ]);
    let rewrite = json!({
        "enabled": true, "pattern": "/(.*)", "rewriteTo": "/x/$1",
        "triggers": [{"condition": "any", "rewriteTo": "/a"}, {"condition": "all", "rewriteTo": "/b", "rules": rules}],
    });
    let made = entry("urlRewrite", rewrite.clone(), "url_rewrites");
    assert_eq!((&made["match_pattern"], &made["rewrite_to"]), (&json!("/(.*)"), &json!("/x/$1")));
    assert_eq!(
        (&made["triggers"][0]["on"], &made["triggers"][1]["rewrite_to"]),
        (&json!("any"), &json!("/b"))
    );
    let plain = |text: &str| json!({"match_rx": text, "reverse": false});
    assert_eq!(
        made["triggers"][1]["options"],
        json!({
            "header_matches": {"X.y": {"match_rx": "last", "reverse": true}},
            "query_val_matches": {"q": plain("1")}, "path_part_matches": {"p": plain("2")},
            "session_meta_matches": {"m": plain("3")}, "request_context_matches": {"c": plain("4")},
            "payload_matches": plain("5"),
        })
    );
    assert_eq!(remarks(&document("urlRewrite", rewrite)), []);
}

#[test]
fn only_the_first_hook_of_an_operation_counts() {
    let hook = |name: &str| json!({"enabled": true, "functionName": name, "path": "p.so"});
    let document = document("postPlugins", json!([hook("A"), hook("B")]));
    let said = remarks(&document);
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].0, "middleware.operations.op.postPlugins[1]");
}

/// The order of the reference, 9.4.
#[test]
fn paths_are_tried_from_the_most_special_on() {
    let expected = [
        "/test/abc/def",
        "/anything/dupa",
        "/anything/{id}",
        "/test/abc",
        "/test/{id}",
        "/anything",
        "/test",
    ];
    let paths: serde_json::Map<String, Value> =
        expected.iter().rev().map(|path| ((*path).to_owned(), json!({"get": {}}))).collect();
    let operations = operations::list(&json!({"paths": paths}));
    assert_eq!(operations.iter().map(|operation| operation.path.as_str()).collect::<Vec<_>>(), expected);
    let literal = json!({"paths": {"/p/{id}/": {"get": {}}, "/p//": {"get": {}}}});
    assert_eq!(operations::list(&literal)[0].path, "/p//");
}

#[test]
fn a_path_item_may_be_a_reference() {
    let mut document = document("allow", json!({"enabled": true}));
    document["paths"] = json!({"/t/{id}": {"$ref": "#/components/pathItems/t"}});
    document["components"] = json!({"pathItems": {"t": {"post": {"operationId": "op"}}}});
    let made = made(&document).definition;
    assert_eq!(made.version_data.versions[""].extended_paths.white_list[0].path, "/t/{id}");
}
