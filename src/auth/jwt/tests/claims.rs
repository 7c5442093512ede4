use std::time::{Duration, UNIX_EPOCH};

use serde_json::json;

use crate::auth::jwt::claims::{self, Claims, Skews};

fn of(text: &str) -> Claims {
    serde_json::from_str(text).unwrap()
}

#[test]
fn claims_are_found_by_name_then_by_path() {
    let claims = of(r#"{"a.b":1,"a":{"b":2,"c":{"d":3}},"x":"y"}"#);
    for (name, found) in [
        ("a.b", Some(json!(1))),
        ("a.c.d", Some(json!(3))),
        ("x", Some(json!("y"))),
        ("a.c.e", None),
        ("x.y", None),
        ("", None),
    ] {
        assert_eq!(claims::find(&claims, name).cloned(), found, "{name}");
    }
}

#[test]
fn an_identity_is_the_base_claim_or_the_subject() {
    let named =
        |text: &str, base: &str| claims::identity(&of(text), base).map_err(|nobody| nobody.to_string());
    let none = Err("no suitable claims for user ID were found".to_owned());
    for (text, base, expected) in [
        (r#"{"user":"u","sub":"s"}"#, "user", Ok("u".to_owned())),
        (r#"{"app":{"user":"u"}}"#, "app.user", Ok("u".to_owned())),
        (r#"{"sub":"s"}"#, "user", Ok("s".to_owned())),
        (r#"{"user":42,"sub":"s"}"#, "user", Ok("s".to_owned())),
        (r#"{"user":"u","sub":"s"}"#, "", Ok("s".to_owned())),
        (
            r#"{"user":""}"#,
            "user",
            Err("found an empty user ID in predefined base claim, claim: user".to_owned()),
        ),
        (r#"{"sub":""}"#, "user", Err("found an empty user ID in sub claim".to_owned())),
        (r#"{"user":42}"#, "user", none.clone()),
        (r#"{"sub":42}"#, "", none.clone()),
        ("{}", "user", none),
    ] {
        assert_eq!(named(text, base), expected, "{text} by {base:?}");
    }
}

#[test]
fn scopes_are_a_text_or_a_list() {
    for (text, name, expected) in [
        (r#"{"scope":"read  write"}"#, "scope", vec!["read", "write"]),
        (r#"{"scope":["read",["write"],1]}"#, "scope", vec!["read", "write"]),
        (r#"{"app":{"roles":["a b"]}}"#, "app.roles", vec!["a b"]),
        (r#"{"scope":7}"#, "scope", vec![]),
        (r#"{"scope":""}"#, "scope", vec![]),
        ("{}", "scope", vec![]),
    ] {
        assert_eq!(claims::scopes(&of(text), name), expected, "{text}");
    }
}

#[test]
fn the_first_claim_of_a_client_counts_if_it_is_a_text() {
    for (text, expected) in [
        (r#"{"client_id":"c","cid":"b","clientId":"a"}"#, Some("a")),
        (r#"{"client_id":"c","cid":"b"}"#, Some("b")),
        (r#"{"client_id":"c"}"#, Some("c")),
        (r#"{"clientId":1,"cid":"b"}"#, None),
        ("{}", None),
    ] {
        assert_eq!(claims::client(&of(text)), expected, "{text}");
    }
}

#[test]
fn a_token_counts_within_its_times() {
    const EXPIRED: Option<&str> = Some("Key not authorized: token has expired");
    const EARLY: Option<&str> = Some("Key not authorized: token used before issued");
    const NOT_YET: Option<&str> = Some("Key not authorized: token is not valid yet");
    let now = UNIX_EPOCH + Duration::from_secs(1000);
    let at = |text: &str, skews: &Skews| claims::out_of_time(&of(text), skews, now);
    let none = Skews::default();
    for (text, expected) in [
        ("{}", None),
        (r#"{"exp":1001,"iat":1000,"nbf":1000}"#, None),
        (r#"{"exp":1000}"#, EXPIRED),
        (r#"{"exp":999.5}"#, EXPIRED),
        (r#"{"exp":0,"iat":0,"nbf":0}"#, None),
        (r#"{"exp":null,"iat":null,"nbf":null}"#, None),
        (r#"{"exp":"soon"}"#, EXPIRED),
        (r#"{"iat":"soon"}"#, EARLY),
        (r#"{"nbf":[]}"#, NOT_YET),
        (r#"{"exp":-5}"#, EXPIRED),
        (r#"{"iat":1001}"#, EARLY),
        (r#"{"nbf":1001}"#, NOT_YET),
        (r#"{"exp":1,"iat":1001}"#, EARLY),
        (r#"{"exp":1,"iat":1001,"nbf":1001}"#, NOT_YET),
    ] {
        assert_eq!(at(text, &none), expected, "{text}");
    }
    let skews = Skews { expires: 10, issued: 20, not_before: 30 };
    for (text, expected) in [
        (r#"{"exp":991}"#, None),
        (r#"{"exp":990}"#, EXPIRED),
        (r#"{"iat":1020}"#, None),
        (r#"{"iat":1021}"#, EARLY),
        (r#"{"nbf":1030}"#, None),
        (r#"{"nbf":1031}"#, NOT_YET),
    ] {
        assert_eq!(at(text, &skews), expected, "{text}");
    }
}

#[test]
fn claims_print_as_templates_do() {
    for (claim, expected) in [
        (json!("a"), ("a", true)),
        (json!(42), ("42", false)),
        (json!(true), ("true", false)),
        (json!(["a", "b"]), ("a,b", false)),
        (json!(null), ("", false)),
        (json!({"a":1}), (r#"{"a":1}"#, false)),
    ] {
        assert_eq!(claims::print(&claim), (expected.0.to_owned(), expected.1), "{claim}");
    }
}
