//! How a notice proves where it comes from: a hash with the secret that all gateways share, or a signature of
//! whoever holds the private half of `public_key_path`.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::signature::{RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, UnparsedPublicKey};
use rustls_pki_types::{SubjectPublicKeyInfoDer, pem::PemObject as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use x509_parser::{prelude::FromDer as _, x509::SubjectPublicKeyInfo};

use super::notice::Message;
use crate::hex::hex;

/// What messages call SHA-256: Go's number for it.
pub(super) const SHA256: i64 = 5;

pub(super) fn hash(command: &str, payload: &str, secret: &str) -> String {
    let mut hash = Sha256::new();
    for part in [command, payload, secret] {
        hash.update(part);
    }
    hex(hash.finalize())
}

pub(super) fn hashed_with(message: &Message, secret: &str) -> bool {
    let expected = hash(&message.command, &message.payload, secret);
    expected.as_bytes().ct_eq(message.signature.as_bytes()).into()
}

/// An RSA key that checks signatures (PKCS #1 v1.5 over SHA-256, from 1,024 bits on, as Tyk takes them).
#[derive(Debug, Clone)]
pub struct PublicKey(Vec<u8>);

impl PublicKey {
    /// Reads a PEM file with a `PUBLIC KEY`.
    ///
    /// # Errors
    /// Why the file gives no such key, for whoever wrote its path.
    pub fn read(file: &Path) -> Result<Self, String> {
        let pem =
            std::fs::read(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
        let spki = SubjectPublicKeyInfoDer::from_pem_slice(&pem)
            .map_err(|_| format!("{} has no PEM block PUBLIC KEY", file.display()))?;
        let (_, key) = SubjectPublicKeyInfo::from_der(&spki)
            .map_err(|error| format!("{} has no public key: {error}", file.display()))?;
        match key.parsed() {
            Ok(x509_parser::public_key::PublicKey::RSA(_)) => {
                Ok(Self(key.subject_public_key.data.into_owned()))
            }
            _ => Err(format!("{} has no RSA key", file.display())),
        }
    }

    /// True if `signature`, in base64, is one of `data`.
    pub fn verifies(&self, data: &[u8], signature: &str) -> bool {
        let key = UnparsedPublicKey::new(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, &self.0);
        STANDARD.decode(signature).is_ok_and(|signature| key.verify(data, &signature).is_ok())
    }
}
