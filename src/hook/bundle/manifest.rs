//! Reads `manifest.json`, and what its checksum is made of (plugins reference 7.2 and 7.4).

use std::{
    fs,
    path::{Component, Path},
};

use super::BundleError;
use crate::definition::BundleManifest;

/// The manifest in a folder.
pub(super) fn read(folder: &Path) -> Result<BundleManifest, BundleError> {
    let path = folder.join("manifest.json");
    let text = fs::read(&path).map_err(|source| BundleError::Folder { path, source })?;
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(&text))
        .map_err(BundleError::Manifest)
}

/// All its files, one after the other: what checksum and signature are made of.
pub(super) fn contents(manifest: &BundleManifest, folder: &Path) -> Result<Vec<u8>, BundleError> {
    let mut all = Vec::new();
    for name in &manifest.file_list {
        let inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
        if !Path::new(name).components().all(inside) {
            return Err(BundleError::Archive(format!("invalid file path in file_list: {name}")));
        }
        let path = folder.join(name);
        all.extend(fs::read(&path).map_err(|source| BundleError::Folder { path, source })?);
    }
    Ok(all)
}
