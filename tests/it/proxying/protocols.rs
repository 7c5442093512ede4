//! HTTP/1.1 kept and pipelined, HTTP/2 with and without TLS.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use pinhook::config::CertificateFiles;
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::support::{
    client::Connection,
    definition::api,
    gateway::Gateway,
    in_time,
    upstream::{Answer, Upstream},
};

#[tokio::test]
async fn a_connection_is_kept_on_both_sides() {
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build().api(api("a").target(&upstream)).start().await;
    let mut connection = gateway.connect().await;
    for number in 0..10 {
        connection.send(format!("GET /a/{number} HTTP/1.1\r\nHost: h\r\n\r\n")).await;
        assert_eq!(connection.response().await.text(), "up");
        assert_eq!(upstream.last().target, format!("/{number}"));
    }
    assert_eq!(upstream.connections(), 1);

    connection.send("GET /a/last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await;
    assert_eq!(connection.response().await.status, 200);
    assert!(connection.is_closed().await);
}

#[tokio::test]
async fn http_1_0_is_answered_and_closed() {
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build().api(api("a").target(&upstream)).start().await;
    let mut connection = gateway.connect().await;
    connection.send("GET /a/x HTTP/1.0\r\n\r\n").await;
    assert_eq!(connection.response().await.text(), "up");
    assert!(connection.is_closed().await);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let upstream = Upstream::answering(Answer::Echo).await;
    let gateway = Gateway::build().api(api("a").target(&upstream)).start().await;
    let mut connection = gateway.connect().await;
    let mut all = String::new();
    for number in 0..20 {
        let body = format!("body {number:02}");
        all += &match number % 5 {
            4 => "GET /none HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
            _ => format!("POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
        };
    }
    connection.send(all).await;
    for number in 0..20 {
        let response = connection.response_or_end().await;
        let response = response.unwrap_or_else(|| panic!("closed before answer {number}"));
        match number % 5 {
            4 => assert_eq!(response.status, 404, "{number}"),
            _ => assert_eq!(response.text(), format!("body {number:02}")),
        }
    }
}

/// Some requests to the API `a`, which has to echo them.
pub(crate) async fn over_http2(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, authority: &str) {
    let (client, connection) = in_time("handshake", h2::client::handshake(io)).await.unwrap();
    tokio::spawn(connection);
    let call = async |method: &str, path: &str, body: &[u8]| {
        let request = http::Request::builder().method(method).uri(format!("http://{authority}{path}"));
        let mut client = client.clone().ready().await.unwrap();
        let (answer, mut stream) = client.send_request(request.body(()).unwrap(), body.is_empty()).unwrap();
        if !body.is_empty() {
            stream.send_data(Bytes::copy_from_slice(body), true).unwrap();
        }
        let answer = answer.await.unwrap();
        let (status, mut stream) = (answer.status().as_u16(), answer.into_body());
        let mut all = Vec::new();
        while let Some(data) = stream.data().await {
            let data = data.unwrap();
            stream.flow_control().release_capacity(data.len()).unwrap();
            all.extend_from_slice(&data);
        }
        (status, all)
    };
    let large = vec![b'z'; 40_000];
    let work = async {
        tokio::join!(
            call("POST", "/a/small", b"small"),
            call("POST", "/a/large", &large),
            call("GET", "/a/empty", b""),
            call("GET", "/none", b""),
            call("GET", "/a/%zz", b""),
        )
    };
    let (small, echoed, empty, none, bad) = in_time("five streams", work).await;
    assert_eq!(small, (200, b"small".to_vec()));
    assert!(echoed == (200, large.clone()));
    assert_eq!(empty, (200, Vec::new()));
    assert_eq!((none.0, bad.0), (404, 400));
}

#[tokio::test]
async fn http2_by_prior_knowledge() {
    let upstream = Upstream::answering(Answer::Echo).await;
    let gateway = Gateway::build().api(api("a").target(&upstream)).start().await;
    over_http2(TcpStream::connect(gateway.address()).await.unwrap(), "gateway.test").await;
    assert!(upstream.seen().iter().all(|seen| seen.header("host") == Some(upstream.authority())));
}

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

async fn with_tls(upstream: &Upstream) -> Gateway {
    let builder = Gateway::build().api(api("a").target(upstream)).config(|config| {
        let options = &mut config.http_server_options;
        options.use_ssl = true;
        options.enable_http2 = true;
        options.certificates = vec![CertificateFiles {
            cert_file: fixture("one.pem").display().to_string(),
            key_file: fixture("one.key").display().to_string(),
            ..Default::default()
        }];
    });
    builder.start().await
}

async fn tls(gateway: &Gateway, name: &str, alpn: &str) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(fixture("ca.pem")).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let stream = TcpStream::connect(gateway.address()).await.unwrap();
    in_time("a handshake", TlsConnector::from(Arc::new(config)).connect(name, stream)).await
}

#[tokio::test]
async fn the_traffic_port_speaks_tls_with_one_certificate() {
    let upstream = Upstream::answering(Answer::Echo).await;
    let gateway = with_tls(&upstream).await;

    let mut connection = Connection::over(tls(&gateway, "one.test", "http/1.1").await.unwrap());
    for _ in 0..2 {
        connection.send("POST /a/x HTTP/1.1\r\nHost: one.test\r\nContent-Length: 5\r\n\r\nhello").await;
        assert_eq!(connection.response().await.text(), "hello");
    }

    over_http2(tls(&gateway, "one.test", "h2").await.unwrap(), "one.test").await;

    assert!(tls(&gateway, "two.test", "http/1.1").await.is_err(), "the certificate is for one.test");
    let mut plain = gateway.connect().await;
    plain.send("GET /a/x HTTP/1.1\r\nHost: one.test\r\n\r\n").await;
    assert!(plain.rest().await.iter().all(|byte| *byte != b'H'), "no HTTP without TLS");
}
