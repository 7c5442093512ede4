//! Bodies of every size and framing, and answers without one.

use serde_json::json;

use crate::support::{
    client::Response,
    definition::api,
    gateway::Gateway,
    upstream::{Answer, Upstream},
};

/// Bytes that no two places of a body share.
fn body(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut all = Vec::new();
    for chunk in body.chunks(size) {
        all.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        all.extend_from_slice(chunk);
        all.extend_from_slice(b"\r\n");
    }
    all.extend_from_slice(b"0\r\n\r\n");
    all
}

/// Sends on a task of its own, so that both ways can flow at once.
async fn exchange(gateway: &Gateway, bytes: Vec<u8>) -> Response {
    let mut connection = gateway.connect().await;
    connection.send(bytes).await;
    connection.response().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_come_and_go_whole() {
    let upstream = Upstream::answering(Answer::Echo).await;
    let gateway = Gateway::build().api(api("a").target(&upstream)).start().await;
    for length in [0, 1, 65_535, 65_536, 65_537, 10 << 20] {
        let body = body(length);
        let head = format!("POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n");
        let response = exchange(&gateway, [head.as_bytes(), &body].concat()).await;
        assert_eq!(response.status, 200);
        assert!(response.body == body, "{length} declared");
        assert_eq!(upstream.last().header("content-length"), Some(length.to_string()));

        let head = b"POST /a/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
        let response = exchange(&gateway, [&head[..], &chunked(&body, 10_000)].concat()).await;
        assert_eq!(response.status, 200);
        assert!(response.body == body, "{length} chunked");
    }
}

#[tokio::test]
async fn a_chunked_answer_stays_whole() {
    let body = body(300_000);
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let upstream = Upstream::answering(Answer::RawKept([&head[..], &chunked(&body, 7_000)].concat())).await;
    let gateway = Gateway::build().api(api("a").target(&upstream)).start().await;
    let mut connection = gateway.connect().await;
    for _ in 0..2 {
        connection.send("GET /a/x HTTP/1.1\r\nHost: h\r\n\r\n").await;
        assert!(connection.response().await.body == body);
    }
}

#[tokio::test]
async fn an_answer_without_length_ends_with_its_connection() {
    let upstream = Upstream::raw("HTTP/1.0 200 OK\r\n\r\nall that comes").await;
    let gateway = Gateway::build().api(api("a").target(&upstream)).start().await;
    assert_eq!(gateway.get("/a/x").send().await.text(), "all that comes");
}

#[tokio::test]
async fn an_answer_without_body_leaves_the_connection_usable() {
    for (method, answer, status, length) in [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n", 200, Some("1234")),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, None),
        ("GET", "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n", 304, None),
        ("HEAD", "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n", 404, Some("9")),
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, Some("0")),
    ] {
        let upstream = Upstream::answering(Answer::RawKept(answer.into())).await;
        let gateway = Gateway::build().api(api("a").target(&upstream)).start().await;
        let mut connection = gateway.connect().await;
        for _ in 0..3 {
            connection.send(format!("{method} /a/x HTTP/1.1\r\nHost: h\r\n\r\n")).await;
            let response =
                if method == "HEAD" { connection.head_response().await } else { connection.response().await };
            assert_eq!((response.status, response.header("content-length")), (status, length), "{answer:?}");
            assert!(response.body.is_empty());
        }
        assert_eq!(upstream.connections(), 1, "{answer:?}");
    }
}

#[tokio::test]
async fn a_refusal_to_head_has_no_body() {
    let gateway = Gateway::build().start().await;
    let mut connection = gateway.connect().await;
    for _ in 0..2 {
        connection.send("HEAD /none HTTP/1.1\r\nHost: h\r\n\r\n").await;
        let response = connection.head_response().await;
        assert_eq!((response.status, response.header("content-length")), (404, Some("9")));
    }
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_declared_or_not() {
    let upstream = Upstream::answering(Answer::Echo).await;
    let builder = Gateway::build().api(api("a").target(&upstream));
    let gateway =
        builder.config(|config| config.http_server_options.max_request_body_size = 1_000).start().await;
    let post = async |framing: String, body: Vec<u8>| {
        let head = format!("POST /a/x HTTP/1.1\r\nHost: h\r\n{framing}\r\n\r\n");
        exchange(&gateway, [head.into_bytes(), body].concat()).await
    };

    for (length, status) in [(1_000, 200), (1_001, 413), (100_000, 413)] {
        let response = post(format!("Content-Length: {length}"), body(length)).await;
        assert_eq!(response.status, status, "{length} declared");
        let response = post("Transfer-Encoding: chunked".to_owned(), chunked(&body(length), 400)).await;
        assert_eq!(response.status, status, "{length} chunked");
        if status == 413 {
            assert_eq!(response.text(), "Request Entity Too Large\n");
        }
    }
}

#[tokio::test]
async fn a_request_that_becomes_head_is_answered() {
    let upstream =
        Upstream::answering(Answer::RawKept(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n".into())).await;
    let entry = json!([{ "path": "/x", "method": "GET", "to_method": "HEAD" }]);
    let definition = api("a").target(&upstream).endpoints("method_transforms", entry);
    let gateway = Gateway::build().api(definition).start().await;
    let mut connection = gateway.connect().await;
    for _ in 0..2 {
        connection.send("GET /a/x HTTP/1.1\r\nHost: h\r\n\r\n").await;
        let response = connection.response().await;
        assert_eq!((response.status, response.body.len()), (200, 0));
        assert_eq!(upstream.last().method, "HEAD");
    }
}

#[tokio::test]
async fn an_upload_and_its_answer_flow_at_the_same_time() {
    // The answer begins before the body has ended.
    let upstream = Upstream::named("early").await;
    upstream.close();
    let gateway = Gateway::build().api(api("a").target(&upstream)).start().await;
    let mut connection = gateway.connect().await;
    connection.send("POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc").await;
    connection.send("def").await;
    upstream.open();
    assert_eq!(connection.response().await.text(), "early");
    assert_eq!(upstream.last().body, b"abcdef");
}
