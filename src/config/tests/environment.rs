use super::{lines, load_env};
use crate::config::{LogLevel, StorageKind, load::load_with};

#[test]
fn overrides_use_tyks_names() {
    let config = load_env(
        "a.json",
        r#"{"secret": "x", "listen_port": 1, "storage": {"type": "memory", "port": 5}}"#,
        &[
            ("TYK_GW_LISTENPORT", "9000"),
            ("TYK_GW_STORAGE_TYPE", "redis"),
            ("TYK_GW_STORAGE_MAXACTIVE", "7"),
            ("TYK_GW_STORAGE_ADDRS", "a:1, b:2"),
            ("TYK_GW_HTTPSERVEROPTIONS_USESSL", "t"),
            (
                "TYK_GW_HTTPSERVEROPTIONS_CERTIFICATES",
                r#"[{"domain_name":"d","cert_file":"c","key_file":"k"}]"#,
            ),
            ("TYK_GW_PORTWHITELIST", r#"{"http": {"ports": [81]}}"#),
            ("TYK_GW_SECRETS", "one:1,two:a:b"),
            ("TYK_GW_PROXYDEFAULTTIMEOUT", "2.5"),
            ("TYK_GW_LIVENESSCHECK_CHECKDURATION", "1m30s"),
            ("TYK_GW_ANALYTICSCONFIG_GEOIPDBLOCATION", "db"),
            ("TYK_GW_SECURITY_CERTIFICATES_API", "c1,c2"),
        ],
    )
    .unwrap()
    .config;

    assert_eq!(config.listen_port, 9000);
    assert_eq!((config.storage.kind, config.storage.port), (StorageKind::Redis, 5));
    assert_eq!(config.storage.optimisation_max_active, 7);
    assert_eq!(config.storage.addrs, ["a:1", "b:2"]);
    assert!(config.http_server_options.use_ssl);
    assert_eq!(config.http_server_options.certificates[0].key_file, "k");
    assert!(config.ports_whitelist["http"].allow(81));
    assert_eq!(&*config.secrets["two"], "a:b");
    assert_eq!(config.proxy_default_timeout, 2.5);
    assert_eq!(config.liveness_check.check_duration.get().as_secs(), 90);
    assert_eq!(config.analytics_config.geo_ip_db_path, "db");
    assert_eq!(config.security.certificates.apis, ["c1", "c2"]);
}

#[test]
fn own_settings_have_own_names() {
    let pinhook = load_env(
        "a.json",
        r#"{"secret": "x", "pinhook": {"threads": 9}}"#,
        &[
            ("PINHOOK_METRICS_ADDRESS", "127.0.0.1:9"),
            ("PINHOOK_THREADS", "3"),
            ("PINHOOK_ANALYTICS_SINK", "none"),
            ("PINHOOK_BIN", "whatever"),
        ],
    )
    .unwrap();

    assert_eq!(pinhook.problems, []);
    assert_eq!(pinhook.config.pinhook.metrics_address.as_deref(), Some("127.0.0.1:9"));
    assert_eq!(pinhook.config.pinhook.threads, 3);
}

#[test]
fn a_bad_value_names_its_variable() {
    let problems = lines(load_env(
        "a.json",
        r#"{"secret": "x"}"#,
        &[
            ("TYK_GW_LISTENPORT", "http"),
            ("TYK_GW_ENABLEANALYTICS", "yes"),
            ("TYK_GW_SECRETS", "novalue"),
            ("TYK_GW_HTTPSERVEROPTIONS_CERTIFICATES", "{"),
            ("PINHOOK_THREADS", "-1"),
        ],
    ));

    assert!(
        problems
            .contains(&"error TYK_GW_LISTENPORT: listen_port: expected an integer, found \"http\"".into()),
        "{problems:#?}"
    );
    assert!(
        problems.contains(
            &"error TYK_GW_ENABLEANALYTICS: enable_analytics: expected true or false, found \"yes\"".into()
        ),
        "{problems:#?}"
    );
    assert!(
        problems.contains(
            &"error TYK_GW_SECRETS: secrets: expected key:value pairs separated by commas, found \"novalue\""
                .into()
        ),
        "{problems:#?}"
    );
    assert!(
        problems.iter().any(|line| line.starts_with(
            "error TYK_GW_HTTPSERVEROPTIONS_CERTIFICATES: http_server_options.certificates: broken JSON"
        )),
        "{problems:#?}"
    );
    assert!(
        problems.contains(&format!(
            "error PINHOOK_THREADS: pinhook.threads: expected an integer from 0 to {}, found -1",
            u64::MAX
        )),
        "{problems:#?}"
    );
    assert_eq!(problems.len(), 5);
}

#[test]
fn unknown_variables_are_named_with_the_nearest() {
    let problems = lines(load_env(
        "a.json",
        r#"{"secret": "x"}"#,
        &[
            ("TYK_GW_LISTENPRT", "1"),
            ("TYK_GW_LABS_THING", "1"),
            ("PINHOOK_TREADS", "1"),
            ("TYK_GW_ZZZZZZ", "1"),
        ],
    ));

    assert_eq!(
        problems,
        [
            "warning TYK_GW_LISTENPRT: unknown variable, it has no effect (did you mean TYK_GW_LISTENPORT?)",
            "warning TYK_GW_LABS_THING: labs: not supported yet: it has no effect",
            "warning PINHOOK_TREADS: unknown variable, it has no effect (did you mean PINHOOK_THREADS?)",
            "warning TYK_GW_ZZZZZZ: unknown variable, it has no effect",
        ]
    );
}

#[test]
fn log_variables_beat_everything() {
    let config = load_env(
        "a.json",
        r#"{"secret": "x", "log_level": "error"}"#,
        &[("TYK_LOGLEVEL", "debug"), ("TYK_GW_LOGLEVEL", "warn")],
    )
    .unwrap()
    .config;

    assert_eq!(config.log_level, LogLevel::Debug);
}

#[test]
fn the_file_can_be_left_out() {
    let env = super::vars(&[("TYK_GW_OMITCONFIGFILE", "true"), ("TYK_GW_SECRET", "x")]);

    let loaded = load_with(Some("/no/such/file".as_ref()), &env).unwrap();

    assert_eq!((loaded.path, &*loaded.config.secret), (None, "x"));
}

#[test]
fn references_are_followed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), "from file\n").unwrap();
    let text = serde_json::json!({
        "secret": "env://control",
        "node_secret": "file://key",
        "storage": {"type": "redis", "password": "secrets://redis", "username": "env://not-a-secret"},
        "secrets": {"redis": "env://redis"},
        "kv": {"file": {"base_path": folder.path()}},
        "db_app_conf_options": {"connection_string": "http://dashboard:3000"},
    });

    let env = [("TYK_SECRET_CONTROL", "a"), ("TYK_SECRET_REDIS", "b")];
    let config = load_env("a.json", text.to_string(), &env).unwrap().config;

    assert_eq!((&*config.secret, &*config.node_secret, &*config.storage.password), ("a", "from file", "b"));
    assert_eq!(config.storage.username, "env://not-a-secret");
    assert_eq!(&*config.db_app_conf_options.connection_string, "http://dashboard:3000");
    assert_eq!(format!("{:?}", config.secret), "Secret(****)");
}

#[test]
fn references_to_nothing_are_errors() {
    let text = r#"{
        "secret": "env://gone",
        "node_secret": "vault://a",
        "storage": {"type": "redis", "password": "secrets://gone"}
    }"#;

    let problems = lines(load_env("a.json", text, &[]));

    assert_eq!(
        problems.iter().filter(|line| line.starts_with("error")).collect::<Vec<_>>(),
        [
            "error a.json:2: secret: environment variable TYK_SECRET_GONE is not set",
            "error a.json:3: node_secret: vault:// references are not supported yet; use env://, secrets:// or file://",
            "error a.json:4: storage.password: `secrets` has no \"gone\"",
        ]
    );
}
