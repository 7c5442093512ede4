//! The access log: one line per request that reached an API, on standard error beside the other logs, as Tyk's is.
//!
//! A line is made on the request's thread, which costs less than copying all it is made from, and put into a
//! bounded queue. One task writes what is queued; while standard error does not take it, lines are dropped and
//! counted, and no request waits. Decided 2026-11: not a `tracing` layer, whose writer a request would wait for.

mod fields;
#[cfg(test)]
mod tests;

use std::{mem, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};

pub(super) use fields::Visit;
use fields::{Keys, Selected};

use crate::{
    config::{Config, LogLevel},
    error::Problem,
    metrics::Metrics,
};

/// Lines that wait at most.
const ROOM: usize = 16 * 1024;
/// Bytes that wait at most.
const ROOM_BYTES: usize = 16 << 20;
/// How long the first line waits for company.
const GATHER: Duration = Duration::from_millis(50);
/// Most bytes in one write.
const BATCH_BYTES: usize = 256 * 1024;

/// The front of the log.
pub(super) struct AccessLog {
    selected: Selected,
    lines: mpsc::Sender<Vec<u8>>,
    metrics: Arc<Metrics>,
}

/// The task behind the queue.
#[must_use = "nothing is written before it runs"]
pub(super) struct Writer {
    lines: mpsc::Receiver<Vec<u8>>,
    asked: mpsc::Receiver<oneshot::Sender<()>>,
    metrics: Arc<Metrics>,
}

/// Asks the writer to write all it has.
#[derive(Clone)]
pub(super) struct Flusher(mpsc::Sender<oneshot::Sender<()>>);

/// Opens the log if the config wants one. `json` is the form of the other logs. Starts nothing: [`Writer::run`]
/// is spawned after the fork.
pub(super) fn open(
    config: &Config,
    json: bool,
    metrics: &Arc<Metrics>,
    problems: &mut Vec<Problem>,
) -> Option<(AccessLog, Writer, Flusher)> {
    if !config.access_logs.enabled {
        return None;
    }
    if matches!(config.log_level, LogLevel::Warn | LogLevel::Error) {
        let message = "no access log is written: its lines are of level info, below log_level, as in Tyk";
        problems.push(Problem::warning("gateway config", "access_logs.enabled", message));
        return None;
    }
    let keys = Keys { hashed: config.hash_keys, whole: config.enable_key_logging };
    let selected = Selected::new(&config.access_logs.template, json, keys, problems);
    let (sender, lines) = mpsc::channel(ROOM);
    let (flushes, asked) = mpsc::channel(1);
    let log = AccessLog { selected, lines: sender, metrics: Arc::clone(metrics) };
    Some((log, Writer { lines, asked, metrics: Arc::clone(metrics) }, Flusher(flushes)))
}

impl AccessLog {
    /// Queues the line of one request. Never waits.
    pub(super) fn write(&self, visit: &Visit<'_>) {
        let line = self.selected.line(visit);
        let metrics = self.metrics.access_log();
        let length = i64::try_from(line.len()).unwrap_or(i64::MAX);
        metrics.waiting.add(length);
        let over = metrics.waiting.get() > ROOM_BYTES as i64;
        if over || self.lines.try_send(line).is_err() {
            metrics.waiting.sub(length);
            metrics.dropped.inc();
        }
    }
}

impl Flusher {
    /// Returns once everything queued before is written, or after `limit`.
    pub(super) async fn flush(&self, limit: Duration) {
        let (done, finished) = oneshot::channel();
        let flushed = timeout(limit, async { self.0.send(done).await.is_ok() && finished.await.is_ok() });
        if !flushed.await.unwrap_or(false) {
            tracing::warn!("the access log was not written in time");
        }
    }
}

impl Writer {
    /// Writes until nobody can queue a line or ask for a flush any more.
    pub(super) async fn run(mut self, mut out: impl AsyncWrite + Unpin) {
        let mut batch = Vec::new();
        loop {
            let asked = tokio::select! {
                biased;
                Some(done) = self.asked.recv() => Some(done),
                Some(line) = self.lines.recv() => {
                    batch = line;
                    self.gather().await
                }
                else => return,
            };
            for _ in 0..=self.lines.len() {
                if batch.len() >= BATCH_BYTES {
                    self.put(&mut out, mem::take(&mut batch)).await;
                }
                let Ok(line) = self.lines.try_recv() else { break };
                batch.extend_from_slice(&line);
            }
            self.put(&mut out, mem::take(&mut batch)).await;
            if let Some(done) = asked {
                let _ = done.send(());
            }
        }
    }

    /// Lets the queue fill; requests wake nobody meanwhile.
    async fn gather(&mut self) -> Option<oneshot::Sender<()>> {
        tokio::select! {
            biased;
            Some(done) = self.asked.recv() => Some(done),
            () = sleep(GATHER) => None,
        }
    }

    async fn put(&mut self, out: &mut (impl AsyncWrite + Unpin), batch: Vec<u8>) {
        if batch.is_empty() {
            return;
        }
        let lines = batch.iter().filter(|byte| **byte == b'\n').count();
        let written = async {
            out.write_all(&batch).await?;
            out.flush().await
        };
        let metrics = self.metrics.access_log();
        if let Err(error) = written.await {
            metrics.dropped.inc_by(lines as u64);
            tracing::debug!(%error, "the access log cannot be written");
        }
        metrics.waiting.sub(i64::try_from(batch.len()).unwrap_or(i64::MAX));
    }
}
