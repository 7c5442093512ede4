//! The real program as a process: for what only a process has, such as signals and exit codes.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    DEADLINE,
    client::{Connection, Request},
    definition::Definition,
    free_port,
    gateway::SECRET,
};

/// The program with an empty environment: the one built with the tests, or `PINHOOK_BIN`, such as a release build.
pub(crate) fn pinhook() -> Command {
    let built = || env!("CARGO_BIN_EXE_pinhook").into();
    let mut command = Command::new(std::env::var_os("PINHOOK_BIN").unwrap_or_else(built));
    command.env_clear();
    command
}

/// A running `pinhook run`.
pub(crate) struct Program {
    child: Child,
    folder: Arc<TempDir>,
    port: u16,
    log: &'static str,
}

/// One that has not been started.
pub(crate) struct Builder {
    folder: TempDir,
    config: Value,
}

impl Program {
    pub(crate) fn build() -> Builder {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("apps")).unwrap();
        let config = json!({
            "listen_address": "127.0.0.1",
            "secret": SECRET,
            "app_path": folder.path().join("apps"),
            "log_format": "text",
            "pinhook": { "threads": 2 },
        });
        Builder { folder, config }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    pub(crate) fn get(&self, target: &str) -> Request {
        Request::new(self.address(), "GET", target).header("X-Tyk-Authorization", SECRET)
    }

    pub(crate) async fn connect(&self) -> Connection {
        Connection::open(self.address()).await
    }

    pub(crate) fn put(&self, definition: &Definition) {
        fs::write(self.file(&format!("apps/{}.json", definition.id())), definition.text()).unwrap();
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// All it has written to standard error.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.file(self.log)).unwrap()
    }

    /// The same once more, with further arguments, as somebody would type it beside the running one. Its log is its own.
    pub(crate) fn again(&self, args: &[&str]) -> Self {
        let log = "log.next";
        let mut command = pinhook();
        command.args(["run", "--conf"]).arg(self.file("tyk.conf")).args(args).current_dir(self.folder.path());
        command.stdout(Stdio::null()).stdin(Stdio::null()).stderr(fs::File::create(self.file(log)).unwrap());
        Self { child: command.spawn().unwrap(), folder: Arc::clone(&self.folder), port: self.port, log }
    }

    /// KiB of memory that the process has in use.
    pub(crate) fn resident(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// How it ended, once it has.
    pub(crate) async fn end(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < DEADLINE, "still running: {}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Builder {
    /// Sets a member of the config by its JSON pointer's last parent and name: `set("pinhook.threads", 1)`.
    pub(crate) fn set(mut self, path: &str, value: impl Into<Value>) -> Self {
        let place = path.split('.').fold(&mut self.config, |at, name| &mut at[name]);
        *place = value.into();
        self
    }

    pub(crate) fn api(self, definition: Definition) -> Self {
        let name = format!("apps/{}.json", definition.id());
        self.file(&name, definition.text())
    }

    pub(crate) fn file(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        fs::write(self.path(name), text).unwrap();
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the config for `port` and returns the command that runs it.
    pub(crate) fn command(&self, port: u16) -> Command {
        let mut config = self.config.clone();
        config["listen_port"] = port.into();
        let file = self.path("tyk.conf");
        fs::write(&file, config.to_string()).unwrap();
        let mut command = pinhook();
        command.args(["run", "--conf"]).arg(file).current_dir(self.folder.path());
        command.stdout(fs::File::create(self.path("out")).unwrap()).stdin(Stdio::null());
        command.stderr(fs::File::create(self.path("log")).unwrap());
        command
    }

    /// Starts it and waits until it is ready.
    pub(crate) async fn start(self) -> Program {
        let port = free_port();
        let child = self.command(port).spawn().unwrap();
        let mut program = Program { child, folder: Arc::new(self.folder), port, log: "log" };
        ready(program.address(), || {
            let ended = program.child.try_wait().unwrap();
            assert!(ended.is_none(), "ended by {ended:?}: {}", program.log());
        })
        .await;
        program
    }
}

/// Waits until the gateway at `address` is ready; `check` may give up before.
pub(crate) async fn ready(address: SocketAddr, mut check: impl FnMut()) {
    let start = Instant::now();
    loop {
        check();
        assert!(start.elapsed() < DEADLINE, "never ready");
        if tokio::net::TcpStream::connect(address).await.is_ok()
            && Request::new(address, "GET", "/ready").send().await.status == 200
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
