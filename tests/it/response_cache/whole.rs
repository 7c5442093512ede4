//! Only whole answers are kept: none that broke off, that nobody waited for, or that is too long.

use std::time::Duration;

use super::*;

async fn start(up: &Upstream) -> Gateway {
    let config = |config: &mut pinhook::config::Config| config.pinhook.max_buffered_body = 100_000;
    Gateway::build().config(config).api(cached("c", up, json!({}))).start().await
}

/// Asks until the whole answer, or what there is of it, has come.
async fn fetch(gateway: &Gateway) -> Vec<u8> {
    let mut connection = gateway.connect().await;
    connection.send("GET /c/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    connection.rest().await
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_kept() {
    for cut in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nfirst",
    ] {
        let up = Upstream::raw(cut).await;
        let gateway = start(&up).await;
        for asked in 1..=2 {
            fetch(&gateway).await;
            assert_eq!(up.count(), asked, "{cut:?}");
        }
        let kept = ["stored", "unstored", "hit"].map(|result| count(&gateway, "c", result));
        assert_eq!(kept, [0, 0, 0], "{cut:?}");
    }
}

#[tokio::test]
async fn a_chunked_answer_is_kept_and_told_with_its_length() {
    let up =
        Upstream::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")
            .await;
    let gateway = start(&up).await;
    assert!(twice(&gateway, "c", "/a").await);
    let hit = gateway.get("/c/a").send().await;
    assert_eq!((hit.text(), hit.header("content-length")), ("abc".to_owned(), Some("3")));
    assert_eq!(hit.header("transfer-encoding"), None);
}

#[tokio::test]
async fn an_answer_that_is_too_long_passes_and_is_not_kept() {
    let body = "x".repeat(150_000);
    let chunked = format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    for framed in [format!("Content-Length: {}\r\n\r\n{body}", body.len()), chunked] {
        let up = Upstream::raw(&format!("HTTP/1.1 200 OK\r\n{framed}")).await;
        let gateway = start(&up).await;
        for asked in 1..=2 {
            assert_eq!(gateway.get("/c/a").send().await.body.len(), body.len());
            assert_eq!(up.count(), asked);
        }
        assert_eq!(count(&gateway, "c", "stored"), 0);
    }
}

#[tokio::test]
async fn a_request_with_a_body_too_long_for_its_key_is_not_cached() {
    let up = counting("HTTP/1.1 200 OK").await;
    let entries = json!([{ "path": "/a", "method": "POST" }]);
    let definition = cached("c", &up, json!({})).endpoints("advance_cache_config", entries);
    let config = |config: &mut pinhook::config::Config| config.pinhook.max_buffered_body = 10;
    let gateway = Gateway::build().config(config).api(definition).start().await;
    let answer = gateway.request("POST", "/c/a").body("0123456789x").send().await;
    assert_eq!((answer.status, count(&gateway, "c", "miss")), (200, 0));
    assert_eq!(up.last().body, b"0123456789x");
}

#[tokio::test]
async fn a_client_that_leaves_does_not_leave_half_an_answer() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n".to_vec();
    let pieces = [vec![head], vec![vec![b'x'; 1_000]; 90]].concat();
    let up = Upstream::answering(Answer::Pieces(pieces, Duration::from_millis(5))).await;
    let gateway = start(&up).await;
    let mut connection = gateway.connect().await;
    connection.send("GET /c/a HTTP/1.1\r\nHost: x\r\n\r\n").await;
    connection.first_byte().await;
    drop(connection);
    let seen = "pinhook_requests_total{api=\"c\",method=\"GET\",status=\"200\"}";
    until("the request has ended", async || gateway.metric(seen).is_some()).await;
    assert_eq!(count(&gateway, "c", "stored"), 0);
    let answer = gateway.get("/c/a").send().await;
    assert_eq!((is_hit(&answer), answer.body.len()), (false, 90_000));
    stored(&gateway, "c", 1).await;
    assert_eq!(gateway.get("/c/a").send().await.body, answer.body);
}
