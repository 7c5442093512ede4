//! Which version entry a request gets (api-definition reference 8). Only APIs that are not versioned, as yet.

use super::{VersionData, VersionInfo};

/// Why no entry can be chosen: the request gets 403 with this text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoVersion {
    /// There is no entry, or several of which none has a default's name.
    #[error("No default API version for this non-versioned API found")]
    Missing,
    /// Two entries have a default's name.
    #[error("Ambiguous default API version for this non-versioned API")]
    Ambiguous,
}

/// Names that make an entry the default, the first first.
const DEFAULTS: [&str; 3] = ["Default", "default", ""];

impl VersionData {
    /// The entry that counts when `not_versioned`, with its key: the only one whatever its name, else the one
    /// called `Default`, `default` or nothing. `default_version` is ignored.
    ///
    /// # Errors
    /// None or several could be meant.
    pub fn only(&self) -> Result<(&str, &VersionInfo), NoVersion> {
        let mut entries = self.versions.iter();
        if let (Some((name, version)), None) = (entries.next(), entries.next()) {
            return Ok((name, version));
        }
        let mut named = DEFAULTS.iter().filter_map(|name| self.versions.get_key_value(*name));
        match (named.next(), named.next()) {
            (Some((name, version)), None) => Ok((name, version)),
            (None, _) => Err(NoVersion::Missing),
            (Some(_), Some(_)) => Err(NoVersion::Ambiguous),
        }
    }
}
