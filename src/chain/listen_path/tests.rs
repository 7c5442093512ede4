use super::*;

fn listen(text: &str) -> ListenPath {
    ListenPath::compile(text).unwrap()
}

#[test]
fn bad_listen_paths_are_refused() {
    let reason = |text: &str| ListenPath::compile(text).unwrap_err();
    assert_eq!(reason(""), TemplateError::Empty);
    assert_eq!(reason("/a b"), TemplateError::Space);
    assert_eq!(reason("kv://x"), TemplateError::NotRooted);
    for text in ["/{a", "/a}", "/}{", "/{a}}"] {
        assert_eq!(reason(text), TemplateError::Braces, "{text}");
    }
    for text in ["/{}", "/{:x}", "/{x:}"] {
        assert_eq!(reason(text), TemplateError::Incomplete(text.into()));
    }
    assert_eq!(reason("/{a:(x|y)}"), TemplateError::Captures("(x|y)".into()));
    assert!(matches!(reason("/{a:[x}"), TemplateError::Pattern { .. }));
}

#[test]
fn templates_match_at_the_start() {
    let matches = |listen_path: &str, path: &str| listen(listen_path).template().unwrap().is_match(path);
    assert!(matches("/t/{id}/x", "/t/abc/x/rest"));
    assert!(!matches("/t/{id}/x", "/t/a/b/x"));
    assert!(!matches("/t/{id}/x", "/u/t/abc/x"));
    assert!(matches("/t/{id:[0-9]{2}}.v", "/t/12.v"));
    assert!(!matches("/t/{id:[0-9]{2}}.v", "/t/12-v"));
    assert!(matches("/{p:(?:foo|bar)}x", "/barx"));
    assert!(!matches("/{p:foo|bar}x", "/foo"));
    assert!(listen("/plain").template().is_none());
}

#[test]
fn sorting_counts_what_is_fixed() {
    let sorted = [
        "/path/specific/endpoint",
        "/path/{param}/endpoint",
        "/foo-bar-baz",
        "/bar/id/baz",
        "/bar/{id}/baz/{id}",
    ];
    let lengths: Vec<_> = sorted.iter().map(|path| listen(path).sort_length()).collect();
    assert!(lengths.is_sorted_by(|one, other| one > other), "{lengths:?}");
    assert_eq!(listen("/a{id}/").sort_length(), 7);
}

#[test]
fn stripping() {
    for (listen_path, path, rest) in [
        ("/listen", "/listen/get", "/get"),
        ("/listen/", "/listen/get", "/get"),
        ("/app", "/apple/x", "/le/x"),
        ("/app", "/app", "/"),
        ("/app/", "/app", "/app"),
        ("/app/", "/app/", "/"),
        ("/", "/x", "/x"),
        ("/app", "/other", "/other"),
        ("/app", "x", "/x"),
        ("/app", "", "/"),
        ("/t/{id}/x", "/t/abc/x/rest", "/rest"),
        ("/t/{id:[0-9]+}", "/t/12a", "/a"),
        ("/t/{id}/x", "/t/abc/y", "/t/abc/y"),
        ("/{p:foo|bar}", "/anything/get", "/anything/get"),
        ("/t/{id}", "/t/{id}/x", "/x"),
        ("/é", "/éé/x", "/é/x"),
    ] {
        assert_eq!(listen(listen_path).strip(path), rest, "{listen_path} {path}");
    }
}

#[test]
fn stripping_mostly_borrows() {
    assert!(matches!(listen("/app/").strip("/app/x"), Cow::Borrowed("/x")));
    assert!(matches!(listen("/app").strip("/app/x"), Cow::Borrowed("/x")));
}

#[test]
fn patterns_are_re2() {
    assert!(!listen("/{id:\\d+}").template().unwrap().is_match("/٣"));
    assert!(listen("/a-b.c~&#[]/{id:\\d+}").template().unwrap().is_match("/a-b.c~&#[]/3"));
}
