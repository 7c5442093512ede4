//! Images against those that a real Tyk Gateway recorded.

use std::{fs, path::PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::{Compression, write::GzEncoder};
use http::HeaderValue;
use serde_json::Value;

use super::*;

/// `RawRequest` and `RawResponse` of a golden record.
fn golden(name: &str) -> (String, String) {
    let file: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", "analytics", &format!("{name}.json")]
            .iter()
            .collect();
    let record: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let image = |key: &str| {
        let text = record[key].as_str().unwrap();
        String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()
    };
    (image("RawRequest"), image("RawResponse"))
}

/// Headers in an order of their own, as they came: the image has to sort them.
fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers
}

fn get(uri: &str, more: &[(&'static str, &'static str)]) -> RequestHead {
    let common = [("user-agent", "golden/1.0"), ("host", "api.golden.test")];
    RequestHead {
        method: Method::GET,
        uri: uri.to_owned(),
        host: "api.golden.test".to_owned(),
        version: Version::HTTP_11,
        headers: headers(&[more, &common].concat()),
        proxied: true,
    }
}

fn upstream(more: &[(&'static str, &'static str)]) -> ResponseHead {
    let common = [
        ("server", "BaseHTTP/0.6 Python/3.11.7"),
        ("x-ratelimit-limit", "0"),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", "0"),
    ];
    ResponseHead {
        form: Form::Upstream { version: Version::HTTP_11, decode: false },
        status: 200,
        reason: Some("OK".to_owned()),
        headers: headers(&[more, &common].concat()),
    }
}

fn detail(request: RequestHead, sent: &[u8], response: ResponseHead, got: &[u8]) -> Detail {
    let mut detail = Detail::new(1000);
    detail.request = Some(request);
    detail.request_body.add(sent);
    detail.response = Some(response);
    detail.response_body.add(got);
    detail
}

fn check(name: &str, detail: &Detail) {
    let (request_golden, response_golden) = golden(name);
    assert_eq!(String::from_utf8(request(detail)).unwrap(), request_golden, "{name}");
    assert_eq!(String::from_utf8(response(detail)).unwrap(), response_golden, "{name}");
}

const CLOSE: (&str, &str) = ("connection", "close");
const JSON: (&str, &str) = ("content-type", "application/json");
const LENGTH: (&str, &str) = ("content-length", "11");

fn dated(date: &'static str) -> (&'static str, &'static str) {
    ("date", date)
}

#[test]
fn requests_are_laid_out_as_tyk_does() {
    let ok = br#"{"ok":true}"#;
    let plain = || upstream(&[LENGTH, JSON, dated("Sun, 22 Nov 2026 13:41:24 GMT")]);
    check("detailed-keyless-hashed", &detail(get("/up/get?x=1", &[CLOSE]), b"", plain(), ok));

    let mut post =
        get("/up/items", &[CLOSE, ("x-custom", "v1"), ("content-length", "7"), JSON, ("x-custom", "v2")]);
    post.method = Method::POST;
    let answer = upstream(&[dated("Sun, 22 Nov 2026 13:41:25 GMT"), LENGTH, JSON]);
    check("detailed-post", &detail(post, br#"{"a":1}"#, answer, ok));

    let mut chunked = get("/up/items", &[("transfer-encoding", "chunked")]);
    chunked.method = Method::POST;
    let answer = || upstream(&[LENGTH, JSON, dated("Sun, 22 Nov 2026 13:46:58 GMT")]);
    check("detailed-chunked-request", &detail(chunked, b"hello", answer(), ok));

    let hops = get(
        "/up/get?q=a%20b",
        &[
            ("connection", "keep-alive, X-Hop"),
            ("keep-alive", "timeout=5"),
            ("x-hop", "1"),
            ("proxy-authorization", "Basic x"),
            ("te", "trailers"),
            ("x-forwarded-for", "203.0.113.9"),
            ("cookie", "a=b"),
            ("authorization", "Basic Zm9vOmJhcg=="),
        ],
    );
    check("detailed-keepalive-hop-headers", &detail(hops, b"", answer(), ok));
}

#[test]
fn answers_are_laid_out_as_tyk_does() {
    let chunked = upstream(&[
        ("transfer-encoding", "chunked"),
        ("content-type", "text/plain"),
        dated("Sun, 22 Nov 2026 13:41:25 GMT"),
    ]);
    let request = get("/up/chunked", &[CLOSE]);
    check("detailed-chunked", &detail(request, b"", chunked, b"hello chunked world"));

    let mut empty = upstream(&[JSON, dated("Sun, 22 Nov 2026 13:41:27 GMT")]);
    (empty.status, empty.reason) = (204, Some("No Content".to_owned()));
    check("detailed-empty-204", &detail(get("/up/empty", &[CLOSE]), b"", empty, b""));

    let mut gzip = upstream(&[
        ("content-encoding", "gzip"),
        ("content-length", "33"),
        JSON,
        dated("Sun, 22 Nov 2026 13:41:26 GMT"),
    ]);
    gzip.form = Form::Upstream { version: Version::HTTP_11, decode: true };
    let request = get("/up/gz", &[CLOSE, ("accept-encoding", "gzip")]);
    check("detailed-gzip", &detail(request, b"", gzip, &zipped(br#"{"zip":"yes"}"#)));
}

#[test]
fn errors_have_no_protocol_and_keep_hop_by_hop_headers() {
    let error = |status| ResponseHead {
        form: Form::Error,
        status,
        reason: None,
        headers: headers(&[("x-generator", "tyk.io"), JSON]),
    };
    let mut request = get("/get", &[CLOSE]);
    request.proxied = false;
    let body = b"{\n    \"error\": \"There was a problem proxying the request\"\n}";
    check("detailed-upstream-down-500", &detail(request.clone(), b"", error(500), body));
    let body = b"{\n    \"error\": \"Authorization field missing\"\n}";
    check("detailed-auth-missing-401", &detail(request, b"", error(401), body));

    let gone = detail(get("/", &[]), b"", error(499), b"");
    assert!(response(&gone).starts_with(b"HTTP/0.0 499 status code 499\r\n"));
}

#[test]
fn a_hooks_answer_has_its_length() {
    let head = ResponseHead {
        form: Form::Hook,
        status: 302,
        reason: None,
        headers: headers(&[("location", "/b"), ("x-a", "1")]),
    };
    let image = response(&detail(get("/", &[]), b"", head, b"there"));
    let expected = "HTTP/1.1 302 Found\r\nContent-Length: 5\r\nLocation: /b\r\nX-A: 1\r\n\r\nthere";
    assert_eq!(String::from_utf8(image).unwrap(), expected);
}

#[test]
fn an_empty_body_has_its_length_behind_the_headers_unless_the_method_usually_has_one() {
    let empty = || upstream(&[("content-length", "0"), JSON]);
    let text = |detail: &Detail| String::from_utf8(response(detail)).unwrap();
    assert!(text(&detail(get("/", &[]), b"", empty(), b"")).ends_with("\r\nContent-Length: 0\r\n\r\n"));
    let post = RequestHead { method: Method::POST, ..get("/", &[]) };
    let posted = detail(post, b"", empty(), b"");
    assert!(text(&posted).starts_with("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"));
    assert!(String::from_utf8(request(&posted)).unwrap().contains("\r\nContent-Length: 0\r\n"));
}

#[test]
fn a_body_is_kept_up_to_the_room_also_when_it_unfolds() {
    let mut sample = Sample::new(5);
    for chunk in [&b"abc"[..], b"def", b"ghi"] {
        sample.add(chunk);
    }
    assert_eq!(sample.bytes(), b"abcde");
    sample.restart();
    sample.add(b"x");
    assert_eq!(sample.bytes(), b"x");

    let mut bomb = upstream(&[("content-encoding", "gzip")]);
    bomb.form = Form::Upstream { version: Version::HTTP_11, decode: true };
    let image = response(&detail(get("/", &[]), b"", bomb.clone(), &zipped(&[b'a'; 100_000])));
    assert_eq!(image.iter().rev().take_while(|byte| **byte == b'a').count(), 1000);

    let cut = &zipped(br#"{"zip":"yes","more":"of the same"}"#)[..30];
    let image = response(&detail(get("/", &[]), b"", bomb, cut));
    assert!(!image.ends_with(b"\r\n\r\n"), "what can be read of a cut body is shown");
}

fn zipped(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    std::io::Write::write_all(&mut encoder, text).unwrap();
    encoder.finish().unwrap()
}
