//! The certificate that a client showed in its handshake.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use rustls::crypto::ring;
use rustls_pki_types::{CertificateDer, UnixTime};
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use super::{Entry, fingerprint};

/// How long it is remembered that an authority signed it, or did not.
const REMEMBERED: Duration = Duration::from_secs(60);
/// Authorities that are remembered per connection.
const AUTHORITIES: usize = 16;

/// A certificate that the client has proved to be its own. Nothing else about it has been checked.
#[derive(Debug)]
pub struct ClientCertificate {
    fingerprint: String,
    not_after: i64,
    chain: Vec<CertificateDer<'static>>,
    /// Fingerprints of authorities that were asked, when, and what came of it.
    asked: Mutex<Vec<(String, Instant, bool)>>,
}

impl ClientCertificate {
    /// Takes the chain of a handshake, leaf first. Nothing for one that cannot be read.
    pub fn new(chain: &[CertificateDer<'_>]) -> Option<Self> {
        let leaf = chain.first()?;
        let (_, parsed) = X509Certificate::from_der(leaf).ok()?;
        Some(Self {
            fingerprint: fingerprint(leaf),
            not_after: parsed.validity().not_after.timestamp(),
            chain: chain.iter().map(|certificate| certificate.clone().into_owned()).collect(),
            asked: Mutex::default(),
        })
    }

    /// SHA-256 of its DER in hex.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Its id in an organisation.
    pub fn id(&self, org_id: &str) -> String {
        [org_id, &self.fingerprint].concat()
    }

    /// True once its time is over.
    pub fn is_over(&self) -> bool {
        self.not_after < chrono::Utc::now().timestamp()
    }

    /// True if `authority` vouches for it, itself or by the certificates that the client sent along, and it may be used
    /// by a client.
    pub(super) fn is_signed_by(&self, authority: &Entry) -> bool {
        let Some(anchor) = authority.anchor() else { return false };
        let now = Instant::now();
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.retain(|(_, when, _)| now.duration_since(*when) < REMEMBERED);
        if let Some((_, _, signed)) = asked.iter().find(|(name, ..)| name == authority.fingerprint()) {
            return *signed;
        }
        let signed = self.verify(anchor);
        if asked.len() < AUTHORITIES {
            asked.push((authority.fingerprint().to_owned(), now, signed));
        }
        signed
    }

    fn verify(&self, anchor: &rustls_pki_types::TrustAnchor<'static>) -> bool {
        let Some((leaf, others)) = self.chain.split_first() else { return false };
        let Ok(leaf) = webpki::EndEntityCert::try_from(leaf) else { return false };
        let algorithms = ring::default_provider().signature_verification_algorithms;
        let usage = webpki::KeyUsage::client_auth();
        let anchors = std::slice::from_ref(anchor);
        leaf.verify_for_usage(algorithms.all, anchors, others, UnixTime::now(), usage, None, None).is_ok()
    }
}
