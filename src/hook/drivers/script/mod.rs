//! What JavaScript and Lua share: on which thread a call runs, how long, and what becomes of its log lines.
//!
//! A function whose code names no helper that waits runs on the thread that asks, for [`INLINE`] at most: that thread
//! serves other requests, too. One that takes longer is stopped there and run anew on a script thread, which it may
//! use up to its time limit; from then on it starts there, until a call was quick again. Running it anew is safe: a
//! script leaves nothing behind until it ends well. Its log lines are held back until then.

mod gateway;
mod requests;
#[cfg(test)]
mod tests;

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use tokio::{runtime::Handle, sync::oneshot, time};

use super::pool::{Pool, Rejected, Task};
use crate::{
    error::HookError,
    hook::{Failure, Family, Hook, HookKind, HookSource, Host, Listener, Needs, Object},
};

/// How long a script may hold a thread that serves requests.
const INLINE: Duration = Duration::from_millis(5);
/// What a script thread gets beyond the time limit to stop a script, before its call is given up.
const GRACE: Duration = Duration::from_secs(1);

pub(super) use gateway::{GatewayApi, NO_WAITING};

type Outcome = Result<Box<Object>, Failure>;

/// One function of a script, to be run on any thread. Threads make what they need of it by themselves.
pub(super) trait Script: Send + Sync + 'static {
    /// Name of the driver, for logs.
    fn driver(&self) -> &'static str;

    /// The code may call a helper that waits, so it runs on script threads only.
    fn waits(&self) -> bool;

    /// Runs it on this thread. The object is edited only if it ends well.
    fn run(&self, kind: HookKind, object: &mut Object, run: &Run<'_>) -> Result<(), Stop>;
}

/// Why a script was not run to its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// Its time was up.
    OutOfTime,
    /// It failed.
    Failed(HookError),
}

/// What holds for one run.
pub(super) struct Run<'a> {
    /// When it is stopped.
    pub(super) deadline: Instant,
    /// What the gateway does for it.
    pub(super) host: &'a Arc<Host>,
    /// To wait for the gateway with; nothing on a thread that serves requests, where no helper may wait.
    pub(super) waiter: Option<&'a Handle>,
    lines: RefCell<Vec<(Level, String)>>,
}

/// How loud a script's log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Error,
    Warn,
    Info,
    Debug,
    /// The text alone, to standard error (`rawlog`).
    Raw,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warning",
            Self::Info | Self::Raw => "info",
            Self::Debug => "debug",
        }
    }
}

impl<'a> Run<'a> {
    pub(super) fn new(deadline: Instant, host: &'a Arc<Host>, waiter: Option<&'a Handle>) -> Self {
        Self { deadline, host, waiter, lines: RefCell::default() }
    }

    /// Notes a line of the script's.
    pub(super) fn log(&self, level: Level, text: String) {
        self.lines.borrow_mut().push((level, text));
    }

    /// What it logged.
    pub(super) fn into_lines(self) -> Vec<(Level, String)> {
        self.lines.into_inner()
    }
}

/// A script as a hook.
pub(super) struct ScriptHook<S: Script> {
    shared: Arc<Shared<S>>,
    pool: Arc<Pool<Job<S>>>,
    needs: Needs,
    family: Family,
}

/// What its calls need on whichever thread.
struct Shared<S> {
    script: S,
    api_id: Arc<str>,
    name: Arc<str>,
    timeout: Duration,
    host: Arc<Host>,
    /// Its last call took longer than a thread that serves requests can spare.
    slow: AtomicBool,
}

/// One call on its way to a script thread and back.
pub(super) struct Job<S> {
    shared: Arc<Shared<S>>,
    kind: HookKind,
    object: Box<Object>,
    deadline: Instant,
    runtime: Handle,
    listener: Option<Listener>,
    reply: oneshot::Sender<Outcome>,
}

impl<S: Script> Task for Job<S> {
    fn deadline(&self) -> Instant {
        self.deadline
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn run(mut self) {
        let started = Instant::now();
        let ended = self.shared.run(
            self.kind,
            &mut self.object,
            self.deadline,
            (Some(&self.runtime), self.listener.as_ref()),
        );
        self.shared.slow.store(started.elapsed() > INLINE, Relaxed);
        let outcome = match ended {
            Ok(()) => Ok(self.object),
            Err(stop) => Err(Failure::new(self.shared.fault(stop), self.object)),
        };
        // Nobody listens once the call was given up: the object ends here.
        drop(self.reply.send(outcome));
    }
}

impl<S: Script> Shared<S> {
    fn run(
        &self,
        kind: HookKind,
        object: &mut Object,
        deadline: Instant,
        (waiter, listener): (Option<&Handle>, Option<&Listener>),
    ) -> Result<(), Stop> {
        let run = Run::new(deadline, &self.host, waiter);
        let ended = self.script.run(kind, object, &run);
        if !matches!(ended, Err(Stop::OutOfTime)) || waiter.is_some() {
            self.write(kind, run.into_lines(), listener);
        }
        ended
    }

    fn write(&self, kind: HookKind, lines: Vec<(Level, String)>, listener: Option<&Listener>) {
        let (api_id, hook, driver, function) =
            (&*self.api_id, kind.name(), self.script.driver(), &*self.name);
        for (level, text) in lines {
            if let Some(listener) = listener {
                listener.note(level.name(), &text);
            }
            match level {
                Level::Error => tracing::error!(api_id, hook, driver, function, "{text}"),
                Level::Warn => tracing::warn!(api_id, hook, driver, function, "{text}"),
                Level::Info => tracing::info!(api_id, hook, driver, function, "{text}"),
                Level::Debug => tracing::debug!(api_id, hook, driver, function, "{text}"),
                Level::Raw => raw(&text),
            }
        }
    }

    fn fault(&self, stop: Stop) -> HookError {
        match stop {
            Stop::OutOfTime => HookError::Timeout { name: self.name.to_string(), limit: self.timeout },
            Stop::Failed(error) => error,
        }
    }
}

#[expect(clippy::print_stderr, reason = "what rawlog is for: a line without the log's form")]
fn raw(text: &str) {
    eprintln!("{text}");
}

#[async_trait]
impl<S: Script> Hook for ScriptHook<S> {
    fn may_be_abandoned(&self) -> bool {
        // A call that is given up leaves a copy of the head.
        false
    }

    fn needs(&self) -> Needs {
        self.needs
    }

    fn family(&self) -> Family {
        self.family
    }

    async fn dispatch(&self, kind: HookKind, mut object: Box<Object>) -> Outcome {
        let shared = &self.shared;
        let limit = Instant::now() + shared.timeout;
        if !shared.script.waits() && !shared.slow.load(Relaxed) {
            let budget = INLINE.min(shared.timeout);
            let listener = Listener::current();
            match shared.run(kind, &mut object, Instant::now() + budget, (None, listener.as_ref())) {
                Ok(()) => return Ok(object),
                Err(Stop::OutOfTime) if budget < shared.timeout => {}
                Err(stop) => return Err(Failure::new(shared.fault(stop), object)),
            }
        }
        self.on_a_script_thread(kind, object, limit).await
    }
}

impl<S: Script> ScriptHook<S> {
    /// The hook of a function that was found.
    pub(super) fn new(
        (source, timeout): (&HookSource, Duration),
        script: S,
        (needs, family): (Needs, Family),
        host: &Arc<Host>,
        pool: &Arc<Pool<Job<S>>>,
    ) -> Self {
        tracing::debug!(
            api_id = %source.api_id, hook = source.kind.name(), driver = script.driver(),
            function = %source.name, "hook loaded"
        );
        let shared = Shared {
            script,
            api_id: source.api_id.clone(),
            name: source.name.clone(),
            timeout,
            host: host.clone(),
            slow: AtomicBool::new(false),
        };
        Self { shared: Arc::new(shared), pool: pool.clone(), needs, family }
    }

    async fn on_a_script_thread(&self, kind: HookKind, object: Box<Object>, deadline: Instant) -> Outcome {
        let spare = spare(&object);
        let (reply, answer) = oneshot::channel();
        let (shared, runtime) = (self.shared.clone(), Handle::current());
        let job = Job { shared, kind, object, deadline, runtime, listener: Listener::current(), reply };
        self.pool.submit(job).map_err(|rejected| self.rejected(rejected))?;
        let name = || self.shared.name.to_string();
        match time::timeout_at((deadline + GRACE).into(), answer).await {
            Ok(Ok(outcome)) => outcome,
            // The thread unwound with the object.
            Ok(Err(_)) => Err(Failure::new(HookError::Panicked { name: name() }, spare)),
            Err(_) => {
                Err(Failure::new(HookError::Timeout { name: name(), limit: self.shared.timeout }, spare))
            }
        }
    }

    fn rejected(&self, rejected: Rejected<Job<S>>) -> Failure {
        let name = self.shared.name.to_string();
        let (job, error) = match rejected {
            Rejected::Stuck(job) => (job, HookError::Stuck { name, threads: self.pool.limit() }),
            Rejected::Full(job, waiting) => (job, HookError::Busy { name, waiting }),
            Rejected::NoThread(job, source) => (job, HookError::NoThread { name, source }),
        };
        Failure::new(error, job.object)
    }
}

/// What is left of a request whose object is lost: enough to answer it and to record it.
fn spare(object: &Object) -> Box<Object> {
    let mut spare = Object::without_request(object.spec.clone());
    spare.request = object.request.clone();
    spare.url = object.url.clone();
    Box::new(spare)
}
