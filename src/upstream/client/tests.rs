use std::sync::Arc;

use http::header;
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::error::Error;

/// Takes one request and answers with `answer`; the request as text comes back.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &str) -> String {
    let mut seen = Vec::new();
    while !seen.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut seen).await.unwrap_or(0) == 0 {
            break;
        }
    }
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.flush().await;
    String::from_utf8(seen).unwrap()
}

async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    (listener, url)
}

async fn accept(listener: &TcpListener) -> TcpStream {
    listener.accept().await.unwrap().0
}

fn fault(error: Error) -> CallError {
    match error {
        Error::Call(fault) => fault,
        other => panic!("not a call error: {other}"),
    }
}

#[tokio::test]
async fn a_call_sends_what_it_says_and_takes_an_answer_of_any_status() {
    let (listener, url) = listener().await;
    let server = tokio::spawn(async move {
        serve(accept(&listener).await, "HTTP/1.1 418 I\r\nX-A: b\r\nContent-Length: 2\r\n\r\nhi").await
    });
    let mut call = Call::new(Method::PUT, url);
    call.headers.insert(header::USER_AGENT, "me".parse().unwrap());
    call.body = Bytes::from_static(b"{}");
    let reply = Client::default().send(call).await.unwrap();
    assert_eq!(
        (reply.status.as_u16(), &reply.headers["x-a"], &reply.body[..]),
        (418, &"b".parse().unwrap(), &b"hi"[..])
    );
    let seen = server.await.unwrap();
    assert!(seen.starts_with("PUT /x HTTP/1.1\r\n"), "{seen}");
    assert!(seen.contains("user-agent: me\r\n") && seen.contains("content-length: 2\r\n"), "{seen}");
}

#[tokio::test]
async fn a_body_above_the_limit_is_an_error_announced_or_not() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789",
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n123456789",
    ] {
        let (listener, url) = listener().await;
        tokio::spawn(async move { serve(accept(&listener).await, answer).await });
        let call = Call { limit: 8, ..Call::get(url) };
        let error = fault(Client::default().send(call).await.unwrap_err());
        assert!(matches!(error, CallError::TooLarge { limit: 8, .. }), "{error}");
    }
}

#[tokio::test]
async fn silence_ends_with_the_timeout_and_nobody_there_at_once() {
    let (listener, url) = listener().await;
    let call = Call { timeout: Duration::from_millis(50), ..Call::get(&url) };
    let error = fault(Client::default().send(call).await.unwrap_err());
    assert!(matches!(error, CallError::Timeout { .. }), "{error}");
    drop(listener);
    let error = Client::default().send(Call::get(&url)).await.unwrap_err();
    assert!(matches!(error, Error::Call(CallError::Failed { .. })), "{error}");
    assert!(error.chain().to_lowercase().contains("refused"), "{}", error.chain());
}

#[tokio::test]
async fn what_is_no_web_address_is_refused_and_secrets_of_a_url_stay_out_of_texts() {
    for url in ["", "/path", "ftp://a/b", "file:///etc/passwd"] {
        let error = fault(Client::default().send(Call::get(url)).await.unwrap_err());
        assert!(matches!(error, CallError::Url(_)), "{url}: {error}");
    }
    let (listener, url) = listener().await;
    drop(listener);
    let url = url.replace("://", "://user:hidden@") + "?token=hidden";
    let text = Client::default().send(Call::get(url)).await.unwrap_err().chain();
    assert!(!text.contains("hidden"), "{text}");
}

#[tokio::test]
async fn a_certificate_is_checked_unless_told_otherwise() {
    let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![key.cert.der().clone()], der)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (listener, url) = listener().await;
    let url = url.replace("http://127.0.0.1", "https://localhost");
    tokio::spawn(async move {
        loop {
            if let Ok(stream) = acceptor.accept(accept(&listener).await).await {
                serve(stream, "HTTP/1.1 204 No\r\n\r\n").await;
            }
        }
    });
    let client = Client::default();
    let error = fault(client.send(Call::get(&url)).await.unwrap_err());
    assert!(matches!(error, CallError::Failed { .. }), "{error}");
    let reply = client.send(Call { verify: false, ..Call::get(&url) }).await.unwrap();
    assert_eq!(reply.status, 204);
}
