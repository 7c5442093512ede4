//! Who can be told of events: one file each, one line in [`HANDLERS`].

mod dynamic;
mod log;
mod webhook;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::{Event, Maker};
use crate::hook::Spec;
pub(super) use webhook::WebHook;

/// Hears of events, off the path of requests.
#[async_trait]
pub trait EventHandler: Send + Sync {
    /// Runs once per event, several at once. What goes wrong is logged and counted.
    async fn handle(&self, event: &Event);

    /// True if it is code of users, which may change where its definition does not.
    fn runs_code(&self) -> bool {
        false
    }
}

/// The API whose handlers they are.
pub struct Owner {
    /// What its hooks read.
    pub spec: Arc<Spec>,
    /// The driver of its hooks.
    pub driver: String,
    /// Their gRPC plugin server, if it is not the gateway's.
    pub server: Option<Arc<str>>,
}

/// What a line of [`HANDLERS`] builds from: the settings without those that are null.
pub type Settings = Map<String, Value>;

/// What came of a handler's settings.
pub enum Built {
    /// It can be called.
    Ready(Arc<dyn EventHandler>),
    /// It is switched off.
    Disabled,
}

/// Says what is odd about a handler: a member of its settings, and what happens.
pub type Note<'a> = &'a mut dyn FnMut(&str, String);

/// Builds a handler; the gateway's have no owner. The error is why it is dropped.
pub type BuildHandler = fn(&Settings, &Maker, Option<&Owner>, Note<'_>) -> Result<Built, String>;

/// A line of [`HANDLERS`].
pub struct HandlerLine {
    /// `handler_name` in definitions.
    pub name: &'static str,
    /// Its members of `handler_meta`; others are named.
    pub members: &'static [&'static str],
    /// Builds it.
    pub build: BuildHandler,
}

/// Every handler.
pub const HANDLERS: &[HandlerLine] = &[
    HandlerLine { name: "eh_log_handler", members: log::MEMBERS, build: log::build },
    HandlerLine { name: "eh_web_hook_handler", members: webhook::MEMBERS, build: webhook::build },
    HandlerLine { name: "eh_dynamic_handler", members: dynamic::MEMBERS, build: dynamic::build_script },
    HandlerLine { name: "cp_dynamic_handler", members: dynamic::MEMBERS, build: dynamic::build_rich },
];

/// Members that the Dashboard writes into any `handler_meta`; they have no effect on a gateway.
pub(super) const OF_THE_DASHBOARD: [&str; 4] = ["_id", "api_id", "org_id", "hook_id"];

/// A text among the settings; empty if there is none.
fn text(settings: &Settings, name: &str) -> Result<String, String> {
    match settings.get(name) {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => Err(format!("{name} must be a text, found {other}")),
    }
}

/// A switch among the settings; off if there is none.
pub(super) fn switch(settings: &Settings, name: &str) -> Result<bool, String> {
    match settings.get(name) {
        None => Ok(false),
        Some(Value::Bool(on)) => Ok(*on),
        Some(other) => Err(format!("{name} must be true or false, found {other}")),
    }
}
