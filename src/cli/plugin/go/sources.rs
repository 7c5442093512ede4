//! The Go source that this program carries: the worker, and stand-ins for the packages that plugins import. It is
//! `plugins/go`.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process,
};

use sha2::{Digest, Sha256};

/// Path in `plugins/go`, and text.
type Source = (&'static str, &'static str);

macro_rules! sources {
    ($($path:literal,)*) => {
        &[$(($path, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/plugins/go/", $path))),)*]
    };
}

pub(super) const SOURCES: &[Source] = sources![
    "kin-openapi/go.mod",
    "kin-openapi/openapi3/openapi3.go",
    "kin-openapi/openapi3/operation.go",
    "logrus/format.go",
    "logrus/go.mod",
    "logrus/level.go",
    "logrus/levels.go",
    "logrus/logger.go",
    "pinhook/bridge/bridge.go",
    "pinhook/go.mod",
    "pinhook/pinhook.go",
    "pinhook/worker/answer.go",
    "pinhook/worker/ask.go",
    "pinhook/worker/call.go",
    "pinhook/worker/frame.go",
    "pinhook/worker/json.go",
    "pinhook/worker/values.go",
    "pinhook/worker/worker.go",
    "tyk-pump/analytics/record.go",
    "tyk-pump/go.mod",
    "tyk/analytics/record.go",
    "tyk/apidef/definition.go",
    "tyk/apidef/oas/middleware.go",
    "tyk/apidef/oas/oas.go",
    "tyk/apidef/versions.go",
    "tyk/config/config.go",
    "tyk/ctx/ctx.go",
    "tyk/go.mod",
    "tyk/header/header.go",
    "tyk/headers/headers.go",
    "tyk/log/log.go",
    "tyk/regexp/regexp.go",
    "tyk/request/request.go",
    "tyk/storage/storage.go",
    "tyk/user/access.go",
    "tyk/user/session.go",
];

/// The folder of the stand-ins below Go's cache. Its name tells what is in it: a build of the same version finds it there,
/// and what it compiled stays of use.
///
/// # Errors
/// The folder cannot be written.
pub(super) fn unpack(cache: &Path) -> io::Result<PathBuf> {
    let mut hash = Sha256::new();
    for (path, text) in SOURCES {
        hash.update(path);
        hash.update([0]);
        hash.update(text);
        hash.update([0]);
    }
    let name: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let folder = cache.join(format!("pinhook-{name}"));
    if folder.exists() {
        return Ok(folder);
    }
    let fresh = cache.join(format!("pinhook-{name}-{}", process::id()));
    for (path, text) in SOURCES {
        let file = fresh.join(path);
        fs::create_dir_all(file.parent().unwrap_or(&fresh))?;
        fs::write(file, text)?;
    }
    match fs::rename(&fresh, &folder) {
        // Another build was faster.
        Err(_) if folder.exists() => fs::remove_dir_all(&fresh)?,
        renamed => renamed?,
    }
    Ok(folder)
}
