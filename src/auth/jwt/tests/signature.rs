use ring::{
    hmac,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
        EcdsaSigningAlgorithm, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256,
        RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
    },
};

use super::token;
use crate::auth::jwt::{
    signature::{Family, Key},
    token::{Refusal, Token},
};

const RSA: &[u8] = include_bytes!("../../../../tests/fixtures/jwt/rsa.pk8");
const RSA_PUBLIC: &[u8] = include_bytes!("../../../../tests/fixtures/jwt/rsa.pub.pem");

fn header(algorithm: &str) -> String {
    format!(r#"{{"alg":"{algorithm}","typ":"JWT"}}"#)
}

fn rsa(encoding: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
    let pair = RsaKeyPair::from_pkcs8(RSA).unwrap();
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), message, &mut signature).unwrap();
    signature
}

fn curve(algorithm: &'static EcdsaSigningAlgorithm) -> (EcdsaKeyPair, Key) {
    let random = SystemRandom::new();
    let made = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, made.as_ref(), &random).unwrap();
    let key = Key::Point(pair.public_key().as_ref().to_vec());
    (pair, key)
}

fn sign(pair: &EcdsaKeyPair, message: &[u8]) -> Vec<u8> {
    pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
}

/// True if the token passes under the key, and fails once any part of it is another.
fn passes(text: &str, family: Family, key: &Key) -> bool {
    let checked = |text: &str| Token::parse(text, family).is_ok_and(|token| token.is_signed_with(key));
    let (signed, signature) = text.rsplit_once('.').unwrap();
    let (head, _) = signed.split_once('.').unwrap();
    let other_claims = format!("{head}.eyJhIjoyfQ.{signature}");
    let swapped: String = signature.chars().rev().collect();
    assert!(!checked(&other_claims), "{text}: other claims");
    assert!(!checked(&format!("{signed}.{swapped}")), "{text}: other signature");
    assert!(!checked(&format!("{signed}.")), "{text}: no signature");
    checked(text)
}

#[test]
fn every_algorithm_is_checked_with_its_key() {
    let secret = Key::Secret(b"secret".to_vec());
    for (name, algorithm) in
        [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)]
    {
        let key = hmac::Key::new(algorithm, b"secret");
        let text = token(&header(name), "{}", |message| hmac::sign(&key, message).as_ref().to_vec());
        assert!(passes(&text, Family::Hmac, &secret), "{name}");
        assert!(!passes(&text, Family::Hmac, &Key::Secret(b"other".to_vec())), "{name}");
    }
    let public = Key::read(Family::Rsa, RSA_PUBLIC).unwrap();
    let encodings: [(_, &'static dyn RsaEncoding); 6] = [
        ("RS256", &RSA_PKCS1_SHA256),
        ("RS384", &RSA_PKCS1_SHA384),
        ("RS512", &RSA_PKCS1_SHA512),
        ("PS256", &RSA_PSS_SHA256),
        ("PS384", &RSA_PSS_SHA384),
        ("PS512", &RSA_PSS_SHA512),
    ];
    for (name, encoding) in encodings {
        let text = token(&header(name), "{}", |message| rsa(encoding, message));
        assert!(passes(&text, Family::Rsa, &public), "{name}");
    }
    for (name, algorithm) in
        [("ES256", &ECDSA_P256_SHA256_FIXED_SIGNING), ("ES384", &ECDSA_P384_SHA384_FIXED_SIGNING)]
    {
        let ((pair, key), (_, other)) = (curve(algorithm), curve(algorithm));
        let text = token(&header(name), "{}", |message| sign(&pair, message));
        assert!(passes(&text, Family::Ecdsa, &key) && !passes(&text, Family::Ecdsa, &other), "{name}");
    }
}

/// The recorded token of golden `jwt/rsa-good`, made by somebody else's code.
#[test]
fn a_recorded_token_passes() {
    let case = std::fs::read_to_string("tests/golden/cases/jwt/rsa-good.json").unwrap();
    let case: serde_json::Value = serde_json::from_str(&case).unwrap();
    let source = case["apis"][0]["jwt_source"].as_str().unwrap();
    let pem = base64::Engine::decode(&crate::auth::jwt::signature::ORDINARY, source).unwrap();
    let key = Key::read(Family::Rsa, &pem).unwrap();
    for step in [0, 1] {
        let text = case["steps"][step]["request"]["headers"]["Authorization"].as_str().unwrap();
        assert!(passes(text.strip_prefix("Bearer ").unwrap(), Family::Rsa, &key), "{step}");
    }
}

#[test]
fn a_token_of_another_family_is_refused_by_name() {
    // The old attack: a token signed by HMAC with the public key's text as its secret.
    let forged = hmac::Key::new(hmac::HMAC_SHA256, RSA_PUBLIC);
    let text = token(&header("HS256"), "{}", |message| hmac::sign(&forged, message).as_ref().to_vec());
    assert_eq!(Token::parse(&text, Family::Rsa).err(), Some(Refusal::Method));
    for name in ["none", "EdDSA", "RS256", "PS256", "ES256", "ES512"] {
        let text = token(&header(name), "{}", |_| Vec::new());
        assert_eq!(Token::parse(&text, Family::Hmac).err(), Some(Refusal::Method), "{name}");
    }
    for name in ["", "hs256", "HS1", "None", "NONE"] {
        let text = token(&header(name), "{}", |_| Vec::new());
        assert_eq!(Token::parse(&text, Family::Hmac).err(), Some(Refusal::Invalid), "{name}");
    }
}

#[test]
fn an_unknown_method_means_hmac() {
    for (name, family) in [
        ("hmac", Family::Hmac),
        ("rsa", Family::Rsa),
        ("ecdsa", Family::Ecdsa),
        ("", Family::Hmac),
        ("RSA", Family::Hmac),
    ] {
        assert_eq!(Family::of_method(name), family, "{name}");
    }
}

#[test]
fn keys_are_read_in_each_of_their_forms() {
    let public = Key::read(Family::Rsa, RSA_PUBLIC).unwrap();
    for (form, text) in [
        ("PKCS #1", &include_bytes!("../../../../tests/fixtures/jwt/rsa.pkcs1.pem")[..]),
        ("certificate", &include_bytes!("../../../../tests/fixtures/jwt/rsa.crt.pem")[..]),
    ] {
        assert!(Key::read(Family::Rsa, text) == Some(public.clone()), "{form}");
    }
    let (_, pem) = x509_parser::pem::parse_x509_pem(RSA_PUBLIC).unwrap();
    assert!(Key::read(Family::Rsa, &pem.contents) == Some(public), "DER");

    let curve = rcgen::generate_simple_self_signed(["issuer".to_owned()]).unwrap();
    let point = curve.signing_key.public_key_raw().to_vec();
    let pem = curve.cert.pem();
    assert!(Key::read(Family::Ecdsa, pem.as_bytes()) == Some(Key::Point(point)), "curve");

    for text in ["", "rubbish", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
        assert!(Key::read(Family::Rsa, text.as_bytes()).is_none(), "{text}");
    }
    assert!(Key::read(Family::Rsa, RSA).is_none(), "a private key is no public one");
    assert!(Key::read(Family::Hmac, b"").is_none(), "anybody can sign with nothing");
    assert!(Key::read(Family::Hmac, b"s") == Some(Key::Secret(b"s".to_vec())));
}
