//! Who may come in: a list of certificates, by id or by file.

use std::{fs, sync::Arc};

use super::{ClientCertificate, Entry, Vault, split_id};
use crate::error::Problem;

/// Certificates that are let in, and authorities that let in what they signed.
#[derive(Debug, Default, Clone)]
pub struct AllowList(Vec<Listed>);

#[derive(Debug, Clone)]
enum Listed {
    /// By id: what the store holds when it is needed.
    Stored(String),
    /// By file: what it held when the list was made.
    Read(Arc<Entry>),
}

/// Why a client is not let in. The words are Tyk's (sessions reference 7.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAllowed {
    /// The connection is not encrypted.
    NoTls,
    /// It showed no certificate.
    Missing,
    /// Its certificate is over.
    Expired,
    /// Its certificate, by fingerprint, is not on the list.
    Unlisted(String),
}

impl std::fmt::Display for NotAllowed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoTls => f.write_str("TLS not enabled"),
            Self::Missing => f.write_str("Client TLS certificate is required"),
            Self::Expired => f.write_str("Certificate has expired"),
            Self::Unlisted(fingerprint) => write!(f, "Certificate with SHA256 {fingerprint} not allowed"),
        }
    }
}

impl AllowList {
    /// Reads a list; files are read at once. What cannot be read admits nobody and is noted: `path` tells the JSON path
    /// of an entry, `place` the file that holds it.
    pub fn read<'a>(
        entries: impl IntoIterator<Item = (&'a String, String)>,
        place: &str,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut list = Vec::new();
        for (entry, path) in entries {
            if split_id(entry).is_some() {
                list.push(Listed::Stored(entry.clone()));
                continue;
            }
            match fs::read(entry).map_err(|error| error.to_string()).and_then(|text| Entry::read(&text)) {
                Ok(read) => list.push(Listed::Read(Arc::new(read))),
                Err(error) => problems.push(
                    Problem::error(place, path, format!("{entry} admits nobody: {error}"))
                        .hint("give the id of a stored certificate, or the path of a PEM file"),
                ),
            }
        }
        Self(list)
    }

    /// True if it lets nobody in.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this client may come in. `tls` says whether its connection is encrypted.
    ///
    /// # Errors
    /// Why not. A store that does not answer lets in only whom it knew a moment ago.
    pub async fn admits(
        &self,
        client: Option<&ClientCertificate>,
        tls: bool,
        vault: &Vault,
    ) -> Result<(), NotAllowed> {
        if !tls {
            return Err(NotAllowed::NoTls);
        }
        let client = client.ok_or(NotAllowed::Missing)?;
        if client.is_over() {
            return Err(NotAllowed::Expired);
        }
        // Names first: comparing is cheap, signatures are not.
        for listed in self.0.iter().filter(|listed| listed.names(client.fingerprint())) {
            if listed.entry(vault).await.is_some_and(|entry| entry.fingerprint() == client.fingerprint()) {
                return Ok(());
            }
        }
        for listed in &self.0 {
            if listed.entry(vault).await.is_some_and(|entry| client.is_signed_by(&entry)) {
                return Ok(());
            }
        }
        Err(NotAllowed::Unlisted(client.fingerprint().to_owned()))
    }

    /// The names of those who sign the listed certificates, in DER, for clients that choose a certificate by them.
    /// Nothing when not all are known: such a client would not show the one that is missing.
    pub async fn authorities(&self, vault: &Vault) -> Option<Vec<Vec<u8>>> {
        let mut names = Vec::new();
        for listed in &self.0 {
            let entry = listed.entry(vault).await?;
            let (issuer, subject) = entry.details().raw_names.clone()?;
            names.push(if entry.details().is_ca { subject } else { issuer });
        }
        Some(names)
    }
}

impl Listed {
    fn names(&self, fingerprint: &str) -> bool {
        match self {
            Self::Stored(id) => id.ends_with(fingerprint),
            Self::Read(entry) => entry.fingerprint() == fingerprint,
        }
    }

    async fn entry(&self, vault: &Vault) -> Option<Arc<Entry>> {
        match self {
            Self::Stored(id) => vault.get(id).await.filter(|entry| entry.is_certificate()),
            Self::Read(entry) => Some(entry.clone()),
        }
    }
}
