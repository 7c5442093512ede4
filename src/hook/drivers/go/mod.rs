//! Driver `goplugin`: libraries, which [`super::native`] runs, and what `pinhook plugin build` makes of Go plugins, which
//! runs here, in a worker process. Definitions name both alike; the file's ELF header tells.
//!
//! A file has one worker, shared by all APIs that name it, so what its package keeps is kept as in Tyk. The worker
//! runs from a copy in memory: the file need not be executable and may be replaced in place. While it is as it was, a
//! reload leaves the worker running; else a new one starts, and the old one ends with the last request that uses it.

mod headers;
mod hook;
mod marshal;
mod settings;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Write},
    os::fd::{AsRawFd, OwnedFd},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use rustix::fs::MemfdFlags;
use sha2::{Digest, Sha256};

use self::hook::GoHook;
pub use self::settings::GoSettings;
use super::{
    DriverSettings,
    native::{self, Stamps, candidates, find, is_worker},
    worker::{Failed, Launch, Program, Workers},
};
use crate::{
    error::{HookError, Result},
    hook::{Code, Driver, DriverGauges, Hook, HookSource, Host},
    metrics::Metrics,
};

/// The usual name of this driver: what definitions for Tyk say.
const NAME: &str = "goplugin";
/// The lowest descriptor that means the same in a worker that is being started.
const FIRST_FREE: i32 = 10;

/// Starts the driver. No process runs before a definition asks for one.
pub fn start(settings: &DriverSettings) -> Arc<dyn Driver> {
    Arc::new(GoDriver {
        native: native::start(settings),
        settings: settings.go.clone(),
        timeout: settings.timeout,
        host: settings.host.clone(),
        metrics: settings.metrics.clone(),
        known: Mutex::default(),
    })
}

struct GoDriver {
    native: Arc<dyn Driver>,
    settings: GoSettings,
    timeout: Duration,
    host: Arc<Host>,
    metrics: Option<Arc<Metrics>>,
    /// By the path that definitions name.
    known: Mutex<HashMap<PathBuf, Known>>,
}

/// What a path has turned out to be.
struct Known {
    /// How its candidates looked then.
    stamps: Stamps,
    content: [u8; 32],
    what: What,
}

#[derive(Clone)]
enum What {
    Library,
    Go(Weak<GoPlugin>),
    /// It is not tried again in this load.
    Fails(String),
}

/// A plugin that runs.
struct GoPlugin {
    workers: Workers,
    file: PathBuf,
    /// What a worker that dies is started from again.
    _image: OwnedFd,
}

impl Driver for GoDriver {
    fn load(&self, source: &HookSource) -> Result<Arc<dyn Hook>> {
        let Code::File(path) = &source.code else { return self.native.load(source) };
        let refused = |reason| HookError::NotLoaded { name: source.name.to_string(), reason };
        let Some(plugin) = self.plugin(path).map_err(refused)? else { return self.native.load(source) };
        check(source, &plugin).map_err(refused)?;
        tracing::debug!(
            api_id = %source.api_id, hook = source.kind.name(), driver = NAME, function = %source.name,
            file = %plugin.file.display(), language = plugin.workers.hello().language, "hook loaded"
        );
        Ok(Arc::new(GoHook::new(source, plugin)))
    }

    fn reloaded(&self) {
        let mut known = self.known();
        known.retain(|_, known| match &known.what {
            What::Library => true,
            What::Go(plugin) => plugin.strong_count() > 0,
            What::Fails(_) => false,
        });
        for known in known.values() {
            if let What::Go(plugin) = &known.what
                && let Some(plugin) = plugin.upgrade()
            {
                plugin.workers.reloaded();
            }
        }
        self.native.reloaded();
    }

    fn gauges(&self) -> DriverGauges {
        // Processes are counted by plugin.
        self.native.gauges()
    }
}

impl GoDriver {
    fn known(&self) -> MutexGuard<'_, HashMap<PathBuf, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The plugin that a path names; nothing if it is no Go plugin.
    fn plugin(&self, path: &Path) -> Result<Option<Arc<GoPlugin>>, String> {
        let mut all = self.known();
        // Taken before the file is read, so that a change in between is seen.
        let stamps = Stamps::of(&candidates(path));
        let before = all.get(path);
        if let Some(Known { stamps: then, what, .. }) = before
            && *then == stamps
            && stamps.settled()
            && let Some(found) = usable(what)
        {
            return found;
        }
        let found = find(path)?;
        let content: [u8; 32] = Sha256::digest(&found.content).into();
        let same = before.filter(|known| known.content == content).map(|known| known.what.clone());
        if let Some(what) = same
            && let Some(result) = usable(&what)
        {
            all.insert(path.to_owned(), Known { stamps, content, what });
            return result;
        }
        let (what, result) = if is_worker(&found.content) {
            match self.start(found.path, &found.content) {
                Ok(plugin) => (What::Go(Arc::downgrade(&plugin)), Ok(Some(plugin))),
                Err(reason) => (What::Fails(reason.clone()), Err(reason)),
            }
        } else {
            (What::Library, Ok(None))
        };
        all.insert(path.to_owned(), Known { stamps, content, what });
        result
    }

    fn start(&self, file: PathBuf, content: &[u8]) -> Result<Arc<GoPlugin>, String> {
        let image = copy(&file, content).map_err(|error| format!("{}: {error}", file.display()))?;
        let launch = Launch {
            driver: NAME,
            name: file.display().to_string().into(),
            // The child has the descriptor until it is the new program.
            program: Program {
                file: format!("/proc/self/fd/{}", image.as_raw_fd()).into(),
                ..Program::default()
            },
            settings: self.settings.for_workers.clone(),
            workers: 1,
            timeout: self.timeout,
            largest_body: self.settings.largest_body,
            host: self.host.clone(),
            metrics: self.metrics.clone(),
        };
        match Workers::start(launch) {
            Ok(workers) => Ok(Arc::new(GoPlugin { workers, file, _image: image })),
            Err(Failed { message, .. }) => Err(format!("{}: {message}", file.display())),
        }
    }
}

/// What is known, unless it has ended meanwhile.
fn usable(what: &What) -> Option<Result<Option<Arc<GoPlugin>>, String>> {
    match what {
        What::Library => Some(Ok(None)),
        What::Go(plugin) => plugin.upgrade().map(|plugin| Ok(Some(plugin))),
        What::Fails(reason) => Some(Err(reason.clone())),
    }
}

fn copy(file: &Path, content: &[u8]) -> io::Result<OwnedFd> {
    let name = file.file_name().unwrap_or_default();
    let mut copy = File::from(rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC)?);
    copy.write_all(content)?;
    // In the child the first few are its streams and its connection: the program must not be there.
    Ok(rustix::io::fcntl_dupfd_cloexec(&copy, FIRST_FREE)?)
}

/// A function must be there and have the signature of its kind (plugins reference 3.2).
fn check(source: &HookSource, plugin: &GoPlugin) -> Result<(), String> {
    let file = plugin.file.display();
    let functions = &plugin.workers.hello().functions;
    let Some(function) = functions.get(&*source.name) else {
        let known: Vec<&str> = functions.keys().map(String::as_str).collect();
        return Err(match &*known {
            [] => format!("{file}: it has no function {:?} and no other hook", source.name),
            known => format!("{file}: it has no function {:?}; it has {}", source.name, known.join(", ")),
        });
    };
    if function.kinds.iter().any(|kind| kind == source.kind.name()) {
        return Ok(());
    }
    let wanted = match source.kind.name() {
        "response" => "func(http.ResponseWriter, *http.Response, *http.Request)",
        "analytics" => "func(*analytics.AnalyticsRecord)",
        _ => "func(http.ResponseWriter, *http.Request)",
    };
    Err(format!("{file}: {} is no {wanted}, which a hook of kind {} is", source.name, source.kind))
}
