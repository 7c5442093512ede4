//! Driver `goplugin`: functions of shared libraries, run in this process over C ABI v1.
//!
//! It answers for finding the file, refusing what is no native plugin, opening it, and calling it. A call that may
//! wait runs on a thread of the [`super::pool`], any other on the thread that asks. What a hook sees is [`call`], what it
//! is handed is [`abi`]. The C side of the contract is `plugins/sdk/include/pinhook.h`.
//!
//! The code of a library is trusted: one that crashes takes the process along (docs/native-plugins.md).

#![expect(unsafe_code, reason = "a C ABI: house rules 2.7")]

mod abi;
mod answer;
mod call;
mod calls;
mod elf;
mod fields;
mod hook;
mod library;
mod lookup;
mod record;
mod request;
mod response;
mod session;
#[cfg(test)]
mod tests;
mod unchanged;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use self::{
    abi::{HookFn, NON_BLOCKING, ON_RELOAD, REQUEST_BODY, RESPONSE_BODY},
    call::Site,
    hook::{Function, Job, NativeHook},
    library::{Libraries, Library},
    lookup::Found,
    unchanged::Unchanged,
};
pub(super) use self::{
    elf::is_worker,
    lookup::{candidates, find},
    unchanged::Stamps,
};
use super::{DriverSettings, pool::Pool};
use crate::{
    error::{Error, HookError, Result},
    hook::{Code, Driver, DriverGauges, Failure, Hook, HookKind, HookSource, Host, Needs, Object},
};

/// The usual name of this driver: what definitions for Tyk say.
const NAME: &str = "goplugin";

/// Its names in definitions, the usual one first.
pub const NAMES: &[&str] = &[NAME, "native", "golang"];

/// Most threads for calls that no request waits for.
const BACKGROUND_THREADS: usize = 4;

/// Starts the driver. No thread runs before the first call that needs one.
pub fn start(settings: &DriverSettings) -> Arc<dyn Driver> {
    Arc::new(NativeDriver {
        libraries: Libraries::default(),
        unchanged: Unchanged::default(),
        pool: Arc::new(Pool::new("native", settings.hook_threads)),
        background: Arc::new(Pool::new("native-aside", settings.hook_threads.min(BACKGROUND_THREADS))),
        timeout: settings.timeout,
        host: Arc::clone(&settings.host),
    })
}

struct NativeDriver {
    libraries: Libraries,
    unchanged: Unchanged,
    pool: Arc<Pool<Job>>,
    /// For calls that no request waits for, so that a slow one never takes a request's thread.
    background: Arc<Pool<Job>>,
    timeout: Duration,
    host: Arc<Host>,
}

impl Driver for NativeDriver {
    fn load(&self, source: &HookSource) -> Result<Arc<dyn Hook>> {
        let function = self
            .find(source)
            .map_err(|reason| HookError::NotLoaded { name: source.name.to_string(), reason })?;
        let needs = needs(source.kind, function.flags);
        Ok(Arc::new(NativeHook {
            function: Arc::new(function),
            pool: Arc::clone(match source.kind {
                HookKind::Analytics => &self.background,
                _ => &self.pool,
            }),
            timeout: source.timeout.unwrap_or(self.timeout),
            needs,
        }))
    }

    fn gauges(&self) -> DriverGauges {
        let pools = [self.pool.threads(), self.background.threads()];
        DriverGauges {
            libraries: self.libraries.len(),
            threads: pools.iter().map(|(threads, _)| threads).sum(),
            stuck_threads: pools.iter().map(|(_, stuck)| stuck).sum(),
        }
    }

    fn reloaded(&self) {
        for library in self.libraries.in_use() {
            if let Some(entry) = library.on_reload() {
                tokio::spawn(tell(self.after_reload(entry, library)));
            }
        }
    }
}

impl NativeDriver {
    fn find(&self, source: &HookSource) -> Result<Function, String> {
        let Code::File(path) = &source.code else {
            return Err("a native hook is a function of a library: name its file in `path`".to_owned());
        };
        let (library, path) = self.library(path)?;
        let in_file = |reason| format!("{}: {reason}", path.display());
        let (entry, flags) = library.hook(&source.name).map_err(in_file)?;
        check_flags(flags).map_err(in_file)?;
        tracing::debug!(
            api_id = %source.api_id, hook = source.kind.name(), driver = NAME, function = %source.name,
            file = %path.display(), "hook loaded"
        );
        let (api_id, function) = (Arc::clone(&source.api_id), Arc::clone(&source.name));
        let site = Site { api_id, function, host: Arc::clone(&self.host) };
        Ok(Function { entry, flags, site, library })
    }

    fn after_reload(&self, entry: HookFn, library: Arc<Library>) -> NativeHook {
        let site = Site { api_id: "".into(), function: ON_RELOAD.into(), host: Arc::clone(&self.host) };
        NativeHook {
            function: Arc::new(Function { entry, flags: 0, site, library }),
            pool: Arc::clone(&self.background),
            timeout: self.timeout,
            needs: Needs::NOTHING,
        }
    }
}

/// Calls `pinhook_on_reload` of one library. What comes of it is the log's business alone.
async fn tell(hook: NativeHook) {
    let outcome = hook.run(None, Box::new(Object::without_request(Arc::default()))).await;
    if let Err(Failure { error, .. }) = outcome {
        tracing::error!(
            driver = NAME,
            file = hook.file(),
            error = Error::from(error).chain(),
            "{ON_RELOAD} failed"
        );
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
    Ok(())
}

/// The bodies that a hook of this kind gets of those it asks for: one function may serve several kinds.
fn needs(kind: HookKind, flags: u32) -> Needs {
    Needs {
        request_body: kind != HookKind::Analytics && flags & REQUEST_BODY != 0,
        response_body: kind == HookKind::Response && flags & RESPONSE_BODY != 0,
    }
}
