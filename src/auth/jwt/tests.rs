mod claims;
mod keys;
mod remote;
mod signature;
mod token;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// A token whose signature `sign` makes.
fn token(header: &str, claims: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}
