//! A stored answer: base64 of its HTTP/1.1 text, a bar, the unix second at which it expires. It is Tyk's form, laid out
//! as Go's writer does: gateways of both kinds on one Redis read each other's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use pingora_http::ResponseHeader;

use super::is_bodiless;
use crate::hook::canonical;

/// Headers that the writer makes itself.
const FRAMING: [HeaderName; 3] = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::TRAILER];

/// A whole answer to be kept.
#[derive(Debug)]
pub struct Entry {
    /// Name in the store.
    pub key: String,
    /// How long it is kept.
    pub ttl: Duration,
    pub(super) is_head: bool,
    pub(super) status: StatusCode,
    pub(super) reason: Option<String>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Entry {
    /// About how many bytes [`Entry::encode`] makes.
    pub fn size(&self) -> usize {
        let headers: usize =
            self.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        (self.body.len() + headers + 64) / 3 * 4 + self.key.len() + 16
    }

    /// What is stored.
    pub fn encode(&self, now: SystemTime) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.size() / 4 * 3);
        let status = self.status.as_u16();
        let reason = self.reason.as_deref().or(self.status.canonical_reason());
        let reason = reason.map_or_else(|| format!("status code {status}"), str::to_owned);
        text.extend_from_slice(format!("HTTP/1.1 {status:03} {reason}\r\n").as_bytes());
        let length = match self.headers.get(header::CONTENT_LENGTH) {
            _ if is_bodiless(self.status) => None,
            declared if self.is_head => declared.cloned(),
            _ => Some(HeaderValue::from(self.body.len())),
        };
        if let Some(length) = length {
            field(&mut text, "Content-Length", &length);
        }
        let mut fields: Vec<_> = self
            .headers
            .iter()
            .filter(|(name, _)| !FRAMING.contains(name))
            .map(|(name, value)| (canonical(name.as_str()), value))
            .collect();
        // Stable: values of one name keep their order.
        fields.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (name, value) in fields {
            field(&mut text, &name, value);
        }
        text.extend_from_slice(b"\r\n");
        text.extend_from_slice(&self.body);
        let expires = seconds(now).saturating_add(i64::try_from(self.ttl.as_secs()).unwrap_or(i64::MAX));
        let mut stored = STANDARD.encode(text);
        stored.push('|');
        stored.push_str(&expires.to_string());
        stored.into_bytes()
    }
}

fn field(text: &mut Vec<u8>, name: &str, value: &HeaderValue) {
    for part in [name.as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
        text.extend_from_slice(part);
    }
}

fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// An answer out of the cache.
#[derive(Debug)]
pub struct CachedAnswer {
    /// Status and headers, without a length that the body itself tells.
    pub head: ResponseHeader,
    /// The body; that of an answer to HEAD is empty.
    pub body: Bytes,
}

impl CachedAnswer {
    /// Reads a stored value. Nothing if it has expired, or is not one.
    pub fn decode(stored: &[u8], is_head: bool, now: SystemTime) -> Option<Self> {
        let bar = stored.iter().position(|byte| *byte == b'|')?;
        let (text, expires) = stored.split_at_checked(bar)?;
        let expires: i64 = std::str::from_utf8(expires.get(1..)?).ok()?.parse().ok()?;
        if expires <= seconds(now) {
            return None;
        }
        Self::parse(&Bytes::from(STANDARD.decode(text).ok()?), is_head)
    }

    fn parse(text: &Bytes, is_head: bool) -> Option<Self> {
        let end = text.windows(4).position(|four| four == b"\r\n\r\n")?;
        let lines = text.get(..end)?;
        let mut lines =
            lines.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let mut head = status_line(lines.next()?)?;
        for line in lines {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let (name, value) = line.split_at_checked(colon)?;
            let name = HeaderName::from_bytes(name).ok()?;
            let value = HeaderValue::from_bytes(value.get(1..)?.trim_ascii()).ok()?;
            head.append_header(name, value).ok()?;
        }
        let rest = text.slice(end + 4..);
        let body = if is_head || is_bodiless(head.status) { Bytes::new() } else { body(&head, rest)? };
        head.remove_header(&header::TRANSFER_ENCODING);
        if !is_head {
            head.remove_header(&header::CONTENT_LENGTH);
        }
        Some(Self { head, body })
    }
}

fn status_line(line: &[u8]) -> Option<ResponseHeader> {
    let line = std::str::from_utf8(line).ok()?;
    let mut parts = line.splitn(3, ' ');
    parts.next()?.strip_prefix("HTTP/")?;
    let status: u16 = parts.next()?.parse().ok()?;
    if !(200..1000).contains(&status) {
        return None;
    }
    let mut head = ResponseHeader::build(status, Some(12)).ok()?;
    let reason = parts.next().filter(|reason| Some(*reason) != head.status.canonical_reason());
    if let Some(reason) = reason {
        head.set_reason_phrase(Some(reason)).ok()?;
    }
    Some(head)
}

/// The body as it is framed; nothing if it is cut off.
fn body(head: &ResponseHeader, rest: Bytes) -> Option<Bytes> {
    if let Some(coding) = head.headers.get(header::TRANSFER_ENCODING) {
        return if coding == "chunked" { chunks(&rest) } else { None };
    }
    match head.headers.get(header::CONTENT_LENGTH) {
        None => Some(rest),
        Some(length) => {
            let length: usize = length.to_str().ok()?.parse().ok()?;
            (length <= rest.len()).then(|| rest.slice(..length))
        }
    }
}

/// Tyk stores an answer of unknown length in the chunks that it makes of it.
fn chunks(mut rest: &[u8]) -> Option<Bytes> {
    let mut whole = Vec::with_capacity(rest.len());
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        let (size, after) = rest.split_at_checked(end)?;
        let size = usize::from_str_radix(std::str::from_utf8(size).ok()?, 16).ok()?;
        let after = after.get(2..)?;
        if size == 0 {
            return Some(whole.into());
        }
        whole.extend_from_slice(after.get(..size)?);
        rest = after.get(size..)?.strip_prefix(b"\r\n")?;
    }
}
