//! Which files are as they were at the last load, so that a reload reads and hashes only those that were replaced: a
//! hundred APIs may name one library of several megabytes.

use std::{
    collections::HashMap,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::library::Library;

/// A file that changed so short a time ago may change once more without a new time stamp.
const UNSETTLED: Duration = Duration::from_secs(2);

/// What the system says of a file that changes whenever it is written, replaced, moved or touched.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

/// The stamps of all names that a definition's path may stand for; `None` for those that do not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::hook::drivers) struct Stamps(Vec<Option<Stamp>>);

impl Stamps {
    pub(in crate::hook::drivers) fn of(candidates: &[PathBuf]) -> Self {
        Self(candidates.iter().map(|path| Stamp::of(path)).collect())
    }

    /// True if a change since then would show.
    pub(in crate::hook::drivers) fn settled(&self) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let limit = now.saturating_sub(UNSETTLED).as_secs();
        self.0.iter().flatten().all(|stamp| u64::try_from(stamp.changed.0).is_ok_and(|second| second < limit))
    }
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let file = std::fs::metadata(path).ok()?;
        Some(Self {
            device: file.dev(),
            inode: file.ino(),
            size: file.size(),
            changed: (file.ctime(), file.ctime_nsec()),
        })
    }
}

/// What the files that definitions name have given.
#[derive(Default)]
pub(super) struct Unchanged {
    known: Mutex<HashMap<PathBuf, Known>>,
}

/// A library and the file it was read from, when its files had these stamps.
struct Known {
    stamps: Stamps,
    library: Weak<Library>,
    path: PathBuf,
}

impl Unchanged {
    /// The library that `configured` gave when its files had these stamps, and the file it was read from.
    pub(super) fn library(&self, configured: &Path, stamps: &Stamps) -> Option<(Arc<Library>, PathBuf)> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get(configured).filter(|known| known.stamps == *stamps)?;
        Some((known.library.upgrade()?, known.path.clone()))
    }

    /// Remembers what `configured` gave. `stamps` were taken before its file was read.
    pub(super) fn remember(&self, configured: &Path, stamps: Stamps, library: &Arc<Library>, path: &Path) {
        if stamps.settled() {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let library = Arc::downgrade(library);
            known.insert(configured.to_owned(), Known { stamps, library, path: path.to_owned() });
        }
    }
}
