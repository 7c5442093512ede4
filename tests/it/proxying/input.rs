//! What clients may send as path, headers and framing.

use crate::support::{definition::api, gateway::Gateway, upstream::Upstream};

#[tokio::test]
async fn bytes_above_ascii_reach_the_upstream() {
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build().api(api("a").target(&upstream)).start().await;
    for (path, sent) in
        [("/a/caf\u{e9}".as_bytes(), "/caf%C3%A9"), (b"/a/%e9%FE?q=%ff", "/%e9%FE?q=%ff"), (b"/a/x", "/x")]
    {
        let mut connection = gateway.connect().await;
        connection.send([b"GET ", path, b" HTTP/1.1\r\nHost: h\r\nX-Odd: \xff\xe9z\r\n\r\n"].concat()).await;
        let response = connection.response().await;

        assert_eq!(response.status, 200, "{}", path.escape_ascii());
        let seen = upstream.last();
        assert_eq!(seen.target, sent, "{}", path.escape_ascii());
        let odd = seen.headers.iter().find(|(name, _)| name == "X-Odd").unwrap();
        assert_eq!(odd.1, b"\xff\xe9z");
    }
}

#[tokio::test]
async fn what_is_no_request_is_answered_400_and_the_connection_ends() {
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build().api(api("a").target(&upstream)).start().await;
    for request in [
        "GET /a/%zz HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /a/%2 HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /a/% HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET a/b HTTP/1.1\r\nHost: h\r\n\r\n",
        "nonsense\r\n\r\n",
        "GET /a/x HTTP/1.1\r\nHost: h\r\nNo colon\r\n\r\n",
        "GET /a/x HTTP/1.1\r\nHost: h\r\nBad Name: x\r\n\r\n",
        "POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: five\r\n\r\nhello",
        "POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /a/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "POST /a/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
    ] {
        let mut connection = gateway.connect().await;
        connection.send(request).await;
        let response = connection.response().await;
        assert_eq!(response.status, 400, "{request:?}");
        assert!(connection.is_closed().await, "{request:?}");
    }
    assert_eq!(upstream.count(), 0);
    assert_eq!(gateway.get("/a/x").send().await.text(), "up");
}

#[tokio::test]
async fn a_path_that_is_not_utf8_is_answered_400() {
    let gateway = Gateway::build().start().await;
    for path in [&b"/a/caf\xe9"[..], b"/a/x?q=\xff"] {
        let mut connection = gateway.connect().await;
        connection.send([b"GET ", path, b" HTTP/1.1\r\nHost: h\r\n\r\n"].concat()).await;
        assert_eq!(connection.response().await.status, 400, "{}", path.escape_ascii());
        assert!(connection.is_closed().await);
    }
}

#[tokio::test]
async fn a_huge_head_is_refused() {
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build().api(api("a").target(&upstream)).start().await;

    let mut connection = gateway.get("/a/x").header("X-Large", "x".repeat(2 << 20)).start().await;

    if let Some(response) = connection.response_or_end().await {
        assert!((400..500).contains(&response.status), "{}", response.status);
    }
    assert_eq!(upstream.count(), 0);
}
