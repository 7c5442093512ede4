//! Driver `goplugin`: functions of shared libraries, run in this process over C ABI v1.
//!
//! It answers for finding the file, refusing what is no native plugin, opening it, and calling it. A call that may
//! wait runs on a thread of the [`pool`], any other on the thread that asks. What a hook sees is [`call`], what it
//! is handed is [`abi`]. The C side of the contract is `plugins/sdk/include/pinhook.h`.
//!
//! The code of a library is trusted: one that crashes takes the process along (docs/native-plugins.md).

#![expect(unsafe_code, reason = "a C ABI: house rules 2.7")]

mod abi;
mod answer;
mod call;
mod elf;
mod hook;
mod library;
mod lookup;
mod pool;
mod request;
#[cfg(test)]
mod tests;
mod unchanged;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use self::{
    abi::{NON_BLOCKING, REQUEST_BODY, RESPONSE_BODY},
    call::Site,
    hook::{Function, Job, NativeHook},
    library::{Libraries, Library},
    lookup::Found,
    pool::Pool,
    unchanged::{Stamps, Unchanged},
};
use super::DriverSettings;
use crate::{
    error::{HookError, Result},
    hook::{Driver, DriverGauges, Hook, HookSource},
};

/// The usual name of this driver: what definitions for Tyk say.
const NAME: &str = "goplugin";

/// Its names in definitions, the usual one first.
pub const NAMES: &[&str] = &[NAME, "native", "golang"];

/// Starts the driver. No thread runs before the first call that needs one.
pub fn start(settings: &DriverSettings) -> Arc<dyn Driver> {
    Arc::new(NativeDriver {
        libraries: Libraries::default(),
        unchanged: Unchanged::default(),
        pool: Arc::new(Pool::new(settings.hook_threads)),
    })
}

struct NativeDriver {
    libraries: Libraries,
    unchanged: Unchanged,
    pool: Arc<Pool<Job>>,
}

impl Driver for NativeDriver {
    fn load(&self, source: &HookSource) -> Result<Arc<dyn Hook>> {
        let function = self
            .find(source)
            .map_err(|reason| HookError::NotLoaded { name: source.name.to_string(), reason })?;
        Ok(Arc::new(NativeHook {
            function: Arc::new(function),
            pool: Arc::clone(&self.pool),
            timeout: source.timeout,
        }))
    }

    fn gauges(&self) -> DriverGauges {
        let (threads, stuck_threads) = self.pool.threads();
        DriverGauges { libraries: self.libraries.len(), threads, stuck_threads }
    }
}

impl NativeDriver {
    fn find(&self, source: &HookSource) -> Result<Function, String> {
        let (library, path) = self.library(&source.path)?;
        let in_file = |reason| format!("{}: {reason}", path.display());
        let (entry, flags) = library.hook(&source.name).map_err(in_file)?;
        check_flags(flags).map_err(in_file)?;
        tracing::debug!(
            api_id = %source.api_id, hook = source.kind.name(), driver = NAME, function = %source.name,
            file = %path.display(), "hook loaded"
        );
        let site = Site { api_id: Arc::clone(&source.api_id), function: Arc::clone(&source.name) };
        Ok(Function { entry, flags, site, _library: library })
    }
}

impl NativeDriver {
    /// The library that a definition's path means, and its file.
    fn library(&self, configured: &Path) -> Result<(Arc<Library>, PathBuf), String> {
        let stamps = Stamps::of(&lookup::candidates(configured));
        if let Some(known) = self.unchanged.library(configured, &stamps) {
            return Ok(known);
        }
        let Found { path, content } = lookup::find(configured)?;
        let library = self.libraries.open(&path, &content);
        let library = library.map_err(|reason| format!("{}: {reason}", path.display()))?;
        self.unchanged.remember(configured, stamps, &library, &path);
        Ok((library, path))
    }
}

/// A hook that asks for something it would not get must not run as if it had it.
fn check_flags(flags: u32) -> Result<(), String> {
    let unknown = flags & !(REQUEST_BODY | RESPONSE_BODY | NON_BLOCKING);
    if unknown != 0 {
        return Err(format!("its flags ask for {unknown:#x}, which this version does not know"));
    }
    if flags & (REQUEST_BODY | RESPONSE_BODY) != 0 {
        return Err("its flags ask for a body, which this version does not hand to native hooks".to_owned());
    }
    Ok(())
}
