//! What must not be taken for a request: heads that two readers may read in two ways, or that are too large.
//!
//! pingora has parsed a head before any filter runs, and is lenient where leniency is how requests get smuggled
//! (RFC 9112 sections 2.2, 3.2, 6.1). [`check`] looks at the bytes that came, once per request. What pingora itself
//! refuses is answered with [`reason`], in Tyk's words (Go's `net/http`).

use bytes::Bytes;
use http::{HeaderMap, Method, Version, header};
use pingora_core::protocols::http::v1::server::HttpSession;
use pingora_proxy::Session;

use crate::config::Pinhook;

/// Most header lines and bytes of a head that pingora's parser takes.
const PARSER_LIMITS: (usize, usize) = (256, 1_048_575);

/// An answer to what is no request. The connection ends with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Its status.
    pub(super) status: u16,
    /// Its body, which begins with the status line's text.
    pub(super) text: &'static str,
}

const fn refusal(status: u16, text: &'static str) -> Refusal {
    Refusal { status, text }
}

pub(super) const BAD_REQUEST: Refusal = refusal(400, "400 Bad Request");
const NO_HOST: Refusal = refusal(400, "400 Bad Request: missing required Host header");
const BAD_HOST: Refusal = refusal(400, "400 Bad Request: malformed Host header");
const BAD_NAME: Refusal = refusal(400, "400 Bad Request: invalid header name");
const BAD_VALUE: Refusal = refusal(400, "400 Bad Request: invalid header value");
const TOO_SLOW: Refusal = refusal(408, "408 Request Timeout");
const TOO_LARGE: Refusal = refusal(431, "431 Request Header Fields Too Large");
const CODING: Refusal = refusal(501, "Unsupported transfer encoding");
const VERSION: Refusal = refusal(505, "505 HTTP Version Not Supported: unsupported protocol version");

impl Refusal {
    /// The body of a request did not come in time.
    pub(super) const SLOW_BODY: Self = TOO_SLOW;

    /// The whole answer, for a connection on which pingora knows no request.
    pub(super) fn message(self) -> Bytes {
        let Self { status, text } = self;
        let known = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        let phrase = known.unwrap_or_default();
        let length = text.len();
        format!(
            "HTTP/1.1 {status} {phrase}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{text}"
        )
        .into()
    }
}

/// Why the request must be refused, if it must. HTTP/2 has no such ambiguities: its codec refuses what is malformed.
pub(super) fn check(session: &Session, limits: &Pinhook) -> Option<Refusal> {
    let session = session.as_downstream().as_http1()?;
    let raw = session.get_headers_raw_bytes();
    let headers = &session.req_header().headers;
    if raw.len() > limits.max_header_bytes || headers.len() > limits.max_headers {
        return Some(TOO_LARGE);
    }
    if has_odd_line_ends(&raw) {
        return Some(BAD_REQUEST);
    }
    bad_host(session).or_else(|| bad_transfer_encoding(headers, &raw))
}

/// `OPTIONS *`, which is about the server and not about any API: Go's server answers it by itself.
pub(super) fn asks_about_server(session: &Session) -> bool {
    let head = session.req_header();
    head.raw_path() == b"*" && head.method == Method::OPTIONS
}

/// A line feed without its carriage return, or a line that continues the one before. One pass without a branch, which
/// the compiler turns into vector instructions.
fn has_odd_line_ends(raw: &[u8]) -> bool {
    let pairs = raw.iter().zip(raw.get(1..).unwrap_or_default());
    let odd = pairs.fold(0_u8, |odd, (one, next)| {
        let bare = u8::from(*next == b'\n') & u8::from(*one != b'\r');
        let folded = u8::from(*one == b'\n') & (u8::from(*next == b' ') | u8::from(*next == b'\t'));
        odd | bare | folded
    });
    odd != 0 || raw.first() == Some(&b'\n')
}

fn bad_host(session: &HttpSession) -> Option<Refusal> {
    let head = session.req_header();
    match head.headers.get(header::HOST) {
        Some(host) if host.as_bytes().iter().all(|byte| may_be_in_host(*byte)) => None,
        Some(_) => Some(BAD_HOST),
        None => (head.version == Version::HTTP_11).then_some(NO_HOST),
    }
}

/// The bytes that Go lets a host consist of (`httpguts.ValidHostHeader`): any of RFC 3986's, in any order.
fn may_be_in_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b'-'
                | b'.'
                | b':'
                | b';'
                | b'='
                | b'['
                | b']'
                | b'_'
                | b'~'
        )
}

/// A second header that frames the body, beside `Transfer-Encoding`: somebody before us may have read the other one.
/// pingora has dropped `Content-Length` by now, so it is looked for in the bytes that came.
fn bad_transfer_encoding(headers: &HeaderMap, raw: &[u8]) -> Option<Refusal> {
    let coding = headers.get(header::TRANSFER_ENCODING)?;
    let framing = raw.split(|byte| *byte == b'\n').filter(|line| {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default().trim_ascii();
        name.eq_ignore_ascii_case(b"content-length") || name.eq_ignore_ascii_case(b"transfer-encoding")
    });
    if framing.count() > 1 {
        return Some(BAD_REQUEST);
    }
    (!coding.as_bytes().eq_ignore_ascii_case(b"chunked")).then_some(CODING)
}

/// Why pingora refused a head of `length` bytes, of which the last read brought `bytes`.
pub(super) fn reason(bytes: &[u8], length: usize) -> Refusal {
    let mut lines = bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let begun = length <= bytes.len();
    let start = if begun { lines.next().unwrap_or_default() } else { b"" };
    if length > PARSER_LIMITS.1 || lines.clone().count() > PARSER_LIMITS.0 {
        return TOO_LARGE;
    }
    if let Some(version) = start.rsplit(|byte| *byte == b' ').next()
        && version.starts_with(b"HTTP/")
        && !version.starts_with(b"HTTP/1.")
    {
        return VERSION;
    }
    lines.take_while(|line| !line.is_empty()).find_map(bad_line).unwrap_or(BAD_REQUEST)
}

fn bad_line(line: &[u8]) -> Option<Refusal> {
    let colon = line.iter().position(|byte| *byte == b':');
    // No header at all, or the continuation of one: Go has no words of its own for it.
    let Some((name, value)) = colon.and_then(|at| line.split_at_checked(at)) else {
        return Some(BAD_REQUEST);
    };
    if name.first().is_none_or(u8::is_ascii_whitespace) {
        return Some(BAD_REQUEST);
    }
    if http::HeaderName::from_bytes(name).is_err() {
        return Some(BAD_NAME);
    }
    let control = value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t');
    control.then_some(BAD_VALUE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_line_ends_are_seen_wherever_they_are() {
        let good = "GET / HTTP/1.1\r\nHost: a\r\nX:  b c\r\n\r\n";
        assert!(!has_odd_line_ends(good.as_bytes()));
        for bad in [
            "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\n",
            "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\tb\r\n\r\n",
        ] {
            assert!(has_odd_line_ends(bad.as_bytes()), "{bad:?}");
        }
    }

    #[test]
    fn the_reason_is_told_in_tyks_words() {
        let reason_of = |head: &str| reason(head.as_bytes(), head.len());
        assert_eq!(reason_of("GET / HTTP/1.1\r\nBad Name: x\r\n\r\n"), BAD_NAME);
        assert_eq!(reason_of("GET / HTTP/1.1\r\nName : x\r\n\r\n"), BAD_NAME);
        assert_eq!(reason_of("GET / HTTP/1.1\r\nName: x\u{1}\r\n\r\n"), BAD_VALUE);
        assert_eq!(reason_of("GET / HTTP/1.1\r\nNo colon\r\n\r\n"), BAD_REQUEST);
        assert_eq!(reason_of("GET / HTTP/3.0\r\nHost: a\r\n\r\n"), VERSION);
        assert_eq!(reason_of("nonsense\r\n\r\n"), BAD_REQUEST);
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a:b\r\n".repeat(300));
        assert_eq!(reason_of(&many), TOO_LARGE);
        // Of a head in many pieces only the last is known.
        assert_eq!(reason(b"Bad Name: x\r\n\r\n", 2_000), BAD_NAME);
        assert_eq!(reason(b"", 2 << 20), TOO_LARGE);
    }
}
