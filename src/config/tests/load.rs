use std::time::Duration;

use super::{lines, load};
use crate::{
    config::{Config, GoDuration, LogLevel, SinkKind, StorageKind, load::load_with},
    error::Severity,
};

const FULL: &str = include_str!("../../../tests/fixtures/config/full_tyk.conf");

#[test]
fn a_whole_tyk_conf_loads() {
    let loaded = load("tyk.conf", FULL).unwrap();

    let config = &loaded.config;
    assert_eq!((config.listen_port, config.control_api_port), (8181, 9696));
    assert_eq!(&*config.storage.password, "a-redis-password");
    assert!(config.ports_whitelist["http"].allow(8050) && !config.ports_whitelist["http"].allow(8101));
    assert_eq!(config.proxy_timeout(), Duration::from_millis(12_500));
    assert_eq!(config.analytics_config.storage_expiration_time, -1);
    assert_eq!(config.pinhook.metrics_address.as_deref(), Some("127.0.0.1:9090"));
    assert!(loaded.problems.iter().all(|problem| problem.severity == Severity::Warning));
    let texts: Vec<String> = loaded.problems.iter().map(super::line).collect();
    assert!(!texts.iter().any(|text| text.contains("unknown key")), "{texts:#?}");
    assert!(
        texts
            .iter()
            .any(|text| text.starts_with("warning tyk.conf:14: use_db_app_configs: not supported yet")),
        "{texts:#?}"
    );
    assert!(texts.iter().any(|text| text.contains("slave_options.use_rpc: not supported yet")), "{texts:#?}");
}

#[test]
fn an_absent_key_has_its_effective_default() {
    let config = load("a.json", r#"{"secret": "x"}"#).unwrap().config;

    assert_eq!((config.listen_port, config.app_path.as_str()), (8080, "apps/"));
    assert_eq!(config.http_server_options.read_timeout(), Duration::from_secs(120));
    assert_eq!((config.http_server_options.min_version, config.http_server_options.max_version), (771, 772));
    assert_eq!(config.proxy_timeout(), Duration::from_secs(30));
    assert_eq!(config.max_idle_connections_per_host, 2);
    assert_eq!(config.health_check_endpoint_name, "hello");
    assert_eq!(config.shutdown_timeout(), Duration::from_secs(30));
    assert_eq!(config.analytics_config.records_buffer_size, 1000);
    assert_eq!(config.log_level, LogLevel::Info);
    assert_eq!((config.storage.kind, config.pinhook.analytics.sink), (StorageKind::Memory, SinkKind::Stdout));
    assert!(config.pinhook.threads > 0);
    assert_eq!(config.pinhook.plugin_timeout(), Duration::from_secs(5));
    assert_eq!(Config::built_in().listen_port, 8080);
}

#[test]
fn redis_without_a_host_is_the_local_one() {
    let config = load("a.json", r#"{"secret": "x", "storage": {"type": "redis"}}"#).unwrap().config;

    assert_eq!((config.storage.host.as_str(), config.storage.port), ("127.0.0.1", 6379));
    assert_eq!(config.pinhook.analytics.sink, SinkKind::Redis);
    assert_eq!(config.storage.timeout(), Duration::from_secs(5));
}

#[test]
fn yaml_has_the_same_keys() {
    let text = "# a comment\nsecret: x\nlisten_port: 81\nstorage:\n  type: redis\n  addrs:\n    - a:1\n    - b:2\nerror_overrides:\n  404: {}\npinhook:\n  analytics: {sink: none}\n";

    let config = load("a.yaml", text).unwrap().config;

    assert_eq!((config.listen_port, config.storage.addrs.len()), (81, 2));
    assert_eq!(config.pinhook.analytics.sink, SinkKind::None);
}

#[test]
fn the_first_character_tells_the_form_when_the_name_does_not() {
    assert_eq!(
        load("tyk.conf", "\u{feff}\n {\"secret\": \"x\", \"listen_port\": 81}").unwrap().config.listen_port,
        81
    );
    assert_eq!(load("pinhook.conf", "secret: x\nlisten_port: 82").unwrap().config.listen_port, 82);
    assert_eq!(load("empty.yaml", "").unwrap().config.listen_port, 8080);
}

#[test]
fn keys_match_whatever_their_case_and_null_is_absent() {
    let loaded = load(
        "a.json",
        r#"{"Secret": "x", "Listen_Port": 81, "HTTP_server_options": {"XFF_depth": 2}, "app_path": null}"#,
    )
    .unwrap();

    assert_eq!(loaded.problems, []);
    assert_eq!((loaded.config.listen_port, loaded.config.http_server_options.xff_depth), (81, 2));
    assert_eq!(loaded.config.app_path, "apps/");
}

#[test]
fn unknown_keys_are_named_with_the_nearest() {
    let text = "{\n\"secret\": \"x\",\n\"listen_prt\": 81,\n\"read_timeout\": 5,\n\"storage\": {\n  \"databse\": 1,\n  \"type\": \"redis\"},\n\"zzz\": {},\n\"http_server_options\": {\"certificates\": [\n  {\"cert\": 1}, {\"cert_fil\": \"\"}]},\n\"pinhook\": {\"thread\": 4}\n}";

    let problems = lines(load("a.json", text));

    assert_eq!(
        problems,
        [
            "warning a.json:3: listen_prt: unknown key, it has no effect (did you mean `listen_port`?)",
            "warning a.json:4: read_timeout: unknown key, it has no effect (did you mean `http_server_options.read_timeout`?)",
            "warning a.json:6: storage.databse: unknown key, it has no effect (did you mean `storage.database`?)",
            "warning a.json:8: zzz: unknown key, it has no effect",
            "warning a.json:10: http_server_options.certificates[0].cert: unknown key, it has no effect",
            "warning a.json:10: http_server_options.certificates[1].cert_fil: unknown key, it has no effect (did you mean `http_server_options.certificates[1].cert_file`?)",
            "warning a.json:11: pinhook.thread: unknown key, it has no effect (did you mean `pinhook.threads`?)",
        ]
    );
}

#[test]
fn every_wrong_type_is_named_with_its_line() {
    let text = "{\n\"secret\": 5,\n\"listen_port\": 99999,\n\"hash_keys\": \"yes\",\n\"http_server_options\": {\n  \"read_timeout\":\n    \"abc\",\n  \"ssl_ciphers\": [\"a\", 2]\n},\n\"storage\": [],\n\"log_level\": \"loud\",\n\"proxy_default_timeout\": \"1\",\n\"reload_interval\": 1.5,\n\"liveness_check\": {\"check_duration\": \"soon\"}\n}";

    let problems = lines(load("tyk.conf", text));

    assert_eq!(
        problems,
        [
            "error tyk.conf:2: secret: expected a text, found 5 (put it in quotes)",
            "error tyk.conf:3: listen_port: expected an integer from 0 to 65535, found 99999",
            "error tyk.conf:4: hash_keys: expected true or false, found \"yes\"",
            "error tyk.conf:7: http_server_options.read_timeout: expected an integer, found \"abc\"",
            "error tyk.conf:8: http_server_options.ssl_ciphers[1]: expected a text, found 2 (put it in quotes)",
            "error tyk.conf:10: storage: expected an object, found a list",
            "error tyk.conf:11: log_level: expected one of debug, info, warn, error, found \"loud\"",
            "error tyk.conf:12: proxy_default_timeout: expected a number, found \"1\"",
            "error tyk.conf:13: reload_interval: expected an integer, found 1.5",
            "error tyk.conf:14: liveness_check.check_duration: expected nanoseconds or a text such as \"10s\", found \"soon\"",
        ]
    );
}

#[test]
fn yaml_problems_have_lines_too() {
    let problems = lines(load("a.yaml", "secret: x\nlisten_port: abc\nstorage:\n  type: redis\n  prt: 1\n"));

    assert_eq!(
        problems,
        [
            "error a.yaml:2: listen_port: expected an integer, found \"abc\"",
            "warning a.yaml:5: storage.prt: unknown key, it has no effect (did you mean `storage.port`?)",
        ]
    );
}

#[test]
fn a_line_that_ends_in_a_number_is_counted_right() {
    let problems = lines(load(
        "a.json",
        "{\"secret\": \"x\", \"storage\": {\"type\": \"redis\", \"addrs\": [\n1\n,\n2\n]}}",
    ));

    assert_eq!(
        problems,
        [
            "error a.json:2: storage.addrs[0]: expected a text, found 1 (put it in quotes)",
            "error a.json:4: storage.addrs[1]: expected a text, found 2 (put it in quotes)",
        ]
    );
}

#[test]
fn broken_syntax_is_named_with_its_line() {
    for (name, text, start) in [
        ("a.json", "{\n\"secret\": \"x\",\n}", "error a.json:3: broken JSON: trailing comma"),
        ("a.json", "{\n\"secret\": \"x\"", "error a.json:2: broken JSON: EOF"),
        ("a.json", "{} {}", "error a.json:1: broken JSON: trailing characters"),
        ("a.yaml", "secret: x\nlisten: [1\nport: 3\n", "error a.yaml:3: broken YAML: "),
        ("a.yaml", "secret: x\nsecret: y\n", "error a.yaml:2: broken YAML: "),
    ] {
        let problems = lines(load(name, text));
        assert_eq!(problems.len(), 1, "{problems:#?}");
        assert!(problems[0].starts_with(start), "{}", problems[0]);
    }
}

#[test]
fn an_unreadable_file_is_named() {
    let problems = lines(load_with(Some("/no/such/tyk.conf".as_ref()), &Vec::new()));
    assert!(
        problems[0].starts_with("error tyk.conf: cannot read the config file: No such file"),
        "{problems:?}"
    );

    let problems = lines(load("a.json", b"{\n\"secret\": \"\xff\"}"));
    assert_eq!(problems, ["error a.json:2: not UTF-8 text"]);
}

#[test]
fn twice_the_same_key_is_named() {
    let loaded = load("a.json", "{\"secret\": \"x\",\n\"listen_port\": 1,\n\"Listen_port\": 2}").unwrap();

    assert_eq!(loaded.config.listen_port, 2);
    assert_eq!(lines(Ok(loaded)), ["warning a.json:3: listen_port: given twice; the last one counts"]);
}

#[test]
fn values_that_cannot_work_are_errors() {
    for (text, expected) in [
        (r#"{"secret":"x","storage":{"host":"h"}}"#, "error a.json:1: storage: `type` is missing"),
        (
            r#"{"secret":"x","storage":{"type":"mongo"}}"#,
            "error a.json:1: storage.type: expected one of memory, redis",
        ),
        (
            r#"{"secret":"x","http_server_options":{"max_version":770}}"#,
            "error a.json:1: http_server_options.max_version: TLS below",
        ),
        (
            r#"{"secret":"x","http_server_options":{"min_version":772,"max_version":771}}"#,
            "error a.json:1: http_server_options.min_version: is above",
        ),
        (
            r#"{"secret":"x","http_server_options":{"use_ssl":true}}"#,
            "error a.json:1: http_server_options.use_ssl: TLS needs",
        ),
        (
            r#"{"secret":"x","pinhook":{"analytics":{"sink":"redis"}}}"#,
            "error a.json:1: pinhook.analytics.sink: the sink redis",
        ),
        (
            r#"{"secret":"x","pinhook":{"analytics":{"sink":"file"}}}"#,
            "error a.json:1: pinhook.analytics.sink: the sink file",
        ),
        (
            r#"{"secret":"x","pinhook":{"max_header_bytes":2000000}}"#,
            "error a.json:1: pinhook.max_header_bytes: expected bytes from 1 to 1048575",
        ),
        (
            r#"{"secret":"x","pinhook":{"max_headers":0}}"#,
            "error a.json:1: pinhook.max_headers: expected 1 to 256",
        ),
        (
            r#"{"secret":"x","proxy_default_timeout":-1}"#,
            "error a.json:1: proxy_default_timeout: expected seconds",
        ),
        (r#"{"secret":"x","listen_port":0}"#, "warning a.json:1: listen_port: 0 is no port; 8080 is used"),
        (
            r#"{"secret":"x","http_server_options":{"min_version":769}}"#,
            "warning a.json:1: http_server_options.min_version: TLS below",
        ),
        (
            r#"{"secret":"352d20ee67be67f6340b4c0605b044b7"}"#,
            "warning a.json:1: secret: this is the secret of Tyk's sample",
        ),
        (r#"{}"#, "warning a.json: secret: no secret"),
        (r#"{"secret":"x","use_syslog":true}"#, "warning a.json:1: use_syslog: not supported yet"),
        (
            r#"{"secret":"x","policies":{"policy_source":"rpc"}}"#,
            "warning a.json:1: policies.policy_source: not supported",
        ),
    ] {
        let problems = lines(load("a.json", text));
        assert_eq!(problems.len(), 1, "{text} {problems:#?}");
        assert!(problems[0].starts_with(expected), "{}", problems[0]);
    }
}

#[test]
fn settings_at_their_default_are_not_named() {
    let text = r#"{"secret":"x","use_syslog":false,"policies":{"policy_source":"file"},"external_services":{"oauth":{"x":""}}}"#;

    assert_eq!(lines(load("a.json", text)), [""; 0]);
}

#[test]
fn durations_read_gos_syntax() {
    for (text, nanos) in [
        ("10s", 10_000_000_000),
        ("1h2m", 3_720_000_000_000),
        ("0.5ms", 500_000),
        ("-2s", -2_000_000_000),
        ("0", 0),
    ] {
        assert_eq!(GoDuration::parse(text), Some(GoDuration::from_nanos(nanos)), "{text}");
    }
    for text in ["", "s", "10", "1x", "1.2.3s", "ten"] {
        assert_eq!(GoDuration::parse(text), None, "{text}");
    }
}

#[test]
fn limits_follow_tyks_keys_unless_they_have_their_own() {
    let limits = |text: &str| {
        let config = load("a.json", text).unwrap().config;
        (config.idle_timeout().as_secs(), config.upstream_pool(), config.pinhook.upstream_idle_timeout())
    };
    let none = Duration::from_secs(600);
    assert_eq!(limits("{}"), (120, 16_384, Some(none)));
    let tyks = r#"{"http_server_options":{"read_timeout":7},"max_idle_connections":50}"#;
    assert_eq!(limits(tyks), (7, 50, Some(none)));
    let own = r#"{"http_server_options":{"read_timeout":7},
                  "pinhook":{"idle_timeout_s":9,"upstream_idle_timeout_s":0}}"#;
    assert_eq!(limits(own), (9, 16_384, None));
}
