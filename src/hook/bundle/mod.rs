//! Plugin bundles: a zip with code and a manifest that says which hooks the code has (plugins reference 7).
//!
//! A bundle is unpacked once, below `<middleware_path>/bundles/<MD5 of its name>`; one that is there already is not
//! fetched again. Unlike Tyk's, a download that breaks off leaves nothing behind: it is unpacked aside and renamed when it
//! has been checked.

mod archive;
mod fetch;
mod manifest;
#[cfg(test)]
mod tests;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use md5::{Digest, Md5};

use crate::{cluster::PublicKey, config::Config, definition::BundleManifest, hex::hex, upstream::Client};

/// Why a bundle cannot be used. The API that asks for it is left out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// There is nothing to fetch it from.
    #[error("no bundle base URL is set")]
    NoBaseUrl,
    /// It is not on disk, and nothing may be fetched.
    #[error("it is not in {}, and enable_bundle_downloader is off", folder.display())]
    NotThere {
        /// Where it would be.
        folder: PathBuf,
    },
    /// The name is a list.
    #[error("a list of bundles is not built yet")]
    Several,
    /// It could not be fetched.
    #[error("it could not be fetched from {from}: {reason}")]
    Fetch {
        /// The URL.
        from: String,
        /// Why.
        reason: String,
    },
    /// It is no zip that can be unpacked.
    #[error("it could not be unpacked: {0}")]
    Archive(String),
    /// Its folder cannot be written or read.
    #[error("{}: {source}", path.display())]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// Its manifest cannot be read.
    #[error("its manifest.json cannot be read: {0}")]
    Manifest(serde_path_to_error::Error<serde_json::Error>),
    /// Its files are not those that the manifest was made for.
    #[error("invalid checksum: the manifest says {expected}, the files give {found}")]
    Checksum {
        /// Of the manifest.
        expected: String,
        /// Of the files.
        found: String,
    },
    /// Signatures are wanted and it has none.
    #[error("it is not signed, and public_key_path is set")]
    Unsigned,
    /// Its signature is not one of the key's owner.
    #[error("its signature does not fit public_key_path")]
    Signature,
}

/// A bundle on disk, checked.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// Where its files are.
    pub folder: PathBuf,
    /// What it says of itself.
    pub manifest: BundleManifest,
}

/// Where bundles come from and where they are kept.
pub struct Bundles {
    client: Arc<Client>,
    root: PathBuf,
    base_url: String,
    download: bool,
    verify_certificate: bool,
    skip_existing: bool,
    key: Option<Result<PublicKey, String>>,
}

impl Bundles {
    /// What the configuration says. Nothing is read yet but the public key.
    pub fn new(config: &Config, client: Arc<Client>) -> Self {
        let key = &config.public_key_path;
        Self {
            client,
            root: Path::new(&config.middleware_path).join("bundles"),
            base_url: config.bundle_base_url.clone(),
            download: config.enable_bundle_downloader,
            verify_certificate: !config.bundle_insecure_skip_verify,
            skip_existing: config.skip_verify_existing_plugin_bundle,
            key: (!key.is_empty()).then(|| PublicKey::read(Path::new(key))),
        }
    }

    /// The bundle of that name (`custom_middleware_bundle`), fetched if it is not on disk. It may take as long as five
    /// tries to fetch it: not for a thread that serves requests.
    ///
    /// # Errors
    /// Why it cannot be used; a download that fails its checks leaves nothing behind.
    pub fn open(&self, name: &str) -> Result<Bundle, BundleError> {
        if name.trim() != name || name.contains(',') {
            return Err(BundleError::Several);
        }
        if self.base_url.is_empty() {
            return Err(BundleError::NoBaseUrl);
        }
        let folder = self.root.join(hash(name));
        if folder.is_dir() {
            let manifest = manifest::read(&folder)?;
            if !self.skip_existing && !manifest.signature.is_empty() {
                self.check(&folder, &manifest, false)?;
            }
            return Ok(Bundle { folder, manifest });
        }
        if !self.download {
            return Err(BundleError::NotThere { folder });
        }
        let zip = fetch::fetch(&self.client, &self.base_url, name, self.verify_certificate)?;
        let aside = self.root.join(format!(".{}-{}", hash(name), std::process::id()));
        let unpacked = self.unpack(&zip, &aside);
        let kept = unpacked.and_then(|manifest| {
            let moved = fs::rename(&aside, &folder);
            moved.map_err(|source| BundleError::Folder { path: folder.clone(), source })?;
            Ok(Bundle { folder, manifest })
        });
        // Nothing is left of one that failed; one that was kept is no longer there.
        let _ = fs::remove_dir_all(&aside);
        kept
    }

    fn unpack(&self, zip: &[u8], folder: &Path) -> Result<BundleManifest, BundleError> {
        archive::unpack(zip, folder)?;
        let manifest = manifest::read(folder)?;
        self.check(folder, &manifest, true)?;
        Ok(manifest)
    }

    /// Checksum always; the signature where there is a key, and then a fresh download has to have one.
    fn check(&self, folder: &Path, manifest: &BundleManifest, fresh: bool) -> Result<(), BundleError> {
        let files = manifest::contents(manifest, folder)?;
        let found = hex(Md5::digest(&files));
        if found != manifest.checksum {
            return Err(BundleError::Checksum { expected: manifest.checksum.clone(), found });
        }
        match &self.key {
            None => Ok(()),
            Some(_) if manifest.signature.is_empty() && fresh => Err(BundleError::Unsigned),
            Some(Ok(key)) if key.verifies(&files, &manifest.signature) => Ok(()),
            // A key that cannot be read verifies nothing.
            Some(_) => Err(BundleError::Signature),
        }
    }
}

/// Lower-case MD5 of a bundle's name: its folder, and `bundle_hash` in what hooks are told.
pub fn hash(name: &str) -> String {
    hex(Md5::digest(name))
}
