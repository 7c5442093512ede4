//! The reload queue: requests for a load that come while one runs share the next one, so no caller waits for a load
//! that began before its own change was on disk.
//!
//! Tyk starts a reload at most once per `reload_interval`, whoever asks. Here a caller of this gateway (control API,
//! SIGHUP) gets one at once: 100 APIs load in milliseconds, and its deploy script waits for the answer. Notices of other
//! gateways may come by the hundred, so those keep the pace: at most one reload per interval serves them, and one that
//! a caller asked for serves them as well.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout_at},
};

use super::{
    Gateway,
    reload::{self, Report},
};

/// Most requests that wait for a reload; beyond it another one is already covered by those queued.
const MOST_WAITING: usize = 1024;
/// Tyk's least `reload_interval`.
const LEAST_INTERVAL: Duration = Duration::from_secs(1);

/// The front of the reload queue.
#[derive(Clone)]
pub struct Reloads(mpsc::Sender<Wish>);

/// The other end, run by the server.
pub(super) type Queue = mpsc::Receiver<Wish>;

/// Somebody wants a reload.
pub(super) enum Wish {
    /// Soon.
    Announced,
    /// Now.
    Asked,
    /// Now, and its outcome.
    Awaited(oneshot::Sender<Report>),
}

impl Reloads {
    pub(super) fn new() -> (Self, Queue) {
        let (sender, queue) = mpsc::channel(MOST_WAITING);
        (Self(sender), queue)
    }

    /// Queues a reload and returns at once.
    pub fn request(&self) {
        // Full means that many are queued already, and the next reload serves them all.
        let _ = self.0.try_send(Wish::Asked);
    }

    /// Queues a reload for news from elsewhere, which come at most once per `reload_interval`.
    pub(super) fn announce(&self) {
        let _ = self.0.try_send(Wish::Announced);
    }

    /// Queues a reload and waits for its end. `None` when the gateway is stopping.
    pub async fn wait(&self) -> Option<Report> {
        let (done, report) = oneshot::channel();
        self.0.send(Wish::Awaited(done)).await.ok()?;
        report.await.ok()
    }
}

/// Those whom the next reload serves.
#[derive(Default)]
struct Batch {
    urgent: bool,
    callers: Vec<oneshot::Sender<Report>>,
}

impl Batch {
    fn add(&mut self, wish: Wish) {
        match wish {
            Wish::Announced => {}
            Wish::Asked => self.urgent = true,
            Wish::Awaited(caller) => {
                self.urgent = true;
                self.callers.push(caller);
            }
        }
    }
}

/// Serves the queue until the gateway ends.
pub(super) async fn serve(gateway: Arc<Gateway>, mut queue: Queue) {
    let interval = gateway.config.reload_interval().max(LEAST_INTERVAL);
    let mut turn = Instant::now();
    while let Some(batch) = gather(&mut queue, turn).await {
        turn = Instant::now() + interval;
        let report = reload::run(&gateway).await;
        for caller in batch.callers {
            // A caller that went away does not care.
            let _ = caller.send(report.clone());
        }
    }
}

/// Waits until there is a reason to load, and if nobody is in a hurry until it is their turn. `None` at the end.
async fn gather(queue: &mut Queue, turn: Instant) -> Option<Batch> {
    let mut batch = Batch::default();
    batch.add(queue.recv().await?);
    while !batch.urgent {
        match timeout_at(turn, queue.recv()).await {
            Ok(Some(wish)) => batch.add(wish),
            Ok(None) | Err(_) => break,
        }
    }
    while let Ok(wish) = queue.try_recv() {
        batch.add(wish);
    }
    Some(batch)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_caller_never_waits_for_a_turn() {
        let (reloads, mut queue) = Reloads::new();
        let start = Instant::now();
        reloads.request();
        assert!(gather(&mut queue, start + SOON).await.unwrap().urgent);
        let waiting = tokio::spawn(async move { reloads.wait().await });
        let batch = gather(&mut queue, start + SOON).await.unwrap();
        assert_eq!((batch.urgent, batch.callers.len()), (true, 1));
        assert_eq!(start.elapsed(), Duration::ZERO);
        for caller in batch.callers {
            caller.send(Report { live: 7, problems: Vec::new() }).unwrap();
        }
        assert_eq!(waiting.await.unwrap().unwrap().live, 7);
    }

    #[tokio::test(start_paused = true)]
    async fn news_wait_for_their_turn_and_share_it() {
        let (reloads, mut queue) = Reloads::new();
        let start = Instant::now();
        for _ in 0..5000 {
            reloads.announce();
        }
        let batch = gather(&mut queue, start + SOON).await.unwrap();
        assert!(!batch.urgent && batch.callers.is_empty());
        assert_eq!(start.elapsed(), SOON);
        assert!(queue.try_recv().is_err(), "all of them were served");

        reloads.announce();
        gather(&mut queue, start).await.unwrap();
        assert_eq!(start.elapsed(), SOON, "after a quiet time at once");
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_takes_waiting_news_along() {
        let (reloads, mut queue) = Reloads::new();
        let start = Instant::now();
        reloads.announce();
        let caller = async {
            tokio::time::sleep(SOON / 4).await;
            reloads.request();
            reloads.announce();
        };
        let (batch, ()) = tokio::join!(gather(&mut queue, start + SOON), caller);
        assert!(batch.unwrap().urgent);
        assert_eq!(start.elapsed(), SOON / 4);
        assert!(queue.try_recv().is_err());
    }
}
