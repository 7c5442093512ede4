//! Certificates and protocol versions of our own sockets, as rustls wants them.
//!
//! The certificate of a connection is chosen by the name the client asks for, from a [`CertificateStore`] that can
//! be refilled while the process runs. pingora's `TlsSettings` is not used: it panics on a bad file and fixes versions
//! and cipher suites. TLS 1.0 and 1.1 do not exist here (decisions 5); a configuration that wants them is refused.

mod ask;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, fs, io, path::PathBuf, sync::Arc};

use arc_swap::ArcSwap;
pub use ask::{Announced, Asked, Asking};
use rustls::{
    ServerConfig, SupportedCipherSuite, SupportedProtocolVersion,
    crypto::{CryptoProvider, ring},
    server::{ClientHello, ProducesTickets, ResolvesServerCert, danger::ClientCertVerifier},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use crate::error::Problem;

/// One certificate of the configuration.
#[derive(Debug, Clone)]
pub struct CertificateFiles {
    /// Where it is asked for, such as `http_server_options.certificates[0]`.
    pub path: String,
    /// PEM with the certificate, then the intermediate ones.
    pub certificate: PathBuf,
    /// PEM with the unencrypted key; may be the same file.
    pub key: PathBuf,
    /// A name to serve it for beside those it was issued for (`domain_name`).
    pub name: Option<String>,
}

/// The certificates of a socket, by the names they were issued for.
#[derive(Debug, Default)]
pub struct Certificates {
    exact: HashMap<String, Arc<CertifiedKey>>,
    /// By what follows `*.`.
    wildcard: HashMap<String, Arc<CertifiedKey>>,
    /// The first one: for clients that name no host or an unknown one.
    fallback: Option<Arc<CertifiedKey>>,
}

impl Certificates {
    /// Reads every file. What cannot be used is left out and reported for `place`, the file that asks for it.
    pub fn load(place: &str, files: &[CertificateFiles], problems: &mut Vec<Problem>) -> Self {
        let mut certificates = Self::default();
        for files in files {
            match load(files) {
                Ok(key) => certificates.add(key, files.name.as_deref()),
                Err((message, hint)) => {
                    problems.push(Problem::error(place, &files.path, message).hint(hint));
                }
            }
        }
        certificates
    }

    /// Whether there is none at all, so that no handshake can succeed.
    pub fn is_empty(&self) -> bool {
        self.fallback.is_none()
    }

    fn add(&mut self, key: CertifiedKey, name: Option<&str>) {
        let key = Arc::new(key);
        for name in issued_for(&key).into_iter().chain(name.map(str::to_ascii_lowercase)) {
            match name.strip_prefix("*.") {
                Some(parent) => self.wildcard.entry(parent.to_string()).or_insert_with(|| key.clone()),
                None => self.exact.entry(name).or_insert_with(|| key.clone()),
            };
        }
        self.fallback.get_or_insert(key);
    }

    fn find(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let wildcard = || self.wildcard.get(name.split_once('.')?.1);
        self.exact.get(name).or_else(wildcard).or(self.fallback.as_ref()).cloned()
    }
}

fn issued_for(key: &CertifiedKey) -> Vec<String> {
    let parsed = key.cert.first().and_then(|first| webpki::EndEntityCert::try_from(first).ok());
    parsed.map(|cert| cert.valid_dns_names().map(str::to_ascii_lowercase).collect()).unwrap_or_default()
}

/// Message and hint of what is wrong with a pair of files.
type Wrong = (String, String);

fn load(files: &CertificateFiles) -> Result<CertifiedKey, Wrong> {
    let (certificate, key) = (files.certificate.display(), files.key.display());
    let pem = read(&files.certificate)?;
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|error| {
            (format!("{certificate} is not valid PEM: {error}"), "expected a PEM file".to_string())
        })?;
    if chain.is_empty() {
        let hint = "expected at least one `BEGIN CERTIFICATE` block".to_string();
        return Err((format!("{certificate} holds no certificate"), hint));
    }
    let pem = read(&files.key)?;
    let der = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| {
        let hint = if memchr::memmem::find(&pem, b"ENCRYPTED").is_some() {
            "an encrypted key cannot be used: decrypt it with `openssl pkey`"
        } else {
            "expected a `BEGIN PRIVATE KEY` block"
        };
        (format!("{key} holds no usable private key: {error}"), hint.to_string())
    })?;
    CertifiedKey::from_der(chain, der, &ring::default_provider()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => (
            format!("the key in {key} does not belong to the certificate in {certificate}"),
            "the first certificate of the file has to be the one the key was made for".to_string(),
        ),
        error => (
            format!("{certificate} with {key} cannot be used: {error}"),
            "expected an X.509 certificate and an RSA, ECDSA P-256, P-384, P-521 or Ed25519 key".to_string(),
        ),
    })
}

fn read(file: &PathBuf) -> Result<Vec<u8>, Wrong> {
    fs::read(file).map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::NotFound => "relative names start at the working directory",
            io::ErrorKind::PermissionDenied => "the gateway's user has to be able to read it",
            _ => "expected a readable PEM file",
        };
        (format!("{} cannot be read: {error}", file.display()), hint.to_string())
    })
}

/// The certificates in use; handshakes after a [`replace`](Self::replace) see the new ones.
#[derive(Debug, Default)]
pub struct CertificateStore(ArcSwap<Certificates>);

impl CertificateStore {
    /// Begins with `certificates`.
    pub fn new(certificates: Certificates) -> Self {
        Self(ArcSwap::from_pointee(certificates))
    }

    /// Swaps all certificates; open connections keep theirs.
    pub fn replace(&self, certificates: Certificates) {
        self.0.store(Arc::new(certificates));
    }
}

impl ResolvesServerCert for CertificateStore {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let certificates = self.0.load();
        match hello.server_name() {
            None => certificates.fallback.clone(),
            Some(name) if name.bytes().any(|byte| byte.is_ascii_uppercase()) => {
                certificates.find(&name.to_ascii_lowercase())
            }
            Some(name) => certificates.find(name),
        }
    }
}

/// What a socket speaks, in the words of `http_server_options`.
#[derive(Debug, Clone, Default)]
pub struct TlsSettings {
    /// Lowest version as on the wire: 771 is TLS 1.2 (also meant by 0), 772 is TLS 1.3.
    pub min_version: u16,
    /// Highest version; 0 means 772.
    pub max_version: u16,
    /// Go's names of the suites allowed with TLS 1.2; empty means all of ours. Those of TLS 1.3 cannot be chosen.
    pub ciphers: Vec<String>,
    /// Whether clients may negotiate HTTP/2.
    pub enable_http2: bool,
}

impl TlsSettings {
    /// Prepares configurations, or none if `problems` got an error: settings that cannot be honoured are never
    /// replaced by weaker ones. `place` is the file and `path` the object that holds the settings.
    pub fn build(
        &self,
        store: Arc<CertificateStore>,
        place: &str,
        path: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<Arc<TlsMaker>> {
        let versions = self.versions(place, path, problems);
        let suites = self.suites(place, path, problems);
        let (versions, cipher_suites) = (versions?, suites?);
        let provider = Arc::new(CryptoProvider { cipher_suites, ..ring::default_provider() });
        let alpn =
            if self.enable_http2 { vec![b"h2".into(), b"http/1.1".into()] } else { vec![b"http/1.1".into()] };
        let maker = ring::Ticketer::new().and_then(|tickets| {
            let asking = ring::Ticketer::new()?;
            let maker = TlsMaker { provider, versions, alpn, store, tickets, asking };
            maker.config(None).map(|_| Arc::new(maker))
        });
        maker
            .map_err(|error| {
                let message = format!("no TLS is possible with these settings: {error}");
                problems.push(Problem::error(place, path, message));
            })
            .ok()
    }

    fn versions(
        &self,
        place: &str,
        path: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<Vec<&'static SupportedProtocolVersion>> {
        let mut number = |key: &str, number: u16, default: u16| match number {
            0 => Some(default),
            771 | 772 => Some(number),
            768..=770 => {
                let message = format!("{number} is a version below TLS 1.2, which pinhook does not speak");
                problems.push(Problem::error(place, format!("{path}.{key}"), message).hint("use 771 or 772"));
                None
            }
            _ => {
                let message = format!("{number} is no TLS version, expected 771 (TLS 1.2) or 772 (TLS 1.3)");
                problems.push(Problem::error(place, format!("{path}.{key}"), message));
                None
            }
        };
        let (min, max) =
            (number("min_version", self.min_version, 771), number("max_version", self.max_version, 772));
        let (min, max) = (min?, max?);
        if min > max {
            let message = format!("min_version {min} is above max_version {max}");
            problems.push(Problem::error(place, format!("{path}.min_version"), message));
            return None;
        }
        let all = [(771, &TLS12), (772, &TLS13)];
        Some(all.into_iter().filter(|(n, _)| (min..=max).contains(n)).map(|(_, version)| version).collect())
    }

    fn suites(
        &self,
        place: &str,
        path: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<Vec<SupportedCipherSuite>> {
        let ours = ring::ALL_CIPHER_SUITES.to_vec();
        if self.ciphers.is_empty() {
            return Some(ours);
        }
        let named = |suite: &SupportedCipherSuite, name: &str| {
            suite.suite().as_str().is_some_and(|own| own == spelled(name))
        };
        for (at, name) in self.ciphers.iter().enumerate() {
            if !ours.iter().any(|suite| named(suite, name)) {
                let message = format!("cipher suite {name} is unknown or not offered here and is skipped");
                problems.push(Problem::warning(place, format!("{path}.ssl_ciphers[{at}]"), message));
            }
        }
        let chosen = |suite: &SupportedCipherSuite| self.ciphers.iter().any(|name| named(suite, name));
        if !ours.iter().any(chosen) {
            let names: Vec<&str> = ours.iter().filter_map(|suite| suite.suite().as_str()).collect();
            let problem = Problem::error(
                place,
                format!("{path}.ssl_ciphers"),
                "none of the cipher suites is offered here",
            );
            problems.push(problem.hint(format!("ours are {}", names.join(", "))));
            return None;
        }
        Some(ours.into_iter().filter(|suite| suite.version() == &TLS13 || chosen(suite)).collect())
    }
}

/// Makes the configurations of sockets: all alike but for the client certificates that they ask for.
pub struct TlsMaker {
    provider: Arc<CryptoProvider>,
    versions: Vec<&'static SupportedProtocolVersion>,
    alpn: Vec<Vec<u8>>,
    store: Arc<CertificateStore>,
    // Without tickets every resumption would need a place in a cache of 256. Whoever is asked for a certificate gets
    // tickets of their own: a session from before there was a question would be resumed without an answer.
    tickets: Arc<dyn ProducesTickets>,
    asking: Arc<dyn ProducesTickets>,
}

impl TlsMaker {
    /// A configuration; with `verifier` one that asks for client certificates.
    ///
    /// # Errors
    /// rustls refuses the settings.
    pub fn config(
        &self,
        verifier: Option<Arc<dyn ClientCertVerifier>>,
    ) -> Result<ServerConfig, rustls::Error> {
        let builder = ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&self.versions)?;
        let tickets = if verifier.is_some() { &self.asking } else { &self.tickets };
        let builder = match verifier {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(self.store.clone());
        config.ticketer = tickets.clone();
        config.alpn_protocols = self.alpn.clone();
        Ok(config)
    }

    /// The certificates that its sockets show.
    pub fn store(&self) -> Arc<CertificateStore> {
        self.store.clone()
    }
}

/// Go's name in rustls' spelling: Go calls the suites of TLS 1.3 `TLS_…` and knows short names for ChaCha20.
fn spelled(name: &str) -> String {
    match name.trim() {
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305" | "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305" => {
            format!("{}_SHA256", name.trim())
        }
        name if name.contains("_WITH_") => name.to_string(),
        name => name.replacen("TLS_", "TLS13_", 1),
    }
}
