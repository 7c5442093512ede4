//! `event_handlers`: who is told what happens (plugins reference 9).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::member::members;

members! {
    /// `event_handlers`.
    pub struct EventHandlers {
        /// By event name.
        events: BTreeMap<String, Vec<EventHandler>>,
    }

    /// One handler of an event.
    pub struct EventHandler {
        /// `eh_log_handler`, `eh_web_hook_handler`, `eh_dynamic_handler` or `cp_dynamic_handler`.
        handler_name: String,
        /// Its settings.
        handler_meta: Map<String, Value>,
    }
}
