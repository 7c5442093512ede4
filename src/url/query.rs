//! The parameters of a query, by the rules of Go's `ParseQuery` and `Values.Encode`.

use std::borrow::Cow;

use super::escape;

/// Decoded parameters in the order of the query. What Go refuses is left out: a pair with `;` or with a malformed
/// escape in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values<'a> {
    /// Bytes, not text, so that a value which is no UTF-8 survives [`Values::encode`].
    pairs: Vec<Pair<'a>>,
}

/// Key and value.
type Pair<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

impl<'a> Values<'a> {
    /// Reads a query, without `?`.
    pub fn parse(query: &'a str) -> Self {
        Self { pairs: query.split('&').filter_map(read_pair).collect() }
    }

    /// The first value of `key`. What is no UTF-8 shows as U+FFFD.
    pub fn get(&self, key: &str) -> Option<Cow<'_, str>> {
        self.all(key).next()
    }

    /// Every value of `key`, in order. What is no UTF-8 shows as U+FFFD.
    pub fn all(&self, key: &str) -> impl Iterator<Item = Cow<'_, str>> {
        let wanted = move |pair: &&Pair<'_>| *pair.0 == *key.as_bytes();
        self.pairs.iter().filter(wanted).map(|(_, value)| String::from_utf8_lossy(value))
    }

    /// Every key and value, in the order of the query. What is no UTF-8 shows as U+FFFD.
    pub fn iter(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        self.pairs.iter().map(|(key, value)| (String::from_utf8_lossy(key), String::from_utf8_lossy(value)))
    }

    /// Takes every value of `key` out; true if there was one.
    pub fn remove(&mut self, key: &str) -> bool {
        let before = self.pairs.len();
        self.pairs.retain(|pair| *pair.0 != *key.as_bytes());
        self.pairs.len() < before
    }

    /// The query text: sorted by key, values of one key in their order, all of them escaped.
    pub fn encode(&self) -> String {
        let mut pairs: Vec<_> = self.pairs.iter().collect();
        pairs.sort_by(|one, other| one.0.cmp(&other.0));
        let mut out = String::new();
        for (key, value) in pairs {
            if !out.is_empty() {
                out.push('&');
            }
            out.push_str(&escape::query_escape_bytes(key));
            out.push('=');
            out.push_str(&escape::query_escape_bytes(value));
        }
        out
    }
}

fn read_pair(pair: &str) -> Option<Pair<'_>> {
    if pair.is_empty() || pair.contains(';') {
        return None;
    }
    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
    Some((escape::unescape(key.as_bytes(), true).ok()?, escape::unescape(value.as_bytes(), true).ok()?))
}
