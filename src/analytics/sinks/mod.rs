//! Where records go. A sink is one line of [`SINKS`] and a file.

mod file;
mod redis;
mod stdout;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::{Record, Settings};
use crate::{
    config::SinkKind,
    error::{Error, Problem, Result},
    store::Store,
};

/// The far end of the queue. Used by one task only; a verb that takes longer than the settings' patience is given up.
#[async_trait]
pub(super) trait Sink: Send + Sync {
    /// Appends one record in this sink's form.
    fn encode(&self, record: &Record<'_>, out: &mut Vec<u8>);

    /// Asked before each batch and again until it succeeds: while it fails nothing is lost yet.
    async fn ready(&mut self) -> Result<()> {
        Ok(())
    }

    /// Writes a batch. After an error nobody knows what arrived, so the batch is not tried again.
    async fn write(&mut self, items: &[Bytes]) -> Result<()>;

    /// Called a second after a write.
    async fn tend(&mut self) -> Result<()> {
        Ok(())
    }
}

/// What a sink may be opened from.
struct Parts<'a> {
    settings: &'a Settings,
    store: Option<Arc<dyn Store>>,
}

/// Opens a sink; `None` when records go nowhere.
type Open = fn(Parts<'_>) -> Result<Option<Box<dyn Sink>>>;

/// One kind of sink.
struct SinkEntry {
    /// What users write.
    kind: SinkKind,
    open: Open,
}

/// Every sink.
const SINKS: &[SinkEntry] = &[
    SinkEntry { kind: SinkKind::Redis, open: redis::open },
    SinkEntry { kind: SinkKind::File, open: file::open },
    SinkEntry { kind: SinkKind::Stdout, open: stdout::open },
    SinkEntry { kind: SinkKind::None, open: |_| Ok(None) },
];

/// Opens the sink that the settings name; `None` when records go nowhere.
pub(super) fn open(settings: &Settings, store: Option<Arc<dyn Store>>) -> Result<Option<Box<dyn Sink>>> {
    let Some(entry) = SINKS.iter().find(|entry| entry.kind == settings.sink) else {
        return Err(refused("no sink is named", "redis, file, stdout or none"));
    };
    (entry.open)(Parts { settings, store })
}

fn refused(message: &str, expected: &str) -> Error {
    let problem = Problem::error("config", "pinhook.analytics.sink", message);
    Error::Input(problem.hint(format!("expected {expected}")))
}
