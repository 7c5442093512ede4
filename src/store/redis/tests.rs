use super::{scan::escaped, settings::split, *};
use crate::{config::StorageKind, error::Severity};

fn storage(edit: impl FnOnce(&mut Storage)) -> Storage {
    let mut storage = Storage { kind: StorageKind::Redis, ..Storage::default() };
    edit(&mut storage);
    storage
}

#[test]
fn addresses_are_split() {
    for (address, host, port) in [
        ("redis:7000", "redis", 7000),
        ("redis", "redis", 6379),
        ("[::1]:7000", "::1", 7000),
        ("::1", "::1", 6379),
    ] {
        assert_eq!(split(address), Some((host.to_owned(), port)), "{address}");
    }
    assert_eq!(split("redis:port"), None);
    assert_eq!(split(":6379"), None);
}

#[test]
fn patterns_stand_for_themselves() {
    assert_eq!(escaped("plain-key.1"), "plain-key.1");
    assert_eq!(escaped(r"a*b?c[d]e^f\g"), r"a\*b\?c\[d\]e\^f\\g");
}

#[test]
fn what_is_not_meant_is_named() {
    let cases: [(Storage, &str); 5] = [
        (storage(|s| s.addrs = vec!["a:1".to_owned(), "b:2".to_owned()]), "addrs"),
        (storage(|s| (s.enable_cluster, s.database) = (true, 3)), "database"),
        (storage(|s| (s.enable_cluster, s.master_name) = (true, "m".to_owned())), "enable_cluster"),
        (storage(|s| (s.use_ssl, s.tls_min_version) = (true, "1.3".to_owned())), "tls_min_version"),
        (storage(|s| (s.use_ssl, s.tls_max_version) = (true, "1.2".to_owned())), "tls_max_version"),
    ];
    for (config, member) in cases {
        let problems = redis_problems(&config, "tyk.conf", "cache_storage");
        let found: Vec<_> = problems.iter().map(|p| (p.path.clone(), p.severity)).collect();
        assert_eq!(found, [(format!("cache_storage.{member}"), Severity::Warning)]);
        assert!(RedisStore::new(&config).is_ok(), "{member}");
    }
    let fine = storage(|s| (s.use_ssl, s.tls_min_version) = (true, "1.2".to_owned()));
    assert_eq!(redis_problems(&fine, "tyk.conf", "storage"), []);
}

#[test]
fn what_cannot_work_is_refused_by_name() {
    let pem = tempfile::NamedTempFile::new().unwrap();
    let path = || pem.path().display().to_string();
    let cases: [(Storage, &str); 5] = [
        (storage(|s| s.addrs = vec!["redis:port".to_owned()]), "addrs"),
        (storage(|s| (s.use_ssl, s.ca_file) = (true, "/no/such/file".to_owned())), "ca_file"),
        (storage(|s| (s.use_ssl, s.ca_file) = (true, path())), "ca_file"),
        (storage(|s| (s.use_ssl, s.cert_file) = (true, "/no/such/file".to_owned())), "cert_file"),
        (storage(|s| (s.use_ssl, s.key_file) = (true, path())), "key_file"),
    ];
    for (config, member) in cases {
        let problems = redis_problems(&config, "tyk.conf", "storage");
        let found: Vec<_> = problems.iter().map(|p| (p.path.as_str(), p.severity)).collect();
        assert_eq!(found, [(format!("storage.{member}").as_str(), Severity::Error)]);
        let Err(Error::Input(problem)) = RedisStore::new(&config) else { panic!("accepted: {member}") };
        assert_eq!(problem.path, format!("storage.{member}"));
    }
}
