//! HTTP/2 on either side: gRPC passes through, and the two versions of HTTP meet.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use h2::{RecvStream, client::SendRequest, server::SendResponse};
use http::{HeaderMap, Request, Response};
use tokio::net::{TcpListener, TcpStream};

use super::{MIB, open};
use crate::support::{
    definition::api,
    gateway::Gateway,
    in_time,
    upstream::{Answer, Upstream},
};

/// An HTTP/2 upstream without TLS that handles each stream with `handle`.
async fn upstream<F, W>(handle: F) -> SocketAddr
where
    F: Fn(Request<RecvStream>, SendResponse<Bytes>) -> W + Clone + Send + 'static,
    W: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let handle = handle.clone();
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((request, answer))) = connection.accept().await {
                    tokio::spawn(handle(request, answer));
                }
            });
        }
    });
    address
}

/// A gRPC service: each message comes back at once, then the status, and what came as trailer.
async fn service(request: Request<RecvStream>, mut answer: SendResponse<Bytes>) {
    let kind = request.headers().get("content-type").cloned();
    let refused = request.uri().path().ends_with("/refuse");
    let trailers = request.headers().get("te").is_some_and(|value| value == "trailers");
    let head = Response::builder().header("content-type", kind.unwrap());
    if refused {
        // A "trailers-only" answer.
        let head = head.header("grpc-status", "7").header("grpc-message", "no").body(()).unwrap();
        answer.send_response(head, true).unwrap();
        return;
    }
    let mut out = answer.send_response(head.body(()).unwrap(), false).unwrap();
    let mut body = request.into_body();
    while let Some(Ok(message)) = body.data().await {
        body.flow_control().release_capacity(message.len()).unwrap();
        out.send_data(message, false).unwrap();
    }
    let mut status = HeaderMap::new();
    status.insert("grpc-status", if trailers { "0" } else { "13" }.parse().unwrap());
    out.send_trailers(status).unwrap();
}

async fn client(gateway: &Gateway) -> SendRequest<Bytes> {
    let stream = TcpStream::connect(gateway.address()).await.unwrap();
    let (client, connection) = in_time("a handshake", h2::client::handshake(stream)).await.unwrap();
    tokio::spawn(async move {
        // The gateway ends with the test.
        let _ = connection.await;
    });
    client
}

fn call(method: &str) -> Request<()> {
    Request::post(format!("http://gateway.test/a/pkg.Service/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .unwrap()
}

async fn grpc(timeout: f64) -> Gateway {
    let target = format!("h2c://{}", upstream(service).await);
    let builder = Gateway::build().api(api("a").target_url(target));
    builder.config(|config| config.proxy_default_timeout = timeout).start().await
}

#[tokio::test]
async fn a_unary_call_passes_with_its_status() {
    let gateway = grpc(30.0).await;
    let client = client(&gateway).await;
    for number in 0..3 {
        let mut client = client.clone().ready().await.unwrap();
        let (answer, mut out) = client.send_request(call("Echo"), false).unwrap();
        out.send_data(Bytes::from(format!("\0\0\0\0\u{1}{number}")), true).unwrap();
        let answer = in_time("the answer", answer).await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (200, &"application/grpc".parse().unwrap())
        );
        let mut body = answer.into_body();
        assert_eq!(
            in_time("the message", body.data()).await.unwrap().unwrap(),
            format!("\0\0\0\0\u{1}{number}")
        );
        assert!(in_time("the end", body.data()).await.is_none());
        let trailers = in_time("the trailers", body.trailers()).await.unwrap().unwrap();
        assert_eq!(trailers["grpc-status"], "0");
    }
}

#[tokio::test]
async fn a_stream_of_messages_flows_both_ways_with_pauses() {
    // Longer pauses than the timeout.
    let gateway = grpc(0.3).await;
    let mut client = client(&gateway).await.ready().await.unwrap();
    let (answer, mut out) = client.send_request(call("Chat"), false).unwrap();
    let mut body = in_time("the head", answer).await.unwrap().into_body();
    for number in 0..4 {
        let message = Bytes::from(vec![b'0' + number; 1_000]);
        out.send_data(message.clone(), false).unwrap();
        assert_eq!(in_time("an echo", body.data()).await.unwrap().unwrap(), message);
        body.flow_control().release_capacity(message.len()).unwrap();
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    out.send_data(Bytes::new(), true).unwrap();
    assert!(in_time("the end", body.data()).await.is_none());
    let trailers = in_time("the trailers", body.trailers()).await.unwrap().unwrap();
    assert_eq!(trailers["grpc-status"], "0");
}

#[tokio::test]
async fn an_answer_of_trailers_only_passes() {
    let gateway = grpc(30.0).await;
    let mut client = client(&gateway).await.ready().await.unwrap();
    let (answer, _out) = client.send_request(call("refuse"), true).unwrap();
    let answer = in_time("the answer", answer).await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["grpc-status"]), (200, &"7".parse().unwrap()));
    assert!(answer.into_body().is_end_stream());
}

#[tokio::test]
async fn http_1_clients_reach_http_2_upstreams() {
    let target = upstream(|request: Request<RecvStream>, mut answer: SendResponse<Bytes>| async move {
        let path = request.uri().path().to_owned();
        let mut out = answer.send_response(Response::new(()), false).unwrap();
        let mut body = request.into_body();
        out.send_data(Bytes::from(path), false).unwrap();
        while let Some(Ok(data)) = body.data().await {
            body.flow_control().release_capacity(data.len()).unwrap();
            out.send_data(data, false).unwrap();
        }
        out.send_data(Bytes::new(), true).unwrap();
    })
    .await;
    let gateway = Gateway::build().api(api("a").target_url(format!("h2c://{target}"))).start().await;
    let mut connection = open(&gateway).await;
    for body in ["", "hello"] {
        connection
            .send(format!("POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
            .await;
        assert_eq!(connection.response().await.text(), format!("/x{body}"));
    }
}

#[tokio::test]
async fn http_2_clients_reach_http_1_upstreams_with_large_bodies() {
    let upstream = Upstream::answering(Answer::Echo).await;
    let gateway = Gateway::build().api(api("a").target(&upstream)).start().await;
    let mut client = client(&gateway).await.ready().await.unwrap();
    let request = Request::post("http://gateway.test/a/x").body(()).unwrap();
    let (answer, mut out) = client.send_request(request, false).unwrap();
    let sent = vec![b'x'; 4 * MIB];
    let upload = async {
        let mut left = Bytes::from(sent.clone());
        while !left.is_empty() {
            out.reserve_capacity(left.len());
            let room = std::future::poll_fn(|cx| out.poll_capacity(cx)).await.unwrap().unwrap();
            out.send_data(left.split_to(room.min(left.len())), false).unwrap();
        }
        out.send_data(Bytes::new(), true).unwrap();
    };
    let download = async {
        let mut body = answer.await.unwrap().into_body();
        let mut all = Vec::new();
        while let Some(data) = body.data().await {
            let data = data.unwrap();
            body.flow_control().release_capacity(data.len()).unwrap();
            all.extend_from_slice(&data);
        }
        all
    };
    let ((), back) = in_time("the echo", async { tokio::join!(upload, download) }).await;
    assert!(back == sent);
    assert_eq!(upstream.last().header("host"), Some(upstream.authority()));
}
