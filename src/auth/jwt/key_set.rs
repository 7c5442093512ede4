//! Key sets (RFC 7517): the public keys of an issuer, as its URL gives them.

use base64::Engine;
use serde::Deserialize;
use serde_json::Value;

use super::signature::{Family, Key, ORDINARY, url_bytes};

/// The keys of one set that can be used here.
#[derive(Default)]
pub(super) struct KeySet(Vec<(String, Key)>);

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

/// One key as it is written. Members of no use to a check are not read.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    kty: String,
    kid: String,
    n: String,
    e: String,
    x: String,
    y: String,
    k: String,
    x5c: Vec<String>,
}

impl KeySet {
    /// Reads a set. A key that cannot be used is left out, the others count.
    ///
    /// # Errors
    /// It is no JSON object with a list `keys`.
    pub(super) fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        let document: Document = serde_json::from_slice(text)?;
        let entries = document.keys.into_iter().filter_map(|entry| Entry::deserialize(entry).ok());
        Ok(Self(entries.filter_map(|entry| Some((entry.kid.clone(), entry.key()?))).collect()))
    }

    /// The keys of that id; mostly there is one.
    pub(super) fn named<'a>(&'a self, kid: &'a str) -> impl Iterator<Item = &'a Key> {
        self.0.iter().filter(move |(id, _)| id == kid).map(|(_, key)| key)
    }
}

impl Entry {
    fn key(&self) -> Option<Key> {
        let own = match self.kty.as_str() {
            "RSA" | "rsa" if !self.n.is_empty() => Some(Key::rsa(&url_bytes(&self.n)?, &url_bytes(&self.e)?)),
            "EC" if !self.x.is_empty() => Some(point(&url_bytes(&self.x)?, &url_bytes(&self.y)?)),
            "oct" => Key::read(Family::Hmac, &url_bytes(&self.k)?),
            _ => None,
        };
        own.or_else(|| Key::read(Family::Rsa, &ORDINARY.decode(self.x5c.first()?).ok()?))
    }
}

fn point(x: &[u8], y: &[u8]) -> Key {
    Key::Point([&[4], x, y].concat())
}
