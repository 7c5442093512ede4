//! Hearing what scripts log while a piece of work runs: for the control API's trial of a script. Nobody else listens,
//! and then a script's line costs one look at a task-local value.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};

/// Lines that are kept of one piece of work; more are dropped.
const MOST: usize = 1000;

/// A line of a script.
#[derive(Debug, Clone)]
pub struct LogLine {
    /// `error`, `warning`, `info` or `debug`.
    pub level: &'static str,
    /// Its text.
    pub text: String,
    /// When it was written down.
    pub at: DateTime<Utc>,
}

/// Where lines go that somebody hears.
#[derive(Debug, Clone, Default)]
pub struct Listener(Arc<Mutex<Vec<LogLine>>>);

tokio::task_local! {
    static LISTENER: Listener;
}

impl Listener {
    /// Does `work` and keeps what scripts log in it.
    pub async fn hear<T>(work: impl Future<Output = T>) -> (T, Vec<LogLine>) {
        let listener = Self::default();
        let done = LISTENER.scope(listener.clone(), work).await;
        let lines = std::mem::take(&mut *listener.0.lock().unwrap_or_else(PoisonError::into_inner));
        (done, lines)
    }

    /// Who hears what this task's scripts log.
    pub fn current() -> Option<Self> {
        LISTENER.try_with(Self::clone).ok()
    }

    /// Keeps a line.
    pub fn note(&self, level: &'static str, text: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() < MOST {
            lines.push(LogLine { level, text: text.to_owned(), at: Utc::now() });
        }
    }
}
