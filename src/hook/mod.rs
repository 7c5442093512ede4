//! User code at a place in the chain: what a hook sees ([`Object`]), what runs it ([`Driver`]), and the table
//! of drivers.
//!
//! This module knows neither pingora's `Session` nor our `Ctx`: `middleware/hooks.rs` builds the object from
//! them and applies the edits back, so every driver shares one build, one apply and one set of tests.

pub mod bundle;
pub mod coprocess;
pub mod drivers;
mod family;
mod header_name;
mod host;
mod log_lines;
mod object;
mod record;
mod registry;
mod source;

use std::{fmt, ops::Add, sync::Arc};

use async_trait::async_trait;

use crate::error::{Error, HookError, Result};
pub use family::Family;
pub use header_name::canonical;
pub use host::{Ask, Caller, GatewayCalls, HookCall, HookReply, Host, SetKey, Stored, Values};
pub use log_lines::{Listener, LogLine};
pub use object::{Answer, Manner, Object, Parked, ResponsePart, Spec};
pub use record::{RecordPart, Value};
pub use registry::Hooks;
pub use source::{Code, HookSource};

/// The place in the chain at which a hook is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HookKind {
    /// Before anything of the gateway but version choice and CORS.
    Pre,
    /// Decides who calls: a method of auth.
    Auth,
    /// Once it is known who calls.
    PostKeyAuth,
    /// Last before the request goes upstream, all endpoints.
    Post,
    /// Like `Post`, for one endpoint (`go_plugin`), before the `Post` hooks.
    Endpoint,
    /// Answers in the upstream's place, for one endpoint (`virtual`). One that gives no answer has failed.
    Virtual,
    /// On the answer of an upstream, before the client gets it.
    Response,
    /// On an analytics record, after the request and off its thread.
    Analytics,
    /// Hears of an event; no request waits for it.
    Event,
}

impl HookKind {
    /// The name used in logs and metrics; the peer's where it has one.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pre => "pre",
            Self::Auth => "auth_check",
            Self::PostKeyAuth => "post_key_auth",
            Self::Post => "post",
            Self::Endpoint => "go_plugin",
            Self::Virtual => "virtual",
            Self::Response => "response",
            Self::Analytics => "analytics",
            Self::Event => "event",
        }
    }
}

impl fmt::Display for HookKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The bodies that somebody wants whole. Fixed when an API is compiled (decisions 8): what nobody wants is streamed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Needs {
    /// The request's body.
    pub request_body: bool,
    /// The response's body.
    pub response_body: bool,
}

impl Needs {
    /// No body.
    pub const NOTHING: Self = Self { request_body: false, response_body: false };

    /// What either of two wants.
    pub fn or(self, other: Self) -> Self {
        Self {
            request_body: self.request_body || other.request_body,
            response_body: self.response_body || other.response_body,
        }
    }
}

/// A way to run hooks. Started after the fork; finds functions ahead of traffic.
pub trait Driver: Send + Sync {
    /// Finds the function of `source` and readies it for calls.
    ///
    /// # Errors
    /// `HookError::NotLoaded` when the file or the function cannot be used; the API then answers 500 at this step.
    fn load(&self, source: &HookSource) -> Result<Arc<dyn Hook>>;

    /// The APIs of a load are live now: code in use that wants to hear of it is told, in the background. Called
    /// inside a runtime.
    fn reloaded(&self) {}

    /// What it holds right now, for the metrics.
    fn gauges(&self) -> DriverGauges;
}

/// What a driver holds at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DriverGauges {
    /// Copies of code files mapped into the process. Native ones are never unmapped, so this only grows.
    pub libraries: usize,
    /// Threads that run hooks.
    pub threads: usize,
    /// Those among them whose call is over its time limit.
    pub stuck_threads: usize,
}

impl Add for DriverGauges {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            libraries: self.libraries + other.libraries,
            threads: self.threads + other.threads,
            stuck_threads: self.stuck_threads + other.stuck_threads,
        }
    }
}

/// A call that ended without a usable result. `?` turns it into an [`Error`].
#[derive(Debug)]
pub struct Failure {
    /// Why.
    pub error: HookError,
    /// The object as the function left it, unless the call was abandoned and still holds it.
    pub object: Option<Box<Object>>,
}

impl Failure {
    /// A call that did not keep its object.
    pub fn new(error: HookError, object: Box<Object>) -> Self {
        Self { error, object: Some(object) }
    }

    /// A call that took its object along.
    pub fn lost(error: HookError) -> Self {
        Self { error, object: None }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Hook(failure.error)
    }
}

/// A function of a user, ready for calls from any thread.
#[async_trait]
pub trait Hook: Send + Sync {
    /// True when a call may be abandoned half-way, at its timeout, which loses the object. The caller then keeps
    /// a copy of the request head to answer with. Any other failure hands the object back.
    fn may_be_abandoned(&self) -> bool;

    /// The bodies that it wants to see. The object has no other.
    fn needs(&self) -> Needs;

    /// Whose rules hold for what it leaves.
    fn family(&self) -> Family {
        Family::Native
    }

    /// Calls the function. The object moves in and out, so that a driver may send it to another thread or process.
    ///
    /// # Errors
    /// The request is answered with 500; edits that the function made before it failed do not count.
    async fn dispatch(&self, kind: HookKind, object: Box<Object>) -> Result<Box<Object>, Failure>;
}
