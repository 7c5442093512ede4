//! What runs hooks: one folder a driver, one line in [`DRIVERS`].

pub mod go;
#[cfg(feature = "grpc")]
pub mod grpc;
#[cfg(feature = "js")]
pub mod js;
#[cfg(feature = "lua")]
pub mod lua;
pub mod native;
mod pool;
pub mod python;
#[cfg(any(feature = "js", feature = "lua"))]
mod script;
mod worker;

use std::{path::PathBuf, sync::Arc, time::Duration};

use http::HeaderName;

use super::{Driver, Family, Host};
use crate::{
    config::{Config, CoprocessOptions, PinhookGrpc},
    metrics::Metrics,
};

/// What drivers are told when they start.
#[derive(Clone)]
pub struct DriverSettings {
    /// Most threads that hooks of one driver which may block can occupy.
    pub hook_threads: usize,
    /// The same for scripts, which may ask this gateway and so need one another.
    pub script_threads: usize,
    /// The default time limit of a call.
    pub timeout: Duration,
    /// Bytes that the scripts of one API may hold on one thread.
    pub script_memory: usize,
    /// What holds for JavaScript alone.
    pub jsvm: JsvmSettings,
    /// `ignore_canonical_mime_header_key`: header names are sent as rich plugins spell them.
    pub names_as_written: bool,
    /// What holds for gRPC plugin servers alone.
    pub grpc: GrpcSettings,
    /// What holds for Go alone.
    pub go: go::GoSettings,
    /// What holds for Python alone.
    pub python: python::PythonSettings,
    /// What the gateway does for hooks.
    pub host: Arc<Host>,
    /// Where worker processes are counted.
    pub metrics: Option<Arc<Metrics>>,
}

/// Tyk's settings of JavaScript (plugins reference 6.1).
#[derive(Debug, Clone)]
pub struct JsvmSettings {
    /// `enable_jsvm`: without it every script answers 500.
    pub enabled: bool,
    /// `jsvm_timeout`: the default time limit of a call.
    pub timeout: Duration,
    /// `tyk_js_path`: a file that runs before every script.
    pub library: Option<PathBuf>,
}

/// How gRPC plugin servers are called.
#[derive(Debug, Clone)]
pub struct GrpcSettings {
    /// Tyk's settings (plugins reference 4.1).
    pub tyk: CoprocessOptions,
    /// Those of pinhook.
    pub own: PinhookGrpc,
    /// `pinhook.service_address_header`: header in which a hook names where its request goes.
    pub address_header: Option<HeaderName>,
}

impl DriverSettings {
    /// What the configuration says.
    pub fn new(config: &Config, host: Arc<Host>) -> Self {
        let seconds = u64::try_from(config.jsvm_timeout).unwrap_or_default();
        let library = Some(&config.tyk_js_path).filter(|path| !path.is_empty());
        Self {
            hook_threads: config.pinhook.hook_threads,
            script_threads: config.pinhook.script_threads,
            timeout: config.pinhook.plugin_timeout(),
            script_memory: config.pinhook.script_memory,
            jsvm: JsvmSettings {
                enabled: config.enable_jsvm,
                timeout: Duration::from_secs(seconds.max(1)),
                library: library.map(PathBuf::from),
            },
            names_as_written: config.ignore_canonical_mime_header_key,
            grpc: GrpcSettings {
                tyk: config.coprocess_options.clone(),
                own: config.pinhook.grpc.clone(),
                address_header: config.pinhook.service_address_header.parse().ok(),
            },
            go: go::GoSettings::new(config),
            python: python::PythonSettings::new(config),
            host,
            metrics: None,
        }
    }

    /// The same, with worker processes counted.
    pub fn counted_by(self, metrics: &Arc<Metrics>) -> Self {
        Self { metrics: Some(metrics.clone()), ..self }
    }
}

/// A driver and the names that definitions give it, the usual one first.
pub struct DriverEntry {
    /// Names accepted in `custom_middleware.driver`.
    pub names: &'static [&'static str],
    /// Whose rules hold for what its hooks leave.
    pub family: Family,
    /// Starts it.
    pub start: fn(&DriverSettings) -> Arc<dyn Driver>,
}

/// Every driver of this build.
pub const DRIVERS: &[DriverEntry] = &[
    #[cfg(feature = "grpc")]
    DriverEntry { names: grpc::NAMES, family: Family::Coprocess, start: grpc::start },
    DriverEntry { names: native::NAMES, family: Family::Native, start: go::start },
    DriverEntry { names: python::NAMES, family: Family::Coprocess, start: python::start },
    #[cfg(feature = "js")]
    DriverEntry { names: js::OTTO, family: Family::Script, start: js::start_otto },
    #[cfg(feature = "js")]
    DriverEntry { names: js::JAVASCRIPT, family: Family::Script, start: js::start_javascript },
    #[cfg(feature = "lua")]
    DriverEntry { names: lua::NAMES, family: Family::Coprocess, start: lua::start },
];
