use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::token;
use crate::auth::jwt::{
    signature::Family,
    token::{Refusal, Token},
};

#[test]
fn what_is_no_token_is_refused() {
    let good = token(r#"{"alg":"HS256"}"#, "{}", |_| vec![1]);
    assert!(Token::parse(&good, Family::Hmac).is_ok());
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let head = part(r#"{"alg":"HS256"}"#);
    for text in [
        String::new(),
        "garbage".into(),
        "a.b".into(),
        "a.b.c".into(),
        "..".into(),
        format!("{head}.{}", part("{}")),
        format!("{head}.{}.AA.AA", part("{}")),
        format!("{head}.{}.AA", part("[]")),
        format!("{head}.{}.AA", part("1")),
        format!("{head}.{}.AA", part("{")),
        format!("{}.{}.AA", part("{}"), part("{}")),
        format!("{}.{}.AA", part(r#"{"alg":1}"#), part("{}")),
        format!("{head}.{}.!!", part("{}")),
        format!("{head}.{}.AA", "{}"),
    ] {
        assert_eq!(Token::parse(&text, Family::Hmac).err(), Some(Refusal::Invalid), "{text}");
    }
}

#[test]
fn a_kid_is_a_text_or_none() {
    for (header, kid) in [
        (r#"{"alg":"HS256","kid":"a"}"#, Some("a")),
        (r#"{"alg":"HS256","kid":1}"#, None),
        (r#"{"alg":"HS256"}"#, None),
    ] {
        let text = token(header, "{}", |_| vec![1]);
        assert_eq!(Token::parse(&text, Family::Hmac).unwrap_or_else(|_| panic!("{header}")).kid(), kid);
    }
}
