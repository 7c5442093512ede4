//! `eh_log_handler`: a warning in the log of the gateway.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::{Built, EventHandler, Note, Owner, Settings, switch, text};
use crate::event::{Event, Maker};

pub(super) const MEMBERS: &[&str] = &["disabled", "id", "name", "prefix"];

struct Log {
    prefix: String,
}

pub(super) fn build(
    settings: &Settings,
    _maker: &Maker,
    _owner: Option<&Owner>,
    _note: Note<'_>,
) -> Result<Built, String> {
    if switch(settings, "disabled")? {
        return Ok(Built::Disabled);
    }
    Ok(Built::Ready(Arc::new(Log { prefix: text(settings, "prefix")? })))
}

#[async_trait]
impl EventHandler for Log {
    async fn handle(&self, event: &Event) {
        let said = |name: &str| event.meta.get(name).and_then(Value::as_str).unwrap_or_default();
        // The key is left out: no log gets a raw one.
        tracing::warn!(
            message_of_event = said("Message"),
            path = said("Path"),
            origin = said("Origin"),
            "{}:{}",
            self.prefix,
            event.name
        );
    }
}
