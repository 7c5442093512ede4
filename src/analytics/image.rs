//! Requests and answers as HTTP/1.1 text, laid out as Go's writers do, which is what Tyk records (analytics
//! reference 2.5).

use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::{HeaderMap, HeaderName, Method, StatusCode, Version, header};

use super::detail::{Detail, Form, RequestHead, ResponseHead, Sample};
use crate::hook::canonical;

/// What Go's writer says for a client without a `User-Agent`.
const NO_AGENT: &str = "Go-http-client/1.1";
/// Headers of a request that the writer puts elsewhere or leaves out.
const REQUEST_OWN: [HeaderName; 5] =
    [header::HOST, header::USER_AGENT, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::TRAILER];
/// The same for an answer.
const RESPONSE_OWN: [HeaderName; 3] = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::TRAILER];
/// Headers of one hop: not in the image of a request that was proxied.
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::UPGRADE,
];

/// The image of the request; empty when there is none.
pub fn request(detail: &Detail) -> Vec<u8> {
    let Some(head) = &detail.request else { return Vec::new() };
    let body = detail.request_body.bytes();
    let mut out = Vec::with_capacity(512 + body.len());
    line(&mut out, &[head.method.as_str(), " ", &head.uri, " HTTP/1.1"]);
    line(&mut out, &["Host: ", &head.host]);
    match head.headers.get(header::USER_AGENT).map(|agent| agent.as_bytes()) {
        None => line(&mut out, &["User-Agent: ", NO_AGENT]),
        Some(b"") => {}
        Some(agent) => field(&mut out, "User-Agent", agent),
    }
    if asks_to_close(head) && (head.proxied || !head.headers.contains_key(header::CONNECTION)) {
        line(&mut out, &["Connection: close"]);
    }
    let chunked = request_length(&mut out, head, body);
    let nominated = nominated(head);
    let shown = |name: &HeaderName, value: &[u8]| {
        let hop = HOP_BY_HOP.contains(name) || nominated.iter().any(|other| other == name.as_str());
        !REQUEST_OWN.contains(name)
            && !(head.proxied && hop && !(*name == header::TE && value == b"trailers"))
    };
    sorted(&mut out, &head.headers, shown);
    line(&mut out, &[]);
    if chunked {
        if !body.is_empty() {
            line(&mut out, &[&format!("{:x}", body.len())]);
            out.extend_from_slice(body);
            line(&mut out, &[]);
        }
        line(&mut out, &["0"]);
        line(&mut out, &[]);
    } else {
        out.extend_from_slice(body);
    }
    out
}

/// Writes how the body is framed; true if it is chunked.
fn request_length(out: &mut Vec<u8>, head: &RequestHead, body: &[u8]) -> bool {
    let length = content_length(&head.headers);
    let chunked = match length {
        _ if head.headers.contains_key(header::TRANSFER_ENCODING) => true,
        None => !body.is_empty(),
        Some(_) => false,
    };
    if chunked {
        line(out, &["Transfer-Encoding: chunked"]);
    } else if length > Some(0) || usually_has_body(&head.method) {
        line(out, &["Content-Length: ", &length.unwrap_or_default().to_string()]);
    }
    chunked
}

/// The image of the answer; empty when none was sent.
pub(super) fn response(detail: &Detail) -> Vec<u8> {
    let Some(head) = &detail.response else { return Vec::new() };
    let method = detail.request.as_ref().map(|request| &request.method);
    let decoded = decoded(head, &detail.response_body);
    let body = decoded.as_deref().unwrap_or_else(|| detail.response_body.bytes());
    let mut out = Vec::with_capacity(512 + body.len());
    status_line(&mut out, head);
    let bodiless = matches!(head.status, 100..=199 | 204 | 304);
    let length = match head.form {
        Form::Upstream { .. } if decoded.is_some() => Length::Unknown,
        Form::Upstream { .. } => content_length(&head.headers).map_or(Length::Unknown, Length::Known),
        Form::Hook => Length::Known(body.len() as u64),
        Form::Error => Length::None,
    };
    let length = if bodiless { Length::None } else { length };
    let late = match length {
        Length::None => false,
        Length::Unknown => {
            line(&mut out, &["Connection: close"]);
            false
        }
        // Go writes an empty length behind the headers, unless the request's method usually has a body.
        Length::Known(0) if !method.is_some_and(usually_has_body) => true,
        Length::Known(length) => {
            line(&mut out, &["Content-Length: ", &length.to_string()]);
            false
        }
    };
    sorted(&mut out, &head.headers, |name, _| !RESPONSE_OWN.contains(name));
    if late {
        line(&mut out, &["Content-Length: 0"]);
    }
    line(&mut out, &[]);
    out.extend_from_slice(body);
    out
}

/// What an image says of the length of a body.
enum Length {
    None,
    Unknown,
    Known(u64),
}

fn status_line(out: &mut Vec<u8>, head: &ResponseHead) {
    let protocol = match head.form {
        Form::Upstream { version, .. } => format!("{version:?}"),
        Form::Hook => "HTTP/1.1".to_owned(),
        Form::Error => "HTTP/0.0".to_owned(),
    };
    let status = head.status.to_string();
    let standard = StatusCode::from_u16(head.status).ok().and_then(|status| status.canonical_reason());
    match head.reason.as_deref().filter(|reason| !reason.is_empty()).or(standard) {
        Some(reason) => line(out, &[&protocol, " ", &status, " ", reason]),
        None => line(out, &[&protocol, " ", &status, " status code ", &status]),
    }
}

/// The body as it reads, if it is compressed and the client may have asked for that. As much as can be decoded:
/// the sample may end early. No more than the sample's room, whatever a few bytes unfold to.
fn decoded(head: &ResponseHead, body: &Sample) -> Option<Vec<u8>> {
    let Form::Upstream { decode: true, .. } = head.form else { return None };
    let compressed = body.bytes();
    if compressed.is_empty() {
        return None;
    }
    let reader: Box<dyn Read + '_> = match head.headers.get(header::CONTENT_ENCODING)?.as_bytes() {
        b"gzip" => Box::new(MultiGzDecoder::new(compressed)),
        // Some senders leave out the two bytes that begin zlib's form.
        b"deflate" if compressed.first().is_some_and(|first| first & 0x0f == 8) => {
            Box::new(ZlibDecoder::new(compressed))
        }
        b"deflate" => Box::new(DeflateDecoder::new(compressed)),
        _ => return None,
    };
    let mut plain = Vec::new();
    let whole = reader.take(body.room() as u64).read_to_end(&mut plain);
    (whole.is_ok() || !plain.is_empty()).then_some(plain)
}

fn usually_has_body(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

fn asks_to_close(head: &RequestHead) -> bool {
    let tokens = connection_tokens(&head.headers);
    if head.version <= Version::HTTP_10 {
        return !tokens.iter().any(|token| token == "keep-alive");
    }
    tokens.iter().any(|token| token == "close")
}

fn nominated(head: &RequestHead) -> Vec<String> {
    if head.proxied { connection_tokens(&head.headers) } else { Vec::new() }
}

fn connection_tokens(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|token| token.trim().to_ascii_lowercase()).collect()
}

/// Writes headers in the order of their canonical names.
fn sorted(out: &mut Vec<u8>, headers: &HeaderMap, shown: impl Fn(&HeaderName, &[u8]) -> bool) {
    let mut all: Vec<_> = headers
        .iter()
        .filter(|(name, value)| shown(name, value.as_bytes()))
        .map(|(name, value)| (canonical(name.as_str()), value.as_bytes()))
        .collect();
    // Values of one name stay in their order.
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (name, value) in all {
        field(out, &name, value);
    }
}

fn field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn line(out: &mut Vec<u8>, parts: &[&str]) {
    parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests;
