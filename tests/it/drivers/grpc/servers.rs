//! Ways to a server: sockets, names, several addresses, TLS; and what of it reloads keep.

use std::{fs, path::Path, sync::Arc};

use pinhook::config::PinhookGrpc;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{RootCertStore, ServerConfig, crypto::ring, server::WebPkiClientVerifier};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tempfile::TempDir;

use super::{gateway, mark, with_hook};
use crate::support::{definition::Definition, plugin_server::PluginServer, upstream::Upstream};

fn marked(upstream: &Upstream) -> Definition {
    with_hook("a", "pre", "Mark", upstream)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_of_all_forms_are_understood() {
    let upstream = Upstream::named("up").await;
    let folder = tempfile::tempdir().unwrap();
    let server = PluginServer::start(|object| mark(object, "tcp")).await;
    let socket = PluginServer::unix(&folder.path().join("s"), |object| mark(object, "unix"));
    let (port, path) = (server.address().port(), folder.path().join("s").display().to_string());
    for (target, mark) in [
        (server.target().to_owned(), "tcp"),
        (format!("127.0.0.1:{port}"), "tcp"),
        (format!("localhost:{port}"), "tcp"),
        (format!("dns:///localhost:{port}"), "tcp"),
        (format!("ipv4:127.0.0.1:{port}"), "tcp"),
        (format!("passthrough:///127.0.0.1:{port}"), "tcp"),
        (format!("unix://{path}"), "unix"),
        (format!("unix:{path}"), "unix"),
    ] {
        let gateway = gateway(&target).api(marked(&upstream)).start().await;
        assert_eq!(gateway.get("/a/x").send().await.status, 200, "{target}");
        assert_eq!(upstream.last().header("X-Mark").as_deref(), Some(mark), "{target}");
    }
    let authority = |server: &PluginServer| server.last_head().uri().authority().unwrap().to_string();
    assert_eq!((authority(&server), authority(&socket)), (format!("127.0.0.1:{port}"), "localhost".into()));
    let named = gateway(server.target()).config(|config| {
        config.coprocess_options.grpc_authority = "plugins.example".to_owned();
    });
    named.api(marked(&upstream)).start().await.get("/a/x").send().await;
    assert_eq!(authority(&server), "plugins.example");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_go_round_all_addresses_and_past_those_that_are_gone() {
    let upstream = Upstream::named("up").await;
    let one = PluginServer::start(|object| mark(object, "one")).await;
    let two = PluginServer::start(|object| mark(object, "two")).await;
    let target = format!("ipv4:{},{}", one.address(), two.address());
    let gateway = gateway(&target)
        .config(|config| config.coprocess_options.grpc_round_robin_load_balancing = true)
        .api(marked(&upstream))
        .start()
        .await;
    for _ in 0..10 {
        assert_eq!(gateway.get("/a/x").send().await.status, 200);
    }
    assert_eq!((one.calls(), two.calls()), (5, 5));
    drop(one);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let mut failed = 0;
    for _ in 0..20 {
        failed += usize::from(gateway.get("/a/x").send().await.status != 200);
    }
    // At most a call for each connection that had not yet been seen to be broken.
    assert!(failed <= 2, "{failed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reloads_and_other_apis_use_the_connections_that_are_there() {
    let upstream = Upstream::named("up").await;
    let server = PluginServer::start(|object| mark(object, "x")).await;
    let gateway = gateway(server.target())
        .api(marked(&upstream))
        .api(with_hook("b", "post", "Mark", &upstream))
        .start()
        .await;
    for turn in 0..3 {
        for _ in 0..4 {
            for path in ["/a/x", "/b/x"] {
                assert_eq!(gateway.get(path).send().await.status, 200);
            }
        }
        gateway.put(&marked(&upstream).set("tags", vec![turn.to_string()]));
        gateway.reload().await;
    }
    assert_eq!(server.connections(), PinhookGrpc::default().connections);
}

/// An authority, and files of what it has signed.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Writes `name.pem` and `name.key`.
    fn sign(&self, name: &str) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        fs::write(self.path(&format!("{name}.pem")), certificate.pem()).unwrap();
        fs::write(self.path(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }

    /// A server of this name that wants a certificate of the same authority.
    fn config(&self, name: &str) -> ServerConfig {
        self.sign(name);
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let clients =
            WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone()).build().unwrap();
        let pem = |kind: &str| self.path(&format!("{name}.{kind}"));
        let certificate = CertificateDer::from_pem_file(Path::new(&pem("pem"))).unwrap();
        let key = PrivateKeyDer::from_pem_file(Path::new(&pem("key"))).unwrap();
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(clients)
            .with_single_cert(vec![certificate], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        config
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_encrypted_and_both_sides_are_checked() {
    let upstream = Upstream::named("up").await;
    let (authority, stranger) = (Authority::new(), Authority::new());
    let server = PluginServer::tls(authority.config("plugins.test"), |object| mark(object, "tls")).await;
    authority.sign("gateway.test");
    stranger.sign("gateway.test");
    let fine = PinhookGrpc {
        ca_file: authority.path("ca.pem"),
        cert_file: authority.path("gateway.test.pem"),
        key_file: authority.path("gateway.test.key"),
        server_name: "plugins.test".to_owned(),
        ..PinhookGrpc::default()
    };
    let skipping = PinhookGrpc { insecure_skip_verify: true, ca_file: String::new(), ..fine.clone() };
    let switched = PinhookGrpc { tls: true, ..fine.clone() };
    let plain = server.target().replace("tls://", "tcp://");
    let cases = [
        (server.target(), fine.clone(), 200),
        (&*plain, switched, 200),
        (server.target(), skipping, 200),
        // In the clear, from an authority that is not the server's, under another name, without a certificate of
        // one's own, and with one that the server does not take.
        (&*plain, fine.clone(), 500),
        (server.target(), PinhookGrpc { ca_file: stranger.path("ca.pem"), ..fine.clone() }, 500),
        (server.target(), PinhookGrpc { server_name: "other.test".into(), ..fine.clone() }, 500),
        (
            server.target(),
            PinhookGrpc { cert_file: String::new(), key_file: String::new(), ..fine.clone() },
            500,
        ),
        (
            server.target(),
            PinhookGrpc {
                cert_file: stranger.path("gateway.test.pem"),
                key_file: stranger.path("gateway.test.key"),
                ..fine.clone()
            },
            500,
        ),
        (server.target(), PinhookGrpc { ca_file: "/missing.pem".into(), ..fine }, 500),
    ];
    for (index, (target, own, status)) in cases.into_iter().enumerate() {
        let gateway = gateway(target).config(|config| config.pinhook.grpc = own).api(marked(&upstream));
        let gateway = gateway.start().await;
        assert_eq!(gateway.get("/a/x").send().await.status, status, "case {index}");
    }
}
