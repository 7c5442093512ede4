//! Which file a definition means: `dir/name.so` may have a twin made for this version, system or ABI, and the twin
//! wins (plugins reference 3.1, trap 16).

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::abi::ABI;

/// The file that was chosen, and what is in it.
pub(in crate::hook::drivers) struct Found {
    /// The file.
    pub(in crate::hook::drivers) path: PathBuf,
    /// All of it.
    pub(in crate::hook::drivers) content: Vec<u8>,
}

/// Reads the first file that exists.
///
/// # Errors
/// A text for the author of the definition.
pub(in crate::hook::drivers) fn find(configured: &Path) -> Result<Found, String> {
    let candidates = candidates(configured);
    for path in &candidates {
        match fs::read(path) {
            Ok(content) => return Ok(Found { path: path.clone(), content }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("{} cannot be read: {error}", path.display())),
        }
    }
    let tried: Vec<_> = candidates.iter().map(|path| path.display().to_string()).collect();
    Err(format!("there is no such file; tried {}", tried.join(", ")))
}

/// Every name that counts, best first.
pub(in crate::hook::drivers) fn candidates(configured: &Path) -> Vec<PathBuf> {
    candidates_for(configured, env!("CARGO_PKG_VERSION"))
}

fn candidates_for(configured: &Path, version: &str) -> Vec<PathBuf> {
    let version = version.split('-').next().unwrap_or_default();
    let (system, machine) = (go_system(), go_machine());
    let stem = stem(configured);
    [format!("v{version}"), version.to_owned(), format!("abi{ABI}")]
        .iter()
        .map(|made_for| configured.with_file_name(format!("{stem}_{made_for}_{system}_{machine}.so")))
        .chain([configured.to_owned()])
        .collect()
}

fn stem(configured: &Path) -> String {
    let name = configured.file_name().unwrap_or_default().to_string_lossy();
    name.strip_suffix(".so").unwrap_or(&name).to_owned()
}

/// The system in Go's words, which Tyk's plugin compiler puts into file names.
fn go_system() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    }
}

/// The machine in Go's words.
fn go_machine() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twins_come_first_and_in_order() {
        let end = format!("{}_{}.so", go_system(), go_machine());
        let names: Vec<_> = candidates_for(Path::new("/p/a.so"), "1.2.3-rc1")
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        assert_eq!(
            names,
            [
                format!("/p/a_v1.2.3_{end}"),
                format!("/p/a_1.2.3_{end}"),
                format!("/p/a_abi1_{end}"),
                "/p/a.so".to_owned(),
            ]
        );
    }

    #[test]
    fn the_best_existing_file_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let configured = dir.path().join("a.so");
        fs::write(&configured, "plain").unwrap();
        assert_eq!(find(&configured).unwrap().content, b"plain");

        for (twin, content) in candidates(&configured).iter().take(3).zip([1_u8, 2, 3]).rev() {
            fs::write(twin, [content]).unwrap();
            let found = find(&configured).unwrap();
            assert_eq!((found.content, &found.path), (vec![content], twin));
        }
    }

    #[test]
    fn a_missing_file_is_reported_with_every_name_tried() {
        let dir = tempfile::tempdir().unwrap();
        let reason = find(&dir.path().join("gone.so")).err().unwrap();
        for path in candidates(&dir.path().join("gone.so")) {
            assert!(reason.contains(&path.display().to_string()), "{reason}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_not_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let configured = dir.path().join("a.so");
        fs::write(&configured, "plain").unwrap();
        fs::create_dir(candidates(&configured).first().unwrap()).unwrap();
        let reason = find(&configured).err().unwrap();
        assert!(reason.contains("cannot be read"), "{reason}");
    }
}
