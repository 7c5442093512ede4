use bytes::Bytes;
use http::HeaderMap;

use super::*;
use crate::config::Secret;

#[test]
fn a_path_matches_its_pattern_segment_by_segment() {
    assert_eq!(matches("apis", "apis"), Some(["", ""]));
    assert_eq!(matches("apis/{id}/status", "apis/a-1/status"), Some(["a-1", ""]));
    assert_eq!(matches("a/{id}/b/{id}", "a/1/b/2"), Some(["1", "2"]));
    for path in ["apis/a", "apis/a/status/x", "keys/a/status", ""] {
        assert_eq!(matches("apis/{id}/status", path), None, "{path}");
    }
}

#[test]
fn every_route_can_be_reached() {
    for (index, (method, pattern, _)) in ROUTES.iter().enumerate() {
        let path = pattern.replace("{id}", "some-id");
        let first = ROUTES.iter().position(|(m, p, _)| m == method && matches(p, &path).is_some());
        assert_eq!(first, Some(index), "{pattern} is hidden by a line above it");
    }
}

fn admitted(secret: &str, allow_empty: bool, given: Option<&str>) -> bool {
    let mut config = Config::built_in();
    config.secret = Secret::new(secret);
    config.pinhook.allow_empty_secret = allow_empty;
    let mut headers = HeaderMap::new();
    if let Some(given) = given {
        headers.insert("x-tyk-authorization", given.parse().unwrap());
    }
    let request = ControlRequest {
        method: &Method::GET,
        path: "/tyk/apis",
        query: "",
        headers: &headers,
        body: Bytes::new(),
        client: None,
        tls: false,
    };
    authorised(&config, &request)
}

#[test]
fn only_the_whole_secret_admits() {
    assert!(admitted("s3cret", false, Some("s3cret")));
    for given in [None, Some(""), Some("s3creT"), Some("s3cre"), Some("s3cret ")] {
        assert!(!admitted("s3cret", true, given), "{given:?}");
    }
}

#[test]
fn without_a_secret_nobody_is_admitted_unless_the_config_says_so() {
    for given in [None, Some(""), Some("x")] {
        assert!(!admitted("", false, given), "{given:?}");
    }
    assert!(admitted("", true, None) && admitted("", true, Some("")));
    assert!(!admitted("", true, Some("x")));
}
