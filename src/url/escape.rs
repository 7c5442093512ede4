//! Percent encoding with the character sets of Go's `net/url`.

use std::{borrow::Cow, str};

/// What a byte is part of; decides which bytes stand for themselves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Path,
    Query,
    Host,
}

impl Part {
    #[inline]
    fn keeps(self, byte: u8) -> bool {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => true,
            b'$' | b'&' | b'+' | b',' | b':' | b';' | b'=' => self != Self::Query,
            b'/' | b'@' => self == Self::Path,
            b'!' | b'\'' | b'(' | b')' | b'*' | b'[' | b']' | b'<' | b'>' | b'"' => self == Self::Host,
            _ => false,
        }
    }
}

/// True if the default escaping of `path` is `path` itself.
pub(super) fn is_plain_path(path: &[u8]) -> bool {
    path.iter().all(|byte| Part::Path.keeps(*byte))
}

/// True if `raw` holds only bytes that may stand in an escaped path. Escapes are not looked at.
pub(super) fn is_valid_path(raw: &str) -> bool {
    raw.bytes().all(may_stand_in_path)
}

fn may_stand_in_path(byte: u8) -> bool {
    matches!(byte, b'!' | b'\'' | b'(' | b')' | b'*' | b'[' | b']' | b'%') || Part::Path.keeps(byte)
}

/// True if `byte` may stand unescaped in a host.
pub(super) fn may_stand_in_host(byte: u8) -> bool {
    byte >= 0x80 || Part::Host.keeps(byte)
}

/// The default escaping of a path; `/` and most punctuation stay.
pub fn path_escape(path: &str) -> Cow<'_, str> {
    escape(path.as_bytes(), Part::Path)
}

/// Escapes one query key or value; a space becomes `+`.
pub fn query_escape(text: &str) -> Cow<'_, str> {
    query_escape_bytes(text.as_bytes())
}

pub(super) fn query_escape_bytes(bytes: &[u8]) -> Cow<'_, str> {
    escape(bytes, Part::Query)
}

pub(super) fn host_escape(host: &str) -> Cow<'_, str> {
    escape(host.as_bytes(), Part::Host)
}

fn escape(bytes: &[u8], part: Part) -> Cow<'_, str> {
    if bytes.iter().all(|byte| part.keeps(*byte))
        && let Ok(text) = str::from_utf8(bytes)
    {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(bytes.len() + 16);
    for &byte in bytes {
        match byte {
            b' ' if part == Part::Query => out.push('+'),
            byte if part.keeps(byte) => out.push(char::from(byte)),
            byte => push_escaped(&mut out, byte),
        }
    }
    Cow::Owned(out)
}

fn push_escaped(out: &mut String, byte: u8) {
    out.push('%');
    for nibble in [byte >> 4, byte & 15] {
        out.push(char::from(if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 }));
    }
}

/// `raw` with every byte escaped that must be, so that it can be kept as text and sent as it stands.
pub(super) fn repaired_path(raw: &[u8]) -> String {
    let mut out = String::with_capacity(raw.len() + 16);
    for &byte in raw {
        if may_stand_in_path(byte) {
            out.push(char::from(byte));
        } else {
            push_escaped(&mut out, byte);
        }
    }
    out
}

/// `bytes` as text: what is no UTF-8 becomes `%XX`.
pub(super) fn escape_invalid_utf8(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| push_escaped(&mut out, *byte));
    }
    Cow::Owned(out)
}

/// Decodes a path. `None` if an escape is malformed; what is no UTF-8 becomes U+FFFD.
pub fn path_unescape(text: &str) -> Option<Cow<'_, str>> {
    unescape(text.as_bytes(), false).ok().map(lossy)
}

/// Decodes a query key or value; `+` is a space. `None` if an escape is malformed; what is no UTF-8 becomes U+FFFD.
pub fn query_unescape(text: &str) -> Option<Cow<'_, str>> {
    unescape(text.as_bytes(), true).ok().map(lossy)
}

pub(super) fn lossy(bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
    match bytes {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }),
    }
}

/// Decodes `%XX`, and `+` if `plus`. The error is the malformed escape (up to three bytes) as text.
pub(super) fn unescape(bytes: &[u8], plus: bool) -> Result<Cow<'_, [u8]>, String> {
    if !bytes.iter().any(|byte| *byte == b'%' || plus && *byte == b'+') {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'%' => match after {
                [high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                    out.push(hex(*high) << 4 | hex(*low));
                    rest = tail;
                }
                _ => return Err(format!("%{}", String::from_utf8_lossy(after.get(..2).unwrap_or(after)))),
            },
            b'+' if plus => out.push(b' '),
            byte => out.push(byte),
        }
    }
    Ok(Cow::Owned(out))
}

/// The value of an ASCII hexadecimal digit.
pub(super) fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}
