//! The calls of one worker: those that wait, those that it has, and what becomes of them when it dies.
//!
//! A worker that runs one call at a time gets a few ahead while its calls are quick, so that it need not wait for us
//! between two; while they are slow it gets one, so that none waits behind another that another worker could take. What
//! it got ahead runs in order, so when it dies it is known which calls it had not begun: they go to the next worker.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::{Outcome, frame::Outgoing, load::Ticket};

/// Calls that a worker which runs them one by one may have, while they are quick.
const AHEAD: usize = 4;
/// A call that takes less is quick.
const QUICK: Duration = Duration::from_millis(1);
/// The same for a worker whose calls overlap.
const OVERLAPPING: usize = 1024;
/// A call that runs longer is not waited for by others, if another worker can take them.
pub(super) const SLOW: Duration = Duration::from_millis(20);

/// One call on its way.
pub(super) struct Job {
    pub(super) id: u32,
    pub(super) frame: Outgoing,
    /// When it was asked for.
    pub(super) since: Instant,
    /// How long it may take.
    pub(super) limit: Duration,
    /// Client of the request.
    pub(super) client: Option<IpAddr>,
    /// [`crate::hook::Object::depth`] of the request.
    pub(super) depth: u8,
    pub(super) ticket: Ticket,
    pub(super) reply: oneshot::Sender<Outcome>,
}

impl Job {
    /// What its limit leaves it.
    pub(super) fn left(&self, now: Instant) -> Duration {
        (self.since + self.limit).saturating_duration_since(now)
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }
}

struct Sent {
    job: Box<Job>,
    since: Instant,
    parked: bool,
    cancelled: bool,
}

/// What a look at the clock has found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Calls that nobody waits for any more.
    pub(super) cancelled: Vec<u32>,
    /// Every call is over its limit.
    pub(super) hung: bool,
}

/// The calls of one worker.
pub(super) struct Calls {
    concurrent: bool,
    waiting: VecDeque<Box<Job>>,
    sent: HashMap<u32, Sent>,
    /// Ids in the order in which they run; not kept for workers whose calls overlap.
    order: VecDeque<u32>,
    /// When the first of `order` began.
    began: Instant,
    typical: Duration,
}

impl Calls {
    pub(super) fn new() -> Self {
        Self {
            concurrent: false,
            waiting: VecDeque::new(),
            sent: HashMap::new(),
            order: VecDeque::new(),
            began: Instant::now(),
            typical: QUICK,
        }
    }

    /// A new process is ready.
    pub(super) fn start(&mut self, concurrent: bool) {
        self.concurrent = concurrent;
        self.typical = QUICK;
    }

    pub(super) fn push(&mut self, job: Box<Job>) {
        self.waiting.push_back(job);
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The worker has calls, parked ones included.
    pub(super) fn busy(&self) -> bool {
        !self.sent.is_empty()
    }

    /// The next frame to be sent, if the worker should get one now.
    pub(super) fn next(&mut self, now: Instant) -> Option<(u32, Outgoing)> {
        let (held, most) = match self.concurrent {
            true => (self.sent.len(), OVERLAPPING),
            false => (self.order.len(), if self.typical < QUICK { AHEAD } else { 1 }),
        };
        if held >= most {
            return None;
        }
        let mut job = self.waiting.pop_front()?;
        while job.is_abandoned() {
            job = self.waiting.pop_front()?;
        }
        let (id, frame) = (job.id, job.frame.clone());
        self.begin(id, now);
        job.ticket.sent();
        self.sent.insert(id, Sent { job, since: now, parked: false, cancelled: false });
        Some((id, frame))
    }

    /// The process is gone before it got these calls: they wait again.
    pub(super) fn unsent(&mut self, ids: impl Iterator<Item = u32>) {
        let mut jobs: Vec<Box<Job>> = Vec::new();
        for id in ids {
            if let Some(mut sent) = self.sent.remove(&id) {
                self.order.retain(|other| *other != id);
                sent.job.ticket.unsent();
                jobs.push(sent.job);
            }
        }
        for job in jobs.into_iter().rev() {
            self.waiting.push_front(job);
        }
    }

    fn begin(&mut self, id: u32, now: Instant) {
        if !self.concurrent {
            if self.order.is_empty() {
                self.began = now;
            }
            self.order.push_back(id);
        }
    }

    fn leave(&mut self, id: u32, now: Instant) {
        match self.order.iter().position(|other| *other == id) {
            Some(0) => {
                let took = now.saturating_duration_since(self.began);
                self.typical = (self.typical * 7 + took) / 8;
                self.began = now;
                self.order.pop_front();
            }
            Some(place) => drop(self.order.remove(place)),
            None => {}
        }
    }

    /// Takes the call that has ended.
    pub(super) fn end(&mut self, id: u32, now: Instant) -> Option<Box<Job>> {
        let sent = self.sent.remove(&id)?;
        self.leave(id, now);
        Some(sent.job)
    }

    /// A call that the worker has.
    pub(super) fn get(&self, id: u32) -> Option<&Job> {
        self.sent.get(&id).map(|sent| &*sent.job)
    }

    /// The worker runs others until this call gets what it asked for.
    pub(super) fn park(&mut self, id: u32, now: Instant) {
        if let Some(sent) = self.sent.get_mut(&id).filter(|sent| !sent.parked) {
            sent.parked = true;
            sent.job.ticket.park();
            self.leave(id, now);
        }
    }

    /// It is about to get it.
    pub(super) fn resume(&mut self, id: u32, now: Instant) {
        if let Some(sent) = self.sent.get_mut(&id).filter(|sent| sent.parked) {
            sent.parked = false;
            sent.job.ticket.resume();
            self.begin(id, now);
        }
    }

    /// Looks after calls that nobody waits for and calls that hang.
    pub(super) fn look(&mut self, now: Instant) -> Found {
        self.waiting.retain(|job| !job.is_abandoned());
        let mut found = Found::default();
        for (id, sent) in &mut self.sent {
            if !sent.cancelled && sent.job.is_abandoned() {
                sent.cancelled = true;
                found.cancelled.push(*id);
            }
        }
        found.hung = if self.concurrent {
            let late = |sent: &Sent| sent.since + sent.job.limit < now;
            self.busy() && self.sent.values().all(late)
        } else {
            let first = self.order.front().and_then(|id| self.sent.get(id));
            first.is_some_and(|sent| self.began + sent.job.limit < now)
        };
        found
    }

    /// Others had better take the calls that wait: they stand behind one that is slow.
    pub(super) fn held_up(&self, now: Instant) -> bool {
        !self.concurrent && !self.order.is_empty() && self.began + SLOW < now && !self.waiting.is_empty()
    }

    /// Takes the calls that wait.
    pub(super) fn take_waiting(&mut self) -> VecDeque<Box<Job>> {
        std::mem::take(&mut self.waiting)
    }

    /// The process has died: whoever waits for a call that it had begun is told. The rest waits again.
    pub(super) fn died(&mut self) {
        let order = std::mem::take(&mut self.order);
        for id in order.into_iter().skip(1).rev() {
            if let Some(mut sent) = self.sent.remove(&id) {
                // One that was resumed has begun.
                if sent.job.ticket.was_parked() {
                    sent.job.fail();
                } else {
                    sent.job.ticket.unsent();
                    self.waiting.push_front(sent.job);
                }
            }
        }
        for (_, sent) in self.sent.drain() {
            sent.job.fail();
        }
    }
}

impl Job {
    fn fail(self) {
        // Nobody listens after its time limit.
        let _ = self.reply.send(Outcome::Ended);
    }
}

#[cfg(test)]
mod tests;
