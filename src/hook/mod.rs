//! User code at a place in the chain: what a hook sees ([`Object`]), what runs it ([`Driver`]), and the table
//! of drivers.
//!
//! This module knows neither pingora's `Session` nor our `Ctx`: `middleware/hooks.rs` builds the object from
//! them and applies the edits back, so every driver shares one build, one apply and one set of tests.

pub mod drivers;
mod object;
mod registry;

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::error::Result;
pub use object::{Answer, Object, Spec};
pub use registry::Hooks;

/// The place in the chain at which a hook is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HookKind {
    /// Before anything of the gateway but version choice and CORS.
    Pre,
    /// Last before the request goes upstream, all endpoints.
    Post,
    /// Like `Post`, for one endpoint (`go_plugin`), before the `Post` hooks.
    Endpoint,
}

impl HookKind {
    /// The name used in logs and metrics; the peer's where it has one.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pre => "pre",
            Self::Post => "post",
            Self::Endpoint => "go_plugin",
        }
    }
}

impl fmt::Display for HookKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One entry of a definition that names a function, ready to be loaded.
#[derive(Debug, Clone)]
pub struct HookSource {
    /// API that asks for it.
    pub api_id: Arc<str>,
    /// Where it is called.
    pub kind: HookKind,
    /// Function name of the definition.
    pub name: Arc<str>,
    /// File that holds it, as configured.
    pub path: PathBuf,
    /// How long a call may take.
    pub timeout: Duration,
}

/// A way to run hooks. Started after the fork; finds functions ahead of traffic.
pub trait Driver: Send + Sync {
    /// Finds the function of `source` and readies it for calls.
    ///
    /// # Errors
    /// `HookError::NotLoaded` when the file or the function cannot be used; the API then answers 500 at this step.
    fn load(&self, source: &HookSource) -> Result<Arc<dyn Hook>>;
}

/// A function of a user, ready for calls from any thread.
#[async_trait]
pub trait Hook: Send + Sync {
    /// True when a call may be abandoned half-way, at its timeout, which loses the object. The caller then keeps
    /// a copy of the request head to answer with.
    fn may_be_abandoned(&self) -> bool;

    /// Calls the function. The object moves in and out, so that a driver may send it to another thread or process.
    ///
    /// # Errors
    /// A `HookError`: the request is answered with 500.
    async fn dispatch(&self, kind: HookKind, object: Box<Object>) -> Result<Box<Object>>;
}
