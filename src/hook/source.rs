//! A function as a definition names it, before a driver has looked for it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use super::HookKind;

/// Where code is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Code {
    /// A file, as configured.
    File(PathBuf),
    /// The source itself, from a definition.
    Text(Arc<str>),
}

/// One entry of a definition that names a function, ready to be loaded.
#[derive(Debug, Clone)]
pub struct HookSource {
    /// API that asks for it; empty for what belongs to the gateway.
    pub api_id: Arc<str>,
    /// Where it is called.
    pub kind: HookKind,
    /// Function name of the definition.
    pub name: Arc<str>,
    /// Where the function is.
    pub code: Code,
    /// All code of the API that is written for the same driver, in load order and with [`HookSource::code`] in it.
    /// Scripts of Tyk's `otto` share one name space.
    pub siblings: Arc<[Code]>,
    /// How long a call may take; else what the driver finds right.
    pub timeout: Option<Duration>,
    /// The function is given the session and may edit its metadata (`require_session`, `use_session`).
    pub wants_session: bool,
    /// Only the raw bytes of a body are handed over, no text (`raw_body_only`).
    pub raw_body_only: bool,
    /// Where the server is that runs it, for drivers that call one; else that of the gateway config
    /// (`pinhook.grpc_server`).
    pub server: Option<Arc<str>>,
}
