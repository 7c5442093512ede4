use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::{read, with, with_rule};
use crate::definition::{
    Expiry, NoVersion, ReadableDuration, listen_path_fault, normalise_listen_path, template_fault,
};

#[test]
fn go_durations() {
    for (text, nanos) in [
        ("1m30s", 90_000_000_000),
        ("500ms", 500_000_000),
        ("1.5s", 1_500_000_000),
        (".5s", 500_000_000),
        ("1h2m3s4ms5us6ns", 3_723_004_005_006),
        ("2µs", 2_000),
        ("+3s", 3_000_000_000),
    ] {
        let read = ReadableDuration::parse(text);
        assert_eq!(read.duration(), Some(Duration::from_nanos(nanos)), "{text}");
        assert_eq!(read.unreadable(), None);
    }
    for none in ["", "0", "0s", "-1s"] {
        assert_eq!(ReadableDuration::parse(none).duration(), None, "{none}");
        assert_eq!(ReadableDuration::parse(none).unreadable(), None, "{none}");
    }
    for bad in ["5", "1x", "s", ".s", "1s2", "abc", " 1s", "-", "99999999999h", "1..2s"] {
        assert_eq!(ReadableDuration::parse(bad).unreadable(), Some(bad));
        assert_eq!(ReadableDuration::parse(bad).duration(), None);
    }
}

#[test]
fn durations_are_printed_as_go_does() {
    for (text, printed) in [
        ("", "0s"),
        ("90s", "1m30s"),
        ("1h", "1h0m0s"),
        ("1500ms", "1.5s"),
        ("1500us", "1.5ms"),
        ("1ns", "1ns"),
        ("-2s", "-2s"),
        ("nonsense", "nonsense"),
    ] {
        let definition = read(&with("/version_data/versions/Default/global_enforce_timeout", json!(text)));
        let value = serde_json::to_value(&definition).unwrap();
        assert_eq!(value["version_data"]["versions"]["Default"]["global_enforce_timeout"], printed);
    }
}

#[test]
fn expiry_dates() {
    let at = |seconds| Expiry::At(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    assert_eq!(Expiry::parse(""), Expiry::Never);
    assert_eq!(Expiry::parse("-1"), Expiry::Never);
    assert_eq!(Expiry::parse("1970-01-02 00:01"), at(86_460));
    assert_eq!(Expiry::parse("2000-02-29 12:00"), at(951_825_600));
    assert_eq!(Expiry::parse("2026-03-01 00:00"), at(1_772_323_200));
    for bad in [
        "soon",
        "2026-13-01 00:00",
        "2026-02-29 00:00",
        "2026-1-1 0:0",
        "2026-01-01",
        "2026-01-01 24:00",
        "2026-01-01T00:00",
    ] {
        assert_eq!(Expiry::parse(bad), Expiry::Unreadable, "{bad}");
    }
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
    let past =
        [Expiry::Never, at(101), at(100), at(99), Expiry::Unreadable].map(|expiry| expiry.is_past(now));
    assert_eq!(past, [false, false, true, true, true]);
}

#[test]
fn listen_paths_take_their_normal_form() {
    for (path, normal) in [
        ("", ""),
        ("foo", "/foo"),
        ("/foo/../bar/", "/bar/"),
        ("//a/./b", "/a/b"),
        ("/", "/"),
        ("/{p:foo|bar}", "/{p:foo|bar}"),
        ("$kv{env:x}", "$kv{env:x}"),
        ("vault://x", "vault://x"),
    ] {
        assert_eq!(normalise_listen_path(path), normal, "{path}");
    }
}

#[test]
fn listen_paths_that_cannot_be_routed() {
    for path in ["/a", "/", "/{x}/b", "/{p:foo|bar}", "/{id:[0-9]{1,3}}/", "/{p:(?:a|b)}", "/é"] {
        assert_eq!(listen_path_fault(path), None, "{path}");
    }
    for path in
        ["", "/a b", "a", "/{x", "/x}", "/}{", "/{}", "/{x:}", "/{:a}", "/{x:(a)}", "/{x:[}", "/{x:(?=a)}"]
    {
        assert!(listen_path_fault(path).is_some(), "{path}");
    }
    assert_eq!(template_fault("{tenant}.example.com"), None);
    assert!(template_fault("{tenant.example.com").is_some());
}

#[test]
fn the_version_of_an_api_without_versions() {
    let choose = |versions: Value| {
        let definition = read(&with("/version_data/versions", versions));
        definition.version_data.only().map(|(key, version)| (key.to_owned(), version.name.clone()))
    };
    let one = |key: &str, name: &str| Ok((key.to_owned(), name.to_owned()));
    assert_eq!(choose(json!({ "odd": { "name": "n" } })), one("odd", "n"));
    assert_eq!(choose(json!({ "v1": {}, "Default": { "name": "d" } })), one("Default", "d"));
    assert_eq!(choose(json!({ "v1": {}, "default": { "name": "d" } })), one("default", "d"));
    assert_eq!(choose(json!({ "v1": {}, "": { "name": "d" } })), one("", "d"));
    assert_eq!(choose(json!({ "Default": {}, "default": {} })), Err(NoVersion::Ambiguous));
    assert_eq!(choose(json!({ "": {}, "default": {}, "v": {} })), Err(NoVersion::Ambiguous));
    assert_eq!(choose(json!({ "a": {}, "b": {} })), Err(NoVersion::Missing));
    assert_eq!(choose(json!({})), Err(NoVersion::Missing));
}

#[test]
fn endpoint_rules_are_seen_alike() {
    let definition = read(&with_rule(
        "url_rewrites",
        json!([{ "path": "/off", "disabled": true }, { "path": "/on", "method": "GET" }]),
    ));
    let endpoints = definition.version_data.versions["Default"].extended_paths.endpoints();
    let seen: Vec<_> = endpoints.iter().map(|rule| (rule.kind, rule.index, rule.path, rule.method)).collect();
    assert_eq!(seen, [("url_rewrites", 1, "/on", "GET")]);
}
