//! Is a signature genuine?

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::{hmac as mac, signature};
use subtle::ConstantTimeEq;

use crate::url::query_escape;

/// True if `given` is the escaped base64 of the message's HMAC. An unknown name means SHA-1, as in Tyk. Escapes may be
/// in lower case.
pub(super) fn hmac(algorithm: &str, secret: &str, message: &[u8], given: &str) -> bool {
    let algorithm = match algorithm {
        "hmac-sha256" => mac::HMAC_SHA256,
        "hmac-sha384" => mac::HMAC_SHA384,
        "hmac-sha512" => mac::HMAC_SHA512,
        _ => mac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
    };
    let tag = mac::sign(&mac::Key::new(algorithm, secret.as_bytes()), message);
    let encoded = STANDARD.encode(tag);
    query_escape(&encoded).as_bytes().ct_eq(upper_escapes(given).as_bytes()).into()
}

/// `%2b` as `%2B`; an escape of mixed case stays.
fn upper_escapes(text: &str) -> String {
    let is_lower = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push('%');
        match part.split_at_checked(2) {
            Some((escape, rest)) if escape.bytes().all(is_lower) => {
                out.push_str(&escape.to_ascii_uppercase());
                out.push_str(rest);
            }
            _ => out.push_str(part),
        }
    }
    out
}

/// True if `given` is the base64 of the message's signature (PKCS #1 v1.5 with SHA-256) by the key.
pub(super) fn rsa(public: &[u8], message: &[u8], given: &str) -> bool {
    let Ok(given) = STANDARD.decode(given) else { return false };
    let algorithm = &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY;
    signature::UnparsedPublicKey::new(algorithm, public).verify(message, &given).is_ok()
}
