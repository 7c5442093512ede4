//! Reading: a request target off the wire, or a URL that somebody wrote.

use std::{borrow::Cow, str, sync::Arc};

use super::{Origin, Url, escape};
use crate::error::Error;

/// Why a text is no URL. In a request target each of these is answered with 400 (Go: `400 Bad Request` as
/// plain text, connection closed), before any routing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// A `%` without two hexadecimal digits, or one that may not stand in a host.
    #[error("invalid URL escape {0:?}")]
    Escape(String),
    /// A byte below 0x20, or 0x7f.
    #[error("invalid control character in URL")]
    Control,
    /// Nothing at all where a request target was expected.
    #[error("empty URL")]
    Empty,
    /// A request target that neither begins with `/` nor is absolute.
    #[error("invalid URI for request")]
    NotRooted,
    /// It begins with `:`.
    #[error("missing protocol scheme")]
    NoScheme,
    /// A scheme that `//` does not follow, such as `localhost:8080`.
    #[error("{0:?} is taken for a scheme, but no // follows it")]
    Opaque(String),
    /// A relative path whose first segment would read as a scheme.
    #[error("first path segment in URL cannot contain colon")]
    Colon,
    /// Host or port is malformed.
    #[error("invalid host {0:?} in URL")]
    Host(String),
    /// What stands before `@` is malformed.
    #[error("invalid user information in URL")]
    User,
}

impl From<ParseError> for Error {
    fn from(_: ParseError) -> Self {
        Self::Http { status: 400, message: Cow::Borrowed("Bad Request") }
    }
}

impl Url {
    /// Reads the target of a request line as sent: `/path?query`, an absolute URL, or `*`. A `#` is part of the path.
    pub fn from_target(target: &[u8]) -> Result<Self, ParseError> {
        if target.first() == Some(&b'/') {
            refuse_control(target)?;
            return Self::from_rest(target, None);
        }
        if target.is_empty() {
            return Err(ParseError::Empty);
        }
        let url = Self::read(target, true)?;
        if url.origin.is_none() && url.path() != "*" {
            return Err(ParseError::NotRooted);
        }
        Ok(url)
    }

    /// Reads a URL that a person or a rewrite wrote, absolute or relative (Go's `url.Parse`), except that a scheme
    /// without `//` is an error: no request could be sent there.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        match text.split_once('#') {
            None => Self::read(text.as_bytes(), false),
            Some((text, fragment)) => {
                refuse_control(fragment.as_bytes())?;
                escape::unescape(fragment.as_bytes(), false).map_err(ParseError::Escape)?;
                Self::read(text.as_bytes(), false)
            }
        }
    }

    fn read(text: &[u8], is_target: bool) -> Result<Self, ParseError> {
        refuse_control(text)?;
        if text == b"*" {
            return Ok(Self::new("*", None, None, None));
        }
        let (scheme, rest) = split_scheme(text)?;
        let before_query = rest.split(|byte| *byte == b'?').next().unwrap_or_default();
        if !before_query.starts_with(b"/") {
            if !scheme.is_empty() {
                return Err(ParseError::Opaque(scheme));
            }
            let segment = before_query.split(|byte| *byte == b'/').next().unwrap_or_default();
            if is_target {
                return Err(ParseError::NotRooted);
            }
            if segment.contains(&b':') {
                return Err(ParseError::Colon);
            }
        }
        let has_authority = before_query.starts_with(b"//")
            && (!scheme.is_empty() || !is_target && !before_query.starts_with(b"///"));
        match rest.get(2..) {
            Some(authority) if has_authority => {
                let end = authority.iter().position(|byte| matches!(byte, b'/' | b'?'));
                let (authority, rest) = authority.split_at(end.unwrap_or(authority.len()));
                let origin = Origin { scheme: scheme.into(), host: read_authority(authority)?.into() };
                Self::from_rest(rest, Some(Arc::new(origin)))
            }
            _ if scheme.is_empty() => Self::from_rest(rest, None),
            _ => {
                Self::from_rest(rest, Some(Arc::new(Origin { scheme: scheme.into(), host: Box::default() })))
            }
        }
    }

    /// Reads path and query.
    fn from_rest(rest: &[u8], origin: Option<Arc<Origin>>) -> Result<Self, ParseError> {
        let path_end = memchr::memchr(b'?', rest).unwrap_or(rest.len());
        let (path, query) = rest.split_at(path_end);
        if escape::is_plain_path(path)
            && let Ok(text) = str::from_utf8(rest)
        {
            return Ok(Self { text: text.to_owned(), path_end, raw_path: None, plain: true, origin });
        }
        let decoded = escape::unescape(path, false).map_err(ParseError::Escape)?;
        let query = query.split_first().map(|(_, query)| escape::escape_invalid_utf8(query));
        let raw: Cow<'_, str> = match (str::from_utf8(path), str::from_utf8(&decoded)) {
            (Ok(path), Ok(_)) => Cow::Borrowed(path),
            _ => Cow::Owned(escape::repaired_path(path)),
        };
        Ok(Self::new(&escape::lossy(decoded), Some(&raw), query.as_deref(), origin))
    }
}

fn refuse_control(text: &[u8]) -> Result<(), ParseError> {
    // No early exit: this way the loop is vectorised, and almost no text holds one.
    let found = text.iter().fold(false, |found, byte| found | (*byte < b' ') | (*byte == 0x7f));
    if found { Err(ParseError::Control) } else { Ok(()) }
}

/// Splits off a scheme, in lower case; empty if there is none.
fn split_scheme(text: &[u8]) -> Result<(String, &[u8]), ParseError> {
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err(ParseError::NoScheme),
            b':' => {
                let (scheme, rest) = text.split_at(at);
                let scheme = String::from_utf8_lossy(scheme).to_ascii_lowercase();
                return Ok((scheme, rest.get(1..).unwrap_or_default()));
            }
            _ => break,
        }
    }
    Ok((String::new(), text))
}

/// The host of `user@host:port`, decoded.
fn read_authority(authority: &[u8]) -> Result<String, ParseError> {
    let Some(at) = memchr::memrchr(b'@', authority) else { return read_host(authority) };
    let (user, host) = authority.split_at(at);
    let valid = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(byte);
    if !user.iter().all(valid) {
        return Err(ParseError::User);
    }
    escape::unescape(user, false).map_err(ParseError::Escape)?;
    read_host(host.get(1..).unwrap_or_default())
}

fn read_host(host: &[u8]) -> Result<String, ParseError> {
    let refused = || ParseError::Host(String::from_utf8_lossy(host).into_owned());
    let is_address = host.starts_with(b"[");
    let port = if is_address {
        let end = memchr::memrchr(b']', host).ok_or_else(refused)?;
        host.get(end + 1..)
    } else {
        memchr::memchr(b':', host).and_then(|colon| host.get(colon..))
    };
    match port.and_then(<[u8]>::split_first) {
        None => {}
        Some((b':', digits)) if digits.iter().all(u8::is_ascii_digit) => {}
        Some(_) => return Err(refused()),
    }
    let bad_byte = |byte: &u8| match byte {
        b'%' => false,
        b'[' | b']' => !is_address,
        byte => !escape::may_stand_in_host(*byte),
    };
    if host.iter().any(bad_byte) {
        return Err(refused());
    }
    refuse_ascii_escapes(host, is_address)?;
    let decoded = escape::unescape(host, false).map_err(ParseError::Escape)?;
    String::from_utf8(decoded.into_owned()).map_err(|_| refused())
}

/// In a host only bytes from 0x80 may be escaped, and the `%25` that begins an IPv6 zone.
fn refuse_ascii_escapes(host: &[u8], is_address: bool) -> Result<(), ParseError> {
    for at in memchr::memchr_iter(b'%', host) {
        let code = host.get(at..at + 3).unwrap_or_default();
        let is_zone = is_address && code == b"%25";
        if !is_zone && code.get(1).is_some_and(|high| high.is_ascii_hexdigit() && escape::hex(*high) < 8) {
            return Err(ParseError::Escape(String::from_utf8_lossy(code).into_owned()));
        }
    }
    Ok(())
}
