//! Clients that send too much or too slowly, connections that last, answers that pause.

use std::time::Duration;

use crate::support::{
    definition::api,
    gateway::Gateway,
    in_time, until,
    upstream::{Answer, Upstream},
};

#[tokio::test]
async fn heads_have_limits() {
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build()
        .api(api("a").target(&upstream))
        .config(|config| {
            config.pinhook.max_header_bytes = 4096;
            config.pinhook.max_headers = 20;
        })
        .start()
        .await;
    let large = format!("GET /a/x HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n", "x".repeat(5000));
    let many = format!("GET /a/x HTTP/1.1\r\nHost: h\r\n{}\r\n", "X: y\r\n".repeat(21));
    let too_many_for_the_parser = format!("GET /a/x HTTP/1.1\r\nHost: h\r\n{}\r\n", "X: y\r\n".repeat(400));
    for request in [large, many, too_many_for_the_parser] {
        let mut connection = gateway.connect().await;
        connection.send(&request).await;
        let response = connection.response().await;
        let start = &request[..40];
        assert_eq!(response.status, 431, "{start}");
        assert_eq!(response.text(), "431 Request Header Fields Too Large", "{start}");
        assert!(connection.is_closed().await, "{start}");
    }
    assert_eq!(upstream.count(), 0);
    assert_eq!(gateway.get("/a/x").header("X", "x".repeat(3000)).send().await.status, 200);
}

#[tokio::test]
async fn slow_clients_are_let_go() {
    let upstream = Upstream::answering(Answer::Echo).await;
    let gateway = Gateway::build()
        .api(api("a").target(&upstream))
        .config(|config| {
            config.http_server_options.read_timeout = 1;
            config.pinhook.idle_timeout_s = 2;
        })
        .start()
        .await;
    let slow = async |begin: &str, then: &str| {
        let mut connection = gateway.connect().await;
        connection.send(begin).await;
        // Each piece alone is in time.
        for _ in 0..8 {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let _ = connection.try_send(then).await;
        }
        connection.response_or_end().await.map(|response| response.status)
    };
    let kept = async {
        let mut connection = gateway.connect().await;
        connection.send("GET /a/x HTTP/1.1\r\nHost: h\r\n\r\n").await;
        assert_eq!(connection.response().await.status, 200);
        let begun = std::time::Instant::now();
        assert!(connection.is_closed().await);
        begun.elapsed()
    };
    let kept_then_slow = async {
        let mut connection = gateway.connect().await;
        connection.send("GET /a/x HTTP/1.1\r\nHost: h\r\n\r\nGET").await;
        assert_eq!(connection.response().await.status, 200);
        for _ in 0..8 {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let _ = connection.try_send("T").await;
        }
        connection.response_or_end().await.map(|response| response.status)
    };
    let (head, length, chunks, idle, second) = in_time("five slow clients", async {
        tokio::join!(
            slow("GET /a/x HTTP/1.1\r\n", "X: y\r\n"),
            slow("POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n", "x"),
            slow("POST /a/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"),
            kept,
            kept_then_slow,
        )
    })
    .await;
    assert_eq!(head, None, "a slow head is closed without a word");
    assert_eq!((length, chunks), (Some(408), Some(408)));
    assert!((Duration::from_millis(1500)..Duration::from_secs(4)).contains(&idle), "{idle:?}");
    assert_eq!(second, None, "a slow head on a kept connection");
}

#[tokio::test]
async fn a_connection_may_be_limited_to_so_many_requests() {
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build()
        .api(api("a").target(&upstream))
        .config(|config| config.pinhook.requests_per_connection = 3)
        .start()
        .await;
    let mut connection = gateway.connect().await;
    for request in 1..=3 {
        connection.send("GET /a/x HTTP/1.1\r\nHost: h\r\n\r\n").await;
        let response = connection.response().await;
        let last = response.header("connection") == Some("close");
        assert_eq!((response.status, last), (200, request == 3), "request {request}");
    }
    assert!(connection.is_closed().await);
}

#[tokio::test]
async fn an_answer_may_pause_longer_than_its_head() {
    let upstream = Upstream::answering(Answer::Pieces(
        vec![
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                .to_vec(),
            b"3\r\none\r\n".to_vec(),
            b"3\r\ntwo\r\n0\r\n\r\n".to_vec(),
        ],
        Duration::from_millis(700),
    ))
    .await;
    let silent = Upstream::answering(Answer::Hang).await;
    let gateway = Gateway::build()
        .api(api("a").target(&upstream))
        .api(api("silent").target(&silent))
        .config(|config| config.proxy_default_timeout = 0.5)
        .start()
        .await;
    // The first piece is the head, at once.
    let response = gateway.get("/a/x").send().await;
    assert_eq!((response.status, response.text().as_str()), (200, "onetwo"));

    for request in [gateway.get("/silent/x"), gateway.request("POST", "/silent/x").body("b")] {
        assert_eq!(request.send().await.status, 504);
    }
    until("the upstream connections end", async || silent.count() == 2).await;
}
