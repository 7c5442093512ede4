use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use crate::auth::jwt::{
    key_set::KeySet,
    signature::{Family, Key},
};

const CERTIFICATE: &[u8] = include_bytes!("../../../../tests/fixtures/jwt/rsa.crt.pem");

fn rsa() -> Key {
    Key::read(Family::Rsa, CERTIFICATE).unwrap()
}

#[test]
fn a_set_gives_keys_by_id_and_skips_what_it_cannot_use() {
    let (_, pem) = x509_parser::pem::parse_x509_pem(CERTIFICATE).unwrap();
    let set = json!({"keys": [
        {"kty": "RSA", "kid": "a", "n": "AMk", "e": "AQAB"},
        {"kty": "RSA", "kid": "der", "x5c": [STANDARD.encode(&pem.contents)]},
        {"kty": "RSA", "kid": "pem", "x5c": [STANDARD.encode(CERTIFICATE)]},
        {"kty": "EC", "kid": "ec", "crv": "P-256", "x": "AQ", "y": "Ag"},
        {"kty": "oct", "kid": "oct", "k": "cw"},
        {"kty": "oct", "kid": "empty", "k": ""},
        {"kty": "OKP", "kid": "ed", "x": "AQ"},
        {"kty": "RSA", "kid": 7, "n": "AMk", "e": "AQAB"},
        {"kty": "RSA", "kid": "bad", "n": "!", "e": "AQAB"},
        "rubbish",
        {"kty": "oct", "kid": "oct", "k": "dA"},
    ]});
    let set = KeySet::parse(set.to_string().as_bytes()).unwrap();
    let named = |kid: &str| set.named(kid).cloned().collect::<Vec<_>>();
    assert!(named("a") == [Key::Rsa { n: vec![0xc9], e: vec![1, 0, 1] }], "zeros in front are cut off");
    assert!(named("der") == [rsa()] && named("pem") == [rsa()]);
    assert!(named("ec") == [Key::Point(vec![4, 1, 2])]);
    assert!(named("oct") == [Key::Secret(b"s".to_vec()), Key::Secret(b"t".to_vec())]);
    for kid in ["empty", "ed", "bad", "", "7", "unheard-of"] {
        assert!(named(kid).is_empty(), "{kid}");
    }
}

#[test]
fn what_is_no_set_is_an_error() {
    for text in ["", "[]", "{}", r#"{"keys":{}}"#, "<html>"] {
        assert!(KeySet::parse(text.as_bytes()).is_err(), "{text}");
    }
    assert!(KeySet::parse(br#"{"keys":[]}"#).is_ok());
}
