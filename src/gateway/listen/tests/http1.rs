use std::{sync::atomic::Ordering, time::Duration};

use tokio::io::AsyncReadExt;

use super::support::*;

#[tokio::test]
async fn a_kept_connection_serves_request_after_request() {
    let gateway = gateway(None).await;
    let mut client = gateway.connect().await;
    for _ in 0..3 {
        write(&mut client, "GET /hello HTTP/1.1\r\nhost: a\r\n\r\n").await;
        let (head, body) = read_answer(&mut client).await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert_eq!(body, "hello");
    }
    assert_eq!(gateway.connections.load(Ordering::Relaxed), 1);
    drop(client);
    eventually(|| gateway.connections.load(Ordering::Relaxed) == 0).await;
}

#[tokio::test]
async fn the_app_knows_the_client() {
    let gateway = gateway(None).await;
    let mut client = gateway.connect().await;
    write(&mut client, "GET /who HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let (_, body) = read_answer(&mut client).await;
    assert_eq!(body, format!("{} HTTP/1.1", client.local_addr().unwrap()));
}

#[tokio::test]
async fn a_request_shorter_than_the_http2_preface_is_answered() {
    let gateway = gateway(None).await;
    let mut client = gateway.connect().await;
    write(&mut client, "GET / HTTP/1.0\r\n\r\n").await;
    let (head, body) = read_answer(&mut client).await;
    assert!(head.starts_with("HTTP/1.1 200") || head.starts_with("HTTP/1.0 200"), "{head}");
    assert_eq!(body, "hello");
}

#[tokio::test]
async fn a_request_may_come_in_pieces() {
    let gateway = gateway(None).await;
    let mut client = gateway.connect().await;
    // "P" is how the HTTP/2 preface begins as well.
    for piece in ["P", "OST /echo HT", "TP/1.1\r\nhost: a\r\ncontent-", "length: 4\r\n\r\nbo", "dy"] {
        write(&mut client, piece).await;
        // Nothing to wait for: it only makes it likely that the piece travels alone.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(read_answer(&mut client).await.1, "body");
}

#[tokio::test]
async fn answers_without_body_and_large_answers_arrive() {
    let gateway = gateway(None).await;
    let mut client = gateway.connect().await;
    write(&mut client, "GET /empty HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(read_answer(&mut client).await.0.starts_with("HTTP/1.1 204"));
    write(&mut client, "HEAD /hello HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let head = tokio::time::timeout(DEADLINE, read_head(&mut client)).await.unwrap().unwrap();
    assert!(head.contains("ontent-length: 5") || head.contains("ontent-Length: 5"), "{head}");
    write(&mut client, "GET /large HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let (_, body) = read_answer(&mut client).await;
    assert_eq!(body.len(), LARGE);
    assert!(body.bytes().all(|byte| byte == b'x'));
}

#[tokio::test]
async fn a_streamed_chunk_is_not_held_back() {
    let gateway = gateway(None).await;
    let mut client = gateway.connect().await;
    write(&mut client, "GET /stream HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let head = read_until(&mut client, "first\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    gateway.go_on.notify_one();
    assert!(read_until(&mut client, "0\r\n\r\n").await.contains("second"));
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let gateway = gateway(None).await;
    let mut client = gateway.connect().await;
    let post = |body: &str| {
        format!("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    };
    write(&mut client, &[post("one"), post("two"), post("three")].concat()).await;
    for body in ["one", "two", "three"] {
        assert_eq!(read_answer(&mut client).await.1, body);
    }
}

#[tokio::test]
async fn a_client_that_expects_100_gets_it_before_it_sends_the_body() {
    let gateway = gateway(None).await;
    let mut client = gateway.connect().await;
    let head = "POST /echo HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n";
    write(&mut client, head).await;
    let interim = tokio::time::timeout(DEADLINE, read_head(&mut client)).await.unwrap().unwrap();
    assert!(interim.starts_with("HTTP/1.1 100"), "{interim}");
    write(&mut client, "body").await;
    assert_eq!(read_answer(&mut client).await.1, "body");
}

#[tokio::test]
async fn an_upgraded_connection_copies_bytes_both_ways() {
    let gateway = gateway(None).await;
    let mut client = gateway.connect().await;
    let head = "GET /upgrade HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    write(&mut client, head).await;
    let head = tokio::time::timeout(DEADLINE, read_head(&mut client)).await.unwrap().unwrap();
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    for frame in ["ping", "a longer message", "x"] {
        write(&mut client, frame).await;
        read_until(&mut client, frame).await;
    }
    let frame = "y".repeat(LARGE);
    let (mut from, mut to) = client.split();
    let (_, echoed) = tokio::join!(write(&mut to, &frame), async {
        let mut echoed = vec![0; LARGE];
        tokio::time::timeout(DEADLINE, from.read_exact(&mut echoed)).await.unwrap().unwrap();
        echoed
    });
    assert!(echoed == frame.as_bytes());
}

#[tokio::test]
async fn a_shutdown_ends_idle_connections_and_lets_a_running_request_finish() {
    let gateway = gateway(None).await;
    let (mut idle, mut busy) = (gateway.connect().await, gateway.connect().await);
    write(&mut idle, "GET /hello HTTP/1.1\r\nhost: a\r\n\r\n").await;
    read_answer(&mut idle).await;
    write(&mut busy, "GET /stream HTTP/1.1\r\nhost: a\r\n\r\n").await;
    read_until(&mut busy, "first\r\n").await;

    gateway.stop.send_replace(true);
    tokio::time::timeout(DEADLINE, gateway.done).await.unwrap().unwrap();
    let mut rest = Vec::new();
    tokio::time::timeout(DEADLINE, idle.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert!(rest.is_empty());
    assert!(tokio::net::TcpStream::connect(gateway.address).await.is_err());

    gateway.go_on.notify_one();
    read_until(&mut busy, "0\r\n\r\n").await;
    eventually(|| gateway.connections.load(Ordering::Relaxed) == 0).await;
}

#[tokio::test]
async fn a_request_sent_before_the_shutdown_is_answered_and_a_silent_connection_is_let_go() {
    for _ in 0..4 {
        let gateway = gateway(None).await;
        let _silent = gateway.connect().await;
        eventually(|| gateway.connections.load(Ordering::Relaxed) == 1).await;
        // Without a yield in between: the listener finds the connection and the end of its work at once.
        let mut early = std::net::TcpStream::connect(gateway.address).unwrap();
        std::io::Write::write_all(&mut early, b"GET /hello HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
        gateway.stop.send_replace(true);

        early.set_nonblocking(true).unwrap();
        let mut early = tokio::net::TcpStream::from_std(early).unwrap();
        assert_eq!(read_answer(&mut early).await.1, "hello");
        eventually(|| gateway.connections.load(Ordering::Relaxed) == 0).await;
    }
}
