//! Client certificates, over real handshakes.

mod control;
mod lists;
mod names;
mod tokens;

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use pinhook::config::{CertificateFiles, Config};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::{
    ClientConfig, RootCertStore, SignatureScheme, SupportedProtocolVersion, client::ResolvesClientCert,
    crypto::ring, sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::support::{
    client::{Connection, Response},
    definition::{Definition, api},
    gateway::{Gateway, SECRET},
    in_time,
    upstream::Upstream,
};

/// An authority.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    fn issue(&self, name: &str) -> Identity {
        self.issue_until(name, 2090)
    }

    fn issue_until(&self, name: &str, year: i32) -> Identity {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().unwrap();
        Identity { pem: params.signed_by(&key, &self.0).unwrap().pem(), key: key.serialize_pem() }
    }
}

/// A certificate with its key.
#[derive(Clone)]
struct Identity {
    pem: String,
    key: String,
}

impl Identity {
    fn fingerprint(&self) -> String {
        let der = CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap();
        Sha256::digest(&der).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn id(&self) -> String {
        format!("org{}", self.fingerprint())
    }

    fn certified(&self) -> Arc<CertifiedKey> {
        let chain = vec![CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        Arc::new(CertifiedKey::from_der(chain, key, &ring::default_provider()).unwrap())
    }
}

/// Shows a certificate, if it is asked, and remembers what the question named.
#[derive(Debug, Default)]
struct Shows {
    key: Option<Arc<CertifiedKey>>,
    asked: Mutex<Option<Vec<Vec<u8>>>>,
}

impl ResolvesClientCert for Shows {
    fn resolve(&self, hints: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        *self.asked.lock().unwrap() = Some(hints.iter().map(|hint| hint.to_vec()).collect());
        self.key.clone()
    }

    fn has_certs(&self) -> bool {
        true
    }
}

const VERSIONS: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS12, &rustls::version::TLS13];

/// A client that asks for `one.test`.
struct Client {
    shows: Arc<Shows>,
    host: &'static str,
    versions: Vec<&'static SupportedProtocolVersion>,
}

fn client(identity: Option<&Identity>) -> Client {
    let shows = Shows { key: identity.map(Identity::certified), ..Shows::default() };
    Client { shows: Arc::new(shows), host: "one.test", versions: VERSIONS.to_vec() }
}

impl Client {
    fn host(mut self, host: &'static str) -> Self {
        self.host = host;
        self
    }

    fn version(mut self, version: &'static SupportedProtocolVersion) -> Self {
        self.versions = vec![version];
        self
    }

    async fn connect(&self, gateway: &Gateway, alpn: &[u8]) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(fixture("ca.pem")).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_protocol_versions(&self.versions).unwrap();
        let mut config = builder.with_root_certificates(roots).with_client_cert_resolver(self.shows.clone());
        config.alpn_protocols = vec![alpn.to_vec()];
        let name = ServerName::try_from(self.host).unwrap();
        let stream = TcpStream::connect(gateway.address()).await.unwrap();
        in_time("a handshake", TlsConnector::from(Arc::new(config)).connect(name, stream)).await.unwrap()
    }

    async fn open(&self, gateway: &Gateway) -> Connection<TlsStream<TcpStream>> {
        Connection::over(self.connect(gateway, b"http/1.1").await)
    }

    async fn get(&self, gateway: &Gateway, target: &str) -> Response {
        self.send(gateway, &format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host)).await
    }

    async fn with_token(&self, gateway: &Gateway, target: &str, token: &str) -> Response {
        let head = format!("GET {target} HTTP/1.1\r\nHost: {}\r\nAuthorization: {token}\r\n\r\n", self.host);
        self.send(gateway, &head).await
    }

    async fn control(&self, gateway: &Gateway, method: &str, target: &str, body: &str) -> Response {
        let host = self.host;
        let length = body.len();
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: {host}\r\nX-Tyk-Authorization: {SECRET}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        self.send(gateway, &head).await
    }

    async fn send(&self, gateway: &Gateway, bytes: &str) -> Response {
        let mut connection = self.open(gateway).await;
        connection.send(bytes).await;
        connection.response().await
    }

    /// The names of the last question; nothing if there was none.
    fn asked(&self) -> Option<Vec<Vec<u8>>> {
        self.shows.asked.lock().unwrap().take()
    }
}

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

/// A gateway that speaks TLS as `one.test` and `two.test`.
async fn gateway(apis: impl IntoIterator<Item = Definition>, change: impl FnOnce(&mut Config)) -> Gateway {
    let builder = Gateway::build().config(|config| {
        let options = &mut config.http_server_options;
        options.use_ssl = true;
        options.enable_http2 = true;
        options.certificates = ["one", "two"].map(files).to_vec();
        config.enable_custom_domains = true;
        config.allow_master_keys = true;
        change(config);
    });
    apis.into_iter().fold(builder, |builder, api| builder.api(api)).start().await
}

fn files(name: &str) -> CertificateFiles {
    CertificateFiles {
        domain_name: format!("{name}.test"),
        cert_file: fixture(&format!("{name}.pem")).display().to_string(),
        key_file: fixture(&format!("{name}.key")).display().to_string(),
    }
}

/// An API with static mutual TLS.
fn guarded(id: &str, upstream: &Upstream, list: Value) -> Definition {
    api(id).target(upstream).set("use_mutual_tls_auth", true).set("client_certificates", list)
}

/// Keeps a certificate of organisation `org`.
async fn keep(gateway: &Gateway, pem: &str) -> String {
    let response = client(None).control(gateway, "POST", "/tyk/certs?org_id=org", pem).await;
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()["id"].as_str().unwrap().to_owned()
}

fn refused(status: u16, text: &str) -> (u16, String) {
    (status, text.to_owned())
}
