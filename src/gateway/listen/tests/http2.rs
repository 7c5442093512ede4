use std::sync::{Arc, atomic::Ordering};

use bytes::Bytes;
use h2::client::SendRequest;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    support::*,
    tls::{client, server_config, store},
};

async fn handshake(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> SendRequest<Bytes> {
    let (send, connection) = h2::client::handshake(io).await.unwrap();
    tokio::spawn(connection);
    send
}

async fn call(send: SendRequest<Bytes>, path: &str, body: Option<&str>) -> (http::StatusCode, Vec<u8>) {
    let work = async {
        let request = http::Request::builder().method(if body.is_some() { "POST" } else { "GET" });
        let request = request.uri(format!("http://a{path}"));
        let request = match body {
            Some(body) => request.header("content-length", body.len()),
            None => request,
        };
        let mut send = send.ready().await.unwrap();
        let (answer, mut stream) = send.send_request(request.body(()).unwrap(), body.is_none()).unwrap();
        if let Some(body) = body {
            stream.send_data(Bytes::copy_from_slice(body.as_bytes()), true).unwrap();
        }
        let answer = answer.await.unwrap();
        let (status, mut body) = (answer.status(), answer.into_body());
        let mut all = Vec::new();
        while let Some(data) = body.data().await {
            let data = data.unwrap();
            body.flow_control().release_capacity(data.len()).unwrap();
            all.extend_from_slice(&data);
        }
        (status, all)
    };
    tokio::time::timeout(DEADLINE, work).await.expect("an answer in time")
}

async fn speaks_http2(gateway: Gateway, io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
    let send = handshake(io).await;
    let (status, body) = call(send.clone(), "/who", None).await;
    assert_eq!(status, 200);
    assert!(body.ends_with(b"HTTP/2.0"), "{body:?}");
    let upload = "z".repeat(40_000);
    let (hello, echo, large) = tokio::join!(
        call(send.clone(), "/hello", None),
        call(send.clone(), "/echo", Some(&upload)),
        call(send.clone(), "/large", None)
    );
    assert_eq!(hello.1, b"hello");
    assert!(echo.1 == upload.as_bytes());
    assert_eq!(large.1.len(), LARGE);
    assert_eq!(gateway.connections.load(Ordering::Relaxed), 1);
    // The running request ends, then the connection does.
    let request = http::Request::get("http://a/stream").body(()).unwrap();
    let (answer, _) = send.clone().ready().await.unwrap().send_request(request, true).unwrap();
    let mut body = tokio::time::timeout(DEADLINE, answer).await.unwrap().unwrap().into_body();
    assert_eq!(body.data().await.unwrap().unwrap(), "first");
    gateway.stop.send_replace(true);
    tokio::time::timeout(DEADLINE, gateway.done).await.unwrap().unwrap();
    gateway.go_on.notify_one();
    assert_eq!(body.data().await.unwrap().unwrap(), "second");
    eventually(|| gateway.connections.load(Ordering::Relaxed) == 0).await;
}

#[tokio::test]
async fn http2_without_tls_by_prior_knowledge() {
    let gateway = gateway(None).await;
    let io = gateway.connect().await;
    speaks_http2(gateway, io).await;
}

#[tokio::test]
async fn http2_over_tls() {
    let gateway = gateway(Some(server_config(Arc::new(store(&["one"])), true))).await;
    let io = client(&gateway, "one.test", &[b"h2"]).await.unwrap();
    assert_eq!(io.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    speaks_http2(gateway, io).await;
}
