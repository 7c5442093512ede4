//! What a worker prints, as lines of our log.

use std::sync::Arc;

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    net::unix::pipe::Receiver,
};

/// Bytes of a line; what is longer becomes several.
const LINE: u64 = 16 << 10;

/// Whose output it is.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) driver: &'static str,
    pub(super) plugin: Arc<str>,
}

/// Copies lines to the log until the other end is closed. Not more than one task a pipe.
pub(super) async fn follow(pipe: Receiver, origin: Origin, errors: bool) {
    let mut lines = BufReader::new(pipe);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut lines).take(LINE).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => origin.line(if errors { "warning" } else { "info" }, &String::from_utf8_lossy(&line)),
        }
    }
}

impl Origin {
    /// Writes a line; a level that is not known is `info`.
    pub(super) fn line(&self, level: &str, text: &str) {
        let (driver, plugin, text) = (self.driver, &*self.plugin, text.trim_end());
        match level {
            _ if text.is_empty() => {}
            "error" => tracing::error!(driver, plugin, "{text}"),
            "warning" => tracing::warn!(driver, plugin, "{text}"),
            "debug" => tracing::debug!(driver, plugin, "{text}"),
            _ => tracing::info!(driver, plugin, "{text}"),
        }
    }
}
