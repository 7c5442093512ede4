use serde_json::{Value, json};

use super::{of, plain, read, with, with_rule};
use crate::{
    definition::{lint, refusals},
    error::Severity,
};

/// Paths of the errors, which must be what makes the API refuse.
fn refused(value: &Value) -> Vec<String> {
    let definition = read(value);
    let found = refusals(&definition, "t");
    assert_eq!(lint(&definition, "t").refuses, !found.is_empty());
    assert!(found.iter().all(|problem| problem.message.contains("answers 500")), "{found:?}");
    found.into_iter().map(|problem| problem.path).collect()
}

/// Paths of what is named and does not close the API.
fn named(value: &Value) -> Vec<String> {
    let definition = read(value);
    let found = lint(&definition, "t");
    assert!(!found.refuses, "{:?}", found.problems);
    of(&found.problems, Severity::Warning).into_iter().map(|(path, _)| path.to_owned()).collect()
}

#[test]
fn a_plain_api_is_served_without_a_word() {
    assert!(named(&plain()).is_empty());
}

#[test]
fn what_protects_closes_the_api() {
    for (path, value, at) in [
        ("/pinned_public_keys", json!({ "h": "a" }), "pinned_public_keys"),
        ("/upstream_certificates", json!({ "*": "a" }), "upstream_certificates"),
        ("/upstream_auth", json!({ "enabled": true }), "upstream_auth"),
        ("/request_signing", json!({ "is_enabled": true }), "request_signing"),
        ("/proxy/transport", json!({ "ssl_ciphers": ["x"] }), "proxy.transport.ssl_ciphers"),
        ("/proxy/transport", json!({ "ssl_min_version": 771 }), "proxy.transport.ssl_min_version"),
        ("/proxy/transport", json!({ "ssl_max_version": 771 }), "proxy.transport.ssl_max_version"),
        ("/proxy/transport", json!({ "proxy_url": "http://p" }), "proxy.transport.proxy_url"),
        ("/version_data/not_versioned", json!(false), "version_data.not_versioned"),
        ("/definition", json!({ "enabled": true }), "definition.enabled"),
        ("/graphql", json!({ "enabled": true }), "graphql.enabled"),
        ("/proxy/target_url", json!("tcp://upstream.test:1"), "proxy.target_url"),
    ] {
        assert_eq!(refused(&with(path, value)), [at]);
    }
}

#[test]
fn auth_methods_that_are_not_built_close_the_api_unless_it_is_keyless() {
    for (path, value, at) in [
        ("/external_oauth", json!({ "enabled": true }), "external_oauth.enabled"),
        ("/use_openid", json!(true), "use_openid"),
    ] {
        let mut value = with(path, value);
        assert!(refused(&value).is_empty(), "{path}");
        value["use_keyless"] = json!(false);
        assert_eq!(refused(&value), [at]);
    }
    let mut tokens = plain();
    tokens["use_keyless"] = json!(false);
    assert!(named(&tokens).is_empty());
}

#[test]
fn what_is_switched_off_does_not() {
    let both = |first: (&str, Value), second: (&str, Value)| {
        let mut value = with(first.0, first.1);
        value[second.0] = second.1;
        value
    };
    for value in [
        both(("/pinned_public_keys", json!({ "h": "a" })), ("certificate_pinning_disabled", json!(true))),
        both(
            ("/custom_middleware_bundle", json!("b.zip")),
            ("custom_middleware_bundle_disabled", json!(true)),
        ),
        with("/custom_middleware", json!({ "response": [{ "name": "r", "disabled": true }] })),
    ] {
        assert!(named(&value).is_empty(), "{value}");
    }
}

#[test]
fn endpoint_rules_that_protect_close_the_api() {
    let path = "version_data.versions.Default.extended_paths";
    let value = with_rule("validate_json", json!([{ "disabled": true }, { "path": "/x", "method": "POST" }]));
    assert_eq!(refused(&value), [format!("{path}.validate_json[1]")]);
    let mut off = with_rule("validate_json", json!([{ "path": "/x", "method": "POST" }]));
    off["version_data"]["versions"]["Default"]["use_extended_paths"] = json!(false);
    assert_eq!(named(&off), ["version_data.versions.Default.use_extended_paths"]);
}

#[test]
fn what_does_not_protect_is_named() {
    for (path, value, at) in [
        ("/proxy/enable_load_balancing", json!(true), "proxy.enable_load_balancing"),
        (
            "/proxy/service_discovery",
            json!({ "use_discovery_service": true }),
            "proxy.service_discovery.use_discovery_service",
        ),
        ("/CORS", json!({ "enable": true }), "CORS.enable"),
        ("/CORS", json!({ "options_passthrough": true }), "CORS.options_passthrough"),
        ("/certificates", json!(["c"]), "certificates"),
        ("/uptime_tests", json!({ "check_list": [{ "url": "http://x" }] }), "uptime_tests.check_list"),
        ("/response_processors", json!([{ "name": "header_injector" }]), "response_processors"),
        ("/error_overrides", json!({ "403": [{ "response": {} }] }), "error_overrides"),
    ] {
        assert_eq!(named(&with(path, value)), [at]);
    }
    for kind in ["hard_timeouts", "circuit_breakers", "transform", "transform_jq", "persist_graphql"] {
        let value = with_rule(kind, json!([{ "path": "/x", "method": "GET" }]));
        assert_eq!(named(&value), [format!("version_data.versions.Default.extended_paths.{kind}[0]")]);
    }
}

#[test]
fn what_is_built_is_not_named() {
    let rule =
        json!([{ "path": "/x", "method": "GET", "to_method": "POST", "code": 200, "plugin_path": "p.so" }]);
    for kind in [
        "white_list",
        "black_list",
        "ignored",
        "internal",
        "mock_response",
        "transform_headers",
        "transform_response_headers",
        "method_transforms",
        "track_endpoints",
        "do_not_track_endpoints",
        "go_plugin",
    ] {
        let mut rule = rule.clone();
        rule[0].as_object_mut().unwrap().retain(|key, _| match kind {
            "method_transforms" => key != "code" && key != "plugin_path",
            "mock_response" => key != "to_method" && key != "plugin_path",
            "go_plugin" => key != "to_method" && key != "code",
            _ => key == "path" || key == "method",
        });
        assert!(named(&with_rule(kind, rule)).is_empty(), "{kind}");
    }
    assert!(named(&with("/cache_options", json!({ "enable_cache": true }))).is_empty());
    assert!(named(&with_rule("cache", json!(["/x"]))).is_empty());
}

#[test]
fn drivers() {
    let hooks = |driver: &str, own: Value| {
        with(
            "/custom_middleware",
            json!({ "driver": driver, "pre": [{ "name": "f", "path": "f.so", "pinhook": own }] }),
        )
    };
    assert!(named(&hooks("goplugin", Value::Null)).is_empty());
    assert_eq!(named(&hooks("golang", Value::Null)), ["custom_middleware.driver"]);
    assert_eq!(named(&hooks("native", Value::Null)), ["custom_middleware.driver"]);
    assert_eq!(named(&hooks("", Value::Null)), ["custom_middleware.driver"]);
    for built in ["otto", "javascript", "lua", "python", "grpc"] {
        assert!(named(&hooks(built, Value::Null)).is_empty(), "{built}");
    }
    assert!(named(&hooks("perl", json!({ "driver": "goplugin" }))).is_empty());
    assert_eq!(refused(&hooks("perl", Value::Null)), ["custom_middleware.driver"]);
    assert_eq!(
        refused(&hooks("goplugin", json!({ "driver": "perl" }))),
        ["custom_middleware.pre[0].pinhook.driver"]
    );
    let server = json!({ "grpc_server": "localhost:1" });
    assert!(named(&hooks("grpc", server.clone())).is_empty());
    assert_eq!(named(&hooks("goplugin", server)), ["custom_middleware.pre[0].pinhook.grpc_server"]);
    let found = refusals(&read(&hooks("goplugn", Value::Null)), "t");
    assert_eq!(found[0].hint.as_deref(), Some("did you mean goplugin?"));
    let own = |driver: &str| json!([{ "path": "/x", "method": "GET", "pinhook": { "driver": driver } }]);
    assert!(named(&with_rule("go_plugin", own("lua"))).is_empty());
    assert_eq!(refused(&with_rule("go_plugin", own("luo"))).len(), 1);
}

#[test]
fn hooks_around_auth_of_a_keyless_api_never_run() {
    let value = with(
        "/custom_middleware",
        json!({ "driver": "goplugin", "post_key_auth": [{}], "auth_check": { "name": "f" } }),
    );
    assert_eq!(named(&value), ["custom_middleware.post_key_auth[0]", "custom_middleware.auth_check"]);
}

#[test]
fn what_a_driver_has_no_use_for_is_named() {
    let hooks = |list: &str, driver: &str| {
        let entry = json!({
            "name": "f", "path": "f", "code": "eA==", "require_session": true, "raw_body_only": true
        });
        named(&with("/custom_middleware", json!({ "driver": driver, list: [entry] })))
    };
    let at = |list: &str, member: &str| format!("custom_middleware.{list}[0].{member}");
    assert_eq!(hooks("pre", "otto"), [at("pre", "raw_body_only"), at("pre", "require_session")]);
    assert_eq!(hooks("post", "javascript"), [at("post", "raw_body_only")]);
    assert_eq!(hooks("post", "goplugin"), [at("post", "require_session"), at("post", "code")]);
}

#[test]
fn virtual_endpoints_need_a_function_and_a_known_source() {
    let entry = |kind: &str, name: &str| {
        json!([{ "path": "/v", "method": "GET", "response_function_name": name,
                 "function_source_type": kind, "function_source_uri": "v.js" }])
    };
    assert!(named(&with_rule("virtual", entry("file", "f"))).is_empty());
    for (kind, name, member) in [("url", "f", "function_source_type"), ("blob", "", "response_function_name")]
    {
        let found = lint(&read(&with_rule("virtual", entry(kind, name))), "t");
        let paths: Vec<_> = found.problems.iter().map(|problem| problem.path.as_str()).collect();
        let at = "version_data.versions.Default.extended_paths.virtual[0]";
        // Requests that reach it are answered 500; the rest of the API is served.
        assert_eq!((paths, found.refuses), (vec![&*format!("{at}.{member}")], false));
    }
}
