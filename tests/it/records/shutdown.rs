//! SIGTERM under load: every request that got an answer has its record and its line in the access log.

use std::{fs, time::Duration};

use rustix::process::Signal;
use serde_json::json;

use crate::support::{client::Connection, definition::api, program::Program, upstream::Upstream};

/// Sends requests on one connection until it ends; how many were answered.
async fn load(mut connection: Connection) -> usize {
    let mut answered = 0;
    while connection.try_send("GET /a/x HTTP/1.1\r\nHost: h\r\n\r\n").await {
        match connection.response_or_end().await {
            Some(response) => assert_eq!(response.status, 200),
            None => break,
        }
        answered += 1;
    }
    answered
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_under_load() {
    let up = Upstream::named("up").await;
    let builder = Program::build();
    let file = builder.path("records.jsonl");
    let mut program = builder
        .api(api("a").target(&up))
        .set("log_format", "json")
        .set("enable_analytics", true)
        .set("access_logs", json!({ "enabled": true }))
        .set("pinhook.analytics", json!({ "sink": "file", "path": file }))
        .start()
        .await;
    let mut clients = Vec::new();
    for _ in 0..8 {
        clients.push(tokio::spawn(load(program.connect().await)));
    }
    tokio::time::sleep(Duration::from_millis(400)).await;
    program.signal(Signal::TERM);
    assert_eq!(program.end().await.code(), Some(0), "{}", program.log());
    let mut answered = 0;
    for client in clients {
        answered += client.await.unwrap();
    }
    assert!(answered > 100, "{answered}");
    let records = fs::read_to_string(file).unwrap().lines().count();
    let lines = program.log().lines().filter(|line| line.contains("\"access-log\"")).count();
    assert_eq!((records, lines), (answered, answered));
}
