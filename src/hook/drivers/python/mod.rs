//! Driver `python`: functions of modules that `python3` processes run (plugins reference 5). Needs nothing but an
//! interpreter: what plugins import from Tyk comes out of this binary.
//!
//! A file is a plugin with workers of its own, shared by all APIs that name it; whatever lies beside it can be imported.
//! While the files that it has read are as they were, a reload leaves it running, so what its module keeps is kept;
//! else new workers start, and the old ones end with the last request that uses them.

mod hook;
mod marshal;
mod settings;
mod shim;

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf, absolute},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, SystemTime},
};

use serde_json::json;

use self::hook::PythonHook;
pub use self::settings::PythonSettings;
use super::{
    DriverSettings,
    worker::{Failed, Function, Launch, Program, Workers},
};
use crate::{
    error::{HookError, Result},
    hook::{Code, Driver, DriverGauges, Hook, HookKind, HookSource, Host, coprocess::Terms},
    metrics::Metrics,
};

/// The name of this driver.
const NAME: &str = "python";

/// Its names in definitions.
pub const NAMES: &[&str] = &[NAME];

/// Starts the driver. No process runs before a definition asks for one.
pub fn start(settings: &DriverSettings) -> Arc<dyn Driver> {
    Arc::new(PythonDriver {
        settings: settings.python.clone(),
        timeout: settings.timeout,
        names_as_written: settings.names_as_written,
        host: settings.host.clone(),
        metrics: settings.metrics.clone(),
        plugins: Mutex::default(),
    })
}

struct PythonDriver {
    settings: PythonSettings,
    timeout: Duration,
    names_as_written: bool,
    host: Arc<Host>,
    metrics: Option<Arc<Metrics>>,
    /// By file.
    plugins: Mutex<HashMap<PathBuf, Plugin>>,
}

/// What is known of a file.
enum Plugin {
    Runs {
        workers: Weak<Workers>,
        read: Stamps,
    },
    /// It is not tried again in this load.
    Fails(String),
}

/// Files and how they looked when they were read.
type Stamps = Vec<(PathBuf, Option<(SystemTime, u64)>)>;

impl Driver for PythonDriver {
    fn load(&self, source: &HookSource) -> Result<Arc<dyn Hook>> {
        let name = || source.name.to_string();
        if !self.settings.enabled {
            return Err(HookError::SwitchedOff {
                name: name(),
                setting: "coprocess_options.enable_coprocess",
            }
            .into());
        }
        let refused = |reason| HookError::NotLoaded { name: name(), reason };
        let file = match &source.code {
            Code::File(file) if !file.as_os_str().is_empty() => {
                absolute(file).map_err(|error| refused(error.to_string()))?
            }
            _ => {
                let reason = "Python runs from files: name a .py file in `path`, or bring one in a bundle";
                return Err(refused(reason.to_owned()).into());
            }
        };
        let workers = self.workers(&file).map_err(refused)?;
        let function = workers.hello().functions.get(&*source.name);
        let function = function.ok_or_else(|| missing(source, &file, &workers))?;
        suits(source.kind, function).map_err(|reason| refused(format!("{}: {reason}", file.display())))?;
        tracing::debug!(
            api_id = %source.api_id, hook = source.kind.name(), driver = NAME, function = %source.name,
            file = %file.display(), language = workers.hello().language, "hook loaded"
        );
        Ok(Arc::new(PythonHook::new(
            source,
            workers,
            Terms { raw_body_only: source.raw_body_only, names_as_written: self.names_as_written },
        )))
    }

    fn reloaded(&self) {
        let mut plugins = self.plugins();
        plugins
            .retain(|_, plugin| matches!(plugin, Plugin::Runs { workers, .. } if workers.strong_count() > 0));
        for plugin in plugins.values() {
            if let Plugin::Runs { workers, .. } = plugin
                && let Some(workers) = workers.upgrade()
            {
                workers.reloaded();
            }
        }
    }

    fn gauges(&self) -> DriverGauges {
        // Processes are counted by plugin.
        DriverGauges::default()
    }
}

impl PythonDriver {
    fn plugins(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, Plugin>> {
        self.plugins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The workers of a file: those that run, unless one of its files has changed.
    fn workers(&self, file: &Path) -> Result<Arc<Workers>, String> {
        let mut plugins = self.plugins();
        match plugins.get(file) {
            Some(Plugin::Runs { workers, read }) => {
                if let Some(workers) = workers.upgrade()
                    && read.iter().all(|(path, before)| stamp(path) == *before)
                {
                    return Ok(workers);
                }
            }
            Some(Plugin::Fails(reason)) => return Err(reason.clone()),
            None => {}
        }
        // Read before they are, so that a change in between is seen.
        let own = stamp(file);
        let started = self.start(file);
        match started {
            Ok(workers) => {
                let others = workers.hello().files.iter().filter(|path| *path != file);
                let mut read: Stamps = others.map(|path| (path.clone(), stamp(path))).collect();
                read.push((file.to_owned(), own));
                plugins.insert(file.to_owned(), Plugin::Runs { workers: Arc::downgrade(&workers), read });
                Ok(workers)
            }
            Err(reason) => {
                plugins.insert(file.to_owned(), Plugin::Fails(reason.clone()));
                Err(reason)
            }
        }
    }

    fn start(&self, file: &Path) -> Result<Arc<Workers>, String> {
        let settings = &self.settings;
        if let Err(error) = fs::metadata(file) {
            return Err(match error.kind() {
                io::ErrorKind::NotFound => format!("{} is not there", file.display()),
                _ => format!("{} cannot be read: {error}", file.display()),
            });
        }
        let launch = Launch {
            driver: NAME,
            name: file.display().to_string().into(),
            program: Program {
                file: settings.interpreter.clone(),
                // No .pyc files, which would be taken for the code when a file changes twice within a second; and
                // lines that are printed come at once.
                arguments: ["-B", "-u", "-c", shim::BOOT].map(Into::into).into(),
                environment: Vec::new(),
            },
            settings: json!({ "path": file, "folders": settings.path, "shim": shim::modules() }),
            workers: settings.workers,
            timeout: self.timeout,
            largest_body: settings.largest_body,
            host: self.host.clone(),
            metrics: self.metrics.clone(),
        };
        match Workers::start(launch) {
            Ok(workers) => Ok(Arc::new(workers)),
            Err(Failed { message, traceback }) => {
                if !traceback.is_empty() {
                    tracing::error!(driver = NAME, file = %file.display(), "it cannot be loaded\n{}", traceback.trim_end());
                }
                Err(format!("{}: {message}", file.display()))
            }
        }
    }
}

/// How a file looks; nothing if it is not there.
fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let about = fs::metadata(path).ok()?;
    Some((about.modified().ok()?, about.len()))
}

fn missing(source: &HookSource, file: &Path, workers: &Workers) -> HookError {
    let known: Vec<&str> = workers.hello().functions.keys().map(String::as_str).collect();
    let known = match &*known {
        [] => "it has no hooks: mark them with @Hook of tyk.decorators".to_owned(),
        known => format!("it has {}", known.join(", ")),
    };
    HookError::NoFunction { name: source.name.to_string(), reason: format!("{}: {known}", file.display()) }
}

/// The number of parameters says how a function is called (plugins reference 5.2).
fn suits(kind: HookKind, function: &Function) -> Result<(), String> {
    let Function { kinds, parameters } = function;
    if !kinds.is_empty() && !kinds.iter().any(|known| known == kind.name()) {
        return Err(format!(
            "it is marked as a hook of kind {} and cannot be one of kind {kind}",
            kinds.join(", ")
        ));
    }
    let (possible, text) = match kind {
        HookKind::Analytics => (1..=2, "(record) or (record, spec)"),
        HookKind::Event => (1..=2, "(event) or (event, spec)"),
        _ => (
            3..=5,
            "(request, session, spec), (request, session, metadata, spec) or (request, response, session, metadata, spec)",
        ),
    };
    if possible.contains(parameters) {
        return Ok(());
    }
    Err(format!("it takes {parameters} parameters; expected {text}"))
}
