//! Who is asked for a client certificate. Asking weakens and demands nothing: a client without one is served, and
//! the APIs that need one refuse its requests (sessions reference 7.6). Any certificate is taken at the handshake, which
//! proves that the client has its key; whether it is welcome is decided per request.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use pingora_core::{
    listeners::{
        TlsAccept,
        tls::{Acceptor, TlsSettings as PingoraSettings},
    },
    protocols::tls::TlsRef,
};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};
use rustls_pki_types::{CertificateDer, UnixTime};
use tokio_rustls::TlsAcceptor;
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use super::TlsMaker;
use crate::certificate::ClientCertificate;

/// Certificates that a client may send along with its own.
const LONGEST_CHAIN: usize = 8;
/// Bytes of names that are announced; beyond them none are.
const LONGEST_ANNOUNCEMENT: usize = 16 * 1024;

/// Names of authorities whose certificates are wanted, in DER; empty means any.
pub type Announced = Vec<Vec<u8>>;

/// Which names of this gateway ask for a certificate, and what they announce.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Asked {
    /// For clients of names that are not listed below.
    pub everybody: Option<Announced>,
    /// By lower-case host name.
    pub names: HashMap<String, Announced>,
}

/// How the handshakes of a socket ask.
pub struct Asking {
    everybody: Option<Acceptor>,
    names: HashMap<String, Acceptor>,
}

impl Asking {
    /// Prepares the handshakes; nothing if nobody is asked.
    ///
    /// # Errors
    /// rustls refuses the settings.
    pub fn new(asked: &Asked, maker: &TlsMaker) -> Result<Option<Arc<Self>>, Error> {
        let everybody = asked.everybody.as_ref().map(|names| acceptor(maker, names)).transpose()?;
        let names: Result<HashMap<_, _>, Error> =
            asked.names.iter().map(|(name, own)| Ok((name.clone(), acceptor(maker, own)?))).collect();
        let asking = Self { everybody, names: names? };
        let any = asking.everybody.is_some() || !asking.names.is_empty();
        Ok(any.then(|| Arc::new(asking)))
    }

    /// True if it depends on the name that a client asks for.
    pub fn needs_name(&self) -> bool {
        !self.names.is_empty()
    }

    /// How a client is asked that wants to see `name`; nothing if it is not.
    pub fn of(&self, name: Option<&str>) -> Option<&Acceptor> {
        let own = name.and_then(|name| self.names.get(&name.to_ascii_lowercase()));
        own.or(self.everybody.as_ref())
    }
}

fn acceptor(maker: &TlsMaker, announced: &Announced) -> Result<Acceptor, Error> {
    let config = maker.config(Some(Arc::new(AnyCertificate::announcing(announced))))?;
    // Only these settings can carry a callback. What they build fixes versions and suites, so it is replaced.
    let settings = PingoraSettings::with_callbacks(Box::new(Keep));
    let mut settings = settings.map_err(|error| Error::General(error.to_string()))?;
    settings.set_cert_resolver(maker.store());
    let mut acceptor = settings.build();
    acceptor.acceptor = TlsAcceptor::from(Arc::new(config));
    Ok(acceptor)
}

/// Keeps the certificate of a handshake with its connection.
struct Keep;

#[async_trait]
impl TlsAccept for Keep {
    async fn handshake_complete_callback(
        &self,
        tls: &TlsRef,
    ) -> Option<Arc<dyn std::any::Any + Send + Sync>> {
        Some(Arc::new(ClientCertificate::new(tls.peer_cert_chain_der()?)?))
    }
}

/// Takes any certificate whose key the client has.
#[derive(Debug)]
struct AnyCertificate {
    announced: Vec<DistinguishedName>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl AnyCertificate {
    fn announcing(names: &Announced) -> Self {
        let short = names.iter().map(Vec::len).sum::<usize>() <= LONGEST_ANNOUNCEMENT;
        let names = if short { names.as_slice() } else { &[] };
        Self {
            announced: names.iter().map(|name| DistinguishedName::from(name.clone())).collect(),
            algorithms: ring::default_provider().signature_verification_algorithms,
        }
    }
}

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.announced
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        // pingora takes the leaf apart after the handshake and panics at what it cannot read.
        let readable = X509Certificate::from_der(leaf).is_ok_and(|(rest, _)| rest.is_empty());
        if readable && others.len() <= LONGEST_CHAIN {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(CertificateError::BadEncoding.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, leaf, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
