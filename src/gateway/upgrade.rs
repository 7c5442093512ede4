//! From one process to the next without a closed port: both sides of `run --upgrade`.
//!
//! The successor loads everything, waits at the upgrade socket, tells its predecessor by SIGQUIT if it knows it, takes
//! the sockets, accepts, and says so. Only then the predecessor drains. Whatever breaks before that ends the
//! successor and leaves the predecessor as it was.

use std::{
    ffi::OsString,
    io,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{sleep, timeout};

use super::{
    Gateway, Sockets,
    listen::{
        ListenerSet,
        handover::{self, Doorstep},
    },
    listeners,
};
use crate::error::{Error, Problem, Result};

/// How long a successor waits for somebody to hand it the sockets.
const SUCCESSOR_WAITS: Duration = Duration::from_secs(300);
/// How long a predecessor that was told to hand over looks for its successor, and then waits for it to accept.
const PREDECESSOR_LOOKS: Duration = Duration::from_secs(30);
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// How to take over from a running process.
#[derive(Debug, Clone, Default)]
pub struct Upgrade {
    /// Process to send SIGQUIT once everything is loaded; without one, somebody else does.
    pub predecessor: Option<u32>,
}

/// The command that starts this program again, with the arguments it was started with; `--upgrade=<pid>` is added.
#[derive(Debug, Clone, Default)]
pub struct CommandLine {
    /// Path of the program.
    pub program: PathBuf,
    /// Its arguments, without those that go into the background or take sockets over.
    pub args: Vec<OsString>,
}

/// The predecessor's side.
#[derive(Debug, Default)]
pub(super) struct Handover {
    pub(super) path: PathBuf,
    pub(super) command: CommandLine,
}

impl Handover {
    /// Gives the sockets of `set` to the successor that waits for them, or comes soon.
    ///
    /// # Errors
    /// There is none, or it did not get so far as to accept; then this process has to go on.
    pub(super) async fn hand_over(&self, set: &ListenerSet) -> Result<()> {
        let what = || format!("cannot hand the sockets over at {}", self.path.display());
        let sockets = set.copies()?;
        tracing::info!(path = %self.path.display(), sockets = sockets.len(), "SIGQUIT: handing the sockets over");
        let hand_over = async {
            loop {
                match handover::hand_over(&self.path, &sockets).await {
                    Err(error) if nobody_there(&error) => sleep(LOOK).await,
                    handed => return handed,
                }
            }
        };
        let handed = timeout(PREDECESSOR_LOOKS, hand_over).await;
        let handed = handed.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        handed.map_err(|source| Error::Io { what: what(), source })
    }
}

fn nobody_there(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

/// The process that SIGUSR2 started.
pub(super) struct Successor<'a> {
    handover: &'a Handover,
    running: Option<Child>,
}

impl<'a> Successor<'a> {
    pub(super) fn new(handover: &'a Handover) -> Self {
        Self { handover, running: None }
    }

    /// Starts it, unless one is on its way. It sends us SIGQUIT when it is ready.
    pub(super) fn start(&mut self) {
        if let Some(running) = &self.running {
            tracing::warn!(pid = running.id(), "SIGUSR2: a successor is starting already");
            return;
        }
        let CommandLine { program, args } = &self.handover.command;
        let upgrade = format!("--upgrade={}", std::process::id());
        let spawned = Command::new(program).args(args).arg(upgrade).stdin(Stdio::null()).spawn();
        match spawned {
            Ok(child) => {
                tracing::info!(pid = child.id(), "SIGUSR2: started a successor");
                self.running = Some(child);
            }
            Err(error) => {
                tracing::error!(%error, program = %program.display(), "SIGUSR2: cannot start a successor");
            }
        }
    }

    /// Looks whether it has ended, which it does only when it failed: we end before it.
    pub(super) fn reap(&mut self) {
        let ended = self.running.as_mut().map(Child::try_wait);
        match ended {
            None | Some(Ok(None)) => return,
            Some(Ok(Some(status))) => {
                tracing::error!(%status, "the successor ended; this process goes on serving");
            }
            Some(Err(error)) => {
                tracing::error!(%error, "the successor is lost; this process goes on serving")
            }
        }
        self.running = None;
    }
}

/// Takes the sockets of the predecessor and begins to accept. Everything has to be loaded before.
///
/// # Errors
/// No predecessor came, or an address of the configuration cannot be listened on.
pub(super) async fn take_over(
    gateway: &Arc<Gateway>,
    upgrade: &Upgrade,
    sockets: Sockets,
) -> Result<Vec<Problem>> {
    let path = gateway.config.upgrade_socket();
    let fault =
        |source| Error::Io { what: format!("cannot take sockets over at {}", path.display()), source };
    let doorstep = Doorstep::open(&path).map_err(fault)?;
    tracing::info!(path = %path.display(), "ready: waiting for the sockets of the running process");
    if let Some(pid) = upgrade.predecessor {
        ask(pid)?;
    }
    let received = timeout(SUCCESSOR_WAITS, doorstep.receive()).await;
    let received = received.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let (inherited, predecessor) = received.map_err(fault)?;
    let (set, own) = (sockets.set.clone(), sockets.own.clone());
    set.inherit(inherited);
    if let Some(fault) = set.apply(&own).await.into_iter().next() {
        return Err(fault);
    }
    // It is empty: sockets come either from here or from `Bound`, once per gateway.
    let _ = gateway.sockets.set(sockets);
    let mut problems = Vec::new();
    listeners::apply(gateway, &gateway.snapshot(), &mut problems).await;
    for name in set.disinherit() {
        tracing::info!(address = name, "closed: no API listens there any more");
    }
    if let Some(fault) = set.start().into_iter().next() {
        return Err(fault);
    }
    // It may have died in the meantime; we serve in any case.
    if let Err(error) = predecessor.release().await {
        tracing::warn!(%error, "the process before did not hear that it may go");
    }
    Ok(problems)
}

/// Tells the predecessor that its successor is ready.
fn ask(pid: u32) -> Result<()> {
    let asked = i32::try_from(pid).ok().and_then(Pid::from_raw).map(|pid| kill_process(pid, Signal::QUIT));
    match asked {
        Some(Ok(())) => Ok(()),
        other => {
            let reason = other.and_then(Result::err).map_or_else(String::new, |error| format!(": {error}"));
            let message = format!("cannot tell process {pid} to hand its sockets over{reason}");
            Err(Error::Input(Problem::error("pinhook run", "--upgrade", message)))
        }
    }
}
