//! The bounded queue between requests and the sink, and the task that empties it.

use std::{
    mem,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::{
    sync::{Notify, mpsc, oneshot},
    task::JoinError,
    time::{sleep, timeout},
};

use super::{
    Analytics, Detail, Observed, RecordSink, Settings,
    edits::{Edited, Edits},
    finish::Finish,
    sinks::Sink,
};
use crate::{
    error::Error,
    hook::RecordPart,
    metrics::{DropReason, Metrics},
};

/// How long the first record of a batch waits for company. Tyk's 200 ms of silence and 1 s at most are both kept.
const GATHER: Duration = Duration::from_millis(200);
/// Most records in one write: about half a megabyte without details.
const BATCH: usize = 500;
/// Most bytes in one write, for detailed records.
const BATCH_BYTES: usize = 4 << 20;
/// Most bytes of detail that wait in the queue: beyond it a detailed record counts as one too many.
const DETAIL_BYTES: usize = 64 << 20;
/// Between two looks at a sink that is not ready.
const RETRY: Duration = Duration::from_millis(100);
/// Between a write and the sink's care for it.
const TEND: Duration = Duration::from_secs(1);

pub(super) fn open(settings: &Settings, sink: Box<dyn Sink>, metrics: &Arc<Metrics>) -> Analytics {
    let (sender, records) = mpsc::channel(settings.room);
    let (flushes, asked) = mpsc::channel(1);
    let filling = Arc::new(Notify::new());
    let detailed = Arc::new(AtomicUsize::new(0));
    let queue = Queue {
        sender,
        low: settings.room / 2,
        filling: Arc::clone(&filling),
        detailed: Arc::clone(&detailed),
        metrics: Arc::clone(metrics),
    };
    let worker = Worker {
        records,
        asked,
        filling,
        sink,
        finish: Finish::new(settings),
        edits: Edits::new(settings.room),
        batch: Batch::default(),
        waiting: Vec::new(),
        tend_at: None,
        patience: settings.patience,
        full_seen: 0,
        detailed,
        metrics: Arc::clone(metrics),
    };
    Analytics { records: Arc::new(queue), worker, flusher: Flusher { flushes, metrics: Arc::clone(metrics) } }
}

struct Queue {
    sender: mpsc::Sender<Observed>,
    low: usize,
    filling: Arc<Notify>,
    detailed: Arc<AtomicUsize>,
    metrics: Arc<Metrics>,
}

impl RecordSink for Queue {
    fn record(&self, observed: Observed) {
        let metrics = self.metrics.analytics();
        let weight = weight(&observed);
        if weight > 0 && self.detailed.fetch_add(weight, Relaxed) + weight > DETAIL_BYTES {
            self.detailed.fetch_sub(weight, Relaxed);
            metrics.dropped(DropReason::QueueFull, 1);
            self.filling.notify_one();
            return;
        }
        metrics.queue_length.inc();
        if self.sender.try_send(observed).is_err() {
            self.detailed.fetch_sub(weight, Relaxed);
            metrics.queue_length.dec();
            metrics.dropped(DropReason::QueueFull, 1);
        } else if self.sender.capacity() < self.low
            || weight > 0 && self.detailed.load(Relaxed) > DETAIL_BYTES / 2
        {
            self.filling.notify_one();
        }
    }
}

fn weight(observed: &Observed) -> usize {
    observed.detail.as_deref().map_or(0, Detail::weight)
}

/// Asks the worker to write all it has.
#[derive(Clone)]
pub struct Flusher {
    flushes: mpsc::Sender<oneshot::Sender<()>>,
    metrics: Arc<Metrics>,
}

impl Flusher {
    /// Returns once everything handed over before is written (or dropped and counted), true, or after `limit`,
    /// false and logged. The worker goes on either way.
    pub async fn flush(&self, limit: Duration) -> bool {
        let (done, finished) = oneshot::channel();
        let flushed =
            timeout(limit, async { self.flushes.send(done).await.is_ok() && finished.await.is_ok() });
        let flushed = flushed.await.unwrap_or(false);
        if !flushed {
            let left = self.metrics.analytics().queue_length.get();
            tracing::warn!(left, "analytics records were not written in time");
        }
        flushed
    }
}

#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Records taken from the queue, those included that leave no bytes.
    taken: i64,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.ends.len() >= BATCH || self.bytes.len() >= BATCH_BYTES
    }

    /// The encoded records; the batch is empty afterwards.
    fn items(&mut self) -> Vec<Bytes> {
        let bytes = Bytes::from(mem::take(&mut self.bytes));
        let mut start = 0;
        let slice = |end: &usize| bytes.slice(mem::replace(&mut start, *end)..*end);
        let items = self.ends.iter().map(slice).collect();
        self.ends.clear();
        items
    }
}

/// The task behind the queue.
#[must_use = "nothing is written before it runs"]
pub struct Worker {
    records: mpsc::Receiver<Observed>,
    asked: mpsc::Receiver<oneshot::Sender<()>>,
    filling: Arc<Notify>,
    sink: Box<dyn Sink>,
    finish: Finish,
    edits: Edits,
    batch: Batch,
    waiting: Vec<oneshot::Sender<()>>,
    tend_at: Option<Instant>,
    patience: Duration,
    full_seen: u64,
    detailed: Arc<AtomicUsize>,
    metrics: Arc<Metrics>,
}

impl Worker {
    /// Works until nobody can hand over a record or ask for a flush any more.
    pub async fn run(mut self) {
        loop {
            let tend_in = self.tend_at.map(|at| at.saturating_duration_since(Instant::now()));
            tokio::select! {
                biased;
                Some(done) = self.asked.recv() => self.waiting.push(done),
                () = sleep(tend_in.unwrap_or_default()), if tend_in.is_some() => {
                    self.tend().await;
                    continue;
                }
                Some(edited) = self.edits.next() => {
                    self.edited(edited);
                    self.gather().await;
                }
                Some(first) = self.records.recv() => {
                    self.take(first);
                    self.gather().await;
                }
                else => return,
            }
            self.drain().await;
        }
    }

    /// Lets the queue fill. Until here senders wake nobody, which is what keeps them cheap.
    async fn gather(&mut self) {
        let mut over = pin!(sleep(GATHER));
        while !self.batch.is_full() {
            tokio::select! {
                biased;
                Some(done) = self.asked.recv() => {
                    self.waiting.push(done);
                    return;
                }
                () = self.filling.notified() => return,
                () = &mut over => return,
                Some(edited) = self.edits.next() => self.edited(edited),
            }
        }
    }

    /// Writes all that is queued now, then answers those who asked for it: they wait for hooks on records as well.
    async fn drain(&mut self) {
        let waiting = mem::take(&mut self.waiting);
        for _ in 0..self.records.len() {
            let Ok(observed) = self.records.try_recv() else { break };
            self.take(observed);
            self.write_if_full().await;
        }
        while let Some(edited) = self.edits.ready() {
            self.edited(edited);
            self.write_if_full().await;
        }
        self.write().await;
        if !waiting.is_empty() {
            while let Some(edited) = self.edits.next().await {
                self.edited(edited);
                self.write_if_full().await;
            }
            self.write().await;
        }
        self.report_full();
        for done in waiting {
            let _ = done.send(());
        }
    }

    /// A record from the queue: into the batch, or to its API's hook first.
    fn take(&mut self, observed: Observed) {
        match observed.api.hook.clone() {
            None => self.put(&observed, None),
            Some(hook) => {
                let weight = weight(&observed);
                if self.edits.add(hook, observed) {
                    self.start_edits();
                } else {
                    self.detailed.fetch_sub(weight, Relaxed);
                    self.batch.taken += 1;
                    self.metrics.analytics().dropped(DropReason::QueueFull, 1);
                }
            }
        }
    }

    /// A record that comes back from its hook.
    fn edited(&mut self, edited: Result<Edited, JoinError>) {
        match edited {
            Ok(Edited { observed, part }) => self.put(&observed, part),
            Err(error) => {
                self.batch.taken += 1;
                self.metrics.analytics().dropped(DropReason::Sink, 1);
                tracing::error!(%error, "an analytics hook broke: its record is lost");
            }
        }
        self.start_edits();
    }

    fn start_edits(&mut self) {
        let finish = &mut self.finish;
        self.edits.start(|observed| finish.part(observed));
    }

    fn put(&mut self, observed: &Observed, part: Option<RecordPart>) {
        self.batch.taken += 1;
        self.detailed.fetch_sub(weight(observed), Relaxed);
        let record = match part {
            Some(part) => self.finish.edited(observed, part),
            None => self.finish.record(observed),
        };
        if let Some(record) = record {
            self.sink.encode(&record, &mut self.batch.bytes);
            self.batch.ends.push(self.batch.bytes.len());
        }
    }

    async fn write_if_full(&mut self) {
        if self.batch.is_full() {
            self.write().await;
        }
    }

    async fn write(&mut self) {
        let items = self.batch.items();
        let taken = mem::take(&mut self.batch.taken);
        if !items.is_empty() {
            let sink = &mut self.sink;
            let outcome = timeout(self.patience, async {
                while let Err(error) = sink.ready().await {
                    tracing::debug!(error = error.chain(), "the analytics sink is not ready");
                    sleep(RETRY).await;
                }
                sink.write(&items).await
            });
            let outcome = outcome.await.unwrap_or_else(|_| Err(Error::Store("no answer in time".into())));
            self.account(items.len(), outcome);
        }
        self.metrics.analytics().queue_length.sub(taken);
    }

    fn account(&mut self, records: usize, outcome: Result<(), Error>) {
        let count = u64::try_from(records).unwrap_or(u64::MAX);
        match outcome {
            Ok(()) => {
                self.metrics.analytics().written.inc_by(count);
                self.tend_at.get_or_insert_with(|| Instant::now() + TEND);
            }
            Err(error) => {
                self.metrics.analytics().dropped(DropReason::Sink, count);
                tracing::error!(records, error = error.chain(), "analytics records dropped");
            }
        }
    }

    async fn tend(&mut self) {
        self.tend_at = None;
        let outcome = timeout(self.patience, self.sink.tend()).await;
        if !matches!(outcome, Ok(Ok(()))) {
            tracing::warn!("the expiry of analytics lists could not be checked");
            self.tend_at = Some(Instant::now() + TEND);
        }
    }

    /// Requests only count what a full queue costs; the log hears of it here, once per round.
    fn report_full(&mut self) {
        let full = self.metrics.analytics().dropped_by(DropReason::QueueFull).get();
        if full > self.full_seen {
            let records = full - mem::replace(&mut self.full_seen, full);
            tracing::error!(records, "analytics records dropped: the queue was full");
        }
    }
}

#[cfg(test)]
mod tests;
