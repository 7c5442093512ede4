//! What is a request and what is not, byte by byte: probes after RFC 9112, each on a raw socket. Nothing that was
//! refused, and nothing behind a message, may ever reach an upstream.

use std::time::Duration;

use crate::support::{
    definition::api,
    gateway::Gateway,
    upstream::{Answer, Upstream},
};

/// What a client sends, and the status it gets; every refusal ends the connection.
const PROBES: &[(&str, &str, u16)] = &[
    // RFC 9112 section 6.3: framing.
    (
        "CL then TE",
        "POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    (
        "TE then CL",
        "POST /a/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        400,
    ),
    (
        "TE twice",
        "POST /a/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    (
        "TE hidden in obs-fold",
        "POST /a/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    ("TE not chunked", "POST /a/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400),
    (
        "TE chunked not last",
        "POST /a/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        400,
    ),
    (
        "TE with a coding before chunked",
        "POST /a/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        501,
    ),
    ("TE with HTTP/1.0", "POST /a/x HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (
        "TE with a blank before its colon",
        "POST /a/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    (
        "two CL that differ",
        "POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        400,
    ),
    ("a list of CL that differ", "POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 2\r\n\r\nab", 400),
    ("CL with a sign", "POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\na", 400),
    ("CL below zero", "POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\na", 400),
    ("CL in hex", "POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: 0x1\r\n\r\na", 400),
    ("CL without a number", "POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n", 400),
    (
        "CL too large for a number",
        "POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\na",
        400,
    ),
    // Section 7.1: chunks.
    (
        "chunk size that is none",
        "POST /a/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n",
        400,
    ),
    (
        "chunk size below zero",
        "POST /a/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\nab\r\n0\r\n\r\n",
        400,
    ),
    (
        "chunk size in 0x",
        "POST /a/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\nab\r\n0\r\n\r\n",
        400,
    ),
    (
        "chunk size that overflows",
        "POST /a/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nab\r\n0\r\n\r\n",
        400,
    ),
    (
        "chunk longer than it says",
        "POST /a/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
        400,
    ),
    // Section 2.2: lines.
    ("bare LF after the request line", "GET /a/x HTTP/1.1\nHost: h\r\n\r\n", 400),
    ("bare LF after a header", "GET /a/x HTTP/1.1\r\nHost: h\nX: y\r\n\r\n", 400),
    ("bare LF at the end", "GET /a/x HTTP/1.1\r\nHost: h\r\n\n", 400),
    ("only bare LFs", "GET /a/x HTTP/1.1\nHost: h\n\n", 400),
    ("bare CR in a value", "GET /a/x HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n", 400),
    ("NUL in a value", "GET /a/x HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n", 400),
    ("obs-fold", "GET /a/x HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", 400),
    ("obs-fold by a tab", "GET /a/x HTTP/1.1\r\nHost: h\r\nX: a\r\n\tb\r\n\r\n", 400),
    ("a blank before the first header", "GET /a/x HTTP/1.1\r\n Host: h\r\n\r\n", 400),
    ("a header without a name", "GET /a/x HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n", 400),
    ("a header without a colon", "GET /a/x HTTP/1.1\r\nHost: h\r\nX\r\n\r\n", 400),
    ("a blank in a name", "GET /a/x HTTP/1.1\r\nHost: h\r\nX Y: x\r\n\r\n", 400),
    // Section 3.2: Host.
    ("no Host", "GET /a/x HTTP/1.1\r\n\r\n", 400),
    ("no Host beside an absolute target", "GET http://h/a/x HTTP/1.1\r\n\r\n", 400),
    ("Host twice", "GET /a/x HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", 400),
    ("Host with a blank", "GET /a/x HTTP/1.1\r\nHost: h i\r\n\r\n", 400),
    ("Host with a path", "GET /a/x HTTP/1.1\r\nHost: h/i\r\n\r\n", 400),
    ("Host with user information", "GET /a/x HTTP/1.1\r\nHost: u@h\r\n\r\n", 400),
    ("target with user information", "GET http://u@h/a/x HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    ("no Host with HTTP/1.0", "GET /a/x HTTP/1.0\r\n\r\n", 200),
    ("an empty Host", "GET /a/x HTTP/1.1\r\nHost:\r\n\r\n", 200),
    // Sections 3 and 2.3: the request line.
    ("no request line", "hello\r\n\r\n", 400),
    ("no target", "GET HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    ("a relative target", "GET a/x HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    ("a bad escape", "GET /a/%zz HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    ("a method that is no token", "G{T /a/x HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    ("HTTP/3.0", "GET /a/x HTTP/3.0\r\nHost: h\r\n\r\n", 505),
    ("HTTP/0.9", "GET /a/x\r\n\r\n", 400),
    // What has to pass.
    (
        "CL twice, the same",
        "POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab",
        200,
    ),
    (
        "chunk extension",
        "POST /a/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n0\r\n\r\n",
        200,
    ),
    (
        "chunked in capitals",
        "POST /a/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        200,
    ),
    ("empty lines before the request", "\r\n\r\nGET /a/x HTTP/1.1\r\nHost: h\r\n\r\n", 200),
    ("the server itself", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 200),
];

#[tokio::test]
async fn every_probe_gets_its_status_and_what_is_refused_ends_the_connection() {
    let upstream = Upstream::answering(Answer::Echo).await;
    let gateway = Gateway::build().api(api("a").target(&upstream)).start().await;
    let mut wrong = Vec::new();
    for (what, bytes, expected) in PROBES {
        let mut connection = gateway.connect().await;
        connection.send(bytes).await;
        let status = connection.response_or_end().await.map_or(0, |response| response.status);
        let closed = *expected == 200
            || tokio::time::timeout(Duration::from_secs(2), connection.is_closed()).await == Ok(true);
        if status != *expected || !closed {
            wrong.push(format!("{what}: {status} instead of {expected}, closed {closed}"));
        }
    }
    // The head of a chunked request has left before its body turns out to be none.
    let sent = PROBES.iter().filter(|(what, _, status)| *status == 200 || what.starts_with("chunk"));
    assert!(upstream.count() <= sent.count(), "{:?}", upstream.seen());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn refusals_speak_as_tyk_does() {
    let gateway = Gateway::build().start().await;
    for (request, text) in [
        ("GET / HTTP/1.1\r\n\r\n", "400 Bad Request: missing required Host header"),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "400 Bad Request: malformed Host header"),
        ("GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n", "400 Bad Request: invalid header name"),
        ("GET / HTTP/1.1\r\nHost: a\r\nName: \u{1}\r\n\r\n", "400 Bad Request: invalid header value"),
        ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", "400 Bad Request"),
        ("nonsense\r\n\r\n", "400 Bad Request"),
    ] {
        let mut connection = gateway.connect().await;
        connection.send(request).await;
        let response = connection.response().await;
        assert_eq!((response.status, response.text().as_str()), (400, text), "{request:?}");
        assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"), "{request:?}");
        assert_eq!(response.header("connection"), Some("close"), "{request:?}");
    }
}

#[tokio::test]
async fn bytes_behind_a_message_are_never_a_request_of_their_own() {
    let upstream = Upstream::answering(Answer::Echo).await;
    let gateway = Gateway::build().api(api("a").target(&upstream)).start().await;
    let hidden = "GET /a/hidden HTTP/1.1\r\nHost: h\r\n\r\n";
    for head in [
        "POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /a/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nContent-Length: 40\r\n\r\n",
        "POST /a/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n",
        "GET /a/x HTTP/1.1\r\nHost: h\nX: y\r\n\r\n",
        "GET /a/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        "POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: 38\r\n\r\n",
    ] {
        let mut connection = gateway.connect().await;
        connection.send([head, hidden].concat()).await;
        // A body that is still to come is given up here.
        let _ = tokio::time::timeout(Duration::from_millis(300), connection.rest()).await;
        assert!(upstream.seen().iter().all(|seen| !seen.target.contains("hidden")), "{head:?}");
    }
}

#[tokio::test]
async fn an_absolute_target_takes_the_place_of_host() {
    let (one, two) = (Upstream::answering(Answer::Echo).await, Upstream::answering(Answer::Echo).await);
    let gateway = Gateway::build()
        .config(|config| config.enable_custom_domains = true)
        .api(
            api("one")
                .set("domain", "one.test")
                .listen("/p/")
                .target(&one)
                .set("proxy.preserve_host_header", true),
        )
        .api(
            api("two")
                .set("domain", "two.test")
                .listen("/p/")
                .target(&two)
                .set("proxy.preserve_host_header", true),
        )
        .start()
        .await;
    for request in [
        "GET http://two.test/p/x?q HTTP/1.1\r\nHost: one.test\r\nX: y\r\n\r\n",
        "GET HTTP://two.test/p/x?q HTTP/1.1\r\nX: y\r\nhOst:one.test\r\n\r\n",
        "GET http://two.test/p/x?q HTTP/1.1\r\nHost: two.test\r\n\r\n",
        "GET http://two.test/p/x?q HTTP/1.1\r\nHost:\r\n\r\n",
    ] {
        // In one piece, and byte by byte.
        for size in [request.len(), 1] {
            let mut connection = gateway.connect().await;
            for piece in request.as_bytes().chunks(size) {
                connection.send(piece).await;
            }
            assert_eq!(connection.response().await.status, 200, "{request:?} by {size}");
            let seen = two.last();
            assert_eq!(
                (seen.target.as_str(), seen.header("host").as_deref()),
                ("/x?q", Some("two.test")),
                "{request:?}"
            );
            // The connection goes on as usual.
            connection.send("GET /p/next HTTP/1.1\r\nHost: two.test\r\n\r\n").await;
            assert_eq!(connection.response().await.status, 200);
        }
    }
    assert_eq!(one.count(), 0);
}

#[tokio::test]
async fn routing_lists_and_upstream_see_the_same_path() {
    let upstream = Upstream::answering(Answer::Echo).await;
    let blocked = serde_json::json!([{ "path": "/secret", "method_actions": {
        "GET": { "action": "no_action", "code": 200, "data": "", "headers": {} } } }]);
    let gateway =
        Gateway::build().api(api("a").target(&upstream).endpoints("black_list", blocked)).start().await;
    for (target, status, location) in [
        ("/a/secret", 403, None),
        ("/a/%73ecret", 403, None),
        ("/a/x/../secret", 301, Some("/a/secret")),
        ("/a/./secret", 301, Some("/a/secret")),
        ("/a//secret", 301, Some("/a/secret")),
        ("/b/../a/secret", 301, Some("/a/secret")),
        ("/a/x/%2e%2e/secret", 301, Some("/a/secret")),
        ("/%61/secret", 403, None),
    ] {
        let response = gateway.get(target).send().await;
        assert_eq!((response.status, response.header("location")), (status, location), "{target}");
    }
    assert_eq!(upstream.count(), 0);
    for (target, sent) in [("/a/x%2Fy", "/x%2Fy"), ("/a/x%2F..%2Fy", "/x%2F..%2Fy"), ("/a/%41", "/%41")] {
        let response = gateway.get(target).send().await;
        if response.status == 200 {
            assert_eq!(upstream.last().target, sent, "{target}");
        } else {
            assert_eq!(response.status, 301, "{target}");
        }
    }
}
