//! A token taken apart: header, claims, signature (RFC 7519, compact form).

use serde_json::Value;

use super::{
    claims::Claims,
    signature::{Algorithm, Family, url_bytes},
};

/// Why a token is refused before any claim is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is signed by another kind of algorithm than the API takes.
    Method,
    /// It is no token, or its signature is not that of a key of ours.
    Invalid,
}

/// A token whose signature has not been checked.
pub(super) struct Token<'a> {
    pub(super) header: Claims,
    pub(super) claims: Claims,
    algorithm: Algorithm,
    signed: &'a str,
    signature: Vec<u8>,
}

impl<'a> Token<'a> {
    /// Takes a token apart that is signed by an algorithm of this family.
    pub(super) fn parse(text: &'a str, family: Family) -> Result<Self, Refusal> {
        let (signed, signature) = text.rsplit_once('.').ok_or(Refusal::Invalid)?;
        let (header, claims) = signed.split_once('.').ok_or(Refusal::Invalid)?;
        let header = object(header).ok_or(Refusal::Invalid)?;
        let claims = object(claims).ok_or(Refusal::Invalid)?;
        let name = header.get("alg").and_then(Value::as_str).ok_or(Refusal::Invalid)?;
        let algorithm = Algorithm::named(name).ok_or(Refusal::Invalid)?;
        if algorithm.family != Some(family) {
            return Err(Refusal::Method);
        }
        let signature = url_bytes(signature).ok_or(Refusal::Invalid)?;
        Ok(Self { header, claims, algorithm, signed, signature })
    }

    /// The id of the key it is signed with.
    pub(super) fn kid(&self) -> Option<&str> {
        self.header.get("kid").and_then(Value::as_str)
    }

    /// True if it is signed with this key.
    pub(super) fn is_signed_with(&self, key: &super::signature::Key) -> bool {
        self.algorithm.verifies(key, self.signed.as_bytes(), &self.signature)
    }
}

fn object(part: &str) -> Option<Claims> {
    if part.contains('.') {
        return None;
    }
    serde_json::from_slice(&url_bytes(part)?).ok()
}
