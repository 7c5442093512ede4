//! SIGTERM: what was begun is finished, what was recorded is written, and the process is gone when it should be.

use std::{
    fs,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rustix::process::Signal;
use serde_json::Value;

use crate::support::{
    client::Connection,
    definition::api,
    in_time,
    load::{Load, Mix},
    program::Program,
    until,
    upstream::{Answer, Upstream},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kept_connections_lose_nothing_and_are_told_to_end() {
    let upstream = Upstream::named("up").await;
    let mut program = Program::build().api(api("a").target(&upstream)).start().await;
    let load =
        Load::start(program.address(), &["/a/x", "/none", "/a/y"], Mix { loyal: 16, ..Mix::default() });
    load.more(400).await;

    program.signal(Signal::TERM);

    assert_eq!(program.end().await.code(), Some(0), "{}", program.log());
    let tally = load.ended().await;
    println!("{} answered", tally.answered);
    assert_eq!(tally.failed, [""; 0], "of {}", tally.answered);
    assert_eq!((tally.connections, tally.told), (16, 16), "each ended with an answer that said so");
}

#[tokio::test]
async fn the_last_answer_of_a_slow_request_says_that_it_is_the_last() {
    let upstream = Upstream::named("up").await;
    let mut program = Program::build().api(api("a").target(&upstream)).start().await;
    let mut kept = program.connect().await;
    upstream.close();
    kept.send("GET /a/x HTTP/1.1\r\nHost: h\r\n\r\n").await;
    until("it is upstream", async || upstream.count() == 1).await;

    program.signal(Signal::TERM);
    until("it stops accepting", async || tokio::net::TcpStream::connect(program.address()).await.is_err())
        .await;
    upstream.open();

    let response = kept.response().await;
    assert_eq!((response.status, response.header("connection")), (200, Some("close")));
    assert_eq!(program.end().await.code(), Some(0));
}

#[tokio::test]
async fn ready_says_503_during_the_delay_while_requests_are_served() {
    let upstream = Upstream::named("up").await;
    let builder = Program::build().api(api("a").target(&upstream));
    let mut program = builder.set("graceful_shutdown_delay_seconds", 1).start().await;
    let mut kept = program.connect().await;
    let start = Instant::now();
    program.signal(Signal::TERM);

    until("not ready", async || program.get("/ready").send().await.status == 503).await;
    kept.send("GET /a/x HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let response = kept.response().await;
    assert_eq!(response.status, 200);
    assert_ne!(response.header("connection"), Some("close"), "it is still kept");
    assert_eq!(program.get("/a/x").send().await.text(), "up");

    assert_eq!(program.end().await.code(), Some(0));
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test]
async fn the_timeout_ends_what_never_ends() {
    let upstream = Upstream::answering(Answer::Hang).await;
    let builder = Program::build().api(api("a").target(&upstream));
    let mut program = builder.set("graceful_shutdown_timeout_duration", 1).start().await;
    let _hanging = program.get("/a/x").start().await;
    until("it is upstream", async || upstream.count() == 1).await;
    let start = Instant::now();

    program.signal(Signal::TERM);

    assert_eq!(program.end().await.code(), Some(0));
    let took = start.elapsed();
    assert!(took >= Duration::from_secs(1) && took < Duration::from_millis(2500), "{took:?}");
    assert!(program.log().contains("cut=1"), "{}", program.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_record_is_written() {
    let upstream = Upstream::named("up").await;
    let builder = Program::build().api(api("a").target(&upstream)).set("enable_analytics", true);
    let file = builder.path("records");
    let builder = builder.set("pinhook.analytics", serde_json::json!({ "sink": "file", "path": file }));
    let mut program = builder.start().await;
    let load = Load::start(program.address(), &["/a/x"], Mix { loyal: 8, ..Mix::default() });
    load.more(500).await;

    program.signal(Signal::TERM);

    assert_eq!(program.end().await.code(), Some(0));
    let tally = load.ended().await;
    let text = fs::read_to_string(file).unwrap();
    assert_eq!(
        text.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok()).count(),
        tally.answered
    );
}

#[tokio::test]
async fn http2_streams_are_finished_before_the_connection_ends() {
    let upstream = Upstream::named("up").await;
    let mut program = Program::build().api(api("a").target(&upstream)).start().await;
    let stream = tokio::net::TcpStream::connect(program.address()).await.unwrap();
    let (client, connection) = in_time("handshake", h2::client::handshake(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    upstream.close();
    let mut answers = Vec::new();
    for number in 0..20 {
        let mut client = client.clone().ready().await.unwrap();
        let uri = format!("http://h/a/{number}");
        let request = http::Request::builder().uri(uri).body(()).unwrap();
        answers.push(client.send_request(request, true).unwrap().0);
    }
    until("all are upstream", async || upstream.count() == answers.len()).await;

    program.signal(Signal::TERM);
    until("it stops accepting", async || tokio::net::TcpStream::connect(program.address()).await.is_err())
        .await;
    upstream.open();

    for answer in answers {
        let mut answer = in_time("an answer", answer).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(in_time("its body", answer.body_mut().data()).await.unwrap().unwrap(), Bytes::from("up"));
    }
    drop(client);
    in_time("GOAWAY", connection).await.unwrap().unwrap();
    assert_eq!(program.end().await.code(), Some(0), "{}", program.log());
}

#[tokio::test]
async fn an_idle_http2_connection_is_let_go_at_once() {
    let mut program = Program::build().start().await;
    let stream = tokio::net::TcpStream::connect(program.address()).await.unwrap();
    let (client, connection) = in_time("handshake", h2::client::handshake(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut ready = client.ready().await.unwrap();
    let request = http::Request::builder().uri("http://h/none").body(()).unwrap();
    assert_eq!(ready.send_request(request, true).unwrap().0.await.unwrap().status(), 404);
    let mut idle: Connection = program.connect().await;
    let start = Instant::now();

    program.signal(Signal::TERM);

    assert_eq!(program.end().await.code(), Some(0), "{}", program.log());
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert!(idle.is_closed().await);
    in_time("GOAWAY", connection).await.unwrap().unwrap();
}
