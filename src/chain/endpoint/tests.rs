use super::*;

const PLAIN: PathStyle = PathStyle { prefix: false, suffix: false, ignore_case: false };
const PREFIX: PathStyle = PathStyle { prefix: true, ..PLAIN };
const BOTH: PathStyle = PathStyle { suffix: true, ..PREFIX };

fn paths(listen_path: &str, versioning: &Versioning) -> EndpointPaths {
    EndpointPaths::new(ListenPath::compile(listen_path).unwrap(), VersionStrip::compile(versioning).unwrap())
}

fn table(style: PathStyle, entries: &[(&str, &str)]) -> Endpoints<usize> {
    let mut builder = EndpointsBuilder::default();
    for (number, (method, path)) in entries.iter().enumerate() {
        builder.add(Place { path, method, style }, number).unwrap();
    }
    builder.build().unwrap()
}

fn hit(style: PathStyle, pattern: &str, path: &str) -> bool {
    let all = paths("/", &Versioning::default());
    table(style, &[("GET", pattern)]).find("GET", &all.for_endpoints(path)).is_some()
}

#[test]
fn configured_paths_become_these_patterns() {
    for (path, plain, prefix, both) in [
        ("/users", "/users", "^/users", "^/users$"),
        ("users", "users", "users", "users$"),
        ("/users/{id}", "/users/([^/]+)", "^/users/([^/]+)", "^/users/([^/]+)$"),
        ("/items/*", "/items/.*", "^/items/.*", "^/items/.*$"),
        ("/a/*/b", "/a/[^/]+/b", "^/a/[^/]+/b", "^/a/[^/]+/b$"),
        ("^/test", "^/test", "^/test", "^/test$"),
        ("/users*.", "/users*.", "^/users*.", "^/users*.$"),
        ("/v1/{.*}", "/v1/([^/]+)", "^/v1/([^/]+)", "^/v1/([^/]+)$"),
        (r"/id/\d{3}", r"/id/\d([^/]+)", r"^/id/\d([^/]+)", r"^/id/\d([^/]+)$"),
        ("/a$", "/a$", "^/a$", "^/a$"),
        ("/open{", "/open{", "^/open{", "^/open{$"),
        ("", "", "", "$"),
    ] {
        assert_eq!(PLAIN.pattern(path), plain);
        assert_eq!(PREFIX.pattern(path), prefix);
        assert_eq!(BOTH.pattern(path), both);
    }
    assert_eq!(PREFIX.ignoring_case(true).pattern("/A"), "(?i)^/A");
}

#[test]
fn searches_are_unanchored_unless_asked() {
    for (style, pattern, path, expected) in [
        (PLAIN, "/baz/{id}", "/baz/1", true),
        (PLAIN, "/baz/{id}", "/baz/1/bazz", true),
        (PLAIN, "/baz/{id}", "/baz", false),
        (PLAIN, "/baz/{id}", "/baz/", false),
        (PLAIN, "/foo/{id}$", "/foo/1/bar", false),
        (PLAIN, "/get", "/widgets/getall", true),
        (PREFIX, "/get", "/widgets/getall", false),
        (PLAIN, "/anything", "/status/200/anything", true),
        (PREFIX, "/anything", "/status/200/anything", false),
        (BOTH, "/anything", "/anything/health", false),
        (PLAIN, "", "/whatever", true),
        (PLAIN, "/No", "/no", false),
        (PLAIN.ignoring_case(true), "/No", "/no", true),
    ] {
        assert_eq!(hit(style, pattern, path), expected, "{pattern} on {path}");
    }
}

#[test]
fn the_first_entry_with_the_method_wins_among_few_and_many() {
    let few = [("GET", "/a/b"), ("get", "/a"), ("", "/a"), ("GET", "/a"), ("POST", "/a")];
    let many: Vec<_> = few.iter().copied().chain([("PUT", "/z"); 40]).collect();
    let all = paths("/", &Versioning::default());
    for entries in [&few[..], &many] {
        let table = table(PLAIN, entries);
        assert_eq!(table.find("GET", &all.for_endpoints("/a/c")), Some(&3));
        assert_eq!(table.find("GET", &all.for_endpoints("/a/b")), Some(&0));
        assert_eq!(table.find("POST", &all.for_endpoints("/a/b")), Some(&4));
        assert_eq!(table.find("DELETE", &all.for_endpoints("/a/b")), None);
        assert_eq!(table.find("GET", &all.for_endpoints("/nothing")), None);
        let candidates = all.for_lists("/a");
        let found: Vec<_> = table.matches(&candidates).map(|(method, number)| (method, *number)).collect();
        assert_eq!(found, [("get", 1), ("", 2), ("GET", 3), ("POST", 4)]);
    }
}

#[test]
fn a_broken_path_is_a_problem() {
    let mut builder = EndpointsBuilder::default();
    let problem = builder.add(Place { path: "/x(", method: "GET", style: PLAIN }, ()).unwrap_err();
    assert!(problem.message.contains("/x("), "{problem}");
    assert!(builder.build().is_none());
}

fn shown(candidates: Candidates<'_>) -> Vec<String> {
    candidates.0.into_iter().flatten().map(Cow::into_owned).collect()
}

#[test]
fn paths_are_tried_without_listen_path_and_version() {
    let plain = paths("/app/", &Versioning::default());
    assert_eq!(shown(plain.for_lists("/app/v1/x")), ["/v1/x", "/app/v1/x"]);
    assert_eq!(shown(plain.for_endpoints("/app/v1/x")), ["/v1/x"]);
    assert_eq!(shown(plain.for_endpoints("/app/app/x")), ["/x", "/app/x"]);
    assert_eq!(shown(plain.for_lists("/other/x")), ["/other/x"]);

    let glued = paths("/app", &Versioning::default());
    assert_eq!(shown(glued.for_lists("/apple/x")), ["/le/x", "/apple/x"]);

    let root = paths("/", &Versioning::default());
    assert_eq!(shown(root.for_endpoints("/x")), ["/x"]);

    let versioning = Versioning { strip_versioning_data: true, ..Versioning::default() };
    let versioned = paths("/app/", &versioning);
    assert_eq!(shown(versioned.for_lists("/app/v1/x")), ["/x", "/v1/x", "/app/v1/x"]);
    assert_eq!(shown(versioned.for_endpoints("/app/v1")), ["/", "/v1"]);

    let versioning = Versioning { url_versioning_pattern: "^v[0-9]$".into(), strip_path: true, ..versioning };
    let picky = paths("/app/", &versioning);
    assert_eq!(shown(picky.for_endpoints("/app/v1/x")), ["/x", "/v1/x"]);
    assert_eq!(shown(picky.for_endpoints("/app/users/x")), ["/users/x"]);
}
