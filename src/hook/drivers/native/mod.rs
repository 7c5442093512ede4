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

use std::sync::Arc;

use self::{
    abi::{NON_BLOCKING, REQUEST_BODY, RESPONSE_BODY},
    call::Site,
    hook::{Function, Job, NativeHook},
    library::Libraries,
    pool::Pool,
};
use super::DriverSettings;
use crate::{
    error::{HookError, Result},
    hook::{Driver, DriverGauges, Hook, HookKind, HookSource, Needs},
};

/// The usual name of this driver: what definitions for Tyk say.
const NAME: &str = "goplugin";

/// Its names in definitions, the usual one first.
pub const NAMES: &[&str] = &[NAME, "native", "golang"];

/// Starts the driver. No thread runs before the first call that needs one.
pub fn start(settings: &DriverSettings) -> Arc<dyn Driver> {
    Arc::new(NativeDriver {
        libraries: Libraries::default(),
        pool: Arc::new(Pool::new(settings.hook_threads)),
    })
}

struct NativeDriver {
    libraries: Libraries,
    pool: Arc<Pool<Job>>,
}

impl Driver for NativeDriver {
    fn load(&self, source: &HookSource) -> Result<Arc<dyn Hook>> {
        let function = self
            .find(source)
            .map_err(|reason| HookError::NotLoaded { name: source.name.to_string(), reason })?;
        let needs = needs(source.kind, function.flags);
        Ok(Arc::new(NativeHook {
            function: Arc::new(function),
            pool: Arc::clone(&self.pool),
            timeout: source.timeout,
            needs,
        }))
    }

    fn gauges(&self) -> DriverGauges {
        let (threads, stuck_threads) = self.pool.threads();
        DriverGauges { libraries: self.libraries.len(), threads, stuck_threads }
    }
}

impl NativeDriver {
    fn find(&self, source: &HookSource) -> Result<Function, String> {
        let found = lookup::find(&source.path)?;
        let in_file = |reason| format!("{}: {reason}", found.path.display());
        let library = self.libraries.open(&found.path, &found.content).map_err(in_file)?;
        let (entry, flags) = library.hook(&source.name).map_err(in_file)?;
        check_flags(flags).map_err(in_file)?;
        tracing::debug!(
            api_id = %source.api_id, hook = source.kind.name(), driver = NAME, function = %source.name,
            file = %found.path.display(), "hook loaded"
        );
        let site = Site { api_id: Arc::clone(&source.api_id), function: Arc::clone(&source.name) };
        Ok(Function { entry, flags, site, _library: library })
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
    let responds = kind == HookKind::Response;
    Needs {
        request_body: !responds && flags & REQUEST_BODY != 0,
        response_body: responds && flags & RESPONSE_BODY != 0,
    }
}
