//! Certificates: those that are kept beside the keys ([`Vault`]), those that a definition names by file, and the
//! one that a client showed in its handshake ([`ClientCertificate`]). Store layout and ids are Tyk's (sessions
//! reference 1.7 and 8.8).

mod client;
mod entry;
mod list;
mod pem;
mod secret;
mod vault;

#[cfg(test)]
mod tests;

use sha2::{Digest, Sha256};

use crate::hex::hex;
pub use client::ClientCertificate;
pub use entry::{Details, Entry, Name};
pub use list::{AllowList, NotAllowed};
pub use vault::{AddError, Vault};

/// Letters of a fingerprint.
const FINGERPRINT: usize = 64;

/// SHA-256 in lower-case hex.
fn fingerprint(der: &[u8]) -> String {
    hex(Sha256::digest(der))
}

/// Organisation and fingerprint of an id; nothing for what is no id, such as the path of a file.
pub fn split_id(id: &str) -> Option<(&str, &str)> {
    let (org_id, fingerprint) = id.split_at_checked(id.len().checked_sub(FINGERPRINT)?)?;
    let is_hex = fingerprint.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (is_hex && !org_id.contains('/')).then_some((org_id, fingerprint))
}
