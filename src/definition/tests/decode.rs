use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{fixture, parse, plain, read, with, with_rule};
use crate::definition::{ApiDefinition, lint};

fn fails(text: &str) -> (Option<usize>, String, String) {
    let problem = parse(text, "apis/a.json").unwrap_err();
    assert_eq!(problem.place, "apis/a.json");
    (problem.line, problem.path, problem.message)
}

#[test]
fn what_tyk_prints_is_known_and_printed_alike() {
    let text = fixture("printed_by_tyk.json");
    let definition = parse(&text, "t").unwrap();
    assert_eq!(serde_json::to_value(&definition).unwrap(), serde_json::from_str::<Value>(&text).unwrap());
    assert!(lint(&definition, "t").problems.is_empty(), "{:?}", lint(&definition, "t").problems);
}

#[test]
fn a_real_definition_is_read_in_full() {
    let definition = parse(&fixture("sticky.json"), "t").unwrap();
    let rewrite = &definition.version_data.versions["Default"].extended_paths.url_rewrites[0];
    assert_eq!(rewrite.triggers[0].options.header_matches["Service-Address"].match_rx, "^http.+");
    let hook = &definition.custom_middleware.pre[0];
    assert_eq!(hook.pinhook.as_ref().unwrap().timeout_ms, Some(250));
    assert_eq!(definition.config_data["service"]["ports"], json!([1, 2.5]));
    assert!(lint(&definition, "t").problems.is_empty(), "{:?}", lint(&definition, "t").problems);
}

#[test]
fn names_match_in_any_case() {
    let definition =
        parse(r#"{"API_ID":"x","Proxy":{"Listen_Path":"/l"},"cors":{"ENABLE":true}}"#, "t").unwrap();
    assert_eq!((definition.api_id.as_str(), definition.proxy.listen_path.as_str()), ("x", "/l"));
    assert!(definition.cors.enable);
    assert!(definition.extra.iter().next().is_none());
}

#[test]
fn null_leaves_the_default_everywhere() {
    let text = r#"{"name":null,"proxy":null,"tags":[null,"t"],"version_data":{"versions":{"Default":null}},
        "listen_port":null,"custom_middleware":{"pre":[null]},"config_data":null,"pinhook":null}"#;
    let definition = parse(text, "t").unwrap();
    assert_eq!(definition.tags, ["", "t"]);
    assert!(definition.version_data.versions.contains_key("Default"));
    assert_eq!(definition.custom_middleware.pre.len(), 1);
    assert_eq!(definition.proxy, Default::default());
}

#[test]
fn the_last_duplicate_wins() {
    let definition = parse(r#"{"name":"a","name":"b","Name":"c","odd":1,"odd":2}"#, "t").unwrap();
    assert_eq!(definition.name, "c");
    assert_eq!(definition.extra.get("odd"), Some(&json!(2)));
}

#[test]
fn a_wrong_type_is_named_with_line_path_and_expectation() {
    assert_eq!(
        fails("{\n \"name\": \"x\",\n \"listen_port\": \"x\"\n}"),
        (
            Some(3),
            "listen_port".into(),
            "invalid type: string \"x\", expected a whole number (column 19)".into()
        )
    );
    let (line, path, message) = fails("{\"proxy\":\n{\"target_list\":[\"a\",\n7]}}");
    assert_eq!((line, path.as_str()), (Some(3), "proxy.target_list[1]"));
    assert!(message.contains("expected a string"), "{message}");
    let (_, path, message) = fails(r#"{"version_data":{"versions":{"v 1":{"paths":[]}}}}"#);
    assert_eq!(path, "version_data.versions.v 1.paths");
    assert!(message.contains("invalid type: list, expected an object"), "{message}");
    for (text, path) in [
        (r#"{"use_keyless":"true"}"#, "use_keyless"),
        (r#"{"listen_port":1.5}"#, "listen_port"),
        (r#"{"proxy":{"transport":{"ssl_min_version":70000}}}"#, "proxy.transport.ssl_min_version"),
        (r#"{"jwt_issued_at_validation_skew":-1}"#, "jwt_issued_at_validation_skew"),
        (r#"{"tags":{}}"#, "tags"),
        (r#"{"config_data":[]}"#, "config_data"),
        (r#"{"error_overrides":{"4xx":{}}}"#, "error_overrides.4xx"),
        (r#"{"id":"5f"}"#, "id"),
    ] {
        assert_eq!(fails(text).1, path, "{text}");
    }
    assert_eq!(fails("[]").1, "");
    assert!(parse(r#"{"id":"5f0000000000000000000001"}"#, "t").is_ok());
}

#[test]
fn a_duration_is_a_string() {
    let rule = |duration: Value| with_rule("hard_timeouts", json!([{ "duration": duration }]));
    assert!(parse(&rule(json!("1s")).to_string(), "t").is_ok());
    let problem = parse(&rule(json!(5)).to_string(), "t").unwrap_err();
    assert_eq!(problem.path, "version_data.versions.Default.extended_paths.hard_timeouts[0].duration");
}

#[test]
fn broken_json_is_named_with_line_and_column() {
    let (line, path, message) = fails("{\n  not json");
    assert_eq!((line, path.as_str()), (Some(2), ""));
    assert!(message.starts_with("not valid JSON at column 3"), "{message}");
    assert!(fails("").2.starts_with("not valid JSON"));
    assert!(fails("{} {}").2.contains("trailing characters"));
    assert!(fails(r#"{"name":"x"#).2.contains("EOF"));
}

#[test]
fn a_bare_oas_document_is_called_by_its_name() {
    let oas = r#"{"openapi":"3.0.3","info":{"title":"p"},"tags":[{"name":"t"}],"x-tyk-api-gateway":{}}"#;
    assert!(fails(oas).2.starts_with("an OAS document where a Classic"));
    assert!(fails(r#"{"swagger":"2.0","paths":{}}"#).2.starts_with("an OAS document where a Classic"));
    let mut classic = plain();
    classic["openapi"] = json!("3.0.3");
    assert!(parse(&classic.to_string(), "t").is_ok());
}

#[test]
fn numbers_are_printed_as_go_does() {
    let definition = read(&with("/global_rate_limit", json!({ "rate": 5.0, "per": 0.5 })));
    let printed = serde_json::to_string(&definition.global_rate_limit).unwrap();
    assert_eq!(printed, r#"{"disabled":false,"rate":5,"per":0.5}"#);
}

#[test]
fn five_thousand_definitions_fit() {
    assert!(size_of::<ApiDefinition>() <= 4 * 1024, "{}", size_of::<ApiDefinition>());
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[ -~é]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-z_.$ ]{0,8}", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// A definition with unknown members at several depths.
fn definition() -> impl Strategy<Value = (Value, Value)> {
    let text = "[ -~é]{0,12}";
    (text, text, any::<i32>(), any::<bool>(), prop::collection::vec(text, 0..3), json_value(), 0.0..1e6_f64, "[0-9]{1,3}(ms|s|h|x)")
        .prop_map(|(name, path, port, flag, list, unknown, rate, duration)| {
            let mut root = plain();
            root["name"] = json!(name);
            root["listen_port"] = json!(port);
            root["USE_KEYLESS"] = json!(flag);
            root["tags"] = json!(list);
            root["config_data"] = json!({ "free": unknown });
            root["global_rate_limit"] = json!({ "rate": rate, "x-unknown": unknown });
            root["version_data"]["versions"]["Default"]["extended_paths"] = json!({
                "white_list": [{ "path": path, "x-unknown": unknown, "method_actions": { "GET": { "code": port } } }],
                "hard_timeouts": [{ "duration": duration }],
                "x-unknown": unknown,
            });
            root["x-unknown"] = unknown.clone();
            (root, unknown)
        })
}

proptest! {
    #[test]
    fn nothing_is_lost_on_the_way_in_and_out((value, unknown) in definition()) {
        let first = parse(&value.to_string(), "t").unwrap();
        let printed = serde_json::to_string(&first).unwrap();
        let second = parse(&printed, "t").unwrap();
        prop_assert_eq!(&first, &second);
        let printed: Value = serde_json::from_str(&printed).unwrap();
        let paths = &printed["version_data"]["versions"]["Default"]["extended_paths"];
        for holder in [&printed, &paths["white_list"][0], paths, &printed["global_rate_limit"]] {
            prop_assert_eq!(&holder["x-unknown"], &unknown);
        }
        prop_assert_eq!(&printed["config_data"]["free"], &unknown);
        prop_assert_eq!(&printed["use_keyless"], &value["USE_KEYLESS"]);
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}") {
        let _ = parse(&text, "t");
    }
}
