//! A Redis that speaks TLS alone and wants to see a certificate of its clients, and the papers for it.

use std::fs;

use pinhook::config::{Storage, StorageKind};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

use super::{Redis, arguments};

pub(crate) struct Secured {
    redis: Redis,
    folder: TempDir,
}

impl Secured {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut ca = CertificateParams::new(Vec::new()).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
        let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
        write("ca.pem", ca.pem());
        for name in ["server", "client"] {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
            params.distinguished_name.push(DnType::CommonName, name);
            write(&format!("{name}.pem"), params.signed_by(&key, &ca).unwrap().pem());
            write(&format!("{name}.key"), key.serialize_pem());
        }
        let file = |name: &str| folder.path().join(name).display().to_string();
        let redis = Redis::with(|port| {
            let port = port.to_string();
            let mut all = arguments(&["--port", "0", "--tls-port", &port, "--tls-auth-clients", "yes"]);
            all.extend(arguments(&[
                "--tls-cert-file",
                &file("server.pem"),
                "--tls-key-file",
                &file("server.key"),
            ]));
            all.extend(arguments(&["--tls-ca-cert-file", &file("ca.pem")]));
            all
        });
        Self { redis, folder }
    }

    /// With everything that is needed.
    pub(crate) fn storage(&self) -> Storage {
        let file = |name: &str| self.folder.path().join(name).display().to_string();
        Storage {
            kind: StorageKind::Redis,
            host: "localhost".to_owned(),
            port: self.redis.port(),
            timeout: 2,
            use_ssl: true,
            ca_file: file("ca.pem"),
            cert_file: file("client.pem"),
            key_file: file("client.key"),
            ..Storage::default()
        }
    }
}
