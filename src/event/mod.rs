//! What happens on a gateway that somebody may want to hear of (sessions reference 3.10, plugins reference 9).
//!
//! Who fires an event asks [`Events::wants`] first, so an event that nobody hears of costs nothing. [`Events::fire`]
//! only puts it into a bounded queue: handlers run in one background task, which is started after the fork.

mod compile;
pub mod handlers;
mod kind;
mod monitor;
mod queue;
mod template;

#[cfg(test)]
mod tests;

use std::{borrow::Cow, sync::Arc, time::SystemTime};

use chrono::{DateTime, Local};
use serde_json::{Map, Value};

use compile::Scope;
pub use compile::{Maker, compile_api, compile_gateway, open};
pub use handlers::{EventHandler, Owner};
pub use kind::EventKind;
pub use monitor::{Monitor, Usage};
use queue::Courier;
pub use queue::{Flusher, Worker};

/// Something that has happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The name of its kind, or the one that a plugin gave it.
    pub name: Cow<'static, str>,
    /// What there is to say of it (plugins reference 9.3).
    pub meta: Map<String, Value>,
    /// When.
    pub at: SystemTime,
}

impl Event {
    /// When, in local time and in the form that Go prints: `2026-01-02 03:04:05.12 +0000 UTC`.
    pub fn time_stamp(&self) -> String {
        let local = DateTime::<Local>::from(self.at);
        let nanos = local.timestamp_subsec_nanos();
        let mut text = local.format("%Y-%m-%d %H:%M:%S").to_string();
        if nanos > 0 {
            text.push_str(format!(".{nanos:09}").trim_end_matches('0'));
        }
        let offset = local.format("%z").to_string();
        let zone = if offset == "+0000" { "UTC" } else { &offset };
        format!("{text} {offset} {zone}")
    }
}

/// Who hears of what happens on one API, or on the gateway. Nobody, unless handlers are configured.
#[derive(Default)]
pub struct Events {
    handlers: Vec<(EventKind, Arc<dyn EventHandler>)>,
    /// The gateway's handlers by the names they stand under: what plugins fire reaches them all.
    named: Vec<(Arc<str>, Arc<dyn EventHandler>)>,
    courier: Option<Courier>,
}

impl Events {
    /// True if anybody wants to hear of this kind: what an event says is only put together then.
    pub fn wants(&self, kind: EventKind) -> bool {
        self.handlers.iter().any(|(other, _)| *other == kind)
    }

    /// True if any of them is code of users.
    pub fn runs_code(&self) -> bool {
        self.handlers.iter().any(|(_, handler)| handler.runs_code())
    }

    /// Tells the handlers, in the background. Never waits: when too many events wait already, this one is dropped and
    /// counted.
    pub fn fire(&self, kind: EventKind, meta: Map<String, Value>) {
        let Some(courier) = &self.courier else { return };
        let event = Arc::new(Event { name: kind.name().into(), meta, at: SystemTime::now() });
        for (_, handler) in self.handlers.iter().filter(|(other, _)| *other == kind) {
            courier.hand_over(handler.clone(), event.clone());
        }
    }

    /// The same for a name that a plugin chose, which may be that of a kind (plugins reference 5.3).
    pub fn fire_named(&self, name: &str, message: &str) {
        let Some(courier) = &self.courier else { return };
        let mut heard = self.named.iter().filter(|(other, _)| **other == *name).peekable();
        if heard.peek().is_none() {
            return;
        }
        let meta = Map::from_iter([("Message".to_owned(), Value::from(message))]);
        let event = Arc::new(Event { name: name.to_owned().into(), meta, at: SystemTime::now() });
        for (_, handler) in heard {
            courier.hand_over(handler.clone(), event.clone());
        }
    }
}
