//! What it takes to start the workers of a plugin, and what they say when they are up.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use serde::Deserialize;
use serde_json::Value;

use super::process::Program;
use crate::{hook::Host, metrics::Metrics};

/// What workers are started from.
pub(in crate::hook::drivers) struct Launch {
    /// The usual name of the driver.
    pub(in crate::hook::drivers) driver: &'static str,
    /// What logs and metrics call it: its file.
    pub(in crate::hook::drivers) name: Arc<str>,
    /// What is run.
    pub(in crate::hook::drivers) program: Program,
    /// `settings` of `configure`.
    pub(in crate::hook::drivers) settings: Value,
    /// How many.
    pub(in crate::hook::drivers) workers: usize,
    /// What calls without a limit of their own may take.
    pub(in crate::hook::drivers) timeout: Duration,
    /// Bytes of the bodies of a reply, at most.
    pub(in crate::hook::drivers) largest_body: usize,
    /// What the gateway does for them.
    pub(in crate::hook::drivers) host: Arc<Host>,
    /// Where they are counted.
    pub(in crate::hook::drivers) metrics: Option<Arc<Metrics>>,
}

/// What a worker says when its code is loaded.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::hook::drivers) struct Hello {
    pub(super) protocol: u32,
    /// Such as `python 3.11.7`.
    #[serde(default)]
    pub(in crate::hook::drivers) language: String,
    #[serde(default)]
    pub(super) concurrent: bool,
    /// What a definition may name.
    #[serde(default)]
    pub(in crate::hook::drivers) functions: BTreeMap<String, Function>,
    /// Code files that were read.
    #[serde(default)]
    pub(in crate::hook::drivers) files: Vec<PathBuf>,
}

/// A function that a definition may name.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(in crate::hook::drivers) struct Function {
    /// Kinds of hook that it can be; any where there are none.
    pub(in crate::hook::drivers) kinds: Vec<String>,
    /// How many parameters it has.
    pub(in crate::hook::drivers) parameters: u32,
}

/// What a worker says went wrong.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(in crate::hook::drivers) struct Failed {
    /// In one line.
    pub(in crate::hook::drivers) message: String,
    /// Where, if the language tells.
    pub(in crate::hook::drivers) traceback: String,
}

impl Failed {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), traceback: String::new() }
    }

    pub(super) fn read(head: &[u8]) -> Self {
        serde_json::from_slice(head).unwrap_or_else(|_| Self::new("it failed and did not say why"))
    }
}
