use super::*;

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

#[test]
fn secrets_are_the_same_only_when_equal() {
    assert!(same(b"", b"") && same(b"s3cret", b"s3cret"));
    assert!(!same(b"s3creT", b"s3cret") && !same(b"s3cre", b"s3cret") && !same(b"", b"s3cret"));
}
