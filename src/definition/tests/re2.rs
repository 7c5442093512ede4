use proptest::prelude::*;
use regex::Regex;

use crate::definition::re2;

#[test]
fn patterns_mean_what_they_mean_in_go() {
    for (pattern, matching, not) in [
        (r"^\w+$", "az_09", "é"),
        (r"^\d+$", "42", "٤٢"),
        (r"^\s$", " ", "\u{a0}"),
        (r"^\W$", "é", "a"),
        (r"^[\w-.]+$", "a-b.c", "a/b"),
        (r"^[^\s/]+$", "a\u{a0}b", "a b"),
        (r"^[\D]$", "x", "1"),
        (r"\bx\b", "éxé", "axa"),
        (r#"{"foo":"(\w+)"}"#, r#"{"foo":"bar"}"#, "foo"),
        (r"^a{2,3}$", "aaa", "a"),
        (r"^a{,3}$", "a{,3}", "aaa"),
        (r"^a{x}$", "a{x}", "a"),
        (r"^[[a]+$", "[a", "b"),
        (r"^[a&&b]+$", "a&b", "c"),
        (r"^[--z]$", "A", "+"),
        (r"^[+--]$", ",", "a"),
        (r"^[a-]+$", "-a", "b"),
        (r"^[]a]+$", "]a", "["),
        (r"^[^]]$", "a", "]"),
        (r"^[[:alpha:]-]+$", "ab-", "1"),
        (r"^\Qa.b{\E+$", "a.b{{", "axb{"),
        (r"^\Q[x", "[x", "x"),
        (r"^\x{41}\pL\p{Lu}$", "AéB", "AéB1"),
        (r"(?i)^/ABC", "/abc", "/ab"),
        (r"^[\[\]]$", "]", "a"),
        (r"^\{\}$", "{}", "{"),
        (r"^\<a\>$", "<a>", "a"),
        (r"^\101\x42$", "AB", "a"),
        (r"^[\101-C]$", "B", "D"),
        (r"a\Bé?b", "ab", "aéb"),
        (r"^\w{2}\.[a-z]{2,}$", "ab.cd", "abc.d"),
    ] {
        let regex = re2::compile(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        assert!(regex.is_match(matching), "{pattern} {matching} {regex}");
        assert!(!regex.is_match(not), "{pattern} {not} {regex}");
    }
}

#[test]
fn many_patterns_are_one_search() {
    let set = re2::compile_set([r"^/a{x}", r"^/[\w-.]+$"]).unwrap();
    assert_eq!(set.matches("/b-c").iter().collect::<Vec<_>>(), [1]);
    assert!(re2::compile_set(["("]).is_err());
}

#[test]
fn what_go_refuses_is_refused() {
    for pattern in ["(", "[a", r"(?=x)", r"(a)\1", "*", "[z-a]", r"\", "a{1001}{1001}{1001}"] {
        assert!(re2::compile(pattern).is_err(), "{pattern}");
    }
}

proptest! {
    #[test]
    fn a_pattern_without_the_differences_stays_as_it_is(pattern in r"([a-z/.*+?|()^$]|\[[a-z]\]|\\[./-]|[a-z]\{[1-3]\}){0,12}") {
        match (Regex::new(&pattern), re2::compile(&pattern)) {
            (Ok(plain), Ok(made)) => prop_assert_eq!(plain.as_str(), made.as_str()),
            (plain, made) => prop_assert_eq!(plain.is_err(), made.is_err()),
        }
    }

    #[test]
    fn no_pattern_makes_it_panic(pattern in r"[\[\]{}\\:^a-cQEpx&~,0-9-]{0,16}") {
        let _ = re2::compile(&pattern);
    }
}
