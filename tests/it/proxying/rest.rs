//! Requests that are answered before their body has been read.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};

use crate::support::{gateway::Gateway, in_time};

#[tokio::test]
async fn a_refusal_that_leaves_a_short_body_unread_keeps_the_connection() {
    let gateway = Gateway::build().start().await;
    let body = "x".repeat(200 << 10);
    let requests = [
        format!("POST /none HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
        format!(
            "POST /none HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        ),
    ];
    for request in requests {
        let mut connection = gateway.connect().await;
        for _ in 0..3 {
            // The head alone is answered; the body comes late.
            let (head, rest) = request.split_at(request.find("\r\n\r\n").unwrap() + 4);
            connection.send(head).await;
            let response = connection.response().await;
            assert_eq!((response.status, response.header("connection")), (404, Some("keep-alive")));
            connection.send(rest).await;
        }
        // Nothing of a body is taken for a request.
        connection.send("GET /none HTTP/1.1\r\nHost: h\r\n\r\n").await;
        assert_eq!(connection.response().await.status, 404);
    }
}

#[tokio::test]
async fn a_client_that_sends_a_long_body_first_gets_the_answer_and_no_reset() {
    let gateway = Gateway::build().start().await;
    let length = 8 << 20;
    let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
    let head = format!("POST /none HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let piece = vec![b'x'; length / 8];
    for _ in 0..8 {
        in_time("sending", stream.write_all(&piece)).await.unwrap();
        // Longer in all than an ordinary close waits.
        sleep(Duration::from_millis(100)).await;
    }
    let mut answer = String::new();
    in_time("reading", stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    assert!(answer.to_lowercase().contains("connection: close\r\n"), "{answer}");
}

#[tokio::test]
async fn a_body_without_an_end_is_not_read_for_ever() {
    let gateway = Gateway::build().start().await;
    let mut connection = gateway.connect().await;
    connection.send("POST /none HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    assert_eq!(connection.response().await.status, 404);
    let chunk = format!("{:x}\r\n{}\r\n", 32 << 10, "x".repeat(32 << 10));
    let endless = async { while connection.try_send(&chunk).await {} };
    in_time("the end of the connection", endless).await;
}

#[tokio::test]
async fn a_client_that_waits_for_the_go_ahead_is_told_that_the_connection_ends() {
    let gateway = Gateway::build().start().await;
    let mut connection = gateway.connect().await;
    connection
        .send("POST /none HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        .await;
    let response = connection.response().await;
    assert_eq!((response.status, response.header("connection")), (404, Some("close")));
}
