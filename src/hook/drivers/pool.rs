//! A bounded pool of named threads for calls that may wait, of native hooks and of scripts.
//!
//! tokio's blocking pool would not do: its threads are shared with everyone, and nobody can tell which of them hang.
//! A call cannot be cut off, so a thread whose call is over its time limit is *stuck* until the call returns. That is
//! read off the deadline each thread wears, so it costs a call two atomic stores and needs no timer. Threads start
//! when work waits and nobody is free, and end after [`IDLE`] without work.

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

/// How long a thread waits for work before it ends.
const IDLE: Duration = Duration::from_secs(10);
/// Most tasks that wait for a thread. Each waits no longer than its own limit; this bounds their memory.
const MAX_WAITING: usize = 4096;
/// Deadline of a thread that runs nothing.
const FREE: u64 = u64::MAX;

/// Something to run on a pool thread. It must not panic.
pub(super) trait Task: Send + 'static {
    /// When its caller stops waiting.
    fn deadline(&self) -> Instant;
    /// True when nobody waits for it any more: it is dropped instead of run.
    fn is_abandoned(&self) -> bool;
    /// Runs it.
    fn run(self);
}

/// Why a task was not taken; it is handed back.
#[derive(Debug)]
pub(super) enum Rejected<T> {
    /// Every thread is stuck.
    Stuck(T),
    /// All are busy and as many tasks wait.
    Full(T, usize),
    /// The first thread could not be started.
    NoThread(T, io::Error),
}

/// The threads. Dropping it ends them as they become free.
pub(super) struct Pool<T: Task> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    name: &'static str,
    limit: usize,
    started: Instant,
    state: Mutex<State<T>>,
    work: Condvar,
}

struct State<T> {
    queue: VecDeque<T>,
    /// Threads asleep in `work`, those included that were called and have not woken yet.
    asleep: usize,
    /// The deadline that each thread wears, in nanoseconds since `started`.
    threads: Vec<Arc<AtomicU64>>,
    closed: bool,
}

impl<T: Task> Pool<T> {
    /// A pool of at most `limit` threads, which bear `name`. None is started yet.
    pub(super) fn new(name: &'static str, limit: usize) -> Self {
        let state = State { queue: VecDeque::new(), asleep: 0, threads: Vec::new(), closed: false };
        Self {
            shared: Arc::new(Shared {
                name,
                limit: limit.max(1),
                started: Instant::now(),
                state: Mutex::new(state),
                work: Condvar::new(),
            }),
        }
    }

    /// Has `task` run as soon as a thread is free.
    ///
    /// # Errors
    /// The task, when no thread will get to it.
    pub(super) fn submit(&self, task: T) -> Result<(), Rejected<T>> {
        let shared = &self.shared;
        let mut state = shared.lock();
        if state.queue.len() < state.asleep {
            state.queue.push_back(task);
            drop(state);
            shared.work.notify_one();
            return Ok(());
        }
        if state.threads.len() < shared.limit {
            match shared.start_thread(&mut state) {
                Err(error) if state.threads.is_empty() => return Err(Rejected::NoThread(task, error)),
                _ => {}
            }
        } else if shared.stuck(&state) == state.threads.len() {
            return Err(Rejected::Stuck(task));
        }
        let waiting = state.queue.len();
        if waiting >= MAX_WAITING {
            return Err(Rejected::Full(task, waiting));
        }
        state.queue.push_back(task);
        Ok(())
    }

    /// Most threads it can have.
    pub(super) fn limit(&self) -> usize {
        self.shared.limit
    }

    /// How many threads there are, and how many of them are stuck.
    pub(super) fn threads(&self) -> (usize, usize) {
        let state = self.shared.lock();
        (state.threads.len(), self.shared.stuck(&state))
    }
}

impl<T: Task> Drop for Pool<T> {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.work.notify_all();
    }
}

impl<T: Task> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn since_start(&self, moment: Instant) -> u64 {
        u64::try_from(moment.saturating_duration_since(self.started).as_nanos()).unwrap_or(FREE - 1)
    }

    fn stuck(&self, state: &State<T>) -> usize {
        let now = self.since_start(Instant::now());
        state.threads.iter().filter(|deadline| deadline.load(Relaxed) < now).count()
    }

    fn start_thread(self: &Arc<Self>, state: &mut State<T>) -> io::Result<()> {
        let deadline = Arc::new(AtomicU64::new(FREE));
        let (shared, own) = (Arc::clone(self), Arc::clone(&deadline));
        thread::Builder::new()
            .name(format!("hook-{}-{}", self.name, state.threads.len()))
            .spawn(move || shared.work(&own))?;
        state.threads.push(deadline);
        Ok(())
    }

    fn work(&self, deadline: &Arc<AtomicU64>) {
        while let Some(task) = self.next(deadline) {
            deadline.store(self.since_start(task.deadline()), Relaxed);
            task.run();
            deadline.store(FREE, Relaxed);
        }
    }

    /// The next task that somebody waits for; `None` when this thread is to end, which takes it off the list.
    fn next(&self, own: &Arc<AtomicU64>) -> Option<T> {
        let mut state = self.lock();
        loop {
            match state.queue.pop_front() {
                Some(task) if task.is_abandoned() => {
                    // Dropping it frees a whole request, which need not happen under the lock.
                    drop(state);
                    drop(task);
                    state = self.lock();
                    continue;
                }
                Some(task) => return Some(task),
                None => {}
            }
            let mut timed_out = false;
            if !state.closed {
                state.asleep += 1;
                let (guard, result) =
                    self.work.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
                state = guard;
                state.asleep -= 1;
                timed_out = result.timed_out();
            }
            if state.queue.is_empty() && (state.closed || timed_out) {
                state.threads.retain(|deadline| !Arc::ptr_eq(deadline, own));
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests;
