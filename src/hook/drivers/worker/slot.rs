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
    Failed, Hello, Plugin, Work,
    calls::Calls,
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
            self.load.set_up(false);
            calls.died();
            self.plugin.hand_over_all(&mut calls, self.number);
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
                sleep(pause.min(longest)).await;
                pause = (pause * 2).min(longest);
            }
            if self.work.is_closed() {
                return;
            }
        }
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
        self.bury(process, &end).await;
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

    /// Sees to the end of the process.
    async fn bury(&self, process: Process, end: &End) {
        let id = process.id();
        let patience = match end {
            End::Closed | End::Refused(_) => GOODBYE,
            End::Died => Duration::from_millis(200),
            End::Garbage(_) | End::Hung => Duration::ZERO,
        };
        match process.end(patience).await {
            Ok(status) => tracing::debug!(
                driver = self.origin.driver, plugin = &*self.origin.plugin, pid = id, %status, "a worker has ended"
            ),
            Err(error) => tracing::error!(
                driver = self.origin.driver, plugin = &*self.origin.plugin, pid = id, %error, "a worker cannot be ended"
            ),
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
