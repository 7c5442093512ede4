//! Unpacks a zip, within bounds.

use std::{
    fs::{self, DirBuilder, File},
    io::{Cursor, Read},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use zip::ZipArchive;

use super::BundleError;

/// Bytes that all files of a bundle may have together.
const MOST_BYTES: u64 = 512 << 20;
/// Files that a bundle may have.
const MOST_FILES: usize = 20_000;

/// Writes every file of the zip below `folder`, which is made for its owner alone. Entries that lead out of it are
/// refused.
pub(super) fn unpack(zip: &[u8], folder: &Path) -> Result<(), BundleError> {
    let broken = |error: &dyn std::fmt::Display| BundleError::Archive(error.to_string());
    let mut archive = ZipArchive::new(Cursor::new(zip)).map_err(|error| broken(&error))?;
    if archive.len() > MOST_FILES {
        return Err(BundleError::Archive(format!("it has more than {MOST_FILES} files")));
    }
    make_folder(folder)?;
    let mut left = MOST_BYTES;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(|error| broken(&error))?;
        let Some(name) = entry.enclosed_name() else {
            let name = String::from_utf8_lossy(entry.name_raw());
            return Err(BundleError::Archive(format!("invalid file path in archive: {name}")));
        };
        let path = folder.join(name);
        if entry.is_dir() {
            make_folder(&path)?;
            continue;
        }
        if let Some(parent) = path.parent() {
            make_folder(parent)?;
        }
        let written = write(entry, &path, left)?;
        left = left
            .checked_sub(written)
            .ok_or_else(|| BundleError::Archive(format!("its files have more than {MOST_BYTES} bytes")))?;
    }
    Ok(())
}

/// Copies one file; at most one byte more than `limit`.
fn write(entry: impl Read, path: &Path, limit: u64) -> Result<u64, BundleError> {
    let failed = |source| BundleError::Folder { path: PathBuf::from(path), source };
    let mut file = File::create(path).map_err(failed)?;
    std::io::copy(&mut entry.take(limit + 1), &mut file).map_err(failed)
}

fn make_folder(path: &Path) -> Result<(), BundleError> {
    if fs::metadata(path).is_ok_and(|found| found.is_dir()) {
        return Ok(());
    }
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| BundleError::Folder { path: path.to_owned(), source })
}
