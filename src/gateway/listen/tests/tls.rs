use std::{io, path::Path, sync::Arc, sync::atomic::Ordering};

use rustls::{ClientConfig, RootCertStore, ServerConfig, crypto::ring};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::{io::AsyncReadExt, net::TcpStream};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::support::*;
use crate::gateway::tls::{CertificateFiles, CertificateStore, Certificates, TlsSettings};

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

fn certificates(names: &[&str]) -> Certificates {
    let files = |name: &&str| CertificateFiles {
        path: String::new(),
        certificate: fixture(&format!("{name}.pem")),
        key: fixture(&format!("{name}.key")),
        name: None,
    };
    let mut problems = Vec::new();
    let loaded = Certificates::load("test", &names.iter().map(files).collect::<Vec<_>>(), &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    loaded
}

pub(super) fn store(names: &[&str]) -> CertificateStore {
    CertificateStore::new(certificates(names))
}

pub(super) fn server_config(store: Arc<CertificateStore>, enable_http2: bool) -> Arc<ServerConfig> {
    let settings = TlsSettings { enable_http2, ..Default::default() };
    let maker = settings.build(store, "test", "", &mut Vec::new()).unwrap();
    Arc::new(maker.config(None).unwrap())
}

/// Connects and checks that the certificate is good for `name`.
pub(super) async fn client(
    gateway: &Gateway,
    name: &str,
    alpn: &[&[u8]],
) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(fixture("ca.pem")).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let name = ServerName::try_from(name.to_string()).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, gateway.connect().await).await
}

#[tokio::test]
async fn http1_over_tls_keeps_the_connection_and_carries_large_bodies() {
    let gateway = gateway(Some(server_config(Arc::new(store(&["one"])), true))).await;
    let mut client = client(&gateway, "one.test", &[b"http/1.1"]).await.unwrap();
    write(&mut client, "GET /who HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let (_, body) = read_answer(&mut client).await;
    assert_eq!(body, format!("{} HTTP/1.1", client.get_ref().0.local_addr().unwrap()));
    let upload = "z".repeat(100_000);
    for _ in 0..2 {
        let head = format!("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", upload.len());
        write(&mut client, &(head + &upload)).await;
        assert!(read_answer(&mut client).await.1 == upload);
    }
    write(&mut client, "GET /stream HTTP/1.1\r\nhost: a\r\n\r\n").await;
    read_until(&mut client, "first\r\n").await;
    gateway.go_on.notify_one();
    read_until(&mut client, "0\r\n\r\n").await;
}

#[tokio::test]
async fn an_upgraded_connection_over_tls_copies_bytes() {
    let gateway = gateway(Some(server_config(Arc::new(store(&["one"])), true))).await;
    let mut client = client(&gateway, "one.test", &[]).await.unwrap();
    write(
        &mut client,
        "GET /upgrade HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    )
    .await;
    let head = tokio::time::timeout(DEADLINE, read_head(&mut client)).await.unwrap().unwrap();
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    for frame in ["ping", "x"] {
        write(&mut client, frame).await;
        read_until(&mut client, frame).await;
    }
}

#[tokio::test]
async fn the_name_chooses_the_certificate_and_a_replacement_serves_new_connections() {
    let store = Arc::new(store(&["one"]));
    let gateway = gateway(Some(server_config(store.clone(), false))).await;
    let mut open = client(&gateway, "sub.one.test", &[]).await.unwrap();
    let error = client(&gateway, "two.test", &[]).await.unwrap_err();
    assert!(error.to_string().contains("not valid for name"), "{error}");

    store.replace(certificates(&["one", "two"]));
    client(&gateway, "two.test", &[]).await.unwrap();
    client(&gateway, "one.test", &[]).await.unwrap();
    write(&mut open, "GET /hello HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(read_answer(&mut open).await.1, "hello");
}

#[tokio::test]
async fn http2_is_not_offered_unless_enabled() {
    let gateway = gateway(Some(server_config(Arc::new(store(&["one"])), false))).await;
    let client = client(&gateway, "one.test", &[b"h2", b"http/1.1"]).await.unwrap();
    assert_eq!(client.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
}

#[tokio::test]
async fn a_client_without_tls_is_dropped_and_the_next_one_served() {
    let gateway = gateway(Some(server_config(Arc::new(store(&["one"])), false))).await;
    let mut plain = gateway.connect().await;
    write(&mut plain, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(DEADLINE, plain.read_to_end(&mut rest)).await.expect("closed in time");
    assert!(!rest.starts_with(b"HTTP"));
    client(&gateway, "one.test", &[]).await.unwrap();
    eventually(|| gateway.connections.load(Ordering::Relaxed) == 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_does_not_go_on_is_cut_off() {
    let gateway = gateway(Some(server_config(Arc::new(store(&["one"])), false))).await;
    let mut silent = gateway.connect().await;
    let mut rest = Vec::new();
    silent.read_to_end(&mut rest).await.unwrap();
    eventually(|| gateway.connections.load(Ordering::Relaxed) == 0).await;
}
