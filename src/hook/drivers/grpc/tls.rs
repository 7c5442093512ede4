//! TLS towards plugin servers, which Tyk lacks.

use std::{fs, sync::Arc};

use rustls::{
    DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{WebPkiSupportedAlgorithms, ring},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

use crate::config::PinhookGrpc;

/// What calls are encrypted with. Two that are equal need no connections of their own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Tls {
    authorities: Option<Vec<u8>>,
    identity: Option<(Vec<u8>, Vec<u8>)>,
    server_name: Option<String>,
    skip_verify: bool,
}

impl Tls {
    /// Reads the files of the settings.
    ///
    /// # Errors
    /// Which one cannot be read, and why.
    pub(super) fn load(own: &PinhookGrpc) -> Result<Self, String> {
        let identity = match (file("cert_file", &own.cert_file)?, file("key_file", &own.key_file)?) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err("pinhook.grpc: cert_file and key_file belong together".to_owned()),
        };
        Ok(Self {
            authorities: file("ca_file", &own.ca_file)?,
            identity,
            server_name: Some(own.server_name.clone()).filter(|name| !name.is_empty()),
            skip_verify: own.insecure_skip_verify,
        })
    }

    /// Has `endpoint` encrypt. `host` is what the server's certificate has to bear unless the settings name it.
    ///
    /// # Errors
    /// What cannot be used.
    pub(super) fn apply(&self, endpoint: Endpoint, host: &str) -> Result<Endpoint, String> {
        let name = self.server_name.as_deref().unwrap_or(host);
        let mut config = ClientTlsConfig::new().domain_name(name);
        if let Some((certificate, key)) = &self.identity {
            config = config.identity(Identity::from_pem(certificate, key));
        }
        let applied = if self.skip_verify {
            endpoint.tls_config_with_verifier(config, Arc::new(Unverified::new()))
        } else {
            endpoint.tls_config(match &self.authorities {
                Some(authorities) => config.ca_certificate(Certificate::from_pem(authorities)),
                None => config.with_native_roots(),
            })
        };
        applied.map_err(|error| format!("pinhook.grpc: {}", super::chain(&error)))
    }
}

fn file(member: &str, path: &str) -> Result<Option<Vec<u8>>, String> {
    if path.is_empty() {
        return Ok(None);
    }
    fs::read(path).map(Some).map_err(|error| format!("pinhook.grpc.{member}: {path}: {error}"))
}

/// Takes any certificate (`insecure_skip_verify`); that the server has its key is still checked.
#[derive(Debug)]
struct Unverified(WebPkiSupportedAlgorithms);

impl Unverified {
    fn new() -> Self {
        Self(ring::default_provider().signature_verification_algorithms)
    }
}

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
