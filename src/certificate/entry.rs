//! What one text of PEM holds: a certificate with its chain, perhaps with its private key, or a public key.

use chrono::{DateTime, SecondsFormat};
use rustls::crypto::ring;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, TrustAnchor};
use x509_parser::{
    certificate::X509Certificate,
    extensions::GeneralName,
    prelude::FromDer,
    public_key::PublicKey,
    x509::{SubjectPublicKeyInfo, X509Name},
};

use super::{
    fingerprint,
    pem::{self, Block},
    secret,
};

/// A certificate or a public key, read and taken apart.
#[derive(Debug)]
pub struct Entry {
    fingerprint: String,
    details: Details,
    /// RSA's public key as PKCS #1.
    rsa: Option<Vec<u8>>,
    /// What certificates signed by this one are checked against.
    anchor: Option<TrustAnchor<'static>>,
}

/// What an entry says of itself.
#[derive(Debug, Clone, Default)]
pub struct Details {
    /// A private key is kept beside it.
    pub has_private: bool,
    /// Who signed it.
    pub issuer: Name,
    /// Whom it names.
    pub subject: Name,
    /// From when it counts, Unix seconds.
    pub not_before: i64,
    /// Until when it counts, Unix seconds.
    pub not_after: i64,
    /// The host names that it is for.
    pub dns_names: Vec<String>,
    /// It may sign others.
    pub is_ca: bool,
    /// Issuer and subject as they stand in the certificate.
    pub raw_names: Option<(Vec<u8>, Vec<u8>)>,
}

/// A name inside a certificate.
#[derive(Debug, Clone, Default)]
pub struct Name {
    /// The common name; empty if there is none.
    pub common_name: String,
    /// Every part in order: object identifier and text.
    pub parts: Vec<(Vec<u64>, String)>,
}

/// A text of PEM, cut into what matters.
pub(super) struct Parts {
    pub(super) chain: Vec<Block>,
    pub(super) private: Option<Block>,
    pub(super) public: Option<Block>,
}

impl Parts {
    /// Cuts a text; the words are Tyk's.
    pub(super) fn read(text: &[u8]) -> Result<Self, String> {
        let mut parts = Self { chain: Vec::new(), private: None, public: None };
        for block in pem::blocks(text) {
            match block.label.as_str() {
                "CERTIFICATE" => parts.chain.push(block),
                "PUBLIC KEY" => parts.public = Some(block),
                label if label.ends_with("PRIVATE KEY") && parts.private.is_some() => {
                    return Err("Found multiple private keys".to_owned());
                }
                label if label.ends_with("PRIVATE KEY") => parts.private = Some(block),
                _ => {}
            }
        }
        match (parts.chain.is_empty(), &parts.public) {
            (true, None) => Err("Failed to decode certificate. It should be PEM encoded.".to_owned()),
            (false, Some(_)) => Err("Public keys can't be combined with certificates".to_owned()),
            _ => Ok(parts),
        }
    }
}

impl Entry {
    /// Reads a text of PEM, such as the store and files hold.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &[u8]) -> Result<Self, String> {
        Self::of(&Parts::read(text)?)
    }

    pub(super) fn of(parts: &Parts) -> Result<Self, String> {
        let has_private = parts.private.is_some();
        match (parts.chain.first(), &parts.public) {
            (Some(leaf), _) => Self::certificate(&leaf.bytes, has_private),
            (None, Some(key)) => Self::public_key(&key.bytes),
            (None, None) => Err("holds no certificate".to_owned()),
        }
    }

    fn certificate(der: &[u8], has_private: bool) -> Result<Self, String> {
        let wrong = |error: &dyn std::fmt::Display| format!("Error while parsing certificate: {error}");
        let (_, parsed) = X509Certificate::from_der(der).map_err(|error| wrong(&error))?;
        let names = parsed.subject_alternative_name().ok().flatten();
        let dns_names = names.iter().flat_map(|names| &names.value.general_names).filter_map(|name| {
            if let GeneralName::DNSName(name) = name { Some((*name).to_owned()) } else { None }
        });
        let details = Details {
            has_private,
            issuer: Name::of(parsed.issuer()),
            subject: Name::of(parsed.subject()),
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
            dns_names: dns_names.collect(),
            is_ca: parsed.is_ca(),
            raw_names: Some((parsed.issuer().as_raw().to_vec(), parsed.subject().as_raw().to_vec())),
        };
        let owned = CertificateDer::from(der);
        let anchor = if details.is_ca { webpki::anchor_from_trusted_cert(&owned).ok() } else { None };
        Ok(Self {
            fingerprint: fingerprint(der),
            rsa: rsa(parsed.public_key()),
            anchor: anchor.map(|anchor| anchor.to_owned()),
            details,
        })
    }

    fn public_key(der: &[u8]) -> Result<Self, String> {
        let (_, info) = SubjectPublicKeyInfo::from_der(der)
            .map_err(|error| format!("Error while parsing public key: {error}"))?;
        let fingerprint = fingerprint(der);
        let subject = Name { common_name: format!("Public Key: {fingerprint}"), parts: Vec::new() };
        Ok(Self {
            rsa: rsa(&info),
            anchor: None,
            details: Details { subject, ..Details::default() },
            fingerprint,
        })
    }

    /// SHA-256 of its DER in hex.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// What it says of itself.
    pub fn details(&self) -> &Details {
        &self.details
    }

    /// Its RSA key as PKCS #1; nothing for a key of another kind.
    pub fn rsa_key(&self) -> Option<&[u8]> {
        self.rsa.as_deref()
    }

    /// What it can vouch for; nothing unless it may sign others.
    pub(super) fn anchor(&self) -> Option<&TrustAnchor<'static>> {
        self.anchor.as_ref()
    }

    /// True if it names a certificate, not a bare key.
    pub fn is_certificate(&self) -> bool {
        self.details.raw_names.is_some()
    }
}

impl Details {
    /// A time as Go prints it into JSON.
    pub fn time(seconds: i64) -> String {
        let time = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
        time.to_rfc3339_opts(SecondsFormat::Secs, true)
    }
}

impl Name {
    fn of(name: &X509Name<'_>) -> Self {
        let parts = name.iter_attributes().filter_map(|part| {
            let id = part.attr_type().iter()?.collect();
            Some((id, part.as_str().ok()?.to_owned()))
        });
        let common_name = name.iter_common_name().filter_map(|part| part.as_str().ok()).next();
        Self { common_name: common_name.unwrap_or_default().to_owned(), parts: parts.collect() }
    }

    /// Every text of one kind, by its object identifier.
    pub fn all(&self, id: &[u64]) -> Vec<&str> {
        self.parts.iter().filter(|(own, _)| own == id).map(|(_, text)| text.as_str()).collect()
    }
}

fn rsa(info: &SubjectPublicKeyInfo<'_>) -> Option<Vec<u8>> {
    match info.parsed().ok()? {
        PublicKey::RSA(_) => Some(info.subject_public_key.data.to_vec()),
        _ => None,
    }
}

/// Whether a private key belongs to the first certificate of a chain; the words are Go's. Encrypted keys are
/// refused: nobody could use them.
pub(super) fn check_pair(chain: &[Block], private: &Block) -> Result<(), String> {
    if private.label == secret::LABEL || private.header("DEK-Info").is_some() {
        return Err("tls: failed to parse private key".to_owned());
    }
    let der = match private.label.as_str() {
        "RSA PRIVATE KEY" => PrivateKeyDer::Pkcs1(private.bytes.clone().into()),
        "EC PRIVATE KEY" => PrivateKeyDer::Sec1(private.bytes.clone().into()),
        _ => PrivateKeyDer::Pkcs8(private.bytes.clone().into()),
    };
    let chain = chain.iter().map(|block| CertificateDer::from(block.bytes.clone())).collect();
    match rustls::sign::CertifiedKey::from_der(chain, der, &ring::default_provider()) {
        Ok(_) => Ok(()),
        Err(rustls::Error::InconsistentKeys(_)) => {
            Err("tls: private key does not match public key".to_owned())
        }
        Err(error) => Err(format!("tls: {error}")),
    }
}
