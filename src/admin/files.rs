//! Files that calls write: definitions and policies. One is whole or not there at all.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;
use uuid::Uuid;

/// Puts a value into a file, indented as Tyk does, in place of what was there.
///
/// # Errors
/// What the system says; the file is as it was.
pub(super) async fn write(path: PathBuf, value: &impl Serialize) -> io::Result<()> {
    let text = pretty(value)?;
    apart(move || replace(&path, &text)).await
}

/// Removes a file.
///
/// # Errors
/// What the system says: also when there is no such file.
pub(super) async fn remove(path: PathBuf) -> io::Result<()> {
    apart(move || fs::remove_file(path)).await
}

/// True if an id is the name of one file in one folder, and needs no escaping anywhere: Tyk's set of letters.
pub(super) fn is_plain(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-~".contains(&byte))
}

/// True if an id is at least a file name and leads nowhere else.
pub(super) fn is_file_name(id: &str) -> bool {
    !id.is_empty() && !id.contains(['/', '\\', '\0'])
}

fn pretty(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    Ok(text)
}

/// The loaders read `*.json` only, so nobody sees the half of a file.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let aside = path.with_extension(format!("{}.tmp", Uuid::new_v4().simple()));
    let written = fs::File::create(&aside).and_then(|mut file| {
        file.write_all(text)?;
        file.sync_all()
    });
    let moved = written.and_then(|()| fs::rename(&aside, path));
    if moved.is_err() {
        // What is left of it would do no harm.
        let _ = fs::remove_file(&aside);
    }
    moved
}

/// Disks are slow: not on a thread that serves requests.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_replaced_whole_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.b.json");
        for text in ["one", "two"] {
            write(path.clone(), &text).await.unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), format!("{text:?}\n"));
        }
        assert!(write(folder.path().join("none/x.json"), &1).await.is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        remove(path.clone()).await.unwrap();
        assert!(remove(path).await.is_err());
    }

    #[test]
    fn ids_lead_nowhere_else() {
        assert!(is_plain("a-Z_0.9~"));
        for id in ["", "../x", "a/b", "a b", "ä", "a\0"] {
            assert!(!is_plain(id), "{id:?}");
        }
        assert!(is_file_name("a b") && is_file_name("ä"));
        for id in ["", "../x", "a/b", "a\\b", "a\0"] {
            assert!(!is_file_name(id), "{id:?}");
        }
    }
}
