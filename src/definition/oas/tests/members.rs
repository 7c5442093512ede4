use serde_json::{Value, json};

use super::{classic, faults, made, plain, remarks, with};

/// The answer that Tyk gave when asked for the Classic form of its smallest document.
#[test]
fn the_smallest_document_becomes_what_tyk_makes_of_it() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/cases/oas/minimal.json");
    let case: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let document = &case["steps"][0]["request"]["json"];
    let steps = case["steps"].as_array().unwrap();
    let asked = steps.iter().find(|step| step["request"]["path"] == "/tyk/apis/oa1").unwrap();
    let mut ours = json!(made(document).definition);
    let expected = asked["expect"]["json"].as_object().unwrap();
    // Written as empty objects by the control API (`admin::apis`).
    for empty in ["/auth_configs", "/event_handlers/events"] {
        *ours.pointer_mut(empty).unwrap() = json!({});
    }
    for empty in ["global_headers", "global_response_headers"] {
        ours["version_data"]["versions"][""][empty] = json!({});
    }
    for (name, value) in
        expected.iter().filter(|(name, _)| !["graphql", "upstream_auth"].contains(&name.as_str()))
    {
        assert_eq!(&ours[name], value, "{name}");
    }
    assert_eq!(remarks(document), []);
}

#[test]
fn members_become_members() {
    for (path, value, pointer, expected) in [
        ("info.dbId", json!("5f0000000000000000000000"), "/id", json!("5f0000000000000000000000")),
        ("info.expiration", json!("2030-01-02 15:04"), "/expiration", json!("2030-01-02 15:04")),
        ("info.state", json!({"active": true, "internal": true}), "/internal", json!(true)),
        ("server.protocol", json!("h2c"), "/protocol", json!("h2c")),
        ("server.port", json!(9000), "/listen_port", json!(9000)),
        ("server.customDomain", json!({"enabled": true, "name": "d"}), "/domain", json!("d")),
        ("server.gatewayTags", json!({"enabled": true, "tags": ["x"]}), "/tags", json!(["x"])),
        ("server.clientCertificates", json!({"enabled": true}), "/use_mutual_tls_auth", json!(true)),
        ("server.detailedActivityLogs", json!({"enabled": true}), "/enable_detailed_recording", json!(true)),
        ("server.ipAccessControl", json!({"enabled": true}), "/ip_access_control_disabled", json!(false)),
        (
            "server.ipAccessControl",
            json!({"enabled": true, "block": ["::1"]}),
            "/blacklisted_ips",
            json!(["::1"]),
        ),
        (
            "upstream.rateLimit",
            json!({"enabled": true, "rate": 2, "per": "1m"}),
            "/global_rate_limit/per",
            json!(60),
        ),
        ("upstream.preserveHostHeader", json!({"enabled": true}), "/proxy/preserve_host_header", json!(true)),
        (
            "upstream.tlsTransport",
            json!({"minVersion": "1.2"}),
            "/proxy/transport/ssl_min_version",
            json!(771),
        ),
        ("upstream.proxy", json!({"url": "http://p"}), "/proxy/transport/proxy_url", json!("http://p")),
    ] {
        let made = classic(&[(path, value)]);
        assert_eq!(made.pointer(pointer), Some(&expected), "{path}");
    }
}

#[test]
fn lists_and_blocks_become_what_classic_has_for_them() {
    for (path, value, pointer, expected) in [
        (
            "upstream.mutualTLS",
            json!({"enabled": true, "domainToCertificateMapping": [{"domain": "*.d", "certificate": "c"}]}),
            "/upstream_certificates",
            json!({"*.d": "c"}),
        ),
        (
            "upstream.certificatePinning",
            json!({"enabled": true, "domainToPublicKeysMapping": [{"domain": "d", "publicKeys": ["a", "b"]}]}),
            "/pinned_public_keys",
            json!({"d": "a,b"}),
        ),
        (
            "upstream.loadBalancing",
            json!({"enabled": true, "targets": [{"url": "http://a", "weight": 2}, {"url": "http://b", "weight": 1}]}),
            "/proxy/target_list",
            json!(["http://a", "http://a", "http://b"]),
        ),
        (
            "upstream.serviceDiscovery",
            json!({"enabled": true, "queryEndpoint": "http://r", "cache": {"enabled": true, "timeout": 9}}),
            "/proxy/service_discovery/cache_disabled",
            json!(false),
        ),
        (
            "upstream.uptimeTests",
            json!({"enabled": true, "tests": [{"url": "tcp://h:1", "timeout": "5s"}]}),
            "/uptime_tests/check_list/0/timeout",
            json!(5_000_000_000_u64),
        ),
        (
            "upstream.authentication",
            json!({"enabled": true, "requestSigning": {"enabled": true, "keyId": "k"}}),
            "/request_signing/key_id",
            json!("k"),
        ),
        (
            "upstream.enforceTimeout",
            json!({"enabled": true, "duration": "1m30s"}),
            "/version_data/versions//global_enforce_timeout",
            json!("1m30s"),
        ),
        (
            "info.versioning",
            json!({"enabled": true, "location": "url", "versions": [{"name": "v2", "id": "b"}]}),
            "/definition/versions",
            json!({"v2": "b"}),
        ),
    ] {
        let made = classic(&[(path, value)]);
        assert_eq!(made.pointer(pointer), Some(&expected), "{path}");
    }
}

#[test]
fn settings_of_all_operations_become_settings_of_the_version() {
    for (name, value, pointer, expected) in [
        ("cors", json!({"enabled": true, "maxAge": 5}), "/CORS/max_age", json!(5)),
        ("cache", json!({"enabled": true, "timeout": 60}), "/cache_options/cache_timeout", json!(60)),
        ("contextVariables", json!({"enabled": true}), "/enable_context_vars", json!(true)),
        ("trafficLogs", json!({"enabled": true}), "/do_not_track", json!(false)),
        ("trafficLogs", json!({"enabled": false}), "/do_not_track", json!(true)),
        (
            "trafficLogs",
            json!({"enabled": true, "customRetentionPeriod": "1h"}),
            "/expire_analytics_after",
            json!(3600),
        ),
        (
            "trafficLogs",
            json!({"enabled": true, "plugins": [{"enabled": true, "functionName": "f", "path": "p.so"}]}),
            "/analytics_plugin",
            json!({"enable": true, "func_name": "f", "plugin_path": "p.so"}),
        ),
        ("skipRateLimit", json!(true), "/disable_rate_limit", json!(true)),
        ("skipQuota", json!(true), "/disable_quota", json!(true)),
        ("skipQuotaReset", json!(true), "/dont_set_quota_on_create", json!(true)),
        ("ignoreCase", json!({"enabled": true}), "/version_data/versions//ignore_endpoint_case", json!(true)),
        (
            "requestSizeLimit",
            json!({"enabled": true, "value": 4}),
            "/version_data/versions//global_size_limit_disabled",
            json!(false),
        ),
        (
            "transformRequestHeaders",
            json!({"enabled": true, "add": [{"name": "X.a", "value": "1"}, {"name": "X.a", "value": "2"}]}),
            "/version_data/versions//global_headers",
            json!({"X.a": "2"}),
        ),
        (
            "pluginConfig",
            json!({"driver": "otto", "data": {"enabled": true, "value": {"d": 1}}}),
            "/config_data",
            json!({"d": 1}),
        ),
        (
            "pluginConfig",
            json!({"bundle": {"enabled": true, "path": "b"}}),
            "/custom_middleware_bundle",
            json!("b"),
        ),
        (
            "prePlugins",
            json!([{"enabled": true, "functionName": "f", "path": "p", "rawBodyOnly": true, "pinhook": {"driver": "lua"}}]),
            "/custom_middleware/pre/0",
            json!({
                "disabled": false, "name": "f", "path": "p", "require_session": false, "raw_body_only": true,
                "pinhook": {"driver": "lua"},
            }),
        ),
        (
            "postPlugin",
            json!({"plugins": [{"enabled": false, "functionName": "old"}]}),
            "/custom_middleware/post/0/disabled",
            json!(true),
        ),
    ] {
        let made = classic(&[(&format!("middleware.global.{name}"), value)]);
        assert_eq!(made.pointer(pointer), Some(&expected), "{name}");
    }
}

#[test]
fn an_event_handler_lands_under_its_event() {
    let handlers = json!([
        {"enabled": true, "trigger": "QuotaExceeded", "type": "webhook", "id": "i", "name": "n", "method": "POST",
            "url": "http://h", "headers": [{"name": "X", "value": "1"}], "cooldownPeriod": "1m30s"},
        {"enabled": false, "trigger": "QuotaExceeded", "type": "custom", "functionName": "f", "path": "p.js"},
        {"enabled": true, "trigger": "KeyExpired", "type": "log", "logPrefix": "p"},
    ]);
    assert_eq!(
        classic(&[("server.eventHandlers", handlers)])["event_handlers"]["events"],
        json!({
            "QuotaExceeded": [
                {"handler_name": "eh_web_hook_handler", "handler_meta": {
                    "disabled": false, "id": "i", "name": "n", "method": "POST", "target_path": "http://h",
                    "header_map": {"X": "1"}, "event_timeout": 90}},
                {"handler_name": "eh_dynamic_handler", "handler_meta": {
                    "disabled": true, "name": "f", "path": "p.js"}},
            ],
            "KeyExpired": [
                {"handler_name": "eh_log_handler", "handler_meta": {"disabled": false, "prefix": "p"}},
            ],
        })
    );
}

#[test]
fn names_match_whatever_their_case_and_null_is_nothing() {
    let made = classic(&[
        ("Server", json!(null)),
        ("middleware.global", json!({"CONTEXTVARIABLES": {"Enabled": true}})),
    ]);
    assert_eq!(made["enable_context_vars"], true);
    assert_eq!(made["proxy"]["listen_path"], "/a/");
}

#[test]
fn what_has_no_effect_is_named() {
    let document = with(&[
        ("server.contextVariables", json!({"enabled": true})),
        ("server.listenpth", json!({"value": "/x/"})),
        ("middleware.global.prePlugins", json!([{"enabled": true, "functionName": "f", "pluginId": "1"}])),
        ("middleware.global.cors", json!({"maxAge": 5})),
        ("middleware.global.trafficLogs", json!({"enabled": true, "customRetentionPeriod": "soon"})),
        ("middleware.operations.gone", json!({"allow": {"enabled": true}})),
        ("somethingNew", json!({"a": {"b": 1}})),
    ]);
    let said = remarks(&document);
    let of = |path: &str| {
        let found = said.iter().find(|(at, _)| at == path);
        found.unwrap_or_else(|| panic!("{path} is not named: {said:?}")).1.as_str()
    };
    assert_eq!(of("server.contextVariables"), "has no effect, in Tyk neither");
    assert_eq!(of("middleware.global.cors"), "enabled is missing, so this is off");
    assert!(of("middleware.global.trafficLogs.customRetentionPeriod").contains("is no duration"));
    assert!(of("middleware.operations.gone").contains("no operation below paths"));
    for unknown in ["server.listenpth", "middleware.global.prePlugins[0].pluginId", "somethingNew"] {
        assert_eq!(of(unknown), "unknown member, it has no effect");
    }
    assert_eq!(said.len(), 7, "{said:?}");
}

#[test]
fn own_settings_come_from_the_root() {
    let mut document = plain();
    document["x-pinhook"] = json!({"grpc_server": "tcp://g:1"});
    assert_eq!(json!(made(&document).definition)["pinhook"], json!({"grpc_server": "tcp://g:1"}));
    document["x-pinhook"] = json!({"grpc_server": 5});
    assert_eq!(faults(&document).len(), 1);
    assert!(faults(&document)[0].starts_with("x-pinhook: invalid type"), "{:?}", faults(&document));
}
