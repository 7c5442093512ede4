//! Starting a process with one end of a socket pair as descriptor 3, and ending it.

#![expect(unsafe_code, reason = "a descriptor is handed on between fork and exec: house rules 2.7")]

use std::{
    ffi::OsString,
    io,
    os::{
        fd::{AsFd, FromRawFd, OwnedFd},
        unix::{net::UnixStream as StdStream, process::CommandExt},
    },
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::io::{FdFlags, dup2, fcntl_getfd, fcntl_setfd};
use tokio::{
    net::{UnixStream, unix::pipe::Receiver},
    time::sleep,
};

/// The descriptor that a worker finds its connection at.
const CONNECTION: i32 = 3;
/// How often an ending process is looked after.
const LOOK: Duration = Duration::from_millis(5);

/// How a worker is started.
#[derive(Debug, Clone, Default)]
pub(in crate::hook::drivers) struct Program {
    /// A file, or a name that is looked for in `PATH`.
    pub(in crate::hook::drivers) file: PathBuf,
    /// Arguments.
    pub(in crate::hook::drivers) arguments: Vec<OsString>,
    /// Variables beside those of this process.
    pub(in crate::hook::drivers) environment: Vec<(OsString, OsString)>,
}

/// A started worker, whose descriptors belong to the runtime.
pub(super) struct Started {
    pub(super) process: Process,
    pub(super) connection: UnixStream,
    pub(super) output: Option<Receiver>,
    pub(super) errors: Option<Receiver>,
}

/// A process to be ended. Dropping it leaves the process to the end of its connection.
pub(super) struct Process(Child);

/// Starts a worker. It blocks for the fork, so not on a thread that serves requests; call it inside a runtime.
pub(super) fn start(program: &Program) -> io::Result<Started> {
    let (ours, theirs) = StdStream::pair()?;
    let mut command = Command::new(&program.file);
    command
        .args(&program.arguments)
        .envs(program.environment.iter().map(|(name, value)| (name, value)))
        .env("PINHOOK_WORKER", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A signal of the terminal is for the gateway, which lets its calls end.
        .process_group(0);
    // SAFETY: between fork and exec it makes two system calls and neither allocates nor locks.
    unsafe {
        command.pre_exec(move || hand_over(&theirs));
    }
    let mut child = command.spawn()?;
    // The command holds the other end.
    drop(command);
    ours.set_nonblocking(true)?;
    let output = child.stdout.take().map(|pipe| Receiver::from_owned_fd(pipe.into())).transpose()?;
    let errors = child.stderr.take().map(|pipe| Receiver::from_owned_fd(pipe.into())).transpose()?;
    Ok(Started { process: Process(child), connection: UnixStream::from_std(ours)?, output, errors })
}

fn hand_over(socket: &StdStream) -> io::Result<()> {
    // SAFETY: whatever stands there in this child is meant to be replaced; the `OwnedFd` is forgotten, so it is not closed.
    let mut connection = unsafe { OwnedFd::from_raw_fd(CONNECTION) };
    let result = match dup2(socket.as_fd(), &mut connection) {
        Ok(()) => {
            // Onto itself it keeps the flag that closes it at exec.
            let flags = fcntl_getfd(&connection)?;
            fcntl_setfd(&connection, flags.difference(FdFlags::CLOEXEC))
        }
        Err(error) => Err(error),
    };
    std::mem::forget(connection);
    Ok(result?)
}

impl Process {
    pub(super) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Waits until it has ended by itself, kills it when `patience` is over, and takes its status.
    pub(super) async fn end(mut self, patience: Duration) -> io::Result<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                self.0.kill()?;
                break;
            }
            sleep(LOOK).await;
        }
        loop {
            match self.0.try_wait()? {
                Some(status) => return Ok(status),
                None => sleep(LOOK).await,
            }
        }
    }
}
