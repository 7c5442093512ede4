use super::*;

fn found<'t>(pattern: &str, text: &'t str) -> Option<&'t str> {
    compile(pattern).unwrap().find(text).map(|found| found.as_str())
}

#[test]
fn perl_classes_know_ascii_only() {
    assert_eq!(found(r"\w+", "é_a1"), Some("_a1"));
    assert_eq!(found(r"^\d$", "٣"), None);
    assert_eq!(found(r"[\w-]+", "é-x"), Some("-x"));
    assert_eq!(found(r"[^\s/]+", "/ab c"), Some("ab"));
    assert_eq!(found(r"\W+", "aé!b"), Some("é!"));
    assert_eq!(found(r"[\D]+", "12ab"), Some("ab"));
    assert_eq!(found(r"\bv1\b", "/v1/"), Some("v1"));
    assert_eq!(found(r"\s", "\u{b}"), None);
}

#[test]
fn not_a_word_boundary_matches_inside_words() {
    assert_eq!(found(r"\Bb", "ab"), Some("b"));
    assert_eq!(found(r"\Bb", "b"), None);
}

#[test]
fn a_brace_that_is_no_repetition_is_plain() {
    assert_eq!(found(r#""op":{"#, r#"{"op":{}"#), Some(r#""op":{"#));
    assert_eq!(found("a{b}", "a{b}"), Some("a{b}"));
    assert_eq!(found("a{,2}", "aa{,2}"), Some("a{,2}"));
    assert_eq!(found("a{2}", "aa"), Some("aa"));
    assert_eq!(found("a{2,}", "aaa"), Some("aaa"));
    assert_eq!(found("a{1,2}", "aaa"), Some("aa"));
}

#[test]
fn class_members_are_plain() {
    assert_eq!(found("[[a]+", "x[a"), Some("[a"));
    assert_eq!(found("[]a]+", "x]a"), Some("]a"));
    assert_eq!(found("[^]a]+", "]x"), Some("x"));
    assert_eq!(found("[a&&b~~]+", "x&~b"), Some("&~b"));
    assert_eq!(found("[[:digit:]x]+", "a1x"), Some("1x"));
}

#[test]
fn quoted_and_escaped_text() {
    assert_eq!(found(r"\Qa.b(\E.", "xa.b(c"), Some("a.b(c"));
    assert_eq!(found(r"\Qa.b", "a.b"), Some("a.b"));
    assert_eq!(found(r"\<a\>", "<a>"), Some("<a>"));
    assert_eq!(found(r"\/a\.b", "/a.b"), Some("/a.b"));
    assert_eq!(found(r"\x{e9}", "é"), Some("é"));
}

#[test]
fn errors_stay_errors() {
    for bad in ["(", "[a", "*", r"\C", r"(?=a)", "\\"] {
        assert!(compile(bad).is_err(), "{bad}");
    }
}
