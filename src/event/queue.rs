//! The bounded queue between what happens and who hears of it, and the task at its other end.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::timeout,
};

use super::{Event, EventHandler};
use crate::metrics::Metrics;

/// Most deliveries that wait.
const ROOM: usize = 4096;
/// Most deliveries under way at once: a web hook that does not answer must not hold up the others.
const AT_ONCE: usize = 32;

/// One event for one handler.
type Delivery = (Arc<dyn EventHandler>, Arc<Event>);

enum Job {
    Deliver(Delivery),
    Flush(oneshot::Sender<()>),
}

/// A queue: its front, its other end, and what empties it.
pub(super) fn queue(metrics: &Arc<Metrics>) -> (Courier, Worker, Flusher) {
    let (sender, jobs) = mpsc::channel(ROOM);
    let courier = Courier { jobs: sender.clone(), metrics: metrics.clone() };
    (courier, Worker { jobs, under_way: JoinSet::new() }, Flusher { jobs: sender })
}

/// The front of the queue.
#[derive(Clone)]
pub(super) struct Courier {
    jobs: mpsc::Sender<Job>,
    metrics: Arc<Metrics>,
}

impl Courier {
    /// Queues an event for a handler; drops and counts it when the queue is full.
    pub(super) fn hand_over(&self, handler: Arc<dyn EventHandler>, event: Arc<Event>) {
        if self.jobs.try_send(Job::Deliver((handler, event))).is_err() {
            self.metrics.events().dropped.inc();
        }
    }
}

#[cfg(test)]
impl Courier {
    /// How many more events it takes.
    pub(super) fn room(&self) -> usize {
        self.jobs.capacity()
    }
}

/// Empties the queue at shutdown.
#[derive(Clone)]
pub struct Flusher {
    jobs: mpsc::Sender<Job>,
}

impl Flusher {
    /// Returns once everything handed over before has been delivered or given up, or after `limit`.
    pub async fn flush(&self, limit: Duration) {
        let (done, finished) = oneshot::channel();
        let flushed = timeout(limit, async {
            self.jobs.send(Job::Flush(done)).await.is_ok() && finished.await.is_ok()
        });
        if !flushed.await.unwrap_or(false) {
            tracing::warn!("events were not delivered in time");
        }
    }
}

/// The other end of the queue.
pub struct Worker {
    jobs: mpsc::Receiver<Job>,
    under_way: JoinSet<()>,
}

impl Worker {
    /// Delivers until every front of the queue is gone.
    pub async fn run(mut self) {
        while let Some(job) = self.jobs.recv().await {
            match job {
                Job::Deliver((handler, event)) => {
                    while self.under_way.len() >= AT_ONCE {
                        self.one_ended().await;
                    }
                    // What has ended meanwhile is forgotten, so that the set stays as small as it can.
                    while self.under_way.try_join_next().is_some_and(noted) {}
                    self.under_way.spawn(async move { handler.handle(&event).await });
                }
                Job::Flush(done) => {
                    while !self.under_way.is_empty() {
                        self.one_ended().await;
                    }
                    // Whoever waited may have given up.
                    let _ = done.send(());
                }
            }
        }
    }

    async fn one_ended(&mut self) {
        if let Some(ended) = self.under_way.join_next().await {
            noted(ended);
        }
    }
}

/// Says so when a handler broke; always true.
fn noted(ended: Result<(), tokio::task::JoinError>) -> bool {
    if let Err(error) = ended {
        tracing::error!(%error, "an event handler broke; this is a defect of pinhook");
    }
    true
}
