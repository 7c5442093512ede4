//! The place of one worker: a process is in it, or is about to be.

use std::{
    sync::{Arc, mpsc::SyncSender},
    time::{Duration, Instant},
};

use tokio::{
    net::UnixStream,
    sync::{mpsc, oneshot},
    task::spawn_blocking,
    time::sleep,
};

use super::{
    Failed, Hello, Plugin, QUEUE, Work,
    calls::{Calls, SLOW},
    link::{End, Link},
    load::Load,
    output::{Origin, follow},
    process::{Process, Started, start},
};
use crate::metrics::WorkerMetrics;

/// A worker that served this long is started again at once.
const SETTLED: Duration = Duration::from_secs(1);
/// The first pause before one that did not.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// The longest pause for one that at least loads its code.
const LOADS: Duration = Duration::from_millis(100);
/// The longest pause for one that does not.
const FAILS: Duration = Duration::from_secs(10);
/// What a process that is done may take to end.
const GOODBYE: Duration = Duration::from_secs(2);

/// Where the load of a plugin hears of its first worker.
type Ready = SyncSender<Result<Hello, Failed>>;

pub(super) struct Slot {
    plugin: Arc<Plugin>,
    number: usize,
    load: Arc<Load>,
    work: mpsc::Receiver<Work>,
    metrics: Arc<WorkerMetrics>,
    origin: Origin,
}

impl Slot {
    pub(super) fn new(
        plugin: Arc<Plugin>,
        number: usize,
        load: Arc<Load>,
        work: mpsc::Receiver<Work>,
        metrics: Arc<WorkerMetrics>,
    ) -> Self {
        let origin = Origin { driver: plugin.driver, plugin: plugin.name.clone() };
        Self { plugin, number, load, work, metrics, origin }
    }

    /// Keeps a process in it until nobody needs it. With `ready`, a first one that cannot be used is the last.
    pub(super) async fn run(mut self, mut ready: Option<Ready>) {
        let mut calls = Calls::new();
        let mut pause = FIRST_PAUSE;
        loop {
            let began = Instant::now();
            let first = ready.take();
            let hears = first.is_some();
            let (end, loaded) = self.once(&mut calls, first).await;
            match end {
                End::Closed => return,
                End::Refused(_) if hears => return,
                end => self.report(&end),
            }
            self.metrics.restarted();
            let longest = if loaded { LOADS } else { FAILS };
            if loaded && began.elapsed() > SETTLED {
                pause = FIRST_PAUSE;
            } else {
                self.rest(pause.min(longest), &mut calls).await;
                pause = (pause * 2).min(longest);
            }
            if self.work.is_closed() {
                return;
            }
        }
    }

    /// Waits so long. What comes meanwhile, because none was up, goes to the first that is.
    async fn rest(&mut self, pause: Duration, calls: &mut Calls) {
        let end = Instant::now() + pause;
        while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            sleep(left.min(SLOW)).await;
            self.pass_on(calls);
        }
    }

    /// Gives all that waits here to others that are up.
    fn pass_on(&mut self, calls: &mut Calls) {
        while calls.waiting() < QUEUE
            && let Ok(work) = self.work.try_recv()
        {
            // Of a reload the next process need not hear: it loads the code as it is.
            if let Work::Call(job) = work {
                calls.push(job);
            }
        }
        self.plugin.hand_over_all(calls, self.number);
    }

    /// One process, from start to end; true if its code was loaded.
    async fn once(&mut self, calls: &mut Calls, ready: Option<Ready>) -> (End, bool) {
        let plugin = self.plugin.clone();
        let started = spawn_blocking(move || start(&plugin.program)).await;
        let Started { process, connection, output, errors } = match started {
            Ok(Ok(started)) => started,
            Ok(Err(error)) => return refuse(ready, self.cannot_start(&error)),
            Err(error) => return refuse(ready, self.cannot_start(&std::io::Error::other(error))),
        };
        for (pipe, errors) in [(output, false), (errors, true)] {
            if let Some(pipe) = pipe {
                tokio::spawn(follow(pipe, self.origin.clone(), errors));
            }
        }
        let (end, loaded) = self.serve(connection, calls, ready).await;
        self.load.set_up(false);
        calls.died();
        self.pass_on(calls);
        let burial = bury(process, patience(&end), self.origin.clone());
        match end {
            End::Closed | End::Refused(_) => burial.await,
            // Its place is free already.
            _ => drop(tokio::spawn(burial)),
        }
        (end, loaded)
    }

    /// Serves calls until the connection ends; true if the code was loaded.
    async fn serve(
        &mut self,
        connection: UnixStream,
        calls: &mut Calls,
        ready: Option<Ready>,
    ) -> (End, bool) {
        let (told, hello) = oneshot::channel();
        let mut link = Link {
            plugin: &self.plugin,
            load: &self.load,
            origin: &self.origin,
            work: &mut self.work,
            calls,
            ready: Some(told),
            number: self.number,
        };
        let mut serving = Box::pin(link.serve(connection));
        tokio::select! {
            biased;
            Ok(hello) = hello => {
                if let Some(ready) = ready {
                    // The load waits for this one message.
                    let _ = ready.send(Ok(hello));
                }
                (serving.await, true)
            }
            end = &mut serving => refuse(ready, end),
        }
    }

    fn cannot_start(&self, error: &std::io::Error) -> End {
        End::Refused(Failed::new(format!(
            "{} cannot be started: {error}",
            self.plugin.program.file.display()
        )))
    }

    fn report(&self, end: &End) {
        let (driver, plugin, number) = (self.origin.driver, &*self.origin.plugin, self.number);
        let reason = match end {
            End::Closed => return,
            End::Died => "it died",
            End::Garbage(what) => what,
            End::Hung => "every call that it has is over its time limit",
            End::Refused(failed) => {
                let Failed { message, traceback } = failed;
                let traceback = if traceback.is_empty() { String::new() } else { format!("\n{traceback}") };
                tracing::error!(
                    driver,
                    plugin,
                    number,
                    "a worker cannot load its code: {message}{traceback}"
                );
                return;
            }
        };
        tracing::error!(driver, plugin, number, reason, "a worker is replaced");
    }
}

/// Tells the load, if it waits, why there is no hello.
fn refuse(ready: Option<Ready>, end: End) -> (End, bool) {
    let Some(ready) = ready else { return (end, false) };
    let failed = match &end {
        End::Refused(failed) => failed.clone(),
        End::Hung => Failed::new("it did not load its code within 30 s"),
        End::Garbage(what) => Failed::new(format!("it does not speak the worker protocol: {what}")),
        End::Died | End::Closed => Failed::new("it ended before its code was loaded"),
    };
    // The load waits for this one message.
    let _ = ready.send(Err(failed.clone()));
    (End::Refused(failed), false)
}

/// What a process may take to end by itself.
fn patience(end: &End) -> Duration {
    match end {
        End::Closed | End::Refused(_) => GOODBYE,
        End::Died => Duration::from_millis(200),
        End::Garbage(_) | End::Hung => Duration::ZERO,
    }
}

/// Sees to the end of a process.
async fn bury(process: Process, patience: Duration, origin: Origin) {
    let (id, driver, plugin) = (process.id(), origin.driver, &*origin.plugin);
    match process.end(patience).await {
        Ok(status) => tracing::debug!(driver, plugin, pid = id, %status, "a worker has ended"),
        Err(error) => tracing::error!(driver, plugin, pid = id, %error, "a worker cannot be ended"),
    }
}
