use super::*;
use crate::error::Error;

fn target(text: &str) -> Url {
    Url::from_target(text.as_bytes()).unwrap()
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

#[test]
fn a_plain_target_needs_no_second_form() {
    let url = target("/a/b;c=1?x=1&y=%20");
    assert_eq!((url.path(), url.raw_path(), url.query()), ("/a/b;c=1", None, "x=1&y=%20"));
    assert!(matches!(url.request_uri(), Cow::Borrowed("/a/b;c=1?x=1&y=%20")));
}

#[test]
fn the_raw_path_is_kept_only_where_the_default_escaping_differs() {
    for (sent, path, raw) in [
        ("/a%20b", "/a b", None),
        ("/caf%C3%A9", "/café", None),
        ("/caf%c3%a9", "/café", Some("/caf%c3%a9")),
        ("/a%2Fb", "/a/b", Some("/a%2Fb")),
        ("/a(b)", "/a(b)", Some("/a(b)")),
        ("/a%28b%29", "/a(b)", None),
        ("/a%3Fb", "/a?b", None),
        ("/a#b", "/a#b", Some("/a#b")),
    ] {
        let url = target(sent);
        assert_eq!((url.path(), url.raw_path()), (path, raw), "{sent}");
    }
}

#[test]
fn the_upstream_sees_what_was_recorded_of_the_peer() {
    // golden: routing/path-escaping-default, routing/skip-target-path-escaping, routing/strip-listen-path
    for (sent, by_default, skipping) in [
        ("/a(b)", "/a%28b%29", "/a(b)"),
        ("/a%28b%29", "/a%28b%29", "/a%28b%29"),
        ("/caf%C3%A9", "/caf%C3%A9", "/caf%C3%A9"),
        ("/a%2Fb", "/a%2Fb", "/a%2Fb"),
        ("/a+b%2Bc", "/a+b%2Bc", "/a+b%2Bc"),
        ("/x;y=1", "/x;y=1", "/x;y=1"),
        ("/a%3Fb", "/a%3Fb", "/a%3Fb"),
        ("/a%20b/c%2Fd", "/a%20b/c%2Fd", "/a%20b/c%2Fd"),
        ("/a(b)%2Fc?q=(", "/a(b)%2Fc?q=(", "/a(b)%2Fc?q=("),
    ] {
        let url = target(sent);
        assert_eq!(url.upstream_uri(false), by_default, "{sent}");
        assert_eq!(url.upstream_uri(true), skipping, "{sent}");
    }
}

#[test]
fn bytes_that_are_no_utf8_reach_the_upstream() {
    for sent in ["/a%FFb", "/%C3/x%2Fy?q=%FF"] {
        let url = target(sent);
        assert!(url.path().contains('\u{fffd}'));
        assert_eq!(url.upstream_uri(false), sent);
        assert_eq!(url.upstream_uri(true), sent);
    }
    let literal = Url::from_target(b"/a\xFF\"%2F?q=\xFE&caf\xC3\xA9").unwrap();
    assert_eq!(literal.upstream_uri(false), "/a%FF%22%2F?q=%FE&café");
}

#[test]
fn unescaped_text_is_escaped_for_the_upstream() {
    let url = target("/café\"<");
    assert_eq!(url.path(), "/café\"<");
    assert_eq!(url.request_uri(), "/caf%C3%A9%22%3C");
}

#[test]
fn a_malformed_target_is_a_400() {
    let reason = |sent: &[u8]| Url::from_target(sent).unwrap_err();
    assert_eq!(reason(b"/a%zz"), ParseError::Escape("%zz".into()));
    assert_eq!(reason(b"/a%2"), ParseError::Escape("%2".into()));
    assert_eq!(reason(b"/a%"), ParseError::Escape("%".into()));
    assert_eq!(reason(b"/a%\xff\xff"), ParseError::Escape("%\u{fffd}\u{fffd}".into()));
    assert_eq!(reason(b"/a\x01"), ParseError::Control);
    assert_eq!(reason(b"/a?b\x7f"), ParseError::Control);
    assert_eq!(reason(b""), ParseError::Empty);
    assert_eq!(reason(b"a/b"), ParseError::NotRooted);
    assert_eq!(reason(b"?x"), ParseError::NotRooted);
    assert_eq!(reason(b"host:443"), ParseError::Opaque("host".into()));
    assert_eq!(Error::from(reason(b"/%")).status(), 400);
}

#[test]
fn a_malformed_escape_in_the_query_is_the_upstreams_affair() {
    assert_eq!(target("/a?b=%zz").request_uri(), "/a?b=%zz");
}

#[test]
fn targets_may_be_absolute_or_a_star() {
    let absolute = target("HTTP://Host.example:81/a%2Fb?c");
    assert_eq!((absolute.scheme(), absolute.host()), ("http", "Host.example:81"));
    assert_eq!(absolute.request_uri(), "/a%2Fb?c");
    assert_eq!(target("http://h").request_uri(), "/");
    assert_eq!(target("http://h?x").request_uri(), "/?x");
    assert_eq!((target("*").path(), &*target("*").request_uri()), ("*", "*"));
    let double = target("//host/a");
    assert_eq!((double.host(), double.path()), ("", "//host/a"));
}

#[test]
fn a_question_mark_alone_is_kept() {
    let url = target("/a?");
    assert!(url.has_query());
    assert_eq!((url.query(), &*url.request_uri()), ("", "/a?"));
    assert_eq!(target("/a??").query(), "?");
}

#[test]
fn written_urls_are_absolute_or_relative() {
    let absolute = url("http://user:pa%20ss@10.0.0.7:9000/base/x?y=1#part");
    assert_eq!((absolute.scheme(), absolute.host()), ("http", "10.0.0.7:9000"));
    assert_eq!((absolute.path(), absolute.query()), ("/base/x", "y=1"));
    assert_eq!(absolute.to_string(), "http://10.0.0.7:9000/base/x?y=1");
    let relative = url("x/y?z");
    assert_eq!((relative.host(), relative.path(), relative.query()), ("", "x/y", "z"));
    let network = url("//host/x");
    assert_eq!((network.scheme(), network.host(), network.path()), ("", "host", "/x"));
    assert_eq!(url("///x").path(), "///x");
    assert_eq!((url("https:///x").host(), url("https:///x").path()), ("", "/x"));
    assert_eq!((url("tyk://self/a").scheme(), url("tyk://self/a").host()), ("tyk", "self"));
    assert_eq!(url("").path(), "");
    assert_eq!(url("http://[::1]:80/").host(), "[::1]:80");
    assert_eq!(url("10.0.0.7%3A9000/g").path(), "10.0.0.7:9000/g");
    assert_eq!(url("10.0.0.7%3A9000/g").raw_path(), Some("10.0.0.7%3A9000/g"));
}

#[test]
fn malformed_urls_are_refused() {
    let reason = |text: &str| Url::parse(text).unwrap_err();
    assert_eq!(reason("10.0.0.7:9000/x"), ParseError::Colon);
    assert_eq!(reason("localhost:8080/x"), ParseError::Opaque("localhost".into()));
    assert_eq!(reason("://x"), ParseError::NoScheme);
    assert_eq!(reason("http://h:8a/"), ParseError::Host("h:8a".into()));
    assert_eq!(reason("http://h h/"), ParseError::Host("h h".into()));
    assert_eq!(reason("http://[::1/"), ParseError::Host("[::1".into()));
    assert_eq!(reason("http://h[/"), ParseError::Host("h[".into()));
    assert_eq!(reason("http://h:1:2/"), ParseError::Host("h:1:2".into()));
    assert_eq!(reason("http://%41/"), ParseError::Escape("%41".into()));
    assert_eq!(reason("http://u\"@h/"), ParseError::User);
    assert_eq!(reason("/x%"), ParseError::Escape("%".into()));
    assert_eq!(reason("/x#%q"), ParseError::Escape("%q".into()));
    assert_eq!(reason("/x\n"), ParseError::Control);
}

#[test]
fn changing_the_path_changes_both_forms() {
    let mut url = target("/app/a%2Fb?q");
    url.map_path(|path| Cow::Borrowed(path.strip_prefix("/app").unwrap_or(path)));
    assert_eq!((url.path(), url.raw_path(), &*url.request_uri()), ("/a/b", Some("/a%2Fb"), "/a%2Fb?q"));
    url.set_path("/c d", None);
    assert_eq!((url.path(), &*url.request_uri()), ("/c d", "/c%20d?q"));
    url.set_path("/e", Some("/not%20e"));
    assert_eq!(url.request_uri(), "/e?q", "an escaped form of another path does not count");
    url.set_query("z=1");
    assert_eq!((url.path(), &*url.request_uri()), ("/e", "/e?z=1"));
    url.set_query("");
    assert!(!url.has_query());
}

#[test]
fn join_trims_the_joint() {
    let request = |text: &str| if text.starts_with('/') { target(text) } else { url(text) };
    for (a, b, plain, flagged) in [
        ("/foo/", "/", "/foo", "/foo/"),
        ("/foo//", "//bar/", "/foo/bar/", "/foo/bar/"),
        ("/", "/", "", "/"),
        ("", "/x", "/x", "/x"),
        ("/base", "x", "/base/x", "/base/x"),
        ("/base/", "", "/base", "/base/"),
    ] {
        assert_eq!(url(a).join(&request(b), false).path(), plain, "{a} {b}");
        assert_eq!(url(a).join(&request(b), true).path(), flagged, "{a} {b}");
    }
}

#[test]
fn join_keeps_origin_escapes_and_both_queries() {
    let joined = url("http://h:1/t%2Fu?k=1").join(&target("/a%2Fb?x=1"), false);
    assert_eq!(joined.to_string(), "http://h:1/t%2Fu/a%2Fb?k=1&x=1");
    assert_eq!(url("http://h/t%2Fu").join(&target("/a"), false).upstream_uri(false), "/t%2Fu/a");
    assert_eq!(url("http://h/t u").join(&target("/a(b)"), false).path(), "/t u/a(b)");
    assert_eq!(url("http://h?k").join(&target("/"), false).request_uri(), "/?k");
    assert_eq!(url("http://h").join(&target("/?"), false).request_uri(), "/?");
    let mut rewritten = url("http://other/x?y=1");
    rewritten.prepend_query("k=1");
    rewritten.prepend_query("");
    assert_eq!(rewritten.request_uri(), "/x?k=1&y=1");
}

#[test]
fn unclean_paths_are_redirected() {
    for (sent, location) in [
        ("/w2//a//b?x=1", "/w2/a/b?x=1"),
        ("/w2/a/../b", "/w2/b"),
        ("/w2/./a/", "/w2/a/"),
        ("/a%2F%2Fb", "/a/b"),
        ("/%2e%2e/x", "/x"),
        ("//", "/"),
        ("/..", "/"),
        ("/a/..?", "/?"),
        ("/a%20b/.", "/a%20b"),
        ("*", "/%2A"),
        ("http://h", "http://h/"),
        ("//evil.example/x", "/evil.example/x"),
    ] {
        assert_eq!(target(sent).redirect().as_deref(), Some(location), "{sent}");
    }
    for clean in ["/", "/a", "/a/", "/.well-known/x", "/a/..b", "/a/.b/c", "/a%2Fb", "/a?x=//"] {
        assert_eq!(target(clean).redirect(), None, "{clean}");
    }
}

#[test]
fn values_follow_go() {
    let query = "b=2&a=1+x&b=%33&&c;d=1&bad=%zz&%zz=1&empty&e=%FF&=v";
    let mut values = Values::parse(query);
    assert_eq!(values.get("a").unwrap(), "1 x");
    assert_eq!(values.all("b").collect::<Vec<_>>(), ["2", "3"]);
    assert_eq!(values.get("empty").unwrap(), "");
    assert_eq!(values.get("e").unwrap(), "\u{fffd}");
    assert!(values.get("bad").is_none() && values.get("d").is_none() && values.get("c;d").is_none());
    assert!(values.remove("b"));
    assert!(!values.remove("b"));
    assert_eq!(values.encode(), "=v&a=1+x&e=%FF&empty=");
    assert_eq!(target("/?z=1&a=2&z=0").values().encode(), "a=2&z=1&z=0");
}

#[test]
fn query_escapes() {
    assert_eq!(query_escape("a b&c=d/é~"), "a+b%26c%3Dd%2F%C3%A9~");
    assert_eq!(query_unescape("a+b%26").as_deref(), Some("a b&"));
    assert_eq!(query_unescape("%2"), None);
    assert_eq!(path_unescape("a+b").as_deref(), Some("a+b"));
}

#[test]
fn loop_names_come_from_the_name_before_its_categories() {
    assert_eq!(loop_name("hidden api"), "hidden-api");
    assert_eq!(loop_name("__api__"), "-api-");
    assert_eq!(loop_name("orders #internal #eu"), "orders");
    assert_eq!(loop_name("#x"), "");
    assert_eq!(loop_host("a_b..c"), "a-b-c");
}

#[test]
fn a_relative_path_does_not_read_as_a_scheme() {
    assert_eq!(url("./a:b").to_string(), "./a:b");
    assert_eq!(url("a%3Ab/c").to_string(), "a%3Ab/c");
}
